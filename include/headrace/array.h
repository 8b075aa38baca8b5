/* headrace/array.h - what the MLX C interface lacks about arrays. */
#ifndef HEADRACE_ARRAY_H
#define HEADRACE_ARRAY_H

#include <stddef.h>
#include <stdint.h>

#include "headrace/status.h"
#include "mlx/c/array.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* Evaluates `count` arrays, without a vector, and waits for each at most timeout_ns (negative: no limit). HR_TIMEOUT:
 * one is not ready; all are queued and go on, and the call may be repeated. That is an answer: the error handler is not
 * called. The first failure among the arrays, in their order, is the result. */
hr_status hr_arrays_eval(const mlx_array *arrays, size_t count, int64_t timeout_ns);

/* Queues them and returns, as mlx_async_eval(). */
hr_status hr_arrays_async_eval(const mlx_array *arrays, size_t count);

/* The calling thread's key of random numbers as it is now, uint32(2): calls without a key split it, and
 * mlx_random_seed() sets it. A copy, which does not change with the state. */
hr_status hr_random_state(mlx_array *res);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#endif
