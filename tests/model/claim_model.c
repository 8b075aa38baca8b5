/* Two threads walk graphs (graph/eval.c: walk_from, claim, append, give_claims_back) and append nodes to two serial
 * queues. Running is not interleaved: it never delays a walk, so it is played out at the end. */
#include <stdint.h>
#include <string.h>

#include "models.h"

enum { NODES = 8, INPUTS = 2, STREAMS = 2, WALKERS = 2, ROOTS = 2, NONE = -1 };

typedef struct graph {
  int8_t nodes, dead; /* dead: the node whose append always fails, or NONE */
  int8_t in_count[NODES], in[NODES][INPUTS], stream[NODES];
  int8_t root_count[WALKERS], root[WALKERS][ROOTS];
} graph;

typedef struct claim_config {
  claim_variant variant;
  graph graph;
} claim_config;

typedef enum node_state { BUILT, CLAIMED, QUEUED } node_state;
typedef enum walker_at { LOOK, SLEEP, ASLEEP, WAKE, GIVE_BACK, FLUSH, ENDED } walker_at;

typedef struct walker {
  uint8_t at, then; /* then: where WAKE goes on */
  int8_t node;      /* entered last, or NONE */
  int8_t meets;     /* the node whose claim is waited for, or that is to be woken */
  uint8_t root, run_count, flushed;
  int8_t run[NODES]; /* of the batching variants */
} walker;

typedef struct claim_state {
  uint8_t state[NODES], waited[NODES], entered[NODES];
  int8_t owner[NODES], cursor[NODES], parent[NODES];
  int8_t queue[STREAMS][NODES];
  uint8_t queued[STREAMS];
  walker walker[WALKERS];
} claim_state;

static void init(void *state, const void *config) {
  (void)config;
  claim_state *s = state;
  memset(s->owner, NONE, sizeof s->owner);
  memset(s->parent, NONE, sizeof s->parent);
  memset(s->queue, NONE, sizeof s->queue);
  for (int i = 0; i < WALKERS; i++) {
    s->walker[i].node = s->walker[i].meets = NONE;
    memset(s->walker[i].run, NONE, sizeof s->walker[i].run);
  }
}

static bool batches(const claim_config *c) { return c->variant == CLAIM_BATCH || c->variant == CLAIM_BATCH_HOLDING; }

/* The node that the walker comes to next, or NONE when the one it is in has no inputs left (or no root is left). */
static int target_of(const claim_state *s, const claim_config *c, int me) {
  const walker *w = &s->walker[me];
  if (w->node != NONE)
    return s->cursor[w->node] < c->graph.in_count[w->node] ? c->graph.in[w->node][s->cursor[w->node]] : NONE;
  return w->root < c->graph.root_count[me] ? c->graph.root[me][w->root] : NONE;
}

/* Past the node that target_of() named. */
static void advance(claim_state *s, walker *w) {
  if (w->node == NONE)
    w->root++;
  else
    s->cursor[w->node]++;
}

static void claim_ahead(claim_state *s, const claim_config *c, int me, int node) {
  for (int i = 0; i < c->graph.in_count[node]; i++) {
    int in = c->graph.in[node][i];
    if (s->state[in] != BUILT) continue;
    s->state[in] = CLAIMED;
    s->owner[in] = (int8_t)me;
  }
}

static void enter(claim_state *s, const claim_config *c, int me, int node) {
  walker *w = &s->walker[me];
  advance(s, w);
  s->state[node] = CLAIMED;
  s->owner[node] = (int8_t)me;
  s->entered[node] = 1;
  s->parent[node] = w->node;
  s->cursor[node] = 0;
  w->node = (int8_t)node;
  if (c->variant == CLAIM_SIBLINGS) claim_ahead(s, c, me, node);
}

/* The node is claimed already, by the other walker or by this one. */
static void meet(claim_state *s, const claim_config *c, int me, int node) {
  walker *w = &s->walker[me];
  bool mine = s->owner[node] == me;
  if (mine && !s->entered[node]) {
    enter(s, c, me, node);
  } else if (mine || c->variant == CLAIM_BATCH) {
    advance(s, w);
  } else {
    s->waited[node] = 1;
    w->meets = (int8_t)node;
    w->at = SLEEP;
  }
}

static void wake(claim_state *s, walker *w, int node, walker_at then) {
  if (!s->waited[node]) {
    w->at = (uint8_t)then;
    return;
  }
  s->waited[node] = 0;
  w->meets = (int8_t)node;
  w->then = (uint8_t)then;
  w->at = WAKE;
}

static void queue_node(claim_state *s, const claim_config *c, int node) {
  int stream = c->graph.stream[node];
  s->queue[stream][s->queued[stream]++] = (int8_t)node;
  s->state[node] = QUEUED;
}

/* All inputs are behind the walker. */
static void leave(claim_state *s, const claim_config *c, walker *w) {
  int node = w->node;
  if (node == c->graph.dead) {
    w->at = GIVE_BACK;
    return;
  }
  w->node = s->parent[node];
  if (batches(c)) {
    w->run[w->run_count++] = (int8_t)node;
    return;
  }
  queue_node(s, c, node);
  wake(s, w, node, LOOK);
}

static bool look(claim_state *s, const claim_config *c, int me) {
  walker *w = &s->walker[me];
  int target = target_of(s, c, me);
  if (target == NONE) {
    if (w->node != NONE)
      leave(s, c, w);
    else
      w->at = batches(c) ? FLUSH : ENDED;
  } else if (s->state[target] == BUILT) {
    enter(s, c, me, target);
  } else if (s->state[target] == CLAIMED) {
    meet(s, c, me, target);
  } else {
    advance(s, w);
  }
  return true;
}

/* The futex: sleeps only if the word still says claimed and waited for; the system looks and sleeps in one step. */
static bool fall_asleep(claim_state *s, walker *w) {
  bool still = s->state[w->meets] == CLAIMED && s->waited[w->meets];
  w->at = still ? ASLEEP : LOOK;
  return true;
}

static bool wake_all(claim_state *s, walker *w) {
  for (int i = 0; i < WALKERS; i++)
    if (s->walker[i].at == ASLEEP && s->walker[i].meets == w->meets) s->walker[i].at = LOOK;
  w->at = w->then;
  return true;
}

static bool give_back(claim_state *s, const claim_config *c, walker *w) {
  int node = w->node;
  if (node == NONE) {
    w->at = ENDED;
    return true;
  }
  w->node = s->parent[node];
  s->state[node] = BUILT;
  s->entered[node] = 0;
  s->owner[node] = NONE;
  if (c->variant == CLAIM_SILENT_BACK)
    s->waited[node] = 0;
  else
    wake(s, w, node, GIVE_BACK);
  return true;
}

/* One stream's nodes, in the order of the walk, under one lock. */
static bool flush(claim_state *s, const claim_config *c, walker *w) {
  for (int i = 0; i < w->run_count; i++) {
    if (c->graph.stream[w->run[i]] != w->flushed) continue;
    queue_node(s, c, w->run[i]);
    s->waited[w->run[i]] = 0;
    for (int k = 0; k < WALKERS; k++)
      if (s->walker[k].at == ASLEEP && s->walker[k].meets == w->run[i]) s->walker[k].at = LOOK;
  }
  w->at = ++w->flushed == STREAMS ? ENDED : FLUSH;
  return true;
}

static bool step(void *state, int me, const void *config) {
  claim_state *s = state;
  walker *w = &s->walker[me];
  switch (w->at) {
    case LOOK: return look(s, config, me);
    case SLEEP: return fall_asleep(s, w);
    case WAKE: return wake_all(s, w);
    case GIVE_BACK: return give_back(s, config, w);
    case FLUSH: return flush(s, config, w);
    default: return false; /* asleep or ended */
  }
}

/* Runs the streams: a head runs when all its inputs have. */
static bool all_run(const claim_state *s, const graph *g) {
  bool done[NODES] = {false}, moved = true;
  int head[STREAMS] = {0};
  while (moved) {
    moved = false;
    for (int t = 0; t < STREAMS; t++) {
      if (head[t] == s->queued[t]) continue;
      int node = s->queue[t][head[t]];
      bool ready = true;
      for (int i = 0; i < g->in_count[node]; i++) ready = ready && done[g->in[node][i]];
      if (!ready) continue;
      done[node] = moved = true;
      head[t]++;
    }
  }
  return head[0] == s->queued[0] && head[1] == s->queued[1];
}

static const char *wrong(const void *state, bool still, const void *config) {
  const claim_state *s = state;
  const claim_config *c = config;
  if (!still) return NULL;
  for (int i = 0; i < WALKERS; i++) {
    if (s->walker[i].at != ENDED) return "an evaluator sleeps for ever";
    for (int r = 0; r < c->graph.root_count[i]; r++)
      if (c->graph.dead == NONE && s->state[c->graph.root[i][r]] != QUEUED) return "an array was left out";
  }
  for (int n = 0; n < c->graph.nodes; n++)
    if (s->state[n] == CLAIMED) return "a claim is left over";
  return all_run(s, &c->graph) ? NULL : "streams wait for each other in a circle";
}

/* Streams S = 0, T = 1. */
static const graph drawn[CLAIM_GRAPHS] = {
    /* x S, y T, z(x, y) S, u(z) S, w(u) T; one thread wants u, the other w and then y. */
    {5, NONE, {0, 0, 2, 1, 1}, {{0}, {0}, {0, 1}, {2}, {3}}, {0, 1, 0, 0, 1}, {1, 2}, {{3}, {4, 1}}},
    /* Two graphs with nothing in common: S T S and T S T. */
    {6, NONE, {0, 1, 1, 0, 1, 1}, {{0}, {0}, {1}, {0}, {3}, {4}}, {0, 1, 0, 1, 0, 1}, {1, 1}, {{2}, {5}}},
    /* d, e, c(e), g(d), a(c, d), b(g, e): one thread wants a, the other b. */
    {6, NONE, {0, 0, 1, 1, 2, 2}, {{0}, {0}, {1}, {0}, {2, 0}, {3, 1}}, {0, 1, 0, 1, 0, 1}, {1, 1}, {{4}, {5}}},
    /* x, y(x) whose stream is dead, z(y), w(y): each thread wants one of the last two. */
    {4, 1, {0, 1, 1, 1}, {{0}, {0}, {1}, {1}}, {0, 1, 0, 0}, {1, 1}, {{2}, {3}}},
    /* x S, y T: one thread wants x and then y, the other y and then x. */
    {2, NONE, {0}, {{0}}, {0, 1}, {2, 2}, {{0, 1}, {1, 0}}},
};

/* A linear congruential generator modulo 2^64 with Knuth's multiplier (MMIX). */
static int draw(uint64_t *seed, int below) {
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return (int)((*seed >> 33) % (uint64_t)below);
}

static graph random_graph(int number) {
  uint64_t seed = (uint64_t)number + 1;
  graph g = {.nodes = (int8_t)(5 + draw(&seed, 3)), .dead = NONE, .root_count = {ROOTS, ROOTS}};
  for (int n = 0; n < g.nodes; n++) {
    g.stream[n] = (int8_t)draw(&seed, STREAMS);
    g.in_count[n] = (int8_t)(n ? draw(&seed, INPUTS + 1) : 0);
    for (int i = 0; i < g.in_count[n]; i++) g.in[n][i] = (int8_t)draw(&seed, n);
  }
  for (int i = 0; i < WALKERS; i++) {
    g.root[i][0] = (int8_t)(g.nodes - 1 - i);
    g.root[i][1] = (int8_t)draw(&seed, g.nodes);
  }
  return g;
}

void claim_explore(verdict *out, claim_variant variant, int number) {
  const model m = {sizeof(claim_state), WALKERS, init, step, wrong};
  claim_config c = {variant, number < CLAIM_GRAPHS ? drawn[number] : random_graph(number - CLAIM_GRAPHS)};
  explore(out, &m, &c);
}
