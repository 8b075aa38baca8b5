/* src/sched/pool.h - the workers of the process.
 *
 * W1  One pool a process, started on first use; `limit` workers at the most run tasks at once (HEADRACE_THREADS, else
 *     the cores by affinity and control-group quota). Everything in the pool is guarded by one lock, taken once a
 *     stint, not once a task.
 * W2  `active` counts threads that run tasks or chunks: workers, and helpers for tasks above HR_TINY_NS. A worker
 *     takes work only while active < limit, or when it was granted a turn (W4).
 * W3  A worker that finds nothing spins for a short time, then registers as sleeping under the lock after a last look
 *     at the queue. Whoever queues a stream wakes one sleeper only if nobody spins; a worker that takes a stream and
 *     leaves others in the queue wakes the next. So no wake-up is lost and at most one is paid for a publish (R13).
 * W4  The monitor is asleep unless work is queued that nobody could take. A stream that has been runnable for a
 *     millisecond while the places are taken gets a grant: one more thread for a stint of that stream, beyond `limit`,
 *     up to three times the limit in all. This holds whatever the long tasks are, kernels, libraries or user code (R15:
 *     the operating system shares the cores). A slow stream gets one only after a quarter of a second, and so does one
 *     of unknown pace while a thread is beyond the limit already: long tasks take turns, lest they hold up the short
 *     ones. Background streams get no grants, and a sixteenth of the turns (R14). A thread that sleeps in a wait looks
 *     in the monitor's place once.
 * W5  User code inside a task that waits gives its place up (hr_pool_block_begin), so that another worker can run.
 * W6  Workers block all signals, run with the default floating-point environment (R19), and are never joined: at exit
 *     they stay parked (R25). A worker beyond the limit ends after a second without work.
 * W7  Threads that wait are guests of light loops like workers, with a place of `active` each (R12, R13).
 * W8  Fork: the child starts with no workers and an empty queue; see fork.c.
 * W9  One of the workers that spin stands by: it holds a place, which it loses to who needs one, and looks at one cache
 *     line all the time. The owner of a loop calls it by writing function, argument and a first part of the loop there,
 *     without a lock; the worker gives its answer in the same line when it begins and when it ends. What it has not
 *     begun when the owner has nothing else left is taken back. It leaves a loop, as other guests do, at the end of a
 *     chunk when a stream is runnable. No stream is overlooked: it is queued before one looks whether a worker stands
 *     by (then nobody is woken), and that has been called before one looks whether a stream is queued (then the call
 *     is withdrawn), all of it sequentially consistent. */
#ifndef HR_SCHED_POOL_H
#define HR_SCHED_POOL_H

#include "sched/stream.h"

hr_status hr_pool_start(void) HR_MUST_USE; /* idempotent, any thread */
int hr_pool_limit(void);
/* 1 to 1024; takes effect at the next stint. */
hr_status hr_pool_limit_set(int workers) HR_MUST_USE;

/* The caller owns the stream (state running) or has just made it queued: puts it into the run queue; wakes a worker if
 * none is looking. */
void hr_pool_push(hr_stream *stream);
/* Queues all streams of a worklist, which the caller owns. */
void hr_pool_push_freed(hr_worklist *freed);

/* After its effective priority changed: moves the stream if it is in the run queue. */
void hr_pool_requeue(hr_stream *stream);

/* A helper's place for tasks above HR_TINY_NS: false if all are taken, unless by tasks that may be long: what a waiting
 * thread could run itself does not wait for those. */
bool hr_pool_enter(void);
void hr_pool_leave(void);
/* True when a thread with a place has used its stint up and others want the place. Otherwise the stint goes on: that
 * saves a wake. */
bool hr_pool_stint_over(hr_stint *stint);

/* Around a task that may be long. */
void hr_pool_long_begin(void);
void hr_pool_long_end(void);

/* A look in the monitor's place: grants a turn to a stream that is due (W4). */
void hr_pool_look(void);

/* Around a wait inside a task (W5). */
void hr_pool_block_begin(void);
void hr_pool_block_end(void);

/* True when a thread that waits may spin: a core is free of tasks. */
bool hr_pool_may_spin(void);

/* True when no worker will come: the process is exiting, or the system refuses threads and there is none yet. Waiting
 * threads do all work themselves then, as far as they can. */
bool hr_pool_alone(void);

/* True on a thread of the pool. */
bool hr_pool_is_worker(void);

typedef struct hr_pool_counts {
  uint64_t stints, wakes, grants, threads_made;
  int active, threads, sleeping, blocked;
} hr_pool_counts;
void hr_pool_counts_get(hr_pool_counts *out);

void hr_pool_fork_prepare(void);
void hr_pool_fork_parent(void);
void hr_pool_fork_child(void);
/* No more work will come: workers without any end within a second. */
void hr_pool_retire(void);
/* Exit: no new stint begins; waits until running ones end, at most grace_ns. */
void hr_pool_stop(int64_t grace_ns);

/* --- for parallel.c --- */
typedef struct hr_loop_work hr_loop_work;
struct hr_loop_work {
  /* What a guest needs lies in one cache line. Chunk c is [c * grain, (c + 1) * grain), the last one up to `count`. */
  _Alignas(HR_CACHE_LINE) void (*fn)(void *ctx, int64_t first, int64_t end);
  void *ctx;
  int64_t count, grain, chunks;
  uint64_t call; /* the owner's: the standby worker's word when it was called */
  bool light;    /* threads that wait may join too */
  /* Chunks that were asked for: who counts up to `chunks` gets one, the loop's owner the next from the front, a guest
   * the next from the back. */
  _Alignas(HR_CACHE_LINE) _Atomic(int64_t) taken;
  _Atomic(int64_t) from_back;
  _Atomic(uint32_t) guests;            /* threads inside that joined by the list; raised under the pool's lock */
  hr_loop_work *open_next, *open_prev; /* guarded by the pool's lock */
};
/* Runs all chunks. The caller has set what describes the loop, of at least two chunks; the rest is zero. `is_long`:
 * sleepers are woken before the first chunk. */
void hr_pool_loop(hr_loop_work *loop, bool is_long);

/* --- for wait.c --- */
/* On a thread that waits: if loops were opened since *seen was set (0 before the first call) and a place is free, takes
 * chunks of a light one until they run out or stop(arg). True if it took part. */
bool hr_pool_loop_help(uint32_t *seen, bool (*stop)(const void *arg), const void *arg);

#endif
