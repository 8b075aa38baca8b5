/* src/cpu/kernels/fft.h - the passes around the transforms of KISS FFT (cpu/fft_plan.h), for one instruction set.
 * Results of two instruction sets may differ in the last place: the newer ones fuse. */
#ifndef HR_CPU_KERNELS_FFT_H
#define HR_CPU_KERNELS_FFT_H

#include <stdint.h>

/* complex64, as KISS FFT has it. */
typedef struct hr_c64 {
  float re, im;
} hr_c64;

enum { HR_FFT_LARGEST_PRIME = 31 };

typedef struct hr_fft_kernels {
  /* out = a b, n products; out may be a. */
  void (*multiply)(hr_c64 *out, const hr_c64 *a, const hr_c64 *b, int64_t n);
  /* out = conj(a) b; out may be a. */
  void (*multiply_conj)(hr_c64 *out, const hr_c64 *a, const hr_c64 *b, int64_t n);
  void (*scale)(float *x, float factor, int64_t n);
  /* The last step of a transform of length p m: in[r m + i] is element i of the transform of every p-th value from r
   * on. out[q m + i] = sum over r of root^(q r) twiddles[r m + i] in[r m + i]; roots has the p powers of root. p is
   * odd, at most HR_FFT_LARGEST_PRIME. */
  void (*odd)(hr_c64 *out, const hr_c64 *in, const hr_c64 *twiddles, const hr_c64 *roots, int p, int64_t m);
} hr_fft_kernels;

#endif
