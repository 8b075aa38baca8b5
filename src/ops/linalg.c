/* src/ops/linalg.c - factorisations, inverses and systems of equations; what the family shares. */
#include "ops/linalg.h"

#include <string.h>

#include "ops/cast.h"
#include "ops/check.h"
#include "ops/linalg_internal.h"
#include "ops/op_list.h"
#include "ops/shape.h"

/* --- shared --- */

hr_status hr_linalg_check(const char *op, const hr_array *a, int flags) {
  char text[HR_ARRAY_TEXT];
  hr_status status = hr_op_given(op, a);
  if (status != HR_OK) return status;
  hr_dtype dtype = hr_array_dtype(a);
  bool real = dtype == HR_FLOAT32 || dtype == HR_FLOAT64, complex = dtype == HR_COMPLEX64;
  if (!(real && flags & HR_LINALG_REAL) && !(complex && flags & HR_LINALG_COMPLEX))
    return hr_fail(HR_INVALID, "%s: %s: %s is needed", op, hr_array_format(text, a),
                   flags & HR_LINALG_COMPLEX ? "float32, float64 or complex64" : "float32 or float64");
  if (a->ndim < 2)
    return hr_fail(HR_INVALID, "%s: %s: a matrix has two axes, or more for a batch", op, hr_array_format(text, a));
  const int *last = hr_array_shape(a) + a->ndim - 2;
  if (flags & HR_LINALG_SQUARE && last[0] != last[1])
    return hr_fail(HR_INVALID, "%s: %s: a square matrix is needed", op, hr_array_format(text, a));
  return HR_OK;
}

int hr_linalg_shape(int *shape, const hr_array *a, int rows, int cols) {
  int ndim = a->ndim - 2;
  memcpy(shape, hr_array_shape(a), (size_t)ndim * sizeof *shape);
  shape[ndim++] = rows;
  if (cols >= 0) shape[ndim++] = cols;
  return ndim;
}

bool hr_linalg_attrs_equal(const void *a, const void *b) {
  const hr_linalg_attrs *x = a, *y = b;
  return x->upper == y->upper && x->parts == y->parts;
}

/* Fitted to OpenBLAS with one thread and AVX-512, for n from 4 to 1024: ns a matrix, an element and a step of the
 * innermost of three loops. */
uint64_t hr_linalg_matrix_cost(hr_linalg_kind kind, int m, int n, int k) {
  static const struct {
    double matrix, element, step;
  } COST[HR_LINALG_KINDS] = {
      [HR_LINALG_CHOLESKY] = {150, 2, 0.004},
      [HR_LINALG_CHOLESKY_INV] = {200, 3, 0.01},
      [HR_LINALG_INV] = {350, 6, 0.027},
      [HR_LINALG_TRI_INV] = {150, 2, 0.006},
      [HR_LINALG_LU] = {250, 4, 0.009},
      [HR_LINALG_LU_FACTOR] = {250, 4, 0.009},
      [HR_LINALG_QR] = {350, 6, 0.03},
      [HR_LINALG_SOLVE] = {300, 4, 0.03},
      [HR_LINALG_SOLVE_TRIANGULAR] = {200, 3, 0.02},
      [HR_LINALG_EIG] = {1500, 80, 0.9},
      [HR_LINALG_EIGH] = {500, 35, 0.08},
      [HR_LINALG_SVD] = {1000, 60, 0.2},
  };
  double elements = (double)m * n, ns = COST[kind].matrix + COST[kind].element * elements;
  ns += COST[kind].step * elements * (kind == HR_LINALG_SOLVE ? n / 3.0 + k : k);
  return ns < 1e18 ? (uint64_t)ns : (uint64_t)1e18;
}

uint64_t hr_linalg_cost(const hr_op_call *call, hr_array *const *out) {
  const hr_array *a = call->in[0], *b = call->in[call->in_count - 1];
  const int *last = hr_array_shape(a) + a->ndim - 2;
  int64_t elements = (int64_t)last[0] * last[1];
  (void)out;
  if (elements == 0) return 100;
  int k = call->in_count == 2 ? hr_array_shape(b)[b->ndim - 1] : last[0] < last[1] ? last[0] : last[1];
  double ns = (double)hr_linalg_matrix_cost((hr_linalg_kind)call->op->kernel, last[0], last[1], k);
  ns *= (double)(a->size / elements);
  return ns < 1e18 ? (uint64_t)ns : (uint64_t)1e18;
}

/* --- the ops --- */

static hr_status same_infer(hr_layout *out, const hr_op_call *call) {
  const hr_array *a = call->in[call->in_count - 1];
  return hr_layout_set(out, hr_array_shape(a), a->ndim, hr_array_dtype(a));
}

static hr_status lu_factor_infer(hr_layout *out, const hr_op_call *call) {
  const hr_array *a = call->in[0];
  const int *last = hr_array_shape(a) + a->ndim - 2;
  int shape[HR_MAX_NDIM], k = last[0] < last[1] ? last[0] : last[1];
  hr_status status = hr_layout_set(&out[0], hr_array_shape(a), a->ndim, hr_array_dtype(a));
  return status == HR_OK ? hr_layout_set(&out[1], shape, hr_linalg_shape(shape, a, k, -1), HR_UINT32) : status;
}

static hr_status lu_infer(hr_layout *out, const hr_op_call *call) {
  const hr_array *a = call->in[0];
  int shape[HR_MAX_NDIM], m = hr_array_shape(a)[a->ndim - 2], n = hr_array_shape(a)[a->ndim - 1], k = m < n ? m : n;
  hr_status status;
  HR_TRY(hr_layout_set(&out[0], shape, hr_linalg_shape(shape, a, m, -1), HR_UINT32));
  HR_TRY(hr_layout_set(&out[1], shape, hr_linalg_shape(shape, a, m, k), hr_array_dtype(a)));
  HR_TRY(hr_layout_set(&out[2], shape, hr_linalg_shape(shape, a, k, n), hr_array_dtype(a)));
done:
  return status;
}

static hr_status qr_infer(hr_layout *out, const hr_op_call *call) {
  const hr_array *a = call->in[0];
  int shape[HR_MAX_NDIM], m = hr_array_shape(a)[a->ndim - 2], n = hr_array_shape(a)[a->ndim - 1], k = m < n ? m : n;
  hr_status status;
  HR_TRY(hr_layout_set(&out[0], shape, hr_linalg_shape(shape, a, m, k), hr_array_dtype(a)));
  HR_TRY(hr_layout_set(&out[1], shape, hr_linalg_shape(shape, a, k, n), hr_array_dtype(a)));
done:
  return status;
}

const hr_op hr_op_cholesky =
    HR_LINALG_OP("linalg_cholesky", 1, 1, HR_LINALG_CHOLESKY, same_infer, hr_cpu_factor_in_place);
const hr_op hr_op_cholesky_inv =
    HR_LINALG_OP("linalg_cholesky_inv", 1, 1, HR_LINALG_CHOLESKY_INV, same_infer, hr_cpu_factor_in_place);
const hr_op hr_op_inv = HR_LINALG_OP("linalg_inv", 1, 1, HR_LINALG_INV, same_infer, hr_cpu_factor_in_place);
const hr_op hr_op_tri_inv = HR_LINALG_OP("linalg_tri_inv", 1, 1, HR_LINALG_TRI_INV, same_infer, hr_cpu_factor_in_place);
const hr_op hr_op_lu = HR_LINALG_OP("linalg_lu", 1, 3, HR_LINALG_LU, lu_infer, hr_cpu_lu);
const hr_op hr_op_lu_factor = HR_LINALG_OP("linalg_lu_factor", 1, 2, HR_LINALG_LU_FACTOR, lu_factor_infer, hr_cpu_lu);
const hr_op hr_op_qr = HR_LINALG_OP("linalg_qr", 1, 2, HR_LINALG_QR, qr_infer, hr_cpu_qr);
const hr_op hr_op_solve = HR_LINALG_OP("linalg_solve", 2, 1, HR_LINALG_SOLVE, same_infer, hr_cpu_solve);
const hr_op hr_op_solve_triangular =
    HR_LINALG_OP("linalg_solve_triangular", 2, 1, HR_LINALG_SOLVE_TRIANGULAR, same_infer, hr_cpu_solve);

/* --- one matrix --- */

static hr_status apply_square(hr_array **out, const hr_op *op, hr_array *a, bool upper, hr_stream *s) {
  hr_linalg_attrs attrs = {.upper = upper};
  *out = NULL;
  hr_status status = hr_linalg_check(op->name, a, HR_LINALG_REAL | HR_LINALG_SQUARE);
  return status == HR_OK ? hr_apply(out, op, &a, 1, &attrs, s) : status;
}

hr_status hr_linalg_cholesky(hr_array **out, hr_array *a, bool upper, hr_stream *s) {
  return apply_square(out, &hr_op_cholesky, a, upper, s);
}
hr_status hr_linalg_cholesky_inv(hr_array **out, hr_array *a, bool upper, hr_stream *s) {
  return apply_square(out, &hr_op_cholesky_inv, a, upper, s);
}
hr_status hr_linalg_inv(hr_array **out, hr_array *a, hr_stream *s) {
  return apply_square(out, &hr_op_inv, a, false, s);
}
hr_status hr_linalg_tri_inv(hr_array **out, hr_array *a, bool upper, hr_stream *s) {
  return apply_square(out, &hr_op_tri_inv, a, upper, s);
}

static hr_status apply_pair(hr_array **out_0, hr_array **out_1, const hr_op *op, hr_array *a, hr_stream *s) {
  hr_linalg_attrs attrs = {0};
  hr_array *out[2] = {NULL, NULL};
  *out_0 = *out_1 = NULL;
  hr_status status = hr_linalg_check(op->name, a, HR_LINALG_REAL);
  if (status == HR_OK) status = hr_apply(out, op, &a, 1, &attrs, s);
  if (status == HR_OK) *out_0 = out[0], *out_1 = out[1];
  return status;
}

hr_status hr_linalg_lu_factor(hr_array **out_0, hr_array **out_1, hr_array *a, hr_stream *s) {
  return apply_pair(out_0, out_1, &hr_op_lu_factor, a, s);
}
hr_status hr_linalg_qr(hr_array **out_0, hr_array **out_1, hr_array *a, hr_stream *s) {
  return apply_pair(out_0, out_1, &hr_op_qr, a, s);
}

hr_status hr_linalg_lu(hr_array_list *out, hr_array *a, hr_stream *s) {
  hr_linalg_attrs attrs = {0};
  *out = (hr_array_list){0};
  hr_status status = hr_linalg_check("linalg_lu", a, HR_LINALG_REAL);
  if (status == HR_OK) status = hr_list_new(out, "linalg_lu", 3);
  if (status != HR_OK) return status;
  status = hr_apply(out->items, &hr_op_lu, &a, 1, &attrs, s);
  if (status != HR_OK) hr_list_clear(out);
  return status;
}

/* --- systems of equations --- */

/* Both checked, in one dtype; a vector b as a matrix of one column. */
static hr_status promote_system(hr_array *out[2], const char *op, hr_array *a, hr_array *b, hr_stream *s) {
  char text_a[HR_ARRAY_TEXT], text_b[HR_ARRAY_TEXT];
  hr_array *column = NULL;
  hr_status status = HR_OK;
  HR_TRY(hr_op_given(op, a));
  HR_TRY(hr_op_given(op, b));
  hr_dtype dtype = hr_dtype_promote(hr_array_dtype(a), hr_array_dtype(b));
  if (dtype != HR_FLOAT32 && dtype != HR_FLOAT64)
    return hr_fail(HR_INVALID, "%s: %s and %s: together they must make float32 or float64", op,
                   hr_array_format(text_a, a), hr_array_format(text_b, b));
  HR_TRY(hr_astype(&out[0], a, dtype, s));
  HR_TRY(hr_linalg_check(op, out[0], HR_LINALG_REAL | HR_LINALG_SQUARE));
  int n = hr_array_shape(a)[a->ndim - 1];
  if (b->ndim == 0 || hr_array_shape(b)[b->ndim == 1 ? 0 : b->ndim - 2] != n)
    return hr_fail(HR_INVALID, "%s: %s and %s: the second one needs %d rows", op, hr_array_format(text_a, a),
                   hr_array_format(text_b, b), n);
  if (b->ndim == 1) HR_TRY(hr_expand_dims(&column, b, 1, s));
  HR_TRY(hr_astype(&out[1], column ? column : b, dtype, s));
done:
  hr_array_release(column);
  return status;
}

/* Leading axes broadcast together. */
static hr_status match_batch(hr_array *out[2], const char *op, hr_array *const in[2], hr_stream *s) {
  int shape[HR_MAX_NDIM], ndim;
  hr_status status =
      hr_shape_broadcast(shape, &ndim, hr_array_shape(in[0]), in[0]->ndim - 2, hr_array_shape(in[1]), in[1]->ndim - 2);
  if (status != HR_OK) return hr_fail_prefix(status, "%s: ", op);
  for (int i = 0; i < 2; i++) {
    memcpy(shape + ndim, hr_array_shape(in[i]) + in[i]->ndim - 2, 2 * sizeof *shape);
    HR_TRY(hr_broadcast_to(&out[i], in[i], shape, (size_t)ndim + 2, s));
  }
done:
  return status;
}

static hr_status apply_system(hr_array **out, const hr_op *op, hr_array *a, hr_array *b, bool upper, hr_stream *s) {
  hr_linalg_attrs attrs = {.upper = upper};
  hr_array *cast[2] = {NULL, NULL}, *in[2] = {NULL, NULL}, *x = NULL;
  hr_status status;
  *out = NULL;
  HR_TRY(promote_system(cast, op->name, a, b, s));
  HR_TRY(match_batch(in, op->name, cast, s));
  HR_TRY(hr_apply(&x, op, in, 2, &attrs, s));
  if (b->ndim == 1)
    status = hr_squeeze_axis(out, x, -1, s);
  else
    *out = hr_array_retain(x);
done:
  for (int i = 0; i < 2; i++) {
    hr_array_release(cast[i]);
    hr_array_release(in[i]);
  }
  hr_array_release(x);
  return status;
}

hr_status hr_linalg_solve(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) {
  return apply_system(out, &hr_op_solve, a, b, false, s);
}
hr_status hr_linalg_solve_triangular(hr_array **out, hr_array *a, hr_array *b, bool upper, hr_stream *s) {
  return apply_system(out, &hr_op_solve_triangular, a, b, upper, s);
}
