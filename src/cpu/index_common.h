/* src/cpu/index_common.h - what reading and writing at indices share on the CPU. */
#ifndef HR_CPU_INDEX_COMMON_H
#define HR_CPU_INDEX_COMMON_H

#include "base/atomic.h"
#include "cpu/kernels/index.h"
#include "graph/op.h"
#include "ops/index_attrs.h"

enum { HR_INDEX_TILE = 256 }; /* places resolved at a time, on the stack: 2 KiB */

/* The kernels of an index array's dtype. */
const hr_index_kernels *hr_index_kernels_of(hr_dtype dtype);

/* The lowest position of a bad index that any chunk met; start with HR_INDEX_GOOD. */
#define HR_INDEX_GOOD INT64_MAX
typedef _Atomic(int64_t) hr_index_bad;
void hr_index_note(hr_index_bad *bad, int64_t position);

/* HR_OK, or the failure that names the index at `position`. */
hr_status hr_index_result(const hr_array *indices, int64_t position, int axis, int64_t length, int64_t block);

/* For each position of the index inputs 1.. of a gather or scatter: the element of `a` (shape and strides given)
 * where its block starts. The caller releases the buffer: `count` int64_t. Fails on an index that is out of range. */
hr_status hr_index_corners(hr_buffer **out, const hr_run *run, const hr_block_attrs *attrs, const int *shape,
                           const int64_t *strides, int64_t count);

/* The same for one block whose starts are all in one array, one for each of attrs->axes. */
hr_status hr_index_corner(int64_t *out, const hr_array *start, const hr_block_attrs *attrs, const hr_array *a);

/* Output 0 with the contents of input 0: its own memory when it can be taken over, else a copy. */
hr_status hr_index_copy_first(const hr_run *run);

#endif
