/* src/sched/executor.h - jobs, and the places where the program's callbacks and destructors run (R16, R18).
 *
 * X1  A job is pushed once for each time that it shall run, runs once, on its place, and is its owner's again when
 *     run() begins. Nothing is allocated after hr_job_init().
 * X2  Jobs of one place start in the order in which they were pushed.
 * X3  Two threads of the library serve jobs, each started when a job is initialised that needs it. "hr-callback" runs
 *     callbacks without an executor, and destructors; its jobs may wait for anything but each other. "hr-submit" hands
 *     jobs to executors of the program, so that a callback that waits does not hold those up.
 *     A thread that waits for a job may run that one itself, in its turn: while it is the only job in the queue and
 *     such a thread is awake or will be (`awaited`), "hr-callback" sleeps on; while it runs so (`lent`), too.
 * X4  The queues' locks are leaves; pushing wakes, but runs no code of the program.
 * X5  Fork: queued jobs stay with the parent; the child's queues are empty and its threads start anew. Exit: no new job
 *     starts. */
#ifndef HR_SCHED_EXECUTOR_H
#define HR_SCHED_EXECUTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "headrace/loop.h"

typedef struct hr_job hr_job;
struct hr_job {
  hr_job *next;
  void (*run)(hr_job *job);
  hr_loop *loop;      /* one reference; or NULL */
  hr_executor caller; /* submit is NULL for loops and the callback thread */
  uint32_t awaited;   /* threads that would run it themselves (X3); guarded by the queue's lock */
};

typedef struct hr_job_list {
  hr_job *first, *last;
} hr_job_list;

static inline void hr_job_list_add(hr_job_list *list, hr_job *job) {
  job->next = NULL;
  *(list->first ? &list->last->next : &list->first) = job;
  list->last = job;
}

/* Any thread. Fails if the thread that it needs cannot be started. executor NULL: the callback thread. */
hr_status hr_job_init(hr_job *job, void (*run)(hr_job *job), const hr_executor *executor) HR_MUST_USE;
void hr_job_deinit(hr_job *job);

/* Any thread, no locks held that matter (X4). */
void hr_job_push(hr_job *job);
/* In order; neighbours of one place go as one splice (R7). Empties the list. */
void hr_job_push_list(hr_job_list *list);

/* A job that runs on the callback thread whatever it was made for. */
bool hr_job_is_for_callback_thread(const hr_job *job);
void hr_job_push_callback_thread(hr_job_list *list);

/* X3, for a thread that waits for a job of the callback thread and keeps it alive. Between begin and end it does not
 * sleep for long once the job has been pushed. */
void hr_job_await_begin(hr_job *job);
void hr_job_await_end(hr_job *job);
/* Runs the job on this thread if it is next and no other runs; whether it has. */
bool hr_job_run_here(hr_job *job);

/* R18: runs run() with the job on this thread, or on the callback thread when this is a thread of the runtime. The
 * job's storage stays the caller's until then. */
void hr_job_run_outside(hr_job *job, void (*run)(hr_job *job));
/* Starts the callback thread, for jobs that will come to hr_job_run_outside(). */
hr_status hr_executor_need_callback_thread(void) HR_MUST_USE;

void hr_executor_fork_prepare(void);
void hr_executor_fork_parent(void);
void hr_executor_fork_child(void);
/* Exit: jobs that run get until the deadline (hr_now_ns), unless this is their thread. */
void hr_executor_stop(int64_t deadline_ns);

#endif
