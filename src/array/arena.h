/* src/array/arena.h - blocks of 32 KiB to 1 MiB cut from huge pages.
 * Such blocks are too small for huge pages of their own, and faulting them in by small pages is ten times as slow.
 * R1  A region is HR_ARENA_REGION bytes, aligned to its size, so that a block's address gives its region. Its first
 *     unit holds its header; a bitmap says which units of HR_PAGE bytes are in use.
 * R2  A huge page with no unit in use has been given back to the system, a region with none is unmapped; one is kept.
 * R3  One lock. It is held while a huge page is given back, since the page may be handed out again after that.
 * This is the slow path below the free lists of host_memory.h: first fit, a few hundred nanoseconds. */
#ifndef HR_ARRAY_ARENA_H
#define HR_ARRAY_ARENA_H

#include <stddef.h>

#include "base/error.h"

enum { HR_ARENA_REGION = 32 << 20, HR_ARENA_MIN = 32 << 10, HR_ARENA_MAX = 1 << 20 };

/* `bytes` in [HR_ARENA_MIN, HR_ARENA_MAX], a multiple of HR_PAGE; aligned to HR_PAGE. NULL if the system refuses. */
void *hr_arena_alloc(size_t bytes) HR_MUST_USE;
void hr_arena_free(void *block, size_t bytes);

/* Address space held, in bytes; for tests. */
size_t hr_arena_mapped(void);

void hr_arena_fork_prepare(void);
void hr_arena_fork_parent(void);
void hr_arena_fork_child(void);

#endif
