/* softmax and logsumexp, through the builders, against plain loops in double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/eval.h"
#include "ops/axes.h"
#include "ops/cast.h"
#include "ops/shape.h"
#include "ops/softmax.h"
#include "sched/stream.h"

static hr_stream *stream;
static uint32_t seed = 3;
static uint32_t next_random(void) { return (seed = seed * 1664525u + 1013904223u) >> 8; }

static const double *read_float64(hr_array **wide, hr_array *a) {
  const void *data;
  assert_int_equal(hr_astype(wide, a, HR_FLOAT64, stream), HR_OK);
  assert_int_equal(hr_array_read(&data, *wide), HR_OK);
  return data;
}

static int64_t offset_of(const hr_array *a, int64_t position, int64_t *group, uint32_t axes) {
  int64_t offset = 0, scale = 1;
  *group = 0;
  for (int i = a->ndim - 1; i >= 0; i--) {
    int64_t at = position % hr_array_shape(a)[i];
    position /= hr_array_shape(a)[i];
    offset += at * hr_array_strides(a)[i];
    if (axes >> i & 1) continue;
    *group += at * scale;
    scale *= hr_array_shape(a)[i];
  }
  return offset;
}

/* Sums of e^(x - greatest) of each group; needs no more groups than elements. */
static void reference(const hr_array *a, const double *x, uint32_t axes, double *greatest, double *sum) {
  int64_t g;
  for (int64_t p = 0; p < a->size; p++) greatest[p] = -INFINITY, sum[p] = 0;
  for (int64_t p = 0; p < a->size; p++) {
    double value = x[offset_of(a, p, &g, axes)];
    if (value > greatest[g]) greatest[g] = value;
  }
  for (int64_t p = 0; p < a->size; p++) {
    double value = x[offset_of(a, p, &g, axes)];
    sum[g] += exp(value - greatest[g]);
  }
}

static void check_near(double value, double expected, double tolerance) {
  if (value == expected || (isnan(value) && isnan(expected))) return;
  if (fabs(value - expected) <= tolerance * fabs(expected) + 0x1p-149) return;
  fail_msg("%.10g, expected %.10g", value, expected);
}

/* a's layout must survive a cast: row-major, or a view of such an array. */
typedef struct precision {
  hr_dtype dtype;
  double unit, rounding; /* of the last place (float64: the reference errs as much); of the result's store */
  double smallest;       /* results below are not looked at */
} precision;

/* x - greatest is rounded to a multiple of its own last place, which e^ turns into a relative error. */
static void check(hr_array *a, uint32_t mask, precision precise) {
  int axes[4];
  size_t count = 0;
  for (int i = 0; i < a->ndim; i++)
    if (mask >> i & 1) axes[count++] = i;
  hr_array *wide, *soft, *soft_wide, *logs, *logs_wide;
  const double *x = read_float64(&wide, a);
  assert_int_equal(hr_softmax_axes(&soft, a, axes, count, false, stream), HR_OK);
  assert_int_equal(hr_logsumexp_axes(&logs, a, axes, count, false, stream), HR_OK);
  const double *s = read_float64(&soft_wide, soft), *l = read_float64(&logs_wide, logs);
  double *greatest = malloc(2 * sizeof(double) * (size_t)a->size), *sum = greatest + a->size;
  assert_non_null(greatest);
  reference(wide, x, mask, greatest, sum);
  for (int64_t p = 0; p < a->size; p++) {
    int64_t g, unused;
    double value = x[offset_of(wide, p, &g, mask)], got = s[offset_of(soft_wide, p, &unused, 0)];
    double expected = exp(value - greatest[g]) / sum[g];
    double tolerance = precise.rounding + precise.unit * (4 + (greatest[g] - value) / 2);
    if (expected > precise.smallest) check_near(got, expected, tolerance);
    double most = fabs(greatest[g]) + log(sum[g]);
    if (fabs(l[g] - (greatest[g] + log(sum[g]))) > (precise.rounding + 4 * precise.unit) * (most + 1))
      fail_msg("logsumexp %.10g, expected %.10g", l[g], greatest[g] + log(sum[g]));
  }
  free(greatest);
  hr_array_release(wide), hr_array_release(soft), hr_array_release(soft_wide);
  hr_array_release(logs), hr_array_release(logs_wide);
}

static hr_array *numbers(const int *shape, int ndim, hr_dtype dtype, double spread) {
  hr_array *doubles, *a;
  const void *data;
  assert_int_equal(hr_array_new_empty(&doubles, shape, ndim, HR_FLOAT64), HR_OK);
  for (int64_t i = 0; i < doubles->size; i++)
    ((double *)hr_array_data(doubles))[i] = ((double)next_random() / (1 << 24) - 0.5) * spread;
  assert_int_equal(hr_astype(&a, doubles, dtype, stream), HR_OK);
  assert_int_equal(hr_array_read(&data, a), HR_OK);
  hr_array_release(doubles);
  return a;
}

static const precision precisions[] = {{HR_FLOAT32, 0x1p-23, 0, 0x1p-126},
                                       {HR_FLOAT64, 0x1p-50, 0, 0x1p-1000},
                                       {HR_FLOAT16, 0x1p-23, 0x1p-11, 0x1p-14},
                                       {HR_BFLOAT16, 0x1p-23, 0x1p-8, 0x1p-120},
                                       {HR_INT32, 0x1p-23, 0, 0x1p-126}};

static void test_rows(void **state) {
  (void)state;
  static const int lengths[] = {1, 2, 3, 15, 16, 17, 63, 64, 65, 127, 129, 1000, 1024, 5000};
  for (size_t p = 0; p < sizeof precisions / sizeof *precisions; p++)
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
      for (int spread = 1; spread < 200; spread *= 12) {
        hr_array *a = numbers((int[]){3, lengths[i]}, 2, precisions[p].dtype, spread);
        check(a, 2, precisions[p]);
        hr_array_release(a);
      }
}

static void test_layouts(void **state) {
  (void)state;
  static const int orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}};
  for (int i = 0; i < 3; i++)
    for (uint32_t mask = 0; mask < 8; mask++) {
      hr_array *a = numbers((int[]){9, 21, 130}, 3, HR_FLOAT32, 10), *turned;
      const void *data;
      assert_int_equal(hr_transpose_axes(&turned, a, orders[i], 3, stream), HR_OK);
      assert_int_equal(hr_array_read(&data, turned), HR_OK);
      check(turned, mask, precisions[0]);
      hr_array_release(turned);
      hr_array_release(a);
    }
}

static void test_long_rows(void **state) {
  (void)state;
  hr_array *a = numbers((int[]){2, 200001}, 2, HR_FLOAT32, 20);
  check(a, 2, precisions[0]);
  check(a, 3, precisions[0]);
  hr_array_release(a);
}

static float value_of(hr_array *a, int i) {
  const void *data;
  assert_int_equal(hr_array_read(&data, a), HR_OK);
  float value = ((const float *)data)[i];
  hr_array_release(a);
  return value;
}

static void test_special(void **state) {
  (void)state;
  enum { N = 70000 };
  static const float firsts[] = {INFINITY, NAN, -INFINITY};
  static const int lengths[] = {2, N};
  float *x = malloc(sizeof *x * N);
  assert_non_null(x);
  for (int which = 0; which < 3; which++)
    for (int k = 0; k < 2; k++) {
      hr_array *a, *out;
      for (int i = 0; i < lengths[k]; i++) x[i] = which == 2 ? -INFINITY : 1;
      x[0] = firsts[which];
      assert_int_equal(hr_array_new_copy(&a, x, &lengths[k], 1, HR_FLOAT32), HR_OK);
      for (int at = 0; at < lengths[k]; at += lengths[k] - 1) {
        assert_int_equal(hr_softmax(&out, a, true, stream), HR_OK);
        assert_true(isnan(value_of(out, at)));
      }
      assert_int_equal(hr_logsumexp(&out, a, false, stream), HR_OK);
      float value = value_of(out, 0);
      assert_true(which == 1 ? !!isnan(value) : value == firsts[which]);
      hr_array_release(a);
    }
  free(x);
}

/* Blocks of -infinity beside one of small numbers. */
static void test_infinite_block(void **state) {
  (void)state;
  int n = 140000;
  hr_array *a, *out;
  assert_int_equal(hr_array_new_empty(&a, &n, 1, HR_FLOAT32), HR_OK);
  for (int i = 0; i < n; i++) ((float *)hr_array_data(a))[i] = i == n - 1 ? -5000 : -INFINITY;
  assert_int_equal(hr_logsumexp(&out, a, false, stream), HR_OK);
  assert_true(value_of(out, 0) == -5000);
  assert_int_equal(hr_softmax(&out, a, false, stream), HR_OK);
  assert_true(value_of(out, n - 1) == 1);
  hr_array_release(a);
}

static void test_complex_and_errors(void **state) {
  (void)state;
  static const float x[6] = {0, 1, 0.5f, -1, 1, 0};
  hr_array *a, *out, *empty;
  assert_int_equal(hr_array_new_copy(&a, x, (int[]){3}, 1, HR_COMPLEX64), HR_OK);
  assert_int_equal(hr_softmax_axis(&out, a, -1, false, stream), HR_OK);
  const void *data;
  assert_int_equal(hr_array_read(&data, out), HR_OK);
  double real = 0, imag = 0;
  for (int i = 0; i < 3; i++) real += ((const float *)data)[2 * i], imag += ((const float *)data)[2 * i + 1];
  assert_true(fabs(real - 1) < 1e-6 && fabs(imag) < 1e-6);
  hr_array_release(out);
  assert_int_equal(hr_logsumexp(&out, a, false, stream), HR_OK);
  assert_int_equal(out->ndim, 0);
  double sum_re = 0, sum_im = 0;
  for (int i = 0; i < 3; i++) {
    sum_re += exp(x[2 * i]) * cos(x[2 * i + 1]);
    sum_im += exp(x[2 * i]) * sin(x[2 * i + 1]);
  }
  assert_int_equal(hr_array_read(&data, out), HR_OK);
  assert_true(fabs(((const float *)data)[0] - log(hypot(sum_re, sum_im))) < 1e-6);
  hr_array_release(out);
  assert_int_equal(hr_softmax_axis(&out, a, 1, false, stream), HR_INVALID);
  assert_null(out);
  assert_int_equal(hr_array_new_empty(&empty, (int[]){0}, 1, HR_FLOAT32), HR_OK);
  assert_int_equal(hr_logsumexp(&out, empty, false, stream), HR_INVALID);
  assert_int_equal(hr_softmax(&out, empty, false, stream), HR_OK);
  hr_array_release(out);
  hr_array_release(empty);
  hr_array_release(a);
}

static int start(void **state) {
  (void)state;
  return hr_stream_create(&stream, 0, 0) != HR_OK;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rows),    cmocka_unit_test(test_layouts),        cmocka_unit_test(test_long_rows),
      cmocka_unit_test(test_special), cmocka_unit_test(test_infinite_block), cmocka_unit_test(test_complex_and_errors),
  };
  return cmocka_run_group_tests(tests, start, NULL);
}
