/* Building: one application of an op becomes a node and its output arrays. */
#include <string.h>

#include "base/memory.h"
#include "graph/node.h"

enum { FEW_OUTPUTS = 4 };

static hr_node *node_new(const hr_op *op, int in_count, int out_count) {
  size_t slots = (size_t)in_count + (size_t)out_count;
  hr_node *node = hr_slab_alloc(sizeof *node + slots * sizeof(hr_array *) + op->attrs_size);
  if (!node) return NULL;
  node->task = (hr_task){.class = &hr_node_task_class, .kinds = 0};
  atomic_init(&node->state, HR_NODE_BUILT);
  atomic_init(&node->refs, (uint32_t)out_count);
  node->op = op;
  node->in_count = (uint16_t)in_count;
  node->out_count = (uint16_t)out_count;
  node->out_lock = (hr_mutex)HR_MUTEX_INIT;
  node->cursor = 0;
  node->parent = NULL;
  node->error = NULL;
  return node;
}

/* Ops with library code, or far too much of it for one thread's wait, carry it in their traits. */
static uint32_t task_kinds(const hr_op *op) {
  return (op->traits & HR_OP_FOREIGN ? HR_TASK_LIBRARY : 0) | (op->traits & HR_OP_USER ? HR_TASK_USER : 0);
}

/* Kernels move about 8 bytes a nanosecond and core; a task by itself costs about 60 ns. */
static uint64_t cost_by_bytes(const hr_op_call *call, hr_array *const *out, int out_count) {
  uint64_t bytes = 0;
  for (int i = 0; i < call->in_count; i++) bytes += hr_array_nbytes(call->in[i]);
  for (int i = 0; i < out_count; i++) bytes += hr_array_nbytes(out[i]);
  return 60 + bytes / 8;
}

static uint32_t task_cost(const hr_op_call *call, hr_array *const *out, int out_count) {
  if (call->op->traits & HR_OP_VIEW) return 60;
  uint64_t cost = call->op->cost ? call->op->cost(call, out) : cost_by_bytes(call, out, out_count);
  return cost > UINT32_MAX - 1 ? UINT32_MAX - 1 : (uint32_t)cost;
}

static hr_status check_inputs(const hr_op *op, hr_array *const *in, int in_count, int out_count) {
  if (op->arity != HR_VARIADIC && op->arity != in_count)
    return hr_fail(HR_INVALID, "%s: takes %d arrays, got %d", op->name, op->arity, in_count);
  if (in_count > UINT16_MAX || out_count > UINT16_MAX)
    return hr_fail(HR_UNSUPPORTED, "%s: %d inputs and %d outputs are more than %d", op->name, in_count, out_count,
                   UINT16_MAX);
  for (int i = 0; i < in_count; i++)
    if (!in[i]) return hr_fail(HR_INVALID, "%s: argument %d is an empty array handle", op->name, i);
  return HR_OK;
}

static void drop_arrays(hr_array **out, int count) {
  for (int i = 0; i < count; i++) {
    if (out[i]) hr_array_destroy(out[i]);
    out[i] = NULL;
  }
}

static hr_status make_outputs(hr_array **out, int count, const hr_op_call *call) {
  hr_layout few[FEW_OUTPUTS], *layouts = few;
  if (count > FEW_OUTPUTS) {
    layouts = hr_alloc((size_t)count * sizeof *layouts);
    if (!layouts) return hr_fail(HR_OUT_OF_MEMORY, "%s: no memory for %d outputs", call->op->name, count);
  }
  hr_status status = HR_OK;
  for (int i = 0; i < count; i++) layouts[i].offset = 0;
  HR_TRY(call->op->infer(layouts, call));
  for (int i = 0; i < count; i++) HR_TRY(hr_array_new(&out[i], &layouts[i]));
done:
  if (layouts != few) hr_free(layouts);
  return status;
}

static void connect(hr_node *node, hr_array **out, const hr_op_call *call) {
  for (int i = 0; i < node->in_count; i++) hr_node_in(node)[i] = hr_array_retain(call->in[i]);
  for (int i = 0; i < node->out_count; i++) {
    hr_node_out(node)[i] = out[i];
    out[i]->node = node;
    out[i]->index = (uint16_t)i;
  }
  if (call->op->attrs_size) memcpy(hr_node_attrs(node), call->attrs, call->op->attrs_size);
  node->stream = call->stream;
  node->stream_id = hr_load_relaxed(&call->stream->id);
  node->task.cost_ns = task_cost(call, out, node->out_count);
  node->task.kinds = task_kinds(call->op);
}

hr_status hr_apply_many(hr_array **out, int out_count, const hr_op *op, hr_array *const *in, int in_count,
                        const void *attrs, hr_stream *stream) {
  hr_op_call call = {op, in, in_count, attrs, stream};
  hr_node *node = NULL;
  hr_status status = HR_OK;
  for (int i = 0; i < out_count; i++) out[i] = NULL;
  HR_TRY(check_inputs(op, in, in_count, out_count));
  if (!stream) HR_TRY(hr_stream_default(&call.stream, 0, 0));
  HR_TRY(make_outputs(out, out_count, &call));
  node = node_new(op, in_count, out_count);
  if (!node) HR_TRY(hr_fail(HR_OUT_OF_MEMORY, "%s: no memory for a graph node", op->name));
  connect(node, out, &call);
done:
  if (status != HR_OK) {
    drop_arrays(out, out_count);
    if (op->attrs_deinit) op->attrs_deinit((void *)attrs);
  }
  return status;
}

hr_status hr_apply(hr_array **out, const hr_op *op, hr_array *const *in, int in_count, const void *attrs,
                   hr_stream *stream) {
  return hr_apply_many(out, op->outputs, op, in, in_count, attrs, stream);
}
