/* bench/limits.h - what plain C reaches: loops on two pinned threads over memory that has been touched.
 *
 * Compiled with all that the machine has (-O3 -march=native); not part of the library. Each loop works on elements
 * [first, end) of the memory in its bench_loop. */
#ifndef HR_BENCH_LIMITS_H
#define HR_BENCH_LIMITS_H

#include <stdint.h>

enum { LIMIT_ROW = 1024 }; /* elements of a row of softmax and of norms */

/* float32; `count` elements in each of a, b and out that the loop uses. Rows: count is a multiple of LIMIT_ROW. */
typedef struct bench_loop {
  const float *a, *b;
  float *out;
  int64_t count;
} bench_loop;

typedef void (*bench_loop_fn)(const bench_loop *loop, int64_t first, int64_t end);

void bench_loop_copy(const bench_loop *loop, int64_t first, int64_t end);
void bench_loop_add(const bench_loop *loop, int64_t first, int64_t end);
void bench_loop_exp(const bench_loop *loop, int64_t first, int64_t end);
void bench_loop_tanh(const bench_loop *loop, int64_t first, int64_t end);
/* Writes a partial result to out[first / LIMIT_ROW]. */
void bench_loop_sum(const bench_loop *loop, int64_t first, int64_t end);
void bench_loop_argmax(const bench_loop *loop, int64_t first, int64_t end);
void bench_loop_softmax(const bench_loop *loop, int64_t first, int64_t end);
void bench_loop_logsumexp(const bench_loop *loop, int64_t first, int64_t end);
/* Reads a and b, e.g. keys and values; writes as the sum does. */
void bench_loop_sum_both(const bench_loop *loop, int64_t first, int64_t end);
/* b holds a row of weights; layer_norm's bias is the row behind it. */
void bench_loop_layer_norm(const bench_loop *loop, int64_t first, int64_t end);
void bench_loop_rms_norm(const bench_loop *loop, int64_t first, int64_t end);

/* Seconds of one round of `fn` over the whole, each of two threads doing half; the mean of `rounds` in a row. */
double bench_loop_seconds(bench_loop_fn fn, const bench_loop *loop, int rounds);

#endif
