/* The two threads that serve jobs, and the way of a job to its place. */
#include "sched/executor.h"

#include <limits.h>
#include <sched.h>
#include <stddef.h>

#include "base/futex.h"
#include "base/lock.h"
#include "sched/chaos.h"
#include "sched/loop.h"
#include "sched/process.h"
#include "sched/thread.h"
#include "sched/tuning.h"

typedef struct lane {
  const char *name;
  hr_mutex lock;
  hr_job_list queue; /* guarded by lock */
  bool started;      /* guarded by lock */
  bool sleeping;     /* guarded by lock: the thread is on `word`, or on its way there */
  bool lent;         /* guarded by lock: another thread runs a job; the thread sleeps meanwhile */
  _Atomic(uint32_t) word;
  _Atomic(bool) busy; /* inside a job */
} lane;

static lane callbacks = {.name = "hr-callback"}, submits = {.name = "hr-submit"};
static lane *const lanes[] = {&callbacks, &submits};
enum { LANES = sizeof lanes / sizeof *lanes };

static void item_run(void *item) {
  hr_job *job = item;
  job->run(job);
}

static void serve(lane *l, hr_job *job) {
  hr_store_seq_cst(&l->busy, true);
  if (hr_process_exiting()) /* seen here, or hr_executor_stop() sees busy */
    for (;;) {
      hr_store_seq_cst(&l->busy, false);
      hr_futex_wait(&l->word, hr_load_relaxed(&l->word), -1);
    }
  if (l == &submits)
    job->caller.submit(job->caller.user, item_run, job);
  else
    job->run(job);
  hr_store_seq_cst(&l->busy, false);
}

/* All that is queued; sleeps until there is something. */
static hr_job *take_all(lane *l) {
  for (;;) {
    hr_mutex_lock(&l->lock);
    hr_job *first = l->queue.first;
    l->queue = (hr_job_list){0};
    l->sleeping = !first;
    hr_store_relaxed(&l->word, 0);
    hr_mutex_unlock(&l->lock);
    if (first) return first;
    while (!hr_load_acquire(&l->word)) hr_futex_wait(&l->word, 0, -1);
  }
}

static void *lane_main(void *arg) {
  lane *l = arg;
  hr_thread *thread = hr_thread_get();
  if (thread) thread->callback = l == &callbacks;
  hr_thread_begin(l->name);
  for (;;)
    for (hr_job *job = take_all(l), *next; job; job = next) {
      next = job->next; /* the job may be gone when it has run */
      serve(l, job);
    }
  return NULL;
}

static bool start_locked(lane *l) {
  if (!l->started) l->started = hr_thread_spawn(lane_main, l, HR_WORKER_STACK);
  return l->started;
}

static hr_status lane_start(lane *l) {
  hr_process_hooks_install();
  hr_mutex_lock(&l->lock);
  bool started = start_locked(l);
  hr_mutex_unlock(&l->lock);
  return started ? HR_OK : hr_fail(HR_OUT_OF_MEMORY, "the system refused the thread %s", l->name);
}

/* Wakes the thread if there is something for it, and nobody who waits for that does it (X3). */
static void unlock_and_wake(lane *l) {
  const hr_job *first = l->queue.first;
  bool wake = first && l->sleeping && !l->lent && (first->next || !first->awaited);
  if (wake) {
    l->sleeping = false;
    hr_store_release(&l->word, 1);
  }
  hr_mutex_unlock(&l->lock);
  if (wake) hr_futex_wake(&l->word, 1);
}

static void lane_push(lane *l, hr_job_list *list) {
  hr_chaos_point();
  hr_mutex_lock(&l->lock);
  start_locked(l);
  *(l->queue.first ? &l->queue.last->next : &l->queue.first) = list->first;
  l->queue.last = list->last;
  unlock_and_wake(l);
  *list = (hr_job_list){0};
}

hr_status hr_job_init(hr_job *job, void (*run)(hr_job *job), const hr_executor *executor) {
  *job = (hr_job){.run = run};
  job->loop = hr_loop_of_executor(executor);
  if (job->loop) return hr_loop_attach(job->loop);
  if (executor && !executor->submit) return hr_fail(HR_INVALID, "the executor has no function submit");
  if (executor) job->caller = *executor;
  return lane_start(executor ? &submits : &callbacks);
}

void hr_job_deinit(hr_job *job) {
  if (job->loop) hr_loop_detach(job->loop);
  job->loop = NULL;
}

static bool same_place(const hr_job *a, const hr_job *b) {
  return a->loop == b->loop && !a->caller.submit == !b->caller.submit;
}

static void push_to_place(hr_job_list *list) {
  const hr_job *job = list->first;
  if (job->loop)
    hr_loop_push(job->loop, list);
  else
    lane_push(job->caller.submit ? &submits : &callbacks, list);
}

void hr_job_push_list(hr_job_list *list) {
  hr_job *first = list->first;
  while (first) {
    hr_job *last = first;
    while (last->next && same_place(first, last->next)) last = last->next;
    hr_job *rest = last->next;
    last->next = NULL;
    push_to_place(&(hr_job_list){first, last});
    first = rest;
  }
  *list = (hr_job_list){0};
}

void hr_job_push(hr_job *job) {
  hr_job_list list = {0};
  hr_job_list_add(&list, job);
  hr_job_push_list(&list);
}

bool hr_job_is_for_callback_thread(const hr_job *job) { return !job->loop && !job->caller.submit; }
void hr_job_push_callback_thread(hr_job_list *list) { lane_push(&callbacks, list); }

void hr_job_await_begin(hr_job *job) {
  hr_mutex_lock(&callbacks.lock);
  job->awaited++;
  hr_mutex_unlock(&callbacks.lock);
}

void hr_job_await_end(hr_job *job) {
  hr_mutex_lock(&callbacks.lock);
  job->awaited--;
  unlock_and_wake(&callbacks);
}

bool hr_job_run_here(hr_job *job) {
  hr_thread *thread = hr_thread_get();
  if (!thread || hr_process_exiting()) return false;
  hr_mutex_lock(&callbacks.lock);
  bool next = callbacks.queue.first == job && callbacks.sleeping && !callbacks.lent;
  if (next) {
    callbacks.queue.first = job->next;
    callbacks.lent = true;
  }
  hr_mutex_unlock(&callbacks.lock);
  if (!next) return false;
  thread->callback = true; /* for the while, what it waits for is judged as on that thread */
  job->run(job);
  thread->callback = false;
  hr_mutex_lock(&callbacks.lock);
  callbacks.lent = false;
  unlock_and_wake(&callbacks);
  return true;
}

void hr_job_run_outside(hr_job *job, void (*run)(hr_job *job)) {
  if (!hr_thread_in_runtime()) {
    run(job);
    return;
  }
  *job = (hr_job){.run = run};
  hr_job_push(job);
}

hr_status hr_executor_need_callback_thread(void) { return lane_start(&callbacks); }

void hr_executor_fork_prepare(void) {
  for (int i = 0; i < LANES; i++) hr_mutex_lock(&lanes[i]->lock);
}

void hr_executor_fork_parent(void) {
  for (int i = LANES; i-- > 0;) hr_mutex_unlock(&lanes[i]->lock);
}

void hr_executor_fork_child(void) {
  for (int i = LANES; i-- > 0;) {
    lane *l = lanes[i];
    l->queue = (hr_job_list){0};
    l->started = l->sleeping = l->lent = false;
    hr_store_relaxed(&l->busy, false);
    hr_mutex_unlock(&l->lock);
  }
}

void hr_executor_stop(int64_t deadline_ns) {
  const hr_thread *thread = hr_thread_peek();
  for (int i = 0; i < LANES; i++) {
    bool own = thread && thread->callback && lanes[i] == &callbacks;
    while (!own && hr_load_seq_cst(&lanes[i]->busy) && hr_now_ns() < deadline_ns) sched_yield();
  }
}
