/* src/sched/parallel.h - a loop whose chunks idle workers help with.
 * P1  The caller works on chunks itself; idle workers join; no worker is taken from a runnable stream.
 * P2  The cut into chunks is the caller's and depends on the size of the work alone, never on the number of workers:
 *     the same work gives the same bits (P5 of the design).
 * P3  The caller takes chunks from the front, those who join take them from the back: when operations over the same
 *     memory follow each other, each core finds most of its part in its own cache. Each chunk goes to one thread; all
 *     have run when the call returns. A chunk should take between 0.5 us, five times what a claim costs, and
 *     0.5 ms: between chunks a worker that only joined leaves for a runnable stream.
 * P4  fn may not fail, evaluate or wait. Memory that it needs is taken before the loop. */
#ifndef HR_SCHED_PARALLEL_H
#define HR_SCHED_PARALLEL_H

#include <stdint.h>

/* Runs fn(ctx, chunk) for chunk in [0, chunks). From any thread; outside a task it works too. */
void hr_parallel_for(int64_t chunks, void (*fn)(void *ctx, int64_t chunk), void *ctx);

/* The same over items [0, count), cut into ranges of `grain` items (the last may be shorter): fn(ctx, first, end). */
void hr_parallel_range(int64_t count, int64_t grain, void (*fn)(void *ctx, int64_t first, int64_t end), void *ctx);

/* The same for code of our own whose ranges take about 50 us at the most, and 8 KiB of stack: threads that wait may
 * join (R12). */
void hr_parallel_range_light(int64_t count, int64_t grain, void (*fn)(void *ctx, int64_t first, int64_t end),
                             void *ctx);

/* The same for a loop that is known to take one thread 0.2 ms or more: sleepers are woken before the first range, which
 * would otherwise have to show that waking them pays. */
void hr_parallel_range_long(int64_t count, int64_t grain, void (*fn)(void *ctx, int64_t first, int64_t end), void *ctx);

#endif
