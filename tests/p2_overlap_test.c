/* P2: independent work overlaps. Two tasks that each end only when the other has begun must both be inside at once,
 * whatever clocks say; and submitting waits for nothing. */
#include "world.h"

typedef struct meeting {
  gate mine, other;
} meeting;

static hr_status meet_left(void *arg) {
  meeting *m = arg;
  gate_open(&m->mine);
  gate_pass(&m->other);
  return HR_OK;
}
static hr_status meet_right(void *arg) {
  meeting *m = arg;
  gate_open(&m->other);
  gate_pass(&m->mine);
  return HR_OK;
}

static void meet(const hr_op *op) {
  hr_stream *left = stream_new(), *right = stream_new();
  meeting m;
  gate_init(&m.mine);
  gate_init(&m.other);
  hr_array *a = call(op, meet_left, &m, NULL, left), *b = call(op, meet_right, &m, NULL, right);
  hr_array *both[] = {a, b};
  assert_int_equal(hr_async_eval(both, 2), HR_OK);
  assert_int_equal(take_int(a) + take_int(b), 2);
  hr_stream_handle_release(left);
  hr_stream_handle_release(right);
}

static void test_two_streams_are_inside_at_once(void **state) {
  (void)state;
  for (int i = 0; i < 100; i++) {
    meet(&op_user_call);
    meet(&op_library_call);
    meet(&op_heavy_call);
  }
}

/* One place only: the second task gets a granted turn (W4). */
static void test_also_with_one_worker(void **state) {
  (void)state;
  int limit = hr_pool_limit();
  assert_int_equal(hr_pool_limit_set(1), HR_OK);
  for (int i = 0; i < 5; i++) meet(&op_library_call);
  assert_int_equal(hr_pool_limit_set(limit), HR_OK);
}

/* A long queue behind a closed gate is built and submitted by a thread that nothing holds up. */
static void test_submitting_waits_for_nothing(void **state) {
  (void)state;
  hr_stream *s[2] = {stream_new(), stream_new()};
  gate g;
  gate_init(&g);
  hr_array *first = call(&op_user_call, passes, &g, NULL, s[0]);
  hr_array *y = chain(hr_array_retain(first), &op_light, 20000, s, 2);
  start(y);
  assert_int_equal(hr_array_progress(first), HR_PROGRESS_QUEUED);
  hr_array *free = apply(&op_light, NULL, NULL, NULL);
  assert_int_equal(take_int(free), 1); /* other work goes on meanwhile */
  gate_open(&g);
  assert_int_equal(take_int(y), 20001);
  hr_array_release(first);
  for (int i = 0; i < 2; i++) hr_stream_handle_release(s[i]);
}

/* A stream that waits holds no worker: more parked streams than there could ever be workers, and one that runs. */
static void test_parked_streams_hold_nobody(void **state) {
  (void)state;
  enum { PARKED = 500 };
  hr_stream *producer = stream_new(), *s[PARKED];
  hr_array *y[PARKED];
  gate g;
  gate_init(&g);
  hr_array *x = call(&op_user_call, passes, &g, NULL, producer);
  for (int i = 0; i < PARKED; i++) {
    s[i] = stream_new();
    y[i] = apply(&op_heavy, x, NULL, s[i]);
    start(y[i]);
  }
  for (int i = 0; i < PARKED; i++) until_state(s[i], HR_STREAM_PARKED);
  hr_stream *other = stream_new();
  assert_int_equal(take_int(chain(constant(0), &op_heavy, 100, &other, 1)), 100);
  gate_open(&g);
  for (int i = 0; i < PARKED; i++) {
    assert_int_equal(take_int(y[i]), 2);
    hr_stream_handle_release(s[i]);
  }
  hr_array_release(x);
  hr_stream_handle_release(other);
  hr_stream_handle_release(producer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_two_streams_are_inside_at_once),
      cmocka_unit_test(test_also_with_one_worker),
      cmocka_unit_test(test_submitting_waits_for_nothing),
      cmocka_unit_test(test_parked_streams_hold_nobody),
  };
  watchdog();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
