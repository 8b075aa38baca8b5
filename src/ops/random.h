/* src/ops/random.h - random numbers from keys: the same key, shape and dtype give the same numbers, on every stream and
 * with any number of workers (kernels/threefry.h), and those of MLX.
 *
 * K1  A key is a uint32 array of shape (2): the upper and lower half of a seed, or what a split gave.
 * K2  Without a key each draw takes the next one of the calling thread's state: the state s becomes the first, the
 *     draw gets the second key of split(s). hr_random_seed() sets the state of its thread; a thread that never did
 *     starts from the process key, which is key(HEADRACE_SEED), or key(0) without that variable (R23).
 * K3  bits, split, uniform, randint, bernoulli and permutation agree with MLX bit for bit, the others within 4 units
 *     in the last place. */
#ifndef HR_OPS_RANDOM_H
#define HR_OPS_RANDOM_H

#include "graph/op.h"

extern const hr_op hr_op_random_bits, hr_op_random_uniform, hr_op_random_normal;

hr_status hr_random_key(hr_array **out, uint64_t seed) HR_MUST_USE;
hr_status hr_random_seed(uint64_t seed) HR_MUST_USE;
hr_status hr_random_split(hr_array **out_0, hr_array **out_1, hr_array *key, hr_stream *s) HR_MUST_USE;
/* (num, 2): one key a row. */
hr_status hr_random_split_num(hr_array **out, hr_array *key, int num, hr_stream *s) HR_MUST_USE;

/* width 1, 2 or 4 bytes: uint8, uint16 or uint32. */
hr_status hr_random_bits(hr_array **out, const int *shape, size_t shape_num, int width, hr_array *key,
                         hr_stream *s) HR_MUST_USE;

#endif
