/* bench/conv.c - convolutions in float32, beside oneDNN's direct ones (dnnl_direct.h).
 *
 * Each round packs the weights and makes a fresh result; oneDNN gets both made before. GF/s count the products of
 * weights with elements of the input, not with zeros between them. */
#include <math.h>

#include "bench.h"
#include "dnnl_direct.h"

static const int64_t LARGEST = 10 << 20; /* elements of an input or a result, and a bit */
static const double ROUND_FLOPS = 2e9;

/* Of blocks that begin at different places of a page: loads of one wait for stores to the same place of another. */
static float *memory(int index) {
  static float *blocks[3];
  if (blocks[index] == NULL) blocks[index] = bench_floats_new(LARGEST, -1, 1);
  return blocks[index] + (index + 1) * 336;
}

static double seconds_of(const bench_conv *c, mlx_array *res, mlx_array x, mlx_array w, int rounds) {
  mlx_stream s = bench_stream(0);
  int64_t start = 0;
  for (int i = -1; i < rounds; i++) { /* the first one wakes workers and warms caches */
    if (i == 0) start = bench_now_ns();
    if (c->transposed)
      BENCH_OK(mlx_conv_transpose2d(res, x, w, c->stride, c->stride, c->padding, c->padding, 1, 1, 0, 0, c->groups, s));
    else
      BENCH_OK(mlx_conv2d(res, x, w, c->stride, c->stride, c->padding, c->padding, 1, 1, c->groups, s));
    BENCH_OK(mlx_array_eval(*res));
  }
  return bench_since_ns(start) * 1e-9 / rounds;
}

static void compare(mlx_array res, const float *want, double terms) {
  const float *got = mlx_array_data_float32(res);
  int64_t count = (int64_t)mlx_array_size(res);
  for (int64_t i = 0; i < count; i += count / 64)
    bench_check(!(fabs(got[i] - want[i]) <= 1e-6 * terms), "comparing with oneDNN's result");
}

static void run_conv(const void *arg, bench_sample *out) {
  const bench_conv *c = arg;
  int in_group = c->channels / c->groups;
  double places = c->transposed ? (double)c->height * c->width
                                : (double)bench_conv_length(c, c->height, c->kernel_h) *
                                      bench_conv_length(c, c->width, c->kernel_w);
  double terms = (double)in_group * c->kernel_h * c->kernel_w, flops = 2 * places * c->n * c->outputs * terms;
  int rounds = (int)((double)bench_count((int64_t)(20 * ROUND_FLOPS)) / flops) / 4 + 1;
  if (rounds > 200) rounds = 200;
  mlx_array x = bench_array_new(memory(0), (int[]){c->n, c->height, c->width, c->channels}, 4);
  mlx_array w = bench_array_new(memory(1), (int[]){c->outputs, c->kernel_h, c->kernel_w, in_group}, 4);
  mlx_array res = mlx_array_new();
  out[0].value = flops * 1e-9 / seconds_of(c, &res, x, w, rounds);
  double direct = bench_dnnl_conv_seconds(memory(2), memory(0), memory(1), c, rounds);
  out[0].limit = direct > 0 ? flops * 1e-9 / direct : 0;
  if (direct > 0) compare(res, memory(2), terms);
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

/* Images, height, width, channels, outputs, kernel, stride, padding, groups. */
static const bench_case cases[] = {
    ROW("3x3, 8x56x56x64 to 64", 8, 56, 56, 64, 64, 3, 3, 1, 1, 1, false),
    ROW("1x1, 8x56x56x256 to 64", 8, 56, 56, 256, 64, 1, 1, 1, 0, 1, false),
    ROW("7x7 stride 2, 8x224x224x3 to 64", 8, 224, 224, 3, 64, 7, 7, 2, 3, 1, false),
    ROW("depthwise 3x3, 8x112x112x96", 8, 112, 112, 96, 96, 3, 3, 1, 1, 96, false),
    ROW("400 stride 160, 16x1x16000x1 to 64", 16, 1, 16000, 1, 64, 1, 400, 160, 0, 1, false),
    ROW("transposed 2x2 stride 2, 8x56x56x64 to 64", 8, 56, 56, 64, 64, 2, 2, 2, 0, 1, true),
    ROW("3x3, 8x7x7x512 to 512", 8, 7, 7, 512, 512, 3, 3, 1, 1, 1, false),
    ROW("3x3 in 32 groups, 8x56x56x128 to 128", 8, 56, 56, 128, 128, 3, 3, 1, 1, 32, false),
};

const bench_group bench_convs = {cases, sizeof cases / sizeof cases[0]};
