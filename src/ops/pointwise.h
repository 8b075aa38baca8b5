/* src/ops/pointwise.h - what the elementwise families share. */
#ifndef HR_OPS_POINTWISE_H
#define HR_OPS_POINTWISE_H

#include "graph/op.h"

/* Layout of a result with the broadcast shape of the inputs. Row-major, unless all inputs that are not one element have
 * one shape and lie in column-major order: then the result does too, and the pass runs straight through memory. */
hr_status hr_pointwise_layout(hr_layout *out, hr_dtype dtype, hr_array *const *in, int in_count) HR_MUST_USE;

/* Of a pass as fast as memory: 24 bytes a nanosecond and core while it fits the caches (those of a Xeon with AMX),
 * which is where it matters: whether the thread that waits for the result may run it itself (R12). */
uint64_t hr_pointwise_cost(const hr_op_call *call, hr_array *const *out);

typedef hr_status (*hr_builder1)(hr_array **out, hr_array *a, hr_stream *s);
typedef hr_status (*hr_builder2)(hr_array **out, hr_array *a, hr_array *b, hr_stream *s);

/* *x becomes fn(*x); its old reference is released. On failure *x stays. */
hr_status hr_then(hr_array **x, hr_builder1 fn, hr_stream *s) HR_MUST_USE;
/* *x becomes fn(*x, b). */
hr_status hr_then2(hr_array **x, hr_builder2 fn, hr_array *b, hr_stream *s) HR_MUST_USE;
/* *x becomes fn(*x, value), with a scalar of *x's dtype. */
hr_status hr_then_scalar(hr_array **x, hr_builder2 fn, double value, hr_stream *s) HR_MUST_USE;

/* The array itself, with one more reference. */
static inline hr_status hr_same(hr_array **out, hr_array *a) {
  *out = hr_array_retain(a);
  return HR_OK;
}

#endif
