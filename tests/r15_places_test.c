/* R15, W4, W5: long work starves nobody. An idle stream's task runs though long tasks hold every worker, and a task of
 * user code that waits gives its place to others meanwhile. */
#include "world.h"

#include "sched/tuning.h"

/* Holds more threads than there are places, then runs something else to its end: possible only with a granted turn. */
static void test_a_runnable_stream_gets_a_turn(void **state) {
  (void)state;
  const hr_op *ops[] = {&op_heavy_call, &op_library_call, &op_user_call};
  int limit = hr_pool_limit();
  assert_int_equal(hr_pool_limit_set(2), HR_OK);
  for (int k = 0; k < 3; k++) {
    enum { LONG = 4 };
    hr_stream *s[LONG], *other = stream_new();
    hr_array *y[LONG];
    gate g;
    gate_init(&g);
    for (int i = 0; i < LONG; i++) start(y[i] = call(ops[k], passes, &g, NULL, s[i] = stream_new()));
    for (int i = 0; i < LONG; i++) until_state(s[i], HR_STREAM_RUNNING);
    gate open;
    gate_init(&open);
    gate_open(&open);
    hr_array *x = call(&op_library_call, passes, &open, NULL, other);
    start(x);
    assert_int_equal(take_int(x), 1);
    for (int i = 0; i < LONG; i++) gate_open(&g);
    for (int i = 0; i < LONG; i++) {
      assert_int_equal(take_int(y[i]), 1);
      hr_stream_handle_release(s[i]);
    }
    hr_stream_handle_release(other);
  }
  assert_int_equal(hr_pool_limit_set(limit), HR_OK);
}

static hr_status waits_for(void *arg) { return hr_array_wait(arg, -1); }
static hr_status evaluates(void *arg) { return hr_eval((hr_array **)&arg, 1); }

/* Far more tasks that wait than threads that could ever run at once; what they wait for comes last. */
static void many_that_wait(hr_status (*how)(void *arg)) {
  int count = 2 * HR_GRANT_FACTOR * hr_pool_limit() + 2;
  hr_stream **s = malloc((size_t)count * sizeof *s), *producer = stream_new();
  hr_array **y = malloc((size_t)count * sizeof *y);
  gate g;
  gate_init(&g);
  hr_array *x = call(&op_user_call, passes, &g, NULL, producer);
  start(x);
  for (int i = 0; i < count; i++) start(y[i] = call(&op_user_call, how, x, NULL, s[i] = stream_new()));
  hr_pool_counts counts;
  do {
    sched_yield();
    hr_pool_counts_get(&counts);
  } while (counts.blocked < count);
  gate_open(&g);
  for (int i = 0; i < count; i++) {
    assert_int_equal(take_int(y[i]), 1);
    hr_stream_handle_release(s[i]);
  }
  hr_array_release(x);
  hr_stream_handle_release(producer);
  free(s);
  free(y);
}

static void test_a_task_that_waits_gives_its_place_up(void **state) {
  (void)state;
  int limit = hr_pool_limit();
  for (int workers = 1; workers <= 3; workers++) {
    assert_int_equal(hr_pool_limit_set(workers), HR_OK);
    many_that_wait(waits_for);
    many_that_wait(evaluates);
  }
  assert_int_equal(hr_pool_limit_set(limit), HR_OK);
}

/* A task that evaluates lazy work of its own, on other streams and on the default one, while all places are taken. */
static hr_status evaluates_a_chain(void *arg) {
  hr_stream *s[2] = {arg, NULL};
  hr_array *y = chain(constant(0), &op_heavy, 20, s, 2);
  const void *data;
  hr_status status = hr_array_read(&data, y);
  if (status == HR_OK && *(const int64_t *)data != 20) status = hr_fail(HR_FAILED, "wrong value");
  hr_array_release(y);
  return status;
}

static void test_evaluation_inside_tasks(void **state) {
  (void)state;
  enum { TASKS = 12 };
  hr_stream *s[TASKS], *shared = stream_new();
  hr_array *y[TASKS];
  for (int i = 0; i < TASKS; i++)
    start(y[i] = call(&op_user_call, evaluates_a_chain, shared, NULL, s[i] = stream_new()));
  for (int i = 0; i < TASKS; i++) {
    assert_int_equal(take_int(y[i]), 1);
    hr_stream_handle_release(s[i]);
  }
  hr_stream_handle_release(shared);
}

/* A task that waits for its own stream gets an error instead of a hang (R16). */
static hr_status waits_for_own_stream(void *arg) {
  hr_status status = hr_wait_stream(arg, -1);
  return status == HR_DEADLOCK ? HR_OK : hr_fail(HR_FAILED, "expected a refusal, got %d", (int)status);
}
static void test_waiting_for_oneself_is_refused(void **state) {
  (void)state;
  hr_stream *s = stream_new();
  assert_int_equal(take_int(call(&op_user_call, waits_for_own_stream, s, NULL, s)), 1);
  hr_stream_handle_release(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_runnable_stream_gets_a_turn),
      cmocka_unit_test(test_a_task_that_waits_gives_its_place_up),
      cmocka_unit_test(test_evaluation_inside_tasks),
      cmocka_unit_test(test_waiting_for_oneself_is_refused),
  };
  watchdog();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
