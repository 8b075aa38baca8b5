/* bench/limits_forms.h - plain C loops, as in limits.h, for small arrays, half types, scatters and rotary positions. */
#ifndef HR_BENCH_LIMITS_FORMS_H
#define HR_BENCH_LIMITS_FORMS_H

#include "limits.h"

enum {
  LIMIT_MIDDLE = 32, /* length of the axis in the middle that is summed; the last one has LIMIT_ROW elements */
  LIMIT_HEAD = 64,   /* elements of a row that is turned */
  LIMIT_LONG = 512,  /* rows of a sequence: its table holds as many rows of cosines, then sines */
};

/* bfloat16 in a, b and out: widened, and rounded to even; no NaN. */
void bench_loop_add_bfloat16(const bench_loop *loop, int64_t first, int64_t end);
/* Of bfloat16, a partial float32 result at out[first / LIMIT_ROW]. */
void bench_loop_sum_bfloat16(const bench_loop *loop, int64_t first, int64_t end);
/* Blocks of LIMIT_MIDDLE rows of LIMIT_ROW elements, each added up to one row. Count: a multiple of two blocks. */
void bench_loop_sum_middle(const bench_loop *loop, int64_t first, int64_t end);
/* out = a, then rows of LIMIT_ROW of b are added to the same rows in reverse order, each half in itself. */
void bench_loop_scatter_rows(const bench_loop *loop, int64_t first, int64_t end);
/* Rows of LIMIT_HEAD, halves turned by the table b of the row's position. */
void bench_loop_rope(const bench_loop *loop, int64_t first, int64_t end);

#endif
