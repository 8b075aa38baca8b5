/* src/io/store.h - arrays on their way into files. Any thread. */
#ifndef HR_IO_STORE_H
#define HR_IO_STORE_H

#include "array/array.h"
#include "io/sink.h"

/* Evaluates `count` arrays together, in row-major (or column-major, where allowed) order: themselves or copies. The
 * caller owns one reference to each out[i]; after a failure all are NULL. */
hr_status hr_store_prepare(hr_array **out, hr_array *const *in, size_t count, bool allow_col_major) HR_MUST_USE;

/* The elements of an array that was prepared, little-endian. */
hr_status hr_store_write(hr_sink *sink, const hr_array *a) HR_MUST_USE;

#endif
