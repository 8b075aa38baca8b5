/* Products of half types by the matrix unit against sums in double: shapes around panels, tiles and steps, all strides,
 * batches, and what a float16 cannot be split into. Where the processor has no such unit nothing may be `done`. */
#include <math.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/half.h"
#include "cpu/isa.h"
#include "cpu/matmul.h"

typedef struct shape {
  int batch, m, n, k;
} shape;

/* Numbers of B's layouts: rows, columns as runs, gaps both ways. */
enum { LAYOUTS = 3 };

static uint16_t half_of(hr_dtype dtype, float x) { return dtype == HR_FLOAT16 ? hr_f32_to_f16(x) : hr_f32_to_bf16(x); }
static float value_of(hr_dtype dtype, uint16_t h) { return dtype == HR_FLOAT16 ? hr_f16_to_f32(h) : hr_bf16_to_f32(h); }

static uint16_t *numbers(hr_dtype dtype, int64_t count, uint32_t seed) {
  uint16_t *x = malloc((size_t)count * sizeof *x);
  assert_non_null(x);
  for (int64_t i = 0; i < count; i++) {
    seed = seed * 1664525u + 1013904223u;
    x[i] = half_of(dtype, (float)(int32_t)seed * 0x1p-31f);
  }
  return x;
}

static void strides_of(int layout, int rows, int columns, int64_t *row, int64_t *column, int64_t *item) {
  int gap = layout == 2 ? 2 : 1;
  *column = layout == 1 ? rows : gap, *row = layout == 1 ? 1 : (int64_t)columns * gap;
  *item = (int64_t)rows * columns * gap;
}

/* Sums of k terms: roundings of float32 against the size of the terms, and one of the dtype. */
static void compare(const hr_product *p) {
  const uint16_t *a = (const uint16_t *)p->a, *b = (const uint16_t *)p->b, *c = (const uint16_t *)p->c;
  double unit = p->dtype == HR_FLOAT16 ? 0x1p-11 : 0x1p-8;
  for (int64_t i = 0; i < p->batch * p->m * p->n; i += 1 + i % 7) { /* some of them */
    int64_t index = i / (p->m * p->n), row = i / p->n % p->m, column = i % p->n;
    double sum = 0, size = 0;
    for (int64_t k = 0; k < p->k; k++) {
      double term = (double)value_of(p->dtype, a[p->a_items[index] + row * p->a_row + k * p->a_k]) *
                    value_of(p->dtype, b[p->b_items[index] + k * p->b_k + column * p->b_column]);
      sum += term, size += fabs(term);
    }
    double error = fabs(value_of(p->dtype, c[i]) - sum);
    if (!(error <= unit * fabs(sum) + 0x1p-20 * size))
      fail_msg("%ld x %ld x %ld: element %ld is %g, not %g", (long)p->m, (long)p->k, (long)p->n, (long)i,
               (double)value_of(p->dtype, c[i]), sum);
  }
}

static void check(hr_dtype dtype, shape s, int layout_a, int layout_b) {
  int64_t items[8], item_a, item_b;
  hr_product p = {.batch = s.batch,
                  .m = s.m,
                  .n = s.n,
                  .k = s.k,
                  .dtype = dtype,
                  .item_bytes = 2,
                  .a_items = items,
                  .b_items = items + 4};
  strides_of(layout_a, s.m, s.k, &p.a_row, &p.a_k, &item_a);
  strides_of(layout_b, s.k, s.n, &p.b_k, &p.b_column, &item_b);
  for (int i = 0; i < s.batch; i++) items[i] = i * item_a, items[4 + i] = i * item_b;
  uint16_t *a = numbers(dtype, s.batch * item_a, 1), *b = numbers(dtype, s.batch * item_b, 2);
  uint16_t *c = numbers(dtype, (int64_t)s.batch * s.m * s.n, 3);
  p.a = (char *)a, p.b = (char *)b, p.c = (char *)c;
  bool done = false;
  assert_int_equal(hr_product_half(&p, &done), HR_OK);
  assert_int_equal(done, hr_isa_amx() && 2ll * s.m * s.n * s.k >= 1 << 15);
  if (done) compare(&p);
  free(a);
  free(b);
  free(c);
}

static void test_shapes(void **state) {
  static const shape shapes[] = {{1, 32, 32, 32},  {1, 3, 400, 31},   {1, 400, 3, 33},   {1, 33, 65, 1025},
                                 {3, 31, 33, 40},  {1, 129, 130, 64}, {1, 300, 270, 40}, {2, 200, 513, 257},
                                 {1, 1, 1, 40000}, {1, 2, 2, 2},      {1, 256, 100, 64}, {3, 64, 48, 96},
                                 {1, 16, 100, 64}, {1, 100, 16, 40},  {1, 64, 40, 2080}, {2, 512, 70, 544}};
  (void)state;
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
    for (int layout = 0; layout < LAYOUTS * LAYOUTS; layout++) {
      check(HR_BFLOAT16, shapes[i], layout % LAYOUTS, layout / LAYOUTS);
      check(HR_FLOAT16, shapes[i], layout % LAYOUTS, layout / LAYOUTS);
    }
}

enum { SIDE = 40 };

/* The product of a matrix with one number x at a place and ones elsewhere, with ones; its first element. */
static uint16_t with(uint16_t x, int place, hr_status (*run)(const hr_product *, bool *), bool *done) {
  static uint16_t a[SIDE * SIDE], b[SIDE * SIDE], c[SIDE * SIDE];
  static const int64_t zero;
  for (int i = 0; i < SIDE * SIDE; i++) a[i] = b[i] = hr_f32_to_f16(1);
  a[place] = x;
  hr_product p = {.a = (char *)a,
                  .b = (char *)b,
                  .c = (char *)c,
                  .batch = 1,
                  .m = SIDE,
                  .n = SIDE,
                  .k = SIDE,
                  .a_row = SIDE,
                  .a_k = 1,
                  .b_k = SIDE,
                  .b_column = 1,
                  .a_items = &zero,
                  .b_items = &zero,
                  .dtype = HR_FLOAT16,
                  .item_bytes = 2};
  assert_int_equal(run(&p, done), HR_OK);
  return c[0];
}

static hr_status run_any(const hr_product *p, bool *done) { return *done = true, hr_product_run(p); }

static void test_float16_specials(void **state) {
  bool done;
  (void)state;
  with(0x7c00, 5, hr_product_half, &done);
  assert_false(done);
  with(0x7e00, SIDE * SIDE - 1, hr_product_half, &done);
  assert_false(done);
  assert_int_equal(with(0xfc00, 5, run_any, &done), 0xfc00);
  assert_true(isnan(hr_f16_to_f32(with(0x7e00, 5, run_any, &done))));
  assert_int_equal(with(0x7bff, 5, run_any, &done), hr_f32_to_f16(65504.0f + SIDE - 1));
}

/* Below 2^-14 float16 has fewer bits, all of which count. */
static void test_float16_subnormals(void **state) {
  bool done;
  (void)state;
  for (uint16_t x = 1; x < 0x400; x += 31) {
    static uint16_t a[64 * 64], b[64 * 64], c[64 * 64];
    for (int i = 0; i < 64 * 64; i++) a[i] = i % 65 ? 0 : x, b[i] = i % 65 ? 0 : hr_f32_to_f16(1);
    static const int64_t zero;
    hr_product p = {.a = (char *)a,
                    .b = (char *)b,
                    .c = (char *)c,
                    .batch = 1,
                    .m = 64,
                    .n = 64,
                    .k = 64,
                    .a_row = 64,
                    .a_k = 1,
                    .b_k = 64,
                    .b_column = 1,
                    .a_items = &zero,
                    .b_items = &zero,
                    .dtype = HR_FLOAT16,
                    .item_bytes = 2};
    assert_int_equal(hr_product_half(&p, &done), HR_OK);
    if (done) assert_memory_equal(c, a, sizeof c);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_shapes), cmocka_unit_test(test_float16_specials),
                                     cmocka_unit_test(test_float16_subnormals)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
