/* src/base/half.h - the 16-bit floats and float32, one value at a time, in plain integer code.
 * H1  To 16 bits: rounded to nearest, ties to even; too large becomes infinity; float16 has subnormals. Back: exact.
 * H2  NaN stays NaN with its sign and leading payload bits, made quiet: the bits that F16C (VCVTPS2PH, VCVTPH2PS) and
 *     AVX512-BF16 give, so a kernel may use either. bfloat16 to float32 is a shift and leaves a NaN as it is.
 * H3  Rounding mode and flush-to-zero of the floating-point environment do not matter.
 * Formats: float16 is binary16 of IEEE 754 (1, 5, 10 bits), bfloat16 the upper half of a float32 (1, 8, 7 bits). */
#ifndef HR_BASE_HALF_H
#define HR_BASE_HALF_H

#include <stdint.h>
#include <string.h>

static inline uint32_t hr_f32_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}
static inline float hr_f32_from_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static inline float hr_f16_to_f32(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000u) << 16, magnitude = h & 0x7fffu;
  if (magnitude > 0x7c00u) return hr_f32_from_bits(sign | 0x7fc00000u | magnitude << 13);
  if (magnitude == 0x7c00u) return hr_f32_from_bits(sign | 0x7f800000u);
  if (magnitude >= 0x0400u) return hr_f32_from_bits(sign | ((magnitude << 13) + ((127u - 15u) << 23)));
  return hr_f32_from_bits(sign | hr_f32_bits((float)magnitude * 0x1p-24f)); /* subnormal or zero */
}

static inline uint16_t hr_f32_to_f16(float x) {
  uint32_t bits = hr_f32_bits(x), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return (uint16_t)(sign | 0x7e00u | (magnitude >> 13 & 0x3ffu));
  if (magnitude >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u); /* 65520, halfway to 65536, and up */
  if (magnitude < 0x33000000u) return (uint16_t)sign;              /* below 2^-25; 2^-25 itself ties to zero */
  uint32_t shift = 13, kept = magnitude - ((127u - 15u) << 23);
  if (magnitude < 0x38800000u) { /* below 2^-14: subnormal, in units of 2^-24 */
    shift = 126u - (magnitude >> 23);
    kept = (magnitude & 0x7fffffu) | 0x800000u;
  }
  uint32_t half = 1u << (shift - 1), odd = kept >> shift & 1u;
  return (uint16_t)(sign | (kept + half - 1u + odd) >> shift); /* a carry moves into the exponent, as it should */
}

static inline float hr_bf16_to_f32(uint16_t b) { return hr_f32_from_bits((uint32_t)b << 16); }

static inline uint16_t hr_f32_to_bf16(float x) {
  uint32_t bits = hr_f32_bits(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x0040u);
  return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

#endif
