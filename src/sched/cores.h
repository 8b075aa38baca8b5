/* src/sched/cores.h - how many cores the process may use. */
#ifndef HR_SCHED_CORES_H
#define HR_SCHED_CORES_H

/* The smaller of the affinity mask and the control group's quota (cgroup v2 cpu.max, v1 cpu.cfs_quota_us), at least 1.
 */
int hr_cores_usable(void);

/* The core that the calling thread runs on, or -1. */
int hr_cores_current(void);

/* If the calling thread runs on `core`, it moves to another one that it may use. Systems that run as guests take idle
 * cores for busy ones, and start the thread that was woken on the core of the one that woke it; that one stays busy,
 * and they share the core for seconds while the other is idle. */
void hr_cores_leave(int core);

#endif
