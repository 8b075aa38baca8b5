/* src/ops/select.c - see select.h. */
#include "ops/select.h"

#include <float.h>
#include <string.h>

#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/op_list.h"
#include "ops/pointwise.h"
#include "ops/pointwise_kernels.h"
#include "ops/reduce.h"
#include "ops/unary.h"

static hr_status select_infer(hr_layout *out, const hr_op_call *call) {
  hr_status status = hr_pointwise_layout(out, hr_array_dtype(call->in[1]), call->in, 3);
  return status == HR_OK ? HR_OK : hr_fail_prefix(status, "where: ");
}

const hr_op hr_op_select = {
    .name = "where",
    .arity = 3,
    .outputs = 1,
    .traits = HR_OP_ELEMENTWISE,
    .infer = select_infer,
    .cost = hr_pointwise_cost,
    .run = {[HR_BACKEND_CPU] = hr_cpu_select},
};

hr_status hr_where(hr_array **out, hr_array *condition, hr_array *x, hr_array *y, hr_stream *s) {
  hr_dtype dtype = hr_dtype_promote(hr_array_dtype(x), hr_array_dtype(y));
  hr_array *in[3] = {NULL, NULL, NULL};
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_astype(&in[0], condition, HR_BOOL, s));
  HR_TRY(hr_astype(&in[1], x, dtype, s));
  HR_TRY(hr_astype(&in[2], y, dtype, s));
  HR_TRY(hr_apply(out, &hr_op_select, in, 3, NULL, s));
done:
  for (int i = 0; i < 3; i++) hr_array_release(in[i]);
  return status;
}

static hr_status clip_infer(hr_layout *out, const hr_op_call *call) {
  return hr_pointwise_layout(out, hr_array_dtype(call->in[0]), call->in, 3);
}

/* Bounds without axes: one pass. */
const hr_op hr_op_clip = {
    .name = "clip",
    .arity = 3,
    .outputs = 1,
    .traits = HR_OP_ELEMENTWISE,
    .kernel = HR_BINARY_CLIP,
    .infer = clip_infer,
    .cost = hr_pointwise_cost,
    .run = {[HR_BACKEND_CPU] = hr_cpu_binary},
};

static hr_status clip_at_once(hr_array **out, hr_array *a, hr_array *a_min, hr_array *a_max, hr_dtype dtype,
                              hr_stream *s) {
  hr_array *in[3] = {NULL, NULL, NULL};
  hr_status status = HR_OK;
  HR_TRY(hr_astype(&in[0], a, dtype, s));
  HR_TRY(hr_astype(&in[1], a_min, dtype, s));
  HR_TRY(hr_astype(&in[2], a_max, dtype, s));
  HR_TRY(hr_apply(out, &hr_op_clip, in, 3, NULL, s));
done:
  for (int i = 0; i < 3; i++) hr_array_release(in[i]);
  return status;
}

hr_status hr_clip(hr_array **out, hr_array *a, hr_array *a_min, hr_array *a_max, hr_stream *s) {
  *out = NULL;
  if (!a_min && !a_max) return hr_fail(HR_INVALID, "clip: at least one of a_min and a_max must be given");
  if (a_min && a_max && a_min->ndim == 0 && a_max->ndim == 0) {
    hr_dtype dtype = hr_dtype_promote(hr_array_dtype(a), hr_array_dtype(a_min));
    dtype = hr_dtype_promote(dtype, hr_array_dtype(a_max));
    if (dtype != HR_COMPLEX64) return clip_at_once(out, a, a_min, a_max, dtype, s);
  }
  hr_array *x = hr_array_retain(a);
  hr_status status = HR_OK;
  if (a_min) HR_TRY(hr_then2(&x, hr_maximum, a_min, s));
  if (a_max) HR_TRY(hr_then2(&x, hr_minimum, a_max, s));
  *out = hr_array_retain(x);
done:
  hr_array_release(x);
  return status;
}

static double largest(hr_dtype dtype) {
  return dtype == HR_FLOAT16 ? 65504 : dtype == HR_FLOAT64 ? DBL_MAX : dtype == HR_BFLOAT16 ? 0x1.fep127 : FLT_MAX;
}

/* *x with `value` where test(a) holds. */
static hr_status put_where(hr_array **x, hr_array *a, hr_builder1 test, double value, hr_stream *s) {
  hr_array *mask = NULL, *scalar = NULL, *next = NULL;
  hr_status status = HR_OK;
  HR_TRY(test(&mask, a, s));
  HR_TRY(hr_array_new_scalar(&scalar, value, hr_array_dtype(a)));
  HR_TRY(hr_where(&next, mask, scalar, *x, s));
  hr_array_release(*x);
  *x = next;
done:
  hr_array_release(mask);
  hr_array_release(scalar);
  return status;
}

hr_status hr_nan_to_num(hr_array **out, hr_array *a, float nan, hr_optional_float posinf, hr_optional_float neginf,
                        hr_stream *s) {
  hr_dtype dtype = hr_array_dtype(a);
  *out = NULL;
  if (dtype == HR_COMPLEX64) return hr_fail(HR_INVALID, "nan_to_num: not defined for complex64");
  if (!hr_dtype_is_float(dtype)) return hr_same(out, a);
  hr_array *x = hr_array_retain(a);
  hr_status status = HR_OK;
  HR_TRY(put_where(&x, a, hr_isnan, nan, s));
  HR_TRY(put_where(&x, a, hr_isposinf, posinf.has_value ? posinf.value : largest(dtype), s));
  HR_TRY(put_where(&x, a, hr_isneginf, neginf.has_value ? neginf.value : -largest(dtype), s));
  *out = hr_array_retain(x);
done:
  hr_array_release(x);
  return status;
}

/* Bool: |x - y| <= atol + rtol |y|, and y finite (else an infinite y would be close to everything). */
static hr_status within(hr_array **out, hr_array *x, hr_array *y, double rtol, double atol, hr_stream *s) {
  hr_array *tolerance = NULL, *gap = NULL, *finite = NULL, *near = NULL;
  hr_status status = HR_OK;
  HR_TRY(hr_abs(&tolerance, y, s));
  HR_TRY(hr_then_scalar(&tolerance, hr_multiply, rtol, s));
  HR_TRY(hr_then_scalar(&tolerance, hr_add, atol, s));
  HR_TRY(hr_subtract(&gap, x, y, s));
  HR_TRY(hr_then(&gap, hr_abs, s));
  HR_TRY(hr_less_equal(&near, gap, tolerance, s));
  HR_TRY(hr_isfinite(&finite, y, s));
  HR_TRY(hr_logical_and(out, near, finite, s));
done:
  hr_array_release(tolerance);
  hr_array_release(gap);
  hr_array_release(finite);
  hr_array_release(near);
  return status;
}

static hr_status equal_or_nan(hr_array **out, hr_array *x, hr_array *y, hr_stream *s) {
  return hr_apply(out, &hr_op_equal_nan, (hr_array *const[]){x, y}, 2, NULL, s);
}

hr_status hr_isclose(hr_array **out, hr_array *a, hr_array *b, double rtol, double atol, bool equal_nan, hr_stream *s) {
  hr_dtype dtype = hr_dtype_at_least_float(hr_dtype_promote(hr_array_dtype(a), hr_array_dtype(b)));
  hr_array *x = NULL, *y = NULL, *near = NULL, *equal = NULL;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_astype(&x, a, dtype, s));
  HR_TRY(hr_astype(&y, b, dtype, s));
  HR_TRY(within(&near, x, y, rtol, atol, s));
  HR_TRY(equal_nan ? equal_or_nan(&equal, x, y, s) : hr_equal(&equal, x, y, s));
  HR_TRY(hr_logical_or(out, near, equal, s));
done:
  hr_array_release(x);
  hr_array_release(y);
  hr_array_release(near);
  hr_array_release(equal);
  return status;
}

hr_status hr_allclose(hr_array **out, hr_array *a, hr_array *b, double rtol, double atol, bool equal_nan,
                      hr_stream *s) {
  hr_array *near = NULL;
  *out = NULL;
  hr_status status = hr_isclose(&near, a, b, rtol, atol, equal_nan, s);
  if (status == HR_OK) status = hr_all(out, near, false, s);
  hr_array_release(near);
  return status;
}

hr_status hr_array_equal(hr_array **out, hr_array *a, hr_array *b, bool equal_nan, hr_stream *s) {
  hr_array *x = NULL, *y = NULL, *equal = NULL;
  *out = NULL;
  if (a->ndim != b->ndim || memcmp(hr_array_shape(a), hr_array_shape(b), (size_t)a->ndim * sizeof(int)))
    return hr_array_new_scalar(out, 0, HR_BOOL);
  hr_dtype dtype = hr_dtype_promote(hr_array_dtype(a), hr_array_dtype(b));
  hr_status status = HR_OK;
  HR_TRY(hr_astype(&x, a, dtype, s));
  HR_TRY(hr_astype(&y, b, dtype, s));
  HR_TRY(equal_nan ? equal_or_nan(&equal, x, y, s) : hr_equal(&equal, x, y, s));
  HR_TRY(hr_all(out, equal, false, s));
done:
  hr_array_release(x);
  hr_array_release(y);
  hr_array_release(equal);
  return status;
}
