/* Matrix products: which way is taken, and what the ways share. */
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

/* --- sums in parts --- */

typedef struct sum_job {
  hr_dtype dtype;
  char *to, *parts;
  int64_t bytes, item, count, part_count; /* bytes of a sum and of an element of the result */
} sum_job;

static void add_f32(float *restrict to, const float *restrict from, int64_t count) {
  for (int64_t i = 0; i < count; i++) to[i] += from[i];
}
static void add_f64(double *restrict to, const double *restrict from, int64_t count) {
  for (int64_t i = 0; i < count; i++) to[i] += from[i];
}

static void sum_range(void *ctx, int64_t first, int64_t end) {
  const sum_job *j = ctx;
  const hr_pack_kernels *pack = hr_product_pack(j->dtype);
  char *sums = j->parts + first * j->bytes;
  for (int64_t i = 1; i < j->part_count; i++) {
    const char *part = sums + i * j->count * j->bytes;
    if (j->dtype == HR_FLOAT64)
      add_f64((double *)sums, (const double *)part, end - first);
    else
      add_f32((float *)sums, (const float *)part, end - first);
  }
  if (pack->store)
    pack->store(j->to + first * j->item, (const float *)sums, end - first);
  else
    memcpy(j->to + first * j->item, sums, (size_t)((end - first) * j->bytes));
}

void hr_product_sum(hr_dtype dtype, void *to, void *parts, int64_t count, int64_t part_count) {
  sum_job job = {.dtype = dtype,
                 .to = to,
                 .parts = parts,
                 .bytes = dtype == HR_FLOAT64 ? 8 : 4,
                 .item = hr_dtype_bytes[dtype],
                 .count = count,
                 .part_count = part_count};
  hr_parallel_range_light(count, part_count > 1 ? 4096 : 1 << 16, sum_range, &job);
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
