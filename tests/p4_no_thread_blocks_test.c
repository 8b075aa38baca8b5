/* P4: no thread blocks except one that asked to: streams that wait and callbacks that are pending have no threads. */
#include "interface.h"

#include <dirent.h>

static int threads_now(void) {
  DIR *dir = opendir("/proc/self/task");
  int count = 0;
  if (!dir) return -1;
  while (readdir(dir)) count++;
  closedir(dir);
  return count - 2; /* . and .. */
}

typedef struct countdown {
  _Atomic(int) left;
  sem_t done;
} countdown;

static void count(void *arg, hr_status status) {
  countdown *c = arg;
  OK(status);
  if (atomic_fetch_sub(&c->left, 1) == 1) sem_post(&c->done);
}

enum { PENDING = 10000 };

static void test_pending_callbacks(void **state) {
  (void)state;
  static hr_fence *fences[PENDING];
  gate g;
  gate_init(&g);
  countdown c = {.left = 2 * PENDING + 1};
  sem_init(&c.done, 0, 0);
  mlx_stream s = stream_new();
  gate_close(&g, s);
  hr_fence *all = fence_of(s);
  sem_take(&g.entered);
  OK(hr_on_complete(NULL, all, count, &c, NULL)); /* starts the callback thread */
  int before = threads_now();
  for (int i = 0; i < PENDING; i++) {
    fences[i] = fence_of(s);
    OK(hr_on_complete(NULL, all, count, &c, NULL));
    OK(hr_on_complete(NULL, fences[i], count, &c, NULL));
  }
  assert_true(threads_now() <= before);
  gate_open(&g);
  sem_take(&c.done);
  for (int i = 0; i < PENDING; i++) hr_fence_release(fences[i]);
  hr_fence_release(all);
  mlx_stream_free(s);
}

/* Streams that wait for a promise: no threads, and all workers are free for others. */
static void test_waiting_streams(void **state) {
  (void)state;
  enum { STREAMS = 500 };
  static mlx_stream streams[STREAMS];
  hr_promise *p;
  hr_future *f;
  hr_fence *fence;
  OK(hr_promise_new(&p, &f));
  OK(hr_future_fence(&fence, f));
  mlx_vector_array sum = none, v[STREAMS];
  for (int i = 0; i < STREAMS; i++) {
    streams[i] = stream_new();
    OK(hr_stream_wait(streams[i], fence));
    v[i] = call(sum_run, &one, sum, streams[i]);
    sum = v[i];
  }
  mlx_stream other = stream_new();
  for (int i = 0; i < 100; i++) {
    mlx_vector_array w = call(sum_run, &one, none, other);
    assert_int_equal(value_of(w), 1);
    mlx_vector_array_free(w);
  }
  assert_true(threads_now() <= 3 * hr_threads() + 8);
  assert_int_equal(hr_synchronize(streams[0], 0), HR_TIMEOUT);
  OK(hr_promise_keep(p, NULL, NULL));
  assert_int_equal(value_of(sum), STREAMS);
  for (int i = 0; i < STREAMS; i++) {
    mlx_vector_array_free(v[i]);
    mlx_stream_free(streams[i]);
  }
  mlx_stream_free(other);
  hr_promise_release(p);
  hr_future_release(f);
  hr_fence_release(fence);
}

/* Queueing never waits for the work, however long that is: only the task's own thread is inside the gate. */
static void test_queueing_does_not_wait(void **state) {
  (void)state;
  gate g;
  gate_init(&g);
  mlx_stream s = stream_new(), t = stream_new();
  gate_close(&g, s);
  mlx_vector_array v = call(sum_run, &one, none, s);
  for (int i = 0; i < 1000; i++) {
    mlx_vector_array next = call(sum_run, &one, v, i % 2 ? s : t);
    mlx_vector_array_free(v);
    v = next;
  }
  hr_fence *f = fence_of_arrays(v);
  assert_false(reached(f));
  gate_open(&g);
  OK(finish(f));
  assert_int_equal(value_of(v), 1001);
  mlx_vector_array_free(v);
  mlx_stream_free(s);
  mlx_stream_free(t);
}

/* Tasks that sleep give their places up: more of them than there are workers, each waiting for the next one. */
enum { SLEEPERS = 40 };
static mlx_vector_array sleepers[SLEEPERS];
static int wait_for_next(void *arg, const hr_call_view *in, size_t in_count, const hr_call_view *out,
                         size_t out_count) {
  (void)in, (void)in_count;
  int at = (int)(intptr_t)arg;
  int64_t value = at + 1 < SLEEPERS ? value_of(sleepers[at + 1]) : 0;
  for (size_t i = 0; i < out_count; i++) *(int64_t *)out[i].data = value + 1;
  return 0;
}

static void test_sleeping_tasks(void **state) {
  (void)state;
  static mlx_stream streams[SLEEPERS];
  gate g;
  gate_init(&g);
  hr_promise *p;
  hr_future *f;
  hr_fence *start;
  OK(hr_promise_new(&p, &f));
  OK(hr_future_fence(&start, f));
  for (int i = 0; i < SLEEPERS; i++) {
    streams[i] = stream_new();
    OK(hr_stream_wait(streams[i], start));
    sleepers[i] = call(wait_for_next, (void *)(intptr_t)i, none, streams[i]);
  }
  OK(hr_promise_keep(p, NULL, NULL));
  assert_int_equal(value_of(sleepers[0]), SLEEPERS);
  for (int i = 0; i < SLEEPERS; i++) {
    mlx_vector_array_free(sleepers[i]);
    mlx_stream_free(streams[i]);
  }
  hr_promise_release(p);
  hr_future_release(f);
  hr_fence_release(start);
}

int main(void) {
  begin_tests();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pending_callbacks),
      cmocka_unit_test(test_waiting_streams),
      cmocka_unit_test(test_queueing_does_not_wait),
      cmocka_unit_test(test_sleeping_tasks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
