/* src/cpu/softmax.c - softmax and logsumexp over any axes of arrays of any layout.
 *
 * softmax: groups whose elements follow each other in input and output are rows; where a single axis is left and the
 * last one has unit stride, its elements are columns; all else is brought into rows in memory of its own. Long rows
 * are cut into blocks. logsumexp: blocks, or gathered pieces, whose sums are put together in order. */
#include <math.h>
#include <string.h>

#include "array/buffer.h"
#include "base/memory.h"
#include "cpu/isa.h"
#include "cpu/kernels/elem.h"
#include "cpu/kernels/softmax.h"
#include "cpu/split.h"
#include "cpu/tuning.h"
#include "ops/op_list.h"
#include "ops/softmax.h"
#include "sched/parallel.h"

enum { BLOCK = 65536, PIECE_BYTES = 4096, CHUNK_ITEMS = 32768 };

HR_ISA_DECLARE(hr_softmax_kernel, hr_softmax_f16);
HR_ISA_DECLARE(hr_softmax_kernel, hr_softmax_f32);
HR_ISA_DECLARE(hr_softmax_kernel, hr_softmax_f64);
HR_ISA_DECLARE(hr_softmax_kernel, hr_softmax_bf16);

static const hr_softmax_kernel *find_kernel(hr_dtype dtype) {
  static const hr_softmax_kernel *const f16[] = HR_ISA_ROW(hr_softmax_f16), *const f32[] = HR_ISA_ROW(hr_softmax_f32),
                                        *const f64[] = HR_ISA_ROW(hr_softmax_f64),
                                        *const bf16[] = HR_ISA_ROW(hr_softmax_bf16);
  int level = (int)hr_isa_level();
  if (dtype == HR_FLOAT16) return f16[level];
  if (dtype == HR_BFLOAT16) return bf16[level];
  return dtype == HR_FLOAT64 ? f64[level] : f32[level];
}

static int64_t grain_of(int64_t elements) { return elements < CHUNK_ITEMS ? CHUNK_ITEMS / elements : 1; }

/* Puts the sums of one more part to those before it. */
static void add_stats(hr_softmax_stats *all, const hr_softmax_stats *more) {
  double greatest = all->greatest > more->greatest ? all->greatest : more->greatest;
  double factor = all->greatest == greatest ? 1 : exp(all->greatest - greatest);
  double factor_more = more->greatest == greatest ? 1 : exp(more->greatest - greatest);
  all->sum = all->sum * factor + more->sum * factor_more;
  all->greatest = greatest;
}

/* --- softmax --- */

typedef struct job {
  const hr_softmax_kernel *kernel;
  int64_t n, elem;
  bool stream;    /* rows go past the caches */
  hr_loop groups; /* operand 0 is the output, operand 1 the input */
  /* Columns: lengths and strides of the axis in bytes, in output and input. */
  int64_t columns, out_column, out_stride, in_stride;
  hr_softmax_stats *stats; /* of each block of a long row, then of the row */
  char *out;
  const char *in;
} job;

static void rows_run(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  const job *j = ctx;
  j->kernel->rows(data[0], data[1], strides[0], strides[1], count, j->n, j->stream);
}

static void columns_run(void *ctx, int64_t first, int64_t end) {
  const job *j = ctx;
  int64_t tiles = (j->columns + HR_SOFTMAX_COLUMNS - 1) / HR_SOFTMAX_COLUMNS;
  for (int64_t item = first; item < end; item++) {
    int64_t column = item % tiles * HR_SOFTMAX_COLUMNS, left = j->columns - column;
    char *out = hr_loop_at(&j->groups, 0, item / tiles) + column * j->elem;
    const char *in = hr_loop_at(&j->groups, 1, item / tiles) + column * j->elem;
    j->kernel->cols(out, in, j->out_stride, j->in_stride, j->n, left < HR_SOFTMAX_COLUMNS ? left : HR_SOFTMAX_COLUMNS);
  }
}

static int64_t block_length(const job *j, int64_t block) {
  return j->n - block * BLOCK < BLOCK ? j->n - block * BLOCK : BLOCK;
}

static void stats_block(void *ctx, int64_t block) {
  const job *j = ctx;
  j->stats[block] = j->kernel->stats(j->in + block * BLOCK * j->elem, block_length(j, block));
}

static void scale_block(void *ctx, int64_t block) {
  const job *j = ctx;
  int64_t at = block * BLOCK * j->elem;
  j->kernel->scale(j->out + at, j->in + at, block_length(j, block), j->stats);
}

static void long_rows_run(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  job *j = ctx;
  int64_t blocks = (j->n + BLOCK - 1) / BLOCK;
  for (int64_t i = 0; i < count; i++) {
    j->out = data[0] + i * strides[0];
    j->in = data[1] + i * strides[1];
    hr_parallel_for(blocks, stats_block, j);
    for (int64_t block = 1; block < blocks; block++) add_stats(j->stats, j->stats + block);
    hr_parallel_for(blocks, scale_block, j);
  }
}

static hr_status run_rows(job *j) {
  if (j->n <= BLOCK) {
    hr_loop_run_light(&j->groups, 1 + (hr_pass_grain(j->groups.size * j->n) - 1) / j->n, rows_run, j);
    return HR_OK;
  }
  j->stats = hr_alloc(sizeof *j->stats * (size_t)((j->n + BLOCK - 1) / BLOCK));
  if (!j->stats) return hr_fail(HR_OUT_OF_MEMORY, "softmax: no memory for the sums of %lld elements", (long long)j->n);
  hr_loop_range(&j->groups, 0, j->groups.size, long_rows_run, j);
  hr_free(j->stats);
  return HR_OK;
}

/* The axes of `picked` as a loop over output and input. */
static void loop_over(hr_loop *loop, const int *picked, int count, const hr_array *out, const hr_array *in) {
  int shape[HR_MAX_NDIM];
  int64_t out_strides[HR_MAX_NDIM], in_strides[HR_MAX_NDIM];
  for (int i = 0; i < count; i++) {
    shape[i] = hr_array_shape(in)[picked[i]];
    out_strides[i] = hr_array_strides(out)[picked[i]];
    in_strides[i] = hr_array_strides(in)[picked[i]];
  }
  hr_loop_init(loop, shape, count);
  hr_loop_add_strided(loop, hr_array_data(out), out_strides, (int64_t)hr_array_itemsize(out));
  hr_loop_add_strided(loop, hr_array_data(in), in_strides, (int64_t)hr_array_itemsize(in));
  hr_loop_collapse(loop);
}

static int pick(int *picked, int count, int ndim, uint32_t axes, uint32_t bit, int left_out) {
  for (int axis = 0; axis < ndim; axis++)
    if ((axes >> axis & 1) == bit && axis != left_out) picked[count++] = axis;
  return count;
}

/* Copies between an array and rows whose strides are `strides`; `to_rows` says which way. */
static void copy_rows(const hr_array *a, char *rows, const int64_t *strides, bool to_rows) {
  int64_t bytes = (int64_t)hr_array_itemsize(a);
  hr_loop loop;
  hr_loop_init(&loop, hr_array_shape(a), a->ndim);
  if (to_rows) hr_loop_add_strided(&loop, rows, strides, bytes);
  hr_loop_add_strided(&loop, hr_array_data(a), hr_array_strides(a), bytes);
  if (!to_rows) hr_loop_add_strided(&loop, rows, strides, bytes);
  hr_loop_collapse(&loop);
  hr_loop_copy(&loop, bytes);
}

/* Brings the elements into rows, works there in place, and copies them back. `order`: the `kept` axes that stay, then
 * those of the groups. */
static hr_status run_copied(job *j, const hr_array *out, const hr_array *in, const int *order, int kept) {
  hr_buffer *buffer;
  hr_status status = hr_buffer_new(&buffer, hr_array_nbytes(in));
  if (status != HR_OK) return hr_fail_prefix(status, "softmax: ");
  int shape[HR_MAX_NDIM];
  int64_t strides[HR_MAX_NDIM], kept_strides[HR_MAX_NDIM], run = 1;
  for (int i = in->ndim - 1; i >= 0; i--) {
    if (i < kept) shape[i] = hr_array_shape(in)[order[i]];
    if (i < kept) kept_strides[i] = run;
    strides[order[i]] = run;
    run *= hr_array_shape(in)[order[i]];
  }
  copy_rows(in, buffer->data, strides, true);
  hr_loop_init(&j->groups, shape, kept);
  hr_loop_add_strided(&j->groups, buffer->data, kept_strides, j->elem);
  hr_loop_add_strided(&j->groups, buffer->data, kept_strides, j->elem);
  hr_loop_collapse(&j->groups);
  status = run_rows(j);
  if (status == HR_OK) copy_rows(out, buffer->data, strides, false);
  hr_buffer_release(buffer);
  return status;
}

hr_status hr_cpu_softmax(const hr_run *run) {
  const hr_softmax_attrs *attrs = run->attrs;
  const hr_array *in = run->in[0], *out = run->out[0];
  hr_status status = hr_run_reuse(run, 0, 1);
  if (status != HR_OK || out->size == 0) return status;
  int order[HR_MAX_NDIM], last = in->ndim - 1;
  hr_loop inner;
  job j = {.kernel = find_kernel(hr_array_dtype(in)), .elem = (int64_t)hr_array_itemsize(in)};
  int kept = pick(order, 0, in->ndim, attrs->axes, 0, -1);
  pick(order, kept, in->ndim, attrs->axes, 1, -1);
  loop_over(&j.groups, order, kept, out, in);
  loop_over(&inner, order + kept, in->ndim - kept, out, in);
  j.n = inner.size;
  j.stream = out->size * j.elem >= HR_STREAM_BYTES && in->buffer != out->buffer;
  if (hr_loop_is_flat(&inner, 0, j.elem) && hr_loop_is_flat(&inner, 1, j.elem)) return run_rows(&j);
  j.stream = false;
  bool columns = inner.ndim == 1 && !(attrs->axes >> last & 1) && hr_array_strides(in)[last] == 1;
  if (!columns) return run_copied(&j, out, in, order, kept);
  kept = pick(order, 0, in->ndim, attrs->axes, 0, last);
  loop_over(&j.groups, order, kept, out, in);
  j.columns = hr_array_shape(in)[last];
  j.out_stride = inner.strides[0][0];
  j.in_stride = inner.strides[1][0];
  int64_t tiles = (j.columns + HR_SOFTMAX_COLUMNS - 1) / HR_SOFTMAX_COLUMNS;
  hr_parallel_range(j.groups.size * tiles, grain_of(j.n * HR_SOFTMAX_COLUMNS), columns_run, &j);
  return HR_OK;
}

/* --- logsumexp --- */

typedef struct log_job {
  const hr_softmax_kernel *kernel;
  hr_split split;
  hr_dtype dtype;
  int64_t elem, piece, pieces; /* piece: elements that are summed at once */
  hr_softmax_stats *stats;     /* [results][blocks], or NULL where a result is made by one thread */
} log_job;

/* Results are in the order of kept positions, then columns: for columns an element's place moves on by one. */
static hr_softmax_stats piece_stats(const log_job *j, int64_t result, int64_t index) {
  _Alignas(64) char gathered[PIECE_BYTES];
  const char *row = hr_loop_at(&j->split.kept, 1, result / j->split.columns) + result % j->split.columns * j->elem;
  int64_t first = index * j->piece, left = j->split.inner.size - first, n = left < j->piece ? left : j->piece;
  if (j->split.dense) return j->kernel->stats(row + first * j->elem, n);
  hr_split_gather(gathered, &j->split, row, first, n, j->elem);
  return j->kernel->stats(gathered, n);
}

static void store_log(const log_job *j, int64_t result, const hr_softmax_stats *s) {
  char *out =
      hr_loop_at(&j->split.kept, 0, result / j->split.columns) + result % j->split.columns * j->split.column_item;
  double value = s->greatest + log(s->sum);
  if (j->dtype == HR_FLOAT64) memcpy(out, &value, sizeof value);
  float single = (float)value;
  uint16_t half = j->dtype == HR_FLOAT16 ? hr_f16_store(single) : hr_bf16_store(single);
  if (j->dtype == HR_FLOAT32)
    memcpy(out, &single, sizeof single);
  else if (j->dtype != HR_FLOAT64)
    memcpy(out, &half, sizeof half);
}

static void log_results(void *ctx, int64_t first, int64_t end) {
  const log_job *j = ctx;
  for (int64_t result = first; result < end; result++) {
    hr_softmax_stats all = {-INFINITY, 0}, more;
    for (int64_t i = 0; i < j->pieces; i++) {
      more = j->stats ? j->stats[result * j->pieces + i] : piece_stats(j, result, i);
      add_stats(&all, &more);
    }
    store_log(j, result, &all);
  }
}

static void log_pieces(void *ctx, int64_t first, int64_t end) {
  const log_job *j = ctx;
  for (int64_t i = first; i < end; i++) j->stats[i] = piece_stats(j, i / j->pieces, i % j->pieces);
}

hr_status hr_cpu_logsumexp(const hr_run *run) {
  const hr_softmax_attrs *attrs = run->attrs;
  const hr_array *in = run->in[0], *out = run->out[0];
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK || out->size == 0) return status;
  log_job j = {.kernel = find_kernel(hr_array_dtype(in)), .dtype = hr_array_dtype(in)};
  j.elem = (int64_t)hr_array_itemsize(in);
  hr_split_axes(&j.split, in, attrs->axes, hr_array_data(out), j.elem);
  j.piece = j.split.dense ? BLOCK : PIECE_BYTES / j.elem;
  j.pieces = (j.split.inner.size + j.piece - 1) / j.piece;
  if (j.split.inner.size > BLOCK) {
    j.stats = hr_alloc(sizeof *j.stats * (size_t)(out->size * j.pieces));
    if (!j.stats) return hr_fail(HR_OUT_OF_MEMORY, "logsumexp: no memory for the sums of parts");
    hr_parallel_range(out->size * j.pieces, grain_of(j.piece), log_pieces, &j);
  }
  hr_parallel_range(out->size, grain_of(j.stats ? j.pieces : j.split.inner.size), log_results, &j);
  hr_free(j.stats);
  return HR_OK;
}
