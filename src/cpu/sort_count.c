/* src/cpu/sort_count.c - sorts one long row of elements of one or two bytes: counts how often each value occurs, then
 * writes the values in their order (counting sort: Knuth, The Art of Computer Programming 3, 5.2). A row is read once
 * and its result written once. Counts are sums of whole numbers: who counted what does not show. */
#include <string.h>

#include "cpu/scratch.h"
#include "cpu/sort_job.h"
#include "sched/parallel.h"

enum {
  CHUNK = 65536, /* elements that are counted or written at a time, at the least */
  COUNTS = 8,    /* chunks that are counted at the most: each worker's counts must be cleared and added */
  TILE = 1024,   /* items of a chunk */
  WAYS = 4       /* counts that a value of one byte has, so that equal neighbours need not wait for each other */
};

typedef struct count_row {
  const hr_sort_job *job;
  const char *row;
  char *out;
  int64_t values, ways; /* how many there can be; counts of each */
  int64_t *starts;      /* of each value in the sorted row, and n */
  hr_scratch scratch;   /* uint32_t counts[ways][values] */
} count_row;

static void count_chunk(void *ctx, int64_t first, int64_t end) {
  count_row *r = ctx;
  const hr_sort_job *job = r->job;
  uint32_t items[TILE];
  uint32_t *counts = hr_scratch_take(&r->scratch), *ways[WAYS];
  for (int k = 0; k < WAYS; k++) ways[k] = counts + k % r->ways * r->values;
  for (int64_t at = first; at < end; at += TILE) {
    int64_t n = end - at < TILE ? end - at : TILE;
    hr_sort_load(&job->format, items, r->row + at * job->in_stride, job->in_stride, at, n);
    int64_t i = 0;
    for (; i + WAYS <= n; i += WAYS)
      for (int k = 0; k < WAYS; k++) ways[k][items[i + k]]++;
    for (; i < n; i++) ways[0][items[i]]++;
  }
  hr_scratch_give(&r->scratch, counts);
}

static void add_counts(count_row *r) {
  int64_t sum = 0;
  for (int64_t v = 0; v < r->values; v++) {
    r->starts[v] = sum;
    for (int i = 0; i < r->scratch.count; i++) {
      const uint32_t *counts = hr_scratch_block(&r->scratch, i);
      for (int k = 0; k < r->ways; k++) sum += counts[k * r->values + v];
    }
  }
  r->starts[r->values] = sum;
}

/* The value that lies at `place`. */
static int64_t value_at(const count_row *r, int64_t place) {
  int64_t low = 0, high = r->values;
  while (high - low > 1) {
    int64_t middle = (low + high) / 2;
    if (r->starts[middle] <= place)
      low = middle;
    else
      high = middle;
  }
  return low;
}

static void put_chunk(void *ctx, int64_t first, int64_t end) {
  const count_row *r = ctx;
  uint32_t items[TILE];
  int64_t value = value_at(r, first);
  for (int64_t at = first; at < end; at += TILE) {
    int64_t n = end - at < TILE ? end - at : TILE;
    for (int64_t i = 0; i < n; value += r->starts[value + 1] <= at + i) {
      int64_t left = r->starts[value + 1] - at, stop = left < n ? left : n;
      for (; i < stop; i++) items[i] = (uint32_t)value;
    }
    hr_sort_put(r->job, r->out, r->row, at, items, n);
  }
}

bool hr_sort_counts(const hr_sort_job *job) {
  const hr_sort_format *format = &job->format;
  if (format->places || format->elem_bytes > 2) return false;
  return job->n <= UINT32_MAX && (format->elem_bytes == 1 || job->n >= HR_SORT_COUNT_WIDE);
}

hr_status hr_sort_count(const hr_sort_job *job, char *out, const char *row) {
  count_row r = {.job = job, .row = row, .out = out, .values = (int64_t)1 << (8 * job->format.elem_bytes)};
  hr_buffer *buffer;
  int64_t chunk = job->n / COUNTS < CHUNK ? CHUNK : job->n / COUNTS + 1;
  r.ways = job->format.elem_bytes == 1 ? WAYS : 1;
  size_t bytes = (size_t)(r.ways * r.values) * sizeof(uint32_t);
  hr_status status = hr_buffer_new(&buffer, (size_t)(r.values + 1) * sizeof *r.starts);
  if (status != HR_OK) return status;
  r.starts = buffer->data;
  status = hr_scratch_init(&r.scratch, bytes, (job->n + chunk - 1) / chunk);
  if (status == HR_OK) {
    for (int i = 0; i < r.scratch.count; i++) memset(hr_scratch_block(&r.scratch, i), 0, bytes);
    hr_parallel_range(job->n, chunk, count_chunk, &r);
    add_counts(&r);
    hr_parallel_range(job->n, CHUNK, put_chunk, &r);
  }
  hr_scratch_deinit(&r.scratch);
  hr_buffer_release(buffer);
  return status;
}
