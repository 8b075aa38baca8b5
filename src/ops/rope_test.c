/* Rotary position encoding, through the builders, against plain loops in long double. */
#include <math.h>
#include <string.h>

#include "ops/rope.h"
#include "ops/test_util.h"

static const hr_optional_float no_base = {0, false}, ten_thousand = {10000, true};

typedef struct call {
  int dims;
  bool traditional;
  hr_optional_float base;
  float scale;
  int offset;
  hr_array *offsets, *freqs;
} call;

static hr_array *apply(hr_array *x, const call *c) {
  hr_array *out;
  if (c->offsets)
    assert_int_equal(
        hr_fast_rope_dynamic(&out, x, c->dims, c->traditional, c->base, c->scale, c->offsets, c->freqs, stream), HR_OK);
  else
    assert_int_equal(hr_fast_rope(&out, x, c->dims, c->traditional, c->base, c->scale, c->offset, c->freqs, stream),
                     HR_OK);
  return out;
}

/* One row at a position. `unit`: of the last place that sums of products are kept to, `rounding` that of the store. */
static void check_row(const double *got, const double *x, int n, int64_t position, const call *c, const double *freqs,
                      double unit, double rounding) {
  int half = c->dims / 2;
  for (int i = 0; i < n; i++) {
    if (i >= c->dims) {
      assert_true(got[i] == x[i]);
      continue;
    }
    int pair = c->traditional ? i / 2 : i % half, second = c->traditional ? i % 2 : i >= half;
    double a = x[c->traditional ? 2 * pair : pair], b = x[c->traditional ? 2 * pair + 1 : pair + half];
    long double step = freqs ? 1 / (long double)freqs[pair] : powl(c->base.value, -(long double)pair / half);
    long double angle = (long double)c->scale * (long double)position * step;
    double expected = (double)(second ? a * sinl(angle) + b * cosl(angle) : a * cosl(angle) - b * sinl(angle));
    /* angles are kept to 16 units of the last place of a double */
    double tolerance = (3 * unit + 0x1p-48 * (1 + fabs((double)angle))) * (fabs(a) + fabs(b));
    if (fabs(got[i] - expected) > tolerance + rounding * (fabs(expected) + 0x1p-14))
      fail_msg("position %lld, element %d: %.12g, expected %.12g", (long long)position, i, got[i], expected);
  }
}

static void check(hr_array *x, const call *c) {
  const int *shape = hr_array_shape(x);
  int length = shape[x->ndim - 2], n = shape[x->ndim - 1];
  hr_dtype dtype = hr_array_dtype(x);
  double unit = dtype == HR_FLOAT64 ? 0x1p-53 : 0x1p-24;
  double rounding = dtype == HR_FLOAT16 ? 0x1p-11 : dtype == HR_BFLOAT16 ? 0x1p-8 : 0;
  hr_array *out = apply(x, c), *keep[4] = {NULL};
  const double *got = doubles_of(&keep[0], out), *in = doubles_of(&keep[1], x);
  const double *offsets = c->offsets ? doubles_of(&keep[2], c->offsets) : NULL;
  const double *freqs = c->freqs ? doubles_of(&keep[3], c->freqs) : NULL;
  int64_t rows = x->size / n, of_batch = rows / shape[0];
  for (int64_t r = 0; r < rows; r++) {
    int64_t offset = offsets ? (int64_t)offsets[c->offsets->size > 1 ? r / of_batch : 0] : c->offset;
    check_row(got + r * n, in + r * n, n, offset + r % length, c, freqs, unit, rounding);
  }
  for (int i = 0; i < 4; i++) hr_array_release(keep[i]);
  hr_array_release(out);
}

static void test_kinds(void **state) {
  (void)state;
  static const hr_dtype dtypes[] = {HR_FLOAT32, HR_FLOAT64, HR_FLOAT16, HR_BFLOAT16};
  static const int dims[] = {2, 6, 30, 64, 66}, offsets[] = {0, 5, -40, 31, 100000};
  for (int d = 0; d < 4; d++)
    for (int k = 0; k < 5; k++)
      for (int i = 0; i < 5; i++)
        for (int traditional = 0; traditional < 2; traditional++) {
          hr_array *x = numbers((int[]){2, 3, 70, 66}, 4, dtypes[d], 0, 2);
          check(x, &(call){dims[k], traditional, ten_thousand, i == 1 ? 0.5f : 1, offsets[i], NULL, NULL});
          hr_array_release(x);
        }
}

static hr_array *integers(const int64_t *values, int count, int ndim) {
  hr_array *a;
  assert_int_equal(hr_array_new_copy(&a, values, &count, ndim, HR_INT64), HR_OK);
  return a;
}

static void test_offsets_and_freqs(void **state) {
  (void)state;
  hr_array *x = numbers((int[]){3, 2, 40, 8}, 4, HR_FLOAT32, 0, 2),
           *flat = numbers((int[]){3, 40, 8}, 3, HR_FLOAT32, 0, 2);
  hr_array *three = integers((int64_t[]){1000, -7, 64}, 3, 1), *one = integers((int64_t[]){33}, 1, 1);
  hr_array *scalar = integers((int64_t[]){12}, 0, 0), *freqs = numbers((int[]){3}, 1, HR_FLOAT32, 5, 2);
  hr_array *all[] = {three, one, scalar, NULL};
  for (int i = 0; i < 4; i++) {
    check(x, &(call){6, false, no_base, 1, 9, all[i], freqs});
    check(flat, &(call){8, true, ten_thousand, 2, 0, all[i], NULL});
  }
  hr_array *backwards = strided(three, (int[]){3}, (int64_t[]){-1}, 1, 2);
  check(x, &(call){6, false, ten_thousand, 1, 0, backwards, NULL});
  hr_array_release(x), hr_array_release(flat), hr_array_release(three), hr_array_release(one);
  hr_array_release(scalar), hr_array_release(freqs), hr_array_release(backwards);
}

static void test_layouts(void **state) {
  (void)state;
  static const int64_t strides[][4] = {{4000, 20, 200, 1}, {1, 2, 6, 3000}, {-9, -100, -200, -1},
                                       {0, 0, 0, 1},       {0, 30, 0, 2},   {1, 1, 1, 0}};
  hr_array *memory = numbers((int[]){100000}, 1, HR_FLOAT32, 0, 2);
  for (size_t i = 0; i < sizeof strides / sizeof *strides; i++)
    for (int traditional = 0; traditional < 2; traditional++) {
      hr_array *x = strided(memory, (int[]){2, 3, 70, 18}, strides[i], 4, 40000);
      check(x, &(call){16, traditional, ten_thousand, 1, 3, NULL, NULL});
      hr_array_release(x);
    }
  hr_array *many = strided(memory, (int[]){2, 2, 2, 2, 5, 6}, (int64_t[]){480, 240, 120, 60, 12, 1}, 6, 0);
  check(many, &(call){6, false, ten_thousand, 1, 3, NULL, NULL});
  hr_array_release(many), hr_array_release(memory);
}

/* Rows one by one have the bits of all rows at once. */
static void test_row_by_row(void **state) {
  (void)state;
  enum { T = 150, D = 34 };
  hr_array *x = numbers((int[]){1, T, D}, 3, HR_FLOAT32, 0, 2), *keep_all, *keep_one;
  call c = {32, false, ten_thousand, 1, 77, NULL, NULL};
  hr_array *all = apply(x, &c);
  const double *whole = doubles_of(&keep_all, all);
  for (int t = 0; t < T; t++, c.offset++) {
    hr_array *row = strided(x, (int[]){1, 1, D}, (int64_t[]){D, D, 1}, 3, (size_t)(t * D)), *out = apply(row, &c);
    assert_memory_equal(doubles_of(&keep_one, out), whole + t * D, D * sizeof *whole);
    hr_array_release(row), hr_array_release(out), hr_array_release(keep_one);
  }
  hr_array_release(x), hr_array_release(all), hr_array_release(keep_all);
}

/* In place, where the result takes over the input's memory: the cast's result has no other user. */
static void test_in_place(void **state) {
  (void)state;
  hr_array *x = numbers((int[]){2, 60, 40}, 3, HR_FLOAT64, 0, 2), *single;
  for (int traditional = 0; traditional < 2; traditional++) {
    call c = {36, traditional, ten_thousand, 1, 77, NULL, NULL};
    hr_array *keep, *keep_held, *held, *out, *out_held;
    assert_int_equal(hr_astype(&held, x, HR_FLOAT32, stream), HR_OK);
    out_held = apply(held, &c);
    const double *expected = doubles_of(&keep_held, out_held);
    assert_int_equal(hr_astype(&single, x, HR_FLOAT32, stream), HR_OK);
    out = apply(single, &c);
    hr_array_release(single);
    assert_memory_equal(doubles_of(&keep, out), expected, 4800 * sizeof *expected);
    hr_array_release(keep), hr_array_release(keep_held), hr_array_release(held);
    hr_array_release(out), hr_array_release(out_held);
  }
  hr_array_release(x);
}

static void expect_failure(hr_array *x, const call *c, const char *words) {
  hr_array *out;
  hr_status status =
      c->offsets
          ? hr_fast_rope_dynamic(&out, x, c->dims, c->traditional, c->base, c->scale, c->offsets, c->freqs, stream)
          : hr_fast_rope(&out, x, c->dims, c->traditional, c->base, c->scale, c->offset, c->freqs, stream);
  hr_error *error = hr_error_new(status);
  assert_int_equal(status, HR_INVALID);
  assert_null(out);
  if (!strstr(hr_error_text(error), words)) assert_string_equal(hr_error_text(error), words);
  hr_error_release(error);
}

static void test_errors(void **state) {
  (void)state;
  hr_array *x = numbers((int[]){2, 5, 4}, 3, HR_FLOAT32, 0, 2), *flat = numbers((int[]){5, 4}, 2, HR_FLOAT32, 0, 2);
  hr_array *whole = numbers((int[]){2, 5, 4}, 3, HR_INT32, 0, 9), *freqs = numbers((int[]){3}, 1, HR_FLOAT32, 5, 2);
  hr_array *three = integers((int64_t[]){1000, -7, 64}, 3, 1), *empty = numbers((int[]){2, 0, 4}, 3, HR_FLOAT32, 0, 2);
  expect_failure(flat, &(call){4, false, ten_thousand, 1, 0, NULL, NULL},
                 "x must have at least 3 axes and is float32(5,4)");
  expect_failure(whole, &(call){4, false, ten_thousand, 1, 0, NULL, NULL}, "floating-point type and is int32(2,5,4)");
  static const int dims[] = {3, 0, -2, 6, INT32_MAX, INT32_MIN};
  for (int i = 0; i < 6; i++)
    expect_failure(x, &(call){dims[i], false, ten_thousand, 1, 0, NULL, NULL}, "dims must be even and from 2 to");
  expect_failure(x, &(call){4, false, no_base, 1, 0, NULL, NULL}, "neither base nor freqs");
  expect_failure(x, &(call){4, false, ten_thousand, 1, 0, NULL, freqs}, "both given");
  expect_failure(x, &(call){4, false, no_base, 1, 0, NULL, freqs}, "dims / 2 = 2 real numbers and is float32(3)");
  expect_failure(x, &(call){4, false, ten_thousand, 1, 0, three, NULL}, "1 or 2 elements and is int64(3)");
  expect_failure(x, &(call){4, false, ten_thousand, 1, 0, freqs, NULL}, "an integer type and is float32(3)");
  hr_array *out = apply(empty, &(call){4, false, ten_thousand, 1, 0, NULL, NULL});
  assert_int_equal(out->size, 0);
  hr_array_release(out), hr_array_release(x), hr_array_release(flat), hr_array_release(whole);
  hr_array_release(freqs), hr_array_release(three), hr_array_release(empty);
}

/* Positions at the ends of what an offset can be: finite, and no undefined behaviour. */
static void test_far_positions(void **state) {
  (void)state;
  hr_array *x = numbers((int[]){2, 40, 4}, 3, HR_FLOAT32, 0, 2), *keep;
  hr_array *ends = integers((int64_t[]){INT64_MAX - 3, INT64_MIN}, 2, 1);
  hr_array *out = apply(x, &(call){4, false, ten_thousand, 1, 0, ends, NULL});
  const double *got = doubles_of(&keep, out);
  for (int i = 0; i < 320; i++) assert_true(fabs(got[i]) <= 1.5);
  hr_array_release(x), hr_array_release(keep), hr_array_release(ends), hr_array_release(out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_kinds),         cmocka_unit_test(test_offsets_and_freqs), cmocka_unit_test(test_layouts),
      cmocka_unit_test(test_row_by_row),    cmocka_unit_test(test_in_place),          cmocka_unit_test(test_errors),
      cmocka_unit_test(test_far_positions),
  };
  return cmocka_run_group_tests(tests, start, NULL);
}
