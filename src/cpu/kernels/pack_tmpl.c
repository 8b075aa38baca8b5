/* Panels for matrix products. */
/* hr-dtypes: f32 f64 f16 bf16 c64 */
#include "cpu/kernels/elem.h"
#include "cpu/kernels/gemm.h"

#if HR_ELEM_IS_COMPLEX
/* Row i of A: (re, im) along k. */
static void pack_a(void *panel, const void *from, int64_t k, int width, int count, int64_t across, int64_t along) {
  float *to = panel;
  const float *in = from;
  for (int64_t p = 0; p < k; p++, to += 2 * width)
    for (int i = 0; i < width; i++) {
      const float *z = in + 2 * (i * across + p * along);
      to[i] = i < count ? z[0] : 0, to[width + i] = i < count ? z[1] : 0;
    }
}

static void pack_b(void *panel, const void *from, int64_t k, int width, int count, int64_t across, int64_t along) {
  float *to = panel;
  const float *in = from;
  for (int64_t p = 0; p < k; p++, to += 2 * width)
    for (int j = 0; j < width / 2; j++) {
      const float *z = in + 2 * (j * across + p * along);
      float re = j < count ? z[0] : 0, im = j < count ? z[1] : 0;
      to[2 * j] = re, to[2 * j + 1] = im;
      to[width + 2 * j] = -im, to[width + 2 * j + 1] = re;
    }
}

const hr_pack_kernels HR_NAME(hr_pack) = {.a = pack_a, .b = pack_b};
#else
/* Rows of the panel lie together in memory. */
static void pack_rows(hr_accum *to, const hr_elem *in, int64_t k, int width, int count, int64_t along) {
  for (int64_t p = 0; p < k; p++, to += width, in += along) {
    for (int j = 0; j < count; j++) to[j] = hr_elem_load(in + j);
    for (int j = count; j < width; j++) to[j] = 0;
  }
}

enum { BLOCK = 16 }; /* places of k at a time: the part of the panel that is being filled stays in L1 */

static void pack(void *panel, const void *from, int64_t k, int width, int count, int64_t across, int64_t along) {
  hr_accum *to = panel;
  const hr_elem *in = from;
  if (across == 1) {
    pack_rows(to, in, k, width, count, along);
    return;
  }
  for (int64_t p = 0; p < k; p += BLOCK) {
    int64_t n = k - p < BLOCK ? k - p : BLOCK;
    for (int j = 0; j < width; j++)
      for (int64_t q = p; q < p + n; q++) to[q * width + j] = j < count ? hr_elem_load(in + j * across + q * along) : 0;
  }
}

#if HR_ELEM_IS_HALF
static void store(void *to, const float *from, int64_t count) {
  hr_elem *out = to;
  for (int64_t i = 0; i < count; i++) hr_elem_store(out + i, from[i]);
}
const hr_pack_kernels HR_NAME(hr_pack) = {.a = pack, .b = pack, .store = store};
#else
const hr_pack_kernels HR_NAME(hr_pack) = {.a = pack, .b = pack};
#endif
#endif
