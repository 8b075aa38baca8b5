/* bench/latency.c - how long short jobs and callbacks wait while long jobs keep all cores busy. */
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "headrace/headrace.h"

enum { SAMPLES = 1000, SHORT_NS = 10000, LONG_NS = 50000000, FIRST_BUSY_STREAM = 8, MATRIX = 2048, SHORT = 32 << 10 };
static const int64_t LARGE = 64 << 20;

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The value that a share `q` of the sorted samples does not exceed. */
static double percentile(const double *sorted, int count, double q) {
  int place = (int)(q * count + 0.999999) - 1;
  return sorted[place < count ? place : count - 1];
}

/* --- long jobs --- */

typedef enum job_kind { JOB_MATMUL, JOB_EXP, JOB_USER } job_kind;

static _Atomic(bool) stop_jobs;

static int long_call(void *arg, const hr_call_view *in, size_t in_count, const hr_call_view *out, size_t out_count) {
  (void)arg, (void)in, (void)in_count, (void)out, (void)out_count;
  int64_t end = bench_now_ns() + LONG_NS;
  while (bench_now_ns() < end && !atomic_load_explicit(&stop_jobs, memory_order_relaxed)) continue;
  return 0;
}

static void queue_long_job(job_kind kind, mlx_stream stream) {
  static float *data;
  if (data == NULL) data = bench_floats_new(LARGE, -1, 1);
  if (kind == JOB_USER) {
    BENCH_OK(hr_stream_call(NULL, long_call, NULL, NULL, (mlx_vector_array){NULL}, NULL, 0, stream));
    return;
  }
  mlx_array y = mlx_array_new(), x;
  if (kind == JOB_MATMUL) {
    x = bench_array_new(data, (int[]){MATRIX, MATRIX}, 2);
    BENCH_OK(mlx_matmul(&y, x, x, stream));
  } else {
    x = bench_array_new(data, (int[]){(int)LARGE}, 1);
    BENCH_OK(mlx_exp(&y, x, stream));
  }
  bench_async(y);
  mlx_array_free(x);
  mlx_array_free(y);
}

/* Enough for all samples; what is left is cancelled. */
static void start_long_jobs(job_kind kind, int streams) {
  atomic_store_explicit(&stop_jobs, false, memory_order_relaxed);
  for (int k = 0; k < 400; k++)
    for (int i = 0; i < streams; i++) queue_long_job(kind, bench_stream(FIRST_BUSY_STREAM + i));
}

static void end_long_jobs(int streams) {
  atomic_store_explicit(&stop_jobs, true, memory_order_relaxed);
  for (int i = 0; i < streams; i++) BENCH_OK(hr_stream_cancel(bench_stream(FIRST_BUSY_STREAM + i)));
  for (int i = 0; i < streams; i++) BENCH_OK(hr_synchronize(bench_stream(FIRST_BUSY_STREAM + i), -1));
}

/* --- short jobs: seconds from asking to having the result --- */

static int short_call(void *arg, const hr_call_view *in, size_t in_count, const hr_call_view *out, size_t out_count) {
  (void)arg, (void)in, (void)in_count, (void)out, (void)out_count;
  bench_spin_ns(SHORT_NS);
  return 0;
}

static double time_short_job(job_kind kind) {
  static float *data;
  if (data == NULL) data = bench_floats_new(SHORT, -1, 1);
  mlx_stream stream = bench_stream(0);
  int64_t start = bench_now_ns();
  if (kind == JOB_USER) {
    BENCH_OK(hr_stream_call(NULL, short_call, NULL, NULL, (mlx_vector_array){NULL}, NULL, 0, stream));
    BENCH_OK(hr_synchronize(stream, -1));
  } else {
    mlx_array x = bench_array_new(data, (int[]){SHORT}, 1), y = mlx_array_new();
    BENCH_OK(mlx_tanh(&y, x, stream));
    bench_async(y);
    BENCH_OK(mlx_array_eval(y));
    mlx_array_free(x);
    mlx_array_free(y);
  }
  return bench_since_ns(start) * 1e-9;
}

/* Sorted seconds of `count` short jobs, one every now and then. */
static void time_short_jobs(double *seconds, int count, job_kind kind) {
  for (int i = 0; i < count; i++) {
    usleep(500);
    seconds[i] = time_short_job(kind);
  }
  qsort(seconds, (size_t)count, sizeof *seconds, by_size);
}

typedef struct load {
  job_kind kind;
  int streams;
} load;

/* Delays in ms: what a short job takes longer than with nothing else to do. */
static void run_delay(const void *arg, bench_sample *out) {
  static double seconds[SAMPLES];
  const load *busy = arg;
  int count = (int)bench_count(SAMPLES);
  time_short_jobs(seconds, count / 10, busy->kind);
  double alone = percentile(seconds, count / 10, 0.5);
  start_long_jobs(busy->kind, busy->streams);
  time_short_jobs(seconds, count, busy->kind);
  end_long_jobs(busy->streams);
  out[0].value = (percentile(seconds, count, 0.99) - alone) * 1e3;
  out[1].value = (percentile(seconds, count, 0.999) - alone) * 1e3;
}

/* --- callbacks: from the end of a task to the callback --- */

typedef struct callback_times {
  int64_t ended_ns, called_ns;
  sem_t called;
} callback_times;

static int ending_call(void *arg, const hr_call_view *in, size_t in_count, const hr_call_view *out, size_t out_count) {
  (void)in, (void)in_count, (void)out, (void)out_count;
  bench_spin_ns(100000);
  ((callback_times *)arg)->ended_ns = bench_now_ns();
  return 0;
}

static void note_call(void *arg, hr_status status) {
  (void)status;
  callback_times *times = arg;
  times->called_ns = bench_now_ns();
  sem_post(&times->called);
}

static void run_callback(const void *arg, bench_sample *out) {
  (void)arg;
  static double us[SAMPLES];
  int count = (int)bench_count(SAMPLES);
  callback_times times;
  sem_init(&times.called, 0, 0);
  for (int i = 0; i < count; i++) {
    hr_fence *fence;
    BENCH_OK(hr_stream_call(NULL, ending_call, &times, NULL, (mlx_vector_array){NULL}, NULL, 0, bench_stream(0)));
    BENCH_OK(hr_fence_of_stream(&fence, bench_stream(0)));
    BENCH_OK(hr_on_complete(NULL, fence, note_call, &times, NULL));
    while (sem_wait(&times.called) != 0) continue;
    hr_fence_release(fence);
    us[i] = (double)(times.called_ns - times.ended_ns) * 1e-3;
  }
  sem_destroy(&times.called);
  qsort(us, (size_t)count, sizeof *us, by_size);
  out[0].value = percentile(us, count, 0.5);
  out[1].value = percentile(us, count, 0.99);
}

static const bench_case cases[] = {
    {.rows = {{"latency/99% beside 2 matmul", "ms", BENCH_LESS, BENCH_OF_VALUE, 3},
              {"latency/99.9% beside 2 matmul", "ms", BENCH_LESS, BENCH_OF_VALUE, 10}},
     .run = run_delay,
     .arg = &(const load){JOB_MATMUL, 2}},
    {.rows = {{"latency/99% beside 4 matmul", "ms", BENCH_LESS, BENCH_OF_VALUE, 3},
              {"latency/99.9% beside 4 matmul", "ms", BENCH_LESS, BENCH_OF_VALUE, 10}},
     .run = run_delay,
     .arg = &(const load){JOB_MATMUL, 4}},
    {.rows = {{"latency/99% beside 2 exp of 64 Mi", "ms", BENCH_LESS, BENCH_OF_VALUE, 3},
              {"latency/99.9% beside 2 exp of 64 Mi", "ms", BENCH_LESS, BENCH_OF_VALUE, 10}},
     .run = run_delay,
     .arg = &(const load){JOB_EXP, 2}},
    {.rows = {{"latency/99% beside 4 exp of 64 Mi", "ms", BENCH_LESS, BENCH_OF_VALUE, 3},
              {"latency/99.9% beside 4 exp of 64 Mi", "ms", BENCH_LESS, BENCH_OF_VALUE, 10}},
     .run = run_delay,
     .arg = &(const load){JOB_EXP, 4}},
    {.rows = {{"latency/99% beside 2 user functions", "ms", BENCH_LESS, BENCH_OF_VALUE, 3},
              {"latency/99.9% beside 2 user functions", "ms", BENCH_LESS, BENCH_OF_VALUE, 10}},
     .run = run_delay,
     .arg = &(const load){JOB_USER, 2}},
    {.rows = {{"latency/99% beside 4 user functions", "ms", BENCH_LESS, BENCH_OF_VALUE, 3},
              {"latency/99.9% beside 4 user functions", "ms", BENCH_LESS, BENCH_OF_VALUE, 10}},
     .run = run_delay,
     .arg = &(const load){JOB_USER, 4}},
    {.rows = {{"latency/callback, median", "us", BENCH_LESS, BENCH_NO_GOAL, 0},
              {"latency/callback, 99%", "us", BENCH_LESS, BENCH_NO_GOAL, 0}},
     .run = run_callback},
};

const bench_group bench_latency = {cases, sizeof cases / sizeof cases[0]};
