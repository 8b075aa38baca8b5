/* bench/math.c - how fast functions of float32 are, beside plain C loops over the C library (limits_math.h). */
#include "bench.h"
#include "limits_math.h"

enum { Ki = 1 << 10, Mi = 1 << 20, LARGEST = 16 * Mi };

#define X(name, call, plain, low, high) \
  static int apply_##name(mlx_array *res, mlx_array a, mlx_array b, mlx_stream s) { return (void)b, call(res, a, s); }
BENCH_MATH_UNARY(X)
#undef X
#define X(name, call, plain, low, high) \
  static int apply_##name(mlx_array *res, mlx_array a, mlx_array b, mlx_stream s) { return call(res, a, b, s); }
BENCH_MATH_BINARY(X)
#undef X

typedef struct math {
  int (*apply)(mlx_array *res, mlx_array a, mlx_array b, mlx_stream s);
  bench_loop_fn loop;
  int count;
  float low, high;
} math;

static double time_rounds(const math *m, mlx_array a, mlx_array b, int rounds) {
  mlx_array res = mlx_array_new();
  int64_t start = 0;
  for (int i = -2; i < rounds; i++) { /* the first ones wake workers and warm caches */
    if (i == 0) start = bench_now_ns();
    BENCH_OK(m->apply(&res, a, b, bench_stream(0)));
    BENCH_OK(mlx_array_eval(res));
  }
  mlx_array_free(res);
  return bench_since_ns(start) * 1e-9 / rounds;
}

/* Values in [0, 1) as long as the process lives, and room for those of a row and for what limits write. */
typedef struct memory {
  float *unit[2], *in[2], *out;
} memory;

static memory *get_memory(void) {
  static memory m;
  if (m.out) return &m;
  for (int k = 0; k < 2; k++) {
    m.unit[k] = bench_floats_new(LARGEST + 1024, 0, 1) + 1000 * k;
    m.in[k] = bench_memory_new(LARGEST * sizeof(float));
  }
  m.out = bench_memory_new(LARGEST * sizeof(float));
  return &m;
}

static void run_math(const void *arg, bench_sample *out) {
  const math *m = arg;
  memory *mem = get_memory();
  for (int k = 0; k < 2; k++)
    for (int i = 0; i < m->count; i++) mem->in[k][i] = m->low + (m->high - m->low) * mem->unit[k][i];
  mlx_array a = bench_array_new(mem->in[0], &m->count, 1), b = bench_array_new(mem->in[1], &m->count, 1);
  int rounds = (int)bench_count(LARGEST) / m->count + 1;
  bench_loop loop = {mem->in[0], mem->in[1], mem->out, m->count};
  out[0].value = m->count * 1e-9 / time_rounds(m, a, b, rounds);
  out[0].limit = m->count * 1e-9 / bench_loop_seconds(m->loop, &loop, rounds);
  mlx_array_free(a);
  mlx_array_free(b);
}

#define ROW(name, size, count, low, high)                                                                              \
  {                                                                                                                    \
    .rows = {{"math/" #name " " size, "Gel/s", BENCH_MORE, BENCH_NO_GOAL, 0}}, .run = run_math, .arg = &(const math) { \
      apply_##name, bench_loop_##name, count, low, high                                                                \
    }                                                                                                                  \
  }
#define X(name, call, plain, low, high) \
  ROW(name, "64 Ki", 64 * Ki, low, high), ROW(name, "1 Mi", Mi, low, high), ROW(name, "16 Mi", 16 * Mi, low, high),
static const bench_case cases[] = {BENCH_MATH_UNARY(X) BENCH_MATH_BINARY(X)};

const bench_group bench_math = {cases, sizeof cases / sizeof cases[0]};
