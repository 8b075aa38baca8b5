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
};

const bench_group bench_fast = {cases, sizeof cases / sizeof cases[0]};
