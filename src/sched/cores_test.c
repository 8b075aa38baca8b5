/* Leaving a core. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>

#include "sched/cores.h"

/* The thread may go where it could go before, also when that is nowhere else. */
static void check_leave(int core) {
  cpu_set_t before, after;
  assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
  hr_cores_leave(core);
  assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
  assert_true(CPU_EQUAL(&before, &after));
}

static void test_affinity_stays(void **state) {
  (void)state;
  cpu_set_t all, one;
  assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
  int core = hr_cores_current();
  assert_true(core >= 0 && CPU_ISSET(core, &all));
  check_leave(core);
  check_leave(-1);
  check_leave(CPU_SETSIZE);
  core = hr_cores_current();
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
  check_leave(core);
  assert_int_equal(hr_cores_current(), core);
  assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
}

static void test_moves(void **state) {
  (void)state;
  cpu_set_t all;
  assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
  if (CPU_COUNT(&all) < 2) skip();
  int core, moved = 0;
  for (int i = 0; i < 100 && !moved; i++) { /* the system may bring it back at once */
    core = hr_cores_current();
    hr_cores_leave(core);
    moved = hr_cores_current() != core;
  }
  assert_true(moved);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_affinity_stays), cmocka_unit_test(test_moves)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
