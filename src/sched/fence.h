/* src/sched/fence.h - a set of points, with a result, that threads, callbacks and streams wait for.
 *
 * F1  Reached when all of its points are. Points are of appended work, or of a future, and never change. (A join with a
 *     timeline and a counter, as R6 has it, is not needed: who waits for several points waits for one after the other,
 *     and parks at most once a point.)
 * F2  A fence is reference counted. It is part of what its class says: a fence of a stream holds a handle of it, one of
 *     arrays their nodes, a future is a fence itself.
 * F3  The result is looked up once, after the fence is reached, and stays (`result`).
 * F4  Callbacks: `lock` guards `phase` and the list.
 *       idle -> waiting         a callback comes; `waiter` is parked on a point, and holds a reference to the fence
 *       waiting -> idle         the last callback was taken back before the waiter fired
 *       waiting -> delivering   all points are reached: one thread hands the list to the executors, with no lock held,
 *                               until it finds it empty: then -> idle
 *     A callback that comes while delivering joins the list. One that comes to an idle fence which is reached is handed
 *     over by its caller, unless the waiter has to be parked all the same, because fences before it on the timeline
 *     still deliver (T7). So callbacks of one executor and stream keep their order, and thousands leave as one splice
 *     (R7).
 * F5  Lock order: fence, then timeline.
 * F6  In the child of a fork, a fence from before answers HR_CLOSED unless it is reached, and its lock is not
 *     touched (hr_fence_is_own). */
#ifndef HR_SCHED_FENCE_H
#define HR_SCHED_FENCE_H

#include <stddef.h>

#include "base/error.h"
#include "sched/executor.h"
#include "sched/timeline.h"

typedef struct hr_fence hr_fence;
typedef struct hr_callback hr_callback;

typedef struct hr_fence_class {
  /* Once reached: a reference to the first error, or NULL. */
  hr_error *(*error)(hr_fence *fence);
  /* The last reference is gone: frees the fence (hr_fence_deinit first). On a thread of the runtime too (R18). */
  void (*destroy)(hr_fence *fence);
} hr_fence_class;

typedef enum hr_fence_phase { HR_FENCE_IDLE, HR_FENCE_WAITING, HR_FENCE_DELIVERING } hr_fence_phase;

struct hr_fence {
  _Atomic(uint32_t) refs;
  uint32_t generation; /* of the process that made it (F6) */
  const hr_fence_class *class;
  _Atomic(hr_error *) result; /* NULL: not looked up; hr_fence_fine(): no error. Set once, released, acquired */
  hr_mutex lock;
  uint8_t phase; /* hr_fence_phase */
  hr_callback *first, *last;
  size_t at; /* the point that `waiter` is parked on; guarded by lock */
  hr_waiter waiter;
  const hr_point *points; /* the class's */
  size_t point_count;
};

/* One reference, the caller's. */
void hr_fence_init(hr_fence *fence, const hr_fence_class *class, const hr_point *points, size_t point_count);
void hr_fence_deinit(hr_fence *fence);

/* Everything appended to the stream so far. */
hr_status hr_fence_new_stream(hr_fence **out, hr_stream *stream) HR_MUST_USE;

hr_fence *hr_fence_ref(hr_fence *fence);
void hr_fence_unref(hr_fence *fence); /* NULL is fine */

bool hr_fence_reached(const hr_fence *fence);
/* Waits, then the result. As hr_wait_points(). */
hr_status hr_fence_await(hr_fence *fence, int64_t timeout_ns) HR_MUST_USE;
/* The result of a fence that is reached: a borrowed error, or NULL. */
hr_error *hr_fence_result(hr_fence *fence);
/* Whether it was made by this process, and not before a fork. */
bool hr_fence_is_own(const hr_fence *fence);
/* HR_OK for a fence that can be waited for, HR_CLOSED for F6. */
hr_status hr_fence_usable(const hr_fence *fence) HR_MUST_USE;

/* --- Callbacks --- */

typedef void (*hr_callback_fn)(void *arg, hr_status status);

/* The caller owns one reference; the registration owns another until fn has run or the callback is cancelled. */
hr_status hr_callback_new(hr_callback **out, hr_fence *fence, hr_callback_fn fn, void *arg,
                          const hr_executor *executor) HR_MUST_USE;
/* Begins to wait; once. */
void hr_callback_register(hr_callback *callback);
/* Makes it run now, with the status HR_CANCELLED, if its fence has not been reached. */
void hr_callback_expedite(hr_callback *callback);
/* True: fn will not run. */
bool hr_callback_revoke(hr_callback *callback);
hr_callback *hr_callback_ref(hr_callback *callback);
void hr_callback_unref(hr_callback *callback); /* NULL is fine */
/* Waits until fn has returned or the callback is cancelled. See hr_callback_wait(). */
hr_status hr_callback_await(hr_callback *callback, int64_t timeout_ns, bool may_run) HR_MUST_USE;
bool hr_callback_is_on_callback_thread(const hr_callback *callback);

#endif
