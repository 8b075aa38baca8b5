/* Tiles of convolutions of bfloat16 in tile registers: products as in gemm_half_tmpl.c, but rows of A are read where
 * they lie. A panel is made of the blocks of 32 terms by 32 columns that gemm_half.h describes. */
/* hr-isas: amx */
#include <immintrin.h>

#include "cpu/kernels/conv.h"
#include "cpu/kernels/gemm_half.h"

#define INLINE static inline __attribute__((always_inline))

enum { ROWS = 16, ROW_BYTES = 64, TILE_BYTES = ROWS * ROW_BYTES, BLOCK = HR_HALF_DEPTH, ITEM = 2 };
_Static_assert(BLOCK *ITEM == ROW_BYTES, "a row of a tile holds a block's terms");

/* The operand of LDTILECFG: palette 1 has tiles of up to 16 rows of 64 bytes. */
typedef struct config {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} config;

/* Sums in tiles 0 to 3, A in 4 and 5, B in 6 and 7. Loading a configuration takes as long as three blocks, so that
 * tiles keep it while they have the same rows. */
static void set_rows(int first, int second, int *set) {
  const uint8_t lower = (uint8_t)first, upper = (uint8_t)(second > 0 ? second : ROWS);
  config c = {.palette = 1, .rows = {lower, lower, upper, upper, lower, upper, ROWS, ROWS}};
  if (*set == first * (ROWS + 1) + second) return;
  *set = first * (ROWS + 1) + second;
  for (int i = 0; i < 8; i++) c.row_bytes[i] = ROW_BYTES;
  __asm__ volatile("" : : "r"(&c) : "memory"); /* GCC 12 believes that the first 8 bytes alone are read */
  _tile_loadconfig(&c);
}

/* The second half's distances from the first, in bytes. */
typedef struct halves {
  int64_t a, c;
} halves;

INLINE void begin_sums(const hr_conv_tile *t, halves second, int tiles, int vectors) {
  const char *c = t->c;
  const int64_t bytes = t->ldc * (int64_t)sizeof(float);
  if (t->add) {
    _tile_loadd(0, c, bytes);
    if (vectors == 2) _tile_loadd(1, c + ROW_BYTES, bytes);
    if (tiles == 2) _tile_loadd(2, c + second.c, bytes);
    if (tiles == 2 && vectors == 2) _tile_loadd(3, c + second.c + ROW_BYTES, bytes);
    return;
  }
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
}

INLINE void store_sums(const hr_conv_tile *t, halves second, int tiles, int vectors) {
  char *c = t->c;
  const int64_t bytes = t->ldc * (int64_t)sizeof(float);
  _tile_stored(0, c, bytes);
  if (vectors == 2) _tile_stored(1, c + ROW_BYTES, bytes);
  if (tiles == 2) _tile_stored(2, c + second.c, bytes);
  if (tiles == 2 && vectors == 2) _tile_stored(3, c + second.c + ROW_BYTES, bytes);
}

/* `tiles` tiles of rows by `vectors` of columns; both are constants. */
INLINE void tile_of(const hr_conv_tile *t, halves second, int tiles, int vectors) {
  const int64_t bytes = t->row * ITEM;
  begin_sums(t, second, tiles, vectors);
  for (const hr_conv_run *r = t->runs, *end = r + t->run_count; r < end; r++) {
    const char *a = (const char *)t->a + r->a * ITEM, *b = (const char *)t->b + r->b * ROW_BYTES;
    for (int64_t p = 0; p < r->length; p += BLOCK, a += ROW_BYTES, b += 2 * TILE_BYTES) {
      _tile_loadd(6, b, ROW_BYTES);
      if (vectors == 2) _tile_loadd(7, b + TILE_BYTES, ROW_BYTES);
      _tile_loadd(4, a, bytes);
      _tile_dpbf16ps(0, 4, 6);
      if (vectors == 2) _tile_dpbf16ps(1, 4, 7);
      if (tiles == 1) continue;
      _tile_loadd(5, a + second.a, bytes);
      _tile_dpbf16ps(2, 5, 6);
      if (vectors == 2) _tile_dpbf16ps(3, 5, 7);
    }
  }
  store_sums(t, second, tiles, vectors);
}

static void tile(const hr_conv_tile *t) {
  const int first = t->rows < ROWS ? t->rows : ROWS, rest = t->halves == 2 ? t->rows : t->rows - first;
  const int64_t a = t->halves == 2 ? t->half : ROWS * t->row, c = t->halves == 2 ? t->half_c : ROWS * t->ldc;
  const halves second = {a * ITEM, c * (int64_t)sizeof(float)};
  const int wide = t->columns > ROWS;
  set_rows(first, rest, t->rows_set);
  if (rest > 0 && wide)
    tile_of(t, second, 2, 2);
  else if (rest > 0)
    tile_of(t, second, 2, 1);
  else if (wide)
    tile_of(t, second, 1, 2);
  else
    tile_of(t, second, 1, 1);
}

void hr_conv_half_pack_amx(void *panel, const void *from, int64_t k, int width, int count, int64_t across,
                           int64_t along) {
  (void)width;
  hr_half_bf16_amx.pack_b(panel, from, k, count, across, along); /* bfloat16 is never refused */
}

const hr_conv_kernels hr_conv_half_amx = {
    .rows = 2 * ROWS, .columns = 32, .block = BLOCK, .tile = tile, .end = hr_half_end_amx};
