/* src/ops/norm.c - see norm.h. */
#include "ops/norm.h"

#include "ops/cast.h"
#include "ops/op_list.h"

static hr_status infer(hr_layout *out, const hr_op_call *call) {
  const hr_array *x = call->in[0];
  return hr_layout_set(out, hr_array_shape(x), x->ndim, hr_array_dtype(x));
}

/* A quarter of a nanosecond an element of float32. */
static uint64_t cost(const hr_op_call *call, hr_array *const *out) {
  (void)call;
  return 150 + hr_array_nbytes(out[0]) / 16;
}

static bool attrs_equal(const void *a, const void *b) {
  const hr_norm_attrs *x = a, *y = b;
  return x->eps == y->eps && x->has_weight == y->has_weight && x->has_bias == y->has_bias;
}

const hr_op hr_op_layer_norm = {
    .name = "layer_norm",
    .arity = HR_VARIADIC,
    .outputs = 1,
    .attrs_size = sizeof(hr_norm_attrs),
    .kernel = HR_NORM_LAYER,
    .infer = infer,
    .cost = cost,
    .run = {[HR_BACKEND_CPU] = hr_cpu_norm},
    .attrs_equal = attrs_equal,
};

const hr_op hr_op_rms_norm = {
    .name = "rms_norm",
    .arity = HR_VARIADIC,
    .outputs = 1,
    .attrs_size = sizeof(hr_norm_attrs),
    .kernel = HR_NORM_RMS,
    .infer = infer,
    .cost = cost,
    .run = {[HR_BACKEND_CPU] = hr_cpu_norm},
    .attrs_equal = attrs_equal,
};

/* A factor or summand for each place of x's last axis. */
static hr_status check_vector(const char *op, const char *name, const hr_array *v, const hr_array *x) {
  char text[HR_ARRAY_TEXT];
  if (!v) return HR_OK;
  int length = hr_array_shape(x)[x->ndim - 1];
  if (v->ndim != 1 || hr_array_shape(v)[0] != length)
    return hr_fail(HR_INVALID, "%s: %s must be a vector of %d elements, as x's last axis has, and is %s", op, name,
                   length, hr_array_format(text, v));
  if (hr_dtype_is_complex(hr_array_dtype(v)))
    return hr_fail(HR_INVALID, "%s: %s is of type complex64, which is not supported", op, name);
  return HR_OK;
}

static hr_status check(hr_dtype *dtype, const hr_op *op, const hr_array *x, const hr_array *weight,
                       const hr_array *bias) {
  if (x->ndim == 0) return hr_fail(HR_INVALID, "%s: x must have at least 1 axis and is a scalar", op->name);
  hr_status status = check_vector(op->name, "weight", weight, x);
  if (status == HR_OK) status = check_vector(op->name, "bias", bias, x);
  if (status != HR_OK) return status;
  *dtype = hr_array_dtype(x);
  if (weight) *dtype = hr_dtype_promote(*dtype, hr_array_dtype(weight));
  if (weight && bias) *dtype = hr_dtype_promote(*dtype, hr_array_dtype(bias));
  if (!hr_dtype_is_float(*dtype))
    return hr_fail(HR_INVALID, "%s: a floating-point type is needed, not %s", op->name, hr_dtype_names[*dtype]);
  return HR_OK;
}

static hr_status build(hr_array **out, const hr_op *op, hr_array *x, hr_array *weight, hr_array *bias, float eps,
                       hr_stream *s) {
  hr_norm_attrs attrs = {.eps = eps, .has_weight = weight != NULL, .has_bias = bias != NULL};
  hr_array *in[3] = {NULL};
  int count = 0;
  hr_dtype dtype = HR_FLOAT32;
  *out = NULL;
  hr_status status = check(&dtype, op, x, weight, bias);
  if (status != HR_OK) return status;
  HR_TRY(hr_astype(&in[count++], x, dtype, s));
  if (weight) HR_TRY(hr_astype(&in[count++], weight, dtype, s));
  if (bias) HR_TRY(hr_astype(&in[count++], bias, dtype, s));
  status = hr_apply(out, op, in, count, &attrs, s);
done:
  for (int i = 0; i < 3; i++) hr_array_release(in[i]);
  return status;
}

hr_status hr_fast_layer_norm(hr_array **out, hr_array *x, hr_array *weight, hr_array *bias, float eps, hr_stream *s) {
  return build(out, &hr_op_layer_norm, x, weight, bias, eps, s);
}
hr_status hr_fast_rms_norm(hr_array **out, hr_array *x, hr_array *weight, float eps, hr_stream *s) {
  return build(out, &hr_op_rms_norm, x, weight, NULL, eps, s);
}
