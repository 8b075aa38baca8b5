/* The registry of streams and what any thread does with one: append, kick, cancel, names, errors. */
#include "sched/stream.h"

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/futex.h"
#include "base/memory.h"
#include "sched/chaos.h"
#include "sched/pool.h"
#include "sched/process.h"
#include "sched/thread.h"
#include "sched/tuning.h"

enum { CHUNK = 64, CHUNKS = 4096 };

/* Streams live in chunks that are never freed, found by their place; `id` counts up and maps to a place by a table that
 * holds only the living ones. */
static struct {
  hr_mutex lock;
  hr_stream *chunk[CHUNKS];
  uint32_t made; /* places in use or free */
  uint32_t next_id;
  hr_stream *free;
} registry;

static void stream_fire(hr_waiter *waiter, hr_worklist *work);

static hr_stream *place(uint32_t at) { return &registry.chunk[at / CHUNK][at % CHUNK]; }

static void stream_init(hr_stream *s) {
  memset(s, 0, sizeof *s);
  hr_timeline_init(&s->timeline, NULL, s);
  s->waiter.fire = stream_fire;
}

/* A place keeps its device for good: nodes built for a retired stream still ask for it. */
static hr_stream *registry_take_locked(uint8_t device, uint8_t device_index) {
  hr_stream **free = &registry.free;
  while (*free && ((*free)->device != device || (*free)->device_index != device_index)) free = &(*free)->free_next;
  hr_stream *s = *free;
  if (s) {
    *free = s->free_next;
    return s;
  }
  if (registry.made == CHUNK * CHUNKS) return NULL;
  uint32_t at = registry.made;
  if (at % CHUNK == 0) {
    size_t bytes = CHUNK * sizeof(hr_stream) + HR_CACHE_LINE;
    char *block = hr_alloc(bytes);
    if (!block) return NULL;
    block += HR_CACHE_LINE - (uintptr_t)block % HR_CACHE_LINE;
    registry.chunk[at / CHUNK] = (hr_stream *)block;
  }
  registry.made++;
  s = place(at);
  stream_init(s);
  s->device = device;
  s->device_index = device_index;
  return s;
}

hr_status hr_stream_create(hr_stream **out, uint8_t device, uint8_t device_index) {
  *out = NULL;
  if (hr_process_closed()) return hr_fail(HR_CLOSED, "the library has been shut down");
  hr_status status = hr_pool_start();
  if (status != HR_OK) return status;
  hr_mutex_lock(&registry.lock);
  hr_stream *s = registry_take_locked(device, device_index);
  if (s) {
    hr_store_relaxed(&s->handles, 1);
    hr_store_relaxed(&s->priority, HR_PRIORITY_NORMAL);
    hr_store_relaxed(&s->inflight_limit, 0);
    hr_store_relaxed(&s->pace, HR_PACE_UNKNOWN);
    s->name[0] = 0;
    hr_mutex_lock(&s->lock);
    s->closing = false;
    s->parks = 0;
    hr_store_release(&s->id, ++registry.next_id);
    hr_mutex_unlock(&s->lock);
  }
  hr_mutex_unlock(&registry.lock);
  if (!s) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a stream, or more than %d streams", CHUNK * CHUNKS);
  *out = s;
  return HR_OK;
}

/* Called when the last handle is gone and nothing is queued, or by the runner that drains the rest. */
static void stream_retire(hr_stream *s) {
  hr_error *error = hr_stream_take_error(s);
  hr_error_release(error);
  hr_mutex_lock(&registry.lock);
  s->free_next = registry.free;
  registry.free = s;
  hr_mutex_unlock(&registry.lock);
}

void hr_stream_handle_retain(hr_stream *s) { hr_add_relaxed(&s->handles, 1u); }

/* True if the caller has to retire the stream: it is closing, drained, and nobody did before. Clears the id, so that
 * nothing can be appended for it any more. */
static bool close_if_drained_locked(hr_stream *s) {
  if (!s->closing || s->state != HR_STREAM_IDLE) return false; /* `batch` is the runner's otherwise */
  if (s->incoming || s->batch || hr_load_relaxed(&s->dead)) return false;
  s->closing = false;
  hr_store_release(&s->id, 0);
  return true;
}

void hr_stream_handle_release(hr_stream *s) {
  if (hr_sub_acq_rel(&s->handles, 1u) != 1) return;
  hr_mutex_lock(&s->lock);
  s->closing = true;
  bool retire = close_if_drained_locked(s);
  hr_mutex_unlock(&s->lock);
  if (retire) stream_retire(s);
}

hr_stream *hr_stream_find_id(uint32_t id) {
  hr_stream *found = NULL;
  hr_mutex_lock(&registry.lock);
  for (uint32_t at = 0; id && at < registry.made && !found; at++) {
    hr_stream *s = place(at);
    if (hr_load_acquire(&s->id) != id) continue;
    uint32_t handles = hr_load_relaxed(&s->handles);
    while (handles && !hr_cas_acq_rel(&s->handles, &handles, handles + 1)) continue;
    if (handles) found = s;
  }
  hr_mutex_unlock(&registry.lock);
  return found;
}

hr_status hr_stream_default(hr_stream **out, uint8_t device, uint8_t device_index) {
  *out = NULL;
  hr_thread *thread = hr_thread_get();
  if (!thread) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a thread's defaults");
  hr_stream **slot = &thread->defaults[device];
  if (!*slot) {
    hr_status status = hr_stream_create(slot, device, device_index);
    if (status != HR_OK) return status;
  }
  *out = *slot;
  return HR_OK;
}

hr_status hr_stream_default_set(hr_stream *stream) {
  hr_thread *thread = hr_thread_get();
  if (!thread) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a thread's defaults");
  hr_stream *old = thread->defaults[stream->device];
  hr_stream_handle_retain(stream);
  thread->defaults[stream->device] = stream;
  if (old) hr_stream_handle_release(old);
  return HR_OK;
}

uint64_t hr_stream_append(hr_stream *s, uint32_t id, hr_task *task) {
  uint64_t value = 0;
  _Atomic(uint32_t) *wake = NULL;
  task->next = NULL;
  hr_chaos_point();
  hr_mutex_lock(&s->lock);
  if (hr_load_relaxed(&s->id) == id && !hr_load_relaxed(&s->dead) && !hr_process_closed()) {
    value = hr_load_relaxed(&s->submitted) + 1;
    task->value = value;
    if (s->incoming)
      s->incoming_last->next = task;
    else
      s->incoming = task;
    s->incoming_last = task;
    hr_store_release(&s->submitted, value);
    if (task->class->queued) wake = task->class->queued(task);
  }
  hr_mutex_unlock(&s->lock);
  if (wake) hr_futex_wake(wake, INT_MAX);
  return value;
}

hr_status hr_stream_refusal(hr_stream *s) {
  if (hr_process_closed()) return hr_fail(HR_CLOSED, "the library has been shut down");
  if (hr_load_relaxed(&s->dead)) return hr_fail(HR_CLOSED, "the stream had work in flight when the process forked");
  return hr_fail(HR_CLOSED, "the stream has been freed");
}

void hr_stream_kick(hr_stream *s) {
  hr_chaos_point();
  hr_mutex_lock(&s->lock);
  bool push = s->state == HR_STREAM_IDLE && (s->incoming || s->batch) && !hr_load_relaxed(&s->dead);
  if (push) s->state = HR_STREAM_QUEUED;
  hr_mutex_unlock(&s->lock);
  if (push) hr_pool_push(s);
}

bool hr_stream_claim(hr_stream *s, unsigned from) {
  hr_mutex_lock(&s->lock);
  bool mine = (s->state == HR_STREAM_IDLE && (from & HR_CLAIM_IDLE) && (s->incoming || s->batch)) ||
              (s->state == HR_STREAM_QUEUED && (from & HR_CLAIM_QUEUED));
  mine = mine && !hr_load_relaxed(&s->dead);
  if (mine) s->state = HR_STREAM_RUNNING;
  hr_mutex_unlock(&s->lock);
  return mine;
}

void hr_stream_give_back(hr_stream *s) {
  hr_mutex_lock(&s->lock);
  bool work = s->batch || s->incoming;
  bool push = work && s->helpers == 0;
  s->state = push ? HR_STREAM_QUEUED : HR_STREAM_IDLE;
  bool retire = !work && close_if_drained_locked(s);
  hr_mutex_unlock(&s->lock);
  if (push) hr_pool_push(s);
  if (retire) stream_retire(s);
}

/* The head task, or NULL when there is none: then the stream is idle and no more the runner's. */
static hr_task *take_head(hr_stream *s) {
  if (s->batch) return s->batch;
  hr_chaos_point();
  hr_mutex_lock(&s->lock);
  s->batch = s->incoming;
  s->incoming = s->incoming_last = NULL;
  hr_task *head = s->batch;
  bool retire = false;
  if (!head) {
    s->state = HR_STREAM_IDLE;
    retire = close_if_drained_locked(s);
  }
  hr_mutex_unlock(&s->lock);
  if (retire) stream_retire(s);
  return head;
}

bool hr_stream_parked_on_stream(hr_stream *s, hr_point *out) {
  hr_mutex_lock(&s->lock);
  bool parked = s->state == HR_STREAM_PARKED && s->parked_on.timeline->stream;
  if (parked) *out = s->parked_on;
  hr_mutex_unlock(&s->lock);
  return parked;
}

uint8_t hr_stream_urgency(hr_stream *s) {
  uint8_t own = hr_load_relaxed(&s->priority), boost = hr_load_relaxed(&s->boost);
  bool boosted = !hr_timeline_done(&s->timeline, hr_load_acquire(&s->boost_upto));
  return boosted && boost < own ? boost : own;
}

static void boost_one(hr_stream *s, uint8_t urgent, uint64_t upto) {
  hr_mutex_lock(&s->lock);
  uint64_t before = hr_load_relaxed(&s->boost_upto);
  bool boosted = !hr_timeline_done(&s->timeline, before);
  if (!boosted || urgent < hr_load_relaxed(&s->boost)) hr_store_relaxed(&s->boost, urgent);
  if (upto > before) hr_store_release(&s->boost_upto, upto);
  hr_mutex_unlock(&s->lock);
}

/* R14: whoever a stream waits for is as urgent as the stream, transitively, until the value is reached. The stream is
 * parked already: who boosts it from now on sees that and goes on to what it waits for; earlier boosts are seen here.
 * */
static void boost(hr_stream *s, hr_point point) {
  uint8_t urgent = hr_stream_urgency(s);
  for (int depth = 0; urgent < HR_PRIORITY_BACKGROUND && depth < 64; depth++) {
    hr_stream *producer = point.timeline->stream;
    if (hr_load_relaxed(&producer->priority) <= urgent) return;
    boost_one(producer, urgent, point.value);
    bool parked = hr_stream_parked_on_stream(producer, &point);
    hr_pool_requeue(producer);
    if (!parked) return;
  }
}

/* False: the point was reached meanwhile, the caller is still the runner. */
static bool park(hr_stream *s, hr_point point) {
  hr_mutex_lock(&s->lock);
  s->state = HR_STREAM_PARKED;
  s->parked_on = point;
  s->parks++;
  hr_mutex_unlock(&s->lock);
  hr_chaos_point();
  if (hr_timeline_park(point.timeline, point.value, &s->waiter)) return true;
  hr_mutex_lock(&s->lock);
  s->state = HR_STREAM_RUNNING;
  s->parks--;
  hr_mutex_unlock(&s->lock);
  return false;
}

static void stream_fire(hr_waiter *waiter, hr_worklist *work) {
  hr_stream *s = (hr_stream *)((char *)waiter - offsetof(hr_stream, waiter));
  hr_mutex_lock(&s->lock);
  s->state = HR_STREAM_RUNNING; /* this thread's, until it runs or queues it */
  hr_mutex_unlock(&s->lock);
  hr_worklist_add_stream(work, s);
}

/* Blocked head: parks the stream. True when it is parked. */
static bool head_parks(hr_stream *s, hr_task *task) {
  hr_point point;
  while (task->class->blocked(task, &point)) {
    bool on_stream = point.timeline->stream != NULL; /* no more to be looked at once the stream is parked */
    if (park(s, point)) {
      if (on_stream) boost(s, point);
      return true;
    }
  }
  return false;
}

/* User code, whose time nobody knows, and kernels that will take longer than others may have to wait. */
static bool may_be_long(const hr_task *task) { return (task->kinds & HR_TASK_USER) || task->cost_ns > HR_STARVE_NS; }

/* What it took counts, not what it was estimated at: after a long task others have their turn. */
static void run_long(hr_stream *s, hr_task *task, int skip, hr_stint *stint) {
  int64_t begin = hr_now_ns();
  hr_pool_long_begin();
  task->class->run(task, skip);
  hr_pool_long_end();
  int64_t took = hr_now_ns() - begin;
  stint->budget_ns -= took;
  bool fast = took <= HR_STARVE_NS;
  uint8_t pace = hr_load_relaxed(&s->pace);
  hr_store_relaxed(&s->pace, fast ? HR_PACE_FAST : pace == HR_PACE_FAST ? HR_PACE_UNKNOWN : HR_PACE_SLOW);
}

static void run_short(hr_stream *s, hr_task *task, int skip) {
  task->class->run(task, skip);
  if (hr_load_relaxed(&s->pace) != HR_PACE_FAST) hr_store_relaxed(&s->pace, HR_PACE_FAST);
}

static void run_head(hr_stream *s, hr_task *task, hr_stint *stint) {
  uint64_t value = task->value;
  s->batch = task->next; /* the task may be gone after its run */
  int skip = value <= hr_load_acquire(&s->cancel_upto) ? HR_CANCELLED : HR_OK;
  if (may_be_long(task))
    run_long(s, task, skip, stint);
  else
    run_short(s, task, skip);
  hr_timeline_complete(&s->timeline, value, &stint->freed);
  hr_worklist_run(&stint->freed);
}

hr_stint_end hr_stream_run(hr_stream *s, hr_stint *stint) {
  for (;;) {
    if (stint->until && hr_point_done(*stint->until)) return HR_STINT_REACHED;
    hr_task *task = take_head(s);
    if (!task) return HR_STINT_EMPTY;
    if (head_parks(s, task)) return HR_STINT_PARKED;
    if (stint->max_cost_ns != UINT32_MAX && (!hr_task_is_ours(task) || task->cost_ns > stint->max_cost_ns))
      return HR_STINT_REFUSED;
    if (stint->freed.streams) hr_pool_push_freed(&stint->freed); /* this stream goes on: others may take those (R13) */
    if (stint->budget_ns < 0) return HR_STINT_BUDGET;
    stint->budget_ns -= task->cost_ns;
    run_head(s, task, stint);
  }
}

uint64_t hr_stream_cancel_queued(hr_stream *s) {
  hr_mutex_lock(&s->lock);
  uint64_t upto = hr_load_relaxed(&s->submitted);
  hr_store_release(&s->cancel_upto, upto);
  hr_mutex_unlock(&s->lock);
  hr_stream_kick(s);
  return upto;
}

void hr_stream_note_error(hr_stream *s, hr_error *error) {
  hr_error *old = NULL;
  hr_mutex_lock(&s->lock);
  if (!s->error || hr_error_seen(s->error)) {
    old = s->error;
    s->error = hr_error_retain(error);
    s->error_value = hr_load_relaxed(&s->timeline.completed) + 1;
  }
  hr_mutex_unlock(&s->lock);
  hr_error_release(old);
}

hr_error *hr_stream_peek_error(hr_stream *s, uint64_t upto) {
  hr_mutex_lock(&s->lock);
  bool there = s->error && s->error_value <= upto && !hr_error_seen(s->error);
  hr_error *error = there ? hr_error_retain(s->error) : NULL;
  hr_mutex_unlock(&s->lock);
  return error;
}

hr_error *hr_stream_take_error(hr_stream *s) {
  hr_mutex_lock(&s->lock);
  hr_error *error = s->error;
  s->error = NULL;
  hr_mutex_unlock(&s->lock);
  return error;
}

void hr_stream_name_set(hr_stream *s, const char *name) {
  hr_mutex_lock(&s->lock);
  snprintf(s->name, sizeof s->name, "%s", name ? name : "");
  hr_mutex_unlock(&s->lock);
}

void hr_stream_name_get(hr_stream *s, char out[HR_STREAM_NAME]) {
  hr_mutex_lock(&s->lock);
  memcpy(out, s->name, HR_STREAM_NAME);
  hr_mutex_unlock(&s->lock);
}

hr_stream *hr_stream_at(uint32_t at) {
  hr_mutex_lock(&registry.lock);
  hr_stream *s = at < registry.made ? place(at) : NULL;
  hr_mutex_unlock(&registry.lock);
  return s;
}

void hr_stream_each(void (*fn)(hr_stream *stream, void *ctx), void *ctx) {
  hr_mutex_lock(&registry.lock);
  for (uint32_t at = 0; at < registry.made; at++) fn(place(at), ctx);
  hr_mutex_unlock(&registry.lock);
}

void hr_stream_fork_prepare(void) {
  hr_mutex_lock(&registry.lock);
  for (uint32_t at = 0; at < registry.made; at++) {
    hr_mutex_lock(&place(at)->lock);
    hr_mutex_lock(&place(at)->timeline.lock);
  }
}

static void fork_unlock(void) {
  for (uint32_t at = registry.made; at-- > 0;) {
    hr_mutex_unlock(&place(at)->timeline.lock);
    hr_mutex_unlock(&place(at)->lock);
  }
  hr_mutex_unlock(&registry.lock);
}

void hr_stream_fork_parent(void) { fork_unlock(); }

void hr_stream_fork_child(void) {
  for (uint32_t at = 0; at < registry.made; at++) {
    hr_stream *s = place(at);
    bool unfinished = s->state != HR_STREAM_IDLE || !hr_stream_idle(s);
    if (unfinished && hr_load_relaxed(&s->id)) hr_store_relaxed(&s->dead, true);
    hr_timeline_forget_waiters(&s->timeline);
    s->in_queue = false;
    s->queue_next = s->queue_prev = NULL;
    s->helpers = 0;
  }
  fork_unlock();
}
