/* Products of two matrices. C is cut into tiles, a chunk each. Operands that the kernel reads well as they lie are not
 * copied: tiny and medium products then need no memory and one loop. Else k is cut into steps, and the operand is
 * packed for a step: chunks of a step take it in, and pack a share of the next one. */
#include <string.h>

#include "array/buffer.h"
#include "cpu/isa.h"
#include "cpu/matmul.h"
#include "sched/parallel.h"

/* DEPTH numbers of k a step. Packed, A has its rows one after the other, and B lies in slabs as wide as a tile of the
 * kernel. A unit of packing is UNIT_ROWS rows of A, or UNIT numbers of k of a slab. The first step is shorter: nobody
 * multiplies while it is packed. */
enum { DEPTH = 512, FIRST_DEPTH = 128, DIRECT_DEPTH = 512, UNIT_ROWS = 16, UNIT = 32, FEW_ROWS = 24 };
static const int64_t DIRECT_BYTES = 1 << 20, NEAR_BYTES = 24 << 10, GROUP_BYTES = 8 << 20;
/* Operations of a chunk, 20 to 100 us; tiles have at most about these and TILE_COLUMNS. MIN_TILES keeps cores busy. */
static const int64_t CHUNK_FLOPS = 3 << 20, TILE_FLOPS = 16 << 20, LIGHT_FLOPS = 6 << 20;
/* Waiting threads join short loops only: in longer ones they would share a core with a worker. */
static const int64_t SHORT_FLOPS = 64 << 20;
enum { TILE_COLUMNS = 512, MIN_TILES = 16 };

HR_ISA_DECLARE(hr_block_kernels, hr_block_f32);
HR_ISA_DECLARE(hr_block_kernels, hr_block_f64);
static const hr_block_kernels *const f32[] = HR_ISA_ROW(hr_block_f32), *const f64[] = HR_ISA_ROW(hr_block_f64);

/* Counts of rows, columns and k are in numbers of the sums' type: a complex product has twice the columns and twice the
 * k of its matrices (kernels/gemm.h). */
typedef struct job {
  const hr_product *p;
  const hr_block_kernels *kernels;
  const hr_pack_kernels *pack;
  char *c;                       /* sums (batch, m, n) */
  int64_t n, complex;            /* complex: 2 for c64, else 1 */
  int64_t unit;                  /* bytes of a number */
  bool pack_a, pack_b;           /* else read in place */
  char *panels[2];               /* of even and odd steps */
  int64_t slabs;                 /* of B */
  int64_t first, group;          /* items [first, first + group) */
  int64_t first_depth, depth;    /* elements along k of the first step and of the others */
  int64_t steps, step;           /* how many; the one that tiles take in */
  int64_t tile_m, tile_n;        /* rows and columns of a tile */
  int64_t tiles_m, tiles_n;      /* of an item */
  int64_t grain, chunks, shares; /* tiles of a chunk; chunks; units of packing for the next step */
  int64_t flops;                 /* of a chunk */
} job;

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t round_up(int64_t a, int64_t b) { return divide_up(a, b) * b; }

static int64_t begin_of(const job *j, int64_t step) { return step == 0 ? 0 : j->first_depth + (step - 1) * j->depth; }
static int64_t depth_of(const job *j, int64_t step) {
  return min64(j->p->k - begin_of(j, step), step == 0 ? j->first_depth : j->depth);
}

/* --- packing --- */

static int64_t stride_of_a(const job *j, int64_t step) { return round_up(depth_of(j, step) * j->complex, 16); }
static int64_t bytes_of_a(const job *j) {
  return j->pack_a ? round_up(j->p->m, 16) * round_up(j->depth, 16) * j->complex * j->unit : 0;
}
static int64_t bytes_of_slab(const job *j) {
  return round_up(j->depth, 16) * j->complex * j->kernels->columns * j->unit;
}
static int64_t bytes_of_item(const job *j) { return bytes_of_a(j) + (j->pack_b ? j->slabs * bytes_of_slab(j) : 0); }

static char *packed_a(const job *j, int64_t step, int64_t index) {
  return j->panels[step & 1] + index * bytes_of_item(j);
}
static char *packed_b(const job *j, int64_t step, int64_t index) { return packed_a(j, step, index) + bytes_of_a(j); }

static int64_t units_of_a(const job *j) { return j->pack_a ? divide_up(j->p->m, UNIT_ROWS) : 0; }
static int64_t units_of_b(const job *j, int64_t step) {
  return j->pack_b ? j->slabs * divide_up(depth_of(j, step), UNIT) : 0;
}
static int64_t units_of(const job *j, int64_t step) { return j->group * (units_of_a(j) + units_of_b(j, step)); }

/* to[i * width + q] = from[i * along + q * across], q < count, 0 up to width (hr_pack_kernels). */
typedef struct unit {
  char *to;
  const char *from;
  int64_t rows, across, along;
  int width, count;
  void (*pack)(void *to, const void *from, int64_t k, int width, int count, int64_t across, int64_t along);
} unit;

/* Some rows of A. A complex number is one of twice the size here. */
static unit unit_of_a(const job *j, int64_t step, int64_t index, int64_t number) {
  const hr_product *p = j->p;
  int64_t row = number * UNIT_ROWS, stride = stride_of_a(j, step);
  return (unit){
      .to = packed_a(j, step, index) + row * stride * j->unit,
      .from = hr_product_a(p, j->first + index) + (row * p->a_row + begin_of(j, step) * p->a_k) * p->item_bytes,
      .rows = min64(p->m - row, UNIT_ROWS),
      .across = p->a_k,
      .along = p->a_row,
      .width = (int)(stride / j->complex),
      .count = (int)depth_of(j, step),
      .pack = hr_product_pack(j->complex == 2 ? HR_FLOAT64 : p->dtype)->a};
}

/* Units of neighbouring slabs follow each other: rows of B are then read along. */
static unit unit_of_b(const job *j, int64_t step, int64_t index, int64_t number) {
  const hr_product *p = j->p;
  int64_t k = number / j->slabs * UNIT, slab = number % j->slabs, width = j->kernels->columns;
  int64_t elements = width / j->complex, first = slab * elements;
  return (unit){.to = packed_b(j, step, index) + slab * bytes_of_slab(j) + k * j->complex * width * j->unit,
                .from = hr_product_b(p, j->first + index) +
                        (first * p->b_column + (begin_of(j, step) + k) * p->b_k) * p->item_bytes,
                .rows = min64(depth_of(j, step) - k, UNIT),
                .across = p->b_column,
                .along = p->b_k,
                .width = (int)width,
                .count = (int)min64(p->n - first, elements),
                .pack = hr_product_pack(p->dtype)->b};
}

static unit unit_of(const job *j, int64_t step, int64_t number) {
  int64_t in_a = units_of_a(j), all = in_a + units_of_b(j, step), index = number / all;
  number %= all;
  return number < in_a ? unit_of_a(j, step, index, number) : unit_of_b(j, step, index, number - in_a);
}

static void pack_unit(const job *j, int64_t step, int64_t number) {
  unit u = unit_of(j, step, number);
  u.pack(u.to, u.from, u.rows, u.width, u.count, u.across, u.along);
}

static void first_range(void *ctx, int64_t first, int64_t end) {
  for (int64_t i = first; i < end; i++) pack_unit(ctx, 0, i);
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
static hr_gemm_block block_of(const job *j, int64_t step, const tile *t) {
  const hr_product *p = j->p;
  int64_t index = j->first + t->index, at = begin_of(j, step);
  hr_gemm_block block = {.c = j->c + ((index * p->m + t->row) * j->n + t->column) * j->unit,
                         .c_row = j->n,
                         .m = t->m,
                         .n = t->n,
                         .k = depth_of(j, step) * j->complex,
                         .add = step > 0};
  if (j->pack_a) {
    block.a_row = stride_of_a(j, step), block.a_k = 1;
    block.a = packed_a(j, step, t->index) + t->row * block.a_row * j->unit;
  } else {
    block.a_row = p->a_row * j->complex, block.a_k = j->complex == 2 ? 1 : p->a_k; /* parts lie side by side */
    block.a = hr_product_a(p, index) + (t->row * p->a_row + at * p->a_k) * p->item_bytes;
  }
  if (j->pack_b) {
    block.b_k = j->kernels->columns, block.b_slab = bytes_of_slab(j) / j->unit;
    block.b = packed_b(j, step, t->index) + t->column / block.b_k * bytes_of_slab(j);
  } else {
    block.b_k = p->b_k;
    block.b = hr_product_b(p, index) + (at * p->b_k + t->column) * j->unit;
  }
  block.far = block.k * t->n * j->unit > NEAR_BYTES;
  return block;
}

/* Chunks [first, end) without packing: all steps of their tiles. */
static void direct_range(void *ctx, int64_t first, int64_t end) {
  const job *j = ctx;
  for (int64_t i = first * j->grain; i < min64(end * j->grain, j->group * j->tiles_m * j->tiles_n); i++) {
    tile t = tile_of(j, i);
    for (int64_t step = 0; step < j->steps; step++) {
      hr_gemm_block block = block_of(j, step, &t);
      j->kernels->multiply(&block);
    }
  }
}

/* A few rows at a time, which stay in L1, pass by all of the tile's slabs of B, which stay in L2; the next rows are
 * fetched meanwhile. */
static void multiply_rows(const job *j, const tile *t) {
  hr_gemm_block whole = block_of(j, j->step, t), part = whole;
  int64_t rows = j->kernels->rows;
  for (int64_t row = 0; row < t->m; row += rows) {
    part.m = min64(t->m - row, rows);
    part.a = (const char *)whole.a + row * whole.a_row * j->unit;
    part.c = (char *)whole.c + row * whole.c_row * j->unit;
    if (whole.a_k == 1 && row + rows < t->m)
      part.fetch = (hr_gemm_fetch){(const char *)part.a + rows * whole.a_row * j->unit, whole.a_row * j->unit,
                                   (int)min64(t->m - row - rows, rows), (int)(whole.k * j->unit / 64)};
    else
      part.fetch.rows = 0;
    j->kernels->multiply(&part);
  }
}

/* Chunks of the current step, each with its share of packing for the next one. */
static void packed_range(void *ctx, int64_t first, int64_t end) {
  const job *j = ctx;
  for (int64_t i = first * j->grain; i < min64(end * j->grain, j->group * j->tiles_m * j->tiles_n); i++) {
    tile t = tile_of(j, i);
    multiply_rows(j, &t);
  }
  for (int64_t i = first * j->shares / j->chunks; i < end * j->shares / j->chunks; i++) pack_unit(j, j->step + 1, i);
}

static void for_chunks(const job *j, void (*fn)(void *ctx, int64_t first, int64_t end)) {
  if (j->flops <= LIGHT_FLOPS && j->flops * j->chunks <= SHORT_FLOPS)
    hr_parallel_range_light(j->chunks, 1, fn, (void *)j);
  else
    hr_parallel_range(j->chunks, 1, fn, (void *)j);
}

static void run_group(job *j) {
  j->chunks = divide_up(j->group * j->tiles_m * j->tiles_n, j->grain);
  if (!j->pack_a && !j->pack_b) {
    for_chunks(j, direct_range);
    return;
  }
  hr_parallel_range_light(units_of(j, 0), 8, first_range, j);
  for (j->step = 0; j->step < j->steps; j->step++) {
    j->shares = j->step + 1 < j->steps ? units_of(j, j->step + 1) : 0;
    for_chunks(j, packed_range);
  }
}

/* --- the cut --- */

/* Rows of B in place: without gaps, and few enough that they stay in L2, or hardly read twice. */
static bool reads_b(const hr_product *p, int64_t unit) {
  if (p->n == 1) return true;
  return p->b_column == 1 && (p->k * p->n * unit <= DIRECT_BYTES || p->m <= FEW_ROWS);
}

/* A in place: rows along k, or a matrix that is small. */
static bool reads_a(const hr_product *p) {
  if (p->k == 1 || p->a_k == 1) return true;
  return p->dtype != HR_COMPLEX64 && p->m * p->k * p->item_bytes <= NEAR_BYTES;
}

static void cut_steps(job *j, bool packs) {
  int64_t k = j->p->k, most = (packs ? DEPTH : DIRECT_DEPTH) / j->complex;
  j->first_depth = j->depth = k, j->steps = 1;
  if (k <= most) return;
  j->first_depth = packs ? FIRST_DEPTH / j->complex : 0;
  j->steps = divide_up(k - j->first_depth, most);
  j->depth = round_up(divide_up(k - j->first_depth, j->steps), 16);
  j->steps = divide_up(k - j->first_depth, j->depth);
  if (packs)
    j->steps++;
  else
    j->first_depth = j->depth;
}

/* Tiles as even as they can be, of at most about `flops` each. */
static void cut_tiles(job *j, bool packs) {
  int64_t m = j->p->m, deep = packs ? j->depth * j->complex : j->p->k, width = j->kernels->columns;
  int64_t rows = j->kernels->rows, flops = CHUNK_FLOPS;
  int64_t share = 2 * m * j->n * deep * j->p->batch / MIN_TILES;
  if (packs && share > flops) flops = min64(share, TILE_FLOPS);
  int64_t columns = packs ? TILE_COLUMNS : DIRECT_BYTES / 2 / (min64(j->depth, DIRECT_DEPTH) * j->unit) + 1;
  int64_t parts = divide_up(j->n, round_up(columns, width));
  j->tile_n = min64(round_up(divide_up(j->n, parts), width), j->n);
  while (j->tile_n > width && 2 * m * j->tile_n * deep > 2 * flops && m <= 2 * rows)
    j->tile_n = round_up(j->tile_n / 2, width);
  int64_t most = flops / (2 * j->tile_n * deep) / rows * rows;
  if (most < rows) most = rows;
  parts = divide_up(m, most);
  j->tile_m = min64(round_up(divide_up(m, parts), rows), m);
  j->tiles_m = divide_up(m, j->tile_m), j->tiles_n = divide_up(j->n, j->tile_n);
  j->flops = 2 * j->tile_m * j->tile_n * deep;
  j->grain = j->flops > CHUNK_FLOPS / 2 ? 1 : CHUNK_FLOPS / j->flops;
  j->flops *= j->grain;
}

typedef struct store_job {
  const hr_pack_kernels *pack;
  uint16_t *to;
  const float *from;
} store_job;

static void store_range(void *ctx, int64_t first, int64_t end) {
  const store_job *job = ctx;
  job->pack->store(job->to + first, job->from + first, end - first);
}

static hr_status run_groups(job *j) {
  hr_buffer *panels = NULL;
  hr_status status = HR_OK;
  bool packs = j->pack_a || j->pack_b;
  int64_t bytes = bytes_of_item(j), group = packs ? min64(GROUP_BYTES / bytes + 1, j->p->batch) : j->p->batch;
  if (packs) {
    HR_TRY(hr_buffer_new(&panels, (size_t)(group * bytes * (j->steps > 1 ? 2 : 1)) + 64));
    j->panels[0] = panels->data, j->panels[1] = j->panels[0] + group * bytes;
  }
  for (j->first = 0; j->first < j->p->batch; j->first += group) {
    j->group = min64(group, j->p->batch - j->first);
    run_group(j);
  }
done:
  hr_buffer_release(panels);
  return status;
}

hr_status hr_product_matrix(const hr_product *p) {
  bool is_double = p->dtype == HR_FLOAT64, in_place = is_double || p->dtype == HR_FLOAT32;
  hr_buffer *sums = NULL;
  hr_status status = HR_OK;
  job j = {.p = p,
           .kernels = is_double ? f64[hr_isa_level()] : f32[hr_isa_level()],
           .pack = hr_product_pack(p->dtype),
           .c = p->c,
           .complex = p->dtype == HR_COMPLEX64 ? 2 : 1,
           .unit = is_double ? 8 : 4};
  j.n = p->n * j.complex;
  bool halves = j.pack->store != NULL;
  j.pack_a = halves || !reads_a(p), j.pack_b = !in_place || !reads_b(p, j.unit);
  j.slabs = divide_up(j.n, j.kernels->columns);
  cut_steps(&j, j.pack_a || j.pack_b);
  cut_tiles(&j, j.pack_a || j.pack_b);
  int64_t count = p->batch * p->m * p->n;
  if (j.pack->store) {
    HR_TRY(hr_buffer_new(&sums, (size_t)count * sizeof(float)));
    j.c = sums->data;
  }
  HR_TRY(run_groups(&j));
  store_job store = {j.pack, (uint16_t *)p->c, sums ? sums->data : NULL};
  if (sums) hr_parallel_range_light(count, 1 << 16, store_range, &store);
done:
  hr_buffer_release(sums);
  return status;
}
