/* src/sched/thread.h - what the scheduler knows of the calling thread: one pointer of thread-local storage. */
#ifndef HR_SCHED_THREAD_H
#define HR_SCHED_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sched/timeline.h"

enum { HR_THREAD_DEVICES = 2, HR_THREAD_SLOTS = 8 };

/* Owned by its thread, freed by a thread-exit destructor, made again if a later destructor calls into the library. */
typedef struct hr_thread {
  bool worker;                            /* a thread of the pool */
  bool callback;                          /* the library's callback thread */
  bool exits;                             /* runs the handlers of exit() (R25) */
  bool no_help;                           /* hr_thread_help(false) */
  bool helping;                           /* runs a stream's tasks while it waits */
  bool in_task;                           /* inside user code of a task */
  hr_point task;                          /* that task's place, while in_task */
  hr_stream *defaults[HR_THREAD_DEVICES]; /* one handle each */
  uint8_t default_device, default_device_index;
  uint64_t walks;             /* evaluations so far, from a number that no other thread has */
  int64_t alone_ns, alone_at; /* what guests could have done of its newest loops, and when (parallel.c) */
  /* Places for rooms above: value and destructor. */
  void *slots[HR_THREAD_SLOTS];
} hr_thread;

/* True on a worker and on a thread that helps: destructors of the program do not run here (R18). */
bool hr_thread_in_runtime(void);

/* NULL without memory. */
hr_thread *hr_thread_get(void);
/* NULL if this thread never needed one. */
hr_thread *hr_thread_peek(void);

/* Reserves a slot at start-up; drop(value) runs at thread exit when the value is not NULL. */
typedef enum hr_thread_slot { HR_SLOT_RANDOM, HR_SLOT_SCOPE, HR_SLOT_COUNT } hr_thread_slot;
void hr_thread_slot_drop_set(hr_thread_slot slot, void (*drop)(void *value));
void hr_thread_fork_child(void);

/* A detached thread with all signals blocked; false if the system refuses. main calls hr_thread_begin() first, which
 * sets the name and the floating-point environment (inherited from the creator otherwise, R19) and runs the program's
 * hook. */
bool hr_thread_spawn(void *(*main)(void *), void *arg, size_t stack_bytes);
void hr_thread_begin(const char *name);
/* hr_on_thread_start(): called on each new thread of the library before it does anything; NULL: none. */
void hr_thread_hook_set(void (*fn)(void *user, const char *name), void *user);
void hr_thread_hook_fork_child(void);

int64_t hr_now_ns(void); /* monotonic */

/* The default floating-point environment for kernels (R19): returns what the thread had. */
uint32_t hr_fpenv_enter(void);
void hr_fpenv_leave(uint32_t saved);

#endif
