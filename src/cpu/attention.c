/* src/cpu/attention.c - attention in memory that grows with the length of its operands, not with their product (Dao et
 * al., "FlashAttention", 2022).
 *
 * Queries that share a head of keys are rows one below the other, cut into blocks. A block takes in keys and values by
 * blocks too: a product of packed panels gives the scores, their softmax goes on from the one of the blocks before, and
 * a second product adds the weighted values to sums that are scaled down as the greatest score grows. Keys that no row
 * of a block sees are left out. Keys and values are packed for all blocks of queries, a span of keys at a time, which
 * bounds both the memory and the time of a chunk. Cuts depend on shapes alone, and each row's sums have one order. */
#include "cpu/attention.h"

#include <math.h>
#include <string.h>

#include "cpu/isa.h"
#include "cpu/kernels/gemm.h"
#include "cpu/scratch.h"
#include "ops/attention.h"
#include "ops/op_list.h"
#include "sched/parallel.h"

/* A block's scores (56 by 256) and its operands stay in L2 with room for the panels of keys and values that pass by. */
enum { BLOCK_ROWS = 56, BLOCK_KEYS = 256, ALIGN = 64 };
static const int64_t CHUNK_FLOPS = 1 << 26, GRAIN_FLOPS = 1 << 22, GROUP_BYTES = 32 << 20, PACK_BYTES = 128 << 10;

#define DECLARE(type, row, name)      \
  HR_ISA_DECLARE(type, row##_##name); \
  static const type *const row##_##name##_of[] = HR_ISA_ROW(row##_##name);
DECLARE(hr_gemm_kernels, hr_gemm, f32)
DECLARE(hr_gemm_kernels, hr_gemm, f64)
DECLARE(hr_pack_kernels, hr_pack, f32)
DECLARE(hr_pack_kernels, hr_pack, f64)
DECLARE(hr_pack_kernels, hr_pack, f16)
DECLARE(hr_pack_kernels, hr_pack, bf16)
DECLARE(hr_attention_kernels, hr_attention, f32)
DECLARE(hr_attention_kernels, hr_attention, f64)
DECLARE(hr_attention_rows, hr_attention_rows, f32)
DECLARE(hr_attention_rows, hr_attention_rows, f64)
DECLARE(hr_attention_rows, hr_attention_rows, f16)
DECLARE(hr_attention_rows, hr_attention_rows, bf16)

static const hr_pack_kernels *pack_kernels(hr_dtype dtype) {
  int level = (int)hr_isa_level();
  if (dtype == HR_FLOAT16) return hr_pack_f16_of[level];
  if (dtype == HR_BFLOAT16) return hr_pack_bf16_of[level];
  return dtype == HR_FLOAT64 ? hr_pack_f64_of[level] : hr_pack_f32_of[level];
}

static const hr_attention_rows *row_kernels(hr_dtype dtype) {
  int level = (int)hr_isa_level();
  if (dtype == HR_FLOAT16) return hr_attention_rows_f16_of[level];
  if (dtype == HR_BFLOAT16) return hr_attention_rows_bf16_of[level];
  return dtype == HR_FLOAT64 ? hr_attention_rows_f64_of[level] : hr_attention_rows_f32_of[level];
}

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t round_up(int64_t a, int64_t b) { return divide_up(a, b) * b; }

/* --- what both ways share --- */

char *hr_attention_head(const hr_array *a, int64_t batch, int64_t head) {
  const int64_t *strides = hr_array_strides(a);
  return (char *)hr_array_data(a) + (batch * strides[0] + head * strides[1]) * (int64_t)hr_array_itemsize(a);
}

hr_attention_state hr_attention_begin(const hr_attention *a, int64_t head) {
  if (!a->sinks) return (hr_attention_state){-INFINITY, 0};
  double sink = ((const double *)hr_array_data(a->sinks))[head * hr_array_strides(a->sinks)[0]];
  if (sink == -INFINITY) return (hr_attention_state){-INFINITY, 0};
  return sink < INFINITY ? (hr_attention_state){sink, 1} : (hr_attention_state){-INFINITY, NAN};
}

int64_t hr_attention_end(const hr_attention *a, int64_t t) {
  int64_t end = t + a->keys - a->queries + 1;
  return a->causal && end > 0 ? end : a->keys;
}

void hr_attention_mask(const hr_attention *a, void *scores, int64_t batch, int64_t head, int64_t t, int64_t first,
                       int64_t n) {
  if (a->causal) {
    int64_t seen = t + a->keys - a->queries + 1 - first;
    seen = seen < 0 ? 0 : seen;
    if (seen < n) a->kernels->hide((char *)scores + seen * a->unit, n - seen);
  }
  if (!a->mask) return;
  const int64_t *strides = hr_array_strides(a->mask);
  const char *row = hr_attention_head(a->mask, batch, head) +
                    (t * strides[2] + first * strides[3]) * (int64_t)hr_array_itemsize(a->mask);
  if (hr_array_dtype(a->mask) == HR_BOOL)
    a->rows->mask(scores, (const uint8_t *)row, strides[3], n);
  else
    a->rows->add(scores, row, strides[3], n);
}

/* --- blocks of queries --- */

typedef struct job {
  const hr_attention *a;
  const hr_gemm_kernels *gemm;
  int64_t fold, rows, q_row;          /* query heads whose rows follow each other; rows of a fold; their stride */
  int64_t blocks, block_rows;         /* of a fold */
  int64_t first, group;               /* heads of k and v [first, first + group), of batch * kv_heads, are packed */
  int64_t span, start, stop;          /* keys of a span; the keys that are packed: [start, stop) */
  int64_t slices;                     /* of BLOCK_KEYS keys */
  int64_t panels_v, panel_k, panel_v; /* panels of values; bytes of a panel of keys, of values (a span) */
  int64_t head_bytes, panel_q;        /* of a packed head; of a panel of q */
  int64_t sums_row;                   /* elements of a row of sums */
  int64_t scores_at, sums_at, bytes;  /* where the scores and sums of a block are in its memory */
  char *packed, *sums;                /* sums: of all rows, between spans; NULL with only one */
  hr_attention_state *states;         /* of all rows */
  hr_scratch scratch;                 /* of blocks */
} job;

static char *packed_k(const job *j, int64_t index) { return j->packed + index * j->head_bytes; }
static char *packed_v(const job *j, int64_t index) {
  return packed_k(j, index) + divide_up(j->span, j->gemm->columns) * j->panel_k;
}

/* Keys [key, end) of the span, of one head: whole panels of keys, and their rows of each panel of values. */
static void pack_slice(const job *j, int64_t index, int64_t key, int64_t end) {
  const hr_attention *a = j->a;
  int64_t batch = (j->first + index) / a->kv_heads, head = (j->first + index) % a->kv_heads;
  const int64_t *ks = hr_array_strides(a->k), *vs = hr_array_strides(a->v);
  const char *k = hr_attention_head(a->k, batch, head), *v = hr_attention_head(a->v, batch, head);
  int columns = j->gemm->columns;
  char *to = packed_k(j, index) + (key - j->start) / columns * j->panel_k;
  for (int64_t at = key; at < end; at += columns, to += j->panel_k)
    j->a->pack->b(to, k + at * ks[2] * a->item, a->depth, columns, (int)min64(end - at, columns), ks[2], ks[3]);
  to = packed_v(j, index) + (key - j->start) * columns * a->unit;
  for (int64_t c = 0; c < a->depth_v; c += columns, to += j->panel_v)
    j->a->pack->b(to, v + (key * vs[2] + c * vs[3]) * a->item, end - key, columns, (int)min64(a->depth_v - c, columns),
                  vs[3], vs[2]);
}

static void pack_slices(void *ctx, int64_t first, int64_t end) {
  const job *j = ctx;
  for (int64_t i = first; i < end; i++) {
    int64_t key = j->start + i % j->slices * BLOCK_KEYS;
    pack_slice(j, i / j->slices, key, min64(key + BLOCK_KEYS, j->stop));
  }
}

/* A block of rows at work. */
typedef struct block {
  int64_t batch, head, index; /* first query head; place among the packed heads */
  int64_t row, rows;
  char *q, *scores, *sums; /* panels; rows of BLOCK_KEYS; rows of sums_row */
  hr_attention_state *states;
} block;

static int64_t query_of(const job *j, int64_t row) { return row % j->a->queries; }

static void pack_queries(const job *j, const block *b) {
  const hr_attention *a = j->a;
  int rows = j->gemm->rows;
  const int64_t *strides = hr_array_strides(a->q);
  const char *q = hr_attention_head(a->q, b->batch, b->head);
  for (int64_t p = 0; p * rows < b->rows; p++) {
    char *panel = b->q + p * j->panel_q;
    int64_t row = b->row + p * rows;
    j->a->pack->a(panel, q + row * j->q_row * a->item, a->depth, rows, (int)min64(b->rows - p * rows, rows), j->q_row,
                  strides[3]);
    a->kernels->scale(panel, a->depth * rows, a->scale);
  }
}

/* Scores with keys [key, key + n), all rows of all panels. */
static void multiply_keys(const job *j, const block *b, int64_t key, int64_t n) {
  int columns = j->gemm->columns, rows = j->gemm->rows;
  const char *k = packed_k(j, b->index) + (key - j->start) / columns * j->panel_k;
  int64_t slice = j->panel_k * rows / j->block_rows;
  for (int64_t at = 0; at < n; at += columns, k += j->panel_k) {
    const char *next = k + j->panel_k;
    for (int64_t p = 0; p * rows < b->rows; p++, next += slice) {
      char *scores = b->scores + (p * rows * BLOCK_KEYS + at) * j->a->unit;
      j->gemm->tile(j->a->depth, b->q + p * j->panel_q, k, scores, BLOCK_KEYS, rows, columns, 0, next);
    }
  }
}

static void multiply_values(const job *j, const block *b, int64_t key, int64_t n, bool add) {
  int columns = j->gemm->columns, rows = j->gemm->rows;
  int64_t unit = j->a->unit;
  const char *v = packed_v(j, b->index) + (key - j->start) * columns * unit;
  for (int64_t p = 0; p * rows < b->rows; p++)
    for (int64_t c = 0; c < j->panels_v; c++) {
      const char *panel = v + c * j->panel_v;
      char *sums = b->sums + (p * rows * j->sums_row + c * columns) * unit;
      j->gemm->tile_rows(n, b->scores + p * rows * BLOCK_KEYS * unit, BLOCK_KEYS, panel, sums, j->sums_row, columns,
                         add, panel + n * columns * unit);
    }
}

/* Rows of a panel beyond the block's have scores of 0, and sums that nobody reads. */
static void take_in_keys(const job *j, const block *b, int64_t key, int64_t n) {
  const hr_attention *a = j->a;
  multiply_keys(j, b, key, n);
  for (int64_t r = 0; r < b->rows; r++) {
    char *scores = b->scores + r * BLOCK_KEYS * a->unit;
    int64_t row = b->row + r;
    hr_attention_mask(a, scores, b->batch, b->head + row / a->queries, query_of(j, row), key, n);
    double factor = a->kernels->powers(scores, n, &b->states[r]);
    if (key > 0 && factor != 1) a->kernels->scale(b->sums + r * j->sums_row * a->unit, a->depth_v, factor);
  }
  multiply_values(j, b, key, n, key > 0);
}

static int64_t last_key(const job *j, const block *b) {
  int64_t end = 0;
  for (int64_t r = 0; r < b->rows && end < j->a->keys; r++) {
    int64_t seen = hr_attention_end(j->a, query_of(j, b->row + r));
    end = seen > end ? seen : end;
  }
  return end;
}

/* Between the sums of a block and the place that keeps them until the next span. */
static void move_sums(const job *j, const block *b, bool store) {
  int64_t bytes = j->a->depth_v * j->a->unit;
  char *kept = j->sums + (b->states - j->states) * bytes;
  for (int64_t r = 0; r < b->rows; r++) {
    char *row = b->sums + r * j->sums_row * j->a->unit;
    memcpy(store ? kept + r * bytes : row, store ? row : kept + r * bytes, (size_t)bytes);
  }
}

static void store_block(const job *j, const block *b) {
  const hr_attention *a = j->a;
  char *out = hr_attention_head(a->out, b->batch, b->head) + b->row * a->depth_v * a->item;
  for (int64_t r = 0; r < b->rows; r++)
    a->rows->divide(out + r * a->depth_v * a->item, b->sums + r * j->sums_row * a->unit, a->depth_v, b->states[r].sum);
}

static void attend(const job *j, block *b) {
  int64_t end = last_key(j, b);
  if (end <= j->start) return; /* stored after an earlier span */
  if (j->start == 0)
    for (int64_t r = 0; r < b->rows; r++)
      b->states[r] = hr_attention_begin(j->a, b->head + (b->row + r) / j->a->queries);
  else
    move_sums(j, b, false);
  pack_queries(j, b);
  int64_t stop = min64(end, j->stop);
  for (int64_t key = j->start; key < stop; key += BLOCK_KEYS) take_in_keys(j, b, key, min64(stop - key, BLOCK_KEYS));
  if (end <= j->stop)
    store_block(j, b);
  else
    move_sums(j, b, true);
}

/* Blocks of the folds of the packed heads. */
static void attend_blocks(void *ctx, int64_t first, int64_t end) {
  job *j = ctx;
  const hr_attention *a = j->a;
  int64_t per_head = a->group / j->fold; /* folds that share a head of k and v */
  char *base = hr_scratch_take(&j->scratch);
  for (int64_t i = first; i < end; i++) {
    int64_t fold = i / j->blocks, index = fold / per_head, kv = j->first + index;
    block b = {.batch = kv / a->kv_heads, .index = index, .row = i % j->blocks * j->block_rows};
    b.head = kv % a->kv_heads * a->group + fold % per_head * j->fold;
    b.rows = min64(j->rows - b.row, j->block_rows);
    b.q = base, b.scores = base + j->scores_at, b.sums = base + j->sums_at;
    b.states = j->states + fold * j->rows + b.row;
    attend(j, &b);
  }
  hr_scratch_give(&j->scratch, base);
}

static void attend_group(job *j) {
  const hr_attention *a = j->a;
  int64_t per_span = min64(j->span, a->keys);
  int64_t slice_bytes = BLOCK_KEYS * (a->depth + a->depth_v) * a->item;
  int64_t flops = 2 * j->block_rows * per_span * (a->depth + a->depth_v);
  for (j->start = 0; j->start < a->keys; j->start = j->stop) {
    j->stop = min64(j->start + j->span, a->keys);
    j->slices = divide_up(j->stop - j->start, BLOCK_KEYS);
    hr_parallel_range(j->group * j->slices, PACK_BYTES / (slice_bytes + 1) + 1, pack_slices, j);
    hr_parallel_range(j->group * (a->group / j->fold) * j->blocks, GRAIN_FLOPS / (flops + 1) + 1, attend_blocks, j);
  }
}

/* The rows of query heads that share keys are rows of one matrix where one stride leads through all of them. */
static void fold_rows(job *j) {
  const hr_attention *a = j->a;
  const int64_t *strides = hr_array_strides(a->q);
  bool even = a->group == 1 || a->queries == 1 || strides[1] == a->queries * strides[2];
  j->fold = even ? a->group : 1;
  j->rows = j->fold * a->queries;
  j->q_row = a->queries == 1 ? strides[1] : strides[2];
}

static void cut(job *j) {
  const hr_attention *a = j->a;
  int64_t columns = j->gemm->columns, width = a->depth + a->depth_v;
  fold_rows(j);
  j->block_rows = BLOCK_ROWS / j->gemm->rows * j->gemm->rows;
  j->blocks = divide_up(j->rows, j->block_rows);
  int64_t span = CHUNK_FLOPS / (2 * j->block_rows * width) / BLOCK_KEYS * BLOCK_KEYS;
  j->span = min64(span < BLOCK_KEYS ? BLOCK_KEYS : span, round_up(a->keys, BLOCK_KEYS));
  j->panels_v = divide_up(a->depth_v, columns);
  j->panel_k = round_up(a->depth * columns * a->unit, ALIGN);
  j->panel_v = j->span * columns * a->unit;
  j->head_bytes = j->span / columns * j->panel_k + j->panels_v * j->panel_v;
  j->panel_q = round_up(a->depth * j->gemm->rows * a->unit, ALIGN);
  j->sums_row = j->panels_v * columns;
  j->scores_at = j->block_rows / j->gemm->rows * j->panel_q;
  j->sums_at = j->scores_at + j->block_rows * BLOCK_KEYS * a->unit;
  j->bytes = j->sums_at + j->block_rows * j->sums_row * a->unit;
}

static hr_status run_blocks(const hr_attention *a) {
  job j = {.a = a, .gemm = a->dtype == HR_FLOAT64 ? hr_gemm_f64_of[hr_isa_level()] : hr_gemm_f32_of[hr_isa_level()]};
  hr_buffer *packed = NULL, *states = NULL, *sums = NULL;
  hr_status status;
  cut(&j);
  int64_t heads = a->batch * a->kv_heads, group = min64(GROUP_BYTES / j.head_bytes + 1, heads);
  int64_t rows = group * a->group * a->queries;
  HR_TRY(hr_buffer_new(&packed, (size_t)(group * j.head_bytes + ALIGN)));
  HR_TRY(hr_buffer_new(&states, sizeof(hr_attention_state) * (size_t)rows));
  if (a->keys > j.span) HR_TRY(hr_buffer_new(&sums, (size_t)(rows * a->depth_v * a->unit)));
  j.packed = (char *)packed->data + (ALIGN - (uintptr_t)packed->data % ALIGN) % ALIGN;
  j.states = states->data, j.sums = sums ? sums->data : NULL;
  HR_TRY(hr_scratch_init(&j.scratch, (size_t)j.bytes, group * (a->group / j.fold) * j.blocks));
  for (j.first = 0; j.first < heads; j.first += group) {
    j.group = min64(group, heads - j.first);
    attend_group(&j);
  }
done:
  hr_scratch_deinit(&j.scratch);
  hr_buffer_release(packed);
  hr_buffer_release(states);
  hr_buffer_release(sums);
  return status;
}

static bool dense_depth(const hr_array *a) { return hr_array_strides(a)[3] == 1 || hr_array_shape(a)[3] == 1; }

hr_status hr_cpu_attention(const hr_run *run) {
  const hr_attention_attrs *attrs = run->attrs;
  const hr_array *q = run->in[0], *k = run->in[1], *v = run->in[2], *out = run->out[0];
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK || out->size == 0) return status;
  hr_attention a = {.q = q, .k = k, .v = v, .out = out, .causal = attrs->causal, .scale = attrs->scale};
  a.mask = attrs->has_mask ? run->in[3] : NULL;
  a.sinks = attrs->has_sinks ? run->in[run->in_count - 1] : NULL;
  a.dtype = hr_array_dtype(q);
  a.batch = hr_array_shape(q)[0], a.heads = hr_array_shape(q)[1], a.kv_heads = hr_array_shape(k)[1];
  a.group = a.heads / a.kv_heads;
  a.queries = hr_array_shape(q)[2], a.keys = hr_array_shape(k)[2];
  a.depth = hr_array_shape(q)[3], a.depth_v = hr_array_shape(v)[3];
  a.item = (int64_t)hr_array_itemsize(q), a.unit = a.dtype == HR_FLOAT64 ? 8 : 4;
  a.kernels = a.dtype == HR_FLOAT64 ? hr_attention_f64_of[hr_isa_level()] : hr_attention_f32_of[hr_isa_level()];
  a.rows = row_kernels(a.dtype), a.pack = pack_kernels(a.dtype);
  if (a.keys == 0) return memset(hr_array_data(out), 0, hr_array_nbytes(out)), HR_OK;
  bool few = a.group * a.queries <= HR_ATTENTION_FEW && dense_depth(k) && dense_depth(v);
  status = few ? hr_attention_few(&a) : run_blocks(&a);
  return status == HR_OK ? HR_OK : hr_fail_prefix(status, "%s: ", run->op->name);
}
