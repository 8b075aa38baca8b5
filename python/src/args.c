/* Arguments: from a vectorcall's array to a body's places, and from objects to values of C.
 *
 * Keywords are compared as texts: names are short, and nothing has to be interned for each interpreter. */
#include <limits.h>
#include <string.h>

#include "core.h"

/* --- sorting arguments into places --- */

static uint8_t slot_of(const hr_signature *s, int param) { return s->slots ? s->slots[param] : (uint8_t)param; }

static bool is_name(PyObject *keyword, const char *name) {
  Py_ssize_t length;
  const char *text = PyUnicode_AsUTF8AndSize(keyword, &length);
  return text && strlen(name) == (size_t)length && memcmp(text, name, (size_t)length) == 0;
}

static bool take_keywords(const hr_signature *s, PyObject *const *values, PyObject *keywords, PyObject **in) {
  Py_ssize_t count = PyTuple_GET_SIZE(keywords);
  for (Py_ssize_t k = 0; k < count; k++) {
    PyObject *keyword = PyTuple_GET_ITEM(keywords, k);
    int param = s->positional_only;
    while (param < s->count && (param == s->variadic || !is_name(keyword, s->params[param]))) param++;
    if (param == s->count) {
      PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%U'", s->name, keyword);
      return false;
    }
    PyObject **place = &in[slot_of(s, param)];
    if (*place) {
      PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument '%U'", s->name, keyword);
      return false;
    }
    *place = values[k];
  }
  return true;
}

static bool check_required(const hr_signature *s, PyObject *const *in) {
  for (int i = 0; i < s->required; i++)
    if (!in[slot_of(s, i)]) {
      PyErr_Format(PyExc_TypeError, "%s() is missing its argument '%s'", s->name, s->params[i]);
      return false;
    }
  return true;
}

/* The arguments from `first` on become a tuple. */
static bool take_rest(hr_call *call, const hr_signature *s, PyObject *const *args, Py_ssize_t first, Py_ssize_t count,
                      PyObject **in) {
  Py_ssize_t rest = count > first ? count - first : 0;
  call->tuple = PyTuple_New(rest);
  if (!call->tuple) return false;
  for (Py_ssize_t i = 0; i < rest; i++) PyTuple_SET_ITEM(call->tuple, i, Py_NewRef(args[first + i]));
  in[slot_of(s, s->variadic)] = call->tuple;
  return true;
}

static bool take_arguments(hr_call *call, const hr_signature *s, PyObject *const *args, Py_ssize_t count,
                           PyObject *keywords, PyObject **in) {
  Py_ssize_t direct = count;
  if (s->variadic >= 0) {
    if (direct > s->variadic) direct = s->variadic;
    if (!take_rest(call, s, args, s->variadic, count, in)) return false;
  } else if (count > s->positional) {
    PyErr_Format(PyExc_TypeError, "%s() takes %d positional arguments but %zd were given", s->name, s->positional,
                 count);
    return false;
  }
  for (Py_ssize_t i = 0; i < direct; i++) in[slot_of(s, (int)i)] = args[i];
  if (keywords && !take_keywords(s, args + count, keywords, in)) return false;
  return direct >= s->required || check_required(s, in);
}

#ifdef Py_GIL_DISABLED
static bool freeze_lists(hr_call *call, PyObject **in) {
  for (int i = 0; i < HR_MAX_PARAMS; i++) {
    if (!in[i] || !(PyList_Check(in[i]) || PyTuple_Check(in[i]))) continue;
    in[i] = hr_frozen(in[i]);
    if (!in[i]) return false;
    call->frozen[call->frozen_count++] = in[i];
  }
  return true;
}
#else
static bool freeze_lists(hr_call *call, PyObject **in) { return (void)call, (void)in, true; }
#endif

/* `first` is what stands in front of the arguments: self, or NULL. */
static PyObject *call_body(hr_state *st, PyObject *first, const hr_signature *s, hr_body body, PyObject *const *args,
                           Py_ssize_t count, PyObject *keywords) {
  PyObject *in[HR_MAX_PARAMS] = {first};
  PyObject *result = NULL;
  hr_call call;
  hr_call_begin(&call, st, s->name);
  if (take_arguments(&call, s, args, count, keywords, in) && freeze_lists(&call, in) &&
      (!s->has_stream || hr_get_stream(&call, in[slot_of(s, s->count - 1)])))
    result = body(&call, in);
  hr_call_end(&call);
  return result;
}

PyObject *hr_call_function(PyObject *module, const hr_signature *signature, hr_body body, PyObject *const *args,
                           Py_ssize_t count, PyObject *keywords) {
  return call_body(hr_state_of_module(module), NULL, signature, body, args, count, keywords);
}

PyObject *hr_call_method(PyObject *self, const hr_signature *signature, hr_body body, PyObject *const *args,
                         Py_ssize_t count, PyObject *keywords) {
  return call_body(hr_state_of(self), self, signature, body, args, count, keywords);
}

/* --- what a call keeps --- */

void hr_call_end(hr_call *call) {
  for (int i = 0; i < call->temp_count; i++) mlx_array_free(call->temps[i]);
  for (int i = 0; i < call->block_count; i++) PyMem_Free(call->blocks[i]);
  if (call->owned_stream.ctx) mlx_stream_free(call->owned_stream);
  Py_XDECREF(call->tuple);
  Py_XDECREF(call->scope);
#ifdef Py_GIL_DISABLED
  for (int i = 0; i < call->frozen_count; i++) Py_DECREF(call->frozen[i]);
#endif
}

bool hr_call_keep(hr_call *call, mlx_array value) {
  if (call->temp_count == HR_MAX_TEMPS) {
    mlx_array_free(value);
    PyErr_Format(PyExc_SystemError, "%s: too many temporary arrays", call->name);
    return false;
  }
  call->temps[call->temp_count++] = value;
  return true;
}

bool hr_call_step(hr_call *call, int failed, mlx_array value, mlx_array *out) {
  if (failed) {
    mlx_array_free(value);
    hr_raise(call->st);
    return false;
  }
  *out = value;
  return hr_call_keep(call, value);
}

void *hr_call_alloc(hr_call *call, size_t bytes) {
  void *block = call->block_count < HR_MAX_TEMPS ? PyMem_Malloc(bytes ? bytes : 1) : NULL;
  if (block)
    call->blocks[call->block_count++] = block;
  else
    PyErr_NoMemory();
  return block;
}

/* --- values --- */

bool hr_bad_argument(hr_call *call, const char *name, const char *expected, PyObject *arg) {
  PyErr_Format(PyExc_TypeError, "%s(): argument '%s' must be %s, not %.200s", call->name, name, expected,
               arg ? Py_TYPE(arg)->tp_name : "missing");
  return false;
}

#ifdef Py_GIL_DISABLED
/* Another thread may write the object's box while an operation reads it: X1. */
static bool borrow_array(hr_call *call, PyObject *arg, mlx_array *out) {
  return hr_array_share(out, arg) && hr_call_keep(call, *out);
}
#else
static bool borrow_array(hr_call *call, PyObject *arg, mlx_array *out) {
  (void)call;
  *out = hr_value(arg);
  return true;
}
#endif

static bool convert(hr_call *call, PyObject *arg, const char *name, mlx_array *out) {
  if (hr_absent(arg)) return hr_bad_argument(call, name, "an array", arg);
  return hr_from_value(call->st, arg, HR_NO_DTYPE, out) && hr_call_keep(call, *out);
}

bool hr_get_array(hr_call *call, PyObject *arg, const char *name, mlx_array *out) {
  if (arg && hr_is_array(arg)) return borrow_array(call, arg, out);
  return convert(call, arg, name, out);
}

bool hr_get_optional_array(hr_call *call, PyObject *arg, const char *name, mlx_array *out) {
  out->ctx = NULL;
  return hr_absent(arg) || hr_get_array(call, arg, name, out);
}

bool hr_get_like(hr_call *call, PyObject *arg, mlx_array other, mlx_array *out) {
  if (hr_is_array(arg)) return borrow_array(call, arg, out);
  if (!hr_is_scalar(arg)) return convert(call, arg, "other", out);
  return hr_from_weak_scalar(arg, (int)mlx_array_dtype(other), out) && hr_call_keep(call, *out);
}

bool hr_get_pair(hr_call *call, PyObject *a, PyObject *b, mlx_array *out_a, mlx_array *out_b) {
  if (!hr_is_array(a) && hr_is_array(b)) return hr_get_pair(call, b, a, out_b, out_a);
  if (!hr_get_array(call, a, "a", out_a)) return false;
  if (!hr_is_array(a) || !hr_is_scalar(b)) return hr_get_array(call, b, "b", out_b);
  return hr_weak_scalar(call, b, mlx_array_dtype(*out_a), out_b);
}

bool hr_get_arrays(hr_call *call, PyObject *arg, const char *name, mlx_vector_array *out) {
  mlx_array value;
  *out = mlx_vector_array_new();
  PyObject *items = hr_absent(arg) ? NULL : PySequence_Fast(arg, "");
  if (!items) {
    PyErr_Clear();
    return hr_bad_argument(call, name, "a sequence of arrays", arg);
  }
  bool good = true;
  for (Py_ssize_t i = 0; good && i < PySequence_Fast_GET_SIZE(items); i++) {
    PyObject *item = PySequence_Fast_GET_ITEM(items, i);
    good = hr_from_value(call->st, item, HR_NO_DTYPE, &value);
    if (!good) break;
    good = mlx_vector_array_append_value(*out, value) == 0 || hr_raise(call->st);
    mlx_array_free(value);
  }
  Py_DECREF(items);
  return good;
}

/* Answers false without an exception if the object is no integer. */
static bool as_long(PyObject *arg, long long *out) {
  int overflow = 0;
  *out = 0;
  if (PyLong_Check(arg)) {
    *out = PyLong_AsLongLongAndOverflow(arg, &overflow);
  } else {
    PyObject *index = PyIndex_Check(arg) ? PyNumber_Index(arg) : NULL;
    if (!index) {
      if (PyErr_ExceptionMatches(PyExc_TypeError)) PyErr_Clear();
      return false;
    }
    *out = PyLong_AsLongLongAndOverflow(index, &overflow);
    Py_DECREF(index);
  }
  if (overflow) *out = overflow < 0 ? LLONG_MIN : LLONG_MAX;
  return true;
}

static bool to_int(hr_call *call, PyObject *arg, const char *name, int *out) {
  long long value;
  if (!arg || !as_long(arg, &value)) return !PyErr_Occurred() && hr_bad_argument(call, name, "an int", arg);
  *out = (int)value;
  if (*out == value) return true;
  PyErr_Format(PyExc_ValueError, "%s(): argument '%s' = %R does not fit 32 bits", call->name, name, arg);
  return false;
}

bool hr_get_int(hr_call *call, PyObject *arg, const char *name, int fallback, int *out) {
  *out = fallback;
  return hr_absent(arg) || to_int(call, arg, name, out);
}

bool hr_get_size(hr_call *call, PyObject *arg, const char *name, size_t fallback, size_t *out) {
  long long value;
  *out = fallback;
  if (hr_absent(arg)) return true;
  if (!as_long(arg, &value)) return !PyErr_Occurred() && hr_bad_argument(call, name, "an int", arg);
  *out = (size_t)value;
  if (value >= 0) return true;
  PyErr_Format(PyExc_ValueError, "%s(): argument '%s' = %R is negative", call->name, name, arg);
  return false;
}

bool hr_get_optional_int(hr_call *call, PyObject *arg, const char *name, mlx_optional_int *out) {
  *out = (mlx_optional_int){.has_value = !hr_absent(arg)};
  return !out->has_value || to_int(call, arg, name, &out->value);
}

bool hr_get_optional_float(hr_call *call, PyObject *arg, const char *name, mlx_optional_float *out) {
  double value = 0;
  bool good = hr_get_double(call, arg, name, 0, &value);
  *out = (mlx_optional_float){.value = (float)value, .has_value = !hr_absent(arg)};
  return good;
}

bool hr_get_bool(hr_call *call, PyObject *arg, const char *name, bool fallback, bool *out) {
  *out = fallback;
  if (hr_absent(arg)) return true;
  int truth = PyObject_IsTrue(arg);
  if (truth < 0) return PyErr_Clear(), hr_bad_argument(call, name, "a bool", arg);
  *out = truth;
  return true;
}

bool hr_get_double(hr_call *call, PyObject *arg, const char *name, double fallback, double *out) {
  *out = fallback;
  if (hr_absent(arg)) return true;
  *out = PyFloat_AsDouble(arg);
  if (*out != -1 || !PyErr_Occurred()) return true;
  if (!PyErr_ExceptionMatches(PyExc_TypeError)) return false;
  PyErr_Clear();
  return hr_bad_argument(call, name, "a number", arg);
}

bool hr_get_text(hr_call *call, PyObject *arg, const char *name, const char *fallback, const char **out) {
  *out = fallback;
  if (hr_absent(arg)) return true;
  if (!PyUnicode_Check(arg)) return hr_bad_argument(call, name, "a str", arg);
  *out = PyUnicode_AsUTF8(arg);
  return *out != NULL;
}

static bool take_sequence(hr_call *call, PyObject *items, const char *name, hr_ints *out) {
  Py_ssize_t count = PySequence_Fast_GET_SIZE(items);
  if (count > HR_MAX_AXES) {
    out->values = hr_call_alloc(call, (size_t)count * sizeof *out->values);
    if (!out->values) return false;
  }
  for (Py_ssize_t i = 0; i < count; i++)
    if (!to_int(call, PySequence_Fast_GET_ITEM(items, i), name, &out->values[i])) return false;
  out->count = (size_t)count;
  return true;
}

bool hr_get_ints(hr_call *call, PyObject *arg, const char *name, hr_ints *out) {
  long long value;
  out->values = out->few;
  out->count = 0;
  out->single = false;
  out->none = hr_absent(arg);
  if (out->none) return true;
  if (!PyTuple_Check(arg) && !PyList_Check(arg) && as_long(arg, &value)) {
    out->single = true;
    out->count = 1;
    return to_int(call, arg, name, &out->values[0]);
  }
  PyObject *items = PyErr_Occurred() || PyUnicode_Check(arg) ? NULL : PySequence_Fast(arg, "");
  if (!items) {
    PyErr_Clear();
    return hr_bad_argument(call, name, "an int or a sequence of ints", arg);
  }
  bool good = take_sequence(call, items, name, out);
  Py_DECREF(items);
  return good;
}

bool hr_get_dtype(hr_call *call, PyObject *arg, const char *name, mlx_dtype fallback, mlx_dtype *out) {
  *out = fallback;
  if (hr_absent(arg)) return true;
  if (!hr_is_dtype(call->st, arg)) return hr_bad_argument(call, name, "a Dtype", arg);
  *out = hr_dtype_value(arg);
  return true;
}

bool hr_get_optional_dtype(hr_call *call, PyObject *arg, const char *name, mlx_optional_dtype *out) {
  out->has_value = !hr_absent(arg);
  return hr_get_dtype(call, arg, name, MLX_FLOAT32, &out->value);
}

/* --- arguments that must not be None --- */

bool hr_need_int(hr_call *call, PyObject *arg, const char *name, int *out) { return to_int(call, arg, name, out); }

bool hr_need_size(hr_call *call, PyObject *arg, const char *name, size_t *out) {
  return hr_absent(arg) ? hr_bad_argument(call, name, "an int", arg) : hr_get_size(call, arg, name, 0, out);
}

bool hr_need_double(hr_call *call, PyObject *arg, const char *name, double *out) {
  return hr_absent(arg) ? hr_bad_argument(call, name, "a number", arg) : hr_get_double(call, arg, name, 0, out);
}

bool hr_need_text(hr_call *call, PyObject *arg, const char *name, const char **out) {
  return hr_absent(arg) ? hr_bad_argument(call, name, "a str", arg) : hr_get_text(call, arg, name, NULL, out);
}

bool hr_need_ints(hr_call *call, PyObject *arg, const char *name, hr_ints *out) {
  return hr_absent(arg) ? hr_bad_argument(call, name, "an int or a sequence of ints", arg)
                        : hr_get_ints(call, arg, name, out);
}

bool hr_need_dtype(hr_call *call, PyObject *arg, const char *name, mlx_dtype *out) {
  return hr_absent(arg) ? hr_bad_argument(call, name, "a Dtype", arg) : hr_get_dtype(call, arg, name, MLX_BOOL, out);
}

bool hr_get_axis(hr_call *call, PyObject *arg, const char *name, const int *fallback, hr_ints *out) {
  if (!hr_get_ints(call, arg, name, out)) return false;
  if (arg || !fallback) return true;
  out->none = false;
  out->single = true;
  out->count = 1;
  out->values[0] = *fallback;
  return true;
}

bool hr_one_axis(hr_call *call, const hr_ints *axis) {
  if (axis->none || axis->single) return true;
  PyErr_Format(PyExc_TypeError, "%s(): argument 'axis' must be an int or None, not a sequence", call->name);
  return false;
}
