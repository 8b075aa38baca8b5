/* src/cpu/kernels/vmath8.h - functions of 8 floats in float64 for AVX-512: as in vmath64.h, with tables (vtables.h) in
 * the place of half of the polynomials. Errors before the result is rounded: below 2^-31. A value does not depend on
 * its lane. For _tmpl.c files; HR_ISA_LEVEL 2. */
#ifndef HR_CPU_KERNELS_VMATH8_H
#define HR_CPU_KERNELS_VMATH8_H

#include "cpu/kernels/vmath16.h"

#if HR_ISA_LEVEL == 2

HR_INLINE __m512d hr_all8(double x) { return _mm512_set1_pd(x); }
HR_INLINE __m512d hr_look64(const double row[16], __m512i index) {
  return _mm512_permutex2var_pd(_mm512_load_pd(row), index, _mm512_load_pd(row + 8));
}

/* k ln 2 - ln r + ln(1 + f), |f| <= 1/16; `rest` is -ln r */
HR_INLINE __m512d hr_log8_of(__m512d k, __m512d rest, __m512d f) {
  static const double c[] = {HR_LOG64_CONSTANTS};
  __m512d square = _mm512_mul_pd(f, f);
  __m512d odd = _mm512_fmadd_pd(hr_all8(c[3]), square, hr_all8(c[1]));
  __m512d even = _mm512_fmadd_pd(_mm512_fmadd_pd(hr_all8(c[4]), square, hr_all8(c[2])), square, hr_all8(c[0]));
  __m512d near = _mm512_fmadd_pd(square, _mm512_fmadd_pd(odd, f, even), f);
  return _mm512_add_pd(_mm512_fmadd_pd(k, hr_all8(0x1.62e42fefa39efp-1), rest), near);
}

/* ln(1 + x) for x > -1, or -inf; NaN below. f = r 2^-k (1 + x) - 1 comes from x itself, which keeps what 1 + x rounds
 * away. inf gives inf. */
HR_INLINE __m512d hr_log1p8(__m512d x) {
  __m512d u = _mm512_add_pd(hr_all8(1.0), x), k = _mm512_getexp_pd(u);
  __m512i i = _mm512_srli_epi64(_mm512_castpd_si512(u), 48);
  __m512d s = _mm512_scalef_pd(hr_look64(hr_log64_table[0], i), _mm512_sub_pd(_mm512_setzero_pd(), k));
  __m512d f = _mm512_fmadd_pd(x, s, _mm512_sub_pd(s, hr_all8(1.0)));
  __m512d y = hr_log8_of(k, hr_look64(hr_log64_table[1], i), f);
  return _mm512_fixupimm_pd(y, u, _mm512_set1_epi64(HR_FIX_LOG), 0);
}

/* e^x for -200 <= x <= 0, what is below as at -200. */
HR_INLINE __m512d hr_exp8_below_one(__m512d x) {
  static const double c[] = {HR_EXP64_CONSTANTS};
  const __m512d shifter = hr_all8(0x1.8p48); /* whose last place is 1/16 */
  x = _mm512_max_pd(hr_all8(-200.0), x);
  __m512d shifted = _mm512_fmadd_pd(x, hr_all8(0x1.71547652b82fep0), shifter), k = _mm512_sub_pd(shifted, shifter);
  __m512d r = _mm512_fmadd_pd(k, hr_all8(-0x1.62e42fefa39efp-1), x);
  __m512d p = _mm512_fmadd_pd(_mm512_fmadd_pd(hr_all8(c[2]), r, hr_all8(c[1])), r, hr_all8(c[0]));
  __m512d head = hr_look64(hr_exp64_table[0], _mm512_castpd_si512(shifted));
  p = _mm512_fmadd_pd(_mm512_mul_pd(r, r), p, r);
  return _mm512_scalef_pd(_mm512_fmadd_pd(p, head, head), k); /* k is rounded down */
}

/* ln(1 + x); 0 keeps its sign. */
HR_INLINE __m256 hr_vlog1p8(__m256 x) {
  __m256 y = _mm512_cvtpd_ps(hr_log1p8(_mm512_cvtps_pd(x)));
  return _mm256_fixupimm_ps(y, x, _mm256_set1_epi32(HR_FIX_ZERO), 0);
}

/* ln(1 + 2 a / (1 - a)) / 2, a = |x|. The inverse from 14 bits: 1 / (1 - e) = 1 + e + e^2 + ... */
HR_INLINE __m256 hr_vatanh8(__m256 x) {
  const __m512d one = hr_all8(1.0);
  __m512d a = _mm512_abs_pd(_mm512_cvtps_pd(x)), under = _mm512_sub_pd(one, a), twice = _mm512_add_pd(a, a);
  __m512d y = _mm512_rcp14_pd(under), e = _mm512_fnmadd_pd(y, under, one), q = _mm512_mul_pd(twice, y);
  q = _mm512_fmadd_pd(q, _mm512_fmadd_pd(e, e, e), q);
  q = _mm512_fixupimm_pd(q, under, _mm512_set1_epi64(HR_FIX_ERFINV), 0); /* a = 1: inf; above: NaN */
  __m256 size = _mm512_cvtpd_ps(_mm512_mul_pd(hr_all8(0.5), hr_log1p8(q)));
  return _mm256_or_ps(size, _mm256_and_ps(x, _mm256_set1_ps(-0.0f)));
}

/* max + ln(1 + e^-|x - y|). Two infinities of one sign have no difference, their sum is the answer; so it is with
 * NaN. */
HR_INLINE __m256 hr_vlogaddexp8(__m256 x, __m256 y) {
  __m512d a = _mm512_cvtps_pd(x), b = _mm512_cvtps_pd(y), high = _mm512_max_pd(a, b);
  __m512d gap = _mm512_or_pd(_mm512_sub_pd(a, b), hr_all8(-0.0)); /* -|x - y| */
  __mmask8 none = _mm512_cmp_pd_mask(gap, gap, _CMP_UNORD_Q);
  __m512d sum = _mm512_add_pd(high, hr_log1p8(hr_exp8_below_one(gap)));
  return _mm512_cvtpd_ps(_mm512_mask_add_pd(sum, none, a, b));
}

#endif
#endif
