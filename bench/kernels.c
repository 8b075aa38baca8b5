/* bench/kernels.c - how fast operations are, beside plain C on the same data (limits.h) and oneDNN (dnnl.h).
 *
 * Each round builds an operation and evaluates it into a fresh result. GB/s count what the operation has to read and
 * write once. */
#include <math.h>

#include "bench.h"
#include "dnnl_direct.h"
#include "limits.h"

static const int64_t LARGEST = 64 << 20;

/* Inputs in [-4, 4), and the memory that limits write to. */
static float *input(int index) {
  static float *inputs[2];
  if (inputs[index] == NULL) inputs[index] = bench_floats_new(LARGEST, -4, 4);
  return inputs[index];
}
static float *limit_output(void) {
  static float *output;
  if (output == NULL) output = bench_memory_new((size_t)LARGEST * sizeof *output);
  return output;
}

typedef int (*kernel_fn)(mlx_array *res, mlx_array a, mlx_array b, mlx_stream stream);

static int apply_add(mlx_array *res, mlx_array a, mlx_array b, mlx_stream s) { return mlx_add(res, a, b, s); }
static int apply_exp(mlx_array *res, mlx_array a, mlx_array b, mlx_stream s) { return (void)b, mlx_exp(res, a, s); }
static int apply_tanh(mlx_array *res, mlx_array a, mlx_array b, mlx_stream s) { return (void)b, mlx_tanh(res, a, s); }
static int apply_sum(mlx_array *res, mlx_array a, mlx_array b, mlx_stream s) {
  return (void)b, mlx_sum(res, a, false, s);
}
static int apply_argmax(mlx_array *res, mlx_array a, mlx_array b, mlx_stream s) {
  return (void)b, mlx_argmax(res, a, false, s);
}
static int apply_softmax(mlx_array *res, mlx_array a, mlx_array b, mlx_stream s) {
  return (void)b, mlx_softmax_axis(res, a, -1, false, s);
}
static int apply_matmul(mlx_array *res, mlx_array a, mlx_array b, mlx_stream s) { return mlx_matmul(res, a, b, s); }

/* Seconds of a round; `res` is left with the last result. */
static double time_rounds(kernel_fn fn, mlx_array *res, mlx_array a, mlx_array b, int rounds) {
  int64_t start = 0;
  for (int i = -1; i < rounds; i++) { /* the first one wakes workers and warms caches */
    if (i == 0) start = bench_now_ns();
    BENCH_OK(fn(res, a, b, bench_stream(0)));
    BENCH_OK(mlx_array_eval(*res));
  }
  return bench_since_ns(start) * 1e-9 / rounds;
}

typedef struct kernel {
  kernel_fn fn;
  bench_loop_fn loop;
  int64_t count;                 /* a multiple of LIMIT_ROW */
  double per_count, limit_count; /* billions of the unit: this many an element, of value and limit */
} kernel;

/* Results of elementwise operations have to agree with the limit's. */
static void compare(mlx_array res, const kernel *k) {
  if ((int64_t)mlx_array_size(res) != k->count || k->per_count != k->limit_count) return;
  const float *got = mlx_array_data_float32(res), *want = limit_output();
  for (int64_t i = 0; i < k->count; i += k->count / 64)
    bench_check(!(fabsf(got[i] - want[i]) <= 1e-5f + 1e-4f * fabsf(want[i])), "comparing the kernel's result");
}

static void run_kernel(const void *arg, bench_sample *out) {
  const kernel *k = arg;
  int shape[] = {(int)(k->count / LIMIT_ROW), LIMIT_ROW};
  int rounds = (int)(bench_count(64 << 20) / k->count) + 2;
  mlx_array a = bench_array_new(input(0), shape, 2), b = bench_array_new(input(1), shape, 2), res = mlx_array_new();
  bench_loop loop = {input(0), input(1), limit_output(), k->count};
  double value = time_rounds(k->fn, &res, a, b, rounds);
  double limit = bench_loop_seconds(k->loop, &loop, rounds);
  compare(res, k);
  out[0].value = k->per_count * (double)k->count * 1e-9 / value;
  out[0].limit = k->limit_count * (double)k->count * 1e-9 / limit;
  mlx_array_free(a);
  mlx_array_free(b);
  mlx_array_free(res);
}

static mlx_array matrix(int index, int n) { return bench_array_new(input(index), (int[]){n, n}, 2); }

static void run_matmul(const void *arg, bench_sample *out) {
  int n = *(const int *)arg, rounds = (int)bench_count(40) * 1024 / n * 1024 / n * 1024 / n + 1;
  double flops = 2.0 * n * n * n * 1e-9;
  mlx_array a = matrix(0, n), b = matrix(1, n), res = mlx_array_new();
  out[0].value = flops / time_rounds(apply_matmul, &res, a, b, rounds);
  double direct = bench_dnnl_seconds(limit_output(), input(0), input(1), n, rounds);
  out[0].limit = direct > 0 ? flops / direct : 0;
  mlx_array_free(a);
  mlx_array_free(b);
  mlx_array_free(res);
}

/* --- chains of products with and without elementwise work in between --- */

enum { LINKS = 8, MIXED = 1024 };

/* Seconds of LINKS links, each a product, a tanh or both. */
static double time_mixed(bool product, bool elementwise) {
  mlx_array a = matrix(0, MIXED), b = matrix(1, MIXED);
  mlx_stream stream = bench_stream(0);
  int64_t start = bench_now_ns();
  for (int i = 0; i < LINKS; i++) {
    if (product) BENCH_OK(mlx_matmul(&a, a, b, stream));
    if (elementwise) BENCH_OK(mlx_tanh(&a, a, stream));
  }
  BENCH_OK(mlx_array_eval(a));
  double seconds = bench_since_ns(start) * 1e-9;
  mlx_array_free(a);
  mlx_array_free(b);
  return seconds;
}

static void run_mixed(const void *arg, bench_sample *out) {
  (void)arg;
  out[0].value = time_mixed(true, true) * 1e3;
  out[0].limit = (time_mixed(true, false) + time_mixed(false, true)) * 1e3;
}

enum { Ki = 1 << 10, Mi = 1 << 20 };

static const bench_case cases[] = {
    {.rows = {{"kernels/add 64 Mi, limit copy", "GB/s", BENCH_MORE, BENCH_OF_RATIO, 0.8}},
     .run = run_kernel,
     .arg = &(const kernel){apply_add, bench_loop_copy, 64 * Mi, 12, 8}},
    {.rows = {{"kernels/add 64 Ki", "GB/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_kernel,
     .arg = &(const kernel){apply_add, bench_loop_add, 64 * Ki, 12, 12}},
    {.rows = {{"kernels/add 1 Mi", "GB/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_kernel,
     .arg = &(const kernel){apply_add, bench_loop_add, Mi, 12, 12}},
    {.rows = {{"kernels/add 16 Mi", "GB/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_kernel,
     .arg = &(const kernel){apply_add, bench_loop_add, 16 * Mi, 12, 12}},
    {.rows = {{"kernels/exp 64 Ki", "Gel/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_kernel,
     .arg = &(const kernel){apply_exp, bench_loop_exp, 64 * Ki, 1, 1}},
    {.rows = {{"kernels/exp 1 Mi", "Gel/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_kernel,
     .arg = &(const kernel){apply_exp, bench_loop_exp, Mi, 1, 1}},
    {.rows = {{"kernels/exp 16 Mi", "Gel/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_kernel,
     .arg = &(const kernel){apply_exp, bench_loop_exp, 16 * Mi, 1, 1}},
    {.rows = {{"kernels/tanh 64 Ki", "Gel/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_kernel,
     .arg = &(const kernel){apply_tanh, bench_loop_tanh, 64 * Ki, 1, 1}},
    {.rows = {{"kernels/tanh 1 Mi", "Gel/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_kernel,
     .arg = &(const kernel){apply_tanh, bench_loop_tanh, Mi, 1, 1}},
    {.rows = {{"kernels/tanh 16 Mi", "Gel/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_kernel,
     .arg = &(const kernel){apply_tanh, bench_loop_tanh, 16 * Mi, 1, 1}},
    {.rows = {{"kernels/sum 64 Ki", "GB/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_kernel,
     .arg = &(const kernel){apply_sum, bench_loop_sum, 64 * Ki, 4, 4}},
    {.rows = {{"kernels/sum 1 Mi", "GB/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_kernel,
     .arg = &(const kernel){apply_sum, bench_loop_sum, Mi, 4, 4}},
    {.rows = {{"kernels/sum 16 Mi", "GB/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_kernel,
     .arg = &(const kernel){apply_sum, bench_loop_sum, 16 * Mi, 4, 4}},
    {.rows = {{"kernels/argmax 64 Ki", "GB/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_kernel,
     .arg = &(const kernel){apply_argmax, bench_loop_argmax, 64 * Ki, 4, 4}},
    {.rows = {{"kernels/argmax 1 Mi", "GB/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_kernel,
     .arg = &(const kernel){apply_argmax, bench_loop_argmax, Mi, 4, 4}},
    {.rows = {{"kernels/argmax 16 Mi", "GB/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_kernel,
     .arg = &(const kernel){apply_argmax, bench_loop_argmax, 16 * Mi, 4, 4}},
    {.rows = {{"kernels/softmax of rows, 64 Ki", "Gel/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_kernel,
     .arg = &(const kernel){apply_softmax, bench_loop_softmax, 64 * Ki, 1, 1}},
    {.rows = {{"kernels/softmax of rows, 1 Mi", "Gel/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_kernel,
     .arg = &(const kernel){apply_softmax, bench_loop_softmax, Mi, 1, 1}},
    {.rows = {{"kernels/softmax of rows, 16 Mi", "Gel/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_kernel,
     .arg = &(const kernel){apply_softmax, bench_loop_softmax, 16 * Mi, 1, 1}},
    {.rows = {{"kernels/matmul 512, limit oneDNN", "GF/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_matmul,
     .arg = &(const int){512}},
    {.rows = {{"kernels/matmul 2048, limit oneDNN", "GF/s", BENCH_MORE, BENCH_OF_RATIO, 0.95}},
     .run = run_matmul,
     .arg = &(const int){2048}},
    {.rows = {{"kernels/matmul and tanh, limit apart", "ms", BENCH_LESS, BENCH_OF_RATIO, 1.1}}, .run = run_mixed},
};

const bench_group bench_kernels = {cases, sizeof cases / sizeof cases[0]};
