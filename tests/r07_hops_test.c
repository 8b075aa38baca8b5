/* R5, R7: a million hops, waiters, owners and dead nodes use no stack: everything on 64 KiB. */
#include "world.h"

#include "base/memory.h"

enum { SMALL_STACK = 64 << 10 };

static void on_small_stack(void *(*fn)(void *arg)) {
  pthread_attr_t attr;
  pthread_t thread;
  pthread_attr_init(&attr);
  assert_int_equal(pthread_attr_setstacksize(&attr, SMALL_STACK), 0);
  assert_int_equal(pthread_create(&thread, &attr, fn, NULL), 0);
  pthread_join(thread, NULL);
  pthread_attr_destroy(&attr);
}

/* Each hop parks the stream that it comes from behind the other one. */
static void *hops(void *arg) {
  (void)arg;
  int n = scaled(1000000, 20000);
  hr_stream *s[2] = {stream_new(), stream_new()};
  hr_array *y = chain(constant(0), &op_light, n, s, 2);
  assert_int_equal(take_int(y), n);
  for (int i = 0; i < 2; i++) hr_stream_handle_release(s[i]);
  return NULL;
}
static void test_a_million_hops(void **state) {
  (void)state;
  on_small_stack(hops);
}

/* Timelines that complete each other through their waiters: the work list is flat. */
typedef struct domino {
  hr_waiter waiter;
  hr_timeline timeline;
  struct domino *next;
} domino;

static void topple(hr_waiter *waiter, hr_worklist *work) {
  domino *d = (domino *)((char *)waiter - offsetof(domino, waiter));
  hr_timeline_complete(&d->timeline, 1, work);
}

static void *dominoes(void *arg) {
  (void)arg;
  int n = scaled(1000000, 50000);
  domino *d = malloc((size_t)n * sizeof *d);
  assert_non_null(d);
  for (int i = 0; i < n; i++) {
    hr_timeline_init(&d[i].timeline, NULL, NULL);
    d[i].waiter = (hr_waiter){.fire = topple};
    if (i) assert_true(hr_timeline_park(&d[i - 1].timeline, 1, &d[i].waiter));
  }
  hr_worklist work = {0};
  hr_timeline_complete(&d[0].timeline, 1, &work);
  hr_worklist_run(&work);
  assert_true(hr_timeline_done(&d[n - 1].timeline, 1));
  free(d);
  return NULL;
}
static void test_a_million_timelines(void **state) {
  (void)state;
  on_small_stack(dominoes);
}

/* Deep graphs that die unevaluated, evaluated, half evaluated, and wide. */
static void *deaths(void *arg) {
  (void)arg;
  int n = scaled(1000000, 20000);
  hr_array *middle = chain(constant(0), &op_light, n / 2, (hr_stream *[]){NULL}, 1);
  hr_array *top = chain(hr_array_retain(middle), &op_light, n / 2, (hr_stream *[]){NULL}, 1);
  assert_int_equal(read_int(middle), n / 2);
  hr_array_release(middle);
  hr_array_release(top);
  for (int i = 0; i < 2; i++) {
    /* Every node twice the input of the next: freed once, not 2^n times. */
    hr_array *a = constant(0);
    for (int k = 0; k < n / 10; k++) {
      hr_array *next = apply(&op_light, a, a, NULL);
      hr_array_release(a);
      a = next;
    }
    if (i) read_int(a);
    hr_array_release(a);
  }
  return NULL;
}
static void test_deep_graphs_die(void **state) {
  (void)state;
  on_small_stack(deaths);
}

/* A publish moves 100,000 waiters to the work list in one piece, and each fires once. */
static _Atomic(int) fired;
static void count_fired(hr_waiter *waiter, hr_worklist *work) {
  (void)waiter, (void)work;
  hr_add_relaxed(&fired, 1);
}
static void test_many_waiters(void **state) {
  (void)state;
  enum { WAITERS = 100000 };
  hr_waiter *waiters = calloc(WAITERS, sizeof *waiters);
  hr_timeline timeline;
  hr_worklist work = {0};
  hr_timeline_init(&timeline, NULL, NULL);
  for (int i = 0; i < WAITERS; i++) {
    waiters[i].fire = count_fired;
    assert_true(hr_timeline_park(&timeline, 1 + (uint64_t)i / 10, &waiters[i]));
  }
  hr_timeline_complete(&timeline, WAITERS / 20, &work);
  hr_worklist_run(&work);
  assert_int_equal(hr_load_relaxed(&fired), WAITERS / 2);
  hr_timeline_complete(&timeline, WAITERS, &work);
  hr_worklist_run(&work);
  assert_int_equal(hr_load_relaxed(&fired), WAITERS);
  free(waiters);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_million_hops),
      cmocka_unit_test(test_a_million_timelines),
      cmocka_unit_test(test_deep_graphs_die),
      cmocka_unit_test(test_many_waiters),
  };
  watchdog();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
