/* bench/memory.c - what programs leave behind: memory in use after many arrays, threads and deep graphs. */
#include "bench.h"

/* Growth of the memory in use by `fn` once it has run `warm` times, KiB. */
static double growth_kib(void (*fn)(void), int warm) {
  for (int i = 0; i < warm; i++) fn();
  bench_resident_bytes();
  int64_t before = bench_resident_bytes();
  fn();
  return (double)(bench_resident_bytes() - before) / 1024;
}

static void make_arrays(void) {
  static const float data[16];
  for (int64_t i = 0; i < bench_count(1000000); i++) {
    mlx_array a = mlx_array_new_data(data, (int[]){16}, 1, MLX_FLOAT32);
    bench_check(a.ctx == NULL, "mlx_array_new_data");
    mlx_array_free(a);
  }
}

static void run_arrays(const void *arg, bench_sample *out) {
  (void)arg;
  out[0].value = growth_kib(make_arrays, 1);
}

static void *evaluate_once(void *arg) {
  mlx_array one = mlx_array_new_float32(1), a = mlx_array_new();
  BENCH_OK(mlx_add(&a, one, one, (mlx_stream){NULL}));
  bench_check(bench_item(a) != 2, "the sum");
  mlx_array_free(a);
  mlx_array_free(one);
  return arg;
}

static void run_threads_once(void) {
  void *args[1] = {NULL};
  for (int64_t i = 0; i < bench_count(10000); i++) bench_threads(1, evaluate_once, args);
}

static void run_threads(const void *arg, bench_sample *out) {
  (void)arg;
  out[0].value = growth_kib(run_threads_once, 1);
}

/* A graph of 1,000,000 ops: memory before it is evaluated, after a smaller one has warmed everything up. */
static void run_graph_bytes(const void *arg, bench_sample *out) {
  (void)arg;
  int64_t n = bench_count(1000000);
  mlx_array one = mlx_array_new_float32(1), a = mlx_array_new_float32(0);
  bench_add_chain(&a, one, n / 100, 1);
  int64_t before = bench_resident_bytes();
  bench_add_chain(&a, one, n, 1);
  out[0].value = (double)(bench_resident_bytes() - before) / (double)n;
  mlx_array_free(a);
  mlx_array_free(one);
}

static void *deep_chain(void *arg) {
  int64_t n = bench_count(1000000);
  mlx_array one = mlx_array_new_float32(1), a = mlx_array_new_float32(0);
  bench_add_chain(&a, one, n, 1);
  *(double *)arg = bench_item(a) == (float)n;
  mlx_array_free(a);
  /* Freed without being evaluated. */
  a = mlx_array_new_float32(0);
  bench_add_chain(&a, one, n, 1);
  mlx_array_free(a);
  mlx_array_free(one);
  return NULL;
}

static void run_deep(const void *arg, bench_sample *out) {
  (void)arg;
  bench_thread_on_stack(deep_chain, &out[0].value, 64 << 10);
}

static const bench_case cases[] = {
    {.rows = {{"memory/growth by 1,000,000 arrays", "KiB", BENCH_LESS, BENCH_OF_VALUE, 0}},
     .run = run_arrays,
     .alone = true},
    {.rows = {{"memory/growth by 10,000 threads", "KiB", BENCH_LESS, BENCH_OF_VALUE, 0}},
     .run = run_threads,
     .alone = true},
    {.rows = {{"memory/an op of a graph", "bytes", BENCH_LESS, BENCH_OF_VALUE, 256}},
     .run = run_graph_bytes,
     .alone = true},
    {.rows = {{"memory/1,000,000 ops deep on a 64 KiB stack", "works", BENCH_MORE, BENCH_OF_VALUE, 1}},
     .run = run_deep,
     .alone = true},
};

const bench_group bench_memory = {cases, sizeof cases / sizeof cases[0]};
