/* Factorisations, systems and eigenvalues through the builders: their products, in double, against the input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/eval.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/index.h"
#include "ops/linalg.h"
#include "ops/linear.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/unary.h"

static uint32_t seed = 5;
static double next_random(void) { return (double)((seed = seed * 1664525u + 1013904223u) >> 8) / (1 << 24) - 0.5; }

#define OK(call) assert_int_equal(call, HR_OK)

/* Frees *a, which `next` replaces. */
static void put(hr_array **a, hr_array *next) {
  hr_array_release(*a);
  *a = next;
}

/* batch x n x n numbers, plus `diagonal` on the diagonal: well-conditioned and, if symmetric, positive definite. */
static hr_array *matrices(int batch, int rows, int cols, hr_dtype dtype, double diagonal, bool symmetric) {
  hr_array *doubles, *a;
  const void *data;
  OK(hr_array_new_empty(&doubles, (int[]){batch, rows, cols}, 3, HR_FLOAT64));
  double *x = hr_array_data(doubles);
  for (int b = 0; b < batch; b++, x += (size_t)rows * (size_t)cols)
    for (int r = 0; r < rows; r++)
      for (int c = 0; c < cols; c++)
        x[r * cols + c] = symmetric && c < r ? x[c * cols + r] : next_random() + (r == c ? diagonal : 0);
  OK(hr_astype(&a, doubles, dtype, NULL));
  OK(hr_array_read(&data, a));
  hr_array_release(doubles);
  return a;
}

static hr_array *transposed(hr_array *a) {
  hr_array *out;
  OK(hr_swapaxes(&out, a, -1, -2, NULL));
  return out;
}

/* The product, in the wider of float64 and the operands' dtype; releases both. */
static hr_array *times(hr_array *a, hr_array *b) {
  hr_array *wide[2], *out;
  for (int i = 0; i < 2; i++) {
    hr_array *x = i ? b : a;
    OK(hr_astype(&wide[i], x, hr_array_dtype(x) == HR_COMPLEX64 ? HR_COMPLEX64 : HR_FLOAT64, NULL));
    hr_array_release(x);
  }
  OK(hr_matmul(&out, wide[0], wide[1], NULL));
  hr_array_release(wide[0]);
  hr_array_release(wide[1]);
  return out;
}

static double largest(hr_array *a) {
  hr_array *size, *most, *wide;
  const void *data;
  OK(hr_abs(&size, a, NULL));
  OK(hr_max(&most, size, false, NULL));
  OK(hr_astype(&wide, most, HR_FLOAT64, NULL));
  OK(hr_array_read(&data, wide));
  double value = *(const double *)data;
  hr_array_release(size), hr_array_release(most), hr_array_release(wide);
  return value;
}

/* |got - want| <= units * eps * |want|, by the largest elements; releases got, and want unless it is NULL: then 1. */
static void near(hr_array *got, hr_array *want, hr_dtype dtype, double units) {
  hr_array *difference, *eye = NULL;
  if (!want) {
    OK(hr_eye(&eye, hr_array_shape(got)[got->ndim - 1], hr_array_shape(got)[got->ndim - 1], 0, HR_FLOAT64, NULL));
    want = eye;
  }
  OK(hr_subtract(&difference, got, want, NULL));
  double error = largest(difference), size = largest(want), eps = dtype == HR_FLOAT64 ? 0x1p-52 : 0x1p-23;
  if (!(error <= units * eps * size)) fail_msg("%g units in the last place, %g allowed", error / eps / size, units);
  hr_array_release(difference);
  hr_array_release(got);
  hr_array_release(want);
}

static hr_array *held(hr_array *a) { return hr_array_retain(a); }

static const int lengths[] = {1, 2, 7, 33, 96};
static const hr_dtype dtypes[] = {HR_FLOAT32, HR_FLOAT64};

static void check_square(int batch, int n, hr_dtype dtype) {
  hr_array *spd = matrices(batch, n, n, dtype, n, true), *a = matrices(batch, n, n, dtype, n, false), *x, *y;
  for (int upper = 0; upper < 2; upper++) {
    OK(hr_linalg_cholesky(&x, spd, upper, NULL));
    near(upper ? times(transposed(x), held(x)) : times(held(x), transposed(x)), held(spd), dtype, 8 * n);
    OK(hr_linalg_cholesky_inv(&y, x, upper, NULL));
    near(times(y, held(spd)), NULL, dtype, 60 * n);
    OK(hr_linalg_tri_inv(&y, x, upper, NULL));
    near(times(y, x), NULL, dtype, 60 * n);
  }
  OK(hr_linalg_inv(&x, a, NULL));
  near(times(x, held(a)), NULL, dtype, 60 * n);
  OK(hr_linalg_solve(&x, a, spd, NULL));
  near(times(held(a), x), held(spd), dtype, 60 * n);
  OK(hr_tril(&y, a, 0, NULL));
  OK(hr_linalg_solve_triangular(&x, a, spd, false, NULL));
  near(times(y, x), held(spd), dtype, 60 * n);
  hr_array_release(spd);
  hr_array_release(a);
}

static void test_square(void **state) {
  (void)state;
  for (int i = 0; i < 5; i++)
    for (int d = 0; d < 2; d++) {
      check_square(1, lengths[i], dtypes[d]);
      check_square(50, lengths[i], dtypes[d]);
    }
}

static void check_factors(int batch, int m, int n, hr_dtype dtype) {
  hr_array *a = matrices(batch, m, n, dtype, 0, false), *q, *r, *places, *rows;
  hr_array_list parts;
  int longest = m > n ? m : n;
  OK(hr_linalg_qr(&q, &r, a, NULL));
  near(times(transposed(q), held(q)), NULL, dtype, 8 * longest);
  near(times(q, r), held(a), dtype, 8 * longest);
  OK(hr_linalg_lu(&parts, a, NULL));
  hr_array *product = times(held(parts.items[1]), held(parts.items[2]));
  OK(hr_expand_dims(&places, parts.items[0], -1, NULL));
  OK(hr_broadcast_to(&rows, places, (int[]){batch, m, n}, 3, NULL));
  OK(hr_take_along_axis(&q, product, rows, 1, NULL));
  near(q, held(a), dtype, 8 * longest);
  hr_array_release(product), hr_array_release(places), hr_array_release(rows);
  hr_list_clear(&parts);
  OK(hr_linalg_pinv(&q, a, NULL));
  near(m < n ? times(held(a), q) : times(q, held(a)), NULL, dtype, 1000 * longest);
  hr_array_release(a);
}

static void test_factors(void **state) {
  (void)state;
  for (int d = 0; d < 2; d++) {
    check_factors(1, 70, 20, dtypes[d]);
    check_factors(30, 3, 8, dtypes[d]);
    check_factors(3, 1, 1, dtypes[d]);
  }
}

/* One matrix that several threads work on. */
static void test_large(void **state) {
  (void)state;
  for (int d = 0; d < 2; d++) {
    check_square(1, 400, dtypes[d]);
    check_factors(1, 500, 400, dtypes[d]);
  }
}

static void check_spectrum(int batch, int n, hr_dtype dtype) {
  hr_array *a = matrices(batch, n, n, dtype, 0, true), *w, *v, *row, *scaled;
  const char *const triangles[] = {"L", "U"};
  for (int i = 0; i < 2; i++) {
    OK(hr_linalg_eigh(&w, &v, a, triangles[i], NULL));
    near(times(transposed(v), held(v)), NULL, dtype, 8 * n);
    OK(hr_expand_dims(&row, w, -2, NULL));
    OK(hr_multiply(&scaled, v, row, NULL));
    near(times(scaled, transposed(v)), held(a), dtype, 20 * n);
    hr_array_release(w), hr_array_release(v), hr_array_release(row);
  }
  put(&a, matrices(batch, n, n, dtype, 0, false));
  OK(hr_linalg_eig(&w, &v, a, NULL));
  OK(hr_expand_dims(&row, w, -2, NULL));
  OK(hr_multiply(&scaled, v, row, NULL));
  near(times(held(a), v), scaled, HR_FLOAT32, 40 * n);
  hr_array_release(w), hr_array_release(row), hr_array_release(a);
}

static void test_spectrum(void **state) {
  (void)state;
  for (int i = 0; i < 4; i++)
    for (int d = 0; d < 2; d++) {
      check_spectrum(1, lengths[i], dtypes[d]);
      check_spectrum(20, lengths[i], dtypes[d]);
    }
}

static void test_svd(void **state) {
  (void)state;
  for (int d = 0; d < 2; d++) {
    hr_array *a = matrices(7, 5, 3, dtypes[d], 0, false), *row, *scaled, *thin;
    hr_array_list parts;
    OK(hr_linalg_svd(&parts, a, true, NULL));
    near(times(transposed(parts.items[0]), held(parts.items[0])), NULL, dtypes[d], 40);
    OK(hr_slice(&thin, parts.items[0], (int[]){0, 0, 0}, 3, (int[]){7, 5, 3}, 3, (int[]){1, 1, 1}, 3, NULL));
    OK(hr_expand_dims(&row, parts.items[1], -2, NULL));
    OK(hr_multiply(&scaled, thin, row, NULL));
    near(times(scaled, held(parts.items[2])), held(a), dtypes[d], 40);
    hr_array_release(thin), hr_array_release(row), hr_array_release(a);
    hr_list_clear(&parts);
  }
}

/* A failure belongs to the result and what is made of it; the text names op, matrix and reason. */
static void test_failure(void **state) {
  (void)state;
  hr_array *a = matrices(3, 4, 4, HR_FLOAT32, 4, true), *x, *sum;
  const void *data;
  ((float *)hr_array_data(a))[16 + 10] = -1;
  OK(hr_linalg_cholesky(&x, a, false, NULL));
  OK(hr_sum(&sum, x, false, NULL));
  assert_int_equal(hr_array_read(&data, sum), HR_INVALID);
  assert_non_null(strstr(hr_last_error(), "matrix 1 of 3 is not positive definite: its leading minor of order 3"));
  hr_array_release(x), hr_array_release(sum);
  OK(hr_linalg_inv(&x, a, NULL)); /* the stream goes on */
  OK(hr_array_read(&data, x));
  hr_array_release(x), hr_array_release(a);
}

/* Each allocation that a pseudo-inverse needs, when it is built and when it runs, may fail. */
static void test_no_memory(void **state) {
  (void)state;
  hr_array *a = matrices(2, 40, 30, HR_FLOAT64, 0, false);
  hr_status status = HR_OUT_OF_MEMORY;
  int failing = 1;
  for (; status != HR_OK; failing++) {
    hr_array *x = NULL;
    const void *data;
    hr_alloc_fail_at(failing);
    status = hr_linalg_pinv(&x, a, NULL);
    if (status == HR_OK) status = hr_array_read(&data, x);
    hr_alloc_fail_at(0);
    assert_true(status == HR_OK || status == HR_OUT_OF_MEMORY);
    hr_array_release(x);
  }
  assert_true(failing > 20);
  hr_array_release(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_square),    cmocka_unit_test(test_large), cmocka_unit_test(test_factors),
      cmocka_unit_test(test_spectrum),  cmocka_unit_test(test_svd),   cmocka_unit_test(test_failure),
      cmocka_unit_test(test_no_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
