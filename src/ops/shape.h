/* src/ops/shape.h - operations that change how an array is looked at.
 *
 * S1  Most are views: the result shares the input's buffer, and shape, strides and offset are fixed when the graph is
 *     built (R17). Nothing runs. Only a reshape that no strides can express copies, and as_strided of an array that is
 *     not row-major.
 * S2  When nothing changes the input itself is the result, with one more reference.
 * S3  Axes may be negative. Every builder may be called from any thread; the caller owns one reference to each result.
 */
#ifndef HR_OPS_SHAPE_H
#define HR_OPS_SHAPE_H

#include "graph/op.h"

extern const hr_op hr_op_reshape, hr_op_reshape_view, hr_op_transpose, hr_op_broadcast, hr_op_slice, hr_op_as_strided,
    hr_op_diagonal, hr_op_depends;

/* The array itself when it is row-major without gaps, else a copy that is. */
hr_status hr_row_major(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;

/* One length may be -1: it follows from the size. */
hr_status hr_reshape(hr_array **out, hr_array *a, const int *shape, size_t shape_num, hr_stream *s) HR_MUST_USE;
/* Axes start_axis..end_axis become one; a scalar becomes one axis of length 1. */
hr_status hr_flatten(hr_array **out, hr_array *a, int start_axis, int end_axis, hr_stream *s) HR_MUST_USE;
hr_status hr_unflatten(hr_array **out, hr_array *a, int axis, const int *shape, size_t shape_num,
                       hr_stream *s) HR_MUST_USE;
hr_status hr_squeeze(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_squeeze_axis(hr_array **out, hr_array *a, int axis, hr_stream *s) HR_MUST_USE;
hr_status hr_squeeze_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, hr_stream *s) HR_MUST_USE;
hr_status hr_expand_dims(hr_array **out, hr_array *a, int axis, hr_stream *s) HR_MUST_USE;
/* Axes are places in the result. */
hr_status hr_expand_dims_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, hr_stream *s) HR_MUST_USE;

hr_status hr_transpose(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_transpose_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, hr_stream *s) HR_MUST_USE;
hr_status hr_swapaxes(hr_array **out, hr_array *a, int axis1, int axis2, hr_stream *s) HR_MUST_USE;
hr_status hr_moveaxis(hr_array **out, hr_array *a, int source, int destination, hr_stream *s) HR_MUST_USE;

hr_status hr_broadcast_to(hr_array **out, hr_array *a, const int *shape, size_t shape_num, hr_stream *s) HR_MUST_USE;
hr_status hr_broadcast_arrays(hr_array_list *out, const hr_array_list *inputs, hr_stream *s) HR_MUST_USE;

/* One start, stop and stride an axis, as in Python: negative places count from the end, then they are clamped. Strides
 * may be negative, not 0. */
hr_status hr_slice(hr_array **out, hr_array *a, const int *start, size_t start_num, const int *stop, size_t stop_num,
                   const int *strides, size_t strides_num, hr_stream *s) HR_MUST_USE;
/* Strides and offset are in elements of `a` in row-major order, however it lies in memory. Fails when the view would
 * leave it: MLX reads outside memory then. */
hr_status hr_as_strided(hr_array **out, hr_array *a, const int *shape, size_t shape_num, const int64_t *strides,
                        size_t strides_num, size_t offset, hr_stream *s) HR_MUST_USE;
hr_status hr_diagonal(hr_array **out, hr_array *a, int offset, int axis1, int axis2, hr_stream *s) HR_MUST_USE;

hr_status hr_split(hr_array_list *out, hr_array *a, int num_splits, int axis, hr_stream *s) HR_MUST_USE;
/* indices_num + 1 parts, cut at the indices. */
hr_status hr_split_sections(hr_array_list *out, hr_array *a, const int *indices, size_t indices_num, int axis,
                            hr_stream *s) HR_MUST_USE;

hr_status hr_atleast_1d(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_atleast_2d(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_atleast_3d(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;

/* A scalar of dtype: the product of the lengths of axes (1 of none), or 1 by it. Converted as a cast does. */
hr_status hr_number_of_elements(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool inverted,
                                hr_dtype dtype, hr_stream *s) HR_MUST_USE;

/* Views of the inputs that are ready only when all dependencies are. */
hr_status hr_depends(hr_array_list *out, const hr_array_list *inputs, const hr_array_list *dependencies) HR_MUST_USE;

#endif
