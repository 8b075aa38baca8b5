#include "explore.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { STATES_MAX = 8 << 20 };

/* All states found so far, in the order of finding (so the search is breadth first), and a hash table of their places.
 */
typedef struct search {
  const model *m;
  const void *config;
  unsigned char *states;
  uint32_t *from; /* the state that this one was reached from */
  char *by;       /* the thread that made the step */
  size_t count, room;
  uint32_t *table; /* place + 1, or 0 */
  size_t slots;
} search;

static unsigned char *state_at(const search *s, size_t at) { return s->states + at * s->m->bytes; }

/* FNV-1a, 64 bits (Fowler, Noll, Vo), with a last mix since tables take the low bits. */
static uint64_t hash(const unsigned char *bytes, size_t count) {
  uint64_t h = 0xcbf29ce484222325u;
  for (size_t i = 0; i < count; i++) h = (h ^ bytes[i]) * 0x100000001b3u;
  return h ^ (h >> 32);
}

static size_t slot_of(const search *s, const unsigned char *state) {
  size_t at = hash(state, s->m->bytes) & (s->slots - 1);
  while (s->table[at] && memcmp(state_at(s, s->table[at] - 1), state, s->m->bytes) != 0) at = (at + 1) & (s->slots - 1);
  return at;
}

static bool grow(search *s) {
  size_t room = s->room ? s->room * 4 : 1024, slots = room * 2;
  unsigned char *states = realloc(s->states, room * s->m->bytes);
  if (states) s->states = states;
  uint32_t *from = realloc(s->from, room * sizeof *from);
  if (from) s->from = from;
  char *by = realloc(s->by, room);
  if (by) s->by = by;
  uint32_t *table = calloc(slots, sizeof *table);
  if (!states || !from || !by || !table || s->count > STATES_MAX) {
    free(table);
    return false;
  }
  free(s->table);
  s->table = table;
  s->slots = slots;
  s->room = room;
  for (size_t i = 0; i < s->count; i++) s->table[slot_of(s, state_at(s, i))] = (uint32_t)i + 1;
  return true;
}

/* False without memory. */
static bool add(search *s, const unsigned char *state, size_t from, int by) {
  if (s->count == s->room && !grow(s)) return false;
  size_t slot = slot_of(s, state);
  if (s->table[slot]) return true;
  memcpy(state_at(s, s->count), state, s->m->bytes);
  s->from[s->count] = (uint32_t)from;
  s->by[s->count] = (char)('0' + by);
  s->table[slot] = (uint32_t)++s->count;
  return true;
}

static void tell_road(verdict *out, const search *s, size_t at) {
  int length = 0;
  for (size_t i = at; i; i = s->from[i]) length++;
  out->road_length = length;
  for (size_t i = at; i; i = s->from[i])
    if (--length < MODEL_ROAD_MAX) out->road[length] = s->by[i];
}

/* All steps out of one state; the fault that it has, or NULL. */
static const char *visit(search *s, size_t at) {
  unsigned char next[MODEL_STATE_MAX];
  bool still = true;
  for (int thread = 0; thread < s->m->threads; thread++) {
    memcpy(next, state_at(s, at), s->m->bytes);
    if (!s->m->step(next, thread, s->config)) continue;
    still = false;
    if (!add(s, next, at, thread)) return "more states than memory";
  }
  return s->m->wrong(state_at(s, at), still, s->config);
}

void explore(verdict *out, const model *m, const void *config) {
  search s = {.m = m, .config = config};
  unsigned char first[MODEL_STATE_MAX] = {0};
  memset(out, 0, sizeof *out);
  m->init(first, config);
  if (!add(&s, first, 0, 0)) out->fault = "more states than memory";
  for (size_t at = 0; at < s.count && !out->fault; at++) {
    out->fault = visit(&s, at);
    if (out->fault) tell_road(out, &s, at);
  }
  out->states = s.count;
  free(s.states);
  free(s.from);
  free(s.by);
  free(s.table);
}
