/* src/ops/scan.c - see scan.h. */
#include "ops/scan.h"

#include "ops/cast.h"
#include "ops/check.h"
#include "ops/op_list.h"

static hr_status scan_infer(hr_layout *out, const hr_op_call *call) {
  const hr_array *in = call->in[0];
  return hr_layout_set(out, hr_array_shape(in), in->ndim, hr_array_dtype(in));
}

static bool scan_attrs_equal(const void *a, const void *b) {
  const hr_scan_attrs *x = a, *y = b;
  return x->axis == y->axis && x->reverse == y->reverse && x->inclusive == y->inclusive;
}

#define SCAN_OP(op_name, number)                                                                      \
  {                                                                                                   \
    .name = op_name, .arity = 1, .outputs = 1, .attrs_size = sizeof(hr_scan_attrs), .kernel = number, \
    .infer = scan_infer, .run = {[HR_BACKEND_CPU] = hr_cpu_scan}, .attrs_equal = scan_attrs_equal     \
  }

const hr_op hr_op_cumsum = SCAN_OP("cumsum", HR_SCAN_SUM);
const hr_op hr_op_cumprod = SCAN_OP("cumprod", HR_SCAN_PROD);
const hr_op hr_op_cummax = SCAN_OP("cummax", HR_SCAN_MAX);
const hr_op hr_op_cummin = SCAN_OP("cummin", HR_SCAN_MIN);
const hr_op hr_op_logcumsumexp = SCAN_OP("logcumsumexp", HR_SCAN_LOGSUMEXP);

static hr_status scan(hr_array **out, const hr_op *op, hr_array *a, hr_dtype dtype, hr_scan_attrs attrs, hr_stream *s) {
  hr_array *x;
  *out = NULL;
  hr_status status = hr_op_axis(&attrs.axis, op->name, attrs.axis, a->ndim);
  if (status == HR_OK) status = hr_astype(&x, a, dtype, s);
  if (status != HR_OK) return status;
  status = hr_apply(out, op, &x, 1, &attrs, s);
  hr_array_release(x);
  return status;
}

hr_status hr_cumsum(hr_array **out, hr_array *a, int axis, bool reverse, bool inclusive, hr_stream *s) {
  hr_dtype dtype = hr_array_dtype(a) == HR_BOOL ? HR_INT32 : hr_array_dtype(a);
  return scan(out, &hr_op_cumsum, a, dtype, (hr_scan_attrs){axis, reverse, inclusive}, s);
}
hr_status hr_cumprod(hr_array **out, hr_array *a, int axis, bool reverse, bool inclusive, hr_stream *s) {
  return scan(out, &hr_op_cumprod, a, hr_array_dtype(a), (hr_scan_attrs){axis, reverse, inclusive}, s);
}
hr_status hr_cummax(hr_array **out, hr_array *a, int axis, bool reverse, bool inclusive, hr_stream *s) {
  return scan(out, &hr_op_cummax, a, hr_array_dtype(a), (hr_scan_attrs){axis, reverse, inclusive}, s);
}
hr_status hr_cummin(hr_array **out, hr_array *a, int axis, bool reverse, bool inclusive, hr_stream *s) {
  return scan(out, &hr_op_cummin, a, hr_array_dtype(a), (hr_scan_attrs){axis, reverse, inclusive}, s);
}
hr_status hr_logcumsumexp(hr_array **out, hr_array *a, int axis, bool reverse, bool inclusive, hr_stream *s) {
  hr_dtype dtype = hr_dtype_at_least_float(hr_array_dtype(a));
  return scan(out, &hr_op_logcumsumexp, a, dtype, (hr_scan_attrs){axis, reverse, inclusive}, s);
}
