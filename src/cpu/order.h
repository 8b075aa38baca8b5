/* src/cpu/order.h - sorting and selecting among items (sort_keys.h), on one thread. Deterministic. */
#ifndef HR_CPU_ORDER_H
#define HR_CPU_ORDER_H

#include "cpu/kernels/order.h"
#include "cpu/sort_keys.h"

/* What parts items of that format. For pairs a pivot is a key. */
const hr_order_kernels *hr_order_kernels_of(const hr_sort_format *format);

/* The bits of an item that are compared: as a mask of its first integer. */
uint64_t hr_order_mask(const hr_sort_format *format);

/* Sorts n items, stable; both buffers have room for them, and the answer is the one that holds the result. */
void *hr_order_sort(const hr_sort_format *format, void *items, void *scratch, int64_t n);

/* Moves items so that none before the kth is greater than it and none behind it is less; 0 <= kth < n. */
void hr_order_select(const hr_sort_format *format, void *items, void *scratch, int64_t n, int64_t kth);

/* The first integers of `count` (at most n) items of a row of n elements, sorted. They come from evenly spaced parts
 * of the row, from a place within each that looks random, so that no period of the data is met. Both buffers have room
 * for `count` items, and for as many integers of 8 bytes. */
const uint64_t *hr_order_sample(const hr_sort_format *format, const char *row, int64_t stride, int64_t n, int64_t count,
                                void *items, void *scratch);

/* Ranks in a sorted sample of `count` between which element kth of n has its place, but for one case in 2000; -1 and
 * `count` where that is beyond its ends. */
typedef struct hr_order_ranks {
  int64_t low, high;
} hr_order_ranks;
hr_order_ranks hr_order_ranks_of(int64_t kth, int64_t n, int64_t count);

#endif
