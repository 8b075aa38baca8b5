/* src/sched/pool_internal.h - the state of the pool, for pool.c and pool_loops.c; the rules are in pool.h. */
#ifndef HR_SCHED_POOL_INTERNAL_H
#define HR_SCHED_POOL_INTERNAL_H

#include <pthread.h>

#include "sched/pool.h"
#include "sched/run_queue.h"

typedef struct hr_worker {
  _Atomic(uint32_t) word; /* 1: wake up; 2 + c: and leave core c, whose thread goes on with a loop */
  bool granted;           /* guarded by the pool's lock: may exceed the limit for one stint */
  uint32_t seen_loops;    /* own: the loops that this worker has already found without chunks left */
  struct hr_worker *sleep_next;
} hr_worker;

/* Of the worker that stands by (W9): the lowest bits of hr_standby.word, above them the number of calls so far.
 *   nobody -> ready     a worker stands by: under the pool's lock
 *   ready -> nobody     it ceases to, or somebody else needs the place that it holds: under the lock
 *   ready -> taken      a loop's owner has the line to itself, and counts the call
 *   taken -> called     the call is written; or back to ready, when a stream turned out to be runnable
 *   called -> running   the worker has accepted
 *   called -> ready     the owner has taken the call back
 *   running -> ready    the worker has left the loop */
typedef enum hr_standby_state {
  HR_STANDBY_NOBODY,
  HR_STANDBY_READY,
  HR_STANDBY_TAKEN,
  HR_STANDBY_CALLED,
  HR_STANDBY_RUNNING,
  HR_STANDBY_BITS = 3,
  HR_STANDBY_MASK = (1 << HR_STANDBY_BITS) - 1
} hr_standby_state;

/* One cache line, so that a call moves between cores as one: the worker looks at it all the time. */
typedef struct hr_standby {
  _Alignas(HR_CACHE_LINE) _Atomic(uint64_t) word;
  /* The owner's while taken, published by `called`: the worker's part of the loop, and the loop for more. */
  hr_loop_work *loop;
  void (*fn)(void *ctx, int64_t first, int64_t end);
  void *ctx;
  int64_t first, end, grain; /* chunks of `grain` items from `first` on */
} hr_standby;
_Static_assert(sizeof(hr_standby) == HR_CACHE_LINE, "a call is one cache line");

typedef struct hr_pool {
  pthread_once_t once;
  hr_mutex lock;
  int limit;
  hr_loop_work *loops; /* those that workers may join */
  /* Threads. */
  hr_worker *sleepers;
  _Atomic(int) in_long; /* active threads inside a task that may be long */
  int active;           /* the worker that stands by among them */
  int threads, sleeping, spinning, blocked, starting;
  bool stopping, retiring;
  _Atomic(bool) alone; /* written under lock */
  /* Monitor. */
  bool monitor_made, monitor_armed;
  _Atomic(uint32_t) monitor_word;
  uint64_t stints, wakes, grants, threads_made;
  /* What spinning workers look at all the time, away from what others write. */
  _Alignas(HR_CACHE_LINE) hr_run_queue queue;
  _Atomic(uint32_t) loops_opened; /* how many were listed ever; written under lock */
  hr_standby standby;
} hr_pool;
extern hr_pool hr_the_pool;

/* Whom to wake once the lock is dropped. */
typedef struct hr_wake {
  hr_worker *sleeper;
  bool spawn, monitor;
  int busy_core; /* 1 + the core that the waker will stay on; 0: it may sleep soon */
} hr_wake;

/* One more thread, asleep or new; the caller has decided that it should run. */
void hr_pool_wake_one_locked(hr_wake *out, bool granted);
/* Without the lock. */
void hr_pool_wake_act(const hr_wake *what, bool granted);

/* A place is free, or was just the standby worker's, who goes on spinning without it. */
bool hr_pool_room_locked(void);
bool hr_pool_may_spin_locked(void);

static inline bool hr_pool_something_to_do(const hr_worker *worker) {
  return hr_run_queue_any(&hr_the_pool.queue) || hr_load_relaxed(&hr_the_pool.loops_opened) != worker->seen_loops;
}

/* --- pool_loops.c, for workers --- */

/* A listed loop with chunks left, entered; or NULL. */
hr_loop_work *hr_pool_loop_enter_locked(bool light);
/* Runs chunks as a guest until there are none, or a stream is runnable, or stop(arg); then leaves. NULL: no stop. */
void hr_pool_loop_run(hr_loop_work *loop, bool (*stop)(const void *arg), const void *arg);

/* Spins for a while; runs what it is called to on the way. Returns when there may be something to do, or nothing came
 * up. */
void hr_pool_spin(const hr_worker *worker);

static inline hr_standby_state hr_standby_state_of(uint64_t word) { return (hr_standby_state)(word & HR_STANDBY_MASK); }
/* A worker stands by. It has seen every stream that was queued before this load, or will: hr_pool_loop_open(). */
static inline bool hr_standby_ready(void) {
  return hr_standby_state_of(hr_load_seq_cst(&hr_the_pool.standby.word)) == HR_STANDBY_READY;
}
/* Takes the place from the worker that stands by, if one does. */
bool hr_standby_recall_locked(void);
void hr_standby_fork_child(void);

#endif
