/* src/ops/quantize.c - see quantize.h. */
#include "ops/quantize.h"

#include <string.h>

#include "ops/cast.h"
#include "ops/check.h"
#include "ops/op_list.h"
#include "ops/quant_attrs.h"
#include "ops/shape.h"

/* --- arguments --- */

static const struct {
  const char *name;
  int group, bits;
} modes[] = {[HR_QUANT_AFFINE] = {"affine", 64, 4},
             [HR_QUANT_MXFP4] = {"mxfp4", 32, 4},
             [HR_QUANT_MXFP8] = {"mxfp8", 32, 8},
             [HR_QUANT_NVFP4] = {"nvfp4", 16, 4}};
enum { MODES = sizeof modes / sizeof modes[0] };

static hr_status resolve_affine(hr_quant *out, const char *op, int group, int bits) {
  if (group != 32 && group != 64 && group != 128)
    return hr_fail(HR_INVALID, "%s: group size %d: affine takes 32, 64 and 128", op, group);
  if (bits < 1 || bits > 8 || bits == 7)
    return hr_fail(HR_INVALID, "%s: %d bits: affine takes 1, 2, 3, 4, 5, 6 and 8", op, bits);
  *out = (hr_quant){HR_QUANT_AFFINE, (uint8_t)bits, (uint8_t)group};
  return HR_OK;
}

hr_status hr_quant_resolve(hr_quant *out, const char *op, hr_optional_int group_size, hr_optional_int bits,
                           const char *mode) {
  int m = 0;
  while (m < MODES && strcmp(mode, modes[m].name) != 0) m++;
  if (m == MODES)
    return hr_fail(HR_INVALID, "%s: unknown mode '%.40s' (affine, mxfp4, mxfp8 and nvfp4 are there)", op, mode);
  int group = group_size.has_value ? group_size.value : modes[m].group;
  int width = bits.has_value ? bits.value : modes[m].bits;
  if (m == HR_QUANT_AFFINE) return resolve_affine(out, op, group, width);
  if (group != modes[m].group)
    return hr_fail(HR_INVALID, "%s: group size %d: %s takes %d", op, group, mode, modes[m].group);
  if (width != modes[m].bits) return hr_fail(HR_INVALID, "%s: %d bits: %s takes %d", op, width, mode, modes[m].bits);
  *out = (hr_quant){(uint8_t)m, (uint8_t)width, (uint8_t)group};
  return HR_OK;
}

static hr_status check_dtypes(const char *op, const hr_quant *quant, const hr_array *w, const hr_array *scales,
                              const hr_array *biases) {
  const char *mode = modes[quant->mode].name;
  bool affine = quant->mode == HR_QUANT_AFFINE;
  if (hr_array_dtype(w) != HR_UINT32)
    return hr_fail(HR_INVALID, "%s: the packed matrix has dtype %s, not uint32", op, hr_dtype_names[w->dtype]);
  if (affine != (biases != NULL))
    return hr_fail(HR_INVALID, affine ? "%s: mode %s needs biases" : "%s: mode %s has no biases", op, mode);
  if (!affine && hr_array_dtype(scales) != HR_UINT8)
    return hr_fail(HR_INVALID, "%s: scales of dtype %s: mode %s has uint8", op, hr_dtype_names[scales->dtype], mode);
  for (int i = 0; affine && i < 2; i++) {
    const hr_array *a = i ? biases : scales;
    if (!hr_dtype_is_float(hr_array_dtype(a)))
      return hr_fail(HR_INVALID, "%s: %s of dtype %s: floats are needed", op, i ? "biases" : "scales",
                     hr_dtype_names[a->dtype]);
    if (hr_array_dtype(a) == HR_FLOAT64)
      return hr_fail(HR_UNSUPPORTED, "%s: %s of dtype float64 are not supported", op, i ? "biases" : "scales");
  }
  return HR_OK;
}

static bool same_shape(const hr_array *a, const hr_array *b, int axes) {
  return a->ndim == b->ndim && memcmp(hr_array_shape(a), hr_array_shape(b), (size_t)axes * sizeof(int)) == 0;
}

hr_status hr_quant_check(const char *op, const hr_quant *quant, const hr_array *w, const hr_array *scales,
                         const hr_array *biases) {
  char text_w[HR_ARRAY_TEXT], text_s[HR_ARRAY_TEXT];
  hr_status status = check_dtypes(op, quant, w, scales, biases);
  if (status != HR_OK) return status;
  if (w->ndim < 2)
    return hr_fail(HR_INVALID, "%s: the packed matrix %s needs two axes at least", op, hr_array_format(text_w, w));
  int last = w->ndim - 1;
  int64_t bits = (int64_t)hr_array_shape(w)[last] * 32;
  if (!same_shape(w, scales, last) || (int64_t)hr_array_shape(scales)[last] * quant->group * quant->bits != bits)
    return hr_fail(HR_INVALID, "%s: scales %s do not fit the packed matrix %s with groups of %d and %d bits", op,
                   hr_array_format(text_s, scales), hr_array_format(text_w, w), quant->group, quant->bits);
  if (biases && !same_shape(scales, biases, w->ndim))
    return hr_fail(HR_INVALID, "%s: biases %s and scales %s differ in shape", op, hr_array_format(text_w, biases),
                   hr_array_format(text_s, scales));
  return HR_OK;
}

hr_status hr_quant_check_global(const char *op, const hr_quant *quant, const hr_array *g) {
  char text[HR_ARRAY_TEXT];
  if (!g) return HR_OK;
  if (quant->mode != HR_QUANT_NVFP4)
    return hr_fail(HR_INVALID, "%s: mode %s has no global scale: only nvfp4 has", op, modes[quant->mode].name);
  if (hr_array_dtype(g) != HR_FLOAT32 || g->size != 1)
    return hr_fail(HR_INVALID, "%s: the global scale is %s, not a float32 scalar", op, hr_array_format(text, g));
  return HR_OK;
}

hr_status hr_quant_scales(hr_array **out_scales, hr_array **out_biases, hr_array *scales, hr_array *biases,
                          hr_stream *s) {
  hr_array *cast[2] = {NULL, NULL};
  hr_dtype dtype = hr_array_dtype(scales);
  hr_status status = HR_OK;
  *out_scales = *out_biases = NULL;
  if (biases) dtype = hr_dtype_promote(dtype, hr_array_dtype(biases));
  HR_TRY(hr_astype(&cast[0], scales, dtype, s));
  HR_TRY(hr_row_major(out_scales, cast[0], s));
  if (biases) {
    HR_TRY(hr_astype(&cast[1], biases, dtype, s));
    HR_TRY(hr_row_major(out_biases, cast[1], s));
  }
done:
  hr_array_release(cast[0]);
  hr_array_release(cast[1]);
  return status;
}

/* --- quantize --- */

/* The shape of `in` with a last axis of `length`. */
static hr_status layout_of(hr_layout *out, const hr_array *in, int64_t length, hr_dtype dtype) {
  int shape[HR_MAX_NDIM];
  if (length > INT32_MAX) return hr_fail(HR_UNSUPPORTED, "rows of more than %d elements", INT32_MAX);
  memcpy(shape, hr_array_shape(in), in->ndim * sizeof *shape);
  shape[in->ndim - 1] = (int)length;
  return hr_layout_set(out, shape, in->ndim, dtype);
}

static hr_status quantize_infer(hr_layout *out, const hr_op_call *call) {
  const hr_quant *quant = &((const hr_quantize_attrs *)call->attrs)->quant;
  const hr_array *w = call->in[0];
  bool affine = quant->mode == HR_QUANT_AFFINE;
  int64_t length = hr_array_shape(w)[w->ndim - 1];
  hr_dtype dtype = affine ? hr_array_dtype(w) : HR_UINT8;
  hr_status status = HR_OK;
  HR_TRY(layout_of(&out[0], w, length * quant->bits / 32, HR_UINT32));
  HR_TRY(layout_of(&out[1], w, length / quant->group, dtype));
  if (affine) HR_TRY(layout_of(&out[2], w, length / quant->group, dtype));
done:
  return status;
}

const hr_op hr_op_quantize = {.name = "quantize",
                              .arity = HR_VARIADIC,
                              .attrs_size = sizeof(hr_quantize_attrs),
                              .infer = quantize_infer,
                              .run = {[HR_BACKEND_CPU] = hr_cpu_quantize}};

static hr_status check_matrix(const hr_quant *quant, const hr_array *w) {
  char text[HR_ARRAY_TEXT];
  hr_dtype dtype = hr_array_dtype(w);
  if (!hr_dtype_is_float(dtype) || dtype == HR_FLOAT64)
    return hr_fail(HR_INVALID, "quantize: %s: float32, float16 or bfloat16 is needed", hr_array_format(text, w));
  if (w->ndim < 2) return hr_fail(HR_INVALID, "quantize: %s: two axes at least are needed", hr_array_format(text, w));
  if (hr_array_shape(w)[w->ndim - 1] % quant->group)
    return hr_fail(HR_INVALID, "quantize: the last axis of %s is no multiple of the group size %d",
                   hr_array_format(text, w), quant->group);
  return HR_OK;
}

hr_status hr_quantize(hr_array_list *out, hr_array *w, hr_optional_int group_size, hr_optional_int bits,
                      const char *mode, hr_array *global_scale, hr_stream *s) {
  hr_quantize_attrs attrs = {{0}};
  hr_array *in[2] = {NULL, global_scale};
  hr_status status = HR_OK;
  *out = (hr_array_list){0};
  HR_TRY(hr_op_given("quantize", w));
  HR_TRY(hr_quant_resolve(&attrs.quant, "quantize", group_size, bits, mode));
  HR_TRY(hr_quant_check_global("quantize", &attrs.quant, global_scale));
  HR_TRY(check_matrix(&attrs.quant, w));
  HR_TRY(hr_row_major(&in[0], w, s));
  HR_TRY(hr_list_new(out, "quantize", attrs.quant.mode == HR_QUANT_AFFINE ? 3 : 2));
  HR_TRY(hr_apply_many(out->items, (int)out->count, &hr_op_quantize, in, global_scale ? 2 : 1, &attrs, s));
done:
  hr_array_release(in[0]);
  if (status != HR_OK) hr_list_clear(out);
  return status;
}

/* --- dequantize --- */

static hr_status dequantize_infer(hr_layout *out, const hr_op_call *call) {
  const hr_dequantize_attrs *attrs = call->attrs;
  return layout_of(out, call->in[0], hr_quant_length(&attrs->quant, call->in[0]), (hr_dtype)attrs->dtype);
}

const hr_op hr_op_dequantize = {.name = "dequantize",
                                .arity = HR_VARIADIC,
                                .outputs = 1,
                                .attrs_size = sizeof(hr_dequantize_attrs),
                                .infer = dequantize_infer,
                                .run = {[HR_BACKEND_CPU] = hr_cpu_dequantize}};

/* The dtype to compute in; *result is the one asked for. */
static hr_status dequantize_dtype(hr_dtype *compute, hr_dtype *result, const hr_quant *quant, const hr_array *scales,
                                  const hr_array *biases, bool global, hr_optional_dtype asked) {
  if (asked.has_value && (!hr_dtype_valid((int)asked.value) || !hr_dtype_is_float(asked.value)))
    return hr_fail(HR_INVALID, "dequantize: the result is a float, not %s",
                   hr_dtype_valid((int)asked.value) ? hr_dtype_names[asked.value] : "of an unknown dtype");
  if (quant->mode == HR_QUANT_AFFINE)
    *compute = hr_dtype_promote(hr_array_dtype(scales), hr_array_dtype(biases));
  else if (global || (asked.has_value && asked.value == HR_FLOAT64))
    *compute = HR_FLOAT32;
  else
    *compute = asked.has_value ? asked.value : HR_BFLOAT16;
  *result = asked.has_value ? asked.value : *compute;
  return HR_OK;
}

hr_status hr_dequantize(hr_array **out, hr_array *w, hr_array *scales, hr_array *biases, hr_optional_int group_size,
                        hr_optional_int bits, const char *mode, hr_array *global_scale, hr_optional_dtype dtype,
                        hr_stream *s) {
  hr_dequantize_attrs attrs = {{0}, 0};
  hr_array *in[3] = {NULL, NULL, NULL}, *made = NULL;
  hr_dtype compute = HR_FLOAT32, result = HR_FLOAT32;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("dequantize", w));
  HR_TRY(hr_op_given("dequantize", scales));
  HR_TRY(hr_quant_resolve(&attrs.quant, "dequantize", group_size, bits, mode));
  HR_TRY(hr_quant_check_global("dequantize", &attrs.quant, global_scale));
  HR_TRY(hr_quant_check("dequantize", &attrs.quant, w, scales, biases));
  HR_TRY(dequantize_dtype(&compute, &result, &attrs.quant, scales, biases, global_scale != NULL, dtype));
  attrs.dtype = (uint8_t)compute;
  HR_TRY(hr_row_major(&in[0], w, s));
  HR_TRY(hr_quant_scales(&in[1], &in[2], scales, biases, s));
  if (global_scale) in[2] = hr_array_retain(global_scale);
  HR_TRY(hr_apply(&made, &hr_op_dequantize, in, in[2] ? 3 : 2, &attrs, s));
  status = hr_astype(out, made, result, s);
done:
  for (int i = 0; i < 3; i++) hr_array_release(in[i]);
  hr_array_release(made);
  return status;
}
