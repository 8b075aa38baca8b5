/* src/cpu/qmm_tiles.c - products with quantised matrices in tile registers: see kernels/qmm_tiles.h.
 *
 * All rows of x become panels first. A chunk is some bands of rows of w by some panels: it takes a band in by steps
 * along k, whose codes become bytes once for all of its panels. Cuts depend on shapes alone, and each sum has one
 * order. */
#include <stddef.h>
#include <string.h>

#include "array/buffer.h"
#include "cpu/isa.h"
#include "cpu/kernels/qmm_tiles.h"
#include "cpu/qmm.h"
#include "cpu/scratch.h"
#include "sched/parallel.h"

#if HR_ISA_HAS_AMX
extern const hr_tile_kernels hr_tiles_amx;

/* Panels of a chunk; estimated time of a block of 16 rows of w, 64 codes and a panel, and of a chunk. */
enum {
  BLOCKS = HR_TILE_BLOCKS,
  CHUNK_PANELS = 64,
  TILE_NS = 12,
  UNPACK_NS = 8,
  CHUNK_NS = 40000,
  SPLIT_FLOATS = 1 << 14,
  MIN_CHUNKS = 8,
  FEW_PANELS = 4
};
static const int64_t PANELS_BYTES = 32 << 20;

/* Panels of a run that are at work together. */
typedef struct piece {
  const hr_qmm_run *run;
  int64_t first, panels;            /* of the run's */
  int64_t all_panels, all_chunks;   /* of the pieces before this one */
  int64_t chunk_blocks, row_chunks; /* blocks of rows of w of a chunk; chunks that make all rows */
  int64_t chunk_panels;
} piece;

typedef struct job {
  const hr_qmm_tiled *p;
  const hr_tile_kernels *kernels;
  hr_tile_cut cut;
  piece *pieces;
  int64_t count, chunks;
  char *panels;
  int64_t sums_bytes;
  hr_scratch scratch;
} job;

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* The piece that holds number `index` of what `before` counts. */
static const piece *find(const job *j, int64_t index, size_t before) {
  int64_t low = 0, high = j->count - 1;
  while (low < high) {
    int64_t middle = (low + high + 1) / 2, count;
    memcpy(&count, (const char *)&j->pieces[middle] + before, sizeof count);
    if (count <= index)
      low = middle;
    else
      high = middle - 1;
  }
  return &j->pieces[low];
}

static char *panel_of(const job *j, const piece *p, int64_t number) {
  return j->panels + (p->all_panels + number) * hr_tile_panel_bytes(&j->cut);
}

static void split_range(void *ctx, int64_t first, int64_t end) {
  const job *j = ctx;
  for (int64_t i = first; i < end; i++) {
    const piece *p = find(j, i, offsetof(piece, all_panels));
    int64_t number = i - p->all_panels, row = (p->first + number) * HR_TILE_X_ROWS;
    j->kernels->split(panel_of(j, p, number), &j->cut, j->p->x + (p->run->first + row) * j->p->k, j->p->k,
                      (int)min64(p->run->rows - row, HR_TILE_X_ROWS), j->p->w.code == HR_CODE_E2M1);
  }
}

/* A thread's: the number of its chunk before this one, and what a chunk works with. */
typedef struct memory {
  int64_t last_chunk;
  hr_tile_step steps[BLOCKS];
  hr_tile_scales scales[]; /* of a band; then its biases, then sums of a block and a panel each */
} memory;

/* Up to BLOCKS blocks of a matrix, whose rows lie together in memory. */
typedef struct band {
  hr_qmm_matrix w;
  int64_t block, blocks;
} band;

static band band_at(const job *j, const piece *p, int64_t block) {
  hr_qmm_matrix w = hr_qmm_matrix_at(&j->p->w, p->run->matrix, j->p->w_bytes, j->p->scale_bytes);
  return (band){w, block, min64(divide_up(j->p->n, HR_TILE) - block, BLOCKS)};
}

/* The band behind this one of the chunk, or the first one of the chunk that the thread takes next: those come in
 * ascending or in descending order (P3 of sched/parallel.h). */
static band band_after(const job *j, const piece *p, int64_t block, int64_t end, int64_t chunk, int64_t last_chunk) {
  if (block + BLOCKS < end) return band_at(j, p, block + BLOCKS);
  bool down = last_chunk > chunk || chunk == j->chunks - 1;
  chunk += down ? -1 : 1;
  if (chunk < 0 || (!down && chunk == j->chunks)) return (band){.blocks = 0};
  p = find(j, chunk, offsetof(piece, all_chunks));
  return band_at(j, p, (chunk - p->all_chunks) % p->row_chunks * p->chunk_blocks);
}

static void fetch(const char *from, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(from + i, 0, 2);
}

static float (*sums_of(const job *j, memory *m))[HR_TILE] {
  return (float(*)[HR_TILE])(m->scales + j->cut.units * (j->p->w.biases ? 2 : 1));
}

/* A share of the next band, which is fetched in the order of memory meanwhile: rows of this one are read a piece each,
 * and processors fetch no such pattern ahead. */
static hr_tile_ahead ahead_of(const job *j, const band *next, int64_t part, int64_t parts) {
  int64_t bytes = next->blocks * HR_TILE * (j->p->k * j->p->w.bits / 8);
  const char *codes = (const char *)next->w.codes + next->block * HR_TILE * (j->p->k * j->p->w.bits / 8);
  return (hr_tile_ahead){codes + bytes * part / parts / 64 * 64, (int)divide_up(bytes, parts * BLOCKS * HR_TILE * 64)};
}

/* Units [first, first + units) of a band, by panels. */
static void take_in(const job *j, const piece *p, memory *m, const band *now, const band *next, int64_t panel,
                    int64_t panels, int64_t first, int64_t units) {
  float(*sums)[HR_TILE] = sums_of(j, m);
  hr_tile_ahead ahead = ahead_of(j, next, first, j->cut.units);
  ahead.lines *= (int)units;
  for (int64_t b = 0; b < now->blocks; b++) {
    int64_t row = (now->block + b) * HR_TILE;
    j->kernels->unpack(&m->steps[b], &j->cut, &now->w, row, (int)min64(j->p->n - row, HR_TILE), first, units, &ahead);
  }
  for (int64_t i = 0; i < panels; i++)
    j->kernels->multiply(sums + i * HR_TILE, panels * HR_TILE, &j->cut, m->steps, (int)now->blocks, m->scales + first,
                         now->w.biases ? m->scales + j->cut.units + first : NULL, panel_of(j, p, panel + i), first,
                         units);
}

/* What a band needs before its first step; that of the next one is fetched. */
static void begin_band(const job *j, memory *m, const band *now, const band *next, int64_t panels) {
  int64_t row = now->block * HR_TILE, rows = min64(j->p->n - row, BLOCKS * HR_TILE);
  int64_t row_bytes = j->cut.groups * now->w.scale_item, next_bytes = next->blocks * HR_TILE * row_bytes;
  memset(sums_of(j, m), 0, (size_t)(BLOCKS * panels * HR_TILE * HR_TILE) * sizeof(float));
  j->kernels->scales(m->scales, &j->cut, now->w.scales + row * row_bytes, now->w.scale, (int)rows);
  fetch(next->w.scales + next->block * HR_TILE * row_bytes, next_bytes);
  if (!now->w.biases) return;
  j->kernels->scales(m->scales + j->cut.units, &j->cut, now->w.biases + row * row_bytes, now->w.scale, (int)rows);
  fetch(next->w.biases + next->block * HR_TILE * row_bytes, next_bytes);
}

static void finish(const job *j, const piece *p, memory *m, const band *now, int64_t panel, int64_t panels) {
  float(*sums)[HR_TILE] = sums_of(j, m);
  int64_t item = j->p->type == HR_QMM_F32 ? 4 : 2;
  for (int64_t b = 0; b < now->blocks; b++)
    for (int64_t i = 0; i < panels; i++, sums += HR_TILE) {
      int64_t row = (p->first + panel + i) * HR_TILE_X_ROWS, column = (now->block + b) * HR_TILE;
      j->kernels->finish(j->p->y + ((p->run->first + row) * j->p->n + column) * item, j->p->type, j->p->n, sums,
                         (int)min64(p->run->rows - row, HR_TILE_X_ROWS), (int)min64(j->p->n - column, HR_TILE));
    }
}

static void multiply_chunk(void *ctx, int64_t chunk) {
  job *j = ctx;
  const piece *p = find(j, chunk, offsetof(piece, all_chunks));
  int64_t own = chunk - p->all_chunks, first = own % p->row_chunks * p->chunk_blocks;
  int64_t end = min64(first + p->chunk_blocks, divide_up(j->p->n, HR_TILE));
  int64_t panel = own / p->row_chunks * p->chunk_panels, panels = min64(p->panels - panel, p->chunk_panels);
  int64_t codes = panels > FEW_PANELS ? HR_TILE_STEP : HR_TILE_STEP / 2, step = codes / (HR_TILE_UNIT * j->cut.group);
  if (step == 0) step = 1;
  memory *m = hr_scratch_take(&j->scratch);
  j->kernels->begin(j->cut.group);
  for (int64_t block = first; block < end; block += BLOCKS) {
    band now = band_at(j, p, block), next = band_after(j, p, block, end, chunk, m->last_chunk);
    begin_band(j, m, &now, &next, panels);
    for (int64_t u = 0; u < j->cut.units; u += step)
      take_in(j, p, m, &now, &next, panel, panels, u, min64(j->cut.units - u, step));
    finish(j, p, m, &now, panel, panels);
  }
  j->kernels->end();
  m->last_chunk = chunk;
  hr_scratch_give(&j->scratch, m);
}

/* Chunks of about CHUNK_NS, shorter ones where that would leave few. Many panels share the work of unpacking: up to
 * four times that. */
static void cut_chunks(const job *j, piece *p) {
  int64_t squares = divide_up(j->p->k, 64), all = divide_up(j->p->n, HR_TILE);
  p->chunk_panels = min64(4 * CHUNK_NS / (BLOCKS * squares * TILE_NS) + 1, min64(p->panels, CHUNK_PANELS));
  int64_t blocks = min64(CHUNK_NS / (squares * (UNPACK_NS + p->chunk_panels * TILE_NS)), all / MIN_CHUNKS);
  p->chunk_blocks = blocks < BLOCKS ? BLOCKS : blocks / BLOCKS * BLOCKS;
  p->row_chunks = divide_up(all, p->chunk_blocks);
}

static int64_t chunks_of(const piece *p) { return p->row_chunks * divide_up(p->panels, p->chunk_panels); }

/* The next pieces from panel *panel of run *run on, whose panels find room. */
static void take_pieces(job *j, int64_t *run, int64_t *panel) {
  int64_t room = PANELS_BYTES / hr_tile_panel_bytes(&j->cut) + 1, sums = 0;
  for (j->count = 0; *run < j->p->run_count && room > 0;) {
    piece *p = &j->pieces[j->count];
    const hr_qmm_run *r = &j->p->runs[*run];
    int64_t left = divide_up(r->rows, HR_TILE_X_ROWS) - *panel;
    *p = (piece){.run = r, .first = *panel, .panels = min64(left, room)};
    cut_chunks(j, p);
    if (j->count++ > 0) {
      p->all_panels = p[-1].all_panels + p[-1].panels;
      p->all_chunks = p[-1].all_chunks + chunks_of(p - 1);
    }
    if (sums < BLOCKS * p->chunk_panels) sums = BLOCKS * p->chunk_panels;
    room -= p->panels, *panel += p->panels;
    if (p->panels == left) ++*run, *panel = 0;
  }
  j->sums_bytes = sums * HR_TILE * HR_TILE * (int64_t)sizeof(float);
}

static hr_status run_pieces(job *j) {
  const piece *last = &j->pieces[j->count - 1];
  int64_t panels = last->all_panels + last->panels;
  hr_buffer *buffer = NULL;
  hr_status status;
  j->chunks = last->all_chunks + chunks_of(last);
  size_t scales_bytes = sizeof(hr_tile_scales) * (size_t)(j->cut.units * (j->p->w.biases ? 2 : 1));
  HR_TRY(hr_scratch_init(&j->scratch, sizeof(memory) + scales_bytes + (size_t)j->sums_bytes, j->chunks));
  for (int i = 0; i < j->scratch.count; i++) ((memory *)hr_scratch_block(&j->scratch, i))->last_chunk = -1;
  HR_TRY(hr_buffer_new(&buffer, (size_t)(panels * hr_tile_panel_bytes(&j->cut)) + HR_DATA_ALIGN));
  j->panels = (char *)buffer->data + (HR_DATA_ALIGN - (uintptr_t)buffer->data % HR_DATA_ALIGN) % HR_DATA_ALIGN;
  hr_parallel_range(panels, SPLIT_FLOATS / j->p->k + 1, split_range, j);
  hr_parallel_for(j->chunks, multiply_chunk, j);
done:
  hr_scratch_deinit(&j->scratch);
  hr_buffer_release(buffer);
  return status;
}

bool hr_qmm_has_tiles(const hr_qmm_matrix *w) { return w->code != HR_CODE_E4M3 && hr_isa_amx(); }

hr_status hr_qmm_tiles(const hr_qmm_tiled *p) {
  job j = {.p = p, .kernels = &hr_tiles_amx, .cut = {.group = p->w.group, .groups = p->k / p->w.group}};
  hr_buffer *pieces = NULL;
  hr_status status;
  HR_TRY(hr_buffer_new(&pieces, (size_t)p->run_count * sizeof(piece)));
  j.pieces = pieces->data;
  j.cut.units = divide_up(j.cut.groups, HR_TILE_UNIT);
  for (int64_t run = 0, panel = 0; run < p->run_count;) {
    take_pieces(&j, &run, &panel);
    HR_TRY(run_pieces(&j));
  }
done:
  hr_buffer_release(pieces);
  return status;
}
#else
bool hr_qmm_has_tiles(const hr_qmm_matrix *w) {
  (void)w;
  return false;
}
hr_status hr_qmm_tiles(const hr_qmm_tiled *p) {
  (void)p;
  return HR_OK;
}
#endif
