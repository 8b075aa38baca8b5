#include "sched/wait.h"

#include <sched.h>
#include <stddef.h>

#include "base/futex.h"
#include "sched/chaos.h"
#include "sched/pool.h"
#include "sched/process.h"
#include "sched/thread.h"
#include "sched/tuning.h"

enum { LOOK_NS = 50000000 };

typedef struct sleeper {
  hr_waiter waiter;
  _Atomic(uint32_t) word;
} sleeper;

/* The thread may return as soon as `word` is set: waking its old address is harmless then. */
static void sleeper_fire(hr_waiter *waiter, hr_worklist *work) {
  (void)work;
  sleeper *s = (sleeper *)((char *)waiter - offsetof(sleeper, waiter));
  hr_store_release(&s->word, 1);
  hr_futex_wake(&s->word, 1);
}

typedef struct wait {
  hr_point point;
  int64_t deadline;    /* -1: none */
  bool help, may_help; /* help ends with the first task that is not for this thread */
  hr_thread *thread;
} wait;

int64_t hr_wait_deadline(int64_t timeout_ns) {
  if (timeout_ns < 0) return -1;
  int64_t now = hr_now_ns();
  return timeout_ns > INT64_MAX - now ? INT64_MAX : now + timeout_ns;
}

static bool expired(const wait *w) { return w->deadline >= 0 && hr_now_ns() >= w->deadline; }

/* The stream whose work brings the point nearer: the owner, or what that is parked on, and so on. NULL: not a stream's.
 */
static hr_stream *follow(hr_point point) {
  hr_stream *s = point.timeline->stream;
  for (int depth = 0; s && depth < 64; depth++) {
    if (!hr_stream_parked_on_stream(s, &point)) return s;
    s = point.timeline->stream;
  }
  return NULL;
}

/* Without a near deadline a thread may as well work for long on what it waits for: waking a worker takes 30 us, a good
 * part of what the task takes. */
static uint32_t longest_task(const wait *w) {
  bool near = w->deadline >= 0 && w->deadline - hr_now_ns() < 8 * HR_STARVE_NS;
  return near ? HR_LIGHT_NS : HR_STARVE_NS;
}

/* The head task costs more than HR_TINY_NS: with a place of the pool it may be run all the same. */
static bool enter_for_head(const hr_stream *s, uint32_t max_cost_ns) {
  return s->batch && hr_task_is_ours(s->batch) && s->batch->cost_ns <= max_cost_ns && hr_pool_enter();
}

/* The caller is the stream's runner. Runs what the point needs, then gives the stream up. False: met a task that it may
 * not run, or held a place for a stint while others want one, and handed the stream to the pool. */
static bool help(wait *w, hr_stream *s) {
  hr_stint stint = {
      .until = &w->point, .max_cost_ns = hr_pool_alone() ? UINT32_MAX : HR_TINY_NS, .budget_ns = HR_STINT_NS};
  uint32_t max_cost_ns = longest_task(w);
  bool entered = false, ok = true, again = true;
  uint32_t fpenv = hr_fpenv_enter();
  w->thread->helping = true;
  while (s && again) {
    if (stint.budget_ns < 0) stint.budget_ns = HR_STINT_NS;
    switch (hr_stream_run(s, &stint)) {
      case HR_STINT_EMPTY:
      case HR_STINT_PARKED:
        s = stint.freed.streams;
        if (s) stint.freed.streams = s->next_runnable;
        break;
      case HR_STINT_REFUSED:
        again = ok = !entered && enter_for_head(s, max_cost_ns);
        if (again) {
          entered = true;
          stint.max_cost_ns = max_cost_ns;
        }
        break;
      case HR_STINT_REACHED: again = false; break;
      case HR_STINT_BUDGET:
        ok = !entered || !hr_pool_stint_over(&stint);
        again = ok && !expired(w);
        break;
    }
  }
  if (s) hr_stream_give_back(s);
  hr_pool_push_freed(&stint.freed);
  if (entered) hr_pool_leave();
  w->thread->helping = false;
  hr_fpenv_leave(fpenv);
  return ok;
}

static void pause_once(int look) {
  for (int i = 0; i < HR_WAIT_PAUSES; i++) hr_cpu_relax();
  if (look >= HR_WAIT_YIELD_AFTER) sched_yield();
}

static bool over(const void *arg) {
  const wait *w = arg;
  return hr_point_done(w->point) || expired(w);
}

/* The thread has a core and nothing to do, while waking a worker takes as long as many a loop. */
static bool help_loop(wait *w, uint32_t *seen) {
  if (!w->may_help) return false;
  uint32_t fpenv = hr_fpenv_enter();
  w->thread->helping = true;
  bool helped = hr_pool_loop_help(seen, over, w);
  w->thread->helping = false;
  hr_fpenv_leave(fpenv);
  return helped;
}

/* Looks at the point for a while, and takes the stream over when its runner leaves. True: worth another round. */
static bool spin(wait *w, hr_stream *s) {
  bool claimed = false;
  uint32_t seen_loops = 0;
  if (!hr_pool_may_spin()) return false;
  if (s) {
    hr_mutex_lock(&s->lock);
    s->helpers++;
    hr_mutex_unlock(&s->lock);
  }
  for (int look = 0; look < HR_WAIT_SPINS && !claimed && !over(w); look++) {
    pause_once(look);
    if (help_loop(w, &seen_loops)) look = 0;
    claimed = s && hr_stream_claim(s, HR_CLAIM_IDLE);
  }
  if (s) {
    hr_mutex_lock(&s->lock);
    s->helpers--;
    hr_mutex_unlock(&s->lock);
    if (!claimed) hr_stream_kick(s);
  }
  if (claimed && !help(w, s)) w->help = false;
  return claimed || hr_point_done(w->point);
}

static bool unreachable(hr_point point) {
  return point.timeline->stream && hr_load_relaxed(&point.timeline->stream->dead);
}

/* Until a stream that nobody took would be due for a grant: this thread sees that as soon as the monitor does. */
static int64_t first_sleep(const wait *w) {
  int64_t left = w->deadline < 0 ? HR_STARVE_NS : w->deadline - hr_now_ns();
  return left < 0 ? 0 : left < HR_STARVE_NS ? left : HR_STARVE_NS;
}

/* On the callback thread: whether the point, or what its stream is parked on, is another callback's to complete. The
 * hook is asked under the lock of the parked stream, which keeps the timeline's owner alive. */
static bool waits_for_callback(hr_point point) {
  for (int depth = 0; depth < 64; depth++) {
    hr_timeline *timeline = point.timeline;
    if (!timeline->stream) return timeline->needs_callback && timeline->needs_callback(timeline);
    hr_stream *s = timeline->stream;
    hr_mutex_lock(&s->lock);
    bool parked = s->state == HR_STREAM_PARKED;
    hr_timeline *on = parked ? s->parked_on.timeline : NULL;
    bool stuck = on && on->needs_callback && on->needs_callback(on);
    bool further = on && on->stream;
    if (further) point = s->parked_on;
    hr_mutex_unlock(&s->lock);
    if (!further) return stuck;
  }
  return false;
}

static hr_status callback_deadlock(void) {
  return hr_fail(HR_DEADLOCK, "a callback waits for what only a later callback of the same thread can complete");
}

/* Looks again now and then where what is awaited may turn out to be hopeless, or what was hopeless may not stay so: on
 * the callback thread, and while the system refuses threads. */
static hr_status sleep_until_fired(wait *w) {
  sleeper s = {.waiter.fire = sleeper_fire};
  bool blocks = w->thread && w->thread->in_task, on_callbacks = w->thread && w->thread->callback;
  hr_status status = HR_OK;
  if (!hr_timeline_park(w->point.timeline, w->point.value, &s.waiter)) return HR_OK;
  if (blocks) hr_pool_block_begin();
  hr_futex_wait(&s.word, 0, first_sleep(w));
  if (!hr_load_acquire(&s.word)) hr_pool_look();
  while (!hr_load_acquire(&s.word)) {
    bool alone = hr_pool_alone();
    int64_t left = w->deadline < 0 ? -1 : w->deadline - hr_now_ns();
    bool late = w->deadline >= 0 && left <= 0, stuck = !late && on_callbacks && waits_for_callback(w->point);
    if (late || stuck) {
      if (hr_timeline_unpark(w->point.timeline, &s.waiter)) {
        if (stuck) status = callback_deadlock();
        break;
      }
      left = -1; /* about to fire: the storage must stay until it has */
    } else if ((alone || on_callbacks) && (left < 0 || left > LOOK_NS)) {
      left = LOOK_NS;
    }
    hr_futex_wait(&s.word, 0, left);
    if (alone) hr_pool_look();
  }
  if (blocks) hr_pool_block_end();
  return status;
}

static hr_status wait_slow(wait *w) {
  hr_stream *kicked = NULL;
  for (;;) {
    if (hr_point_done(w->point)) return HR_OK;
    if (unreachable(w->point)) return hr_fail(HR_CLOSED, "the work waited for was in flight when the process forked");
    if (expired(w)) return hr_fail(HR_TIMEOUT, "the time given for waiting ran out");
    hr_chaos_point();
    hr_stream *s = follow(w->point);
    if (s && w->help && hr_stream_claim(s, HR_CLAIM_IDLE | HR_CLAIM_QUEUED)) {
      w->help = help(w, s);
      continue;
    }
    if (s && s != kicked) hr_stream_kick(kicked = s);
    if (spin(w, w->help ? s : NULL)) continue;
    if (hr_pool_alone() && w->may_help && !w->help) {
      w->help = true; /* with whatever there is to do */
      continue;
    }
    if (w->thread && w->thread->exits)
      return hr_fail(HR_CLOSED, "the process is exiting, and the work waited for has not ended in time");
    hr_status status = sleep_until_fired(w);
    if (status != HR_OK) return status;
  }
}

/* Whether the point is the task's own, or a later one of its stream. */
static bool waits_for_itself(const hr_thread *thread, hr_point point) {
  return thread->in_task && thread->task.timeline == point.timeline && point.value >= thread->task.value;
}

static hr_status check_point(const hr_thread *thread, hr_point point) {
  if (!thread || hr_point_done(point)) return HR_OK;
  if (waits_for_itself(thread, point))
    return hr_fail(HR_DEADLOCK, "a task waits for its own stream: it would wait for itself");
  return thread->callback && waits_for_callback(point) ? callback_deadlock() : HR_OK;
}

hr_status hr_wait_points(const hr_point *points, size_t count, int64_t timeout_ns) {
  size_t left = 0; /* first that is not reached */
  while (left < count && hr_point_done(points[left])) left++;
  if (left == count) return HR_OK;
  if (timeout_ns == 0) return hr_fail(HR_TIMEOUT, "not ready yet");
  wait w = {.thread = hr_thread_get()};
  w.deadline = hr_wait_deadline(timeout_ns);
  bool may_help = w.thread && !(w.thread->in_task || w.thread->no_help);
  hr_status status = HR_OK;
  for (size_t i = left; i < count && status == HR_OK; i++) status = check_point(w.thread, points[i]);
  for (size_t i = left; i < count && status == HR_OK; i++) {
    w.point = points[i];
    w.help = w.may_help = may_help;
    status = wait_slow(&w);
  }
  return status;
}

hr_status hr_wait_point(hr_point point, int64_t timeout_ns) { return hr_wait_points(&point, 1, timeout_ns); }

hr_status hr_wait_stream(hr_stream *stream, int64_t timeout_ns) {
  hr_status status = hr_wait_point((hr_point){&stream->timeline, hr_stream_submitted(stream)}, timeout_ns);
  if (status != HR_OK) return status;
  hr_error *error = hr_stream_take_error(stream);
  if (error && !hr_error_seen(error)) status = hr_error_raise(error);
  hr_error_release(error);
  return status;
}

bool hr_wait_help(hr_point point) {
  hr_thread *thread = hr_thread_get();
  wait w = {.point = point, .deadline = -1, .thread = thread};
  w.help = thread && !(thread->in_task || thread->no_help);
  while (w.help && !hr_point_done(point)) {
    hr_stream *s = follow(point);
    w.help = s && hr_stream_claim(s, HR_CLAIM_IDLE | HR_CLAIM_QUEUED) && help(&w, s);
  }
  return hr_point_done(point);
}

hr_status hr_wait_set_help(bool help_wanted) {
  hr_thread *thread = hr_thread_get();
  if (!thread) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a thread's settings");
  thread->no_help = !help_wanted;
  return HR_OK;
}
