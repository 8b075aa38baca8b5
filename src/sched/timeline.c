#include "sched/timeline.h"

#include <stddef.h>

#include "sched/chaos.h"
#include "sched/stream.h"

void hr_timeline_init(hr_timeline *timeline, bool (*needs_callback)(hr_timeline *), hr_stream *stream) {
  *timeline = (hr_timeline){.needs_callback = needs_callback, .stream = stream};
}

static void unlink_locked(hr_timeline *timeline, hr_waiter *waiter) {
  if (waiter->prev)
    waiter->prev->next = waiter->next;
  else
    hr_store_seq_cst(&timeline->waiters, waiter->next);
  if (waiter->next)
    waiter->next->prev = waiter->prev;
  else
    timeline->last = waiter->prev;
  waiter->parked = false;
}

static void insert_locked(hr_timeline *timeline, hr_waiter *waiter) {
  hr_waiter *before = timeline->last;
  while (before && before->value > waiter->value) before = before->prev;
  waiter->prev = before;
  waiter->next = before ? before->next : hr_load_relaxed(&timeline->waiters);
  if (waiter->next)
    waiter->next->prev = waiter;
  else
    timeline->last = waiter;
  waiter->parked = true;
  if (before)
    before->next = waiter;
  else
    hr_store_seq_cst(&timeline->waiters, waiter);
}

/* Cuts the waiters with value <= completed off the front and hangs them behind work->fired. */
static void splice_locked(hr_timeline *timeline, uint64_t value, hr_worklist *work) {
  hr_waiter *first = hr_load_relaxed(&timeline->waiters), *last = NULL, *at = first;
  for (; at && at->value <= value; last = at, at = at->next) {
    at->parked = false;
    timeline->firing += at->ordered;
  }
  if (!last) return;
  last->next = NULL;
  if (at)
    at->prev = NULL;
  else
    timeline->last = NULL;
  hr_store_seq_cst(&timeline->waiters, at);
  if (work->fired)
    work->fired_last->next = first;
  else
    work->fired = first;
  work->fired_last = last;
}

void hr_timeline_complete(hr_timeline *timeline, uint64_t value, hr_worklist *work) {
  hr_chaos_point();
  hr_xchg_seq_cst(&timeline->completed, value);
  if (!hr_load_seq_cst(&timeline->waiters)) return;
  hr_mutex_lock(&timeline->lock);
  splice_locked(timeline, value, work);
  hr_mutex_unlock(&timeline->lock);
}

/* Whether an ordered waiter has to stay for those before it, which the completing thread is about to cut off (they were
 * parked before it published their value, so it will look at the list), or fires just now. */
static bool has_others_before_locked(const hr_timeline *timeline, const hr_waiter *waiter) {
  const hr_waiter *before = waiter->prev;
  while (before && !before->ordered) before = before->prev;
  return before || timeline->firing;
}

bool hr_timeline_park(hr_timeline *timeline, uint64_t value, hr_waiter *waiter) {
  if (!waiter->ordered && hr_timeline_done(timeline, value)) return false;
  hr_mutex_lock(&timeline->lock);
  waiter->value = value;
  insert_locked(timeline, waiter);
  hr_chaos_point();
  bool done = hr_load_seq_cst(&timeline->completed) >= value;
  if (waiter->ordered) done = done && !has_others_before_locked(timeline, waiter);
  if (done) unlink_locked(timeline, waiter);
  hr_mutex_unlock(&timeline->lock);
  return !done;
}

bool hr_timeline_unpark(hr_timeline *timeline, hr_waiter *waiter) {
  hr_mutex_lock(&timeline->lock);
  bool parked = waiter->parked;
  if (parked) unlink_locked(timeline, waiter);
  hr_mutex_unlock(&timeline->lock);
  return parked;
}

void hr_timeline_fired(hr_timeline *timeline, hr_worklist *work) {
  hr_chaos_point();
  hr_mutex_lock(&timeline->lock);
  if (--timeline->firing == 0) splice_locked(timeline, hr_load_relaxed(&timeline->completed), work);
  hr_mutex_unlock(&timeline->lock);
}

void hr_timeline_forget_waiters(hr_timeline *timeline) {
  hr_store_relaxed(&timeline->waiters, NULL);
  timeline->last = NULL;
  timeline->firing = 0;
}

void hr_worklist_add_stream(hr_worklist *work, hr_stream *stream) {
  stream->next_runnable = NULL;
  if (work->streams)
    work->streams_last->next_runnable = stream;
  else
    work->streams = stream;
  work->streams_last = stream;
}

void hr_worklist_run(hr_worklist *work) {
  while (work->fired) {
    hr_waiter *waiter = work->fired;
    work->fired = waiter->next;
    waiter->fire(waiter, work);
  }
}
