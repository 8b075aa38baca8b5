/* src/ops/scatter.h - values put into places that other arrays name. X1 to X3 of index.h hold. */
#ifndef HR_OPS_SCATTER_H
#define HR_OPS_SCATTER_H

#include "graph/op.h"

extern const hr_op hr_op_scatter, hr_op_scatter_axis, hr_op_slice_update, hr_op_slice_update_dynamic,
    hr_op_masked_scatter;

/* updates has the axes of the indices (broadcast together), then those of a block no larger than `a`: for each place
 * of the indices its block is put, added, multiplied, ... at the corner that they name. */
hr_status hr_scatter(hr_array **out, hr_array *a, const hr_array_list *indices, hr_array *updates, const int *axes,
                     size_t axes_num, hr_stream *s) HR_MUST_USE;
hr_status hr_scatter_add(hr_array **out, hr_array *a, const hr_array_list *indices, hr_array *updates, const int *axes,
                         size_t axes_num, hr_stream *s) HR_MUST_USE;
hr_status hr_scatter_prod(hr_array **out, hr_array *a, const hr_array_list *indices, hr_array *updates, const int *axes,
                          size_t axes_num, hr_stream *s) HR_MUST_USE;
hr_status hr_scatter_max(hr_array **out, hr_array *a, const hr_array_list *indices, hr_array *updates, const int *axes,
                         size_t axes_num, hr_stream *s) HR_MUST_USE;
hr_status hr_scatter_min(hr_array **out, hr_array *a, const hr_array_list *indices, hr_array *updates, const int *axes,
                         size_t axes_num, hr_stream *s) HR_MUST_USE;
hr_status hr_scatter_single(hr_array **out, hr_array *a, hr_array *indices, hr_array *updates, int axis,
                            hr_stream *s) HR_MUST_USE;
hr_status hr_scatter_add_single(hr_array **out, hr_array *a, hr_array *indices, hr_array *updates, int axis,
                                hr_stream *s) HR_MUST_USE;
hr_status hr_scatter_prod_single(hr_array **out, hr_array *a, hr_array *indices, hr_array *updates, int axis,
                                 hr_stream *s) HR_MUST_USE;
hr_status hr_scatter_max_single(hr_array **out, hr_array *a, hr_array *indices, hr_array *updates, int axis,
                                hr_stream *s) HR_MUST_USE;
hr_status hr_scatter_min_single(hr_array **out, hr_array *a, hr_array *indices, hr_array *updates, int axis,
                                hr_stream *s) HR_MUST_USE;
/* a[i, indices[i, j, k], k] = (or +=) values[i, j, k] for axis 1; values broadcast to the indices, the indices to `a`
 * along the other axes. */
hr_status hr_put_along_axis(hr_array **out, hr_array *a, hr_array *indices, hr_array *values, int axis,
                            hr_stream *s) HR_MUST_USE;
hr_status hr_scatter_add_axis(hr_array **out, hr_array *a, hr_array *indices, hr_array *values, int axis,
                              hr_stream *s) HR_MUST_USE;

/* src with src[start:stop:strides] replaced by (combined with) update, which broadcasts to that region. */
hr_status hr_slice_update(hr_array **out, hr_array *src, hr_array *update, const int *start, size_t start_num,
                          const int *stop, size_t stop_num, const int *strides, size_t strides_num,
                          hr_stream *s) HR_MUST_USE;
hr_status hr_slice_update_add(hr_array **out, hr_array *src, hr_array *update, const int *start, size_t start_num,
                              const int *stop, size_t stop_num, const int *strides, size_t strides_num,
                              hr_stream *s) HR_MUST_USE;
hr_status hr_slice_update_prod(hr_array **out, hr_array *src, hr_array *update, const int *start, size_t start_num,
                               const int *stop, size_t stop_num, const int *strides, size_t strides_num,
                               hr_stream *s) HR_MUST_USE;
hr_status hr_slice_update_max(hr_array **out, hr_array *src, hr_array *update, const int *start, size_t start_num,
                              const int *stop, size_t stop_num, const int *strides, size_t strides_num,
                              hr_stream *s) HR_MUST_USE;
hr_status hr_slice_update_min(hr_array **out, hr_array *src, hr_array *update, const int *start, size_t start_num,
                              const int *stop, size_t stop_num, const int *strides, size_t strides_num,
                              hr_stream *s) HR_MUST_USE;
/* start holds one place for each of `axes`, known when the op runs; the block must lie inside. Axes that the update
 * lacks are whole axes, or one place where a start is given. */
hr_status hr_slice_update_dynamic(hr_array **out, hr_array *src, hr_array *update, hr_array *start, const int *axes,
                                  size_t axes_num, hr_stream *s) HR_MUST_USE;

/* Elements of `a` where mask is true become those of src, one after the other (src of one element: all become it). mask
 * is bool and has the first axes of `a`. Fails when it runs if src is too short. */
hr_status hr_masked_scatter(hr_array **out, hr_array *a, hr_array *mask, hr_array *src, hr_stream *s) HR_MUST_USE;

#endif
