/* src/ops/conv.c - see conv.h. One op; the calls differ in how they name its attributes. */
#include "ops/conv.h"

#include "ops/cast.h"
#include "ops/check.h"
#include "ops/op_list.h"
#include "ops/shape.h"

/* Places are computed in int64_t and may not come near its end. */
static const int64_t FARTHEST = (int64_t)1 << 40;

/* Outputs along spatial axis i, or an error. */
static hr_status out_length(int *out, const hr_op_call *call, int i) {
  const hr_conv_attrs *attrs = call->attrs;
  int length = hr_array_shape(call->in[0])[i + 1], kernel = hr_array_shape(call->in[1])[i + 1];
  int64_t spread = length > 0 ? (int64_t)(length - 1) * attrs->input_dilation[i] + 1 : 0;
  int64_t reach = (int64_t)(kernel - 1) * attrs->kernel_dilation[i] + 1;
  int64_t low = attrs->low[i], high = attrs->high[i], padded = 0;
  char text_in[HR_ARRAY_TEXT], text_w[HR_ARRAY_TEXT];
  if (spread > FARTHEST || reach > FARTHEST || low > FARTHEST || high > FARTHEST)
    return hr_fail(HR_UNSUPPORTED, "conv: padding %lld and %lld, or dilation, on spatial axis %d are too large",
                   (long long)low, (long long)high, i);
  padded = spread + low + high;
  if (kernel == 0 || padded < reach)
    return hr_fail(HR_INVALID,
                   "conv: %s with padding %lld and %lld is %lld long on spatial axis %d, less than the %lld that "
                   "weight %s covers",
                   hr_array_format(text_in, call->in[0]), (long long)low, (long long)high, (long long)padded, i,
                   (long long)reach, hr_array_format(text_w, call->in[1]));
  int64_t count = (padded - reach) / attrs->stride[i] + 1;
  if (count > INT32_MAX)
    return hr_fail(HR_UNSUPPORTED, "conv: %lld outputs on spatial axis %d are too many", (long long)count, i);
  *out = (int)count;
  return HR_OK;
}

static hr_status conv_infer(hr_layout *out, const hr_op_call *call) {
  const hr_array *in = call->in[0];
  int shape[HR_CONV_AXES + 2] = {hr_array_shape(in)[0]};
  for (int i = 0; i < in->ndim - 2; i++) {
    hr_status status = out_length(&shape[i + 1], call, i);
    if (status != HR_OK) return status;
  }
  shape[in->ndim - 1] = hr_array_shape(call->in[1])[0];
  return hr_layout_set(out, shape, in->ndim, hr_array_dtype(in));
}

/* 50 additions and multiplications a nanosecond on one core, besides what moving the operands takes. */
static uint64_t conv_cost(const hr_op_call *call, hr_array *const *out) {
  const hr_array *weight = call->in[1];
  int outputs = hr_array_shape(weight)[0];
  uint64_t terms = outputs > 0 ? (uint64_t)(weight->size / outputs) : 0;
  uint64_t bytes = hr_array_nbytes(call->in[0]) + hr_array_nbytes(weight) + hr_array_nbytes(out[0]);
  return 500 + (uint64_t)out[0]->size * terms / 50 + bytes / 8;
}

static bool attrs_equal(const void *a, const void *b) {
  const hr_conv_attrs *x = a, *y = b;
  bool same = x->groups == y->groups && x->flip == y->flip;
  for (int i = 0; i < HR_CONV_AXES; i++)
    same = same && x->low[i] == y->low[i] && x->high[i] == y->high[i] && x->stride[i] == y->stride[i] &&
           x->kernel_dilation[i] == y->kernel_dilation[i] && x->input_dilation[i] == y->input_dilation[i];
  return same;
}

const hr_op hr_op_conv = {.name = "conv",
                          .arity = 2,
                          .outputs = 1,
                          .traits = HR_OP_LINEAR,
                          .attrs_size = sizeof(hr_conv_attrs),
                          .infer = conv_infer,
                          .cost = conv_cost,
                          .run = {[HR_BACKEND_CPU] = hr_cpu_conv},
                          .attrs_equal = attrs_equal};

/* --- checks --- */

/* `spatial` axes are asked for; 0: one to three. */
static hr_status check_axes(const char *op, const hr_array *input, const hr_array *weight, int spatial) {
  char text_in[HR_ARRAY_TEXT], text_w[HR_ARRAY_TEXT];
  int most = spatial ? spatial : HR_CONV_AXES, least = spatial ? spatial : 1;
  if (input->ndim >= least + 2 && input->ndim <= most + 2 && weight->ndim == input->ndim) return HR_OK;
  return hr_fail(HR_INVALID, "%s: input %s and weight %s must be (N, spatial..., C) and (O, kernel..., C) of %d%s axes",
                 op, hr_array_format(text_in, input), hr_array_format(text_w, weight), least + 2,
                 spatial ? "" : " to 5");
}

static hr_status check_channels(const char *op, const hr_array *input, const hr_array *weight, int groups) {
  char text_in[HR_ARRAY_TEXT], text_w[HR_ARRAY_TEXT];
  int channels = hr_array_shape(input)[input->ndim - 1], outputs = hr_array_shape(weight)[0];
  if (groups < 1) return hr_fail(HR_INVALID, "%s: %d groups: there must be one or more", op, groups);
  if (channels % groups || outputs % groups)
    return hr_fail(HR_INVALID, "%s: %d channels of input %s and %d outputs of weight %s do not divide into %d groups",
                   op, channels, hr_array_format(text_in, input), outputs, hr_array_format(text_w, weight), groups);
  if (hr_array_shape(weight)[weight->ndim - 1] == channels / groups) return HR_OK;
  return hr_fail(HR_INVALID, "%s: input %s in %d groups has %d channels each, but weight %s takes %d", op,
                 hr_array_format(text_in, input), groups, channels / groups, hr_array_format(text_w, weight),
                 hr_array_shape(weight)[weight->ndim - 1]);
}

static hr_status check_steps(const char *op, const hr_conv_attrs *attrs, int spatial) {
  for (int i = 0; i < spatial; i++)
    if (attrs->stride[i] < 1 || attrs->kernel_dilation[i] < 1 || attrs->input_dilation[i] < 1)
      return hr_fail(HR_INVALID,
                     "%s: stride %d, kernel dilation %d and input dilation %d of spatial axis %d must be positive", op,
                     attrs->stride[i], attrs->kernel_dilation[i], attrs->input_dilation[i], i);
  return HR_OK;
}

static hr_status check_dtype(const char *op, hr_dtype dtype, const hr_array *input, const hr_array *weight) {
  if (hr_dtype_classes[hr_array_dtype(input)] == HR_CLASS_FLOAT && hr_dtype_classes[dtype] == HR_CLASS_FLOAT)
    return HR_OK;
  return hr_fail(HR_INVALID, "%s: input of %s and weight of %s are not supported: a real floating-point type is needed",
                 op, hr_dtype_names[hr_array_dtype(input)], hr_dtype_names[hr_array_dtype(weight)]);
}

/* Negative padding becomes a slice of the input (V2), and 0. */
static hr_status cut_off(hr_array **out, hr_array *input, hr_conv_attrs *attrs, hr_stream *s) {
  int start[HR_CONV_AXES + 2] = {0}, stop[HR_CONV_AXES + 2], step[HR_CONV_AXES + 2];
  bool cut = false;
  for (int i = 0; i < input->ndim; i++) stop[i] = hr_array_shape(input)[i], step[i] = 1;
  for (int i = 0; i < input->ndim - 2; i++) {
    int64_t length = stop[i + 1], low = attrs->low[i], high = attrs->high[i];
    cut = cut || low < 0 || high < 0;
    start[i + 1] = (int)(low >= 0 ? 0 : low < -length ? length : -low);
    stop[i + 1] = (int)(high >= 0 ? length : high < -length ? 0 : length + high);
    if (stop[i + 1] < start[i + 1]) stop[i + 1] = start[i + 1];
    attrs->low[i] = low < 0 ? 0 : low, attrs->high[i] = high < 0 ? 0 : high;
  }
  if (!cut) return *out = hr_array_retain(input), HR_OK;
  size_t ndim = input->ndim;
  return hr_slice(out, input, start, ndim, stop, ndim, step, ndim, s);
}

static hr_status convolve(hr_array **out, const char *op, hr_array *input, hr_array *weight, int spatial,
                          hr_conv_attrs *attrs, hr_stream *s) {
  hr_array *in[2] = {NULL, NULL}, *rest = NULL;
  hr_status status = HR_OK;
  hr_dtype dtype = hr_dtype_promote(hr_array_dtype(input), hr_array_dtype(weight));
  HR_TRY(check_axes(op, input, weight, spatial));
  HR_TRY(check_dtype(op, dtype, input, weight));
  HR_TRY(check_steps(op, attrs, input->ndim - 2));
  HR_TRY(check_channels(op, input, weight, attrs->groups));
  HR_TRY(cut_off(&rest, input, attrs, s));
  HR_TRY(hr_astype(&in[0], rest, dtype, s));
  HR_TRY(hr_astype(&in[1], weight, dtype, s));
  status = hr_apply(out, &hr_op_conv, in, 2, attrs, s);
done:
  hr_array_release(in[0]);
  hr_array_release(in[1]);
  hr_array_release(rest);
  return status;
}

/* --- convolutions --- */

static hr_status plain(hr_array **out, const char *op, hr_array *input, hr_array *weight, int spatial,
                       const int *stride, const int *padding, const int *dilation, int groups, hr_stream *s) {
  hr_conv_attrs attrs = {.groups = groups};
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given(op, input));
  HR_TRY(hr_op_given(op, weight));
  for (int i = 0; i < spatial; i++) {
    attrs.low[i] = attrs.high[i] = padding[i];
    attrs.stride[i] = stride[i], attrs.kernel_dilation[i] = dilation[i], attrs.input_dilation[i] = 1;
  }
  status = convolve(out, op, input, weight, spatial, &attrs, s);
done:
  return status;
}

hr_status hr_conv1d(hr_array **out, hr_array *input, hr_array *weight, int stride, int padding, int dilation,
                    int groups, hr_stream *s) {
  return plain(out, "conv1d", input, weight, 1, &stride, &padding, &dilation, groups, s);
}

hr_status hr_conv2d(hr_array **out, hr_array *input, hr_array *weight, int stride_0, int stride_1, int padding_0,
                    int padding_1, int dilation_0, int dilation_1, int groups, hr_stream *s) {
  return plain(out, "conv2d", input, weight, 2, (int[]){stride_0, stride_1}, (int[]){padding_0, padding_1},
               (int[]){dilation_0, dilation_1}, groups, s);
}

hr_status hr_conv3d(hr_array **out, hr_array *input, hr_array *weight, int stride_0, int stride_1, int stride_2,
                    int padding_0, int padding_1, int padding_2, int dilation_0, int dilation_1, int dilation_2,
                    int groups, hr_stream *s) {
  return plain(out, "conv3d", input, weight, 3, (int[]){stride_0, stride_1, stride_2},
               (int[]){padding_0, padding_1, padding_2}, (int[]){dilation_0, dilation_1, dilation_2}, groups, s);
}

/* Entry i of a list as hr_conv_general() takes it. */
static int entry(const int *list, size_t count, int i, int missing) {
  return count == 0 ? missing : list[count == 1 ? 0 : i];
}

static hr_status check_list(const char *name, size_t count, int spatial) {
  if (count <= 1 || count == (size_t)spatial) return HR_OK;
  return hr_fail(HR_INVALID, "conv_general: %s has %zu entries for %d spatial axes", name, count, spatial);
}

hr_status hr_conv_general(hr_array **out, hr_array *input, hr_array *weight, const int *stride, size_t stride_num,
                          const int *padding_lo, size_t padding_lo_num, const int *padding_hi, size_t padding_hi_num,
                          const int *kernel_dilation, size_t kernel_dilation_num, const int *input_dilation,
                          size_t input_dilation_num, int groups, bool flip, hr_stream *s) {
  hr_conv_attrs attrs = {.groups = groups, .flip = flip};
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("conv_general", input));
  HR_TRY(hr_op_given("conv_general", weight));
  HR_TRY(check_axes("conv_general", input, weight, 0));
  int spatial = input->ndim - 2;
  HR_TRY(check_list("stride", stride_num, spatial));
  HR_TRY(check_list("padding_lo", padding_lo_num, spatial));
  HR_TRY(check_list("padding_hi", padding_hi_num, spatial));
  HR_TRY(check_list("kernel_dilation", kernel_dilation_num, spatial));
  HR_TRY(check_list("input_dilation", input_dilation_num, spatial));
  for (int i = 0; i < spatial; i++) {
    attrs.low[i] = entry(padding_lo, padding_lo_num, i, 0), attrs.high[i] = entry(padding_hi, padding_hi_num, i, 0);
    attrs.stride[i] = entry(stride, stride_num, i, 1);
    attrs.kernel_dilation[i] = entry(kernel_dilation, kernel_dilation_num, i, 1);
    attrs.input_dilation[i] = entry(input_dilation, input_dilation_num, i, 1);
  }
  status = convolve(out, "conv_general", input, weight, 0, &attrs, s);
done:
  return status;
}

/* --- their transposes --- */

/* The convolution of the input, spread by `stride`, with the flipped kernel. */
static hr_status transposed(hr_array **out, const char *op, hr_array *input, hr_array *weight, int spatial,
                            const int *stride, const int *padding, const int *dilation, const int *output_padding,
                            int groups, hr_stream *s) {
  hr_conv_attrs attrs = {.groups = groups, .flip = true};
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given(op, input));
  HR_TRY(hr_op_given(op, weight));
  HR_TRY(check_axes(op, input, weight, spatial));
  for (int i = 0; i < spatial; i++) {
    int64_t reach = (int64_t)dilation[i] * (hr_array_shape(weight)[i + 1] - 1);
    attrs.low[i] = reach - padding[i], attrs.high[i] = attrs.low[i] + output_padding[i];
    attrs.stride[i] = 1, attrs.kernel_dilation[i] = dilation[i], attrs.input_dilation[i] = stride[i];
  }
  status = convolve(out, op, input, weight, spatial, &attrs, s);
done:
  return status;
}

hr_status hr_conv_transpose1d(hr_array **out, hr_array *input, hr_array *weight, int stride, int padding, int dilation,
                              int output_padding, int groups, hr_stream *s) {
  return transposed(out, "conv_transpose1d", input, weight, 1, &stride, &padding, &dilation, &output_padding, groups,
                    s);
}

hr_status hr_conv_transpose2d(hr_array **out, hr_array *input, hr_array *weight, int stride_0, int stride_1,
                              int padding_0, int padding_1, int dilation_0, int dilation_1, int output_padding_0,
                              int output_padding_1, int groups, hr_stream *s) {
  return transposed(out, "conv_transpose2d", input, weight, 2, (int[]){stride_0, stride_1},
                    (int[]){padding_0, padding_1}, (int[]){dilation_0, dilation_1},
                    (int[]){output_padding_0, output_padding_1}, groups, s);
}

hr_status hr_conv_transpose3d(hr_array **out, hr_array *input, hr_array *weight, int stride_0, int stride_1,
                              int stride_2, int padding_0, int padding_1, int padding_2, int dilation_0, int dilation_1,
                              int dilation_2, int output_padding_0, int output_padding_1, int output_padding_2,
                              int groups, hr_stream *s) {
  return transposed(out, "conv_transpose3d", input, weight, 3, (int[]){stride_0, stride_1, stride_2},
                    (int[]){padding_0, padding_1, padding_2}, (int[]){dilation_0, dilation_1, dilation_2},
                    (int[]){output_padding_0, output_padding_1, output_padding_2}, groups, s);
}
