/* src/array/buffer_test.c - inline, host and wrapped buffers; whose thread runs a program's destructor (R18). */
#include "array/buffer.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "array/host_memory.h"
#include "base/memory.h"
#include "sched/thread.h"

static void test_sizes(void **state) {
  (void)state;
  static const size_t sizes[] = {0,       1,      4,    15,     16,      479,           480,           481,
                                 512,     513,    4096, 100000, 1 << 20, (1 << 20) + 1, (2 << 20) - 1, 2 << 20,
                                 3 << 20, 5000000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    hr_buffer *b;
    assert_int_equal(hr_buffer_new(&b, sizes[i]), HR_OK);
    assert_non_null(b->data);
    assert_true(b->bytes >= sizes[i]);
    if (sizes[i] > HR_BUFFER_INLINE)
      assert_true((b->bytes - sizes[i]) * 4 <= sizes[i]);
    else
      assert_int_equal(b->bytes, sizes[i]);
    assert_int_equal((uintptr_t)b->data % (sizes[i] > HR_BUFFER_INLINE ? HR_DATA_ALIGN : 16), 0);
    assert_int_equal(hr_load_relaxed(&b->flags), 0);
    memset(b->data, 0xa5, b->bytes);
    hr_buffer_release(hr_buffer_retain(b));
    if (b->bytes > 0) assert_int_equal(((unsigned char *)b->data)[b->bytes - 1], 0xa5);
    hr_buffer_release(b);
  }
  hr_buffer_release(NULL);
}

static void count(void *payload) { ++*(int *)payload; }

static void test_wrapped(void **state) {
  (void)state;
  int calls = 0, data[4];
  hr_buffer *b;
  assert_int_equal(hr_buffer_wrap(&b, data, sizeof data, &calls, count), HR_OK);
  assert_ptr_equal(b->data, data);
  assert_int_equal(b->bytes, sizeof data);
  assert_int_equal(hr_load_relaxed(&b->flags), HR_BUFFER_FOREIGN);
  hr_buffer_release(hr_buffer_retain(b));
  assert_int_equal(calls, 0);
  hr_buffer_release(b);
  assert_int_equal(calls, 1);
  assert_int_equal(hr_buffer_wrap(&b, data, sizeof data, NULL, NULL), HR_OK);
  hr_buffer_release(b);
}

static void test_without_memory(void **state) {
  (void)state;
  int calls = 0, data[4];
  hr_buffer *b = (hr_buffer *)data;
  hr_alloc_fail_at(1);
  assert_int_equal(hr_buffer_wrap(&b, data, sizeof data, &calls, count), HR_OUT_OF_MEMORY);
  assert_null(b);
  assert_int_equal(calls, 0);
  for (long failing = 1; failing <= 2; failing++) { /* header, data */
    hr_alloc_fail_at(failing);
    assert_int_equal(hr_buffer_new(&b, 2000), HR_OUT_OF_MEMORY);
    assert_null(b);
  }
  hr_alloc_fail_at(1);
  assert_int_equal(hr_buffer_new(&b, 8), HR_OUT_OF_MEMORY);
  hr_alloc_fail_at(0);
}

/* R18: not on a thread of the runtime, and not lost. */
typedef struct ran {
  sem_t done;
  pthread_t where;
} ran;

static void note_thread(void *arg) {
  ran *r = arg;
  r->where = pthread_self();
  sem_post(&r->done);
}

static void test_destructor_leaves_the_runtime(void **state) {
  (void)state;
  ran r;
  hr_buffer *b;
  sem_init(&r.done, 0, 0);
  for (int in_runtime = 0; in_runtime < 2; in_runtime++) {
    hr_thread_get()->worker = in_runtime;
    assert_int_equal(hr_buffer_wrap(&b, &r, 4, &r, note_thread), HR_OK);
    hr_buffer_release(b);
    hr_thread_get()->worker = false;
    sem_wait(&r.done);
    assert_int_equal(pthread_equal(r.where, pthread_self()) != 0, !in_runtime);
  }
  sem_destroy(&r.done);
}

/* Two threads drop the references of the same buffers: each is freed once, by whoever comes last. */
enum { SHARED = 2000 };
static hr_buffer *shared[SHARED];
static void *drop_all(void *arg) {
  (void)arg;
  for (int i = 0; i < SHARED; i++) {
    ((volatile unsigned char *)shared[i]->data)[0];
    hr_buffer_release(shared[i]);
  }
  return NULL;
}

static void test_threads(void **state) {
  (void)state;
  size_t before = hr_memory_active();
  for (int i = 0; i < SHARED; i++) {
    assert_int_equal(hr_buffer_new(&shared[i], (size_t)(i % 4) * 400), HR_OK);
    memset(shared[i]->data, i, shared[i]->bytes);
    hr_buffer_retain(shared[i]);
  }
  pthread_t other;
  assert_int_equal(pthread_create(&other, NULL, drop_all, NULL), 0);
  drop_all(NULL);
  pthread_join(other, NULL);
  assert_int_equal(hr_memory_active(), before);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sizes),          cmocka_unit_test(test_wrapped),
      cmocka_unit_test(test_without_memory), cmocka_unit_test(test_destructor_leaves_the_runtime),
      cmocka_unit_test(test_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
