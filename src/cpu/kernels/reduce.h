/* src/cpu/kernels/reduce.h - reduction kernels of one accumulator, dtype and instruction set (R20).
 *
 * The order in which elements are combined is fixed: it depends on shape and strides, never on instruction set or
 * workers.
 * - A row: element i belongs to lane i % 64. Within a run of HR_REDUCE_RUN elements each lane is combined in order; the
 *   64 lanes of each run are combined, lane by lane, with those of the runs before; at the end lane k is combined with
 *   lane k + 32, then k + 16, ..., k + 1.
 * - Columns: each column is combined in order of the rows; where rows of fewer than 64 elements follow each other
 * without gaps, 256 / n rows are taken as one wide row, whose parts are combined in order at the end. Error of a
 * float32 sum of n values in a row: at most (HR_REDUCE_RUN / 64 + n / HR_REDUCE_RUN + 6) u * sum |x| with u = 2^-24.
 * float16 and bfloat16 are summed in float32 and rounded once. Integers wrap. */
#ifndef HR_CPU_KERNELS_REDUCE_H
#define HR_CPU_KERNELS_REDUCE_H

#include <stdint.h>

enum { HR_REDUCE_LANES = 64, HR_REDUCE_RUN = 8192 };

/* A row under way, for rows that arrive in pieces. */
typedef struct hr_reduce_state {
  _Alignas(64) char part[HR_REDUCE_LANES * 8]; /* the run under way */
  _Alignas(64) char total[HR_REDUCE_LANES * 8];
  int64_t filled; /* elements in part */
} hr_reduce_state;

/* `acc` points to accumulators; strides are in bytes and may be anything. */
typedef struct hr_reduce_kernel {
  /* acc[r] = the row of n >= 0 contiguous elements at x + r * stride, for r < count. A row of no elements gives 0, 1,
   * true or false; for max and min it is nothing that callers should ask for. */
  void (*rows)(void *acc, const void *x, int64_t stride, int64_t count, int64_t n);
  /* acc[k] = lane k of a row of 0 < n <= HR_REDUCE_RUN contiguous elements, k < 64, not combined with the others. */
  void (*lanes)(void *acc, const void *x, int64_t n);
  /* begin(); then add() any number of pieces, all but the last a multiple of 64 elements that divides HR_REDUCE_RUN;
   * then fold(): the same bits as rows(). */
  void (*begin)(hr_reduce_state *state);
  void (*add)(hr_reduce_state *state, const void *x, int64_t n);
  void (*fold)(void *acc, hr_reduce_state *state);
  /* start() makes n accumulators hold nothing; cols() combines acc[j] with column j of `rows` rows of n elements. */
  void (*start)(void *acc, int64_t n);
  void (*cols)(void *acc, const void *x, int64_t stride, int64_t rows, int64_t n);
} hr_reduce_kernel;

/* Where the maximum or minimum is: the first of equal elements, the first NaN if there is one. */
typedef struct hr_arg_kernel {
  /* First of n contiguous elements that equals the accumulator at `value`, or is NaN if that is; n if none. */
  int64_t (*find)(const void *x, int64_t n, const void *value);
  /* True if the accumulator at `b` wins over one at `a` that came before it. */
  int (*wins)(const void *a, const void *b);
  /* best[j] and index[j], j < n, have found their place among the rows before `row`, and take in one row more. */
  void (*row)(void *best, uint32_t *index, const void *x, uint32_t row, int64_t n);
} hr_arg_kernel;

typedef struct hr_reduce_pair {
  hr_reduce_kernel first, second;      /* sum and prod, max and min, all and any (the kinds of ops/reduce.h) */
  hr_arg_kernel first_arg, second_arg; /* max and min only */
} hr_reduce_pair;

#endif
