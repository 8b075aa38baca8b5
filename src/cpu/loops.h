/* src/cpu/loops.h - the walk over operands of one shape and any strides.
 *
 * An hr_loop is built from a shape and up to HR_LOOP_OPERANDS operands (broadcast to it by stride 0), then collapsed:
 * axes of length 1 go, neighbours that are one run for every operand are joined. The elements keep their row-major
 * order of the shape, so position p means the same element before and after; ranges of positions are what threads
 * share. O1  ndim >= 1; the last axis is the inner one. size is the product of shape; 0 when any length is 0. O2
 * strides are in bytes and may be zero or negative. data[k] is operand k's element at position 0. O3  A loop is read
 * only while it runs; any number of threads may walk it. It owns nothing. */
#ifndef HR_CPU_LOOPS_H
#define HR_CPU_LOOPS_H

#include <stdbool.h>
#include <stdint.h>

#include "array/array.h"

enum { HR_LOOP_OPERANDS = 4 };

typedef struct hr_loop {
  int ndim, operands;
  int64_t size; /* positions */
  char *data[HR_LOOP_OPERANDS];
  int64_t shape[HR_MAX_NDIM];
  int64_t strides[HR_LOOP_OPERANDS][HR_MAX_NDIM];
} hr_loop;

void hr_loop_init(hr_loop *loop, const int *shape, int ndim);

/* Adds an operand that has its buffer; its shape broadcasts to the loop's (aligned at the last axis). At most
 * HR_LOOP_OPERANDS; the first one is usually the output. Inputs are added the same way and only read. */
void hr_loop_add(hr_loop *loop, const hr_array *a);

/* The same for strides in elements, one for each axis of the loop's shape, and items of any size. */
void hr_loop_add_strided(hr_loop *loop, const void *data, const int64_t *strides, int64_t item_bytes);

/* Orders the axes by operand k's strides, longest first: for passes that may visit positions in any order. A dense
 * operand k, however its axes are permuted, is flat afterwards. Call before collapse. */
void hr_loop_sort(hr_loop *loop, int k);

/* Joins axes. Call once, after the last operand. */
void hr_loop_collapse(hr_loop *loop);

/* Operand k has position p at p * item_bytes, or is one element for all positions. After collapse. */
bool hr_loop_is_flat(const hr_loop *loop, int k, int64_t item_bytes);
bool hr_loop_is_scalar(const hr_loop *loop, int k);

/* count positions along the inner axis: data[k] moves on by strides[k] bytes each. */
typedef void (*hr_loop_fn)(void *ctx, char *const *data, const int64_t *strides, int64_t count);

/* Calls fn for positions [first, end), in order, in runs that are as long as the inner axis allows. */
void hr_loop_range(const hr_loop *loop, int64_t first, int64_t end, hr_loop_fn fn, void *ctx);

/* All positions, cut into ranges of `grain` positions for idle workers (sched/parallel.h); small loops run in place. */
void hr_loop_run(const hr_loop *loop, int64_t grain, hr_loop_fn fn, void *ctx);

/* The same where a range is light work (hr_parallel_range_light). */
void hr_loop_run_light(const hr_loop *loop, int64_t grain, hr_loop_fn fn, void *ctx);

/* Where operand k has position p. */
char *hr_loop_at(const hr_loop *loop, int k, int64_t position);

#endif
