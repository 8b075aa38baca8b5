/* src/ops/random_internal.h - what the random builders and the function that runs their ops share. */
#ifndef HR_OPS_RANDOM_INTERNAL_H
#define HR_OPS_RANDOM_INTERNAL_H

#include "graph/op.h"

typedef enum hr_random_kind { HR_RANDOM_BITS, HR_RANDOM_UNIFORM, HR_RANDOM_NORMAL } hr_random_kind;

/* BITS: elements of 1, 2 or 4 bytes, taken from the words' bytes in order, lowest byte first. UNIFORM: low and high are
 * inputs 1 and 2. NORMAL: erfinv(u) * scale + shift for u uniform in (-1, 1). */
typedef struct hr_random_attrs {
  hr_random_kind kind;
  hr_dtype dtype;
  float scale, shift;
  int ndim;
  int shape[HR_MAX_NDIM];
} hr_random_attrs;

/* `key` with a reference, checked (K1), or this thread's next one when it is NULL (K2). */
hr_status hr_random_key_or_next(hr_array **out, const char *op, hr_array *key) HR_MUST_USE;
/* This thread's state as it is now (K2): a copy. */
hr_status hr_random_thread_key(hr_array **out) HR_MUST_USE;

/* float32, float16 and bfloat16 are; float64 where it is said to be. */
hr_status hr_random_check_float(const char *op, hr_dtype dtype, bool float64) HR_MUST_USE;

/* Uniform with low and high of one element each, already of the dtype. */
hr_status hr_random_uniform_scalars(hr_array **out, hr_array *low, hr_array *high, const int *shape, size_t shape_num,
                                    hr_dtype dtype, hr_array *key, hr_stream *s) HR_MUST_USE;

extern const hr_op hr_op_random_erf, hr_op_random_pick;

/* The error function as MLX rounds it, in float32; the result has the dtype of a, a float. */
hr_status hr_random_erf(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;

/* erfinv(u) * scale + shift for u uniform in (-1, 1); the dtype is float32, float16 or bfloat16. */
hr_status hr_random_erfinv(hr_array **out, const int *shape, size_t shape_num, hr_dtype dtype, float scale, float shift,
                           hr_array *key, hr_stream *s) HR_MUST_USE;

#endif
