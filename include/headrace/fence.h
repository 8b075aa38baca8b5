/* headrace/fence.h - fences: "everything up to here is done", for streams and for arrays.
 *
 * A fence stands for work that has been queued. Any thread may wait for it, look at it, or have a callback called when
 * it is reached; a stream can wait for it too (hr_stream_wait in headrace/stream.h). A thread, a stream or a callback
 * that waits costs no other thread. A fence is reached once and stays so.
 *
 * A fence has a result, HR_OK or the first error of its work:
 *   of arrays: the first error among them, in their order. Every call that asks gets it, in every thread.
 *   of a stream: the stream's first error up to the fence that no call has returned yet (see hr_synchronize). Work of
 *   the stream that was cancelled is not an error of the stream.
 *   of a future: the future's error.
 *
 * Timeouts are nanoseconds: negative waits without limit, 0 only looks. HR_TIMEOUT is an answer, not a failure: the
 * error handler is not called for it. */
#ifndef HEADRACE_FENCE_H
#define HEADRACE_FENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "headrace/loop.h"
#include "headrace/status.h"
#include "mlx/c/stream.h"
#include "mlx/c/vector.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* Reference counted; any thread may use, retain and release it. */
typedef struct hr_fence hr_fence;

/* All that has been queued on the stream so far (the calling thread's default stream for an empty handle). The fence
 * stays good when the stream's last handle is freed. The caller owns one reference. */
hr_status hr_fence_of_stream(hr_fence **out, const mlx_stream stream);

/* These arrays are computed. Queues what is not evaluated yet, as mlx_async_eval does; what fails when it runs is the
 * result of the fence, not of this call. The fence does not keep the arrays' memory. The caller owns one reference. */
hr_status hr_fence_of_arrays(hr_fence **out, const mlx_vector_array arrays);

/* NULL is fine. Returns the fence. */
hr_fence *hr_fence_retain(hr_fence *fence);
/* NULL is fine. Callbacks that are registered stay so. */
void hr_fence_release(hr_fence *fence);

/* Waits until the fence is reached and answers its result; HR_TIMEOUT if the time ran out before. While it waits the
 * thread runs light work that the fence needs (see hr_thread_help). HR_DEADLOCK, at once: in a task for a fence of its
 * own stream from that task on; in a callback on the library's callback thread for a future that only a later callback
 * of that thread can complete. HR_CLOSED: the work was under way when the process forked, and this is the child. */
hr_status hr_fence_wait(hr_fence *fence, int64_t timeout_ns);

/* Writes whether the fence is reached. Never waits; HR_OK whatever the result of the work. */
hr_status hr_fence_poll(bool *out_done, hr_fence *fence);

/* The result of a fence that is reached, HR_TIMEOUT of one that is not. Never waits. */
hr_status hr_fence_status(hr_fence *fence);

/* A callback: `status` is the fence's result, and when it is not HR_OK hr_last_error() is its text. */
typedef void (*hr_callback_fn)(void *arg, hr_status status);

/* A callback that has been registered. Reference counted. */
typedef struct hr_callback hr_callback;

/* Has fn(arg, status) called once when the fence is reached, on `executor` (see headrace/loop.h; NULL: the library's
 * callback thread); also if it is reached already. `out` may be NULL; otherwise the caller owns one reference to the
 * registration. On failure fn will not be called. */
hr_status hr_on_complete(hr_callback **out, hr_fence *fence, hr_callback_fn fn, void *arg, const hr_executor *executor);

/* Takes the callback back. Writes true if fn will not be called any more; false if it has started or has run, or was
 * cancelled before. `out_cancelled` may be NULL. */
hr_status hr_callback_cancel(bool *out_cancelled, hr_callback *callback);
/* Waits until the callback has returned or has been cancelled; the latter is seen when its fence is reached. With
 * may_run, a callback of the library's callback thread that is next in turn may run on this thread instead, timeout or
 * not: the thread is woken by the work itself, and not by another thread. HR_DEADLOCK: in a callback, for another one
 * of its thread. Otherwise as hr_fence_wait(), but HR_OK whatever the result of the work. */
hr_status hr_callback_wait(hr_callback *callback, int64_t timeout_ns, bool may_run);
/* NULL is fine. Does not cancel. */
void hr_callback_release(hr_callback *callback);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#endif
