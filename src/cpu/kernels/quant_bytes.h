/* src/cpu/kernels/quant_bytes.h - codes as bytes and scales as floats, for _tmpl.c files with AVX-512 VBMI. */
#ifndef HR_CPU_KERNELS_QUANT_BYTES_H
#define HR_CPU_KERNELS_QUANT_BYTES_H

#include "cpu/kernels/quant_vec.h"

#ifdef __AVX512VBMI__
/* Eight codes of up to 6 bits are `bits` bytes, which go to a lane of 8 bytes and are shifted there. */
typedef struct hr_spread {
  __m512i place, shift, mask;
} hr_spread;

HR_INLINE hr_spread hr_spread_of(int bits) {
  uint8_t place[64], shift[64];
  for (int i = 0; i < 64; i++) place[i] = (uint8_t)(i / 8 * bits + i % 8), shift[i] = (uint8_t)(i % 8 * bits);
  return (hr_spread){_mm512_loadu_si512(place), _mm512_loadu_si512(shift), _mm512_set1_epi8((char)((1 << bits) - 1))};
}

HR_INLINE __m512i hr_spread_codes(__m512i bytes, const hr_spread *s) {
  return _mm512_and_si512(_mm512_multishift_epi64_epi8(s->shift, _mm512_permutexvar_epi8(s->place, bytes)), s->mask);
}

/* The first `count` <= 64 bytes, and zeros; no others are read. */
HR_INLINE __m512i hr_first_bytes(const uint8_t *from, int64_t count) {
  if (count == 64) return _mm512_loadu_si512(from);
  return _mm512_maskz_loadu_epi8(((uint64_t)1 << count) - 1, from);
}

/* Those of 16 scales that are valid, and zeros. E8M0: 2^(byte - 127), see quant_value.h. */
HR_INLINE __m512 hr_scales_of(const char *from, hr_quant_scale kind, __mmask16 valid) {
  const __m512i tiny = _mm512_set1_epi32(0x00400000);
  __m512i bytes;
  switch (kind) {
    case HR_SCALE_F32: return _mm512_maskz_loadu_ps(valid, from);
    case HR_SCALE_F16: return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(valid, from));
    case HR_SCALE_BF16:
      return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(valid, from)), 16));
    default: bytes = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(valid, from));
  }
  if (kind == HR_SCALE_E4M3) return qv_e4m3(bytes);
  bytes = _mm512_mask_mov_epi32(_mm512_slli_epi32(bytes, 23), _mm512_testn_epi32_mask(bytes, bytes), tiny);
  return _mm512_maskz_mov_ps(valid, _mm512_castsi512_ps(bytes));
}
#endif

#endif
