/* R9, S6: a cancelled task completes its value only after what it waits for. R10: errors live in nodes, are final,
 * reach every thread that needs the result, and leave independent work alone; a stream keeps the first that nobody
 * saw. */
#include "world.h"

static void test_a_cancelled_task_still_waits(void **state) {
  (void)state;
  hr_stream *producer = stream_new(), *consumer = stream_new();
  gate g, before;
  gate_init(&g);
  gate_init(&before);
  hr_array *first = call(&op_user_call, passes, &before, NULL, consumer); /* the next is cancelled before its turn */
  start(first);
  until_state(consumer, HR_STREAM_RUNNING);
  hr_array *x = call(&op_user_call, passes, &g, NULL, producer);
  hr_array *skipped = apply(&op_light, x, NULL, consumer);
  start(skipped);
  hr_stream_cancel_queued(consumer);
  gate_open(&before);
  hr_array *later = apply(&op_light, x, NULL, consumer); /* needs the same memory, is not cancelled */
  start(later);
  until_state(consumer, HR_STREAM_PARKED);
  assert_int_equal(hr_array_progress(skipped), HR_PROGRESS_QUEUED);
  assert_false(hr_timeline_done(&consumer->timeline, skipped->node->task.value));
  gate_open(&g);
  assert_int_equal(read_int(later), 2);
  assert_int_equal(hr_array_wait(skipped, -1), HR_CANCELLED);
  assert_int_equal(hr_array_wait(skipped, -1), HR_CANCELLED); /* final */
  hr_array *all[] = {first, x, skipped, later};
  for (int i = 0; i < 4; i++) hr_array_release(all[i]);
  hr_stream_handle_release(producer);
  hr_stream_handle_release(consumer);
}

typedef struct inside {
  gate begun, end;
} inside;
static hr_status tells_and_passes(void *arg) {
  inside *in = arg;
  gate_open(&in->begun);
  gate_pass(&in->end);
  return HR_OK;
}

static void test_what_has_begun_is_not_cancelled(void **state) {
  (void)state;
  hr_stream *s = stream_new();
  inside in;
  gate_init(&in.begun);
  gate_init(&in.end);
  hr_array *running = call(&op_user_call, tells_and_passes, &in, NULL, s), *queued = apply(&op_light, NULL, NULL, s);
  start(running);
  start(queued);
  gate_pass(&in.begun);
  hr_stream_cancel_queued(s);
  hr_array *later = apply(&op_light, NULL, NULL, s);
  start(later);
  gate_open(&in.end);
  assert_int_equal(read_int(running), 1);
  assert_int_equal(hr_array_wait(queued, -1), HR_CANCELLED);
  assert_int_equal(read_int(later), 1);
  hr_array *all[] = {running, queued, later};
  for (int i = 0; i < 3; i++) hr_array_release(all[i]);
  hr_stream_handle_release(s);
}

typedef struct reader {
  hr_array *poisoned;
  hr_status status;
  bool named;
} reader;

static void *reads(void *arg) {
  reader *r = arg;
  const void *data;
  r->status = hr_array_read(&data, r->poisoned);
  r->named = strstr(hr_last_error(), "the first") != NULL;
  return NULL;
}

static void test_the_first_error_reaches_everybody(void **state) {
  (void)state;
  enum { THREADS = 4 };
  hr_stream *s[2] = {stream_new(), stream_new()};
  hr_array *bad = call(&op_light_call, fails, "the first", NULL, s[0]);
  hr_array *worse = call(&op_light_call, fails, "the second", bad, s[1]);
  hr_array *far = chain(hr_array_retain(worse), &op_light, 1000, s, 2), *good = apply(&op_light, NULL, NULL, s[0]);
  reader readers[THREADS];
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) {
    readers[i] = (reader){.poisoned = far};
    assert_int_equal(pthread_create(&threads[i], NULL, reads, &readers[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(readers[i].status, HR_FAILED);
    assert_true(readers[i].named);
  }
  assert_int_equal(read_int(good), 1);
  hr_array *all[] = {bad, worse, far, good};
  for (int i = 0; i < 4; i++) hr_array_release(all[i]);
  for (int i = 0; i < 2; i++) hr_stream_handle_release(s[i]);
}

static void test_a_stream_tells_its_unseen_error_once(void **state) {
  (void)state;
  hr_stream *s = stream_new();
  hr_array *bad = call(&op_light_call, fails, "unseen", NULL, s);
  start(bad);
  drain(s);
  assert_int_equal(hr_wait_stream(s, -1), HR_FAILED);
  assert_int_equal(hr_wait_stream(s, -1), HR_OK);
  hr_array_release(bad);
  hr_stream_handle_release(s);
}

/* An eval that fails early leaves nothing behind that no thread would run: the rest reaches its end unasked. */
static void test_a_failed_eval_hands_the_rest_on(void **state) {
  (void)state;
  for (int i = 0; i < 200; i++) {
    hr_stream *s[2] = {stream_new(), stream_new()};
    hr_array *both[] = {call(&op_light_call, fails, "early", NULL, s[0]), apply(&op_light, NULL, NULL, s[i % 2])};
    if (i % 3 == 0) start(both[0]);
    assert_int_equal(hr_eval(both, 2), HR_FAILED);
    while (hr_array_progress(both[1]) != HR_PROGRESS_DONE) sched_yield();
    for (int k = 0; k < 2; k++) {
      hr_array_release(both[k]);
      hr_stream_handle_release(s[k]);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_cancelled_task_still_waits),
      cmocka_unit_test(test_what_has_begun_is_not_cancelled),
      cmocka_unit_test(test_the_first_error_reaches_everybody),
      cmocka_unit_test(test_a_stream_tells_its_unseen_error_once),
      cmocka_unit_test(test_a_failed_eval_hands_the_rest_on),
  };
  watchdog();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
