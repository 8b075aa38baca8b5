/* Products of a matrix with a vector. */
/* hr-dtypes: f32 f64 f16 bf16 */
#include "cpu/kernels/elem.h"
#include "cpu/kernels/gemm.h"

enum { LANES = 64, BLOCK = 4096 / sizeof(hr_accum), ROWS = 4, LINE = 64 / sizeof(hr_elem) };

#if HR_ELEM_CODE == HR_CODE_f64
#define FUSED hr_fma
#else
#define FUSED hr_fmaf
#endif

static hr_accum dot(const hr_elem *w, const hr_accum *x, int64_t k) {
  hr_accum part[LANES] = {0};
  int64_t p = 0;
  for (; p + LANES <= k; p += LANES)
    for (int i = 0; i < LANES; i++) part[i] = FUSED(hr_elem_load(w + p + i), x[p + i], part[i]);
  for (int i = 0; p + i < k; i++) part[i] = FUSED(hr_elem_load(w + p + i), x[p + i], part[i]);
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++) part[i] += part[i + half];
  return part[0];
}

static void dots(void *y, const void *w, int64_t ld, int64_t rows, const void *x, int64_t k) {
  hr_elem *out = y;
  const hr_elem *in = w;
  for (int64_t r = 0; r < rows; r++) hr_elem_store(out + r, dot(in + r * ld, x, k));
}

/* Sums of a block of columns stay in L1 while its rows pass by, some of them at a time: the sums are then loaded and
 * stored less often. Blocks are as long as a page, where what fetches ahead by itself ends: the next rows are fetched
 * here. */
static inline void add_rows(hr_accum *restrict part, const hr_elem *restrict rows, int64_t ld, int64_t n,
                            const hr_accum *factor) {
  const hr_accum x0 = factor[0], x1 = factor[1], x2 = factor[2], x3 = factor[3];
  for (int64_t i = 0; i < n; i++) {
    hr_accum sum = FUSED(hr_elem_load(rows + i), x0, part[i]);
    sum = FUSED(hr_elem_load(rows + ld + i), x1, sum);
    sum = FUSED(hr_elem_load(rows + 2 * ld + i), x2, sum);
    part[i] = FUSED(hr_elem_load(rows + 3 * ld + i), x3, sum);
  }
}

static void add_and_fetch(hr_accum *part, const hr_elem *rows, int64_t ld, int64_t n, const hr_accum *factor) {
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    const hr_elem *next = rows + ROWS * ld + i;
    for (int r = 0; r < ROWS; r++)
      for (int at = 0; at < LANES; at += LINE) __builtin_prefetch(next + r * ld + at);
    add_rows(part + i, rows + i, ld, LANES, factor);
  }
  add_rows(part + i, rows + i, ld, n - i, factor);
}

static void add_row(hr_accum *restrict part, const hr_elem *restrict row, int64_t n, hr_accum factor) {
  for (int64_t i = 0; i < n; i++) part[i] = FUSED(hr_elem_load(row + i), factor, part[i]);
}

static void sums(void *y, int64_t y_row, const void *w, int64_t ld, int64_t columns, const void *x, int64_t x_row,
                 int vectors, int64_t k) {
  hr_accum *out = y;
  const hr_elem *in = w;
  const hr_accum *factor = x;
  for (int v = 0; v < vectors; v++) memset(out + v * y_row, 0, (size_t)columns * sizeof *out);
  for (int64_t j = 0; j < columns; j += BLOCK) {
    int64_t n = columns - j < BLOCK ? columns - j : BLOCK, p = 0;
    for (; p + ROWS <= k; p += ROWS) {
      const hr_elem *rows = in + p * ld + j;
      add_and_fetch(out + j, rows, ld, n, factor + p);
      for (int v = 1; v < vectors; v++) add_rows(out + v * y_row + j, rows, ld, n, factor + v * x_row + p);
    }
    for (; p < k; p++)
      for (int v = 0; v < vectors; v++) add_row(out + v * y_row + j, in + p * ld + j, n, factor[v * x_row + p]);
  }
}

const hr_gemv_kernels HR_NAME(hr_gemv) = {.dots = dots, .sums = sums};
