/* src/ops/create.c - see create.h. */
#include "ops/create.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/cast.h"
#include "ops/check.h"
#include "ops/create_internal.h"
#include "ops/op_list.h"
#include "ops/pointwise.h"
#include "ops/pointwise_kernels.h"
#include "ops/select.h"
#include "ops/shape.h"

static hr_status check_dtype(const char *op, hr_dtype dtype) {
  return hr_dtype_valid((int)dtype) ? HR_OK : hr_fail(HR_INVALID, "%s: %d is no dtype", op, (int)dtype);
}

/* --- one value everywhere --- */

typedef struct shape_attrs {
  int ndim;
  int shape[HR_MAX_NDIM];
} shape_attrs;

static hr_status full_infer(hr_layout *out, const hr_op_call *call) {
  const shape_attrs *attrs = call->attrs;
  return hr_layout_set(out, attrs->shape, attrs->ndim, hr_array_dtype(call->in[0]));
}

static bool shape_equal(const void *a, const void *b) {
  const shape_attrs *x = a, *y = b;
  return x->ndim == y->ndim && !memcmp(x->shape, y->shape, (size_t)x->ndim * sizeof *x->shape);
}

const hr_op hr_op_full = {
    .name = "full",
    .arity = 1,
    .outputs = 1,
    .traits = HR_OP_LINEAR,
    .attrs_size = sizeof(shape_attrs),
    .infer = full_infer,
    .run = {[HR_BACKEND_CPU] = hr_cpu_copy},
    .attrs_equal = shape_equal,
};

static hr_status fill_shape(hr_array **out, const int *shape, size_t ndim, hr_array *value, hr_stream *s) {
  shape_attrs attrs = {.ndim = (int)ndim};
  int whole[HR_MAX_NDIM], whole_ndim;
  *out = NULL;
  hr_status status = hr_op_shape("full", shape, ndim);
  if (status != HR_OK) return status;
  if (ndim) memcpy(attrs.shape, shape, ndim * sizeof *shape);
  status = hr_shape_broadcast(whole, &whole_ndim, shape, (int)ndim, hr_array_shape(value), value->ndim);
  if (status != HR_OK) return hr_fail_prefix(status, "full: ");
  if (whole_ndim != (int)ndim || (ndim && memcmp(whole, shape, ndim * sizeof *shape))) {
    char text[HR_ARRAY_TEXT], shape_text[HR_SHAPE_TEXT];
    return hr_fail(HR_INVALID, "full: %s does not broadcast to %s", hr_array_format(text, value),
                   hr_shape_format(shape_text, shape, (int)ndim));
  }
  return hr_apply(out, &hr_op_full, &value, 1, &attrs, s);
}

hr_status hr_full(hr_array **out, const int *shape, size_t shape_num, hr_array *vals, hr_dtype dtype, hr_stream *s) {
  hr_array *value = NULL;
  *out = NULL;
  hr_status status = HR_OK;
  HR_TRY(check_dtype("full", dtype));
  HR_TRY(hr_astype(&value, vals, dtype, s));
  HR_TRY(fill_shape(out, shape, shape_num, value, s));
done:
  hr_array_release(value);
  return status;
}

hr_status hr_full_value(hr_array **out, const int *shape, int ndim, double value, hr_dtype dtype, hr_stream *s) {
  hr_array *scalar = NULL;
  *out = NULL;
  hr_status status = HR_OK;
  HR_TRY(check_dtype("full", dtype));
  HR_TRY(hr_array_new_scalar(&scalar, value, dtype));
  HR_TRY(fill_shape(out, shape, (size_t)ndim, scalar, s));
done:
  hr_array_release(scalar);
  return status;
}

hr_status hr_full_like(hr_array **out, hr_array *a, hr_array *vals, hr_dtype dtype, hr_stream *s) {
  return hr_full(out, hr_array_shape(a), a->ndim, vals, dtype, s);
}
hr_status hr_zeros(hr_array **out, const int *shape, size_t shape_num, hr_dtype dtype, hr_stream *s) {
  *out = NULL;
  hr_status status = hr_op_shape("zeros", shape, shape_num);
  return status == HR_OK ? hr_full_value(out, shape, (int)shape_num, 0, dtype, s) : status;
}
hr_status hr_ones(hr_array **out, const int *shape, size_t shape_num, hr_dtype dtype, hr_stream *s) {
  *out = NULL;
  hr_status status = hr_op_shape("ones", shape, shape_num);
  return status == HR_OK ? hr_full_value(out, shape, (int)shape_num, 1, dtype, s) : status;
}
hr_status hr_zeros_like(hr_array **out, hr_array *a, hr_stream *s) {
  return hr_full_value(out, hr_array_shape(a), a->ndim, 0, hr_array_dtype(a), s);
}
hr_status hr_ones_like(hr_array **out, hr_array *a, hr_stream *s) {
  return hr_full_value(out, hr_array_shape(a), a->ndim, 1, hr_array_dtype(a), s);
}

/* --- sequences --- */

static hr_status sequence_infer(hr_layout *out, const hr_op_call *call) {
  const hr_sequence_attrs *attrs = call->attrs;
  return hr_layout_set(out, (int[]){(int)attrs->count}, 1, (hr_dtype)attrs->dtype);
}

#define X(op_name, text, op_kernel)                                       \
  const hr_op hr_op_##op_name = {.name = text,                            \
                                 .arity = 0,                              \
                                 .outputs = 1,                            \
                                 .attrs_size = sizeof(hr_sequence_attrs), \
                                 .kernel = HR_SEQUENCE_##op_kernel,       \
                                 .infer = sequence_infer,                 \
                                 .run = {[HR_BACKEND_CPU] = hr_cpu_sequence}};
X(arange, "arange", REAL)
X(arange_integer, "arange", INTEGER)
X(linspace, "linspace", LINSPACE)
X(window, "window", COSINES)
X(bartlett, "bartlett", TRIANGLE)
#undef X

/* Values beyond int64 end at its ends: such a range has no meaning in any integer dtype. */
static int64_t to_int64(double x) { return x >= 0x1p63 ? INT64_MAX : x <= -0x1p63 ? INT64_MIN : (int64_t)x; }

static double rounded_to(double x, hr_dtype dtype) { return dtype == HR_FLOAT64 ? x : (double)(float)x; }

hr_status hr_arange(hr_array **out, double start, double stop, double step, hr_dtype dtype, hr_stream *s) {
  *out = NULL;
  hr_status status = check_dtype("arange", dtype);
  if (status != HR_OK) return status;
  if (dtype == HR_BOOL) return hr_fail(HR_INVALID, "arange: not defined for bool");
  if (!isfinite(start) || !isfinite(stop) || isnan(step) || step == 0)
    return hr_fail(HR_INVALID, "arange: no length follows from start %g, stop %g, step %g", start, stop, step);
  double count = ceil((stop - start) / step);
  if (!(count <= INT32_MAX)) return hr_fail(HR_INVALID, "arange: %g elements are too many for one axis", count);
  hr_sequence_attrs attrs = {.count = count > 0 ? (int64_t)count : 0, .dtype = (uint8_t)dtype};
  if (hr_dtype_is_integer(dtype)) {
    attrs.as.integer.start = to_int64(start);
    attrs.as.integer.step = (int64_t)((uint64_t)to_int64(start + step) - (uint64_t)attrs.as.integer.start);
    return hr_apply(out, &hr_op_arange_integer, NULL, 0, &attrs, s);
  }
  attrs.as.real.start = rounded_to(start, dtype);
  attrs.as.real.step = isinf(step) ? 0 : rounded_to(step, dtype); /* an infinite step has one value at most */
  return hr_apply(out, &hr_op_arange, NULL, 0, &attrs, s);
}

hr_status hr_linspace(hr_array **out, double start, double stop, int num, hr_dtype dtype, hr_stream *s) {
  *out = NULL;
  hr_status status = check_dtype("linspace", dtype);
  if (status != HR_OK) return status;
  if (num < 0) return hr_fail(HR_INVALID, "linspace: %d is no number of samples", num);
  hr_sequence_attrs attrs = {.count = num, .dtype = (uint8_t)dtype, .as.linspace = {start, stop}};
  return hr_apply(out, &hr_op_linspace, NULL, 0, &attrs, s);
}

static hr_status window(hr_array **out, int count, double a, double b, double c, hr_stream *s) {
  hr_sequence_attrs attrs = {.count = count > 0 ? count : 0, .dtype = HR_FLOAT32, .as.cosines = {a, b, c}};
  return hr_apply(out, &hr_op_window, NULL, 0, &attrs, s);
}
hr_status hr_hanning(hr_array **out, int M, hr_stream *s) { return window(out, M, 0.5, -0.5, 0, s); }
hr_status hr_hamming(hr_array **out, int M, hr_stream *s) { return window(out, M, 0.54, -0.46, 0, s); }
hr_status hr_blackman(hr_array **out, int M, hr_stream *s) { return window(out, M, 0.42, -0.5, 0.08, s); }
hr_status hr_bartlett(hr_array **out, int M, hr_stream *s) {
  hr_sequence_attrs attrs = {.count = M > 0 ? M : 0, .dtype = HR_FLOAT32};
  return hr_apply(out, &hr_op_bartlett, NULL, 0, &attrs, s);
}

/* --- diagonals and triangles --- */

static hr_status tri_infer(hr_layout *out, const hr_op_call *call) {
  const hr_tri_attrs *attrs = call->attrs;
  return hr_layout_set(out, (int[]){attrs->rows, attrs->columns}, 2, (hr_dtype)attrs->dtype);
}

const hr_op hr_op_tri = {
    .name = "tri",
    .arity = 0,
    .outputs = 1,
    .attrs_size = sizeof(hr_tri_attrs),
    .infer = tri_infer,
    .run = {[HR_BACKEND_CPU] = hr_cpu_tri},
};

static hr_status ones_where(hr_array **out, const char *op, hr_tri_attrs attrs, hr_dtype dtype, hr_stream *s) {
  *out = NULL;
  hr_status status = check_dtype(op, dtype);
  if (status != HR_OK) return status;
  if (attrs.rows < 0 || attrs.columns < 0)
    return hr_fail(HR_INVALID, "%s: %d rows and %d columns are no shape", op, attrs.rows, attrs.columns);
  attrs.dtype = (uint8_t)dtype;
  return hr_apply(out, &hr_op_tri, NULL, 0, &attrs, s);
}
hr_status hr_eye(hr_array **out, int n, int m, int k, hr_dtype dtype, hr_stream *s) {
  return ones_where(out, "eye", (hr_tri_attrs){.rows = n, .columns = m, .k = k, .diagonal_only = 1}, dtype, s);
}
hr_status hr_identity(hr_array **out, int n, hr_dtype dtype, hr_stream *s) { return hr_eye(out, n, n, 0, dtype, s); }
hr_status hr_tri(hr_array **out, int n, int m, int k, hr_dtype type, hr_stream *s) {
  return ones_where(out, "tri", (hr_tri_attrs){.rows = n, .columns = m, .k = k}, type, s);
}

/* x where the mask of the lower triangle is `keep`, else 0. */
static hr_status triangle_of(hr_array **out, const char *op, hr_array *x, int k, bool keep, hr_stream *s) {
  char text[HR_ARRAY_TEXT];
  hr_array *mask = NULL, *zero = NULL;
  const int *shape = hr_array_shape(x);
  *out = NULL;
  hr_status status = HR_OK;
  if (x->ndim < 2) return hr_fail(HR_INVALID, "%s: %s has fewer than 2 axes", op, hr_array_format(text, x));
  HR_TRY(hr_tri(&mask, shape[x->ndim - 2], shape[x->ndim - 1], k, HR_BOOL, s));
  HR_TRY(hr_array_new_scalar(&zero, 0, hr_array_dtype(x)));
  HR_TRY(hr_where(out, mask, keep ? x : zero, keep ? zero : x, s));
done:
  hr_array_release(mask);
  hr_array_release(zero);
  return status;
}
hr_status hr_tril(hr_array **out, hr_array *x, int k, hr_stream *s) { return triangle_of(out, "tril", x, k, true, s); }
hr_status hr_triu(hr_array **out, hr_array *x, int k, hr_stream *s) {
  return triangle_of(out, "triu", x, k == INT32_MIN ? k : k - 1, false, s);
}

static hr_status diag_infer(hr_layout *out, const hr_op_call *call) {
  int64_t side = call->in[0]->size + llabs((long long)*(const int *)call->attrs);
  if (side > INT32_MAX) return hr_fail(HR_INVALID, "diag: %lld rows are too many", (long long)side);
  return hr_layout_set(out, (int[]){(int)side, (int)side}, 2, hr_array_dtype(call->in[0]));
}

const hr_op hr_op_diag = {
    .name = "diag",
    .arity = 1,
    .outputs = 1,
    .traits = HR_OP_LINEAR,
    .attrs_size = sizeof(int),
    .infer = diag_infer,
    .run = {[HR_BACKEND_CPU] = hr_cpu_diag},
};

hr_status hr_diag(hr_array **out, hr_array *a, int k, hr_stream *s) {
  char text[HR_ARRAY_TEXT];
  *out = NULL;
  if (a->ndim == 2) return hr_diagonal(out, a, k, 0, 1, s);
  if (a->ndim != 1) return hr_fail(HR_INVALID, "diag: %s has neither 1 nor 2 axes", hr_array_format(text, a));
  return hr_apply(out, &hr_op_diag, &a, 1, &k, s);
}
