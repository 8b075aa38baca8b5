/* src/cpu/fft_plan.h - complex transforms of one length, out of KISS FFT's for lengths of the primes 2, 3 and 5.
 *
 *   kiss       2^a 3^b 5^c: one call of the library for a row alone. Rows that are neighbours go HR_FFT_LANES side by
 *              side, a lane of a vector each, up to HR_FFT_SIDE_LONGEST. Rows of a multiple of 256 values, alone or
 *              many, do not go to the library: values of their own run side by side (kernels/fft.h). Rows of 1024:
 *              twice as fast as side by side, since what 16 of them need is more than the first cache
 *   odd        p m with a prime 7 <= p <= 31: p transforms of every p-th value, and a step of its own (kernels/fft.h);
 *              KISS FFT has one too, which takes memory in each call and cannot report that there is none
 *   chirp      any other length: a convolution of 2^a 3^b 5^c >= 2n - 1 values (Bluestein 1970, "A linear filtering
 *              approach to the computation of discrete Fourier transform")
 *   square     n1 n2 > HR_FFT_SHORT, n1 near n2: transforms of columns, then of rows (Bailey 1990, "FFTs in external or
 *              hierarchical memory"), each a range of a parallel loop
 *
 * F1  A plan is made once and then read only; any thread. Plans that were used lately are kept.
 * F2  Short plans run on the calling thread, with memory of the caller's. Long ones (`is_long`) cut their work for idle
 *     workers, so they must not run inside a parallel loop.
 * F3  Nothing is scaled. Errors: D4 of ops/fft.h. */
#ifndef HR_CPU_FFT_PLAN_H
#define HR_CPU_FFT_PLAN_H

#include <stdbool.h>

#include "base/atomic.h"
#include "cpu/fft_roots.h"

enum { HR_FFT_SHORT = 1 << 15, HR_FFT_SIDE_LONGEST = 4096, HR_FFT_SIDE_LEAST = 4 };

typedef enum hr_fft_kind { HR_FFT_COPY, HR_FFT_KISS, HR_FFT_ODD, HR_FFT_CHIRP, HR_FFT_SQUARE } hr_fft_kind;

typedef struct hr_fft_plan {
  _Atomic(uint32_t) refs;
  hr_fft_kind kind;
  bool is_long;
  int sign; /* of the exponent: -1 forward, 1 inverse */
  int64_t n;
  int64_t scratch; /* values that hr_fft_run() needs besides */
  int64_t bytes;   /* of memory, without that of sub-plans */
  int64_t ns;      /* estimated time on one core */
  void *kiss;
  struct hr_fft_plan *sub;  /* odd: of n / p; chirp: of `padded`, forward; square: of columns, n1 */
  struct hr_fft_plan *rows; /* square: of rows, n2 */
  int p;
  hr_c64 *twiddles;    /* odd: n of them, then p powers of the root of p; chirp: n values of the chirp */
  hr_c64 *filter;      /* chirp: the conjugate transform of the conjugate chirp, over `padded` */
  int64_t padded;      /* chirp */
  hr_fft_roots powers; /* square: of n */
  hr_fft_steps steps;  /* kiss: count is 0 where rows do not run side by side */
  hr_fft_steps along;  /* kiss: of n / HR_FFT_LANES; count is 0 where the library takes rows alone */
  float *along_twiddles;
} hr_fft_plan;

/* n > 0. The caller owns one reference. */
hr_status hr_fft_plan_get(hr_fft_plan **out, int64_t n, int sign) HR_MUST_USE;
void hr_fft_plan_release(hr_fft_plan *plan); /* NULL is fine */

/* Short plans: n values `stride` apart to n contiguous ones; out and scratch overlap nothing. */
void hr_fft_run(const hr_fft_plan *plan, const hr_c64 *in, int64_t stride, hr_c64 *out, hr_c64 *scratch);

/* Whether rows of the plan run side by side, of which `rows` are neighbours. */
static inline bool hr_fft_runs_aside(const hr_fft_plan *plan, int64_t rows) {
  return plan->steps.count && rows >= HR_FFT_SIDE_LEAST;
}
/* Values of scratch for either way. */
static inline int64_t hr_fft_scratch(const hr_fft_plan *plan) {
  return plan->steps.count ? 2 * plan->n * HR_FFT_LANES : plan->scratch;
}
/* Any number of them; out may be in, value for value. */
void hr_fft_run_aside(const hr_fft_plan *plan, const hr_fft_rows *in, const hr_fft_rows *out, int64_t rows,
                      hr_c64 *scratch);

/* Any plan, contiguous; out may be in. Takes memory. */
hr_status hr_fft_run_long(const hr_fft_plan *plan, const hr_c64 *in, hr_c64 *out) HR_MUST_USE;

const hr_fft_kernels *hr_fft_kernels_get(void);

#endif
