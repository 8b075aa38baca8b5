/* One stream: hr_stream_append, kick, claim, take_head, park, stream_fire, give_back, and a waiting thread that helps.
 * Value 1 needs a point of another timeline; both helpers wait for value 1, so that value 2 is the workers' business.
 */
#include <stdint.h>

#include "models.h"

enum { A, B, WORKER, HELPER_X, HELPER_Y, PUBLISHER, THREADS, TASKS = 2 };

typedef enum stream_state { IDLE, QUEUED, RUNNING, PARKED } stream_state;

/* What a thread does next. TAKE .. PUSH_BACK are the runner's steps, whichever thread it is. */
typedef enum at {
  START,
  APPEND,
  KICK,
  PUSH,
  LOOK,
  OUT,
  OUT_KICK,
  OUT_PUSH,
  ASLEEP,
  ENDED,
  TAKE,
  SET_IDLE,
  HEAD,
  SET_PARKED,
  INSERT,
  SET_RUNNING,
  RUN,
  GIVE_BACK,
  PUSH_BACK
} at;

typedef struct stream_model_state {
  uint8_t state, incoming, batch, submitted, completed, helpers, in_pool;
  uint8_t point_done, inserted;
  uint8_t at[THREADS];
} stream_model_state;

typedef stream_model_state sms;

static stream_variant variant_of(const void *config) { return *(const stream_variant *)config; }

static void init(void *state, const void *config) {
  (void)config;
  sms *s = state;
  s->at[A] = s->at[B] = APPEND;
}

static bool has_work(const sms *s) { return s->incoming || s->batch; }

/* hr_stream_kick() and what follows it: `push` is where the pool is told, `then` where the thread goes on. */
static void kick(sms *s, int me, at push, at then) {
  bool yes = s->state == IDLE && has_work(s);
  if (yes) s->state = QUEUED;
  s->at[me] = (uint8_t)(yes ? push : then);
}

static bool claim(sms *s, int me, bool from_queued) {
  bool mine = (s->state == IDLE && has_work(s) && me != WORKER) || (s->state == QUEUED && from_queued);
  if (mine) s->state = RUNNING;
  return mine;
}

/* Where a thread goes on that is no longer the runner. */
static void runner_ends(sms *s, int me) {
  bool helper = me == HELPER_X || me == HELPER_Y;
  s->at[me] = (uint8_t)(me == WORKER || helper ? START : ENDED);
}

static void take(sms *s, int me, stream_variant v) {
  s->at[me] = HEAD;
  if (s->batch) return;
  s->batch = s->incoming;
  s->incoming = 0;
  if (s->batch) return;
  if (v == STREAM_IDLE_UNSEEN) {
    s->at[me] = SET_IDLE;
    return;
  }
  s->state = IDLE;
  runner_ends(s, me);
}

static void head(sms *s, int me, stream_variant v) {
  bool blocked = s->completed == 0 && !s->point_done;
  s->at[me] = (uint8_t)(!blocked ? RUN : v == STREAM_PARKED_LATE ? INSERT : SET_PARKED);
}

/* hr_timeline_park(): one step, for park_model.c looks inside. */
static void insert(sms *s, int me, stream_variant v) {
  if (s->point_done) {
    s->at[me] = SET_RUNNING;
    return;
  }
  s->inserted = 1;
  if (v == STREAM_PARKED_LATE)
    s->at[me] = SET_PARKED;
  else
    runner_ends(s, me);
}

static void set_parked(sms *s, int me, stream_variant v) {
  s->state = PARKED;
  s->at[me] = INSERT;
  if (v == STREAM_PARKED_LATE) runner_ends(s, me);
}

static void run(sms *s, int me) {
  s->batch--;
  s->completed++;
  bool helper = me == HELPER_X || me == HELPER_Y;
  s->at[me] = (uint8_t)(helper ? GIVE_BACK : TAKE); /* a helper stops when its point, value 1, is reached */
}

static void give_back(sms *s, int me) {
  bool push = has_work(s) && s->helpers == 0;
  s->state = push ? QUEUED : IDLE;
  if (push)
    s->at[me] = PUSH_BACK;
  else
    runner_ends(s, me);
}

static bool runner_step(sms *s, int me, stream_variant v) {
  switch (s->at[me]) {
    case TAKE: take(s, me, v); return true;
    case SET_IDLE:
      s->state = IDLE;
      runner_ends(s, me);
      return true;
    case HEAD: head(s, me, v); return true;
    case SET_PARKED: set_parked(s, me, v); return true;
    case INSERT: insert(s, me, v); return true;
    case SET_RUNNING:
      s->state = RUNNING;
      s->at[me] = HEAD;
      return true;
    case RUN: run(s, me); return true;
    case GIVE_BACK: give_back(s, me); return true;
    case PUSH_BACK:
      s->in_pool = 1;
      runner_ends(s, me);
      return true;
    default: return false;
  }
}

static bool appender_step(sms *s, int me, stream_variant v) {
  switch (s->at[me]) {
    case APPEND:
      s->incoming++;
      s->submitted++;
      s->at[me] = (uint8_t)(v == STREAM_NO_KICK ? ENDED : KICK);
      return true;
    case KICK: kick(s, me, PUSH, ENDED); return true;
    case PUSH:
      s->in_pool = 1;
      s->at[me] = ENDED;
      return true;
    default: return false;
  }
}

static bool worker_step(sms *s, int me) {
  if (s->at[me] != START || !s->in_pool) return false;
  s->in_pool = 0;
  s->at[me] = LOOK; /* popped; claims outside the pool's lock */
  return true;
}

static bool worker_claims(sms *s, int me) {
  if (s->at[me] != LOOK) return false;
  s->at[me] = (uint8_t)(claim(s, me, true) ? TAKE : START);
  return true;
}

static bool helper_step(sms *s, int me, stream_variant v) {
  switch (s->at[me]) {
    case START:
      if (s->submitted < 1) return false; /* only what has been appended is waited for */
      if (s->completed >= 1)
        s->at[me] = ENDED;
      else if (claim(s, me, true))
        s->at[me] = TAKE;
      else {
        s->helpers++;
        s->at[me] = LOOK;
      }
      return true;
    case LOOK:
      if (s->completed == 0 && claim(s, me, false)) {
        s->helpers--;
        s->at[me] = TAKE;
      } else {
        s->at[me] = OUT;
      }
      return true;
    case OUT:
      s->helpers--;
      s->at[me] = (uint8_t)(v == STREAM_SILENT_HELPER ? ASLEEP : OUT_KICK);
      return true;
    case OUT_KICK: kick(s, me, OUT_PUSH, ASLEEP); return true;
    case OUT_PUSH:
      s->in_pool = 1;
      s->at[me] = ASLEEP;
      return true;
    case ASLEEP:
      if (s->completed < 1) return false;
      s->at[me] = ENDED;
      return true;
    default: return false;
  }
}

/* Publishes the point, then fires the parked stream, and runs it as its owner (R13). */
static bool publisher_step(sms *s) {
  switch (s->at[PUBLISHER]) {
    case START:
      s->point_done = 1;
      s->at[PUBLISHER] = LOOK;
      return true;
    case LOOK:
      s->at[PUBLISHER] = (uint8_t)(s->inserted ? OUT : ENDED);
      s->inserted = 0;
      return true;
    case OUT:
      s->state = RUNNING;
      s->at[PUBLISHER] = TAKE;
      return true;
    default: return false;
  }
}

static bool step(void *state, int me, const void *config) {
  sms *s = state;
  stream_variant v = variant_of(config);
  if (s->at[me] >= TAKE) return runner_step(s, me, v);
  if (me == A || me == B) return appender_step(s, me, v);
  if (me == WORKER) return worker_step(s, me) || worker_claims(s, me);
  if (me == PUBLISHER) return publisher_step(s);
  return helper_step(s, me, v);
}

static const char *wrong(const void *state, bool still, const void *config) {
  const sms *s = state;
  int runners = 0;
  for (int i = 0; i < THREADS; i++) runners += s->at[i] >= TAKE && s->at[i] != PUSH_BACK;
  /* Who has inserted the waiter late is no runner any more, only late. */
  if (runners > 1 && variant_of(config) != STREAM_PARKED_LATE) return "two threads run the stream";
  if (!still) return NULL;
  if (s->completed < TASKS) return "work is left that nobody will do";
  for (int i = 0; i < THREADS; i++)
    if (s->at[i] != ENDED && i != WORKER) return "a thread stands still";
  return s->state == IDLE ? NULL : "the stream is not idle at the end";
}

void stream_explore(verdict *out, stream_variant variant) {
  const model m = {sizeof(sms), THREADS, init, step, wrong};
  explore(out, &m, &variant);
}
