/* R20: the order of a sum is part of the interface and can never change. The order that src/cpu/kernels/reduce.h and
 * src/cpu/reduce.c state, written down a second time, must give the same bits as the library on rows of any length. */
#include "world.h"

#include "ops/distributions.h"
#include "ops/random.h"
#include "ops/reduce.h"
#include "ops/shape.h"

enum { LANES = 64, RUN = 8192, BLOCK = 65536, BLOCKS = 64 };

static float sum_of_block(const float *x, int n) {
  float total[LANES] = {0};
  for (int begin = 0; begin < n; begin += RUN) {
    float part[LANES] = {0};
    int end = n - begin < RUN ? n : begin + RUN;
    for (int i = begin; i < end; i++) part[(i - begin) % LANES] += x[i];
    for (int k = 0; k < LANES; k++) total[k] += part[k];
  }
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int k = 0; k < half; k++) total[k] += total[k + half];
  return total[0];
}

/* Rows of more than a block: the sums of the blocks are a row in turn. */
static float sum_in_order(const float *x, int n) {
  float blocks[BLOCKS];
  int count = 0;
  for (int begin = 0; begin < n; begin += BLOCK)
    blocks[count++] = sum_of_block(x + begin, n - begin < BLOCK ? n - begin : BLOCK);
  return count == 1 ? blocks[0] : sum_of_block(blocks, count);
}

static hr_array *drawn(const int *shape, int ndim, uint64_t seed) {
  hr_array *key, *out;
  assert_int_equal(hr_random_key(&key, seed), HR_OK);
  assert_int_equal(hr_random_normal(&out, shape, (size_t)ndim, HR_FLOAT32, 0, 1, key, NULL), HR_OK);
  hr_array_release(key);
  return out;
}

static void same_bits(float got, float expected, int n) {
  if (memcmp(&got, &expected, sizeof got) != 0) fail_msg("%d values: %a instead of %a", n, got, expected);
}

static void test_rows(void **state) {
  (void)state;
  static const int lengths[] = {1, 2, 31, 63, 64, 65, 127, 1000, 4096, 8191, 8192, 8193, 16384, 20001, 100003, 1000000};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    const void *data, *x;
    hr_array *a = drawn(&lengths[i], 1, i), *sum;
    assert_int_equal(hr_sum(&sum, a, false, NULL), HR_OK);
    assert_int_equal(hr_array_read(&x, a), HR_OK);
    assert_int_equal(hr_array_read(&data, sum), HR_OK);
    same_bits(*(const float *)data, sum_in_order(x, lengths[i]), lengths[i]);
    hr_array_release(sum);
    hr_array_release(a);
  }
}

/* Many rows at once: cut over workers, each row in the same order. */
static void test_many_rows(void **state) {
  (void)state;
  static const int shapes[][2] = {{1000, 77}, {3, 70001}, {513, 1024}, {64, 8200}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    const void *data, *x;
    hr_array *a = drawn(shapes[i], 2, 100 + i), *sum;
    assert_int_equal(hr_sum_axis(&sum, a, 1, false, NULL), HR_OK);
    assert_int_equal(hr_array_read(&x, a), HR_OK);
    assert_int_equal(hr_array_read(&data, sum), HR_OK);
    for (int r = 0; r < shapes[i][0]; r++)
      same_bits(((const float *)data)[r],
                sum_in_order((const float *)x + (size_t)r * (size_t)shapes[i][1], shapes[i][1]), shapes[i][1]);
    hr_array_release(sum);
    hr_array_release(a);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_many_rows)};
  watchdog();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
