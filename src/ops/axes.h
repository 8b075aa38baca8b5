/* src/ops/axes.h - axis arguments of builders as a bit mask. */
#ifndef HR_OPS_AXES_H
#define HR_OPS_AXES_H

#include <stddef.h>
#include <stdint.h>

#include "array/array.h"

static inline uint32_t hr_axes_all(int ndim) { return (uint32_t)(((uint64_t)1 << ndim) - 1); }

/* Axes in [-ndim, ndim), each given once, as bits. Fails with HR_INVALID: `name` is the operation, for the text. */
hr_status hr_axes_mask(uint32_t *out, const char *name, const hr_array *a, const int *axes,
                       size_t axes_num) HR_MUST_USE;

/* One axis, made non-negative; the same. */
hr_status hr_axes_one(int *out, const char *name, const hr_array *a, int axis) HR_MUST_USE;

/* Elements along the axes of a mask. */
int64_t hr_axes_size(const hr_array *a, uint32_t mask);

/* The shape of `a` without the axes of the mask, or with length 1 there if keepdims; returns the number of axes. */
int hr_axes_drop(int *out_shape, const hr_array *a, uint32_t mask, bool keepdims);

#endif
