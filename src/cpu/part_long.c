/* src/cpu/part_long.c - brings the elements of one long row to both sides of the kth, with several workers.
 *
 * A sorted sample gives two bounds between which the kth most probably is. One pass over the row counts what is below,
 * between and above in each chunk, which says where each chunk's elements go; a second pass stores them, with AVX-512
 * straight from a vector of elements (kernels/split_body.h), else by tiles of items. Only those between are looked at
 * again. Should the kth not be among them, the row is sorted, so the result is always right. */
#include <math.h>
#include <string.h>

#include "array/buffer.h"
#include "cpu/order.h"
#include "cpu/scratch.h"
#include "cpu/sort_job.h"
#include "sched/parallel.h"

enum { CHUNK = 131072, TILE = 2048, SAMPLES_LEAST = 1024, SAMPLES_MOST = 8192 };

typedef hr_split_sides sides; /* of a chunk: how many items of each side it has, or where the first ones go */

typedef struct long_row {
  const hr_sort_job *job;
  const hr_order_kernels *kernels;
  const char *row;
  char *out;
  const hr_split_kernels *splits; /* or NULL: items are made, parted and turned back in tiles */
  hr_split_bounds bounds;
  bool has_above;
  int64_t chunk;
  sides *chunks; /* and one more, where all of them end */
  char *between;
  int64_t first_between; /* the place of the first of them */
  hr_scratch scratch;    /* two tiles of items */
} long_row;

static hr_status set_bounds(long_row *r) {
  const hr_sort_job *job = r->job;
  hr_buffer *buffer;
  int64_t count = SAMPLES_LEAST, item = job->format.item_bytes;
  while (count < SAMPLES_MOST && (double)count < 2 * sqrt((double)job->n)) count *= 2;
  hr_status status = hr_buffer_new(&buffer, (size_t)(count * 8 + count * (item < 8 ? 8 : item)));
  if (status != HR_OK) return status;
  char *memory = buffer->data;
  const uint64_t *sample =
      hr_order_sample(&job->format, r->row, job->in_stride, job->n, count, memory + count * 8, memory);
  hr_order_ranks ranks = hr_order_ranks_of(job->kth, job->n, count);
  uint64_t greatest = item == 4 ? UINT32_MAX : UINT64_MAX;
  r->bounds.low = ranks.low < 0 ? 0 : sample[ranks.low];
  r->bounds.last = ranks.high < count ? sample[ranks.high] : greatest;
  r->has_above = r->bounds.last < greatest;
  hr_buffer_release(buffer);
  return HR_OK;
}

static void load_tile(const long_row *r, char *tile, int64_t first, int64_t count) {
  const hr_sort_job *job = r->job;
  hr_sort_load(&job->format, tile, r->row + first * job->in_stride, job->in_stride, first, count);
}

static void count_chunk(void *ctx, int64_t first, int64_t end) {
  long_row *r = ctx;
  sides *sum = &r->chunks[first / r->chunk];
  if (r->splits) {
    r->splits->sides(sum, r->row + first * r->job->in_stride, first, end - first, &r->bounds);
    return;
  }
  char *tile = hr_scratch_take(&r->scratch);
  *sum = (sides){0, 0, 0};
  for (int64_t i = first; i < end; i += TILE) {
    int64_t count = end - i < TILE ? end - i : TILE;
    load_tile(r, tile, i, count);
    sum->below += r->kernels->count(tile, count, r->bounds.low);
    if (r->has_above) sum->above += count - r->kernels->count(tile, count, r->bounds.last + 1);
  }
  sum->between = end - first - sum->below - sum->above;
  hr_scratch_give(&r->scratch, tile);
}

/* Counts to places. Those between are placed in memory of their own. Answers the sums, with which
 * another chunk would start. */
static sides place_chunks(long_row *r, int64_t chunks) {
  sides sum = {0, 0, 0};
  for (int64_t i = 0; i < chunks; i++) {
    sides count = r->chunks[i];
    r->chunks[i] = sum;
    sum.below += count.below;
    sum.between += count.between;
    sum.above += count.above;
  }
  r->chunks[chunks] = sum;
  for (int64_t i = 0; i <= chunks; i++) r->chunks[i].above += sum.below + sum.between;
  return sum;
}

/* `count` places as uint32 to items, in the same memory: from the last one on, which needs no memory of others. */
static void load_at_places(const long_row *r, char *items, int64_t count) {
  const hr_sort_job *job = r->job;
  while (count-- > 0) {
    uint32_t place;
    memcpy(&place, items + count * (int64_t)sizeof place, sizeof place);
    hr_sort_load(&job->format, items + count * job->format.item_bytes, r->row + place * job->in_stride, job->in_stride,
                 place, 1);
  }
}

static void split_chunk(long_row *r, int64_t first, int64_t end) {
  const hr_sort_job *job = r->job;
  sides at = r->chunks[first / r->chunk], next = r->chunks[first / r->chunk + 1];
  sides room = {next.below - at.below, next.between - at.between, next.above - at.above};
  char *between = r->between + at.between * job->format.item_bytes;
  /* Where only what is behind the kth is asked for, all that is below its bounds is not. */
  char *below = job->first > 0 ? NULL : r->out + at.below * job->out_stride;
  hr_split_to to = {below, between, r->out + (at.above - job->first) * job->out_stride, room};
  r->splits->split(to, r->row + first * job->in_stride, first, end - first, &r->bounds);
  if (job->gives_places) load_at_places(r, between, room.between);
}

static void part_chunk(void *ctx, int64_t first, int64_t end) {
  long_row *r = ctx;
  const hr_sort_job *job = r->job;
  if (r->splits) {
    split_chunk(r, first, end);
    return;
  }
  sides at = r->chunks[first / r->chunk];
  int64_t bytes = job->format.item_bytes;
  char *tile = hr_scratch_take(&r->scratch), *low = tile + TILE * bytes;
  for (int64_t i = first; i < end; i += TILE) {
    int64_t count = end - i < TILE ? end - i : TILE;
    load_tile(r, tile, i, count);
    int64_t below = r->kernels->part(tile, count, r->bounds.low, low, tile), between = count - below;
    hr_sort_put(job, r->out, r->row, at.below, low, below);
    char *rest = tile;
    if (r->has_above) between = r->kernels->part(tile, between, r->bounds.last + 1, low, tile), rest = low;
    memcpy(r->between + at.between * bytes, rest, (size_t)(between * bytes));
    hr_sort_put(job, r->out, r->row, at.above, tile, count - below - between);
    at.below += below;
    at.between += between;
    at.above += count - below - between;
  }
  hr_scratch_give(&r->scratch, tile);
}

static void put_between(void *ctx, int64_t first, int64_t end) {
  const long_row *r = ctx;
  hr_sort_put(r->job, r->out, r->row, r->first_between + first, r->between + first * r->job->format.item_bytes,
              end - first);
}

/* *done: unless the kth is not between the bounds. */
static hr_status part_between(long_row *r, sides sum, bool *done) {
  const hr_sort_job *job = r->job;
  hr_buffer *buffer;
  int64_t bytes = sum.between * job->format.item_bytes;
  *done = job->kth >= sum.below && job->kth < sum.below + sum.between;
  if (!*done) return HR_OK;
  hr_status status = hr_buffer_new(&buffer, (size_t)(2 * bytes));
  if (status != HR_OK) return status;
  r->between = buffer->data;
  hr_parallel_range(job->n, r->chunk, part_chunk, r);
  hr_order_select(&job->format, r->between, r->between + bytes, sum.between, job->kth - sum.below);
  r->first_between = sum.below;
  hr_parallel_range(sum.between, r->chunk, put_between, r);
  hr_buffer_release(buffer);
  return HR_OK;
}

/* Kernels that take elements as they lie, if there are any. */
static const hr_split_kernels *splits_of(const hr_sort_job *job) {
  const hr_sort_format *format = &job->format;
  int64_t out_bytes = job->gives_places ? (int64_t)sizeof(uint32_t) : format->elem_bytes;
  if (!format->kernels || job->in_stride != format->elem_bytes || job->out_stride != out_bytes) return NULL;
  const hr_split_kernels *splits = &format->kernels->splits[format->places];
  return splits->split ? splits : NULL;
}

hr_status hr_part_long(const hr_sort_job *job, char *out, const char *row) {
  if (hr_sort_counts(job)) return hr_sort_count(job, out, row); /* which brings all to their places */
  long_row r = {.job = job, .kernels = hr_order_kernels_of(&job->format), .row = row, .out = out};
  r.splits = splits_of(job);
  r.chunk = job->n / 8 < CHUNK ? (job->n / 8 + TILE - 1) / TILE * TILE : CHUNK;
  int64_t chunks = (job->n + r.chunk - 1) / r.chunk;
  hr_buffer *buffer;
  bool done = false;
  hr_status status = hr_buffer_new(&buffer, (size_t)(chunks + 1) * sizeof *r.chunks);
  if (status != HR_OK) return status;
  r.chunks = buffer->data;
  status = set_bounds(&r);
  if (status == HR_OK) status = hr_scratch_init(&r.scratch, (size_t)(2 * TILE * job->format.item_bytes), chunks);
  if (status == HR_OK) {
    hr_parallel_range(job->n, r.chunk, count_chunk, &r);
    status = part_between(&r, place_chunks(&r, chunks), &done);
  }
  hr_scratch_deinit(&r.scratch);
  hr_buffer_release(buffer);
  return status != HR_OK || done ? status : hr_sort_long(job, out, row);
}
