/* src/ops/create.h - arrays from shapes and numbers. Any thread; the caller owns one reference to the result. */
#ifndef HR_OPS_CREATE_H
#define HR_OPS_CREATE_H

#include "graph/op.h"

extern const hr_op hr_op_full, hr_op_arange, hr_op_arange_integer, hr_op_linspace, hr_op_window, hr_op_bartlett,
    hr_op_tri, hr_op_diag;

/* vals is cast to dtype and broadcast to the shape; the result has memory of its own. */
hr_status hr_full(hr_array **out, const int *shape, size_t shape_num, hr_array *vals, hr_dtype dtype,
                  hr_stream *s) HR_MUST_USE;
/* The same with a number for vals: for other builders. */
hr_status hr_full_value(hr_array **out, const int *shape, int ndim, double value, hr_dtype dtype,
                        hr_stream *s) HR_MUST_USE;
hr_status hr_full_like(hr_array **out, hr_array *a, hr_array *vals, hr_dtype dtype, hr_stream *s) HR_MUST_USE;
hr_status hr_zeros(hr_array **out, const int *shape, size_t shape_num, hr_dtype dtype, hr_stream *s) HR_MUST_USE;
hr_status hr_zeros_like(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_ones(hr_array **out, const int *shape, size_t shape_num, hr_dtype dtype, hr_stream *s) HR_MUST_USE;
hr_status hr_ones_like(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;

/* start, start + step, ... before stop. As in NumPy the step is that of the first two values in dtype; each value is
 * computed from its index, not from its neighbour. Not for bool. */
hr_status hr_arange(hr_array **out, double start, double stop, double step, hr_dtype dtype, hr_stream *s) HR_MUST_USE;
/* num values from start to stop, both included, computed in double. */
hr_status hr_linspace(hr_array **out, double start, double stop, int num, hr_dtype dtype, hr_stream *s) HR_MUST_USE;

/* Ones on diagonal k; lengths may be 0. */
hr_status hr_eye(hr_array **out, int n, int m, int k, hr_dtype dtype, hr_stream *s) HR_MUST_USE;
hr_status hr_identity(hr_array **out, int n, hr_dtype dtype, hr_stream *s) HR_MUST_USE;
/* Ones at and below diagonal k. */
hr_status hr_tri(hr_array **out, int n, int m, int k, hr_dtype type, hr_stream *s) HR_MUST_USE;
/* The last two axes of x, zero above (tril) or below (triu) diagonal k. */
hr_status hr_tril(hr_array **out, hr_array *x, int k, hr_stream *s) HR_MUST_USE;
hr_status hr_triu(hr_array **out, hr_array *x, int k, hr_stream *s) HR_MUST_USE;
/* Of a vector a square matrix with it on diagonal k; of a matrix its diagonal k. */
hr_status hr_diag(hr_array **out, hr_array *a, int k, hr_stream *s) HR_MUST_USE;

/* Windows of M float32 values (none for M < 1, one for M = 1), as in NumPy, computed in double. */
hr_status hr_hanning(hr_array **out, int M, hr_stream *s) HR_MUST_USE;
hr_status hr_hamming(hr_array **out, int M, hr_stream *s) HR_MUST_USE;
hr_status hr_blackman(hr_array **out, int M, hr_stream *s) HR_MUST_USE;
hr_status hr_bartlett(hr_array **out, int M, hr_stream *s) HR_MUST_USE;

#endif
