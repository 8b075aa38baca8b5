/* src/cpu/matmul.h - matrix products for run functions.
 *
 * X1  Each sum is taken in ascending k, in steps, and of long sums in parts that are added in order; their cut depends
 *     on shapes, strides and dtype alone: the same bits for any number of workers.
 * X2  Any strides; A and B must not overlap C. Half types are summed in float32 and rounded once. */
#ifndef HR_CPU_MATMUL_H
#define HR_CPU_MATMUL_H

#include <stdint.h>

#include "array/dtype.h"
#include "base/error.h"
#include "cpu/kernels/gemm.h"

/* What is added to a product while it is in the caches: C = alpha * C + beta * D, each step rounded, with D (batch, m,
 * n) of any strides, in the product's dtype. */
typedef struct hr_product_term {
  const char *d;
  int64_t row, column;
  const int64_t *items; /* NULL: a batch of 1 */
  float alpha, beta;
} hr_product_term;

/* C (batch, m, n) row-major = A (m, k) B (k, n) of each item. Strides and places are in elements of the dtype: f16,
 * bf16, f32, f64 or c64. Item i's operands begin at a + a_items[i] and b + b_items[i]; NULL: at a and b, for a batch
 * of 1. */
typedef struct hr_product {
  const char *a, *b;
  char *c;
  int64_t batch, m, n, k; /* at least 1 */
  int64_t a_row, a_k, b_k, b_column;
  const int64_t *a_items, *b_items;
  const hr_product_term *term; /* float32 and float64 alone; NULL: none */
  hr_dtype dtype;
  int item_bytes; /* of the dtype */
} hr_product;

static inline const char *hr_product_a(const hr_product *p, int64_t index) {
  return p->a + (p->a_items ? p->a_items[index] * p->item_bytes : 0);
}
static inline const char *hr_product_b(const hr_product *p, int64_t index) {
  return p->b + (p->b_items ? p->b_items[index] * p->item_bytes : 0);
}

/* Fails for want of memory only. Cut into parallel loops by size. */
hr_status hr_product_run(const hr_product *p) HR_MUST_USE;

/* --- parts of it --- */

/* True when one side is a vector, or few rows of A, and the other a matrix with a unit stride. */
bool hr_product_is_vector(const hr_product *p);
hr_status hr_product_vector(const hr_product *p) HR_MUST_USE;
hr_status hr_product_matrix(const hr_product *p) HR_MUST_USE;
/* A product of half types by the matrix unit. Not `done`, without an error: the processor has none, it would not pay,
 * or a float16 operand holds infinities or NaN. */
hr_status hr_product_half(const hr_product *p, bool *done) HR_MUST_USE;

/* A real product with a long k beside a small result. */
bool hr_product_is_deep(const hr_product *p);
hr_status hr_product_deep(const hr_product *p) HR_MUST_USE;

/* For the running processor. */
const hr_pack_kernels *hr_product_pack(hr_dtype dtype);
const hr_block_kernels *hr_product_block(hr_dtype dtype); /* NULL: dtype is neither float32 nor float64 */

/* to[i] = the sum, in order, of parts[j * count + i] for j < part_count, which is used up; in the type of the sums, and
 * rounded to a half type once. A parallel loop. */
void hr_product_sum(hr_dtype dtype, void *to, void *parts, int64_t count, int64_t part_count);
/* Adds the term, if there is one, to rows [row, row + m) and columns [column, column + n) of item `index`. */
void hr_product_finish(const hr_product *p, int64_t index, int64_t row, int64_t column, int64_t m, int64_t n);
/* The same for all of C, as a parallel loop. */
void hr_product_finish_all(const hr_product *p);

static inline void hr_product_store(hr_dtype dtype, void *to, float *sums, int64_t count) {
  hr_product_sum(dtype, to, sums, count, 1);
}

#endif
