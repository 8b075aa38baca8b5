/* src/cpu/tuning.h - the numbers of the kernels' outer loops. They cut work by its size alone (P5). */
#ifndef HR_CPU_TUNING_H
#define HR_CPU_TUNING_H

enum {
  HR_TILE_BYTES = 1024,       /* of one operand: eight of them are the stack of a task that a waiter may run (R12) */
  HR_PASS_GRAIN = 32768,      /* elements a chunk: 3 us of an add from cache, 20 us from memory, 0.1 ms of pow */
  HR_AHEAD_BYTES = 4096,      /* how far ahead of such a result its operands are fetched */
  HR_STREAM_BYTES = 64 << 20, /* results from this size on are written past the caches */
};

#endif
