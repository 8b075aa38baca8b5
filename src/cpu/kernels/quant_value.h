/* src/cpu/kernels/quant_value.h - 8-bit floats, branch-free so that loops over them become vector code. For _tmpl.c
 * files only. Formats: ops/quantize.h. */
#ifndef HR_CPU_KERNELS_QUANT_VALUE_H
#define HR_CPU_KERNELS_QUANT_VALUE_H

#include <math.h>

#include "cpu/kernels/elem.h"

/* E4M3: normal numbers have a float's mantissa with 3 bits; codes below 8 are multiples of 2^-9; 127 is NaN. */
HR_INLINE float hr_e4m3_value(uint32_t code) {
  uint32_t size = code & 0x7f, normal = (size << 20) + (120u << 23);
  uint32_t bits = size < 8 ? hr_bits_f32((float)(int32_t)size * 0x1p-9f) : normal;
  bits = size == 127 ? 0x7fc00000u : bits;
  return hr_f32_bits(bits | (code & 0x80) << 24);
}

/* To nearest even; 448 and more, and NaN, become 448 with their sign. Adding 2^14 makes the hardware round at 2^-9. */
HR_INLINE uint8_t hr_e4m3_code(float x) {
  uint32_t bits = hr_bits_f32(x), size = bits & 0x7fffffffu;
  uint32_t tiny = hr_bits_f32(hr_f32_bits(size) + 0x1p14f) - hr_bits_f32(0x1p14f);
  uint32_t normal = ((size + 0x7ffffu + (size >> 20 & 1u)) >> 20) - (120u << 3);
  uint32_t code = size < 0x3c800000u ? tiny : normal;
  code = size < 0x43e00000u ? code : 0x7e;
  return (uint8_t)(code | (bits >> 24 & 0x80u));
}

/* E8M0: 2^(byte - 127): 0 is subnormal, 255 infinity. */
HR_INLINE float hr_e8m0_value(uint8_t byte) { return hr_f32_bits(byte ? (uint32_t)byte << 23 : 0x00400000u); }

#endif
