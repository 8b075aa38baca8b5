/* bench/fast.c - norms, rotary positions and attention, beside plain C on the same data (limits.h). */
#include <math.h>

#include "bench.h"
#include "limits.h"

enum { Ki = 1 << 10, Mi = 1 << 20 };

/* Numbers in [-1, 1), and the memory that limits write to; all share them. */
static float *input(int index) {
  static float *inputs[3];
  if (inputs[index] == NULL) inputs[index] = bench_floats_new(16 * Mi, -1, 1);
  return inputs[index];
}
static float *limit_output(void) {
  static float *output;
  if (output == NULL) output = bench_memory_new(16 * Mi * sizeof *output);
  return output;
}

typedef struct operands {
  mlx_array x, weight, bias;
} operands;

typedef int (*norm_fn)(mlx_array *res, const operands *in, mlx_stream s);

static int apply_layer_norm(mlx_array *res, const operands *in, mlx_stream s) {
  return mlx_fast_layer_norm(res, in->x, in->weight, in->bias, 1e-5f, s);
}
static int apply_rms_norm(mlx_array *res, const operands *in, mlx_stream s) {
  return mlx_fast_rms_norm(res, in->x, in->weight, 1e-5f, s);
}
static int apply_logsumexp(mlx_array *res, const operands *in, mlx_stream s) {
  return mlx_logsumexp_axis(res, in->x, -1, false, s);
}

typedef struct norm {
  norm_fn fn;
  bench_loop_fn loop;
  int64_t count, results; /* elements of x; results that are compared */
} norm;

static void compare(mlx_array res, int64_t count) {
  const float *got = mlx_array_data_float32(res), *want = limit_output();
  for (int64_t i = 0; i < count; i += count / 64)
    bench_check(!(fabsf(got[i] - want[i]) <= 1e-5f + 1e-4f * fabsf(want[i])), "comparing with the limit's result");
}

static void run_norm(const void *arg, bench_sample *out) {
  const norm *n = arg;
  int rounds = (int)(bench_count(64 << 20) / n->count) + 2;
  int64_t start = 0;
  operands in = {bench_array_new(input(0), (int[]){(int)(n->count / LIMIT_ROW), LIMIT_ROW}, 2),
                 bench_array_new(input(1), (int[]){LIMIT_ROW}, 1),
                 bench_array_new(input(1) + LIMIT_ROW, (int[]){LIMIT_ROW}, 1)};
  mlx_array res = mlx_array_new();
  for (int i = -1; i < rounds; i++) { /* the first one wakes workers and warms caches */
    if (i == 0) start = bench_now_ns();
    BENCH_OK(n->fn(&res, &in, bench_stream(0)));
    BENCH_OK(mlx_array_eval(res));
  }
  out[0].value = (double)n->count * rounds / bench_since_ns(start);
  bench_loop loop = {input(0), input(1), limit_output(), n->count};
  out[0].limit = (double)n->count * 1e-9 / bench_loop_seconds(n->loop, &loop, rounds);
  compare(res, n->results);
  mlx_array_free(in.x);
  mlx_array_free(in.weight);
  mlx_array_free(in.bias);
  mlx_array_free(res);
}

/* --- attention --- */

typedef struct attention {
  int heads, queries, keys, depth;
  const char *mode;
} attention;

static mlx_array heads_of(int index, int heads, int length, int depth) {
  return bench_array_new(input(index), (int[]){1, heads, length, depth}, 4);
}

/* Seconds of a call. */
static double time_attention(const attention *a, int rounds) {
  mlx_array q = heads_of(0, a->heads, a->queries, a->depth), k = heads_of(1, a->heads, a->keys, a->depth);
  mlx_array v = heads_of(2, a->heads, a->keys, a->depth), res = mlx_array_new(), none = mlx_array_new();
  float scale = 1 / sqrtf((float)a->depth);
  int64_t start = 0;
  for (int i = -1; i < rounds; i++) {
    if (i == 0) start = bench_now_ns();
    BENCH_OK(mlx_fast_scaled_dot_product_attention(&res, q, k, v, scale, a->mode, none, none, bench_stream(0)));
    BENCH_OK(mlx_array_eval(res));
  }
  double seconds = bench_since_ns(start) * 1e-9 / rounds;
  mlx_array_free(q);
  mlx_array_free(k);
  mlx_array_free(v);
  mlx_array_free(res);
  mlx_array_free(none);
  return seconds;
}

/* The limit is the library's own product of two matrices, on as many operations: a chain of two without a softmax. A
 * causal mask leaves half of them. */
static void run_attention(const void *arg, bench_sample *out) {
  const attention *a = arg;
  double flops = 4.0 * a->heads * a->queries * a->keys * a->depth * (a->mode[0] ? 0.5 : 1) * 1e-9;
  mlx_array x = bench_array_new(input(0), (int[]){2048, 2048}, 2), res = mlx_array_new();
  out[0].value = flops / time_attention(a, (int)bench_count(20) / 10 + 1);
  int64_t start = 0;
  for (int i = -1; i < 2; i++) {
    if (i == 0) start = bench_now_ns();
    BENCH_OK(mlx_matmul(&res, x, x, bench_stream(0)));
    BENCH_OK(mlx_array_eval(res));
  }
  out[0].limit = 2 * 2 * 2048.0 * 2048 * 2048 / bench_since_ns(start);
  mlx_array_free(x);
  mlx_array_free(res);
}

/* One query: the limit reads keys and values. */
static void run_decode(const void *arg, bench_sample *out) {
  const attention *a = arg;
  int64_t count = (int64_t)a->heads * a->keys * a->depth;
  int rounds = (int)bench_count(200);
  out[0].value = 8e-9 * (double)count / time_attention(a, rounds);
  bench_loop loop = {input(1), input(2), limit_output(), count};
  out[0].limit = 8e-9 * (double)count / bench_loop_seconds(bench_loop_sum_both, &loop, rounds);
}

#define NORM(name, fn, loop, size, results)                                                              \
  {                                                                                                      \
    .rows = {{name, "Gel/s", BENCH_MORE, BENCH_OF_RATIO, 0.85}}, .run = run_norm, .arg = &(const norm) { \
      fn, loop, size, results                                                                            \
    }                                                                                                    \
  }

static const bench_case cases[] = {
    NORM("fast/layer_norm of rows, 64 Ki", apply_layer_norm, bench_loop_layer_norm, 64 * Ki, 64 * Ki),
    NORM("fast/layer_norm of rows, 1 Mi", apply_layer_norm, bench_loop_layer_norm, Mi, Mi),
    NORM("fast/layer_norm of rows, 16 Mi", apply_layer_norm, bench_loop_layer_norm, 16 * Mi, 16 * Mi),
    NORM("fast/rms_norm of rows, 64 Ki", apply_rms_norm, bench_loop_rms_norm, 64 * Ki, 64 * Ki),
    NORM("fast/rms_norm of rows, 1 Mi", apply_rms_norm, bench_loop_rms_norm, Mi, Mi),
    NORM("fast/rms_norm of rows, 16 Mi", apply_rms_norm, bench_loop_rms_norm, 16 * Mi, 16 * Mi),
    NORM("fast/logsumexp of rows, 64 Ki", apply_logsumexp, bench_loop_logsumexp, 64 * Ki, 64),
    NORM("fast/logsumexp of rows, 1 Mi", apply_logsumexp, bench_loop_logsumexp, Mi, 1 * Ki),
    NORM("fast/logsumexp of rows, 16 Mi", apply_logsumexp, bench_loop_logsumexp, 16 * Mi, 16 * Ki),
    {.rows = {{"fast/attention 8x4096x64, causal, limit matmul", "GF/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_attention,
     .arg = &(const attention){8, 4096, 4096, 64, "causal"}},
    {.rows = {{"fast/attention 8x4096x64, limit matmul", "GF/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_attention,
     .arg = &(const attention){8, 4096, 4096, 64, ""}},
    {.rows = {{"fast/attention 8x1024x128, causal, limit matmul", "GF/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_attention,
     .arg = &(const attention){8, 1024, 1024, 128, "causal"}},
    {.rows = {{"fast/attention of 1 query, 8x4096x64", "GB/s", BENCH_MORE, BENCH_OF_RATIO, 0.85}},
     .run = run_decode,
     .arg = &(const attention){8, 1, 4096, 64, ""}},
};

const bench_group bench_fast = {cases, sizeof cases / sizeof cases[0]};
