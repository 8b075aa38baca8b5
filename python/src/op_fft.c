/* Fourier transforms: lengths and axes that are not given come from the array. */
#include <string.h>

#include "bodies.h"

typedef int (*one_fn)(mlx_array *, mlx_array, int, int, mlx_fft_norm, mlx_stream);
typedef int (*many_fn)(mlx_array *, mlx_array, const int *, size_t, const int *, size_t, mlx_fft_norm, mlx_stream);

static bool get_norm(hr_call *call, PyObject *arg, mlx_fft_norm *out) {
  const char *text;
  *out = MLX_FFT_NORM_BACKWARD;
  if (!hr_get_text(call, arg, "norm", "backward", &text)) return false;
  if (strcmp(text, "ortho") == 0)
    *out = MLX_FFT_NORM_ORTHO;
  else if (strcmp(text, "forward") == 0)
    *out = MLX_FFT_NORM_FORWARD;
  else if (strcmp(text, "backward") != 0)
    return PyErr_Format(PyExc_ValueError, "%s: norm must be 'backward', 'ortho' or 'forward', not '%s'", call->name,
                        text),
           false;
  return true;
}

static bool length_of(hr_call *call, mlx_array a, int axis, int *out) {
  int ndim = (int)mlx_array_ndim(a);
  if (axis < -ndim || axis >= ndim) {
    PyErr_Format(call->st->range_error, "%s: axis %d is out of range for an array of %d axes", call->name, axis, ndim);
    return false;
  }
  *out = mlx_array_shape(a)[axis < 0 ? axis + ndim : axis];
  return true;
}

/* `inverse_real`: the array holds the first half of a spectrum that is symmetric. */
static PyObject *one(hr_call *call, PyObject *const *in, one_fn op, bool inverse_real) {
  mlx_array a, res = {0};
  int axis, length, n;
  mlx_fft_norm norm;
  if (!hr_get_array(call, in[0], "a", &a) || !hr_get_int(call, in[2], "axis", -1, &axis) ||
      !get_norm(call, in[3], &norm) || !length_of(call, a, axis, &length) ||
      !hr_get_int(call, in[1], "n", inverse_real ? 2 * (length - 1) : length, &n))
    return NULL;
  return hr_result(call->st, op(&res, a, n, axis, norm, call->stream), res);
}

/* The last two axes, or without `two` all, or as many of the last as there are lengths. */
static void default_axes(hr_ints *axes, mlx_array a, const hr_ints *lengths, bool two) {
  size_t ndim = mlx_array_ndim(a), count = two ? 2 : lengths->none ? ndim : lengths->count;
  axes->count = count > HR_MAX_AXES ? HR_MAX_AXES : count;
  for (size_t i = 0; i < axes->count; i++) axes->values[i] = (int)i - (int)axes->count;
}

static PyObject *many(hr_call *call, PyObject *const *in, many_fn op, bool inverse_real, bool two) {
  mlx_array a, res = {0};
  hr_ints lengths, axes;
  mlx_fft_norm norm;
  if (!hr_get_array(call, in[0], "a", &a) || !hr_get_ints(call, in[1], "s", &lengths) ||
      !hr_get_ints(call, in[2], "axes", &axes) || !get_norm(call, in[3], &norm))
    return NULL;
  if (axes.none) default_axes(&axes, a, &lengths, two && !in[2]);
  if (lengths.none) {
    lengths.count = axes.count > HR_MAX_AXES ? HR_MAX_AXES : axes.count;
    for (size_t i = 0; i < lengths.count; i++) {
      if (!length_of(call, a, axes.values[i], &lengths.values[i])) return NULL;
      if (inverse_real && i + 1 == lengths.count) lengths.values[i] = 2 * (lengths.values[i] - 1);
    }
  }
  int failed = op(&res, a, lengths.values, lengths.count, axes.values, axes.count, norm, call->stream);
  return hr_result(call->st, failed, res);
}

PyObject *hr_op_fft_fft(hr_call *call, PyObject *const *in) { return one(call, in, mlx_fft_fft, false); }
PyObject *hr_op_fft_ifft(hr_call *call, PyObject *const *in) { return one(call, in, mlx_fft_ifft, false); }
PyObject *hr_op_fft_rfft(hr_call *call, PyObject *const *in) { return one(call, in, mlx_fft_rfft, false); }
PyObject *hr_op_fft_irfft(hr_call *call, PyObject *const *in) { return one(call, in, mlx_fft_irfft, true); }
PyObject *hr_op_fft_fft2(hr_call *call, PyObject *const *in) { return many(call, in, mlx_fft_fft2, false, true); }
PyObject *hr_op_fft_ifft2(hr_call *call, PyObject *const *in) { return many(call, in, mlx_fft_ifft2, false, true); }
PyObject *hr_op_fft_rfft2(hr_call *call, PyObject *const *in) { return many(call, in, mlx_fft_rfft2, false, true); }
PyObject *hr_op_fft_irfft2(hr_call *call, PyObject *const *in) { return many(call, in, mlx_fft_irfft2, true, true); }
PyObject *hr_op_fft_fftn(hr_call *call, PyObject *const *in) { return many(call, in, mlx_fft_fftn, false, false); }
PyObject *hr_op_fft_ifftn(hr_call *call, PyObject *const *in) { return many(call, in, mlx_fft_ifftn, false, false); }
PyObject *hr_op_fft_rfftn(hr_call *call, PyObject *const *in) { return many(call, in, mlx_fft_rfftn, false, false); }
PyObject *hr_op_fft_irfftn(hr_call *call, PyObject *const *in) { return many(call, in, mlx_fft_irfftn, true, false); }

typedef int (*shift_fn)(mlx_array *, mlx_array, const int *, size_t, mlx_stream);

static PyObject *shift(hr_call *call, PyObject *const *in, shift_fn op) {
  mlx_array a, res = {0};
  hr_ints axes, none = {.none = true};
  if (!hr_get_array(call, in[0], "a", &a) || !hr_get_ints(call, in[1], "axes", &axes)) return NULL;
  if (axes.none) default_axes(&axes, a, &none, false);
  return hr_result(call->st, op(&res, a, axes.values, axes.count, call->stream), res);
}

PyObject *hr_op_fft_fftshift(hr_call *call, PyObject *const *in) { return shift(call, in, mlx_fft_fftshift); }
PyObject *hr_op_fft_ifftshift(hr_call *call, PyObject *const *in) { return shift(call, in, mlx_fft_ifftshift); }
