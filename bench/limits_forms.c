#include "limits_forms.h"

#include <string.h>

enum { LANES = 64 };

static inline float wide(uint16_t x) {
  uint32_t bits = (uint32_t)x << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline uint16_t narrow(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static const uint16_t *halves(const float *memory) { return (const uint16_t *)(const void *)memory; }

void bench_loop_add_bfloat16(const bench_loop *loop, int64_t first, int64_t end) {
  const uint16_t *a = halves(loop->a), *b = halves(loop->b);
  uint16_t *restrict out = (uint16_t *)(void *)loop->out;
  for (int64_t i = first; i < end; i++) out[i] = narrow(wide(a[i]) + wide(b[i]));
}

void bench_loop_sum_bfloat16(const bench_loop *loop, int64_t first, int64_t end) {
  const uint16_t *a = halves(loop->a);
  float part[LANES] = {0}, sum = 0;
  for (int64_t i = first; i + LANES <= end; i += LANES)
    for (int k = 0; k < LANES; k++) part[k] += wide(a[i + k]);
  for (int k = 0; k < LANES; k++) sum += part[k];
  loop->out[first / LIMIT_ROW] = sum;
}

void bench_loop_sum_middle(const bench_loop *loop, int64_t first, int64_t end) {
  enum { BLOCK = LIMIT_MIDDLE * LIMIT_ROW };
  for (int64_t i = first; i < end; i += BLOCK) {
    float part[LIMIT_ROW] = {0};
    for (int64_t r = i; r < i + BLOCK; r += LIMIT_ROW)
      for (int k = 0; k < LIMIT_ROW; k++) part[k] += loop->a[r + k];
    memcpy(loop->out + i / LIMIT_MIDDLE, part, sizeof part);
  }
}

void bench_loop_scatter_rows(const bench_loop *loop, int64_t first, int64_t end) {
  memcpy(loop->out + first, loop->a + first, (size_t)(end - first) * sizeof *loop->out);
  for (int64_t i = first; i < end; i += LIMIT_ROW) {
    const float *b = loop->b + i;
    float *restrict out = loop->out + first + end - i - LIMIT_ROW;
    for (int k = 0; k < LIMIT_ROW; k++) out[k] += b[k];
  }
}

void bench_loop_rope(const bench_loop *loop, int64_t first, int64_t end) {
  enum { HALF = LIMIT_HEAD / 2 };
  for (int64_t i = first; i < end; i += LIMIT_HEAD) {
    const float *x = loop->a + i, *cosine = loop->b + i % (LIMIT_LONG * LIMIT_HEAD), *sine = cosine + HALF;
    float *restrict out = loop->out + i;
    for (int k = 0; k < HALF; k++) {
      out[k] = x[k] * cosine[k] - x[HALF + k] * sine[k];
      out[HALF + k] = x[k] * sine[k] + x[HALF + k] * cosine[k];
    }
  }
}
