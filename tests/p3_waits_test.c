/* P3: waits are minimal. A stream counts how often it was parked (`parks`): at most once for each task and producing
 * stream, and never for what is complete or was waited for by an earlier task of the same stream. */
#include "world.h"

static uint64_t parks(hr_stream *s) {
  hr_mutex_lock(&s->lock);
  uint64_t n = s->parks;
  hr_mutex_unlock(&s->lock);
  return n;
}

/* Many inputs from one stream that is held at a gate: one wait, for the newest of them. */
static void test_one_wait_a_producing_stream(void **state) {
  (void)state;
  enum { INPUTS = 10 };
  hr_stream *producer[2] = {stream_new(), stream_new()}, *consumer = stream_new();
  for (int producers = 1; producers <= 2; producers++) {
    hr_array *in[INPUTS], *y;
    gate g;
    gate_init(&g);
    for (int i = 0; i < INPUTS; i++) in[i] = call(&op_user_call, passes, &g, NULL, producer[i % producers]);
    assert_int_equal(hr_apply(&y, &op_light, in, INPUTS, NULL, consumer), HR_OK);
    uint64_t before = parks(consumer);
    start(y);
    until_state(consumer, HR_STREAM_PARKED);
    for (int i = 0; i < INPUTS; i++) gate_open(&g);
    assert_int_equal(take_int(y), INPUTS + 1);
    assert_true(parks(consumer) - before <= (uint64_t)producers);
    for (int i = 0; i < INPUTS; i++) hr_array_release(in[i]);
  }
  for (int i = 0; i < 2; i++) hr_stream_handle_release(producer[i]);
  hr_stream_handle_release(consumer);
}

static void test_none_for_what_is_complete(void **state) {
  (void)state;
  hr_stream *producer = stream_new(), *consumer = stream_new();
  for (int i = 0; i < 200; i++) {
    hr_array *x = apply(&op_light, NULL, NULL, producer), *y = apply(&op_light, x, NULL, consumer);
    assert_int_equal(read_int(x), 1);
    drain(producer); /* the value may have been read a moment before it was published */
    assert_int_equal(read_int(y), 2);
    hr_array_release(x);
    hr_array_release(y);
  }
  assert_int_equal(parks(consumer), 0);
  hr_stream_handle_release(producer);
  hr_stream_handle_release(consumer);
}

/* The second, third, ... task that needs the same value, or an earlier one, does not wait again. */
static void test_none_for_what_is_implied(void **state) {
  (void)state;
  enum { TASKS = 50 };
  hr_stream *producer = stream_new(), *consumer = stream_new();
  gate g;
  gate_init(&g);
  hr_array *early = apply(&op_light, NULL, NULL, producer);
  hr_array *x = call(&op_user_call, passes, &g, early, producer), *y = apply(&op_light, x, NULL, consumer);
  for (int i = 0; i < TASKS; i++) {
    hr_array *next = apply(&op_light, y, i % 2 ? x : early, consumer);
    hr_array_release(y);
    y = next;
  }
  start(y);
  until_state(consumer, HR_STREAM_PARKED);
  gate_open(&g);
  assert_int_equal(take_int(y), 3 + TASKS / 2 * 2 + TASKS / 2 * 3);
  assert_true(parks(consumer) <= 1);
  hr_array_release(early);
  hr_array_release(x);
  hr_stream_handle_release(producer);
  hr_stream_handle_release(consumer);
}

static void test_none_within_a_stream(void **state) {
  (void)state;
  hr_stream *s = stream_new();
  hr_array *y = chain(constant(0), &op_light, 5000, &s, 1);
  start(y);
  assert_int_equal(take_int(y), 5000);
  assert_int_equal(parks(s), 0);
  hr_stream_handle_release(s);
}

/* Random graphs over four streams: parks never exceed the pairs of a task and another stream that it has inputs from.
 * */
static void test_bound_on_random_graphs(void **state) {
  (void)state;
  enum { STREAMS = 4, NODES = 200, INPUTS = 3 };
  unsigned seed = 7;
  for (int round = 0; round < 20; round++) {
    hr_stream *s[STREAMS];
    hr_array *node[NODES], *top;
    int on[NODES];
    uint64_t allowed = 0, seen = 0;
    for (int i = 0; i < STREAMS; i++) s[i] = stream_new();
    for (int n = 0; n < NODES; n++) {
      hr_array *in[INPUTS];
      unsigned producers = 0;
      on[n] = rand_r(&seed) % STREAMS;
      int count = n ? rand_r(&seed) % (INPUTS + 1) : 0;
      for (int i = 0; i < count; i++) {
        int from = rand_r(&seed) % n;
        in[i] = node[from];
        if (on[from] != on[n]) producers |= 1u << on[from];
      }
      allowed += (uint64_t)__builtin_popcount(producers);
      assert_int_equal(hr_apply(&node[n], round % 2 ? &op_heavy : &op_light, in, count, NULL, s[on[n]]), HR_OK);
    }
    assert_int_equal(hr_apply(&top, &op_light, node, NODES, NULL, s[0]), HR_OK);
    allowed += STREAMS - 1;
    start(top);
    read_int(top);
    for (int i = 0; i < STREAMS; i++) seen += parks(s[i]);
    assert_true(seen <= allowed);
    hr_array_release(top);
    for (int n = 0; n < NODES; n++) hr_array_release(node[n]);
    for (int i = 0; i < STREAMS; i++) hr_stream_handle_release(s[i]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_one_wait_a_producing_stream), cmocka_unit_test(test_none_for_what_is_complete),
      cmocka_unit_test(test_none_for_what_is_implied),    cmocka_unit_test(test_none_within_a_stream),
      cmocka_unit_test(test_bound_on_random_graphs),
  };
  watchdog();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
