#include "ops/check.h"

#include "base/memory.h"

hr_status hr_op_axis(int *out, const char *op, int axis, int ndim) {
  hr_status status = hr_axis_resolve(out, axis, ndim);
  return status == HR_OK ? HR_OK : hr_fail_prefix(status, "%s: ", op);
}

hr_status hr_op_axis_mask(uint32_t *out, const char *op, const int *axes, size_t count, int ndim) {
  *out = 0;
  for (size_t i = 0; i < count; i++) {
    int axis;
    hr_status status = hr_op_axis(&axis, op, axes[i], ndim);
    if (status != HR_OK) return status;
    if (*out >> axis & 1) return hr_fail(HR_INVALID, "%s: axis %d is given twice", op, axes[i]);
    *out |= (uint32_t)1 << axis;
  }
  return HR_OK;
}

hr_status hr_op_given(const char *op, const hr_array *array) {
  return array ? HR_OK : hr_fail(HR_INVALID, "%s: an array handle is empty", op);
}

hr_status hr_op_shape(const char *op, const int *shape, size_t ndim) {
  char text[HR_SHAPE_TEXT];
  if (ndim > HR_MAX_NDIM) return hr_fail(HR_UNSUPPORTED, "%s: %zu axes are more than %d", op, ndim, HR_MAX_NDIM);
  if (hr_shape_size(shape, (int)ndim) < 0)
    return hr_fail(HR_INVALID, "%s: shape %s is negative or too large", op, hr_shape_format(text, shape, (int)ndim));
  return HR_OK;
}

hr_status hr_op_check_product(const char *op, const hr_array *a, const hr_array *b) {
  char text_a[HR_ARRAY_TEXT], text_b[HR_ARRAY_TEXT];
  if (a->ndim == 0 || b->ndim == 0)
    return hr_fail(HR_INVALID, "%s: %s and %s: a scalar has no axis to sum over", op, hr_array_format(text_a, a),
                   hr_array_format(text_b, b));
  int length_a = hr_array_shape(a)[a->ndim - 1], length_b = hr_array_shape(b)[b->ndim == 1 ? 0 : b->ndim - 2];
  if (length_a == length_b) return HR_OK;
  return hr_fail(HR_INVALID, "%s: %s and %s: the axes to sum over have lengths %d and %d", op,
                 hr_array_format(text_a, a), hr_array_format(text_b, b), length_a, length_b);
}

hr_status hr_list_new(hr_array_list *out, const char *op, size_t count) {
  *out = (hr_array_list){0};
  out->items = hr_alloc_zero((count ? count : 1) * sizeof *out->items);
  if (!out->items) return hr_fail(HR_OUT_OF_MEMORY, "%s: no memory for a list of %zu arrays", op, count);
  out->count = count;
  return HR_OK;
}

void hr_list_clear(hr_array_list *list) {
  for (size_t i = 0; i < list->count; i++) hr_array_release(list->items[i]);
  hr_free(list->items);
  *list = (hr_array_list){0};
}
