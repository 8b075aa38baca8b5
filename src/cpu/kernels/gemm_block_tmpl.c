/* Products of matrices in place. With 32 vector registers a tile is 6 rows by 4 vectors: 10 loads for 24 fused
 * operations, and A's 6 rows find room in the ways of L1 even where they are a power of two apart (tiles of 14 by 2 do
 * 16 loads for 28, and lose a tenth on matrices of 512). With 16 registers it is 6 by 2. A single vector of columns
 * takes 12 rows: sums that wait for each other need company. */
/* hr-dtypes: f32 f64 */
#include "cpu/kernels/gemm.h"
#include "cpu/kernels/vec_part.h"

#if HR_ISA_LEVEL == 2
enum { VECTORS = 4 };
#else
enum { VECTORS = 2 };
#endif
/* What is fetched before its use: few rows of B, since rows a power of two apart share a set of L1; or, where the rows
 * of a panel of columns are at most PANEL elements, which stay in L1, those of the next panel. */
enum { ROWS = 6, ROWS_OF_ONE = 12, AHEAD = 8, PANEL = 16384 / sizeof(hr_elem) };

/* Tiles of one size below each other: the first one's place. */
typedef struct place {
  const hr_gemm_block *block;
  const hr_elem *a, *b;
  hr_elem *c;
  int64_t tiles, ahead; /* what is fetched: so far from what is read */
  int last;             /* columns of the last vector */
  bool far;
} place;

/* Three rows share a pointer, whose origin is hidden: the addresses of 12 rows that are all made from one take more
 * general registers than there are, and moves between those and the vectors' take the place of fused operations. */
enum { SHARED = 3, POINTERS = ROWS_OF_ONE / SHARED };
#define HIDE(pointer) __asm__ volatile("" : "+r"(pointer))

/* Steps along k. What is fetched ahead has a pointer of its own for the same reason. */
static inline __attribute__((always_inline)) void steps_of(hr_vec sums[ROWS_OF_ONE][VECTORS], int64_t count, place *at,
                                                           int rows, int vectors, bool part, bool far) {
  const hr_elem *b = at->b, *a[POINTERS] = {at->a};
  int64_t a_row = at->block->a_row, a_k = at->block->a_k, b_k = at->block->b_k;
  const hr_elem *ahead = b + at->ahead;
#pragma GCC unroll 4
  for (int i = 1; i < (rows + SHARED - 1) / SHARED; i++) {
    a[i] = a[i - 1] + SHARED * a_row;
    HIDE(a[i]);
  }
  for (int64_t p = 0; p < count; p++, b += b_k) {
    hr_vec y[VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      y[v] = part && v == vectors - 1 ? hr_vec_load_part(b + v * HR_VEC_LANES, at->last)
                                      : hr_vec_load(b + v * HR_VEC_LANES);
      if (far) __builtin_prefetch(ahead + v * HR_VEC_LANES);
    }
    if (far) ahead += b_k;
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++) {
      hr_vec x = hr_vec_set(a[i / SHARED][i % SHARED * a_row]);
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++) sums[i][v] = hr_vec_fma(x, y[v], sums[i][v]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < (rows + SHARED - 1) / SHARED; i++) a[i] += a_k;
  }
  at->a = a[0], at->b = b;
}

static inline __attribute__((always_inline)) void put(hr_elem *c, hr_vec sum, bool add, bool part, int count) {
  if (add) sum = hr_vec_add(sum, part ? hr_vec_load_part(c, count) : hr_vec_load(c));
  if (part)
    hr_vec_store_part(c, sum, count);
  else
    hr_vec_store(c, sum);
}

static inline __attribute__((always_inline)) void fetch_rows(const hr_elem *c, int64_t c_row, int first, int end,
                                                             int vectors) {
  for (int i = first; i < end; i++)
    for (int v = 0; v < vectors; v++) __builtin_prefetch(c + i * c_row + v * HR_VEC_LANES, 1);
}

/* Rows of C that are added to are fetched in two parts: all at once they would hold up what fetches B. */
static inline __attribute__((always_inline)) void tile(place at, int rows, int vectors, bool part) {
  hr_vec sums[ROWS_OF_ONE][VECTORS];
  hr_elem *c = at.c;
  int64_t c_row = at.block->c_row;
  bool add = at.block->add;
#pragma GCC unroll 12
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) sums[i][v] = hr_vec_set(0);
  if (at.block->c_far && !add) fetch_rows(c, c_row, 0, rows, vectors);
  if (at.far) {
    int64_t first = add ? at.block->k / 2 : 0;
    if (add) fetch_rows(c, c_row, 0, rows / 2, vectors);
    steps_of(sums, first, &at, rows, vectors, part, true);
    if (add) fetch_rows(c, c_row, rows / 2, rows, vectors);
    steps_of(sums, at.block->k - first, &at, rows, vectors, part, true);
  } else {
    steps_of(sums, at.block->k, &at, rows, vectors, part, false);
  }
#pragma GCC unroll 12
  for (int i = 0; i < rows; i++) {
    HIDE(c);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) put(c + v * HR_VEC_LANES, sums[i][v], add, part && v == vectors - 1, at.last);
    c += c_row;
  }
}

static inline __attribute__((always_inline)) void column(place at, int rows, int vectors, bool part) {
  for (; at.tiles > 0; at.tiles--) {
    tile(at, rows, vectors, part);
    at.a += rows * at.block->a_row, at.c += rows * at.block->c_row;
  }
}

/* One function for each size of a tile, whole and with a last vector that is not. */
#define TILE(rows, vectors)                                                                    \
  static void whole_##rows##_##vectors(const place *at) { column(*at, rows, vectors, false); } \
  static void part_##rows##_##vectors(const place *at) { column(*at, rows, vectors, true); }
#define TILES(vectors) \
  TILE(1, vectors)     \
  TILE(2, vectors)     \
  TILE(3, vectors)     \
  TILE(4, vectors)     \
  TILE(5, vectors)     \
  TILE(6, vectors)
#define TILES_OF_ONE \
  TILES(1)           \
  TILE(7, 1)         \
  TILE(8, 1)         \
  TILE(9, 1)         \
  TILE(10, 1)        \
  TILE(11, 1)        \
  TILE(12, 1)
#define COLUMN(kind, vectors)                                                                               \
  NULL, kind##_1_##vectors, kind##_2_##vectors, kind##_3_##vectors, kind##_4_##vectors, kind##_5_##vectors, \
      kind##_6_##vectors
#define COLUMN_OF_ONE(kind) COLUMN(kind, 1), kind##_7_1, kind##_8_1, kind##_9_1, kind##_10_1, kind##_11_1, kind##_12_1

TILES_OF_ONE
TILES(2)
#if HR_ISA_LEVEL == 2
TILES(3)
TILES(4)
#define TABLE(kind)                                                                  \
  {                                                                                  \
    {COLUMN_OF_ONE(kind)}, {COLUMN(kind, 2)}, {COLUMN(kind, 3)}, { COLUMN(kind, 4) } \
  }
#else
#define TABLE(kind)                            \
  {                                            \
    {COLUMN_OF_ONE(kind)}, { COLUMN(kind, 2) } \
  }
#endif

/* By whether the last vector is a part, by vectors less 1, by rows. */
static void (*const tiles[2][VECTORS][ROWS_OF_ONE + 1])(const place *) = {TABLE(whole), TABLE(part)};

/* Panels of columns, then of rows, as even as they can be where B does not lie in slabs: tiles of one row more come
 * first. */
static void multiply(const hr_gemm_block *block) {
  const hr_elem *b = block->b;
  hr_elem *c = block->c;
  int64_t vectors_left = (block->n + HR_VEC_LANES - 1) / HR_VEC_LANES, panels = (vectors_left + VECTORS - 1) / VECTORS;
  for (int64_t j = 0; panels > 0; panels--) {
    int vectors = (int)((vectors_left + panels - 1) / panels);
    if (block->b_slab) vectors = (int)(vectors_left < VECTORS ? vectors_left : VECTORS);
    int64_t left = block->n - j, width = vectors * HR_VEC_LANES;
    int last = (int)(left < width ? left - (width - HR_VEC_LANES) : HR_VEC_LANES);
    int64_t most = vectors == 1 ? ROWS_OF_ONE : ROWS, parts = (block->m + most - 1) / most, rows = block->m / parts;
    place at = {block, block->a, b, c + j, block->m - rows * parts, AHEAD * block->b_k, last, block->far};
    if (block->k * width <= PANEL) at.ahead = block->b_slab ? block->b_slab : width;
    int64_t longer = at.tiles * (rows + 1);
    if (longer > 0) tiles[last < HR_VEC_LANES][vectors - 1][rows + 1](&at);
    at.a += longer * block->a_row, at.c += longer * block->c_row, at.tiles = parts - at.tiles;
    tiles[last < HR_VEC_LANES][vectors - 1][rows](&at);
    j += width, vectors_left -= vectors;
    b += block->b_slab ? block->b_slab : width;
  }
}

const hr_block_kernels HR_NAME(hr_block) = {.rows = ROWS, .columns = VECTORS * HR_VEC_LANES, .multiply = multiply};
