/* python/src/core.h - what the files of the extension module headrace._core share.
 *
 * The module is a client of the library: it sees the public headers only. All its state is in hr_state, one for each
 * interpreter that imports it. Functions that return PyObject * or int follow the rules of the C interface of Python:
 * NULL or -1 with an exception set. Those that return bool answer false with an exception set.
 *
 * X1  An array object owns one handle. The box behind it (R28) is written under the interpreter's lock, or in
 *     free-threaded builds under the object's critical section, by assignment and in-place operators only; whoever
 *     reads it without the lock works on a handle of its own (hr_array_share).
 * X2  Waits release the lock, are cut into slices, and look for signals between them (hr_py_wait).
 * X3  Destructors that the library calls on its threads take the lock, or leak if the interpreter is going away.
 * X4  Without the interpreter's lock lists are read as tuples made of them (hr_frozen), other objects never change once
 *     they are made, and functions, types and dtypes are immortal: threads would wait for each other at the counts of
 *     references to them. */
#ifndef HR_PYTHON_CORE_H
#define HR_PYTHON_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
/* After Python.h: before 3.12 it does not compile alone. */
#include <structmember.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "headrace/headrace.h"
#include "mlx/c/mlx.h"

enum {
  HR_DTYPES = MLX_COMPLEX64 + 1,
  HR_MAX_AXES = 32,
  HR_MAX_PARAMS = 20,
  HR_MAX_TEMPS = 3 * HR_MAX_AXES,
  HR_CACHED_SCALARS = 16
};

typedef enum hr_type_id {
  HR_TYPE_ARRAY,
  HR_TYPE_ARRAY_ITERATOR,
  HR_TYPE_ARRAY_AT,
  HR_TYPE_DTYPE,
  HR_TYPE_DEVICE,
  HR_TYPE_STREAM,
  HR_TYPE_THREAD_STREAM,
  HR_TYPE_STREAM_CONTEXT,
  HR_TYPE_FENCE,
  HR_TYPE_CALLBACK,
  HR_TYPE_QUEUE,
  HR_TYPE_COUNT
} hr_type_id;

typedef struct hr_state {
  PyTypeObject *types[HR_TYPE_COUNT];
  PyObject *dtypes[HR_DTYPES];
  PyObject *categories;   /* class DtypeCategory */
  PyObject *device_types; /* class DeviceType */
  PyObject *device_cpu;   /* its members */
  PyObject *device_gpu;
  PyObject *range_error; /* raised for axes and indices out of range: an IndexError and a ValueError */
  PyObject *scope;       /* ContextVar: the Stream of the innermost `with stream(...)` */
#ifndef Py_GIL_DISABLED
  struct {
    mlx_array value; /* empty: an unused place */
    mlx_dtype dtype;
    uint64_t bits;
  } scalars[HR_CACHED_SCALARS]; /* constants met lately (convert.c); under the interpreter's lock */
#endif
  _Atomic(int) precision;  /* of printed floats; -1: as many digits as six need */
  _Atomic(int) has_scopes; /* whether any scope was ever opened; until then the variable is not looked at */
} hr_state;

typedef struct hr_py_array {
  PyObject_HEAD mlx_array value;
  PyObject *weakrefs;
  size_t changes; /* how often the box was written; guarded as the box is (X1) */
} hr_py_array;

typedef struct hr_py_dtype {
  PyObject_HEAD mlx_dtype value;
} hr_py_dtype;

typedef struct hr_py_stream {
  PyObject_HEAD mlx_stream value;
} hr_py_stream;

typedef struct hr_py_device {
  PyObject_HEAD mlx_device_type type;
  int index;
} hr_py_device;

/* --- The module (module.c) --- */

extern struct PyModuleDef hr_module_def;
static inline hr_state *hr_state_of_module(PyObject *module) { return PyModule_GetState(module); }
static inline hr_state *hr_state_of(PyObject *object) { return PyType_GetModuleState(Py_TYPE(object)); }

/* Raises what the newest failure of the library in this thread says; NULL always. */
PyObject *hr_raise(hr_state *st);

/* Of all types: nobody makes or changes them from outside. */
#define HR_TYPE_FLAGS (Py_TPFLAGS_IMMUTABLETYPE)

/* --- Arrays (array.c) --- */

/* Types that derive from array do not exist, so its deallocator identifies it without any state. */
void hr_array_dealloc(PyObject *self);
static inline bool hr_is_array(PyObject *object) { return Py_TYPE(object)->tp_dealloc == hr_array_dealloc; }
static inline mlx_array hr_value(PyObject *array) { return ((hr_py_array *)array)->value; }
static inline mlx_dtype hr_dtype_value(PyObject *dtype) { return ((hr_py_dtype *)dtype)->value; }

/* A new array object that owns the handle, which is freed on failure. */
PyObject *hr_array_wrap(hr_state *st, mlx_array value);
/* The same for the result of an mlx_ call: raises its error if `failed`. */
PyObject *hr_result(hr_state *st, int failed, mlx_array value);
/* A tuple of two. */
PyObject *hr_result_pair(hr_state *st, int failed, mlx_array first, mlx_array second);
/* A list or a tuple of the vector's arrays; frees the vector. */
PyObject *hr_result_list(hr_state *st, int failed, mlx_vector_array vector, bool as_tuple);

/* --- Sharing (sharing.c) --- */

#ifndef Py_BEGIN_CRITICAL_SECTION /* before 3.13 the interpreter's lock does it */
#define Py_BEGIN_CRITICAL_SECTION(object) {
#define Py_END_CRITICAL_SECTION()         }
#endif

/* A handle of its own on what `array` holds now. */
bool hr_array_share(mlx_array *out, PyObject *array);
/* Puts what is in `value` into the array object. */
bool hr_array_replace(PyObject *array, mlx_array value);
/* For changes that are made of what the object held: how often it was changed until now; and replacing it unless it has
 * been changed since. -1: an exception is set; 0: nothing was done, begin again; 1. */
size_t hr_array_changes(PyObject *array);
int hr_array_replace_since(PyObject *array, mlx_array value, size_t changes);
/* What the array object holds now: a number (mlx_array_ndim and the like), its dtype; its shape and how many axes. */
size_t hr_array_ask(PyObject *array, size_t (*question)(mlx_array));
mlx_dtype hr_dtype_of(PyObject *array);
size_t hr_shape_of(int shape[HR_MAX_AXES], PyObject *array);
/* The object; in free-threaded builds lists, and tuples with lists in them, as tuples. */
PyObject *hr_frozen(PyObject *object);
/* In free-threaded builds: nobody counts references to the object any more. Before other threads know it. */
void hr_make_immortal(PyObject *object);

/* Written by tools/gen-python. */
extern PyMethodDef hr_array_methods[];
/* The functions of the module and its submodules; `where` is "" or the name of a submodule. */
typedef struct hr_function {
  const char *where;
  PyMethodDef def;
} hr_function;
extern hr_function hr_generated_functions[]; /* written by tools/gen-python */

extern PyType_Spec hr_array_spec, hr_array_iterator_spec, hr_array_at_spec, hr_dtype_spec, hr_device_spec,
    hr_stream_spec, hr_thread_stream_spec, hr_stream_context_spec, hr_fence_spec, hr_callback_spec, hr_queue_spec;

/* --- Waiting (tree.c) --- */

/* Evaluates and waits (X2). The handles are the caller's own. */
bool hr_py_wait(hr_state *st, const mlx_array *arrays, size_t count);
/* The array's elements are there afterwards: answers the address of the first. `keep` becomes a handle on what was
 * read, for the caller to free. */
const char *hr_array_elements(mlx_array *keep, PyObject *array);

/* --- Calls (args.c) --- */

/* How a function is called. Parameters are in the order of its body; `slots` maps parameters to places of the body
 * where these differ (NULL: same). The last parameter is `stream` where has_stream. */
typedef struct hr_signature {
  const char *name;
  const char *const *params;
  const uint8_t *slots;
  uint8_t positional_only, positional, count, required;
  int8_t variadic; /* the parameter that takes all further positional arguments as a tuple, or -1 */
  bool has_stream;
} hr_signature;

/* One call under way: its stream, and what is to be freed when it ends. */
typedef struct hr_call {
  hr_state *st;
  const char *name;
  mlx_stream stream; /* borrowed; empty: the thread's default */
  mlx_stream owned_stream;
  PyObject *tuple; /* further positional arguments */
  PyObject *scope; /* the Stream that `stream` is borrowed from */
#ifdef Py_GIL_DISABLED
  PyObject *frozen[HR_MAX_PARAMS]; /* tuples in place of lists */
  int frozen_count;
#endif
  mlx_array temps[HR_MAX_TEMPS];
  int temp_count;
  void *blocks[HR_MAX_TEMPS];
  int block_count;
} hr_call;

/* in[i] is NULL for what was not given. */
typedef PyObject *(*hr_body)(hr_call *call, PyObject *const *in);

PyObject *hr_call_function(PyObject *module, const hr_signature *signature, hr_body body, PyObject *const *args,
                           Py_ssize_t count, PyObject *keywords);
/* The same; `self` is the first argument of the body. */
PyObject *hr_call_method(PyObject *self, const hr_signature *signature, hr_body body, PyObject *const *args,
                         Py_ssize_t count, PyObject *keywords);

/* Begin and end by hand, for code that is not called by the two above. */
static inline void hr_call_begin(hr_call *call, hr_state *st, const char *name) {
  call->st = st;
  call->name = name;
  call->stream.ctx = call->owned_stream.ctx = NULL;
  call->tuple = call->scope = NULL;
  call->temp_count = call->block_count = 0;
#ifdef Py_GIL_DISABLED
  call->frozen_count = 0;
#endif
}
void hr_call_end(hr_call *call);
/* The handle is freed when the call ends; answers false and frees it now if there are too many. */
bool hr_call_keep(hr_call *call, mlx_array value);
/* The result of a helper op inside a call: kept, and written to out. */
bool hr_call_step(hr_call *call, int failed, mlx_array value, mlx_array *out);
/* Memory until the call ends. */
void *hr_call_alloc(hr_call *call, size_t bytes);

/* Integers of a shape, of axes and the like. */
typedef struct hr_ints {
  int *values;
  size_t count;
  bool none;   /* None, or not given */
  bool single; /* one integer instead of a sequence */
  int few[HR_MAX_AXES];
} hr_ints;

/* Arguments of a body; `name` is for the text of errors. Absent ones (NULL) and, where it says so, None, give the
 * default. */
bool hr_get_array(hr_call *call, PyObject *arg, const char *name, mlx_array *out);
bool hr_get_optional_array(hr_call *call, PyObject *arg, const char *name, mlx_array *out); /* empty for None */
/* Two operands: a Python scalar takes the dtype that the other one gives it. */
bool hr_get_pair(hr_call *call, PyObject *a, PyObject *b, mlx_array *out_a, mlx_array *out_b);
/* The same beside an array that is there. */
bool hr_get_like(hr_call *call, PyObject *arg, mlx_array other, mlx_array *out);
bool hr_get_arrays(hr_call *call, PyObject *arg, const char *name, mlx_vector_array *out); /* the caller frees it */
bool hr_get_int(hr_call *call, PyObject *arg, const char *name, int fallback, int *out);
bool hr_get_size(hr_call *call, PyObject *arg, const char *name, size_t fallback, size_t *out);
bool hr_get_optional_int(hr_call *call, PyObject *arg, const char *name, mlx_optional_int *out);
bool hr_get_optional_float(hr_call *call, PyObject *arg, const char *name, mlx_optional_float *out);
bool hr_get_bool(hr_call *call, PyObject *arg, const char *name, bool fallback, bool *out);
bool hr_get_double(hr_call *call, PyObject *arg, const char *name, double fallback, double *out);
bool hr_get_text(hr_call *call, PyObject *arg, const char *name, const char *fallback, const char **out);
bool hr_get_ints(hr_call *call, PyObject *arg, const char *name, hr_ints *out);
/* None gives the fallback. */
bool hr_get_dtype(hr_call *call, PyObject *arg, const char *name, mlx_dtype fallback, mlx_dtype *out);
/* The same for arguments that must not be None. */
bool hr_need_int(hr_call *call, PyObject *arg, const char *name, int *out);
bool hr_need_size(hr_call *call, PyObject *arg, const char *name, size_t *out);
bool hr_need_double(hr_call *call, PyObject *arg, const char *name, double *out);
bool hr_need_text(hr_call *call, PyObject *arg, const char *name, const char **out);
bool hr_need_ints(hr_call *call, PyObject *arg, const char *name, hr_ints *out);
bool hr_need_dtype(hr_call *call, PyObject *arg, const char *name, mlx_dtype *out);
/* An axis or several; what is not given gives *fallback, or none where that is NULL. None gives none. */
bool hr_get_axis(hr_call *call, PyObject *arg, const char *name, const int *fallback, hr_ints *out);
/* Refuses a sequence where one axis is meant. */
bool hr_one_axis(hr_call *call, const hr_ints *axis);
bool hr_get_optional_dtype(hr_call *call, PyObject *arg, const char *name, mlx_optional_dtype *out);
/* TypeError: argument `name` of the call has a wrong type. False always. */
bool hr_bad_argument(hr_call *call, const char *name, const char *expected, PyObject *arg);
static inline bool hr_absent(PyObject *arg) { return !arg || arg == Py_None; }

/* --- Conversion from Python (convert.c, from_list.c, dlpack.c) --- */

enum { HR_NO_DTYPE = -1 };
/* Anything that array() takes; dtype HR_NO_DTYPE: as the values say. A fresh handle. */
bool hr_from_object(hr_state *st, PyObject *object, int dtype, mlx_array *out);
/* Scalars, arrays and what has a buffer, DLPack or __array__; no lists. */
bool hr_from_value(hr_state *st, PyObject *object, int dtype, mlx_array *out);
bool hr_from_list(hr_state *st, PyObject *list, int dtype, mlx_array *out);
static inline bool hr_is_scalar(PyObject *object) { /* a bool is an int */
  return PyFloat_Check(object) || PyLong_Check(object) || PyComplex_Check(object);
}
/* A Python scalar beside `other`, borrowed for the call. Programs use the same constants again and again, so the
 * newest ones are kept as arrays. */
bool hr_weak_scalar(hr_call *call, PyObject *scalar, mlx_dtype other, mlx_array *out);
void hr_scalars_clear(hr_state *st);
/* A Python scalar as an array of the dtype that it takes beside `other` (HR_NO_DTYPE: alone). */
bool hr_from_weak_scalar(PyObject *scalar, int other, mlx_array *out);
bool hr_from_scalar(PyObject *scalar, mlx_dtype dtype, mlx_array *out);
/* Writes a Python scalar as an element. */
bool hr_store_scalar(char *at, mlx_dtype dtype, PyObject *scalar);
bool hr_from_dlpack(hr_state *st, PyObject *object, int copy, mlx_array *out);
PyObject *hr_array_dlpack(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords);
PyObject *hr_array_dlpack_device(PyObject *self, PyObject *ignored);
bool hr_cast(mlx_array *value, mlx_dtype dtype); /* in place; nothing if it is of that dtype */

/* --- Conversion to Python (value.c) --- */

PyObject *hr_array_item(PyObject *self, PyObject *ignored);
PyObject *hr_array_tolist(PyObject *self, PyObject *ignored);
PyObject *hr_element(const char *at, mlx_dtype dtype);
int hr_array_getbuffer(PyObject *self, Py_buffer *view, int flags);
void hr_array_releasebuffer(PyObject *self, Py_buffer *view);
PyObject *hr_array_bytes(PyObject *self, PyObject *ignored);
bool hr_is_bool_array(mlx_array value);

/* --- Dtypes (dtype.c) --- */

static inline bool hr_is_integer(mlx_dtype dtype) { return dtype >= MLX_UINT8 && dtype <= MLX_INT64; }
static inline bool hr_is_floating(mlx_dtype dtype) { return dtype >= MLX_FLOAT16 && dtype <= MLX_BFLOAT16; }
static inline PyObject *hr_dtype_object(hr_state *st, mlx_dtype dtype) { return Py_NewRef(st->dtypes[dtype]); }
bool hr_is_dtype(hr_state *st, PyObject *object);
const char *hr_dtype_text(mlx_dtype dtype); /* "float32", "bool" */

/* --- Streams (stream.c) --- */

/* What an operation's argument `stream` means; NULL and None: the innermost scope or the default. */
bool hr_stream_resolve(hr_call *call, PyObject *arg);
static inline bool hr_get_stream(hr_call *call, PyObject *arg) {
  if (hr_absent(arg) && !atomic_load_explicit(&call->st->has_scopes, memory_order_relaxed))
    return true; /* empty: the library looks the default up */
  return hr_stream_resolve(call, arg);
}
/* A new Stream object that owns the handle; on failure it is freed. */
PyObject *hr_stream_wrap(hr_state *st, mlx_stream value);
PyObject *hr_device_new(hr_state *st, mlx_device_type type, int index);

/* --- Fences (fence.c) --- */

/* A new fence object of arrays, whose handles are the caller's own. */
PyObject *hr_fence_of_handles(hr_state *st, const mlx_array *arrays, size_t count);
/* The method __await__. */
PyObject *hr_await(PyObject *self);
PyObject *hr_op_fence_of_stream(PyObject *module, PyObject *stream);
PyObject *hr_op_fence_of_arrays(PyObject *module, PyObject *tree);
PyObject *hr_op_close_callbacks(PyObject *module, PyObject *ignored);
PyObject *hr_op_forked_callbacks(PyObject *module, PyObject *ignored);

/* --- Functions and methods with entry points of their own --- */

PyObject *hr_op_eval(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *hr_op_async_eval(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *hr_op_graph_as_dot(PyObject *module, PyObject *args);
PyObject *hr_op_get_array_buffer_size(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *hr_op_device_info(PyObject *module, PyObject *device);
PyObject *hr_op_load(PyObject *module, PyObject *args);
PyObject *hr_op_save(PyObject *module, PyObject *args);
PyObject *hr_op_load_gguf(PyObject *module, PyObject *args);
PyObject *hr_op_save_gguf(PyObject *module, PyObject *args);
PyObject *hr_array_complex(PyObject *self, PyObject *ignored);
PyObject *hr_array_copy(PyObject *self, PyObject *ignored);
PyObject *hr_array_deepcopy(PyObject *self, PyObject *memo);
PyObject *hr_array_div(PyObject *self, PyObject *other);
PyObject *hr_array_rdiv(PyObject *self, PyObject *other);
PyObject *hr_array_getstate(PyObject *self, PyObject *ignored);
PyObject *hr_array_setstate(PyObject *self, PyObject *state);
PyObject *hr_array_reduce(PyObject *self, PyObject *ignored);
PyObject *hr_array_namespace(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords);
PyObject *hr_array_numpy(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords);

/* --- Operators and indexing (number.c, indexing.c, assign.c) --- */

PyObject *hr_number_add(PyObject *a, PyObject *b);
PyObject *hr_number_subtract(PyObject *a, PyObject *b);
PyObject *hr_number_multiply(PyObject *a, PyObject *b);
PyObject *hr_number_divide(PyObject *a, PyObject *b);
PyObject *hr_number_floor_divide(PyObject *a, PyObject *b);
PyObject *hr_number_remainder(PyObject *a, PyObject *b);
PyObject *hr_number_and(PyObject *a, PyObject *b);
PyObject *hr_number_or(PyObject *a, PyObject *b);
PyObject *hr_number_xor(PyObject *a, PyObject *b);
PyObject *hr_number_left_shift(PyObject *a, PyObject *b);
PyObject *hr_number_right_shift(PyObject *a, PyObject *b);
PyObject *hr_number_matmul(PyObject *a, PyObject *b);
PyObject *hr_number_add_to(PyObject *a, PyObject *b);
PyObject *hr_number_subtract_from(PyObject *a, PyObject *b);
PyObject *hr_number_multiply_by(PyObject *a, PyObject *b);
PyObject *hr_number_divide_by(PyObject *a, PyObject *b);
PyObject *hr_number_floor_divide_by(PyObject *a, PyObject *b);
PyObject *hr_number_remainder_by(PyObject *a, PyObject *b);
PyObject *hr_number_and_with(PyObject *a, PyObject *b);
PyObject *hr_number_or_with(PyObject *a, PyObject *b);
PyObject *hr_number_xor_with(PyObject *a, PyObject *b);
PyObject *hr_number_left_shift_by(PyObject *a, PyObject *b);
PyObject *hr_number_right_shift_by(PyObject *a, PyObject *b);
PyObject *hr_number_matmul_by(PyObject *a, PyObject *b);
PyObject *hr_number_negative(PyObject *a);
PyObject *hr_number_absolute(PyObject *a);
PyObject *hr_number_positive(PyObject *a);
PyObject *hr_number_invert(PyObject *a);
PyObject *hr_number_power(PyObject *a, PyObject *b, PyObject *modulus);
PyObject *hr_number_power_by(PyObject *a, PyObject *b, PyObject *modulus);
PyObject *hr_array_getitem(PyObject *self, PyObject *key);
int hr_array_setitem(PyObject *self, PyObject *key, PyObject *value);
PyObject *hr_array_compare(PyObject *a, PyObject *b, int op);

#endif
