/* src/cpu/qmm.h - products with a quantised matrix: what the two drivers share. Few rows of x go through the dot
 * products of kernels/qmm.h (quantized_matmul.c); more through panels of floats and kernels/gemm.h (qmm_panels.c). */
#ifndef HR_CPU_QMM_H
#define HR_CPU_QMM_H

#include <stdbool.h>

#include "base/error.h"
#include "cpu/kernels/qmm.h"

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
