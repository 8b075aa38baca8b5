/* src/cpu/kernels/quant_vec.h - vectors of codes and floats in registers, for qmm_tmpl.c. QV_LANES 32-bit lanes;
 * without an instruction set's intrinsics plain C over small arrays. */
#ifndef HR_CPU_KERNELS_QUANT_VEC_H
#define HR_CPU_KERNELS_QUANT_VEC_H

#include "cpu/kernels/elem.h"
#include "cpu/kernels/quant.h"
#include "cpu/kernels/quant_value.h"

#if HR_ISA_LEVEL >= 1
#include <immintrin.h>
#endif

enum { QV_LANES = HR_ISA_LEVEL == 2 ? 16 : 8 };

/* What a lane's code stands for, by the low 4 bits: indices of table lookups take no others. */
static const float qv_tables[HR_QUANT_CODES][16] = {
    [HR_CODE_UINT1] = {0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1},
    [HR_CODE_UINT2] = {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3},
    [HR_CODE_UINT3] = {0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7},
    [HR_CODE_UINT4] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    [HR_CODE_E2M1] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0.0f, -0.5f, -1, -1.5f, -2, -3, -4, -6}};

/* Bits of a code. */
HR_INLINE int qv_bits(hr_quant_code code) {
  switch (code) {
    case HR_CODE_UINT1: return 1;
    case HR_CODE_UINT2: return 2;
    case HR_CODE_UINT3: return 3;
    case HR_CODE_UINT5: return 5;
    case HR_CODE_UINT6: return 6;
    case HR_CODE_UINT8:
    case HR_CODE_E4M3: return 8;
    default: return 4;
  }
}

/* Functions: qv_words: one word a lane. qv_run: QV_LANES codes of 3, 5 or 6 bits that follow each other; reads 16
 * bytes. qv_shift: to lower bits. qv_value: what the lowest bits of each lane stand for. qv_lanes: lane i holds
 * i / repeat. qv_pick: lane i gets from[index[i]]. qv_sum: of all lanes, in a fixed tree. */
#if HR_ISA_LEVEL == 2
typedef __m512 qv_float;
typedef __m512i qv_code;
HR_INLINE qv_float qv_set(float x) { return _mm512_set1_ps(x); }
HR_INLINE qv_float qv_load(const float *p) { return _mm512_loadu_ps(p); }
HR_INLINE void qv_store(float *p, qv_float v) { _mm512_storeu_ps(p, v); }
HR_INLINE qv_float qv_fma(qv_float a, qv_float b, qv_float c) { return _mm512_fmadd_ps(a, b, c); }
HR_INLINE qv_code qv_words(const uint8_t *p) { return _mm512_loadu_si512(p); }
HR_INLINE qv_code qv_shift(qv_code c, int bits) { return _mm512_srli_epi32(c, (unsigned)bits); }
HR_INLINE qv_code qv_run(const uint8_t *p, int bits) {
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  __m512i at = _mm512_mullo_epi32(lane, _mm512_set1_epi32(bits)), byte = _mm512_srli_epi32(at, 3);
  /* bytes b and b + 1 into a lane, zeros above: 0x80 of the control */
  __m512i control =
      _mm512_or_si512(_mm512_or_si512(byte, _mm512_slli_epi32(_mm512_add_epi32(byte, _mm512_set1_epi32(1)), 8)),
                      _mm512_set1_epi32((int)0x80800000));
  __m512i bytes = _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)p));
  return _mm512_srlv_epi32(_mm512_shuffle_epi8(bytes, control), _mm512_and_si512(at, _mm512_set1_epi32(7)));
}
HR_INLINE qv_code qv_lanes(int repeat) {
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  return _mm512_srli_epi32(lane, (unsigned)__builtin_ctz((unsigned)repeat));
}
HR_INLINE qv_code qv_add(qv_code c, int step) { return _mm512_add_epi32(c, _mm512_set1_epi32(step)); }
HR_INLINE qv_float qv_pick(qv_float from, qv_code index) { return _mm512_permutexvar_ps(index, from); }
HR_INLINE float qv_sum(qv_float v) { return _mm512_reduce_add_ps(v); }
HR_INLINE qv_float qv_e4m3(qv_code c) {
  __m512i size = _mm512_and_si512(c, _mm512_set1_epi32(0x7f));
  __m512i normal = _mm512_add_epi32(_mm512_slli_epi32(size, 20), _mm512_set1_epi32(120 << 23));
  __m512 tiny = _mm512_mul_ps(_mm512_cvtepi32_ps(size), _mm512_set1_ps(0x1p-9f));
  __m512 v = _mm512_mask_mov_ps(_mm512_castsi512_ps(normal), _mm512_cmplt_epi32_mask(size, _mm512_set1_epi32(8)), tiny);
  v = _mm512_mask_mov_ps(v, _mm512_cmpeq_epi32_mask(size, _mm512_set1_epi32(0x7f)), _mm512_set1_ps(NAN));
  __m512i sign = _mm512_slli_epi32(_mm512_and_si512(c, _mm512_set1_epi32(0x80)), 24);
  return _mm512_castsi512_ps(_mm512_or_si512(_mm512_castps_si512(v), sign));
}
/* Of each lane, 8 codes of 4 bits times x = 256 high + low, in bytes: those of even codes, then those of odd ones. Sums
 * of pairs stay below 2^14, those of a lane below 2^23. */
HR_INLINE qv_float qv_dot_fixed(qv_code c, const int8_t *high, const int8_t *low) {
  const __m512i nibble = _mm512_set1_epi8(15);
  __m512i even = _mm512_and_si512(c, nibble), odd = _mm512_and_si512(_mm512_srli_epi16(c, 4), nibble);
  __m512i h = _mm512_add_epi16(_mm512_maddubs_epi16(even, _mm512_loadu_si512(high)),
                               _mm512_maddubs_epi16(odd, _mm512_loadu_si512(high + 64)));
  __m512i l = _mm512_add_epi16(_mm512_maddubs_epi16(even, _mm512_loadu_si512(low)),
                               _mm512_maddubs_epi16(odd, _mm512_loadu_si512(low + 64)));
  __m512i sum =
      _mm512_add_epi32(_mm512_madd_epi16(h, _mm512_set1_epi16(256)), _mm512_madd_epi16(l, _mm512_set1_epi16(1)));
  return _mm512_cvtepi32_ps(sum);
}
HR_INLINE qv_float qv_mul(qv_float a, qv_float b) { return _mm512_mul_ps(a, b); }
HR_INLINE qv_float qv_value(qv_code c, hr_quant_code code) {
  if (code == HR_CODE_E4M3) return qv_e4m3(c);
  if (qv_bits(code) <= 4) return _mm512_permutexvar_ps(c, _mm512_loadu_ps(qv_tables[code]));
  return _mm512_cvtepi32_ps(_mm512_and_si512(c, _mm512_set1_epi32((1 << qv_bits(code)) - 1)));
}
#elif HR_ISA_LEVEL == 1
typedef __m256 qv_float;
typedef __m256i qv_code;
HR_INLINE qv_float qv_set(float x) { return _mm256_set1_ps(x); }
HR_INLINE qv_float qv_load(const float *p) { return _mm256_loadu_ps(p); }
HR_INLINE void qv_store(float *p, qv_float v) { _mm256_storeu_ps(p, v); }
HR_INLINE qv_float qv_fma(qv_float a, qv_float b, qv_float c) { return _mm256_fmadd_ps(a, b, c); }
HR_INLINE qv_code qv_words(const uint8_t *p) { return _mm256_loadu_si256((const void *)p); }
HR_INLINE qv_code qv_shift(qv_code c, int bits) { return _mm256_srli_epi32(c, bits); }
HR_INLINE qv_code qv_run(const uint8_t *p, int bits) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  __m256i at = _mm256_mullo_epi32(lane, _mm256_set1_epi32(bits)), byte = _mm256_srli_epi32(at, 3);
  __m256i control =
      _mm256_or_si256(_mm256_or_si256(byte, _mm256_slli_epi32(_mm256_add_epi32(byte, _mm256_set1_epi32(1)), 8)),
                      _mm256_set1_epi32((int)0x80800000));
  __m256i bytes = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)p));
  return _mm256_srlv_epi32(_mm256_shuffle_epi8(bytes, control), _mm256_and_si256(at, _mm256_set1_epi32(7)));
}
HR_INLINE qv_code qv_lanes(int repeat) {
  return _mm256_srli_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), __builtin_ctz((unsigned)repeat));
}
HR_INLINE qv_code qv_add(qv_code c, int step) { return _mm256_add_epi32(c, _mm256_set1_epi32(step)); }
HR_INLINE qv_float qv_pick(qv_float from, qv_code index) { return _mm256_permutevar8x32_ps(from, index); }
HR_INLINE float qv_sum(qv_float v) {
  __m128 part = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  part = _mm_add_ps(part, _mm_movehl_ps(part, part));
  return _mm_cvtss_f32(_mm_add_ss(part, _mm_movehdup_ps(part)));
}
HR_INLINE qv_float qv_e4m3(qv_code c) {
  __m256i size = _mm256_and_si256(c, _mm256_set1_epi32(0x7f));
  __m256i normal = _mm256_add_epi32(_mm256_slli_epi32(size, 20), _mm256_set1_epi32(120 << 23));
  __m256 tiny = _mm256_mul_ps(_mm256_cvtepi32_ps(size), _mm256_set1_ps(0x1p-9f));
  __m256i is_tiny = _mm256_cmpgt_epi32(_mm256_set1_epi32(8), size),
          is_nan = _mm256_cmpeq_epi32(size, _mm256_set1_epi32(0x7f));
  __m256 v = _mm256_blendv_ps(_mm256_castsi256_ps(normal), tiny, _mm256_castsi256_ps(is_tiny));
  __m256i sign = _mm256_slli_epi32(_mm256_and_si256(c, _mm256_set1_epi32(0x80)), 24);
  return _mm256_or_ps(_mm256_or_ps(v, _mm256_castsi256_ps(is_nan)), _mm256_castsi256_ps(sign));
}
HR_INLINE qv_float qv_dot_fixed(qv_code c, const int8_t *high, const int8_t *low) {
  const __m256i nibble = _mm256_set1_epi8(15);
  __m256i even = _mm256_and_si256(c, nibble), odd = _mm256_and_si256(_mm256_srli_epi16(c, 4), nibble);
  __m256i h = _mm256_add_epi16(_mm256_maddubs_epi16(even, _mm256_loadu_si256((const void *)high)),
                               _mm256_maddubs_epi16(odd, _mm256_loadu_si256((const void *)(high + 32))));
  __m256i l = _mm256_add_epi16(_mm256_maddubs_epi16(even, _mm256_loadu_si256((const void *)low)),
                               _mm256_maddubs_epi16(odd, _mm256_loadu_si256((const void *)(low + 32))));
  __m256i sum =
      _mm256_add_epi32(_mm256_madd_epi16(h, _mm256_set1_epi16(256)), _mm256_madd_epi16(l, _mm256_set1_epi16(1)));
  return _mm256_cvtepi32_ps(sum);
}
HR_INLINE qv_float qv_mul(qv_float a, qv_float b) { return _mm256_mul_ps(a, b); }
HR_INLINE qv_float qv_value(qv_code c, hr_quant_code code) {
  if (code == HR_CODE_E4M3) return qv_e4m3(c);
  if (code == HR_CODE_E2M1) { /* 8 sizes, then the sign */
    __m256 size = _mm256_permutevar8x32_ps(_mm256_loadu_ps(qv_tables[code]), c);
    __m256i sign = _mm256_and_si256(_mm256_slli_epi32(c, 28), _mm256_set1_epi32((int)0x80000000));
    return _mm256_or_ps(size, _mm256_castsi256_ps(sign));
  }
  return _mm256_cvtepi32_ps(_mm256_and_si256(c, _mm256_set1_epi32((1 << qv_bits(code)) - 1)));
}
#else
typedef struct qv_float {
  float v[QV_LANES];
} qv_float;
typedef struct qv_code {
  uint32_t v[QV_LANES];
} qv_code;
#define QV_EACH for (int i = 0; i < QV_LANES; i++)
HR_INLINE qv_float qv_set(float x) {
  qv_float r;
  QV_EACH r.v[i] = x;
  return r;
}
HR_INLINE qv_float qv_load(const float *p) {
  qv_float r;
  memcpy(&r, p, sizeof r);
  return r;
}
HR_INLINE void qv_store(float *p, qv_float v) { memcpy(p, &v, sizeof v); }
HR_INLINE qv_float qv_fma(qv_float a, qv_float b, qv_float c) {
  QV_EACH c.v[i] += a.v[i] * b.v[i];
  return c;
}
HR_INLINE qv_code qv_words(const uint8_t *p) {
  qv_code r;
  memcpy(&r, p, sizeof r);
  return r;
}
HR_INLINE qv_code qv_shift(qv_code c, int bits) {
  QV_EACH c.v[i] >>= bits;
  return c;
}
HR_INLINE qv_code qv_run(const uint8_t *p, int bits) {
  uint64_t word;
  qv_code r;
  memcpy(&word, p, sizeof word);
  QV_EACH r.v[i] = (uint32_t)(word >> bits * i);
  return r;
}
HR_INLINE qv_code qv_lanes(int repeat) {
  qv_code r;
  QV_EACH r.v[i] = (uint32_t)(i / repeat);
  return r;
}
HR_INLINE qv_code qv_add(qv_code c, int step) {
  QV_EACH c.v[i] += (uint32_t)step;
  return c;
}
HR_INLINE qv_float qv_pick(qv_float from, qv_code index) {
  qv_float r;
  QV_EACH r.v[i] = from.v[index.v[i] % QV_LANES];
  return r;
}
HR_INLINE float qv_sum(qv_float v) {
  for (int half = QV_LANES / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++) v.v[i] += v.v[i + half];
  return v.v[0];
}
HR_INLINE qv_float qv_value(qv_code c, hr_quant_code code) {
  qv_float r;
  if (code == HR_CODE_E4M3)
    QV_EACH r.v[i] = hr_e4m3_value(c.v[i] & 255);
  else if (code == HR_CODE_E2M1)
    QV_EACH r.v[i] = qv_tables[code][c.v[i] & 15];
  else
    QV_EACH r.v[i] = (float)(int32_t)(c.v[i] & ((1u << qv_bits(code)) - 1));
  return r;
}
#undef QV_EACH
#endif

#endif
