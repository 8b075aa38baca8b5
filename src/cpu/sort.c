/* src/cpu/sort.c - sort, argsort, partition, argpartition and topk along one axis of any layout.
 *
 * A row is turned into items (sort_keys.h), which are sorted or parted (order.h) and turned back. Short rows, and rows
 * of which there are many, are shared out among workers; a long one is worked on by all of them (sort_long.c,
 * part_long.c), one row after the other. Rows that lie side by side are read and written together. */
#include <stdlib.h>
#include <string.h>

#include "cpu/elementwise.h"
#include "cpu/loops.h"
#include "cpu/order.h"
#include "cpu/scratch.h"
#include "cpu/sort_job.h"
#include "ops/op_list.h"
#include "ops/sort.h"
#include "sched/parallel.h"

enum {
  CHUNK_ITEMS = 32768, /* elements of the short rows that a worker takes at a time: 0.1 to 0.5 ms */
  MANY_ROWS = 8,       /* from here on a row is one worker's, if it is not */
  GREAT_ROW = 1 << 20, /* longer than this */
  LINE = 256,          /* bytes of rows side by side that are read together */
  SIDE_ROWS = 64,      /* and at most so many of these rows */
  TILE = 64,           /* elements of each of these at a time */
  SIDE_BYTES = 2 << 20 /* of their items: what stays in a core's cache */
};

typedef struct rows {
  hr_sort_job job;
  hr_loop loop; /* operand 0 is the output, operand 1 the input */
  int64_t out_bytes;
  int64_t row_bytes; /* from one row's items to the next one's */
  int64_t side;      /* so many rows are done together where they lie side by side */
  int64_t grain;
  hr_scratch scratch; /* items of `side` rows, and of one more */
} rows;

void hr_sort_put(const hr_sort_job *job, char *out, const char *row, int64_t place, const void *items, int64_t count) {
  int64_t skip = place < job->first ? job->first - place : 0;
  if (skip >= count) return;
  const char *from = (const char *)items + skip * job->format.item_bytes;
  out += (place + skip - job->first) * job->out_stride;
  if (job->gives_places)
    hr_sort_store_places(&job->format, out, job->out_stride, from, count - skip);
  else
    hr_sort_store(&job->format, out, job->out_stride, from, count - skip, row, job->in_stride);
}

/* Answers which of the two buffers holds the items then. */
static char *order_items(const hr_sort_job *job, char *items, char *scratch) {
  if (!job->parts) return hr_order_sort(&job->format, items, scratch, job->n);
  hr_order_select(&job->format, items, scratch, job->n, job->kth);
  return items;
}

typedef struct chunk {
  const rows *rows;
  char *items;
} chunk;

static void order_row(const chunk *c, char *out, const char *row) {
  const hr_sort_job *job = &c->rows->job;
  hr_sort_load(&job->format, c->items, row, job->in_stride, 0, job->n);
  hr_sort_put(job, out, row, 0, order_items(job, c->items, c->items + c->rows->side * c->rows->row_bytes), job->n);
}

/* --- rows side by side: tiles of them are transposed --- */

static void load_side(const chunk *c, const char *row, int64_t count) {
  const hr_sort_job *job = &c->rows->job;
  char tile[TILE * LINE];
  int64_t elem = job->format.elem_bytes;
  const hr_move_kernels *kernels = hr_kernels_move((size_t)elem);
  for (int64_t i = 0; i < job->n; i += TILE) {
    int64_t length = job->n - i < TILE ? job->n - i : TILE;
    kernels->transpose(tile, TILE * elem, row + i * job->in_stride, job->in_stride, count, length);
    for (int64_t k = 0; k < count; k++)
      hr_sort_load(&job->format, c->items + k * c->rows->row_bytes + i * job->format.item_bytes, tile + k * TILE * elem,
                   elem, i, length);
  }
}

static void put_side(const chunk *c, char *out, int64_t count) {
  hr_sort_job job = c->rows->job;
  char tile[TILE * LINE];
  int64_t elem = c->rows->out_bytes, out_stride = job.out_stride, first = job.first;
  const hr_move_kernels *kernels = hr_kernels_move((size_t)elem);
  job.out_stride = elem;
  for (job.first = first; job.first < job.n; job.first += TILE) {
    int64_t length = job.n - job.first < TILE ? job.n - job.first : TILE;
    for (int64_t k = 0; k < count; k++)
      hr_sort_put(&job, tile + k * TILE * elem, NULL, job.first,
                  c->items + k * c->rows->row_bytes + job.first * job.format.item_bytes, length);
    kernels->transpose(out + (job.first - first) * out_stride, out_stride, tile, TILE * elem, length, count);
  }
}

static void order_side(const chunk *c, char *out, const char *row, int64_t count) {
  const rows *r = c->rows;
  char *scratch = c->items + r->side * r->row_bytes;
  load_side(c, row, count);
  for (int64_t k = 0; k < count; k++) {
    char *items = c->items + k * r->row_bytes, *ordered = order_items(&r->job, items, scratch);
    if (ordered != items) memcpy(items, ordered, (size_t)(r->job.n * r->job.format.item_bytes));
  }
  put_side(c, out, count);
}

/* --- any rows --- */

static void rows_run(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  const chunk *c = ctx;
  const rows *r = c->rows;
  int64_t i = 0;
  if (r->side > 1 && strides[0] == r->out_bytes && strides[1] == r->job.format.elem_bytes)
    for (int64_t some; i < count; i += some) {
      some = count - i < r->side ? count - i : r->side;
      order_side(c, data[0] + i * strides[0], data[1] + i * strides[1], some);
    }
  for (; i < count; i++) order_row(c, data[0] + i * strides[0], data[1] + i * strides[1]);
}

static void run_chunk(void *ctx, int64_t first, int64_t end) {
  rows *r = ctx;
  chunk c = {r, hr_scratch_take(&r->scratch)};
  hr_loop_range(&r->loop, first, end, rows_run, &c);
  hr_scratch_give(&r->scratch, c.items);
}

static hr_status run_rows(rows *r) {
  const hr_sort_job *job = &r->job;
  int64_t widest = job->format.elem_bytes > r->out_bytes ? job->format.elem_bytes : r->out_bytes;
  /* A line of the cache more: else items of rows of a power of two would fall on the same few lines. */
  r->row_bytes = (job->n * job->format.item_bytes / HR_DATA_ALIGN + 2) * HR_DATA_ALIGN;
  r->side = LINE / widest;
  if (r->side > SIDE_ROWS) r->side = SIDE_ROWS;
  if (r->side > SIDE_BYTES / r->row_bytes) r->side = SIDE_BYTES / r->row_bytes;
  if (r->side > r->loop.shape[r->loop.ndim - 1]) r->side = r->loop.shape[r->loop.ndim - 1];
  if (r->side < 1 || !job->format.kernels || llabs(job->in_stride) <= widest) r->side = 1;
  r->grain = job->n < CHUNK_ITEMS ? CHUNK_ITEMS / job->n : 1;
  r->grain = (r->grain + r->side - 1) / r->side * r->side;
  int64_t chunks = (r->loop.size + r->grain - 1) / r->grain;
  hr_status status = hr_scratch_init(&r->scratch, (size_t)((r->side + 1) * r->row_bytes), chunks);
  if (status != HR_OK) return status;
  hr_parallel_range(r->loop.size, r->grain, run_chunk, r);
  hr_scratch_deinit(&r->scratch);
  return HR_OK;
}

static hr_status run_long_rows(rows *r) {
  const hr_sort_job *job = &r->job;
  hr_status status = HR_OK;
  for (int64_t i = 0; i < r->loop.size && status == HR_OK; i++) {
    char *out = hr_loop_at(&r->loop, 0, i), *row = hr_loop_at(&r->loop, 1, i);
    status = job->parts ? hr_part_long(job, out, row) : hr_sort_long(job, out, row);
  }
  return status;
}

/* --- the op --- */

static void rows_init(rows *r, const hr_array *in, const hr_array *out, int axis) {
  int shape[HR_MAX_NDIM], count = 0;
  int64_t in_strides[HR_MAX_NDIM], out_strides[HR_MAX_NDIM];
  for (int i = 0; i < in->ndim; i++) {
    if (i == axis) continue;
    shape[count] = hr_array_shape(in)[i];
    in_strides[count] = hr_array_strides(in)[i];
    out_strides[count++] = hr_array_strides(out)[i];
  }
  r->out_bytes = (int64_t)hr_array_itemsize(out);
  hr_loop_init(&r->loop, shape, count);
  hr_loop_add_strided(&r->loop, hr_array_data(out), out_strides, r->out_bytes);
  hr_loop_add_strided(&r->loop, hr_array_data(in), in_strides, (int64_t)hr_array_itemsize(in));
  hr_loop_collapse(&r->loop);
  r->job.in_stride = hr_array_strides(in)[axis] * (int64_t)hr_array_itemsize(in);
  r->job.out_stride = hr_array_strides(out)[axis] * r->out_bytes;
}

hr_status hr_cpu_sort(const hr_run *run) {
  const hr_sort_attrs *attrs = run->attrs;
  const hr_array *in = run->in[0], *out = run->out[0];
  int kind = run->op->kernel;
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK || out->size == 0) return status;
  rows r = {.job = {.n = hr_array_shape(in)[attrs->axis], .kth = attrs->kth}};
  r.job.gives_places = kind == HR_SORT_ARGSORT || kind == HR_SORT_ARGPARTITION;
  r.job.parts = kind >= HR_SORT_PARTITION;
  r.job.first = kind == HR_SORT_TOPK ? attrs->kth : 0;
  hr_sort_format_set(&r.job.format, hr_array_dtype(in), r.job.gives_places);
  rows_init(&r, in, out, attrs->axis);
  int64_t length = r.job.first > 0 ? HR_TOP_LONG : r.job.parts ? HR_PART_LONG : HR_SORT_LONG;
  bool shared = r.job.n > (r.loop.size >= MANY_ROWS ? GREAT_ROW : length);
  status = shared ? run_long_rows(&r) : run_rows(&r);
  return status == HR_OK ? HR_OK : hr_fail_prefix(status, "%s: ", run->op->name);
}
