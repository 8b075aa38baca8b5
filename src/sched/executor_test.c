/* The callback thread, and threads that run a job of its queue themselves (X2, X3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "base/atomic.h"
#include "sched/executor.h"

typedef struct counted {
  hr_job job; /* first */
  _Atomic(int) runs;
  pthread_t thread;
  struct counted *then; /* pushed by the run, which lasts on for a while */
} counted;

static void run(hr_job *job) {
  counted *own = (counted *)job;
  own->thread = pthread_self();
  if (own->then) {
    hr_job_push(&own->then->job);
    for (int i = 0; i < 1000; i++) {
      assert_int_equal(hr_load_acquire(&own->then->runs), 0); /* X2 */
      sched_yield();
    }
  }
  hr_add_acq_rel(&own->runs, 1);
}

static void init(counted *c, counted *then) {
  *c = (counted){.then = then};
  assert_int_equal(hr_job_init(&c->job, run, NULL), HR_OK);
}

static void await(counted *c, int runs) {
  while (hr_load_acquire(&c->runs) < runs) sched_yield();
}

/* Pushes the job, which this thread waits for, until it ran here: the callback thread takes it while it is awake. */
static void run_here(counted *c) {
  for (int before = hr_load_acquire(&c->runs);; before++) {
    bool here = false;
    hr_job_await_begin(&c->job);
    hr_job_push(&c->job);
    while (!here && hr_load_acquire(&c->runs) == before) here = hr_job_run_here(&c->job);
    hr_job_await_end(&c->job);
    assert_int_equal(hr_load_acquire(&c->runs), before + 1);
    if (here) break;
  }
  assert_true(pthread_equal(c->thread, pthread_self()));
}

static void test_who_waits_may_run_it(void **state) {
  (void)state;
  counted c;
  init(&c, NULL);
  for (int i = 0; i < 1000; i++) run_here(&c);
  int before = c.runs;
  hr_job_push(&c.job);
  await(&c, before + 1);
  assert_false(pthread_equal(c.thread, pthread_self()));
  hr_job_deinit(&c.job);
}

static void test_the_next_job_waits_its_turn(void **state) {
  (void)state;
  counted second, first;
  init(&second, NULL);
  init(&first, &second);
  for (int i = 0; i < 20; i++) {
    int pushed = hr_load_acquire(&first.runs);
    await(&second, pushed);
    second.runs = 0;
    first.runs = 0;
    run_here(&first);
    await(&second, first.runs); /* the callback thread was woken for it */
    assert_false(pthread_equal(second.thread, pthread_self()));
  }
}

/* One that waits no more leaves the job to the callback thread; one that is not next does not run. */
static void test_giving_up(void **state) {
  (void)state;
  counted a, b;
  init(&a, NULL);
  init(&b, NULL);
  for (int i = 1; i <= 500; i++) {
    hr_job_await_begin(&b.job);
    hr_job_push(&a.job);
    hr_job_push(&b.job);
    if (hr_load_acquire(&a.runs) < i) assert_true(!hr_job_run_here(&b.job) || hr_load_acquire(&a.runs) == i);
    hr_job_await_end(&b.job);
    await(&a, i);
    await(&b, i);
  }
  for (int i = 501; i <= 1000; i++) {
    hr_job_await_begin(&b.job);
    hr_job_push(&b.job);
    hr_job_await_end(&b.job);
    await(&b, i);
  }
}

int main(void) {
  alarm(240);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_who_waits_may_run_it),
      cmocka_unit_test(test_the_next_job_waits_its_turn),
      cmocka_unit_test(test_giving_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
