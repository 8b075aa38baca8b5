/* P6: an error surfaces at every call that needs the result, naming op, shapes and stream; what depends on it fails
 * too, all else goes on; nothing aborts. R10: each call that fails calls the handler once; a stream repeats nothing
 * that was shown. */
#include "interface.h"

static int heard(void) { return handled; }

/* Result, dependants on other streams, fences, synchronize: all say so, in every thread. */
static void expect_failure(mlx_vector_array v, const char *text) {
  int before = heard();
  int64_t item;
  mlx_array a = mlx_array_new();
  mlx_vector_array_get(&a, v, 0);
  assert_int_not_equal(mlx_array_eval(a), 0);
  assert_int_equal(heard(), before + 1);
  assert_non_null(strstr(handled_text, text));
  assert_int_not_equal(mlx_array_item_int64(&item, a), 0);
  assert_int_not_equal(mlx_eval(v), 0);
  assert_int_equal(heard(), before + 3);
  hr_fence *f;
  if (hr_fence_of_arrays(&f, v) == HR_OK) {
    assert_int_equal(hr_fence_wait(f, -1), HR_FAILED);
    assert_int_equal(hr_fence_status(f), HR_FAILED);
    assert_int_equal(heard(), before + 5);
    hr_fence_release(f);
  }
  mlx_array_free(a);
}

static void *expect_in_thread(void *arg) {
  expect_failure(*(mlx_vector_array *)arg, "out of film");
  return NULL;
}

static void test_errors_reach_everybody(void **state) {
  (void)state;
  mlx_stream s = stream_new(), t = stream_new(), u = stream_new();
  int index;
  char place[64];
  OK(hr_stream_index(&index, s));
  OK(hr_stream_set_name(s, "camera"));
  mlx_vector_array in = call(sum_run, &one, none, t), bad = call(fail_run, "out of film, 100%s%n", in, s);
  mlx_vector_array after = call(sum_run, &one, bad, t), last = call(sum_run, &one, after, u);
  mlx_vector_array good = call(sum_run, &one, in, s);
  expect_failure(bad, "out of film, 100%s%n");
  expect_failure(last, "out of film");
  snprintf(place, sizeof place, "stream_call(int64()) -> int64() on stream %d camera: ", index);
  assert_non_null(strstr(handled_text, place));
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, expect_in_thread, &after), 0);
  pthread_join(thread, NULL);
  int before = heard();
  assert_int_equal(value_of(good), 2); /* the same stream, independent */
  OK(hr_synchronize(s, -1));           /* shown already */
  OK(hr_synchronize(u, -1));
  assert_int_equal(heard(), before);
  mlx_vector_array_free(in);
  mlx_vector_array_free(bad);
  mlx_vector_array_free(after);
  mlx_vector_array_free(last);
  mlx_vector_array_free(good);
  mlx_stream_free(s);
  mlx_stream_free(t);
  mlx_stream_free(u);
}

/* A task without outputs: the stream keeps the first error that nobody has seen, and tells it once. */
static void test_stream_errors(void **state) {
  (void)state;
  mlx_stream s = stream_new();
  hr_fence *before = fence_of(s);
  OK(hr_stream_call(NULL, fail_run, "first", NULL, none, NULL, 0, s));
  hr_fence *f = fence_of(s);
  OK(hr_stream_call(NULL, fail_run, "second", NULL, none, NULL, 0, s));
  OK(finish(before)); /* came before it */
  assert_int_equal(hr_synchronize(s, -1), HR_FAILED);
  assert_non_null(strstr(handled_text, "first"));
  OK(hr_synchronize(s, -1));
  OK(finish(f));
  OK(hr_stream_call(NULL, fail_run, NULL, NULL, none, NULL, 0, s));
  f = fence_of(s);
  for (int i = 0; i < 2; i++) assert_int_equal(hr_fence_wait(f, -1), HR_FAILED); /* a fence keeps its result */
  assert_int_equal(mlx_synchronize(s), 0);                                       /* shown by the fence */
  hr_fence_release(f);
  mlx_stream_free(s);
}

/* The text of a failing call inside the function, when it has no better one. */
static int fails_inside(void *arg, const hr_call_view *in, size_t in_count, const hr_call_view *out, size_t out_count) {
  (void)arg, (void)in, (void)in_count, (void)out, (void)out_count;
  return hr_set_threads(-5);
}

static void test_text_from_inside(void **state) {
  (void)state;
  mlx_stream s = stream_new();
  OK(hr_stream_call(NULL, fails_inside, NULL, NULL, none, NULL, 0, s));
  assert_int_equal(hr_synchronize(s, -1), HR_FAILED);
  assert_non_null(strstr(handled_text, "number of workers -5"));
  mlx_stream_free(s);
}

/* R11: the handler is the last act: it may jump, replace itself, and use the library. */
static jmp_buf out_of_call;
static void jump(const char *message, void *data) {
  (void)message, (void)data;
  longjmp(out_of_call, 1);
}

static void test_jumping_handler(void **state) {
  (void)state;
  mlx_stream s = stream_new();
  mlx_vector_array bad = call(fail_run, "jump", none, s);
  hr_fence *f = fence_of_arrays(bad);
  volatile int jumps = 0;
  mlx_set_error_handler(jump, NULL, NULL);
  while (jumps < 20)
    if (setjmp(out_of_call) == 0) {
      (void)hr_fence_wait(f, -1); /* leaves by a jump */
      break;
    } else {
      jumps++;
    }
  mlx_set_error_handler(note_error, NULL, NULL);
  assert_int_equal(jumps, 20);
  hr_fence_release(f);
  mlx_vector_array good = call(sum_run, &one, none, s);
  assert_int_equal(value_of(good), 1);
  mlx_vector_array_free(good);
  mlx_vector_array_free(bad);
  mlx_stream_free(s);
}

/* NULL and empty arguments: an error from each call, and outputs emptied. */
static void test_hostile_arguments(void **state) {
  (void)state;
  hr_fence *f = (hr_fence *)&f;
  hr_future *fut = (hr_future *)&fut;
  hr_promise *p = (hr_promise *)&p;
  bool flag = true;
  void *value = &value;
  size_t count = 7;
  int before = heard();
  assert_int_equal(hr_fence_of_arrays(&f, none), HR_INVALID);
  assert_null(f);
  assert_int_equal(hr_fence_of_stream(NULL, (mlx_stream){0}), HR_INVALID);
  assert_int_equal(hr_fence_wait(NULL, 0), HR_INVALID);
  assert_int_equal(hr_fence_status(NULL), HR_INVALID);
  assert_int_equal(hr_fence_poll(&flag, NULL), HR_INVALID);
  assert_false(flag);
  assert_int_equal(hr_fence_poll(NULL, NULL), HR_INVALID);
  assert_int_equal(hr_callback_cancel(&flag, NULL), HR_INVALID);
  assert_int_equal(hr_promise_new(&p, NULL), HR_INVALID);
  assert_null(p);
  assert_int_equal(hr_promise_new(NULL, &fut), HR_INVALID);
  assert_null(fut);
  assert_int_equal(hr_promise_keep(NULL, NULL, NULL), HR_INVALID);
  assert_int_equal(hr_promise_fail(NULL, HR_IO, NULL), HR_INVALID);
  assert_int_equal(hr_promise_wanted(&flag, NULL), HR_INVALID);
  assert_int_equal(hr_future_wait(NULL, 0), HR_INVALID);
  assert_int_equal(hr_future_poll(&flag, NULL), HR_INVALID);
  assert_int_equal(hr_future_get(&value, NULL), HR_INVALID);
  assert_null(value);
  assert_int_equal(hr_future_cancel(&flag, NULL), HR_INVALID);
  assert_int_equal(hr_future_fence(&f, NULL), HR_INVALID);
  assert_int_equal(hr_future_then(&fut, NULL, NULL, NULL, NULL, NULL), HR_INVALID);
  assert_int_equal(hr_fence_then(&fut, NULL, NULL, NULL, NULL, NULL), HR_INVALID);
  assert_int_equal(hr_loop_new(NULL), HR_INVALID);
  assert_int_equal(hr_loop_dispatch(&count, NULL, 0), HR_INVALID);
  assert_int_equal(count, 0);
  mlx_stream s = stream_new();
  assert_int_equal(hr_stream_wait(s, NULL), HR_INVALID);
  assert_int_equal(hr_stream_index(NULL, s), HR_INVALID);
  assert_int_equal(hr_stream_find(NULL, 0), HR_INVALID);
  assert_int_equal(hr_stream_get_name(NULL, 3, s), HR_INVALID);
  assert_int_equal(hr_stream_get_priority(NULL, s), HR_INVALID);
  assert_int_equal(hr_stream_get_limit(NULL, s), HR_INVALID);
  assert_int_equal(heard(), before + 27);
  hr_promise_release(NULL);
  hr_future_release(NULL);
  hr_loop_release(NULL);
  hr_callback_release(NULL);
  assert_null(hr_promise_retain(NULL));
  assert_null(hr_future_retain(NULL));
  assert_null(hr_fence_retain(NULL));
  assert_null(hr_loop_retain(NULL));
  assert_null(hr_loop_executor(NULL));
  mlx_stream_free(s);
}

int main(void) {
  begin_tests();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_errors_reach_everybody), cmocka_unit_test(test_stream_errors),
      cmocka_unit_test(test_text_from_inside),       cmocka_unit_test(test_jumping_handler),
      cmocka_unit_test(test_hostile_arguments),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
