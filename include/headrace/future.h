/* headrace/future.h - futures and promises: a value or an error that comes later.
 *
 * A promise is the side of the program that will have the value (a camera, a socket, another library); its future is
 * for all who wait. A future is done once: kept with a value, failed, or cancelled. Its fence (hr_future_fence) can be
 * waited for by threads, callbacks, event loops and streams, like any other.
 *
 * Futures can be chained: hr_future_then() makes one whose value a function of the program computes when the first is
 * done. Chains of any length use no stack.
 *
 * Any thread may call these functions, also in callbacks and in tasks. */
#ifndef HEADRACE_FUTURE_H
#define HEADRACE_FUTURE_H

#include "headrace/fence.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* Both are reference counted. */
typedef struct hr_future hr_future;
typedef struct hr_promise hr_promise;

/* A promise and its future; the caller owns one reference to each. */
hr_status hr_promise_new(hr_promise **out_promise, hr_future **out_future);
/* NULL is fine. Returns the promise. */
hr_promise *hr_promise_retain(hr_promise *promise);
/* NULL is fine. When the last reference goes and the promise was not kept, its future fails with HR_CANCELLED. */
void hr_promise_release(hr_promise *promise);

/* Gives the future its value. free_value(value), if not NULL, is called once when the last reference to the future is
 * gone, on the thread that released it or on the library's callback thread. HR_CANCELLED if the future was cancelled
 * (an answer: the error handler is not called), HR_INVALID if the promise was kept or failed before: then the value
 * stays the caller's. */
hr_status hr_promise_keep(hr_promise *promise, void *value, void (*free_value)(void *));

/* Fails the future with status (HR_OK counts as HR_FAILED) and text (NULL: the status's name). Errors as above. */
hr_status hr_promise_fail(hr_promise *promise, hr_status status, const char *text);

/* Writes whether the future is still without a value and not cancelled, so that work for it makes sense. */
hr_status hr_promise_wanted(bool *out_wanted, hr_promise *promise);

/* NULL is fine. Returns the future. */
hr_future *hr_future_retain(hr_future *future);
/* NULL is fine. Functions that were chained still run. */
void hr_future_release(hr_future *future);

/* Waits until the future is done: HR_OK if it has a value, or its error. As hr_fence_wait. */
hr_status hr_future_wait(hr_future *future, int64_t timeout_ns);
/* Writes whether the future is done. Never waits. */
hr_status hr_future_poll(bool *out_done, hr_future *future);
/* Writes the value, which belongs to the future and lives as long as it. Never waits: HR_TIMEOUT if it is not done, its
 * error if it failed. */
hr_status hr_future_get(void **out_value, hr_future *future);

/* Cancels the future if nothing has started to compute it: it fails with HR_CANCELLED. Writes true if so; false if it
 * is done or its function has started. `out_cancelled` may be NULL. */
hr_status hr_future_cancel(bool *out_cancelled, hr_future *future);

/* The future's fence; the caller owns one reference to it, which keeps the future too. */
hr_status hr_future_fence(hr_fence **out, hr_future *future);

/* What runs when the first future is done: `status` is its result (hr_last_error() has the text), `value` its value or
 * NULL. It keeps or fails `result`, or retains it to do so later. If it does neither, the new future fails: with the
 * first one's error if there was one, else with HR_CANCELLED. */
typedef void (*hr_then_fn)(void *arg, hr_status status, void *value, hr_promise *result);

/* A future of what fn makes of `future`: fn runs once on `executor` (NULL: the library's callback thread) when `future`
 * is done, however it ended, unless the new future is cancelled before. Then free_arg(arg), if not NULL, runs there
 * too, in every case. The caller owns one reference to the new future. If the call fails, arg stays the caller's. */
hr_status hr_future_then(hr_future **out, hr_future *future, hr_then_fn fn, void *arg, void (*free_arg)(void *),
                         const hr_executor *executor);

/* The same after any fence; `value` is NULL unless the fence is a future's. */
hr_status hr_fence_then(hr_future **out, hr_fence *fence, hr_then_fn fn, void *arg, void (*free_arg)(void *),
                        const hr_executor *executor);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#endif
