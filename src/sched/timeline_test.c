/* Parking, publishing and taking waiters back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include "sched/timeline.h"

typedef struct noted {
  hr_waiter waiter;
  int number;
} noted;

static int order[64], fired_count;

static void note(hr_waiter *waiter, hr_worklist *work) {
  (void)work;
  order[fired_count++] = ((noted *)waiter)->number;
}

static void complete(hr_timeline *t, uint64_t value) {
  hr_worklist work = {0};
  hr_timeline_complete(t, value, &work);
  hr_worklist_run(&work);
}

static void test_fires_in_order_of_value_then_parking(void **state) {
  (void)state;
  static const uint64_t values[] = {3, 1, 2, 3, 1, 9, 2};
  static const int expected[] = {1, 4, 2, 6, 0, 3};
  hr_timeline t;
  noted w[7];
  hr_timeline_init(&t, NULL, NULL);
  fired_count = 0;
  for (int i = 0; i < 7; i++) {
    w[i] = (noted){.waiter.fire = note, .number = i};
    assert_true(hr_timeline_park(&t, values[i], &w[i].waiter));
  }
  complete(&t, 2);
  assert_int_equal(fired_count, 4);
  complete(&t, 5);
  assert_int_equal(fired_count, 6);
  for (int i = 0; i < 6; i++) assert_int_equal(order[i], expected[i]);
  assert_false(hr_timeline_park(&t, 5, &w[0].waiter));
  assert_true(hr_timeline_unpark(&t, &w[5].waiter));
  assert_false(hr_timeline_unpark(&t, &w[5].waiter));
  complete(&t, 10);
  assert_int_equal(fired_count, 6);
}

/* A waiter that completes the next timeline when it fires: links of a chain that must not use stack (R7). */
typedef struct link {
  hr_waiter waiter;
  hr_timeline own;
} link;

static void pass_on(hr_waiter *waiter, hr_worklist *work) { hr_timeline_complete(&((link *)waiter)->own, 1, work); }

enum { LINKS = 200000 };
static link links[LINKS];

static void *long_chain(void *arg) {
  hr_timeline *first = arg;
  for (int i = 0; i < LINKS; i++) {
    hr_timeline_init(&links[i].own, NULL, NULL);
    links[i].waiter.fire = pass_on;
    assert_true(hr_timeline_park(i ? &links[i - 1].own : first, 1, &links[i].waiter));
  }
  complete(first, 1);
  assert_true(hr_timeline_done(&links[LINKS - 1].own, 1));
  return NULL;
}

static void test_long_chains_use_no_stack(void **state) {
  (void)state;
  hr_timeline first;
  pthread_attr_t attr;
  pthread_t thread;
  hr_timeline_init(&first, NULL, NULL);
  pthread_attr_init(&attr);
  assert_int_equal(pthread_attr_setstacksize(&attr, 64 << 10), 0);
  assert_int_equal(pthread_create(&thread, &attr, long_chain, &first), 0);
  pthread_join(thread, NULL);
  pthread_attr_destroy(&attr);
}

/* One thread publishes every value, others park, poll and take back: each waiter fires or is taken back, never both. */
enum { VALUES = 20000 };

typedef struct counted {
  hr_waiter waiter;
  _Atomic(int) fired;
} counted;

static void count(hr_waiter *waiter, hr_worklist *work) {
  (void)work;
  hr_store_release(&((counted *)waiter)->fired, 1);
}

static void *publish(void *arg) {
  for (uint64_t v = 1; v <= VALUES; v++) complete(arg, v);
  return NULL;
}

static void *park_all(void *arg) {
  hr_timeline *t = arg;
  for (uint64_t v = 1; v <= VALUES; v++) {
    counted c = {.waiter.fire = count};
    if (!hr_timeline_park(t, v, &c.waiter)) continue;
    if (v % 3 == 0 && hr_timeline_unpark(t, &c.waiter)) {
      assert_int_equal(hr_load_acquire(&c.fired), 0);
      continue;
    }
    while (!hr_load_acquire(&c.fired)) hr_cpu_relax();
    assert_true(hr_timeline_done(t, v));
  }
  return NULL;
}

static void test_no_wake_up_is_lost(void **state) {
  (void)state;
  hr_timeline t;
  pthread_t threads[3];
  hr_timeline_init(&t, NULL, NULL);
  for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&threads[i], NULL, i ? park_all : publish, &t), 0);
  for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
  assert_null(hr_load_relaxed(&t.waiters));
}

/* T7: an ordered waiter that comes when its value is complete, but others before it have not been fired to the end. */
typedef struct turn {
  noted noted; /* first */
  hr_timeline *timeline;
  noted *late; /* parked while this one fires */
} turn;

static void take_turn(hr_waiter *waiter, hr_worklist *work) {
  turn *own = (turn *)waiter;
  if (own->late) assert_true(hr_timeline_park(own->timeline, 2, &own->late->waiter));
  note(waiter, work);
  hr_timeline_fired(own->timeline, work);
}

static turn turn_of(hr_timeline *timeline, int number) {
  return (turn){.noted = {.waiter = {.fire = take_turn, .ordered = true}, .number = number}, .timeline = timeline};
}

static void test_ordered_waiters_keep_their_turn(void **state) {
  (void)state;
  hr_timeline t;
  hr_worklist work = {0};
  hr_timeline_init(&t, NULL, NULL);
  turn first = turn_of(&t, 0), second = turn_of(&t, 1), third = turn_of(&t, 2), last = turn_of(&t, 3);
  noted plain = {.waiter.fire = note, .number = 9};
  second.late = &last.noted;
  fired_count = 0;
  assert_true(hr_timeline_park(&t, 1, &first.noted.waiter));
  hr_store_seq_cst(&t.completed, 2); /* complete() has published, and not yet taken its waiters */
  assert_true(hr_timeline_park(&t, 2, &second.noted.waiter));
  assert_false(hr_timeline_park(&t, 2, &plain.waiter)); /* who is not ordered overtakes */
  hr_timeline_complete(&t, 2, &work);
  assert_true(hr_timeline_park(&t, 1, &third.noted.waiter)); /* first and second are on their way */
  assert_int_equal(fired_count, 0);
  hr_worklist_run(&work);
  assert_int_equal(fired_count, 4);
  static const int expected[] = {0, 1, 2, 3};
  for (int i = 0; i < 4; i++) assert_int_equal(order[i], expected[i]);
  assert_false(hr_timeline_park(&t, 2, &first.noted.waiter));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_fires_in_order_of_value_then_parking),
      cmocka_unit_test(test_long_chains_use_no_stack),
      cmocka_unit_test(test_no_wake_up_is_lost),
      cmocka_unit_test(test_ordered_waiters_keep_their_turn),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
