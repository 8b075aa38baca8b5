/* Callbacks on fences (F4). */
#include <limits.h>
#include <sched.h>
#include <stddef.h>

#include "base/futex.h"
#include "base/memory.h"
#include "sched/callback_internal.h"
#include "sched/chaos.h"
#include "sched/thread.h"
#include "sched/wait.h"

typedef enum callback_state {
  WAITING, /* may be revoked */
  STARTED, /* fn has been called */
  RETURNED,
  REVOKED
} callback_state;

struct hr_callback {
  hr_job job;
  _Atomic(uint32_t) refs, state; /* callback_state */
  _Atomic(bool) has_sleepers;    /* on `state`: stored before they look at it, loaded after it was set; seq_cst */
  hr_callback *next, *prev;      /* in the fence's list; guarded by its lock, as is listed */
  bool listed;
  hr_fence *fence; /* one reference, until the callback has run or is gone */
  hr_error *error; /* a reference; set before the job is pushed */
  hr_callback_fn fn;
  void *arg;
};

/* --- one callback --- */

static void wake_sleepers(hr_callback *c) {
  if (hr_load_seq_cst(&c->has_sleepers)) hr_futex_wake(&c->state, INT_MAX);
}

static void callback_run(hr_job *job) {
  hr_callback *c = (hr_callback *)job;
  uint32_t waiting = WAITING;
  if (hr_cas_acq_rel(&c->state, &waiting, STARTED)) {
    c->fn(c->arg, c->error ? hr_error_raise(c->error) : HR_OK);
    hr_xchg_seq_cst(&c->state, RETURNED);
    wake_sleepers(c);
  }
  hr_callback_unref(c);
}

hr_status hr_callback_new(hr_callback **out, hr_fence *fence, hr_callback_fn fn, void *arg,
                          const hr_executor *executor) {
  *out = NULL;
  hr_status status = hr_fence_usable(fence);
  if (status != HR_OK) return status;
  hr_callback *c = hr_slab_alloc(sizeof *c);
  if (!c) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a callback");
  *c = (hr_callback){.fn = fn, .arg = arg};
  status = hr_job_init(&c->job, callback_run, executor);
  if (status != HR_OK) {
    hr_slab_free(c, sizeof *c);
    return status;
  }
  atomic_init(&c->refs, 1u);
  atomic_init(&c->state, WAITING);
  c->fence = hr_fence_ref(fence);
  *out = c;
  return HR_OK;
}

hr_callback *hr_callback_ref(hr_callback *c) {
  hr_add_relaxed(&c->refs, 1u);
  return c;
}

void hr_callback_unref(hr_callback *c) {
  if (!c || hr_sub_acq_rel(&c->refs, 1u) != 1) return;
  hr_error_release(c->error);
  hr_job_deinit(&c->job);
  hr_fence_unref(c->fence);
  hr_slab_free(c, sizeof *c);
}

bool hr_callback_is_on_callback_thread(const hr_callback *c) { return hr_job_is_for_callback_thread(&c->job); }

/* --- the fence's list --- */

static void append_locked(hr_fence *f, hr_callback *c) {
  c->prev = f->last;
  c->next = NULL;
  *(f->last ? &f->last->next : &f->first) = c;
  f->last = c;
  c->listed = true;
}

static void unlink_locked(hr_fence *f, hr_callback *c) {
  *(c->prev ? &c->prev->next : &f->first) = c->next;
  *(c->next ? &c->next->prev : &f->last) = c->prev;
  c->listed = false;
}

/* Parks the waiter on the first point from `at` that is not reached; false if there is none. */
static bool park_locked(hr_fence *f) {
  for (; f->at < f->point_count; f->at++) {
    hr_point point = f->points[f->at];
    if (hr_timeline_park(point.timeline, point.value, &f->waiter)) return true;
  }
  return false;
}

static void set_error(hr_callback *c, hr_error *error) { c->error = error ? hr_error_retain(error) : NULL; }

/* Only the thread that moved the fence to `delivering`. */
static void deliver(hr_fence *f) {
  hr_error *error = hr_fence_result(f);
  for (;;) {
    hr_job_list jobs = {0};
    hr_chaos_point();
    hr_mutex_lock(&f->lock);
    hr_callback *c = f->first;
    f->first = f->last = NULL;
    if (!c) f->phase = HR_FENCE_IDLE;
    for (hr_callback *at = c; at; at = at->next) at->listed = false;
    hr_mutex_unlock(&f->lock);
    if (!c) return;
    for (; c; c = c->next) {
      set_error(c, error);
      hr_job_list_add(&jobs, &c->job);
    }
    hr_job_push_list(&jobs);
  }
}

void hr_fence_fire(hr_waiter *waiter, hr_worklist *work) {
  hr_fence *f = (hr_fence *)((char *)waiter - offsetof(hr_fence, waiter));
  hr_mutex_lock(&f->lock);
  hr_timeline *timeline = f->points[f->at++].timeline;
  bool parked = park_locked(f);
  if (parked)
    hr_timeline_fired(timeline, work); /* under the lock: the fence, and what it keeps, may be gone behind it */
  else
    f->phase = HR_FENCE_DELIVERING;
  hr_mutex_unlock(&f->lock);
  if (parked) return;
  deliver(f);
  hr_timeline_fired(timeline, work);
  hr_fence_unref(f); /* the waiter's */
}

/* False: the fence is reached, and nobody is before the callback. */
static bool enlist(hr_fence *f, hr_callback *c) {
  hr_mutex_lock(&f->lock);
  if (f->phase == HR_FENCE_IDLE) {
    f->at = 0;
    if (park_locked(f)) {
      f->phase = HR_FENCE_WAITING;
      hr_fence_ref(f); /* the waiter's, which cannot be dropped before the lock is */
    }
  }
  bool listed = f->phase != HR_FENCE_IDLE;
  if (listed) append_locked(f, c);
  hr_mutex_unlock(&f->lock);
  return listed;
}

void hr_callback_register(hr_callback *c) {
  hr_callback_ref(c); /* the registration's */
  if (hr_fence_is_own(c->fence) && enlist(c->fence, c)) return;
  set_error(c, hr_fence_result(c->fence));
  hr_job_push(&c->job);
}

/* True: the callback was still in its fence's list, and is the caller's now. */
static bool take_back(hr_callback *c) {
  hr_fence *f = c->fence;
  if (!hr_fence_is_own(f)) return false;
  hr_mutex_lock(&f->lock);
  bool listed = c->listed, idle = false;
  if (listed) {
    unlink_locked(f, c);
    /* nobody left: the waiter goes too, unless it fires just now */
    idle = !f->first && f->phase == HR_FENCE_WAITING && hr_timeline_unpark(f->points[f->at].timeline, &f->waiter);
    if (idle) f->phase = HR_FENCE_IDLE;
  }
  hr_mutex_unlock(&f->lock);
  if (idle) hr_fence_unref(f); /* the waiter's */
  return listed;
}

bool hr_callback_revoke(hr_callback *c) {
  uint32_t waiting = WAITING;
  if (!hr_cas_seq_cst(&c->state, &waiting, REVOKED)) return false;
  wake_sleepers(c);
  if (take_back(c)) hr_callback_unref(c); /* the registration's */
  return true;
}

void hr_callback_expedite(hr_callback *c) {
  if (!take_back(c)) return;
  (void)hr_fail(HR_CANCELLED, "cancelled before it started");
  c->error = hr_error_new(HR_CANCELLED);
  hr_job_push(&c->job);
}

/* --- waiting for one --- */

enum { LOOKS = 100 }; /* at a callback that is about to be handed over or runs on another thread, before a sleep */

static bool is_over(hr_callback *c) { return hr_load_seq_cst(&c->state) >= RETURNED; }

/* Its fence is reached. */
static void look_for_a_while(hr_callback *c, bool may_run) {
  for (int look = 0; look < LOOKS && !is_over(c); look++) {
    if (may_run && hr_job_run_here(&c->job)) return;
    sched_yield();
  }
}

static hr_status sleep_until_over(hr_callback *c, int64_t deadline) {
  hr_store_seq_cst(&c->has_sleepers, true);
  for (;;) {
    uint32_t state = hr_load_seq_cst(&c->state);
    if (state >= RETURNED) return HR_OK;
    int64_t left = deadline < 0 ? -1 : deadline - hr_now_ns();
    if (deadline >= 0 && left <= 0) return hr_fail(HR_TIMEOUT, "the callback has not run in the time given");
    hr_futex_wait(&c->state, state, left);
  }
}

hr_status hr_callback_await(hr_callback *c, int64_t timeout_ns, bool may_run) {
  if (is_over(c)) return HR_OK;
  const hr_thread *thread = hr_thread_peek();
  bool on_own_thread = hr_callback_is_on_callback_thread(c);
  if (on_own_thread && thread && thread->callback)
    return hr_fail(HR_DEADLOCK, "a callback waits for another one of its thread, which cannot run meanwhile");
  if (!hr_fence_is_own(c->fence)) return hr_fail(HR_CLOSED, "the callback belongs to the process before the fork");
  int64_t deadline = hr_wait_deadline(timeout_ns);
  may_run = may_run && on_own_thread && !hr_thread_in_runtime();
  if (may_run) hr_job_await_begin(&c->job);
  hr_status status = hr_wait_points(c->fence->points, c->fence->point_count, timeout_ns);
  if (status == HR_OK) look_for_a_while(c, may_run);
  if (may_run) hr_job_await_end(&c->job);
  return status == HR_OK ? sleep_until_over(c, deadline) : status;
}
