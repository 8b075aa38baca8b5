/* src/ops/quantized_matmul.c - see quantized_matmul.h. */
#include "ops/quantized_matmul.h"

#include <string.h>

#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/index_build.h"
#include "ops/op_list.h"
#include "ops/quant_attrs.h"
#include "ops/quantize.h"
#include "ops/shape.h"

/* --- the ops --- */

/* The last two axes of a product, after `ndim` others. */
static hr_status product_layout(hr_layout *out, const hr_op_call *call, int *shape, int ndim) {
  const hr_qmm_attrs *attrs = call->attrs;
  const hr_array *x = call->in[0], *w = call->in[1];
  int64_t length = attrs->transpose ? hr_array_shape(w)[w->ndim - 2] : hr_quant_length(&attrs->quant, w);
  if (ndim + 2 > HR_MAX_NDIM) return hr_fail(HR_UNSUPPORTED, "more than %d axes", HR_MAX_NDIM);
  if (length > INT32_MAX) return hr_fail(HR_UNSUPPORTED, "rows of more than %d elements", INT32_MAX);
  shape[ndim] = hr_array_shape(x)[x->ndim - 2], shape[ndim + 1] = (int)length;
  return hr_layout_set(out, shape, ndim + 2, (hr_dtype)attrs->dtype);
}

static hr_status matmul_infer(hr_layout *out, const hr_op_call *call) {
  const hr_array *x = call->in[0], *w = call->in[1];
  int shape[HR_MAX_NDIM + 2], ndim;
  hr_status status = hr_shape_broadcast(shape, &ndim, hr_array_shape(x), x->ndim - 2, hr_array_shape(w), w->ndim - 2);
  return status == HR_OK ? product_layout(out, call, shape, ndim) : status;
}

static hr_status gather_infer(hr_layout *out, const hr_op_call *call) {
  const hr_array *indices = call->in[call->in_count - 1];
  int shape[HR_MAX_NDIM + 2];
  memcpy(shape, hr_array_shape(indices), indices->ndim * sizeof *shape);
  return product_layout(out, call, shape, indices->ndim);
}

/* 20 additions and multiplications a nanosecond on one core, besides reading the codes. */
static uint64_t product_cost(const hr_op_call *call, hr_array *const *out) {
  const hr_array *x = call->in[0];
  uint64_t length = (uint64_t)hr_array_shape(x)[x->ndim - 1];
  return 1000 + (uint64_t)out[0]->size * length / 20 + hr_array_nbytes(call->in[1]) / 8;
}

const hr_op hr_op_quantized_matmul = {.name = "quantized_matmul",
                                      .arity = HR_VARIADIC,
                                      .outputs = 1,
                                      .attrs_size = sizeof(hr_qmm_attrs),
                                      .infer = matmul_infer,
                                      .cost = product_cost,
                                      .run = {[HR_BACKEND_CPU] = hr_cpu_quantized_matmul}};

const hr_op hr_op_gather_qmm = {.name = "gather_qmm",
                                .arity = HR_VARIADIC,
                                .outputs = 1,
                                .attrs_size = sizeof(hr_qmm_attrs),
                                .infer = gather_infer,
                                .cost = product_cost,
                                .run = {[HR_BACKEND_CPU] = hr_cpu_gather_qmm}};

/* --- builders --- */

enum { IN_MAX = 6 };

typedef struct operands {
  hr_array *in[IN_MAX]; /* x, w, scales [, biases] and room for indices; owned */
  int count;
  hr_qmm_attrs attrs;
} operands;

static void operands_deinit(operands *o) {
  for (int i = 0; i < IN_MAX; i++) hr_array_release(o->in[i]);
}

static hr_status result_dtype(hr_dtype *out, const char *op, const hr_quant *quant, const hr_array *x,
                              const hr_array *scales, const hr_array *biases) {
  hr_dtype dtype = hr_array_dtype(x);
  if (quant->mode == HR_QUANT_AFFINE)
    dtype = hr_dtype_promote(dtype, hr_dtype_promote(hr_array_dtype(scales), hr_array_dtype(biases)));
  if (!hr_dtype_is_float(dtype) || dtype == HR_FLOAT64)
    return hr_fail(HR_UNSUPPORTED, "%s: x of dtype %s: float32, float16 and bfloat16 are supported", op,
                   hr_dtype_names[x->dtype]);
  *out = dtype;
  return HR_OK;
}

static hr_status check_lengths(const char *op, const operands *o, const hr_array *x, const hr_array *w) {
  char text_x[HR_ARRAY_TEXT], text_w[HR_ARRAY_TEXT];
  int64_t length = hr_quant_length(&o->attrs.quant, w), rows = hr_array_shape(w)[w->ndim - 2];
  int64_t summed = o->attrs.transpose ? length : rows;
  if (hr_array_shape(x)[x->ndim - 1] == summed) return HR_OK;
  return hr_fail(HR_INVALID, "%s: the last axis of x %s should have length %lld to fit %s (%lld by %lld elements%s)",
                 op, hr_array_format(text_x, x), (long long)summed, hr_array_format(text_w, w), (long long)rows,
                 (long long)length, o->attrs.transpose ? ", transposed" : "");
}

/* Checks what both products have in common, and fills in x, w, scales and biases. */
static hr_status take_operands(operands *o, const char *op, hr_array *x, hr_array *w, hr_array *scales,
                               hr_array *biases, bool transpose, hr_optional_int group_size, hr_optional_int bits,
                               const char *mode, hr_stream *s) {
  hr_array *cast = NULL;
  hr_dtype dtype = HR_FLOAT32;
  hr_status status = HR_OK;
  HR_TRY(hr_op_given(op, x));
  HR_TRY(hr_op_given(op, w));
  HR_TRY(hr_op_given(op, scales));
  HR_TRY(hr_quant_resolve(&o->attrs.quant, op, group_size, bits, mode));
  HR_TRY(hr_quant_check(op, &o->attrs.quant, w, scales, biases));
  HR_TRY(result_dtype(&dtype, op, &o->attrs.quant, x, scales, biases));
  o->attrs.transpose = transpose, o->attrs.has_biases = biases != NULL, o->attrs.dtype = (uint8_t)dtype;
  if (x->ndim == 0) return hr_fail(HR_INVALID, "%s: x is a scalar: there is no axis to sum over", op);
  HR_TRY(check_lengths(op, o, x, w));
  HR_TRY(hr_astype(&cast, x, hr_dtype_is_float(hr_array_dtype(x)) ? hr_array_dtype(x) : dtype, s));
  HR_TRY(hr_row_major(&o->in[0], cast, s));
  HR_TRY(hr_row_major(&o->in[1], w, s));
  HR_TRY(hr_quant_scales(&o->in[2], &o->in[3], scales, biases, s));
  o->count = biases ? 4 : 3;
done:
  hr_array_release(cast);
  return status;
}

/* x becomes a matrix; w loses leading axes of length 1 where x has none. */
static hr_status match_axes(operands *o, hr_stream *s) {
  char text_x[HR_ARRAY_TEXT], text_w[HR_ARRAY_TEXT];
  hr_array *x = o->in[0], *w = o->in[1];
  hr_status status = HR_OK;
  if (x->ndim > 2 || w->ndim == 2) goto done;
  for (int i = 0; i < w->ndim - 2; i++)
    if (hr_array_shape(w)[i] != 1)
      return hr_fail(HR_INVALID, "quantized_matmul: x %s has no axis for the leading axes of w %s",
                     hr_array_format(text_x, x), hr_array_format(text_w, w));
  for (int i = 1; i < o->count; i++) {
    hr_array *old = o->in[i];
    o->in[i] = NULL;
    status = hr_reshape(&o->in[i], old, hr_array_shape(old) + old->ndim - 2, 2, s);
    hr_array_release(old);
    HR_TRY(status);
  }
done:
  return status;
}

hr_status hr_quantized_matmul(hr_array **out, hr_array *x, hr_array *w, hr_array *scales, hr_array *biases,
                              bool transpose, hr_optional_int group_size, hr_optional_int bits, const char *mode,
                              hr_stream *s) {
  operands o = {{NULL}, 0, {{0}, false, false, 0}};
  hr_array *product = NULL, *row = NULL;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(take_operands(&o, "quantized_matmul", x, w, scales, biases, transpose, group_size, bits, mode, s));
  if (x->ndim == 1) {
    HR_TRY(hr_expand_dims(&row, o.in[0], 0, s));
    hr_array_release(o.in[0]);
    o.in[0] = row;
  }
  HR_TRY(match_axes(&o, s));
  HR_TRY(hr_apply(&product, &hr_op_quantized_matmul, o.in, o.count, &o.attrs, s));
  status = x->ndim == 1 ? hr_squeeze_axis(out, product, 0, s) : (*out = hr_array_retain(product), HR_OK);
done:
  operands_deinit(&o);
  hr_array_release(product);
  return status;
}

/* Given indices, or the numbers of the matrices in the shape of the leading axes. */
static hr_status take_indices(hr_array **out, const char *op, const char *name, hr_array *indices, const hr_array *a,
                              hr_stream *s) {
  hr_array *numbers = NULL;
  hr_status status = HR_OK;
  if (indices) {
    HR_TRY(hr_index_check(op, indices));
    *out = hr_array_retain(indices);
    return HR_OK;
  }
  int64_t count = hr_shape_size(hr_array_shape(a), a->ndim - 2);
  if (count > UINT32_MAX) return hr_fail(HR_UNSUPPORTED, "%s: %s of more than 2^32 matrices", op, name);
  HR_TRY(hr_arange(&numbers, 0, (double)count, 1, HR_UINT32, s));
  status = hr_reshape(out, numbers, hr_array_shape(a), (size_t)a->ndim - 2, s);
done:
  hr_array_release(numbers);
  return status;
}

hr_status hr_gather_qmm(hr_array **out, hr_array *x, hr_array *w, hr_array *scales, hr_array *biases,
                        hr_array *lhs_indices, hr_array *rhs_indices, bool transpose, hr_optional_int group_size,
                        hr_optional_int bits, const char *mode, bool sorted_indices, hr_stream *s) {
  char text[HR_ARRAY_TEXT];
  operands o = {{NULL}, 0, {{0}, false, false, 0}};
  hr_array *indices[2] = {NULL, NULL};
  hr_array_list list = {indices, 2}, wide = {0};
  hr_status status = HR_OK;
  (void)sorted_indices;
  *out = NULL;
  HR_TRY(take_operands(&o, "gather_qmm", x, w, scales, biases, transpose, group_size, bits, mode, s));
  if (x->ndim < 2) HR_TRY(hr_fail(HR_INVALID, "gather_qmm: x %s needs two axes at least", hr_array_format(text, x)));
  HR_TRY(take_indices(&indices[0], "gather_qmm", "x", lhs_indices, x, s));
  HR_TRY(take_indices(&indices[1], "gather_qmm", "w", rhs_indices, w, s));
  status = hr_broadcast_arrays(&wide, &list, s);
  if (status != HR_OK) HR_TRY(hr_fail_prefix(status, "gather_qmm: lhs_indices and rhs_indices: "));
  for (int i = 0; i < 2; i++) HR_TRY(hr_row_major(&o.in[o.count++], wide.items[i], s));
  status = hr_apply(out, &hr_op_gather_qmm, o.in, o.count, &o.attrs, s);
done:
  operands_deinit(&o);
  hr_array_release(indices[0]);
  hr_array_release(indices[1]);
  hr_list_clear(&wide);
  return status;
}

/* --- qqmm --- */

/* x as its codes and scales give it back, in float32. */
static hr_status round_trip(hr_array **out, hr_array *x, hr_optional_int group, hr_optional_int bits, const char *mode,
                            hr_array *global_scale, hr_stream *s) {
  hr_array_list parts = {0};
  hr_array *matrix = NULL, *values = NULL;
  hr_status status = HR_OK;
  hr_optional_dtype dtype = {HR_FLOAT32, true};
  HR_TRY(hr_atleast_2d(&matrix, x, s));
  HR_TRY(hr_quantize(&parts, matrix, group, bits, mode, global_scale, s));
  HR_TRY(hr_dequantize(&values, parts.items[0], parts.items[1], NULL, group, bits, mode, global_scale, dtype, s));
  status = hr_reshape(out, values, hr_array_shape(x), x->ndim, s);
done:
  hr_list_clear(&parts);
  hr_array_release(matrix);
  hr_array_release(values);
  return status;
}

static hr_status check_qqmm(const hr_quant *quant, const hr_array *x, const hr_array *w, const hr_array *w_scales,
                            const hr_array *global_x, const hr_array *global_w) {
  char text[HR_ARRAY_TEXT];
  hr_dtype dtype = hr_array_dtype(x);
  if (quant->mode == HR_QUANT_AFFINE) return hr_fail(HR_INVALID, "qqmm: mode affine is not supported: it has biases");
  if (!hr_dtype_is_float(dtype) || dtype == HR_FLOAT64)
    return hr_fail(HR_INVALID, "qqmm: x of dtype %s: float32, float16 and bfloat16 are supported",
                   hr_dtype_names[dtype]);
  if (x->ndim == 0) return hr_fail(HR_INVALID, "qqmm: x is a scalar: there is no axis to sum over");
  if (w->ndim != 2) return hr_fail(HR_INVALID, "qqmm: w %s should have two axes", hr_array_format(text, w));
  if (!w_scales && hr_array_dtype(w) == HR_UINT32)
    return hr_fail(HR_INVALID, "qqmm: w %s is packed, but there are no w_scales", hr_array_format(text, w));
  if (!global_x != !global_w) return hr_fail(HR_INVALID, "qqmm: both global scales are needed, or none");
  hr_status status = hr_quant_check_global("qqmm", quant, global_x);
  return status == HR_OK ? hr_quant_check_global("qqmm", quant, global_w) : status;
}

/* The product times global_w / (448 * 6), in x's dtype. */
static hr_status finish_qqmm(hr_array **out, hr_array *product, hr_array *global_w, hr_dtype dtype, hr_stream *s) {
  hr_array *unit = NULL, *factor = NULL, *flat = NULL, *scaled = NULL;
  hr_status status = HR_OK;
  if (global_w) {
    HR_TRY(hr_array_new_scalar(&unit, 448 * 6, HR_FLOAT32));
    HR_TRY(hr_reshape(&flat, global_w, NULL, 0, s));
    HR_TRY(hr_divide(&factor, flat, unit, s));
    HR_TRY(hr_multiply(&scaled, product, factor, s));
  }
  status = hr_astype(out, scaled ? scaled : product, dtype, s);
done:
  hr_array_release(unit);
  hr_array_release(factor);
  hr_array_release(flat);
  hr_array_release(scaled);
  return status;
}

hr_status hr_qqmm(hr_array **out, hr_array *x, hr_array *w, hr_array *w_scales, hr_optional_int group_size,
                  hr_optional_int bits, const char *mode, hr_array *global_scale_x, hr_array *global_scale_w,
                  hr_stream *s) {
  hr_quant quant;
  hr_array_list parts = {0};
  hr_array *values = NULL, *product = NULL;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("qqmm", x));
  HR_TRY(hr_op_given("qqmm", w));
  HR_TRY(hr_quant_resolve(&quant, "qqmm", group_size, bits, mode));
  HR_TRY(check_qqmm(&quant, x, w, w_scales, global_scale_x, global_scale_w));
  HR_TRY(round_trip(&values, x, group_size, bits, mode, global_scale_x, s));
  if (!w_scales) {
    HR_TRY(hr_quantize(&parts, w, group_size, bits, mode, global_scale_w, s));
    w = parts.items[0], w_scales = parts.items[1];
  }
  HR_TRY(hr_quantized_matmul(&product, values, w, w_scales, NULL, true, group_size, bits, mode, s));
  status = finish_qqmm(out, product, global_scale_w, hr_array_dtype(x), s);
done:
  if (status != HR_OK) status = hr_fail_prefix(status, "qqmm: ");
  hr_list_clear(&parts);
  hr_array_release(values);
  hr_array_release(product);
  return status;
}
