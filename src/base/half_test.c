/* src/base/half_test.c - the 16-bit floats against arithmetic in double and against the processor. */
#include "base/half.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

enum { STEP = 509 }; /* prime: over 2^32 patterns it meets every kind of tail */

static bool is_nan32(uint32_t bits) { return (bits & 0x7fffffffu) > 0x7f800000u; }

/* Value of a finite float16, by its definition. */
static double f16_value(uint16_t h) {
  int exponent = h >> 10 & 31, fraction = h & 1023;
  double magnitude = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
  return h & 0x8000 ? -magnitude : magnitude;
}

/* Rounds to `digits` binary digits, with no bits below 2^lowest: exact in double for a float32. */
static double round_to(double x, int digits, int lowest) {
  int exponent;
  frexp(x, &exponent);
  int unit = exponent - digits > lowest ? exponent - digits : lowest;
  return ldexp(nearbyint(ldexp(x, -unit)), unit);
}

static void test_f16_to_f32(void **state) {
  (void)state;
  for (uint32_t h = 0; h < 0x10000; h++) {
    float x = hr_f16_to_f32((uint16_t)h);
    uint32_t magnitude = h & 0x7fff;
    if (magnitude > 0x7c00) {
      assert_int_equal(hr_f32_bits(x), (h & 0x8000) << 16 | 0x7fc00000u | magnitude << 13);
    } else if (magnitude == 0x7c00) {
      assert_true(isinf(x) && !!signbit(x) == (h >> 15));
    } else {
      assert_true((double)x == f16_value((uint16_t)h) && !!signbit(x) == (h >> 15));
      assert_int_equal(hr_f32_to_f16(x), h);
    }
  }
}

static void test_f32_to_f16(void **state) {
  (void)state;
  for (uint64_t bits = 0; bits < UINT64_C(1) << 32; bits += STEP) {
    float x = hr_f32_from_bits((uint32_t)bits);
    uint16_t h = hr_f32_to_f16(x);
    assert_int_equal(h >> 15, bits >> 31);
    if (is_nan32((uint32_t)bits)) {
      assert_int_equal(h & 0x7fff, 0x7e00 | (bits >> 13 & 0x3ff));
      continue;
    }
    double expected = isinf(x) ? x : round_to(x, 11, -24);
    if (fabs(expected) >= 65536)
      assert_int_equal(h & 0x7fff, 0x7c00);
    else
      assert_true(f16_value(h) == expected);
  }
}

static void test_f16_edges(void **state) {
  (void)state;
  static const struct {
    float x;
    uint16_t h;
  } edges[] = {
      {65519.996f, 0x7bff},   {65520.0f, 0x7c00},     {0x1p-25f, 0x0000},     {0x1.000002p-25f, 0x0001},
      {0x3p-25f, 0x0002},     {0x1.ffcp-15f, 0x0400}, {0x1.ff2p-15f, 0x03fe}, {1 + 0x1p-11f, 0x3c00},
      {1 + 0x3p-11f, 0x3c02}, {-0.0f, 0x8000},        {2047.5f, 0x6800},      {0x1p-149f, 0x0000},
  };
  for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) assert_int_equal(hr_f32_to_f16(edges[i].x), edges[i].h);
}

static void test_bf16(void **state) {
  (void)state;
  for (uint64_t bits = 0; bits < UINT64_C(1) << 32; bits += STEP) {
    float x = hr_f32_from_bits((uint32_t)bits);
    uint16_t b = hr_f32_to_bf16(x);
    if (is_nan32((uint32_t)bits)) {
      assert_int_equal(b, bits >> 16 | 0x40);
      continue;
    }
    double expected = isinf(x) ? x : round_to(x, 8, -133);
    if (fabs(expected) >= 0x1p128)
      assert_int_equal(b & 0x7fff, 0x7f80);
    else
      assert_true((double)hr_bf16_to_f32(b) == expected && b >> 15 == bits >> 31);
  }
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("f16c"))) static uint16_t processor_f16(float x) {
  return (uint16_t)_mm_extract_epi16(_mm_cvtps_ph(_mm_set_ss(x), _MM_FROUND_TO_NEAREST_INT), 0);
}
__attribute__((target("f16c"))) static float processor_f32(uint16_t h) {
  return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(h)));
}

static void test_f16c(void **state) {
  (void)state;
  if (!__builtin_cpu_supports("avx2")) skip(); /* every processor with AVX2 has F16C */
  for (uint64_t bits = 0; bits < UINT64_C(1) << 32; bits += STEP)
    assert_int_equal(hr_f32_to_f16(hr_f32_from_bits((uint32_t)bits)), processor_f16(hr_f32_from_bits((uint32_t)bits)));
  for (uint32_t h = 0; h < 0x10000; h++)
    assert_int_equal(hr_f32_bits(hr_f16_to_f32((uint16_t)h)), hr_f32_bits(processor_f32((uint16_t)h)));
}
#else
static void test_f16c(void **state) {
  (void)state;
  skip();
}
#endif

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_f16_to_f32), cmocka_unit_test(test_f32_to_f16), cmocka_unit_test(test_f16_edges),
      cmocka_unit_test(test_bf16),       cmocka_unit_test(test_f16c),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
