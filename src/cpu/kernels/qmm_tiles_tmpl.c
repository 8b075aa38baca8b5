/* See qmm_tiles.h. Tile registers: 0 to 3 sums, 4 and 5 codes, 6 and 7 digits of x. */
/* hr-isas: amx */
#include "cpu/kernels/qmm_tiles.h"

#include <immintrin.h>

#include "cpu/kernels/elem.h"
#include "cpu/kernels/quant_vec.h"

enum { SQUARE = 64, SQUARE_BYTES = SQUARE * HR_TILE, LANES = 16, DIGITS = 4 };

static int tile_depth(int group) { return group < SQUARE ? group : SQUARE; }

static void begin(int group) {
  struct {
    uint8_t palette, start, zero[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
  } config = {.palette = 1};
  int depth = tile_depth(group);
  for (int i = 0; i < 8; i++) {
    config.row_bytes[i] = (uint16_t)(i == 4 || i == 5 ? depth : 64);
    config.rows[i] = (uint8_t)(i >= 6 ? depth / 4 : HR_TILE);
  }
  __asm__ volatile("" : : "r"(&config) : "memory"); /* GCC believes that 8 bytes of it are read */
  _tile_loadconfig(&config);
}

static void end(void) { _tile_release(); }

/* --- x --- */

/* Multiplies numbers up to `most` (the bits of its size) to below 2^30 by a power of two. */
static int exponent_of(uint32_t most) {
  int biased = (int)(most >> 23);
  return 29 + 127 - (biased > 0 ? biased : 1);
}

static uint32_t largest(const float *x, int count) {
  __m512i most = _mm512_setzero_si512(), size = _mm512_set1_epi32(0x7fffffff);
  for (int i = 0; i < count; i += LANES)
    most = _mm512_max_epu32(most, _mm512_and_si512(_mm512_loadu_si512(x + i), size));
  return _mm512_reduce_max_epu32(most);
}

static float sum_of(const float *x, int count) {
  __m512 sum = _mm512_loadu_ps(x);
  for (int i = LANES; i < count; i += LANES) sum = _mm512_add_ps(sum, _mm512_loadu_ps(x + i));
  return _mm512_reduce_add_ps(sum);
}

/* 16 numbers as digits: dword d of 128-bit lane q holds digit d, the highest first, of numbers 4 q to 4 q + 3. */
HR_INLINE __m512i digits_of(const float *x, int exponent) {
  const __m512i low = _mm512_set1_epi32(0x00808080); /* bytes below the highest are signed: they carry */
  const __m512i turn = _mm512_broadcast_i32x4(_mm_setr_epi8(3, 7, 11, 15, 2, 6, 10, 14, 1, 5, 9, 13, 0, 4, 8, 12));
  __m512i whole = _mm512_cvtps_epi32(_mm512_scalef_ps(_mm512_loadu_ps(x), _mm512_set1_ps((float)exponent)));
  return _mm512_shuffle_epi8(_mm512_xor_si512(_mm512_add_epi32(whole, low), low), turn);
}

/* Four rows of a tile: row q is dword d of lane q of in[c], for d and c, at 4 d + c. */
HR_INLINE void put_digits(int8_t *to, const __m512i *in) {
  __m512i a = _mm512_unpacklo_epi32(in[0], in[1]), b = _mm512_unpackhi_epi32(in[0], in[1]);
  __m512i c = _mm512_unpacklo_epi32(in[2], in[3]), d = _mm512_unpackhi_epi32(in[2], in[3]);
  __m512i d0 = _mm512_unpacklo_epi64(a, c), d1 = _mm512_unpackhi_epi64(a, c), d2 = _mm512_unpacklo_epi64(b, d),
          d3 = _mm512_unpackhi_epi64(b, d);
  a = _mm512_shuffle_i32x4(d0, d1, 0x44), b = _mm512_shuffle_i32x4(d0, d1, 0xee);
  c = _mm512_shuffle_i32x4(d2, d3, 0x44), d = _mm512_shuffle_i32x4(d2, d3, 0xee);
  _mm512_store_si512(to, _mm512_shuffle_i32x4(a, c, 0x88));
  _mm512_store_si512(to + 64, _mm512_shuffle_i32x4(a, c, 0xdd));
  _mm512_store_si512(to + 128, _mm512_shuffle_i32x4(b, d, 0x88));
  _mm512_store_si512(to + 192, _mm512_shuffle_i32x4(b, d, 0xdd));
}

/* A group of `count` rows, number `at` of its unit; x is at its first number. */
static void split_group(int8_t *digits, float *scales, float *sums, const hr_tile_cut *cut, const float *x, int64_t row,
                        int count, int at, bool twice) {
  int exponents[HR_TILE_X_ROWS];
  for (int r = 0; r < count; r++) {
    uint32_t most = largest(x + r * row, cut->group);
    exponents[r] = exponent_of(most);
    for (int d = 0; d < DIGITS; d++)
      scales[4 * d + r] = most >= 0x7f800000u ? NAN : ldexpf(1, 24 - 8 * d - exponents[r] - twice);
    sums[4 * at + r] = sum_of(x + r * row, cut->group);
  }
  for (int i = 0; i < cut->group; i += LANES, digits += LANES * HR_TILE) {
    __m512i in[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
    for (int r = 0; r < count; r++) in[r] = digits_of(x + r * row + i, exponents[r]);
    put_digits(digits, in);
  }
}

static void split(char *panel, const hr_tile_cut *cut, const float *x, int64_t row, int count, bool twice) {
  int8_t *digits = (int8_t *)panel;
  float *scales = (float *)(panel + hr_tile_digits_bytes(cut)), *sums = scales + cut->units * HR_TILE_UNIT * HR_TILE;
  int64_t all = cut->units * HR_TILE_UNIT, group_bytes = (int64_t)cut->group * HR_TILE;
  memset(scales, 0, (size_t)(cut->units * (HR_TILE_UNIT + 1) * HR_TILE) * sizeof(float));
  memset(digits + cut->groups * group_bytes, 0, (size_t)((all - cut->groups) * group_bytes));
  for (int64_t g = 0; g < cut->groups; g++)
    split_group(digits + g * group_bytes, scales + g * HR_TILE, sums + g / HR_TILE_UNIT * HR_TILE, cut,
                x + g * cut->group, row, count, (int)(g % HR_TILE_UNIT), twice);
}

/* --- w --- */

/* Codes of up to 6 bits: eight of them are `bits` bytes, which go to a lane of 8 bytes and are shifted there. */
typedef struct spread {
  __m512i place, shift, mask;
} spread;

static spread spread_of(int bits) {
  uint8_t place[64], shift[64];
  for (int i = 0; i < 64; i++) place[i] = (uint8_t)(i / 8 * bits + i % 8), shift[i] = (uint8_t)(i % 8 * bits);
  return (spread){_mm512_loadu_si512(place), _mm512_loadu_si512(shift), _mm512_set1_epi8((char)((1 << bits) - 1))};
}

/* 4 bits: a byte in a word of its own is moved up by a code, and both are cut out. */
HR_INLINE __m512i nibbles(__m256i bytes) {
  __m512i words = _mm512_cvtepu8_epi16(bytes);
  return _mm512_ternarylogic_epi32(words, _mm512_slli_epi16(words, 4), _mm512_set1_epi16(0x0f0f), 0xa8);
}

/* 64 codes from 8 `bits` bytes; 64 bytes may be read. */
HR_INLINE __m512i square_row(const uint8_t *from, hr_quant_code code, int bits, const spread *s) {
  const __m512i twice = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12));
  if (bits == 8) return _mm512_loadu_si512(from);
  if (bits == 4) {
    __m512i codes = nibbles(_mm256_loadu_si256((const void *)from));
    return code == HR_CODE_E2M1 ? _mm512_shuffle_epi8(twice, codes) : codes;
  }
  __m512i bytes = _mm512_permutexvar_epi8(s->place, _mm512_loadu_si512(from));
  return _mm512_and_si512(_mm512_multishift_epi64_epi8(s->shift, bytes), s->mask);
}

/* Rows of count codes; near the end of one, those are taken from a copy. */
HR_INLINE void unpack_rows(uint8_t *to, const uint8_t *from, int64_t row_bytes, int rows, int64_t count,
                           hr_quant_code code, int bits, int64_t ahead) {
  spread s;
  int64_t bytes = count * bits / 8, safe = bits == 4 || bits == 8 ? bytes - 8 * bits : bytes - SQUARE;
  if (bits != 4 && bits != 8) s = spread_of(bits);
  for (int n = 0; n < rows; n++, from += row_bytes, to += SQUARE) {
    uint8_t *square = to;
    int64_t at = 0;
    for (; at <= safe; at += 8 * bits, square += SQUARE_BYTES)
      _mm512_store_si512(square, square_row(from + at, code, bits, &s));
    for (; at < bytes; at += 8 * bits, square += SQUARE_BYTES) {
      uint8_t rest[SQUARE] = {0};
      memcpy(rest, from + at, (size_t)(bytes - at < 8 * bits ? bytes - at : 8 * bits));
      _mm512_store_si512(square, square_row(rest, code, bits, &s));
    }
    for (at = 0; at < bytes; at += 64) __builtin_prefetch(from + at + ahead);
  }
}

static void unpack_codes(uint8_t *to, const uint8_t *from, int64_t row_bytes, int rows, int64_t count,
                         hr_quant_code code, int64_t ahead) {
  switch (code) {
    case HR_CODE_UINT1: unpack_rows(to, from, row_bytes, rows, count, code, 1, ahead); break;
    case HR_CODE_UINT2: unpack_rows(to, from, row_bytes, rows, count, code, 2, ahead); break;
    case HR_CODE_UINT3: unpack_rows(to, from, row_bytes, rows, count, code, 3, ahead); break;
    case HR_CODE_UINT4: unpack_rows(to, from, row_bytes, rows, count, code, 4, ahead); break;
    case HR_CODE_UINT5: unpack_rows(to, from, row_bytes, rows, count, code, 5, ahead); break;
    case HR_CODE_UINT6: unpack_rows(to, from, row_bytes, rows, count, code, 6, ahead); break;
    case HR_CODE_E2M1: unpack_rows(to, from, row_bytes, rows, count, HR_CODE_E2M1, 4, ahead); break;
    default: unpack_rows(to, from, row_bytes, rows, count, code, 8, ahead); break;
  }
}

/* Bits that floats of E8M0 and E4M3 have: see quant_value.h. */
HR_INLINE __m512 e8m0(__m512i c) {
  __m512i tiny = _mm512_set1_epi32(0x00400000);
  return _mm512_castsi512_ps(_mm512_mask_mov_epi32(_mm512_slli_epi32(c, 23), _mm512_testn_epi32_mask(c, c), tiny));
}

/* The first `count` of 16 scales, and zeros. */
HR_INLINE __m512 scales_of(const char *from, hr_quant_scale kind, int count) {
  __mmask16 valid = (__mmask16)(count >= LANES ? 0xffff : (1 << count) - 1);
  switch (kind) {
    case HR_SCALE_F32: return _mm512_maskz_loadu_ps(valid, from);
    case HR_SCALE_F16: return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(valid, from));
    case HR_SCALE_BF16:
      return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(valid, from)), 16));
    case HR_SCALE_E8M0:
      return _mm512_maskz_mov_ps(valid, e8m0(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(valid, from))));
    default: return qv_e4m3(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(valid, from)));
  }
}

static void unpack_scales(float (*to)[HR_TILE_GROUPS], const char *from, const hr_qmm_matrix *w, int rows,
                          int64_t groups, int64_t padded) {
  int64_t row_bytes = w->length / w->group * w->scale_item;
  for (int n = 0; n < rows; n++)
    for (int64_t g = 0; g < padded; g += LANES)
      _mm512_storeu_ps(to[n] + g, scales_of(from + n * row_bytes + g * w->scale_item, w->scale,
                                            (int)(groups - g < 0 ? 0 : groups - g)));
}

static void unpack(hr_tile_step *to, const hr_tile_cut *cut, const hr_qmm_matrix *w, int64_t row, int count,
                   int64_t first, int64_t units, int64_t ahead) {
  int64_t begin = first * HR_TILE_UNIT, padded = units * HR_TILE_UNIT;
  int64_t groups = cut->groups - begin < padded ? cut->groups - begin : padded;
  int64_t place = (row * cut->groups + begin) * w->scale_item;
  unpack_codes(to->codes, w->codes + (row * w->length + begin * cut->group) * w->bits / 8, w->length * w->bits / 8,
               count, groups * cut->group, w->code, ahead);
  unpack_scales(to->scales, w->scales + place, w, count, groups, padded);
  if (w->biases) unpack_scales(to->biases, w->biases + place, w, count, groups, padded);
}

/* --- products --- */

/* Groups 0 to 3 of a unit side by side: a sum that waits for its last product would wait for 50 cycles. */
#define ADD_TILE(SUMS, CODES, DIGITS_OF_X, number)                          \
  {                                                                         \
    int64_t k = (number)*group + t;                                         \
    _tile_loadd(CODES, codes + k / SQUARE * SQUARE_BYTES + k % SQUARE, 64); \
    _tile_loadd(DIGITS_OF_X, digits + k * HR_TILE, 64);                     \
    if (is_signed)                                                          \
      _tile_dpbssd(SUMS, CODES, DIGITS_OF_X);                               \
    else                                                                    \
      _tile_dpbusd(SUMS, CODES, DIGITS_OF_X);                               \
  }

HR_INLINE void multiply_unit(int32_t *to, const uint8_t *codes, const int8_t *digits, int group, bool is_signed) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int t = 0; t < group; t += SQUARE) {
    ADD_TILE(0, 4, 6, 0)
    ADD_TILE(1, 5, 7, 1)
    ADD_TILE(2, 4, 6, 2)
    ADD_TILE(3, 5, 7, 3)
  }
  _tile_stored(0, to, 64);
  _tile_stored(1, to + HR_TILE * HR_TILE, 64);
  _tile_stored(2, to + 2 * HR_TILE * HR_TILE, 64);
  _tile_stored(3, to + 3 * HR_TILE * HR_TILE, 64);
}

HR_INLINE void multiply_step(float (*sums)[HR_TILE], const hr_tile_cut *cut, const hr_tile_step *step,
                             const char *panel, int64_t first, int64_t units, bool affine) {
  const __m512i digit = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
  int group = cut->group;
  const uint8_t *codes = step->codes;
  const int8_t *digits = (const int8_t *)panel + first * HR_TILE_UNIT * group * HR_TILE;
  const float *x_scales = (const float *)(panel + hr_tile_digits_bytes(cut)) + first * HR_TILE_UNIT * HR_TILE;
  const float *x_sums = x_scales + ((cut->units - first) * HR_TILE_UNIT + first) * HR_TILE;
  int32_t whole[HR_TILE_UNIT * HR_TILE * HR_TILE] __attribute__((aligned(64)));
  __m512 acc[HR_TILE];
#pragma GCC unroll 16
  for (int n = 0; n < HR_TILE; n++) acc[n] = _mm512_loadu_ps(sums[n]);
  for (int64_t g = 0; g < units * HR_TILE_UNIT; g += HR_TILE_UNIT, x_sums += HR_TILE) {
    multiply_unit(whole, codes + g * group * HR_TILE, digits + g * group * HR_TILE, group, !affine);
    for (int i = 0; i < HR_TILE_UNIT; i++, x_scales += HR_TILE) {
      const float *scales = step->scales[0] + g + i;
      __m512 x = _mm512_loadu_ps(x_scales);
#pragma GCC unroll 16
      for (int n = 0; n < HR_TILE; n++) {
        __m512 part = _mm512_cvtepi32_ps(_mm512_load_si512(whole + (i * HR_TILE + n) * HR_TILE));
        acc[n] = _mm512_fmadd_ps(_mm512_mul_ps(part, x), _mm512_set1_ps(scales[n * HR_TILE_GROUPS]), acc[n]);
      }
    }
    if (!affine) continue;
    __m512 x = _mm512_loadu_ps(x_sums);
#pragma GCC unroll 16
    for (int n = 0; n < HR_TILE; n++)
      acc[n] = _mm512_fmadd_ps(_mm512_permutexvar_ps(digit, _mm512_loadu_ps(step->biases[n] + g)), x, acc[n]);
  }
#pragma GCC unroll 16
  for (int n = 0; n < HR_TILE; n++) _mm512_storeu_ps(sums[n], acc[n]);
}

static void multiply(float (*sums)[HR_TILE], const hr_tile_cut *cut, const hr_tile_step *step, const char *panel,
                     int64_t first, int64_t units, bool affine) {
  if (affine)
    multiply_step(sums, cut, step, panel, first, units, true);
  else
    multiply_step(sums, cut, step, panel, first, units, false);
}

static void put(void *y, hr_qmm_type type, int64_t at, const float *values, int count) {
  if (type == HR_QMM_F32) {
    memcpy((float *)y + at, values, (size_t)count * sizeof(float));
    return;
  }
  uint16_t *to = (uint16_t *)y + at;
  for (int i = 0; i < count; i++) to[i] = type == HR_QMM_F16 ? hr_f16_store(values[i]) : hr_bf16_store(values[i]);
}

static void finish(void *y, hr_qmm_type type, int64_t n_y, float (*sums)[HR_TILE], int rows, int count) {
  float values[HR_TILE_X_ROWS][HR_TILE];
  for (int n = 0; n < HR_TILE; n++) {
    const float *from = sums[n];
    for (int r = 0; r < HR_TILE_X_ROWS; r++) values[r][n] = (from[r] + from[4 + r]) + (from[8 + r] + from[12 + r]);
  }
  for (int r = 0; r < rows; r++) put(y, type, r * n_y, values[r], count);
}

const hr_tile_kernels HR_NAME(hr_tiles) = {
    .begin = begin, .end = end, .split = split, .unpack = unpack, .multiply = multiply, .finish = finish};
