/* headrace/loop.h - where callbacks run: executors, and event loops.
 *
 * A call that takes a callback takes an executor too. NULL is the library's own callback thread: one thread, started
 * when first needed, on which a callback may wait for any stream (a thread that waits for one of its callbacks may run
 * that itself: hr_callback_wait). The next callback starts when the one before has returned. Programs with threads of
 * their own give a hr_executor; programs with an event loop (epoll, libuv, asyncio) give hr_loop_executor() of a
 * hr_loop, watch its descriptor and call hr_loop_dispatch() when it is readable.
 *
 * Every callback runs exactly once unless it is cancelled, never inside the call that registered it, and never on a
 * thread that runs tasks. All memory for running one is taken when it is registered. Order, on one executor: callbacks
 * of one fence start in the order of their registration; those of fences of one stream, and of arrays that one stream
 * computes, in the order in which the stream completes them. (Arrays that are computed already belong to no stream.)
 *
 * Fork: callbacks and loops stay with the parent. In the child, calls on a loop from before the fork answer HR_CLOSED.
 * Exit: callbacks that have not started when exit() begins do not run. */
#ifndef HEADRACE_LOOP_H
#define HEADRACE_LOOP_H

#include <stddef.h>

#include "headrace/status.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* An executor of the program's own. submit() has to arrange that run(item) is called exactly once, on any thread, now
 * or later; it must not wait for the library. It is called on a thread of the library that does nothing else, so a
 * submit() that blocks delays other submissions only. The struct is copied; `user` has to stay valid until the last
 * item has been submitted. */
typedef struct hr_executor {
  void (*submit)(void *user, void (*run)(void *item), void *item);
  void *user;
} hr_executor;

/* A queue of callbacks with a descriptor, for event loops. Any thread may call these functions. */
typedef struct hr_loop hr_loop;

/* The caller owns one reference. Fails with HR_IO when the process has no descriptor left. */
hr_status hr_loop_new(hr_loop **out);
/* NULL is fine. Returns the loop. */
hr_loop *hr_loop_retain(hr_loop *loop);
/* NULL is fine. With the last reference the descriptor is closed; callbacks that wait in the loop, or are still to
 * come, run on the library's callback thread instead. */
void hr_loop_release(hr_loop *loop);

/* The executor of the loop, to be passed to calls that take one. Valid while the caller holds a reference. */
const hr_executor *hr_loop_executor(hr_loop *loop);

/* The descriptor: readable while callbacks wait. For poll() and the like only; the loop keeps it. -1 for NULL and in
 * the child of a fork. */
int hr_loop_fd(hr_loop *loop);

/* Runs callbacks that were in the loop on entry, on this thread: at most `max` of them, 0 for all. The descriptor stays
 * readable if any are left. Writes how many ran; out_count may be NULL. Never waits. */
hr_status hr_loop_dispatch(size_t *out_count, hr_loop *loop, size_t max);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#endif
