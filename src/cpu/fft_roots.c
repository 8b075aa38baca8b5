/* src/cpu/fft_roots.c - see fft_roots.h. */
#include "cpu/fft_roots.h"

#include <math.h>

#include "base/memory.h"

/* The angle is brought into [-pi, pi] while it is a whole number, so that its error is that of one rounding. */
static void wide_root(double out[2], int64_t k, int64_t n, int sign) {
  int64_t near = 2 * k > n ? k - n : k;
  double angle = 2 * M_PI * ((double)near / (double)n);
  out[0] = cos(angle);
  out[1] = sign * sin(angle);
}

hr_c64 hr_fft_root(int64_t k, int64_t n, int sign) {
  double wide[2];
  wide_root(wide, k, n, sign);
  return (hr_c64){(float)wide[0], (float)wide[1]};
}

static hr_status no_memory(hr_fft_roots *roots) {
  hr_fft_roots_deinit(roots);
  return hr_fail(HR_OUT_OF_MEMORY, "no memory for roots of unity");
}

hr_status hr_fft_roots_init(hr_fft_roots *roots, int64_t n, int64_t count, int sign) {
  *roots = (hr_fft_roots){.n = n, .count = count};
  if (count <= HR_FFT_TABLE) {
    roots->table = hr_alloc(sizeof *roots->table * (size_t)count);
    if (!roots->table) return no_memory(roots);
    for (int64_t k = 0; k < count; k++) roots->table[k] = hr_fft_root(k, n, sign);
    return HR_OK;
  }
  while ((int64_t)1 << 2 * roots->shift < count) roots->shift++;
  int64_t fine = (int64_t)1 << roots->shift, coarse = (count - 1) / fine + 1;
  roots->fine = hr_alloc(2 * sizeof(double) * (size_t)fine);
  roots->coarse = hr_alloc(2 * sizeof(double) * (size_t)coarse);
  if (!roots->fine || !roots->coarse) return no_memory(roots);
  for (int64_t k = 0; k < fine; k++) wide_root(roots->fine + 2 * k, k, n, sign);
  for (int64_t k = 0; k < coarse; k++) wide_root(roots->coarse + 2 * k, k * fine, n, sign);
  return HR_OK;
}

void hr_fft_roots_deinit(hr_fft_roots *roots) {
  hr_free(roots->table);
  hr_free(roots->coarse);
  hr_free(roots->fine);
  *roots = (hr_fft_roots){0};
}

int64_t hr_fft_roots_bytes(const hr_fft_roots *roots) {
  if (roots->table) return roots->count * (int64_t)sizeof *roots->table;
  return roots->fine ? 4 * (int64_t)sizeof(double) << roots->shift : 0;
}

const hr_c64 *hr_fft_roots_run(const hr_fft_roots *roots, int64_t first, int64_t step, int64_t count, hr_c64 *room) {
  if (roots->table) {
    if (step == 1) return roots->table + first;
    for (int64_t i = 0; i < count; i++) room[i] = roots->table[first + i * step];
    return room;
  }
  int64_t mask = ((int64_t)1 << roots->shift) - 1;
  for (int64_t i = 0; i < count; i++) {
    int64_t k = first + i * step;
    const double *a = roots->coarse + 2 * (k >> roots->shift), *b = roots->fine + 2 * (k & mask);
    room[i] = (hr_c64){(float)(a[0] * b[0] - a[1] * b[1]), (float)(a[0] * b[1] + a[1] * b[0])};
  }
  return room;
}
