/* layer_norm and rms_norm, through the builders, against plain loops in long double. */
#include <math.h>
#include <string.h>

#include "ops/norm.h"
#include "ops/test_util.h"

typedef struct precision {
  hr_dtype dtype;
  double unit, rounding; /* of the last place of the sums; half of that of the result's store */
} precision;

static const precision precisions[] = {{HR_FLOAT32, 0x1p-24, 0},
                                       {HR_FLOAT64, 0x1p-52, 0}, /* x87 or not, the reference has 11 bits more */
                                       {HR_FLOAT16, 0x1p-24, 0x1p-11},
                                       {HR_BFLOAT16, 0x1p-24, 0x1p-8}};

typedef struct operands {
  hr_array *x, *weight, *bias;
} operands;

/* What element i of a row becomes. */
typedef struct moments {
  long double mean, scale;
} moments;

static moments moments_of(const double *x, int64_t n, bool rms, float eps) {
  long double sum = 0, squares = 0;
  for (int64_t i = 0; i < n; i++) sum += x[i];
  long double mean = rms ? 0 : sum / n;
  for (int64_t i = 0; i < n; i++) squares += (x[i] - mean) * (x[i] - mean);
  return (moments){mean, 1 / sqrtl(squares / n + eps)};
}

/* Errors are measured against the largest of the terms that a result is made of. */
static void check_rows(const double *got, const double *x, const double *w, const double *b, int64_t rows, int64_t n,
                       bool rms, const precision *p) {
  for (int64_t r = 0; r < rows; r++, got += n, x += n) {
    moments m = moments_of(x, n, rms, 1e-5f);
    for (int64_t i = 0; i < n; i++) {
      double y = (double)((x[i] - m.mean) * m.scale), factor = w ? w[i] : 1, add = b ? b[i] : 0;
      double expected = y * factor + add, terms = (1 + fabs(y)) * fabs(factor) + fabs(add);
      if (fabs(got[i] - expected) > 12 * p->unit * terms + p->rounding * (fabs(expected) + 0x1p-14))
        fail_msg("row %d of %d, element %d: %.10g, expected %.10g", (int)r, (int)n, (int)i, got[i], expected);
    }
  }
}

static void check(const operands *o, bool rms, const precision *p) {
  hr_array *out, *wide[4] = {NULL};
  hr_status status = rms ? hr_fast_rms_norm(&out, o->x, o->weight, 1e-5f, stream)
                         : hr_fast_layer_norm(&out, o->x, o->weight, o->bias, 1e-5f, stream);
  assert_int_equal(status, HR_OK);
  int64_t n = hr_array_shape(o->x)[o->x->ndim - 1];
  const double *got = doubles_of(&wide[0], out), *x = doubles_of(&wide[1], o->x);
  const double *w = o->weight ? doubles_of(&wide[2], o->weight) : NULL;
  const double *b = o->bias && !rms ? doubles_of(&wide[3], o->bias) : NULL;
  check_rows(got, x, w, b, o->x->size / n, n, rms, p);
  for (int i = 0; i < 4; i++) hr_array_release(wide[i]);
  hr_array_release(out);
}

static void test_rows(void **state) {
  (void)state;
  static const int lengths[] = {1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 127, 129, 1000, 1024, 9000};
  for (size_t p = 0; p < sizeof precisions / sizeof *precisions; p++)
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
      for (int with = 0; with < 4; with++) {
        hr_dtype dtype = precisions[p].dtype;
        operands o = {numbers((int[]){3, lengths[i]}, 2, dtype, 0, 4),
                      with & 1 ? numbers(&lengths[i], 1, dtype, 1, 2) : NULL,
                      with & 2 ? numbers(&lengths[i], 1, dtype, 0, 2) : NULL};
        check(&o, false, &precisions[p]);
        check(&o, true, &precisions[p]);
        hr_array_release(o.x), hr_array_release(o.weight), hr_array_release(o.bias);
      }
}

/* The mean is far above what the elements differ by, all through the row or from some element on. */
static void test_large_means(void **state) {
  (void)state;
  static const double means[] = {1e3, -3e4, 1e6};
  for (int i = 0; i < 3; i++)
    for (int zeros = 0; zeros <= 32; zeros += 8) {
      int n = 1500;
      operands o = {numbers((int[]){2, n}, 2, HR_FLOAT32, means[i], 2), NULL, NULL};
      memset(hr_array_data(o.x), 0, (size_t)zeros * sizeof(float));
      check(&o, false, &precisions[0]);
      hr_array_release(o.x);
    }
}

static void test_long_rows(void **state) {
  (void)state;
  int n = 200001;
  for (int mean = 0; mean <= 5000; mean += 5000) {
    operands o = {numbers((int[]){2, n}, 2, HR_FLOAT32, mean, 3), numbers(&n, 1, HR_FLOAT32, 1, 1),
                  numbers(&n, 1, HR_FLOAT32, 0, 1)};
    check(&o, false, &precisions[0]);
    check(&o, true, &(precision){HR_FLOAT32, 0x1p-23, 0});
    hr_array_release(o.x), hr_array_release(o.weight), hr_array_release(o.bias);
  }
}

/* 64 MiB and more go past the caches. */
static void test_large_results(void **state) {
  (void)state;
  int n = 1021;
  operands o = {numbers((int[]){16500, n}, 2, HR_FLOAT32, 0, 1), numbers(&n, 1, HR_FLOAT32, 1, 1),
                numbers(&n, 1, HR_FLOAT32, 0, 1)};
  check(&o, false, &precisions[0]);
  hr_array_release(o.x), hr_array_release(o.weight), hr_array_release(o.bias);
}

/* Rows apart, turned, reversed, and one for all; weights with gaps, reversed, and one element for all. */
static void test_layouts(void **state) {
  (void)state;
  static const int64_t strides[][3] = {{2100, 60, 1}, {1, 30, 600}, {-40, -1, 900}, {0, 40, 1}, {40, 0, 2}, {7, 3, 0}};
  static const int64_t steps[] = {1, 2, -1, 0};
  hr_array *memory = numbers((int[]){70000}, 1, HR_FLOAT32, 0, 1);
  for (size_t i = 0; i < sizeof strides / sizeof *strides; i++)
    for (int k = 0; k < 4; k++) {
      operands o = {strided(memory, (int[]){6, 20, 33}, strides[i], 3, 5000),
                    strided(memory, (int[]){33}, &steps[k], 1, 100), strided(memory, (int[]){33}, &steps[k], 1, 200)};
      check(&o, false, &precisions[0]);
      check(&o, true, &precisions[0]);
      hr_array_release(o.x), hr_array_release(o.weight), hr_array_release(o.bias);
    }
  hr_array_release(memory);
}

/* Where the input's memory is taken over by the result. */
static void test_in_place(void **state) {
  (void)state;
  hr_array *x = numbers((int[]){20, 100}, 2, HR_FLOAT32, 3, 1), *once, *moved, *out, *keep, *keep_once;
  assert_int_equal(hr_fast_layer_norm(&once, x, NULL, NULL, 0, stream), HR_OK);
  assert_int_equal(hr_astype(&moved, x, HR_FLOAT64, stream), HR_OK);
  hr_array_release(x);
  assert_int_equal(hr_astype(&x, moved, HR_FLOAT32, stream), HR_OK);
  assert_int_equal(hr_fast_layer_norm(&out, x, NULL, NULL, 0, stream), HR_OK);
  hr_array_release(x), hr_array_release(moved);
  const double *got = doubles_of(&keep, out), *expected = doubles_of(&keep_once, once);
  assert_memory_equal(got, expected, 2000 * sizeof *got);
  hr_array_release(out), hr_array_release(once), hr_array_release(keep), hr_array_release(keep_once);
}

static void test_special(void **state) {
  (void)state;
  static const float x[][4] = {{1, INFINITY, 2, 0}, {1, NAN, 2, 0}, {3, 3, 3, 3}};
  hr_array *a, *out, *keep;
  for (int i = 0; i < 3; i++) {
    assert_int_equal(hr_array_new_copy(&a, x[i], (int[]){4}, 1, HR_FLOAT32), HR_OK);
    assert_int_equal(hr_fast_layer_norm(&out, a, NULL, NULL, 0, stream), HR_OK);
    for (int k = 0; k < 4; k++) assert_true(isnan(doubles_of(&keep, out)[k])), hr_array_release(keep);
    hr_array_release(out);
    assert_int_equal(hr_fast_rms_norm(&out, a, NULL, 0, stream), HR_OK);
    const double *got = doubles_of(&keep, out);
    if (i == 0) assert_true(got[0] == 0 && isnan(got[1]) && got[2] == 0 && got[3] == 0);
    if (i == 1) assert_true(isnan(got[0]) && isnan(got[3]));
    if (i == 2) assert_true(got[0] == 1 && got[3] == 1);
    hr_array_release(out), hr_array_release(keep), hr_array_release(a);
  }
}

static void expect_failure(hr_status status, hr_array **out, const char *words) {
  hr_error *error = hr_error_new(status);
  assert_int_equal(status, HR_INVALID);
  assert_null(*out);
  if (!strstr(hr_error_text(error), words)) assert_string_equal(hr_error_text(error), words);
  hr_error_release(error);
}

static void test_errors(void **state) {
  (void)state;
  hr_array *out, *x = numbers((int[]){2, 4}, 2, HR_FLOAT32, 0, 1), *w = numbers((int[]){3}, 1, HR_FLOAT32, 0, 1);
  hr_array *scalar = numbers(NULL, 0, HR_FLOAT32, 0, 1), *whole = numbers((int[]){2, 4}, 2, HR_INT32, 0, 9);
  hr_array *empty = numbers((int[]){3, 0}, 2, HR_FLOAT32, 0, 1), *complex = numbers((int[]){4}, 1, HR_COMPLEX64, 0, 1);
  expect_failure(hr_fast_layer_norm(&out, scalar, NULL, NULL, 0, stream), &out, "layer_norm: x must have at least 1");
  expect_failure(hr_fast_rms_norm(&out, x, w, 0, stream), &out, "rms_norm: weight must be a vector of 4 elements");
  expect_failure(hr_fast_layer_norm(&out, x, NULL, w, 0, stream), &out, "bias must be a vector of 4 elements");
  expect_failure(hr_fast_layer_norm(&out, x, x, NULL, 0, stream), &out, "is float32(2,4)");
  expect_failure(hr_fast_layer_norm(&out, x, complex, NULL, 0, stream), &out, "complex64");
  expect_failure(hr_fast_rms_norm(&out, whole, NULL, 0, stream), &out, "a floating-point type is needed, not int32");
  assert_int_equal(hr_fast_rms_norm(&out, empty, NULL, 0, stream), HR_OK);
  assert_int_equal(out->size, 0);
  hr_array_release(out), hr_array_release(x), hr_array_release(w), hr_array_release(scalar), hr_array_release(whole);
  hr_array_release(empty), hr_array_release(complex);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rows),          cmocka_unit_test(test_large_means), cmocka_unit_test(test_long_rows),
      cmocka_unit_test(test_large_results), cmocka_unit_test(test_layouts),     cmocka_unit_test(test_in_place),
      cmocka_unit_test(test_special),       cmocka_unit_test(test_errors),
  };
  return cmocka_run_group_tests(tests, start, NULL);
}
