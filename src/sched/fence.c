/* Fences: references, waiting, results, and fences of streams. Callbacks are in callback.c. */
#include "sched/fence.h"

#include "base/memory.h"
#include "sched/callback_internal.h"
#include "sched/process.h"
#include "sched/stream.h"
#include "sched/wait.h"

/* Stands for "no error"; only its address is used. */
static char fine;
#define FINE ((hr_error *)(void *)&fine)

void hr_fence_init(hr_fence *f, const hr_fence_class *class, const hr_point *points, size_t point_count) {
  *f = (hr_fence){.class = class, .points = points, .point_count = point_count};
  atomic_init(&f->refs, 1u);
  f->generation = hr_process_generation();
  f->waiter.fire = hr_fence_fire;
  f->waiter.ordered = true;
}

void hr_fence_deinit(hr_fence *f) {
  hr_error *result = hr_load_acquire(&f->result);
  if (result != FINE) hr_error_release(result);
}

hr_fence *hr_fence_ref(hr_fence *f) {
  hr_add_relaxed(&f->refs, 1u);
  return f;
}

void hr_fence_unref(hr_fence *f) {
  /* acq_rel: the last reference sees what all the others did */
  if (f && hr_sub_acq_rel(&f->refs, 1u) == 1) f->class->destroy(f);
}

bool hr_fence_reached(const hr_fence *f) {
  for (size_t i = 0; i < f->point_count; i++)
    if (!hr_point_done(f->points[i])) return false;
  return true;
}

bool hr_fence_is_own(const hr_fence *f) { return f->generation == hr_process_generation(); }

hr_status hr_fence_usable(const hr_fence *f) {
  if (hr_fence_is_own(f) || hr_fence_reached(f)) return HR_OK;
  return hr_fail(HR_CLOSED, "the fence belongs to work of the process before the fork");
}

hr_error *hr_fence_result(hr_fence *f) {
  hr_error *result = hr_load_acquire(&f->result);
  if (!result) {
    hr_error *found = f->class->error(f);
    if (!found) found = FINE;
    if (hr_cas_acq_rel(&f->result, &result, found))
      result = found;
    else if (found != FINE)
      hr_error_release(found); /* another thread was first */
  }
  return result == FINE ? NULL : result;
}

hr_status hr_fence_await(hr_fence *f, int64_t timeout_ns) {
  hr_status status = hr_fence_usable(f);
  if (status == HR_OK) status = hr_wait_points(f->points, f->point_count, timeout_ns);
  if (status != HR_OK) return status;
  hr_error *error = hr_fence_result(f);
  return error ? hr_error_raise(error) : HR_OK;
}

/* --- fences of streams --- */

typedef struct stream_fence {
  hr_fence fence;
  hr_stream *stream; /* one handle: keeps the stream's error, and the stream from being given out again */
  hr_point point;
} stream_fence;

static hr_error *stream_error(hr_fence *f) {
  const stream_fence *sf = (stream_fence *)f;
  return hr_stream_peek_error(sf->stream, sf->point.value);
}

static void stream_destroy(hr_fence *f) {
  stream_fence *sf = (stream_fence *)f;
  hr_fence_deinit(f);
  hr_stream_handle_release(sf->stream);
  hr_slab_free(sf, sizeof *sf);
}

static const hr_fence_class stream_class = {.error = stream_error, .destroy = stream_destroy};

hr_status hr_fence_new_stream(hr_fence **out, hr_stream *stream) {
  *out = NULL;
  stream_fence *sf = hr_slab_alloc(sizeof *sf);
  if (!sf) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a fence");
  hr_stream_handle_retain(stream);
  sf->stream = stream;
  sf->point = (hr_point){&stream->timeline, hr_stream_submitted(stream)};
  hr_fence_init(&sf->fence, &stream_class, &sf->point, 1);
  *out = &sf->fence;
  return HR_OK;
}
