/* The type array: its life, its properties, its conversions to single values, iteration, copies and pickles. */
#include "core.h"
#include "python_ops.h"

/* --- life --- */

PyObject *hr_array_wrap(hr_state *st, mlx_array value) {
  hr_py_array *self = PyObject_New(hr_py_array, st->types[HR_TYPE_ARRAY]);
  if (!self) {
    mlx_array_free(value);
    return NULL;
  }
  self->value = value;
  self->weakrefs = NULL;
  self->changes = 0;
  return (PyObject *)self;
}

PyObject *hr_result(hr_state *st, int failed, mlx_array value) {
  if (__builtin_expect(!failed, 1)) return hr_array_wrap(st, value);
  mlx_array_free(value);
  return hr_raise(st);
}

PyObject *hr_result_pair(hr_state *st, int failed, mlx_array first, mlx_array second) {
  PyObject *a = hr_result(st, failed, first);
  PyObject *b = a ? hr_array_wrap(st, second) : NULL;
  PyObject *pair = b ? PyTuple_Pack(2, a, b) : NULL;
  if (!a) mlx_array_free(second);
  Py_XDECREF(a);
  Py_XDECREF(b);
  return pair;
}

PyObject *hr_result_list(hr_state *st, int failed, mlx_vector_array vector, bool as_tuple) {
  size_t count = failed ? 0 : mlx_vector_array_size(vector);
  PyObject *items = failed ? hr_raise(st) : as_tuple ? PyTuple_New((Py_ssize_t)count) : PyList_New((Py_ssize_t)count);
  for (size_t i = 0; items && i < count; i++) {
    mlx_array value = {0};
    failed = mlx_vector_array_get(&value, vector, i);
    PyObject *item = hr_result(st, failed, value);
    if (!item)
      Py_CLEAR(items);
    else if (as_tuple)
      PyTuple_SET_ITEM(items, (Py_ssize_t)i, item);
    else
      PyList_SET_ITEM(items, (Py_ssize_t)i, item);
  }
  mlx_vector_array_free(vector);
  return items;
}

void hr_array_dealloc(PyObject *self) {
  hr_py_array *array = (hr_py_array *)self;
  PyTypeObject *type = Py_TYPE(self);
  if (array->weakrefs) PyObject_ClearWeakRefs(self);
  mlx_array_free(array->value);
  PyObject_Free(self);
  Py_DECREF(type);
}

static bool find_value(hr_call *call, PyObject *const *in, mlx_array *out) {
  mlx_optional_dtype dtype;
  if (!hr_get_optional_dtype(call, in[1], "dtype", &dtype)) return false;
  if (hr_absent(in[0])) return hr_bad_argument(call, "val", "a scalar, a list, a tuple or an array", in[0]);
  return hr_from_object(call->st, in[0], dtype.has_value ? (int)dtype.value : HR_NO_DTYPE, out);
}

static PyObject *array_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  static const char *const names[] = {"val", "dtype"};
  PyObject *in[2] = {NULL, NULL}, *result = NULL;
  Py_ssize_t count = PyTuple_GET_SIZE(args);
  mlx_array value = {0};
  hr_call call;
  hr_call_begin(&call, PyType_GetModuleState(type), "array");
  for (Py_ssize_t i = 0; i < count && i < 2; i++) in[i] = PyTuple_GET_ITEM(args, i);
  Py_ssize_t given = count;
  for (int i = 0; kwargs && i < 2; i++) {
    PyObject *arg = PyDict_GetItemString(kwargs, names[i]);
    if (!arg) continue;
    given += in[i] ? 2 : 1;
    in[i] = arg;
  }
  if (count > 2 || given != count + (kwargs ? PyDict_GET_SIZE(kwargs) : 0))
    PyErr_SetString(PyExc_TypeError, "array() takes the arguments 'val' and 'dtype'");
  else if (find_value(&call, in, &value))
    result = hr_array_wrap(call.st, value);
  hr_call_end(&call);
  return result;
}

/* --- properties --- */

static PyObject *get_shape(PyObject *self, void *closure) {
  (void)closure;
  int shape[HR_MAX_AXES];
  size_t ndim = hr_shape_of(shape, self);
  PyObject *tuple = PyTuple_New((Py_ssize_t)ndim);
  for (size_t i = 0; tuple && i < ndim; i++) {
    PyObject *length = PyLong_FromLong(shape[i]);
    if (!length)
      Py_CLEAR(tuple);
    else
      PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, length);
  }
  return tuple;
}

static PyObject *get_dtype(PyObject *self, void *closure) {
  (void)closure;
  return hr_dtype_object(hr_state_of(self), hr_dtype_of(self));
}

/* What a property asks the library; its address is the property's closure. */
typedef struct question {
  size_t (*of)(mlx_array);
} question;
static question ask_ndim = {mlx_array_ndim}, ask_size = {mlx_array_size}, ask_nbytes = {mlx_array_nbytes},
                ask_itemsize = {mlx_array_itemsize};

static PyObject *get_number(PyObject *self, void *closure) {
  const question *ask = closure;
  return PyLong_FromSize_t(hr_array_ask(self, ask->of));
}

/* A property that is an operation, on the default stream. */
static PyObject *derive(PyObject *self, int (*op)(mlx_array *, mlx_array, mlx_stream)) {
  mlx_array res = {0}, value;
  PyObject *result = NULL;
  hr_call call;
  hr_call_begin(&call, hr_state_of(self), "array");
  if (hr_get_stream(&call, NULL) && hr_get_array(&call, self, "self", &value))
    result = hr_result(call.st, op(&res, value, call.stream), res);
  hr_call_end(&call);
  return result;
}

static PyObject *get_transposed(PyObject *self, void *closure) {
  (void)closure;
  return derive(self, mlx_transpose);
}
static PyObject *get_real(PyObject *self, void *closure) {
  (void)closure;
  return derive(self, mlx_real);
}
static PyObject *get_imag(PyObject *self, void *closure) {
  (void)closure;
  return derive(self, mlx_imag);
}

static int swap_last(mlx_array *res, mlx_array a, mlx_stream s) { return mlx_swapaxes(res, a, -1, -2, s); }

static PyObject *get_matrix_transposed(PyObject *self, void *closure) {
  (void)closure;
  if (hr_array_ask(self, mlx_array_ndim) >= 2) return derive(self, swap_last);
  PyErr_SetString(PyExc_ValueError, "mT: the array must have at least 2 axes");
  return NULL;
}

static PyObject *get_at(PyObject *self, void *closure) {
  (void)closure;
  return PyObject_CallOneArg((PyObject *)hr_state_of(self)->types[HR_TYPE_ARRAY_AT], self);
}

static PyGetSetDef getset[] = {
    {"shape", get_shape, NULL, HR_DOC_array_shape, NULL},
    {"dtype", get_dtype, NULL, HR_DOC_array_dtype, NULL},
    {"ndim", get_number, NULL, HR_DOC_array_ndim, &ask_ndim},
    {"size", get_number, NULL, HR_DOC_array_size, &ask_size},
    {"nbytes", get_number, NULL, HR_DOC_array_nbytes, &ask_nbytes},
    {"itemsize", get_number, NULL, HR_DOC_array_itemsize, &ask_itemsize},
    {"T", get_transposed, NULL, HR_DOC_array_T, NULL},
    {"mT", get_matrix_transposed, NULL, HR_DOC_array_mT, NULL},
    {"real", get_real, NULL, HR_DOC_array_real, NULL},
    {"imag", get_imag, NULL, HR_DOC_array_imag, NULL},
    {"at", get_at, NULL, HR_DOC_array_at, NULL},
    {0},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(hr_py_array, weakrefs), READONLY, NULL},
    {0},
};

/* --- single values and text --- */

static int array_bool(PyObject *self) {
  PyObject *item = hr_array_item(self, NULL);
  int truth = item ? PyObject_IsTrue(item) : -1;
  Py_XDECREF(item);
  return truth;
}

static PyObject *array_int(PyObject *self) {
  PyObject *item = hr_array_item(self, NULL);
  PyObject *whole = item ? PyNumber_Long(item) : NULL;
  Py_XDECREF(item);
  return whole;
}

static PyObject *array_float(PyObject *self) {
  PyObject *item = hr_array_item(self, NULL);
  PyObject *number = item ? PyNumber_Float(item) : NULL;
  Py_XDECREF(item);
  return number;
}

static PyObject *array_index(PyObject *self) {
  if (hr_array_ask(self, mlx_array_ndim) == 0 && hr_is_integer(hr_dtype_of(self))) return hr_array_item(self, NULL);
  PyErr_SetString(PyExc_TypeError, "only integer arrays without axes can be an index");
  return NULL;
}

PyObject *hr_array_complex(PyObject *self, PyObject *ignored) {
  (void)ignored;
  PyObject *item = hr_array_item(self, NULL);
  Py_complex number = {0};
  if (!item) return NULL;
  number = PyComplex_AsCComplex(item);
  Py_DECREF(item);
  return number.real == -1 && PyErr_Occurred() ? NULL : PyComplex_FromCComplex(number);
}

static PyObject *with_precision(PyObject *self, int precision) {
  PyObject *support = PyImport_ImportModule("headrace._support");
  PyObject *text = support ? PyObject_CallMethod(support, "format_array", "Oi", self, precision) : NULL;
  Py_XDECREF(support);
  return text;
}

static PyObject *array_repr(PyObject *self) {
  mlx_string text = {0};
  mlx_array keep;
  int precision = atomic_load_explicit(&hr_state_of(self)->precision, memory_order_relaxed);
  if (precision >= 0) return with_precision(self, precision);
  if (!hr_array_elements(&keep, self)) return NULL;
  PyObject *result =
      mlx_array_tostring(&text, keep) ? hr_raise(hr_state_of(self)) : PyUnicode_FromString(mlx_string_data(text));
  mlx_string_free(text);
  mlx_array_free(keep);
  return result;
}

static Py_hash_t array_hash(PyObject *self) { return (Py_hash_t)((uintptr_t)self >> 4); }

static Py_ssize_t array_length(PyObject *self) {
  int shape[HR_MAX_AXES];
  if (hr_shape_of(shape, self)) return shape[0];
  PyErr_SetString(PyExc_TypeError, "len() of an array without axes");
  return -1;
}

static PyObject *array_iter(PyObject *self) {
  if (hr_array_ask(self, mlx_array_ndim))
    return PyObject_CallOneArg((PyObject *)hr_state_of(self)->types[HR_TYPE_ARRAY_ITERATOR], self);
  PyErr_SetString(PyExc_TypeError, "iter() of an array without axes");
  return NULL;
}

/* --- copies and pickles --- */

PyObject *hr_array_copy(PyObject *self, PyObject *ignored) {
  mlx_array value;
  (void)ignored;
  return hr_array_share(&value, self) ? hr_array_wrap(hr_state_of(self), value) : NULL;
}

PyObject *hr_array_deepcopy(PyObject *self, PyObject *memo) {
  (void)memo;
  return hr_array_copy(self, NULL); /* elements never change */
}

PyObject *hr_array_div(PyObject *self, PyObject *other) { return hr_number_divide(self, other); }
PyObject *hr_array_rdiv(PyObject *self, PyObject *other) { return hr_number_divide(other, self); }

PyObject *hr_array_namespace(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords) {
  (void)self;
  Py_ssize_t total = count + (keywords ? PyTuple_GET_SIZE(keywords) : 0);
  for (Py_ssize_t i = 0; i < total; i++)
    if (args[i] != Py_None)
      return PyErr_SetString(PyExc_ValueError, "__array_namespace__: there is one version, which has no name"), NULL;
  return PyImport_ImportModule("headrace.core");
}

/* (bytes, shape, dtype): what a pickle holds. */
PyObject *hr_array_getstate(PyObject *self, PyObject *ignored) {
  (void)ignored;
  PyObject *bytes = hr_array_bytes(self, NULL);
  return bytes ? Py_BuildValue("(NNN)", bytes, get_shape(self, NULL), get_dtype(self, NULL)) : NULL;
}

static bool from_state(hr_call *call, PyObject *state, mlx_array *out) {
  const char *bytes;
  Py_ssize_t length;
  PyObject *shape, *dtype;
  hr_ints lengths;
  if (!PyTuple_Check(state)) return hr_bad_argument(call, "state", "a tuple", state);
  if (!PyArg_ParseTuple(state, "y#OO", &bytes, &length, &shape, &dtype)) return false;
  if (!hr_need_ints(call, shape, "shape", &lengths) || !hr_is_dtype(call->st, dtype)) return false;
  size_t needed = mlx_dtype_size(hr_dtype_value(dtype));
  for (size_t i = 0; i < lengths.count; i++)
    if (lengths.values[i] < 0 || __builtin_mul_overflow(needed, (size_t)lengths.values[i], &needed)) needed = SIZE_MAX;
  if (needed != (size_t)length) {
    PyErr_SetString(PyExc_ValueError, "__setstate__: the bytes do not fit the shape");
    return false;
  }
  *out = mlx_array_new_data(bytes, lengths.values, (int)lengths.count, hr_dtype_value(dtype));
  return out->ctx || hr_raise(call->st);
}

PyObject *hr_array_setstate(PyObject *self, PyObject *state) {
  hr_call call;
  mlx_array value = {0};
  hr_call_begin(&call, hr_state_of(self), "__setstate__");
  bool good = from_state(&call, state, &value) && hr_array_replace(self, value);
  if (value.ctx) mlx_array_free(value);
  hr_call_end(&call);
  return good ? Py_NewRef(Py_None) : NULL;
}

/* array(0) with the state of this one. */
PyObject *hr_array_reduce(PyObject *self, PyObject *ignored) {
  (void)ignored;
  PyObject *state = hr_array_getstate(self, NULL);
  return state ? Py_BuildValue("O(i)N", Py_TYPE(self), 0, state) : NULL;
}

/* numpy.asarray of the buffer; bfloat16, which NumPy lacks, as float32. */
PyObject *hr_array_numpy(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords) {
  PyObject *support = PyImport_ImportModule("headrace._support");
  PyObject *function = support ? PyObject_GetAttrString(support, "to_numpy") : NULL;
  PyObject *stack[8] = {self}, *result = NULL;
  Py_ssize_t total = count + (keywords ? PyTuple_GET_SIZE(keywords) : 0);
  if (function && total < 8) {
    for (Py_ssize_t i = 0; i < total; i++) stack[i + 1] = args[i];
    result = PyObject_Vectorcall(function, stack, (size_t)count + 1, keywords);
  } else if (function) {
    PyErr_SetString(PyExc_TypeError, "__array__() takes the arguments 'dtype' and 'copy'");
  }
  Py_XDECREF(function);
  Py_XDECREF(support);
  return result;
}

static PyType_Slot slots[] = {
    {Py_tp_new, array_new},
    {Py_tp_dealloc, hr_array_dealloc},
    {Py_tp_repr, array_repr},
    {Py_tp_hash, array_hash},
    {Py_tp_richcompare, hr_array_compare},
    {Py_tp_iter, array_iter},
    {Py_tp_getset, getset},
    {Py_tp_members, members},
    {Py_tp_methods, hr_array_methods},
    {Py_mp_length, array_length},
    {Py_mp_subscript, hr_array_getitem},
    {Py_mp_ass_subscript, hr_array_setitem},
    {Py_nb_bool, array_bool},
    {Py_nb_int, array_int},
    {Py_nb_float, array_float},
    {Py_nb_index, array_index},
    {Py_am_await, hr_await},
    {Py_bf_getbuffer, hr_array_getbuffer},
    {Py_bf_releasebuffer, hr_array_releasebuffer},
    {Py_nb_add, hr_number_add},
    {Py_nb_subtract, hr_number_subtract},
    {Py_nb_multiply, hr_number_multiply},
    {Py_nb_true_divide, hr_number_divide},
    {Py_nb_floor_divide, hr_number_floor_divide},
    {Py_nb_remainder, hr_number_remainder},
    {Py_nb_power, hr_number_power},
    {Py_nb_matrix_multiply, hr_number_matmul},
    {Py_nb_lshift, hr_number_left_shift},
    {Py_nb_rshift, hr_number_right_shift},
    {Py_nb_negative, hr_number_negative},
    {Py_nb_absolute, hr_number_absolute},
    {Py_nb_positive, hr_number_positive},
    {Py_nb_invert, hr_number_invert},
    {Py_nb_inplace_add, hr_number_add_to},
    {Py_nb_inplace_subtract, hr_number_subtract_from},
    {Py_nb_inplace_multiply, hr_number_multiply_by},
    {Py_nb_inplace_true_divide, hr_number_divide_by},
    {Py_nb_inplace_floor_divide, hr_number_floor_divide_by},
    {Py_nb_inplace_remainder, hr_number_remainder_by},
    {Py_nb_inplace_power, hr_number_power_by},
    {Py_nb_inplace_and, hr_number_and_with},
    {Py_nb_inplace_or, hr_number_or_with},
    {Py_nb_inplace_xor, hr_number_xor_with},
    {Py_nb_inplace_lshift, hr_number_left_shift_by},
    {Py_nb_inplace_rshift, hr_number_right_shift_by},
    {Py_nb_inplace_matrix_multiply, hr_number_matmul_by},
    {Py_nb_and, hr_number_and},
    {Py_nb_or, hr_number_or},
    {Py_nb_xor, hr_number_xor},
    {Py_tp_doc, HR_DOC_array},
    {0, NULL},
};

PyType_Spec hr_array_spec = {
    .name = "headrace.core.array",
    .basicsize = sizeof(hr_py_array),
    .flags = Py_TPFLAGS_DEFAULT | HR_TYPE_FLAGS,
    .slots = slots,
};

/* --- iteration --- */

typedef struct iterator {
  PyObject_HEAD PyObject *array;
  _Atomic(Py_ssize_t) next;
} iterator;

static PyObject *iterator_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  PyObject *array;
  (void)kwargs;
  if (!PyArg_ParseTuple(args, "O", &array)) return NULL;
  if (!hr_is_array(array)) return PyErr_SetString(PyExc_TypeError, "ArrayIterator takes an array"), NULL;
  iterator *self = PyObject_New(iterator, type);
  if (!self) return NULL;
  self->array = Py_NewRef(array);
  atomic_init(&self->next, 0);
  return (PyObject *)self;
}

static void iterator_dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  Py_DECREF(((iterator *)self)->array);
  PyObject_Free(self);
  Py_DECREF(type);
}

static PyObject *iterator_next(PyObject *self) {
  iterator *it = (iterator *)self;
  Py_ssize_t next = atomic_fetch_add_explicit(&it->next, 1, memory_order_relaxed); /* threads may share the iterator */
  if (next >= PyObject_Size(it->array)) return NULL;
  PyObject *index = PyLong_FromSsize_t(next);
  PyObject *item = index ? hr_array_getitem(it->array, index) : NULL;
  Py_XDECREF(index);
  return item;
}

static PyType_Slot iterator_slots[] = {
    {Py_tp_new, iterator_new},       {Py_tp_dealloc, iterator_dealloc}, {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, iterator_next}, {Py_tp_doc, HR_DOC_ArrayIterator}, {0, NULL},
};

PyType_Spec hr_array_iterator_spec = {
    .name = "headrace.core.ArrayIterator",
    .basicsize = sizeof(iterator),
    .flags = Py_TPFLAGS_DEFAULT | HR_TYPE_FLAGS,
    .slots = iterator_slots,
};
