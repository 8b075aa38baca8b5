/* src/base/version_test.c - the library and the file VERSION agree. Runs in the root of the sources. */
#include "headrace/version.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_version_is_that_of_the_file(void **state) {
  (void)state;
  char line[64] = "";
  FILE *file = fopen("VERSION", "r");
  assert_non_null(file);
  assert_non_null(fgets(line, sizeof line, file));
  fclose(file);
  line[strcspn(line, "\n")] = '\0';
  assert_string_equal(hr_version(), line);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_version_is_that_of_the_file)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
