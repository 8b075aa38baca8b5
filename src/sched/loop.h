/* src/sched/loop.h - a queue of jobs with a descriptor. The public calls are in headrace/loop.h.
 *
 * O1  The descriptor is written when the queue becomes non-empty, and by a dispatch that leaves jobs; a dispatch
 *     reads it before it looks at the queue. So it is readable whenever jobs wait (R16).
 * O2  Two counts: `handles` of the program, and `refs`, which jobs hold too (attach, detach). With the last handle the
 *     loop is closed: its jobs go to the callback thread.
 * O3  `lock` is a leaf. A loop from before a fork is never locked in the child. */
#ifndef HR_SCHED_LOOP_H
#define HR_SCHED_LOOP_H

#include "sched/executor.h"

hr_status hr_loop_create(hr_loop **out) HR_MUST_USE;
void hr_loop_handle_retain(hr_loop *loop);
void hr_loop_handle_release(hr_loop *loop);

/* The loop whose executor this is, or NULL. */
hr_loop *hr_loop_of_executor(const hr_executor *executor);
const hr_executor *hr_loop_own_executor(hr_loop *loop);
/* For a job to come; HR_CLOSED in the child of a fork. */
hr_status hr_loop_attach(hr_loop *loop) HR_MUST_USE;
void hr_loop_detach(hr_loop *loop);
/* Empties the list; all of its jobs are attached. */
void hr_loop_push(hr_loop *loop, hr_job_list *list);

int hr_loop_descriptor(const hr_loop *loop);
hr_status hr_loop_deliver(size_t *out_count, hr_loop *loop, size_t max) HR_MUST_USE;

#endif
