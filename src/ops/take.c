/* Reading at indices: take, take_along_axis, gather, slice_dynamic. */
#include <string.h>

#include "ops/check.h"
#include "ops/index.h"
#include "ops/index_attrs.h"
#include "ops/index_build.h"
#include "ops/op_list.h"
#include "ops/shape.h"

hr_status hr_index_check(const char *op, const hr_array *indices) {
  hr_status status = hr_op_given(op, indices);
  if (status != HR_OK || hr_dtype_is_integer(hr_array_dtype(indices))) return status;
  return hr_fail(HR_INVALID, "%s: indices of dtype %s: integers are needed", op,
                 hr_dtype_names[hr_array_dtype(indices)]);
}

/* --- take --- */

/* shape = a's axes before `axis`, those of b, a's axes after it. */
static hr_status splice(int *shape, int *ndim, const hr_array *a, int axis, const hr_array *b) {
  *ndim = a->ndim - 1 + b->ndim;
  if (*ndim > HR_MAX_NDIM) return hr_fail(HR_UNSUPPORTED, "take: more than %d axes", HR_MAX_NDIM);
  int at = 0;
  for (int i = 0; i < axis; i++) shape[at++] = hr_array_shape(a)[i];
  for (int i = 0; i < b->ndim; i++) shape[at++] = hr_array_shape(b)[i];
  for (int i = axis + 1; i < a->ndim; i++) shape[at++] = hr_array_shape(a)[i];
  return HR_OK;
}

static hr_status take_infer(hr_layout *out, const hr_op_call *call) {
  const hr_axis_attrs *attrs = call->attrs;
  int shape[HR_MAX_NDIM], ndim;
  hr_status status = splice(shape, &ndim, call->in[0], attrs->axis, call->in[1]);
  return status == HR_OK ? hr_layout_set(out, shape, ndim, hr_array_dtype(call->in[0])) : status;
}

const hr_op hr_op_take = {.name = "take",
                          .arity = 2,
                          .outputs = 1,
                          .attrs_size = sizeof(hr_axis_attrs),
                          .infer = take_infer,
                          .run = {[HR_BACKEND_CPU] = hr_cpu_take}};

hr_status hr_take_axis(hr_array **out, hr_array *a, hr_array *indices, int axis, hr_stream *s) {
  hr_axis_attrs attrs = {0, 0};
  hr_array *in[2] = {a, NULL};
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("take", a));
  HR_TRY(hr_index_check("take", indices));
  HR_TRY(hr_op_axis(&attrs.axis, "take", axis, a->ndim));
  HR_TRY(hr_row_major(&in[1], indices, s));
  status = hr_apply(out, &hr_op_take, in, 2, &attrs, s);
done:
  hr_array_release(in[1]);
  return status;
}

hr_status hr_take(hr_array **out, hr_array *a, hr_array *indices, hr_stream *s) {
  hr_array *flat = NULL;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("take", a));
  HR_TRY(hr_flatten(&flat, a, 0, -1, s));
  status = hr_take_axis(out, flat, indices, 0, s);
done:
  hr_array_release(flat);
  return status;
}

/* --- take_along_axis --- */

static hr_status take_along_infer(hr_layout *out, const hr_op_call *call) {
  const hr_array *indices = call->in[1];
  return hr_layout_set(out, hr_array_shape(indices), indices->ndim, hr_array_dtype(call->in[0]));
}

const hr_op hr_op_take_along_axis = {.name = "take_along_axis",
                                     .arity = 2,
                                     .outputs = 1,
                                     .attrs_size = sizeof(hr_axis_attrs),
                                     .infer = take_along_infer,
                                     .run = {[HR_BACKEND_CPU] = hr_cpu_take_along_axis}};

hr_status hr_index_along(hr_array **out_a, hr_array **out_indices, const char *op, hr_array *a, hr_array *indices,
                         int axis, hr_stream *s) {
  int shape[HR_MAX_NDIM], ndim = 0, a_shape[HR_MAX_NDIM], i_shape[HR_MAX_NDIM];
  hr_array *wide = NULL;
  hr_status status = HR_OK;
  if (a->ndim != indices->ndim)
    return hr_fail(HR_INVALID, "%s: indices have %d axes, the array has %d", op, indices->ndim, a->ndim);
  memcpy(a_shape, hr_array_shape(a), a->ndim * sizeof *a_shape);
  memcpy(i_shape, hr_array_shape(indices), a->ndim * sizeof *i_shape);
  a_shape[axis] = i_shape[axis] = 1;
  status = hr_shape_broadcast(shape, &ndim, a_shape, a->ndim, i_shape, a->ndim);
  if (status != HR_OK) return hr_fail_prefix(status, "%s: ", op);
  shape[axis] = hr_array_shape(indices)[axis];
  HR_TRY(hr_broadcast_to(&wide, indices, shape, (size_t)ndim, s));
  HR_TRY(hr_row_major(out_indices, wide, s));
  hr_array_release(wide);
  wide = NULL;
  shape[axis] = hr_array_shape(a)[axis];
  HR_TRY(hr_broadcast_to(&wide, a, shape, (size_t)ndim, s));
  status = hr_row_major(out_a, wide, s);
done:
  hr_array_release(wide);
  return status;
}

hr_status hr_take_along_axis(hr_array **out, hr_array *a, hr_array *indices, int axis, hr_stream *s) {
  hr_axis_attrs attrs = {0, 0};
  hr_array *in[2] = {NULL, NULL};
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("take_along_axis", a));
  HR_TRY(hr_index_check("take_along_axis", indices));
  HR_TRY(hr_op_axis(&attrs.axis, "take_along_axis", axis, a->ndim));
  HR_TRY(hr_index_along(&in[0], &in[1], "take_along_axis", a, indices, attrs.axis, s));
  status = hr_apply(out, &hr_op_take_along_axis, in, 2, &attrs, s);
done:
  hr_array_release(in[0]);
  hr_array_release(in[1]);
  return status;
}

/* --- gather --- */

static hr_status gather_infer(hr_layout *out, const hr_op_call *call) {
  const hr_block_attrs *attrs = call->attrs;
  const hr_array *a = call->in[0];
  int shape[HR_MAX_NDIM];
  if (attrs->index_ndim + a->ndim > HR_MAX_NDIM)
    return hr_fail(HR_UNSUPPORTED, "gather: more than %d axes", HR_MAX_NDIM);
  if (attrs->index_count) memcpy(shape, hr_array_shape(call->in[1]), (size_t)attrs->index_ndim * sizeof *shape);
  memcpy(shape + attrs->index_ndim, attrs->block, a->ndim * sizeof *shape);
  return hr_layout_set(out, shape, attrs->index_ndim + a->ndim, hr_array_dtype(a));
}

const hr_op hr_op_gather = {.name = "gather",
                            .arity = HR_VARIADIC,
                            .outputs = 1,
                            .attrs_size = sizeof(hr_block_attrs),
                            .infer = gather_infer,
                            .run = {[HR_BACKEND_CPU] = hr_cpu_gather}};

hr_status hr_index_inputs(hr_array_list *out, hr_block_attrs *attrs, const char *op, hr_array *a,
                          const hr_array_list *indices, const int *axes, size_t axes_num, size_t extra, hr_stream *s) {
  hr_array_list wide = {0};
  uint32_t mask;
  hr_status status = HR_OK;
  *out = (hr_array_list){0};
  if (indices->count != axes_num)
    return hr_fail(HR_INVALID, "%s: %zu arrays of indices for %zu axes", op, indices->count, axes_num);
  HR_TRY(hr_op_axis_mask(&mask, op, axes, axes_num, a->ndim));
  for (size_t i = 0; i < axes_num; i++) {
    HR_TRY(hr_index_check(op, indices->items[i]));
    attrs->axes[i] = (uint8_t)(axes[i] < 0 ? axes[i] + a->ndim : axes[i]);
  }
  HR_TRY(hr_broadcast_arrays(&wide, indices, s));
  HR_TRY(hr_list_new(out, op, 1 + axes_num + extra));
  out->items[0] = hr_array_retain(a);
  for (size_t i = 0; i < axes_num; i++) HR_TRY(hr_row_major(&out->items[1 + i], wide.items[i], s));
  attrs->index_count = (int)axes_num;
  attrs->index_ndim = axes_num ? wide.items[0]->ndim : 0;
done:
  hr_list_clear(&wide);
  if (status != HR_OK) hr_list_clear(out);
  return status;
}

hr_status hr_gather(hr_array **out, hr_array *a, const hr_array_list *indices, const int *axes, size_t axes_num,
                    const int *slice_sizes, size_t slice_sizes_num, hr_stream *s) {
  hr_block_attrs attrs = {0};
  hr_array_list in = {0};
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("gather", a));
  if (slice_sizes_num != a->ndim)
    return hr_fail(HR_INVALID, "gather: %zu slice sizes for an array of %d axes", slice_sizes_num, a->ndim);
  for (int i = 0; i < a->ndim; i++) {
    if (slice_sizes[i] < 0 || slice_sizes[i] > hr_array_shape(a)[i])
      return hr_fail(HR_INVALID, "gather: slice size %d of axis %d is not in [0, %d]", slice_sizes[i], i,
                     hr_array_shape(a)[i]);
    attrs.block[i] = slice_sizes[i];
  }
  HR_TRY(hr_index_inputs(&in, &attrs, "gather", a, indices, axes, axes_num, 0, s));
  status = hr_apply(out, &hr_op_gather, in.items, (int)in.count, &attrs, s);
done:
  hr_list_clear(&in);
  return status;
}

hr_status hr_gather_single(hr_array **out, hr_array *a, hr_array *indices, int axis, const int *slice_sizes,
                           size_t slice_sizes_num, hr_stream *s) {
  hr_array_list list = {&indices, 1};
  return hr_gather(out, a, &list, &axis, 1, slice_sizes, slice_sizes_num, s);
}

/* --- slice_dynamic --- */

static hr_status slice_dynamic_infer(hr_layout *out, const hr_op_call *call) {
  const hr_block_attrs *attrs = call->attrs;
  return hr_layout_set(out, attrs->block, call->in[0]->ndim, hr_array_dtype(call->in[0]));
}

const hr_op hr_op_slice_dynamic = {.name = "slice",
                                   .arity = 2,
                                   .outputs = 1,
                                   .attrs_size = sizeof(hr_block_attrs),
                                   .infer = slice_dynamic_infer,
                                   .run = {[HR_BACKEND_CPU] = hr_cpu_slice_dynamic}};

hr_status hr_index_start(hr_array **out, hr_block_attrs *attrs, const char *op, const hr_array *a, hr_array *start,
                         const int *axes, size_t axes_num, hr_stream *s) {
  uint32_t mask;
  hr_status status = HR_OK;
  HR_TRY(hr_index_check(op, start));
  HR_TRY(hr_op_axis_mask(&mask, op, axes, axes_num, a->ndim));
  if (start->ndim > 1 || start->size != (int64_t)axes_num)
    return hr_fail(HR_INVALID, "%s: %lld starts for %zu axes", op, (long long)start->size, axes_num);
  for (size_t i = 0; i < axes_num; i++) attrs->axes[i] = (uint8_t)(axes[i] < 0 ? axes[i] + a->ndim : axes[i]);
  attrs->index_count = (int)axes_num;
  status = hr_row_major(out, start, s);
done:
  return status;
}

hr_status hr_slice_dynamic(hr_array **out, hr_array *a, hr_array *start, const int *axes, size_t axes_num,
                           const int *slice_size, size_t slice_size_num, hr_stream *s) {
  hr_block_attrs attrs = {0};
  hr_array *in[2] = {a, NULL};
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("slice", a));
  if (slice_size_num != a->ndim)
    return hr_fail(HR_INVALID, "slice: %zu sizes for an array of %d axes", slice_size_num, a->ndim);
  for (int i = 0; i < a->ndim; i++) {
    attrs.block[i] = slice_size[i];
    if (slice_size[i] < 0 || slice_size[i] > hr_array_shape(a)[i])
      return hr_fail(HR_INVALID, "slice: size %d of axis %d is not in [0, %d]", slice_size[i], i, hr_array_shape(a)[i]);
  }
  HR_TRY(hr_index_start(&in[1], &attrs, "slice", a, start, axes, axes_num, s));
  status = hr_apply(out, &hr_op_slice_dynamic, in, 2, &attrs, s);
done:
  hr_array_release(in[1]);
  return status;
}
