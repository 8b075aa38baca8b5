/* bench/dnnl_direct.h - oneDNN called without Headrace, on two OpenMP threads. */
#ifndef HR_BENCH_DNNL_DIRECT_H
#define HR_BENCH_DNNL_DIRECT_H

/* Seconds of out = a b, square row-major float32 matrices of n rows; the mean of `rounds` after one to warm up. 0 if
 * the library is not on this machine. */
double bench_dnnl_seconds(float *out, const float *a, const float *b, int n, int rounds);

#endif
