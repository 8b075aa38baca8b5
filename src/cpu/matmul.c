/* Matrix products: which way is taken, and products with a vector. */
#include "cpu/matmul.h"

#include <string.h>

#include "cpu/isa.h"
#include "ops/op_list.h"
#include "sched/parallel.h"

#define DECLARE(type, row, name)      \
  HR_ISA_DECLARE(type, row##_##name); \
  static const type *const row##_##name##_of[] = HR_ISA_ROW(row##_##name);
DECLARE(hr_pack_kernels, hr_pack, f32)
DECLARE(hr_pack_kernels, hr_pack, f64)
DECLARE(hr_pack_kernels, hr_pack, f16)
DECLARE(hr_pack_kernels, hr_pack, bf16)
DECLARE(hr_pack_kernels, hr_pack, c64)
DECLARE(hr_gemv_kernels, hr_gemv, f32)
DECLARE(hr_gemv_kernels, hr_gemv, f64)
DECLARE(hr_gemv_kernels, hr_gemv, f16)
DECLARE(hr_gemv_kernels, hr_gemv, bf16)

const hr_pack_kernels *hr_product_pack(hr_dtype dtype) {
  int level = hr_isa_level();
  switch (dtype) {
    case HR_FLOAT64: return hr_pack_f64_of[level];
    case HR_FLOAT16: return hr_pack_f16_of[level];
    case HR_BFLOAT16: return hr_pack_bf16_of[level];
    case HR_COMPLEX64: return hr_pack_c64_of[level];
    default: return hr_pack_f32_of[level];
  }
}

static const hr_gemv_kernels *gemv_kernels(hr_dtype dtype) {
  int level = hr_isa_level();
  switch (dtype) {
    case HR_FLOAT32: return hr_gemv_f32_of[level];
    case HR_FLOAT64: return hr_gemv_f64_of[level];
    case HR_FLOAT16: return hr_gemv_f16_of[level];
    case HR_BFLOAT16: return hr_gemv_bf16_of[level];
    default: return NULL;
  }
}

/* --- products with a vector, and of few rows with a matrix whose columns are runs --- */

/* So many rows read a block of a matrix that is not small again from the cache in less time than packing it takes. */
enum { FEW_ROWS = 8, LARGE = 1 << 16 };

static bool few_rows(const hr_product *p) {
  return p->b_k == 1 && (p->m == 1 || (p->m <= FEW_ROWS && p->n * p->k >= LARGE));
}

typedef struct vector_job {
  const hr_product *p;
  const hr_gemv_kernels *kernels;
  const char *x; /* k sums' elements for each vector of each of the batch */
  bool rows;     /* the vector is B: y = A x; else y = x B */
  int64_t vectors, length, block, blocks, x_bytes;
} vector_job;

static void vector_chunk(const vector_job *job, int64_t chunk) {
  const hr_product *p = job->p;
  int64_t index = chunk / job->blocks, first = chunk % job->blocks * job->block;
  int64_t count = job->length - first < job->block ? job->length - first : job->block;
  int64_t bytes = p->item_bytes;
  const char *matrix = job->rows ? hr_product_a(p, index) : hr_product_b(p, index);
  int64_t across = job->rows ? p->a_row : p->b_column, along = job->rows ? p->a_k : p->b_k;
  matrix += first * across * bytes;
  for (int64_t i = index * job->vectors; i < (index + 1) * job->vectors; i++) {
    const char *x = job->x + i * job->x_bytes;
    char *y = p->c + (i * job->length + first) * bytes;
    if (along == 1)
      job->kernels->dots(y, matrix, across, count, x, p->k);
    else
      job->kernels->sums(y, matrix, along, count, x, p->k);
  }
}

static void vector_range(void *ctx, int64_t first, int64_t end) {
  for (int64_t i = first; i < end; i++) vector_chunk(ctx, i);
}

bool hr_product_is_vector(const hr_product *p) {
  if (!gemv_kernels(p->dtype)) return false;
  if (p->n == 1 && (p->a_k == 1 || p->a_row == 1)) return true;
  return (p->m == 1 && p->b_column == 1) || few_rows(p);
}

hr_status hr_product_vector(const hr_product *p) {
  vector_job job = {.p = p, .kernels = gemv_kernels(p->dtype), .rows = p->n == 1 && (p->a_k == 1 || p->a_row == 1)};
  hr_buffer *x = NULL;
  int64_t sum_bytes = p->dtype == HR_FLOAT64 ? 8 : 4, bytes = p->item_bytes;
  job.x_bytes = p->k * sum_bytes;
  job.vectors = job.rows ? 1 : p->m;
  job.length = job.rows ? p->m : p->n;
  int64_t along = job.rows ? p->a_k : p->b_k;
  /* 128 KiB of the matrix a chunk. Columns that are summed up side by side: 1,024, so that long parts of rows are read
   * along, but eight chunks at least, of 256. */
  job.block = (128 << 10) / (p->k * bytes) + 1;
  int64_t most = job.length / 8 < 1024 ? job.length / 8 : 1024;
  if (along != 1) job.block = ((job.block > most ? job.block : most) + 255) / 256 * 256;
  job.blocks = (job.length + job.block - 1) / job.block;
  hr_status status = hr_buffer_new(&x, (size_t)(p->batch * job.vectors * job.x_bytes));
  if (status != HR_OK) return status;
  for (int64_t i = 0; i < p->batch * job.vectors; i++) {
    const char *from = job.rows ? hr_product_b(p, i) : hr_product_a(p, i / p->m) + i % p->m * p->a_row * bytes;
    hr_product_pack(p->dtype)->a((char *)x->data + i * job.x_bytes, from, p->k, 1, 1, 0, job.rows ? p->b_k : p->a_k);
  }
  job.x = x->data;
  if (job.block * p->k * bytes <= 1 << 20)
    hr_parallel_range_light(p->batch * job.blocks, 1, vector_range, &job);
  else
    hr_parallel_range(p->batch * job.blocks, 1, vector_range, &job);
  hr_buffer_release(x);
  return HR_OK;
}

hr_status hr_product_run(const hr_product *p) {
  if (hr_product_is_vector(p)) return hr_product_vector(p);
  bool done = false;
  hr_status status = hr_product_half(p, &done);
  return done || status != HR_OK ? status : hr_product_matrix(p);
}

/* --- arrays --- */

/* Without a batch of its own on B's side the batch is more rows of A, where they follow each other evenly. */
static void fold_batch(hr_product *p, const hr_array *a, const hr_array *b, const hr_array *out) {
  for (int i = 0; i < out->ndim - 2; i++)
    if (hr_array_shape(out)[i] > 1 && hr_array_strides(b)[i] != 0) return;
  int64_t row = p->a_row, step = p->m * row;
  bool free_row = p->m == 1; /* the stride of a single row says nothing: the first batch axis sets it */
  for (int i = out->ndim - 3; i >= 0; i--) {
    int length = hr_array_shape(out)[i];
    if (length == 1) continue;
    if (free_row) row = step = hr_array_strides(a)[i];
    free_row = false;
    if (hr_array_strides(a)[i] != step) return;
    step *= length;
  }
  p->a_row = row;
  p->m *= p->batch, p->batch = 1;
}

/* Where the matrices of each item begin: at a's and b's strides along the leading axes of the result. */
static void fill_items(int64_t *to, const hr_array *operand, const hr_array *out) {
  const int64_t *strides = hr_array_strides(operand);
  int64_t at = 0, count = out->size / hr_array_shape(out)[out->ndim - 1] / hr_array_shape(out)[out->ndim - 2];
  int place[HR_MAX_NDIM] = {0};
  for (int64_t i = 0; i < count; i++) {
    to[i] = at;
    for (int axis = out->ndim - 3; axis >= 0; axis--) {
      at += strides[axis];
      if (++place[axis] < hr_array_shape(out)[axis]) break;
      at -= strides[axis] * place[axis];
      place[axis] = 0;
    }
  }
}

static hr_status run_batch(hr_product *p, const hr_array *a, const hr_array *b, const hr_array *out) {
  hr_buffer *items = NULL;
  hr_status status = HR_OK;
  HR_TRY(hr_buffer_new(&items, (size_t)p->batch * 2 * sizeof(int64_t)));
  int64_t *places = items->data;
  fill_items(places, a, out);
  fill_items(places + p->batch, b, out);
  p->a_items = places, p->b_items = places + p->batch;
  status = hr_product_run(p);
done:
  hr_buffer_release(items);
  return status;
}

/* Inputs: A (..., m, k) and B (..., k, n), broadcast to the same leading axes. */
hr_status hr_cpu_matmul(const hr_run *run) {
  const hr_array *a = run->in[0], *b = run->in[1];
  hr_array *out = run->out[0];
  int last = out->ndim - 1;
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK || out->size == 0) return status;
  hr_product p = {.a = hr_array_data(a),
                  .b = hr_array_data(b),
                  .c = hr_array_data(out),
                  .m = hr_array_shape(out)[last - 1],
                  .n = hr_array_shape(out)[last],
                  .k = hr_array_shape(a)[last],
                  .a_row = hr_array_strides(a)[last - 1],
                  .a_k = hr_array_strides(a)[last],
                  .b_k = hr_array_strides(b)[last - 1],
                  .b_column = hr_array_strides(b)[last],
                  .dtype = hr_array_dtype(out),
                  .item_bytes = (int)hr_array_itemsize(out)};
  p.batch = out->size / (p.m * p.n);
  if (p.k == 0) return memset(hr_array_data(out), 0, hr_array_nbytes(out)), HR_OK;
  if (p.batch > 1) fold_batch(&p, a, b, out);
  return p.batch > 1 ? run_batch(&p, a, b, out) : hr_product_run(&p);
}
