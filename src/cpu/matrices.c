/* src/cpu/matrices.c - see matrices.h. */
#include "cpu/matrices.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sched/parallel.h"

enum { TILE = 16, CHUNK_NS = 60000 };

int hr_matrix_rows(const hr_array *a) { return hr_array_shape(a)[a->ndim - 2]; }
int hr_matrix_cols(const hr_array *a) { return hr_array_shape(a)[a->ndim - 1]; }

int64_t hr_matrix_count(const hr_array *a) {
  int64_t count = 1;
  for (int axis = 0; axis < a->ndim - 2; axis++) count *= hr_array_shape(a)[axis];
  return count;
}

hr_matrix hr_matrix_at(const hr_array *a, int64_t index) {
  const int64_t *strides = hr_array_strides(a);
  int64_t item = (int64_t)hr_array_itemsize(a), offset = 0;
  for (int axis = a->ndim - 3; axis >= 0; axis--) {
    offset += index % hr_array_shape(a)[axis] * strides[axis];
    index /= hr_array_shape(a)[axis];
  }
  return (hr_matrix){(char *)hr_array_data(a) + offset * item, strides[a->ndim - 2] * item,
                     strides[a->ndim - 1] * item};
}

hr_matrix hr_matrix_row_major(void *data, int cols, int64_t item) { return (hr_matrix){data, cols * item, item}; }
hr_matrix hr_matrix_col_major(void *data, int rows, int64_t item) { return (hr_matrix){data, item, rows * item}; }

/* --- copies --- */

/* Lines are what lies without gaps in both. */
static void copy_lines(char *out, int64_t out_stride, const char *in, int64_t in_stride, int64_t lines, size_t bytes) {
  for (int64_t i = 0; i < lines; i++) memcpy(out + i * out_stride, in + i * in_stride, bytes);
}

/* Any strides, and the edges of what follows. */
static void copy_tile4(hr_matrix out, hr_matrix in, int rows, int cols) {
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < cols; c++) memcpy(out.data + r * out.row + c * out.col, in.data + r * in.row + c * in.col, 4);
}
static void copy_tile8(hr_matrix out, hr_matrix in, int rows, int cols) {
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < cols; c++) memcpy(out.data + r * out.row + c * out.col, in.data + r * in.row + c * in.col, 8);
}

/* A whole tile from rows without gaps to columns without gaps. Each line of the caches is read and written once: with
 * a distance of 4 KiB between rows more than a few of them do not stay. */
static void turn_tile4(char *out, int64_t out_stride, const char *in, int64_t in_stride) {
  uint32_t tile[TILE][TILE], line[TILE];
  for (int r = 0; r < TILE; r++) memcpy(tile[r], in + r * in_stride, sizeof *tile);
  for (int c = 0; c < TILE; c++) {
    for (int r = 0; r < TILE; r++) line[r] = tile[r][c];
    memcpy(out + c * out_stride, line, sizeof line);
  }
}
static void turn_tile8(char *out, int64_t out_stride, const char *in, int64_t in_stride) {
  uint64_t tile[TILE][TILE], line[TILE];
  for (int r = 0; r < TILE; r++) memcpy(tile[r], in + r * in_stride, sizeof *tile);
  for (int c = 0; c < TILE; c++) {
    for (int r = 0; r < TILE; r++) line[r] = tile[r][c];
    memcpy(out + c * out_stride, line, sizeof line);
  }
}

static void copy_tile(hr_matrix out, hr_matrix in, int rows, int cols, int64_t item) {
  bool whole = rows == TILE && cols == TILE;
  if (whole && in.col == item && out.row == item)
    (item == 4 ? turn_tile4 : turn_tile8)(out.data, out.col, in.data, in.row);
  else if (whole && in.row == item && out.col == item)
    (item == 4 ? turn_tile4 : turn_tile8)(out.data, out.row, in.data, in.col);
  else
    (item == 4 ? copy_tile4 : copy_tile8)(out, in, rows, cols);
}

hr_matrix hr_matrix_corner(hr_matrix m, int row, int col) {
  return (hr_matrix){m.data + row * m.row + col * m.col, m.row, m.col};
}

void hr_matrix_copy(hr_matrix out, hr_matrix in, int rows, int cols, int64_t item) {
  if (in.col == item && out.col == item) {
    copy_lines(out.data, out.row, in.data, in.row, rows, (size_t)(cols * item));
    return;
  }
  if (in.row == item && out.row == item) {
    copy_lines(out.data, out.col, in.data, in.col, cols, (size_t)(rows * item));
    return;
  }
  for (int r = 0; r < rows; r += TILE)
    for (int c = 0; c < cols; c += TILE) {
      int tall = rows - r < TILE ? rows - r : TILE, wide = cols - c < TILE ? cols - c : TILE;
      copy_tile(hr_matrix_corner(out, r, c), hr_matrix_corner(in, r, c), tall, wide, item);
    }
}

void hr_matrix_clear(void *data, int rows, int cols, int64_t item, bool below) {
  for (int r = 0; r < rows; r++) {
    int first = below ? 0 : r + 1, end = below ? (r < cols ? r : cols) : cols;
    if (end > first) memset((char *)data + (r * (int64_t)cols + first) * item, 0, (size_t)((end - first) * item));
  }
}

void hr_matrix_identity(void *data, int rows, int cols, hr_dtype dtype) {
  int64_t item = hr_dtype_bytes[dtype];
  const float single = 1;
  const double wide = 1;
  memset(data, 0, (size_t)(rows * (int64_t)cols * item));
  for (int64_t i = 0; i < rows && i < cols; i++) {
    char *at = (char *)data + i * (cols + 1) * item;
    if (dtype == HR_FLOAT64)
      memcpy(at, &wide, sizeof wide);
    else
      memcpy(at, &single, sizeof single); /* the real part of a complex number comes first */
  }
}

/* x - x is NaN for NaN and infinities and 0 for all else; sums of NaN stay NaN. */
bool hr_matrix_finite(const void *data, int64_t count, hr_dtype dtype) {
  const float *single = data;
  const double *wide = data;
  float sum = 0;
  double wide_sum = 0;
  if (dtype == HR_FLOAT64)
    for (int64_t i = 0; i < count; i++) wide_sum += wide[i] - wide[i];
  else
    for (int64_t i = 0; i < count; i++) sum += single[i] - single[i];
  return sum == 0 && wide_sum == 0;
}

/* A float may have been rounded down: LAPACK's routines before 3.10 do not look after that. */
hr_status hr_matrix_workspace(int *out, const hr_run *run, const void *answer, hr_dtype dtype) {
  float single;
  double wide;
  memcpy(&single, answer, sizeof single);
  memcpy(&wide, answer, dtype == HR_FLOAT64 ? sizeof wide : 0);
  double count = dtype == HR_FLOAT64 ? wide : (double)single * (single < 0x1p24f ? 1 : 1 + 0x1p-23);
  if (!(count <= INT_MAX))
    return hr_fail(HR_UNSUPPORTED, "%s: a workspace of %.0f elements is more than LAPACK's integers hold",
                   run->op->name, count);
  *out = count < 1 ? 1 : (int)count;
  return HR_OK;
}

/* --- jobs --- */

static size_t round_up(size_t bytes) { return (bytes + HR_MATRIX_ALIGN - 1) / HR_MATRIX_ALIGN * HR_MATRIX_ALIGN; }

hr_status hr_matrix_job_begin(hr_matrix_job *job, const hr_run *run) {
  const hr_array *a = run->in[0];
  hr_status status = HR_OK;
  *job = (hr_matrix_job){.run = run, .dtype = hr_array_dtype(a), .item = (int64_t)hr_array_itemsize(a)};
  job->part = job->dtype == HR_COMPLEX64 ? job->item / 2 : job->item;
  job->m = hr_matrix_rows(a);
  job->n = hr_matrix_cols(a);
  job->k = job->m < job->n ? job->m : job->n;
  for (int i = 0; i < run->out_count; i++) HR_TRY(hr_run_output(run, i));
  if (a->size == 0) goto done;
  HR_TRY(hr_lapack_get(&job->lapack));
  job->real = job->dtype == HR_FLOAT64 ? &job->lapack->f64 : &job->lapack->f32;
done:
  return status;
}

size_t hr_matrix_job_reserve(hr_matrix_job *job, int64_t bytes) {
  size_t at = job->scratch;
  job->scratch += round_up((size_t)bytes);
  return at;
}

void hr_matrix_job_output(hr_matrix_job *job, int i, int64_t bytes) {
  job->out_bytes[i] = bytes;
  if (!job->run->out[i]) job->spare[i] = hr_matrix_job_reserve(job, bytes);
}

void *hr_matrix_job_out(const hr_matrix_job *job, int i, int64_t index, char *scratch) {
  const hr_array *out = job->run->out[i];
  return out ? (char *)hr_array_data(out) + index * job->out_bytes[i] : scratch + job->spare[i];
}

/* --- the loop --- */

typedef struct loop {
  const hr_matrix_job *job;
  int (*fn)(const void *ctx, int64_t index, char *scratch);
  const void *ctx;
  char *scratch;
  int64_t count, first, grain; /* matrices: all, where the round begins, in a chunk */
  hr_mutex lock;               /* of the two below */
  int64_t failed;              /* the first matrix that failed, or -1 */
  int info;
} loop;

static void note(loop *l, int64_t index, int info) {
  hr_mutex_lock(&l->lock);
  if (l->failed < 0 || index < l->failed) l->failed = index, l->info = info;
  hr_mutex_unlock(&l->lock);
}

static void run_chunk(void *ctx, int64_t chunk) {
  loop *l = ctx;
  int64_t first = l->first + chunk * l->grain, end = l->count - first < l->grain ? l->count : first + l->grain;
  int entered = hr_lapack_enter(l->job->lapack);
  for (int64_t i = first; i < end; i++) {
    int info = l->fn(l->ctx, i, l->scratch + (size_t)chunk * l->job->scratch);
    if (info != 0) note(l, i, info);
  }
  hr_lapack_leave(l->job->lapack, entered);
}

hr_status hr_matrix_job_fail(const hr_matrix_job *job, int64_t index, int info, const char *failure) {
  char which[64] = "the matrix", what[96];
  const char *op = job->run->op->name;
  int64_t count = hr_matrix_count(job->run->in[0]);
  if (count > 1) snprintf(which, sizeof which, "matrix %lld of %lld", (long long)index, (long long)count);
  if (info == HR_MATRIX_NOT_FINITE) return hr_fail(HR_INVALID, "%s: %s has NaN or infinite elements", op, which);
  if (info < 0) return hr_fail(HR_FAILED, "%s: LAPACK refused argument %d for %s", op, -info, which);
  snprintf(what, sizeof what, failure, info);
  return hr_fail(HR_INVALID, "%s: %s %s", op, which, what);
}

hr_status hr_matrix_job_run(const hr_matrix_job *job, int (*fn)(const void *ctx, int64_t index, char *scratch),
                            const void *ctx, uint64_t cost, const char *failure) {
  loop l = {.job = job, .fn = fn, .ctx = ctx, .failed = -1, .grain = 1};
  hr_buffer *buffer;
  l.count = hr_matrix_count(job->run->in[0]);
  if (l.count == 0) return HR_OK;
  if (cost < CHUNK_NS) l.grain = (int64_t)(CHUNK_NS / (cost + 1)) + 1;
  int64_t chunks = (l.count + l.grain - 1) / l.grain, slots = chunks < HR_MATRIX_ROUND ? chunks : HR_MATRIX_ROUND;
  hr_status status = hr_buffer_new(&buffer, (size_t)slots * job->scratch + HR_MATRIX_ALIGN);
  if (status != HR_OK) return hr_fail_prefix(status, "%s: ", job->run->op->name);
  l.scratch = (char *)round_up((size_t)buffer->data);
  for (int64_t done = 0; done < chunks; done += slots, l.first += slots * l.grain)
    hr_parallel_for(chunks - done < slots ? chunks - done : slots, run_chunk, &l);
  hr_buffer_release(buffer);
  return l.failed < 0 ? HR_OK : hr_matrix_job_fail(job, l.failed, l.info, failure);
}
