/* src/array/array_test.c - making arrays of every kind, and running out of memory while doing so. */
#include "array/array.h"

#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

static void test_layouts_survive(void **state) {
  (void)state;
  int shape[HR_MAX_NDIM];
  int64_t strides[HR_MAX_NDIM];
  for (int i = 0; i < HR_MAX_NDIM; i++) {
    shape[i] = 1 + i % 2;
    strides[i] = 100 - 7 * i;
  }
  for (int ndim = 0; ndim <= HR_MAX_NDIM; ndim++) {
    hr_layout layout, copy;
    hr_array *a;
    assert_int_equal(hr_layout_set_strided(&layout, shape, strides, 5, ndim, HR_FLOAT16), HR_OK);
    assert_int_equal(hr_array_new(&a, &layout), HR_OK);
    assert_int_equal(a->size, (int64_t)1 << ndim / 2);
    assert_int_equal(hr_array_nbytes(a), (size_t)a->size * 2);
    assert_null(a->buffer);
    assert_null(a->node);
    assert_memory_equal(hr_array_shape(a), shape, (size_t)ndim * sizeof *shape);
    assert_memory_equal(hr_array_strides(a), strides, (size_t)ndim * sizeof *strides);
    hr_array_layout(&copy, a);
    assert_int_equal(copy.ndim, ndim);
    assert_int_equal(copy.offset, 5);
    assert_int_equal(copy.size, layout.size);
    assert_memory_equal(copy.strides, strides, (size_t)ndim * sizeof *strides);
    hr_array_release(a);
  }
}

static void test_flags(void **state) {
  (void)state;
  hr_layout layout;
  hr_array *a;
  assert_int_equal(hr_layout_set_strided(&layout, (int[]){2, 3}, (int64_t[]){1, 2}, 0, 2, HR_INT8), HR_OK);
  assert_int_equal(hr_array_new(&a, &layout), HR_OK);
  assert_int_equal(a->flags, HR_ARRAY_COL);
  hr_array_release(a);
  assert_int_equal(hr_array_new_empty(&a, (int[]){2, 3}, 2, HR_INT8), HR_OK);
  assert_int_equal(a->flags, HR_ARRAY_ROW);
  hr_array_release(a);
}

static void test_copy_and_views(void **state) {
  (void)state;
  static const int32_t data[6] = {1, 2, 3, 4, 5, 6};
  hr_array *a, *view;
  hr_layout layout;
  assert_int_equal(hr_array_new_copy(&a, data, (int[]){2, 3}, 2, HR_INT32), HR_OK);
  assert_memory_equal(hr_array_data(a), data, sizeof data);
  assert_int_equal(hr_layout_set_strided(&layout, (int[]){2}, (int64_t[]){3}, 1, 1, HR_INT32), HR_OK);
  assert_int_equal(hr_array_new_buffer(&view, &layout, a->buffer), HR_OK);
  hr_array_release(a);
  assert_int_equal(*(int32_t *)hr_array_data(view), 2);
  hr_array_release(hr_array_retain(view));
  assert_int_equal(*(int32_t *)hr_array_data(view), 2);
  hr_array_release(view);
  hr_array_release(NULL);
  assert_int_equal(hr_array_new_copy(&a, NULL, (int[]){0, 3}, 2, HR_INT32), HR_OK);
  assert_non_null(hr_array_data(a));
  hr_array_release(a);
}

static uint64_t scalar_bits(double value, hr_dtype dtype) {
  hr_array *a;
  uint64_t bits = 0;
  assert_int_equal(hr_array_new_scalar(&a, value, dtype), HR_OK);
  assert_int_equal(a->ndim, 0);
  assert_int_equal(a->size, 1);
  memcpy(&bits, hr_array_data(a), hr_dtype_bytes[dtype]); /* little-endian machines only; so are the constants */
  hr_array_release(a);
  return bits;
}

/* As MLX 0.32.4 casts from float64, where the result is defined there. */
static void test_scalars(void **state) {
  (void)state;
  assert_int_equal(scalar_bits(0.5, HR_BOOL), 1);
  assert_int_equal(scalar_bits(NAN, HR_BOOL), 1);
  assert_int_equal(scalar_bits(-1, HR_UINT8), 255);
  assert_int_equal(scalar_bits(300.7, HR_UINT8), 44);
  assert_int_equal(scalar_bits(-3.7, HR_INT8), 0xfd);
  assert_int_equal(scalar_bits(70000, HR_INT16), 70000 & 0xffff);
  assert_int_equal(scalar_bits(-1, HR_UINT16), 0xffff);
  assert_int_equal(scalar_bits(-2147483648.0, HR_INT32), 0x80000000u);
  assert_int_equal(scalar_bits(3e9, HR_INT32), 0x80000000u);
  assert_int_equal(scalar_bits(3e9, HR_UINT32), 3000000000u);
  assert_int_equal(scalar_bits(-1, HR_UINT32), 0xffffffffu);
  assert_true(scalar_bits(-0x1p63, HR_INT64) == (uint64_t)1 << 63);
  assert_true(scalar_bits(0x1.8p63, HR_UINT64) == (uint64_t)3 << 62);
  assert_true(scalar_bits(INFINITY, HR_INT64) == (uint64_t)1 << 63);
  assert_int_equal(scalar_bits(1 + 0x1p-11 + 0x1p-30, HR_FLOAT16), 0x3c00);
  assert_int_equal(scalar_bits(-1.5, HR_BFLOAT16), 0xbfc0);
  assert_int_equal(scalar_bits(1.5, HR_FLOAT32), 0x3fc00000);
  assert_true(scalar_bits(1.5, HR_FLOAT64) == UINT64_C(0x3ff8000000000000));
  assert_int_equal(scalar_bits(1.5, HR_COMPLEX64), 0x3fc00000);
}

static void test_format(void **state) {
  (void)state;
  char text[HR_ARRAY_TEXT];
  hr_array *a;
  assert_int_equal(hr_array_new_empty(&a, (int[]){2, 3}, 2, HR_BFLOAT16), HR_OK);
  assert_string_equal(hr_array_format(text, a), "bfloat16(2,3)");
  hr_array_release(a);
}

/* Each request fails in turn until none does: the call fails too, and keeps nothing (the leak checker's part). */
static void test_without_memory(void **state) {
  (void)state;
  static const int shape[6] = {1, 2, 1, 3, 1, 200};
  hr_status status = HR_OUT_OF_MEMORY;
  long failing = 1;
  for (; status != HR_OK; failing++) {
    hr_array *a = (hr_array *)&status;
    hr_alloc_fail_at(failing);
    status = hr_array_new_empty(&a, shape, 6, HR_FLOAT64);
    hr_alloc_fail_at(0);
    if (status == HR_OK) {
      memset(hr_array_data(a), 0, hr_array_nbytes(a));
      hr_array_release(a);
    } else {
      assert_int_equal(status, HR_OUT_OF_MEMORY);
      assert_null(a);
    }
    assert_true(failing < 20);
  }
  assert_true(failing > 4); /* array, its axes, buffer, data */
  hr_array *a;
  assert_int_equal(hr_array_new_empty(&a, (int[]){1 << 30, 1 << 30}, 2, HR_FLOAT32), HR_OUT_OF_MEMORY);
  assert_null(a);
  assert_int_equal(hr_array_new_empty(&a, (int[]){-1}, 1, HR_FLOAT32), HR_INVALID);
  assert_null(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_layouts_survive), cmocka_unit_test(test_flags),  cmocka_unit_test(test_copy_and_views),
      cmocka_unit_test(test_scalars),         cmocka_unit_test(test_format), cmocka_unit_test(test_without_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
