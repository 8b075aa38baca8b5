/* Vectors and strings behind handles. */
#include "capi/test_util.h"

#include "mlx/c/array.h"
#include "mlx/c/string.h"
#include "mlx/c/vector.h"
#include "mlx/c/version.h"

static int int_value(mlx_array a) {
  int value = -1;
  assert_ok(mlx_array_item_int32(&value, a));
  return value;
}

static void test_arrays(void **state) {
  (void)state;
  mlx_array one = mlx_array_new_int(1), two = mlx_array_new_int(2), got = mlx_array_new();
  mlx_vector_array v = mlx_vector_array_new(), alias = v;
  assert_int_equal(mlx_vector_array_size(v), 0);
  assert_ok(mlx_vector_array_append_value(v, one));
  const mlx_array both[2] = {one, two};
  assert_ok(mlx_vector_array_append_data(v, both, 2));
  assert_int_equal(mlx_vector_array_size(alias), 3);
  /* a vector holds references: a handle may change or go */
  assert_ok(mlx_array_set_int(&one, 7));
  assert_ok(mlx_vector_array_get(&got, v, 1));
  assert_int_equal(int_value(got), 1);
  assert_ok(mlx_vector_array_get(&got, v, 2));
  assert_int_equal(int_value(got), 2);
  assert_fails(mlx_vector_array_get(&got, v, 3), "index 3 is out of range for a vector of 3 elements");
  assert_int_equal(int_value(got), 2);

  mlx_vector_array copy = {0}; /* a handle without a box gets one */
  assert_ok(mlx_vector_array_set(&copy, v));
  assert_ok(mlx_vector_array_set_value(&v, two));
  assert_int_equal(mlx_vector_array_size(alias), 1); /* the box stays: copies of the handle see the change */
  assert_int_equal(mlx_vector_array_size(copy), 3);
  assert_ok(mlx_vector_array_set(&copy, copy));
  assert_int_equal(mlx_vector_array_size(copy), 3);

  mlx_array nothing = mlx_array_new();
  assert_fails(mlx_vector_array_append_value(v, nothing), "empty");
  const mlx_array partly[2] = {one, nothing};
  assert_fails(mlx_vector_array_append_data(v, partly, 2), "empty");
  assert_int_equal(mlx_vector_array_size(v), 1);
  assert_fails(mlx_vector_array_append_data(v, NULL, 1), "NULL");
  assert_fails(mlx_vector_array_append_data(v, both, SIZE_MAX), "memory");
  assert_ok(mlx_vector_array_append_data(v, NULL, 0));
  error_count = 0;
  assert_int_equal(mlx_vector_array_size((mlx_vector_array){0}), 0);
  assert_int_equal(error_count, 1);

  mlx_array_free(nothing);
  mlx_array_free(one);
  mlx_array_free(two);
  mlx_array_free(got);
  mlx_vector_array_free(v);
  mlx_vector_array_free(copy);
  mlx_vector_array_free((mlx_vector_array){0});
}

static void test_vectors_of_arrays(void **state) {
  (void)state;
  mlx_array one = mlx_array_new_int(1);
  mlx_vector_array v = mlx_vector_array_new_value(one), got = {0};
  mlx_vector_vector_array vv = mlx_vector_vector_array_new_value(v), copy = mlx_vector_vector_array_new();
  assert_ok(mlx_vector_array_append_value(v, one));
  assert_ok(mlx_vector_vector_array_append_value(vv, v));
  assert_int_equal(mlx_vector_vector_array_size(vv), 2);
  assert_ok(mlx_vector_vector_array_get(&got, vv, 0));
  assert_int_equal(mlx_vector_array_size(got), 1);
  assert_ok(mlx_vector_vector_array_get(&got, vv, 1));
  assert_int_equal(mlx_vector_array_size(got), 2);
  assert_ok(mlx_vector_vector_array_set(&copy, vv));
  assert_ok(mlx_vector_vector_array_set_data(&vv, &v, 1));
  assert_int_equal(mlx_vector_vector_array_size(copy), 2);
  assert_int_equal(mlx_vector_vector_array_size(vv), 1);
  assert_fails(mlx_vector_vector_array_get(&got, vv, 1), "index 1");
  mlx_array_free(one);
  mlx_vector_array_free(v);
  mlx_vector_array_free(got);
  mlx_vector_vector_array_free(vv);
  mlx_vector_vector_array_free(copy);
}

static void test_ints_and_texts(void **state) {
  (void)state;
  int data[3] = {5, -6, 7}, value = 0;
  mlx_vector_int ints = mlx_vector_int_new_data(data, 3);
  for (int i = 0; i < 100; i++) assert_ok(mlx_vector_int_append_value(ints, i));
  assert_ok(mlx_vector_int_get(&value, ints, 1));
  assert_int_equal(value, -6);
  assert_ok(mlx_vector_int_get(&value, ints, 102));
  assert_int_equal(value, 99);
  assert_fails(mlx_vector_int_get(NULL, ints, 0), "`res` is NULL");
  mlx_vector_int_free(ints);

  const char *words[2] = {"stream", "50% of it"};
  char *text = NULL;
  mlx_vector_string texts = mlx_vector_string_new_data(words, 2);
  assert_ok(mlx_vector_string_append_value(texts, ""));
  assert_ok(mlx_vector_string_get(&text, texts, 1));
  assert_string_equal(text, "50% of it");
  assert_ptr_not_equal(text, words[1]);
  assert_ok(mlx_vector_string_append_value(texts, text)); /* of its own */
  assert_ok(mlx_vector_string_get(&text, texts, 3));
  assert_string_equal(text, "50% of it");
  const char *broken[2] = {"a", NULL};
  assert_fails(mlx_vector_string_append_data(texts, broken, 2), "NULL");
  assert_int_equal(mlx_vector_string_size(texts), 4);
  mlx_vector_string_free(texts);
}

static void test_strings(void **state) {
  (void)state;
  mlx_string s = mlx_string_new(), alias = s, other = mlx_string_new_data("text"), fresh = {0};
  assert_string_equal(mlx_string_data(s), "");
  assert_ok(mlx_string_set(&s, other));
  assert_string_equal(mlx_string_data(alias), "text");
  assert_ok(mlx_string_set(&s, s));
  assert_string_equal(mlx_string_data(s), "text");
  assert_ok(mlx_version(&fresh));
  assert_string_equal(mlx_string_data(fresh), "0.32.4");
  assert_fails(mlx_string_set(&s, (mlx_string){0}), "empty");
  assert_fails(mlx_string_new_data(NULL).ctx == NULL, "NULL");
  mlx_string_free(s);
  mlx_string_free(other);
  mlx_string_free(fresh);
}

static int attempt_arrays(void) {
  mlx_array one = mlx_array_new_int(1);
  mlx_vector_array v = mlx_vector_array_new();
  int failed = !one.ctx || !v.ctx;
  const mlx_array many[6] = {one, one, one, one, one, one};
  if (!failed && mlx_vector_array_append_data(v, many, 6) != 0) {
    failed = 1;
    assert_int_equal(mlx_vector_array_size(v), 0);
  }
  if (!failed && mlx_vector_array_set_data(&v, many, 5) != 0) {
    failed = 1;
    assert_int_equal(mlx_vector_array_size(v), 6);
  }
  mlx_array got = {0};
  failed = failed || mlx_vector_array_get(&got, v, 0) != 0;
  mlx_vector_vector_array vv = {0};
  if (!failed && mlx_vector_vector_array_set_value(&vv, v) != 0) {
    failed = 1;
    assert_null(vv.ctx);
  }
  if (!failed && mlx_vector_vector_array_append_value(vv, v) != 0) {
    failed = 1;
    assert_int_equal(mlx_vector_vector_array_size(vv), 1);
  }
  mlx_array_free(got);
  mlx_array_free(one);
  mlx_vector_array_free(v);
  mlx_vector_vector_array_free(vv);
  return failed;
}

static int attempt_texts(void) {
  const char *words[3] = {"a", "b", "c"};
  mlx_vector_string texts = mlx_vector_string_new_data(words, 3), copy = {0};
  mlx_string s = mlx_string_new_data("x"), t = {0};
  int failed = !texts.ctx || !s.ctx;
  if (!failed && mlx_vector_string_append_data(texts, words, 3) != 0) {
    failed = 1;
    assert_int_equal(mlx_vector_string_size(texts), 3);
  }
  failed = failed || mlx_vector_string_set(&copy, texts) != 0 || mlx_string_set(&t, s) != 0;
  mlx_string_free(s);
  mlx_string_free(t);
  mlx_vector_string_free(texts);
  mlx_vector_string_free(copy);
  return failed;
}

static void test_failing_allocations(void **state) {
  (void)state;
  sweep(attempt_arrays);
  sweep(attempt_texts);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_arrays),  cmocka_unit_test(test_vectors_of_arrays),   cmocka_unit_test(test_ints_and_texts),
      cmocka_unit_test(test_strings), cmocka_unit_test(test_failing_allocations),
  };
  return cmocka_run_group_tests(tests, group_set_up, NULL);
}
