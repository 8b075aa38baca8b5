/* bench/dnnl_direct.h - oneDNN called without Headrace, on two OpenMP threads. */
#ifndef HR_BENCH_DNNL_DIRECT_H
#define HR_BENCH_DNNL_DIRECT_H

#include <stdbool.h>

#include "mlx/c/mlx.h"

/* The library, set to two threads; NULL if it is not on this machine. */
void *bench_dnnl_library(void);

/* To be called after loops of OpenMP: their threads spin for up to 15 ms before they sleep, on cores that what is
 * measured next should have. */
void bench_dnnl_rest(void);

/* Seconds of out = a b, square row-major float32 matrices of n rows; the mean of `rounds` after one to warm up. 0 if
 * the library is not on this machine. */
double bench_dnnl_seconds(float *out, const float *a, const float *b, int n, int rounds);

/* A convolution of images (n, size..., channels) by weights (outputs, kernel..., channels / groups) of float32 or
 * bfloat16; the first `axes` entries of size and kernel count. */
typedef struct bench_conv {
  int n, axes, size[3], channels, outputs, kernel[3], stride, padding, groups;
  bool transposed, half;
} bench_conv;

/* Outputs along an axis. */
int bench_conv_length(const bench_conv *c, int axis);

/* Seconds of a convolution, the mean of `rounds`, with weights in the layout that oneDNN likes best, made before. */
typedef struct bench_dnnl_conv {
  double given;     /* images and result with channels last, as Headrace has them */
  double own;       /* in layouts of oneDNN's choice, made before; 0 where those are channels last */
  double reordered; /* the same with the time of making them from channels last, and back */
} bench_dnnl_conv;

/* By oneDNN's direct kernels; `out` gets the result, channels last. False without the library, its headers, or version
 * 2 of them. */
bool bench_dnnl_conv_time(bench_dnnl_conv *seconds, void *out, const void *in, const void *weight, const bench_conv *c,
                          int rounds);

/* A product of matrices (batch, m, k) and (batch, k, n), row-major, or where turned column-major. */
typedef struct bench_product {
  mlx_dtype dtype; /* float32, bfloat16 or float16 */
  int batch, m, n, k;
  bool a_turned, b_turned;
  const void *a, *b;
  void *out;
} bench_product;

enum { BENCH_PRODUCT_NS = 40000000 }; /* how long a product is repeated for a sample */

/* Seconds of a product by oneDNN, the better of its primitive and dnnl_sgemm(); the mean of BENCH_PRODUCT_NS. 0 without
 * the library, its headers, version 2 of them, or the dtype. */
double bench_dnnl_product_seconds(const bench_product *p);

#endif
