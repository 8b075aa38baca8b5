#include "sched/process.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"
#include "sched/pool.h"
#include "sched/thread.h"

enum { HOOKS = 8 };

static hr_fork_hooks hooks[HOOKS];
static int hook_count;
static _Atomic(uint32_t) generation;
static _Atomic(bool) exiting;

void hr_process_fork_hooks_add(const hr_fork_hooks *added) {
  if (hook_count < HOOKS) hooks[hook_count++] = *added;
}

uint32_t hr_process_generation(void) { return hr_load_acquire(&generation); }
bool hr_process_exiting(void) { return hr_load_acquire(&exiting); }

static void fork_prepare(void) {
  for (int i = 0; i < hook_count; i++) hooks[i].prepare();
  hr_stream_fork_prepare();
  hr_pool_fork_prepare();
  hr_memory_fork_prepare();
}

static void fork_parent(void) {
  hr_memory_fork_parent();
  hr_pool_fork_parent();
  hr_stream_fork_parent();
  for (int i = hook_count; i-- > 0;) hooks[i].parent();
}

static void fork_child(void) {
  hr_memory_fork_child();
  hr_pool_fork_child();
  hr_stream_fork_child();
  hr_thread_fork_child();
  hr_add_acq_rel(&generation, 1u);
  for (int i = hook_count; i-- > 0;) hooks[i].child();
}

static void cancel_all(hr_stream *s, void *ctx) {
  (void)ctx;
  hr_store_release(&s->cancel_upto, hr_stream_submitted(s));
}

void hr_process_shutdown(int64_t grace_ns) {
  hr_stream_each(cancel_all, NULL);
  hr_pool_stop(grace_ns);
}

static void at_exit(void) {
  hr_store_release(&exiting, true);
  hr_process_shutdown(HR_EXIT_GRACE_NS);
}

void hr_process_hooks_install(void) {
  pthread_atfork(fork_prepare, fork_parent, fork_child);
  atexit(at_exit);
}
