/* Matrix products of any strides. The product is cut into steps of DEPTH along k: both operands are packed for one
 * step, then tiles of the result are computed, both loops shared with idle workers. Each element's sum is taken in
 * ascending k, step by step, so the result depends neither on the cut into tiles nor on who computes them. */
#include <string.h>

#include "cpu/isa.h"
#include "cpu/kernels/gemm.h"
#include "ops/op_list.h"
#include "sched/parallel.h"

/* DEPTH: a panel of B (32 KiB in float32) stays in L1 while the panels of A of a tile (16 times 14 rows, 224 KiB)
 * pass by from L2. Packed panels of one pass, and of a group of products, are kept below GROUP_BYTES. Measured on one
 * core of a Sapphire Rapids Xeon, float32: 148 GF/s at 2048, 160 at 256 (4 MiB instead of 16: the same; 32: 140). */
enum { DEPTH = 256, TILE_PANELS_A = 16, TILE_PANELS_B = 8, MIN_TILES = 16, PACK_GRAIN = 8 };
static const int64_t GROUP_BYTES = 16 << 20, TILE_FLOPS = 1 << 23;

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
  char *panels_a, *panels_b, *c;            /* c: float or double sums, row-major (batch, m, n) in units of sums */
  int64_t first, group;                     /* products [first, first + group) of the batch */
  int64_t count_a, count_b;                 /* panels of one product */
  int64_t at, steps;                        /* this pass along k: where it begins, its steps of DEPTH */
  int64_t tiles_m, tiles_n, tile_a, tile_b; /* tiles of one product; panels of a tile */
  int64_t complex, unit;                    /* 2 for c64, else 1; bytes of a float or double */
} matrix_job;

static int64_t panel_bytes(const matrix_job *job, int width) { return DEPTH * job->complex * width * job->unit; }
static int64_t columns_of(const matrix_job *job) { return job->gemm->columns / job->complex; }

/* Panels lie by step, product of the group and number. */
static char *panel_a(const matrix_job *job, int64_t step, int64_t index, int64_t number) {
  return job->panels_a + ((step * job->group + index) * job->count_a + number) * panel_bytes(job, job->gemm->rows);
}
static char *panel_b(const matrix_job *job, int64_t step, int64_t index, int64_t number) {
  return job->panels_b + ((step * job->group + index) * job->count_b + number) * panel_bytes(job, job->gemm->columns);
}
static int64_t depth_of(const matrix_job *job, int64_t step) {
  int64_t left = job->p->k - job->at - step * DEPTH;
  return left < DEPTH ? left : DEPTH;
}

static void pack_one(const matrix_job *job, int64_t step, int64_t index, int64_t panel) {
  const product *p = job->p;
  bool is_a = panel < job->count_a;
  int64_t item = (int64_t)hr_array_itemsize(p->out), number = is_a ? panel : panel - job->count_a;
  int64_t width = is_a ? job->gemm->rows : columns_of(job), first = number * width, length = is_a ? p->m : p->n;
  int64_t across = is_a ? p->a_row : p->b_column, along = is_a ? p->a_k : p->b_k;
  int count = (int)(length - first < width ? length - first : width),
      lanes = is_a ? job->gemm->rows : job->gemm->columns;
  const char *from =
      operand(p, is_a ? p->a : p->b, job->first + index) + (first * across + (job->at + step * DEPTH) * along) * item;
  char *to = is_a ? panel_a(job, step, index, number) : panel_b(job, step, index, number);
  (is_a ? job->pack->a : job->pack->b)(to, from, depth_of(job, step), lanes, count, across, along);
}

static void pack_chunk(void *ctx, int64_t first, int64_t end) {
  const matrix_job *job = ctx;
  int64_t panels = job->count_a + job->count_b;
  for (int64_t i = first; i < end; i++) pack_one(job, i / panels / job->group, i / panels % job->group, i % panels);
}

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

static void tile_panels(const matrix_job *job, int64_t step, int64_t index, int64_t i, int64_t j) {
  const product *p = job->p;
  int rows = job->gemm->rows, columns = job->gemm->columns;
  int64_t ldc = p->n * job->complex, row = i * rows, column = j * columns;
  char *c = job->c + (((job->first + index) * p->m + row) * ldc + column) * job->unit;
  job->gemm->tile(depth_of(job, step) * job->complex, panel_a(job, step, index, i), panel_b(job, step, index, j), c,
                  ldc, (int)min64(p->m - row, rows), (int)min64(ldc - column, columns), job->at + step > 0);
}

/* All steps of the pass for one tile after the other: C's part stays in L2 meanwhile. */
static void tile_chunk(void *ctx, int64_t first, int64_t end) {
  const matrix_job *job = ctx;
  for (int64_t t = first; t < end; t++) {
    int64_t index = t / (job->tiles_m * job->tiles_n), place = t % (job->tiles_m * job->tiles_n);
    int64_t i0 = place / job->tiles_n * job->tile_a, j0 = place % job->tiles_n * job->tile_b;
    int64_t i1 = min64(i0 + job->tile_a, job->count_a), j1 = min64(j0 + job->tile_b, job->count_b);
    for (int64_t step = 0; step < job->steps; step++)
      for (int64_t j = j0; j < j1; j++)
        for (int64_t i = i0; i < i1; i++) tile_panels(job, step, index, i, j);
  }
}

static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* Tiles of 16 by 8 panels, smaller while there are fewer than MIN_TILES of them. */
static void cut_tiles(matrix_job *job) {
  job->tile_a = TILE_PANELS_A, job->tile_b = TILE_PANELS_B;
  for (;;) {
    job->tiles_m = divide_up(job->count_a, job->tile_a), job->tiles_n = divide_up(job->count_b, job->tile_b);
    if (job->tiles_m * job->tiles_n * job->group >= MIN_TILES || job->tile_a + job->tile_b <= 5) return;
    if (job->tile_b > 2)
      job->tile_b /= 2;
    else
      job->tile_a /= 2;
  }
}

static void run_group(matrix_job *job, int64_t pass) {
  const product *p = job->p;
  cut_tiles(job);
  int64_t deepest = min64(p->k, pass * DEPTH);
  int64_t tile_flops = 2 * job->tile_a * job->gemm->rows * job->tile_b * job->gemm->columns * deepest;
  int64_t grain = tile_flops > TILE_FLOPS ? 1 : TILE_FLOPS / tile_flops;
  for (job->at = 0; job->at < p->k; job->at += pass * DEPTH) {
    job->steps = min64(pass, divide_up(p->k - job->at, DEPTH));
    hr_parallel_range(job->steps * job->group * (job->count_a + job->count_b), PACK_GRAIN, pack_chunk, job);
    hr_parallel_range(job->group * job->tiles_m * job->tiles_n, grain, tile_chunk, job);
  }
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
  int64_t bytes_a = job.count_a * panel_bytes(&job, job.gemm->rows);
  int64_t bytes_b = job.count_b * panel_bytes(&job, job.gemm->columns);
  int64_t group = GROUP_BYTES / (bytes_a + bytes_b) + 1;
  if (group > p->batch) group = p->batch;
  int64_t pass = min64(divide_up(GROUP_BYTES, group * (bytes_a + bytes_b)), divide_up(p->k, DEPTH));
  HR_TRY(hr_buffer_new(&panels, (size_t)(pass * group * (bytes_a + bytes_b))));
  if (job.pack->store) {
    HR_TRY(hr_buffer_new(&sums, (size_t)p->out->size * sizeof(float)));
    job.c = sums->data;
  }
  job.panels_a = panels->data, job.panels_b = job.panels_a + pass * group * bytes_a;
  for (job.first = 0; job.first < p->batch; job.first += group) {
    job.group = min64(group, p->batch - job.first);
    run_group(&job, pass);
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
