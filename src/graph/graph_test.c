/* Evaluation on streams, with small ops of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "array/array.h"
#include "graph/eval.h"
#include "graph/node.h"
#include "sched/pool.h"

/* --- ops: out = sum of inputs + 1 (int64 scalars); one that fails; one with two outputs --- */

static hr_status scalar_infer(hr_layout *out, const hr_op_call *call) {
  for (int i = 0; i < call->op->outputs; i++) {
    hr_status status = hr_layout_set(&out[i], NULL, 0, HR_INT64);
    if (status != HR_OK) return status;
  }
  return HR_OK;
}

static int64_t value_of(const hr_array *a) { return *(const int64_t *)hr_array_data(a); }

static hr_status run_add1(const hr_run *run) {
  int64_t sum = 1;
  for (int i = 0; i < run->in_count; i++) sum += value_of(run->in[i]);
  for (int i = 0; i < run->out_count; i++) {
    hr_status status = hr_run_output(run, i);
    if (status != HR_OK) return status;
    if (run->out[i]) *(int64_t *)hr_array_data(run->out[i]) = sum + i;
  }
  return HR_OK;
}

static hr_status run_fail(const hr_run *run) {
  return hr_fail(HR_FAILED, "it went wrong with %d inputs, 100%%", run->in_count);
}

static uint64_t cost_tiny(const hr_op_call *call, hr_array *const *out) {
  (void)call, (void)out;
  return 100;
}
static uint64_t cost_heavy(const hr_op_call *call, hr_array *const *out) {
  (void)call, (void)out;
  return 100000;
}

static const hr_op op_add1 = {
    .name = "add1", .arity = HR_VARIADIC, .outputs = 1, .infer = scalar_infer, .cost = cost_tiny, .run = {run_add1}};
static const hr_op op_heavy = {
    .name = "heavy", .arity = HR_VARIADIC, .outputs = 1, .infer = scalar_infer, .cost = cost_heavy, .run = {run_add1}};
static const hr_op op_fail = {
    .name = "fail", .arity = HR_VARIADIC, .outputs = 1, .infer = scalar_infer, .run = {run_fail}};
static const hr_op op_pair = {.name = "pair", .arity = 1, .outputs = 2, .infer = scalar_infer, .run = {run_add1}};

static hr_array *constant(int64_t value) {
  hr_array *a;
  assert_int_equal(hr_array_new_copy(&a, &value, NULL, 0, HR_INT64), HR_OK);
  return a;
}

static hr_array *apply(const hr_op *op, hr_array *a, hr_array *b, hr_stream *s) {
  hr_array *in[] = {a, b}, *out;
  assert_int_equal(hr_apply(&out, op, in, b ? 2 : 1, NULL, s), HR_OK);
  return out;
}

static int64_t read_int(hr_array *a) {
  const void *data;
  assert_int_equal(hr_array_read(&data, a), HR_OK);
  return *(const int64_t *)data;
}

static hr_stream *stream_new(void) {
  hr_stream *s;
  assert_int_equal(hr_stream_create(&s, 0, 0), HR_OK);
  return s;
}

/* A chain of n ops over the streams in turn; consumes a. */
static hr_array *chain(hr_array *a, const hr_op *op, int n, hr_stream **streams, int stream_count) {
  for (int i = 0; i < n; i++) {
    hr_array *next = apply(op, a, NULL, streams[i % stream_count]);
    hr_array_release(a);
    a = next;
  }
  return a;
}

static void test_one_op(void **state) {
  (void)state;
  hr_array *x = constant(41), *y = apply(&op_add1, x, NULL, NULL);
  assert_int_equal(hr_array_progress(y), HR_PROGRESS_LAZY);
  assert_int_equal(read_int(y), 42);
  assert_int_equal(hr_array_progress(y), HR_PROGRESS_DONE);
  hr_array_release(x);
  hr_array_release(y);
}

static void test_chains(void **state) {
  (void)state;
  hr_stream *s[3] = {stream_new(), stream_new(), stream_new()};
  for (int streams = 1; streams <= 3; streams++) {
    hr_array *y = chain(constant(0), &op_add1, 5000, s, streams);
    assert_int_equal(read_int(y), 5000);
    hr_array_release(y);
    y = chain(constant(0), &op_heavy, 2000, s, streams);
    assert_int_equal(read_int(y), 2000);
    hr_array_release(y);
    y = chain(constant(0), &op_add1, 2000, s, streams);
    assert_int_equal(hr_async_eval(&y, 1), HR_OK);
    assert_int_equal(hr_array_wait(y, -1), HR_OK);
    assert_int_equal(value_of(y), 2000);
    hr_array_release(y);
  }
  for (int i = 0; i < 3; i++) hr_stream_handle_release(s[i]);
}

static void test_diamonds(void **state) {
  (void)state;
  hr_stream *s[2] = {stream_new(), stream_new()};
  hr_array *a = constant(0);
  int64_t expect = 0;
  for (int i = 0; i < 40; i++) {
    hr_array *l = apply(&op_add1, a, NULL, s[0]), *r = apply(&op_add1, a, NULL, s[1]);
    hr_array *both = apply(&op_add1, l, r, s[i % 2]);
    expect = 2 * (expect + 1) + 1;
    hr_array_release(a);
    hr_array_release(l);
    hr_array_release(r);
    a = both;
  }
  assert_int_equal(read_int(a), expect);
  hr_array_release(a);
  for (int i = 0; i < 2; i++) hr_stream_handle_release(s[i]);
}

static void test_failure_poisons_dependants_only(void **state) {
  (void)state;
  const void *data;
  hr_stream *s = stream_new();
  hr_array *x = constant(1), *bad = apply(&op_fail, x, NULL, s), *after = apply(&op_add1, bad, NULL, NULL);
  hr_array *good = apply(&op_add1, x, NULL, s);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(hr_array_read(&data, after), HR_FAILED);
    assert_non_null(strstr(hr_last_error(), "fail(int64()"));
    assert_non_null(strstr(hr_last_error(), "100%"));
  }
  assert_int_equal(read_int(good), 2);
  hr_error *kept = hr_stream_take_error(s);
  assert_non_null(kept);
  hr_error_release(kept);
  hr_array *all[] = {x, bad, after, good};
  for (int i = 0; i < 4; i++) hr_array_release(all[i]);
  hr_stream_handle_release(s);
}

static void test_outputs_that_die(void **state) {
  (void)state;
  for (int which = 0; which < 2; which++) {
    hr_array *x = constant(10), *out[2];
    assert_int_equal(hr_apply(out, &op_pair, &x, 1, NULL, NULL), HR_OK);
    hr_array_release(out[which]);
    assert_int_equal(read_int(out[1 - which]), 11 + (1 - which));
    hr_array_release(out[1 - which]);
    hr_array_release(x);
  }
}

static void test_unevaluated_and_retired(void **state) {
  (void)state;
  hr_stream *s = stream_new();
  hr_array *x = constant(1), *y = apply(&op_add1, x, NULL, s);
  assert_int_equal(hr_array_wait(y, -1), HR_INVALID);
  hr_stream_handle_release(s);
  assert_int_equal(read_int(y), 2); /* its stream is gone: the thread's default runs it */
  hr_array_release(x);
  hr_array_release(y);
}

/* Threads evaluate, wait on and free overlapping graphs over shared streams. */
typedef struct shared {
  hr_array *arrays[64];
  hr_stream *streams[4];
  int rounds;
} shared;

static void *evaluate_all(void *arg) {
  shared *sh = arg;
  unsigned seed = (unsigned)(uintptr_t)&seed;
  for (int i = 0; i < sh->rounds; i++) {
    int at = rand_r(&seed) % 64;
    hr_array *a = hr_array_retain(sh->arrays[at]);
    hr_array *mine = apply(&op_add1, a, sh->arrays[(at * 7) % 64], sh->streams[rand_r(&seed) % 4]);
    hr_array_release(a);
    if (i % 3 == 0) assert_int_equal(hr_async_eval(&mine, 1), HR_OK);
    assert_int_equal(read_int(mine), (at + 1) + ((at * 7) % 64 + 1) + 1);
    hr_array_release(mine);
  }
  return NULL;
}

static void test_many_threads(void **state) {
  (void)state;
  const char *stress = getenv("HEADRACE_STRESS");
  int repeats = 20 * (stress ? atoi(stress) : 1);
  for (int repeat = 0; repeat < repeats; repeat++) {
    shared sh = {.rounds = 40};
    for (int i = 0; i < 4; i++) sh.streams[i] = stream_new();
    hr_array *a = constant(0);
    for (int i = 0; i < 64; i++) {
      hr_array *next = apply(i % 5 == 4 ? &op_heavy : &op_add1, a, NULL, sh.streams[i % 4]);
      hr_array_release(a);
      sh.arrays[i] = a = hr_array_retain(next);
    }
    hr_array_release(a);
    pthread_t threads[6];
    for (int i = 0; i < 6; i++) assert_int_equal(pthread_create(&threads[i], NULL, evaluate_all, &sh), 0);
    for (int i = 0; i < 6; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 64; i++) hr_array_release(sh.arrays[i]);
    for (int i = 0; i < 4; i++) hr_stream_handle_release(sh.streams[i]);
  }
}

/* A million nodes deep on a 64 KiB stack: built, run and freed without recursion (R5). */
static void *deep(void *arg) {
  int n = *(int *)arg;
  hr_array *y = chain(constant(0), &op_add1, n, (hr_stream *[]){NULL}, 1);
  assert_int_equal(read_int(y), n);
  hr_array_release(y);
  y = chain(constant(0), &op_add1, n, (hr_stream *[]){NULL}, 1);
  hr_array_release(y); /* never evaluated */
  return NULL;
}

static void test_deep_on_a_small_stack(void **state) {
  (void)state;
  int n = 1000000;
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  n = 50000;
#endif
  pthread_attr_t attr;
  pthread_t thread;
  pthread_attr_init(&attr);
  assert_int_equal(pthread_attr_setstacksize(&attr, 64 << 10), 0);
  assert_int_equal(pthread_create(&thread, &attr, deep, &n), 0);
  pthread_join(thread, NULL);
  pthread_attr_destroy(&attr);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_one_op),           cmocka_unit_test(test_chains),
      cmocka_unit_test(test_diamonds),         cmocka_unit_test(test_failure_poisons_dependants_only),
      cmocka_unit_test(test_outputs_that_die), cmocka_unit_test(test_unevaluated_and_retired),
      cmocka_unit_test(test_many_threads),     cmocka_unit_test(test_deep_on_a_small_stack),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
