/* src/ops/cast.h - the same elements in another type, or in memory of their own. Any thread; the caller owns one
 * reference to each result. Where nothing changes the input itself is the result, with one more reference. */
#ifndef HR_OPS_CAST_H
#define HR_OPS_CAST_H

#include "graph/op.h"

extern const hr_op hr_op_astype, hr_op_view, hr_op_copy, hr_op_stop_gradient;

/* Values converted: floats to integers by truncation (low bits where they do not fit, see kernels/cast_tmpl.c), to bool
 * by comparison with 0, complex numbers lose their imaginary part. */
hr_status hr_astype(hr_array **out, hr_array *a, hr_dtype dtype, hr_stream *s) HR_MUST_USE;

/* The bytes taken as another type; the last axis grows or shrinks by the ratio of the sizes. */
hr_status hr_view(hr_array **out, hr_array *a, hr_dtype dtype, hr_stream *s) HR_MUST_USE;

/* A row-major copy, always. */
hr_status hr_copy(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
/* The array itself when it is row-major (or column-major, where allowed), else a copy. */
hr_status hr_contiguous(hr_array **out, hr_array *a, bool allow_col_major, hr_stream *s) HR_MUST_USE;
hr_status hr_stop_gradient(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;

#endif
