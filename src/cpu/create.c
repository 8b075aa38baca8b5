/* src/cpu/create.c - sequences, triangles and diagonals. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/elementwise.h"
#include "cpu/tuning.h"
#include "ops/create_internal.h"
#include "ops/op_list.h"
#include "sched/parallel.h"

typedef struct sequence_job {
  const hr_sequence_attrs *attrs;
  hr_sequence kind;
  hr_kernel cast; /* from float64 or int64 to the dtype */
  char *out;
  int64_t item;
} sequence_job;

enum { TILE = 128 };

/* The ends are exact, and so is the middle of a constant. */
static double linspace_at(const hr_sequence_attrs *attrs, int64_t i) {
  double start = attrs->as.linspace.start, stop = attrs->as.linspace.stop;
  if (i == 0) return start;
  if (i == attrs->count - 1) return stop;
  return start + (stop - start) * ((double)i / (double)(attrs->count - 1));
}

static double window_at(const hr_sequence_attrs *attrs, hr_sequence kind, int64_t i) {
  double last = (double)(attrs->count - 1), x = (double)i;
  if (last == 0) return 1;
  if (kind == HR_SEQUENCE_TRIANGLE) return x <= last / 2 ? 2 * x / last : 2 - 2 * x / last;
  double angle = 2 * M_PI * x / last;
  const double *a = attrs->as.cosines;
  return a[0] + a[1] * cos(angle) + a[2] * cos(2 * angle);
}

static double value_at(const sequence_job *j, int64_t i) {
  if (j->kind == HR_SEQUENCE_REAL) return j->attrs->as.real.start + (double)i * j->attrs->as.real.step;
  return j->kind == HR_SEQUENCE_LINSPACE ? linspace_at(j->attrs, i) : window_at(j->attrs, j->kind, i);
}

static void sequence_range(void *ctx, int64_t first, int64_t end) {
  const sequence_job *j = ctx;
  union {
    double real[TILE];
    int64_t integer[TILE];
  } tile;
  const void *in = &tile;
  for (int64_t p = first; p < end; p += TILE) {
    int64_t count = end - p < TILE ? end - p : TILE;
    for (int64_t i = 0; i < count; i++) {
      if (j->kind == HR_SEQUENCE_INTEGER) {
        tile.integer[i] =
            (int64_t)((uint64_t)j->attrs->as.integer.start + (uint64_t)(p + i) * (uint64_t)j->attrs->as.integer.step);
      } else {
        tile.real[i] = value_at(j, p + i);
      }
    }
    j->cast(j->out + p * j->item, &in, count, 0);
  }
}

hr_status hr_cpu_sequence(const hr_run *run) {
  hr_array *out = run->out[0];
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK) return status;
  hr_sequence kind = (hr_sequence)run->op->kernel;
  sequence_job j = {
      .attrs = run->attrs,
      .kind = kind,
      .cast = hr_kernel_cast(kind == HR_SEQUENCE_INTEGER ? HR_INT64 : HR_FLOAT64, hr_array_dtype(out)),
      .out = hr_array_data(out),
      .item = (int64_t)hr_array_itemsize(out),
  };
  hr_parallel_range_light(out->size, hr_pass_grain(out->size), sequence_range, &j);
  return HR_OK;
}

typedef struct tri_job {
  const hr_tri_attrs *attrs;
  const hr_move_kernels *move;
  char *out;
  int64_t item;
  char one[8];
} tri_job;

static void tri_rows(void *ctx, int64_t first, int64_t end) {
  const tri_job *j = ctx;
  int64_t columns = j->attrs->columns;
  for (int64_t row = first; row < end; row++) {
    char *to = j->out + row * columns * j->item;
    int64_t diagonal = row + j->attrs->k, stop = diagonal + 1 < columns ? diagonal + 1 : columns;
    int64_t start = j->attrs->diagonal_only && diagonal >= 0 ? diagonal : 0;
    memset(to, 0, (size_t)(columns * j->item));
    if (start < stop) j->move->fill(to + start * j->item, (const void *const[]){j->one}, stop - start, 1);
  }
}

hr_status hr_cpu_tri(const hr_run *run) {
  hr_array *out = run->out[0];
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK || out->size == 0) return status;
  tri_job j = {.attrs = run->attrs, .out = hr_array_data(out), .item = (int64_t)hr_array_itemsize(out)};
  j.move = hr_kernels_move((size_t)j.item);
  double one = 1;
  hr_kernel_cast(HR_FLOAT64, hr_array_dtype(out))(j.one, (const void *const[]){&one}, 1, 0);
  hr_parallel_range(j.attrs->rows, 1 + 2 * HR_PASS_GRAIN_MOST / j.attrs->columns, tri_rows, &j);
  return HR_OK;
}

hr_status hr_cpu_diag(const hr_run *run) {
  const hr_array *in = run->in[0];
  hr_array *out = run->out[0];
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK || out->size == 0) return status;
  size_t item = hr_array_itemsize(out);
  int64_t side = hr_array_shape(out)[0], k = *(const int *)run->attrs;
  char *to = hr_array_data(out);
  memset(to, 0, hr_array_nbytes(out));
  if (in->size == 0) return HR_OK;
  const char *from = hr_array_data(in);
  to += (k >= 0 ? k : -k * side) * (int64_t)item;
  for (int64_t i = 0; i < in->size; i++)
    memcpy(to + i * (side + 1) * (int64_t)item, from + i * hr_array_strides(in)[0] * (int64_t)item, item);
  return HR_OK;
}
