#include "io/file.h"

#include "base/futex.h"
#include "base/memory.h"
#include "graph/eval.h"
#include "graph/op.h"
#include "sched/thread.h"

hr_status hr_io_file_new(hr_io_file **out, void *desc, const hr_io_calls *calls) {
  *out = NULL;
  hr_status status = calls->free ? hr_executor_need_callback_thread() : HR_OK;
  if (status != HR_OK) return status;
  hr_io_file *file = hr_slab_alloc(sizeof *file);
  if (!file) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a reader or writer");
  atomic_init(&file->refs, 1u);
  atomic_init(&file->stream, NULL);
  file->desc = desc;
  file->calls = *calls;
  *out = file;
  return HR_OK;
}

hr_io_file *hr_io_file_retain(hr_io_file *file) {
  hr_add_relaxed(&file->refs, 1u);
  return file;
}

static void free_file(hr_job *job) {
  hr_io_file *file = (hr_io_file *)((char *)job - offsetof(hr_io_file, job));
  if (file->calls.free) file->calls.free(file->desc);
  hr_slab_free(file, sizeof *file);
}

void hr_io_file_release(hr_io_file *file) {
  if (!file || hr_sub_acq_rel(&file->refs, 1u) != 1) return;
  hr_stream *stream = hr_load_acquire(&file->stream);
  if (stream) hr_stream_handle_release(stream);
  if (file->calls.free)
    hr_job_run_outside(&file->job, free_file);
  else
    free_file(&file->job);
}

const char *hr_io_file_label(const hr_io_file *file) {
  const char *label = file->calls.label ? file->calls.label(file->desc) : NULL;
  return label ? label : "";
}

hr_status hr_io_file_stream(hr_stream **out, hr_io_file *file) {
  hr_stream *made = NULL, *none = NULL;
  *out = hr_load_acquire(&file->stream);
  if (*out) return HR_OK;
  hr_status status = hr_stream_create(&made, 0, 0);
  if (status != HR_OK) return status;
  hr_stream_name_set(made, "file");
  if (!hr_cas_acq_rel(&file->stream, &none, made)) {
    hr_stream_handle_release(made); /* another thread was first */
    made = none;
  }
  *out = made;
  return HR_OK;
}

/* --- calls on the file's stream --- */

/* A call that waits, and its task: who leaves last frees it. A caller whose wait fails takes the call back if it has
 * not begun, and otherwise waits for its end: fn and arg are on its stack. */
enum { CALL_QUEUED, CALL_RUNNING, CALL_OVER };

typedef struct call {
  _Atomic(uint32_t) state;
  _Atomic(uint32_t) refs;
  hr_status (*fn)(void *arg);
  void *arg;
  hr_error *error; /* set before the state becomes CALL_OVER */
} call;

typedef struct call_attrs {
  call *call;
} call_attrs;

static void call_release(call *c) {
  if (hr_sub_acq_rel(&c->refs, 1u) != 1) return;
  hr_error_release(c->error);
  hr_free(c);
}

static void call_attrs_deinit(void *attrs) { call_release(((call_attrs *)attrs)->call); }

static hr_status call_infer(hr_layout *out, const hr_op_call *op_call) {
  (void)op_call;
  return hr_layout_set(out, NULL, 0, HR_BOOL);
}

static hr_status call_run(const hr_run *run) {
  call *c = ((const call_attrs *)run->attrs)->call;
  uint32_t queued = CALL_QUEUED;
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK || !hr_cas_acquire(&c->state, &queued, CALL_RUNNING)) return status;
  status = c->fn(c->arg);
  if (status != HR_OK) c->error = hr_error_new(status);
  hr_store_release(&c->state, CALL_OVER);
  hr_futex_wake(&c->state, 1);
  return HR_OK;
}

/* Unknown: enough that a worker is woken for it. */
static uint64_t call_cost(const hr_op_call *op_call, hr_array *const *out) {
  (void)op_call, (void)out;
  return 100000;
}

static const hr_op op_call = {.name = "io_call",
                              .arity = 0,
                              .outputs = 1,
                              .traits = HR_OP_FOREIGN | HR_OP_USER,
                              .attrs_size = sizeof(call_attrs),
                              .infer = call_infer,
                              .attrs_deinit = call_attrs_deinit,
                              .cost = call_cost,
                              .run = {call_run}};

/* The wait for the task has failed. */
static void take_back(call *c) {
  uint32_t state = CALL_QUEUED;
  if (hr_cas_acquire(&c->state, &state, CALL_OVER)) return;
  while (hr_load_acquire(&c->state) == CALL_RUNNING) hr_futex_wait(&c->state, CALL_RUNNING, -1);
}

static hr_status run_call(hr_stream *stream, call *c) {
  call_attrs attrs = {c};
  hr_array *done = NULL;
  hr_add_relaxed(&c->refs, 1u); /* the task's */
  hr_status status = hr_apply(&done, &op_call, NULL, 0, &attrs, stream);
  if (status != HR_OK) return status;
  status = hr_eval(&done, 1);
  if (status != HR_OK) take_back(c);
  hr_array_release(done);
  return status == HR_OK && c->error ? hr_error_raise(c->error) : status;
}

hr_status hr_io_file_call(hr_io_file *file, hr_status (*fn)(void *arg), void *arg) {
  const hr_thread *thread = hr_thread_peek();
  hr_stream *stream;
  hr_status status = hr_io_file_stream(&stream, file);
  if (status != HR_OK) return status;
  if (thread && thread->in_task && thread->task.timeline == &stream->timeline)
    return hr_fail(HR_DEADLOCK, "a function of the reader or writer \"%.200s\" uses it", hr_io_file_label(file));
  call *c = hr_alloc_zero(sizeof *c);
  if (!c) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a call");
  atomic_init(&c->refs, 1u);
  c->fn = fn;
  c->arg = arg;
  status = run_call(stream, c);
  call_release(c);
  return status;
}

static hr_status check(const hr_io_file *file, const char *kind, const char *missing) {
  if (missing) return hr_fail(HR_INVALID, "the %s has no function `%s`", kind, missing);
  if (!file->calls.is_open(file->desc))
    return hr_fail(HR_IO, "the %s \"%.200s\" is not open", kind, hr_io_file_label(file));
  if (!file->calls.good(file->desc))
    return hr_fail(HR_IO, "the %s \"%.200s\" is in a state of failure", kind, hr_io_file_label(file));
  return HR_OK;
}

hr_status hr_io_file_check_reader(const hr_io_file *file) {
  const hr_io_calls *c = &file->calls;
  return check(file, "reader",
               !c->is_open                      ? "is_open"
               : !c->good                       ? "good"
               : !c->tell                       ? "tell"
               : !c->seek                       ? "seek"
               : !c->read && !c->read_at_offset ? "read"
                                                : NULL);
}

hr_status hr_io_file_check_writer(const hr_io_file *file) {
  const hr_io_calls *c = &file->calls;
  return check(file, "writer", !c->is_open ? "is_open" : !c->good ? "good" : !c->write ? "write" : NULL);
}
