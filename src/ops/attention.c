/* src/ops/attention.c - see attention.h. */
#include "ops/attention.h"

#include <string.h>

#include "ops/cast.h"
#include "ops/op_list.h"
#include "ops/shape.h"

static const char op_name[] = "scaled_dot_product_attention";

static hr_status infer(hr_layout *out, const hr_op_call *call) {
  const int *q = hr_array_shape(call->in[0]), *v = hr_array_shape(call->in[2]);
  return hr_layout_set(out, (int[]){q[0], q[1], q[2], v[3]}, 4, hr_array_dtype(call->in[0]));
}

/* As of a matrix product: 50 additions and multiplications a nanosecond on one core, and the bytes of the operands. */
static uint64_t cost(const hr_op_call *call, hr_array *const *out) {
  const int *q = hr_array_shape(call->in[0]), *v = hr_array_shape(call->in[2]);
  uint64_t rows = (uint64_t)q[0] * (uint64_t)q[1] * (uint64_t)q[2], keys = (uint64_t)v[2];
  uint64_t bytes = hr_array_nbytes(call->in[1]) + hr_array_nbytes(call->in[2]) + hr_array_nbytes(out[0]);
  return 1000 + rows * keys * ((uint64_t)q[3] + (uint64_t)v[3] + 20) / 50 + bytes / 8;
}

static bool attrs_equal(const void *a, const void *b) {
  const hr_attention_attrs *x = a, *y = b;
  return x->scale == y->scale && x->causal == y->causal && x->has_mask == y->has_mask && x->has_sinks == y->has_sinks;
}

const hr_op hr_op_attention = {
    .name = op_name,
    .arity = HR_VARIADIC,
    .outputs = 1,
    .attrs_size = sizeof(hr_attention_attrs),
    .infer = infer,
    .cost = cost,
    .run = {[HR_BACKEND_CPU] = hr_cpu_attention},
    .attrs_equal = attrs_equal,
};

static hr_status check_ranks(hr_array *const *qkv) {
  static const char *const names[] = {"queries", "keys", "values"};
  char text[HR_ARRAY_TEXT];
  for (int i = 0; i < 3; i++)
    if (qkv[i]->ndim != 4)
      return hr_fail(HR_INVALID, "%s: %s must have 4 axes and is %s", op_name, names[i], hr_array_format(text, qkv[i]));
  return HR_OK;
}

static hr_status check_shapes(hr_array *const *qkv) {
  char texts[3][HR_ARRAY_TEXT];
  const int *q = hr_array_shape(qkv[0]), *k = hr_array_shape(qkv[1]), *v = hr_array_shape(qkv[2]);
  const char *wrong = NULL;
  if (q[0] != k[0] || q[0] != v[0])
    wrong = "the first axes differ";
  else if (k[1] != v[1])
    wrong = "keys and values differ in their heads";
  else if (k[1] == 0 ? q[1] != 0 : q[1] % k[1] != 0)
    wrong = "the heads of the queries must be a multiple of those of the keys";
  else if (q[3] != k[3])
    wrong = "queries and keys differ in their last axis";
  else if (k[2] != v[2])
    wrong = "keys and values differ in their length";
  if (!wrong) return HR_OK;
  for (int i = 0; i < 3; i++) hr_array_format(texts[i], qkv[i]);
  return hr_fail(HR_INVALID, "%s: %s: queries %s, keys %s, values %s", op_name, wrong, texts[0], texts[1], texts[2]);
}

/* q, k and v in one dtype. */
static hr_status promote(hr_array **in, hr_dtype *dtype, hr_array *const *qkv, hr_stream *s) {
  hr_status status = HR_OK;
  *dtype = hr_dtype_promote(hr_array_dtype(qkv[0]), hr_array_dtype(qkv[1]));
  *dtype = hr_dtype_promote(*dtype, hr_array_dtype(qkv[2]));
  if (!hr_dtype_is_float(*dtype))
    return hr_fail(HR_INVALID, "%s: a floating-point type is needed, not %s", op_name, hr_dtype_names[*dtype]);
  for (int i = 0; i < 3; i++) HR_TRY(hr_astype(&in[i], qkv[i], *dtype, s));
done:
  return status;
}

static hr_status check_mode(const char *mode, const hr_array *mask) {
  if (strcmp(mode, "") != 0 && strcmp(mode, "causal") != 0 && strcmp(mode, "array") != 0)
    return hr_fail(HR_INVALID, "%s: mask_mode must be \"\", \"causal\" or \"array\" and is \"%.40s\"", op_name, mode);
  bool wants = strcmp(mode, "array") == 0;
  if (wants && !mask) return hr_fail(HR_INVALID, "%s: mask_mode is \"array\" and no mask is given", op_name);
  if (!wants && mask) return hr_fail(HR_INVALID, "%s: a mask is given and mask_mode is \"%s\"", op_name, mode);
  return HR_OK;
}

/* The mask over all scores, bool or of the dtype. */
static hr_status bring_mask(hr_array **out, hr_array *mask, hr_dtype dtype, const int *shape, hr_stream *s) {
  char text[HR_ARRAY_TEXT], to[HR_SHAPE_TEXT];
  hr_dtype from = hr_array_dtype(mask);
  int full[HR_MAX_NDIM], ndim = 0;
  hr_array *cast = NULL;
  if (from != HR_BOOL && hr_dtype_promote(from, dtype) != dtype)
    return hr_fail(HR_INVALID, "%s: a mask of type %s cannot be added to scores of type %s", op_name,
                   hr_dtype_names[from], hr_dtype_names[dtype]);
  if (mask->ndim > 4 || hr_shape_broadcast(full, &ndim, hr_array_shape(mask), mask->ndim, shape, 4) != HR_OK ||
      memcmp(full, shape, 4 * sizeof *shape) != 0)
    return hr_fail(HR_INVALID, "%s: the mask is %s, which does not broadcast to the shape of the scores, %s", op_name,
                   hr_array_format(text, mask), hr_shape_format(to, shape, 4));
  hr_status status = hr_astype(&cast, mask, from == HR_BOOL ? HR_BOOL : dtype, s);
  if (status == HR_OK) status = hr_broadcast_to(out, cast, shape, 4, s);
  hr_array_release(cast);
  return status;
}

static hr_status bring_sinks(hr_array **out, hr_array *sinks, hr_dtype dtype, int heads, hr_stream *s) {
  char text[HR_ARRAY_TEXT];
  if (sinks->ndim != 1 || hr_array_shape(sinks)[0] != heads)
    return hr_fail(HR_INVALID, "%s: sinks must be a vector of %d elements, one a query head, and is %s", op_name, heads,
                   hr_array_format(text, sinks));
  if (hr_dtype_promote(hr_array_dtype(sinks), dtype) != dtype)
    return hr_fail(HR_INVALID, "%s: sinks of type %s do not fit the result's type %s", op_name,
                   hr_dtype_names[hr_array_dtype(sinks)], hr_dtype_names[dtype]);
  return hr_astype(out, sinks, HR_FLOAT64, s);
}

hr_status hr_fast_scaled_dot_product_attention(hr_array **out, hr_array *queries, hr_array *keys, hr_array *values,
                                               float scale, const char *mask_mode, hr_array *mask_arr, hr_array *sinks,
                                               hr_stream *s) {
  hr_array *const qkv[3] = {queries, keys, values};
  hr_array *in[5] = {NULL};
  hr_attention_attrs attrs = {.scale = scale, .has_mask = mask_arr != NULL, .has_sinks = sinks != NULL};
  hr_dtype dtype = HR_FLOAT32;
  hr_status status;
  int count = 3;
  *out = NULL;
  HR_TRY(check_ranks(qkv));
  HR_TRY(check_shapes(qkv));
  HR_TRY(check_mode(mask_mode, mask_arr));
  HR_TRY(promote(in, &dtype, qkv, s));
  attrs.causal = strcmp(mask_mode, "causal") == 0;
  const int *q = hr_array_shape(queries);
  if (mask_arr)
    HR_TRY(bring_mask(&in[count++], mask_arr, dtype, (int[]){q[0], q[1], q[2], hr_array_shape(keys)[2]}, s));
  if (sinks) HR_TRY(bring_sinks(&in[count++], sinks, dtype, q[1], s));
  status = hr_apply(out, &hr_op_attention, in, count, &attrs, s);
done:
  for (int i = 0; i < 5; i++) hr_array_release(in[i]);
  return status;
}
