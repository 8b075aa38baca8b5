/* headrace/array.h, and the status of the newest failure. */
#include "interface.h"

/* 1 + x on the stream. */
static mlx_array next(mlx_array x, mlx_stream s) {
  mlx_array step = mlx_array_new_int(1), out = mlx_array_new();
  assert_int_equal(mlx_add(&out, x, step, s), 0);
  mlx_array_free(step);
  return out;
}

static int value(mlx_array x) {
  int32_t v = -1;
  assert_int_equal(mlx_array_item_int32(&v, x), 0);
  return v;
}

/* Behind a closed gate an evaluation runs out of time, says so without the handler, and can be taken up again. */
static void test_time_runs_out(void **state) {
  (void)state;
  gate g;
  bool there = true;
  gate_init(&g);
  mlx_stream s = stream_new();
  mlx_array zero = mlx_array_new_int(0), x = next(zero, s);
  gate_close(&g, s);
  int before = handled;
  assert_int_equal(hr_arrays_eval(&x, 1, 0), HR_TIMEOUT);
  assert_int_equal(hr_arrays_eval(&x, 1, 1000), HR_TIMEOUT);
  assert_int_equal(handled, before);
  assert_int_equal(_mlx_array_is_available(&there, x), 0);
  assert_false(there);
  gate_open(&g);
  OK(hr_arrays_eval(&x, 1, -1));
  OK(hr_arrays_eval(&x, 1, 0)); /* it is there */
  assert_int_equal(value(x), 1);
  mlx_array_free(zero);
  mlx_array_free(x);
  mlx_stream_free(s);
}

/* More arrays than have room on the stack, over two streams. */
static void test_many(void **state) {
  (void)state;
  enum { N = 100 };
  mlx_stream s[2] = {stream_new(), stream_new()};
  mlx_array all[N + 1] = {mlx_array_new_int(0)};
  for (int i = 0; i < N; i++) all[i + 1] = next(all[i], s[i % 2]);
  OK(hr_arrays_async_eval(all, N / 2));
  OK(hr_arrays_eval(all, N + 1, -1));
  for (int i = 0; i <= N; i++) {
    assert_int_equal(value(all[i]), i);
    mlx_array_free(all[i]);
  }
  OK(hr_arrays_eval(NULL, 0, -1));
  for (int i = 0; i < 2; i++) mlx_stream_free(s[i]);
}

static void test_errors(void **state) {
  (void)state;
  mlx_stream s = stream_new();
  mlx_vector_array failed = call(fail_run, "on purpose", none, s);
  mlx_array arrays[2] = {mlx_array_new_int(1), mlx_array_new()}, out = mlx_array_new();
  assert_int_equal(hr_arrays_eval(arrays, 2, -1), HR_INVALID); /* the second handle is empty */
  assert_non_null(strstr(handled_text, "arrays"));
  assert_int_equal(hr_last_status(), HR_INVALID);
  assert_int_equal(hr_arrays_eval(NULL, 1, -1), HR_INVALID);
  assert_int_equal(hr_arrays_async_eval(NULL, 1), HR_INVALID);
  assert_int_equal(mlx_vector_array_get(&arrays[1], failed, 0), 0);
  assert_int_equal(hr_arrays_eval(arrays, 2, -1), HR_FAILED);
  assert_non_null(strstr(handled_text, "on purpose"));
  assert_int_equal(hr_last_status(), HR_FAILED);
  assert_int_equal(mlx_reshape(&out, arrays[0], &(int){2}, 1, s), 1); /* of an mlx_ call too */
  assert_int_equal(hr_last_status(), HR_INVALID);
  for (int i = 0; i < 2; i++) mlx_array_free(arrays[i]);
  mlx_array_free(out);
  mlx_vector_array_free(failed);
  mlx_stream_free(s);
}

static void test_random_state(void **state) {
  (void)state;
  mlx_array key = {0};
  assert_int_equal(mlx_random_seed(UINT64_C(5) << 32 | 6), 0);
  OK(hr_random_state(&key));
  assert_int_equal(mlx_array_dtype(key), MLX_UINT32);
  assert_int_equal(mlx_array_size(key), 2);
  const uint32_t *words = mlx_array_data_uint32(key);
  assert_int_equal(words[0], 5);
  assert_int_equal(words[1], 6);
  assert_int_equal(hr_random_state(NULL), HR_INVALID);
  mlx_array_free(key);
}

int main(void) {
  begin_tests();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_time_runs_out),
      cmocka_unit_test(test_many),
      cmocka_unit_test(test_errors),
      cmocka_unit_test(test_random_state),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
