/* The program's functions as tasks, cancelling, scopes and properties of streams, through the public interface. */
#include "interface.h"

#include <sched.h>

/* --- tasks --- */

typedef struct looked {
  hr_call_view in, out[2];
  int shape[3], out_shape[2];
  int64_t strides[3];
} looked;

static int look(void *arg, const hr_call_view *in, size_t in_count, const hr_call_view *out, size_t out_count) {
  looked *l = arg;
  assert_int_equal(in_count, 1);
  assert_int_equal(out_count, 2);
  l->in = in[0];
  memcpy(l->shape, in[0].shape, sizeof l->shape);
  memcpy(l->strides, in[0].strides, sizeof l->strides);
  l->out[0] = out[0];
  memcpy(l->out_shape, out[0].shape, sizeof l->out_shape);
  l->out[1] = out[1];
  for (int i = 0; i < 6; i++) ((float *)out[0].data)[i] = (float)i;
  memset(out[1].data, 7, 4);
  return 0;
}

static void test_views(void **state) {
  (void)state;
  static const int shape[] = {2, 3, 4}, out_shape[] = {3, 2}, bytes[] = {4};
  int16_t data[24] = {0};
  looked l;
  mlx_stream s = stream_new();
  mlx_array a = mlx_array_new_data(data, shape, 3, MLX_INT16), b = mlx_array_new();
  mlx_vector_array in = mlx_vector_array_new(), res = mlx_vector_array_new();
  mlx_vector_array_append_value(in, a);
  hr_call_output outputs[] = {{out_shape, 2, MLX_FLOAT32}, {bytes, 1, MLX_UINT8}};
  OK(hr_stream_call(&res, look, &l, NULL, in, outputs, 2, s));
  assert_int_equal(mlx_vector_array_size(res), 2);
  OK(hr_synchronize(s, -1));
  assert_int_equal(l.in.ndim, 3);
  assert_int_equal(l.in.bytes, 48);
  assert_int_equal(l.in.dtype, MLX_INT16);
  assert_memory_equal(l.shape, shape, sizeof shape);
  assert_true(l.strides[0] == 12 && l.strides[1] == 4 && l.strides[2] == 1);
  assert_int_equal(l.out[0].bytes, 24);
  assert_int_equal(l.out[0].dtype, MLX_FLOAT32);
  assert_true(l.out_shape[0] == 3 && l.out_shape[1] == 2);
  assert_int_equal(l.out[1].bytes, 4);
  mlx_vector_array_get(&b, res, 0);
  assert_int_equal(mlx_array_ndim(b), 2);
  const float *values = mlx_array_data_float32(b);
  for (int i = 0; i < 6; i++) assert_true(values[i] == (float)i);
  mlx_array_free(a);
  mlx_array_free(b);
  mlx_vector_array_free(in);
  mlx_vector_array_free(res);
  mlx_stream_free(s);
}

static _Atomic(int) freed;
static char freed_on[16];
static void count_free(void *arg) {
  (void)arg;
  pthread_getname_np(pthread_self(), freed_on, sizeof freed_on);
  atomic_fetch_add(&freed, 1);
}
static void wait_freed(int count) {
  while (freed < count) sched_yield();
  assert_int_equal(freed, count);
}

/* The argument is freed once: after a run, when cancelled, when poisoned; not when the call is refused. */
static void test_argument_is_freed_once(void **state) {
  (void)state;
  mlx_stream s = stream_new(), t = stream_new();
  gate g;
  gate_init(&g);
  int before = freed, x = 0;
  OK(hr_stream_call(NULL, sum_run, (void *)&one, count_free, none, NULL, 0, s));
  OK(hr_synchronize(s, -1));
  wait_freed(before + 1);
  assert_string_equal(freed_on, "hr-callback");
  mlx_vector_array bad = call(fail_run, "x", none, t), res = mlx_vector_array_new();
  OK(hr_stream_call(&res, sum_run, &x, count_free, bad, &scalar, 1, s));
  assert_int_equal(finish(fence_of_arrays(res)), HR_FAILED);
  wait_freed(before + 2);
  gate_close(&g, s);
  OK(hr_stream_call(NULL, sum_run, &x, count_free, none, NULL, 0, s));
  OK(hr_stream_cancel(s));
  gate_open(&g);
  wait_freed(before + 3);
  static const int wrong[] = {-1};
  hr_call_output output = {wrong, 1, MLX_INT64};
  assert_int_equal(hr_stream_call(&res, sum_run, &x, count_free, none, &output, 1, s), HR_INVALID);
  output = (hr_call_output){NULL, 1, MLX_INT64};
  assert_int_equal(hr_stream_call(&res, sum_run, &x, count_free, none, &output, 1, s), HR_INVALID);
  output = (hr_call_output){NULL, 0, (mlx_dtype)99};
  assert_int_equal(hr_stream_call(&res, sum_run, &x, count_free, none, &output, 1, s), HR_INVALID);
  assert_int_equal(hr_stream_call(&res, NULL, &x, count_free, none, NULL, 0, s), HR_INVALID);
  assert_int_equal(hr_stream_call(NULL, sum_run, &x, count_free, none, &scalar, 1, s), HR_INVALID);
  wait_freed(before + 3);
  mlx_vector_array_free(bad);
  mlx_vector_array_free(res);
  mlx_stream_free(s);
  mlx_stream_free(t);
}

/* Results that the program lets go of before the task runs: the task has its memory all the same. */
static void test_results_dropped_early(void **state) {
  (void)state;
  gate g;
  gate_init(&g);
  mlx_stream s = stream_new();
  static const int many[] = {100000};
  hr_call_output outputs[] = {{NULL, 0, MLX_INT64}, {many, 1, MLX_INT64}};
  mlx_vector_array res = mlx_vector_array_new();
  gate_close(&g, s);
  OK(hr_stream_call(&res, sum_run, (void *)&one, NULL, none, outputs, 2, s));
  mlx_vector_array_free(res);
  gate_open(&g);
  OK(hr_synchronize(s, -1));
  mlx_stream_free(s);
}

/* Inside a task: waiting for the own stream is refused, for others not. */
typedef struct inner {
  mlx_stream own, other;
  hr_status own_sync, own_array, own_quiesce, other_sync;
} inner;

static int wait_inside(void *arg, const hr_call_view *in, size_t in_count, const hr_call_view *out, size_t out_count) {
  (void)in, (void)in_count, (void)out, (void)out_count;
  inner *i = arg;
  mlx_vector_array mine = call(sum_run, &one, none, i->own), theirs = call(sum_run, &one, none, i->other);
  i->own_sync = hr_synchronize(i->own, -1);
  i->own_array = finish(fence_of_arrays(mine));
  i->own_quiesce = hr_quiesce(-1);
  i->other_sync = hr_synchronize(i->other, -1);
  int64_t value = value_of(theirs);
  mlx_vector_array_free(mine);
  mlx_vector_array_free(theirs);
  return value == 1 ? 0 : -1;
}

static void test_waits_inside_tasks(void **state) {
  (void)state;
  inner i = {.own = stream_new(), .other = stream_new()};
  OK(hr_stream_call(NULL, wait_inside, &i, NULL, none, NULL, 0, i.own));
  OK(hr_synchronize(i.own, -1));
  assert_int_equal(i.own_sync, HR_DEADLOCK);
  assert_int_equal(i.own_array, HR_DEADLOCK);
  assert_int_equal(i.own_quiesce, HR_DEADLOCK);
  OK(i.other_sync);
  mlx_stream_free(i.own);
  mlx_stream_free(i.other);
}

/* --- order --- */

static void test_streams_wait_for_streams(void **state) {
  (void)state;
  gate g;
  gate_init(&g);
  mlx_stream s = stream_new(), t = stream_new(), u = stream_new();
  gate_close(&g, s);
  hr_fence *f = fence_of(s);
  OK(hr_stream_wait(t, f));
  OK(hr_stream_wait(s, f)); /* its own past: nothing to wait for */
  hr_fence *g2 = fence_of(t);
  OK(hr_stream_wait(u, g2));
  mlx_vector_array v = call(sum_run, &one, none, u);
  hr_fence *end = fence_of_arrays(v);
  assert_int_equal(hr_fence_wait(end, 0), HR_TIMEOUT);
  gate_open(&g);
  OK(finish(end));
  hr_fence_release(f);
  hr_fence_release(g2);
  mlx_vector_array_free(v);
  mlx_stream_free(s);
  mlx_stream_free(t);
  mlx_stream_free(u);
}

static void test_cancel(void **state) {
  (void)state;
  gate g;
  gate_init(&g);
  mlx_stream s = stream_new(), t = stream_new();
  gate_close(&g, s);
  mlx_vector_array a = call(sum_run, &one, none, s), b = call(sum_run, &one, a, t);
  OK(hr_stream_cancel(s));
  mlx_vector_array c = call(sum_run, &one, none, s);
  gate_open(&g);
  assert_int_equal(finish(fence_of_arrays(a)), HR_CANCELLED);
  assert_int_equal(finish(fence_of_arrays(b)), HR_CANCELLED);
  OK(finish(fence_of_arrays(c))); /* came later */
  OK(hr_synchronize(s, -1));
  OK(hr_synchronize(t, -1));
  mlx_vector_array_free(a);
  mlx_vector_array_free(b);
  mlx_vector_array_free(c);
  mlx_stream_free(s);
  mlx_stream_free(t);
}

/* R9: a cancelled task does not complete before what it waits for. */
static void test_cancelled_work_still_waits(void **state) {
  (void)state;
  gate g;
  gate_init(&g);
  mlx_stream s = stream_new(), t = stream_new();
  gate_close(&g, s);
  sem_take(&g.entered);
  hr_fence *f = fence_of(s);
  OK(hr_stream_wait(t, f));
  hr_fence *waited = fence_of(t);
  OK(hr_stream_cancel(t));
  assert_int_equal(hr_fence_wait(waited, 1000000), HR_TIMEOUT);
  gate_open(&g);
  OK(finish(waited));
  assert_true(reached(f));
  hr_fence_release(f);
  mlx_stream_free(s);
  mlx_stream_free(t);
}

static void test_freed_stream_finishes(void **state) {
  (void)state;
  gate g;
  gate_init(&g);
  mlx_stream s = stream_new(), found = mlx_stream_new();
  int index;
  OK(hr_stream_index(&index, s));
  gate_close(&g, s);
  mlx_vector_array v = call(sum_run, &one, none, s);
  hr_fence *f = fence_of_arrays(v);
  OK(hr_stream_find(&found, index));
  assert_true(mlx_stream_equal(found, s));
  mlx_stream_free(found);
  mlx_stream_free(s);
  gate_open(&g);
  OK(finish(f));
  assert_int_equal(value_of(v), 1);
  found = mlx_stream_new();
  OK(hr_quiesce(-1));
  while (hr_stream_find(&found, index) == HR_OK) { /* its runner is about to retire it */
    mlx_stream_free(found);
    found = mlx_stream_new();
  }
  mlx_stream_free(found);
  mlx_vector_array_free(v);
}

/* --- scopes and properties --- */

static void expect_default(mlx_stream s, bool same) {
  mlx_stream now = mlx_default_cpu_stream_new();
  assert_int_equal(mlx_stream_equal(now, s), same);
  mlx_stream_free(now);
}

static void test_scopes(void **state) {
  (void)state;
  mlx_stream s = stream_new(), t = stream_new(), first = mlx_default_cpu_stream_new(), empty = {0};
  gate g;
  gate_init(&g);
  assert_int_equal(hr_stream_scope_end(s), HR_INVALID);
  OK(hr_stream_scope_begin(s));
  expect_default(s, true);
  OK(hr_stream_scope_begin(t));
  expect_default(t, true);
  gate_close(&g, empty); /* runs on t */
  hr_fence *f = fence_of(t);
  assert_false(reached(f));
  gate_open(&g);
  OK(finish(f));
  assert_int_equal(hr_stream_scope_end(s), HR_INVALID);
  expect_default(t, true);
  mlx_set_default_stream(first); /* ends with the scope */
  OK(hr_stream_scope_end(t));
  expect_default(s, true);
  OK(hr_stream_scope_end(s));
  expect_default(first, true);
  assert_int_equal(hr_stream_scope_end(s), HR_INVALID);
  mlx_stream_free(s);
  mlx_stream_free(t);
  mlx_stream_free(first);
}

static void *ends_inside_scopes(void *arg) {
  OK(hr_stream_scope_begin(*(mlx_stream *)arg));
  mlx_stream own = stream_new();
  OK(hr_stream_scope_begin(own));
  mlx_stream_free(own);
  return NULL;
}

static void test_thread_ends_inside_scopes(void **state) {
  (void)state;
  mlx_stream s = stream_new();
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, ends_inside_scopes, &s), 0);
  pthread_join(thread, NULL);
  expect_default(s, false);
  mlx_stream_free(s);
}

static void test_properties(void **state) {
  (void)state;
  mlx_stream s = stream_new();
  char name[64];
  hr_priority priority;
  int64_t limit;
  OK(hr_stream_get_name(name, sizeof name, s));
  assert_string_equal(name, "");
  OK(hr_stream_set_name(s, "a decoder with a name that is far too long"));
  OK(hr_stream_get_name(name, sizeof name, s));
  assert_string_equal(name, "a decoder with a name that is f");
  OK(hr_stream_get_name(name, 4, s));
  assert_string_equal(name, "a d");
  OK(hr_stream_get_name(NULL, 0, s));
  OK(hr_stream_set_name(s, NULL));
  OK(hr_stream_get_priority(&priority, s));
  assert_int_equal(priority, HR_PRIORITY_NORMAL);
  OK(hr_stream_set_priority(s, HR_PRIORITY_BACKGROUND));
  OK(hr_stream_get_priority(&priority, s));
  assert_int_equal(priority, HR_PRIORITY_BACKGROUND);
  assert_int_equal(hr_stream_set_priority(s, (hr_priority)3), HR_INVALID);
  OK(hr_stream_set_limit(s, 1000));
  OK(hr_stream_get_limit(&limit, s));
  assert_int_equal(limit, 1000);
  assert_int_equal(hr_stream_set_limit(s, -1), HR_INVALID);
  mlx_stream none_found = mlx_stream_new();
  assert_int_equal(hr_stream_find(&none_found, 1 << 30), HR_INVALID);
  assert_int_equal(hr_stream_find(&none_found, -1), HR_INVALID);
  mlx_stream_free(none_found);
  mlx_stream_free(s);
  int threads = hr_threads();
  assert_true(threads >= 1);
  OK(hr_set_threads(threads + 1));
  assert_int_equal(hr_threads(), threads + 1);
  assert_int_equal(hr_set_threads(0), HR_INVALID);
  assert_int_equal(hr_set_threads(1025), HR_INVALID);
  OK(hr_set_threads(threads));
  OK(hr_thread_help(false));
  OK(hr_thread_help(true));
}

static int count_run(void *arg, const hr_call_view *in, size_t in_count, const hr_call_view *out, size_t out_count) {
  (void)in, (void)in_count, (void)out, (void)out_count;
  atomic_fetch_add((_Atomic(int) *)arg, 1);
  return 0;
}

/* R22: past its limit, submitting waits for the work; never when nothing is left to run. */
static void test_limit(void **state) {
  (void)state;
  static const int shape[] = {1000};
  hr_call_output output = {shape, 1, MLX_INT64};
  _Atomic(int) ran = 0;
  mlx_stream s = stream_new();
  OK(hr_stream_set_limit(s, 10000)); /* a result and a quarter */
  for (int i = 0; i < 50; i++) {
    mlx_vector_array v = mlx_vector_array_new();
    OK(hr_stream_call(&v, count_run, &ran, NULL, none, &output, 1, s));
    assert_true(ran >= i); /* at most one is left when the call returns */
    mlx_vector_array_free(v);
  }
  OK(hr_synchronize(s, -1));
  mlx_stream_free(s);
}

static void test_quiesce(void **state) {
  (void)state;
  gate g;
  gate_init(&g);
  mlx_stream s = stream_new(), t = stream_new();
  gate_close(&g, s);
  hr_fence *f = fence_of(s);
  OK(hr_stream_wait(t, f));
  assert_int_equal(hr_quiesce(0), HR_TIMEOUT);
  assert_int_equal(hr_quiesce(1000), HR_TIMEOUT);
  gate_open(&g);
  OK(hr_quiesce(-1));
  assert_true(reached(f));
  hr_fence_release(f);
  mlx_stream_free(s);
  mlx_stream_free(t);
}

int main(void) {
  begin_tests();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_views),
      cmocka_unit_test(test_argument_is_freed_once),
      cmocka_unit_test(test_results_dropped_early),
      cmocka_unit_test(test_waits_inside_tasks),
      cmocka_unit_test(test_streams_wait_for_streams),
      cmocka_unit_test(test_cancel),
      cmocka_unit_test(test_cancelled_work_still_waits),
      cmocka_unit_test(test_freed_stream_finishes),
      cmocka_unit_test(test_scopes),
      cmocka_unit_test(test_thread_ends_inside_scopes),
      cmocka_unit_test(test_properties),
      cmocka_unit_test(test_limit),
      cmocka_unit_test(test_quiesce),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
