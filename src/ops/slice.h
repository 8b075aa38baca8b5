/* src/ops/slice.h - the region that start, stop and stride of each axis name; shared by slices and slice updates. */
#ifndef HR_OPS_SLICE_H
#define HR_OPS_SLICE_H

#include "graph/op.h"

/* Entry i of axis k is element start[k] + i * step[k], for i in [0, shape[k]). All of them are inside the array. */
typedef struct hr_slice_range {
  int start[HR_MAX_NDIM], step[HR_MAX_NDIM], shape[HR_MAX_NDIM];
} hr_slice_range;

hr_status hr_slice_resolve(hr_slice_range *out, const char *op, const hr_array *a, const int *start, size_t start_num,
                           const int *stop, size_t stop_num, const int *strides, size_t strides_num) HR_MUST_USE;

/* The region is the whole array, in its order. */
bool hr_slice_is_all(const hr_slice_range *range, const hr_array *a);

/* a[start:stop] along one axis (non-negative), all of the others. */
hr_status hr_slice_axis(hr_array **out, hr_array *a, int axis, int64_t start, int64_t stop, hr_stream *s) HR_MUST_USE;

#endif
