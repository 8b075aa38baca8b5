/* Rows of softmax written past the caches, and float32 exp of 16 values at once: the bits of the plain forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/isa.h"
#include "cpu/kernels/elementwise.h"
#include "cpu/kernels/softmax.h"

enum { ROWS = 3, LONGEST = 2500, STEPS = 1 << 20 };

HR_ISA_DECLARE(hr_softmax_kernel, hr_softmax_f32);
HR_ISA_DECLARE(hr_softmax_kernel, hr_softmax_f64);
HR_ISA_DECLARE(hr_math_kernels, hr_math_f32);
static const hr_softmax_kernel *const softmax_f32[] = HR_ISA_ROW(hr_softmax_f32);
static const hr_softmax_kernel *const softmax_f64[] = HR_ISA_ROW(hr_softmax_f64);
static const hr_math_kernels *const math_f32[] = HR_ISA_ROW(hr_math_f32);

/* Rows that are `n` items apart, so that most of them do not start where a vector may be streamed. */
static void check_rows(const hr_softmax_kernel *kernel, const void *x, int64_t item, int64_t n, int64_t shift) {
  static _Alignas(64) char plain[ROWS * LONGEST * 8 + 64], streamed[ROWS * LONGEST * 8 + 64];
  memset(plain, 1, sizeof plain);
  memset(streamed, 1, sizeof streamed);
  kernel->rows(plain + shift * item, x, n * item, n * item, ROWS, n, 0);
  kernel->rows(streamed + shift * item, x, n * item, n * item, ROWS, n, 1);
  assert_memory_equal(plain, streamed, sizeof plain);
}

static void test_streamed_rows(void **state) {
  (void)state;
  static const int64_t lengths[] = {1, 7, 16, 500, 512, 513, 1024, 1025, LONGEST};
  static float singles[ROWS * LONGEST];
  static double doubles[ROWS * LONGEST];
  for (int i = 0; i < ROWS * LONGEST; i++) doubles[i] = singles[i] = (float)(i * 37 % 1000) / 100;
  singles[3] = INFINITY;
  doubles[3] = NAN;
  for (int level = 0; level <= (int)hr_isa_level(); level++)
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
      for (int64_t shift = 0; shift < 3; shift++) {
        check_rows(softmax_f32[level], singles, sizeof *singles, lengths[i], shift);
        check_rows(softmax_f64[level], doubles, sizeof *doubles, lengths[i], shift);
      }
}

/* AVX2 computes in the same order, with two factors for 2^k. */
static void test_sixteen_at_once(void **state) {
  (void)state;
#if HR_ISA_COUNT > 1
  if (hr_isa_level() < HR_ISA_AVX512) skip();
  float *x = malloc(STEPS * sizeof *x), *wide = malloc(STEPS * sizeof *x), *narrow = malloc(STEPS * sizeof *x);
  assert_true(x && wide && narrow);
  for (int i = 0; i < STEPS; i++) x[i] = (float)(i - STEPS / 2) * (110.0f / (STEPS / 2));
  static const float special[] = {NAN, -NAN, INFINITY, -INFINITY, -0.0f, 1e-40f, 1e38f, -1e38f, 1, -1};
  memcpy(x, special, sizeof special);
  math_f32[HR_ISA_AVX512]->unary[HR_UNARY_EXP](wide, (const void *const[]){x}, STEPS - 5, 0);
  math_f32[HR_ISA_AVX2]->unary[HR_UNARY_EXP](narrow, (const void *const[]){x}, STEPS - 5, 0);
  assert_memory_equal(wide, narrow, (STEPS - 5) * sizeof *x);
  free(x);
  free(wide);
  free(narrow);
#else
  (void)math_f32;
  skip();
#endif
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_streamed_rows),
      cmocka_unit_test(test_sixteen_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
