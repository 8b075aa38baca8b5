/* src/cpu/kernels/vexp.h - exp and what follows from it in float32, branch-free, so that loops over them become vector
 * code of any width and an element's value does not depend on where it stands. For _tmpl.c files.
 *
 * Errors are measured by cpu/math_test.c and listed in docs/accuracy.md: at most 1 ulp (tanh and sigmoid without
 * FMA: 1.5), subnormal results included. Coefficients are our own weighted least-squares fits at Chebyshev nodes,
 * reweighted towards equal error (Lawson 1961). */
#ifndef HR_CPU_KERNELS_VEXP_H
#define HR_CPU_KERNELS_VEXP_H

#include "cpu/kernels/elem.h"
#if HR_ISA_LEVEL == 2
#include <immintrin.h>
#endif

/* e^r = 1 + r + r^2 (C0 + C1 r + ...): a fit, then a search around it for the least error after all roundings. */
#define HR_EXP_C0 0.5f
#define HR_EXP_C1 0x1.555478p-3f
#define HR_EXP_C2 0x1.55578ep-5f
#define HR_EXP_C3 0x1.124316p-7f
#define HR_EXP_C4 0x1.69f58cp-10f

/* e^x = 2^k * (head + tail), |x - k ln 2| <= ln 2 / 2, with head + tail about twice as exact as a float. x in
 * [-104, 89] or NaN. ln 2 is split so that k times its first part is exact without a fused operation too (Cody and
 * Waite 1980). */
typedef struct hr_exp_parts {
  float head, tail, scale_a, scale_b; /* 2^k = scale_a * scale_b: one factor alone could overflow */
} hr_exp_parts;

HR_INLINE hr_exp_parts hr_exp_split(float x) {
  float shifted = hr_fmaf(x, 0x1.715476p0f, 0x1.8p23f); /* rounds x / ln 2 to an integer, in the low bits */
  float k = shifted - 0x1.8p23f;
  int32_t power = (int32_t)(hr_bits_f32(shifted) - 0x4b400000u);
  float r = hr_fmaf(k, -0x1.62e4p-1f, x);
  r = hr_fmaf(k, -1.428606765330187045e-06f, r);
  float q = HR_EXP_C4;
  q = hr_fmaf(q, r, HR_EXP_C3);
  q = hr_fmaf(q, r, HR_EXP_C2);
  q = hr_fmaf(q, r, HR_EXP_C1);
  q = hr_fmaf(q, r, HR_EXP_C0);
  float above_one = hr_fmaf(r * r, q, r);
  int32_t half = power >> 1;
  hr_exp_parts parts;
  parts.head = 1.0f + above_one;
  parts.tail = above_one - (parts.head - 1.0f);
  parts.scale_a = hr_f32_bits((uint32_t)(half + 127) << 23);
  parts.scale_b = hr_f32_bits((uint32_t)(power - half + 127) << 23);
  return parts;
}

/* NaN goes through: both comparisons are false. */
HR_INLINE float hr_exp_clamp(float x) {
  x = x > 89.0f ? 89.0f : x;
  return x < -104.0f ? -104.0f : x;
}

HR_INLINE float hr_vexpf(float x) {
  hr_exp_parts e = hr_exp_split(hr_exp_clamp(x));
  return e.head * e.scale_a * e.scale_b;
}

/* Below 1 an odd polynomial, above 1 - 2 / (e^2|x| + 1), which has lost its error there. */
HR_INLINE float hr_vtanhf(float x) {
  float size = __builtin_fabsf(x), u = x * x;
  float p = 1.2147013858449958e-4f;
  p = hr_fmaf(p, u, -8.4113486128845473e-4f);
  p = hr_fmaf(p, u, 3.0785904289128028e-3f);
  p = hr_fmaf(p, u, -8.5951115240891843e-3f);
  p = hr_fmaf(p, u, 2.1784729413959036e-2f);
  p = hr_fmaf(p, u, -5.3953098061166625e-2f);
  p = hr_fmaf(p, u, 1.3333200376579166e-1f);
  p = hr_fmaf(p, u, -3.3333329304903436e-1f);
  float small = hr_fmaf(x * u, p, x);
  float doubled = size > 10.0f ? 20.0f : 2 * size; /* NaN stays; tanh is 1 to the last bit from 9.1 */
  hr_exp_parts e = hr_exp_split(doubled);
  float power = e.scale_a * e.scale_b;
  float large = 1.0f - 2.0f / hr_fmaf(e.head, power, 1.0f);
  float either = size < 1.0f ? small : large;
  return hr_f32_bits(hr_bits_f32(either) | (hr_bits_f32(x) & 0x80000000u)); /* small(-0) is +0 */
}

/* With e = e^-|x| in two floats: 1 / (1 + e), or e / (1 + e) for negative x. The sum is kept in two floats too, and
 * the quotient corrected by its remainder. */
HR_INLINE float hr_vsigmoidf(float x) {
  hr_exp_parts e = hr_exp_split(hr_exp_clamp(-__builtin_fabsf(x)));
  float term = e.head * e.scale_a * e.scale_b, below = e.tail * e.scale_a * e.scale_b;
  float sum = 1.0f + term;
  float lost = term - (sum - 1.0f) + below;
  float over = x < 0 ? term : 1.0f, over_below = x < 0 ? below : 0.0f;
  float inverse = 1.0f / sum;
  float q = over * inverse;
  float rest = hr_fmaf(-q, sum, over) + (over_below - q * lost);
  return hr_fmaf(rest, inverse, q);
}

#if HR_ISA_LEVEL == 2
/* The same for 16 values at once, with the instruction that multiplies by 2^k: half as many operations, and the same
 * bits. NaN goes through: minimum and maximum give their second operand then. */
HR_INLINE __m512 hr_vexp16(__m512 x) {
  const __m512 shifter = _mm512_set1_ps(0x1.8p23f), one = _mm512_set1_ps(1.0f);
  x = _mm512_max_ps(_mm512_set1_ps(-104.0f), _mm512_min_ps(_mm512_set1_ps(89.0f), x));
  __m512 k = _mm512_sub_ps(_mm512_fmadd_ps(x, _mm512_set1_ps(0x1.715476p0f), shifter), shifter);
  __m512 r = _mm512_fmadd_ps(k, _mm512_set1_ps(-0x1.62e4p-1f), x);
  r = _mm512_fmadd_ps(k, _mm512_set1_ps(-1.428606765330187045e-06f), r);
  __m512 q = _mm512_set1_ps(HR_EXP_C4);
  q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(HR_EXP_C3));
  q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(HR_EXP_C2));
  q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(HR_EXP_C1));
  q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(HR_EXP_C0));
  return _mm512_scalef_ps(_mm512_add_ps(one, _mm512_fmadd_ps(_mm512_mul_ps(r, r), q, r)), k);
}
#endif

#endif
