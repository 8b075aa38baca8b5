/* Kernels that take a way of their own - arithmetic of half types in registers, division of integers by floats, complex
 * arithmetic on parts - against plain C, at every instruction set. */
#include <complex.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after the headers that it needs */
#include <cmocka.h>

#include "cpu/elementwise.h"
#include "cpu/isa.h"
#include "cpu/kernels/elem.h"

#define ROWS(dtype)                                   \
  HR_ISA_DECLARE(hr_unary_kernels, hr_unary_##dtype); \
  HR_ISA_DECLARE(hr_binary_kernels, hr_binary_##dtype);
ROWS(f16)
ROWS(bf16)
ROWS(c64)
ROWS(u8)
ROWS(i8)
ROWS(u16)
ROWS(i16)
ROWS(u32)
ROWS(i32)

enum { MOST = 4096 };

static uint32_t next(uint64_t *seed) {
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*seed >> 32);
}

/* --- half types --- */

static float load(int bf16, uint16_t h) { return bf16 ? hr_bf16_load(h) : hr_f16_load(h); }
static uint16_t store(int bf16, float x) { return bf16 ? hr_bf16_store(x) : hr_f16_store(x); }

static float plain_half(hr_binary op, float a, float b) {
  switch (op) {
    case HR_BINARY_ADD: return a + b;
    case HR_BINARY_SUBTRACT: return a - b;
    case HR_BINARY_MULTIPLY: return a * b;
    case HR_BINARY_DIVIDE: return a / b;
    case HR_BINARY_MAXIMUM: return a > b || a != a ? a : b;
    default: return a < b || a != a ? a : b;
  }
}

static void assert_same_half(int bf16, uint16_t got, uint16_t want) {
  if (isnan(load(bf16, want)))
    assert_true(isnan(load(bf16, got)));
  else
    assert_int_equal(got, want);
}

static void check_half(int bf16, hr_binary op, hr_kernel kernel) {
  static const int lengths[] = {0, 1, 31, 32, 33, 64, MOST};
  static uint16_t a[MOST], b[MOST], out[MOST + 1];
  uint64_t seed = (uint64_t)op + 1;
  for (int i = 0; i < MOST; i++) a[i] = (uint16_t)next(&seed), b[i] = i % 3 ? (uint16_t)next(&seed) : a[i] ^ 0x8000;
  for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
    for (unsigned scalars = 0; scalars < 4; scalars++) {
      int n = lengths[l];
      out[n] = 12345;
      kernel(out, (const void *const[]){a, b}, n, scalars);
      assert_int_equal(out[n], 12345);
      for (int i = 0; i < n; i++) {
        float x = load(bf16, a[scalars & 1 ? 0 : i]), y = load(bf16, b[scalars & 2 ? 0 : i]);
        assert_same_half(bf16, out[i], store(bf16, plain_half(op, x, y)));
      }
    }
}

static void check_halves_of_one(int bf16, const hr_unary_kernels *kernels) {
  static uint16_t all[1 << 16], out[1 << 16];
  for (int i = 0; i < 1 << 16; i++) all[i] = (uint16_t)i;
  if (!kernels->run[HR_UNARY_SQRT]) return;
  kernels->run[HR_UNARY_SQRT](out, (const void *const[]){all}, 1 << 16, 0);
  for (int i = 0; i < 1 << 16; i++) assert_same_half(bf16, out[i], store(bf16, sqrtf(load(bf16, all[i]))));
  kernels->run[HR_UNARY_ABS](out, (const void *const[]){all}, 1 << 16, 0);
  for (int i = 0; i < 1 << 16; i++) assert_int_equal(out[i], i & 0x7fff);
  kernels->run[HR_UNARY_NEGATIVE](out, (const void *const[]){all}, 1 << 16, 0);
  for (int i = 0; i < 1 << 16; i++) assert_int_equal(out[i], i ^ 0x8000);
}

static void check_clip(int bf16, hr_kernel kernel) {
  static uint16_t all[1 << 16], out[1 << 16];
  uint16_t least = store(bf16, -1.5f), greatest = store(bf16, 2.0f);
  for (int i = 0; i < 1 << 16; i++) all[i] = (uint16_t)i;
  kernel(out, (const void *const[]){all, &least, &greatest}, (1 << 16) - 5, 6);
  for (int i = 0; i < (1 << 16) - 5; i++) {
    float x = load(bf16, all[i]), want = x < -1.5f ? -1.5f : x > 2.0f ? 2.0f : x;
    assert_same_half(bf16, out[i], store(bf16, want));
  }
}

static void halves_are_rounded_once(void **state) {
  (void)state;
  static const hr_unary_kernels *const unary[2][HR_ISA_COUNT] = {HR_ISA_ROW(hr_unary_f16), HR_ISA_ROW(hr_unary_bf16)};
  static const hr_binary_kernels *const binary[2][HR_ISA_COUNT] = {HR_ISA_ROW(hr_binary_f16),
                                                                   HR_ISA_ROW(hr_binary_bf16)};
  static const hr_binary ops[] = {HR_BINARY_ADD,    HR_BINARY_SUBTRACT, HR_BINARY_MULTIPLY,
                                  HR_BINARY_DIVIDE, HR_BINARY_MAXIMUM,  HR_BINARY_MINIMUM};
  for (int isa = 0; isa <= (int)hr_isa_level(); isa++)
    for (int bf16 = 0; bf16 < 2; bf16++) {
      const hr_kernel *run = binary[bf16][isa]->run;
      for (size_t k = 0; k < sizeof ops / sizeof *ops; k++)
        if (run[ops[k]]) check_half(bf16, ops[k], run[ops[k]]);
      if (run[HR_BINARY_CLIP]) check_clip(bf16, run[HR_BINARY_CLIP]);
      check_halves_of_one(bf16, unary[bf16][isa]);
    }
}

/* --- integers --- */

static int64_t plain_quotient(int64_t a, int64_t b) {
  if (b == 0) return 0;
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* Edges first, then any bits and small divisors. */
#define DIVISION(dtype, type)                                                                                        \
  static void check_##dtype(const hr_binary_kernels *kernels) {                                                      \
    static type a[MOST], b[MOST], q[MOST], r[MOST];                                                                  \
    const uint64_t low = (uint64_t)1 << (8 * sizeof(type) - 1);                                                      \
    const uint64_t edges[] = {0, 1, 2, 3, low - 1, low, low + 1, 2 * low - 1, 2 * low - 2, 7, low / 2, low / 2 + 1}; \
    enum { EDGES = sizeof edges / sizeof *edges };                                                                   \
    uint64_t seed = sizeof(type);                                                                                    \
    for (int round = 0; round < 20; round++) {                                                                       \
      for (int i = 0; i < MOST; i++) {                                                                               \
        a[i] = (type)(i < EDGES * EDGES ? edges[i / EDGES] : next(&seed));                                           \
        b[i] = (type)(i < EDGES * EDGES ? edges[i % EDGES] : next(&seed) >> next(&seed) % 32);                       \
        if (i % 5 == 4 && i > EDGES * EDGES) a[i] = (type)(a[i] - a[i] % (b[i] ? b[i] : 1)); /* whole quotients */   \
      }                                                                                                              \
      kernels->run[HR_BINARY_FLOOR_DIVIDE](q, (const void *const[]){a, b}, MOST, 0);                                 \
      kernels->run[HR_BINARY_REMAINDER](r, (const void *const[]){a, b}, MOST, 0);                                    \
      for (int i = 0; i < MOST; i++) {                                                                               \
        int64_t want = plain_quotient(a[i], b[i]);                                                                   \
        assert_true(q[i] == (type)want);                                                                             \
        assert_true(r[i] == (type)(b[i] == 0 ? 0 : (int64_t)a[i] - want * b[i]));                                    \
      }                                                                                                              \
    }                                                                                                                \
  }
DIVISION(u8, uint8_t)
DIVISION(i8, int8_t)
DIVISION(u16, uint16_t)
DIVISION(i16, int16_t)
DIVISION(u32, uint32_t)
DIVISION(i32, int32_t)

static void quotients_of_integers_are_exact(void **state) {
  (void)state;
#define CHECK(dtype)                                                              \
  do {                                                                            \
    static const hr_binary_kernels *const row[] = HR_ISA_ROW(hr_binary_##dtype);  \
    for (int isa = 0; isa <= (int)hr_isa_level(); isa++) check_##dtype(row[isa]); \
  } while (0)
  CHECK(u8);
  CHECK(i8);
  CHECK(u16);
  CHECK(i16);
  CHECK(u32);
  CHECK(i32);
}

/* --- complex numbers --- */

static const float values[] = {0, -0.0f, 1, -2.5f, 3e38f, 1e-40f, -1e-20f, INFINITY, -INFINITY, NAN};
enum { VALUES = sizeof values / sizeof *values, PAIRS = VALUES * VALUES };

static void assert_near(float got, float want) {
  if (isnan(want))
    assert_true(isnan(got));
  else
    assert_true(got == want || fabs((double)got - want) <= fabs((double)want) * 0x1p-23);
}

static void complex_numbers_follow_annex_g(void **state) {
  (void)state;
  static const hr_unary_kernels *const unary[] = HR_ISA_ROW(hr_unary_c64);
  static const hr_binary_kernels *const binary[] = HR_ISA_ROW(hr_binary_c64);
  static float x[PAIRS][2], z[PAIRS][2], size[PAIRS];
  for (int i = 0; i < PAIRS; i++) x[i][0] = values[i / VALUES], x[i][1] = values[i % VALUES];
  for (int isa = 0; isa <= (int)hr_isa_level(); isa++) {
    unary[isa]->run[HR_UNARY_ABS](size, (const void *const[]){x}, PAIRS, 0);
    for (int i = 0; i < PAIRS; i++) assert_near(size[i], hypotf(x[i][0], x[i][1]));
    for (int k = 0; k < PAIRS; k++) {
      float _Complex y;
      memcpy(&y, x[k], sizeof y);
      binary[isa]->run[HR_BINARY_DIVIDE](z, (const void *const[]){x, x[k]}, PAIRS, 2);
      for (int i = 0; i < PAIRS; i++) {
        float _Complex over;
        memcpy(&over, x[i], sizeof over);
        double _Complex want = (double _Complex)over / (double _Complex)y;
        assert_near(z[i][0], (float)creal(want));
        assert_near(z[i][1], (float)cimag(want));
      }
      binary[isa]->run[HR_BINARY_MULTIPLY](z, (const void *const[]){x[k], x}, PAIRS, 1);
      for (int i = 0; i < PAIRS; i++) {
        assert_near(z[i][0], x[k][0] * x[i][0] - x[k][1] * x[i][1]);
        assert_near(z[i][1], x[k][0] * x[i][1] + x[k][1] * x[i][0]);
      }
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(halves_are_rounded_once),
      cmocka_unit_test(quotients_of_integers_are_exact),
      cmocka_unit_test(complex_numbers_follow_annex_g),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
