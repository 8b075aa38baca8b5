/* src/array/layout.h - shape, strides and dtype: everything about an array that is known when the graph is built (R17).
 * L1  Strides are in elements and may be zero or negative. `offset` is in elements from the start of the buffer.
 * L2  Every shape entry is >= 0 and the number of elements times the element's bytes fits int64_t: the functions that
 *     make layouts check it. Strides of axes of length 0 or 1 carry no meaning.
 * L3  Only the first ndim entries of shape and strides are ever set. */
#ifndef HR_ARRAY_LAYOUT_H
#define HR_ARRAY_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "array/dtype.h"
#include "base/error.h"

enum { HR_MAX_NDIM = 32 };

typedef struct hr_layout {
  hr_dtype dtype;
  int ndim;
  int64_t size;   /* elements */
  int64_t offset; /* elements */
  int shape[HR_MAX_NDIM];
  int64_t strides[HR_MAX_NDIM];
} hr_layout;

/* Row-major layout of `shape`. Fails on negative lengths, too many axes and sizes that overflow. */
hr_status hr_layout_set(hr_layout *out, const int *shape, int ndim, hr_dtype dtype) HR_MUST_USE;

/* The same for strides that are given: the caller has checked that they stay inside the buffer. */
hr_status hr_layout_set_strided(hr_layout *out, const int *shape, const int64_t *strides, int64_t offset, int ndim,
                                hr_dtype dtype) HR_MUST_USE;

/* Elements in row-major order without gaps (true for sizes 0 and 1). */
bool hr_shape_is_row_contiguous(const int *shape, const int64_t *strides, int ndim);
bool hr_shape_is_col_contiguous(const int *shape, const int64_t *strides, int ndim);

/* Elements of `shape`, or -1 if a length is negative or the product does not fit. */
int64_t hr_shape_size(const int *shape, int ndim);

/* NumPy's rule: shapes are aligned at their last axis, lengths must be equal or 1. out_shape has room for HR_MAX_NDIM
 * and may be a or b. Fails with both shapes in the text. */
hr_status hr_shape_broadcast(int *out_shape, int *out_ndim, const int *a, int a_ndim, const int *b,
                             int b_ndim) HR_MUST_USE;

/* Axis in [-ndim, ndim) made non-negative; fails with the axis and ndim in the text. */
hr_status hr_axis_resolve(int *out, int axis, int ndim) HR_MUST_USE;

/* "(2,3,4)" for texts of errors; one of a few buffers of the thread... of the caller: text has HR_SHAPE_TEXT bytes. */
enum { HR_SHAPE_TEXT = 160 };
const char *hr_shape_format(char text[HR_SHAPE_TEXT], const int *shape, int ndim);

#endif
