/* src/cpu/factor.c - factorisations, inverses and systems of equations by LAPACK, but for what factor_small.h
 * does. See matrices.h for X1. */
#include <limits.h>
#include <string.h>

#include "cpu/factor_large.h"
#include "cpu/factor_small.h"
#include "ops/linalg_internal.h"
#include "ops/op_list.h"

typedef struct job {
  hr_matrix_job base;
  hr_linalg_kind kind;
  int right;         /* right-hand sides */
  int lwork;         /* elements */
  bool upper, large; /* large: hr_factor_is_large() */
  /* Where things lie in a chunk's scratch. */
  size_t matrix, pivots, tau, work;
} job;

static hr_status begin(job *j, const hr_run *run) {
  const hr_linalg_attrs *attrs = run->attrs;
  *j = (job){.kind = (hr_linalg_kind)run->op->kernel, .upper = attrs->upper};
  hr_status status = hr_matrix_job_begin(&j->base, run);
  j->large = status == HR_OK && hr_factor_is_large(&j->base);
  return status;
}

static hr_status run_loop(const job *j, int (*fn)(const void *, int64_t, char *), const char *failure) {
  const hr_matrix_job *b = &j->base;
  uint64_t cost = hr_linalg_matrix_cost(j->kind, b->m, b->n, j->right ? j->right : b->k);
  return hr_matrix_job_run(b, fn, j, cost, failure);
}

static void copy(const job *j, hr_matrix out, hr_matrix in, int rows, int cols) {
  (j->large ? hr_factor_copy : hr_matrix_copy)(out, in, rows, cols, j->base.item);
}

/* --- in place: what is square and ends where the input was copied to --- */

/* The other triangle of a row-major symmetric matrix. */
static void mirror(char *data, int n, int64_t item, bool upper) {
  for (int r = 1; r < n; r++)
    for (int c = 0; c < r; c++) {
      char *low = data + (r * (int64_t)n + c) * item, *high = data + (c * (int64_t)n + r) * item;
      memcpy(upper ? low : high, upper ? high : low, (size_t)item);
    }
}

/* OpenBLAS takes NaN for a positive pivot. Answers the order of the minor, or 0. */
static int find_bad_pivot(const void *factor, int n, hr_dtype dtype) {
  const float *single = factor;
  const double *wide = factor;
  for (int64_t i = 0; i < n; i++)
    if (!((dtype == HR_FLOAT64 ? wide[i * (n + 1)] : (double)single[i * (n + 1)]) > 0)) return (int)i + 1;
  return 0;
}

/* LAPACK sees the transpose: the triangle is the other one. */
static int cholesky(const void *ctx, int64_t index, char *scratch) {
  const job *j = ctx;
  const hr_matrix_job *b = &j->base;
  char *a = hr_matrix_job_out(b, 0, index, scratch);
  const char *triangle = j->upper ? "L" : "U";
  int info = 0;
  copy(j, hr_matrix_row_major(a, b->n, b->item), hr_matrix_at(b->run->in[0], index), b->n, b->n);
  if (j->kind == HR_LINALG_CHOLESKY) {
    if (j->large)
      info = hr_factor_cholesky(b, triangle, a);
    else
      b->real->potrf(triangle, &b->n, a, &b->n, &info, 1);
    if (info == 0) info = find_bad_pivot(a, b->n, b->dtype);
    hr_matrix_clear(a, b->n, b->n, b->item, j->upper);
  } else if (j->kind == HR_LINALG_CHOLESKY_INV) {
    b->real->potri(triangle, &b->n, a, &b->n, &info, 1);
    mirror(a, b->n, b->item, j->upper);
  } else {
    b->real->trtri(triangle, "N", &b->n, a, &b->n, &info, 1, 1);
    hr_matrix_clear(a, b->n, b->n, b->item, j->upper);
  }
  return info;
}

static void factor(const job *j, void *a, int *pivots, int *info) {
  const hr_matrix_job *b = &j->base;
  if (j->large)
    *info = hr_factor_lu(b, a, pivots);
  else
    b->real->getrf(&b->m, &b->n, a, &b->m, pivots, info);
}

/* The inverse of the transpose is the transpose of the inverse. */
static int invert(const void *ctx, int64_t index, char *scratch) {
  const job *j = ctx;
  const hr_matrix_job *b = &j->base;
  char *a = hr_matrix_job_out(b, 0, index, scratch);
  int *pivots = (int *)(scratch + j->pivots), info = 0;
  char *lu = j->large ? scratch + j->matrix : a;
  copy(j, hr_matrix_row_major(lu, b->n, b->item), hr_matrix_at(b->run->in[0], index), b->n, b->n);
  factor(j, lu, pivots, &info);
  if (info == 0 && j->large)
    hr_factor_invert(b, lu, pivots, a);
  else if (info == 0)
    b->real->getri(&b->n, a, &b->n, pivots, scratch + j->work, &j->lwork, &info);
  return info;
}

hr_status hr_cpu_factor_in_place(const hr_run *run) {
  static const char *const FAILURE[] = {
      [HR_LINALG_CHOLESKY] = "is not positive definite: its leading minor of order %d is not positive",
      [HR_LINALG_CHOLESKY_INV] = "is singular: element %d of its diagonal, counted from 1, is zero",
      [HR_LINALG_INV] = "is singular: pivot %d, counted from 1, is zero",
      [HR_LINALG_TRI_INV] = "is singular: element %d of its diagonal, counted from 1, is zero"};
  job j;
  const hr_matrix_job *b = &j.base;
  double answer[2];
  hr_status status;
  HR_TRY(begin(&j, run));
  if (!b->lapack) goto done;
  hr_matrix_job_output(&j.base, 0, b->item * b->n * b->n);
  if (hr_factor_is_small(b, j.kind)) return hr_factor_small(b, j.kind, j.upper, FAILURE[j.kind]);
  if (j.kind == HR_LINALG_INV) {
    int query = -1, info = 0, entered = hr_lapack_enter(b->lapack);
    b->real->getri(&j.base.n, answer, &j.base.n, &query, answer, &query, &info);
    hr_lapack_leave(b->lapack, entered);
    HR_TRY(hr_matrix_workspace(&j.lwork, run, answer, b->dtype));
    j.pivots = hr_matrix_job_reserve(&j.base, (int64_t)sizeof(int) * b->n);
    j.work = hr_matrix_job_reserve(&j.base, b->item * j.lwork);
    if (j.large) j.matrix = hr_matrix_job_reserve(&j.base, b->item * b->n * b->n);
  }
  HR_TRY(run_loop(&j, j.kind == HR_LINALG_INV ? invert : cholesky, FAILURE[j.kind]));
done:
  return status;
}

/* --- LU --- */

/* Row i of P L U comes from row places[i] of L U; swaps are LAPACK's, from 1. */
static void put_places(uint32_t *places, int *rows, const int *swaps, int m, int k) {
  for (int i = 0; i < m; i++) rows[i] = i;
  for (int i = 0; i < k; i++) {
    int other = swaps[i] - 1, row = rows[i];
    rows[i] = rows[other];
    rows[other] = row;
  }
  for (int i = 0; i < m; i++) places[rows[i]] = (uint32_t)i;
}

static void put_ones(char *data, int cols, int count, hr_dtype dtype) {
  for (int64_t i = 0; i < count; i++) {
    if (dtype == HR_FLOAT64)
      ((double *)data)[i * (cols + 1)] = 1;
    else
      ((float *)data)[i * (cols + 1)] = 1;
  }
}

static void put_factors(const job *j, int64_t index, char *scratch) {
  const hr_matrix_job *b = &j->base;
  char *lower = hr_matrix_job_out(b, 1, index, scratch), *upper = hr_matrix_job_out(b, 2, index, scratch);
  hr_matrix from = hr_matrix_col_major(scratch + j->matrix, b->m, b->item);
  put_places(hr_matrix_job_out(b, 0, index, scratch), (int *)(scratch + j->tau), (const int *)(scratch + j->pivots),
             b->m, b->k);
  copy(j, hr_matrix_row_major(lower, b->k, b->item), from, b->m, b->k);
  hr_matrix_clear(lower, b->m, b->k, b->item, false);
  put_ones(lower, b->k, b->k, b->dtype);
  copy(j, hr_matrix_row_major(upper, b->n, b->item), from, b->k, b->n);
  hr_matrix_clear(upper, b->k, b->n, b->item, true);
}

/* A zero pivot (info > 0) is no failure: the factors are right. */
static int factor_lu(const void *ctx, int64_t index, char *scratch) {
  const job *j = ctx;
  const hr_matrix_job *b = &j->base;
  char *lu = scratch + j->matrix;
  int *swaps = (int *)(scratch + j->pivots), info = 0;
  hr_matrix packed = hr_matrix_col_major(lu, b->m, b->item);
  copy(j, packed, hr_matrix_at(b->run->in[0], index), b->m, b->n);
  factor(j, lu, swaps, &info);
  if (j->kind == HR_LINALG_LU) {
    put_factors(j, index, scratch);
  } else {
    uint32_t *pivots = hr_matrix_job_out(b, 1, index, scratch);
    char *out = hr_matrix_job_out(b, 0, index, scratch);
    copy(j, hr_matrix_row_major(out, b->n, b->item), packed, b->m, b->n);
    for (int i = 0; i < b->k; i++) pivots[i] = (uint32_t)(swaps[i] - 1);
  }
  return info < 0 ? info : 0;
}

/* Without columns nothing is swapped. */
static void put_order(const job *j) {
  const hr_matrix_job *b = &j->base;
  const hr_array *out = b->run->out[0];
  uint32_t *places = out ? hr_array_data(out) : NULL;
  for (int64_t i = 0; out && i < out->size; i++) places[i] = (uint32_t)(i % b->m);
}

hr_status hr_cpu_lu(const hr_run *run) {
  job j;
  const hr_matrix_job *b = &j.base;
  hr_status status;
  HR_TRY(begin(&j, run));
  if (!b->lapack) {
    if (j.kind == HR_LINALG_LU) put_order(&j);
    goto done;
  }
  bool parts = j.kind == HR_LINALG_LU;
  hr_matrix_job_output(&j.base, 0, parts ? (int64_t)sizeof(uint32_t) * b->m : b->item * b->m * b->n);
  hr_matrix_job_output(&j.base, 1, parts ? b->item * b->m * b->k : (int64_t)sizeof(uint32_t) * b->k);
  if (parts) hr_matrix_job_output(&j.base, 2, b->item * b->k * b->n);
  j.matrix = hr_matrix_job_reserve(&j.base, b->item * b->m * b->n);
  j.pivots = hr_matrix_job_reserve(&j.base, (int64_t)sizeof(int) * b->k);
  j.tau = hr_matrix_job_reserve(&j.base, (int64_t)sizeof(int) * b->m); /* the order of the rows */
  HR_TRY(run_loop(&j, factor_lu, ""));
done:
  return status;
}

/* --- QR --- */

static int factor_qr(const void *ctx, int64_t index, char *scratch) {
  const job *j = ctx;
  const hr_matrix_job *b = &j->base;
  char *a = scratch + j->matrix, *tau = scratch + j->tau, *work = scratch + j->work;
  char *q = hr_matrix_job_out(b, 0, index, scratch), *r = hr_matrix_job_out(b, 1, index, scratch);
  hr_matrix packed = hr_matrix_col_major(a, b->m, b->item);
  int info = 0;
  copy(j, packed, hr_matrix_at(b->run->in[0], index), b->m, b->n);
  b->real->geqrf(&b->m, &b->n, a, &b->m, tau, work, &j->lwork, &info);
  if (info != 0) return info;
  copy(j, hr_matrix_row_major(r, b->n, b->item), packed, b->k, b->n);
  hr_matrix_clear(r, b->k, b->n, b->item, true);
  b->real->orgqr(&b->m, &b->k, &b->k, a, &b->m, tau, work, &j->lwork, &info);
  copy(j, hr_matrix_row_major(q, b->k, b->item), packed, b->m, b->k);
  return info;
}

hr_status hr_cpu_qr(const hr_run *run) {
  job j;
  const hr_matrix_job *b = &j.base;
  double first[2], second[2];
  hr_status status;
  int query = -1, info = 0, lwork;
  HR_TRY(begin(&j, run));
  if (!b->lapack) goto done;
  int entered = hr_lapack_enter(b->lapack);
  b->real->geqrf(&j.base.m, &j.base.n, first, &j.base.m, first, first, &query, &info);
  b->real->orgqr(&j.base.m, &j.base.k, &j.base.k, second, &j.base.m, second, second, &query, &info);
  hr_lapack_leave(b->lapack, entered);
  HR_TRY(hr_matrix_workspace(&j.lwork, run, first, b->dtype));
  HR_TRY(hr_matrix_workspace(&lwork, run, second, b->dtype));
  if (lwork > j.lwork) j.lwork = lwork;
  hr_matrix_job_output(&j.base, 0, b->item * b->m * b->k);
  hr_matrix_job_output(&j.base, 1, b->item * b->k * b->n);
  j.matrix = hr_matrix_job_reserve(&j.base, b->item * b->m * b->n);
  j.tau = hr_matrix_job_reserve(&j.base, b->item * b->k);
  j.work = hr_matrix_job_reserve(&j.base, b->item * j.lwork);
  HR_TRY(run_loop(&j, factor_qr, ""));
done:
  return status;
}

/* --- systems of equations --- */

static int solve(const void *ctx, int64_t index, char *scratch) {
  const job *j = ctx;
  const hr_matrix_job *b = &j->base;
  char *a = scratch + j->matrix, *x = scratch + j->work, *out = hr_matrix_job_out(b, 0, index, scratch);
  int *pivots = (int *)(scratch + j->pivots), info = 0;
  hr_matrix right = hr_matrix_col_major(x, b->n, b->item);
  copy(j, hr_matrix_col_major(a, b->n, b->item), hr_matrix_at(b->run->in[0], index), b->n, b->n);
  copy(j, right, hr_matrix_at(b->run->in[1], index), b->n, j->right);
  if (j->kind == HR_LINALG_SOLVE_TRIANGULAR) {
    b->real->trtrs(j->upper ? "U" : "L", "N", "N", &b->n, &j->right, a, &b->n, x, &b->n, &info, 1, 1, 1);
  } else {
    factor(j, a, pivots, &info);
    if (info == 0 && j->large)
      hr_factor_solve(b, a, pivots, x, j->right);
    else if (info == 0)
      b->real->getrs("N", &b->n, &j->right, a, &b->n, pivots, x, &b->n, &info, 1);
  }
  copy(j, hr_matrix_row_major(out, j->right, b->item), right, b->n, j->right);
  return info;
}

hr_status hr_cpu_solve(const hr_run *run) {
  job j;
  const hr_matrix_job *b = &j.base;
  hr_status status;
  HR_TRY(begin(&j, run));
  j.right = hr_matrix_cols(run->in[1]);
  if (!b->lapack || j.right == 0) goto done;
  hr_matrix_job_output(&j.base, 0, b->item * b->n * j.right);
  j.matrix = hr_matrix_job_reserve(&j.base, b->item * b->n * b->n);
  j.work = hr_matrix_job_reserve(&j.base, b->item * b->n * j.right);
  j.pivots = hr_matrix_job_reserve(&j.base, (int64_t)sizeof(int) * b->n);
  HR_TRY(run_loop(&j, solve,
                  j.kind == HR_LINALG_SOLVE ? "is singular: pivot %d, counted from 1, is zero"
                                            : "is singular: element %d of its diagonal, counted from 1, is zero"));
done:
  return status;
}
