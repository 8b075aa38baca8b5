/* Slices and splits. */
#include "ops/slice.h"
#include "ops/check.h"
#include "ops/shape.h"

#include <string.h>

/* Python's rules: negative places count from the end, then they are clamped to what the direction can reach. */
static void resolve_axis(hr_slice_range *range, int axis, int length, int64_t start, int64_t stop, int step) {
  if (start < 0) start += length;
  if (stop < 0) stop += length;
  int64_t low = step < 0 ? -1 : 0, high = step < 0 ? (int64_t)length - 1 : length;
  start = start < low ? low : start > high ? high : start;
  stop = stop < low ? low : stop > high ? high : stop;
  int64_t distance = step < 0 ? start - stop : stop - start, size = step < 0 ? -(int64_t)step : step;
  range->step[axis] = step;
  range->shape[axis] = distance > 0 ? (int)((distance + size - 1) / size) : 0;
  range->start[axis] = distance > 0 ? (int)start : 0;
}

hr_status hr_slice_resolve(hr_slice_range *out, const char *op, const hr_array *a, const int *start, size_t start_num,
                           const int *stop, size_t stop_num, const int *strides, size_t strides_num) {
  if (start_num != a->ndim || stop_num != a->ndim || strides_num != a->ndim)
    return hr_fail(HR_INVALID, "%s: %zu starts, %zu stops and %zu strides for an array of %d axes", op, start_num,
                   stop_num, strides_num, a->ndim);
  *out = (hr_slice_range){0};
  for (int i = 0; i < a->ndim; i++) {
    if (strides[i] == 0) return hr_fail(HR_INVALID, "%s: the stride of axis %d is 0", op, i);
    resolve_axis(out, i, hr_array_shape(a)[i], start[i], stop[i], strides[i]);
  }
  return HR_OK;
}

bool hr_slice_is_all(const hr_slice_range *range, const hr_array *a) {
  for (int i = 0; i < a->ndim; i++)
    if (range->shape[i] != hr_array_shape(a)[i] || (range->step[i] != 1 && range->shape[i] > 1)) return false;
  return true;
}

static hr_status slice_infer(hr_layout *out, const hr_op_call *call) {
  const hr_slice_range *range = call->attrs;
  const hr_array *a = call->in[0];
  int64_t strides[HR_MAX_NDIM], offset = a->offset;
  for (int i = 0; i < a->ndim; i++) {
    strides[i] = hr_array_strides(a)[i] * range->step[i];
    offset += hr_array_strides(a)[i] * range->start[i];
  }
  if (hr_shape_size(range->shape, a->ndim) == 0) offset = a->offset;
  return hr_layout_set_strided(out, range->shape, strides, offset, a->ndim, hr_array_dtype(a));
}

const hr_op hr_op_slice = {.name = "slice",
                           .arity = 1,
                           .outputs = 1,
                           .traits = HR_OP_VIEW | HR_OP_LINEAR,
                           .attrs_size = sizeof(hr_slice_range),
                           .infer = slice_infer};

static hr_status slice_range(hr_array **out, hr_array *a, const hr_slice_range *range, hr_stream *s) {
  if (hr_slice_is_all(range, a)) return *out = hr_array_retain(a), HR_OK;
  return hr_apply(out, &hr_op_slice, &a, 1, range, s);
}

hr_status hr_slice(hr_array **out, hr_array *a, const int *start, size_t start_num, const int *stop, size_t stop_num,
                   const int *strides, size_t strides_num, hr_stream *s) {
  hr_slice_range range;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("slice", a));
  HR_TRY(hr_slice_resolve(&range, "slice", a, start, start_num, stop, stop_num, strides, strides_num));
  status = slice_range(out, a, &range, s);
done:
  return status;
}

hr_status hr_slice_axis(hr_array **out, hr_array *a, int axis, int64_t start, int64_t stop, hr_stream *s) {
  hr_slice_range range = {0};
  for (int i = 0; i < a->ndim; i++) range.step[i] = 1, range.shape[i] = hr_array_shape(a)[i];
  resolve_axis(&range, axis, hr_array_shape(a)[axis], start, stop, 1);
  return slice_range(out, a, &range, s);
}

hr_status hr_split_sections(hr_array_list *out, hr_array *a, const int *indices, size_t indices_num, int axis,
                            hr_stream *s) {
  hr_status status = HR_OK;
  *out = (hr_array_list){0};
  HR_TRY(hr_op_given("split", a));
  HR_TRY(hr_op_axis(&axis, "split", axis, a->ndim));
  HR_TRY(hr_list_new(out, "split", indices_num + 1));
  for (size_t i = 0; i <= indices_num; i++)
    HR_TRY(hr_slice_axis(&out->items[i], a, axis, i ? indices[i - 1] : 0,
                         i < indices_num ? indices[i] : hr_array_shape(a)[axis], s));
done:
  if (status != HR_OK) hr_list_clear(out);
  return status;
}

hr_status hr_split(hr_array_list *out, hr_array *a, int num_splits, int axis, hr_stream *s) {
  hr_status status = HR_OK;
  *out = (hr_array_list){0};
  HR_TRY(hr_op_given("split", a));
  HR_TRY(hr_op_axis(&axis, "split", axis, a->ndim));
  int length = hr_array_shape(a)[axis];
  if (num_splits <= 0 || length % num_splits != 0)
    return hr_fail(HR_INVALID, "split: an axis of length %d does not divide into %d equal parts", length, num_splits);
  HR_TRY(hr_list_new(out, "split", (size_t)num_splits));
  int64_t part = length / num_splits;
  for (int64_t i = 0; i < num_splits; i++) HR_TRY(hr_slice_axis(&out->items[i], a, axis, i * part, (i + 1) * part, s));
done:
  if (status != HR_OK) hr_list_clear(out);
  return status;
}
