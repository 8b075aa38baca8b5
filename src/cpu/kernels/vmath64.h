/* src/cpu/kernels/vmath64.h - functions of float32 in float64 arithmetic, branch-free like vexp.h, at every instruction
 * set. What is approximated has an error of 2^-31 or less, so that a result is the nearest float unless the exact one
 * lies near the middle of two. Longer polynomials are cut into even and odd powers, for processors overlap two short
 * chains of operations better than a long one. Coefficients: tools/fit-polynomials. For _tmpl.c files. */
#ifndef HR_CPU_KERNELS_VMATH64_H
#define HR_CPU_KERNELS_VMATH64_H

#include "cpu/kernels/vmath32.h"

HR_INLINE double hr_abs64(double x) { return hr_f64_bits(hr_bits_f64(x) & 0x7fffffffffffffffu); }
HR_INLINE double hr_sign64(double size, double x) {
  return hr_f64_bits(hr_bits_f64(size) | (hr_bits_f64(x) & 0x8000000000000000u));
}
/* Is x, a float, an integer? Infinities are, NaN is not. From 2^51 on all are, and the sum changes nothing. */
HR_INLINE int hr_is_integer64(double x) { return x + 0x1.8p52 - 0x1.8p52 == x; }

/* --- logarithms --- */

/* ln(1 + f) for sqrt(1/2) <= 1 + f < sqrt 2, with an error relative to it. */
HR_INLINE double hr_log64_near(double f) {
  double square = f * f, even = -0.09871887676913652, odd = 0.05358651197810854;
  even = hr_fma(even, square, -0.09927307933470352);
  odd = hr_fma(odd, square, 0.10015390766690181);
  even = hr_fma(even, square, -0.12497412460109389);
  odd = hr_fma(odd, square, 0.11009610928994744);
  even = hr_fma(even, square, -0.1666692745064304);
  odd = hr_fma(odd, square, 0.14290571177418543);
  even = hr_fma(even, square, -0.24999994829766392);
  odd = hr_fma(odd, square, 0.19999898138312916);
  even = hr_fma(even, square, -0.5000000002151479);
  odd = hr_fma(odd, square, 0.33333334043652185);
  return hr_fma(square, hr_fma(odd, f, even), f);
}

/* u = 2^k m, sqrt(1/2) <= m < sqrt 2. */
typedef struct hr_log64_parts {
  double k;
  uint64_t power; /* the bits of 2^k less those of 1 */
} hr_log64_parts;

HR_INLINE hr_log64_parts hr_log64_split(double u) {
  hr_log64_parts l;
  uint64_t biased = (hr_bits_f64(u) + (0x3ff0000000000000u - 0x3fe6a09e667f3bcdu)) >> 52;
  l.k = hr_f64_bits(biased | 0x4330000000000000u) - (0x1p52 + 1023);
  l.power = (biased - 1023) << 52;
  return l;
}

/* Normal u > 0. */
HR_INLINE double hr_log64(double u) {
  hr_log64_parts l = hr_log64_split(u);
  double f = hr_f64_bits(hr_bits_f64(u) - l.power) - 1.0;
  return hr_fma(l.k, 0x1.62e42fefa39efp-1, hr_log64_near(f));
}

/* ln(1 + x): f from x itself, which keeps what 1 + x would round away. */
HR_INLINE double hr_log1p64(double x) {
  hr_log64_parts l = hr_log64_split(1.0 + x);
  double s = hr_f64_bits(0x3ff0000000000000u - l.power); /* 2^-k */
  double y = hr_fma(l.k, 0x1.62e42fefa39efp-1, hr_log64_near(hr_fma(x, s, s - 1.0)));
  double other = x == -1.0 ? -__builtin_inf() : x < -1.0 ? __builtin_nan("") : x;
  return x > -1.0 && x < __builtin_inf() && x != 0 ? y : other; /* -0 and NaN as they are */
}

/* --- exponentials: x = k ln 2 + r --- */

typedef struct hr_exp64_parts {
  double r, scale; /* 2^k */
} hr_exp64_parts;

/* |x| < 700, or NaN. */
HR_INLINE hr_exp64_parts hr_exp64_split(double x) {
  double shifted = hr_fma(x, 0x1.71547652b82fep0, 0x1.8p52), k = shifted - 0x1.8p52;
  hr_exp64_parts e;
  e.r = hr_fma(k, -0x1.62e42fefa39efp-1, x);
  e.scale = hr_f64_bits((hr_bits_f64(shifted) - 0x4338000000000000u + 1023) << 52);
  return e;
}

/* e^r - 1 */
HR_INLINE double hr_expm1_64_near(double r) {
  double square = r * r, even = 2.488759880044481e-05, odd = 0.00019909232955791825;
  even = hr_fma(even, square, 0.0013888796450012156);
  odd = hr_fma(odd, square, 0.00833328128736395);
  even = hr_fma(even, square, 0.04166666705402523);
  odd = hr_fma(odd, square, 0.1666666678657185);
  even = hr_fma(even, square, 0.49999999999519845);
  return hr_fma(square, hr_fma(odd, r, even), r);
}

/* What is beyond the range of float32 either way comes as far as float64 has it. NaN goes through. */
HR_INLINE double hr_clamp64(double x, double most) {
  x = x > most ? most : x;
  return x < -most ? -most : x;
}

HR_INLINE double hr_exp64(double x) {
  hr_exp64_parts e = hr_exp64_split(hr_clamp64(x, 200.0));
  return hr_fma(e.scale, hr_expm1_64_near(e.r), e.scale);
}

HR_INLINE float hr_vexpm1f(float x) {
  hr_exp64_parts e = hr_exp64_split(hr_clamp64(x, 200.0));
  float y = (float)hr_fma(e.scale, hr_expm1_64_near(e.r), e.scale - 1.0);
  return x == 0 ? x : y;
}

/* cosh r and sinh r of the rest; of x = k ln 2 + r by the addition theorems. */
typedef struct hr_hyper64_parts {
  double cosh, sinh, sum, difference; /* (2^k +- 2^-k) / 2 */
} hr_hyper64_parts;

HR_INLINE hr_hyper64_parts hr_hyper64_split(double x) {
  hr_exp64_parts e = hr_exp64_split(hr_clamp64(x, 200.0));
  double z = e.r * e.r, inverse = hr_f64_bits(0x7fe0000000000000u - hr_bits_f64(e.scale));
  hr_hyper64_parts h;
  double p = 2.4882382142376235e-05;
  p = hr_fma(p, z, 0.0013888807310845827);
  p = hr_fma(p, z, 0.04166666699121031);
  p = hr_fma(p, z, 0.49999999999598704);
  double q = 0.00019904872266368666;
  q = hr_fma(q, z, 0.008333289099080756);
  q = hr_fma(q, z, 0.16666666754025378);
  h.cosh = hr_fma(p, z, 1.0);
  h.sinh = hr_fma(e.r * z, q, e.r);
  h.sum = 0.5 * (e.scale + inverse);
  h.difference = 0.5 * (e.scale - inverse);
  return h;
}

HR_INLINE float hr_vsinhf(float x) {
  hr_hyper64_parts h = hr_hyper64_split(x);
  float y = (float)hr_fma(h.difference, h.cosh, h.sum * h.sinh);
  return x == 0 ? x : y;
}

HR_INLINE float hr_vcoshf(float x) {
  hr_hyper64_parts h = hr_hyper64_split(x);
  return (float)hr_fma(h.sum, h.cosh, h.difference * h.sinh);
}

/* --- inverse functions --- */

HR_INLINE float hr_vlog1pf(float x) { return (float)hr_log1p64(x); }

/* log(a + sqrt(a^2 + 1)); near 0, where that loses digits, x - x^3 / 6. */
HR_INLINE float hr_vasinhf(float x) {
  double a = hr_abs64(x), square = a * a;
  double far = hr_log64(a + __builtin_sqrt(square + 1.0));
  double y = a < 0x1p-9 ? hr_fma(a * square, -1.0 / 6, a) : far;
  y = a < __builtin_inf() ? y : a;
  return (float)hr_sign64(y, x);
}

HR_INLINE float hr_vacoshf(float x) {
  double t = (double)x - 1.0;
  float y = (float)hr_log1p64(t + __builtin_sqrt(t * (t + 2.0)));
  return x < 1.0f ? __builtin_nanf("") : y;
}

HR_INLINE float hr_vatanhf(float x) {
  double a = hr_abs64(x);
  return (float)hr_sign64(0.5 * hr_log1p64(2.0 * a / (1.0 - a)), x);
}

/* The quotient of the smaller and the larger operand, then the eighth of the circle. */
HR_INLINE float hr_vatan2f(float y, float x) {
  double a = hr_abs64(y), b = hr_abs64(x);
  int steep = a > b;
  double t = (steep ? b : a) / (steep ? a : b);
  t = a == b ? (a == 0 ? 0.0 : 1.0) : t; /* 0 / 0 and inf / inf */
  double z = t * t;
  double square = z * z, even = -0.003326481299976775, odd = 0.00044069213857344;
  even = hr_fma(even, square, -0.026547757862143445);
  odd = hr_fma(odd, square, 0.01177862776369694);
  even = hr_fma(even, square, -0.06056955210720707);
  odd = hr_fma(odd, square, 0.044179084486379576);
  even = hr_fma(even, square, -0.09053629480079703);
  odd = hr_fma(odd, square, 0.0751051087040823);
  even = hr_fma(even, square, -0.14285320883589542);
  odd = hr_fma(odd, square, 0.11106143411258701);
  even = hr_fma(even, square, -0.33333333111104274);
  odd = hr_fma(odd, square, 0.19999984221702072);
  double angle = hr_fma(t * z, hr_fma(odd, z, even), t);
  angle = steep ? 0x1.921fb54442d18p+0 - angle : angle;
  angle = hr_bits_f32(x) >> 31 ? 0x1.921fb54442d18p+1 - angle : angle;
  return (float)hr_sign64(angle, y);
}

/* erfinv(x) / x is smooth in w = -log(1 - x^2), which is below 16 for floats below 1. Powers of v = w - 8 from the 5th
 * on are together below a tenth of the result. */
#if HR_ISA_LEVEL >= 1
typedef float hr_erfinv_tail;
#define HR_ERFINV_FMA hr_fmaf
/* An error of 2^-25 here is a sixth of that in the result. */
HR_INLINE double hr_erfinv_log(double u) {
  hr_log32_parts l = hr_log32_split_normal((float)u, 0.0f);
  return hr_fma(l.k, 0x1.62e42fefa39efp-1, (double)l.f + (double)hr_fmaf(l.square, -0.5f, l.cube));
}
#else
typedef double hr_erfinv_tail;
#define HR_ERFINV_FMA hr_fma
HR_INLINE double hr_erfinv_log(double u) { return hr_log64(u); }
#endif

HR_INLINE float hr_verfinvf(float x) {
  double wide = x, v = -8.0 - hr_erfinv_log(hr_fma(-wide, wide, 1.0));
  hr_erfinv_tail t = (hr_erfinv_tail)v, square = t * t;
  hr_erfinv_tail even = (hr_erfinv_tail)3.685344878035286e-21, odd = (hr_erfinv_tail)1.2612318585660994e-21;
  even = HR_ERFINV_FMA(even, square, (hr_erfinv_tail)2.891120866733651e-19);
  odd = HR_ERFINV_FMA(odd, square, (hr_erfinv_tail)-5.24912651298151e-19);
  even = HR_ERFINV_FMA(even, square, (hr_erfinv_tail)-2.9464742895422996e-16);
  odd = HR_ERFINV_FMA(odd, square, (hr_erfinv_tail)8.291330495614138e-17);
  even = HR_ERFINV_FMA(even, square, (hr_erfinv_tail)2.99013758165976e-14);
  odd = HR_ERFINV_FMA(odd, square, (hr_erfinv_tail)-5.016392189339044e-15);
  even = HR_ERFINV_FMA(even, square, (hr_erfinv_tail)8.13014160343506e-13);
  odd = HR_ERFINV_FMA(odd, square, (hr_erfinv_tail)-5.999905727954182e-15);
  even = HR_ERFINV_FMA(even, square, (hr_erfinv_tail)-9.185010504740318e-11);
  odd = HR_ERFINV_FMA(odd, square, (hr_erfinv_tail)-6.792215371975126e-12);
  even = HR_ERFINV_FMA(even, square, (hr_erfinv_tail)-2.190658001955162e-08);
  odd = HR_ERFINV_FMA(odd, square, (hr_erfinv_tail)2.0277909989468473e-09);
  even = HR_ERFINV_FMA(even, square, (hr_erfinv_tail)-4.813610948689293e-07);
  odd = HR_ERFINV_FMA(odd, square, (hr_erfinv_tail)1.6019516438419556e-07);
  double p = HR_ERFINV_FMA(odd, t, even);
  p = hr_fma(p, v, -8.903406085643525e-06);
  p = hr_fma(p, v, 0.0002455574409831869);
  p = hr_fma(p, v, -0.005055441127188562);
  p = hr_fma(p, v, 0.1763572828667441);
  p = hr_fma(p, v, 2.6614386430877897);
  float y = (float)(wide * p), other = hr_abs32(x) == 1.0f ? x * __builtin_inff() : __builtin_nanf("");
  return hr_abs32(x) < 1.0f ? y : other;
}

/* --- functions of two --- */

/* e^(y log|x|), and the special values of C's annex F. */
HR_INLINE float hr_vpowf(float x, float y) {
  double a = hr_abs64(x), b = y;
  double log_a = hr_log64(a);
  log_a = a == 0 ? -__builtin_inf() : log_a;
  log_a = a < __builtin_inf() ? log_a : a; /* infinity or NaN */
  double size = hr_exp64(b * log_a);
  int whole = hr_is_integer64(b), odd = whole && !hr_is_integer64(0.5 * b);
  size = a == 1.0 && b == b ? 1.0 : size; /* log 1 times infinity */
  size = x < 0 && a < __builtin_inf() && !whole ? __builtin_nan("") : size;
  float result = (float)size;
  result = odd ? hr_f32_bits(hr_bits_f32(result) ^ (hr_bits_f32(x) & 0x80000000u)) : result;
  return y == 0 || x == 1.0f ? 1.0f : result;
}

/* max + log(1 + e^-|x - y|). Two infinities of one sign have no difference, their sum is the answer; so it is with
 * NaN. */
HR_INLINE float hr_vlogaddexpf(float x, float y) {
  double gap = hr_abs64((double)x - (double)y), high = x > y ? x : y;
  float result = (float)(high + hr_log1p64(hr_exp64(-gap)));
  return gap == gap ? result : x + y;
}

#endif
