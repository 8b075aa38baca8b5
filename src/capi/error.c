/* The error handler (R11). A call of it holds a reference to the handler, so that a concurrent mlx_set_error_handler()
 * neither frees the data under it nor waits for it. A handler may leave by a jump, and then nobody gives the reference
 * back: so it is kept in the thread (`held`), with the frame that called the handler, and dropped when the thread is
 * seen outside that frame, fails under another handler, or ends. */
#include "capi/error.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/atomic.h"
#include "base/lock.h"
#include "base/memory.h"
#include "mlx/c/error.h"

enum { MESSAGE_BYTES = 1536, PLACE_BYTES = 256 };

typedef struct handler {
  _Atomic(uint32_t) refs;
  mlx_error_handler_func call;
  void *data;
  void (*dtor)(void *);
} handler;

static handler *current; /* guarded by lock; NULL: the first handler */
static hr_mutex lock;    /* a leaf */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key; /* not NULL while the thread holds a handler, so that its exit drops it */
static bool key_made;

static _Thread_local struct {
  handler *handler;
  uintptr_t frame; /* of the hr_capi_failed() that called it; stacks grow down */
} held;

static void handler_release(handler *h) {
  if (!h || hr_sub_acq_rel(&h->refs, 1u) != 1) return;
  if (h->dtor) h->dtor(h->data);
  hr_free(h);
}

static void drop_held(void) {
  handler *h = held.handler;
  held.handler = NULL;
  if (key_made) pthread_setspecific(key, NULL);
  handler_release(h);
}

static void thread_exit(void *value) {
  (void)value;
  drop_held();
}

static void fork_prepare(void) { hr_mutex_lock(&lock); }
static void fork_done(void) { hr_mutex_unlock(&lock); }

static void set_up(void) {
  key_made = pthread_key_create(&key, thread_exit) == 0;
  pthread_atfork(fork_prepare, fork_done, fork_done);
}

static handler *handler_acquire(void) {
  hr_mutex_lock(&lock);
  handler *h = current;
  if (h) hr_add_relaxed(&h->refs, 1u);
  hr_mutex_unlock(&lock);
  return h;
}

static bool left_by_jump(uintptr_t frame) { return held.handler && frame >= held.frame; }

/* Not inlined: its frame tells a nested failure from one after a jump. */
__attribute__((noinline)) static void report(const char *message) {
  uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
  handler *h = handler_acquire();
  if (!h) {
    fprintf(stderr, "headrace: %s\n", message);
    return;
  }
  bool nested = !left_by_jump(frame) && held.handler == h;
  if (nested) {
    handler_release(h); /* the reference in `held` serves this call too */
  } else {
    drop_held();
    held.handler = h;
    held.frame = frame;
    if (key_made) pthread_setspecific(key, h);
  }
  h->call(message, h->data);
  if (!nested) drop_held();
}

int hr_capi_failed(const char *call, hr_status status) {
  char message[MESSAGE_BYTES]; /* the thread's own text may change under a handler that fails itself */
  (void)hr_fail_prefix(status, "[%s] ", call);
  snprintf(message, sizeof message, "%s", hr_last_error());
  report(message);
  return 1;
}

void mlx_set_error_handler(mlx_error_handler_func function, void *data, void (*dtor)(void *)) {
  pthread_once(&once, set_up);
  handler *h = function ? hr_alloc(sizeof *h) : NULL;
  if (function && !h) {
    report("[mlx_set_error_handler] no memory for a handler");
    return;
  }
  if (h) {
    atomic_init(&h->refs, 1u);
    h->call = function;
    h->data = data;
    h->dtor = dtor;
  }
  hr_mutex_lock(&lock);
  handler *old = current;
  current = h;
  hr_mutex_unlock(&lock);
  handler_release(old);
  if (left_by_jump((uintptr_t)__builtin_frame_address(0))) drop_held();
}

void _mlx_error(const char *file, const int line, const char *format, ...) {
  char message[MESSAGE_BYTES];
  va_list args;
  va_start(args, format);
  int length = format ? vsnprintf(message, sizeof message - PLACE_BYTES, format, args) : -1;
  va_end(args);
  if (length < 0) snprintf(message, sizeof message, "an error without a readable text");
  size_t used = strlen(message);
  snprintf(message + used, sizeof message - used, " at %s:%d", file ? file : "?", line);
  (void)hr_fail(HR_FAILED, "%s", message);
  report(message);
}
