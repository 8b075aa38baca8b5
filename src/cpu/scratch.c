#include "cpu/scratch.h"

#include <sched.h>

#include "sched/pool.h"

hr_status hr_scratch_init(hr_scratch *out, size_t bytes, int64_t chunks) {
  int64_t threads = hr_pool_limit() + 1; /* a thread that waits may run the loop */
  out->buffer = NULL;
  out->block_bytes = (bytes + HR_DATA_ALIGN - 1) / HR_DATA_ALIGN * HR_DATA_ALIGN;
  if (threads > 64 * HR_SCRATCH_WORDS) threads = 64 * HR_SCRATCH_WORDS;
  out->count = (int)(chunks < threads ? chunks : threads);
  for (int i = 0; i < HR_SCRATCH_WORDS; i++) hr_store_relaxed(&out->taken[i], 0);
  /* One more: small buffers are aligned to 16 bytes only. */
  return bytes == 0 ? HR_OK : hr_buffer_new(&out->buffer, out->block_bytes * (size_t)out->count + HR_DATA_ALIGN);
}

void hr_scratch_deinit(hr_scratch *scratch) { hr_buffer_release(scratch->buffer); }

static char *blocks_of(const hr_scratch *scratch) {
  uintptr_t data = (uintptr_t)scratch->buffer->data;
  return (char *)scratch->buffer->data + (HR_DATA_ALIGN - data % HR_DATA_ALIGN) % HR_DATA_ALIGN;
}

void *hr_scratch_block(const hr_scratch *scratch, int i) {
  return blocks_of(scratch) + (size_t)i * scratch->block_bytes;
}

/* The release of a block by one thread pairs with the acquire of the next that takes it. */
void *hr_scratch_take(hr_scratch *scratch) {
  static _Thread_local int last;
  if (!scratch->buffer) return NULL;
  for (int i = last % scratch->count, tries = 1;; i = (i + 1) % scratch->count, tries++) {
    uint64_t bit = (uint64_t)1 << i % 64;
    if (!(hr_load_relaxed(&scratch->taken[i / 64]) & bit) &&
        !(atomic_fetch_or_explicit(&scratch->taken[i / 64], bit, memory_order_acquire) & bit)) {
      last = i;
      return hr_scratch_block(scratch, i);
    }
    if (tries % scratch->count == 0) sched_yield();
  }
}

void hr_scratch_give(hr_scratch *scratch, void *block) {
  if (!block) return;
  size_t i = (size_t)((char *)block - blocks_of(scratch)) / scratch->block_bytes;
  atomic_fetch_and_explicit(&scratch->taken[i / 64], ~((uint64_t)1 << i % 64), memory_order_release);
}
