/* src/array/size_class_test.c - classes cover every size, in order, with little waste. */
#include "array/size_class.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_classes_are_in_order(void **state) {
  (void)state;
  assert_int_equal(hr_size_class_bytes(0), 512);
  assert_int_equal(hr_size_class_bytes(HR_SIZE_CLASS_COUNT - 1), (size_t)1 << HR_SIZE_CLASS_MAX_LOG2);
  for (int class = 0; class < HR_SIZE_CLASS_COUNT; class ++) {
    size_t bytes = hr_size_class_bytes(class);
    assert_int_equal(bytes % 64, 0);
    assert_int_equal(hr_size_class(bytes), class);
    if (class == 0) continue;
    assert_true(bytes > hr_size_class_bytes(class - 1));
    assert_int_equal(hr_size_class(hr_size_class_bytes(class - 1) + 1), class);
    assert_true((bytes - hr_size_class_bytes(class - 1)) * 8 <= bytes);
  }
}

static void test_every_size_fits(void **state) {
  (void)state;
  for (size_t bytes = 1; bytes <= 70000; bytes++) {
    size_t room = hr_size_class_bytes(hr_size_class(bytes));
    assert_true(room >= bytes);
    if (bytes >= 512) assert_true((room - bytes) * 8 <= room);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_classes_are_in_order),
                                     cmocka_unit_test(test_every_size_fits)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
