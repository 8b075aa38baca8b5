/* src/ops/distributions.h - random numbers that are made of other operations. Keys, and what agrees with MLX how
 * closely: K1 to K3 of random.h. Parameters broadcast to shape. */
#ifndef HR_OPS_DISTRIBUTIONS_H
#define HR_OPS_DISTRIBUTIONS_H

#include "graph/op.h"

/* In [low, high); float32, float16 or bfloat16. Rounding may give `high` itself. */
hr_status hr_random_uniform(hr_array **out, hr_array *low, hr_array *high, const int *shape, size_t shape_num,
                            hr_dtype dtype, hr_array *key, hr_stream *s) HR_MUST_USE;
/* Integers in [low, high), or bool (number not 0). They come from a float32 uniform, so not every integer of a range
 * longer than 2^24 can appear. */
hr_status hr_random_randint(hr_array **out, hr_array *low, hr_array *high, const int *shape, size_t shape_num,
                            hr_dtype dtype, hr_array *key, hr_stream *s) HR_MUST_USE;
/* True with probability p, of a floating-point dtype. */
hr_status hr_random_bernoulli(hr_array **out, hr_array *p, const int *shape, size_t shape_num, hr_array *key,
                              hr_stream *s) HR_MUST_USE;
/* Floating-point dtypes; float64 ones have the steps of float32. loc and scale may be NULL: 0 and 1. */
hr_status hr_random_normal(hr_array **out, const int *shape, size_t shape_num, hr_dtype dtype, float loc, float scale,
                           hr_array *key, hr_stream *s) HR_MUST_USE;
hr_status hr_random_normal_broadcast(hr_array **out, const int *shape, size_t shape_num, hr_dtype dtype, hr_array *loc,
                                     hr_array *scale, hr_array *key, hr_stream *s) HR_MUST_USE;
/* A standard normal that lies in [lower, upper]. */
hr_status hr_random_truncated_normal(hr_array **out, hr_array *lower, hr_array *upper, const int *shape,
                                     size_t shape_num, hr_dtype dtype, hr_array *key, hr_stream *s) HR_MUST_USE;
hr_status hr_random_gumbel(hr_array **out, const int *shape, size_t shape_num, hr_dtype dtype, hr_array *key,
                           hr_stream *s) HR_MUST_USE;
/* Floating-point dtypes, as hr_random_normal(). */
hr_status hr_random_laplace(hr_array **out, const int *shape, size_t shape_num, hr_dtype dtype, float loc, float scale,
                            hr_array *key, hr_stream *s) HR_MUST_USE;
/* Vectors of mean (..., n) and covariance (..., n, n), by its singular values; `dtype` must be float32. Shape and the
 * leading axes of both broadcast together. */
hr_status hr_random_multivariate_normal(hr_array **out, hr_array *mean, hr_array *cov, const int *shape,
                                        size_t shape_num, hr_dtype dtype, hr_array *key, hr_stream *s) HR_MUST_USE;

/* uint32 places along `axis` of logits, drawn with probabilities softmax(logits). Without more, one for each of the
 * other axes' places; num_samples adds a last axis; shape must be what the other axes broadcast to. */
hr_status hr_random_categorical(hr_array **out, hr_array *logits, int axis, hr_array *key, hr_stream *s) HR_MUST_USE;
hr_status hr_random_categorical_num_samples(hr_array **out, hr_array *logits_, int axis, int num_samples, hr_array *key,
                                            hr_stream *s) HR_MUST_USE;
hr_status hr_random_categorical_shape(hr_array **out, hr_array *logits, int axis, const int *shape, size_t shape_num,
                                      hr_array *key, hr_stream *s) HR_MUST_USE;

/* 0 .. x-1 in random order, uint32; and an array with the places of one axis in random order. */
hr_status hr_random_permutation_arange(hr_array **out, int x, hr_array *key, hr_stream *s) HR_MUST_USE;
hr_status hr_random_permutation(hr_array **out, hr_array *x, int axis, hr_array *key, hr_stream *s) HR_MUST_USE;

#endif
