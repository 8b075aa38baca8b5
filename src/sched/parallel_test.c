/* Loops: every chunk once, whoever runs it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "base/atomic.h"
#include "sched/parallel.h"
#include "sched/pool.h"

enum { CHUNKS = 1000 };

static void mark(void *ctx, int64_t chunk) { hr_add_relaxed(&((_Atomic(int) *)ctx)[chunk], 1); }

static void test_each_chunk_once(void **state) {
  (void)state;
  static const int64_t counts[] = {0, 1, 2, 3, 17, CHUNKS};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    static _Atomic(int) seen[CHUNKS];
    for (int k = 0; k < CHUNKS; k++) hr_store_relaxed(&seen[k], 0);
    hr_parallel_for(counts[i], mark, seen);
    for (int64_t k = 0; k < CHUNKS; k++) assert_int_equal(hr_load_relaxed(&seen[k]), k < counts[i]);
  }
}

typedef struct sum {
  _Atomic(int64_t) items, ranges;
} sum;

static void add_range(void *ctx, int64_t first, int64_t end) {
  sum *s = ctx;
  hr_add_relaxed(&s->items, end - first);
  hr_add_relaxed(&s->ranges, (int64_t)1);
}

static void test_ranges_cover(void **state) {
  (void)state;
  sum s = {0};
  hr_parallel_range(1001, 10, add_range, &s);
  assert_int_equal(hr_load_relaxed(&s.items), 1001);
  assert_int_equal(hr_load_relaxed(&s.ranges), 101);
  hr_parallel_range(0, 10, add_range, &s);
  hr_parallel_range(5, 0, add_range, &s); /* a grain below one is one */
  assert_int_equal(hr_load_relaxed(&s.ranges), 106);
}

/* Two chunks that wait for each other: they end only if a worker joins. */
static void meet(void *ctx, int64_t chunk) {
  (void)chunk;
  _Atomic(int) *inside = ctx;
  hr_add_acq_rel(inside, 1);
  while (hr_load_acquire(inside) < 2) hr_cpu_relax();
}

static void slow_then_meet(void *ctx, int64_t chunk) {
  for (int i = 0; chunk == 0 && i < 20000; i++) hr_cpu_relax(); /* shows that the rest is worth a wake */
  if (chunk) meet(ctx, chunk);
}

static void test_workers_join(void **state) {
  (void)state;
  if (hr_pool_limit() < 2) skip();
  for (int i = 0; i < 20; i++) {
    _Atomic(int) inside = 0;
    hr_parallel_for(3, slow_then_meet, &inside);
    assert_int_equal(hr_load_relaxed(&inside), 2);
  }
}

static void nested(void *ctx, int64_t chunk) { hr_parallel_for(20, mark, (_Atomic(int) *)ctx + 20 * chunk); }

static void *loops_at_once(void *arg) {
  (void)arg;
  for (int i = 0; i < 50; i++) {
    static _Thread_local _Atomic(int) seen[400];
    for (int k = 0; k < 400; k++) hr_store_relaxed(&seen[k], 0);
    hr_parallel_for(20, nested, seen);
    for (int k = 0; k < 400; k++) assert_int_equal(hr_load_relaxed(&seen[k]), 1);
  }
  return NULL;
}

static void test_nested_loops_from_many_threads(void **state) {
  (void)state;
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, loops_at_once, NULL), 0);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
}

/* Loops of two and more chunks, many at once, so that offers are accepted, refused and taken back: places that are
 * reserved for guests must all be given back. */
static void *short_loops(void *arg) {
  (void)arg;
  for (int i = 0; i < 4000; i++) {
    _Atomic(int) seen[3] = {0};
    hr_parallel_for(2 + i % 2, mark, seen);
    for (int k = 0; k < 2 + i % 2; k++) assert_int_equal(hr_load_relaxed(&seen[k]), 1);
  }
  return NULL;
}

static void test_places_are_given_back(void **state) {
  (void)state;
  pthread_t threads[3];
  hr_pool_counts counts = {.active = 1};
  test_workers_join(state); /* somebody spins */
  for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&threads[i], NULL, short_loops, NULL), 0);
  for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
  while (counts.active) hr_pool_counts_get(&counts); /* hangs if one is lost */
  assert_int_equal(counts.active, 0);
  test_workers_join(state);
}

/* A loop of two chunks on another thread; neither ends before the waiting thread has done its part. */
typedef struct meeting {
  bool light;
  pthread_t waiter;
  _Atomic(int) open, over;
} meeting;

static void hold(void *ctx, int64_t first, int64_t end) {
  meeting *m = ctx;
  (void)first, (void)end;
  if (pthread_equal(pthread_self(), m->waiter)) {
    hr_store_release(&m->over, 1);
    return;
  }
  hr_store_release(&m->open, 1);
  while (!hr_load_acquire(&m->over)) hr_cpu_relax();
}

static void *open_loop(void *arg) {
  meeting *m = arg;
  if (m->light)
    hr_parallel_range_light(64, 1, hold, m);
  else
    hr_parallel_range(64, 1, hold, m);
  return NULL;
}

static bool is_over(const void *arg) { return hr_load_acquire((_Atomic(int) *)arg) != 0; }

static void test_waiting_threads_join_light_loops_only(void **state) {
  (void)state;
  int limit = hr_pool_limit();
  assert_int_equal(hr_pool_limit_set(8), HR_OK); /* room for all */
  for (int i = 0; i < 40; i++) {
    meeting m = {.light = i % 2, .waiter = pthread_self()};
    pthread_t thread;
    uint32_t seen = 0;
    assert_int_equal(pthread_create(&thread, NULL, open_loop, &m), 0);
    while (!hr_load_acquire(&m.open)) hr_cpu_relax();
    /* Workers of the loop before may still hold all places, though they have left it. */
    while (!hr_pool_loop_help(&seen, is_over, &m.over) && m.light) {
      seen = 0;
      sched_yield();
    }
    assert_int_equal(hr_load_acquire(&m.over), m.light);
    hr_store_release(&m.over, 1);
    pthread_join(thread, NULL);
    assert_false(hr_pool_loop_help(&seen, is_over, &m.over));
  }
  assert_int_equal(hr_pool_limit_set(limit), HR_OK);
}

int main(void) {
  hr_pool_limit();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_each_chunk_once),       cmocka_unit_test(test_ranges_cover),
      cmocka_unit_test(test_workers_join),          cmocka_unit_test(test_nested_loops_from_many_threads),
      cmocka_unit_test(test_places_are_given_back), cmocka_unit_test(test_waiting_threads_join_light_loops_only),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
