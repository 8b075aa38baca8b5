/* Functions that make arrays, and those whose dtype depends on their arguments. */
#include <limits.h>
#include <math.h>

#include "bodies.h"

/* --- ranges --- */

/* The dtype of an arange by what was given: int32 if all are ints, else float32. */
static bool arange_dtype(hr_call *call, PyObject *const *parts, PyObject *given, mlx_dtype *out) {
  mlx_dtype natural = MLX_INT32;
  for (int i = 0; i < 3; i++) {
    if (hr_absent(parts[i])) continue;
    if (PyBool_Check(parts[i])) return PyErr_SetString(PyExc_ValueError, "bool not supported for arange."), false;
    if (PyFloat_Check(parts[i])) natural = MLX_FLOAT32;
    if (!PyFloat_Check(parts[i]) && !PyIndex_Check(parts[i]))
      return hr_bad_argument(call, i ? i == 1 ? "stop" : "step" : "start", "a number", parts[i]);
  }
  return hr_get_dtype(call, given, "dtype", natural, out);
}

/* arange(stop, step, dtype) or arange(start, stop, step, dtype): with two numbers the second one is `stop`. */
PyObject *hr_op_arange(hr_call *call, PyObject *const *in) {
  PyObject *parts[3] = {in[0], in[1], in[2]};
  double start, stop, step;
  mlx_dtype dtype;
  mlx_array res = {0};
  if (hr_absent(parts[1])) {
    parts[1] = parts[0];
    parts[0] = NULL;
  }
  if (hr_absent(parts[1])) return hr_bad_argument(call, "stop", "a number", parts[1]), NULL;
  if (!hr_get_double(call, parts[0], "start", 0, &start) || !hr_need_double(call, parts[1], "stop", &stop) ||
      !hr_get_double(call, parts[2], "step", 1, &step) || !arange_dtype(call, parts, in[3], &dtype))
    return NULL;
  return hr_result(call->st, mlx_arange(&res, start, stop, step, dtype, call->stream), res);
}

/* Without the end point a range of num + 1 points loses its last one. */
PyObject *hr_op_linspace(hr_call *call, PyObject *const *in) {
  double start, stop;
  int num;
  bool endpoint;
  mlx_dtype dtype;
  mlx_array res = {0};
  if (!hr_need_double(call, in[0], "start", &start) || !hr_need_double(call, in[1], "stop", &stop) ||
      !hr_get_int(call, in[2], "num", 50, &num) || !hr_get_bool(call, in[3], "endpoint", true, &endpoint) ||
      !hr_get_dtype(call, in[4], "dtype", MLX_FLOAT32, &dtype))
    return NULL;
  if (!endpoint && num > 0) stop -= (stop - start) / num;
  return hr_result(call->st, mlx_linspace(&res, start, stop, num, dtype, call->stream), res);
}

/* --- filled arrays --- */

PyObject *hr_op_full(hr_call *call, PyObject *const *in) {
  hr_ints shape;
  mlx_array value, res = {0};
  mlx_dtype dtype;
  if (!hr_need_ints(call, in[0], "shape", &shape) || !hr_get_array(call, in[1], "vals", &value) ||
      !hr_get_dtype(call, in[2], "dtype", mlx_array_dtype(value), &dtype))
    return NULL;
  return hr_result(call->st, mlx_full(&res, shape.values, shape.count, value, dtype, call->stream), res);
}

PyObject *hr_op_zeros(hr_call *call, PyObject *const *in) {
  hr_ints shape;
  mlx_array res = {0};
  mlx_dtype dtype;
  if (!hr_need_ints(call, in[0], "shape", &shape) || !hr_get_dtype(call, in[1], "dtype", MLX_FLOAT32, &dtype))
    return NULL;
  return hr_result(call->st, mlx_zeros(&res, shape.values, shape.count, dtype, call->stream), res);
}

PyObject *hr_op_ones(hr_call *call, PyObject *const *in) {
  hr_ints shape;
  mlx_array res = {0};
  mlx_dtype dtype;
  if (!hr_need_ints(call, in[0], "shape", &shape) || !hr_get_dtype(call, in[1], "dtype", MLX_FLOAT32, &dtype))
    return NULL;
  return hr_result(call->st, mlx_ones(&res, shape.values, shape.count, dtype, call->stream), res);
}

/* An array of one value like in[0]; `dtype` may differ. */
static PyObject *like(hr_call *call, PyObject *model, mlx_array value, PyObject *given) {
  mlx_array a, res = {0};
  mlx_dtype dtype;
  if (!hr_get_array(call, model, "a", &a) || !hr_get_dtype(call, given, "dtype", mlx_array_dtype(a), &dtype))
    return NULL;
  return hr_result(call->st, mlx_full_like(&res, a, value, dtype, call->stream), res);
}

static PyObject *like_int(hr_call *call, PyObject *const *in, int number) {
  mlx_array value = mlx_array_new_int(number);
  if (!value.ctx) return hr_raise(call->st);
  return hr_call_keep(call, value) ? like(call, in[0], value, in[1]) : NULL;
}

PyObject *hr_op_zeros_like(hr_call *call, PyObject *const *in) { return like_int(call, in, 0); }
PyObject *hr_op_ones_like(hr_call *call, PyObject *const *in) { return like_int(call, in, 1); }

PyObject *hr_op_full_like(hr_call *call, PyObject *const *in) {
  mlx_array value;
  return hr_get_array(call, in[1], "vals", &value) ? like(call, in[0], value, in[2]) : NULL;
}

PyObject *hr_op_eye(hr_call *call, PyObject *const *in) {
  int n, m, k;
  mlx_dtype dtype;
  mlx_array res = {0};
  if (!hr_need_int(call, in[0], "n", &n) || !hr_get_int(call, in[1], "m", n, &m) ||
      !hr_get_int(call, in[2], "k", 0, &k) || !hr_get_dtype(call, in[3], "dtype", MLX_FLOAT32, &dtype))
    return NULL;
  return hr_result(call->st, mlx_eye(&res, n, m, k, dtype, call->stream), res);
}

PyObject *hr_op_tri(hr_call *call, PyObject *const *in) {
  int n, m, k;
  mlx_dtype dtype;
  mlx_array res = {0};
  if (!hr_need_int(call, in[0], "n", &n) || !hr_get_int(call, in[1], "m", n, &m) ||
      !hr_get_int(call, in[2], "k", 0, &k) || !hr_get_dtype(call, in[3], "dtype", MLX_FLOAT32, &dtype))
    return NULL;
  return hr_result(call->st, mlx_tri(&res, n, m, k, dtype, call->stream), res);
}

/* --- dtypes that depend on the argument --- */

PyObject *hr_op_trace(hr_call *call, PyObject *const *in) {
  int offset, axis1, axis2;
  mlx_array a, res = {0};
  mlx_dtype dtype;
  if (!hr_get_array(call, in[0], "a", &a) || !hr_get_int(call, in[1], "offset", 0, &offset) ||
      !hr_get_int(call, in[2], "axis1", 0, &axis1) || !hr_get_int(call, in[3], "axis2", 1, &axis2) ||
      !hr_get_dtype(call, in[4], "dtype", mlx_array_dtype(a), &dtype))
    return NULL;
  return hr_result(call->st, mlx_trace(&res, a, offset, axis1, axis2, dtype, call->stream), res);
}

PyObject *hr_op_view(hr_call *call, PyObject *const *in) {
  mlx_array a, res = {0};
  mlx_dtype dtype;
  if (!hr_get_array(call, in[0], "a", &a) || !hr_need_dtype(call, in[1], "dtype", &dtype)) return NULL;
  return hr_result(call->st, mlx_view(&res, a, dtype, call->stream), res);
}

/* condition, then two that take dtypes from each other. */
PyObject *hr_op_where(hr_call *call, PyObject *const *in) {
  mlx_array condition, x, y, res = {0};
  if (!hr_get_array(call, in[0], "condition", &condition) || !hr_get_pair(call, in[1], in[2], &x, &y)) return NULL;
  return hr_result(call->st, mlx_where(&res, condition, x, y, call->stream), res);
}

PyObject *hr_op_clip(hr_call *call, PyObject *const *in) {
  mlx_array a, low = {0}, high = {0}, res = {0};
  if (!hr_get_array(call, in[0], "a", &a) || (!hr_absent(in[1]) && !hr_get_like(call, in[1], a, &low)) ||
      (!hr_absent(in[2]) && !hr_get_like(call, in[2], a, &high)))
    return NULL;
  return hr_result(call->st, mlx_clip(&res, a, low, high, call->stream), res);
}

PyObject *hr_op_divmod(hr_call *call, PyObject *const *in) {
  mlx_array a, b;
  mlx_vector_array res = {0};
  if (!hr_get_pair(call, in[0], in[1], &a, &b)) return NULL;
  int failed = mlx_divmod(&res, a, b, call->stream);
  return hr_result_list(call->st, failed, res, false);
}
