/* src/capi/hr_stream.c - headrace/stream.h. */
#include "headrace/stream.h"

#include <stdio.h>

#include "base/memory.h"
#include "capi/handle.h"
#include "graph/user_call.h"
#include "sched/pool.h"
#include "sched/scope.h"
#include "sched/stream.h"
#include "sched/stream_wait.h"
#include "sched/wait.h"

/* --- order and waiting --- */

hr_status hr_synchronize(const mlx_stream stream, int64_t timeout_ns) {
  hr_stream *s;
  hr_status status = hr_take_stream(&s, stream);
  if (status == HR_OK) status = hr_wait_stream(s, timeout_ns);
  return hr_capi_status("hr_synchronize", status);
}

hr_status hr_stream_wait(const mlx_stream stream, hr_fence *fence) {
  hr_stream *s;
  hr_status status;
  HR_TRY(hr_need_pointer(fence, "fence"));
  HR_TRY(hr_take_stream(&s, stream));
  HR_TRY(hr_stream_append_wait(s, fence));
done:
  return hr_capi_status("hr_stream_wait", status);
}

hr_status hr_stream_cancel(const mlx_stream stream) {
  hr_stream *s;
  hr_status status = hr_take_stream(&s, stream);
  if (status == HR_OK) hr_stream_cancel_queued(s);
  return hr_capi_status("hr_stream_cancel", status);
}

/* --- the program's functions --- */

static hr_status check_call(const mlx_vector_array *res, hr_call_fn fn, const hr_call_output *outputs, size_t count) {
  hr_dtype dtype;
  if (!fn) return hr_refuse_null("fn");
  if (!res && count) return hr_refuse_null("res");
  hr_status status = hr_need_values(outputs, count, "outputs");
  for (size_t i = 0; i < count && status == HR_OK; i++) {
    status = hr_take_dtype(&dtype, outputs[i].dtype, "outputs");
    if (status == HR_OK && outputs[i].ndim > 0) status = hr_need_pointer(outputs[i].shape, "outputs");
  }
  return status;
}

hr_status hr_stream_call(mlx_vector_array *res, hr_call_fn fn, void *arg, void (*free_arg)(void *),
                         const mlx_vector_array inputs, const hr_call_output *outputs, size_t output_count,
                         const mlx_stream stream) {
  hr_array_list in = {0}, out = {0};
  hr_stream *s;
  hr_status status;
  HR_TRY(check_call(res, fn, outputs, output_count));
  if (inputs.ctx) HR_TRY(hr_take_arrays(&in, inputs, "inputs"));
  HR_TRY(hr_take_stream(&s, stream));
  if (output_count) {
    out.items = hr_alloc_zero(output_count * sizeof *out.items);
    if (!out.items) HR_TRY(hr_fail(HR_OUT_OF_MEMORY, "no memory for %zu outputs", output_count));
    out.count = output_count;
  }
  /* The vector is there before the task is, which could not be taken back. */
  if (res && !res->ctx) HR_TRY(hr_give_list(res, &(hr_array_list){0}));
  HR_TRY(hr_user_call_append(out.items, &(hr_user_call){fn, arg, free_arg}, &in, outputs, output_count, s));
  if (res) HR_TRY(hr_give_list(res, &out));
done:
  if (status != HR_OK) hr_list_drop(&out);
  return hr_capi_status("hr_stream_call", status);
}

int hr_call_fail(const char *text) {
  return (int)hr_fail(HR_FAILED, "%s", text ? text : "the program's function failed");
}

/* --- defaults --- */

hr_status hr_stream_scope_begin(const mlx_stream stream) {
  hr_stream *s;
  hr_status status = hr_take_stream(&s, stream);
  if (status == HR_OK) status = hr_scope_begin(s);
  return hr_capi_status("hr_stream_scope_begin", status);
}

hr_status hr_stream_scope_end(const mlx_stream stream) {
  hr_stream *s;
  hr_status status = hr_take_stream(&s, stream);
  if (status == HR_OK) status = hr_scope_end(s);
  return hr_capi_status("hr_stream_scope_end", status);
}

/* --- properties --- */

hr_status hr_stream_set_priority(const mlx_stream stream, hr_priority priority) {
  hr_stream *s;
  hr_status status;
  if ((unsigned)priority >= HR_PRIORITY_COUNT) HR_TRY(hr_fail(HR_INVALID, "%d is no priority", (int)priority));
  HR_TRY(hr_take_stream(&s, stream));
  hr_store_relaxed(&s->priority, (uint8_t)priority);
  hr_pool_requeue(s);
done:
  return hr_capi_status("hr_stream_set_priority", status);
}

hr_status hr_stream_get_priority(hr_priority *out, const mlx_stream stream) {
  hr_stream *s;
  hr_status status;
  HR_TRY(hr_need_pointer(out, "out"));
  *out = HR_PRIORITY_NORMAL;
  HR_TRY(hr_take_stream(&s, stream));
  *out = (hr_priority)hr_load_relaxed(&s->priority);
done:
  return hr_capi_status("hr_stream_get_priority", status);
}

hr_status hr_stream_set_name(const mlx_stream stream, const char *name) {
  hr_stream *s;
  hr_status status = hr_take_stream(&s, stream);
  if (status == HR_OK) hr_stream_name_set(s, name);
  return hr_capi_status("hr_stream_set_name", status);
}

hr_status hr_stream_get_name(char *out, size_t size, const mlx_stream stream) {
  char name[HR_STREAM_NAME];
  hr_stream *s;
  hr_status status;
  HR_TRY(hr_need_values(out, size, "out"));
  if (size) *out = 0;
  HR_TRY(hr_take_stream(&s, stream));
  hr_stream_name_get(s, name);
  snprintf(out, size, "%s", name);
done:
  return hr_capi_status("hr_stream_get_name", status);
}

/* Numbers for people begin with 0, as in MLX; 0 is no id. */
hr_status hr_stream_index(int *out, const mlx_stream stream) {
  hr_stream *s;
  hr_status status;
  HR_TRY(hr_need_pointer(out, "out"));
  *out = 0;
  HR_TRY(hr_take_stream(&s, stream));
  *out = (int)hr_load_relaxed(&s->id) - 1;
done:
  return hr_capi_status("hr_stream_index", status);
}

hr_status hr_stream_find(mlx_stream *out, int index) {
  hr_status status;
  HR_TRY(hr_need_pointer(out, "out"));
  hr_stream *s = index >= 0 ? hr_stream_find_id((uint32_t)index + 1) : NULL;
  if (!s) HR_TRY(hr_fail(HR_INVALID, "there is no stream %d", index));
  HR_TRY(hr_give_stream(out, s));
done:
  return hr_capi_status("hr_stream_find", status);
}

hr_status hr_stream_set_limit(const mlx_stream stream, int64_t bytes) {
  hr_stream *s;
  hr_status status;
  if (bytes < 0) HR_TRY(hr_fail(HR_INVALID, "a limit of %lld bytes is negative", (long long)bytes));
  HR_TRY(hr_take_stream(&s, stream));
  hr_store_relaxed(&s->inflight_limit, bytes);
done:
  return hr_capi_status("hr_stream_set_limit", status);
}

hr_status hr_stream_get_limit(int64_t *out_bytes, const mlx_stream stream) {
  hr_stream *s;
  hr_status status;
  HR_TRY(hr_need_pointer(out_bytes, "out_bytes"));
  *out_bytes = 0;
  HR_TRY(hr_take_stream(&s, stream));
  *out_bytes = hr_load_relaxed(&s->inflight_limit);
done:
  return hr_capi_status("hr_stream_get_limit", status);
}
