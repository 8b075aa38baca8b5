/* Making, setting and freeing arrays. */
#include <limits.h>

#include "base/memory.h"
#include "capi/handle.h"
#include "mlx/c/array.h"

/* Shapes and data as they come from outside. hr_layout_set() checks the lengths. */
static hr_status check_data(hr_dtype *out_dtype, const void *data, const int *shape, int dim, mlx_dtype dtype) {
  hr_status status = hr_take_dtype(out_dtype, dtype, "dtype");
  if (status != HR_OK) return status;
  if (dim < 0 || dim > HR_MAX_NDIM)
    return hr_fail(HR_INVALID, "an array of %d axes: 0 to %d are possible", dim, HR_MAX_NDIM);
  if (dim > 0 && !shape) return hr_refuse_null("shape");
  int64_t size = hr_shape_size(shape, dim);
  return size == 0 || data ? HR_OK : hr_refuse_null("data");
}

static hr_status array_of_data(hr_array **out, const void *data, const int *shape, int dim, mlx_dtype dtype) {
  hr_dtype checked;
  *out = NULL;
  hr_status status = check_data(&checked, data, shape, dim, dtype);
  return status == HR_OK ? hr_array_new_copy(out, data, shape, dim, checked) : status;
}

static hr_status array_of_complex(hr_array **out, float real, float imag) {
  const float value[2] = {real, imag};
  return hr_array_new_copy(out, value, NULL, 0, HR_COMPLEX64);
}

/* A new handle of the array (whose reference is taken over), or an empty one after reporting the failure. */
static mlx_array new_handle(const char *call, hr_status status, hr_array *array) {
  mlx_array handle = {0};
  if (status == HR_OK) status = hr_give_array(&handle, array);
  (void)hr_capi_result(call, status);
  return handle;
}

static mlx_array new_scalar(const char *call, double value, hr_dtype dtype) {
  hr_array *array = NULL;
  hr_status status = hr_array_new_scalar(&array, value, dtype);
  return new_handle(call, status, array);
}

static int set_array(const char *call, mlx_array *arr, hr_status status, hr_array *array) {
  if (status == HR_OK) status = hr_give_array(arr, array);
  return hr_capi_result(call, status);
}

static int set_scalar(const char *call, mlx_array *arr, double value, hr_dtype dtype) {
  hr_array *array = NULL;
  hr_status status = hr_need_pointer(arr, "arr");
  if (status == HR_OK) status = hr_array_new_scalar(&array, value, dtype);
  return set_array(call, arr, status, array);
}

mlx_array mlx_array_new(void) { return new_handle("mlx_array_new", HR_OK, NULL); }

int mlx_array_free(mlx_array arr) {
  hr_array_box *box = arr.ctx;
  if (box) {
    hr_array_release(box->array);
    hr_slab_free(box, sizeof *box);
  }
  return 0;
}

mlx_array mlx_array_new_bool(bool val) { return new_scalar("mlx_array_new_bool", val, HR_BOOL); }
mlx_array mlx_array_new_int(int val) { return new_scalar("mlx_array_new_int", val, HR_INT32); }
mlx_array mlx_array_new_float32(float val) { return new_scalar("mlx_array_new_float32", (double)val, HR_FLOAT32); }
mlx_array mlx_array_new_float(float val) { return new_scalar("mlx_array_new_float", (double)val, HR_FLOAT32); }
mlx_array mlx_array_new_float64(double val) { return new_scalar("mlx_array_new_float64", val, HR_FLOAT64); }
mlx_array mlx_array_new_double(double val) { return new_scalar("mlx_array_new_double", val, HR_FLOAT64); }

mlx_array mlx_array_new_complex(float real_val, float imag_val) {
  hr_array *array = NULL;
  hr_status status = array_of_complex(&array, real_val, imag_val);
  return new_handle("mlx_array_new_complex", status, array);
}

mlx_array mlx_array_new_data(const void *data, const int *shape, int dim, mlx_dtype dtype) {
  hr_array *array = NULL;
  hr_status status = array_of_data(&array, data, shape, dim, dtype);
  return new_handle("mlx_array_new_data", status, array);
}

/* On failure nothing of the caller's is released: until the last step the buffer has no destructor. */
static mlx_array new_managed(const char *call, void *data, const int *shape, int dim, mlx_dtype dtype, void *payload,
                             void (*dtor)(void *)) {
  hr_layout layout;
  hr_dtype checked;
  hr_buffer *buffer = NULL;
  hr_array *array = NULL;
  mlx_array handle = {0};
  hr_status status;
  HR_TRY(check_data(&checked, data, shape, dim, dtype));
  HR_TRY(hr_layout_set(&layout, shape, dim, checked));
  HR_TRY(hr_give_array(&handle, NULL));
  HR_TRY(hr_array_new(&array, &layout));
  HR_TRY(hr_buffer_wrap(&buffer, data, (size_t)layout.size * hr_dtype_bytes[checked], payload, dtor));
  array->buffer = buffer;
  HR_TRY(hr_give_array(&handle, array)); /* it has a box: cannot fail */
  array = NULL;
done:
  hr_array_release(array);
  if (status != HR_OK) {
    mlx_array_free(handle);
    handle.ctx = NULL;
  }
  (void)hr_capi_result(call, status);
  return handle;
}

mlx_array mlx_array_new_data_managed(void *data, const int *shape, int dim, mlx_dtype dtype, void (*dtor)(void *)) {
  return new_managed("mlx_array_new_data_managed", data, shape, dim, dtype, data, dtor);
}

mlx_array mlx_array_new_data_managed_payload(void *data, const int *shape, int dim, mlx_dtype dtype, void *payload,
                                             void (*dtor)(void *)) {
  return new_managed("mlx_array_new_data_managed_payload", data, shape, dim, dtype, payload, dtor);
}

int mlx_array_set(mlx_array *arr, const mlx_array src) {
  hr_array *array = hr_array_of(src);
  hr_status status = hr_need_pointer(arr, "arr");
  if (status == HR_OK && array) hr_array_retain(array);
  return set_array("mlx_array_set", arr, status, array);
}

int mlx_array_set_bool(mlx_array *arr, bool val) { return set_scalar("mlx_array_set_bool", arr, val, HR_BOOL); }
int mlx_array_set_int(mlx_array *arr, int val) { return set_scalar("mlx_array_set_int", arr, val, HR_INT32); }
int mlx_array_set_float32(mlx_array *arr, float val) {
  return set_scalar("mlx_array_set_float32", arr, (double)val, HR_FLOAT32);
}
int mlx_array_set_float(mlx_array *arr, float val) {
  return set_scalar("mlx_array_set_float", arr, (double)val, HR_FLOAT32);
}
int mlx_array_set_float64(mlx_array *arr, double val) {
  return set_scalar("mlx_array_set_float64", arr, val, HR_FLOAT64);
}
int mlx_array_set_double(mlx_array *arr, double val) {
  return set_scalar("mlx_array_set_double", arr, val, HR_FLOAT64);
}

int mlx_array_set_complex(mlx_array *arr, float real_val, float imag_val) {
  hr_array *array = NULL;
  hr_status status = hr_need_pointer(arr, "arr");
  if (status == HR_OK) status = array_of_complex(&array, real_val, imag_val);
  return set_array("mlx_array_set_complex", arr, status, array);
}

int mlx_array_set_data(mlx_array *arr, const void *data, const int *shape, int dim, mlx_dtype dtype) {
  hr_array *array = NULL;
  hr_status status = hr_need_pointer(arr, "arr");
  if (status == HR_OK) status = array_of_data(&array, data, shape, dim, dtype);
  return set_array("mlx_array_set_data", arr, status, array);
}
