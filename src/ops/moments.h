/* src/ops/moments.h - mean, variance, standard deviation and median over axes, as F1 to F4 of ops/reduce.h.
 * Float16 and bfloat16 are computed in float32 and rounded once. The variance is the mean of the squared distances
 * from the mean (two passes: no cancellation), with the number of elements less ddof, but not below 0, as divisor; of
 * complex numbers the distances' sizes. The median of an even number is the mean of the middle two; one NaN makes it
 * NaN. */
#ifndef HR_OPS_MOMENTS_H
#define HR_OPS_MOMENTS_H

#include "graph/op.h"

hr_status hr_mean(hr_array **out, hr_array *a, bool keepdims, hr_stream *s) HR_MUST_USE;
hr_status hr_mean_axis(hr_array **out, hr_array *a, int axis, bool keepdims, hr_stream *s) HR_MUST_USE;
hr_status hr_mean_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool keepdims,
                       hr_stream *s) HR_MUST_USE;

hr_status hr_var(hr_array **out, hr_array *a, bool keepdims, int ddof, hr_stream *s) HR_MUST_USE;
hr_status hr_var_axis(hr_array **out, hr_array *a, int axis, bool keepdims, int ddof, hr_stream *s) HR_MUST_USE;
hr_status hr_var_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool keepdims, int ddof,
                      hr_stream *s) HR_MUST_USE;

hr_status hr_std(hr_array **out, hr_array *a, bool keepdims, int ddof, hr_stream *s) HR_MUST_USE;
hr_status hr_std_axis(hr_array **out, hr_array *a, int axis, bool keepdims, int ddof, hr_stream *s) HR_MUST_USE;
hr_status hr_std_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool keepdims, int ddof,
                      hr_stream *s) HR_MUST_USE;

hr_status hr_median(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool keepdims,
                    hr_stream *s) HR_MUST_USE;

#endif
