/* Convolutions through the builders, against plain loops over random shapes, layouts and parameters. Elements are small
 * whole numbers, so that sums are exact: results of every dtype must equal the rounded sum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/eval.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/conv.h"
#include "ops/shape.h"
#include "sched/pool.h"
#include "sched/stream.h"

static hr_stream *stream;
static uint32_t seed = 7;
static int below(int end) { return (int)(((seed = seed * 1664525u + 1013904223u) >> 8) % (uint32_t)end); }

/* The axes of inputs, weights and results as batch (outputs), three spatial ones and channels. */
typedef struct problem {
  int spatial, n, channels, outputs, groups;
  int length[3], kernel[3], stride[3], dilation[3], spread[3], low[3], high[3];
  bool flip;
} problem;

static int pick(const int *from, int count) { return from[below(count)]; }
#define PICK(...) pick((int[]){__VA_ARGS__}, sizeof((int[]){__VA_ARGS__}) / sizeof(int))

static problem random_problem(void) {
  problem p = {.spatial = 1 + below(3), .n = PICK(1, 2, 3), .groups = PICK(1, 1, 1, 2, 3), .flip = below(2)};
  p.channels = p.groups * PICK(1, 2, 5, 16, 32, 40), p.outputs = p.groups * PICK(1, 3, 16, 31, 32, 33, 70);
  if (below(4) == 0) p.groups = p.channels = p.outputs = PICK(2, 16, 32, 48, 70);
  for (int i = 0; i < 3; i++) {
    bool used = i < p.spatial;
    p.kernel[i] = used ? PICK(1, 1, 2, 3, 5) : 1, p.stride[i] = used ? PICK(1, 1, 2, 3) : 1;
    p.dilation[i] = used ? PICK(1, 1, 2, 3) : 1, p.spread[i] = used ? PICK(1, 1, 2, 3, 6) : 1;
    p.low[i] = used ? PICK(0, 1, 2, 4) : 0, p.high[i] = used ? PICK(0, 1, 2, 4) : 0;
    p.length[i] = used ? PICK(1, 2, 5, 7, 9, 15, 30) : 1;
    int64_t least = (int64_t)(p.kernel[i] - 1) * p.dilation[i] + 1;
    while ((p.length[i] - 1) * p.spread[i] + 1 + p.low[i] + p.high[i] < least) p.high[i]++;
  }
  return p;
}

static int out_length(const problem *p, int i) {
  return ((p->length[i] - 1) * p->spread[i] + p->low[i] + p->high[i] - (p->kernel[i] - 1) * p->dilation[i]) /
             p->stride[i] +
         1;
}

/* Strides of a row-major (batch, three axes, channels) array in steps[0..4]. */
static void row_major(int64_t *steps, const int *lengths, int channels) {
  steps[4] = 1, steps[3] = channels;
  for (int i = 2; i >= 0; i--) steps[i] = steps[i + 1] * lengths[i];
}

/* The element of x that output place `o` meets with tap k along axis i, or -1. */
static int64_t met(const problem *p, int i, int64_t o, int64_t k) {
  int64_t place = o * p->stride[i] + k * p->dilation[i] - p->low[i];
  return place < 0 || place % p->spread[i] || place / p->spread[i] >= p->length[i] ? -1 : place / p->spread[i];
}

static double expected(const problem *p, const double *x, const double *w, int64_t n, const int64_t *o, int out) {
  int64_t xs[5], ws[5], in = p->channels / p->groups, first = out / (p->outputs / p->groups) * in, k[3];
  double sum = 0;
  row_major(xs, p->length, p->channels), row_major(ws, p->kernel, (int)in);
  for (k[0] = 0; k[0] < p->kernel[0]; k[0]++)
    for (k[1] = 0; k[1] < p->kernel[1]; k[1]++)
      for (k[2] = 0; k[2] < p->kernel[2]; k[2]++) {
        int64_t at_x = n * xs[0] + first, at_w = out * ws[0];
        bool meets = true;
        for (int i = 0; i < 3; i++) {
          int64_t place = met(p, i, o[i], k[i]);
          meets = meets && place >= 0;
          at_x += place * xs[i + 1], at_w += (p->flip ? p->kernel[i] - 1 - k[i] : k[i]) * ws[i + 1];
        }
        for (int64_t c = 0; meets && c < in; c++) sum += x[at_x + c] * w[at_w + c];
      }
  return sum;
}

/* An array of the shape and dtype with whole numbers in [-3, 3], also as doubles in row-major order. layout 0:
 * row-major, 1: reversed axes, 2: negative strides. */
static hr_array *numbers(double **values, const int *shape, int ndim, hr_dtype dtype, int layout) {
  hr_array *doubles, *moved, *cast, *back;
  int order[5], start[5], stop[5], step[5];
  size_t count = (size_t)ndim;
  assert_int_equal(hr_array_new_empty(&doubles, shape, ndim, HR_FLOAT64), HR_OK);
  double *data = hr_array_data(doubles);
  for (int64_t i = 0; i < doubles->size; i++) data[i] = below(7) - 3;
  *values = malloc(hr_array_nbytes(doubles) + 1);
  assert_non_null(*values);
  memcpy(*values, data, hr_array_nbytes(doubles));
  for (int i = 0; i < ndim; i++) order[i] = ndim - 1 - i, start[i] = -1, stop[i] = -1 - shape[i], step[i] = -1;
  if (layout == 2)
    assert_int_equal(hr_slice(&moved, doubles, start, count, stop, count, step, count, stream), HR_OK);
  else
    assert_int_equal(hr_transpose_axes(&moved, doubles, order, count, stream), HR_OK);
  assert_int_equal(layout == 0 ? hr_astype(&cast, doubles, dtype, stream) : hr_astype(&cast, moved, dtype, stream),
                   HR_OK);
  hr_array_release(moved), hr_array_release(doubles);
  if (layout == 0) return cast;
  assert_int_equal(hr_copy(&moved, cast, stream), HR_OK); /* the moved order as row-major memory */
  if (layout == 2)
    assert_int_equal(hr_slice(&back, moved, start, count, stop, count, step, count, stream), HR_OK);
  else
    assert_int_equal(hr_transpose_axes(&back, moved, order, count, stream), HR_OK);
  hr_array_release(moved), hr_array_release(cast);
  return back;
}

static hr_array *convolve(const problem *p, hr_array *x, hr_array *w) {
  hr_array *out;
  size_t n = (size_t)p->spatial;
  assert_int_equal(hr_conv_general(&out, x, w, p->stride, n, p->low, n, p->high, n, p->dilation, n, p->spread, n,
                                   p->groups, p->flip, stream),
                   HR_OK);
  return out;
}

static void operands(const problem *p, hr_array **x, hr_array **w, double **xs, double **ws, hr_dtype dtype) {
  int shape[5] = {p->n}, weight[5] = {p->outputs};
  for (int i = 0; i < p->spatial; i++) shape[i + 1] = p->length[i], weight[i + 1] = p->kernel[i];
  shape[p->spatial + 1] = p->channels, weight[p->spatial + 1] = p->channels / p->groups;
  *x = numbers(xs, shape, p->spatial + 2, dtype, below(4) < 2 ? 0 : below(3));
  *w = numbers(ws, weight, p->spatial + 2, dtype, below(4) < 2 ? 0 : below(3));
}

static void check(const problem *p, const double *x, const double *w, hr_array *out) {
  hr_array *wide, *rounded;
  const void *data, *want;
  double sums[64];
  int count[3], shape[1] = {64};
  int64_t o[3], at = 0, filled = 0, compared = 0;
  assert_int_equal(hr_astype(&wide, out, HR_FLOAT64, stream), HR_OK);
  assert_int_equal(hr_array_read(&data, wide), HR_OK);
  for (int i = 0; i < 3; i++) count[i] = out_length(p, i);
  for (int i = 0; i < p->spatial; i++) assert_int_equal(hr_array_shape(out)[i + 1], count[i]);
  for (int n = 0; n < p->n; n++)
    for (o[0] = 0; o[0] < count[0]; o[0]++)
      for (o[1] = 0; o[1] < count[1]; o[1]++)
        for (o[2] = 0; o[2] < count[2]; o[2]++)
          for (int c = 0; c < p->outputs; c++, at++) {
            sums[filled++] = expected(p, x, w, n, o, c);
            if (filled < 64 && at + 1 < out->size) continue;
            hr_array *exact, *cast;
            assert_int_equal(hr_array_new_copy(&exact, sums, shape, 1, HR_FLOAT64), HR_OK);
            assert_int_equal(hr_astype(&cast, exact, hr_array_dtype(out), stream), HR_OK);
            assert_int_equal(hr_astype(&rounded, cast, HR_FLOAT64, stream), HR_OK);
            assert_int_equal(hr_array_read(&want, rounded), HR_OK);
            for (int64_t i = 0; i < filled; i++, compared++)
              if (((const double *)data)[compared] != ((const double *)want)[i])
                fail_msg("element %lld: %g, expected %g", (long long)compared, ((const double *)data)[compared],
                         ((const double *)want)[i]);
            hr_array_release(exact), hr_array_release(cast), hr_array_release(rounded);
            filled = 0;
          }
  assert_int_equal(compared, out->size);
  hr_array_release(wide);
}

static void test_random(void **state) {
  (void)state;
  static const hr_dtype dtypes[] = {HR_FLOAT32, HR_FLOAT64, HR_FLOAT16, HR_BFLOAT16};
  for (int round = 0; round < 160;) {
    problem p = random_problem();
    int64_t work = (int64_t)p.n * p.outputs * (p.channels / p.groups);
    for (int i = 0; i < 3; i++) work *= (int64_t)out_length(&p, i) * p.kernel[i];
    if (work > 3 << 20) continue;
    hr_array *x, *w;
    double *xs, *ws;
    operands(&p, &x, &w, &xs, &ws, dtypes[round++ % 4]);
    hr_array *out = convolve(&p, x, w);
    check(&p, xs, ws, out);
    hr_array_release(x), hr_array_release(w), hr_array_release(out);
    free(xs), free(ws);
  }
}

/* --- the same bits for any number of workers, of sums that are not exact --- */

static void test_same_bits(void **state) {
  (void)state;
  static const problem problems[] = {{.spatial = 2,
                                      .n = 3,
                                      .channels = 64,
                                      .outputs = 96,
                                      .groups = 1,
                                      .length = {40, 40, 1},
                                      .kernel = {3, 3, 1},
                                      .stride = {1, 1, 1},
                                      .dilation = {1, 1, 1},
                                      .spread = {1, 1, 1},
                                      .low = {1, 1},
                                      .high = {1, 1}},
                                     {.spatial = 2,
                                      .n = 2,
                                      .channels = 130,
                                      .outputs = 300,
                                      .groups = 1,
                                      .length = {17, 23, 1},
                                      .kernel = {4, 4, 1},
                                      .stride = {1, 1, 1},
                                      .dilation = {1, 1, 1},
                                      .spread = {2, 2, 1},
                                      .low = {2, 2},
                                      .high = {2, 2},
                                      .flip = true},
                                     {.spatial = 2,
                                      .n = 4,
                                      .channels = 96,
                                      .outputs = 96,
                                      .groups = 96,
                                      .length = {90, 90, 1},
                                      .kernel = {3, 3, 1},
                                      .stride = {1, 1, 1},
                                      .dilation = {1, 1, 1},
                                      .spread = {1, 1, 1},
                                      .low = {1, 1},
                                      .high = {1, 1}}};
  int limit = hr_pool_limit();
  for (int i = 0; i < 6; i++) {
    hr_dtype dtype = i < 3 ? HR_FLOAT32 : HR_BFLOAT16;
    hr_array *x, *w, *thirds[2], *three, *out[3];
    double *xs, *ws;
    const void *bits[3];
    operands(&problems[i % 3], &x, &w, &xs, &ws, dtype);
    assert_int_equal(hr_array_new_scalar(&three, 3, dtype), HR_OK);
    assert_int_equal(hr_divide(&thirds[0], x, three, stream), HR_OK);
    assert_int_equal(hr_divide(&thirds[1], w, three, stream), HR_OK);
    for (int k = 0; k < 3; k++) {
      assert_int_equal(hr_pool_limit_set((int[]){1, 2, 5}[k]), HR_OK);
      out[k] = convolve(&problems[i % 3], thirds[0], thirds[1]);
      assert_int_equal(hr_array_read(&bits[k], out[k]), HR_OK);
    }
    for (int k = 1; k < 3; k++) assert_memory_equal(bits[0], bits[k], hr_array_nbytes(out[0]));
    for (int k = 0; k < 3; k++) hr_array_release(out[k]);
    hr_array_release(x), hr_array_release(w), hr_array_release(three);
    hr_array_release(thirds[0]), hr_array_release(thirds[1]);
    free(xs), free(ws);
  }
  assert_int_equal(hr_pool_limit_set(limit), HR_OK);
}

/* --- empty sizes and errors --- */

static hr_array *zeros_of(const int *shape, int ndim, hr_dtype dtype) {
  hr_array *a;
  assert_int_equal(hr_array_new_empty(&a, shape, ndim, dtype), HR_OK);
  memset(hr_array_data(a), 0, hr_array_nbytes(a));
  return a;
}

static void test_empty(void **state) {
  (void)state;
  static const int inputs[][3] = {{0, 9, 4}, {2, 9, 4}, {2, 9, 0}, {2, 0, 4}};
  static const int weights[][3] = {{5, 3, 4}, {0, 3, 4}, {5, 3, 0}, {5, 3, 4}};
  for (int i = 0; i < 4; i++) {
    hr_array *x = zeros_of(inputs[i], 3, HR_FLOAT32), *w = zeros_of(weights[i], 3, HR_FLOAT32), *out;
    const void *data;
    assert_int_equal(hr_conv1d(&out, x, w, 1, 2, 1, 1, stream), HR_OK);
    assert_int_equal(hr_array_read(&data, out), HR_OK);
    assert_int_equal(hr_array_shape(out)[1], inputs[i][1] + 2);
    for (int64_t k = 0; k < out->size; k++) assert_true(((const float *)data)[k] == 0);
    hr_array_release(x), hr_array_release(w), hr_array_release(out);
  }
}

static void fails(hr_status status, const char *text) {
  assert_int_not_equal(status, HR_OK);
  hr_error *error = hr_error_new(status);
  if (!strstr(hr_error_text(error), text)) fail_msg("\"%s\" is not in \"%s\"", text, hr_error_text(error));
  hr_error_release(error);
}

static void test_errors(void **state) {
  (void)state;
  hr_array *out, *x = zeros_of((int[]){2, 10, 4}, 3, HR_FLOAT32), *w = zeros_of((int[]){6, 3, 4}, 3, HR_FLOAT32);
  hr_array *whole = zeros_of((int[]){2, 10, 4}, 3, HR_INT32), *odd = zeros_of((int[]){5, 3, 2}, 3, HR_FLOAT32);
  fails(hr_conv1d(&out, x, NULL, 1, 0, 1, 1, stream), "conv1d");
  fails(hr_conv2d(&out, x, w, 1, 1, 0, 0, 1, 1, 1, stream), "conv2d: input float32(2,10,4)");
  fails(hr_conv1d(&out, whole, w, 1, 0, 1, 1, stream), "conv1d: input of int32");
  fails(hr_conv1d(&out, x, w, 0, 0, 1, 1, stream), "stride 0");
  fails(hr_conv1d(&out, x, w, 1, 0, -3, 1, stream), "dilation -3");
  fails(hr_conv_transpose1d(&out, x, w, 0, 0, 1, 0, 1, stream),
        "conv_transpose1d: stride 1, kernel dilation 1 and "
        "input dilation 0");
  fails(hr_conv1d(&out, x, w, 1, 0, 1, 0, stream), "0 groups");
  fails(hr_conv1d(&out, x, odd, 1, 0, 1, 2, stream), "5 outputs");
  fails(hr_conv1d(&out, x, odd, 1, 0, 1, 1, stream), "takes 2");
  fails(hr_conv1d(&out, x, w, 1, 0, 5, 1, stream), "weight float32(6,3,4) covers");
  fails(hr_conv1d(&out, x, w, 1, INT32_MAX, 1, 1, stream), "too many");
  fails(hr_conv1d(&out, x, w, 1, -6, 1, 1, stream), "0 long");
  fails(hr_conv_transpose1d(&out, x, w, INT32_MAX, 0, INT32_MAX, 0, 1, stream), "spatial axis 0");
  fails(hr_conv_general(&out, x, w, (int[]){1, 1}, 2, NULL, 0, NULL, 0, NULL, 0, NULL, 0, 1, false, stream),
        "stride has 2 entries");
  hr_array_release(x), hr_array_release(w), hr_array_release(whole), hr_array_release(odd);
}

static int setup(void **state) {
  (void)state;
  return hr_stream_create(&stream, 0, 0) != HR_OK;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_same_bits),
                                     cmocka_unit_test(test_empty), cmocka_unit_test(test_errors)};
  return cmocka_run_group_tests(tests, setup, NULL);
}
