/* src/ops/sort.h - order along one axis.
 * O1  NaN is the greatest; complex numbers go by real, then imaginary part. argsort is stable; -0 equals +0 there.
 *     Among sorted real values -0 comes before +0, and a NaN is the quiet NaN of its dtype.
 * O2  Partitions: element kth of a row is the one that sort puts there, none before is greater, none after is less; the
 *     order of the others is the same for every number of workers, and no more is promised. kth counts from the end
 *     when negative. topk: the k greatest of a row, element 0 the least of them.
 * O3  Functions without an axis order the array as one row.
 * Places are uint32. HR_INVALID for axes out of range, for a kth outside a row, for k outside [0, length]. */
#ifndef HR_OPS_SORT_H
#define HR_OPS_SORT_H

#include "graph/op.h"

/* The `kernel` numbers of the family's ops. */
typedef enum hr_sort_kind {
  HR_SORT_SORT,
  HR_SORT_ARGSORT,
  HR_SORT_PARTITION,
  HR_SORT_ARGPARTITION,
  HR_SORT_TOPK
} hr_sort_kind;

typedef struct hr_sort_attrs {
  int axis;
  int64_t kth; /* in [0, length) for partitions; topk: the place of the least element taken */
} hr_sort_attrs;

extern const hr_op hr_op_sort, hr_op_argsort, hr_op_partition, hr_op_argpartition, hr_op_topk;

hr_status hr_sort(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_sort_axis(hr_array **out, hr_array *a, int axis, hr_stream *s) HR_MUST_USE;
hr_status hr_argsort(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_argsort_axis(hr_array **out, hr_array *a, int axis, hr_stream *s) HR_MUST_USE;
hr_status hr_partition(hr_array **out, hr_array *a, int kth, hr_stream *s) HR_MUST_USE;
hr_status hr_partition_axis(hr_array **out, hr_array *a, int kth, int axis, hr_stream *s) HR_MUST_USE;
hr_status hr_argpartition(hr_array **out, hr_array *a, int kth, hr_stream *s) HR_MUST_USE;
hr_status hr_argpartition_axis(hr_array **out, hr_array *a, int kth, int axis, hr_stream *s) HR_MUST_USE;
hr_status hr_topk(hr_array **out, hr_array *a, int k, hr_stream *s) HR_MUST_USE;
hr_status hr_topk_axis(hr_array **out, hr_array *a, int k, int axis, hr_stream *s) HR_MUST_USE;

#endif
