/* src/ops/fft.c - see fft.h. */
#include "ops/fft.h"

#include <math.h>
#include <string.h>

#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/chain.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/join.h"
#include "ops/op_list.h"

static hr_status fft_infer(hr_layout *out, const hr_op_call *call) {
  const hr_fft_attrs *attrs = call->attrs;
  const hr_array *in = call->in[0];
  int shape[HR_MAX_NDIM];
  memcpy(shape, hr_array_shape(in), (size_t)in->ndim * sizeof *shape);
  shape[attrs->axis] = attrs->form == HR_FFT_REAL ? attrs->n / 2 + 1 : attrs->n;
  return hr_layout_set(out, shape, in->ndim, attrs->form == HR_FFT_HALF ? HR_FLOAT32 : HR_COMPLEX64);
}

/* 0.7 ns a value and doubling of the length. */
static uint64_t fft_cost(const hr_op_call *call, hr_array *const *out) {
  const hr_fft_attrs *attrs = call->attrs;
  (void)call;
  return 500 + (uint64_t)((double)out[0]->size * 0.7 * log2(2.0 * attrs->n));
}

static bool attrs_equal(const void *a, const void *b) {
  const hr_fft_attrs *x = a, *y = b;
  return x->axis == y->axis && x->n == y->n && x->form == y->form && x->sign == y->sign && x->factor == y->factor;
}

const hr_op hr_op_fft = {
    .name = "fft",
    .arity = 1,
    .outputs = 1,
    .attrs_size = sizeof(hr_fft_attrs),
    .traits = HR_OP_LINEAR,
    .infer = fft_infer,
    .cost = fft_cost,
    .run = {[HR_BACKEND_CPU] = hr_cpu_fft},
    .attrs_equal = attrs_equal,
};

/* --- several axes --- */

typedef struct transform {
  const char *name;
  hr_fft_form form;
  int sign;
} transform;

static const transform fft = {"fft", HR_FFT_COMPLEX, -1}, ifft = {"ifft", HR_FFT_COMPLEX, 1},
                       rfft = {"rfft", HR_FFT_REAL, -1}, irfft = {"irfft", HR_FFT_HALF, 1},
                       fftn = {"fftn", HR_FFT_COMPLEX, -1}, ifftn = {"ifftn", HR_FFT_COMPLEX, 1},
                       rfftn = {"rfftn", HR_FFT_REAL, -1}, irfftn = {"irfftn", HR_FFT_HALF, 1},
                       fft2 = {"fft2", HR_FFT_COMPLEX, -1}, ifft2 = {"ifft2", HR_FFT_COMPLEX, 1},
                       rfft2 = {"rfft2", HR_FFT_REAL, -1}, irfft2 = {"irfft2", HR_FFT_HALF, 1};

static double factor_of(const transform *t, const int *n, size_t count, hr_fft_norm norm) {
  double size = 1;
  for (size_t i = 0; i < count; i++) size *= n[i];
  if (norm == HR_FFT_ORTHO) return 1 / sqrt(size);
  return (norm == HR_FFT_FORWARD) == (t->sign < 0) ? 1 / size : 1;
}

/* Lengths, and axes made non-negative. */
static hr_status check_axes(int *out, const transform *t, const hr_array *a, const int *n, size_t n_num,
                            const int *axes, size_t axes_num) {
  uint32_t mask;
  if (axes_num && n_num != axes_num)
    return hr_fail(HR_INVALID, "%s: %zu lengths for %zu axes", t->name, n_num, axes_num);
  if (n_num > (size_t)a->ndim)
    return hr_fail(HR_INVALID, "%s: %zu lengths for an array of %d axes", t->name, n_num, a->ndim);
  for (size_t i = 0; i < n_num; i++) {
    if (n[i] < 1) return hr_fail(HR_INVALID, "%s: a transform of length %d", t->name, n[i]);
    out[i] = axes_num ? axes[i] : (int)i - (int)n_num;
  }
  hr_status status = hr_op_axis_mask(&mask, t->name, out, n_num, a->ndim);
  for (size_t i = 0; i < n_num; i++) out[i] += out[i] < 0 ? a->ndim : 0;
  return status;
}

/* Takes over *x, which becomes its transform. */
static hr_status apply_axis(hr_array **x, const transform *t, hr_fft_attrs attrs, hr_stream *s) {
  hr_array *cast, *out;
  hr_dtype dtype = hr_array_dtype(*x);
  hr_dtype wanted = attrs.form == HR_FFT_HALF || (hr_dtype_is_complex(dtype) && attrs.form == HR_FFT_COMPLEX)
                        ? HR_COMPLEX64
                        : HR_FLOAT32;
  hr_status status = hr_astype(&cast, *x, wanted, s);
  if (status == HR_OK) {
    status = hr_apply(&out, &hr_op_fft, &cast, 1, &attrs, s);
    hr_array_release(cast);
  }
  if (status != HR_OK) return hr_fail_prefix(status, "%s: ", t->name);
  hr_array_release(*x);
  *x = out;
  return HR_OK;
}

/* The halved axis, the list's last one, goes first where it gets shorter and last where it grows. */
static hr_status apply_axes(hr_array **out, const transform *t, hr_array *a, const int *n, size_t n_num,
                            const int *axes, size_t axes_num, hr_fft_norm norm, hr_stream *s) {
  int places[HR_MAX_NDIM] = {0};
  *out = NULL;
  hr_status status = check_axes(places, t, a, n, n_num, axes, axes_num);
  if (status != HR_OK) return status;
  hr_array *x = hr_array_retain(a);
  for (size_t k = 0; k < n_num && status == HR_OK; k++) {
    size_t i = t->form == HR_FFT_HALF ? k : n_num - 1 - k;
    hr_fft_attrs attrs = {places[i], n[i], i + 1 == n_num ? t->form : HR_FFT_COMPLEX, t->sign, 1};
    if (k + 1 == n_num) attrs.factor = factor_of(t, n, n_num, norm);
    status = apply_axis(&x, t, attrs, s);
  }
  if (status == HR_OK)
    *out = x;
  else
    hr_array_release(x);
  return status;
}

static hr_status apply_one(hr_array **out, const transform *t, hr_array *a, int n, int axis, hr_fft_norm norm,
                           hr_stream *s) {
  return apply_axes(out, t, a, &n, 1, &axis, 1, norm, s);
}

hr_status hr_fft_fft(hr_array **out, hr_array *a, int n, int axis, hr_fft_norm norm, hr_stream *s) {
  return apply_one(out, &fft, a, n, axis, norm, s);
}
hr_status hr_fft_ifft(hr_array **out, hr_array *a, int n, int axis, hr_fft_norm norm, hr_stream *s) {
  return apply_one(out, &ifft, a, n, axis, norm, s);
}
hr_status hr_fft_rfft(hr_array **out, hr_array *a, int n, int axis, hr_fft_norm norm, hr_stream *s) {
  return apply_one(out, &rfft, a, n, axis, norm, s);
}
hr_status hr_fft_irfft(hr_array **out, hr_array *a, int n, int axis, hr_fft_norm norm, hr_stream *s) {
  return apply_one(out, &irfft, a, n, axis, norm, s);
}

#define SEVERAL(name)                                                                                                \
  hr_status hr_fft_##name(hr_array **out, hr_array *a, const int *n, size_t n_num, const int *axes, size_t axes_num, \
                          hr_fft_norm norm, hr_stream *s) {                                                          \
    return apply_axes(out, &name, a, n, n_num, axes, axes_num, norm, s);                                             \
  }
SEVERAL(fftn)
SEVERAL(ifftn)
SEVERAL(rfftn)
SEVERAL(irfftn)
SEVERAL(fft2)
SEVERAL(ifft2)
SEVERAL(rfft2)
SEVERAL(irfft2)

/* --- frequencies --- */

static hr_status check_frequencies(const char *op, int n, double d) {
  if (n < 1) return hr_fail(HR_INVALID, "%s: n is %d, not positive", op, n);
  return d == 0 ? hr_fail(HR_INVALID, "%s: d, the distance between samples, is 0", op) : HR_OK;
}

/* first, first + 1, ..., before `end`, by n d: in float64, rounded once. */
static hr_array *frequencies(hr_chain *c, int64_t first, int64_t end, int n, double d) {
  hr_array *count = NULL;
  hr_status status = hr_arange(&count, (double)first, (double)end, 1, HR_FLOAT64, c->stream);
  count = hr_chain_keep(c, status, count);
  hr_array *divided = hr_chain_binary(c, hr_divide, count, hr_chain_scalar(c, n * d, HR_FLOAT64));
  return hr_chain_cast(c, divided, HR_FLOAT32);
}

hr_status hr_fft_fftfreq(hr_array **out, int n, double d, hr_stream *s) {
  *out = NULL;
  hr_status status = check_frequencies("fftfreq", n, d);
  if (status != HR_OK) return status;
  hr_chain c = hr_chain_begin(s);
  hr_array *ordered = frequencies(&c, -(n / 2), n - n / 2, n, d), *rolled = NULL;
  if (ordered) {
    status = hr_roll_axis(&rolled, ordered, (int[]){-(n / 2)}, 1, 0, s);
    rolled = hr_chain_keep(&c, status, rolled);
  }
  return hr_chain_end(&c, out, rolled);
}

hr_status hr_fft_rfftfreq(hr_array **out, int n, double d, hr_stream *s) {
  *out = NULL;
  hr_status status = check_frequencies("rfftfreq", n, d);
  if (status != HR_OK) return status;
  hr_chain c = hr_chain_begin(s);
  hr_array *ordered = frequencies(&c, 0, n / 2 + 1, n, d);
  return hr_chain_end(&c, out, ordered);
}

/* An axis may be named twice: it is rolled twice. */
static hr_status shift(hr_array **out, const char *op, hr_array *a, const int *axes, size_t axes_num, int sign,
                       hr_stream *s) {
  hr_array *x = hr_array_retain(a);
  hr_status status = HR_OK;
  *out = NULL;
  for (size_t i = 0; i < axes_num; i++) {
    hr_array *rolled;
    int axis;
    HR_TRY(hr_op_axis(&axis, op, axes[i], a->ndim));
    int by = hr_array_shape(a)[axis] / 2 * sign;
    HR_TRY(hr_roll_axis(&rolled, x, &by, 1, axis, s));
    hr_array_release(x);
    x = rolled;
  }
  *out = hr_array_retain(x);
done:
  hr_array_release(x);
  return status;
}

hr_status hr_fft_fftshift(hr_array **out, hr_array *a, const int *axes, size_t axes_num, hr_stream *s) {
  return shift(out, "fftshift", a, axes, axes_num, 1, s);
}
hr_status hr_fft_ifftshift(hr_array **out, hr_array *a, const int *axes, size_t axes_num, hr_stream *s) {
  return shift(out, "ifftshift", a, axes, axes_num, -1, s);
}
