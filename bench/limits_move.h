/* bench/limits_move.h - plain C loops, as in limits.h, that move elements: transposed, picked, strided, broadcast. */
#ifndef HR_BENCH_LIMITS_MOVE_H
#define HR_BENCH_LIMITS_MOVE_H

#include "limits.h"

enum { LIMIT_TAKE_ROW = 256 }; /* elements of a row that is taken */

/* out = a transposed, both square: count is the square of a multiple of LIMIT_BLOCK. Elements of `out` [first, end). */
enum { LIMIT_BLOCK = 32 };
void bench_loop_transpose(const bench_loop *loop, int64_t first, int64_t end);
/* out = a transposed + b, likewise. */
void bench_loop_add_transposed(const bench_loop *loop, int64_t first, int64_t end);
/* out[i] = a[indices[i]]; b holds the indices, int32. */
void bench_loop_take(const bench_loop *loop, int64_t first, int64_t end);
/* Rows of LIMIT_TAKE_ROW elements of a; b holds the number of the row for each of out's. */
void bench_loop_take_rows(const bench_loop *loop, int64_t first, int64_t end);
/* out[i] = a[2 i] + b[2 i]. */
void bench_loop_add_every_second(const bench_loop *loop, int64_t first, int64_t end);
/* Rows of LIMIT_ROW: out = a + the row b. */
void bench_loop_add_row(const bench_loop *loop, int64_t first, int64_t end);
/* Rows of LIMIT_ROW: out = a + the row's element of b. */
void bench_loop_add_column(const bench_loop *loop, int64_t first, int64_t end);
/* Rows of LIMIT_ROW: their sums; and the sums of their columns, a row of partial sums at out[first], */
void bench_loop_sum_rows(const bench_loop *loop, int64_t first, int64_t end);
void bench_loop_sum_columns(const bench_loop *loop, int64_t first, int64_t end);
/* out holds bfloat16: the upper halves, rounded to even; a has no NaN. */
void bench_loop_to_bfloat16(const bench_loop *loop, int64_t first, int64_t end);
/* Rows of LIMIT_ROW: running sums. */
void bench_loop_cumsum_rows(const bench_loop *loop, int64_t first, int64_t end);

#endif
