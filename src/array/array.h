/* src/array/array.h - an array: a layout, and once evaluated the buffer that holds its elements.
 * A1  dtype, shape, strides, offset and size are set before anybody else sees the array and never change.
 * A2  `buffer` is written once, by the task that runs the array's node, before that node's state becomes done
 * (release); others read it only after they saw done (acquire), or when node is NULL. Use hr_array_data() and friends.
 * A3  `node` is NULL for data given by the program; otherwise the array owns one reference to it until it is freed.
 * A4  Reference counts may be changed by any thread. Freeing a deep graph uses no stack (R5).
 * A5  The memory in front of `offset` belongs to others: an array never assumes that it has its buffer for itself. */
#ifndef HR_ARRAY_ARRAY_H
#define HR_ARRAY_ARRAY_H

#include "array/buffer.h"
#include "array/layout.h"
#include "base/atomic.h"

typedef struct hr_node hr_node;

enum { HR_INLINE_NDIM = 4 };
enum { HR_ARRAY_ROW = 1, HR_ARRAY_COL = 2 }; /* flags: contiguous in row-major or column-major order */

typedef struct hr_array {
  _Atomic(uint32_t) refs;
  uint8_t dtype; /* hr_dtype */
  uint8_t ndim;
  uint8_t flags;
  uint16_t index; /* which output of the node */
  int64_t size;   /* elements */
  int64_t offset; /* elements */
  hr_buffer *buffer;
  hr_node *node;
  union {
    struct {
      int64_t strides[HR_INLINE_NDIM];
      int shape[HR_INLINE_NDIM];
    } few;
    int64_t *many; /* ndim strides, then ndim ints of shape */
  } dims;
} hr_array;

static inline const int64_t *hr_array_strides(const hr_array *a) {
  return a->ndim <= HR_INLINE_NDIM ? a->dims.few.strides : a->dims.many;
}
static inline const int *hr_array_shape(const hr_array *a) {
  return a->ndim <= HR_INLINE_NDIM ? a->dims.few.shape : (const int *)(a->dims.many + a->ndim);
}
static inline hr_dtype hr_array_dtype(const hr_array *a) { return (hr_dtype)a->dtype; }
static inline size_t hr_array_itemsize(const hr_array *a) { return hr_dtype_bytes[a->dtype]; }
static inline size_t hr_array_nbytes(const hr_array *a) { return (size_t)a->size * hr_array_itemsize(a); }
static inline bool hr_array_is_row(const hr_array *a) { return a->flags & HR_ARRAY_ROW; }

/* First element; the array has its buffer (A2). */
static inline void *hr_array_data(const hr_array *a) {
  return (char *)a->buffer->data + a->offset * (int64_t)hr_array_itemsize(a);
}

/* An array of this layout without buffer or node; the caller owns one reference. */
hr_status hr_array_new(hr_array **out, const hr_layout *layout) HR_MUST_USE;
/* A row-major array with fresh memory, not cleared: the caller fills hr_array_data() before showing it to others. */
hr_status hr_array_new_empty(hr_array **out, const int *shape, int ndim, hr_dtype dtype) HR_MUST_USE;
/* A copy of `data`, row-major. */
hr_status hr_array_new_copy(hr_array **out, const void *data, const int *shape, int ndim, hr_dtype dtype) HR_MUST_USE;
/* An array over a buffer (which is retained). */
hr_status hr_array_new_buffer(hr_array **out, const hr_layout *layout, hr_buffer *buffer) HR_MUST_USE;
/* A scalar of the dtype, converted from double as a cast does. */
hr_status hr_array_new_scalar(hr_array **out, double value, hr_dtype dtype) HR_MUST_USE;

void hr_array_layout(hr_layout *out, const hr_array *a);

static inline hr_array *hr_array_retain(hr_array *a) {
  hr_add_relaxed(&a->refs, 1u);
  return a;
}
/* Any thread. Frees the array with its last reference, and what only it kept alive. NULL is fine. */
void hr_array_release(hr_array *a);

/* Frees the memory of an array whose node has been dropped: for graph/release.c, which implements hr_array_release().
 */
void hr_array_destroy(hr_array *a);

/* "float32(2,3)" for the texts of errors. */
enum { HR_ARRAY_TEXT = HR_SHAPE_TEXT + 16 };
const char *hr_array_format(char text[HR_ARRAY_TEXT], const hr_array *a);

/* Several arrays as one argument. The list owns neither `items` nor references unless a function says so. */
typedef struct hr_array_list {
  hr_array **items;
  size_t count;
} hr_array_list;

#endif
