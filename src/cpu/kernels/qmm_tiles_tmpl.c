/* See qmm_tiles.h. Tile registers: 0 to 3 sums, 4 and 5 codes, 6 and 7 digits of x. */
/* hr-isas: amx */
#include "cpu/kernels/qmm_tiles.h"

#include <immintrin.h>

#include "cpu/kernels/qmm_out.h"
#include "cpu/kernels/quant_bytes.h"

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

/* 4 bits: a byte in a word of its own is moved up by a code, and both are cut out. */
HR_INLINE __m512i nibbles(__m256i bytes) {
  __m512i words = _mm512_cvtepu8_epi16(bytes);
  return _mm512_ternarylogic_epi32(words, _mm512_slli_epi16(words, 4), _mm512_set1_epi16(0x0f0f), 0xa8);
}

HR_INLINE __m512i twice_e2m1(__m512i codes) {
  const __m128i values = _mm_setr_epi8(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);
  return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(values), codes);
}

/* 64 codes from 8 `bits` bytes. */
HR_INLINE __m512i square_row(__m512i bytes, hr_quant_code code, int bits, const hr_spread *s) {
  if (bits == 8) return bytes;
  if (bits == 4) {
    __m512i codes = nibbles(_mm512_castsi512_si256(bytes));
    return code == HR_CODE_E2M1 ? twice_e2m1(codes) : codes;
  }
  return hr_spread_codes(bytes, s);
}

HR_INLINE void fetch_some(hr_tile_ahead *a) {
  for (int i = 0; i < a->lines; i++, a->at += 64) __builtin_prefetch(a->at, 0, 2);
}

/* Rows of count codes. */
HR_INLINE void unpack_rows(uint8_t *to, const uint8_t *from, int64_t row_bytes, int rows, int64_t count,
                           hr_quant_code code, int bits, hr_tile_ahead *next) {
  hr_spread s = hr_spread_of(bits);
  int64_t squares = count / SQUARE, rest = count % SQUARE;
  for (int n = 0; n < rows; n++, from += row_bytes, to += SQUARE) {
    for (int64_t i = 0; i < squares; i++)
      _mm512_store_si512(to + i * SQUARE_BYTES,
                         square_row(hr_first_bytes(from + i * 8 * bits, 8 * bits), code, bits, &s));
    if (rest > 0)
      _mm512_store_si512(to + squares * SQUARE_BYTES,
                         square_row(hr_first_bytes(from + squares * 8 * bits, rest * bits / 8), code, bits, &s));
    fetch_some(next);
  }
}

/* A function for each kind of codes: 256 codes at a time are common, and taken without a loop. */
#define UNPACK(name, CODE, BITS)                                                                 \
  static void name(uint8_t *to, const uint8_t *from, int64_t row_bytes, int rows, int64_t count, \
                   hr_tile_ahead *next) {                                                        \
    if (count == 256)                                                                            \
      unpack_rows(to, from, row_bytes, rows, 256, CODE, BITS, next);                             \
    else                                                                                         \
      unpack_rows(to, from, row_bytes, rows, count, CODE, BITS, next);                           \
  }
typedef void (*unpack_fn)(uint8_t *to, const uint8_t *from, int64_t row_bytes, int rows, int64_t count,
                          hr_tile_ahead *next);
UNPACK(unpack_1, HR_CODE_UINT1, 1)
UNPACK(unpack_2, HR_CODE_UINT2, 2)
UNPACK(unpack_3, HR_CODE_UINT3, 3)
UNPACK(unpack_4, HR_CODE_UINT4, 4)
UNPACK(unpack_5, HR_CODE_UINT5, 5)
UNPACK(unpack_6, HR_CODE_UINT6, 6)
UNPACK(unpack_8, HR_CODE_UINT8, 8)
UNPACK(unpack_e2m1, HR_CODE_E2M1, 4)
static const unpack_fn unpack_of[HR_QUANT_CODES] = {
    [HR_CODE_UINT1] = unpack_1, [HR_CODE_UINT2] = unpack_2, [HR_CODE_UINT3] = unpack_3, [HR_CODE_UINT4] = unpack_4,
    [HR_CODE_UINT5] = unpack_5, [HR_CODE_UINT6] = unpack_6, [HR_CODE_UINT8] = unpack_8, [HR_CODE_E2M1] = unpack_e2m1};

/* Of 16 groups, so many units. */
HR_INLINE void store_units(float *to, __m512 v, int64_t units) {
  enum { NEXT = sizeof(hr_tile_scales) / sizeof(float) };
  _mm_store_ps(to, _mm512_castps512_ps128(v));
  if (units > 1) _mm_store_ps(to + NEXT, _mm512_extractf32x4_ps(v, 1));
  if (units > 2) _mm_store_ps(to + 2 * NEXT, _mm512_extractf32x4_ps(v, 2));
  if (units > 3) _mm_store_ps(to + 3 * NEXT, _mm512_extractf32x4_ps(v, 3));
}

HR_INLINE void scale_rows(hr_tile_scales *to, const hr_tile_cut *cut, const char *from, hr_quant_scale kind, int item,
                          int rows) {
  int64_t whole = cut->groups / LANES * LANES, left = cut->groups - whole;
  __mmask16 valid = (__mmask16)((1 << left) - 1);
  for (int n = 0; n < rows; n++, from += cut->groups * item) {
    for (int64_t g = 0; g < whole; g += LANES)
      store_units(to[g / HR_TILE_UNIT][n], hr_scales_of(from + g * item, kind, 0xffff), HR_TILE_UNIT);
    if (left > 0)
      store_units(to[whole / HR_TILE_UNIT][n], hr_scales_of(from + whole * item, kind, valid),
                  cut->units - whole / HR_TILE_UNIT);
  }
}

static void scales(hr_tile_scales *to, const hr_tile_cut *cut, const char *from, hr_quant_scale kind, int rows) {
  switch (kind) {
    case HR_SCALE_F32: scale_rows(to, cut, from, HR_SCALE_F32, 4, rows); break;
    case HR_SCALE_F16: scale_rows(to, cut, from, HR_SCALE_F16, 2, rows); break;
    case HR_SCALE_BF16: scale_rows(to, cut, from, HR_SCALE_BF16, 2, rows); break;
    case HR_SCALE_E8M0: scale_rows(to, cut, from, HR_SCALE_E8M0, 1, rows); break;
    default: scale_rows(to, cut, from, HR_SCALE_E4M3, 1, rows); break;
  }
}

static void unpack(hr_tile_step *to, const hr_tile_cut *cut, const hr_qmm_matrix *w, int64_t row, int count,
                   int64_t first, int64_t units, hr_tile_ahead *next) {
  int64_t begin = first * HR_TILE_UNIT, padded = units * HR_TILE_UNIT;
  int64_t groups = cut->groups - begin < padded ? cut->groups - begin : padded;
  const uint8_t *from = w->codes + (row * w->length + begin * cut->group) * w->bits / 8;
  unpack_of[w->code](to->codes, from, w->length * w->bits / 8, count, groups * cut->group, next);
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

/* A unit of a block of w and a panel. */
typedef struct unit {
  int32_t whole[HR_TILE_UNIT * HR_TILE * HR_TILE] __attribute__((aligned(64)));
  float (*sums)[HR_TILE];
  const float *x_scales, *x_sums;
  const float (*scales)[HR_TILE_UNIT], (*biases)[HR_TILE_UNIT]; /* of the block's rows */
} unit;

HR_INLINE void add_unit(const unit *u, bool affine) {
  const __m512i digit = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
  __m512 x[HR_TILE_UNIT], x_sums = _mm512_loadu_ps(u->x_sums);
#pragma GCC unroll 4
  for (int i = 0; i < HR_TILE_UNIT; i++) x[i] = _mm512_loadu_ps(u->x_scales + i * HR_TILE);
#pragma GCC unroll 16
  for (int n = 0; n < HR_TILE; n++) {
    __m512 sum = _mm512_loadu_ps(u->sums[n]);
#pragma GCC unroll 4
    for (int i = 0; i < HR_TILE_UNIT; i++) {
      __m512 part = _mm512_cvtepi32_ps(_mm512_load_si512(u->whole + (i * HR_TILE + n) * HR_TILE));
      sum = _mm512_fmadd_ps(_mm512_mul_ps(part, x[i]), _mm512_set1_ps(u->scales[n][i]), sum);
    }
    if (affine) {
      __m512 bias = _mm512_permutexvar_ps(digit, _mm512_broadcast_f32x4(_mm_load_ps(u->biases[n])));
      sum = _mm512_fmadd_ps(bias, x_sums, sum);
    }
    _mm512_storeu_ps(u->sums[n], sum);
  }
}

/* The sums of a unit become floats while the tiles of the next one are multiplied: those would wait for them. */
HR_INLINE void multiply_step(float (*sums)[HR_TILE], int64_t pitch, const hr_tile_cut *cut, const hr_tile_step *steps,
                             int blocks, const hr_tile_scales *scales, const hr_tile_scales *biases, const char *panel,
                             int64_t first, int64_t units) {
  const float *x_scales = (const float *)(panel + hr_tile_digits_bytes(cut));
  const float *x_sums = x_scales + cut->units * HR_TILE_UNIT * HR_TILE;
  int64_t unit_bytes = HR_TILE_UNIT * cut->group * HR_TILE;
  unit turns[2], *now = turns, *before = NULL;
  for (int64_t u = 0; u < units; u++)
    for (int b = 0; b < blocks; b++) {
      now->sums = sums + b * pitch;
      now->x_scales = x_scales + (first + u) * HR_TILE_UNIT * HR_TILE;
      now->x_sums = x_sums + (first + u) * HR_TILE;
      now->scales = scales[u] + b * HR_TILE;
      now->biases = biases ? biases[u] + b * HR_TILE : NULL;
      multiply_unit(now->whole, steps[b].codes + u * unit_bytes, (const int8_t *)panel + (first + u) * unit_bytes,
                    cut->group, !biases);
      if (before) add_unit(before, biases != NULL);
      before = now, now = now == turns ? turns + 1 : turns;
    }
  add_unit(before, biases != NULL);
}

static void multiply(float (*sums)[HR_TILE], int64_t pitch, const hr_tile_cut *cut, const hr_tile_step *steps,
                     int blocks, const hr_tile_scales *scales, const hr_tile_scales *biases, const char *panel,
                     int64_t first, int64_t units) {
  if (biases)
    multiply_step(sums, pitch, cut, steps, blocks, scales, biases, panel, first, units);
  else
    multiply_step(sums, pitch, cut, steps, blocks, scales, NULL, panel, first, units);
}

static void finish(void *y, hr_qmm_type type, int64_t n_y, float (*sums)[HR_TILE], int rows, int count) {
  float values[HR_TILE_X_ROWS][HR_TILE];
  for (int n = 0; n < HR_TILE; n++) {
    const float *from = sums[n];
    for (int r = 0; r < HR_TILE_X_ROWS; r++) values[r][n] = (from[r] + from[4 + r]) + (from[8 + r] + from[12 + r]);
  }
  for (int r = 0; r < rows; r++)
    for (int n = 0; n < count; n++) hr_qmm_put(y, type, r * n_y + n, values[r][n]);
}

const hr_tile_kernels HR_NAME(hr_tiles) = {.begin = begin,
                                           .end = end,
                                           .split = split,
                                           .scales = scales,
                                           .unpack = unpack,
                                           .multiply = multiply,
                                           .finish = finish};
