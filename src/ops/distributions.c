/* Distributions as formulas over uniform numbers. The order of operations and the dtype of each step are those by which
 * the results agree with MLX. */
#include "ops/distributions.h"

#include <math.h>
#include <string.h>

#include "ops/binary.h"
#include "ops/chain.h"
#include "ops/check.h"
#include "ops/index.h"
#include "ops/op_list.h"
#include "ops/random.h"
#include "ops/random_internal.h"
#include "ops/reduce.h"
#include "ops/scan.h"
#include "ops/select.h"
#include "ops/shape.h"
#include "ops/sort.h"
#include "ops/unary.h"

static const float BELOW_1 = 0x1.fffffep-1f;

static hr_array *broadcast(hr_chain *c, hr_array *a, const int *shape, size_t shape_num) {
  hr_array *out;
  if (c->status != HR_OK) return NULL;
  hr_status status = hr_broadcast_to(&out, a, shape, shape_num, c->stream);
  return hr_chain_keep(c, status, out);
}

/* Uniform of low and high, which are of the dtype. */
static hr_array *uniform(hr_chain *c, hr_array *low, hr_array *high, const int *shape, size_t shape_num, hr_dtype dtype,
                         hr_array *key) {
  hr_array *out;
  if (c->status != HR_OK) return NULL;
  bool scalars = low->size == 1 && high->size == 1 && low->ndim <= (int)shape_num && high->ndim <= (int)shape_num;
  if (scalars) {
    hr_status status = hr_random_uniform_scalars(&out, low, high, shape, shape_num, dtype, key, c->stream);
    return hr_chain_keep(c, status, out);
  }
  hr_array *zero = hr_chain_scalar(c, 0, dtype), *one = hr_chain_scalar(c, 1, dtype);
  hr_array *range = broadcast(c, hr_chain_binary(c, hr_subtract, high, low), shape, shape_num);
  hr_array *start = broadcast(c, low, shape, shape_num);
  if (c->status != HR_OK) return NULL;
  hr_status status = hr_random_uniform_scalars(&out, zero, one, shape, shape_num, dtype, key, c->stream);
  hr_array *unit = hr_chain_keep(c, status, out);
  return hr_chain_binary(c, hr_add, hr_chain_binary(c, hr_multiply, unit, range), start);
}

/* Uniform float32 between two numbers. */
static hr_array *uniform_between(hr_chain *c, float low, float high, const int *shape, size_t shape_num,
                                 hr_array *key) {
  hr_array *from = hr_chain_scalar(c, low, HR_FLOAT32), *to = hr_chain_scalar(c, high, HR_FLOAT32);
  return uniform(c, from, to, shape, shape_num, HR_FLOAT32, key);
}

hr_status hr_random_uniform(hr_array **out, hr_array *low, hr_array *high, const int *shape, size_t shape_num,
                            hr_dtype dtype, hr_array *key, hr_stream *s) {
  static const char OP[] = "random_uniform";
  hr_chain c = hr_chain_begin(s);
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_random_check_float(OP, dtype, false));
  HR_TRY(hr_op_given(OP, low));
  HR_TRY(hr_op_given(OP, high));
  HR_TRY(hr_op_shape(OP, shape, shape_num));
  hr_array *from = hr_chain_cast(&c, low, dtype), *to = hr_chain_cast(&c, high, dtype);
  status = hr_chain_end(&c, out, uniform(&c, from, to, shape, shape_num, dtype, key));
done:
  return status;
}

hr_status hr_random_randint(hr_array **out, hr_array *low, hr_array *high, const int *shape, size_t shape_num,
                            hr_dtype dtype, hr_array *key, hr_stream *s) {
  static const char OP[] = "random_randint";
  hr_chain c = hr_chain_begin(s);
  hr_status status = HR_OK;
  *out = NULL;
  if (!hr_dtype_valid(dtype) || hr_dtype_is_inexact(dtype))
    return hr_fail(HR_INVALID, "%s: an integer dtype or bool is needed, not %s", OP,
                   hr_dtype_valid(dtype) ? hr_dtype_names[dtype] : "an unknown one");
  HR_TRY(hr_op_given(OP, low));
  HR_TRY(hr_op_given(OP, high));
  HR_TRY(hr_op_shape(OP, shape, shape_num));
  hr_dtype work = dtype == HR_BOOL ? HR_UINT32 : dtype;
  hr_array *from = hr_chain_cast(&c, low, work), *to = hr_chain_cast(&c, high, work);
  hr_array *from_f32 = hr_chain_cast(&c, from, HR_FLOAT32), *to_f32 = hr_chain_cast(&c, to, HR_FLOAT32);
  hr_array *real = uniform(&c, from_f32, to_f32, shape, shape_num, HR_FLOAT32, key);
  hr_array *whole = hr_chain_cast(&c, hr_chain_unary(&c, hr_floor, real), work);
  hr_array *last = hr_chain_binary(&c, hr_subtract, to, hr_chain_scalar(&c, 1, work));
  /* `low` is the last word: it stays when the range is empty. */
  whole = hr_chain_binary(&c, hr_maximum, hr_chain_binary(&c, hr_minimum, whole, last), from);
  status = hr_chain_end(&c, out, hr_chain_cast(&c, whole, dtype));
done:
  return status;
}

hr_status hr_random_bernoulli(hr_array **out, hr_array *p, const int *shape, size_t shape_num, hr_array *key,
                              hr_stream *s) {
  static const char OP[] = "random_bernoulli";
  hr_chain c = hr_chain_begin(s);
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given(OP, p));
  if (!hr_dtype_is_float(hr_array_dtype(p)))
    return hr_fail(HR_INVALID, "%s: a probability of dtype %s: a floating-point type is needed", OP,
                   hr_dtype_names[hr_array_dtype(p)]);
  HR_TRY(hr_op_shape(OP, shape, shape_num));
  hr_array *wide = broadcast(&c, p, shape, shape_num);
  hr_array *u = uniform_between(&c, 0, 1, shape, shape_num, key);
  status = hr_chain_end(&c, out, hr_chain_binary(&c, hr_less, u, wide));
done:
  return status;
}

/* float64: the steps of a float32 erfinv(u), scaled and moved in float64, as in MLX. */
static hr_array *normal(hr_chain *c, const int *shape, size_t shape_num, hr_dtype dtype, hr_array *loc, hr_array *scale,
                        hr_array *key) {
  bool wide = dtype == HR_FLOAT64, apart = wide || scale; /* the factor is not the kernel's */
  hr_array *out;
  if (c->status != HR_OK) return NULL;
  hr_status status =
      hr_random_erfinv(&out, shape, shape_num, wide ? HR_FLOAT32 : dtype, apart ? 1 : sqrtf(2.0f), 0, key, c->stream);
  out = hr_chain_cast(c, hr_chain_keep(c, status, out), dtype);
  if (apart) {
    hr_array *factor = hr_chain_scalar(c, wide ? sqrt(2.0) : (double)sqrtf(2.0f), dtype);
    if (scale) factor = hr_chain_binary(c, hr_multiply, factor, hr_chain_cast(c, scale, dtype));
    out = hr_chain_binary(c, hr_multiply, out, broadcast(c, factor, shape, shape_num));
  }
  if (loc) out = hr_chain_binary(c, hr_add, broadcast(c, hr_chain_cast(c, loc, dtype), shape, shape_num), out);
  return out;
}

hr_status hr_random_normal_broadcast(hr_array **out, const int *shape, size_t shape_num, hr_dtype dtype, hr_array *loc,
                                     hr_array *scale, hr_array *key, hr_stream *s) {
  hr_chain c = hr_chain_begin(s);
  *out = NULL;
  hr_status status = hr_random_check_float("random_normal", dtype, true);
  if (status != HR_OK) return status;
  return hr_chain_end(&c, out, normal(&c, shape, shape_num, dtype, loc, scale, key));
}

hr_status hr_random_normal(hr_array **out, const int *shape, size_t shape_num, hr_dtype dtype, float loc, float scale,
                           hr_array *key, hr_stream *s) {
  hr_chain c = hr_chain_begin(s);
  *out = NULL;
  hr_status status = hr_random_check_float("random_normal", dtype, true);
  if (status != HR_OK) return status;
  if (dtype != HR_FLOAT64) return hr_random_erfinv(out, shape, shape_num, dtype, sqrtf(2.0f) * scale, loc, key, s);
  hr_array *at = hr_chain_scalar(&c, (double)loc, dtype), *factor = hr_chain_scalar(&c, (double)scale, dtype);
  return hr_chain_end(&c, out, normal(&c, shape, shape_num, dtype, at, factor, key));
}

/* The normal distribution's inverse, sqrt(2) erfinv(u), for u uniform between erf(lower / sqrt(2)) and
 * erf(upper / sqrt(2)). */
hr_status hr_random_truncated_normal(hr_array **out, hr_array *lower, hr_array *upper, const int *shape,
                                     size_t shape_num, hr_dtype dtype, hr_array *key, hr_stream *s) {
  static const char OP[] = "random_truncated_normal";
  hr_chain c = hr_chain_begin(s);
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_random_check_float(OP, dtype, false));
  HR_TRY(hr_op_given(OP, lower));
  HR_TRY(hr_op_given(OP, upper));
  HR_TRY(hr_op_shape(OP, shape, shape_num));
  hr_array *root = hr_chain_scalar(&c, sqrtf(2.0f), dtype);
  hr_array *low = hr_chain_cast(&c, lower, dtype), *high = hr_chain_cast(&c, upper, dtype);
  hr_array *a = hr_chain_unary(&c, hr_random_erf, hr_chain_binary(&c, hr_divide, low, root));
  hr_array *b = hr_chain_unary(&c, hr_random_erf, hr_chain_binary(&c, hr_divide, high, root));
  hr_array *u = uniform(&c, a, b, shape, shape_num, dtype, key);
  hr_array *x = hr_chain_binary(&c, hr_multiply, root, hr_chain_unary(&c, hr_erfinv, u));
  x = hr_chain_binary(&c, hr_maximum, hr_chain_binary(&c, hr_minimum, x, high), low);
  status = hr_chain_end(&c, out, x);
done:
  return status;
}

hr_status hr_random_gumbel(hr_array **out, const int *shape, size_t shape_num, hr_dtype dtype, hr_array *key,
                           hr_stream *s) {
  hr_chain c = hr_chain_begin(s);
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_random_check_float("random_gumbel", dtype, false));
  HR_TRY(hr_op_shape("random_gumbel", shape, shape_num));
  hr_array *zero = hr_chain_scalar(&c, 0, dtype), *one = hr_chain_scalar(&c, 1, dtype);
  hr_array *x = uniform(&c, zero, one, shape, shape_num, dtype, key);
  for (int i = 0; i < 2; i++) x = hr_chain_unary(&c, hr_negative, hr_chain_unary(&c, hr_log, x));
  status = hr_chain_end(&c, out, x);
done:
  return status;
}

/* sign(u) log(1 - |u|) for u uniform in (-1, 1), which is a float32 number; all else is float64 for that dtype. */
hr_status hr_random_laplace(hr_array **out, const int *shape, size_t shape_num, hr_dtype dtype, float loc, float scale,
                            hr_array *key, hr_stream *s) {
  hr_chain c = hr_chain_begin(s);
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_random_check_float("random_laplace", dtype, true));
  HR_TRY(hr_op_shape("random_laplace", shape, shape_num));
  hr_array *u = uniform_between(&c, -BELOW_1, 1, shape, shape_num, key);
  if (dtype == HR_FLOAT64) u = hr_chain_cast(&c, u, dtype);
  hr_array *log = hr_chain_unary(&c, hr_negative, hr_chain_unary(&c, hr_abs, u));
  log = hr_chain_unary(&c, hr_log1p, log);
  hr_array *x = hr_chain_cast(&c, hr_chain_binary(&c, hr_multiply, hr_chain_unary(&c, hr_sign, u), log), dtype);
  if (scale != 1.0f) x = hr_chain_binary(&c, hr_multiply, hr_chain_scalar(&c, (double)scale, dtype), x);
  if (loc != 0.0f) x = hr_chain_binary(&c, hr_add, hr_chain_scalar(&c, (double)loc, dtype), x);
  status = hr_chain_end(&c, out, x);
done:
  return status;
}

/* --- categorical: the place of the largest of logits plus Gumbel noise --- */

static hr_status pick_infer(hr_layout *out, const hr_op_call *call) {
  return hr_layout_set(out, hr_array_shape(call->in[1]), call->in[1]->ndim, HR_UINT32);
}

const hr_op hr_op_random_pick = {.name = "random_pick",
                                 .arity = 2,
                                 .outputs = 1,
                                 .infer = pick_infer,
                                 .run = {[HR_BACKEND_CPU] = hr_cpu_random_pick}};

static hr_status flat_of(hr_array **out, hr_array *a, hr_stream *s) { return hr_reshape(out, a, (int[]){-1}, 1, s); }
static hr_status largest(hr_array **out, hr_array *a, hr_stream *s) { return hr_max(out, a, true, s); }
static hr_status sums(hr_array **out, hr_array *a, hr_stream *s) { return hr_cumsum(out, a, 0, false, true, s); }
static hr_status pick(hr_array **out, hr_array *sums, hr_array *uniform, hr_stream *s) {
  return hr_apply(out, &hr_op_random_pick, (hr_array *[]){sums, uniform}, 2, NULL, s);
}

/* Draws from one distribution: places in its cumulative weights, for one uniform number a draw instead of one a draw
 * and class. The largest logits weigh 1 even if they are infinite. */
static hr_status pick_cumulative(hr_array **out, hr_array *logits, const int *shape, size_t shape_num, hr_array *key,
                                 hr_stream *s) {
  hr_chain c = hr_chain_begin(s);
  hr_array *x = hr_chain_cast(&c, hr_chain_unary(&c, flat_of, logits), HR_FLOAT32);
  hr_array *top = hr_chain_unary(&c, largest, x), *one = hr_chain_scalar(&c, 1, HR_FLOAT32);
  hr_array *is_top = hr_chain_binary(&c, hr_equal, x, top);
  hr_array *weights = hr_chain_unary(&c, hr_exp, hr_chain_binary(&c, hr_subtract, x, top));
  if (c.status == HR_OK) {
    hr_array *made;
    hr_status status = hr_where(&made, is_top, one, weights, s);
    weights = hr_chain_keep(&c, status, made);
  }
  hr_array *uniform = uniform_between(&c, 0, 1, shape, shape_num, key);
  return hr_chain_end(&c, out, hr_chain_binary(&c, pick, hr_chain_unary(&c, sums, weights), uniform));
}

/* `shape` is that of the noise, which has the classes along `axis`. The results of one distribution come from its
 * cumulative weights, as in MLX, unless there is a single one without axes. */
static hr_status draw(hr_array **out, hr_array *logits, int axis, const int *shape, size_t shape_num, hr_array *key,
                      hr_stream *s) {
  if (shape_num > 1 && shape[axis] && logits->size == shape[axis]) {
    int rest[HR_MAX_NDIM];
    for (size_t i = 0, to = 0; i < shape_num; i++)
      if ((int)i != axis) rest[to++] = shape[i];
    return pick_cumulative(out, logits, rest, shape_num - 1, key, s);
  }
  hr_chain c = hr_chain_begin(s);
  hr_array *made = NULL;
  hr_status status = hr_random_gumbel(&made, shape, shape_num, HR_FLOAT32, key, s);
  hr_array *noise = hr_chain_keep(&c, status, made);
  hr_array *sum = hr_chain_binary(&c, hr_add, noise, logits);
  if (c.status == HR_OK) {
    status = hr_argmax_axis(&made, sum, axis, false, s);
    sum = hr_chain_keep(&c, status, made);
  }
  return hr_chain_end(&c, out, sum);
}

hr_status hr_random_categorical(hr_array **out, hr_array *logits, int axis, hr_array *key, hr_stream *s) {
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("random_categorical", logits));
  HR_TRY(hr_op_axis(&axis, "random_categorical", axis, logits->ndim));
  status = draw(out, logits, axis, hr_array_shape(logits), logits->ndim, key, s);
done:
  return status;
}

hr_status hr_random_categorical_num_samples(hr_array **out, hr_array *logits_, int axis, int num_samples, hr_array *key,
                                            hr_stream *s) {
  static const char OP[] = "random_categorical";
  int shape[HR_MAX_NDIM + 1];
  hr_array *longer = NULL;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given(OP, logits_));
  HR_TRY(hr_op_axis(&axis, OP, axis, logits_->ndim));
  HR_TRY(hr_expand_dims(&longer, logits_, -1, s));
  memcpy(shape, hr_array_shape(longer), longer->ndim * sizeof *shape);
  shape[longer->ndim - 1] = num_samples;
  status = draw(out, longer, axis, shape, longer->ndim, key, s);
done:
  hr_array_release(longer);
  return status;
}

/* The noise has the shape asked for, with the axis of the logits put in, counted from the end. */
hr_status hr_random_categorical_shape(hr_array **out, hr_array *logits, int axis, const int *shape, size_t shape_num,
                                      hr_array *key, hr_stream *s) {
  static const char OP[] = "random_categorical";
  char text[HR_SHAPE_TEXT], text_logits[HR_ARRAY_TEXT];
  int full[HR_MAX_NDIM + 1], rest[HR_MAX_NDIM], joined[HR_MAX_NDIM], ndim = 0, joined_ndim = 0;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given(OP, logits));
  HR_TRY(hr_op_axis(&axis, OP, axis, logits->ndim));
  HR_TRY(hr_op_shape(OP, shape, shape_num));
  for (int i = 0; i < logits->ndim; i++)
    if (i != axis) rest[ndim++] = hr_array_shape(logits)[i];
  if (hr_shape_broadcast(joined, &joined_ndim, rest, ndim, shape, (int)shape_num) != HR_OK ||
      joined_ndim != (int)shape_num || (shape_num && memcmp(joined, shape, shape_num * sizeof *shape) != 0))
    return hr_fail(HR_INVALID, "%s: the axes of %s but %d do not broadcast to %s", OP,
                   hr_array_format(text_logits, logits), axis, hr_shape_format(text, shape, (int)shape_num));
  int place = (int)shape_num + 1 - (logits->ndim - axis);
  for (int i = 0, from = 0; i <= (int)shape_num; i++)
    full[i] = i == place ? hr_array_shape(logits)[axis] : shape[from++];
  status = draw(out, logits, place, full, shape_num + 1, key, s);
done:
  return status;
}

/* --- permutation: the order of random words --- */

hr_status hr_random_permutation_arange(hr_array **out, int x, hr_array *key, hr_stream *s) {
  hr_array *bits = NULL;
  hr_status status = HR_OK;
  *out = NULL;
  if (x < 0) return hr_fail(HR_INVALID, "random_permutation: %d elements", x);
  HR_TRY(hr_random_bits(&bits, &x, 1, 4, key, s));
  status = hr_argsort_axis(out, bits, 0, s);
done:
  hr_array_release(bits);
  return status;
}

hr_status hr_random_permutation(hr_array **out, hr_array *x, int axis, hr_array *key, hr_stream *s) {
  hr_array *order = NULL;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("random_permutation", x));
  HR_TRY(hr_op_axis(&axis, "random_permutation", axis, x->ndim));
  HR_TRY(hr_random_permutation_arange(&order, hr_array_shape(x)[axis], key, s));
  status = hr_take_axis(out, x, order, axis, s);
done:
  hr_array_release(order);
  return status;
}
