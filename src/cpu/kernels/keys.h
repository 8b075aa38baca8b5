/* src/cpu/kernels/keys.h - elements to items that are sorted, and back: see sort_keys.h. One table a dtype. */
#ifndef HR_CPU_KERNELS_KEYS_H
#define HR_CPU_KERNELS_KEYS_H

#include <stdint.h>

/* A key of 8 bytes with its place. */
typedef struct hr_sort_pair {
  uint64_t key, place;
} hr_sort_pair;

/* `count` elements, `stride` bytes apart. */
typedef struct hr_key_kernels {
  void (*load)(void *items, const char *row, int64_t stride, int64_t count);
  /* The first element has the place `place`. */
  void (*load_places)(void *items, const char *row, int64_t stride, int64_t place, int64_t count);
  void (*store)(char *out, int64_t stride, const void *items, int64_t count);
} hr_key_kernels;

#endif
