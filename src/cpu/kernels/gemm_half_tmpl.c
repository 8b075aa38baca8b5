/* Products of half types in tile registers; see gemm_half.h. */
/* hr-isas: amx */
#include "cpu/kernels/gemm_half.h"

#include <immintrin.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

typedef __m512i vector; /* 32 numbers of 16 bits, or 16 pairs */

enum { TILE_BYTES = 1024, LANES = 32, PAIRS = 16 };

/* --- tiles --- */

/* The operand of LDTILECFG: palette 1 has tiles of up to 16 rows of 64 bytes. */
typedef struct config {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} config;

void hr_half_begin_amx(void) {
  config c = {.palette = 1};
  for (int i = 0; i < 8; i++) c.row_bytes[i] = 64, c.rows[i] = 16;
  __asm__ volatile("" : : "r"(&c) : "memory"); /* GCC 12 believes that the first 8 bytes alone are read */
  _tile_loadconfig(&c);
}

void hr_half_end_amx(void) { _tile_release(); }

/* Sums in tiles 0 to 3, A in 4 and 5, B in 6 and 7. `low` is whether there are rows behind the first 16, `right`
 * whether there are such columns. */
INLINE void load_a(const hr_half_block *x, const char *a, bool low) {
  _tile_loadd(4, a, x->a_row);
  if (low) _tile_loadd(5, a + x->a_half, x->a_row);
}
INLINE void load_b(const char *b, bool right) {
  _tile_loadd(6, b, 64);
  if (right) _tile_loadd(7, b + TILE_BYTES, 64);
}
INLINE void multiply_tiles(bool low, bool right) {
  _tile_dpbf16ps(0, 4, 6);
  if (right) _tile_dpbf16ps(1, 4, 7);
  if (low) _tile_dpbf16ps(2, 5, 6);
  if (low && right) _tile_dpbf16ps(3, 5, 7);
}

INLINE void begin_sums(const hr_half_block *x, bool low, bool right) {
  int64_t bytes = x->c_row * 4;
  if (x->add) {
    _tile_loadd(0, x->c, bytes);
    if (right) _tile_loadd(1, x->c + 16, bytes);
    if (low) _tile_loadd(2, x->c + 16 * x->c_row, bytes);
    if (low && right) _tile_loadd(3, x->c + 16 * x->c_row + 16, bytes);
    return;
  }
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
}

INLINE void store_sums(const hr_half_block *x, bool low, bool right) {
  int64_t bytes = x->c_row * 4;
  _tile_stored(0, x->c, bytes);
  if (right) _tile_stored(1, x->c + 16, bytes);
  if (low) _tile_stored(2, x->c + 16 * x->c_row, bytes);
  if (low && right) _tile_stored(3, x->c + 16 * x->c_row + 16, bytes);
}

/* Of float16 leading parts with leading parts and with rests, then the rests of A. */
INLINE void multiply_blocks(const hr_half_block *x, bool low, bool right, int kinds) {
  const char *a = x->a, *b = x->b;
  begin_sums(x, low, right);
  for (int64_t i = 0; i < x->blocks; i++, a += x->a_block, b += 2 * kinds * TILE_BYTES) {
    load_b(b, right);
    load_a(x, a, low);
    multiply_tiles(low, right);
    if (kinds == 1) continue;
    load_b(b + 2 * TILE_BYTES, right);
    multiply_tiles(low, right);
    load_a(x, a + 2 * TILE_BYTES, low);
    multiply_tiles(low, right);
    load_b(b, right);
    multiply_tiles(low, right);
  }
  store_sums(x, low, right);
}

INLINE void multiply(const hr_half_block *x, int kinds) {
  bool low = x->m > PAIRS, right = x->n > PAIRS;
  if (low && right)
    multiply_blocks(x, true, true, kinds);
  else if (low)
    multiply_blocks(x, true, false, kinds);
  else if (right)
    multiply_blocks(x, false, true, kinds);
  else
    multiply_blocks(x, false, false, kinds);
}
static void multiply_bf16(const hr_half_block *x) { multiply(x, 1); }
static void multiply_f16(const hr_half_block *x) { multiply(x, 2); }

/* --- results --- */

typedef vector (*round_fn)(__m512 low, __m512 high);

INLINE vector round_bf16(__m512 low, __m512 high) { return (vector)_mm512_cvtne2ps_pbh(high, low); }
INLINE vector round_f16(__m512 low, __m512 high) {
  __m256i first = _mm512_cvtps_ph(low, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m256i second = _mm512_cvtps_ph(high, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  return _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
}

INLINE void store_rows(uint16_t *c, int64_t c_row, const float *sums, int64_t sums_row, int m, int n, round_fn round) {
  __mmask32 columns = n == LANES ? ~(__mmask32)0 : ((__mmask32)1 << n) - 1;
  for (int i = 0; i < m; i++, c += c_row, sums += sums_row)
    _mm512_mask_storeu_epi16(c, columns, round(_mm512_loadu_ps(sums), _mm512_loadu_ps(sums + PAIRS)));
}
static void store_bf16(uint16_t *c, int64_t c_row, const float *sums, int64_t sums_row, int m, int n) {
  store_rows(c, c_row, sums, sums_row, m, n, round_bf16);
}
static void store_f16(uint16_t *c, int64_t c_row, const float *sums, int64_t sums_row, int m, int n) {
  store_rows(c, c_row, sums, sums_row, m, n, round_f16);
}

/* --- packing --- */

/* The parts of 32 numbers: all of a bfloat16, leading part and rest of a float16. */
typedef struct parts {
  vector part[2];
} parts;

INLINE parts split_bf16(vector x, vector *bad) {
  (void)bad;
  return (parts){{x}};
}

/* The upper halves of 32 floats. */
INLINE vector upper_halves(__m512 low, __m512 high) {
  const vector odd = _mm512_set_epi16(63, 61, 59, 57, 55, 53, 51, 49, 47, 45, 43, 41, 39, 37, 35, 33, 31, 29, 27, 25,
                                      23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
  return _mm512_permutex2var_epi16(_mm512_castps_si512(low), odd, _mm512_castps_si512(high));
}

/* `bad` collects the largest magnitude: 0x7c00 and above are infinite or NaN. */
INLINE parts split_f16(vector x, vector *bad) {
  const __m512 leading = _mm512_castsi512_ps(_mm512_set1_epi32((int)0xffff0000u));
  __m512 low = _mm512_cvtph_ps(_mm512_castsi512_si256(x)), high = _mm512_cvtph_ps(_mm512_extracti64x4_epi64(x, 1));
  __m512 low_lead = _mm512_and_ps(low, leading), high_lead = _mm512_and_ps(high, leading);
  *bad = _mm512_max_epu16(*bad, _mm512_and_si512(x, _mm512_set1_epi16(0x7fff)));
  return (parts){
      {upper_halves(low_lead, high_lead), upper_halves(_mm512_sub_ps(low, low_lead), _mm512_sub_ps(high, high_lead))}};
}

INLINE vector load(const uint16_t *p, int count) {
  if (count >= LANES) return _mm512_loadu_si512(p);
  return _mm512_maskz_loadu_epi16(count <= 0 ? 0 : (__mmask32)(((uint64_t)1 << count) - 1), p);
}

/* 16 rows of 16 pairs are turned over: in the stage of s the rows i and i + s exchange blocks of s pairs. */
INLINE void turn(vector *rows) {
  const vector lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
#pragma GCC unroll 4
  for (int s = 1; s < PAIRS; s *= 2) {
    const vector moved = _mm512_and_si512(lanes, _mm512_set1_epi32(s));
    const __mmask16 second = _mm512_test_epi32_mask(moved, moved);
    /* Lane j of the upper row: its own, or the lower row's j - s; of the lower one: the upper's j + s, or its own. */
    const vector upper = _mm512_mask_add_epi32(lanes, second, lanes, _mm512_set1_epi32(PAIRS - s));
    const vector lower =
        _mm512_mask_add_epi32(_mm512_add_epi32(lanes, _mm512_set1_epi32(s)), second, lanes, _mm512_set1_epi32(PAIRS));
#pragma GCC unroll 16
    for (int i = 0; i < PAIRS; i++) {
      if (i & s) continue;
      vector a = rows[i], b = rows[i + s];
      rows[i] = _mm512_permutex2var_epi32(a, upper, b);
      rows[i + s] = _mm512_permutex2var_epi32(a, lower, b);
    }
  }
}

INLINE void store_tile(char *to, const vector *rows) {
  for (int i = 0; i < PAIRS; i++) _mm512_store_si512(to + 64 * i, rows[i]);
}

typedef parts (*split_fn)(vector x, vector *bad);

/* A block from rows that are runs along k, 16 at a time: a tile of A as it is, one of B turned. */
INLINE void pack_runs(char *to, const uint16_t *from, int k, int count, int64_t across, bool turned, int kinds,
                      split_fn split, vector *bad) {
  for (int half = 0; half < 2; half++) {
    vector rows[2][PAIRS];
    for (int i = 0; i < PAIRS; i++) {
      int row = half * PAIRS + i;
      parts p = split(row < count ? load(from + row * across, k) : _mm512_setzero_si512(), bad);
      rows[0][i] = p.part[0];
      if (kinds == 2) rows[1][i] = p.part[1];
    }
    for (int kind = 0; kind < kinds; kind++) {
      if (turned) turn(rows[kind]);
      store_tile(to + (2 * kind + half) * TILE_BYTES, rows[kind]);
    }
  }
}

/* Two rows of 32 numbers as pairs: of the first 16 columns, or of the last. */
INLINE vector pair_of(vector even, vector odd, int half) {
  const vector first = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7, 38, 6, 37,
                                        5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
  const vector index = half ? _mm512_add_epi16(first, _mm512_set1_epi16(16)) : first;
  return _mm512_permutex2var_epi16(even, index, odd);
}

/* A block from rows along k that are runs across: a tile of B as pairs, one of A turned. */
INLINE void pack_columns(char *to, const uint16_t *from, int k, int count, int64_t along, bool turned, int kinds,
                         split_fn split, vector *bad) {
  vector rows[2][2][PAIRS];
  for (int i = 0; i < PAIRS; i++) {
    __builtin_prefetch(from + (2 * i + HR_HALF_DEPTH) * along); /* each in a page of its own */
    __builtin_prefetch(from + (2 * i + 1 + HR_HALF_DEPTH) * along);
    parts even = split(2 * i < k ? load(from + 2 * i * along, count) : _mm512_setzero_si512(), bad);
    parts odd = split(2 * i + 1 < k ? load(from + (2 * i + 1) * along, count) : _mm512_setzero_si512(), bad);
    for (int kind = 0; kind < kinds; kind++)
      for (int half = 0; half < 2; half++) rows[kind][half][i] = pair_of(even.part[kind], odd.part[kind], half);
  }
  for (int kind = 0; kind < kinds; kind++)
    for (int half = 0; half < 2; half++) {
      if (turned) turn(rows[kind][half]);
      store_tile(to + (2 * kind + half) * TILE_BYTES, rows[kind][half]);
    }
}

/* Any strides: by way of a copy whose rows are runs along k. */
static void gather(uint16_t *to, const uint16_t *from, int k, int count, int64_t across, int64_t along) {
  for (int i = 0; i < count; i++)
    for (int p = 0; p < k; p++) to[i * HR_HALF_DEPTH + p] = from[i * across + p * along];
}

INLINE bool pack(char *to, const uint16_t *from, int64_t k, int count, int64_t across, int64_t along, bool is_b,
                 int kinds, split_fn split) {
  vector bad = _mm512_setzero_si512();
  for (int64_t at = 0; at < k; at += HR_HALF_DEPTH, to += 2 * kinds * TILE_BYTES) {
    const uint16_t *in = from + at * along;
    int left = (int)(k - at < HR_HALF_DEPTH ? k - at : HR_HALF_DEPTH);
    if (along == 1) {
      pack_runs(to, in, left, count, across, is_b, kinds, split, &bad);
    } else if (across == 1) {
      pack_columns(to, in, left, count, along, !is_b, kinds, split, &bad);
    } else {
      uint16_t block[HR_HALF_SIDE * HR_HALF_DEPTH];
      gather(block, in, left, count, across, along);
      pack_runs(to, block, left, count, HR_HALF_DEPTH, is_b, kinds, split, &bad);
    }
  }
  return _mm512_cmpge_epu16_mask(bad, _mm512_set1_epi16(0x7c00)) == 0;
}

static bool pack_a_bf16(void *to, const uint16_t *from, int64_t k, int count, int64_t across, int64_t along) {
  return pack(to, from, k, count, across, along, false, 1, split_bf16);
}
static bool pack_b_bf16(void *to, const uint16_t *from, int64_t k, int count, int64_t across, int64_t along) {
  return pack(to, from, k, count, across, along, true, 1, split_bf16);
}
static bool pack_a_f16(void *to, const uint16_t *from, int64_t k, int count, int64_t across, int64_t along) {
  return pack(to, from, k, count, across, along, false, 2, split_f16);
}
static bool pack_b_f16(void *to, const uint16_t *from, int64_t k, int count, int64_t across, int64_t along) {
  return pack(to, from, k, count, across, along, true, 2, split_f16);
}

const hr_half_kernels hr_half_bf16_amx = {.block_bytes = 2 * TILE_BYTES,
                                          .in_place = true,
                                          .pack_a = pack_a_bf16,
                                          .pack_b = pack_b_bf16,
                                          .multiply = multiply_bf16,
                                          .store = store_bf16};
const hr_half_kernels hr_half_f16_amx = {.block_bytes = 4 * TILE_BYTES,
                                         .pack_a = pack_a_f16,
                                         .pack_b = pack_b_f16,
                                         .multiply = multiply_f16,
                                         .store = store_f16};
