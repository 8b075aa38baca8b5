/* src/cpu/scan.c - running sums, products, maxima, minima and logsumexp along one axis of any layout.
 *
 * Where the last axis is another one and has unit stride, tiles of its columns go on side by side; else rows go on
 * one by one. A long row is cut into blocks: the first pass takes what each block adds up to, the second goes on from
 * there. */
#include <string.h>

#include "base/memory.h"
#include "cpu/isa.h"
#include "cpu/kernels/scan.h"
#include "cpu/loops.h"
#include "cpu/scan_log.h"
#include "ops/op_list.h"
#include "ops/scan.h"
#include "sched/parallel.h"

enum {
  BLOCK = 65536,       /* elements of a part of a long row */
  TILE = 256,          /* columns that go on side by side */
  BATCH = 64,          /* rows handed to a kernel at once */
  BLOCKS_A_CHUNK = 4,  /* kernels take as many rows side by side */
  CHUNK_ITEMS = 32768, /* elements a chunk: 15 us of float32 */
};

typedef const hr_scan_kernels *const kernel_row[HR_ISA_COUNT];

#define TABLE(name)                      \
  HR_ISA_DECLARE(hr_scan_kernels, name); \
  static kernel_row row_##name = HR_ISA_ROW(name)

TABLE(hr_scan_u8);
TABLE(hr_scan_u16);
TABLE(hr_scan_u32);
TABLE(hr_scan_u64);
TABLE(hr_scan_i8);
TABLE(hr_scan_i16);
TABLE(hr_scan_i32);
TABLE(hr_scan_i64);
TABLE(hr_scan_f16);
TABLE(hr_scan_f32);
TABLE(hr_scan_f64);
TABLE(hr_scan_bf16);
TABLE(hr_scan_c64);

static kernel_row *const tables[HR_DTYPE_COUNT] = {
    [HR_BOOL] = &row_hr_scan_u8,       [HR_UINT8] = &row_hr_scan_u8,      [HR_UINT16] = &row_hr_scan_u16,
    [HR_UINT32] = &row_hr_scan_u32,    [HR_UINT64] = &row_hr_scan_u64,    [HR_INT8] = &row_hr_scan_i8,
    [HR_INT16] = &row_hr_scan_i16,     [HR_INT32] = &row_hr_scan_i32,     [HR_INT64] = &row_hr_scan_i64,
    [HR_FLOAT16] = &row_hr_scan_f16,   [HR_FLOAT32] = &row_hr_scan_f32,   [HR_FLOAT64] = &row_hr_scan_f64,
    [HR_BFLOAT16] = &row_hr_scan_bf16, [HR_COMPLEX64] = &row_hr_scan_c64,
};

/* --- kernels --- */

static const hr_scan_kernel *find_kernel(hr_scan_kind kind, hr_dtype dtype) {
  static const hr_dtype as_unsigned[] = {
      [HR_INT8] = HR_UINT8, [HR_INT16] = HR_UINT16, [HR_INT32] = HR_UINT32, [HR_INT64] = HR_UINT64};
  if (kind == HR_SCAN_LOGSUMEXP) return hr_scan_log_kernel(dtype);
  if (dtype == HR_BOOL && kind == HR_SCAN_MIN) kind = HR_SCAN_PROD; /* the same, and its start is true, not 255 */
  bool adds = kind == HR_SCAN_SUM || kind == HR_SCAN_PROD;
  if (adds && hr_dtype_classes[dtype] == HR_CLASS_SIGNED) dtype = as_unsigned[dtype];
  const hr_scan_kernels *kernels = (*tables[dtype])[hr_isa_level()];
  const hr_scan_kernel *by_kind[] = {&kernels->sum, &kernels->prod, &kernels->max, &kernels->min};
  return by_kind[kind];
}

/* --- the walk --- */

typedef struct job {
  const hr_scan_kernel *kernel;
  int64_t n, elem, out_stride, in_stride;
  int64_t out_first, in_first; /* bytes to the element that comes first */
  int inclusive;
  hr_loop groups; /* operand 0 is the output, operand 1 the input */
  int64_t columns;
  char *carries; /* an accumulator for each block of a long row */
  char *out;
  const char *in;
} job;

static void rows_run(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  const job *j = ctx;
  for (int64_t i = 0; i < count; i += BATCH) {
    _Alignas(16) char acc[BATCH * HR_SCAN_ACC_BYTES];
    hr_scan_rows rows = {.out = data[0] + i * strides[0] + j->out_first,
                         .x = data[1] + i * strides[1] + j->in_first,
                         .out_stride = j->out_stride,
                         .x_stride = j->in_stride,
                         .out_row = strides[0],
                         .x_row = strides[1],
                         .n = j->n,
                         .count = count - i < BATCH ? count - i : BATCH,
                         .inclusive = j->inclusive};
    j->kernel->start(acc, rows.count);
    j->kernel->rows(acc, &rows);
  }
}

static void columns_run(void *ctx, int64_t first, int64_t end) {
  const job *j = ctx;
  int64_t tiles = (j->columns + TILE - 1) / TILE;
  for (int64_t item = first; item < end; item++) {
    _Alignas(64) char acc[TILE * HR_SCAN_ACC_BYTES];
    int64_t column = item % tiles * TILE, width = j->columns - column < TILE ? j->columns - column : TILE;
    char *out = hr_loop_at(&j->groups, 0, item / tiles) + j->out_first + column * j->elem;
    const char *in = hr_loop_at(&j->groups, 1, item / tiles) + j->in_first + column * j->elem;
    j->kernel->start(acc, width);
    for (int64_t i = 0; i < j->n; i++)
      j->kernel->step(acc, out + i * j->out_stride, in + i * j->in_stride, width, j->inclusive);
  }
}

/* Blocks [first, end) of the row, into `out` if that is not NULL; the row's last block may be shorter. */
static void run_blocks(const job *j, char *out, int64_t first, int64_t end) {
  int64_t whole = j->n / BLOCK;
  hr_scan_rows rows = {.out = out ? out + first * BLOCK * j->out_stride : NULL,
                       .x = j->in + first * BLOCK * j->in_stride,
                       .out_stride = j->out_stride,
                       .x_stride = j->in_stride,
                       .out_row = BLOCK * j->out_stride,
                       .x_row = BLOCK * j->in_stride,
                       .n = BLOCK,
                       .count = (end < whole ? end : whole) - first,
                       .inclusive = j->inclusive};
  if (rows.count > 0) j->kernel->rows(j->carries + first * j->kernel->bytes, &rows);
  if (end <= whole) return;
  rows.out = out ? out + whole * BLOCK * j->out_stride : NULL;
  rows.x = j->in + whole * BLOCK * j->in_stride;
  rows.n = j->n - whole * BLOCK, rows.count = 1;
  j->kernel->rows(j->carries + whole * j->kernel->bytes, &rows);
}

static void total_blocks(void *ctx, int64_t first, int64_t end) { run_blocks(ctx, NULL, first, end); }
static void scan_blocks(void *ctx, int64_t first, int64_t end) { run_blocks(ctx, ((job *)ctx)->out, first, end); }

/* Totals of blocks to what each block starts from. */
static void carry_on(const job *j, int64_t blocks) {
  _Alignas(16) char sum[HR_SCAN_ACC_BYTES], next[HR_SCAN_ACC_BYTES];
  size_t bytes = (size_t)j->kernel->bytes;
  j->kernel->start(sum, 1);
  for (char *carry = j->carries; blocks > 0; blocks--, carry += bytes) {
    memcpy(next, sum, bytes);
    j->kernel->join(next, carry);
    memcpy(carry, sum, bytes);
    memcpy(sum, next, bytes);
  }
}

static void long_rows_run(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  job *j = ctx;
  int64_t blocks = (j->n + BLOCK - 1) / BLOCK;
  for (int64_t i = 0; i < count; i++) {
    j->out = data[0] + i * strides[0] + j->out_first;
    j->in = data[1] + i * strides[1] + j->in_first;
    j->kernel->start(j->carries, blocks);
    hr_parallel_range(blocks, BLOCKS_A_CHUNK, total_blocks, j);
    carry_on(j, blocks);
    hr_parallel_range(blocks, BLOCKS_A_CHUNK, scan_blocks, j);
  }
}

static hr_status run_long(job *j) {
  j->carries = hr_alloc((size_t)(j->kernel->bytes * ((j->n + BLOCK - 1) / BLOCK)));
  if (!j->carries) return hr_fail(HR_OUT_OF_MEMORY, "no memory for the sums of %lld elements", (long long)j->n);
  hr_loop_range(&j->groups, 0, j->groups.size, long_rows_run, j);
  hr_free(j->carries);
  return HR_OK;
}

static void job_groups(job *j, const hr_array *out, const hr_array *in, int axis, int columns) {
  int shape[HR_MAX_NDIM], count = 0;
  int64_t out_strides[HR_MAX_NDIM], in_strides[HR_MAX_NDIM];
  for (int i = 0; i < in->ndim; i++) {
    if (i == axis || i == columns) continue;
    shape[count] = hr_array_shape(in)[i];
    out_strides[count] = hr_array_strides(out)[i];
    in_strides[count++] = hr_array_strides(in)[i];
  }
  hr_loop_init(&j->groups, shape, count);
  hr_loop_add_strided(&j->groups, hr_array_data(out), out_strides, j->elem);
  hr_loop_add_strided(&j->groups, hr_array_data(in), in_strides, j->elem);
  hr_loop_collapse(&j->groups);
}

static int64_t grain_of(int64_t elements) { return elements < CHUNK_ITEMS ? CHUNK_ITEMS / elements : 1; }

hr_status hr_cpu_scan(const hr_run *run) {
  const hr_scan_attrs *attrs = run->attrs;
  const hr_array *in = run->in[0], *out = run->out[0];
  hr_status status = hr_run_reuse(run, 0, 1);
  if (status != HR_OK || out->size == 0) return status;
  int last = in->ndim - 1;
  bool columns = last != attrs->axis && hr_array_strides(in)[last] == 1 && hr_array_shape(in)[last] > 1;
  job j = {.kernel = find_kernel((hr_scan_kind)run->op->kernel, hr_array_dtype(in)),
           .n = hr_array_shape(in)[attrs->axis],
           .elem = (int64_t)hr_array_itemsize(in),
           .inclusive = attrs->inclusive};
  j.out_stride = hr_array_strides(out)[attrs->axis] * j.elem;
  j.in_stride = hr_array_strides(in)[attrs->axis] * j.elem;
  if (attrs->reverse) {
    j.out_first = (j.n - 1) * j.out_stride;
    j.in_first = (j.n - 1) * j.in_stride;
    j.out_stride = -j.out_stride;
    j.in_stride = -j.in_stride;
  }
  job_groups(&j, out, in, attrs->axis, columns ? last : -1);
  if (columns) {
    j.columns = hr_array_shape(in)[last];
    int64_t tiles = (j.columns + TILE - 1) / TILE;
    hr_parallel_range(j.groups.size * tiles, grain_of(j.n * TILE), columns_run, &j);
  } else if (j.n > 2 * BLOCK) {
    status = run_long(&j);
  } else {
    hr_loop_run(&j.groups, grain_of(j.n), rows_run, &j);
  }
  return status;
}
