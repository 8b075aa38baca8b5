#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static int dropped;
static void drop(void *value) {
  dropped++;
  hr_free(value);
}

static void *number(int value) {
  int *n = hr_alloc(sizeof *n);
  assert_non_null(n);
  *n = value;
  return n;
}

static void test_many(void **state) {
  (void)state;
  enum { MANY = 5000 };
  hr_map map;
  char key[16];
  dropped = 0;
  hr_map_init(&map, drop);
  assert_null(hr_map_find(&map, "absent"));
  for (int i = 0; i < MANY; i++) {
    snprintf(key, sizeof key, "%d", i);
    assert_int_equal(hr_map_insert(&map, key, number(i)), HR_OK);
  }
  assert_int_equal(map.count, MANY);
  for (int i = 0; i < MANY; i++) {
    snprintf(key, sizeof key, "%d", i);
    assert_string_equal(map.entries[i].key, key);
    assert_int_equal(*(int *)hr_map_find(&map, key), i);
  }
  assert_null(hr_map_find(&map, "5000"));
  assert_null(hr_map_find(&map, ""));
  assert_int_equal(dropped, 0);
  assert_int_equal(hr_map_insert(&map, "17", number(-17)), HR_OK);
  assert_int_equal(dropped, 1);
  assert_int_equal(map.count, MANY);
  assert_int_equal(*(int *)hr_map_find(&map, "17"), -17);
  hr_map_deinit(&map);
  assert_int_equal(dropped, MANY + 1);
  assert_int_equal(hr_map_insert(&map, "again", number(1)), HR_OK);
  hr_map_deinit(&map);
}

/* On failure the map is as it was and the value the caller's. */
static void test_failing_allocations(void **state) {
  (void)state;
  int failures = 0;
  for (int entries = 0; entries < 20; entries++) {
    for (long n = 1;; n++) {
      hr_map map;
      char key[16] = "";
      dropped = 0;
      hr_map_init(&map, drop);
      for (int i = 0; i < entries; i++) {
        snprintf(key, sizeof key, "%d", i);
        assert_int_equal(hr_map_insert(&map, key, number(i)), HR_OK);
      }
      void *value = number(-1);
      hr_alloc_fail_at(n);
      hr_status status = hr_map_insert(&map, "one more", value);
      hr_alloc_fail_at(0);
      assert_int_equal(map.count, entries + (status == HR_OK));
      assert_int_equal(dropped, 0);
      for (int i = 0; i < entries; i++) assert_int_equal(*(int *)map.entries[i].value, i);
      if (entries) assert_int_equal(*(int *)hr_map_find(&map, key), entries - 1);
      hr_map_deinit(&map);
      if (status == HR_OK) break;
      assert_int_equal(status, HR_OUT_OF_MEMORY);
      hr_free(value);
      failures++;
    }
  }
  assert_true(failures > 20);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_many), cmocka_unit_test(test_failing_allocations)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
