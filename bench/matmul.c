/* bench/matmul.c - matrix products of many shapes, beside oneDNN (dnnl_direct.h) or plain C that reads a matrix.
 *
 * Each round builds a product and evaluates it into a fresh result. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "dnnl_direct.h"
#include "limits.h"

static const int64_t LARGEST = 16 << 20; /* elements of an operand or a result */

/* Of blocks that begin at different places of a page: loads of one wait for stores to the same place of another. */
static float *memory(int index) {
  static float *blocks[3];
  if (blocks[index] == NULL) blocks[index] = bench_floats_new(LARGEST + 2048, -1, 1);
  return blocks[index] + (index + 1) * 336;
}

/* An operand in the dtype, and where its numbers lie. A turned one is made of its transpose. */
static mlx_array operand(const void **data, const bench_product *p, int index, int rows, int columns, bool turned) {
  int shape[] = {p->batch, turned ? columns : rows, turned ? rows : columns}, skipped = p->batch == 1;
  mlx_stream s = bench_stream(0);
  mlx_array a = bench_array_new(memory(index), shape + skipped, 3 - skipped);
  if (p->dtype != MLX_FLOAT32) BENCH_OK(mlx_astype(&a, a, p->dtype, s));
  BENCH_OK(mlx_array_eval(a));
  if (p->dtype == MLX_FLOAT32)
    *data = mlx_array_data_float32(a);
  else
    *data = p->dtype == MLX_BFLOAT16 ? (const void *)mlx_array_data_bfloat16(a) : mlx_array_data_float16(a);
  if (turned) BENCH_OK(mlx_swapaxes(&a, a, -1, -2, s));
  BENCH_OK(mlx_array_eval(a));
  return a;
}

/* With a term c, which may be NULL. */
static double seconds_with(mlx_array *res, mlx_array a, mlx_array b, const mlx_array *c) {
  int64_t start = bench_now_ns();
  int rounds = 0;
  for (; rounds < 2 || bench_since_ns(start) < BENCH_PRODUCT_NS; rounds++) {
    if (rounds == 1) start = bench_now_ns(); /* the first one wakes workers and warms caches */
    if (c != NULL)
      BENCH_OK(mlx_addmm(res, *c, a, b, 1, 1, bench_stream(0)));
    else
      BENCH_OK(mlx_matmul(res, a, b, bench_stream(0)));
    BENCH_OK(mlx_array_eval(*res));
  }
  return bench_since_ns(start) * 1e-9 / (rounds - 1);
}
static double seconds_of(mlx_array *res, mlx_array a, mlx_array b) { return seconds_with(res, a, b, NULL); }

static float element(const void *data, mlx_dtype dtype, int64_t i) {
  if (dtype == MLX_FLOAT32) return ((const float *)data)[i];
  uint32_t bits = (uint32_t)((const uint16_t *)data)[i] << 16;
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* With what oneDNN, which has no float16, left in `out`. */
static void compare(mlx_array res, const bench_product *p) {
  bool half = p->dtype == MLX_BFLOAT16;
  const void *data = half ? (const void *)mlx_array_data_bfloat16(res) : mlx_array_data_float32(res);
  int64_t count = (int64_t)p->batch * p->m * p->n, step = count / 64 + 1;
  for (int64_t i = 0; i < count; i += step) {
    float got = element(data, p->dtype, i), want = element(p->out, p->dtype, i);
    bench_check(!(fabsf(got - want) <= 1e-6f * (float)p->k + (half ? 0.01f * fabsf(want) : 0)),
                "comparing with oneDNN's result");
  }
}

static void run_product(const void *arg, bench_sample *out) {
  bench_product p = *(const bench_product *)arg;
  double flops = 2.0 * p.batch * p.m * p.n * p.k * 1e-9;
  mlx_array a = operand(&p.a, &p, 0, p.m, p.k, p.a_turned), b = operand(&p.b, &p, 1, p.k, p.n, p.b_turned);
  mlx_array res = mlx_array_new();
  p.out = memory(2);
  out[0].value = flops / seconds_of(&res, a, b);
  double direct = bench_dnnl_product_seconds(&p);
  out[0].limit = direct > 0 ? flops / direct : 0;
  if (direct > 0) compare(res, &p);
  mlx_array_free(a);
  mlx_array_free(b);
  mlx_array_free(res);
}

/* The larger operand's bytes a second. */
static void run_reading(const void *arg, bench_sample *out) {
  bench_product p = *(const bench_product *)arg;
  int64_t count = (int64_t)p.k * (p.m > p.n ? p.m : p.n);
  mlx_array a = operand(&p.a, &p, 0, p.m, p.k, p.a_turned), b = operand(&p.b, &p, 1, p.k, p.n, p.b_turned);
  mlx_array res = mlx_array_new();
  bench_loop loop = {memory(p.m == 1), NULL, memory(2), count / LIMIT_ROW * LIMIT_ROW};
  out[0].value = 4e-9 * (double)count / seconds_of(&res, a, b);
  out[0].limit = 4e-9 * (double)count / bench_loop_seconds(bench_loop_sum, &loop, 20);
  mlx_array_free(a);
  mlx_array_free(b);
  mlx_array_free(res);
}

typedef struct sum_form {
  bench_product product;
  int rows; /* of the term: m, or 1 for all of them */
} sum_form;

/* A product and a term, beside the product alone. */
static void run_addmm(const void *arg, bench_sample *out) {
  const sum_form *form = arg;
  bench_product p = form->product;
  double flops = 2.0 * p.m * p.n * p.k * 1e-9;
  mlx_array a = operand(&p.a, &p, 0, p.m, p.k, false), b = operand(&p.b, &p, 1, p.k, p.n, false);
  mlx_array c = bench_array_new(memory(2), (int[]){form->rows, p.n}, 2), res = mlx_array_new();
  out[0].value = flops / seconds_with(&res, a, b, &c);
  out[0].limit = flops / seconds_of(&res, a, b);
  mlx_array_free(a);
  mlx_array_free(b);
  mlx_array_free(c);
  mlx_array_free(res);
}

/* As many products as an operation each, evaluated together. */
static void run_apart(const void *arg, bench_sample *out) {
  enum { COUNT = 1000 };
  bench_product p = *(const bench_product *)arg;
  mlx_array a = operand(&p.a, &p, 0, p.m, p.k, false), b = operand(&p.b, &p, 1, p.k, p.n, false);
  mlx_array *res = calloc(COUNT, sizeof *res);
  bench_check(res == NULL, "memory for results");
  int64_t start = bench_now_ns();
  int rounds = 0;
  for (; rounds < 2 || bench_since_ns(start) < BENCH_PRODUCT_NS; rounds++) {
    if (rounds == 1) start = bench_now_ns();
    for (int i = 0; i < COUNT; i++) BENCH_OK(mlx_matmul(&res[i], a, b, bench_stream(0)));
    mlx_vector_array all = mlx_vector_array_new_data(res, COUNT);
    BENCH_OK(mlx_eval(all));
    mlx_vector_array_free(all);
  }
  out[0].value = 2e-9 * COUNT * p.m * p.n * p.k * (rounds - 1) / (bench_since_ns(start) * 1e-9);
  for (int i = 0; i < COUNT; i++) mlx_array_free(res[i]);
  free(res);
  mlx_array_free(a);
  mlx_array_free(b);
}

/* Name, goal of the ratio, the product. */
#define ROW(name, ...)                                                                        \
  {                                                                                           \
    .rows = {{"matmul/" name, "GF/s", BENCH_MORE, BENCH_OF_RATIO, 0.95}}, .run = run_product, \
    .arg = &(const bench_product) {                                                           \
      __VA_ARGS__                                                                             \
    }                                                                                         \
  }
#define READING(name, ...)                                                                                    \
  {                                                                                                           \
    .rows = {{"matmul/" name ", limit a sum", "GB/s", BENCH_MORE, BENCH_OF_RATIO, 0.95}}, .run = run_reading, \
    .arg = &(const bench_product) {                                                                           \
      __VA_ARGS__                                                                                             \
    }                                                                                                         \
  }
/* As many rows of the term. The goal leaves room for reading it. */
#define ADDMM(name, count, ...)                                                                                    \
  {                                                                                                                \
    .rows = {{"matmul/addmm " name ", limit matmul", "GF/s", BENCH_MORE, BENCH_OF_RATIO, 0.93}}, .run = run_addmm, \
    .arg = &(const sum_form) {                                                                                     \
      .product = {__VA_ARGS__}, .rows = count                                                                      \
    }                                                                                                              \
  }
#define SHAPE(type, batch, m, k, n) MLX_##type, batch, m, n, k, false, false, NULL, NULL, NULL

/* Rows, k, columns. */
static const bench_case cases[] = {
    ROW("8", SHAPE(FLOAT32, 1, 8, 8, 8)),
    ROW("37x41x43", SHAPE(FLOAT32, 1, 37, 41, 43)),
    ROW("64", SHAPE(FLOAT32, 1, 64, 64, 64)),
    ROW("100", SHAPE(FLOAT32, 1, 100, 100, 100)),
    ROW("128", SHAPE(FLOAT32, 1, 128, 128, 128)),
    ROW("256", SHAPE(FLOAT32, 1, 256, 256, 256)),
    ROW("512", SHAPE(FLOAT32, 1, 512, 512, 512)),
    ROW("1000", SHAPE(FLOAT32, 1, 1000, 1000, 1000)),
    ROW("tall 100000x16x16", SHAPE(FLOAT32, 1, 100000, 16, 16)),
    ROW("tall 4096x64x64", SHAPE(FLOAT32, 1, 4096, 64, 64)),
    ROW("wide 16x16x100000", SHAPE(FLOAT32, 1, 16, 16, 100000)),
    ROW("deep 64x100000x64", SHAPE(FLOAT32, 1, 64, 100000, 64)),
    ROW("512x4096x256", SHAPE(FLOAT32, 1, 512, 4096, 256)),
    ROW("64x4096x4096", SHAPE(FLOAT32, 1, 64, 4096, 4096)),
    ROW("16x4096x4096", SHAPE(FLOAT32, 1, 16, 4096, 4096)),
    ROW("4x4096x4096", SHAPE(FLOAT32, 1, 4, 4096, 4096)),
    ROW("4x4096x4096, columns are runs", MLX_FLOAT32, 1, 4, 4096, 4096, false, true, NULL, NULL, NULL),
    ROW("1024, columns are runs", MLX_FLOAT32, 1, 1024, 1024, 1024, false, true, NULL, NULL, NULL),
    ROW("1024, first turned", MLX_FLOAT32, 1, 1024, 1024, 1024, true, false, NULL, NULL, NULL),
    ROW("1000 of 32", SHAPE(FLOAT32, 1000, 32, 32, 32)),
    {.rows = {{"matmul/1000 of 32 apart", "GF/s", BENCH_MORE, BENCH_NO_GOAL, 0}},
     .run = run_apart,
     .arg = &(const bench_product){SHAPE(FLOAT32, 1, 32, 32, 32)}},
    ROW("64 of 128", SHAPE(FLOAT32, 64, 128, 128, 128)),
    ROW("1x4096x4096", SHAPE(FLOAT32, 1, 1, 4096, 4096)),
    ROW("4096x4096x1", SHAPE(FLOAT32, 1, 4096, 4096, 1)),
    ROW("1x512x512", SHAPE(FLOAT32, 1, 1, 512, 512)),
    READING("1x4096x4096", SHAPE(FLOAT32, 1, 1, 4096, 4096)),
    READING("4096x4096x1", SHAPE(FLOAT32, 1, 4096, 4096, 1)),
    ADDMM("1024", 1024, SHAPE(FLOAT32, 1, 1024, 1024, 1024)),
    ADDMM("4096x64x64 and a row", 1, SHAPE(FLOAT32, 1, 4096, 64, 64)),
    ROW("bfloat16 64", SHAPE(BFLOAT16, 1, 64, 64, 64)),
    ROW("bfloat16 256", SHAPE(BFLOAT16, 1, 256, 256, 256)),
    ROW("bfloat16 1024", SHAPE(BFLOAT16, 1, 1024, 1024, 1024)),
    ROW("bfloat16 1024, columns are runs", MLX_BFLOAT16, 1, 1024, 1024, 1024, false, true, NULL, NULL, NULL),
    ROW("bfloat16 2048", SHAPE(BFLOAT16, 1, 2048, 2048, 2048)),
    ROW("bfloat16 4096", SHAPE(BFLOAT16, 1, 4096, 4096, 4096)),
    ROW("bfloat16 tall 100000x16x16", SHAPE(BFLOAT16, 1, 100000, 16, 16)),
    ROW("bfloat16 wide 64x1024x4096", SHAPE(BFLOAT16, 1, 64, 1024, 4096)),
    ROW("bfloat16 1000 of 32", SHAPE(BFLOAT16, 1000, 32, 32, 32)),
    ROW("bfloat16 4x4096x4096", SHAPE(BFLOAT16, 1, 4, 4096, 4096)),
    ROW("bfloat16 1x4096x4096", SHAPE(BFLOAT16, 1, 1, 4096, 4096)),
    ROW("float16 256", SHAPE(FLOAT16, 1, 256, 256, 256)),
    ROW("float16 1024", SHAPE(FLOAT16, 1, 1024, 1024, 1024)),
    ROW("float16 2048", SHAPE(FLOAT16, 1, 2048, 2048, 2048)),
    ROW("float16 4x4096x4096", SHAPE(FLOAT16, 1, 4, 4096, 4096)),
};

const bench_group bench_matmul = {cases, sizeof cases / sizeof cases[0]};
