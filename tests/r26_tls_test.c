/* R26: the library's own thread-local storage stays under 256 bytes, so that it can be loaded late and threads may have
 * small stacks. This program links the static library and has none of its own: its segment is the library's. */
#include <link.h>

#include "world.h"

static int find_segment(struct dl_phdr_info *info, size_t size, void *out) {
  (void)size;
  for (int i = 0; i < info->dlpi_phnum; i++)
    if (info->dlpi_phdr[i].p_type == PT_TLS) *(size_t *)out = info->dlpi_phdr[i].p_memsz;
  return 1; /* the first object is the program; the rest is not asked for */
}

static void test_size(void **state) {
  (void)state;
  size_t bytes = 0;
  if (HR_SANITIZED) skip(); /* those link storage of their own */
  assert_int_equal(take_int(apply(&op_light, NULL, NULL, NULL)), 1);
  dl_iterate_phdr(find_segment, &bytes);
  assert_in_range(bytes, sizeof(void *), 256);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_size)};
  watchdog();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
