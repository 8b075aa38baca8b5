/* Starting threads of the library, all in one way. */
#include <pthread.h>
#include <signal.h>

#include "base/lock.h"
#include "sched/thread.h"

/* The program's hook; guarded by lock, which is a leaf. */
static struct {
  hr_mutex lock;
  void (*fn)(void *user, const char *name);
  void *user;
} hook;

void hr_thread_hook_set(void (*fn)(void *user, const char *name), void *user) {
  hr_mutex_lock(&hook.lock);
  hook.fn = fn;
  hook.user = user;
  hr_mutex_unlock(&hook.lock);
}

void hr_thread_hook_fork_child(void) { hr_mutex_reset(&hook.lock); }

bool hr_thread_spawn(void *(*main)(void *), void *arg, size_t stack_bytes) {
  sigset_t all, old;
  pthread_attr_t attr;
  pthread_t thread;
  sigfillset(&all);
  if (pthread_attr_init(&attr) != 0) return false;
  pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attr, stack_bytes);
  pthread_sigmask(SIG_SETMASK, &all, &old); /* the new thread inherits the mask (R25) */
  bool made = pthread_create(&thread, &attr, main, arg) == 0;
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  pthread_attr_destroy(&attr);
  return made;
}

void hr_thread_begin(const char *name) {
#ifdef __linux__
  pthread_setname_np(pthread_self(), name);
#endif
  hr_fpenv_enter();
  hr_mutex_lock(&hook.lock);
  void (*fn)(void *, const char *) = hook.fn;
  void *user = hook.user;
  hr_mutex_unlock(&hook.lock);
  if (fn) fn(user, name);
}
