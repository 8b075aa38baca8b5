/* What is known of an array without its elements, and whether it has them. */
#include "capi/handle.h"
#include "graph/eval.h"
#include "mlx/c/array.h"

_Static_assert(sizeof(size_t) == sizeof(int64_t), "strides are shown as size_t where they lie");

/* The array of a handle, or NULL after reporting an empty one. */
static const hr_array *look(const char *call, mlx_array arr) {
  hr_array *array;
  (void)hr_capi_result(call, hr_take_array(&array, arr, "arr"));
  return array;
}

size_t mlx_dtype_size(mlx_dtype dtype) {
  hr_dtype checked;
  hr_status status = hr_take_dtype(&checked, dtype, "dtype");
  if (status == HR_OK) return hr_dtype_bytes[checked];
  (void)hr_capi_failed("mlx_dtype_size", status);
  return 0;
}

size_t mlx_array_itemsize(const mlx_array arr) {
  const hr_array *a = look("mlx_array_itemsize", arr);
  return a ? hr_array_itemsize(a) : 0;
}

size_t mlx_array_size(const mlx_array arr) {
  const hr_array *a = look("mlx_array_size", arr);
  return a ? (size_t)a->size : 0;
}

size_t mlx_array_nbytes(const mlx_array arr) {
  const hr_array *a = look("mlx_array_nbytes", arr);
  return a ? hr_array_nbytes(a) : 0;
}

size_t mlx_array_ndim(const mlx_array arr) {
  const hr_array *a = look("mlx_array_ndim", arr);
  return a ? a->ndim : 0;
}

const int *mlx_array_shape(const mlx_array arr) {
  const hr_array *a = look("mlx_array_shape", arr);
  return a ? hr_array_shape(a) : NULL;
}

const size_t *mlx_array_strides(const mlx_array arr) {
  const hr_array *a = look("mlx_array_strides", arr);
  return a ? (const size_t *)hr_array_strides(a) : NULL;
}

int mlx_array_dim(const mlx_array arr, int dim) {
  hr_array *a;
  int axis = 0;
  hr_status status;
  HR_TRY(hr_take_array(&a, arr, "arr"));
  HR_TRY(hr_axis_resolve(&axis, dim, a->ndim));
  return hr_array_shape(a)[axis];
done:
  (void)hr_capi_failed("mlx_array_dim", status);
  return 0;
}

mlx_dtype mlx_array_dtype(const mlx_array arr) {
  const hr_array *a = look("mlx_array_dtype", arr);
  return a ? (mlx_dtype)a->dtype : MLX_BOOL;
}

/* --- state and layout --- */

/* The elements fill a piece of memory in the order of some permutation of the axes: going from the smallest stride up,
 * each is the product of the lengths before. */
static bool is_contiguous(const hr_array *a) {
  const int *shape = hr_array_shape(a);
  const int64_t *strides = hr_array_strides(a);
  int64_t covered = 1;
  if (a->size <= 1) return true;
  while (covered < a->size) {
    int axis = 0;
    while (axis < a->ndim && (shape[axis] == 1 || strides[axis] != covered)) axis++;
    if (axis == a->ndim) return false;
    covered *= shape[axis];
  }
  return true;
}

static int answer(const char *call, bool *res, const mlx_array arr, bool (*question)(hr_array *)) {
  hr_array *a;
  hr_status status;
  HR_TRY(hr_need_pointer(res, "res"));
  HR_TRY(hr_take_array(&a, arr, "arr"));
  *res = question(a);
done:
  return hr_capi_result(call, status);
}

static bool ask_available(hr_array *a) { return hr_array_progress(a) == HR_PROGRESS_DONE; }
static bool ask_contiguous(hr_array *a) { return is_contiguous(a); }
static bool ask_row(hr_array *a) { return a->flags & HR_ARRAY_ROW; }
static bool ask_col(hr_array *a) { return a->flags & HR_ARRAY_COL; }

int _mlx_array_is_available(bool *res, const mlx_array arr) {
  return answer("_mlx_array_is_available", res, arr, ask_available);
}
int _mlx_array_is_contiguous(bool *res, const mlx_array arr) {
  return answer("_mlx_array_is_contiguous", res, arr, ask_contiguous);
}
int _mlx_array_is_row_contiguous(bool *res, const mlx_array arr) {
  return answer("_mlx_array_is_row_contiguous", res, arr, ask_row);
}
int _mlx_array_is_col_contiguous(bool *res, const mlx_array arr) {
  return answer("_mlx_array_is_col_contiguous", res, arr, ask_col);
}
