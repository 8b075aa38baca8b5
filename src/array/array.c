/* src/array/array.c - making arrays, and freeing the memory of one. */
#include "array/array.h"

#include <stdio.h>
#include <string.h>

#include "base/half.h"
#include "base/memory.h"

static size_t many_bytes(int ndim) { return (size_t)ndim * (sizeof(int64_t) + sizeof(int)); }

/* Copies shape and strides; `dims.many` has its memory. */
static void set_dims(hr_array *a, const hr_layout *layout) {
  size_t ndim = (size_t)layout->ndim;
  bool few = layout->ndim <= HR_INLINE_NDIM;
  int64_t *strides = few ? a->dims.few.strides : a->dims.many;
  int *shape = few ? a->dims.few.shape : (int *)(a->dims.many + ndim);
  memcpy(strides, layout->strides, ndim * sizeof *strides);
  memcpy(shape, layout->shape, ndim * sizeof *shape);
}

static uint8_t flags_of(const hr_layout *layout) {
  bool row = hr_shape_is_row_contiguous(layout->shape, layout->strides, layout->ndim);
  bool col = hr_shape_is_col_contiguous(layout->shape, layout->strides, layout->ndim);
  return (uint8_t)((row ? HR_ARRAY_ROW : 0) | (col ? HR_ARRAY_COL : 0));
}

hr_status hr_array_new(hr_array **out, const hr_layout *layout) {
  *out = NULL;
  hr_array *a = hr_slab_alloc(sizeof *a);
  if (!a) return hr_fail(HR_OUT_OF_MEMORY, "no memory for an array");
  if (layout->ndim > HR_INLINE_NDIM) {
    a->dims.many = hr_slab_alloc(many_bytes(layout->ndim));
    if (!a->dims.many) {
      hr_slab_free(a, sizeof *a);
      return hr_fail(HR_OUT_OF_MEMORY, "no memory for an array");
    }
  }
  atomic_init(&a->refs, 1u);
  a->dtype = (uint8_t)layout->dtype;
  a->ndim = (uint8_t)layout->ndim;
  a->flags = flags_of(layout);
  a->index = 0;
  a->size = layout->size;
  a->offset = layout->offset;
  a->buffer = NULL;
  a->node = NULL;
  set_dims(a, layout);
  *out = a;
  return HR_OK;
}

void hr_array_destroy(hr_array *a) {
  hr_buffer_release(a->buffer);
  if (a->ndim > HR_INLINE_NDIM) hr_slab_free(a->dims.many, many_bytes(a->ndim));
  hr_slab_free(a, sizeof *a);
}

hr_status hr_array_new_buffer(hr_array **out, const hr_layout *layout, hr_buffer *buffer) {
  hr_status status = hr_array_new(out, layout);
  if (status == HR_OK) (*out)->buffer = hr_buffer_retain(buffer);
  return status;
}

hr_status hr_array_new_empty(hr_array **out, const int *shape, int ndim, hr_dtype dtype) {
  hr_layout layout;
  hr_array *a = NULL;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_layout_set(&layout, shape, ndim, dtype));
  HR_TRY(hr_array_new(&a, &layout));
  HR_TRY(hr_buffer_new(&a->buffer, hr_array_nbytes(a)));
  *out = a;
  a = NULL;
done:
  if (a) hr_array_destroy(a);
  return status;
}

hr_status hr_array_new_copy(hr_array **out, const void *data, const int *shape, int ndim, hr_dtype dtype) {
  hr_status status = hr_array_new_empty(out, shape, ndim, dtype);
  if (status == HR_OK && (*out)->size > 0) memcpy(hr_array_data(*out), data, hr_array_nbytes(*out));
  return status;
}

/* A double as an integer, as the casts of the kernels do it: towards zero; NaN and what does not fit 64 bits give the
 * lowest value, as on x86. Narrower types keep the low bits of that, int32 and narrower those of the conversion to 32
 * bits. */
static int64_t to_i64(double x) { return x >= -0x1p63 && x < 0x1p63 ? (int64_t)x : INT64_MIN; }
static int32_t to_i32(double x) { return x > -0x1p31 - 1 && x < 0x1p31 ? (int32_t)x : INT32_MIN; }
static uint64_t to_u64(double x) { return x >= 0x1p63 && x < 0x1p64 ? (uint64_t)x : (uint64_t)to_i64(x); }

static void store_scalar(void *to, double x, hr_dtype dtype) {
  uint64_t bits = 0;
  float f = (float)x;
  switch (dtype) {
    case HR_BOOL: bits = x != 0; break;
    case HR_UINT8:
    case HR_INT8:
    case HR_UINT16:
    case HR_INT16:
    case HR_INT32: bits = (uint64_t)to_i32(x); break;
    case HR_UINT32:
    case HR_INT64: bits = (uint64_t)to_i64(x); break;
    case HR_UINT64: bits = to_u64(x); break;
    case HR_FLOAT16: bits = hr_f32_to_f16(f); break;
    case HR_BFLOAT16: bits = hr_f32_to_bf16(f); break;
    case HR_FLOAT32: bits = hr_f32_bits(f); break;
    case HR_FLOAT64: memcpy(&bits, &x, sizeof bits); break;
    case HR_COMPLEX64: {
      float parts[2] = {f, 0};
      memcpy(&bits, parts, sizeof bits);
      break;
    }
    case HR_DTYPE_COUNT: break;
  }
  switch (hr_dtype_bytes[dtype]) { /* not a copy of the first bytes: the machine may be big-endian */
    case 1: *(uint8_t *)to = (uint8_t)bits; break;
    case 2: *(uint16_t *)to = (uint16_t)bits; break;
    case 4: *(uint32_t *)to = (uint32_t)bits; break;
    default: memcpy(to, &bits, 8);
  }
}

hr_status hr_array_new_scalar(hr_array **out, double value, hr_dtype dtype) {
  hr_status status = hr_array_new_empty(out, NULL, 0, dtype);
  if (status == HR_OK) store_scalar(hr_array_data(*out), value, dtype);
  return status;
}

void hr_array_layout(hr_layout *out, const hr_array *a) {
  out->dtype = hr_array_dtype(a);
  out->ndim = a->ndim;
  out->size = a->size;
  out->offset = a->offset;
  memcpy(out->shape, hr_array_shape(a), a->ndim * sizeof *out->shape);
  memcpy(out->strides, hr_array_strides(a), a->ndim * sizeof *out->strides);
}

const char *hr_array_format(char text[HR_ARRAY_TEXT], const hr_array *a) {
  char shape[HR_SHAPE_TEXT];
  snprintf(text, HR_ARRAY_TEXT, "%s%s", hr_dtype_names[a->dtype], hr_shape_format(shape, hr_array_shape(a), a->ndim));
  return text;
}
