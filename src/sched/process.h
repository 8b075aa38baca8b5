/* src/sched/process.h - fork and exit (R24, R25).
 *
 * Fork: prepare takes the locks of the registry and its streams, of the pool and of the memory rooms, in lock order;
 * the parent drops them. In the child streams with unfinished work are dead (S7), idle ones live on, workers and
 * default streams are new; callbacks stay with the parent. Exit: queued work is cancelled, running tasks get
 * HR_EXIT_GRACE_NS, threads stay parked, nothing is freed, the library is not unloaded. */
#ifndef HR_SCHED_PROCESS_H
#define HR_SCHED_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum { HR_EXIT_GRACE_NS = 2000000000 };

/* Idempotent, any thread: before the first thread or lock that a fork or the exit must know of. */
void hr_process_hooks_install(void);

/* Rooms that hold locks across fork add theirs before the pool starts; called in order of adding for prepare, in
 * reverse for the others. */
typedef struct hr_fork_hooks {
  void (*prepare)(void), (*parent)(void), (*child)(void);
} hr_fork_hooks;
void hr_process_fork_hooks_add(const hr_fork_hooks *hooks);

/* Grows by one in each child: objects that hold threads or descriptors compare it. */
uint32_t hr_process_generation(void);

/* True once exit has begun. */
bool hr_process_exiting(void);

/* True once hr_process_close() has been called: streams take no work any more. */
bool hr_process_closed(void);

/* Waits until all streams are idle, as hr_wait_point() does. */
hr_status hr_process_quiesce(int64_t timeout_ns) HR_MUST_USE;

/* hr_shutdown(): no new work, cancels what is queued, then waits for all streams. What is queued is skipped by workers
 * as usual, so that everybody who waits for it is answered; workers end when they find nothing. */
hr_status hr_process_close(int64_t timeout_ns) HR_MUST_USE;

#endif
