/* src/array/host_memory.c - shards of medium blocks, counters, limits, and the way to the system. */
#include "array/host_memory.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "array/arena.h"
#include "array/available.h"
#include "array/buffer.h"
#include "array/large_cache.h"
#include "array/size_class.h"
#include "base/atomic.h"
#include "base/lock.h"
#include "base/memory.h"
#include "base/pages.h"
#include "base/sanitizer.h"

enum { SHARDS = 8, MEDIUM_CLASSES = (20 - HR_SIZE_CLASS_MIN_LOG2) * 8 + 1, CACHE_LINE = 64 };
enum { FLUSH_BYTES = 64 << 10 };
_Static_assert(HR_MEDIUM_MAX == 1 << 20 && HR_ARENA_MAX == 1 << 20, "MEDIUM_CLASSES ends there");
_Static_assert(HR_ARENA_MIN / 8 % HR_PAGE == 0, "classes from HR_ARENA_MIN on are whole pages");

/* In a free medium block. */
typedef struct free_block {
  struct free_block *next;
} free_block;

/* All written under lock. Counters are also read without it, relaxed: they order nothing. */
typedef struct shard {
  alignas(CACHE_LINE) hr_mutex lock;
  _Atomic(int64_t) pending;      /* active bytes not yet in `active`; |pending| < FLUSH_BYTES */
  _Atomic(int64_t) pending_most; /* highest `pending` since it was flushed or the peak was reset */
  _Atomic(int64_t) cached;       /* bytes */
  free_block *lists[MEDIUM_CLASSES];
} shard;
static shard shards[SHARDS];

static _Atomic(int64_t) active; /* but for the shards' pending */
static _Atomic(int64_t) peak;
static _Atomic(size_t) memory_limit, cache_limit;

/* Guarded by check_lock. */
static hr_mutex check_lock;
static size_t unchecked; /* fresh bytes since the machine was last asked */
static size_t promised;  /* granted by a look at the machine, but not in `active` yet */

/* --- start, fork --- */

static void fork_prepare(void) {
  for (int i = 0; i < SHARDS; i++) hr_mutex_lock(&shards[i].lock);
  hr_large_cache_fork_prepare();
  hr_mutex_lock(&check_lock);
  hr_arena_fork_prepare();
}
static void fork_parent(void) {
  hr_arena_fork_parent();
  hr_mutex_unlock(&check_lock);
  hr_large_cache_fork_parent();
  for (int i = SHARDS; i-- > 0;) hr_mutex_unlock(&shards[i].lock);
}
static void fork_child(void) {
  hr_arena_fork_child();
  hr_mutex_reset(&check_lock);
  hr_large_cache_fork_child();
  for (int i = 0; i < SHARDS; i++) hr_mutex_reset(&shards[i].lock);
}
static const hr_memory_fork_hooks fork_hooks = {fork_prepare, fork_parent, fork_child};

static void start(void) {
  hr_available machine;
  hr_available_read(&machine);
  hr_store_relaxed(&memory_limit, machine.total / 5 * 4);
  hr_store_relaxed(&cache_limit, HR_SANITIZED ? 0 : machine.total / 4);
  hr_memory_fork_join(&fork_hooks);
}

static void ensure_started(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, start);
}

/* --- counters --- */

static void raise_peak(int64_t to) {
  int64_t seen = hr_load_relaxed(&peak);
  while (to > seen &&
         !atomic_compare_exchange_weak_explicit(&peak, &seen, to, memory_order_relaxed, memory_order_relaxed)) {}
}

static void count_large(int64_t bytes) {
  int64_t now = hr_add_relaxed(&active, bytes) + bytes;
  if (bytes <= 0) return;
  for (int i = 0; i < SHARDS; i++) now += hr_load_relaxed(&shards[i].pending);
  raise_peak(now);
}

/* Small changes stay in the shard, so that threads do not write one line for each array. */
static void count_locked(shard *s, int64_t bytes) {
  int64_t pending = hr_load_relaxed(&s->pending) + bytes;
  if (pending >= FLUSH_BYTES || pending <= -FLUSH_BYTES) {
    int64_t now = hr_add_relaxed(&active, pending) + pending;
    if (bytes > 0) raise_peak(now);
    pending = 0;
    hr_store_relaxed(&s->pending_most, INT64_MIN);
  } else if (bytes > 0 && pending > hr_load_relaxed(&s->pending_most)) {
    hr_store_relaxed(&s->pending_most, pending);
  }
  hr_store_relaxed(&s->pending, pending);
}

size_t hr_memory_active(void) {
  int64_t now = hr_load_relaxed(&active);
  for (int i = 0; i < SHARDS; i++) now += hr_load_relaxed(&shards[i].pending);
  return now > 0 ? (size_t)now : 0; /* threads at work may show it below 0 for an instant */
}

size_t hr_memory_peak(void) {
  int64_t now = hr_load_relaxed(&active), known = hr_load_relaxed(&peak);
  bool grown = false;
  for (int i = 0; i < SHARDS; i++) {
    int64_t most = hr_load_relaxed(&shards[i].pending_most);
    grown |= most != INT64_MIN;
    now += most != INT64_MIN ? most : hr_load_relaxed(&shards[i].pending);
  }
  return (size_t)(grown && now > known ? now : known);
}

void hr_memory_peak_reset(void) {
  for (int i = 0; i < SHARDS; i++) {
    hr_mutex_lock(&shards[i].lock);
    hr_store_relaxed(&shards[i].pending_most, INT64_MIN);
    hr_mutex_unlock(&shards[i].lock);
  }
  hr_store_relaxed(&peak, 0);
}

static size_t medium_cached(void) {
  int64_t sum = 0;
  for (int i = 0; i < SHARDS; i++) sum += hr_load_relaxed(&shards[i].cached);
  return (size_t)sum; /* each shard's own count is never negative */
}

size_t hr_memory_cache(void) { return medium_cached() + hr_large_cache_bytes(); }

/* --- medium blocks --- */

/* Threads' control blocks lie megabytes apart: multiply, and take the high bits. */
static shard *own_shard(void) {
  uint64_t thread = (uint64_t)(uintptr_t)pthread_self() >> 8;
  return &shards[thread * UINT64_C(0x9e3779b97f4a7c15) >> 61];
}
_Static_assert(SHARDS == 8, "own_shard() gives 3 bits");

static free_block *pop_locked(shard *s, int class) {
  free_block *b = s->lists[class];
  if (!b) return NULL;
  s->lists[class] = b->next;
  hr_store_relaxed(&s->cached, hr_load_relaxed(&s->cached) - (int64_t)hr_size_class_bytes(class));
  return b;
}

static free_block *steal(const shard *own, int class) {
  free_block *b = NULL;
  for (int i = 0; i < SHARDS && !b; i++) {
    shard *s = &shards[i];
    if (s == own || hr_load_relaxed(&s->cached) == 0 || !hr_mutex_try_lock(&s->lock)) continue;
    b = pop_locked(s, class);
    hr_mutex_unlock(&s->lock);
  }
  return b;
}

static void *take_medium(int class) {
  shard *s = own_shard();
  hr_mutex_lock(&s->lock);
  free_block *b = pop_locked(s, class);
  if (b) count_locked(s, (int64_t)hr_size_class_bytes(class));
  hr_mutex_unlock(&s->lock);
  if (b) return b;
  b = steal(s, class);
  if (!b) return NULL;
  hr_mutex_lock(&s->lock);
  count_locked(s, (int64_t)hr_size_class_bytes(class));
  hr_mutex_unlock(&s->lock);
  return b;
}

/* Where medium blocks come from and go back to. */
static void *medium_from_system(size_t bytes) {
  if (bytes >= HR_ARENA_MIN && !HR_SANITIZED) return hr_arena_alloc(bytes);
  return aligned_alloc(HR_DATA_ALIGN, bytes);
}

static void medium_to_system(void *data, size_t bytes) {
  if (bytes >= HR_ARENA_MIN && !HR_SANITIZED)
    hr_arena_free(data, bytes);
  else
    free(data);
}

static void free_list(free_block *b, size_t bytes) {
  while (b) {
    free_block *next = b->next;
    medium_to_system(b, bytes);
    b = next;
  }
}

static void clear_shard(shard *s) {
  for (int class = 0; class < MEDIUM_CLASSES; class ++) {
    hr_mutex_lock(&s->lock);
    free_block *list = s->lists[class];
    int64_t bytes = 0;
    for (free_block *b = list; b; b = b->next) bytes += (int64_t)hr_size_class_bytes(class);
    s->lists[class] = NULL;
    hr_store_relaxed(&s->cached, hr_load_relaxed(&s->cached) - bytes);
    hr_mutex_unlock(&s->lock);
    free_list(list, hr_size_class_bytes(class));
  }
}

void hr_memory_cache_clear(void) {
  hr_large_cache_trim(0);
  for (int i = 0; i < SHARDS; i++) clear_shard(&shards[i]);
}

/* --- limits --- */

/* Returns cached blocks until at most `keep` bytes are cached; medium ones only all at once. */
static void trim_cache(size_t keep) {
  size_t medium = medium_cached();
  hr_large_cache_trim(keep > medium ? keep - medium : 0);
  if (medium > keep) hr_memory_cache_clear();
}

size_t hr_memory_limit_get(void) {
  ensure_started();
  return hr_load_relaxed(&memory_limit);
}

size_t hr_memory_limit_set(size_t bytes) {
  ensure_started();
  return atomic_exchange_explicit(&memory_limit, bytes, memory_order_relaxed);
}

size_t hr_memory_cache_limit_set(size_t bytes) {
  ensure_started();
  size_t old = atomic_exchange_explicit(&cache_limit, bytes, memory_order_relaxed);
  trim_cache(bytes);
  return old;
}

/* --- fresh memory --- */

/* What the machine can still give to arrays, by figures read now. */
static size_t grantable(void) {
  hr_available machine;
  hr_available_read(&machine);
  size_t held = hr_memory_active() + hr_memory_cache();
  size_t untouched = held > machine.own ? held - machine.own : 0;
  size_t room = machine.free > untouched ? machine.free - untouched : 0;
  return room - room / 20;
}

static hr_status refuse(size_t bytes) {
  return hr_fail(HR_OUT_OF_MEMORY, "cannot allocate %zu bytes: %zu are available to this process, and arrays hold %zu",
                 bytes, grantable(), hr_memory_active());
}

/* Looks and promises under one lock, so that two large requests at once see each other. */
static bool promise(size_t bytes) {
  hr_mutex_lock(&check_lock);
  size_t room = grantable();
  bool fits = promised <= room && bytes <= room - promised;
  if (fits) promised += bytes;
  hr_mutex_unlock(&check_lock);
  return fits;
}

static void keep_promise(size_t bytes) {
  hr_mutex_lock(&check_lock);
  promised -= bytes;
  hr_mutex_unlock(&check_lock);
}

/* True if the machine has to be asked before `bytes` more are taken. */
static bool check_is_due(size_t bytes) {
  hr_mutex_lock(&check_lock);
  bool due = bytes > HR_CHECK_BYTES - unchecked;
  unchecked = due ? 0 : unchecked + bytes;
  hr_mutex_unlock(&check_lock);
  return due;
}

static void *map_or_alloc(size_t bytes) {
  return bytes > HR_MEDIUM_MAX ? hr_pages_map(bytes) : medium_from_system(bytes);
}

static void *ask_system(size_t bytes) {
  void *fresh = map_or_alloc(bytes);
  if (fresh || hr_memory_cache() == 0) return fresh;
  hr_memory_cache_clear();
  return map_or_alloc(bytes);
}

static bool promise_after_clearing(size_t bytes) {
  if (promise(bytes)) return true;
  if (hr_memory_cache() == 0) return false;
  hr_memory_cache_clear();
  return promise(bytes);
}

/* A block straight from the system, counted as active by count(). */
static hr_status take_fresh(void **out, size_t bytes, void (*count)(int64_t bytes)) {
  ensure_started();
  size_t limit = hr_load_relaxed(&memory_limit), cached = hr_memory_cache(), after = hr_memory_active() + bytes;
  if (cached > 0 && after + cached > limit) trim_cache(limit > after ? limit - after : 0);
  bool due = check_is_due(bytes);
  if (due && !promise_after_clearing(bytes)) return refuse(bytes);
  *out = ask_system(bytes);
  if (*out) count((int64_t)bytes);
  if (due) keep_promise(bytes);
  return *out ? HR_OK : refuse(bytes);
}

/* --- allocation --- */

static void count_medium(int64_t bytes) {
  shard *s = own_shard();
  hr_mutex_lock(&s->lock);
  count_locked(s, bytes);
  hr_mutex_unlock(&s->lock);
}

static hr_status alloc_medium(void **out, int class) {
  *out = take_medium(class);
  if (*out) return HR_OK;
  return take_fresh(out, hr_size_class_bytes(class), count_medium);
}

static hr_status alloc_large(void **out, size_t *out_bytes, size_t bytes) {
  *out = hr_large_cache_take(out_bytes, bytes);
  if (*out) {
    count_large((int64_t)*out_bytes);
    return HR_OK;
  }
  *out_bytes = hr_size_class_bytes(hr_size_class(bytes));
  return take_fresh(out, *out_bytes, count_large);
}

hr_status hr_host_alloc(void **out, size_t *out_bytes, size_t bytes) {
  *out = NULL;
  *out_bytes = 0;
  if (hr_alloc_fails_now() || bytes > (size_t)1 << HR_SIZE_CLASS_MAX_LOG2) return refuse(bytes);
  if (bytes > HR_MEDIUM_MAX) return alloc_large(out, out_bytes, bytes);
  int class = hr_size_class(bytes);
  *out_bytes = hr_size_class_bytes(class);
  return alloc_medium(out, class);
}

static void free_large(void *data, size_t bytes) {
  count_large(-(int64_t)bytes);
  size_t limit = hr_load_relaxed(&cache_limit), medium = medium_cached();
  size_t room = limit > medium ? limit - medium : 0;
  if (bytes > room) {
    hr_pages_unmap(data, bytes);
    return;
  }
  hr_large_cache_put(data, bytes);
  hr_large_cache_trim(room);
}

/* Whether a medium block may be kept. Only a shard that is full by its own share looks at the others. */
static bool fits_cache(const shard *s, size_t bytes) {
  size_t limit = hr_load_relaxed(&cache_limit);
  if ((size_t)hr_load_relaxed(&s->cached) + bytes <= limit / SHARDS) return true;
  size_t medium = medium_cached() + bytes;
  if (medium > limit) return false;
  hr_large_cache_trim(limit - medium);
  return true;
}

static void free_medium(void *data, size_t bytes) {
  shard *s = own_shard();
  bool keep = fits_cache(s, bytes);
  int class = hr_size_class(bytes);
  hr_mutex_lock(&s->lock);
  count_locked(s, -(int64_t)bytes);
  if (keep) {
    free_block *b = data;
    b->next = s->lists[class];
    s->lists[class] = b;
    hr_store_relaxed(&s->cached, hr_load_relaxed(&s->cached) + (int64_t)bytes);
  }
  hr_mutex_unlock(&s->lock);
  if (!keep) medium_to_system(data, bytes);
}

void hr_host_free(void *data, size_t bytes) {
  if (bytes > HR_MEDIUM_MAX)
    free_large(data, bytes);
  else
    free_medium(data, bytes);
}
