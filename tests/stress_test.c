/* Threads that build, evaluate, wait for, cancel, poison and free the same arrays and streams at random. What a value
 * must be is known from the structure alone: an array is 1 + the sum of its inputs, or it failed, never anything else.
 * HEADRACE_STRESS=n makes n times the rounds; HEADRACE_CHAOS=seed shuffles the schedule as well. */
#include "world.h"

enum { THREADS = 6, PLACES = 48, STREAMS = 8, ROUNDS = 400 };

/* A place holds an array that any thread may use, and its value. */
typedef struct place {
  hr_mutex lock;
  hr_array *array;
  int64_t value;
} place;

typedef struct stress {
  place places[PLACES];
  struct {
    hr_mutex lock;
    hr_stream *stream;
  } streams[STREAMS];
  _Atomic(int) failed, done, cancels;
} stress;

static int below(unsigned *seed, int n) { return (int)((unsigned)rand_r(seed) % (unsigned)n); }

/* A handle of its own for the caller. */
static hr_stream *stream_at(stress *st, int at) {
  hr_mutex_lock(&st->streams[at].lock);
  hr_stream *s = st->streams[at].stream;
  hr_stream_handle_retain(s);
  hr_mutex_unlock(&st->streams[at].lock);
  return s;
}
static hr_stream *any_stream(stress *st, unsigned *seed) { return stream_at(st, below(seed, STREAMS)); }

static hr_array *any_array(stress *st, unsigned *seed, int64_t *value) {
  place *p = &st->places[below(seed, PLACES)];
  hr_mutex_lock(&p->lock);
  hr_array *a = hr_array_retain(p->array);
  *value = p->value;
  hr_mutex_unlock(&p->lock);
  return a;
}

/* Gives the array to a random place; what was there dies with its last user. */
static void put(stress *st, unsigned *seed, hr_array *a, int64_t value) {
  place *p = &st->places[below(seed, PLACES)];
  hr_mutex_lock(&p->lock);
  hr_array *old = p->array;
  p->array = a;
  p->value = value;
  hr_mutex_unlock(&p->lock);
  hr_array_release(old);
}

static void must_be(stress *st, hr_array *a, int64_t value) {
  const void *data;
  hr_status status = hr_array_read(&data, a);
  if (status == HR_OK) {
    assert_int_equal(*(const int64_t *)data, value);
    hr_add_relaxed(&st->done, 1);
  } else {
    assert_true(status == HR_CANCELLED || status == HR_FAILED);
    hr_add_relaxed(&st->failed, 1);
  }
}

/* A new array over one or two shared ones; values are kept small so that sums never overflow. */
static void builds(stress *st, unsigned *seed) {
  int64_t va, vb = 0;
  hr_array *a = any_array(st, seed, &va), *b = below(seed, 2) ? any_array(st, seed, &vb) : NULL;
  hr_stream *s = any_stream(st, seed);
  const hr_op *ops[] = {&op_light, &op_light, &op_light, &op_heavy};
  if (va + vb < INT64_MAX / 4)
    put(st, seed, apply(ops[below(seed, 4)], a, b, s), 1 + va + vb);
  else
    put(st, seed, constant(1), 1);
  hr_array_release(a);
  hr_array_release(b);
  hr_stream_handle_release(s);
}

static hr_status reads_inside(void *arg) { return hr_eval((hr_array **)&arg, 1); }

/* User code that evaluates a shared array inside its own task. */
static void nests(stress *st, unsigned *seed) {
  int64_t value;
  hr_array *a = any_array(st, seed, &value);
  hr_stream *s = stream_new();
  hr_array *y = call(&op_user_call, reads_inside, a, NULL, s);
  must_be(st, y, 1);
  hr_array_release(y);
  hr_array_release(a);
  hr_stream_handle_release(s);
}

static void poisons(stress *st, unsigned *seed) {
  int64_t value;
  hr_array *a = any_array(st, seed, &value);
  hr_stream *s = any_stream(st, seed);
  put(st, seed, call(&op_light_call, fails, "on purpose", a, s), 0);
  hr_array_release(a);
  hr_stream_handle_release(s);
}

static void evaluates(stress *st, unsigned *seed) {
  int64_t value;
  hr_array *a = any_array(st, seed, &value);
  must_be(st, a, value);
  hr_array_release(a);
}

static void evaluates_many(stress *st, unsigned *seed) {
  hr_array *a[5];
  int64_t value;
  for (int i = 0; i < 5; i++) a[i] = any_array(st, seed, &value);
  hr_status status = below(seed, 2) ? hr_async_eval(a, 5) : hr_eval(a, 5);
  assert_true(status == HR_OK || status == HR_CANCELLED || status == HR_FAILED);
  for (int i = 0; i < 5; i++) {
    status = hr_array_wait(a[i], below(seed, 2) ? 1000 : 0);
    assert_true(status != HR_INVALID && status != HR_DEADLOCK && status != HR_CLOSED);
    hr_array_release(a[i]);
  }
}

static void waits_for_stream(stress *st, unsigned *seed) {
  hr_stream *s = any_stream(st, seed);
  hr_status status = hr_wait_stream(s, below(seed, 2) ? -1 : 50000);
  assert_true(status == HR_OK || status == HR_TIMEOUT || status == HR_CANCELLED || status == HR_FAILED);
  hr_stream_handle_release(s);
}

static void cancels(stress *st, unsigned *seed) {
  hr_stream *s = any_stream(st, seed);
  hr_stream_cancel_queued(s);
  hr_add_relaxed(&st->cancels, 1);
  hr_stream_handle_release(s);
}

/* The stream goes while work for it is queued, or not even evaluated. */
static void replaces_stream(stress *st, unsigned *seed) {
  int at = below(seed, STREAMS);
  hr_stream *made = stream_new();
  hr_store_relaxed(&made->priority, (uint8_t)below(seed, HR_PRIORITY_COUNT));
  if (below(seed, 2)) hr_store_relaxed(&made->inflight_limit, 64);
  hr_mutex_lock(&st->streams[at].lock);
  hr_stream *old = st->streams[at].stream;
  st->streams[at].stream = made;
  hr_mutex_unlock(&st->streams[at].lock);
  hr_stream_handle_release(old);
}

/* Something fresh, so that failures do not take over. */
static void plants(stress *st, unsigned *seed) {
  int64_t value = below(seed, 1000);
  put(st, seed, constant(value), value);
}

static void *runs(void *arg) {
  static _Atomic(unsigned) number;
  stress *st = arg;
  unsigned seed = hr_add_relaxed(&number, 1u) + 1;
  void (*const acts[])(stress *, unsigned *) = {
      builds, builds, builds, builds,  builds,         builds,           evaluates, evaluates,
      plants, plants, nests,  poisons, evaluates_many, waits_for_stream, cancels,   replaces_stream};
  for (int i = 0; i < ROUNDS; i++) acts[below(&seed, sizeof acts / sizeof *acts)](st, &seed);
  return NULL;
}

static void test_all_at_once(void **state) {
  (void)state;
  for (int round = 0; round < 4 * stress_factor(); round++) {
    stress *st = calloc(1, sizeof *st);
    pthread_t threads[THREADS];
    assert_non_null(st);
    for (int i = 0; i < STREAMS; i++) st->streams[i].stream = stream_new();
    for (int i = 0; i < PLACES; i++) st->places[i].array = constant(st->places[i].value = i);
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, runs, st), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < PLACES; i++) {
      must_be(st, st->places[i].array, st->places[i].value);
      hr_array_release(st->places[i].array);
    }
    for (int i = 0; i < STREAMS; i++) {
      drain(st->streams[i].stream);
      assert_int_equal(hr_load_relaxed(&st->streams[i].stream->inflight_bytes), 0);
      hr_stream_handle_release(st->streams[i].stream);
    }
    assert_true(hr_load_relaxed(&st->done) > 0);
    free(st);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_at_once)};
  alarm((unsigned)(WATCHDOG_S * stress_factor()));
  return cmocka_run_group_tests(tests, NULL, NULL);
}
