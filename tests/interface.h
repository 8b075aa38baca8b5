/* tests/interface.h - what tests of the public interface share: short words for handles, gates, and tasks that add one.
 * Nothing here sleeps or looks at a clock; a program that hangs is ended by alarm(). */
#ifndef HR_TESTS_INTERFACE_H
#define HR_TESTS_INTERFACE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sanitizer.h"
#include "headrace/headrace.h"
#include "mlx/c/mlx.h"

#define OK(expr) assert_int_equal((expr), HR_OK)

/* --- errors: the handler counts and keeps the newest text --- */

static _Atomic(int) handled;
static char handled_text[2048];
static pthread_mutex_t handled_lock = PTHREAD_MUTEX_INITIALIZER;

static inline void note_error(const char *message, void *data) {
  (void)data;
  pthread_mutex_lock(&handled_lock);
  snprintf(handled_text, sizeof handled_text, "%s", message);
  pthread_mutex_unlock(&handled_lock);
  atomic_fetch_add(&handled, 1);
}

static inline void begin_tests(void) {
  alarm(240);
  mlx_set_error_handler(note_error, NULL, NULL);
}

/* --- handles --- */

static inline mlx_stream stream_new(void) {
  mlx_device cpu = mlx_device_new_type(MLX_CPU, 0);
  mlx_stream s = mlx_stream_new_device(cpu);
  mlx_device_free(cpu);
  assert_non_null(s.ctx);
  return s;
}

static inline hr_fence *fence_of(mlx_stream s) {
  hr_fence *f;
  OK(hr_fence_of_stream(&f, s));
  return f;
}

static inline bool reached(hr_fence *f) {
  bool done;
  OK(hr_fence_poll(&done, f));
  return done;
}

/* Waits for a fence, and lets go of it. */
static inline hr_status finish(hr_fence *f) {
  hr_status status = hr_fence_wait(f, -1);
  hr_fence_release(f);
  return status;
}

/* --- tasks --- */

static const mlx_vector_array none;

/* A task that waits until it is let through. */
typedef struct gate {
  sem_t entered, open;
} gate;

static inline void gate_init(gate *g) {
  assert_int_equal(sem_init(&g->entered, 0, 0), 0);
  assert_int_equal(sem_init(&g->open, 0, 0), 0);
}
static inline void sem_take(sem_t *sem) {
  while (sem_wait(sem) != 0) continue;
}
static inline int gate_run(void *arg, const hr_call_view *in, size_t in_count, const hr_call_view *out,
                           size_t out_count) {
  (void)in, (void)in_count, (void)out, (void)out_count;
  gate *g = arg;
  sem_post(&g->entered);
  sem_take(&g->open);
  return 0;
}
static inline void gate_close(gate *g, mlx_stream s) { OK(hr_stream_call(NULL, gate_run, g, NULL, none, NULL, 0, s)); }
static inline void gate_open(gate *g) { sem_post(&g->open); }

/* out = sum of the inputs + *arg, int64 scalars. */
static inline int sum_run(void *arg, const hr_call_view *in, size_t in_count, const hr_call_view *out,
                          size_t out_count) {
  int64_t sum = *(const int64_t *)arg;
  for (size_t i = 0; i < in_count; i++) sum += *(const int64_t *)in[i].data;
  for (size_t i = 0; i < out_count; i++) *(int64_t *)out[i].data = sum;
  return 0;
}
static inline int fail_run(void *arg, const hr_call_view *in, size_t in_count, const hr_call_view *out,
                           size_t out_count) {
  (void)in, (void)in_count, (void)out, (void)out_count;
  return hr_call_fail(arg);
}

static const int64_t one = 1;
static const hr_call_output scalar = {NULL, 0, MLX_INT64};

/* A call with one int64 output; `after` may be an empty handle. */
static inline mlx_vector_array call(hr_call_fn fn, const void *arg, mlx_vector_array after, mlx_stream s) {
  mlx_vector_array res = mlx_vector_array_new();
  OK(hr_stream_call(&res, fn, (void *)(uintptr_t)arg, NULL, after, &scalar, 1, s));
  return res;
}

static inline hr_fence *fence_of_arrays(mlx_vector_array arrays) {
  hr_fence *f;
  OK(hr_fence_of_arrays(&f, arrays));
  return f;
}

/* The one element of the one array. */
static inline int64_t value_of(mlx_vector_array arrays) {
  mlx_array a = mlx_array_new();
  int64_t value = INT64_MIN;
  assert_int_equal(mlx_vector_array_get(&a, arrays, 0), 0);
  mlx_array_item_int64(&value, a);
  mlx_array_free(a);
  return value;
}

#endif
