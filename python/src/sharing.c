/* Objects that several threads use at once (X1, X4): reading and writing what is behind an array object, lists that
 * others may change, and counts of references that all threads would write. */
#include "core.h"

/* --- arrays --- */

bool hr_array_share(mlx_array *out, PyObject *array) {
  int failed;
  out->ctx = NULL;
  Py_BEGIN_CRITICAL_SECTION(array);
  failed = mlx_array_set(out, hr_value(array));
  Py_END_CRITICAL_SECTION();
  return !failed || hr_raise(hr_state_of(array));
}

/* In its critical section. */
static int replace(PyObject *array, mlx_array value) {
  hr_py_array *self = (hr_py_array *)array;
  self->changes++;
  return mlx_array_set(&self->value, value);
}

bool hr_array_replace(PyObject *array, mlx_array value) {
  int failed;
  Py_BEGIN_CRITICAL_SECTION(array);
  failed = replace(array, value);
  Py_END_CRITICAL_SECTION();
  return !failed || hr_raise(hr_state_of(array));
}

size_t hr_array_changes(PyObject *array) {
  size_t changes;
  Py_BEGIN_CRITICAL_SECTION(array);
  changes = ((hr_py_array *)array)->changes;
  Py_END_CRITICAL_SECTION();
  return changes;
}

int hr_array_replace_since(PyObject *array, mlx_array value, size_t changes) {
  int failed = 0;
  bool same;
  Py_BEGIN_CRITICAL_SECTION(array);
  same = ((hr_py_array *)array)->changes == changes;
  if (same) failed = replace(array, value);
  Py_END_CRITICAL_SECTION();
  if (!failed) return same;
  hr_raise(hr_state_of(array));
  return -1;
}

size_t hr_array_ask(PyObject *array, size_t (*question)(mlx_array)) {
  size_t answer;
  Py_BEGIN_CRITICAL_SECTION(array);
  answer = question(hr_value(array));
  Py_END_CRITICAL_SECTION();
  return answer;
}

mlx_dtype hr_dtype_of(PyObject *array) {
  mlx_dtype dtype;
  Py_BEGIN_CRITICAL_SECTION(array);
  dtype = mlx_array_dtype(hr_value(array));
  Py_END_CRITICAL_SECTION();
  return dtype;
}

size_t hr_shape_of(int shape[HR_MAX_AXES], PyObject *array) {
  size_t ndim;
  Py_BEGIN_CRITICAL_SECTION(array);
  ndim = mlx_array_ndim(hr_value(array));
  for (size_t i = 0; i < ndim; i++) shape[i] = mlx_array_shape(hr_value(array))[i];
  Py_END_CRITICAL_SECTION();
  return ndim;
}

/* --- without the interpreter's lock --- */

#ifdef Py_GIL_DISABLED

static bool is_list(PyObject *object) { return PyList_Check(object) || PyTuple_Check(object); }

static bool has_lists(PyObject *tuple) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++)
    if (is_list(PyTuple_GET_ITEM(tuple, i))) return true;
  return false;
}

/* A tuple of its own with what is in the list or tuple. */
static PyObject *copied(PyObject *items) {
  PyObject *list = PyTuple_Check(items) ? PySequence_List(items) : Py_NewRef(items);
  PyObject *tuple = list ? PyList_AsTuple(list) : NULL;
  Py_XDECREF(list);
  return tuple;
}

static PyObject *freeze(PyObject *object, int depth) {
  if (!is_list(object) || depth > HR_MAX_AXES) return Py_NewRef(object);
  if (PyTuple_Check(object) && !has_lists(object)) return Py_NewRef(object);
  PyObject *tuple = copied(object);
  for (Py_ssize_t i = 0; tuple && i < PyTuple_GET_SIZE(tuple); i++) {
    if (!is_list(PyTuple_GET_ITEM(tuple, i))) continue;
    PyObject *item = freeze(PyTuple_GET_ITEM(tuple, i), depth + 1);
    if (!item || PyTuple_SetItem(tuple, i, item) < 0) Py_CLEAR(tuple);
  }
  return tuple;
}

PyObject *hr_frozen(PyObject *object) { return freeze(object, 0); }

/* As the interpreter itself does with what all threads use. */
void hr_make_immortal(PyObject *object) {
  if (PyObject_IS_GC(object)) PyObject_GC_UnTrack(object);
  object->ob_tid = 0;
  object->ob_ref_local = _Py_IMMORTAL_REFCNT_LOCAL;
  object->ob_ref_shared = 0;
}

#else

PyObject *hr_frozen(PyObject *object) { return Py_NewRef(object); }
void hr_make_immortal(PyObject *object) { (void)object; }

#endif
