/* Promises, futures and chains, through the public interface. */
#include "interface.h"

#include <sched.h>

static _Atomic(int) freed;
static void count_free(void *value) {
  (void)value;
  atomic_fetch_add(&freed, 1);
}

static void test_keep(void **state) {
  (void)state;
  hr_promise *p;
  hr_future *f;
  void *value;
  bool flag;
  int x = 5, before = freed;
  OK(hr_promise_new(&p, &f));
  OK(hr_future_poll(&flag, f));
  assert_false(flag);
  OK(hr_promise_wanted(&flag, p));
  assert_true(flag);
  assert_int_equal(hr_future_get(&value, f), HR_TIMEOUT);
  assert_int_equal(hr_future_wait(f, 0), HR_TIMEOUT);
  OK(hr_promise_keep(p, &x, count_free));
  assert_int_equal(hr_promise_keep(p, NULL, count_free), HR_INVALID);
  OK(hr_future_wait(f, -1));
  OK(hr_future_get(&value, f));
  assert_ptr_equal(value, &x);
  OK(hr_future_cancel(&flag, f));
  assert_false(flag);
  hr_promise_release(p);
  assert_int_equal(freed, before);
  hr_future_release(f);
  assert_int_equal(freed, before + 1);
}

static void test_fail_and_drop(void **state) {
  (void)state;
  hr_promise *p;
  hr_future *f;
  void *value;
  OK(hr_promise_new(&p, &f));
  OK(hr_promise_fail(p, HR_IO, "socket: 100% gone"));
  for (int i = 0; i < 2; i++) {
    assert_int_equal(hr_future_get(&value, f), HR_IO);
    assert_null(value);
    assert_non_null(strstr(handled_text, "socket: 100% gone"));
  }
  hr_promise_release(p);
  hr_future_release(f);
  OK(hr_promise_new(&p, &f));
  hr_promise_release(hr_promise_retain(p));
  assert_int_equal(hr_future_wait(f, 0), HR_TIMEOUT);
  hr_promise_release(p);
  assert_int_equal(hr_future_wait(f, -1), HR_CANCELLED);
  assert_non_null(strstr(handled_text, "broken promise"));
  hr_future_release(f);
}

static void test_cancel(void **state) {
  (void)state;
  hr_promise *p;
  hr_future *f;
  bool flag;
  OK(hr_promise_new(&p, &f));
  OK(hr_future_cancel(&flag, f));
  assert_true(flag);
  OK(hr_promise_wanted(&flag, p));
  assert_false(flag);
  int before = freed, heard = handled;
  assert_int_equal(hr_promise_keep(p, &before, count_free), HR_CANCELLED);
  assert_int_equal(handled, heard);
  assert_int_equal(freed, before); /* the value stays the caller's */
  assert_int_equal(hr_future_wait(f, -1), HR_CANCELLED);
  hr_promise_release(p);
  hr_future_release(f);
}

/* --- chains --- */

static void add_one(void *arg, hr_status status, void *value, hr_promise *result) {
  (void)arg;
  if (status == HR_OK) OK(hr_promise_keep(result, (void *)((uintptr_t)value + 1), NULL));
}

static void test_chain(void **state) {
  (void)state;
  hr_promise *p;
  hr_future *f, *g;
  void *value;
  char base[16];
  int before = freed;
  OK(hr_promise_new(&p, &f));
  for (int i = 0; i < 10; i++) {
    OK(hr_future_then(&g, f, add_one, NULL, count_free, NULL));
    hr_future_release(f);
    f = g;
  }
  OK(hr_promise_keep(p, base, NULL));
  OK(hr_future_wait(f, -1));
  OK(hr_future_get(&value, f));
  assert_ptr_equal(value, base + 10);
  OK(hr_future_then(&g, f, add_one, NULL, count_free, NULL)); /* of one that is done */
  OK(hr_future_wait(g, -1));
  OK(hr_future_get(&value, g));
  assert_ptr_equal(value, base + 11);
  hr_promise_release(p);
  hr_future_release(f);
  hr_future_release(g);
  while (freed < before + 11) sched_yield(); /* the arguments go after the futures are done */
  assert_int_equal(freed, before + 11);
}

/* An error goes through functions that leave the promise alone; a function that says nothing breaks it. */
static void say_nothing(void *arg, hr_status status, void *value, hr_promise *result) {
  (void)value, (void)result;
  *(hr_status *)arg = status;
}

static void test_errors_pass_chains(void **state) {
  (void)state;
  hr_promise *p;
  hr_future *f, *g, *h;
  hr_status seen = HR_OK;
  OK(hr_promise_new(&p, &f));
  OK(hr_future_then(&g, f, add_one, NULL, NULL, NULL));
  OK(hr_future_then(&h, g, say_nothing, &seen, NULL, NULL));
  OK(hr_promise_fail(p, HR_IO, "no carrier"));
  assert_int_equal(hr_future_wait(h, -1), HR_IO);
  assert_non_null(strstr(handled_text, "no carrier"));
  assert_int_equal(seen, HR_IO);
  hr_promise_release(p);
  hr_future_release(f);
  hr_future_release(g);
  hr_future_release(h);
  OK(hr_promise_new(&p, &f));
  OK(hr_future_then(&g, f, say_nothing, &seen, NULL, NULL));
  OK(hr_promise_keep(p, NULL, NULL));
  assert_int_equal(hr_future_wait(g, -1), HR_CANCELLED);
  assert_int_equal(seen, HR_OK);
  hr_promise_release(p);
  hr_future_release(f);
  hr_future_release(g);
}

/* A function may keep its promise later, from elsewhere. */
static void keep_for_later(void *arg, hr_status status, void *value, hr_promise *result) {
  (void)value;
  OK(status);
  *(hr_promise **)arg = hr_promise_retain(result);
}

static void post(void *arg, hr_status status) {
  OK(status);
  sem_post(arg);
}

static void test_kept_later(void **state) {
  (void)state;
  hr_promise *p, *later = NULL;
  hr_future *f, *g;
  hr_callback *c;
  sem_t handed;
  void *value;
  sem_init(&handed, 0, 0);
  OK(hr_promise_new(&p, &f));
  OK(hr_future_then(&g, f, keep_for_later, &later, NULL, NULL));
  OK(hr_promise_keep(p, NULL, NULL));
  hr_fence *fence;
  OK(hr_future_fence(&fence, f));
  OK(hr_on_complete(&c, fence, post, &handed, NULL)); /* behind the function */
  sem_take(&handed);
  assert_int_equal(hr_future_wait(g, 0), HR_TIMEOUT);
  OK(hr_promise_keep(later, &value, NULL));
  hr_promise_release(later);
  OK(hr_future_wait(g, -1));
  hr_callback_release(c);
  hr_fence_release(fence);
  hr_promise_release(p);
  hr_future_release(f);
  hr_future_release(g);
}

static _Atomic(int) called;
static void count_call(void *arg, hr_status status, void *value, hr_promise *result) {
  (void)arg, (void)status, (void)value, (void)result;
  atomic_fetch_add(&called, 1);
}

/* Cancelled before its source is done: the function is never called, its argument is freed all the same, now. */
static void test_cancelled_link(void **state) {
  (void)state;
  hr_promise *p;
  hr_future *f, *g;
  bool flag;
  int before = freed, calls = called;
  OK(hr_promise_new(&p, &f));
  OK(hr_future_then(&g, f, count_call, NULL, count_free, NULL));
  OK(hr_future_cancel(&flag, g));
  assert_true(flag);
  assert_int_equal(hr_future_wait(g, -1), HR_CANCELLED);
  while (freed < before + 1) sched_yield();
  OK(hr_promise_keep(p, NULL, NULL));
  OK(hr_future_wait(f, -1));
  hr_promise_release(p);
  hr_future_release(f);
  hr_future_release(g);
  assert_int_equal(called, calls);
  assert_int_equal(freed, before + 1);
}

/* A chain of very many futures on a small stack: completing, failing and freeing use none (R7, R5). */
static void *deep_chain(void *arg) {
  int n = HR_SANITIZED ? 20000 : 1000000;
  (void)arg;
  for (int round = 0; round < 2; round++) {
    hr_promise *p;
    hr_future *f, *g;
    void *value;
    OK(hr_promise_new(&p, &f));
    for (int i = 0; i < n; i++) {
      OK(hr_future_then(&g, f, add_one, NULL, NULL, NULL));
      hr_future_release(f);
      f = g;
    }
    if (round == 0) OK(hr_promise_keep(p, (void *)(uintptr_t)4096, NULL));
    hr_promise_release(p); /* breaks it in the second round */
    assert_int_equal(hr_future_wait(f, -1), round == 0 ? HR_OK : HR_CANCELLED);
    if (round == 0) {
      OK(hr_future_get(&value, f));
      assert_int_equal((uintptr_t)value, 4096 + n);
    }
    hr_future_release(f);
  }
  return NULL;
}

static void test_deep_chain(void **state) {
  (void)state;
  pthread_attr_t attr;
  pthread_t thread;
  pthread_attr_init(&attr);
  pthread_attr_setstacksize(&attr, 64 << 10);
  assert_int_equal(pthread_create(&thread, &attr, deep_chain, NULL), 0);
  pthread_join(thread, NULL);
  pthread_attr_destroy(&attr);
}

/* --- futures and streams --- */

static void test_streams_wait_for_promises(void **state) {
  (void)state;
  for (int round = 0; round < 3; round++) { /* kept, dropped, cancelled */
    hr_promise *p;
    hr_future *f;
    hr_fence *fence;
    mlx_stream s = stream_new();
    OK(hr_promise_new(&p, &f));
    OK(hr_future_fence(&fence, f));
    OK(hr_stream_wait(s, fence));
    mlx_vector_array v = call(sum_run, &one, none, s);
    hr_fence *after = fence_of_arrays(v);
    assert_int_equal(hr_fence_wait(after, 0), HR_TIMEOUT);
    assert_int_equal(hr_fence_wait(after, 100000), HR_TIMEOUT);
    if (round == 0) OK(hr_promise_keep(p, NULL, NULL));
    if (round == 1) hr_promise_release(p);
    if (round == 2) OK(hr_future_cancel(NULL, f));
    OK(finish(after)); /* an error of the fence is none of the stream */
    assert_int_equal(value_of(v), 1);
    OK(hr_synchronize(s, -1));
    if (round != 1) hr_promise_release(p);
    hr_future_release(f);
    hr_fence_release(fence);
    mlx_vector_array_free(v);
    mlx_stream_free(s);
  }
}

/* The stream holds the last reference to the future: its value is freed, but not by a worker. */
static sem_t value_freed;
static void note_thread(void *value) {
  pthread_getname_np(pthread_self(), value, 16);
  sem_post(&value_freed);
}

static void test_value_freed_by_a_stream(void **state) {
  (void)state;
  hr_promise *p;
  hr_future *f;
  hr_fence *fence;
  char thread[16] = "";
  gate g;
  gate_init(&g);
  sem_init(&value_freed, 0, 0);
  mlx_stream s = stream_new();
  gate_close(&g, s);
  sem_take(&g.entered);
  OK(hr_promise_new(&p, &f));
  OK(hr_future_fence(&fence, f));
  OK(hr_stream_wait(s, fence));
  hr_future_release(f);
  hr_fence_release(fence);
  OK(hr_promise_keep(p, thread, note_thread));
  hr_promise_release(p);
  assert_string_equal(thread, "");
  gate_open(&g);
  sem_take(&value_freed);
  assert_string_equal(thread, "hr-callback");
  mlx_stream_free(s);
}

/* --- waits that would never end (R16) --- */

typedef struct stuck {
  hr_future *f;
  mlx_stream s;
  hr_status future_wait, stream_wait, other_wait;
  sem_t waits, done;
} stuck;

static void wait_for_a_later_callback(void *arg, hr_status status) {
  stuck *st = arg;
  hr_future *mine, *chained;
  hr_fence *fence;
  OK(status);
  OK(hr_future_then(&mine, st->f, add_one, NULL, NULL, NULL));
  OK(hr_future_then(&chained, mine, add_one, NULL, NULL, NULL));
  OK(hr_future_fence(&fence, chained));
  OK(hr_stream_wait(st->s, fence));
  st->future_wait = hr_future_wait(chained, -1);
  sem_post(&st->waits);
  st->stream_wait = hr_synchronize(st->s, -1);
  st->other_wait = hr_future_wait(st->f, -1); /* is done: no reason to refuse */
  hr_future_release(mine);
  hr_future_release(chained);
  hr_fence_release(fence);
  sem_post(&st->done);
}

static void test_callback_waits_for_itself(void **state) {
  (void)state;
  stuck st = {.s = stream_new()};
  hr_promise *p;
  hr_fence *fence;
  gate g;
  gate_init(&g);
  sem_init(&st.waits, 0, 0);
  sem_init(&st.done, 0, 0);
  gate_close(&g, st.s); /* the stream parks on the callback's future when this is through */
  sem_take(&g.entered);
  OK(hr_promise_new(&p, &st.f));
  OK(hr_promise_keep(p, NULL, NULL));
  OK(hr_future_fence(&fence, st.f));
  OK(hr_on_complete(NULL, fence, wait_for_a_later_callback, &st, NULL));
  sem_take(&st.waits);
  for (int i = 0; i < 1000; i++) sched_yield(); /* the wait has begun, most likely; it is told in either order */
  gate_open(&g);
  sem_take(&st.done);
  assert_int_equal(st.future_wait, HR_DEADLOCK);
  assert_int_equal(st.stream_wait, HR_DEADLOCK);
  OK(st.other_wait);
  OK(hr_synchronize(st.s, -1));
  hr_fence_release(fence);
  hr_promise_release(p);
  hr_future_release(st.f);
  mlx_stream_free(st.s);
}

/* --- many threads: keep, fail, cancel, chain and wait at once --- */

typedef struct race {
  hr_promise *p;
  hr_future *f;
} race;

static void *race_keep(void *arg) {
  race *r = arg;
  hr_status status = hr_promise_keep(r->p, r, count_free);
  assert_true(status == HR_OK || status == HR_CANCELLED);
  if (status != HR_OK) count_free(r);
  hr_promise_release(r->p);
  return NULL;
}

static void *race_cancel(void *arg) {
  race *r = arg;
  OK(hr_future_cancel(NULL, r->f));
  hr_future_release(r->f);
  return NULL;
}

static void test_races(void **state) {
  (void)state;
  enum { ROUNDS = 300 };
  int before = freed;
  for (int i = 0; i < ROUNDS; i++) {
    race r;
    pthread_t t[2];
    hr_future *chained;
    OK(hr_promise_new(&r.p, &r.f));
    hr_future_retain(r.f);
    assert_int_equal(pthread_create(&t[0], NULL, race_keep, &r), 0);
    OK(hr_future_then(&chained, r.f, count_call, NULL, count_free, NULL));
    if (i % 2) {
      assert_int_equal(pthread_create(&t[1], NULL, race_cancel, &r), 0);
    } else {
      hr_future_release(r.f);
      OK(hr_future_cancel(NULL, chained));
    }
    (void)hr_future_wait(r.f, -1);
    (void)hr_future_wait(chained, -1);
    for (int k = 0; k <= i % 2; k++) pthread_join(t[k], NULL);
    hr_future_release(chained);
    hr_future_release(r.f);
  }
  while (freed < before + 2 * ROUNDS) sched_yield();
  assert_int_equal(freed, before + 2 * ROUNDS);
}

int main(void) {
  begin_tests();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_keep),
      cmocka_unit_test(test_fail_and_drop),
      cmocka_unit_test(test_cancel),
      cmocka_unit_test(test_chain),
      cmocka_unit_test(test_errors_pass_chains),
      cmocka_unit_test(test_kept_later),
      cmocka_unit_test(test_cancelled_link),
      cmocka_unit_test(test_deep_chain),
      cmocka_unit_test(test_streams_wait_for_promises),
      cmocka_unit_test(test_value_freed_by_a_stream),
      cmocka_unit_test(test_callback_waits_for_itself),
      cmocka_unit_test(test_races),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
