/* src/cpu/select.h - items (sort_keys.h) brought to both sides of the kth, without sorting all of them.
 *
 * A sorted sample of keys, evenly spaced, gives two bounds between which the kth most probably is. One pass parts the
 * items into those below, between and above; those between are sorted. Should the kth not be among them, the row is
 * sorted, so the result is always right; it does not depend on workers. */
#ifndef HR_CPU_SELECT_H
#define HR_CPU_SELECT_H

#include "cpu/sort_keys.h"

enum { HR_SELECT_LEAST = 2048 }; /* shorter rows are better sorted */

/* Bounds for items, as their first integers compare: lo <= hi. */
typedef struct hr_select_bounds {
  uint64_t lo, hi;
} hr_select_bounds;

/* From a row of n > HR_SELECT_LEAST elements; items have at least 4 bytes. Both buffers have room for n items and are
 * overwritten in part. */
void hr_select_bounds_set(hr_select_bounds *out, const hr_sort_format *format, void *items, void *scratch,
                          const char *row, int64_t stride, int64_t n, int64_t kth);

/* How many items of a span were below, between (inclusive) and above the bounds. */
typedef struct hr_select_counts {
  int64_t below, between, above;
} hr_select_counts;

/* Parts n items: those below to the front of `out`, those above to its end (last first), those between to the front of
 * `items`. */
hr_select_counts hr_select_part(void *out, void *items, int64_t n, int item_bytes, const hr_select_bounds *bounds);

#endif
