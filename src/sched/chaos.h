/* src/sched/chaos.h - schedule shuffling for tests: HEADRACE_CHAOS=seed makes threads yield or spin at random at the
 * places where the protocols could be interrupted, and workers choose streams at random. Off, it costs one load. */
#ifndef HR_SCHED_CHAOS_H
#define HR_SCHED_CHAOS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"

extern _Atomic(bool) hr_chaos_on; /* set once, when the pool starts */

void hr_chaos_init(void);
void hr_chaos_disturb(void);
/* A number below n, from this process's seed; any thread. */
uint32_t hr_chaos_pick(uint32_t n);

static inline void hr_chaos_point(void) {
  if (__builtin_expect(hr_load_relaxed(&hr_chaos_on), 0)) hr_chaos_disturb();
}

#endif
