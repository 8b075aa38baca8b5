/* Matrix products of any strides. The product is cut into steps along k. Both operands are packed for a step, then
 * tiles of the result take it in; the next step is packed meanwhile, by whoever finds no more tiles. Each element's sum
 * is taken in ascending k, step by step, so the result depends neither on the cut into tiles nor on who computes
 * them. */
#include <string.h>

#include "cpu/isa.h"
#include "cpu/kernels/gemm.h"
#include "ops/op_list.h"
#include "sched/parallel.h"

/* A panel of A (21 KiB in float32) stays in L1 while the panels of B of a tile (16 times 48 KiB, in L2) pass by; the
 * next panel of A is fetched meanwhile. Tiles that follow each other share their panels of B. On one core of a Sapphire
 * Rapids Xeon packing takes 6% of the time at 2048, and all of it makes 97% of what oneDNN's sgemm does.
 * Up to DIRECT panels of B, packing A costs more than reading its rows in place does. Packed panels of a step, of a
 * group of products, are kept below GROUP_BYTES or are those of one product. */
enum {
  DEPTH = 384,
  TILE_PANELS_A = 4,
  TILE_PANELS_B = 16,
  MIN_TILES = 16,
  PACK_GRAIN = 8,
  PACK_ROWS = 16,
  DIRECT = 16
};
static const int64_t GROUP_BYTES = 8 << 20, TILE_FLOPS = 1 << 23;

#define DECLARE(type, row, name)      \
  HR_ISA_DECLARE(type, row##_##name); \
  static const type *const row##_##name##_of[] = HR_ISA_ROW(row##_##name);
DECLARE(hr_gemm_kernels, hr_gemm, f32)
DECLARE(hr_gemm_kernels, hr_gemm, f64)
DECLARE(hr_pack_kernels, hr_pack, f32)
DECLARE(hr_pack_kernels, hr_pack, f64)
DECLARE(hr_pack_kernels, hr_pack, f16)
DECLARE(hr_pack_kernels, hr_pack, bf16)
DECLARE(hr_pack_kernels, hr_pack, c64)
DECLARE(hr_gemv_kernels, hr_gemv, f32)
DECLARE(hr_gemv_kernels, hr_gemv, f64)
DECLARE(hr_gemv_kernels, hr_gemv, f16)
DECLARE(hr_gemv_kernels, hr_gemv, bf16)

static const hr_pack_kernels *pack_kernels(hr_dtype dtype) {
  int level = hr_isa_level();
  switch (dtype) {
    case HR_FLOAT64: return hr_pack_f64_of[level];
    case HR_FLOAT16: return hr_pack_f16_of[level];
    case HR_BFLOAT16: return hr_pack_bf16_of[level];
    case HR_COMPLEX64: return hr_pack_c64_of[level];
    default: return hr_pack_f32_of[level];
  }
}

static const hr_gemv_kernels *gemv_kernels(hr_dtype dtype) {
  int level = hr_isa_level();
  switch (dtype) {
    case HR_FLOAT32: return hr_gemv_f32_of[level];
    case HR_FLOAT64: return hr_gemv_f64_of[level];
    case HR_FLOAT16: return hr_gemv_f16_of[level];
    case HR_BFLOAT16: return hr_gemv_bf16_of[level];
    default: return NULL;
  }
}

/* C (batch, m, n) row-major = A (batch, m, k) B (batch, k, n). Strides are in elements of the operands. */
typedef struct product {
  const hr_array *a, *b;
  hr_array *out;
  int batch_ndim; /* leading axes of all three */
  int64_t batch, m, n, k;
  int64_t a_row, a_k, b_k, b_column;
  hr_dtype dtype;
} product;

static int64_t batch_offset(const product *p, const hr_array *a, int64_t index) {
  int64_t offset = 0;
  for (int i = p->batch_ndim - 1; i >= 0; i--) {
    int length = hr_array_shape(p->out)[i];
    offset += index % length * hr_array_strides(a)[i];
    index /= length;
  }
  return offset;
}

static const char *operand(const product *p, const hr_array *a, int64_t index) {
  return (const char *)hr_array_data(a) + batch_offset(p, a, index) * (int64_t)hr_array_itemsize(a);
}

/* --- products with a vector --- */

typedef struct vector_job {
  const product *p;
  const hr_gemv_kernels *kernels;
  const char *x; /* k sums' elements for each of the batch */
  bool rows;     /* the vector is B: y = A x; else y = x B */
  int64_t length, block, blocks, x_bytes;
} vector_job;

static void vector_chunk(void *ctx, int64_t chunk) {
  const vector_job *job = ctx;
  const product *p = job->p;
  int64_t index = chunk / job->blocks, first = chunk % job->blocks * job->block;
  int64_t count = job->length - first < job->block ? job->length - first : job->block;
  int64_t bytes = (int64_t)hr_array_itemsize(p->out);
  const char *matrix = operand(p, job->rows ? p->a : p->b, index), *x = job->x + index * job->x_bytes;
  char *y = (char *)hr_array_data(p->out) + (index * job->length + first) * bytes;
  int64_t across = job->rows ? p->a_row : p->b_column, along = job->rows ? p->a_k : p->b_k;
  matrix += first * across * bytes;
  if (along == 1)
    job->kernels->dots(y, matrix, across, count, x, p->k);
  else
    job->kernels->sums(y, matrix, along, count, x, p->k);
}

/* True when this is a product with a vector whose matrix has a unit stride. */
static bool is_vector(const product *p) {
  if (!gemv_kernels(p->dtype)) return false;
  if (p->n == 1 && (p->a_k == 1 || p->a_row == 1)) return true;
  return p->m == 1 && (p->b_k == 1 || p->b_column == 1);
}

static hr_status run_vector(const product *p) {
  vector_job job = {.p = p, .kernels = gemv_kernels(p->dtype), .rows = p->n == 1 && (p->a_k == 1 || p->a_row == 1)};
  hr_buffer *x = NULL;
  int64_t sum_bytes = p->dtype == HR_FLOAT64 ? 8 : 4, bytes = (int64_t)hr_array_itemsize(p->out);
  job.x_bytes = p->k * sum_bytes;
  job.length = job.rows ? p->m : p->n;
  int64_t along = job.rows ? p->a_k : p->b_k;
  /* 128 KiB of the matrix a chunk; whole blocks of 256 columns when they are summed up side by side. */
  job.block = (128 << 10) / (p->k * bytes) + 1;
  if (along != 1) job.block = (job.block + 255) / 256 * 256;
  job.blocks = (job.length + job.block - 1) / job.block;
  hr_status status = hr_buffer_new(&x, (size_t)(p->batch * job.x_bytes));
  if (status != HR_OK) return status;
  for (int64_t i = 0; i < p->batch; i++)
    pack_kernels(p->dtype)->a((char *)x->data + i * job.x_bytes, operand(p, job.rows ? p->b : p->a, i), p->k, 1, 1, 0,
                              job.rows ? p->b_k : p->a_k);
  job.x = x->data;
  hr_parallel_for(p->batch * job.blocks, vector_chunk, &job);
  hr_buffer_release(x);
  return HR_OK;
}

/* --- products of two matrices --- */

typedef struct matrix_job {
  const product *p;
  const hr_gemm_kernels *gemm;
  const hr_pack_kernels *pack;
  char *panels[2], *c;                      /* of even and odd steps; float or double sums (batch, m, n), row-major */
  int64_t first, group;                     /* products [first, first + group) of the batch */
  int64_t count_a, count_b;                 /* panels of one product */
  int64_t direct;                           /* the first panels of A: not packed but read in place */
  int64_t depth, steps, step;               /* of a step along k; how many; the one that tiles take in */
  int64_t tiles_m, tiles_n, tile_a, tile_b; /* tiles of one product; panels of a tile */
  int64_t grain, tile_chunks;               /* tiles of a chunk; how many such chunks */
  int64_t complex, unit;                    /* 2 for c64, else 1; bytes of a float or double */
} matrix_job;

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

static int64_t columns_of(const matrix_job *job) { return job->gemm->columns / job->complex; }
static int64_t packed_a(const matrix_job *job) { return job->count_a - job->direct; }
static int64_t panel_bytes(const matrix_job *job, int width) { return job->depth * job->complex * width * job->unit; }
static int64_t depth_of(const matrix_job *job, int64_t step) {
  return min64(job->p->k - step * job->depth, job->depth);
}

/* A product's packed panels, of A and then of B. */
static int64_t product_bytes(const matrix_job *job) {
  return packed_a(job) * panel_bytes(job, job->gemm->rows) + job->count_b * panel_bytes(job, job->gemm->columns);
}
static char *panel_a(const matrix_job *job, int64_t step, int64_t index, int64_t number) {
  return job->panels[step & 1] + index * product_bytes(job) +
         (number - job->direct) * panel_bytes(job, job->gemm->rows);
}
static char *panel_b(const matrix_job *job, int64_t step, int64_t index, int64_t number) {
  return panel_a(job, step, index, job->count_a) + number * panel_bytes(job, job->gemm->columns);
}

/* Elements [at, end) along k of the step. */
static void pack_one(const matrix_job *job, int64_t step, int64_t index, int64_t panel, int64_t at, int64_t end) {
  const product *p = job->p;
  bool is_a = panel < packed_a(job);
  int64_t item = (int64_t)hr_array_itemsize(p->out), number = is_a ? panel + job->direct : panel - packed_a(job);
  int64_t width = is_a ? job->gemm->rows : columns_of(job), first = number * width, length = is_a ? p->m : p->n;
  int64_t across = is_a ? p->a_row : p->b_column, along = is_a ? p->a_k : p->b_k;
  int count = (int)min64(length - first, width), lanes = is_a ? job->gemm->rows : job->gemm->columns;
  const char *from =
      operand(p, is_a ? p->a : p->b, job->first + index) + (first * across + (step * job->depth + at) * along) * item;
  char *to = is_a ? panel_a(job, step, index, number) : panel_b(job, step, index, number);
  to += at * job->complex * lanes * job->unit;
  (is_a ? job->pack->a : job->pack->b)(to, from, end - at, lanes, count, across, along);
}

static int64_t panels_of(const matrix_job *job) { return packed_a(job) + job->count_b; }

/* Panels of B side by side take in some rows at a time, each of which is then read in one go. */
static void pack_chunk(const matrix_job *job, int64_t step, int64_t chunk) {
  int64_t panels = panels_of(job), first = chunk * PACK_GRAIN, last = min64(first + PACK_GRAIN, job->group * panels);
  int64_t depth = depth_of(job, step);
  for (int64_t at = 0; at < depth; at += PACK_ROWS)
    for (int64_t i = first; i < last; i++)
      if (job->p->b_column == 1 && i % panels >= packed_a(job))
        pack_one(job, step, i / panels, i % panels, at, min64(at + PACK_ROWS, depth));
      else if (at == 0)
        pack_one(job, step, i / panels, i % panels, 0, depth);
}

/* Panel i of A by panels [j0, j1) of B. */
static void multiply(const matrix_job *job, int64_t index, int64_t i, int64_t j0, int64_t j1) {
  const product *p = job->p;
  int rows = job->gemm->rows, columns = job->gemm->columns;
  bool direct = i < job->direct;
  int64_t step = job->step, depth = depth_of(job, step) * job->complex;
  int64_t ldc = p->n * job->complex, row = i * rows, step_b = panel_bytes(job, columns);
  char *c = job->c + ((job->first + index) * p->m + row) * ldc * job->unit;
  const char *a = direct ? operand(p, p->a, job->first + index) + (row * p->a_row + step * job->depth) * job->unit
                         : panel_a(job, step, index, i);
  const char *b = panel_b(job, step, index, j0);
  int m = (int)min64(p->m - row, rows);
  int64_t slice = direct ? 0 : panel_bytes(job, rows) / (j1 - j0);
  const char *next = a + slice * (j1 - j0);
  for (int64_t j = j0; j < j1; j++, b += step_b, next += slice) {
    int n = (int)min64(ldc - j * columns, columns);
    if (direct)
      job->gemm->tile_rows(depth, a, p->a_row, b, c + j * columns * job->unit, ldc, n, step > 0, next);
    else
      job->gemm->tile(depth, a, b, c + j * columns * job->unit, ldc, m, n, step > 0, next);
  }
}

/* Tiles below each other follow each other. */
static void tile_chunk(const matrix_job *job, int64_t chunk) {
  int64_t tiles = job->tiles_m * job->tiles_n, end = min64((chunk + 1) * job->grain, job->group * tiles);
  for (int64_t t = chunk * job->grain; t < end; t++) {
    int64_t i0 = t % job->tiles_m * job->tile_a, j0 = t % tiles / job->tiles_m * job->tile_b;
    int64_t i1 = min64(i0 + job->tile_a, job->count_a), j1 = min64(j0 + job->tile_b, job->count_b);
    for (int64_t i = i0; i < i1; i++) multiply(job, t / tiles, i, j0, j1);
  }
}

/* Chunks: tiles of this step, then panels of the next one. */
static void step_chunk(void *ctx, int64_t chunk) {
  const matrix_job *job = ctx;
  if (chunk < job->tile_chunks)
    tile_chunk(job, chunk);
  else
    pack_chunk(job, job->step + 1, chunk - job->tile_chunks);
}

static void first_chunk(void *ctx, int64_t chunk) { pack_chunk(ctx, 0, chunk); }

/* Tiles of 4 by 16 panels, smaller while there are fewer than MIN_TILES of them; chunks of at least TILE_FLOPS. */
static void cut_tiles(matrix_job *job) {
  job->tile_a = TILE_PANELS_A, job->tile_b = TILE_PANELS_B;
  for (;;) {
    job->tiles_m = divide_up(job->count_a, job->tile_a), job->tiles_n = divide_up(job->count_b, job->tile_b);
    if (job->tiles_m * job->tiles_n * job->group >= MIN_TILES || job->tile_a + job->tile_b <= 4) break;
    if (job->tile_a > 2 || job->tile_b <= 2)
      job->tile_a /= 2;
    else
      job->tile_b /= 2;
  }
  int64_t flops = 2 * job->tile_a * job->gemm->rows * job->tile_b * job->gemm->columns * job->depth * job->complex;
  job->grain = flops > TILE_FLOPS ? 1 : TILE_FLOPS / flops;
  job->tile_chunks = divide_up(job->group * job->tiles_m * job->tiles_n, job->grain);
}

static void run_group(matrix_job *job) {
  cut_tiles(job);
  int64_t pack_chunks = divide_up(job->group * panels_of(job), PACK_GRAIN);
  hr_parallel_for(pack_chunks, first_chunk, job);
  for (job->step = 0; job->step < job->steps; job->step++)
    hr_parallel_for(job->tile_chunks + (job->step + 1 < job->steps ? pack_chunks : 0), step_chunk, job);
}

/* Steps of even depth, in multiples of 16, which keep panels aligned. */
static void cut_steps(matrix_job *job) {
  int64_t k = job->p->k;
  job->depth = divide_up(divide_up(k, divide_up(k * job->complex, DEPTH)), 16) * 16;
  job->steps = divide_up(k, job->depth);
}

typedef struct store_job {
  const hr_pack_kernels *pack;
  uint16_t *to;
  const float *from;
} store_job;

static void store_chunk(void *ctx, int64_t first, int64_t end) {
  const store_job *job = ctx;
  job->pack->store(job->to + first, job->from + first, end - first);
}

static hr_status run_matrix(const product *p) {
  bool is_double = p->dtype == HR_FLOAT64;
  matrix_job job = {.p = p,
                    .gemm = is_double ? hr_gemm_f64_of[hr_isa_level()] : hr_gemm_f32_of[hr_isa_level()],
                    .pack = pack_kernels(p->dtype),
                    .c = hr_array_data(p->out),
                    .complex = p->dtype == HR_COMPLEX64 ? 2 : 1,
                    .unit = is_double ? 8 : 4};
  hr_buffer *panels = NULL, *sums = NULL;
  hr_status status = HR_OK;
  job.count_a = divide_up(p->m, job.gemm->rows), job.count_b = divide_up(p->n, columns_of(&job));
  bool in_place = p->a_k == 1 && (is_double || p->dtype == HR_FLOAT32);
  if (in_place && job.count_b <= DIRECT) job.direct = p->m / job.gemm->rows;
  cut_steps(&job);
  int64_t group = min64(GROUP_BYTES / product_bytes(&job) + 1, p->batch), bytes = group * product_bytes(&job);
  HR_TRY(hr_buffer_new(&panels, (size_t)(job.steps > 1 ? 2 * bytes : bytes)));
  if (job.pack->store) {
    HR_TRY(hr_buffer_new(&sums, (size_t)p->out->size * sizeof(float)));
    job.c = sums->data;
  }
  job.panels[0] = panels->data, job.panels[1] = job.panels[0] + (job.steps > 1 ? bytes : 0);
  for (job.first = 0; job.first < p->batch; job.first += group) {
    job.group = min64(group, p->batch - job.first);
    run_group(&job);
  }
  store_job store = {job.pack, hr_array_data(p->out), sums ? sums->data : NULL};
  if (sums) hr_parallel_range(p->out->size, 1 << 16, store_chunk, &store);
done:
  hr_buffer_release(panels);
  hr_buffer_release(sums);
  return status;
}

/* Without a batch of its own on B's side the batch is more rows of A, where they follow each other evenly. */
static void fold_batch(product *p) {
  for (int i = 0; i < p->batch_ndim; i++)
    if (hr_array_shape(p->out)[i] > 1 && hr_array_strides(p->b)[i] != 0) return;
  int64_t row = p->a_row, step = p->m * row;
  bool free_row = p->m == 1; /* the stride of a single row says nothing: the first batch axis sets it */
  for (int i = p->batch_ndim - 1; i >= 0; i--) {
    int length = hr_array_shape(p->out)[i];
    if (length == 1) continue;
    if (free_row) row = step = hr_array_strides(p->a)[i];
    free_row = false;
    if (hr_array_strides(p->a)[i] != step) return;
    step *= length;
  }
  p->a_row = row;
  p->m *= p->batch, p->batch = 1, p->batch_ndim = 0;
}

/* Inputs: A (..., m, k) and B (..., k, n), broadcast to the same leading axes. */
hr_status hr_cpu_matmul(const hr_run *run) {
  const hr_array *a = run->in[0], *b = run->in[1];
  hr_array *out = run->out[0];
  int last = out->ndim - 1;
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK || out->size == 0) return status;
  product p = {.a = a,
               .b = b,
               .out = out,
               .batch_ndim = out->ndim - 2,
               .m = hr_array_shape(out)[last - 1],
               .n = hr_array_shape(out)[last],
               .k = hr_array_shape(a)[last],
               .a_row = hr_array_strides(a)[last - 1],
               .a_k = hr_array_strides(a)[last],
               .b_k = hr_array_strides(b)[last - 1],
               .b_column = hr_array_strides(b)[last],
               .dtype = hr_array_dtype(out)};
  p.batch = out->size / (p.m * p.n);
  if (p.k == 0) return memset(hr_array_data(out), 0, hr_array_nbytes(out)), HR_OK;
  if (p.batch > 1) fold_batch(&p);
  return is_vector(&p) ? run_vector(&p) : run_matrix(&p);
}
