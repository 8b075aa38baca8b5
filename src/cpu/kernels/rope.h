/* src/cpu/kernels/rope.h - pairs of elements turned by angles, for one dtype and instruction set.
 * Half types are computed in float32 and rounded once. */
#ifndef HR_CPU_KERNELS_ROPE_H
#define HR_CPU_KERNELS_ROPE_H

#include <stdint.h>

/* Positions whose sines are made from those of their block's first one and of their distance from it. */
enum { HR_ROPE_BLOCK = 32 };

/* A table's row has the cosines of `half` angles, then their sines, in the type that the dtype is computed in. */
typedef struct hr_rope_kernels {
  /* `count` <= HR_ROPE_BLOCK rows of a table: with base[0, half) the cosines and base[half, 2 half) the sines of some
   * angles, and steps such rows of the angles that the rows add to them. */
  void (*table)(void *rows, const double *base, const double *steps, int64_t count, int64_t half);
  /* `count` rows of n contiguous elements, strides in bytes, each with its row of the table; out may be x. */
  void (*turn)(void *out, const void *x, int64_t out_stride, int64_t x_stride, int64_t count, int64_t n,
               const void *table, int64_t half, int traditional);
} hr_rope_kernels;

#endif
