/* src/cpu/kernels/reduce_body.h - the loops of the reductions, for the reduce_*_tmpl.c files, which define before:
 *   hr_elem, acc_t           types in memory and to accumulate in
 *   acc_t load(const hr_elem *)
 * The functions take how to combine as an argument and are always inlined, so each kernel gets loops of its own; the
 * three that hold the loops proper become one function a kernel, for size. Inner loops over 64 lanes have a constant
 * count, which lets compilers keep the lanes in vector registers. */
#include <stdint.h>
#include <string.h>

#include "cpu/kernels/reduce.h"

#define INLINE static inline __attribute__((always_inline))
#define ONCE   static __attribute__((noinline))

enum { LANES = HR_REDUCE_LANES, RUN = HR_REDUCE_RUN, NARROW = 64, WIDE = 256, SHORT = 16, BATCH = 16 };
enum { AHEAD = 4096 }; /* bytes: a core alone reads a third more from memory than without fetching ahead */

typedef acc_t join_fn(acc_t a, acc_t b);

/* What a kernel is made of. */
typedef struct body {
  acc_t start, empty; /* combining with start changes no bit; empty is the value of a row of no elements */
  join_fn *join;
  void (*run)(acc_t *part, const hr_elem *x, int64_t n);
  acc_t (*tree)(acc_t *lanes, int half, int last);
  void (*columns)(acc_t *acc, const char *x, int64_t stride, int64_t rows, int64_t n);
} body;

_Static_assert(sizeof(acc_t) <= 8, "hr_reduce_state holds 64 accumulators of 8 bytes");

INLINE void body_start(acc_t *acc, int64_t n, acc_t start) {
  for (int64_t k = 0; k < n; k++) acc[k] = start;
}

/* n <= RUN elements into the lanes of `part`. */
INLINE void body_run(acc_t *restrict part, const hr_elem *restrict x, int64_t n, join_fn *join) {
  acc_t lanes[LANES];
  for (int k = 0; k < LANES; k++) lanes[k] = part[k];
  for (; n >= LANES; n -= LANES, x += LANES) {
    for (size_t b = 0; b < LANES * sizeof *x; b += 64) __builtin_prefetch((const char *)x + AHEAD + b);
    for (int k = 0; k < LANES; k++) lanes[k] = join(lanes[k], load(x + k));
  }
  for (int k = 0; k < LANES; k++) part[k] = lanes[k];
  for (int k = 0; k < n; k++) part[k] = join(part[k], load(x + k));
}

/* Folds 2 * half lanes into `last`, a power of two as half is; answers the first. */
INLINE acc_t body_tree(acc_t *lanes, int half, int last, join_fn *join) {
  for (; half >= last; half /= 2)
    for (int k = 0; k < half; k++) lanes[k] = join(lanes[k], lanes[k + half]);
  return lanes[0];
}

/* Adds rows to columns, four rows at a time so that accumulators are read and written once for the four. */
INLINE void body_columns(acc_t *restrict acc, const char *x, int64_t stride, int64_t rows, int64_t n, join_fn *join) {
  for (; rows >= 4; rows -= 4, x += 4 * stride) {
    const hr_elem *a = (const hr_elem *)x, *b = (const hr_elem *)(x + stride);
    const hr_elem *c = (const hr_elem *)(x + 2 * stride), *d = (const hr_elem *)(x + 3 * stride);
    for (int64_t j = 0; j < n; j++)
      acc[j] = join(join(join(join(acc[j], load(a + j)), load(b + j)), load(c + j)), load(d + j));
  }
  for (; rows > 0; rows--, x += stride) {
    const hr_elem *a = (const hr_elem *)x;
    for (int64_t j = 0; j < n; j++) acc[j] = join(acc[j], load(a + j));
  }
}

/* 0 < n <= 64: as body_long, without the lanes that hold nothing. */
INLINE acc_t body_short(const hr_elem *x, int n, body b) {
  acc_t lanes[LANES];
  int width = 1;
  while (width < n) width *= 2;
  for (int k = 0; k < n; k++) lanes[k] = load(x + k);
  for (int k = n; k < width; k++) lanes[k] = b.start;
  return b.tree(lanes, width / 2, 1);
}

/* BATCH rows of n elements, element k of row r to lanes[k * BATCH + r]. */
ONCE void load_batch(acc_t *lanes, const char *x, int64_t stride, int n) {
  for (int r = 0; r < BATCH; r++, x += stride)
    for (int k = 0; k < n; k++) lanes[k * BATCH + r] = load((const hr_elem *)x + k);
}

/* 0 < n <= SHORT: BATCH rows side by side, each as in body_short. */
INLINE void body_batch(acc_t *acc, const char *x, int64_t stride, int n, body b) {
  acc_t lanes[SHORT * BATCH];
  int width = 1;
  while (width < n) width *= 2;
  body_start(lanes, width * BATCH, b.start);
  load_batch(lanes, x, stride, n);
  b.tree(lanes, width / 2 * BATCH, BATCH);
  memcpy(acc, lanes, BATCH * sizeof *acc);
}

INLINE acc_t body_long(const hr_elem *x, int64_t n, body b) {
  acc_t total[LANES], part[LANES];
  for (int k = 0; k < LANES; k++) total[k] = load(x + k);
  b.run(total, x + LANES, (n < RUN ? n : RUN) - LANES);
  for (int64_t at = RUN; at < n; at += RUN) {
    body_start(part, LANES, b.start);
    b.run(part, x + at, n - at < RUN ? n - at : RUN);
    for (int k = 0; k < LANES; k++) total[k] = b.join(total[k], part[k]);
  }
  return b.tree(total, LANES / 2, 1);
}

INLINE void body_rows(acc_t *acc, const char *x, int64_t stride, int64_t count, int64_t n, body b) {
  int64_t r = 0;
  if (n > 0 && n <= SHORT)
    for (; r + BATCH <= count; r += BATCH) body_batch(acc + r, x + r * stride, stride, (int)n, b);
  for (; r < count; r++) {
    const hr_elem *row = (const hr_elem *)(x + r * stride);
    acc[r] = n > LANES ? body_long(row, n, b) : n > 0 ? body_short(row, (int)n, b) : b.empty;
  }
}

INLINE void body_begin(hr_reduce_state *state, body b) {
  body_start((acc_t *)state->part, LANES, b.start);
  body_start((acc_t *)state->total, LANES, b.start);
  state->filled = 0;
}

INLINE void body_flush(hr_reduce_state *state, body b) {
  acc_t *part = (acc_t *)state->part, *total = (acc_t *)state->total;
  for (int k = 0; k < LANES; k++) total[k] = b.join(total[k], part[k]);
  body_start(part, LANES, b.start);
  state->filled = 0;
}

INLINE void body_add(hr_reduce_state *state, const hr_elem *x, int64_t n, body b) {
  b.run((acc_t *)state->part, x, n);
  state->filled += n;
  if (state->filled == RUN) body_flush(state, b);
}

INLINE void body_fold(acc_t *acc, hr_reduce_state *state, body b) {
  body_flush(state, b);
  *acc = b.tree((acc_t *)state->total, LANES / 2, 1);
}

INLINE void body_cols(acc_t *acc, const char *x, int64_t stride, int64_t rows, int64_t n, body b) {
  int64_t group = n > 0 && n < NARROW && stride == n * (int64_t)sizeof(hr_elem) ? WIDE / n : 1;
  if (group > 1 && rows >= 2 * group) {
    acc_t wide[WIDE];
    body_start(wide, group * n, b.start);
    b.columns(wide, x, stride * group, rows / group, group * n);
    for (int64_t g = 0; g < group; g++)
      for (int64_t j = 0; j < n; j++) acc[j] = b.join(acc[j], wide[g * n + j]);
    x += rows / group * group * stride;
    rows %= group;
  }
  b.columns(acc, x, stride, rows, n);
}

/* The functions of one kernel, and its entry in a table. */
#define REDUCE_KERNEL(kind, start_value, empty_value)                                                                \
  ONCE void kind##_run(acc_t *part, const hr_elem *x, int64_t n) { body_run(part, x, n, kind##_join); }              \
  ONCE acc_t kind##_tree(acc_t *lanes, int half, int last) { return body_tree(lanes, half, last, kind##_join); }     \
  ONCE void kind##_columns(acc_t *acc, const char *x, int64_t stride, int64_t rows, int64_t n) {                     \
    body_columns(acc, x, stride, rows, n, kind##_join);                                                              \
  }                                                                                                                  \
  INLINE body kind##_body(void) {                                                                                    \
    return (body){start_value, empty_value, kind##_join, kind##_run, kind##_tree, kind##_columns};                   \
  }                                                                                                                  \
  static void kind##_rows(void *acc, const void *x, int64_t stride, int64_t count, int64_t n) {                      \
    body_rows(acc, x, stride, count, n, kind##_body());                                                              \
  }                                                                                                                  \
  static void kind##_lanes(void *acc, const void *x, int64_t n) {                                                    \
    body_start(acc, LANES, start_value);                                                                             \
    kind##_run(acc, x, n);                                                                                           \
  }                                                                                                                  \
  static void kind##_begin(hr_reduce_state *state) { body_begin(state, kind##_body()); }                             \
  static void kind##_add(hr_reduce_state *state, const void *x, int64_t n) { body_add(state, x, n, kind##_body()); } \
  static void kind##_fold(void *acc, hr_reduce_state *state) { body_fold(acc, state, kind##_body()); }               \
  static void kind##_start(void *acc, int64_t n) { body_start(acc, n, start_value); }                                \
  static void kind##_cols(void *acc, const void *x, int64_t stride, int64_t rows, int64_t n) {                       \
    body_cols(acc, x, stride, rows, n, kind##_body());                                                               \
  }
#define REDUCE_ENTRY(kind)                                                                                     \
  {                                                                                                            \
    .rows = kind##_rows, .lanes = kind##_lanes, .begin = kind##_begin, .add = kind##_add, .fold = kind##_fold, \
    .start = kind##_start, .cols = kind##_cols                                                                 \
  }
