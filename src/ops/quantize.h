/* src/ops/quantize.h - matrices of few bits an element, with a scale (and a bias) for each group of elements.
 *
 * Q1  A group is group_size consecutive elements of the last axis, whose length it divides. The codes of a row follow
 *     each other from the lowest bit of its first uint32 on, without gaps: K elements take K * bits / 32 words.
 * Q2  Modes, with (group sizes; bits), * the default:
 *       affine  (32, 64*, 128; 1, 2, 3, 4*, 5, 6, 8)  scale * code + bias, both in the dtype of the matrix
 *       mxfp4   (32; 4)   E2M1 codes, a scale that is a power of two (E8M0, a byte: 2^(byte - 127))
 *       mxfp8   (32; 8)   E4M3 codes, scales as in mxfp4
 *       nvfp4   (16; 4)   E2M1 codes, scales E4M3; with a global scale g (float32 scalar, the largest size in the
 *                         matrix) all scales are relative to g / (448 * 6)
 *     E2M1, E8M0: OCP Microscaling Formats specification 1.0; E4M3: ops/fp8.h.
 * Q3  Codes and scales have the bits that MLX gives, for float32, float16 and bfloat16, down to NaN and infinities.
 *     float64 is not supported. 255 as an E8M0 scale is infinity, as in MLX.
 * Q4  Packed matrices, scales and biases of any strides are taken, but copied unless they are row-major.
 *
 * Any thread; the caller owns one reference to each result. */
#ifndef HR_OPS_QUANTIZE_H
#define HR_OPS_QUANTIZE_H

#include "base/optional.h"
#include "graph/op.h"

extern const hr_op hr_op_quantize, hr_op_dequantize;

/* w (..., K) to: packed words (..., K * bits / 32), scales (..., K / group_size), and for affine biases of the same
 * shape. At least two axes. */
hr_status hr_quantize(hr_array_list *out, hr_array *w, hr_optional_int group_size, hr_optional_int bits,
                      const char *mode, hr_array *global_scale, hr_stream *s) HR_MUST_USE;

/* The way back. Without dtype: affine gives that of scales and biases, the others bfloat16, or float32 with a global
 * scale. Affine products and sums are rounded to the dtype of scales and biases one after the other, as in MLX. */
hr_status hr_dequantize(hr_array **out, hr_array *w, hr_array *scales, hr_array *biases, hr_optional_int group_size,
                        hr_optional_int bits, const char *mode, hr_array *global_scale, hr_optional_dtype dtype,
                        hr_stream *s) HR_MUST_USE;

#endif
