/* The workers and the monitor. */
#include "sched/pool_internal.h"

#include <sched.h>
#include <stdlib.h>

#include "base/futex.h"
#include "base/log.h"
#include "sched/chaos.h"
#include "sched/cores.h"
#include "sched/process.h"
#include "sched/thread.h"
#include "sched/tuning.h"

hr_pool hr_the_pool = {.once = PTHREAD_ONCE_INIT};

static void *worker_main(void *arg);
static void *monitor_main(void *arg);

static void pool_init(void) {
  hr_chaos_init();
  hr_the_pool.limit = hr_cores_usable();
  const char *text = getenv("HEADRACE_THREADS");
  if (text && *text) {
    char *end;
    long n = strtol(text, &end, 10);
    if (*end == 0 && n >= 1 && n <= HR_MAX_WORKERS) hr_the_pool.limit = (int)n;
  }
  hr_process_hooks_install();
}

hr_status hr_pool_start(void) {
  pthread_once(&hr_the_pool.once, pool_init);
  return HR_OK;
}

int hr_pool_limit(void) {
  if (hr_pool_start() != HR_OK) return 1;
  hr_mutex_lock(&hr_the_pool.lock);
  int limit = hr_the_pool.limit;
  hr_mutex_unlock(&hr_the_pool.lock);
  return limit;
}

hr_status hr_pool_limit_set(int workers) {
  if (workers < 1 || workers > HR_MAX_WORKERS)
    return hr_fail(HR_INVALID, "number of workers %d is not between 1 and %d", workers, HR_MAX_WORKERS);
  hr_status status = hr_pool_start();
  if (status != HR_OK) return status;
  hr_mutex_lock(&hr_the_pool.lock);
  hr_the_pool.limit = workers;
  hr_mutex_unlock(&hr_the_pool.lock);
  return HR_OK;
}

bool hr_pool_alone(void) { return hr_load_acquire(&hr_the_pool.alone); }

bool hr_pool_is_worker(void) {
  hr_thread *thread = hr_thread_peek();
  return thread && thread->worker;
}

/* --- waking --- */

void hr_pool_wake_one_locked(hr_wake *out, bool granted) {
  hr_worker *w = hr_the_pool.sleepers;
  if (w) {
    hr_the_pool.sleepers = w->sleep_next;
    hr_the_pool.sleeping--;
    hr_the_pool.spinning++; /* it will look at the queue: counts as looking from now on */
    w->granted = granted;
    out->sleeper = w;
  } else {
    hr_the_pool.threads++;
    hr_the_pool.starting++;
    hr_the_pool.spinning++;
    out->spawn = true;
  }
  hr_the_pool.wakes++;
}

static void wake_now(const hr_wake *what, bool granted) {
  if (what->sleeper) {
    hr_store_release(&what->sleeper->word, 1 + (uint32_t)what->busy_core);
    hr_futex_wake(&what->sleeper->word, 1);
  }
  if (what->spawn && !hr_thread_spawn(worker_main, (void *)(uintptr_t)granted, HR_WORKER_STACK)) {
    hr_mutex_lock(&hr_the_pool.lock);
    hr_the_pool.threads--;
    hr_the_pool.starting--;
    hr_the_pool.spinning--;
    if (hr_the_pool.threads == 0) hr_store_release(&hr_the_pool.alone, true); /* the next push tries again */
    hr_mutex_unlock(&hr_the_pool.lock);
    hr_log_line(HR_LOG_WARNING, "the system refused a worker thread");
  }
  if (what->monitor) {
    hr_store_release(&hr_the_pool.monitor_word, 1);
    hr_futex_wake(&hr_the_pool.monitor_word, 1);
  }
}

bool hr_pool_room_locked(void) {
  if (hr_the_pool.stopping) return false;
  return hr_the_pool.active < hr_the_pool.limit ||
         (hr_standby_recall_locked() && hr_the_pool.active < hr_the_pool.limit);
}

/* Without the one that stands by. */
static int active_locked(void) { return hr_the_pool.active - hr_standby_ready(); }

/* Half of the workers at the most: the program's own threads need cores too. */
bool hr_pool_may_spin_locked(void) {
  return hr_the_pool.active + hr_the_pool.spinning <= hr_the_pool.limit &&
         hr_the_pool.spinning + hr_standby_ready() <= (hr_the_pool.limit + 1) / 2;
}

/* Work was queued: someone must look at it. */
static void want_worker_locked(hr_wake *out) {
  if (hr_the_pool.stopping || hr_the_pool.spinning > 0 || hr_standby_ready()) return;
  if (hr_the_pool.active < hr_the_pool.limit) {
    hr_pool_wake_one_locked(out, false);
  } else if (!hr_the_pool.monitor_armed) {
    hr_the_pool.monitor_armed = true;
    out->monitor = true;
  }
}

static void monitor_ensure(void) {
  hr_mutex_lock(&hr_the_pool.lock);
  bool make = !hr_the_pool.monitor_made;
  hr_the_pool.monitor_made = true;
  hr_mutex_unlock(&hr_the_pool.lock);
  if (make && !hr_thread_spawn(monitor_main, NULL, HR_MONITOR_STACK)) {
    hr_mutex_lock(&hr_the_pool.lock);
    hr_the_pool.monitor_made = hr_the_pool.monitor_armed = false; /* the next push tries again */
    hr_mutex_unlock(&hr_the_pool.lock);
  }
}

void hr_pool_wake_act(const hr_wake *what, bool granted) {
  if (what->monitor) monitor_ensure();
  if (what->sleeper || what->spawn || what->monitor) wake_now(what, granted);
}

/* --- run queue --- */

void hr_pool_push(hr_stream *s) {
  hr_wake what = {0};
  int64_t now = hr_now_ns();
  hr_chaos_point();
  hr_mutex_lock(&hr_the_pool.lock);
  hr_run_queue_push(&hr_the_pool.queue, s, now);
  want_worker_locked(&what);
  hr_mutex_unlock(&hr_the_pool.lock);
  hr_pool_wake_act(&what, false);
}

static void set_queued(hr_stream *s) {
  hr_mutex_lock(&s->lock);
  s->state = HR_STREAM_QUEUED;
  hr_mutex_unlock(&s->lock);
}

void hr_pool_push_freed(hr_worklist *freed) {
  while (freed->streams) {
    hr_stream *s = freed->streams;
    freed->streams = s->next_runnable;
    set_queued(s);
    hr_pool_push(s);
  }
}

void hr_pool_requeue(hr_stream *s) {
  hr_mutex_lock(&hr_the_pool.lock);
  hr_run_queue_move(&hr_the_pool.queue, s);
  hr_mutex_unlock(&hr_the_pool.lock);
}

static hr_stream *starving_locked(int64_t now) {
  return hr_run_queue_starving(&hr_the_pool.queue, now, hr_the_pool.active > hr_the_pool.limit);
}

/* What a granted turn is for; if that has been taken meanwhile, any. */
static hr_stream *pop_starving_locked(void) {
  hr_stream *s = starving_locked(hr_now_ns());
  if (!s) return hr_pool_room_locked() ? hr_run_queue_pop(&hr_the_pool.queue) : NULL;
  hr_run_queue_remove(&hr_the_pool.queue, s);
  return s;
}

/* --- workers --- */

bool hr_pool_stint_over(hr_stint *stint) {
  if (stint->budget_ns >= 0) return false;
  hr_mutex_lock(&hr_the_pool.lock);
  bool over = hr_run_queue_any(&hr_the_pool.queue) || active_locked() > hr_the_pool.limit || hr_the_pool.stopping;
  hr_mutex_unlock(&hr_the_pool.lock);
  if (!over) stint->budget_ns = HR_STINT_NS;
  return over;
}

/* Runs a stream, then what it set free, for a stint's budget (R13). */
static void run_chain(hr_stream *s) {
  hr_stint stint = {.max_cost_ns = UINT32_MAX, .budget_ns = HR_STINT_NS};
  while (s) {
    hr_stint_end end = hr_stream_run(s, &stint);
    if (end == HR_STINT_BUDGET && !hr_pool_stint_over(&stint)) continue;
    if (end == HR_STINT_BUDGET) hr_stream_give_back(s);
    s = stint.freed.streams;
    if (s) stint.freed.streams = s->next_runnable;
    if (stint.freed.streams) hr_pool_push_freed(&stint.freed);
    if (s && hr_pool_stint_over(&stint)) {
      hr_stream_give_back(s);
      s = NULL;
    }
  }
}

static void stint_end(void) {
  hr_fpenv_enter();
  hr_mutex_lock(&hr_the_pool.lock);
  hr_the_pool.active--;
  hr_the_pool.spinning++;
  hr_mutex_unlock(&hr_the_pool.lock);
}

/* One stint: true if there was something to do. */
static bool worker_turn(hr_worker *w) {
  hr_wake what = {0};
  hr_stream *s = NULL;
  hr_loop_work *loop = NULL;
  hr_mutex_lock(&hr_the_pool.lock);
  if (hr_pool_room_locked() || (w->granted && !hr_the_pool.stopping)) {
    s = w->granted ? pop_starving_locked() : hr_run_queue_pop(&hr_the_pool.queue);
    if (!s && hr_pool_room_locked()) loop = hr_pool_loop_enter_locked(false);
  }
  w->granted = false;
  w->seen_loops = hr_load_relaxed(&hr_the_pool.loops_opened);
  if (s || loop) {
    hr_the_pool.active++;
    hr_the_pool.spinning--;
    hr_the_pool.stints++;
    if (hr_run_queue_any(&hr_the_pool.queue)) want_worker_locked(&what);
  }
  hr_mutex_unlock(&hr_the_pool.lock);
  hr_pool_wake_act(&what, false);
  if (!s && !loop) return false;
  if (s && hr_stream_claim(s, HR_CLAIM_QUEUED)) run_chain(s);
  if (loop) hr_pool_loop_run(loop, NULL, NULL);
  stint_end();
  return true;
}

static void sleep_locked(hr_worker *w, hr_wake *what) {
  hr_the_pool.spinning--;
  if (hr_run_queue_any(&hr_the_pool.queue)) want_worker_locked(what); /* no room: arms the monitor */
  hr_the_pool.sleeping++;
  w->sleep_next = hr_the_pool.sleepers;
  hr_the_pool.sleepers = w;
  hr_store_relaxed(&w->word, 0);
}

/* After a long sleep: a thread beyond the limit leaves the sleepers, and ends. */
static bool sleep_ends(hr_worker *w) {
  hr_mutex_lock(&hr_the_pool.lock);
  hr_worker **at = &hr_the_pool.sleepers;
  while (*at && *at != w) at = &(*at)->sleep_next;
  bool end = *at == w && (hr_the_pool.retiring || hr_the_pool.threads - hr_the_pool.blocked > hr_the_pool.limit);
  if (end) {
    *at = w->sleep_next;
    hr_the_pool.sleeping--;
    hr_the_pool.threads--;
  }
  hr_mutex_unlock(&hr_the_pool.lock);
  return end;
}

/* Spins while that costs nobody a core, then sleeps. False: the thread is one too many and ends. */
static bool worker_rest(hr_worker *w) {
  hr_wake what = {0};
  hr_pool_spin(w);
  hr_mutex_lock(&hr_the_pool.lock);
  bool work = hr_pool_something_to_do(w) && hr_pool_room_locked();
  if (!work) sleep_locked(w, &what);
  hr_mutex_unlock(&hr_the_pool.lock);
  hr_pool_wake_act(&what, false);
  while (!work && !hr_load_acquire(&w->word)) {
    hr_futex_wait(&w->word, 0, HR_SPARE_LIFE_NS);
    if (!hr_load_acquire(&w->word) && sleep_ends(w)) return false;
  }
  uint32_t word = hr_load_relaxed(&w->word);
  if (!work && word > 1) hr_cores_leave((int)word - 2);
  return true;
}

static void *worker_main(void *granted) {
  hr_worker self = {.granted = granted != NULL};
  hr_thread *thread = hr_thread_get();
  if (thread) thread->worker = true;
  hr_thread_begin("hr-worker");
  hr_mutex_lock(&hr_the_pool.lock);
  hr_the_pool.starting--;
  hr_the_pool.threads_made++;
  if (!hr_the_pool.stopping) hr_store_release(&hr_the_pool.alone, false);
  hr_mutex_unlock(&hr_the_pool.lock);
  do {
    while (worker_turn(&self)) continue;
  } while (worker_rest(&self));
  return NULL;
}

/* --- the monitor (W4) --- */

/* Wakes a thread for a stream that is due. */
static void grant_locked(hr_wake *out, int64_t now) {
  if (hr_the_pool.spinning || hr_standby_ready() || hr_the_pool.stopping ||
      hr_the_pool.active >= HR_GRANT_FACTOR * hr_the_pool.limit || !starving_locked(now))
    return;
  bool beyond = hr_the_pool.active >= hr_the_pool.limit;
  hr_the_pool.grants += beyond;
  hr_pool_wake_one_locked(out, beyond);
}

void hr_pool_look(void) {
  hr_wake what = {0};
  int64_t now = hr_now_ns();
  hr_mutex_lock(&hr_the_pool.lock);
  grant_locked(&what, now);
  hr_mutex_unlock(&hr_the_pool.lock);
  hr_pool_wake_act(&what, true);
}

static void *monitor_main(void *arg) {
  (void)arg;
  hr_thread_begin("hr-monitor");
  int quiet = 0;
  for (;;) {
    hr_wake what = {0};
    int64_t now = hr_now_ns();
    hr_mutex_lock(&hr_the_pool.lock);
    quiet = hr_run_queue_any(&hr_the_pool.queue) ? 0 : quiet + 1;
    bool sleep = quiet > HR_MONITOR_QUIET;
    if (sleep) {
      hr_the_pool.monitor_armed = false;
      hr_store_relaxed(&hr_the_pool.monitor_word, 0);
    } else {
      grant_locked(&what, now);
    }
    hr_mutex_unlock(&hr_the_pool.lock);
    hr_pool_wake_act(&what, true);
    if (sleep)
      while (!hr_load_acquire(&hr_the_pool.monitor_word)) hr_futex_wait(&hr_the_pool.monitor_word, 0, -1);
    else
      hr_futex_wait(&hr_the_pool.monitor_word, 1, HR_STARVE_NS / 2);
    if (sleep) quiet = 0;
  }
  return NULL;
}

/* --- helpers and blocked tasks --- */

bool hr_pool_enter(void) {
  hr_mutex_lock(&hr_the_pool.lock);
  bool room =
      hr_pool_room_locked() || (!hr_the_pool.stopping && hr_load_relaxed(&hr_the_pool.in_long) >= hr_the_pool.limit);
  if (room) hr_the_pool.active++;
  hr_mutex_unlock(&hr_the_pool.lock);
  return room;
}

void hr_pool_long_begin(void) { hr_add_relaxed(&hr_the_pool.in_long, 1); }
void hr_pool_long_end(void) { hr_sub_relaxed(&hr_the_pool.in_long, 1); }

static void leave(int blocked) {
  hr_wake what = {0};
  hr_mutex_lock(&hr_the_pool.lock);
  hr_the_pool.active--;
  hr_the_pool.blocked += blocked;
  if (hr_run_queue_any(&hr_the_pool.queue)) want_worker_locked(&what);
  hr_mutex_unlock(&hr_the_pool.lock);
  hr_pool_wake_act(&what, false);
}

void hr_pool_leave(void) { leave(0); }
void hr_pool_block_begin(void) {
  hr_pool_long_end(); /* it holds no place meanwhile */
  leave(1);
}

void hr_pool_block_end(void) {
  hr_mutex_lock(&hr_the_pool.lock);
  hr_the_pool.active++;
  hr_the_pool.blocked--;
  hr_mutex_unlock(&hr_the_pool.lock);
  hr_pool_long_begin();
}

bool hr_pool_may_spin(void) {
  hr_mutex_lock(&hr_the_pool.lock);
  bool free = active_locked() < hr_the_pool.limit;
  hr_mutex_unlock(&hr_the_pool.lock);
  return free;
}

void hr_pool_counts_get(hr_pool_counts *out) {
  hr_mutex_lock(&hr_the_pool.lock);
  *out = (hr_pool_counts){hr_the_pool.stints, hr_the_pool.wakes,   hr_the_pool.grants,   hr_the_pool.threads_made,
                          active_locked(),    hr_the_pool.threads, hr_the_pool.sleeping, hr_the_pool.blocked};
  hr_mutex_unlock(&hr_the_pool.lock);
}

/* --- fork and exit --- */

void hr_pool_fork_prepare(void) { hr_mutex_lock(&hr_the_pool.lock); }
void hr_pool_fork_parent(void) { hr_mutex_unlock(&hr_the_pool.lock); }

void hr_pool_fork_child(void) {
  hr_run_queue_clear(&hr_the_pool.queue);
  hr_store_relaxed(&hr_the_pool.in_long, 0);
  hr_standby_fork_child();
  hr_the_pool.sleepers = NULL;
  hr_the_pool.active = hr_the_pool.threads = hr_the_pool.sleeping = hr_the_pool.spinning = hr_the_pool.blocked =
      hr_the_pool.starting = 0;
  hr_the_pool.monitor_made = hr_the_pool.monitor_armed = false;
  hr_store_relaxed(&hr_the_pool.monitor_word, 0);
  hr_mutex_unlock(&hr_the_pool.lock);
}

void hr_pool_retire(void) {
  hr_mutex_lock(&hr_the_pool.lock);
  hr_the_pool.retiring = true;
  hr_mutex_unlock(&hr_the_pool.lock);
}

/* A task that calls exit() does not wait for itself. */
void hr_pool_stop(int64_t grace_ns) {
  int64_t end = hr_now_ns() + grace_ns;
  int own = hr_pool_is_worker();
  hr_mutex_lock(&hr_the_pool.lock);
  hr_the_pool.stopping = true;
  hr_store_release(&hr_the_pool.alone, true);
  hr_standby_recall_locked();
  while (active_locked() > own && hr_now_ns() < end) {
    hr_mutex_unlock(&hr_the_pool.lock);
    sched_yield();
    hr_mutex_lock(&hr_the_pool.lock);
  }
  hr_mutex_unlock(&hr_the_pool.lock);
}
