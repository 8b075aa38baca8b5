/* bench/dnnl_direct.h - oneDNN called without Headrace, on two OpenMP threads. */
#ifndef HR_BENCH_DNNL_DIRECT_H
#define HR_BENCH_DNNL_DIRECT_H

#include <stdbool.h>

/* The library, set to two threads; NULL if it is not on this machine. */
void *bench_dnnl_library(void);

/* Seconds of out = a b, square row-major float32 matrices of n rows; the mean of `rounds` after one to warm up. 0 if
 * the library is not on this machine. */
double bench_dnnl_seconds(float *out, const float *a, const float *b, int n, int rounds);

/* A convolution of images (n, height, width, channels) by weights (outputs, kernel_h, kernel_w, channels / groups). */
typedef struct bench_conv {
  int n, height, width, channels, outputs, kernel_h, kernel_w, stride, padding, groups;
  bool transposed;
} bench_conv;

/* Outputs along an axis. */
int bench_conv_length(const bench_conv *c, int length, int kernel);

/* Seconds of a convolution by oneDNN's direct kernels, with weights in the layout that they like best, made before;
 * the mean of `rounds`. 0 without the library, its headers, or version 2 of them. */
double bench_dnnl_conv_seconds(float *out, const float *in, const float *weight, const bench_conv *c, int rounds);

#endif
