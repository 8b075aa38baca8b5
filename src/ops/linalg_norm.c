/* src/ops/linalg_norm.c - norms and the cross product, as formulas of other operations. */
#include <math.h>
#include <string.h>

#include "ops/axes.h"
#include "ops/binary.h"
#include "ops/chain.h"
#include "ops/check.h"
#include "ops/join.h"
#include "ops/linalg.h"
#include "ops/linalg_internal.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/slice.h"
#include "ops/unary.h"

/* --- norms --- */

/* The axes that a norm is taken over, non-negative and in the order given, and the array in the dtype to compute in. */
typedef struct norm {
  hr_chain c;
  hr_array *a;
  int axes[HR_MAX_NDIM];
  size_t count;
  bool keepdims;
  hr_dtype dtype; /* of the result; half types are computed in float32 */
} norm;

/* Notes a failure in the chain, whose end hands it on. */
static norm norm_begin(hr_array *a, const int *axis, size_t axis_num, bool keepdims, hr_stream *s) {
  norm n = {.c = hr_chain_begin(s), .keepdims = keepdims, .dtype = hr_dtype_at_least_float(hr_array_dtype(a))};
  uint32_t mask;
  if (axis) n.c.status = hr_op_axis_mask(&mask, "linalg_norm", axis, axis_num, a->ndim);
  if (n.c.status != HR_OK) return n;
  n.count = axis ? axis_num : a->ndim;
  for (size_t i = 0; i < n.count; i++) n.axes[i] = !axis ? (int)i : axis[i] < 0 ? axis[i] + a->ndim : axis[i];
  bool half = n.dtype == HR_FLOAT16 || n.dtype == HR_BFLOAT16;
  n.a = hr_chain_cast(&n.c, a, half ? HR_FLOAT32 : n.dtype);
  return n;
}

/* complex64: the result is complex64 too if `complex`. */
static hr_status norm_end(norm *n, hr_array **out, hr_array *result, bool complex) {
  hr_dtype dtype = hr_dtype_is_complex(n->dtype) && !complex ? HR_FLOAT32 : n->dtype;
  return hr_chain_end(&n->c, out, hr_chain_cast(&n->c, result, dtype));
}

typedef hr_status (*axes_builder)(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool keepdims,
                                  hr_stream *s);

static hr_array *reduce(hr_chain *c, axes_builder builder, hr_array *a, const int *axes, size_t count, bool keepdims) {
  hr_array *out = NULL;
  if (c->status != HR_OK) return NULL;
  hr_status status = builder(&out, a, axes, count, keepdims, c->stream);
  return hr_chain_keep(c, status, out);
}

static hr_array *reduce_all(norm *n, axes_builder builder, hr_array *a) {
  return reduce(&n->c, builder, a, n->axes, n->count, n->keepdims);
}

static hr_array *sizes(norm *n) { return hr_chain_unary(&n->c, hr_abs, n->a); }

static hr_array *l2(norm *n) {
  hr_array *x = hr_dtype_is_complex(n->dtype) ? sizes(n) : n->a;
  return hr_chain_unary(&n->c, hr_sqrt, reduce_all(n, hr_sum_axes, hr_chain_unary(&n->c, hr_square, x)));
}

static hr_array *vector_norm(norm *n, double ord) {
  hr_chain *c = &n->c;
  hr_array *x = sizes(n);
  if (c->status != HR_OK) return NULL;
  hr_dtype dtype = hr_array_dtype(x);
  if (isinf(ord)) return reduce_all(n, ord > 0 ? hr_max_axes : hr_min_axes, x);
  if (ord == 1) return reduce_all(n, hr_sum_axes, x);
  if (ord == 0) {
    hr_array *some = hr_chain_binary(c, hr_not_equal, n->a, hr_chain_scalar(c, 0, hr_array_dtype(n->a)));
    return reduce_all(n, hr_sum_axes, hr_chain_cast(c, some, dtype));
  }
  hr_array *sum = reduce_all(n, hr_sum_axes, hr_chain_binary(c, hr_power, x, hr_chain_scalar(c, ord, dtype)));
  return hr_chain_binary(c, hr_power, sum, hr_chain_scalar(c, 1 / ord, dtype));
}

/* Sums of sizes along one of the two axes, then the greatest or least of them. */
static hr_array *sums_norm(norm *n, int summed, bool greatest) {
  int along = n->axes[summed], across = n->axes[1 - summed];
  hr_array *sums = reduce(&n->c, hr_sum_axes, sizes(n), &along, 1, true);
  hr_array *x = reduce(&n->c, greatest ? hr_max_axes : hr_min_axes, sums, &across, 1, true);
  hr_array *out = NULL;
  if (n->keepdims || n->c.status != HR_OK) return x;
  hr_status status = hr_squeeze_axes(&out, x, n->axes, 2, n->c.stream);
  return hr_chain_keep(&n->c, status, out);
}

/* A reduction of the singular values, which come as the last axis; the matrices' axes go back to their places. */
static hr_array *singular_norm(norm *n, axes_builder builder) {
  int order[HR_MAX_NDIM], count = 0, last = -1;
  hr_array *made = NULL;
  for (int axis = 0; axis < n->a->ndim; axis++)
    if (axis != n->axes[0] && axis != n->axes[1]) order[count++] = axis;
  order[count] = n->axes[0];
  order[count + 1] = n->axes[1];
  hr_status status = hr_transpose_axes(&made, n->a, order, (size_t)n->a->ndim, n->c.stream);
  hr_array *turned = hr_chain_keep(&n->c, status, made), *values = NULL;
  if (n->c.status != HR_OK) return NULL;
  status = hr_linalg_svd_parts(&values, turned, HR_LINALG_VALUES, n->c.stream);
  hr_array *x = reduce(&n->c, builder, hr_chain_keep(&n->c, status, values), &last, 1, false);
  if (!n->keepdims || n->c.status != HR_OK) return x;
  status = hr_expand_dims_axes(&made, x, n->axes, 2, n->c.stream);
  return hr_chain_keep(&n->c, status, made);
}

static hr_array *matrix_norm(norm *n, double ord) {
  if (fabs(ord) == 2) return singular_norm(n, ord > 0 ? hr_max_axes : hr_min_axes);
  return sums_norm(n, isinf(ord) ? 1 : 0, ord > 0);
}

hr_status hr_linalg_norm(hr_array **out, hr_array *a, double ord, const int *axis, size_t axis_num, bool keepdims,
                         hr_stream *s) {
  norm n = norm_begin(a, axis, axis_num, keepdims, s);
  char text[HR_ARRAY_TEXT];
  if (n.c.status != HR_OK) return hr_chain_end(&n.c, out, NULL);
  if (n.count == 0 || n.count > 2)
    n.c.status = hr_fail(HR_INVALID, "linalg_norm: a norm of order %g over %zu axes of %s: one or two are needed", ord,
                         n.count, hr_array_format(text, a));
  else if (n.count == 2 && !(fabs(ord) == 1 || fabs(ord) == 2 || isinf(ord)))
    n.c.status = hr_fail(HR_INVALID, "linalg_norm: no norm of matrices has order %g: 1, -1, 2, -2, inf or -inf", ord);
  if (n.c.status != HR_OK) return hr_chain_end(&n.c, out, NULL);
  bool simple = n.count == 1 && ord == 2;
  return norm_end(&n, out, simple ? l2(&n) : n.count == 1 ? vector_norm(&n, ord) : matrix_norm(&n, ord), !simple);
}

hr_status hr_linalg_norm_matrix(hr_array **out, hr_array *a, const char *ord, const int *axis, size_t axis_num,
                                bool keepdims, hr_stream *s) {
  norm n = norm_begin(a, axis, axis_num, keepdims, s);
  if (n.c.status != HR_OK) return hr_chain_end(&n.c, out, NULL);
  bool nuclear = strcmp(ord, "nuc") == 0;
  if (!nuclear && strcmp(ord, "fro") != 0 && strcmp(ord, "f") != 0)
    n.c.status = hr_fail(HR_INVALID, "linalg_norm: no norm is called \"%.20s\": f, fro or nuc", ord);
  else if (n.count != 2)
    n.c.status = hr_fail(HR_INVALID, "linalg_norm: \"%s\" is for matrices: two axes are needed, not %zu", ord, n.count);
  if (n.c.status != HR_OK) return hr_chain_end(&n.c, out, NULL);
  return norm_end(&n, out, nuclear ? singular_norm(&n, hr_sum_axes) : l2(&n), false);
}

hr_status hr_linalg_norm_l2(hr_array **out, hr_array *a, const int *axis, size_t axis_num, bool keepdims,
                            hr_stream *s) {
  norm n = norm_begin(a, axis, axis_num, keepdims, s);
  if (n.c.status != HR_OK) return hr_chain_end(&n.c, out, NULL);
  if (axis && axis_num > 2)
    n.c.status = hr_fail(HR_INVALID, "linalg_norm: a norm over %zu axes: two at the most", axis_num);
  if (n.c.status != HR_OK) return hr_chain_end(&n.c, out, NULL);
  return norm_end(&n, out, l2(&n), false);
}

/* --- cross product --- */

/* Entry `at` along the axis (counted from the end) of a vector of 2 or 3; a missing third one is 0. */
static hr_array *entry(hr_chain *c, hr_array *a, int axis, int at) {
  hr_array *out = NULL;
  if (c->status != HR_OK) return NULL;
  if (at >= hr_array_shape(a)[a->ndim + axis]) return hr_chain_scalar(c, 0, hr_array_dtype(a));
  hr_status status = hr_slice_axis(&out, a, a->ndim + axis, at, at + 1, c->stream);
  return hr_chain_keep(c, status, out);
}

/* x[i] y[j] - x[j] y[i] */
static hr_array *minor(hr_chain *c, hr_array *const *x, hr_array *const *y, int i, int j) {
  hr_array *left = hr_chain_binary(c, hr_multiply, x[i], y[j]), *right = hr_chain_binary(c, hr_multiply, x[j], y[i]);
  return hr_chain_binary(c, hr_subtract, left, right);
}

static hr_status check_vectors(int *axis, const hr_array *a, const hr_array *b) {
  char text_a[HR_ARRAY_TEXT], text_b[HR_ARRAY_TEXT];
  int ndim = a->ndim > b->ndim ? a->ndim : b->ndim, given = *axis;
  hr_status status = hr_op_axis(axis, "linalg_cross", given, ndim);
  if (status != HR_OK) return status;
  *axis -= ndim;
  for (int i = 0; i < 2; i++) {
    const hr_array *x = i ? b : a;
    int length = x->ndim + *axis < 0 ? 0 : hr_array_shape(x)[x->ndim + *axis];
    if (length != 2 && length != 3)
      return hr_fail(HR_INVALID, "linalg_cross: %s and %s: axis %d needs length 2 or 3 in both",
                     hr_array_format(text_a, a), hr_array_format(text_b, b), given);
  }
  return HR_OK;
}

/* The three entries, broadcast to one shape, side by side. */
static hr_array *join(hr_chain *c, hr_array **parts, int axis) {
  hr_array_list together = {0}, list = {parts, 3};
  hr_array *out = NULL;
  if (c->status != HR_OK) return NULL;
  hr_status status = hr_broadcast_arrays(&together, &list, c->stream);
  if (status == HR_OK) status = hr_concatenate_axis(&out, &together, axis, c->stream);
  hr_list_clear(&together);
  return hr_chain_keep(c, status, out);
}

hr_status hr_linalg_cross(hr_array **out, hr_array *a, hr_array *b, int axis, hr_stream *s) {
  hr_chain c = hr_chain_begin(s);
  hr_array *x[3], *y[3], *parts[3];
  *out = NULL;
  hr_status status = check_vectors(&axis, a, b);
  if (status != HR_OK) return status;
  hr_dtype dtype = hr_dtype_promote(hr_array_dtype(a), hr_array_dtype(b));
  a = hr_chain_cast(&c, a, dtype);
  b = hr_chain_cast(&c, b, dtype);
  for (int i = 0; i < 3; i++) {
    x[i] = entry(&c, a, axis, i);
    y[i] = entry(&c, b, axis, i);
  }
  for (int i = 0; i < 3; i++) parts[i] = minor(&c, x, y, (i + 1) % 3, (i + 2) % 3);
  return hr_chain_end(&c, out, join(&c, parts, axis));
}
