/* Products whose sums are long beside their results, as of gradients by weights: cut along k into parts with sums of
 * their own, which are then added in order. The parts follow from the shape alone. A part goes along k in short steps,
 * in which the rows of B stay in L1 for all of A's, while its sums stay in L2. */
#include "array/buffer.h"
#include "cpu/matmul.h"
#include "sched/parallel.h"

/* How many times as long as a side of the result k is; lengths of a part and of a step are multiples of UNIT. Sums of
 * parts take PARTS_BYTES at most, however long k is. */
enum { TIMES = 16, UNIT = 16 };
static const int64_t LEAST_FLOPS = 16 << 20, PART_FLOPS = 12 << 20, SIDE = 128, PARTS_BYTES = 4 << 20,
                     STEP_BYTES = 32 << 10;

typedef struct job {
  const hr_product *p;
  const hr_block_kernels *kernels;
  char *partial;       /* sums (parts, m, n) */
  int64_t parts, part; /* numbers of k of each but the last */
  int64_t step;
} job;

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

bool hr_product_is_deep(const hr_product *p) {
  if (p->batch > 1 || !hr_product_block(p->dtype) || p->b_column != 1 || (p->a_k != 1 && p->a_row != 1)) return false;
  int64_t side = max64(p->m, p->n);
  return side <= SIDE && p->k >= TIMES * side && 2 * p->m * p->n * p->k >= LEAST_FLOPS;
}

static void parts_range(void *ctx, int64_t first, int64_t end) {
  const job *j = ctx;
  const hr_product *p = j->p;
  hr_gemm_block block = {.a_row = p->a_row, .a_k = p->a_k, .b_k = p->b_k, .c_row = p->n, .m = p->m, .n = p->n};
  block.far = true;
  for (int64_t i = first; i < end; i++) {
    int64_t last = min64((i + 1) * j->part, p->k);
    block.c = j->partial + i * p->m * p->n * p->item_bytes;
    for (int64_t k = i * j->part; k < last; k += j->step) {
      block.k = min64(last - k, j->step), block.add = k > i * j->part;
      block.a = p->a + k * p->a_k * p->item_bytes, block.b = p->b + k * p->b_k * p->item_bytes;
      j->kernels->multiply(&block);
    }
  }
}

hr_status hr_product_deep(const hr_product *p) {
  job j = {.p = p, .kernels = hr_product_block(p->dtype)};
  hr_buffer *partial = NULL;
  int64_t flops = 2 * p->m * p->n;
  int64_t most = PARTS_BYTES / (p->m * p->n * p->item_bytes); /* parts */
  j.part = divide_up(max64(PART_FLOPS / flops, divide_up(p->k, most)), UNIT) * UNIT;
  j.parts = divide_up(p->k, j.part);
  j.step = max64(STEP_BYTES / (p->n * p->item_bytes) / UNIT, 2) * UNIT;
  hr_status status = hr_buffer_new(&partial, (size_t)(j.parts * p->m * p->n * p->item_bytes));
  if (status != HR_OK) return status;
  j.partial = partial->data;
  hr_parallel_range(j.parts, 1, parts_range, &j);
  hr_product_sum(p->dtype, p->c, partial->data, p->m * p->n, j.parts);
  hr_buffer_release(partial);
  hr_product_finish_all(p);
  return HR_OK;
}
