/* Arrays behind handles: making, asking, reading. */
#include <limits.h>
#include <math.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "capi/test_util.h"

#include "mlx/c/array.h"
#include "mlx/c/ops.h"
#include "mlx/c/transforms.h"

static const mlx_stream no_stream = {0};

static mlx_array counted(const int *shape, int dim) {
  float data[64];
  for (int i = 0; i < 64; i++) data[i] = (float)i;
  return mlx_array_new_data(data, shape, dim, MLX_FLOAT32);
}

/* Lazy: the array transposed. */
static mlx_array transposed(mlx_array a) {
  mlx_array out = mlx_array_new();
  assert_ok(mlx_transpose(&out, a, no_stream));
  return out;
}

/* Lazy, and needs work: the sum over the last axis. */
static mlx_array summed(mlx_array a) {
  mlx_array out = mlx_array_new();
  assert_ok(mlx_sum_axis(&out, a, -1, false, no_stream));
  return out;
}

static void test_questions(void **state) {
  (void)state;
  mlx_array a = counted((const int[]){2, 3, 4}, 3), t = transposed(a), scalar = mlx_array_new_float64(2.5);
  assert_int_equal(mlx_array_ndim(a), 3);
  assert_int_equal(mlx_array_size(a), 24);
  assert_int_equal(mlx_array_itemsize(a), 4);
  assert_int_equal(mlx_array_nbytes(a), 96);
  assert_int_equal(mlx_array_dtype(a), MLX_FLOAT32);
  assert_int_equal(mlx_array_shape(t)[0], 4);
  assert_int_equal(mlx_array_strides(a)[0], 12);
  assert_int_equal(mlx_array_strides(t)[2], 12);
  assert_int_equal(mlx_array_dim(a, -1), 4);
  assert_int_equal(mlx_array_dim(a, 1), 3);
  error_count = 0;
  assert_int_equal(mlx_array_dim(a, 3), 0);
  assert_int_equal(mlx_array_dim(a, INT_MIN), 0);
  assert_int_equal(error_count, 2);
  assert_int_equal(mlx_array_ndim(scalar), 0);
  assert_int_equal(mlx_array_size(scalar), 1);
  assert_int_equal(mlx_dtype_size(MLX_COMPLEX64), 8);
  error_count = 0;
  assert_int_equal(mlx_dtype_size((mlx_dtype)14), 0);
  assert_int_equal(mlx_array_size((mlx_array){0}), 0);
  assert_null(mlx_array_shape((mlx_array){0}));
  assert_int_equal(error_count, 3);

  bool yes = false;
  assert_ok(_mlx_array_is_row_contiguous(&yes, a));
  assert_true(yes);
  assert_ok(_mlx_array_is_row_contiguous(&yes, t));
  assert_false(yes);
  assert_ok(_mlx_array_is_col_contiguous(&yes, t));
  assert_true(yes);
  mlx_array swapped = mlx_array_new(), wide = mlx_array_new();
  assert_ok(mlx_swapaxes(&swapped, a, 0, 1, no_stream));
  assert_ok(_mlx_array_is_contiguous(&yes, swapped));
  assert_true(yes);
  assert_ok(_mlx_array_is_row_contiguous(&yes, swapped));
  assert_false(yes);
  assert_ok(mlx_broadcast_to(&wide, scalar, (const int[]){2, 2}, 2, no_stream));
  assert_ok(_mlx_array_is_contiguous(&yes, wide));
  assert_false(yes);
  mlx_array_free(a);
  mlx_array_free(t);
  mlx_array_free(scalar);
  mlx_array_free(swapped);
  mlx_array_free(wide);
}

static void test_boxes(void **state) {
  (void)state;
  mlx_array a = mlx_array_new(), alias = a, b = mlx_array_new_int(5), fresh = {0};
  int value = 0;
  assert_fails(mlx_array_item_int32(&value, a), "empty handle");
  assert_ok(mlx_array_set(&a, b));
  assert_ok(mlx_array_item_int32(&value, alias));
  assert_int_equal(value, 5);
  assert_ok(mlx_array_set(&a, a));
  assert_ok(mlx_array_set_float(&b, 1.5f));
  assert_ok(mlx_array_item_int32(&value, alias));
  assert_int_equal(value, 5);
  assert_ok(mlx_array_set_bool(&fresh, true));
  assert_int_equal(mlx_array_dtype(fresh), MLX_BOOL);
  assert_ok(mlx_sum(&a, a, false, no_stream)); /* the result goes where the operand was */
  assert_ok(mlx_array_item_int32(&value, alias));
  assert_int_equal(value, 5);
  assert_ok(mlx_array_set(&a, (mlx_array){0}));
  assert_fails(mlx_array_item_int32(&value, alias), "empty handle");
  assert_fails(mlx_array_set(NULL, b), "`arr` is NULL");
  assert_ok(mlx_array_free((mlx_array){0}));
  mlx_array_free(a);
  mlx_array_free(b);
  mlx_array_free(fresh);
}

static void refuse(const void *data, const int *shape, int dim, mlx_dtype dtype, const char *part) {
  mlx_array kept = mlx_array_new_int(3);
  int value = 0;
  assert_fails(mlx_array_new_data(data, shape, dim, dtype).ctx == NULL, part);
  assert_fails(mlx_array_set_data(&kept, data, shape, dim, dtype), part);
  assert_ok(mlx_array_item_int32(&value, kept));
  assert_int_equal(value, 3);
  mlx_array_free(kept);
}

static void test_bad_data(void **state) {
  (void)state;
  const int shape[] = {2, 2}, negative[] = {2, -1}, huge[] = {INT_MAX, INT_MAX, INT_MAX}, none[] = {INT_MAX, 0};
  const double data[4] = {0};
  refuse(data, shape, -1, MLX_FLOAT32, "-1 axes");
  refuse(data, shape, 33, MLX_FLOAT32, "33 axes");
  refuse(data, NULL, 1, MLX_FLOAT32, "`shape` is NULL");
  refuse(NULL, shape, 2, MLX_FLOAT32, "`data` is NULL");
  refuse(data, shape, 2, (mlx_dtype)14, "14 is no dtype");
  refuse(data, shape, 2, (mlx_dtype)-1, "-1 is no dtype");
  refuse(data, negative, 2, MLX_FLOAT32, "-1");
  refuse(data, huge, 3, MLX_FLOAT64, "2147483647");
  mlx_array empty = mlx_array_new_data(NULL, none, 2, MLX_INT8);
  assert_int_equal(mlx_array_size(empty), 0);
  assert_int_equal(mlx_array_dim(empty, 0), INT_MAX);
  assert_non_null(mlx_array_data_int8(empty));
  mlx_array_free(empty);
}

/* When a task dropped the last reference, on a thread of the library's own (R18): wait_dropped() waits for it. */
static atomic_int dropped;
static void *dropped_payload;
static sem_t drop_gate;
static void drop(void *payload) {
  dropped_payload = payload;
  atomic_fetch_add(&dropped, 1);
  sem_post(&drop_gate);
}
static void wait_dropped(void) {
  while (sem_wait(&drop_gate) != 0) continue;
}

static void test_managed(void **state) {
  (void)state;
  static float data[6] = {1, 2, 3, 4, 5, 6};
  const int shape[] = {2, 3};
  int payload = 0;
  float value = 0;
  dropped = 0;
  assert_int_equal(sem_init(&drop_gate, 0, 0), 0);
  mlx_array a = mlx_array_new_data_managed(data, shape, 2, MLX_FLOAT32, drop);
  assert_ptr_equal(mlx_array_data_float32(a), data);
  mlx_array t = transposed(a), total = mlx_array_new();
  assert_ok(mlx_sum(&total, t, false, no_stream));
  mlx_array_free(a);
  mlx_array_free(t);
  assert_int_equal(dropped, 0);
  assert_ok(mlx_array_item_float32(&value, total));
  assert_float_equal(value, 21, 0);
  wait_dropped();
  assert_int_equal(dropped, 1);
  assert_ptr_equal(dropped_payload, data);
  mlx_array b = mlx_array_new_data_managed_payload(data, shape, 2, MLX_FLOAT32, &payload, drop);
  mlx_array_free(b);
  assert_int_equal(dropped, 2);
  assert_ptr_equal(dropped_payload, &payload);
  mlx_array c = mlx_array_new_data_managed(data, shape, 2, MLX_FLOAT32, NULL);
  mlx_array_free(c);
  assert_fails(mlx_array_new_data_managed(data, shape, 2, (mlx_dtype)77, drop).ctx == NULL, "77");
  assert_fails(mlx_array_new_data_managed(NULL, shape, 2, MLX_INT8, drop).ctx == NULL, "`data`");
  assert_int_equal(dropped, 2);
  mlx_array_free(total);
}

static void test_items(void **state) {
  (void)state;
  const float complex_data[2] = {1.75f, -2};
  const uint64_t big = UINT64_MAX;
  const int8_t small = -3;
  mlx_array f = mlx_array_new_float(-2.75f), z = mlx_array_new_data(complex_data, NULL, 0, MLX_COMPLEX64);
  mlx_array u = mlx_array_new_data(&big, (const int[]){1, 1}, 2, MLX_UINT64);
  mlx_array i = mlx_array_new_data(&small, NULL, 0, MLX_INT8), nan_array = mlx_array_new_double(NAN);
  int8_t i8;
  uint8_t u8;
  int64_t i64;
  uint64_t u64;
  float f32;
  double f64;
  bool b;
  float parts[2];
  uint16_t half;
  assert_ok(mlx_array_item_float64(&f64, f));
  assert_true(f64 == -2.75);
  assert_ok(mlx_array_item_int8(&i8, f));
  assert_int_equal(i8, -2);
  assert_ok(mlx_array_item_bool(&b, f));
  assert_true(b);
  assert_ok(mlx_array_item_float16((float16_t *)&half, f));
  assert_int_equal(half, 0xc180);
  assert_ok(mlx_array_item_bfloat16((bfloat16_t *)&half, f));
  assert_int_equal(half, 0xc030);
  assert_ok(mlx_array_item_float32(&f32, z));
  assert_true(f32 == 1.75f);
  assert_ok(mlx_array_item_complex64((mlx_complex64_t *)parts, z));
  assert_true(parts[0] == 1.75f && parts[1] == -2);
  assert_ok(mlx_array_item_complex64((mlx_complex64_t *)parts, i));
  assert_true(parts[0] == -3 && parts[1] == 0);
  assert_ok(mlx_array_item_uint64(&u64, u));
  assert_true(u64 == UINT64_MAX);
  assert_ok(mlx_array_item_float32(&f32, u));
  assert_true(f32 == 0x1p64f);
  assert_ok(mlx_array_item_uint8(&u8, i));
  assert_int_equal(u8, 253);
  assert_ok(mlx_array_item_int64(&i64, nan_array));
  assert_true(i64 == INT64_MIN);
  assert_ok(mlx_array_item_bool(&b, nan_array));
  assert_true(b);
  mlx_array many = counted((const int[]){2}, 1);
  assert_fails(mlx_array_item_float32(&f32, many), "float32(2) has 2 elements");
  assert_fails(mlx_array_item_float32(NULL, f), "`res` is NULL");
  mlx_array_free(f);
  mlx_array_free(z);
  mlx_array_free(u);
  mlx_array_free(i);
  mlx_array_free(nan_array);
  mlx_array_free(many);
}

static void test_data_and_state(void **state) {
  (void)state;
  mlx_array a = counted((const int[]){4, 8}, 2), s = summed(a), lazy = summed(a);
  bool yes = true;
  assert_ok(_mlx_array_is_available(&yes, lazy));
  assert_false(yes);
  error_count = 0;
  assert_null(mlx_array_data_float32(lazy));
  assert_int_equal(error_count, 1);
  assert_non_null(strstr(error_text, "evaluated"));
  assert_fails(_mlx_array_wait(lazy), "evaluated");
  mlx_vector_array outputs = mlx_vector_array_new_value(s);
  assert_ok(mlx_async_eval(outputs));
  const float *sums = mlx_array_data_float32(s); /* waits for what is queued */
  assert_non_null(sums);
  assert_true(sums[0] == 28 && sums[3] == 28 + 3 * 64);
  assert_ok(_mlx_array_wait(s));
  assert_ok(_mlx_array_is_available(&yes, s));
  assert_true(yes);
  assert_ok(mlx_vector_array_set_value(&outputs, lazy));
  assert_ok(mlx_eval(outputs));
  assert_true(mlx_array_data_float32(lazy)[1] == 28 + 64);
  assert_int_equal(mlx_array_data_uint8(a)[4 * 1 + 3], 0x3f); /* the bytes of any array; 1.0f */
  mlx_array t = transposed(a);
  assert_ok(mlx_array_eval(t));
  assert_true(mlx_array_data_float32(t)[mlx_array_strides(t)[0]] == 1);
  assert_ok(mlx_vector_array_set_data(&outputs, NULL, 0));
  assert_ok(mlx_eval(outputs));
  assert_ok(mlx_async_eval(outputs));
  assert_fails(mlx_eval((mlx_vector_array){0}), "`outputs`");
  mlx_vector_array_free(outputs);
  mlx_array_free(a);
  mlx_array_free(s);
  mlx_array_free(lazy);
  mlx_array_free(t);
}

static void test_text(void **state) {
  (void)state;
  mlx_array a = counted((const int[]){2, 3}, 2), t = transposed(a);
  mlx_string text = {0};
  assert_ok(mlx_array_tostring(&text, t));
  assert_string_equal(mlx_string_data(text), "array([[0, 3],\n       [1, 4],\n       [2, 5]], dtype=float32)");
  assert_fails(mlx_array_tostring(NULL, t), "`str` is NULL");
  mlx_string_free(text);
  mlx_array_free(a);
  mlx_array_free(t);
}

static int attempt(void) {
  static float data[8];
  mlx_array a = counted((const int[]){2, 2, 2, 2, 2}, 5), t = mlx_array_new(), m = {0}, c = {0};
  mlx_string text = {0};
  float value;
  int made = 0;
  dropped = 0;
  int failed = !a.ctx || !t.ctx || mlx_transpose(&t, a, no_stream) != 0;
  failed = failed || mlx_sum(&t, t, false, no_stream) != 0;
  failed = failed || mlx_array_item_float32(&value, t) != 0;
  failed = failed || mlx_array_tostring(&text, a) != 0;
  failed = failed || mlx_array_set_data(&c, data, (const int[]){8}, 1, MLX_FLOAT32) != 0;
  failed = failed || mlx_array_set_complex(&c, 1, 2) != 0;
  if (!failed) {
    m = mlx_array_new_data_managed(data, (const int[]){8}, 1, MLX_FLOAT32, drop);
    made = m.ctx != NULL;
    failed = !made;
  }
  mlx_array_free(m);
  assert_int_equal(dropped, made);
  mlx_array_free(a);
  mlx_array_free(t);
  mlx_array_free(c);
  mlx_string_free(text);
  return failed;
}

static void test_failing_allocations(void **state) {
  (void)state;
  assert_int_equal(attempt(), 0); /* what is made once in a process, such as workers, is there */
  sweep(attempt);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_questions), cmocka_unit_test(test_boxes),
      cmocka_unit_test(test_bad_data),  cmocka_unit_test(test_managed),
      cmocka_unit_test(test_items),     cmocka_unit_test(test_data_and_state),
      cmocka_unit_test(test_text),      cmocka_unit_test(test_failing_allocations),
  };
  return cmocka_run_group_tests(tests, group_set_up, NULL);
}
