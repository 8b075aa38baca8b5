/* src/cpu/radix.h - stable sorting of items (sort_keys.h) by their keys, digit by digit from the lowest (Knuth, The
 * Art of Computer Programming 3, 5.2.5). Only digits in which keys differ are looked at. */
#ifndef HR_CPU_RADIX_H
#define HR_CPU_RADIX_H

#include <stdint.h>

/* Rows of more items are worth several workers; one row's chunks have this many. */
enum { HR_RADIX_PARALLEL = 131072, HR_RADIX_CHUNK = 131072 };

/* Bytes of the counters that hr_radix_sort_parallel() wants for n items. */
int64_t hr_radix_count_bytes(int64_t n);

/* Sorts n items of item_bytes (1, 2, 4, 8, or 16: hr_sort_pair) by the bits of `differ` of their first integer. Both
 * buffers have room for n; the answer is the one that holds the result. */
void *hr_radix_sort(void *items, void *scratch, int64_t n, int item_bytes, uint64_t differ);

/* The same with the help of idle workers; not inside a parallel loop. The result does not depend on them. */
void *hr_radix_sort_parallel(void *items, void *scratch, int64_t n, int item_bytes, uint64_t differ, void *counts);

#endif
