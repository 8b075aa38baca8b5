/* The workers and the monitor. */
#include "sched/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "base/futex.h"
#include "base/log.h"
#include "sched/chaos.h"
#include "sched/cores.h"
#include "sched/process.h"
#include "sched/run_queue.h"
#include "sched/thread.h"
#include "sched/tuning.h"

typedef struct worker {
  _Atomic(uint32_t) word; /* 1: wake up; 2 + c: and leave core c, whose thread goes on with a loop */
  bool granted;           /* guarded by the pool's lock: may exceed the limit for one stint */
  uint32_t seen_loops;    /* own: the loops that this worker has already found without chunks left */
  struct worker *sleep_next;
} worker;

static struct {
  pthread_once_t once;
  hr_mutex lock;
  int limit;
  hr_loop_work *loops;       /* those that workers may join */
  _Atomic(bool) offer_taken; /* `offer` is some loop's to use: set under lock, cleared when that loop closes */
  /* Threads. */
  worker *sleepers;
  _Atomic(int) in_long; /* active threads inside a task that may be long */
  int active, threads, sleeping, spinning, blocked, starting;
  bool stopping, retiring;
  _Atomic(bool) alone; /* written under lock */
  /* Monitor. */
  bool monitor_made, monitor_armed;
  _Atomic(uint32_t) monitor_word;
  uint64_t stints, wakes, grants, threads_made;
  /* What spinning workers look at all the time, away from what others write. */
  _Alignas(HR_CACHE_LINE) hr_run_queue queue;
  _Alignas(HR_CACHE_LINE) _Atomic(hr_loop_work *) offer; /* W9 */
  _Atomic(uint32_t) loops_opened;                        /* how many ever; written under lock */
} pool = {.once = PTHREAD_ONCE_INIT};

static void *worker_main(void *arg);
static void *monitor_main(void *arg);

static void pool_init(void) {
  hr_chaos_init();
  pool.limit = hr_cores_usable();
  const char *text = getenv("HEADRACE_THREADS");
  if (text && *text) {
    char *end;
    long n = strtol(text, &end, 10);
    if (*end == 0 && n >= 1 && n <= HR_MAX_WORKERS) pool.limit = (int)n;
  }
  hr_process_hooks_install();
}

hr_status hr_pool_start(void) {
  pthread_once(&pool.once, pool_init);
  return HR_OK;
}

int hr_pool_limit(void) {
  if (hr_pool_start() != HR_OK) return 1;
  hr_mutex_lock(&pool.lock);
  int limit = pool.limit;
  hr_mutex_unlock(&pool.lock);
  return limit;
}

hr_status hr_pool_limit_set(int workers) {
  if (workers < 1 || workers > HR_MAX_WORKERS)
    return hr_fail(HR_INVALID, "number of workers %d is not between 1 and %d", workers, HR_MAX_WORKERS);
  hr_status status = hr_pool_start();
  if (status != HR_OK) return status;
  hr_mutex_lock(&pool.lock);
  pool.limit = workers;
  hr_mutex_unlock(&pool.lock);
  return HR_OK;
}

bool hr_pool_alone(void) { return hr_load_acquire(&pool.alone); }

bool hr_pool_is_worker(void) {
  hr_thread *thread = hr_thread_peek();
  return thread && thread->worker;
}

/* --- waking --- */

/* Whom to wake once the lock is dropped. */
typedef struct wake {
  worker *sleeper;
  bool spawn, monitor;
  int busy_core; /* 1 + the core that the waker will stay on; 0: it may sleep soon */
} wake;

/* One more thread, asleep or new; the caller has decided that it should run. */
static void wake_one_locked(wake *out, bool granted) {
  worker *w = pool.sleepers;
  if (w) {
    pool.sleepers = w->sleep_next;
    pool.sleeping--;
    pool.spinning++; /* it will look at the queue: counts as looking from now on */
    w->granted = granted;
    out->sleeper = w;
  } else {
    pool.threads++;
    pool.starting++;
    pool.spinning++;
    out->spawn = true;
  }
  pool.wakes++;
}

static void wake_now(const wake *what, bool granted) {
  if (what->sleeper) {
    hr_store_release(&what->sleeper->word, 1 + (uint32_t)what->busy_core);
    hr_futex_wake(&what->sleeper->word, 1);
  }
  if (what->spawn && !hr_thread_spawn(worker_main, (void *)(uintptr_t)granted, HR_WORKER_STACK)) {
    hr_mutex_lock(&pool.lock);
    pool.threads--;
    pool.starting--;
    pool.spinning--;
    if (pool.threads == 0) hr_store_release(&pool.alone, true); /* the next push tries again */
    hr_mutex_unlock(&pool.lock);
    hr_log_line(HR_LOG_WARNING, "the system refused a worker thread");
  }
  if (what->monitor) {
    hr_store_release(&pool.monitor_word, 1);
    hr_futex_wake(&pool.monitor_word, 1);
  }
}

static bool room_locked(void) { return pool.active < pool.limit && !pool.stopping; }

/* Half of the workers at the most: the program's own threads need cores too. */
static bool may_spin_locked(void) {
  return pool.active + pool.spinning <= pool.limit && pool.spinning <= (pool.limit + 1) / 2;
}

/* Work was queued: someone must look at it. */
static void want_worker_locked(wake *out) {
  if (pool.stopping || pool.spinning > 0) return;
  if (pool.active < pool.limit) {
    wake_one_locked(out, false);
  } else if (!pool.monitor_armed) {
    pool.monitor_armed = true;
    out->monitor = true;
  }
}

static void monitor_ensure(void) {
  hr_mutex_lock(&pool.lock);
  bool make = !pool.monitor_made;
  pool.monitor_made = true;
  hr_mutex_unlock(&pool.lock);
  if (make && !hr_thread_spawn(monitor_main, NULL, HR_MONITOR_STACK)) {
    hr_mutex_lock(&pool.lock);
    pool.monitor_made = pool.monitor_armed = false; /* the next push tries again */
    hr_mutex_unlock(&pool.lock);
  }
}

static void act(const wake *what, bool granted) {
  if (what->monitor) monitor_ensure();
  if (what->sleeper || what->spawn || what->monitor) wake_now(what, granted);
}

/* --- run queue --- */

void hr_pool_push(hr_stream *s) {
  wake what = {0};
  int64_t now = hr_now_ns();
  hr_chaos_point();
  hr_mutex_lock(&pool.lock);
  hr_run_queue_push(&pool.queue, s, now);
  want_worker_locked(&what);
  hr_mutex_unlock(&pool.lock);
  act(&what, false);
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
  hr_mutex_lock(&pool.lock);
  hr_run_queue_move(&pool.queue, s);
  hr_mutex_unlock(&pool.lock);
}

static hr_stream *starving_locked(int64_t now) {
  return hr_run_queue_starving(&pool.queue, now, pool.active > pool.limit);
}

/* What a granted turn is for; if that has been taken meanwhile, any. */
static hr_stream *pop_starving_locked(void) {
  hr_stream *s = starving_locked(hr_now_ns());
  if (!s) return room_locked() ? hr_run_queue_pop(&pool.queue) : NULL;
  hr_run_queue_remove(&pool.queue, s);
  return s;
}

/* --- workers --- */

bool hr_pool_stint_over(hr_stint *stint) {
  if (stint->budget_ns >= 0) return false;
  hr_mutex_lock(&pool.lock);
  bool over = hr_run_queue_any(&pool.queue) || pool.active > pool.limit || pool.stopping;
  hr_mutex_unlock(&pool.lock);
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

static bool never(const void *arg) { return (void)arg, false; }

/* As a guest. */
static void loop_run(hr_loop_work *loop, bool (*stop)(const void *arg), const void *arg) {
  while (hr_add_relaxed(&loop->taken, 1) < loop->chunks) {
    hr_loop_run_chunk(loop, loop->chunks - 1 - hr_add_relaxed(&loop->from_back, 1));
    if (hr_run_queue_any(&pool.queue) || stop(arg)) break; /* a runnable stream comes first (P1) */
  }
  hr_sub_acq_rel(&loop->guests, 1u); /* releases the chunks' results to the loop's owner */
}

/* A loop with chunks left, entered; or NULL. */
static hr_loop_work *loop_enter_locked(bool light) {
  for (hr_loop_work *loop = pool.loops; loop; loop = loop->open_next)
    if (hr_load_relaxed(&loop->taken) < loop->chunks && (loop->light || !light)) {
      hr_add_relaxed(&loop->guests, 1u);
      return loop;
    }
  return NULL;
}

/* The loop on offer, now the calling worker's, which counts as active already; or NULL. */
static hr_loop_work *offer_accept(void) {
  return hr_load_relaxed(&pool.offer) ? hr_xchg_acq_rel(&pool.offer, NULL) : NULL;
}

static void offer_refuse_locked(hr_loop_work *loop) {
  pool.active--;
  pool.spinning++;
  hr_sub_acq_rel(&loop->guests, 1u);
}

/* After a stint. True: the worker may spin. */
static bool stint_end(void) {
  hr_fpenv_enter();
  hr_mutex_lock(&pool.lock);
  pool.active--;
  pool.spinning++;
  bool spins = may_spin_locked();
  hr_mutex_unlock(&pool.lock);
  return spins;
}

/* One stint: true if there was something to do. */
static bool worker_turn(worker *w) {
  wake what = {0};
  hr_stream *s = NULL;
  hr_mutex_lock(&pool.lock);
  hr_loop_work *loop = offer_accept();
  if (loop && hr_run_queue_any(&pool.queue)) {
    offer_refuse_locked(loop);
    loop = NULL;
  }
  bool offered = loop != NULL;
  if (!offered && (room_locked() || (w->granted && !pool.stopping))) {
    s = w->granted ? pop_starving_locked() : hr_run_queue_pop(&pool.queue);
    if (!s && room_locked()) loop = loop_enter_locked(false);
  }
  w->granted = false;
  w->seen_loops = hr_load_relaxed(&pool.loops_opened);
  if (s || (loop && !offered)) {
    pool.active++;
    pool.spinning--;
    pool.stints++;
    if (hr_run_queue_any(&pool.queue)) want_worker_locked(&what);
  }
  hr_mutex_unlock(&pool.lock);
  act(&what, false);
  if (!s && !loop) return false;
  if (s && hr_stream_claim(s, HR_CLAIM_QUEUED)) run_chain(s);
  if (loop) loop_run(loop, never, NULL);
  stint_end();
  return true;
}

static bool something_to_do(const worker *w) {
  return hr_run_queue_any(&pool.queue) || hr_load_relaxed(&pool.loops_opened) != w->seen_loops;
}

static bool may_spin(void) {
  hr_mutex_lock(&pool.lock);
  bool yes = may_spin_locked();
  hr_mutex_unlock(&pool.lock);
  return yes;
}

/* Loops on offer are run on the way. */
static void spin(const worker *w) {
  bool may = may_spin();
  for (int i = 1; may && i < HR_SPIN_ROUNDS && !hr_run_queue_any(&pool.queue); i++) {
    hr_loop_work *loop = offer_accept();
    if (loop) {
      loop_run(loop, never, NULL);
      may = stint_end();
      i = 0;
    } else if (something_to_do(w)) {
      return;
    } else {
      hr_cpu_relax();
      if (i % 128 == 0) may = may_spin();
    }
  }
}

static void sleep_locked(worker *w, wake *what) {
  pool.spinning--;
  if (hr_run_queue_any(&pool.queue)) want_worker_locked(what); /* no room: arms the monitor */
  pool.sleeping++;
  w->sleep_next = pool.sleepers;
  pool.sleepers = w;
  hr_store_relaxed(&w->word, 0);
}

/* After a long sleep: a thread beyond the limit leaves the sleepers, and ends. */
static bool sleep_ends(worker *w) {
  hr_mutex_lock(&pool.lock);
  worker **at = &pool.sleepers;
  while (*at && *at != w) at = &(*at)->sleep_next;
  bool end = *at == w && (pool.retiring || pool.threads - pool.blocked > pool.limit);
  if (end) {
    *at = w->sleep_next;
    pool.sleeping--;
    pool.threads--;
  }
  hr_mutex_unlock(&pool.lock);
  return end;
}

/* Spins while that costs nobody a core, then sleeps. False: the thread is one too many and ends. */
static bool worker_rest(worker *w) {
  wake what = {0};
  spin(w);
  hr_mutex_lock(&pool.lock);
  bool work = hr_load_relaxed(&pool.offer) || (room_locked() && something_to_do(w));
  if (!work) sleep_locked(w, &what);
  hr_mutex_unlock(&pool.lock);
  act(&what, false);
  while (!work && !hr_load_acquire(&w->word)) {
    hr_futex_wait(&w->word, 0, HR_SPARE_LIFE_NS);
    if (!hr_load_acquire(&w->word) && sleep_ends(w)) return false;
  }
  uint32_t word = hr_load_relaxed(&w->word);
  if (!work && word > 1) hr_cores_leave((int)word - 2);
  return true;
}

static void *worker_main(void *granted) {
  worker self = {.granted = granted != NULL};
  hr_thread *thread = hr_thread_get();
  if (thread) thread->worker = true;
  hr_thread_begin("hr-worker");
  hr_mutex_lock(&pool.lock);
  pool.starting--;
  pool.threads_made++;
  if (!pool.stopping) hr_store_release(&pool.alone, false);
  hr_mutex_unlock(&pool.lock);
  do {
    while (worker_turn(&self)) continue;
  } while (worker_rest(&self));
  return NULL;
}

/* --- the monitor (W4) --- */

/* Wakes a thread for a stream that is due. */
static void grant_locked(wake *out, int64_t now) {
  if (pool.spinning || pool.stopping || pool.active >= HR_GRANT_FACTOR * pool.limit || !starving_locked(now)) return;
  bool beyond = pool.active >= pool.limit;
  pool.grants += beyond;
  wake_one_locked(out, beyond);
}

void hr_pool_look(void) {
  wake what = {0};
  int64_t now = hr_now_ns();
  hr_mutex_lock(&pool.lock);
  grant_locked(&what, now);
  hr_mutex_unlock(&pool.lock);
  act(&what, true);
}

static void *monitor_main(void *arg) {
  (void)arg;
  hr_thread_begin("hr-monitor");
  int quiet = 0;
  for (;;) {
    wake what = {0};
    int64_t now = hr_now_ns();
    hr_mutex_lock(&pool.lock);
    quiet = hr_run_queue_any(&pool.queue) ? 0 : quiet + 1;
    bool sleep = quiet > HR_MONITOR_QUIET;
    if (sleep) {
      pool.monitor_armed = false;
      hr_store_relaxed(&pool.monitor_word, 0);
    } else {
      grant_locked(&what, now);
    }
    hr_mutex_unlock(&pool.lock);
    act(&what, true);
    if (sleep)
      while (!hr_load_acquire(&pool.monitor_word)) hr_futex_wait(&pool.monitor_word, 0, -1);
    else
      hr_futex_wait(&pool.monitor_word, 1, HR_STARVE_NS / 2);
    if (sleep) quiet = 0;
  }
  return NULL;
}

/* --- helpers and blocked tasks --- */

bool hr_pool_enter(void) {
  hr_mutex_lock(&pool.lock);
  bool room = room_locked() || (!pool.stopping && hr_load_relaxed(&pool.in_long) >= pool.limit);
  if (room) pool.active++;
  hr_mutex_unlock(&pool.lock);
  return room;
}

void hr_pool_long_begin(void) { hr_add_relaxed(&pool.in_long, 1); }
void hr_pool_long_end(void) { hr_sub_relaxed(&pool.in_long, 1); }

static void leave(int blocked) {
  wake what = {0};
  hr_mutex_lock(&pool.lock);
  pool.active--;
  pool.blocked += blocked;
  if (hr_run_queue_any(&pool.queue)) want_worker_locked(&what);
  hr_mutex_unlock(&pool.lock);
  act(&what, false);
}

void hr_pool_leave(void) { leave(0); }
void hr_pool_block_begin(void) {
  hr_pool_long_end(); /* it holds no place meanwhile */
  leave(1);
}

void hr_pool_block_end(void) {
  hr_mutex_lock(&pool.lock);
  pool.active++;
  pool.blocked--;
  hr_mutex_unlock(&pool.lock);
  hr_pool_long_begin();
}

bool hr_pool_may_spin(void) {
  hr_mutex_lock(&pool.lock);
  bool free = pool.active < pool.limit;
  hr_mutex_unlock(&pool.lock);
  return free;
}

void hr_pool_counts_get(hr_pool_counts *out) {
  hr_mutex_lock(&pool.lock);
  *out = (hr_pool_counts){pool.stints, pool.wakes,   pool.grants,   pool.threads_made,
                          pool.active, pool.threads, pool.sleeping, pool.blocked};
  hr_mutex_unlock(&pool.lock);
}

/* --- loops --- */

static void list_locked(hr_loop_work *loop) {
  loop->open_prev = NULL;
  loop->open_next = pool.loops;
  if (pool.loops) pool.loops->open_prev = loop;
  pool.loops = loop;
  hr_store_relaxed(&pool.loops_opened, hr_load_relaxed(&pool.loops_opened) + 1);
}

void hr_pool_loop_open(hr_loop_work *loop) {
  hr_mutex_lock(&pool.lock);
  loop->offered =
      pool.spinning > 0 && room_locked() && !hr_run_queue_any(&pool.queue) && !hr_load_acquire(&pool.offer_taken);
  if (loop->offered) {
    hr_store_relaxed(&pool.offer_taken, true);
    hr_store_relaxed(&loop->guests, 1u);
    pool.active++;
    pool.spinning--;
    pool.stints++;
    hr_store_release(&pool.offer, loop); /* publishes the loop to who accepts it; under the lock: nobody falls asleep */
  }
  loop->listed = !loop->offered || loop->chunks > 2;
  if (loop->listed) list_locked(loop);
  hr_mutex_unlock(&pool.lock);
}

/* What nobody has accepted is taken back. Without guests the offer was accepted and its guest has left. A worker may
 * have gone to sleep since the exchange, and a stream been queued that found no place: it finds one now. */
static void offer_end(hr_loop_work *loop) {
  wake what = {0};
  hr_loop_work *mine = loop;
  bool back = hr_load_acquire(&loop->guests) && hr_load_relaxed(&pool.offer) == loop &&
              hr_cas_acq_rel(&pool.offer, &mine, NULL);
  hr_store_release(&pool.offer_taken, false); /* after the offer is gone */
  if (!back) return;
  hr_mutex_lock(&pool.lock);
  offer_refuse_locked(loop);
  if (hr_run_queue_any(&pool.queue)) want_worker_locked(&what);
  hr_mutex_unlock(&pool.lock);
  act(&what, false);
}

void hr_pool_loop_wake(int64_t chunks_left) {
  for (;;) {
    wake what = {.busy_core = hr_cores_current() + 1};
    hr_mutex_lock(&pool.lock);
    bool more = chunks_left-- > pool.spinning && pool.active + pool.spinning < pool.limit && !pool.stopping;
    if (more) wake_one_locked(&what, false);
    hr_mutex_unlock(&pool.lock);
    act(&what, false);
    if (!more) return;
  }
}

static void unlist(hr_loop_work *loop) {
  hr_mutex_lock(&pool.lock);
  *(loop->open_prev ? &loop->open_prev->open_next : &pool.loops) = loop->open_next;
  if (loop->open_next) loop->open_next->open_prev = loop->open_prev;
  hr_mutex_unlock(&pool.lock);
}

void hr_pool_loop_close(hr_loop_work *loop) {
  if (loop->offered) offer_end(loop);
  if (loop->listed) unlist(loop);
  for (int i = 0; hr_load_acquire(&loop->guests); i++) {
    hr_cpu_relax();
    if (i % 256 == 255) sched_yield(); /* a guest may have lost its core */
  }
}

bool hr_pool_loop_help(uint32_t *seen, bool (*stop)(const void *arg), const void *arg) {
  hr_loop_work *loop = NULL;
  if (hr_load_relaxed(&pool.loops_opened) == *seen) return false;
  hr_mutex_lock(&pool.lock);
  *seen = hr_load_relaxed(&pool.loops_opened);
  if (room_locked()) loop = loop_enter_locked(true);
  if (loop) pool.active++;
  hr_mutex_unlock(&pool.lock);
  if (!loop) return false;
  loop_run(loop, stop, arg);
  hr_pool_leave();
  return true;
}

/* --- fork and exit --- */

void hr_pool_fork_prepare(void) { hr_mutex_lock(&pool.lock); }
void hr_pool_fork_parent(void) { hr_mutex_unlock(&pool.lock); }

void hr_pool_fork_child(void) {
  hr_run_queue_clear(&pool.queue);
  hr_store_relaxed(&pool.in_long, 0);
  pool.loops = NULL;
  hr_store_relaxed(&pool.offer, NULL);
  hr_store_relaxed(&pool.offer_taken, false);
  pool.sleepers = NULL;
  pool.active = pool.threads = pool.sleeping = pool.spinning = pool.blocked = pool.starting = 0;
  pool.monitor_made = pool.monitor_armed = false;
  hr_store_relaxed(&pool.monitor_word, 0);
  hr_mutex_unlock(&pool.lock);
}

void hr_pool_retire(void) {
  hr_mutex_lock(&pool.lock);
  pool.retiring = true;
  hr_mutex_unlock(&pool.lock);
}

/* A task that calls exit() does not wait for itself. */
void hr_pool_stop(int64_t grace_ns) {
  int64_t end = hr_now_ns() + grace_ns;
  int own = hr_pool_is_worker();
  hr_mutex_lock(&pool.lock);
  pool.stopping = true;
  hr_store_release(&pool.alone, true);
  while (pool.active > own && hr_now_ns() < end) {
    hr_mutex_unlock(&pool.lock);
    sched_yield();
    hr_mutex_lock(&pool.lock);
  }
  hr_mutex_unlock(&pool.lock);
}
