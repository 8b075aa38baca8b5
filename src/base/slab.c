/* src/base/slab.c - small blocks: magazines of a thread over one depot (after Bonwick and Adams, "Magazines and Vmem",
 * USENIX 2001).
 *
 * Every class has in each thread two magazines, lists of at most `batch` free blocks: `active`, which blocks are taken
 * from and put into, and `spare`, which is full or empty. Only when the active one runs empty (full) and the spare one
 * is empty (full) too, a whole magazine is fetched from (brought to) the depot, so a thread that only allocates or only
 * frees takes a lock once in `batch` calls.
 * A free block holds in word 0 the next block of its magazine. In the depot, word 1 of a magazine's first block is the
 * next magazine. Magazines that are not full (of threads that ended) lie in the depot as single blocks.
 * A thread without magazines (not yet made, no memory for them, or given back when the thread ended) points to a
 * constant set of empty ones with batch 0: then every call takes the slow path, which serves it from the depot
 * directly. */
#include <pthread.h>
#include <stdalign.h>
#include <stdint.h>

#include "base/lock.h"
#include "base/memory.h"
#include "base/pages.h"
#include "base/sanitizer.h"
#include "base/slab_internal.h"
#include "base/tls.h"

#if HR_SANITIZED
void *hr_slab_alloc(size_t bytes) { return hr_alloc(bytes); }
void hr_slab_free(void *block, size_t bytes) {
  (void)bytes;
  hr_free(block);
}
void hr_slab_fork_prepare(void) {}
void hr_slab_fork_parent(void) {}
void hr_slab_fork_child(void) {}

#else

enum { CLASSES = 20, GRAIN = 16, CACHE_LINE = 64 };

/* Steps of 16 up to 128, then four (from 128: two) a doubling. */
static const uint16_t class_bytes[CLASSES] = {16,  32,  48,  64,  80,  96,  112, 128, 160, 192,
                                              224, 256, 320, 384, 448, 512, 640, 768, 896, 1024};

/* Class of a size in grains, rounded up. */
static const uint8_t class_of_grains[HR_SLAB_MAX / GRAIN + 1] = {
    0,  0,  1,  2,  3,  4,  5,  6,  7,  8,  8,  9,  9,  10, 10, 11, 11, 12, 12, 12, 12, 13,
    13, 13, 13, 14, 14, 14, 14, 15, 15, 15, 15, 16, 16, 16, 16, 16, 16, 16, 16, 17, 17, 17,
    17, 17, 17, 17, 17, 18, 18, 18, 18, 18, 18, 18, 18, 19, 19, 19, 19, 19, 19, 19, 19,
};

typedef struct block {
  struct block *next;          /* in its magazine */
  struct block *next_magazine; /* in the depot, of a magazine's first block */
} block;

typedef struct magazine {
  block *active;
  block *spare;   /* `batch` blocks or none */
  uint32_t count; /* of active */
  uint32_t batch;
} magazine;

/* One thread's; nobody else touches it. */
typedef struct cache {
  magazine classes[CLASSES];
} cache;

/* Shared by threads. Each line is guarded by its lock; locks are leaves but for `chunk`, which is taken under them. */
typedef struct depot {
  alignas(CACHE_LINE) hr_mutex lock;
  block *full;  /* magazines of `batch` blocks */
  block *loose; /* single blocks */
} depot;
static depot depots[CLASSES];

/* Where fresh blocks are cut from; guarded by lock. */
static struct {
  hr_mutex lock;
  char *next;
  size_t left;
  size_t bytes; /* of the newest chunk */
} chunk = {.bytes = 32 << 10};
enum { CHUNK_MAX = 8 << 20 };

static const cache no_cache;   /* of a thread that has not started */
static const cache past_cache; /* of a thread that has ended, or can have none */
static HR_THREAD_LOCAL const cache *mine = &no_cache;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t cache_key;
static bool have_key;

/* As many blocks as fill 16 KiB, within [16, HR_SLAB_KEEP / 2]. */
static uint32_t batch_of(int class) {
  uint32_t count = (16u << 10) / class_bytes[class];
  return count < 16 ? 16 : count > HR_SLAB_KEEP / 2 ? HR_SLAB_KEEP / 2 : count;
}

/* A list of up to `count` fresh blocks, at least one; NULL without memory. */
static block *cut_fresh(int class, uint32_t count, uint32_t *out_count) {
  size_t bytes = class_bytes[class];
  block *list = NULL;
  uint32_t made = 0;
  hr_mutex_lock(&chunk.lock);
  if (chunk.left < bytes) { /* what is left of the old chunk, less than 1 KiB, is given up */
    size_t grown = chunk.bytes < CHUNK_MAX ? 2 * chunk.bytes : chunk.bytes;
    char *fresh = hr_pages_map(grown);
    if (fresh) {
      chunk.next = fresh;
      chunk.left = chunk.bytes = grown;
    }
  }
  for (; made < count && chunk.left >= bytes; made++) {
    block *b = (block *)chunk.next;
    chunk.next += bytes;
    chunk.left -= bytes;
    b->next = list;
    list = b;
  }
  hr_mutex_unlock(&chunk.lock);
  *out_count = made;
  return list;
}

/* A list of up to `count` blocks from the depot or fresh. */
static block *fetch(int class, uint32_t count, uint32_t *out_count) {
  depot *d = &depots[class];
  block *list = NULL;
  uint32_t got = 0;
  hr_mutex_lock(&d->lock);
  if (d->full && count == batch_of(class)) {
    list = d->full;
    d->full = list->next_magazine;
    got = count;
  } else if (d->full && !d->loose) { /* a single block is wanted: open a magazine */
    d->loose = d->full;
    d->full = d->full->next_magazine;
  }
  for (; got < count && d->loose; got++) {
    block *b = d->loose;
    d->loose = b->next;
    b->next = list;
    list = b;
  }
  hr_mutex_unlock(&d->lock);
  *out_count = got;
  return list ? list : cut_fresh(class, count, out_count);
}

static void give_magazine(int class, block *list) {
  depot *d = &depots[class];
  hr_mutex_lock(&d->lock);
  list->next_magazine = d->full;
  d->full = list;
  hr_mutex_unlock(&d->lock);
}

static void give_loose(int class, block *list) {
  depot *d = &depots[class];
  hr_mutex_lock(&d->lock);
  while (list) {
    block *next = list->next;
    list->next = d->loose;
    d->loose = list;
    list = next;
  }
  hr_mutex_unlock(&d->lock);
}

static void cache_end(void *arg) {
  cache *c = arg;
  mine = &past_cache;
  for (int class = 0; class < CLASSES; class ++) {
    give_loose(class, c->classes[class].active);
    if (c->classes[class].spare) give_magazine(class, c->classes[class].spare);
  }
  hr_free(c);
}

static void make_key(void) { have_key = pthread_key_create(&cache_key, cache_end) == 0; }

/* This thread's magazines, made if it has none yet; NULL if it cannot have them. */
static cache *own_cache(void) {
  if (mine == &past_cache) return NULL;
  if (mine != &no_cache) return (cache *)mine;
  pthread_once(&once, make_key);
  cache *c = have_key ? hr_alloc_zero(sizeof *c) : NULL;
  if (!c) return NULL;
  if (pthread_setspecific(cache_key, c) != 0) {
    hr_free(c);
    return NULL;
  }
  for (int class = 0; class < CLASSES; class ++) c->classes[class].batch = batch_of(class);
  mine = c;
  return c;
}

/* The active magazine is empty. */
static __attribute__((noinline)) void *alloc_slow(int class) {
  cache *c = own_cache();
  uint32_t count;
  if (!c) return fetch(class, 1, &count);
  magazine *m = &c->classes[class];
  if (m->spare) {
    m->active = m->spare;
    m->spare = NULL;
    m->count = m->batch;
  } else {
    m->active = fetch(class, m->batch, &m->count);
    if (!m->active) return NULL;
  }
  block *b = m->active;
  m->active = b->next;
  m->count--;
  return b;
}

/* The active magazine is full. */
static __attribute__((noinline)) void free_slow(block *b, int class) {
  cache *c = own_cache();
  b->next = NULL;
  if (!c) {
    give_loose(class, b);
    return;
  }
  magazine *m = &c->classes[class];
  if (m->count == m->batch) {
    if (m->spare) give_magazine(class, m->spare);
    m->spare = m->active;
    m->active = NULL;
    m->count = 0;
  }
  b->next = m->active;
  m->active = b;
  m->count++;
}

void *hr_slab_alloc(size_t bytes) {
  if (bytes > HR_SLAB_MAX) return hr_alloc(bytes);
  if (hr_alloc_fails_now()) return NULL;
  int class = class_of_grains[(bytes + GRAIN - 1) / GRAIN];
  magazine *m = (magazine *)&mine->classes[class];
  block *b = m->active;
  if (__builtin_expect(!b, 0)) return alloc_slow(class);
  m->active = b->next;
  m->count--;
  return b;
}

void hr_slab_free(void *freed, size_t bytes) {
  if (!freed) return;
  if (bytes > HR_SLAB_MAX) {
    hr_free(freed);
    return;
  }
  int class = class_of_grains[(bytes + GRAIN - 1) / GRAIN];
  magazine *m = (magazine *)&mine->classes[class];
  if (__builtin_expect(m->count == m->batch, 0)) {
    free_slow(freed, class);
    return;
  }
  block *b = freed;
  b->next = m->active;
  m->active = b;
  m->count++;
}

void hr_slab_fork_prepare(void) {
  for (int class = 0; class < CLASSES; class ++) hr_mutex_lock(&depots[class].lock);
  hr_mutex_lock(&chunk.lock);
}

void hr_slab_fork_parent(void) {
  hr_mutex_unlock(&chunk.lock);
  for (int class = CLASSES; class -- > 0;) hr_mutex_unlock(&depots[class].lock);
}

void hr_slab_fork_child(void) {
  hr_mutex_reset(&chunk.lock);
  for (int class = 0; class < CLASSES; class ++) hr_mutex_reset(&depots[class].lock);
}
#endif
