/* src/cpu/tuning.h - the numbers of the kernels' outer loops. They cut work by its size alone (P5). */
#ifndef HR_CPU_TUNING_H
#define HR_CPU_TUNING_H

#include <stdint.h>

enum {
  HR_TILE_BYTES = 1024,       /* of one operand: eight of them are the stack of a task that a waiter may run (R12) */
  HR_PASS_GRAIN = 8192,       /* elements a chunk of small work: 0.7 us of an add from cache, 25 us of pow; */
  HR_PASS_GRAIN_MOST = 32768, /* and of large work: 20 us of an add from memory, 0.1 ms of pow */
  HR_PASS_ALONE = 16384,      /* elements that one thread does at once: handing half of 1 us over takes 0.3 */
  HR_AHEAD_BYTES = 4096,      /* how far ahead of such a result its operands are fetched */
  HR_STREAM_BYTES = 64 << 20, /* results from this size on are written past the caches */
};

/* Elements a chunk for a pass over `size`: eight chunks, unless they become too small or too large. */
static inline int64_t hr_pass_grain(int64_t size) {
  if (size <= HR_PASS_ALONE) return HR_PASS_ALONE;
  int64_t grain = (size / 8 + HR_PASS_GRAIN - 1) / HR_PASS_GRAIN * HR_PASS_GRAIN;
  return grain < HR_PASS_GRAIN_MOST ? grain : HR_PASS_GRAIN_MOST;
}

#endif
