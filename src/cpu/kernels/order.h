/* src/cpu/kernels/order.h - what is done with items of 4 or 8 bytes: unsigned integers in the order of the elements
 * that they stand for (sort_keys.h). */
#ifndef HR_CPU_KERNELS_ORDER_H
#define HR_CPU_KERNELS_ORDER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct hr_order_kernels {
  /* Items below the pivot to `low`, in their order; all others to `high`, in theirs. One of the two may be `items`
   * itself. Each has room for n; what is behind the parted ones is overwritten. Answers how many are low. */
  int64_t (*part)(const void *items, int64_t n, uint64_t pivot, void *low, void *high);
  /* How many are below the pivot. */
  int64_t (*count)(const void *items, int64_t n, uint64_t pivot);
  /* Sorts n items to `to`; they lie there or, if in_scratch, in `scratch`, and both are overwritten. NULL where the
   * instruction set lacks what makes it fast: see radix.h. */
  void (*sort)(void *to, void *scratch, int64_t n, bool in_scratch);
} hr_order_kernels;

#endif
