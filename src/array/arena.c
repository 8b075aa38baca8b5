/* src/array/arena.c - a list of regions, each with a bitmap of its units. */
#include "array/arena.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "base/pages.h"

enum {
  UNITS = HR_ARENA_REGION / HR_PAGE,
  WORD = 64,
  HUGE_UNITS = HR_HUGE_PAGE / HR_PAGE,
  HUGE_PAGES = UNITS / HUGE_UNITS,
};

/* In the first unit of its region. All guarded by lock. */
typedef struct region {
  struct region *prev, *next;
  int used;                     /* units in use, without the header's */
  int longest;                  /* no run of free units is longer than this */
  uint16_t in_page[HUGE_PAGES]; /* units in use of each huge page; the first one's counts the header */
  uint64_t bits[UNITS / WORD];  /* 1: in use */
} region;
_Static_assert(sizeof(region) <= HR_PAGE, "the header fits its unit");

static hr_mutex lock;
static region *regions; /* oldest first: filling those lets the younger ones run empty */
static size_t region_count;

/* The first unit in [from, to) whose bit is `wanted`, or `to`. */
static int find_bit(const region *r, int from, int to, bool wanted) {
  for (int at = from; at < to; at = (at / WORD + 1) * WORD) {
    uint64_t word = (wanted ? r->bits[at / WORD] : ~r->bits[at / WORD]) >> at % WORD;
    if (!word) continue;
    while (!(word & 1)) { /* at most 63 steps, once a search */
      word >>= 1;
      at++;
    }
    return at < to ? at : to;
  }
  return to;
}

/* The first run of `count` free units, or 0, which is the header's. */
static int find_run(const region *r, int count) {
  int first = find_bit(r, 1, UNITS, false);
  while (first + count <= UNITS) {
    int used = find_bit(r, first, first + count, true);
    if (used == first + count) return first;
    first = find_bit(r, used, UNITS, false);
  }
  return 0;
}

static void mark(region *r, int first, int count, bool used) {
  for (int unit = first; unit < first + count; unit++) {
    uint64_t bit = UINT64_C(1) << unit % WORD;
    if (used)
      r->bits[unit / WORD] |= bit;
    else
      r->bits[unit / WORD] &= ~bit;
    r->in_page[unit / HUGE_UNITS] = (uint16_t)(r->in_page[unit / HUGE_UNITS] + (used ? 1 : -1));
  }
  r->used += used ? count : -count;
}

static region *add_region_locked(void) {
  region *r = hr_pages_map_aligned(HR_ARENA_REGION, HR_ARENA_REGION);
  if (!r) return NULL;
  mark(r, 0, 1, true); /* fresh pages are zero */
  r->used = 0;
  r->longest = UNITS - 1;
  region *last = regions;
  while (last && last->next) last = last->next;
  r->prev = last;
  if (last)
    last->next = r;
  else
    regions = r;
  region_count++;
  return r;
}

static void remove_region_locked(region *r) {
  if (r->prev)
    r->prev->next = r->next;
  else
    regions = r->next;
  if (r->next) r->next->prev = r->prev;
  region_count--;
}

static void *take_locked(region *r, int count) {
  if (r->longest < count) return NULL;
  int first = find_run(r, count);
  if (!first) {
    r->longest = count - 1;
    return NULL;
  }
  mark(r, first, count, true);
  return (char *)r + (size_t)first * HR_PAGE;
}

void *hr_arena_alloc(size_t bytes) {
  int count = (int)(bytes / HR_PAGE);
  void *block = NULL;
  hr_mutex_lock(&lock);
  for (region *r = regions; r && !block; r = r->next) block = take_locked(r, count);
  if (!block) {
    region *r = add_region_locked();
    if (r) block = take_locked(r, count);
  }
  hr_mutex_unlock(&lock);
  return block;
}

/* R2, for the huge pages that units [first, first + count) lie in. */
static void drop_empty_pages_locked(region *r, int first, int count) {
  for (int page = first / HUGE_UNITS; page <= (first + count - 1) / HUGE_UNITS; page++)
    if (r->in_page[page] == 0) hr_pages_drop((char *)r + (size_t)page * HR_HUGE_PAGE, HR_HUGE_PAGE);
}

void hr_arena_free(void *block, size_t bytes) {
  region *r = (region *)((uintptr_t)block & ~(uintptr_t)(HR_ARENA_REGION - 1));
  int first = (int)(((uintptr_t)block - (uintptr_t)r) / HR_PAGE), count = (int)(bytes / HR_PAGE);
  hr_mutex_lock(&lock);
  mark(r, first, count, false);
  r->longest = UNITS - 1;
  bool unmap = r->used == 0 && region_count > 1;
  if (unmap)
    remove_region_locked(r);
  else
    drop_empty_pages_locked(r, first, count);
  hr_mutex_unlock(&lock);
  if (unmap) hr_pages_unmap(r, HR_ARENA_REGION);
}

size_t hr_arena_mapped(void) {
  hr_mutex_lock(&lock);
  size_t bytes = region_count * HR_ARENA_REGION;
  hr_mutex_unlock(&lock);
  return bytes;
}

void hr_arena_fork_prepare(void) { hr_mutex_lock(&lock); }
void hr_arena_fork_parent(void) { hr_mutex_unlock(&lock); }
void hr_arena_fork_child(void) { hr_mutex_reset(&lock); }
