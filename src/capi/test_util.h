/* src/capi/test_util.h - for the tests of this room: an error handler that counts, and the sweep over failing
 * allocations. Included once a test program. */
#ifndef HR_CAPI_TEST_UTIL_H
#define HR_CAPI_TEST_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "mlx/c/error.h"

static int error_count;
static char error_text[2048];

static void count_error(const char *text, void *data) {
  (void)data;
  error_count++;
  snprintf(error_text, sizeof error_text, "%s", text);
}

static inline int group_set_up(void **state) {
  (void)state;
  mlx_set_error_handler(count_error, NULL, NULL);
  return 0;
}

/* The call failed, reported once, and the report has `part` in it. */
#define assert_fails(call, part)                                          \
  do {                                                                    \
    error_count = 0;                                                      \
    error_text[0] = 0;                                                    \
    assert_int_not_equal(call, 0);                                        \
    assert_int_equal(error_count, 1);                                     \
    if (!strstr(error_text, part)) assert_string_equal(error_text, part); \
  } while (0)

#define assert_ok(call)               \
  do {                                \
    error_count = 0;                  \
    assert_int_equal(call, 0);        \
    assert_int_equal(error_count, 0); \
  } while (0)

/* Fails allocation 1, 2, ... of attempt() until it succeeds; attempt() answers 0 for success, checks that a failure
 * left everything as it was, and frees what it made. Each failure is reported. */
static inline void sweep(int (*attempt)(void)) {
  long n = 1;
  int failed = 1;
  for (; failed && n < 500; n++) {
    error_count = 0;
    hr_alloc_fail_at(n);
    failed = attempt();
    hr_alloc_fail_at(0);
    assert_int_equal(error_count > 0, failed != 0);
  }
  assert_int_equal(failed, 0);
  assert_true(n > 2); /* else nothing was allocated and the sweep proved nothing */
}

#endif
