/* bench/quant.c - products with quantised matrices, beside reading the same bytes (few rows) and oneDNN's product of
 * float32 matrices (many). */
#include "bench.h"
#include "dnnl_direct.h"
#include "limits.h"

/* w (n, k), its scales and biases in bfloat16; x (m, k). */
typedef struct quant_case {
  int m, n, k, bits, group;
  mlx_dtype dtype; /* of x */
} quant_case;

typedef struct operands {
  mlx_array x, words, scales, biases;
} operands;

static mlx_optional_int some(int value) { return (mlx_optional_int){value, true}; }

static float *numbers(void) {
  static float *memory;
  if (memory == NULL) memory = bench_floats_new(64 << 20, -1, 1);
  return memory;
}

static void part(mlx_array *to, mlx_vector_array parts, size_t index) {
  *to = mlx_array_new();
  BENCH_OK(mlx_vector_array_get(to, parts, index));
  BENCH_OK(mlx_array_eval(*to));
}

static operands operands_new(const quant_case *q) {
  operands o;
  mlx_array w = bench_array_new(numbers(), (int[]){q->n, q->k}, 2);
  mlx_vector_array parts = mlx_vector_array_new();
  BENCH_OK(mlx_astype(&w, w, MLX_BFLOAT16, bench_stream(0)));
  BENCH_OK(mlx_quantize(&parts, w, some(q->group), some(q->bits), "affine", (mlx_array){0}, bench_stream(0)));
  part(&o.words, parts, 0);
  part(&o.scales, parts, 1);
  part(&o.biases, parts, 2);
  o.x = bench_array_new(numbers(), (int[]){q->m, q->k}, 2);
  BENCH_OK(mlx_astype(&o.x, o.x, q->dtype, bench_stream(0)));
  BENCH_OK(mlx_array_eval(o.x));
  mlx_vector_array_free(parts);
  mlx_array_free(w);
  return o;
}

static void operands_free(operands o) {
  mlx_array_free(o.x);
  mlx_array_free(o.words);
  mlx_array_free(o.scales);
  mlx_array_free(o.biases);
}

/* Seconds of a product. */
static double product_seconds(const quant_case *q, const operands *o, int rounds) {
  mlx_array res = mlx_array_new();
  int64_t start = 0;
  for (int i = -1; i < rounds; i++) { /* the first one wakes workers and warms caches */
    if (i == 0) start = bench_now_ns();
    BENCH_OK(mlx_quantized_matmul(&res, o->x, o->words, o->scales, o->biases, true, some(q->group), some(q->bits),
                                  "affine", bench_stream(0)));
    BENCH_OK(mlx_array_eval(res));
  }
  double seconds = bench_since_ns(start) * 1e-9 / rounds;
  mlx_array_free(res);
  return seconds;
}

/* Bytes of words, scales and biases a second; the limit adds up as many bytes of floats. */
static void run_rows(const void *arg, bench_sample *out) {
  const quant_case *q = arg;
  operands o = operands_new(q);
  int64_t bytes = (int64_t)(mlx_array_nbytes(o.words) + mlx_array_nbytes(o.scales) + mlx_array_nbytes(o.biases));
  int rounds = (int)(bench_count(40) * (1 + ((int64_t)32 << 20) / bytes));
  static float partial[1 << 16];
  bench_loop loop = {numbers(), NULL, partial, bytes / 4 / LIMIT_ROW * LIMIT_ROW};
  out[0].value = (double)bytes * 1e-9 / product_seconds(q, &o, rounds);
  out[0].limit = (double)bytes * 1e-9 / bench_loop_seconds(bench_loop_sum, &loop, rounds);
  operands_free(o);
}

static void run_square(const void *arg, bench_sample *out) {
  const quant_case *q = arg;
  int n = q->n, rounds = (int)bench_count(40) * 1024 / n * 1024 / n * 1024 / n + 1;
  double flops = 2.0 * n * n * n * 1e-9;
  static float *result;
  if (result == NULL) result = bench_memory_new((size_t)2048 * 2048 * sizeof *result);
  operands o = operands_new(q);
  out[0].value = flops / product_seconds(q, &o, rounds);
  double direct = bench_dnnl_seconds(result, numbers(), numbers() + n * n, n, rounds);
  out[0].limit = direct > 0 ? flops / direct : 0;
  operands_free(o);
}

/* Bytes of the float matrix a second, one way or the other. */
static void run_convert(const void *arg, bench_sample *out) {
  const quant_case *q = arg;
  int rounds = (int)bench_count(20);
  operands o = operands_new(q);
  mlx_array w = bench_array_new(numbers(), (int[]){q->n, q->k}, 2), back = mlx_array_new();
  mlx_vector_array parts = mlx_vector_array_new();
  double bytes = 4e-9 * q->n * q->k, seconds[2] = {0, 0};
  for (int i = -1; i < rounds; i++) {
    int64_t start = bench_now_ns();
    mlx_array words;
    BENCH_OK(mlx_quantize(&parts, w, some(q->group), some(q->bits), "affine", (mlx_array){0}, bench_stream(0)));
    part(&words, parts, 0);
    int64_t middle = bench_now_ns();
    BENCH_OK(mlx_dequantize(&back, o.words, o.scales, o.biases, some(q->group), some(q->bits), "affine", (mlx_array){0},
                            (mlx_optional_dtype){0}, bench_stream(0)));
    BENCH_OK(mlx_array_eval(back));
    if (i >= 0) seconds[0] += (double)(middle - start) * 1e-9, seconds[1] += bench_since_ns(middle) * 1e-9;
    mlx_array_free(words);
  }
  for (int i = 0; i < 2; i++) out[i] = (bench_sample){bytes * rounds / seconds[i], 0};
  mlx_array_free(w);
  mlx_array_free(back);
  mlx_vector_array_free(parts);
  operands_free(o);
}

enum { HIDDEN = 4096, INNER = 14336 };

static const bench_case cases[] = {
    {.rows = {{"quant/4 bits, bfloat16 row, limit reading", "GB/s", BENCH_MORE, BENCH_OF_RATIO, 0.85}},
     .run = run_rows,
     .arg = &(const quant_case){1, INNER, HIDDEN, 4, 64, MLX_BFLOAT16}},
    {.rows = {{"quant/4 bits, float16 row, limit reading", "GB/s", BENCH_MORE, BENCH_OF_RATIO, 0.85}},
     .run = run_rows,
     .arg = &(const quant_case){1, INNER, HIDDEN, 4, 64, MLX_FLOAT16}},
    {.rows = {{"quant/4 bits, 1 row, limit reading", "GB/s", BENCH_MORE, BENCH_OF_RATIO, 0.85}},
     .run = run_rows,
     .arg = &(const quant_case){1, INNER, HIDDEN, 4, 64, MLX_FLOAT32}},
    {.rows = {{"quant/4 bits, 1 row, from cache, limit reading", "GB/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_rows,
     .arg = &(const quant_case){1, 2048, 1024, 4, 64, MLX_FLOAT32}},
    {.rows = {{"quant/8 bits, 1 row, limit reading", "GB/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_rows,
     .arg = &(const quant_case){1, INNER, HIDDEN, 8, 64, MLX_FLOAT32}},
    {.rows = {{"quant/3 bits, 1 row, limit reading", "GB/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_rows,
     .arg = &(const quant_case){1, INNER, HIDDEN, 3, 64, MLX_FLOAT32}},
    {.rows = {{"quant/2 bits, 1 row, limit reading", "GB/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_rows,
     .arg = &(const quant_case){1, INNER, HIDDEN, 2, 64, MLX_FLOAT32}},
    {.rows = {{"quant/5 bits, 1 row, limit reading", "GB/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_rows,
     .arg = &(const quant_case){1, INNER, HIDDEN, 5, 64, MLX_FLOAT32}},
    {.rows = {{"quant/6 bits, 1 row, limit reading", "GB/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_rows,
     .arg = &(const quant_case){1, INNER, HIDDEN, 6, 64, MLX_FLOAT32}},
    {.rows = {{"quant/4 bits, 2 rows, limit reading", "GB/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_rows,
     .arg = &(const quant_case){2, INNER, HIDDEN, 4, 64, MLX_FLOAT32}},
    {.rows = {{"quant/4 bits, 4 rows, limit reading", "GB/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_rows,
     .arg = &(const quant_case){4, INNER, HIDDEN, 4, 64, MLX_FLOAT32}},
    {.rows = {{"quant/4 bits, 8 rows, limit reading", "GB/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_rows,
     .arg = &(const quant_case){8, INNER, HIDDEN, 4, 64, MLX_FLOAT32}},
    {.rows = {{"quant/4 bits, 16 rows, limit reading", "GB/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_rows,
     .arg = &(const quant_case){16, INNER, HIDDEN, 4, 64, MLX_FLOAT32}},
    {.rows = {{"quant/8 bits, 1024, limit oneDNN", "GF/s", BENCH_MORE, BENCH_OF_RATIO, 0.95}},
     .run = run_square,
     .arg = &(const quant_case){1024, 1024, 1024, 8, 64, MLX_FLOAT32}},
    {.rows = {{"quant/8 bits, 2048, limit oneDNN", "GF/s", BENCH_MORE, BENCH_OF_RATIO, 0.95}},
     .run = run_square,
     .arg = &(const quant_case){2048, 2048, 2048, 8, 64, MLX_FLOAT32}},
    {.rows = {{"quant/4 bits, 2048, limit oneDNN", "GF/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_square,
     .arg = &(const quant_case){2048, 2048, 2048, 4, 64, MLX_FLOAT32}},
    {.rows = {{"quant/quantize 16 Mi", "GB/s", BENCH_MORE, BENCH_NO_GOAL, 0},
              {"quant/dequantize 16 Mi", "GB/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_convert,
     .arg = &(const quant_case){HIDDEN, HIDDEN, HIDDEN, 4, 64, MLX_FLOAT32}},
};

const bench_group bench_quant = {cases, sizeof cases / sizeof cases[0]};
