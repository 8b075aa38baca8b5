/* src/cpu/kernels/fft.h - many transforms side by side, and the passes around those of KISS FFT (cpu/fft_plan.h), for
 * one instruction set. Results of two instruction sets may differ in the last place: the newer ones fuse. */
#ifndef HR_CPU_KERNELS_FFT_H
#define HR_CPU_KERNELS_FFT_H

#include <stdint.h>

/* complex64, as KISS FFT has it. */
typedef struct hr_c64 {
  float re, im;
} hr_c64;

enum { HR_FFT_LARGEST_PRIME = 31, HR_FFT_LANES = 16, HR_FFT_STEPS = 12 };

/* How a length of 2, 3, 4, 5 and 8 is taken apart. Twiddles of each step in turn, of length r m: r - 1 powers p, 2p,
 * ... of its root for each p < m. */
typedef struct hr_fft_steps {
  int64_t n;
  int count, sign;
  uint8_t radix[HR_FFT_STEPS];
  hr_c64 *twiddles;
} hr_fft_steps;

/* Rows in memory: bytes from one value to the next, and from row to row. */
typedef struct hr_fft_rows {
  char *data;
  int64_t value_step, row_step;
} hr_fft_rows;

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
  /* Up to HR_FFT_LANES rows at once: out may be in. scratch: 4 n HR_FFT_LANES floats, aligned to 64 bytes. */
  void (*side_by_side)(const hr_fft_rows *out, const hr_fft_rows *in, int64_t rows, const hr_fft_steps *steps,
                       float *scratch);
  /* One row of HR_FFT_LANES m values, m a multiple of HR_FFT_LANES and `steps` those of m: a first step of radix
   * HR_FFT_LANES, whose results run side by side. For HR_FFT_LANES groups p at a time `twiddles` has the real parts,
   * then the imaginary parts, of the powers p k of the row's root, for each 0 < k < HR_FFT_LANES. out may be in.
   * scratch: 4 n floats. */
  void (*along)(hr_c64 *out, const hr_c64 *in, const hr_fft_steps *steps, const float *twiddles, float *scratch);
  /* Between h values and h + 1: pairs k and h - k of x from k = first > 0 on, roots are powers first, first + 1, ...
   * Answer how many of `count` are done, as far as vectors do not meet in the middle. */
  int64_t (*to_half)(hr_c64 *x, int64_t h, const hr_c64 *roots, int64_t first, int64_t count, float factor);
  int64_t (*from_half)(hr_c64 *x, int64_t h, const hr_c64 *roots, int64_t first, int64_t count, float factor);
} hr_fft_kernels;

#endif
