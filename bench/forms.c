/* bench/forms.c - more forms of what kernels.c and move.c time: small arrays, bfloat16, sums along an axis in the
 * middle, scatters and rotary positions, beside plain C (limits_forms.h). GB/s count what is read and written once. */
#include <math.h>

#include "bench.h"
#include "limits_forms.h"

enum { Ki = 1 << 10, Mi = 1 << 20, LARGEST = 16 * Mi };

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

/* bfloat16 in [-4, 4): upper halves of floats. */
static float *halves(int index) {
  static float *memory[2];
  if (memory[index] != NULL) return memory[index];
  memory[index] = bench_memory_new((size_t)LARGEST * sizeof(uint16_t));
  uint16_t *to = (uint16_t *)(void *)memory[index];
  for (int64_t i = 0; i < LARGEST; i++) to[i] = ((const uint16_t *)(const void *)input(index))[2 * i + 1];
  return memory[index];
}

/* For the limit, ready before it runs: cosines and sines of position times 10000^(-i / half), a row of both for each
 * position. The library makes them in each call. */
static float *table(void) {
  enum { HALF = LIMIT_HEAD / 2 };
  static float *memory;
  if (memory != NULL) return memory;
  memory = bench_memory_new((size_t)LIMIT_LONG * LIMIT_HEAD * sizeof *memory);
  for (int p = 0; p < LIMIT_LONG; p++)
    for (int i = 0; i < HALF; i++) {
      double angle = p * pow(10000, -(double)i / HALF);
      memory[p * LIMIT_HEAD + i] = (float)cos(angle);
      memory[p * LIMIT_HEAD + HALF + i] = (float)sin(angle);
    }
  return memory;
}

typedef struct operands {
  mlx_array a, b, rows;
  const float *limit_a, *limit_b;
} operands;

typedef struct form {
  void (*make)(operands *out, int64_t count);
  int (*apply)(mlx_array *res, const operands *in, mlx_stream s);
  bench_loop_fn loop;
  int64_t count;
  double bytes; /* read and written, per element */
} form;

static void keep_memory(void *data) { (void)data; }

static mlx_array rows_of(float *data, int64_t count, mlx_dtype dtype) {
  int shape[] = {(int)(count / LIMIT_ROW), LIMIT_ROW};
  mlx_array a = mlx_array_new_data_managed(data, shape, 2, dtype, keep_memory);
  bench_check(a.ctx == NULL, "mlx_array_new_data_managed");
  return a;
}

static void make_floats(operands *out, int64_t count) {
  *out = (operands){rows_of(input(0), count, MLX_FLOAT32), rows_of(input(1), count, MLX_FLOAT32), mlx_array_new(),
                    input(0), input(1)};
}
static void make_halves(operands *out, int64_t count) {
  *out = (operands){rows_of(halves(0), count, MLX_BFLOAT16), rows_of(halves(1), count, MLX_BFLOAT16), mlx_array_new(),
                    halves(0), halves(1)};
}
static void make_middle(operands *out, int64_t count) {
  int shape[] = {(int)(count / (LIMIT_MIDDLE * LIMIT_ROW)), LIMIT_MIDDLE, LIMIT_ROW};
  *out = (operands){bench_array_new(input(0), shape, 3), mlx_array_new(), mlx_array_new(), input(0), NULL};
}
/* Each half of the rows in reverse. */
static void make_scatter(operands *out, int64_t count) {
  static int32_t places[LARGEST / LIMIT_ROW];
  int many = (int)(count / LIMIT_ROW), half = many / 2;
  for (int i = 0; i < many; i++) places[i] = i < half ? half - 1 - i : many + half - 1 - i;
  make_floats(out, count);
  mlx_array_free(out->b);
  mlx_array_free(out->rows);
  out->b = bench_array_new(input(1), (int[]){many, 1, LIMIT_ROW}, 3);
  out->rows = mlx_array_new_data(places, &many, 1, MLX_INT32);
}
static void make_rope(operands *out, int64_t count) {
  int shape[] = {1, (int)(count / (LIMIT_LONG * LIMIT_HEAD)), LIMIT_LONG, LIMIT_HEAD};
  *out = (operands){bench_array_new(input(0), shape, 4), mlx_array_new(), mlx_array_new(), input(0), table()};
}

static int apply_add(mlx_array *res, const operands *in, mlx_stream s) { return mlx_add(res, in->a, in->b, s); }
static int apply_sum(mlx_array *res, const operands *in, mlx_stream s) { return mlx_sum(res, in->a, false, s); }
static int apply_sum_middle(mlx_array *res, const operands *in, mlx_stream s) {
  return mlx_sum_axis(res, in->a, 1, false, s);
}
static int apply_scatter(mlx_array *res, const operands *in, mlx_stream s) {
  return mlx_scatter_add_single(res, in->a, in->rows, in->b, 0, s);
}
static int apply_rope(mlx_array *res, const operands *in, mlx_stream s) {
  mlx_array none = {NULL};
  mlx_optional_float base = {.value = 10000, .has_value = true};
  return mlx_fast_rope(res, in->a, LIMIT_HEAD, false, base, 1, 0, none, s);
}

static double time_rounds(const form *f, const operands *in, int rounds) {
  mlx_array res = mlx_array_new();
  int64_t start = 0;
  for (int i = -2; i < rounds; i++) { /* the first ones wake workers and warm caches */
    if (i == 0) start = bench_now_ns();
    BENCH_OK(f->apply(&res, in, bench_stream(0)));
    BENCH_OK(mlx_array_eval(res));
  }
  double seconds = bench_since_ns(start) * 1e-9 / rounds;
  mlx_array_free(res);
  return seconds;
}

static void run_form(const void *arg, bench_sample *out) {
  const form *f = arg;
  operands in;
  f->make(&in, f->count);
  int rounds = (int)(bench_count(32 * Mi) / f->count) + 2;
  bench_loop loop = {in.limit_a, in.limit_b, limit_output(), f->count};
  double giga = f->bytes * (double)f->count * 1e-9;
  out[0].value = giga / time_rounds(f, &in, rounds);
  out[0].limit = giga / bench_loop_seconds(f->loop, &loop, rounds);
  mlx_array_free(in.a);
  mlx_array_free(in.b);
  mlx_array_free(in.rows);
}

#define ROW(title, size, ...)                                                                                          \
  {                                                                                                                    \
    .rows = {{"move/" title " " #size, "GB/s", BENCH_MORE, BENCH_NO_GOAL, 0}}, .run = run_form, .arg = &(const form) { \
      __VA_ARGS__                                                                                                      \
    }                                                                                                                  \
  }
#define SIZES(title, make, apply, loop, bytes)                                                          \
  ROW(title, 64 Ki, make, apply, loop, 64 * Ki, bytes), ROW(title, 1 Mi, make, apply, loop, Mi, bytes), \
      ROW(title, 16 Mi, make, apply, loop, 16 * Mi, bytes)

static const bench_case cases[] = {
    ROW("add", 1 Ki, make_floats, apply_add, bench_loop_add, Ki, 12),
    ROW("sum", 1 Ki, make_floats, apply_sum, bench_loop_sum, Ki, 4),
    SIZES("add of bfloat16", make_halves, apply_add, bench_loop_add_bfloat16, 6),
    SIZES("sum of bfloat16", make_halves, apply_sum, bench_loop_sum_bfloat16, 2),
    SIZES("sum of the middle axis", make_middle, apply_sum_middle, bench_loop_sum_middle, 4),
    SIZES("scatter_add of rows", make_scatter, apply_scatter, bench_loop_scatter_rows, 12),
    SIZES("rope, limit with a ready table", make_rope, apply_rope, bench_loop_rope, 8),
};

const bench_group bench_forms = {cases, sizeof cases / sizeof cases[0]};
