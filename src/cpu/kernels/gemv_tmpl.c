/* Products of a matrix with a vector. */
/* hr-dtypes: f32 f64 f16 bf16 */
#include "cpu/kernels/elem.h"
#include "cpu/kernels/gemm.h"

enum { LANES = 64, BLOCK = 4096 / sizeof(hr_accum) };

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
 * stored less often. Blocks are as long as a page, for the sake of what fetches ahead. */
static inline void add_rows(hr_accum *part, const hr_elem *rows, int64_t ld, int64_t n, const hr_accum *factor) {
  const hr_accum x0 = factor[0], x1 = factor[1], x2 = factor[2], x3 = factor[3];
  for (int64_t i = 0; i < n; i++) {
    hr_accum sum = FUSED(hr_elem_load(rows + i), x0, part[i]);
    sum = FUSED(hr_elem_load(rows + ld + i), x1, sum);
    sum = FUSED(hr_elem_load(rows + 2 * ld + i), x2, sum);
    part[i] = FUSED(hr_elem_load(rows + 3 * ld + i), x3, sum);
  }
}

static void sums(void *y, const void *w, int64_t ld, int64_t columns, const void *x, int64_t k) {
  hr_elem *out = y;
  const hr_elem *in = w;
  const hr_accum *factor = x;
  hr_accum part[BLOCK];
  for (int64_t j = 0; j < columns; j += BLOCK) {
    int64_t n = columns - j < BLOCK ? columns - j : BLOCK, p = 0;
    for (int64_t i = 0; i < n; i++) part[i] = 0;
    for (; p + 4 <= k; p += 4) add_rows(part, in + p * ld + j, ld, n, factor + p);
    for (; p < k; p++)
      for (int64_t i = 0; i < n; i++) part[i] = FUSED(hr_elem_load(in + p * ld + j + i), factor[p], part[i]);
    for (int64_t i = 0; i < n; i++) hr_elem_store(out + j + i, part[i]);
  }
}

const hr_gemv_kernels HR_NAME(hr_gemv) = {.dots = dots, .sums = sums};
