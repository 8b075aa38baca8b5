/* Loops: who joins them, and the worker that stands by (W7, W9). */
#include <sched.h>

#include "sched/chaos.h"
#include "sched/cores.h"
#include "sched/pool_internal.h"
#include "sched/thread.h"
#include "sched/tuning.h"

/* --- guests --- */

hr_loop_work *hr_pool_loop_enter_locked(bool light) {
  for (hr_loop_work *loop = hr_the_pool.loops; loop; loop = loop->open_next)
    if (hr_load_relaxed(&loop->taken) < loop->chunks && (loop->light || !light)) {
      hr_add_relaxed(&loop->guests, 1u);
      return loop;
    }
  return NULL;
}

static void run_chunk(const hr_loop_work *loop, int64_t chunk) {
  int64_t first = chunk * loop->grain;
  loop->fn(loop->ctx, first, loop->count - first < loop->grain ? loop->count : first + loop->grain);
}

/* Chunks from the back. Who gets the last one does not ask for more: the loop's owner waits. */
static void run_chunks(hr_loop_work *loop, bool (*stop)(const void *arg), const void *arg) {
  for (int64_t left = 1; left > 0;) {
    if (hr_run_queue_any(&hr_the_pool.queue) || (stop && stop(arg))) return; /* a runnable stream comes first (P1) */
    left = loop->chunks - 1 - hr_add_relaxed(&loop->taken, 1);
    if (left >= 0) run_chunk(loop, loop->chunks - 1 - hr_add_relaxed(&loop->from_back, 1));
  }
}

void hr_pool_loop_run(hr_loop_work *loop, bool (*stop)(const void *arg), const void *arg) {
  run_chunks(loop, stop, arg);
  hr_sub_acq_rel(&loop->guests, 1u); /* releases the chunks' results to the loop's owner */
}

/* --- the worker that stands by --- */

static uint64_t with_state(uint64_t word, hr_standby_state state) {
  return (word & ~(uint64_t)HR_STANDBY_MASK) | (uint64_t)state;
}

static bool change_state(hr_standby_state from, hr_standby_state to) {
  uint64_t word = with_state(hr_load_relaxed(&hr_the_pool.standby.word), from);
  return hr_cas_acq_rel(&hr_the_pool.standby.word, &word, with_state(word, to));
}

/* A worker that spins gets a place, and can be called from now on. */
static bool stand_by_locked(void) {
  if (hr_the_pool.active >= hr_the_pool.limit || hr_the_pool.stopping || hr_run_queue_any(&hr_the_pool.queue))
    return false;
  if (!change_state(HR_STANDBY_NOBODY, HR_STANDBY_READY)) return false; /* another does */
  hr_the_pool.active++;
  hr_the_pool.spinning--;
  return true;
}

bool hr_standby_recall_locked(void) {
  if (!change_state(HR_STANDBY_READY, HR_STANDBY_NOBODY)) return false;
  hr_the_pool.active--;
  hr_the_pool.spinning++;
  return true;
}

/* For writing: what follows costs no second transfer of the line. On x86 compilers that know no newer instructions turn
 * such a __builtin_prefetch into one for reading. */
static void fetch_standby(void) {
#if defined(__x86_64__)
  __asm__ volatile("prefetchw %0" : : "m"(hr_the_pool.standby));
#else
  __builtin_prefetch(&hr_the_pool.standby, 1);
#endif
}

static hr_standby_state look(void) {
  fetch_standby();
  return hr_standby_state_of(hr_load_relaxed(&hr_the_pool.standby.word));
}

/* What a loop's function is about to read lies on other cores; all of it comes at once. */
static void fetch_context(const void *ctx) {
  enum { LINES = 12 };
  for (int i = 0; i < LINES; i++) __builtin_prefetch((const char *)ctx + i * HR_CACHE_LINE);
}

/* The worker was called, unless the call has been taken back. It stands by again afterwards. */
static void answer(void) {
  hr_standby *s = &hr_the_pool.standby;
  hr_chaos_point();
  if (!change_state(HR_STANDBY_CALLED, HR_STANDBY_RUNNING)) return;
  hr_loop_work *loop = s->loop;
  fetch_context(s->ctx);
  for (int64_t at = s->first; at < s->end; at += s->grain)
    s->fn(s->ctx, at, s->end - at < s->grain ? s->end : at + s->grain);
  run_chunks(loop, NULL, NULL);
  hr_chaos_point();
  hr_store_release(&s->word, with_state(hr_load_relaxed(&s->word), HR_STANDBY_READY)); /* `loop` may be gone now */
}

/* Until the worker is not called and holds no place. Another may have taken its turn since it was recalled: then that
 * one is recalled, or runs; who stands by has no name. */
static void stand_down(void) {
  for (hr_standby_state state = look(); state != HR_STANDBY_NOBODY && state != HR_STANDBY_RUNNING; state = look()) {
    if (state == HR_STANDBY_CALLED) answer();
    hr_mutex_lock(&hr_the_pool.lock);
    hr_standby_recall_locked();
    hr_mutex_unlock(&hr_the_pool.lock);
  }
}

static bool may_spin(bool *standing) {
  hr_mutex_lock(&hr_the_pool.lock);
  bool may = hr_pool_may_spin_locked();
  *standing = may && stand_by_locked();
  hr_mutex_unlock(&hr_the_pool.lock);
  return may;
}

void hr_pool_spin(const hr_worker *worker) {
  bool standing, may = may_spin(&standing);
  for (int i = 1; may && i < HR_SPIN_ROUNDS && !hr_pool_something_to_do(worker); i++) {
    hr_standby_state state = standing ? look() : HR_STANDBY_READY;
    if (state == HR_STANDBY_CALLED) {
      answer();
      i = 0;
    } else {
      hr_cpu_relax();
    }
    if (state == HR_STANDBY_NOBODY || (!standing && i % 128 == 0)) may = may_spin(&standing);
  }
  if (standing) stand_down();
}

bool hr_pool_loop_help(uint32_t *seen, bool (*stop)(const void *arg), const void *arg) {
  hr_loop_work *loop = NULL;
  if (hr_load_relaxed(&hr_the_pool.loops_opened) == *seen) return false;
  hr_mutex_lock(&hr_the_pool.lock);
  *seen = hr_load_relaxed(&hr_the_pool.loops_opened);
  if (hr_pool_room_locked()) loop = hr_pool_loop_enter_locked(true);
  if (loop) hr_the_pool.active++;
  hr_mutex_unlock(&hr_the_pool.lock);
  if (!loop) return false;
  hr_pool_loop_run(loop, stop, arg);
  hr_pool_leave();
  return true;
}

void hr_standby_fork_child(void) {
  hr_the_pool.loops = NULL;
  hr_store_relaxed(&hr_the_pool.standby.word,
                   with_state(hr_load_relaxed(&hr_the_pool.standby.word), HR_STANDBY_NOBODY));
}

/* --- owners --- */

/* Calls the worker that stands by to the last `guest` chunks. */
static bool call(hr_loop_work *loop, int64_t guest) {
  hr_standby *s = &hr_the_pool.standby;
  fetch_standby();
  uint64_t ready = with_state(hr_load_relaxed(&s->word), HR_STANDBY_READY);
  uint64_t taken = with_state(ready + (1 << HR_STANDBY_BITS), HR_STANDBY_TAKEN);
  if (!hr_cas_seq_cst(&s->word, &ready, taken)) return false;
  hr_chaos_point();
  /* Who queues a stream wakes nobody if it sees a worker stand by after it has queued: so this must see the stream. */
  if (hr_load_seq_cst(&hr_the_pool.queue.count)) {
    hr_store_release(&s->word, with_state(taken, HR_STANDBY_READY));
    return false;
  }
  s->loop = loop;
  s->fn = loop->fn;
  s->ctx = loop->ctx;
  s->first = (loop->chunks - guest) * loop->grain;
  s->end = loop->count;
  s->grain = loop->grain;
  loop->call = taken;
  hr_store_release(&s->word, with_state(taken, HR_STANDBY_CALLED));
  return true;
}

/* What the worker has not begun is the owner's again. */
static bool call_back(const hr_loop_work *loop) {
  uint64_t called = with_state(loop->call, HR_STANDBY_CALLED);
  return hr_load_relaxed(&hr_the_pool.standby.word) == called &&
         hr_cas_acq_rel(&hr_the_pool.standby.word, &called, with_state(called, HR_STANDBY_READY));
}

static bool guest_runs(const hr_loop_work *loop) {
  return hr_load_acquire(&hr_the_pool.standby.word) == with_state(loop->call, HR_STANDBY_RUNNING);
}

static void list(hr_loop_work *loop) {
  hr_mutex_lock(&hr_the_pool.lock);
  loop->open_prev = NULL;
  loop->open_next = hr_the_pool.loops;
  if (hr_the_pool.loops) hr_the_pool.loops->open_prev = loop;
  hr_the_pool.loops = loop;
  hr_store_relaxed(&hr_the_pool.loops_opened, hr_load_relaxed(&hr_the_pool.loops_opened) + 1);
  hr_mutex_unlock(&hr_the_pool.lock);
}

static void unlist(hr_loop_work *loop) {
  hr_mutex_lock(&hr_the_pool.lock);
  *(loop->open_prev ? &loop->open_prev->open_next : &hr_the_pool.loops) = loop->open_next;
  if (loop->open_next) loop->open_next->open_prev = loop->open_prev;
  hr_mutex_unlock(&hr_the_pool.lock);
}

/* How many chunks owner and guest get without asking. Those of light loops are short: a claim, which moves a line
 * between cores, would be a good part of one. The owner begins earlier. */
static int64_t share(const hr_loop_work *loop, int64_t eighths) {
  int64_t most = loop->light ? HR_LOOP_SHARE : 1, chunks = loop->chunks * eighths / 8;
  return chunks < 1 ? 1 : chunks < most ? chunks : most;
}

static void wake_guests(int64_t chunks_left) {
  for (;;) {
    hr_wake what = {.busy_core = hr_cores_current() + 1};
    hr_mutex_lock(&hr_the_pool.lock);
    bool more = chunks_left-- > hr_the_pool.spinning && hr_the_pool.active + hr_the_pool.spinning < hr_the_pool.limit &&
                !hr_the_pool.stopping;
    if (more) hr_pool_wake_one_locked(&what, false);
    hr_mutex_unlock(&hr_the_pool.lock);
    hr_pool_wake_act(&what, false);
    if (!more) return;
  }
}

/* Whether sleepers should be woken for `rest_ns` of work: when it is worth it by itself, or with what this thread did
 * alone in loops shortly before. Loops of a few microseconds in a row so get company, single ones do not. */
static bool worth_waking(int64_t rest_ns, int64_t now_ns) {
  hr_thread *thread = hr_thread_get();
  if (!thread || rest_ns > HR_LOOP_WORTH_NS) return rest_ns > HR_LOOP_WORTH_NS;
  if (now_ns - thread->alone_at > HR_LOOP_WORTH_NS) thread->alone_ns = 0;
  thread->alone_at = now_ns;
  thread->alone_ns += rest_ns;
  bool worth = thread->alone_ns > HR_LOOP_WORTH_NS;
  if (worth) thread->alone_ns = 0;
  return worth;
}

/* The first chunk of a loop to which nobody was called: shows whether the rest is worth waking sleepers. */
static void run_first(hr_loop_work *loop) {
  int64_t begin = hr_now_ns();
  run_chunk(loop, 0);
  int64_t left = loop->chunks - hr_load_relaxed(&loop->taken);
  if (left <= 0 || hr_load_relaxed(&loop->guests)) return;
  int64_t now = hr_now_ns();
  if (worth_waking((now - begin) * left, now)) wake_guests(left);
}

static void wait_for_guests(const hr_loop_work *loop, bool called) {
  for (int i = 0; hr_load_acquire(&loop->guests) || (called && guest_runs(loop)); i++) {
    hr_cpu_relax();
    if (i % 256 == 255) sched_yield(); /* a guest may have lost its core */
  }
}

/* A worker that stands by is called at once; sleepers are woken when the first chunk shows that the rest is worth it,
 * or before it if the caller knows that. */
void hr_pool_loop(hr_loop_work *loop, bool is_long) {
  int64_t own = share(loop, 4), guest = share(loop, 3), next = 0;
  hr_store_relaxed(&loop->taken, own + guest); /* before the call: who is called may ask for more at once */
  hr_store_relaxed(&loop->from_back, guest);
  bool called = call(loop, guest), listed = !called || loop->chunks > (loop->light ? 2 * HR_LOOP_SHARE : 2);
  if (!called) {
    guest = 0, own = 1;
    hr_store_relaxed(&loop->taken, own);
    hr_store_relaxed(&loop->from_back, guest);
  }
  if (listed) list(loop);
  if (is_long) wake_guests(loop->chunks - own - guest);
  if (!called && !is_long) run_first(loop), next = 1;
  while (next < own) run_chunk(loop, next++);
  while (hr_add_relaxed(&loop->taken, 1) < loop->chunks) run_chunk(loop, next++);
  if (called && call_back(loop)) {
    called = false;
    while (guest-- > 0) run_chunk(loop, loop->chunks - 1 - guest);
  }
  if (listed) unlist(loop);
  wait_for_guests(loop, called);
}
