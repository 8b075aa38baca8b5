/* bench/streams.c - what overlaps: two chains that have nothing to do with each other, on two streams.
 *
 * The value is measured with all workers, the limit with one. Links are short, and each core has a chain of its own. */
#include "bench.h"
#include "headrace/runtime.h"
#include "limits.h"

enum { ELEMENTS = 32 << 10 }; /* 6 us a link of AVX-512, 19 of AVX2 */

typedef enum evaluation { BY_ONE_THREAD, BY_TWO_THREADS, ASYNC } evaluation;

static int64_t links(void) { return bench_count(2000); }

static void *eval_thread(void *arg) {
  BENCH_OK(mlx_array_eval(*(mlx_array *)arg));
  return NULL;
}

static void evaluate(mlx_array ends[2], evaluation how) {
  mlx_vector_array all = mlx_vector_array_new_data(ends, 2);
  switch (how) {
    case BY_ONE_THREAD: BENCH_OK(mlx_eval(all)); break;
    case BY_TWO_THREADS: bench_threads(2, eval_thread, (void *[]){&ends[0], &ends[1]}); break;
    case ASYNC:
      BENCH_OK(mlx_async_eval(all));
      for (int i = 0; i < 2; i++) BENCH_OK(mlx_array_eval(ends[i]));
      break;
  }
  mlx_vector_array_free(all);
}

/* Links a millisecond, on `workers` workers. */
static double rate(int workers, evaluation how) {
  static float *data;
  if (data == NULL) data = bench_floats_new(ELEMENTS, -1, 1);
  mlx_array ends[2];
  BENCH_OK(hr_set_threads(workers));
  for (int i = 0; i < 2; i++) {
    ends[i] = bench_array_new(data, (int[]){ELEMENTS}, 1);
    for (int64_t k = 0; k < links(); k++) BENCH_OK(mlx_tanh(&ends[i], ends[i], bench_stream(i)));
  }
  int64_t start = bench_now_ns();
  evaluate(ends, how);
  double ns = bench_since_ns(start);
  for (int i = 0; i < 2; i++) mlx_array_free(ends[i]);
  return 2 * (double)links() / ns * 1e6;
}

static void run_two_chains(const void *arg, bench_sample *out) {
  evaluation how = *(const evaluation *)arg;
  int all = hr_threads();
  out[0].value = rate(all, how);
  out[0].limit = rate(1, how);
  BENCH_OK(hr_set_threads(all));
}

/* What the machine itself gives: the same work in plain C on two threads and on one. Cores that share execution units,
 * or a clock that falls, keep it below 2, and with it the rows above. */
static void run_plain(const void *arg, bench_sample *out) {
  (void)arg;
  static bench_loop both;
  if (both.out == NULL)
    both =
        (bench_loop){bench_floats_new(2 * ELEMENTS, -1, 1), NULL, bench_floats_new(2 * ELEMENTS, 0, 1), 2 * ELEMENTS};
  out[0].value = 2 / bench_loop_seconds(bench_loop_tanh, &both, (int)links()) * 1e-3;
  int64_t start = bench_now_ns();
  for (int64_t k = 0; k < links(); k++) bench_loop_tanh(&both, 0, ELEMENTS);
  out[0].limit = (double)links() / bench_since_ns(start) * 1e6;
}

static const bench_case cases[] = {
    {.rows = {{"streams/two chains, eval, to one worker", "ops/ms", BENCH_MORE, BENCH_OF_RATIO, 1.9}},
     .run = run_two_chains,
     .arg = &(const evaluation){BY_ONE_THREAD}},
    {.rows = {{"streams/two chains, two threads, to one worker", "ops/ms", BENCH_MORE, BENCH_OF_RATIO, 1.9}},
     .run = run_two_chains,
     .arg = &(const evaluation){BY_TWO_THREADS}},
    {.rows = {{"streams/two chains, async_eval, to one worker", "ops/ms", BENCH_MORE, BENCH_OF_RATIO, 1.9}},
     .run = run_two_chains,
     .arg = &(const evaluation){ASYNC}},
    {.rows = {{"streams/two threads of plain C, to one", "ops/ms", BENCH_MORE, BENCH_NO_GOAL, 0}}, .run = run_plain},
};

const bench_group bench_streams = {cases, sizeof cases / sizeof cases[0]};
