/* bench/fft.c - Fourier transforms, beside KISS FFT called directly on the same data, on two pinned threads where there
 * are several rows. GF/s count 5 n log2 n operations for n complex values, half of that for real ones. */
#include <kissfft/kiss_fft.h>
#include <math.h>

#include "bench.h"
#include "limits.h"

typedef int (*transform_fn)(mlx_array *res, mlx_array a, int n, mlx_stream stream);

static int apply_fft(mlx_array *res, mlx_array a, int n, mlx_stream s) {
  return mlx_fft_fft(res, a, n, -1, MLX_FFT_NORM_BACKWARD, s);
}
static int apply_columns(mlx_array *res, mlx_array a, int n, mlx_stream s) {
  return mlx_fft_fft(res, a, n, 0, MLX_FFT_NORM_BACKWARD, s);
}
static int apply_rfft(mlx_array *res, mlx_array a, int n, mlx_stream s) {
  return mlx_fft_rfft(res, a, n, -1, MLX_FFT_NORM_BACKWARD, s);
}

typedef struct transform {
  transform_fn fn;
  int rows, n;
  bool real;
} transform;

/* The limit's: rows of `direct_length` complex values. Set before the threads start. */
static kiss_fft_cfg direct;
static int direct_length;

static void direct_rows(const bench_loop *loop, int64_t first, int64_t end) {
  for (int64_t at = first; at < end; at += 2 * direct_length)
    kiss_fft(direct, (const kiss_fft_cpx *)(loop->a + at), (kiss_fft_cpx *)(loop->out + at));
}

enum { LARGEST = 4 << 20 };

static double direct_seconds(float *from, const transform *t, int rounds) {
  static float *to;
  if (to == NULL) to = bench_memory_new(LARGEST * sizeof *to);
  bench_loop loop = {.a = from, .out = to, .count = (int64_t)t->rows * t->n * (t->real ? 1 : 2)};
  direct_length = t->real ? t->n / 2 : t->n;
  direct = kiss_fft_alloc(direct_length, 0, NULL, NULL);
  bench_check(direct == NULL, "kiss_fft_alloc");
  double seconds = 0;
  if (t->rows > 1) {
    seconds = bench_loop_seconds(direct_rows, &loop, rounds);
  } else {
    int64_t start = bench_now_ns();
    for (int i = 0; i < rounds; i++) direct_rows(&loop, 0, loop.count);
    seconds = bench_since_ns(start) * 1e-9 / rounds;
  }
  kiss_fft_free(direct);
  return seconds;
}

static void run_transform(const void *arg, bench_sample *out) {
  static float *from;
  const transform *t = arg;
  if (from == NULL) from = bench_floats_new(LARGEST, -1, 1);
  double gflops = (t->real ? 2.5e-9 : 5e-9) * t->rows * t->n * log2(t->n);
  int rounds = (int)bench_count(20 << 20) / (t->rows * t->n) + 2;
  int shape[] = {t->rows, t->n};
  mlx_array a = mlx_array_new_data(from, shape, 2, t->real ? MLX_FLOAT32 : MLX_COMPLEX64), res = mlx_array_new();
  int64_t start = 0;
  for (int i = -1; i < rounds; i++) {
    if (i == 0) start = bench_now_ns();
    BENCH_OK(t->fn(&res, a, t->fn == apply_columns ? t->rows : t->n, bench_stream(0)));
    BENCH_OK(mlx_array_eval(res));
  }
  out[0].value = gflops / (bench_since_ns(start) * 1e-9 / rounds);
  out[0].limit = gflops / direct_seconds(from, t, rounds);
  mlx_array_free(a);
  mlx_array_free(res);
}

#define ROW(name) .rows = {{name, "GF/s", BENCH_MORE, BENCH_NO_GOAL, 0}}, .run = run_transform

static const bench_case cases[] = {
    {ROW("fft/1024 rows of 1024"), .arg = &(const transform){apply_fft, 1024, 1024, false}},
    {ROW("fft/1024 columns of 1024, limit rows"), .arg = &(const transform){apply_columns, 1024, 1024, false}},
    {ROW("fft/16384 rows of 64"), .arg = &(const transform){apply_fft, 16384, 64, false}},
    {ROW("fft/one row of 1 Mi, limit one thread"), .arg = &(const transform){apply_fft, 1, 1 << 20, false}},
    {ROW("fft/rfft of 1024 rows of 1024, limit complex of half"),
     .arg = &(const transform){apply_rfft, 1024, 1024, true}},
};

const bench_group bench_fft = {cases, sizeof cases / sizeof cases[0]};
