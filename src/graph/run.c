/* Running: what a node's task does when its stream comes to it. */
#include <stddef.h>
#include <stdio.h>

#include "base/log.h"
#include "graph/backends.h"
#include "graph/node.h"
#include "sched/thread.h"

static hr_node *node_of(const hr_task *task) { return (hr_node *)((char *)task - offsetof(hr_node, task)); }

/* Inputs of the same stream were appended earlier and have run; those of others are looked at each time, so a wait is
 * made only for what is not complete, one for each producing stream (P3). */
static bool node_blocked(const hr_task *task, hr_point *out) {
  hr_node *node = node_of(task);
  bool blocked = false;
  for (int i = 0; i < node->in_count; i++) {
    hr_node *producer = hr_node_in(node)[i]->node;
    if (!producer || producer->stream == node->stream) continue;
    hr_point point = hr_node_point(producer);
    if (hr_point_done(point)) continue;
    if (!blocked || (point.timeline == out->timeline && point.value > out->value)) *out = point;
    blocked = true;
  }
  return blocked;
}

static hr_error *failed_input(hr_node *node) {
  for (int i = 0; i < node->in_count; i++) {
    hr_node *producer = hr_node_in(node)[i]->node;
    if (producer && hr_node_state_get(producer) == HR_NODE_FAILED) return producer->error;
  }
  return NULL;
}

/* Words for an error that surfaces far from here: op, shapes and stream (P6). */
static hr_error *describe(hr_node *node, hr_status status) {
  char text[HR_ARRAY_TEXT], in[2 * HR_ARRAY_TEXT + 16] = "";
  size_t used = 0;
  for (int i = 0; i < node->in_count && used < HR_ARRAY_TEXT; i++)
    used += (size_t)snprintf(in + used, sizeof in - used, "%s%s", i ? ", " : "",
                             hr_array_format(text, hr_node_in(node)[i]));
  char name[HR_STREAM_NAME];
  hr_stream_name_get(node->stream, name);
  const hr_array *out = hr_node_out(node)[0];
  hr_fail_prefix(status, "%s(%s)%s%s on stream %u%s%s: ", node->op->name, in, out ? " -> " : "",
                 out ? hr_array_format(text, out) : "", (unsigned)node->stream_id - 1, *name ? " " : "", name);
  return hr_error_new(status);
}

static hr_status share_input(hr_node *node) {
  hr_array *out = hr_node_out(node)[0];
  if (out) out->buffer = hr_buffer_retain(hr_node_in(node)[0]->buffer);
  return HR_OK;
}

static hr_status run_op(hr_node *node) {
  const hr_op *op = node->op;
  if (op->traits & HR_OP_VIEW) return share_input(node);
  hr_run run = {op, hr_node_attrs(node), hr_node_in(node), hr_node_out(node), node->in_count, node->out_count};
  hr_run_fn fn = op->run[hr_backend_of_device(node->stream->device)];
  if (!fn) return hr_fail(HR_UNSUPPORTED, "this operation has no kernel for the device");
  return fn(&run);
}

/* The program's own code may wait inside, and may not wait for its own stream (H4). */
static hr_status run_user(hr_node *node) {
  hr_thread *thread = hr_thread_get();
  if (!thread) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a thread's settings");
  thread->in_task = true;
  thread->task = hr_node_point(node);
  hr_status status = run_op(node);
  thread->in_task = false;
  hr_fpenv_enter(); /* the program's code may have changed it (R19) */
  return status;
}

static hr_error *execute(hr_node *node, int skip) {
  hr_error *poison = failed_input(node);
  if (poison) {
    if (hr_error_status(poison) != HR_CANCELLED) hr_stream_note_error(node->stream, poison);
    return hr_error_retain(poison);
  }
  if (skip != HR_OK) return describe(node, hr_fail((hr_status)skip, "cancelled before it started"));
  hr_status status = node->op->traits & HR_OP_USER ? run_user(node) : run_op(node);
  if (status == HR_OK) return NULL;
  hr_error *error = describe(node, status);
  hr_stream_note_error(node->stream, error);
  hr_log_line(HR_LOG_ERROR, "%s", hr_error_text(error));
  return error;
}

/* The task's end: with the outputs goes the node, if nobody else holds them (N3). */
static void let_outputs_go(hr_node *node) {
  if (node->out_count == 1) {
    hr_array_release(hr_node_out(node)[0]);
    return;
  }
  for (int i = 0; i < node->out_count; i++) {
    hr_mutex_lock(&node->out_lock);
    hr_array *out = hr_node_out(node)[i];
    hr_node_out(node)[i] = NULL;
    hr_mutex_unlock(&node->out_lock);
    hr_array_release(out);
  }
  hr_node_release(node);
}

static void node_run(hr_task *task, int skip) {
  hr_node *node = node_of(task);
  hr_error *error = execute(node, skip);
  if (node->inflight_bytes) hr_sub_relaxed(&node->stream->inflight_bytes, node->inflight_bytes);
  hr_node_drop_inputs(node);
  node->error = error;
  hr_store_release(&node->state, error ? HR_NODE_FAILED : HR_NODE_DONE);
  let_outputs_go(node);
}

static _Atomic(uint32_t) *node_queued(hr_task *task) {
  hr_node *node = node_of(task);
  uint32_t before = hr_xchg_acq_rel(&node->state, HR_NODE_QUEUED);
  return before & HR_NODE_WAITED ? &node->state : NULL;
}

const hr_task_class hr_node_task_class = {.blocked = node_blocked, .run = node_run, .queued = node_queued};

/* --- memory for outputs --- */

hr_status hr_run_output(const hr_run *run, int i) {
  hr_array *out = run->out[i];
  if (!out || out->buffer) return HR_OK;
  return hr_buffer_new(&out->buffer, hr_array_nbytes(out));
}

/* R17: last reference to the array and to its buffer, own memory of the library, same layout, not far too large. */
static bool can_take_over(const hr_array *in, const hr_array *out) {
  const hr_buffer *buffer = in->buffer;
  return in->size == out->size && hr_array_itemsize(in) == hr_array_itemsize(out) && in->offset == 0 &&
         hr_array_is_row(in) && hr_array_is_row(out) && hr_load_acquire(&((hr_array *)in)->refs) == 1 &&
         hr_load_acquire(&((hr_buffer *)buffer)->refs) == 1 &&
         !(hr_load_relaxed(&((hr_buffer *)buffer)->flags) & HR_BUFFER_FOREIGN) &&
         buffer->bytes / 2 <= hr_array_nbytes(out);
}

hr_status hr_run_reuse(const hr_run *run, int i, uint32_t inputs) {
  hr_array *out = run->out[i];
  if (!out || out->buffer) return HR_OK;
  for (int k = 0; k < run->in_count && k < 32; k++)
    if (inputs >> k & 1 && can_take_over(run->in[k], out)) {
      out->buffer = hr_buffer_retain(run->in[k]->buffer);
      return HR_OK;
    }
  return hr_run_output(run, i);
}
