/* src/ops/conv.h - convolutions over one to three spatial axes, and their transposes.
 *
 * V1  input (N, spatial..., C), weight (O, kernel..., C / groups), result (N, spatial..., O): group g of O / groups
 *     outputs sees group g of the C channels. Both are promoted to one dtype, which must be a real floating-point type.
 * V2  The kernel is not flipped unless `flip`. An axis of length L stands as (L - 1) input_dilation + 1 places, zeros
 *     in between, with padding_lo and padding_hi zeros around them (negative: places are cut off); kernel element k
 *     meets place o stride + k kernel_dilation for output o.
 * V3  An output's sum is taken in float32 (float64 for that type) in the order kernel axes, then channels, in steps of
 *     at most 1024 terms each, which are then added in order: the same bits for any number of workers. Terms that meet
 *     inserted zeros are left out; those that meet padding may be left out or be 0 times the weight, which shows only
 *     for weights that are not finite.
 * V4  Inputs may have any strides and are not copied as a whole; neither is the matrix of all patches made. */
#ifndef HR_OPS_CONV_H
#define HR_OPS_CONV_H

#include "graph/op.h"

enum { HR_CONV_AXES = 3 };

/* Of the spatial axes, in their order. */
typedef struct hr_conv_attrs {
  int64_t low[HR_CONV_AXES], high[HR_CONV_AXES]; /* padding, not negative */
  int stride[HR_CONV_AXES], kernel_dilation[HR_CONV_AXES], input_dilation[HR_CONV_AXES];
  int groups;
  bool flip;
} hr_conv_attrs;

extern const hr_op hr_op_conv;

hr_status hr_conv1d(hr_array **out, hr_array *input, hr_array *weight, int stride, int padding, int dilation,
                    int groups, hr_stream *s) HR_MUST_USE;
hr_status hr_conv2d(hr_array **out, hr_array *input, hr_array *weight, int stride_0, int stride_1, int padding_0,
                    int padding_1, int dilation_0, int dilation_1, int groups, hr_stream *s) HR_MUST_USE;
hr_status hr_conv3d(hr_array **out, hr_array *input, hr_array *weight, int stride_0, int stride_1, int stride_2,
                    int padding_0, int padding_1, int padding_2, int dilation_0, int dilation_1, int dilation_2,
                    int groups, hr_stream *s) HR_MUST_USE;
/* Each list has one entry a spatial axis, one for all, or none (1; padding 0). */
hr_status hr_conv_general(hr_array **out, hr_array *input, hr_array *weight, const int *stride, size_t stride_num,
                          const int *padding_lo, size_t padding_lo_num, const int *padding_hi, size_t padding_hi_num,
                          const int *kernel_dilation, size_t kernel_dilation_num, const int *input_dilation,
                          size_t input_dilation_num, int groups, bool flip, hr_stream *s) HR_MUST_USE;

/* The gradients of the above by their input, with weight (O, kernel..., C / groups) seen from this side: the result has
 * (L - 1) stride - 2 padding + dilation (K - 1) + 1 + output_padding places along an axis. */
hr_status hr_conv_transpose1d(hr_array **out, hr_array *input, hr_array *weight, int stride, int padding, int dilation,
                              int output_padding, int groups, hr_stream *s) HR_MUST_USE;
hr_status hr_conv_transpose2d(hr_array **out, hr_array *input, hr_array *weight, int stride_0, int stride_1,
                              int padding_0, int padding_1, int dilation_0, int dilation_1, int output_padding_0,
                              int output_padding_1, int groups, hr_stream *s) HR_MUST_USE;
hr_status hr_conv_transpose3d(hr_array **out, hr_array *input, hr_array *weight, int stride_0, int stride_1,
                              int stride_2, int padding_0, int padding_1, int padding_2, int dilation_0, int dilation_1,
                              int dilation_2, int output_padding_0, int output_padding_1, int output_padding_2,
                              int groups, hr_stream *s) HR_MUST_USE;

#endif
