/* src/array/host_memory_test.c - reuse, counters, limits and refusal of array memory. */
#include "array/host_memory.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "array/available.h"
#include "base/atomic.h"
#include "base/memory.h"
#include "base/sanitizer.h"

enum { MIB = 1 << 20 };

typedef struct block {
  void *data;
  size_t bytes;
} block;

static block take(size_t bytes) {
  block b;
  assert_int_equal(hr_host_alloc(&b.data, &b.bytes, bytes), HR_OK);
  return b;
}
static void give(block b) { hr_host_free(b.data, b.bytes); }

/* The first test: others set a limit. Sanitizers have no cache. */
static void test_default_cache_limit(void **state) {
  (void)state;
  hr_available machine;
  hr_available_read(&machine);
  size_t physical = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
  size_t limit = hr_memory_cache_limit_set(0);
  assert_true(limit <= physical / 4);
  assert_int_equal(limit, HR_SANITIZED ? 0 : machine.total / 4);
}

/* Every test starts with an empty cache that may keep `limit` bytes. */
static void fresh_start(size_t limit) {
  hr_memory_cache_clear();
  hr_memory_cache_limit_set(limit);
  hr_memory_limit_set((size_t)1 << 40);
  assert_int_equal(hr_memory_cache(), 0);
}

static void test_reuse(void **state) {
  (void)state;
  fresh_start((size_t)1 << 30);
  static const size_t sizes[] = {600, 5000, 300000, MIB, MIB + 1, 2 * MIB, 9 * MIB};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    block a = take(sizes[i]);
    memset(a.data, 1, a.bytes);
    give(a);
    assert_int_equal(hr_memory_cache(), a.bytes);
    block b = take(sizes[i]);
    assert_ptr_equal(a.data, b.data);
    assert_int_equal(a.bytes, b.bytes);
    assert_int_equal(hr_memory_cache(), 0);
    give(b);
    hr_memory_cache_clear();
    assert_int_equal(hr_memory_cache(), 0);
  }
}

static void test_best_fit(void **state) {
  (void)state;
  fresh_start((size_t)1 << 30);
  block larger = take(10 * MIB), fitting = take(9 * MIB), huge = take(16 * MIB);
  give(huge);
  give(larger);
  give(fitting);
  block a = take(9 * MIB - 5);
  assert_ptr_equal(a.data, fitting.data);
  block b = take(9 * MIB - 5); /* 10 MiB wastes less than a quarter */
  assert_ptr_equal(b.data, larger.data);
  assert_int_equal(b.bytes, larger.bytes);
  block c = take(9 * MIB - 5); /* 16 MiB would waste more */
  assert_ptr_not_equal(c.data, huge.data);
  give(a);
  give(b);
  give(c);
  fresh_start(0);
}

static void test_counters(void **state) {
  (void)state;
  fresh_start((size_t)1 << 30);
  size_t before = hr_memory_active();
  hr_memory_peak_reset();
  assert_int_equal(hr_memory_peak(), 0);
  block small = take(4000);
  assert_int_equal(hr_memory_active(), before + small.bytes);
  assert_int_equal(hr_memory_peak(), before + small.bytes);
  block large = take(3 * MIB);
  assert_int_equal(hr_memory_active(), before + small.bytes + large.bytes);
  assert_int_equal(hr_memory_peak(), before + small.bytes + large.bytes);
  give(large);
  assert_int_equal(hr_memory_active(), before + small.bytes);
  assert_int_equal(hr_memory_peak(), before + small.bytes + large.bytes);
  assert_int_equal(hr_memory_cache(), large.bytes);
  give(small);
  assert_int_equal(hr_memory_active(), before);
  hr_memory_peak_reset();
  assert_int_equal(hr_memory_peak(), 0);
  block again = take(3 * MIB);
  assert_int_equal(hr_memory_peak(), before + again.bytes);
  give(again);
  fresh_start(0);
}

/* Many small steps up and down: the sum stays exact, the peak is met to 64 KiB. */
static void test_many_small(void **state) {
  (void)state;
  enum { COUNT = 500 };
  static block blocks[COUNT];
  fresh_start((size_t)1 << 30);
  size_t before = hr_memory_active(), sum = 0;
  hr_memory_peak_reset();
  for (int turn = 0; turn < 3; turn++) {
    sum = 0;
    for (int i = 0; i < COUNT; i++) {
      blocks[i] = take((size_t)(600 + 37 * i));
      sum += blocks[i].bytes;
      assert_int_equal(hr_memory_active(), before + sum);
    }
    for (int i = 0; i < COUNT; i++) give(blocks[i]);
    assert_int_equal(hr_memory_active(), before);
    assert_int_equal(hr_memory_cache(), sum); /* the second and third turn took nothing fresh */
  }
  assert_true(hr_memory_peak() <= before + sum && hr_memory_peak() + 65536 > before + sum);
  fresh_start(0);
}

static void test_cache_limit(void **state) {
  (void)state;
  fresh_start(0);
  assert_int_equal(hr_memory_cache_limit_set(20 * MIB), 0);
  assert_int_equal(hr_memory_cache_limit_set(20 * MIB), 20 * MIB);
  block a = take(8 * MIB), b = take(8 * MIB), c = take(8 * MIB), d = take(24 * MIB), small = take(100000);
  give(a);
  give(b);
  assert_int_equal(hr_memory_cache(), 16 * MIB);
  give(c); /* the oldest, a, goes */
  assert_int_equal(hr_memory_cache(), 16 * MIB);
  give(d); /* too large to keep */
  assert_int_equal(hr_memory_cache(), 16 * MIB);
  give(small);
  assert_int_equal(hr_memory_cache(), 16 * MIB + small.bytes);
  assert_int_equal(hr_memory_cache_limit_set(8 * MIB), 20 * MIB);
  assert_true(hr_memory_cache() <= 8 * MIB);
  assert_int_equal(hr_memory_cache_limit_set(0), 8 * MIB);
  assert_int_equal(hr_memory_cache(), 0);
  small = take(100000);
  give(small);
  assert_int_equal(hr_memory_cache(), 0);
}

/* Medium blocks that would go over the limit push out large ones, then are not kept. */
static void test_medium_over_limit(void **state) {
  (void)state;
  enum { COUNT = 12 };
  block blocks[COUNT];
  fresh_start(8 * MIB);
  for (int i = 0; i < COUNT; i++) blocks[i] = take(MIB);
  give(take(4 * MIB));
  assert_int_equal(hr_memory_cache(), 4 * MIB);
  for (int i = 0; i < COUNT; i++) {
    give(blocks[i]);
    assert_true(hr_memory_cache() <= 8 * MIB);
  }
  assert_int_equal(hr_memory_cache(), 8 * MIB);
  fresh_start(0);
}

static void test_memory_limit(void **state) {
  (void)state;
  fresh_start((size_t)1 << 30);
  size_t old = hr_memory_limit_set(24 * MIB);
  assert_int_equal(hr_memory_limit_get(), 24 * MIB);
  block a = take(8 * MIB), b = take(10 * MIB);
  give(a);
  assert_int_equal(hr_memory_cache(), 8 * MIB);
  block c = take(14 * MIB); /* 10 active and 14 more leave no room for cached bytes; the limit itself refuses nothing */
  assert_int_equal(hr_memory_cache(), 0);
  block d = take(14 * MIB);
  give(b);
  give(c);
  give(d);
  assert_int_equal(hr_memory_limit_set(old), 24 * MIB);
  fresh_start(0);
}

static void test_refusal(void **state) {
  (void)state;
  fresh_start((size_t)1 << 30);
  hr_available machine;
  hr_available_read(&machine);
  if (machine.free == SIZE_MAX) skip();
  give(take(8 * MIB));
  void *data;
  size_t usable, active = hr_memory_active();
  assert_int_equal(hr_host_alloc(&data, &usable, machine.total), HR_OUT_OF_MEMORY);
  assert_null(data);
  assert_non_null(strstr(hr_last_error(), "cannot allocate "));
  assert_int_equal(hr_memory_cache(), 0); /* was given back first */
  assert_int_equal(hr_memory_active(), active);
  assert_int_equal(hr_host_alloc(&data, &usable, SIZE_MAX - 100), HR_OUT_OF_MEMORY);
  assert_int_equal(hr_host_alloc(&data, &usable, (size_t)1 << 47), HR_OUT_OF_MEMORY);
  /* What was promised and not touched counts: two of 0.6 do not fit. */
  size_t most = machine.free / 10 * 6;
  if (hr_host_alloc(&data, &usable, most) == HR_OK) {
    void *second;
    size_t second_bytes;
    assert_int_equal(hr_host_alloc(&second, &second_bytes, most), HR_OUT_OF_MEMORY);
    hr_host_free(data, usable);
  }
  fresh_start(0);
}

/* Threads take and give blocks of each other; nothing is handed out twice and the sums come out. */
enum { THREADS = 4, SLOTS = 64, TURNS = 4000 };
static _Atomic(void *) slots[SLOTS];

static void *exchange(void *arg) {
  uint32_t random = 1 + (uint32_t)(uintptr_t)arg;
  for (int i = 0; i < TURNS; i++) {
    random = random * 1664525u + 1013904223u;
    size_t bytes = random >> 8 & 1 ? 1000 + (random >> 10 & 0x3fff) : MIB + (random >> 10 & 0xfffff);
    void *data;
    size_t usable;
    if (hr_host_alloc(&data, &usable, bytes) != HR_OK) return "refused";
    ((size_t *)data)[0] = usable;
    ((size_t *)data)[1] = ~usable;
    void *old = hr_xchg_acq_rel(&slots[random >> 26], data);
    if (!old) continue;
    usable = ((size_t *)old)[0];
    if (((size_t *)old)[1] != ~usable) return "a block has two owners";
    ((size_t *)old)[1] = 0;
    hr_host_free(old, usable);
    if ((random >> 5) % 97 == 0) hr_memory_cache_clear();
  }
  return NULL;
}

static void test_threads(void **state) {
  (void)state;
  fresh_start(64 * MIB);
  size_t before = hr_memory_active();
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, exchange, (void *)(uintptr_t)i), 0);
  for (int i = 0; i < THREADS; i++) {
    void *complaint;
    pthread_join(threads[i], &complaint);
    assert_null(complaint);
  }
  assert_true(hr_memory_cache() <= 64 * MIB + THREADS * 2 * MIB);
  for (int i = 0; i < SLOTS; i++) {
    void *data = hr_xchg_acq_rel(&slots[i], NULL);
    if (data) hr_host_free(data, *(size_t *)data);
  }
  assert_int_equal(hr_memory_active(), before);
  fresh_start(0);
  assert_int_equal(hr_memory_cache(), 0);
}

static _Atomic(bool) stop;
static void *churn(void *arg) {
  (void)arg;
  while (!hr_load_relaxed(&stop)) {
    give(take(3000));
    give(take(2 * MIB));
  }
  return NULL;
}

static void test_fork(void **state) {
  (void)state;
  if (HR_SANITIZED) skip(); /* a sanitizer's own allocator does not survive a fork amid threads */
  fresh_start((size_t)1 << 30);
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, churn, NULL), 0);
  for (int i = 0; i < 20; i++) {
    hr_memory_fork_prepare();
    pid_t child = fork();
    if (child == 0) {
      hr_memory_fork_child();
      alarm(20);
      for (int k = 0; k < 20; k++) {
        give(take(3000));
        give(take(2 * MIB));
      }
      _exit(0);
    }
    hr_memory_fork_parent();
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
  }
  hr_store_relaxed(&stop, true);
  pthread_join(thread, NULL);
  fresh_start(0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_default_cache_limit),
      cmocka_unit_test(test_reuse),
      cmocka_unit_test(test_best_fit),
      cmocka_unit_test(test_counters),
      cmocka_unit_test(test_many_small),
      cmocka_unit_test(test_cache_limit),
      cmocka_unit_test(test_medium_over_limit),
      cmocka_unit_test(test_memory_limit),
      cmocka_unit_test(test_refusal),
      cmocka_unit_test(test_threads),
      cmocka_unit_test(test_fork),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
