/* src/cpu/quantized_matmul.c - quantized_matmul and gather_qmm: which matrix of x meets which of w, and in what way.
 *
 * Products that follow each other with the same matrix of w are one run: their rows of x are one operand, and their
 * results lie together already. Short runs are products of vectors, cut by columns; longer ones go through tile
 * registers where the processor has them and w lies transposed, else through panels. */
#include <string.h>

#include "cpu/index_common.h"
#include "cpu/isa.h"
#include "cpu/qmm.h"
#include "cpu/quantize.h"
#include "ops/op_list.h"
#include "sched/parallel.h"

/* Rows up to which dot products are faster than panels, and than tiles. Codes that a chunk reads: 20 to 100 us. */
enum { SHORT = 16, SHORT_OF_TILES = 2, CHUNK_BYTES = 256 << 10, ROW_GRAIN = 1 << 14 };

HR_ISA_DECLARE(hr_qmm_kernels, hr_qmm);
static const hr_qmm_kernels *const kernels_of[] = HR_ISA_ROW(hr_qmm);
#if HR_ISA_HAS_VNNI
extern const hr_qmm_kernels hr_qmm_vnni;
static const hr_qmm_kernels *const vnni = &hr_qmm_vnni;
#else
static const hr_qmm_kernels *const vnni = NULL;
#endif

typedef struct qmm_job {
  const hr_qmm_kernels *kernels, *dots; /* dots: for short runs where w is transposed */
  hr_qmm_matrix w;                      /* the first matrix */
  bool transpose;
  hr_qmm_type type;
  int64_t products, m, n, k;
  int64_t *x_index, *w_index; /* of each product */
  const char *x;
  hr_qmm_type x_type;
  char *y;
  int64_t w_bytes, scale_bytes; /* of one matrix */
  hr_qmm_run *runs;
  bool tiles; /* for long runs: those of more than `most` rows */
  int64_t most;
  int64_t run_count, blocks, block; /* of columns, for short runs */
  hr_qmm_order order;               /* of short runs */
  float *rows, *sums;               /* of the product: x as floats, ordered for short runs if w is transposed */
  int64_t row_length, sum_length;
} qmm_job;

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t item_of(hr_qmm_type type) { return type == HR_QMM_F32 ? 4 : 2; }
static hr_qmm_type type_of(hr_dtype dtype) {
  return dtype == HR_FLOAT16 ? HR_QMM_F16 : dtype == HR_BFLOAT16 ? HR_QMM_BF16 : HR_QMM_F32;
}

static hr_qmm_matrix matrix_of(const qmm_job *job, int64_t index) {
  return hr_qmm_matrix_at(&job->w, index, job->w_bytes, job->scale_bytes);
}

/* --- short runs --- */

/* Row `row` of the result's x, as floats. */
static void read_row(const qmm_job *job, float *to, int64_t row) {
  static const hr_quant_scale as[] = {HR_SCALE_F32, HR_SCALE_F16, HR_SCALE_BF16};
  int64_t from = job->x_index[row / job->m] * job->m + row % job->m;
  hr_unpack_kernels_of()->scales[as[job->x_type]](to, job->x + from * job->k * item_of(job->x_type), job->k);
}

static void read_rows(void *ctx, int64_t first, int64_t end) {
  const qmm_job *job = ctx;
  for (int64_t row = first; row < end; row++) read_row(job, job->rows + row * job->row_length, row);
}

/* Rows as they are lie behind the sums. */
static void order_rows(void *ctx, int64_t first, int64_t end) {
  const qmm_job *job = ctx;
  int64_t total = job->products * job->m;
  float *plain = job->sums + total * job->sum_length;
  for (int64_t row = first; row < end; row++) {
    read_row(job, plain + row * job->k, row);
    job->dots->order(job->rows + row * job->row_length, job->sums + row * job->sum_length, plain + row * job->k,
                     &job->w, job->order);
  }
}

static void short_chunk(void *ctx, int64_t chunk) {
  const qmm_job *job = ctx;
  const hr_qmm_run *run = &job->runs[chunk / job->blocks];
  if (run->rows > job->most) return;
  hr_qmm_matrix w = matrix_of(job, run->matrix);
  int64_t first = chunk % job->blocks * job->block, end = min64(first + job->block, job->n);
  for (int64_t r = 0; r < run->rows; r += HR_QMM_ROWS) {
    int64_t row = run->first + r;
    int count = (int)min64(run->rows - r, HR_QMM_ROWS);
    char *y = job->y + row * job->n * item_of(job->type);
    const float *x = job->rows + row * job->row_length;
    if (job->transpose)
      job->dots->dots(y, job->type, job->n, &w, first, end, x, job->sums + row * job->sum_length, count, job->order);
    else
      job->kernels->sums(y, job->type, job->n, &w, first, end, x, job->k, count);
  }
}

/* Blocks of whole chunks of columns. */
static void cut_columns(qmm_job *job) {
  int64_t row_bytes = (job->transpose ? job->k : job->n) * job->w.bits / 8 + 1;
  if (job->transpose) {
    job->block = (CHUNK_BYTES / row_bytes / HR_QMM_COLUMNS + 1) * HR_QMM_COLUMNS;
  } else {
    int64_t wide = CHUNK_BYTES * 8 / job->w.bits / job->k / HR_QMM_PIECE + 1;
    job->block = min64(wide * HR_QMM_PIECE, HR_QUANT_TILE);
  }
  job->blocks = (job->n + job->block - 1) / job->block;
}

/* --- all runs --- */

/* Half types may be taken as whole numbers, if that holds for all short runs. */
static hr_qmm_order order_of(const qmm_job *job) {
  if (!job->kernels->fixed || job->x_type == HR_QMM_F32 || job->w.code != HR_CODE_UINT4) return HR_QMM_FLOAT;
  for (int64_t i = 0; i < job->run_count; i++)
    if (job->runs[i].rows > HR_QMM_FIXED_ROWS && job->runs[i].rows <= job->most) return HR_QMM_FLOAT;
  return HR_QMM_FIXED;
}

static void find_runs(qmm_job *job) {
  for (int64_t i = 0; i < job->products; i++) {
    hr_qmm_run *last = job->run_count ? &job->runs[job->run_count - 1] : NULL;
    if (last && last->matrix == job->w_index[i])
      last->rows += job->m;
    else
      job->runs[job->run_count++] = (hr_qmm_run){i * job->m, job->m, job->w_index[i]};
  }
}

static hr_status run_long(const qmm_job *job, const hr_qmm_run *run) {
  hr_qmm_product product = {.kernels = job->kernels,
                            .w = matrix_of(job, run->matrix),
                            .transpose = job->transpose,
                            .m = run->rows,
                            .n = job->n,
                            .k = job->k,
                            .x = job->rows + run->first * job->k,
                            .y = job->y + run->first * job->n * item_of(job->type),
                            .type = job->type};
  return hr_qmm_panels(&product);
}

/* x as floats in the order of the result's rows; in place where it is that already. */
static bool in_place(const qmm_job *job) {
  if (job->x_type != HR_QMM_F32) return false;
  for (int64_t i = 1; i < job->products; i++)
    if (job->x_index[i] != job->x_index[0] + i) return false;
  return true;
}

/* x as floats, row by row. */
static hr_status read_x(qmm_job *job, hr_buffer **plain) {
  int64_t total = job->products * job->m;
  hr_status status = HR_OK;
  job->row_length = job->k;
  if (in_place(job)) {
    job->rows = (float *)job->x + job->x_index[0] * job->m * job->k; /* only read */
    return HR_OK;
  }
  HR_TRY(hr_buffer_new(plain, (size_t)(total * job->k) * sizeof(float)));
  job->rows = (*plain)->data;
  hr_parallel_range(total, ROW_GRAIN / job->k + 1, read_rows, job);
done:
  return status;
}

/* The long ones alone, which are a list of their own for that. */
static hr_status run_tiles(const qmm_job *job) {
  hr_buffer *list = NULL;
  hr_status status;
  HR_TRY(hr_buffer_new(&list, (size_t)job->run_count * sizeof(hr_qmm_run)));
  hr_qmm_tiled tiled = {.w = job->w,
                        .w_bytes = job->w_bytes,
                        .scale_bytes = job->scale_bytes,
                        .runs = list->data,
                        .n = job->n,
                        .k = job->k,
                        .x = job->rows,
                        .y = job->y,
                        .type = job->type};
  for (int64_t i = 0; i < job->run_count; i++)
    if (job->runs[i].rows > job->most) ((hr_qmm_run *)list->data)[tiled.run_count++] = job->runs[i];
  status = hr_qmm_tiles(&tiled);
done:
  hr_buffer_release(list);
  return status;
}

static hr_status run_long_ones(qmm_job *job) {
  hr_status status = HR_OK;
  if (job->tiles) return run_tiles(job);
  for (int64_t i = 0; i < job->run_count; i++)
    if (job->runs[i].rows > job->most) HR_TRY(run_long(job, &job->runs[i]));
done:
  return status;
}

static hr_status run_all(qmm_job *job) {
  int64_t total = job->products * job->m, grain = ROW_GRAIN / job->k + 1;
  bool any_long = false, any_short = false;
  hr_buffer *plain = NULL, *ordered = NULL;
  hr_status status = HR_OK;
  bool vnni_dots = vnni && hr_isa_vnni() && job->w.code != HR_CODE_E4M3;
  job->tiles = job->transpose && hr_qmm_has_tiles(&job->w);
  job->most = job->tiles ? SHORT_OF_TILES : SHORT;
  job->dots = vnni_dots ? vnni : job->kernels;
  for (int64_t i = 0; i < job->run_count; i++) *(job->runs[i].rows > job->most ? &any_long : &any_short) = true;
  if (any_long || !job->transpose) HR_TRY(read_x(job, &plain));
  if (any_long) HR_TRY(run_long_ones(job));
  if (any_short && job->transpose) {
    job->row_length = job->dots->ordered_length(&job->w), job->sum_length = job->k / job->w.group;
    HR_TRY(hr_buffer_new(&ordered, (size_t)(total * (job->row_length + job->sum_length + job->k)) * sizeof(float)));
    job->order = order_of(job);
    job->rows = ordered->data, job->sums = job->rows + total * job->row_length;
    hr_parallel_range(total, grain, order_rows, job);
  }
  if (any_short) hr_parallel_for(job->run_count * job->blocks, short_chunk, job);
done:
  hr_buffer_release(plain);
  hr_buffer_release(ordered);
  return status;
}

/* --- which matrices --- */

/* Row-major numbers of matrices for products that broadcast. */
static void broadcast_indices(int64_t *index, const hr_array *a, const hr_array *out, int64_t products) {
  const int *shape = hr_array_shape(a), *full = hr_array_shape(out);
  int batch = out->ndim - 2, own = a->ndim - 2;
  for (int64_t i = 0; i < products; i++) {
    int64_t left = i, scale = 1, number = 0;
    for (int k = 1; k <= batch && k <= own; k++) {
      int length = shape[own - k];
      if (length > 1) number += left % full[batch - k] * scale;
      scale *= length;
      left /= full[batch - k];
    }
    index[i] = number;
  }
}

static int64_t matrices_of(const hr_array *a) {
  int64_t count = 1;
  for (int i = 0; i < a->ndim - 2; i++) count *= hr_array_shape(a)[i];
  return count;
}

/* Indices of x and w, inputs at and at + 1, of a gather_qmm. */
static hr_status read_indices(qmm_job *job, const hr_run *run, int at) {
  for (int side = 0; side < 2; side++) {
    const hr_array *indices = run->in[at + side];
    int64_t count = matrices_of(run->in[side]), *to = side ? job->w_index : job->x_index;
    int64_t bad =
        hr_index_kernels_of(hr_array_dtype(indices))->resolve(to, hr_array_data(indices), job->products, count, count);
    if (bad >= 0)
      return hr_fail_prefix(hr_index_result(indices, bad, 0, count, 1), side ? "rhs_indices: " : "lhs_indices: ");
  }
  return HR_OK;
}

static void init_job(qmm_job *job, const hr_run *run) {
  const hr_qmm_attrs *attrs = run->attrs;
  const hr_array *x = run->in[0], *w = run->in[1], *scales = run->in[2];
  hr_array *out = run->out[0];
  int64_t rows = hr_array_shape(w)[w->ndim - 2], length = hr_quant_length(&attrs->quant, w);
  *job = (qmm_job){.kernels = kernels_of[hr_isa_level()],
                   .transpose = attrs->transpose,
                   .type = type_of(hr_array_dtype(out)),
                   .x_type = type_of(hr_array_dtype(x)),
                   .m = x->ndim > 1 ? hr_array_shape(x)[x->ndim - 2] : 1,
                   .n = attrs->transpose ? rows : length,
                   .k = attrs->transpose ? length : rows,
                   .x = hr_array_data(x),
                   .y = hr_array_data(out),
                   .w_bytes = rows * length * attrs->quant.bits / 8,
                   .scale_bytes = rows * (length / attrs->quant.group) * (int64_t)hr_array_itemsize(scales)};
  job->w = (hr_qmm_matrix){.codes = hr_array_data(w),
                           .scales = hr_array_data(scales),
                           .biases = attrs->has_biases ? hr_array_data(run->in[3]) : NULL,
                           .length = length,
                           .group = attrs->quant.group,
                           .bits = attrs->quant.bits,
                           .scale_item = (int)hr_array_itemsize(scales),
                           .code = hr_quant_code_of(&attrs->quant),
                           .scale = hr_quant_scale_of(&attrs->quant, hr_array_dtype(scales))};
  job->products = out->size / (job->m * job->n);
}

static hr_status run_products(const hr_run *run, bool gather) {
  const hr_qmm_attrs *attrs = run->attrs;
  hr_array *out = run->out[0];
  hr_buffer *lists = NULL;
  qmm_job job;
  hr_status status = HR_OK;
  HR_TRY(hr_run_output(run, 0));
  if (out->size == 0) return HR_OK;
  init_job(&job, run);
  HR_TRY(hr_buffer_new(&lists, (size_t)job.products * (2 * sizeof(int64_t) + sizeof(hr_qmm_run))));
  job.x_index = lists->data, job.w_index = job.x_index + job.products;
  job.runs = (hr_qmm_run *)(job.w_index + job.products);
  if (gather) {
    HR_TRY(read_indices(&job, run, attrs->has_biases ? 4 : 3));
  } else {
    broadcast_indices(job.x_index, run->in[0], out, job.products);
    broadcast_indices(job.w_index, run->in[1], out, job.products);
  }
  if (job.k == 0) {
    memset(hr_array_data(out), 0, hr_array_nbytes(out));
  } else {
    find_runs(&job);
    cut_columns(&job);
    status = run_all(&job);
  }
done:
  hr_buffer_release(lists);
  return status;
}

hr_status hr_cpu_quantized_matmul(const hr_run *run) { return run_products(run, false); }
hr_status hr_cpu_gather_qmm(const hr_run *run) { return run_products(run, true); }
