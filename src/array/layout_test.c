/* src/array/layout_test.c - shapes, strides, and what is refused. */
#include "array/layout.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_row_major(void **state) {
  (void)state;
  hr_layout l;
  assert_int_equal(hr_layout_set(&l, (int[]){2, 3, 4}, 3, HR_INT16), HR_OK);
  assert_int_equal(l.size, 24);
  assert_int_equal(l.offset, 0);
  assert_int_equal(l.dtype, HR_INT16);
  assert_memory_equal(l.strides, ((int64_t[]){12, 4, 1}), 3 * sizeof(int64_t));
  assert_int_equal(hr_layout_set(&l, NULL, 0, HR_BOOL), HR_OK);
  assert_int_equal(l.size, 1);
  assert_int_equal(hr_layout_set(&l, (int[]){5, 0, 7}, 3, HR_BOOL), HR_OK);
  assert_int_equal(l.size, 0);
  int64_t strides[2] = {-8, 0};
  assert_int_equal(hr_layout_set_strided(&l, (int[]){3, 4}, strides, 16, 2, HR_FLOAT32), HR_OK);
  assert_int_equal(l.size, 12);
  assert_int_equal(l.offset, 16);
  assert_memory_equal(l.strides, strides, sizeof strides);
}

static void expect_refusal(const int *shape, int ndim, int dtype, const char *part) {
  hr_layout l;
  int64_t strides[HR_MAX_NDIM] = {0};
  assert_int_equal(hr_layout_set(&l, shape, ndim, (hr_dtype)dtype), HR_INVALID);
  assert_non_null(strstr(hr_last_error(), part));
  assert_int_equal(hr_layout_set_strided(&l, shape, strides, 0, ndim, (hr_dtype)dtype), HR_INVALID);
  assert_non_null(strstr(hr_last_error(), part));
}

static void test_refusals(void **state) {
  (void)state;
  static const int ones[HR_MAX_NDIM + 1];
  expect_refusal((int[]){2, -3}, 2, HR_INT8, "(2,-3)");
  expect_refusal((int[]){0, -3}, 2, HR_INT8, "(0,-3)");
  expect_refusal(ones, HR_MAX_NDIM + 1, HR_INT8, "not 33");
  expect_refusal(ones, -1, HR_INT8, "not -1");
  expect_refusal(ones, 1, HR_DTYPE_COUNT, "14");
  expect_refusal((int[]){1 << 30, 1 << 30, 8}, 3, HR_INT8, "(1073741824,1073741824,8) of int8");
  expect_refusal((int[]){1 << 30, 1 << 30}, 2, HR_FLOAT64, "float64");
  expect_refusal((int[]){INT_MAX, INT_MAX, INT_MAX, 1, INT_MAX}, 5, HR_BOOL, "too large");
}

static void test_largest(void **state) {
  (void)state;
  hr_layout l;
  assert_int_equal(hr_layout_set(&l, (int[]){1 << 30, 1 << 30, 7}, 3, HR_INT8), HR_OK);
  assert_int_equal(l.size, INT64_C(7) << 60);
  assert_int_equal(l.strides[0], INT64_C(7) << 30);
  /* an empty array is small, whatever its other lengths */
  assert_int_equal(hr_layout_set(&l, (int[]){INT_MAX, INT_MAX, INT_MAX, INT_MAX, 0}, 5, HR_FLOAT64), HR_OK);
  assert_int_equal(l.size, 0);
  assert_int_equal(hr_shape_size((int[]){INT_MAX, INT_MAX, INT_MAX}, 3), -1);
  assert_int_equal(hr_shape_size((int[]){3, -1}, 2), -1);
  assert_int_equal(hr_shape_size((int[]){INT_MAX, INT_MAX}, 2), (int64_t)INT_MAX * INT_MAX);
}

static void test_contiguity(void **state) {
  (void)state;
  static const struct {
    int shape[3];
    int64_t strides[3];
    int ndim;
    bool row, col;
  } cases[] = {
      {{2, 3, 4}, {12, 4, 1}, 3, true, false},
      {{2, 3, 4}, {1, 2, 6}, 3, false, true},
      {{2, 1, 4}, {4, 99, 1}, 3, true, false},
      {{1, 5, 1}, {7, 1, -3}, 3, true, true},
      {{5}, {2}, 1, false, false},
      {{5}, {-1}, 1, false, false},
      {{2, 3}, {0, 1}, 2, false, false},
      {{2, 0, 3}, {9, 9, 9}, 3, true, true},
      {{0, 2, 3}, {9, 9, 9}, 3, true, true},
      {{2, 3, 0}, {9, 9, 9}, 3, true, true},
      {{1, 1}, {5, 5}, 2, true, true},
      {{0}, {0}, 0, true, true},
      {{2, 2}, {3, 1}, 2, false, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(hr_shape_is_row_contiguous(cases[i].shape, cases[i].strides, cases[i].ndim), cases[i].row);
    assert_int_equal(hr_shape_is_col_contiguous(cases[i].shape, cases[i].strides, cases[i].ndim), cases[i].col);
  }
}

static void expect_broadcast(const int *a, int a_ndim, const int *b, int b_ndim, const int *result, int ndim) {
  int shape[HR_MAX_NDIM], out_ndim = -1;
  assert_int_equal(hr_shape_broadcast(shape, &out_ndim, a, a_ndim, b, b_ndim), HR_OK);
  assert_int_equal(out_ndim, ndim);
  for (int i = 0; i < ndim; i++) assert_int_equal(shape[i], result[i]);
  assert_int_equal(hr_shape_broadcast(shape, &out_ndim, b, b_ndim, a, a_ndim), HR_OK);
  for (int i = 0; i < ndim; i++) assert_int_equal(shape[i], result[i]);
}

/* The other lengths of an empty array may be any: their product wraps, without being undefined. */
static void test_largest_empty(void **state) {
  (void)state;
  static const int first[] = {0, INT_MAX, INT_MAX, INT_MAX}, last[] = {INT_MAX, INT_MAX, INT_MAX, 0};
  static const int64_t rows[] = {0, 0x3fffffff00000001, INT_MAX, 1}, columns[] = {1, INT_MAX, 0x3fffffff00000001, 0};
  hr_layout layout;
  assert_int_equal(hr_layout_set(&layout, first, 4, HR_FLOAT64), HR_OK);
  assert_int_equal(layout.size, 0);
  assert_true(hr_shape_is_row_contiguous(first, layout.strides, 4));
  assert_true(hr_shape_is_row_contiguous(first, rows, 4));
  assert_true(hr_shape_is_col_contiguous(last, columns, 4));
}

static void test_broadcast(void **state) {
  (void)state;
  expect_broadcast((int[]){2, 3, 4}, 3, (int[]){4}, 1, (int[]){2, 3, 4}, 3);
  expect_broadcast((int[]){2, 1, 4}, 3, (int[]){3, 1}, 2, (int[]){2, 3, 4}, 3);
  expect_broadcast(NULL, 0, (int[]){3, 1}, 2, (int[]){3, 1}, 2);
  expect_broadcast((int[]){1}, 1, (int[]){0}, 1, (int[]){0}, 1);
  expect_broadcast(NULL, 0, NULL, 0, NULL, 0);
  int shape[HR_MAX_NDIM], ndim;
  int own[HR_MAX_NDIM] = {4, 1};
  assert_int_equal(hr_shape_broadcast(own, &ndim, own, 2, (int[]){2, 3, 1, 5}, 4), HR_OK); /* into an operand */
  assert_int_equal(ndim, 4);
  assert_memory_equal(own, ((int[]){2, 3, 4, 5}), 4 * sizeof *own);
  assert_int_equal(hr_shape_broadcast(shape, &ndim, (int[]){2, 3}, 2, (int[]){2}, 1), HR_INVALID);
  assert_string_equal(hr_last_error(), "shapes (2,3) and (2) cannot be broadcast");
  assert_int_equal(hr_shape_broadcast(shape, &ndim, (int[]){0}, 1, (int[]){2}, 1), HR_INVALID);
}

static void test_axis(void **state) {
  (void)state;
  int axis = -9;
  assert_int_equal(hr_axis_resolve(&axis, -2, 3), HR_OK);
  assert_int_equal(axis, 1);
  assert_int_equal(hr_axis_resolve(&axis, 2, 3), HR_OK);
  assert_int_equal(axis, 2);
  assert_int_equal(hr_axis_resolve(&axis, 3, 3), HR_INVALID);
  assert_string_equal(hr_last_error(), "axis 3 is out of range for an array of 3 axes");
  assert_int_equal(hr_axis_resolve(&axis, -2, 1), HR_INVALID);
  assert_string_equal(hr_last_error(), "axis -2 is out of range for an array of 1 axis");
  assert_int_equal(hr_axis_resolve(&axis, 0, 0), HR_INVALID);
}

static void test_format(void **state) {
  (void)state;
  char text[HR_SHAPE_TEXT];
  assert_string_equal(hr_shape_format(text, NULL, 0), "()");
  assert_string_equal(hr_shape_format(text, (int[]){2, -3, 4}, 3), "(2,-3,4)");
  int many[HR_MAX_NDIM];
  for (int i = 0; i < HR_MAX_NDIM; i++) many[i] = INT_MIN;
  hr_shape_format(text, many, HR_MAX_NDIM);
  assert_true(strlen(text) < HR_SHAPE_TEXT && strlen(text) > HR_SHAPE_TEXT - 30);
  assert_string_equal(text + strlen(text) - 5, ",...)");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_row_major),  cmocka_unit_test(test_refusals),      cmocka_unit_test(test_largest),
      cmocka_unit_test(test_contiguity), cmocka_unit_test(test_broadcast),     cmocka_unit_test(test_axis),
      cmocka_unit_test(test_format),     cmocka_unit_test(test_largest_empty),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
