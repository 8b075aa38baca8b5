/* Running sums and the like, through the builders, against a plain loop in double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/eval.h"
#include "ops/cast.h"
#include "ops/scan.h"
#include "ops/shape.h"
#include "sched/stream.h"

static hr_stream *stream;
static uint32_t seed = 5;
static uint32_t next_random(void) { return (seed = seed * 1664525u + 1013904223u) >> 8; }

typedef hr_status scan_fn(hr_array **out, hr_array *a, int axis, bool reverse, bool inclusive, hr_stream *s);
static scan_fn *const scans[] = {hr_cumsum, hr_cumprod, hr_cummax, hr_cummin, hr_logcumsumexp};

static double join(int kind, double a, double b) {
  if (kind == HR_SCAN_SUM) return a + b;
  if (kind == HR_SCAN_PROD) return a * b;
  if (isnan(a) || isnan(b)) return NAN;
  if (kind == HR_SCAN_MAX) return a > b ? a : b;
  if (kind == HR_SCAN_MIN) return a < b ? a : b;
  return a == -INFINITY ? b : log(exp(a) + exp(b));
}

static double start_of(int kind) {
  static const double starts[] = {0, 1, -INFINITY, INFINITY, -INFINITY};
  return starts[kind];
}

static hr_array *as_float64(hr_array *a) {
  hr_array *wide;
  const void *data;
  assert_int_equal(hr_astype(&wide, a, HR_FLOAT64, stream), HR_OK);
  assert_int_equal(hr_array_read(&data, wide), HR_OK);
  return wide;
}

static bool near(double a, double b, double tolerance) {
  return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= tolerance * (1 + fabs(b));
}

/* One row: where it starts in input and result, and its strides, in elements. */
static void check_row(int kind, const double *in, const double *out, int64_t n, int64_t in_stride, int64_t out_stride,
                      bool inclusive, double tolerance, double lowest, double highest) {
  double sum = start_of(kind);
  for (int64_t i = 0; i < n; i++) {
    double next = join(kind, sum, in[i * in_stride]), expected = inclusive ? next : sum;
    expected = expected < lowest ? lowest : expected > highest ? highest : expected;
    if (!near(out[i * out_stride], expected, tolerance))
      fail_msg("scan %d, element %lld: %g, expected %g", kind, (long long)i, out[i * out_stride], expected);
    sum = next;
  }
}

/* Every row of a 3-D array along every axis; a's values are small integers, exact in every dtype. */
static void check_array(hr_array *a, int kind, double tolerance, double lowest, double highest) {
  hr_array *wide = as_float64(a);
  const int *shape = hr_array_shape(a);
  for (int variant = 0; variant < 12; variant++) {
    int axis = variant % 3, b = (axis + 1) % 3, c = (axis + 2) % 3;
    bool reverse = variant / 3 % 2, inclusive = variant / 6;
    hr_array *scanned;
    assert_int_equal(scans[kind](&scanned, a, axis - 3, reverse, inclusive, stream), HR_OK);
    hr_array *result = as_float64(scanned);
    const int64_t *from = hr_array_strides(wide), *to = hr_array_strides(result);
    for (int i = 0; i < shape[b]; i++)
      for (int k = 0; k < shape[c]; k++) {
        const double *in = (const double *)hr_array_data(wide) + i * from[b] + k * from[c];
        const double *out = (const double *)hr_array_data(result) + i * to[b] + k * to[c];
        int64_t last = reverse ? shape[axis] - 1 : 0, sign = reverse ? -1 : 1;
        check_row(kind, in + last * from[axis], out + last * to[axis], shape[axis], sign * from[axis], sign * to[axis],
                  inclusive, tolerance, lowest, highest);
      }
    hr_array_release(result);
    hr_array_release(scanned);
  }
  hr_array_release(wide);
}

static hr_array *small_numbers(const int *shape, int ndim, hr_dtype dtype, int values, int from) {
  hr_array *doubles, *a;
  const void *data;
  assert_int_equal(hr_array_new_empty(&doubles, shape, ndim, HR_FLOAT64), HR_OK);
  for (int64_t i = 0; i < doubles->size; i++)
    ((double *)hr_array_data(doubles))[i] = (double)(next_random() % (uint32_t)values) + from;
  assert_int_equal(hr_astype(&a, doubles, dtype, stream), HR_OK);
  assert_int_equal(hr_array_read(&data, a), HR_OK);
  hr_array_release(doubles);
  return a;
}

/* The least and greatest value of integers, which exclusive maxima and minima begin with. */
static void limits(hr_dtype dtype, double *lowest, double *highest) {
  double top = ldexp(1, 8 * hr_dtype_bytes[dtype]);
  *lowest = -INFINITY, *highest = INFINITY;
  if (dtype == HR_BOOL)
    *lowest = 0, *highest = 1;
  else if (hr_dtype_classes[dtype] == HR_CLASS_UNSIGNED)
    *lowest = 0, *highest = top - 1;
  else if (hr_dtype_classes[dtype] == HR_CLASS_SIGNED)
    *lowest = -top / 2, *highest = top / 2 - 1;
}

static void test_dtypes(void **state) {
  (void)state;
  for (int dtype = 0; dtype < HR_DTYPE_COUNT; dtype++)
    for (int kind = 0; kind <= HR_SCAN_LOGSUMEXP; kind++) {
      bool ordered = kind == HR_SCAN_MAX || kind == HR_SCAN_MIN, logs = kind == HR_SCAN_LOGSUMEXP;
      if (dtype == HR_COMPLEX64) continue;
      double lowest = -INFINITY, highest = INFINITY;
      if (ordered) limits((hr_dtype)dtype, &lowest, &highest);
      int values = kind == HR_SCAN_PROD ? 2 : 3;
      hr_array *a = small_numbers((int[]){5, 6, 4}, 3, (hr_dtype)dtype, values, kind == HR_SCAN_PROD);
      double tolerance = dtype == HR_BFLOAT16 ? 0.01 : dtype == HR_FLOAT16 ? 0.002 : 1e-6;
      check_array(a, kind, logs || hr_dtype_is_float((hr_dtype)dtype) ? tolerance : 0, lowest, highest);
      hr_array_release(a);
    }
}

static void test_layouts(void **state) {
  (void)state;
  static const int orders[][3] = {{2, 1, 0}, {1, 0, 2}, {0, 2, 1}};
  for (int i = 0; i < 3; i++) {
    hr_array *a = small_numbers((int[]){6, 40, 600}, 3, HR_FLOAT32, 3, -1), *turned;
    const void *data;
    assert_int_equal(hr_transpose_axes(&turned, a, orders[i], 3, stream), HR_OK);
    assert_int_equal(hr_array_read(&data, turned), HR_OK);
    check_array(turned, HR_SCAN_SUM, 0, -INFINITY, INFINITY);
    check_array(turned, HR_SCAN_MAX, 0, -INFINITY, INFINITY);
    hr_array_release(turned);
    hr_array_release(a);
  }
}

/* Rows that are cut into blocks, four of which go on side by side; integers stay exact in float32. */
static void test_long_rows(void **state) {
  (void)state;
  for (int kind = 0; kind <= HR_SCAN_LOGSUMEXP; kind++) {
    hr_array *a = small_numbers((int[]){1, 2, 400001}, 3, HR_FLOAT32, kind == HR_SCAN_PROD ? 1 : 3, 1);
    check_array(a, kind, kind == HR_SCAN_LOGSUMEXP ? 1e-6 : 0, -INFINITY, INFINITY);
    hr_array_release(a);
  }
}

/* A row's bits do not depend on how many rows go on beside it. */
static void test_rows_beside(void **state) {
  (void)state;
  enum { ROWS = 7, N = 100 };
  hr_array *a = small_numbers((int[]){ROWS, N}, 2, HR_FLOAT32, 1 << 24, 0), *scanned;
  const void *data;
  assert_int_equal(hr_cumsum(&scanned, a, 1, false, true, stream), HR_OK);
  assert_int_equal(hr_array_read(&data, scanned), HR_OK);
  for (int r = 0; r < ROWS; r++) {
    float sum = 0;
    for (int i = 0; i < N; i++) {
      sum += ((const float *)hr_array_data(a))[r * N + i];
      assert_memory_equal((const float *)data + r * N + i, &sum, sizeof sum);
    }
  }
  hr_array_release(scanned);
  hr_array_release(a);
}

static void test_nan(void **state) {
  (void)state;
  static const float x[5] = {1, 3, NAN, 2, 5};
  for (int kind = 0; kind <= HR_SCAN_LOGSUMEXP; kind++) {
    hr_array *a, *scanned;
    const void *data;
    assert_int_equal(hr_array_new_copy(&a, x, (int[]){5}, 1, HR_FLOAT32), HR_OK);
    assert_int_equal(scans[kind](&scanned, a, 0, false, true, stream), HR_OK);
    assert_int_equal(hr_array_read(&data, scanned), HR_OK);
    for (int i = 0; i < 5; i++) assert_int_equal(!!isnan(((const float *)data)[i]), i >= 2);
    hr_array_release(scanned);
    hr_array_release(a);
  }
}

static void test_complex(void **state) {
  (void)state;
  static const float x[6] = {1, 2, -1, 1, 3, 0};
  static const float sums[6] = {1, 2, 0, 3, 3, 3}, products[6] = {1, 2, -3, -1, -9, -3}, most[6] = {1, 2, 1, 2, 3, 0};
  const float *expected[] = {sums, products, most};
  hr_array *a, *scanned;
  const void *data;
  assert_int_equal(hr_array_new_copy(&a, x, (int[]){3}, 1, HR_COMPLEX64), HR_OK);
  for (int kind = 0; kind < 3; kind++) {
    assert_int_equal(scans[kind](&scanned, a, 0, false, true, stream), HR_OK);
    assert_int_equal(hr_array_read(&data, scanned), HR_OK);
    assert_memory_equal(data, expected[kind], sizeof sums);
    hr_array_release(scanned);
  }
  assert_int_equal(hr_cumsum(&scanned, a, 1, false, true, stream), HR_INVALID);
  assert_null(scanned);
  hr_array_release(a);
}

/* e^(result - log of the sum so far) is 1: angles may differ by whole turns. A row of several blocks. */
static void check_complex_logs(hr_array *a, bool reverse, bool inclusive) {
  hr_array *logs;
  const void *data;
  assert_int_equal(hr_logcumsumexp(&logs, a, 0, reverse, inclusive, stream), HR_OK);
  assert_int_equal(hr_array_read(&data, logs), HR_OK);
  const float *x = hr_array_data(a), *y = data;
  double re = 0, im = 0;
  for (int64_t i = 0; i < a->size; i++) {
    int64_t at = 2 * (reverse ? a->size - 1 - i : i);
    double size = exp(x[at]), old_re = re, old_im = im;
    re += size * cos(x[at + 1]);
    im += size * sin(x[at + 1]);
    double want_re = inclusive ? re : old_re, want_im = inclusive ? im : old_im;
    if (i == 0 && !inclusive) {
      assert_true(y[at] == -INFINITY && y[at + 1] == 0);
      continue;
    }
    double tolerance = 1e-6 * (1 + fabs(y[at]) + fabs(y[at + 1])) * hypot(want_re, want_im) + 1e-12 * size;
    if (hypot(exp(y[at]) * cos(y[at + 1]) - want_re, exp(y[at]) * sin(y[at + 1]) - want_im) > tolerance)
      fail_msg("place %lld: %g %+g i", (long long)i, y[at], y[at + 1]);
  }
  hr_array_release(logs);
}

static void test_complex_logs(void **state) {
  (void)state;
  static const int lengths[] = {1, 5, 300000};
  for (int i = 0; i < 3; i++) {
    hr_array *a;
    assert_int_equal(hr_array_new_empty(&a, &lengths[i], 1, HR_COMPLEX64), HR_OK);
    for (int64_t k = 0; k < 2 * a->size; k++)
      ((float *)hr_array_data(a))[k] = (float)((double)next_random() / (1 << 24) - 0.5) * 3;
    for (int way = 0; way < 4; way++) check_complex_logs(a, way & 1, way & 2);
    hr_array_release(a);
  }
  static const float special[] = {1, 0, -INFINITY, 0, 0, 1, NAN, 0, 2, 0};
  hr_array *a, *logs;
  const void *data;
  assert_int_equal(hr_array_new_copy(&a, special, (int[]){5}, 1, HR_COMPLEX64), HR_OK);
  assert_int_equal(hr_logcumsumexp(&logs, a, 0, false, true, stream), HR_OK);
  assert_int_equal(hr_array_read(&data, logs), HR_OK);
  const float *y = data;
  assert_true(y[0] == 1 && y[2] == 1 && isfinite(y[4]) && isnan(y[6]) && isnan(y[8]));
  hr_array_release(a);
  hr_array_release(logs);
}

static int start(void **state) {
  (void)state;
  return hr_stream_create(&stream, 0, 0) != HR_OK;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_complex_logs), cmocka_unit_test(test_dtypes),      cmocka_unit_test(test_layouts),
      cmocka_unit_test(test_long_rows),    cmocka_unit_test(test_rows_beside), cmocka_unit_test(test_nan),
      cmocka_unit_test(test_complex),
  };
  return cmocka_run_group_tests(tests, start, NULL);
}
