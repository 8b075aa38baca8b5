/* src/ops/softmax.c - see softmax.h. */
#include "ops/softmax.h"

#include <string.h>

#include "ops/axes.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/check.h"
#include "ops/op_list.h"
#include "ops/reduce.h"
#include "ops/unary.h"

static hr_status softmax_infer(hr_layout *out, const hr_op_call *call) {
  const hr_array *in = call->in[0];
  return hr_layout_set(out, hr_array_shape(in), in->ndim, hr_array_dtype(in));
}

static hr_status logsumexp_infer(hr_layout *out, const hr_op_call *call) {
  const hr_softmax_attrs *attrs = call->attrs;
  int shape[HR_MAX_NDIM];
  int ndim = hr_axes_drop(shape, call->in[0], attrs->axes, attrs->keepdims);
  return hr_layout_set(out, shape, ndim, hr_array_dtype(call->in[0]));
}

static bool attrs_equal(const void *a, const void *b) {
  const hr_softmax_attrs *x = a, *y = b;
  return x->axes == y->axes && x->keepdims == y->keepdims;
}

/* A third of a nanosecond an element of float32. */
static uint64_t softmax_cost(const hr_op_call *call, hr_array *const *out) {
  (void)call;
  return 100 + hr_array_nbytes(out[0]) / 12;
}

const hr_op hr_op_softmax = {
    .name = "softmax",
    .arity = 1,
    .outputs = 1,
    .attrs_size = sizeof(hr_softmax_attrs),
    .infer = softmax_infer,
    .cost = softmax_cost,
    .run = {[HR_BACKEND_CPU] = hr_cpu_softmax},
    .attrs_equal = attrs_equal,
};

const hr_op hr_op_logsumexp = {
    .name = "logsumexp",
    .arity = 1,
    .outputs = 1,
    .attrs_size = sizeof(hr_softmax_attrs),
    .infer = logsumexp_infer,
    .run = {[HR_BACKEND_CPU] = hr_cpu_logsumexp},
    .attrs_equal = attrs_equal,
};

/* The axes of a mask as a list; returns how many. */
static size_t list_axes(int *axes, uint32_t mask) {
  size_t count = 0;
  for (int axis = 0; axis < HR_MAX_NDIM; axis++)
    if (mask >> axis & 1) axes[count++] = axis;
  return count;
}

/* Complex numbers: e = e^(a - greatest), and its sum. */
static hr_status complex_parts(hr_array **greatest, hr_array **e, hr_array **sum, hr_array *a, uint32_t mask,
                               hr_stream *s) {
  hr_status status;
  int axes[HR_MAX_NDIM];
  size_t count = list_axes(axes, mask);
  hr_array *shifted = NULL;
  HR_TRY(hr_max_axes(greatest, a, axes, count, true, s));
  HR_TRY(hr_subtract(&shifted, a, *greatest, s));
  HR_TRY(hr_exp(e, shifted, s));
  HR_TRY(hr_sum_axes(sum, *e, axes, count, true, s));
done:
  hr_array_release(shifted);
  return status;
}

static hr_status complex_softmax(hr_array **out, hr_array *a, uint32_t mask, hr_stream *s) {
  hr_array *greatest = NULL, *e = NULL, *sum = NULL;
  hr_status status = complex_parts(&greatest, &e, &sum, a, mask, s);
  if (status == HR_OK) status = hr_divide(out, e, sum, s);
  hr_array_release(greatest);
  hr_array_release(e);
  hr_array_release(sum);
  return status;
}

static hr_status softmax_mask(hr_array **out, hr_array *a, uint32_t mask, hr_stream *s) {
  hr_softmax_attrs attrs = {.axes = mask};
  hr_array *x;
  hr_status status = hr_astype(&x, a, hr_dtype_at_least_float(hr_array_dtype(a)), s);
  if (status != HR_OK) return status;
  if (hr_dtype_is_complex(hr_array_dtype(x)) && x->size > 0)
    status = complex_softmax(out, x, mask, s);
  else
    status = hr_apply(out, &hr_op_softmax, &x, 1, &attrs, s);
  hr_array_release(x);
  return status;
}

hr_status hr_softmax_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool precise, hr_stream *s) {
  uint32_t mask;
  (void)precise;
  *out = NULL;
  hr_status status = hr_op_axis_mask(&mask, "softmax", axes, axes_num, a->ndim);
  return status == HR_OK ? softmax_mask(out, a, mask, s) : status;
}
hr_status hr_softmax_axis(hr_array **out, hr_array *a, int axis, bool precise, hr_stream *s) {
  return hr_softmax_axes(out, a, &axis, 1, precise, s);
}
hr_status hr_softmax(hr_array **out, hr_array *a, bool precise, hr_stream *s) {
  (void)precise;
  *out = NULL;
  return softmax_mask(out, a, hr_axes_all(a->ndim), s);
}

/* log(sum) + greatest, with the reduced axes dropped by a sum over axes of length 1 where they are not kept. */
static hr_status complex_logsumexp(hr_array **out, hr_array *a, uint32_t mask, bool keepdims, hr_stream *s) {
  hr_array *greatest = NULL, *e = NULL, *sum = NULL, *logarithm = NULL, *total = NULL;
  int axes[HR_MAX_NDIM];
  size_t count = list_axes(axes, mask);
  hr_status status;
  HR_TRY(complex_parts(&greatest, &e, &sum, a, mask, s));
  HR_TRY(hr_log(&logarithm, sum, s));
  HR_TRY(hr_add(&total, logarithm, greatest, s));
  if (keepdims)
    *out = hr_array_retain(total);
  else
    status = hr_sum_axes(out, total, axes, count, false, s);
done:
  hr_array_release(greatest);
  hr_array_release(e);
  hr_array_release(sum);
  hr_array_release(logarithm);
  hr_array_release(total);
  return status;
}

static hr_status logsumexp_mask(hr_array **out, hr_array *a, uint32_t mask, bool keepdims, hr_stream *s) {
  hr_softmax_attrs attrs = {.axes = mask, .keepdims = keepdims};
  char text[HR_ARRAY_TEXT];
  if (a->size == 0) return hr_fail(HR_INVALID, "logsumexp: %s has no elements", hr_array_format(text, a));
  hr_array *x;
  hr_status status = hr_astype(&x, a, hr_dtype_at_least_float(hr_array_dtype(a)), s);
  if (status != HR_OK) return status;
  if (hr_dtype_is_complex(hr_array_dtype(x)))
    status = complex_logsumexp(out, x, mask, keepdims, s);
  else
    status = hr_apply(out, &hr_op_logsumexp, &x, 1, &attrs, s);
  hr_array_release(x);
  return status;
}

hr_status hr_logsumexp_axes(hr_array **out, hr_array *a, const int *axes, size_t axes_num, bool keepdims,
                            hr_stream *s) {
  uint32_t mask;
  *out = NULL;
  hr_status status = hr_op_axis_mask(&mask, "logsumexp", axes, axes_num, a->ndim);
  return status == HR_OK ? logsumexp_mask(out, a, mask, keepdims, s) : status;
}
hr_status hr_logsumexp_axis(hr_array **out, hr_array *a, int axis, bool keepdims, hr_stream *s) {
  return hr_logsumexp_axes(out, a, &axis, 1, keepdims, s);
}
hr_status hr_logsumexp(hr_array **out, hr_array *a, bool keepdims, hr_stream *s) {
  *out = NULL;
  return logsumexp_mask(out, a, hr_axes_all(a->ndim), keepdims, s);
}
