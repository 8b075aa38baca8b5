/* The type Dtype. Its fourteen objects are made with the module and live as long. */
#include "core.h"
#include "python_ops.h"

static const char *const names[HR_DTYPES] = {
    [MLX_BOOL] = "bool",         [MLX_UINT8] = "uint8",         [MLX_UINT16] = "uint16",   [MLX_UINT32] = "uint32",
    [MLX_UINT64] = "uint64",     [MLX_INT8] = "int8",           [MLX_INT16] = "int16",     [MLX_INT32] = "int32",
    [MLX_INT64] = "int64",       [MLX_FLOAT16] = "float16",     [MLX_FLOAT32] = "float32", [MLX_FLOAT64] = "float64",
    [MLX_BFLOAT16] = "bfloat16", [MLX_COMPLEX64] = "complex64",
};

const char *hr_dtype_text(mlx_dtype dtype) { return names[dtype]; }

bool hr_is_dtype(hr_state *st, PyObject *object) { return Py_IS_TYPE(object, st->types[HR_TYPE_DTYPE]); }

static void dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_Free(self);
  Py_DECREF(type);
}

static PyObject *repr(PyObject *self) { return PyUnicode_FromFormat("headrace.core.%s", names[hr_dtype_value(self)]); }

static Py_hash_t hash(PyObject *self) { return (Py_hash_t)hr_dtype_value(self); }

static PyObject *compare(PyObject *self, PyObject *other, int op) {
  bool same = Py_IS_TYPE(other, Py_TYPE(self)) && hr_dtype_value(self) == hr_dtype_value(other);
  if (op != Py_EQ && op != Py_NE) Py_RETURN_NOTIMPLEMENTED;
  return PyBool_FromLong(op == Py_EQ ? same : !same);
}

static PyObject *get_size(PyObject *self, void *closure) {
  (void)closure;
  return PyLong_FromSize_t(mlx_dtype_size(hr_dtype_value(self)));
}

/* By name: unpickled dtypes are the module's own objects. */
static PyObject *reduce(PyObject *self, PyObject *ignored) {
  (void)ignored;
  mlx_dtype dtype = hr_dtype_value(self);
  return PyUnicode_FromString(dtype == MLX_BOOL ? "bool_" : names[dtype]);
}

static PyGetSetDef getset[] = {{"size", get_size, NULL, HR_DOC_Dtype_size, NULL}, {0}};
static PyMethodDef methods[] = {{"__reduce__", reduce, METH_NOARGS, NULL}, {0}};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, dealloc}, {Py_tp_repr, repr},       {Py_tp_hash, hash},        {Py_tp_richcompare, compare},
    {Py_tp_getset, getset},   {Py_tp_methods, methods}, {Py_tp_doc, HR_DOC_Dtype}, {0, NULL},
};

PyType_Spec hr_dtype_spec = {
    .name = "headrace.core.Dtype",
    .basicsize = sizeof(hr_py_dtype),
    .flags = Py_TPFLAGS_DEFAULT | HR_TYPE_FLAGS,
    .slots = slots,
};
