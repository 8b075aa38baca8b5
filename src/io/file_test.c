/* Readers and writers of the program's own (R27), and files, with failing allocations. */
#include "io/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "graph/eval.h"
#include "io/npy.h"
#include "io/safetensors.h"
#include "ops/create.h"
#include "sched/pool.h"

enum { ARRAYS = 16, FILE_BYTES = 1 << 16, LONGEST_SERIES = 2000 };

/* A file in memory that notices two threads inside it. */
typedef struct block {
  char data[FILE_BYTES];
  size_t at, end;
  _Atomic(int) inside, collisions, frees;
  _Atomic(bool) on_worker; /* free was called on one */
} block;

static void enter(block *b) {
  if (hr_add_seq_cst(&b->inside, 1) != 0) hr_add_seq_cst(&b->collisions, 1);
  for (int i = 0; i < 100; i++) hr_cpu_relax();
}
static void leave(block *b) { hr_sub_seq_cst(&b->inside, 1); }

static bool yes(void *desc) {
  enter(desc);
  leave(desc);
  return true;
}
static size_t block_tell(void *desc) {
  block *b = desc;
  enter(b);
  size_t at = b->at;
  leave(b);
  return at;
}
static void block_seek(void *desc, int64_t offset, int whence) {
  block *b = desc;
  enter(b);
  b->at = (size_t)offset + (whence == SEEK_END ? b->end : whence == SEEK_CUR ? b->at : 0);
  leave(b);
}
static void block_read(void *desc, char *data, size_t bytes) {
  block *b = desc;
  enter(b);
  memcpy(data, b->data + b->at, bytes);
  b->at += bytes;
  leave(b);
}
static void block_write(void *desc, const char *data, size_t bytes) {
  block *b = desc;
  enter(b);
  memcpy(b->data + b->at, data, bytes);
  b->end = b->at += bytes;
  leave(b);
}
static void block_free(void *desc) {
  block *b = desc;
  hr_store_seq_cst(&b->on_worker, hr_pool_is_worker());
  hr_add_seq_cst(&b->frees, 1);
}

static hr_io_file *file_of(block *b) {
  const hr_io_calls calls = {.is_open = yes,
                             .good = yes,
                             .tell = block_tell,
                             .seek = block_seek,
                             .read = block_read,
                             .write = block_write,
                             .free = block_free};
  hr_io_file *file = NULL;
  assert_int_equal(hr_io_file_new(&file, b, &calls), HR_OK);
  return file;
}

static void drop_array(void *value) { hr_array_release(value); }

static hr_array *ones(int n) {
  hr_stream *s;
  hr_array *a = NULL;
  assert_int_equal(hr_stream_default(&s, 0, 0), HR_OK);
  assert_int_equal(hr_ones(&a, &n, 1, HR_FLOAT32, s), HR_OK);
  return a;
}

/* 16 arrays named a to p of 1 to 16 ones. */
static void save_many(hr_io_file *file) {
  hr_map arrays;
  hr_map_init(&arrays, drop_array);
  for (int i = 0; i < ARRAYS; i++)
    assert_int_equal(hr_map_insert(&arrays, (char[]){(char)('a' + i), 0}, ones(i + 1)), HR_OK);
  assert_int_equal(hr_save_safetensors_writer(file, &arrays, NULL), HR_OK);
  hr_map_deinit(&arrays);
}

typedef struct part {
  hr_map arrays, words;
  hr_stream *stream;
} part;

static hr_status rewind_block(void *arg) {
  block_seek(arg, 0, SEEK_SET);
  return HR_OK;
}

static void part_load(part *p, hr_io_file *file) {
  hr_map_init(&p->arrays, drop_array);
  hr_map_init(&p->words, hr_free);
  assert_int_equal(hr_io_file_call(file, rewind_block, file->desc), HR_OK);
  assert_int_equal(hr_load_safetensors_reader(&p->arrays, &p->words, file, p->stream), HR_OK);
  assert_int_equal(p->arrays.count, ARRAYS);
}

static void part_drop(part *p) {
  hr_map_deinit(&p->arrays);
  hr_map_deinit(&p->words);
}

/* Evaluates all arrays of the part; answers how many are wrong. */
static void *part_read(void *arg) {
  part *p = arg;
  intptr_t bad = 0;
  for (size_t i = 0; i < p->arrays.count; i++) {
    const void *data;
    hr_array *a = p->arrays.entries[i].value;
    if (hr_array_read(&data, a) != HR_OK) return (void *)1;
    for (int64_t k = 0; k < a->size; k++) bad += ((const float *)data)[k] != 1;
  }
  return (void *)bad;
}

/* All functions of a reader are called by one thread at a time, whoever loads and evaluates on whichever stream. */
static void test_one_thread_at_a_time(void **state) {
  (void)state;
  enum { THREADS = 3, ROUNDS = 20 };
  static block b;
  hr_io_file *file = file_of(&b);
  part parts[THREADS], mine = {.stream = NULL};
  save_many(file);
  for (int i = 0; i < THREADS; i++) assert_int_equal(hr_stream_create(&parts[i].stream, 0, 0), HR_OK);
  mine.stream = parts[0].stream;
  for (int round = 0; round < ROUNDS; round++) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) part_load(&parts[i], file);
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, part_read, &parts[i]), 0);
    part_load(&mine, file);
    assert_null(part_read(&mine));
    part_drop(&mine);
    for (int i = 0; i < THREADS; i++) {
      void *bad;
      pthread_join(threads[i], &bad);
      assert_null(bad);
      part_drop(&parts[i]);
    }
  }
  assert_int_equal(hr_load_seq_cst(&b.collisions), 0);
  for (int i = 0; i < THREADS; i++) hr_stream_handle_release(parts[i].stream);
  hr_io_file_release(file);
}

/* --- lifetime --- */

/* free() comes once, when the handle and all queued reads are gone, and not on a worker. */
static void test_last_reference(void **state) {
  (void)state;
  static block b;
  hr_io_file *file = file_of(&b);
  hr_array *a = ones(5), *back = NULL;
  const void *data;
  assert_int_equal(hr_save_writer(file, a), HR_OK);
  b.at = 0;
  hr_stream *s;
  assert_int_equal(hr_stream_default(&s, 0, 0), HR_OK);
  assert_int_equal(hr_load_reader(&back, file, s), HR_OK);
  hr_io_file_release(file);
  assert_int_equal(hr_load_seq_cst(&b.frees), 0);
  assert_int_equal(hr_array_read(&data, back), HR_OK);
  assert_true(*(const float *)data == 1);
  hr_array_release(back);
  while (hr_load_seq_cst(&b.frees) == 0) hr_cpu_relax(); /* on the callback thread */
  assert_int_equal(hr_load_seq_cst(&b.frees), 1);
  assert_false(hr_load_seq_cst(&b.on_worker));
  hr_array_release(a);
}

/* --- failing allocations --- */

static const char path[] = "/tmp/headrace-file-test";

typedef struct attempt {
  hr_io_file *file;
  hr_array *array;
} attempt;

static hr_status save_and_load(const attempt *t) {
  hr_array *back = NULL;
  const void *data;
  hr_stream *s;
  hr_status status;
  char name[64];
  snprintf(name, sizeof name, "%s-%d.npy", path, (int)getpid());
  HR_TRY(hr_stream_default(&s, 0, 0));
  HR_TRY(hr_save(name, t->array));
  HR_TRY(hr_load(&back, name, s));
  HR_TRY(hr_array_read(&data, back));
  assert_memory_equal(data, hr_array_data(t->array), hr_array_nbytes(t->array));
done:
  hr_array_release(back);
  unlink(name);
  return status;
}

static hr_status save_and_load_maps(const attempt *t) {
  hr_map arrays, back, words;
  hr_stream *s;
  hr_status status;
  hr_map_init(&arrays, drop_array);
  hr_map_init(&back, drop_array);
  hr_map_init(&words, hr_free);
  ((block *)t->file->desc)->at = 0;
  HR_TRY(hr_stream_default(&s, 0, 0));
  status = hr_map_insert(&arrays, "some \"name\"", hr_array_retain(t->array));
  if (status != HR_OK) hr_array_release(t->array);
  HR_TRY(status);
  HR_TRY(hr_save_safetensors_writer(t->file, &arrays, NULL));
  HR_TRY(hr_io_file_call(t->file, rewind_block, t->file->desc));
  HR_TRY(hr_load_safetensors_reader(&back, &words, t->file, s));
  assert_int_equal(back.count, 1);
  HR_TRY(hr_eval((hr_array *[]){back.entries[0].value}, 1));
done:
  hr_map_deinit(&arrays);
  hr_map_deinit(&back);
  hr_map_deinit(&words);
  return status;
}

/* The n-th allocation fails, for n = 1, 2, ... until none is left to fail: an error each time, and nothing is lost. */
static void fail_each(hr_status (*fn)(const attempt *t)) {
  static block b;
  attempt t = {file_of(&b), ones(2000)};
  hr_status status = HR_FAILED;
  assert_int_equal(hr_eval(&t.array, 1), HR_OK);
  for (long n = 1; n < LONGEST_SERIES && status != HR_OK; n++) {
    hr_alloc_fail_at(n);
    status = fn(&t);
    hr_alloc_fail_at(0);
    if (status != HR_OK) assert_int_equal(status, HR_OUT_OF_MEMORY);
  }
  assert_int_equal(status, HR_OK);
  hr_array_release(t.array);
  hr_io_file_release(t.file);
}
static void test_no_memory_for_files(void **state) {
  (void)state;
  fail_each(save_and_load);
}
static void test_no_memory_for_readers(void **state) {
  (void)state;
  fail_each(save_and_load_maps);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_one_thread_at_a_time),
      cmocka_unit_test(test_last_reference),
      cmocka_unit_test(test_no_memory_for_files),
      cmocka_unit_test(test_no_memory_for_readers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
