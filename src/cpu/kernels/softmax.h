/* src/cpu/kernels/softmax.h - e^(x - greatest x), summed and divided by the sum, for one dtype and instruction set.
 *
 * Half types are computed in float32 and rounded once. float32 uses hr_vexpf() of vexp.h, float64 hr_vexp64() of
 * vexp64.h. Rows are summed in 64 lanes and a fixed tree, columns in
 * order of the rows, by runs of HR_SOFTMAX_RUN. A result is within 4 + (greatest - x) / 2 units of the last place for
 * rows of up to 64 Ki elements; the second term is the rounding of the difference. Below 2^-126 it is within 2^-149.
 * A row with NaN or +infinity, or of -infinity alone, is NaN. */
#ifndef HR_CPU_KERNELS_SOFTMAX_H
#define HR_CPU_KERNELS_SOFTMAX_H

#include <stdint.h>

enum { HR_SOFTMAX_COLUMNS = 64, HR_SOFTMAX_RUN = 128 };

/* The greatest element, NaN left out, and the sum of e^(x - greatest); where that is infinite, the sum is 0 (all
 * elements are -infinity) or infinite. NaN among the elements makes the sum NaN. */
typedef struct hr_softmax_stats {
  double greatest, sum;
} hr_softmax_stats;

/* Strides are in bytes; out may be x. */
typedef struct hr_softmax_kernel {
  /* `count` rows of n > 0 contiguous elements. `stream`: the results may go past the caches; the call orders them
   * before whatever follows. */
  void (*rows)(void *out, const void *x, int64_t out_stride, int64_t stride, int64_t count, int64_t n, int stream);
  /* `rows` > 0 rows of n <= HR_SOFTMAX_COLUMNS contiguous elements: each column by itself. */
  void (*cols)(void *out, const void *x, int64_t out_stride, int64_t stride, int64_t rows, int64_t n);
  /* For rows in pieces: first the sums of all, then e^(x - greatest) / sum for each. */
  hr_softmax_stats (*stats)(const void *x, int64_t n);
  void (*scale)(void *out, const void *x, int64_t n, const hr_softmax_stats *stats);
} hr_softmax_kernel;

#endif
