/* src/sched/cores.h - how many cores the process may use. */
#ifndef HR_SCHED_CORES_H
#define HR_SCHED_CORES_H

/* The smaller of the affinity mask and the control group's quota (cgroup v2 cpu.max, v1 cpu.cfs_quota_us), at least 1.
 */
int hr_cores_usable(void);

#endif
