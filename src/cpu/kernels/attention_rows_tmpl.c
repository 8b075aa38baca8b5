/* src/cpu/kernels/attention_rows_tmpl.c - see attention.h. */
/* hr-dtypes: f16 f32 f64 bf16 */
#include <float.h>

#include "cpu/kernels/attention.h"
#include "cpu/kernels/elem.h"
#include "cpu/kernels/vec.h"

#define LEAST (HR_ELEM_CODE == HR_CODE_f64 ? (hr_accum)-DBL_MAX : (hr_accum)-FLT_MAX)

enum { LANES = HR_ATTENTION_PAD, VECTORS = LANES / HR_VEC_LANES, ROWS_AHEAD = 16, LINE = 64 };

static void mask(void *scores, const uint8_t *mask, int64_t stride, int64_t n) {
  hr_accum *s = scores;
  if (stride == 1) {
    HR_VECTOR_LOOP for (int64_t j = 0; j < n; j++) s[j] = mask[j] ? s[j] : LEAST;
  } else {
    for (int64_t j = 0; j < n; j++) s[j] = mask[j * stride] ? s[j] : LEAST;
  }
}

static void add(void *scores, const void *mask, int64_t stride, int64_t n) {
  hr_accum *s = scores;
  const hr_elem *m = mask;
  if (stride == 1) {
    HR_VECTOR_LOOP for (int64_t j = 0; j < n; j++) s[j] += hr_elem_load(m + j);
  } else {
    for (int64_t j = 0; j < n; j++) s[j] += hr_elem_load(m + j * stride);
  }
}

static void divide(void *out, const void *x, int64_t n, double by) {
  const hr_accum *from = x, divisor = (hr_accum)by;
  hr_elem *to = out;
  HR_VECTOR_LOOP for (int64_t i = 0; i < n; i++) hr_elem_store(to + i, from[i] / divisor);
}

/* One vector of elements, of which the last ones are 0 where fewer than that are left. */
HR_INLINE hr_vec load(const hr_elem *x, int64_t left) {
#if !HR_ELEM_IS_HALF
  if (left >= HR_VEC_LANES) return hr_vec_load(x);
#endif
  hr_accum wide[HR_VEC_LANES];
  if (left >= HR_VEC_LANES) {
    for (int i = 0; i < HR_VEC_LANES; i++) wide[i] = hr_elem_load(x + i);
  } else {
    for (int i = 0; i < HR_VEC_LANES; i++) wide[i] = i < left ? hr_elem_load(x + i) : 0;
  }
  return hr_vec_load(wide);
}

/* The sums of the lanes of one key, down to a vector. */
HR_INLINE hr_vec dot(const hr_elem *k, const hr_accum *q, int64_t depth) {
  hr_vec part[VECTORS];
  for (int i = 0; i < VECTORS; i++) part[i] = hr_vec_set(0);
  for (; depth >= LANES; depth -= LANES, k += LANES, q += LANES)
    for (int i = 0; i < VECTORS; i++)
      part[i] = hr_vec_fma(load(k + i * HR_VEC_LANES, HR_VEC_LANES), hr_vec_load(q + i * HR_VEC_LANES), part[i]);
  for (int i = 0; i < VECTORS; i++) {
    int64_t left = depth - i * HR_VEC_LANES;
    if (left > 0) part[i] = hr_vec_fma(load(k + i * HR_VEC_LANES, left), hr_vec_load(q + i * HR_VEC_LANES), part[i]);
  }
  for (int half = VECTORS / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++) part[i] = hr_vec_add(part[i], part[i + half]);
  return part[0];
}

/* Sums of HR_VEC_LANES vectors' lanes at once: the stage of s adds lanes j and j + s of rows i and i + s, and leaves
 * them in lanes j and j + s of row i. Lane j of row 0 is the sum of row j then, made in the same order as by halves. */
#if HR_ISA_LEVEL == 2 && HR_VEC_IS_F32
#define EACH_LANE(P, s)                                                                                         \
  P(0, s), P(1, s), P(2, s), P(3, s), P(4, s), P(5, s), P(6, s), P(7, s), P(8, s), P(9, s), P(10, s), P(11, s), \
      P(12, s), P(13, s), P(14, s), P(15, s)
#elif HR_ISA_LEVEL == 2 || (HR_ISA_LEVEL == 1 && HR_VEC_IS_F32)
#define EACH_LANE(P, s) P(0, s), P(1, s), P(2, s), P(3, s), P(4, s), P(5, s), P(6, s), P(7, s)
#elif HR_ISA_LEVEL == 1 || HR_VEC_IS_F32
#define EACH_LANE(P, s) P(0, s), P(1, s), P(2, s), P(3, s)
#else
#define EACH_LANE(P, s) P(0, s), P(1, s)
#endif
#define UPPER(j, s) ((j) & (s) ? HR_VEC_LANES + (j) - (s) : (j))
#define LOWER(j, s) ((j) & (s) ? HR_VEC_LANES + (j) : (j) + (s))
#define STAGE(s)                                                                         \
  for (int i = 0; i < (s) && (s) < HR_VEC_LANES; i++) {                                  \
    hr_vec upper = __builtin_shufflevector(rows[i], rows[i + (s)], EACH_LANE(UPPER, s)); \
    hr_vec lower = __builtin_shufflevector(rows[i], rows[i + (s)], EACH_LANE(LOWER, s)); \
    rows[i] = hr_vec_add(upper, lower);                                                  \
  }

HR_INLINE hr_vec sums_of_lanes(hr_vec *rows) {
#if HR_ISA_LEVEL == 2 && HR_VEC_IS_F32
  STAGE(8)
#endif
#if HR_ISA_LEVEL == 2 || (HR_ISA_LEVEL == 1 && HR_VEC_IS_F32)
  STAGE(4)
#endif
#if HR_ISA_LEVEL >= 1 || HR_VEC_IS_F32
  STAGE(2)
#endif
  STAGE(1)
  return rows[0];
}

/* Rows may lie in pages of their own. */
HR_INLINE void fetch(const hr_elem *row, int64_t ld, int64_t depth) {
  const char *ahead = (const char *)(row + ROWS_AHEAD * ld);
  for (int64_t b = 0; b < depth * (int64_t)sizeof *row; b += LINE) __builtin_prefetch(ahead + b);
}

static void dots(void *scores, const void *k, int64_t ld, int64_t keys, const void *q, int64_t depth) {
  const hr_elem *row = k;
  hr_accum *s = scores;
  for (; keys >= HR_VEC_LANES; keys -= HR_VEC_LANES, s += HR_VEC_LANES) {
    hr_vec parts[HR_VEC_LANES];
    for (int i = 0; i < HR_VEC_LANES; i++, row += ld) {
      fetch(row, ld, depth);
      parts[i] = dot(row, q, depth);
    }
    hr_vec_store(s, sums_of_lanes(parts));
  }
  for (; keys > 0; keys--, row += ld, s++) {
    hr_accum lanes[HR_VEC_LANES];
    hr_vec_store(lanes, dot(row, q, depth));
    for (int half = HR_VEC_LANES / 2; half > 0; half /= 2)
      for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
    *s = lanes[0];
  }
}

/* Up to LANES places side by side, their sums in registers. */
HR_INLINE void sums_of(hr_accum *out, const hr_elem *v, int64_t ld, int64_t keys, const hr_accum *p, int64_t depth) {
  hr_vec sum[VECTORS];
  for (int i = 0; i < VECTORS; i++) sum[i] = hr_vec_set(0);
  for (int64_t j = 0; j < keys; j++, v += ld) {
    hr_vec factor = hr_vec_set(p[j]);
    fetch(v, ld, depth);
    for (int i = 0; i < VECTORS; i++) {
      int64_t left = depth - i * HR_VEC_LANES;
      if (left > 0) sum[i] = hr_vec_fma(load(v + i * HR_VEC_LANES, left), factor, sum[i]);
    }
  }
  hr_accum all[LANES];
  for (int i = 0; i < VECTORS; i++) hr_vec_store(all + i * HR_VEC_LANES, sum[i]);
  for (int64_t i = 0; i < depth; i++) out[i] += all[i];
}

static void sums(void *out, const void *v, int64_t ld, int64_t keys, const void *p, int64_t depth) {
  hr_accum *to = out;
  const hr_elem *from = v;
  for (; depth >= LANES; depth -= LANES, to += LANES, from += LANES) sums_of(to, from, ld, keys, p, LANES);
  if (depth > 0) sums_of(to, from, ld, keys, p, depth);
}

const hr_attention_rows HR_NAME(hr_attention_rows) = {
    .mask = mask, .add = add, .divide = divide, .dots = dots, .sums = sums};
