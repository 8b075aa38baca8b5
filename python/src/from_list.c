/* Lists and tuples, nested or not: one pass over them finds shape and dtype, a second one stores the elements. A list
 * of a million floats costs two walks over its pointers. */
#include <string.h>

#include "core.h"

/* What the first pass knows. Ranks of scalars: bool, int, wide int, float, complex. */
enum { RANK_NONE, RANK_BOOL, RANK_INT, RANK_LONG, RANK_FLOAT, RANK_COMPLEX };
typedef struct scan {
  int shape[HR_MAX_AXES];
  int ndim; /* -1 until the first leaf is seen */
  int rank;
  bool has_arrays;
} scan;

typedef struct filler {
  char *at;
  mlx_dtype dtype;
  size_t step;
} filler;

static bool is_list(PyObject *object) { return PyList_Check(object) || PyTuple_Check(object); }

static bool ragged(void) {
  PyErr_SetString(PyExc_ValueError, "Initialization encountered non-uniform length.");
  return false;
}

static int rank_of(PyObject *scalar) {
  int overflow = 0;
  if (PyFloat_Check(scalar)) return RANK_FLOAT;
  if (PyBool_Check(scalar)) return RANK_BOOL;
  if (!PyLong_Check(scalar)) return RANK_COMPLEX;
  long long value = PyLong_AsLongLongAndOverflow(scalar, &overflow);
  return overflow || value != (int)value ? RANK_LONG : RANK_INT;
}

static bool scan_leaf(scan *s, PyObject *leaf, int depth) {
  if (s->ndim < 0) s->ndim = depth;
  if (depth != s->ndim) return ragged();
  if (hr_is_scalar(leaf)) {
    int rank = rank_of(leaf);
    if (rank > s->rank) s->rank = rank;
    return true;
  }
  s->has_arrays = true;
  return true;
}

static bool scan_list(scan *s, PyObject *list, int depth) {
  PyObject **items = PySequence_Fast_ITEMS(list);
  Py_ssize_t count = PySequence_Fast_GET_SIZE(list);
  if (depth == HR_MAX_AXES || count != (int)count) {
    PyErr_SetString(PyExc_ValueError, "array(): the list is nested too deeply or too long");
    return false;
  }
  bool first = depth >= s->ndim && s->shape[depth] < 0;
  if (first) s->shape[depth] = (int)count;
  if (s->shape[depth] != count || (s->ndim >= 0 && depth >= s->ndim)) return ragged();
  if (count == 0 && s->ndim < 0) s->ndim = depth + 1;
  for (Py_ssize_t i = 0; i < count; i++) {
    if (is_list(items[i]) ? !scan_list(s, items[i], depth + 1) : !scan_leaf(s, items[i], depth + 1)) return false;
  }
  return true;
}

static mlx_dtype dtype_of(const scan *s) {
  static const mlx_dtype of[] = {[RANK_NONE] = MLX_FLOAT32, [RANK_BOOL] = MLX_BOOL,     [RANK_INT] = MLX_INT32,
                                 [RANK_LONG] = MLX_INT64,   [RANK_FLOAT] = MLX_FLOAT32, [RANK_COMPLEX] = MLX_COMPLEX64};
  return of[s->rank];
}

static bool fill(filler *f, PyObject *list) {
  PyObject **items = PySequence_Fast_ITEMS(list);
  Py_ssize_t count = PySequence_Fast_GET_SIZE(list);
  for (Py_ssize_t i = 0; i < count; i++) {
    PyObject *item = items[i];
    if (is_list(item)) {
      if (!fill(f, item)) return false;
      continue;
    }
    if (f->dtype == MLX_FLOAT32 && PyFloat_CheckExact(item)) {
      float value = (float)PyFloat_AS_DOUBLE(item);
      memcpy(f->at, &value, sizeof value);
    } else if (!hr_store_scalar(f->at, f->dtype, item)) {
      return false;
    }
    f->at += f->step;
  }
  return true;
}

static bool from_scalars(hr_state *st, PyObject *list, const scan *s, int dtype, mlx_array *out) {
  filler f = {.dtype = dtype == HR_NO_DTYPE ? dtype_of(s) : (mlx_dtype)dtype};
  size_t count = 1;
  for (int i = 0; i < s->ndim; i++) count *= (size_t)s->shape[i];
  f.step = mlx_dtype_size(f.dtype);
  char *data = PyMem_RawMalloc(count * f.step + 1);
  if (!data) return PyErr_NoMemory(), false;
  f.at = data;
  bool good = fill(&f, list);
  if (good) {
    *out = mlx_array_new_data_managed_payload(data, s->shape, s->ndim, f.dtype, data, PyMem_RawFree);
    good = out->ctx || hr_raise(st);
  }
  if (!good) PyMem_RawFree(data);
  return good;
}

/* Lists that hold arrays: each level is stacked. */
static bool stack_items(hr_state *st, PyObject *list, mlx_array *out) {
  mlx_vector_array items = mlx_vector_array_new();
  bool good = true;
  for (Py_ssize_t i = 0; good && i < PySequence_Fast_GET_SIZE(list); i++) {
    mlx_array value = {0};
    PyObject *item = PySequence_Fast_GET_ITEM(list, i);
    good = is_list(item) ? stack_items(st, item, &value) : hr_from_value(st, item, HR_NO_DTYPE, &value);
    if (good) good = mlx_vector_array_append_value(items, value) == 0 || hr_raise(st);
    if (value.ctx) mlx_array_free(value);
  }
  for (size_t i = 0; good && i < mlx_vector_array_size(items); i++) {
    mlx_array a = {0}, b = {0};
    mlx_vector_array_get(&a, items, 0);
    mlx_vector_array_get(&b, items, i);
    bool same = mlx_array_ndim(a) == mlx_array_ndim(b) &&
                memcmp(mlx_array_shape(a), mlx_array_shape(b), mlx_array_ndim(a) * sizeof(int)) == 0;
    mlx_array_free(a);
    mlx_array_free(b);
    if (!same) good = ragged();
  }
  if (good) {
    out->ctx = NULL;
    good = mlx_stack(out, items, (mlx_stream){0}) == 0 || hr_raise(st);
  }
  mlx_vector_array_free(items);
  return good;
}

static bool from_frozen(hr_state *st, PyObject *list, int dtype, mlx_array *out) {
  scan s = {.ndim = -1};
  out->ctx = NULL;
  for (int i = 0; i < HR_MAX_AXES; i++) s.shape[i] = -1;
  if (!scan_list(&s, list, 0)) return false;
  if (!s.has_arrays) return from_scalars(st, list, &s, dtype, out);
  return stack_items(st, list, out) && (dtype == HR_NO_DTYPE || hr_cast(out, (mlx_dtype)dtype) || hr_raise(st));
}

bool hr_from_list(hr_state *st, PyObject *list, int dtype, mlx_array *out) {
  PyObject *frozen = hr_frozen(list);
  bool good = frozen && from_frozen(st, frozen, dtype, out);
  Py_XDECREF(frozen);
  return good;
}
