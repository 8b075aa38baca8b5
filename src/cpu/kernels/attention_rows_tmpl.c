/* src/cpu/kernels/attention_rows_tmpl.c - see attention.h. */
/* hr-dtypes: f16 f32 f64 bf16 */
#include <float.h>

#include "cpu/kernels/attention.h"
#include "cpu/kernels/elem.h"
#include "cpu/kernels/vec.h"

#define LEAST (HR_ELEM_CODE == HR_CODE_f64 ? (hr_accum)-DBL_MAX : (hr_accum)-FLT_MAX)

enum { LANES = HR_ATTENTION_PAD, VECTORS = LANES / HR_VEC_LANES };

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

static void dots(void *scores, const void *k, int64_t ld, int64_t keys, const void *q, int64_t depth) {
  const hr_elem *row = k;
  hr_accum *s = scores;
  for (int64_t j = 0; j < keys; j++, row += ld) {
    hr_accum lanes[HR_VEC_LANES];
    hr_vec_store(lanes, dot(row, q, depth));
    for (int half = HR_VEC_LANES / 2; half > 0; half /= 2)
      for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
    s[j] = lanes[0];
  }
}

/* Up to LANES places side by side, their sums in registers. */
HR_INLINE void sums_of(hr_accum *out, const hr_elem *v, int64_t ld, int64_t keys, const hr_accum *p, int64_t depth) {
  hr_vec sum[VECTORS];
  for (int i = 0; i < VECTORS; i++) sum[i] = hr_vec_set(0);
  for (int64_t j = 0; j < keys; j++, v += ld) {
    hr_vec factor = hr_vec_set(p[j]);
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
