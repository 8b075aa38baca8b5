#include "sched/stream_wait.h"

#include "base/memory.h"
#include "sched/process.h"
#include "sched/stream.h"

typedef struct wait_task {
  hr_task task;
  hr_fence *fence; /* one reference */
} wait_task;

/* The furthest of several points on one timeline: a wait for it is a wait for all (P3). */
static bool wait_blocked(const hr_task *task, hr_point *out) {
  const hr_fence *fence = ((const wait_task *)task)->fence;
  bool blocked = false;
  for (size_t i = 0; i < fence->point_count; i++) {
    hr_point point = fence->points[i];
    if (hr_point_done(point)) continue;
    if (!blocked || (point.timeline == out->timeline && point.value > out->value)) *out = point;
    blocked = true;
  }
  return blocked;
}

static void wait_run(hr_task *task, int skip) {
  (void)skip;
  wait_task *w = (wait_task *)task;
  hr_fence_unref(w->fence);
  hr_slab_free(w, sizeof *w);
}

static const hr_task_class wait_class = {.blocked = wait_blocked, .run = wait_run};

hr_status hr_stream_append_wait(hr_stream *stream, hr_fence *fence) {
  hr_status status = hr_fence_usable(fence);
  if (status != HR_OK || hr_fence_reached(fence)) return status;
  wait_task *w = hr_slab_alloc(sizeof *w);
  if (!w) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a task");
  *w = (wait_task){.task.class = &wait_class, .task.cost_ns = 60, .fence = hr_fence_ref(fence)};
  if (hr_stream_append(stream, hr_load_relaxed(&stream->id), &w->task)) {
    hr_stream_kick(stream);
    return HR_OK;
  }
  hr_fence_unref(fence);
  hr_slab_free(w, sizeof *w);
  return hr_stream_refusal(stream);
}
