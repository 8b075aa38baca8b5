/* src/ops/check.h - small checks that builders share: axes, shapes, lists. Any thread. */
#ifndef HR_OPS_CHECK_H
#define HR_OPS_CHECK_H

#include "array/array.h"

/* Axis made non-negative; fails with "op: " and the axis in the text. */
hr_status hr_op_axis(int *out, const char *op, int axis, int ndim) HR_MUST_USE;

/* A bit mask of axes; fails on axes out of range and on the same axis twice. */
hr_status hr_op_axis_mask(uint32_t *out, const char *op, const int *axes, size_t count, int ndim) HR_MUST_USE;

/* Fails unless array is given (not NULL). */
hr_status hr_op_given(const char *op, const hr_array *array) HR_MUST_USE;

/* Fails unless shape has at most HR_MAX_NDIM lengths, each >= 0, and a size that fits. */
hr_status hr_op_shape(const char *op, const int *shape, size_t ndim) HR_MUST_USE;

/* Fails unless the last axis of a and the last but one of b, or b's only one, have the same length. */
hr_status hr_op_check_product(const char *op, const hr_array *a, const hr_array *b) HR_MUST_USE;

/* Makes room for count arrays, all NULL. Fails with the list empty. */
hr_status hr_list_new(hr_array_list *out, const char *op, size_t count) HR_MUST_USE;
/* Releases what is in a list made by hr_list_new(), and leaves it empty. */
void hr_list_clear(hr_array_list *list);

#endif
