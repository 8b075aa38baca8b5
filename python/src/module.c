/* The module headrace._core: its types, constants and functions, and how failures of the library become exceptions. */
#include "core.h"
#include "mlx/c/version.h"
#include "python_ops.h"

/* --- errors --- */

/* The library keeps the text of each thread's newest failure; the handler has nothing to do. */
static void ignore_error(const char *text, void *data) { (void)text, (void)data; }

/* "[mlx_add] add: ..." without the name of the C function. */
static const char *message(void) {
  const char *text = hr_last_error(), *end = *text == '[' ? strstr(text, "] ") : NULL;
  return end ? end + 2 : text;
}

static PyObject *exception_of(hr_state *st, hr_status status, const char *text) {
  switch (status) {
    case HR_INVALID: return strstr(text, "out of range") ? st->range_error : PyExc_ValueError;
    case HR_TIMEOUT: return PyExc_TimeoutError;
    case HR_UNSUPPORTED: return PyExc_ValueError;
    default: return PyExc_RuntimeError;
  }
}

PyObject *hr_raise(hr_state *st) {
  if (PyErr_Occurred()) return NULL;
  const char *text = message();
  PyObject *shown = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
  if (shown) PyErr_SetObject(exception_of(st, hr_last_status(), text), shown);
  Py_XDECREF(shown);
  return NULL;
}

/* --- making the module --- */

static PyType_Spec *const specs[HR_TYPE_COUNT] = {
    [HR_TYPE_ARRAY] = &hr_array_spec,
    [HR_TYPE_ARRAY_ITERATOR] = &hr_array_iterator_spec,
    [HR_TYPE_ARRAY_AT] = &hr_array_at_spec,
    [HR_TYPE_DTYPE] = &hr_dtype_spec,
    [HR_TYPE_DEVICE] = &hr_device_spec,
    [HR_TYPE_STREAM] = &hr_stream_spec,
    [HR_TYPE_THREAD_STREAM] = &hr_thread_stream_spec,
    [HR_TYPE_STREAM_CONTEXT] = &hr_stream_context_spec,
    [HR_TYPE_FENCE] = &hr_fence_spec,
    [HR_TYPE_CALLBACK] = &hr_callback_spec,
    [HR_TYPE_QUEUE] = &hr_queue_spec,
};

/* The type, its properties and its methods. */
static int make_members_immortal(PyTypeObject *type) {
#ifdef Py_GIL_DISABLED
  PyObject *members = PyType_GetDict(type), *name, *member;
  Py_ssize_t at = 0;
  if (!members) return -1;
  while (PyDict_Next(members, &at, &name, &member)) hr_make_immortal(member);
  Py_DECREF(members);
#endif
  hr_make_immortal((PyObject *)type);
  return 0;
}

static int add_types(PyObject *module, hr_state *st) {
  for (int i = 0; i < HR_TYPE_COUNT; i++) {
    st->types[i] = (PyTypeObject *)PyType_FromModuleAndSpec(module, specs[i], NULL);
    if (!st->types[i] || PyModule_AddType(module, st->types[i]) < 0 || make_members_immortal(st->types[i]) < 0)
      return -1;
  }
  return 0;
}

static int add_dtypes(PyObject *module, hr_state *st) {
  for (int i = 0; i < HR_DTYPES; i++) {
    hr_py_dtype *dtype = PyObject_New(hr_py_dtype, st->types[HR_TYPE_DTYPE]);
    if (!dtype) return -1;
    dtype->value = (mlx_dtype)i;
    st->dtypes[i] = (PyObject *)dtype;
    hr_make_immortal(st->dtypes[i]);
    const char *name = i == MLX_BOOL ? "bool_" : hr_dtype_text((mlx_dtype)i);
    if (PyModule_AddObjectRef(module, name, st->dtypes[i]) < 0) return -1;
  }
  return 0;
}

/* DeviceType is an enumeration of Python's; so is DtypeCategory, which the module itself does not need. */
static int add_enums(PyObject *module, hr_state *st) {
  PyObject *enums = PyImport_ImportModule("headrace._enums");
  if (!enums) return -1;
  st->device_types = PyObject_GetAttrString(enums, "DeviceType");
  if (st->device_types) st->device_cpu = PyObject_GetAttrString(st->device_types, "cpu");
  if (st->device_cpu) st->device_gpu = PyObject_GetAttrString(st->device_types, "gpu");
  st->range_error = PyObject_GetAttrString(enums, "OutOfRange");
  Py_DECREF(enums);
  if (!st->device_gpu || !st->range_error) return -1;
  if (PyModule_AddObjectRef(module, "DeviceType", st->device_types) < 0) return -1;
  if (PyModule_AddObjectRef(module, "cpu", st->device_cpu) < 0) return -1;
  if (PyModule_AddObjectRef(module, "gpu", st->device_gpu) < 0) return -1;
  return PyModule_AddObjectRef(module, "range_error", st->range_error);
}

/* headrace.core.random and its like; `where` is the last part of the name. A borrowed reference. */
static PyObject *submodule(PyObject *module, const char *where) {
  char name[64];
  if (!*where) return module;
  PyOS_snprintf(name, sizeof name, "headrace.core.%s", where);
  PyObject *inner = PyImport_AddModule(name);
  return inner && PyModule_AddObjectRef(module, where, inner) == 0 ? inner : NULL;
}

static int add_functions(PyObject *module, hr_function *functions) {
  PyObject *owner = PyUnicode_FromString("headrace.core");
  int failed = owner ? 0 : -1;
  for (hr_function *f = functions; !failed && f->where; f++) {
    PyObject *inner = submodule(module, f->where);
    PyObject *function = inner ? PyCFunction_NewEx(&f->def, module, owner) : NULL;
    if (function) hr_make_immortal(function);
    failed = !function || PyModule_AddObjectRef(inner, f->def.ml_name, function) < 0 ? -1 : 0;
    Py_XDECREF(function);
  }
  Py_XDECREF(owner);
  return failed;
}

static int add_versions(PyObject *module) {
  mlx_string version = mlx_string_new();
  int failed = mlx_version(&version) || PyModule_AddStringConstant(module, "__version__", mlx_string_data(version)) < 0;
  mlx_string_free(version);
  return failed ? -1 : PyModule_AddStringConstant(module, "library_version", hr_version());
}

static PyObject *threads(PyObject *module, PyObject *ignored) {
  (void)module, (void)ignored;
  return PyLong_FromLong(hr_threads());
}

static PyObject *random_state(PyObject *module, PyObject *ignored) {
  mlx_array key = {0};
  (void)ignored;
  int failed = hr_random_state(&key) != HR_OK;
  return hr_result(hr_state_of_module(module), failed, key);
}

static PyObject *get_precision(PyObject *module, PyObject *ignored) {
  (void)ignored;
  return PyLong_FromLong(atomic_load_explicit(&hr_state_of_module(module)->precision, memory_order_relaxed));
}

static PyObject *set_precision(PyObject *module, PyObject *digits) {
  long value = PyLong_AsLong(digits);
  if (value == -1 && PyErr_Occurred()) return NULL;
  if (value < -1 || value > 64) return PyErr_Format(PyExc_ValueError, "%ld is no precision", value);
  atomic_store_explicit(&hr_state_of_module(module)->precision, (int)value, memory_order_relaxed);
  Py_RETURN_NONE;
}

static hr_function tree_functions[] = {
    {"", {"eval", (PyCFunction)(void (*)(void))hr_op_eval, METH_FASTCALL, HR_DOC_eval}},
    {"", {"async_eval", (PyCFunction)(void (*)(void))hr_op_async_eval, METH_FASTCALL, HR_DOC_async_eval}},
    {"",
     {"get_array_buffer_size", (PyCFunction)(void (*)(void))hr_op_get_array_buffer_size, METH_FASTCALL,
      HR_DOC_get_array_buffer_size}},
    {"", {"_graph_as_dot", hr_op_graph_as_dot, METH_VARARGS, "_graph_as_dot(tree, names)"}},
    {"", {"_random_state", random_state, METH_NOARGS, "This thread's key of random numbers."}},
    {"", {"_fence_of_stream", hr_op_fence_of_stream, METH_O, "All that is queued on the stream."}},
    {"", {"_fence_of_arrays", hr_op_fence_of_arrays, METH_O, "Queues the arrays of a tree; a fence of them all."}},
    {"", {"_close_callbacks", hr_op_close_callbacks, METH_NOARGS, "At exit: no callback from now on."}},
    {"", {"_forked_callbacks", hr_op_forked_callbacks, METH_NOARGS, "In the child of a fork."}},
    {"", {"_threads", threads, METH_NOARGS, "How many workers run tasks at once."}},
    {"", {"_get_precision", get_precision, METH_NOARGS, "Digits of printed floats, -1: as many as six need."}},
    {"", {"_set_precision", set_precision, METH_O, "Sets them."}},
    {"", {"_load", hr_op_load, METH_VARARGS, "_load(format, source, stream)"}},
    {"", {"_save", hr_op_save, METH_VARARGS, "_save(format, target, content, metadata=None)"}},
    {"", {"_load_gguf", hr_op_load_gguf, METH_VARARGS, "_load_gguf(path, stream)"}},
    {"", {"_save_gguf", hr_op_save_gguf, METH_VARARGS, "_save_gguf(path, arrays, metadata=None)"}},
    {"", {"_device_info", hr_op_device_info, METH_O, "A dict of what is known about the Device."}},
    {0},
};

static int execute(PyObject *module) {
  hr_state *st = hr_state_of_module(module);
  mlx_set_error_handler(ignore_error, NULL, NULL);
  atomic_init(&st->precision, -1);
  atomic_init(&st->has_scopes, 0);
  st->scope = PyContextVar_New("headrace.stream", Py_None);
  if (!st->scope || add_types(module, st) < 0 || add_dtypes(module, st) < 0 || add_enums(module, st) < 0) return -1;
  if (add_functions(module, tree_functions) < 0 || add_functions(module, hr_generated_functions) < 0) return -1;
  return add_versions(module);
}

/* --- the definition --- */

#define EACH_OBJECT(st, what)                                     \
  do {                                                            \
    for (int i = 0; i < HR_TYPE_COUNT; i++) what((st)->types[i]); \
    for (int i = 0; i < HR_DTYPES; i++) what((st)->dtypes[i]);    \
    what((st)->device_types);                                     \
    what((st)->device_cpu);                                       \
    what((st)->device_gpu);                                       \
    what((st)->range_error);                                      \
    what((st)->scope);                                            \
  } while (0)

static int traverse(PyObject *module, visitproc visit, void *arg) {
  hr_state *st = hr_state_of_module(module);
  EACH_OBJECT(st, Py_VISIT);
  return 0;
}

static int clear(PyObject *module) {
  hr_state *st = hr_state_of_module(module);
  EACH_OBJECT(st, Py_CLEAR);
  hr_scalars_clear(st);
  return 0;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, execute},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

struct PyModuleDef hr_module_def = {
    PyModuleDef_HEAD_INIT,      .m_name = "headrace._core", .m_doc = "Arrays and their operations, in C.",
    .m_size = sizeof(hr_state), .m_slots = module_slots,    .m_traverse = traverse,
    .m_clear = clear,
};

PyMODINIT_FUNC PyInit__core(void);
PyMODINIT_FUNC PyInit__core(void) { return PyModuleDef_Init(&hr_module_def); }
