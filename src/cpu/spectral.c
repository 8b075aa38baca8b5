/* src/cpu/spectral.c - eigenvalues and singular values by LAPACK. NaN and infinities are found before, since some
 * versions of its routines never end with them or end the process. See matrices.h for X1. */
#include <string.h>

#include "cpu/matrices.h"
#include "ops/linalg_internal.h"
#include "ops/op_list.h"

typedef struct job {
  hr_matrix_job base;
  int lwork, lrwork, liwork;
  hr_linalg_parts parts;
  bool upper;
  /* Where things lie in a chunk's scratch. */
  size_t matrix, values, vectors, work, rwork, iwork;
} job;

static hr_status begin(job *j, const hr_run *run) {
  const hr_linalg_attrs *attrs = run->attrs;
  *j = (job){.parts = (hr_linalg_parts)attrs->parts, .upper = attrs->upper};
  return hr_matrix_job_begin(&j->base, run);
}

static hr_status run_loop(const job *j, int (*fn)(const void *, int64_t, char *), const char *failure) {
  const hr_matrix_job *b = &j->base;
  uint64_t cost = hr_linalg_matrix_cost((hr_linalg_kind)b->run->op->kernel, b->m, b->n, b->k);
  return hr_matrix_job_run(b, fn, j, cost, failure);
}

static bool is_complex(const job *j) { return j->base.dtype == HR_COMPLEX64; }
static const char *vectors_wanted(const job *j) { return j->parts == HR_LINALG_VALUES ? "N" : "V"; }

/* The matrix, column-major, in the scratch; false if it is not finite. */
static bool load(const job *j, int64_t index, char *scratch) {
  const hr_matrix_job *b = &j->base;
  int64_t numbers = (int64_t)b->m * b->n * (is_complex(j) ? 2 : 1);
  hr_matrix to = hr_matrix_col_major(scratch + j->matrix, b->m, b->item);
  hr_matrix_copy(to, hr_matrix_at(b->run->in[0], index), b->m, b->n, b->item);
  return hr_matrix_finite(scratch + j->matrix, numbers, b->dtype);
}

/* --- symmetric and Hermitian --- */

static void call_eigh(const job *j, void *a, void *w, void *work, int lwork, void *rwork, int lrwork, int *iwork,
                      int liwork, int *info) {
  const hr_matrix_job *b = &j->base;
  const char *triangle = j->upper ? "U" : "L", *jobz = vectors_wanted(j);
  if (is_complex(j))
    b->lapack->c64.heevd(jobz, triangle, &b->n, a, &b->n, w, work, &lwork, rwork, &lrwork, iwork, &liwork, info, 1, 1);
  else
    b->real->syevd(jobz, triangle, &b->n, a, &b->n, w, work, &lwork, iwork, &liwork, info, 1, 1);
}

static int eigh(const void *ctx, int64_t index, char *scratch) {
  const job *j = ctx;
  const hr_matrix_job *b = &j->base;
  char *a = scratch + j->matrix;
  int info = 0;
  if (!load(j, index, scratch)) return HR_MATRIX_NOT_FINITE;
  call_eigh(j, a, hr_matrix_job_out(b, 0, index, scratch), scratch + j->work, j->lwork, scratch + j->rwork, j->lrwork,
            (int *)(scratch + j->iwork), j->liwork, &info);
  if (info != 0 || j->parts == HR_LINALG_VALUES) return info;
  char *out = hr_matrix_job_out(b, 1, index, scratch);
  hr_matrix_copy(hr_matrix_row_major(out, b->n, b->item), hr_matrix_col_major(a, b->n, b->item), b->n, b->n, b->item);
  return 0;
}

hr_status hr_cpu_eigh(const hr_run *run) {
  double work[2] = {0}, rwork[2] = {0};
  int liwork = 0, info = 0;
  job j;
  const hr_matrix_job *b = &j.base;
  hr_status status;
  HR_TRY(begin(&j, run));
  if (!b->lapack) goto done;
  int entered = hr_lapack_enter(b->lapack);
  call_eigh(&j, work, work, work, -1, rwork, -1, &liwork, -1, &info);
  hr_lapack_leave(b->lapack, entered);
  HR_TRY(hr_matrix_workspace(&j.lwork, run, work, b->dtype));
  if (is_complex(&j)) HR_TRY(hr_matrix_workspace(&j.lrwork, run, rwork, HR_FLOAT32));
  j.liwork = liwork < 1 ? 1 : liwork;
  hr_matrix_job_output(&j.base, 0, b->part * b->n);
  if (j.parts != HR_LINALG_VALUES) hr_matrix_job_output(&j.base, 1, b->item * b->n * b->n);
  j.matrix = hr_matrix_job_reserve(&j.base, b->item * b->n * b->n);
  j.work = hr_matrix_job_reserve(&j.base, b->item * j.lwork);
  j.rwork = hr_matrix_job_reserve(&j.base, b->part * j.lrwork);
  j.iwork = hr_matrix_job_reserve(&j.base, (int64_t)sizeof(int) * j.liwork);
  HR_TRY(run_loop(&j, eigh, "has eigenvalues that did not converge (%d)"));
done:
  return status;
}

/* --- any square matrix --- */

static void call_eig(const job *j, void *a, char *values, void *vectors, void *work, int lwork, void *rwork,
                     int *info) {
  const hr_matrix_job *b = &j->base;
  const char *jobv = vectors_wanted(j);
  if (is_complex(j))
    b->lapack->c64.geev("N", jobv, &b->n, a, &b->n, values, NULL, &b->n, vectors, &b->n, work, &lwork, rwork, info, 1,
                        1);
  else
    b->real->geev("N", jobv, &b->n, a, &b->n, values, values + b->n * b->part, NULL, &b->n, vectors, &b->n, work,
                  &lwork, info, 1, 1);
}

static float number(const job *j, const char *data, int64_t at) {
  const hr_matrix_job *b = &j->base;
  return b->dtype == HR_FLOAT64 ? (float)((const double *)data)[at] : ((const float *)data)[at];
}

/* Real matrices: real parts of all values, then imaginary parts. Values that are not real come in pairs, the one with
 * the positive imaginary part first; the pair's columns hold the real and the imaginary part of its vector, of which
 * the second value has the conjugate. */
static void store_real(const job *j, int64_t index, char *scratch) {
  const hr_matrix_job *b = &j->base;
  const char *values = scratch + j->values, *vectors = scratch + j->vectors;
  int n = b->n;
  float *w = hr_matrix_job_out(b, 0, index, scratch);
  for (int i = 0; i < n; i++) w[2 * i] = number(j, values, i), w[2 * i + 1] = number(j, values, n + i);
  if (j->parts == HR_LINALG_VALUES) return;
  float *v = hr_matrix_job_out(b, 1, index, scratch);
  bool second = false;
  for (int c = 0; c < n; c++) {
    bool pair = second || number(j, values, n + c) != 0;
    int64_t real = second ? c - 1 : c;
    for (int64_t r = 0; r < n; r++) {
      float imaginary = pair ? number(j, vectors, (real + 1) * n + r) : 0;
      v[2 * (r * n + c)] = number(j, vectors, real * n + r);
      v[2 * (r * n + c) + 1] = second ? -imaginary : imaginary;
    }
    second = pair && !second;
  }
}

static int eig(const void *ctx, int64_t index, char *scratch) {
  const job *j = ctx;
  const hr_matrix_job *b = &j->base;
  char *values = scratch + j->values, *vectors = scratch + j->vectors;
  int info = 0;
  if (!load(j, index, scratch)) return HR_MATRIX_NOT_FINITE;
  if (is_complex(j)) values = hr_matrix_job_out(b, 0, index, scratch);
  call_eig(j, scratch + j->matrix, values, vectors, scratch + j->work, j->lwork, scratch + j->rwork, &info);
  if (info != 0) return info;
  if (!is_complex(j)) {
    store_real(j, index, scratch);
  } else if (j->parts != HR_LINALG_VALUES) {
    char *out = hr_matrix_job_out(b, 1, index, scratch);
    hr_matrix_copy(hr_matrix_row_major(out, b->n, b->item), hr_matrix_col_major(vectors, b->n, b->item), b->n, b->n,
                   b->item);
  }
  return 0;
}

hr_status hr_cpu_eig(const hr_run *run) {
  double work[2] = {0};
  int info = 0;
  job j;
  const hr_matrix_job *b = &j.base;
  hr_status status;
  HR_TRY(begin(&j, run));
  if (!b->lapack) goto done;
  int64_t complex = hr_dtype_bytes[HR_COMPLEX64], vectors = j.parts == HR_LINALG_VALUES ? 0 : (int64_t)b->n * b->n;
  int entered = hr_lapack_enter(b->lapack);
  call_eig(&j, work, (char *)work, work, work, -1, work, &info);
  hr_lapack_leave(b->lapack, entered);
  HR_TRY(hr_matrix_workspace(&j.lwork, run, work, b->dtype));
  hr_matrix_job_output(&j.base, 0, complex * b->n);
  if (j.parts != HR_LINALG_VALUES) hr_matrix_job_output(&j.base, 1, complex * b->n * b->n);
  j.matrix = hr_matrix_job_reserve(&j.base, b->item * b->n * b->n);
  j.values = hr_matrix_job_reserve(&j.base, b->part * 2 * b->n);
  j.vectors = hr_matrix_job_reserve(&j.base, b->item * vectors);
  j.work = hr_matrix_job_reserve(&j.base, b->item * j.lwork);
  j.rwork = hr_matrix_job_reserve(&j.base, b->part * 2 * b->n);
  HR_TRY(run_loop(&j, eig, "has eigenvalues that did not converge (%d)"));
done:
  return status;
}

/* --- singular values --- */

/* The row-major matrix is LAPACK's transpose, whose factors are the other way round: its U, column-major, is our Vt,
 * row-major, and its Vt our U. */
static void call_svd(const job *j, void *a, void *s, void *u, void *vt, void *work, int lwork, void *rwork, int *iwork,
                     int *info) {
  const hr_matrix_job *b = &j->base;
  const char *jobz = j->parts == HR_LINALG_VALUES ? "N" : j->parts == HR_LINALG_SVD_THIN ? "S" : "A";
  const int *ldu = j->parts == HR_LINALG_SVD_THIN ? &b->k : &b->m; /* row length of our U */
  if (is_complex(j))
    b->lapack->c64.gesdd(jobz, &b->n, &b->m, a, &b->n, s, vt, &b->n, u, ldu, work, &lwork, rwork, iwork, info, 1);
  else
    b->real->gesdd(jobz, &b->n, &b->m, a, &b->n, s, vt, &b->n, u, ldu, work, &lwork, iwork, info, 1);
}

static int svd(const void *ctx, int64_t index, char *scratch) {
  const job *j = ctx;
  const hr_matrix_job *b = &j->base;
  char *a = scratch + j->matrix, *u = NULL, *vt = NULL;
  int64_t numbers = (int64_t)b->m * b->n * (is_complex(j) ? 2 : 1);
  bool values = j->parts == HR_LINALG_VALUES;
  int info = 0;
  hr_matrix_copy(hr_matrix_row_major(a, b->n, b->item), hr_matrix_at(b->run->in[0], index), b->m, b->n, b->item);
  if (!hr_matrix_finite(a, numbers, b->dtype)) return HR_MATRIX_NOT_FINITE;
  if (!values) {
    u = hr_matrix_job_out(b, 0, index, scratch);
    vt = hr_matrix_job_out(b, 2, index, scratch);
  }
  call_svd(j, a, hr_matrix_job_out(b, values ? 0 : 1, index, scratch), u, vt, scratch + j->work, j->lwork,
           scratch + j->rwork, (int *)(scratch + j->iwork), &info);
  return info;
}

/* Matrices without elements: any orthogonal matrices will do. */
static void put_identities(job *j) {
  hr_matrix_job *b = &j->base;
  if (j->parts != HR_LINALG_VECTORS) return;
  int64_t count = hr_matrix_count(b->run->in[0]);
  for (int i = 0; i < 3; i += 2) {
    int length = i == 0 ? b->m : b->n;
    if (!b->run->out[i]) continue;
    hr_matrix_job_output(b, i, b->item * length * length);
    for (int64_t at = 0; at < count; at++)
      hr_matrix_identity(hr_matrix_job_out(b, i, at, NULL), length, length, b->dtype);
  }
}

/* What gesdd's manual asks for: there is no query for it. */
static int64_t svd_rwork(const job *j) {
  const hr_matrix_job *b = &j->base;
  int64_t low = b->k, high = b->m < b->n ? b->n : b->m;
  if (!is_complex(j)) return 0;
  if (j->parts == HR_LINALG_VALUES) return 7 * low;
  int64_t square = 5 * low * low + 5 * low, tall = 2 * high * low + 2 * low * low + low;
  return square > tall ? square : tall;
}

hr_status hr_cpu_svd(const hr_run *run) {
  double work[2] = {0};
  int info = 0, iwork = 0;
  job j;
  const hr_matrix_job *b = &j.base;
  hr_status status;
  HR_TRY(begin(&j, run));
  if (!b->lapack) {
    put_identities(&j);
    goto done;
  }
  int entered = hr_lapack_enter(b->lapack);
  call_svd(&j, work, work, work, work, work, -1, work, &iwork, &info);
  hr_lapack_leave(b->lapack, entered);
  HR_TRY(hr_matrix_workspace(&j.lwork, run, work, b->dtype));
  bool values = j.parts == HR_LINALG_VALUES, thin = j.parts == HR_LINALG_SVD_THIN;
  hr_matrix_job_output(&j.base, values ? 0 : 1, b->part * b->k);
  if (!values) hr_matrix_job_output(&j.base, 0, b->item * b->m * (thin ? b->k : b->m));
  if (!values) hr_matrix_job_output(&j.base, 2, b->item * b->n * (thin ? b->k : b->n));
  j.matrix = hr_matrix_job_reserve(&j.base, b->item * b->m * b->n);
  j.work = hr_matrix_job_reserve(&j.base, b->item * j.lwork);
  j.rwork = hr_matrix_job_reserve(&j.base, b->part * svd_rwork(&j));
  j.iwork = hr_matrix_job_reserve(&j.base, (int64_t)sizeof(int) * 8 * b->k);
  HR_TRY(run_loop(&j, svd, "has singular values that did not converge (%d)"));
done:
  return status;
}
