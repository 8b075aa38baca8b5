/* bench/limits.c - the loops of limits.h. Compilers turn all of them into vector code. */
#include "limits.h"

#include <math.h>
#include <string.h>

enum { LANES = 64 }; /* partial sums and maxima side by side: enough for four vectors of 512 bits */

/* e^x for finite x to about 2 units in the last place: 2^k times the Taylor series of the rest, |rest| <= ln 2 / 2. */
static inline float exp_of(float x) {
  x = x > 88 ? 88 : x < -87 ? -87 : x;
  float k = rintf(x * 1.44269504f);
  float r = x - k * 0.693359375f + k * 2.12194440e-4f;
  float p = 1.3888889e-3f;
  p = p * r + 8.3333333e-3f;
  p = p * r + 4.1666667e-2f;
  p = p * r + 1.6666667e-1f;
  p = p * r + 0.5f;
  p = p * r + 1;
  p = p * r + 1;
  int32_t bits;
  memcpy(&bits, &p, sizeof bits);
  bits += (int32_t)k << 23;
  memcpy(&p, &bits, sizeof p);
  return p;
}

void bench_loop_copy(const bench_loop *loop, int64_t first, int64_t end) {
  for (int64_t i = first; i < end; i++) loop->out[i] = loop->a[i];
}

void bench_loop_add(const bench_loop *loop, int64_t first, int64_t end) {
  const float *a = loop->a, *b = loop->b;
  float *restrict out = loop->out;
  for (int64_t i = first; i < end; i++) out[i] = a[i] + b[i];
}

void bench_loop_exp(const bench_loop *loop, int64_t first, int64_t end) {
  const float *a = loop->a;
  float *restrict out = loop->out;
  for (int64_t i = first; i < end; i++) out[i] = exp_of(a[i]);
}

/* 1 - 2 / (e^2x + 1): exact enough for a limit, though not near 0. */
void bench_loop_tanh(const bench_loop *loop, int64_t first, int64_t end) {
  const float *a = loop->a;
  float *restrict out = loop->out;
  for (int64_t i = first; i < end; i++) out[i] = 1 - 2 / (exp_of(2 * a[i]) + 1);
}

static float fold_sum(float *part) {
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int k = 0; k < half; k++) part[k] += part[k + half];
  return part[0];
}

static float max_of(const float *x, int64_t count) {
  float part[LANES];
  for (int k = 0; k < LANES; k++) part[k] = x[0];
  for (int64_t i = 0; i + LANES <= count; i += LANES)
    for (int k = 0; k < LANES; k++) part[k] = x[i + k] > part[k] ? x[i + k] : part[k];
  for (int64_t i = count / LANES * LANES; i < count; i++) part[0] = x[i] > part[0] ? x[i] : part[0];
  for (int k = 1; k < LANES; k++) part[0] = part[k] > part[0] ? part[k] : part[0];
  return part[0];
}

void bench_loop_sum(const bench_loop *loop, int64_t first, int64_t end) {
  float part[LANES] = {0};
  int64_t i = first;
  for (; i + LANES <= end; i += LANES)
    for (int k = 0; k < LANES; k++) part[k] += loop->a[i + k];
  for (; i < end; i++) part[0] += loop->a[i];
  loop->out[first / LIMIT_ROW] = fold_sum(part);
}

void bench_loop_sum_both(const bench_loop *loop, int64_t first, int64_t end) {
  float part[LANES] = {0};
  for (int64_t i = first; i + LANES <= end; i += LANES)
    for (int k = 0; k < LANES; k++) part[k] += loop->a[i + k] + loop->b[i + k];
  loop->out[first / LIMIT_ROW] = fold_sum(part);
}

/* The maximum of each block, and a second look at blocks that have a new one. */
void bench_loop_argmax(const bench_loop *loop, int64_t first, int64_t end) {
  float best = -INFINITY;
  int64_t place = first;
  for (int64_t i = first; i < end; i += LIMIT_ROW) {
    int64_t count = end - i < LIMIT_ROW ? end - i : LIMIT_ROW;
    float found = max_of(loop->a + i, count);
    if (!(found > best)) continue;
    best = found;
    for (place = i; loop->a[place] != best;) place++;
  }
  loop->out[first / LIMIT_ROW] = (float)place;
}

static void softmax_row(float *restrict out, const float *x) {
  float part[LANES] = {0}, largest = max_of(x, LIMIT_ROW);
  for (int i = 0; i < LIMIT_ROW; i += LANES)
    for (int k = 0; k < LANES; k++) {
      float e = exp_of(x[i + k] - largest);
      out[i + k] = e;
      part[k] += e;
    }
  float scale = 1 / fold_sum(part);
  for (int i = 0; i < LIMIT_ROW; i++) out[i] *= scale;
}

void bench_loop_softmax(const bench_loop *loop, int64_t first, int64_t end) {
  for (int64_t i = first; i < end; i += LIMIT_ROW) softmax_row(loop->out + i, loop->a + i);
}

void bench_loop_logsumexp(const bench_loop *loop, int64_t first, int64_t end) {
  for (int64_t i = first; i < end; i += LIMIT_ROW) {
    const float *x = loop->a + i;
    float part[LANES] = {0}, largest = max_of(x, LIMIT_ROW);
    for (int j = 0; j < LIMIT_ROW; j += LANES)
      for (int k = 0; k < LANES; k++) part[k] += exp_of(x[j + k] - largest);
    loop->out[i / LIMIT_ROW] = largest + logf(fold_sum(part));
  }
}

static float mean_of(const float *x) {
  float part[LANES] = {0};
  for (int i = 0; i < LIMIT_ROW; i += LANES)
    for (int k = 0; k < LANES; k++) part[k] += x[i + k];
  return fold_sum(part) / LIMIT_ROW;
}

static float variance_of(const float *x, float mean) {
  float part[LANES] = {0};
  for (int i = 0; i < LIMIT_ROW; i += LANES)
    for (int k = 0; k < LANES; k++) part[k] += (x[i + k] - mean) * (x[i + k] - mean);
  return fold_sum(part) / LIMIT_ROW;
}

void bench_loop_layer_norm(const bench_loop *loop, int64_t first, int64_t end) {
  const float *weight = loop->b, *bias = loop->b + LIMIT_ROW;
  for (int64_t i = first; i < end; i += LIMIT_ROW) {
    const float *x = loop->a + i;
    float *restrict out = loop->out + i;
    float mean = mean_of(x), scale = 1 / sqrtf(variance_of(x, mean) + 1e-5f);
    for (int k = 0; k < LIMIT_ROW; k++) out[k] = (x[k] - mean) * scale * weight[k] + bias[k];
  }
}

void bench_loop_rms_norm(const bench_loop *loop, int64_t first, int64_t end) {
  const float *weight = loop->b;
  for (int64_t i = first; i < end; i += LIMIT_ROW) {
    const float *x = loop->a + i;
    float *restrict out = loop->out + i;
    float scale = 1 / sqrtf(variance_of(x, 0) + 1e-5f);
    for (int k = 0; k < LIMIT_ROW; k++) out[k] = x[k] * scale * weight[k];
  }
}
