/* src/cpu/radix.h - stable sorting of items (sort_keys.h) by their keys, digit by digit from the lowest (Knuth, The
 * Art of Computer Programming 3, 5.2.5). Only digits in which keys differ are looked at. It sorts what the kernels of
 * order.h do not: items of 16 bytes, and all items where there is no AVX-512. */
#ifndef HR_CPU_RADIX_H
#define HR_CPU_RADIX_H

#include <stdint.h>

enum { HR_RADIX_CHUNK = 131072 }; /* items that a worker takes at a time */

/* Bytes of the counters that hr_radix_sort_parallel() wants for n items. */
int64_t hr_radix_count_bytes(int64_t n);

/* Sorts n items of item_bytes (4, 8, or 16: hr_sort_pair) by the bits of `mask` of their first integer. Both buffers
 * have room for n; the answer is the one that holds the result. */
void *hr_radix_sort(void *items, void *scratch, int64_t n, int item_bytes, uint64_t mask);

/* The same for n > 0 items, with the help of idle workers; not inside a parallel loop. The result does not depend on
 * them. */
void *hr_radix_sort_parallel(void *items, void *scratch, int64_t n, int item_bytes, uint64_t mask, void *counts);

#endif
