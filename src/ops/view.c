/* Views that are no reshapes: permuted, broadcast, cut and strided. */
#include <string.h>

#include "base/memory.h"
#include "ops/check.h"
#include "ops/shape.h"

#define VIEW(op_name, attrs_type, infer_fn, linear)                                                               \
  {                                                                                                               \
    .name = op_name, .arity = 1, .outputs = 1, .traits = HR_OP_VIEW | (linear), .attrs_size = sizeof(attrs_type), \
    .infer = infer_fn                                                                                             \
  }

/* --- transpose --- */

typedef struct transpose_attrs {
  uint8_t axes[HR_MAX_NDIM]; /* output axis i is input axis axes[i] */
} transpose_attrs;

static hr_status transpose_infer(hr_layout *out, const hr_op_call *call) {
  const transpose_attrs *attrs = call->attrs;
  const hr_array *a = call->in[0];
  int shape[HR_MAX_NDIM];
  int64_t strides[HR_MAX_NDIM];
  for (int i = 0; i < a->ndim; i++) {
    shape[i] = hr_array_shape(a)[attrs->axes[i]];
    strides[i] = hr_array_strides(a)[attrs->axes[i]];
  }
  return hr_layout_set_strided(out, shape, strides, a->offset, a->ndim, hr_array_dtype(a));
}

const hr_op hr_op_transpose = VIEW("transpose", transpose_attrs, transpose_infer, HR_OP_LINEAR);

static hr_status transpose_to(hr_array **out, hr_array *a, const transpose_attrs *attrs, hr_stream *s) {
  bool moved = false;
  for (int i = 0; i < a->ndim; i++) moved |= attrs->axes[i] != i;
  if (!moved) return *out = hr_array_retain(a), HR_OK;
  return hr_apply(out, &hr_op_transpose, &a, 1, attrs, s);
}

hr_status hr_transpose(hr_array **out, hr_array *a, hr_stream *s) {
  transpose_attrs attrs = {{0}};
  *out = NULL;
  hr_status status = hr_op_given("transpose", a);
  if (status != HR_OK) return status;
  for (int i = 0; i < a->ndim; i++) attrs.axes[i] = (uint8_t)(a->ndim - 1 - i);
  return transpose_to(out, a, &attrs, s);
}

hr_status hr_transpose_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, hr_stream *s) {
  transpose_attrs attrs = {{0}};
  uint32_t mask;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("transpose", a));
  if (axes_num != a->ndim)
    return hr_fail(HR_INVALID, "transpose: %zu axes are given for an array of %d axes", axes_num, a->ndim);
  HR_TRY(hr_op_axis_mask(&mask, "transpose", axes, axes_num, a->ndim));
  for (size_t i = 0; i < axes_num; i++) attrs.axes[i] = (uint8_t)(axes[i] < 0 ? axes[i] + a->ndim : axes[i]);
  status = transpose_to(out, a, &attrs, s);
done:
  return status;
}

hr_status hr_swapaxes(hr_array **out, hr_array *a, int axis1, int axis2, hr_stream *s) {
  transpose_attrs attrs = {{0}};
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("swapaxes", a));
  HR_TRY(hr_op_axis(&axis1, "swapaxes", axis1, a->ndim));
  HR_TRY(hr_op_axis(&axis2, "swapaxes", axis2, a->ndim));
  for (int i = 0; i < a->ndim; i++) attrs.axes[i] = (uint8_t)i;
  attrs.axes[axis1] = (uint8_t)axis2, attrs.axes[axis2] = (uint8_t)axis1;
  status = transpose_to(out, a, &attrs, s);
done:
  return status;
}

hr_status hr_moveaxis(hr_array **out, hr_array *a, int source, int destination, hr_stream *s) {
  transpose_attrs attrs = {{0}};
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("moveaxis", a));
  HR_TRY(hr_op_axis(&source, "moveaxis", source, a->ndim));
  HR_TRY(hr_op_axis(&destination, "moveaxis", destination, a->ndim));
  for (int i = 0, from = 0; i < a->ndim; i++) {
    if (i == destination) {
      attrs.axes[i] = (uint8_t)source;
      continue;
    }
    if (from == source) from++;
    attrs.axes[i] = (uint8_t)from++;
  }
  status = transpose_to(out, a, &attrs, s);
done:
  return status;
}

/* --- broadcast --- */

typedef struct broadcast_attrs {
  int ndim;
  int shape[HR_MAX_NDIM];
} broadcast_attrs;

static hr_status broadcast_infer(hr_layout *out, const hr_op_call *call) {
  const broadcast_attrs *attrs = call->attrs;
  const hr_array *a = call->in[0];
  int64_t strides[HR_MAX_NDIM];
  int lead = attrs->ndim - a->ndim;
  for (int i = 0; i < attrs->ndim; i++)
    strides[i] = i < lead || hr_array_shape(a)[i - lead] == 1 ? 0 : hr_array_strides(a)[i - lead];
  return hr_layout_set_strided(out, attrs->shape, strides, a->offset, attrs->ndim, hr_array_dtype(a));
}

const hr_op hr_op_broadcast = VIEW("broadcast", broadcast_attrs, broadcast_infer, HR_OP_LINEAR);

hr_status hr_broadcast_to(hr_array **out, hr_array *a, const int *shape, size_t shape_num, hr_stream *s) {
  char text[HR_ARRAY_TEXT], to[HR_SHAPE_TEXT];
  broadcast_attrs attrs;
  int ndim = (int)shape_num, full[HR_MAX_NDIM], full_ndim = 0;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("broadcast_to", a));
  HR_TRY(hr_op_shape("broadcast_to", shape, shape_num));
  if (hr_shape_broadcast(full, &full_ndim, hr_array_shape(a), a->ndim, shape, ndim) != HR_OK || full_ndim != ndim ||
      (ndim && memcmp(full, shape, shape_num * sizeof *shape) != 0))
    return hr_fail(HR_INVALID, "broadcast_to: %s does not broadcast to shape %s", hr_array_format(text, a),
                   hr_shape_format(to, shape, ndim));
  if (ndim == a->ndim && (ndim == 0 || !memcmp(shape, hr_array_shape(a), shape_num * sizeof *shape)))
    return *out = hr_array_retain(a), HR_OK;
  attrs.ndim = ndim;
  memset(attrs.shape, 0, sizeof attrs.shape);
  memcpy(attrs.shape, shape, shape_num * sizeof *shape);
  status = hr_apply(out, &hr_op_broadcast, &a, 1, &attrs, s);
done:
  return status;
}

hr_status hr_broadcast_arrays(hr_array_list *out, const hr_array_list *inputs, hr_stream *s) {
  int shape[HR_MAX_NDIM], ndim = 0;
  hr_status status = HR_OK;
  HR_TRY(hr_list_new(out, "broadcast_arrays", inputs->count));
  for (size_t i = 0; i < inputs->count; i++) {
    hr_array *a = inputs->items[i];
    HR_TRY(hr_op_given("broadcast_arrays", a));
    HR_TRY(hr_shape_broadcast(shape, &ndim, shape, ndim, hr_array_shape(a), a->ndim));
  }
  for (size_t i = 0; i < inputs->count; i++)
    HR_TRY(hr_broadcast_to(&out->items[i], inputs->items[i], shape, (size_t)ndim, s));
done:
  if (status != HR_OK) hr_list_clear(out);
  return status;
}

/* --- as_strided --- */

typedef struct strided_attrs {
  int ndim;
  int shape[HR_MAX_NDIM];
  int64_t offset, strides[HR_MAX_NDIM];
} strided_attrs;

static hr_status strided_infer(hr_layout *out, const hr_op_call *call) {
  const strided_attrs *attrs = call->attrs;
  const hr_array *a = call->in[0];
  return hr_layout_set_strided(out, attrs->shape, attrs->strides, a->offset + attrs->offset, attrs->ndim,
                               hr_array_dtype(a));
}

const hr_op hr_op_as_strided = VIEW("as_strided", strided_attrs, strided_infer, HR_OP_LINEAR);

/* The lowest and highest element that the view reaches, relative to the array's first; false on overflow. */
static bool strided_reach(const strided_attrs *attrs, int64_t *low, int64_t *high) {
  *low = *high = attrs->offset;
  for (int i = 0; i < attrs->ndim; i++) {
    int64_t reach;
    if (__builtin_mul_overflow(attrs->strides[i], (int64_t)attrs->shape[i] - 1, &reach)) return false;
    int64_t *end = reach < 0 ? low : high;
    if (__builtin_add_overflow(*end, reach, end)) return false;
  }
  return true;
}

hr_status hr_as_strided(hr_array **out, hr_array *a, const int *shape, size_t shape_num, const int64_t *strides,
                        size_t strides_num, size_t offset, hr_stream *s) {
  strided_attrs attrs = {0};
  int64_t low, high;
  hr_array *row = NULL;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("as_strided", a));
  HR_TRY(hr_op_shape("as_strided", shape, shape_num));
  if (shape_num != strides_num)
    return hr_fail(HR_INVALID, "as_strided: %zu lengths but %zu strides", shape_num, strides_num);
  attrs.ndim = (int)shape_num, attrs.offset = offset > INT64_MAX ? INT64_MAX : (int64_t)offset;
  for (size_t i = 0; i < shape_num; i++) attrs.shape[i] = shape[i], attrs.strides[i] = strides[i];
  bool empty = hr_shape_size(shape, attrs.ndim) == 0;
  if (empty)
    attrs.offset = 0;
  else if (!strided_reach(&attrs, &low, &high) || low < 0 || high >= a->size)
    return hr_fail(HR_INVALID, "as_strided: the view leaves an array of %lld elements", (long long)a->size);
  HR_TRY(hr_row_major(&row, a, s));
  status = hr_apply(out, &hr_op_as_strided, &row, 1, &attrs, s);
done:
  hr_array_release(row);
  return status;
}

/* --- diagonal --- */

typedef struct diagonal_attrs {
  int offset;
  uint8_t axis1, axis2;
} diagonal_attrs;

static hr_status diagonal_infer(hr_layout *out, const hr_op_call *call) {
  const diagonal_attrs *attrs = call->attrs;
  const hr_array *a = call->in[0];
  const int *in = hr_array_shape(a);
  const int64_t *in_strides = hr_array_strides(a);
  int shape[HR_MAX_NDIM], ndim = 0;
  int64_t strides[HR_MAX_NDIM], step1 = in_strides[attrs->axis1], step2 = in_strides[attrs->axis2];
  for (int i = 0; i < a->ndim; i++)
    if (i != attrs->axis1 && i != attrs->axis2) shape[ndim] = in[i], strides[ndim++] = in_strides[i];
  int64_t skip1 = attrs->offset < 0 ? -(int64_t)attrs->offset : 0, skip2 = attrs->offset > 0 ? attrs->offset : 0;
  int64_t left1 = in[attrs->axis1] - skip1, left2 = in[attrs->axis2] - skip2, length = left1 < left2 ? left1 : left2;
  shape[ndim] = length < 0 ? 0 : (int)length, strides[ndim++] = step1 + step2;
  int64_t offset = length > 0 ? a->offset + skip1 * step1 + skip2 * step2 : a->offset;
  return hr_layout_set_strided(out, shape, strides, offset, ndim, hr_array_dtype(a));
}

const hr_op hr_op_diagonal = VIEW("diagonal", diagonal_attrs, diagonal_infer, HR_OP_LINEAR);

hr_status hr_diagonal(hr_array **out, hr_array *a, int offset, int axis1, int axis2, hr_stream *s) {
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("diagonal", a));
  if (a->ndim < 2) return hr_fail(HR_INVALID, "diagonal: the array has %d axes, not two or more", a->ndim);
  HR_TRY(hr_op_axis(&axis1, "diagonal", axis1, a->ndim));
  HR_TRY(hr_op_axis(&axis2, "diagonal", axis2, a->ndim));
  if (axis1 == axis2) return hr_fail(HR_INVALID, "diagonal: both axes are %d", axis1);
  diagonal_attrs attrs = {offset, (uint8_t)axis1, (uint8_t)axis2};
  status = hr_apply(out, &hr_op_diagonal, &a, 1, &attrs, s);
done:
  return status;
}

/* --- depends --- */

static hr_status depends_infer(hr_layout *out, const hr_op_call *call) {
  hr_array_layout(out, call->in[0]);
  return HR_OK;
}

const hr_op hr_op_depends = {
    .name = "depends", .arity = HR_VARIADIC, .outputs = 1, .traits = HR_OP_VIEW, .infer = depends_infer};

hr_status hr_depends(hr_array_list *out, const hr_array_list *inputs, const hr_array_list *dependencies) {
  hr_array_list all = {0}; /* place 0 for each input in turn; borrowed references */
  hr_status status = HR_OK;
  HR_TRY(hr_list_new(out, "depends", inputs->count));
  HR_TRY(hr_list_new(&all, "depends", dependencies->count + 1));
  for (size_t i = 0; i < dependencies->count; i++) all.items[i + 1] = dependencies->items[i];
  if (all.count > INT16_MAX) HR_TRY(hr_fail(HR_UNSUPPORTED, "depends: %zu arrays are too many", all.count));
  for (size_t i = 0; i < inputs->count; i++) {
    HR_TRY(hr_op_given("depends", inputs->items[i]));
    all.items[0] = inputs->items[i];
    HR_TRY(hr_apply(&out->items[i], &hr_op_depends, all.items, (int)all.count, NULL, NULL));
  }
done:
  hr_free(all.items);
  if (status != HR_OK) hr_list_clear(out);
  return status;
}
