/* bench/numbers.c - how fast random numbers are made and arrays sorted, beside plain C (limits_numbers.h). */
#include "bench.h"
#include "limits_numbers.h"

enum { Ki = 1 << 10, Mi = 1 << 20, LARGEST = 16 * Mi };

static float *input(void) {
  static float *data;
  if (data == NULL) data = bench_floats_new(LARGEST, -4, 4);
  return data;
}
static float *limit_output(void) {
  static float *output;
  if (output == NULL) output = bench_memory_new((size_t)LARGEST * sizeof *output);
  return output;
}

static int apply_uniform(mlx_array *res, mlx_array a, int count, mlx_stream s) {
  mlx_array none = {NULL}, low = mlx_array_new_float(0), high = mlx_array_new_float(1);
  int code = mlx_random_uniform(res, low, high, (int[]){count}, 1, MLX_FLOAT32, none, s);
  (void)a;
  mlx_array_free(low);
  mlx_array_free(high);
  return code;
}
static int apply_normal(mlx_array *res, mlx_array a, int count, mlx_stream s) {
  (void)a;
  return mlx_random_normal(res, (int[]){count}, 1, MLX_FLOAT32, 0, 1, (mlx_array){NULL}, s);
}
static int apply_sort(mlx_array *res, mlx_array a, int count, mlx_stream s) { return (void)count, mlx_sort(res, a, s); }
static int apply_argsort(mlx_array *res, mlx_array a, int count, mlx_stream s) {
  return (void)count, mlx_argsort(res, a, s);
}
static int apply_topk(mlx_array *res, mlx_array a, int count, mlx_stream s) {
  return (void)count, mlx_topk(res, a, 100, s);
}
static int apply_partition(mlx_array *res, mlx_array a, int count, mlx_stream s) {
  return mlx_partition(res, a, count / 2, s);
}

static int apply_argpartition(mlx_array *res, mlx_array a, int count, mlx_stream s) {
  return mlx_argpartition(res, a, count / 2, s);
}

/* The same array as rows. */
static mlx_array rows_of(mlx_array a, int count, int length, mlx_stream s) {
  mlx_array rows = mlx_array_new();
  BENCH_OK(mlx_reshape(&rows, a, (int[]){count / length, length}, 2, s));
  return rows;
}
static int apply_along(mlx_array *res, mlx_array a, int count, int length, int axis,
                       int (*fn)(mlx_array *res, mlx_array a, int axis, mlx_stream s), mlx_stream s) {
  mlx_array rows = rows_of(a, count, length, s);
  int code = fn(res, rows, axis, s);
  mlx_array_free(rows);
  return code;
}
static int apply_rows_64(mlx_array *res, mlx_array a, int count, mlx_stream s) {
  return apply_along(res, a, count, 64, 1, mlx_sort_axis, s);
}
static int apply_places_64(mlx_array *res, mlx_array a, int count, mlx_stream s) {
  return apply_along(res, a, count, 64, 1, mlx_argsort_axis, s);
}
static int apply_rows_1024(mlx_array *res, mlx_array a, int count, mlx_stream s) {
  return apply_along(res, a, count, 1024, 1, mlx_sort_axis, s);
}
static int apply_places_1024(mlx_array *res, mlx_array a, int count, mlx_stream s) {
  return apply_along(res, a, count, 1024, 1, mlx_argsort_axis, s);
}
static int apply_rows_4096(mlx_array *res, mlx_array a, int count, mlx_stream s) {
  return apply_along(res, a, count, 4096, 1, mlx_sort_axis, s);
}
/* As long as rows of 4096 in an array of 4 Mi. */
static int apply_columns(mlx_array *res, mlx_array a, int count, mlx_stream s) {
  return apply_along(res, a, count, 1024, 0, mlx_sort_axis, s);
}
static int apply_rows_32k(mlx_array *res, mlx_array a, int count, mlx_stream s) {
  return apply_along(res, a, count, 32 * Ki, 1, mlx_sort_axis, s);
}
static int topk_of_axis(mlx_array *res, mlx_array a, int axis, mlx_stream s) {
  return mlx_topk_axis(res, a, 100, axis, s);
}
static int apply_topk_32k(mlx_array *res, mlx_array a, int count, mlx_stream s) {
  return apply_along(res, a, count, 32 * Ki, 1, topk_of_axis, s);
}

typedef int (*numbers_fn)(mlx_array *res, mlx_array a, int count, mlx_stream s);
typedef struct numbers {
  numbers_fn apply;
  bench_loop_fn loop; /* or */
  numbers_fn beside;  /* another operation */
  int count;
} numbers;

static double time_rounds(numbers_fn apply, mlx_array a, int count, int rounds) {
  mlx_array res = mlx_array_new();
  int64_t start = 0;
  for (int i = -2; i < rounds; i++) { /* the first ones wake workers and warm caches */
    if (i == 0) start = bench_now_ns();
    BENCH_OK(apply(&res, a, count, bench_stream(0)));
    BENCH_OK(mlx_array_eval(res));
  }
  mlx_array_free(res);
  return bench_since_ns(start) * 1e-9 / rounds;
}

static void run_numbers(const void *arg, bench_sample *out) {
  const numbers *n = arg;
  mlx_array a = bench_array_new(input(), (int[]){n->count}, 1);
  int rounds = (int)bench_count(16 * Mi) / n->count + 2;
  double giga = n->count * 1e-9;
  bench_loop loop = {input(), NULL, limit_output(), n->count};
  out[0].value = giga / time_rounds(n->apply, a, n->count, rounds);
  out[0].limit =
      giga / (n->loop ? bench_loop_seconds(n->loop, &loop, rounds) : time_rounds(n->beside, a, n->count, rounds));
  mlx_array_free(a);
}

#define ROW(title, goal_on, goal_value, ...)                                                    \
  {                                                                                             \
    .rows = {{"numbers/" title, "Gel/s", BENCH_MORE, goal_on, goal_value}}, .run = run_numbers, \
    .arg = &(const numbers) {                                                                   \
      __VA_ARGS__                                                                               \
    }                                                                                           \
  }
#define SIZES(title, apply, loop)                                    \
  ROW(title " 64 Ki", BENCH_NO_GOAL, 0, apply, loop, NULL, 64 * Ki), \
      ROW(title " 1 Mi", BENCH_NO_GOAL, 0, apply, loop, NULL, Mi),   \
      ROW(title " 16 Mi", BENCH_NO_GOAL, 0, apply, loop, NULL, 16 * Mi)

static const bench_case cases[] = {
    SIZES("uniform", apply_uniform, bench_loop_uniform),
    SIZES("normal", apply_normal, bench_loop_normal),
    SIZES("sort, limit radix and merge,", apply_sort, bench_loop_sort),
    ROW("argsort 4 Mi, limit sort", BENCH_NO_GOAL, 0, apply_argsort, NULL, apply_sort, 4 * Mi),
    ROW("sort rows of 64, limit sort 4 Mi", BENCH_NO_GOAL, 0, apply_rows_64, NULL, apply_sort, 4 * Mi),
    ROW("argsort rows of 64, limit sort", BENCH_NO_GOAL, 0, apply_places_64, NULL, apply_rows_64, 4 * Mi),
    ROW("sort rows of 1024, limit sort 4 Mi", BENCH_NO_GOAL, 0, apply_rows_1024, NULL, apply_sort, 4 * Mi),
    ROW("argsort rows of 1024, limit sort", BENCH_NO_GOAL, 0, apply_places_1024, NULL, apply_rows_1024, 4 * Mi),
    ROW("sort columns of 4096, limit sort rows", BENCH_NO_GOAL, 0, apply_columns, NULL, apply_rows_4096, 4 * Mi),
    ROW("topk of rows of 32 Ki, limit sort", BENCH_OF_RATIO, 5, apply_topk_32k, NULL, apply_rows_32k, 4 * Mi),
    ROW("topk of 64 Ki, limit sort", BENCH_OF_RATIO, 5, apply_topk, NULL, apply_sort, 64 * Ki),
    ROW("topk of 4 Mi, limit sort", BENCH_OF_RATIO, 5, apply_topk, NULL, apply_sort, 4 * Mi),
    ROW("topk of 16 Mi, limit sort", BENCH_OF_RATIO, 5, apply_topk, NULL, apply_sort, 16 * Mi),
    ROW("partition of 64 Ki, limit sort", BENCH_OF_RATIO, 5, apply_partition, NULL, apply_sort, 64 * Ki),
    ROW("partition of 4 Mi, limit sort", BENCH_OF_RATIO, 5, apply_partition, NULL, apply_sort, 4 * Mi),
    ROW("partition of 16 Mi, limit sort", BENCH_OF_RATIO, 5, apply_partition, NULL, apply_sort, 16 * Mi),
    ROW("argpartition of 4 Mi, limit argsort", BENCH_OF_RATIO, 5, apply_argpartition, NULL, apply_argsort, 4 * Mi),
};

const bench_group bench_numbers = {cases, sizeof cases / sizeof cases[0]};
