/* headrace/io.h. */
#include "interface.h"

static void test_metadata_keys(void **state) {
  (void)state;
  mlx_io_gguf gguf = mlx_io_gguf_new();
  mlx_vector_string keys = mlx_vector_string_new();
  mlx_array one_array = mlx_array_new_int(1);
  char *key = NULL;
  OK(hr_gguf_metadata_keys(&keys, gguf));
  assert_int_equal(mlx_vector_string_size(keys), 0);
  assert_int_equal(mlx_io_gguf_set_metadata_string(gguf, "text", "t"), 0);
  assert_int_equal(mlx_io_gguf_set_metadata_array(gguf, "array", one_array), 0);
  assert_int_equal(mlx_io_gguf_set_array(gguf, "weight", one_array), 0);
  OK(hr_gguf_metadata_keys(&keys, gguf));
  assert_int_equal(mlx_vector_string_size(keys), 2);
  assert_int_equal(mlx_vector_string_get(&key, keys, 1), 0);
  assert_string_equal(key, "array");
  assert_int_equal(hr_gguf_metadata_keys(&keys, (mlx_io_gguf){NULL}), HR_INVALID);
  assert_non_null(strstr(handled_text, "gguf"));
  assert_int_equal(hr_gguf_metadata_keys(NULL, gguf), HR_INVALID);
  mlx_array_free(one_array);
  mlx_vector_string_free(keys);
  mlx_io_gguf_free(gguf);
}

int main(void) {
  begin_tests();
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_metadata_keys)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
