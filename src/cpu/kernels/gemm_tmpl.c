/* One tile of a matrix product, its sums held in registers: with 32 vector registers 14 rows by 2 vectors (28 sums,
 * two of B, one of A), with 16 registers 6 rows by 2. */
/* hr-dtypes: f32 f64 */
#include "cpu/kernels/gemm.h"

#include "cpu/kernels/vec.h"

#if HR_ISA_LEVEL == 2
enum { ROWS = 14 };
#else
enum { ROWS = 6 };
#endif
enum { COLUMNS = 2 * HR_VEC_LANES };

static inline __attribute__((always_inline)) void sums_of(hr_vec sums[ROWS][2], int64_t k, const hr_elem *a,
                                                          const hr_elem *b) {
#pragma GCC unroll 14
  for (int i = 0; i < ROWS; i++) sums[i][0] = sums[i][1] = hr_vec_set(0);
  for (int64_t p = 0; p < k; p++, a += ROWS, b += COLUMNS) {
    hr_vec b0 = hr_vec_load(b), b1 = hr_vec_load(b + HR_VEC_LANES);
    __builtin_prefetch(a + 16 * ROWS); /* panels of A come from L2 */
#pragma GCC unroll 14
    for (int i = 0; i < ROWS; i++) {
      hr_vec x = hr_vec_set(a[i]);
      sums[i][0] = hr_vec_fma(x, b0, sums[i][0]);
      sums[i][1] = hr_vec_fma(x, b1, sums[i][1]);
    }
  }
}

static inline __attribute__((always_inline)) void put(hr_elem *c, int64_t ldc, hr_vec sums[ROWS][2], int add) {
#pragma GCC unroll 14
  for (int i = 0; i < ROWS; i++) {
    hr_elem *row = c + i * ldc;
    if (add) {
      sums[i][0] = hr_vec_add(sums[i][0], hr_vec_load(row));
      sums[i][1] = hr_vec_add(sums[i][1], hr_vec_load(row + HR_VEC_LANES));
    }
    hr_vec_store(row, sums[i][0]);
    hr_vec_store(row + HR_VEC_LANES, sums[i][1]);
  }
}

static void tile(int64_t k, const void *a, const void *b, void *c, int64_t ldc, int m, int n, int add) {
  hr_vec sums[ROWS][2];
  hr_elem *out = c, part[ROWS * COLUMNS];
  /* The rows of C come from far away and each from a page of its own: they arrive while the sums are made. */
  for (int i = 0; i < m; i++) {
    __builtin_prefetch(out + i * ldc, 1);
    __builtin_prefetch(out + i * ldc + n - 1, 1);
  }
  sums_of(sums, k, a, b);
  if (m == ROWS && n == COLUMNS) {
    put(out, ldc, sums, add);
    return;
  }
  put(part, COLUMNS, sums, 0);
  for (int i = 0; i < m; i++)
    for (int j = 0; j < n; j++)
      out[i * ldc + j] = add ? part[i * COLUMNS + j] + out[i * ldc + j] : part[i * COLUMNS + j];
}

const hr_gemm_kernels HR_NAME(hr_gemm) = {.rows = ROWS, .columns = COLUMNS, .tile = tile};
