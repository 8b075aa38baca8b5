/* src/ops/softmax.h - softmax and logsumexp.
 * Axes as in ops/reduce.h. bool and integers are taken as float32; other dtypes keep theirs. Float16 and bfloat16 are
 * always computed in float32 and rounded once, so `precise` changes nothing. softmax of a row with NaN or +infinity,
 * or of -infinity alone, is NaN; logsumexp of -infinity alone is -infinity. logsumexp of an empty array fails. */
#ifndef HR_OPS_SOFTMAX_H
#define HR_OPS_SOFTMAX_H

#include "graph/op.h"

typedef struct hr_softmax_attrs {
  uint32_t axes;
  bool keepdims; /* logsumexp */
} hr_softmax_attrs;

extern const hr_op hr_op_softmax, hr_op_logsumexp;

hr_status hr_softmax(hr_array **out, hr_array *a, bool precise, hr_stream *s) HR_MUST_USE;
hr_status hr_softmax_axis(hr_array **out, hr_array *a, int axis, bool precise, hr_stream *s) HR_MUST_USE;
hr_status hr_softmax_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool precise,
                          hr_stream *s) HR_MUST_USE;

hr_status hr_logsumexp(hr_array **out, hr_array *a, bool keepdims, hr_stream *s) HR_MUST_USE;
hr_status hr_logsumexp_axis(hr_array **out, hr_array *a, int axis, bool keepdims, hr_stream *s) HR_MUST_USE;
hr_status hr_logsumexp_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool keepdims,
                            hr_stream *s) HR_MUST_USE;

#endif
