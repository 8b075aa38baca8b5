/* src/sched/task.h - a step of a stream, as the scheduler sees it: embedded in what it belongs to (a graph node).
 * K1  `cost_ns` and `class` are set before the task is appended; `value` and `next` belong to the stream from then on.
 * K2  A task waits for nothing but its points (R2). blocked() names them again and again until all are reached, also
 * for a task that will be skipped: a skipped task completes its value only after its points (R9). */
#ifndef HR_SCHED_TASK_H
#define HR_SCHED_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "sched/timeline.h"

typedef struct hr_task hr_task;

typedef struct hr_task_class {
  /* Runner only: true and the point if one is not reached yet. Of several points on one timeline the highest (P3). */
  bool (*blocked)(const hr_task *task, hr_point *out);
  /* Runner only: does the work, or gives it up when `skip` is not HR_OK, and lets go of the task, whose memory may be
   * gone when this returns. Fails into the task's own results, never to the runner. */
  void (*run)(hr_task *task, int skip);
  /* Under the stream's lock, when `value` is set and before anybody can run the task: the place to publish that it is
   * queued. Answers a word whose sleepers are to be woken once the lock is dropped, or NULL. May be NULL. */
  _Atomic(uint32_t) *(*queued)(hr_task *task);
} hr_task_class;

enum {
  HR_TASK_LIBRARY = 1, /* library or user code: not for threads that only help (R12) */
  HR_TASK_USER = 2,    /* user code: may wait inside (R15) */
};

struct hr_task {
  hr_task *next;
  uint64_t value;
  const hr_task_class *class;
  uint32_t cost_ns; /* estimate for one core, saturated */
  uint32_t kinds;
};

/* R12: what a waiting thread may run itself; and below which cost it needs no worker's place for it. Waking a worker
 * costs 8 us here and its answer 30 us, so a task of a few microseconds is never worth handing over. */
enum { HR_LIGHT_NS = 50000, HR_TINY_NS = 5000 };

static inline bool hr_task_is_ours(const hr_task *task) { return !(task->kinds & (HR_TASK_LIBRARY | HR_TASK_USER)); }
static inline bool hr_task_is_light(const hr_task *task) {
  return task->cost_ns <= HR_LIGHT_NS && hr_task_is_ours(task);
}

#endif
