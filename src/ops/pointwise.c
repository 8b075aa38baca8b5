/* src/ops/pointwise.c - see pointwise.h. */
#include "ops/pointwise.h"

#include <string.h>

/* The one input whose strides the result may take: column-major, not row-major, of the full shape. */
static const hr_array *column_major(hr_array *const *in, int in_count) {
  const hr_array *found = NULL;
  for (int k = 0; k < in_count; k++) {
    if (in[k]->size == 1 && in[k]->ndim == 0) continue;
    if (!(in[k]->flags & HR_ARRAY_COL) || hr_array_is_row(in[k])) return NULL;
    if (found && (found->ndim != in[k]->ndim ||
                  memcmp(hr_array_shape(found), hr_array_shape(in[k]), (size_t)found->ndim * sizeof(int))))
      return NULL;
    if (!found) found = in[k];
  }
  return found;
}

static hr_status set_column_major(hr_layout *out, const hr_array *like, hr_dtype dtype) {
  int64_t strides[HR_MAX_NDIM], step = 1;
  const int *shape = hr_array_shape(like);
  for (int i = 0; i < like->ndim; i++) strides[i] = step, step *= shape[i];
  return hr_layout_set_strided(out, shape, strides, 0, like->ndim, dtype);
}

hr_status hr_pointwise_layout(hr_layout *out, hr_dtype dtype, hr_array *const *in, int in_count) {
  const hr_array *column = column_major(in, in_count);
  if (column) return set_column_major(out, column, dtype);
  if (in_count == 1) return hr_layout_set(out, hr_array_shape(in[0]), in[0]->ndim, dtype);
  int shapes[2][HR_MAX_NDIM], ndim = in[0]->ndim; /* in turns: a shape may not be joined in place */
  const int *shape = hr_array_shape(in[0]);
  for (int k = 1; k < in_count; k++) {
    int joined_ndim;
    hr_status status = hr_shape_broadcast(shapes[k % 2], &joined_ndim, shape, ndim, hr_array_shape(in[k]), in[k]->ndim);
    if (status != HR_OK) return status;
    shape = shapes[k % 2];
    ndim = joined_ndim;
  }
  return hr_layout_set(out, shape, ndim, dtype);
}

uint64_t hr_pointwise_cost(const hr_op_call *call, hr_array *const *out) {
  uint64_t bytes = hr_array_nbytes(out[0]);
  for (int k = 0; k < call->in_count; k++) bytes += hr_array_nbytes(call->in[k]);
  return 60 + bytes / 24;
}

static hr_status replace(hr_array **x, hr_array *next, hr_status status) {
  if (status != HR_OK) return status;
  hr_array_release(*x);
  *x = next;
  return HR_OK;
}

hr_status hr_then(hr_array **x, hr_builder1 fn, hr_stream *s) {
  hr_array *next = NULL;
  hr_status status = fn(&next, *x, s);
  return replace(x, next, status);
}

hr_status hr_then2(hr_array **x, hr_builder2 fn, hr_array *b, hr_stream *s) {
  hr_array *next = NULL;
  hr_status status = fn(&next, *x, b, s);
  return replace(x, next, status);
}

hr_status hr_then_scalar(hr_array **x, hr_builder2 fn, double value, hr_stream *s) {
  hr_array *scalar = NULL;
  hr_status status = hr_array_new_scalar(&scalar, value, hr_array_dtype(*x));
  if (status == HR_OK) status = hr_then2(x, fn, scalar, s);
  hr_array_release(scalar);
  return status;
}
