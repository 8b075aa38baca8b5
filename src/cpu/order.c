/* src/cpu/order.c - see order.h. */
#include "cpu/order.h"

#include <math.h>
#include <string.h>

#include "cpu/isa.h"
#include "cpu/radix.h"

HR_ISA_DECLARE(hr_order_kernels, hr_order_u32);
HR_ISA_DECLARE(hr_order_kernels, hr_order_u64);
static const hr_order_kernels *const rows_u32[] = HR_ISA_ROW(hr_order_u32), *const rows_u64[] =
                                                                                HR_ISA_ROW(hr_order_u64);

enum { SELECT_LEAST = 512, SAMPLE = 128, SELECT_ROUNDS = 40 };

/* --- pairs --- */

static int64_t part_pairs(const void *items, int64_t n, uint64_t pivot, void *low, void *high) {
  const hr_sort_pair *from = items;
  hr_sort_pair *lows = low, *highs = high;
  int64_t count = 0;
  for (int64_t i = 0; i < n; i++) {
    hr_sort_pair item = from[i];
    lows[count] = item;
    highs[i - count] = item;
    count += item.key < pivot;
  }
  return count;
}

static int64_t count_pairs(const void *items, int64_t n, uint64_t pivot) {
  const hr_sort_pair *from = items;
  int64_t count = 0;
  for (int64_t i = 0; i < n; i++) count += from[i].key < pivot;
  return count;
}

static const hr_order_kernels pair_kernels = {.part = part_pairs, .count = count_pairs};

/* --- all --- */

const hr_order_kernels *hr_order_kernels_of(const hr_sort_format *format) {
  if (format->item_bytes == 16) return &pair_kernels;
  return format->item_bytes == 4 ? rows_u32[hr_isa_level()] : rows_u64[hr_isa_level()];
}

/* Radix sort is stable: it need not look at places. */
uint64_t hr_order_mask(const hr_sort_format *format) {
  return format->places && format->item_bytes == 8 ? ~(uint64_t)UINT32_MAX : ~(uint64_t)0;
}

void *hr_order_sort(const hr_sort_format *format, void *items, void *scratch, int64_t n) {
  const hr_order_kernels *kernels = hr_order_kernels_of(format);
  if (!kernels->sort) return hr_radix_sort(items, scratch, n, format->item_bytes, hr_order_mask(format));
  kernels->sort(items, scratch, n, false);
  return items;
}

hr_order_ranks hr_order_ranks_of(int64_t kth, int64_t n, int64_t count) {
  double share = ((double)kth + 0.5) / (double)n, rank = share * (double)count;
  double margin = 3.5 * sqrt(rank * (1 - share)) + 2; /* of a binomial distribution, and something for its tail */
  double low = floor(rank - margin), high = ceil(rank + margin);
  return (hr_order_ranks){low < 0 ? -1 : (int64_t)low, high < (double)count ? (int64_t)high : count};
}

static uint64_t integer_at(const char *items, int64_t i, int bytes) {
  if (bytes == 4) return ((const uint32_t *)(const void *)items)[i];
  return *(const uint64_t *)(const void *)(items + i * bytes);
}

/* A place in part i of rows that are cut into parts of `step`. */
static int64_t sample_place(int64_t i, int64_t step) {
  uint64_t mixed = (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15);
  return i * step + (int64_t)((mixed >> 32) * (uint64_t)step >> 32);
}

static void copy_element(char *to, const char *from, int bytes) {
  switch (bytes) {
    case 1: *to = *from; break;
    case 2: memcpy(to, from, 2); break;
    case 4: memcpy(to, from, 4); break;
    default: memcpy(to, from, 8); break;
  }
}

/* Items without places are made together. */
const uint64_t *hr_order_sample(const hr_sort_format *format, const char *row, int64_t stride, int64_t n, int64_t count,
                                void *items, void *scratch) {
  int64_t step = n / count;
  uint64_t *integers = scratch;
  for (int64_t i = 0; i < count; i++) {
    int64_t place = sample_place(i, step);
    if (format->places)
      hr_sort_load(format, (char *)items + i * format->item_bytes, row + place * stride, stride, place, 1);
    else
      copy_element((char *)scratch + i * format->elem_bytes, row + place * stride, format->elem_bytes);
  }
  if (!format->places) hr_sort_load(format, items, scratch, format->elem_bytes, 0, count);
  for (int64_t i = 0; i < count; i++) integers[i] = integer_at(items, i, format->item_bytes);
  const hr_order_kernels *kernels = rows_u64[hr_isa_level()];
  if (!kernels->sort) return hr_radix_sort(integers, items, count, 8, ~(uint64_t)0);
  kernels->sort(integers, items, count, false);
  return integers;
}

/* A value so near the kth, and on that side of it, that few items are left to look at. */
static uint64_t select_pivot(const char *items, int64_t n, int bytes, int64_t kth) {
  uint64_t sample[SAMPLE], scratch[SAMPLE];
  const hr_order_kernels *kernels = rows_u64[hr_isa_level()];
  for (int64_t i = 0; i < SAMPLE; i++) sample[i] = integer_at(items, sample_place(i, n / SAMPLE), bytes);
  const uint64_t *sorted = sample;
  if (kernels->sort)
    kernels->sort(sample, scratch, SAMPLE, false);
  else
    sorted = hr_radix_sort(sample, scratch, SAMPLE, 8, ~(uint64_t)0);
  hr_order_ranks ranks = hr_order_ranks_of(kth, n, SAMPLE);
  if (kth < n / 2) return sorted[ranks.high < SAMPLE ? ranks.high : SAMPLE - 1];
  return sorted[ranks.low < 0 ? 0 : ranks.low];
}

void hr_order_select(const hr_sort_format *format, void *items, void *scratch, int64_t n, int64_t kth) {
  const hr_order_kernels *kernels = hr_order_kernels_of(format);
  int bytes = format->item_bytes;
  char *to = items;
  for (int round = 0; n > SELECT_LEAST && round < SELECT_ROUNDS; round++) {
    uint64_t pivot = select_pivot(to, n, bytes, kth);
    int64_t low = kernels->part(to, n, pivot, to, scratch);
    bool least = low == 0; /* then those equal to it go first, which may be all */
    if (least && pivot < (bytes == 4 ? UINT32_MAX : UINT64_MAX))
      low = kernels->part(scratch, n, pivot + 1, to, scratch);
    memcpy(to + low * bytes, scratch, (size_t)((n - low) * bytes));
    if (least && (kth < low || low == 0)) return;
    if (kth < low) {
      n = low;
      continue;
    }
    to += low * bytes;
    kth -= low;
    n -= low;
  }
  void *sorted = hr_order_sort(format, to, scratch, n);
  if (sorted != to) memcpy(to, sorted, (size_t)(n * bytes));
}
