/* quantize and dequantize: words, scales and biases worked out by hand, and how far the way back may be off. All modes
 * are compared with MLX in tests/test_quantize.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "graph/eval.h"
#include "ops/check.h"
#include "ops/quantize.h"
#include "sched/stream.h"

static hr_stream *stream;
static const hr_optional_int none = {0, false};
static hr_optional_int some(int value) { return (hr_optional_int){value, true}; }

static const void *read_array(hr_array *a) {
  const void *data = NULL;
  assert_int_equal(hr_array_read(&data, a), HR_OK);
  return data;
}

static void test_affine(void **state) {
  (void)state;
  /* -3 is further from 0 than 1: the bias. 15 steps of 4 / 15, stretched to hit 0: -3 / round(-3 / (4 / 15)) */
  float row[32];
  for (int i = 0; i < 32; i++) row[i] = i % 8 == 0 ? -3 : i % 8 == 1 ? 1 : 0;
  hr_array *w;
  hr_array_list parts;
  assert_int_equal(hr_array_new_copy(&w, row, (int[]){1, 32}, 2, HR_FLOAT32), HR_OK);
  assert_int_equal(hr_quantize(&parts, w, some(32), some(4), "affine", NULL, stream), HR_OK);
  assert_int_equal(parts.count, 3);
  assert_int_equal(*(const uint32_t *)read_array(parts.items[0]), 0xbbbbbbf0u); /* -3 is 0, 1 is 15, 0 is 11 */
  assert_true(*(const float *)read_array(parts.items[1]) == -3.0f / -11.0f);
  assert_true(*(const float *)read_array(parts.items[2]) == -3);
  hr_array_release(w);
  hr_list_clear(&parts);
}

static void test_floats(void **state) {
  (void)state;
  float row[32];
  for (int i = 0; i < 32; i++) row[i] = i % 2 ? -6 : 1.5f;
  hr_array *w;
  hr_array_list parts;
  assert_int_equal(hr_array_new_copy(&w, row, (int[]){1, 32}, 2, HR_FLOAT32), HR_OK);
  assert_int_equal(hr_quantize(&parts, w, none, none, "mxfp4", NULL, stream), HR_OK);
  assert_int_equal(parts.count, 2);
  assert_int_equal(*(const uint32_t *)read_array(parts.items[0]), 0xf3f3f3f3u);
  assert_int_equal(*(const uint8_t *)read_array(parts.items[1]), 127);
  hr_list_clear(&parts);
  assert_int_equal(hr_quantize(&parts, w, none, none, "mxfp8", NULL, stream), HR_OK); /* by 2^-6: 96 and -384 */
  assert_int_equal(*(const uint32_t *)read_array(parts.items[0]), 0xfc6cfc6cu);
  assert_int_equal(*(const uint8_t *)read_array(parts.items[1]), 121);
  hr_list_clear(&parts);
  hr_array_release(w);
}

/* Half a step away at the most, of 15 between the extremes and one more for the zero. */
static void test_way_back(void **state) {
  (void)state;
  enum { ROWS = 7, LENGTH = 192, BITS = 8 };
  static float rows[ROWS * LENGTH];
  for (int i = 0; i < ROWS * LENGTH; i++) rows[i] = sinf((float)i * 0.7f) * (float)(1 + i / LENGTH);
  for (int bits = 2; bits <= BITS; bits++) {
    if (bits == 7) continue;
    hr_array *w, *back;
    hr_array_list parts;
    assert_int_equal(hr_array_new_copy(&w, rows, (int[]){ROWS, LENGTH}, 2, HR_FLOAT32), HR_OK);
    assert_int_equal(hr_quantize(&parts, w, none, some(bits), "affine", NULL, stream), HR_OK);
    assert_int_equal(hr_dequantize(&back, parts.items[0], parts.items[1], parts.items[2], none, some(bits), "affine",
                                   NULL, (hr_optional_dtype){HR_FLOAT32, false}, stream),
                     HR_OK);
    const float *got = read_array(back);
    for (int i = 0; i < ROWS * LENGTH; i++) {
      float step = 2.0f * (float)(1 + i / LENGTH) / (float)((1 << bits) - 1);
      if (!(fabsf(got[i] - rows[i]) <= 1.01f * step)) fail_msg("%d bits, %d: %g, was %g", bits, i, got[i], rows[i]);
    }
    hr_array_release(w), hr_array_release(back);
    hr_list_clear(&parts);
  }
}

static int setup(void **state) {
  (void)state;
  return hr_stream_create(&stream, 0, 0) != HR_OK;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_affine), cmocka_unit_test(test_floats),
                                     cmocka_unit_test(test_way_back)};
  return cmocka_run_group_tests(tests, setup, NULL);
}
