/* Writing at indices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "graph/eval.h"
#include "ops/cast.h"
#include "ops/scatter.h"
#include "ops/shape.h"

#define OK(expr)   assert_int_equal(expr, HR_OK)
#define SHAPE(...) (int[]){__VA_ARGS__}, (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int))

static hr_array *ints(const int32_t *values, const int *shape, int ndim) {
  hr_array *a;
  OK(hr_array_new_copy(&a, values, shape, ndim, HR_INT32));
  return a;
}
#define VALUES(...) \
  (int32_t[]) { __VA_ARGS__ }

static hr_array *iota(int rows, int columns) {
  int32_t values[64];
  for (int i = 0; i < rows * columns; i++) values[i] = i;
  return ints(values, SHAPE(rows, columns));
}

static void expect(hr_array *a, const int32_t *values, int count) {
  const void *data;
  OK(hr_array_read(&data, a));
  assert_int_equal(a->size, count);
  for (int i = 0; i < count; i++) assert_int_equal(((const int32_t *)data)[i], values[i]);
  hr_array_release(a);
}
#define EXPECT(a, ...) expect(a, (int32_t[]){__VA_ARGS__}, (int)(sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t)))

static void expect_failure(hr_array *a, const char *words) {
  assert_int_equal(hr_eval(&a, 1), HR_INVALID);
  assert_non_null(strstr(hr_last_error(), words));
  hr_array_release(a);
}

static void test_scatter(void **state) {
  (void)state;
  hr_array *a = iota(3, 2), *i = ints(VALUES(2, -3, 2), SHAPE(3)),
           *u = ints(VALUES(10, 11, 12, 13, 14, 15), SHAPE(3, 1, 2)), *out;
  OK(hr_scatter_single(&out, a, i, u, 0, NULL));
  EXPECT(out, 12, 13, 2, 3, 14, 15); /* of two updates of row 2 the last stays */
  OK(hr_scatter_add_single(&out, a, i, u, 0, NULL));
  EXPECT(out, 12, 14, 2, 3, 28, 31);
  OK(hr_scatter_prod_single(&out, a, i, u, 0, NULL));
  EXPECT(out, 0, 13, 2, 3, 560, 825);
  OK(hr_scatter_max_single(&out, a, i, u, 0, NULL));
  EXPECT(out, 12, 13, 2, 3, 14, 15);
  OK(hr_scatter_min_single(&out, a, i, u, 0, NULL));
  EXPECT(out, 0, 1, 2, 3, 4, 5);
  EXPECT(hr_array_retain(a), 0, 1, 2, 3, 4, 5); /* X3 */
  hr_array_release(u);
  u = ints(VALUES(1, 1, 1, 1, 1, 1), SHAPE(3, 2, 1));
  OK(hr_scatter_single(&out, a, i, u, 0, NULL));
  expect_failure(out, "a block of 2 from index 2 leaves axis 0 of length 3");
  hr_array_release(u);
  u = ints(VALUES(1, 1, 1, 1, 1, 1), SHAPE(3, 2));
  assert_int_equal(hr_scatter_single(&out, a, i, u, 0, NULL), HR_INVALID);
  hr_array_release(u), hr_array_release(i), hr_array_release(a);
}

/* Two indexed axes, single elements; and enough of them for the loop over parts. */
static void test_scatter_points(void **state) {
  (void)state;
  enum { COUNT = 100000 };
  hr_array *zero, *row, *column, *ones, *out, *x, *one;
  OK(hr_array_new_empty(&zero, (int[]){5, 7}, 2, HR_INT32));
  memset(hr_array_data(zero), 0, 35 * 4);
  OK(hr_array_new_empty(&row, (int[]){COUNT}, 1, HR_INT32));
  OK(hr_array_new_empty(&column, (int[]){COUNT}, 1, HR_INT32));
  int32_t counts[35] = {0};
  for (int k = 0; k < COUNT; k++) {
    int r = k * 3 % 5, c = k % 7 * (k % 7) % 7;
    ((int32_t *)hr_array_data(row))[k] = r, ((int32_t *)hr_array_data(column))[k] = c - 7;
    counts[r * 7 + c]++;
  }
  OK(hr_array_new_scalar(&one, 1, HR_INT32));
  OK(hr_broadcast_to(&x, one, (int[]){COUNT, 1, 1}, 3, NULL));
  OK(hr_row_major(&ones, x, NULL));
  hr_array_list both = {(hr_array *[]){row, column}, 2};
  OK(hr_scatter_add(&out, zero, &both, ones, (int[]){0, 1}, 2, NULL));
  expect(out, counts, 35);
  hr_array_release(x), hr_array_release(one), hr_array_release(ones);
  hr_array_release(zero), hr_array_release(row), hr_array_release(column);
}

static void test_along_axis(void **state) {
  (void)state;
  hr_array *a = iota(2, 3), *i = ints(VALUES(0, 0, 1, -2), SHAPE(2, 2)), *v = ints(VALUES(10), NULL, 0), *out;
  OK(hr_scatter_add_axis(&out, a, i, v, 1, NULL));
  EXPECT(out, 20, 1, 2, 3, 24, 5);
  OK(hr_put_along_axis(&out, a, i, v, -1, NULL));
  EXPECT(out, 10, 1, 2, 3, 10, 5);
  hr_array_release(i), hr_array_release(v);
  i = ints(VALUES(1, 0, 1), SHAPE(1, 3)), v = ints(VALUES(7, 8, 9), SHAPE(1, 3));
  OK(hr_put_along_axis(&out, a, i, v, 0, NULL));
  EXPECT(out, 0, 8, 2, 7, 4, 9);
  hr_array_release(i);
  i = ints(VALUES(1, 2, 1), SHAPE(1, 3));
  OK(hr_put_along_axis(&out, a, i, v, 0, NULL));
  expect_failure(out, "index 2 is out of range for axis 0 of length 2");
  hr_array_release(i), hr_array_release(v), hr_array_release(a);
}

static void test_slice_update(void **state) {
  (void)state;
  hr_array *a = iota(2, 3), *v = ints(VALUES(7, 8), SHAPE(2)), *start = ints(VALUES(1), SHAPE(1)), *out, *t;
  OK(hr_slice_update(&out, a, v, (int[]){0, 2}, 2, (int[]){2, -4}, 2, (int[]){1, -2}, 2, NULL));
  EXPECT(out, 8, 1, 7, 8, 4, 7);
  OK(hr_transpose(&t, a, NULL));
  OK(hr_slice_update(&out, t, v, (int[]){1, 0}, 2, (int[]){2, 2}, 2, (int[]){1, 1}, 2, NULL));
  EXPECT(out, 0, 3, 7, 8, 2, 5);
  assert_int_equal(hr_slice_update(&out, a, v, (int[]){0, 0}, 2, (int[]){2, 3}, 2, (int[]){1, 1}, 2, NULL), HR_INVALID);
  OK(hr_slice_update_dynamic(&out, t, v, start, (int[]){0}, 1, NULL));
  EXPECT(out, 0, 3, 7, 8, 2, 5);
  hr_array_release(start);
  start = ints(VALUES(3), SHAPE(1));
  OK(hr_slice_update_dynamic(&out, t, v, start, (int[]){0}, 1, NULL));
  expect_failure(out, "index 3 is out of range for axis 0 of length 3");
  hr_array_release(start), hr_array_release(v), hr_array_release(t), hr_array_release(a);
}

static void test_masked(void **state) {
  (void)state;
  hr_array *a = iota(2, 3), *src = ints(VALUES(10, 11, 12), SHAPE(3)), *one = ints(VALUES(9), SHAPE(1)), *mask, *rows,
           *out;
  OK(hr_array_new_copy(&mask, (uint8_t[]){1, 0, 1, 0, 0, 1}, (int[]){2, 3}, 2, HR_BOOL));
  OK(hr_array_new_copy(&rows, (uint8_t[]){0, 1}, (int[]){2}, 1, HR_BOOL));
  OK(hr_masked_scatter(&out, a, mask, src, NULL));
  EXPECT(out, 10, 1, 11, 3, 4, 12);
  OK(hr_masked_scatter(&out, a, rows, src, NULL));
  EXPECT(out, 0, 1, 2, 10, 11, 12);
  OK(hr_masked_scatter(&out, a, mask, one, NULL));
  EXPECT(out, 9, 1, 9, 3, 4, 9);
  hr_array_release(src);
  src = ints(VALUES(10, 11), SHAPE(2));
  OK(hr_masked_scatter(&out, a, mask, src, NULL));
  expect_failure(out, "the mask chooses 3 elements, the source has 2");
  hr_array_release(mask), hr_array_release(rows), hr_array_release(src), hr_array_release(one), hr_array_release(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_scatter), cmocka_unit_test(test_scatter_points),
                                     cmocka_unit_test(test_along_axis), cmocka_unit_test(test_slice_update),
                                     cmocka_unit_test(test_masked)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
