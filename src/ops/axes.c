/* src/ops/axes.c - see axes.h. */
#include "ops/axes.h"

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
