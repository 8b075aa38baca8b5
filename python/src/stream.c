/* Devices, streams, and the scope `with stream(s)`.
 *
 * The scoped default is a context variable, so every thread, coroutine and nested scope sees its own; it reaches the
 * library as the stream argument of each operation. Until the first scope is opened nobody looks at the variable. Its
 * value is None or a tuple of the innermost scope's Stream and the value outside of that scope.
 * Outside of scopes the defaults are the thread's, in the library. */
#include "bodies.h"
#include "python_ops.h"

/* --- devices --- */

PyObject *hr_device_new(hr_state *st, mlx_device_type type, int index) {
  hr_py_device *self = PyObject_New(hr_py_device, st->types[HR_TYPE_DEVICE]);
  if (!self) return NULL;
  self->type = type;
  self->index = index;
  return (PyObject *)self;
}

/* A Device or a DeviceType; false without an exception if it is neither. */
static bool read_device(hr_state *st, PyObject *object, hr_py_device *out) {
  out->index = 0;
  if (Py_IS_TYPE(object, st->types[HR_TYPE_DEVICE])) {
    out->type = ((hr_py_device *)object)->type;
    out->index = ((hr_py_device *)object)->index;
    return true;
  }
  out->type = object == st->device_gpu ? MLX_GPU : MLX_CPU;
  return object == st->device_cpu || object == st->device_gpu;
}

static bool get_device(hr_call *call, PyObject *object, const char *name, mlx_device *out) {
  hr_py_device device;
  if (!object || !read_device(call->st, object, &device))
    return hr_bad_argument(call, name, "a Device or a DeviceType", object);
  *out = mlx_device_new_type(device.type, device.index);
  return out->ctx || hr_raise(call->st);
}

static PyObject *device_make(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"type", "index", NULL};
  hr_state *st = PyType_GetModuleState(type);
  PyObject *kind;
  hr_py_device device;
  int index = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|i:Device", names, &kind, &index)) return NULL;
  if (!read_device(st, kind, &device))
    return PyErr_Format(PyExc_TypeError, "Device(): argument 'type' must be a DeviceType, not %.200s",
                        Py_TYPE(kind)->tp_name);
  return hr_device_new(st, device.type, index);
}

static void plain_dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_Free(self);
  Py_DECREF(type);
}

static PyObject *device_repr(PyObject *self) {
  hr_py_device *device = (hr_py_device *)self;
  return PyUnicode_FromFormat("Device(%s, %d)", device->type == MLX_CPU ? "cpu" : "gpu", device->index);
}

static PyObject *device_compare(PyObject *self, PyObject *other, int op) {
  hr_py_device device, *own = (hr_py_device *)self;
  if (op != Py_EQ && op != Py_NE) Py_RETURN_NOTIMPLEMENTED;
  bool same = read_device(hr_state_of(self), other, &device) && device.type == own->type && device.index == own->index;
  return PyBool_FromLong(op == Py_EQ ? same : !same);
}

static Py_hash_t device_hash(PyObject *self) {
  hr_py_device *device = (hr_py_device *)self;
  return (Py_hash_t)device->type + 2 * (Py_hash_t)device->index;
}

static PyObject *device_type(PyObject *self, void *closure) {
  hr_state *st = hr_state_of(self);
  (void)closure;
  return Py_NewRef(((hr_py_device *)self)->type == MLX_CPU ? st->device_cpu : st->device_gpu);
}

static PyObject *device_reduce(PyObject *self, PyObject *ignored) {
  (void)ignored;
  return Py_BuildValue("O(Ni)", Py_TYPE(self), device_type(self, NULL), ((hr_py_device *)self)->index);
}

static PyGetSetDef device_getset[] = {{"type", device_type, NULL, HR_DOC_Device_type, NULL}, {0}};
static PyMethodDef device_methods[] = {{"__reduce__", device_reduce, METH_NOARGS, NULL}, {0}};
static PyType_Slot device_slots[] = {
    {Py_tp_new, device_make},
    {Py_tp_dealloc, plain_dealloc},
    {Py_tp_repr, device_repr},
    {Py_tp_richcompare, device_compare},
    {Py_tp_hash, device_hash},
    {Py_tp_getset, device_getset},
    {Py_tp_methods, device_methods},
    {Py_tp_doc, HR_DOC_Device},
    {0, NULL},
};
PyType_Spec hr_device_spec = {
    .name = "headrace.core.Device",
    .basicsize = sizeof(hr_py_device),
    .flags = Py_TPFLAGS_DEFAULT | HR_TYPE_FLAGS,
    .slots = device_slots,
};

/* --- streams --- */

PyObject *hr_stream_wrap(hr_state *st, mlx_stream value) {
  hr_py_stream *self = PyObject_New(hr_py_stream, st->types[HR_TYPE_STREAM]);
  if (!self) {
    mlx_stream_free(value);
    return NULL;
  }
  self->value = value;
  return (PyObject *)self;
}

static mlx_stream stream_value(PyObject *stream) { return ((hr_py_stream *)stream)->value; }

static bool is_stream(hr_state *st, PyObject *object) { return Py_IS_TYPE(object, st->types[HR_TYPE_STREAM]); }

static void stream_dealloc(PyObject *self) {
  mlx_stream_free(stream_value(self));
  plain_dealloc(self);
}

static PyObject *stream_repr(PyObject *self) {
  mlx_string text = {0};
  PyObject *result = mlx_stream_tostring(&text, stream_value(self)) ? hr_raise(hr_state_of(self))
                                                                    : PyUnicode_FromString(mlx_string_data(text));
  mlx_string_free(text);
  return result;
}

static PyObject *stream_compare(PyObject *self, PyObject *other, int op) {
  if (op != Py_EQ && op != Py_NE) Py_RETURN_NOTIMPLEMENTED;
  bool same = Py_IS_TYPE(other, Py_TYPE(self)) && mlx_stream_equal(stream_value(self), stream_value(other));
  return PyBool_FromLong(op == Py_EQ ? same : !same);
}

static PyObject *stream_index(PyObject *self, void *closure) {
  int index = 0;
  (void)closure;
  return mlx_stream_get_index(&index, stream_value(self)) ? hr_raise(hr_state_of(self)) : PyLong_FromLong(index);
}

static Py_hash_t stream_hash(PyObject *self) {
  int index = 0;
  if (mlx_stream_get_index(&index, stream_value(self))) return hr_raise(hr_state_of(self)), -1;
  return (Py_hash_t)index;
}

static PyObject *device_of(hr_state *st, mlx_device device, int failed) {
  mlx_device_type type = MLX_CPU;
  int index = 0;
  failed = failed || mlx_device_get_type(&type, device) || mlx_device_get_index(&index, device);
  mlx_device_free(device);
  return failed ? hr_raise(st) : hr_device_new(st, type, index);
}

static PyObject *stream_device(PyObject *self, void *closure) {
  mlx_device device = mlx_device_new();
  (void)closure;
  int failed = mlx_stream_get_device(&device, stream_value(self));
  return device_of(hr_state_of(self), device, failed);
}

static PyGetSetDef stream_getset[] = {
    {"device", stream_device, NULL, HR_DOC_Stream_device, NULL},
    {"index", stream_index, NULL, HR_DOC_Stream_index, NULL},
    {0},
};
static PyType_Slot stream_slots[] = {
    {Py_tp_dealloc, stream_dealloc},     {Py_tp_repr, stream_repr},
    {Py_tp_richcompare, stream_compare}, {Py_tp_hash, stream_hash},
    {Py_tp_getset, stream_getset},       {Py_am_await, hr_await},
    {Py_tp_doc, HR_DOC_Stream},          {0, NULL},
};
PyType_Spec hr_stream_spec = {
    .name = "headrace.core.Stream",
    .basicsize = sizeof(hr_py_stream),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | HR_TYPE_FLAGS,
    .slots = stream_slots,
};

static PyObject *new_stream(hr_call *call, PyObject *arg) {
  mlx_device device;
  if (!get_device(call, arg, "device", &device)) return NULL;
  mlx_stream stream = mlx_stream_new_device(device);
  mlx_device_free(device);
  return stream.ctx ? hr_stream_wrap(call->st, stream) : hr_raise(call->st);
}

PyObject *hr_op_new_stream(hr_call *call, PyObject *const *in) { return new_stream(call, in[0]); }

/* --- a stream for each thread --- */

typedef struct thread_stream {
  PyObject_HEAD PyObject *device;
} thread_stream;

static void thread_stream_dealloc(PyObject *self) {
  Py_DECREF(((thread_stream *)self)->device);
  plain_dealloc(self);
}

/* This thread's stream, borrowed; made at the first call, it lives in the thread's dict until the thread ends. */
static PyObject *thread_stream_get(hr_call *call, PyObject *self) {
  PyObject *dict = PyThreadState_GetDict();
  if (!dict) return PyErr_SetString(PyExc_RuntimeError, "the thread has no dict for its stream"), NULL;
  PyObject *stream = PyDict_GetItemWithError(dict, self);
  if (stream || PyErr_Occurred()) return stream;
  stream = new_stream(call, ((thread_stream *)self)->device);
  if (!stream) return NULL;
  int failed = PyDict_SetItem(dict, self, stream);
  Py_DECREF(stream);
  return failed ? NULL : stream;
}

static PyObject *thread_stream_repr(PyObject *self) {
  return PyUnicode_FromFormat("ThreadLocalStream(%R)", ((thread_stream *)self)->device);
}

static PyObject *thread_stream_device(PyObject *self, void *closure) {
  (void)closure;
  return Py_NewRef(((thread_stream *)self)->device);
}

static PyGetSetDef thread_stream_getset[] = {
    {"device", thread_stream_device, NULL, HR_DOC_ThreadLocalStream_device, NULL}, {0}};
static PyType_Slot thread_stream_slots[] = {
    {Py_tp_dealloc, thread_stream_dealloc},
    {Py_tp_repr, thread_stream_repr},
    {Py_tp_getset, thread_stream_getset},
    {Py_tp_doc, HR_DOC_ThreadLocalStream},
    {0, NULL},
};
PyType_Spec hr_thread_stream_spec = {
    .name = "headrace.core.ThreadLocalStream",
    .basicsize = sizeof(thread_stream),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | HR_TYPE_FLAGS,
    .slots = thread_stream_slots,
};

PyObject *hr_op_new_thread_local_stream(hr_call *call, PyObject *const *in) {
  hr_py_device device;
  if (!read_device(call->st, in[0], &device)) {
    hr_bad_argument(call, "device", "a Device or a DeviceType", in[0]);
    return NULL;
  }
  thread_stream *self = PyObject_New(thread_stream, call->st->types[HR_TYPE_THREAD_STREAM]);
  if (!self) return NULL;
  self->device = hr_device_new(call->st, device.type, device.index);
  if (self->device) return (PyObject *)self;
  PyObject_Free(self);
  Py_DECREF(call->st->types[HR_TYPE_THREAD_STREAM]);
  return NULL;
}

/* --- what a stream argument means --- */

/* The (Stream, outer value) of this context's innermost scope, a new reference; NULL without an exception if there is
 * none. */
static PyObject *innermost(hr_state *st) {
  PyObject *scope = NULL;
  if (!atomic_load_explicit(&st->has_scopes, memory_order_relaxed)) return NULL;
  if (PyContextVar_Get(st->scope, NULL, &scope) < 0) return NULL;
  if (scope == Py_None) Py_CLEAR(scope);
  return scope;
}

/* Its Stream, likewise. */
static PyObject *scoped(hr_state *st) {
  PyObject *scope = innermost(st), *stream = scope ? Py_NewRef(PyTuple_GET_ITEM(scope, 0)) : NULL;
  Py_XDECREF(scope);
  return stream;
}

/* The scope's stream if it is of the device, else the thread's default stream of the device: a handle of its own. */
static bool default_stream(hr_call *call, mlx_device device, mlx_stream *out) {
  PyObject *inner = scoped(call->st);
  mlx_device own = mlx_device_new();
  if (PyErr_Occurred()) return mlx_device_free(own), false;
  bool use = inner && mlx_stream_get_device(&own, stream_value(inner)) == 0 && mlx_device_equal(own, device);
  int failed = use ? mlx_stream_set(out, stream_value(inner)) : mlx_get_default_stream(out, device);
  mlx_device_free(own);
  Py_XDECREF(inner);
  return !failed || hr_raise(call->st);
}

bool hr_stream_resolve(hr_call *call, PyObject *arg) {
  hr_state *st = call->st;
  hr_py_device device;
  if (hr_absent(arg)) {
    PyObject *inner = scoped(st);
    if (!inner) return !PyErr_Occurred();
    call->scope = inner;
    call->stream = stream_value(inner);
    return true;
  }
  if (is_stream(st, arg)) return call->stream = stream_value(arg), true;
  if (Py_IS_TYPE(arg, st->types[HR_TYPE_THREAD_STREAM])) {
    PyObject *own = thread_stream_get(call, arg);
    if (own) call->stream = stream_value(own);
    return own != NULL;
  }
  if (!read_device(st, arg, &device)) return hr_bad_argument(call, "stream", "a Stream or a Device", arg);
  mlx_device handle = mlx_device_new_type(device.type, device.index);
  bool good = default_stream(call, handle, &call->owned_stream);
  mlx_device_free(handle);
  call->stream = call->owned_stream;
  return good;
}

/* --- scopes --- */

typedef struct stream_context {
  PyObject_HEAD PyObject *given; /* what it was made of; entering and leaving change nothing here */
} stream_context;

static PyObject *context_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"s", NULL};
  PyObject *given;
  hr_py_device device;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:StreamContext", names, &given)) return NULL;
  hr_state *st = PyType_GetModuleState(type);
  if (!is_stream(st, given) && !Py_IS_TYPE(given, st->types[HR_TYPE_THREAD_STREAM]) && !read_device(st, given, &device))
    return PyErr_Format(PyExc_TypeError, "stream(): argument 's' must be a Stream or a Device, not %s",
                        Py_TYPE(given)->tp_name);
  stream_context *self = PyObject_New(stream_context, type);
  if (self) self->given = Py_NewRef(given);
  return (PyObject *)self;
}

static void context_dealloc(PyObject *self) {
  Py_DECREF(((stream_context *)self)->given);
  plain_dealloc(self);
}

static bool set_scope(hr_state *st, PyObject *value) {
  PyObject *token = PyContextVar_Set(st->scope, value);
  if (token) atomic_store_explicit(&st->has_scopes, 1, memory_order_relaxed);
  Py_XDECREF(token);
  return token != NULL;
}

/* Opens a scope of the stream inside of `outer` (NULL: of none). Takes the stream over, which may be NULL. */
static PyObject *open_scope(hr_state *st, PyObject *stream, PyObject *outer) {
  PyObject *scope = stream ? PyTuple_Pack(2, stream, outer ? outer : Py_None) : NULL;
  bool good = scope && set_scope(st, scope);
  Py_XDECREF(scope);
  Py_XDECREF(stream);
  return good ? Py_NewRef(Py_None) : NULL;
}

static PyObject *context_enter(PyObject *self, PyObject *ignored) {
  mlx_stream stream = {0};
  PyObject *result = NULL;
  hr_call call;
  (void)ignored;
  hr_call_begin(&call, hr_state_of(self), "stream");
  PyObject *outer = innermost(call.st);
  if (!PyErr_Occurred() && hr_stream_resolve(&call, ((stream_context *)self)->given))
    result = mlx_stream_set(&stream, call.stream) ? hr_raise(call.st)
                                                  : open_scope(call.st, hr_stream_wrap(call.st, stream), outer);
  Py_XDECREF(outer);
  hr_call_end(&call);
  return result;
}

static PyObject *context_exit(PyObject *self, PyObject *const *args, Py_ssize_t count) {
  hr_state *st = hr_state_of(self);
  PyObject *scope = innermost(st);
  (void)args, (void)count;
  if (!scope) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_RuntimeError, "the stream's scope was not entered");
    return NULL;
  }
  bool good = set_scope(st, PyTuple_GET_ITEM(scope, 1));
  Py_DECREF(scope);
  return good ? Py_NewRef(Py_None) : NULL;
}

static PyMethodDef context_methods[] = {
    {"__enter__", context_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))context_exit, METH_FASTCALL, NULL},
    {0},
};
static PyType_Slot context_slots[] = {
    {Py_tp_new, context_new},
    {Py_tp_dealloc, context_dealloc},
    {Py_tp_methods, context_methods},
    {Py_tp_doc, HR_DOC_StreamContext},
    {0, NULL},
};
PyType_Spec hr_stream_context_spec = {
    .name = "headrace.core.StreamContext",
    .basicsize = sizeof(stream_context),
    .flags = Py_TPFLAGS_DEFAULT | HR_TYPE_FLAGS,
    .slots = context_slots,
};

PyObject *hr_op_stream(hr_call *call, PyObject *const *in) {
  return PyObject_CallOneArg((PyObject *)call->st->types[HR_TYPE_STREAM_CONTEXT], in[0]);
}

/* --- defaults --- */

PyObject *hr_op_default_device(hr_call *call, PyObject *const *in) {
  (void)in;
  PyObject *inner = scoped(call->st);
  if (inner) {
    PyObject *device = stream_device(inner, NULL);
    Py_DECREF(inner);
    return device;
  }
  if (PyErr_Occurred()) return NULL;
  mlx_device device = mlx_device_new();
  int failed = mlx_get_default_device(&device);
  return device_of(call->st, device, failed);
}

PyObject *hr_op_default_stream(hr_call *call, PyObject *const *in) {
  mlx_stream stream = {0};
  mlx_device device;
  if (!get_device(call, in[0], "device", &device)) return NULL;
  bool good = default_stream(call, device, &stream);
  mlx_device_free(device);
  if (good) return hr_stream_wrap(call->st, stream);
  mlx_stream_free(stream);
  return NULL;
}

/* Inside a scope the change ends with it. Takes both over. */
static PyObject *change_scope(hr_state *st, PyObject *scope, PyObject *stream) {
  PyObject *result = open_scope(st, stream, PyTuple_GET_ITEM(scope, 1));
  Py_DECREF(scope);
  return result;
}

PyObject *hr_op_set_default_stream(hr_call *call, PyObject *const *in) {
  if (!is_stream(call->st, in[0])) return hr_bad_argument(call, "stream", "a Stream", in[0]), NULL;
  PyObject *scope = innermost(call->st);
  if (scope) return change_scope(call->st, scope, Py_NewRef(in[0]));
  if (PyErr_Occurred()) return NULL;
  return mlx_set_default_stream(stream_value(in[0])) ? hr_raise(call->st) : Py_NewRef(Py_None);
}

PyObject *hr_op_set_default_device(hr_call *call, PyObject *const *in) {
  mlx_device device;
  if (!get_device(call, in[0], "device", &device)) return NULL;
  PyObject *scope = innermost(call->st), *result = NULL;
  if (scope) {
    mlx_stream stream = {0};
    bool good = default_stream(call, device, &stream);
    result = change_scope(call->st, scope, good ? hr_stream_wrap(call->st, stream) : NULL);
  } else if (!PyErr_Occurred()) {
    result = mlx_set_default_device(device) ? hr_raise(call->st) : Py_NewRef(Py_None);
  }
  mlx_device_free(device);
  return result;
}

PyObject *hr_op_is_available(hr_call *call, PyObject *const *in) {
  bool available = false;
  mlx_device device;
  if (!get_device(call, in[0], "device", &device)) return NULL;
  int failed = mlx_device_is_available(&available, device);
  mlx_device_free(device);
  return failed ? hr_raise(call->st) : PyBool_FromLong(available);
}

PyObject *hr_op_device_count(hr_call *call, PyObject *const *in) {
  hr_py_device device;
  int count = 0;
  if (!read_device(call->st, in[0], &device)) return hr_bad_argument(call, "device_type", "a DeviceType", in[0]), NULL;
  return mlx_device_count(&count, device.type) ? hr_raise(call->st) : PyLong_FromLong(count);
}

/* --- waiting --- */

enum { SLICE_NS = 50 * 1000 * 1000 };

/* timeout in seconds; None waits without limit. TimeoutError when it has run out. */
PyObject *hr_op_synchronize(hr_call *call, PyObject *const *in) {
  double seconds;
  if (!hr_get_double(call, in[1], "timeout", -1, &seconds) || !hr_get_stream(call, in[0])) return NULL;
  bool limited = !hr_absent(in[1]);
  int64_t left = limited && seconds < 9e9 ? (int64_t)(seconds * 1e9) : INT64_MAX;
  mlx_stream stream = {0};
  if (call->stream.ctx && mlx_stream_set(&stream, call->stream)) return hr_raise(call->st);
  hr_status status;
  for (;;) {
    int64_t slice = left < SLICE_NS ? left < 0 ? 0 : left : SLICE_NS;
    Py_BEGIN_ALLOW_THREADS status = hr_synchronize(stream, slice);
    Py_END_ALLOW_THREADS left -= slice;
    if (status != HR_TIMEOUT || (limited && left <= 0) || PyErr_CheckSignals() < 0) break;
  }
  mlx_stream_free(stream);
  if (PyErr_Occurred()) return NULL;
  if (status == HR_TIMEOUT) return PyErr_SetString(PyExc_TimeoutError, "synchronize: the stream is not done"), NULL;
  return status == HR_OK ? Py_NewRef(Py_None) : hr_raise(call->st);
}
