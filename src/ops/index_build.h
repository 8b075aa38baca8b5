/* src/ops/index_build.h - checks and preparations that builders of reading and of writing at indices share. */
#ifndef HR_OPS_INDEX_BUILD_H
#define HR_OPS_INDEX_BUILD_H

#include "graph/op.h"
#include "ops/index_attrs.h"

/* Fails unless indices is an array of integers. */
hr_status hr_index_check(const char *op, const hr_array *indices) HR_MUST_USE;

/* Both as row-major arrays that agree on all axes but `axis` (non-negative). */
hr_status hr_index_along(hr_array **out_a, hr_array **out_indices, const char *op, hr_array *a, hr_array *indices,
                         int axis, hr_stream *s) HR_MUST_USE;

/* Inputs of gather and scatter: a, then the indices broadcast together and row-major, then `extra` empty places. Sets
 * the axes and counts of attrs. The list is freed by hr_list_clear(). */
hr_status hr_index_inputs(hr_array_list *out, hr_block_attrs *attrs, const char *op, hr_array *a,
                          const hr_array_list *indices, const int *axes, size_t axes_num, size_t extra,
                          hr_stream *s) HR_MUST_USE;

/* The starts of a dynamic slice, row-major, and the axes they belong to. */
hr_status hr_index_start(hr_array **out, hr_block_attrs *attrs, const char *op, const hr_array *a, hr_array *start,
                         const int *axes, size_t axes_num, hr_stream *s) HR_MUST_USE;

#endif
