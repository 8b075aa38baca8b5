/* The MLX C interface as programs compiled against it see it: layouts, enumerators, and the promises of handles (R28)
 * and of errors (P6) over calls of several families. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include "mlx/c/mlx.h"

/* Programs are compiled with these values and sizes inside. */
static void test_layouts(void **state) {
  (void)state;
  const int dtypes[] = {MLX_BOOL,  MLX_UINT8, MLX_UINT16,  MLX_UINT32,  MLX_UINT64,  MLX_INT8,     MLX_INT16,
                        MLX_INT32, MLX_INT64, MLX_FLOAT16, MLX_FLOAT32, MLX_FLOAT64, MLX_BFLOAT16, MLX_COMPLEX64};
  for (int i = 0; i < 14; i++) assert_int_equal(dtypes[i], i);
  assert_int_equal(MLX_CPU, 0);
  assert_int_equal(MLX_GPU, 1);
  assert_int_equal(MLX_COMPILE_MODE_DISABLED, 0);
  assert_int_equal(MLX_COMPILE_MODE_ENABLED, 3);
  assert_int_equal(MLX_FFT_NORM_BACKWARD, 0);
  assert_int_equal(MLX_FFT_NORM_FORWARD, 2);
  assert_int_equal(sizeof(mlx_array), sizeof(void *));
  assert_int_equal(sizeof(mlx_map_string_to_array_iterator), 2 * sizeof(void *));
  assert_int_equal(offsetof(mlx_map_string_to_array_iterator, map_ctx), sizeof(void *));
  assert_int_equal(sizeof(mlx_optional_int), 8);
  assert_int_equal(offsetof(mlx_optional_float, has_value), 4);
  assert_int_equal(sizeof(mlx_optional_dtype), 8);
  assert_int_equal(sizeof(mlx_io_vtable), 9 * sizeof(void (*)(void)));
  assert_int_equal(offsetof(mlx_io_vtable, write), 6 * sizeof(void (*)(void)));
  assert_int_equal(offsetof(mlx_io_vtable, free), 8 * sizeof(void (*)(void)));
  assert_int_equal(sizeof(float16_t), 2);
  assert_int_equal(sizeof(bfloat16_t), 2);
  assert_int_equal(sizeof(mlx_complex64_t), 8);
}

static int errors;
static char last[1600];
static void note(const char *text, void *data) {
  (void)data;
  errors++;
  strncpy(last, text, sizeof last - 1);
}

static const mlx_stream none = {0};

/* A failing call leaves its result as it was, names itself and what was wrong, and the program goes on. */
static void test_failures_leave_results(void **state) {
  (void)state;
  const float data[6] = {1, 2, 3, 4, 5, 6};
  float value = 0;
  mlx_set_error_handler(note, NULL, NULL);
  mlx_array a = mlx_array_new_data(data, (const int[]){2, 3}, 2, MLX_FLOAT32), out = mlx_array_new(), fresh = {0};
  assert_int_equal(mlx_sum(&out, a, false, none), 0);
  errors = 0;
  assert_int_equal(mlx_reshape(&out, a, (const int[]){4}, 1, none), 1);
  assert_non_null(strstr(last, "mlx_reshape"));
  assert_non_null(strstr(last, "4"));
  assert_int_equal(mlx_transpose_axes(&fresh, a, (const int[]){0, 0}, 2, none), 1);
  assert_int_equal(mlx_sum_axis(&fresh, a, 2, false, none), 1);
  assert_int_equal(errors, 3);
  assert_null(fresh.ctx);
  assert_int_equal(mlx_array_item_float32(&value, out), 0);
  assert_true(value == 21);
  assert_int_equal(errors, 3);
  mlx_array_free(a);
  mlx_array_free(out);
  mlx_set_error_handler(NULL, NULL, NULL);
}

/* The same arrays and streams from many threads; each thread has handles of its own. */
enum { THREADS = 4, ROUNDS = 200 };
typedef struct shared {
  mlx_array array;
  mlx_stream stream;
} shared;

static void *work(void *arg) {
  const shared *s = arg;
  intptr_t bad = 0;
  for (int i = 0; i < ROUNDS; i++) {
    mlx_array own = mlx_array_new(), out = mlx_array_new();
    mlx_stream stream = mlx_stream_new();
    float value = 0;
    bad += mlx_array_set(&own, s->array) != 0;
    bad += mlx_stream_set(&stream, i % 2 ? s->stream : none) != 0;
    bad += mlx_transpose(&own, own, stream) != 0;
    bad += mlx_sum(&out, own, false, stream) != 0;
    bad += mlx_array_item_float32(&value, out) != 0 || value != 21;
    mlx_array_free(own);
    mlx_array_free(out);
    mlx_stream_free(stream);
  }
  return (void *)bad;
}

static void test_shared_by_threads(void **state) {
  (void)state;
  const float data[6] = {1, 2, 3, 4, 5, 6};
  mlx_device cpu = mlx_device_new_type(MLX_CPU, 0);
  mlx_array a = mlx_array_new_data(data, (const int[]){2, 3}, 2, MLX_FLOAT32);
  shared s = {.array = mlx_array_new(), .stream = mlx_stream_new_device(cpu)};
  assert_int_equal(mlx_transpose(&s.array, a, s.stream), 0); /* lazy: the threads compete to evaluate it */
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, work, &s), 0);
  for (int i = 0; i < THREADS; i++) {
    void *bad = NULL;
    pthread_join(threads[i], &bad);
    assert_null(bad);
  }
  mlx_array_free(a);
  mlx_array_free(s.array);
  mlx_stream_free(s.stream);
  mlx_device_free(cpu);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_layouts),
      cmocka_unit_test(test_failures_leave_results),
      cmocka_unit_test(test_shared_by_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
