/* See qmm.h. */
#include "cpu/kernels/qmm.h"

#include <stdbool.h>

#include "cpu/kernels/qmm_out.h"
#include "cpu/kernels/quant_vec.h"

extern const hr_unpack_kernels HR_NAME(hr_unpack);

/* Elements along k that are taken in for all columns of a block before the next ones: their x stays in L1. Multiples of
 * the longest vector of codes, 512 elements (of one bit). */
enum { STEP = 4096, SCALES = STEP / 16 + 16, AHEAD = 1024 };

HR_INLINE int whole_words(hr_quant_code code) { return 32 % qv_bits(code) == 0; }
/* Elements that one vector of words holds, or one run of codes. */
HR_INLINE int block_of(hr_quant_code code) { return whole_words(code) ? QV_LANES * (32 / qv_bits(code)) : QV_LANES; }

static int64_t ordered_length(const hr_qmm_matrix *w) {
  int block = block_of(w->code);
  return (w->length + block - 1) / block * block;
}

/* Sums of the groups of a row. */
static void group_sums(float *sums, const float *x, const hr_qmm_matrix *w) {
  for (int64_t g = 0; g < w->length / w->group; g++, x += w->group) {
    float part[16] = {0};
    for (int i = 0; i < w->group; i += 16)
      for (int k = 0; k < 16; k++) part[k] += x[i + k];
    for (int half = 8; half > 0; half /= 2)
      for (int k = 0; k < half; k++) part[k] += part[k + half];
    sums[g] = part[0];
  }
}

#if HR_ISA_LEVEL >= 1
/* The ordered form of a block of x, HR_QMM_FIXED: bytes of the elements with even numbers, then the others. */
typedef struct fixed_block {
  int8_t high[8 * QV_LANES], low[8 * QV_LANES];
  float scales[QV_LANES]; /* of the 8 elements of a word */
} fixed_block;
_Static_assert(sizeof(fixed_block) <= 8 * QV_LANES * sizeof(float), "fits the place of the floats");

/* x = scale * (256 high + low) with a power of two: the largest is 2^13 to 2^14 of it. Infinity and NaN make the scale
 * NaN, and so every result. */
static void fix_word(fixed_block *to, int lane, const float *x) {
  uint32_t most = 0;
  for (int k = 0; k < 8; k++) {
    uint32_t size = hr_bits_f32(x[k]) & 0x7fffffffu;
    most = size > most ? size : most;
  }
  int exponent = (int)(most >> 23) - 127 - 13;
  float raised = exponent < -113 ? 0x1p64f : 1; /* tiny numbers: the inverse of their scale would overflow */
  float inverse = hr_f32_bits((uint32_t)(127 - exponent - (raised > 1 ? 64 : 0)) << 23);
  for (int k = 0; k < 8; k++) {
    int whole = most >= 0x7f800000u ? 0 : (int)rintf(x[k] * raised * inverse), low = (int8_t)whole;
    int at = k % 2 * 4 * QV_LANES + 4 * lane + k / 2;
    to->low[at] = (int8_t)low, to->high[at] = (int8_t)((whole - low) / 256);
  }
  to->scales[lane] = most >= 0x7f800000u ? NAN : ldexpf(1, exponent);
}

static void order_fixed(float *to, const float *x, int64_t length) {
  for (int64_t at = 0; at < length; at += 8 * QV_LANES, to += 8 * QV_LANES) {
    fixed_block block = {.scales = {0}};
    for (int i = 0; i < QV_LANES && at + 8 * i < length; i++) fix_word(&block, i, x + at + 8 * i);
    memcpy(to, &block, sizeof block);
  }
}
#endif

static void order(float *to, float *sums, const float *x, const hr_qmm_matrix *w, hr_qmm_order how) {
  int block = block_of(w->code), per = block / QV_LANES;
  group_sums(sums, x, w);
#if HR_ISA_LEVEL >= 1
  if (how == HR_QMM_FIXED) {
    order_fixed(to, x, w->length);
    return;
  }
#endif
  (void)how;
  for (int64_t at = 0; at < w->length; at += block, to += block)
    for (int i = 0; i < QV_LANES; i++)
      for (int k = 0; k < per; k++) to[k * QV_LANES + i] = at + i * per + k < w->length ? x[at + i * per + k] : 0;
}

/* acc[r] += scale * the sum of a vector of words. */
HR_INLINE void add_words(qv_float *acc, qv_code words, const float *x, int64_t ldx, qv_float scale, hr_quant_code code,
                         int rows, hr_qmm_order how) {
  qv_float part[HR_QMM_ROWS];
  int bits = qv_bits(code);
#if HR_ISA_LEVEL >= 1
  for (int r = 0; how == HR_QMM_FIXED && r < rows; r++) {
    const fixed_block *block = (const void *)(x + r * ldx);
    acc[r] = qv_fma(qv_mul(scale, qv_load(block->scales)), qv_dot_fixed(words, block->high, block->low), acc[r]);
  }
#endif
  if (how == HR_QMM_FIXED) return;
  const int values = 32 / bits; /* of a word */
#pragma GCC unroll 8
  for (int r = 0; r < rows; r++) part[r] = qv_set(0);
#pragma GCC unroll 32
  for (int k = 0; k < values; k++) {
    qv_float v = qv_value(k ? qv_shift(words, k * bits) : words, code);
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) part[r] = qv_fma(v, qv_load(x + r * ldx + k * QV_LANES), part[r]);
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; r++) acc[r] = qv_fma(scale, part[r], acc[r]);
}

/* `count` elements of a row of w, at most STEP, from the start of a group on; `scales` are theirs, with zeros behind
 * the last. */
HR_INLINE void add_row_of_words(qv_float *acc, const uint8_t *codes, int64_t count, const float *scales, int group,
                                const float *x, int64_t ldx, hr_quant_code code, int rows, hr_qmm_order how) {
  int per = 32 / qv_bits(code), block = QV_LANES * per, repeat = group / per;
  bool single = repeat >= QV_LANES; /* the lanes have one scale; else a vector of scales lasts for `repeat` blocks */
  int64_t span = single ? group : (int64_t)block * repeat;
  uint8_t rest[4 * QV_LANES] = {0};
  for (int64_t start = 0; start < count; start += span) {
    qv_float some = single ? qv_set(scales[start / group]) : qv_load(scales + start / group);
    qv_code lanes = qv_lanes(single ? 1 : repeat);
    for (int64_t at = start; at < start + span && at < count; at += block, codes += 4 * QV_LANES) {
      const uint8_t *words = codes;
      if (at + block > count) words = memcpy(rest, codes, (size_t)((count - at) / per * 4));
      __builtin_prefetch(codes + AHEAD);
      qv_float scale = single ? some : qv_pick(some, lanes);
      add_words(acc, qv_words(words), x + at, ldx, scale, code, rows, how);
      lanes = qv_add(lanes, single ? 0 : QV_LANES / repeat);
    }
  }
}

/* The same for codes that cross words. Each load reads 16 bytes: near the row's end they come from a copy. */
HR_INLINE void add_row_of_runs(qv_float *acc, const uint8_t *codes, int64_t count, const float *scales, int group,
                               const float *x, int64_t ldx, hr_quant_code code, int rows) {
  int bits = qv_bits(code), bytes = QV_LANES * bits / 8;
  int64_t safe = count / QV_LANES * bytes - 16;
  for (int64_t at = 0, from = 0; at < count; at += group) {
    qv_float part[HR_QMM_ROWS];
    __builtin_prefetch(codes + from + AHEAD);
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) part[r] = qv_set(0);
    for (int i = 0; i < group; i += QV_LANES, from += bytes) {
      uint8_t rest[16] = {0};
      if (from > safe) memcpy(rest, codes + from, (size_t)bytes);
      qv_float v = qv_value(qv_run(from > safe ? rest : codes + from, bits), code);
#pragma GCC unroll 8
      for (int r = 0; r < rows; r++) part[r] = qv_fma(v, qv_load(x + r * ldx + at + i), part[r]);
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) acc[r] = qv_fma(qv_set(scales[at / group]), part[r], acc[r]);
  }
}

/* Floats of the groups' scales, and zeros up to a whole vector behind them. */
static void load_scales(float *to, const char *from, const hr_qmm_matrix *w, int64_t group, int64_t count) {
  HR_NAME(hr_unpack).scales[w->scale](to, from + group * w->scale_item, count);
  for (int i = 0; i < QV_LANES; i++) to[count + i] = 0;
}

/* Biases of a row times the sums of x, whose rows are not padded. */
HR_INLINE void add_biases(qv_float *acc, const float *biases, const float *sums, int64_t lds, int64_t count, int rows) {
  int64_t g = 0;
  for (; g + QV_LANES <= count; g += QV_LANES)
    for (int r = 0; r < rows; r++) acc[r] = qv_fma(qv_load(biases + g), qv_load(sums + r * lds + g), acc[r]);
  if (g == count) return;
  for (int r = 0; r < rows; r++) {
    float rest[QV_LANES] = {0};
    for (int i = 0; g + i < count; i++) rest[i] = sums[r * lds + g + i];
    acc[r] = qv_fma(qv_load(biases + g), qv_load(rest), acc[r]);
  }
}

typedef struct dots_call {
  void *y;
  hr_qmm_type type;
  int64_t n_y;
  const hr_qmm_matrix *w;
  const float *x, *sums;
} dots_call;

/* Row j of w, elements [at, at + count). */
HR_INLINE void add_row(qv_float *acc, const dots_call *c, int64_t j, int64_t at, int64_t count, hr_quant_code code,
                       int rows, hr_qmm_order how) {
  const hr_qmm_matrix *w = c->w;
  float scales[SCALES];
  int64_t groups = w->length / w->group, g = at / w->group, ldx = ordered_length(w);
  const uint8_t *codes = w->codes + (j * w->length + at) * w->bits / 8;
  load_scales(scales, w->scales, w, j * groups + g, count / w->group);
  if (whole_words(code))
    add_row_of_words(acc, codes, count, scales, w->group, c->x + at, ldx, code, rows, how);
  else
    add_row_of_runs(acc, codes, count, scales, w->group, c->x + at, ldx, code, rows);
  if (!w->biases) return;
  load_scales(scales, w->biases, w, j * groups + g, count / w->group);
  add_biases(acc, scales, c->sums + g, groups, count / w->group, rows);
}

HR_INLINE void dots_of(const dots_call *c, int64_t first, int64_t end, hr_quant_code code, int rows, hr_qmm_order how) {
  int64_t length = c->w->length, step = rows <= 2 ? STEP : rows == 4 ? STEP / 2 : STEP / 4;
  for (int64_t j0 = first; j0 < end; j0 += HR_QMM_COLUMNS) {
    int columns = end - j0 < HR_QMM_COLUMNS ? (int)(end - j0) : HR_QMM_COLUMNS;
    qv_float sums[HR_QMM_COLUMNS][HR_QMM_ROWS];
    for (int64_t at = 0; at == 0 || at < length; at += step)
      for (int j = 0; j < columns; j++) {
        qv_float acc[HR_QMM_ROWS];
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) acc[r] = at ? sums[j][r] : qv_set(0);
        add_row(acc, c, j0 + j, at, length - at < step ? length - at : step, code, rows, how);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) sums[j][r] = acc[r];
      }
    for (int j = 0; j < columns; j++)
      for (int r = 0; r < rows; r++) hr_qmm_put(c->y, c->type, r * c->n_y + j0 + j, qv_sum(sums[j][r]));
  }
}

/* A function for each kind of code and 1, 2, 4 or 8 rows of x; at the lowest of several levels, which few processors
 * come to, 1 or 4: the others would be 160 of its 260 KB. */
#if HR_ISA_LEVEL == 0 && HR_ISA_COUNT > 1
static const int row_counts[] = {1, 4};
#define DOTS_EACH(CODE) DOTS(CODE, 1) DOTS(CODE, 4)
#define DOTS_ROW(CODE)  [CODE] = {dots_##CODE##_1, dots_##CODE##_4}
#else
static const int row_counts[] = {1, 2, 4, 8};
#define DOTS_EACH(CODE) DOTS(CODE, 1) DOTS(CODE, 2) DOTS(CODE, 4) DOTS(CODE, 8)
#define DOTS_ROW(CODE)  [CODE] = {dots_##CODE##_1, dots_##CODE##_2, dots_##CODE##_4, dots_##CODE##_8}
#endif
enum { ROW_COUNTS = sizeof row_counts / sizeof row_counts[0] };
typedef void (*dots_fn)(const dots_call *c, int64_t first, int64_t end);
#define DOTS(CODE, ROWS)                                                             \
  static void dots_##CODE##_##ROWS(const dots_call *c, int64_t first, int64_t end) { \
    dots_of(c, first, end, CODE, ROWS, HR_QMM_FLOAT);                                \
  }
DOTS_EACH(HR_CODE_UINT1)
DOTS_EACH(HR_CODE_UINT2)
DOTS_EACH(HR_CODE_UINT3)
DOTS_EACH(HR_CODE_UINT4)
DOTS_EACH(HR_CODE_UINT5)
DOTS_EACH(HR_CODE_UINT6)
DOTS_EACH(HR_CODE_UINT8)
DOTS_EACH(HR_CODE_E2M1)
DOTS_EACH(HR_CODE_E4M3)
static const dots_fn dots_table[HR_QUANT_CODES][ROW_COUNTS] = {
    DOTS_ROW(HR_CODE_UINT1), DOTS_ROW(HR_CODE_UINT2), DOTS_ROW(HR_CODE_UINT3),
    DOTS_ROW(HR_CODE_UINT4), DOTS_ROW(HR_CODE_UINT5), DOTS_ROW(HR_CODE_UINT6),
    DOTS_ROW(HR_CODE_UINT8), DOTS_ROW(HR_CODE_E2M1),  DOTS_ROW(HR_CODE_E4M3)};

#if HR_ISA_LEVEL >= 1
static void dots_fixed_1(const dots_call *c, int64_t first, int64_t end) {
  dots_of(c, first, end, HR_CODE_UINT4, 1, HR_QMM_FIXED);
}
static void dots_fixed_2(const dots_call *c, int64_t first, int64_t end) {
  dots_of(c, first, end, HR_CODE_UINT4, 2, HR_QMM_FIXED);
}
#endif

/* Rows are taken as many at a time as there is a function for. */
static void dots(void *y, hr_qmm_type type, int64_t n_y, const hr_qmm_matrix *w, int64_t first, int64_t end,
                 const float *x, const float *sums, int rows, hr_qmm_order how) {
#if HR_ISA_LEVEL >= 1
  if (how == HR_QMM_FIXED) {
    dots_call c = {y, type, n_y, w, x, sums};
    (rows == 1 ? dots_fixed_1 : dots_fixed_2)(&c, first, end);
    return;
  }
#endif
  (void)how;
  int64_t item = type == HR_QMM_F32 ? 4 : 2, ldx = ordered_length(w), lds = w->length / w->group;
  for (int k = ROW_COUNTS - 1, r = 0; r < rows; r += row_counts[k]) {
    while (rows - r < row_counts[k]) k--;
    dots_call c = {(char *)y + r * n_y * item, type, n_y, w, x + r * ldx, sums + r * lds};
    dots_table[w->code][k](&c, first, end);
  }
}

static void piece(float *to, const hr_qmm_matrix *w, int64_t row, int64_t first, int count) {
  float scale[HR_QMM_PIECE / 16], bias[HR_QMM_PIECE / 16] = {0};
  int64_t g = row * (w->length / w->group) + first / w->group;
  int run = w->group < count ? w->group : count, groups = count / run;
  HR_NAME(hr_unpack).codes[w->code](to, w->codes + (row * w->length + first) * w->bits / 8, count);
  HR_NAME(hr_unpack).scales[w->scale](scale, w->scales + g * w->scale_item, groups);
  if (w->biases) HR_NAME(hr_unpack).scales[w->scale](bias, w->biases + g * w->scale_item, groups);
  for (int k = 0; k < groups; k++, to += run)
    for (int i = 0; i < run; i++) to[i] = hr_fmaf(to[i], scale[k], bias[k]);
}

static void sums(void *y, hr_qmm_type type, int64_t n_y, const hr_qmm_matrix *w, int64_t first, int64_t end,
                 const float *x, int64_t k, int rows) {
  float v[HR_QMM_PIECE], acc[HR_QMM_ROWS][HR_QMM_PIECE];
  for (int64_t at = first; at < end; at += HR_QMM_PIECE) {
    int count = end - at < HR_QMM_PIECE ? (int)(end - at) : HR_QMM_PIECE;
    memset(acc, 0, sizeof acc);
    for (int64_t p = 0; p < k; p++) {
      piece(v, w, p, at, count);
      for (int r = 0; r < rows; r++)
        for (int i = 0; i < count; i++) acc[r][i] = hr_fmaf(x[r * k + p], v[i], acc[r][i]);
    }
    for (int r = 0; r < rows; r++)
      for (int i = 0; i < count; i++) hr_qmm_put(y, type, r * n_y + at + i, acc[r][i]);
  }
}

const hr_qmm_kernels HR_NAME(hr_qmm) = {.fixed = HR_ISA_LEVEL >= 1,
                                        .ordered_length = ordered_length,
                                        .order = order,
                                        .dots = dots,
                                        .sums = sums,
                                        .piece = piece};
