/* src/cpu/kernels/hadamard.h - steps of the Walsh-Hadamard transform, for one dtype and instruction set.
 * Values are hr_accum (kernels/elem.h): float, of float64 double. Sums are taken in one order, and products are by 1
 * and -1: every instruction set gives the same bits. */
#ifndef HR_CPU_KERNELS_HADAMARD_H
#define HR_CPU_KERNELS_HADAMARD_H

#include <stdint.h>

enum { HR_HADAMARD_LARGEST = 28 };

typedef struct hr_hadamard_kernel {
  int accum_bytes;
  /* n elements, stride bytes apart, to values. */
  void (*load)(void *values, const void *x, int64_t stride, int64_t n);
  /* The transform of n = 2^k values in a row. */
  void (*low)(void *values, int64_t n);
  /* Of each of `columns` columns, of `rows` = 2^k values that are `step` values apart. */
  void (*high)(void *values, int64_t step, int64_t rows, int64_t columns);
  /* The same with m rows and any matrix of signs: bit c of signs[r] is set where place (r, c) is -1. */
  void (*mix)(void *values, int64_t step, int64_t columns, const uint32_t *signs, int m);
  void (*store)(void *out, const void *values, double scale, int64_t n);
} hr_hadamard_kernel;

#endif
