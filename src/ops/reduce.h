/* src/ops/reduce.h - reductions over a set of axes.
 * F1  attrs.axes is a bit mask of axes in [0, ndim) of the input. Without keepdims a reduced axis is left out of the
 *     result, with it its length is 1.
 * F2  An axis is in [-ndim, ndim) and given once; no axes (axes_num 0) reduces nothing: each element is its own
 *     group.
 * F3  Result dtypes: sum and prod int32 for bool and signed, uint32 for unsigned integers below 64 bits; all and any
 *     bool; max and min the input's; mean, var, std, median, logsumexp float32 for bool and integers, var and std
 *     float32 for complex64; all others the input's.
 * F4  Without elements sum, prod, all, any are 0, 1, true, false; mean, var, std are NaN; max, min, median, logsumexp
 *     fail. Every builder fails with HR_INVALID on axes that are not F2; the caller owns *out. Any thread. */
#ifndef HR_OPS_REDUCE_H
#define HR_OPS_REDUCE_H

#include "graph/op.h"

/* The `kernel` numbers of the family's ops. */
typedef enum hr_reduce_kind {
  HR_REDUCE_SUM,
  HR_REDUCE_PROD,
  HR_REDUCE_MAX, /* NaN when there is one; complex numbers by real, then imaginary part */
  HR_REDUCE_MIN,
  HR_REDUCE_ALL, /* no element is zero (NaN is not) */
  HR_REDUCE_ANY,
  HR_REDUCE_KINDS
} hr_reduce_kind;

typedef struct hr_reduce_attrs {
  uint32_t axes;
  bool keepdims;
  bool divides;   /* sums of inexact numbers are divided by divisor before they are rounded */
  uint8_t dtype;  /* hr_dtype of the result: the accumulator's, or a half type */
  double divisor; /* 0 without divides */
} hr_reduce_attrs;

extern const hr_op hr_op_sum, hr_op_prod, hr_op_max, hr_op_min, hr_op_all, hr_op_any, hr_op_mean, hr_op_argmax,
    hr_op_argmin;

hr_status hr_sum(hr_array **out, hr_array *a, bool keepdims, hr_stream *s) HR_MUST_USE;
hr_status hr_sum_axis(hr_array **out, hr_array *a, int axis, bool keepdims, hr_stream *s) HR_MUST_USE;
hr_status hr_sum_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool keepdims,
                      hr_stream *s) HR_MUST_USE;

hr_status hr_prod(hr_array **out, hr_array *a, bool keepdims, hr_stream *s) HR_MUST_USE;
hr_status hr_prod_axis(hr_array **out, hr_array *a, int axis, bool keepdims, hr_stream *s) HR_MUST_USE;
hr_status hr_prod_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool keepdims,
                       hr_stream *s) HR_MUST_USE;

hr_status hr_max(hr_array **out, hr_array *a, bool keepdims, hr_stream *s) HR_MUST_USE;
hr_status hr_max_axis(hr_array **out, hr_array *a, int axis, bool keepdims, hr_stream *s) HR_MUST_USE;
hr_status hr_max_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool keepdims,
                      hr_stream *s) HR_MUST_USE;

hr_status hr_min(hr_array **out, hr_array *a, bool keepdims, hr_stream *s) HR_MUST_USE;
hr_status hr_min_axis(hr_array **out, hr_array *a, int axis, bool keepdims, hr_stream *s) HR_MUST_USE;
hr_status hr_min_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool keepdims,
                      hr_stream *s) HR_MUST_USE;

hr_status hr_all(hr_array **out, hr_array *a, bool keepdims, hr_stream *s) HR_MUST_USE;
hr_status hr_all_axis(hr_array **out, hr_array *a, int axis, bool keepdims, hr_stream *s) HR_MUST_USE;
hr_status hr_all_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool keepdims,
                      hr_stream *s) HR_MUST_USE;

hr_status hr_any(hr_array **out, hr_array *a, bool keepdims, hr_stream *s) HR_MUST_USE;
hr_status hr_any_axis(hr_array **out, hr_array *a, int axis, bool keepdims, hr_stream *s) HR_MUST_USE;
hr_status hr_any_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool keepdims,
                      hr_stream *s) HR_MUST_USE;

/* uint32: the index of the first maximum or minimum, or of the first NaN; over all axes in row-major order. Fails on an
 * array without elements. */
hr_status hr_argmax(hr_array **out, hr_array *a, bool keepdims, hr_stream *s) HR_MUST_USE;
hr_status hr_argmax_axis(hr_array **out, hr_array *a, int axis, bool keepdims, hr_stream *s) HR_MUST_USE;
hr_status hr_argmin(hr_array **out, hr_array *a, bool keepdims, hr_stream *s) HR_MUST_USE;
hr_status hr_argmin_axis(hr_array **out, hr_array *a, int axis, bool keepdims, hr_stream *s) HR_MUST_USE;

#endif
