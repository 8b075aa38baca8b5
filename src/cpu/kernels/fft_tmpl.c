/* src/cpu/kernels/fft_tmpl.c - see fft.h. */
#include "cpu/kernels/fft.h"

#include <stdbool.h>

#include "cpu/kernels/elem.h"

#if HR_ISA_LEVEL >= 1
#include <immintrin.h>
#endif

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

/* --- side by side: value i of lane k is at [2 i SIDE + k], its imaginary part SIDE floats on --- */

#define VEC_LOG (2 + HR_ISA_LEVEL)
enum { SIDE = HR_FFT_LANES, VALUE = 2 * SIDE, VEC = 1 << VEC_LOG, VEC_BYTES = 4 * VEC };

typedef float vec __attribute__((vector_size(VEC_BYTES)));

typedef struct cvec {
  vec re, im;
} cvec;

HR_INLINE cvec get(const float *x) {
  cvec v;
  memcpy(&v.re, x, sizeof v.re);
  memcpy(&v.im, x + SIDE, sizeof v.im);
  return v;
}
HR_INLINE void put(float *x, cvec v) {
  memcpy(x, &v.re, sizeof v.re);
  memcpy(x + SIDE, &v.im, sizeof v.im);
}
HR_INLINE cvec plus(cvec a, cvec b) { return (cvec){a.re + b.re, a.im + b.im}; }
HR_INLINE cvec minus(cvec a, cvec b) { return (cvec){a.re - b.re, a.im - b.im}; }
HR_INLINE cvec times(cvec a, float f) { return (cvec){a.re * f, a.im * f}; }
HR_INLINE cvec turned(cvec a, float f) { return (cvec){a.im * -f, a.re * f}; } /* by i f */

/* a b + c and c - a b, rounded once where the instruction set can. */
HR_INLINE vec fma_of(vec a, vec b, vec c) {
#if HR_ISA_LEVEL == 2
  return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif HR_ISA_LEVEL == 1
  return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
  return a * b + c;
#endif
}
HR_INLINE vec fnma_of(vec a, vec b, vec c) {
#if HR_ISA_LEVEL == 2
  return (vec)_mm512_fnmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif HR_ISA_LEVEL == 1
  return (vec)_mm256_fnmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
  return c - a * b;
#endif
}
HR_INLINE vec all_of(float x) { return x - (vec){0}; }
HR_INLINE cvec product(cvec a, cvec w) {
  return (cvec){fnma_of(a.im, w.im, a.re * w.re), fma_of(a.im, w.re, a.re * w.im)};
}
HR_INLINE cvec twisted(cvec a, hr_c64 w) { return product(a, (cvec){all_of(w.re), all_of(w.im)}); }

HR_INLINE void butterfly4(cvec *a, cvec *b, cvec *c, cvec *d, float sign) {
  cvec e = plus(*a, *c), f = minus(*a, *c), g = plus(*b, *d), h = turned(minus(*b, *d), sign);
  *a = plus(e, g), *b = plus(f, h), *c = minus(e, g), *d = minus(f, h);
}

/* By e^(sign pi i / 4), and by its third power. */
HR_INLINE cvec eighth(cvec a, float sign) {
  const float h = 0.707106781f;
  return (cvec){(a.re - sign * a.im) * h, (a.im + sign * a.re) * h};
}
HR_INLINE cvec three_eighths(cvec a, float sign) {
  const float h = 0.707106781f;
  return (cvec){(-a.re - sign * a.im) * h, (sign * a.re - a.im) * h};
}

/* Fours of the even and of the odd places, then pairs of them. */
HR_INLINE void butterfly8(cvec *a, float sign) {
  butterfly4(&a[0], &a[2], &a[4], &a[6], sign), butterfly4(&a[1], &a[3], &a[5], &a[7], sign);
  cvec o[4] = {a[1], eighth(a[3], sign), turned(a[5], sign), three_eighths(a[7], sign)};
  cvec e[4] = {a[0], a[2], a[4], a[6]};
#pragma GCC unroll 4
  for (int k = 0; k < 4; k++) a[k] = plus(e[k], o[k]), a[k + 4] = minus(e[k], o[k]);
}

/* Four fours of every fourth place, then four of their results. */
HR_INLINE void butterfly16(cvec *a, float sign) {
  const float c = 0.923879533f, s = 0.382683432f;
  const hr_c64 first = {c, sign * s}, third = {s, sign * c}, ninth = {-c, -sign * s};
#pragma GCC unroll 4
  for (int k = 0; k < 4; k++) butterfly4(&a[k], &a[k + 4], &a[k + 8], &a[k + 12], sign);
  a[5] = twisted(a[5], first), a[6] = eighth(a[6], sign), a[7] = twisted(a[7], third);
  a[9] = eighth(a[9], sign), a[10] = turned(a[10], sign), a[11] = three_eighths(a[11], sign);
  a[13] = twisted(a[13], third), a[14] = three_eighths(a[14], sign), a[15] = twisted(a[15], ninth);
#pragma GCC unroll 4
  for (int k = 0; k < 16; k += 4) butterfly4(&a[k], &a[k + 1], &a[k + 2], &a[k + 3], sign);
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) /* result 4 s + r lies at 4 r + s */
#pragma GCC unroll 4
    for (int k = i + 1; k < 4; k++) {
      cvec t = a[4 * i + k];
      a[4 * i + k] = a[4 * k + i], a[4 * k + i] = t;
    }
}

/* y[k] = sum over j of a[j] e^(sign 2 pi i j k / r), in place. */
HR_INLINE void butterfly(cvec *a, int r, float sign) {
  if (r == 8) {
    butterfly8(a, sign);
  } else if (r == 2) {
    cvec t = a[1];
    a[1] = minus(a[0], t), a[0] = plus(a[0], t);
  } else if (r == 3) {
    cvec t = plus(a[1], a[2]), d = turned(minus(a[1], a[2]), sign * 0.866025404f), u = minus(a[0], times(t, 0.5f));
    a[0] = plus(a[0], t), a[1] = plus(u, d), a[2] = minus(u, d);
  } else if (r == 4) {
    butterfly4(&a[0], &a[1], &a[2], &a[3], sign);
  } else {
    const float c1 = 0.309016994f, c2 = -0.809016994f, s1 = sign * 0.951056516f, s2 = sign * 0.587785252f;
    cvec t1 = plus(a[1], a[4]), t2 = plus(a[2], a[3]), d1 = minus(a[1], a[4]), d2 = minus(a[2], a[3]);
    cvec u1 = plus(a[0], plus(times(t1, c1), times(t2, c2))), u2 = plus(a[0], plus(times(t1, c2), times(t2, c1)));
    cvec v1 = plus(turned(d1, s1), turned(d2, s2)), v2 = minus(turned(d1, s2), turned(d2, s1));
    a[0] = plus(a[0], plus(t1, t2));
    a[1] = plus(u1, v1), a[2] = plus(u2, v2), a[3] = minus(u2, v2), a[4] = minus(u1, v1);
  }
}

/* One step of Stockham's transform (Cochran et al. 1967), decimated in frequency: `m` groups, `stride` transforms that
 * are interleaved. */
HR_INLINE void step(float *restrict y, const float *restrict x, const hr_c64 *twiddles, int r, int64_t m,
                    int64_t stride, float sign) {
  int64_t run = stride * VALUE;
  for (int64_t p = 0; p < m; p++, twiddles += r - 1)
    for (int64_t at = 0; at < run; at += VALUE)
      for (int h = 0; h < SIDE; h += VEC) {
        cvec a[8];
        for (int j = 0; j < r; j++) a[j] = get(x + (p + j * m) * run + at + h);
        butterfly(a, r, sign);
        put(y + r * p * run + at + h, a[0]);
        for (int k = 1; k < r; k++) put(y + (r * p + k) * run + at + h, p ? twisted(a[k], twiddles[k - 1]) : a[k]);
      }
}

static const float *run_steps(float *x, float *y, const hr_fft_steps *s) {
  const hr_c64 *twiddles = s->twiddles;
  int64_t stride = 1, m = s->n;
  for (int i = 0; i < s->count; i++) {
    int r = s->radix[i];
    m /= r;
    if (r == 2)
      step(y, x, twiddles, 2, m, stride, (float)s->sign);
    else if (r == 3)
      step(y, x, twiddles, 3, m, stride, (float)s->sign);
    else if (r == 4)
      step(y, x, twiddles, 4, m, stride, (float)s->sign);
    else if (r == 8)
      step(y, x, twiddles, 8, m, stride, (float)s->sign);
    else
      step(y, x, twiddles, 5, m, stride, (float)s->sign);
    twiddles += (r - 1) * m;
    stride *= r;
    float *swapped = x;
    x = y, y = swapped;
  }
  return x;
}

enum { TILE = 8 /* values of a row: a line of the cache */ };

#if VEC_LOG == 4
#define LOW  0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif VEC_LOG == 3
#define LOW  0, 8, 1, 9, 2, 10, 3, 11
#define HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define LOW  0, 4, 1, 5
#define HIGH 2, 6, 3, 7
#endif

/* A square of VEC rows: each round interleaves rows of the upper half with those of the lower one. */
HR_INLINE void transpose(vec *a) {
  for (int round = 0; round < VEC_LOG; round++) {
    vec b[VEC];
    for (int i = 0; i < VEC / 2; i++) {
      b[2 * i] = __builtin_shufflevector(a[i], a[i + VEC / 2], LOW);
      b[2 * i + 1] = __builtin_shufflevector(a[i], a[i + VEC / 2], HIGH);
    }
    memcpy(a, b, sizeof b);
  }
}

/* SIDE whole rows, as far as n fills squares; returns how many values that are. */
static int64_t load_squares(float *to, const hr_fft_rows *in, int64_t n) {
  int64_t i = 0;
  for (; i + VEC / 2 <= n; i += VEC / 2)
    for (int k = 0; k < SIDE; k += VEC) {
      vec a[VEC];
      for (int r = 0; r < VEC; r++) memcpy(&a[r], in->data + i * in->value_step + (k + r) * in->row_step, sizeof *a);
      transpose(a);
      for (int r = 0; r < VEC; r++) memcpy(to + i * VALUE + r * SIDE + k, &a[r], sizeof *a);
    }
  return i;
}

static int64_t store_squares(const hr_fft_rows *out, const float *from, int64_t n) {
  int64_t i = 0;
  for (; i + VEC / 2 <= n; i += VEC / 2)
    for (int k = 0; k < SIDE; k += VEC) {
      vec a[VEC];
      for (int r = 0; r < VEC; r++) memcpy(&a[r], from + i * VALUE + r * SIDE + k, sizeof *a);
      transpose(a);
      for (int r = 0; r < VEC; r++) memcpy(out->data + i * out->value_step + (k + r) * out->row_step, &a[r], sizeof *a);
    }
  return i;
}

static void load_rows(float *to, const hr_fft_rows *in, int64_t rows, int64_t n) {
  bool neighbours = rows == SIDE && in->row_step == (int64_t)sizeof(hr_c64);
  if (rows < SIDE) memset(to, 0, sizeof *to * (size_t)(n * VALUE));
  for (int64_t i = 0; neighbours && i < n; i++) {
    hr_c64 x[SIDE];
    memcpy(x, in->data + i * in->value_step, sizeof x);
    for (int k = 0; k < SIDE; k++) to[i * VALUE + k] = x[k].re, to[i * VALUE + SIDE + k] = x[k].im;
  }
  int64_t done = rows == SIDE && in->value_step == (int64_t)sizeof(hr_c64) ? load_squares(to, in, n) : 0;
  for (int64_t first = done; !neighbours && first < n; first += TILE) {
    int64_t end = first + TILE < n ? first + TILE : n;
    for (int64_t k = 0; k < rows; k++)
      for (int64_t i = first; i < end; i++) {
        hr_c64 x;
        memcpy(&x, in->data + i * in->value_step + k * in->row_step, sizeof x);
        to[i * VALUE + k] = x.re, to[i * VALUE + SIDE + k] = x.im;
      }
  }
}

static void store_rows(const hr_fft_rows *out, const float *from, int64_t rows, int64_t n) {
  bool neighbours = rows == SIDE && out->row_step == (int64_t)sizeof(hr_c64);
  for (int64_t i = 0; neighbours && i < n; i++) {
    hr_c64 x[SIDE];
    for (int k = 0; k < SIDE; k++) x[k] = (hr_c64){from[i * VALUE + k], from[i * VALUE + SIDE + k]};
    memcpy(out->data + i * out->value_step, x, sizeof x);
  }
  int64_t done = rows == SIDE && out->value_step == (int64_t)sizeof(hr_c64) ? store_squares(out, from, n) : 0;
  for (int64_t first = done; !neighbours && first < n; first += TILE) {
    int64_t end = first + TILE < n ? first + TILE : n;
    for (int64_t k = 0; k < rows; k++)
      for (int64_t i = first; i < end; i++) {
        hr_c64 x = {from[i * VALUE + k], from[i * VALUE + SIDE + k]};
        memcpy(out->data + i * out->value_step + k * out->row_step, &x, sizeof x);
      }
  }
}

static void side_by_side(const hr_fft_rows *out, const hr_fft_rows *in, int64_t rows, const hr_fft_steps *steps,
                         float *scratch) {
  load_rows(scratch, in, rows, steps->n);
  store_rows(out, run_steps(scratch, scratch + steps->n * VALUE, steps), rows, steps->n);
}

/* --- one row, SIDE values of it side by side --- */

#if VEC_LOG == 4
#define EVEN 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ODD  1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define TURN 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0
#elif VEC_LOG == 3
#define EVEN 0, 2, 4, 6, 8, 10, 12, 14
#define ODD  1, 3, 5, 7, 9, 11, 13, 15
#define TURN 7, 6, 5, 4, 3, 2, 1, 0
#else
#define EVEN 0, 2, 4, 6
#define ODD  1, 3, 5, 7
#define TURN 3, 2, 1, 0
#endif

/* VEC complex values as they lie in memory. */
HR_INLINE cvec get_pairs(const hr_c64 *x) {
  vec a, b;
  memcpy(&a, x, sizeof a);
  memcpy(&b, x + VEC / 2, sizeof b);
  return (cvec){__builtin_shufflevector(a, b, EVEN), __builtin_shufflevector(a, b, ODD)};
}
HR_INLINE void put_pairs(hr_c64 *x, cvec v) {
  vec a = __builtin_shufflevector(v.re, v.im, LOW), b = __builtin_shufflevector(v.re, v.im, HIGH);
  memcpy(x, &a, sizeof a);
  memcpy(x + VEC / 2, &b, sizeof b);
}

/* VEC groups of the first step, of radix SIDE: results of group p lie side by side, as value p of what follows. */
HR_INLINE void first_step(float *y, const hr_c64 *x, const float *twiddles, int64_t m, float sign) {
  cvec a[SIDE];
#pragma GCC unroll 16
  for (int j = 0; j < SIDE; j++) a[j] = get_pairs(x + j * m);
  butterfly16(a, sign);
#pragma GCC unroll 16
  for (int k = 1; k < SIDE; k++) a[k] = product(a[k], get(twiddles + (k - 1) * VALUE));
#pragma GCC unroll 4
  for (int k = 0; k < SIDE; k += VEC) {
    vec re[VEC], im[VEC];
    for (int i = 0; i < VEC; i++) re[i] = a[k + i].re, im[i] = a[k + i].im;
    transpose(re), transpose(im);
    for (int i = 0; i < VEC; i++) put(y + i * VALUE + k, (cvec){re[i], im[i]});
  }
}

static void along(hr_c64 *out, const hr_c64 *in, const hr_fft_steps *steps, const float *twiddles, float *scratch) {
  int64_t m = steps->n, n = m * SIDE;
  for (int64_t p = 0; p < m; p += VEC) {
    const float *w = twiddles + p / SIDE * (SIDE - 1) * VALUE + p % SIDE;
    if (steps->sign > 0)
      first_step(scratch + p * VALUE, in + p, w, m, 1);
    else
      first_step(scratch + p * VALUE, in + p, w, m, -1);
  }
  const float *x = run_steps(scratch, scratch + 2 * n, steps);
  for (int64_t i = 0; i < m; i++)
    for (int h = 0; h < SIDE; h += VEC) put_pairs(out + i * SIDE + h, get(x + i * VALUE + h));
}

/* --- halves and whole rows --- */

HR_INLINE cvec turned_round(cvec a) {
  return (cvec){__builtin_shufflevector(a.re, a.re, TURN), __builtin_shufflevector(a.im, a.im, TURN)};
}

/* Pairs k and h - k, VEC of them: see fft.c. */
HR_INLINE void pairs_of(hr_c64 *x, hr_c64 *mirror, const hr_c64 *roots, float factor, bool back) {
  cvec a = get_pairs(x), b = turned_round(get_pairs(mirror)), w = get_pairs(roots);
  cvec e = times((cvec){a.re + b.re, a.im - b.im}, factor);
  cvec o = back ? (cvec){a.re - b.re, a.im + b.im} : (cvec){a.im + b.im, b.re - a.re};
  cvec wo = product(times(o, factor), w);
  if (back) wo = turned(wo, 1);
  put_pairs(x, plus(e, wo));
  put_pairs(mirror, turned_round((cvec){e.re - wo.re, wo.im - e.im}));
}

static int64_t to_half(hr_c64 *x, int64_t h, const hr_c64 *roots, int64_t first, int64_t count, float factor) {
  int64_t i = 0;
  for (; i + VEC <= count && first + i + VEC - 1 < h - first - i - VEC + 1; i += VEC)
    pairs_of(x + first + i, x + h - first - i - VEC + 1, roots + i, factor, false);
  return i;
}

static int64_t from_half(hr_c64 *x, int64_t h, const hr_c64 *roots, int64_t first, int64_t count, float factor) {
  int64_t i = 0;
  for (; i + VEC <= count && first + i + VEC - 1 < h - first - i - VEC + 1; i += VEC)
    pairs_of(x + first + i, x + h - first - i - VEC + 1, roots + i, factor, true);
  return i;
}

const hr_fft_kernels HR_NAME(hr_fft) = {
    .multiply = multiply,
    .multiply_conj = multiply_conj,
    .scale = scale,
    .odd = odd,
    .side_by_side = side_by_side,
    .along = along,
    .to_half = to_half,
    .from_half = from_half,
};
