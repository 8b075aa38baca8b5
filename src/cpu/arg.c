/* src/cpu/arg.c - argmax and argmin: the index of the first maximum or minimum, or of the first NaN.
 *
 * Rows are read once, in pieces that stay in the nearest cache: the reduction kernel finds each piece's extreme, and
 * only the winning piece is searched for the place. Long rows are cut into blocks for the workers. Columns keep extreme
 * and index side by side. */
#include <string.h>

#include "base/memory.h"
#include "cpu/reduce.h"
#include "cpu/split.h"
#include "ops/op_list.h"
#include "sched/parallel.h"

enum { PIECE_BYTES = 4096, TILE = 256, BLOCK = 32768, CHUNK_ITEMS = 32768 };

typedef struct place {
  _Alignas(8) char value[8]; /* an accumulator */
  int64_t index;
} place;

typedef struct plan {
  const hr_reduce_kernel *reduce;
  const hr_arg_kernel *arg;
  int64_t elem;
  hr_split split;
  int64_t blocks; /* of BLOCK positions, a result */
  place *partial; /* [results][blocks] */
} plan;

/* `count` elements from position `at` on, copied to `piece` if they have gaps. */
static const char *piece_of(const plan *p, char *piece, const char *row, int64_t at, int64_t count) {
  if (p->split.dense) return row + at * p->elem;
  hr_split_gather(piece, &p->split, row, at, count, p->elem);
  return piece;
}

/* The best of positions [first, end), end > first, of the row that starts at `row`. */
static void search_row(const plan *p, place *best, const char *row, int64_t first, int64_t end) {
  _Alignas(64) char piece[PIECE_BYTES];
  int64_t most = PIECE_BYTES / p->elem, found = first;
  for (int64_t at = first; at < end; at += most) {
    _Alignas(8) char value[8];
    int64_t n = end - at < most ? end - at : most;
    p->reduce->rows(value, piece_of(p, piece, row, at, n), 0, 1, n);
    if (at > first && !p->arg->wins(best->value, value)) continue;
    memcpy(best->value, value, sizeof value);
    found = at;
  }
  int64_t n = end - found < most ? end - found : most;
  best->index = found + p->arg->find(piece_of(p, piece, row, found, n), n, best->value);
}

static void put_index(char *out, int64_t index) {
  uint32_t value = (uint32_t)index;
  memcpy(out, &value, sizeof value);
}

static void rows_run(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  const plan *p = ctx;
  for (int64_t i = 0; i < count; i++) {
    place best;
    search_row(p, &best, data[1] + i * strides[1], 0, p->split.inner.size);
    put_index(data[0] + i * strides[0], best.index);
  }
}

static void rows_blocks(void *ctx, int64_t first, int64_t end) {
  const plan *p = ctx;
  for (int64_t item = first; item < end; item++) {
    int64_t from = item % p->blocks * BLOCK, left = p->split.inner.size - from;
    search_row(p, &p->partial[item], hr_loop_at(&p->split.kept, 1, item / p->blocks), from,
               from + (left < BLOCK ? left : BLOCK));
  }
}

static void finish_rows(void *ctx, int64_t first, int64_t end) {
  const plan *p = ctx;
  for (int64_t i = first; i < end; i++) {
    const place *block = p->partial + i * p->blocks, *best = block;
    for (int64_t b = 1; b < p->blocks; b++)
      if (p->arg->wins(best->value, block[b].value)) best = block + b;
    put_index(hr_loop_at(&p->split.kept, 0, i), best->index);
  }
}

typedef struct tile {
  const plan *plan;
  int64_t from, width; /* bytes from the first column's start to the tile's; columns */
  int64_t row;
  uint32_t index[TILE];
  _Alignas(64) char best[TILE * 8];
} tile;

static void tile_run(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  tile *t = ctx;
  const plan *p = t->plan;
  const char *x = data[0] + t->from;
  for (int64_t r = 0; r < count; r++, t->row++, x += strides[0]) {
    if (t->row > 0) {
      p->arg->row(t->best, t->index, x, (uint32_t)t->row, t->width);
    } else { /* the first row is the best so far: its accumulators are columns of one row */
      p->reduce->start(t->best, t->width);
      p->reduce->cols(t->best, x, 0, 1, t->width);
    }
  }
}

/* Items are [kept position][tile]. */
static void columns_tiles(void *ctx, int64_t first, int64_t end) {
  const plan *p = ctx;
  int64_t tiles = (p->split.columns + TILE - 1) / TILE;
  for (int64_t item = first; item < end; item++) {
    int64_t outer = item / tiles, column = item % tiles * TILE;
    tile t = {.plan = p, .row = 0};
    t.width = p->split.columns - column < TILE ? p->split.columns - column : TILE;
    t.from = hr_loop_at(&p->split.kept, 1, outer) - p->split.kept.data[1] + column * p->elem;
    hr_loop_range(&p->split.inner, 0, p->split.inner.size, tile_run, &t);
    char *out = hr_loop_at(&p->split.kept, 0, outer) + column * p->split.column_item;
    for (int64_t j = 0; j < t.width; j++) put_index(out + j * p->split.column_item, t.index[j]);
  }
}

static int64_t grain_of(int64_t elements) { return elements < CHUNK_ITEMS ? CHUNK_ITEMS / elements : 1; }

static hr_status run_blocks(plan *p) {
  int64_t results = p->split.kept.size;
  p->partial = hr_alloc(sizeof(place) * (size_t)(results * p->blocks));
  if (!p->partial) return hr_fail(HR_OUT_OF_MEMORY, "argmax, argmin: no memory for partial results");
  hr_parallel_range(results * p->blocks, grain_of(BLOCK), rows_blocks, p);
  hr_parallel_range(results, grain_of(p->blocks), finish_rows, p);
  hr_free(p->partial);
  return HR_OK;
}

hr_status hr_cpu_arg(const hr_run *run) {
  const hr_reduce_attrs *attrs = run->attrs;
  const hr_array *in = run->in[0], *out = run->out[0];
  hr_reduce_kind kind = (hr_reduce_kind)run->op->kernel;
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK || out->size == 0) return status;
  plan p = {.reduce = hr_reduce_find(kind, hr_array_dtype(in), hr_isa_level()),
            .arg = hr_arg_find(kind, hr_array_dtype(in), hr_isa_level()),
            .elem = (int64_t)hr_array_itemsize(in)};
  hr_split_axes(&p.split, in, attrs->axes, hr_array_data(out), sizeof(uint32_t));
  int64_t length = p.split.inner.size;
  p.blocks = (length + BLOCK - 1) / BLOCK;
  if (p.split.by_columns) {
    int64_t tiles = (p.split.columns + TILE - 1) / TILE;
    hr_parallel_range(p.split.kept.size * tiles, grain_of(length * TILE), columns_tiles, &p);
  } else if (p.blocks > 1) {
    status = run_blocks(&p);
  } else {
    hr_loop_run(&p.split.kept, grain_of(length), rows_run, &p);
  }
  return status;
}
