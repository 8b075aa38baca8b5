/* Reshapes, and views that are reshapes. attrs hold what was asked for, resolved: no negative axes, no -1 lengths. */
#include "ops/shape.h"

#include <string.h>

#include "ops/check.h"
#include "ops/create.h"
#include "ops/op_list.h"

typedef struct shape_attrs {
  int ndim;
  int shape[HR_MAX_NDIM];
} shape_attrs;

static shape_attrs shape_attrs_of(const int *shape, int ndim) {
  shape_attrs attrs;
  attrs.ndim = ndim;
  memset(attrs.shape, 0, sizeof attrs.shape);
  if (ndim) memcpy(attrs.shape, shape, (size_t)ndim * sizeof *shape);
  return attrs;
}

static bool same_shape(const hr_array *a, const int *shape, int ndim) {
  return a->ndim == ndim && (ndim == 0 || !memcmp(hr_array_shape(a), shape, (size_t)ndim * sizeof *shape));
}

/* --- reshape --- */

/* Strides of `shape` over the elements of `a` without a copy; false when there are none. Axes of a are taken in groups
 * whose lengths multiply to the same number as a group of the result's; inside a group a must be one run. */
static bool reshape_strides(int64_t *strides, const hr_array *a, const int *shape, int ndim) {
  const int *in = hr_array_shape(a);
  const int64_t *in_strides = hr_array_strides(a);
  int i = a->ndim - 1, o = ndim - 1;
  while (o >= 0) {
    while (i >= 0 && in[i] == 1) i--;
    if (shape[o] == 1 || i < 0) { /* i < 0: only lengths of 1 are left */
      strides[o--] = 1;
      continue;
    }
    int64_t run = in_strides[i], in_size = in[i], out_size = 1, step = run;
    while (o >= 0 && (out_size < in_size || shape[o] == 1)) {
      strides[o] = step;
      step *= shape[o], out_size *= shape[o], o--;
      while (out_size > in_size) {
        do i--;
        while (i >= 0 && in[i] == 1);
        if (i < 0 || in_strides[i] != run * in_size) return false;
        in_size *= in[i];
      }
    }
    i--;
  }
  return true;
}

static hr_status reshape_infer(hr_layout *out, const hr_op_call *call) {
  const shape_attrs *attrs = call->attrs;
  return hr_layout_set(out, attrs->shape, attrs->ndim, hr_array_dtype(call->in[0]));
}

static hr_status reshape_view_infer(hr_layout *out, const hr_op_call *call) {
  const shape_attrs *attrs = call->attrs;
  const hr_array *a = call->in[0];
  int64_t strides[HR_MAX_NDIM];
  hr_status status = hr_layout_set(out, attrs->shape, attrs->ndim, hr_array_dtype(a));
  if (status == HR_OK) out->offset = a->offset;
  if (status != HR_OK || a->size == 0) return status;
  if (!reshape_strides(strides, a, attrs->shape, attrs->ndim))
    return hr_fail(HR_INVALID, "reshape: the strides of the input cannot express the new shape");
  return hr_layout_set_strided(out, attrs->shape, strides, a->offset, attrs->ndim, hr_array_dtype(a));
}

const hr_op hr_op_reshape = {.name = "reshape",
                             .arity = 1,
                             .outputs = 1,
                             .traits = HR_OP_LINEAR,
                             .attrs_size = sizeof(shape_attrs),
                             .infer = reshape_infer,
                             .run = {[HR_BACKEND_CPU] = hr_cpu_row_major}};
const hr_op hr_op_reshape_view = {.name = "reshape",
                                  .arity = 1,
                                  .outputs = 1,
                                  .traits = HR_OP_VIEW | HR_OP_LINEAR,
                                  .attrs_size = sizeof(shape_attrs),
                                  .infer = reshape_view_infer};

/* shape fits a's size. */
static hr_status reshape_to(hr_array **out, hr_array *a, const int *shape, int ndim, hr_stream *s) {
  int64_t strides[HR_MAX_NDIM];
  if (same_shape(a, shape, ndim)) return *out = hr_array_retain(a), HR_OK;
  shape_attrs attrs = shape_attrs_of(shape, ndim);
  bool view = a->size == 0 || reshape_strides(strides, a, shape, ndim);
  return hr_apply(out, view ? &hr_op_reshape_view : &hr_op_reshape, &a, 1, &attrs, s);
}

hr_status hr_row_major(hr_array **out, hr_array *a, hr_stream *s) {
  if (hr_array_is_row(a)) return *out = hr_array_retain(a), HR_OK;
  shape_attrs attrs = shape_attrs_of(hr_array_shape(a), a->ndim);
  return hr_apply(out, &hr_op_reshape, &a, 1, &attrs, s);
}

/* Replaces a single -1 by what makes the product `size`, or leaves the shape as it is. */
static hr_status fill_minus_one(int *shape, size_t ndim, int64_t size, const char *op) {
  int64_t rest = 1;
  int unknown = -1;
  for (size_t i = 0; i < ndim; i++) {
    if (shape[i] == -1 && unknown >= 0) return hr_fail(HR_INVALID, "%s: more than one length is -1", op);
    if (shape[i] == -1)
      unknown = (int)i;
    else if (shape[i] < 0)
      return hr_fail(HR_INVALID, "%s: length %d is negative", op, shape[i]);
    else if (__builtin_mul_overflow(rest, (int64_t)shape[i], &rest))
      rest = -1;
    if (rest < 0) return hr_fail(HR_INVALID, "%s: the new shape is too large", op);
  }
  if (unknown < 0) return HR_OK;
  if (rest == 0 || size % rest != 0 || size / rest > INT32_MAX)
    return hr_fail(HR_INVALID, "%s: %lld elements do not fill a shape whose other lengths make %lld", op,
                   (long long)size, (long long)rest);
  shape[unknown] = (int)(size / rest);
  return HR_OK;
}

hr_status hr_reshape(hr_array **out, hr_array *a, const int *shape, size_t shape_num, hr_stream *s) {
  char from[HR_ARRAY_TEXT], to[HR_SHAPE_TEXT];
  int full[HR_MAX_NDIM];
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("reshape", a));
  if (shape_num > HR_MAX_NDIM)
    return hr_fail(HR_UNSUPPORTED, "reshape: %zu axes are more than %d", shape_num, HR_MAX_NDIM);
  if (shape_num) memcpy(full, shape, shape_num * sizeof *full);
  HR_TRY(fill_minus_one(full, shape_num, a->size, "reshape"));
  if (hr_shape_size(full, (int)shape_num) != a->size)
    return hr_fail(HR_INVALID, "reshape: %s does not fit shape %s", hr_array_format(from, a),
                   hr_shape_format(to, full, (int)shape_num));
  status = reshape_to(out, a, full, (int)shape_num, s);
done:
  return status;
}

hr_status hr_flatten(hr_array **out, hr_array *a, int start_axis, int end_axis, hr_stream *s) {
  int shape[HR_MAX_NDIM], ndim = 0, start, end;
  int64_t joined = 1;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("flatten", a));
  if (a->ndim == 0) return hr_reshape(out, a, (int[]){1}, 1, s);
  /* Places beyond the ends are clamped, as in MLX. */
  start = start_axis < 0 ? start_axis + a->ndim : start_axis, end = end_axis < 0 ? end_axis + a->ndim : end_axis;
  if (start < 0) start = 0;
  if (end > a->ndim - 1) end = a->ndim - 1;
  if (end < start || start >= a->ndim)
    return hr_fail(HR_INVALID, "flatten: axes %d to %d of an array of %d axes", start_axis, end_axis, a->ndim);
  for (int i = 0; i < a->ndim; i++) {
    int length = hr_array_shape(a)[i];
    if (i < start || i > end)
      shape[ndim++] = length;
    else
      joined *= length;
    if (i == end) shape[ndim++] = (int)joined;
  }
  if (joined > INT32_MAX)
    return hr_fail(HR_UNSUPPORTED, "flatten: %lld elements on one axis are too many", (long long)joined);
  status = reshape_to(out, a, shape, ndim, s);
done:
  return status;
}

hr_status hr_unflatten(hr_array **out, hr_array *a, int axis, const int *shape, size_t shape_num, hr_stream *s) {
  int full[HR_MAX_NDIM], at;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("unflatten", a));
  HR_TRY(hr_op_axis(&at, "unflatten", axis, a->ndim));
  if (shape_num == 0) return hr_fail(HR_INVALID, "unflatten: the shape is empty");
  if (shape_num + a->ndim - 1 > HR_MAX_NDIM)
    return hr_fail(HR_UNSUPPORTED, "unflatten: more than %d axes", HR_MAX_NDIM);
  const int *lengths = hr_array_shape(a);
  int *part = full + at, after = a->ndim - at - 1;
  memcpy(full, lengths, (size_t)at * sizeof *full);
  memcpy(part, shape, shape_num * sizeof *full);
  memcpy(part + shape_num, lengths + at + 1, (size_t)after * sizeof *full);
  HR_TRY(fill_minus_one(part, shape_num, lengths[at], "unflatten"));
  if (hr_shape_size(part, (int)shape_num) != lengths[at])
    return hr_fail(HR_INVALID, "unflatten: the shape does not fit an axis of length %d", lengths[at]);
  status = reshape_to(out, a, full, a->ndim - 1 + (int)shape_num, s);
done:
  return status;
}

/* --- axes of length 1 --- */

static hr_status squeeze_mask(hr_array **out, hr_array *a, uint32_t mask, hr_stream *s) {
  int shape[HR_MAX_NDIM], ndim = 0;
  for (int i = 0; i < a->ndim; i++) {
    int length = hr_array_shape(a)[i];
    if (!(mask >> i & 1))
      shape[ndim++] = length;
    else if (length != 1)
      return hr_fail(HR_INVALID, "squeeze: axis %d has length %d, not 1", i, length);
  }
  return reshape_to(out, a, shape, ndim, s);
}

hr_status hr_squeeze(hr_array **out, hr_array *a, hr_stream *s) {
  uint32_t mask = 0;
  *out = NULL;
  hr_status status = hr_op_given("squeeze", a);
  if (status != HR_OK) return status;
  for (int i = 0; i < a->ndim; i++) mask |= (uint32_t)(hr_array_shape(a)[i] == 1) << i;
  return squeeze_mask(out, a, mask, s);
}

hr_status hr_squeeze_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, hr_stream *s) {
  uint32_t mask;
  *out = NULL;
  hr_status status = hr_op_given("squeeze", a);
  if (status == HR_OK) status = hr_op_axis_mask(&mask, "squeeze", axes, axes_num, a->ndim);
  return status == HR_OK ? squeeze_mask(out, a, mask, s) : status;
}

hr_status hr_squeeze_axis(hr_array **out, hr_array *a, int axis, hr_stream *s) {
  return hr_squeeze_axes(out, a, &axis, 1, s);
}

hr_status hr_expand_dims_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, hr_stream *s) {
  int shape[HR_MAX_NDIM], from = 0;
  uint32_t mask;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("expand_dims", a));
  if (axes_num + a->ndim > HR_MAX_NDIM) return hr_fail(HR_UNSUPPORTED, "expand_dims: more than %d axes", HR_MAX_NDIM);
  int ndim = a->ndim + (int)axes_num;
  HR_TRY(hr_op_axis_mask(&mask, "expand_dims", axes, axes_num, ndim));
  for (int i = 0; i < ndim; i++) shape[i] = mask >> i & 1 ? 1 : hr_array_shape(a)[from++];
  status = reshape_to(out, a, shape, ndim, s);
done:
  return status;
}

hr_status hr_expand_dims(hr_array **out, hr_array *a, int axis, hr_stream *s) {
  return hr_expand_dims_axes(out, a, &axis, 1, s);
}

hr_status hr_atleast_1d(hr_array **out, hr_array *a, hr_stream *s) {
  *out = NULL;
  hr_status status = hr_op_given("atleast_1d", a);
  if (status != HR_OK) return status;
  return a->ndim ? reshape_to(out, a, hr_array_shape(a), a->ndim, s) : reshape_to(out, a, (int[]){1}, 1, s);
}

hr_status hr_atleast_2d(hr_array **out, hr_array *a, hr_stream *s) {
  *out = NULL;
  hr_status status = hr_op_given("atleast_2d", a);
  if (status != HR_OK) return status;
  if (a->ndim >= 2) return *out = hr_array_retain(a), HR_OK;
  return reshape_to(out, a, (int[]){1, (int)a->size}, 2, s);
}

/* A vector of n becomes (1, n, 1), a matrix (m, n) becomes (m, n, 1). */
hr_status hr_atleast_3d(hr_array **out, hr_array *a, hr_stream *s) {
  *out = NULL;
  hr_status status = hr_op_given("atleast_3d", a);
  if (status != HR_OK) return status;
  if (a->ndim >= 3) return *out = hr_array_retain(a), HR_OK;
  const int *shape = hr_array_shape(a);
  int full[3] = {a->ndim == 2 ? shape[0] : 1, a->ndim == 2 ? shape[1] : (int)a->size, 1};
  return reshape_to(out, a, full, 3, s);
}

/* In double: exact for all that memory can hold, and lengths beside one of 0 may multiply to any number. */
hr_status hr_number_of_elements(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool inverted,
                                hr_dtype dtype, hr_stream *s) {
  uint32_t mask;
  double count = 1;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("number_of_elements", a));
  if (!hr_dtype_valid(dtype)) return hr_fail(HR_INVALID, "number_of_elements: %d is no dtype", (int)dtype);
  HR_TRY(hr_op_axis_mask(&mask, "number_of_elements", axes, axes_num, a->ndim));
  for (int i = 0; i < a->ndim; i++)
    if (mask >> i & 1) count *= hr_array_shape(a)[i];
  status = hr_full_value(out, NULL, 0, inverted ? 1 / count : count, dtype, s);
done:
  return status;
}
