/* src/base/memory.h - memory of the library's own bookkeeping (array data comes from array/buffer.h).
 * M1  hr_alloc() is malloc behind the hooks of the `hr_` interface; every result is checked by its caller.
 * M2  A slab block is freed with the size it was asked for, by any thread. Blocks are at least 16-byte aligned.
 * M3  A thread keeps at most HR_SLAB_KEEP free blocks a class; the rest moves in batches to one depot, so memory freed
 * by one thread serves another and a thread that ends leaves nothing behind. Slab memory is not returned to the system.
 */
#ifndef HR_BASE_MEMORY_H
#define HR_BASE_MEMORY_H

#include <stddef.h>

#include "base/error.h"

void *hr_alloc(size_t bytes) HR_MUST_USE; /* NULL without memory */
void *hr_alloc_zero(size_t bytes) HR_MUST_USE;
/* Grows or shrinks; on NULL the old block stays. */
void *hr_realloc(void *block, size_t bytes) HR_MUST_USE;
void hr_free(void *block); /* NULL is fine */
char *hr_strdup(const char *text) HR_MUST_USE;

typedef struct hr_allocator {
  void *(*alloc)(void *user, size_t bytes);
  void *(*realloc)(void *user, void *block, size_t bytes);
  void (*free)(void *user, void *block);
  void *user;
} hr_allocator;
/* Before any other call of the library; NULL restores malloc. */
void hr_allocator_set(const hr_allocator *allocator);

/* Small objects that live and die in great numbers: nodes, arrays, handles. Above 1 KiB this is hr_alloc. */
void *hr_slab_alloc(size_t bytes) HR_MUST_USE;
void hr_slab_free(void *block, size_t bytes);

/* Makes the n-th allocation from now on fail, for tests (1 is the next one); 0 turns it off. */
void hr_alloc_fail_at(long n);

/* Around fork(): prepare takes the locks of this room and of array memory, the others drop them (R24). */
void hr_memory_fork_prepare(void);
void hr_memory_fork_parent(void);
void hr_memory_fork_child(void);

#endif
