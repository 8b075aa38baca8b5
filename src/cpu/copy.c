/* src/cpu/copy.c - copies between layouts: whole runs, one value everywhere, transposed blocks, or gathered rows. */
#include <string.h>

#include "cpu/elementwise.h"
#include "cpu/loops.h"
#include "cpu/tuning.h"
#include "ops/op_list.h"
#include "sched/parallel.h"

typedef struct copy_job {
  const hr_loop *loop; /* operand 0: out, 1: in */
  const hr_move_kernels *move;
  int64_t item;
  bool stream;
  /* Transposed: the input runs along axis `across`, the output along the last one. */
  int across;
  int64_t bands; /* of BAND rows of axis `across` */
} copy_job;

enum { BAND = 64 };

static void copy_flat(void *ctx, int64_t first, int64_t end) {
  const copy_job *j = ctx;
  char *to = j->loop->data[0] + first * j->item;
  const char *from = j->loop->data[1] + first * j->item;
  if (j->stream) {
    j->move->stream(to, from, end - first);
#if defined(__x86_64__)
    __builtin_ia32_sfence(); /* before the release that publishes the array */
#endif
  } else {
    memcpy(to, from, (size_t)((end - first) * j->item));
  }
}

static void copy_value(void *ctx, int64_t first, int64_t end) {
  const copy_job *j = ctx;
  j->move->fill(j->loop->data[0] + first * j->item, (const void *const[]){j->loop->data[1]}, end - first, 1);
}

static void copy_row(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  const copy_job *j = ctx;
  if (strides[1] == j->item) {
    memcpy(data[0], data[1], (size_t)(count * j->item));
  } else {
    j->move->pack(data[0], data[1], strides[1], count);
  }
}

/* Chunk: one band of one matrix. The other axes are counted from the innermost. */
static void copy_band(void *ctx, int64_t chunk) {
  const copy_job *j = ctx;
  const hr_loop *loop = j->loop;
  int inner = loop->ndim - 1;
  int64_t row = chunk % j->bands * BAND, matrix = chunk / j->bands;
  int64_t rows = loop->shape[j->across] - row < BAND ? loop->shape[j->across] - row : BAND;
  char *to = loop->data[0] + row * loop->strides[0][j->across];
  const char *from = loop->data[1] + row * loop->strides[1][j->across];
  for (int i = inner - 1; i >= 0; i--) {
    if (i == j->across) continue;
    to += matrix % loop->shape[i] * loop->strides[0][i];
    from += matrix % loop->shape[i] * loop->strides[1][i];
    matrix /= loop->shape[i];
  }
  j->move->transpose(to, loop->strides[0][j->across], from, loop->strides[1][inner], rows, loop->shape[inner]);
}

/* The axis along which the input runs, when that is not the output's: worth it from a few rows on. */
static int transposed_axis(const hr_loop *loop, int64_t item) {
  int inner = loop->ndim - 1;
  if (loop->strides[1][inner] == item || loop->strides[1][inner] == 0 || loop->shape[inner] < 4) return -1;
  for (int i = 0; i < inner; i++)
    if (loop->strides[1][i] == item && loop->shape[i] >= 4) return i;
  return -1;
}

static void copy_strided(copy_job *j) {
  const hr_loop *loop = j->loop;
  j->across = transposed_axis(loop, j->item);
  if (j->across < 0) {
    hr_loop_run_light(loop, hr_pass_grain(loop->size), copy_row, j);
    return;
  }
  int64_t rows = loop->shape[j->across];
  j->bands = (rows + BAND - 1) / BAND;
  hr_parallel_for(loop->size / (rows * loop->shape[loop->ndim - 1]) * j->bands, copy_band, j);
}

/* out is dense; the input broadcasts to its shape. */
hr_status hr_cpu_copy(const hr_run *run) {
  hr_array *out = run->out[0];
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK || out->size == 0) return status;
  hr_loop loop;
  hr_loop_init(&loop, hr_array_shape(out), out->ndim);
  hr_loop_add(&loop, out);
  hr_loop_add(&loop, run->in[0]);
  hr_loop_sort(&loop, 0);
  hr_loop_collapse(&loop);
  int64_t item = (int64_t)hr_array_itemsize(out);
  copy_job j = {.loop = &loop, .move = hr_kernels_move((size_t)item), .item = item};
  if (hr_loop_is_flat(&loop, 1, item)) {
    j.stream = out->size * item >= HR_STREAM_BYTES;
    hr_parallel_range_light(loop.size, hr_pass_grain(loop.size), copy_flat, &j);
  } else if (hr_loop_is_scalar(&loop, 1)) {
    hr_parallel_range_light(loop.size, hr_pass_grain(loop.size), copy_value, &j);
  } else {
    copy_strided(&j);
  }
  return HR_OK;
}
