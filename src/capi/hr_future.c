/* src/capi/hr_future.c - headrace/future.h. */
#include "headrace/future.h"

#include "capi/handle.h"
#include "sched/future.h"

hr_status hr_promise_new(hr_promise **out_promise, hr_future **out_future) {
  hr_status status;
  if (out_promise) *out_promise = NULL;
  if (out_future) *out_future = NULL;
  HR_TRY(hr_need_pointer(out_promise, "out_promise"));
  HR_TRY(hr_need_pointer(out_future, "out_future"));
  HR_TRY(hr_future_create(out_future));
  *out_promise = hr_future_promise(*out_future);
done:
  return hr_capi_status("hr_promise_new", status);
}

hr_promise *hr_promise_retain(hr_promise *promise) {
  if (promise) hr_promise_ref(promise);
  return promise;
}

void hr_promise_release(hr_promise *promise) { hr_promise_unref(promise); }

/* A future that was cancelled is an answer to who keeps its promise. */
static hr_status kept(const char *call, hr_status status) {
  return status == HR_CANCELLED ? status : hr_capi_status(call, status);
}

hr_status hr_promise_keep(hr_promise *promise, void *value, void (*free_value)(void *)) {
  hr_status status = promise ? hr_promise_set_value(promise, value, free_value) : hr_refuse_null("promise");
  return kept("hr_promise_keep", status);
}

hr_status hr_promise_fail(hr_promise *promise, hr_status why, const char *text) {
  if (!promise) return hr_capi_status("hr_promise_fail", hr_refuse_null("promise"));
  if (why <= HR_OK || why >= HR_STATUS_COUNT) why = HR_FAILED;
  (void)hr_fail(why, "%s", text ? text : hr_status_name(why));
  return kept("hr_promise_fail", hr_promise_set_error(promise, hr_error_new(why)));
}

hr_status hr_promise_wanted(bool *out_wanted, hr_promise *promise) {
  hr_status status;
  HR_TRY(hr_need_pointer(out_wanted, "out_wanted"));
  *out_wanted = false;
  HR_TRY(hr_need_pointer(promise, "promise"));
  *out_wanted = hr_promise_is_open(promise);
done:
  return hr_capi_status("hr_promise_wanted", status);
}

hr_future *hr_future_retain(hr_future *future) {
  if (future) hr_fence_ref(hr_future_own_fence(future));
  return future;
}

void hr_future_release(hr_future *future) {
  if (future) hr_fence_unref(hr_future_own_fence(future));
}

hr_status hr_future_wait(hr_future *future, int64_t timeout_ns) {
  hr_status status = future ? hr_fence_await(hr_future_own_fence(future), timeout_ns) : hr_refuse_null("future");
  return hr_capi_status("hr_future_wait", status);
}

hr_status hr_future_poll(bool *out_done, hr_future *future) {
  hr_status status;
  HR_TRY(hr_need_pointer(out_done, "out_done"));
  *out_done = false;
  HR_TRY(hr_need_pointer(future, "future"));
  *out_done = hr_fence_reached(hr_future_own_fence(future));
done:
  return hr_capi_status("hr_future_poll", status);
}

hr_status hr_future_get(void **out_value, hr_future *future) {
  hr_status status;
  HR_TRY(hr_need_pointer(out_value, "out_value"));
  *out_value = NULL;
  HR_TRY(hr_need_pointer(future, "future"));
  HR_TRY(hr_future_value(out_value, future));
done:
  return hr_capi_status("hr_future_get", status);
}

hr_status hr_future_cancel(bool *out_cancelled, hr_future *future) {
  if (out_cancelled) *out_cancelled = false;
  if (!future) return hr_capi_status("hr_future_cancel", hr_refuse_null("future"));
  bool cancelled = hr_future_revoke(future);
  if (out_cancelled) *out_cancelled = cancelled;
  return HR_OK;
}

hr_status hr_future_fence(hr_fence **out, hr_future *future) {
  hr_status status;
  HR_TRY(hr_need_pointer(out, "out"));
  *out = NULL;
  HR_TRY(hr_need_pointer(future, "future"));
  *out = hr_fence_ref(hr_future_own_fence(future));
done:
  return hr_capi_status("hr_future_fence", status);
}

static hr_status then(hr_future **out, hr_fence *source, hr_then_fn fn, void *arg, void (*free_arg)(void *),
                      const hr_executor *executor) {
  if (!fn) return hr_refuse_null("fn");
  return hr_future_chain(out, source, fn, arg, free_arg, executor);
}

hr_status hr_future_then(hr_future **out, hr_future *future, hr_then_fn fn, void *arg, void (*free_arg)(void *),
                         const hr_executor *executor) {
  hr_status status;
  HR_TRY(hr_need_pointer(out, "out"));
  *out = NULL;
  HR_TRY(hr_need_pointer(future, "future"));
  HR_TRY(then(out, hr_future_own_fence(future), fn, arg, free_arg, executor));
done:
  return hr_capi_status("hr_future_then", status);
}

hr_status hr_fence_then(hr_future **out, hr_fence *fence, hr_then_fn fn, void *arg, void (*free_arg)(void *),
                        const hr_executor *executor) {
  hr_status status;
  HR_TRY(hr_need_pointer(out, "out"));
  *out = NULL;
  HR_TRY(hr_need_pointer(fence, "fence"));
  HR_TRY(then(out, fence, fn, arg, free_arg, executor));
done:
  return hr_capi_status("hr_fence_then", status);
}
