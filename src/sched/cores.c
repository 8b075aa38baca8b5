#include "sched/cores.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sched/tuning.h"

static int affinity_cores(void) {
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n > 0 ? (int)n : 1;
}

/* Cores by quota / period, rounded up; 0: no quota. */
static int quota_cores(double quota, double period) {
  if (quota <= 0 || period <= 0) return 0;
  int cores = (int)(quota / period);
  return cores + (cores * period < quota);
}

static int v2_cores(void) {
  double quota = 0, period = 0;
  FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
  if (!f) return 0;
  int got = fscanf(f, "%lf %lf", &quota, &period);
  fclose(f);
  return got == 2 ? quota_cores(quota, period) : 0;
}

static double read_number(const char *path) {
  double value = 0;
  FILE *f = fopen(path, "re");
  if (!f) return 0;
  if (fscanf(f, "%lf", &value) != 1) value = 0;
  fclose(f);
  return value;
}

static int v1_cores(void) {
  return quota_cores(read_number("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
                     read_number("/sys/fs/cgroup/cpu/cpu.cfs_period_us"));
}

int hr_cores_usable(void) {
  int cores = affinity_cores(), quota = v2_cores();
  if (!quota) quota = v1_cores();
  if (quota && quota < cores) cores = quota;
  if (cores > HR_MAX_WORKERS) cores = HR_MAX_WORKERS;
  return cores < 1 ? 1 : cores;
}

int hr_cores_current(void) {
#ifdef __linux__
  return sched_getcpu();
#else
  return -1;
#endif
}

void hr_cores_leave(int core) {
#ifdef __linux__
  cpu_set_t usable, others;
  if (core < 0 || core >= CPU_SETSIZE || sched_getcpu() != core) return;
  if (sched_getaffinity(0, sizeof usable, &usable) != 0) return;
  others = usable;
  CPU_CLR(core, &others);
  if (CPU_COUNT(&others) && sched_setaffinity(0, sizeof others, &others) == 0)
    sched_setaffinity(0, sizeof usable, &usable);
#else
  (void)core;
#endif
}
