/* src/cpu/kernels/vmath16.h - functions of 16 floats for AVX-512, where a permutation looks up 32 numbers at once:
 * tables of short polynomials (vtables.h) take the place of long ones. A value does not depend on its lane.
 *
 * What binds are the two ports that execute vectors of 512 bits; permutations, comparisons into masks and shifts have
 * one of them only. Instructions a vector, of which permutations and their kin: log 16 (4), log2 17 (4), log10 18 (4),
 * tanh 20 (8), erf 18 (7), atan 26 (7), atan2 44 (10), erfinv 36 (9), sigmoid 25 (2). The inverse and the inverse root
 * to 14 bits count double. Errors: docs/accuracy.md. For _tmpl.c files; HR_ISA_LEVEL 2. */
#ifndef HR_CPU_KERNELS_VMATH16_H
#define HR_CPU_KERNELS_VMATH16_H

#include "cpu/kernels/vexp.h"
#include "cpu/kernels/vtables.h"

#if HR_ISA_LEVEL == 2

HR_INLINE __m512 hr_all16(float x) { return _mm512_set1_ps(x); }

/* Indices are taken modulo 32 and 16. */
HR_INLINE __m512 hr_look32(const float row[32], __m512i index) {
  return _mm512_permutex2var_ps(_mm512_load_ps(row), index, _mm512_load_ps(row + 16));
}
HR_INLINE __m512 hr_look16(const float row[16], __m512i index) {
  return _mm512_permutexvar_ps(index, _mm512_load_ps(row));
}

/* Horner's rule with the coefficients in rows [first, last] of a table. */
HR_INLINE __m512 hr_look_polynomial(const float (*table)[32], int first, int last, __m512i index, __m512 d) {
  __m512 p = hr_look32(table[last], index);
  for (int k = last - 1; k >= first; k--) p = _mm512_fmadd_ps(p, d, hr_look32(table[k], index));
  return p;
}

/* size >= 0 with the sign of x */
HR_INLINE __m512 hr_sign16(__m512 size, __m512 x) {
  const __m512i sign = _mm512_set1_epi32((int)0x80000000u);
  return _mm512_castsi512_ps(
      _mm512_ternarylogic_epi32(_mm512_castps_si512(size), _mm512_castps_si512(x), sign, 0xf8)); /* a | (b & c) */
}

/* Answers of vfixupimm for kinds of x, four bits each, in the order NaN, signaling NaN, 0, 1, -inf, inf, negative,
 * positive: 0 what was computed, 1 x itself, 2 x as a quiet NaN, 3 NaN, 4 -inf, 5 inf. */
enum { HR_FIX_LOG = 0x03530422, HR_FIX_ERFINV = 0x03330522, HR_FIX_ZERO = 0x00000122 };

/* --- logarithms: x = 2^k m, 1 <= m < 2, log x = k log 2 - log r + log(1 + f), f = m r - 1, |f| <= 1/32 --- */

typedef struct hr_log16_parts {
  __m512 high, low, f; /* high: exact */
} hr_log16_parts;

typedef struct hr_log16_base {
  float two, two_low, c, p0, p1, p2, p3; /* log(1 + f) = f c + f p(f); c = 1 for the natural logarithm */
} hr_log16_base;

HR_INLINE hr_log16_parts hr_log16_split(__m512 x, const float (*table)[32], const hr_log16_base *base) {
  __m512 m = _mm512_getmant_ps(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src), k = _mm512_getexp_ps(x);
  __m512i index = _mm512_srli_epi32(_mm512_castps_si512(m), 18);
  hr_log16_parts l;
  l.f = _mm512_fmsub_ps(m, hr_look32(table[0], index), hr_all16(1.0f));
  l.high = base->two == 1.0f ? _mm512_add_ps(k, hr_look32(table[1], index))
                             : _mm512_fmadd_ps(k, hr_all16(base->two), hr_look32(table[1], index));
  l.low = hr_look32(table[2], index);
  if (base->two_low != 0) l.low = _mm512_fmadd_ps(k, hr_all16(base->two_low), l.low);
  return l;
}

/* In two floats, the first one exact to 2^-16. x > 0. */
HR_INLINE __m512 hr_ln16(__m512 x, __m512 *low) {
  static const hr_log16_base base = {HR_LOG_CONSTANTS};
  hr_log16_parts l = hr_log16_split(x, hr_log_table, &base);
  __m512 p = _mm512_fmadd_ps(hr_all16(base.p3), l.f, hr_all16(base.p2));
  p = _mm512_fmadd_ps(p, l.f, hr_all16(base.p1)); /* p0 is below 2^-27 */
  *low = _mm512_add_ps(l.f, _mm512_fmadd_ps(_mm512_mul_ps(l.f, l.f), p, l.low));
  return l.high;
}

HR_INLINE __m512 hr_log16_other(__m512 x, const float (*table)[32], const hr_log16_base *base) {
  hr_log16_parts l = hr_log16_split(x, table, base);
  __m512 p = _mm512_fmadd_ps(hr_all16(base->p3), l.f, hr_all16(base->p2));
  p = _mm512_fmadd_ps(p, l.f, hr_all16(base->p1));
  p = _mm512_fmadd_ps(p, l.f, hr_all16(base->p0));
  return _mm512_add_ps(l.high, _mm512_fmadd_ps(l.f, hr_all16(base->c), _mm512_fmadd_ps(l.f, p, l.low)));
}

HR_INLINE __m512 hr_vlog16(__m512 x) {
  __m512 low, high = hr_ln16(x, &low);
  return _mm512_fixupimm_ps(_mm512_add_ps(high, low), x, _mm512_set1_epi32(HR_FIX_LOG), 0);
}
HR_INLINE __m512 hr_vlog2_16(__m512 x) {
  static const hr_log16_base base = {HR_LOG2_CONSTANTS};
  return _mm512_fixupimm_ps(hr_log16_other(x, hr_log2_table, &base), x, _mm512_set1_epi32(HR_FIX_LOG), 0);
}
HR_INLINE __m512 hr_vlog10_16(__m512 x) {
  static const hr_log16_base base = {HR_LOG10_CONSTANTS};
  return _mm512_fixupimm_ps(hr_log16_other(x, hr_log10_table, &base), x, _mm512_set1_epi32(HR_FIX_LOG), 0);
}

/* --- odd functions with a table over |x|: value at x0 + (d + d p(d)), which loses nothing where x0 = 0 --- */

/* Places i / 8. From 3.92 on the result is 1. The minimum has its operands so that NaN goes through, here and below. */
HR_INLINE __m512 hr_verf16(__m512 x) {
  const __m512 shifter = hr_all16(0x1.8p20f); /* whose last place is 1/8 */
  __m512 size = _mm512_min_ps(hr_all16(3.93f), _mm512_abs_ps(x)), shifted = _mm512_add_ps(size, shifter);
  __m512i i = _mm512_castps_si512(shifted);
  __m512 d = _mm512_sub_ps(size, _mm512_sub_ps(shifted, shifter));
  __m512 p = hr_look_polynomial(hr_erf_table, 2, 6, i, d);
  p = _mm512_add_ps(d, _mm512_fmadd_ps(p, d, hr_look32(hr_erf_table[1], i)));
  return hr_sign16(_mm512_add_ps(hr_look32(hr_erf_table[0], i), p), x);
}

/* Places in four intervals an octave: by the exponent's last bits and two of the mantissa. From 9.02 on it is 1. */
HR_INLINE __m512 hr_vtanh16(__m512 x) {
  __m512 size = _mm512_min_ps(hr_all16(9.2f), _mm512_abs_ps(x));
  __m512i i = _mm512_srli_epi32(_mm512_castps_si512(_mm512_max_ps(size, hr_all16(0.12f))), 21);
  __m512 d = _mm512_sub_ps(size, hr_look32(hr_tanh_table[0], i));
  __m512 p = hr_look_polynomial(hr_tanh_table, 2, 6, i, d);
  return hr_sign16(_mm512_add_ps(hr_look32(hr_tanh_table[1], i), _mm512_fmadd_ps(p, d, d)), x);
}

/* atan t in two floats for 0 <= t <= 1, at places i 33 / 1024. `below`, where it is not NULL, is added to t. The high
 * part has 22 bits after the point. */
HR_INLINE __m512 hr_atan16_near(__m512 t, const __m512 *below, __m512 *high) {
  const __m512 shifter = hr_all16(0x1.8p23f);
  __m512 shifted = _mm512_fmadd_ps(t, hr_all16(1024 / 33.0f), shifter);
  __m512i i = _mm512_castps_si512(shifted);
  __m512 d = _mm512_fnmadd_ps(_mm512_sub_ps(shifted, shifter), hr_all16(33 / 1024.0f), t);
  __m512 p = hr_look_polynomial(hr_atan_table, 2, 5, i, d), low = hr_look32(hr_atan_table[1], i);
  *high = hr_look32(hr_atan_table[0], i);
  if (!below) return _mm512_add_ps(d, _mm512_fmadd_ps(p, d, low));
  return _mm512_add_ps(d, _mm512_fmadd_ps(p, _mm512_add_ps(d, *below), _mm512_add_ps(low, *below)));
}

#define HR_QUARTER_TURN     0x1.921fb4p+0f /* 22 bits after the point */
#define HR_QUARTER_TURN_LOW 0x1.4442d2p-24f

/* Above 1 by the inverse: 14 bits and one step of Newton's. */
HR_INLINE __m512 hr_vatan16(__m512 x) {
  const __m512 one = hr_all16(1.0f);
  __m512 size = _mm512_min_ps(hr_all16(0x1p60f), _mm512_abs_ps(x)), high;
  __mmask16 wide = _mm512_cmp_ps_mask(size, one, _CMP_GT_OQ);
  __m512 t = _mm512_mask_rcp14_ps(size, wide, size);
  t = _mm512_fmadd_ps(_mm512_maskz_fnmadd_ps(wide, t, size, one), t, t);
  __m512 low = hr_atan16_near(t, NULL, &high);
  high = _mm512_mask_sub_ps(high, wide, hr_all16(HR_QUARTER_TURN), high);
  low = _mm512_mask_sub_ps(low, wide, hr_all16(HR_QUARTER_TURN_LOW), low);
  return hr_sign16(_mm512_add_ps(high, low), x);
}

/* Lanes where *usual is clear have an operand that is 0, NaN (which one of minimum and maximum keeps) or outside
 * 2^-60 .. 2^60, and no use. The quotient is kept in
 * two floats. */
HR_INLINE __m512 hr_vatan2_16(__m512 y, __m512 x, __mmask16 *usual) {
  const __m512 one = hr_all16(1.0f);
  __m512 a = _mm512_abs_ps(y), b = _mm512_abs_ps(x), over = _mm512_min_ps(b, a), under = _mm512_max_ps(a, b), high;
  __mmask16 steep = _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), left = _mm512_movepi32_mask(_mm512_castps_si512(x));
  *usual = _mm512_mask_cmp_ps_mask(_mm512_cmp_ps_mask(over, hr_all16(0x1p-60f), _CMP_GT_OQ), under, hr_all16(0x1p60f),
                                   _CMP_LT_OQ);
  __m512 inverse = _mm512_rcp14_ps(under);
  inverse = _mm512_fmadd_ps(_mm512_fnmadd_ps(inverse, under, one), inverse, inverse);
  __m512 t = _mm512_mul_ps(over, inverse), below = _mm512_mul_ps(_mm512_fnmadd_ps(t, under, over), inverse);
  __m512 low = hr_atan16_near(t, &below, &high);
  high = _mm512_mask_sub_ps(high, steep, hr_all16(HR_QUARTER_TURN), high);
  low = _mm512_mask_sub_ps(low, steep, hr_all16(HR_QUARTER_TURN_LOW), low);
  high = _mm512_mask_sub_ps(high, left, hr_all16(2 * HR_QUARTER_TURN), high);
  low = _mm512_mask_sub_ps(low, left, hr_all16(2 * HR_QUARTER_TURN_LOW), low);
  return hr_sign16(_mm512_add_ps(high, low), y);
}

/* erfinv(x) / x is smooth in w = -log(1 - x^2), which is below 16 for floats below 1: places i 33 / 64. The difference
 * from the place is taken before the logarithm is rounded. */
HR_INLINE __m512 hr_verfinv16(__m512 x) {
  const __m512 shifter = hr_all16(0x1.8p23f);
  __m512 size = _mm512_abs_ps(x), u = _mm512_fnmadd_ps(size, size, hr_all16(1.0f)), low, high = hr_ln16(u, &low);
  __m512 shifted = _mm512_fnmadd_ps(_mm512_add_ps(high, low), hr_all16(64 / 33.0f), shifter);
  __m512i i = _mm512_castps_si512(shifted);
  __m512 d = _mm512_sub_ps(_mm512_fnmsub_ps(_mm512_sub_ps(shifted, shifter), hr_all16(33 / 64.0f), high), low);
  __m512 rest = _mm512_mul_ps(size, hr_look_polynomial(hr_erfinv_table, 1, 5, i, d));
  __m512 y = _mm512_fmadd_ps(size, hr_look32(hr_erfinv_table[0], i), rest);
  return hr_sign16(_mm512_fixupimm_ps(y, u, _mm512_set1_epi32(HR_FIX_ERFINV), 0), x);
}

/* --- 1 / (1 + e^-x) = 2^k / (2^k + 2^(-i / 16) e^r) with k + i / 16 + r / ln 2 = x / ln 2 --- */

/* The inverse of the sum comes from 14 bits, corrected by what the inverse times the sum, term by term from the
 * greatest on, lacks of 1. That keeps more than a rounded sum would. */
HR_INLINE __m512 hr_vsigmoid16(__m512 x) {
  static const float c[] = {HR_EXP_CONSTANTS};
  const __m512 one = hr_all16(1.0f), shifter = hr_all16(0x1.8p19f); /* whose last place is 1/16 */
  x = _mm512_min_ps(hr_all16(18.0f), _mm512_max_ps(hr_all16(-104.0f), x));
  __m512 shifted = _mm512_fmadd_ps(x, hr_all16(0x1.715476p0f), shifter), k = _mm512_sub_ps(shifted, shifter);
  __m512 r = _mm512_fmsub_ps(k, hr_all16(0x1.62e4p-1f), x);
  r = _mm512_fmadd_ps(k, hr_all16(1.428606765330187045e-06f), r);
  __m512 p = _mm512_fmadd_ps(_mm512_mul_ps(r, r), _mm512_fmadd_ps(hr_all16(c[1]), r, hr_all16(c[0])), r);
  __m512i i = _mm512_castps_si512(shifted);
  __m512 head = hr_look16(hr_exp_table[0], i), tail = _mm512_fmadd_ps(p, head, hr_look16(hr_exp_table[1], i));
  __m512 power = _mm512_scalef_ps(one, k); /* rounds k down */
  __m512 y = _mm512_rcp14_ps(_mm512_add_ps(_mm512_add_ps(power, head), tail));
  __m512 lack = _mm512_fnmadd_ps(y, _mm512_max_ps(power, head), one);
  lack = _mm512_fnmadd_ps(y, tail, _mm512_fnmadd_ps(y, _mm512_min_ps(power, head), lack));
  return _mm512_scalef_ps(_mm512_fmadd_ps(y, lack, y), k);
}

#endif
#endif
