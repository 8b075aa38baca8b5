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
/* Panels of B come from L2, fetched AHEAD steps along k before their use. */
enum { COLUMNS = 2 * HR_VEC_LANES, LINE_BYTES = 64, LINE = LINE_BYTES / sizeof(hr_elem), AHEAD = 16 };

typedef struct operands {
  const hr_elem *a, *b; /* element (i, p) of A is at a[i * row + p * along] */
  int64_t row, along;
} operands;

static inline __attribute__((always_inline)) void steps_of(hr_vec sums[ROWS][2], int64_t k, operands *o) {
  const hr_elem *a = o->a, *b = o->b;
  for (int64_t p = 0; p < k; p++, a += o->along, b += COLUMNS) {
    hr_vec b0 = hr_vec_load(b), b1 = hr_vec_load(b + HR_VEC_LANES);
    for (int i = 0; i < COLUMNS; i += LINE) __builtin_prefetch(b + AHEAD * COLUMNS + i);
#pragma GCC unroll 14
    for (int i = 0; i < ROWS; i++) {
      hr_vec x = hr_vec_set(a[i * o->row]);
      sums[i][0] = hr_vec_fma(x, b0, sums[i][0]);
      sums[i][1] = hr_vec_fma(x, b1, sums[i][1]);
    }
  }
  o->a = a, o->b = b;
}

/* The rows of C come from far away and each from a page of its own: they are fetched while the sums are made, one after
 * the other, since a burst would hold up what fetches B. So is what lies at `next`. */
static inline __attribute__((always_inline)) void sums_of(hr_vec sums[ROWS][2], int64_t k, operands o, const hr_elem *c,
                                                          int64_t ldc, int m, int n, const char *next) {
#pragma GCC unroll 14
  for (int i = 0; i < ROWS; i++) sums[i][0] = sums[i][1] = hr_vec_set(0);
  int64_t part = k / m;
  for (int i = 0; i < m; i++) {
    __builtin_prefetch(c + i * ldc, 1);
    __builtin_prefetch(c + i * ldc + n - 1, 1);
    __builtin_prefetch(next + 2 * i * LINE_BYTES, 0, 2);
    __builtin_prefetch(next + (2 * i + 1) * LINE_BYTES, 0, 2);
    steps_of(sums, i < m - 1 ? part : k - i * part, &o);
  }
}

static inline __attribute__((always_inline)) void put(hr_elem *c, int64_t ldc, hr_vec sums[ROWS][2], int add) {
#pragma GCC unroll 14
  for (int i = 0; i < ROWS; i++) {
    if (!add) break;
    sums[i][0] = hr_vec_add(sums[i][0], hr_vec_load(c + i * ldc));
    sums[i][1] = hr_vec_add(sums[i][1], hr_vec_load(c + i * ldc + HR_VEC_LANES));
  }
#pragma GCC unroll 14
  for (int i = 0; i < ROWS; i++) {
    hr_vec_store(c + i * ldc, sums[i][0]);
    hr_vec_store(c + i * ldc + HR_VEC_LANES, sums[i][1]);
  }
}

static void put_part(hr_elem *c, int64_t ldc, const hr_elem *part, int m, int n, int add) {
  for (int i = 0; i < m; i++)
    for (int j = 0; j < n; j++) c[i * ldc + j] = add ? part[i * COLUMNS + j] + c[i * ldc + j] : part[i * COLUMNS + j];
}

static void tile(int64_t k, const void *a, const void *b, void *c, int64_t ldc, int m, int n, int add,
                 const void *next) {
  hr_vec sums[ROWS][2];
  hr_elem part[ROWS * COLUMNS];
  sums_of(sums, k, (operands){a, b, 1, ROWS}, c, ldc, m, n, next);
  if (m == ROWS && n == COLUMNS) {
    put(c, ldc, sums, add);
    return;
  }
  put(part, COLUMNS, sums, 0);
  put_part(c, ldc, part, m, n, add);
}

static void tile_rows(int64_t k, const void *a, int64_t row, const void *b, void *c, int64_t ldc, int n, int add,
                      const void *next) {
  hr_vec sums[ROWS][2];
  hr_elem part[ROWS * COLUMNS];
  sums_of(sums, k, (operands){a, b, row, 1}, c, ldc, ROWS, n, next);
  if (n == COLUMNS) {
    put(c, ldc, sums, add);
    return;
  }
  put(part, COLUMNS, sums, 0);
  put_part(c, ldc, part, ROWS, n, add);
}

const hr_gemm_kernels HR_NAME(hr_gemm) = {.rows = ROWS, .columns = COLUMNS, .tile = tile, .tile_rows = tile_rows};
