/* src/ops/attention.h - softmax(scale * q k^T + mask) v (Vaswani et al., "Attention is all you need", 2017).
 *
 * q (B, Nq, Tq, D), k (B, Nkv, Tkv, D), v (B, Nkv, Tkv, Dv); Nq is a multiple of Nkv, and Nq / Nkv query heads in a row
 * share a head of k and v. The result is (B, Nq, Tq, Dv) in the dtype of the three together, a floating-point type;
 * half types are computed in float32 and rounded once.
 *
 * Masks. A key that is masked by a boolean or by "causal" has the least finite score: its weight is 0, unless all keys
 * of a query are masked; those are weighed alike then. A query that an added -infinity leaves no key is NaN. "causal":
 * query t sees keys up to t + Tkv - Tq. A sink, one for each query head, is one more score in the sum of weights, with
 * value 0. Without keys the result is 0. Where all keys that a causal query sees have the score -infinity, the result
 * is NaN (MLX looks at those that it must not see). */
#ifndef HR_OPS_ATTENTION_H
#define HR_OPS_ATTENTION_H

#include "graph/op.h"

/* Inputs: q, k, v; the mask, bool or of their dtype, broadcast to (B, Nq, Tq, Tkv); sinks (float64). */
typedef struct hr_attention_attrs {
  float scale;
  bool causal, has_mask, has_sinks;
} hr_attention_attrs;

extern const hr_op hr_op_attention;

/* mask_mode is "", "causal" or "array"; mask_arr is given with "array" only, bool or of a type that the result's holds.
 */
hr_status hr_fast_scaled_dot_product_attention(hr_array **out, hr_array *queries, hr_array *keys, hr_array *values,
                                               float scale, const char *mask_mode, hr_array *mask_arr, hr_array *sinks,
                                               hr_stream *s) HR_MUST_USE;

#endif
