/* src/cpu/sort_keys.h - elements as unsigned integers of the same order, and the items that are sorted.
 *
 * Keys: NaN is the greatest and all NaN are equal. When values are sorted -0 comes before +0 and a NaN comes back as
 * the quiet one of its dtype; when places are sorted -0 equals +0. Complex numbers go by real, then imaginary part;
 * one with a NaN in it is the greatest.
 * Items: a key of up to 4 bytes alone, in 4 bytes; one of 8 bytes alone; a key of up to 4 bytes above a place of 4
 * bytes, in 8 bytes: no two of these are equal, and their order is the stable one; or a key of 8 bytes before a
 * place, in 16 bytes (hr_sort_pair), which are compared by their keys only. */
#ifndef HR_CPU_SORT_KEYS_H
#define HR_CPU_SORT_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "array/dtype.h"
#include "cpu/kernels/keys.h"

typedef struct hr_sort_format {
  const hr_key_kernels *kernels; /* NULL for complex numbers */
  bool places;                   /* items know where they came from */
  int elem_bytes, item_bytes;
} hr_sort_format;

void hr_sort_format_set(hr_sort_format *out, hr_dtype dtype, bool places);

/* `count` elements, `stride` bytes apart, to items; the first has the place `place`. */
void hr_sort_load(const hr_sort_format *format, void *items, const char *from, int64_t stride, int64_t place,
                  int64_t count);

/* Items back to elements, `out_stride` bytes apart (those with places come from there in `row`). */
void hr_sort_store(const hr_sort_format *format, char *out, int64_t out_stride, const void *items, int64_t count,
                   const char *row, int64_t stride);

/* Their places as uint32. Formats with places only. */
void hr_sort_store_places(const hr_sort_format *format, char *out, int64_t out_stride, const void *items,
                          int64_t count);

#endif
