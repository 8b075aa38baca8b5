#include "sched/future.h"

#include "base/memory.h"
#include "sched/pool.h"
#include "sched/process.h"

enum { OPEN, RUNNING, SETTLED, CANCELLED };

struct hr_future {
  hr_fence fence;
  hr_timeline timeline;
  hr_point point;
  _Atomic(uint32_t) state, promises;
  /* Set before the timeline completes. */
  void *value;
  void (*free_value)(void *);
  hr_error *error;
  /* Of a chained one. The links are guarded by `links`. */
  hr_fence *source;
  hr_callback *callback;
  hr_then_fn fn;
  void *arg;
  void (*free_arg)(void *);
  hr_job drop; /* frees value and future */
};

static hr_mutex links; /* V4 */

void hr_future_fork_prepare(void) { hr_mutex_lock(&links); }
void hr_future_fork_done(void) { hr_mutex_unlock(&links); }

static hr_future *of_promise(hr_promise *promise) { return (hr_future *)promise; }
hr_promise *hr_future_promise(hr_future *f) { return (hr_promise *)f; }
hr_fence *hr_future_own_fence(hr_future *f) { return &f->fence; }

/* --- as a fence --- */

static hr_error *future_error(hr_fence *fence) {
  const hr_future *f = (hr_future *)fence;
  return f->error ? hr_error_retain(f->error) : NULL;
}

static void drop_value(hr_job *job) {
  hr_future *f = (hr_future *)((char *)job - offsetof(hr_future, drop));
  f->free_value(f->value);
  hr_slab_free(f, sizeof *f);
}

static void future_destroy(hr_fence *fence) {
  hr_future *f = (hr_future *)fence;
  hr_fence_deinit(fence);
  hr_error_release(f->error);
  if (f->free_value)
    hr_job_run_outside(&f->drop, drop_value);
  else
    hr_slab_free(f, sizeof *f);
}

static const hr_fence_class future_class = {.error = future_error, .destroy = future_destroy};

static hr_future *future_of(hr_fence *fence) { return fence->class == &future_class ? (hr_future *)fence : NULL; }

/* R16, on the callback thread: a function of the chain in front of f has to be called there first. One that has begun
 * is the caller's own, which may have handed its promise to another thread. */
static bool needs_callback(hr_timeline *timeline) {
  hr_future *f = (hr_future *)((char *)timeline - offsetof(hr_future, timeline));
  bool needs = false;
  hr_mutex_lock(&links);
  while (f && !needs && f->callback && hr_load_relaxed(&f->state) == OPEN) {
    needs = hr_callback_is_on_callback_thread(f->callback);
    f = f->source ? future_of(f->source) : NULL;
  }
  hr_mutex_unlock(&links);
  return needs;
}

hr_status hr_future_create(hr_future **out) {
  *out = NULL;
  hr_future *f = hr_slab_alloc(sizeof *f);
  if (!f) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a future");
  *f = (hr_future){0};
  hr_timeline_init(&f->timeline, needs_callback, NULL);
  f->point = (hr_point){&f->timeline, 1};
  hr_fence_init(&f->fence, &future_class, &f->point, 1);
  hr_fence_ref(&f->fence); /* the promise's */
  atomic_init(&f->promises, 1u);
  *out = f;
  return HR_OK;
}

/* --- settling --- */

/* The caller holds a reference, or a promise. */
static void complete(hr_future *f) {
  hr_worklist work = {0};
  hr_fence_ref(&f->fence); /* whoever sees it done may drop the last reference but ours */
  hr_timeline_complete(&f->timeline, 1, &work);
  hr_worklist_run(&work);
  hr_pool_push_freed(&work);
  hr_fence_unref(&f->fence);
}

/* True: this thread makes the last step (V2). A future from before a fork stays as it was in the child (F6). */
static bool settle_begin(hr_future *f) {
  if (f->fence.generation != hr_process_generation()) return false;
  uint32_t state = hr_load_acquire(&f->state);
  while (state == OPEN || state == RUNNING)
    if (hr_cas_acq_rel(&f->state, &state, SETTLED)) return true;
  return false;
}

static hr_status refuse(hr_future *f) {
  if (f->fence.generation != hr_process_generation())
    return hr_fail(HR_CLOSED, "the promise belongs to the process before the fork");
  if (hr_load_acquire(&f->state) == CANCELLED) return hr_fail(HR_CANCELLED, "the future was cancelled");
  return hr_fail(HR_INVALID, "the promise was kept or failed before");
}

hr_status hr_promise_set_value(hr_promise *promise, void *value, void (*free_value)(void *)) {
  hr_future *f = of_promise(promise);
  if (free_value && hr_executor_need_callback_thread() != HR_OK) return HR_OUT_OF_MEMORY;
  if (!settle_begin(f)) return refuse(f);
  f->value = value;
  f->free_value = free_value;
  complete(f);
  return HR_OK;
}

hr_status hr_promise_set_error(hr_promise *promise, hr_error *error) {
  hr_future *f = of_promise(promise);
  if (!settle_begin(f)) {
    hr_error_release(error);
    return refuse(f);
  }
  f->error = error;
  complete(f);
  return HR_OK;
}

bool hr_promise_is_open(hr_promise *promise) { return hr_load_acquire(&of_promise(promise)->state) < SETTLED; }

void hr_promise_ref(hr_promise *promise) { hr_add_relaxed(&of_promise(promise)->promises, 1u); }

void hr_promise_unref(hr_promise *promise) {
  hr_future *f = of_promise(promise);
  if (!f || hr_sub_acq_rel(&f->promises, 1u) != 1) return;
  if (settle_begin(f)) {
    (void)hr_fail(HR_CANCELLED, "broken promise: it was dropped before it was kept");
    f->error = hr_error_new(HR_CANCELLED);
    complete(f);
  }
  hr_fence_unref(&f->fence);
}

hr_status hr_future_value(void **out, hr_future *f) {
  *out = NULL;
  if (!hr_point_done(f->point)) return hr_fail(HR_TIMEOUT, "the future is not done yet");
  if (f->error) return hr_error_raise(f->error);
  *out = f->value;
  return HR_OK;
}

bool hr_future_revoke(hr_future *f) {
  uint32_t open = OPEN;
  if (f->fence.generation != hr_process_generation() || !hr_cas_acq_rel(&f->state, &open, CANCELLED)) return false;
  (void)hr_fail(HR_CANCELLED, "the future was cancelled");
  f->error = hr_error_new(HR_CANCELLED);
  hr_mutex_lock(&links);
  hr_callback *callback = f->callback ? hr_callback_ref(f->callback) : NULL;
  hr_mutex_unlock(&links);
  complete(f);
  if (callback) hr_callback_expedite(callback); /* only to free the argument */
  hr_callback_unref(callback);
  return true;
}

/* --- chains --- */

static void cut_links(hr_future *f) {
  hr_mutex_lock(&links);
  hr_fence *source = f->source;
  hr_callback *callback = f->callback;
  f->source = NULL;
  f->callback = NULL;
  hr_mutex_unlock(&links);
  hr_fence_unref(source);
  hr_callback_unref(callback);
}

/* The function left the promise as it was, and nobody else holds it: the source's error is the chain's. */
static void pass_error_on(hr_future *f) {
  hr_error *error = hr_fence_result(f->source);
  if (error && hr_load_acquire(&f->promises) == 1 && settle_begin(f)) {
    f->error = hr_error_retain(error);
    complete(f);
  }
}

static void then_run(void *arg, hr_status status) {
  hr_future *f = arg;
  uint32_t open = OPEN;
  if (hr_cas_acq_rel(&f->state, &open, RUNNING)) {
    hr_future *source = future_of(f->source);
    f->fn(f->arg, status, source && status == HR_OK ? source->value : NULL, hr_future_promise(f));
    pass_error_on(f);
  }
  if (f->free_arg) f->free_arg(f->arg);
  cut_links(f);
  hr_promise_unref(hr_future_promise(f));
}

hr_status hr_future_chain(hr_future **out, hr_fence *source, hr_then_fn fn, void *arg, void (*free_arg)(void *),
                          const hr_executor *executor) {
  hr_callback *callback;
  hr_status status = hr_future_create(out);
  if (status != HR_OK) return status;
  hr_future *f = *out;
  status = hr_callback_new(&callback, source, then_run, f, executor);
  if (status != HR_OK) {
    hr_slab_free(f, sizeof *f);
    *out = NULL;
    return status;
  }
  f->source = hr_fence_ref(source);
  f->fn = fn;
  f->arg = arg;
  f->free_arg = free_arg;
  f->callback = hr_callback_ref(callback);
  hr_callback_register(callback);
  hr_callback_unref(callback);
  return HR_OK;
}
