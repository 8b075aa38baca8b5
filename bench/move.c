/* bench/move.c - how fast elements are moved, picked, broadcast and summed along axes, beside plain C (limits_move.h).
 *
 * Each round builds an operation and evaluates it into a fresh result. GB/s count what the operation has to read and
 * write once, of float32. */
#include <stdlib.h>

#include "bench.h"
#include "limits_move.h"

enum { Ki = 1 << 10, Mi = 1 << 20, LARGEST = 16 * Mi };

static float *numbers(int index) {
  static float *inputs[2];
  if (inputs[index] == NULL) inputs[index] = bench_floats_new(2 * LARGEST, -4, 4);
  return inputs[index];
}
static float *limit_output(void) {
  static float *output;
  if (output == NULL) output = bench_memory_new((size_t)LARGEST * sizeof *output);
  return output;
}

/* `count` places in [0, below), in no order. */
static int32_t *places(int64_t count, int64_t below) {
  static int32_t *memory;
  if (memory == NULL) memory = bench_memory_new((size_t)LARGEST * sizeof *memory);
  uint32_t x = 1;
  for (int64_t i = 0; i < count; i++) {
    x ^= x << 13, x ^= x >> 17, x ^= x << 5;
    memory[i] = (int32_t)(x % (uint64_t)below);
  }
  return memory;
}

/* The operands a and b of an operation whose result, or input for sums, has `count` elements. */
typedef struct operands {
  mlx_array a, b;
  const void *limit_b;
} operands;

typedef struct movement {
  void (*make)(operands *out, int64_t count);
  int (*apply)(mlx_array *res, mlx_array a, mlx_array b, mlx_stream s);
  bench_loop_fn loop;
  int64_t count;
  double bytes; /* read and written, per element */
} movement;

static int64_t side_of(int64_t count) { return (int64_t)1 << (63 - __builtin_clzll((unsigned long long)count)) / 2; }

static mlx_array square(int index, int64_t count) {
  int side = (int)side_of(count);
  return bench_array_new(numbers(index), (int[]){side, side}, 2);
}
static mlx_array rows(int index, int64_t count) {
  return bench_array_new(numbers(index), (int[]){(int)(count / LIMIT_ROW), LIMIT_ROW}, 2);
}
static mlx_array int32s(const int32_t *data, int64_t count) {
  return mlx_array_new_data(data, (int[]){(int)count}, 1, MLX_INT32);
}
/* Every second element. */
static mlx_array every_second(int index, int64_t count) {
  mlx_array all = bench_array_new(numbers(index), (int[]){(int)(2 * count)}, 1), out = mlx_array_new();
  BENCH_OK(mlx_slice(&out, all, (int[]){0}, 1, (int[]){(int)(2 * count)}, 1, (int[]){2}, 1, bench_stream(0)));
  BENCH_OK(mlx_array_eval(out));
  mlx_array_free(all);
  return out;
}

static void make_square(operands *out, int64_t count) {
  mlx_array a = square(0, count);
  *out = (operands){mlx_array_new(), square(1, count), numbers(1)};
  BENCH_OK(mlx_transpose(&out->a, a, bench_stream(0)));
  BENCH_OK(mlx_array_eval(out->a));
  mlx_array_free(a);
}
static void make_take(operands *out, int64_t count) {
  const int32_t *indices = places(count, count);
  *out = (operands){bench_array_new(numbers(0), (int[]){(int)count}, 1), int32s(indices, count), indices};
}
static void make_take_rows(operands *out, int64_t count) {
  int64_t many = count / LIMIT_TAKE_ROW;
  const int32_t *indices = places(many, many);
  *out = (operands){bench_array_new(numbers(0), (int[]){(int)many, LIMIT_TAKE_ROW}, 2), int32s(indices, many), indices};
}
static void make_every_second(operands *out, int64_t count) {
  *out = (operands){every_second(0, count), every_second(1, count), numbers(1)};
}
static void make_row(operands *out, int64_t count) {
  *out = (operands){rows(0, count), bench_array_new(numbers(1), (int[]){LIMIT_ROW}, 1), numbers(1)};
}
static void make_column(operands *out, int64_t count) {
  int many = (int)(count / LIMIT_ROW);
  *out = (operands){rows(0, count), bench_array_new(numbers(1), (int[]){many, 1}, 2), numbers(1)};
}

static int apply_copy(mlx_array *res, mlx_array a, mlx_array b, mlx_stream s) {
  return (void)b, mlx_contiguous(res, a, false, s);
}
static int apply_add(mlx_array *res, mlx_array a, mlx_array b, mlx_stream s) { return mlx_add(res, a, b, s); }
static int apply_take(mlx_array *res, mlx_array a, mlx_array b, mlx_stream s) { return mlx_take_axis(res, a, b, 0, s); }
static int apply_sum_rows(mlx_array *res, mlx_array a, mlx_array b, mlx_stream s) {
  return (void)b, mlx_sum_axis(res, a, 1, false, s);
}
static int apply_sum_columns(mlx_array *res, mlx_array a, mlx_array b, mlx_stream s) {
  return (void)b, mlx_sum_axis(res, a, 0, false, s);
}
static int apply_bfloat16(mlx_array *res, mlx_array a, mlx_array b, mlx_stream s) {
  return (void)b, mlx_astype(res, a, MLX_BFLOAT16, s);
}
static int apply_cumsum(mlx_array *res, mlx_array a, mlx_array b, mlx_stream s) {
  return (void)b, mlx_cumsum(res, a, 1, false, true, s);
}

static double time_rounds(const movement *m, const operands *in, int rounds) {
  mlx_array res = mlx_array_new();
  int64_t start = 0;
  for (int i = -2; i < rounds; i++) { /* the first ones wake workers and warm caches */
    if (i == 0) start = bench_now_ns();
    BENCH_OK(m->apply(&res, in->a, in->b, bench_stream(0)));
    BENCH_OK(mlx_array_eval(res));
  }
  double seconds = bench_since_ns(start) * 1e-9 / rounds;
  mlx_array_free(res);
  return seconds;
}

static void run_movement(const void *arg, bench_sample *out) {
  const movement *m = arg;
  operands in;
  m->make(&in, m->count);
  int rounds = (int)(bench_count(32 * Mi) / m->count) + 2;
  bench_loop loop = {numbers(0), in.limit_b, limit_output(), m->count};
  double giga = m->bytes * (double)m->count * 1e-9;
  out[0].value = giga / time_rounds(m, &in, rounds);
  out[0].limit = giga / bench_loop_seconds(m->loop, &loop, rounds);
  mlx_array_free(in.a);
  mlx_array_free(in.b);
}

#define ROW(title, size, ...)                                                                       \
  {                                                                                                 \
    .rows = {{"move/" title " " #size, "GB/s", BENCH_MORE, BENCH_NO_GOAL, 0}}, .run = run_movement, \
    .arg = &(const movement) {                                                                      \
      __VA_ARGS__                                                                                   \
    }                                                                                               \
  }
#define SIZES(title, make, apply, loop, bytes)                                                          \
  ROW(title, 64 Ki, make, apply, loop, 64 * Ki, bytes), ROW(title, 1 Mi, make, apply, loop, Mi, bytes), \
      ROW(title, 16 Mi, make, apply, loop, 16 * Mi, bytes)

static const bench_case cases[] = {
    SIZES("transposed copy", make_square, apply_copy, bench_loop_transpose, 8),
    SIZES("add of a transposed array", make_square, apply_add, bench_loop_add_transposed, 12),
    SIZES("take of elements", make_take, apply_take, bench_loop_take, 12),
    SIZES("take of rows", make_take_rows, apply_take, bench_loop_take_rows, 8),
    SIZES("add of every second", make_every_second, apply_add, bench_loop_add_every_second, 20),
    SIZES("add of a row", make_row, apply_add, bench_loop_add_row, 8),
    SIZES("add of a column", make_column, apply_add, bench_loop_add_column, 8),
    SIZES("sum of rows", make_row, apply_sum_rows, bench_loop_sum_rows, 4),
    SIZES("sum of columns", make_row, apply_sum_columns, bench_loop_sum_columns, 4),
    SIZES("cast to bfloat16", make_row, apply_bfloat16, bench_loop_to_bfloat16, 6),
    SIZES("cumsum of rows", make_row, apply_cumsum, bench_loop_cumsum_rows, 8),
};

const bench_group bench_move = {cases, sizeof cases / sizeof cases[0]};
