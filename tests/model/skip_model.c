/* Waits that are dropped because an earlier task of the stream has made them, and that task is cancelled (R9). */
#include <stdint.h>

#include "models.h"

/* Threads: 0 the producer P with one task; 1 the consumer stream with two tasks that both need P's; 2 who cancels. */
enum { THREADS = 3, TASKS = 2 };

typedef struct skip_state {
  uint8_t produced, cancelled, at, read_too_early;
} skip_state;

static skip_variant variant_of(const void *config) { return *(const skip_variant *)config; }

static void init(void *state, const void *config) { (void)state, (void)config; }

/* The first task can be cancelled, the second reads the producer's memory. */
static bool consumer_step(skip_state *s, skip_variant v) {
  if (s->at == TASKS) return false;
  bool skipped = s->at == 0 && s->cancelled;
  bool waits = s->at == 0 ? !(skipped && v == SKIP_TABLE_NO_WAIT) : v == SKIP_OURS;
  if (waits && !s->produced) return false;
  if (!skipped && !s->produced) s->read_too_early = 1;
  s->at++;
  return true;
}

static bool step(void *state, int thread, const void *config) {
  skip_state *s = state;
  uint8_t *once = thread == 0 ? &s->produced : &s->cancelled;
  if (thread == 1) return consumer_step(s, variant_of(config));
  if (*once) return false;
  *once = 1;
  return true;
}

static const char *wrong(const void *state, bool still, const void *config) {
  (void)config;
  const skip_state *s = state;
  if (s->read_too_early) return "reads memory that is not ready";
  return still && s->at < TASKS ? "the consumer stands still" : NULL;
}

void skip_explore(verdict *out, skip_variant variant) {
  const model m = {sizeof(skip_state), THREADS, init, step, wrong};
  explore(out, &m, &variant);
}
