/* Kernels of the program's own where none can run: descriptions are checked, applying one is an error. */
#include "capi/test_util.h"

#include "mlx/c/array.h"
#include "mlx/c/fast.h"

static void test_metal(void **state) {
  (void)state;
  const char *in[] = {"x"}, *out[] = {"y"};
  const int shape[] = {2, 3}, bad[] = {-1};
  mlx_vector_string inputs = mlx_vector_string_new_data(in, 1), outputs = mlx_vector_string_new_data(out, 1);
  mlx_fast_metal_kernel k = mlx_fast_metal_kernel_new("twice", inputs, outputs, "y[i] = 2 * x[i];", "", true, false);
  mlx_fast_metal_kernel_config c = mlx_fast_metal_kernel_config_new();
  mlx_array one = mlx_array_new_int(1);
  mlx_vector_array arrays = mlx_vector_array_new_value(one), res = mlx_vector_array_new();
  const mlx_stream stream = {0};
  assert_fails(mlx_fast_metal_kernel_apply(&res, k, arrays, c, stream), "\"twice\" has 1 inputs and 1 outputs");
  assert_fails(mlx_fast_metal_kernel_config_add_output_arg(c, bad, 1, MLX_INT8), "-1");
  assert_fails(mlx_fast_metal_kernel_config_add_output_arg(c, shape, 33, MLX_INT8), "33 axes");
  assert_fails(mlx_fast_metal_kernel_config_add_output_arg(c, shape, 2, (mlx_dtype)20), "20 is no dtype");
  assert_ok(mlx_fast_metal_kernel_config_add_output_arg(c, shape, 2, MLX_FLOAT32));
  assert_fails(mlx_fast_metal_kernel_apply(&res, k, arrays, c, stream), "no grid");
  assert_fails(mlx_fast_metal_kernel_config_set_grid(c, 1, 0, 1), "(1, 0, 1)");
  assert_ok(mlx_fast_metal_kernel_config_set_grid(c, 6, 1, 1));
  assert_ok(mlx_fast_metal_kernel_config_set_thread_group(c, 6, 1, 1));
  assert_ok(mlx_fast_metal_kernel_config_set_init_value(c, 0));
  assert_ok(mlx_fast_metal_kernel_config_set_verbose(c, true));
  assert_ok(mlx_fast_metal_kernel_config_add_template_arg_dtype(c, "T", MLX_FLOAT32));
  assert_ok(mlx_fast_metal_kernel_config_add_template_arg_int(c, "N", 4));
  assert_ok(mlx_fast_metal_kernel_config_add_template_arg_bool(c, "B", true));
  assert_fails(mlx_fast_metal_kernel_apply(&res, k, arrays, c, stream),
               "\"twice\" cannot run: there is no Metal device");
  mlx_fast_metal_kernel_free(k);
  mlx_fast_metal_kernel_config_free(c);
  mlx_vector_string_free(inputs);
  mlx_vector_string_free(outputs);
  mlx_array_free(one);
  mlx_vector_array_free(arrays);
  mlx_vector_array_free(res);
}

static int attempt(void) {
  const char *names[] = {"x"};
  const int shape[] = {2};
  const mlx_stream stream = {0};
  mlx_array one = mlx_array_new_int(1);
  mlx_vector_array arrays = {0}, res = {0};
  mlx_vector_string some = mlx_vector_string_new_data(names, 1);
  mlx_fast_cuda_kernel k = {0};
  mlx_fast_cuda_kernel_config c = {0};
  int failed = !some.ctx || !one.ctx || mlx_vector_array_set_value(&arrays, one) != 0;
  failed = failed || !(k = mlx_fast_cuda_kernel_new("k", some, some, "", "", true, 0)).ctx;
  failed = failed || !(c = mlx_fast_cuda_kernel_config_new()).ctx;
  failed = failed || mlx_fast_cuda_kernel_config_add_output_arg(c, shape, 1, MLX_INT8) != 0;
  failed = failed || mlx_fast_cuda_kernel_config_set_grid(c, 1, 1, 1) != 0;
  failed = failed || mlx_fast_cuda_kernel_config_set_thread_group(c, 1, 1, 1) != 0;
  if (!failed) {
    assert_fails(mlx_fast_cuda_kernel_apply(&res, k, arrays, c, stream), "no CUDA device");
    error_count = 0;
  }
  mlx_fast_cuda_kernel_free(k);
  mlx_fast_cuda_kernel_config_free(c);
  mlx_vector_string_free(some);
  mlx_vector_array_free(arrays);
  mlx_array_free(one);
  return failed;
}

static void test_failing_allocations(void **state) {
  (void)state;
  sweep(attempt);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_metal), cmocka_unit_test(test_failing_allocations)};
  return cmocka_run_group_tests(tests, group_set_up, NULL);
}
