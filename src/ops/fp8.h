/* src/ops/fp8.h - 8-bit floats E4M3 (1 sign, 4 exponent, 3 mantissa bits, bias 7, no infinities; largest 448), as bytes
 * (Micikevicius et al., FP8 Formats for Deep Learning, 2022). Any thread; the caller owns one reference to the
 * result. */
#ifndef HR_OPS_FP8_H
#define HR_OPS_FP8_H

#include "graph/op.h"

extern const hr_op hr_op_to_fp8, hr_op_from_fp8;

/* Floats to uint8, to nearest even; what is larger becomes 448, and so does NaN, as in MLX. */
hr_status hr_to_fp8(hr_array **out, hr_array *x, hr_stream *s) HR_MUST_USE;
/* uint8 to a float dtype; 0x7f and 0xff are NaN. */
hr_status hr_from_fp8(hr_array **out, hr_array *x, hr_dtype dtype, hr_stream *s) HR_MUST_USE;

#endif
