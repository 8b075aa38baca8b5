/* src/cpu/sort_keys.h - elements as unsigned integers of the same order, and the items that are sorted.
 *
 * Keys: NaN is the greatest and all NaN are equal. When values are sorted -0 comes before +0 and a NaN comes back as
 * the quiet one of its dtype; when places are sorted -0 equals +0. Complex numbers go by real, then imaginary part;
 * one with a NaN in it is the greatest.
 * Items: a key of 1, 2, 4 or 8 bytes alone; a key of up to 4 bytes above a place of 4 bytes, in 8 bytes; or a key of 8
 * bytes before a place, in 16 bytes (hr_sort_pair). */
#ifndef HR_CPU_SORT_KEYS_H
#define HR_CPU_SORT_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "array/dtype.h"

typedef struct hr_sort_pair {
  uint64_t key, place;
} hr_sort_pair;

typedef struct hr_sort_format {
  hr_dtype dtype;
  bool places; /* items know where they came from */
  int elem_bytes, item_bytes;
  int key_shift, key_bits; /* where in the (first) integer of an item the key is */
} hr_sort_format;

void hr_sort_format_set(hr_sort_format *out, hr_dtype dtype, bool places);

/* Elements [first, end) of a row, `stride` bytes apart, to items[first..]; answers the bits in which keys differ from
 * the row's element 0. */
uint64_t hr_sort_load(const hr_sort_format *format, void *items, const char *row, int64_t stride, int64_t first,
                      int64_t end);

/* Items [first, end) back to elements (or from their places in `row`, for complex numbers), `out_stride` apart. */
void hr_sort_store(const hr_sort_format *format, char *out, int64_t out_stride, const void *items, const char *row,
                   int64_t stride, int64_t first, int64_t end);

/* Their places as uint32. Formats with places only. */
void hr_sort_store_places(const hr_sort_format *format, char *out, int64_t out_stride, const void *items, int64_t first,
                          int64_t end);

#endif
