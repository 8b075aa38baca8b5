/* src/cpu/kernels/gemm.h - the inner loops of matrix products.
 *
 * Operands are packed into panels: a panel is `width` rows of A (or columns of B) by k, stored k-major, so that the
 * inner loop reads both front to back (Goto, van de Geijn, "Anatomy of high-performance matrix multiplication", TOMS
 * 2008). Packing also converts (half types to float), resolves any strides, and pads with zeros up to the width.
 * Complex numbers are real products of twice the size: with A as (re, im) pairs along k and B's element b as the 2 by 2
 * block ((re b, im b), (-im b, re b)), C comes out as (re, im) pairs along its rows. */
#ifndef HR_CPU_KERNELS_GEMM_H
#define HR_CPU_KERNELS_GEMM_H

#include <stdbool.h>
#include <stdint.h>

/* Tables f32 and f64. c[i * ldc + j] = (or +=, when add) sum over p of a[p * rows + i] * b[p * columns + j], p
 * ascending, for i < m <= rows and j < n <= columns. Panels are aligned to 64 bytes. 128 m bytes at `next` are fetched
 * into L2 on the way; it may be any address. */
typedef struct hr_gemm_kernels {
  int rows, columns; /* widths of the panels of A and B */
  void (*tile)(int64_t k, const void *a, const void *b, void *c, int64_t ldc, int m, int n, int add, const void *next);
  /* The same for `rows` rows of A as they lie in memory, `row` elements apart and without gaps along k. */
  void (*tile_rows)(int64_t k, const void *a, int64_t row, const void *b, void *c, int64_t ldc, int n, int add,
                    const void *next);
} hr_gemm_kernels;

/* A product of blocks as they lie in memory: C (m, n) = or += A (m, k) B (k, n), the sums in ascending k. Strides are
 * in elements; columns of C have no gaps. Those of B have none either, or B lies in slabs of `columns` columns, the
 * last of which may be narrower, b_slab apart. */
typedef struct hr_gemm_block {
  const void *a, *b;
  void *c;
  int64_t a_row, a_k, b_k, c_row;
  int64_t b_slab;  /* 0: no slabs */
  int64_t m, n, k; /* at least 1 */
  bool add;
  bool far;   /* B is not in L1: it is fetched ahead */
  bool c_far; /* C is not in L2 */
} hr_gemm_block;

/* Tables f32 and f64. Reads the rows of A once for `columns` columns of B each time, so B should be in L2. */
typedef struct hr_block_kernels {
  int rows, columns; /* of a tile whose sums are held in registers */
  void (*multiply)(const hr_gemm_block *block);
} hr_block_kernels;

/* Tables f32, f64, f16, bf16, c64: one a dtype of the operands. Strides are in elements. */
typedef struct hr_pack_kernels {
  /* One panel from `count` rows of A (<= width) or columns of B, `across` elements apart, k elements `along` apart.
   * For c64 count and k are complex elements; width is in floats: a panel of B holds width / 2 columns. */
  void (*a)(void *panel, const void *from, int64_t k, int width, int count, int64_t across, int64_t along);
  void (*b)(void *panel, const void *from, int64_t k, int width, int count, int64_t across, int64_t along);
  /* to[i] = from[i], from float to the dtype; NULL where products are stored as they are. */
  void (*store)(void *to, const float *from, int64_t count);
  /* to[i] += from[i], in the type of the sums; NULL for c64. */
  void (*add)(void *to, const void *from, int64_t count);
  /* c[i * c_row + j] = alpha * c[i * c_row + j] + beta * d[i * d_row + j * step], each step rounded, for i < rows and
   * j < count; f32 and f64 alone. */
  void (*blend)(void *c, int64_t c_row, const void *d, int64_t d_row, int64_t step, int64_t rows, int64_t count,
                double alpha, double beta);
} hr_pack_kernels;

/* Tables f32, f64, f16, bf16: products with a few vectors, limited by reading the matrix. x is in the type of the sums
 * (float, or double for f64). */
typedef struct hr_gemv_kernels {
  /* y[r] = sum of w[r * ld + p] * x[p], in the dtype: rows one after the other; 64 lanes in a fixed tree. */
  void (*dots)(void *y, const void *w, int64_t ld, int64_t rows, const void *x, int64_t k);
  /* y[v * y_row + j] = sum of w[p * ld + j] * x[v * x_row + p], in the type of the sums, p ascending, for v < vectors
   * <= HR_GEMV_VECTORS and j < columns. Reads w once. */
  void (*sums)(void *y, int64_t y_row, const void *w, int64_t ld, int64_t columns, const void *x, int64_t x_row,
               int vectors, int64_t k);
} hr_gemv_kernels;

enum { HR_GEMV_VECTORS = 8 };

#endif
