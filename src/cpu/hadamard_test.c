/* Kernels: the transform twice is n times the values, for every instruction set with the same bits; memory that fails.
 * Values of whole rows: tests/test_hadamard.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/memory.h"
#include "cpu/isa.h"
#include "cpu/kernels/hadamard.h"
#include "graph/eval.h"
#include "ops/hadamard.h"

enum { MOST = 300, GUARD = 8 };
HR_ISA_DECLARE(hr_hadamard_kernel, hr_hadamard_f32);
static const hr_hadamard_kernel *const levels[] = HR_ISA_ROW(hr_hadamard_f32);

static void fill(float *x, int n) {
  for (int i = 0; i < n; i++) x[i] = (float)(i * 37 % 61 - 30);
}

static void test_low(void **state) {
  (void)state;
  for (int level = 0; level <= (int)hr_isa_level(); level++)
    for (int n = 1; n <= 256; n *= 2) {
      float x[MOST], first[MOST], base[MOST];
      fill(first, n + GUARD);
      memcpy(x, first, sizeof x);
      memcpy(base, first, sizeof x);
      levels[level]->low(x, n);
      levels[0]->low(base, n);
      assert_memory_equal(x, base, sizeof *x * (size_t)(n + GUARD));
      for (int i = n; i < n + GUARD; i++) assert_true(x[i] == first[i]);
      levels[level]->low(x, n);
      for (int i = 0; i < n; i++) assert_true(x[i] == (float)n * first[i]);
    }
}

/* Columns of a matrix whose rows are `step` apart: what is beside them stays. */
static void test_columns(void **state) {
  (void)state;
  static const uint32_t signs[] = {6, 5, 3}; /* of 3 rows, any signs */
  static const int widths[] = {0, 1, 7, 31, 32, 33, 36};
  enum { STEP = 37, ROWS = 8 };
  for (int level = 0; level <= (int)hr_isa_level(); level++)
    for (int k = 0; k < 7; k++) {
      float x[ROWS * STEP], first[ROWS * STEP];
      fill(first, ROWS * STEP);
      memcpy(x, first, sizeof x);
      levels[level]->high(x, STEP, ROWS, widths[k]);
      levels[level]->high(x, STEP, ROWS, widths[k]);
      for (int i = 0; i < ROWS * STEP; i++) assert_true(x[i] == first[i] * (i % STEP < widths[k] ? ROWS : 1));
      memcpy(x, first, sizeof x);
      levels[level]->mix(x, STEP, widths[k], signs, 3);
      for (int i = 0; i < ROWS * STEP; i++) {
        int c = i % STEP, r = i / STEP;
        float sum = first[c] + first[STEP + c] + first[2 * STEP + c];
        float mixed = r < 3 ? 2 * first[r * STEP + c] - sum : 0;
        assert_true(x[i] == (r < 3 && c < widths[k] ? mixed : first[i]));
      }
    }
}

static void test_no_memory(void **state) {
  (void)state;
  static const int lengths[] = {48, 1 << 17};
  for (int i = 0; i < 2; i++) {
    hr_status status = HR_OUT_OF_MEMORY;
    for (int failing = 1; status != HR_OK; failing++) {
      hr_array *a, *out = NULL;
      const void *data;
      assert_int_equal(hr_array_new_empty(&a, (int[]){2, lengths[i]}, 2, HR_FLOAT16), HR_OK);
      memset(hr_array_data(a), 0, hr_array_nbytes(a));
      hr_alloc_fail_at(failing);
      status = hr_hadamard_transform(&out, a, (hr_optional_float){0}, NULL);
      if (status == HR_OK) status = hr_array_read(&data, out);
      hr_alloc_fail_at(0);
      hr_array_release(a);
      hr_array_release(out);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_low), cmocka_unit_test(test_columns),
                                     cmocka_unit_test(test_no_memory)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
