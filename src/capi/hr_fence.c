/* src/capi/hr_fence.c - headrace/fence.h. */
#include "headrace/fence.h"

#include "capi/handle.h"
#include "graph/array_fence.h"

hr_status hr_fence_of_stream(hr_fence **out, const mlx_stream stream) {
  hr_stream *s;
  hr_status status;
  HR_TRY(hr_need_pointer(out, "out"));
  *out = NULL;
  HR_TRY(hr_take_stream(&s, stream));
  HR_TRY(hr_fence_new_stream(out, s));
done:
  return hr_capi_status("hr_fence_of_stream", status);
}

hr_status hr_fence_of_arrays(hr_fence **out, const mlx_vector_array arrays) {
  hr_array_list list;
  hr_status status;
  HR_TRY(hr_need_pointer(out, "out"));
  *out = NULL;
  HR_TRY(hr_take_arrays(&list, arrays, "arrays"));
  HR_TRY(hr_fence_new_arrays(out, list.items, list.count));
done:
  return hr_capi_status("hr_fence_of_arrays", status);
}

hr_fence *hr_fence_retain(hr_fence *fence) { return fence ? hr_fence_ref(fence) : NULL; }
void hr_fence_release(hr_fence *fence) { hr_fence_unref(fence); }

hr_status hr_fence_wait(hr_fence *fence, int64_t timeout_ns) {
  return hr_capi_status("hr_fence_wait", fence ? hr_fence_await(fence, timeout_ns) : hr_refuse_null("fence"));
}

hr_status hr_fence_poll(bool *out_done, hr_fence *fence) {
  hr_status status;
  HR_TRY(hr_need_pointer(out_done, "out_done"));
  *out_done = false;
  HR_TRY(hr_need_pointer(fence, "fence"));
  *out_done = hr_fence_reached(fence);
done:
  return hr_capi_status("hr_fence_poll", status);
}

hr_status hr_fence_status(hr_fence *fence) {
  return hr_capi_status("hr_fence_status", fence ? hr_fence_await(fence, 0) : hr_refuse_null("fence"));
}

hr_status hr_on_complete(hr_callback **out, hr_fence *fence, hr_callback_fn fn, void *arg,
                         const hr_executor *executor) {
  hr_callback *callback;
  hr_status status;
  if (out) *out = NULL;
  HR_TRY(hr_need_pointer(fence, "fence"));
  if (!fn) HR_TRY(hr_refuse_null("fn"));
  HR_TRY(hr_callback_new(&callback, fence, fn, arg, executor));
  hr_callback_register(callback);
  if (out)
    *out = callback;
  else
    hr_callback_unref(callback);
done:
  return hr_capi_status("hr_on_complete", status);
}

hr_status hr_callback_cancel(bool *out_cancelled, hr_callback *callback) {
  if (out_cancelled) *out_cancelled = false;
  if (!callback) return hr_capi_status("hr_callback_cancel", hr_refuse_null("callback"));
  bool cancelled = hr_callback_revoke(callback);
  if (out_cancelled) *out_cancelled = cancelled;
  return HR_OK;
}

hr_status hr_callback_wait(hr_callback *callback, int64_t timeout_ns, bool may_run) {
  hr_status status = callback ? hr_callback_await(callback, timeout_ns, may_run) : hr_refuse_null("callback");
  return hr_capi_status("hr_callback_wait", status);
}

void hr_callback_release(hr_callback *callback) { hr_callback_unref(callback); }
