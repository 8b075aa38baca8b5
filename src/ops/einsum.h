/* src/ops/einsum.h - Einstein's summation: sums of products of arrays whose axes are named by letters.
 *
 * N1  `subscripts` are terms of letters, one an operand, with commas between, then `->` and the result's. Without `->`
 *     the result has the letters that occur once, capitals first, in alphabetical order. Spaces do not matter.
 * N2  A letter twice in a term is the diagonal. `...` are the axes in front that have no letters, aligned at their last
 *     one; they come first in a result without `->`, and are summed over where a result has no `...`.
 * N3  A length of 1 goes with any other.
 * N4  Operands are cast to one dtype. Products of floating-point and complex numbers go through matmul, those of other
 *     dtypes are multiplied and summed as by sum (narrow ones to 32 bits), which MLX refuses.
 * N5  Two operands at a time: those whose product is smallest, compared with what they are themselves. Axes that
 *     nothing else needs are summed over first. Only axes that are summed over together, and do not follow each other
 *     in memory, are copied.
 * Any thread; the caller owns one reference to the result. */
#ifndef HR_OPS_EINSUM_H
#define HR_OPS_EINSUM_H

#include "graph/op.h"

hr_status hr_einsum(hr_array **out, const char *subscripts, const hr_array_list *operands, hr_stream *s) HR_MUST_USE;

#endif
