/* src/ops/gather_mm.h - products of chosen matrices, of parts of matrices, and of matrices with blocks left out.
 *
 * Of real floating-point types, as in MLX; others are errors. Half types are summed in float32 and rounded once. */
#ifndef HR_OPS_GATHER_MM_H
#define HR_OPS_GATHER_MM_H

#include "graph/op.h"

extern const hr_op hr_op_gather_mm, hr_op_segmented_mm;

/* The matrices of a at lhs_indices times those of b at rhs_indices: integers, numbers of matrices in row-major order of
 * the leading axes, negative ones from the end, broadcast together. NULL: all, in the shape of the leading axes. A
 * vector is one matrix, of one row (a) or column (b); that axis is dropped again. Neighbouring products with the same
 * matrix of b become one, sorted_indices or not. A number out of range fails when the result is evaluated. */
hr_status hr_gather_mm(hr_array **out, hr_array *a, hr_array *b, hr_array *lhs_indices, hr_array *rhs_indices,
                       bool sorted_indices, hr_stream *s) HR_MUST_USE;

/* a (m, k), b (k, n), segments (..., 2) of integers: products of columns [first, end) of a with those rows of b, of
 * shape (..., m, n); zeros where end <= first. Places outside [0, k] fail when the result is evaluated. */
hr_status hr_segmented_mm(hr_array **out, hr_array *a, hr_array *b, hr_array *segments, hr_stream *s) HR_MUST_USE;

/* The product of a (..., m, k) and b (..., k, n), cut into blocks of block_size (32 or 64) along both of the last axes.
 * A mask has an element for each block of the result, of a or of b, and its leading axes broadcast to the product's:
 * where a bool mask is false its blocks are zero (NaN and infinities in them do not count), others multiply them. */
hr_status hr_block_masked_mm(hr_array **out, hr_array *a, hr_array *b, int block_size, hr_array *mask_out,
                             hr_array *mask_lhs, hr_array *mask_rhs, hr_stream *s) HR_MUST_USE;

#endif
