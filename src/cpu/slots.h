/* src/cpu/slots.h - memory for the chunks of a parallel loop, which may not fail: as many pieces as threads may want at
 * once, taken before the loop.
 * T1  A chunk takes a slot, uses it, and gives it back before it ends. What is in a slot is what the last one left.
 * T2  There are at most HR_SLOTS_MAX; where more threads meet, the rest waits for a slot, which is always soon free. */
#ifndef HR_CPU_SLOTS_H
#define HR_CPU_SLOTS_H

#include "array/buffer.h"

enum { HR_SLOTS_MAX = 64 };

typedef struct hr_slots {
  hr_buffer *buffer;
  int64_t bytes;          /* of a slot */
  uint64_t all;           /* a bit a slot */
  _Atomic(uint64_t) free; /* released when a slot is given back, acquired when it is taken */
} hr_slots;

/* For a loop of `chunks` chunks, `bytes` each. Aligned to HR_DATA_ALIGN. */
hr_status hr_slots_init(hr_slots *slots, int64_t chunks, int64_t bytes) HR_MUST_USE;
void hr_slots_deinit(hr_slots *slots); /* zeroed slots are fine */

void *hr_slots_take(hr_slots *slots);
void hr_slots_give(hr_slots *slots, void *slot);

#endif
