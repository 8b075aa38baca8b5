#include "cpu/index_common.h"

#include <string.h>

#include "cpu/assign.h"
#include "cpu/isa.h"
#include "sched/parallel.h"

enum { GRAIN = 16384 };

#define INDEX_DTYPES(X) \
  X(UINT8, u8) X(UINT16, u16) X(UINT32, u32) X(UINT64, u64) X(INT8, i8) X(INT16, i16) X(INT32, i32) X(INT64, i64)
#define X(ENUM, name)                                \
  HR_ISA_DECLARE(hr_index_kernels, hr_index_##name); \
  static const hr_index_kernels *const index_##name[] = HR_ISA_ROW(hr_index_##name);
INDEX_DTYPES(X)
#undef X

const hr_index_kernels *hr_index_kernels_of(hr_dtype dtype) {
  static const hr_index_kernels *const *const TABLE[HR_DTYPE_COUNT] = {
#define X(ENUM, name) [HR_##ENUM] = index_##name,
      INDEX_DTYPES(X)
#undef X
  };
  return TABLE[dtype][hr_isa_level()];
}

/* Relaxed: the loop's end orders it before the reader. */
void hr_index_note(hr_index_bad *bad, int64_t position) {
  int64_t seen = hr_load_relaxed(bad);
  while (position < seen && !hr_cas_acq_rel(bad, &seen, position)) continue;
}

static int64_t value_at(const hr_array *indices, int64_t position) {
  const char *at = (const char *)hr_array_data(indices) + position * (int64_t)hr_array_itemsize(indices);
  switch (hr_array_dtype(indices)) {
    case HR_UINT8: return *(const uint8_t *)at;
    case HR_UINT16: return *(const uint16_t *)at;
    case HR_UINT32: return *(const uint32_t *)at;
    case HR_INT8: return *(const int8_t *)at;
    case HR_INT16: return *(const int16_t *)at;
    case HR_INT32: return *(const int32_t *)at;
    default: return *(const int64_t *)at;
  }
}

hr_status hr_index_result(const hr_array *indices, int64_t position, int axis, int64_t length, int64_t block) {
  if (position == HR_INDEX_GOOD) return HR_OK;
  long long index = (long long)value_at(indices, position);
  if (block == 1)
    return hr_fail(HR_INVALID, "index %lld is out of range for axis %d of length %lld", index, axis, (long long)length);
  return hr_fail(HR_INVALID, "a block of %lld from index %lld leaves axis %d of length %lld", (long long)block, index,
                 axis, (long long)length);
}

typedef struct corner_job {
  const hr_index_kernels *kernels;
  const char *indices;
  int64_t item, length, limit, stride, *corners;
  bool add; /* not the first axis */
  hr_index_bad bad;
} corner_job;

static void corner_chunk(void *ctx, int64_t first, int64_t end) {
  corner_job *job = ctx;
  int64_t places[HR_INDEX_TILE];
  for (int64_t p = first; p < end; p += HR_INDEX_TILE) {
    int64_t n = end - p < HR_INDEX_TILE ? end - p : HR_INDEX_TILE;
    int64_t bad = job->kernels->resolve(places, job->indices + p * job->item, n, job->length, job->limit);
    if (bad >= 0) hr_index_note(&job->bad, p + bad);
    for (int64_t i = 0; i < n; i++)
      job->corners[p + i] = (job->add ? job->corners[p + i] : 0) + places[i] * job->stride;
  }
}

hr_status hr_index_corners(hr_buffer **out, const hr_run *run, const hr_block_attrs *attrs, const int *shape,
                           const int64_t *strides, int64_t count) {
  hr_status status = hr_buffer_new(out, (size_t)count * sizeof(int64_t));
  if (status != HR_OK) return status;
  int64_t *corners = (*out)->data;
  if (attrs->index_count == 0) memset(corners, 0, (size_t)count * sizeof *corners);
  for (int k = 0; k < attrs->index_count && status == HR_OK; k++) {
    const hr_array *indices = run->in[1 + k];
    int axis = attrs->axes[k], block = attrs->block[axis];
    corner_job job = {hr_index_kernels_of(hr_array_dtype(indices)),
                      hr_array_data(indices),
                      (int64_t)hr_array_itemsize(indices),
                      shape[axis],
                      (int64_t)shape[axis] - block + 1,
                      strides[axis],
                      corners,
                      k > 0,
                      HR_INDEX_GOOD};
    hr_parallel_range(count, GRAIN, corner_chunk, &job);
    status = hr_index_result(indices, hr_load_relaxed(&job.bad), axis, shape[axis], block);
  }
  if (status != HR_OK) hr_buffer_release(*out), *out = NULL;
  return status;
}

hr_status hr_index_corner(int64_t *out, const hr_array *start, const hr_block_attrs *attrs, const hr_array *a) {
  const hr_index_kernels *kernels = hr_index_kernels_of(hr_array_dtype(start));
  *out = 0;
  for (int k = 0; k < attrs->index_count; k++) {
    int axis = attrs->axes[k], length = hr_array_shape(a)[axis], block = attrs->block[axis];
    const char *index = (const char *)hr_array_data(start) + k * (int64_t)hr_array_itemsize(start);
    int64_t place;
    if (kernels->resolve(&place, index, 1, length, (int64_t)length - block + 1) >= 0)
      return hr_index_result(start, k, axis, length, block);
    *out += place * hr_array_strides(a)[axis];
  }
  return HR_OK;
}

hr_status hr_index_copy_first(const hr_run *run) {
  const hr_array *in = run->in[0];
  hr_array *out = run->out[0];
  hr_status status = hr_run_reuse(run, 0, 1);
  if (status != HR_OK || out->size == 0 || out->buffer == in->buffer) return status;
  hr_assign((hr_region){hr_array_data(out), hr_array_strides(out)},
            (hr_region){hr_array_data(in), hr_array_strides(in)}, hr_array_shape(out), out->ndim,
            (int64_t)hr_array_itemsize(out));
  return HR_OK;
}
