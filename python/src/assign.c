/* array[index] = value, and array.at[index].add(value) and the like: the same walk with other final operations. */
#include "python_ops.h"
#include "selection.h"

typedef int (*slice_fn)(mlx_array *, mlx_array, mlx_array, const int *, size_t, const int *, size_t, const int *,
                        size_t, mlx_stream);
typedef int (*scatter_fn)(mlx_array *, mlx_array, mlx_vector_array, mlx_array, const int *, size_t, mlx_stream);
typedef int (*binary_fn)(mlx_array *, mlx_array, mlx_array, mlx_stream);

/* One way to update: of a slice, at index arrays, of everything (NULL: the value itself). */
typedef struct update_kind {
  const char *name;
  slice_fn slice;
  scatter_fn scatter;
  binary_fn whole;
  binary_fn prepare; /* (0 or 1) op value: how subtraction becomes addition, and division multiplication */
} update_kind;

static const update_kind set = {"array[index] = value", mlx_slice_update, mlx_scatter, NULL, NULL};
static const update_kind add = {"add", mlx_slice_update_add, mlx_scatter_add, mlx_add, NULL};
static const update_kind subtract = {"subtract", mlx_slice_update_add, mlx_scatter_add, mlx_add, mlx_subtract};
static const update_kind multiply = {"multiply", mlx_slice_update_prod, mlx_scatter_prod, mlx_multiply, NULL};
static const update_kind maximum = {"maximum", mlx_slice_update_max, mlx_scatter_max, mlx_maximum, NULL};
static const update_kind minimum = {"minimum", mlx_slice_update_min, mlx_scatter_min, mlx_minimum, NULL};

/* --- the value's shape --- */

static bool reshape(mlx_array *value, hr_call *call, const int *shape, int ndim) {
  mlx_array shaped = {0};
  int failed = mlx_reshape(&shaped, *value, shape, (size_t)ndim, call->stream);
  return hr_call_step(call, failed, shaped, value);
}

static bool refuse_shape(const update_kind *kind) {
  PyErr_Format(PyExc_ValueError, "%s: the value's shape cannot be broadcast to that of the selection", kind->name);
  return false;
}

/* The value with exactly `ndim` axes: ones in front are added or dropped. */
static bool pad_axes(mlx_array *value, hr_call *call, const update_kind *kind, int ndim, int shape[]) {
  int own = (int)mlx_array_ndim(*value);
  const int *lengths = mlx_array_shape(*value);
  for (int i = 0; i < own - ndim; i++)
    if (lengths[i] != 1) return refuse_shape(kind);
  for (int i = 0; i < ndim; i++) shape[i] = i < ndim - own ? 1 : lengths[own - ndim + i];
  return own == ndim || reshape(value, call, shape, ndim);
}

/* Without index arrays: the selection's axes become those of the array, with ones for ints. */
static bool fit_slice(mlx_array *value, const hr_selection *sel, hr_call *call, const update_kind *kind) {
  int shape[2 * HR_MAX_AXES], full[HR_MAX_AXES], axis = 0, place = 0;
  if (!pad_axes(value, call, kind, sel->count - sel->int_count - sel->gap_count, shape)) return false;
  if (!sel->int_count && !sel->new_count) return true;
  for (int i = 0; i < sel->count; i++) {
    if (sel->kinds[i] == HR_ENTRY_NEW && shape[place++] != 1) return refuse_shape(kind);
    if (sel->kinds[i] == HR_ENTRY_NEW || sel->kinds[i] == HR_ENTRY_GAP) continue;
    full[axis++] = sel->kinds[i] == HR_ENTRY_INT ? 1 : shape[place++];
  }
  return reshape(value, call, full, axis);
}

/* With index arrays: their axes come in front, then those of the cut array, with ones for the indexed ones. */
static bool fit_scatter(mlx_array *value, const hr_selection *sel, hr_call *call, const update_kind *kind,
                        mlx_array target) {
  int shape[3 * HR_MAX_AXES], order[3 * HR_MAX_AXES], full[3 * HR_MAX_AXES], goal[3 * HR_MAX_AXES];
  hr_ints index;
  if (!hr_selection_index_shape(&index, sel, call)) return false;
  int block = (int)index.count, before = hr_selection_before(sel), kept = 0;
  for (int i = 0; i < sel->count; i++) kept += sel->kinds[i] == HR_ENTRY_AXIS || sel->kinds[i] == HR_ENTRY_NEW;
  int ndim = kept + block;
  if (!pad_axes(value, call, kind, ndim, shape)) return false;
  for (int i = 0; i < ndim; i++) order[i] = i < block ? before + i : i < block + before ? i - block : i;
  if (block && before) {
    mlx_array moved = {0};
    int failed = mlx_transpose_axes(&moved, *value, order, (size_t)ndim, call->stream);
    if (!hr_call_step(call, failed, moved, value)) return false;
  }
  int place = block, out = block, axis = 0;
  for (int i = 0; i < block; i++) {
    full[i] = shape[order[i]];
    goal[i] = index.values[i];
  }
  for (int i = 0; i < sel->count; i++) {
    uint8_t entry = sel->kinds[i];
    if (entry == HR_ENTRY_INT || entry == HR_ENTRY_GAP) continue;
    if (entry == HR_ENTRY_NEW) {
      if (shape[order[place++]] != 1) return refuse_shape(kind);
      continue;
    }
    full[out] = entry == HR_ENTRY_ARRAY ? 1 : shape[order[place++]];
    goal[out++] = entry == HR_ENTRY_ARRAY ? 1 : mlx_array_shape(target)[axis];
    axis++;
  }
  mlx_array wide = {0};
  if (!reshape(value, call, full, out)) return false;
  int failed = mlx_broadcast_to(&wide, *value, goal, (size_t)out, call->stream);
  return hr_call_step(call, failed, wide, value);
}

/* --- updates --- */

static bool update_slice(mlx_array *out, const hr_selection *sel, hr_call *call, const update_kind *kind,
                         mlx_array array, mlx_array value) {
  mlx_array res = {0};
  size_t n = (size_t)sel->ndim;
  int failed;
  if (!fit_slice(&value, sel, call, kind)) return false;
  if (!sel->whole)
    failed = kind->slice(&res, array, value, sel->start, n, sel->stop, n, sel->step, n, call->stream);
  else if (kind->whole)
    failed = kind->whole(&res, array, value, call->stream);
  else
    failed = mlx_broadcast_to(&res, value, sel->shape, n, call->stream);
  return hr_call_step(call, failed, res, out);
}

static bool update_arrays(mlx_array *out, const hr_selection *sel, hr_call *call, const update_kind *kind,
                          mlx_array array, mlx_array value) {
  int axes[HR_MAX_AXES];
  mlx_array target, res = {0};
  if (!hr_selection_cut(&target, sel, call, array) || !fit_scatter(&value, sel, call, kind, target)) return false;
  size_t count = (size_t)hr_selection_array_axes(axes, sel);
  mlx_vector_array indices = hr_selection_indices(sel);
  int failed = kind->scatter(&res, target, indices, value, axes, count, call->stream);
  mlx_vector_array_free(indices);
  if (!hr_call_step(call, failed, res, out)) return false;
  if (sel->whole) return true;
  if (sel->int_count) {
    mlx_array wide = {0};
    size_t ints = hr_selection_int_axes(axes, sel);
    if (!hr_call_step(call, mlx_expand_dims_axes(&wide, *out, axes, ints, call->stream), wide, out)) return false;
  }
  mlx_array back = {0};
  size_t n = (size_t)sel->ndim;
  failed = mlx_slice_update(&back, array, *out, sel->start, n, sel->stop, n, sel->step, n, call->stream);
  return hr_call_step(call, failed, back, out);
}

/* A bool array alone, and a value that does not depend on where it is true: nothing has to be computed first. */
static bool update_mask(mlx_array *out, const hr_selection *sel, hr_call *call, const update_kind *kind,
                        mlx_array array, mlx_array value) {
  int shape[HR_MAX_AXES], ndim = (int)mlx_array_ndim(sel->mask);
  mlx_array mask = sel->mask, single = {0}, res = {0};
  for (int i = 0; i < sel->ndim; i++) shape[i] = i < ndim ? mlx_array_shape(mask)[i] : 1;
  for (int i = 0; i < ndim; i++)
    if (i >= sel->ndim || shape[i] != sel->shape[i]) {
      PyErr_SetString(PyExc_IndexError, "the bool index and the array differ in their shapes");
      return false;
    }
  if (ndim < sel->ndim && !reshape(&mask, call, shape, sel->ndim)) return false;
  if (!hr_call_step(call, mlx_reshape(&single, value, NULL, 0, call->stream), single, &value)) return false;
  if (kind->whole) {
    mlx_array changed = {0};
    if (!hr_call_step(call, kind->whole(&changed, array, value, call->stream), changed, &value)) return false;
  }
  return hr_call_step(call, mlx_where(&res, mask, value, array, call->stream), res, out);
}

/* As many values as the bool array, of the array's own shape, has places: also without knowing them. */
static bool update_from_list(mlx_array *out, const hr_selection *sel, hr_call *call, mlx_array array, mlx_array value) {
  mlx_array res = {0};
  return hr_call_step(call, mlx_masked_scatter(&res, array, sel->mask, value, call->stream), res, out);
}

static bool prepare_value(mlx_array *value, hr_call *call, const update_kind *kind, mlx_array array, PyObject *given) {
  mlx_dtype dtype = mlx_array_dtype(array);
  mlx_array first = {0}, changed = {0};
  if (given == Py_None) return hr_bad_argument(call, "value", "a scalar or an array", given);
  if (!hr_from_object(call->st, given, (int)dtype, value) || !hr_call_keep(call, *value)) return false;
  if (!kind->prepare) return true;
  if (!hr_call_step(call, mlx_zeros(&first, NULL, 0, dtype, call->stream), first, &first)) return false;
  return hr_call_step(call, kind->prepare(&changed, first, *value, call->stream), changed, value);
}

static bool update(mlx_array *out, hr_call *call, const update_kind *kind, PyObject *self, PyObject *key,
                   PyObject *given) {
  hr_selection sel;
  mlx_array array, value;
  if (!hr_get_array(call, self, "self", &array) || !prepare_value(&value, call, kind, array, given)) return false;
  if (!hr_selection_read(&sel, call, array, key, true)) return false;
  if (sel.mask.ctx) {
    bool same = mlx_array_ndim(sel.mask) == (size_t)sel.ndim;
    for (int i = 0; same && i < sel.ndim; i++) same = mlx_array_shape(sel.mask)[i] == sel.shape[i];
    if (mlx_array_size(value) == 1) return update_mask(out, &sel, call, kind, array, value);
    if (kind == &set && same && mlx_array_ndim(value) == 1) return update_from_list(out, &sel, call, array, value);
    if (!hr_selection_read(&sel, call, array, key, false)) return false;
  }
  return sel.array_count ? update_arrays(out, &sel, call, kind, array, value)
                         : update_slice(out, &sel, call, kind, array, value);
}

/* Of assignments to different elements in several threads none is lost: what was changed meanwhile is made anew. */
int hr_array_setitem(PyObject *self, PyObject *key, PyObject *value) {
  hr_call call;
  mlx_array result;
  int done = 0;
  if (!value) return PyErr_SetString(PyExc_TypeError, "elements of arrays cannot be deleted"), -1;
  while (!done) {
    size_t changes = hr_array_changes(self);
    hr_call_begin(&call, hr_state_of(self), "array[index] = value");
    bool good = hr_get_stream(&call, NULL) && update(&result, &call, &set, self, key, value);
    done = good ? hr_array_replace_since(self, result, changes) : -1;
    hr_call_end(&call);
  }
  return done < 0 ? -1 : 0;
}

/* --- array.at --- */

typedef struct array_at {
  PyObject_HEAD PyObject *array, *key; /* key: NULL until [] was used */
} array_at;

static PyObject *at_make(PyTypeObject *type, PyObject *array, PyObject *key) {
  array_at *self = (array_at *)type->tp_alloc(type, 0);
  if (!self) return NULL;
  self->array = Py_NewRef(array);
  self->key = Py_XNewRef(key);
  return (PyObject *)self;
}

static PyObject *at_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  PyObject *array;
  (void)kwargs;
  if (!PyArg_ParseTuple(args, "O:ArrayAt", &array)) return NULL;
  if (!hr_is_array(array)) return PyErr_SetString(PyExc_TypeError, "ArrayAt takes an array"), NULL;
  return at_make(type, array, NULL);
}

static int at_traverse(PyObject *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(((array_at *)self)->array);
  Py_VISIT(((array_at *)self)->key);
  return 0;
}

static int at_clear(PyObject *self) {
  Py_CLEAR(((array_at *)self)->array);
  Py_CLEAR(((array_at *)self)->key);
  return 0;
}

static void at_dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  at_clear(self);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyObject *at_getitem(PyObject *self, PyObject *key) {
  return at_make(Py_TYPE(self), ((array_at *)self)->array, key);
}

static PyObject *at_update(PyObject *self, PyObject *value, const update_kind *kind) {
  array_at *at = (array_at *)self;
  hr_call call;
  mlx_array changed, result = {0};
  PyObject *object = NULL;
  if (!at->key) return PyErr_Format(PyExc_ValueError, "at: write x.at[index].%s(value)", kind->name);
  hr_call_begin(&call, hr_state_of(self), kind->name);
  if (hr_get_stream(&call, NULL) && update(&changed, &call, kind, at->array, at->key, value))
    object = hr_result(call.st, mlx_array_set(&result, changed), result);
  hr_call_end(&call);
  return object;
}

static PyObject *at_add(PyObject *self, PyObject *value) { return at_update(self, value, &add); }
static PyObject *at_subtract(PyObject *self, PyObject *value) { return at_update(self, value, &subtract); }
static PyObject *at_multiply(PyObject *self, PyObject *value) { return at_update(self, value, &multiply); }
static PyObject *at_maximum(PyObject *self, PyObject *value) { return at_update(self, value, &maximum); }
static PyObject *at_minimum(PyObject *self, PyObject *value) { return at_update(self, value, &minimum); }

/* By the reciprocal of the value, in the array's dtype. */
static PyObject *at_divide(PyObject *self, PyObject *value) {
  hr_state *st = hr_state_of(self);
  mlx_array given = {0}, reciprocal = {0};
  if (!hr_from_object(st, value, (int)hr_dtype_of(((array_at *)self)->array), &given)) return NULL;
  int failed = mlx_reciprocal(&reciprocal, given, (mlx_stream){0});
  mlx_array_free(given);
  PyObject *factor = hr_result(st, failed, reciprocal);
  PyObject *result = factor ? at_update(self, factor, &multiply) : NULL;
  Py_XDECREF(factor);
  return result;
}

static PyMethodDef at_methods[] = {
    {"add", at_add, METH_O, HR_DOC_ArrayAt_add},
    {"subtract", at_subtract, METH_O, HR_DOC_ArrayAt_subtract},
    {"multiply", at_multiply, METH_O, HR_DOC_ArrayAt_multiply},
    {"divide", at_divide, METH_O, HR_DOC_ArrayAt_divide},
    {"maximum", at_maximum, METH_O, HR_DOC_ArrayAt_maximum},
    {"minimum", at_minimum, METH_O, HR_DOC_ArrayAt_minimum},
    {0},
};
static PyType_Slot at_slots[] = {
    {Py_tp_new, at_new},           {Py_tp_dealloc, at_dealloc}, {Py_tp_traverse, at_traverse}, {Py_tp_clear, at_clear},
    {Py_mp_subscript, at_getitem}, {Py_tp_methods, at_methods}, {Py_tp_doc, HR_DOC_ArrayAt},   {0, NULL},
};
PyType_Spec hr_array_at_spec = {
    .name = "headrace.core.ArrayAt",
    .basicsize = sizeof(array_at),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | HR_TYPE_FLAGS,
    .slots = at_slots,
};
