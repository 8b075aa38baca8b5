/* src/cpu/kernels/vexp64.h - exp in float64 for softmax and its kin, branch-free like vexp.h: arguments are differences
 * from the greatest one. Below 1.5 units of the last place. For _tmpl.c files. */
#ifndef HR_CPU_KERNELS_VEXP64_H
#define HR_CPU_KERNELS_VEXP64_H

#include "cpu/kernels/elem.h"

/* For x <= 0 or NaN e^x = 2^k e^r with |r| <= ln 2 / 2, by the Taylor series of e^r up to r^13: its rest is below
 * 2^-57. Below -708 the result is 0. Above 0, where a row is not shifted since it has an infinity, it is infinite. */
HR_INLINE double hr_vexp64(double x) {
  double low = x < -708.0 ? -708.0 : x;
  double shifted = low * 0x1.71547652b82fep0 + 0x1.8p52; /* rounds x / ln 2 to an integer, in the low bits */
  double k = shifted - 0x1.8p52;
  double r = hr_fma(k, -0x1.62e42fep-1, low);
  r = hr_fma(k, -0x1.f473de6af278fp-30, r);
  double q = 1.0 / 6227020800.0;
  q = hr_fma(q, r, 1.0 / 479001600.0);
  q = hr_fma(q, r, 1.0 / 39916800.0);
  q = hr_fma(q, r, 1.0 / 3628800.0);
  q = hr_fma(q, r, 1.0 / 362880.0);
  q = hr_fma(q, r, 1.0 / 40320.0);
  q = hr_fma(q, r, 1.0 / 5040.0);
  q = hr_fma(q, r, 1.0 / 720.0);
  q = hr_fma(q, r, 1.0 / 120.0);
  q = hr_fma(q, r, 1.0 / 24.0);
  q = hr_fma(q, r, 1.0 / 6.0);
  q = hr_fma(q, r, 0.5);
  double above_one = hr_fma(r * r, q, r);
  uint64_t power = hr_bits_f64(shifted) - 0x4338000000000000u;
  double y = (1.0 + above_one) * hr_f64_bits((power + 1023) << 52);
  y = x > 0 ? __builtin_inf() : y;
  return x < -708.0 ? 0.0 : y;
}

#endif
