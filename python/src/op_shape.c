/* Functions about shapes, axes and lists of arrays. */
#include "bodies.h"

/* With axis None everything is flattened first, and the axis is 0. */
static bool flatten_for(hr_call *call, const hr_ints *axis, mlx_array *a, int *out) {
  mlx_array flat = {0};
  *out = axis->none ? 0 : axis->values[0];
  if (!axis->none || mlx_array_ndim(*a) == 1) return true;
  return hr_call_step(call, mlx_reshape(&flat, *a, &(int){-1}, 1, call->stream), flat, a);
}

/* --- shapes --- */

/* The shape of x.reshape(2, 3) or x.reshape((2, 3)): `rest` is the tuple of all arguments. */
static bool shape_of_rest(hr_call *call, PyObject *rest, hr_ints *out) {
  PyObject *first = PyTuple_GET_SIZE(rest) == 1 ? PyTuple_GET_ITEM(rest, 0) : NULL;
  bool nested = first && (PyTuple_Check(first) || PyList_Check(first));
  return hr_need_ints(call, nested ? first : rest, "shape", out);
}

PyObject *hr_op_reshape_method(hr_call *call, PyObject *const *in) {
  mlx_array a, res = {0};
  hr_ints shape;
  if (!hr_get_array(call, in[0], "self", &a) || !shape_of_rest(call, in[1], &shape)) return NULL;
  return hr_result(call->st, mlx_reshape(&res, a, shape.values, shape.count, call->stream), res);
}

static PyObject *transpose(hr_call *call, mlx_array a, const hr_ints *axes) {
  mlx_array res = {0};
  int failed = axes->none ? mlx_transpose(&res, a, call->stream)
                          : mlx_transpose_axes(&res, a, axes->values, axes->count, call->stream);
  return hr_result(call->st, failed, res);
}

PyObject *hr_op_transpose(hr_call *call, PyObject *const *in) {
  mlx_array a;
  hr_ints axes;
  return hr_get_array(call, in[0], "a", &a) && hr_get_ints(call, in[1], "axes", &axes) ? transpose(call, a, &axes)
                                                                                       : NULL;
}

PyObject *hr_op_transpose_method(hr_call *call, PyObject *const *in) {
  mlx_array a;
  hr_ints axes;
  if (!hr_get_array(call, in[0], "self", &a)) return NULL;
  bool all = PyTuple_GET_SIZE(in[1]) == 0 || PyTuple_GET_ITEM(in[1], 0) == Py_None;
  if (all ? !hr_get_ints(call, NULL, "axes", &axes) : !shape_of_rest(call, in[1], &axes)) return NULL;
  return transpose(call, a, &axes);
}

PyObject *hr_op_expand_dims(hr_call *call, PyObject *const *in) {
  mlx_array a, res = {0};
  hr_ints axes;
  if (!hr_get_array(call, in[0], "a", &a) || !hr_need_ints(call, in[1], "axis", &axes)) return NULL;
  return hr_result(call->st, mlx_expand_dims_axes(&res, a, axes.values, axes.count, call->stream), res);
}

PyObject *hr_op_as_strided(hr_call *call, PyObject *const *in) {
  mlx_array a, res = {0};
  hr_ints shape;
  size_t offset;
  int64_t strides[HR_MAX_AXES];
  if (!hr_get_array(call, in[0], "a", &a) || !hr_get_ints(call, in[1], "shape", &shape) ||
      !hr_get_size(call, in[3], "offset", 0, &offset))
    return NULL;
  if (shape.none) {
    shape.values = shape.few;
    shape.count = mlx_array_ndim(a);
    for (size_t i = 0; i < shape.count; i++) shape.values[i] = mlx_array_shape(a)[i];
  }
  size_t count = shape.count;
  if (count > HR_MAX_AXES) return PyErr_SetString(PyExc_ValueError, "as_strided: too many axes"), NULL;
  if (hr_absent(in[2])) {
    int64_t step = 1;
    for (size_t i = count; i-- > 0; step *= shape.values[i]) strides[i] = step;
  } else {
    hr_ints given;
    if (!hr_need_ints(call, in[2], "strides", &given)) return NULL;
    count = given.count;
    for (size_t i = 0; i < count && i < HR_MAX_AXES; i++) strides[i] = given.values[i];
  }
  int failed = mlx_as_strided(&res, a, shape.values, shape.count, strides, count, offset, call->stream);
  return hr_result(call->st, failed, res);
}

/* --- lists of arrays --- */

typedef int (*list_fn)(mlx_array *, mlx_vector_array, mlx_stream);
typedef int (*list_axis_fn)(mlx_array *, mlx_vector_array, int, mlx_stream);

static PyObject *join(hr_call *call, PyObject *const *in, list_fn all, list_axis_fn along, const int *fallback) {
  mlx_vector_array arrays;
  hr_ints axis;
  mlx_array res = {0};
  if (!hr_get_axis(call, in[1], "axis", fallback, &axis) || !hr_one_axis(call, &axis)) return NULL;
  if (!hr_get_arrays(call, in[0], "arrays", &arrays)) return mlx_vector_array_free(arrays), NULL;
  int failed = axis.none ? all(&res, arrays, call->stream) : along(&res, arrays, axis.values[0], call->stream);
  mlx_vector_array_free(arrays);
  return hr_result(call->st, failed, res);
}

/* Axis None: of the flattened arrays. */
static int concatenate_flat(mlx_array *res, mlx_vector_array arrays, mlx_stream stream) {
  mlx_vector_array flat = mlx_vector_array_new();
  int failed = 0;
  for (size_t i = 0; !failed && i < mlx_vector_array_size(arrays); i++) {
    mlx_array item = {0};
    failed = mlx_vector_array_get(&item, arrays, i) || mlx_reshape(&item, item, &(int){-1}, 1, stream) ||
             mlx_vector_array_append_value(flat, item);
    mlx_array_free(item);
  }
  if (!failed) failed = mlx_concatenate_axis(res, flat, 0, stream);
  mlx_vector_array_free(flat);
  return failed;
}

PyObject *hr_op_concatenate(hr_call *call, PyObject *const *in) {
  return join(call, in, concatenate_flat, mlx_concatenate_axis, &(int){0});
}
PyObject *hr_op_stack(hr_call *call, PyObject *const *in) {
  return join(call, in, mlx_stack, mlx_stack_axis, &(int){0});
}

PyObject *hr_op_split(hr_call *call, PyObject *const *in) {
  mlx_array a;
  hr_ints parts;
  int axis;
  mlx_vector_array res = {0};
  if (!hr_get_array(call, in[0], "a", &a) || !hr_need_ints(call, in[1], "indices_or_sections", &parts) ||
      !hr_get_int(call, in[2], "axis", 0, &axis))
    return NULL;
  int failed = parts.single ? mlx_split(&res, a, parts.values[0], axis, call->stream)
                            : mlx_split_sections(&res, a, parts.values, parts.count, axis, call->stream);
  return hr_result_list(call->st, failed, res, false);
}

typedef int (*unary_fn)(mlx_array *, mlx_array, mlx_stream);

/* One array answers one, several a list. */
static PyObject *each(hr_call *call, PyObject *arrays, unary_fn op) {
  Py_ssize_t count = PyTuple_GET_SIZE(arrays);
  PyObject *list = count == 1 ? NULL : PyList_New(count);
  if (count != 1 && !list) return NULL;
  for (Py_ssize_t i = 0; i < count; i++) {
    mlx_array a, res = {0};
    PyObject *item = NULL;
    hr_call one;
    hr_call_begin(&one, call->st, call->name);
    if (hr_get_array(&one, PyTuple_GET_ITEM(arrays, i), "arys", &a))
      item = hr_result(call->st, op(&res, a, call->stream), res);
    hr_call_end(&one);
    if (!list) return item;
    if (!item) return Py_DECREF(list), NULL;
    PyList_SET_ITEM(list, i, item);
  }
  return list;
}

PyObject *hr_op_atleast_1d(hr_call *call, PyObject *const *in) { return each(call, in[0], mlx_atleast_1d); }
PyObject *hr_op_atleast_2d(hr_call *call, PyObject *const *in) { return each(call, in[0], mlx_atleast_2d); }
PyObject *hr_op_atleast_3d(hr_call *call, PyObject *const *in) { return each(call, in[0], mlx_atleast_3d); }

/* Arrays that are given one by one, or as one list. */
static bool get_rest(hr_call *call, PyObject *rest, const char *name, mlx_vector_array *out) {
  PyObject *first = PyTuple_GET_SIZE(rest) == 1 ? PyTuple_GET_ITEM(rest, 0) : NULL;
  bool nested = first && (PyTuple_Check(first) || PyList_Check(first));
  if (hr_get_arrays(call, nested ? first : rest, name, out)) return true;
  mlx_vector_array_free(*out);
  return false;
}

PyObject *hr_op_broadcast_arrays(hr_call *call, PyObject *const *in) {
  mlx_vector_array arrays, res = {0};
  if (!get_rest(call, in[0], "arrays", &arrays)) return NULL;
  int failed = mlx_broadcast_arrays(&res, arrays, call->stream);
  mlx_vector_array_free(arrays);
  return hr_result_list(call->st, failed, res, false);
}

PyObject *hr_op_meshgrid(hr_call *call, PyObject *const *in) {
  mlx_vector_array arrays, res = {0};
  bool sparse;
  const char *indexing;
  if (!hr_get_bool(call, in[1], "sparse", false, &sparse) || !hr_get_text(call, in[2], "indexing", "xy", &indexing) ||
      !get_rest(call, in[0], "arrays", &arrays))
    return NULL;
  int failed = mlx_meshgrid(&res, arrays, sparse, indexing, call->stream);
  mlx_vector_array_free(arrays);
  return hr_result_list(call->st, failed, res, true);
}

static bool get_one_or_more(hr_call *call, PyObject *arg, const char *name, mlx_vector_array *out) {
  if (!hr_is_array(arg)) return hr_get_arrays(call, arg, name, out);
  mlx_array value;
  if (!hr_get_array(call, arg, name, &value)) return false;
  *out = mlx_vector_array_new_value(value);
  return out->ctx || hr_raise(call->st);
}

PyObject *hr_op_depends(hr_call *call, PyObject *const *in) {
  mlx_vector_array inputs = {0}, others = {0}, res = {0};
  int failed = 1;
  bool good = get_one_or_more(call, in[0], "inputs", &inputs) && get_one_or_more(call, in[1], "dependencies", &others);
  if (good) failed = mlx_depends(&res, inputs, others);
  mlx_vector_array_free(inputs);
  mlx_vector_array_free(others);
  if (!good) return NULL;
  PyObject *list = hr_result_list(call->st, failed, res, false);
  if (!list || !hr_is_array(in[0])) return list;
  PyObject *first = Py_NewRef(PyList_GET_ITEM(list, 0));
  Py_DECREF(list);
  return first;
}

/* --- repeating and moving --- */

PyObject *hr_op_repeat(hr_call *call, PyObject *const *in) {
  mlx_array a, res = {0};
  int repeats;
  hr_ints axis;
  if (!hr_get_array(call, in[0], "array", &a) || !hr_need_int(call, in[1], "repeats", &repeats) ||
      !hr_get_axis(call, in[2], "axis", NULL, &axis) || !hr_one_axis(call, &axis))
    return NULL;
  int failed = axis.none ? mlx_repeat(&res, a, repeats, call->stream)
                         : mlx_repeat_axis(&res, a, repeats, axis.values[0], call->stream);
  return hr_result(call->st, failed, res);
}

PyObject *hr_op_roll(hr_call *call, PyObject *const *in) {
  mlx_array a, res = {0};
  hr_ints shift, axis;
  if (!hr_get_array(call, in[0], "a", &a) || !hr_need_ints(call, in[1], "shift", &shift) ||
      !hr_get_ints(call, in[2], "axis", &axis))
    return NULL;
  int failed = axis.none     ? mlx_roll(&res, a, shift.values, shift.count, call->stream)
               : axis.single ? mlx_roll_axis(&res, a, shift.values, shift.count, axis.values[0], call->stream)
                             : mlx_roll_axes(&res, a, shift.values, shift.count, axis.values, axis.count, call->stream);
  return hr_result(call->st, failed, res);
}

/* Widths in front and behind: one for all, a pair for all, or a pair an axis. */
static bool get_widths(hr_call *call, PyObject *arg, int ndim, int *low, int *high) {
  hr_ints all;
  bool nested = (PyList_Check(arg) || PyTuple_Check(arg)) && PySequence_Fast_GET_SIZE(arg) &&
                (PyList_Check(PySequence_Fast_GET_ITEM(arg, 0)) || PyTuple_Check(PySequence_Fast_GET_ITEM(arg, 0)));
  if (!nested) {
    if (!hr_need_ints(call, arg, "pad_width", &all)) return false;
    if (!all.count && !ndim) return true; /* a scalar has no pairs */
    if (all.count != 1 && all.count != 2) return PyErr_SetString(PyExc_ValueError, "pad: one or two widths"), false;
    for (int i = 0; i < ndim; i++) {
      low[i] = all.values[0];
      high[i] = all.values[all.count - 1];
    }
    return true;
  }
  Py_ssize_t count = PySequence_Fast_GET_SIZE(arg);
  if (count != ndim && count != 1)
    return PyErr_Format(PyExc_ValueError, "pad: %zd pairs of widths for %d axes", count, ndim), false;
  for (int i = 0; i < ndim; i++) {
    if (!hr_need_ints(call, PySequence_Fast_GET_ITEM(arg, count == 1 ? 0 : i), "pad_width", &all)) return false;
    if (all.count != 1 && all.count != 2) return PyErr_SetString(PyExc_ValueError, "pad: one or two widths"), false;
    low[i] = all.values[0];
    high[i] = all.values[all.count - 1];
  }
  return true;
}

PyObject *hr_op_pad(hr_call *call, PyObject *const *in) {
  mlx_array a, value, res = {0};
  int low[HR_MAX_AXES], high[HR_MAX_AXES], axes[HR_MAX_AXES];
  const char *mode;
  if (!hr_get_array(call, in[0], "a", &a) || !hr_get_text(call, in[2], "mode", "constant", &mode)) return NULL;
  if (hr_absent(in[1])) return hr_bad_argument(call, "pad_width", "an int or a sequence", in[1]), NULL;
  size_t ndim = mlx_array_ndim(a);
  if (!get_widths(call, in[1], (int)ndim, low, high)) return NULL;
  if (hr_absent(in[3])) {
    value = mlx_array_new_int(0);
    if (!value.ctx || !hr_call_keep(call, value)) return hr_raise(call->st);
    mlx_array cast = {0};
    if (!hr_call_step(call, mlx_astype(&cast, value, mlx_array_dtype(a), call->stream), cast, &value)) return NULL;
  } else if (!hr_get_like(call, in[3], a, &value)) {
    return NULL;
  }
  for (size_t i = 0; i < ndim; i++) axes[i] = (int)i;
  return hr_result(call->st, mlx_pad(&res, a, axes, ndim, low, ndim, high, ndim, value, mode, call->stream), res);
}

/* --- taking --- */

PyObject *hr_op_take(hr_call *call, PyObject *const *in) {
  mlx_array a, indices, res = {0};
  hr_ints axis;
  if (!hr_get_array(call, in[0], "a", &a) || !hr_get_array(call, in[1], "indices", &indices) ||
      !hr_get_axis(call, in[2], "axis", NULL, &axis) || !hr_one_axis(call, &axis))
    return NULL;
  int failed = axis.none ? mlx_take(&res, a, indices, call->stream)
                         : mlx_take_axis(&res, a, indices, axis.values[0], call->stream);
  return hr_result(call->st, failed, res);
}

PyObject *hr_op_take_along_axis(hr_call *call, PyObject *const *in) {
  mlx_array a, indices, res = {0};
  hr_ints axis;
  int along;
  if (!hr_get_array(call, in[0], "a", &a) || !hr_get_array(call, in[1], "indices", &indices) ||
      !hr_get_axis(call, in[2], "axis", &(int){-1}, &axis) || !hr_one_axis(call, &axis) ||
      !flatten_for(call, &axis, &a, &along))
    return NULL;
  return hr_result(call->st, mlx_take_along_axis(&res, a, indices, along, call->stream), res);
}

/* With axis None the result still has the array's shape. */
PyObject *hr_op_put_along_axis(hr_call *call, PyObject *const *in) {
  mlx_array a, flat, indices, values, res = {0};
  hr_ints axis;
  int along;
  if (!hr_get_array(call, in[0], "a", &a) || !hr_get_array(call, in[1], "indices", &indices) ||
      !hr_get_like(call, in[2], a, &values) || !hr_get_axis(call, in[3], "axis", NULL, &axis) ||
      !hr_one_axis(call, &axis))
    return NULL;
  flat = a;
  if (!flatten_for(call, &axis, &flat, &along)) return NULL;
  int failed = mlx_put_along_axis(&res, flat, indices, values, along, call->stream);
  if (!failed && axis.none) failed = mlx_reshape(&res, res, mlx_array_shape(a), mlx_array_ndim(a), call->stream);
  return hr_result(call->st, failed, res);
}

/* --- along an axis --- */

PyObject *hr_op_median(hr_call *call, PyObject *const *in) {
  mlx_array a, res = {0};
  hr_ints axes;
  bool keepdims;
  if (!hr_get_array(call, in[0], "a", &a) || !hr_get_ints(call, in[1], "axis", &axes) ||
      !hr_get_bool(call, in[2], "keepdims", false, &keepdims))
    return NULL;
  if (axes.none) {
    axes.count = mlx_array_ndim(a);
    for (size_t i = 0; i < axes.count; i++) axes.values[i] = (int)i;
  }
  return hr_result(call->st, mlx_median(&res, a, axes.values, axes.count, keepdims, call->stream), res);
}

typedef int (*spread_fn)(mlx_array *, mlx_array, bool, int, mlx_stream);
typedef int (*spread_axes_fn)(mlx_array *, mlx_array, const int *, size_t, bool, int, mlx_stream);

/* a, axis, keepdims, ddof; array's methods also know ddof as `correction`, at place 5 (4 is the stream's). */
static PyObject *spread(hr_call *call, PyObject *const *in, spread_fn all, spread_axes_fn some) {
  mlx_array a, res = {0};
  hr_ints axes;
  bool keepdims;
  int ddof;
  if (!hr_get_array(call, in[0], "a", &a) || !hr_get_ints(call, in[1], "axis", &axes) ||
      !hr_get_bool(call, in[2], "keepdims", false, &keepdims) || !hr_get_int(call, in[3], "ddof", 0, &ddof) ||
      !hr_get_int(call, in[5], "correction", ddof, &ddof))
    return NULL;
  int failed = axes.none ? all(&res, a, keepdims, ddof, call->stream)
                         : some(&res, a, axes.values, axes.count, keepdims, ddof, call->stream);
  return hr_result(call->st, failed, res);
}

PyObject *hr_op_std(hr_call *call, PyObject *const *in) { return spread(call, in, mlx_std, mlx_std_axes); }
PyObject *hr_op_var(hr_call *call, PyObject *const *in) { return spread(call, in, mlx_var, mlx_var_axes); }

typedef int (*scan_fn)(mlx_array *, mlx_array, int, bool, bool, mlx_stream);

/* a, axis, reverse, inclusive, and for some dtype at place 4. */
static PyObject *scan(hr_call *call, PyObject *const *in, scan_fn op, PyObject *dtype_arg) {
  mlx_array a, res = {0};
  hr_ints axis;
  int along;
  bool reverse, inclusive;
  mlx_optional_dtype dtype;
  if (!hr_get_array(call, in[0], "a", &a) || !hr_get_axis(call, in[1], "axis", NULL, &axis) ||
      !hr_one_axis(call, &axis) || !hr_get_bool(call, in[2], "reverse", false, &reverse) ||
      !hr_get_bool(call, in[3], "inclusive", true, &inclusive) ||
      !hr_get_optional_dtype(call, dtype_arg, "dtype", &dtype) || !flatten_for(call, &axis, &a, &along))
    return NULL;
  if (dtype.has_value) {
    mlx_array cast = {0};
    if (!hr_call_step(call, mlx_astype(&cast, a, dtype.value, call->stream), cast, &a)) return NULL;
  }
  return hr_result(call->st, op(&res, a, along, reverse, inclusive, call->stream), res);
}

PyObject *hr_op_cumsum(hr_call *call, PyObject *const *in) { return scan(call, in, mlx_cumsum, in[4]); }
PyObject *hr_op_cumprod(hr_call *call, PyObject *const *in) { return scan(call, in, mlx_cumprod, in[4]); }
PyObject *hr_op_cummax(hr_call *call, PyObject *const *in) { return scan(call, in, mlx_cummax, NULL); }
PyObject *hr_op_cummin(hr_call *call, PyObject *const *in) { return scan(call, in, mlx_cummin, NULL); }
PyObject *hr_op_logcumsumexp(hr_call *call, PyObject *const *in) { return scan(call, in, mlx_logcumsumexp, NULL); }

/* --- products --- */

/* axes: a number, or two lists. */
PyObject *hr_op_tensordot(hr_call *call, PyObject *const *in) {
  mlx_array a, b, res = {0};
  hr_ints first, second;
  int count = 2;
  if (!hr_get_array(call, in[0], "a", &a) || !hr_get_array(call, in[1], "b", &b)) return NULL;
  bool lists = in[2] && (PyList_Check(in[2]) || PyTuple_Check(in[2]));
  if (!lists) {
    if (!hr_get_int(call, in[2], "axes", 2, &count)) return NULL;
    return hr_result(call->st, mlx_tensordot_axis(&res, a, b, count, call->stream), res);
  }
  if (PySequence_Fast_GET_SIZE(in[2]) != 2)
    return PyErr_SetString(PyExc_ValueError, "tensordot: axes must be an int or two lists"), NULL;
  if (!hr_need_ints(call, PySequence_Fast_GET_ITEM(in[2], 0), "axes", &first) ||
      !hr_need_ints(call, PySequence_Fast_GET_ITEM(in[2], 1), "axes", &second))
    return NULL;
  int failed = mlx_tensordot(&res, a, b, first.values, first.count, second.values, second.count, call->stream);
  return hr_result(call->st, failed, res);
}
