/* Products of two matrices. C is cut into tiles, a chunk each. Operands that the kernel reads well as they lie are not
 * copied: tiny and medium products then need no memory and one loop. Else k is cut into steps. B is packed by each
 * thread for itself, a panel of a step at a time, into memory that stays in its L2: loading the panel would cost as
 * much, and no thread waits for another. A, where its rows have gaps, is packed for a step before its tiles. */
#include <string.h>

#include "array/buffer.h"
#include "cpu/isa.h"
#include "cpu/matmul.h"
#include "cpu/scratch.h"
#include "sched/parallel.h"

/* DEPTH numbers of k a step. Packed, A has its rows one after the other, and a panel of B is slabs as wide as a tile of
 * the kernel. UNIT_ROWS rows of A are packed at a time, and UNIT numbers of k of a slab. */
enum { DEPTH = 512, UNIT_ROWS = 16, UNIT = 32, FEW_ROWS = 24, MANY_ROWS = 128, WAY_PART = 1024 };
static const int64_t DIRECT_BYTES = 1 << 20, NEAR_BYTES = 24 << 10, FAR_BYTES = 1 << 20, GROUP_BYTES = 8 << 20,
                     WHOLE_BYTES = 2 << 20;
/* A panel of B leaves room in L2 for what passes by. */
static const int64_t PANEL_BYTES = 512 << 10;
/* Operations of a chunk, 20 to 100 us, and of a tile at most. MIN_TILES keeps cores busy. */
static const int64_t CHUNK_FLOPS = 3 << 20, TILE_FLOPS = 16 << 20, LIGHT_FLOPS = 6 << 20;
/* Waiting threads join short loops only: in longer ones they would share a core with a worker. */
static const int64_t SHORT_FLOPS = 64 << 20, LONG_FLOPS = 32 << 20;
/* Small products are cut in two, but not into chunks below 4 us. */
static const int64_t LEAST_FLOPS = 3 << 18;
enum { MIN_TILES = 16 };

HR_ISA_DECLARE(hr_block_kernels, hr_block_f32);
HR_ISA_DECLARE(hr_block_kernels, hr_block_f64);
static const hr_block_kernels *const f32[] = HR_ISA_ROW(hr_block_f32), *const f64[] = HR_ISA_ROW(hr_block_f64);

const hr_block_kernels *hr_product_block(hr_dtype dtype) {
  if (dtype != HR_FLOAT32 && dtype != HR_FLOAT64) return NULL;
  return dtype == HR_FLOAT64 ? f64[hr_isa_level()] : f32[hr_isa_level()];
}

/* Counts of rows, columns and k are in numbers of the sums' type: a complex product has twice the columns and twice the
 * k of its matrices (kernels/gemm.h). */
typedef struct job {
  const hr_product *p;
  const hr_block_kernels *kernels;
  const hr_pack_kernels *pack;
  char *c;                  /* sums (batch, m, n) */
  int64_t n, complex;       /* complex: 2 for c64, else 1 */
  int64_t unit;             /* bytes of a number */
  bool pack_a, pack_b;      /* else read in place */
  char *packed_a;           /* of the steps below */
  hr_scratch panels;        /* of B */
  int64_t first, group;     /* items [first, first + group) */
  int64_t depth, steps;     /* elements along k of a step; how many */
  int64_t step, end_step;   /* those that tiles take in now: all at once, or one after the other */
  int64_t tile_m, tile_n;   /* rows and columns of a tile */
  int64_t tiles_m, tiles_n; /* of an item */
  int64_t grain, flops;     /* of a chunk: tiles, operations of a step */
} job;

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t round_up(int64_t a, int64_t b) { return divide_up(a, b) * b; }

static int64_t begin_of(const job *j, int64_t step) { return step * j->depth; }
static int64_t depth_of(const job *j, int64_t step) { return min64(j->p->k - begin_of(j, step), j->depth); }

/* --- packing; hr_pack_kernels says how --- */

/* Numbers of a packed row of A: of all steps that are taken in now. */
static int64_t stride_of_a(const job *j) {
  return round_up(min64(j->p->k, begin_of(j, j->end_step)) - begin_of(j, j->step), 16) * j->complex;
}
static int64_t bytes_of_a(const job *j) { return j->p->m * stride_of_a(j) * j->unit; }

static int64_t units_of_a(const job *j) { return divide_up(j->p->m, UNIT_ROWS); }

/* A complex number is one of twice the size here. */
static void pack_rows(const job *j, int64_t index, int64_t row) {
  const hr_product *p = j->p;
  int64_t stride = stride_of_a(j), begin = begin_of(j, j->step);
  const char *from = hr_product_a(p, j->first + index) + (row * p->a_row + begin * p->a_k) * p->item_bytes;
  hr_product_pack(j->complex == 2 ? HR_FLOAT64 : p->dtype)
      ->a(j->packed_a + index * bytes_of_a(j) + row * stride * j->unit, from, min64(p->m - row, UNIT_ROWS),
          (int)(stride / j->complex), (int)(min64(p->k, begin_of(j, j->end_step)) - begin), p->a_k, p->a_row);
}

static void rows_range(void *ctx, int64_t first, int64_t end) {
  const job *j = ctx;
  for (int64_t i = first; i < end; i++) pack_rows(j, i / units_of_a(j), i % units_of_a(j) * UNIT_ROWS);
}

static int64_t bytes_of_slab(const job *j) {
  return round_up(j->depth, 16) * j->complex * j->kernels->columns * j->unit;
}

/* A panel of B: rows of B are read along, a few of them at a time. */
typedef struct panel {
  int64_t number; /* which it is, -1 at first */
  char slabs[] __attribute__((aligned(HR_DATA_ALIGN)));
} panel;

static void pack_panel(const job *j, panel *to, int64_t index, int64_t column, int64_t columns, int64_t step) {
  const hr_product *p = j->p;
  int64_t width = j->kernels->columns, elements = width / j->complex, depth = depth_of(j, step);
  for (int64_t k = 0; k < depth; k += UNIT)
    for (int64_t slab = 0; slab * width < columns; slab++) {
      int64_t at = column / j->complex + slab * elements;
      const char *from =
          hr_product_b(p, j->first + index) + (at * p->b_column + (begin_of(j, step) + k) * p->b_k) * p->item_bytes;
      j->pack->b(to->slabs + slab * bytes_of_slab(j) + k * j->complex * width * j->unit, from, min64(depth - k, UNIT),
                 (int)width, (int)min64(p->n - at, elements), p->b_column, p->b_k);
    }
}

/* --- tiles --- */

typedef struct tile {
  int64_t index, row, column, m, n; /* of item first + index */
} tile;

static tile tile_of(const job *j, int64_t number) {
  int64_t tiles = j->tiles_m * j->tiles_n;
  tile t = {.index = number / tiles,
            .row = number % j->tiles_m * j->tile_m,
            .column = number % tiles / j->tiles_m * j->tile_n};
  t.m = min64(j->p->m - t.row, j->tile_m), t.n = min64(j->n - t.column, j->tile_n);
  return t;
}

/* A's place and B's in a step, for a tile. */
static hr_gemm_block block_of(const job *j, int64_t step, const tile *t, const panel *b) {
  const hr_product *p = j->p;
  int64_t index = j->first + t->index, at = begin_of(j, step);
  hr_gemm_block block = {.c = j->c + ((index * p->m + t->row) * j->n + t->column) * j->unit,
                         .c_row = j->n,
                         .m = t->m,
                         .n = t->n,
                         .k = depth_of(j, step) * j->complex,
                         .add = step > 0};
  if (j->pack_a) {
    block.a_row = stride_of_a(j), block.a_k = 1;
    block.a = j->packed_a + t->index * bytes_of_a(j) +
              (t->row * block.a_row + (at - begin_of(j, j->step)) * j->complex) * j->unit;
  } else {
    block.a_row = p->a_row * j->complex, block.a_k = j->complex == 2 ? 1 : p->a_k; /* parts lie side by side */
    block.a = hr_product_a(p, index) + (t->row * p->a_row + at * p->a_k) * p->item_bytes;
  }
  if (j->pack_b) {
    block.b_k = j->kernels->columns, block.b_slab = bytes_of_slab(j) / j->unit;
    block.b = b->slabs;
  } else {
    block.b_k = p->b_k;
    block.b = hr_product_b(p, index) + (at * p->b_k + t->column) * j->unit;
  }
  block.far = block.k * t->n * j->unit > NEAR_BYTES;
  block.c_far = p->batch * p->m * p->n * j->unit > FAR_BYTES;
  return block;
}

/* A few rows at a time, which stay in L1, pass by all slabs of the panel, which stay in L2. (To prefetch the next rows
 * costs more than it saves: the processor sees them coming.) */
static void multiply_panel(const job *j, const tile *t, int64_t step, panel *b) {
  int64_t number = ((j->first + t->index) * j->steps + step) * j->tiles_n + t->column / j->tile_n;
  if (b->number != number) pack_panel(j, b, t->index, t->column, t->n, step);
  b->number = number;
  hr_gemm_block block = block_of(j, step, t, b);
  int64_t rows = j->kernels->rows;
  for (int64_t row = 0; row < t->m; row += rows) {
    block.m = min64(t->m - row, rows);
    j->kernels->multiply(&block);
    block.a = (const char *)block.a + rows * block.a_row * j->unit;
    block.c = (char *)block.c + rows * block.c_row * j->unit;
  }
}

static void tiles_range(void *ctx, int64_t first, int64_t end) {
  job *j = ctx;
  panel *b = hr_scratch_take(&j->panels);
  for (int64_t i = first * j->grain; i < min64(end * j->grain, j->group * j->tiles_m * j->tiles_n); i++) {
    tile t = tile_of(j, i);
    for (int64_t step = j->step; step < j->end_step; step++) {
      if (j->pack_b) {
        multiply_panel(j, &t, step, b);
      } else {
        hr_gemm_block block = block_of(j, step, &t, NULL);
        j->kernels->multiply(&block);
      }
    }
    if (j->end_step >= j->steps) hr_product_finish(j->p, j->first + t.index, t.row, t.column, t.m, t.n);
  }
  hr_scratch_give(&j->panels, b);
}

static int64_t chunks_of(const job *j) { return divide_up(j->group * j->tiles_m * j->tiles_n, j->grain); }

/* Some steps of some items. */
static void run_steps(job *j) {
  if (j->pack_a) hr_parallel_range_light(j->group * units_of_a(j), 8, rows_range, j);
  int64_t flops = j->flops * (j->end_step - j->step);
  if (flops <= LIGHT_FLOPS && flops * chunks_of(j) <= SHORT_FLOPS)
    hr_parallel_range_light(chunks_of(j), 1, tiles_range, j);
  else if (flops * chunks_of(j) > LONG_FLOPS)
    hr_parallel_range_long(chunks_of(j), 1, tiles_range, j);
  else
    hr_parallel_range(chunks_of(j), 1, tiles_range, j);
}

/* --- the cut --- */

/* Rows of B in place: without gaps, and few enough that a tile's stay in L2, or hardly read twice. Those that fall on
 * each other in L1 are copied sooner: it gains 5% at 512, and loses 3% at 256. */
static bool reads_b(const hr_product *p, int64_t unit) {
  if (p->n == 1) return true;
  int64_t most = p->b_k * unit % WAY_PART == 0 && p->m >= MANY_ROWS ? DIRECT_BYTES / 2 : DIRECT_BYTES;
  return p->b_column == 1 && (p->k * p->n * unit <= most || p->m <= FEW_ROWS);
}

/* A in place: rows along k, or a matrix that is small. */
static bool reads_a(const hr_product *p) {
  if (p->k == 1 || p->a_k == 1) return true;
  return p->dtype != HR_COMPLEX64 && p->m * p->k * p->item_bytes <= NEAR_BYTES;
}

static void cut_steps(job *j) {
  j->steps = divide_up(j->p->k, DEPTH / j->complex);
  j->depth = round_up(divide_up(j->p->k, j->steps), 16);
  j->steps = divide_up(j->p->k, j->depth);
}

/* Columns of a tile. Of a product of few rows, all steps of a panel should fit into a chunk. */
static int64_t columns_of(const job *j) {
  int64_t m = j->p->m, width = j->kernels->columns, depth = j->depth * j->complex, k = j->p->k * j->complex;
  int64_t most = j->pack_b ? PANEL_BYTES / (DEPTH * j->unit) : DIRECT_BYTES / 2 / (depth * j->unit) + 1;
  int64_t columns = min64(round_up(divide_up(j->n, divide_up(j->n, round_up(most, width))), width), j->n);
  bool few = m <= 2 * j->kernels->rows;
  while (columns > width && ((few && 2 * m * columns * depth > 2 * CHUNK_FLOPS) ||
                             (j->pack_b && m <= MIN_TILES && k * columns * j->unit > WHOLE_BYTES)))
    columns = round_up(columns / 2, width);
  return columns;
}

/* Tiles as even as they can be, of at most about TILE_FLOPS each. */
static void cut_tiles(job *j) {
  bool packs = j->pack_a || j->pack_b;
  int64_t m = j->p->m, deep = packs ? j->depth * j->complex : j->p->k * j->complex;
  int64_t rows = j->kernels->rows, flops = CHUNK_FLOPS, share = 2 * m * j->n * deep * j->p->batch / MIN_TILES;
  if (packs && share > flops) flops = min64(share, TILE_FLOPS);
  j->tile_n = columns_of(j);
  bool small = !packs && share * MIN_TILES < 2 * flops;
  if (small) flops = max64(share * MIN_TILES / 2, LEAST_FLOPS);
  int64_t most = flops / (2 * j->tile_n * deep);
  most = small ? round_up(most, rows) : max64(most / rows * rows, rows);
  j->tile_m = min64(round_up(divide_up(m, divide_up(m, most)), rows), m);
  j->tiles_m = divide_up(m, j->tile_m), j->tiles_n = divide_up(j->n, j->tile_n);
  j->flops = 2 * j->tile_m * j->tile_n * j->depth * j->complex;
  flops = min64(flops, CHUNK_FLOPS);
  j->grain = j->flops * j->steps > flops / 2 ? 1 : flops / (j->flops * j->steps);
  j->flops *= j->grain;
}

/* All steps in one loop where a chunk can hold them, else a loop for each. */
static bool is_whole(const job *j) {
  if (!j->pack_a && !j->pack_b) return true;
  return j->tiles_m == 1 && j->p->k * j->complex * j->tile_n * j->unit <= WHOLE_BYTES;
}

static hr_status prepare_panels(job *j) {
  size_t bytes = (size_t)(divide_up(j->tile_n, j->kernels->columns) * bytes_of_slab(j)) + sizeof(panel);
  hr_status status = hr_scratch_init(&j->panels, j->pack_b ? bytes : 0, chunks_of(j));
  for (int i = 0; status == HR_OK && j->pack_b && i < j->panels.count; i++)
    ((panel *)hr_scratch_block(&j->panels, i))->number = -1;
  return status;
}

static hr_status run_groups(job *j) {
  hr_buffer *packed_a = NULL;
  hr_status status = HR_OK;
  int64_t at_once = is_whole(j) ? j->steps : 1;
  j->end_step = at_once;
  j->group = j->pack_a ? min64(GROUP_BYTES / bytes_of_a(j) + 1, j->p->batch) : j->p->batch;
  if (j->pack_a) {
    HR_TRY(hr_buffer_new(&packed_a, (size_t)(j->group * bytes_of_a(j))));
    j->packed_a = packed_a->data;
  }
  HR_TRY(prepare_panels(j));
  for (; j->first < j->p->batch; j->first += j->group) {
    j->group = min64(j->group, j->p->batch - j->first);
    for (j->step = 0; j->step < j->steps; j->step += at_once) {
      j->end_step = j->step + at_once;
      run_steps(j);
    }
  }
done:
  hr_buffer_release(packed_a);
  hr_scratch_deinit(&j->panels);
  return status;
}

/* --- small products, many of them or one: an item is a tile whose operands are read in place --- */

static bool is_small(const hr_product *p, int64_t unit) {
  if (p->dtype != HR_FLOAT32 && p->dtype != HR_FLOAT64) return false;
  int64_t flops = 2 * p->m * p->n * p->k;
  return p->k <= DEPTH && flops <= (p->batch > 1 ? CHUNK_FLOPS : LEAST_FLOPS) && reads_a(p) && reads_b(p, unit);
}

static void items_range(void *ctx, int64_t first, int64_t end) {
  const job *j = ctx;
  const hr_product *p = j->p;
  hr_gemm_block block = {
      .a_row = p->a_row, .a_k = p->a_k, .b_k = p->b_k, .c_row = p->n, .m = p->m, .n = p->n, .k = p->k};
  block.far = p->k * p->n * j->unit > NEAR_BYTES;
  block.c_far = p->batch * p->m * p->n * j->unit > FAR_BYTES;
  for (int64_t i = first; i < end; i++) {
    block.a = hr_product_a(p, i), block.b = hr_product_b(p, i);
    block.c = p->c + i * p->m * p->n * j->unit;
    j->kernels->multiply(&block);
    hr_product_finish(p, i, 0, 0, p->m, p->n);
  }
}

static void run_small(job *j) {
  const hr_product *p = j->p;
  int64_t flops = 2 * p->m * p->n * p->k, chunk = max64(min64(CHUNK_FLOPS, flops * p->batch / 2), LEAST_FLOPS);
  int64_t grain = p->batch == 1 ? 1 : divide_up(p->batch, divide_up(flops * p->batch, chunk));
  if (flops * p->batch <= SHORT_FLOPS)
    hr_parallel_range_light(p->batch, grain, items_range, j);
  else
    hr_parallel_range_long(p->batch, grain, items_range, j);
}

hr_status hr_product_matrix(const hr_product *p) {
  bool is_double = p->dtype == HR_FLOAT64, in_place = is_double || p->dtype == HR_FLOAT32;
  hr_buffer *sums = NULL;
  hr_status status = HR_OK;
  job j = {.p = p,
           .kernels = hr_product_block(is_double ? HR_FLOAT64 : HR_FLOAT32),
           .pack = hr_product_pack(p->dtype),
           .c = p->c,
           .complex = p->dtype == HR_COMPLEX64 ? 2 : 1,
           .unit = is_double ? 8 : 4};
  if (is_small(p, j.unit)) return run_small(&j), HR_OK;
  if (hr_product_is_deep(p)) return hr_product_deep(p);
  j.n = p->n * j.complex;
  bool halves = j.pack->store != NULL;
  j.pack_a = halves || !reads_a(p), j.pack_b = !in_place || !reads_b(p, j.unit);
  cut_steps(&j);
  cut_tiles(&j);
  int64_t count = p->batch * p->m * p->n;
  if (j.pack->store) {
    HR_TRY(hr_buffer_new(&sums, (size_t)count * sizeof(float)));
    j.c = sums->data;
  }
  HR_TRY(run_groups(&j));
  if (sums) hr_product_store(p->dtype, p->c, sums->data, count);
done:
  hr_buffer_release(sums);
  return status;
}
