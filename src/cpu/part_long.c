/* src/cpu/part_long.c - brings the elements of one long row to both sides of the kth, with several workers.
 *
 * A sorted sample gives two bounds between which the kth most probably is. One pass over the row counts what is below,
 * between and above in each chunk, which says where each chunk's elements go; a second pass stores them. Only those
 * between are looked at again. Should the kth not be among them, the row is sorted, so the result is always right. */
#include <math.h>
#include <string.h>

#include "array/buffer.h"
#include "cpu/order.h"
#include "cpu/scratch.h"
#include "cpu/sort_job.h"
#include "sched/parallel.h"

enum { CHUNK = 131072, TILE = 2048, SAMPLES_LEAST = 512, SAMPLES_MOST = 8192 };

/* Of a chunk: how many items of each kind it has, or where the first ones go. */
typedef struct sides {
  int64_t below, between, above;
} sides;

typedef struct long_row {
  const hr_sort_job *job;
  const hr_order_kernels *kernels;
  const char *row;
  char *out;
  uint64_t low, high; /* below: less than low. Above: not less than high. */
  bool has_above;
  int64_t chunk;
  sides *chunks;
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
  r->low = ranks.low < 0 ? 0 : sample[ranks.low];
  r->has_above = ranks.high < count && sample[ranks.high] < (item == 4 ? UINT32_MAX : UINT64_MAX);
  r->high = r->has_above ? sample[ranks.high] + 1 : 0;
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
  char *tile = hr_scratch_take(&r->scratch);
  *sum = (sides){0, 0, 0};
  for (int64_t i = first; i < end; i += TILE) {
    int64_t count = end - i < TILE ? end - i : TILE;
    load_tile(r, tile, i, count);
    sum->below += r->kernels->count(tile, count, r->low);
    if (r->has_above) sum->above += count - r->kernels->count(tile, count, r->high);
  }
  sum->between = end - first - sum->below - sum->above;
  hr_scratch_give(&r->scratch, tile);
}

/* Counts to places. Those between are placed in memory of their own. Answers the sums. */
static sides place_chunks(long_row *r, int64_t chunks) {
  sides sum = {0, 0, 0};
  for (int64_t i = 0; i < chunks; i++) {
    sides count = r->chunks[i];
    r->chunks[i] = sum;
    sum.below += count.below;
    sum.between += count.between;
    sum.above += count.above;
  }
  for (int64_t i = 0; i < chunks; i++) r->chunks[i].above += sum.below + sum.between;
  return sum;
}

static void part_chunk(void *ctx, int64_t first, int64_t end) {
  long_row *r = ctx;
  const hr_sort_job *job = r->job;
  sides at = r->chunks[first / r->chunk];
  int64_t bytes = job->format.item_bytes;
  char *tile = hr_scratch_take(&r->scratch), *low = tile + TILE * bytes;
  for (int64_t i = first; i < end; i += TILE) {
    int64_t count = end - i < TILE ? end - i : TILE;
    load_tile(r, tile, i, count);
    int64_t below = r->kernels->part(tile, count, r->low, low, tile), between = count - below;
    hr_sort_put(job, r->out, r->row, at.below, low, below);
    char *rest = tile;
    if (r->has_above) between = r->kernels->part(tile, between, r->high, low, tile), rest = low;
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

hr_status hr_part_long(const hr_sort_job *job, char *out, const char *row) {
  long_row r = {.job = job, .kernels = hr_order_kernels_of(&job->format), .row = row, .out = out};
  r.chunk = job->n / 8 < CHUNK ? (job->n / 8 + TILE - 1) / TILE * TILE : CHUNK;
  int64_t chunks = (job->n + r.chunk - 1) / r.chunk;
  hr_buffer *buffer;
  bool done = false;
  hr_status status = hr_buffer_new(&buffer, (size_t)chunks * sizeof *r.chunks);
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
