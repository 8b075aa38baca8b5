/* R24: fork is survived. The child of a process with queued and running work answers for that with an error, touches
 * nothing of it, and otherwise works as if it had just been started; the parent does not notice. */
#include <sys/wait.h>

#include "world.h"

/* ThreadSanitizer ends children that make threads. AddressSanitizer's allocator does not know of forks: a child waits
 * for ever for a lock that another thread had there. */
enum { NO_THREADS_AFTER_FORK = HR_SANITIZED };

/* Runs fn(arg) in a child; it answers the line of its first failed check, 0 for none. */
static void in_child(int (*fn)(void *arg), void *arg) {
  int result;
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    watchdog();
    _exit(fn(arg));
  }
  assert_true(waitpid(child, &result, 0) == child);
  assert_true(WIFEXITED(result));
  assert_int_equal(WEXITSTATUS(result), 0);
}

#define CHECK(x) \
  if (!(x)) return __LINE__ & 0x7f ? __LINE__ & 0x7f : 1

/* No cmocka in the child: its failures jump into the parent's tests. */
static int64_t value_in_child(hr_array *a) {
  const void *data;
  return hr_array_read(&data, a) == HR_OK ? *(const int64_t *)data : -1;
}
static hr_array *apply_in_child(const hr_op *op, hr_array *a, hr_stream *s) {
  hr_array *out;
  return hr_apply(&out, op, &a, a ? 1 : 0, NULL, s) == HR_OK ? out : NULL;
}

typedef struct family {
  hr_stream *busy, *idle;
  hr_array *running, *queued, *lazy, *lazy_on_busy, *done;
  gate g;
} family;

static int child_of_busy_parent(void *arg) {
  family *f = arg;
  CHECK(value_in_child(f->done) == 1);
  CHECK(hr_array_wait(f->running, -1) == HR_CLOSED);
  CHECK(hr_array_wait(f->queued, -1) == HR_CLOSED);
  CHECK(hr_wait_stream(f->busy, -1) == HR_CLOSED);
  CHECK(value_in_child(f->lazy) == 1); /* built before, on an idle stream */
  CHECK(hr_eval(&f->lazy_on_busy, 1) == HR_CLOSED);
  hr_array *needs_lost = apply_in_child(&op_light, f->queued, f->idle);
  CHECK(hr_eval(&needs_lost, 1) == HR_CLOSED);
  CHECK(strstr(hr_last_error(), "fork") != NULL);
  CHECK(hr_eval(&needs_lost, 1) == HR_CLOSED); /* again: no claim is left over */
  hr_array *fresh = apply_in_child(&op_heavy, NULL, f->idle);
  CHECK(value_in_child(fresh) == 1);
  hr_array *defaulted = apply_in_child(&op_heavy, fresh, NULL);
  CHECK(value_in_child(defaulted) == 2);
  hr_stream *made;
  CHECK(hr_stream_create(&made, 0, 0) == HR_OK);
  hr_array *both = apply_in_child(&op_heavy, defaulted, made);
  CHECK(hr_async_eval(&both, 1) == HR_OK);
  CHECK(hr_array_wait(both, -1) == HR_OK && value_in_child(both) == 3);
  return 0;
}

static void test_work_in_flight(void **state) {
  (void)state;
  if (NO_THREADS_AFTER_FORK) skip(); /* before tasks have the test's stack in hand */
  family f = {.busy = stream_new(), .idle = stream_new()};
  gate_init(&f.g);
  f.done = apply(&op_light, NULL, NULL, f.idle);
  assert_int_equal(read_int(f.done), 1);
  drain(f.idle);
  f.running = call(&op_user_call, passes, &f.g, NULL, f.busy);
  f.queued = apply(&op_light, f.running, NULL, f.busy);
  f.lazy = apply(&op_light, NULL, NULL, f.idle);
  f.lazy_on_busy = apply(&op_light, NULL, NULL, f.busy);
  start(f.queued);
  until_state(f.busy, HR_STREAM_RUNNING);
  in_child(child_of_busy_parent, &f);
  gate_open(&f.g);
  assert_int_equal(read_int(f.queued), 2);
  assert_int_equal(read_int(f.lazy_on_busy), 1);
  hr_array *all[] = {f.running, f.queued, f.lazy, f.lazy_on_busy, f.done};
  for (int i = 0; i < 5; i++) hr_array_release(all[i]);
  hr_stream_handle_release(f.busy);
  hr_stream_handle_release(f.idle);
}

/* A thread that was inside a walk when another one forked leaves its claims behind; the child takes them over. */
static int child_adopts(void *arg) {
  hr_array **y = arg;
  CHECK(hr_array_wait(y[1], -1) == HR_INVALID); /* lazy as before */
  CHECK(value_in_child(y[1]) == 2);
  return 0;
}

static void test_claims_of_vanished_threads(void **state) {
  (void)state;
  if (NO_THREADS_AFTER_FORK) skip();
  hr_stream *s = stream_new();
  hr_array *x = apply(&op_light, NULL, NULL, s), *pair[] = {x, apply(&op_light, x, NULL, s)};
  for (int i = 0; i < 2; i++) hr_store_release(&pair[i]->node->state, (uint32_t)(HR_NODE_CLAIMED | HR_NODE_WAITED));
  pair[1]->node->cursor = 1;
  in_child(child_adopts, pair);
  for (int i = 0; i < 2; i++) hr_store_release(&pair[i]->node->state, (uint32_t)HR_NODE_BUILT);
  pair[1]->node->cursor = 0;
  assert_int_equal(read_int(pair[1]), 2);
  for (int i = 0; i < 2; i++) hr_array_release(pair[i]);
  hr_stream_handle_release(s);
}

/* Forks at any moment of what other threads do; each child evaluates something new. */
static _Atomic(bool) enough;

static void *busy_thread(void *arg) {
  hr_stream *s[2] = {arg, NULL};
  while (!hr_load_acquire(&enough)) {
    hr_array *y = chain(constant(0), &op_light, 30, s, 2);
    assert_int_equal(take_int(y), 30);
  }
  return NULL;
}

static int child_works(void *arg) {
  (void)arg;
  hr_array *a = apply_in_child(&op_heavy, NULL, NULL);
  for (int i = 0; i < 20 && a; i++) a = apply_in_child(&op_light, a, NULL);
  CHECK(a && value_in_child(a) == 21);
  return 0;
}

static void test_forks_among_busy_threads(void **state) {
  (void)state;
  enum { THREADS = 3 };
  pthread_t threads[THREADS];
  if (HR_SANITIZED) skip(); /* AddressSanitizer's own locks do not survive a fork among busy threads */
  hr_stream *s = stream_new();
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, busy_thread, s), 0);
  for (int i = 0; i < 50 * stress_factor(); i++) in_child(child_works, NULL);
  hr_store_release(&enough, true);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  hr_stream_handle_release(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_work_in_flight),
      cmocka_unit_test(test_claims_of_vanished_threads),
      cmocka_unit_test(test_forks_among_busy_threads),
  };
  watchdog();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
