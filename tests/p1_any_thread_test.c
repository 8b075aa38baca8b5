/* P1: any thread may use, wait on and free any stream, array, fence or future. */
#include "interface.h"

enum { THREADS = 6, ROUNDS = 60 };

/* Everything is made by one thread, used by others, and freed by whoever comes last. */
typedef struct shared {
  mlx_stream streams[3];
  mlx_vector_array arrays[ROUNDS];
  hr_fence *fences[ROUNDS];
  hr_future *futures[ROUNDS];
  hr_promise *promises[ROUNDS];
  _Atomic(int) next_promise;
} shared;

static void build(shared *sh) {
  for (int i = 0; i < 3; i++) sh->streams[i] = stream_new();
  for (int i = 0; i < ROUNDS; i++) {
    sh->arrays[i] = call(sum_run, &one, i ? sh->arrays[i - 1] : none, sh->streams[i % 3]);
    sh->fences[i] = i % 2 ? fence_of_arrays(sh->arrays[i]) : fence_of(sh->streams[i % 3]);
    OK(hr_promise_new(&sh->promises[i], &sh->futures[i]));
  }
  sh->next_promise = 0;
}

static void *use(void *arg) {
  shared *sh = arg;
  for (int i = 0; i < ROUNDS; i++) {
    int at = atomic_fetch_add(&sh->next_promise, 1);
    if (at < ROUNDS) {
      OK(hr_promise_keep(sh->promises[at], sh, NULL));
      hr_promise_release(sh->promises[at]);
    }
    hr_fence *f = hr_fence_retain(sh->fences[i]);
    OK(finish(f));
    hr_future *fut = hr_future_retain(sh->futures[i]);
    OK(hr_future_wait(fut, -1));
    hr_future_release(fut);
    assert_int_equal(value_of(sh->arrays[i]), i + 1);
    mlx_vector_array more = call(sum_run, &one, sh->arrays[i], sh->streams[(i + 1) % 3]);
    mlx_stream mine = mlx_default_cpu_stream_new();
    mlx_vector_array most = call(sum_run, &one, more, mine);
    assert_int_equal(value_of(most), i + 3);
    mlx_stream_free(mine);
    mlx_vector_array_free(more);
    mlx_vector_array_free(most);
    OK(hr_synchronize(sh->streams[i % 3], -1));
  }
  return NULL;
}

static void *destroy(void *arg) {
  shared *sh = arg;
  for (int i = 0; i < ROUNDS; i++) {
    mlx_vector_array_free(sh->arrays[i]);
    hr_fence_release(sh->fences[i]);
    hr_future_release(sh->futures[i]);
  }
  for (int i = 0; i < 3; i++) mlx_stream_free(sh->streams[i]);
  return NULL;
}

static void run_thread(void *(*fn)(void *), void *arg) {
  pthread_t t;
  assert_int_equal(pthread_create(&t, NULL, fn, arg), 0);
  pthread_join(t, NULL);
}

static void test_shared_by_threads(void **state) {
  (void)state;
  shared sh;
  pthread_t t[THREADS];
  build(&sh);
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&t[i], NULL, use, &sh), 0);
  for (int i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
  run_thread(destroy, &sh);
}

/* A thread that ends leaves its work and its default stream's results behind. */
typedef struct left_behind {
  mlx_vector_array arrays;
  hr_fence *fence;
  mlx_stream stream;
  gate gate;
} left_behind;

static void *leave(void *arg) {
  left_behind *l = arg;
  mlx_stream empty = {0};
  l->stream = mlx_default_cpu_stream_new();
  gate_close(&l->gate, empty);
  l->arrays = call(sum_run, &one, none, empty);
  l->fence = fence_of(empty);
  return NULL;
}

static void test_thread_that_ends(void **state) {
  (void)state;
  for (int i = 0; i < 50; i++) {
    left_behind l;
    gate_init(&l.gate);
    run_thread(leave, &l);
    assert_int_equal(hr_fence_wait(l.fence, 0), HR_TIMEOUT);
    gate_open(&l.gate);
    assert_int_equal(value_of(l.arrays), 1);
    OK(finish(l.fence));
    OK(hr_synchronize(l.stream, -1));
    mlx_vector_array_free(l.arrays);
    mlx_stream_free(l.stream);
  }
}

/* The last handle of a stream goes while its work is queued, from another thread: the work is done all the same. */
static void *free_stream(void *arg) {
  mlx_stream_free(*(mlx_stream *)arg);
  return NULL;
}

static void test_stream_freed_elsewhere(void **state) {
  (void)state;
  for (int i = 0; i < 50; i++) {
    gate g;
    gate_init(&g);
    mlx_stream s = stream_new();
    gate_close(&g, s);
    mlx_vector_array v = call(sum_run, &one, none, s);
    run_thread(free_stream, &s);
    gate_open(&g);
    assert_int_equal(value_of(v), 1);
    mlx_vector_array_free(v);
  }
}

/* Callbacks and tasks are threads too: they build, wait and free. */
static void use_in_callback(void *arg, hr_status status) {
  OK(status);
  use(arg);
}
static int use_in_task(void *arg, const hr_call_view *in, size_t in_count, const hr_call_view *out, size_t out_count) {
  (void)in, (void)in_count, (void)out, (void)out_count;
  use(arg);
  return 0;
}
static void post(void *arg, hr_status status) {
  OK(status);
  sem_post(arg);
}

static void test_callbacks_and_tasks(void **state) {
  (void)state;
  shared sh;
  sem_t done;
  sem_init(&done, 0, 0);
  build(&sh);
  mlx_stream s = stream_new();
  hr_fence *now = fence_of(s);
  OK(hr_on_complete(NULL, now, use_in_callback, &sh, NULL));
  OK(hr_stream_call(NULL, use_in_task, &sh, NULL, none, NULL, 0, s));
  OK(hr_on_complete(NULL, now, post, &done, NULL));
  OK(hr_synchronize(s, -1));
  sem_take(&done);
  run_thread(destroy, &sh);
  hr_fence_release(now);
  mlx_stream_free(s);
}

int main(void) {
  begin_tests();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_shared_by_threads),
      cmocka_unit_test(test_thread_that_ends),
      cmocka_unit_test(test_stream_freed_elsewhere),
      cmocka_unit_test(test_callbacks_and_tasks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
