/* src/ops/fp8.c - see fp8.h. */
#include "ops/fp8.h"

#include "ops/op_list.h"
#include "ops/pointwise.h"

static hr_status to_infer(hr_layout *out, const hr_op_call *call) {
  return hr_pointwise_layout(out, HR_UINT8, call->in, 1);
}

static hr_status from_infer(hr_layout *out, const hr_op_call *call) {
  return hr_pointwise_layout(out, *(const hr_dtype *)call->attrs, call->in, 1);
}

const hr_op hr_op_to_fp8 = {
    .name = "to_fp8",
    .arity = 1,
    .outputs = 1,
    .traits = HR_OP_ELEMENTWISE,
    .infer = to_infer,
    .run = {[HR_BACKEND_CPU] = hr_cpu_to_fp8},
};

const hr_op hr_op_from_fp8 = {
    .name = "from_fp8",
    .arity = 1,
    .outputs = 1,
    .traits = HR_OP_ELEMENTWISE,
    .attrs_size = sizeof(hr_dtype),
    .infer = from_infer,
    .run = {[HR_BACKEND_CPU] = hr_cpu_from_fp8},
};

hr_status hr_to_fp8(hr_array **out, hr_array *x, hr_stream *s) {
  *out = NULL;
  if (!hr_dtype_is_float(hr_array_dtype(x)))
    return hr_fail(HR_INVALID, "to_fp8: %s is no float", hr_dtype_names[x->dtype]);
  return hr_apply(out, &hr_op_to_fp8, &x, 1, NULL, s);
}

hr_status hr_from_fp8(hr_array **out, hr_array *x, hr_dtype dtype, hr_stream *s) {
  *out = NULL;
  if (hr_array_dtype(x) != HR_UINT8)
    return hr_fail(HR_INVALID, "from_fp8: takes uint8, got %s", hr_dtype_names[x->dtype]);
  if (!hr_dtype_valid((int)dtype) || !hr_dtype_is_float(dtype))
    return hr_fail(HR_INVALID, "from_fp8: dtype %d is no float", (int)dtype);
  return hr_apply(out, &hr_op_from_fp8, &x, 1, &dtype, s);
}
