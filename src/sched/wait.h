/* src/sched/wait.h - how a thread waits: it helps, spins, then sleeps.
 *
 * H1  A waiting thread takes over the stream that its point needs (following parked streams to what they wait for)
 *     and runs its tasks (R12: our own kernels, of at most a millisecond by estimate, 50 us when the time given runs
 *     out within 8 ms), in a flat loop that looks at the point, the time and the stream again after each stint. A small
 *     evaluation costs a function call, not two context switches. What needs a place of the pool gives it up after a
 *     stint if others want one, and helps no more.
 * H2  While it spins it counts in the stream's `helpers`: a runner that gives the stream back leaves it to the helper
 *     without waking a worker. Before it sleeps it takes itself out of the count, and kicks the stream if work is
 *     left.
 *     Meanwhile it joins light loops that others have opened (parallel.h), and looks at the point after each chunk.
 * H3  Never helps from inside a task, nor on a thread that asked not to; inside a task it gives the worker's place up
 *     (W5).
 * H4  Waiting inside a task for that task's value or a later one of its stream is HR_DEADLOCK; so is waiting on the
 *     library's callback thread for what only another callback of that thread can complete (R16), within a twentieth of
 *     a second where that shows only after the wait began.
 * H5  While the system refuses threads, one that sleeps has the pool try again every twentieth of a second. */
#ifndef HR_SCHED_WAIT_H
#define HR_SCHED_WAIT_H

#include <stddef.h>

#include "base/error.h"
#include "sched/timeline.h"

/* Any thread, no locks held. timeout_ns < 0: for ever; 0: only looks. HR_OK, HR_TIMEOUT, HR_DEADLOCK, or HR_CLOSED for
 * a point that can never be reached (the child of a fork). The caller keeps the timeline alive. */
hr_status hr_wait_point(hr_point point, int64_t timeout_ns) HR_MUST_USE;

/* The same for several points, all of which must be reached. */
hr_status hr_wait_points(const hr_point *points, size_t count, int64_t timeout_ns) HR_MUST_USE;

/* Waits for all that has been appended to the stream, then answers its first error that nobody has seen, once (R10). */
hr_status hr_wait_stream(hr_stream *stream, int64_t timeout_ns) HR_MUST_USE;

/* Only helps, as far as that goes without spinning or sleeping: true if the point is reached. For evaluators, who hand
 * streams to the workers before they wait for real. */
bool hr_wait_help(hr_point point);

/* When a timeout that begins now runs out, by hr_now_ns(); -1: never. */
int64_t hr_wait_deadline(int64_t timeout_ns);

/* hr_thread_help(): whether this thread helps while it waits. */
hr_status hr_wait_set_help(bool help);

#endif
