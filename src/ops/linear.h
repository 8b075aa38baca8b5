/* src/ops/linear.h - products of matrices and what is made of them.
 *
 * M1  Products are of float16, bfloat16, float32, float64 or complex64, after promotion of both operands; half types
 *     are summed in float32 and rounded once (bfloat16 on AMX: numbers below 2^-126 count as 0). Integers are an
 *     error, as in MLX (outer and kron, which add nothing up, take them).
 * M2  Operands may have any strides, and leading axes broadcast: nothing is copied for a transposed operand.
 * M3  An element's sum is taken in the order of the summed axis, in steps whose lengths follow from the operands'
 *     layouts: the same bits for any number of workers. */
#ifndef HR_OPS_LINEAR_H
#define HR_OPS_LINEAR_H

#include "graph/op.h"

extern const hr_op hr_op_matmul;
/* Inputs a, b and c, of float32 or float64; c has the shape of the product. */
extern const hr_op hr_op_addmm;
typedef struct hr_addmm_attrs {
  float alpha, beta;
} hr_addmm_attrs;

/* (..., m, k) times (..., k, n). A vector a is one row, a vector b one column; that axis is dropped again. */
hr_status hr_matmul(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
/* alpha * (a b) + beta * c, in the dtype that all three promote to; c broadcasts to the product. As in BLAS what is
 * multiplied by 0 is not read: its NaN and infinities do not count. */
hr_status hr_addmm(hr_array **out, hr_array *c, hr_array *a, hr_array *b, float alpha, float beta,
                   hr_stream *s) HR_MUST_USE;
/* Sums over the last axis of both; with a scalar the product of elements. */
hr_status hr_inner(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
/* Of the flattened arrays. */
hr_status hr_outer(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
/* Sums over axes_a[i] of a together with axes_b[i] of b; what is left of a, then of b. */
hr_status hr_tensordot(hr_array **out, hr_array *a, hr_array *b, const int *axes_a, size_t axes_a_num,
                       const int *axes_b, size_t axes_b_num, hr_stream *s) HR_MUST_USE;
/* Sums over the last `axis` axes of a with the first ones of b. */
hr_status hr_tensordot_axis(hr_array **out, hr_array *a, hr_array *b, int axis, hr_stream *s) HR_MUST_USE;
/* Every element of a times all of b, as blocks. The one with fewer axes gets axes of length 1 in front. */
hr_status hr_kron(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;

/* The sum of the diagonal, in dtype (and what a sum of that dtype gives). */
hr_status hr_trace(hr_array **out, hr_array *a, int offset, int axis1, int axis2, hr_dtype dtype,
                   hr_stream *s) HR_MUST_USE;

#endif
