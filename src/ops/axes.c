/* src/ops/axes.c - see axes.h. */
#include "ops/axes.h"

hr_status hr_axes_one(int *out, const char *name, const hr_array *a, int axis) {
  *out = axis < 0 ? axis + a->ndim : axis;
  if (*out >= 0 && *out < a->ndim) return HR_OK;
  return hr_fail(HR_INVALID, "%s: axis %d is out of range for an array of %d axes", name, axis, a->ndim);
}

hr_status hr_axes_mask(uint32_t *out, const char *name, const hr_array *a, const int *axes, size_t axes_num) {
  *out = 0;
  for (size_t i = 0; i < axes_num; i++) {
    int axis;
    hr_status status = hr_axes_one(&axis, name, a, axes[i]);
    if (status != HR_OK) return status;
    if (*out >> axis & 1) return hr_fail(HR_INVALID, "%s: axis %d is given twice", name, axes[i]);
    *out |= (uint32_t)1 << axis;
  }
  return HR_OK;
}

int64_t hr_axes_size(const hr_array *a, uint32_t mask) {
  int64_t size = 1;
  for (int axis = 0; axis < a->ndim; axis++)
    if (mask >> axis & 1) size *= hr_array_shape(a)[axis];
  return size;
}

int hr_axes_drop(int *out_shape, const hr_array *a, uint32_t mask, bool keepdims) {
  int ndim = 0;
  for (int axis = 0; axis < a->ndim; axis++) {
    if (!(mask >> axis & 1))
      out_shape[ndim++] = hr_array_shape(a)[axis];
    else if (keepdims)
      out_shape[ndim++] = 1;
  }
  return ndim;
}
