/* Every request for memory of the hr_ interface may fail: the call says so, keeps nothing and can be made again. The
 * n-th request fails for n = 1, 2, ... until the call succeeds. Sanitizer builds see what is lost. */
#include "interface.h"

#include <sched.h>

#include "base/memory.h"

static _Atomic(int) freed;
static void count_free(void *arg) {
  (void)arg;
  atomic_fetch_add(&freed, 1);
}
static void ignore(void *arg, hr_status status) {
  (void)status;
  if (arg) sem_post(arg);
}
static void keep(void *arg, hr_status status, void *value, hr_promise *result) {
  (void)arg, (void)status, (void)value;
  (void)hr_promise_keep(result, NULL, NULL);
}

static mlx_stream stream;
static hr_fence *reached_fence, *open_fence;
static hr_future *open_future;
static hr_loop *loop;

/* Each answers its status, and undoes what it did when that is HR_OK. */

static hr_status try_stream_fence(void) {
  hr_fence *f;
  hr_status status = hr_fence_of_stream(&f, stream);
  assert_int_equal(f != NULL, status == HR_OK);
  hr_fence_release(f);
  return status;
}

static hr_status try_callback(const hr_executor *executor) {
  hr_callback *c;
  hr_status status = hr_on_complete(&c, open_fence, ignore, NULL, executor);
  assert_int_equal(c != NULL, status == HR_OK);
  bool cancelled = false;
  if (c) OK(hr_callback_cancel(&cancelled, c));
  assert_int_equal(cancelled, status == HR_OK);
  hr_callback_release(c);
  return status;
}
static hr_status try_library_callback(void) { return try_callback(NULL); }
static hr_status try_loop_callback(void) { return try_callback(hr_loop_executor(loop)); }

static hr_status try_promise(void) {
  hr_promise *p;
  hr_future *f;
  hr_status status = hr_promise_new(&p, &f);
  assert_true((p != NULL) == (status == HR_OK) && (f != NULL) == (status == HR_OK));
  hr_promise_release(p);
  hr_future_release(f);
  return status;
}

static hr_status try_then(void) {
  hr_future *f;
  int before = freed;
  hr_status status = hr_future_then(&f, open_future, keep, NULL, count_free, NULL);
  assert_int_equal(f != NULL, status == HR_OK);
  if (status != HR_OK) {
    assert_int_equal(freed, before); /* the argument stays the caller's */
    return status;
  }
  OK(hr_future_cancel(NULL, f));
  while (freed == before) sched_yield();
  hr_future_release(f);
  return status;
}

static hr_status try_loop(void) {
  hr_loop *l;
  hr_status status = hr_loop_new(&l);
  assert_int_equal(l != NULL, status == HR_OK);
  hr_loop_release(l);
  return status;
}

static hr_status try_stream_wait(void) { return hr_stream_wait(stream, open_fence); }

static hr_status try_call(void) {
  static const int shape[] = {2, 1, 1, 1, 3};
  hr_call_output outputs[6];
  int64_t arg = 1;
  int before = freed;
  mlx_vector_array res = {0};
  for (int i = 0; i < 6; i++) outputs[i] = (hr_call_output){shape, i % 6, MLX_INT64};
  mlx_stream own = {0};
  hr_status status = hr_stream_call(&res, sum_run, &arg, count_free, none, outputs, 6, own);
  if (status != HR_OK) {
    assert_int_equal(freed, before);
  } else {
    hr_status ran = hr_synchronize(own, -1); /* the task itself may have met the failing request */
    assert_true(ran == HR_OK || ran == HR_OUT_OF_MEMORY);
    while (freed == before) sched_yield();
  }
  mlx_vector_array_free(res);
  return status;
}

static hr_status try_scope(void) {
  hr_status status = hr_stream_scope_begin(stream);
  if (status == HR_OK) OK(hr_stream_scope_end(stream));
  return status;
}

static void sweep(const char *name, hr_status (*call)(void)) {
  for (long n = 1;; n++) {
    hr_alloc_fail_at(n);
    hr_status status = call();
    hr_alloc_fail_at(0);
    if (status == HR_OK) break;
    if (status != HR_OUT_OF_MEMORY) fail_msg("%s: request %ld: %s", name, n, hr_last_error());
    if (n > 200) fail_msg("%s still fails", name);
  }
  OK(call());
}

static void test_failing_memory(void **state) {
  (void)state;
  hr_promise *p;
  sem_t done;
  sem_init(&done, 0, 0);
  stream = stream_new();
  OK(hr_promise_new(&p, &open_future));
  OK(hr_future_fence(&open_fence, open_future));
  OK(hr_loop_new(&loop));
  OK(hr_fence_of_stream(&reached_fence, stream));
  OK(hr_on_complete(NULL, reached_fence, ignore, &done, NULL)); /* the threads are there */
  sem_take(&done);
  sweep("fence of a stream", try_stream_fence);
  sweep("callback", try_library_callback);
  sweep("callback on a loop", try_loop_callback);
  sweep("promise", try_promise);
  sweep("then", try_then);
  sweep("loop", try_loop);
  sweep("stream_wait", try_stream_wait);
  sweep("stream_call", try_call);
  sweep("scope", try_scope);
  OK(hr_promise_keep(p, NULL, NULL));
  OK(hr_synchronize(stream, -1));
  hr_promise_release(p);
  hr_future_release(open_future);
  hr_fence_release(open_fence);
  hr_fence_release(reached_fence);
  hr_loop_release(loop);
  mlx_stream_free(stream);
}

int main(void) {
  begin_tests();
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_failing_memory)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
