/* src/cpu/sort.c - sort, argsort, partition, argpartition and topk along one axis of any layout.
 *
 * A row is turned into items (sort_keys.h), which are sorted by radix (radix.h) or parted (select.h), and turned back.
 * Short rows are shared out among workers; a long one is worked on by all of them, one row after the other. */
#include <string.h>

#include "array/buffer.h"
#include "cpu/radix.h"
#include "cpu/select.h"
#include "cpu/split.h"
#include "ops/op_list.h"
#include "ops/sort.h"
#include "sched/parallel.h"

enum { CHUNK_ITEMS = 32768 }; /* elements of the short rows that a worker takes at a time: 0.1 to 0.5 ms */

typedef struct job {
  hr_sort_format format;
  bool parts, gives_places;
  int64_t n, kth;
  int64_t first; /* the first place of the order that is stored, at the start of the output's row */
  int64_t in_stride, out_stride;
  hr_loop rows; /* operand 0 is the output, operand 1 the input */
  int64_t grain;
  char *items, *scratch; /* of a chunk of short rows, or of one long row: n items each */
  int64_t chunk_bytes;   /* from one chunk's items to the next one's */
  char *counts;          /* of hr_radix_sort_parallel() */
} job;

/* Stores `count` items that have the places from `place` on, as far as they are asked for. */
static void store(const job *j, char *out, const char *row, int64_t place, const char *items, int64_t count) {
  int64_t skip = place < j->first ? j->first - place : 0;
  if (skip >= count) return;
  items += skip * j->format.item_bytes;
  out += (place + skip - j->first) * j->out_stride;
  if (j->gives_places)
    hr_sort_store_places(&j->format, out, j->out_stride, items, 0, count - skip);
  else
    hr_sort_store(&j->format, out, j->out_stride, items, row, j->in_stride, 0, count - skip);
}

static bool worth_parting(const job *j) { return j->parts && j->n > HR_SELECT_LEAST && j->format.item_bytes >= 4; }

/* Bits in which n items differ from the first, of their first integers; places left out. */
static uint64_t difference(const hr_sort_format *format, const char *items, int64_t n) {
  uint64_t differ = 0, first = 0, mask = format->key_shift ? ~(uint64_t)UINT32_MAX : ~(uint64_t)0;
  size_t bytes = format->item_bytes < 8 ? (size_t)format->item_bytes : 8;
  memcpy(&first, items, bytes);
  for (int64_t i = 1; i < n; i++) {
    uint64_t value = 0;
    memcpy(&value, items + i * format->item_bytes, bytes);
    differ |= value ^ first;
  }
  return differ & mask;
}

static void sort_row(const job *j, char *items, char *scratch, char *out, const char *row) {
  uint64_t differ = hr_sort_load(&j->format, items, row, j->in_stride, 0, j->n);
  store(j, out, row, 0, hr_radix_sort(items, scratch, j->n, j->format.item_bytes, differ), j->n);
}

static void part_row(const job *j, char *items, char *scratch, char *out, const char *row) {
  int64_t item = j->format.item_bytes;
  hr_select_bounds bounds;
  hr_select_bounds_set(&bounds, &j->format, items, scratch, row, j->in_stride, j->n, j->kth);
  (void)hr_sort_load(&j->format, items, row, j->in_stride, 0, j->n);
  hr_select_counts c = hr_select_part(scratch, items, j->n, (int)item, &bounds);
  if (j->kth < c.below || j->kth >= c.below + c.between) {
    sort_row(j, items, scratch, out, row);
    return;
  }
  store(j, out, row, 0, scratch, c.below);
  store(j, out, row, c.below + c.between, scratch + (j->n - c.above) * item, c.above);
  uint64_t differ = difference(&j->format, items, c.between);
  store(j, out, row, c.below, hr_radix_sort(items, scratch, c.between, (int)item, differ), c.between);
}

typedef struct chunk {
  const job *job;
  char *items, *scratch;
} chunk;

static void rows_run(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  const chunk *c = ctx;
  for (int64_t i = 0; i < count; i++) {
    char *out = data[0] + i * strides[0];
    const char *row = data[1] + i * strides[1];
    if (worth_parting(c->job))
      part_row(c->job, c->items, c->scratch, out, row);
    else
      sort_row(c->job, c->items, c->scratch, out, row);
  }
}

static void short_rows(void *ctx, int64_t first, int64_t end) {
  const job *j = ctx;
  chunk c = {j, j->items + first / j->grain * j->chunk_bytes, j->scratch + first / j->grain * j->chunk_bytes};
  hr_loop_range(&j->rows, first, end, rows_run, &c);
}

/* --- one long row; chunks have HR_RADIX_CHUNK items --- */

typedef struct long_row {
  const job *job;
  const char *row;
  char *out;
  const char *sorted;
  hr_select_bounds bounds;
  uint64_t *differ;         /* of each chunk */
  hr_select_counts *counts; /* of each chunk, then the places of the first of each kind */
} long_row;

static int64_t chunk_end(const job *j, int64_t index) {
  int64_t end = (index + 1) * HR_RADIX_CHUNK;
  return end < j->n ? end : j->n;
}

static void load_chunk(void *ctx, int64_t index) {
  long_row *r = ctx;
  const job *j = r->job;
  r->differ[index] =
      hr_sort_load(&j->format, j->items, r->row, j->in_stride, index * HR_RADIX_CHUNK, chunk_end(j, index));
}

static void store_chunk(void *ctx, int64_t index) {
  const long_row *r = ctx;
  const job *j = r->job;
  int64_t first = index * HR_RADIX_CHUNK;
  store(j, r->out, r->row, first, r->sorted + first * j->format.item_bytes, chunk_end(j, index) - first);
}

static void sort_long(long_row *r) {
  const job *j = r->job;
  int64_t chunks = (j->n + HR_RADIX_CHUNK - 1) / HR_RADIX_CHUNK;
  uint64_t differ = 0;
  hr_parallel_for(chunks, load_chunk, r);
  for (int64_t i = 0; i < chunks; i++) differ |= r->differ[i];
  r->sorted = hr_radix_sort_parallel(j->items, j->scratch, j->n, j->format.item_bytes, differ, j->counts);
  hr_parallel_for(chunks, store_chunk, r);
}

static void part_chunk(void *ctx, int64_t index) {
  long_row *r = ctx;
  const job *j = r->job;
  int64_t first = index * HR_RADIX_CHUNK, at = first * j->format.item_bytes;
  load_chunk(r, index);
  r->counts[index] =
      hr_select_part(j->scratch + at, j->items + at, chunk_end(j, index) - first, j->format.item_bytes, &r->bounds);
}

/* Items below and above go where they belong: counts hold the places of the chunk's first ones. */
static void store_sides(void *ctx, int64_t index) {
  const long_row *r = ctx;
  const job *j = r->job;
  const hr_select_counts *c = r->counts + index, *next = c + 1;
  int64_t item = j->format.item_bytes, above = next->above - c->above;
  store(j, r->out, r->row, c->below, j->scratch + index * HR_RADIX_CHUNK * item, next->below - c->below);
  store(j, r->out, r->row, c->above, j->scratch + (chunk_end(j, index) - above) * item, above);
}

/* Counts to places: those below from 0, those between after them, those above at the end. counts[chunks] is the sum. */
static hr_select_counts place_sides(long_row *r, int64_t chunks) {
  hr_select_counts sum = {0, 0, 0}, at = {0, 0, 0};
  for (int64_t i = 0; i < chunks; i++) sum.above += r->counts[i].above;
  at.above = r->job->n - sum.above;
  for (int64_t i = 0; i < chunks; i++) {
    hr_select_counts c = r->counts[i];
    r->counts[i] = at;
    at.below += c.below;
    at.between += c.between;
    at.above += c.above;
  }
  r->counts[chunks] = at;
  return (hr_select_counts){at.below, at.between, sum.above};
}

static void part_long(long_row *r) {
  const job *j = r->job;
  int64_t chunks = (j->n + HR_RADIX_CHUNK - 1) / HR_RADIX_CHUNK, item = j->format.item_bytes;
  hr_select_bounds_set(&r->bounds, &j->format, j->items, j->scratch, r->row, j->in_stride, j->n, j->kth);
  hr_parallel_for(chunks, part_chunk, r);
  hr_select_counts c = place_sides(r, chunks);
  if (j->kth < c.below || j->kth >= c.below + c.between) {
    sort_long(r);
    return;
  }
  hr_parallel_for(chunks, store_sides, r);
  for (int64_t i = 0; i < chunks; i++)
    memmove(j->items + r->counts[i].between * item, j->items + i * HR_RADIX_CHUNK * item,
            (size_t)((r->counts[i + 1].between - r->counts[i].between) * item));
  uint64_t differ = difference(&j->format, j->items, c.between);
  const char *sorted = hr_radix_sort_parallel(j->items, j->scratch, c.between, (int)item, differ, j->counts);
  store(j, r->out, r->row, c.below, sorted, c.between);
}

static void long_rows_run(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  const job *j = ctx;
  int64_t chunks = (j->n + HR_RADIX_CHUNK - 1) / HR_RADIX_CHUNK;
  char *counts = j->counts + hr_radix_count_bytes(j->n);
  for (int64_t i = 0; i < count; i++) {
    long_row r = {.job = j, .row = data[1] + i * strides[1], .out = data[0] + i * strides[0]};
    r.differ = (uint64_t *)counts;
    r.counts = (hr_select_counts *)(counts + chunks * (int64_t)sizeof *r.differ);
    if (worth_parting(j))
      part_long(&r);
    else
      sort_long(&r);
  }
}

/* --- the op --- */

static void job_rows(job *j, const hr_array *in, const hr_array *out, int axis) {
  int shape[HR_MAX_NDIM], count = 0;
  int64_t in_strides[HR_MAX_NDIM], out_strides[HR_MAX_NDIM];
  for (int i = 0; i < in->ndim; i++) {
    if (i == axis) continue;
    shape[count] = hr_array_shape(in)[i];
    in_strides[count] = hr_array_strides(in)[i];
    out_strides[count++] = hr_array_strides(out)[i];
  }
  hr_loop_init(&j->rows, shape, count);
  hr_loop_add_strided(&j->rows, hr_array_data(out), out_strides, (int64_t)hr_array_itemsize(out));
  hr_loop_add_strided(&j->rows, hr_array_data(in), in_strides, (int64_t)hr_array_itemsize(in));
  hr_loop_collapse(&j->rows);
  j->in_stride = hr_array_strides(in)[axis] * (int64_t)hr_array_itemsize(in);
  j->out_stride = hr_array_strides(out)[axis] * (int64_t)hr_array_itemsize(out);
}

/* Items and scratch for every chunk, and what a long row counts. */
static hr_status job_memory(job *j, hr_buffer **buffer) {
  bool is_long = j->n > HR_RADIX_PARALLEL;
  j->grain = j->n < CHUNK_ITEMS ? CHUNK_ITEMS / j->n : 1;
  j->chunk_bytes = (j->n * j->format.item_bytes + 63) / 64 * 64;
  int64_t chunks = is_long ? 1 : (j->rows.size + j->grain - 1) / j->grain;
  int64_t row_chunks = (j->n + HR_RADIX_CHUNK - 1) / HR_RADIX_CHUNK;
  int64_t counts =
      hr_radix_count_bytes(j->n) + (row_chunks + 1) * (int64_t)(sizeof(uint64_t) + sizeof(hr_select_counts));
  hr_status status = hr_buffer_new(buffer, (size_t)(2 * chunks * j->chunk_bytes + (is_long ? counts : 0)));
  if (status != HR_OK) return status;
  j->items = (*buffer)->data;
  j->scratch = j->items + chunks * j->chunk_bytes;
  j->counts = j->scratch + chunks * j->chunk_bytes;
  return HR_OK;
}

hr_status hr_cpu_sort(const hr_run *run) {
  const hr_sort_attrs *attrs = run->attrs;
  const hr_array *in = run->in[0], *out = run->out[0];
  int kind = run->op->kernel;
  hr_buffer *buffer;
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK || out->size == 0) return status;
  job j = {.n = hr_array_shape(in)[attrs->axis], .kth = attrs->kth};
  j.gives_places = kind == HR_SORT_ARGSORT || kind == HR_SORT_ARGPARTITION;
  j.parts = kind >= HR_SORT_PARTITION;
  j.first = kind == HR_SORT_TOPK ? attrs->kth : 0;
  hr_sort_format_set(&j.format, hr_array_dtype(in), j.gives_places);
  job_rows(&j, in, out, attrs->axis);
  status = job_memory(&j, &buffer);
  if (status != HR_OK) return hr_fail_prefix(status, "%s: ", run->op->name);
  if (j.n > HR_RADIX_PARALLEL)
    hr_loop_range(&j.rows, 0, j.rows.size, long_rows_run, &j);
  else
    hr_parallel_range(j.rows.size, j.grain, short_rows, &j);
  hr_buffer_release(buffer);
  return HR_OK;
}
