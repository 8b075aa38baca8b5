/* src/cpu/sort_long.c - sorts one long row with several workers.
 *
 * A sorted sample gives values between which about as many elements lie: the bounds of buckets. Each chunk of the row
 * is parted by them while it is in a core's cache; then each bucket is gathered from all chunks, sorted and stored
 * (sample sort: Frazer and McKellar 1970). So a row passes through memory twice. A value that the sample holds twice
 * gets a bucket of its own, which needs no sorting. Should a bucket be too large for its room, or where only radix sort
 * is there, the row is sorted by radix, digit by digit. Elements of one or two bytes are counted (sort_count.c). */
#include <string.h>

#include "array/buffer.h"
#include "cpu/order.h"
#include "cpu/radix.h"
#include "cpu/scratch.h"
#include "cpu/sort_job.h"
#include "sched/parallel.h"

enum {
  CHUNK_LEAST = 16384,
  CHUNK_BYTES = 512 << 10, /* of a long row's chunks: with as much scratch they stay in a core's cache */
  BUCKET_BYTES = 128 << 10,
  BUCKETS_LEAST = 8,
  BUCKETS_MOST = 1024,
  SAMPLES = 32, /* a bucket: its size has a standard deviation of 18 % */
  ROOM = 2      /* of what is expected is a bucket's room */
};

/* --- by radix --- */

typedef struct radix_row {
  const hr_sort_job *job;
  const char *row;
  char *out, *items, *sorted;
} radix_row;

static void load_chunk(void *ctx, int64_t first, int64_t end) {
  const radix_row *r = ctx;
  const hr_sort_job *job = r->job;
  hr_sort_load(&job->format, r->items + first * job->format.item_bytes, r->row + first * job->in_stride, job->in_stride,
               first, end - first);
}

static void put_chunk(void *ctx, int64_t first, int64_t end) {
  const radix_row *r = ctx;
  hr_sort_put(r->job, r->out, r->row, first, r->sorted + first * r->job->format.item_bytes, end - first);
}

static hr_status sort_by_radix(const hr_sort_job *job, char *out, const char *row) {
  hr_buffer *buffer;
  radix_row r = {.job = job, .row = row, .out = out};
  int64_t bytes = (job->n * job->format.item_bytes + HR_DATA_ALIGN - 1) / HR_DATA_ALIGN * HR_DATA_ALIGN;
  hr_status status = hr_buffer_new(&buffer, (size_t)(2 * bytes + hr_radix_count_bytes(job->n)));
  if (status != HR_OK) return status;
  r.items = buffer->data;
  hr_parallel_range(job->n, HR_RADIX_CHUNK, load_chunk, &r);
  r.sorted = hr_radix_sort_parallel(r.items, r.items + bytes, job->n, job->format.item_bytes,
                                    hr_order_mask(&job->format), r.items + 2 * bytes);
  hr_parallel_range(job->n, HR_RADIX_CHUNK, put_chunk, &r);
  hr_buffer_release(buffer);
  return HR_OK;
}

/* --- by samples --- */

typedef struct long_row {
  const hr_sort_job *job;
  const hr_order_kernels *kernels;
  const char *row;
  char *out;
  int64_t chunk, chunks; /* elements of a chunk, and how many chunks */
  int64_t buckets, room; /* how many, and the items that each may have */
  char *items;           /* n, in the order of chunks, within each of buckets */
  uint64_t *bounds; /* bucket b has what is not less than bounds[b] and, but for the last, less than bounds[b + 1] */
  int64_t *starts;  /* of each bucket in the sorted row, and n */
  uint32_t *ends;   /* where each chunk's buckets end in the chunk: [chunks][buckets] */
  hr_scratch scratch;
} long_row;

static uint64_t greatest_item(const long_row *r) { return r->job->format.item_bytes == 4 ? UINT32_MAX : UINT64_MAX; }

/* All items of the bucket are equal, or there are none. */
static bool is_constant(const long_row *r, int64_t b) {
  if (b == r->buckets - 1) return r->bounds[b] == greatest_item(r);
  return r->bounds[b + 1] - r->bounds[b] <= 1;
}

static hr_status take_memory(long_row *r, hr_buffer **buffer) {
  const hr_sort_job *job = r->job;
  int64_t item = job->format.item_bytes, items = (job->n * item + HR_DATA_ALIGN - 1) / HR_DATA_ALIGN * HR_DATA_ALIGN;
  int64_t words = 2 * r->buckets + 1, block = 2 * r->room < r->chunk ? r->chunk : 2 * r->room;
  hr_status status = hr_buffer_new(buffer, (size_t)(items + words * 8 + r->chunks * r->buckets * 4));
  if (status != HR_OK) return status;
  r->items = (*buffer)->data;
  r->bounds = (uint64_t *)(r->items + items);
  r->starts = (int64_t *)(r->bounds + r->buckets);
  r->ends = (uint32_t *)(r->starts + r->buckets + 1);
  return hr_scratch_init(&r->scratch, (size_t)(block * item), r->chunks > r->buckets ? r->chunks : r->buckets);
}

static hr_status set_bounds(long_row *r) {
  const hr_sort_job *job = r->job;
  hr_buffer *buffer;
  int64_t count = SAMPLES * r->buckets;
  hr_status status = hr_buffer_new(&buffer, (size_t)(2 * count * 8));
  if (status != HR_OK) return status;
  char *memory = buffer->data;
  const uint64_t *sample =
      hr_order_sample(&job->format, r->row, job->in_stride, job->n, count, memory, memory + count * 8);
  r->bounds[0] = 0;
  for (int64_t b = 1; b < r->buckets; b++) {
    uint64_t value = sample[b * SAMPLES];
    bool again = b > 1 && value == sample[(b - 1) * SAMPLES] && value < greatest_item(r);
    r->bounds[b] = value + again;
  }
  hr_buffer_release(buffer);
  return HR_OK;
}

typedef struct parting {
  const long_row *row;
  uint32_t *ends; /* of the chunk's buckets */
} parting;

/* n items lie in `items`, or in `scratch`; they are parted into buckets [from, end), which go to `items`. Parting
 * leaves what is below in `items` and the rest in `scratch`; as much of the other is free for each. */
static void part_items(const parting *p, char *items, char *scratch, int64_t n, bool in_scratch, int64_t from,
                       int64_t end, int64_t at) {
  const long_row *r = p->row;
  int64_t bytes = r->job->format.item_bytes;
  if (end - from == 1) {
    if (in_scratch) memcpy(items, scratch, (size_t)(n * bytes));
    p->ends[from] = (uint32_t)(at + n);
    return;
  }
  int64_t middle = (from + end) / 2;
  int64_t below = r->kernels->part(in_scratch ? scratch : items, n, r->bounds[middle], items, scratch);
  part_items(p, items, scratch + (n - below) * bytes, below, false, from, middle, at);
  part_items(p, items + below * bytes, scratch, n - below, true, middle, end, at + below);
}

static void part_chunk(void *ctx, int64_t first, int64_t end) {
  long_row *r = ctx;
  const hr_sort_job *job = r->job;
  char *items = r->items + first * job->format.item_bytes, *scratch = hr_scratch_take(&r->scratch);
  parting p = {r, r->ends + first / r->chunk * r->buckets};
  hr_sort_load(&job->format, items, r->row + first * job->in_stride, job->in_stride, first, end - first);
  part_items(&p, items, scratch, end - first, false, 0, r->buckets, 0);
  hr_scratch_give(&r->scratch, scratch);
}

/* Sets the starts; false if a bucket that must be sorted has no room. */
static bool place_buckets(long_row *r) {
  bool fits = true;
  r->starts[0] = 0;
  for (int64_t b = 0; b < r->buckets; b++) {
    int64_t count = 0;
    for (int64_t chunk = 0; chunk < r->chunks; chunk++) {
      const uint32_t *ends = r->ends + chunk * r->buckets;
      count += ends[b] - (b > 0 ? ends[b - 1] : 0);
    }
    r->starts[b + 1] = r->starts[b] + count;
    fits = fits && (count <= r->room || is_constant(r, b));
  }
  return fits;
}

static void gather_bucket(const long_row *r, int64_t b, char *to) {
  int64_t bytes = r->job->format.item_bytes;
  for (int64_t chunk = 0; chunk < r->chunks; chunk++) {
    const uint32_t *ends = r->ends + chunk * r->buckets;
    int64_t first = b > 0 ? ends[b - 1] : 0, size = (ends[b] - first) * bytes;
    memcpy(to, r->items + (chunk * r->chunk + first) * bytes, (size_t)size);
    to += size;
  }
}

static void put_constant(const long_row *r, int64_t b, char *items) {
  int64_t bytes = r->job->format.item_bytes, count = r->starts[b + 1] - r->starts[b];
  for (int64_t i = 0; i < count && i < r->room; i++) memcpy(items + i * bytes, &r->bounds[b], (size_t)bytes);
  for (int64_t i = 0; i < count; i += r->room)
    hr_sort_put(r->job, r->out, r->row, r->starts[b] + i, items, count - i < r->room ? count - i : r->room);
}

static void sort_bucket(void *ctx, int64_t b) {
  long_row *r = ctx;
  int64_t count = r->starts[b + 1] - r->starts[b];
  char *items = hr_scratch_take(&r->scratch);
  if (is_constant(r, b)) {
    put_constant(r, b, items);
  } else {
    gather_bucket(r, b, items);
    r->kernels->sort(items, items + r->room * r->job->format.item_bytes, count, false);
    hr_sort_put(r->job, r->out, r->row, r->starts[b], items, count);
  }
  hr_scratch_give(&r->scratch, items);
}

static void set_sizes(long_row *r) {
  int64_t n = r->job->n, item = r->job->format.item_bytes;
  r->chunk = n / 16;
  if (r->chunk > CHUNK_BYTES / item) r->chunk = CHUNK_BYTES / item;
  if (r->chunk < CHUNK_LEAST) r->chunk = CHUNK_LEAST;
  r->chunks = (n + r->chunk - 1) / r->chunk;
  r->buckets = BUCKETS_LEAST;
  while (r->buckets < BUCKETS_MOST && n * item / r->buckets > BUCKET_BYTES) r->buckets *= 2;
  r->room = ROOM * n / r->buckets;
}

/* *done: unless a bucket was too large. */
static hr_status sort_by_samples(long_row *r, bool *done) {
  hr_buffer *buffer = NULL;
  set_sizes(r);
  hr_status status = take_memory(r, &buffer);
  if (status == HR_OK) status = set_bounds(r);
  if (status == HR_OK) {
    hr_parallel_range(r->job->n, r->chunk, part_chunk, r);
    *done = place_buckets(r);
    if (*done) hr_parallel_for(r->buckets, sort_bucket, r);
  }
  hr_scratch_deinit(&r->scratch);
  hr_buffer_release(buffer);
  return status;
}

hr_status hr_sort_long(const hr_sort_job *job, char *out, const char *row) {
  if (hr_sort_counts(job)) return hr_sort_count(job, out, row);
  long_row r = {.job = job, .kernels = hr_order_kernels_of(&job->format), .row = row, .out = out};
  bool done = false;
  hr_status status = r.kernels->sort ? sort_by_samples(&r, &done) : HR_OK;
  return status != HR_OK || done ? status : sort_by_radix(job, out, row);
}
