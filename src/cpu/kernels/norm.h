/* src/cpu/kernels/norm.h - rows brought to mean 0 and variance 1, or to mean square 1, for one dtype and instruction
 * set.
 *
 * Half types are computed in float32 and rounded once. A mean is taken of distances from a shift near it, and the shift
 * is moved and the row read again where it was not near: the mean's square is at most HR_NORM_FAR times the variance.
 * So a large mean costs no digits: what is left of it is the rounding of x - shift, exact for x within a factor of two
 * of the shift (Chan, Golub, LeVeque, "Algorithms for computing the sample variance", 1983). Sums use 64 lanes and a
 * fixed tree, by runs of 8192 elements. */
#ifndef HR_CPU_KERNELS_NORM_H
#define HR_CPU_KERNELS_NORM_H

#include <stdint.h>

enum { HR_NORM_FAR = 4 };

/* weight and bias: n contiguous elements of the dtype, or NULL. Strides of rows are in bytes; out may be x.
 * `stream`: results may go past the caches; the call orders them before whatever follows. */
typedef struct hr_norm_rows {
  void *out;
  const void *x, *weight, *bias;
  int64_t out_stride, x_stride, count, n; /* n > 0 */
  double eps;
  int stream;
} hr_norm_rows;

/* Of n elements: their mean is shift + rest; squares is the sum of squares of their distances from it. */
typedef struct hr_norm_stats {
  double shift, rest, squares;
} hr_norm_stats;

typedef struct hr_norm_kernels {
  void (*layer)(const hr_norm_rows *rows); /* (x - mean) / sqrt(variance + eps) */
  void (*rms)(const hr_norm_rows *rows);   /* x / sqrt(mean square + eps) */
  /* For rows in pieces: what the pieces add up to, then (x - shift - rest) * factor * weight + bias of each. For the
   * second kind shift and rest are 0. */
  hr_norm_stats (*layer_stats)(const void *x, int64_t n);
  hr_norm_stats (*rms_stats)(const void *x, int64_t n);
  void (*scale)(const hr_norm_rows *row, const hr_norm_stats *stats, double factor); /* one row */
} hr_norm_kernels;

#endif
