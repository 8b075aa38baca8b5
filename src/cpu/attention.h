/* src/cpu/attention.h - one application of attention, as its two ways to run see it: attention.c cuts queries into
 * blocks and multiplies packed matrices, attention_few.c is for few queries, whose time is that of reading keys and
 * values once. */
#ifndef HR_CPU_ATTENTION_H
#define HR_CPU_ATTENTION_H

#include "cpu/kernels/attention.h"
#include "cpu/kernels/gemm.h"
#include "graph/op.h"

typedef struct hr_attention {
  const hr_array *q, *k, *v, *mask, *sinks, *out; /* mask and sinks: NULL without */
  bool causal;
  double scale;
  hr_dtype dtype;
  int64_t batch, heads, kv_heads, group; /* group: query heads that share a head of k and v */
  int64_t queries, keys, depth, depth_v;
  int64_t item, unit; /* bytes of an element; of a score */
  const hr_attention_kernels *kernels;
  const hr_attention_rows *rows;
  const hr_pack_kernels *pack;
} hr_attention;

/* The place of a head's first row in an array (B, heads, T, D). */
char *hr_attention_head(const hr_array *a, int64_t batch, int64_t head);

/* A query before any key: with its head's sink in the sum. */
hr_attention_state hr_attention_begin(const hr_attention *a, int64_t head);

/* Keys that query t sees at most; all of them where it sees none: those are weighed alike then. */
int64_t hr_attention_end(const hr_attention *a, int64_t t);

/* Masks the scores of query t with keys [first, first + n). */
void hr_attention_mask(const hr_attention *a, void *scores, int64_t batch, int64_t head, int64_t t, int64_t first,
                       int64_t n);

/* For at most HR_ATTENTION_FEW queries that share their keys, whose elements have no gaps along the depth. */
enum { HR_ATTENTION_FEW = 8 };
hr_status hr_attention_few(const hr_attention *a) HR_MUST_USE;

#endif
