/* src/cpu/kernels/vmath32.h - functions in float32 arithmetic, branch-free like vexp.h, so that loops over them become
 * vector code. They need fused multiply-adds (HR_ISA_LEVEL >= 1) for their errors, which docs/accuracy.md lists: 1 ulp.
 * What would lose the last bit is kept as a sum of two floats, high and low (Dekker 1971), and rounded once,
 * at the end. Coefficients: tools/fit-polynomials. For _tmpl.c files. */
#ifndef HR_CPU_KERNELS_VMATH32_H
#define HR_CPU_KERNELS_VMATH32_H

#include "cpu/kernels/vexp.h"

HR_INLINE float hr_abs32(float x) { return hr_f32_bits(hr_bits_f32(x) & 0x7fffffffu); }
HR_INLINE float hr_sign32(float size, float x) {
  return hr_f32_bits(hr_bits_f32(size) | (hr_bits_f32(x) & 0x80000000u));
}

/* --- logarithms: x = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt 2, ln(1 + f) = f - f^2 / 2 + cube --- */

typedef struct hr_log32_parts {
  float k, f, square, square_low, cube; /* f^2 in two floats */
} hr_log32_parts;

/* Normal x > 0, or bits of which k and f are of no use. `below` is added to k. */
HR_INLINE hr_log32_parts hr_log32_split_normal(float x, float below) {
  uint32_t bits = hr_bits_f32(x), power = (bits - 0x3f3504f3u) & 0xff800000u;
  hr_log32_parts l;
  float f = hr_f32_bits(bits - power) - 1.0f;
  l.k = hr_fmaf((float)(int32_t)power, 0x1p-23f, below);
  float p = -0.0765954852104187f;
  p = hr_fmaf(p, f, 0.12929800152778625f);
  p = hr_fmaf(p, f, -0.13240014016628265f);
  p = hr_fmaf(p, f, 0.14177437126636505f);
  p = hr_fmaf(p, f, -0.16608870029449463f);
  p = hr_fmaf(p, f, 0.20002205669879913f);
  p = hr_fmaf(p, f, -0.2500160336494446f);
  p = hr_fmaf(p, f, 0.33333322405815125f);
  l.f = f;
  l.square = f * f;
  l.square_low = hr_fmaf(f, f, -l.square);
  /* the fit has -0.49999988 for f^2: the half goes with the square */
  l.cube = l.square * hr_fmaf(p, f, 1.1920928955078125e-07f);
  return l;
}

HR_INLINE hr_log32_parts hr_log32_split(float x) {
  int subnormal = x < 0x1p-126f;
  return hr_log32_split_normal(subnormal ? x * 0x1p23f : x, subnormal ? -23.0f : 0.0f);
}

/* What is no positive finite number: log(0) = -inf, log(inf) = inf, else NaN. */
HR_INLINE float hr_log32_special(float y, float x) {
  float other = x == 0 ? -__builtin_inff() : x < 0 ? __builtin_nanf("") : x;
  return x > 0 && x < __builtin_inff() ? y : other;
}

/* ln 2 in two parts, the first so short that the product is exact */
HR_INLINE float hr_log32_of(hr_log32_parts l) {
  float big = l.k * 0x1.62e4p-1f, high = big + l.f, low = l.f - (high - big);
  return high + (hr_fmaf(l.k, 1.428606765330187e-06f, low) + hr_fmaf(l.square, -0.5f, l.cube));
}

HR_INLINE float hr_vlogf(float x) { return hr_log32_special(hr_log32_of(hr_log32_split(x)), x); }

/* In another base: k base_high + k base_low + (f - f^2 / 2 + cube) c, the first product exact, c f in two
 * floats. */
HR_INLINE float hr_log32_other(float x, float base_high, float base_low, float c, float c_low) {
  hr_log32_parts l = hr_log32_split(x);
  float part = l.f * c, below = hr_fmaf(l.f, c_low, hr_fmaf(l.f, c, -part));
  below = hr_fmaf(l.square, -0.5f * c, hr_fmaf(l.square_low, -0.5f * c, below));
  float big = l.k * base_high, high = big + part, low = part - (high - big);
  low += hr_fmaf(l.k, base_low, hr_fmaf(l.cube, c, below));
  return hr_log32_special(high + low, x);
}

HR_INLINE float hr_vlog2f(float x) { return hr_log32_other(x, 1.0f, 0.0f, 0x1.715476p+0f, 1.9259630e-8f); }
HR_INLINE float hr_vlog10f(float x) {
  return hr_log32_other(x, 0x1.344p-2f, 4.6050390665e-06f, 0x1.bcb7b2p-2f, -1.010305e-8f);
}

/* --- sine, cosine, tangent up to HR_TRIG32_MOST; callers compute what lies beyond, infinities and NaN otherwise --- */

#define HR_TRIG32_MOST 4096.0f

/* x - k pi / 2 = high + low, |high| <= pi / 4, and k's low bits, by pi / 2 in three parts (Cody and Waite 1980). The
 * first difference is exact, for it is a multiple of the last bit of the first part and not above 1. The second part is
 * a multiple of 2^-36, so the second difference is exact where it is below 2^-12; elsewhere the first one is the larger
 * operand and `low` gets what was rounded away (Dekker 1971). */
typedef struct hr_trig32 {
  float high, low;
  uint32_t k;
} hr_trig32;

HR_INLINE hr_trig32 hr_trig32_reduce(float x) {
  hr_trig32 t;
  float shifted = hr_fmaf(x, 0.636619772367581f, 0x1.8p23f), k = shifted - 0x1.8p23f;
  float most = hr_fmaf(k, -0x1.921fb6p+0f, x);
  t.k = hr_bits_f32(shifted);
  t.high = hr_fmaf(k, 0x1.7780p-25f, most);
  t.low = hr_fmaf(k, 0x1.7780p-25f, most - t.high);
  t.low = hr_fmaf(k, -0x1.68c23400p-39f, t.low);
  return t;
}

HR_INLINE float hr_sin32_of(hr_trig32 t) {
  float z = t.high * t.high;
  float p = 2.8327190193522256e-06f;
  p = hr_fmaf(p, z, -0.0001985307171707973f);
  p = hr_fmaf(p, z, 0.008333379402756691f);
  p = hr_fmaf(p, z, -0.1666666716337204f);
  return t.high + hr_fmaf(t.high * z, p, t.low);
}

/* 1 - z / 2 in two floats. */
HR_INLINE float hr_cos32_of(hr_trig32 t) {
  float z = t.high * t.high, high = hr_fmaf(z, -0.5f, 1.0f), low = hr_fmaf(z, -0.5f, 1.0f - high);
  float p = 2.443066841806285e-05f;
  p = hr_fmaf(p, z, -0.00138873013202101f);
  p = hr_fmaf(p, z, 0.04166664555668831f);
  low = hr_fmaf(t.high, -t.low, low);
  return high + hr_fmaf(z * z, p, low);
}

/* sin(x + quarters pi / 2) */
HR_INLINE float hr_vsinf(float x, uint32_t quarters) {
  hr_trig32 t = hr_trig32_reduce(x);
  uint32_t k = t.k + quarters;
  float y = k & 1 ? hr_cos32_of(t) : hr_sin32_of(t);
  y = hr_f32_bits(hr_bits_f32(y) ^ (k & 2) << 30);
  return x == 0 && quarters == 0 ? x : y; /* the sum above makes -0 + 0 = +0 */
}

/* tan, or in odd quarters -1 / tan, whose argument is kept in two floats. */
HR_INLINE float hr_vtanf(float x) {
  hr_trig32 t = hr_trig32_reduce(x);
  float z = t.high * t.high;
  float p = 0.004372047260403633f;
  p = hr_fmaf(p, z, 9.928634244715795e-05f);
  p = hr_fmaf(p, z, 0.01082685124129057f);
  p = hr_fmaf(p, z, 0.02128634788095951f);
  p = hr_fmaf(p, z, 0.054058901965618134f);
  p = hr_fmaf(p, z, 0.13332675397396088f);
  p = hr_fmaf(p, z, 0.33333349227905273f);
  float cube = t.high * z, cube_low = hr_fmaf(t.high, z, -cube) + t.high * hr_fmaf(t.high, t.high, -z);
  float more = hr_fmaf(cube, p, hr_fmaf(cube_low, p, hr_fmaf(t.low, z, t.low))); /* the slope is 1 + z + ... */
  float high = t.high + more, low = more - (high - t.high);
  float inverse = -1.0f / high;
  float rest = hr_fmaf(inverse, high, 1.0f);
  float turned = hr_fmaf(inverse, hr_fmaf(inverse, low, rest), inverse);
  float y = t.k & 1 ? turned : high;
  return x == 0 ? x : y;
}

/* --- inverse functions --- */

/* asin s = s + s z p(z), z = s^2 <= 1/4. Above 1/2 from asin x = pi / 2 - 2 asin(sqrt((1 - x) / 2)). */
typedef struct hr_asin32_parts {
  float s, low, rest; /* s + low: the root; low has an error of an eighth, which is enough */
} hr_asin32_parts;

HR_INLINE hr_asin32_parts hr_asin32_split(float size) {
  int wide = size > 0.5f;
  float z = wide ? hr_fmaf(size, -0.5f, 0.5f) : size * size;
  float root = __builtin_sqrtf(z);
  float half_inverse = hr_f32_bits(0x7e7311c7u - hr_bits_f32(root)); /* of the root, by its exponent */
  hr_asin32_parts a;
  a.s = wide ? root : size;
  a.low = wide ? hr_fmaf(-root, root, z) * half_inverse : 0.0f;
  float p = 0.042158305644989014f;
  p = hr_fmaf(p, z, 0.024184778332710266f);
  p = hr_fmaf(p, z, 0.04546914994716644f);
  p = hr_fmaf(p, z, 0.074953094124794f);
  p = hr_fmaf(p, z, 0.16666752099990845f);
  a.rest = a.s * z * p;
  return a;
}

HR_INLINE float hr_vasinf(float x) {
  float size = hr_abs32(x);
  hr_asin32_parts a = hr_asin32_split(size);
  float high = hr_fmaf(a.s, -2.0f, 0x1.921fb6p+0f), low = hr_fmaf(a.s, -2.0f, 0x1.921fb6p+0f - high);
  float large = high + (hr_fmaf(a.low + a.rest, -2.0f, low) - 4.37113883e-8f);
  float y = size > 0.5f ? large : a.s + a.rest;
  return hr_sign32(y, x);
}

HR_INLINE float hr_vacosf(float x) {
  float size = hr_abs32(x);
  int wide = size > 0.5f;
  hr_asin32_parts a = hr_asin32_split(size);
  float twice = wide ? 2.0f : -1.0f; /* pi / 2 - asin x, 2 asin, or pi - 2 asin */
  twice = x < 0 ? -twice : twice;
  float base = wide ? x < 0 ? 0x1.921fb6p+1f : 0.0f : 0x1.921fb6p+0f;
  float below = wide ? x < 0 ? -8.74227766e-8f : 0.0f : -4.37113883e-8f;
  float high = hr_fmaf(a.s, twice, base), low = hr_fmaf(a.s, twice, base - high);
  return high + hr_fmaf(a.low + a.rest, twice, low + below);
}

/* atan t = t + t z p(z) for t <= 1; above, pi / 2 - atan(1 / x), with the inverse in two floats. */
HR_INLINE float hr_vatanf(float x) {
  float size = hr_abs32(x), inverse = 1.0f / size;
  int wide = size > 1.0f;
  float t = wide ? inverse : size;
  float z = t * t;
  float low = hr_fmaf(-inverse, size, 1.0f) * inverse * hr_fmaf(z, -0.5f, 1.0f); /* the slope at t, nearly */
  float p = -0.0017827945994213223f;
  p = hr_fmaf(p, z, 0.010868623852729797f);
  p = hr_fmaf(p, z, -0.031096938997507095f);
  p = hr_fmaf(p, z, 0.05788137763738632f);
  p = hr_fmaf(p, z, -0.08399306237697601f);
  p = hr_fmaf(p, z, 0.10950880497694016f);
  p = hr_fmaf(p, z, -0.14264015853405f);
  p = hr_fmaf(p, z, 0.1999852955341339f);
  p = hr_fmaf(p, z, -0.33333298563957214f);
  float cube = t * z, cube_low = hr_fmaf(t, z, -cube) + t * hr_fmaf(t, t, -z);
  float rest = hr_fmaf(cube, p, cube_low * p);
  float high = 0x1.921fb6p+0f - t, lost = t - (0x1.921fb6p+0f - high);
  float large = high - (rest + (lost + (low + 4.37113883e-8f)));
  large = size > 0x1p26f ? 0x1.921fb6p+0f : large; /* where the inverse has no remainder to speak of */
  return hr_sign32(wide ? large : t + rest, x);
}

/* --- the error function --- */

/* 1 - e^-q with q = a p(a): e^-q as in vexp.h, but only as exact as 1 minus it needs. */
HR_INLINE float hr_verff(float x) {
  float size = hr_abs32(x), z = x * x;
  float r = 7.806903158780187e-05f;
  r = hr_fmaf(r, z, -0.0007997853099368513f);
  r = hr_fmaf(r, z, 0.005187162198126316f);
  r = hr_fmaf(r, z, -0.026853347197175026f);
  r = hr_fmaf(r, z, 0.11283578723669052f);
  r = hr_fmaf(r, z, -0.3761262595653534f);
  r = hr_fmaf(r, z, 0.12837916612625122f);
  float a = size < 3.95f ? size : 3.95f;
  float p = -1.89038530606922e-06f;
  p = hr_fmaf(p, a, 3.063624171772972e-05f);
  p = hr_fmaf(p, a, -0.00019458011956885457f);
  p = hr_fmaf(p, a, 0.00043169615673832595f);
  p = hr_fmaf(p, a, 0.0019827736541628838f);
  p = hr_fmaf(p, a, -0.021510135382413864f);
  p = hr_fmaf(p, a, 0.1043907105922699f);
  p = hr_fmaf(p, a, 0.6359895467758179f);
  p = hr_fmaf(p, a, 1.1284867525100708f);
  float q = -a * p, q_low = hr_fmaf(-a, p, -q);
  hr_exp_parts e = hr_exp_split(q);
  float power = e.head * (e.scale_a * e.scale_b);
  float large = 1.0f - hr_fmaf(power, q_low, power);
  float y = size < 1.0f ? hr_fmaf(x, r, x) : hr_sign32(large, x);
  return x == x ? y : x;
}

/* --- 1 / sqrt x --- */

/* y = 1 / root, corrected by what rounding took from both: 1 - y root, and x y - root, which has no part that is too
 * small for a float, as x - root^2 has. */
HR_INLINE float hr_vrsqrtf(float x) {
  float root = __builtin_sqrtf(x), y = 1.0f / root;
  float lost = 0.5f * (hr_fmaf(-y, root, 1.0f) - hr_fmaf(x, y, -root) * y);
  return root > 0 && root < __builtin_inff() ? hr_fmaf(y, lost, y) : y;
}

#if HR_ISA_LEVEL == 2
/* From 14 bits by (1 - e)^(-1/2) = 1 + e / 2 + 3 e^2 / 8 + ..., e = 1 - x y^2, where x y is kept in two floats. */
HR_INLINE __m512 hr_vrsqrt16(__m512 x) {
  __m512 y = _mm512_rsqrt14_ps(x), high = _mm512_mul_ps(x, y), low = _mm512_fmsub_ps(x, y, high);
  __m512 e = _mm512_fnmadd_ps(low, y, _mm512_fnmadd_ps(high, y, _mm512_set1_ps(1.0f)));
  __m512 more = _mm512_mul_ps(e, _mm512_fmadd_ps(e, _mm512_set1_ps(0.375f), _mm512_set1_ps(0.5f)));
  __mmask16 usual = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_GT_OQ) &
                    _mm512_cmp_ps_mask(x, _mm512_set1_ps(__builtin_inff()), _CMP_LT_OQ);
  return _mm512_mask_fmadd_ps(y, usual, more, y);
}

/* The nearest float in half the time of the instruction, which takes what has too small a remainder, 0, infinity, NaN
 * and negative numbers: from 14 bits by Newton's method for the root and half its inverse together (Markstein 1990). */
HR_INLINE __m512 hr_vsqrt16(__m512 x) {
  const __m512 half = _mm512_set1_ps(0.5f);
  __m512i above = _mm512_sub_epi32(_mm512_castps_si512(x), _mm512_set1_epi32(0x0c800000)); /* 2^-102 */
  if (_mm512_cmpge_epu32_mask(above, _mm512_set1_epi32(0x7f800000 - 0x0c800000))) return _mm512_sqrt_ps(x);
  __m512 y = _mm512_rsqrt14_ps(x), root = _mm512_mul_ps(x, y), h = _mm512_mul_ps(half, y);
  __m512 e = _mm512_fnmadd_ps(root, h, half);
  root = _mm512_fmadd_ps(root, e, root);
  h = _mm512_fmadd_ps(h, e, h);
  return _mm512_fmadd_ps(_mm512_fnmadd_ps(root, root, x), h, root);
}
#endif

#endif
