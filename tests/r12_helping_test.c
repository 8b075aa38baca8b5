/* R12, H1 to H3: a thread that waits runs short tasks only, of our own kernels, on little stack, and none inside a
 * task or when told not to. */
#include "world.h"

static _Atomic(uintptr_t) ran_on; /* the thread that ran the last task */

static hr_status notes_thread(void *arg) {
  (void)arg;
  hr_store_release(&ran_on, (uintptr_t)pthread_self());
  return HR_OK;
}

static bool ran_here(const hr_op *op) {
  hr_stream *s = stream_new();
  assert_int_equal(take_int(call(op, notes_thread, NULL, NULL, s)), 1);
  hr_stream_handle_release(s);
  return hr_load_acquire(&ran_on) == (uintptr_t)pthread_self();
}

static void test_library_and_user_code_is_for_workers(void **state) {
  (void)state;
  for (int i = 0; i < 200; i++) {
    assert_false(ran_here(&op_library_call));
    assert_false(ran_here(&op_user_call));
    assert_false(ran_here(&op_heavy_call));
  }
}

/* Nobody else knows of the work before the thread waits, so it runs it itself. */
static void test_light_work_runs_on_the_waiting_thread(void **state) {
  (void)state;
  for (int i = 0; i < 200; i++) assert_true(ran_here(&op_light_call));
}

static void test_not_when_told_not_to(void **state) {
  (void)state;
  assert_int_equal(hr_wait_set_help(false), HR_OK);
  for (int i = 0; i < 200; i++) assert_false(ran_here(&op_light_call));
  assert_int_equal(hr_wait_set_help(true), HR_OK);
  assert_true(ran_here(&op_light_call));
}

static hr_status waits_inside(void *arg) {
  (void)arg;
  uintptr_t outer = (uintptr_t)pthread_self();
  hr_stream *s = stream_new();
  int64_t value = take_int(call(&op_light_call, notes_thread, NULL, NULL, s));
  hr_stream_handle_release(s);
  if (value != 1) return hr_fail(HR_FAILED, "wrong value");
  return hr_load_acquire(&ran_on) != outer ? HR_OK : hr_fail(HR_FAILED, "a task ran inside another one");
}
static void test_not_inside_a_task(void **state) {
  (void)state;
  for (int i = 0; i < 50; i++) assert_int_equal(take_int(call(&op_user_call, waits_inside, NULL, NULL, NULL)), 1);
}

/* Build, evaluate and free chains over several streams, mixed with heavy tasks, on the smallest stack that is usual. */
static void *on_small_stack(void *arg) {
  hr_stream **s = arg;
  for (int i = 0; i < 20; i++) {
    assert_int_equal(take_int(chain(constant(0), &op_light, 500, s, 1)), 500);
    assert_int_equal(take_int(chain(constant(0), &op_light, 500, s, 3)), 500);
    assert_int_equal(take_int(chain(constant(0), &op_heavy, 50, s, 3)), 50);
    hr_array *bad = call(&op_light_call, fails, "as it should", NULL, s[0]), *after = apply(&op_light, bad, NULL, s[1]);
    const void *data;
    assert_int_equal(hr_array_read(&data, after), HR_FAILED);
    hr_array_release(bad);
    hr_array_release(after);
  }
  return NULL;
}
static void test_in_64_KiB(void **state) {
  (void)state;
  hr_stream *s[3] = {stream_new(), stream_new(), stream_new()};
  pthread_attr_t attr;
  pthread_t thread;
  pthread_attr_init(&attr);
  assert_int_equal(pthread_attr_setstacksize(&attr, 64 << 10), 0);
  assert_int_equal(pthread_create(&thread, &attr, on_small_stack, s), 0);
  pthread_join(thread, NULL);
  pthread_attr_destroy(&attr);
  for (int i = 0; i < 3; i++) hr_stream_handle_release(s[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_library_and_user_code_is_for_workers),
      cmocka_unit_test(test_light_work_runs_on_the_waiting_thread),
      cmocka_unit_test(test_not_when_told_not_to),
      cmocka_unit_test(test_not_inside_a_task),
      cmocka_unit_test(test_in_64_KiB),
  };
  watchdog();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
