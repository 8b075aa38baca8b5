/* src/cpu/kernels/norm_tmpl.c - see norm.h. */
/* hr-dtypes: f16 f32 f64 bf16 */
#include "cpu/kernels/norm.h"

#include <stdbool.h>
#include <stddef.h>

#include "cpu/kernels/elem.h"
#include "cpu/kernels/vec.h"

enum { LANES = 64, VECTORS = LANES / HR_VEC_LANES, RUN = 8192, AHEAD = 4096 /* bytes */ };

#if HR_ELEM_CODE == HR_CODE_f64
#define FUSED hr_fma
#define ROOT  __builtin_sqrt
#else
#define FUSED hr_fmaf
#define ROOT  __builtin_sqrtf
#endif

/* One element for each lane. */
HR_INLINE void load_lanes(hr_vec *v, const hr_elem *x) {
#if HR_ELEM_IS_HALF
  hr_accum wide[LANES];
  for (int k = 0; k < LANES; k++) wide[k] = hr_elem_load(x + k);
  for (int i = 0; i < VECTORS; i++) v[i] = hr_vec_load(wide + i * HR_VEC_LANES);
#else
  for (int i = 0; i < VECTORS; i++) v[i] = hr_vec_load(x + i * HR_VEC_LANES);
#endif
}

HR_INLINE void store_lanes(hr_elem *out, const hr_vec *v, bool stream) {
#if HR_ELEM_IS_HALF
  hr_accum wide[LANES];
  (void)stream;
  for (int i = 0; i < VECTORS; i++) hr_vec_store(wide + i * HR_VEC_LANES, v[i]);
  for (int k = 0; k < LANES; k++) hr_elem_store(out + k, wide[k]);
#else
  for (int i = 0; i < VECTORS; i++) {
    if (stream)
      hr_vec_stream(out + i * HR_VEC_LANES, v[i]);
    else
      hr_vec_store(out + i * HR_VEC_LANES, v[i]);
  }
#endif
}

/* --- sums --- */

typedef struct sums {
  hr_accum first, squares; /* of x - shift */
} sums;

HR_INLINE hr_accum fold(hr_accum *lanes) {
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int k = 0; k < half; k++) lanes[k] += lanes[k + half];
  return lanes[0];
}

/* Adds a run to the lanes. `centred`: else shift is 0 and the first sum is not wanted. */
HR_INLINE void add_run(hr_accum *first, hr_accum *squares, const hr_elem *x, int64_t n, hr_accum shift, bool centred) {
  hr_vec one[VECTORS], two[VECTORS], v[VECTORS], back = hr_vec_set(-shift);
  for (int i = 0; i < VECTORS; i++) one[i] = two[i] = hr_vec_set(0);
  for (; n >= LANES; n -= LANES, x += LANES) {
    for (size_t b = 0; b < LANES * sizeof *x; b += 64) __builtin_prefetch((const char *)x + AHEAD + b);
    load_lanes(v, x);
    for (int i = 0; i < VECTORS; i++) {
      if (centred) v[i] = hr_vec_add(v[i], back);
      if (centred) one[i] = hr_vec_add(one[i], v[i]);
      two[i] = hr_vec_fma(v[i], v[i], two[i]);
    }
  }
  for (int i = 0; i < VECTORS; i++) {
    hr_accum *a = first + i * HR_VEC_LANES, *b = squares + i * HR_VEC_LANES;
    if (centred) hr_vec_store(a, hr_vec_add(hr_vec_load(a), one[i]));
    hr_vec_store(b, hr_vec_add(hr_vec_load(b), two[i]));
  }
  for (int64_t k = 0; k < n; k++) {
    hr_accum d = hr_elem_load(x + k) - shift;
    if (centred) first[k] += d;
    squares[k] = FUSED(d, d, squares[k]);
  }
}

HR_INLINE sums sums_of(const hr_elem *x, int64_t n, hr_accum shift, bool centred) {
  hr_accum first[LANES] = {0}, squares[LANES] = {0};
  for (int64_t at = 0; at < n; at += RUN) add_run(first, squares, x + at, n - at < RUN ? n - at : RUN, shift, centred);
  return (sums){centred ? fold(first) : 0, fold(squares)};
}

typedef struct moments {
  hr_accum shift, rest, variance;
} moments;

static moments layer_moments(const hr_elem *x, int64_t n) {
  hr_accum shift = hr_elem_load(x), inverse = 1 / (hr_accum)n;
  if (n >= 4) shift = (shift / 4 + hr_elem_load(x + 1) / 4) + (hr_elem_load(x + 2) / 4 + hr_elem_load(x + 3) / 4);
  sums s = sums_of(x, n, shift, true);
  hr_accum rest = s.first * inverse, variance = FUSED(-rest, rest, s.squares * inverse);
  if (rest * rest > HR_NORM_FAR * variance) {
    shift += rest;
    s = sums_of(x, n, shift, true);
    rest = s.first * inverse;
    variance = FUSED(-rest, rest, s.squares * inverse);
  }
  return (moments){shift, rest, variance < 0 ? 0 : variance};
}

/* --- results --- */

/* y = (x - shift) * factor + offset; y * weight + bias. */
typedef struct affine {
  hr_accum shift, factor, offset;
} affine;

HR_INLINE void scale_lanes(hr_vec *v, const hr_elem *weight, const hr_elem *bias, const affine *f) {
  hr_vec back = hr_vec_set(-f->shift), factor = hr_vec_set(f->factor), offset = hr_vec_set(f->offset), w[VECTORS],
         b[VECTORS];
  if (weight) load_lanes(w, weight);
  if (bias) load_lanes(b, bias);
  for (int i = 0; i < VECTORS; i++) {
    v[i] = hr_vec_fma(hr_vec_add(v[i], back), factor, offset);
    if (weight && bias)
      v[i] = hr_vec_fma(v[i], w[i], b[i]);
    else if (weight)
      v[i] = v[i] * w[i];
    else if (bias)
      v[i] = hr_vec_add(v[i], b[i]);
  }
}

HR_INLINE void scale_some(hr_elem *out, const hr_elem *x, const hr_elem *weight, const hr_elem *bias, int64_t n,
                          const affine *f, bool stream) {
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    hr_vec v[VECTORS];
    load_lanes(v, x + i);
    scale_lanes(v, weight ? weight + i : NULL, bias ? bias + i : NULL, f);
    store_lanes(out + i, v, stream);
  }
  for (; i < n; i++) {
    hr_accum y = FUSED(hr_elem_load(x + i) - f->shift, f->factor, f->offset);
    if (weight && bias)
      y = FUSED(y, hr_elem_load(weight + i), hr_elem_load(bias + i));
    else if (weight)
      y *= hr_elem_load(weight + i);
    else if (bias)
      y += hr_elem_load(bias + i);
    hr_elem_store(out + i, y);
  }
}

static __attribute__((noinline)) void scale_row(hr_elem *out, const hr_elem *x, const hr_norm_rows *rows,
                                                const affine *f) {
  const hr_elem *w = rows->weight, *b = rows->bias;
  bool stream = rows->stream && (uintptr_t)out % sizeof(hr_vec) == 0;
  if (stream)
    scale_some(out, x, w, b, rows->n, f, true);
  else if (w && b)
    scale_some(out, x, w, b, rows->n, f, false);
  else if (w)
    scale_some(out, x, w, NULL, rows->n, f, false);
  else
    scale_some(out, x, NULL, b, rows->n, f, false);
}

static void end_rows(const hr_norm_rows *rows) {
#if !HR_ELEM_IS_HALF
  if (rows->stream) hr_vec_stream_end();
#else
  (void)rows;
#endif
}

HR_INLINE void each_row(const hr_norm_rows *rows, bool centred) {
  hr_accum eps = (hr_accum)rows->eps;
  for (int64_t r = 0; r < rows->count; r++) {
    const hr_elem *x = (const hr_elem *)((const char *)rows->x + r * rows->x_stride);
    moments m = {0, 0, 0};
    if (centred)
      m = layer_moments(x, rows->n);
    else
      m.variance = sums_of(x, rows->n, 0, false).squares / (hr_accum)rows->n;
    hr_accum factor = 1 / ROOT(m.variance + eps);
    affine f = {m.shift, factor, -m.rest * factor};
    scale_row((hr_elem *)((char *)rows->out + r * rows->out_stride), x, rows, &f);
  }
  end_rows(rows);
}

static void layer(const hr_norm_rows *rows) { each_row(rows, true); }
static void rms(const hr_norm_rows *rows) { each_row(rows, false); }

static hr_norm_stats layer_stats(const void *x, int64_t n) {
  moments m = layer_moments(x, n);
  return (hr_norm_stats){m.shift, m.rest, (double)m.variance * (double)n};
}

static hr_norm_stats rms_stats(const void *x, int64_t n) {
  return (hr_norm_stats){0, 0, sums_of(x, n, 0, false).squares};
}

static void scale(const hr_norm_rows *row, const hr_norm_stats *stats, double factor) {
  affine f = {(hr_accum)stats->shift, (hr_accum)factor, (hr_accum)(-stats->rest * factor)};
  scale_row(row->out, row->x, row, &f);
  end_rows(row);
}

const hr_norm_kernels HR_NAME(hr_norm) = {
    .layer = layer, .rms = rms, .layer_stats = layer_stats, .rms_stats = rms_stats, .scale = scale};
