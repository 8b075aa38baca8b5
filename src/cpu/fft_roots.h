/* src/cpu/fft_roots.h - powers of a root of unity, e^(sign 2 pi i k / n), rounded once to float32.
 * Up to HR_FFT_TABLE of them are a table; more are products, in double, of two entries of tables as long as the root
 * of n, within 2^-51 before they are rounded. Read-only once made; any thread. */
#ifndef HR_CPU_FFT_ROOTS_H
#define HR_CPU_FFT_ROOTS_H

#include "base/error.h"
#include "cpu/kernels/fft.h"

enum { HR_FFT_TABLE = 1 << 16, HR_FFT_RUN = 256 };

typedef struct hr_fft_roots {
  int64_t n, count;      /* count powers are there: k < count <= n */
  hr_c64 *table;         /* count of them, or NULL */
  double *coarse, *fine; /* pairs: k = (k >> shift << shift) + the rest */
  int shift;
} hr_fft_roots;

/* sign is 1 or -1. */
hr_status hr_fft_roots_init(hr_fft_roots *roots, int64_t n, int64_t count, int sign) HR_MUST_USE;
void hr_fft_roots_deinit(hr_fft_roots *roots); /* zeroed ones are fine */
int64_t hr_fft_roots_bytes(const hr_fft_roots *roots);

/* Powers first, first + step, ..., `count` <= HR_FFT_RUN of them, all below the number of powers: in the table, or
 * written to `room`. */
const hr_c64 *hr_fft_roots_run(const hr_fft_roots *roots, int64_t first, int64_t step, int64_t count, hr_c64 *room);

/* e^(sign 2 pi i k / n) for 0 <= k < n. */
hr_c64 hr_fft_root(int64_t k, int64_t n, int sign);

#endif
