/* src/cpu/norm.c - layer_norm and rms_norm over the last axis of arrays of any layout.
 *
 * Rows without gaps are worked on as they lie; other ones are copied to the result first and then brought into shape
 * there. A row is read twice, the second time from cache; rows of more than BLOCK elements are cut into blocks, whose
 * means and squares are put together in order (Chan, Golub, LeVeque 1983). */
#include <math.h>

#include "base/memory.h"
#include "cpu/isa.h"
#include "cpu/kernels/norm.h"
#include "cpu/strided.h"
#include "cpu/tuning.h"
#include "ops/norm.h"
#include "ops/op_list.h"
#include "sched/parallel.h"

enum { BLOCK = 65536 };

HR_ISA_DECLARE(hr_norm_kernels, hr_norm_f16);
HR_ISA_DECLARE(hr_norm_kernels, hr_norm_f32);
HR_ISA_DECLARE(hr_norm_kernels, hr_norm_f64);
HR_ISA_DECLARE(hr_norm_kernels, hr_norm_bf16);

static const hr_norm_kernels *find_kernels(hr_dtype dtype) {
  static const hr_norm_kernels *const f16[] = HR_ISA_ROW(hr_norm_f16), *const f32[] = HR_ISA_ROW(hr_norm_f32),
                                      *const f64[] = HR_ISA_ROW(hr_norm_f64), *const bf16[] = HR_ISA_ROW(hr_norm_bf16);
  int level = (int)hr_isa_level();
  if (dtype == HR_FLOAT16) return f16[level];
  if (dtype == HR_BFLOAT16) return bf16[level];
  return dtype == HR_FLOAT64 ? f64[level] : f32[level];
}

typedef struct job {
  const hr_norm_kernels *kernels;
  hr_norm_rows rows; /* what all rows share */
  bool rms;
  int64_t elem;
  hr_loop loop;         /* over rows: operand 0 is the output, operand 1 x */
  hr_norm_stats *stats; /* of each block of a long row, then of the row */
  double factor;
} job;

static void rows_run(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  const job *j = ctx;
  hr_norm_rows rows = j->rows;
  rows.out = data[0], rows.x = data[1];
  rows.out_stride = strides[0], rows.x_stride = strides[1];
  rows.count = count;
  (j->rms ? j->kernels->rms : j->kernels->layer)(&rows);
}

static int64_t block_length(const job *j, int64_t block) {
  return j->rows.n - block * BLOCK < BLOCK ? j->rows.n - block * BLOCK : BLOCK;
}
static const void *part_of(const job *j, const void *whole, int64_t block) {
  return whole ? (const char *)whole + block * BLOCK * j->elem : NULL;
}

static void stats_block(void *ctx, int64_t block) {
  const job *j = ctx;
  const void *x = part_of(j, j->rows.x, block);
  int64_t n = block_length(j, block);
  j->stats[block] = j->rms ? j->kernels->rms_stats(x, n) : j->kernels->layer_stats(x, n);
}

static void scale_block(void *ctx, int64_t block) {
  const job *j = ctx;
  hr_norm_rows part = j->rows;
  part.out = (char *)part.out + block * BLOCK * j->elem;
  part.x = part_of(j, part.x, block);
  part.weight = part_of(j, part.weight, block);
  part.bias = part_of(j, part.bias, block);
  part.n = block_length(j, block);
  j->kernels->scale(&part, j->stats, j->factor);
}

/* The shift of the whole stays that of its first block: the kernel's sums of distances are exact near it, and rest is
 * a double. */
static void add_stats(hr_norm_stats *all, int64_t all_n, const hr_norm_stats *more, int64_t n) {
  double apart = (more->shift - all->shift) + more->rest - all->rest, share = (double)n / (double)(all_n + n);
  all->squares += more->squares + apart * apart * share * (double)all_n;
  all->rest += apart * share;
}

static void long_rows_run(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  job *j = ctx;
  int64_t blocks = (j->rows.n + BLOCK - 1) / BLOCK;
  for (int64_t i = 0; i < count; i++) {
    j->rows.out = data[0] + i * strides[0];
    j->rows.x = data[1] + i * strides[1];
    hr_parallel_for(blocks, stats_block, j);
    for (int64_t b = 1; b < blocks; b++) add_stats(j->stats, b * BLOCK, j->stats + b, block_length(j, b));
    j->factor = 1 / sqrt(j->stats->squares / (double)j->rows.n + j->rows.eps);
    hr_parallel_for(blocks, scale_block, j);
  }
}

static hr_status run_rows(job *j, const char *op) {
  int64_t n = j->rows.n;
  if (n <= BLOCK) {
    hr_loop_run_light(&j->loop, 1 + (hr_pass_grain(j->loop.size * n) - 1) / n, rows_run, j);
    return HR_OK;
  }
  j->stats = hr_alloc(sizeof *j->stats * (size_t)((n + BLOCK - 1) / BLOCK));
  if (!j->stats) return hr_fail(HR_OUT_OF_MEMORY, "%s: no memory for the sums of %lld elements", op, (long long)n);
  hr_loop_range(&j->loop, 0, j->loop.size, long_rows_run, j);
  hr_free(j->stats);
  return HR_OK;
}

static void copy_all(const hr_array *out, const hr_array *in) {
  hr_loop loop;
  hr_loop_init(&loop, hr_array_shape(out), out->ndim);
  hr_loop_add(&loop, out);
  hr_loop_add(&loop, in);
  hr_loop_collapse(&loop);
  hr_loop_copy(&loop, (int64_t)hr_array_itemsize(out));
}

/* A vector's elements without gaps: its own, or copied to memory that *copy holds. */
static hr_status dense_vector(const void **out, hr_buffer **copy, const hr_array *v) {
  int64_t bytes = (int64_t)hr_array_itemsize(v), stride = hr_array_strides(v)[0];
  *out = hr_array_data(v);
  if (stride == 1 || v->size <= 1) return HR_OK;
  hr_status status = hr_buffer_new(copy, hr_array_nbytes(v));
  if (status != HR_OK) return status;
  hr_copy_strided((*copy)->data, bytes, *out, stride * bytes, v->size, bytes);
  *out = (*copy)->data;
  return HR_OK;
}

hr_status hr_cpu_norm(const hr_run *run) {
  const hr_norm_attrs *attrs = run->attrs;
  const hr_array *in = run->in[0], *out = run->out[0];
  hr_buffer *weight = NULL, *bias = NULL;
  int last = in->ndim - 1;
  hr_status status = hr_run_reuse(run, 0, 1);
  if (status != HR_OK || out->size == 0) return status;
  job j = {.kernels = find_kernels(hr_array_dtype(in)), .rms = run->op->kernel == HR_NORM_RMS};
  j.elem = (int64_t)hr_array_itemsize(in);
  j.rows.n = hr_array_shape(in)[last], j.rows.eps = attrs->eps;
  if (attrs->has_weight) HR_TRY(dense_vector(&j.rows.weight, &weight, run->in[1]));
  if (attrs->has_bias) HR_TRY(dense_vector(&j.rows.bias, &bias, run->in[run->in_count - 1]));
  bool dense = hr_array_strides(in)[last] == 1 || j.rows.n == 1;
  if (!dense) copy_all(out, in);
  j.rows.stream = out->size * j.elem >= HR_STREAM_BYTES && in->buffer != out->buffer && dense;
  hr_loop_init(&j.loop, hr_array_shape(in), last);
  hr_loop_add_strided(&j.loop, hr_array_data(out), hr_array_strides(out), j.elem);
  hr_loop_add_strided(&j.loop, hr_array_data(dense ? in : out), hr_array_strides(dense ? in : out), j.elem);
  hr_loop_collapse(&j.loop);
  status = run_rows(&j, run->op->name);
done:
  hr_buffer_release(weight);
  hr_buffer_release(bias);
  return status;
}
