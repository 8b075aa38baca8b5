/* Trees of arrays (lists, tuples, dicts, to any depth) and evaluation: eval, async_eval, waiting as such; drawings. */
#include <stdio.h>
#include <stdlib.h>

#include "core.h"
#include "mlx/c/graph_utils.h"

/* A wait is cut into pieces of this length, between which signals are looked at: Ctrl-C ends it so soon. */
enum { SLICE_NS = 50 * 1000 * 1000 };

bool hr_py_wait(hr_state *st, const mlx_array *arrays, size_t count) {
  hr_status status;
  bool there = false;
  if (count == 1 && _mlx_array_is_available(&there, arrays[0]) == 0 && there) return true;
  do {
    Py_BEGIN_ALLOW_THREADS status = hr_arrays_eval(arrays, count, SLICE_NS);
    Py_END_ALLOW_THREADS if (status == HR_TIMEOUT && PyErr_CheckSignals() < 0) return false;
  } while (status == HR_TIMEOUT);
  return status == HR_OK || hr_raise(st);
}

/* Arrays found in trees. Handles are the leaves' own, so that other threads may assign to the objects meanwhile. */
typedef struct leaves {
  mlx_array *items;
  size_t count, capacity;
  mlx_array few[8];
} leaves;

static void leaves_free(leaves *l) {
  for (size_t i = 0; i < l->count; i++) mlx_array_free(l->items[i]);
  if (l->items != l->few) PyMem_Free(l->items);
}

static bool add_leaf(leaves *l, PyObject *array) {
  if (l->count == l->capacity) {
    size_t capacity = 2 * l->capacity;
    mlx_array *items = PyMem_Malloc(capacity * sizeof *items);
    if (!items) return PyErr_NoMemory(), false;
    for (size_t i = 0; i < l->count; i++) items[i] = l->items[i];
    if (l->items != l->few) PyMem_Free(l->items);
    l->items = items;
    l->capacity = capacity;
  }
  return hr_array_share(&l->items[l->count], array) && (l->count++, true);
}

static bool collect(leaves *l, PyObject *tree);

static bool collect_items(leaves *l, PyObject *sequence) {
  PyObject *items = hr_frozen(sequence);
  bool good = items != NULL;
  for (Py_ssize_t i = 0; good && i < PySequence_Fast_GET_SIZE(items); i++)
    good = collect(l, PySequence_Fast_GET_ITEM(items, i));
  Py_XDECREF(items);
  return good;
}

static bool collect(leaves *l, PyObject *tree) {
  if (hr_is_array(tree)) return add_leaf(l, tree);
  bool nested = PyList_Check(tree) || PyTuple_Check(tree) || PyDict_Check(tree);
  if (!nested) return true;
  if (Py_EnterRecursiveCall(" in a tree of arrays")) return false;
  bool good = true;
  if (PyDict_Check(tree)) {
    PyObject *values = PyDict_Values(tree);
    good = values && collect_items(l, values);
    Py_XDECREF(values);
  } else {
    good = collect_items(l, tree);
  }
  Py_LeaveRecursiveCall();
  return good;
}

static bool collect_all(leaves *l, PyObject *const *args, Py_ssize_t count) {
  l->items = l->few;
  l->count = 0;
  l->capacity = sizeof l->few / sizeof *l->few;
  for (Py_ssize_t i = 0; i < count; i++)
    if (!collect(l, args[i])) return false;
  return true;
}

PyObject *hr_op_eval(PyObject *module, PyObject *const *args, Py_ssize_t count) {
  leaves l;
  bool good = collect_all(&l, args, count) && hr_py_wait(hr_state_of_module(module), l.items, l.count);
  leaves_free(&l);
  return good ? Py_NewRef(Py_None) : NULL;
}

/* Without the lock: queueing may wait for a stream's limit. */
PyObject *hr_op_async_eval(PyObject *module, PyObject *const *args, Py_ssize_t count) {
  leaves l;
  hr_status status = HR_OK;
  bool good = collect_all(&l, args, count);
  if (good) {
    Py_BEGIN_ALLOW_THREADS status = hr_arrays_async_eval(l.items, l.count);
    Py_END_ALLOW_THREADS
  }
  leaves_free(&l);
  if (good && status != HR_OK) hr_raise(hr_state_of_module(module));
  return good && status == HR_OK ? Py_NewRef(Py_None) : NULL;
}

PyObject *hr_op_fence_of_arrays(PyObject *module, PyObject *tree) {
  leaves l;
  bool good = collect_all(&l, &tree, 1);
  PyObject *fence = good ? hr_fence_of_handles(hr_state_of_module(module), l.items, l.count) : NULL;
  leaves_free(&l);
  return fence;
}

/* Buffers that several arrays share are counted once, by the address of their first element. */
PyObject *hr_op_get_array_buffer_size(PyObject *module, PyObject *const *args, Py_ssize_t count) {
  leaves l;
  size_t bytes = 0;
  (void)module;
  bool good = collect_all(&l, args, count);
  for (size_t i = 0; good && i < l.count; i++) {
    const void *data = mlx_array_data_uint8(l.items[i]);
    bool again = false;
    for (size_t j = 0; j < i && !again; j++) again = mlx_array_data_uint8(l.items[j]) == data;
    if (!data && mlx_array_size(l.items[i])) good = hr_raise(hr_state_of_module(module));
    if (good && !again) bytes += mlx_array_nbytes(l.items[i]);
  }
  leaves_free(&l);
  return good ? PyLong_FromSize_t(bytes) : NULL;
}

/* --- drawings --- */

/* names: a dict of texts to arrays. */
static bool name_arrays(hr_state *st, mlx_node_namer namer, PyObject *names) {
  PyObject *key, *array;
  Py_ssize_t at = 0;
  while (PyDict_Next(names, &at, &key, &array)) {
    if (!hr_is_array(array)) {
      PyErr_Format(PyExc_ValueError, "export_to_dot(): argument '%U' must be an array, not %.200s", key,
                   Py_TYPE(array)->tp_name);
      return false;
    }
    mlx_array value;
    const char *name = PyUnicode_AsUTF8(key);
    if (!name || !hr_array_share(&value, array)) return false;
    int failed = mlx_node_namer_set_name(namer, value, name);
    mlx_array_free(value);
    if (failed) return hr_raise(st), false;
  }
  return true;
}

static PyObject *draw(hr_state *st, mlx_node_namer namer, const leaves *l) {
  char *text = NULL;
  size_t bytes = 0;
  PyObject *result = NULL;
  mlx_vector_array outputs = mlx_vector_array_new_data(l->items, l->count);
  FILE *file = open_memstream(&text, &bytes);
  bool good = file && outputs.ctx && mlx_export_to_dot(file, namer, outputs) == 0;
  if (file && fclose(file) == 0 && good) result = PyUnicode_DecodeUTF8(text, (Py_ssize_t)bytes, "replace");
  free(text);
  mlx_vector_array_free(outputs);
  if (result || PyErr_Occurred()) return result;
  return file ? hr_raise(st) : PyErr_NoMemory();
}

PyObject *hr_op_graph_as_dot(PyObject *module, PyObject *args) {
  hr_state *st = hr_state_of_module(module);
  PyObject *tree, *names, *result = NULL;
  leaves l = {0};
  if (!PyArg_ParseTuple(args, "OO!:_graph_as_dot", &tree, &PyDict_Type, &names)) return NULL;
  mlx_node_namer namer = mlx_node_namer_new();
  if (!namer.ctx)
    hr_raise(st);
  else if (name_arrays(st, namer, names) && collect_all(&l, (PyObject *[]){tree, names}, 2))
    result = draw(st, namer, &l);
  leaves_free(&l);
  mlx_node_namer_free(namer);
  return result;
}
