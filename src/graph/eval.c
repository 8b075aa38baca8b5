#include "graph/eval.h"

#include <limits.h>

#include "base/futex.h"
#include "base/memory.h"
#include "graph/node.h"
#include "sched/chaos.h"
#include "sched/process.h"
#include "sched/thread.h"
#include "sched/wait.h"

enum {
  TOUCHED = 256,      /* streams that a walk remembers; further ones are kicked at every op */
  KICK_OPS = 1 << 16, /* heavy work goes to the workers after so many ops of a walk, light work at its end: workers that
                       * begin earlier would take the caller's core, and share lines with its walk */
  KICK_NS = 20000     /* work by estimate on other streams for which an eval wakes workers before it helps */
};

typedef struct walk {
  bool helps;        /* the caller will help the stream of the first node that the walk claims: */
  hr_stream *helped; /* this one; kicked only for work that it may not run */
  uint64_t id;       /* in the mark of streams that are in the list already; 0: no marks */
  uint64_t other_ns; /* estimate of the work on other streams than `helped` */
  uint32_t ops;      /* since heavy work was handed over */
  bool heavy;
  int touched_count;
  hr_stream *touched[TOUCHED]; /* may hold one twice, when another walk overwrote its mark */
} walk;

static void walk_begin(walk *w, bool helps) {
  hr_thread *thread = hr_thread_get();
  w->helps = helps;
  w->helped = NULL;
  w->id = thread ? ++thread->walks : 0;
  w->other_ns = w->ops = 0;
  w->heavy = false;
  w->touched_count = 0;
}

static void kick_touched(walk *w) {
  for (int i = 0; i < w->touched_count; i++) hr_stream_kick(w->touched[i]);
}

/* --- claims --- */

static uint32_t own_claim(void) { return HR_NODE_CLAIMED | hr_process_generation() << HR_NODE_FORKS_SHIFT; }

static bool is_claimed(uint32_t state) { return (state & HR_NODE_STATE_MASK) == HR_NODE_CLAIMED; }

/* A claim by a thread that stayed behind in the parent of a fork (R24): nobody will go on with it. */
static bool is_orphan(uint32_t state) {
  return is_claimed(state) && (state & ~(uint32_t)HR_NODE_WAITED) != own_claim();
}

/* Sleeps until the foreign claim on the node ends. The caller holds a reference to an array of the node. */
static void wait_for_claim(hr_node *node) {
  uint32_t state = hr_load_acquire(&node->state);
  while (is_claimed(state) && !is_orphan(state)) {
    if ((state & HR_NODE_WAITED) || hr_cas_acquire(&node->state, &state, state | HR_NODE_WAITED))
      hr_futex_wait(&node->state, state | HR_NODE_WAITED, -1);
    state = hr_load_acquire(&node->state);
  }
}

/* The claim of a vanished thread, taken over: the node is as it was built, but for the walk's marks. */
static void adopt(hr_node *node) {
  node->cursor = 0;
  hr_mutex_reset(&node->out_lock);
}

/* True: the node is this walk's. False: it is queued or finished. */
static bool claim(hr_node *node) {
  for (;;) {
    uint32_t state = hr_load_acquire(&node->state);
    bool orphan = is_orphan(state);
    if ((state & HR_NODE_STATE_MASK) == HR_NODE_BUILT || orphan) {
      if (!hr_cas_acquire(&node->state, &state, own_claim())) continue;
      if (orphan) adopt(node);
      return true;
    }
    if (!is_claimed(state)) return false;
    wait_for_claim(node);
  }
}

/* Gives back the claims from node up to the root of its walk. */
static void give_claims_back(hr_node *node) {
  while (node) {
    hr_node *parent = node->parent;
    node->cursor = 0;
    node->parent = NULL;
    if (hr_xchg_acq_rel(&node->state, HR_NODE_BUILT) & HR_NODE_WAITED) hr_futex_wake(&node->state, INT_MAX);
    node = parent;
  }
}

/* --- appending --- */

/* N3: from now to the end of the task the outputs that still live are kept alive, and with them the node; a node of
 * several outputs is kept by itself, for they may all have died but the one that led here. */
static void retain_outputs(hr_node *node) {
  if (node->out_count == 1) {
    hr_array_retain(hr_node_out(node)[0]);
    return;
  }
  hr_add_relaxed(&node->refs, 1u);
  hr_mutex_lock(&node->out_lock);
  for (int i = 0; i < node->out_count; i++) {
    hr_array *out = hr_node_out(node)[i];
    uint32_t refs = out ? hr_load_relaxed(&out->refs) : 0;
    while (refs && !hr_cas_acquire(&out->refs, &refs, refs + 1)) continue;
    if (!refs) hr_node_out(node)[i] = NULL;
  }
  hr_mutex_unlock(&node->out_lock);
}

static void release_outputs(hr_node *node) {
  if (node->out_count > 1) hr_sub_acq_rel(&node->refs, 1u);
  for (int i = 0; i < node->out_count; i++)
    if (hr_node_out(node)[i]) hr_sub_acq_rel(&hr_node_out(node)[i]->refs, 1u); /* the walk's caller holds another */
}

static int64_t count_inflight(hr_node *node) {
  int64_t bytes = 0;
  if (hr_load_relaxed(&node->stream->inflight_limit) <= 0) return 0;
  for (int i = 0; i < node->out_count; i++)
    if (hr_node_out(node)[i]) bytes += (int64_t)hr_array_nbytes(hr_node_out(node)[i]);
  hr_add_relaxed(&node->stream->inflight_bytes, bytes);
  return bytes;
}

/* To this node's stream, under the identity that it had: 0 if that is gone. */
static bool append_counted(hr_node *node) {
  hr_stream *stream = node->stream;
  int64_t bytes = node->inflight_bytes = count_inflight(node);
  if (hr_stream_append(stream, node->stream_id, &node->task)) return true;
  hr_sub_relaxed(&stream->inflight_bytes, bytes);
  return false;
}

/* The stream may have been retired since the node was built (S4): then this thread's default takes its place. */
static hr_status append_somewhere(hr_stream **out, hr_node *node) {
  const char *name = node->op->name;
  *out = node->stream;
  if (append_counted(node)) return HR_OK;
  if (!hr_load_relaxed(&node->stream->dead)) {
    hr_status status = hr_stream_default(out, node->stream->device, node->stream->device_index);
    if (status != HR_OK) return status;
    node->stream = *out;
    node->stream_id = hr_load_relaxed(&node->stream->id);
    if (append_counted(node)) return HR_OK;
  }
  return hr_fail_prefix(hr_stream_refusal(node->stream), "%s: ", name);
}

/* Keeps the promise of S1: a stream with work of this walk is in the list, or kicked. */
static void touch(walk *w, hr_stream *stream, uint32_t cost_ns, bool light) {
  if (stream != w->helped) w->other_ns += cost_ns;
  w->heavy |= !light;
  if (!w->id || hr_load_relaxed(&stream->walk) != w->id) {
    if (w->touched_count == TOUCHED) {
      hr_stream_kick(stream);
      return;
    }
    w->touched[w->touched_count++] = stream;
    hr_store_relaxed(&stream->walk, w->id); /* a hint for this thread only: it orders nothing */
  }
  if (++w->ops < KICK_OPS || !w->heavy) return;
  w->ops = 0;
  kick_touched(w);
}

/* The node, all of whose producers are appended, joins its stream; it may have run and be gone on return. */
static hr_status append(walk *w, hr_node *node) {
  hr_node *parent = node->parent;
  uint32_t cost_ns = node->task.cost_ns;
  bool light = hr_task_is_light(&node->task);
  hr_stream *stream;
  retain_outputs(node);
  hr_chaos_point();
  hr_status status = append_somewhere(&stream, node);
  if (status != HR_OK) {
    release_outputs(node);
    node->parent = parent; /* the count of bytes had its place */
    return status;
  }
  touch(w, stream, cost_ns, light);
  return HR_OK;
}

/* An input that the parent of a fork will make, not this process (R24). */
static bool lost_in_fork(hr_node *node) {
  return hr_process_generation() && hr_load_relaxed(&node->stream->dead) && hr_node_state_get(node) == HR_NODE_QUEUED;
}

/* The next node that the walk enters: an input of `node` that it could claim; `node` itself when none is left, or when
 * *status says why it cannot go on. */
static hr_node *next_node(hr_node *node, hr_status *status) {
  while (node->cursor < node->in_count) {
    hr_node *child = hr_node_in(node)[node->cursor++]->node;
    if (!child) continue;
    if (claim(child)) {
      child->parent = node;
      return child;
    }
    if (!lost_in_fork(child)) continue;
    *status = hr_fail(HR_CLOSED, "%s: an input was in flight when the process forked", node->op->name);
    break;
  }
  return node;
}

static hr_status walk_from(walk *w, hr_node *root) {
  hr_status status = HR_OK;
  if (!root || !claim(root)) return HR_OK;
  if (w->helps && !w->helped) w->helped = root->stream;
  root->parent = NULL;
  for (hr_node *node = root; node;) {
    hr_node *next = next_node(node, &status);
    if (status == HR_OK && next == node) {
      next = node->parent;
      status = append(w, node);
    }
    if (status != HR_OK) {
      give_claims_back(node);
      return status;
    }
    node = next;
  }
  return HR_OK;
}

/* --- the calls --- */

hr_status hr_stream_wait_below_limit(hr_stream *stream) {
  const hr_thread *thread = hr_thread_peek();
  bool own = thread && thread->in_task && thread->task.timeline == &stream->timeline;
  while (!own) { /* a task cannot wait for what stands behind it */
    int64_t limit = hr_load_relaxed(&stream->inflight_limit);
    if (limit <= 0 || hr_load_relaxed(&stream->inflight_bytes) <= limit) return HR_OK;
    /* Read once: a value is waited for only if it was appended, or the wait might never end. */
    hr_point next = {&stream->timeline, hr_load_acquire(&stream->timeline.completed) + 1};
    if (next.value > hr_stream_submitted(stream)) return HR_OK;
    hr_status status = hr_wait_point(next, -1);
    if (status != HR_OK) return status;
  }
  return HR_OK;
}

static hr_status walk_all(walk *w, hr_array *const *arrays, size_t count) {
  hr_status status = HR_OK;
  for (size_t i = 0; i < count && status == HR_OK; i++) status = walk_from(w, arrays[i]->node);
  return status;
}

static hr_status wait_limits(walk *w) {
  for (int i = 0; i < w->touched_count; i++) {
    hr_status status = hr_stream_wait_below_limit(w->touched[i]);
    if (status != HR_OK) return status;
  }
  return HR_OK;
}

hr_status hr_async_eval(hr_array *const *arrays, size_t count) {
  walk w;
  walk_begin(&w, false);
  hr_status status = walk_all(&w, arrays, count);
  kick_touched(&w);
  return status == HR_OK ? wait_limits(&w) : status;
}

static void kick_others(walk *w) {
  for (int i = 0; i < w->touched_count; i++)
    if (w->touched[i] != w->helped) hr_stream_kick(w->touched[i]);
}

static hr_node *first_node(hr_array *const *arrays, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (arrays[i]->node && hr_node_state_get(arrays[i]->node) < HR_NODE_DONE) return arrays[i]->node;
  return NULL;
}

hr_status hr_eval(hr_array *const *arrays, size_t count) { return hr_eval_within(arrays, count, -1); }

hr_status hr_eval_within(hr_array *const *arrays, size_t count, int64_t timeout_ns) {
  hr_node *first = first_node(arrays, count);
  walk w;
  walk_begin(&w, true);
  hr_status status = first ? walk_all(&w, arrays, count) : HR_OK;
  if (w.other_ns > KICK_NS) kick_others(&w);
  bool helped = first && status == HR_OK && hr_wait_help(hr_node_point(first));
  if (!helped || w.touched_count > 1) kick_touched(&w);
  for (size_t i = 0; i < count && status == HR_OK; i++) status = hr_array_wait(arrays[i], timeout_ns);
  if (status != HR_OK) kick_touched(&w); /* what has not been waited for is no more this thread's to run */
  return status;
}

bool hr_array_point(hr_point *out, hr_array *array) {
  if (!array->node || hr_node_state_get(array->node) < HR_NODE_QUEUED) return false;
  *out = hr_node_point(array->node);
  return true;
}

hr_status hr_array_error(hr_array *array) {
  if (array->node && hr_node_state_get(array->node) == HR_NODE_FAILED) return hr_error_raise(array->node->error);
  return HR_OK;
}

hr_status hr_array_wait(hr_array *array, int64_t timeout_ns) {
  hr_point point;
  if (!array->node) return HR_OK;
  if (hr_node_state_get(array->node) < HR_NODE_DONE) {
    if (hr_node_state_get(array->node) == HR_NODE_CLAIMED) wait_for_claim(array->node);
    if (!hr_array_point(&point, array))
      return hr_fail(HR_INVALID, "the array has not been evaluated: call eval or async_eval first");
    hr_status status = hr_wait_point(point, timeout_ns);
    if (status != HR_OK) return status;
  }
  return hr_array_error(array);
}

hr_progress hr_array_progress(hr_array *array) {
  static const hr_progress of[] = {[HR_NODE_BUILT] = HR_PROGRESS_LAZY,
                                   [HR_NODE_CLAIMED] = HR_PROGRESS_LAZY,
                                   [HR_NODE_QUEUED] = HR_PROGRESS_QUEUED,
                                   [HR_NODE_DONE] = HR_PROGRESS_DONE,
                                   [HR_NODE_FAILED] = HR_PROGRESS_FAILED};
  return array->node ? of[hr_node_state_get(array->node)] : HR_PROGRESS_DONE;
}

/* Inputs are the claimant's to read (N2), so the node is claimed for the while. */
hr_status hr_array_origin(const hr_op **op, hr_array_list *inputs, hr_array *array) {
  hr_node *node = array->node;
  *op = NULL;
  *inputs = (hr_array_list){0};
  if (!node || hr_node_state_get(node) >= HR_NODE_QUEUED) return HR_OK;
  hr_array **items = hr_alloc((node->in_count + (size_t)1) * sizeof *items);
  if (!items) return hr_fail(HR_OUT_OF_MEMORY, "%s: no memory for a list of %d inputs", node->op->name, node->in_count);
  if (!claim(node)) {
    hr_free(items);
    return HR_OK;
  }
  for (int i = 0; i < node->in_count; i++) items[i] = hr_array_retain(hr_node_in(node)[i]);
  *inputs = (hr_array_list){items, node->in_count};
  *op = node->op;
  node->parent = NULL;
  give_claims_back(node);
  return HR_OK;
}

hr_status hr_array_read(const void **out, hr_array *array) {
  *out = NULL;
  hr_status status = hr_eval(&array, 1);
  if (status == HR_OK) *out = hr_array_data(array);
  return status;
}
