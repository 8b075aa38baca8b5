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

/* Row r of `rows`, or NULL where nothing is stored. */
static char *out_of(const hr_scan_rows *rows, int64_t r) {
  return rows->out ? (char *)rows->out + r * rows->out_row : NULL;
}

#define LOG_KERNEL(dtype, size)                                                                              \
  static void rows_log_##dtype(void *acc, const hr_scan_rows *rows) {                                        \
    for (int64_t r = 0; r < rows->count; r++)                                                                \
      log_row((double *)acc + r, out_of(rows, r), rows->out_stride, (const char *)rows->x + r * rows->x_row, \
              rows->x_stride, rows->n, rows->inclusive, load_##dtype, store_##dtype);                        \
  }                                                                                                          \
  static void step_log_##dtype(void *acc, void *out, const void *x, int64_t n, int inclusive) {              \
    rows_log_##dtype(acc, &(hr_scan_rows){out, x, 0, 0, size, size, 1, n, inclusive});                       \
  }                                                                                                          \
  static const hr_scan_kernel log_##dtype = {                                                                \
      .bytes = 8, .start = log_start, .rows = rows_log_##dtype, .join = log_join, .step = step_log_##dtype}

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

static void row_complex(wide *sum, char *out, const char *x, const hr_scan_rows *rows) {
  for (int64_t i = 0; i < rows->n; i++) {
    float parts[2];
    memcpy(parts, x + i * rows->x_stride, sizeof parts);
    wide next = log_add_complex(*sum, (wide){parts[0], parts[1]}), put = rows->inclusive ? next : *sum;
    if (out) memcpy(out + i * rows->out_stride, (float[]){(float)put.re, (float)put.im}, sizeof parts);
    *sum = next;
  }
}

static void rows_complex(void *acc, const hr_scan_rows *rows) {
  for (int64_t r = 0; r < rows->count; r++)
    row_complex((wide *)acc + r, out_of(rows, r), (const char *)rows->x + r * rows->x_row, rows);
}

static void step_complex(void *acc, void *out, const void *x, int64_t n, int inclusive) {
  rows_complex(acc, &(hr_scan_rows){out, x, 0, 0, 8, 8, 1, n, inclusive});
}

static const hr_scan_kernel log_c64 = {
    .bytes = 16, .start = start_complex, .rows = rows_complex, .join = join_complex, .step = step_complex};

const hr_scan_kernel *hr_scan_log_kernel(hr_dtype dtype) {
  switch (dtype) {
    case HR_FLOAT16: return &log_f16;
    case HR_BFLOAT16: return &log_bf16;
    case HR_FLOAT64: return &log_f64;
    case HR_COMPLEX64: return &log_c64;
    default: return &log_f32;
  }
}
