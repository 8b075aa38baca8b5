/* Tiles of convolutions, their sums held in registers like those of gemm_tmpl.c. Tiles of fewer rows than those are
 * kernels of their own, so that their time is in proportion. */
/* hr-dtypes: f32 f64 */
#include "cpu/kernels/conv.h"

#include "cpu/kernels/vec.h"

#if HR_ISA_LEVEL == 2
enum { ROWS = 14, CHANNEL_ROWS = 8 };
#define EACH_COUNT(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#define EACH_HALF(X)  X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#else
enum { ROWS = 6, CHANNEL_ROWS = 4 };
#define EACH_COUNT(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define EACH_HALF(X)  X(1) X(2) X(3)
#endif
/* Panels come from L2, fetched AHEAD terms before their use. A pointer into A serves three rows. */
enum { COLUMNS = 2 * HR_VEC_LANES, LINE = 64 / sizeof(hr_elem), AHEAD = 16, SHARE = 3, POINTERS = 6 };

HR_INLINE void clear(hr_vec sums[ROWS][2], int count) {
#pragma GCC unroll 14
  for (int i = 0; i < count; i++) sums[i][0] = sums[i][1] = hr_vec_set(0);
}

/* One run: `rows` rows in each of `halves` halves by `vectors` vectors. All three are constants. */
HR_INLINE void run_of(hr_vec sums[ROWS][2], int rows, int halves, int vectors, const hr_elem *a, int64_t row,
                      int64_t half, const hr_elem *b, int64_t length) {
  const int shared = (rows + SHARE - 1) / SHARE;
  const hr_elem *at[POINTERS];
#pragma GCC unroll 6
  for (int j = 0; j < halves * shared; j++) at[j] = a + j / shared * half + j % shared * SHARE * row;
#pragma GCC unroll 1
  for (int64_t p = 0; p < length; p++, b += COLUMNS) {
    hr_vec b0 = hr_vec_load(b), b1 = hr_vec_load(b + (vectors - 1) * HR_VEC_LANES);
    for (int i = 0; i < vectors * HR_VEC_LANES; i += LINE) __builtin_prefetch(b + AHEAD * COLUMNS + i);
#pragma GCC unroll 14
    for (int i = 0; i < rows * halves; i++) {
      hr_vec x = hr_vec_set(at[i / rows * shared + i % rows / SHARE][i % rows % SHARE * row]);
      sums[i][0] = hr_vec_fma(x, b0, sums[i][0]);
      if (vectors == 2) sums[i][1] = hr_vec_fma(x, b1, sums[i][1]);
    }
#pragma GCC unroll 6
    for (int j = 0; j < halves * shared; j++) at[j]++;
  }
}

HR_INLINE hr_elem *row_of(const hr_conv_tile *t, int i, int rows) {
  return (hr_elem *)t->c + i / rows * t->half_c + i % rows * t->ldc;
}

/* Fewer columns than vectors hold. */
static __attribute__((noinline)) void put_part(const hr_conv_tile *t, hr_vec sums[ROWS][2], int rows, int count) {
  hr_elem part[COLUMNS];
  for (int i = 0; i < count; i++) {
    hr_elem *c = row_of(t, i, rows);
    hr_vec_store(part, sums[i][0]);
    hr_vec_store(part + HR_VEC_LANES, sums[i][1]);
    for (int j = 0; j < t->columns; j++) c[j] = t->add ? part[j] + c[j] : part[j];
  }
}

HR_INLINE void put(const hr_conv_tile *t, hr_vec sums[ROWS][2], int rows, int halves, int vectors) {
  if (t->columns < vectors * HR_VEC_LANES) {
    hr_vec copy[ROWS][2]; /* whose address is taken, so that the sums can stay in registers */
#pragma GCC unroll 14
    for (int i = 0; i < rows * halves; i++) copy[i][0] = sums[i][0], copy[i][1] = sums[i][1];
    put_part(t, copy, rows, rows * halves);
    return;
  }
#pragma GCC unroll 14
  for (int i = 0; i < rows * halves; i++) {
    hr_elem *c = row_of(t, i, rows);
    hr_vec first = sums[i][0], second = sums[i][1];
    if (t->add) first = hr_vec_add(first, hr_vec_load(c));
    hr_vec_store(c, first);
    if (vectors == 1) continue;
    if (t->add) second = hr_vec_add(second, hr_vec_load(c + HR_VEC_LANES));
    hr_vec_store(c + HR_VEC_LANES, second);
  }
}

HR_INLINE void tile_of(const hr_conv_tile *t, int rows, int halves, int vectors) {
  hr_vec sums[ROWS][2];
  clear(sums, rows * halves);
  for (const hr_conv_run *r = t->runs, *end = r + t->run_count; r < end; r++)
    run_of(sums, rows, halves, vectors, (const hr_elem *)t->a + r->a, t->row, t->half,
           (const hr_elem *)t->b + r->b * COLUMNS, r->length);
  put(t, sums, rows, halves, vectors);
}

#define DEFINE_ONE(count)                                                     \
  static void one_##count(const hr_conv_tile *t) { tile_of(t, count, 1, 2); } \
  static void narrow_one_##count(const hr_conv_tile *t) { tile_of(t, count, 1, 1); }
#define DEFINE_TWO(count)                                                     \
  static void two_##count(const hr_conv_tile *t) { tile_of(t, count, 2, 2); } \
  static void narrow_two_##count(const hr_conv_tile *t) { tile_of(t, count, 2, 1); }
EACH_COUNT(DEFINE_ONE)
EACH_HALF(DEFINE_TWO)

typedef void (*tile_fn)(const hr_conv_tile *t);
#define NAME_ONE(count)        one_##count,
#define NAME_TWO(count)        two_##count,
#define NAME_NARROW_ONE(count) narrow_one_##count,
#define NAME_NARROW_TWO(count) narrow_two_##count,
static const tile_fn ONE[2][ROWS] = {{EACH_COUNT(NAME_NARROW_ONE)}, {EACH_COUNT(NAME_ONE)}};
static const tile_fn TWO[2][ROWS / 2] = {{EACH_HALF(NAME_NARROW_TWO)}, {EACH_HALF(NAME_TWO)}};

static void tile(const hr_conv_tile *t) {
  int wide = t->columns > HR_VEC_LANES;
  const tile_fn *table = t->halves == 2 ? TWO[wide] : ONE[wide];
  table[t->rows - 1](t);
}

/* --- a channel for each column --- */

HR_INLINE void channels_of(const hr_conv_tile *t, const hr_elem *a, hr_elem *c, int rows, int vectors) {
  hr_vec sums[ROWS][2];
  hr_conv_tile part = *t;
  clear(sums, rows);
  for (const hr_conv_run *r = t->runs, *end = r + t->run_count; r < end; r++) {
    const hr_elem *x = a + r->a, *b = (const hr_elem *)t->b + r->b * COLUMNS;
    hr_vec b0 = hr_vec_load(b), b1 = hr_vec_load(b + (vectors - 1) * HR_VEC_LANES);
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
      sums[i][0] = hr_vec_fma(hr_vec_load(x + i * t->row), b0, sums[i][0]);
      if (vectors == 2) sums[i][1] = hr_vec_fma(hr_vec_load(x + i * t->row + HR_VEC_LANES), b1, sums[i][1]);
    }
  }
  part.c = c, part.add = 0;
  put(&part, sums, rows, 1, vectors);
}

HR_INLINE void all_rows(const hr_conv_tile *t, int vectors) {
  const hr_elem *a = t->a;
  hr_elem *c = t->c;
  int i = 0;
  for (; i + CHANNEL_ROWS <= t->rows; i += CHANNEL_ROWS)
    channels_of(t, a + i * t->row, c + i * t->ldc, CHANNEL_ROWS, vectors);
  for (; i + 2 <= t->rows; i += 2) channels_of(t, a + i * t->row, c + i * t->ldc, 2, vectors);
  for (; i < t->rows; i++) channels_of(t, a + i * t->row, c + i * t->ldc, 1, vectors);
}

static void tile_channels(const hr_conv_tile *t) {
  if (t->columns > HR_VEC_LANES)
    all_rows(t, 2);
  else
    all_rows(t, 1);
}

const hr_conv_kernels HR_NAME(hr_conv) = {
    .rows = ROWS, .columns = COLUMNS, .tile = tile, .tile_channels = tile_channels};
