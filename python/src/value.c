/* Elements of arrays as Python objects: item, tolist, bytes, the buffer protocol. */
#include <string.h>

#include "core.h"

bool hr_is_bool_array(mlx_array value) { return mlx_array_dtype(value) == MLX_BOOL; }

static double of_bfloat16(uint16_t bits) {
  uint32_t wide = (uint32_t)bits << 16;
  float value;
  memcpy(&value, &wide, sizeof value);
  return (double)value;
}

/* The exponent's place is shifted by a multiplication, which also makes subnormal numbers right. */
static double of_float16(uint16_t bits) {
  uint32_t wide = (uint32_t)(bits & 0x7FFF) << 13;
  float value;
  memcpy(&value, &wide, sizeof value);
  value *= 0x1p112f;
  if ((bits & 0x7C00) == 0x7C00) value = bits & 0x3FF ? (float)Py_NAN : (float)Py_HUGE_VAL;
  return bits & 0x8000 ? -(double)value : (double)value;
}

PyObject *hr_element(const char *at, mlx_dtype dtype) {
  union {
    int8_t i8;
    uint8_t u8;
    int16_t i16;
    uint16_t u16;
    int32_t i32;
    uint32_t u32;
    int64_t i64;
    uint64_t u64;
    float f32[2];
    double f64;
  } v = {.u64 = 0};
  memcpy(&v, at, mlx_dtype_size(dtype));
  switch (dtype) {
    case MLX_BOOL: return PyBool_FromLong(v.u8);
    case MLX_UINT8: return PyLong_FromLong(v.u8);
    case MLX_UINT16: return PyLong_FromLong(v.u16);
    case MLX_UINT32: return PyLong_FromUnsignedLong(v.u32);
    case MLX_UINT64: return PyLong_FromUnsignedLongLong(v.u64);
    case MLX_INT8: return PyLong_FromLong(v.i8);
    case MLX_INT16: return PyLong_FromLong(v.i16);
    case MLX_INT32: return PyLong_FromLong(v.i32);
    case MLX_INT64: return PyLong_FromLongLong(v.i64);
    case MLX_FLOAT16: return PyFloat_FromDouble(of_float16(v.u16));
    case MLX_BFLOAT16: return PyFloat_FromDouble(of_bfloat16(v.u16));
    case MLX_FLOAT32: return PyFloat_FromDouble((double)v.f32[0]);
    case MLX_FLOAT64: return PyFloat_FromDouble(v.f64);
    case MLX_COMPLEX64: return PyComplex_FromDoubles((double)v.f32[0], (double)v.f32[1]);
  }
  return NULL;
}

const char *hr_array_elements(mlx_array *keep, PyObject *array) {
  if (!hr_array_share(keep, array)) return NULL;
  if (hr_py_wait(hr_state_of(array), keep, 1)) {
    const char *data = (const char *)mlx_array_data_uint8(*keep);
    if (data || mlx_array_size(*keep) == 0) return data ? data : "";
    hr_raise(hr_state_of(array));
  }
  mlx_array_free(*keep);
  return NULL;
}

PyObject *hr_array_item(PyObject *self, PyObject *ignored) {
  mlx_array keep;
  (void)ignored;
  if (hr_array_ask(self, mlx_array_size) != 1) {
    PyErr_SetString(PyExc_ValueError, "[convert] Only length-1 arrays can be converted to Python scalars.");
    return NULL;
  }
  const char *data = hr_array_elements(&keep, self);
  if (!data) return NULL;
  PyObject *item = hr_element(data, mlx_array_dtype(keep));
  mlx_array_free(keep);
  return item;
}

/* One axis and those behind it. */
static PyObject *list_axis(mlx_array value, const char *at, size_t axis) {
  if (axis == mlx_array_ndim(value)) return hr_element(at, mlx_array_dtype(value));
  int length = mlx_array_shape(value)[axis];
  int64_t step = (int64_t)mlx_array_strides(value)[axis] * (int64_t)mlx_array_itemsize(value);
  PyObject *list = PyList_New(length);
  for (int i = 0; list && i < length; i++) {
    PyObject *item = list_axis(value, at + i * step, axis + 1);
    if (!item)
      Py_CLEAR(list);
    else
      PyList_SET_ITEM(list, i, item);
  }
  return list;
}

PyObject *hr_array_tolist(PyObject *self, PyObject *ignored) {
  mlx_array keep;
  (void)ignored;
  const char *data = hr_array_elements(&keep, self);
  PyObject *list = data ? list_axis(keep, data, 0) : NULL;
  if (data) mlx_array_free(keep);
  return list;
}

/* --- the buffer protocol --- */

/* What a view needs until it is released: what it shows, whatever becomes of the array object meanwhile. */
typedef struct shown {
  mlx_array value;
  Py_ssize_t shape[HR_MAX_AXES], strides[HR_MAX_AXES];
} shown;

static const char *const formats[HR_DTYPES] = {
    [MLX_BOOL] = "?",    [MLX_UINT8] = "B",   [MLX_UINT16] = "H",    [MLX_UINT32] = "I",     [MLX_UINT64] = "Q",
    [MLX_INT8] = "b",    [MLX_INT16] = "h",   [MLX_INT32] = "i",     [MLX_INT64] = "q",      [MLX_FLOAT16] = "e",
    [MLX_FLOAT32] = "f", [MLX_FLOAT64] = "d", [MLX_BFLOAT16] = NULL, [MLX_COMPLEX64] = "Zf",
};

static void describe(Py_buffer *view, shown *s, const char *data, int flags) {
  size_t ndim = mlx_array_ndim(s->value), itemsize = mlx_array_itemsize(s->value);
  for (size_t i = 0; i < ndim; i++) {
    s->shape[i] = mlx_array_shape(s->value)[i];
    s->strides[i] = (Py_ssize_t)mlx_array_strides(s->value)[i] * (Py_ssize_t)itemsize;
  }
  view->buf = (void *)data;
  view->len = (Py_ssize_t)mlx_array_nbytes(s->value);
  view->itemsize = (Py_ssize_t)itemsize;
  view->readonly = 0;
  view->ndim = (int)ndim;
  view->format = flags & PyBUF_FORMAT ? (char *)formats[mlx_array_dtype(s->value)] : NULL;
  view->shape = flags & PyBUF_ND ? s->shape : NULL;
  view->strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? s->strides : NULL;
  view->suboffsets = NULL;
  view->internal = s;
}

/* Consumers that ask for plain memory get it only if the elements lie in order. */
static bool fits(Py_buffer *view, shown *s, int flags) {
  view->shape = s->shape;
  view->strides = s->strides;
  bool rows = PyBuffer_IsContiguous(view, 'C'), columns = PyBuffer_IsContiguous(view, 'F');
  bool good = (flags & PyBUF_STRIDES) == PyBUF_STRIDES || rows;
  if ((flags & PyBUF_C_CONTIGUOUS) == PyBUF_C_CONTIGUOUS) good = good && rows;
  if ((flags & PyBUF_F_CONTIGUOUS) == PyBUF_F_CONTIGUOUS) good = good && columns;
  if ((flags & PyBUF_ANY_CONTIGUOUS) == PyBUF_ANY_CONTIGUOUS) good = good && (rows || columns);
  view->shape = flags & PyBUF_ND ? s->shape : NULL;
  view->strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? s->strides : NULL;
  return good;
}

int hr_array_getbuffer(PyObject *self, Py_buffer *view, int flags) {
  view->obj = NULL;
  if (hr_dtype_of(self) == MLX_BFLOAT16 && flags & PyBUF_FORMAT) {
    PyErr_SetString(PyExc_BufferError, "bfloat16 has no buffer format: convert to float32 first");
    return -1;
  }
  shown *s = PyMem_Malloc(sizeof *s);
  if (!s) return PyErr_NoMemory(), -1;
  const char *data = hr_array_elements(&s->value, self);
  if (data) {
    describe(view, s, data, flags);
    if (fits(view, s, flags)) {
      view->obj = Py_NewRef(self);
      return 0;
    }
    mlx_array_free(s->value);
    PyErr_SetString(PyExc_BufferError, "the array's elements do not lie in order: copy it with mx.contiguous first");
  }
  PyMem_Free(s);
  return -1;
}

void hr_array_releasebuffer(PyObject *self, Py_buffer *view) {
  shown *s = view->internal;
  (void)self;
  mlx_array_free(s->value);
  PyMem_Free(s);
}

/* All elements in row-major order. */
PyObject *hr_array_bytes(PyObject *self, PyObject *ignored) {
  mlx_array keep, rows = {0};
  PyObject *result = NULL;
  (void)ignored;
  if (!hr_array_share(&keep, self)) return NULL;
  if (mlx_contiguous(&rows, keep, false, (mlx_stream){0})) {
    hr_raise(hr_state_of(self));
  } else if (hr_py_wait(hr_state_of(self), &rows, 1)) {
    result = PyBytes_FromStringAndSize((const char *)mlx_array_data_uint8(rows), (Py_ssize_t)mlx_array_nbytes(rows));
  }
  mlx_array_free(keep);
  mlx_array_free(rows);
  return result;
}
