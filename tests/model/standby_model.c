/* The worker that stands by and the owners of loops who call it (sched/pool_loops.c: hr_pool_loop, call, call_back,
 * answer, stand_down) while a stream is queued (want_worker_locked). Each owner runs LOOPS loops of CHUNKS chunks, one
 * after the other in the same memory: the first chunk is its own, the last the worker's, the others go to who asks. */
#include <stdint.h>
#include <string.h>

#include "models.h"

/* Threads: the owners, the worker, who queues a stream, and the clock that has the worker stop spinning. */
enum { OWNERS = 2, WORKER = OWNERS, PUSHER, CLOCK, THREADS, LOOPS = 2, CHUNKS = 3, OWN = 1, GUEST = 1 };

typedef enum word_state { NOBODY, READY, TAKEN, CALLED, RUNNING } word_state;
typedef enum owner_at { PREPARE, TAKE, LOOK, PUBLISH, COUNT_LATE, FIRST, CLAIM, CALL_BACK, WAIT, ENDED } owner_at;
typedef enum worker_at { STANDS, ACCEPTS, BEGINS, ASKS, LEAVES, RESTS, SLEEPS, DONE } worker_at;

typedef struct loop_state {
  uint8_t live, taken, from_back, run[CHUNKS]; /* how often each chunk was run */
} loop_state;

typedef struct owner_state {
  uint8_t at, loops, called, call, next; /* call: the count when the worker was called */
  loop_state loop;
} owner_state;

typedef struct standby_state {
  uint8_t word, count, caller; /* the line: state, calls so far, whose loop */
  uint8_t worker, works_for, late;
  uint8_t pusher, queued, relies; /* relies: nobody was woken, since a worker stands by or spins */
  uint8_t fault_gone, fault_overlooked, fault_short;
  owner_state owner[OWNERS];
} standby_state;

static void init(void *state, const void *config) {
  standby_state *s = state;
  (void)config;
  s->word = READY;
  for (int i = 0; i < OWNERS; i++) s->owner[i].loops = LOOPS;
}

/* --- owners --- */

static void set_counts(loop_state *l, uint8_t own, uint8_t guest) { l->taken = own + guest, l->from_back = guest; }

static void no_call(owner_state *o) {
  o->called = 0;
  set_counts(&o->loop, OWN, 0);
  o->at = FIRST;
}

static bool is_word(const standby_state *s, const owner_state *o, word_state state, standby_variant v) {
  return s->word == state && (s->count == o->call || v == STANDBY_NO_COUNT);
}

static void claim(owner_state *o) {
  if (o->loop.taken++ < CHUNKS)
    o->loop.run[o->next++]++;
  else
    o->at = CALL_BACK;
}

static void call_back(standby_state *s, owner_state *o, standby_variant v) {
  o->at = WAIT;
  if (!o->called || !is_word(s, o, CALLED, v)) return;
  s->word = READY;
  o->called = 0;
  o->loop.run[CHUNKS - 1]++;
}

static void finish(standby_state *s, owner_state *o) {
  for (int i = 0; i < CHUNKS; i++) s->fault_short |= o->loop.run[i] != 1;
  memset(&o->loop, 0, sizeof o->loop);
  o->called = 0;
  o->at = --o->loops ? PREPARE : ENDED;
}

static bool owner_step(standby_state *s, int number, standby_variant v) {
  owner_state *o = &s->owner[number];
  switch ((owner_at)o->at) {
    case PREPARE:
      o->loop.live = 1;
      if (v != STANDBY_COUNTS_LATE) set_counts(&o->loop, OWN, GUEST);
      o->at = TAKE;
      return true;
    case TAKE:
      if (s->word != READY) return no_call(o), true;
      s->word = TAKEN, o->call = ++s->count, o->at = v == STANDBY_NO_LOOK ? PUBLISH : LOOK;
      return true;
    case LOOK:
      o->at = PUBLISH;
      if (s->queued) s->word = READY, no_call(o);
      return true;
    case PUBLISH:
      s->caller = (uint8_t)number, s->word = CALLED, o->called = 1;
      o->at = v == STANDBY_COUNTS_LATE ? COUNT_LATE : FIRST;
      return true;
    case COUNT_LATE: set_counts(&o->loop, OWN, GUEST), o->at = FIRST; return true;
    case FIRST: o->loop.run[0]++, o->next = 1, o->at = CLAIM; return true;
    case CLAIM: claim(o); return true;
    case CALL_BACK: call_back(s, o, v); return true;
    case WAIT:
      if (o->called && v != STANDBY_NO_WAIT && is_word(s, o, RUNNING, v)) return false;
      finish(s, o);
      return true;
    case ENDED: break;
  }
  return false;
}

/* --- the worker --- */

static void accept(standby_state *s) {
  s->word = RUNNING, s->works_for = s->caller, s->worker = BEGINS;
  s->fault_overlooked |= s->queued && s->relies;
}

static bool stand(standby_state *s, standby_variant v) {
  if (s->word == CALLED && v == STANDBY_BLIND) return s->worker = ACCEPTS, true;
  if (s->word == CALLED) return accept(s), true;
  if (s->word != READY || !(s->queued || s->late)) return false;
  s->word = NOBODY, s->worker = RESTS;
  return true;
}

/* A chunk of the loop that the worker was called to, which must be there still. */
static void run_guest(standby_state *s, int chunk) {
  loop_state *l = &s->owner[s->works_for].loop;
  s->fault_gone |= !l->live;
  if (chunk >= 0) l->run[chunk]++;
}

static void ask(standby_state *s) {
  loop_state *l = &s->owner[s->works_for].loop;
  run_guest(s, -1);
  s->worker = LEAVES;
  if (s->queued || l->taken++ >= CHUNKS) return;
  run_guest(s, CHUNKS - 1 - l->from_back++);
  s->worker = ASKS;
}

static bool worker_step(standby_state *s, standby_variant v) {
  switch ((worker_at)s->worker) {
    case STANDS: return stand(s, v);
    case ACCEPTS: accept(s); return true;
    case BEGINS: run_guest(s, CHUNKS - 1), s->worker = ASKS; return true;
    case ASKS: ask(s); return true;
    case LEAVES: s->word = READY, s->worker = STANDS; return true;
    case RESTS: /* looks at the queue under the lock before it sleeps */
      s->worker = s->queued ? DONE : SLEEPS, s->queued = 0;
      return true;
    case SLEEPS:
    case DONE: break;
  }
  return false;
}

/* --- others --- */

static bool pusher_step(standby_state *s) {
  if (s->pusher == 2) return false;
  if (s->pusher++ == 0) return s->queued = 1, true;
  if (!s->queued) return true;
  s->relies = s->word == READY || s->worker == RESTS;
  if (!s->relies) s->queued = 0; /* another worker is woken, and takes it */
  return true;
}

static bool step(void *state, int thread, const void *config) {
  standby_state *s = state;
  standby_variant v = *(const standby_variant *)config;
  if (thread < OWNERS) return owner_step(s, thread, v);
  if (thread == WORKER) return worker_step(s, v);
  if (thread == PUSHER) return pusher_step(s);
  if (s->late) return false;
  s->late = 1;
  return true;
}

static const char *wrong(const void *state, bool still, const void *config) {
  (void)config;
  const standby_state *s = state;
  if (s->fault_gone) return "a guest is in a loop that is over";
  if (s->fault_overlooked) return "a call is answered before a stream that nobody was woken for";
  if (s->fault_short) return "a loop is over with a chunk not run, or run twice";
  for (int i = 0; i < OWNERS; i++) {
    for (int k = 0; k < CHUNKS; k++)
      if (s->owner[i].loop.run[k] > 1) return "a chunk is run twice";
    if (still && s->owner[i].at != ENDED) return "an owner waits for ever";
  }
  return still && s->queued ? "a stream is left in the queue" : NULL;
}

void standby_explore(verdict *out, standby_variant variant) {
  const model m = {sizeof(standby_state), THREADS, init, step, wrong};
  explore(out, &m, &variant);
}
