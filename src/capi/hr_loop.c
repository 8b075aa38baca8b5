/* src/capi/hr_loop.c - headrace/loop.h. */
#include "headrace/loop.h"

#include "capi/handle.h"
#include "sched/loop.h"

hr_status hr_loop_new(hr_loop **out) {
  return hr_capi_status("hr_loop_new", out ? hr_loop_create(out) : hr_refuse_null("out"));
}

hr_loop *hr_loop_retain(hr_loop *loop) {
  if (loop) hr_loop_handle_retain(loop);
  return loop;
}

void hr_loop_release(hr_loop *loop) {
  if (loop) hr_loop_handle_release(loop);
}

const hr_executor *hr_loop_executor(hr_loop *loop) { return loop ? hr_loop_own_executor(loop) : NULL; }

int hr_loop_fd(hr_loop *loop) { return loop ? hr_loop_descriptor(loop) : -1; }

hr_status hr_loop_dispatch(size_t *out_count, hr_loop *loop, size_t max) {
  if (out_count) *out_count = 0;
  return hr_capi_status("hr_loop_dispatch", loop ? hr_loop_deliver(out_count, loop, max) : hr_refuse_null("loop"));
}
