/* src/cpu/kernels/keys.h - elements to items that are sorted, and back: see sort_keys.h. One table a dtype. */
#ifndef HR_CPU_KERNELS_KEYS_H
#define HR_CPU_KERNELS_KEYS_H

#include <stdint.h>

/* A key of 8 bytes with its place. */
typedef struct hr_sort_pair {
  uint64_t key, place;
} hr_sort_pair;

/* Three sides of a row: items less than `low`, items greater than `last`, and those between. */
typedef struct hr_split_bounds {
  uint64_t low, last;
} hr_split_bounds;

/* How many there are of each. */
typedef struct hr_split_sides {
  int64_t below, between, above;
} hr_split_sides;

/* Where they go, and room for just as many as there are. Below and above: elements, or their places as uint32; below
 * may be NULL, where they are not wanted. Between: items, or their places as uint32. */
typedef struct hr_split_to {
  char *below, *between, *above;
  hr_split_sides room;
} hr_split_to;

typedef struct hr_split_kernels {
  void (*sides)(hr_split_sides *out, const char *row, int64_t place, int64_t n, const hr_split_bounds *bounds);
  void (*split)(hr_split_to to, const char *row, int64_t place, int64_t n, const hr_split_bounds *bounds);
} hr_split_kernels;

/* `count` elements, `stride` bytes apart. */
typedef struct hr_key_kernels {
  void (*load)(void *items, const char *row, int64_t stride, int64_t count);
  /* The first element has the place `place`. */
  void (*load_places)(void *items, const char *row, int64_t stride, int64_t place, int64_t count);
  void (*store)(char *out, int64_t stride, const void *items, int64_t count);
  /* Of n elements without gaps, for items without places and with them. NULL where the instruction set lacks what makes
   * them fast, for items of 16 bytes, and for elements of 1 and 2 bytes without places. */
  hr_split_kernels splits[2];
} hr_key_kernels;

#endif
