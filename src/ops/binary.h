/* src/ops/binary.h - functions of two arrays, element by element.
 *
 * Shapes broadcast, dtypes are promoted (hr_dtype_promote). Any thread; the caller owns one reference to the result.
 * Half types are computed in float32 and rounded once. Integers wrap; divided by 0 they give 0. Complex numbers are
 * ordered by their real, then by their imaginary part. */
#ifndef HR_OPS_BINARY_H
#define HR_OPS_BINARY_H

#include "graph/op.h"

extern const hr_op hr_op_add, hr_op_subtract, hr_op_multiply, hr_op_floor_divide, hr_op_remainder, hr_op_power,
    hr_op_maximum, hr_op_minimum, hr_op_divide, hr_op_arctan2, hr_op_logaddexp, hr_op_equal, hr_op_not_equal,
    hr_op_less, hr_op_less_equal, hr_op_equal_nan, hr_op_logical_and, hr_op_logical_or, hr_op_bitwise_and,
    hr_op_bitwise_or, hr_op_bitwise_xor, hr_op_left_shift, hr_op_right_shift;

hr_status hr_add(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
hr_status hr_subtract(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
hr_status hr_multiply(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
/* Towards minus infinity; of complex numbers the quotient itself, as in MLX. */
hr_status hr_floor_divide(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
/* Sign of b. Not for complex numbers. */
hr_status hr_remainder(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
/* The two, of one pair of arguments: quotient, remainder. */
hr_status hr_divmod(hr_array_list *out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
/* Integers to a negative power are 0. */
hr_status hr_power(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
/* NaN if either is. */
hr_status hr_maximum(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
hr_status hr_minimum(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;

/* Integers become float32. arctan2 is not for complex numbers. */
hr_status hr_divide(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
hr_status hr_arctan2(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
hr_status hr_logaddexp(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;

/* Result bool. */
hr_status hr_equal(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
hr_status hr_not_equal(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
hr_status hr_less(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
hr_status hr_less_equal(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
hr_status hr_greater(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
hr_status hr_greater_equal(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
hr_status hr_logical_and(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
hr_status hr_logical_or(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;

/* Integers and bool only; shifts of bool are uint8. Counts are taken modulo 32, of 64-bit integers modulo 64. */
hr_status hr_bitwise_and(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
hr_status hr_bitwise_or(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
hr_status hr_bitwise_xor(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
hr_status hr_left_shift(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
hr_status hr_right_shift(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;

#endif
