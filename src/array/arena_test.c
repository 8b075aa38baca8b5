/* src/array/arena_test.c - blocks do not overlap, regions come and go, threads share. */
#include "array/arena.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/pages.h"

enum { COUNT = 600 };
static unsigned char *blocks[COUNT];
static size_t sizes[COUNT];

static size_t size_of(uint32_t random) { return HR_ARENA_MIN + random % 249 * HR_PAGE; }

static void fill(int i, size_t bytes) {
  sizes[i] = bytes;
  blocks[i] = hr_arena_alloc(bytes);
  assert_non_null(blocks[i]);
  assert_int_equal((uintptr_t)blocks[i] % HR_PAGE, 0);
  blocks[i][0] = blocks[i][bytes - 1] = (unsigned char)i;
  memcpy(blocks[i] + 8, &i, sizeof i);
}

static void check_and_free(int i) {
  int kept;
  memcpy(&kept, blocks[i] + 8, sizeof kept);
  assert_int_equal(kept, i);
  assert_int_equal(blocks[i][0], i % 256);
  assert_int_equal(blocks[i][sizes[i] - 1], i % 256);
  hr_arena_free(blocks[i], sizes[i]);
  blocks[i] = NULL;
}

static void test_random_life(void **state) {
  (void)state;
  uint32_t random = 7;
  for (int turn = 0; turn < 20000; turn++) {
    random = random * 1664525u + 1013904223u;
    int i = (int)(random >> 16) % COUNT;
    if (blocks[i])
      check_and_free(i);
    else
      fill(i, size_of(random >> 8));
  }
  assert_true(hr_arena_mapped() > HR_ARENA_REGION);
  for (int i = 0; i < COUNT; i++)
    if (blocks[i]) check_and_free(i);
  assert_int_equal(hr_arena_mapped(), HR_ARENA_REGION);
}

/* Sizes that fill a region to the last unit leave no gap, and what was freed in the middle is found again. */
static void test_gaps_are_reused(void **state) {
  (void)state;
  enum { MIB = 1 << 20 };
  for (int i = 0; i < 31; i++) fill(i, MIB);
  fill(31, MIB - HR_PAGE);
  assert_int_equal(hr_arena_mapped(), HR_ARENA_REGION);
  fill(32, HR_ARENA_MIN);
  assert_int_equal(hr_arena_mapped(), 2 * HR_ARENA_REGION);
  unsigned char *gap = blocks[9];
  check_and_free(9);
  fill(33, MIB - 2 * HR_PAGE);
  fill(9, HR_ARENA_MIN); /* two units are left: too few */
  assert_ptr_equal(blocks[33], gap);
  assert_ptr_not_equal(blocks[9], gap);
  for (int i = 0; i < 34; i++) check_and_free(i);
  assert_int_equal(hr_arena_mapped(), HR_ARENA_REGION);
}

/* A huge page that was given back is zero again. */
static void test_pages_are_given_back(void **state) {
  (void)state;
  enum { MIB = 1 << 20 };
  for (int i = 0; i < 8; i++) {
    fill(i, MIB);
    memset(blocks[i] + 64, 0xff, MIB - 128);
  }
  unsigned char *inside = blocks[4] + MIB / 2;
  for (int i = 2; i < 7; i++) check_and_free(i);
  for (int i = 2; i < 7; i++) fill(i, MIB);
  assert_int_equal(*inside, 0);
  for (int i = 0; i < 8; i++) check_and_free(i);
}

enum { THREADS = 3, TURNS = 3000 };
static void *churn(void *arg) {
  unsigned char *held[16] = {NULL};
  size_t bytes[16];
  uint32_t random = 3 + (uint32_t)(uintptr_t)arg;
  unsigned char me = (unsigned char)(1 + (uintptr_t)arg);
  void *complaint = NULL;
  for (int turn = 0; turn < TURNS + 16; turn++) {
    random = random * 1664525u + 1013904223u;
    int i = turn < TURNS ? (int)(random >> 20) % 16 : turn - TURNS;
    if (held[i]) {
      if (held[i][0] != me || held[i][bytes[i] - 1] != me) complaint = "a block has two owners";
      hr_arena_free(held[i], bytes[i]);
      held[i] = NULL;
    } else if (turn < TURNS) {
      bytes[i] = size_of(random >> 8);
      held[i] = hr_arena_alloc(bytes[i]);
      if (!held[i]) return "refused";
      held[i][0] = held[i][bytes[i] - 1] = me;
    }
  }
  return complaint;
}

static void test_threads(void **state) {
  (void)state;
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, churn, (void *)(uintptr_t)i), 0);
  for (int i = 0; i < THREADS; i++) {
    void *complaint;
    pthread_join(threads[i], &complaint);
    assert_null(complaint);
  }
  assert_int_equal(hr_arena_mapped(), HR_ARENA_REGION);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_random_life),
      cmocka_unit_test(test_gaps_are_reused),
      cmocka_unit_test(test_pages_are_given_back),
      cmocka_unit_test(test_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
