/* src/ops/moments.c - see moments.h. */
#include "ops/moments.h"

#include <limits.h>

#include "ops/axes.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/check.h"
#include "ops/reduce.h"
#include "ops/select.h"
#include "ops/shape.h"
#include "ops/sort.h"
#include "ops/unary.h"

/* The sum of an array of inexact numbers, divided, as an array of `dtype`. */
static hr_status divided_sum(hr_array **out, hr_array *x, uint32_t mask, bool keepdims, double divisor, hr_dtype dtype,
                             hr_stream *s) {
  hr_reduce_attrs attrs = {
      .axes = mask, .keepdims = keepdims, .divides = true, .dtype = (uint8_t)dtype, .divisor = divisor};
  return hr_apply(out, &hr_op_mean, &x, 1, &attrs, s);
}

static hr_status mean_mask(hr_array **out, hr_array *a, uint32_t mask, bool keepdims, hr_stream *s) {
  hr_array *x;
  hr_dtype dtype = hr_dtype_at_least_float(hr_array_dtype(a));
  hr_status status = hr_astype(&x, a, dtype, s);
  if (status != HR_OK) return status;
  status = divided_sum(out, x, mask, keepdims, (double)hr_axes_size(a, mask), dtype, s);
  hr_array_release(x);
  return status;
}

hr_status hr_mean_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool keepdims, hr_stream *s) {
  uint32_t mask;
  *out = NULL;
  hr_status status = hr_op_axis_mask(&mask, "mean", axes, axes_num, a->ndim);
  return status == HR_OK ? mean_mask(out, a, mask, keepdims, s) : status;
}
hr_status hr_mean_axis(hr_array **out, hr_array *a, int axis, bool keepdims, hr_stream *s) {
  return hr_mean_axes(out, a, &axis, 1, keepdims, s);
}
hr_status hr_mean(hr_array **out, hr_array *a, bool keepdims, hr_stream *s) {
  *out = NULL;
  return mean_mask(out, a, hr_axes_all(a->ndim), keepdims, s);
}

/* Half types as float32, other inexact ones as they are, all others as float32. */
static hr_dtype working_dtype(hr_dtype dtype) {
  return dtype == HR_FLOAT64 || dtype == HR_COMPLEX64 ? dtype : HR_FLOAT32;
}

/* Squared distances from the mean; of complex numbers float32. */
static hr_status squared_distances(hr_array **out, hr_array *x, uint32_t mask, hr_stream *s) {
  hr_array *mean = NULL, *distance = NULL, *size = NULL;
  hr_status status;
  HR_TRY(mean_mask(&mean, x, mask, true, s));
  HR_TRY(hr_subtract(&distance, x, mean, s));
  if (hr_dtype_is_complex(hr_array_dtype(x))) HR_TRY(hr_abs(&size, distance, s));
  HR_TRY(hr_square(out, size ? size : distance, s));
done:
  hr_array_release(mean);
  hr_array_release(distance);
  hr_array_release(size);
  return status;
}

static hr_status spread_mask(hr_array **out, hr_array *a, uint32_t mask, bool keepdims, int ddof, bool root,
                             hr_stream *s) {
  hr_array *x = NULL, *squares = NULL, *variance = NULL, *deviation = NULL;
  hr_dtype dtype = hr_dtype_at_least_float(hr_array_dtype(a));
  hr_status status;
  double divisor = (double)hr_axes_size(a, mask) - ddof;
  HR_TRY(hr_astype(&x, a, working_dtype(dtype), s));
  HR_TRY(squared_distances(&squares, x, mask, s));
  HR_TRY(divided_sum(&variance, squares, mask, keepdims, divisor > 0 ? divisor : 0, hr_array_dtype(squares), s));
  if (root) HR_TRY(hr_sqrt(&deviation, variance, s));
  HR_TRY(hr_astype(out, root ? deviation : variance, hr_dtype_is_complex(dtype) ? HR_FLOAT32 : dtype, s));
done:
  hr_array_release(x);
  hr_array_release(squares);
  hr_array_release(variance);
  hr_array_release(deviation);
  return status;
}

static hr_status spread_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool keepdims, int ddof,
                             bool root, hr_stream *s) {
  uint32_t mask;
  *out = NULL;
  hr_status status = hr_op_axis_mask(&mask, root ? "std" : "var", axes, axes_num, a->ndim);
  return status == HR_OK ? spread_mask(out, a, mask, keepdims, ddof, root, s) : status;
}

hr_status hr_var_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool keepdims, int ddof,
                      hr_stream *s) {
  return spread_axes(out, a, axes, axes_num, keepdims, ddof, false, s);
}
hr_status hr_var_axis(hr_array **out, hr_array *a, int axis, bool keepdims, int ddof, hr_stream *s) {
  return spread_axes(out, a, &axis, 1, keepdims, ddof, false, s);
}
hr_status hr_var(hr_array **out, hr_array *a, bool keepdims, int ddof, hr_stream *s) {
  *out = NULL;
  return spread_mask(out, a, hr_axes_all(a->ndim), keepdims, ddof, false, s);
}

hr_status hr_std_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool keepdims, int ddof,
                      hr_stream *s) {
  return spread_axes(out, a, axes, axes_num, keepdims, ddof, true, s);
}
hr_status hr_std_axis(hr_array **out, hr_array *a, int axis, bool keepdims, int ddof, hr_stream *s) {
  return spread_axes(out, a, &axis, 1, keepdims, ddof, true, s);
}
hr_status hr_std(hr_array **out, hr_array *a, bool keepdims, int ddof, hr_stream *s) {
  *out = NULL;
  return spread_mask(out, a, hr_axes_all(a->ndim), keepdims, ddof, true, s);
}

/* --- median --- */

/* The axes of the mask as one last axis: (kept..., n). */
static hr_status as_rows(hr_array **out, hr_array *x, uint32_t mask, hr_stream *s) {
  int order[HR_MAX_NDIM], shape[HR_MAX_NDIM + 1], count = 0, kept;
  hr_array *turned;
  for (int axis = 0; axis < x->ndim; axis++)
    if (!(mask >> axis & 1)) order[count++] = axis;
  kept = count;
  for (int axis = 0; axis < x->ndim; axis++)
    if (mask >> axis & 1) order[count++] = axis;
  for (int i = 0; i < kept; i++) shape[i] = hr_array_shape(x)[order[i]];
  shape[kept] = (int)hr_axes_size(x, mask);
  hr_status status = hr_transpose_axes(&turned, x, order, (size_t)count, s);
  if (status != HR_OK) return status;
  status = hr_reshape(out, turned, shape, (size_t)kept + 1, s);
  hr_array_release(turned);
  return status;
}

/* Element i of each row, as rows of length 1. */
static hr_status pick(hr_array **out, hr_array *rows, int i, hr_stream *s) {
  int start[HR_MAX_NDIM] = {0}, stop[HR_MAX_NDIM], step[HR_MAX_NDIM];
  size_t ndim = rows->ndim;
  for (size_t axis = 0; axis < ndim; axis++) stop[axis] = hr_array_shape(rows)[axis], step[axis] = 1;
  start[ndim - 1] = i;
  stop[ndim - 1] = i + 1;
  return hr_slice(out, rows, start, ndim, stop, ndim, step, ndim, s);
}

/* The mean of the middle of sorted rows of n elements. */
static hr_status middle_of(hr_array **out, hr_array *sorted, int n, hr_stream *s) {
  hr_array *below = NULL, *above = NULL, *half = NULL, *half_below = NULL, *half_above = NULL;
  hr_status status;
  if (n % 2) return pick(out, sorted, n / 2, s);
  HR_TRY(pick(&below, sorted, n / 2 - 1, s));
  HR_TRY(pick(&above, sorted, n / 2, s));
  HR_TRY(hr_array_new_scalar(&half, 0.5, hr_array_dtype(sorted)));
  HR_TRY(hr_multiply(&half_below, below, half, s));
  HR_TRY(hr_multiply(&half_above, above, half, s));
  HR_TRY(hr_add(out, half_below, half_above, s));
done:
  hr_array_release(below);
  hr_array_release(above);
  hr_array_release(half);
  hr_array_release(half_below);
  hr_array_release(half_above);
  return status;
}

static hr_status median_mask(hr_array **out, hr_array *x, uint32_t mask, bool keepdims, hr_stream *s) {
  hr_array *rows = NULL, *sorted = NULL, *middle = NULL, *last = NULL, *is_nan = NULL, *median = NULL;
  int shape[HR_MAX_NDIM], n = (int)hr_axes_size(x, mask);
  int ndim = hr_axes_drop(shape, x, mask, keepdims);
  hr_status status;
  HR_TRY(as_rows(&rows, x, mask, s));
  HR_TRY(hr_sort_axis(&sorted, rows, -1, s));
  HR_TRY(middle_of(&middle, sorted, n, s));
  HR_TRY(pick(&last, sorted, n - 1, s)); /* NaN are sorted to the end */
  HR_TRY(hr_isnan(&is_nan, last, s));
  HR_TRY(hr_where(&median, is_nan, last, middle, s));
  HR_TRY(hr_reshape(out, median, shape, (size_t)ndim, s));
done:
  hr_array_release(rows);
  hr_array_release(sorted);
  hr_array_release(middle);
  hr_array_release(last);
  hr_array_release(is_nan);
  hr_array_release(median);
  return status;
}

hr_status hr_median(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool keepdims, hr_stream *s) {
  char text[HR_ARRAY_TEXT];
  uint32_t mask;
  hr_array *x;
  *out = NULL;
  hr_status status = hr_op_axis_mask(&mask, "median", axes, axes_num, a->ndim);
  if (status != HR_OK) return status;
  int64_t n = hr_axes_size(a, mask);
  if (n == 0 || n > INT_MAX || (mask == 0 && a->ndim == HR_MAX_NDIM))
    return hr_fail(HR_INVALID, "median: no elements, or too many, along the axes of %s", hr_array_format(text, a));
  status = hr_astype(&x, a, hr_dtype_at_least_float(hr_array_dtype(a)), s);
  if (status != HR_OK) return status;
  status = median_mask(out, x, mask, keepdims, s);
  hr_array_release(x);
  return status;
}
