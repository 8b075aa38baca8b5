/* src/cpu/kernels/scan.h - running sums, products, maxima and minima, in order, for one dtype and instruction set.
 * Half types are accumulated in float32 and rounded at each store; integers wrap in their own width. Once NaN, a
 * maximum or minimum stays NaN. Accumulators have up to HR_SCAN_ACC_BYTES: float for half types, else the dtype itself
 * (logcumsumexp: cpu/scan_log.h). */
#ifndef HR_CPU_KERNELS_SCAN_H
#define HR_CPU_KERNELS_SCAN_H

#include <stdint.h>

enum { HR_SCAN_ACC_BYTES = 16 };

/* Rows of n elements; all distances are in bytes. out may be x, or NULL when only what they add up to matters. */
typedef struct hr_scan_rows {
  void *out;
  const void *x;
  int64_t out_stride, x_stride; /* from element to element */
  int64_t out_row, x_row;       /* from row to row */
  int64_t n, count;
  int inclusive; /* 0: an output is what was accumulated before its own element */
} hr_scan_rows;

/* Arrays of accumulators have no gaps. */
typedef struct hr_scan_kernel {
  int64_t bytes;                       /* of an accumulator, at most HR_SCAN_ACC_BYTES */
  void (*start)(void *acc, int64_t n); /* n accumulators of nothing */
  /* Each row goes on from what its accumulator holds. */
  void (*rows)(void *acc, const hr_scan_rows *rows);
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
