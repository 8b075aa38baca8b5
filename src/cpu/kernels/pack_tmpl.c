/* Panels for matrix products. */
/* hr-dtypes: f32 f64 f16 bf16 c64 */
#include "cpu/kernels/elem.h"
#include "cpu/kernels/gemm.h"

#if HR_ELEM_IS_COMPLEX
/* Row i of A: (re, im) along k. */
static void pack_a(void *panel, const void *from, int64_t k, int width, int count, int64_t across, int64_t along) {
  float *to = panel;
  const float *in = from;
  for (int64_t p = 0; p < k; p++, to += 2 * width)
    for (int i = 0; i < width; i++) {
      const float *z = in + 2 * (i * across + p * along);
      to[i] = i < count ? z[0] : 0, to[width + i] = i < count ? z[1] : 0;
    }
}

static void pack_b(void *panel, const void *from, int64_t k, int width, int count, int64_t across, int64_t along) {
  float *to = panel;
  const float *in = from;
  for (int64_t p = 0; p < k; p++, to += 2 * width)
    for (int j = 0; j < width / 2; j++) {
      const float *z = in + 2 * (j * across + p * along);
      float re = j < count ? z[0] : 0, im = j < count ? z[1] : 0;
      to[2 * j] = re, to[2 * j + 1] = im;
      to[width + 2 * j] = -im, to[width + 2 * j + 1] = re;
    }
}

const hr_pack_kernels HR_NAME(hr_pack) = {.a = pack_a, .b = pack_b};
#else
#define VECTOR_BYTES (HR_ISA_LEVEL == 2 ? 64 : HR_ISA_LEVEL == 1 ? 32 : 16)
#define LANES        (VECTOR_BYTES / (HR_ELEM_CODE == HR_CODE_f64 ? 8 : 4))
enum { WHOLE = 2 * LANES, ROWS_AHEAD = 8 };

/* Rows of the panel lie together in memory. */
static void pack_rows(hr_accum *to, const hr_elem *in, int64_t k, int width, int count, int64_t along) {
  for (int64_t p = 0; p < k; p++, to += width, in += along) {
    for (int j = 0; j < count; j++) to[j] = hr_elem_load(in + j);
    for (int j = count; j < width; j++) to[j] = 0;
  }
}

/* The same for a whole panel of B. Each row is in a page of its own: it has to be fetched ahead. */
static void pack_whole_rows(hr_accum *to, const hr_elem *in, int64_t k, int width, int64_t along) {
  for (int64_t p = 0; p < k; p++, in += along)
    for (int at = 0; at < width; at += WHOLE, to += WHOLE) {
      __builtin_prefetch(in + ROWS_AHEAD * along + at);
      __builtin_prefetch(in + ROWS_AHEAD * along + at + WHOLE - 1);
      for (int j = 0; j < WHOLE; j++) to[j] = hr_elem_load(in + at + j);
    }
}

/* Rows that lie apart are turned over in registers, a square of LANES by LANES elements at a time: in the stage of s
 * the rows i and i + s exchange blocks of s elements. */
typedef hr_accum vector __attribute__((vector_size(VECTOR_BYTES)));

#if LANES == 16
#define EACH_LANE(P, s)                                                                                         \
  P(0, s), P(1, s), P(2, s), P(3, s), P(4, s), P(5, s), P(6, s), P(7, s), P(8, s), P(9, s), P(10, s), P(11, s), \
      P(12, s), P(13, s), P(14, s), P(15, s)
#elif LANES == 8
#define EACH_LANE(P, s) P(0, s), P(1, s), P(2, s), P(3, s), P(4, s), P(5, s), P(6, s), P(7, s)
#elif LANES == 4
#define EACH_LANE(P, s) P(0, s), P(1, s), P(2, s), P(3, s)
#else
#define EACH_LANE(P, s) P(0, s), P(1, s)
#endif
/* Which of the 2 LANES elements of rows i and i + s belongs at lane j of row i, and of row i + s. */
#define UPPER(j, s) ((j) & (s) ? LANES + (j) - (s) : (j))
#define LOWER(j, s) ((j) & (s) ? LANES + (j) : (j) + (s))
#define STAGE(s)                                                        \
  for (int i = 0; i < LANES; i++) {                                     \
    if (i & (s)) continue;                                              \
    vector a = rows[i], b = rows[i + (s)];                              \
    rows[i] = __builtin_shufflevector(a, b, EACH_LANE(UPPER, s));       \
    rows[i + (s)] = __builtin_shufflevector(a, b, EACH_LANE(LOWER, s)); \
  }

static inline void turn(vector *rows) {
  STAGE(1)
#if LANES >= 4
  STAGE(2)
#endif
#if LANES >= 8
  STAGE(4)
#endif
#if LANES >= 16
  STAGE(8)
#endif
}

/* to[q * width + j] = in[j * across + q] for j < count (0 for the rest), q < LANES. Stores are whole vectors: those
 * that reach behind the panel's width are overwritten by what is stored after them; the panel's very last row is
 * exact. */
static inline void pack_square(hr_accum *to, const hr_elem *in, int left, int width, int count, int64_t across,
                               int last) {
  vector rows[LANES];
  for (int j = 0; j < LANES; j++) {
    hr_accum row[LANES] = {0};
    if (j < count)
      for (int q = 0; q < LANES; q++) row[q] = hr_elem_load(in + j * across + q);
    memcpy(&rows[j], row, sizeof rows[j]);
  }
  turn(rows);
  for (int q = 0; q < LANES - 1; q++) memcpy(to + q * width, &rows[q], sizeof rows[q]);
  if (last && left < LANES)
    memcpy(to + (LANES - 1) * width, &rows[LANES - 1], (size_t)left * sizeof(hr_accum));
  else
    memcpy(to + (LANES - 1) * width, &rows[LANES - 1], sizeof rows[0]);
}

static void pack_one(hr_accum *to, const hr_elem *in, int width, int count, int64_t across) {
  for (int j = 0; j < width; j++) to[j] = j < count ? hr_elem_load(in + j * across) : 0;
}

static void pack(void *panel, const void *from, int64_t k, int width, int count, int64_t across, int64_t along) {
  hr_accum *to = panel;
  const hr_elem *in = from;
  int64_t p = 0;
  if (across == 1) {
    if (width % WHOLE == 0 && count == width)
      pack_whole_rows(to, in, k, width, along);
    else
      pack_rows(to, in, k, width, count, along);
    return;
  }
  if (along == 1 && LANES <= 2 * width) /* else the stores before the last would reach behind the panel */
    for (; p + LANES <= k; p += LANES)
      for (int j = (width - 1) / LANES * LANES; j >= 0; j -= LANES)
        pack_square(to + p * width + j, in + j * across + p, width - j, width, count - j, across, p + LANES == k);
  for (; p < k; p++) pack_one(to + p * width, in + p * along, width, count, across);
}

static void add(void *to, const void *from, int64_t count) {
  hr_accum *restrict sums = to;
  const hr_accum *restrict terms = from;
  for (int64_t i = 0; i < count; i++) sums[i] += terms[i];
}

#if HR_ELEM_IS_HALF
static void store(void *to, const float *from, int64_t count) {
  hr_elem *out = to;
  for (int64_t i = 0; i < count; i++) hr_elem_store(out + i, from[i]);
}
const hr_pack_kernels HR_NAME(hr_pack) = {.a = pack, .b = pack, .store = store, .add = add};
#else
static inline void blend_rows(hr_elem *restrict c, int64_t c_row, const hr_elem *restrict d, int64_t d_row,
                              int64_t step, int64_t rows, int64_t count, hr_elem alpha, hr_elem beta) {
  for (; rows > 0; rows--, c += c_row, d += d_row)
    for (int64_t j = 0; j < count; j++) {
      hr_elem product = alpha * c[j], term = beta * d[j * step];
      c[j] = product + term;
    }
}

static void blend(void *c, int64_t c_row, const void *d, int64_t d_row, int64_t step, int64_t rows, int64_t count,
                  double alpha, double beta) {
  if (step == 1)
    blend_rows(c, c_row, d, d_row, 1, rows, count, (hr_elem)alpha, (hr_elem)beta);
  else if (step == 0)
    blend_rows(c, c_row, d, d_row, 0, rows, count, (hr_elem)alpha, (hr_elem)beta);
  else
    blend_rows(c, c_row, d, d_row, step, rows, count, (hr_elem)alpha, (hr_elem)beta);
}
const hr_pack_kernels HR_NAME(hr_pack) = {.a = pack, .b = pack, .add = add, .blend = blend};
#endif
#endif
