/* src/ops/rope.h - rotary position encoding (Su et al., "RoFormer", 2021).
 *
 * x is (B, ..., T, D), of a floating-point type; the first `dims` places of its last axis (even, 2 to D) are pairs that
 * are turned, the rest stays. Pairs are neighbours (2i, 2i + 1) if `traditional`, else (i, i + dims / 2). Row t turns
 * pair i by scale * (offset + t) * base^(-2i / dims), or by scale * (offset + t) / freqs[i]: exactly one of `base` and
 * `freqs` (a vector of dims / 2 real numbers) is given. Angles, their sines and cosines are computed in float64 and
 * depend on the position only, not on how rows are spread over calls: a sequence encoded row by row has the bits of one
 * encoded at once. MLX takes angles in float32, whose rounding shows at large positions (1e-2 at 100,000). */
#ifndef HR_OPS_ROPE_H
#define HR_OPS_ROPE_H

#include "base/optional.h"
#include "graph/op.h"

/* Inputs: x; offsets (int64, a scalar or a vector of 1 or B) if dynamic; freqs (float64) if has_freqs. */
typedef struct hr_rope_attrs {
  int dims, offset;
  float base, scale;
  bool traditional, dynamic, has_freqs;
} hr_rope_attrs;

extern const hr_op hr_op_rope;

hr_status hr_fast_rope(hr_array **out, hr_array *x, int dims, bool traditional, hr_optional_float base, float scale,
                       int offset, hr_array *freqs, hr_stream *s) HR_MUST_USE;
/* The same with offsets that are read when the graph runs: an integer for all, or one for each place of the first axis.
 */
hr_status hr_fast_rope_dynamic(hr_array **out, hr_array *x, int dims, bool traditional, hr_optional_float base,
                               float scale, hr_array *offset, hr_array *freqs, hr_stream *s) HR_MUST_USE;

#endif
