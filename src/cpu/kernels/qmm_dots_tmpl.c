/* Dot products of qmm.h where the processor multiplies bytes (AVX-512 VNNI): a number of x becomes three signed digits
 * of 8 bits, to 2^-23 of the largest of its group, and a lane's products are added exactly. 128 codes of 4 bits take 15
 * instructions: with sums in floats they are 25. Not for E4M3. */
/* hr-isas: vnni */
#include "cpu/kernels/qmm.h"

#include <immintrin.h>

#include "cpu/kernels/qmm_out.h"
#include "cpu/kernels/quant_bytes.h"

/* A block is 64 bytes of codes of 4 bits (even ones, then odd ones), or 64 codes of other lengths. Rows of w whose sums
 * go on together, and codes along k that are taken for all of them before the next ones: their x stays in L1. */
enum { LANES = 16, DIGITS = 3, BLOCK_MAX = 128, STEP = 8192, COLUMNS = 16, PLACES_MAX = 32, AHEAD = 4096 };

/* The ordered form of a block of x: digits, the highest first; then a scale a lane; then what the sums of a lane are
 * too large by, where codes are made unsigned. */
HR_INLINE int block_codes(hr_quant_code code) {
  return code == HR_CODE_UINT4 || code == HR_CODE_E2M1 ? BLOCK_MAX : BLOCK_MAX / 2;
}
HR_INLINE int block_floats(int codes) { return DIGITS * codes / 4 + 2 * LANES; }

static int64_t ordered_length(const hr_qmm_matrix *w) {
  int codes = block_codes(w->code);
  return (w->length + codes - 1) / codes * block_floats(codes);
}

/* --- x --- */

/* Of the power of two that brings x to below 2^23, and its digits to at most 127; 0 for infinity and NaN. */
static float exponent_of(uint32_t most) {
  uint32_t biased = most >> 23;
  int exponent = 22 + 127 - (int)(biased > 0 ? biased : 1) - ((most & 0x7fffff) > 0x7efeff);
  return most >= 0x7f800000u ? 0 : (float)exponent;
}

static float power_of_two(float exponent) { return _mm_cvtss_f32(_mm_scalef_ss(_mm_set_ss(1), _mm_set_ss(exponent))); }

/* A group in whole numbers, and the exponent of what it was multiplied by: NaN if x is not finite. */
static float split_group(int32_t *whole, float *sum, const float *x, int group) {
  __m512i most = _mm512_setzero_si512(), size = _mm512_set1_epi32(0x7fffffff);
  __m512 total = _mm512_setzero_ps();
  for (int i = 0; i < group; i += LANES) {
    __m512 v = _mm512_loadu_ps(x + i);
    most = _mm512_max_epu32(most, _mm512_and_si512(_mm512_castps_si512(v), size));
    total = _mm512_add_ps(total, v);
  }
  uint32_t largest = _mm512_reduce_max_epu32(most);
  float exponent = exponent_of(largest);
  for (int i = 0; i < group; i += LANES)
    _mm512_storeu_si512(whole + i,
                        _mm512_cvtps_epi32(_mm512_scalef_ps(_mm512_loadu_ps(x + i), _mm512_set1_ps(exponent))));
  *sum = _mm512_reduce_add_ps(total);
  return largest >= 0x7f800000u ? NAN : exponent;
}

/* Digit d of 64 numbers. */
HR_INLINE __m512i digit_of(const __m512i *whole, int d) {
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i low = _mm512_set1_epi32(0x8080); /* bytes below the highest are signed: they carry */
  __m512i bytes[4];
  for (int i = 0; i < 4; i++) {
    __m512i digits = _mm512_xor_si512(_mm512_add_epi32(whole[i], low), low);
    bytes[i] = _mm512_srai_epi32(_mm512_slli_epi32(digits, 8 + 8 * (unsigned)d), 24);
  }
  return _mm512_permutexvar_epi32(
      order, _mm512_packs_epi16(_mm512_packs_epi32(bytes[0], bytes[1]), _mm512_packs_epi32(bytes[2], bytes[3])));
}

static void order_block(char *to, const int32_t *whole, const float *scales, int codes) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
  __m512i in[8], offset = _mm512_setzero_si512();
  int parts = codes / 64;
  for (int i = 0; i < 4; i++) {
    if (parts == 1) {
      in[i] = _mm512_loadu_si512(whole + i * LANES);
      continue;
    }
    __m512i a = _mm512_loadu_si512(whole + 2 * i * LANES), b = _mm512_loadu_si512(whole + (2 * i + 1) * LANES);
    in[i] = _mm512_permutex2var_epi32(a, even, b), in[4 + i] = _mm512_permutex2var_epi32(a, odd, b);
  }
  for (int d = 0; d < DIGITS; d++) {
    __m512i sum = _mm512_setzero_si512();
    for (int p = 0; p < parts; p++, to += 64) {
      __m512i digits = digit_of(in + 4 * p, d);
      sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(12), digits);
      _mm512_storeu_si512(to, digits);
    }
    offset = _mm512_add_epi32(_mm512_slli_epi32(offset, 8), sum);
  }
  for (int i = 0; i < LANES; i++) ((float *)to)[i] = scales[i * (codes / LANES)];
  _mm512_storeu_si512(to + 64, offset);
}

static void order(float *to, float *sums, const float *x, const hr_qmm_matrix *w, hr_qmm_order how) {
  int codes = block_codes(w->code), span = w->group > codes ? w->group : codes;
  (void)how;
  for (int64_t at = 0; at < w->length; at += span) {
    int32_t whole[BLOCK_MAX] = {0};
    float scales[BLOCK_MAX] = {0};
    for (int i = 0; i < span && at + i < w->length; i += w->group) {
      float exponent = split_group(whole + i, &sums[(at + i) / w->group], x + at + i, w->group);
      float scale = exponent != exponent ? NAN : power_of_two(-exponent - (w->code == HR_CODE_E2M1));
      for (int k = 0; k < w->group; k++) scales[i + k] = scale;
    }
    for (int i = 0; i < span; i += codes, to += block_floats(codes))
      order_block((char *)to, whole + i, scales + i, codes);
  }
}

/* --- codes --- */

/* acc + the sums of a block's lanes times x's scales, then times w's: in this order no product is subnormal where the
 * result is not. */
HR_INLINE __m512 block_sums(const __m512i *bytes, const char *x, __m512 scales, __m512 acc, hr_quant_code code) {
  /* Up by a byte: shifts would wait for the port of the products. */
  const __m512i up = _mm512_broadcast_i32x4(_mm_setr_epi8(-1, 0, 1, 2, -1, 4, 5, 6, -1, 8, 9, 10, -1, 12, 13, 14));
  int parts = block_codes(code) / 64;
  __m512i sum = _mm512_setzero_si512();
  __m512 high = _mm512_setzero_ps();
#pragma GCC unroll 3
  for (int d = 0; d < DIGITS; d++) {
    if (d == 2 && code == HR_CODE_UINT8) { /* with the third digit a sum would have more than 32 bits */
      high = _mm512_cvtepi32_ps(sum);
      sum = _mm512_setzero_si512();
    } else if (d > 0) {
      sum = _mm512_shuffle_epi8(sum, up);
    }
#pragma GCC unroll 2
    for (int p = 0; p < parts; p++)
      sum = _mm512_dpbusd_epi32(sum, bytes[p], _mm512_loadu_si512(x + (d * parts + p) * 64));
  }
  if (code == HR_CODE_E2M1) sum = _mm512_sub_epi32(sum, _mm512_loadu_si512(x + DIGITS * 64 * parts + 64));
  __m512 all = _mm512_cvtepi32_ps(sum);
  if (code == HR_CODE_UINT8) all = _mm512_fmadd_ps(high, _mm512_set1_ps(256), all);
  return _mm512_fmadd_ps(_mm512_mul_ps(all, _mm512_loadu_ps(x + DIGITS * 64 * parts)), scales, acc);
}

/* The bytes of a block's codes, as unsigned numbers: twice the value and 12 for E2M1. */
HR_INLINE void block_bytes(__m512i *bytes, __m512i from, hr_quant_code code, const hr_spread *s) {
  const __m512i nibble = _mm512_set1_epi8(15);
  const __m512i e2m1 = _mm512_broadcast_i32x4(_mm_setr_epi8(12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0));
  const __m512i up = _mm512_set1_epi64(0x3c342c241c140c04); /* bits of odd codes */
  if (code == HR_CODE_UINT8) {
    bytes[0] = from;
  } else if (code == HR_CODE_UINT4 || code == HR_CODE_E2M1) {
    bytes[0] = _mm512_and_si512(from, nibble);
    bytes[1] = _mm512_and_si512(_mm512_multishift_epi64_epi8(up, from), nibble);
    if (code == HR_CODE_E2M1)
      bytes[0] = _mm512_shuffle_epi8(e2m1, bytes[0]), bytes[1] = _mm512_shuffle_epi8(e2m1, bytes[1]);
  } else {
    bytes[0] = hr_spread_codes(from, s);
  }
}

typedef struct dots_call {
  const hr_qmm_matrix *w;
  int64_t groups; /* of a row */
  const float *x, *sums;
  const int32_t (*places)[LANES]; /* of each block of 16 groups: the group of each lane */
  hr_spread spread;
} dots_call;

/* 16 groups of a row, or the last ones: `count` codes. */
HR_INLINE __m512 add_groups(__m512 acc, const dots_call *c, const uint8_t *from, const char *x, __m512 scales,
                            int count, hr_quant_code code) {
  int codes = block_codes(code), bits = qv_bits(code), bytes = codes * bits / 8, blocks = count / codes;
  int rest = count % codes * bits / 8;
  __m512i numbers[2];
#pragma GCC unroll 4
  for (int i = 0; i < blocks; i++, from += bytes, x += block_floats(codes) * 4) {
    __builtin_prefetch(from + AHEAD);
    block_bytes(numbers, hr_first_bytes(from, bytes), code, &c->spread);
    acc = block_sums(numbers, x, _mm512_permutexvar_ps(_mm512_loadu_si512(c->places[i]), scales), acc, code);
  }
  if (rest == 0) return acc;
  block_bytes(numbers, hr_first_bytes(from, rest), code, &c->spread);
  return block_sums(numbers, x, _mm512_permutexvar_ps(_mm512_loadu_si512(c->places[blocks]), scales), acc, code);
}

/* Codes [at, end) of row j of w; `at` is a multiple of 16 groups. */
HR_INLINE __m512 add_row(__m512 acc, const dots_call *c, int64_t j, int64_t at, int64_t end, hr_quant_code code) {
  const hr_qmm_matrix *w = c->w;
  int codes = block_codes(code), bits = qv_bits(code), span = LANES * w->group, item = w->scale_item;
  const uint8_t *from = w->codes + (j * w->length + at) * bits / 8;
  const char *x = (const char *)(c->x + at / codes * block_floats(codes));
  const char *scales = w->scales + (j * c->groups + at / w->group) * item;
  const char *biases = w->biases ? w->biases + (j * c->groups + at / w->group) * item : NULL;
  const float *sums = c->sums + at / w->group;
  for (; at + span <= end; at += span, scales += LANES * item, sums += LANES) {
    __m512 some = hr_scales_of(scales, w->scale, 0xffff);
    acc = span == 1024 ? add_groups(acc, c, from, x, some, 1024, code) : add_groups(acc, c, from, x, some, span, code);
    from += span * bits / 8, x += span / codes * block_floats(codes) * 4;
    if (!biases) continue;
    acc = _mm512_fmadd_ps(hr_scales_of(biases, w->scale, 0xffff), _mm512_loadu_ps(sums), acc);
    biases += LANES * item;
  }
  if (at == end) return acc;
  __mmask16 valid = (__mmask16)((1 << (end - at) / w->group) - 1);
  acc = add_groups(acc, c, from, x, hr_scales_of(scales, w->scale, valid), (int)(end - at), code);
  if (biases) acc = _mm512_fmadd_ps(hr_scales_of(biases, w->scale, valid), _mm512_maskz_loadu_ps(valid, sums), acc);
  return acc;
}

/* Rows of x one after the other, by some columns: their codes stay in the first caches. */
HR_INLINE void dots_of(void *y, hr_qmm_type type, int64_t n_y, const dots_call *c, int64_t first, int64_t end, int rows,
                       hr_quant_code code) {
  int64_t length = c->w->length, row_floats = ordered_length(c->w);
  for (int64_t j0 = first; j0 < end; j0 += COLUMNS)
    for (int r = 0; r < rows; r++) {
      int columns = end - j0 < COLUMNS ? (int)(end - j0) : COLUMNS;
      __m512 sums[COLUMNS];
      dots_call one = *c;
      one.x += r * row_floats, one.sums += r * c->groups;
      for (int64_t at = 0; at < length; at += STEP)
        for (int j = 0; j < columns; j++)
          sums[j] = add_row(at ? sums[j] : _mm512_setzero_ps(), &one, j0 + j, at,
                            length - at < STEP ? length : at + STEP, code);
      for (int j = 0; j < columns; j++) hr_qmm_put(y, type, r * n_y + j0 + j, _mm512_reduce_add_ps(sums[j]));
    }
}

typedef void (*dots_fn)(void *y, hr_qmm_type type, int64_t n_y, const dots_call *c, int64_t first, int64_t end,
                        int rows);
#define DOTS(CODE)                                                                                                \
  static void dots_##CODE(void *y, hr_qmm_type type, int64_t n_y, const dots_call *c, int64_t first, int64_t end, \
                          int rows) {                                                                             \
    dots_of(y, type, n_y, c, first, end, rows, CODE);                                                             \
  }
DOTS(HR_CODE_UINT1)
DOTS(HR_CODE_UINT2)
DOTS(HR_CODE_UINT3)
DOTS(HR_CODE_UINT4)
DOTS(HR_CODE_UINT5)
DOTS(HR_CODE_UINT6)
DOTS(HR_CODE_UINT8)
DOTS(HR_CODE_E2M1)
static const dots_fn dots_table[HR_QUANT_CODES] = {
    [HR_CODE_UINT1] = dots_HR_CODE_UINT1, [HR_CODE_UINT2] = dots_HR_CODE_UINT2, [HR_CODE_UINT3] = dots_HR_CODE_UINT3,
    [HR_CODE_UINT4] = dots_HR_CODE_UINT4, [HR_CODE_UINT5] = dots_HR_CODE_UINT5, [HR_CODE_UINT6] = dots_HR_CODE_UINT6,
    [HR_CODE_UINT8] = dots_HR_CODE_UINT8, [HR_CODE_E2M1] = dots_HR_CODE_E2M1};

static void dots(void *y, hr_qmm_type type, int64_t n_y, const hr_qmm_matrix *w, int64_t first, int64_t end,
                 const float *x, const float *sums, int rows, hr_qmm_order how) {
  int codes = block_codes(w->code);
  dots_call c = {.w = w, .groups = w->length / w->group, .x = x, .sums = sums, .spread = hr_spread_of(w->bits)};
  int32_t places[PLACES_MAX][LANES];
  (void)how;
  c.places = places;
  for (int i = 0; i * codes < LANES * w->group; i++)
    for (int lane = 0; lane < LANES; lane++) places[i][lane] = (i * codes + lane * (codes / LANES)) / w->group;
  dots_table[w->code](y, type, n_y, &c, first, end, rows);
}

const hr_qmm_kernels HR_NAME(hr_qmm) = {.ordered_length = ordered_length, .order = order, .dots = dots};
