/* Passes and kernels against plain C: every length around a tile, guard bytes, layouts. */
#include "cpu/elementwise.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* after the headers that it needs */
#include <cmocka.h>

#include "cpu/loops.h"

enum { GUARD = 64, MOST = 1100 };

/* A row-major array over memory with guard bytes on both sides. */
static hr_array *guarded(hr_dtype dtype, int n) {
  hr_array *a = NULL;
  hr_layout layout;
  hr_buffer *buffer = NULL;
  size_t bytes = hr_dtype_bytes[dtype];
  assert_int_equal(hr_buffer_new(&buffer, 2 * GUARD + (size_t)n * bytes), HR_OK);
  memset(buffer->data, 0xa5, 2 * GUARD + (size_t)n * bytes);
  assert_int_equal(hr_layout_set(&layout, &n, 1, dtype), HR_OK);
  layout.offset = GUARD / (int64_t)bytes;
  assert_int_equal(hr_array_new_buffer(&a, &layout, buffer), HR_OK);
  hr_buffer_release(buffer);
  return a;
}

static void check_guards(const hr_array *a) {
  const unsigned char *data = hr_array_data(a), *end = data + hr_array_nbytes(a);
  for (int i = 1; i <= GUARD; i++) assert_int_equal(data[-i], 0xa5);
  for (int i = 0; i < GUARD; i++) assert_int_equal(end[i], 0xa5);
}

static void put(hr_array *a, int64_t i, double value) {
  const void *in = &value;
  hr_kernel_cast(HR_FLOAT64, hr_array_dtype(a))((char *)hr_array_data(a) + i * (int64_t)hr_array_itemsize(a), &in, 1,
                                                0);
}
static double get(const hr_array *a, int64_t i) {
  double value;
  const void *in = (char *)hr_array_data(a) + i * (int64_t)hr_array_itemsize(a);
  hr_kernel_cast(hr_array_dtype(a), HR_FLOAT64)(&value, &in, 1, 0);
  return value;
}

/* What the dtype makes of a sum of small numbers. */
static double plain_sum(hr_dtype dtype, double x, double y) {
  if (dtype == HR_BOOL) return x != 0 || y != 0;
  if (dtype == HR_UINT8) return (uint8_t)(x + y);
  if (dtype == HR_INT8) return (int8_t)(uint8_t)(int)(x + y);
  return x + y;
}

static void add_of_every_dtype_and_length(void **state) {
  (void)state;
  static const int lengths[] = {0, 1, 7, 15, 16, 17, 31, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1023, 1025, MOST};
  for (int d = 0; d < HR_DTYPE_COUNT; d++)
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
      for (int scalar = 0; scalar < 3; scalar++) {
        hr_dtype dtype = (hr_dtype)d, compute = hr_dtype_compute(dtype);
        int n = lengths[l], lens[2] = {scalar == 1 ? 1 : n, scalar == 2 ? 1 : n};
        hr_array *in[2], *out = guarded(dtype, n);
        for (int k = 0; k < 2; k++) {
          in[k] = guarded(dtype, lens[k]);
          for (int i = 0; i < lens[k]; i++) put(in[k], i, (i * (k + 3) + 1) % 111);
        }
        hr_pass pass;
        hr_pass_init(&pass, hr_kernel_binary(HR_BINARY_ADD, compute), compute, compute, out, in, 2);
        hr_pass_run(&pass, out, in);
        for (int i = 0; i < n; i++)
          assert_true(get(out, i) ==
                      plain_sum(dtype, get(in[0], lens[0] == 1 ? 0 : i), get(in[1], lens[1] == 1 ? 0 : i)));
        check_guards(out);
        for (int k = 0; k < 2; k++) check_guards(in[k]), hr_array_release(in[k]);
        hr_array_release(out);
      }
}

static void functions_write_only_their_run(void **state) {
  (void)state;
  for (int op = HR_UNARY_MATH; op < HR_UNARY_CONJUGATE; op++)
    for (int d = HR_FLOAT32; d <= HR_FLOAT64; d++)
      for (int n = 0; n < 40; n++) {
        hr_array *in = guarded((hr_dtype)d, n), *out = guarded((hr_dtype)d, n);
        for (int i = 0; i < n; i++) put(in, i, 0.01 * i);
        hr_pass pass;
        hr_pass_init(&pass, hr_kernel_unary((hr_unary)op, (hr_dtype)d), (hr_dtype)d, (hr_dtype)d, out, &in, 1);
        hr_pass_run(&pass, out, &in);
        check_guards(out);
        hr_array_release(in);
        hr_array_release(out);
      }
}

/* The low bits of x by way of int32 or int64, whose smallest value stands for what they cannot hold. */
static uint64_t plain_integer(double x, hr_dtype to) {
  if (to == HR_UINT64 && x >= 0x1p63) return x < 0x1p64 ? (uint64_t)x : 0;
  if (to == HR_UINT32 || to == HR_UINT64 || to == HR_INT64)
    return (uint64_t)(x >= -0x1p63 && x < 0x1p63 ? (int64_t)x : INT64_MIN);
  return (uint64_t)(x > -0x1p31 - 1 && x < 0x1p31 ? (int64_t)x : INT32_MIN);
}

static void floats_that_no_integer_holds(void **state) {
  (void)state;
  static const double values[] = {NAN,     INFINITY, -INFINITY, 0x1p31,  -0x1p31, -0x1.8p31, 0x1p32, 0x1.cp62,
                                  -0x1p63, 0x1p63,   0x1.8p63,  -0x1p64, 0x1p64,  -1.5,      254.9,  0x1.fffffep30};
  static const hr_dtype from[] = {HR_FLOAT16, HR_BFLOAT16, HR_FLOAT32, HR_FLOAT64};
  enum { N = 67, KINDS = sizeof values / sizeof *values };
  for (size_t f = 0; f < sizeof from / sizeof *from; f++)
    for (int to = HR_UINT8; to <= HR_INT64; to++) {
      hr_array *in = guarded(from[f], N), *out = guarded((hr_dtype)to, N);
      for (int i = 0; i < N; i++) put(in, i, values[i % KINDS]);
      hr_kernel_cast(from[f], (hr_dtype)to)(hr_array_data(out), (const void *const[]){hr_array_data(in)}, N, 0);
      for (int i = 0; i < N; i++) {
        uint64_t got = 0, want = plain_integer(get(in, i), (hr_dtype)to);
        size_t bytes = hr_array_itemsize(out);
        memcpy(&got, (char *)hr_array_data(out) + (size_t)i * bytes, bytes);
        if (memcmp(&got, &want, bytes) != 0)
          fail_msg("%s %a to %s gives %llx", hr_dtype_names[from[f]], get(in, i), hr_dtype_names[to],
                   (unsigned long long)got);
      }
      check_guards(out);
      hr_array_release(in);
      hr_array_release(out);
    }
}

/* Ties, subnormals, infinities, and NaN here and there, at every place of a vector. */
static void bfloat16_is_rounded_to_even(void **state) {
  (void)state;
  enum { N = 67 };
  static const uint32_t lower[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff};
  for (uint32_t first = 0; first < 0x10000u; first += N) {
    uint32_t bits[N];
    uint16_t got[N];
    for (uint32_t i = 0; i < N; i++) bits[i] = (first + i) << 16 | lower[(first + i) % 6];
    hr_kernel_cast(HR_FLOAT32, HR_BFLOAT16)(got, (const void *const[]){bits}, N, 0);
    for (int i = 0; i < N; i++) {
      uint32_t low = bits[i] & 0xffffu, high = bits[i] >> 16;
      bool nan = (bits[i] & 0x7fffffffu) > 0x7f800000u, up = low > 0x8000u || (low == 0x8000u && (high & 1u));
      uint32_t want = nan ? high | 0x40u : high + up;
      if (got[i] != want) fail_msg("%08x to bfloat16 gives %04x", bits[i], got[i]);
    }
  }
}

typedef struct visit {
  int count;
  char *first[64];
  int64_t runs[64];
} visit;

static void note(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  visit *v = ctx;
  (void)strides;
  v->first[v->count] = data[0];
  v->runs[v->count++] = count;
}

static void loops_join_axes_and_cut_ranges(void **state) {
  (void)state;
  char memory[256];
  hr_loop loop;
  visit v = {0};
  hr_loop_init(&loop, (int[]){2, 1, 3, 4}, 4);
  hr_loop_add_strided(&loop, memory, (int64_t[]){24, 99, 8, 2}, 1);
  hr_loop_collapse(&loop);
  assert_int_equal(loop.ndim, 1);
  assert_int_equal(loop.shape[0], 24);
  assert_false(hr_loop_is_flat(&loop, 0, 1));
  hr_loop_init(&loop, (int[]){3, 4}, 2);
  hr_loop_add_strided(&loop, memory, (int64_t[]){10, 1}, 1);
  hr_loop_collapse(&loop);
  hr_loop_range(&loop, 2, 9, note, &v);
  assert_int_equal(v.count, 3);
  assert_ptr_equal(v.first[0], memory + 2);
  assert_ptr_equal(v.first[1], memory + 10);
  assert_ptr_equal(v.first[2], memory + 20);
  assert_int_equal(v.runs[0], 2);
  assert_int_equal(v.runs[2], 1);
  assert_ptr_equal(hr_loop_at(&loop, 0, 7), memory + 13);
}

static void sorted_loops_of_dense_operands_are_flat(void **state) {
  (void)state;
  char memory[256];
  hr_loop loop;
  hr_loop_init(&loop, (int[]){2, 3, 1, 4}, 4);
  hr_loop_add_strided(&loop, memory, (int64_t[]){3, 1, 7, 6}, 4);
  hr_loop_sort(&loop, 0);
  hr_loop_collapse(&loop);
  assert_true(hr_loop_is_flat(&loop, 0, 4));
  assert_int_equal(loop.ndim, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(add_of_every_dtype_and_length),  cmocka_unit_test(functions_write_only_their_run),
      cmocka_unit_test(loops_join_axes_and_cut_ranges), cmocka_unit_test(bfloat16_is_rounded_to_even),
      cmocka_unit_test(floats_that_no_integer_holds),   cmocka_unit_test(sorted_loops_of_dense_operands_are_flat),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
