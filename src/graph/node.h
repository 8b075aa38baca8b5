/* src/graph/node.h - one application of an op.
 *
 * N1  `state`, one word, changed by compare-and-swap or by its only holder:
 *       built -> claimed     an evaluator's walk entered the node; it alone goes on with it
 *       claimed -> built     the claim was given back (a later part of the walk failed)
 *       claimed -> queued    appended to its stream: `task.value` is set, `stream` final
 *       queued -> done | failed   by the task that ran it; final
 *     The bit HR_NODE_WAITED says that somebody sleeps on the word: who leaves `claimed` with it set wakes them all.
 *     A claim carries the number of forks before it: in a child, claims of the parent's threads are free to be taken.
 * N2  Inputs, attrs, parent and cursor belong to the claimant, then to the task (R4). Before the claim only the
 *     builder touched them. They are released when the task has run; in_count stays.
 * N3  A node is owned by its output arrays; its task keeps the outputs alive while it is queued. Outputs are known to
 *     the node by borrowed pointers: an output that dies before the node is claimed takes itself out. For nodes of
 *     one output that is the array through which the node is reached; for others `out_lock` guards the slots, and a
 *     claim turns the slots that are left into references (retain unless zero).
 * N4  `error` is set before the state becomes failed and never changes (R10).
 * N5  A claim is taken on entry, depth first, never on siblings ahead (R3). Who meets a foreign claim holds only
 *     claims of nodes that depend on it, so claims cannot wait in a circle.
 * N6  Freeing is iterative (R5): release.c. */
#ifndef HR_GRAPH_NODE_H
#define HR_GRAPH_NODE_H

#include "graph/op.h"
#include "sched/stream.h"

typedef enum hr_node_state {
  HR_NODE_BUILT,
  HR_NODE_CLAIMED,
  HR_NODE_QUEUED,
  HR_NODE_DONE,
  HR_NODE_FAILED,
  HR_NODE_STATE_MASK = 7,
  HR_NODE_WAITED = 8,
  HR_NODE_FORKS_SHIFT = 4, /* a claim's bits from here on: hr_process_generation() of the claimant */
} hr_node_state;

struct hr_node {
  hr_task task;
  _Atomic(uint32_t) state;
  _Atomic(uint32_t) refs;
  const hr_op *op;
  hr_stream *stream;
  uint32_t stream_id; /* as it was when the node was built (S4) */
  uint16_t in_count, out_count;
  hr_mutex out_lock; /* for out_count > 1 */
  uint32_t cursor;   /* of the walk: inputs looked at */
  union {
    hr_node *parent;        /* of the walk, until appended */
    int64_t inflight_bytes; /* then: counted on the stream until it has run (R22) */
  };
  hr_error *error;
  hr_array *slots[]; /* in_count inputs, out_count outputs, then attrs */
};

static inline hr_array **hr_node_in(hr_node *node) { return node->slots; }
static inline hr_array **hr_node_out(hr_node *node) { return node->slots + node->in_count; }
static inline void *hr_node_attrs(hr_node *node) { return node->slots + node->in_count + node->out_count; }
static inline size_t hr_node_bytes(const hr_node *node) {
  return sizeof *node + ((size_t)node->in_count + node->out_count) * sizeof(hr_array *) + node->op->attrs_size;
}
static inline hr_node_state hr_node_state_get(hr_node *node) {
  return (hr_node_state)(hr_load_acquire(&node->state) & HR_NODE_STATE_MASK);
}
/* Where the node's results will be ready; only for queued, done and failed nodes. */
static inline hr_point hr_node_point(const hr_node *node) {
  return (hr_point){&node->stream->timeline, node->task.value};
}

extern const hr_task_class hr_node_task_class;

/* Owner of the inputs only: lets go of them and of attrs (release.c). */
void hr_node_drop_inputs(hr_node *node);
void hr_node_release(hr_node *node);

#endif
