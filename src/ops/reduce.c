/* src/ops/reduce.c - sum, prod, max, min, all, any and mean: see reduce.h. */
#include "ops/reduce.h"

#include "ops/axes.h"
#include "ops/check.h"
#include "ops/op_list.h"

static hr_status reduce_infer(hr_layout *out, const hr_op_call *call) {
  const hr_reduce_attrs *attrs = call->attrs;
  int shape[HR_MAX_NDIM];
  int ndim = hr_axes_drop(shape, call->in[0], attrs->axes, attrs->keepdims);
  return hr_layout_set(out, shape, ndim, (hr_dtype)attrs->dtype);
}

static bool reduce_attrs_equal(const void *a, const void *b) {
  const hr_reduce_attrs *x = a, *y = b;
  return x->axes == y->axes && x->keepdims == y->keepdims && x->dtype == y->dtype && x->divides == y->divides &&
         x->divisor == y->divisor;
}

#define REDUCE_OP(op_name, number)                                                                      \
  {                                                                                                     \
    .name = op_name, .arity = 1, .outputs = 1, .attrs_size = sizeof(hr_reduce_attrs), .kernel = number, \
    .infer = reduce_infer, .run = {[HR_BACKEND_CPU] = hr_cpu_reduce}, .attrs_equal = reduce_attrs_equal \
  }

#define ARG_OP(op_name, number)                                                                         \
  {                                                                                                     \
    .name = op_name, .arity = 1, .outputs = 1, .attrs_size = sizeof(hr_reduce_attrs), .kernel = number, \
    .infer = reduce_infer, .run = {[HR_BACKEND_CPU] = hr_cpu_arg}, .attrs_equal = reduce_attrs_equal    \
  }

const hr_op hr_op_sum = REDUCE_OP("sum", HR_REDUCE_SUM);
const hr_op hr_op_prod = REDUCE_OP("prod", HR_REDUCE_PROD);
const hr_op hr_op_max = REDUCE_OP("max", HR_REDUCE_MAX);
const hr_op hr_op_min = REDUCE_OP("min", HR_REDUCE_MIN);
const hr_op hr_op_all = REDUCE_OP("all", HR_REDUCE_ALL);
const hr_op hr_op_any = REDUCE_OP("any", HR_REDUCE_ANY);
const hr_op hr_op_argmax = ARG_OP("argmax", HR_REDUCE_MAX);
const hr_op hr_op_argmin = ARG_OP("argmin", HR_REDUCE_MIN);
const hr_op hr_op_mean = REDUCE_OP("mean", HR_REDUCE_SUM);

static hr_dtype result_dtype(hr_reduce_kind kind, hr_dtype dtype) {
  if (kind >= HR_REDUCE_ALL) return HR_BOOL;
  if (kind >= HR_REDUCE_MAX || hr_dtype_is_inexact(dtype) || hr_dtype_bytes[dtype] == 8) return dtype;
  return hr_dtype_classes[dtype] == HR_CLASS_UNSIGNED ? HR_UINT32 : HR_INT32;
}

static hr_status check_not_empty(const hr_op *op, const hr_array *a, uint32_t mask) {
  char text[HR_ARRAY_TEXT];
  if (hr_axes_size(a, mask) > 0) return HR_OK;
  return hr_fail(HR_INVALID, "%s: no elements along the axes to reduce of %s", op->name, hr_array_format(text, a));
}

static hr_status reduce_mask(hr_array **out, const hr_op *op, hr_array *a, uint32_t mask, bool keepdims, hr_stream *s) {
  hr_reduce_kind kind = (hr_reduce_kind)op->kernel;
  bool adds = kind == HR_REDUCE_SUM || kind == HR_REDUCE_PROD;
  hr_dtype dtype = mask || !adds ? result_dtype(kind, hr_array_dtype(a)) : hr_array_dtype(a);
  hr_reduce_attrs attrs = {.axes = mask, .keepdims = keepdims, .dtype = (uint8_t)dtype};
  if (kind == HR_REDUCE_MAX || kind == HR_REDUCE_MIN) {
    hr_status status = check_not_empty(op, a, mask);
    if (status != HR_OK) return status;
  }
  if (!mask && dtype == hr_array_dtype(a)) {
    *out = hr_array_retain(a);
    return HR_OK;
  }
  return hr_apply(out, op, &a, 1, &attrs, s);
}

static hr_status reduce_axes(hr_array **out, const hr_op *op, hr_array *a, const int *axes, size_t axes_num,
                             bool keepdims, hr_stream *s) {
  uint32_t mask;
  *out = NULL;
  hr_status status = hr_op_axis_mask(&mask, op->name, axes, axes_num, a->ndim);
  return status == HR_OK ? reduce_mask(out, op, a, mask, keepdims, s) : status;
}

static hr_status reduce_all(hr_array **out, const hr_op *op, hr_array *a, bool keepdims, hr_stream *s) {
  *out = NULL;
  return reduce_mask(out, op, a, hr_axes_all(a->ndim), keepdims, s);
}

hr_status hr_sum(hr_array **out, hr_array *a, bool keepdims, hr_stream *s) {
  return reduce_all(out, &hr_op_sum, a, keepdims, s);
}
hr_status hr_sum_axis(hr_array **out, hr_array *a, int axis, bool keepdims, hr_stream *s) {
  return reduce_axes(out, &hr_op_sum, a, &axis, 1, keepdims, s);
}
hr_status hr_sum_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool keepdims, hr_stream *s) {
  return reduce_axes(out, &hr_op_sum, a, axes, axes_num, keepdims, s);
}

hr_status hr_prod(hr_array **out, hr_array *a, bool keepdims, hr_stream *s) {
  return reduce_all(out, &hr_op_prod, a, keepdims, s);
}
hr_status hr_prod_axis(hr_array **out, hr_array *a, int axis, bool keepdims, hr_stream *s) {
  return reduce_axes(out, &hr_op_prod, a, &axis, 1, keepdims, s);
}
hr_status hr_prod_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool keepdims, hr_stream *s) {
  return reduce_axes(out, &hr_op_prod, a, axes, axes_num, keepdims, s);
}

hr_status hr_max(hr_array **out, hr_array *a, bool keepdims, hr_stream *s) {
  return reduce_all(out, &hr_op_max, a, keepdims, s);
}
hr_status hr_max_axis(hr_array **out, hr_array *a, int axis, bool keepdims, hr_stream *s) {
  return reduce_axes(out, &hr_op_max, a, &axis, 1, keepdims, s);
}
hr_status hr_max_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool keepdims, hr_stream *s) {
  return reduce_axes(out, &hr_op_max, a, axes, axes_num, keepdims, s);
}

hr_status hr_min(hr_array **out, hr_array *a, bool keepdims, hr_stream *s) {
  return reduce_all(out, &hr_op_min, a, keepdims, s);
}
hr_status hr_min_axis(hr_array **out, hr_array *a, int axis, bool keepdims, hr_stream *s) {
  return reduce_axes(out, &hr_op_min, a, &axis, 1, keepdims, s);
}
hr_status hr_min_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool keepdims, hr_stream *s) {
  return reduce_axes(out, &hr_op_min, a, axes, axes_num, keepdims, s);
}

hr_status hr_all(hr_array **out, hr_array *a, bool keepdims, hr_stream *s) {
  return reduce_all(out, &hr_op_all, a, keepdims, s);
}
hr_status hr_all_axis(hr_array **out, hr_array *a, int axis, bool keepdims, hr_stream *s) {
  return reduce_axes(out, &hr_op_all, a, &axis, 1, keepdims, s);
}
hr_status hr_all_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool keepdims, hr_stream *s) {
  return reduce_axes(out, &hr_op_all, a, axes, axes_num, keepdims, s);
}

hr_status hr_any(hr_array **out, hr_array *a, bool keepdims, hr_stream *s) {
  return reduce_all(out, &hr_op_any, a, keepdims, s);
}
hr_status hr_any_axis(hr_array **out, hr_array *a, int axis, bool keepdims, hr_stream *s) {
  return reduce_axes(out, &hr_op_any, a, &axis, 1, keepdims, s);
}
hr_status hr_any_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool keepdims, hr_stream *s) {
  return reduce_axes(out, &hr_op_any, a, axes, axes_num, keepdims, s);
}

static hr_status arg_mask(hr_array **out, const hr_op *op, hr_array *a, uint32_t mask, bool keepdims, hr_stream *s) {
  hr_reduce_attrs attrs = {.axes = mask, .keepdims = keepdims, .dtype = HR_UINT32};
  hr_status status = check_not_empty(op, a, hr_axes_all(a->ndim));
  if (status == HR_OK && hr_axes_size(a, mask) > UINT32_MAX)
    status = hr_fail(HR_INVALID, "%s: more than 2^32 - 1 elements to choose from", op->name);
  return status == HR_OK ? hr_apply(out, op, &a, 1, &attrs, s) : status;
}

static hr_status arg_axis(hr_array **out, const hr_op *op, hr_array *a, int axis, bool keepdims, hr_stream *s) {
  *out = NULL;
  hr_status status = hr_op_axis(&axis, op->name, axis, a->ndim);
  return status == HR_OK ? arg_mask(out, op, a, (uint32_t)1 << axis, keepdims, s) : status;
}

static hr_status arg_all(hr_array **out, const hr_op *op, hr_array *a, bool keepdims, hr_stream *s) {
  *out = NULL;
  return arg_mask(out, op, a, hr_axes_all(a->ndim), keepdims, s);
}

hr_status hr_argmax(hr_array **out, hr_array *a, bool keepdims, hr_stream *s) {
  return arg_all(out, &hr_op_argmax, a, keepdims, s);
}
hr_status hr_argmax_axis(hr_array **out, hr_array *a, int axis, bool keepdims, hr_stream *s) {
  return arg_axis(out, &hr_op_argmax, a, axis, keepdims, s);
}
hr_status hr_argmin(hr_array **out, hr_array *a, bool keepdims, hr_stream *s) {
  return arg_all(out, &hr_op_argmin, a, keepdims, s);
}
hr_status hr_argmin_axis(hr_array **out, hr_array *a, int axis, bool keepdims, hr_stream *s) {
  return arg_axis(out, &hr_op_argmin, a, axis, keepdims, s);
}
