/* Products of half types in tile registers (kernels/gemm_half.h), whose speed makes packing a large part of the work.
 * Rows of A are not packed where they are tiles as they lie. In large products each panel is packed once, in a loop of
 * its own, before the tiles of C; where A stays in L2 as it lies, or C has few rows or few columns, a chunk packs what
 * it needs. Sums are in float32, in ascending blocks of k. */
#include <stdatomic.h>

#include "base/atomic.h"
#include "cpu/isa.h"
#include "cpu/matmul.h"
#include "cpu/slots.h"
#include "sched/parallel.h"

#if HR_ISA_HAS_AMX
#include "cpu/kernels/gemm_half.h"

/* Numbers of k of a step, in which the panels of a tile stay in L2; sides of a tile of C at most; numbers of k of a
 * panel that are packed at a time, neighbouring panels one after the other, so that rows across them are read along; C
 * has few rows or columns up to FEW. */
enum { SIDE = HR_HALF_SIDE, STEP = 1024, TILE = 256, UNIT = 64, FEW = 128, MIN_TILES = 16, PAGE = 4096 };
/* Smaller products are done before the unit is set up. Bytes of an operand that a chunk packs, 10 to 30 us. */
static const int64_t LEAST_FLOPS = 1 << 15, CHUNK_BYTES = 256 << 10, CHUNK_FLOPS = 16 << 20, LIGHT_FLOPS = 64 << 20,
                     LONG_FLOPS = 512 << 20;
/* Packed operands of a group of items. */
static const int64_t GROUP_BYTES = 64 << 20, NEAR_BYTES = 512 << 10;

typedef struct job {
  const hr_product *p;
  const hr_half_kernels *kernels;
  bool shared;          /* packed before the tiles, else by each chunk */
  bool pack_a;          /* else A is read in place */
  char *packed;         /* of A, then of B, of each item of the group; whole k */
  int64_t first, group; /* items [first, first + group) */
  int64_t tile_m, tile_n, tiles_m, tiles_n;
  int64_t grain;         /* tiles of a chunk */
  hr_slots slots;        /* of chunks: sums, and packed panels of a step */
  _Atomic(bool) refused; /* relaxed: read after the loop that sets it */
} job;

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t round_up(int64_t a, int64_t b) { return divide_up(a, b) * b; }

/* --- packing --- */

static int64_t panels_of(int64_t length) { return divide_up(length, SIDE); }
static int64_t bytes_of_panel(const job *j, int64_t k) { return divide_up(k, HR_HALF_DEPTH) * j->kernels->block_bytes; }
/* Panels of A that are packed, of so many rows. */
static int64_t panels_of_a(const job *j, int64_t rows) { return j->pack_a ? panels_of(rows) : 0; }
static int64_t bytes_of_item(const job *j) {
  return (panels_of_a(j, j->p->m) + panels_of(j->p->n)) * bytes_of_panel(j, j->p->k);
}
static char *packed_a(const job *j, int64_t index) { return j->packed + index * bytes_of_item(j); }
static char *packed_b(const job *j, int64_t index) {
  return packed_a(j, index) + panels_of_a(j, j->p->m) * bytes_of_panel(j, j->p->k);
}

/* Numbers [at, at + k) of a panel of A, or of B. */
static void pack_a(job *j, char *to, int64_t index, int64_t row, int64_t at, int64_t k) {
  const hr_product *p = j->p;
  const uint16_t *from = (const uint16_t *)hr_product_a(p, j->first + index) + row * p->a_row + at * p->a_k;
  if (!j->kernels->pack_a(to, from, k, (int)min64(p->m - row, SIDE), p->a_row, p->a_k))
    hr_store_relaxed(&j->refused, true);
}
static void pack_b(job *j, char *to, int64_t index, int64_t column, int64_t at, int64_t k) {
  const hr_product *p = j->p;
  const uint16_t *from = (const uint16_t *)hr_product_b(p, j->first + index) + column * p->b_column + at * p->b_k;
  if (!j->kernels->pack_b(to, from, k, (int)min64(p->n - column, SIDE), p->b_column, p->b_k))
    hr_store_relaxed(&j->refused, true);
}

static void pack_range(void *ctx, int64_t first, int64_t end) {
  job *j = ctx;
  int64_t in_a = panels_of_a(j, j->p->m), in_b = panels_of(j->p->n), steps = divide_up(j->p->k, UNIT);
  int64_t bytes = bytes_of_panel(j, j->p->k);
  for (int64_t i = first; i < end; i++) {
    int64_t index = i / (steps * (in_a + in_b)), rest = i % (steps * (in_a + in_b));
    bool is_a = rest < steps * in_a;
    if (!is_a) rest -= steps * in_a;
    int64_t panel = rest % (is_a ? in_a : in_b), at = rest / (is_a ? in_a : in_b) * UNIT;
    int64_t k = min64(j->p->k - at, UNIT), place = panel * bytes + bytes_of_panel(j, at);
    if (is_a)
      pack_a(j, packed_a(j, index) + place, index, panel * SIDE, at, k);
    else
      pack_b(j, packed_b(j, index) + place, index, panel * SIDE, at, k);
  }
}

/* --- tiles --- */

typedef struct tile {
  int64_t index, row, column, m, n;
} tile;

static tile tile_of(const job *j, int64_t number) {
  int64_t tiles = j->tiles_m * j->tiles_n;
  tile t = {.index = number / tiles,
            .row = number % j->tiles_m * j->tile_m,
            .column = number % tiles / j->tiles_m * j->tile_n};
  t.m = min64(j->p->m - t.row, j->tile_m), t.n = min64(j->p->n - t.column, j->tile_n);
  return t;
}

/* Panels of a step, `panel` bytes apart, and A's rows; see hr_half_block. */
typedef struct operands {
  const char *a, *b;
  int64_t panel, a_panel, a_row, a_half, a_block;
} operands;

static operands operands_of(const job *j, const tile *t, int64_t at, const char *a, const char *b, int64_t panel) {
  const hr_product *p = j->p;
  int64_t row = p->a_row * p->item_bytes, block = j->kernels->block_bytes;
  if (j->pack_a) return (operands){a, b, panel, panel, HR_HALF_DEPTH * 2, HR_HALF_DEPTH * SIDE, block};
  a = hr_product_a(p, j->first + t->index) + t->row * row + at * p->item_bytes;
  return (operands){a, b, panel, SIDE * row, row, SIDE / 2 * row, HR_HALF_DEPTH * 2};
}

static operands shared_operands(const job *j, const tile *t, int64_t at) {
  int64_t panel = bytes_of_panel(j, j->p->k), place = bytes_of_panel(j, at);
  return operands_of(j, t, at, packed_a(j, t->index) + t->row / SIDE * panel + place,
                     packed_b(j, t->index) + t->column / SIDE * panel + place, panel);
}

static operands own_operands(job *j, const tile *t, int64_t at, int64_t k, char *to) {
  int64_t panel = bytes_of_panel(j, min64(j->p->k, STEP));
  char *b = to + panels_of_a(j, j->tile_m) * panel;
  for (int64_t from = 0; from < k; from += UNIT) {
    int64_t place = bytes_of_panel(j, from), count = min64(k - from, UNIT);
    for (int64_t i = 0; i < panels_of_a(j, t->m); i++)
      pack_a(j, to + i * panel + place, t->index, t->row + i * SIDE, at + from, count);
    for (int64_t i = 0; i < panels_of(t->n); i++)
      pack_b(j, b + i * panel + place, t->index, t->column + i * SIDE, at + from, count);
  }
  return operands_of(j, t, at, to, b, panel);
}

/* Sums of a tile of C stay from step to step; those of a single step are only needed till they are rounded. */
static bool is_single(const job *j) { return j->p->k <= STEP; }
static int64_t bytes_of_sums(const job *j) {
  return (is_single(j) ? SIDE * SIDE : j->tile_m * j->tile_n) * (int64_t)sizeof(float);
}

static void run_step(const job *j, const tile *t, const operands *o, int64_t at, float *sums) {
  int64_t k = min64(j->p->k - at, STEP);
  bool single = is_single(j), last = at + k == j->p->k;
  hr_half_block block = {.a_row = o->a_row, .a_half = o->a_half, .a_block = o->a_block, .add = at > 0};
  uint16_t *c = (uint16_t *)j->p->c + ((j->first + t->index) * j->p->m + t->row) * j->p->n + t->column;
  block.blocks = divide_up(k, HR_HALF_DEPTH), block.c_row = single ? SIDE : j->tile_n;
  for (int64_t column = 0; column < t->n; column += SIDE)
    for (int64_t row = 0; row < t->m; row += SIDE) {
      block.m = (int)min64(t->m - row, SIDE), block.n = (int)min64(t->n - column, SIDE);
      block.c = single ? sums : sums + row * j->tile_n + column;
      block.a = o->a + row / SIDE * o->a_panel, block.b = o->b + column / SIDE * o->panel;
      j->kernels->multiply(&block);
      if (last) j->kernels->store(c + row * j->p->n + column, j->p->n, block.c, block.c_row, block.m, block.n);
    }
}

static void run_tile(job *j, const tile *t, char *slot) {
  for (int64_t at = 0; at < j->p->k; at += STEP) {
    int64_t k = min64(j->p->k - at, STEP);
    operands o = j->shared ? shared_operands(j, t, at) : own_operands(j, t, at, k, slot + bytes_of_sums(j));
    run_step(j, t, &o, at, (float *)slot);
  }
}

static void tiles_range(void *ctx, int64_t first, int64_t end) {
  job *j = ctx;
  char *slot = hr_slots_take(&j->slots);
  hr_half_begin_amx();
  for (int64_t i = first * j->grain; i < min64(end * j->grain, j->group * j->tiles_m * j->tiles_n); i++) {
    tile t = tile_of(j, i);
    run_tile(j, &t, slot);
  }
  hr_half_end_amx();
  hr_slots_give(&j->slots, slot);
}

/* --- the cut --- */

/* Whole panels, as even as they can be, of at most `most`. */
static int64_t part_of(int64_t length, int64_t most) {
  return round_up(divide_up(length, divide_up(length, most)), SIDE);
}

/* Whole tiles, whose rows do not fall on each other in L1. */
static bool reads_a(const job *j) {
  const hr_product *p = j->p;
  return j->kernels->in_place && p->a_k == 1 && p->k % HR_HALF_DEPTH == 0 && p->m % SIDE == 0 &&
         p->a_row * p->item_bytes % PAGE != 0;
}

static void cut_shared(job *j) {
  int64_t m = TILE, n = TILE;
  while (m > 2 * SIDE && divide_up(j->p->m, m) * divide_up(j->p->n, n) * j->p->batch < MIN_TILES) {
    if (m >= n)
      m /= 2;
    else
      n /= 2;
  }
  j->tile_m = part_of(j->p->m, m), j->tile_n = part_of(j->p->n, n);
}

static void cut_own(job *j) {
  bool wide = j->p->m <= j->p->n;
  int64_t most = min64(max64(CHUNK_BYTES / (2 * j->p->k), TILE), 4 * TILE), length = wide ? j->p->n : j->p->m;
  while (most > SIDE && divide_up(length, most) * j->p->batch < MIN_TILES) most /= 2;
  most = round_up(most, SIDE);
  j->tile_m = part_of(j->p->m, wide ? FEW : most), j->tile_n = part_of(j->p->n, wide ? most : FEW);
}

/* A stays in L2 as it lies: chunks pack columns of B for all of its rows. */
static bool is_near(const job *j) { return !j->pack_a && j->p->m * j->p->k * j->p->item_bytes <= NEAR_BYTES; }

static void cut_near(job *j) {
  int64_t column = 2 * j->p->m * j->p->k, most = max64(CHUNK_FLOPS / column, CHUNK_BYTES / (2 * j->p->k));
  if (column * j->p->n >= CHUNK_FLOPS) most = min64(most, divide_up(j->p->n, 2));
  j->tile_m = j->p->m, j->tile_n = part_of(j->p->n, round_up(most, SIDE));
}

static void cut(job *j) {
  bool near = is_near(j);
  j->shared = min64(j->p->m, j->p->n) > FEW && !near;
  if (near)
    cut_near(j);
  else if (j->shared)
    cut_shared(j);
  else
    cut_own(j);
  j->tiles_m = divide_up(j->p->m, j->tile_m), j->tiles_n = divide_up(j->p->n, j->tile_n);
  int64_t flops = 2 * j->tile_m * j->tile_n * j->p->k;
  j->grain = max64(min64(CHUNK_BYTES / (2 * j->p->k * max64(j->tile_m, j->tile_n)), CHUNK_FLOPS / flops), 1);
}

static void run_loop(int64_t count, int64_t grain, void (*fn)(void *, int64_t, int64_t), const job *j) {
  int64_t flops = 2 * j->p->m * j->p->n * j->p->k * j->group;
  if (flops <= LIGHT_FLOPS)
    hr_parallel_range_light(count, grain, fn, (void *)j);
  else if (flops > LONG_FLOPS)
    hr_parallel_range_long(count, grain, fn, (void *)j);
  else
    hr_parallel_range(count, grain, fn, (void *)j);
}

static void run_group(job *j) {
  int64_t panels = panels_of_a(j, j->p->m) + panels_of(j->p->n);
  if (j->shared) run_loop(j->group * panels * divide_up(j->p->k, UNIT), 16, pack_range, j);
  if (hr_load_relaxed(&j->refused)) return;
  run_loop(divide_up(j->group * j->tiles_m * j->tiles_n, j->grain), 1, tiles_range, j);
}

hr_status hr_product_half(const hr_product *p, bool *done) {
  bool bf16 = p->dtype == HR_BFLOAT16;
  hr_buffer *packed = NULL;
  hr_status status = HR_OK;
  *done = false;
  if (!bf16 && p->dtype != HR_FLOAT16) return HR_OK;
  if (2 * p->m * p->n * p->k < LEAST_FLOPS || !hr_isa_amx()) return HR_OK;
  job j = {.p = p, .kernels = bf16 ? &hr_half_bf16_amx : &hr_half_f16_amx};
  j.pack_a = !reads_a(&j);
  cut(&j);
  int64_t group = j.shared ? min64(GROUP_BYTES / bytes_of_item(&j) + 1, p->batch) : p->batch;
  int64_t own = (panels_of_a(&j, j.tile_m) + panels_of(j.tile_n)) * bytes_of_panel(&j, min64(p->k, STEP));
  HR_TRY(hr_slots_init(&j.slots, divide_up(group * j.tiles_m * j.tiles_n, j.grain),
                       bytes_of_sums(&j) + (j.shared ? 0 : own)));
  if (j.shared) {
    HR_TRY(hr_buffer_new(&packed, (size_t)(group * bytes_of_item(&j))));
    j.packed = packed->data;
  }
  for (; j.first < p->batch && !hr_load_relaxed(&j.refused); j.first += group) {
    j.group = min64(group, p->batch - j.first);
    run_group(&j);
  }
  *done = !hr_load_relaxed(&j.refused);
done:
  hr_buffer_release(packed);
  hr_slots_deinit(&j.slots);
  return status;
}
#else
hr_status hr_product_half(const hr_product *p, bool *done) { return (void)p, *done = false, HR_OK; }
#endif
