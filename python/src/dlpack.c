/* DLPack, both ways. The structs are those of the DLPack specification, version 1.0 (dmlc.github.io/dlpack). */
#include <string.h>

#include "bodies.h"

typedef struct dl_device {
  int32_t type, id;
} dl_device;
typedef struct dl_dtype {
  uint8_t code, bits;
  uint16_t lanes;
} dl_dtype;
typedef struct dl_tensor {
  void *data;
  dl_device device;
  int32_t ndim;
  dl_dtype dtype;
  int64_t *shape;
  int64_t *strides; /* NULL: row-major */
  uint64_t byte_offset;
} dl_tensor;
typedef struct dl_managed {
  dl_tensor tensor;
  void *context;
  void (*deleter)(struct dl_managed *);
} dl_managed;
typedef struct dl_versioned {
  uint32_t major, minor;
  void *context;
  void (*deleter)(struct dl_versioned *);
  uint64_t flags;
  dl_tensor tensor;
} dl_versioned;

enum { DL_CPU = 1, DL_CUDA_HOST = 3 };
enum { DL_INT, DL_UINT, DL_FLOAT, DL_BFLOAT = 4, DL_COMPLEX, DL_BOOL };
enum { DL_READ_ONLY = 1, DL_COPIED = 2 }; /* flags */

static const dl_dtype kinds[HR_DTYPES] = {
    [MLX_BOOL] = {DL_BOOL, 8, 1},        [MLX_UINT8] = {DL_UINT, 8, 1},         [MLX_UINT16] = {DL_UINT, 16, 1},
    [MLX_UINT32] = {DL_UINT, 32, 1},     [MLX_UINT64] = {DL_UINT, 64, 1},       [MLX_INT8] = {DL_INT, 8, 1},
    [MLX_INT16] = {DL_INT, 16, 1},       [MLX_INT32] = {DL_INT, 32, 1},         [MLX_INT64] = {DL_INT, 64, 1},
    [MLX_FLOAT16] = {DL_FLOAT, 16, 1},   [MLX_FLOAT32] = {DL_FLOAT, 32, 1},     [MLX_FLOAT64] = {DL_FLOAT, 64, 1},
    [MLX_BFLOAT16] = {DL_BFLOAT, 16, 1}, [MLX_COMPLEX64] = {DL_COMPLEX, 64, 1},
};

/* --- out --- */

/* One block: what the consumer sees, the array that it shows, and the lengths. Only one of the two heads is used. */
typedef struct lent {
  dl_managed plain;
  dl_versioned versioned;
  mlx_array value;
  int64_t shape[HR_MAX_AXES], strides[HR_MAX_AXES];
} lent;

static void lent_free(lent *l) {
  mlx_array_free(l->value);
  PyMem_RawFree(l);
}
static void delete_plain(dl_managed *managed) { lent_free(managed->context); }
static void delete_versioned(dl_versioned *managed) { lent_free(managed->context); }

/* A capsule that nobody consumed. */
static void capsule_free(PyObject *capsule) {
  if (PyCapsule_IsValid(capsule, "dltensor")) {
    dl_managed *managed = PyCapsule_GetPointer(capsule, "dltensor");
    managed->deleter(managed);
  } else if (PyCapsule_IsValid(capsule, "dltensor_versioned")) {
    dl_versioned *managed = PyCapsule_GetPointer(capsule, "dltensor_versioned");
    managed->deleter(managed);
  }
}

static void describe(lent *l, const char *data) {
  dl_tensor *t = &l->plain.tensor;
  int ndim = (int)mlx_array_ndim(l->value);
  for (int i = 0; i < ndim; i++) {
    l->shape[i] = mlx_array_shape(l->value)[i];
    l->strides[i] = (int64_t)mlx_array_strides(l->value)[i];
  }
  *t = (dl_tensor){.data = (void *)data, .device = {DL_CPU, 0}, .ndim = ndim, .shape = l->shape, .strides = l->strides};
  t->dtype = kinds[mlx_array_dtype(l->value)];
  l->plain.context = l->versioned.context = l;
  l->plain.deleter = delete_plain;
  l->versioned.deleter = delete_versioned;
  l->versioned.major = 1;
  l->versioned.tensor = *t;
}

/* The array itself, or a copy of it. */
static lent *lend(PyObject *self, bool copy) {
  lent *l = PyMem_RawCalloc(1, sizeof *l);
  mlx_array fresh = {0};
  if (!l) return (void)PyErr_NoMemory(), NULL;
  const char *data = hr_array_elements(&l->value, self);
  if (data && copy) {
    fresh = mlx_array_new();
    bool good = (mlx_copy(&fresh, l->value, (mlx_stream){0}) == 0 || hr_raise(hr_state_of(self))) &&
                hr_py_wait(hr_state_of(self), &fresh, 1);
    mlx_array_free(l->value);
    l->value = fresh;
    data = good ? (const char *)mlx_array_data_uint8(fresh) : NULL;
    if (!good) mlx_array_free(fresh);
  }
  if (!data) return PyMem_RawFree(l), NULL;
  describe(l, data);
  l->versioned.flags = copy ? DL_COPIED : 0;
  return l;
}

static bool wants_version(PyObject *max_version) {
  if (hr_absent(max_version) || !PyTuple_Check(max_version) || !PyTuple_GET_SIZE(max_version)) return false;
  long major = PyLong_AsLong(PyTuple_GET_ITEM(max_version, 0));
  return !(major == -1 && PyErr_Occurred()) && major >= 1;
}

static PyObject *dlpack_body(hr_call *call, PyObject *const *in) {
  bool copy;
  PyObject *self = in[0], *device = in[3];
  if (!hr_get_bool(call, in[4], "copy", false, &copy)) return NULL;
  if (!hr_absent(device)) {
    if (!PyTuple_Check(device) || PyTuple_GET_SIZE(device) != 2) {
      hr_bad_argument(call, "dl_device", "a tuple of two ints", device);
      return NULL;
    }
    long type = PyLong_AsLong(PyTuple_GET_ITEM(device, 0));
    if (PyErr_Occurred()) return NULL;
    if (type != DL_CPU) return PyErr_SetString(PyExc_BufferError, "__dlpack__: the array is on the CPU"), NULL;
  }
  bool versioned = wants_version(in[2]);
  lent *l = PyErr_Occurred() ? NULL : lend(self, copy);
  if (!l) return NULL;
  PyObject *capsule = versioned ? PyCapsule_New(&l->versioned, "dltensor_versioned", capsule_free)
                                : PyCapsule_New(&l->plain, "dltensor", capsule_free);
  if (!capsule) lent_free(l);
  return capsule;
}

PyObject *hr_array_dlpack(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords) {
  static const char *const params[] = {"stream", "max_version", "dl_device", "copy"};
  static const uint8_t slots[] = {1, 2, 3, 4};
  static const hr_signature signature = {
      .name = "__dlpack__", .params = params, .slots = slots, .count = 4, .variadic = -1};
  return hr_call_method(self, &signature, dlpack_body, args, count, keywords);
}

PyObject *hr_array_dlpack_device(PyObject *self, PyObject *ignored) {
  (void)self, (void)ignored;
  return Py_BuildValue("(ii)", DL_CPU, 0);
}

/* --- in --- */

/* What is to be given back when the array is gone. */
typedef struct borrowed {
  dl_managed *plain;
  dl_versioned *versioned;
} borrowed;

/* Any thread (X3): producers in Python want the interpreter's lock. */
static void give_back(void *payload) {
  borrowed *b = payload;
#if PY_VERSION_HEX >= 0x030D0000
  bool leaving = Py_IsFinalizing();
#else
  bool leaving = _Py_IsFinalizing();
#endif
  if (Py_IsInitialized() && !leaving) {
    PyGILState_STATE state = PyGILState_Ensure();
    if (b->plain && b->plain->deleter) b->plain->deleter(b->plain);
    if (b->versioned && b->versioned->deleter) b->versioned->deleter(b->versioned);
    PyGILState_Release(state);
  }
  PyMem_RawFree(b);
}

static int dtype_of(dl_dtype kind) {
  for (int i = 0; i < HR_DTYPES; i++)
    if (kind.lanes == 1 && kinds[i].code == kind.code && kinds[i].bits == kind.bits) return i;
  return HR_NO_DTYPE;
}

static bool is_row_major(const dl_tensor *t) {
  int64_t step = 1;
  for (int i = t->ndim - 1; t->strides && i >= 0; step *= t->shape[i--])
    if (t->shape[i] != 1 && t->strides[i] != step) return false;
  return true;
}

static bool check(const dl_tensor *t, int *shape, int64_t *size) {
  const char *problem = NULL;
  *size = 1;
  if (t->device.type != DL_CPU && t->device.type != DL_CUDA_HOST) problem = "its memory is not the host's";
  if (dtype_of(t->dtype) == HR_NO_DTYPE && !(t->dtype.code == DL_COMPLEX && t->dtype.bits == 128))
    problem = "its elements are of no type that arrays have";
  if (t->ndim > HR_MAX_AXES) problem = "it has too many axes";
  for (int i = 0; !problem && i < t->ndim; i++) {
    shape[i] = (int)t->shape[i];
    *size *= shape[i];
    if (shape[i] != t->shape[i]) problem = "an axis is too long";
  }
  if (problem) PyErr_Format(PyExc_ValueError, "from_dlpack: %s", problem);
  return !problem;
}

/* Copies elements of one axis and those behind it, in row-major order. */
static char *gather(char *to, const char *from, const dl_tensor *t, int axis, size_t itemsize) {
  if (axis == t->ndim) return memcpy(to, from, itemsize), to + itemsize;
  int64_t step = t->strides[axis] * (int64_t)itemsize;
  for (int64_t i = 0; i < t->shape[axis]; i++) to = gather(to, from + i * step, t, axis + 1, itemsize);
  return to;
}

static bool copy_in(const dl_tensor *t, const int *shape, int64_t size, mlx_array *out) {
  const char *data = (const char *)t->data + t->byte_offset;
  size_t itemsize = t->dtype.bits / 8;
  bool rows = is_row_major(t) || size == 0, wide = t->dtype.code == DL_COMPLEX && t->dtype.bits == 128;
  char *packed = rows && !wide ? NULL : PyMem_RawMalloc((size_t)size * itemsize + 1);
  if (!(rows && !wide) && !packed) return PyErr_NoMemory(), false;
  if (!rows) gather(packed, data, t, 0, itemsize);
  if (wide) {
    const double *numbers = (const void *)(rows ? data : packed);
    float *narrow = (void *)packed; /* never ahead of what is read */
    for (int64_t i = 0; i < 2 * size; i++) {
      float single = (float)numbers[i];
      memcpy(&narrow[i], &single, sizeof single);
    }
  }
  mlx_dtype dtype = wide ? MLX_COMPLEX64 : (mlx_dtype)dtype_of(t->dtype);
  *out = mlx_array_new_data(packed ? packed : data, shape, t->ndim, dtype);
  PyMem_RawFree(packed);
  return out->ctx || (PyErr_SetString(PyExc_RuntimeError, hr_last_error()), false);
}

/* Shares the memory: the array gives it back at its end. */
static bool share_in(const dl_tensor *t, const int *shape, borrowed *b, mlx_array *out) {
  char *data = (char *)t->data + t->byte_offset;
  *out = mlx_array_new_data_managed_payload(data, shape, t->ndim, (mlx_dtype)dtype_of(t->dtype), b, give_back);
  return out->ctx || (PyErr_SetString(PyExc_RuntimeError, hr_last_error()), false);
}

/* copy: 1 yes, 0 never, -1 if it must be. The capsule is used up when what is in it belongs to the array. */
static bool from_capsule(PyObject *capsule, int copy, mlx_array *out) {
  int shape[HR_MAX_AXES];
  int64_t size;
  borrowed b = {0};
  if (PyCapsule_IsValid(capsule, "dltensor_versioned"))
    b.versioned = PyCapsule_GetPointer(capsule, "dltensor_versioned");
  else if (PyCapsule_IsValid(capsule, "dltensor"))
    b.plain = PyCapsule_GetPointer(capsule, "dltensor");
  else
    return PyErr_SetString(PyExc_TypeError, "from_dlpack: __dlpack__() did not answer a DLPack capsule"), false;
  const dl_tensor *t = b.plain ? &b.plain->tensor : &b.versioned->tensor;
  if (!check(t, shape, &size)) return false;
  bool read_only = b.versioned && b.versioned->flags & DL_READ_ONLY;
  bool can_share = is_row_major(t) && dtype_of(t->dtype) != HR_NO_DTYPE && size > 0 && !read_only;
  if (copy == 1 || (copy < 0 && !can_share)) return copy_in(t, shape, size, out);
  if (!can_share && size > 0) {
    PyErr_SetString(PyExc_ValueError, "from_dlpack: these data cannot be had without a copy");
    return false;
  }
  if (size == 0) return copy_in(t, shape, size, out);
  borrowed *kept = PyMem_RawMalloc(sizeof *kept);
  if (!kept) return PyErr_NoMemory(), false;
  *kept = b;
  if (!share_in(t, shape, kept, out)) return PyMem_RawFree(kept), false;
  PyCapsule_SetName(capsule, b.plain ? "used_dltensor" : "used_dltensor_versioned");
  return true;
}

bool hr_from_dlpack(hr_state *st, PyObject *object, int copy, mlx_array *out) {
  (void)st;
  PyObject *method = PyObject_GetAttrString(object, "__dlpack__");
  if (!method) return false;
  PyObject *version = Py_BuildValue("(ii)", 1, 0);
  PyObject *names = Py_BuildValue("(s)", "max_version");
  PyObject *capsule = version && names ? PyObject_Vectorcall(method, &version, 0, names) : NULL;
  if (!capsule && PyErr_ExceptionMatches(PyExc_TypeError)) { /* a producer from before version 1 */
    PyErr_Clear();
    capsule = PyObject_CallNoArgs(method);
  }
  bool good = capsule && from_capsule(capsule, copy, out);
  Py_XDECREF(capsule);
  Py_XDECREF(names);
  Py_XDECREF(version);
  Py_DECREF(method);
  return good;
}

/* --- functions --- */

static int copy_of(hr_call *call, PyObject *arg) {
  bool copy;
  if (!hr_get_bool(call, arg, "copy", false, &copy)) return -2;
  return hr_absent(arg) ? -1 : copy;
}

PyObject *hr_op_from_dlpack(hr_call *call, PyObject *const *in) {
  mlx_array value = {0};
  int copy = copy_of(call, in[1]);
  if (copy == -2) return NULL;
  if (!PyObject_HasAttrString(in[0], "__dlpack__")) {
    hr_bad_argument(call, "x", "an object with __dlpack__", in[0]);
    return NULL;
  }
  return hr_from_dlpack(call->st, in[0], copy, &value) ? hr_array_wrap(call->st, value) : NULL;
}

/* Arrays are shared unless a copy is asked for; foreign ones with DLPack too, where that is possible. */
PyObject *hr_op_asarray(hr_call *call, PyObject *const *in) {
  mlx_optional_dtype dtype;
  mlx_array value = {0};
  int copy = copy_of(call, in[2]);
  if (copy == -2 || !hr_get_optional_dtype(call, in[1], "dtype", &dtype)) return NULL;
  int wanted = dtype.has_value ? (int)dtype.value : HR_NO_DTYPE;
  bool foreign = !hr_is_array(in[0]) && !hr_is_scalar(in[0]) && PyObject_HasAttrString(in[0], "__dlpack__");
  if (copy == 1 || !foreign) {
    if (copy == 0 && !foreign && !hr_is_array(in[0]))
      return PyErr_SetString(PyExc_ValueError, "asarray: these data cannot be had without a copy"), NULL;
    return hr_from_object(call->st, in[0], wanted, &value) ? hr_array_wrap(call->st, value) : NULL;
  }
  if (!hr_from_dlpack(call->st, in[0], copy, &value)) {
    if (copy == 0) return NULL;
    PyErr_Clear();
    return hr_from_object(call->st, in[0], wanted, &value) ? hr_array_wrap(call->st, value) : NULL;
  }
  mlx_dtype own = mlx_array_dtype(value);
  if (wanted == HR_NO_DTYPE) wanted = own == MLX_FLOAT64 ? MLX_FLOAT32 : own;
  return hr_cast(&value, (mlx_dtype)wanted) ? hr_array_wrap(call->st, value) : hr_raise(call->st);
}
