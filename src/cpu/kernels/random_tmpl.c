/* Uniform and normal numbers, made from random words a tile at a time. Compiled for the dtypes that MLX draws:
 * hr-dtypes below. Every dtype takes 32 bits an element.
 *
 * A uniform is word / 2^32 rounded to the dtype, and at most the number below 1. */
/* hr-dtypes: f32 f16 bf16 */
#include <math.h>

#include "cpu/kernels/elem.h"
#include "cpu/kernels/threefry.h"

/* Rounds to the dtype; the result stays a float. */
static inline float round_elem(float x) {
  hr_elem e;
  hr_elem_store(&e, x);
  return hr_elem_load(&e);
}

static const float BELOW_1_F32 = 0x1.fffffep-1f;
#if HR_ELEM_IS_HALF
static const float BELOW_1 = HR_ELEM_CODE == HR_CODE_f16 ? 0x1.ffcp-1f : 0x1.fep-1f;
#endif

static inline float unit_f32(uint32_t word) {
#if HR_ISA_LEVEL >= 2
  float x = (float)word * 0x1p-32f;
#else
  /* Without an instruction for unsigned integers, as two halves: exact, and rounded once by the addition. */
  float x = hr_fmaf((float)(int32_t)(word >> 16), 65536.0f, (float)(int32_t)(word & 0xffffu)) * 0x1p-32f;
#endif
  return x < BELOW_1_F32 ? x : BELOW_1_F32;
}

static inline float unit_elem(uint32_t word) {
#if HR_ELEM_IS_HALF
  float x = round_elem(unit_f32(word));
  return x < BELOW_1 ? x : BELOW_1;
#else
  return unit_f32(word);
#endif
}

/* -log(y) for y in [2^-24, 1]: Cephes logf (Moshier), y = m 2^e with m in [sqrt(1/2), sqrt(2)). Written out, not looped
 * over a table: only so do compilers make vector code of it. */
static inline float minus_log(float y) {
  uint32_t bits = hr_bits_f32(y);
  int32_t e = (int32_t)(bits - 0x3f3504f3u) >> 23;
  float x = hr_f32_bits(bits - ((uint32_t)e << 23)) - 1.0f, z = x * x, exponent = (float)e;
  float p = 7.0376836292e-2f;
  p = hr_fmaf(p, x, -1.1514610310e-1f);
  p = hr_fmaf(p, x, 1.1676998740e-1f);
  p = hr_fmaf(p, x, -1.2420140846e-1f);
  p = hr_fmaf(p, x, 1.4249322787e-1f);
  p = hr_fmaf(p, x, -1.6668057665e-1f);
  p = hr_fmaf(p, x, 2.0000714765e-1f);
  p = hr_fmaf(p, x, -2.4999993993e-1f);
  p = hr_fmaf(p, x, 3.3333331174e-1f);
  float log1p = hr_fmaf(exponent, -2.12194440e-4f, x * z * p) - 0.5f * z;
  return -hr_fmaf(exponent, 0.693359375f, x + log1p);
}

/* erfinv for |x| < 1: Giles, "Approximating the erfinv function", GPU Computing Gems 2 (2010), single precision. */
static inline float erfinv_near(float w) {
  float p = 2.81022636e-08f;
  p = hr_fmaf(p, w, 3.43273939e-07f);
  p = hr_fmaf(p, w, -3.5233877e-06f);
  p = hr_fmaf(p, w, -4.39150654e-06f);
  p = hr_fmaf(p, w, 0.00021858087f);
  p = hr_fmaf(p, w, -0.00125372503f);
  p = hr_fmaf(p, w, -0.00417768164f);
  p = hr_fmaf(p, w, 0.246640727f);
  p = hr_fmaf(p, w, 1.50140941f);
  return p;
}

static inline float erfinv_far(float w) {
  float p = -0.000200214257f;
  p = hr_fmaf(p, w, 0.000100950558f);
  p = hr_fmaf(p, w, 0.00134934322f);
  p = hr_fmaf(p, w, -0.00367342844f);
  p = hr_fmaf(p, w, 0.00573950773f);
  p = hr_fmaf(p, w, -0.0076224613f);
  p = hr_fmaf(p, w, 0.00943887047f);
  p = hr_fmaf(p, w, 1.00167406f);
  p = hr_fmaf(p, w, 2.83297682f);
  return p;
}

/* 1 - x^2 as a product: near 1 the difference would lose its digits where there is no fused operation. */
static inline float erfinv(float x) {
  float w = minus_log((1.0f - x) * (1.0f + x)), a = erfinv_near(w - 2.5f), b = erfinv_far(sqrtf(w) - 3.0f);
  return (w < 5.0f ? a : b) * x;
}

static inline void emit_uniform(const hr_random_fill *fill, hr_elem *out, const uint32_t *words, int64_t n) {
  float scale = fill->scale, shift = fill->shift;
  for (int64_t i = 0; i < n; i++) hr_elem_store(out + i, round_elem(unit_elem(words[i]) * scale) + shift);
}

static inline void emit_normal(const hr_random_fill *fill, hr_elem *out, const uint32_t *words, int64_t n) {
  float scale = fill->scale, shift = fill->shift;
  for (int64_t i = 0; i < n; i++) {
    /* Uniform in (-1, 1): the range 1 - (-BELOW_1_F32) rounds to 2. */
    float x = unit_f32(words[i]) * 2.0f - BELOW_1_F32;
    hr_elem_store(out + i, round_elem(round_elem(erfinv(x)) * scale) + shift);
  }
}

static inline __attribute__((always_inline)) void fill_pairs(const hr_random_fill *fill, int64_t first, int64_t end,
                                                             void (*emit)(const hr_random_fill *, hr_elem *,
                                                                          const uint32_t *, int64_t)) {
  uint32_t low[HR_THREEFRY_TILE], high[HR_THREEFRY_TILE];
  hr_elem *out = fill->out;
  int64_t half = hr_random_pairs(fill->count);
  for (int64_t p = first; p < end; p += HR_THREEFRY_TILE) {
    int64_t n = end - p < HR_THREEFRY_TILE ? end - p : HR_THREEFRY_TILE;
    hr_threefry_tile(fill, p, n, low, high);
    emit(fill, out + p, low, n);
    emit(fill, out + half + p, high, half + p + n > fill->count ? n - 1 : n);
  }
}

static void uniform(const hr_random_fill *fill, int64_t first, int64_t end) {
  fill_pairs(fill, first, end, emit_uniform);
}
static void normal(const hr_random_fill *fill, int64_t first, int64_t end) {
  fill_pairs(fill, first, end, emit_normal);
}

const hr_random_kernels HR_NAME(hr_random) = {.uniform = uniform, .normal = normal};
