/* Archives whose sizes and places are written as ZIP64, which they are from 4 GiB on; and checksums. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/zip.h"

enum { ENTRIES = 5, LONGEST = 1000 };

static char path[64];

static size_t length_of(int i) { return (size_t)i * LONGEST / (ENTRIES - 1); }

static void fill(char *data, int i) {
  for (size_t k = 0; k < length_of(i); k++) data[k] = (char)(k / 7 * (size_t)(i + 1));
}

static hr_status write_zip(hr_sink *sink, void *arg) {
  hr_zip_writer zip = {.sink = sink, .limit = *(const uint64_t *)arg};
  hr_status status = HR_OK;
  for (int i = 0; i < ENTRIES && status == HR_OK; i++) {
    char data[LONGEST], name[] = {'n', (char)('0' + i), 0};
    fill(data, i);
    hr_zip_part parts[] = {{data, length_of(i) / 3}, {data + length_of(i) / 3, length_of(i) - length_of(i) / 3}};
    status = hr_zip_add(&zip, name, parts, 2, i % 2);
  }
  if (status == HR_OK) status = hr_zip_finish(&zip);
  hr_text_deinit(&zip.directory);
  return status;
}

static hr_status read_zip(hr_source *source, void *arg) {
  hr_zip zip;
  (void)arg;
  hr_status status = hr_zip_list(&zip, source);
  assert_int_equal(status, HR_OK);
  assert_int_equal(zip.count, ENTRIES);
  for (int i = 0; i < ENTRIES; i++) {
    char got[LONGEST], want[LONGEST], name[] = {'n', (char)('0' + i), 0};
    hr_source *entry;
    fill(want, i);
    assert_string_equal(zip.entries[i].name, name);
    assert_int_equal(zip.entries[i].size, length_of(i));
    assert_int_equal(zip.entries[i].method, i % 2 ? 8 : 0);
    assert_int_equal(hr_zip_open(&entry, source, &zip.entries[i]), HR_OK);
    for (size_t from = 0; from <= length_of(i); from += 100) {
      assert_int_equal(hr_source_read(entry, got, length_of(i) - from, from, "it"), HR_OK);
      assert_memory_equal(got, want + from, length_of(i) - from);
    }
    hr_source_release(entry);
  }
  hr_zip_deinit(&zip);
  return status;
}

/* From which size on numbers are wide: some, all and none of them. */
static void test_limits(void **state) {
  static const uint64_t limits[] = {0, 1, 100, 600, 0xFFFFFFFF};
  (void)state;
  snprintf(path, sizeof path, "/tmp/headrace-zip-test-%d.zip", (int)getpid());
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    uint64_t limit = limits[i];
    assert_int_equal(hr_sink_with_path(path, ".zip", write_zip, &limit), HR_OK);
    assert_int_equal(hr_source_with_path(path, read_zip, NULL), HR_OK);
  }
  unlink(path);
}

/* The check value of the CRC's catalogue, in pieces too, and of memory in many pieces. */
static void test_crc(void **state) {
  (void)state;
  enum { MANY = 70 << 20 };
  assert_int_equal(hr_crc32(0, "123456789", 9), 0xCBF43926);
  assert_int_equal(hr_crc32(hr_crc32(0, "1234", 4), "56789", 5), 0xCBF43926);
  assert_int_equal(hr_crc32(7, NULL, 0), 7);
  char *zeros = hr_alloc_zero(MANY);
  assert_non_null(zeros);
  zeros[MANY - 1] = 1;
  uint32_t crc = 0;
  for (size_t at = 0; at < MANY / 1000 * 1000; at += MANY / 1000) crc = hr_crc32(crc, zeros + at, MANY / 1000);
  assert_int_equal(hr_crc32(0, zeros, MANY / 1000 * 1000), crc);
  hr_free(zeros);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_limits), cmocka_unit_test(test_crc)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
