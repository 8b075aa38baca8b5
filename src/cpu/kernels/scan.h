/* src/cpu/kernels/scan.h - running sums, products, maxima and minima, in order, for one dtype and instruction set.
 * Half types are accumulated in float32 and rounded at each store; integers wrap in their own width. Once NaN, a
 * maximum or minimum stays NaN. Accumulators have up to HR_SCAN_ACC_BYTES: float for half types, else the dtype itself
 * (logcumsumexp: cpu/scan_log.h). */
#ifndef HR_CPU_KERNELS_SCAN_H
#define HR_CPU_KERNELS_SCAN_H

#include <stdint.h>

enum { HR_SCAN_ACC_BYTES = 16 };

/* Strides are in bytes; out may be x. Exclusive: an output is what was accumulated before its own element. */
typedef struct hr_scan_kernel {
  void (*start)(void *acc, int64_t n); /* n accumulators of nothing */
  /* Elements of one row; *acc goes on from what it holds. out may be NULL, when only the last *acc matters. */
  void (*row)(void *acc, void *out, int64_t out_stride, const void *x, int64_t stride, int64_t n, int inclusive);
  /* *acc is combined with *more, an accumulator of what comes after. */
  void (*join)(void *acc, const void *more);
  /* One more element for each of n contiguous columns. */
  void (*step)(void *acc, void *out, const void *x, int64_t n, int inclusive);
} hr_scan_kernel;

/* Signed and unsigned integers of a width have the same sums and products: tables are shared, as bool's with u8. */
typedef struct hr_scan_kernels {
  hr_scan_kernel sum, prod, max, min;
} hr_scan_kernels;

#endif
