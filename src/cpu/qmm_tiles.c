/* src/cpu/qmm_tiles.c - products with quantised matrices in tile registers: see kernels/qmm_tiles.h.
 *
 * All rows of x become panels first. A chunk is some rows of w by some panels: it takes w in by steps along k, whose
 * codes become bytes once for all of its panels. Cuts depend on shapes alone, and each sum has one order. */
#include <string.h>

#include "array/buffer.h"
#include "cpu/isa.h"
#include "cpu/kernels/qmm_tiles.h"
#include "cpu/qmm.h"
#include "cpu/scratch.h"
#include "sched/parallel.h"

#if HR_ISA_HAS_AMX
extern const hr_tile_kernels hr_tiles_amx;

/* Blocks of 16 rows of w whose bytes stay in L1 while panels pass by; panels of a chunk; estimated time of a block, 64
 * codes and a panel, and of a chunk. */
enum { BLOCKS = 4, CHUNK_PANELS = 64, TILE_NS = 12, UNPACK_NS = 8, CHUNK_NS = 40000, SPLIT_FLOATS = 1 << 14 };
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
  int64_t count;
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

/* Rows of w from block `block` on, by panels. sums: of a block and a panel each. */
static void take_in(const job *j, const piece *p, hr_tile_step *steps, float (*sums)[HR_TILE], int64_t block,
                    int64_t blocks, int64_t panel, int64_t panels, int64_t first, int64_t units) {
  hr_qmm_matrix w = hr_qmm_matrix_at(&j->p->w, p->run->matrix, j->p->w_bytes, j->p->scale_bytes);
  int64_t ahead = HR_TILE * w.length * w.bits / 8;
  for (int64_t b = 0; b < blocks; b++) {
    int64_t row = (block + b) * HR_TILE;
    j->kernels->unpack(&steps[b], &j->cut, &w, row, (int)min64(j->p->n - row, HR_TILE), first, units, ahead);
  }
  for (int64_t i = 0; i < panels; i++)
    for (int64_t b = 0; b < blocks; b++)
      j->kernels->multiply(sums + (b * panels + i) * HR_TILE, &j->cut, &steps[b], panel_of(j, p, panel + i), first,
                           units, w.biases != NULL);
}

static void finish(const job *j, const piece *p, float (*sums)[HR_TILE], int64_t block, int64_t blocks, int64_t panel,
                   int64_t panels) {
  int64_t item = j->p->type == HR_QMM_F32 ? 4 : 2;
  for (int64_t b = 0; b < blocks; b++)
    for (int64_t i = 0; i < panels; i++, sums += HR_TILE) {
      int64_t row = (p->first + panel + i) * HR_TILE_X_ROWS, column = (block + b) * HR_TILE;
      j->kernels->finish(j->p->y + ((p->run->first + row) * j->p->n + column) * item, j->p->type, j->p->n, sums,
                         (int)min64(p->run->rows - row, HR_TILE_X_ROWS), (int)min64(j->p->n - column, HR_TILE));
    }
}

static void multiply_chunk(void *ctx, int64_t chunk) {
  job *j = ctx;
  const piece *p = find(j, chunk, offsetof(piece, all_chunks));
  chunk -= p->all_chunks;
  int64_t block = chunk % p->row_chunks * p->chunk_blocks, panel = chunk / p->row_chunks * p->chunk_panels;
  int64_t blocks = min64(divide_up(j->p->n, HR_TILE) - block, p->chunk_blocks);
  int64_t panels = min64(p->panels - panel, p->chunk_panels);
  int64_t step = HR_TILE_STEP / (HR_TILE_UNIT * j->cut.group);
  char *base = hr_scratch_take(&j->scratch);
  hr_tile_step *steps = (hr_tile_step *)base;
  float(*sums)[HR_TILE] = (float(*)[HR_TILE])(steps + BLOCKS);
  memset(sums, 0, (size_t)(blocks * panels * HR_TILE) * sizeof *sums);
  j->kernels->begin(j->cut.group);
  for (int64_t u = 0; u < j->cut.units; u += step)
    for (int64_t b = 0; b < blocks; b += BLOCKS)
      take_in(j, p, steps, sums + b * panels * HR_TILE, block + b, min64(blocks - b, BLOCKS), panel, panels, u,
              min64(j->cut.units - u, step));
  j->kernels->end();
  finish(j, p, sums, block, blocks, panel, panels);
  hr_scratch_give(&j->scratch, base);
}

/* Chunks of about CHUNK_NS; where many panels share the work of unpacking, up to four times that. */
static void cut_chunks(const job *j, piece *p) {
  int64_t squares = divide_up(j->p->k, 64), all = divide_up(j->p->n, HR_TILE);
  p->chunk_panels = min64(4 * CHUNK_NS / (BLOCKS * squares * TILE_NS) + 1, min64(p->panels, CHUNK_PANELS));
  int64_t blocks = CHUNK_NS / (squares * (UNPACK_NS + p->chunk_panels * TILE_NS));
  if (blocks < BLOCKS) blocks = p->chunk_panels > 1 ? BLOCKS : blocks < 1 ? 1 : blocks;
  p->chunk_blocks = min64(blocks, all);
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
    if (sums < p->chunk_blocks * p->chunk_panels) sums = p->chunk_blocks * p->chunk_panels;
    room -= p->panels, *panel += p->panels;
    if (p->panels == left) ++*run, *panel = 0;
  }
  j->sums_bytes = sums * HR_TILE * HR_TILE * (int64_t)sizeof(float);
}

static hr_status run_pieces(job *j) {
  const piece *last = &j->pieces[j->count - 1];
  int64_t panels = last->all_panels + last->panels, chunks = last->all_chunks + chunks_of(last);
  hr_buffer *memory = NULL;
  hr_status status;
  HR_TRY(hr_scratch_init(&j->scratch, sizeof(hr_tile_step) * BLOCKS + (size_t)j->sums_bytes, chunks));
  HR_TRY(hr_buffer_new(&memory, (size_t)(panels * hr_tile_panel_bytes(&j->cut)) + HR_DATA_ALIGN));
  j->panels = (char *)memory->data + (HR_DATA_ALIGN - (uintptr_t)memory->data % HR_DATA_ALIGN) % HR_DATA_ALIGN;
  hr_parallel_range(panels, SPLIT_FLOATS / j->p->k + 1, split_range, j);
  hr_parallel_for(chunks, multiply_chunk, j);
done:
  hr_scratch_deinit(&j->scratch);
  hr_buffer_release(memory);
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
