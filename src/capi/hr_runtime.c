/* src/capi/hr_runtime.c - headrace/runtime.h. */
#include "headrace/runtime.h"

#include "base/log.h"
#include "base/memory.h"
#include "capi/error.h"
#include "sched/pool.h"
#include "sched/process.h"
#include "sched/thread.h"
#include "sched/wait.h"

hr_status hr_set_threads(int count) { return hr_capi_status("hr_set_threads", hr_pool_limit_set(count)); }
int hr_threads(void) { return hr_pool_limit(); }
hr_status hr_thread_help(bool help) { return hr_capi_status("hr_thread_help", hr_wait_set_help(help)); }

hr_status hr_quiesce(int64_t timeout_ns) { return hr_capi_status("hr_quiesce", hr_process_quiesce(timeout_ns)); }
hr_status hr_shutdown(int64_t timeout_ns) { return hr_capi_status("hr_shutdown", hr_process_close(timeout_ns)); }

hr_status hr_set_allocator(const hr_allocator *allocator) {
  bool whole = !allocator || (allocator->alloc && allocator->realloc && allocator->free);
  if (whole) hr_allocator_set(allocator);
  return hr_capi_status("hr_set_allocator",
                        whole ? HR_OK : hr_fail(HR_INVALID, "the allocator needs alloc, realloc and free"));
}

hr_status hr_set_log(hr_log_fn fn, void *user) {
  hr_log_sink_set(fn, user);
  return HR_OK;
}

hr_status hr_on_thread_start(hr_thread_start_fn fn, void *user) {
  hr_thread_hook_set(fn, user);
  return HR_OK;
}
