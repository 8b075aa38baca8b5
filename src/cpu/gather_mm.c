/* Products of matrices that indices choose, and of parts of matrices. */
#include <string.h>

#include "array/buffer.h"
#include "cpu/index_common.h"
#include "cpu/matmul.h"
#include "ops/op_list.h"

/* A product of one of a's matrices with one of b's, `batch` of them. */
static hr_product product_of(const hr_run *run) {
  const hr_array *a = run->in[0], *b = run->in[1];
  const int64_t *along_a = hr_array_strides(a) + a->ndim - 2, *along_b = hr_array_strides(b) + b->ndim - 2;
  hr_array *out = run->out[0];
  hr_product p = {.a = hr_array_data(a),
                  .b = hr_array_data(b),
                  .c = hr_array_data(out),
                  .m = hr_array_shape(out)[out->ndim - 2],
                  .n = hr_array_shape(out)[out->ndim - 1],
                  .k = hr_array_shape(a)[a->ndim - 1],
                  .a_row = along_a[0],
                  .a_k = along_a[1],
                  .b_k = along_b[0],
                  .b_column = along_b[1],
                  .dtype = hr_array_dtype(out),
                  .item_bytes = (int)hr_array_itemsize(out)};
  p.batch = out->size / (p.m * p.n);
  return p;
}

/* From numbers of matrices to the elements where they begin. */
static void find_matrices(int64_t *places, int64_t count, const hr_array *a) {
  for (int64_t i = 0; i < count; i++) {
    int64_t number = places[i], at = 0;
    for (int axis = a->ndim - 3; axis >= 0; axis--) {
      at += number % hr_array_shape(a)[axis] * hr_array_strides(a)[axis];
      number /= hr_array_shape(a)[axis];
    }
    places[i] = at;
  }
}

static hr_status read_matrices(int64_t *places, const hr_run *run, int side, int64_t count) {
  const hr_array *a = run->in[side], *indices = run->in[2 + side];
  int64_t matrices = hr_shape_size(hr_array_shape(a), a->ndim - 2);
  int64_t bad =
      hr_index_kernels_of(hr_array_dtype(indices))->resolve(places, hr_array_data(indices), count, matrices, matrices);
  if (bad >= 0)
    return hr_fail_prefix(hr_index_result(indices, bad, 0, matrices, 1), side ? "rhs_indices: " : "lhs_indices: ");
  find_matrices(places, count, a);
  return HR_OK;
}

/* How many products from `first` on have one matrix of b, and matrices of a whose rows follow each other evenly. */
static int64_t run_of(const hr_product *p, int64_t first) {
  int64_t end = first + 1;
  int64_t step = p->m > 1 || end == p->batch ? p->m * p->a_row : p->a_items[end] - p->a_items[first];
  while (end < p->batch && p->b_items[end] == p->b_items[first] && p->a_items[end] - p->a_items[end - 1] == step) end++;
  return end - first;
}

/* Products with the same matrix of b as one, when that leaves half of them or fewer. */
static hr_status run_gathered(const hr_product *p) {
  int64_t runs = 0;
  for (int64_t i = 0; i < p->batch; i += run_of(p, i)) runs++;
  if (runs > p->batch / 2) return hr_product_run(p);
  hr_status status = HR_OK;
  for (int64_t i = 0, length; i < p->batch && status == HR_OK; i += length) {
    length = run_of(p, i);
    hr_product one = *p;
    one.a = hr_product_a(p, i), one.b = hr_product_b(p, i);
    one.c = p->c + i * p->m * p->n * p->item_bytes;
    one.a_items = one.b_items = NULL;
    if (p->m == 1 && length > 1) one.a_row = p->a_items[i + 1] - p->a_items[i];
    one.batch = 1, one.m = p->m * length;
    status = hr_product_run(&one);
  }
  return status;
}

/* Inputs: a, b, and for each product the numbers of their matrices, row-major. */
hr_status hr_cpu_gather_mm(const hr_run *run) {
  hr_array *out = run->out[0];
  hr_buffer *places = NULL;
  hr_status status = HR_OK;
  HR_TRY(hr_run_output(run, 0));
  if (out->size == 0) return HR_OK;
  hr_product p = product_of(run);
  HR_TRY(hr_buffer_new(&places, (size_t)p.batch * 2 * sizeof(int64_t)));
  int64_t *items = places->data;
  HR_TRY(read_matrices(items, run, 0, p.batch));
  HR_TRY(read_matrices(items + p.batch, run, 1, p.batch));
  p.a_items = items, p.b_items = items + p.batch;
  if (p.k == 0)
    memset(hr_array_data(out), 0, hr_array_nbytes(out));
  else
    status = run_gathered(&p);
done:
  hr_buffer_release(places);
  return status;
}

/* Inputs: a, b, and pairs of places along k, row-major. */
hr_status hr_cpu_segmented_mm(const hr_run *run) {
  const hr_array *segments = run->in[2];
  hr_array *out = run->out[0];
  hr_buffer *places = NULL;
  hr_status status = HR_OK;
  HR_TRY(hr_run_output(run, 0));
  if (out->size == 0) return HR_OK;
  hr_product all = product_of(run);
  HR_TRY(hr_buffer_new(&places, (size_t)segments->size * sizeof(int64_t)));
  int64_t *ends = places->data, bytes = all.m * all.n * all.item_bytes;
  int64_t bad = hr_index_kernels_of(hr_array_dtype(segments))
                    ->resolve(ends, hr_array_data(segments), segments->size, 0, all.k + 1);
  if (bad >= 0) HR_TRY(hr_fail_prefix(hr_index_result(segments, bad, 0, all.k + 1, 1), "segments: "));
  for (int64_t i = 0; i < all.batch; i++) {
    hr_product one = all;
    one.batch = 1, one.k = ends[2 * i + 1] - ends[2 * i];
    one.a += ends[2 * i] * all.a_k * all.item_bytes, one.b += ends[2 * i] * all.b_k * all.item_bytes;
    one.c += i * bytes;
    if (one.k <= 0)
      memset(one.c, 0, (size_t)bytes);
    else
      HR_TRY(hr_product_run(&one));
  }
done:
  hr_buffer_release(places);
  return status;
}
