/* src/base/memory.h - memory of the library's own bookkeeping (array data comes from array/buffer.h).
 * M1  hr_alloc() is malloc behind the hooks of the `hr_` interface; every result is checked by its caller, and aligned
 *     to 16 bytes (which hooks must keep).
 * M2  A slab block is freed with the size it was asked for, by any thread. Blocks are at least 16-byte aligned.
 * M3  A thread keeps at most HR_SLAB_KEEP free blocks a class; the rest moves in batches to one depot, so memory freed
 *     by one thread serves another and a thread that ends leaves nothing behind. Slab memory stays with the process.
 *     Under AddressSanitizer and ThreadSanitizer slab blocks are plain hr_alloc() blocks, so that misuse is seen.
 * M4  Any thread, also in destructors of thread-local data after the slab's own has run. */
#ifndef HR_BASE_MEMORY_H
#define HR_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "headrace/runtime.h"

void *hr_alloc(size_t bytes) HR_MUST_USE; /* NULL without memory */
void *hr_alloc_zero(size_t bytes) HR_MUST_USE;
/* Grows or shrinks; on NULL the old block stays. */
void *hr_realloc(void *block, size_t bytes) HR_MUST_USE;
void hr_free(void *block); /* NULL is fine */
char *hr_strdup(const char *text) HR_MUST_USE;

/* Before any other call of the library; NULL restores malloc. */
void hr_allocator_set(const hr_allocator *allocator);

/* Free blocks that a thread keeps of one class at most: two magazines (slab.c) of the smallest class. */
enum { HR_SLAB_KEEP = 128, HR_SLAB_MAX = 1024 };

/* Small objects that live and die in great numbers: nodes, arrays, handles. Above 1 KiB this is hr_alloc. */
void *hr_slab_alloc(size_t bytes) HR_MUST_USE;
void hr_slab_free(void *block, size_t bytes);

/* Makes the n-th allocation from now on fail, for tests (1 is the next one); 0 turns it off. Counts hr_alloc and its
 * kin, slab blocks, and memory for array data, of all threads. */
void hr_alloc_fail_at(long n);
/* For allocators: true if this request is the one to fail. */
bool hr_alloc_fails_now(void);

/* Around fork(): prepare takes the locks of this room and of array memory, the others drop them (R24). Free
 * slab blocks of threads that the child does not have are lost to it. */
void hr_memory_fork_prepare(void);
void hr_memory_fork_parent(void);
void hr_memory_fork_child(void);

/* Three more functions for these three, called before (prepare) or after the room's own: how array memory joins in. For
 * good; once. */
typedef struct hr_memory_fork_hooks {
  void (*prepare)(void);
  void (*parent)(void);
  void (*child)(void);
} hr_memory_fork_hooks;
void hr_memory_fork_join(const hr_memory_fork_hooks *hooks);

#endif
