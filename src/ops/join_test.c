/* Arrays put together: concatenation, padding, repetition, rolling, grids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/memory.h"
#include "graph/eval.h"
#include "ops/cast.h"
#include "ops/join.h"
#include "ops/shape.h"

#define OK(expr)   assert_int_equal(expr, HR_OK)
#define SHAPE(...) (int[]){__VA_ARGS__}, (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int))

static hr_array *iota(const int *shape, int ndim) {
  hr_array *a;
  OK(hr_array_new_empty(&a, shape, ndim, HR_INT32));
  for (int64_t i = 0; i < a->size; i++) ((int32_t *)hr_array_data(a))[i] = (int32_t)i;
  return a;
}

/* Takes over the reference. */
static void expect(hr_array *a, const int *shape, int ndim, const int32_t *values) {
  hr_array *row;
  const void *data;
  OK(hr_row_major(&row, a, NULL));
  OK(hr_array_read(&data, row));
  assert_int_equal(a->ndim, ndim);
  for (int i = 0; i < ndim; i++) assert_int_equal(hr_array_shape(a)[i], shape[i]);
  for (int64_t i = 0; i < a->size; i++) assert_int_equal(((const int32_t *)data)[i], values[i]);
  hr_array_release(row), hr_array_release(a);
}
#define EXPECT(a, shape, ...) expect(a, shape, (int32_t[]){__VA_ARGS__})

static void test_concatenate(void **state) {
  (void)state;
  hr_array *a = iota(SHAPE(2, 3)), *t, *b = iota(SHAPE(2, 1)), *bytes, *out;
  OK(hr_transpose(&t, a, NULL));
  OK(hr_reshape(&bytes, t, (int[]){2, 3}, 2, NULL));
  hr_array_list list = {(hr_array *[]){a, b}, 2};
  OK(hr_concatenate_axis(&out, &list, -1, NULL));
  EXPECT(out, SHAPE(2, 4), 0, 1, 2, 0, 3, 4, 5, 1);
  OK(hr_concatenate(&out, &list, NULL));
  EXPECT(out, SHAPE(8), 0, 1, 2, 3, 4, 5, 0, 1);
  assert_int_equal(hr_concatenate_axis(&out, &list, 0, NULL), HR_INVALID);
  list.items[1] = bytes;
  OK(hr_stack_axis(&out, &list, 1, NULL));
  EXPECT(out, SHAPE(2, 2, 3), 0, 1, 2, 0, 3, 1, 3, 4, 5, 4, 2, 5);
  OK(hr_stack(&out, &list, NULL));
  EXPECT(out, SHAPE(2, 2, 3), 0, 1, 2, 3, 4, 5, 0, 3, 1, 4, 2, 5);
  hr_array *small;
  OK(hr_astype(&small, a, HR_INT8, NULL));
  list.items[0] = small;
  OK(hr_concatenate_axis(&out, &list, 0, NULL));
  assert_int_equal(hr_array_dtype(out), HR_INT32);
  EXPECT(out, SHAPE(4, 3), 0, 1, 2, 3, 4, 5, 0, 3, 1, 4, 2, 5);
  list.count = 0;
  assert_int_equal(hr_concatenate_axis(&out, &list, 0, NULL), HR_INVALID);
  hr_array_release(a), hr_array_release(b), hr_array_release(t), hr_array_release(bytes), hr_array_release(small);
}

static void check_pad(hr_array *a, int low, int high, const char *mode, const int32_t *values) {
  hr_array *out, *value;
  OK(hr_array_new_scalar(&value, 9, HR_FLOAT32));
  OK(hr_pad(&out, a, (int[]){-1}, 1, &low, 1, &high, 1, value, mode, NULL));
  expect(out, SHAPE((int)a->size + low + high), values);
  hr_array_release(value);
}

static void test_pad(void **state) {
  (void)state;
  hr_array *a = iota(SHAPE(4)), *one = iota(SHAPE(1)), *square = iota(SHAPE(2, 2)), *out;
  check_pad(a, 1, 2, "constant", (int32_t[]){9, 0, 1, 2, 3, 9, 9});
  check_pad(a, 2, 3, "edge", (int32_t[]){0, 0, 0, 1, 2, 3, 3, 3, 3});
  check_pad(a, 4, 5, "reflect", (int32_t[]){2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2});
  check_pad(a, 5, 5, "symmetric", (int32_t[]){3, 3, 2, 1, 0, 0, 1, 2, 3, 3, 2, 1, 0, 0});
  check_pad(one, 2, 2, "reflect", (int32_t[]){0, 0, 0, 0, 0});
  OK(hr_pad_symmetric(&out, square, 1, one, "constant", NULL));
  EXPECT(out, SHAPE(4, 4), 0, 0, 0, 0, 0, 0, 1, 0, 0, 2, 3, 0, 0, 0, 0, 0);
  assert_int_equal(hr_pad_symmetric(&out, square, -1, one, "constant", NULL), HR_INVALID);
  assert_int_equal(hr_pad_symmetric(&out, square, 1, one, "wrap", NULL), HR_INVALID);
  assert_int_equal(hr_pad_symmetric(&out, square, 1, a, "constant", NULL), HR_INVALID);
  hr_array_release(a), hr_array_release(one), hr_array_release(square);
}

static void test_roll(void **state) {
  (void)state;
  hr_array *a = iota(SHAPE(2, 3)), *out;
  OK(hr_roll(&out, a, (int[]){1, 1}, 2, NULL));
  EXPECT(out, SHAPE(2, 3), 4, 5, 0, 1, 2, 3);
  OK(hr_roll_axis(&out, a, (int[]){-4}, 1, 1, NULL));
  EXPECT(out, SHAPE(2, 3), 1, 2, 0, 4, 5, 3);
  OK(hr_roll_axes(&out, a, (int[]){1, 1}, 2, (int[]){0, 1}, 2, NULL));
  EXPECT(out, SHAPE(2, 3), 5, 3, 4, 2, 0, 1);
  assert_int_equal(hr_roll_axes(&out, a, (int[]){1}, 1, (int[]){0, 1}, 2, NULL), HR_INVALID);
  hr_array_release(a);
}

static void test_repeat_tile(void **state) {
  (void)state;
  hr_array *a = iota(SHAPE(2, 2)), *out;
  OK(hr_repeat(&out, a, 2, NULL));
  EXPECT(out, SHAPE(8), 0, 0, 1, 1, 2, 2, 3, 3);
  OK(hr_repeat_axis(&out, a, 2, 0, NULL));
  EXPECT(out, SHAPE(4, 2), 0, 1, 0, 1, 2, 3, 2, 3);
  OK(hr_repeat_axis(&out, a, 0, 1, NULL));
  EXPECT(out, SHAPE(2, 0), 0);
  assert_int_equal(hr_repeat_axis(&out, a, -1, 1, NULL), HR_INVALID);
  OK(hr_tile(&out, a, (int[]){2, 1, 2}, 3, NULL));
  EXPECT(out, SHAPE(2, 2, 4), 0, 1, 0, 1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3);
  OK(hr_tile(&out, a, (int[]){2}, 1, NULL));
  EXPECT(out, SHAPE(2, 4), 0, 1, 0, 1, 2, 3, 2, 3);
  hr_array_release(a);
}

static void test_meshgrid(void **state) {
  (void)state;
  hr_array *x = iota(SHAPE(2)), *y = iota(SHAPE(3));
  hr_array_list in = {(hr_array *[]){x, y}, 2}, out;
  OK(hr_meshgrid(&out, &in, false, "xy", NULL));
  EXPECT(out.items[0], SHAPE(3, 2), 0, 1, 0, 1, 0, 1);
  EXPECT(out.items[1], SHAPE(3, 2), 0, 0, 1, 1, 2, 2);
  hr_free(out.items);
  OK(hr_meshgrid(&out, &in, true, "ij", NULL));
  EXPECT(out.items[0], SHAPE(2, 1), 0, 1);
  EXPECT(out.items[1], SHAPE(1, 3), 0, 1, 2);
  hr_free(out.items);
  assert_int_equal(hr_meshgrid(&out, &in, true, "zz", NULL), HR_INVALID);
  hr_array_release(x), hr_array_release(y);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_concatenate), cmocka_unit_test(test_pad),
                                     cmocka_unit_test(test_roll), cmocka_unit_test(test_repeat_tile),
                                     cmocka_unit_test(test_meshgrid)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
