/* src/ops/fft.h - discrete Fourier transforms (DFT), and the frequencies of their values.
 *
 * X[k] = sum over j of x[j] e^(-2 pi i j k / n); inverse transforms have the other sign, and 1 / n by default (norm).
 * D1  Lengths `n` cut an axis, or fill it up with zeros. They are at least 1. Any length takes O(n log n).
 * D2  All is computed in float32, as in MLX: results are complex64, those of irfft and its kin float32. Other dtypes
 *     are cast first; real transforms drop imaginary parts.
 * D3  With several axes the last one of the list is the halved one of real transforms. None at all: the array itself.
 * D4  The greatest error is below 4 units of 2^-24 of the greatest value, as a rule, for lengths without primes above
 *     31, and 16 for others. Results do not depend on the number of workers; their last bits do on how many
 *     rows there are, for from 4 on they are computed side by side.
 * Any thread; the caller owns one reference to each result. */
#ifndef HR_OPS_FFT_H
#define HR_OPS_FFT_H

#include "graph/op.h"

/* Values as of mlx_fft_norm. */
typedef enum hr_fft_norm { HR_FFT_BACKWARD, HR_FFT_ORTHO, HR_FFT_FORWARD } hr_fft_norm;

/* What a transform along one axis reads and writes: complex or real to complex; real to the first n / 2 + 1 values;
 * these to real. */
typedef enum hr_fft_form { HR_FFT_COMPLEX, HR_FFT_REAL, HR_FFT_HALF } hr_fft_form;

typedef struct hr_fft_attrs {
  int axis, n;
  int form;      /* hr_fft_form */
  int sign;      /* of the exponent */
  double factor; /* of the result */
} hr_fft_attrs;

extern const hr_op hr_op_fft;

hr_status hr_fft_fft(hr_array **out, hr_array *a, int n, int axis, hr_fft_norm norm, hr_stream *s) HR_MUST_USE;
hr_status hr_fft_ifft(hr_array **out, hr_array *a, int n, int axis, hr_fft_norm norm, hr_stream *s) HR_MUST_USE;
hr_status hr_fft_rfft(hr_array **out, hr_array *a, int n, int axis, hr_fft_norm norm, hr_stream *s) HR_MUST_USE;
hr_status hr_fft_irfft(hr_array **out, hr_array *a, int n, int axis, hr_fft_norm norm, hr_stream *s) HR_MUST_USE;

/* One length an axis. Without axes: the last n_num ones. The names with a 2 take any number of axes too. */
hr_status hr_fft_fftn(hr_array **out, hr_array *a, const int *n, size_t n_num, const int *axes, size_t axes_num,
                      hr_fft_norm norm, hr_stream *s) HR_MUST_USE;
hr_status hr_fft_ifftn(hr_array **out, hr_array *a, const int *n, size_t n_num, const int *axes, size_t axes_num,
                       hr_fft_norm norm, hr_stream *s) HR_MUST_USE;
hr_status hr_fft_rfftn(hr_array **out, hr_array *a, const int *n, size_t n_num, const int *axes, size_t axes_num,
                       hr_fft_norm norm, hr_stream *s) HR_MUST_USE;
hr_status hr_fft_irfftn(hr_array **out, hr_array *a, const int *n, size_t n_num, const int *axes, size_t axes_num,
                        hr_fft_norm norm, hr_stream *s) HR_MUST_USE;
hr_status hr_fft_fft2(hr_array **out, hr_array *a, const int *n, size_t n_num, const int *axes, size_t axes_num,
                      hr_fft_norm norm, hr_stream *s) HR_MUST_USE;
hr_status hr_fft_ifft2(hr_array **out, hr_array *a, const int *n, size_t n_num, const int *axes, size_t axes_num,
                       hr_fft_norm norm, hr_stream *s) HR_MUST_USE;
hr_status hr_fft_rfft2(hr_array **out, hr_array *a, const int *n, size_t n_num, const int *axes, size_t axes_num,
                       hr_fft_norm norm, hr_stream *s) HR_MUST_USE;
hr_status hr_fft_irfft2(hr_array **out, hr_array *a, const int *n, size_t n_num, const int *axes, size_t axes_num,
                        hr_fft_norm norm, hr_stream *s) HR_MUST_USE;

/* float32; n > 0 values 0, 1, ..., -1 by n d, d not 0; of rfftfreq 0 to n / 2 by n d. */
hr_status hr_fft_fftfreq(hr_array **out, int n, double d, hr_stream *s) HR_MUST_USE;
hr_status hr_fft_rfftfreq(hr_array **out, int n, double d, hr_stream *s) HR_MUST_USE;
/* Rolls each axis of the list by half its length; the second undoes the first. */
hr_status hr_fft_fftshift(hr_array **out, hr_array *a, const int *axes, size_t axes_num, hr_stream *s) HR_MUST_USE;
hr_status hr_fft_ifftshift(hr_array **out, hr_array *a, const int *axes, size_t axes_num, hr_stream *s) HR_MUST_USE;

#endif
