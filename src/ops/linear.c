/* Products. Only matmul and addmm are ops; the others bring their operands into their form. */
#include "ops/linear.h"

#include <string.h>

#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/check.h"
#include "ops/op_list.h"
#include "ops/reduce.h"
#include "ops/shape.h"

/* --- matmul --- */

/* Both inputs have the same leading axes. */
static hr_status matmul_infer(hr_layout *out, const hr_op_call *call) {
  const hr_array *a = call->in[0], *b = call->in[1];
  int shape[HR_MAX_NDIM];
  memcpy(shape, hr_array_shape(a), (size_t)(a->ndim - 1) * sizeof *shape);
  shape[a->ndim - 1] = hr_array_shape(b)[b->ndim - 1];
  return hr_layout_set(out, shape, a->ndim, hr_array_dtype(a));
}

/* 160 additions and multiplications a nanosecond, as two cores do, besides what moving the operands takes. (With the 80
 * of one core a waiting thread left products of 512 to a worker, and lost a tenth by waking it.) */
static uint64_t matmul_cost(const hr_op_call *call, hr_array *const *out) {
  const hr_array *a = call->in[0];
  uint64_t length = (uint64_t)hr_array_shape(a)[a->ndim - 1];
  uint64_t bytes = hr_array_nbytes(a) + hr_array_nbytes(call->in[1]) + hr_array_nbytes(out[0]);
  return 300 + (uint64_t)out[0]->size * length / 160 + bytes / 32;
}

const hr_op hr_op_matmul = {.name = "matmul",
                            .arity = 2,
                            .outputs = 1,
                            .infer = matmul_infer,
                            .cost = matmul_cost,
                            .run = {[HR_BACKEND_CPU] = hr_cpu_matmul}};

const hr_op hr_op_addmm = {.name = "addmm",
                           .arity = 3,
                           .outputs = 1,
                           .attrs_size = sizeof(hr_addmm_attrs),
                           .infer = matmul_infer,
                           .cost = matmul_cost,
                           .run = {[HR_BACKEND_CPU] = hr_cpu_addmm}};

/* a and b cast to one dtype. */
static hr_status promote_pair(hr_array *out[2], const char *op, hr_array *a, hr_array *b, hr_stream *s) {
  hr_status status = HR_OK;
  HR_TRY(hr_op_given(op, a));
  HR_TRY(hr_op_given(op, b));
  hr_dtype dtype = hr_dtype_promote(hr_array_dtype(a), hr_array_dtype(b));
  if (!hr_dtype_is_inexact(dtype))
    return hr_fail(HR_INVALID,
                   "%s: products of %s and %s are not supported: a floating-point or complex type is needed", op,
                   hr_dtype_names[hr_array_dtype(a)], hr_dtype_names[hr_array_dtype(b)]);
  HR_TRY(hr_astype(&out[0], a, dtype, s));
  HR_TRY(hr_astype(&out[1], b, dtype, s));
done:
  return status;
}

static void release_pair(hr_array *pair[2]) {
  hr_array_release(pair[0]);
  hr_array_release(pair[1]);
}

/* Leading axes broadcast together, the last two as they are. */
static hr_status match_batch(hr_array *out[2], const char *op, hr_array *const in[2], hr_stream *s) {
  int shape[HR_MAX_NDIM], ndim;
  hr_status status =
      hr_shape_broadcast(shape, &ndim, hr_array_shape(in[0]), in[0]->ndim - 2, hr_array_shape(in[1]), in[1]->ndim - 2);
  if (status != HR_OK) return hr_fail_prefix(status, "%s: ", op);
  if (ndim + 2 > HR_MAX_NDIM) return hr_fail(HR_UNSUPPORTED, "%s: more than %d axes", op, HR_MAX_NDIM);
  for (int i = 0; i < 2; i++) {
    memcpy(shape + ndim, hr_array_shape(in[i]) + in[i]->ndim - 2, 2 * sizeof *shape);
    HR_TRY(hr_broadcast_to(&out[i], in[i], shape, (size_t)ndim + 2, s));
  }
done:
  return status;
}

/* Operands of one dtype, with the same leading axes. */
static bool match_already(const hr_array *a, const hr_array *b) {
  if (!a || !b || a->ndim < 2 || a->ndim != b->ndim || hr_array_dtype(a) != hr_array_dtype(b)) return false;
  return hr_dtype_is_inexact(hr_array_dtype(a)) &&
         memcmp(hr_array_shape(a), hr_array_shape(b), (size_t)(a->ndim - 2) * sizeof(int)) == 0;
}

hr_status hr_matmul(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) {
  hr_array *cast[2] = {NULL}, *full[2] = {NULL}, *in[2] = {NULL}, *result = NULL;
  int dropped[2], drop_count = 0;
  hr_status status = HR_OK;
  *out = NULL;
  if (match_already(a, b)) {
    HR_TRY(hr_op_check_product("matmul", a, b));
    return hr_apply(out, &hr_op_matmul, (hr_array *[]){a, b}, 2, NULL, s);
  }
  HR_TRY(promote_pair(cast, "matmul", a, b, s));
  HR_TRY(hr_op_check_product("matmul", a, b));
  HR_TRY(a->ndim == 1 ? hr_expand_dims(&full[0], cast[0], 0, s) : hr_expand_dims_axes(&full[0], cast[0], NULL, 0, s));
  HR_TRY(b->ndim == 1 ? hr_expand_dims(&full[1], cast[1], 1, s) : hr_expand_dims_axes(&full[1], cast[1], NULL, 0, s));
  HR_TRY(match_batch(in, "matmul", full, s));
  HR_TRY(hr_apply(&result, &hr_op_matmul, in, 2, NULL, s));
  if (a->ndim == 1) dropped[drop_count++] = -2;
  if (b->ndim == 1) dropped[drop_count++] = -1;
  status = hr_squeeze_axes(out, result, dropped, (size_t)drop_count, s);
done:
  release_pair(cast);
  release_pair(full);
  release_pair(in);
  hr_array_release(result);
  return status;
}

/* factor * a, in a's dtype; a itself for 1. */
static hr_status scale(hr_array **out, hr_array *a, float factor, hr_stream *s) {
  hr_array *value = NULL;
  hr_status status = HR_OK;
  if (factor == 1.0f) return *out = hr_array_retain(a), HR_OK;
  HR_TRY(hr_array_new_scalar(&value, factor, hr_array_dtype(a)));
  status = hr_multiply(out, a, value, s);
done:
  hr_array_release(value);
  return status;
}

/* alpha * product + beta * c; what is multiplied by 0 is left out. */
static hr_status scaled_sum(hr_array **out, hr_array *product, float alpha, hr_array *c, float beta, hr_stream *s) {
  hr_array *scaled = NULL, *term = NULL;
  hr_status status = HR_OK;
  if (alpha != 0 || beta == 0) HR_TRY(scale(&scaled, product, alpha, s));
  if (beta != 0) HR_TRY(scale(&term, c, beta, s));
  if (scaled && term)
    status = hr_add(out, scaled, term, s);
  else
    *out = hr_array_retain(scaled ? scaled : term);
done:
  hr_array_release(scaled);
  hr_array_release(term);
  return status;
}

static hr_status broadcast_term(hr_array **out, hr_array *c, const int *shape, int ndim, hr_stream *s) {
  char text_c[HR_ARRAY_TEXT], text_p[HR_SHAPE_TEXT];
  if (hr_broadcast_to(out, c, shape, (size_t)ndim, s) == HR_OK) return HR_OK;
  return hr_fail(HR_INVALID, "addmm: %s does not broadcast to the product's shape %s", hr_array_format(text_c, c),
                 hr_shape_format(text_p, shape, ndim));
}

/* In one operation, which adds c while the product is in the caches. */
static hr_status addmm_at_once(hr_array **out, hr_array *c, hr_array *a, hr_array *b, hr_addmm_attrs attrs,
                               hr_stream *s) {
  hr_array *pair[2] = {NULL}, *full = NULL;
  int shape[HR_MAX_NDIM];
  hr_status status = HR_OK;
  HR_TRY(match_batch(pair, "addmm", (hr_array *[]){a, b}, s));
  memcpy(shape, hr_array_shape(pair[0]), (size_t)pair[0]->ndim * sizeof *shape);
  shape[pair[0]->ndim - 1] = hr_array_shape(pair[1])[pair[1]->ndim - 1];
  HR_TRY(broadcast_term(&full, c, shape, pair[0]->ndim, s));
  status = hr_apply(out, &hr_op_addmm, (hr_array *[]){pair[0], pair[1], full}, 3, &attrs, s);
done:
  release_pair(pair);
  hr_array_release(full);
  return status;
}

/* Product and sum apart. Factors and sum of half types in float32, rounded once. */
static hr_status addmm_apart(hr_array **out, hr_array *c, hr_array *a, hr_array *b, hr_addmm_attrs attrs,
                             hr_stream *s) {
  hr_array *product = NULL, *terms[2] = {NULL}, *full = NULL, *sum = NULL;
  hr_dtype dtype = hr_array_dtype(a);
  hr_status status = HR_OK;
  HR_TRY(hr_matmul(&product, a, b, s));
  bool widened = (dtype == HR_FLOAT16 || dtype == HR_BFLOAT16) && (attrs.alpha != 1 || attrs.beta != 1);
  HR_TRY(hr_astype(&terms[0], product, widened ? HR_FLOAT32 : dtype, s));
  HR_TRY(hr_astype(&terms[1], c, widened ? HR_FLOAT32 : dtype, s));
  HR_TRY(broadcast_term(&full, terms[1], hr_array_shape(product), product->ndim, s));
  HR_TRY(scaled_sum(&sum, terms[0], attrs.alpha, full, attrs.beta, s));
  status = hr_astype(out, sum, dtype, s);
done:
  hr_array_release(product);
  release_pair(terms);
  hr_array_release(full);
  hr_array_release(sum);
  return status;
}

hr_status hr_addmm(hr_array **out, hr_array *c, hr_array *a, hr_array *b, float alpha, float beta, hr_stream *s) {
  hr_array *pair[2] = {NULL}, *term = NULL;
  hr_addmm_attrs attrs = {alpha, beta};
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("addmm", c));
  HR_TRY(hr_op_given("addmm", a));
  HR_TRY(hr_op_given("addmm", b));
  hr_dtype dtype = hr_dtype_promote(hr_dtype_promote(hr_array_dtype(a), hr_array_dtype(b)), hr_array_dtype(c));
  if (!hr_dtype_is_inexact(dtype))
    return hr_fail(HR_INVALID, "addmm: products of %s are not supported: a floating-point or complex type is needed",
                   hr_dtype_names[dtype]);
  HR_TRY(hr_op_check_product("addmm", a, b));
  HR_TRY(hr_astype(&pair[0], a, dtype, s));
  HR_TRY(hr_astype(&pair[1], b, dtype, s));
  HR_TRY(hr_astype(&term, c, dtype, s));
  bool is_real = dtype == HR_FLOAT32 || dtype == HR_FLOAT64;
  if (is_real && alpha != 0 && beta != 0 && a->ndim > 1 && b->ndim > 1)
    status = addmm_at_once(out, term, pair[0], pair[1], attrs, s);
  else
    status = addmm_apart(out, term, pair[0], pair[1], attrs, s);
done:
  release_pair(pair);
  hr_array_release(term);
  return status;
}

/* --- tensordot --- */

/* a as a matrix: axes not in the list by those in it (summed last), or the other way round. `rest` gets the lengths
 * of the axes that are kept. */
static hr_status as_matrix(hr_array **out, hr_array *a, const int *axes, size_t count, bool summed_last, int *rest,
                           int *rest_ndim, hr_stream *s) {
  int order[HR_MAX_NDIM], kept = 0, shape[2];
  uint32_t mask;
  int64_t summed = 1, left = 1;
  hr_array *moved = NULL;
  hr_status status = HR_OK;
  HR_TRY(hr_op_axis_mask(&mask, "tensordot", axes, count, a->ndim));
  int first_kept = summed_last ? 0 : (int)count, first_summed = summed_last ? a->ndim - (int)count : 0;
  for (int i = 0; i < a->ndim; i++) {
    if (mask >> i & 1) continue;
    order[first_kept + kept++] = i;
    rest[(*rest_ndim)++] = hr_array_shape(a)[i];
    left *= hr_array_shape(a)[i];
  }
  for (size_t i = 0; i < count; i++) {
    int axis = axes[i] < 0 ? axes[i] + a->ndim : axes[i];
    order[first_summed + (int)i] = axis;
    summed *= hr_array_shape(a)[axis];
  }
  if (left > INT32_MAX || summed > INT32_MAX)
    HR_TRY(hr_fail(HR_UNSUPPORTED, "tensordot: more than %d elements along one side", INT32_MAX));
  shape[summed_last ? 0 : 1] = (int)left, shape[summed_last ? 1 : 0] = (int)summed;
  HR_TRY(hr_transpose_axes(&moved, a, order, a->ndim, s));
  status = hr_reshape(out, moved, shape, 2, s);
done:
  hr_array_release(moved);
  return status;
}

hr_status hr_tensordot(hr_array **out, hr_array *a, hr_array *b, const int *axes_a, size_t axes_a_num,
                       const int *axes_b, size_t axes_b_num, hr_stream *s) {
  int rest[2 * HR_MAX_NDIM], rest_ndim = 0;
  hr_array *left = NULL, *right = NULL, *product = NULL;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("tensordot", a));
  HR_TRY(hr_op_given("tensordot", b));
  if (axes_a_num != axes_b_num)
    return hr_fail(HR_INVALID, "tensordot: %zu axes of one array and %zu of the other", axes_a_num, axes_b_num);
  for (size_t i = 0; i < axes_a_num; i++) {
    int x, y;
    HR_TRY(hr_op_axis(&x, "tensordot", axes_a[i], a->ndim));
    HR_TRY(hr_op_axis(&y, "tensordot", axes_b[i], b->ndim));
    if (hr_array_shape(a)[x] != hr_array_shape(b)[y])
      return hr_fail(HR_INVALID, "tensordot: axes %d and %d have lengths %d and %d", x, y, hr_array_shape(a)[x],
                     hr_array_shape(b)[y]);
  }
  HR_TRY(as_matrix(&left, a, axes_a, axes_a_num, true, rest, &rest_ndim, s));
  HR_TRY(as_matrix(&right, b, axes_b, axes_b_num, false, rest, &rest_ndim, s));
  HR_TRY(hr_matmul(&product, left, right, s));
  status = hr_reshape(out, product, rest, (size_t)rest_ndim, s);
done:
  hr_array_release(left);
  hr_array_release(right);
  hr_array_release(product);
  return status;
}

hr_status hr_tensordot_axis(hr_array **out, hr_array *a, hr_array *b, int axis, hr_stream *s) {
  int axes_a[HR_MAX_NDIM], axes_b[HR_MAX_NDIM];
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("tensordot", a));
  HR_TRY(hr_op_given("tensordot", b));
  if (axis < 0 || axis > a->ndim || axis > b->ndim)
    return hr_fail(HR_INVALID, "tensordot: %d axes of arrays with %d and %d", axis, a->ndim, b->ndim);
  for (int i = 0; i < axis; i++) axes_a[i] = a->ndim - axis + i, axes_b[i] = i;
  status = hr_tensordot(out, a, b, axes_a, (size_t)axis, axes_b, (size_t)axis, s);
done:
  return status;
}

hr_status hr_inner(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) {
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("inner", a));
  HR_TRY(hr_op_given("inner", b));
  if (a->ndim == 0 || b->ndim == 0) return hr_multiply(out, a, b, s);
  status = hr_tensordot(out, a, b, (int[]){-1}, 1, (int[]){-1}, 1, s);
done:
  return status;
}

/* --- products without a sum --- */

hr_status hr_outer(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) {
  hr_array *column = NULL, *row = NULL;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("outer", a));
  HR_TRY(hr_op_given("outer", b));
  if (a->size > INT32_MAX || b->size > INT32_MAX)
    return hr_fail(HR_UNSUPPORTED, "outer: more than %d elements along one side", INT32_MAX);
  HR_TRY(hr_reshape(&column, a, (int[]){(int)a->size, 1}, 2, s));
  HR_TRY(hr_reshape(&row, b, (int[]){(int)b->size}, 1, s));
  status = hr_multiply(out, column, row, s);
done:
  hr_array_release(column);
  hr_array_release(row);
  return status;
}

/* (a0, 1, a1, 1, ...) times (1, b0, 1, b1, ...), then pairs of axes are joined. Axes of length 1 on either side need no
 * place of their own; without that the number of axes would double. */
hr_status hr_kron(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) {
  int shape_a[2 * HR_MAX_NDIM], shape_b[2 * HR_MAX_NDIM], full[HR_MAX_NDIM], places = 0;
  hr_array *wide_a = NULL, *wide_b = NULL, *product = NULL;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("kron", a));
  HR_TRY(hr_op_given("kron", b));
  int ndim = a->ndim > b->ndim ? a->ndim : b->ndim;
  for (int i = 0; i < ndim; i++) {
    int length_a = i < ndim - a->ndim ? 1 : hr_array_shape(a)[i - (ndim - a->ndim)];
    int length_b = i < ndim - b->ndim ? 1 : hr_array_shape(b)[i - (ndim - b->ndim)];
    if (__builtin_mul_overflow(length_a, length_b, &full[i]))
      return hr_fail(HR_UNSUPPORTED, "kron: an axis is too long");
    if (length_a != 1) shape_a[places] = length_a, shape_b[places++] = 1;
    if (length_b != 1) shape_a[places] = 1, shape_b[places++] = length_b;
  }
  HR_TRY(hr_reshape(&wide_a, a, shape_a, (size_t)places, s));
  HR_TRY(hr_reshape(&wide_b, b, shape_b, (size_t)places, s));
  HR_TRY(hr_multiply(&product, wide_a, wide_b, s));
  status = hr_reshape(out, product, full, (size_t)ndim, s);
done:
  hr_array_release(wide_a);
  hr_array_release(wide_b);
  hr_array_release(product);
  return status;
}

hr_status hr_trace(hr_array **out, hr_array *a, int offset, int axis1, int axis2, hr_dtype dtype, hr_stream *s) {
  hr_array *diagonal = NULL, *cast = NULL;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_diagonal(&diagonal, a, offset, axis1, axis2, s));
  HR_TRY(hr_astype(&cast, diagonal, dtype, s));
  status = hr_sum_axis(out, cast, -1, false, s);
done:
  hr_array_release(diagonal);
  hr_array_release(cast);
  return status;
}
