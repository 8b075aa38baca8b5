/* src/sched/timeline.h - one owner's progress: a 64-bit value that only grows. Value v is complete when steps 1..v ran
 * or were given up (failed, cancelled). Errors are no business of a timeline: they live in nodes and futures (R10).
 *
 * T1  Only the owner raises `completed`: a stream's runner, a promise's keeper, the last part of a join (R6).
 * T2  Parked waiters are sorted by value; one parked at the end goes in at O(1), a completion looks only at the
 *     front.
 * T3  A parked waiter fires exactly once, or is taken back by a true hr_timeline_unpark(). Its storage is the
 *     caller's and is lent from park until then. It fires from hr_worklist_run(), never with a lock held (R7).
 * T4  No wake-up is lost (R8): complete() exchanges `completed`, then loads `waiters`, both seq_cst, and takes `lock`
 *     if there are any; park() takes `lock`, inserts with a seq_cst store, then loads `completed` again with seq_cst.
 *     One of the two sees the other.
 * T5  `lock` is a leaf: nothing else is locked and no user code runs while it is held.
 * T6  Timelines of streams live for ever (streams are recycled, their values go on); others are part of what owns
 *     them, and whoever completes, parks or waits holds a reference to that.
 * T7  Ordered waiters leave in the order of their values, those of one value in the order in which they were parked:
 *     while one before it has not been fired to its end, an ordered waiter is parked although its value is complete.
 *     `firing` counts those that have left the list and not yet come to hr_timeline_fired(). Only one thread fires at
 *     a time: the owner's, between a complete() and the next. */
#ifndef HR_SCHED_TIMELINE_H
#define HR_SCHED_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/lock.h"

enum { HR_CACHE_LINE = 64 };

typedef struct hr_stream hr_stream;
typedef struct hr_waiter hr_waiter;
typedef struct hr_worklist hr_worklist;
typedef struct hr_timeline hr_timeline;

struct hr_waiter {
  hr_waiter *next, *prev;
  uint64_t value;
  bool parked;  /* guarded by the timeline's lock */
  bool ordered; /* keeps its turn (T7); fire() sees to it that hr_timeline_fired() is called once */
  /* Called once, with no lock held. May only move things to lists, `work` among them; the waiter is the caller's again.
   */
  void (*fire)(hr_waiter *waiter, hr_worklist *work);
};

struct hr_timeline {
  /* Written by the owner, read by any thread. The exchange releases the outputs of steps <= value; hr_timeline_done()
   * acquires them. */
  _Atomic(uint64_t) completed;
  _Atomic(hr_waiter *) waiters; /* guarded by lock; also loaded without it, to see whether there are any (T4) */
  hr_waiter *last;              /* guarded by lock */
  hr_mutex lock;
  uint32_t firing;   /* guarded by lock (T7) */
  hr_stream *stream; /* the owner when it is a stream, else NULL */
  /* For the library's callback thread (R16): whether only another turn of that thread can complete this. NULL: no. */
  bool (*needs_callback)(hr_timeline *timeline);
};

/* A place on a timeline: what everything that waits waits for. It owns nothing. */
typedef struct hr_point {
  hr_timeline *timeline;
  uint64_t value;
} hr_point;

/* What completions set free, to be dealt with after all locks are dropped. Flat: a million hops use no stack (R7). */
struct hr_worklist {
  hr_waiter *fired, *fired_last;     /* waiters still to fire, in the order of completion */
  hr_stream *streams, *streams_last; /* streams that became runnable, linked by `next_runnable` */
};

void hr_timeline_init(hr_timeline *timeline, bool (*needs_callback)(hr_timeline *), hr_stream *stream);

static inline bool hr_timeline_done(const hr_timeline *timeline, uint64_t value) {
  return hr_load_acquire(&((hr_timeline *)timeline)->completed) >= value;
}
static inline bool hr_point_done(hr_point point) { return hr_timeline_done(point.timeline, point.value); }

/* Owner only. Publishes value (> completed) and moves the waiters that it frees to `work`. */
void hr_timeline_complete(hr_timeline *timeline, uint64_t value, hr_worklist *work);

/* Any thread. False: value is complete (and for an ordered waiter it is its turn): it was not parked and will not
 * fire. */
bool hr_timeline_park(hr_timeline *timeline, uint64_t value, hr_waiter *waiter);

/* Any thread. True: the waiter is the caller's again and will not fire. False: it has fired, or is about to on another
 * thread; its storage must stay until then. */
bool hr_timeline_unpark(hr_timeline *timeline, hr_waiter *waiter);

/* An ordered waiter has done what it is there for: those that came meanwhile follow. */
void hr_timeline_fired(hr_timeline *timeline, hr_worklist *work);

/* In the child of a fork: those who waited, or fired, stayed with the parent. */
void hr_timeline_forget_waiters(hr_timeline *timeline);

/* Fires waiters until none is left; gathers streams in work->streams, which the caller hands to the pool. */
void hr_worklist_run(hr_worklist *work);
void hr_worklist_add_stream(hr_worklist *work, hr_stream *stream);

#endif
