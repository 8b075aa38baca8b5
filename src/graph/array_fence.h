/* src/graph/array_fence.h - a fence of arrays: their nodes' points, and the first of their errors. */
#ifndef HR_GRAPH_ARRAY_FENCE_H
#define HR_GRAPH_ARRAY_FENCE_H

#include "array/array.h"
#include "sched/fence.h"

/* Queues what is lazy, as hr_async_eval() does, and fails only as that. The fence keeps nodes, not arrays: their
 * buffers go when the program lets go of them. The caller owns one reference. */
hr_status hr_fence_new_arrays(hr_fence **out, hr_array *const *arrays, size_t count) HR_MUST_USE;

#endif
