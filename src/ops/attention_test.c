/* Attention, through the builder, against plain loops in double. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/attention.h"
#include "ops/test_util.h"

typedef struct call {
  int batch, heads, kv_heads, queries, keys, depth, depth_v;
  hr_dtype dtype;
  const char *mode; /* "array": bool_mask or an additive one */
  bool bool_mask, sinks;
  bool turned; /* q, k and v are (B, T, N, D) in memory */
} call;

typedef struct operands {
  hr_array *q, *k, *v, *mask, *sinks;
} operands;

static hr_array *heads_of(int batch, int heads, int length, int depth, const call *c) {
  if (!c->turned) return numbers((int[]){batch, heads, length, depth}, 4, c->dtype, 0, 3);
  hr_array *a = numbers((int[]){batch, length, heads, depth}, 4, c->dtype, 0, 3), *turned;
  assert_int_equal(hr_transpose_axes(&turned, a, (int[]){0, 2, 1, 3}, 4, stream), HR_OK);
  hr_array_release(a);
  return turned;
}

/* Additive masks have -infinity at some places; a boolean one hides all keys of some queries. */
static hr_array *mask_of(const call *c) {
  hr_array *a = numbers((int[]){c->heads, c->queries, c->keys}, 3, c->dtype, 0, 4), *mask, *zero, *keep;
  const double *values = doubles_of(&keep, a);
  int64_t rows = a->size / (c->keys ? c->keys : 1);
  assert_int_equal(hr_array_new_empty(&mask, hr_array_shape(a), 3, c->bool_mask ? HR_BOOL : HR_FLOAT32), HR_OK);
  for (int64_t i = 0; i < a->size; i++) {
    bool hidden = values[i] < -1 || (c->bool_mask && i / c->keys % 5 == 3 && rows > 1);
    if (c->bool_mask)
      ((uint8_t *)hr_array_data(mask))[i] = !hidden;
    else
      ((float *)hr_array_data(mask))[i] = hidden && i % c->keys ? -INFINITY : (float)values[i];
  }
  assert_int_equal(hr_astype(&zero, mask, c->bool_mask ? HR_BOOL : c->dtype, stream), HR_OK);
  hr_array_release(a), hr_array_release(keep), hr_array_release(mask);
  return zero;
}

static operands make(const call *c) {
  return (operands){
      heads_of(c->batch, c->heads, c->queries, c->depth, c), heads_of(c->batch, c->kv_heads, c->keys, c->depth, c),
      heads_of(c->batch, c->kv_heads, c->keys, c->depth_v, c), strcmp(c->mode, "array") == 0 ? mask_of(c) : NULL,
      c->sinks ? numbers(&c->heads, 1, c->dtype, 0, 4) : NULL};
}

static void drop(operands *o) {
  hr_array_release(o->q), hr_array_release(o->k), hr_array_release(o->v);
  hr_array_release(o->mask), hr_array_release(o->sinks);
}

/* Row-major doubles of the operands. */
typedef struct wide {
  const double *q, *k, *v, *mask, *sinks;
} wide;

/* Weights of the keys, not divided by their sum; returns the sum. */
static double weigh(double *weights, const call *c, const wide *w, int b, int h, int t, double scale) {
  int kv = h / (c->heads / c->kv_heads);
  const double *q = w->q + ((b * c->heads + h) * c->queries + t) * c->depth;
  const double *k = w->k + (b * c->kv_heads + kv) * c->keys * c->depth;
  double most = c->sinks ? w->sinks[h] : -INFINITY, sum = 0;
  for (int j = 0; j < c->keys; j++) {
    long double score = 0;
    for (int d = 0; d < c->depth; d++) score += (long double)q[d] * k[j * c->depth + d];
    score *= scale;
    double m = w->mask ? w->mask[(h * c->queries + t) * c->keys + j] : 0;
    if (w->mask && !c->bool_mask) score += m;
    if (w->mask && c->bool_mask && m == 0) score = -1e300;
    if (strcmp(c->mode, "causal") == 0 && j > t + c->keys - c->queries) score = -1e300;
    weights[j] = (double)score;
    most = weights[j] > most ? weights[j] : most;
  }
  for (int j = 0; j < c->keys; j++) sum += weights[j] = exp(weights[j] - most);
  return sum + (c->sinks ? exp(w->sinks[h] - most) : 0);
}

/* tolerance: of a sum of weighted values, by the largest of these; rounding: half a unit of the last place. */
static void check_query(const double *got, const double *weights, double sum, const double *v, const call *c,
                        double tolerance, double rounding) {
  for (int d = 0; d < c->depth_v; d++) {
    double expected = 0, size = 0;
    for (int j = 0; j < c->keys; j++) {
      expected += weights[j] * v[j * c->depth_v + d] / sum;
      size += weights[j] * fabs(v[j * c->depth_v + d]) / sum;
    }
    if (!(fabs(got[d] - expected) <= tolerance * (size + 0x1p-40) + rounding * (fabs(expected) + 0x1p-14)))
      fail_msg("place %d: %.10g, expected %.10g", d, got[d], expected);
  }
}

/* Scores of a few units come with a few units of the last place of error, which e^ turns into as much of the weights.
 */
static void check(const call *c) {
  operands o = make(c);
  hr_array *out, *keep[6] = {NULL};
  float scale = 1.5f / sqrtf((float)c->depth + 1);
  double unit = c->dtype == HR_FLOAT64 ? 0x1p-53 : 0x1p-24;
  double rounding = c->dtype == HR_FLOAT16 ? 0x1p-11 : c->dtype == HR_BFLOAT16 ? 0x1p-8 : 0;
  assert_int_equal(hr_fast_scaled_dot_product_attention(&out, o.q, o.k, o.v, scale, c->mode, o.mask, o.sinks, stream),
                   HR_OK);
  assert_int_equal(hr_array_dtype(out), c->dtype);
  wide w = {doubles_of(&keep[0], o.q), doubles_of(&keep[1], o.k), doubles_of(&keep[2], o.v),
            o.mask ? doubles_of(&keep[3], o.mask) : NULL, o.sinks ? doubles_of(&keep[4], o.sinks) : NULL};
  const double *got = doubles_of(&keep[5], out);
  double *weights = malloc(sizeof *weights * (size_t)c->keys);
  assert_non_null(weights);
  for (int b = 0; b < c->batch; b++)
    for (int h = 0; h < c->heads; h++)
      for (int t = 0; t < c->queries; t++, got += c->depth_v) {
        double sum = weigh(weights, c, &w, b, h, t, scale);
        const double *v = w.v + (b * c->kv_heads + h / (c->heads / c->kv_heads)) * c->keys * c->depth_v;
        check_query(got, weights, sum, v, c, (16 + 8 * sqrt(c->depth)) * 2 * unit, rounding);
      }
  free(weights);
  for (int i = 0; i < 6; i++) hr_array_release(keep[i]);
  hr_array_release(out);
  drop(&o);
}

static const hr_dtype dtypes[] = {HR_FLOAT32, HR_FLOAT64, HR_FLOAT16, HR_BFLOAT16};

/* Every kind of mask, with and without sinks, few queries and many, in each dtype. */
static void test_kinds(void **state) {
  (void)state;
  static const int lengths[][2] = {{1, 1}, {1, 300}, {3, 70}, {16, 16}, {57, 57}, {60, 600}, {130, 20}};
  for (int d = 0; d < 4; d++)
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
      for (int kind = 0; kind < 4; kind++)
        for (int sinks = 0; sinks < 2; sinks++) {
          const char *mode = kind == 0 ? "" : kind == 1 ? "causal" : "array";
          check(&(call){2, 2, 2, lengths[i][0], lengths[i][1], 20, 20, dtypes[d], mode, kind == 2, sinks, false});
        }
}

/* Head dimensions around the widths of vectors and panels, different for values. */
static void test_depths(void **state) {
  (void)state;
  static const int depths[] = {1, 3, 15, 16, 17, 31, 33, 64, 65, 80, 96, 128, 256, 300};
  for (size_t i = 0; i < sizeof depths / sizeof *depths; i++)
    for (int queries = 2; queries < 100; queries += 60)
      for (int d = 0; d < 4; d++) {
        check(&(call){1, 1, 1, queries, 90, depths[i], depths[i], dtypes[d], "", false, false, false});
        check(&(call){1, 2, 1, queries, 70, depths[i], depths[13 - i], dtypes[d], "causal", false, false, false});
      }
}

/* Query heads that share keys, with rows that follow each other and that do not. */
static void test_groups(void **state) {
  (void)state;
  static const int groups[] = {1, 2, 3, 8};
  for (int turned = 0; turned < 2; turned++)
    for (int g = 0; g < 4; g++)
      for (int queries = 1; queries < 80; queries += 26)
        for (int kind = 0; kind < 3; kind++) {
          const char *mode = kind == 0 ? "causal" : "array";
          check(&(call){2, 2 * groups[g], 2, queries, 100, 18, 10, HR_FLOAT32, mode, kind == 1, true, turned});
        }
}

/* Keys in more than one span, which takes depths large for the length. */
static void test_spans(void **state) {
  (void)state;
  for (int kind = 0; kind < 3; kind++) {
    const char *mode = kind == 0 ? "" : kind == 1 ? "causal" : "array";
    check(&(call){1, 2, 1, 600, 1100, 400, 300, HR_FLOAT32, mode, true, kind == 2, false});
    check(&(call){1, 1, 1, 1, 3000, 300, 400, HR_FLOAT32, mode, true, kind == 2, false});
    check(&(call){1, 1, 1, 20, 1100, 700, 700, HR_BFLOAT16, mode, false, false, true});
  }
}

/* Strides that are negative, zero, and not one along the depth. */
static void test_layouts(void **state) {
  (void)state;
  static const int64_t strides[][4] = {
      {9000, 3000, 20, 1}, {0, 0, 40, 2}, {-5000, -900, -20, -1}, {3, 1, 50, 6}, {0, 0, 0, 1}};
  hr_array *memory = numbers((int[]){60000}, 1, HR_FLOAT32, 0, 3);
  for (int queries = 1; queries < 70; queries += 65)
    for (size_t i = 0; i < sizeof strides / sizeof *strides; i++) {
      hr_array *a[6], *out[2], *keep[2];
      for (int k = 0; k < 3; k++) {
        a[k] = strided(memory, (int[]){2, 2, k ? 70 : queries, 18}, strides[(i + (size_t)k) % 5], 4, 20000);
        assert_int_equal(hr_row_major(&a[3 + k], a[k], stream), HR_OK);
      }
      for (int k = 0; k < 2; k++)
        assert_int_equal(hr_fast_scaled_dot_product_attention(&out[k], a[3 * k], a[3 * k + 1], a[3 * k + 2], 0.4f, "",
                                                              NULL, NULL, stream),
                         HR_OK);
      const double *x = doubles_of(&keep[0], out[0]), *y = doubles_of(&keep[1], out[1]);
      for (int64_t p = 0; p < out[0]->size; p++) assert_true(fabs(x[p] - y[p]) < 1e-6);
      for (int k = 0; k < 6; k++) hr_array_release(a[k]);
      for (int k = 0; k < 2; k++) hr_array_release(out[k]), hr_array_release(keep[k]);
    }
  hr_array_release(memory);
}

static hr_array *attention(const operands *o, const char *mode) {
  hr_array *out;
  assert_int_equal(hr_fast_scaled_dot_product_attention(&out, o->q, o->k, o->v, 1, mode, o->mask, o->sinks, stream),
                   HR_OK);
  return out;
}

static void test_empty(void **state) {
  (void)state;
  static const int cases[][5] = {{0, 2, 3, 4, 5}, {1, 0, 3, 4, 5}, {1, 2, 0, 4, 5}, {1, 2, 3, 0, 5}, {1, 2, 3, 4, 0}};
  for (int i = 0; i < 5; i++) {
    const int *n = cases[i];
    operands o = {numbers((int[]){n[0], n[1], n[2], 6}, 4, HR_FLOAT32, 0, 1),
                  numbers((int[]){n[0], n[1], n[3], 6}, 4, HR_FLOAT32, 0, 1),
                  numbers((int[]){n[0], n[1], n[3], n[4]}, 4, HR_FLOAT32, 0, 1), NULL, NULL};
    hr_array *out = attention(&o, "causal"), *keep;
    const double *got = doubles_of(&keep, out);
    assert_int_equal(out->size, n[0] * n[1] * n[2] * n[4]);
    for (int64_t p = 0; p < out->size; p++) assert_true(got[p] == 0);
    hr_array_release(out), hr_array_release(keep);
    drop(&o);
  }
  /* without depth all keys are alike */
  check(&(call){1, 1, 1, 20, 30, 0, 5, HR_FLOAT32, "causal", false, false, false});
  check(&(call){1, 1, 1, 2, 30, 0, 5, HR_FLOAT32, "", false, false, false});
}

/* A query that an additive mask leaves nothing, a score of NaN or infinity: NaN; other queries stay. */
static void test_special(void **state) {
  (void)state;
  static const float values[] = {-INFINITY, NAN, INFINITY};
  for (int queries = 2; queries < 100; queries += 70)
    for (int i = 0; i < 3; i++) {
      call c = {1, 1, 1, queries, 40, 8, 8, HR_FLOAT32, "array", false, false, false};
      operands o = make(&c);
      float *mask = hr_array_data(o.mask);
      for (int j = 0; j < (i ? 1 : 40); j++) mask[40 + j] = values[i];
      hr_array *out = attention(&o, "array"), *keep;
      const double *got = doubles_of(&keep, out);
      for (int d = 0; d < 8; d++) assert_true(isfinite(got[d]) && isnan(got[8 + d]));
      hr_array_release(out), hr_array_release(keep);
      drop(&o);
    }
}

static void expect_failure(const operands *o, const char *mode, const char *words) {
  hr_array *out;
  hr_status status = hr_fast_scaled_dot_product_attention(&out, o->q, o->k, o->v, 1, mode, o->mask, o->sinks, stream);
  hr_error *error = hr_error_new(status);
  assert_int_equal(status, HR_INVALID);
  assert_null(out);
  if (!strstr(hr_error_text(error), words)) assert_string_equal(hr_error_text(error), words);
  hr_error_release(error);
}

static hr_array *of(int a, int b, int c, int d) { return numbers((int[]){a, b, c, d}, 4, HR_FLOAT32, 0, 1); }

static void test_errors(void **state) {
  (void)state;
  static const int wrong[][8] = {{2, 2, 5, 4, 1, 2, 5, 4}, {1, 2, 5, 4, 1, 4, 5, 4}, {1, 3, 5, 4, 1, 3, 5, 4},
                                 {1, 2, 5, 6, 1, 2, 5, 4}, {1, 2, 5, 4, 1, 2, 6, 4}, {1, 0, 5, 4, 1, 0, 5, 4}};
  static const char *const words[] = {"the first axes differ", "in their heads",  "must be a multiple",
                                      "in their last axis",    "in their length", "must be a multiple"};
  operands o = {.q = of(1, 4, 3, 4)};
  for (int i = 0; i < 6; i++) {
    const int *n = wrong[i];
    o.k = of(n[0], n[1], n[2], n[3]), o.v = of(n[4], n[5], n[6], n[7]);
    expect_failure(&o, "", words[i]);
    hr_array_release(o.k), hr_array_release(o.v);
  }
  o.k = numbers((int[]){5, 4}, 2, HR_FLOAT32, 0, 1), o.v = of(1, 2, 5, 4);
  expect_failure(&o, "", "keys must have 4 axes and is float32(5,4)");
  hr_array_release(o.k);
  o.k = of(1, 2, 5, 4);
  expect_failure(&o, "upper", "is \"upper\"");
  expect_failure(&o, "array", "no mask is given");
  o.sinks = numbers((int[]){2}, 1, HR_FLOAT32, 0, 1);
  expect_failure(&o, "", "a vector of 4 elements, one a query head, and is float32(2)");
  hr_array_release(o.sinks);
  o.sinks = numbers((int[]){4}, 1, HR_FLOAT64, 0, 1);
  expect_failure(&o, "", "sinks of type float64");
  hr_array_release(o.sinks), o.sinks = NULL;
  o.mask = of(1, 1, 4, 5);
  expect_failure(&o, "array", "does not broadcast to the shape of the scores, (1,4,3,5)");
  expect_failure(&o, "causal", "a mask is given and mask_mode is \"causal\"");
  hr_array_release(o.mask);
  o.mask = numbers((int[]){3, 5}, 2, HR_COMPLEX64, 0, 1);
  expect_failure(&o, "array", "of type complex64");
  drop(&o);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_kinds),   cmocka_unit_test(test_depths),  cmocka_unit_test(test_groups),
      cmocka_unit_test(test_spans),   cmocka_unit_test(test_layouts), cmocka_unit_test(test_empty),
      cmocka_unit_test(test_special), cmocka_unit_test(test_errors),
  };
  return cmocka_run_group_tests(tests, start, NULL);
}
