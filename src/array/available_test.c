/* src/array/available_test.c - the figures of a machine, made up in a folder, and of this one. */
#include "array/available.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];

/* Writes root/path, making its folders. */
static void put(const char *path, const char *text) {
  char full[512];
  snprintf(full, sizeof full, "%s/%s", root, path);
  for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
    *slash = 0;
    mkdir(full, 0700);
  }
  FILE *file = fopen(full, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static int make_root(void **state) {
  (void)state;
  strcpy(root, "/tmp/available-XXXXXX");
  return mkdtemp(root) ? 0 : -1;
}
static int remove_root(void **state) {
  (void)state;
  char command[128];
  snprintf(command, sizeof command, "rm -r %s", root);
  return system(command);
}

static hr_available read_root(void) {
  hr_available a;
  hr_available_read_at(&a, root);
  return a;
}

static const char meminfo[] = "MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:    9000000 kB\n";

static void test_nothing_known(void **state) {
  (void)state;
  hr_available a = read_root();
  assert_true(a.total == SIZE_MAX && a.free == SIZE_MAX && a.own == 0);
}

static void test_machine(void **state) {
  (void)state;
  put("proc/meminfo", meminfo);
  put("proc/self/statm", "5000 3000 1000 20 0 800 0\n");
  put("proc/self/cgroup", "0::/\n");
  hr_available a = read_root();
  assert_true(a.total == (size_t)16000000 * 1024);
  assert_true(a.free == (size_t)9000000 * 1024);
  assert_true(a.own == (size_t)2000 * (size_t)sysconf(_SC_PAGESIZE));
}

/* The group of the process has no limit, the one above it has. */
static void test_version_2(void **state) {
  (void)state;
  put("proc/meminfo", meminfo);
  put("proc/self/cgroup", "0::/outer/inner\n");
  put("sys/fs/cgroup/outer/inner/memory.max", "max\n");
  put("sys/fs/cgroup/outer/memory.max", "4000000000\n");
  put("sys/fs/cgroup/outer/memory.current", "3000000000\n");
  put("sys/fs/cgroup/outer/memory.stat", "anon 1\nfile 2\ninactive_file 500000000\nactive_file 7\n");
  hr_available a = read_root();
  assert_true(a.total == 4000000000u);
  assert_true(a.free == 1500000000u);
  put("sys/fs/cgroup/outer/memory.current", "5000000000\n");
  assert_true(read_root().free == 0);
  put("sys/fs/cgroup/outer/inner/memory.max", "1000000000\n");
  put("sys/fs/cgroup/outer/inner/memory.current", "1\n");
  put("sys/fs/cgroup/outer/memory.current", "0\n");
  a = read_root();
  assert_true(a.total == 1000000000u && a.free == 999999999u);
}

static void test_version_1(void **state) {
  (void)state;
  put("proc/meminfo", meminfo);
  put("proc/self/cgroup", "9:name=systemd:/x\n5:cpu,cpuacct:/y\n4:memory:/job\n0::/\n");
  put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  put("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "2000000000\n");
  put("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "700000000\n");
  put("sys/fs/cgroup/memory/job/memory.stat", "inactive_file 1\ntotal_inactive_file 200000000\n");
  hr_available a = read_root();
  assert_true(a.total == 2000000000u);
  assert_true(a.free == 1500000000u);
}

/* Inside a container the group's own path may not be there; the mount's root is. */
static void test_hidden_group(void **state) {
  (void)state;
  put("proc/meminfo", meminfo);
  put("proc/self/cgroup", "4:memory:/docker/0123456789\n");
  put("sys/fs/cgroup/memory/memory.limit_in_bytes", "2000000000\n");
  put("sys/fs/cgroup/memory/memory.usage_in_bytes", "500000000\n");
  hr_available a = read_root();
  assert_true(a.total == 2000000000u && a.free == 1500000000u);
}

static void test_damaged_files(void **state) {
  (void)state;
  put("proc/meminfo", "MemTotal:\nMemAvailable: -3 kB\n");
  put("proc/self/statm", "x");
  put("proc/self/cgroup", "4:memory\n::\n0:\n:::::\n4:,memory,:relative/\n");
  hr_available a = read_root();
  assert_true(a.total == SIZE_MAX && a.free == SIZE_MAX && a.own == 0);
}

static void test_this_machine(void **state) {
  (void)state;
  hr_available a;
  hr_available_read(&a);
  assert_true(a.free <= a.total);
  assert_true(a.total > 16 << 20);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_nothing_known, make_root, remove_root),
      cmocka_unit_test_setup_teardown(test_machine, make_root, remove_root),
      cmocka_unit_test_setup_teardown(test_version_2, make_root, remove_root),
      cmocka_unit_test_setup_teardown(test_version_1, make_root, remove_root),
      cmocka_unit_test_setup_teardown(test_hidden_group, make_root, remove_root),
      cmocka_unit_test_setup_teardown(test_damaged_files, make_root, remove_root),
      cmocka_unit_test(test_this_machine),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
