#include "graph/user_call.h"

#include <limits.h>

#include "base/memory.h"
#include "graph/eval.h"
#include "graph/op.h"
#include "sched/executor.h"

enum { FEW_VIEWS = 8 };

/* What the node's attrs point to. */
typedef struct call_box {
  hr_job job; /* frees the argument */
  hr_user_call call;
  bool armed; /* the argument is the task's; set before anybody else can see the node */
} call_box;

typedef struct call_attrs {
  call_box *box;
  const hr_call_output *outputs; /* for infer() only; NULL: the hidden output of a call that has none */
  size_t output_count;
} call_attrs;

static hr_status call_infer(hr_layout *out, const hr_op_call *call) {
  const call_attrs *attrs = call->attrs;
  if (!attrs->output_count) return hr_layout_set(out, NULL, 0, HR_BOOL);
  for (size_t i = 0; i < attrs->output_count; i++) {
    const hr_call_output *o = &attrs->outputs[i];
    hr_status status = hr_layout_set(&out[i], o->shape, o->ndim, (hr_dtype)o->dtype);
    if (status != HR_OK) return hr_fail_prefix(status, "output %zu: ", i);
  }
  return HR_OK;
}

static void view_of(hr_call_view *out, const hr_array *a) {
  *out = (hr_call_view){.data = hr_array_data(a),
                        .shape = hr_array_shape(a),
                        .strides = hr_array_strides(a),
                        .ndim = a->ndim,
                        .dtype = (mlx_dtype)a->dtype,
                        .bytes = hr_array_nbytes(a)};
}

static hr_status call_run(const hr_run *run) {
  const call_attrs *attrs = run->attrs;
  hr_call_view few[FEW_VIEWS], *views = few;
  size_t in_count = (size_t)run->in_count, count = in_count + attrs->output_count;
  hr_status status = HR_OK;
  for (int i = 0; i < run->out_count; i++) HR_TRY(hr_run_output(run, i));
  if (count > FEW_VIEWS) {
    views = hr_alloc(count * sizeof *views);
    if (!views) HR_TRY(hr_fail(HR_OUT_OF_MEMORY, "no memory for the views of %zu arrays", count));
  }
  for (size_t i = 0; i < in_count; i++) view_of(&views[i], run->in[i]);
  for (size_t i = in_count; i < count; i++) view_of(&views[i], run->out[i - in_count]);
  const hr_user_call *call = &attrs->box->call;
  (void)hr_fail(HR_FAILED, "the program's function failed"); /* unless a failing call of it leaves a better text */
  if (call->fn(call->arg, views, in_count, views + in_count, attrs->output_count)) status = HR_FAILED;
done:
  if (views && views != few) hr_free(views);
  return status;
}

static void free_box(hr_job *job) {
  call_box *box = (call_box *)job;
  if (box->armed && box->call.free_arg) box->call.free_arg(box->call.arg);
  hr_free(box);
}

static void call_attrs_deinit(void *attrs) {
  call_box *box = ((call_attrs *)attrs)->box;
  if (box->armed && box->call.free_arg)
    hr_job_push(&box->job);
  else
    free_box(&box->job);
}

/* Unknown: enough that a worker is woken for it. */
static uint64_t call_cost(const hr_op_call *call, hr_array *const *out) {
  (void)call, (void)out;
  return 100000;
}

static const hr_op hr_op_call_user = {.name = "stream_call",
                                      .arity = HR_VARIADIC,
                                      .outputs = 0,
                                      .traits = HR_OP_FOREIGN | HR_OP_USER,
                                      .attrs_size = sizeof(call_attrs),
                                      .infer = call_infer,
                                      .attrs_deinit = call_attrs_deinit,
                                      .cost = call_cost,
                                      .run = {call_run}};

/* Consumes the box. The outputs are retained by the walk while the caller holds them, so all of them are there when the
 * task runs. */
static hr_status append(hr_array **out, call_box *box, const hr_array_list *inputs, const hr_call_output *outputs,
                        size_t output_count, hr_stream *stream) {
  call_attrs attrs = {box, outputs, output_count};
  size_t made = output_count ? output_count : 1;
  if (made > UINT16_MAX || inputs->count > UINT16_MAX) {
    free_box(&box->job);
    return hr_fail(HR_UNSUPPORTED, "%zu inputs and %zu outputs are too many", inputs->count, output_count);
  }
  hr_status status = hr_apply_many(out, (int)made, &hr_op_call_user, inputs->items, (int)inputs->count, &attrs, stream);
  if (status != HR_OK) return status;
  box->armed = true;
  status = hr_async_eval(out, 1);
  if (status == HR_OK || hr_array_progress(out[0]) != HR_PROGRESS_LAZY) return HR_OK;
  box->armed = false; /* not queued: the node is this thread's alone */
  for (size_t i = 0; i < made; i++) {
    hr_array_release(out[i]);
    out[i] = NULL;
  }
  return status;
}

hr_status hr_user_call_append(hr_array **out, const hr_user_call *call, const hr_array_list *inputs,
                              const hr_call_output *outputs, size_t output_count, hr_stream *stream) {
  hr_array *hidden = NULL;
  for (size_t i = 0; i < output_count; i++) out[i] = NULL;
  call_box *box = hr_alloc_zero(sizeof *box);
  if (!box) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a call");
  box->call = *call;
  hr_status status = call->free_arg ? hr_job_init(&box->job, free_box, NULL) : HR_OK;
  if (status != HR_OK) {
    hr_free(box);
    return status;
  }
  status = append(output_count ? out : &hidden, box, inputs, outputs, output_count, stream);
  hr_array_release(hidden);
  return status;
}
