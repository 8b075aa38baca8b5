/* Random numbers, whose shapes may come from their other arguments, and memory. */
#include "bodies.h"

static bool keyed(hr_call *call, PyObject *arg, mlx_array *out) { return hr_get_optional_array(call, arg, "key", out); }

/* The shapes of arrays, broadcast together, where none was given. */
static bool shape_like(hr_call *call, hr_ints *shape, const mlx_array *arrays, int count) {
  if (!shape->none) return true;
  for (int k = 0; k < count; k++) {
    size_t ndim = mlx_array_ndim(arrays[k]);
    for (; shape->count < ndim; shape->count++) {
      for (size_t i = shape->count; i > 0; i--) shape->values[i] = shape->values[i - 1];
      shape->values[0] = 1;
    }
    for (size_t i = 0; i < ndim; i++) {
      int length = mlx_array_shape(arrays[k])[i], *had = &shape->values[shape->count - ndim + i];
      if (length != 1 && *had != 1 && length != *had) {
        PyErr_Format(PyExc_ValueError, "%s: the arguments' shapes cannot be broadcast together", call->name);
        return false;
      }
      if (length != 1) *had = length;
    }
  }
  return true;
}

PyObject *hr_op_random_key(hr_call *call, PyObject *const *in) {
  mlx_array res = {0};
  unsigned long long seed = PyLong_AsUnsignedLongLongMask(in[0]);
  if (PyErr_Occurred()) return NULL;
  return hr_result(call->st, mlx_random_key(&res, seed), res);
}

PyObject *hr_op_random_seed(hr_call *call, PyObject *const *in) {
  unsigned long long seed = PyLong_AsUnsignedLongLongMask(in[0]);
  if (PyErr_Occurred()) return NULL;
  return mlx_random_seed(seed) ? hr_raise(call->st) : Py_NewRef(Py_None);
}

PyObject *hr_op_random_split(hr_call *call, PyObject *const *in) {
  mlx_array key, res = {0};
  int num;
  if (!hr_get_array(call, in[0], "key", &key) || !hr_get_int(call, in[1], "num", 2, &num)) return NULL;
  return hr_result(call->st, mlx_random_split_num(&res, key, num, call->stream), res);
}

PyObject *hr_op_random_bernoulli(hr_call *call, PyObject *const *in) {
  mlx_array p, key, res = {0};
  hr_ints shape;
  if (in[0]) {
    if (!hr_get_array(call, in[0], "p", &p)) return NULL;
  } else {
    p = mlx_array_new_float32(0.5f);
    if (!p.ctx || !hr_call_keep(call, p)) return hr_raise(call->st);
  }
  if (!hr_get_ints(call, in[1], "shape", &shape) || !keyed(call, in[2], &key) || !shape_like(call, &shape, &p, 1))
    return NULL;
  return hr_result(call->st, mlx_random_bernoulli(&res, p, shape.values, shape.count, key, call->stream), res);
}

PyObject *hr_op_random_categorical(hr_call *call, PyObject *const *in) {
  mlx_array logits, key, res = {0};
  hr_ints shape;
  mlx_optional_int samples;
  int axis, failed;
  if (!hr_get_array(call, in[0], "logits", &logits) || !hr_get_int(call, in[1], "axis", -1, &axis) ||
      !hr_get_ints(call, in[2], "shape", &shape) || !hr_get_optional_int(call, in[3], "num_samples", &samples) ||
      !keyed(call, in[4], &key))
    return NULL;
  if (!shape.none && samples.has_value)
    return PyErr_SetString(PyExc_ValueError, "categorical: only one of shape and num_samples can be given"), NULL;
  if (!shape.none)
    failed = mlx_random_categorical_shape(&res, logits, axis, shape.values, shape.count, key, call->stream);
  else if (samples.has_value)
    failed = mlx_random_categorical_num_samples(&res, logits, axis, samples.value, key, call->stream);
  else
    failed = mlx_random_categorical(&res, logits, axis, key, call->stream);
  return hr_result(call->st, failed, res);
}

PyObject *hr_op_random_normal(hr_call *call, PyObject *const *in) {
  mlx_array loc, scale, key, res = {0};
  hr_ints shape;
  mlx_dtype dtype;
  if (!hr_get_ints(call, in[0], "shape", &shape) || !hr_get_dtype(call, in[1], "dtype", MLX_FLOAT32, &dtype) ||
      !hr_get_optional_array(call, in[2], "loc", &loc) || !hr_get_optional_array(call, in[3], "scale", &scale) ||
      !keyed(call, in[4], &key))
    return NULL;
  int failed = mlx_random_normal_broadcast(&res, shape.values, shape.count, dtype, loc, scale, key, call->stream);
  return hr_result(call->st, failed, res);
}

PyObject *hr_op_random_laplace(hr_call *call, PyObject *const *in) {
  mlx_array key, res = {0};
  hr_ints shape;
  mlx_dtype dtype;
  double loc, scale;
  if (!hr_get_ints(call, in[0], "shape", &shape) || !hr_get_dtype(call, in[1], "dtype", MLX_FLOAT32, &dtype) ||
      !hr_get_double(call, in[2], "loc", 0, &loc) || !hr_get_double(call, in[3], "scale", 1, &scale) ||
      !keyed(call, in[4], &key))
    return NULL;
  int failed = mlx_random_laplace(&res, shape.values, shape.count, dtype, (float)loc, (float)scale, key, call->stream);
  return hr_result(call->st, failed, res);
}

PyObject *hr_op_random_permutation(hr_call *call, PyObject *const *in) {
  mlx_array x, key, res = {0};
  int axis, count;
  if (!hr_get_int(call, in[1], "axis", 0, &axis) || !keyed(call, in[2], &key)) return NULL;
  if (PyLong_Check(in[0])) {
    if (!hr_need_int(call, in[0], "x", &count)) return NULL;
    return hr_result(call->st, mlx_random_permutation_arange(&res, count, key, call->stream), res);
  }
  if (!hr_get_array(call, in[0], "x", &x)) return NULL;
  return hr_result(call->st, mlx_random_permutation(&res, x, axis, key, call->stream), res);
}

PyObject *hr_op_random_randint(hr_call *call, PyObject *const *in) {
  mlx_array range[2], key, res = {0};
  hr_ints shape;
  mlx_dtype dtype;
  if (!hr_get_array(call, in[0], "low", &range[0]) || !hr_get_array(call, in[1], "high", &range[1]) ||
      !hr_get_ints(call, in[2], "shape", &shape) || !hr_get_dtype(call, in[3], "dtype", MLX_INT32, &dtype) ||
      !keyed(call, in[4], &key))
    return NULL;
  int failed = mlx_random_randint(&res, range[0], range[1], shape.values, shape.count, dtype, key, call->stream);
  return hr_result(call->st, failed, res);
}

static bool bound(hr_call *call, PyObject *arg, const char *name, float fallback, mlx_array *out) {
  if (!hr_absent(arg)) return hr_get_array(call, arg, name, out);
  *out = mlx_array_new_float32(fallback);
  return (out->ctx || hr_raise(call->st)) && hr_call_keep(call, *out);
}

PyObject *hr_op_random_uniform(hr_call *call, PyObject *const *in) {
  mlx_array low, high, key, res = {0};
  hr_ints shape;
  mlx_dtype dtype;
  if (!bound(call, in[0], "low", 0, &low) || !bound(call, in[1], "high", 1, &high) ||
      !hr_get_ints(call, in[2], "shape", &shape) || !hr_get_dtype(call, in[3], "dtype", MLX_FLOAT32, &dtype) ||
      !keyed(call, in[4], &key))
    return NULL;
  int failed = mlx_random_uniform(&res, low, high, shape.values, shape.count, dtype, key, call->stream);
  return hr_result(call->st, failed, res);
}

PyObject *hr_op_random_truncated_normal(hr_call *call, PyObject *const *in) {
  mlx_array range[2], key, res = {0};
  hr_ints shape;
  mlx_dtype dtype;
  if (!hr_get_array(call, in[0], "lower", &range[0]) || !hr_get_array(call, in[1], "upper", &range[1]) ||
      !hr_get_ints(call, in[2], "shape", &shape) || !hr_get_dtype(call, in[3], "dtype", MLX_FLOAT32, &dtype) ||
      !keyed(call, in[4], &key) || !shape_like(call, &shape, range, 2))
    return NULL;
  int failed =
      mlx_random_truncated_normal(&res, range[0], range[1], shape.values, shape.count, dtype, key, call->stream);
  return hr_result(call->st, failed, res);
}

/* --- memory --- */

static PyObject *ask(hr_call *call, int (*question)(size_t *)) {
  size_t bytes = 0;
  return question(&bytes) ? hr_raise(call->st) : PyLong_FromSize_t(bytes);
}

PyObject *hr_op_get_active_memory(hr_call *call, PyObject *const *in) {
  return (void)in, ask(call, mlx_get_active_memory);
}
PyObject *hr_op_get_cache_memory(hr_call *call, PyObject *const *in) {
  return (void)in, ask(call, mlx_get_cache_memory);
}
PyObject *hr_op_get_memory_limit(hr_call *call, PyObject *const *in) {
  return (void)in, ask(call, mlx_get_memory_limit);
}
PyObject *hr_op_get_peak_memory(hr_call *call, PyObject *const *in) { return (void)in, ask(call, mlx_get_peak_memory); }

static PyObject *set(hr_call *call, PyObject *limit, int (*change)(size_t *, size_t)) {
  size_t before = 0, bytes;
  if (!hr_need_size(call, limit, "limit", &bytes)) return NULL;
  return change(&before, bytes) ? hr_raise(call->st) : PyLong_FromSize_t(before);
}

PyObject *hr_op_set_cache_limit(hr_call *call, PyObject *const *in) { return set(call, in[0], mlx_set_cache_limit); }
PyObject *hr_op_set_memory_limit(hr_call *call, PyObject *const *in) { return set(call, in[0], mlx_set_memory_limit); }
PyObject *hr_op_set_wired_limit(hr_call *call, PyObject *const *in) { return set(call, in[0], mlx_set_wired_limit); }

PyObject *hr_op_clear_cache(hr_call *call, PyObject *const *in) {
  (void)in;
  return mlx_clear_cache() ? hr_raise(call->st) : Py_NewRef(Py_None);
}
PyObject *hr_op_reset_peak_memory(hr_call *call, PyObject *const *in) {
  (void)in;
  return mlx_reset_peak_memory() ? hr_raise(call->st) : Py_NewRef(Py_None);
}
