/* src/sched/stream_wait.h - a stream waits for a fence: a task without work whose points are the fence's (R9: also when
 * it is cancelled). */
#ifndef HR_SCHED_STREAM_WAIT_H
#define HR_SCHED_STREAM_WAIT_H

#include "sched/fence.h"

/* Any thread. Appends nothing if the fence is reached (P3 of the design). HR_CLOSED if the stream takes no work. */
hr_status hr_stream_append_wait(hr_stream *stream, hr_fence *fence) HR_MUST_USE;

#endif
