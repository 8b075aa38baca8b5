/* src/graph/eval.h - evaluation: from arrays to work on streams.
 *
 * The walk is depth first, keeps its stack in the nodes (parent, cursor), allocates nothing and runs no user code
 * between the first claim and the last append; it appends a node only after all its producers (R1), each under its
 * stream's lock. Any number of threads may evaluate overlapping graphs. */
#ifndef HR_GRAPH_EVAL_H
#define HR_GRAPH_EVAL_H

#include "graph/op.h"
#include "sched/stream.h"

/* Queues what is not evaluated yet and returns; errors of the work surface when results are used (R10). Fails only for
 * what was seen to have failed already, or for streams that died in a fork. */
hr_status hr_async_eval(hr_array *const *arrays, size_t count) HR_MUST_USE;

/* The same, then waits for all of them. The first failure among them, in their order, is the result. */
hr_status hr_eval(hr_array *const *arrays, size_t count) HR_MUST_USE;

/* The same; HR_TIMEOUT when an array was not ready after timeout_ns of waiting for it (as in hr_wait_point()): all are
 * queued then, and the workers have them. */
hr_status hr_eval_within(hr_array *const *arrays, size_t count, int64_t timeout_ns) HR_MUST_USE;

/* Waits for an array that is evaluated or queued; HR_INVALID if nobody evaluated it. timeout_ns as in hr_wait_point().
 */
hr_status hr_array_wait(hr_array *array, int64_t timeout_ns) HR_MUST_USE;

typedef enum hr_progress { HR_PROGRESS_LAZY, HR_PROGRESS_QUEUED, HR_PROGRESS_DONE, HR_PROGRESS_FAILED } hr_progress;
hr_progress hr_array_progress(hr_array *array);

/* True and the point where a queued (or done) array is ready; false when it is lazy or has no node. */
bool hr_array_point(hr_point *out, hr_array *array);

/* HR_OK, or the error of an array whose node has failed. */
hr_status hr_array_error(hr_array *array) HR_MUST_USE;

/* What will make a lazy array: the op and its inputs, a list in memory of hr_alloc() with one reference to each; both
 * are the caller's. *op is NULL and the list empty for arrays that are queued or computed, or that the program gave. */
hr_status hr_array_origin(const hr_op **op, hr_array_list *inputs, hr_array *array) HR_MUST_USE;

/* Evaluates, waits and answers the first element's address. */
hr_status hr_array_read(const void **out, hr_array *array) HR_MUST_USE;

/* After all appends of the call: waits until the stream has less work in flight than its limit (R22). */
hr_status hr_stream_wait_below_limit(hr_stream *stream);

#endif
