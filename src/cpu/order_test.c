/* The kernels that part, count and sort items, of every instruction set, against plain C; and what is built of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/isa.h"
#include "cpu/order.h"
#include "cpu/radix.h"

HR_ISA_DECLARE(hr_order_kernels, hr_order_u32);
HR_ISA_DECLARE(hr_order_kernels, hr_order_u64);
static const hr_order_kernels *const u32[] = HR_ISA_ROW(hr_order_u32), *const u64[] = HR_ISA_ROW(hr_order_u64);

enum { MOST = 20000, GUARD = 0x5a };

static uint64_t state = 1;
static uint64_t next_random(void) { return (state = state * 6364136223846793005u + 1442695040888963407u) >> 20; }

/* All different, few different, all the greatest, rising, and falling with some of the greatest. */
static uint64_t value_at(int pattern, int64_t i, int bytes) {
  uint64_t r = next_random() * 0x9e3779b97f4a7c15u, greatest = bytes == 4 ? UINT32_MAX : UINT64_MAX;
  uint64_t values[] = {r, r % 5, greatest, (uint64_t)i * 3, i % 3 ? greatest - (uint64_t)i : greatest};
  return values[pattern] & greatest;
}
enum { PATTERNS = 5 };

/* Items of one width as integers. */
typedef struct items {
  int bytes;
  _Alignas(8) char memory[(MOST + 1) * 8];
} items;

static uint64_t get(const items *a, int64_t i) {
  uint64_t value = 0;
  memcpy(&value, a->memory + i * a->bytes, (size_t)a->bytes);
  return value;
}
static void put(items *a, int64_t i, uint64_t value) { memcpy(a->memory + i * a->bytes, &value, (size_t)a->bytes); }
static void guard(items *a, int64_t n) { memset(a->memory + n * a->bytes, GUARD, (size_t)a->bytes); }
static void check_guard(const items *a, int64_t n) {
  for (int i = 0; i < a->bytes; i++) assert_int_equal(a->memory[n * a->bytes + i], GUARD);
}

static int compare(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static items from, low, high;
static uint64_t expected[MOST];

static void fill(int64_t n, int bytes, int pattern) {
  from.bytes = low.bytes = high.bytes = bytes;
  for (int64_t i = 0; i < n; i++) put(&from, i, expected[i] = value_at(pattern, i, bytes));
}

/* in_place: 0 to other memory, 1 the low ones, 2 the high ones stay in the memory of the items. */
static void check_part(const hr_order_kernels *k, int64_t n, uint64_t pivot, int in_place) {
  items *lows = in_place == 1 ? &from : &low, *highs = in_place == 2 ? &from : &high;
  guard(lows, n), guard(highs, n);
  int64_t count = 0, above = 0;
  for (int64_t i = 0; i < n; i++) count += expected[i] < pivot;
  assert_int_equal(k->count(from.memory, n, pivot), count);
  assert_int_equal(k->part(from.memory, n, pivot, lows->memory, highs->memory), count);
  count = 0;
  for (int64_t i = 0; i < n; i++)
    assert_int_equal(expected[i] < pivot ? get(lows, count++) : get(highs, above++), expected[i]);
  check_guard(lows, n), check_guard(highs, n);
}

static void check_sort(const hr_order_kernels *k, int64_t n, bool in_scratch) {
  if (!k->sort) return;
  if (in_scratch) memcpy(high.memory, from.memory, (size_t)(n * from.bytes));
  guard(&from, n), guard(&high, n);
  k->sort(from.memory, high.memory, n, in_scratch);
  qsort(expected, (size_t)n, sizeof *expected, compare);
  for (int64_t i = 0; i < n; i++) assert_int_equal(get(&from, i), expected[i]);
  check_guard(&from, n), check_guard(&high, n);
}

static void check_all(const hr_order_kernels *k, int bytes, int64_t n) {
  for (int pattern = 0; pattern < PATTERNS; pattern++) {
    for (int in_place = 0; in_place < 3; in_place++) {
      fill(n, bytes, pattern);
      check_part(k, n, n ? expected[n / 2] : 0, in_place);
    }
    fill(n, bytes, pattern);
    check_sort(k, n, false);
    fill(n, bytes, pattern);
    check_sort(k, n, true);
  }
}

static void test_kernels(void **unused) {
  (void)unused;
  for (int level = 0; level <= (int)hr_isa_level(); level++)
    for (int64_t n = 0; n <= MOST; n += n < 600 ? 1 : n * 3 / 4) {
      check_all(u32[level], 4, n);
      check_all(u64[level], 8, n);
    }
}

/* The places that a kernel takes its sample from (n / count apart) hold the least of all items, again and again: what
 * quicksort cannot part well. A rule that takes other places makes this an easy case, and it must be sorted too. */
static void test_misleading_samples(void **unused) {
  (void)unused;
  for (int bytes = 4; bytes <= 8; bytes += 4) {
    int64_t left = MOST, small = 1024 / bytes;
    uint64_t next = 1;
    int64_t *places = malloc(sizeof *places * MOST);
    assert_non_null(places);
    fill(MOST, bytes, 2);
    for (int64_t i = 0; i < MOST; i++) places[i] = i;
    while (left > small) {
      int64_t count = left > 32 * small ? small : left > 4 * small ? small / 4 : small / 8, kept = 0;
      uint64_t pivot = next + (uint64_t)count / 2;
      for (int64_t i = 0; i < count; i++) put(&from, places[i * (left / count)], next++);
      for (int64_t i = 0; i < left; i++)
        if (get(&from, places[i]) >= pivot) places[kept++] = places[i];
      left = kept;
    }
    for (int64_t i = 0; i < MOST; i++) expected[i] = get(&from, i);
    check_sort((bytes == 4 ? u32 : u64)[hr_isa_level()], MOST, false);
    free(places);
  }
}

static void test_select(void **unused) {
  (void)unused;
  static const hr_dtype dtypes[] = {HR_UINT32, HR_UINT64};
  for (int which = 0; which < 2; which++)
    for (int pattern = 0; pattern < PATTERNS; pattern++)
      for (int64_t n = 1; n <= MOST; n = n * 5 / 2 + 1)
        for (int64_t kth = 0; kth < n; kth += n / 7 + 1) {
          hr_sort_format format;
          hr_sort_format_set(&format, dtypes[which], false);
          fill(n, format.item_bytes, pattern);
          guard(&from, n), guard(&high, n);
          hr_order_select(&format, from.memory, high.memory, n, kth);
          check_guard(&from, n), check_guard(&high, n);
          uint64_t value = get(&from, kth);
          for (int64_t i = 0; i < n; i++) assert_true(i < kth ? get(&from, i) <= value : get(&from, i) >= value);
          for (int64_t i = 0; i < n; i++) put(&low, i, get(&from, i));
          void *sorted = hr_order_sort(&format, low.memory, high.memory, n);
          qsort(expected, (size_t)n, sizeof *expected, compare);
          memmove(low.memory, sorted, (size_t)(n * low.bytes));
          for (int64_t i = 0; i < n; i++) assert_int_equal(get(&low, i), expected[i]);
        }
}

/* The ranks hold the kth's own rank between them, and end where there is nothing beyond. */
static void test_ranks(void **unused) {
  (void)unused;
  for (int64_t n = 1000; n <= 100000000; n *= 10)
    for (int64_t part = 0; part <= 10; part++) {
      int64_t kth = part < 10 ? n / 10 * part : n - 1;
      hr_order_ranks ranks = hr_order_ranks_of(kth, n, 512);
      assert_true(ranks.low >= -1 && ranks.high <= 512 && ranks.low * n <= kth * 512 && ranks.high * n >= kth * 512);
      assert_true((ranks.low == -1) == (part == 0) && (ranks.high == 512) == (part == 10));
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_kernels),
      cmocka_unit_test(test_misleading_samples),
      cmocka_unit_test(test_select),
      cmocka_unit_test(test_ranks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
