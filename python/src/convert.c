/* From Python objects to arrays: scalars, buffers, and the protocols that other libraries' arrays speak. */
#include <limits.h>
#include <string.h>

#include "core.h"

/* --- halves: the nearest, ties to even --- */

static uint16_t to_bfloat16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if (value != value) return 0x7FC0;
  return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

static uint16_t to_float16(float value) {
  uint32_t bits, sign;
  memcpy(&bits, &value, sizeof bits);
  sign = bits >> 16 & 0x8000;
  bits &= 0x7FFFFFFF;
  if (bits > 0x7F800000) return (uint16_t)(sign | 0x7E00);  /* NaN */
  if (bits >= 0x477FF000) return (uint16_t)(sign | 0x7C00); /* 65520 and more round to infinity */
  if (bits < 0x38800000) { /* below 2^-14: a multiple of 2^-24, which the addition of a half rounds to */
    float magnitude;
    memcpy(&magnitude, &bits, sizeof magnitude);
    magnitude += 0.5f;
    memcpy(&bits, &magnitude, sizeof bits);
    return (uint16_t)(sign | (bits - 0x3F000000));
  }
  return (uint16_t)(sign | ((bits - 0x38000000 + 0xFFF + (bits >> 13 & 1)) >> 13));
}

/* --- scalars --- */

/* Any Python number, in whichever form it is exact. */
typedef struct number {
  bool is_whole;
  long long whole;
  double real, imag;
} number;

static bool read_number(number *out, PyObject *scalar) {
  int overflow = 0;
  *out = (number){0};
  if (PyFloat_Check(scalar)) {
    out->real = PyFloat_AS_DOUBLE(scalar);
  } else if (PyComplex_Check(scalar)) {
    Py_complex value = PyComplex_AsCComplex(scalar);
    out->real = value.real;
    out->imag = value.imag;
  } else {
    out->is_whole = true;
    out->whole = PyLong_AsLongLongAndOverflow(scalar, &overflow);
    out->real = (double)out->whole;
  }
  if (!overflow) return true;
  PyErr_Format(PyExc_ValueError, "the integer %R does not fit 64 bits", scalar);
  return false;
}

/* A cast as C makes it; what does not fit a 64-bit integer gives the lowest one. */
static long long to_whole(const number *n) {
  if (n->is_whole) return n->whole;
  return n->real >= -0x1p63 && n->real < 0x1p63 ? (long long)n->real : LLONG_MIN;
}

static bool store_unsigned_long(char *at, PyObject *scalar) {
  unsigned long long value = PyLong_AsUnsignedLongLong(scalar);
  if (value == ULLONG_MAX && PyErr_Occurred()) return false;
  memcpy(at, &value, sizeof value);
  return true;
}

bool hr_store_scalar(char *at, mlx_dtype dtype, PyObject *scalar) {
  number n;
  if (dtype == MLX_UINT64 && PyLong_Check(scalar)) {
    if (store_unsigned_long(at, scalar)) return true;
    PyErr_Clear(); /* negative: as below */
  }
  if (!read_number(&n, scalar)) return false;
  long long whole = hr_is_integer(dtype) ? to_whole(&n) : 0;
  float single = (float)n.real;
  switch (dtype) {
    case MLX_BOOL: *at = n.is_whole ? n.whole != 0 : n.real != 0 || n.imag != 0; break;
    case MLX_FLOAT16: memcpy(at, &(uint16_t){to_float16(single)}, 2); break;
    case MLX_BFLOAT16: memcpy(at, &(uint16_t){to_bfloat16(single)}, 2); break;
    case MLX_FLOAT32: memcpy(at, &single, 4); break;
    case MLX_FLOAT64: memcpy(at, &n.real, 8); break;
    case MLX_COMPLEX64: memcpy(at, &(float[2]){single, (float)n.imag}, 8); break;
    default: memcpy(at, &whole, mlx_dtype_size(dtype)); break; /* the low bytes come first */
  }
  return true;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "integers are cut by copying their low bytes");

bool hr_from_scalar(PyObject *scalar, mlx_dtype dtype, mlx_array *out) {
  char element[8];
  if (!hr_store_scalar(element, dtype, scalar)) return false;
  *out = mlx_array_new_data(element, NULL, 0, dtype);
  if (out->ctx) return true;
  PyErr_SetString(PyExc_RuntimeError, hr_last_error());
  return false;
}

/* An int beside integers of up to 32 bits has to fit them; beside those of 64 bits it wraps. */
static bool check_range(PyObject *scalar, mlx_dtype dtype) {
  int overflow = 0;
  long long value = PyLong_AsLongLongAndOverflow(scalar, &overflow);
  int width = 8 * (int)mlx_dtype_size(dtype);
  if (width == 64) return true;
  long long low = dtype <= MLX_UINT64 ? 0 : -(1LL << (width - 1)), high = low + (1LL << width);
  if (!overflow && value >= low && value < high) return true;
  PyErr_Format(PyExc_ValueError, "Converting %R to %s would result in overflow.", scalar, hr_dtype_text(dtype));
  return false;
}

static bool is_small(PyObject *scalar) {
  int overflow = 0;
  long value = PyLong_AsLongAndOverflow(scalar, &overflow);
  return !overflow && value >= INT_MIN && value <= INT_MAX;
}

/* The dtype of a scalar by itself. */
static mlx_dtype own_dtype(PyObject *scalar) {
  if (PyBool_Check(scalar)) return MLX_BOOL;
  if (PyLong_Check(scalar)) return is_small(scalar) ? MLX_INT32 : MLX_INT64;
  return PyFloat_Check(scalar) ? MLX_FLOAT32 : MLX_COMPLEX64;
}

/* The dtype of a scalar beside `other`, checked for its range. */
static bool weak_dtype(PyObject *scalar, int other, mlx_dtype *out) {
  mlx_dtype dtype = own_dtype(scalar);
  if (other != HR_NO_DTYPE) {
    bool inexact = hr_is_floating((mlx_dtype)other) || other == MLX_COMPLEX64;
    if (dtype == MLX_FLOAT32 && inexact) dtype = (mlx_dtype)other;
    if ((dtype == MLX_INT32 || dtype == MLX_INT64) && other != MLX_BOOL) {
      dtype = (mlx_dtype)other;
      if (hr_is_integer(dtype) && !check_range(scalar, dtype)) return false;
    }
  }
  *out = dtype;
  return true;
}

bool hr_from_weak_scalar(PyObject *scalar, int other, mlx_array *out) {
  mlx_dtype dtype;
  return weak_dtype(scalar, other, &dtype) && hr_from_scalar(scalar, dtype, out);
}

#ifdef Py_GIL_DISABLED
bool hr_weak_scalar(hr_call *call, PyObject *scalar, mlx_dtype other, mlx_array *out) {
  return hr_from_weak_scalar(scalar, (int)other, out) && hr_call_keep(call, *out);
}
void hr_scalars_clear(hr_state *st) { (void)st; }
#else
/* A call borrows what is in the table. Only hr_get_pair() does so, as the last thing before the operation, which takes
 * a reference of its own: nothing replaces the scalar in between. */
bool hr_weak_scalar(hr_call *call, PyObject *scalar, mlx_dtype other, mlx_array *out) {
  uint64_t bits = 0;
  mlx_dtype dtype;
  if (!weak_dtype(scalar, (int)other, &dtype) || !hr_store_scalar((char *)&bits, dtype, scalar)) return false;
  uint64_t hash = (bits ^ (uint64_t)dtype << 59) * UINT64_C(0x9E3779B97F4A7C15);
  size_t place = (size_t)(hash >> 32) % HR_CACHED_SCALARS;
  bool known = call->st->scalars[place].value.ctx && call->st->scalars[place].bits == bits &&
               call->st->scalars[place].dtype == dtype;
  if (!known) {
    mlx_array value = mlx_array_new_data(&bits, NULL, 0, dtype);
    if (!value.ctx) return hr_raise(call->st);
    if (call->st->scalars[place].value.ctx) mlx_array_free(call->st->scalars[place].value);
    call->st->scalars[place].value = value;
    call->st->scalars[place].bits = bits;
    call->st->scalars[place].dtype = dtype;
  }
  *out = call->st->scalars[place].value;
  return true;
}

void hr_scalars_clear(hr_state *st) {
  for (int i = 0; i < HR_CACHED_SCALARS; i++) {
    if (st->scalars[i].value.ctx) mlx_array_free(st->scalars[i].value);
    st->scalars[i].value.ctx = NULL;
  }
}
#endif

/* --- buffers --- */

/* The dtype of a buffer's format, HR_NO_DTYPE if there is none. */
static int dtype_of_format(const Py_buffer *view) {
  const char *format = view->format ? view->format : "B";
  if (*format == '@' || *format == '=' || *format == '<') format++;
  bool is_complex = *format == 'Z';
  if (is_complex) format++;
  char kind = *format;
  if (!kind || format[1]) return HR_NO_DTYPE;
  static const int signeds[] = {[1] = MLX_INT8, [2] = MLX_INT16, [4] = MLX_INT32, [8] = MLX_INT64};
  static const int unsigneds[] = {[1] = MLX_UINT8, [2] = MLX_UINT16, [4] = MLX_UINT32, [8] = MLX_UINT64};
  if (is_complex) return kind == 'f' ? MLX_COMPLEX64 : HR_NO_DTYPE;
  if (kind == '?') return MLX_BOOL;
  if (kind == 'e') return MLX_FLOAT16;
  if (kind == 'f') return MLX_FLOAT32;
  if (kind == 'd') return MLX_FLOAT64;
  bool fits = view->itemsize == 1 || view->itemsize == 2 || view->itemsize == 4 || view->itemsize == 8;
  if (fits && strchr("bhilqn", kind)) return signeds[view->itemsize];
  return fits && strchr("BHILQNc", kind) ? unsigneds[view->itemsize] : HR_NO_DTYPE;
}

/* Complex numbers of doubles become ones of floats. */
static bool from_doubles(const double *data, const int *shape, const Py_buffer *view, mlx_array *out) {
  size_t count = (size_t)(view->len / (Py_ssize_t)sizeof *data);
  float *narrow = PyMem_Malloc(count * sizeof *narrow + 1);
  if (!narrow) return PyErr_NoMemory(), false;
  for (size_t i = 0; i < count; i++) narrow[i] = (float)data[i];
  *out = mlx_array_new_data(narrow, shape, view->ndim, MLX_COMPLEX64);
  PyMem_Free(narrow);
  return true;
}

static bool is_complex128(const Py_buffer *view) {
  return view->format && strcmp(view->format + strspn(view->format, "@=<"), "Zd") == 0;
}

static bool from_memory(hr_state *st, const char *data, const Py_buffer *view, mlx_array *out) {
  int shape[HR_MAX_AXES];
  for (int i = 0; i < view->ndim; i++) {
    shape[i] = (int)view->shape[i];
    if (shape[i] == view->shape[i]) continue;
    PyErr_Format(PyExc_ValueError, "array(): an axis of length %zd does not fit 32 bits", view->shape[i]);
    return false;
  }
  if (is_complex128(view)) {
    if (!from_doubles((const double *)(const void *)data, shape, view, out)) return false;
  } else {
    *out = mlx_array_new_data(data, shape, view->ndim, (mlx_dtype)dtype_of_format(view));
  }
  return out->ctx || hr_raise(st);
}

static bool from_view(hr_state *st, const Py_buffer *view, mlx_array *out) {
  if (dtype_of_format(view) == HR_NO_DTYPE && !is_complex128(view)) {
    PyErr_Format(PyExc_ValueError, "array(): elements of the format '%s' are not supported", view->format);
    return false;
  }
  if (view->ndim > HR_MAX_AXES) {
    PyErr_Format(PyExc_ValueError, "array(): %d axes, but %d are possible", view->ndim, HR_MAX_AXES);
    return false;
  }
  if (PyBuffer_IsContiguous(view, 'C')) return from_memory(st, view->buf, view, out);
  char *copy = PyMem_Malloc((size_t)view->len + 1);
  if (!copy) return PyErr_NoMemory(), false;
  Py_buffer *source = (Py_buffer *)view; /* const in CPython 3.11 and later */
  bool good = PyBuffer_ToContiguous(copy, source, view->len, 'C') == 0 && from_memory(st, copy, view, out);
  PyMem_Free(copy);
  return good;
}

/* Doubles become floats unless float64 was asked for. */
static bool from_buffer(hr_state *st, PyObject *object, int dtype, mlx_array *out) {
  Py_buffer view;
  if (PyObject_GetBuffer(object, &view, PyBUF_FULL_RO) < 0) return false;
  bool good = from_view(st, &view, out);
  PyBuffer_Release(&view);
  if (!good) return false;
  if (dtype == HR_NO_DTYPE) dtype = mlx_array_dtype(*out) == MLX_FLOAT64 ? MLX_FLOAT32 : mlx_array_dtype(*out);
  return hr_cast(out, (mlx_dtype)dtype) || hr_raise(st);
}

/* --- everything --- */

bool hr_cast(mlx_array *value, mlx_dtype dtype) {
  if (mlx_array_dtype(*value) == dtype) return true;
  if (mlx_astype(value, *value, dtype, (mlx_stream){0}) == 0) return true;
  mlx_array_free(*value);
  return false;
}

/* obj.__mlx_array__() or obj.__mlx__array__(): an array. */
static int from_method(hr_state *st, PyObject *object, const char *name, int dtype, mlx_array *out) {
  PyObject *method = PyObject_GetAttrString(object, name);
  if (!method) return PyErr_Clear(), 0;
  PyObject *array = PyObject_CallNoArgs(method);
  Py_DECREF(method);
  if (!array) return -1;
  bool good = hr_is_array(array) && hr_from_value(st, array, dtype, out);
  if (!good && !PyErr_Occurred()) PyErr_Format(PyExc_TypeError, "%s() did not answer an array", name);
  Py_DECREF(array);
  return good ? 1 : -1;
}

static bool refuse(PyObject *object) {
  if (object == Py_None)
    PyErr_SetString(PyExc_TypeError, "array(): None is no array");
  else
    PyErr_Format(PyExc_ValueError, "Invalid type %.200s received in array initialization.", Py_TYPE(object)->tp_name);
  return false;
}

static bool from_protocols(hr_state *st, PyObject *object, int dtype, mlx_array *out) {
  int found = from_method(st, object, "__mlx_array__", dtype, out);
  if (!found) found = from_method(st, object, "__mlx__array__", dtype, out);
  if (found) return found > 0;
  if (PyObject_HasAttrString(object, "__dlpack__"))
    return hr_from_dlpack(st, object, 1, out) &&
           (dtype == HR_NO_DTYPE || hr_cast(out, (mlx_dtype)dtype) || hr_raise(st));
  PyObject *method = PyObject_GetAttrString(object, "__array__");
  if (!method) return PyErr_Clear(), refuse(object);
  PyObject *array = PyObject_CallNoArgs(method);
  Py_DECREF(method);
  if (!array) return false;
  bool good = PyObject_CheckBuffer(array) ? from_buffer(st, array, dtype, out) : refuse(object);
  Py_DECREF(array);
  return good;
}

bool hr_from_value(hr_state *st, PyObject *object, int dtype, mlx_array *out) {
  out->ctx = NULL;
  if (hr_is_array(object))
    return hr_array_share(out, object) && (dtype == HR_NO_DTYPE || hr_cast(out, (mlx_dtype)dtype) || hr_raise(st));
  if (hr_is_scalar(object))
    return dtype == HR_NO_DTYPE ? hr_from_weak_scalar(object, dtype, out)
                                : hr_from_scalar(object, (mlx_dtype)dtype, out);
  if (object == Py_None || PyList_Check(object) || PyTuple_Check(object) || PyUnicode_Check(object))
    return refuse(object);
  if (PyObject_CheckBuffer(object)) return from_buffer(st, object, dtype, out);
  return from_protocols(st, object, dtype, out);
}

bool hr_from_object(hr_state *st, PyObject *object, int dtype, mlx_array *out) {
  if (PyList_Check(object) || PyTuple_Check(object)) return hr_from_list(st, object, dtype, out);
  return hr_from_value(st, object, dtype, out);
}
