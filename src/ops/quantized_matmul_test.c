/* Products with quantised matrices against plain sums in double over what dequantize gives: numbers of rows on both
 * sides of the change from dot products to panels, both orientations, a batch by indices. Modes, dtypes and layouts:
 * tests/test_quantized_matmul.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "graph/eval.h"
#include "ops/check.h"
#include "ops/quantize.h"
#include "ops/quantized_matmul.h"
#include "sched/stream.h"

static hr_stream *stream;
static const hr_optional_int none = {0, false};
static hr_optional_int some(int value) { return (hr_optional_int){value, true}; }

static const void *read_array(hr_array *a) {
  const void *data = NULL;
  assert_int_equal(hr_array_read(&data, a), HR_OK);
  return data;
}

static hr_array *waves(const int *shape, int ndim, double step) {
  hr_array *a;
  assert_int_equal(hr_array_new_empty(&a, shape, ndim, HR_FLOAT32), HR_OK);
  for (int64_t i = 0; i < a->size; i++) ((float *)hr_array_data(a))[i] = (float)sin((double)i * step + step);
  return a;
}

typedef struct weights {
  hr_array_list parts; /* words, scales, biases */
  hr_array *values;    /* as floats */
} weights;

static weights weights_new(const int *shape, int ndim, int bits) {
  weights w;
  hr_array *from = waves(shape, ndim, 0.7);
  assert_int_equal(hr_quantize(&w.parts, from, some(32), some(bits), "affine", NULL, stream), HR_OK);
  assert_int_equal(hr_dequantize(&w.values, w.parts.items[0], w.parts.items[1], w.parts.items[2], some(32), some(bits),
                                 "affine", NULL, (hr_optional_dtype){HR_FLOAT32, false}, stream),
                   HR_OK);
  hr_array_release(from);
  return w;
}
static void weights_free(weights *w) {
  hr_list_clear(&w->parts);
  hr_array_release(w->values);
}

/* y (m, n) of x (m, k) and values (n, k), or (k, n). Terms are at most 1 in size, parts of terms 3. */
static void check(const float *y, const float *x, const float *values, int m, int n, int k, bool transpose) {
  for (int i = 0; i < m; i++)
    for (int j = 0; j < n; j++) {
      double sum = 0;
      for (int p = 0; p < k; p++) sum += (double)x[i * k + p] * (double)values[transpose ? j * k + p : p * n + j];
      if (!(fabs(sum - (double)y[i * n + j]) <= 3 * (k + 8) * 0x1p-24 * k))
        fail_msg("%d by %d by %d, element %d, %d: %g, expected %g", m, n, k, i, j, (double)y[i * n + j], sum);
    }
}

static void test_products(void **state) {
  (void)state;
  static const int rows[] = {1, 2, 3, 8, 9, 16, 17, 60}, all_bits[] = {1, 2, 3, 4, 5, 6, 8};
  enum { N = 96, K = 160 };
  for (int b = 0; b < 7; b++)
    for (int t = 0; t < 2; t++) {
      weights w = weights_new(t ? (int[]){N, K} : (int[]){K, N}, 2, all_bits[b]);
      for (int r = 0; r < 8; r++) {
        hr_array *x = waves((int[]){rows[r], K}, 2, 0.3), *y;
        assert_int_equal(hr_quantized_matmul(&y, x, w.parts.items[0], w.parts.items[1], w.parts.items[2], t, some(32),
                                             some(all_bits[b]), "affine", stream),
                         HR_OK);
        check(read_array(y), read_array(x), read_array(w.values), rows[r], N, K, t);
        hr_array_release(x), hr_array_release(y);
      }
      weights_free(&w);
    }
}

static void test_gather(void **state) {
  (void)state;
  enum { M = 5, N = 24, K = 64, COUNT = 7 };
  static const int32_t left[COUNT] = {0, 1, 1, -1, 0, 2, 2}, right[COUNT] = {3, 3, 3, 3, 0, -4, 1};
  hr_array *x = waves((int[]){3, M, K}, 3, 0.3), *indices[2], *y;
  weights w = weights_new((int[]){4, N, K}, 3, 4);
  assert_int_equal(hr_array_new_copy(&indices[0], left, (int[]){COUNT}, 1, HR_INT32), HR_OK);
  assert_int_equal(hr_array_new_copy(&indices[1], right, (int[]){COUNT}, 1, HR_INT32), HR_OK);
  assert_int_equal(hr_gather_qmm(&y, x, w.parts.items[0], w.parts.items[1], w.parts.items[2], indices[0], indices[1],
                                 true, some(32), none, "affine", false, stream),
                   HR_OK);
  const float *got = read_array(y), *from = read_array(x), *values = read_array(w.values);
  for (int i = 0; i < COUNT; i++)
    check(got + i * M * N, from + (left[i] + 3) % 3 * M * K, values + (right[i] + 4) % 4 * N * K, M, N, K, true);
  hr_array_release(x), hr_array_release(y), hr_array_release(indices[0]), hr_array_release(indices[1]);
  weights_free(&w);
}

static int setup(void **state) {
  (void)state;
  return hr_stream_create(&stream, 0, 0) != HR_OK;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_products), cmocka_unit_test(test_gather)};
  return cmocka_run_group_tests(tests, setup, NULL);
}
