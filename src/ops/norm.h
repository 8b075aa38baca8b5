/* src/ops/norm.h - normalisation along the last axis.
 * The result has the shape of x and the dtype of x, weight and bias together, which must be a floating-point type; a
 * bias without a weight is cast to that of x, as in MLX. Float16 and bfloat16 are computed in float32 and rounded once;
 * float64 in float64. weight and bias are vectors with one element for each place of the last axis, or NULL. A row with
 * NaN is NaN, and so is one with an infinity (rms_norm: at the infinity; the other elements become 0). */
#ifndef HR_OPS_NORM_H
#define HR_OPS_NORM_H

#include "graph/op.h"

/* Inputs: x, then weight and bias as far as they are given; all of one dtype. */
typedef struct hr_norm_attrs {
  float eps;
  bool has_weight, has_bias;
} hr_norm_attrs;

extern const hr_op hr_op_layer_norm, hr_op_rms_norm;
enum { HR_NORM_LAYER, HR_NORM_RMS }; /* their kernel numbers */

/* (x - mean) / sqrt(variance + eps) * weight + bias; the variance is that of the row itself (divided by its length). */
hr_status hr_fast_layer_norm(hr_array **out, hr_array *x, hr_array *weight, hr_array *bias, float eps,
                             hr_stream *s) HR_MUST_USE;
/* x / sqrt(mean of x^2 + eps) * weight. */
hr_status hr_fast_rms_norm(hr_array **out, hr_array *x, hr_array *weight, float eps, hr_stream *s) HR_MUST_USE;

#endif
