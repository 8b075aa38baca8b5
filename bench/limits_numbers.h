/* bench/limits_numbers.h - plain C loops, as in limits.h, that make random numbers and sort. */
#ifndef HR_BENCH_LIMITS_NUMBERS_H
#define HR_BENCH_LIMITS_NUMBERS_H

#include "limits.h"

/* Threefry-2x32 of 20 rounds (Salmon et al. 2011) on a counter, key 0; words to [0, 1). */
void bench_loop_uniform(const bench_loop *loop, int64_t first, int64_t end);
/* The same through erfinv (Giles 2010). */
void bench_loop_normal(const bench_loop *loop, int64_t first, int64_t end);
/* Sorts a to out. Each of the two threads sorts its half by radix, digits of 11 bits; when both have, each merges half
 * of the result. Runs on bench_loop_seconds() only, which has two threads. */
void bench_loop_sort(const bench_loop *loop, int64_t first, int64_t end);

#endif
