/* Reading at indices, for every index dtype, with the checks of X1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "graph/eval.h"
#include "ops/index.h"
#include "ops/shape.h"

#define OK(expr)   assert_int_equal(expr, HR_OK)
#define SHAPE(...) (int[]){__VA_ARGS__}, (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int))

static hr_array *iota(const int *shape, int ndim, hr_dtype dtype) {
  hr_array *a;
  OK(hr_array_new_empty(&a, shape, ndim, dtype));
  for (int64_t i = 0; i < a->size; i++)
    if (dtype == HR_INT8)
      ((int8_t *)hr_array_data(a))[i] = (int8_t)i;
    else
      ((int32_t *)hr_array_data(a))[i] = (int32_t)i;
  return a;
}

static hr_array *ints(const int32_t *values, const int *shape, int ndim) {
  hr_array *a;
  OK(hr_array_new_copy(&a, values, shape, ndim, HR_INT32));
  return a;
}

/* Takes over the reference. */
static void expect(hr_array *a, const int *shape, int ndim, const int32_t *values) {
  const void *data;
  OK(hr_array_read(&data, a));
  assert_int_equal(a->ndim, ndim);
  for (int i = 0; i < ndim; i++) assert_int_equal(hr_array_shape(a)[i], shape[i]);
  assert_true(hr_array_is_row(a));
  for (int64_t i = 0; i < a->size; i++) assert_int_equal(((const int32_t *)data)[i], values[i]);
  hr_array_release(a);
}
#define EXPECT(a, shape, ...) expect(a, shape, (int32_t[]){__VA_ARGS__})

static void expect_failure(hr_array *a, const char *words) {
  assert_int_equal(hr_eval(&a, 1), HR_INVALID);
  assert_non_null(strstr(hr_last_error(), words));
  hr_array_release(a);
}

static void test_take(void **state) {
  (void)state;
  hr_array *a = iota(SHAPE(2, 3), HR_INT32), *i = ints((int32_t[]){2, -3, 1, 0}, SHAPE(2, 2)), *out, *t;
  OK(hr_take_axis(&out, a, i, 1, NULL));
  EXPECT(out, SHAPE(2, 2, 2), 2, 0, 1, 0, 5, 3, 4, 3);
  OK(hr_take(&out, a, i, NULL));
  EXPECT(out, SHAPE(2, 2), 2, 3, 1, 0);
  OK(hr_transpose(&t, a, NULL));
  OK(hr_take_axis(&out, t, i, 0, NULL));
  EXPECT(out, SHAPE(2, 2, 2), 2, 5, 0, 3, 1, 4, 0, 3);
  OK(hr_take_axis(&out, t, i, 1, NULL));
  expect_failure(out, "index 2 is out of range for axis 1 of length 2");
  OK(hr_take_axis(&out, a, i, 0, NULL));
  expect_failure(out, "index 2 is out of range for axis 0 of length 2");
  assert_int_equal(hr_take_axis(&out, a, i, 2, NULL), HR_INVALID);
  hr_array_release(t), hr_array_release(i), hr_array_release(a);
}

/* Enough indices for several tiles and chunks; the one bad index is found wherever it stands. */
static void test_take_long(void **state) {
  (void)state;
  enum { LENGTH = 1000, COUNT = 100000 };
  hr_array *a = iota(SHAPE(LENGTH), HR_INT32), *i = iota(SHAPE(COUNT), HR_INT32), *out;
  int32_t *index = hr_array_data(i);
  for (int k = 0; k < COUNT; k++) /* tiles with and without negative ones */
    index[k] = k < COUNT / 2 ? k * 7 % (2 * LENGTH) - LENGTH : k * 7 % LENGTH;
  OK(hr_take(&out, a, i, NULL));
  const void *data;
  OK(hr_array_read(&data, out));
  for (int k = 0; k < COUNT; k++) assert_int_equal(((const int32_t *)data)[k], (index[k] + LENGTH) % LENGTH);
  hr_array_release(out);
  index[77777] = LENGTH;
  OK(hr_take(&out, a, i, NULL));
  expect_failure(out, "index 1000 is out of range");
  hr_array_release(i), hr_array_release(a);
}

static void test_take_dtypes(void **state) {
  (void)state;
  static const hr_dtype DTYPES[] = {HR_UINT8, HR_UINT16, HR_UINT32, HR_UINT64, HR_INT8, HR_INT16, HR_INT32, HR_INT64};
  for (int d = 0; d < 8; d++)
    for (int width = 1; width <= 3; width++) {
      hr_array *a = iota(SHAPE(4, width), HR_INT8), *i, *out, *bad;
      OK(hr_array_new_scalar(&i, 2, DTYPES[d]));
      OK(hr_take_axis(&out, a, i, 0, NULL));
      const void *data;
      OK(hr_array_read(&data, out));
      for (int k = 0; k < width; k++) assert_int_equal(((const int8_t *)data)[k], 2 * width + k);
      hr_array_release(out);
      OK(hr_array_new_scalar(&bad, d < 4 ? 4 : -5, DTYPES[d]));
      OK(hr_take_axis(&out, a, bad, 0, NULL));
      expect_failure(out, d < 4 ? "index 4 is" : "index -5 is");
      hr_array_release(bad), hr_array_release(i), hr_array_release(a);
    }
  hr_array *a = iota(SHAPE(4), HR_INT32), *i, *out;
  OK(hr_array_new_scalar(&i, 1, HR_FLOAT32));
  assert_int_equal(hr_take(&out, a, i, NULL), HR_INVALID);
  hr_array_release(i), hr_array_release(a);
}

static void test_take_empty(void **state) {
  (void)state;
  hr_array *a = iota(SHAPE(0, 2), HR_INT32), *none = ints((int32_t[]){0}, SHAPE(0)), *out;
  hr_array *one = ints((int32_t[]){0}, SHAPE(1));
  OK(hr_take_axis(&out, a, none, 0, NULL));
  EXPECT(out, SHAPE(0, 2), 0);
  OK(hr_take_axis(&out, a, one, 0, NULL));
  expect_failure(out, "index 0 is out of range for axis 0 of length 0");
  OK(hr_take_axis(&out, a, one, 1, NULL));
  EXPECT(out, SHAPE(0, 1), 0);
  hr_array_release(a), hr_array_release(none), hr_array_release(one);
}

static void test_take_along(void **state) {
  (void)state;
  hr_array *a = iota(SHAPE(2, 3), HR_INT32), *out, *i = ints((int32_t[]){0, 2}, SHAPE(2, 1));
  OK(hr_take_along_axis(&out, a, i, 1, NULL));
  EXPECT(out, SHAPE(2, 1), 0, 5);
  hr_array_release(i);
  i = ints((int32_t[]){0, -1}, SHAPE(1, 2));
  OK(hr_take_along_axis(&out, a, i, -1, NULL));
  EXPECT(out, SHAPE(2, 2), 0, 2, 3, 5);
  hr_array_release(i);
  i = ints((int32_t[]){1, 0, 1, 1, 1, 0}, SHAPE(2, 3));
  OK(hr_take_along_axis(&out, a, i, 0, NULL));
  EXPECT(out, SHAPE(2, 3), 3, 1, 5, 3, 4, 2);
  OK(hr_take_along_axis(&out, i, a, 1, NULL));
  expect_failure(out, "index 3 is out of range for axis 1 of length 3");
  hr_array_release(i), hr_array_release(a);
}

static void test_gather(void **state) {
  (void)state;
  hr_array *a = iota(SHAPE(3, 4), HR_INT32), *i = ints((int32_t[]){1, 0, -1}, SHAPE(3)),
           *j = ints((int32_t[]){2}, NULL, 0);
  hr_array *out, *t;
  OK(hr_gather_single(&out, a, i, 0, (int[]){1, 2}, 2, NULL));
  EXPECT(out, SHAPE(3, 1, 2), 4, 5, 0, 1, 8, 9);
  hr_array_list both = {(hr_array *[]){i, j}, 2};
  OK(hr_gather(&out, a, &both, (int[]){0, 1}, 2, (int[]){1, 2}, 2, NULL));
  EXPECT(out, SHAPE(3, 1, 2), 6, 7, 2, 3, 10, 11);
  OK(hr_gather(&out, a, &both, (int[]){0, 1}, 2, (int[]){1, 3}, 2, NULL));
  expect_failure(out, "a block of 3 from index 2 leaves axis 1 of length 4");
  OK(hr_transpose(&t, a, NULL));
  OK(hr_gather_single(&out, t, i, 0, (int[]){1, 2}, 2, NULL));
  EXPECT(out, SHAPE(3, 1, 2), 1, 5, 0, 4, 3, 7);
  assert_int_equal(hr_gather_single(&out, a, i, 0, (int[]){4, 1}, 2, NULL), HR_INVALID);
  assert_int_equal(hr_gather(&out, a, &both, (int[]){0, 0}, 2, (int[]){1, 1}, 2, NULL), HR_INVALID);
  hr_array_release(t), hr_array_release(a), hr_array_release(i), hr_array_release(j);
}

static void test_slice_dynamic(void **state) {
  (void)state;
  hr_array *a = iota(SHAPE(3, 4), HR_INT32), *start = ints((int32_t[]){1, -2}, SHAPE(2)), *out;
  OK(hr_slice_dynamic(&out, a, start, (int[]){0, 1}, 2, (int[]){2, 2}, 2, NULL));
  EXPECT(out, SHAPE(2, 2), 6, 7, 10, 11);
  OK(hr_slice_dynamic(&out, a, start, (int[]){0, 1}, 2, (int[]){2, 3}, 2, NULL));
  expect_failure(out, "a block of 3 from index -2 leaves axis 1 of length 4");
  assert_int_equal(hr_slice_dynamic(&out, a, start, (int[]){0}, 1, (int[]){2, 3}, 2, NULL), HR_INVALID);
  hr_array_release(start), hr_array_release(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_take),         cmocka_unit_test(test_take_long),
                                     cmocka_unit_test(test_take_dtypes),  cmocka_unit_test(test_take_empty),
                                     cmocka_unit_test(test_take_along),   cmocka_unit_test(test_gather),
                                     cmocka_unit_test(test_slice_dynamic)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
