/* src/cpu/kernels/attention.h - what attention needs besides matrix products: the softmax of scores that come block by
 * block (Milakov, Gimelshein, "Online normalizer calculation for softmax", 2018), masks, and products for few queries.
 *
 * Scores and sums are float, or double for float64: "accum" below. Sums over keys of a block and over the depth use 64
 * lanes in a fixed tree. */
#ifndef HR_CPU_KERNELS_ATTENTION_H
#define HR_CPU_KERNELS_ATTENTION_H

#include <stdint.h>

/* Of the scores so far: the greatest, NaN left out, and the sum of e^(score - greatest), or of e^score while the
 * greatest is infinite. NaN among them makes the sum NaN. */
typedef struct hr_attention_state {
  double greatest, sum;
} hr_attention_state;

/* Tables f32 and f64. */
typedef struct hr_attention_kernels {
  /* n > 0 scores become e^(score - greatest), and the state takes them in. Returned is the factor for what was summed
   * up with the scores before. */
  double (*powers)(void *scores, int64_t n, hr_attention_state *state);
  /* x[i] *= factor */
  void (*scale)(void *x, int64_t n, double factor);
  /* x[i] = x[i] * factor_x + y[i] * factor_y */
  void (*blend)(void *x, const void *y, int64_t n, double factor_x, double factor_y);
  /* The least finite number. */
  void (*hide)(void *scores, int64_t n);
} hr_attention_kernels;

/* Tables f16, bf16, f32, f64: by the dtype of the operands. */
typedef struct hr_attention_rows {
  /* Scores become the least finite number where the mask is 0; stride in elements. */
  void (*mask)(void *scores, const uint8_t *mask, int64_t stride, int64_t n);
  void (*add)(void *scores, const void *mask, int64_t stride, int64_t n);
  /* out[i] = x[i] / by, rounded; out may be x. */
  void (*divide)(void *out, const void *x, int64_t n, double by);
  /* scores[j] = sum of q[i] * k[j * ld + i], i < depth, for j < keys. q is accum, padded with 0 to a multiple of
   * HR_ATTENTION_PAD. */
  void (*dots)(void *scores, const void *k, int64_t ld, int64_t keys, const void *q, int64_t depth);
  /* out[i] += sum of p[j] * v[j * ld + i], j ascending, for i < depth. */
  void (*sums)(void *out, const void *v, int64_t ld, int64_t keys, const void *p, int64_t depth);
} hr_attention_rows;

enum { HR_ATTENTION_PAD = 64 };

#endif
