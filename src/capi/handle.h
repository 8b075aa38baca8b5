/* src/capi/handle.h - what is behind the handles of the MLX C interface (R28).
 *
 * G1  `ctx` points to a box that stays until the handle is freed; results and `_set` replace what is in the box, for
 *     programs copy handles by value. A result for a handle of ctx NULL makes a box.
 * G2  A handle is empty when ctx is NULL or its box holds nothing. Vectors, maps and strings are never empty in that
 *     sense once they have a box. Where mlx-c.tsv says so an argument may be empty; elsewhere that is an error (R30).
 * G3  Boxes come from slabs. Replacing stores first and releases what was there afterwards, so `mlx_add(&a, a, b, s)`
 *     and setting a handle to itself are fine.
 * G4  One box must not be written by two threads at once, as the interface says; what is in it may be shared freely.
 * G5  The functions below that take a parameter's name fail with HR_INVALID and that name in the text. */
#ifndef HR_CAPI_HANDLE_H
#define HR_CAPI_HANDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "array/array.h"
#include "capi/error.h"
#include "mlx/c/array.h"
#include "mlx/c/device.h"
#include "mlx/c/stream.h"
#include "mlx/c/string.h"
#include "mlx/c/vector.h"

typedef struct hr_stream hr_stream;

typedef struct hr_array_box {
  hr_array *array; /* one reference, or NULL */
} hr_array_box;

typedef struct hr_stream_box {
  hr_stream *stream; /* one handle of it, or NULL */
} hr_stream_box;

typedef struct hr_device {
  uint8_t type; /* hr_device_type */
  int index;
} hr_device;

typedef struct hr_string_box {
  char *text; /* never NULL */
} hr_string_box;

/* Elements of one kind: see vector.c for the kinds. */
typedef struct hr_vector {
  void *items;
  size_t count, capacity;
} hr_vector;

/* --- Arguments --- */

hr_status hr_refuse_null(const char *name) HR_MUST_USE;
hr_status hr_refuse_empty(const char *name) HR_MUST_USE;

static inline hr_status hr_need_pointer(const void *pointer, const char *name) {
  return __builtin_expect(pointer != NULL, 1) ? HR_OK : hr_refuse_null(name);
}
/* The ctx of a handle whose box is never empty: a vector, a map, a string. */
static inline hr_status hr_need_handle(const void *ctx, const char *name) {
  return __builtin_expect(ctx != NULL, 1) ? HR_OK : hr_refuse_empty(name);
}
/* A pointer to `count` values: NULL is fine for none. */
static inline hr_status hr_need_values(const void *values, size_t count, const char *name) {
  return __builtin_expect(values != NULL || count == 0, 1) ? HR_OK : hr_refuse_null(name);
}

/* The array of a handle, borrowed, or NULL for an empty one. */
static inline hr_array *hr_array_of(mlx_array handle) {
  return handle.ctx ? ((const hr_array_box *)handle.ctx)->array : NULL;
}
static inline hr_status hr_take_array(hr_array **out, mlx_array handle, const char *name) {
  *out = hr_array_of(handle);
  return __builtin_expect(*out != NULL, 1) ? HR_OK : hr_refuse_empty(name);
}
hr_status hr_take_arrays(hr_array_list *out, mlx_vector_array handle, const char *name) HR_MUST_USE;
hr_status hr_take_dtype(hr_dtype *out, mlx_dtype dtype, const char *name) HR_MUST_USE;
/* The stream of a handle, borrowed; for an empty one the calling thread's default stream of its default device. */
hr_status hr_take_stream(hr_stream **out, mlx_stream handle) HR_MUST_USE;

/* --- Results --- */

/* Puts the array into the handle's box (which is made if there is none) and releases what was there. Takes over the
 * reference, also on failure; array may be NULL. */
hr_status hr_give_array(mlx_array *handle, hr_array *array) HR_MUST_USE;
/* Two at once: both or none. */
hr_status hr_give_arrays(mlx_array *first, hr_array *first_array, mlx_array *second,
                         hr_array *second_array) HR_MUST_USE;
/* The items, and the references in them, become the vector's, also on failure. */
hr_status hr_give_list(mlx_vector_array *handle, hr_array_list *list) HR_MUST_USE;
/* A copy of text. */
hr_status hr_give_string(mlx_string *handle, const char *text) HR_MUST_USE;
/* Takes over text (of hr_alloc), also on failure. */
hr_status hr_give_text(mlx_string *handle, char *text) HR_MUST_USE;
/* Takes over one handle of the stream, also on failure; stream may be NULL. */
hr_status hr_give_stream(mlx_stream *handle, hr_stream *stream) HR_MUST_USE;
hr_status hr_give_device(mlx_device *handle, hr_device device) HR_MUST_USE;

/* Copies of texts (vector.c). */
hr_status hr_give_texts(mlx_vector_string *handle, const char *const *given, size_t count) HR_MUST_USE;

/* Releases the items of a list and the list itself. */
void hr_list_drop(hr_array_list *list);

#endif
