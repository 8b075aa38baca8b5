/* Fences, callbacks, executors and event loops, through the public interface. */
#include "interface.h"

#include <poll.h>

/* --- waiting --- */

static void test_stream_fence(void **state) {
  (void)state;
  gate g;
  gate_init(&g);
  mlx_stream s = stream_new();
  hr_fence *empty = fence_of(s);
  assert_true(reached(empty));
  OK(hr_fence_status(empty));
  gate_close(&g, s);
  hr_fence *f = fence_of(s);
  assert_false(reached(f));
  int before = handled;
  assert_int_equal(hr_fence_wait(f, 0), HR_TIMEOUT);
  assert_int_equal(hr_fence_wait(f, 1000), HR_TIMEOUT);
  assert_int_equal(hr_fence_status(f), HR_TIMEOUT);
  assert_int_equal(handled, before); /* an answer, no failure */
  gate_open(&g);
  OK(hr_fence_wait(f, -1));
  assert_true(reached(f));
  hr_fence_release(f);
  hr_fence_release(empty);
  hr_fence_release(NULL);
  mlx_stream_free(s);
}

static void test_array_fence_over_streams(void **state) {
  (void)state;
  enum { N = 40 };
  mlx_stream s[3] = {stream_new(), stream_new(), stream_new()};
  mlx_vector_array all = mlx_vector_array_new(), chain = call(sum_run, &one, none, s[0]);
  for (int i = 1; i < N; i++) {
    mlx_vector_array next = call(sum_run, &one, chain, s[i % 3]);
    mlx_array a = mlx_array_new();
    mlx_vector_array_get(&a, next, 0);
    mlx_vector_array_append_value(all, a);
    mlx_array_free(a);
    mlx_vector_array_free(chain);
    chain = next;
  }
  hr_fence *f = fence_of_arrays(all);
  mlx_vector_array_free(all);
  OK(finish(f));
  assert_int_equal(value_of(chain), N);
  mlx_vector_array_free(chain);
  for (int i = 0; i < 3; i++) mlx_stream_free(s[i]);
}

/* A fence of arrays that nobody evaluated queues them. */
static void test_array_fence_evaluates(void **state) {
  (void)state;
  int64_t value = 0;
  mlx_stream s = stream_new();
  mlx_array a = mlx_array_new_int(20), b = mlx_array_new();
  mlx_vector_array v = mlx_vector_array_new();
  assert_int_equal(mlx_any(&b, a, false, s), 0);
  mlx_vector_array_append_value(v, a);
  mlx_vector_array_append_value(v, b);
  OK(finish(fence_of_arrays(v)));
  assert_int_equal(mlx_array_item_int64(&value, b), 0);
  assert_int_equal(value, 1);
  OK(finish(fence_of_arrays(v))); /* done already */
  mlx_vector_array_free(v);
  mlx_array_free(a);
  mlx_array_free(b);
  mlx_stream_free(s);
}

/* --- callbacks --- */

typedef struct seen {
  _Atomic(int) count;
  int order[64];
  hr_status status;
  char text[256];
  sem_t done;
} seen;

typedef struct note {
  seen *seen;
  int number;
} note;

static void noting(void *arg, hr_status status) {
  const note *n = arg;
  n->seen->order[atomic_fetch_add(&n->seen->count, 1)] = n->number;
  n->seen->status = status;
  snprintf(n->seen->text, sizeof n->seen->text, "%s", status == HR_OK ? "" : hr_last_error());
  sem_post(&n->seen->done);
}

static void test_callbacks_in_order(void **state) {
  (void)state;
  gate g;
  gate_init(&g);
  seen seen = {0};
  note notes[50];
  sem_init(&seen.done, 0, 0);
  mlx_stream s = stream_new();
  gate_close(&g, s);
  hr_fence *f = fence_of(s);
  for (int i = 0; i < 50; i++) {
    notes[i] = (note){&seen, i};
    if (i == 25) gate_open(&g); /* the rest may come while the first are delivered, or after */
    OK(hr_on_complete(NULL, f, noting, &notes[i], NULL));
  }
  for (int i = 0; i < 50; i++) sem_take(&seen.done);
  for (int i = 0; i < 50; i++) assert_int_equal(seen.order[i], i);
  OK(seen.status);
  hr_fence_release(f);
  mlx_stream_free(s);
}

static void test_callback_gets_the_error(void **state) {
  (void)state;
  seen seen = {0};
  note n = {&seen, 0};
  sem_init(&seen.done, 0, 0);
  mlx_stream s = stream_new();
  mlx_vector_array bad = call(fail_run, "the lens is dirty", none, s);
  hr_fence *f = fence_of_arrays(bad), *of_stream = fence_of(s);
  OK(hr_on_complete(NULL, f, noting, &n, NULL));
  sem_take(&seen.done);
  assert_int_equal(seen.status, HR_FAILED);
  assert_non_null(strstr(seen.text, "the lens is dirty"));
  for (int i = 0; i < 2; i++) assert_int_equal(hr_fence_wait(f, -1), HR_FAILED);
  OK(finish(of_stream)); /* a call has shown it */
  hr_fence_release(f);
  mlx_vector_array_free(bad);
  mlx_stream_free(s);
}

/* Callbacks wait for a stream that others still feed. */
static void wait_for_stream(void *arg, hr_status status) {
  (void)status;
  mlx_vector_array v = call(sum_run, &one, none, *(mlx_stream *)arg);
  assert_int_equal(value_of(v), 1);
  mlx_vector_array_free(v);
}

static void test_callback_waits_for_a_stream(void **state) {
  (void)state;
  seen seen = {0};
  note n = {&seen, 0};
  sem_init(&seen.done, 0, 0);
  mlx_stream s = stream_new();
  hr_fence *f = fence_of(s);
  OK(hr_on_complete(NULL, f, wait_for_stream, &s, NULL));
  OK(hr_on_complete(NULL, f, noting, &n, NULL));
  sem_take(&seen.done);
  hr_fence_release(f);
  mlx_stream_free(s);
}

static void test_cancelled_callbacks(void **state) {
  (void)state;
  gate g;
  gate_init(&g);
  seen seen = {0};
  note notes[3] = {{&seen, 0}, {&seen, 1}, {&seen, 2}};
  hr_callback *c[3];
  bool cancelled;
  sem_init(&seen.done, 0, 0);
  mlx_stream s = stream_new();
  gate_close(&g, s);
  hr_fence *f = fence_of(s);
  for (int round = 0; round < 2; round++) { /* the last one taken back parks nobody; the next parks again */
    OK(hr_on_complete(&c[0], f, noting, &notes[0], NULL));
    OK(hr_callback_cancel(&cancelled, c[0]));
    assert_true(cancelled);
    OK(hr_callback_cancel(&cancelled, c[0]));
    assert_false(cancelled);
    hr_callback_release(c[0]);
  }
  for (int i = 0; i < 3; i++) OK(hr_on_complete(&c[i], f, noting, &notes[i], NULL));
  OK(hr_callback_cancel(&cancelled, c[1]));
  assert_true(cancelled);
  gate_open(&g);
  sem_take(&seen.done);
  sem_take(&seen.done);
  assert_int_equal(seen.order[0], 0);
  assert_int_equal(seen.order[1], 2);
  OK(hr_callback_cancel(&cancelled, c[2]));
  assert_false(cancelled);
  for (int i = 0; i < 3; i++) hr_callback_release(c[i]);
  hr_fence_release(f);
  mlx_stream_free(s);
}

/* --- executors --- */

typedef struct own_executor {
  pthread_mutex_t lock;
  struct {
    void (*run)(void *item);
    void *item;
  } queue[64];
  int count;
  sem_t arrived;
} own_executor;

static void own_submit(void *user, void (*run)(void *item), void *item) {
  own_executor *e = user;
  pthread_mutex_lock(&e->lock);
  e->queue[e->count].run = run;
  e->queue[e->count++].item = item;
  pthread_mutex_unlock(&e->lock);
  sem_post(&e->arrived);
}

static void block_until(void *arg, hr_status status) {
  (void)status;
  sem_take(arg);
}

/* A callback that waits on the library's thread does not hold up the program's executor. */
static void test_own_executor(void **state) {
  (void)state;
  own_executor e = {.lock = PTHREAD_MUTEX_INITIALIZER};
  hr_executor executor = {own_submit, &e};
  seen seen = {0};
  note notes[10];
  static sem_t release; /* the callback may look at it after this function */
  sem_init(&e.arrived, 0, 0);
  sem_init(&seen.done, 0, 0);
  sem_init(&release, 0, 0);
  mlx_stream s = stream_new();
  hr_fence *f = fence_of(s);
  OK(hr_on_complete(NULL, f, block_until, &release, NULL));
  for (int i = 0; i < 10; i++) {
    notes[i] = (note){&seen, i};
    OK(hr_on_complete(NULL, f, noting, &notes[i], &executor));
  }
  for (int i = 0; i < 10; i++) sem_take(&e.arrived);
  assert_int_equal(seen.count, 0); /* submitted, not run */
  for (int i = 0; i < 10; i++) e.queue[i].run(e.queue[i].item);
  for (int i = 0; i < 10; i++) assert_int_equal(seen.order[i], i);
  sem_post(&release);
  assert_int_equal(hr_on_complete(NULL, f, noting, &notes[0], &(hr_executor){0}), HR_INVALID);
  assert_int_equal(hr_on_complete(NULL, NULL, noting, &notes[0], NULL), HR_INVALID);
  assert_int_equal(hr_on_complete(NULL, f, NULL, &notes[0], NULL), HR_INVALID);
  hr_fence_release(f);
  mlx_stream_free(s);
}

/* --- event loops --- */

static bool readable(hr_loop *loop) {
  struct pollfd p = {.fd = hr_loop_fd(loop), .events = POLLIN};
  return poll(&p, 1, 0) == 1;
}

static void wait_readable(hr_loop *loop) {
  struct pollfd p = {.fd = hr_loop_fd(loop), .events = POLLIN};
  while (poll(&p, 1, -1) != 1) continue;
}

static void test_loop(void **state) {
  (void)state;
  gate g;
  gate_init(&g);
  seen seen = {0};
  note notes[10];
  size_t ran;
  hr_loop *loop;
  sem_init(&seen.done, 0, 0);
  OK(hr_loop_new(&loop));
  mlx_stream s = stream_new();
  gate_close(&g, s);
  hr_fence *f = fence_of(s);
  for (int i = 0; i < 10; i++) {
    notes[i] = (note){&seen, i};
    OK(hr_on_complete(NULL, f, noting, &notes[i], hr_loop_executor(loop)));
  }
  assert_false(readable(loop));
  OK(hr_loop_dispatch(&ran, loop, 0));
  assert_int_equal(ran, 0);
  gate_open(&g);
  wait_readable(loop);
  OK(hr_loop_dispatch(&ran, loop, 3));
  assert_int_equal(ran, 3);
  assert_true(readable(loop)); /* seven are left */
  OK(hr_loop_dispatch(&ran, loop, 0));
  assert_int_equal(ran, 7);
  assert_false(readable(loop));
  for (int i = 0; i < 10; i++) assert_int_equal(seen.order[i], i);
  OK(hr_on_complete(NULL, f, noting, &notes[0], hr_loop_executor(loop)));
  assert_int_equal(seen.count, 10); /* never inside hr_on_complete */
  wait_readable(loop);              /* the thread that delivered the ten may deliver this one too */
  OK(hr_loop_dispatch(NULL, loop, 0));
  assert_int_equal(seen.count, 11);
  hr_fence_release(f);
  mlx_stream_free(s);
  hr_loop_release(loop);
  assert_int_equal(hr_loop_fd(NULL), -1);
}

typedef struct again {
  hr_loop *loop;
  hr_fence *fence;
  int left;
} again;

static void register_again(void *arg, hr_status status) {
  again *a = arg;
  OK(status);
  if (a->left-- > 0) OK(hr_on_complete(NULL, a->fence, register_again, a, hr_loop_executor(a->loop)));
}

/* A dispatch runs what was there on entry: one that registers itself again does not keep it for ever. */
static void test_loop_runs_what_was_there(void **state) {
  (void)state;
  mlx_stream s = stream_new();
  again a = {.fence = fence_of(s), .left = 5};
  size_t ran;
  OK(hr_loop_new(&a.loop));
  OK(hr_on_complete(NULL, a.fence, register_again, &a, hr_loop_executor(a.loop)));
  for (int i = 0; i < 6; i++) {
    assert_true(readable(a.loop));
    OK(hr_loop_dispatch(&ran, a.loop, 0));
    assert_int_equal(ran, 1);
  }
  assert_false(readable(a.loop));
  hr_fence_release(a.fence);
  hr_loop_release(a.loop);
  mlx_stream_free(s);
}

/* Callbacks of a loop that is gone run on the library's thread. */
static void test_loop_released_early(void **state) {
  (void)state;
  gate g;
  gate_init(&g);
  seen seen = {0};
  note notes[2] = {{&seen, 0}, {&seen, 1}};
  hr_loop *loop;
  sem_init(&seen.done, 0, 0);
  OK(hr_loop_new(&loop));
  mlx_stream s = stream_new();
  hr_fence *now = fence_of(s);
  gate_close(&g, s);
  hr_fence *later = fence_of(s);
  OK(hr_on_complete(NULL, now, noting, &notes[0], hr_loop_executor(loop)));
  OK(hr_on_complete(NULL, later, noting, &notes[1], hr_loop_executor(loop)));
  hr_loop_release(loop);
  sem_take(&seen.done);
  gate_open(&g);
  sem_take(&seen.done);
  hr_fence_release(now);
  hr_fence_release(later);
  mlx_stream_free(s);
}

/* Threads complete, register, cancel and dispatch on one loop; every callback runs once or is cancelled. */
enum { ROUNDS = 300, THREADS = 3 };
typedef struct storm {
  hr_loop *loop;
  _Atomic(int) ran, registered, cancelled, threads_left;
} storm;

static void count_run(void *arg, hr_status status) {
  OK(status);
  atomic_fetch_add((_Atomic(int) *)arg, 1);
}

static void *storm_thread(void *arg) {
  storm *st = arg;
  mlx_stream s = stream_new();
  for (int i = 0; i < ROUNDS; i++) {
    mlx_vector_array v = call(sum_run, &one, none, s);
    hr_fence *f = i % 2 ? fence_of(s) : fence_of_arrays(v);
    hr_callback *c;
    bool cancelled = false;
    OK(hr_on_complete(&c, f, count_run, &st->ran, i % 3 ? hr_loop_executor(st->loop) : NULL));
    atomic_fetch_add(&st->registered, 1);
    if (i % 5 == 0) OK(hr_callback_cancel(&cancelled, c));
    if (cancelled) atomic_fetch_add(&st->cancelled, 1);
    hr_callback_release(c);
    hr_fence_release(f);
    mlx_vector_array_free(v);
  }
  mlx_stream_free(s);
  atomic_fetch_sub(&st->threads_left, 1);
  return NULL;
}

static void test_storm(void **state) {
  (void)state;
  storm st = {.threads_left = THREADS};
  pthread_t threads[THREADS];
  OK(hr_loop_new(&st.loop));
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, storm_thread, &st), 0);
  while (st.threads_left || st.ran < st.registered - st.cancelled) {
    struct pollfd p = {.fd = hr_loop_fd(st.loop), .events = POLLIN};
    poll(&p, 1, 1);
    OK(hr_loop_dispatch(NULL, st.loop, 0));
  }
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  OK(hr_loop_dispatch(NULL, st.loop, 0));
  assert_int_equal(st.ran, st.registered - st.cancelled);
  hr_loop_release(st.loop);
}

/* --- waiting for callbacks --- */

static void wait_for_another(void *arg, hr_status status) {
  OK(status);
  assert_int_equal(hr_callback_wait(*(hr_callback **)arg, -1, true), HR_DEADLOCK);
}

static void test_waiting_for_callbacks(void **state) {
  (void)state;
  gate g;
  gate_init(&g);
  _Atomic(int) ran = 0;
  hr_callback *waiting, *other, *cancelled;
  mlx_stream s = stream_new();
  gate_close(&g, s);
  hr_fence *f = fence_of(s);
  OK(hr_on_complete(&waiting, f, wait_for_another, &other, NULL));
  OK(hr_on_complete(&other, f, count_run, &ran, NULL));
  OK(hr_on_complete(&cancelled, f, count_run, &ran, NULL));
  assert_int_equal(hr_callback_wait(other, 0, true), HR_TIMEOUT);
  assert_int_equal(hr_callback_wait(other, 1000, false), HR_TIMEOUT);
  OK(hr_callback_cancel(NULL, cancelled));
  OK(hr_callback_wait(cancelled, -1, true));
  gate_open(&g);
  OK(hr_callback_wait(other, -1, false));
  assert_int_equal(ran, 1);
  OK(hr_callback_wait(waiting, -1, true));
  OK(hr_callback_wait(other, 0, true));
  assert_int_equal(hr_callback_wait(NULL, 0, true), HR_INVALID);
  hr_callback *all[] = {waiting, other, cancelled};
  for (int i = 0; i < 3; i++) hr_callback_release(all[i]);
  hr_fence_release(f);
  mlx_stream_free(s);
}

/* Threads wait for callbacks of one stream, each of which runs once, by one of them or the library's thread. */
static void *wait_thread(void *arg) {
  mlx_stream s = *(mlx_stream *)arg;
  for (int i = 0; i < ROUNDS; i++) {
    _Atomic(int) ran = 0;
    hr_callback *c[2];
    mlx_vector_array_free(call(sum_run, &one, none, s));
    hr_fence *f = fence_of(s);
    for (int k = 0; k < 2; k++) OK(hr_on_complete(&c[k], f, count_run, &ran, NULL));
    OK(hr_callback_wait(c[i % 2], -1, i % 3 != 0));
    assert_in_range(ran, 1 + i % 2, 2);
    OK(hr_callback_wait(c[1 - i % 2], i % 5 ? -1 : INT64_MAX, true));
    assert_int_equal(ran, 2);
    for (int k = 0; k < 2; k++) hr_callback_release(c[k]);
    hr_fence_release(f);
  }
  return NULL;
}

static void test_threads_wait_for_callbacks(void **state) {
  (void)state;
  pthread_t threads[THREADS];
  mlx_stream s = stream_new();
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, wait_thread, &s), 0);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  mlx_stream_free(s);
}

/* Callbacks of many fences of one stream. Every second one comes in the moment in which the stream has completed the
 * point of the one before, and may not have handed that over yet. */
typedef struct in_line {
  int number, *last;
  _Atomic(int) *wrong, *left;
} in_line;

static void expect_turn(void *arg, hr_status status) {
  in_line *own = arg;
  OK(status);
  if (*own->last >= own->number) atomic_fetch_add(own->wrong, 1);
  *own->last = own->number;
  atomic_fetch_sub(own->left, 1);
}

static void register_one(in_line *own, hr_fence *f) {
  hr_callback *c;
  bool cancelled = false;
  OK(hr_on_complete(&c, f, expect_turn, own, NULL));
  if (own->number % 7 == 0) OK(hr_callback_cancel(&cancelled, c));
  if (cancelled) atomic_fetch_sub(own->left, 1);
  hr_callback_release(c);
}

static void test_fences_of_a_stream_call_in_order(void **state) {
  (void)state;
  const int count = 20000;
  int last = -1;
  _Atomic(int) wrong = 0, left = count;
  in_line *all = malloc((size_t)count * sizeof *all);
  mlx_stream s = stream_new();
  for (int i = 0; i < count; i += 2) {
    for (int k = i; k < i + 2; k++) all[k] = (in_line){k, &last, &wrong, &left};
    mlx_vector_array_free(call(sum_run, &one, none, s));
    hr_fence *f = fence_of(s), *after;
    register_one(&all[i], f);
    for (bool done = i % 3 == 0; !done;) OK(hr_fence_poll(&done, f));
    after = fence_of(s);
    register_one(&all[i + 1], after);
    hr_fence_release(f);
    hr_fence_release(after);
  }
  while (left) sched_yield();
  assert_int_equal(wrong, 0);
  mlx_stream_free(s);
  free(all);
}

int main(void) {
  begin_tests();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_stream_fence),
      cmocka_unit_test(test_array_fence_over_streams),
      cmocka_unit_test(test_array_fence_evaluates),
      cmocka_unit_test(test_callbacks_in_order),
      cmocka_unit_test(test_callback_gets_the_error),
      cmocka_unit_test(test_callback_waits_for_a_stream),
      cmocka_unit_test(test_cancelled_callbacks),
      cmocka_unit_test(test_own_executor),
      cmocka_unit_test(test_loop),
      cmocka_unit_test(test_loop_runs_what_was_there),
      cmocka_unit_test(test_loop_released_early),
      cmocka_unit_test(test_storm),
      cmocka_unit_test(test_waiting_for_callbacks),
      cmocka_unit_test(test_threads_wait_for_callbacks),
      cmocka_unit_test(test_fences_of_a_stream_call_in_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
