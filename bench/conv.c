/* bench/conv.c - convolutions beside oneDNN's direct ones (dnnl_direct.h).
 *
 * Each round packs the weights and makes a fresh result; oneDNN gets both made before. The limit is oneDNN at its best
 * on what Headrace is given: channels last, or layouts of its own with the time of making them and back. GF/s count the
 * products of weights with elements of the input, not with zeros between them. */
#include <math.h>
#include <string.h>

#include "bench.h"
#include "dnnl_direct.h"

static const int64_t LARGEST = 10 << 20; /* elements of an input or a result, and a bit */
static const double ROUND_FLOPS = 2e9;

/* Of blocks that begin at different places of a page: loads of one wait for stores to the same place of another. */
static void *memory(int index, bool half) {
  static float *blocks[6];
  float **block = &blocks[half ? 3 + index : index];
  if (*block == NULL) {
    *block = bench_floats_new(LARGEST, -1, 1);
    for (int64_t i = 0; half && i < LARGEST; i++) ((uint16_t *)*block)[i] = (uint16_t)((0x3f80 + i % 61) | i % 2 << 15);
  }
  return *block + (index + 1) * 336;
}

static void keep(void *data) { (void)data; }

static mlx_array array_of(int index, int first, const int *middle, int last, const bench_conv *c) {
  int shape[5] = {first};
  for (int i = 0; i < c->axes; i++) shape[1 + i] = middle[i];
  shape[1 + c->axes] = last;
  return mlx_array_new_data_managed(memory(index, c->half), shape, 2 + c->axes, c->half ? MLX_BFLOAT16 : MLX_FLOAT32,
                                    keep);
}

static double seconds_of(const bench_conv *c, mlx_array *res, mlx_array x, mlx_array w, int rounds) {
  mlx_stream s = bench_stream(0);
  int64_t start = 0;
  int stride = c->stride, padding = c->padding;
  for (int i = -1; i < rounds; i++) { /* the first one wakes workers and warms caches */
    if (i == 0) start = bench_now_ns();
    if (c->transposed)
      BENCH_OK(mlx_conv_transpose2d(res, x, w, stride, stride, padding, padding, 1, 1, 0, 0, c->groups, s));
    else
      BENCH_OK(
          mlx_conv_general(res, x, w, &stride, 1, &padding, 1, &padding, 1, NULL, 0, NULL, 0, c->groups, false, s));
    BENCH_OK(mlx_array_eval(*res));
  }
  return bench_since_ns(start) * 1e-9 / rounds;
}

static float value_of(const void *data, int64_t i, bool half) {
  float value;
  if (!half) return ((const float *)data)[i];
  uint32_t bits = (uint32_t)((const uint16_t *)data)[i] << 16;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static void compare(mlx_array res, const void *want, double terms, bool half) {
  const void *got = half ? (const void *)mlx_array_data_bfloat16(res) : mlx_array_data_float32(res);
  int64_t count = (int64_t)mlx_array_size(res);
  for (int64_t i = 0; i < count; i += count / 64) {
    float a = value_of(got, i, half), b = value_of(want, i, half);
    bench_check(!(fabs(a - b) <= 1e-6 * terms + (half ? 0.01 * fabs(b) : 0)), "comparing with oneDNN's result");
  }
}

static void run_conv(const void *arg, bench_sample *out) {
  const bench_conv *c = arg;
  bench_dnnl_conv direct;
  double terms = c->channels / c->groups, places = 1;
  for (int i = 0; i < c->axes; i++) {
    terms *= c->kernel[i];
    places *= c->transposed ? c->size[i] : bench_conv_length(c, i);
  }
  double flops = 2 * places * c->n * c->outputs * terms;
  int rounds = (int)((double)bench_count((int64_t)(20 * ROUND_FLOPS)) / flops) / 4 + 1;
  if (rounds > 200) rounds = 200;
  mlx_array x = array_of(0, c->n, c->size, c->channels, c);
  mlx_array w = array_of(1, c->outputs, c->kernel, c->channels / c->groups, c);
  mlx_array res = mlx_array_new();
  out[0].value = flops * 1e-9 / seconds_of(c, &res, x, w, rounds);
  if (bench_dnnl_conv_time(&direct, memory(2, c->half), memory(0, c->half), memory(1, c->half), c, rounds)) {
    bool own = direct.reordered > 0 && direct.reordered < direct.given;
    out[0].limit = flops * 1e-9 / (own ? direct.reordered : direct.given);
    compare(res, memory(2, c->half), terms, c->half);
  }
  mlx_array_free(x);
  mlx_array_free(w);
  mlx_array_free(res);
}

#define ROW(name, ...)                                                                                            \
  {                                                                                                               \
    .rows = {{"conv/" name, "GF/s", BENCH_MORE, BENCH_NO_GOAL, 0}}, .run = run_conv, .arg = &(const bench_conv) { \
      __VA_ARGS__                                                                                                 \
    }                                                                                                             \
  }

/* Images, axes, their lengths, channels, outputs, kernel, stride, padding, groups, transposed, bfloat16. */
static const bench_case cases[] = {
    ROW("7x7 stride 2, 8x224x224x3 to 64", 8, 2, {224, 224}, 3, 64, {7, 7}, 2, 3, 1, false, false),
    ROW("3x3, 8x56x56x64 to 64", 8, 2, {56, 56}, 64, 64, {3, 3}, 1, 1, 1, false, false),
    ROW("3x3, 8x14x14x256 to 256", 8, 2, {14, 14}, 256, 256, {3, 3}, 1, 1, 1, false, false),
    ROW("3x3, 8x7x7x512 to 512", 8, 2, {7, 7}, 512, 512, {3, 3}, 1, 1, 1, false, false),
    ROW("3x3 stride 2, 8x56x56x128 to 128", 8, 2, {56, 56}, 128, 128, {3, 3}, 2, 1, 1, false, false),
    ROW("1x1, 8x56x56x256 to 64", 8, 2, {56, 56}, 256, 64, {1, 1}, 1, 0, 1, false, false),
    ROW("1x1, 8x56x56x64 to 256", 8, 2, {56, 56}, 64, 256, {1, 1}, 1, 0, 1, false, false),
    ROW("1x1, 8x14x14x1024 to 256", 8, 2, {14, 14}, 1024, 256, {1, 1}, 1, 0, 1, false, false),
    ROW("1x1 stride 2, 8x56x56x256 to 512", 8, 2, {56, 56}, 256, 512, {1, 1}, 2, 0, 1, false, false),
    ROW("7x7 stride 2, 1x224x224x3 to 64", 1, 2, {224, 224}, 3, 64, {7, 7}, 2, 3, 1, false, false),
    ROW("3x3, 1x56x56x64 to 64", 1, 2, {56, 56}, 64, 64, {3, 3}, 1, 1, 1, false, false),
    ROW("3x3, 1x14x14x256 to 256", 1, 2, {14, 14}, 256, 256, {3, 3}, 1, 1, 1, false, false),
    ROW("3x3, 1x7x7x512 to 512", 1, 2, {7, 7}, 512, 512, {3, 3}, 1, 1, 1, false, false),
    ROW("1x1, 1x14x14x1024 to 256", 1, 2, {14, 14}, 1024, 256, {1, 1}, 1, 0, 1, false, false),
    ROW("3x3 stride 2, 8x224x224x3 to 32", 8, 2, {224, 224}, 3, 32, {3, 3}, 2, 1, 1, false, false),
    ROW("1x1, 8x112x112x32 to 64", 8, 2, {112, 112}, 32, 64, {1, 1}, 1, 0, 1, false, false),
    ROW("1x1, 8x14x14x512 to 512", 8, 2, {14, 14}, 512, 512, {1, 1}, 1, 0, 1, false, false),
    ROW("depthwise 3x3, 8x112x112x96", 8, 2, {112, 112}, 96, 96, {3, 3}, 1, 1, 96, false, false),
    ROW("depthwise 3x3 stride 2, 8x112x112x96", 8, 2, {112, 112}, 96, 96, {3, 3}, 2, 1, 96, false, false),
    ROW("depthwise 3x3, 8x14x14x512", 8, 2, {14, 14}, 512, 512, {3, 3}, 1, 1, 512, false, false),
    ROW("depthwise 3x3, 1x112x112x96", 1, 2, {112, 112}, 96, 96, {3, 3}, 1, 1, 96, false, false),
    ROW("3x3 in 32 groups, 8x56x56x128 to 128", 8, 2, {56, 56}, 128, 128, {3, 3}, 1, 1, 32, false, false),
    ROW("3x3 in 2 groups, 8x28x28x256 to 256", 8, 2, {28, 28}, 256, 256, {3, 3}, 1, 1, 2, false, false),
    ROW("400 stride 160, 16x1x16000x1 to 64", 16, 2, {1, 16000}, 1, 64, {1, 400}, 160, 0, 1, false, false),
    ROW("3, 8x4000x256 to 256", 8, 1, {4000}, 256, 256, {3}, 1, 1, 1, false, false),
    ROW("3x3x3, 2x16x28x28x32 to 64", 2, 3, {16, 28, 28}, 32, 64, {3, 3, 3}, 1, 1, 1, false, false),
    ROW("transposed 2x2 stride 2, 8x56x56x64 to 64", 8, 2, {56, 56}, 64, 64, {2, 2}, 2, 0, 1, true, false),
    ROW("transposed 4x4 stride 2, 8x16x16x256 to 128", 8, 2, {16, 16}, 256, 128, {4, 4}, 2, 1, 1, true, false),
    ROW("3x3, 8x56x56x64 to 64, bfloat16", 8, 2, {56, 56}, 64, 64, {3, 3}, 1, 1, 1, false, true),
    ROW("1x1, 8x14x14x1024 to 256, bfloat16", 8, 2, {14, 14}, 1024, 256, {1, 1}, 1, 0, 1, false, true),
    ROW("depthwise 3x3, 8x112x112x96, bfloat16", 8, 2, {112, 112}, 96, 96, {3, 3}, 1, 1, 96, false, true),
};

const bench_group bench_convs = {cases, sizeof cases / sizeof cases[0]};
