/* Matrices for LAPACK: copies between layouts, and what the loop over a batch promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/matrices.h"
#include "graph/eval.h"
#include "ops/shape.h"

/* Item of element (r, c): different for all of them. */
static uint64_t value_of(int r, int c) { return (uint64_t)r * 1000003 + (uint64_t)c + 1; }

static void check_copy(int rows, int cols, int64_t item, bool out_by_rows, bool in_by_rows) {
  size_t bytes = (size_t)(rows * cols * item);
  char *in = malloc(bytes), *out = malloc(bytes + 16);
  assert_true(in && out);
  hr_matrix from = in_by_rows ? hr_matrix_row_major(in, cols, item) : hr_matrix_col_major(in, rows, item);
  hr_matrix to = out_by_rows ? hr_matrix_row_major(out + 8, cols, item) : hr_matrix_col_major(out + 8, rows, item);
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < cols; c++) {
      uint64_t value = value_of(r, c);
      memcpy(from.data + r * from.row + c * from.col, &value, (size_t)item);
    }
  memset(out, 0x5a, bytes + 16);
  hr_matrix_copy(to, from, rows, cols, item);
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < cols; c++) {
      uint64_t value = value_of(r, c);
      assert_memory_equal(to.data + r * to.row + c * to.col, &value, (size_t)item);
    }
  for (int i = 0; i < 8; i++) assert_int_equal((out[i] == 0x5a) + (out[bytes + 8 + (size_t)i] == 0x5a), 2);
  free(in);
  free(out);
}

static void test_copy(void **state) {
  static const int lengths[] = {1, 2, 15, 16, 17, 40};
  (void)state;
  for (int i = 0; i < 6; i++)
    for (int k = 0; k < 6; k++)
      for (int how = 0; how < 8; how++) check_copy(lengths[i], lengths[k], how & 4 ? 8 : 4, how & 1, how & 2);
}

static void test_triangles(void **state) {
  float a[3 * 4], lower[] = {1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0}, upper[] = {1, 1, 1, 1, 0, 1, 1, 1, 0, 0, 1, 1};
  float tall[4 * 2], tall_upper[] = {1, 1, 0, 1, 0, 0, 0, 0};
  (void)state;
  for (int i = 0; i < 12; i++) a[i] = 1;
  hr_matrix_clear(a, 3, 4, 4, false);
  assert_memory_equal(a, lower, sizeof a);
  for (int i = 0; i < 12; i++) a[i] = 1;
  hr_matrix_clear(a, 3, 4, 4, true);
  assert_memory_equal(a, upper, sizeof a);
  for (int i = 0; i < 8; i++) tall[i] = 1;
  hr_matrix_clear(tall, 4, 2, 4, true);
  assert_memory_equal(tall, tall_upper, sizeof tall);
}

static void test_finite(void **state) {
  static const double bad[] = {NAN, INFINITY, -INFINITY};
  float single[67];
  double wide[67];
  (void)state;
  for (int i = 0; i < 67; i++) single[i] = -FLT_MAX, wide[i] = DBL_MAX;
  assert_true(hr_matrix_finite(single, 67, HR_FLOAT32) && hr_matrix_finite(wide, 67, HR_FLOAT64));
  assert_true(hr_matrix_finite(single, 0, HR_FLOAT32));
  for (int at = 0; at < 67; at++)
    for (int i = 0; i < 3; i++) {
      single[at] = (float)bad[i], wide[at] = bad[i];
      assert_false(hr_matrix_finite(single, 67, HR_FLOAT32));
      assert_false(hr_matrix_finite(wide, 67, HR_FLOAT64));
      single[at] = 0, wide[at] = 0;
    }
}

static void test_workspace(void **state) {
  const hr_op op = {.name = "svd"};
  const hr_run run = {.op = &op};
  float single = 300;
  double wide = 3e9;
  int count;
  (void)state;
  assert_int_equal(hr_matrix_workspace(&count, &run, &single, HR_FLOAT32), HR_OK);
  assert_int_equal(count, 300);
  single = 0x1p25f; /* may stand for 2^25 + 1 */
  assert_int_equal(hr_matrix_workspace(&count, &run, &single, HR_COMPLEX64), HR_OK);
  assert_true(count >= (1 << 25) + 2);
  assert_int_equal(hr_matrix_workspace(&count, &run, &wide, HR_FLOAT64), HR_UNSUPPORTED);
  assert_non_null(strstr(hr_last_error(), "svd: a workspace of 3000000000"));
}

/* --- the loop --- */

enum { BATCH = 1000 };

/* One application over BATCH matrices of 2 x 2, whose output is a matrix each; made by hand, for a loop function
 * of our own. */
typedef struct fixture {
  hr_array *in, *out;
  hr_run run;
  hr_matrix_job job;
  _Atomic(int) calls[BATCH];
  int fails_from; /* index of the first matrix that fails */
} fixture;

static const hr_op test_op = {.name = "test"};

static void set_up(fixture *f) {
  memset(f, 0, sizeof *f);
  assert_int_equal(hr_array_new_empty(&f->in, (int[]){BATCH / 10, 10, 2, 2}, 4, HR_FLOAT32), HR_OK);
  assert_int_equal(hr_array_new_empty(&f->out, (int[]){BATCH / 10, 10, 2, 2}, 4, HR_FLOAT32), HR_OK);
  for (int i = 0; i < 4 * BATCH; i++) ((float *)hr_array_data(f->in))[i] = (float)i;
  f->run = (hr_run){.op = &test_op, .in = &f->in, .out = &f->out, .in_count = 1, .out_count = 1};
  assert_int_equal(hr_matrix_job_begin(&f->job, &f->run), HR_OK);
  hr_matrix_job_output(&f->job, 0, 16);
  f->fails_from = BATCH;
}

static void tear_down(fixture *f) {
  hr_array_release(f->in);
  hr_array_release(f->out);
}

static int copy_one(const void *ctx, int64_t index, char *scratch) {
  fixture *f = (fixture *)(uintptr_t)ctx;
  hr_add_relaxed(&f->calls[index], 1);
  if ((uintptr_t)scratch % HR_MATRIX_ALIGN != 0) return -2;
  memset(scratch, (int)index, f->job.scratch);
  hr_matrix to = hr_matrix_row_major(hr_matrix_job_out(&f->job, 0, index, scratch), 2, 4);
  hr_matrix_copy(to, hr_matrix_at(f->in, index), 2, 2, 4);
  for (size_t i = HR_MATRIX_ALIGN; i < f->job.scratch; i++)
    if (scratch[i] != (char)index) return -1; /* another chunk writes here too */
  return index >= f->fails_from ? (int)index + 7 : 0;
}

static void test_each_once(void **state) {
  static const uint64_t costs[] = {1, 3000, 100000, 1u << 30};
  (void)state;
  for (int i = 0; i < 4; i++) {
    fixture f;
    set_up(&f);
    hr_matrix_job_reserve(&f.job, 300);
    assert_int_equal(hr_matrix_job_run(&f.job, copy_one, &f, costs[i], ""), HR_OK);
    for (int k = 0; k < BATCH; k++) assert_int_equal(hr_load_relaxed(&f.calls[k]), 1);
    assert_memory_equal(hr_array_data(f.out), hr_array_data(f.in), 16 * BATCH);
    tear_down(&f);
  }
}

static void test_first_failure(void **state) {
  (void)state;
  fixture f;
  set_up(&f);
  f.fails_from = 345;
  assert_int_equal(hr_matrix_job_run(&f.job, copy_one, &f, 3000, "failed at %d"), HR_INVALID);
  assert_string_equal(hr_last_error(), "test: matrix 345 of 1000 failed at 352");
  for (int k = 0; k < BATCH; k++) assert_int_equal(hr_load_relaxed(&f.calls[k]), 1);
  tear_down(&f);
}

/* An output that nobody holds goes into the scratch. */
static void test_dropped_output(void **state) {
  (void)state;
  fixture f;
  set_up(&f);
  hr_array *dropped = NULL;
  f.run.out = &dropped;
  hr_matrix_job_output(&f.job, 0, 16);
  assert_int_equal(f.job.scratch, HR_MATRIX_ALIGN);
  assert_int_equal(hr_matrix_job_run(&f.job, copy_one, &f, 3000, ""), HR_OK);
  tear_down(&f);
}

static void test_strides(void **state) {
  (void)state;
  fixture f;
  hr_array *turned;
  const void *data;
  set_up(&f);
  assert_int_equal(hr_transpose_axes(&turned, f.in, (int[]){1, 0, 3, 2}, 4, NULL), HR_OK);
  assert_int_equal(hr_array_read(&data, turned), HR_OK);
  for (int64_t i = 0; i < BATCH; i++) {
    hr_matrix m = hr_matrix_at(turned, i);
    float first = 4 * (float)(i % 100 * 10 + i / 100), at[3];
    memcpy(&at[0], m.data, 4), memcpy(&at[1], m.data + m.row, 4), memcpy(&at[2], m.data + m.col, 4);
    assert_true(at[0] == first && at[1] == first + 1 && at[2] == first + 2);
  }
  hr_array_release(turned);
  tear_down(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_copy),           cmocka_unit_test(test_triangles), cmocka_unit_test(test_finite),
      cmocka_unit_test(test_workspace),      cmocka_unit_test(test_each_once), cmocka_unit_test(test_first_failure),
      cmocka_unit_test(test_dropped_output), cmocka_unit_test(test_strides),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
