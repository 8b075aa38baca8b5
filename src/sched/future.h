/* src/sched/future.h - a fence of the program's own making: one step, with a value or an error.
 *
 * V1  A future is a fence (its first member) with one point on a timeline of its own. Both share the reference count. A
 *     promise is the same object seen from the other side, with a count of its own (`promises`), which together holds
 *     one reference to the future.
 * V2  state:  open -> settled            kept, failed, or its promise dropped
 *             open -> running -> settled  the same for a chained one, whose function has been called in between
 *             open -> cancelled
 *     The thread that makes the last step sets value or error and completes the timeline; others read them only when
 *     the timeline is complete.
 * V3  A chained future holds its source (another fence) until its function has run, never longer: a chain of a million
 *     is freed link by link as it runs. Nothing here recurses: completing a future pushes jobs (R7).
 * V4  The links `source` and `callback` are read and cut under one lock of the process, a leaf, which a
 *     stream's lock may be held for (needs_callback).
 * V5  The program's functions (fn, free_arg) run on the executor; free_value as R18 says. */
#ifndef HR_SCHED_FUTURE_H
#define HR_SCHED_FUTURE_H

#include "sched/fence.h"

typedef struct hr_future hr_future;
typedef struct hr_promise hr_promise;
typedef void (*hr_then_fn)(void *arg, hr_status status, void *value, hr_promise *result);

hr_status hr_future_create(hr_future **out) HR_MUST_USE; /* with one promise, the caller's too */
hr_promise *hr_future_promise(hr_future *future);        /* borrowed */
hr_fence *hr_future_own_fence(hr_future *future);        /* borrowed */

void hr_promise_ref(hr_promise *promise);
void hr_promise_unref(hr_promise *promise); /* NULL is fine */
hr_status hr_promise_set_value(hr_promise *promise, void *value, void (*free_value)(void *)) HR_MUST_USE;
/* Takes over the error, also on failure. */
hr_status hr_promise_set_error(hr_promise *promise, hr_error *error) HR_MUST_USE;
bool hr_promise_is_open(hr_promise *promise);

/* The value of a future that is done; its error otherwise, HR_TIMEOUT if it is not done. */
hr_status hr_future_value(void **out, hr_future *future) HR_MUST_USE;
/* True if the future is cancelled by this call. */
bool hr_future_revoke(hr_future *future);

/* The caller owns one reference. On failure arg stays the caller's. */
hr_status hr_future_chain(hr_future **out, hr_fence *source, hr_then_fn fn, void *arg, void (*free_arg)(void *),
                          const hr_executor *executor) HR_MUST_USE;

void hr_future_fork_prepare(void);
void hr_future_fork_done(void); /* in parent and child */

#endif
