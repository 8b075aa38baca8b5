/* Maps behind handles. */
#include "capi/test_util.h"

#include "mlx/c/array.h"
#include "mlx/c/map.h"

static void test_arrays(void **state) {
  (void)state;
  mlx_map_string_to_array map = mlx_map_string_to_array_new(), copy = {0};
  mlx_array value = mlx_array_new(), got = mlx_array_new();
  char key[16];
  for (int i = 0; i < 300; i++) {
    snprintf(key, sizeof key, "key%d", (i * 7) % 300);
    assert_ok(mlx_array_set_int(&value, (i * 7) % 300));
    assert_ok(mlx_map_string_to_array_insert(map, key, value));
  }
  assert_ok(mlx_array_set_int(&value, -1));
  assert_ok(mlx_map_string_to_array_insert(map, "key14", value)); /* replaced, and stays in its place */
  for (int i = 0; i < 300; i++) {
    int number = 0;
    snprintf(key, sizeof key, "key%d", i);
    assert_ok(mlx_map_string_to_array_get(&got, map, key));
    assert_ok(mlx_array_item_int32(&number, got));
    assert_int_equal(number, i == 14 ? -1 : i);
  }
  assert_fails(mlx_map_string_to_array_get(&got, map, "key300"), "there is no key \"key300\"");
  assert_ok(mlx_map_string_to_array_set(&copy, map));

  mlx_map_string_to_array_iterator it = mlx_map_string_to_array_iterator_new(copy);
  const char *at = NULL;
  int count = 0;
  error_count = 0;
  while (mlx_map_string_to_array_iterator_next(&at, &got, it) == 0) {
    snprintf(key, sizeof key, "key%d", (count++ * 7) % 300);
    assert_string_equal(at, key);
  }
  assert_int_equal(count, 300);
  assert_int_equal(mlx_map_string_to_array_iterator_next(&at, &got, it), 2);
  assert_int_equal(error_count, 0); /* the end is no error */
  mlx_map_string_to_array_iterator_free(it);

  mlx_map_string_to_array empty = mlx_map_string_to_array_new();
  assert_ok(mlx_map_string_to_array_set(&copy, empty));
  assert_fails(mlx_map_string_to_array_get(&got, copy, "key1"), "no key");
  mlx_map_string_to_array_free(empty);
  mlx_map_string_to_array_free(map);
  mlx_map_string_to_array_free(copy);
  mlx_array_free(value);
  mlx_array_free(got);
}

static void test_texts(void **state) {
  (void)state;
  mlx_map_string_to_string map = mlx_map_string_to_string_new(), alias = map;
  const char *value = NULL, *key = NULL;
  assert_ok(mlx_map_string_to_string_insert(map, "format", "pt"));
  assert_ok(mlx_map_string_to_string_insert(map, "", ""));
  assert_ok(mlx_map_string_to_string_get(&value, alias, "format"));
  assert_string_equal(value, "pt");
  assert_ok(mlx_map_string_to_string_set(&map, map));
  mlx_map_string_to_string_iterator it = mlx_map_string_to_string_iterator_new(map);
  assert_ok(mlx_map_string_to_string_iterator_next(&key, &value, it));
  assert_string_equal(key, "format");
  assert_ok(mlx_map_string_to_string_iterator_next(&key, &value, it));
  assert_string_equal(key, "");
  assert_int_equal(mlx_map_string_to_string_iterator_next(&key, &value, it), 2);
  assert_fails(mlx_map_string_to_string_insert(map, NULL, "x"), "`key` is NULL");
  assert_fails(mlx_map_string_to_string_insert(map, "x", NULL), "`value` is NULL");
  assert_fails(mlx_map_string_to_string_iterator_next(NULL, &value, it), "NULL");
  mlx_map_string_to_string_iterator_free(it);
  mlx_map_string_to_string_free(map);
}

static int attempt(void) {
  mlx_array one = mlx_array_new_int(1), got = {0};
  mlx_map_string_to_array map = mlx_map_string_to_array_new(), copy = {0};
  mlx_map_string_to_string texts = mlx_map_string_to_string_new();
  mlx_map_string_to_array_iterator it = {0};
  const char *at = NULL;
  int failed = !one.ctx || !map.ctx || !texts.ctx;
  char key[2] = "a";
  for (; !failed && key[0] < 'm'; key[0]++) {
    failed =
        mlx_map_string_to_array_insert(map, key, one) != 0 || mlx_map_string_to_string_insert(texts, key, "value") != 0;
  }
  failed = failed || mlx_map_string_to_array_set(&copy, map) != 0;
  failed = failed || mlx_map_string_to_string_set(&texts, texts) != 0;
  failed = failed || !(it = mlx_map_string_to_array_iterator_new(map)).ctx;
  failed = failed || mlx_map_string_to_array_iterator_next(&at, &got, it) != 0;
  mlx_map_string_to_array_iterator_free(it);
  mlx_map_string_to_array_free(map);
  mlx_map_string_to_array_free(copy);
  mlx_map_string_to_string_free(texts);
  mlx_array_free(one);
  mlx_array_free(got);
  return failed;
}

static void test_failing_allocations(void **state) {
  (void)state;
  sweep(attempt);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_arrays), cmocka_unit_test(test_texts),
                                     cmocka_unit_test(test_failing_allocations)};
  return cmocka_run_group_tests(tests, group_set_up, NULL);
}
