/* Concatenation and what is made of it. */
#include "ops/join.h"

#include <string.h>

#include "base/memory.h"
#include "ops/cast.h"
#include "ops/check.h"
#include "ops/op_list.h"
#include "ops/shape.h"
#include "ops/slice.h"

/* --- concatenate --- */

static hr_status concatenate_infer(hr_layout *out, const hr_op_call *call) {
  int axis = *(const int *)call->attrs, shape[HR_MAX_NDIM];
  const hr_array *first = call->in[0];
  int64_t length = 0;
  for (int i = 0; i < call->in_count; i++) length += hr_array_shape(call->in[i])[axis];
  if (length > INT32_MAX)
    return hr_fail(HR_UNSUPPORTED, "concatenate: %lld elements on one axis are too many", (long long)length);
  memcpy(shape, hr_array_shape(first), first->ndim * sizeof *shape);
  shape[axis] = (int)length;
  return hr_layout_set(out, shape, first->ndim, hr_array_dtype(first));
}

const hr_op hr_op_concatenate = {.name = "concatenate",
                                 .arity = HR_VARIADIC,
                                 .outputs = 1,
                                 .traits = HR_OP_LINEAR,
                                 .attrs_size = sizeof(int),
                                 .infer = concatenate_infer,
                                 .run = {[HR_BACKEND_CPU] = hr_cpu_concatenate}};

static hr_status check_joinable(const char *op, const hr_array *a, const hr_array *b, int axis) {
  char text_a[HR_ARRAY_TEXT], text_b[HR_ARRAY_TEXT];
  bool fits = a->ndim == b->ndim;
  for (int i = 0; fits && i < a->ndim; i++) fits = i == axis || hr_array_shape(a)[i] == hr_array_shape(b)[i];
  if (fits) return HR_OK;
  return hr_fail(HR_INVALID, "%s: the shapes of %s and %s do not agree", op, hr_array_format(text_a, a),
                 hr_array_format(text_b, b));
}

static hr_status promote_all(hr_dtype *out, const char *op, const hr_array_list *arrays) {
  if (arrays->count == 0) return hr_fail(HR_INVALID, "%s: no arrays are given", op);
  if (arrays->count > INT16_MAX) return hr_fail(HR_UNSUPPORTED, "%s: %zu arrays are too many", op, arrays->count);
  for (size_t i = 0; i < arrays->count; i++) {
    hr_status status = hr_op_given(op, arrays->items[i]);
    if (status != HR_OK) return status;
    hr_dtype dtype = hr_array_dtype(arrays->items[i]);
    *out = i ? hr_dtype_promote(*out, dtype) : dtype;
  }
  return HR_OK;
}

static hr_status concatenate(hr_array **out, const char *op, const hr_array_list *arrays, int axis, hr_stream *s) {
  hr_array_list cast = {0};
  hr_dtype dtype = HR_BOOL;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(promote_all(&dtype, op, arrays));
  hr_array *first = arrays->items[0];
  HR_TRY(hr_op_axis(&axis, op, axis, first->ndim));
  for (size_t i = 1; i < arrays->count; i++) HR_TRY(check_joinable(op, first, arrays->items[i], axis));
  HR_TRY(hr_list_new(&cast, op, arrays->count));
  for (size_t i = 0; i < arrays->count; i++) HR_TRY(hr_astype(&cast.items[i], arrays->items[i], dtype, s));
  if (arrays->count == 1)
    *out = hr_array_retain(cast.items[0]);
  else
    status = hr_apply(out, &hr_op_concatenate, cast.items, (int)cast.count, &axis, s);
done:
  hr_list_clear(&cast);
  return status;
}

hr_status hr_concatenate_axis(hr_array **out, const hr_array_list *arrays, int axis, hr_stream *s) {
  return concatenate(out, "concatenate", arrays, axis, s);
}

hr_status hr_concatenate(hr_array **out, const hr_array_list *arrays, hr_stream *s) {
  hr_array_list flat = {0};
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_list_new(&flat, "concatenate", arrays->count));
  for (size_t i = 0; i < arrays->count; i++) HR_TRY(hr_flatten(&flat.items[i], arrays->items[i], 0, -1, s));
  status = concatenate(out, "concatenate", &flat, 0, s);
done:
  hr_list_clear(&flat);
  return status;
}

hr_status hr_stack_axis(hr_array **out, const hr_array_list *arrays, int axis, hr_stream *s) {
  hr_array_list longer = {0};
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_list_new(&longer, "stack", arrays->count));
  if (arrays->count > 0) {
    HR_TRY(hr_op_given("stack", arrays->items[0]));
    HR_TRY(hr_op_axis(&axis, "stack", axis, arrays->items[0]->ndim + 1));
  }
  for (size_t i = 0; i < arrays->count; i++) {
    HR_TRY(hr_op_given("stack", arrays->items[i]));
    HR_TRY(check_joinable("stack", arrays->items[0], arrays->items[i], -1));
    HR_TRY(hr_expand_dims(&longer.items[i], arrays->items[i], axis, s));
  }
  status = concatenate(out, "stack", &longer, axis, s);
done:
  hr_list_clear(&longer);
  return status;
}

hr_status hr_stack(hr_array **out, const hr_array_list *arrays, hr_stream *s) {
  return hr_stack_axis(out, arrays, 0, s);
}

/* --- roll --- */

/* Moves the last `shift` places of an axis, modulo its length, to the front. */
static hr_status roll_one(hr_array **out, hr_array *a, int64_t shift, int axis, hr_stream *s) {
  int length = hr_array_shape(a)[axis];
  hr_array *parts[2] = {NULL, NULL};
  hr_status status = HR_OK;
  shift = length ? (shift % length + length) % length : 0;
  if (shift == 0) return *out = hr_array_retain(a), HR_OK;
  HR_TRY(hr_slice_axis(&parts[0], a, axis, length - shift, length, s));
  HR_TRY(hr_slice_axis(&parts[1], a, axis, 0, length - shift, s));
  status = hr_apply(out, &hr_op_concatenate, parts, 2, &axis, s);
done:
  hr_array_release(parts[0]);
  hr_array_release(parts[1]);
  return status;
}

static int64_t sum_of(const int *shift, size_t count) {
  int64_t sum = 0;
  for (size_t i = 0; i < count; i++) sum += shift[i];
  return sum;
}

hr_status hr_roll_axis(hr_array **out, hr_array *a, const int *shift, size_t shift_num, int axis, hr_stream *s) {
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("roll", a));
  HR_TRY(hr_op_axis(&axis, "roll", axis, a->ndim));
  status = roll_one(out, a, sum_of(shift, shift_num), axis, s);
done:
  return status;
}

hr_status hr_roll(hr_array **out, hr_array *a, const int *shift, size_t shift_num, hr_stream *s) {
  hr_array *flat = NULL, *rolled = NULL;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("roll", a));
  HR_TRY(hr_flatten(&flat, a, 0, -1, s));
  HR_TRY(roll_one(&rolled, flat, sum_of(shift, shift_num), 0, s));
  status = hr_reshape(out, rolled, hr_array_shape(a), a->ndim, s);
done:
  hr_array_release(flat);
  hr_array_release(rolled);
  return status;
}

hr_status hr_roll_axes(hr_array **out, hr_array *a, const int *shift, size_t shift_num, const int *axes,
                       size_t axes_num, hr_stream *s) {
  hr_array *now = NULL, *next = NULL;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("roll", a));
  if (shift_num < axes_num)
    return hr_fail(HR_INVALID, "roll: %zu shifts for %zu axes: each axis needs one", shift_num, axes_num);
  now = hr_array_retain(a);
  for (size_t i = 0; i < axes_num; i++) {
    int axis;
    HR_TRY(hr_op_axis(&axis, "roll", axes[i], a->ndim));
    HR_TRY(roll_one(&next, now, shift[i], axis, s));
    hr_array_release(now);
    now = next, next = NULL;
  }
  *out = now, now = NULL;
done:
  hr_array_release(now);
  return status;
}

/* --- repeat, tile --- */

hr_status hr_repeat_axis(hr_array **out, hr_array *arr, int repeats, int axis, hr_stream *s) {
  hr_array *longer = NULL, *wide = NULL;
  int shape[HR_MAX_NDIM];
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("repeat", arr));
  HR_TRY(hr_op_axis(&axis, "repeat", axis, arr->ndim));
  if (repeats < 0) return hr_fail(HR_INVALID, "repeat: %d repeats are negative", repeats);
  if (repeats == 1) return *out = hr_array_retain(arr), HR_OK;
  HR_TRY(hr_expand_dims(&longer, arr, axis + 1, s));
  memcpy(shape, hr_array_shape(longer), longer->ndim * sizeof *shape);
  shape[axis + 1] = repeats;
  HR_TRY(hr_broadcast_to(&wide, longer, shape, longer->ndim, s));
  status = hr_flatten(out, wide, axis, axis + 1, s);
done:
  hr_array_release(longer);
  hr_array_release(wide);
  return status;
}

hr_status hr_repeat(hr_array **out, hr_array *arr, int repeats, hr_stream *s) {
  hr_array *flat = NULL;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("repeat", arr));
  HR_TRY(hr_flatten(&flat, arr, 0, -1, s));
  status = hr_repeat_axis(out, flat, repeats, 0, s);
done:
  hr_array_release(flat);
  return status;
}

/* Each repeated axis gets an axis of its own in front, is broadcast along it, and both are joined. */
hr_status hr_tile(hr_array **out, hr_array *arr, const int *reps, size_t reps_num, hr_stream *s) {
  int split[HR_MAX_NDIM], wide[HR_MAX_NDIM], full[HR_MAX_NDIM], ndim, places = 0;
  hr_array *parted = NULL, *broadcast = NULL;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("tile", arr));
  if (reps_num > HR_MAX_NDIM) return hr_fail(HR_UNSUPPORTED, "tile: more than %d axes", HR_MAX_NDIM);
  ndim = (int)reps_num > arr->ndim ? (int)reps_num : arr->ndim;
  for (int i = 0; i < ndim; i++) {
    int lead = ndim - arr->ndim, skip = ndim - (int)reps_num;
    int length = i < lead ? 1 : hr_array_shape(arr)[i - lead], times = i < skip ? 1 : reps[i - skip];
    if (times < 0) return hr_fail(HR_INVALID, "tile: %d repeats are negative", times);
    if (__builtin_mul_overflow(length, times, &full[i])) return hr_fail(HR_UNSUPPORTED, "tile: an axis is too long");
    if (places + 2 > HR_MAX_NDIM) return hr_fail(HR_UNSUPPORTED, "tile: too many axes");
    if (times != 1) split[places] = 1, wide[places++] = times;
    split[places] = wide[places] = length, places++;
  }
  HR_TRY(hr_reshape(&parted, arr, split, (size_t)places, s));
  HR_TRY(hr_broadcast_to(&broadcast, parted, wide, (size_t)places, s));
  status = hr_reshape(out, broadcast, full, (size_t)ndim, s);
done:
  hr_array_release(parted);
  hr_array_release(broadcast);
  return status;
}

/* --- meshgrid --- */

hr_status hr_meshgrid(hr_array_list *out, const hr_array_list *arrays, bool sparse, const char *indexing,
                      hr_stream *s) {
  int full[HR_MAX_NDIM], count = (int)arrays->count;
  hr_array *view = NULL;
  hr_status status = HR_OK;
  *out = (hr_array_list){0};
  bool xy = indexing && !strcmp(indexing, "xy");
  if (!xy && (!indexing || strcmp(indexing, "ij") != 0))
    return hr_fail(HR_INVALID, "meshgrid: indexing \"%s\" is neither xy nor ij", indexing ? indexing : "");
  if (arrays->count > HR_MAX_NDIM) return hr_fail(HR_UNSUPPORTED, "meshgrid: more than %d arrays", HR_MAX_NDIM);
  HR_TRY(hr_list_new(out, "meshgrid", arrays->count));
  for (int pass = 0; pass < 2; pass++)
    for (int i = 0; i < count; i++) {
      hr_array *a = arrays->items[i];
      int axis = xy && count > 1 && i < 2 ? 1 - i : i, shape[HR_MAX_NDIM];
      HR_TRY(hr_op_given("meshgrid", a));
      if (a->size > INT32_MAX) HR_TRY(hr_fail(HR_UNSUPPORTED, "meshgrid: an axis is too long"));
      full[axis] = (int)a->size;
      if (pass == 0) continue; /* the first pass only collects the lengths */
      for (int k = 0; k < count; k++) shape[k] = k == axis ? (int)a->size : 1;
      HR_TRY(hr_reshape(&view, a, shape, (size_t)count, s));
      HR_TRY(hr_broadcast_to(&out->items[i], view, sparse ? shape : full, (size_t)count, s));
      hr_array_release(view);
      view = NULL;
    }
done:
  hr_array_release(view);
  if (status != HR_OK) hr_list_clear(out);
  return status;
}
