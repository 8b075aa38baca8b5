/* src/cpu/qmm_panels.c - products of many rows with a quantised matrix.
 *
 * As in matmul.c the product is cut into steps along k; both operands are packed for a step, then tiles of the result
 * take it in while the next step is packed. The quantised operand becomes floats on its way into its panels, so that
 * nothing but a step of it is ever expanded. Each element's sum is taken in ascending k: the cut changes no bits. */
#include "array/buffer.h"
#include "cpu/isa.h"
#include "cpu/matmul.h"
#include "cpu/qmm.h"
#include "sched/parallel.h"

/* DEPTH is a multiple of every group. Measured for matmul.c: tiles of 4 by 16 panels. */
enum { DEPTH = 384, TILE_PANELS_A = 4, TILE_PANELS_B = 16, MIN_TILES = 16, PACK_GRAIN = 4, LANES_MAX = 32 };

HR_ISA_DECLARE(hr_gemm_kernels, hr_gemm_f32);
static const hr_gemm_kernels *const gemm_of[] = HR_ISA_ROW(hr_gemm_f32);

typedef struct panel_job {
  const hr_qmm_product *p;
  const hr_gemm_kernels *gemm;
  const hr_pack_kernels *pack;
  float *panels[2], *c; /* of even and odd steps; the sums */
  int64_t count_a, count_b;
  int64_t depth, steps, step;
  int64_t tile_a, tile_b, tiles_m, tile_chunks;
} panel_job;

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

static int64_t depth_of(const panel_job *job, int64_t step) { return min64(job->p->k - step * job->depth, job->depth); }
static float *panel_a(const panel_job *job, int64_t step, int64_t number) {
  return job->panels[step & 1] + number * job->depth * job->gemm->rows;
}
static float *panel_b(const panel_job *job, int64_t step, int64_t number) {
  return panel_a(job, step, job->count_a) + number * job->depth * job->gemm->columns;
}

/* Rows of w side by side: pieces of them are turned over like rows of floats. */
static void pack_transposed(const panel_job *job, float *to, int64_t step, int64_t first, int count) {
  const hr_qmm_product *p = job->p;
  int width = job->gemm->columns;
  float pieces[LANES_MAX * HR_QMM_PIECE];
  int64_t start = step * job->depth, depth = depth_of(job, step);
  for (int64_t at = 0; at < depth; at += HR_QMM_PIECE) {
    int length = (int)min64(depth - at, HR_QMM_PIECE);
    for (int j = 0; j < count; j++) p->kernels->piece(pieces + j * HR_QMM_PIECE, &p->w, first + j, start + at, length);
    job->pack->b(to + at * width, pieces, length, width, count, HR_QMM_PIECE, 1);
  }
}

static void pack_plain(const panel_job *job, float *to, int64_t step, int64_t first, int count) {
  int width = job->gemm->columns;
  int64_t start = step * job->depth, depth = depth_of(job, step);
  for (int64_t at = 0; at < depth; at++, to += width) {
    job->p->kernels->piece(to, &job->p->w, start + at, first, count);
    for (int j = count; j < width; j++) to[j] = 0;
  }
}

static void pack_chunk(const panel_job *job, int64_t step, int64_t chunk) {
  const hr_qmm_product *p = job->p;
  int64_t end = min64((chunk + 1) * PACK_GRAIN, job->count_a + job->count_b);
  for (int64_t i = chunk * PACK_GRAIN; i < end; i++) {
    bool is_a = i < job->count_a;
    int64_t number = is_a ? i : i - job->count_a, width = is_a ? job->gemm->rows : job->gemm->columns;
    int64_t first = number * width;
    int count = (int)min64((is_a ? p->m : p->n) - first, width);
    if (is_a)
      job->pack->a(panel_a(job, step, number), p->x + first * p->k + step * job->depth, depth_of(job, step), (int)width,
                   count, p->k, 1);
    else
      (p->transpose ? pack_transposed : pack_plain)(job, panel_b(job, step, number), step, first, count);
  }
}

static void tile_chunk(const panel_job *job, int64_t chunk) {
  const hr_qmm_product *p = job->p;
  int64_t rows = job->gemm->rows, columns = job->gemm->columns, depth = depth_of(job, job->step);
  int64_t i0 = chunk % job->tiles_m * job->tile_a, i1 = min64(i0 + job->tile_a, job->count_a);
  int64_t j0 = chunk / job->tiles_m * job->tile_b, j1 = min64(j0 + job->tile_b, job->count_b);
  for (int64_t i = i0; i < i1; i++) {
    const float *a = panel_a(job, job->step, i);
    int64_t slice = job->depth * rows / (j1 - j0), next = job->depth * rows;
    for (int64_t j = j0; j < j1; j++, next += slice)
      job->gemm->tile(depth, a, panel_b(job, job->step, j), job->c + i * rows * p->n + j * columns, p->n,
                      (int)min64(p->m - i * rows, rows), (int)min64(p->n - j * columns, columns), job->step > 0,
                      a + next);
  }
}

static void step_chunk(void *ctx, int64_t chunk) {
  const panel_job *job = ctx;
  if (chunk < job->tile_chunks)
    tile_chunk(job, chunk);
  else
    pack_chunk(job, job->step + 1, chunk - job->tile_chunks);
}
static void first_chunk(void *ctx, int64_t chunk) { pack_chunk(ctx, 0, chunk); }

static void cut_tiles(panel_job *job) {
  job->tile_a = TILE_PANELS_A, job->tile_b = TILE_PANELS_B;
  for (;;) {
    job->tiles_m = divide_up(job->count_a, job->tile_a);
    job->tile_chunks = job->tiles_m * divide_up(job->count_b, job->tile_b);
    if (job->tile_chunks >= MIN_TILES || job->tile_a + job->tile_b <= 4) break;
    if (job->tile_a > 2 || job->tile_b <= 2)
      job->tile_a /= 2;
    else
      job->tile_b /= 2;
  }
}

hr_status hr_qmm_panels(const hr_qmm_product *p) {
  panel_job job = {.p = p,
                   .gemm = gemm_of[hr_isa_level()],
                   .pack = hr_product_pack(HR_FLOAT32),
                   .c = p->y,
                   .depth = min64(p->k, DEPTH)};
  hr_buffer *panels = NULL, *sums = NULL;
  hr_status status = HR_OK;
  job.count_a = divide_up(p->m, job.gemm->rows), job.count_b = divide_up(p->n, job.gemm->columns);
  job.steps = divide_up(p->k, job.depth);
  int64_t floats = job.depth * (job.count_a * job.gemm->rows + job.count_b * job.gemm->columns);
  HR_TRY(hr_buffer_new(&panels, (size_t)(job.steps > 1 ? 2 * floats : floats) * sizeof(float)));
  if (p->type != HR_QMM_F32) {
    HR_TRY(hr_buffer_new(&sums, (size_t)(p->m * p->n) * sizeof(float)));
    job.c = sums->data;
  }
  job.panels[0] = panels->data, job.panels[1] = job.panels[0] + (job.steps > 1 ? floats : 0);
  cut_tiles(&job);
  int64_t pack_chunks = divide_up(job.count_a + job.count_b, PACK_GRAIN);
  hr_parallel_for(pack_chunks, first_chunk, &job);
  for (job.step = 0; job.step < job.steps; job.step++)
    hr_parallel_for(job.tile_chunks + (job.step + 1 < job.steps ? pack_chunks : 0), step_chunk, &job);
  if (sums) hr_product_store(p->type == HR_QMM_F16 ? HR_FLOAT16 : HR_BFLOAT16, p->y, sums->data, p->m * p->n);
done:
  hr_buffer_release(panels);
  hr_buffer_release(sums);
  return status;
}
