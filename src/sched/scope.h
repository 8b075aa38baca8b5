/* src/sched/scope.h - scoped default streams: a stack a thread of what the defaults were (R23). */
#ifndef HR_SCHED_SCOPE_H
#define HR_SCHED_SCOPE_H

#include "base/error.h"
#include "sched/timeline.h"

/* The stream, and its device, become the calling thread's defaults. */
hr_status hr_scope_begin(hr_stream *stream) HR_MUST_USE;
/* Restores what was before; HR_INVALID if the innermost scope is another stream's. */
hr_status hr_scope_end(hr_stream *stream) HR_MUST_USE;

#endif
