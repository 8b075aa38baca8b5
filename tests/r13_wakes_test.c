/* R13: waking costs more than work, so hops between streams wake nobody, and a publish wakes one thread at the most.
 * R7: as many hops use no stack. Counted by the pool (hr_pool_counts), not by a clock. */
#include "world.h"

static uint64_t wakes(void) {
  hr_pool_counts counts;
  hr_pool_counts_get(&counts);
  return counts.wakes;
}

enum { HOPS = 10000 };

/* Ping-pong between two streams, run by the thread that waits. */
static void test_hops_of_a_waiting_thread(void **state) {
  (void)state;
  hr_stream *s[2] = {stream_new(), stream_new()};
  hr_array *y = chain(constant(0), &op_light, HOPS, s, 2);
  uint64_t before = wakes();
  assert_int_equal(take_int(y), HOPS);
  assert_true(wakes() - before < HOPS / 20);
  for (int i = 0; i < 2; i++) hr_stream_handle_release(s[i]);
}

/* The same by workers alone: whoever frees the other stream runs it next itself. */
static void test_hops_of_workers(void **state) {
  (void)state;
  hr_stream *s[2] = {stream_new(), stream_new()}, *held = stream_new();
  gate g;
  gate_init(&g);
  assert_int_equal(hr_wait_set_help(false), HR_OK);
  hr_array *first = call(&op_user_call, passes, &g, NULL, held);
  hr_array *y = chain(first, &op_heavy, HOPS, s, 2);
  start(y);
  until_state(s[0], HR_STREAM_PARKED);
  uint64_t before = wakes();
  gate_open(&g);
  assert_int_equal(take_int(y), HOPS + 1);
  assert_true(wakes() - before < HOPS / 20);
  assert_int_equal(hr_wait_set_help(true), HR_OK);
  hr_stream *all[] = {s[0], s[1], held};
  for (int i = 0; i < 3; i++) hr_stream_handle_release(all[i]);
}

/* One task frees a hundred streams: no more wakes than there are threads to wake. */
static void test_a_publish_that_frees_many(void **state) {
  (void)state;
  enum { STREAMS = 100 };
  hr_stream *producer = stream_new(), *s[STREAMS];
  hr_array *y[STREAMS];
  gate g;
  gate_init(&g);
  hr_array *x = call(&op_user_call, passes, &g, NULL, producer);
  for (int i = 0; i < STREAMS; i++) start(y[i] = apply(&op_light, x, NULL, s[i] = stream_new()));
  for (int i = 0; i < STREAMS; i++) until_state(s[i], HR_STREAM_PARKED);
  uint64_t before = wakes();
  gate_open(&g);
  for (int i = 0; i < STREAMS; i++) {
    assert_int_equal(take_int(y[i]), 2);
    hr_stream_handle_release(s[i]);
  }
  assert_true(wakes() - before < STREAMS);
  hr_array_release(x);
  hr_stream_handle_release(producer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_hops_of_a_waiting_thread),
      cmocka_unit_test(test_hops_of_workers),
      cmocka_unit_test(test_a_publish_that_frees_many),
  };
  watchdog();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
