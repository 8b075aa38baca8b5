/* src/array/layout.c - shapes and strides. */
#include "array/layout.h"

#include <stdio.h>
#include <string.h>

static hr_status check_lengths(const int *shape, int ndim) {
  char text[HR_SHAPE_TEXT];
  if (ndim < 0 || ndim > HR_MAX_NDIM)
    return hr_fail(HR_INVALID, "an array can have 0 to %d axes, not %d", HR_MAX_NDIM, ndim);
  for (int axis = 0; axis < ndim; axis++)
    if (shape[axis] < 0)
      return hr_fail(HR_INVALID, "shape %s has a negative length", hr_shape_format(text, shape, ndim));
  return HR_OK;
}

static hr_status check_size(int64_t *out_size, const int *shape, int ndim, hr_dtype dtype) {
  char text[HR_SHAPE_TEXT];
  if (!hr_dtype_valid((int)dtype)) return hr_fail(HR_INVALID, "%d is no dtype", (int)dtype);
  hr_status status = check_lengths(shape, ndim);
  if (status != HR_OK) return status;
  *out_size = hr_shape_size(shape, ndim);
  if (*out_size >= 0 && *out_size <= INT64_MAX / hr_dtype_bytes[dtype]) return HR_OK;
  return hr_fail(HR_INVALID, "shape %s of %s is too large: its bytes do not fit 63 bits",
                 hr_shape_format(text, shape, ndim), hr_dtype_names[dtype]);
}

int64_t hr_shape_size(const int *shape, int ndim) {
  int64_t size = 1;
  bool empty = false, fits = true;
  for (int axis = 0; axis < ndim; axis++) {
    int64_t length = shape[axis];
    if (length < 0) return -1;
    if (length == 0)
      empty = true;
    else if (size <= INT32_MAX || size <= INT64_MAX / length)
      size *= length; /* the first test saves the division */
    else
      fits = false;
  }
  return empty ? 0 : fits ? size : -1;
}

hr_status hr_layout_set(hr_layout *out, const int *shape, int ndim, hr_dtype dtype) {
  hr_status status = check_size(&out->size, shape, ndim, dtype);
  if (status != HR_OK) return status;
  out->dtype = dtype;
  out->ndim = ndim;
  out->offset = 0;
  uint64_t stride = 1; /* may wrap if the array is empty, where strides carry no meaning */
  for (int axis = ndim; axis-- > 0;) {
    out->shape[axis] = shape[axis];
    out->strides[axis] = (int64_t)stride;
    stride *= (uint64_t)shape[axis];
  }
  return HR_OK;
}

hr_status hr_layout_set_strided(hr_layout *out, const int *shape, const int64_t *strides, int64_t offset, int ndim,
                                hr_dtype dtype) {
  hr_status status = check_size(&out->size, shape, ndim, dtype);
  if (status != HR_OK) return status;
  out->dtype = dtype;
  out->ndim = ndim;
  out->offset = offset;
  for (int axis = 0; axis < ndim; axis++) {
    out->shape[axis] = shape[axis];
    out->strides[axis] = strides[axis];
  }
  return HR_OK;
}

bool hr_shape_is_row_contiguous(const int *shape, const int64_t *strides, int ndim) {
  uint64_t expected = 1; /* may wrap if the array is empty */
  for (int axis = ndim; axis-- > 0;) {
    if (shape[axis] == 1) continue;
    if (shape[axis] == 0) return true;
    if ((uint64_t)strides[axis] != expected) {
      for (; axis >= 0; axis--)
        if (shape[axis] == 0) return true; /* an empty array has no gaps */
      return false;
    }
    expected *= (uint64_t)shape[axis];
  }
  return true;
}

bool hr_shape_is_col_contiguous(const int *shape, const int64_t *strides, int ndim) {
  uint64_t expected = 1; /* may wrap if the array is empty */
  for (int axis = 0; axis < ndim; axis++) {
    if (shape[axis] == 1) continue;
    if (shape[axis] == 0) return true;
    if ((uint64_t)strides[axis] != expected) {
      for (; axis < ndim; axis++)
        if (shape[axis] == 0) return true;
      return false;
    }
    expected *= (uint64_t)shape[axis];
  }
  return true;
}

hr_status hr_shape_broadcast(int *out_shape, int *out_ndim, const int *a, int a_ndim, const int *b, int b_ndim) {
  int ndim = a_ndim > b_ndim ? a_ndim : b_ndim;
  int joined[HR_MAX_NDIM]; /* out_shape may be a or b */
  for (int axis = 0; axis < ndim; axis++) {
    int at_a = axis - (ndim - a_ndim), at_b = axis - (ndim - b_ndim);
    int length_a = at_a < 0 ? 1 : a[at_a], length_b = at_b < 0 ? 1 : b[at_b];
    if (length_a != length_b && length_a != 1 && length_b != 1) {
      char text_a[HR_SHAPE_TEXT], text_b[HR_SHAPE_TEXT];
      return hr_fail(HR_INVALID, "shapes %s and %s cannot be broadcast", hr_shape_format(text_a, a, a_ndim),
                     hr_shape_format(text_b, b, b_ndim));
    }
    joined[axis] = length_a == 1 ? length_b : length_a;
  }
  memcpy(out_shape, joined, (size_t)ndim * sizeof *joined);
  *out_ndim = ndim;
  return HR_OK;
}

hr_status hr_axis_resolve(int *out, int axis, int ndim) {
  if (axis < -ndim || axis >= ndim)
    return hr_fail(HR_INVALID, "axis %d is out of range for an array of %d ax%ss", axis, ndim, ndim == 1 ? "i" : "e");
  *out = axis < 0 ? axis + ndim : axis;
  return HR_OK;
}

const char *hr_shape_format(char text[HR_SHAPE_TEXT], const int *shape, int ndim) {
  enum { ROOM = HR_SHAPE_TEXT - 8 }; /* for ",...)" */
  int used = snprintf(text, HR_SHAPE_TEXT, "(");
  for (int axis = 0; axis < ndim; axis++) {
    char length[16];
    int digits = snprintf(length, sizeof length, axis ? ",%d" : "%d", shape[axis]);
    if (used + digits > ROOM) {
      used += snprintf(text + used, (size_t)(HR_SHAPE_TEXT - used), ",...");
      break;
    }
    memcpy(text + used, length, (size_t)digits + 1);
    used += digits;
  }
  snprintf(text + used, (size_t)(HR_SHAPE_TEXT - used), ")");
  return text;
}
