/* src/array/large_cache.h - freed blocks above HR_MEDIUM_MAX bytes, by class and by age.
 * The list entry lies in the block itself, whose first page was most likely touched. One lock; it is held for list work
 * only. */
#ifndef HR_ARRAY_LARGE_CACHE_H
#define HR_ARRAY_LARGE_CACHE_H

#include <stddef.h>

/* A block of at least `bytes` that wastes at most a quarter of them, smallest first; NULL if there is none.
 * *out_bytes is its size. */
void *hr_large_cache_take(size_t *out_bytes, size_t bytes);

/* Keeps a block, whose size is a class's. */
void hr_large_cache_put(void *data, size_t bytes);

/* Unmaps blocks, oldest first, until at most `keep` bytes are cached. */
void hr_large_cache_trim(size_t keep);

size_t hr_large_cache_bytes(void);

void hr_large_cache_fork_prepare(void);
void hr_large_cache_fork_parent(void);
void hr_large_cache_fork_child(void);

#endif
