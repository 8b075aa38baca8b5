/* src/cpu/reduce.c - reductions of arrays of any layout, by the kernels of kernels/reduce.h.
 *
 * Two forms, chosen by strides alone:
 * - rows: each result reduces a row, in row-major order of the reduced axes; rows with gaps are gathered piece by
 *   piece. Rows of more than HR_REDUCE_BLOCK elements are cut into blocks; the runs of few shorter ones are shared.
 * - columns: an axis that stays has unit stride and no reduced axis has: tiles of results are reduced side by side,
 *   in blocks of rows.
 * The results of the blocks, in accumulators, are reduced in a second pass: as rows, or as columns again. */
#include "cpu/reduce.h"

#include <string.h>

#include "base/memory.h"
#include "cpu/kernels/elem.h"
#include "cpu/split.h"
#include "cpu/tuning.h"
#include "ops/op_list.h"
#include "sched/parallel.h"

enum {
  TILE_BYTES = 4096,      /* accumulators of columns that are reduced together: whole pages of rows are read in turn */
  COLUMNS_BLOCK = 131072, /* elements of a tile in one block of rows */
  PIECE_BYTES = 2048,     /* of a row with gaps, gathered before it is added */
  STORE_BATCH = 64,       /* accumulators that are rounded together */
  FEW = 8, /* results, or tiles of columns, that are cut further: one thread alone would do a large part */
};

/* What one reduction does; read only once the loops run. */
typedef struct plan {
  const hr_reduce_kernel *kernel; /* elements to accumulators */
  const hr_reduce_kernel *second; /* accumulators to accumulators */
  int64_t elem, acc, item;        /* bytes of an element, an accumulator, a result */
  hr_dtype dtype, accumulator;    /* of the result, of accumulators */
  double divisor;                 /* of what was summed, if `divides` */
  bool divides;
  bool rounds;           /* results are half types, accumulators are not */
  int64_t tile;          /* columns: how many are reduced together */
  int64_t block, blocks; /* reduced positions a block, blocks a result */
  int64_t reduced;       /* positions a result */
  int64_t runs;          /* rows of one block, reduced run by run: how many; else 0 */
  int64_t chunk;         /* elements */
  char *partial;         /* accumulators [kept][blocks], of columns [kept][blocks][columns], of runs
                          * [kept][runs][lanes]; NULL if there is one block and no run */
  hr_split split;        /* results and reduced positions; last: what all chunks read is near the front */
} plan;

static void divide(const plan *p, char *acc, int64_t count) {
  if (p->accumulator == HR_FLOAT64) {
    for (int64_t i = 0; i < count; i++) ((double *)acc)[i] /= p->divisor;
  } else {
    int64_t parts = p->accumulator == HR_COMPLEX64 ? 2 * count : count;
    for (int64_t i = 0; i < parts; i++) ((float *)acc)[i] = (float)(((float *)acc)[i] / p->divisor);
  }
}

/* Writes `count` accumulators as results that are `stride` bytes apart; may change the accumulators. */
static void store(const plan *p, char *out, int64_t stride, char *acc, int64_t count) {
  if (p->divides) divide(p, acc, count);
  if (p->rounds) {
    for (int64_t i = 0; i < count; i++, out += stride) {
      float value = ((const float *)acc)[i];
      uint16_t half = p->dtype == HR_FLOAT16 ? hr_f16_store(value) : hr_bf16_store(value);
      memcpy(out, &half, sizeof half);
    }
  } else if (stride == p->acc) {
    memcpy(out, acc, (size_t)(count * p->acc));
  } else {
    for (int64_t i = 0; i < count; i++) memcpy(out + i * stride, acc + i * p->acc, (size_t)p->acc);
  }
}

/* Positions [first, end) of the row that starts at `row`, gathered piece by piece. */
static void reduce_gathered(const plan *p, char *acc, const char *row, int64_t first, int64_t end) {
  hr_reduce_state state;
  _Alignas(64) char piece[PIECE_BYTES];
  int64_t most = PIECE_BYTES / p->elem;
  p->kernel->begin(&state);
  for (int64_t at = first; at < end; at += most) {
    int64_t n = end - at < most ? end - at : most;
    hr_split_gather(piece, &p->split, row, at, n, p->elem);
    p->kernel->add(&state, piece, n);
  }
  p->kernel->fold(acc, &state);
}

static void reduce_rows(const plan *p, char *acc, const char *row, int64_t stride, int64_t count, int64_t first,
                        int64_t end) {
  if (p->split.dense) {
    p->kernel->rows(acc, row + first * p->elem, stride, count, end - first);
  } else {
    for (int64_t i = 0; i < count; i++) reduce_gathered(p, acc + i * p->acc, row + i * stride, first, end);
  }
}

/* A run of results of one block each. */
static void rows_run(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  const plan *p = ctx;
  _Alignas(8) char acc[STORE_BATCH * 8];
  for (int64_t i = 0; i < count; i += STORE_BATCH) {
    int64_t batch = count - i < STORE_BATCH ? count - i : STORE_BATCH;
    reduce_rows(p, acc, data[1] + i * strides[1], strides[1], batch, 0, p->split.inner.size);
    store(p, data[0] + i * strides[0], strides[0], acc, batch);
  }
}

static void rows_blocks(void *ctx, int64_t first, int64_t end) {
  const plan *p = ctx;
  for (int64_t item = first; item < end; item++) {
    int64_t from = item % p->blocks * p->block, left = p->split.inner.size - from;
    reduce_rows(p, p->partial + item * p->acc, hr_loop_at(&p->split.kept, 1, item / p->blocks), 0, 1, from,
                from + (left < p->block ? left : p->block));
  }
}

/* Lanes of single runs: items are [kept position][run]. */
static void rows_runs(void *ctx, int64_t first, int64_t end) {
  const plan *p = ctx;
  for (int64_t item = first; item < end; item++) {
    int64_t i = item < p->runs ? 0 : item / p->runs, from = (item - i * p->runs) * HR_REDUCE_RUN;
    const char *row = i ? hr_loop_at(&p->split.kept, 1, i) : p->split.kept.data[1];
    p->kernel->lanes(p->partial + item * HR_REDUCE_LANES * p->acc, row + from * p->elem,
                     p->reduced - from < HR_REDUCE_RUN ? p->reduced - from : HR_REDUCE_RUN);
  }
}

/* As a kernel does with the runs of one row: lane by lane in order, then the tree. */
static void finish_runs(const plan *p) {
  _Alignas(64) char lanes[HR_REDUCE_LANES * 8], acc[8];
  for (int64_t i = 0; i < p->split.kept.size; i++) {
    p->second->start(lanes, HR_REDUCE_LANES);
    p->second->cols(lanes, p->partial + i * p->runs * HR_REDUCE_LANES * p->acc, HR_REDUCE_LANES * p->acc, p->runs,
                    HR_REDUCE_LANES);
    p->second->rows(acc, lanes, 0, 1, HR_REDUCE_LANES);
    store(p, hr_loop_at(&p->split.kept, 0, i), p->acc, acc, 1);
  }
}

/* A tile of columns under way. */
typedef struct tile {
  const plan *plan;
  int64_t outer, column, width; /* position among kept, first column, columns */
  int64_t from;                 /* bytes from the first column's start to the tile's */
  _Alignas(64) char acc[TILE_BYTES];
} tile;

static int64_t tiles_of(const plan *p) { return (p->split.columns + p->tile - 1) / p->tile; }

/* Tile `index` of the kept position `outer`. */
static void tile_begin(tile *t, const plan *p, const hr_reduce_kernel *kernel, int64_t outer, int64_t index) {
  t->plan = p;
  t->outer = outer;
  t->column = index * p->tile;
  t->width = p->split.columns - t->column < p->tile ? p->split.columns - t->column : p->tile;
  t->from = hr_loop_at(&p->split.kept, 1, outer) - p->split.kept.data[1] + t->column * p->elem;
  kernel->start(t->acc, t->width);
}

static void tile_run(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  tile *t = ctx;
  t->plan->kernel->cols(t->acc, data[0] + t->from, strides[0], count, t->width);
}

static void tile_store(tile *t) {
  const plan *p = t->plan;
  store(p, hr_loop_at(&p->split.kept, 0, t->outer) + t->column * p->split.column_item, p->split.column_item, t->acc,
        t->width);
}

/* Items are [kept position][block][tile]. */
static void columns_blocks(void *ctx, int64_t first, int64_t end) {
  const plan *p = ctx;
  int64_t tiles = tiles_of(p);
  for (int64_t item = first; item < end; item++) {
    int64_t row = item / tiles, from = row % p->blocks * p->block, left = p->split.inner.size - from;
    tile t;
    tile_begin(&t, p, p->kernel, row / p->blocks, item % tiles);
    hr_loop_range(&p->split.inner, from, from + (left < p->block ? left : p->block), tile_run, &t);
    if (p->blocks == 1)
      tile_store(&t);
    else
      memcpy(p->partial + (row * p->split.columns + t.column) * p->acc, t.acc, (size_t)(t.width * p->acc));
  }
}

/* The second pass over columns; items are [kept position][tile]. */
static void finish_columns(void *ctx, int64_t first, int64_t end) {
  const plan *p = ctx;
  int64_t tiles = tiles_of(p);
  for (int64_t item = first; item < end; item++) {
    tile t;
    tile_begin(&t, p, p->second, item / tiles, item % tiles);
    const char *partial = p->partial + (t.outer * p->blocks * p->split.columns + t.column) * p->acc;
    p->second->cols(t.acc, partial, p->split.columns * p->acc, p->blocks, t.width);
    tile_store(&t);
  }
}

/* The second pass over rows. */
static void finish_rows(void *ctx, int64_t first, int64_t end) {
  const plan *p = ctx;
  _Alignas(8) char acc[8];
  for (int64_t i = first; i < end; i++) {
    p->second->rows(acc, p->partial + i * p->blocks * p->acc, 0, 1, p->blocks);
    store(p, hr_loop_at(&p->split.kept, 0, i), p->acc, acc, 1);
  }
}

/* The cut into blocks decides the order of sums; into runs and narrower tiles it does not. */
static void plan_blocks(plan *p, int64_t size) {
  int64_t columns = p->split.columns, kept = p->split.kept.size, reduced = p->reduced = p->split.inner.size;
  bool large = size > HR_PASS_ALONE;
  p->chunk = hr_pass_grain(size);
  p->tile = TILE_BYTES / p->acc < columns ? TILE_BYTES / p->acc : columns;
  p->block = p->split.by_columns ? COLUMNS_BLOCK / p->tile : HR_REDUCE_BLOCK;
  p->blocks = reduced > p->block ? (reduced + p->block - 1) / p->block : 1;
  if (p->split.dense && !p->split.by_columns && p->blocks == 1 && kept < FEW && reduced > HR_REDUCE_RUN && large)
    p->runs = (reduced + HR_REDUCE_RUN - 1) / HR_REDUCE_RUN;
  while (p->split.by_columns && large && columns / p->tile * kept * p->blocks < FEW && columns % p->tile == 0 &&
         p->tile % (2 * HR_REDUCE_LANES) == 0)
    p->tile /= 2;
}

static int64_t grain_of(const plan *p, int64_t item_elements) {
  return item_elements >= p->chunk ? 1 : p->chunk / (item_elements > 0 ? item_elements : 1);
}

/* All results have no elements: their value is that of an empty row. */
static void fill_empty(const plan *p, char *out, int64_t count) {
  _Alignas(8) char acc[8];
  for (int64_t i = 0; i < count; i++) {
    p->kernel->rows(acc, acc, 0, 1, 0); /* reads nothing */
    store(p, out + i * p->item, p->acc, acc, 1);
  }
}

static void run_columns(plan *p) {
  int64_t tiles = p->split.kept.size * tiles_of(p);
  int64_t rows = p->blocks > 1 ? p->block : p->split.inner.size;
  hr_parallel_range_light(tiles * p->blocks, grain_of(p, rows * p->tile), columns_blocks, p);
  if (p->blocks > 1) hr_parallel_range_light(tiles, grain_of(p, p->blocks * p->tile), finish_columns, p);
}

static void run_rows(plan *p) {
  if (p->runs) {
    hr_parallel_range_light(p->split.kept.size * p->runs, 1, rows_runs, p);
    finish_runs(p);
  } else if (p->blocks == 1) {
    hr_loop_run_light(&p->split.kept, grain_of(p, p->split.inner.size), rows_run, p);
  } else {
    hr_parallel_range_light(p->split.kept.size * p->blocks, grain_of(p, p->block), rows_blocks, p);
    hr_parallel_range_light(p->split.kept.size, grain_of(p, p->blocks), finish_rows, p);
  }
}

hr_status hr_cpu_reduce(const hr_run *run) {
  const hr_reduce_attrs *attrs = run->attrs;
  const hr_array *in = run->in[0], *out = run->out[0];
  hr_reduce_kind kind = (hr_reduce_kind)run->op->kernel;
  hr_dtype accumulator = hr_reduce_accumulator(kind, hr_array_dtype(in));
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK || out->size == 0) return status;
  plan p = {.kernel = hr_reduce_find(kind, hr_array_dtype(in), hr_isa_level()),
            .second = hr_reduce_find(kind, accumulator, hr_isa_level()),
            .elem = hr_dtype_bytes[in->dtype],
            .acc = hr_dtype_bytes[accumulator],
            .item = hr_dtype_bytes[out->dtype],
            .dtype = hr_array_dtype(out),
            .accumulator = accumulator,
            .divisor = attrs->divisor,
            .divides = attrs->divides};
  p.rounds = p.item != p.acc;
  if (in->size == 0) {
    fill_empty(&p, hr_array_data(out), out->size);
    return HR_OK;
  }
  hr_split_axes(&p.split, in, attrs->axes, hr_array_data(out), p.item);
  plan_blocks(&p, in->size);
  if (p.blocks > 1 || p.runs) {
    size_t bytes = (size_t)(out->size * (p.runs ? p.runs * HR_REDUCE_LANES : p.blocks) * p.acc);
    p.partial = hr_alloc(bytes);
    if (!p.partial)
      return hr_fail(HR_OUT_OF_MEMORY, "%s: no memory for %zu bytes of partial results", run->op->name, bytes);
  }
  if (p.split.by_columns)
    run_columns(&p);
  else
    run_rows(&p);
  hr_free(p.partial);
  return HR_OK;
}
