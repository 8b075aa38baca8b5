/* src/array/host_memory.h - memory for the elements of arrays on the CPU, above HR_BUFFER_INLINE bytes.
 *
 * Freed blocks are kept and reused, since faulting fresh memory in is dearer than most kernels that write it.
 * G1  Every block has the size of its class (size_class.h): at most an eighth is waste, a quarter when a block of the
 *     next class is reused. Its size is its identity: hr_host_free() gets the size that hr_host_alloc() gave.
 * G2  Up to HR_MEDIUM_MAX bytes: free lists in a few shards, one for a thread by hash; a thread that finds none in its
 *     own looks into the others before it asks the system, which is malloc below HR_ARENA_MIN, else arena.h. Above: one
 *     list a class under one lock (large_cache.h), each block mapped by itself, on huge pages from 2 MiB on. Blocks are
 *     aligned to HR_DATA_ALIGN.
 * G3  active + cached bytes is what the process holds for arrays. Counted are blocks, not inline buffers: those are
 *     part of the slab, and counting them would make every thread write one line. `active` is exact; `peak` may be
 *     off by 64 KiB a shard.
 * G4  A freed block is not kept if that would take the cached bytes over the cache limit, after large blocks that have
 *     lain longest were returned. Going over the memory limit first returns cached blocks; it refuses nothing.
 * G5  R21: fresh memory is refused if the machine could not give it: more than 95% of what is free (available.h), less
 *     what was promised to arrays and not touched yet; the cache is emptied before. The figures are read when
 *     HR_CHECK_BYTES of fresh memory have gone out since they were last read, so a small request costs nothing.
 * Locks: a shard's, the large cache's, that of the check, the arena's; only fork holds more than one. Unmapping, which
 * may take long, runs with no lock held. Any thread may call anything here. Under sanitizers nothing is cached unless a
 * limit is set, and medium blocks are malloc's. */
#ifndef HR_ARRAY_HOST_MEMORY_H
#define HR_ARRAY_HOST_MEMORY_H

#include <stddef.h>

#include "base/error.h"

enum { HR_MEDIUM_MAX = 1 << 20, HR_CHECK_BYTES = 64 << 20 };

/* At least `bytes` (> 0), not cleared; *out_bytes is what may be used. HR_OUT_OF_MEMORY with a text that says how much
 * was asked for and how much there is. */
hr_status hr_host_alloc(void **out, size_t *out_bytes, size_t bytes) HR_MUST_USE;
void hr_host_free(void *data, size_t bytes);

/* The memory calls of the MLX interface. Bytes. */
size_t hr_memory_active(void);                  /* in blocks that arrays hold */
size_t hr_memory_peak(void);                    /* most active bytes since the start or the last reset */
void hr_memory_peak_reset(void);                /* peak is 0 until the next allocation */
size_t hr_memory_cache(void);                   /* in freed blocks that are kept */
void hr_memory_cache_clear(void);               /* returns them to the system */
size_t hr_memory_limit_get(void);               /* default: 80% of the machine's (or group's) memory */
size_t hr_memory_limit_set(size_t bytes);       /* returns the old one */
size_t hr_memory_cache_limit_set(size_t bytes); /* default: a quarter; returns the old one */

#endif
