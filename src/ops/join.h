/* src/ops/join.h - operations that put arrays together or lengthen them. Results are fresh, row-major arrays, save
 * where nothing changes (S2 of shape.h). Axes may be negative; any thread. */
#ifndef HR_OPS_JOIN_H
#define HR_OPS_JOIN_H

#include "graph/op.h"

extern const hr_op hr_op_concatenate, hr_op_pad;

/* Shapes agree but for the axis; dtypes are promoted. Without an axis the inputs are flattened first. */
hr_status hr_concatenate(hr_array **out, const hr_array_list *arrays, hr_stream *s) HR_MUST_USE;
hr_status hr_concatenate_axis(hr_array **out, const hr_array_list *arrays, int axis, hr_stream *s) HR_MUST_USE;
/* A new axis; shapes are equal. */
hr_status hr_stack(hr_array **out, const hr_array_list *arrays, hr_stream *s) HR_MUST_USE;
hr_status hr_stack_axis(hr_array **out, const hr_array_list *arrays, int axis, hr_stream *s) HR_MUST_USE;

/* Modes "constant" (pad_value, one element, cast to a's dtype), "edge", "reflect" and "symmetric" as in NumPy. */
hr_status hr_pad(hr_array **out, hr_array *a, const int *axes, size_t axes_num, const int *low_pad_size,
                 size_t low_pad_size_num, const int *high_pad_size, size_t high_pad_size_num, hr_array *pad_value,
                 const char *mode, hr_stream *s) HR_MUST_USE;
hr_status hr_pad_symmetric(hr_array **out, hr_array *a, int pad_width, hr_array *pad_value, const char *mode,
                           hr_stream *s) HR_MUST_USE;

hr_status hr_tile(hr_array **out, hr_array *arr, const int *reps, size_t reps_num, hr_stream *s) HR_MUST_USE;
/* Each element `repeats` times; without an axis the array is flattened first. */
hr_status hr_repeat(hr_array **out, hr_array *arr, int repeats, hr_stream *s) HR_MUST_USE;
hr_status hr_repeat_axis(hr_array **out, hr_array *arr, int repeats, int axis, hr_stream *s) HR_MUST_USE;

/* Several shifts for one axis add up. Without axes the array is flattened, rolled and given its shape back. */
hr_status hr_roll(hr_array **out, hr_array *a, const int *shift, size_t shift_num, hr_stream *s) HR_MUST_USE;
hr_status hr_roll_axis(hr_array **out, hr_array *a, const int *shift, size_t shift_num, int axis,
                       hr_stream *s) HR_MUST_USE;
hr_status hr_roll_axes(hr_array **out, hr_array *a, const int *shift, size_t shift_num, const int *axes,
                       size_t axes_num, hr_stream *s) HR_MUST_USE;

/* indexing is "xy" (the first two axes swapped) or "ij". Views: each input is flattened and broadcast; `sparse` leaves
 * the other axes at length 1. */
hr_status hr_meshgrid(hr_array_list *out, const hr_array_list *arrays, bool sparse, const char *indexing,
                      hr_stream *s) HR_MUST_USE;

#endif
