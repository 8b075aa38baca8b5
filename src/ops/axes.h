/* src/ops/axes.h - sets of axes as bit masks, and the shapes that reductions over them have. */
#ifndef HR_OPS_AXES_H
#define HR_OPS_AXES_H

#include <stddef.h>
#include <stdint.h>

#include "array/array.h"

static inline uint32_t hr_axes_all(int ndim) { return (uint32_t)(((uint64_t)1 << ndim) - 1); }

/* Elements along the axes of a mask. */
int64_t hr_axes_size(const hr_array *a, uint32_t mask);

/* The shape of `a` without the axes of the mask, or with length 1 there if keepdims; returns the number of axes. */
int hr_axes_drop(int *out_shape, const hr_array *a, uint32_t mask, bool keepdims);

#endif
