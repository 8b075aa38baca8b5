/* src/sched/stream.h - a serial queue of tasks with a timeline: not a thread.
 *
 * S1  `state` is guarded by `lock`:
 *       idle -> queued            kick: work is there and a worker shall take it
 *       idle, queued -> running   a thread took it; it alone runs tasks and raises `completed` ("the runner")
 *       running -> parked         the head task's point is not reached; costs nothing until that timeline fires
 *       parked -> running         the firing thread owns it, and runs it itself or queues it (R13)
 *       running -> queued         given back with work left
 *       running -> idle           under `lock`, after finding no work (R12)
 *     Work in an idle stream is the promise of the thread that appended it: it helps, or kicks, before it sleeps or
 *     returns.
 * S2  A task is appended, and gets its value, under `lock`, after all its producers have been appended (R1). So every
 *     wait points back in append order, and no set of streams can wait in a circle.
 * S3  `batch` belongs to the runner: tasks taken over from `incoming`, in order.
 * S4  Streams are never freed. A stream whose last handle is gone keeps running what was appended, then is retired with
 *     a new identity and given out again; timeline values go on, so old points stay true. `id` is never reused: a node
 *     built for an id that has been retired runs on the evaluating thread's default stream.
 * S5  Lock order: registry, stream, pool, timeline (leaf). No user code and no allocation under any of them.
 * S6  Cancelling marks values <= cancel_upto to be skipped; skipped tasks still wait for their points (R9).
 * S7  `dead` is set in the child of a fork for streams that had unfinished work: nothing of theirs is touched, waits
 *     and appends answer with an error (R24). */
#ifndef HR_SCHED_STREAM_H
#define HR_SCHED_STREAM_H

#include "base/error.h"
#include "headrace/runtime.h"
#include "sched/task.h"

enum { HR_STREAM_NAME = 32 };

/* How long a stream's tasks take. One above HR_STARVE_NS by the clock may just have lost its core: a fast stream turns
 * slow with the second in a row, a new one with the first. */
typedef enum hr_pace { HR_PACE_FAST, HR_PACE_UNKNOWN, HR_PACE_SLOW } hr_pace;

typedef enum hr_stream_state { HR_STREAM_IDLE, HR_STREAM_QUEUED, HR_STREAM_RUNNING, HR_STREAM_PARKED } hr_stream_state;

enum { HR_PRIORITY_COUNT = HR_PRIORITY_BACKGROUND + 1 };

struct hr_stream {
  _Alignas(HR_CACHE_LINE) hr_timeline timeline;
  /* Guarded by lock. */
  _Alignas(HR_CACHE_LINE) hr_mutex lock;
  uint8_t state;               /* hr_stream_state */
  bool closing;                /* last handle gone: retire when drained */
  uint32_t helpers;            /* threads in a wait loop that would take this stream over without being woken */
  _Atomic(uint64_t) submitted; /* value of the newest task; written under lock */
  hr_task *incoming, *incoming_last;
  hr_point parked_on;   /* while parked */
  hr_error *error;      /* first failure that nobody has seen (R10) */
  uint64_t error_value; /* of the task that failed */
  uint64_t parks;       /* how often it was parked since it was made (P3) */
  /* The runner's. */
  _Alignas(HR_CACHE_LINE) hr_task *batch;
  hr_waiter waiter;
  hr_stream *next_runnable; /* in the worklist of the thread that owns the stream */
  /* Guarded by the pool's lock. */
  hr_stream *queue_next, *queue_prev;
  int64_t queued_ns;
  bool in_queue;
  uint8_t queue_priority; /* the list it is in */
  /* Any thread. */
  _Atomic(uint8_t) priority; /* hr_priority, as the program set it */
  _Atomic(uint8_t) boost; /* the most urgent of the streams that wait for boost_upto or earlier; written under lock */
  _Atomic(uint64_t) boost_upto;
  _Atomic(uint8_t) pace; /* hr_pace: a hint (W4) */
  _Atomic(uint64_t) cancel_upto;
  _Atomic(int64_t) inflight_bytes, inflight_limit; /* 0: no limit (R22) */
  _Atomic(uint64_t) walk;                          /* the evaluation that noted this stream last (graph/eval.c) */
  _Atomic(uint32_t) handles;
  _Atomic(uint32_t) id;
  _Atomic(bool) dead;
  uint8_t device; /* hr_device_type; of the place, for good */
  uint8_t device_index;
  char name[HR_STREAM_NAME]; /* guarded by lock */
  hr_stream *free_next;      /* guarded by the registry's lock */
};

/* A stream of the device's own; the caller owns one handle. Starts the pool if this is the first. */
hr_status hr_stream_create(hr_stream **out, uint8_t device, uint8_t device_index) HR_MUST_USE;
void hr_stream_handle_retain(hr_stream *stream);
void hr_stream_handle_release(hr_stream *stream);

/* The stream with this id with one handle more, or NULL if there is none (any more). Any thread. */
hr_stream *hr_stream_find_id(uint32_t id);

/* The thread's default stream for the device; made on first use and retired with the thread (R23). Borrowed: valid
 * while the thread lives and does not replace it. */
hr_status hr_stream_default(hr_stream **out, uint8_t device, uint8_t device_index) HR_MUST_USE;
/* Makes it this thread's default for its device; retains a handle. */
hr_status hr_stream_default_set(hr_stream *stream) HR_MUST_USE;

/* Any thread. Appends the task and answers its value, or 0 if the stream is dead or no longer has this id (S4). Starts
 * nothing: the caller kicks the stream or helps (S1). */
uint64_t hr_stream_append(hr_stream *stream, uint32_t id, hr_task *task);

/* Why an append answered 0, as an error. */
hr_status hr_stream_refusal(hr_stream *stream) HR_MUST_USE;

/* Any thread. If work is there and nobody is on it, hands it to the workers; otherwise nothing. */
void hr_stream_kick(hr_stream *stream);

/* Any thread. Skips what has been appended and has not started. Returns the newest value that is affected. */
uint64_t hr_stream_cancel_queued(hr_stream *stream);

/* The newest value appended so far. */
static inline uint64_t hr_stream_submitted(hr_stream *stream) { return hr_load_acquire(&stream->submitted); }
static inline bool hr_stream_idle(hr_stream *stream) {
  return hr_timeline_done(&stream->timeline, hr_stream_submitted(stream));
}

/* Keeps error (takes a reference), the failure of the task that runs, if it is the first that nobody has seen. Runner
 * only. */
void hr_stream_note_error(hr_stream *stream, hr_error *error);
/* Empties the place; the caller owns what it gets (NULL: none). It may have been seen meanwhile. */
hr_error *hr_stream_take_error(hr_stream *stream);
/* A reference to the unseen error of a task with a value up to `upto`, which stays in its place; NULL: none. */
hr_error *hr_stream_peek_error(hr_stream *stream, uint64_t upto);

void hr_stream_name_set(hr_stream *stream, const char *name);
void hr_stream_name_get(hr_stream *stream, char out[HR_STREAM_NAME]);

/* The at-th place of the registry, whether or not its stream is in use; NULL past the last. */
hr_stream *hr_stream_at(uint32_t at);
/* Calls fn for every stream that ever was, with the registry locked: fork handlers and exit only. */
void hr_stream_each(void (*fn)(hr_stream *stream, void *ctx), void *ctx);
void hr_stream_fork_prepare(void);
void hr_stream_fork_parent(void);
void hr_stream_fork_child(void);

/* --- For the pool and for waiting threads (pool.c, wait.c) --- */

typedef enum hr_claim { HR_CLAIM_IDLE = 1, HR_CLAIM_QUEUED = 2 } hr_claim;
/* Makes the calling thread the runner if the stream is in one of the states of the mask and has work. */
bool hr_stream_claim(hr_stream *stream, unsigned from);

typedef enum hr_stint_end {
  HR_STINT_EMPTY,   /* no work left: the stream is idle and no more the caller's */
  HR_STINT_PARKED,  /* it waits: no more the caller's */
  HR_STINT_REACHED, /* `until` is complete: still the caller's */
  HR_STINT_REFUSED, /* the head task is not for this thread: still the caller's */
  HR_STINT_BUDGET,  /* time to give others a turn: still the caller's */
} hr_stint_end;

typedef struct hr_stint {
  const hr_point *until; /* stop when complete; NULL for workers */
  uint32_t max_cost_ns;  /* of one task; UINT32_MAX for workers, who run library and user code too */
  int64_t budget_ns;     /* by estimates; long tasks count what they took */
  hr_worklist freed;     /* streams that this thread owns now and must run or queue */
} hr_stint;

/* Runner only: runs tasks in order until one of the ends. */
hr_stint_end hr_stream_run(hr_stream *stream, hr_stint *stint);

/* True if the stream is parked on another one's timeline, and where. A point of any other timeline is not answered: who
 * owns that may be gone as soon as the stream's lock is dropped. */
bool hr_stream_parked_on_stream(hr_stream *stream, hr_point *out);

/* The most urgent of its own priority and those of the streams that wait for it (R14). Any thread. */
uint8_t hr_stream_urgency(hr_stream *stream);

/* Runner only: gives the stream up with work left, to a helper that waits for it or to the pool. */
void hr_stream_give_back(hr_stream *stream);

#endif
