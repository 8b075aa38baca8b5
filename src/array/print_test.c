/* Texts of arrays. The expected ones are those that Python's mlx 0.32.4 prints. */
#include "array/print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <locale.h>
#include <math.h>

#include "base/memory.h"

static void check(const void *data, const int *shape, int ndim, hr_dtype dtype, const char *expected) {
  hr_array *a = NULL;
  char *text = NULL;
  assert_int_equal(hr_array_new_copy(&a, data, shape, ndim, dtype), HR_OK);
  assert_int_equal(hr_array_print(&text, a), HR_OK);
  assert_string_equal(text, expected);
  hr_free(text);
  hr_array_release(a);
}

static void test_dtypes(void **state) {
  (void)state;
  const int two[] = {2}, six[] = {6}, five[] = {5};
  check((const bool[]){true, false}, two, 1, HR_BOOL, "array([True, False], dtype=bool)");
  check((const uint8_t[]){255, 1}, two, 1, HR_UINT8, "array([255, 1], dtype=uint8)");
  check((const int8_t[]){1, -128}, two, 1, HR_INT8, "array([1, -128], dtype=int8)");
  check((const uint16_t[]){65535, 0}, two, 1, HR_UINT16, "array([65535, 0], dtype=uint16)");
  check((const int16_t[]){-32768, 9}, two, 1, HR_INT16, "array([-32768, 9], dtype=int16)");
  check((const uint32_t[]){UINT32_MAX, 0}, two, 1, HR_UINT32, "array([4294967295, 0], dtype=uint32)");
  check((const int32_t[]){INT32_MIN, 0}, two, 1, HR_INT32, "array([-2147483648, 0], dtype=int32)");
  check((const uint64_t[]){(uint64_t)1 << 63, 5}, two, 1, HR_UINT64, "array([9223372036854775808, 5], dtype=uint64)");
  check((const int64_t[]){INT64_MIN}, NULL, 0, HR_INT64, "array(-9223372036854775808, dtype=int64)");
  check((const float[]){1, 2.5f, 3e10f, -0.0f, 1e-5f, 123456.7f}, six, 1, HR_FLOAT32,
        "array([1, 2.5, 3e+10, -0, 1e-05, 123457], dtype=float32)");
  check((const float[]){NAN, -NAN, INFINITY, -INFINITY, 1e6f}, five, 1, HR_FLOAT32,
        "array([nan, -nan, inf, -inf, 1e+06], dtype=float32)");
  check((const double[]){1.0 / 3, 1e300}, two, 1, HR_FLOAT64, "array([0.333333, 1e+300], dtype=float64)");
  check((const uint16_t[]){0x3e00, 0x3555}, two, 1, HR_FLOAT16, "array([1.5, 0.333252], dtype=float16)");
  check((const uint16_t[]){0x3fc0, 0x3eab}, two, 1, HR_BFLOAT16, "array([1.5, 0.333984], dtype=bfloat16)");
  check((const float[]){1, 2, -0.0f, -0.0f, NAN, -1, 1e6f, INFINITY, 123456.7f, 1e-20f}, five, 1, HR_COMPLEX64,
        "array([1+2j, -0+-0j, nan-1j, 1e+06+infj, 123457+1e-20j], dtype=complex64)");
}

static void test_shapes(void **state) {
  (void)state;
  int numbers[512];
  for (int i = 0; i < 512; i++) numbers[i] = i;
  check(numbers, (const int[]){6}, 1, HR_INT32, "array([0, 1, 2, 3, 4, 5], dtype=int32)");
  check(numbers, (const int[]){7}, 1, HR_INT32, "array([0, 1, 2, ..., 4, 5, 6], dtype=int32)");
  check(numbers, (const int[]){2, 2, 2}, 3, HR_INT32,
        "array([[[0, 1],\n        [2, 3]],\n       [[4, 5],\n        [6, 7]]], dtype=int32)");
  check(numbers, (const int[]){8, 1}, 2, HR_INT32,
        "array([[0],\n       [1],\n       [2],\n       ...,\n       [5],\n       [6],\n       [7]], dtype=int32)");
  check(numbers, (const int[]){0}, 1, HR_INT32, "array([], dtype=int32)");
  check(numbers, (const int[]){0, 3}, 2, HR_INT32, "array([], dtype=int32)");
  check(numbers, (const int[]){3, 0}, 2, HR_INT32, "array([[],\n       [],\n       []], dtype=int32)");
  check(numbers, (const int[]){1, 1, 1, 1, 1}, 5, HR_INT32, "array([[[[[0]]]]], dtype=int32)");
}

static void test_strides(void **state) {
  (void)state;
  const int numbers[6] = {0, 1, 2, 3, 4, 5}, shape[2] = {3, 2};
  const int64_t backwards[2] = {-1, 3}, repeated[2] = {0, 1};
  hr_array *base = NULL, *view = NULL;
  hr_layout layout;
  char *text = NULL;
  assert_int_equal(hr_array_new_copy(&base, numbers, (const int[]){6}, 1, HR_INT32), HR_OK);
  assert_int_equal(hr_layout_set_strided(&layout, shape, backwards, 2, 2, HR_INT32), HR_OK);
  assert_int_equal(hr_array_new_buffer(&view, &layout, base->buffer), HR_OK);
  assert_int_equal(hr_array_print(&text, view), HR_OK);
  assert_string_equal(text, "array([[2, 5],\n       [1, 4],\n       [0, 3]], dtype=int32)");
  hr_free(text);
  hr_array_release(view);
  assert_int_equal(hr_layout_set_strided(&layout, shape, repeated, 1, 2, HR_INT32), HR_OK);
  assert_int_equal(hr_array_new_buffer(&view, &layout, base->buffer), HR_OK);
  assert_int_equal(hr_array_print(&text, view), HR_OK);
  assert_string_equal(text, "array([[1, 2],\n       [1, 2],\n       [1, 2]], dtype=int32)");
  hr_free(text);
  hr_array_release(view);
  hr_array_release(base);
}

/* Locales that write 1,5 may not be installed: then there is nothing to see. */
static void test_locale(void **state) {
  (void)state;
  static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE.utf8", "ps_AF.UTF-8"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (!setlocale(LC_NUMERIC, names[i])) continue;
    check((const float[]){1.5f, 1e-20f}, (const int[]){2}, 1, HR_FLOAT32, "array([1.5, 1e-20], dtype=float32)");
  }
  setlocale(LC_NUMERIC, "C");
}

static void test_failing_allocations(void **state) {
  (void)state;
  const float numbers[200] = {0};
  hr_array *a = NULL;
  char *text = NULL;
  long n = 1;
  assert_int_equal(hr_array_new_copy(&a, numbers, (const int[]){5, 5, 8}, 3, HR_FLOAT32), HR_OK);
  for (;; n++) {
    hr_alloc_fail_at(n);
    hr_status status = hr_array_print(&text, a);
    hr_alloc_fail_at(0);
    if (status == HR_OK) break;
    assert_int_equal(status, HR_OUT_OF_MEMORY);
    assert_null(text);
  }
  assert_true(n > 2);
  hr_free(text);
  hr_array_release(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_dtypes),
      cmocka_unit_test(test_shapes),
      cmocka_unit_test(test_strides),
      cmocka_unit_test(test_locale),
      cmocka_unit_test(test_failing_allocations),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
