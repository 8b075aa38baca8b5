/* src/array/large_cache.c - a list for every class, and one through all blocks by age. */
#include "array/large_cache.h"

#include "array/host_memory.h"
#include "array/size_class.h"
#include "base/atomic.h"
#include "base/lock.h"
#include "base/pages.h"

typedef struct link {
  struct link *prev, *next;
} link;

/* At the start of a free block. */
typedef struct free_block {
  link in_class; /* newest first */
  link in_age;   /* newest first */
  size_t bytes;
} free_block;

enum { FIRST_CLASS = (20 - HR_SIZE_CLASS_MIN_LOG2) * 8 + 1, CLASSES = HR_SIZE_CLASS_COUNT - FIRST_CLASS };
_Static_assert(HR_MEDIUM_MAX == 1 << 20, "FIRST_CLASS is the first class above HR_MEDIUM_MAX");

/* All guarded by lock; bytes is also read without it. */
static hr_mutex lock;
static link classes[CLASSES]; /* heads of rings; zero: empty */
static link ages;
static _Atomic(size_t) cached_bytes;

static void ring_insert(link *head, link *l) {
  if (!head->next) head->next = head->prev = head;
  l->prev = head;
  l->next = head->next;
  head->next->prev = l;
  head->next = l;
}

static void ring_remove(link *l) {
  l->prev->next = l->next;
  l->next->prev = l->prev;
}

static link *ring_first(link *head) { return head->next == head ? NULL : head->next; }
static link *ring_last(link *head) { return head->prev == head ? NULL : head->prev; }

static free_block *of_class(link *l) { return (free_block *)l; }
static free_block *of_age(link *l) { return (free_block *)((char *)l - offsetof(free_block, in_age)); }

static void remove_locked(free_block *b) {
  ring_remove(&b->in_class);
  ring_remove(&b->in_age);
  /* relaxed: a count, changed under lock, read anywhere */
  hr_store_relaxed(&cached_bytes, hr_load_relaxed(&cached_bytes) - b->bytes);
}

void *hr_large_cache_take(size_t *out_bytes, size_t bytes) {
  if (hr_load_relaxed(&cached_bytes) == 0) return NULL; /* a miss by a hair is only a miss */
  int class = hr_size_class(bytes);
  free_block *found = NULL;
  hr_mutex_lock(&lock);
  for (; !found && class < HR_SIZE_CLASS_COUNT && hr_size_class_bytes(class) - bytes <= bytes / 4; class ++) {
    link *first = ring_first(&classes[class - FIRST_CLASS]);
    if (first) found = of_class(first);
  }
  if (found) {
    remove_locked(found);
    *out_bytes = found->bytes;
  }
  hr_mutex_unlock(&lock);
  return found;
}

void hr_large_cache_put(void *data, size_t bytes) {
  free_block *b = data;
  b->bytes = bytes;
  hr_mutex_lock(&lock);
  ring_insert(&classes[hr_size_class(bytes) - FIRST_CLASS], &b->in_class);
  ring_insert(&ages, &b->in_age);
  hr_store_relaxed(&cached_bytes, hr_load_relaxed(&cached_bytes) + bytes);
  hr_mutex_unlock(&lock);
}

void hr_large_cache_trim(size_t keep) {
  while (hr_load_relaxed(&cached_bytes) > keep) {
    hr_mutex_lock(&lock);
    link *last = ring_last(&ages);
    free_block *oldest = last ? of_age(last) : NULL;
    if (oldest) remove_locked(oldest);
    hr_mutex_unlock(&lock);
    if (!oldest) return;
    hr_pages_unmap(oldest, oldest->bytes);
  }
}

size_t hr_large_cache_bytes(void) { return hr_load_relaxed(&cached_bytes); }

void hr_large_cache_fork_prepare(void) { hr_mutex_lock(&lock); }
void hr_large_cache_fork_parent(void) { hr_mutex_unlock(&lock); }
void hr_large_cache_fork_child(void) { hr_mutex_reset(&lock); }
