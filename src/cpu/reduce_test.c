/* Reductions against a plain loop in double or int64, over dtypes, layouts and instruction sets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/kernels/elem.h"
#include "cpu/reduce.h"
#include "ops/axes.h"
#include "ops/op_list.h"

static const hr_op *const ops[HR_REDUCE_KINDS] = {
    [HR_REDUCE_SUM] = &hr_op_sum, [HR_REDUCE_PROD] = &hr_op_prod, [HR_REDUCE_MAX] = &hr_op_max,
    [HR_REDUCE_MIN] = &hr_op_min, [HR_REDUCE_ALL] = &hr_op_all,   [HR_REDUCE_ANY] = &hr_op_any,
};

static uint32_t seed = 1;
static uint32_t next_random(void) { return (seed = seed * 1664525u + 1013904223u) >> 8; }

/* Real parts as double; the imaginary part of test data is zero. */
static double get(const void *data, hr_dtype dtype, int64_t i) {
  switch (dtype) {
    case HR_BOOL: return ((const uint8_t *)data)[i];
    case HR_UINT8: return ((const uint8_t *)data)[i];
    case HR_UINT16: return ((const uint16_t *)data)[i];
    case HR_UINT32: return ((const uint32_t *)data)[i];
    case HR_UINT64: return (double)((const uint64_t *)data)[i];
    case HR_INT8: return ((const int8_t *)data)[i];
    case HR_INT16: return ((const int16_t *)data)[i];
    case HR_INT32: return ((const int32_t *)data)[i];
    case HR_INT64: return (double)((const int64_t *)data)[i];
    case HR_FLOAT16: return hr_f16_load(((const uint16_t *)data)[i]);
    case HR_BFLOAT16: return hr_bf16_load(((const uint16_t *)data)[i]);
    case HR_FLOAT32: return ((const float *)data)[i];
    case HR_FLOAT64: return ((const double *)data)[i];
    default: return ((const float *)data)[2 * i];
  }
}

static void put(void *data, hr_dtype dtype, int64_t i, double value) {
  switch (dtype) {
    case HR_BOOL: ((uint8_t *)data)[i] = value != 0; break;
    case HR_UINT8: ((uint8_t *)data)[i] = (uint8_t)(int64_t)value; break;
    case HR_UINT16: ((uint16_t *)data)[i] = (uint16_t)(int64_t)value; break;
    case HR_UINT32: ((uint32_t *)data)[i] = (uint32_t)(int64_t)value; break;
    case HR_UINT64: ((uint64_t *)data)[i] = (uint64_t)(int64_t)value; break;
    case HR_INT8: ((int8_t *)data)[i] = (int8_t)(int64_t)value; break;
    case HR_INT16: ((int16_t *)data)[i] = (int16_t)(int64_t)value; break;
    case HR_INT32: ((int32_t *)data)[i] = (int32_t)(int64_t)value; break;
    case HR_INT64: ((int64_t *)data)[i] = (int64_t)value; break;
    case HR_FLOAT16: ((uint16_t *)data)[i] = hr_f16_store((float)value); break;
    case HR_BFLOAT16: ((uint16_t *)data)[i] = hr_bf16_store((float)value); break;
    case HR_FLOAT32: ((float *)data)[i] = (float)value; break;
    case HR_FLOAT64: ((double *)data)[i] = value; break;
    default: ((float *)data)[2 * i] = (float)value, ((float *)data)[2 * i + 1] = 0;
  }
}

static double join(hr_reduce_kind kind, double a, double b) {
  switch (kind) {
    case HR_REDUCE_SUM: return a + b;
    case HR_REDUCE_PROD: return a * b;
    case HR_REDUCE_MAX: return a > b || isnan(a) ? a : b;
    case HR_REDUCE_MIN: return a < b || isnan(a) ? a : b;
    case HR_REDUCE_ALL: return a != 0 && b != 0;
    default: return a != 0 || b != 0;
  }
}

static double start(hr_reduce_kind kind) {
  static const double starts[] = {0, 1, -INFINITY, INFINITY, 1, 0};
  return starts[kind];
}

/* --- arrays of any layout: axis i of the result is axis perm[i] of a row-major array, every step-th element --- */

typedef struct layout_case {
  int ndim, shape[5], perm[5];
  int step; /* negative: reversed; 0: the last axis of the result is broadcast */
} layout_case;

static hr_array *array_of(const layout_case *c, hr_dtype dtype) {
  int64_t strides[5], run = 1, offset = 0, place[5];
  int by = c->step ? abs(c->step) : 1;
  for (int i = c->ndim - 1; i >= 0; i--) {
    place[i] = run;
    for (int k = 0; k < c->ndim; k++)
      if (c->perm[k] == i) run *= (int64_t)c->shape[k] * (i == c->ndim - 1 ? by : 1);
  }
  for (int k = 0; k < c->ndim; k++) {
    strides[k] = place[c->perm[k]] * (c->perm[k] == c->ndim - 1 ? by : 1);
    if (c->step < 0) {
      if (c->shape[k] > 0) offset += strides[k] * (c->shape[k] - 1);
      strides[k] = -strides[k];
    }
    if (c->step == 0 && k == c->ndim - 1) strides[k] = 0;
  }
  hr_buffer *buffer;
  hr_array *a;
  hr_layout layout;
  assert_int_equal(hr_buffer_new(&buffer, (size_t)run * hr_dtype_bytes[dtype]), HR_OK);
  assert_int_equal(hr_layout_set_strided(&layout, c->shape, strides, offset, c->ndim, dtype), HR_OK);
  assert_int_equal(hr_array_new_buffer(&a, &layout, buffer), HR_OK);
  for (int64_t i = 0; i < run; i++) put(buffer->data, dtype, i, next_random() % 3);
  hr_buffer_release(buffer);
  return a;
}

static int64_t offset_of(const hr_array *a, int64_t position, int64_t *out_index, uint32_t axes) {
  int64_t offset = 0, scale = 1, index = 0;
  for (int i = a->ndim - 1; i >= 0; i--) {
    int64_t at = position % hr_array_shape(a)[i];
    position /= hr_array_shape(a)[i];
    offset += at * hr_array_strides(a)[i];
    if (axes >> i & 1) continue;
    index += at * scale;
    scale *= hr_array_shape(a)[i];
  }
  *out_index = index;
  return offset;
}

static hr_array *reduce(hr_array *a, hr_reduce_kind kind, uint32_t axes, hr_dtype dtype) {
  hr_reduce_attrs attrs = {.axes = axes, .dtype = (uint8_t)dtype};
  hr_layout layout;
  hr_array *out;
  hr_op_call call = {ops[kind], &a, 1, &attrs, NULL};
  assert_int_equal(ops[kind]->infer(&layout, &call), HR_OK);
  assert_int_equal(hr_array_new(&out, &layout), HR_OK);
  hr_run run = {ops[kind], &attrs, &a, &out, 1, 1};
  assert_int_equal(hr_cpu_reduce(&run), HR_OK);
  return out;
}

static void check_case(const layout_case *c, hr_dtype dtype, hr_reduce_kind kind, uint32_t axes) {
  hr_array *a = array_of(c, dtype);
  hr_dtype result = hr_reduce_accumulator(kind, dtype);
  hr_array *out = reduce(a, kind, axes, result);
  double *expected = malloc(sizeof(double) * (size_t)(out->size + 1));
  assert_non_null(expected);
  for (int64_t i = 0; i < out->size; i++) expected[i] = start(kind);
  for (int64_t p = 0; p < a->size; p++) {
    int64_t index;
    double value = get(hr_array_data(a), dtype, offset_of(a, p, &index, axes));
    expected[index] = join(kind, expected[index], value);
  }
  for (int64_t i = 0; i < out->size; i++) {
    double value = get(hr_array_data(out), result, i);
    if (value != expected[i])
      fail_msg("%s of %s, axes %x, result %lld: %g, expected %g", ops[kind]->name, hr_dtype_names[dtype],
               (unsigned)axes, (long long)i, value, expected[i]);
  }
  free(expected);
  hr_array_release(out);
  hr_array_release(a);
}

static void check_arg(const layout_case *c, hr_dtype dtype, bool max, uint32_t axes) {
  hr_array *a = array_of(c, dtype), *out;
  hr_reduce_attrs attrs = {.axes = axes, .dtype = HR_UINT32};
  const hr_op *op = max ? &hr_op_argmax : &hr_op_argmin;
  if (a->size > 4) put(hr_array_data(a), dtype, 3 * hr_array_strides(a)[0] % 4, NAN);
  assert_int_equal(hr_apply(&out, op, &a, 1, &attrs, NULL), HR_OK);
  hr_run run = {op, &attrs, &a, &out, 1, 1};
  assert_int_equal(hr_cpu_arg(&run), HR_OK);
  int64_t *count = calloc((size_t)out->size, sizeof *count);
  double *best = calloc((size_t)out->size, sizeof *best);
  uint32_t *expected = calloc((size_t)out->size, sizeof *expected);
  assert_true(count && best && expected);
  for (int64_t p = 0; p < a->size; p++) {
    int64_t i;
    double value = get(hr_array_data(a), dtype, offset_of(a, p, &i, axes));
    bool wins = !isnan(best[i]) && (isnan(value) || (max ? value > best[i] : value < best[i]));
    if (count[i] == 0 || wins) {
      best[i] = value;
      expected[i] = (uint32_t)count[i];
    }
    count[i]++;
  }
  assert_memory_equal(hr_array_data(out), expected, sizeof *expected * (size_t)out->size);
  free(count), free(best), free(expected);
  hr_array_release(out);
  hr_array_release(a);
}

static void test_layouts(void **state) {
  (void)state;
  static const layout_case cases[] = {
      {1, {0}, {0}, 1},
      {1, {1}, {0}, 1},
      {1, {63}, {0}, 1},
      {1, {64}, {0}, 1},
      {1, {65}, {0}, 2},
      {1, {8193}, {0}, -1},
      {1, {131075}, {0}, 1},
      {1, {70000}, {0}, -2},
      {2, {3, 5}, {0, 1}, 1},
      {2, {5, 3}, {1, 0}, 1},
      {2, {600, 3}, {0, 1}, 1},
      {2, {700, 600}, {0, 1}, 1},
      {2, {600, 700}, {1, 0}, 1},
      {2, {40, 50}, {0, 1}, -1},
      {2, {40, 50}, {0, 1}, 0},
      {2, {0, 4}, {0, 1}, 1},
      {2, {4, 0}, {0, 1}, 1},
      {3, {20, 30, 40}, {0, 1, 2}, 1},
      {3, {7, 9, 11}, {2, 0, 1}, 1},
      {3, {7, 9, 130}, {1, 2, 0}, 3},
      {3, {30, 1, 70}, {0, 1, 2}, 1},
      {5, {3, 4, 5, 6, 7}, {4, 2, 0, 1, 3}, 1},
      {5, {3, 4, 5, 6, 7}, {0, 1, 2, 3, 4}, -2},
      {2, {100000, 3}, {0, 1}, 1},
      {2, {3, 100000}, {1, 0}, 1},
      {3, {2, 5000, 90}, {0, 1, 2}, 1},
  };
  static const hr_dtype few[] = {HR_INT8, HR_FLOAT32, HR_COMPLEX64};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (uint32_t axes = 0; axes <= hr_axes_all(cases[i].ndim); axes++)
      for (int kind = 0; kind < HR_REDUCE_KINDS; kind++) {
        bool order = kind == HR_REDUCE_MAX || kind == HR_REDUCE_MIN;
        layout_case c = cases[i];
        int64_t size = 1;
        for (int k = 0; k < c.ndim; k++) size *= c.shape[k];
        if (order && size == 0) continue;
        bool one_or_all = axes && (axes == hr_axes_all(c.ndim) || !(axes & (axes - 1)));
        if (order && one_or_all) check_arg(&c, few[i % 2 + 1], kind == HR_REDUCE_MAX, axes);
        check_case(&c, few[(i + axes) % 3], kind == HR_REDUCE_PROD ? HR_REDUCE_SUM : (hr_reduce_kind)kind, axes);
      }
}

static void test_dtypes(void **state) {
  (void)state;
  static const layout_case cases[] = {
      {1, {300}, {0}, 1}, {2, {9, 70}, {0, 1}, 1}, {2, {9, 70}, {1, 0}, 2}, {2, {1000, 7}, {0, 1}, 1}};
  for (int dtype = 0; dtype < HR_DTYPE_COUNT; dtype++)
    for (int kind = 0; kind < HR_REDUCE_KINDS; kind++)
      for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (uint32_t axes = 1; axes <= hr_axes_all(cases[i].ndim); axes++) {
          check_case(&cases[i], (hr_dtype)dtype, (hr_reduce_kind)kind, axes);
          if (dtype >= HR_FLOAT16) check_arg(&cases[i], (hr_dtype)dtype, kind % 2 == 0, axes);
        }
}

/* --- kernels: every level gives the bits of plain C --- */

static void fill_random(void *data, hr_dtype dtype, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    put(data, dtype, i, (double)(next_random() % 2001) / 7 - (next_random() % 4 ? 140 : 0));
  if (dtype == HR_COMPLEX64)
    for (int64_t i = 0; i < n; i++) ((float *)data)[2 * i + 1] = (float)next_random() / 3;
}

static void check_levels(hr_reduce_kind kind, hr_dtype dtype, const void *x, int64_t rows, int64_t n) {
  char plain[HR_ISA_COUNT][8 * 512], columns[HR_ISA_COUNT][8 * 20480];
  size_t item = hr_dtype_bytes[hr_reduce_accumulator(kind, dtype)];
  int64_t stride = n * hr_dtype_bytes[dtype];
  for (int level = 0; level <= (int)hr_isa_level(); level++) {
    const hr_reduce_kernel *k = hr_reduce_find(kind, dtype, (hr_isa)level);
    k->rows(plain[level], x, stride, rows, n);
    k->start(columns[level], n);
    k->cols(columns[level], x, stride, rows, n);
    assert_memory_equal(plain[0], plain[level], (size_t)rows * item);
    assert_memory_equal(columns[0], columns[level], (size_t)n * item);
  }
  hr_reduce_state pieces;
  char acc[8];
  const hr_reduce_kernel *k = hr_reduce_find(kind, dtype, hr_isa_level());
  k->begin(&pieces);
  for (int64_t at = 0; at < n; at += 128)
    k->add(&pieces, (const char *)x + at * hr_dtype_bytes[dtype], n - at < 128 ? n - at : 128);
  k->fold(acc, &pieces);
  assert_memory_equal(acc, plain[0], item);
}

static void test_levels(void **state) {
  (void)state;
  static const int64_t lengths[] = {1, 2, 3, 15, 16, 17, 31, 63, 64, 65, 127, 129, 1000, 8191, 8192, 8193, 20000};
  char *x = malloc(8 * 20480 * 9);
  assert_non_null(x);
  for (int dtype = 0; dtype < HR_DTYPE_COUNT; dtype++) {
    fill_random(x, (hr_dtype)dtype, 20480 * 9);
    for (int kind = 0; kind < HR_REDUCE_KINDS; kind++)
      for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        check_levels((hr_reduce_kind)kind, (hr_dtype)dtype, x, 9, lengths[i]);
        if (lengths[i] < 64) check_levels((hr_reduce_kind)kind, (hr_dtype)dtype, x, 511, lengths[i]);
      }
  }
  free(x);
}

/* How work is shared does not show: runs of few rows, and tiles of columns, are the kernels' over the whole. */
static void check_cut(int rows, int n, uint32_t axes, hr_dtype dtype, hr_reduce_kind kind) {
  hr_array *a, *out;
  hr_dtype result = hr_reduce_accumulator(kind, dtype);
  const hr_reduce_kernel *k = hr_reduce_find(kind, dtype, hr_isa_level());
  int64_t stride = (int64_t)n * hr_dtype_bytes[dtype];
  char expected[8 * 4096];
  assert_int_equal(hr_array_new_empty(&a, (int[]){rows, n}, 2, dtype), HR_OK);
  fill_random(hr_array_data(a), dtype, a->size);
  out = reduce(a, kind, axes, result);
  if (axes == 2) {
    k->rows(expected, hr_array_data(a), stride, rows, n);
  } else {
    k->start(expected, n);
    k->cols(expected, hr_array_data(a), stride, rows, n);
  }
  assert_memory_equal(hr_array_data(out), expected, (size_t)out->size * hr_dtype_bytes[result]);
  hr_array_release(a);
  hr_array_release(out);
}

static void test_cut_keeps_bits(void **state) {
  (void)state;
  static const hr_dtype dtypes[] = {HR_FLOAT32, HR_BFLOAT16, HR_INT16, HR_FLOAT64, HR_COMPLEX64};
  static const int lengths[] = {8193, 16385, 40000, 65535, 65536};
  for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++)
    for (int kind = 0; kind < HR_REDUCE_KINDS; kind++) {
      for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int rows = 1; rows < 10; rows += 4) check_cut(rows, lengths[i], 2, dtypes[d], (hr_reduce_kind)kind);
      check_cut(64, 1024, 1, dtypes[d], (hr_reduce_kind)kind);
      check_cut(63, 512, 1, dtypes[d], (hr_reduce_kind)kind);
      check_cut(60, 1000, 1, dtypes[d], (hr_reduce_kind)kind);
    }
}

/* --- values --- */

static hr_array *floats(const float *values, int n) {
  hr_array *a;
  assert_int_equal(hr_array_new_empty(&a, &n, 1, HR_FLOAT32), HR_OK);
  memcpy(hr_array_data(a), values, sizeof(float) * (size_t)n);
  return a;
}

static float reduce_float(const float *values, int n, hr_reduce_kind kind) {
  hr_array *a = floats(values, n), *out = reduce(a, kind, 1, HR_FLOAT32);
  float value = *(float *)hr_array_data(out);
  hr_array_release(a);
  hr_array_release(out);
  return value;
}

static void test_nan(void **state) {
  (void)state;
  enum { N = 200 };
  float x[N];
  for (int at = 0; at < N; at++) {
    for (int i = 0; i < N; i++) x[i] = (float)(i % 7);
    x[at] = NAN;
    assert_true(isnan(reduce_float(x, N, HR_REDUCE_MAX)));
    assert_true(isnan(reduce_float(x, N, HR_REDUCE_MIN)));
    assert_true(isnan(reduce_float(x, N, HR_REDUCE_SUM)));
  }
}

static void test_sum_error(void **state) {
  (void)state;
  enum { N = 1 << 20 };
  float *x = malloc(sizeof(float) * N);
  assert_non_null(x);
  double exact = 0;
  for (int i = 0; i < N; i++) exact += x[i] = (float)next_random() / (float)(1 << 24);
  double error = fabs(reduce_float(x, N, HR_REDUCE_SUM) - exact);
  assert_true(error <= (142 + 16) * 0x1p-24 * exact);
  assert_true(error <= 4 * 0x1p-24 * exact); /* errors cancel: a sum in one lane would be off by hundreds */
  free(x);
}

static void test_signed_zero(void **state) {
  (void)state;
  float x[3] = {-0.0f, -0.0f, -0.0f};
  assert_true(signbit(reduce_float(x, 3, HR_REDUCE_SUM)));
  assert_false(signbit(reduce_float(x, 0, HR_REDUCE_SUM)));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_layouts),        cmocka_unit_test(test_dtypes), cmocka_unit_test(test_levels),
      cmocka_unit_test(test_cut_keeps_bits), cmocka_unit_test(test_nan),    cmocka_unit_test(test_sum_error),
      cmocka_unit_test(test_signed_zero),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
