/* headrace/runtime.h - the process: workers, hooks, coming to rest and shutting down. */
#ifndef HEADRACE_RUNTIME_H
#define HEADRACE_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "headrace/status.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* --- Workers --- */

/* How many workers run tasks at once, 1 to 1024. At first HEADRACE_THREADS, or else the cores that the process may use
 * (affinity and control-group quota). Results do not depend on it. Takes effect as running tasks end. */
hr_status hr_set_threads(int count);
int hr_threads(void);

/* Whether the calling thread, while it waits, runs light work that it waits for (at most 50 us a task, no code of
 * libraries or of the program). On by default; off for real-time threads and event loops. */
hr_status hr_thread_help(bool help);

/* Workers take streams by their priority (hr_stream_set_priority). A stream that a more urgent one waits for counts as
 * urgent as that one. Background streams get at least a sixteenth of the turns. */
typedef enum hr_priority { HR_PRIORITY_INTERACTIVE, HR_PRIORITY_NORMAL, HR_PRIORITY_BACKGROUND } hr_priority;

/* --- Rest and shutdown --- */

/* Waits until nothing is queued or running on any stream, at most timeout_ns (negative: no limit). Work that other
 * threads queue meanwhile counts. HR_TIMEOUT is an answer: the error handler is not called. */
hr_status hr_quiesce(int64_t timeout_ns);

/* Gives up all queued work, as hr_stream_cancel does, and waits for running tasks at most timeout_ns. HR_TIMEOUT: a
 * task still runs, or a stream still waits for a promise. From the call on, queueing work and making streams is
 * HR_CLOSED; everything else keeps working, and workers end. For good; a second call only waits. Exit does the same
 * by itself. */
hr_status hr_shutdown(int64_t timeout_ns);

/* --- Hooks: any thread, but before anything else where it says so --- */

/* The memory of the library's own bookkeeping; arrays' data has an allocator of its own. Blocks are aligned to 16
 * bytes; NULL means no memory. The functions may be called by any thread and must not call the library. */
typedef struct hr_allocator {
  void *(*alloc)(void *user, size_t bytes);
  void *(*realloc)(void *user, void *block, size_t bytes);
  void (*free)(void *user, void *block);
  void *user;
} hr_allocator;

/* Before any other call of the library; NULL: malloc. */
hr_status hr_set_allocator(const hr_allocator *allocator);

typedef enum hr_log_level { HR_LOG_ERROR, HR_LOG_WARNING, HR_LOG_INFO } hr_log_level;
/* Lines about what no call reports by itself: tasks that failed, threads that the system refused, shutdown. The library
 * writes nothing anywhere unless this is set; NULL: silent again. The function is called by any thread, several at
 * once, and must not call the library. */
typedef void (*hr_log_fn)(void *user, hr_log_level level, const char *text);
hr_status hr_set_log(hr_log_fn fn, void *user);

/* Called on each new thread of the library before it does anything, with the thread's name: "hr-worker", "hr-monitor",
 * "hr-callback", "hr-submit". For affinity and priorities. It must not call the library. NULL: none. */
typedef void (*hr_thread_start_fn)(void *user, const char *name);
hr_status hr_on_thread_start(hr_thread_start_fn fn, void *user);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#endif
