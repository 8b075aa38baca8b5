/* src/base/memory_test.c - hooks, failing on demand, and slab blocks that wander between threads. */
#include "base/memory.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/atomic.h"
#include "base/sanitizer.h"

/* --- hooks --- */

static long live, calls;
static void *count_alloc(void *user, size_t bytes) {
  assert_ptr_equal(user, &live);
  live++;
  calls++;
  return malloc(bytes);
}
static void *count_realloc(void *user, void *block, size_t bytes) {
  assert_ptr_equal(user, &live);
  if (!block) live++;
  return realloc(block, bytes);
}
static void count_free(void *user, void *block) {
  assert_ptr_equal(user, &live);
  live--;
  free(block);
}

static void test_hooks(void **state) {
  (void)state;
  hr_allocator_set(&(hr_allocator){count_alloc, count_realloc, count_free, &live});
  char *zero = hr_alloc_zero(100), *copy = hr_strdup("text"), *empty = hr_alloc(0);
  for (int i = 0; i < 100; i++) assert_int_equal(zero[i], 0);
  assert_string_equal(copy, "text");
  assert_non_null(empty);
  copy = hr_realloc(copy, 1000);
  assert_string_equal(copy, "text");
  char *large = hr_slab_alloc(HR_SLAB_MAX + 1);
  memset(large, 1, HR_SLAB_MAX + 1);
  assert_int_equal(live, 4);
  hr_free(zero);
  hr_free(copy);
  hr_free(empty);
  hr_free(NULL);
  hr_slab_free(large, HR_SLAB_MAX + 1);
  assert_int_equal(live, 0);
  assert_int_equal(calls, 4);
  hr_allocator_set(NULL);
}

static void test_fail_at(void **state) {
  (void)state;
  hr_slab_free(hr_slab_alloc(8), 8); /* the thread's magazines are one allocation too */
  hr_alloc_fail_at(3);
  void *first = hr_alloc(8), *second = hr_slab_alloc(8);
  assert_non_null(first);
  assert_non_null(second);
  assert_null(hr_realloc(first, 16));
  hr_slab_free(second, 8);
  second = hr_slab_alloc(8);
  assert_non_null(second);
  hr_alloc_fail_at(1);
  assert_null(hr_slab_alloc(8));
  hr_alloc_fail_at(1);
  assert_null(hr_alloc_zero(8));
  hr_alloc_fail_at(1);
  hr_alloc_fail_at(0);
  void *third = hr_alloc(8);
  assert_non_null(third);
  hr_free(first);
  hr_free(third);
  hr_slab_free(second, 8);
}

/* --- slab --- */

/* Every size; blocks do not overlap, keep what is written, and are aligned. */
static void test_sizes(void **state) {
  (void)state;
  enum { EACH = 3 };
  static unsigned char *blocks[HR_SLAB_MAX + 2][EACH];
  for (size_t bytes = 0; bytes <= HR_SLAB_MAX + 1; bytes++)
    for (int i = 0; i < EACH; i++) {
      blocks[bytes][i] = hr_slab_alloc(bytes);
      assert_non_null(blocks[bytes][i]);
      assert_int_equal((uintptr_t)blocks[bytes][i] % 16, 0);
      memset(blocks[bytes][i], (int)((bytes * EACH + (size_t)i) % 251), bytes);
    }
  for (size_t bytes = 0; bytes <= HR_SLAB_MAX + 1; bytes++)
    for (int i = 0; i < EACH; i++) {
      for (size_t k = 0; k < bytes; k++) assert_int_equal(blocks[bytes][i][k], (bytes * EACH + (size_t)i) % 251);
      hr_slab_free(blocks[bytes][i], bytes);
    }
  hr_slab_free(NULL, 8);
}

/* Blocks go round a ring of threads: each checks and frees what the one before it made. */
enum { THREADS = 4, RING_BLOCKS = 3000, RING_TURNS = 12, BLOCK_BYTES = 80 };
static void *ring[THREADS][RING_BLOCKS];
static pthread_barrier_t barrier;

static void *go_round(void *arg) {
  int me = (int)(intptr_t)arg;
  for (int turn = 0; turn < RING_TURNS; turn++) {
    for (int i = 0; i < RING_BLOCKS; i++) {
      unsigned char *block = hr_slab_alloc(BLOCK_BYTES);
      if (block) memset(block, me + 1, BLOCK_BYTES);
      ring[me][i] = block;
    }
    pthread_barrier_wait(&barrier);
    int other = (me + 1 + turn) % THREADS;
    for (int i = 0; i < RING_BLOCKS; i++) {
      unsigned char *block = ring[other][i];
      if (!block || block[0] != other + 1 || block[BLOCK_BYTES - 1] != other + 1) return "a block was damaged";
      hr_slab_free(block, BLOCK_BYTES);
    }
    pthread_barrier_wait(&barrier);
  }
  return NULL;
}

static void run_ring(void) {
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, go_round, (void *)(intptr_t)i), 0);
  for (int i = 0; i < THREADS; i++) {
    void *complaint;
    pthread_join(threads[i], &complaint);
    assert_null(complaint);
  }
}

static int compare_pointers(const void *a, const void *b) {
  uintptr_t x = (uintptr_t) * (void *const *)a, y = (uintptr_t) * (void *const *)b;
  return x < y ? -1 : x > y;
}

/* What threads leave behind is used again, each block once. */
static void test_threads(void **state) {
  (void)state;
  static void *blocks[THREADS * RING_BLOCKS];
  pthread_barrier_init(&barrier, NULL, THREADS);
  run_ring();
  run_ring();
  pthread_barrier_destroy(&barrier);
  for (int i = 0; i < THREADS * RING_BLOCKS; i++) blocks[i] = hr_slab_alloc(BLOCK_BYTES);
  qsort(blocks, THREADS * RING_BLOCKS, sizeof *blocks, compare_pointers);
  for (int i = 0; i < THREADS * RING_BLOCKS; i++) {
    assert_non_null(blocks[i]);
    if (i > 0) assert_true((char *)blocks[i] - (char *)blocks[i - 1] >= BLOCK_BYTES);
  }
  for (int i = 0; i < THREADS * RING_BLOCKS; i++) hr_slab_free(blocks[i], BLOCK_BYTES);
}

/* A thread's blocks come back when it ends: a thousand threads, one after another, use the same few. */
static void *use_some(void *arg) {
  uintptr_t *highest = arg;
  void *blocks[8];
  for (int i = 0; i < 8; i++) {
    blocks[i] = hr_slab_alloc(200);
    if ((uintptr_t)blocks[i] > *highest) *highest = (uintptr_t)blocks[i];
  }
  for (int i = 0; i < 8; i++) hr_slab_free(blocks[i], 200);
  return NULL;
}
static void test_threads_leave_nothing(void **state) {
  (void)state;
  if (HR_SANITIZED) skip(); /* blocks are malloc's */
  uintptr_t after_first = 0, after_all = 0;
  for (int i = 0; i < 1000; i++) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, use_some, i < 2 ? &after_first : &after_all), 0);
    pthread_join(thread, NULL);
  }
  assert_true(after_all <= after_first);
}

/* Destructors of thread-local data may allocate and free after the slab's own destructor has run. */
static pthread_key_t late_key;
static _Atomic(int) late_rounds;
static void late(void *arg) {
  hr_slab_free(arg, 48);
  void *block = hr_slab_alloc(48);
  if (block && hr_add_relaxed(&late_rounds, 1) < 1)
    pthread_setspecific(late_key, block);
  else
    hr_slab_free(block, 48);
}
static void *end_late(void *arg) {
  (void)arg;
  pthread_setspecific(late_key, hr_slab_alloc(48));
  return NULL;
}
static void test_late_destructors(void **state) {
  (void)state;
  pthread_t thread;
  assert_int_equal(pthread_key_create(&late_key, late), 0);
  assert_int_equal(pthread_create(&thread, NULL, end_late, NULL), 0);
  pthread_join(thread, NULL);
  assert_int_equal(hr_load_relaxed(&late_rounds), 2);
}

/* A child made while other threads allocate has usable locks. */
static _Atomic(bool) stop;
static void *churn(void *arg) {
  (void)arg;
  void *blocks[200];
  while (!hr_load_relaxed(&stop)) {
    for (int i = 0; i < 200; i++) blocks[i] = hr_slab_alloc(64);
    for (int i = 0; i < 200; i++) hr_slab_free(blocks[i], 64);
  }
  return NULL;
}
static void test_fork(void **state) {
  (void)state;
  if (HR_SANITIZED) skip(); /* a sanitizer's own allocator does not survive a fork amid threads */
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, churn, NULL), 0);
  for (int i = 0; i < 20; i++) {
    hr_memory_fork_prepare();
    pid_t child = fork();
    if (child == 0) {
      hr_memory_fork_child();
      alarm(20);
      void *blocks[500];
      for (int k = 0; k < 500; k++) blocks[k] = hr_slab_alloc(64);
      for (int k = 0; k < 500; k++) hr_slab_free(blocks[k], 64);
      _exit(0);
    }
    hr_memory_fork_parent();
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
  }
  hr_store_relaxed(&stop, true);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_hooks),
      cmocka_unit_test(test_fail_at),
      cmocka_unit_test(test_sizes),
      cmocka_unit_test(test_threads),
      cmocka_unit_test(test_threads_leave_nothing),
      cmocka_unit_test(test_late_destructors),
      cmocka_unit_test(test_fork),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
