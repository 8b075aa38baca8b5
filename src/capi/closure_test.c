/* Closures of all kinds. */
#include "capi/test_util.h"

#include "mlx/c/array.h"
#include "mlx/c/closure.h"

static int dropped; /* calls of drop() */
static void drop(void *payload) {
  (void)payload;
  dropped++;
}

static size_t size_of(mlx_vector_array v) { return v.ctx ? mlx_vector_array_size(v) : 999; }

static int twice(mlx_vector_array *out, const mlx_vector_array in) {
  mlx_array first = {0};
  int failed = mlx_vector_array_get(&first, in, 0) != 0 || mlx_vector_array_set_value(out, first) != 0 ||
               mlx_vector_array_append_value(*out, first) != 0;
  mlx_array_free(first);
  return failed;
}
/* Assigns a new handle instead of setting the one given. */
static int assigned(mlx_vector_array *out, const mlx_vector_array in, void *payload) {
  ++*(int *)payload;
  mlx_array first = {0};
  mlx_vector_array_get(&first, in, 0);
  *out = mlx_vector_array_new_value(first);
  mlx_array_free(first);
  return 0;
}
static int lazy(mlx_vector_array *out, const mlx_vector_array in) {
  (void)out, (void)in;
  return 0;
}
static int failing(mlx_vector_array *out, const mlx_vector_array in) {
  (void)in;
  *out = mlx_vector_array_new();
  return 3;
}
static int same(mlx_array *out, const mlx_array in) { return mlx_array_set(out, in); }

static void test_plain(void **state) {
  (void)state;
  int calls = 0;
  mlx_array one = mlx_array_new_int(1);
  mlx_vector_array in = mlx_vector_array_new_value(one), out = mlx_vector_array_new(), alias = out;
  mlx_closure plain = mlx_closure_new_func(twice), copy = mlx_closure_new();
  assert_ok(mlx_closure_apply(&out, plain, in));
  assert_int_equal(size_of(alias), 2);
  assert_fails(mlx_closure_apply(&out, copy, in), "`cls` is an empty handle");

  dropped = 0;
  mlx_closure counting = mlx_closure_new_func_payload(assigned, &calls, drop);
  assert_ok(mlx_closure_set(&copy, counting));
  mlx_closure_free(counting);
  assert_int_equal(dropped, 0);
  assert_ok(mlx_closure_apply(&out, copy, in));
  assert_int_equal(calls, 1);
  assert_int_equal(size_of(alias), 1);
  assert_ok(mlx_closure_set(&copy, plain));
  assert_int_equal(dropped, 1);

  mlx_closure bad = mlx_closure_new_func(failing), none = mlx_closure_new_func(lazy);
  assert_fails(mlx_closure_apply(&out, bad, in), "answering 3");
  assert_fails(mlx_closure_apply(&out, none, in), "left its result empty");
  assert_int_equal(size_of(out), 1);

  mlx_closure unary = mlx_closure_new_unary(same);
  assert_ok(mlx_closure_apply(&out, unary, in));
  assert_int_equal(size_of(out), 1);
  mlx_vector_array_append_value(in, one);
  assert_fails(mlx_closure_apply(&out, unary, in), "a closure of one array was applied to 2");
  assert_fails(mlx_closure_new_func(NULL).ctx == NULL, "`fun` is NULL");

  mlx_closure_free(plain);
  mlx_closure_free(copy);
  mlx_closure_free(bad);
  mlx_closure_free(none);
  mlx_closure_free(unary);
  mlx_array_free(one);
  mlx_vector_array_free(in);
  mlx_vector_array_free(out);
}

static int named(mlx_vector_array *out, const mlx_vector_array in, const mlx_map_string_to_array kwargs) {
  mlx_array x = {0};
  (void)in;
  int failed = mlx_map_string_to_array_get(&x, kwargs, "x") != 0 || mlx_vector_array_set_value(out, x) != 0;
  mlx_array_free(x);
  return failed;
}
static int grads(mlx_vector_array *values, mlx_vector_array *gradients, const mlx_vector_array in, void *payload) {
  (void)payload;
  return mlx_vector_array_set(values, in) != 0 || mlx_vector_array_set(gradients, in) != 0;
}
static int rule(mlx_vector_array *out, const mlx_vector_array a, const mlx_vector_array b, const mlx_vector_array c) {
  (void)a, (void)b;
  return mlx_vector_array_set(out, c);
}
static int tangents(mlx_vector_array *out, const mlx_vector_array a, const mlx_vector_array b, const int *places,
                    size_t count) {
  (void)b;
  return count != 2 || places[1] != 8 || mlx_vector_array_set(out, a) != 0;
}
static int batch(mlx_vector_array *out, mlx_vector_int *axes, const mlx_vector_array in, const int *given, size_t count,
                 void *payload) {
  (void)payload;
  *axes = mlx_vector_int_new_data((int *)given, count);
  return mlx_vector_array_set(out, in);
}

static void test_other_kinds(void **state) {
  (void)state;
  mlx_array one = mlx_array_new_int(1);
  mlx_vector_array in = mlx_vector_array_new_value(one), out = {0}, more = {0};
  mlx_map_string_to_array map = mlx_map_string_to_array_new();
  const int axes[2] = {9, 8};

  mlx_closure_kwargs kwargs = mlx_closure_kwargs_new_func(named);
  assert_int_not_equal(mlx_closure_kwargs_apply(&out, kwargs, in, map), 0);
  mlx_map_string_to_array_insert(map, "x", one);
  assert_ok(mlx_closure_kwargs_apply(&out, kwargs, in, map));
  assert_int_equal(size_of(out), 1);
  mlx_closure_kwargs_free(kwargs);

  dropped = 0;
  mlx_closure_value_and_grad vag = mlx_closure_value_and_grad_new_func_payload(grads, NULL, drop);
  assert_ok(mlx_closure_value_and_grad_apply(&out, &more, vag, in));
  assert_int_equal(size_of(more), 1);
  assert_fails(mlx_closure_value_and_grad_apply(&out, NULL, vag, in), "`res_1` is NULL");
  mlx_closure_value_and_grad_free(vag);
  assert_int_equal(dropped, 1);

  mlx_closure_custom custom = mlx_closure_custom_new_func(rule), custom_copy = mlx_closure_custom_new();
  assert_ok(mlx_closure_custom_set(&custom_copy, custom));
  mlx_closure_custom_free(custom);
  assert_ok(mlx_closure_custom_apply(&out, custom_copy, in, in, in));
  mlx_closure_custom_free(custom_copy);

  mlx_closure_custom_jvp jvp = mlx_closure_custom_jvp_new_func(tangents);
  assert_ok(mlx_closure_custom_jvp_apply(&out, jvp, in, in, axes, 2));
  assert_fails(mlx_closure_custom_jvp_apply(&out, jvp, in, in, axes, 1), "answering 1");
  assert_fails(mlx_closure_custom_jvp_apply(&out, jvp, in, in, NULL, 1), "NULL");
  mlx_closure_custom_jvp_free(jvp);

  mlx_closure_custom_vmap vmap = mlx_closure_custom_vmap_new_func_payload(batch, NULL, NULL);
  mlx_vector_int out_axes = {0};
  int axis = 0;
  assert_ok(mlx_closure_custom_vmap_apply(&out, &out_axes, vmap, in, axes, 2));
  mlx_vector_int alias = out_axes;
  assert_ok(mlx_closure_custom_vmap_apply(&out, &out_axes, vmap, in, axes, 1));
  assert_int_equal(mlx_vector_int_size(alias), 1);
  assert_ok(mlx_vector_int_get(&axis, alias, 0));
  assert_int_equal(axis, 9);
  mlx_closure_custom_vmap_free(vmap);

  mlx_vector_int_free(out_axes);
  mlx_map_string_to_array_free(map);
  mlx_array_free(one);
  mlx_vector_array_free(in);
  mlx_vector_array_free(out);
  mlx_vector_array_free(more);
}

static int attempt(void) {
  int calls = 0, made = 0;
  mlx_array one = mlx_array_new_int(1);
  mlx_vector_array in = {0}, out = {0};
  mlx_closure closure = {0}, copy = {0}, unary = {0};
  int failed = !one.ctx || mlx_vector_array_set_value(&in, one) != 0;
  dropped = 0;
  if (!failed) {
    closure = mlx_closure_new_func_payload(assigned, &calls, drop);
    made = closure.ctx != NULL;
    failed = !made;
  }
  failed = failed || !(unary = mlx_closure_new_unary(same)).ctx;
  failed = failed || mlx_closure_set(&copy, closure) != 0 || mlx_closure_apply(&out, copy, in) != 0;
  failed = failed || mlx_closure_apply(&out, unary, in) != 0;
  mlx_closure_free(closure);
  mlx_closure_free(copy);
  mlx_closure_free(unary);
  assert_int_equal(dropped, made); /* a failed call leaves the payload to the caller */
  mlx_vector_array_free(in);
  mlx_vector_array_free(out);
  mlx_array_free(one);
  return failed;
}

static void test_failing_allocations(void **state) {
  (void)state;
  sweep(attempt);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_plain), cmocka_unit_test(test_other_kinds),
                                     cmocka_unit_test(test_failing_allocations)};
  return cmocka_run_group_tests(tests, group_set_up, NULL);
}
