/* tests/model/models.h - the runtime's protocols as models, ours and the faulty variants that the rules exclude.
 * A variant differs from OURS in one step. Each function explores one variant; verdict.fault says what went wrong. */
#ifndef HR_TESTS_MODEL_MODELS_H
#define HR_TESTS_MODEL_MODELS_H

#include "explore.h"

/* sched/timeline.c (R8): one publisher, two waiters that park, one of them with a time limit (wait.c). */
typedef enum park_variant {
  PARK_OURS,
  PARK_NO_REREAD,      /* inserts the waiter without looking at `completed` again */
  PARK_LOADS_FIRST,    /* the publisher loads `waiters` before it stores `completed` */
  PARK_PLAIN_STORE,    /* the publisher's store may become visible after its load (no seq_cst exchange) */
  PARK_LEAVES_PARKED,  /* a waiter whose time ran out returns without taking itself back */
  PARK_IGNORES_UNPARK, /* ... or does not wait for the firing that unpark() announced */
  PARK_VARIANTS
} park_variant;
void park_explore(verdict *out, park_variant variant);

/* graph/eval.c (R1, R3): two threads evaluate graphs on two streams. */
typedef enum claim_variant {
  CLAIM_OURS,
  CLAIM_BATCH,         /* R1: appends what it has of one stream at once, at the end, whatever the producers */
  CLAIM_BATCH_HOLDING, /* R3: keeps runs back and meets a foreign claim without flushing them */
  CLAIM_SIBLINGS,      /* R3: claims all inputs of the node that it enters */
  CLAIM_SILENT_BACK,   /* gives claims back without waking who waits for them */
  CLAIM_VARIANTS
} claim_variant;
enum { CLAIM_GRAPHS = 5, CLAIM_RANDOM_GRAPHS = 400 };
/* graph < CLAIM_GRAPHS: a drawn one; beyond: random, by its number. */
void claim_explore(verdict *out, claim_variant variant, int graph);

/* sched/stream.c and wait.c (R12): append, kick, run, park and fire, give back to a helper. */
typedef enum stream_variant {
  STREAM_OURS,
  STREAM_IDLE_UNSEEN,   /* the runner sees an empty queue, then sets idle without looking again */
  STREAM_NO_KICK,       /* the appender does not kick */
  STREAM_SILENT_HELPER, /* a helper stops looking without kicking what was left to it */
  STREAM_PARKED_LATE,   /* the state becomes parked only after the waiter was inserted */
  STREAM_VARIANTS
} stream_variant;
void stream_explore(verdict *out, stream_variant variant);

/* sched/pool.c (W3, W4): two pushers, streams whose tasks wait for each other, three workers, `limit` places. */
typedef enum pool_variant {
  POOL_OURS,
  POOL_NO_SECOND_LOOK,  /* registers as sleeper without a last look at the queue */
  POOL_NO_HANDOVER,     /* a worker that leaves streams in the queue does not wake the next */
  POOL_MONITOR_FORGETS, /* the monitor falls asleep while it still counts as armed */
  POOL_NO_MONITOR,      /* nobody grants a turn when all places are taken */
  POOL_VARIANTS
} pool_variant;
void pool_explore(verdict *out, pool_variant variant, int limit);

/* sched/pool_loops.c (W9): two owners of loops, the worker that stands by, a stream that is queued meanwhile. */
typedef enum standby_variant {
  STANDBY_OURS,
  STANDBY_COUNTS_LATE, /* an owner counts what is given away only after the call */
  STANDBY_NO_COUNT,    /* calls have no numbers: an owner takes another's call for its own */
  STANDBY_NO_LOOK,     /* an owner does not look at the queue once it has the line */
  STANDBY_NO_WAIT,     /* ... or returns while the guest runs */
  STANDBY_BLIND,       /* the worker accepts with a store, whatever has become of the call */
  STANDBY_VARIANTS
} standby_variant;
void standby_explore(verdict *out, standby_variant variant);

/* R9: a consumer stream with two tasks that need one producer, the first of which may be cancelled. */
typedef enum skip_variant {
  SKIP_OURS,          /* waits are looked up at the head; a skipped task waits for its points too */
  SKIP_TABLE,         /* a table of newest waits drops the second wait; skipped tasks wait: right as well */
  SKIP_TABLE_NO_WAIT, /* the same table, and a skipped task completes at once */
  SKIP_VARIANTS
} skip_variant;
void skip_explore(verdict *out, skip_variant variant);

#endif
