/* src/base/memory.c - malloc behind the hooks, and allocations that fail on demand. */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"
#include "base/slab_internal.h"

static hr_allocator hooks; /* all NULL: malloc. Written before any other call of the library. */
static _Atomic(long) countdown;
static _Atomic(const hr_memory_fork_hooks *) joined; /* release in join, acquire in the fork handlers: the functions */

void hr_allocator_set(const hr_allocator *allocator) { hooks = allocator ? *allocator : (hr_allocator){0}; }

/* relaxed throughout: the count orders nothing else, and tests set it before they start threads */
void hr_alloc_fail_at(long n) { hr_store_relaxed(&countdown, n); }
bool hr_alloc_fails_now(void) {
  if (hr_load_relaxed(&countdown) <= 0) return false;
  return hr_sub_relaxed(&countdown, 1) == 1;
}

void *hr_alloc(size_t bytes) {
  if (hr_alloc_fails_now()) return NULL;
  if (bytes == 0) bytes = 1; /* NULL means failure alone */
  return hooks.alloc ? hooks.alloc(hooks.user, bytes) : malloc(bytes);
}

void *hr_alloc_zero(size_t bytes) {
  if (!hooks.alloc) return hr_alloc_fails_now() ? NULL : calloc(1, bytes ? bytes : 1);
  void *block = hr_alloc(bytes);
  return block ? memset(block, 0, bytes) : NULL;
}

void *hr_realloc(void *block, size_t bytes) {
  if (hr_alloc_fails_now()) return NULL;
  if (bytes == 0) bytes = 1;
  return hooks.realloc ? hooks.realloc(hooks.user, block, bytes) : realloc(block, bytes);
}

void hr_free(void *block) {
  if (!block) return;
  if (hooks.free)
    hooks.free(hooks.user, block);
  else
    free(block);
}

char *hr_strdup(const char *text) {
  size_t bytes = strlen(text) + 1;
  char *copy = hr_alloc(bytes);
  return copy ? memcpy(copy, text, bytes) : NULL;
}

void hr_memory_fork_join(const hr_memory_fork_hooks *more) { hr_store_release(&joined, more); }

void hr_memory_fork_prepare(void) {
  const hr_memory_fork_hooks *more = hr_load_acquire(&joined);
  if (more) more->prepare();
  hr_slab_fork_prepare();
}

void hr_memory_fork_parent(void) {
  hr_slab_fork_parent();
  const hr_memory_fork_hooks *more = hr_load_acquire(&joined);
  if (more) more->parent();
}

void hr_memory_fork_child(void) {
  hr_slab_fork_child();
  const hr_memory_fork_hooks *more = hr_load_acquire(&joined);
  if (more) more->child();
}
