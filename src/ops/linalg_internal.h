/* src/ops/linalg_internal.h - what the builders of linalg.h and the functions that run their ops share. */
#ifndef HR_OPS_LINALG_INTERNAL_H
#define HR_OPS_LINALG_INTERNAL_H

#include "graph/op.h"

/* The `kernel` numbers of the ops. */
typedef enum hr_linalg_kind {
  HR_LINALG_CHOLESKY,
  HR_LINALG_CHOLESKY_INV,
  HR_LINALG_INV,
  HR_LINALG_TRI_INV,
  HR_LINALG_LU,
  HR_LINALG_LU_FACTOR,
  HR_LINALG_QR,
  HR_LINALG_SOLVE,
  HR_LINALG_SOLVE_TRIANGULAR,
  HR_LINALG_EIG,
  HR_LINALG_EIGH,
  HR_LINALG_SVD,
  HR_LINALG_KINDS
} hr_linalg_kind;

/* SVD_THIN: U is (m, k) and Vt (k, n) for k = min(m, n). */
typedef enum hr_linalg_parts { HR_LINALG_VALUES, HR_LINALG_VECTORS, HR_LINALG_SVD_THIN } hr_linalg_parts;

typedef struct hr_linalg_attrs {
  bool upper;    /* the triangle that is given or asked for */
  uint8_t parts; /* hr_linalg_parts: EIG, EIGH, SVD */
} hr_linalg_attrs;

extern const hr_op hr_op_cholesky, hr_op_cholesky_inv, hr_op_inv, hr_op_tri_inv, hr_op_lu, hr_op_lu_factor, hr_op_qr,
    hr_op_solve, hr_op_solve_triangular, hr_op_eig, hr_op_eigvals, hr_op_eigh, hr_op_eigvalsh, hr_op_svd,
    hr_op_singular_values;

/* Estimated ns for one matrix of m x n on one core; k is the number of right-hand sides, else min(m, n). */
uint64_t hr_linalg_matrix_cost(hr_linalg_kind kind, int m, int n, int k);
/* The same for a whole application; an op's `cost`. */
uint64_t hr_linalg_cost(const hr_op_call *call, hr_array *const *out);

enum { HR_LINALG_REAL = 1, HR_LINALG_COMPLEX = 2, HR_LINALG_SQUARE = 4 };
/* Fails unless a has two axes or more, a dtype as the flags say, and square matrices if they say so. */
hr_status hr_linalg_check(const char *op, const hr_array *a, int flags) HR_MUST_USE;

/* The shape of a with other last axes (cols < 0: one axis less). Returns the number of axes. */
int hr_linalg_shape(int *shape, const hr_array *a, int rows, int cols);

bool hr_linalg_attrs_equal(const void *a, const void *b);

/* An op's literal. */
#define HR_LINALG_OP(op_name, inputs, results, number, infer_fn, run_fn)                                \
  {                                                                                                     \
    .name = op_name, .arity = inputs, .outputs = results, .traits = HR_OP_FOREIGN,                      \
    .attrs_size = sizeof(hr_linalg_attrs), .kernel = number, .infer = infer_fn, .cost = hr_linalg_cost, \
    .run = {[HR_BACKEND_CPU] = run_fn}, .attrs_equal = hr_linalg_attrs_equal                            \
  }

/* Thin or full SVD as three arrays (U, S, Vt), of which the caller owns a reference each; values alone as out[0]. */
hr_status hr_linalg_svd_parts(hr_array **out, hr_array *a, hr_linalg_parts parts, hr_stream *s) HR_MUST_USE;

#endif
