/* bench/engine.c - what an operation costs besides its arithmetic: building, evaluating, hopping between streams.
 *
 * Chains add 1 to a float32 scalar; the result is read and compared, so nothing is measured that did not happen. */
#include <math.h>

#include "bench.h"

enum { CHAIN = 20000 };

static mlx_array scalar(float value) {
  mlx_array a = mlx_array_new_float32(value);
  bench_check(a.ctx == NULL, "mlx_array_new_float32");
  return a;
}

typedef struct chain_times {
  double build_ns, eval_ns; /* an op */
} chain_times;

/* One chain of n ops, in turn on the first `stream_count` streams. */
static chain_times time_chain(int64_t n, int stream_count) {
  mlx_array one = scalar(1), a = scalar(0);
  int64_t start = bench_now_ns();
  bench_add_chain(&a, one, n, stream_count);
  int64_t built = bench_now_ns();
  BENCH_OK(mlx_array_eval(a));
  double eval_ns = bench_since_ns(built);
  bench_check(bench_item(a) != (float)n, "the chain's value");
  mlx_array_free(a);
  mlx_array_free(one);
  return (chain_times){(double)(built - start) / (double)n, eval_ns / (double)n};
}

static void run_chain(const void *arg, bench_sample *out) {
  (void)arg;
  chain_times times = time_chain(CHAIN, 1);
  out[0].value = times.build_ns;
  out[1].value = times.build_ns + times.eval_ns;
}

static void run_single(const void *arg, bench_sample *out) {
  (void)arg;
  int64_t n = bench_count(50000);
  mlx_array one = scalar(1), a = mlx_array_new();
  mlx_stream stream = bench_stream(0);
  float sum = 0;
  int64_t start = bench_now_ns();
  for (int64_t i = 0; i < n; i++) {
    BENCH_OK(mlx_add(&a, one, one, stream));
    sum += bench_item(a);
  }
  out[0].value = bench_since_ns(start) / (double)n * 1e-3;
  bench_check(sum != 2 * (float)n, "the sum of single adds");
  mlx_array_free(a);
  mlx_array_free(one);
}

static void run_hop(const void *arg, bench_sample *out) {
  (void)arg;
  out[0].value = time_chain(CHAIN, 2).eval_ns * 1e-3;
}

/* Value: the chain goes round 64 streams. Limit: it stays on one. */
static void run_round_streams(const void *arg, bench_sample *out) {
  (void)arg;
  chain_times many = time_chain(CHAIN, 64), one = time_chain(CHAIN, 1);
  out[0] = (bench_sample){many.build_ns + many.eval_ns, one.build_ns + one.eval_ns};
}

/* The cost of an op of `count` chains, each on a stream of its own, evaluated together: CHAIN ops in all. */
static double time_chains(int count) {
  mlx_array one = scalar(1), ends[64];
  int64_t start = bench_now_ns();
  for (int i = 0; i < count; i++) {
    ends[i] = scalar(0);
    for (int k = 0; k < CHAIN / count; k++) BENCH_OK(mlx_add(&ends[i], ends[i], one, bench_stream(i)));
  }
  mlx_vector_array all = mlx_vector_array_new_data(ends, (size_t)count);
  BENCH_OK(mlx_eval(all));
  double ns = bench_since_ns(start) / (CHAIN / count * count);
  mlx_vector_array_free(all);
  for (int i = 0; i < count; i++) mlx_array_free(ends[i]);
  mlx_array_free(one);
  return ns;
}

static void run_own_streams(const void *arg, bench_sample *out) {
  (void)arg;
  out[0] = (bench_sample){time_chains(64), time_chains(1)};
}

/* Value: the dearest size of a graph, limit: the cheapest, from 100 to 1,000,000 ops. */
static void run_sizes(const void *arg, bench_sample *out) {
  (void)arg;
  double dearest = 0, cheapest = INFINITY;
  for (int64_t n = 100; n <= bench_count(1000000); n *= 10) {
    int repeats = (int)(100000 / n) + 1;
    double ns = 0;
    for (int i = 0; i < repeats; i++) {
      chain_times times = time_chain(n, 1);
      ns += (times.build_ns + times.eval_ns) / repeats;
    }
    dearest = fmax(dearest, ns);
    cheapest = fmin(cheapest, ns);
  }
  out[0] = (bench_sample){dearest, cheapest};
}

/* --- threads --- */

typedef struct evaluator {
  mlx_stream stream; /* empty: the thread's default stream */
  int64_t ops;
} evaluator;

static void *evaluate_adds(void *arg) {
  evaluator *self = arg;
  mlx_array one = scalar(1), a = mlx_array_new();
  for (int64_t i = 0; i < self->ops; i++) {
    BENCH_OK(mlx_add(&a, one, one, self->stream));
    BENCH_OK(mlx_array_eval(a));
  }
  mlx_array_free(a);
  mlx_array_free(one);
  return NULL;
}

/* Million evaluations a second, of `count` threads together. */
static double evaluations(int count, mlx_stream stream) {
  evaluator self = {stream, bench_count(400000) / count};
  void *args[8];
  for (int i = 0; i < count; i++) args[i] = &self;
  int64_t start = bench_now_ns();
  bench_threads(count, evaluate_adds, args);
  return (double)(self.ops * count) / bench_since_ns(start) * 1e3;
}

static void run_threads_own(const void *arg, bench_sample *out) {
  const mlx_stream none = {NULL};
  (void)arg;
  out[0] = (bench_sample){evaluations(8, none), evaluations(1, none)};
}

static void run_threads_shared(const void *arg, bench_sample *out) {
  (void)arg;
  out[0] = (bench_sample){evaluations(8, bench_stream(0)), evaluations(1, bench_stream(0))};
}

/* --- async_eval --- */

static void run_async_light(const void *arg, bench_sample *out) {
  int64_t n = *(const int *)arg;
  mlx_array one = scalar(1), a = scalar(0);
  bench_add_chain(&a, one, n, 1);
  int64_t start = bench_now_ns();
  bench_async(a);
  out[0].value = bench_since_ns(start) / (double)n;
  bench_check(bench_item(a) != (float)n, "the chain's value");
  mlx_array_free(a);
  mlx_array_free(one);
}

/* Ops of about 20 us, a chain. */
static void run_async_heavy(const void *arg, bench_sample *out) {
  (void)arg;
  static float *data;
  if (data == NULL) data = bench_floats_new(64 << 10, -1, 1);
  int64_t n = bench_count(2000);
  mlx_array a = bench_array_new(data, (int[]){64 << 10}, 1);
  for (int64_t i = 0; i < n; i++) BENCH_OK(mlx_tanh(&a, a, bench_stream(0)));
  int64_t start = bench_now_ns();
  bench_async(a);
  out[0].value = bench_since_ns(start) / (double)n;
  BENCH_OK(mlx_array_eval(a));
  mlx_array_free(a);
}

static const bench_case cases[] = {
    {.rows = {{"engine/build an op", "ns", BENCH_LESS, BENCH_OF_VALUE, 100},
              {"engine/build and evaluate an op", "ns", BENCH_LESS, BENCH_OF_VALUE, 250}},
     .run = run_chain},
    {.rows = {{"engine/evaluate one add and read it", "us", BENCH_LESS, BENCH_OF_VALUE, 1}}, .run = run_single},
    {.rows = {{"engine/hop between two streams", "us", BENCH_LESS, BENCH_OF_VALUE, 1}}, .run = run_hop},
    {.rows = {{"engine/8 threads, own streams, to 1", "M/s", BENCH_MORE, BENCH_OF_RATIO, 1.8}}, .run = run_threads_own},
    {.rows = {{"engine/8 threads, one stream, to 1", "M/s", BENCH_MORE, BENCH_OF_RATIO, 0.4}},
     .run = run_threads_shared},
    {.rows = {{"engine/op in graphs of 100 to 1,000,000", "ns", BENCH_LESS, BENCH_OF_RATIO, 1.5}}, .run = run_sizes},
    {.rows = {{"engine/op in chains on 64 streams, to 1", "ns", BENCH_LESS, BENCH_OF_RATIO, 1.5}},
     .run = run_own_streams},
    {.rows = {{"engine/op in a chain round 64 streams, to 1", "ns", BENCH_LESS, BENCH_NO_GOAL, 0}},
     .run = run_round_streams},
    {.rows = {{"engine/async_eval, an op of 20,000", "ns", BENCH_LESS, BENCH_OF_VALUE, 100}},
     .run = run_async_light,
     .arg = &(const int){20000}},
    {.rows = {{"engine/async_eval, an op of 1,000,000", "ns", BENCH_LESS, BENCH_OF_VALUE, 100}},
     .run = run_async_light,
     .arg = &(const int){1000000}},
    {.rows = {{"engine/async_eval, a heavy op of 2,000", "ns", BENCH_LESS, BENCH_OF_VALUE, 100}},
     .run = run_async_heavy},
};

const bench_group bench_engine = {cases, sizeof cases / sizeof cases[0]};
