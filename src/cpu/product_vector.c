/* Products with a vector, and of few rows with a matrix whose columns are runs: limited by reading the matrix, which is
 * read once. */
#include "array/buffer.h"
#include "cpu/isa.h"
#include "cpu/matmul.h"
#include "sched/parallel.h"

#define DECLARE(name)                              \
  HR_ISA_DECLARE(hr_gemv_kernels, hr_gemv_##name); \
  static const hr_gemv_kernels *const name##_of[] = HR_ISA_ROW(hr_gemv_##name);
DECLARE(f32)
DECLARE(f64)
DECLARE(f16)
DECLARE(bf16)

/* A matrix that is not small is read again from the cache by so many rows in less time than packing it takes. */
enum { FEW_ROWS = HR_GEMV_VECTORS, LARGE = 1 << 16 };
/* Bytes of a chunk's part of the matrix. A matrix above SPLIT_BYTES is cut into rows as they lie in memory, with sums
 * for each part, where those are short beside it. */
static const int64_t CHUNK_BYTES = 128 << 10, SPLIT_BYTES = 4 << 20, PART_BYTES = 1 << 20, ROW_BYTES = 32 << 10;
enum { COLUMNS = 128, MOST_COLUMNS = 1024, LEAST_CHUNKS = 8, ROWS = 4 };

static const hr_gemv_kernels *kernels_of(hr_dtype dtype) {
  int level = hr_isa_level();
  switch (dtype) {
    case HR_FLOAT32: return f32_of[level];
    case HR_FLOAT64: return f64_of[level];
    case HR_FLOAT16: return f16_of[level];
    case HR_BFLOAT16: return bf16_of[level];
    default: return NULL;
  }
}

static bool few_rows(const hr_product *p) {
  return p->b_k == 1 && (p->m == 1 || (p->m <= FEW_ROWS && p->n * p->k >= LARGE));
}

bool hr_product_is_vector(const hr_product *p) {
  if (!kernels_of(p->dtype)) return false;
  if (p->n == 1 && (p->a_k == 1 || p->a_row == 1)) return true;
  return (p->m == 1 && p->b_column == 1) || few_rows(p);
}

typedef struct job {
  const hr_product *p;
  const hr_gemv_kernels *kernels;
  const char *x; /* k sums' elements for each vector of each of the batch */
  char *y;       /* (batch or parts, vectors, length): results, or sums where the matrix is read across */
  bool rows;     /* the vector is B: y = A x; else y = x B */
  int64_t vectors, length, along, across; /* of results; the matrix's strides in elements */
  int64_t block, blocks, part, parts;     /* results of a chunk, numbers of k of a part, and how many */
  int64_t sum_bytes;
} job;

/* Parts are those of one item: there are several where the batch is 1. */
static void run_chunk(const job *j, int64_t chunk) {
  const hr_product *p = j->p;
  int64_t item = chunk / j->blocks, first = chunk % j->blocks * j->block, bytes = p->item_bytes;
  int64_t index = item / j->parts, k = item % j->parts * j->part;
  int64_t count = j->length - first < j->block ? j->length - first : j->block;
  int64_t depth = p->k - k < j->part ? p->k - k : j->part;
  const char *matrix = j->rows ? hr_product_a(p, index) : hr_product_b(p, index);
  const char *x = j->x + (index * j->vectors * p->k + k) * j->sum_bytes;
  matrix += (first * j->across + k * j->along) * bytes;
  if (j->along == 1) {
    for (int64_t v = 0; v < j->vectors; v++)
      j->kernels->dots(j->y + ((index * j->vectors + v) * j->length + first) * bytes, matrix, j->across, count,
                       x + v * p->k * j->sum_bytes, p->k);
    return;
  }
  char *y = j->y + (item * j->vectors * j->length + first) * j->sum_bytes;
  j->kernels->sums(y, j->length, matrix, j->along, count, x, p->k, (int)j->vectors, depth);
}

static void chunks_range(void *ctx, int64_t first, int64_t end) {
  for (int64_t i = first; i < end; i++) run_chunk(ctx, i);
}

/* Columns that are summed up side by side: 1,024, so that long parts of rows are read along, but eight chunks at least,
 * of 128. */
static void cut(job *j) {
  const hr_product *p = j->p;
  int64_t row_bytes = j->length * p->item_bytes;
  j->block = CHUNK_BYTES / (p->k * p->item_bytes) + 1, j->part = p->k;
  if (j->along != 1 && p->batch == 1 && row_bytes <= ROW_BYTES && row_bytes * p->k > SPLIT_BYTES) {
    j->block = j->length;
    j->part = PART_BYTES / row_bytes / ROWS * ROWS;
  } else if (j->along != 1) {
    int64_t most = j->length / LEAST_CHUNKS < MOST_COLUMNS ? j->length / LEAST_CHUNKS : MOST_COLUMNS;
    j->block = ((j->block > most ? j->block : most) + COLUMNS - 1) / COLUMNS * COLUMNS;
  }
  j->blocks = (j->length + j->block - 1) / j->block;
  j->parts = (p->k + j->part - 1) / j->part;
}

/* The vectors without gaps, in the type of the sums. */
static hr_status gather_vectors(job *j, hr_buffer **out) {
  const hr_product *p = j->p;
  hr_status status = hr_buffer_new(out, (size_t)(p->batch * j->vectors * p->k * j->sum_bytes));
  if (status != HR_OK) return status;
  j->x = (*out)->data;
  for (int64_t i = 0; i < p->batch * j->vectors; i++) {
    const char *from = j->rows ? hr_product_b(p, i) : hr_product_a(p, i / p->m) + i % p->m * p->a_row * p->item_bytes;
    hr_product_pack(p->dtype)->a((char *)(*out)->data + i * p->k * j->sum_bytes, from, p->k, 1, 1, 0,
                                 j->rows ? p->b_k : p->a_k);
  }
  return HR_OK;
}

hr_status hr_product_vector(const hr_product *p) {
  job j = {.p = p, .kernels = kernels_of(p->dtype), .y = p->c, .sum_bytes = p->dtype == HR_FLOAT64 ? 8 : 4};
  hr_buffer *x = NULL, *sums = NULL;
  hr_status status = HR_OK;
  j.rows = p->n == 1 && (p->a_k == 1 || p->a_row == 1);
  j.vectors = j.rows ? 1 : p->m, j.length = j.rows ? p->m : p->n;
  j.along = j.rows ? p->a_k : p->b_k, j.across = j.rows ? p->a_row : p->b_column;
  cut(&j);
  HR_TRY(gather_vectors(&j, &x));
  int64_t count = p->batch * j.vectors * j.length;
  bool apart = j.along != 1 && (j.parts > 1 || p->item_bytes < j.sum_bytes);
  if (apart) {
    HR_TRY(hr_buffer_new(&sums, (size_t)(j.parts * count * j.sum_bytes)));
    j.y = sums->data;
  }
  int64_t chunks = p->batch * j.parts * j.blocks;
  if (j.block * j.part * p->item_bytes <= PART_BYTES)
    hr_parallel_range_light(chunks, 1, chunks_range, &j);
  else
    hr_parallel_range(chunks, 1, chunks_range, &j);
  if (apart) hr_product_sum(p->dtype, p->c, sums->data, count, j.parts);
  hr_product_finish_all(p);
done:
  hr_buffer_release(x);
  hr_buffer_release(sums);
  return status;
}
