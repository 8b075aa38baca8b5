/* src/ops/quantized_matmul.h - products with quantised matrices (formats: quantize.h).
 *
 * Sums are taken in float32, in an order that depends on the shapes alone, and rounded once. Where the processor
 * multiplies bytes, and w lies transposed, x is taken as whole numbers whose products are added exactly, for all but
 * mxfp8: to 2^-23 of the largest of their group in few rows (AVX-512 VNNI, cpu/kernels/qmm_dots_tmpl.c), to 2^-29 of it
 * in others (AMX, cpu/kernels/qmm_tiles.h). Elsewhere that is done for one or two rows of a half type by 4-bit integers
 * (affine), with 15 bits relative to the largest of 8 neighbours (cpu/kernels/qmm.h). Where x is infinite the result
 * may be NaN. Any thread; the caller owns one reference to each result. */
#ifndef HR_OPS_QUANTIZED_MATMUL_H
#define HR_OPS_QUANTIZED_MATMUL_H

#include "base/optional.h"
#include "graph/op.h"

extern const hr_op hr_op_quantized_matmul, hr_op_gather_qmm;

/* x (..., M, K) by w (..., N, K) transposed, or by w (..., K, N). x with one axis is a row. Leading axes broadcast;
 * for x with less than three axes w has none, or of length 1, that are dropped. The result has the dtype that x,
 * scales and biases promote to (affine), or that of x. */
hr_status hr_quantized_matmul(hr_array **out, hr_array *x, hr_array *w, hr_array *scales, hr_array *biases,
                              bool transpose, hr_optional_int group_size, hr_optional_int bits, const char *mode,
                              hr_stream *s) HR_MUST_USE;

/* Product i is matrix lhs_indices[i] of x by matrix rhs_indices[i] of w, numbered in row-major order of their leading
 * axes; without indices it is 0, 1, ... in the shape of those axes. Indices broadcast; negative ones count from the
 * end, others out of range are an error when the op runs. Neighbours with the same matrix of w share its unpacking:
 * that is what sorted_indices helps, which changes nothing else. */
hr_status hr_gather_qmm(hr_array **out, hr_array *x, hr_array *w, hr_array *scales, hr_array *biases,
                        hr_array *lhs_indices, hr_array *rhs_indices, bool transpose, hr_optional_int group_size,
                        hr_optional_int bits, const char *mode, bool sorted_indices, hr_stream *s) HR_MUST_USE;

/* x (..., K) quantised on the way, by w (N, K) transposed, which is quantised too unless w_scales are given. Not for
 * affine, which has biases. Both global scales (nvfp4) or none; the result has the dtype of x. */
hr_status hr_qqmm(hr_array **out, hr_array *x, hr_array *w, hr_array *w_scales, hr_optional_int group_size,
                  hr_optional_int bits, const char *mode, hr_array *global_scale_x, hr_array *global_scale_w,
                  hr_stream *s) HR_MUST_USE;

#endif
