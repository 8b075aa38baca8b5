/* src/base/error_test.c - texts of threads, and errors as objects. */
#include "base/error.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

static void *read_text(void *arg) {
  strcpy(arg, hr_last_error());
  return NULL;
}

static void test_text_is_per_thread(void **state) {
  (void)state;
  char seen[64] = "unset";
  assert_int_equal(hr_fail(HR_INVALID, "take: axis %d", 3), HR_INVALID);
  assert_string_equal(hr_last_error(), "take: axis 3");
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, read_text, seen), 0);
  pthread_join(thread, NULL);
  assert_string_equal(seen, "");
  assert_string_equal(hr_last_error(), "take: axis 3");
}

static void test_prefix(void **state) {
  (void)state;
  (void)hr_fail(HR_IO, "no such file");
  assert_int_equal(hr_fail_prefix(HR_IO, "load %s: ", "a.npy"), HR_IO);
  assert_string_equal(hr_last_error(), "load a.npy: no such file");
  /* the text itself may be an argument */
  (void)hr_fail(HR_IO, "%s (%s)", hr_last_error(), hr_last_error());
  assert_string_equal(hr_last_error(), "load a.npy: no such file (load a.npy: no such file)");
}

static void test_long_texts_are_cut(void **state) {
  (void)state;
  char text[3000];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = 0;
  (void)hr_fail(HR_FAILED, "%s", text);
  assert_int_equal(strlen(hr_last_error()), 1023);
  (void)hr_fail_prefix(HR_FAILED, "ab: ");
  assert_int_equal(strlen(hr_last_error()), 1023);
  assert_memory_equal(hr_last_error(), "ab: xxx", 7);
  (void)hr_fail_prefix(HR_FAILED, "%s", text);
  assert_int_equal(strlen(hr_last_error()), 1023);
}

static void test_objects(void **state) {
  (void)state;
  (void)hr_fail(HR_TIMEOUT, "first");
  hr_error *error = hr_error_new(HR_TIMEOUT);
  (void)hr_fail(HR_IO, "second");
  assert_int_equal(hr_error_status(error), HR_TIMEOUT);
  assert_string_equal(hr_error_text(error), "first");
  assert_ptr_equal(hr_error_retain(error), error);
  hr_error_release(error);
  assert_int_equal(hr_error_raise(error), HR_TIMEOUT);
  assert_string_equal(hr_last_error(), "first");
  hr_error_release(error);
  hr_error_release(NULL);
}

static void test_without_memory(void **state) {
  (void)state;
  (void)hr_fail(HR_OUT_OF_MEMORY, "text");
  hr_alloc_fail_at(1);
  hr_error *error = hr_error_new(HR_OUT_OF_MEMORY);
  assert_string_equal(hr_error_text(error), "out of memory");
  for (int i = 0; i < 3; i++) hr_error_release(hr_error_retain(error));
  assert_int_equal(hr_error_status(error), HR_OUT_OF_MEMORY);
}

/* A thread whose block cannot be had says the status's name. */
static void *fail_without_block(void *arg) {
  hr_alloc_fail_at(1);
  (void)hr_fail(HR_DEADLOCK, "lost");
  strcpy(arg, hr_last_error());
  (void)hr_fail(HR_DEADLOCK, "kept");
  strcat(arg, hr_last_error());
  return NULL;
}

/* Destructors of thread-local data run in rounds: this one fails in each of three, the library's own in between. */
static pthread_key_t late_key;
static int rounds;
static void late(void *arg) {
  (void)hr_fail(HR_IO, "round %d", rounds);
  strcat(arg, hr_last_error());
  if (++rounds < 3) pthread_setspecific(late_key, arg);
}
static void *fail_late(void *arg) {
  pthread_setspecific(late_key, arg);
  (void)hr_fail(HR_IO, "early");
  return NULL;
}

/* ThreadSanitizer of Clang 14 ends the process when its functions are called in the last destructors of a thread. */
#if defined(__clang__) && defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NO_LATE_DESTRUCTORS 1
#endif
#endif
#ifndef NO_LATE_DESTRUCTORS
#define NO_LATE_DESTRUCTORS 0
#endif

static void test_thread_edges(void **state) {
  (void)state;
  if (NO_LATE_DESTRUCTORS) skip();
  char text[128];
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, fail_without_block, text), 0);
  pthread_join(thread, NULL);
  assert_string_equal(text, "would never endkept");
  text[0] = 0;
  assert_int_equal(pthread_key_create(&late_key, late), 0);
  assert_int_equal(pthread_create(&thread, NULL, fail_late, text), 0);
  pthread_join(thread, NULL);
  assert_string_equal(text, "round 0round 1round 2");
}

static void test_names(void **state) {
  (void)state;
  for (int i = 0; i < HR_STATUS_COUNT; i++) {
    assert_true(strlen(hr_status_name((hr_status)i)) > 0);
    for (int k = 0; k < i; k++) assert_string_not_equal(hr_status_name((hr_status)i), hr_status_name((hr_status)k));
  }
  assert_string_equal(hr_status_name((hr_status)-1), "unknown status");
  assert_string_equal(hr_status_name(HR_STATUS_COUNT), "unknown status");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_text_is_per_thread),
      cmocka_unit_test(test_prefix),
      cmocka_unit_test(test_long_texts_are_cut),
      cmocka_unit_test(test_objects),
      cmocka_unit_test(test_without_memory),
      cmocka_unit_test(test_thread_edges),
      cmocka_unit_test(test_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
