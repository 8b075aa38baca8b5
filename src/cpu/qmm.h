/* src/cpu/qmm.h - products with a quantised matrix: what the drivers share. Few rows of x go through the dot products
 * of kernels/qmm.h (quantized_matmul.c), on bytes where the processor multiplies those. More go through tile registers
 * (qmm_tiles.c) where w lies transposed and the processor has them, else through panels of floats and kernels/gemm.h
 * (qmm_panels.c). */
#ifndef HR_CPU_QMM_H
#define HR_CPU_QMM_H

#include <stdbool.h>

#include "base/error.h"
#include "cpu/kernels/qmm.h"

/* Rows of the result that share a matrix of w. */
typedef struct hr_qmm_run {
  int64_t first, rows, matrix;
} hr_qmm_run;

/* Matrix `index` of those that follow `w`, so many bytes of codes and of scales apart. */
static inline hr_qmm_matrix hr_qmm_matrix_at(const hr_qmm_matrix *w, int64_t index, int64_t bytes,
                                             int64_t scale_bytes) {
  hr_qmm_matrix at = *w;
  at.codes += index * bytes, at.scales += index * scale_bytes;
  if (at.biases) at.biases += index * scale_bytes;
  return at;
}

/* y (rows of all runs, n) = x (float32, rows of all runs, k) times the runs' matrices (n, k) transposed; row-major. */
typedef struct hr_qmm_tiled {
  hr_qmm_matrix w; /* the first matrix */
  int64_t w_bytes, scale_bytes;
  const hr_qmm_run *runs;
  int64_t run_count, n, k;
  const float *x;
  char *y;
  hr_qmm_type type; /* of y */
} hr_qmm_tiled;

/* Whether this processor can take such a matrix so. */
bool hr_qmm_has_tiles(const hr_qmm_matrix *w);
hr_status hr_qmm_tiles(const hr_qmm_tiled *product) HR_MUST_USE;

/* y (m, n), row-major, = x (m, k), float32, row-major, times w: (n, k) transposed, or (k, n). */
typedef struct hr_qmm_product {
  const hr_qmm_kernels *kernels;
  hr_qmm_matrix w;
  bool transpose;
  int64_t m, n, k;
  const float *x;
  void *y;
  hr_qmm_type type; /* of y */
} hr_qmm_product;

/* Runs it as panels, a parallel loop after another. */
hr_status hr_qmm_panels(const hr_qmm_product *product) HR_MUST_USE;

#endif
