/* src/ops/index.h - elements taken from places that other arrays name. Putting is in scatter.h.
 *
 * X1  Indices are arrays of any integer dtype; negative ones count from the end. One that is out of range makes the op
 *     fail when it runs, with the index and the length in the text; memory outside the array is never touched. (MLX
 *     does not check.)
 * X2  Where several updates name one place they are applied in row-major order of the indices, so the last one stays
 *     and sums are the same every time.
 * X3  Values that are put in are cast to the array's dtype. The array itself is not changed: results are fresh, or take
 *     over its memory when nobody else can see it. */
#ifndef HR_OPS_INDEX_H
#define HR_OPS_INDEX_H

#include "graph/op.h"

extern const hr_op hr_op_take, hr_op_gather, hr_op_take_along_axis, hr_op_slice_dynamic;

/* From the flattened array; the result has the shape of indices. */
hr_status hr_take(hr_array **out, hr_array *a, hr_array *indices, hr_stream *s) HR_MUST_USE;
/* The axis is replaced by the axes of indices. */
hr_status hr_take_axis(hr_array **out, hr_array *a, hr_array *indices, int axis, hr_stream *s) HR_MUST_USE;
/* out[i, j, k] = a[i, indices[i, j, k], k] for axis 1; both broadcast along the other axes. */
hr_status hr_take_along_axis(hr_array **out, hr_array *a, hr_array *indices, int axis, hr_stream *s) HR_MUST_USE;
/* For each place of the indices (broadcast together) the block of slice_sizes whose corner they name on `axes`. The
 * result has the axes of the indices, then those of a block. */
hr_status hr_gather(hr_array **out, hr_array *a, const hr_array_list *indices, const int *axes, size_t axes_num,
                    const int *slice_sizes, size_t slice_sizes_num, hr_stream *s) HR_MUST_USE;
hr_status hr_gather_single(hr_array **out, hr_array *a, hr_array *indices, int axis, const int *slice_sizes,
                           size_t slice_sizes_num, hr_stream *s) HR_MUST_USE;

/* A block whose corner is known when the op runs: start holds one place for each of `axes`, the others start at 0. The
 * block must lie inside. */
hr_status hr_slice_dynamic(hr_array **out, hr_array *a, hr_array *start, const int *axes, size_t axes_num,
                           const int *slice_size, size_t slice_size_num, hr_stream *s) HR_MUST_USE;
#endif
