/* src/sched/process.h - fork and exit (R24, R25).
 *
 * Fork: prepare takes the locks of the registry and its streams, of the pool and of the memory rooms, in lock order;
 * the parent drops them. In the child streams with unfinished work are dead (S7), idle ones live on, workers and
 * default streams are new. Exit: queued work is cancelled, running tasks get HR_EXIT_GRACE_NS, threads stay parked,
 * nothing is freed, the library is not unloaded. */
#ifndef HR_SCHED_PROCESS_H
#define HR_SCHED_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

enum { HR_EXIT_GRACE_NS = 2000000000 };

/* Once, when the pool starts. */
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

/* Cancels what is queued on all streams, waits for what runs at most grace_ns: exit, and hr_shutdown(). */
void hr_process_shutdown(int64_t grace_ns);

#endif
