/* R19: kernels run in the default floating-point environment and leave the caller's alone. R21: what cannot fit in
 * memory is an error of the op that asks. R22: a limit on bytes in flight delays a producer and never stops it. */
#include "world.h"

#include <fenv.h>

#include "array/available.h"
#include "sched/parallel.h"
#include "sched/thread.h"

#if defined(__SSE2__)
#include <xmmintrin.h>
enum { FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x0040 };
static void environment_spoil(void) {
  _mm_setcsr((_mm_getcsr() & ~0x6000u) | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO | _MM_ROUND_UP);
}
static bool environment_is_spoilt(void) {
  return (_mm_getcsr() & (FLUSH_TO_ZERO | DENORMALS_ARE_ZERO | 0x6000u)) ==
         (FLUSH_TO_ZERO | DENORMALS_ARE_ZERO | _MM_ROUND_UP);
}
static void environment_restore(void) { _mm_setcsr(0x1f80); }
#else
static void environment_spoil(void) { fesetround(FE_UPWARD); }
static bool environment_is_spoilt(void) { return fegetround() == FE_UPWARD; }
static void environment_restore(void) { fesetround(FE_TONEAREST); }
#endif

static _Atomic(int) wrong; /* times a kernel saw another environment */

/* The smallest subnormal survives a product with one, and 1 + 2^-25 rounds to 1: both only in the default
 * environment. */
static void look(void) {
  volatile float tiny = 1e-45f, one = 1.0f, half_ulp = 0x1p-25f;
  if (tiny * one == 0.0f || one + half_ulp != one) hr_add_relaxed(&wrong, 1);
}
static hr_status looks(void *arg) {
  (void)arg;
  look();
  return HR_OK;
}
static void looks_at_chunk(void *arg, int64_t chunk) {
  (void)arg, (void)chunk;
  for (int i = 0; i < 1000; i++) look();
}
static hr_status looks_in_a_loop(void *arg) {
  (void)arg;
  hr_parallel_for(200, looks_at_chunk, NULL);
  return HR_OK;
}
static hr_status spoils(void *arg) {
  (void)arg;
  environment_spoil();
  return HR_OK;
}

static void test_environment(void **state) {
  (void)state;
  hr_stream *s = stream_new();
  const hr_op *ops[] = {&op_light_call, &op_heavy_call, &op_library_call};
  environment_spoil(); /* before any worker is made: threads inherit it */
  for (int i = 0; i < 60; i++) {
    assert_int_equal(take_int(call(ops[i % 3], i % 2 ? looks : looks_in_a_loop, NULL, NULL, s)), 1);
    assert_true(environment_is_spoilt());
  }
  environment_restore();
  /* The program's own code may spoil a worker's; the next task does not see it. */
  for (int i = 0; i < 60; i++) {
    hr_array *spoilt = call(&op_user_call, spoils, NULL, NULL, s);
    assert_int_equal(take_int(call(ops[i % 3], looks, NULL, spoilt, s)), 2);
    hr_array_release(spoilt);
  }
  assert_int_equal(hr_load_relaxed(&wrong), 0);
  hr_stream_handle_release(s);
}

/* --- R21 --- */

static hr_status huge_infer(hr_layout *out, const hr_op_call *call) {
  (void)call;
  hr_available now;
  hr_available_read(&now);
  const int shape[] = {2, (int)(now.total >> 13), 1024}; /* int64: twice what there is in all */
  return hr_layout_set(&out[0], shape, 3, HR_INT64);
}
static hr_status huge_run(const hr_run *run) { return hr_run_output(run, 0); }
static const hr_op op_huge = {
    .name = "huge", .arity = HR_VARIADIC, .outputs = 1, .infer = huge_infer, .run = {huge_run}};

static void test_more_than_there_is(void **state) {
  (void)state;
  hr_array *huge = apply(&op_huge, NULL, NULL, NULL), *good = apply(&op_light, NULL, NULL, NULL);
  const void *data;
  assert_int_equal(hr_array_read(&data, huge), HR_OUT_OF_MEMORY);
  assert_non_null(strstr(hr_last_error(), "huge("));
  assert_int_equal(take_int(good), 1);
  hr_array_release(huge);
}

/* --- R22 --- */

static void test_bytes_in_flight(void **state) {
  (void)state;
  hr_stream *s = stream_new(), *other = stream_new();
  hr_store_relaxed(&s->inflight_limit, 5 * (int64_t)sizeof(int64_t));
  gate g;
  gate_init(&g);
  hr_array *first = call(&op_user_call, passes, &g, NULL, s);
  start(first); /* below the limit: returns at once, though nothing can end */
  hr_array *y[10];
  for (int i = 0; i < 3; i++) start(y[i] = apply(&op_light, first, NULL, s));
  gate_open(&g);
  /* From here on each call waits for the ones before, and none for ever, whoever runs the work. */
  for (int i = 3; i < 10; i++) start(y[i] = apply(i % 2 ? &op_light : &op_heavy, y[i - 1], NULL, i % 3 ? s : other));
  hr_array *all = chain(hr_array_retain(y[9]), &op_light, 5000, &s, 1); /* one call far beyond the limit */
  start(all);
  assert_true(hr_load_relaxed(&s->inflight_bytes) <= hr_load_relaxed(&s->inflight_limit) || hr_stream_idle(s));
  assert_int_equal(take_int(all), 5009);
  drain(s);
  assert_int_equal(hr_load_relaxed(&s->inflight_bytes), 0);
  for (int i = 0; i < 10; i++) hr_array_release(y[i]);
  hr_array_release(first);
  hr_stream_handle_release(s);
  hr_stream_handle_release(other);
}

/* The stream drains between the look at the bytes and the wait: a value nobody appended must not be waited for. */
static void *evaluates_small_work(void *arg) {
  hr_stream *s = arg;
  for (int i = 0; i < scaled(20000, 500); i++) {
    hr_array *y = apply(&op_light, NULL, NULL, s);
    start(y);
    hr_array_release(y);
  }
  return NULL;
}
static void test_a_limit_below_every_result(void **state) {
  (void)state;
  pthread_t threads[3];
  hr_stream *s = stream_new();
  hr_store_relaxed(&s->inflight_limit, 1);
  for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&threads[i], NULL, evaluates_small_work, s), 0);
  for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
  drain(s);
  assert_int_equal(hr_load_relaxed(&s->inflight_bytes), 0);
  hr_stream_handle_release(s);
}

/* Work for a stream that is gone counts where it runs. */
static void test_bytes_of_a_retired_stream(void **state) {
  (void)state;
  hr_stream *gone = stream_new(), *mine;
  hr_store_relaxed(&gone->inflight_limit, 1000);
  hr_array *y = apply(&op_light, NULL, NULL, gone);
  hr_stream_handle_release(gone);
  assert_int_equal(take_int(y), 1);
  assert_int_equal(hr_stream_default(&mine, 0, 0), HR_OK);
  drain(mine);
  assert_int_equal(hr_load_relaxed(&gone->inflight_bytes), 0);
  assert_int_equal(hr_load_relaxed(&mine->inflight_bytes), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_environment),
      cmocka_unit_test(test_more_than_there_is),
      cmocka_unit_test(test_bytes_in_flight),
      cmocka_unit_test(test_a_limit_below_every_result),
      cmocka_unit_test(test_bytes_of_a_retired_stream),
  };
  watchdog();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
