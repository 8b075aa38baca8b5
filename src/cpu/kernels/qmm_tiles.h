/* src/cpu/kernels/qmm_tiles.h - products with a quantised matrix that lies transposed (N rows of K codes), in a
 * processor's tile registers (AMX): a tile holds 16 rows of w, a byte a code, and is multiplied by 16 columns of bytes
 * that stand for x, exactly.
 *
 * Four rows of x make a panel. A number of x becomes four signed digits of 8 bits, relative to the largest of its
 * group: 30 bits, so that a number down to a 64th of the largest keeps all of float32's 24. Column 4 d + r holds
 * digit d of row r. The sums of a group become floats that are multiplied by the scales of w's group and of x's, and
 * added in ascending order of groups. A group's bias multiplies the sum of its x. */
#ifndef HR_CPU_KERNELS_QMM_TILES_H
#define HR_CPU_KERNELS_QMM_TILES_H

#include <stdbool.h>

#include "cpu/kernels/qmm.h"

/* Rows of w and columns of x of a tile; rows of x of a panel; groups of a unit, whose sums are in tiles at a time;
 * blocks of 16 rows of w that meet panels together; codes of a step at most, which is as many units as fit. */
enum { HR_TILE = 16, HR_TILE_X_ROWS = 4, HR_TILE_UNIT = 4, HR_TILE_BLOCKS = 4, HR_TILE_STEP = 512 };

/* What is missing in the last unit is zeros. */
typedef struct hr_tile_cut {
  int group;
  int64_t groups, units; /* of a row of w */
} hr_tile_cut;

/* A panel, aligned to 64 bytes: per group 16 times its length of digits; then 16 scales a group; then 16 sums of x a
 * unit, of row r and group d in column 4 d + r. */
static inline int64_t hr_tile_digits_bytes(const hr_tile_cut *cut) {
  return cut->units * HR_TILE_UNIT * cut->group * HR_TILE;
}
static inline int64_t hr_tile_panel_bytes(const hr_tile_cut *cut) {
  return hr_tile_digits_bytes(cut) + cut->units * (HR_TILE_UNIT + 1) * HR_TILE * (int64_t)sizeof(float);
}

/* Some codes of 16 rows of w as bytes. Squares of 64 codes of 16 rows; codes of rows that are missing and of groups
 * that are missing may be anything. */
typedef struct hr_tile_step {
  uint8_t codes[HR_TILE * HR_TILE_STEP] __attribute__((aligned(64)));
} hr_tile_step;

/* Scales, or biases, of a unit of a band: HR_TILE_BLOCKS blocks of rows of w. */
typedef float hr_tile_scales[HR_TILE_BLOCKS * HR_TILE][HR_TILE_UNIT];

/* Memory that is fetched to the second cache meanwhile: so many lines a row. */
typedef struct hr_tile_ahead {
  const char *at;
  int lines;
} hr_tile_ahead;

/* One table. What begin() sets up belongs to the thread, until end(). */
typedef struct hr_tile_kernels {
  void (*begin)(int group);
  void (*end)(void);
  /* Rows of x (count <= 4; the others are zeros), `row` floats apart, to a panel. `twice`: w's codes stand for twice
   * their value. */
  void (*split)(char *panel, const hr_tile_cut *cut, const float *x, int64_t row, int count, bool twice);
  /* All units of `rows` rows of scales or biases. */
  void (*scales)(hr_tile_scales *to, const hr_tile_cut *cut, const char *from, hr_quant_scale kind, int rows);
  /* Units [first, first + units) of `count` <= 16 rows of w from `row` on. */
  void (*unpack)(hr_tile_step *to, const hr_tile_cut *cut, const hr_qmm_matrix *w, int64_t row, int count,
                 int64_t first, int64_t units, hr_tile_ahead *ahead);
  /* sums[b * pitch + n][column] += that step of block b <= HR_TILE_BLOCKS times the same units of a panel. scales and
   * biases are those of the first of these; without biases (NULL) codes are signed. */
  void (*multiply)(float (*sums)[HR_TILE], int64_t pitch, const hr_tile_cut *cut, const hr_tile_step *steps, int blocks,
                   const hr_tile_scales *scales, const hr_tile_scales *biases, const char *panel, int64_t first,
                   int64_t units);
  /* y[r * n_y + n], for r < rows and n < count, from the sums of a panel. */
  void (*finish)(void *y, hr_qmm_type type, int64_t n_y, float (*sums)[HR_TILE], int rows, int count);
} hr_tile_kernels;

#endif
