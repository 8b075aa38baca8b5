/* The elements of arrays on the host: evaluation, single values, addresses, text. */
#include <string.h>

#include "array/print.h"
#include "base/half.h"
#include "capi/handle.h"
#include "graph/eval.h"
#include "mlx/c/array.h"

int mlx_array_eval(mlx_array arr) {
  hr_array *a;
  hr_status status = hr_take_array(&a, arr, "arr");
  if (status == HR_OK) status = hr_eval(&a, 1);
  return hr_capi_result("mlx_array_eval", status);
}

int _mlx_array_wait(const mlx_array arr) {
  hr_array *a;
  hr_status status = hr_take_array(&a, arr, "arr");
  if (status == HR_OK) status = hr_array_wait(a, -1);
  return hr_capi_result("_mlx_array_wait", status);
}

int mlx_array_tostring(mlx_string *str, const mlx_array arr) {
  hr_array *a;
  char *text = NULL;
  hr_status status;
  HR_TRY(hr_need_pointer(str, "str"));
  HR_TRY(hr_take_array(&a, arr, "arr"));
  HR_TRY(hr_eval(&a, 1));
  HR_TRY(hr_array_print(&text, a));
  HR_TRY(hr_give_text(str, text));
done:
  return hr_capi_result("mlx_array_tostring", status);
}

/* --- single values --- */

/* Any element: `whole` for bool and integers (two's complement of 64 bits), else `real` and `imag`. */
typedef struct scalar {
  bool is_whole, is_unsigned;
  uint64_t whole;
  double real, imag;
} scalar;

static scalar scalar_whole(int64_t value) { return (scalar){.is_whole = true, .whole = (uint64_t)value}; }
static scalar scalar_float(double real, double imag) { return (scalar){.real = real, .imag = imag}; }

static scalar scalar_load(const void *at, hr_dtype dtype) {
  union {
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    float f32[2];
    double f64;
  } v = {.u64 = 0};
  memcpy(&v, at, hr_dtype_bytes[dtype]);
  switch (dtype) {
    case HR_BOOL: return scalar_whole(v.u8 != 0);
    case HR_UINT8: return scalar_whole(v.u8);
    case HR_UINT16: return scalar_whole(v.u16);
    case HR_UINT32: return scalar_whole(v.u32);
    case HR_UINT64: return (scalar){.is_whole = true, .is_unsigned = true, .whole = v.u64};
    case HR_INT8: return scalar_whole((int8_t)v.u8);
    case HR_INT16: return scalar_whole((int16_t)v.u16);
    case HR_INT32: return scalar_whole((int32_t)v.u32);
    case HR_INT64: return scalar_whole((int64_t)v.u64);
    case HR_FLOAT16: return scalar_float((double)hr_f16_to_f32(v.u16), 0);
    case HR_BFLOAT16: return scalar_float((double)hr_bf16_to_f32(v.u16), 0);
    case HR_FLOAT32: return scalar_float((double)v.f32[0], 0);
    case HR_FLOAT64: return scalar_float(v.f64, 0);
    case HR_COMPLEX64: return scalar_float((double)v.f32[0], (double)v.f32[1]);
    case HR_DTYPE_COUNT: break;
  }
  return scalar_whole(0);
}

/* Evaluates the array and loads its only element. */
static hr_status load(scalar *out, const void *res, mlx_array arr) {
  hr_array *a;
  const void *at;
  hr_status status;
  *out = scalar_whole(0);
  HR_TRY(hr_need_pointer(res, "res"));
  HR_TRY(hr_take_array(&a, arr, "arr"));
  if (a->size != 1) {
    char text[HR_ARRAY_TEXT];
    HR_TRY(
        hr_fail(HR_INVALID, "item: %s has %lld elements instead of one", hr_array_format(text, a), (long long)a->size));
  }
  HR_TRY(hr_array_read(&at, a));
  *out = scalar_load(at, hr_array_dtype(a));
done:
  return status;
}

/* Towards zero; what does not fit 64 bits, and NaN, gives the lowest int64, as casts of whole arrays do. */
static uint64_t to_whole(scalar s) {
  if (s.is_whole) return s.whole;
  if (s.real >= 0x1p63 && s.real < 0x1p64) return (uint64_t)s.real;
  return s.real >= -0x1p63 && s.real < 0x1p63 ? (uint64_t)(int64_t)s.real : (uint64_t)INT64_MIN;
}
static bool to_bool(scalar s) { return s.is_whole ? s.whole != 0 : s.real != 0 || s.imag != 0; }
static double to_double(scalar s) {
  if (!s.is_whole) return s.real;
  return s.is_unsigned ? (double)s.whole : (double)(int64_t)s.whole;
}
/* Not by way of double: integers would be rounded twice. */
static float to_float(scalar s) {
  if (!s.is_whole) return (float)s.real;
  return s.is_unsigned ? (float)s.whole : (float)(int64_t)s.whole;
}

int mlx_array_item_bool(bool *res, const mlx_array arr) {
  scalar s;
  hr_status status = load(&s, res, arr);
  if (status == HR_OK) *res = to_bool(s);
  return hr_capi_result("mlx_array_item_bool", status);
}

int mlx_array_item_uint8(uint8_t *res, const mlx_array arr) {
  scalar s;
  hr_status status = load(&s, res, arr);
  if (status == HR_OK) *res = (uint8_t)to_whole(s);
  return hr_capi_result("mlx_array_item_uint8", status);
}

int mlx_array_item_uint16(uint16_t *res, const mlx_array arr) {
  scalar s;
  hr_status status = load(&s, res, arr);
  if (status == HR_OK) *res = (uint16_t)to_whole(s);
  return hr_capi_result("mlx_array_item_uint16", status);
}

int mlx_array_item_uint32(uint32_t *res, const mlx_array arr) {
  scalar s;
  hr_status status = load(&s, res, arr);
  if (status == HR_OK) *res = (uint32_t)to_whole(s);
  return hr_capi_result("mlx_array_item_uint32", status);
}

int mlx_array_item_uint64(uint64_t *res, const mlx_array arr) {
  scalar s;
  hr_status status = load(&s, res, arr);
  if (status == HR_OK) *res = (uint64_t)to_whole(s);
  return hr_capi_result("mlx_array_item_uint64", status);
}

int mlx_array_item_int8(int8_t *res, const mlx_array arr) {
  scalar s;
  hr_status status = load(&s, res, arr);
  if (status == HR_OK) *res = (int8_t)to_whole(s);
  return hr_capi_result("mlx_array_item_int8", status);
}

int mlx_array_item_int16(int16_t *res, const mlx_array arr) {
  scalar s;
  hr_status status = load(&s, res, arr);
  if (status == HR_OK) *res = (int16_t)to_whole(s);
  return hr_capi_result("mlx_array_item_int16", status);
}

int mlx_array_item_int32(int32_t *res, const mlx_array arr) {
  scalar s;
  hr_status status = load(&s, res, arr);
  if (status == HR_OK) *res = (int32_t)to_whole(s);
  return hr_capi_result("mlx_array_item_int32", status);
}

int mlx_array_item_int64(int64_t *res, const mlx_array arr) {
  scalar s;
  hr_status status = load(&s, res, arr);
  if (status == HR_OK) *res = (int64_t)to_whole(s);
  return hr_capi_result("mlx_array_item_int64", status);
}

int mlx_array_item_float32(float *res, const mlx_array arr) {
  scalar s;
  hr_status status = load(&s, res, arr);
  if (status == HR_OK) *res = to_float(s);
  return hr_capi_result("mlx_array_item_float32", status);
}

int mlx_array_item_float64(double *res, const mlx_array arr) {
  scalar s;
  hr_status status = load(&s, res, arr);
  if (status == HR_OK) *res = to_double(s);
  return hr_capi_result("mlx_array_item_float64", status);
}

int mlx_array_item_complex64(mlx_complex64_t *res, const mlx_array arr) {
  scalar s;
  hr_status status = load(&s, res, arr);
  const float value[2] = {to_float(s), (float)s.imag};
  if (status == HR_OK) memcpy(res, value, sizeof value);
  return hr_capi_result("mlx_array_item_complex64", status);
}

/* The 16-bit types differ from compiler to compiler, their bits do not. */
int mlx_array_item_float16(float16_t *res, const mlx_array arr) {
  scalar s;
  hr_status status = load(&s, res, arr);
  const uint16_t bits = hr_f32_to_f16(to_float(s));
  if (status == HR_OK) memcpy(res, &bits, sizeof bits);
  return hr_capi_result("mlx_array_item_float16", status);
}

int mlx_array_item_bfloat16(bfloat16_t *res, const mlx_array arr) {
  scalar s;
  hr_status status = load(&s, res, arr);
  const uint16_t bits = hr_f32_to_bf16(to_float(s));
  if (status == HR_OK) memcpy(res, &bits, sizeof bits);
  return hr_capi_result("mlx_array_item_bfloat16", status);
}

/* --- addresses --- */

/* R29: waits for what is queued, never evaluates. The dtype is not checked: programs read the bytes of any array as
 * uint8, or the bits of 16-bit floats as uint16. */
static const void *data_of(const char *call, mlx_array arr) {
  hr_array *a;
  hr_status status;
  HR_TRY(hr_take_array(&a, arr, "arr"));
  HR_TRY(hr_array_wait(a, -1));
  return hr_array_data(a);
done:
  (void)hr_capi_failed(call, status);
  return NULL;
}

const bool *mlx_array_data_bool(const mlx_array arr) { return data_of("mlx_array_data_bool", arr); }
const uint8_t *mlx_array_data_uint8(const mlx_array arr) { return data_of("mlx_array_data_uint8", arr); }
const uint16_t *mlx_array_data_uint16(const mlx_array arr) { return data_of("mlx_array_data_uint16", arr); }
const uint32_t *mlx_array_data_uint32(const mlx_array arr) { return data_of("mlx_array_data_uint32", arr); }
const uint64_t *mlx_array_data_uint64(const mlx_array arr) { return data_of("mlx_array_data_uint64", arr); }
const int8_t *mlx_array_data_int8(const mlx_array arr) { return data_of("mlx_array_data_int8", arr); }
const int16_t *mlx_array_data_int16(const mlx_array arr) { return data_of("mlx_array_data_int16", arr); }
const int32_t *mlx_array_data_int32(const mlx_array arr) { return data_of("mlx_array_data_int32", arr); }
const int64_t *mlx_array_data_int64(const mlx_array arr) { return data_of("mlx_array_data_int64", arr); }
const float *mlx_array_data_float32(const mlx_array arr) { return data_of("mlx_array_data_float32", arr); }
const double *mlx_array_data_float64(const mlx_array arr) { return data_of("mlx_array_data_float64", arr); }
const mlx_complex64_t *mlx_array_data_complex64(const mlx_array arr) {
  return data_of("mlx_array_data_complex64", arr);
}
const float16_t *mlx_array_data_float16(const mlx_array arr) { return data_of("mlx_array_data_float16", arr); }
const bfloat16_t *mlx_array_data_bfloat16(const mlx_array arr) { return data_of("mlx_array_data_bfloat16", arr); }
