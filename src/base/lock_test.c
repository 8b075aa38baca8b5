/* src/base/lock_test.c - the mutex under contention, and sleeping on a word. */
#include "base/lock.h"

#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/futex.h"

enum { THREADS = 4, TURNS = 50000 };

static hr_mutex mutex = HR_MUTEX_INIT;
static long counter; /* guarded by mutex */

static void *count(void *arg) {
  (void)arg;
  for (int i = 0; i < TURNS; i++) {
    hr_mutex_lock(&mutex);
    counter++;
    if (i % 64 == 0) /* held for longer than the spin, now and then */
      for (int k = 0; k < 200; k++) hr_cpu_relax();
    hr_mutex_unlock(&mutex);
  }
  return NULL;
}

static void test_exclusion(void **state) {
  (void)state;
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, count, NULL), 0);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  assert_int_equal(counter, (long)THREADS * TURNS);
  assert_int_equal(hr_load_relaxed(&mutex.state), 0);
}

static void test_try_lock(void **state) {
  (void)state;
  assert_true(hr_mutex_try_lock(&mutex));
  assert_false(hr_mutex_try_lock(&mutex));
  hr_mutex_unlock(&mutex);
  assert_true(hr_mutex_try_lock(&mutex));
  hr_mutex_reset(&mutex);
  assert_true(hr_mutex_try_lock(&mutex));
  hr_mutex_unlock(&mutex);
}

static void test_wait_returns(void **state) {
  (void)state;
  _Atomic(uint32_t) word = 7;
  assert_true(hr_futex_wait(&word, 8, -1)); /* does not sleep: the word differs */
  bool in_time = true;
  for (int i = 0; i < 1000 && in_time; i++) in_time = hr_futex_wait(&word, 7, 1000);
  assert_false(in_time);
  hr_futex_wake(&word, 1); /* nobody sleeps: no effect */
}

/* Two threads hand a word back and forth, each asleep while it is the other's. */
static _Atomic(uint32_t) turn;
static void hand_over(uint32_t mine, int times) {
  for (int i = 0; i < times; i++) {
    while (hr_load_acquire(&turn) != mine) hr_futex_wait(&turn, 1 - mine, -1);
    hr_store_release(&turn, 1 - mine);
    hr_futex_wake(&turn, INT_MAX);
  }
}
static void *hand_back(void *arg) {
  (void)arg;
  hand_over(1, 2000);
  return NULL;
}
static void test_wake(void **state) {
  (void)state;
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, hand_back, NULL), 0);
  hand_over(0, 2000);
  pthread_join(thread, NULL);
  assert_int_equal(hr_load_relaxed(&turn), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_exclusion),
      cmocka_unit_test(test_try_lock),
      cmocka_unit_test(test_wait_returns),
      cmocka_unit_test(test_wake),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
