/* Norms, singular values, and the fused functions of mlx.core.fast. */
#include <math.h>
#include <string.h>

#include "bodies.h"

/* --- linalg --- */

PyObject *hr_op_linalg_svd(hr_call *call, PyObject *const *in) {
  mlx_array a;
  bool vectors;
  mlx_vector_array res = {0};
  if (!hr_get_array(call, in[0], "a", &a) || !hr_get_bool(call, in[1], "compute_uv", true, &vectors)) return NULL;
  int failed = mlx_linalg_svd(&res, a, vectors, call->stream);
  PyObject *all = hr_result_list(call->st, failed, res, true);
  if (!all || vectors) return all;
  PyObject *values = Py_NewRef(PyTuple_GET_ITEM(all, PyTuple_GET_SIZE(all) - 1)); /* singular values alone */
  Py_DECREF(all);
  return values;
}

/* No order: of all elements. A text: a norm of matrices. */
PyObject *hr_op_linalg_norm(hr_call *call, PyObject *const *in) {
  mlx_array a, res = {0};
  hr_ints axes;
  bool keepdims;
  const char *text;
  double order;
  int failed;
  if (!hr_get_array(call, in[0], "a", &a) || !hr_get_ints(call, in[2], "axis", &axes) ||
      !hr_get_bool(call, in[3], "keepdims", false, &keepdims))
    return NULL;
  const int *values = axes.none ? NULL : axes.values;
  size_t count = axes.none ? 0 : axes.count;
  if (hr_absent(in[1])) {
    failed = mlx_linalg_norm_l2(&res, a, values, count, keepdims, call->stream);
  } else if (PyUnicode_Check(in[1])) {
    if (!hr_need_text(call, in[1], "ord", &text)) return NULL;
    failed = mlx_linalg_norm_matrix(&res, a, text, values, count, keepdims, call->stream);
  } else {
    if (!hr_need_double(call, in[1], "ord", &order)) return NULL;
    failed = mlx_linalg_norm(&res, a, order, values, count, keepdims, call->stream);
  }
  return hr_result(call->st, failed, res);
}

/* --- fast --- */

PyObject *hr_op_fast_rms_norm(hr_call *call, PyObject *const *in) {
  mlx_array x, weight, res = {0};
  double eps;
  if (!hr_get_array(call, in[0], "x", &x) || !hr_get_optional_array(call, in[1], "weight", &weight) ||
      !hr_need_double(call, in[2], "eps", &eps))
    return NULL;
  return hr_result(call->st, mlx_fast_rms_norm(&res, x, weight, (float)eps, call->stream), res);
}

PyObject *hr_op_fast_layer_norm(hr_call *call, PyObject *const *in) {
  mlx_array x, weight, bias, res = {0};
  double eps;
  if (!hr_get_array(call, in[0], "x", &x) || !hr_get_optional_array(call, in[1], "weight", &weight) ||
      !hr_get_optional_array(call, in[2], "bias", &bias) || !hr_need_double(call, in[3], "eps", &eps))
    return NULL;
  return hr_result(call->st, mlx_fast_layer_norm(&res, x, weight, bias, (float)eps, call->stream), res);
}

/* a, dims, traditional, base, scale, offset (an int or an array), freqs */
PyObject *hr_op_fast_rope(hr_call *call, PyObject *const *in) {
  mlx_array a, offsets, freqs, res = {0};
  int dims, offset, failed;
  bool traditional;
  mlx_optional_float base;
  double scale;
  if (!hr_get_array(call, in[0], "a", &a) || !hr_need_int(call, in[1], "dims", &dims) ||
      !hr_get_bool(call, in[2], "traditional", false, &traditional) ||
      !hr_get_optional_float(call, in[3], "base", &base) || !hr_need_double(call, in[4], "scale", &scale) ||
      !hr_get_optional_array(call, in[6], "freqs", &freqs))
    return NULL;
  if (in[5] && hr_is_array(in[5])) {
    if (!hr_get_array(call, in[5], "offset", &offsets)) return NULL;
    failed = mlx_fast_rope_dynamic(&res, a, dims, traditional, base, (float)scale, offsets, freqs, call->stream);
  } else {
    if (!hr_need_int(call, in[5], "offset", &offset)) return NULL;
    failed = mlx_fast_rope(&res, a, dims, traditional, base, (float)scale, offset, freqs, call->stream);
  }
  return hr_result(call->st, failed, res);
}

/* q, k, v, scale, mask (an array, or the text "causal"), sinks. force_fused asks for what is always so here. */
PyObject *hr_op_fast_scaled_dot_product_attention(hr_call *call, PyObject *const *in) {
  mlx_array q, k, v, mask = {0}, sinks, res = {0};
  double scale;
  const char *mode = "";
  if (!hr_get_array(call, in[0], "q", &q) || !hr_get_array(call, in[1], "k", &k) ||
      !hr_get_array(call, in[2], "v", &v) || !hr_need_double(call, in[3], "scale", &scale) ||
      !hr_get_optional_array(call, in[5], "sinks", &sinks))
    return NULL;
  if (!hr_absent(in[4]) && PyUnicode_Check(in[4])) {
    if (!hr_need_text(call, in[4], "mask", &mode)) return NULL;
    if (strcmp(mode, "causal") != 0)
      return PyErr_Format(PyExc_ValueError, "scaled_dot_product_attention: the mask '%s' is not known", mode);
  } else if (!hr_absent(in[4])) {
    mode = "array";
    if (!hr_get_array(call, in[4], "mask", &mask)) return NULL;
  }
  int failed = mlx_fast_scaled_dot_product_attention(&res, q, k, v, (float)scale, mode, mask, sinks, call->stream);
  return hr_result(call->st, failed, res);
}

/* --- quantised products --- */

/* A global scale for each matrix is something for GPUs. */
PyObject *hr_op_gather_qmm(hr_call *call, PyObject *const *in) {
  mlx_array x, w, scales, biases, lhs, rhs, res = {0};
  mlx_optional_int group_size, bits;
  const char *mode;
  bool transpose, sorted;
  if (!hr_get_array(call, in[0], "x", &x) || !hr_get_array(call, in[1], "w", &w) ||
      !hr_get_array(call, in[2], "scales", &scales) || !hr_get_optional_array(call, in[3], "biases", &biases) ||
      !hr_get_optional_array(call, in[4], "lhs_indices", &lhs) ||
      !hr_get_optional_array(call, in[5], "rhs_indices", &rhs) ||
      !hr_get_bool(call, in[6], "transpose", true, &transpose) ||
      !hr_get_optional_int(call, in[7], "group_size", &group_size) ||
      !hr_get_optional_int(call, in[8], "bits", &bits) || !hr_get_text(call, in[9], "mode", "affine", &mode) ||
      !hr_get_bool(call, in[11], "sorted_indices", false, &sorted))
    return NULL;
  if (!hr_absent(in[10])) return PyErr_SetString(PyExc_ValueError, "gather_qmm: global_scale needs a GPU"), NULL;
  int failed =
      mlx_gather_qmm(&res, x, w, scales, biases, lhs, rhs, transpose, group_size, bits, mode, sorted, call->stream);
  return hr_result(call->st, failed, res);
}
