/* Parts of convolutions: phases against their definition, tiles of every size against plain loops, scratch blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/conv.h"
#include "cpu/isa.h"
#include "sched/parallel.h"
#include "sched/pool.h"

HR_ISA_DECLARE(hr_conv_kernels, hr_conv_f32);
HR_ISA_DECLARE(hr_conv_kernels, hr_conv_f64);
static const hr_conv_kernels *const f32[] = HR_ISA_ROW(hr_conv_f32), *const f64[] = HR_ISA_ROW(hr_conv_f64);

static uint32_t seed = 5;
static int below(int end) { return (int)(((seed = seed * 1664525u + 1013904223u) >> 8) % (uint32_t)end); }

/* --- phases --- */

/* Every output and tap that meet an element of the spread input, padding included, are in one phase, once. */
static void check_phases(hr_conv_axis *a) {
  int64_t found = 0, outputs = 0, meetings = 0;
  for (int64_t o = 0; o < a->outputs; o++)
    for (int64_t k = 0; k < a->kernel; k++) meetings += (o * a->stride + k * a->dilation - a->low) % a->spread == 0;
  for (int64_t r = 0; r < a->phases; r++) {
    hr_conv_phase p;
    hr_conv_phase_init(&p, a, r);
    outputs += p.outputs;
    for (int64_t i = 0; i < p.outputs; i++)
      for (int64_t j = 0; j < p.taps; j++, found++) {
        int64_t o = r + i * a->phase_step, k = p.first_tap + j * p.tap_step;
        assert_true(o < a->outputs && k < a->kernel);
        assert_int_equal(o * a->stride + k * a->dilation - a->low, (p.at + i * p.step + j * p.reach) * a->spread);
      }
  }
  assert_int_equal(outputs, a->outputs);
  assert_int_equal(found, meetings);
}

static int64_t divisor(int64_t a, int64_t b) { return b ? divisor(b, a % b) : a; }

static void test_phases(void **state) {
  (void)state;
  for (int i = 0; i < 3000; i++) {
    hr_conv_axis a = {.outputs = 1 + below(20), .kernel = 1 + below(7), .low = below(9)};
    a.stride = 1 + below(6), a.dilation = 1 + below(6), a.spread = 1 + below(8);
    a.phase_step = a.spread / divisor(a.stride, a.spread);
    a.phases = a.phase_step < a.outputs ? a.phase_step : a.outputs;
    check_phases(&a);
  }
}

/* --- tiles: whole numbers, so that sums are exact, with guards around the result --- */

enum { ELEMENTS = 8192, WIDTH = 40 };

typedef struct memory {
  bool is_double;
  _Alignas(64) double a[ELEMENTS], b[ELEMENTS], c[ELEMENTS]; /* or floats */
} memory;

static double get(const memory *m, const void *data, int64_t i) {
  return m->is_double ? ((const double *)data)[i] : ((const float *)data)[i];
}

static void put(const memory *m, void *data, int64_t i, double value) {
  if (m->is_double)
    ((double *)data)[i] = value;
  else
    ((float *)data)[i] = (float)value;
}

typedef enum kind { DENSE, CHANNELS, GROUPS } kind;

static double term_sum(const memory *m, const hr_conv_tile *t, int64_t row, int j, int columns, kind kind) {
  double sum = 0;
  if (kind == CHANNELS) row += j;
  if (kind == GROUPS) row += j / t->group_out * t->group_in;
  for (int64_t r = 0; r < t->run_count; r++)
    for (int64_t p = 0; p < t->runs[r].length; p++)
      sum += get(m, t->a, row + t->runs[r].a + p) * get(m, t->b, (t->runs[r].b + p) * columns + j);
  return sum;
}

static void check_tile(memory *m, const hr_conv_kernels *kernels, hr_conv_tile *t, kind kind) {
  double before[ELEMENTS];
  for (int i = 0; i < ELEMENTS; i++) {
    put(m, m->a, i, below(9) - 4), put(m, m->b, i, below(9) - 4);
    put(m, m->c, i, before[i] = below(100));
  }
  t->a = m->a, t->b = m->b, t->c = m->c;
  (kind == GROUPS ? kernels->tile_groups : kind == CHANNELS ? kernels->tile_channels : kernels->tile)(t);
  for (int half = 0; half < t->halves; half++)
    for (int i = 0; i < t->rows; i++)
      for (int j = 0; j < t->columns; j++) {
        int64_t at = half * t->half_c + i * t->ldc + j;
        double sum = term_sum(m, t, half * t->half + i * t->row, j, kernels->columns, kind);
        before[at] = sum + (t->add ? before[at] : 0);
      }
  for (int i = 0; i < ELEMENTS; i++)
    if (get(m, m->c, i) != before[i])
      fail_msg("%d rows, %d halves, %d columns, add %d, kind %d: element %d is %g, expected %g", t->rows, t->halves,
               t->columns, t->add, (int)kind, i, get(m, m->c, i), before[i]);
}

static void tiles_of(memory *m, const hr_conv_kernels *kernels) {
  static const hr_conv_run runs[] = {{0, 0, 5}, {40, 6, 1}, {13, 9, 17}}, taps[] = {{0, 3, 1}, {50, 0, 1}, {7, 5, 1}};
  for (int halves = 1; halves <= 2; halves++)
    for (int rows = 1; rows <= kernels->rows / halves; rows++)
      for (int columns = 1; columns <= kernels->columns; columns++) {
        hr_conv_tile t = {.row = 11,
                          .half = 300,
                          .ldc = WIDTH,
                          .half_c = 15 * WIDTH,
                          .runs = runs,
                          .run_count = 3,
                          .rows = rows,
                          .halves = halves,
                          .columns = columns,
                          .add = below(2)};
        if (columns > 2 && columns < kernels->columns - 2 && columns % 8 > 1) continue;
        check_tile(m, kernels, &t, DENSE);
        t.runs = taps, t.add = 0;
        if (halves == 1) check_tile(m, kernels, &t, CHANNELS);
      }
  hr_conv_tile none = {.ldc = WIDTH, .runs = runs, .run_count = 0, .rows = 3, .halves = 1, .columns = 3};
  check_tile(m, kernels, &none, DENSE);
}

static void groups_of(memory *m, const hr_conv_kernels *kernels) {
  int vector = kernels->columns / 2;
  if (!kernels->tile_groups) return;
  for (int out = 1; out < vector; out *= 2)
    for (int in = 1; in <= out; in += 1 + in / 3)
      for (int columns = out; columns <= kernels->columns; columns += out) {
        hr_conv_run taps[] = {{0, 3, in}, {50, 0, in}, {7, 19, in}};
        int32_t lanes[HR_CONV_LANES];
        for (int i = 0; i < HR_CONV_LANES; i++) lanes[i] = i / out * in;
        hr_conv_tile t = {.row = 40,
                          .ldc = WIDTH,
                          .runs = taps,
                          .run_count = 3,
                          .rows = 1 + below(12),
                          .halves = 1,
                          .columns = columns,
                          .lanes = lanes,
                          .group_in = in,
                          .group_out = out};
        check_tile(m, kernels, &t, GROUPS);
      }
}

static void test_tiles(void **state) {
  (void)state;
  memory *m = aligned_alloc(64, (sizeof *m + 63) / 64 * 64);
  assert_non_null(m);
  for (int level = 0; level <= (int)hr_isa_level(); level++) {
    m->is_double = false;
    tiles_of(m, f32[level]), groups_of(m, f32[level]);
    m->is_double = true;
    tiles_of(m, f64[level]), groups_of(m, f64[level]);
  }
  free(m);
}

/* --- scratch --- */

typedef struct users {
  hr_scratch scratch;
  _Atomic(int) clashes;
} users;

static void use(void *ctx, int64_t chunk) {
  users *u = ctx;
  int64_t *block = hr_scratch_take(&u->scratch);
  for (int i = 0; i < 16; i++) block[i] = chunk;
  for (int i = 0; i < 2000; i++) hr_cpu_relax();
  for (int i = 0; i < 16; i++)
    if (block[i] != chunk) hr_add_relaxed(&u->clashes, 1);
  hr_scratch_give(&u->scratch, block);
}

/* The pool grows behind the scratch memory's back: threads have to wait for each other's blocks. */
static void test_scratch(void **state) {
  (void)state;
  int limit = hr_pool_limit();
  users u = {.clashes = 0};
  assert_int_equal(hr_pool_start(), HR_OK);
  assert_int_equal(hr_pool_limit_set(1), HR_OK);
  assert_int_equal(hr_scratch_init(&u.scratch, 128, 300), HR_OK);
  assert_int_equal(u.scratch.count, 2);
  assert_int_equal(hr_pool_limit_set(8), HR_OK);
  hr_parallel_for(300, use, &u);
  assert_int_equal(u.clashes, 0);
  hr_scratch_deinit(&u.scratch);
  assert_int_equal(hr_scratch_init(&u.scratch, 0, 300), HR_OK);
  assert_null(hr_scratch_take(&u.scratch));
  hr_scratch_deinit(&u.scratch);
  assert_int_equal(hr_pool_limit_set(limit), HR_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_phases), cmocka_unit_test(test_tiles),
                                     cmocka_unit_test(test_scratch)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
