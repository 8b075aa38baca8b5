/* headrace/status.h - what a call of the `hr_` interface answers.
 *
 * Every hr_ function that can fail returns an hr_status; HR_OK is zero. The text of the newest failure of the calling
 * thread is read with hr_last_error(). A failing call also calls the handler set by mlx_set_error_handler(), as its
 * last act and with no lock held; HR_TIMEOUT of a call that was given a time is an answer and does not count. No call
 * exits or aborts the process. A result parameter comes first and is emptied on entry. */
#ifndef HEADRACE_STATUS_H
#define HEADRACE_STATUS_H

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef enum hr_status {
  HR_OK = 0,
  HR_INVALID,       /* an argument is wrong: the text names the operation and the value */
  HR_OUT_OF_MEMORY, /* memory was refused, by the system or by a limit */
  HR_UNSUPPORTED,   /* valid, but not on this device, dtype or machine */
  HR_TIMEOUT,       /* the time given ran out; the work goes on */
  HR_CANCELLED,     /* the work was cancelled before it started, or its promise was dropped */
  HR_DEADLOCK,      /* the wait could never end: the waiter stands in its own way */
  HR_IO,            /* reading or writing failed */
  HR_FAILED,        /* a task of the program's own reported a failure */
  HR_CLOSED,        /* the stream, the pool or the process is shutting down */
  HR_STATUS_COUNT
} hr_status;

/* A short constant name, such as "out of memory"; never NULL, also for values that are no status. */
const char *hr_status_name(hr_status status);

/* The text of the calling thread's newest failure, "" if there was none. Valid until the next failing call of this
 * thread. */
const char *hr_last_error(void);

/* The status of that failure, for callers of the mlx_ functions, which answer 1 whatever it was. HR_OK if there was
 * none. */
hr_status hr_last_status(void);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
