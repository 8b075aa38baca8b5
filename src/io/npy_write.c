#include <stdio.h>
#include <string.h>

#include "io/bytes.h"
#include "io/npy.h"
#include "io/store.h"

enum { HEAD_BYTES = 10, ALIGN = 64 };

/* NumPy's own words for the types; MLX's and ml_dtypes' for bfloat16. */
static const char *const descrs[HR_DTYPE_COUNT] = {
    [HR_BOOL] = "|b1",    [HR_UINT8] = "|u1",   [HR_UINT16] = "<u2",   [HR_UINT32] = "<u4",   [HR_UINT64] = "<u8",
    [HR_INT8] = "|i1",    [HR_INT16] = "<i2",   [HR_INT32] = "<i4",    [HR_INT64] = "<i8",    [HR_FLOAT16] = "<f2",
    [HR_FLOAT32] = "<f4", [HR_FLOAT64] = "<f8", [HR_BFLOAT16] = "<V2", [HR_COMPLEX64] = "<c8"};

/* 32 lengths of ten digits fit with all else into one header of version 1. */
_Static_assert(HEAD_BYTES + 64 + HR_MAX_NDIM * 12 + ALIGN <= HR_NPY_HEADER, "the longest header has room");

size_t hr_npy_format(char out[HR_NPY_HEADER], const hr_array *a) {
  size_t at = HEAD_BYTES;
  memcpy(out, "\x93NUMPY\1", 8);
  at += (size_t)snprintf(out + at, HR_NPY_HEADER - at, "{'descr': '%s', 'fortran_order': %s, 'shape': (",
                         descrs[a->dtype], hr_array_is_row(a) ? "False" : "True");
  for (int i = 0; i < a->ndim; i++)
    at += (size_t)snprintf(out + at, HR_NPY_HEADER - at, i ? ", %d" : "%d", hr_array_shape(a)[i]);
  at += (size_t)snprintf(out + at, HR_NPY_HEADER - at, a->ndim == 1 ? ",), }" : "), }");
  size_t length = (at + 1 + ALIGN - 1) / ALIGN * ALIGN;
  memset(out + at, ' ', length - 1 - at);
  out[length - 1] = '\n';
  hr_put_u16(out + 8, (uint16_t)(length - HEAD_BYTES));
  return length;
}

hr_status hr_npy_write(hr_sink *sink, const hr_array *a) {
  char header[HR_NPY_HEADER];
  hr_status status = hr_sink_write(sink, header, hr_npy_format(header, a));
  return status == HR_OK ? hr_store_write(sink, a) : status;
}

static hr_status write_array(hr_sink *sink, void *array) { return hr_npy_write(sink, array); }

hr_status hr_save(const char *file, hr_array *a) {
  hr_array *ready;
  hr_status status = hr_store_prepare(&ready, &a, 1, true);
  if (status == HR_OK) status = hr_sink_with_path(file, ".npy", write_array, ready);
  hr_array_release(ready);
  return status;
}

hr_status hr_save_writer(hr_io_file *writer, hr_array *a) {
  hr_array *ready;
  hr_status status = hr_store_prepare(&ready, &a, 1, true);
  if (status == HR_OK) status = hr_sink_with_writer(writer, write_array, ready);
  hr_array_release(ready);
  return status;
}
