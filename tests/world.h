/* tests/world.h - what the tests of promises and rules share: ops of their own, streams, gates, a watchdog.
 * Everything is static: each test program includes it once. A scalar op answers 1 + the sum of its int64 inputs, so a
 * chain of n ops over 0 gives n, and a result tells that every op ran once and in order. */
#ifndef HR_TESTS_WORLD_H
#define HR_TESTS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array/array.h"
#include "base/sanitizer.h"
#include "graph/eval.h"
#include "graph/node.h"
#include "sched/pool.h"
#include "sched/stream.h"
#include "sched/wait.h"

#define UNUSED_OK __attribute__((unused))

/* Ends a test program that hangs: the only clock here, and no test looks at it. */
enum { WATCHDOG_S = 240 };
static UNUSED_OK void watchdog(void) { alarm(WATCHDOG_S); }

/* Sanitizers cost a factor of 10 to 20. */
static UNUSED_OK int scaled(int n, int sanitized) { return HR_SANITIZED ? sanitized : n; }
static UNUSED_OK int stress_factor(void) {
  const char *text = getenv("HEADRACE_STRESS");
  int n = text ? atoi(text) : 1;
  return n > 0 ? n : 1;
}

/* --- gates: a thread that is let through `open` times --- */

typedef struct gate {
  sem_t sem;
} gate;
static UNUSED_OK void gate_init(gate *g) { assert_int_equal(sem_init(&g->sem, 0, 0), 0); }
static UNUSED_OK void gate_open(gate *g) { sem_post(&g->sem); }
static UNUSED_OK void gate_pass(gate *g) {
  while (sem_wait(&g->sem) != 0 && errno == EINTR) continue;
}

/* --- ops --- */

typedef struct call_attrs {
  hr_status (*fn)(void *arg);
  void *arg;
} call_attrs;

static UNUSED_OK hr_status scalar_infer(hr_layout *out, const hr_op_call *call) {
  (void)call;
  return hr_layout_set(&out[0], NULL, 0, HR_INT64);
}
static UNUSED_OK int64_t value_of(const hr_array *a) { return *(const int64_t *)hr_array_data(a); }
static UNUSED_OK hr_status run_sum(const hr_run *run) {
  uint64_t sum = 1; /* unsigned: long chains of doublings wrap */
  for (int i = 0; i < run->in_count; i++) sum += (uint64_t)value_of(run->in[i]);
  hr_status status = hr_run_output(run, 0);
  if (status == HR_OK && run->out[0]) *(int64_t *)hr_array_data(run->out[0]) = (int64_t)sum;
  return status;
}
static UNUSED_OK hr_status run_call(const hr_run *run) {
  const call_attrs *attrs = run->attrs;
  hr_status status = attrs->fn(attrs->arg);
  return status == HR_OK ? run_sum(run) : status;
}
static UNUSED_OK uint64_t cost_tiny(const hr_op_call *call, hr_array *const *out) {
  (void)call, (void)out;
  return 100;
}
static UNUSED_OK uint64_t cost_heavy(const hr_op_call *call, hr_array *const *out) {
  (void)call, (void)out;
  return 10000000;
}

#define SCALAR_OP .arity = HR_VARIADIC, .outputs = 1, .infer = scalar_infer
static const hr_op UNUSED_OK op_light = {.name = "light", SCALAR_OP, .cost = cost_tiny, .run = {run_sum}};
static const hr_op UNUSED_OK op_heavy = {.name = "heavy", SCALAR_OP, .cost = cost_heavy, .run = {run_sum}};
#define CALL_OP SCALAR_OP, .attrs_size = sizeof(call_attrs), .run = {run_call}
static const hr_op UNUSED_OK op_light_call = {.name = "light_call", CALL_OP, .cost = cost_tiny};
static const hr_op UNUSED_OK op_heavy_call = {.name = "heavy_call", CALL_OP, .cost = cost_heavy};
static const hr_op UNUSED_OK op_library_call = {
    .name = "library_call", CALL_OP, .cost = cost_tiny, .traits = HR_OP_FOREIGN};
static const hr_op UNUSED_OK op_user_call = {.name = "user_call", CALL_OP, .cost = cost_tiny, .traits = HR_OP_USER};

static UNUSED_OK hr_status passes(void *arg) {
  gate_pass(arg);
  return HR_OK;
}
static UNUSED_OK hr_status fails(void *arg) { return hr_fail(HR_FAILED, "%s", (const char *)arg); }

/* --- building and reading --- */

static UNUSED_OK hr_stream *stream_new(void) {
  hr_stream *s;
  assert_int_equal(hr_stream_create(&s, 0, 0), HR_OK);
  return s;
}
static UNUSED_OK hr_array *constant(int64_t value) {
  hr_array *a;
  assert_int_equal(hr_array_new_copy(&a, &value, NULL, 0, HR_INT64), HR_OK);
  return a;
}
/* b may be NULL. */
static UNUSED_OK hr_array *apply(const hr_op *op, hr_array *a, hr_array *b, hr_stream *s) {
  hr_array *in[] = {a, b}, *out;
  assert_int_equal(hr_apply(&out, op, in, a ? (b ? 2 : 1) : 0, NULL, s), HR_OK);
  return out;
}
/* An op that calls fn(arg) first, then sums; in may be NULL. */
static UNUSED_OK hr_array *call(const hr_op *op, hr_status (*fn)(void *arg), void *arg, hr_array *in, hr_stream *s) {
  call_attrs attrs = {fn, arg};
  hr_array *out;
  assert_int_equal(hr_apply(&out, op, &in, in ? 1 : 0, &attrs, s), HR_OK);
  return out;
}
/* A chain of n ops over the streams in turn; consumes a. */
static UNUSED_OK hr_array *chain(hr_array *a, const hr_op *op, int n, hr_stream **streams, int stream_count) {
  for (int i = 0; i < n; i++) {
    hr_array *next = apply(op, a, NULL, streams[i % stream_count]);
    hr_array_release(a);
    a = next;
  }
  return a;
}
static UNUSED_OK void start(hr_array *a) { assert_int_equal(hr_async_eval(&a, 1), HR_OK); }
static UNUSED_OK int64_t read_int(hr_array *a) {
  const void *data;
  assert_int_equal(hr_array_read(&data, a), HR_OK);
  return *(const int64_t *)data;
}
static UNUSED_OK int64_t take_int(hr_array *a) {
  int64_t value = read_int(a);
  hr_array_release(a);
  return value;
}

static UNUSED_OK hr_stream_state stream_state(hr_stream *s) {
  hr_mutex_lock(&s->lock);
  hr_stream_state state = (hr_stream_state)s->state;
  hr_mutex_unlock(&s->lock);
  return state;
}
/* Gives the core away until the stream is in the state; the watchdog ends what never comes. */
static UNUSED_OK void until_state(hr_stream *s, hr_stream_state state) {
  while (stream_state(s) != state) sched_yield();
}
static UNUSED_OK hr_point end_of(hr_stream *s) { return (hr_point){&s->timeline, hr_stream_submitted(s)}; }
static UNUSED_OK void drain(hr_stream *s) { assert_int_equal(hr_wait_point(end_of(s), -1), HR_OK); }

#endif
