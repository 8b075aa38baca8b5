/* Matrix products against sums in double, over shapes around the panels' widths, strides, dtypes and batches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <complex.h>
#include <math.h>
#include <string.h>

#include "base/half.h"
#include "graph/eval.h"
#include "ops/cast.h"
#include "ops/linear.h"
#include "ops/shape.h"

#define OK(expr)   assert_int_equal(expr, HR_OK)
#define SHAPE(...) (int[]){__VA_ARGS__}, (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int))

/* Small integers: every product and sum is exact in every dtype, half types included while sums stay below 256. */
static float value(int64_t i, int seed) { return (float)((i * 7 + seed) % 5 - 2); }

static hr_array *filled(const int *shape, int ndim, hr_dtype dtype, int seed) {
  hr_array *a, *cast;
  OK(hr_array_new_empty(&a, shape, ndim, HR_FLOAT32));
  for (int64_t i = 0; i < a->size; i++) ((float *)hr_array_data(a))[i] = value(i, seed);
  OK(hr_astype(&cast, a, dtype, NULL));
  hr_array_release(a);
  return cast;
}

static double at(hr_array *a, int64_t i) {
  const void *data;
  OK(hr_array_read(&data, a));
  switch (hr_array_dtype(a)) {
    case HR_FLOAT64: return ((const double *)data)[i];
    case HR_FLOAT16: return hr_f16_to_f32(((const uint16_t *)data)[i]);
    case HR_BFLOAT16: return hr_bf16_to_f32(((const uint16_t *)data)[i]);
    case HR_COMPLEX64: return crealf(((const float _Complex *)data)[i]);
    default: return ((const float *)data)[i];
  }
}

/* As the dtype holds it: half types round their sums once. */
static double rounded(double sum, hr_dtype dtype) {
  if (dtype == HR_FLOAT16) return hr_f16_to_f32(hr_f32_to_f16((float)sum));
  return dtype == HR_BFLOAT16 ? hr_bf16_to_f32(hr_f32_to_bf16((float)sum)) : sum;
}

/* transpose_a: A is stored as (k, m) and used through its transpose. */
static void check(int m, int n, int k, hr_dtype dtype, bool transpose_a, bool transpose_b) {
  hr_array *a = transpose_a ? filled(SHAPE(k, m), dtype, 1) : filled(SHAPE(m, k), dtype, 1), *ta = NULL;
  hr_array *b = transpose_b ? filled(SHAPE(n, k), dtype, 2) : filled(SHAPE(k, n), dtype, 2), *tb = NULL, *c;
  if (transpose_a) OK(hr_transpose(&ta, a, NULL));
  if (transpose_b) OK(hr_transpose(&tb, b, NULL));
  OK(hr_matmul(&c, ta ? ta : a, tb ? tb : b, NULL));
  assert_int_equal(c->ndim, 2);
  assert_int_equal(hr_array_dtype(c), dtype);
  for (int i = 0; i < m; i++)
    for (int j = 0; j < n; j++) {
      double sum = 0;
      for (int p = 0; p < k; p++)
        sum += value(transpose_a ? (int64_t)p * m + i : (int64_t)i * k + p, 1) *
               value(transpose_b ? (int64_t)j * k + p : (int64_t)p * n + j, 2);
      if (at(c, (int64_t)i * n + j) != rounded(sum, dtype))
        fail_msg("%d %d %d dtype %d: (%d,%d)", m, n, k, dtype, i, j);
    }
  hr_array_release(c), hr_array_release(a), hr_array_release(b), hr_array_release(ta), hr_array_release(tb);
}

static void test_shapes(void **state) {
  (void)state;
  static const int SIZES[] = {1, 2, 5, 6, 14, 15, 31, 33, 65};
  for (int i = 0; i < 9; i++)
    for (int j = 0; j < 9; j++)
      for (int t = 0; t < 4; t++) check(SIZES[i], SIZES[j], SIZES[(i + j) % 9], HR_FLOAT32, t & 1, t & 2);
}

static void test_dtypes(void **state) {
  (void)state;
  static const hr_dtype DTYPES[] = {HR_FLOAT32, HR_FLOAT64, HR_FLOAT16, HR_BFLOAT16, HR_COMPLEX64};
  for (int d = 0; d < 5; d++)
    for (int t = 0; t < 4; t++) {
      check(17, 35, 40, DTYPES[d], t & 1, t & 2);
      check(1, 300, 30, DTYPES[d], t & 1, t & 2);
      check(300, 1, 30, DTYPES[d], t & 1, t & 2);
    }
}

/* Several steps along k and many tiles. */
static void test_large(void **state) {
  (void)state;
  check(257, 300, 600, HR_FLOAT32, false, true);
  check(130, 260, 513, HR_FLOAT64, true, false);
  check(1, 700, 900, HR_FLOAT32, false, true);
  check(700, 1, 900, HR_FLOAT32, true, false);
}

/* Around the sizes from which operands are packed, and steps begin: every dtype and layout, edges of tiles. */
static void test_packed(void **state) {
  (void)state;
  static const hr_dtype DTYPES[] = {HR_FLOAT32, HR_FLOAT64, HR_FLOAT16, HR_BFLOAT16, HR_COMPLEX64};
  for (int d = 0; d < 5; d++)
    for (int t = 0; t < 4; t++) {
      check(50, 451, 601, DTYPES[d], t & 1, t & 2);
      check(43, 70, 385, DTYPES[d], t & 1, t & 2);
      check(3, 130, 1025, DTYPES[d], t & 1, t & 2);
      check(131, 9, 193, DTYPES[d], t & 1, t & 2);
    }
}

static void test_complex(void **state) {
  (void)state;
  float _Complex x[4] = {1 + 2 * I, 3 - I, -2 * I, 4}, y[4] = {2, I, 1 - I, -3 + 2 * I};
  hr_array *a, *b, *c;
  OK(hr_array_new_copy(&a, x, (int[]){2, 2}, 2, HR_COMPLEX64));
  OK(hr_array_new_copy(&b, y, (int[]){2, 2}, 2, HR_COMPLEX64));
  OK(hr_matmul(&c, a, b, NULL));
  const void *data;
  OK(hr_array_read(&data, c));
  const float _Complex *z = data;
  for (int i = 0; i < 2; i++)
    for (int j = 0; j < 2; j++) assert_true(z[2 * i + j] == x[2 * i] * y[j] + x[2 * i + 1] * y[2 + j]);
  hr_array_release(a), hr_array_release(b), hr_array_release(c);
}

/* (3, 1, 2, 4) times (5, 4, 3): every batch against its own product. */
static void test_batch(void **state) {
  (void)state;
  hr_array *a = filled(SHAPE(3, 1, 2, 4), HR_FLOAT32, 3), *b = filled(SHAPE(5, 4, 3), HR_FLOAT32, 4), *c;
  OK(hr_matmul(&c, a, b, NULL));
  assert_int_equal(c->ndim, 4);
  for (int x = 0; x < 3; x++)
    for (int y = 0; y < 5; y++)
      for (int i = 0; i < 2; i++)
        for (int j = 0; j < 3; j++) {
          float sum = 0;
          for (int p = 0; p < 4; p++) sum += value((x * 2 + i) * 4 + p, 3) * value((y * 4 + p) * 3 + j, 4);
          assert_true(at(c, ((x * 5 + y) * 2 + i) * 3 + j) == sum);
        }
  hr_array_release(a), hr_array_release(b), hr_array_release(c);
}

/* One matrix for the whole batch: the batch becomes rows, also when each item is a single row. */
static void test_fold(void **state) {
  (void)state;
  for (int rows = 1; rows <= 3; rows += 2) {
    hr_array *a = filled(SHAPE(4, 7, rows, 5), HR_FLOAT32, 1), *b = filled(SHAPE(5, 6), HR_FLOAT32, 2), *c;
    OK(hr_matmul(&c, a, b, NULL));
    for (int i = 0; i < 28 * rows; i++)
      for (int j = 0; j < 6; j++) {
        float sum = 0;
        for (int p = 0; p < 5; p++) sum += value(i * 5 + p, 1) * value(p * 6 + j, 2);
        assert_true(at(c, i * 6 + j) == sum);
      }
    hr_array_release(a), hr_array_release(b), hr_array_release(c);
  }
}

static void test_vectors(void **state) {
  (void)state;
  hr_array *v = filled(SHAPE(4), HR_FLOAT32, 1), *m = filled(SHAPE(4, 3), HR_FLOAT32, 2), *c, *empty, *none;
  OK(hr_matmul(&c, v, m, NULL));
  assert_int_equal(c->ndim, 1);
  for (int j = 0; j < 3; j++) {
    float sum = 0;
    for (int p = 0; p < 4; p++) sum += value(p, 1) * value(p * 3 + j, 2);
    assert_true(at(c, j) == sum);
  }
  hr_array_release(c);
  OK(hr_matmul(&c, v, v, NULL));
  assert_int_equal(c->ndim, 0);
  assert_true(at(c, 0) == value(0, 1) * value(0, 1) + value(1, 1) * value(1, 1) + value(2, 1) * value(2, 1) +
                              value(3, 1) * value(3, 1));
  hr_array_release(c);
  empty = filled(SHAPE(2, 0), HR_FLOAT32, 1), none = filled(SHAPE(0, 3), HR_FLOAT32, 1);
  OK(hr_matmul(&c, empty, none, NULL));
  for (int i = 0; i < 6; i++) assert_true(at(c, i) == 0);
  hr_array_release(c), hr_array_release(empty), hr_array_release(none), hr_array_release(v), hr_array_release(m);
}

static void test_errors(void **state) {
  (void)state;
  hr_array *a = filled(SHAPE(2, 3), HR_FLOAT32, 1), *b = filled(SHAPE(2, 3), HR_FLOAT32, 1), *out;
  hr_array *i = filled(SHAPE(3, 3), HR_INT32, 1), *scalar = filled(NULL, 0, HR_FLOAT32, 1);
  assert_int_equal(hr_matmul(&out, a, b, NULL), HR_INVALID);
  assert_non_null(strstr(hr_last_error(), "lengths 3 and 2"));
  assert_int_equal(hr_matmul(&out, i, i, NULL), HR_INVALID);
  assert_int_equal(hr_matmul(&out, a, scalar, NULL), HR_INVALID);
  assert_int_equal(hr_matmul(&out, a, NULL, NULL), HR_INVALID);
  assert_null(out);
  hr_array_release(a), hr_array_release(b), hr_array_release(i), hr_array_release(scalar);
}

static void test_addmm_tensordot(void **state) {
  (void)state;
  hr_array *a = filled(SHAPE(2, 3), HR_FLOAT32, 1), *b = filled(SHAPE(3, 2), HR_FLOAT32, 2);
  hr_array *c = filled(SHAPE(2), HR_FLOAT32, 3), *out, *p, *wide;
  OK(hr_matmul(&p, a, b, NULL));
  OK(hr_addmm(&out, c, a, b, 2, 3, NULL));
  for (int i = 0; i < 4; i++) assert_true(at(out, i) == 2 * at(p, i) + 3 * value(i % 2, 3));
  hr_array_release(out);
  assert_int_equal(hr_addmm(&out, a, a, b, 2, 3, NULL), HR_INVALID);
  OK(hr_tensordot(&out, a, b, (int[]){0, 1}, 2, (int[]){1, 0}, 2, NULL));
  assert_int_equal(out->ndim, 0);
  assert_true(at(out, 0) == at(p, 0) + at(p, 3));
  hr_array_release(out);
  OK(hr_tensordot_axis(&out, c, a, 1, NULL));
  assert_int_equal(out->ndim, 1);
  for (int j = 0; j < 3; j++) assert_true(at(out, j) == value(0, 3) * value(j, 1) + value(1, 3) * value(3 + j, 1));
  hr_array_release(out);
  OK(hr_outer(&out, a, c, NULL));
  assert_int_equal(hr_array_shape(out)[0], 6);
  for (int i = 0; i < 12; i++) assert_true(at(out, i) == value(i / 2, 1) * value(i % 2, 3));
  hr_array_release(out);
  OK(hr_kron(&wide, a, c, NULL)); /* (2, 6) */
  assert_int_equal(hr_array_shape(wide)[1], 6);
  for (int i = 0; i < 12; i++) assert_true(at(wide, i) == value(i / 6 * 3 + i % 6 / 2, 1) * value(i % 2, 3));
  hr_array_release(wide), hr_array_release(p), hr_array_release(a), hr_array_release(b), hr_array_release(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_shapes),  cmocka_unit_test(test_dtypes),
                                     cmocka_unit_test(test_large),   cmocka_unit_test(test_packed),
                                     cmocka_unit_test(test_complex), cmocka_unit_test(test_batch),
                                     cmocka_unit_test(test_fold),    cmocka_unit_test(test_vectors),
                                     cmocka_unit_test(test_errors),  cmocka_unit_test(test_addmm_tensordot)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
