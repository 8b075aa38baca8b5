/* Order along an axis, through the builders, against a plain stable sort of doubles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array/array.h"
#include "base/half.h"
#include "graph/eval.h"
#include "ops/shape.h"
#include "ops/sort.h"
#include "sched/stream.h"

static hr_stream *stream;
static uint32_t seed = 7;
static uint32_t next_random(void) { return (seed = seed * 1664525u + 1013904223u) >> 8; }

typedef struct entry {
  double real, imag;
  uint32_t place;
} entry;

static double float_at(const void *data, hr_dtype dtype, int64_t i) {
  if (dtype == HR_FLOAT16) return hr_f16_to_f32(((const uint16_t *)data)[i]);
  if (dtype == HR_BFLOAT16) return hr_bf16_to_f32(((const uint16_t *)data)[i]);
  if (dtype == HR_FLOAT32) return ((const float *)data)[i];
  return ((const double *)data)[i];
}

/* Test values of all dtypes are exact as double. */
static entry entry_at(const void *data, hr_dtype dtype, int64_t i) {
  entry e = {0, 0, (uint32_t)i};
  int64_t bits = 0;
  size_t bytes = hr_dtype_bytes[dtype];
  memcpy(&bits, (const char *)data + i * (int64_t)bytes, bytes);
  if (dtype == HR_COMPLEX64) {
    e.real = ((const float *)data)[2 * i];
    e.imag = ((const float *)data)[2 * i + 1];
    if (isnan(e.real) || isnan(e.imag)) e.real = NAN, e.imag = 0;
  } else if (hr_dtype_is_float(dtype)) {
    e.real = float_at(data, dtype, i);
  } else {
    if (hr_dtype_classes[dtype] == HR_CLASS_SIGNED && bytes < 8)
      bits = (int64_t)((uint64_t)bits << (64 - 8 * bytes)) >> (64 - 8 * bytes);
    e.real = (double)bits;
  }
  return e;
}

static int compare_doubles(double a, double b) {
  if (isnan(a) || isnan(b)) return isnan(a) - isnan(b);
  return (a > b) - (a < b);
}

static int compare_values(const entry *a, const entry *b) {
  int real = compare_doubles(a->real, b->real);
  return real ? real : compare_doubles(a->imag, b->imag);
}

static int compare(const void *x, const void *y) {
  const entry *a = x, *b = y;
  int values = compare_values(a, b);
  return values ? values : (a->place > b->place) - (a->place < b->place);
}

/* Few different values where `few`; some NaN, infinities and zeros of both signs among floats. */
static void fill(void *data, hr_dtype dtype, int64_t n, bool few) {
  for (int64_t i = 0; i < n; i++) {
    uint32_t r = next_random();
    double value = few ? (double)(r % 5) - 2 : (double)(r % 4001) - 2000;
    if (r % 97 == 0) value = r % 2 ? -INFINITY : INFINITY;
    if (r % 101 == 0) value = r % 2 ? -NAN : NAN;
    if (r % 13 == 0) value = r % 2 ? -0.0 : 0.0;
    uint64_t bits = (uint64_t)r * 2654435761u >> (few ? 28 : 0);
    float f = (float)value;
    uint16_t half = dtype == HR_FLOAT16 ? hr_f32_to_f16(f) : hr_f32_to_bf16(f);
    if (dtype == HR_BOOL) bits &= 1;
    if (dtype == HR_FLOAT64)
      memcpy((char *)data + 8 * i, &value, 8);
    else if (dtype == HR_FLOAT32)
      memcpy((char *)data + 4 * i, &f, 4);
    else if (hr_dtype_is_float(dtype))
      memcpy((char *)data + 2 * i, &half, 2);
    else if (dtype == HR_COMPLEX64)
      ((float *)data)[2 * i] = f, ((float *)data)[2 * i + 1] = (float)(r % 3);
    else
      memcpy((char *)data + i * hr_dtype_bytes[dtype], &bits, hr_dtype_bytes[dtype]);
  }
}

static hr_array *array_new(const int *shape, int ndim, hr_dtype dtype, bool few) {
  hr_array *a;
  assert_int_equal(hr_array_new_empty(&a, shape, ndim, dtype), HR_OK);
  fill(hr_array_data(a), dtype, a->size, few);
  return a;
}

static const void *read_array(hr_array *a) {
  const void *data;
  assert_int_equal(hr_array_read(&data, a), HR_OK);
  return data;
}

static void check_sorted(hr_array *a, const entry *order) {
  hr_array *sorted, *places;
  assert_int_equal(hr_sort(&sorted, a, stream), HR_OK);
  assert_int_equal(hr_argsort(&places, a, stream), HR_OK);
  const void *values = read_array(sorted);
  const uint32_t *place = read_array(places);
  for (int64_t i = 0; i < a->size; i++) {
    entry e = entry_at(values, hr_array_dtype(a), i);
    assert_int_equal(compare_values(&e, &order[i]), 0);
    assert_int_equal(place[i], order[i].place);
  }
  hr_array_release(sorted);
  hr_array_release(places);
}

static void check_parted(hr_array *a, const entry *order, int kth) {
  hr_array *parted, *places;
  hr_dtype dtype = hr_array_dtype(a);
  assert_int_equal(hr_partition(&parted, a, kth, stream), HR_OK);
  assert_int_equal(hr_argpartition(&places, a, kth - (int)a->size, stream), HR_OK);
  const void *values = read_array(parted), *source = hr_array_data(a);
  const uint32_t *place = read_array(places);
  char *seen = calloc((size_t)a->size, 1);
  assert_non_null(seen);
  for (int64_t i = 0; i < a->size; i++) {
    entry e = entry_at(values, dtype, i), from = entry_at(source, dtype, place[i]);
    int value = compare_values(&e, &order[kth]), taken = compare_values(&from, &order[kth]);
    assert_true(i < kth ? value <= 0 : i > kth ? value >= 0 : value == 0);
    assert_true(i < kth ? taken <= 0 : i > kth ? taken >= 0 : taken == 0);
    assert_false(seen[place[i]]++);
  }
  free(seen);
  hr_array_release(parted);
  hr_array_release(places);
}

static void check_topk(hr_array *a, const entry *order, int k) {
  hr_array *top;
  assert_int_equal(hr_topk(&top, a, k, stream), HR_OK);
  assert_int_equal(top->size, k);
  const void *values = read_array(top);
  entry *taken = malloc(sizeof *taken * (size_t)(k + 1));
  assert_non_null(taken);
  for (int i = 0; i < k; i++) taken[i] = entry_at(values, hr_array_dtype(a), i);
  qsort(taken, (size_t)k, sizeof *taken, compare);
  for (int i = 0; i < k; i++) assert_int_equal(compare_values(&taken[i], &order[a->size - k + i]), 0);
  free(taken);
  hr_array_release(top);
}

static void check_row(hr_dtype dtype, int n, bool few) {
  hr_array *a = array_new(&n, 1, dtype, few);
  entry *order = malloc(sizeof *order * (size_t)(n + 1));
  assert_non_null(order);
  for (int i = 0; i < n; i++) order[i] = entry_at(hr_array_data(a), dtype, i);
  qsort(order, (size_t)n, sizeof *order, compare);
  check_sorted(a, order);
  if (n > 0) check_parted(a, order, n / 2);
  if (n > 0) check_parted(a, order, n - 1);
  check_topk(a, order, n / 100 + (n > 0));
  check_topk(a, order, 0);
  free(order);
  hr_array_release(a);
}

static void test_rows(void **state) {
  (void)state;
  static const int lengths[] = {0, 1, 2, 3, 17, 40, 41, 100, 1000, 2048, 2049, 5000, 40000};
  for (int dtype = 0; dtype < HR_DTYPE_COUNT; dtype++)
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
      for (int few = 0; few < 2; few++) check_row((hr_dtype)dtype, lengths[i], few);
}

static void test_long_rows(void **state) {
  (void)state;
  static const hr_dtype dtypes[] = {HR_UINT8, HR_INT16, HR_FLOAT16, HR_FLOAT32, HR_INT64, HR_FLOAT64, HR_COMPLEX64};
  for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
    for (int few = 0; few < 2; few++) check_row(dtypes[i], 131073 + 200000 * (i % 2), few);
}

/* A sample every 1000 elements or so that misleads: the bounds do not hold the kth. */
static void test_misleading_sample(void **state) {
  (void)state;
  static const int lengths[] = {5110, 511 * 600};
  for (int which = 0; which < 2; which++) {
    int n = lengths[which];
    hr_array *a;
    assert_int_equal(hr_array_new_empty(&a, &n, 1, HR_FLOAT32), HR_OK);
    float *x = hr_array_data(a);
    entry *order = malloc(sizeof *order * (size_t)n);
    assert_non_null(order);
    for (int i = 0; i < n; i++) x[i] = i % (n / 511) == 0 ? (float)i - 1e9f : (float)i;
    for (int i = 0; i < n; i++) order[i] = entry_at(x, HR_FLOAT32, i);
    qsort(order, (size_t)n, sizeof *order, compare);
    check_parted(a, order, n / 2);
    check_topk(a, order, 10);
    free(order);
    hr_array_release(a);
  }
}

/* Rows of a 3-D array along each axis, transposed too: against rows sorted one by one. */
static void check_axis(hr_array *a, int axis) {
  hr_array *sorted;
  assert_int_equal(hr_sort_axis(&sorted, a, axis - 3, stream), HR_OK);
  const float *out = read_array(sorted), *in = hr_array_data(a);
  const int *shape = hr_array_shape(a);
  const int64_t *from = hr_array_strides(a), *to = hr_array_strides(sorted);
  int b = (axis + 1) % 3, c = (axis + 2) % 3, n = shape[axis];
  entry *row = malloc(sizeof *row * (size_t)n);
  assert_non_null(row);
  for (int i = 0; i < shape[b]; i++)
    for (int k = 0; k < shape[c]; k++) {
      for (int p = 0; p < n; p++) row[p] = entry_at(in, HR_FLOAT32, i * from[b] + k * from[c] + p * from[axis]);
      for (int p = 0; p < n; p++) row[p].place = (uint32_t)p;
      qsort(row, (size_t)n, sizeof *row, compare);
      for (int p = 0; p < n; p++) {
        entry e = entry_at(out, HR_FLOAT32, i * to[b] + k * to[c] + p * to[axis]);
        assert_int_equal(compare_values(&e, &row[p]), 0);
      }
    }
  free(row);
  hr_array_release(sorted);
}

static void test_axes(void **state) {
  (void)state;
  hr_array *a = array_new((int[]){70, 50, 30}, 3, HR_FLOAT32, false), *turned;
  static const int order[] = {2, 0, 1};
  assert_int_equal(hr_transpose_axes(&turned, a, order, 3, stream), HR_OK);
  (void)read_array(turned);
  for (int axis = 0; axis < 3; axis++) {
    check_axis(a, axis);
    check_axis(turned, axis);
  }
  hr_array_release(turned);
  hr_array_release(a);
}

static void test_errors(void **state) {
  (void)state;
  hr_array *a = array_new((int[]){3, 4}, 2, HR_FLOAT32, false), *scalar = array_new(NULL, 0, HR_FLOAT32, false), *out;
  assert_int_equal(hr_sort_axis(&out, a, 2, stream), HR_INVALID);
  assert_null(out);
  assert_int_equal(hr_sort_axis(&out, a, -3, stream), HR_INVALID);
  assert_int_equal(hr_sort_axis(&out, scalar, -1, stream), HR_INVALID);
  assert_int_equal(hr_partition_axis(&out, a, 4, 1, stream), HR_INVALID);
  assert_int_equal(hr_partition_axis(&out, a, -5, 1, stream), HR_INVALID);
  assert_int_equal(hr_topk_axis(&out, a, -1, 1, stream), HR_INVALID);
  assert_int_equal(hr_topk_axis(&out, a, 5, 1, stream), HR_INVALID);
  assert_non_null(strstr(hr_last_error(), "topk: k is 5"));
  hr_array_release(a);
  hr_array_release(scalar);
}

static int start(void **state) {
  (void)state;
  return hr_stream_create(&stream, 0, 0) != HR_OK;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rows), cmocka_unit_test(test_long_rows), cmocka_unit_test(test_misleading_sample),
      cmocka_unit_test(test_axes), cmocka_unit_test(test_errors),
  };
  return cmocka_run_group_tests(tests, start, NULL);
}
