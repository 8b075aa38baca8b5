/* hr_timeline_complete() against hr_timeline_park(), and a sleeper's time limit (wait.c, sleep_until_fired). */
#include <stdint.h>

#include "models.h"

/* Threads: 0 the publisher of values 1 and 2; 1 and 2 waiters of those values; 3 the clock of the first waiter; 4 the
 * store buffer of the publisher, for PARK_PLAIN_STORE. */
enum { WAITERS = 2, VALUES = 2, CLOCK = 3, BUFFER = 4, THREADS = 5 };

typedef enum publisher_at { STORE, LOOK, LOCK, FIRE, PUBLISHED } publisher_at;
typedef enum waiter_at { QUICK, ENTER, INSERT, REREAD, ASLEEP, UNPARK, ABOUT_TO_FIRE, GONE } waiter_at;

typedef struct waiter_state {
  uint8_t at, inserted, fired, outcome_fires;
} waiter_state;

typedef struct park_state {
  uint8_t completed, buffered; /* buffered: a store that others do not see yet */
  uint8_t lock;                /* thread + 1 */
  uint8_t publisher, value, saw_waiters;
  uint8_t to_fire; /* bits of waiters in the publisher's work list */
  uint8_t clock_rang, fired_into_nothing;
  waiter_state waiter[WAITERS];
} park_state;

static park_variant variant_of(const void *config) { return *(const park_variant *)config; }

static void init(void *state, const void *config) {
  (void)config;
  park_state *s = state;
  s->value = 1;
}

static bool any_inserted(const park_state *s) { return s->waiter[0].inserted || s->waiter[1].inserted; }

static void splice(park_state *s) {
  for (int i = 0; i < WAITERS; i++)
    if (s->waiter[i].inserted && i + 1 <= s->value) {
      s->waiter[i].inserted = 0;
      s->to_fire |= (uint8_t)(1 << i);
    }
}

static void next_value(park_state *s) {
  s->publisher = s->value == VALUES ? PUBLISHED : STORE;
  if (s->value < VALUES) s->value++;
}

static void fire_one(park_state *s) {
  int i = s->to_fire & 1 ? 0 : 1;
  s->to_fire &= (uint8_t) ~(1 << i);
  if (s->waiter[i].at == GONE) s->fired_into_nothing = 1; /* its storage was on a stack that has returned */
  s->waiter[i].fired++;
}

static void publisher_store(park_state *s, park_variant v) {
  if (v == PARK_LOADS_FIRST) s->saw_waiters = any_inserted(s);
  if (v == PARK_PLAIN_STORE)
    s->buffered = s->value;
  else if (v != PARK_LOADS_FIRST)
    s->completed = s->value;
  s->publisher = LOOK;
}

static void publisher_look(park_state *s, park_variant v) {
  if (v == PARK_LOADS_FIRST)
    s->completed = s->value;
  else
    s->saw_waiters = any_inserted(s);
  if (s->saw_waiters)
    s->publisher = LOCK;
  else
    next_value(s);
}

static bool publisher_step(park_state *s, park_variant v) {
  switch (s->publisher) {
    case STORE:
      if (s->buffered) return false; /* one store at a time is enough for the fault */
      publisher_store(s, v);
      return true;
    case LOOK: publisher_look(s, v); return true;
    case LOCK:
      if (s->lock || s->buffered) return false; /* taking a lock empties the store buffer */
      splice(s); /* the critical section is one step: the lock is free before and after */
      s->publisher = FIRE;
      return true;
    case FIRE:
      if (s->to_fire)
        fire_one(s);
      else
        next_value(s);
      return true;
    default: return false;
  }
}

static void reread(park_state *s, waiter_state *w, int value, park_variant v) {
  bool done = v != PARK_NO_REREAD && s->completed >= value;
  if (done) w->inserted = 0;
  w->at = done ? GONE : ASLEEP;
  w->outcome_fires = !done;
  s->lock = 0;
}

static bool asleep_step(park_state *s, waiter_state *w, int index, park_variant v) {
  if (w->fired) {
    w->at = GONE;
    return true;
  }
  if (index != 0 || !s->clock_rang) return false;
  w->at = v == PARK_LEAVES_PARKED ? GONE : UNPARK;
  if (w->at == GONE) w->outcome_fires = 0;
  return true;
}

static bool unpark_step(park_state *s, waiter_state *w, park_variant v) {
  if (s->lock) return false;
  bool mine = w->inserted;
  if (mine) w->inserted = 0;
  if (mine) w->outcome_fires = 0;
  w->at = mine || v == PARK_IGNORES_UNPARK ? GONE : ABOUT_TO_FIRE;
  return true;
}

static bool waiter_step(park_state *s, int index, park_variant v) {
  waiter_state *w = &s->waiter[index];
  int value = index + 1;
  switch (w->at) {
    case QUICK: w->at = s->completed >= value ? GONE : ENTER; return true;
    case ENTER:
      if (s->lock) return false;
      s->lock = (uint8_t)(index + 1);
      w->at = INSERT;
      return true;
    case INSERT:
      w->inserted = 1;
      w->at = REREAD;
      return true;
    case REREAD: reread(s, w, value, v); return true;
    case ASLEEP: return asleep_step(s, w, index, v);
    case UNPARK: return unpark_step(s, w, v);
    case ABOUT_TO_FIRE:
      if (!w->fired) return false;
      w->at = GONE;
      return true;
    default: return false;
  }
}

static bool clock_step(park_state *s) {
  if (s->clock_rang) return false;
  s->clock_rang = 1;
  return true;
}

static bool buffer_step(park_state *s) {
  if (!s->buffered) return false;
  s->completed = s->buffered;
  s->buffered = 0;
  return true;
}

static bool step(void *state, int thread, const void *config) {
  park_state *s = state;
  if (thread == 0) return publisher_step(s, variant_of(config));
  if (thread == CLOCK) return clock_step(s);
  if (thread == BUFFER) return buffer_step(s);
  return waiter_step(s, thread - 1, variant_of(config));
}

static const char *wrong(const void *state, bool still, const void *config) {
  (void)config;
  const park_state *s = state;
  if (s->fired_into_nothing) return "fires a waiter whose storage is gone";
  for (int i = 0; i < WAITERS; i++) {
    const waiter_state *w = &s->waiter[i];
    if (w->fired > 1) return "fires a waiter twice";
    if (still && w->at != GONE) return "a waiter sleeps for ever";
    if (w->at == GONE && w->fired != w->outcome_fires && still) return "a waiter was told otherwise than it happened";
  }
  return still && s->publisher != PUBLISHED ? "the publisher stands still" : NULL;
}

void park_explore(verdict *out, park_variant variant) {
  const model m = {sizeof(park_state), THREADS, init, step, wrong};
  explore(out, &m, &variant);
}
