/* The pool's sleep and wake (sched/pool.c): hr_pool_push, want_worker_locked, worker_turn, worker_rest, monitor_main.
 * Each critical section is one step; what is done after it (waking) is another. The first task to begin ends at once,
 * the other three are user code that ends only when all have begun: a stream that nobody looks at hangs them. */
#include <stdint.h>

#include "models.h"

enum { WORKERS = 3, PUSHERS = 2, MONITOR = PUSHERS + WORKERS, THREADS, STREAMS = 4, NOBODY = -1, GRANT_FACTOR = 3 };

typedef enum at { START, PUSH_MORE, TURN, BEGIN, GATE, END, REST, SLEEP, WATCH, ENDED } at;

typedef struct thread_state {
  uint8_t at, to_push;
  uint8_t word, asleep, granted; /* of workers and the monitor */
  int8_t wakes;                  /* the worker to be woken once the lock is dropped */
  uint8_t wakes_monitor;
} thread_state;

typedef struct pool_state {
  uint8_t queued, begun, active, spinning, armed;
  thread_state thread[THREADS];
} pool_state;

typedef struct pool_config {
  pool_variant variant;
  int limit;
} pool_config;

static void init(void *state, const void *config) {
  (void)config;
  pool_state *s = state;
  for (int i = 0; i < THREADS; i++) s->thread[i].wakes = NOBODY;
  s->thread[0].at = s->thread[1].at = PUSH_MORE;
  s->thread[0].to_push = s->thread[1].to_push = STREAMS / PUSHERS;
  s->thread[MONITOR].at = SLEEP;
}

/* A sleeper, or else a thread that has not been made yet; granted: may exceed the limit. */
static void wake_one(pool_state *s, thread_state *me, bool granted) {
  int found = NOBODY;
  for (int i = PUSHERS; i < MONITOR; i++)
    if (s->thread[i].asleep) found = i;
  for (int i = PUSHERS; i < MONITOR && found == NOBODY; i++)
    if (s->thread[i].at == START && !s->thread[i].word) found = i;
  if (found == NOBODY) return;
  s->thread[found].asleep = 0;
  s->thread[found].granted = granted;
  if (s->thread[found].at == START) s->thread[found].word = 2; /* being made: nobody else's */
  s->spinning++;
  me->wakes = (int8_t)found;
}

static void want_worker(pool_state *s, thread_state *me, const pool_config *c) {
  if (s->spinning > 0) return;
  if (s->active < c->limit) {
    wake_one(s, me, false);
  } else if (!s->armed && c->variant != POOL_NO_MONITOR) {
    s->armed = 1;
    me->wakes_monitor = 1;
  }
}

/* The step after a critical section. */
static bool wake_now(pool_state *s, thread_state *me) {
  if (me->wakes != NOBODY) {
    thread_state *w = &s->thread[me->wakes];
    w->word = 1;
    if (w->at == START) w->at = TURN;
    me->wakes = NOBODY;
    return true;
  }
  s->thread[MONITOR].word = 1;
  me->wakes_monitor = 0;
  return true;
}

static bool pusher_step(pool_state *s, thread_state *me, const pool_config *c) {
  if (me->at == ENDED) return false;
  s->queued++;
  want_worker(s, me, c);
  me->at = --me->to_push ? PUSH_MORE : ENDED;
  return true;
}

static bool turn(pool_state *s, thread_state *me, const pool_config *c) {
  bool got = s->queued && (s->active < c->limit || me->granted);
  me->granted = 0;
  me->at = got ? BEGIN : REST;
  if (!got) return true;
  s->queued--;
  s->active++;
  s->spinning--;
  if (s->queued && c->variant != POOL_NO_HANDOVER) want_worker(s, me, c);
  return true;
}

static bool rest(pool_state *s, thread_state *me, const pool_config *c) {
  bool looks = c->variant != POOL_NO_SECOND_LOOK;
  if (looks && s->queued && s->active < c->limit) {
    me->at = TURN;
    return true;
  }
  s->spinning--;
  if (looks && s->queued) want_worker(s, me, c); /* no room: arms the monitor */
  me->asleep = 1;
  me->word = 0;
  me->at = SLEEP;
  return true;
}

static bool worker_step(pool_state *s, thread_state *me, const pool_config *c) {
  switch (me->at) {
    case TURN: return turn(s, me, c);
    case BEGIN: me->at = s->begun++ ? GATE : END; return true;
    case GATE:
      if (s->begun < STREAMS) return false;
      me->at = END;
      return true;
    case END:
      s->active--;
      s->spinning++;
      me->at = TURN;
      return true;
    case REST: return rest(s, me, c);
    case SLEEP:
      if (!me->word) return false;
      me->at = TURN;
      return true;
    default: return false;
  }
}

/* Any time may have passed between two looks; a look that changes nothing is no step. */
static bool monitor_step(pool_state *s, thread_state *me, const pool_config *c) {
  if (me->at == SLEEP) {
    if (!me->word) return false;
    me->at = WATCH;
    return true;
  }
  if (!s->queued) {
    if (c->variant != POOL_MONITOR_FORGETS) s->armed = 0;
    me->word = 0;
    me->at = SLEEP;
    return true;
  }
  if (s->spinning || s->active >= GRANT_FACTOR * c->limit) return false;
  wake_one(s, me, s->active >= c->limit);
  return me->wakes != NOBODY;
}

static bool step(void *state, int thread, const void *config) {
  pool_state *s = state;
  thread_state *me = &s->thread[thread];
  if (me->wakes != NOBODY || me->wakes_monitor) return wake_now(s, me);
  if (thread < PUSHERS) return pusher_step(s, me, config);
  if (thread == MONITOR) return monitor_step(s, me, config);
  return worker_step(s, me, config);
}

static const char *wrong(const void *state, bool still, const void *config) {
  const pool_state *s = state;
  const pool_config *c = config;
  if (s->active > GRANT_FACTOR * c->limit) return "more threads run than were granted";
  if (!still) return NULL;
  if (s->begun < STREAMS) return "a stream is queued and nobody looks at it";
  return s->active || s->spinning || s->queued ? "the counts do not add up" : NULL;
}

void pool_explore(verdict *out, pool_variant variant, int limit) {
  const model m = {sizeof(pool_state), THREADS, init, step, wrong};
  pool_config c = {variant, limit};
  explore(out, &m, &c);
}
