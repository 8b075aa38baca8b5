/* src/cpu/slots.c - see slots.h. */
#include "cpu/slots.h"

#include <sched.h>

hr_status hr_slots_init(hr_slots *slots, int64_t chunks, int64_t bytes) {
  int64_t count = chunks < 1 ? 1 : chunks < HR_SLOTS_MAX ? chunks : HR_SLOTS_MAX;
  *slots = (hr_slots){.bytes = (bytes + HR_DATA_ALIGN - 1) / HR_DATA_ALIGN * HR_DATA_ALIGN};
  slots->all = count == HR_SLOTS_MAX ? ~(uint64_t)0 : ((uint64_t)1 << count) - 1;
  hr_store_relaxed(&slots->free, slots->all);
  return hr_buffer_new(&slots->buffer, (size_t)(count * slots->bytes));
}

void hr_slots_deinit(hr_slots *slots) {
  hr_buffer_release(slots->buffer);
  slots->buffer = NULL;
}

/* The lowest free one: few threads use few slots, which stay in their caches. */
void *hr_slots_take(hr_slots *slots) {
  uint64_t free = hr_load_relaxed(&slots->free);
  for (;;) {
    if (!free) {
      sched_yield();
      free = hr_load_relaxed(&slots->free);
    } else if (hr_cas_acquire(&slots->free, &free, free & (free - 1))) {
      return (char *)slots->buffer->data + __builtin_ctzll(free) * slots->bytes;
    }
  }
}

void hr_slots_give(hr_slots *slots, void *slot) {
  uint64_t bit = (uint64_t)1 << (((char *)slot - (char *)slots->buffer->data) / slots->bytes);
  atomic_fetch_or_explicit(&slots->free, bit, memory_order_release);
}
