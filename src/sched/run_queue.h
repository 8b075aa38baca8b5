/* src/sched/run_queue.h - the streams that are runnable while no thread runs them: oldest first, a list a priority.
 *
 * Guarded by the pool's lock, but for hr_run_queue_any(), which spinning workers call without it. The queue holds no
 * references: streams are never freed. */
#ifndef HR_SCHED_RUN_QUEUE_H
#define HR_SCHED_RUN_QUEUE_H

#include "sched/stream.h"

typedef struct hr_run_queue {
  hr_stream *head[HR_PRIORITY_COUNT], *tail[HR_PRIORITY_COUNT];
  _Atomic(uint32_t) count; /* stored seq_cst: W9 of pool.h */
  uint32_t turns;          /* for the background's sixteenth */
} hr_run_queue;

static inline bool hr_run_queue_any(const hr_run_queue *queue) { return hr_load_relaxed(&queue->count) != 0; }

/* Unless it is in the queue already. */
void hr_run_queue_push(hr_run_queue *queue, hr_stream *stream, int64_t now_ns);
void hr_run_queue_remove(hr_run_queue *queue, hr_stream *stream);
/* After its urgency changed: to the end of the right list, if it is in the queue. */
void hr_run_queue_move(hr_run_queue *queue, hr_stream *stream);
/* Removes the next stream by priority; every sixteenth turn looks at the background first (R14). NULL: empty. */
hr_stream *hr_run_queue_pop(hr_run_queue *queue);
/* When a stream is due for a grant (W4 of pool.h): that one, or a more urgent one that soon will be. Else NULL.
 * `beyond`: more threads than the limit run. */
hr_stream *hr_run_queue_starving(hr_run_queue *queue, int64_t now_ns, bool beyond);
/* In the child of a fork. */
void hr_run_queue_clear(hr_run_queue *queue);

#endif
