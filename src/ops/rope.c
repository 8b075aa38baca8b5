/* src/ops/rope.c - see rope.h. */
#include "ops/rope.h"

#include "ops/cast.h"
#include "ops/op_list.h"

static hr_status infer(hr_layout *out, const hr_op_call *call) {
  const hr_array *x = call->in[0];
  return hr_layout_set(out, hr_array_shape(x), x->ndim, hr_array_dtype(x));
}

/* Half a nanosecond an element of float32, and 50 ns a pair for the sines of a position. */
static uint64_t cost(const hr_op_call *call, hr_array *const *out) {
  const hr_rope_attrs *attrs = call->attrs;
  return 150 + hr_array_nbytes(out[0]) / 8 + (uint64_t)attrs->dims * 50;
}

static bool attrs_equal(const void *a, const void *b) {
  const hr_rope_attrs *x = a, *y = b;
  return x->dims == y->dims && x->offset == y->offset && x->base == y->base && x->scale == y->scale &&
         x->traditional == y->traditional && x->dynamic == y->dynamic && x->has_freqs == y->has_freqs;
}

const hr_op hr_op_rope = {
    .name = "rope",
    .arity = HR_VARIADIC,
    .outputs = 1,
    .attrs_size = sizeof(hr_rope_attrs),
    .infer = infer,
    .cost = cost,
    .run = {[HR_BACKEND_CPU] = hr_cpu_rope},
    .attrs_equal = attrs_equal,
};

static hr_status check_x(const hr_array *x, int dims) {
  char text[HR_ARRAY_TEXT];
  if (x->ndim < 3) return hr_fail(HR_INVALID, "rope: x must have at least 3 axes and is %s", hr_array_format(text, x));
  if (!hr_dtype_is_float(hr_array_dtype(x)))
    return hr_fail(HR_INVALID, "rope: x must be of a floating-point type and is %s", hr_array_format(text, x));
  int last = hr_array_shape(x)[x->ndim - 1];
  if (dims <= 0 || dims % 2 != 0 || dims > last)
    return hr_fail(HR_INVALID, "rope: dims must be even and from 2 to the length of x's last axis, %d, and is %d", last,
                   dims);
  return HR_OK;
}

static hr_status check_freqs(const hr_array *freqs, hr_optional_float base, int dims) {
  char text[HR_ARRAY_TEXT];
  if (base.has_value && freqs) return hr_fail(HR_INVALID, "rope: base and freqs are both given");
  if (!base.has_value && !freqs) return hr_fail(HR_INVALID, "rope: neither base nor freqs is given");
  if (freqs && (freqs->ndim != 1 || hr_array_shape(freqs)[0] != dims / 2 || hr_dtype_is_complex(hr_array_dtype(freqs))))
    return hr_fail(HR_INVALID, "rope: freqs must be a vector of dims / 2 = %d real numbers and is %s", dims / 2,
                   hr_array_format(text, freqs));
  return HR_OK;
}

static hr_status check_offset(const hr_array *offset, const hr_array *x) {
  char text[HR_ARRAY_TEXT];
  int batch = hr_array_shape(x)[0];
  if (!hr_dtype_is_integer(hr_array_dtype(offset)))
    return hr_fail(HR_INVALID, "rope: offset must be of an integer type and is %s", hr_array_format(text, offset));
  if (offset->ndim > 1 || (offset->ndim == 1 && offset->size != 1 && hr_array_shape(offset)[0] != batch))
    return hr_fail(HR_INVALID, "rope: offset must be a scalar or a vector of 1 or %d elements and is %s", batch,
                   hr_array_format(text, offset));
  return HR_OK;
}

static hr_status build(hr_array **out, hr_array *x, hr_rope_attrs attrs, hr_optional_float base, hr_array *offset,
                       hr_array *freqs, hr_stream *s) {
  hr_array *in[3] = {x, NULL, NULL};
  int count = 1;
  hr_status status;
  *out = NULL;
  attrs.dynamic = offset != NULL, attrs.has_freqs = freqs != NULL;
  attrs.base = base.has_value ? base.value : 0;
  HR_TRY(check_x(x, attrs.dims));
  HR_TRY(check_freqs(freqs, base, attrs.dims));
  if (offset) HR_TRY(check_offset(offset, x));
  if (offset) HR_TRY(hr_astype(&in[count++], offset, HR_INT64, s));
  if (freqs) HR_TRY(hr_astype(&in[count++], freqs, HR_FLOAT64, s));
  status = hr_apply(out, &hr_op_rope, in, count, &attrs, s);
done:
  hr_array_release(in[1]);
  hr_array_release(in[2]);
  return status;
}

hr_status hr_fast_rope(hr_array **out, hr_array *x, int dims, bool traditional, hr_optional_float base, float scale,
                       int offset, hr_array *freqs, hr_stream *s) {
  hr_rope_attrs attrs = {.dims = dims, .offset = offset, .scale = scale, .traditional = traditional};
  return build(out, x, attrs, base, NULL, freqs, s);
}
hr_status hr_fast_rope_dynamic(hr_array **out, hr_array *x, int dims, bool traditional, hr_optional_float base,
                               float scale, hr_array *offset, hr_array *freqs, hr_stream *s) {
  hr_rope_attrs attrs = {.dims = dims, .scale = scale, .traditional = traditional};
  return build(out, x, attrs, base, offset, freqs, s);
}
