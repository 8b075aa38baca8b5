/* Views: each result is read element by element through its layout and compared with what the index says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/memory.h"
#include "graph/eval.h"
#include "ops/shape.h"

static hr_array *iota(const int *shape, int ndim) {
  hr_array *a;
  assert_int_equal(hr_array_new_empty(&a, shape, ndim, HR_INT32), HR_OK);
  for (int64_t i = 0; i < a->size; i++) ((int32_t *)hr_array_data(a))[i] = (int32_t)i;
  return a;
}

/* Element at row-major position p, through the strides. */
static int32_t at(hr_array *a, int64_t p) {
  const void *data;
  assert_int_equal(hr_array_read(&data, a), HR_OK);
  int64_t offset = 0;
  for (int i = a->ndim - 1; i >= 0; i--) {
    offset += p % hr_array_shape(a)[i] * hr_array_strides(a)[i];
    p /= hr_array_shape(a)[i];
  }
  return ((const int32_t *)data)[offset];
}

static void expect(hr_array *a, const int *shape, int ndim, const int32_t *values) {
  assert_int_equal(a->ndim, ndim);
  for (int i = 0; i < ndim; i++) assert_int_equal(hr_array_shape(a)[i], shape[i]);
  for (int64_t p = 0; p < a->size; p++) assert_int_equal(at(a, p), values[p]);
}
#define SHAPE(...)            (int[]){__VA_ARGS__}, (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int))
#define EXPECT(a, shape, ...) expect(a, shape, (int32_t[]){__VA_ARGS__})
#define OK(expr)              assert_int_equal(expr, HR_OK)

static void test_reshape_views(void **state) {
  (void)state;
  hr_array *a = iota(SHAPE(2, 6)), *b, *c, *d;
  OK(hr_reshape(&b, a, (int[]){3, -1, 2}, 3, NULL));
  EXPECT(b, SHAPE(3, 2, 2), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
  assert_ptr_equal(b->buffer, a->buffer);
  /* Columns 0, 2, 4: splitting the strided axis is a view, joining it with the rows is not. */
  OK(hr_slice(&c, a, (int[]){0, 0}, 2, (int[]){2, 6}, 2, (int[]){1, 2}, 2, NULL));
  OK(hr_reshape(&d, c, (int[]){2, 1, 3, 1}, 4, NULL));
  EXPECT(d, SHAPE(2, 1, 3, 1), 0, 2, 4, 6, 8, 10);
  assert_ptr_equal(d->buffer, a->buffer);
  hr_array_release(d);
  OK(hr_reshape(&d, c, (int[]){6}, 1, NULL));
  EXPECT(d, SHAPE(6), 0, 2, 4, 6, 8, 10);
  hr_array_release(d);
  /* Rows of 6 taken in twos stand 2 apart: all three can be joined. */
  OK(hr_flatten(&d, b, 1, 2, NULL));
  EXPECT(d, SHAPE(3, 4), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
  assert_ptr_equal(d->buffer, a->buffer);
  hr_array_release(d), hr_array_release(c), hr_array_release(b), hr_array_release(a);
}

static void test_reshape_transposed(void **state) {
  (void)state;
  hr_array *a = iota(SHAPE(2, 3)), *t, *b, *back;
  OK(hr_transpose(&t, a, NULL));
  EXPECT(t, SHAPE(3, 2), 0, 3, 1, 4, 2, 5);
  OK(hr_reshape(&b, t, (int[]){-1}, 1, NULL));
  EXPECT(b, SHAPE(6), 0, 3, 1, 4, 2, 5);
  OK(hr_swapaxes(&back, t, 0, -1, NULL));
  EXPECT(back, SHAPE(2, 3), 0, 1, 2, 3, 4, 5);
  hr_array_release(back), hr_array_release(b), hr_array_release(t), hr_array_release(a);
}

static void test_reshape_errors(void **state) {
  (void)state;
  hr_array *a = iota(SHAPE(2, 3)), *out;
  assert_int_equal(hr_reshape(&out, a, (int[]){4}, 1, NULL), HR_INVALID);
  assert_string_equal(hr_last_error(), "reshape: int32(2,3) does not fit shape (4)");
  assert_int_equal(hr_reshape(&out, a, (int[]){-1, -1}, 2, NULL), HR_INVALID);
  assert_int_equal(hr_reshape(&out, a, (int[]){-1, 0}, 2, NULL), HR_INVALID);
  assert_int_equal(hr_reshape(&out, a, (int[]){-1, 4}, 2, NULL), HR_INVALID);
  assert_int_equal(hr_squeeze_axis(&out, a, 1, NULL), HR_INVALID);
  assert_int_equal(hr_expand_dims_axes(&out, a, (int[]){0, 0}, 2, NULL), HR_INVALID);
  assert_int_equal(hr_transpose_axes(&out, a, (int[]){0, 2}, 2, NULL), HR_INVALID);
  assert_int_equal(hr_reshape(&out, NULL, (int[]){4}, 1, NULL), HR_INVALID);
  assert_null(out);
  hr_array_release(a);
}

static void test_axes_of_one(void **state) {
  (void)state;
  hr_array *a = iota(SHAPE(3)), *b, *c, *scalar = iota(NULL, 0);
  OK(hr_expand_dims_axes(&b, a, (int[]){0, -1}, 2, NULL));
  EXPECT(b, SHAPE(1, 3, 1), 0, 1, 2);
  OK(hr_squeeze(&c, b, NULL));
  EXPECT(c, SHAPE(3), 0, 1, 2);
  hr_array_release(c);
  OK(hr_atleast_3d(&c, a, NULL));
  EXPECT(c, SHAPE(1, 3, 1), 0, 1, 2);
  hr_array_release(c);
  OK(hr_flatten(&c, scalar, 0, -1, NULL));
  EXPECT(c, SHAPE(1), 0);
  hr_array_release(c), hr_array_release(b), hr_array_release(a), hr_array_release(scalar);
}

static void test_moveaxis_broadcast(void **state) {
  (void)state;
  hr_array *a = iota(SHAPE(2, 1, 3)), *b, *c;
  OK(hr_moveaxis(&b, a, 0, -1, NULL));
  EXPECT(b, SHAPE(1, 3, 2), 0, 3, 1, 4, 2, 5);
  OK(hr_broadcast_to(&c, b, (int[]){2, 3, 2}, 3, NULL));
  EXPECT(c, SHAPE(2, 3, 2), 0, 3, 1, 4, 2, 5, 0, 3, 1, 4, 2, 5);
  assert_ptr_equal(c->buffer, a->buffer);
  hr_array *none;
  assert_int_equal(hr_broadcast_to(&none, b, (int[]){3}, 1, NULL), HR_INVALID);
  hr_array_list out, in = {(hr_array *[]){a, b}, 2};
  assert_int_equal(hr_broadcast_arrays(&out, &in, NULL), HR_INVALID);
  in.count = 1;
  OK(hr_broadcast_arrays(&out, &in, NULL));
  assert_ptr_equal(out.items[0], a);
  hr_array_release(out.items[0]), hr_free(out.items);
  hr_array_release(c), hr_array_release(b), hr_array_release(a);
}

/* Every start, stop and step around an axis of 5, against Python's rules written as a walk. */
static void test_slice(void **state) {
  (void)state;
  hr_array *a = iota(SHAPE(5)), *b;
  for (int step = -3; step <= 3; step++)
    for (int start = -7; start <= 7; start++)
      for (int stop = -7; stop <= 7; stop++) {
        if (step == 0) continue;
        OK(hr_slice(&b, a, &start, 1, &stop, 1, &step, 1, NULL));
        int from = start < 0 ? start + 5 : start, to = stop < 0 ? stop + 5 : stop, count = 0;
        if (step > 0 && from < 0) from = 0;
        if (step < 0 && from > 4) from = 4;
        for (int i = from; step > 0 ? i < to && i < 5 : i > to && i >= 0; i += step)
          assert_int_equal(at(b, count++), i);
        assert_int_equal(b->size, count);
        hr_array_release(b);
      }
  assert_int_equal(hr_slice(&b, a, (int[]){0}, 1, (int[]){1}, 1, (int[]){0}, 1, NULL), HR_INVALID);
  assert_int_equal(hr_slice(&b, a, (int[]){0, 0}, 2, (int[]){1}, 1, (int[]){1}, 1, NULL), HR_INVALID);
  hr_array_release(a);
}

static void test_split(void **state) {
  (void)state;
  hr_array *a = iota(SHAPE(2, 6));
  hr_array_list out;
  OK(hr_split(&out, a, 3, -1, NULL));
  assert_int_equal(out.count, 3);
  EXPECT(out.items[1], SHAPE(2, 2), 2, 3, 8, 9);
  for (int i = 0; i < 3; i++) hr_array_release(out.items[i]);
  hr_free(out.items);
  OK(hr_split_sections(&out, a, (int[]){-1, 9}, 2, 1, NULL));
  EXPECT(out.items[0], SHAPE(2, 5), 0, 1, 2, 3, 4, 6, 7, 8, 9, 10);
  EXPECT(out.items[1], SHAPE(2, 1), 5, 11);
  EXPECT(out.items[2], SHAPE(2, 0), 0);
  for (int i = 0; i < 3; i++) hr_array_release(out.items[i]);
  hr_free(out.items);
  assert_int_equal(hr_split(&out, a, 4, 1, NULL), HR_INVALID);
  assert_int_equal(hr_split(&out, a, 0, 1, NULL), HR_INVALID);
  hr_array_release(a);
}

static void test_strided(void **state) {
  (void)state;
  hr_array *a = iota(SHAPE(2, 3)), *t, *b;
  OK(hr_transpose(&t, a, NULL));
  OK(hr_as_strided(&b, t, (int[]){2, 2}, 2, (int64_t[]){1, 2}, 2, 1, NULL));
  EXPECT(b, SHAPE(2, 2), 3, 4, 1, 2);
  hr_array_release(b);
  OK(hr_as_strided(&b, a, (int[]){3}, 1, (int64_t[]){-2}, 1, 5, NULL));
  EXPECT(b, SHAPE(3), 5, 3, 1);
  hr_array_release(b);
  assert_int_equal(hr_as_strided(&b, a, (int[]){7}, 1, (int64_t[]){1}, 1, 0, NULL), HR_INVALID);
  assert_int_equal(hr_as_strided(&b, a, (int[]){2}, 1, (int64_t[]){-1}, 1, 0, NULL), HR_INVALID);
  assert_int_equal(hr_as_strided(&b, a, (int[]){3}, 1, (int64_t[]){INT64_MAX}, 1, 0, NULL), HR_INVALID);
  assert_int_equal(hr_as_strided(&b, a, (int[]){1}, 1, (int64_t[]){1}, 1, SIZE_MAX, NULL), HR_INVALID);
  hr_array_release(t), hr_array_release(a);
}

static void test_diagonal(void **state) {
  (void)state;
  hr_array *a = iota(SHAPE(2, 3, 4)), *b;
  OK(hr_diagonal(&b, a, 1, 1, 2, NULL));
  EXPECT(b, SHAPE(2, 3), 1, 6, 11, 13, 18, 23);
  hr_array_release(b);
  OK(hr_diagonal(&b, a, -1, 2, 0, NULL)); /* a[i, :, i + 1] */
  EXPECT(b, SHAPE(3, 2), 1, 14, 5, 18, 9, 22);
  hr_array_release(b);
  OK(hr_diagonal(&b, a, 9, 0, 1, NULL));
  EXPECT(b, SHAPE(4, 0), 0);
  hr_array_release(b);
  assert_int_equal(hr_diagonal(&b, a, 0, 1, -2, NULL), HR_INVALID);
  hr_array_release(a);
}

static void test_depends(void **state) {
  (void)state;
  hr_array *a = iota(SHAPE(3)), *t = iota(SHAPE(2, 2)), *later;
  OK(hr_transpose(&later, t, NULL));
  hr_array_list out, in = {&a, 1}, deps = {&later, 1};
  OK(hr_depends(&out, &in, &deps));
  EXPECT(out.items[0], SHAPE(3), 0, 1, 2);
  assert_int_equal(hr_array_progress(later), HR_PROGRESS_DONE);
  hr_array_release(out.items[0]), hr_free(out.items);
  hr_array_release(later), hr_array_release(t), hr_array_release(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_reshape_views),
                                     cmocka_unit_test(test_reshape_transposed),
                                     cmocka_unit_test(test_reshape_errors),
                                     cmocka_unit_test(test_axes_of_one),
                                     cmocka_unit_test(test_moveaxis_broadcast),
                                     cmocka_unit_test(test_slice),
                                     cmocka_unit_test(test_split),
                                     cmocka_unit_test(test_strided),
                                     cmocka_unit_test(test_diagonal),
                                     cmocka_unit_test(test_depends)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
