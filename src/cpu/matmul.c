/* Matrix products: which way is taken, and what the ways share. */
#include "cpu/matmul.h"

#include <string.h>

#include "cpu/isa.h"
#include "ops/linear.h"
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

static void sum_range(void *ctx, int64_t first, int64_t end) {
  const sum_job *j = ctx;
  const hr_pack_kernels *pack = hr_product_pack(j->dtype);
  char *sums = j->parts + first * j->bytes;
  for (int64_t i = 1; i < j->part_count; i++) pack->add(sums, sums + i * j->count * j->bytes, end - first);
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

/* --- terms --- */

enum { TERM_CHUNK = 1 << 15 };

void hr_product_finish(const hr_product *p, int64_t index, int64_t row, int64_t column, int64_t m, int64_t n) {
  const hr_product_term *term = p->term;
  if (!term) return;
  const hr_pack_kernels *pack = hr_product_pack(p->dtype);
  int64_t at = (term->items ? term->items[index] : 0) + row * term->row + column * term->column;
  char *c = p->c + ((index * p->m + row) * p->n + column) * p->item_bytes;
  pack->blend(c, p->n, term->d + at * p->item_bytes, term->row, term->column, m, n, term->alpha, term->beta);
}

static void rows_range(void *ctx, int64_t first, int64_t end) {
  const hr_product *p = ctx;
  for (int64_t i = first; i < end; i++) hr_product_finish(p, i / p->m, i % p->m, 0, 1, p->n);
}

void hr_product_finish_all(const hr_product *p) {
  if (p->term) hr_parallel_range_light(p->batch * p->m, TERM_CHUNK / p->n, rows_range, (void *)p);
}

hr_status hr_product_run(const hr_product *p) {
  if (p->k == 0) return hr_product_finish_all(p), HR_OK;
  if (hr_product_is_vector(p)) return hr_product_vector(p);
  bool done = false;
  hr_status status = hr_product_half(p, &done);
  return done || status != HR_OK ? status : hr_product_matrix(p);
}

/* --- arrays --- */

/* The leading axes of `operand` lie one after the other, `rows` rows each, so that with its rows they are one axis. Its
 * row stride is then *row, which a single row leaves open. */
static bool folds(const hr_array *operand, const hr_array *out, int64_t rows, int64_t *row) {
  int64_t step = rows * *row, stride = *row;
  bool is_free = rows == 1;
  for (int i = out->ndim - 3; i >= 0; i--) {
    int length = hr_array_shape(out)[i];
    if (length == 1) continue;
    if (is_free) stride = step = hr_array_strides(operand)[i];
    is_free = false;
    if (hr_array_strides(operand)[i] != step) return false;
    step *= length;
  }
  *row = stride;
  return true;
}

/* Without a batch of its own on B's side the batch is more rows of A, where they follow each other evenly. */
static void fold_batch(hr_product *p, hr_product_term *term, const hr_run *run) {
  const hr_array *out = run->out[0];
  int64_t row = p->a_row, term_row = term->row;
  for (int i = 0; i < out->ndim - 2; i++)
    if (hr_array_shape(out)[i] > 1 && hr_array_strides(run->in[1])[i] != 0) return;
  if (!folds(run->in[0], out, p->m, &row) || (p->term && !folds(run->in[2], out, p->m, &term_row))) return;
  p->a_row = row, term->row = term_row;
  p->m *= p->batch, p->batch = 1;
}

/* Where the matrices of each item begin: at an operand's strides along the leading axes of the result. */
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

static hr_status run_batch(hr_product *p, hr_product_term *term, const hr_run *run) {
  hr_buffer *items = NULL;
  hr_status status = HR_OK;
  HR_TRY(hr_buffer_new(&items, (size_t)p->batch * (size_t)run->in_count * sizeof(int64_t)));
  int64_t *places = items->data;
  for (int i = 0; i < run->in_count; i++) fill_items(places + i * p->batch, run->in[i], run->out[0]);
  p->a_items = places, p->b_items = places + p->batch;
  if (p->term) term->items = places + 2 * p->batch;
  status = hr_product_run(p);
done:
  hr_buffer_release(items);
  return status;
}

/* Inputs: A (..., m, k) and B (..., k, n), broadcast to the same leading axes; of addmm also the term, broadcast to the
 * result. */
static hr_status run_product(const hr_run *run, hr_product_term *term) {
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
                  .term = run->in_count > 2 ? term : NULL,
                  .dtype = hr_array_dtype(out),
                  .item_bytes = (int)hr_array_itemsize(out)};
  p.batch = out->size / (p.m * p.n);
  if (p.k == 0) memset(hr_array_data(out), 0, hr_array_nbytes(out));
  if (p.k == 0 && !p.term) return HR_OK;
  if (p.batch > 1) fold_batch(&p, term, run);
  return p.batch > 1 ? run_batch(&p, term, run) : hr_product_run(&p);
}

hr_status hr_cpu_matmul(const hr_run *run) {
  hr_product_term none = {0};
  return run_product(run, &none);
}

hr_status hr_cpu_addmm(const hr_run *run) {
  const hr_addmm_attrs *attrs = run->attrs;
  const hr_array *d = run->in[2];
  hr_product_term term = {.d = hr_array_data(d),
                          .row = hr_array_strides(d)[d->ndim - 2],
                          .column = hr_array_strides(d)[d->ndim - 1],
                          .alpha = attrs->alpha,
                          .beta = attrs->beta};
  return run_product(run, &term);
}
