/* Plans against sums of products in double, the passes around them for every instruction set, and memory that fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cpu/fft_plan.h"
#include "cpu/isa.h"
#include "cpu/slots.h"
#include "graph/eval.h"
#include "ops/fft.h"

enum { GUARD = 8 };
static uint32_t seed = 5;
static float next_random(void) { return (float)((seed = seed * 1664525u + 1013904223u) >> 8) / (1 << 23) - 1; }

static hr_c64 *numbers(int64_t n) {
  hr_c64 *x = malloc(sizeof *x * (size_t)(n + GUARD));
  assert_non_null(x);
  for (int64_t i = 0; i < n + GUARD; i++) x[i] = (hr_c64){next_random(), next_random()};
  return x;
}

static hr_fft_plan *plan_of(int64_t n, int sign) {
  hr_fft_plan *plan;
  assert_int_equal(hr_fft_plan_get(&plan, n, sign), HR_OK);
  assert_int_equal(plan->n, n);
  assert_int_equal(plan->sign, sign);
  return plan;
}

static void check_value(const hr_c64 *in, const hr_c64 *out, int64_t n, int64_t k, int sign) {
  double re = 0, im = 0;
  for (int64_t j = 0; j < n; j++) {
    double angle = sign * 2 * M_PI * (double)(j * k % n) / (double)n, c = cos(angle), s = sin(angle);
    re += in[j].re * c - in[j].im * s;
    im += in[j].re * s + in[j].im * c;
  }
  double tolerance = 0x1p-24 * 12 * sqrt((double)n);
  if (fabs(out[k].re - re) > tolerance || fabs(out[k].im - im) > tolerance)
    fail_msg("length %lld: value %lld is %g %+g i, expected %g %+g i", (long long)n, (long long)k, out[k].re, out[k].im,
             re, im);
}

static void test_short(void **state) {
  (void)state;
  static const int64_t more[] = {341, 343, 512, 539, 625, 1001, 1021, 1147, 2401};
  for (int64_t i = 1; i < 300; i++) {
    int64_t n = i <= 290 ? i : more[i - 291];
    int sign = i % 2 ? -1 : 1;
    hr_fft_plan *plan = plan_of(n, sign);
    assert_false(plan->is_long);
    hr_c64 *in = numbers(n), *out = numbers(n), *scratch = numbers(plan->scratch), last = scratch[plan->scratch];
    hr_c64 behind = out[n];
    hr_fft_run(plan, in, 1, out, scratch);
    for (int64_t k = 0; k < n; k++) check_value(in, out, n, k, sign);
    assert_memory_equal(&behind, out + n, sizeof behind);
    assert_memory_equal(&last, scratch + plan->scratch, sizeof last);
    free(in), free(out), free(scratch);
    hr_fft_plan_release(plan);
  }
}

static void test_strided(void **state) {
  (void)state;
  static const int64_t lengths[] = {1, 12, 77, 91, 37};
  for (int i = 0; i < 5; i++) {
    int64_t n = lengths[i];
    hr_fft_plan *plan = plan_of(n, -1);
    hr_c64 *in = numbers(3 * n), *dense = numbers(n), *out = numbers(n), *scratch = numbers(plan->scratch);
    for (int64_t j = 0; j < n; j++) dense[j] = in[3 * j];
    hr_fft_run(plan, in, 3, out, scratch);
    for (int64_t k = 0; k < n; k++) check_value(dense, out, n, k, -1);
    free(in), free(dense), free(out), free(scratch);
    hr_fft_plan_release(plan);
  }
}

/* Squares and long chirps; also in place. */
static void test_long(void **state) {
  (void)state;
  static const int64_t lengths[] = {36000, 16411, 65536, 61776};
  for (int i = 0; i < 4; i++) {
    int64_t n = lengths[i];
    hr_fft_plan *plan = plan_of(n, -1);
    hr_c64 *in = numbers(n), *out = numbers(n);
    assert_true(plan->is_long);
    assert_int_equal(hr_fft_run_long(plan, in, out), HR_OK);
    for (int64_t k = 0; k < n; k += n / 13) check_value(in, out, n, k, -1);
    assert_int_equal(hr_fft_run_long(plan, in, in), HR_OK);
    assert_memory_equal(in, out, sizeof *in * (size_t)n);
    free(in), free(out);
    hr_fft_plan_release(plan);
  }
}

/* A plan in use outlives those that push it out of what is kept. */
static void test_kept(void **state) {
  (void)state;
  hr_fft_plan *held = plan_of(48, 1), *again = plan_of(48, 1);
  assert_ptr_equal(held, again);
  hr_fft_plan_release(again);
  for (int64_t n = 1000; n < 1100; n++) hr_fft_plan_release(plan_of(n, 1));
  hr_c64 *in = numbers(48), *out = numbers(48);
  hr_fft_run(held, in, 1, out, NULL);
  for (int64_t k = 0; k < 48; k++) check_value(in, out, 48, k, 1);
  free(in), free(out);
  hr_fft_plan_release(held);
}

static void test_no_memory(void **state) {
  (void)state;
  static const int64_t lengths[] = {1296, 7 * 11 * 13, 1279, 40500, 16417};
  for (int i = 0; i < 5; i++) {
    hr_status status = HR_OUT_OF_MEMORY;
    for (int failing = 1; status != HR_OK; failing++) {
      hr_fft_plan *plan;
      hr_alloc_fail_at(failing);
      status = hr_fft_plan_get(&plan, lengths[i], -1);
      hr_alloc_fail_at(0);
      assert_true(status == HR_OK || (status == HR_OUT_OF_MEMORY && !plan));
      if (status == HR_OK) hr_fft_plan_release(plan);
    }
  }
}

/* The whole op: every request that fails is an error of the array, and nothing is lost. */
static void test_op_no_memory(void **state) {
  (void)state;
  static const int lengths[] = {30, 34, 37, 70002};
  for (int i = 0; i < 4; i++) {
    hr_status status = HR_OUT_OF_MEMORY;
    for (int failing = 1; status != HR_OK; failing++) {
      hr_array *a, *out = NULL;
      const void *data;
      assert_int_equal(hr_array_new_empty(&a, (int[]){2, lengths[i]}, 2, HR_FLOAT32), HR_OK);
      memset(hr_array_data(a), 0, hr_array_nbytes(a));
      hr_alloc_fail_at(failing);
      status = hr_fft_rfft(&out, a, lengths[i], 1, HR_FFT_ORTHO, NULL);
      if (status == HR_OK) status = hr_array_read(&data, out);
      hr_alloc_fail_at(0);
      hr_array_release(a);
      hr_array_release(out);
    }
  }
}

HR_ISA_DECLARE(hr_fft_kernels, hr_fft);

static void check_near(hr_c64 got, double re, double im, double tolerance) {
  if (fabs(got.re - re) > tolerance || fabs(got.im - im) > tolerance)
    fail_msg("%g %+g i, expected %g %+g i", got.re, got.im, re, im);
}

static void check_products(const hr_fft_kernels *kernels, int64_t n) {
  hr_c64 *a = numbers(n), *b = numbers(n), *out = numbers(n), last = out[n];
  kernels->multiply(out, a, b, n);
  for (int64_t i = 0; i < n; i++)
    check_near(out[i], (double)a[i].re * b[i].re - (double)a[i].im * b[i].im,
               (double)a[i].re * b[i].im + (double)a[i].im * b[i].re, 0x1p-22);
  kernels->multiply_conj(out, a, b, n);
  for (int64_t i = 0; i < n; i++)
    check_near(out[i], (double)a[i].re * b[i].re + (double)a[i].im * b[i].im,
               (double)a[i].re * b[i].im - (double)a[i].im * b[i].re, 0x1p-22);
  kernels->scale(&out->re, 0.25f, 2 * n);
  assert_memory_equal(&last, out + n, sizeof last);
  kernels->multiply_conj(b, a, b, n);
  for (int64_t i = 0; i < n; i++) assert_true(out[i].re == b[i].re / 4 && out[i].im == b[i].im / 4);
  free(a), free(b), free(out);
}

static void check_odd(const hr_fft_kernels *kernels, int p, int64_t m) {
  hr_c64 *in = numbers(p * m), *twiddles = numbers(p * m), *out = numbers(p * m), roots[HR_FFT_LARGEST_PRIME];
  hr_c64 last = out[p * m];
  for (int r = 0; r < p; r++) roots[r] = hr_fft_root(r, p, 1);
  kernels->odd(out, in, twiddles, roots, p, m);
  for (int64_t at = 0; at < p * m; at++) {
    double re = 0, im = 0;
    for (int r = 0; r < p; r++) {
      hr_c64 x = in[r * m + at % m], w = twiddles[r * m + at % m];
      double xr = (double)x.re * w.re - (double)x.im * w.im, xi = (double)x.re * w.im + (double)x.im * w.re;
      double angle = 2 * M_PI * (double)(at / m * r % p) / p;
      re += xr * cos(angle) - xi * sin(angle);
      im += xr * sin(angle) + xi * cos(angle);
    }
    check_near(out[at], re, im, p * 0x1p-21);
  }
  assert_memory_equal(&last, out + p * m, sizeof last);
  free(in), free(twiddles), free(out);
}

/* Rows of any layout, side by side: one way in, the other way out. */
static void check_aside(const hr_fft_kernels *kernels, int64_t n, int64_t rows, bool columns) {
  hr_fft_plan *plan = plan_of(n, -1);
  hr_c64 *x = numbers(n * rows), *out = numbers(n * rows), last = out[n * rows];
  float *scratch = malloc(sizeof *scratch * (size_t)(4 * n * HR_FFT_LANES));
  assert_non_null(scratch);
  int64_t item = (int64_t)sizeof *x, in_value = columns ? rows : 1, in_row = columns ? 1 : n;
  hr_fft_rows from = {(char *)x, in_value * item, in_row * item};
  hr_fft_rows to = {(char *)out, (columns ? 1 : rows) * item, (columns ? n : 1) * item};
  kernels->side_by_side(&to, &from, rows, &plan->steps, scratch);
  for (int64_t r = 0; r < rows; r++) {
    hr_c64 *row = numbers(n), *result = numbers(n);
    for (int64_t i = 0; i < n; i++) row[i] = x[i * in_value + r * in_row];
    for (int64_t i = 0; i < n; i++) result[i] = columns ? out[r * n + i] : out[i * rows + r];
    for (int64_t k = 0; k < n; k += 1 + n / 20) check_value(row, result, n, k, -1);
    free(row), free(result);
  }
  assert_memory_equal(&last, out + n * rows, sizeof last);
  free(x), free(out), free(scratch);
  hr_fft_plan_release(plan);
}

static void test_aside(void **state) {
  (void)state;
  static const hr_fft_kernels *const levels[] = HR_ISA_ROW(hr_fft);
  static const int64_t lengths[] = {2,  3,  4,  5,  6,   8,   9,   10,  12,  15,   16,   25,  27,
                                    32, 45, 60, 64, 100, 128, 243, 375, 512, 1024, 2048, 4096};
  static const int64_t counts[] = {1, 5, 15, 16};
  for (int level = 0; level <= (int)hr_isa_level(); level++)
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
      for (int k = 0; k < 4; k++)
        for (int columns = 0; columns < 2; columns++) check_aside(levels[level], lengths[i], counts[k], columns);
}

/* Rows alone, whose own values run side by side. */
static void test_along(void **state) {
  (void)state;
  static const hr_fft_kernels *const levels[] = HR_ISA_ROW(hr_fft);
  static const int64_t lengths[] = {256, 512, 768, 1024, 1280, 2048, 2304, 8192};
  for (int level = 0; level <= (int)hr_isa_level(); level++)
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
      for (int sign = -1; sign <= 1; sign += 2) {
        int64_t n = lengths[i];
        hr_fft_plan *plan = plan_of(n, sign);
        hr_c64 *x = numbers(n), *out = numbers(n), *scratch = numbers(2 * n), last = out[n], behind = scratch[2 * n];
        levels[level]->along(out, x, &plan->along, plan->along_twiddles, &scratch->re);
        for (int64_t k = 0; k < n; k += 1 + n / 40) check_value(x, out, n, k, sign);
        assert_memory_equal(&last, out + n, sizeof last);
        assert_memory_equal(&behind, scratch + 2 * n, sizeof behind);
        levels[level]->along(x, x, &plan->along, plan->along_twiddles, &scratch->re);
        assert_memory_equal(x, out, sizeof *x * (size_t)n);
        free(x), free(out), free(scratch);
        hr_fft_plan_release(plan);
      }
}

static void test_kernels(void **state) {
  (void)state;
  static const hr_fft_kernels *const levels[] = HR_ISA_ROW(hr_fft);
  static const int64_t lengths[] = {0, 1, 2, 7, 31, 32, 33, 65};
  static const int primes[] = {7, 11, 13, 17, 19, 23, 29, 31};
  for (int level = 0; level <= (int)hr_isa_level(); level++)
    for (int i = 0; i < 8; i++) {
      check_products(levels[level], lengths[i]);
      for (int k = 0; k < 8; k++) check_odd(levels[level], primes[k], lengths[i]);
    }
}

/* Each root is the double nearest to it, rounded: in the table, and as a product of two entries. */
static void test_roots(void **state) {
  (void)state;
  static const int64_t lengths[] = {1, 2, 5, 1000, HR_FFT_TABLE, HR_FFT_TABLE + 1, 1000003};
  for (int i = 0; i < 7; i++)
    for (int sign = -1; sign <= 1; sign += 2) {
      hr_fft_roots roots;
      hr_c64 room[HR_FFT_RUN];
      int64_t n = lengths[i], step = n > 2000 ? 997 : 1, count = n < 50 ? n : 50;
      assert_int_equal(hr_fft_roots_init(&roots, n, n, sign), HR_OK);
      assert_true(hr_fft_roots_bytes(&roots) > 0 && hr_fft_roots_bytes(&roots) <= 1 << 19);
      const hr_c64 *run = hr_fft_roots_run(&roots, n - 1 - (count - 1) * step, step, count, room);
      for (int64_t k = 0; k < count; k++) {
        double angle = sign * 2 * M_PI * (double)(n - 1 - (count - 1 - k) * step) / (double)n;
        check_near(run[k], cos(angle), sin(angle), 0x1p-24);
      }
      hr_fft_roots_deinit(&roots);
    }
}

static void test_slots(void **state) {
  (void)state;
  hr_slots slots;
  void *taken[HR_SLOTS_MAX];
  assert_int_equal(hr_slots_init(&slots, 1000, 100), HR_OK);
  for (int i = 0; i < HR_SLOTS_MAX; i++) {
    taken[i] = hr_slots_take(&slots);
    assert_int_equal((uintptr_t)taken[i] % HR_DATA_ALIGN, 0);
    assert_true(i == 0 || (char *)taken[i] - (char *)taken[i - 1] >= 100);
    memset(taken[i], i, 100);
  }
  hr_slots_give(&slots, taken[17]);
  assert_ptr_equal(hr_slots_take(&slots), taken[17]);
  for (int i = 0; i < HR_SLOTS_MAX; i++) hr_slots_give(&slots, taken[i]);
  assert_true(hr_load_relaxed(&slots.free) == slots.all);
  hr_slots_deinit(&slots);
  hr_alloc_fail_at(1);
  assert_int_equal(hr_slots_init(&slots, 3, 100), HR_OUT_OF_MEMORY);
  hr_alloc_fail_at(0);
  hr_slots_deinit(&slots);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_short),   cmocka_unit_test(test_strided),   cmocka_unit_test(test_long),
      cmocka_unit_test(test_kept),    cmocka_unit_test(test_no_memory), cmocka_unit_test(test_op_no_memory),
      cmocka_unit_test(test_kernels), cmocka_unit_test(test_aside),     cmocka_unit_test(test_roots),
      cmocka_unit_test(test_slots),   cmocka_unit_test(test_along),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
