/* src/ops/unary.c - see unary.h. */
#include "ops/unary.h"

#include <math.h>

#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/create.h"
#include "ops/op_list.h"
#include "ops/pointwise.h"
#include "ops/pointwise_kernels.h"

static hr_status same_infer(hr_layout *out, const hr_op_call *call) {
  return hr_pointwise_layout(out, hr_array_dtype(call->in[0]), call->in, 1);
}
static hr_status bool_infer(hr_layout *out, const hr_op_call *call) {
  return hr_pointwise_layout(out, HR_BOOL, call->in, 1);
}
static hr_status real_infer(hr_layout *out, const hr_op_call *call) {
  hr_dtype dtype = hr_array_dtype(call->in[0]);
  return hr_pointwise_layout(out, dtype == HR_COMPLEX64 ? HR_FLOAT32 : dtype, call->in, 1);
}

/* Complex functions go through the C library. */
static uint64_t math_cost(const hr_op_call *call, hr_array *const *out) {
  return hr_pointwise_cost(call, out) + (hr_array_dtype(call->in[0]) == HR_COMPLEX64 ? 50 : 1) * (uint64_t)out[0]->size;
}

/* Our own polynomials (kernels/vexp.h) and single instructions. */
static uint64_t fast_cost(const hr_op_call *call, hr_array *const *out) {
  if (hr_array_dtype(call->in[0]) == HR_COMPLEX64) return math_cost(call, out);
  return hr_pointwise_cost(call, out) + (uint64_t)out[0]->size / 4;
}

/* X(name in MLX, kernel, infer, cost) */
#define OPS(X)                                             \
  X(abs, ABS, real_infer, hr_pointwise_cost)               \
  X(negative, NEGATIVE, same_infer, hr_pointwise_cost)     \
  X(sign, SIGN, same_infer, hr_pointwise_cost)             \
  X(square, SQUARE, same_infer, hr_pointwise_cost)         \
  X(ceil, CEIL, same_infer, hr_pointwise_cost)             \
  X(floor, FLOOR, same_infer, hr_pointwise_cost)           \
  X(rint, RINT, same_infer, hr_pointwise_cost)             \
  X(logical_not, NOT, bool_infer, hr_pointwise_cost)       \
  X(bitwise_invert, INVERT, same_infer, hr_pointwise_cost) \
  X(conjugate, CONJUGATE, same_infer, hr_pointwise_cost)   \
  X(real, REAL, real_infer, hr_pointwise_cost)             \
  X(imag, IMAG, real_infer, hr_pointwise_cost)             \
  X(isnan, ISNAN, bool_infer, hr_pointwise_cost)           \
  X(isinf, ISINF, bool_infer, hr_pointwise_cost)           \
  X(isposinf, ISPOSINF, bool_infer, hr_pointwise_cost)     \
  X(isneginf, ISNEGINF, bool_infer, hr_pointwise_cost)     \
  X(isfinite, ISFINITE, bool_infer, hr_pointwise_cost)     \
  X(sqrt, SQRT, same_infer, fast_cost)                     \
  X(rsqrt, RSQRT, same_infer, fast_cost)                   \
  X(exp, EXP, same_infer, fast_cost)                       \
  X(expm1, EXPM1, same_infer, math_cost)                   \
  X(log, LOG, same_infer, math_cost)                       \
  X(log2, LOG2, same_infer, math_cost)                     \
  X(log10, LOG10, same_infer, math_cost)                   \
  X(log1p, LOG1P, same_infer, math_cost)                   \
  X(sin, SIN, same_infer, math_cost)                       \
  X(cos, COS, same_infer, math_cost)                       \
  X(tan, TAN, same_infer, math_cost)                       \
  X(arcsin, ARCSIN, same_infer, math_cost)                 \
  X(arccos, ARCCOS, same_infer, math_cost)                 \
  X(arctan, ARCTAN, same_infer, math_cost)                 \
  X(sinh, SINH, same_infer, math_cost)                     \
  X(cosh, COSH, same_infer, math_cost)                     \
  X(tanh, TANH, same_infer, fast_cost)                     \
  X(arcsinh, ARCSINH, same_infer, math_cost)               \
  X(arccosh, ARCCOSH, same_infer, math_cost)               \
  X(arctanh, ARCTANH, same_infer, math_cost)               \
  X(erf, ERF, same_infer, math_cost)                       \
  X(erfinv, ERFINV, same_infer, math_cost)                 \
  X(sigmoid, SIGMOID, same_infer, fast_cost)               \
  X(reciprocal, RECIPROCAL, same_infer, fast_cost)

#define X(op_name, op_kernel, op_infer, op_cost)                 \
  const hr_op hr_op_##op_name = {.name = #op_name,               \
                                 .arity = 1,                     \
                                 .outputs = 1,                   \
                                 .traits = HR_OP_ELEMENTWISE,    \
                                 .kernel = HR_UNARY_##op_kernel, \
                                 .infer = op_infer,              \
                                 .cost = op_cost,                \
                                 .run = {[HR_BACKEND_CPU] = hr_cpu_unary}};
OPS(X)
#undef X

static hr_status apply(hr_array **out, const hr_op *op, hr_array *a, hr_stream *s) {
  return hr_apply(out, op, &a, 1, NULL, s);
}

static hr_status refuse(const char *op, const hr_array *a) {
  return hr_fail(HR_INVALID, "%s: not defined for %s", op, hr_dtype_names[a->dtype]);
}

/* Integers become float32 first. */
static hr_status apply_float(hr_array **out, const hr_op *op, hr_array *a, hr_stream *s) {
  if (hr_dtype_is_inexact(hr_array_dtype(a))) return apply(out, op, a, s);
  hr_array *x = NULL;
  *out = NULL;
  hr_status status = hr_astype(&x, a, HR_FLOAT32, s);
  if (status == HR_OK) status = apply(out, op, x, s);
  hr_array_release(x);
  return status;
}

#define X(name) \
  hr_status hr_##name(hr_array **out, hr_array *a, hr_stream *s) { return apply_float(out, &hr_op_##name, a, s); }
X(sqrt)
X(rsqrt)
X(exp)
X(log)
X(log2)
X(log10)
X(log1p)
X(sin)
X(cos)
X(tan)
X(arcsin)
X(arccos)
X(arctan)
X(sinh)
X(cosh)
X(tanh)
X(arcsinh)
X(arccosh)
X(arctanh)
X(reciprocal)
#undef X

#define X(name)                                                     \
  hr_status hr_##name(hr_array **out, hr_array *a, hr_stream *s) {  \
    *out = NULL;                                                    \
    if (hr_array_dtype(a) == HR_COMPLEX64) return refuse(#name, a); \
    return apply_float(out, &hr_op_##name, a, s);                   \
  }
X(erf)
X(erfinv)
X(expm1)
X(sigmoid)
#undef X

/* Integers and bool are neither NaN nor infinite. */
static hr_status apply_test(hr_array **out, const hr_op *op, bool of_integers, hr_array *a, hr_stream *s) {
  if (hr_dtype_is_inexact(hr_array_dtype(a))) return apply(out, op, a, s);
  return hr_full_value(out, hr_array_shape(a), a->ndim, of_integers, HR_BOOL, s);
}

#define X(name, of_integers)                                       \
  hr_status hr_##name(hr_array **out, hr_array *a, hr_stream *s) { \
    return apply_test(out, &hr_op_##name, of_integers, a, s);      \
  }
X(isnan, false)
X(isinf, false)
X(isposinf, false)
X(isneginf, false)
X(isfinite, true)
#undef X

hr_status hr_abs(hr_array **out, hr_array *a, hr_stream *s) {
  hr_dtype_class class = (hr_dtype_class)hr_dtype_classes[a->dtype];
  return class == HR_CLASS_BOOL || class == HR_CLASS_UNSIGNED ? hr_same(out, a) : apply(out, &hr_op_abs, a, s);
}

hr_status hr_negative(hr_array **out, hr_array *a, hr_stream *s) {
  *out = NULL;
  return hr_array_dtype(a) == HR_BOOL ? refuse("negative", a) : apply(out, &hr_op_negative, a, s);
}

hr_status hr_sign(hr_array **out, hr_array *a, hr_stream *s) { return apply(out, &hr_op_sign, a, s); }
hr_status hr_square(hr_array **out, hr_array *a, hr_stream *s) { return apply(out, &hr_op_square, a, s); }
hr_status hr_logical_not(hr_array **out, hr_array *a, hr_stream *s) { return apply(out, &hr_op_logical_not, a, s); }

hr_status hr_bitwise_invert(hr_array **out, hr_array *a, hr_stream *s) {
  *out = NULL;
  return hr_dtype_is_inexact(hr_array_dtype(a)) ? refuse("bitwise_invert", a) : apply(out, &hr_op_bitwise_invert, a, s);
}

static hr_status to_integer(hr_array **out, const hr_op *op, hr_array *a, hr_stream *s) {
  *out = NULL;
  if (hr_array_dtype(a) == HR_COMPLEX64) return refuse(op->name, a);
  return hr_dtype_is_float(hr_array_dtype(a)) ? apply(out, op, a, s) : hr_same(out, a);
}
hr_status hr_ceil(hr_array **out, hr_array *a, hr_stream *s) { return to_integer(out, &hr_op_ceil, a, s); }
hr_status hr_floor(hr_array **out, hr_array *a, hr_stream *s) { return to_integer(out, &hr_op_floor, a, s); }

static hr_status nearest(hr_array **out, hr_array *a, hr_stream *s) { return apply(out, &hr_op_rint, a, s); }

hr_status hr_round(hr_array **out, hr_array *a, int decimals, hr_stream *s) {
  hr_dtype dtype = hr_array_dtype(a);
  hr_array *x = NULL;
  *out = NULL;
  hr_status status = HR_OK;
  if (!hr_dtype_is_inexact(dtype) && decimals >= 0) return hr_same(out, a);
  if (decimals == 0) return nearest(out, a, s);
  double scale = pow(10, fabs((double)decimals));
  HR_TRY(hr_astype(&x, a, hr_dtype_at_least_float(dtype), s));
  HR_TRY(hr_then_scalar(&x, decimals > 0 ? hr_multiply : hr_divide, scale, s));
  HR_TRY(hr_then(&x, nearest, s));
  HR_TRY(hr_then_scalar(&x, decimals > 0 ? hr_divide : hr_multiply, scale, s));
  HR_TRY(hr_astype(out, x, dtype, s));
done:
  hr_array_release(x);
  return status;
}

static hr_status times(hr_array **out, hr_array *a, double factor, hr_stream *s) {
  hr_array *x = NULL;
  *out = NULL;
  hr_status status = HR_OK;
  HR_TRY(hr_astype(&x, a, hr_dtype_at_least_float(hr_array_dtype(a)), s));
  HR_TRY(hr_then_scalar(&x, hr_multiply, factor, s));
  *out = hr_array_retain(x);
done:
  hr_array_release(x);
  return status;
}
hr_status hr_degrees(hr_array **out, hr_array *a, hr_stream *s) { return times(out, a, 180 / M_PI, s); }
hr_status hr_radians(hr_array **out, hr_array *a, hr_stream *s) { return times(out, a, M_PI / 180, s); }

hr_status hr_conjugate(hr_array **out, hr_array *a, hr_stream *s) {
  return hr_array_dtype(a) == HR_COMPLEX64 ? apply(out, &hr_op_conjugate, a, s) : hr_same(out, a);
}
hr_status hr_real(hr_array **out, hr_array *a, hr_stream *s) {
  return hr_array_dtype(a) == HR_COMPLEX64 ? apply(out, &hr_op_real, a, s) : hr_same(out, a);
}
hr_status hr_imag(hr_array **out, hr_array *a, hr_stream *s) {
  return hr_array_dtype(a) == HR_COMPLEX64 ? apply(out, &hr_op_imag, a, s) : hr_zeros_like(out, a, s);
}
