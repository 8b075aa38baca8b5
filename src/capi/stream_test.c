/* Devices, what is known of them, streams, memory, and what this machine lacks. */
#include <pthread.h>

#include "capi/test_util.h"

#include "mlx/c/array.h"
#include "mlx/c/cuda.h"
#include "mlx/c/device.h"
#include "mlx/c/memory.h"
#include "mlx/c/metal.h"
#include "mlx/c/ops.h"
#include "mlx/c/stream.h"

static void assert_text(int failed, mlx_string text, const char *expected) {
  assert_int_equal(failed, 0);
  assert_string_equal(mlx_string_data(text), expected);
}

static void test_devices(void **state) {
  (void)state;
  mlx_device cpu = mlx_device_new_type(MLX_CPU, 0), gpu = mlx_device_new_type(MLX_GPU, 3), got = mlx_device_new();
  mlx_device alias = got;
  mlx_device_type type = MLX_GPU;
  mlx_string text = mlx_string_new();
  int number = -1;
  bool yes = true;
  assert_text(mlx_device_tostring(&text, cpu), text, "Device(cpu, 0)");
  assert_text(mlx_device_tostring(&text, gpu), text, "Device(gpu, 3)");
  assert_fails(mlx_device_tostring(&text, got), "`dev` is an empty handle");
  assert_ok(mlx_device_get_index(&number, gpu));
  assert_int_equal(number, 3);
  assert_ok(mlx_get_default_device(&got));
  assert_true(mlx_device_equal(alias, cpu));
  assert_false(mlx_device_equal(alias, gpu));
  assert_false(mlx_device_equal((mlx_device){0}, gpu));
  assert_ok(mlx_device_set(&got, gpu));
  assert_ok(mlx_device_get_type(&type, alias));
  assert_int_equal(type, MLX_GPU);
  assert_ok(mlx_device_is_available(&yes, gpu));
  assert_false(yes);
  assert_ok(mlx_device_is_available(&yes, cpu));
  assert_true(yes);
  assert_ok(mlx_device_count(&number, MLX_GPU));
  assert_int_equal(number, 0);
  assert_ok(mlx_device_count(&number, MLX_CPU));
  assert_int_equal(number, 1);
  assert_fails(mlx_set_default_device(gpu), "there is no Device(gpu, 3)");
  assert_ok(mlx_set_default_device(cpu));
  assert_fails(mlx_device_new_type((mlx_device_type)2, 0).ctx == NULL, "2 is no type");
  assert_fails(mlx_device_new_type(MLX_CPU, -1).ctx == NULL, "-1 is no index");
  mlx_device_free(cpu);
  mlx_device_free(gpu);
  mlx_device_free(got);
  mlx_string_free(text);
}

static void test_device_info(void **state) {
  (void)state;
  mlx_device cpu = mlx_device_new_type(MLX_CPU, 0), gpu = mlx_device_new_type(MLX_GPU, 0);
  mlx_device_info info = mlx_device_info_new();
  mlx_vector_string keys = {0};
  const char *text = NULL;
  size_t size = 0;
  bool yes = false;
  assert_fails(mlx_device_info_has_key(&yes, info, "cores"), "`info` is an empty handle");
  assert_ok(mlx_device_info_get(&info, cpu));
  assert_ok(mlx_device_info_get_keys(&keys, info));
  assert_int_equal(mlx_vector_string_size(keys), 4);
  for (size_t i = 0; i < 4; i++) {
    char *key = NULL;
    assert_ok(mlx_vector_string_get(&key, keys, i));
    assert_ok(mlx_device_info_has_key(&yes, info, key));
    assert_true(yes);
    assert_ok(mlx_device_info_is_string(&yes, info, key));
    assert_int_equal(mlx_device_info_get_string(&text, info, key) == 0, yes);
    assert_int_equal(mlx_device_info_get_size(&size, info, key) == 0, !yes);
    if (yes)
      assert_true(strlen(text) > 0);
    else
      assert_true(size > 0);
  }
  assert_ok(mlx_device_info_has_key(&yes, info, "colour"));
  assert_false(yes);
  assert_fails(mlx_device_info_is_string(&yes, info, "colour"), "there is no entry \"colour\"");
  assert_fails(mlx_device_info_get_size(&size, info, "architecture"), "is a string");
  assert_fails(mlx_device_info_get(&info, gpu), "there is no Device(gpu, 0)");
  mlx_vector_string_free(keys);
  mlx_device_info_free(info);
  mlx_device_free(cpu);
  mlx_device_free(gpu);
}

static void test_streams(void **state) {
  (void)state;
  mlx_device cpu = mlx_device_new_type(MLX_CPU, 0), gpu = mlx_device_new_type(MLX_GPU, 0), got = mlx_device_new();
  mlx_stream a = mlx_stream_new_device(cpu), b = mlx_stream_new_device(cpu), c = mlx_stream_new(), alias = c;
  mlx_string text = mlx_string_new();
  char expected[64];
  int first = -1, second = -1;
  assert_ok(mlx_stream_get_index(&first, a));
  assert_ok(mlx_stream_get_index(&second, b));
  assert_int_not_equal(first, second);
  snprintf(expected, sizeof expected, "Stream(Device(cpu, 0), %d)", second);
  assert_text(mlx_stream_tostring(&text, b), text, expected);
  assert_ok(mlx_stream_get_device(&got, b));
  assert_true(mlx_device_equal(got, cpu));
  assert_false(mlx_stream_equal(a, b));
  assert_true(mlx_stream_equal(c, (mlx_stream){0}));
  assert_fails(mlx_stream_get_index(&first, c), "empty handle");
  assert_ok(mlx_stream_set(&c, b));
  assert_true(mlx_stream_equal(alias, b));

  mlx_stream normal = mlx_default_cpu_stream_new();
  assert_ok(mlx_set_default_stream(b));
  mlx_stream now = mlx_default_cpu_stream_new();
  assert_true(mlx_stream_equal(now, b));
  assert_ok(mlx_get_default_stream(&now, cpu));
  assert_true(mlx_stream_equal(now, b));
  assert_ok(mlx_set_default_stream(normal));
  assert_fails(mlx_set_default_stream((mlx_stream){0}), "empty handle");
  assert_fails(mlx_get_default_stream(&now, gpu), "there is no Device(gpu, 0)");
  assert_fails(mlx_stream_new_device(gpu).ctx == NULL, "there is no Device(gpu, 0)");
  assert_fails(mlx_default_gpu_stream_new().ctx == NULL, "there is no Device(gpu, 0)");
  assert_ok(mlx_synchronize(a));
  assert_ok(mlx_synchronize((mlx_stream){0}));
  mlx_stream_free(a);
  mlx_stream_free(b);
  mlx_stream_free(c);
  mlx_stream_free(normal);
  mlx_stream_free(now);
  mlx_stream_free((mlx_stream){0});
  mlx_device_free(cpu);
  mlx_device_free(gpu);
  mlx_device_free(got);
  mlx_string_free(text);
}

/* Default streams are the thread's own; a stream made here is used and freed there. */
static void *use_stream(void *arg) {
  mlx_stream *given = arg, own = mlx_default_cpu_stream_new();
  mlx_array a = mlx_array_new_int(4), out = mlx_array_new();
  int value = 0;
  bool differ = !mlx_stream_equal(*given, own);
  int failed = mlx_sum(&out, a, false, *given) || mlx_array_item_int32(&value, out) || mlx_synchronize(*given);
  mlx_array_free(a);
  mlx_array_free(out);
  mlx_stream_free(own);
  mlx_stream_free(*given);
  return failed || value != 4 || !differ ? "failed" : NULL;
}

static void test_threads(void **state) {
  (void)state;
  for (int i = 0; i < 20; i++) {
    mlx_stream stream = mlx_default_cpu_stream_new();
    pthread_t thread;
    void *answer = NULL;
    assert_int_equal(pthread_create(&thread, NULL, use_stream, &stream), 0);
    pthread_join(thread, &answer);
    assert_null(answer);
  }
}

static void test_memory(void **state) {
  (void)state;
  static const int shape[] = {1 << 20};
  size_t before = 0, active = 0, peak = 0, old = 0, limit = 0, cache = 1;
  float *data = hr_alloc_zero(sizeof(float) << 20);
  assert_non_null(data);
  assert_ok(mlx_get_active_memory(&before));
  mlx_array a = mlx_array_new_data(data, shape, 1, MLX_FLOAT32);
  hr_free(data);
  assert_ok(mlx_get_active_memory(&active));
  assert_true(active >= before + ((size_t)4 << 20));
  assert_ok(mlx_get_peak_memory(&peak));
  assert_true(peak + (64 << 10) >= active);
  mlx_array_free(a);
  assert_ok(mlx_get_active_memory(&active));
  assert_int_equal(active, before);
  assert_ok(mlx_clear_cache());
  assert_ok(mlx_get_cache_memory(&cache));
  assert_int_equal(cache, 0);
  assert_ok(mlx_reset_peak_memory());
  assert_ok(mlx_get_memory_limit(&limit));
  assert_ok(mlx_set_memory_limit(&old, limit / 2));
  assert_int_equal(old, limit);
  assert_ok(mlx_set_memory_limit(&old, limit));
  assert_int_equal(old, limit / 2);
  assert_ok(mlx_set_cache_limit(&limit, 0));
  assert_ok(mlx_set_cache_limit(&old, limit));
  assert_int_equal(old, 0);
  assert_ok(mlx_set_wired_limit(&old, 0));
  assert_fails(mlx_set_wired_limit(&old, 1), "wired");
  assert_fails(mlx_get_peak_memory(NULL), "`res` is NULL");
}

static void test_what_is_not_there(void **state) {
  (void)state;
  bool yes = true;
  assert_ok(mlx_metal_is_available(&yes));
  assert_false(yes);
  yes = true;
  assert_ok(mlx_cuda_is_available(&yes));
  assert_false(yes);
  assert_fails(mlx_metal_start_capture("file"), "no Metal device");
  assert_fails(mlx_metal_stop_capture(), "no Metal device");
}

static int attempt(void) {
  mlx_device cpu = mlx_device_new_type(MLX_CPU, 0), copy = {0};
  mlx_stream stream = {0}, other = {0};
  mlx_device_info info = {0};
  mlx_vector_string keys = {0};
  mlx_string text = {0};
  int failed = !cpu.ctx || !(stream = mlx_stream_new_device(cpu)).ctx;
  failed = failed || mlx_device_set(&copy, cpu) != 0 || mlx_stream_set(&other, stream) != 0;
  failed = failed || mlx_stream_tostring(&text, stream) != 0;
  failed = failed || mlx_device_info_get(&info, cpu) != 0 || mlx_device_info_get_keys(&keys, info) != 0;
  mlx_device_free(cpu);
  mlx_device_free(copy);
  mlx_stream_free(stream);
  mlx_stream_free(other);
  mlx_device_info_free(info);
  mlx_vector_string_free(keys);
  mlx_string_free(text);
  return failed;
}

static void test_failing_allocations(void **state) {
  (void)state;
  sweep(attempt);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_devices),
      cmocka_unit_test(test_device_info),
      cmocka_unit_test(test_streams),
      cmocka_unit_test(test_threads),
      cmocka_unit_test(test_memory),
      cmocka_unit_test(test_what_is_not_there),
      cmocka_unit_test(test_failing_allocations),
  };
  return cmocka_run_group_tests(tests, group_set_up, NULL);
}
