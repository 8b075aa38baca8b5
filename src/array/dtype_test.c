/* src/array/dtype_test.c - facts about dtypes, and promotion as MLX 0.32.4 does it. */
#include "array/dtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Row a, column b: the dtype of mx.add(a, b), as a hexadecimal digit. Noted from the package. */
static const char *const sums[HR_DTYPE_COUNT] = {
    "0123456789abcd", /* bool */
    "1123466789abcd", /* uint8 */
    "2223477789abcd", /* uint16 */
    "3333488889abcd", /* uint32 */
    "44444aaaa9abcd", /* uint64 */
    "5678a56789abcd", /* int8 */
    "6678a66789abcd", /* int16 */
    "7778a77789abcd", /* int32 */
    "8888a88889abcd", /* int64 */
    "9999999999abad", /* float16 */
    "aaaaaaaaaaabad", /* float32 */
    "bbbbbbbbbbbbbd", /* float64 */
    "cccccccccaabcd", /* bfloat16 */
    "dddddddddddddd", /* complex64 */
};

static void test_promotion(void **state) {
  (void)state;
  for (int a = 0; a < HR_DTYPE_COUNT; a++)
    for (int b = 0; b < HR_DTYPE_COUNT; b++)
      assert_int_equal("0123456789abcd"[hr_dtype_promote((hr_dtype)a, (hr_dtype)b)], sums[a][b]);
}

static void test_rows(void **state) {
  (void)state;
  assert_int_equal(hr_dtype_bytes[HR_BOOL], 1);
  assert_int_equal(hr_dtype_bytes[HR_BFLOAT16], 2);
  assert_int_equal(hr_dtype_bytes[HR_COMPLEX64], 8);
  assert_string_equal(hr_dtype_names[HR_BFLOAT16], "bfloat16");
  assert_true(hr_dtype_is_float(HR_BFLOAT16) && !hr_dtype_is_float(HR_COMPLEX64) && !hr_dtype_is_float(HR_INT64));
  assert_true(hr_dtype_is_inexact(HR_COMPLEX64) && !hr_dtype_is_inexact(HR_UINT64));
  assert_true(hr_dtype_is_integer(HR_UINT8) && hr_dtype_is_integer(HR_INT64) && !hr_dtype_is_integer(HR_BOOL));
  assert_int_equal(hr_dtype_at_least_float(HR_INT64), HR_FLOAT32);
  assert_int_equal(hr_dtype_at_least_float(HR_FLOAT16), HR_FLOAT16);
  assert_true(hr_dtype_valid(0) && hr_dtype_valid(13) && !hr_dtype_valid(14) && !hr_dtype_valid(-1));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_promotion), cmocka_unit_test(test_rows)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
