/* Random numbers against values that MLX 0.32.4 gives for key(7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "graph/eval.h"
#include "ops/distributions.h"
#include "ops/random.h"

static hr_array *key7(void) {
  hr_array *key;
  assert_int_equal(hr_random_key(&key, 7), HR_OK);
  return key;
}

static const void *read(hr_array *a) {
  const void *data;
  assert_int_equal(hr_array_read(&data, a), HR_OK);
  return data;
}

static void check_bits(int n, int width, const void *expect) {
  hr_array *key = key7(), *bits;
  assert_int_equal(hr_random_bits(&bits, &n, 1, width, key, NULL), HR_OK);
  assert_memory_equal(read(bits), expect, (size_t)n * (size_t)width);
  hr_array_release(bits), hr_array_release(key);
}

static void test_bits(void **state) {
  (void)state;
  check_bits(1, 4, (uint32_t[]){0xd817648b});
  check_bits(3, 4, (uint32_t[]){0x399897a9, 0x6d18d948, 0x741fbe03});
  check_bits(4, 4, (uint32_t[]){0x399897a9, 0x3af75d5d, 0x741fbe03, 0x3f1826cb});
  check_bits(5, 2, (uint16_t[]){0x97a9, 0x3998, 0xd948, 0x6d18, 0xbe03});
  check_bits(6, 2, (uint16_t[]){0x97a9, 0x3998, 0xd948, 0x6d18, 0xbe03, 0x741f});
  check_bits(3, 1, (uint8_t[]){0x8b, 0x64, 0x17});
  check_bits(9, 1, (uint8_t[]){0xa9, 0x97, 0x98, 0x39, 0x48, 0xd9, 0x18, 0x6d, 0x03});
  check_bits(0, 4, (uint32_t[]){0});
}

static void test_split(void **state) {
  (void)state;
  static const uint32_t TWO[] = {966301609, 989289821, 1948237315, 1058547403};
  static const uint32_t THREE[] = {276534068, 861967409, 1905761346, 1641862660, 2900896126, 1402713516};
  hr_array *key = key7(), *first, *second, *three;
  assert_int_equal(hr_random_split(&first, &second, key, NULL), HR_OK);
  assert_memory_equal(read(first), TWO, 8);
  assert_memory_equal(read(second), TWO + 2, 8);
  assert_int_equal(hr_random_split_num(&three, key, 3, NULL), HR_OK);
  assert_memory_equal(read(three), THREE, sizeof THREE);
  hr_array_release(first), hr_array_release(second), hr_array_release(three), hr_array_release(key);
}

static void test_normal(void **state) {
  (void)state;
  hr_array *key = key7(), *a;
  assert_int_equal(hr_random_normal(&a, (int[]){3}, 1, HR_FLOAT32, 0, 1, key, NULL), HR_OK);
  static const float EXPECT[] = {-0x1.82cc780000000p-1f, -0x1.7d405e0000000p-3f, -0x1.dd60c20000000p-4f};
  const float *x = read(a);
  for (int i = 0; i < 3; i++) {
    int32_t got, want;
    memcpy(&got, x + i, 4), memcpy(&want, EXPECT + i, 4);
    assert_in_range(got - want + 4, 0, 8);
  }
  hr_array_release(a), hr_array_release(key);
}

/* K2: two threads that never seeded draw the same; a seed restarts the thread; the next draw differs. */
static void *draw_once(void *arg) {
  hr_array *bits;
  if (hr_random_bits(&bits, (int[]){2}, 1, 4, NULL, NULL) != HR_OK) return NULL;
  memcpy(arg, read(bits), 8);
  hr_array_release(bits);
  return arg;
}

static void test_state(void **state) {
  (void)state;
  uint32_t a[2], b[2], c[2];
  pthread_t thread;
  pthread_create(&thread, NULL, draw_once, a), pthread_join(thread, NULL);
  pthread_create(&thread, NULL, draw_once, b), pthread_join(thread, NULL);
  assert_memory_equal(a, b, sizeof a);
  assert_int_equal(hr_random_seed(5), HR_OK);
  assert_non_null(draw_once(a)), assert_non_null(draw_once(b));
  assert_memory_not_equal(a, b, sizeof a);
  assert_int_equal(hr_random_seed(5), HR_OK);
  assert_non_null(draw_once(c));
  assert_memory_equal(a, c, sizeof a);
}

static void test_errors(void **state) {
  (void)state;
  hr_array *out, *key = key7(), *bad;
  assert_int_equal(hr_random_bits(&out, (int[]){2}, 1, 3, key, NULL), HR_INVALID);
  assert_int_equal(hr_random_bits(&out, (int[]){-2}, 1, 4, key, NULL), HR_INVALID);
  assert_int_equal(hr_random_normal(&out, (int[]){2}, 1, HR_INT32, 0, 1, key, NULL), HR_UNSUPPORTED);
  assert_int_equal(hr_array_new_empty(&bad, (int[]){3}, 1, HR_UINT32), HR_OK);
  assert_int_equal(hr_random_bits(&out, (int[]){2}, 1, 4, bad, NULL), HR_INVALID);
  assert_string_equal(hr_last_error(), "random_bits: a key is uint32(2), not uint32(3)");
  assert_null(out);
  hr_array_release(bad), hr_array_release(key);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_bits), cmocka_unit_test(test_split),
                                     cmocka_unit_test(test_normal), cmocka_unit_test(test_state),
                                     cmocka_unit_test(test_errors)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
