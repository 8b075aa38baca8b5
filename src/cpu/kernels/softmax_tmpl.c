/* src/cpu/kernels/softmax_tmpl.c - see softmax.h. */
/* hr-dtypes: f16 f32 f64 bf16 */
#include "cpu/kernels/softmax.h"

#include <stdbool.h>

#include "cpu/kernels/elem.h"
#include "cpu/kernels/vexp.h"
#include "cpu/kernels/vexp64.h"
#if !HR_ELEM_IS_HALF
#include "cpu/kernels/vec.h"
#endif

enum { LANES = 64, RUN = 8192, AHEAD = 4096 /* bytes */, ROW_BYTES = 4096 };

#if HR_ELEM_CODE == HR_CODE_f64
HR_INLINE double exponential(double x) { return hr_vexp64(x); }
#else
HR_INLINE float exponential(float x) { return hr_vexpf(x); }
#endif

HR_INLINE hr_accum greater(hr_accum a, hr_accum b) { return a > b ? a : b; }

/* Rows follow each other in memory as a rule: what is fetched ahead is the next one. */
static __attribute__((noinline)) hr_accum greatest(const hr_elem *x, int64_t n) {
  hr_accum lanes[LANES];
  for (int k = 0; k < LANES; k++) lanes[k] = -__builtin_inff();
  for (; n >= LANES; n -= LANES, x += LANES) {
    for (size_t b = 0; b < LANES * sizeof *x; b += 64) __builtin_prefetch((const char *)x + AHEAD + b);
    for (int k = 0; k < LANES; k++) lanes[k] = greater(hr_elem_load(x + k), lanes[k]);
  }
  for (int k = 0; k < n; k++) lanes[k] = greater(hr_elem_load(x + k), lanes[k]);
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int k = 0; k < half; k++) lanes[k] = greater(lanes[k + half], lanes[k]);
  return lanes[0];
}

HR_INLINE void exponentials(hr_accum *e, const hr_elem *x, hr_accum shift) {
#if HR_ISA_LEVEL == 2 && HR_ELEM_CODE != HR_CODE_f64
  for (int k = 0; k < LANES; k++) e[k] = hr_elem_load(x + k) - shift;
  for (int k = 0; k < LANES; k += 16) _mm512_storeu_ps(e + k, hr_vexp16(_mm512_loadu_ps(e + k)));
#else
  for (int k = 0; k < LANES; k++) e[k] = exponential(hr_elem_load(x + k) - shift);
#endif
}

/* Adds e^(x - shift) of n elements to the lanes; these are also written to `out` where it is not NULL. */
HR_INLINE void add_run(hr_accum *lanes, hr_accum *out, const hr_elem *x, int64_t n, hr_accum shift) {
  hr_accum part[LANES] = {0};
  for (; n >= LANES; n -= LANES, x += LANES, out = out ? out + LANES : NULL) {
    hr_accum e[LANES];
    exponentials(e, x, shift);
    for (int k = 0; k < LANES; k++) part[k] += e[k];
    if (out) memcpy(out, e, sizeof e);
  }
  for (int k = 0; k < n; k++) {
    hr_accum e = exponential(hr_elem_load(x + k) - shift);
    part[k] += e;
    if (out) out[k] = e;
  }
  for (int k = 0; k < LANES; k++) lanes[k] += part[k];
}

HR_INLINE hr_accum sum_of(hr_accum *out, const hr_elem *x, int64_t n, hr_accum shift) {
  hr_accum lanes[LANES] = {0};
  for (int64_t at = 0; at < n; at += RUN)
    add_run(lanes, out ? out + at : NULL, x + at, n - at < RUN ? n - at : RUN, shift);
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int k = 0; k < half; k++) lanes[k] += lanes[k + half];
  return lanes[0];
}

static hr_softmax_stats stats(const void *x, int64_t n) {
  hr_accum most = greatest(x, n), shift = most - most == 0 ? most : 0;
  return (hr_softmax_stats){most, sum_of(NULL, x, n, shift)};
}

static __attribute__((noinline)) void scale_by(hr_elem *out, const hr_elem *x, int64_t n, hr_accum shift,
                                               hr_accum factor) {
  HR_VECTOR_LOOP for (int64_t i = 0; i < n; i++)
      hr_elem_store(out + i, exponential(hr_elem_load(x + i) - shift) * factor);
}

/* Infinite sums come from +infinity among the elements. */
HR_INLINE hr_accum inverse(hr_accum sum) { return sum - sum == 0 ? 1 / sum : (hr_accum)__builtin_nanf(""); }

static void scale(void *out, const void *x, int64_t n, const hr_softmax_stats *s) {
  scale_by(out, x, n, (hr_accum)s->greatest, inverse((hr_accum)s->sum));
}

#if !HR_ELEM_IS_HALF
/* Past the caches; `out` is aligned to a vector. */
static __attribute__((noinline)) void stream_scaled(hr_elem *out, const hr_elem *x, int64_t n, hr_elem factor) {
  int64_t i = 0;
  for (; i + HR_VEC_LANES <= n; i += HR_VEC_LANES) hr_vec_stream(out + i, hr_vec_load(x + i) * hr_vec_set(factor));
  for (; i < n; i++) out[i] = x[i] * factor;
}
#endif

static void row(hr_elem *out, const hr_elem *x, int64_t n, int stream) {
  hr_accum most = greatest(x, n), shift = most - most == 0 ? most : 0;
#if HR_ELEM_IS_HALF
  (void)stream;
  scale_by(out, x, n, shift, inverse(sum_of(NULL, x, n, shift)));
#else
  _Alignas(64) hr_elem buffer[ROW_BYTES / sizeof(hr_elem)];
  bool streams = stream && n * sizeof *x <= sizeof buffer && (uintptr_t)out % sizeof(hr_vec) == 0;
  hr_elem *powers = streams ? buffer : out;
  hr_elem factor = inverse(sum_of(powers, x, n, shift));
  if (streams) {
    stream_scaled(out, powers, n, factor);
  } else {
    for (int64_t i = 0; i < n; i++) out[i] *= factor;
  }
#endif
}

static void rows(void *out, const void *x, int64_t out_stride, int64_t stride, int64_t count, int64_t n, int stream) {
  for (int64_t r = 0; r < count; r++)
    row((hr_elem *)((char *)out + r * out_stride), (const hr_elem *)((const char *)x + r * stride), n, stream);
#if !HR_ELEM_IS_HALF
  if (stream) hr_vec_stream_end();
#endif
}

static void column_shifts(hr_accum *shift, const char *x, int64_t stride, int64_t rows, int64_t n) {
  for (int64_t j = 0; j < n; j++) shift[j] = -__builtin_inff();
  for (int64_t r = 0; r < rows; r++, x += stride)
    for (int64_t j = 0; j < n; j++) shift[j] = greater(hr_elem_load((const hr_elem *)x + j), shift[j]);
  for (int64_t j = 0; j < n; j++) shift[j] = shift[j] - shift[j] == 0 ? shift[j] : 0;
}

static void column_factors(hr_accum *factor, const hr_accum *shift, const char *x, int64_t stride, int64_t rows,
                           int64_t n) {
  hr_accum total[HR_SOFTMAX_COLUMNS] = {0};
  for (int64_t r = 0; r < rows;) {
    hr_accum part[HR_SOFTMAX_COLUMNS] = {0};
    int64_t end = rows - r < HR_SOFTMAX_RUN ? rows : r + HR_SOFTMAX_RUN;
    for (; r < end; r++, x += stride)
      for (int64_t j = 0; j < n; j++) part[j] += exponential(hr_elem_load((const hr_elem *)x + j) - shift[j]);
    for (int64_t j = 0; j < n; j++) total[j] += part[j];
  }
  for (int64_t j = 0; j < n; j++) factor[j] = inverse(total[j]);
}

static void cols(void *out, const void *x, int64_t out_stride, int64_t stride, int64_t rows, int64_t n) {
  hr_accum shift[HR_SOFTMAX_COLUMNS], factor[HR_SOFTMAX_COLUMNS];
  column_shifts(shift, x, stride, rows, n);
  column_factors(factor, shift, x, stride, rows, n);
  for (int64_t r = 0; r < rows; r++) {
    const hr_elem *row = (const hr_elem *)((const char *)x + r * stride);
    hr_elem *to = (hr_elem *)((char *)out + r * out_stride);
    HR_VECTOR_LOOP for (int64_t j = 0; j < n; j++)
        hr_elem_store(to + j, exponential(hr_elem_load(row + j) - shift[j]) * factor[j]);
  }
}

const hr_softmax_kernel HR_NAME(hr_softmax) = {.rows = rows, .cols = cols, .stats = stats, .scale = scale};
