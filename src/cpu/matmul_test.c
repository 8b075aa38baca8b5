/* Products of float32 and float64 by each of their ways: shapes around the tiles of small, deep, wide and batched
 * products and of those with a vector, in all layouts. Whole numbers make every sum exact, so results are equal to the
 * bit; nothing is written beside them. */
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cpu/matmul.h"

typedef struct shape {
  int batch, m, n, k;
} shape;

enum { LAYOUTS = 3, GUARD = 64 };

static void set(void *x, hr_dtype dtype, int64_t i, double value) {
  if (dtype == HR_FLOAT64)
    ((double *)x)[i] = value;
  else
    ((float *)x)[i] = (float)value;
}
static double get(const void *x, hr_dtype dtype, int64_t i) {
  return dtype == HR_FLOAT64 ? ((const double *)x)[i] : ((const float *)x)[i];
}

/* Numbers from -3 to 3. */
static char *numbers(hr_dtype dtype, int64_t count, uint32_t seed) {
  char *x = malloc((size_t)(count * hr_dtype_bytes[dtype]));
  assert_non_null(x);
  for (int64_t i = 0; i < count; i++) {
    seed = seed * 1664525u + 1013904223u;
    set(x, dtype, i, (double)((seed >> 16) % 7) - 3);
  }
  return x;
}

/* Rows that are runs, columns that are, and gaps both ways. */
static void strides_of(int layout, int rows, int columns, int64_t *row, int64_t *column, int64_t *item) {
  int gap = layout == 2 ? 2 : 1;
  *column = layout == 1 ? rows : gap, *row = layout == 1 ? 1 : (int64_t)columns * gap;
  *item = (int64_t)rows * columns * gap;
}

static void compare(const hr_product *p) {
  int64_t count = p->batch * p->m * p->n, stride = count * p->k / (1 << 22) + 1; /* about so many products */
  for (int64_t i = 0; i < count; i += 1 + i % stride) {
    int64_t index = i / (p->m * p->n), row = i / p->n % p->m, column = i % p->n;
    int64_t a = p->a_items ? p->a_items[index] : 0, b = p->b_items ? p->b_items[index] : 0;
    double sum = 0;
    for (int64_t k = 0; k < p->k; k++)
      sum += get(p->a, p->dtype, a + row * p->a_row + k * p->a_k) *
             get(p->b, p->dtype, b + k * p->b_k + column * p->b_column);
    if (p->term)
      sum = p->term->alpha * sum +
            p->term->beta *
                get(p->term->d, p->dtype, p->term->items[index] + row * p->term->row + column * p->term->column);
    if (get(p->c, p->dtype, i) != sum)
      fail_msg("%ld of %ld x %ld x %ld: element %ld is %g, not %g", (long)p->batch, (long)p->m, (long)p->k, (long)p->n,
               (long)i, get(p->c, p->dtype, i), sum);
  }
}

/* A number, a row and a column for all items, and matrices with gaps. */
static void check_terms(hr_product p) {
  char *d = numbers(p.dtype, p.batch * p.m * p.n * 2, 3);
  int64_t *items = calloc((size_t)p.batch, sizeof *items);
  assert_non_null(items);
  const hr_product_term terms[] = {{.alpha = 2, .beta = -3},
                                   {.column = 1, .alpha = 1, .beta = 1},
                                   {.row = 1, .alpha = -1, .beta = 0.5f},
                                   {.row = 2 * p.n, .column = 2, .alpha = 1, .beta = 2}};
  for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++) {
    hr_product_term term = terms[i];
    for (int64_t j = 0; term.row > 1 && j < p.batch; j++) items[j] = j * 2 * p.m * p.n;
    term.d = d, term.items = items, p.term = &term;
    assert_int_equal(hr_product_run(&p), HR_OK);
    compare(&p);
  }
  free(d);
  free(items);
}

static void check(hr_dtype dtype, shape s, int layout_a, int layout_b) {
  int64_t bytes = hr_dtype_bytes[dtype], item_a, item_b, size = (int64_t)s.batch * s.m * s.n * bytes;
  hr_product p = {.batch = s.batch, .m = s.m, .n = s.n, .k = s.k, .dtype = dtype, .item_bytes = (int)bytes};
  strides_of(layout_a, s.m, s.k, &p.a_row, &p.a_k, &item_a);
  strides_of(layout_b, s.k, s.n, &p.b_k, &p.b_column, &item_b);
  char *a = numbers(dtype, item_a * s.batch, 1), *b = numbers(dtype, item_b * s.batch, 2);
  char *c = malloc((size_t)size + 2 * GUARD);
  int64_t *items = malloc(2 * (size_t)s.batch * sizeof *items);
  assert_true(c && items);
  for (int i = 0; i < s.batch; i++) items[i] = i * item_a, items[s.batch + i] = i * item_b;
  memset(c, 0x55, (size_t)size + 2 * GUARD);
  p.a = a, p.b = b, p.c = c + GUARD;
  if (s.batch > 1) p.a_items = items, p.b_items = items + s.batch;
  assert_int_equal(hr_product_run(&p), HR_OK);
  compare(&p);
  if (layout_a == 0 && layout_b == 0) check_terms(p);
  for (int i = 0; i < GUARD; i++) assert_true(c[i] == 0x55 && c[GUARD + size + i] == 0x55);
  free(a);
  free(b);
  free(c);
  free(items);
}

static void check_layouts(const shape *shapes, size_t count) {
  for (size_t i = 0; i < count; i++)
    for (int layouts = 0; layouts < LAYOUTS * LAYOUTS; layouts++) {
      check(HR_FLOAT32, shapes[i], layouts / LAYOUTS, layouts % LAYOUTS);
      check(HR_FLOAT64, shapes[i], layouts / LAYOUTS, layouts % LAYOUTS);
    }
}

#define CHECK_ALL(...)                                     \
  do {                                                     \
    static const shape shapes[] = {__VA_ARGS__};           \
    check_layouts(shapes, sizeof shapes / sizeof *shapes); \
  } while (0)

/* Batch, rows, columns, k. */
static void test_small(void **state) {
  (void)state;
  for (int m = 1; m <= 26; m++)
    for (int n = 1; n <= 66; n += 13) check(HR_FLOAT32, (shape){1, m, n, 1 + (m * n) % 19}, 0, 0);
  CHECK_ALL({1, 1, 1, 1}, {1, 12, 16, 16}, {1, 13, 17, 15}, {1, 25, 65, 33}, {1, 64, 64, 64}, {1, 90, 70, 60});
}
static void test_batch(void **state) {
  (void)state;
  CHECK_ALL({2, 3, 4, 5}, {100, 32, 32, 32}, {7, 33, 47, 512}, {7, 33, 47, 513}, {3, 130, 128, 127});
}
static void test_tall_and_wide(void **state) {
  (void)state;
  CHECK_ALL({1, 3001, 16, 16}, {1, 16, 3001, 16}, {1, 25, 20000, 15}, {1, 20000, 7, 20}, {1, 9, 70000, 4});
}
static void test_deep(void **state) {
  (void)state;
  CHECK_ALL({1, 64, 64, 5000}, {1, 33, 65, 20001}, {1, 256, 200, 4097}, {1, 128, 100, 4000}, {1, 9, 5, 300000});
}
static void test_vector(void **state) {
  (void)state;
  CHECK_ALL({1, 1, 700, 2003}, {1, 1, 1025, 3001}, {1, 700, 1, 2003}, {1, 5, 1100, 1999}, {1, 8, 300, 300});
  CHECK_ALL({3, 1, 500, 70}, {3, 3, 500, 150}, {1, 1, 30000, 9});
}
static void test_large(void **state) {
  (void)state;
  CHECK_ALL({1, 300, 520, 1030}, {1, 17, 1500, 600});
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_small),         cmocka_unit_test(test_batch),
                                     cmocka_unit_test(test_tall_and_wide), cmocka_unit_test(test_deep),
                                     cmocka_unit_test(test_vector),        cmocka_unit_test(test_large)};
  return cmocka_run_group_tests_name("products", tests, NULL, NULL);
}
