/* src/cpu/kernels/index.h - the inner loops of reading and writing at indices. */
#ifndef HR_CPU_KERNELS_INDEX_H
#define HR_CPU_KERNELS_INDEX_H

#include <stdint.h>

/* One table an integer dtype.
 * resolve: places[i] = indices[i], plus `length` when negative; it must lie in [0, limit). Answers -1, or the position
 * of the first index that does not: the places are 0 there.
 * pick: out[i] = from[indices[i]], items of 4 or 8 bytes, if all indices lie in [0, limit) as they are, and answers 1;
 * else 0, and nothing is written. */
typedef struct hr_index_kernels {
  int64_t (*resolve)(int64_t *places, const void *indices, int64_t count, int64_t length, int64_t limit);
  int (*pick)(void *out, const void *from, const void *indices, int64_t count, int64_t limit, int64_t bytes);
} hr_index_kernels;

enum { HR_COMBINE_COUNT = 5 }; /* hr_scatter_mode of ops/index_attrs.h: set, add, prod, max, min */

/* One table a dtype, one entry a mode; c64 has no max and min, bool takes add and max as "or", the others as "and".
 * rows: to[i] = mode(to[i], from[i]); points: the same for to[places[i]], in order. NaN in either operand of max and
 * min gives NaN. */
typedef struct hr_scatter_kernels {
  void (*rows[HR_COMBINE_COUNT])(void *to, const void *from, int64_t count);
  void (*points[HR_COMBINE_COUNT])(void *to, const int64_t *places, const void *from, int64_t count);
} hr_scatter_kernels;

#endif
