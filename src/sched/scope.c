#include "sched/scope.h"

#include <pthread.h>

#include "base/memory.h"
#include "sched/stream.h"
#include "sched/thread.h"

typedef struct scope {
  struct scope *outer;
  hr_stream *stream, *saved; /* a handle each; saved: NULL if the thread had no default yet */
  uint8_t saved_device, saved_device_index;
} scope;

static void release(hr_stream *stream) {
  if (stream) hr_stream_handle_release(stream);
}

static void drop(scope *s) {
  release(s->stream);
  release(s->saved);
  hr_free(s);
}

/* A thread that ends inside scopes. */
static void drop_all(void *value) {
  for (scope *s = value, *outer; s; s = outer) {
    outer = s->outer;
    drop(s);
  }
}

static void set_drop(void) { hr_thread_slot_drop_set(HR_SLOT_SCOPE, drop_all); }

hr_status hr_scope_begin(hr_stream *stream) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, set_drop);
  hr_thread *thread = hr_thread_get();
  scope *s = thread ? hr_alloc(sizeof *s) : NULL;
  if (!s) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a scope");
  *s = (scope){.outer = thread->slots[HR_SLOT_SCOPE],
               .stream = stream,
               .saved = thread->defaults[stream->device],
               .saved_device = thread->default_device,
               .saved_device_index = thread->default_device_index};
  hr_stream_handle_retain(stream); /* the scope's */
  hr_stream_handle_retain(stream); /* the default's */
  thread->defaults[stream->device] = stream;
  thread->default_device = stream->device;
  thread->default_device_index = stream->device_index;
  thread->slots[HR_SLOT_SCOPE] = s;
  return HR_OK;
}

hr_status hr_scope_end(hr_stream *stream) {
  hr_thread *thread = hr_thread_get();
  scope *s = thread ? thread->slots[HR_SLOT_SCOPE] : NULL;
  if (!s) return hr_fail(HR_INVALID, "this thread is in no scope of a stream");
  if (s->stream != stream)
    return hr_fail(HR_INVALID, "the innermost scope is of stream %u, not of stream %u",
                   (unsigned)hr_load_relaxed(&s->stream->id) - 1, (unsigned)hr_load_relaxed(&stream->id) - 1);
  release(thread->defaults[stream->device]);
  bool dead = s->saved && hr_load_relaxed(&s->saved->dead); /* in the child of a fork: a new one on first use */
  thread->defaults[stream->device] = dead ? NULL : s->saved;
  if (!dead) s->saved = NULL;
  thread->default_device = s->saved_device;
  thread->default_device_index = s->saved_device_index;
  thread->slots[HR_SLOT_SCOPE] = s->outer;
  drop(s);
  return HR_OK;
}
