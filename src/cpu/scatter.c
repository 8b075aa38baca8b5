/* Writing at indices. Every function first checks all indices, then copies or takes over input 0, then writes: a
 * failing op has changed nothing. */
#include <string.h>

#include "cpu/assign.h"
#include "cpu/index_common.h"
#include "cpu/isa.h"
#include "ops/op_list.h"
#include "ops/slice.h"
#include "sched/parallel.h"

#define X(ENUM, name, text, bytes, class)                \
  HR_ISA_DECLARE(hr_scatter_kernels, hr_scatter_##name); \
  static const hr_scatter_kernels *const scatter_##name[] = HR_ISA_ROW(hr_scatter_##name);
HR_DTYPES(X)
#undef X

static const hr_scatter_kernels *kernels_of(hr_dtype dtype) {
  static const hr_scatter_kernels *const *const TABLE[HR_DTYPE_COUNT] = {
#define X(ENUM, name, text, bytes, class) [HR_##ENUM] = scatter_##name,
      HR_DTYPES(X)
#undef X
  };
  return TABLE[dtype][hr_isa_level()];
}

/* --- scatter --- */

enum {
  PARALLEL_ELEMENTS = 1 << 15,
  PARTS = 8, /* of the output at least ... */
  MOST_PARTS = 64,
  PART_BYTES = 256 << 10 /* ... and so many bytes each at the most, so that what a part copies is still in its cache */
};

typedef struct scatter_job {
  const hr_scatter_kernels *kernels;
  char *to;
  const char *from;
  const int64_t *corners, *strides;
  const int *block;
  int mode, outer;
  int64_t count, size, run, bytes, span; /* part k writes blocks that start in [k * span, (k + 1) * span) */
  const char *copied;                    /* what the output begins with, copied part by part; or NULL */
  int64_t total;                         /* elements of the output */
} scatter_job;

static int outer_axes(const int *block, const int64_t *strides, int ndim, int64_t *run) {
  *run = 1;
  while (ndim > 0 && (block[ndim - 1] == 1 || strides[ndim - 1] == *run)) *run *= block[--ndim];
  return ndim;
}

static void put_block(const scatter_job *job, int64_t p) {
  int64_t runs = job->size / job->run;
  for (int64_t r = 0; r < runs; r++) {
    int64_t rest = r, at = job->corners[p];
    for (int i = job->outer - 1; i >= 0; i--) at += rest % job->block[i] * job->strides[i], rest /= job->block[i];
    job->kernels->rows[job->mode](job->to + at * job->bytes, job->from + (p * job->size + r * job->run) * job->bytes,
                                  job->run);
  }
}

/* Blocks of one part in order; each part looks at all of them. */
static void scatter_part(void *ctx, int64_t part) {
  const scatter_job *job = ctx;
  int64_t low = part * job->span, high = low + job->span < job->total ? low + job->span : job->total;
  if (low >= high) return;
  if (job->copied)
    memcpy(job->to + low * job->bytes, job->copied + low * job->bytes, (size_t)((high - low) * job->bytes));
  for (int64_t p = 0; p < job->count; p++)
    if (job->corners[p] >= low && job->corners[p] < high) put_block(job, p);
}

/* Blocks that start at different places never overlap when they have length 1 on every indexed axis: then parts of the
 * output may be written at the same time, and the order within each place stays (X2). */
static bool blocks_apart(const hr_block_attrs *attrs) {
  for (int k = 0; k < attrs->index_count; k++)
    if (attrs->block[attrs->axes[k]] != 1) return false;
  return true;
}

/* Blocks are whole rows of the first axis: parts made of rows share nothing, so each can copy its own. */
static bool blocks_are_rows(const scatter_job *job, const hr_block_attrs *attrs) {
  return attrs->index_count == 1 && attrs->axes[0] == 0 && attrs->block[0] == 1 && job->size == job->strides[0] &&
         job->run == job->size;
}

static bool is_cut(const scatter_job *job, const hr_block_attrs *attrs) {
  return blocks_apart(attrs) && job->count * job->size >= PARALLEL_ELEMENTS && job->count >= 2;
}

static void scatter_all(scatter_job *job, const hr_block_attrs *attrs) {
  if (is_cut(job, attrs)) {
    int64_t parts = job->total * job->bytes / PART_BYTES;
    parts = parts < PARTS ? PARTS : parts < MOST_PARTS ? parts : MOST_PARTS;
    int64_t rows = (job->total + job->size - 1) / job->size;
    job->span = (rows + parts - 1) / parts * job->size;
    hr_parallel_for(parts, scatter_part, job);
  } else if (job->size == 1) {
    job->kernels->points[job->mode](job->to, job->corners, job->from, job->count);
  } else {
    for (int64_t p = 0; p < job->count; p++) put_block(job, p);
  }
}

hr_status hr_cpu_scatter(const hr_run *run) {
  const hr_block_attrs *attrs = run->attrs;
  const hr_array *in = run->in[0], *updates = run->in[run->in_count - 1];
  hr_array *out = run->out[0];
  hr_buffer *corners = NULL;
  int64_t size = hr_shape_size(attrs->block, out->ndim), count = size ? updates->size / size : 0;
  hr_status status = HR_OK;
  HR_TRY(hr_index_corners(&corners, run, attrs, hr_array_shape(out), hr_array_strides(out), count));
  HR_TRY(hr_run_reuse(run, 0, 1));
  scatter_job job = {.kernels = kernels_of(hr_array_dtype(out)),
                     .from = hr_array_data(updates),
                     .corners = corners->data,
                     .strides = hr_array_strides(out),
                     .block = attrs->block,
                     .mode = attrs->mode,
                     .count = count,
                     .size = size,
                     .bytes = (int64_t)hr_array_itemsize(out),
                     .total = out->size};
  job.outer = outer_axes(attrs->block, job.strides, out->ndim, &job.run);
  if (out->buffer != in->buffer && hr_array_is_row(in) && blocks_are_rows(&job, attrs) && is_cut(&job, attrs))
    job.copied = hr_array_data(in);
  else
    HR_TRY(hr_index_copy_first(run));
  if (count == 0) goto done;
  job.to = hr_array_data(out);
  scatter_all(&job, attrs);
done:
  hr_buffer_release(corners);
  return status;
}

/* --- along an axis: out[o, indices[o, j, i], i] = mode(there, values[o, j, i]) --- */

enum { COLUMNS = 64, AXIS_CHUNK = 16384 };

typedef struct axis_job {
  const hr_index_kernels *index;
  void (*points)(void *to, const int64_t *places, const void *from, int64_t count);
  char *to;
  const char *from, *indices;
  int64_t rows, length, inner, columns, bytes, index_item;
  hr_index_bad bad;
} axis_job;

static void check_chunk(void *ctx, int64_t first, int64_t end) {
  axis_job *job = ctx;
  int64_t places[HR_INDEX_TILE];
  for (int64_t p = first; p < end; p += HR_INDEX_TILE) {
    int64_t n = end - p < HR_INDEX_TILE ? end - p : HR_INDEX_TILE;
    int64_t bad = job->index->resolve(places, job->indices + p * job->index_item, n, job->length, job->length);
    if (bad >= 0) hr_index_note(&job->bad, p + bad);
  }
}

/* n elements from position p of the values, in one row, or in one plane when rows are single elements. */
static void put_run(const axis_job *job, int64_t outer, int64_t p, int64_t column, int64_t n) {
  int64_t places[HR_INDEX_TILE], base = outer * job->length * job->inner + column;
  job->index->resolve(places, job->indices + p * job->index_item, n, job->length, job->length);
  for (int64_t k = 0; k < n; k++) places[k] = base + places[k] * job->inner + (job->inner == 1 ? 0 : k);
  job->points(job->to, places, job->from + p * job->bytes, n);
}

/* A unit is a plane's block of columns: no other unit writes there, and its rows are taken in order (X2). */
static void axis_unit(void *ctx, int64_t first, int64_t end) {
  const axis_job *job = ctx;
  for (int64_t unit = first; unit < end; unit++) {
    int64_t outer = unit / job->columns, column = unit % job->columns * COLUMNS, plane = outer * job->rows * job->inner;
    int64_t width = job->inner - column < COLUMNS ? job->inner - column : COLUMNS;
    if (job->inner > 1)
      for (int64_t j = 0; j < job->rows; j++) put_run(job, outer, plane + j * job->inner + column, column, width);
    else
      for (int64_t j = 0; j < job->rows; j += HR_INDEX_TILE)
        put_run(job, outer, plane + j, 0, job->rows - j < HR_INDEX_TILE ? job->rows - j : HR_INDEX_TILE);
  }
}

hr_status hr_cpu_scatter_axis(const hr_run *run) {
  const hr_axis_attrs *attrs = run->attrs;
  const hr_array *indices = run->in[1], *values = run->in[2];
  hr_array *out = run->out[0];
  const int *shape = hr_array_shape(out);
  axis_job job = {.index = hr_index_kernels_of(hr_array_dtype(indices)),
                  .points = kernels_of(hr_array_dtype(out))->points[attrs->mode],
                  .from = hr_array_data(values),
                  .indices = hr_array_data(indices),
                  .rows = hr_array_shape(indices)[attrs->axis],
                  .length = shape[attrs->axis],
                  .bytes = (int64_t)hr_array_itemsize(out),
                  .index_item = (int64_t)hr_array_itemsize(indices),
                  .bad = HR_INDEX_GOOD};
  hr_parallel_range(indices->size, AXIS_CHUNK, check_chunk, &job);
  hr_status status = hr_index_result(indices, hr_load_relaxed(&job.bad), attrs->axis, job.length, 1);
  if (status == HR_OK) status = hr_index_copy_first(run);
  if (status != HR_OK || indices->size == 0) return status;
  job.to = hr_array_data(out);
  job.inner = hr_shape_size(shape + attrs->axis + 1, out->ndim - attrs->axis - 1);
  job.columns = (job.inner + COLUMNS - 1) / COLUMNS;
  int64_t units = indices->size / (job.rows * job.inner) * job.columns, unit_size = indices->size / units;
  hr_parallel_range(units, unit_size >= AXIS_CHUNK ? 1 : AXIS_CHUNK / unit_size, axis_unit, &job);
  return HR_OK;
}

/* --- regions --- */

/* Copies the update, which has the region's shape, to element `offset` on with the strides given. */
static void put_region(hr_array *out, const hr_array *update, int64_t offset, const int64_t *strides) {
  int64_t bytes = (int64_t)hr_array_itemsize(out);
  if (update->size == 0) return;
  hr_assign((hr_region){(char *)hr_array_data(out) + offset * bytes, strides},
            (hr_region){hr_array_data(update), hr_array_strides(update)}, hr_array_shape(update), update->ndim, bytes);
}

hr_status hr_cpu_slice_update(const hr_run *run) {
  const hr_slice_range *range = run->attrs;
  hr_array *out = run->out[0];
  int64_t strides[HR_MAX_NDIM], offset = 0;
  hr_status status = hr_index_copy_first(run);
  if (status != HR_OK) return status;
  for (int i = 0; i < out->ndim; i++) {
    strides[i] = hr_array_strides(out)[i] * range->step[i];
    offset += hr_array_strides(out)[i] * range->start[i];
  }
  put_region(out, run->in[1], offset, strides);
  return HR_OK;
}

hr_status hr_cpu_slice_update_dynamic(const hr_run *run) {
  hr_array *out = run->out[0];
  int64_t offset;
  hr_status status = hr_index_corner(&offset, run->in[2], run->attrs, out);
  if (status == HR_OK) status = hr_index_copy_first(run);
  if (status == HR_OK) put_region(out, run->in[1], offset, hr_array_strides(out));
  return status;
}

/* --- masked_scatter --- */

hr_status hr_cpu_masked_scatter(const hr_run *run) {
  const hr_array *mask = run->in[1], *src = run->in[2];
  hr_array *out = run->out[0];
  const uint8_t *chosen = hr_array_data(mask);
  const char *from = hr_array_data(src);
  size_t bytes = hr_array_itemsize(out);
  int64_t needed = 0, step = src->size == 1 ? 0 : (int64_t)bytes;
  for (int64_t i = 0; i < mask->size; i++) needed += chosen[i] != 0;
  if (needed > src->size && src->size != 1)
    return hr_fail(HR_INVALID, "the mask chooses %lld elements, the source has %lld", (long long)needed,
                   (long long)src->size);
  hr_status status = hr_index_copy_first(run);
  if (status != HR_OK) return status;
  char *to = hr_array_data(out);
  for (int64_t i = 0; i < mask->size; i++, to += bytes) {
    if (!chosen[i]) continue;
    memcpy(to, from, bytes);
    from += step;
  }
  return HR_OK;
}
