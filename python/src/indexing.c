/* Indices: reading them, and array[index]. */
#include <limits.h>
#include <string.h>

#include "selection.h"

/* --- entries --- */

static bool too_many(hr_call *call, const hr_selection *sel) {
  PyErr_Format(call->st->range_error, "Too many indices for array with %d dimensions.", sel->ndim);
  return false;
}

static bool add_entry(hr_selection *sel, hr_entry_kind kind) {
  if (sel->count == 2 * HR_MAX_AXES) return PyErr_SetString(PyExc_ValueError, "the index is too long"), false;
  sel->kinds[sel->count++] = kind;
  return true;
}

static bool add_axis(hr_selection *sel, int axis) {
  sel->start[axis] = 0;
  sel->stop[axis] = sel->length[axis] = sel->shape[axis];
  sel->step[axis] = 1;
  return add_entry(sel, HR_ENTRY_AXIS);
}

static bool add_slice(hr_selection *sel, int axis, PyObject *slice) {
  Py_ssize_t start, stop, step, length = sel->shape[axis];
  if (PySlice_Unpack(slice, &start, &stop, &step) < 0) {
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) return false;
    PyErr_SetString(PyExc_ValueError, "Slice indices must be integers or None.");
    return false;
  }
  if (step > INT_MAX) step = INT_MAX;
  if (step < -INT_MAX) step = -INT_MAX;
  sel->length[axis] = (int)PySlice_AdjustIndices(length, &start, &stop, step);
  if (!sel->length[axis]) start = stop = 0; /* ends in front of the axis would count from the back */
  sel->start[axis] = (int)start;
  sel->stop[axis] = stop < 0 ? (int)(-length - 1) : (int)stop;
  sel->step[axis] = (int)step;
  sel->whole = sel->whole && sel->length[axis] == length && (step == 1 || length == 1);
  return add_entry(sel, HR_ENTRY_AXIS);
}

static bool add_int(hr_selection *sel, int axis, Py_ssize_t index) {
  int length = sel->shape[axis];
  Py_ssize_t place = index < 0 ? index + length : index;
  if (place < 0 || place >= length) {
    PyErr_Format(PyExc_IndexError, "index %zd is out of range for axis %d of length %d", index, axis, length);
    return false;
  }
  sel->start[axis] = (int)place;
  sel->stop[axis] = (int)place + 1;
  sel->step[axis] = sel->length[axis] = 1;
  sel->whole = false;
  sel->int_count++;
  return add_entry(sel, HR_ENTRY_INT);
}

static bool add_array(hr_selection *sel, int axis, mlx_array array) {
  sel->arrays[sel->array_count++] = array;
  return add_axis(sel, axis) && (sel->kinds[sel->count - 1] = HR_ENTRY_ARRAY, true);
}

/* --- masks: the places where they are true, one array of int32 an axis; the values are needed for that --- */

typedef struct places {
  int32_t *at[HR_MAX_AXES];
  size_t count;
} places;

static void find_places(places *p, mlx_array mask, const char *data, int axis, int32_t *place) {
  int ndim = (int)mlx_array_ndim(mask);
  if (axis == ndim) {
    if (!*data) return;
    for (int i = 0; i < ndim && p->at[0]; i++) p->at[i][p->count] = place[i];
    p->count++;
    return;
  }
  int64_t step = (int64_t)mlx_array_strides(mask)[axis];
  for (int32_t i = 0; i < mlx_array_shape(mask)[axis]; i++) {
    place[axis] = i;
    find_places(p, mask, data + i * step, axis + 1, place);
  }
}

static bool add_places(hr_selection *sel, hr_call *call, int axis, mlx_array mask, const char *data) {
  int32_t place[HR_MAX_AXES];
  int ndim = (int)mlx_array_ndim(mask);
  places p = {0};
  find_places(&p, mask, data, 0, place); /* counts */
  int count = (int)p.count;
  for (int i = 0; i < ndim; i++) {
    p.at[i] = hr_call_alloc(call, p.count * sizeof *p.at[i]);
    if (!p.at[i]) return false;
  }
  p.count = 0;
  find_places(&p, mask, data, 0, place);
  for (int i = 0; i < ndim; i++) {
    mlx_array indices = mlx_array_new_data(p.at[i], &count, 1, MLX_INT32);
    if (!indices.ctx) return hr_raise(call->st);
    if (!hr_call_keep(call, indices) || !add_array(sel, axis + i, indices)) return false;
  }
  return true;
}

static bool add_mask(hr_selection *sel, hr_call *call, int axis, mlx_array mask) {
  int ndim = (int)mlx_array_ndim(mask);
  mlx_array own = {0};
  for (int i = 0; i < ndim; i++) {
    if (mlx_array_shape(mask)[i] == sel->shape[axis + i]) continue;
    PyErr_Format(PyExc_IndexError, "the bool index has %d elements along axis %d of the array, which has %d",
                 mlx_array_shape(mask)[i], axis + i, sel->shape[axis + i]);
    return false;
  }
  if (!ndim) return PyErr_SetString(PyExc_ValueError, "bool scalars cannot index arrays"), false;
  if (!hr_call_step(call, mlx_array_set(&own, mask), own, &own) || !hr_py_wait(call->st, &own, 1)) return false;
  const char *data = (const char *)mlx_array_data_uint8(own);
  return add_places(sel, call, axis, own, data ? data : "");
}

/* --- reading a key --- */

static bool cannot_index(void) {
  PyErr_SetString(PyExc_ValueError, "Cannot index an array with the given type.");
  return false;
}

/* Keys that are neither slice, None nor ...: an int, or an array. */
typedef struct item {
  bool is_int;
  Py_ssize_t index;
  mlx_array array;
} item;

static bool read_item(item *out, hr_call *call, PyObject *key) {
  *out = (item){0};
  if (PyBool_Check(key)) return cannot_index();
  if (!hr_is_array(key) && PyIndex_Check(key) && !PyList_Check(key)) {
    out->index = PyNumber_AsSsize_t(key, PyExc_IndexError);
    out->is_int = true;
    if (out->index != -1 || !PyErr_Occurred()) return true;
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) return false;
    PyErr_Clear(); /* a NumPy array of several elements */
    out->is_int = false;
  }
  if (hr_is_scalar(key) || PyUnicode_Check(key)) return cannot_index();
  if (hr_is_array(key)) {
    if (!hr_get_array(call, key, "index", &out->array)) return false;
  } else {
    if (!hr_from_object(call->st, key, HR_NO_DTYPE, &out->array) || !hr_call_keep(call, out->array)) return false;
    mlx_dtype dtype = mlx_array_dtype(out->array);
    if (mlx_array_size(out->array) == 0 && !hr_is_integer(dtype)) { /* an empty list has no dtype of its own */
      mlx_array ints = {0};
      if (!hr_call_step(call, mlx_astype(&ints, out->array, MLX_INT32, call->stream), ints, &out->array)) return false;
    }
  }
  mlx_dtype dtype = mlx_array_dtype(out->array);
  if (hr_is_integer(dtype) || dtype == MLX_BOOL) return true;
  PyErr_SetString(PyExc_ValueError, "Indices must be integral.");
  return false;
}

static bool add_item(hr_selection *sel, hr_call *call, int *axis, const item *it) {
  bool is_mask = !it->is_int && hr_is_bool_array(it->array);
  int taken = is_mask ? (int)mlx_array_ndim(it->array) : 1;
  if (*axis + taken > sel->ndim) return too_many(call, sel);
  bool good = it->is_int ? add_int(sel, *axis, it->index)
              : is_mask  ? add_mask(sel, call, *axis, it->array)
                         : add_array(sel, *axis, it->array);
  *axis += taken;
  return good;
}

/* `rest`: how many axes an ellipsis stands for. */
static bool add_key(hr_selection *sel, hr_call *call, int *axis, PyObject *key, int *rest) {
  item it;
  if (key == Py_None) return sel->new_count++, add_entry(sel, HR_ENTRY_NEW);
  if (key == Py_Ellipsis) {
    if (*rest < 0) return PyErr_SetString(PyExc_ValueError, "An index can only have a single ellipsis (...)"), false;
    if (!*rest) sel->gap_count++;
    if (!*rest && !add_entry(sel, HR_ENTRY_GAP)) return false;
    for (int i = 0; i < *rest; i++)
      if (!add_axis(sel, (*axis)++)) return false;
    *rest = -1;
    return true;
  }
  if (PySlice_Check(key)) {
    if (*axis == sel->ndim) return too_many(call, sel);
    return add_slice(sel, (*axis)++, key);
  }
  return read_item(&it, call, key) && add_item(sel, call, axis, &it);
}

/* Axes that the keys other than ... stand for. */
static int axes_taken(PyObject *const *keys, Py_ssize_t count) {
  int taken = 0;
  for (Py_ssize_t i = 0; i < count; i++) {
    if (keys[i] == Py_None || keys[i] == Py_Ellipsis) continue;
    bool is_mask = hr_is_array(keys[i]) && hr_dtype_of(keys[i]) == MLX_BOOL;
    taken += is_mask ? (int)hr_array_ask(keys[i], mlx_array_ndim) : 1;
  }
  return taken;
}

static bool is_mask_key(hr_call *call, PyObject *key, mlx_array *out) {
  if (hr_is_array(key)) return hr_dtype_of(key) == MLX_BOOL && hr_get_array(call, key, "index", out);
  if (!PyList_Check(key) && !PyObject_CheckBuffer(key)) return false;
  item it;
  if (!read_item(&it, call, key)) return false;
  return !it.is_int && hr_is_bool_array(it.array) && (*out = it.array, true);
}

bool hr_selection_read(hr_selection *sel, hr_call *call, mlx_array array, PyObject *key, bool keep_mask) {
  sel->ndim = (int)mlx_array_ndim(array);
  sel->shape = mlx_array_shape(array);
  sel->whole = true;
  sel->count = sel->array_count = sel->int_count = sel->new_count = sel->gap_count = 0;
  sel->mask.ctx = NULL;
  if (keep_mask && is_mask_key(call, key, &sel->mask)) return true;
  if (PyErr_Occurred()) return false;
  PyObject *const *keys = PyTuple_Check(key) ? &PyTuple_GET_ITEM(key, 0) : &key;
  Py_ssize_t count = PyTuple_Check(key) ? PyTuple_GET_SIZE(key) : 1;
  int axis = 0, rest = sel->ndim - axes_taken(keys, count);
  if (rest < 0) return too_many(call, sel);
  for (Py_ssize_t i = 0; i < count; i++)
    if (!add_key(sel, call, &axis, keys[i], &rest)) return false;
  while (axis < sel->ndim)
    if (!add_axis(sel, axis++)) return false;
  return true;
}

/* --- shared steps --- */

size_t hr_selection_int_axes(int axes[HR_MAX_AXES], const hr_selection *sel) {
  size_t count = 0;
  for (int i = 0, axis = 0; i < sel->count; i++) {
    if (sel->kinds[i] == HR_ENTRY_INT) axes[count++] = axis;
    axis += sel->kinds[i] != HR_ENTRY_NEW && sel->kinds[i] != HR_ENTRY_GAP;
  }
  return count;
}

int hr_selection_array_axes(int axes[HR_MAX_AXES], const hr_selection *sel) {
  int count = 0;
  for (int i = 0, axis = 0; i < sel->count; i++) {
    if (sel->kinds[i] == HR_ENTRY_ARRAY) axes[count++] = axis;
    axis += sel->kinds[i] == HR_ENTRY_AXIS || sel->kinds[i] == HR_ENTRY_ARRAY;
  }
  return count;
}

bool hr_selection_cut(mlx_array *out, const hr_selection *sel, hr_call *call, mlx_array array) {
  int axes[HR_MAX_AXES];
  size_t n = (size_t)sel->ndim, ints = hr_selection_int_axes(axes, sel);
  *out = array;
  if (!sel->whole) {
    mlx_array cut = {0};
    int failed = mlx_slice(&cut, array, sel->start, n, sel->stop, n, sel->step, n, call->stream);
    if (!hr_call_step(call, failed, cut, out)) return false;
  }
  if (ints) {
    mlx_array cut = {0};
    if (!hr_call_step(call, mlx_squeeze_axes(&cut, *out, axes, ints, call->stream), cut, out)) return false;
  }
  return true;
}

bool hr_selection_index_shape(hr_ints *out, const hr_selection *sel, hr_call *call) {
  (void)call;
  out->values = out->few;
  out->count = 0;
  for (int k = 0; k < sel->array_count; k++) {
    size_t ndim = mlx_array_ndim(sel->arrays[k]);
    if (ndim > out->count) out->count = ndim;
  }
  for (size_t i = 0; i < out->count; i++) out->values[i] = 1;
  for (int k = 0; k < sel->array_count; k++) {
    size_t ndim = mlx_array_ndim(sel->arrays[k]), lead = out->count - ndim;
    for (size_t i = 0; i < ndim; i++) {
      int length = mlx_array_shape(sel->arrays[k])[i], *had = &out->values[lead + i];
      if (length != 1 && *had != 1 && length != *had) {
        PyErr_SetString(PyExc_ValueError, "the index arrays' shapes cannot be broadcast together");
        return false;
      }
      if (length != 1) *had = length;
    }
  }
  return true;
}

int hr_selection_before(const hr_selection *sel) {
  int first = -1, before = 0, last = -1;
  for (int i = 0; i < sel->count; i++) {
    bool advanced = sel->kinds[i] == HR_ENTRY_ARRAY || sel->kinds[i] == HR_ENTRY_INT;
    if (!advanced) {
      before += first < 0 && sel->kinds[i] != HR_ENTRY_GAP;
      continue;
    }
    if (first >= 0 && last != i - 1) return 0;
    if (first < 0) first = i;
    last = i;
  }
  return before;
}

mlx_vector_array hr_selection_indices(const hr_selection *sel) {
  return mlx_vector_array_new_data(sel->arrays, (size_t)sel->array_count);
}

/* --- reading elements --- */

/* Adds the axes of NEW entries. `before` and `block`: where the index arrays' axes stand, and how many they are. */
static bool add_new_axes(mlx_array *value, const hr_selection *sel, hr_call *call, int before, int block) {
  int axes[2 * HR_MAX_AXES], place = 0, kept = 0;
  size_t count = 0;
  if (!sel->new_count) return true;
  for (int i = 0; i < sel->count; i++) {
    bool is_new = sel->kinds[i] == HR_ENTRY_NEW;
    if (!is_new && sel->kinds[i] != HR_ENTRY_AXIS) continue;
    if (kept++ == before) place += block;
    if (is_new) axes[count++] = place;
    place++;
  }
  mlx_array wide = {0};
  return hr_call_step(call, mlx_expand_dims_axes(&wide, *value, axes, count, call->stream), wide, value);
}

static bool move_block(mlx_array *value, hr_call *call, int block, int before) {
  int order[2 * HR_MAX_AXES], ndim = (int)mlx_array_ndim(*value);
  mlx_array moved = {0};
  for (int i = 0; i < ndim; i++) order[i] = i < before ? block + i : i < before + block ? i - before : i;
  return hr_call_step(call, mlx_transpose_axes(&moved, *value, order, (size_t)ndim, call->stream), moved, value);
}

/* The index arrays' axes in front, then the axes that are left. */
static bool gather(mlx_array *value, const hr_selection *sel, hr_call *call, size_t index_ndim) {
  int axes[HR_MAX_AXES], sizes[HR_MAX_AXES], drop[HR_MAX_AXES];
  size_t ndim = mlx_array_ndim(*value), count = (size_t)hr_selection_array_axes(axes, sel);
  for (size_t i = 0; i < ndim; i++) sizes[i] = mlx_array_shape(*value)[i];
  for (size_t i = 0; i < count; i++) {
    sizes[axes[i]] = 1;
    drop[i] = axes[i] + (int)index_ndim;
  }
  mlx_array taken = {0}, left = {0};
  mlx_vector_array indices = hr_selection_indices(sel);
  int failed = mlx_gather(&taken, *value, indices, axes, count, sizes, ndim, call->stream);
  mlx_vector_array_free(indices);
  return hr_call_step(call, failed, taken, &taken) &&
         hr_call_step(call, mlx_squeeze_axes(&left, taken, drop, count, call->stream), left, value);
}

static int axes_before(const hr_selection *sel, int before) {
  int axes = 0;
  for (int i = 0, seen = 0; i < sel->count && seen < before; i++) {
    bool kept = sel->kinds[i] == HR_ENTRY_AXIS || sel->kinds[i] == HR_ENTRY_NEW;
    seen += kept;
    axes += sel->kinds[i] == HR_ENTRY_AXIS;
  }
  return axes;
}

static bool read_arrays(mlx_array *value, const hr_selection *sel, hr_call *call) {
  int axes[HR_MAX_AXES], before = hr_selection_before(sel);
  hr_ints shape;
  if (!hr_selection_index_shape(&shape, sel, call)) return false;
  int block = (int)shape.count, front = axes_before(sel, before);
  hr_selection_array_axes(axes, sel);
  if (sel->array_count == 1) { /* the result's axes stand where the indexed one stood */
    mlx_array taken = {0};
    int failed = mlx_take_axis(&taken, *value, sel->arrays[0], axes[0], call->stream);
    if (!hr_call_step(call, failed, taken, value)) return false;
    if (axes[0] != front) { /* an int apart from it: in front */
      int order[2 * HR_MAX_AXES], ndim = (int)mlx_array_ndim(*value), k = 0;
      for (int i = 0; i < block; i++) order[k++] = axes[0] + i;
      for (int i = 0; i < ndim; i++)
        if (i < axes[0] || i >= axes[0] + block) order[k++] = i;
      mlx_array moved = {0};
      failed = mlx_transpose_axes(&moved, *value, order, (size_t)ndim, call->stream);
      if (!hr_call_step(call, failed, moved, value)) return false;
    }
  } else if (!gather(value, sel, call, shape.count) || (front && !move_block(value, call, block, front))) {
    return false;
  }
  return add_new_axes(value, sel, call, before, block);
}

/* x[i]: two views. */
static PyObject *read_int(hr_call *call, mlx_array array, Py_ssize_t index) {
  int start[HR_MAX_AXES] = {0}, step[HR_MAX_AXES];
  size_t ndim = mlx_array_ndim(array);
  const int *shape = mlx_array_shape(array);
  mlx_array row = {0};
  int stop[HR_MAX_AXES];
  Py_ssize_t place = index < 0 ? index + shape[0] : index;
  if (place < 0 || place >= shape[0])
    return PyErr_Format(PyExc_IndexError, "index %zd is out of range for axis 0 of length %d", index, shape[0]);
  for (size_t i = 0; i < ndim; i++) {
    stop[i] = shape[i];
    step[i] = 1;
  }
  start[0] = (int)place;
  stop[0] = (int)place + 1;
  int failed = mlx_slice(&row, array, start, ndim, stop, ndim, step, ndim, call->stream);
  if (!failed) failed = mlx_squeeze_axis(&row, row, 0, call->stream);
  return hr_result(call->st, failed, row);
}

static PyObject *read_selection(hr_call *call, PyObject *self, PyObject *key) {
  hr_selection sel;
  mlx_array array, value, result = {0};
  if (!hr_get_array(call, self, "self", &array)) return NULL;
  if (PyLong_CheckExact(key) && mlx_array_ndim(array)) {
    Py_ssize_t index = PyLong_AsSsize_t(key);
    if (index != -1 || !PyErr_Occurred()) return read_int(call, array, index);
    PyErr_Clear();
    return PyErr_Format(PyExc_IndexError, "index %R is out of range for axis 0 of length %d", key,
                        mlx_array_shape(array)[0]);
  }
  if (!hr_selection_read(&sel, call, array, key, false) || !hr_selection_cut(&value, &sel, call, array)) return NULL;
  bool good = sel.array_count ? read_arrays(&value, &sel, call) : add_new_axes(&value, &sel, call, -1, 0);
  return good ? hr_result(call->st, mlx_array_set(&result, value), result) : NULL;
}

PyObject *hr_array_getitem(PyObject *self, PyObject *key) {
  hr_call call;
  PyObject *result = NULL;
  hr_call_begin(&call, hr_state_of(self), "array[index]");
  if (hr_get_stream(&call, NULL)) result = read_selection(&call, self, key);
  hr_call_end(&call);
  return result;
}
