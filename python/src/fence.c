/* Fences, callbacks and the queues of event loops, for headrace/streams.py.
 *
 * A callback comes on the library's callback thread, or on the thread that dispatches a queue. It takes the
 * interpreter's lock, unless the interpreter is about to end: a gate counts the callbacks that are past the check, and
 * _close_callbacks(), called at exit, shuts it and waits until they are out. Callbacks that come later are dropped with
 * what they hold. */
#include <pthread.h>
#include <time.h>

#include "core.h"

/* --- the gate --- */

static struct {
  pthread_mutex_t lock;
  pthread_cond_t empty;
  int inside;
  bool closed;
} gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};

static bool gate_enter(void) {
  pthread_mutex_lock(&gate.lock);
  bool open = !gate.closed;
  if (open) gate.inside++;
  pthread_mutex_unlock(&gate.lock);
  return open;
}

static void gate_leave(void) {
  pthread_mutex_lock(&gate.lock);
  if (gate.inside) gate.inside--; /* in the child of a fork it began anew */
  if (!gate.inside) pthread_cond_broadcast(&gate.empty);
  pthread_mutex_unlock(&gate.lock);
}

/* Waits a twentieth of a second at most; whether nobody is inside. */
static bool gate_is_empty(void) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += 50 * 1000 * 1000;
  until.tv_sec += until.tv_nsec / 1000000000;
  until.tv_nsec %= 1000000000;
  pthread_mutex_lock(&gate.lock);
  gate.closed = true;
  int failed = 0;
  while (gate.inside && !failed) failed = pthread_cond_timedwait(&gate.empty, &gate.lock, &until);
  bool empty = !gate.inside;
  pthread_mutex_unlock(&gate.lock);
  return empty;
}

PyObject *hr_op_close_callbacks(PyObject *module, PyObject *ignored) {
  bool empty;
  (void)module, (void)ignored;
  do {
    Py_BEGIN_ALLOW_THREADS empty = gate_is_empty();
    Py_END_ALLOW_THREADS if (!empty && PyErr_CheckSignals() < 0) return NULL;
  } while (!empty);
  Py_RETURN_NONE;
}

/* The thread that ran callbacks is not in the child, and may have held the lock. */
PyObject *hr_op_forked_callbacks(PyObject *module, PyObject *ignored) {
  (void)module, (void)ignored;
  pthread_mutex_init(&gate.lock, NULL);
  pthread_cond_init(&gate.empty, NULL);
  gate.inside = 0;
  Py_RETURN_NONE;
}

/* --- callbacks --- */

typedef struct hr_py_callback {
  PyObject_HEAD hr_callback *handle;
  PyObject *function; /* until it is called or cancelled; meanwhile the library holds a reference to the object */
} hr_py_callback;

/* None, or the exception that tells why the work failed; NULL with an exception set. */
static PyObject *outcome(hr_state *st, hr_status status) {
  PyObject *type, *value, *trace;
  if (status == HR_OK) return Py_NewRef(Py_None);
  hr_raise(st);
  PyErr_Fetch(&type, &value, &trace);
  PyErr_NormalizeException(&type, &value, &trace);
  Py_XDECREF(type);
  Py_XDECREF(trace);
  return value;
}

static void call_back(hr_py_callback *self, hr_status status) {
  PyObject *function = self->function;
  self->function = NULL;
  PyObject *error = outcome(hr_state_of((PyObject *)self), status);
  PyObject *result = error ? PyObject_CallOneArg(function, error) : NULL;
  if (!result) PyErr_WriteUnraisable(function);
  Py_XDECREF(result);
  Py_XDECREF(error);
  Py_DECREF(function);
  Py_DECREF(self);
}

/* The library's thread keeps what Python knows about it from its first callback on: to make that anew each time takes
 * longer than a short callback. */
static void on_complete(void *arg, hr_status status) {
  if (!gate_enter()) return;
  bool first = !PyGILState_GetThisThreadState();
  PyGILState_STATE state = PyGILState_Ensure();
  call_back(arg, status);
  if (first)
    PyEval_SaveThread();
  else
    PyGILState_Release(state);
  gate_leave();
}

static PyObject *callback_cancel(PyObject *self, PyObject *ignored) {
  hr_py_callback *callback = (hr_py_callback *)self;
  bool cancelled = false;
  (void)ignored;
  if (hr_callback_cancel(&cancelled, callback->handle) != HR_OK) return hr_raise(hr_state_of(self));
  if (cancelled) {
    Py_CLEAR(callback->function);
    Py_DECREF(self);
  }
  return PyBool_FromLong(cancelled);
}

enum { SLICE_NS = 50 * 1000 * 1000 };

/* Seconds as nanoseconds; None, and more than nine thousand million, as INT64_MAX. -1 with an exception set. */
static int64_t timeout_ns(PyObject *timeout) {
  double seconds = timeout == Py_None ? 9e9 : PyFloat_AsDouble(timeout);
  if (PyErr_Occurred()) return -1;
  return seconds < 9e9 ? seconds > 0 ? (int64_t)(seconds * 1e9) : 0 : INT64_MAX;
}

/* In slices, so that signals are seen. Without a timeout this thread may run the callback itself. */
static PyObject *callback_wait(PyObject *self, PyObject *timeout) {
  int64_t left = timeout_ns(timeout);
  hr_status status;
  if (left < 0) return NULL;
  do {
    int64_t slice = left < SLICE_NS ? left : SLICE_NS;
    Py_BEGIN_ALLOW_THREADS status = hr_callback_wait(((hr_py_callback *)self)->handle, slice, left == INT64_MAX);
    Py_END_ALLOW_THREADS if (PyErr_CheckSignals() < 0) return NULL;
    if (left != INT64_MAX) left -= slice;
  } while (status == HR_TIMEOUT && left > 0);
  return status == HR_DEADLOCK ? hr_raise(hr_state_of(self)) : PyBool_FromLong(status == HR_OK);
}

static void callback_dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  hr_callback_release(((hr_py_callback *)self)->handle);
  Py_XDECREF(((hr_py_callback *)self)->function);
  PyObject_Free(self);
  Py_DECREF(type);
}

static PyMethodDef callback_methods[] = {
    {"cancel", callback_cancel, METH_NOARGS,
     "cancel() -> bool\n\nTakes the callback back: whether it will not be called any more."},
    {"wait", callback_wait, METH_O,
     "wait(timeout: float | None) -> bool\n\nWaits until the callback has returned or is cancelled: whether it has.\n"
     "Raises RuntimeError in another callback of the same thread."},
    {0},
};
static PyType_Slot callback_slots[] = {
    {Py_tp_dealloc, callback_dealloc},
    {Py_tp_methods, callback_methods},
    {Py_tp_doc, "A callback that a fence will call."},
    {0, NULL},
};
PyType_Spec hr_callback_spec = {
    .name = "headrace.streams._Callback",
    .basicsize = sizeof(hr_py_callback),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | HR_TYPE_FLAGS,
    .slots = callback_slots,
};

/* --- queues of event loops --- */

typedef struct hr_py_queue {
  PyObject_HEAD hr_loop *loop;
} hr_py_queue;

static PyObject *queue_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  static char *names[] = {NULL};
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, ":_Queue", names)) return NULL;
  hr_py_queue *self = PyObject_New(hr_py_queue, type);
  if (!self) return NULL;
  if (hr_loop_new(&self->loop) == HR_OK) return (PyObject *)self;
  hr_raise(PyType_GetModuleState(type));
  Py_DECREF(self);
  return NULL;
}

static void queue_dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  hr_loop_release(((hr_py_queue *)self)->loop);
  PyObject_Free(self);
  Py_DECREF(type);
}

static PyObject *queue_fileno(PyObject *self, PyObject *ignored) {
  (void)ignored;
  return PyLong_FromLong(hr_loop_fd(((hr_py_queue *)self)->loop));
}

static PyObject *queue_dispatch(PyObject *self, PyObject *ignored) {
  size_t count = 0;
  (void)ignored;
  if (hr_loop_dispatch(&count, ((hr_py_queue *)self)->loop, 0) != HR_OK) return hr_raise(hr_state_of(self));
  return PyLong_FromSize_t(count);
}

static PyMethodDef queue_methods[] = {
    {"fileno", queue_fileno, METH_NOARGS, "fileno() -> int\n\nReadable while callbacks wait; -1 after a fork."},
    {"dispatch", queue_dispatch, METH_NOARGS, "dispatch() -> int\n\nRuns the callbacks that wait: how many."},
    {0},
};
static PyType_Slot queue_slots[] = {
    {Py_tp_new, queue_new},
    {Py_tp_dealloc, queue_dealloc},
    {Py_tp_methods, queue_methods},
    {Py_tp_doc, "_Queue()\n--\n\nCallbacks for an event loop, behind one descriptor."},
    {0, NULL},
};
PyType_Spec hr_queue_spec = {
    .name = "headrace.streams._Queue",
    .basicsize = sizeof(hr_py_queue),
    .flags = Py_TPFLAGS_DEFAULT | HR_TYPE_FLAGS,
    .slots = queue_slots,
};

/* --- fences --- */

typedef struct hr_py_fence {
  PyObject_HEAD hr_fence *fence;
} hr_py_fence;

static hr_fence *fence_value(PyObject *self) { return ((hr_py_fence *)self)->fence; }

/* Takes the reference over. */
static PyObject *fence_wrap(hr_state *st, hr_status status, hr_fence *fence) {
  if (status != HR_OK) return hr_raise(st);
  hr_py_fence *self = PyObject_New(hr_py_fence, st->types[HR_TYPE_FENCE]);
  if (self)
    self->fence = fence;
  else
    hr_fence_release(fence);
  return (PyObject *)self;
}

/* The argument is a Stream, a Device, or None for the default. */
PyObject *hr_op_fence_of_stream(PyObject *module, PyObject *stream) {
  hr_call call;
  hr_fence *fence = NULL;
  PyObject *result = NULL;
  hr_call_begin(&call, hr_state_of_module(module), "fence");
  if (hr_get_stream(&call, stream)) {
    hr_status status = hr_fence_of_stream(&fence, call.stream);
    result = fence_wrap(call.st, status, fence);
  }
  hr_call_end(&call);
  return result;
}

/* Without the lock: queueing may wait for a stream's limit. */
PyObject *hr_fence_of_handles(hr_state *st, const mlx_array *arrays, size_t count) {
  hr_fence *fence = NULL;
  hr_status status = HR_OUT_OF_MEMORY;
  mlx_vector_array vector = mlx_vector_array_new_data(arrays, count);
  if (vector.ctx) {
    Py_BEGIN_ALLOW_THREADS status = hr_fence_of_arrays(&fence, vector);
    Py_END_ALLOW_THREADS
  }
  PyObject *result = fence_wrap(st, status, fence);
  mlx_vector_array_free(vector);
  return result;
}

static void fence_dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  hr_fence_release(fence_value(self));
  PyObject_Free(self);
  Py_DECREF(type);
}

static PyObject *fence_done(PyObject *self, PyObject *ignored) {
  bool done = false;
  (void)ignored;
  return hr_fence_poll(&done, fence_value(self)) == HR_OK ? PyBool_FromLong(done) : hr_raise(hr_state_of(self));
}

static PyObject *fence_wait(PyObject *self, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"timeout", NULL};
  PyObject *timeout = Py_None;
  hr_status status;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:wait", names, &timeout)) return NULL;
  int64_t left = timeout_ns(timeout);
  if (left < 0) return NULL;
  do {
    int64_t slice = left < SLICE_NS ? left : SLICE_NS;
    Py_BEGIN_ALLOW_THREADS status = hr_fence_wait(fence_value(self), slice);
    Py_END_ALLOW_THREADS if (status == HR_TIMEOUT && PyErr_CheckSignals() < 0) return NULL;
    if (left != INT64_MAX) left -= slice;
  } while (status == HR_TIMEOUT && left > 0);
  if (status == HR_TIMEOUT) return PyErr_SetString(PyExc_TimeoutError, "the fence is not reached"), NULL;
  return status == HR_OK ? Py_NewRef(Py_None) : hr_raise(hr_state_of(self));
}

/* The lock is held on the way, so in builds that have it the callback waits until the object is complete; in those that
 * have none it uses nothing that is written here later. */
static PyObject *fence_call(PyObject *self, PyObject *args) {
  hr_state *st = hr_state_of(self);
  PyObject *function, *queue = NULL;
  if (!PyArg_ParseTuple(args, "O|O!:_call", &function, st->types[HR_TYPE_QUEUE], &queue)) return NULL;
  hr_py_callback *callback = PyObject_New(hr_py_callback, st->types[HR_TYPE_CALLBACK]);
  if (!callback) return NULL;
  hr_callback *handle = NULL;
  callback->handle = NULL;
  callback->function = Py_NewRef(function);
  Py_INCREF(callback); /* the library's, until it calls or is told not to */
  const hr_executor *executor = queue ? hr_loop_executor(((hr_py_queue *)queue)->loop) : NULL;
  hr_status status = hr_on_complete(&handle, fence_value(self), on_complete, callback, executor);
  callback->handle = handle;
  if (status == HR_OK) return (PyObject *)callback;
  Py_DECREF(callback);
  Py_DECREF(callback);
  return hr_raise(st);
}

/* What `await` does for arrays, fences and streams: an iterator made by headrace.streams. */
PyObject *hr_await(PyObject *self) {
  PyObject *streams = PyImport_ImportModule("headrace.streams");
  PyObject *result = streams ? PyObject_CallMethod(streams, "_await", "O", self) : NULL;
  Py_XDECREF(streams);
  return result;
}

static PyMethodDef fence_methods[] = {
    {"done", fence_done, METH_NOARGS, "done() -> bool\n\nWhether the fence is reached, however its work ended."},
    {"wait", (PyCFunction)(void (*)(void))fence_wait, METH_VARARGS | METH_KEYWORDS,
     "wait(timeout: float | None = None) -> None\n\nWaits until the fence is reached, at most `timeout` seconds.\n"
     "Raises TimeoutError, or what the work failed with."},
    {"_call", fence_call, METH_VARARGS, "_call(function, queue=None)\n\nCalls function(None or an exception) later."},
    {0},
};
static PyType_Slot fence_slots[] = {
    {Py_tp_dealloc, fence_dealloc},
    {Py_tp_methods, fence_methods},
    {Py_am_await, hr_await},
    {Py_tp_doc, "Stands for work that is queued. Made by fence(); any thread may wait for it, and `await` works."},
    {0, NULL},
};
PyType_Spec hr_fence_spec = {
    .name = "headrace.streams._Fence",
    .basicsize = sizeof(hr_py_fence),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | HR_TYPE_FLAGS,
    .slots = fence_slots,
};
