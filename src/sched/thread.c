#include "sched/thread.h"

#include <pthread.h>
#include <stddef.h>
#include <time.h>

#include "base/memory.h"
#include "base/tls.h"
#include "sched/stream.h"

static HR_THREAD_LOCAL hr_thread *self;
static pthread_key_t exit_key;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;
static void (*slot_drop[HR_SLOT_COUNT])(void *value);

/* Runs at thread exit. Destructors of other thread-local data may call into the library afterwards; they get a new
 * record, whose own key value makes the system run this once more (R25). */
static void thread_exit(void *record) {
  hr_thread *thread = record;
  if (self == thread) self = NULL;
  for (int i = 0; i < HR_SLOT_COUNT; i++)
    if (thread->slots[i] && slot_drop[i]) slot_drop[i](thread->slots[i]);
  for (int i = 0; i < HR_THREAD_DEVICES; i++)
    if (thread->defaults[i]) hr_stream_handle_release(thread->defaults[i]);
  hr_free(thread);
}

static _Atomic(uint32_t) threads_made;

static void exit_key_make(void) { pthread_key_create(&exit_key, thread_exit); }

static hr_thread *thread_make(void) {
  pthread_once(&exit_once, exit_key_make);
  hr_thread *thread = hr_alloc_zero(sizeof *thread);
  if (!thread) return NULL;
  thread->walks = (uint64_t)(hr_add_relaxed(&threads_made, 1u) + 1) << 32;
  if (pthread_setspecific(exit_key, thread) != 0) {
    hr_free(thread);
    return NULL;
  }
  return self = thread;
}

hr_thread *hr_thread_get(void) { return self ? self : thread_make(); }
hr_thread *hr_thread_peek(void) { return self; }
bool hr_thread_in_runtime(void) { return self && (self->worker || self->helping); }

void hr_thread_slot_drop_set(hr_thread_slot slot, void (*drop)(void *value)) { slot_drop[slot] = drop; }

/* The child's only thread keeps its record, but not the default streams: those are new (R24). */
void hr_thread_fork_child(void) {
  hr_thread_hook_fork_child();
  if (!self) return;
  self->worker = self->callback = self->in_task = false;
  for (int i = 0; i < HR_THREAD_DEVICES; i++) self->defaults[i] = NULL;
}

int64_t hr_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#if defined(__x86_64__) || defined(__i386__)
/* MXCSR: all exceptions masked, round to nearest, no flush to zero; the low six bits are sticky flags. x87 is not used.
 */
enum { MXCSR_DEFAULT = 0x1f80, MXCSR_FLAGS = 0x3f };

uint32_t hr_fpenv_enter(void) {
  uint32_t saved = __builtin_ia32_stmxcsr();
  if ((saved & ~(uint32_t)MXCSR_FLAGS) != MXCSR_DEFAULT) __builtin_ia32_ldmxcsr(MXCSR_DEFAULT);
  return saved;
}
void hr_fpenv_leave(uint32_t saved) {
  if ((saved & ~(uint32_t)MXCSR_FLAGS) != MXCSR_DEFAULT) __builtin_ia32_ldmxcsr(saved);
}
#elif defined(__aarch64__)
uint32_t hr_fpenv_enter(void) {
  uint64_t saved;
  __asm__ volatile("mrs %0, fpcr" : "=r"(saved));
  if (saved) __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)0));
  return (uint32_t)saved;
}
void hr_fpenv_leave(uint32_t saved) {
  if (saved) __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)saved));
}
#else
uint32_t hr_fpenv_enter(void) { return 0; }
void hr_fpenv_leave(uint32_t saved) { (void)saved; }
#endif
