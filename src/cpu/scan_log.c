/* src/cpu/scan_log.c - see scan_log.h. */
#include "cpu/scan_log.h"

#include <math.h>
#include <string.h>

#include "cpu/kernels/elem.h"

static double log_add(double a, double b) {
  double most = a > b ? a : b, least = a > b ? b : a;
  if (isnan(a) || isnan(b)) return NAN;
  return isinf(most) ? most : most + log1p(exp(least - most));
}

static void log_start(void *acc, int64_t n) {
  for (int64_t i = 0; i < n; i++) ((double *)acc)[i] = -INFINITY;
}

static void log_join(void *acc, const void *more) { *(double *)acc = log_add(*(double *)acc, *(const double *)more); }

static double load_f16(const char *p) { return hr_f16_load(*(const uint16_t *)p); }
static double load_bf16(const char *p) { return hr_bf16_load(*(const uint16_t *)p); }
static double load_f32(const char *p) { return *(const float *)p; }
static double load_f64(const char *p) { return *(const double *)p; }
static void store_f16(char *p, double x) { *(uint16_t *)p = hr_f16_store((float)x); }
static void store_bf16(char *p, double x) { *(uint16_t *)p = hr_bf16_store((float)x); }
static void store_f32(char *p, double x) { *(float *)p = (float)x; }
static void store_f64(char *p, double x) { *(double *)p = x; }

static inline __attribute__((always_inline)) void log_row(double *acc, char *out, int64_t out_stride, const char *x,
                                                          int64_t stride, int64_t n, int inclusive,
                                                          double (*load)(const char *), void (*put)(char *, double)) {
  for (int64_t i = 0; i < n; i++) {
    double next = log_add(*acc, load(x + i * stride));
    if (out) put(out + i * out_stride, inclusive ? next : *acc);
    *acc = next;
  }
}

#define LOG_KERNEL(dtype, bytes)                                                                                  \
  static void row_log_##dtype(void *acc, void *out, int64_t out_stride, const void *x, int64_t stride, int64_t n, \
                              int inclusive) {                                                                    \
    log_row(acc, out, out_stride, x, stride, n, inclusive, load_##dtype, store_##dtype);                          \
  }                                                                                                               \
  static void step_log_##dtype(void *acc, void *out, const void *x, int64_t n, int inclusive) {                   \
    for (int64_t i = 0; i < n; i++)                                                                               \
      row_log_##dtype((double *)acc + i, (char *)out + i * bytes, bytes, (const char *)x + i * bytes, bytes, 1,   \
                      inclusive);                                                                                 \
  }                                                                                                               \
  static const hr_scan_kernel log_##dtype = {                                                                     \
      .start = log_start, .row = row_log_##dtype, .join = log_join, .step = step_log_##dtype}

LOG_KERNEL(f16, 2);
LOG_KERNEL(bf16, 2);
LOG_KERNEL(f32, 4);
LOG_KERNEL(f64, 8);

/* --- complex64 --- */

typedef struct wide {
  double re, im;
} wide;

/* The greater one, by real, then imaginary parts, times 1 + e^(the other one - it). */
static wide log_add_complex(wide a, wide b) {
  bool first = a.re > b.re || (a.re == b.re && a.im > b.im);
  wide most = first ? a : b, least = first ? b : a;
  if (isnan(a.re) || isnan(a.im) || isnan(b.re) || isnan(b.im)) return (wide){NAN, NAN};
  if (isinf(most.re) || least.re == -INFINITY) return most;
  double size = exp(least.re - most.re), angle = least.im - most.im;
  double re = size * cos(angle), im = size * sin(angle);
  /* log |1 + w| by log1p(|1 + w|^2 - 1), which is exact for small w; where the sum all but vanishes by itself. */
  double excess = re * (2 + re) + im * im;
  double logarithm = excess > -0.5 ? 0.5 * log1p(excess) : log(hypot(1 + re, im));
  return (wide){most.re + logarithm, most.im + atan2(im, 1 + re)};
}

static void start_complex(void *acc, int64_t n) {
  for (int64_t i = 0; i < n; i++) ((wide *)acc)[i] = (wide){-INFINITY, 0};
}

static void join_complex(void *acc, const void *more) {
  *(wide *)acc = log_add_complex(*(wide *)acc, *(const wide *)more);
}

static void row_complex(void *acc, void *out, int64_t out_stride, const void *x, int64_t stride, int64_t n,
                        int inclusive) {
  wide *sum = acc;
  for (int64_t i = 0; i < n; i++) {
    float parts[2];
    memcpy(parts, (const char *)x + i * stride, sizeof parts);
    wide next = log_add_complex(*sum, (wide){parts[0], parts[1]}), put = inclusive ? next : *sum;
    if (out) memcpy((char *)out + i * out_stride, (float[]){(float)put.re, (float)put.im}, sizeof parts);
    *sum = next;
  }
}

static void step_complex(void *acc, void *out, const void *x, int64_t n, int inclusive) {
  for (int64_t i = 0; i < n; i++)
    row_complex((wide *)acc + i, (char *)out + 8 * i, 8, (const char *)x + 8 * i, 8, 1, inclusive);
}

static const hr_scan_kernel log_c64 = {
    .start = start_complex, .row = row_complex, .join = join_complex, .step = step_complex};

const hr_scan_kernel *hr_scan_log_kernel(hr_dtype dtype) {
  switch (dtype) {
    case HR_FLOAT16: return &log_f16;
    case HR_BFLOAT16: return &log_bf16;
    case HR_FLOAT64: return &log_f64;
    case HR_COMPLEX64: return &log_c64;
    default: return &log_f32;
  }
}
