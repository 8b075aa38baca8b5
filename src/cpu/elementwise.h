/* src/cpu/elementwise.h - one pass over arrays of any layout with a kernel that knows only runs.
 *
 * A pass hands its kernel tiles that stay in the L1 cache: operands that lie in the right order and type are read where
 * they are, others are packed (strides) and widened (dtype) first; results are narrowed and stored. So each operation
 * needs one contiguous kernel a type, and half types none. A kernel computes every element alike, so the value of an
 * element depends neither on the tiles nor on the threads. Any thread; nothing is allocated. */
#ifndef HR_CPU_ELEMENTWISE_H
#define HR_CPU_ELEMENTWISE_H

#include "array/array.h"
#include "cpu/kernels/elementwise.h"

enum { HR_PASS_INPUTS = 3 };

typedef struct hr_pass {
  hr_kernel kernel;
  hr_kernel widen[HR_PASS_INPUTS]; /* from the dtype of input k to the one it is computed in; NULL: the same */
  hr_kernel narrow;                /* from the dtype of the kernel's results to that of out; NULL: the same */
  int inputs;
  int64_t wide_bytes[HR_PASS_INPUTS]; /* of an element as the kernel reads it */
  int64_t result_bytes;               /* of an element as the kernel writes it */
} hr_pass;

/* A pass of `kernel` that computes inputs in `compute` and gives `result`; conversions follow from the arrays. */
void hr_pass_init(hr_pass *pass, hr_kernel kernel, hr_dtype compute, hr_dtype result, const hr_array *out,
                  hr_array *const *in, int inputs);

/* out has its buffer and is dense: row-major, or that with its axes permuted. Inputs broadcast to its shape. */
void hr_pass_run(const hr_pass *pass, const hr_array *out, hr_array *const *in);

/* The kernels of the instruction set in use; NULL where there is none. f16 and bf16 have casts, and the cheapest
 * operations for some instruction sets. */
hr_kernel hr_kernel_unary(hr_unary op, hr_dtype dtype);
hr_kernel hr_kernel_binary(hr_binary op, hr_dtype dtype);
hr_kernel hr_kernel_cast(hr_dtype from, hr_dtype to);
const hr_move_kernels *hr_kernels_move(size_t item_bytes);

/* The kernels of complex.c: no instruction sets, for exact special values are worth more there. */
extern const hr_unary_kernels hr_complex_unary;
extern const hr_binary_kernels hr_complex_binary;

/* What a dtype is computed in: half types in float32. */
static inline hr_dtype hr_dtype_compute(hr_dtype d) { return d == HR_FLOAT16 || d == HR_BFLOAT16 ? HR_FLOAT32 : d; }

#endif
