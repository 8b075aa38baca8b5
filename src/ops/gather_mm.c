#include "ops/gather_mm.h"

#include <string.h>

#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/index_build.h"
#include "ops/linear.h"
#include "ops/op_list.h"
#include "ops/select.h"
#include "ops/shape.h"

/* --- operands --- */

typedef struct operands {
  hr_array *in[2]; /* a and b, two axes or more, in one dtype; owned */
} operands;

static void operands_deinit(operands *o) {
  hr_array_release(o->in[0]);
  hr_array_release(o->in[1]);
}

static hr_status check_operands(const char *op, const hr_array *a, const hr_array *b) {
  hr_dtype dtype = hr_dtype_promote(hr_array_dtype(a), hr_array_dtype(b));
  if (!hr_dtype_is_float(dtype))
    return hr_fail(HR_INVALID, "%s: products of %s and %s are not supported: a real floating-point type is needed", op,
                   hr_dtype_names[hr_array_dtype(a)], hr_dtype_names[hr_array_dtype(b)]);
  return hr_op_check_product(op, a, b);
}

/* A vector a becomes one row, a vector b one column. */
static hr_status operands_take(operands *o, const char *op, hr_array *a, hr_array *b, hr_stream *s) {
  hr_array *wide[2] = {NULL};
  hr_status status = HR_OK;
  HR_TRY(hr_op_given(op, a));
  HR_TRY(hr_op_given(op, b));
  HR_TRY(check_operands(op, a, b));
  hr_dtype dtype = hr_dtype_promote(hr_array_dtype(a), hr_array_dtype(b));
  for (int i = 0; i < 2; i++) {
    hr_array *x = i ? b : a;
    HR_TRY(hr_astype(&wide[i], x, dtype, s));
    if (x->ndim == 1)
      HR_TRY(hr_expand_dims(&o->in[i], wide[i], i, s));
    else
      o->in[i] = hr_array_retain(wide[i]);
  }
done:
  hr_array_release(wide[0]);
  hr_array_release(wide[1]);
  return status;
}

/* Drops the axes that operands_take() added. */
static hr_status drop_axes(hr_array **out, hr_array *product, const hr_array *a, const hr_array *b, hr_stream *s) {
  int dropped[2], count = 0;
  if (a->ndim == 1) dropped[count++] = -2;
  if (b->ndim == 1) dropped[count++] = -1;
  return hr_squeeze_axes(out, product, dropped, (size_t)count, s);
}

/* The leading axes of `lead`, without its last `dropped`, and the matrices of a b. */
static hr_status product_layout(hr_layout *out, const hr_op_call *call, const hr_array *lead, int dropped) {
  const hr_array *a = call->in[0], *b = call->in[1];
  int shape[HR_MAX_NDIM + 2], ndim = lead->ndim - dropped;
  if (ndim + 2 > HR_MAX_NDIM) return hr_fail(HR_UNSUPPORTED, "%s: more than %d axes", call->op->name, HR_MAX_NDIM);
  memcpy(shape, hr_array_shape(lead), (size_t)ndim * sizeof *shape);
  shape[ndim] = hr_array_shape(a)[a->ndim - 2], shape[ndim + 1] = hr_array_shape(b)[b->ndim - 1];
  return hr_layout_set(out, shape, ndim + 2, hr_array_dtype(a));
}

/* As for matmul: 80 additions and multiplications a nanosecond on one core. */
static uint64_t product_cost(const hr_op_call *call, hr_array *const *out) {
  const hr_array *a = call->in[0];
  uint64_t length = (uint64_t)hr_array_shape(a)[a->ndim - 1];
  return 1000 + (uint64_t)out[0]->size * length / 80 + hr_array_nbytes(out[0]) / 32;
}

/* --- gather_mm --- */

static hr_status gather_infer(hr_layout *out, const hr_op_call *call) {
  return product_layout(out, call, call->in[2], 0);
}

const hr_op hr_op_gather_mm = {.name = "gather_mm",
                               .arity = 4,
                               .outputs = 1,
                               .infer = gather_infer,
                               .cost = product_cost,
                               .run = {[HR_BACKEND_CPU] = hr_cpu_gather_mm}};

/* The indices given, or the numbers of a's matrices in the shape of its leading axes. */
static hr_status take_indices(hr_array **out, hr_array *indices, const hr_array *a, hr_stream *s) {
  hr_array *numbers = NULL;
  hr_status status = HR_OK;
  if (indices) {
    HR_TRY(hr_index_check("gather_mm", indices));
    *out = hr_array_retain(indices);
    return HR_OK;
  }
  int64_t count = hr_shape_size(hr_array_shape(a), a->ndim - 2);
  if (count > UINT32_MAX) return hr_fail(HR_UNSUPPORTED, "gather_mm: more than 2^32 matrices");
  HR_TRY(hr_arange(&numbers, 0, (double)count, 1, HR_UINT32, s));
  status = hr_reshape(out, numbers, hr_array_shape(a), (size_t)a->ndim - 2, s);
done:
  hr_array_release(numbers);
  return status;
}

hr_status hr_gather_mm(hr_array **out, hr_array *a, hr_array *b, hr_array *lhs_indices, hr_array *rhs_indices,
                       bool sorted_indices, hr_stream *s) {
  operands o = {{NULL}};
  hr_array *indices[2] = {NULL}, *rows[2] = {NULL}, *product = NULL;
  hr_array_list list = {indices, 2}, wide = {0};
  hr_status status = HR_OK;
  (void)sorted_indices; /* runs of equal indices are found without the promise */
  *out = NULL;
  HR_TRY(operands_take(&o, "gather_mm", a, b, s));
  HR_TRY(take_indices(&indices[0], lhs_indices, o.in[0], s));
  HR_TRY(take_indices(&indices[1], rhs_indices, o.in[1], s));
  status = hr_broadcast_arrays(&wide, &list, s);
  if (status != HR_OK) HR_TRY(hr_fail_prefix(status, "gather_mm: lhs_indices and rhs_indices: "));
  for (int i = 0; i < 2; i++) HR_TRY(hr_row_major(&rows[i], wide.items[i], s));
  HR_TRY(hr_apply(&product, &hr_op_gather_mm, (hr_array *[]){o.in[0], o.in[1], rows[0], rows[1]}, 4, NULL, s));
  status = drop_axes(out, product, a, b, s);
done:
  operands_deinit(&o);
  for (int i = 0; i < 2; i++) hr_array_release(indices[i]), hr_array_release(rows[i]);
  hr_list_clear(&wide);
  hr_array_release(product);
  return status;
}

/* --- segmented_mm --- */

static hr_status segmented_infer(hr_layout *out, const hr_op_call *call) {
  return product_layout(out, call, call->in[2], 1);
}

const hr_op hr_op_segmented_mm = {.name = "segmented_mm",
                                  .arity = 3,
                                  .outputs = 1,
                                  .infer = segmented_infer,
                                  .cost = product_cost,
                                  .run = {[HR_BACKEND_CPU] = hr_cpu_segmented_mm}};

hr_status hr_segmented_mm(hr_array **out, hr_array *a, hr_array *b, hr_array *segments, hr_stream *s) {
  char text_a[HR_ARRAY_TEXT], text_b[HR_ARRAY_TEXT];
  operands o = {{NULL}};
  hr_array *rows = NULL;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("segmented_mm", a));
  HR_TRY(hr_op_given("segmented_mm", b));
  HR_TRY(hr_op_given("segmented_mm", segments));
  if (a->ndim != 2 || b->ndim != 2)
    return hr_fail(HR_INVALID, "segmented_mm: %s and %s should have two axes", hr_array_format(text_a, a),
                   hr_array_format(text_b, b));
  HR_TRY(hr_index_check("segmented_mm", segments));
  if (segments->ndim == 0 || hr_array_shape(segments)[segments->ndim - 1] != 2)
    return hr_fail(HR_INVALID, "segmented_mm: segments %s should be pairs of first and end",
                   hr_array_format(text_a, segments));
  HR_TRY(operands_take(&o, "segmented_mm", a, b, s));
  HR_TRY(hr_row_major(&rows, segments, s));
  status = hr_apply(out, &hr_op_segmented_mm, (hr_array *[]){o.in[0], o.in[1], rows}, 3, NULL, s);
done:
  operands_deinit(&o);
  hr_array_release(rows);
  return status;
}

/* --- block_masked_mm --- */

/* A mask's elements repeated over their blocks, the last two lengths as in `like`. */
static hr_status spread_mask(hr_array **out, hr_array *mask, const hr_array *like, int block, hr_stream *s) {
  int shape[HR_MAX_NDIM + 2], start[HR_MAX_NDIM] = {0}, stride[HR_MAX_NDIM], lead = mask->ndim - 2;
  hr_array *split = NULL, *wide = NULL, *joined = NULL;
  hr_status status = HR_OK;
  if (mask->ndim + 2 > HR_MAX_NDIM)
    return hr_fail(HR_UNSUPPORTED, "block_masked_mm: a mask of more than %d axes", HR_MAX_NDIM - 2);
  HR_TRY(hr_expand_dims_axes(&split, mask, (int[]){-3, -1}, 2, s));
  memcpy(shape, hr_array_shape(split), (size_t)split->ndim * sizeof *shape);
  shape[lead + 1] = shape[lead + 3] = block;
  HR_TRY(hr_broadcast_to(&wide, split, shape, (size_t)split->ndim, s));
  shape[lead] *= block, shape[lead + 1] = shape[lead + 2] * block;
  HR_TRY(hr_reshape(&joined, wide, shape, (size_t)lead + 2, s));
  for (int i = 0; i < lead + 2; i++) stride[i] = 1;
  memcpy(shape + lead, hr_array_shape(like) + like->ndim - 2, 2 * sizeof *shape);
  size_t ndim = (size_t)lead + 2;
  status = hr_slice(out, joined, start, ndim, shape, ndim, stride, ndim, s);
done:
  hr_array_release(split);
  hr_array_release(wide);
  hr_array_release(joined);
  return status;
}

/* Fails unless the mask has an element for each block of x's matrices, and leading axes that broadcast to `lead`'s. */
static hr_status check_mask(const char *name, const hr_array *mask, const hr_array *x, const hr_array *lead,
                            int block) {
  char text[HR_ARRAY_TEXT], text_x[HR_ARRAY_TEXT];
  int shape[HR_MAX_NDIM], ndim = 0;
  const int *of_x = hr_array_shape(x) + x->ndim - 2, *of_mask = hr_array_shape(mask) + mask->ndim - 2;
  bool fits = mask->ndim >= 2;
  for (int i = 0; i < 2 && fits; i++) fits = of_mask[i] == of_x[i] / block + (of_x[i] % block > 0);
  fits = fits && hr_shape_broadcast(shape, &ndim, hr_array_shape(mask), mask->ndim - 2, hr_array_shape(lead),
                                    lead->ndim - 2) == HR_OK;
  fits = fits && ndim == lead->ndim - 2 && !memcmp(shape, hr_array_shape(lead), (size_t)ndim * sizeof *shape);
  if (fits) return HR_OK;
  return hr_fail(HR_INVALID, "block_masked_mm: %s %s does not fit blocks of %d of %s", name,
                 hr_array_format(text, mask), block, hr_array_format(text_x, x));
}

/* x with its blocks left out or scaled. */
static hr_status apply_mask(hr_array **out, hr_array *x, hr_array *mask, int block, hr_stream *s) {
  hr_array *spread = NULL, *factor = NULL, *zero = NULL;
  hr_status status = HR_OK;
  if (!mask) return *out = hr_array_retain(x), HR_OK;
  HR_TRY(spread_mask(&spread, mask, x, block, s));
  if (hr_array_dtype(mask) == HR_BOOL) {
    HR_TRY(hr_array_new_scalar(&zero, 0, hr_array_dtype(x)));
    status = hr_where(out, spread, x, zero, s);
  } else {
    HR_TRY(hr_astype(&factor, spread, hr_array_dtype(x), s));
    status = hr_multiply(out, x, factor, s);
  }
done:
  hr_array_release(spread);
  hr_array_release(factor);
  hr_array_release(zero);
  return status;
}

/* The product's shape is known only when it is built, so masks of the operands are checked against it at last. */
static hr_status masked_product(hr_array **out, const operands *o, int block, hr_array *mask_out, hr_array *mask_lhs,
                                hr_array *mask_rhs, hr_stream *s) {
  hr_array *plain = NULL, *left = NULL, *right = NULL, *product = NULL;
  hr_status status = HR_OK;
  HR_TRY(hr_matmul(&plain, o->in[0], o->in[1], s));
  if (mask_out) HR_TRY(check_mask("mask_out", mask_out, plain, plain, block));
  if (mask_lhs) HR_TRY(check_mask("mask_lhs", mask_lhs, o->in[0], plain, block));
  if (mask_rhs) HR_TRY(check_mask("mask_rhs", mask_rhs, o->in[1], plain, block));
  HR_TRY(apply_mask(&left, o->in[0], mask_lhs, block, s));
  HR_TRY(apply_mask(&right, o->in[1], mask_rhs, block, s));
  HR_TRY(hr_matmul(&product, left, right, s));
  status = apply_mask(out, product, mask_out, block, s);
done:
  hr_array_release(plain);
  hr_array_release(left);
  hr_array_release(right);
  hr_array_release(product);
  return status;
}

hr_status hr_block_masked_mm(hr_array **out, hr_array *a, hr_array *b, int block_size, hr_array *mask_out,
                             hr_array *mask_lhs, hr_array *mask_rhs, hr_stream *s) {
  operands o = {{NULL}};
  hr_array *product = NULL;
  hr_status status = HR_OK;
  *out = NULL;
  if (block_size != 32 && block_size != 64)
    return hr_fail(HR_INVALID, "block_masked_mm: blocks of %d are not supported: 32 and 64 are", block_size);
  HR_TRY(operands_take(&o, "block_masked_mm", a, b, s));
  HR_TRY(masked_product(&product, &o, block_size, mask_out, mask_lhs, mask_rhs, s));
  status = drop_axes(out, product, a, b, s);
done:
  operands_deinit(&o);
  hr_array_release(product);
  return status;
}
