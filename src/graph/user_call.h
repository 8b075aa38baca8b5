/* src/graph/user_call.h - a function of the program as a task of a stream. */
#ifndef HR_GRAPH_USER_CALL_H
#define HR_GRAPH_USER_CALL_H

#include "array/array.h"
#include "headrace/stream.h"

typedef struct hr_stream hr_stream;

typedef struct hr_user_call {
  hr_call_fn fn;
  void *arg;
  void (*free_arg)(void *); /* once, on the callback thread, when the task has run or was given up; may be NULL */
} hr_user_call;

/* Appends the task to the stream; out has room for output_count arrays, and the caller owns one reference to each. The
 * outputs' dtypes have been checked. If it fails, arg stays the caller's. */
hr_status hr_user_call_append(hr_array **out, const hr_user_call *call, const hr_array_list *inputs,
                              const hr_call_output *outputs, size_t output_count, hr_stream *stream) HR_MUST_USE;

#endif
