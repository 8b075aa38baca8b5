#include "sched/process.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"
#include "sched/executor.h"
#include "sched/future.h"
#include "sched/pool.h"
#include "sched/thread.h"
#include "sched/wait.h"

enum { HOOKS = 8 };

static hr_fork_hooks hooks[HOOKS];
static int hook_count;
static _Atomic(uint32_t) generation;
static _Atomic(bool) exiting, closed;

void hr_process_fork_hooks_add(const hr_fork_hooks *added) {
  if (hook_count < HOOKS) hooks[hook_count++] = *added;
}

uint32_t hr_process_generation(void) { return hr_load_acquire(&generation); }
bool hr_process_exiting(void) { return hr_load_seq_cst(&exiting); }

static void fork_prepare(void) {
  for (int i = 0; i < hook_count; i++) hooks[i].prepare();
  hr_executor_fork_prepare();
  hr_stream_fork_prepare();
  hr_future_fork_prepare(); /* its lock is taken under a stream's (V4) */
  hr_pool_fork_prepare();
  hr_memory_fork_prepare();
}

static void fork_parent(void) {
  hr_memory_fork_parent();
  hr_pool_fork_parent();
  hr_future_fork_done();
  hr_stream_fork_parent();
  hr_executor_fork_parent();
  for (int i = hook_count; i-- > 0;) hooks[i].parent();
}

static void fork_child(void) {
  hr_memory_fork_child();
  hr_pool_fork_child();
  hr_future_fork_done();
  hr_stream_fork_child();
  hr_executor_fork_child();
  hr_thread_fork_child();
  hr_add_acq_rel(&generation, 1u);
  for (int i = hook_count; i-- > 0;) hooks[i].child();
}

/* --- closing --- */

bool hr_process_closed(void) { return hr_load_acquire(&closed); }

static int64_t left_of(int64_t deadline) {
  if (deadline < 0) return -1;
  int64_t left = deadline - hr_now_ns();
  return left > 0 ? left : 0;
}

/* Waits for every stream once; *out_idle is false if there was anything to wait for. */
static hr_status quiesce_pass(bool *out_idle, int64_t deadline) {
  hr_stream *s;
  *out_idle = true;
  for (uint32_t at = 0; (s = hr_stream_at(at)); at++) {
    if (hr_stream_idle(s) || hr_load_relaxed(&s->dead)) continue;
    *out_idle = false;
    hr_status status = hr_wait_point((hr_point){&s->timeline, hr_stream_submitted(s)}, left_of(deadline));
    if (status != HR_OK) return status;
  }
  return HR_OK;
}

hr_status hr_process_quiesce(int64_t timeout_ns) {
  int64_t now = hr_now_ns(), deadline = timeout_ns < 0                 ? -1
                                        : timeout_ns > INT64_MAX - now ? INT64_MAX
                                                                       : now + timeout_ns;
  bool idle = false;
  hr_status status = HR_OK;
  while (status == HR_OK && !idle) status = quiesce_pass(&idle, deadline);
  return status;
}

hr_status hr_process_close(int64_t timeout_ns) {
  hr_stream *s;
  hr_store_release(&closed, true); /* read under each stream's lock, which cancelling takes next */
  for (uint32_t at = 0; (s = hr_stream_at(at)); at++) hr_stream_cancel_queued(s);
  hr_pool_retire();
  return hr_process_quiesce(timeout_ns);
}

static void cancel(hr_stream *s, void *ctx) {
  (void)ctx;
  hr_store_release(&s->cancel_upto, hr_stream_submitted(s));
}

/* Nobody waits any more: what is queued stays where it is. */
static void at_exit(void) {
  hr_thread *thread = hr_thread_get();
  if (thread) thread->exits = true;
  int64_t deadline = hr_now_ns() + HR_EXIT_GRACE_NS;
  hr_store_seq_cst(&exiting, true);
  hr_stream_each(cancel, NULL);
  hr_executor_stop(deadline);
  hr_pool_stop(left_of(deadline));
}

static void install(void) {
  pthread_atfork(fork_prepare, fork_parent, fork_child);
  atexit(at_exit);
}

void hr_process_hooks_install(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, install);
}
