/* src/ops/linalg_spectral.c - eigenvalues, singular values and the pseudo-inverse. */
#include <float.h>
#include <strings.h>

#include "ops/binary.h"
#include "ops/chain.h"
#include "ops/check.h"
#include "ops/linalg.h"
#include "ops/linalg_internal.h"
#include "ops/linear.h"
#include "ops/op_list.h"
#include "ops/reduce.h"
#include "ops/select.h"
#include "ops/shape.h"
#include "ops/unary.h"

/* --- the ops --- */

static hr_status eig_infer(hr_layout *out, const hr_op_call *call) {
  const hr_array *a = call->in[0];
  const hr_linalg_attrs *attrs = call->attrs;
  hr_dtype dtype = call->op->kernel == HR_LINALG_EIG ? HR_COMPLEX64 : hr_array_dtype(a);
  hr_dtype values = call->op->kernel == HR_LINALG_EIG ? HR_COMPLEX64 : dtype == HR_FLOAT64 ? HR_FLOAT64 : HR_FLOAT32;
  int shape[HR_MAX_NDIM], n = hr_array_shape(a)[a->ndim - 1];
  hr_status status;
  HR_TRY(hr_layout_set(&out[0], shape, hr_linalg_shape(shape, a, n, -1), values));
  if (attrs->parts != HR_LINALG_VALUES) HR_TRY(hr_layout_set(&out[1], hr_array_shape(a), a->ndim, dtype));
done:
  return status;
}

static hr_status svd_infer(hr_layout *out, const hr_op_call *call) {
  const hr_array *a = call->in[0];
  const hr_linalg_attrs *attrs = call->attrs;
  int m = hr_array_shape(a)[a->ndim - 2], n = hr_array_shape(a)[a->ndim - 1], k = m < n ? m : n, shape[HR_MAX_NDIM];
  bool values = attrs->parts == HR_LINALG_VALUES, thin = attrs->parts == HR_LINALG_SVD_THIN;
  hr_dtype dtype = hr_array_dtype(a);
  hr_status status;
  HR_TRY(hr_layout_set(&out[values ? 0 : 1], shape, hr_linalg_shape(shape, a, k, -1),
                       dtype == HR_FLOAT64 ? HR_FLOAT64 : HR_FLOAT32));
  if (values) goto done;
  HR_TRY(hr_layout_set(&out[0], shape, hr_linalg_shape(shape, a, m, thin ? k : m), dtype));
  HR_TRY(hr_layout_set(&out[2], shape, hr_linalg_shape(shape, a, thin ? k : n, n), dtype));
done:
  return status;
}

const hr_op hr_op_eig = HR_LINALG_OP("linalg_eig", 1, 2, HR_LINALG_EIG, eig_infer, hr_cpu_eig);
const hr_op hr_op_eigvals = HR_LINALG_OP("linalg_eigvals", 1, 1, HR_LINALG_EIG, eig_infer, hr_cpu_eig);
const hr_op hr_op_eigh = HR_LINALG_OP("linalg_eigh", 1, 2, HR_LINALG_EIGH, eig_infer, hr_cpu_eigh);
const hr_op hr_op_eigvalsh = HR_LINALG_OP("linalg_eigvalsh", 1, 1, HR_LINALG_EIGH, eig_infer, hr_cpu_eigh);
const hr_op hr_op_svd = HR_LINALG_OP("linalg_svd", 1, 3, HR_LINALG_SVD, svd_infer, hr_cpu_svd);
const hr_op hr_op_singular_values = HR_LINALG_OP("linalg_svd", 1, 1, HR_LINALG_SVD, svd_infer, hr_cpu_svd);

/* --- eigenvalues --- */

enum { ANY = HR_LINALG_REAL | HR_LINALG_COMPLEX, ANY_SQUARE = ANY | HR_LINALG_SQUARE };

static hr_status apply_values(hr_array **out, const hr_op *op, hr_array *a, bool upper, hr_stream *s) {
  hr_linalg_attrs attrs = {.upper = upper, .parts = HR_LINALG_VALUES};
  *out = NULL;
  hr_status status = hr_linalg_check(op->name, a, ANY_SQUARE);
  return status == HR_OK ? hr_apply(out, op, &a, 1, &attrs, s) : status;
}

static hr_status apply_vectors(hr_array **out_0, hr_array **out_1, const hr_op *op, hr_array *a, bool upper,
                               hr_stream *s) {
  hr_linalg_attrs attrs = {.upper = upper, .parts = HR_LINALG_VECTORS};
  hr_array *out[2] = {NULL, NULL};
  *out_0 = *out_1 = NULL;
  hr_status status = hr_linalg_check(op->name, a, ANY_SQUARE);
  if (status == HR_OK) status = hr_apply(out, op, &a, 1, &attrs, s);
  if (status == HR_OK) *out_0 = out[0], *out_1 = out[1];
  return status;
}

/* Small letters are fine, as in NumPy. */
static hr_status read_triangle(bool *upper, const char *op, const char *uplo) {
  *upper = strcasecmp(uplo, "U") == 0;
  if (*upper || strcasecmp(uplo, "L") == 0) return HR_OK;
  return hr_fail(HR_INVALID, "%s: UPLO is \"%.20s\": \"L\" or \"U\" is needed", op, uplo);
}

hr_status hr_linalg_eig(hr_array **out_0, hr_array **out_1, hr_array *a, hr_stream *s) {
  return apply_vectors(out_0, out_1, &hr_op_eig, a, false, s);
}
hr_status hr_linalg_eigvals(hr_array **out, hr_array *a, hr_stream *s) {
  return apply_values(out, &hr_op_eigvals, a, false, s);
}

hr_status hr_linalg_eigh(hr_array **out_0, hr_array **out_1, hr_array *a, const char *UPLO, hr_stream *s) {
  bool upper;
  *out_0 = *out_1 = NULL;
  hr_status status = read_triangle(&upper, "linalg_eigh", UPLO);
  return status == HR_OK ? apply_vectors(out_0, out_1, &hr_op_eigh, a, upper, s) : status;
}
hr_status hr_linalg_eigvalsh(hr_array **out, hr_array *a, const char *UPLO, hr_stream *s) {
  bool upper;
  *out = NULL;
  hr_status status = read_triangle(&upper, "linalg_eigvalsh", UPLO);
  return status == HR_OK ? apply_values(out, &hr_op_eigvalsh, a, upper, s) : status;
}

/* --- singular values --- */

hr_status hr_linalg_svd_parts(hr_array **out, hr_array *a, hr_linalg_parts parts, hr_stream *s) {
  hr_linalg_attrs attrs = {.parts = (uint8_t)parts};
  hr_status status = hr_linalg_check("linalg_svd", a, ANY);
  if (status != HR_OK) return status;
  return hr_apply(out, parts == HR_LINALG_VALUES ? &hr_op_singular_values : &hr_op_svd, &a, 1, &attrs, s);
}

hr_status hr_linalg_svd(hr_array_list *out, hr_array *a, bool compute_uv, hr_stream *s) {
  hr_status status = hr_list_new(out, "linalg_svd", compute_uv ? 3 : 1);
  if (status != HR_OK) return status;
  status = hr_linalg_svd_parts(out->items, a, compute_uv ? HR_LINALG_VECTORS : HR_LINALG_VALUES, s);
  if (status != HR_OK) hr_list_clear(out);
  return status;
}

/* --- pseudo-inverse --- */

static hr_array *transposed(hr_chain *c, hr_array *a) {
  hr_array *out;
  if (c->status != HR_OK) return NULL;
  hr_status status = hr_swapaxes(&out, a, -1, -2, c->stream);
  return hr_chain_keep(c, status, out);
}

/* V diag(1 / s, or 0 where s counts as zero) U^T, with the diagonal's factors on the smaller of the two. */
static hr_array *pinv_of_parts(hr_chain *c, hr_array *const *svd, double tolerance) {
  hr_array *most = NULL, *kept = NULL, *columns = NULL;
  hr_dtype dtype = hr_array_dtype(svd[1]);
  hr_status status = hr_max_axis(&most, svd[1], -1, true, c->stream);
  most = hr_chain_keep(c, status, most);
  hr_array *least = hr_chain_binary(c, hr_multiply, most, hr_chain_scalar(c, tolerance, dtype));
  hr_array *large = hr_chain_binary(c, hr_greater, svd[1], least);
  hr_array *inverse = hr_chain_unary(c, hr_reciprocal, svd[1]), *zero = hr_chain_scalar(c, 0, dtype);
  if (c->status != HR_OK) return NULL;
  status = hr_where(&kept, large, inverse, zero, c->stream);
  kept = hr_chain_keep(c, status, kept);
  if (c->status != HR_OK) return NULL;
  status = hr_expand_dims(&columns, kept, -2, c->stream);
  columns = hr_chain_keep(c, status, columns);
  hr_array *v = hr_chain_binary(c, hr_multiply, transposed(c, svd[2]), columns);
  return hr_chain_binary(c, hr_matmul, v, transposed(c, svd[0]));
}

hr_status hr_linalg_pinv(hr_array **out, hr_array *a, hr_stream *s) {
  static const char OP[] = "linalg_pinv";
  hr_array *svd[3] = {NULL, NULL, NULL};
  hr_status status;
  *out = NULL;
  HR_TRY(hr_linalg_check(OP, a, HR_LINALG_REAL));
  if (a->size == 0) return hr_swapaxes(out, a, -1, -2, s);
  const int *last = hr_array_shape(a) + a->ndim - 2;
  double eps = hr_array_dtype(a) == HR_FLOAT64 ? DBL_EPSILON : FLT_EPSILON;
  HR_TRY(hr_linalg_svd_parts(svd, a, HR_LINALG_SVD_THIN, s));
  hr_chain c = hr_chain_begin(s);
  hr_array *x = pinv_of_parts(&c, svd, 10 * eps * (last[0] > last[1] ? last[0] : last[1]));
  status = hr_chain_end(&c, out, x);
done:
  for (int i = 0; i < 3; i++) hr_array_release(svd[i]);
  return status;
}
