/* The kernels that count and move elements below, between and above two bounds, of every dtype that has them, against
 * keys that are made one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cpu/sort_job.h"

enum { MOST = 1500, GUARD = 0x5a, FIRST_PLACE = 7 };

static uint64_t state = 1;
static uint64_t next_random(void) { return (state = state * 6364136223846793005u + 1442695040888963407u) >> 20; }

static char row[MOST * 8], below[MOST * 8 + 64], above[MOST * 8 + 64];
static _Alignas(8) char items[MOST * 8], between[MOST * 8 + 64];

static uint64_t item_at(const char *from, int64_t i, int bytes) {
  uint64_t value = 0;
  memcpy(&value, from + i * bytes, (size_t)bytes);
  return value;
}

/* Few values, NaN and zeros of both signs among them, or all bits. */
static void fill(int64_t n, int bytes, bool few) {
  static const uint64_t values[] = {0, 1, UINT64_MAX, (uint64_t)1 << 63, 0x7fff, 0x8000, 0x7fc00000, 0x80000000, 0x80};
  for (int64_t i = 0; i < n; i++) {
    uint64_t value = next_random() * 0x9e3779b97f4a7c15u;
    if (few) value = values[value % 9];
    memcpy(row + i * bytes, &value, (size_t)bytes);
  }
}

static void guard(char *side, int64_t bytes) { memset(side + bytes, GUARD, 64); }
static void check_guard(const char *side, int64_t bytes) {
  for (int i = 0; i < 64; i++) assert_int_equal(side[bytes + i], GUARD);
}

/* Elements of a side come in their order, as values or as places. */
static void check_side(const hr_sort_format *format, const char *side, int64_t at, int64_t i) {
  char expected[16];
  if (format->places)
    assert_int_equal(item_at(side, at, 4), FIRST_PLACE + i);
  else {
    hr_sort_store(format, expected, format->elem_bytes, items + i * format->item_bytes, 1, NULL, 0);
    assert_memory_equal(side + at * format->elem_bytes, expected, (size_t)format->elem_bytes);
  }
}

static void check_split(const hr_sort_format *format, int64_t n, hr_split_bounds bounds, bool wants_below) {
  const hr_split_kernels *splits = &format->kernels->splits[format->places];
  int64_t out = format->places ? 4 : format->elem_bytes, wide = format->places ? 4 : format->item_bytes;
  hr_split_sides sides, at = {0, 0, 0};
  splits->sides(&sides, row, FIRST_PLACE, n, &bounds);
  guard(below, sides.below * out), guard(above, sides.above * out), guard(between, sides.between * wide);
  splits->split((hr_split_to){wants_below ? below : NULL, between, above, sides}, row, FIRST_PLACE, n, &bounds);
  for (int64_t i = 0; i < n; i++) {
    uint64_t item = item_at(items, i, format->item_bytes);
    if (item < bounds.low) {
      if (wants_below) check_side(format, below, at.below, i);
      at.below++;
    } else if (item > bounds.last) {
      check_side(format, above, at.above++, i);
    } else {
      assert_int_equal(item_at(between, at.between++, (int)wide), format->places ? (uint64_t)(FIRST_PLACE + i) : item);
    }
  }
  assert_memory_equal(&sides, &at, sizeof at);
  check_guard(below, sides.below * out), check_guard(above, sides.above * out);
  check_guard(between, sides.between * wide);
}

static void check_dtype(hr_dtype dtype, bool places) {
  hr_sort_format format;
  hr_sort_format_set(&format, dtype, places);
  if (!format.kernels || !format.kernels->splits[places].split) return;
  for (int64_t n = 1; n <= MOST; n += n < 40 ? 1 : n / 2)
    for (int few = 0; few < 2; few++) {
      fill(n, format.elem_bytes, few);
      hr_sort_load(&format, items, row, format.elem_bytes, FIRST_PLACE, n);
      for (int which = 0; which < 6; which++) {
        uint64_t a = item_at(items, (int64_t)(next_random() % (uint64_t)n), format.item_bytes);
        uint64_t b = item_at(items, (int64_t)(next_random() % (uint64_t)n), format.item_bytes);
        check_split(&format, n, (hr_split_bounds){a < b ? a : b, a < b ? b : a}, which % 2);
      }
    }
}

static void test_split(void **unused) {
  (void)unused;
  for (int dtype = 0; dtype < HR_DTYPE_COUNT; dtype++) {
    check_dtype((hr_dtype)dtype, false);
    check_dtype((hr_dtype)dtype, true);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_split)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
