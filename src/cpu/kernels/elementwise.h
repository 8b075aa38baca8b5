/* src/cpu/kernels/elementwise.h - the tables that the elementwise templates leave: a function for each operation.
 *
 * A kernel computes n >= 0 elements without gaps; out may be the memory of an operand of the same element size, index
 * for index. Bit k of `scalars` says that operand k is one element for all n. The value of an element does not depend
 * on its index nor on n. NULL: no kernel for this dtype. Half types have few: they are computed in float32 and
 * rounded once (cpu/elementwise.h). Signed integers have none where two's complement makes the unsigned one do. */
#ifndef HR_CPU_KERNELS_ELEMENTWISE_H
#define HR_CPU_KERNELS_ELEMENTWISE_H

#include <stdint.h>

#include "ops/pointwise_kernels.h"

typedef void (*hr_kernel)(void *out, const void *const *in, int64_t n, unsigned scalars);

typedef struct hr_unary_kernels {
  hr_kernel run[HR_UNARY_COUNT];
} hr_unary_kernels;

typedef struct hr_binary_kernels {
  hr_kernel run[HR_BINARY_COUNT];
} hr_binary_kernels;

/* What math_tmpl.c has, for f32 and f64. */
typedef struct hr_math_kernels {
  hr_kernel unary[HR_UNARY_COUNT];
  hr_kernel binary[HR_BINARY_COUNT];
} hr_math_kernels;

/* From one dtype to each of the 14, in the order of hr_dtype. */
typedef struct hr_cast_kernels {
  hr_kernel to[14];
} hr_cast_kernels;

/* Moves of items of 1, 2, 4 or 8 bytes (u8, u16, u32, u64). */
typedef struct hr_move_kernels {
  hr_kernel select; /* operands: bool condition, x, y */
  hr_kernel fill;   /* operand 0: one item */
  /* n items from `in`, stride bytes apart, into a run. */
  void (*pack)(void *out, const char *in, int64_t stride, int64_t n);
  /* out[r * out_stride + c * item] = in[c * in_stride + r * item]; strides in bytes, any sign. */
  void (*transpose)(char *out, int64_t out_stride, const char *in, int64_t in_stride, int64_t rows, int64_t columns);
  /* A copy that goes past the caches: out is aligned to 64 bytes. */
  void (*stream)(void *out, const void *in, int64_t n);
} hr_move_kernels;

#endif
