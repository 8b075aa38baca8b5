/* Trees of arrays (lists, tuples, dicts, to any depth) and evaluation: eval, async_eval, and waiting as such. */
#include "core.h"

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
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(sequence); i++)
    if (!collect(l, PySequence_Fast_GET_ITEM(sequence, i))) return false;
  return true;
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
