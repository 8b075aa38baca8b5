/* headrace/stream.h - what the MLX C interface lacks about streams.
 *
 * Streams belong to the process: any thread may use, wait for and free any of them. An empty stream handle means the
 * calling thread's default stream. Freeing a stream's last handle lets work that is queued go on to its end. */
#ifndef HEADRACE_STREAM_H
#define HEADRACE_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "headrace/fence.h"
#include "headrace/runtime.h"
#include "mlx/c/array.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* --- Order and waiting --- */

/* Waits for all work queued on the stream, at most timeout_ns (negative: no limit), then returns the stream's first
 * error that no call has returned yet, and forgets it. HR_TIMEOUT is an answer: the error handler is not called. */
hr_status hr_synchronize(const mlx_stream stream, int64_t timeout_ns);

/* Work queued on the stream from now on starts when the fence is reached, however that ended: an error of the fence is
 * no error of the stream. The stream is parked meanwhile and costs nothing; the calling thread does not wait. A fence
 * stands for work that is queued already, so streams cannot come to wait for each other in a circle. */
hr_status hr_stream_wait(const mlx_stream stream, hr_fence *fence);

/* Gives up the work queued on the stream that has not started: its arrays fail with HR_CANCELLED, and what depends on
 * them too. Tasks that run go on; a stream that waits for a fence still waits for it. Work queued later is not
 * concerned. */
hr_status hr_stream_cancel(const mlx_stream stream);

/* --- The program's own functions as tasks --- */

/* An array as a task sees it. Strides are in elements. Inputs may have any strides and must not be written; outputs are
 * in row-major order, not cleared, and to be written whole. All pointers are valid until the function returns. */
typedef struct hr_call_view {
  void *data;
  const int *shape;
  const int64_t *strides;
  int ndim;
  mlx_dtype dtype;
  size_t bytes; /* of all elements */
} hr_call_view;

/* What an output shall be. */
typedef struct hr_call_output {
  const int *shape;
  int ndim;
  mlx_dtype dtype;
} hr_call_output;

/* Returns 0, or anything else to fail the task: its outputs, and what depends on them, get HR_FAILED with the text
 * given to hr_call_fail(), or the text of the last call of the library that failed in the function. It runs on a
 * worker. It may use the library and wait; waiting for its own stream is HR_DEADLOCK. It must return: no jumps, no
 * thread exit. */
typedef int (*hr_call_fn)(void *arg, const hr_call_view *inputs, size_t input_count, const hr_call_view *outputs,
                          size_t output_count);

/* Queues fn as a task of the stream, at once; inputs are evaluated and waited for as by any other operation. `res`
 * becomes the vector of its output arrays; it may be NULL without outputs. `inputs` may be an empty handle.
 * free_arg(arg), if not NULL, is called once when the task has run or was given up, on the library's callback thread.
 * If the call fails, arg stays the caller's. An error of a task without outputs is returned by hr_synchronize() and
 * fences of the stream. */
hr_status hr_stream_call(mlx_vector_array *res, hr_call_fn fn, void *arg, void (*free_arg)(void *),
                         const mlx_vector_array inputs, const hr_call_output *outputs, size_t output_count,
                         const mlx_stream stream);

/* Inside a hr_call_fn: notes the text (NULL: none) of its failure and returns what the function has to return. */
int hr_call_fail(const char *text);

/* --- Defaults --- */

/* Until the matching end the stream is the calling thread's default stream, and its device the default device. Scopes
 * nest; a change of the defaults inside a scope ends with it. */
hr_status hr_stream_scope_begin(const mlx_stream stream);
/* HR_INVALID, and nothing changes, if the thread's innermost scope is not of this stream. */
hr_status hr_stream_scope_end(const mlx_stream stream);

/* --- Properties --- */

hr_status hr_stream_set_priority(const mlx_stream stream, hr_priority priority);
hr_status hr_stream_get_priority(hr_priority *out, const mlx_stream stream);

/* At most 31 bytes are kept. NULL: no name. */
hr_status hr_stream_set_name(const mlx_stream stream, const char *name);
/* A copy, terminated and cut to `size` bytes. */
hr_status hr_stream_get_name(char *out, size_t size, const mlx_stream stream);

/* The stream's number, unique in the process and never used again. */
hr_status hr_stream_index(int *out, const mlx_stream stream);
/* `out`, a handle as mlx_stream_new() makes it, becomes one of the stream with this number. HR_INVALID if there is none
 * any more. */
hr_status hr_stream_find(mlx_stream *out, int index);

/* A limit on the bytes of results that are queued and not computed; 0: none. A call that queues work past it returns
 * when the stream is below it again, and helps meanwhile. */
hr_status hr_stream_set_limit(const mlx_stream stream, int64_t bytes);
hr_status hr_stream_get_limit(int64_t *out_bytes, const mlx_stream stream);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#endif
