/* src/cpu/radix.c - see radix.h. */
#include "cpu/radix.h"

#include <string.h>

#include "sched/parallel.h"

#define INLINE static inline __attribute__((always_inline))

enum { BITS = 8, BUCKETS = 1 << BITS, INSERTION = 40 };

INLINE uint64_t key_at(const char *items, int64_t i, int bytes) {
  uint64_t key = 0;
  memcpy(&key, items + i * bytes, bytes < 8 ? (size_t)bytes : 8);
  return key;
}

/* Each worker counts and moves a chunk: for one byte size, which the compiler knows. */
INLINE void count_items(int64_t *counts, const char *items, int64_t n, int bytes, int shift) {
  for (int64_t i = 0; i < n; i++) counts[key_at(items, i, bytes) >> shift & (BUCKETS - 1)]++;
}

INLINE void move_items(char *out, const char *items, int64_t n, int bytes, int shift, int64_t *next) {
  for (int64_t i = 0; i < n; i++) {
    int64_t to = next[key_at(items, i, bytes) >> shift & (BUCKETS - 1)]++;
    memcpy(out + to * bytes, items + i * bytes, (size_t)bytes);
  }
}

static void count_digit(int64_t *counts, const char *items, int64_t n, int bytes, int shift) {
  memset(counts, 0, BUCKETS * sizeof *counts);
  switch (bytes) {
    case 4: count_items(counts, items, n, 4, shift); break;
    case 8: count_items(counts, items, n, 8, shift); break;
    default: count_items(counts, items, n, 16, shift); break;
  }
}

static void move_digit(char *out, const char *items, int64_t n, int bytes, int shift, int64_t *next) {
  switch (bytes) {
    case 4: move_items(out, items, n, 4, shift, next); break;
    case 8: move_items(out, items, n, 8, shift, next); break;
    default: move_items(out, items, n, 16, shift, next); break;
  }
}

/* Bits in which keys differ from `first`. */
INLINE uint64_t differences_of(const char *items, int64_t n, int bytes, uint64_t first) {
  uint64_t differ = 0;
  for (int64_t i = 0; i < n; i++) differ |= key_at(items, i, bytes) ^ first;
  return differ;
}

static uint64_t differences(const char *items, int64_t n, int bytes, uint64_t first) {
  switch (bytes) {
    case 4: return differences_of(items, n, 4, first);
    case 8: return differences_of(items, n, 8, first);
    default: return differences_of(items, n, 16, first);
  }
}

/* Moves the lowest digit with a bit in *differ out of it; answers its shift. */
static int take_digit(uint64_t *differ) {
  int shift = __builtin_ctzll(*differ);
  *differ &= shift + BITS < 64 ? ~(uint64_t)0 << (shift + BITS) : 0;
  return shift;
}

/* Few items: each goes down to its place among those before it. */
INLINE void insert_items(char *items, int64_t n, int bytes, uint64_t mask) {
  for (int64_t i = 1; i < n; i++) {
    char item[16];
    uint64_t key = key_at(items, i, bytes) & mask;
    int64_t to = i;
    memcpy(item, items + i * bytes, (size_t)bytes);
    for (; to > 0 && (key_at(items, to - 1, bytes) & mask) > key; to--)
      memcpy(items + to * bytes, items + (to - 1) * bytes, (size_t)bytes);
    memcpy(items + to * bytes, item, (size_t)bytes);
  }
}

static void insertion_sort(char *items, int64_t n, int bytes, uint64_t mask) {
  switch (bytes) {
    case 4: insert_items(items, n, 4, mask); break;
    case 8: insert_items(items, n, 8, mask); break;
    default: insert_items(items, n, 16, mask); break;
  }
}

void *hr_radix_sort(void *items, void *scratch, int64_t n, int item_bytes, uint64_t mask) {
  char *from = items, *to = scratch;
  if (n <= INSERTION) {
    insertion_sort(from, n, item_bytes, mask);
    return items;
  }
  uint64_t differ = differences(from, n, item_bytes, key_at(from, 0, item_bytes)) & mask;
  while (differ) {
    int64_t next[BUCKETS], sum = 0;
    int shift = take_digit(&differ);
    count_digit(next, from, n, item_bytes, shift);
    for (int d = 0; d < BUCKETS; d++) {
      int64_t count = next[d];
      next[d] = sum;
      sum += count;
    }
    move_digit(to, from, n, item_bytes, shift, next);
    char *swap = from;
    from = to;
    to = swap;
  }
  return from;
}

typedef struct pass {
  char *from, *to;
  int64_t n;
  int bytes, shift;
  int64_t (*counts)[BUCKETS]; /* a row a chunk; then where the chunk's items of each bucket go */
} pass;

static int64_t chunks_of(int64_t n) { return (n + HR_RADIX_CHUNK - 1) / HR_RADIX_CHUNK; }

int64_t hr_radix_count_bytes(int64_t n) { return chunks_of(n) * (int64_t)sizeof(int64_t[BUCKETS]); }

static int64_t chunk_items(const pass *p, int64_t chunk) {
  int64_t left = p->n - chunk * HR_RADIX_CHUNK;
  return left < HR_RADIX_CHUNK ? left : HR_RADIX_CHUNK;
}

static void compare_chunk(void *ctx, int64_t chunk) {
  const pass *p = ctx;
  const char *items = p->from + chunk * HR_RADIX_CHUNK * p->bytes;
  p->counts[chunk][0] = (int64_t)differences(items, chunk_items(p, chunk), p->bytes, key_at(p->from, 0, p->bytes));
}

static void count_chunk(void *ctx, int64_t chunk) {
  const pass *p = ctx;
  count_digit(p->counts[chunk], p->from + chunk * HR_RADIX_CHUNK * p->bytes, chunk_items(p, chunk), p->bytes, p->shift);
}

static void move_chunk(void *ctx, int64_t chunk) {
  const pass *p = ctx;
  int64_t next[BUCKETS];
  memcpy(next, p->counts[chunk], sizeof next);
  move_digit(p->to, p->from + chunk * HR_RADIX_CHUNK * p->bytes, chunk_items(p, chunk), p->bytes, p->shift, next);
}

/* Buckets one after the other, within each the chunks in their order: that keeps the sort stable. */
static void place_chunks(const pass *p) {
  int64_t sum = 0;
  for (int d = 0; d < BUCKETS; d++)
    for (int64_t chunk = 0; chunk < chunks_of(p->n); chunk++) {
      int64_t count = p->counts[chunk][d];
      p->counts[chunk][d] = sum;
      sum += count;
    }
}

void *hr_radix_sort_parallel(void *items, void *scratch, int64_t n, int item_bytes, uint64_t mask, void *counts) {
  pass p = {.from = items, .to = scratch, .n = n, .bytes = item_bytes, .counts = counts};
  uint64_t differ = 0;
  hr_parallel_for(chunks_of(n), compare_chunk, &p);
  for (int64_t chunk = 0; chunk < chunks_of(n); chunk++) differ |= (uint64_t)p.counts[chunk][0];
  differ &= mask;
  while (differ) {
    p.shift = take_digit(&differ);
    hr_parallel_for(chunks_of(n), count_chunk, &p);
    place_chunks(&p);
    hr_parallel_for(chunks_of(n), move_chunk, &p);
    char *swap = p.from;
    p.from = p.to;
    p.to = swap;
  }
  return p.from;
}
