/* src/cpu/kernels/fft_tmpl.c - see fft.h. */
#include "cpu/kernels/fft.h"

#include "cpu/kernels/elem.h"

enum { LANES = 32, HALF_PRIME = HR_FFT_LARGEST_PRIME / 2 };

static void multiply(hr_c64 *out, const hr_c64 *a, const hr_c64 *b, int64_t n) {
  HR_VECTOR_LOOP for (int64_t i = 0; i < n; i++) {
    float re = hr_fmaf(a[i].re, b[i].re, -(a[i].im * b[i].im));
    float im = hr_fmaf(a[i].re, b[i].im, a[i].im * b[i].re);
    out[i] = (hr_c64){re, im};
  }
}

static void multiply_conj(hr_c64 *out, const hr_c64 *a, const hr_c64 *b, int64_t n) {
  HR_VECTOR_LOOP for (int64_t i = 0; i < n; i++) {
    float re = hr_fmaf(a[i].re, b[i].re, a[i].im * b[i].im);
    float im = hr_fmaf(a[i].re, b[i].im, -(a[i].im * b[i].re));
    out[i] = (hr_c64){re, im};
  }
}

static void scale(float *x, float factor, int64_t n) {
  for (int64_t i = 0; i < n; i++) x[i] *= factor;
}

typedef struct lanes {
  float re[LANES], im[LANES];
} lanes;

/* count <= LANES places from i on, times their twiddles. The others are zero. */
HR_INLINE void load(lanes *t, const hr_c64 *in, const hr_c64 *twiddles, int64_t count) {
  lanes x = {{0}, {0}}, w = {{0}, {0}};
  for (int64_t k = 0; k < count; k++) x.re[k] = in[k].re, x.im[k] = in[k].im;
  for (int64_t k = 0; k < count; k++) w.re[k] = twiddles[k].re, w.im[k] = twiddles[k].im;
  for (int k = 0; k < LANES; k++) {
    t->re[k] = hr_fmaf(x.re[k], w.re[k], -(x.im[k] * w.im[k]));
    t->im[k] = hr_fmaf(x.re[k], w.im[k], x.im[k] * w.re[k]);
  }
}

HR_INLINE void add(lanes *sum, const lanes *x, float factor) {
  for (int k = 0; k < LANES; k++) sum->re[k] = hr_fmaf(factor, x->re[k], sum->re[k]);
  for (int k = 0; k < LANES; k++) sum->im[k] = hr_fmaf(factor, x->im[k], sum->im[k]);
}

/* x + i y to one place and x - i y to the other. */
HR_INLINE void store_pair(hr_c64 *plus, hr_c64 *minus, const lanes *x, const lanes *y, int64_t count) {
  for (int64_t k = 0; k < count; k++) plus[k] = (hr_c64){x->re[k] - y->im[k], x->im[k] + y->re[k]};
  for (int64_t k = 0; k < count; k++) minus[k] = (hr_c64){x->re[k] + y->im[k], x->im[k] - y->re[k]};
}

/* With s = t_r + t_(p-r) and d = t_r - t_(p-r), results q and p - q are t_0 + sum of s cos +- i sum of d sin. */
static void odd(hr_c64 *out, const hr_c64 *in, const hr_c64 *twiddles, const hr_c64 *roots, int p, int64_t m) {
  lanes sums[HALF_PRIME], differences[HALF_PRIME], first;
  int half = p / 2;
  for (int64_t i = 0; i < m; i += LANES) {
    int64_t count = m - i < LANES ? m - i : LANES;
    load(&first, in + i, twiddles + i, count);
    lanes total = first;
    for (int r = 1; r <= half; r++) {
      lanes low, high, *s = sums + r - 1, *d = differences + r - 1;
      load(&low, in + r * m + i, twiddles + r * m + i, count);
      load(&high, in + (p - r) * m + i, twiddles + (p - r) * m + i, count);
      for (int k = 0; k < LANES; k++) s->re[k] = low.re[k] + high.re[k], s->im[k] = low.im[k] + high.im[k];
      for (int k = 0; k < LANES; k++) d->re[k] = low.re[k] - high.re[k], d->im[k] = low.im[k] - high.im[k];
      add(&total, s, 1);
    }
    for (int64_t k = 0; k < count; k++) out[i + k] = (hr_c64){total.re[k], total.im[k]};
    for (int q = 1; q <= half; q++) {
      lanes x = first, y = {{0}, {0}};
      for (int r = 1; r <= half; r++) {
        add(&x, sums + r - 1, roots[q * r % p].re);
        add(&y, differences + r - 1, roots[q * r % p].im);
      }
      store_pair(out + q * m + i, out + (p - q) * m + i, &x, &y, count);
    }
  }
}

const hr_fft_kernels HR_NAME(hr_fft) = {
    .multiply = multiply, .multiply_conj = multiply_conj, .scale = scale, .odd = odd};
