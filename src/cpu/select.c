/* src/cpu/select.c - see select.h. */
#include "cpu/select.h"

#include <string.h>

#include "cpu/radix.h"

#define INLINE static inline __attribute__((always_inline))

/* The standard deviation of the kth's rank among 511 samples is at most 11.3: four of them each way. */
enum { SAMPLES = 511, MARGIN = 45 };

_Static_assert(2 * SAMPLES * sizeof(uint64_t) <= HR_SELECT_LEAST * 4, "samples fit the scratch of the shortest row");

INLINE uint64_t integer_at(const char *items, int64_t i, int bytes) {
  uint64_t value = 0;
  memcpy(&value, items + i * bytes, bytes < 8 ? (size_t)bytes : 8);
  return value;
}

void hr_select_bounds_set(hr_select_bounds *out, const hr_sort_format *format, void *items, void *scratch,
                          const char *row, int64_t stride, int64_t n, int64_t kth) {
  uint64_t *sample = scratch, places = format->key_shift ? UINT32_MAX : 0;
  int64_t step = n / SAMPLES, rank = (int64_t)((double)kth / (double)n * SAMPLES);
  for (int64_t i = 0; i < SAMPLES; i++) {
    (void)hr_sort_load(format, items, row, stride, i * step, i * step + 1);
    sample[i] = integer_at(items, i * step, format->item_bytes) & ~places;
  }
  const uint64_t *sorted = hr_radix_sort(sample, sample + SAMPLES, SAMPLES, 8, UINT64_MAX);
  out->lo = rank < MARGIN ? 0 : sorted[rank - MARGIN];
  out->hi = rank + MARGIN >= SAMPLES ? UINT64_MAX : sorted[rank + MARGIN] | places;
}

/* Without branches: each item is written to all three places, and one of them moves on. */
INLINE hr_select_counts part(char *out, char *items, int64_t n, int bytes, const hr_select_bounds *bounds) {
  hr_select_counts c = {0, 0, 0};
  uint64_t lo = bounds->lo, hi = bounds->hi;
  for (int64_t i = 0; i < n; i++) {
    char item[16];
    uint64_t value = integer_at(items, i, bytes);
    memcpy(item, items + i * bytes, (size_t)bytes);
    memcpy(out + c.below * bytes, item, (size_t)bytes);
    memcpy(out + (n - 1 - c.above) * bytes, item, (size_t)bytes);
    memcpy(items + c.between * bytes, item, (size_t)bytes);
    c.below += value < lo;
    c.above += value > hi;
    c.between += (value >= lo) & (value <= hi);
  }
  return c;
}

hr_select_counts hr_select_part(void *out, void *items, int64_t n, int item_bytes, const hr_select_bounds *bounds) {
  switch (item_bytes) {
    case 1: return part(out, items, n, 1, bounds);
    case 2: return part(out, items, n, 2, bounds);
    case 4: return part(out, items, n, 4, bounds);
    case 8: return part(out, items, n, 8, bounds);
    default: return part(out, items, n, 16, bounds);
  }
}
