/* src/sched/tuning.h - constants of the scheduler, each with what it was measured against (two cores of a Xeon server
 * processor at 2.6 GHz under KVM: waking a sleeping thread costs the waker 7 us and answers after 30 us). */
#ifndef HR_SCHED_TUNING_H
#define HR_SCHED_TUNING_H

enum {
  HR_MAX_WORKERS = 1024,
  HR_WORKER_STACK = 2 << 20, /* library and user code run on it */
  HR_MONITOR_STACK = 128 << 10,
  HR_STINT_NS = 500000,          /* a stream's turn: see hr_stint */
  HR_SPIN_ROUNDS = 1500,         /* pauses of a worker before it sleeps: about twice the price of a wake */
  HR_STARVE_NS = 1000000,        /* a runnable stream that waited this long gets a grant */
  HR_MONITOR_QUIET = 20,         /* half milliseconds without queued work before the monitor sleeps */
  HR_SLOW_STARVE_NS = 250000000, /* the same for a slow stream: it can wait its turn, and a third busy thread on two
                                  * cores delays all others by 4 ms */
  HR_GRANT_FACTOR = 3,           /* threads that run at once, grants included, as a multiple of the limit */
  HR_SPARE_LIFE_NS = 1000000000,
  HR_WAIT_SPINS = 24,      /* looks of a waiting thread before it sleeps ... */
  HR_WAIT_PAUSES = 24,     /* ... with so many pauses between two: 20 to 40 us in all */
  HR_WAIT_YIELD_AFTER = 1, /* looks before it also offers its core to others */
  HR_LOOP_SHARE = 4,       /* chunks of a light loop that a thread gets at once, to begin with */
  HR_LOOP_WORTH_NS = 40000 /* rest of a loop, by its first chunk, that pays for waking sleepers */
};

#endif
