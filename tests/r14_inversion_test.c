/* R14: whoever an urgent stream waits for is as urgent, transitively, until that value, also when it parks only
 * later. */
#include "world.h"

#include "sched/tuning.h"

enum { LOGGED = 16 };
static struct {
  hr_mutex lock;
  int order[LOGGED], count;
} journal;
static int numbers[LOGGED] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static hr_status note(void *arg) {
  hr_mutex_lock(&journal.lock);
  journal.order[journal.count++] = *(int *)arg;
  hr_mutex_unlock(&journal.lock);
  return HR_OK;
}

static hr_stream *stream_of(hr_priority priority) {
  hr_stream *s = stream_new();
  hr_store_relaxed(&s->priority, (uint8_t)priority);
  return s;
}

/* A library call that notes its number, kept from helping threads. */
static hr_array *noted(int number, hr_array *in, hr_stream *s) {
  return call(&op_library_call, note, &numbers[number], in, s);
}

/* Others may still be noting theirs. */
static int place_of(int number) {
  int place = -1;
  hr_mutex_lock(&journal.lock);
  for (int i = 0; i < journal.count && place < 0; i++)
    if (journal.order[i] == number) place = i;
  hr_mutex_unlock(&journal.lock);
  if (place < 0) fail_msg("task %d has not run", number);
  return place;
}

/* An interactive stream parked on a background one pulls that in front of the normal streams queued before it. All
 * places are held, grants included (W4), until the queue is made; then one is let go, and streams get turns in order.
 * */
static void test_parking_lifts_the_producer(void **state) {
  (void)state;
  enum { NORMAL = 4, HOLDERS = HR_GRANT_FACTOR };
  hr_stream *low = stream_of(HR_PRIORITY_BACKGROUND), *high = stream_of(HR_PRIORITY_INTERACTIVE);
  hr_stream *normal[NORMAL], *holder[HOLDERS];
  hr_array *y[NORMAL], *hold[HOLDERS];
  gate held;
  gate_init(&held);
  journal.count = 0;
  int limit = hr_pool_limit();
  assert_int_equal(hr_pool_limit_set(1), HR_OK);
  for (int i = 0; i < HOLDERS; i++) {
    start(hold[i] = call(&op_library_call, passes, &held, NULL, holder[i] = stream_new()));
    until_state(holder[i], HR_STREAM_RUNNING);
  }
  for (int i = 0; i < NORMAL; i++) start(y[i] = noted(i + 1, NULL, normal[i] = stream_new()));
  hr_array *x = noted(0, NULL, low), *top = noted(NORMAL + 1, x, high);
  start(top);
  assert_false(hr_wait_help(end_of(high))); /* parks it */
  assert_int_equal(hr_stream_urgency(low), HR_PRIORITY_INTERACTIVE);
  gate_open(&held);
  assert_int_equal(take_int(top), 2);
  assert_int_equal(place_of(0), 0);
  for (int i = 1; i < HOLDERS; i++) gate_open(&held);
  for (int i = 0; i < NORMAL; i++) {
    assert_int_equal(take_int(y[i]), 1);
    hr_stream_handle_release(normal[i]);
  }
  for (int i = 0; i < HOLDERS; i++) {
    assert_int_equal(take_int(hold[i]), 1);
    hr_stream_handle_release(holder[i]);
  }
  hr_array_release(x);
  assert_int_equal(hr_stream_urgency(low), HR_PRIORITY_BACKGROUND); /* over with the value */
  hr_stream_handle_release(low);
  hr_stream_handle_release(high);
  assert_int_equal(hr_pool_limit_set(limit), HR_OK);
}

/* high waits for middle; middle, lifted while it runs, parks on low only afterwards: low is lifted too. */
static void test_a_lifted_stream_that_parks_later_lifts_on(void **state) {
  (void)state;
  hr_stream *low = stream_of(HR_PRIORITY_BACKGROUND), *middle = stream_of(HR_PRIORITY_BACKGROUND);
  hr_stream *high = stream_of(HR_PRIORITY_INTERACTIVE);
  gate in_low, in_middle;
  gate_init(&in_low);
  gate_init(&in_middle);
  hr_array *l = call(&op_user_call, passes, &in_low, NULL, low);
  hr_array *m1 = call(&op_user_call, passes, &in_middle, NULL, middle), *m2 = apply(&op_light, m1, l, middle);
  hr_array *h = apply(&op_light, m2, NULL, high);
  start(h);
  until_state(high, HR_STREAM_PARKED);
  while (hr_stream_urgency(middle) != HR_PRIORITY_INTERACTIVE) sched_yield();
  assert_int_equal(hr_stream_urgency(low), HR_PRIORITY_BACKGROUND);
  gate_open(&in_middle);
  until_state(middle, HR_STREAM_PARKED);
  while (hr_stream_urgency(low) != HR_PRIORITY_INTERACTIVE) sched_yield();
  gate_open(&in_low);
  assert_int_equal(take_int(h), 4);
  hr_array *rest[] = {l, m1, m2};
  for (int i = 0; i < 3; i++) hr_array_release(rest[i]);
  hr_stream *streams[] = {low, middle, high};
  for (int i = 0; i < 3; i++) hr_stream_handle_release(streams[i]);
}

/* Who waits for an early value does not end the lift of who waits for a later one. */
static void test_the_later_value_counts(void **state) {
  (void)state;
  hr_stream *low = stream_of(HR_PRIORITY_BACKGROUND);
  hr_stream *late = stream_of(HR_PRIORITY_INTERACTIVE), *early = stream_of(HR_PRIORITY_NORMAL);
  gate first, second;
  gate_init(&first);
  gate_init(&second);
  hr_array *a = call(&op_user_call, passes, &first, NULL, low), *b = call(&op_user_call, passes, &second, NULL, low);
  start(a);
  start(b);
  hr_array *after_b = apply(&op_light, b, NULL, late), *after_a = apply(&op_light, a, NULL, early);
  start(after_b);
  while (hr_stream_urgency(low) != HR_PRIORITY_INTERACTIVE) sched_yield();
  start(after_a);
  until_state(early, HR_STREAM_PARKED);
  gate_open(&first);
  assert_int_equal(take_int(after_a), 2);
  assert_int_equal(hr_stream_urgency(low), HR_PRIORITY_INTERACTIVE);
  gate_open(&second);
  assert_int_equal(take_int(after_b), 2);
  hr_array_release(a);
  hr_array_release(b);
  hr_stream *streams[] = {low, late, early};
  for (int i = 0; i < 3; i++) hr_stream_handle_release(streams[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parking_lifts_the_producer),
      cmocka_unit_test(test_a_lifted_stream_that_parks_later_lifts_on),
      cmocka_unit_test(test_the_later_value_counts),
  };
  watchdog();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
