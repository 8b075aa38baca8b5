#include "array/print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/half.h"
#include "base/memory.h"

enum {
  EDGE = 3,     /* elements shown at each end of a shortened axis */
  FULL = 6,     /* longest axis that is shown whole */
  ELEMENT = 64, /* bytes for the text of one element */
  FIRST_BYTES = 256
};

typedef struct builder {
  char *text;
  size_t length, capacity;
  bool failed; /* no memory: what follows is ignored */
} builder;

static void add(builder *b, const char *text) {
  size_t length = strlen(text);
  if (b->failed) return;
  if (b->length + length + 1 > b->capacity) {
    size_t capacity = 2 * (b->length + length) + FIRST_BYTES;
    char *grown = hr_realloc(b->text, capacity);
    if (!grown) {
      b->failed = true;
      return;
    }
    b->text = grown;
    b->capacity = capacity;
  }
  memcpy(b->text + b->length, text, length + 1);
  b->length += length;
}

/* printf writes the locale's decimal separator, which may be several bytes: it becomes a point. */
static void float_text(char text[ELEMENT], double value) {
  char raw[ELEMENT];
  snprintf(raw, sizeof raw, "%g", value);
  char *to = text;
  for (const char *from = raw; *from; from++) {
    if (strchr("0123456789+-aefin", *from))
      *to++ = *from;
    else if (to == text || to[-1] != '.')
      *to++ = '.';
  }
  *to = 0;
}

/* As MLX has it, a negative zero is written 1+-0j. */
static void complex_text(char text[ELEMENT], const float *value) {
  char real[ELEMENT], imag[ELEMENT];
  float_text(real, (double)value[0]);
  float_text(imag, (double)value[1]);
  snprintf(text, ELEMENT, "%.20s%s%.20sj", real, value[1] < 0 ? "" : "+", imag);
}

/* Numbers of an unaligned or foreign buffer are copied out first. */
static void element_text(char text[ELEMENT], const void *at, hr_dtype dtype) {
  union {
    uint8_t u8;
    int8_t i8;
    uint16_t u16;
    int16_t i16;
    uint32_t u32;
    int32_t i32;
    uint64_t u64;
    int64_t i64;
    float f32;
    double f64;
    float c64[2];
  } v;
  memcpy(&v, at, hr_dtype_bytes[dtype]);
  switch (dtype) {
    case HR_BOOL: snprintf(text, ELEMENT, "%s", v.u8 ? "True" : "False"); break;
    case HR_UINT8: snprintf(text, ELEMENT, "%u", (unsigned)v.u8); break;
    case HR_UINT16: snprintf(text, ELEMENT, "%u", (unsigned)v.u16); break;
    case HR_UINT32: snprintf(text, ELEMENT, "%" PRIu32, v.u32); break;
    case HR_UINT64: snprintf(text, ELEMENT, "%" PRIu64, v.u64); break;
    case HR_INT8: snprintf(text, ELEMENT, "%d", (int)v.i8); break;
    case HR_INT16: snprintf(text, ELEMENT, "%d", (int)v.i16); break;
    case HR_INT32: snprintf(text, ELEMENT, "%" PRId32, v.i32); break;
    case HR_INT64: snprintf(text, ELEMENT, "%" PRId64, v.i64); break;
    case HR_FLOAT16: float_text(text, (double)hr_f16_to_f32(v.u16)); break;
    case HR_FLOAT32: float_text(text, (double)v.f32); break;
    case HR_FLOAT64: float_text(text, v.f64); break;
    case HR_BFLOAT16: float_text(text, (double)hr_bf16_to_f32(v.u16)); break;
    case HR_COMPLEX64: complex_text(text, v.c64); break;
    case HR_DTYPE_COUNT: text[0] = 0; break;
  }
}

/* Between two elements of an axis: rows of an inner axis stand under each other, below "array(" and their brackets. */
static void add_separator(builder *b, const hr_array *a, int axis) {
  if (axis == a->ndim - 1) {
    add(b, ", ");
    return;
  }
  add(b, ",\n       ");
  for (int i = 0; i < axis; i++) add(b, " ");
}

static void add_axis(builder *b, const hr_array *a, int axis, const char *at) {
  char text[ELEMENT];
  if (axis == a->ndim) {
    element_text(text, at, hr_array_dtype(a));
    add(b, text);
    return;
  }
  int length = hr_array_shape(a)[axis];
  int64_t step = hr_array_strides(a)[axis] * (int64_t)hr_array_itemsize(a);
  add(b, "[");
  for (int i = 0; i < length; i++) {
    if (i > 0) add_separator(b, a, axis);
    if (length > FULL && i == EDGE) {
      add(b, "...");
      add_separator(b, a, axis);
      i = length - EDGE;
    }
    add_axis(b, a, axis + 1, at + i * step);
  }
  add(b, "]");
}

hr_status hr_array_print(char **out, const hr_array *a) {
  builder b = {0};
  *out = NULL;
  add(&b, "array(");
  add_axis(&b, a, 0, hr_array_data(a));
  add(&b, ", dtype=");
  add(&b, hr_dtype_names[a->dtype]);
  add(&b, ")");
  if (b.failed) {
    hr_free(b.text);
    return hr_fail(HR_OUT_OF_MEMORY, "no memory for the text of an array");
  }
  *out = b.text;
  return HR_OK;
}
