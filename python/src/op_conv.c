/* Convolutions, whose parameters are one number for all axes or one for each, and einsum. */
#include "bodies.h"

/* One number an axis; a single one, or none, stands for all. */
static bool each_axis(hr_call *call, PyObject *arg, const char *name, int fallback, int count, int out[]) {
  hr_ints given;
  if (!hr_get_ints(call, arg, name, &given)) return false;
  if (!given.none && !given.single && given.count != (size_t)count) {
    PyErr_Format(PyExc_ValueError, "%s: %s has %zu values instead of %d", call->name, name, given.count, count);
    return false;
  }
  for (int i = 0; i < count; i++) out[i] = given.none ? fallback : given.values[given.single ? 0 : i];
  return true;
}

typedef struct conv {
  mlx_array input, weight;
  int stride[3], padding[3], dilation[3], output_padding[3], groups;
} conv;

static bool get_conv(conv *c, hr_call *call, PyObject *const *in, int axes, bool transposed) {
  return hr_get_array(call, in[0], "input", &c->input) && hr_get_array(call, in[1], "weight", &c->weight) &&
         each_axis(call, in[2], "stride", 1, axes, c->stride) &&
         each_axis(call, in[3], "padding", 0, axes, c->padding) &&
         each_axis(call, in[4], "dilation", 1, axes, c->dilation) &&
         (!transposed || each_axis(call, in[5], "output_padding", 0, axes, c->output_padding)) &&
         hr_get_int(call, in[transposed ? 6 : 5], "groups", 1, &c->groups);
}

PyObject *hr_op_conv2d(hr_call *call, PyObject *const *in) {
  conv c;
  mlx_array res = {0};
  if (!get_conv(&c, call, in, 2, false)) return NULL;
  int failed = mlx_conv2d(&res, c.input, c.weight, c.stride[0], c.stride[1], c.padding[0], c.padding[1], c.dilation[0],
                          c.dilation[1], c.groups, call->stream);
  return hr_result(call->st, failed, res);
}

PyObject *hr_op_conv3d(hr_call *call, PyObject *const *in) {
  conv c;
  mlx_array res = {0};
  if (!get_conv(&c, call, in, 3, false)) return NULL;
  int failed = mlx_conv3d(&res, c.input, c.weight, c.stride[0], c.stride[1], c.stride[2], c.padding[0], c.padding[1],
                          c.padding[2], c.dilation[0], c.dilation[1], c.dilation[2], c.groups, call->stream);
  return hr_result(call->st, failed, res);
}

PyObject *hr_op_conv_transpose2d(hr_call *call, PyObject *const *in) {
  conv c;
  mlx_array res = {0};
  if (!get_conv(&c, call, in, 2, true)) return NULL;
  int failed =
      mlx_conv_transpose2d(&res, c.input, c.weight, c.stride[0], c.stride[1], c.padding[0], c.padding[1], c.dilation[0],
                           c.dilation[1], c.output_padding[0], c.output_padding[1], c.groups, call->stream);
  return hr_result(call->st, failed, res);
}

PyObject *hr_op_conv_transpose3d(hr_call *call, PyObject *const *in) {
  conv c;
  mlx_array res = {0};
  if (!get_conv(&c, call, in, 3, true)) return NULL;
  int failed =
      mlx_conv_transpose3d(&res, c.input, c.weight, c.stride[0], c.stride[1], c.stride[2], c.padding[0], c.padding[1],
                           c.padding[2], c.dilation[0], c.dilation[1], c.dilation[2], c.output_padding[0],
                           c.output_padding[1], c.output_padding[2], c.groups, call->stream);
  return hr_result(call->st, failed, res);
}

/* padding: one number, one an axis, or a pair of lists for both sides. */
static bool get_paddings(hr_call *call, PyObject *arg, int axes, int *low, int *high) {
  bool pair = arg && (PyTuple_Check(arg) || PyList_Check(arg)) && PySequence_Fast_GET_SIZE(arg) == 2 &&
              !PyLong_Check(PySequence_Fast_GET_ITEM(arg, 0));
  if (pair)
    return each_axis(call, PySequence_Fast_GET_ITEM(arg, 0), "padding", 0, axes, low) &&
           each_axis(call, PySequence_Fast_GET_ITEM(arg, 1), "padding", 0, axes, high);
  if (!each_axis(call, arg, "padding", 0, axes, low)) return false;
  for (int i = 0; i < axes; i++) high[i] = low[i];
  return true;
}

PyObject *hr_op_conv_general(hr_call *call, PyObject *const *in) {
  mlx_array input, weight, res = {0};
  int stride[HR_MAX_AXES], low[HR_MAX_AXES], high[HR_MAX_AXES], kernel[HR_MAX_AXES], dilation[HR_MAX_AXES], groups;
  bool flip;
  if (!hr_get_array(call, in[0], "input", &input) || !hr_get_array(call, in[1], "weight", &weight)) return NULL;
  int axes = (int)mlx_array_ndim(input) - 2;
  if (axes < 1) return PyErr_SetString(PyExc_ValueError, "conv_general: the input needs at least 3 axes"), NULL;
  if (!each_axis(call, in[2], "stride", 1, axes, stride) || !get_paddings(call, in[3], axes, low, high) ||
      !each_axis(call, in[4], "kernel_dilation", 1, axes, kernel) ||
      !each_axis(call, in[5], "input_dilation", 1, axes, dilation) || !hr_get_int(call, in[6], "groups", 1, &groups) ||
      !hr_get_bool(call, in[7], "flip", false, &flip))
    return NULL;
  size_t n = (size_t)axes;
  int failed = mlx_conv_general(&res, input, weight, stride, n, low, n, high, n, kernel, n, dilation, n, groups, flip,
                                call->stream);
  return hr_result(call->st, failed, res);
}

PyObject *hr_op_einsum(hr_call *call, PyObject *const *in) {
  const char *subscripts;
  mlx_vector_array operands;
  mlx_array res = {0};
  if (!hr_need_text(call, in[0], "subscripts", &subscripts)) return NULL;
  bool good = hr_get_arrays(call, in[1], "operands", &operands);
  int failed = good && mlx_einsum(&res, subscripts, operands, call->stream);
  mlx_vector_array_free(operands);
  return good ? hr_result(call->st, failed, res) : NULL;
}
