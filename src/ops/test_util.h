/* src/ops/test_util.h - for the tests of layers (norm, rope, attention): random arrays, and arrays read as doubles.
 * Included once a test program. */
#ifndef HR_OPS_TEST_UTIL_H
#define HR_OPS_TEST_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "graph/eval.h"
#include "ops/cast.h"
#include "ops/shape.h"
#include "sched/stream.h"

static hr_stream *stream;
static uint32_t seed = 3;

static int start(void **state) {
  (void)state;
  return hr_stream_create(&stream, 0, 0) != HR_OK;
}

/* A row-major array of numbers in [mean - spread / 2, mean + spread / 2), rounded to the dtype; evaluated. */
static hr_array *numbers(const int *shape, int ndim, hr_dtype dtype, double mean, double spread) {
  hr_array *doubles, *a;
  const void *data;
  assert_int_equal(hr_array_new_empty(&doubles, shape, ndim, HR_FLOAT64), HR_OK);
  for (int64_t i = 0; i < doubles->size; i++) {
    seed = seed * 1664525u + 1013904223u;
    ((double *)hr_array_data(doubles))[i] = mean + ((double)(seed >> 8) / (1 << 24) - 0.5) * spread;
  }
  assert_int_equal(hr_astype(&a, doubles, dtype, stream), HR_OK);
  assert_int_equal(hr_array_read(&data, a), HR_OK);
  hr_array_release(doubles);
  return a;
}

/* Evaluates `a` and gives its elements in row-major order; the caller releases *keep when done with them. */
static const double *doubles_of(hr_array **keep, hr_array *a) {
  const void *data;
  hr_array *wide;
  assert_int_equal(hr_astype(&wide, a, HR_FLOAT64, stream), HR_OK);
  assert_int_equal(hr_row_major(keep, wide, stream), HR_OK);
  assert_int_equal(hr_array_read(&data, *keep), HR_OK);
  hr_array_release(wide);
  return data;
}

/* A view of `a` with these strides, in elements. */
static hr_array *strided(hr_array *a, const int *shape, const int64_t *strides, size_t ndim, size_t offset) {
  hr_array *view;
  assert_int_equal(hr_as_strided(&view, a, shape, ndim, strides, ndim, offset, stream), HR_OK);
  return view;
}

#endif
