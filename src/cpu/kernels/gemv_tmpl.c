/* Products of a matrix with a vector. */
/* hr-dtypes: f32 f64 f16 bf16 */
#include "cpu/kernels/elem.h"
#include "cpu/kernels/gemm.h"

enum { LANES = 64, BLOCK = 256 };

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

static void sums(void *y, const void *w, int64_t ld, int64_t columns, const void *x, int64_t k) {
  hr_elem *out = y;
  const hr_elem *in = w;
  const hr_accum *factor = x;
  hr_accum part[BLOCK];
  for (int64_t j = 0; j < columns; j += BLOCK) {
    int64_t n = columns - j < BLOCK ? columns - j : BLOCK;
    for (int64_t i = 0; i < n; i++) part[i] = 0;
    for (int64_t p = 0; p < k; p++) {
      const hr_elem *row = in + p * ld + j;
      for (int64_t i = 0; i < n; i++) part[i] = FUSED(hr_elem_load(row + i), factor[p], part[i]);
    }
    for (int64_t i = 0; i < n; i++) hr_elem_store(out + j + i, part[i]);
  }
}

const hr_gemv_kernels HR_NAME(hr_gemv) = {.dots = dots, .sums = sums};
