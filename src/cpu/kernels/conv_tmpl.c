/* Tiles of convolutions, their sums held in registers like those of gemm_tmpl.c. Tiles of fewer rows than those are
 * kernels of their own, so that their time is in proportion. */
/* hr-dtypes: f32 f64 */
#include "cpu/kernels/conv.h"

#include "cpu/kernels/vec.h"

#if HR_ISA_LEVEL == 2
enum { ROWS = 14, CHANNEL_ROWS = 8, HALF_ROWS = 3 };
#define EACH_COUNT(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#define EACH_HALF(X)  X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#else
enum { ROWS = 6, CHANNEL_ROWS = 4, HALF_ROWS = 2 };
#define EACH_COUNT(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define EACH_HALF(X)  X(1) X(2) X(3)
#endif
/* Panels come from L2, fetched AHEAD terms before their use. A pointer into A serves three rows. */
enum {
  COLUMNS = 2 * HR_VEC_LANES,
  LINE_BYTES = 64,
  LINE = LINE_BYTES / sizeof(hr_elem),
  AHEAD = 16,
  SHARE = 3,
  POINTERS = 6
};

HR_INLINE void clear(hr_vec sums[ROWS][2], int count) {
#pragma GCC unroll 14
  for (int i = 0; i < count; i++) sums[i][0] = sums[i][1] = hr_vec_set(0);
}

/* One run: `rows` rows in each of `halves` halves by `vectors` vectors. All three are constants. */
HR_INLINE void run_of(hr_vec sums[ROWS][2], int rows, int halves, int vectors, const hr_elem *a, int64_t row,
                      int64_t half, const hr_elem *b, int64_t length, uintptr_t next) {
  const int shared = (rows + SHARE - 1) / SHARE;
  const hr_elem *at[POINTERS];
#pragma GCC unroll 6
  for (int j = 0; j < halves * shared; j++) at[j] = a + j / shared * half + j % shared * SHARE * row;
#pragma GCC unroll 1
  for (int64_t p = 0; p < length; p++, b += COLUMNS, next += LINE_BYTES) {
    hr_vec b0 = hr_vec_load(b), b1 = hr_vec_load(b + (vectors - 1) * HR_VEC_LANES);
    for (int i = 0; i < vectors * HR_VEC_LANES; i += LINE) __builtin_prefetch(b + AHEAD * COLUMNS + i);
    __builtin_prefetch((const void *)next, 0, 2);
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

HR_INLINE hr_elem *row_of(const hr_conv_tile *t, hr_elem *c, int i, int rows) {
  return c + i / rows * t->half_c + i % rows * t->ldc;
}

/* Fewer columns than vectors hold. */
static __attribute__((noinline)) void put_part(const hr_conv_tile *t, hr_elem *to, hr_vec sums[ROWS][2], int rows,
                                               int count) {
  hr_elem part[COLUMNS];
  for (int i = 0; i < count; i++) {
    hr_elem *c = row_of(t, to, i, rows);
    hr_vec_store(part, sums[i][0]);
    hr_vec_store(part + HR_VEC_LANES, sums[i][1]);
    for (int j = 0; j < t->columns; j++) c[j] = t->add ? part[j] + c[j] : part[j];
  }
}

HR_INLINE void put(const hr_conv_tile *t, hr_elem *to, int add, hr_vec sums[ROWS][2], int rows, int halves,
                   int vectors) {
  if (t->columns < vectors * HR_VEC_LANES) {
    hr_vec copy[ROWS][2]; /* whose address is taken, so that the sums can stay in registers */
#pragma GCC unroll 14
    for (int i = 0; i < rows * halves; i++) copy[i][0] = sums[i][0], copy[i][1] = sums[i][1];
    put_part(t, to, copy, rows, rows * halves);
    return;
  }
#pragma GCC unroll 14
  for (int i = 0; i < rows * halves; i++) {
    hr_elem *c = row_of(t, to, i, rows);
    hr_vec first = sums[i][0], second = sums[i][1];
    if (add) first = hr_vec_add(first, hr_vec_load(c));
    hr_vec_store(c, first);
    if (vectors == 1) continue;
    if (add) second = hr_vec_add(second, hr_vec_load(c + HR_VEC_LANES));
    hr_vec_store(c + HR_VEC_LANES, second);
  }
}

HR_INLINE void tile_of(const hr_conv_tile *t, int rows, int halves, int vectors) {
  hr_vec sums[ROWS][2];
  uintptr_t next = (uintptr_t)t->next;
  clear(sums, rows * halves);
  for (const hr_conv_run *r = t->runs, *end = r + t->run_count; r < end; next += (uintptr_t)r->length * LINE_BYTES, r++)
    run_of(sums, rows, halves, vectors, (const hr_elem *)t->a + r->a, t->row, t->half,
           (const hr_elem *)t->b + r->b * COLUMNS, r->length, next);
  put(t, t->c, t->add, sums, rows, halves, vectors);
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
  clear(sums, rows);
  if (t->run_count > 0)
    for (int i = 0; i < rows; i++) {
      const hr_elem *x = a + t->runs[t->run_count - 1].a + t->ahead + i * t->row;
      __builtin_prefetch(x);
      if (vectors == 2) __builtin_prefetch(x + HR_VEC_LANES);
    }
  for (const hr_conv_run *r = t->runs, *end = r + t->run_count; r < end; r++) {
    const hr_elem *x = a + r->a, *b = (const hr_elem *)t->b + r->b * COLUMNS;
    hr_vec b0 = hr_vec_load(b), b1 = hr_vec_load(b + (vectors - 1) * HR_VEC_LANES);
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
      sums[i][0] = hr_vec_fma(hr_vec_load(x + i * t->row), b0, sums[i][0]);
      if (vectors == 2) sums[i][1] = hr_vec_fma(hr_vec_load(x + i * t->row + HR_VEC_LANES), b1, sums[i][1]);
    }
  }
  put(t, c, 0, sums, rows, 1, vectors);
}

HR_INLINE void all_rows(const hr_conv_tile *t, int vectors) {
  const hr_elem *a = t->a;
  hr_elem *c = t->c;
  int i = 0;
  for (; i + CHANNEL_ROWS <= t->rows; i += CHANNEL_ROWS)
    channels_of(t, a + i * t->row, c + i * t->ldc, CHANNEL_ROWS, vectors);
  for (; i + HALF_ROWS <= t->rows; i += HALF_ROWS) channels_of(t, a + i * t->row, c + i * t->ldc, HALF_ROWS, vectors);
  for (; i < t->rows; i++) channels_of(t, a + i * t->row, c + i * t->ldc, 1, vectors);
}

static void tile_channels(const hr_conv_tile *t) {
  if (t->columns > HR_VEC_LANES)
    all_rows(t, 2);
  else
    all_rows(t, 1);
}

/* --- groups side by side: each vector of channels is permuted for each channel of the groups --- */

#if HR_ISA_LEVEL == 2 && HR_VEC_IS_F32
typedef __m512i lane_index;
typedef __mmask16 lane_mask;
HR_INLINE lane_index index_load(const int32_t *lanes) { return _mm512_loadu_si512(lanes); }
HR_INLINE lane_index index_next(lane_index index) { return _mm512_add_epi32(index, _mm512_set1_epi32(1)); }
HR_INLINE lane_mask mask_of(int count) { return (lane_mask)((1u << count) - 1); }
HR_INLINE hr_vec load_some(const float *p, lane_mask mask) { return _mm512_maskz_loadu_ps(mask, p); }
HR_INLINE hr_vec permute(hr_vec v, lane_index index) { return _mm512_permutexvar_ps(index, v); }
#define HAVE_GROUPS 1
#elif HR_ISA_LEVEL == 2
typedef __m512i lane_index;
typedef __mmask8 lane_mask;
HR_INLINE lane_index index_load(const int32_t *lanes) {
  return _mm512_cvtepi32_epi64(_mm256_loadu_si256((const __m256i *)(const void *)lanes));
}
HR_INLINE lane_index index_next(lane_index index) { return _mm512_add_epi64(index, _mm512_set1_epi64(1)); }
HR_INLINE lane_mask mask_of(int count) { return (lane_mask)((1u << count) - 1); }
HR_INLINE hr_vec load_some(const double *p, lane_mask mask) { return _mm512_maskz_loadu_pd(mask, p); }
HR_INLINE hr_vec permute(hr_vec v, lane_index index) { return _mm512_permutexvar_pd(index, v); }
#define HAVE_GROUPS 1
#elif HR_ISA_LEVEL == 1 && HR_VEC_IS_F32
typedef __m256i lane_index, lane_mask;
HR_INLINE lane_index index_load(const int32_t *lanes) {
  return _mm256_loadu_si256((const __m256i *)(const void *)lanes);
}
HR_INLINE lane_index index_next(lane_index index) { return _mm256_add_epi32(index, _mm256_set1_epi32(1)); }
HR_INLINE lane_mask mask_of(int count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
HR_INLINE hr_vec load_some(const float *p, lane_mask mask) { return _mm256_maskload_ps(p, mask); }
HR_INLINE hr_vec permute(hr_vec v, lane_index index) { return _mm256_permutevar8x32_ps(v, index); }
#define HAVE_GROUPS 1
#else
#define HAVE_GROUPS 0
#endif

#if HAVE_GROUPS
HR_INLINE void groups_of(const hr_conv_tile *t, const hr_elem *a, hr_elem *c, int rows, int vectors) {
  hr_vec sums[ROWS][2];
  const int64_t second = HR_VEC_LANES / t->group_out * t->group_in; /* channels of the first vector */
  const int channels = t->columns / t->group_out * t->group_in;
  const lane_index lanes = index_load(t->lanes);
  const lane_mask first = mask_of(channels < second ? channels : (int)second);
  const lane_mask rest = mask_of(vectors == 2 ? channels - (int)second : 0);
  clear(sums, rows);
  for (const hr_conv_run *r = t->runs, *end = r + t->run_count; r < end; r++) {
    const hr_elem *x = a + r->a, *b = (const hr_elem *)t->b + r->b * COLUMNS;
    lane_index index = lanes;
    for (int p = 0; p < t->group_in; p++, b += COLUMNS, index = index_next(index)) {
      hr_vec b0 = hr_vec_load(b), b1 = hr_vec_load(b + (vectors - 1) * HR_VEC_LANES);
#pragma GCC unroll 8
      for (int i = 0; i < rows; i++) {
        sums[i][0] = hr_vec_fma(permute(load_some(x + i * t->row, first), index), b0, sums[i][0]);
        if (vectors == 2)
          sums[i][1] = hr_vec_fma(permute(load_some(x + i * t->row + second, rest), index), b1, sums[i][1]);
      }
    }
  }
  put(t, c, 0, sums, rows, 1, vectors);
}

HR_INLINE void all_group_rows(const hr_conv_tile *t, int vectors) {
  const hr_elem *a = t->a;
  hr_elem *c = t->c;
  int i = 0;
  for (; i + CHANNEL_ROWS <= t->rows; i += CHANNEL_ROWS)
    groups_of(t, a + i * t->row, c + i * t->ldc, CHANNEL_ROWS, vectors);
  for (; i + HALF_ROWS <= t->rows; i += HALF_ROWS) groups_of(t, a + i * t->row, c + i * t->ldc, HALF_ROWS, vectors);
  for (; i < t->rows; i++) groups_of(t, a + i * t->row, c + i * t->ldc, 1, vectors);
}

static void tile_groups(const hr_conv_tile *t) {
  if (t->columns > HR_VEC_LANES)
    all_group_rows(t, 2);
  else
    all_group_rows(t, 1);
}
#endif

const hr_conv_kernels HR_NAME(hr_conv) = {.rows = ROWS,
                                          .columns = COLUMNS,
                                          .block = 1,
                                          .tile = tile,
                                          .tile_channels = tile_channels,
#if HAVE_GROUPS
                                          .tile_groups = tile_groups
#endif
};
