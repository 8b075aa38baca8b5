/* src/ops/cast.c - see cast.h. */
#include "ops/cast.h"

#include <string.h>

#include "ops/op_list.h"
#include "ops/pointwise.h"

typedef struct dtype_attrs {
  uint8_t dtype;
} dtype_attrs;

static bool dtype_equal(const void *a, const void *b) {
  return ((const dtype_attrs *)a)->dtype == ((const dtype_attrs *)b)->dtype;
}

static hr_dtype target(const hr_op_call *call) { return (hr_dtype)((const dtype_attrs *)call->attrs)->dtype; }

static hr_status astype_infer(hr_layout *out, const hr_op_call *call) {
  return hr_pointwise_layout(out, target(call), call->in, 1);
}

const hr_op hr_op_astype = {
    .name = "astype",
    .arity = 1,
    .outputs = 1,
    .traits = HR_OP_ELEMENTWISE | HR_OP_LINEAR,
    .attrs_size = sizeof(dtype_attrs),
    .infer = astype_infer,
    .cost = hr_pointwise_cost,
    .run = {[HR_BACKEND_CPU] = hr_cpu_cast},
    .attrs_equal = dtype_equal,
};

static hr_status check_dtype(const char *op, hr_dtype dtype) {
  return hr_dtype_valid((int)dtype) ? HR_OK : hr_fail(HR_INVALID, "%s: %d is no dtype", op, (int)dtype);
}

hr_status hr_astype(hr_array **out, hr_array *a, hr_dtype dtype, hr_stream *s) {
  *out = NULL;
  hr_status status = check_dtype("astype", dtype);
  if (status != HR_OK) return status;
  if (hr_array_dtype(a) == dtype) return hr_same(out, a);
  return hr_apply(out, &hr_op_astype, &a, 1, &(dtype_attrs){(uint8_t)dtype}, s);
}

/* Of equal sizes any layout will do; else the input is row-major and its offset divisible (hr_view sees to it). */
static hr_status view_infer(hr_layout *out, const hr_op_call *call) {
  const hr_array *a = call->in[0];
  hr_dtype dtype = target(call);
  int64_t from = (int64_t)hr_array_itemsize(a), to = hr_dtype_bytes[dtype];
  if (from == to) return hr_layout_set_strided(out, hr_array_shape(a), hr_array_strides(a), a->offset, a->ndim, dtype);
  int shape[HR_MAX_NDIM];
  memcpy(shape, hr_array_shape(a), (size_t)a->ndim * sizeof *shape);
  int64_t last = shape[a->ndim - 1] * from / to;
  if (last > INT32_MAX) return hr_fail(HR_INVALID, "view: an axis of %lld elements is too long", (long long)last);
  shape[a->ndim - 1] = (int)last;
  hr_status status = hr_layout_set(out, shape, a->ndim, dtype);
  out->offset = a->offset * from / to;
  return status;
}

const hr_op hr_op_view = {
    .name = "view",
    .arity = 1,
    .outputs = 1,
    .traits = HR_OP_VIEW,
    .attrs_size = sizeof(dtype_attrs),
    .infer = view_infer,
    .attrs_equal = dtype_equal,
};

hr_status hr_view(hr_array **out, hr_array *a, hr_dtype dtype, hr_stream *s) {
  char text[HR_ARRAY_TEXT];
  hr_array *source = NULL;
  *out = NULL;
  hr_status status = HR_OK;
  HR_TRY(check_dtype("view", dtype));
  if (hr_array_dtype(a) == dtype) return hr_same(out, a);
  int64_t from = (int64_t)hr_array_itemsize(a), to = hr_dtype_bytes[dtype];
  if (from != to && a->ndim == 0)
    return hr_fail(HR_INVALID, "view: the scalar %s has no axis that could take the size of %s",
                   hr_array_format(text, a), hr_dtype_names[dtype]);
  if (from != to && hr_array_shape(a)[a->ndim - 1] * from % to)
    return hr_fail(HR_INVALID, "view: the last axis of %s is no multiple of %s's %lld bytes", hr_array_format(text, a),
                   hr_dtype_names[dtype], (long long)to);
  bool fits = from == to || (hr_array_is_row(a) && a->offset * from % to == 0);
  if (fits) {
    source = hr_array_retain(a);
  } else {
    HR_TRY(hr_copy(&source, a, s));
  }
  HR_TRY(hr_apply(out, &hr_op_view, &source, 1, &(dtype_attrs){(uint8_t)dtype}, s));
done:
  hr_array_release(source);
  return status;
}

static hr_status copy_infer(hr_layout *out, const hr_op_call *call) {
  const hr_array *a = call->in[0];
  return hr_layout_set(out, hr_array_shape(a), a->ndim, hr_array_dtype(a));
}

const hr_op hr_op_copy = {
    .name = "copy",
    .arity = 1,
    .outputs = 1,
    .traits = HR_OP_ELEMENTWISE | HR_OP_LINEAR,
    .infer = copy_infer,
    .cost = hr_pointwise_cost,
    .run = {[HR_BACKEND_CPU] = hr_cpu_copy},
};

hr_status hr_copy(hr_array **out, hr_array *a, hr_stream *s) { return hr_apply(out, &hr_op_copy, &a, 1, NULL, s); }

hr_status hr_contiguous(hr_array **out, hr_array *a, bool allow_col_major, hr_stream *s) {
  if (hr_array_is_row(a) || (allow_col_major && a->flags & HR_ARRAY_COL)) return hr_same(out, a);
  return hr_copy(out, a, s);
}

static hr_status same_infer(hr_layout *out, const hr_op_call *call) {
  const hr_array *a = call->in[0];
  return hr_layout_set_strided(out, hr_array_shape(a), hr_array_strides(a), a->offset, a->ndim, hr_array_dtype(a));
}

const hr_op hr_op_stop_gradient = {
    .name = "stop_gradient", .arity = 1, .outputs = 1, .traits = HR_OP_VIEW, .infer = same_infer};

hr_status hr_stop_gradient(hr_array **out, hr_array *a, hr_stream *s) {
  return hr_apply(out, &hr_op_stop_gradient, &a, 1, NULL, s);
}
