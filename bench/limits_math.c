#include "limits_math.h"

#include <math.h>

/* The C library has none: the sign and approximation of Giles 2010, as its author wrote it for scalars. */
static inline float bench_erfinv(float x) {
  float w = -logf((1 - x) * (1 + x)), p;
  if (w < 5) {
    w -= 2.5f;
    p = 2.81022636e-08f;
    p = 3.43273939e-07f + p * w;
    p = -3.5233877e-06f + p * w;
    p = -4.39150654e-06f + p * w;
    p = 0.00021858087f + p * w;
    p = -0.00125372503f + p * w;
    p = -0.00417768164f + p * w;
    p = 0.246640727f + p * w;
    return x * (1.50140941f + p * w);
  }
  w = sqrtf(w) - 3;
  p = -0.000200214257f;
  p = 0.000100950558f + p * w;
  p = 0.00134934322f + p * w;
  p = -0.00367342844f + p * w;
  p = 0.00573950773f + p * w;
  p = -0.0076224613f + p * w;
  p = 0.00943887047f + p * w;
  p = 1.00167406f + p * w;
  return x * (2.83297682f + p * w);
}

static inline float bench_logaddexp(float x, float y) { return fmaxf(x, y) + log1pf(expf(-fabsf(x - y))); }

static inline float bench_remainder(float x, float y) {
  float r = fmodf(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

#define X(name, call, plain, low, high)                                        \
  void bench_loop_##name(const bench_loop *loop, int64_t first, int64_t end) { \
    float *restrict out = loop->out;                                           \
    for (int64_t i = first; i < end; i++) {                                    \
      float x = loop->a[i];                                                    \
      out[i] = plain;                                                          \
    }                                                                          \
  }
BENCH_MATH_UNARY(X)
#undef X

#define X(name, call, plain, low, high)                                        \
  void bench_loop_##name(const bench_loop *loop, int64_t first, int64_t end) { \
    float *restrict out = loop->out;                                           \
    for (int64_t i = first; i < end; i++) {                                    \
      float x = loop->a[i], y = loop->b[i];                                    \
      out[i] = plain;                                                          \
    }                                                                          \
  }
BENCH_MATH_BINARY(X)
#undef X
