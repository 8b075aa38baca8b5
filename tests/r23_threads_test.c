/* R23: defaults belong to threads. And threads, streams and arrays that come and go leave nothing behind: neither
 * memory nor threads, after ten thousand of the first and a million of the last. */
#include <dirent.h>
#include <stdio.h>

#include "world.h"

#include "base/memory.h"

/* --- defaults --- */

static void *default_of_thread(void *arg) {
  hr_stream *s;
  if (hr_stream_default(&s, 0, 0) != HR_OK) return NULL;
  *(uint32_t *)arg = hr_load_acquire(&s->id);
  hr_array *y = apply(&op_light, NULL, NULL, NULL);
  if (y->node->stream != s) return NULL;
  return take_int(y) == 1 ? arg : NULL;
}

static void test_each_thread_has_its_own(void **state) {
  (void)state;
  enum { THREADS = 4 };
  hr_stream *mine, *again;
  uint32_t ids[THREADS + 1];
  assert_int_equal(hr_stream_default(&mine, 0, 0), HR_OK);
  ids[THREADS] = hr_load_acquire(&mine->id);
  for (int i = 0; i < THREADS; i++) {
    pthread_t thread;
    void *ok;
    assert_int_equal(pthread_create(&thread, NULL, default_of_thread, &ids[i]), 0);
    pthread_join(thread, &ok);
    assert_non_null(ok);
    for (int k = 0; k < i; k++) assert_int_not_equal(ids[i], ids[k]);
    assert_int_not_equal(ids[i], ids[THREADS]);
    assert_null(hr_stream_find_id(ids[i])); /* retired with its thread */
  }
  hr_stream *other = stream_new();
  assert_int_equal(hr_stream_default_set(other), HR_OK);
  assert_int_equal(hr_stream_default(&again, 0, 0), HR_OK);
  assert_ptr_equal(again, other);
  assert_int_equal(default_of_thread(&ids[0]) != NULL, 1);
  assert_int_equal(ids[0], hr_load_acquire(&other->id));
  hr_stream_handle_release(other);
}

/* Work that a thread leaves behind is done, though its default stream is gone with it. */
static void *leaves_work(void *arg) {
  hr_array **y = arg;
  *y = chain(constant(0), &op_heavy, 50, (hr_stream *[]){NULL}, 1);
  start(*y);
  return NULL;
}
static void test_work_outlives_its_thread(void **state) {
  (void)state;
  for (int i = 0; i < 50; i++) {
    pthread_t thread;
    hr_array *y;
    assert_int_equal(pthread_create(&thread, NULL, leaves_work, &y), 0);
    pthread_join(thread, NULL);
    assert_int_equal(take_int(y), 50);
  }
}

/* --- nothing grows --- */

static int thread_count(void) {
  int n = 0;
  DIR *dir = opendir("/proc/self/task");
  assert_non_null(dir);
  for (struct dirent *e; (e = readdir(dir));) n += e->d_name[0] != '.';
  closedir(dir);
  return n;
}
static long resident_kib(void) {
  long pages = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  assert_non_null(f);
  assert_int_equal(fscanf(f, "%*s %ld", &pages), 1);
  fclose(f);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

enum { GROWTH_KIB = 4096 }; /* far below what a leak of the smallest object would take over all rounds */

static void *short_life(void *arg) {
  (void)arg;
  hr_stream *s[2] = {stream_new(), NULL};
  hr_array *y = chain(constant(0), &op_light, 4, s, 2);
  if (take_int(y) != 4) abort();
  hr_stream_handle_release(s[0]);
  return NULL;
}

static void threads_come_and_go(int n) {
  for (int i = 0; i < n; i++) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, short_life, NULL), 0);
    pthread_join(thread, NULL);
  }
}

static void test_ten_thousand_threads(void **state) {
  (void)state;
  threads_come_and_go(500);
  long before = resident_kib();
  threads_come_and_go(scaled(10000, 500));
  if (!HR_SANITIZED) assert_true(resident_kib() - before < GROWTH_KIB);
  hr_pool_counts counts;
  hr_pool_counts_get(&counts);
  int own = HR_SANITIZED ? 2 : 1; /* ThreadSanitizer has one of its own */
  /* Those of the pool, this one, the monitor, the callback thread; a thread just joined may still be listed. */
  assert_true(thread_count() <= own + counts.threads + 3);
}

static void arrays_come_and_go(int n) {
  hr_stream *s[2] = {stream_new(), NULL};
  hr_array *kept[64] = {NULL};
  for (int i = 0; i < n; i++) {
    hr_array *a = constant(i), *y = apply(&op_light, a, kept[(i * 7) % 64], s[i % 2]);
    hr_array_release(a);
    if (i % 4 == 0) start(y);
    if (i % 16 == 0) read_int(y);
    hr_array_release(kept[i % 64]);
    kept[i % 64] = i % 64 == 63 ? constant(0) : hr_array_retain(y);
    if (i % 64 == 63)
      for (int k = 0; k < 64; k++) {
        hr_array_release(kept[k]);
        kept[k] = NULL;
      }
    hr_array_release(y);
  }
  for (int k = 0; k < 64; k++) hr_array_release(kept[k]);
  drain(s[0]);
  hr_stream_handle_release(s[0]);
}

static void test_a_million_arrays(void **state) {
  (void)state;
  arrays_come_and_go(100000);
  long before = resident_kib();
  arrays_come_and_go(scaled(1000000, 20000));
  if (!HR_SANITIZED) assert_true(resident_kib() - before < GROWTH_KIB);
}

/* Streams are recycled: their number in the registry is that of those in use at once. */
static void test_streams_are_recycled(void **state) {
  (void)state;
  uint32_t made = 0, after = 0;
  hr_stream_handle_release(stream_new());
  while (hr_stream_at(made)) made++;
  for (int i = 0; i < 10000; i++) {
    hr_stream *s = stream_new();
    hr_array *y = apply(&op_light, NULL, NULL, s);
    if (i % 2) assert_int_equal(read_int(y), 1);
    hr_array_release(y);
    drain(s);
    hr_stream_handle_release(s);
  }
  while (hr_stream_at(after)) after++;
  assert_true(after <= made + 4); /* a few may still be on their way out of a worker's hands */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_each_thread_has_its_own), cmocka_unit_test(test_work_outlives_its_thread),
      cmocka_unit_test(test_ten_thousand_threads),    cmocka_unit_test(test_a_million_arrays),
      cmocka_unit_test(test_streams_are_recycled),
  };
  watchdog();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
