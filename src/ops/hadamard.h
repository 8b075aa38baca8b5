/* src/ops/hadamard.h - the Walsh-Hadamard transform of the last axis.
 * The matrix of length m 2^k, m = 1, 12, 20 or 28, is the one of length m (signs in cpu/hadamard.c: those that MLX has)
 * in blocks of Sylvester's of length 2^k, times `scale`, which is one over the root of the length if not given.
 * float16, bfloat16 and float32 are computed in float32 and rounded once, float64 stays (MLX has no float64); other
 * dtypes are cast to float32. A scalar is a row of length 1. Empty arrays and other lengths fail, with HR_INVALID.
 * Any thread; the caller owns one reference to the result. */
#ifndef HR_OPS_HADAMARD_H
#define HR_OPS_HADAMARD_H

#include "base/optional.h"
#include "graph/op.h"

typedef struct hr_hadamard_attrs {
  int m;
  double scale;
} hr_hadamard_attrs;

extern const hr_op hr_op_hadamard;

hr_status hr_hadamard_transform(hr_array **out, hr_array *a, hr_optional_float scale, hr_stream *s) HR_MUST_USE;

#endif
