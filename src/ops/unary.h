/* src/ops/unary.h - functions of one array, element by element.
 *
 * Any thread; the caller owns one reference to the result. Results have the input's dtype unless said otherwise; where
 * nothing changes (abs of unsigned integers, floor of integers) the input itself is the result. Half types are computed
 * in float32 and rounded once. */
#ifndef HR_OPS_UNARY_H
#define HR_OPS_UNARY_H

#include "graph/op.h"

extern const hr_op hr_op_abs, hr_op_negative, hr_op_sign, hr_op_square, hr_op_ceil, hr_op_floor, hr_op_rint, hr_op_sqrt,
    hr_op_rsqrt, hr_op_exp, hr_op_expm1, hr_op_log, hr_op_log2, hr_op_log10, hr_op_log1p, hr_op_sin, hr_op_cos,
    hr_op_tan, hr_op_arcsin, hr_op_arccos, hr_op_arctan, hr_op_sinh, hr_op_cosh, hr_op_tanh, hr_op_arcsinh,
    hr_op_arccosh, hr_op_arctanh, hr_op_erf, hr_op_erfinv, hr_op_sigmoid, hr_op_reciprocal, hr_op_isnan, hr_op_isinf,
    hr_op_isposinf, hr_op_isneginf, hr_op_isfinite, hr_op_logical_not, hr_op_bitwise_invert, hr_op_conjugate,
    hr_op_real, hr_op_imag;

/* Of complex numbers: float32. */
hr_status hr_abs(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
/* Not for bool. Unsigned integers wrap. */
hr_status hr_negative(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
/* -1, 0 or 1 (0 for NaN); of complex numbers x / |x|. */
hr_status hr_sign(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_square(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
/* Not for complex numbers. */
hr_status hr_ceil(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_floor(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
/* To `decimals` places after the point, or before it when negative; halves go to even. */
hr_status hr_round(hr_array **out, hr_array *a, int decimals, hr_stream *s) HR_MUST_USE;

/* Integers and bool become float32. float32 results are within 1 ulp (see kernels/math_tmpl.c). erf, erfinv, expm1 and
 * sigmoid are not for complex numbers. */
hr_status hr_sqrt(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_rsqrt(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_exp(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_expm1(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_log(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_log2(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_log10(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_log1p(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_sin(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_cos(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_tan(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_arcsin(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_arccos(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_arctan(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_sinh(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_cosh(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_tanh(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_arcsinh(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_arccosh(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_arctanh(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_erf(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_erfinv(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_sigmoid(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_reciprocal(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_degrees(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_radians(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;

/* Result bool. */
hr_status hr_isnan(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_isinf(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_isposinf(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_isneginf(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_isfinite(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_logical_not(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;

/* Integers and bool only. */
hr_status hr_bitwise_invert(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;

/* Of real arrays: the array itself, and for imag zeros. Of complex ones real and imag are float32. */
hr_status hr_conjugate(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_real(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_imag(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;

#endif
