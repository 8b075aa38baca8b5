/* Reading at indices. */
#include <string.h>

#include "cpu/assign.h"
#include "cpu/index_common.h"
#include "ops/op_list.h"
#include "sched/parallel.h"

enum { LEAST_BYTES = 32 << 10, MOST_BYTES = 128 << 10 }; /* copied by one chunk: 1 to 60 us */

/* Items are single elements or rows of them. */
static void copy_items(char *to, const char *from, const int64_t *places, int64_t count, int64_t bytes) {
  switch (bytes) {
    case 1:
      for (int64_t i = 0; i < count; i++) to[i] = from[places[i]];
      break;
    case 2:
      for (int64_t i = 0; i < count; i++) memcpy(to + 2 * i, from + 2 * places[i], 2);
      break;
    case 4:
      for (int64_t i = 0; i < count; i++) memcpy(to + 4 * i, from + 4 * places[i], 4);
      break;
    case 8:
      for (int64_t i = 0; i < count; i++) memcpy(to + 8 * i, from + 8 * places[i], 8);
      break;
    default:
      for (int64_t i = 0; i < count; i++) memcpy(to + i * bytes, from + places[i] * bytes, (size_t)bytes);
  }
}

/* Items a chunk, of `count` in all. */
static int64_t grain_of(int64_t count, int64_t item_bytes) {
  int64_t eighth = count * item_bytes / 8;
  int64_t bytes = eighth < LEAST_BYTES ? LEAST_BYTES : eighth < MOST_BYTES ? eighth : MOST_BYTES;
  int64_t grain = bytes / (item_bytes ? item_bytes : 1);
  return grain < 1 ? 1 : grain;
}

/* --- take: out[o, j] = a[o, indices[j]], items of `bytes` --- */

typedef struct take_job {
  const hr_index_kernels *kernels;
  char *to;
  const char *from, *indices;
  int64_t count, length, bytes, index_item;
  hr_index_bad bad;
} take_job;

static void take_chunk(void *ctx, int64_t first, int64_t end) {
  take_job *job = ctx;
  int64_t places[HR_INDEX_TILE];
  while (first < end) {
    int64_t outer = first / job->count, j = first % job->count, n = end - first;
    if (n > job->count - j) n = job->count - j;
    if (n > HR_INDEX_TILE) n = HR_INDEX_TILE;
    char *to = job->to + first * job->bytes;
    const char *from = job->from + outer * job->length * job->bytes, *indices = job->indices + j * job->index_item;
    first += n;
    bool small = job->bytes == 4 || job->bytes == 8;
    if (small && job->kernels->pick(to, from, indices, n, job->length, job->bytes)) continue;
    int64_t bad = job->kernels->resolve(places, indices, n, job->length, job->length);
    if (bad >= 0) hr_index_note(&job->bad, j + bad);
    copy_items(to, from, places, n, job->bytes);
  }
}

static int64_t product(const int *shape, int first, int end) {
  int64_t size = 1;
  for (int i = first; i < end; i++) size *= shape[i];
  return size;
}

/* Arrays that are not row-major: one strided copy an index. */
static hr_status take_strided(const hr_run *run, int axis) {
  const hr_array *a = run->in[0], *indices = run->in[1];
  hr_array *out = run->out[0];
  int shape[HR_MAX_NDIM], ndim = a->ndim - 1;
  int64_t to[HR_MAX_NDIM], from[HR_MAX_NDIM], bytes = (int64_t)hr_array_itemsize(a);
  for (int i = 0, k = 0; i < a->ndim; i++) {
    if (i == axis) continue;
    shape[k] = hr_array_shape(a)[i], from[k] = hr_array_strides(a)[i];
    to[k++] = hr_array_strides(out)[i < axis ? i : i - 1 + indices->ndim];
  }
  const hr_index_kernels *kernels = hr_index_kernels_of(hr_array_dtype(indices));
  int64_t inner = product(hr_array_shape(a), axis + 1, a->ndim), length = hr_array_shape(a)[axis], place;
  for (int64_t j = 0; j < indices->size; j++) {
    const char *index = (const char *)hr_array_data(indices) + j * (int64_t)hr_array_itemsize(indices);
    if (kernels->resolve(&place, index, 1, length, length) >= 0) return hr_index_result(indices, j, axis, length, 1);
    hr_region target = {(char *)hr_array_data(out) + j * inner * bytes, to};
    hr_region source = {(char *)hr_array_data(a) + place * hr_array_strides(a)[axis] * bytes, from};
    hr_assign(target, source, shape, ndim, bytes);
  }
  return HR_OK;
}

hr_status hr_cpu_take(const hr_run *run) {
  const hr_array *a = run->in[0], *indices = run->in[1];
  const hr_axis_attrs *attrs = run->attrs;
  const int *shape = hr_array_shape(a);
  hr_array *out = run->out[0];
  int64_t length = shape[attrs->axis], outer = product(shape, 0, attrs->axis);
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK || out->size == 0) return status;
  if (length == 0) return hr_index_result(indices, 0, attrs->axis, 0, 1);
  if (!hr_array_is_row(a)) return take_strided(run, attrs->axis);
  int64_t bytes = product(shape, attrs->axis + 1, a->ndim) * (int64_t)hr_array_itemsize(a);
  take_job job = {hr_index_kernels_of(hr_array_dtype(indices)),
                  hr_array_data(out),
                  hr_array_data(a),
                  hr_array_data(indices),
                  indices->size,
                  length,
                  bytes,
                  (int64_t)hr_array_itemsize(indices),
                  HR_INDEX_GOOD};
  hr_parallel_range_light(outer * indices->size, grain_of(outer * indices->size, bytes), take_chunk, &job);
  return hr_index_result(indices, hr_load_relaxed(&job.bad), attrs->axis, length, 1);
}

/* --- take_along_axis: out[o, j, i] = a[o, indices[o, j, i], i] --- */

typedef struct along_job {
  const hr_index_kernels *kernels;
  char *to;
  const char *from, *indices;
  int64_t rows, length, inner, bytes, index_item;
  hr_index_bad bad;
} along_job;

static void along_chunk(void *ctx, int64_t first, int64_t end) {
  along_job *job = ctx;
  int64_t places[HR_INDEX_TILE], inner = job->inner, plane = job->rows * inner;
  while (first < end) {
    int64_t outer = first / plane, i = first % inner, n = end - first;
    /* One run lies in one plane, and in one row unless rows are single elements. */
    int64_t left = inner == 1 ? plane - first % plane : inner - i;
    if (n > left) n = left;
    if (n > HR_INDEX_TILE) n = HR_INDEX_TILE;
    int64_t bad = job->kernels->resolve(places, job->indices + first * job->index_item, n, job->length, job->length);
    if (bad >= 0) hr_index_note(&job->bad, first + bad);
    int64_t base = outer * job->length * inner + i;
    for (int64_t k = 0; k < n; k++) places[k] = base + places[k] * inner + (inner == 1 ? 0 : k);
    copy_items(job->to + first * job->bytes, job->from, places, n, job->bytes);
    first += n;
  }
}

hr_status hr_cpu_take_along_axis(const hr_run *run) {
  const hr_array *a = run->in[0], *indices = run->in[1];
  const hr_axis_attrs *attrs = run->attrs;
  hr_array *out = run->out[0];
  int64_t length = hr_array_shape(a)[attrs->axis], bytes = (int64_t)hr_array_itemsize(a);
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK || out->size == 0) return status;
  if (length == 0) return hr_index_result(indices, 0, attrs->axis, 0, 1);
  along_job job = {hr_index_kernels_of(hr_array_dtype(indices)),
                   hr_array_data(out),
                   hr_array_data(a),
                   hr_array_data(indices),
                   hr_array_shape(indices)[attrs->axis],
                   length,
                   product(hr_array_shape(a), attrs->axis + 1, a->ndim),
                   bytes,
                   (int64_t)hr_array_itemsize(indices),
                   HR_INDEX_GOOD};
  hr_parallel_range_light(out->size, grain_of(out->size, bytes), along_chunk, &job);
  return hr_index_result(indices, hr_load_relaxed(&job.bad), attrs->axis, length, 1);
}

/* --- gather: blocks --- */

typedef struct gather_job {
  char *to;
  const char *from;
  const int64_t *corners, *strides;
  const int *block;
  int ndim, outer;          /* axes; those in front of the run that is copied at once */
  int64_t run, size, bytes; /* elements copied at once, elements a block, bytes an element */
} gather_job;

/* The trailing axes of a block that lie in `a` as one run. */
static int outer_axes(const int *block, const int64_t *strides, int ndim, int64_t *run) {
  *run = 1;
  while (ndim > 0 && (block[ndim - 1] == 1 || strides[ndim - 1] == *run)) *run *= block[--ndim];
  return ndim;
}

static void gather_chunk(void *ctx, int64_t first, int64_t end) {
  const gather_job *job = ctx;
  int64_t runs = job->size / job->run;
  for (int64_t p = first; p < end; p++)
    for (int64_t r = 0; r < runs; r++) {
      int64_t rest = r, at = job->corners[p];
      for (int i = job->outer - 1; i >= 0; i--) at += rest % job->block[i] * job->strides[i], rest /= job->block[i];
      memcpy(job->to + (p * job->size + r * job->run) * job->bytes, job->from + at * job->bytes,
             (size_t)(job->run * job->bytes));
    }
}

hr_status hr_cpu_gather(const hr_run *run) {
  const hr_array *a = run->in[0];
  const hr_block_attrs *attrs = run->attrs;
  hr_array *out = run->out[0];
  hr_buffer *corners = NULL;
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK || out->size == 0) return status;
  gather_job job = {
      hr_array_data(out),           hr_array_data(a), NULL, hr_array_strides(a), attrs->block, a->ndim, 0, 1, 1,
      (int64_t)hr_array_itemsize(a)};
  job.size = hr_shape_size(attrs->block, a->ndim);
  job.outer = outer_axes(attrs->block, job.strides, a->ndim, &job.run);
  int64_t count = out->size / job.size;
  status = hr_index_corners(&corners, run, attrs, hr_array_shape(a), job.strides, count);
  if (status != HR_OK) return status;
  job.corners = corners->data;
  hr_parallel_range_light(count, grain_of(count, job.size * job.bytes), gather_chunk, &job);
  hr_buffer_release(corners);
  return HR_OK;
}

hr_status hr_cpu_slice_dynamic(const hr_run *run) {
  const hr_array *a = run->in[0], *start = run->in[1];
  hr_array *out = run->out[0];
  int64_t offset;
  hr_status status = hr_run_output(run, 0);
  if (status == HR_OK) status = hr_index_corner(&offset, start, run->attrs, a);
  if (status != HR_OK || out->size == 0) return status;
  int64_t bytes = (int64_t)hr_array_itemsize(a);
  hr_assign((hr_region){hr_array_data(out), hr_array_strides(out)},
            (hr_region){(char *)hr_array_data(a) + offset * bytes, hr_array_strides(a)}, hr_array_shape(out), out->ndim,
            bytes);
  return HR_OK;
}
