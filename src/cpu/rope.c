/* src/cpu/rope.c - rotary position encoding of arrays of any layout.
 *
 * First a table of cosines and sines is made, a row a position, then all rows of x that stand at a position use its
 * row. Sines of position p come from those of the block of positions that p is in and those of its place in it by the
 * angle addition formulas in double, so they depend on p alone and only one position in 32 needs a sine and a cosine.
 * Where a row has gaps, x is copied to the result first and turned there. */
#include <math.h>

#include "array/buffer.h"
#include "cpu/elementwise.h"
#include "cpu/isa.h"
#include "cpu/kernels/rope.h"
#include "cpu/strided.h"
#include "cpu/tuning.h"
#include "ops/op_list.h"
#include "ops/rope.h"
#include "sched/parallel.h"

enum { BLOCK = HR_ROPE_BLOCK, CHUNK_BLOCKS = 4 };

HR_ISA_DECLARE(hr_rope_kernels, hr_rope_f16);
HR_ISA_DECLARE(hr_rope_kernels, hr_rope_f32);
HR_ISA_DECLARE(hr_rope_kernels, hr_rope_f64);
HR_ISA_DECLARE(hr_rope_kernels, hr_rope_bf16);

static const hr_rope_kernels *find_kernels(hr_dtype dtype) {
  static const hr_rope_kernels *const f16[] = HR_ISA_ROW(hr_rope_f16), *const f32[] = HR_ISA_ROW(hr_rope_f32),
                                      *const f64[] = HR_ISA_ROW(hr_rope_f64), *const bf16[] = HR_ISA_ROW(hr_rope_bf16);
  int level = (int)hr_isa_level();
  if (dtype == HR_FLOAT16) return f16[level];
  if (dtype == HR_BFLOAT16) return bf16[level];
  return dtype == HR_FLOAT64 ? f64[level] : f32[level];
}

typedef struct job {
  const hr_rope_kernels *kernels;
  hr_kernel sine, cosine; /* of float64 */
  const hr_rope_attrs *attrs;
  const hr_array *offsets; /* int64, or NULL */
  int64_t half, length;    /* pairs; rows of a sequence */
  int64_t tables, blocks;  /* one table for all, or one for each place of the first axis; blocks of a table */
  int64_t row_bytes;       /* of a table */
  double *angles, *steps;  /* of each pair at position 1; rows of cosines and sines of 0 to BLOCK - 1 times these */
  double *bases;           /* such a row for the first position of each block of each table */
  char *table;
  hr_loop sequences;                /* operand 0 is the output, operand 1 x */
  int64_t out_row, x_row, n, share; /* strides in bytes; elements of a row; sequences that share a table */
} job;

static int64_t offset_of(const job *j, int64_t table) {
  if (!j->offsets) return j->attrs->offset;
  const int64_t *data = hr_array_data(j->offsets);
  return data[j->offsets->size == 1 ? 0 : table * hr_array_strides(j->offsets)[0]];
}

static int64_t floor_block(int64_t position) { return position & ~(int64_t)(BLOCK - 1); }

/* Wraps around at the ends of int64, where offsets make no sense. */
static int64_t add_positions(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }

static void set_angles(const job *j, const hr_array *freqs) {
  for (int64_t i = 0; i < j->half; i++) {
    const double *freq = freqs ? (const double *)hr_array_data(freqs) + i * hr_array_strides(freqs)[0] : NULL;
    j->angles[i] = j->attrs->scale * (freq ? 1 / *freq : pow(j->attrs->base, -(double)i / (double)j->half));
  }
}

/* A row of the cosines and sines of all pairs at a position. */
static void set_row(const job *j, double *row, double position) {
  for (int64_t i = 0; i < j->half; i++) row[i] = row[j->half + i] = position * j->angles[i];
  j->cosine(row, (const void *[]){row}, j->half, 0);
  j->sine(row + j->half, (const void *[]){row + j->half}, j->half, 0);
}

/* Each row turns the one before by the angles of one position. */
static void set_steps(const job *j) {
  int64_t half = j->half;
  double *first = j->steps, *one = first + 2 * half;
  for (int64_t i = 0; i < half; i++) first[i] = 1, first[half + i] = 0;
  set_row(j, one, 1);
  for (int64_t r = 2; r < BLOCK; r++) {
    const double *before = j->steps + (r - 1) * 2 * half;
    double *row = j->steps + r * 2 * half;
    for (int64_t i = 0; i < half; i++) {
      row[i] = before[i] * one[i] - before[half + i] * one[half + i];
      row[half + i] = before[half + i] * one[i] + before[i] * one[half + i];
    }
  }
}

/* Blocks of all tables, [first, end). */
static void table_blocks(void *ctx, int64_t first, int64_t end) {
  const job *j = ctx;
  for (int64_t b = first; b < end; b++) {
    double *base = j->bases + b * 2 * j->half;
    int64_t table = b / j->blocks, offset = offset_of(j, table);
    int64_t position = add_positions(floor_block(offset), b % j->blocks * BLOCK);
    int64_t t = (int64_t)((uint64_t)position - (uint64_t)offset),
            skip = t < 0 ? -t : 0; /* the first block may begin before the first row */
    int64_t count = j->length - t < BLOCK ? j->length - t : BLOCK;
    if (count <= skip) continue;
    set_row(j, base, (double)position);
    char *rows = j->table + (table * j->length + t + skip) * j->row_bytes;
    j->kernels->table(rows, base, j->steps + skip * 2 * j->half, count - skip, j->half);
  }
}

/* Rows of all sequences, [first, end). */
static void turn_rows(void *ctx, int64_t first, int64_t end) {
  const job *j = ctx;
  while (first < end) {
    int64_t sequence = first / j->length, t = first % j->length;
    int64_t count = end - first < j->length - t ? end - first : j->length - t;
    int64_t table = j->tables > 1 ? sequence / j->share : 0;
    char *out = hr_loop_at(&j->sequences, 0, sequence) + t * j->out_row;
    const char *x = hr_loop_at(&j->sequences, 1, sequence) + t * j->x_row;
    j->kernels->turn(out, x, j->out_row, j->x_row, count, j->n, j->table + (table * j->length + t) * j->row_bytes,
                     j->half, j->attrs->traditional);
    first += count;
  }
}

static void copy_all(const hr_array *out, const hr_array *in) {
  hr_loop loop;
  hr_loop_init(&loop, hr_array_shape(out), out->ndim);
  hr_loop_add(&loop, out);
  hr_loop_add(&loop, in);
  hr_loop_collapse(&loop);
  hr_loop_copy(&loop, (int64_t)hr_array_itemsize(out));
}

static void set_rows(job *j, const hr_array *out, const hr_array *x) {
  int last = x->ndim - 1;
  int64_t item = (int64_t)hr_array_itemsize(x);
  j->n = hr_array_shape(x)[last];
  if (hr_array_strides(x)[last] != 1 && j->n > 1) {
    copy_all(out, x);
    x = out;
  }
  hr_loop_init(&j->sequences, hr_array_shape(x), last - 1);
  hr_loop_add_strided(&j->sequences, hr_array_data(out), hr_array_strides(out), item);
  hr_loop_add_strided(&j->sequences, hr_array_data(x), hr_array_strides(x), item);
  hr_loop_collapse(&j->sequences);
  j->out_row = hr_array_strides(out)[last - 1] * item;
  j->x_row = hr_array_strides(x)[last - 1] * item;
  j->share = j->sequences.size / hr_array_shape(x)[0];
}

hr_status hr_cpu_rope(const hr_run *run) {
  const hr_array *x = run->in[0], *out = run->out[0];
  hr_buffer *doubles = NULL, *table = NULL;
  hr_status status = hr_run_reuse(run, 0, 1);
  if (status != HR_OK || out->size == 0) return status;
  job j = {.kernels = find_kernels(hr_array_dtype(x)),
           .sine = hr_kernel_unary(HR_UNARY_SIN, HR_FLOAT64),
           .cosine = hr_kernel_unary(HR_UNARY_COS, HR_FLOAT64),
           .attrs = run->attrs,
           .tables = 1};
  j.offsets = j.attrs->dynamic ? run->in[1] : NULL;
  j.half = j.attrs->dims / 2, j.length = hr_array_shape(x)[x->ndim - 2];
  if (j.offsets && j.offsets->size > 1) j.tables = j.offsets->size;
  j.blocks = (j.length - 1) / BLOCK + 2;
  j.row_bytes = 2 * j.half * (hr_array_dtype(x) == HR_FLOAT64 ? 8 : 4);
  HR_TRY(hr_buffer_new(&doubles, sizeof(double) * (size_t)(j.half * (1 + 2 * BLOCK + 2 * j.tables * j.blocks))));
  HR_TRY(hr_buffer_new(&table, (size_t)(j.tables * j.length * j.row_bytes)));
  j.angles = doubles->data, j.steps = j.angles + j.half, j.bases = j.steps + 2 * BLOCK * j.half;
  j.table = table->data;
  set_angles(&j, j.attrs->has_freqs ? run->in[run->in_count - 1] : NULL);
  set_steps(&j);
  set_rows(&j, out, x);
  hr_parallel_range_light(j.tables * j.blocks, CHUNK_BLOCKS, table_blocks, &j);
  hr_parallel_range_light(j.sequences.size * j.length, hr_pass_grain(x->size) / j.n + 1, turn_rows, &j);
done:
  hr_buffer_release(doubles);
  hr_buffer_release(table);
  return status;
}
