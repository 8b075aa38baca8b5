/* src/cpu/attention_few.c - attention of few queries with many keys: one step of decoding.
 *
 * Keys are cut into blocks, each the work of one thread: it reads keys and values once for all queries that share them,
 * and leaves each query's state and sums. These are put together in the order of the blocks ("Flash-decoding", Dao et
 * al. 2023). */
#include <math.h>
#include <string.h>

#include "array/buffer.h"
#include "cpu/attention.h"
#include "sched/parallel.h"

enum { STEP_KEYS = 64, PAD = HR_ATTENTION_PAD };
static const int64_t BLOCK_BYTES = 256 << 10; /* of keys and values: 10 us from memory */

typedef struct job {
  const hr_attention *a;
  int64_t rows;               /* queries that share keys */
  int64_t block, blocks;      /* keys of a block; blocks of a head */
  int64_t q_bytes, sum_bytes; /* of a row */
  char *q;                    /* [heads][queries], scaled and padded */
  char *scores, *sums;        /* [batch * kv_heads][blocks][rows] */
  hr_attention_state *states; /* the same */
} job;

/* Some keys of a head that a thread works on, and what it leaves for each query that shares them. */
typedef struct part {
  int64_t kv, batch, head; /* head of k and v */
  int64_t key, n;
  char *scores, *sums;
  hr_attention_state *states;
} part;

/* Scores with STEP_KEYS keys at a time, which stay in L1 for all queries; then they become weights all at once. */
static void set_weights(const job *j, const part *p) {
  const hr_attention *a = j->a;
  int64_t row = hr_array_strides(a->k)[2];
  const char *k = hr_attention_head(a->k, p->batch, p->head) + p->key * row * a->item;
  for (int64_t at = 0; at < p->n; at += STEP_KEYS)
    for (int64_t r = 0; r < j->rows; r++)
      a->rows->dots(p->scores + (r * j->block + at) * a->unit, k + at * row * a->item, row,
                    p->n - at < STEP_KEYS ? p->n - at : STEP_KEYS, j->q + (p->kv * j->rows + r) * j->q_bytes, a->depth);
  for (int64_t r = 0; r < j->rows; r++) {
    char *scores = p->scores + r * j->block * a->unit;
    hr_attention_mask(a, scores, p->batch, p->head * a->group + r / a->queries, r % a->queries, p->key, p->n);
    p->states[r] = (hr_attention_state){-INFINITY, 0};
    a->kernels->powers(scores, p->n, &p->states[r]);
  }
}

static void add_values(const job *j, const part *p) {
  const hr_attention *a = j->a;
  int64_t row = hr_array_strides(a->v)[2];
  const char *v = hr_attention_head(a->v, p->batch, p->head) + p->key * row * a->item;
  memset(p->sums, 0, (size_t)(j->rows * j->sum_bytes));
  for (int64_t at = 0; at < p->n; at += STEP_KEYS)
    for (int64_t r = 0; r < j->rows; r++)
      a->rows->sums(p->sums + r * j->sum_bytes, v + at * row * a->item, row,
                    p->n - at < STEP_KEYS ? p->n - at : STEP_KEYS, p->scores + (r * j->block + at) * a->unit,
                    a->depth_v);
}

static void attend_blocks(void *ctx, int64_t first, int64_t end) {
  const job *j = ctx;
  const hr_attention *a = j->a;
  for (int64_t i = first; i < end; i++) {
    int64_t kv = i / j->blocks, key = i % j->blocks * j->block;
    part p = {.kv = kv, .batch = kv / a->kv_heads, .head = kv % a->kv_heads, .key = key};
    p.n = a->keys - key < j->block ? a->keys - key : j->block;
    p.scores = j->scores + i * j->rows * j->block * a->unit;
    p.sums = j->sums + i * j->rows * j->sum_bytes;
    p.states = j->states + i * j->rows;
    set_weights(j, &p);
    add_values(j, &p);
  }
}

static double factor_of(const hr_attention_state *part, double greatest) {
  return part->greatest == greatest ? 1 : exp(part->greatest - greatest);
}

/* Puts the blocks of one row together, in the sums of the first one. */
static void join_row(const job *j, int64_t kv, int64_t r) {
  const hr_attention *a = j->a;
  int64_t batch = kv / a->kv_heads, head = kv % a->kv_heads * a->group + r / a->queries;
  hr_attention_state all = hr_attention_begin(a, head);
  char *sums = j->sums + (kv * j->blocks * j->rows + r) * j->sum_bytes;
  for (int64_t b = 0; b < j->blocks; b++) {
    const hr_attention_state *part = j->states + (kv * j->blocks + b) * j->rows + r;
    double greatest = part->greatest > all.greatest ? part->greatest : all.greatest;
    double before = factor_of(&all, greatest), now = factor_of(part, greatest);
    all = (hr_attention_state){greatest, all.sum * before + part->sum * now};
    if (b == 0)
      a->kernels->scale(sums, a->depth_v, now);
    else
      a->kernels->blend(sums, sums + b * j->rows * j->sum_bytes, a->depth_v, before, now);
  }
  char *out = hr_attention_head(a->out, batch, head) + r % a->queries * a->depth_v * a->item;
  a->rows->divide(out, sums, a->depth_v, all.sum);
}

static void join_rows(void *ctx, int64_t first, int64_t end) {
  const job *j = ctx;
  for (int64_t i = first; i < end; i++) join_row(j, i / j->rows, i % j->rows);
}

/* Rows of q one after the other, as dots() wants them. */
static void bring_queries(const job *j, const hr_pack_kernels *pack) {
  const hr_attention *a = j->a;
  const int64_t *strides = hr_array_strides(a->q);
  for (int64_t i = 0; i < a->batch * a->heads * a->queries; i++) {
    int64_t t = i % a->queries, head = i / a->queries;
    const char *from = hr_attention_head(a->q, head / a->heads, head % a->heads) + t * strides[2] * a->item;
    char *to = j->q + i * j->q_bytes;
    pack->a(to, from, a->depth, 1, 1, 0, strides[3]);
    memset(to + a->depth * a->unit, 0, (size_t)(j->q_bytes - a->depth * a->unit));
    a->kernels->scale(to, a->depth, a->scale);
  }
}

hr_status hr_attention_few(const hr_attention *a) {
  job j = {.a = a, .rows = a->group * a->queries};
  hr_buffer *q = NULL, *scores = NULL, *sums = NULL, *states = NULL;
  int64_t heads = a->batch * a->kv_heads, key_bytes = (a->depth + a->depth_v) * a->item;
  hr_status status;
  j.block = (BLOCK_BYTES / (key_bytes + 1) / STEP_KEYS + 1) * STEP_KEYS;
  if (j.block > a->keys) j.block = (a->keys + STEP_KEYS - 1) / STEP_KEYS * STEP_KEYS;
  j.blocks = (a->keys - 1) / j.block + 1;
  j.q_bytes = (a->depth + PAD - 1) / PAD * PAD * a->unit, j.sum_bytes = a->depth_v * a->unit;
  HR_TRY(hr_buffer_new(&q, (size_t)(heads * j.rows * j.q_bytes)));
  HR_TRY(hr_buffer_new(&scores, (size_t)(heads * j.blocks * j.rows * j.block * a->unit)));
  HR_TRY(hr_buffer_new(&sums, (size_t)(heads * j.blocks * j.rows * j.sum_bytes)));
  HR_TRY(hr_buffer_new(&states, sizeof(hr_attention_state) * (size_t)(heads * j.blocks * j.rows)));
  j.q = q->data, j.scores = scores->data, j.sums = sums->data, j.states = states->data;
  bring_queries(&j, a->pack);
  int64_t block_bytes = (a->keys < j.block ? a->keys : j.block) * key_bytes;
  hr_parallel_range_light(heads * j.blocks, BLOCK_BYTES / (block_bytes + 1) + 1, attend_blocks, &j);
  hr_parallel_range_light(heads * j.rows, 16384 / (j.blocks * a->depth_v + 1) + 1, join_rows, &j);
done:
  hr_buffer_release(q);
  hr_buffer_release(scores);
  hr_buffer_release(sums);
  hr_buffer_release(states);
  return status;
}
