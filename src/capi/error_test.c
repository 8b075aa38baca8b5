/* The error handler: the first one, the program's own, replacement while it runs, jumps out of it. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "capi/test_util.h"

#include "headrace/status.h"
#include "mlx/c/array.h"
#include "mlx/c/stream.h"

static int fail_once(void) {
  int value;
  return mlx_array_item_int32(&value, (mlx_array){0});
}

/* What `call` writes to standard error. */
static void capture(char *text, size_t bytes, void (*call)(void)) {
  int ends[2], saved = dup(2);
  assert_int_equal(pipe(ends), 0);
  fflush(stderr);
  assert_int_equal(dup2(ends[1], 2), 2);
  call();
  fflush(stderr);
  dup2(saved, 2);
  close(saved);
  close(ends[1]);
  ssize_t got = read(ends[0], text, bytes - 1);
  text[got > 0 ? got : 0] = 0;
  close(ends[0]);
}

static void fail_by_default(void) {
  mlx_set_error_handler(NULL, NULL, NULL);
  assert_int_not_equal(fail_once(), 0);
}
static void fail_by_text(void) { _mlx_error("file%s.c", 7, "%d%% of %s", 50, "%n"); }

static void test_first_handler(void **state) {
  (void)state;
  char text[512];
  capture(text, sizeof text, fail_by_default);
  assert_string_equal(text, "headrace: [mlx_array_item_int32] argument `arr` is an empty handle\n");
  assert_string_equal(hr_last_error(), "[mlx_array_item_int32] argument `arr` is an empty handle");
  capture(text, sizeof text, fail_by_text);
  assert_string_equal(text, "headrace: 50% of %n at file%s.c:7\n");
}

static int dropped;
static void drop(void *data) {
  ++*(int *)data;
  dropped++;
}

static void test_own_handler(void **state) {
  (void)state;
  int a = 0, b = 0;
  dropped = 0;
  mlx_set_error_handler(count_error, &a, drop);
  assert_fails(fail_once(), "empty handle");
  mlx_set_error_handler(count_error, &b, drop);
  assert_int_equal(a, 1);
  error_count = 0;
  _mlx_error(NULL, 0, NULL);
  assert_int_equal(error_count, 1);
  char *longest = malloc(10000);
  assert_non_null(longest);
  memset(longest, 'x', 9999);
  longest[9999] = 0;
  _mlx_error("place.c", 9, "%s", longest);
  assert_non_null(strstr(error_text, " at place.c:9"));
  free(longest);
  mlx_set_error_handler(NULL, NULL, NULL);
  assert_int_equal(b, 1);
  assert_int_equal(dropped, 2);
}

/* A handler that fails itself, in which its text must stay. */
static int depth;
static void nested(const char *text, void *data) {
  char before[256];
  snprintf(before, sizeof before, "%s", text);
  if (depth++ < 3) {
    assert_int_not_equal(mlx_synchronize((mlx_stream){0}) + fail_once(), 0);
    mlx_array_size((mlx_array){0});
  }
  assert_string_equal(text, before);
  ++*(int *)data;
}

static void test_nested(void **state) {
  (void)state;
  int calls = 0;
  dropped = depth = 0;
  mlx_set_error_handler(nested, &calls, drop);
  assert_int_not_equal(fail_once(), 0);
  assert_int_equal(calls, 7); /* one at first, and two for each of the first three that ran */
  assert_int_equal(dropped, 0);
  mlx_set_error_handler(NULL, NULL, NULL);
  assert_int_equal(dropped, 1);
}

static jmp_buf out_of_here;
static void jumping(const char *text, void *data) {
  (void)text;
  ++*(int *)data;
  longjmp(out_of_here, 1);
}

static void test_jumps(void **state) {
  (void)state;
  static int data;
  data = dropped = 0;
  mlx_set_error_handler(jumping, &data, drop);
  for (volatile int i = 0; i < 5; i++)
    if (setjmp(out_of_here) == 0) {
      (void)fail_once();
      fail_msg("the handler came back");
    }
  assert_int_equal(data, 5);
  assert_int_equal(dropped, 0);
  mlx_set_error_handler(count_error, NULL, NULL);
  assert_fails(fail_once(), "empty");
  assert_int_equal(dropped, 1); /* at the latest with the next failure */
}

/* Threads fail while others replace the handler: each handler's data is alive in every call, and dropped once. */
enum { ROUNDS = 2000, FAILING = 3 };
typedef struct cell {
  atomic_int alive, calls;
} cell;
static atomic_int alive_cells, bad_calls, failed_calls, stop;

static void use_cell(const char *text, void *data) {
  cell *c = data;
  if (atomic_load(&c->alive) != 1 || strstr(text, "empty handle") == NULL) atomic_fetch_add(&bad_calls, 1);
  atomic_fetch_add(&c->calls, 1);
}
static void drop_cell(void *data) {
  cell *c = data;
  if (atomic_exchange(&c->alive, 0) != 1) atomic_fetch_add(&bad_calls, 1);
  atomic_fetch_sub(&alive_cells, 1);
  free(c);
}
static void *fail_on(void *arg) {
  (void)arg;
  while (!atomic_load(&stop)) atomic_fetch_add(&failed_calls, fail_once() != 0);
  return NULL;
}

static void test_threads(void **state) {
  (void)state;
  pthread_t threads[FAILING];
  atomic_store(&stop, 0);
  cell *first = calloc(1, sizeof *first);
  assert_non_null(first);
  atomic_store(&first->alive, 1);
  atomic_fetch_add(&alive_cells, 1);
  mlx_set_error_handler(use_cell, first, drop_cell);
  for (int i = 0; i < FAILING; i++) assert_int_equal(pthread_create(&threads[i], NULL, fail_on, NULL), 0);
  for (int i = 0; i < ROUNDS || atomic_load(&failed_calls) < ROUNDS; i++) {
    cell *c = calloc(1, sizeof *c);
    assert_non_null(c);
    atomic_store(&c->alive, 1);
    atomic_fetch_add(&alive_cells, 1);
    mlx_set_error_handler(use_cell, c, drop_cell);
  }
  atomic_store(&stop, 1);
  for (int i = 0; i < FAILING; i++) pthread_join(threads[i], NULL);
  mlx_set_error_handler(NULL, NULL, NULL);
  assert_int_equal(atomic_load(&alive_cells), 0);
  assert_int_equal(atomic_load(&bad_calls), 0);
}

/* A jump leaves a reference with its thread, which gives it back when it ends. */
static void *jump_and_end(void *arg) {
  jmp_buf *here = arg;
  if (setjmp(*here) == 0) (void)fail_once();
  return NULL;
}
static void jump_back(const char *text, void *data) {
  (void)text;
  longjmp(*(jmp_buf *)data, 1);
}
static void count_drop(void *data) {
  (void)data;
  dropped++;
}

static void test_jump_in_a_thread_that_ends(void **state) {
  (void)state;
  static jmp_buf here;
  pthread_t thread;
  dropped = 0;
  mlx_set_error_handler(jump_back, &here, count_drop);
  assert_int_equal(pthread_create(&thread, NULL, jump_and_end, &here), 0);
  pthread_join(thread, NULL);
  assert_int_equal(dropped, 0);
  mlx_set_error_handler(NULL, NULL, NULL);
  assert_int_equal(dropped, 1);
}

static void test_without_memory(void **state) {
  (void)state;
  int data = 0;
  mlx_set_error_handler(count_error, NULL, NULL);
  error_count = 0;
  hr_alloc_fail_at(1);
  mlx_set_error_handler(nested, &data, drop); /* refused: the old one stays and is told */
  hr_alloc_fail_at(0);
  assert_int_equal(error_count, 1);
  hr_alloc_fail_at(1);
  assert_fails(fail_once(), "mlx_array_item_int32");
  hr_alloc_fail_at(0);
  assert_int_equal(data, 0);
  mlx_set_error_handler(NULL, NULL, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_first_handler),  cmocka_unit_test(test_own_handler),
      cmocka_unit_test(test_nested),         cmocka_unit_test(test_jumps),
      cmocka_unit_test(test_threads),        cmocka_unit_test(test_jump_in_a_thread_that_ends),
      cmocka_unit_test(test_without_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
