/* src/cpu/kernels/conv.h - the inner loops of convolutions.
 *
 * A convolution is a product of matrices whose A, the patches, is never made: row i of a tile is the patch of output i,
 * which lies in memory as a few runs, at the same distances from the row's start for every output (compare Georganas et
 * al., "Anatomy of high-performance deep learning convolutions on SIMD architectures", SC 2018). The weights are packed
 * into panels as in gemm.h: `columns` outputs by all terms of their sums, term-major. */
#ifndef HR_CPU_KERNELS_CONV_H
#define HR_CPU_KERNELS_CONV_H

#include <stdint.h>

/* Terms that follow each other in memory in A and in the panel. */
typedef struct hr_conv_run {
  int64_t a; /* elements from the row's start */
  int64_t b; /* first term in the panel */
  int64_t length;
} hr_conv_run;

/* Rows in one or two halves of equally many: rows of a half are `row` elements apart, the halves' first rows `half`;
 * those of c `ldc` and `half_c`. c is overwritten, or added to if `add`. Panels are aligned to 64 bytes. */
typedef struct hr_conv_tile {
  const void *a, *b;
  void *c;
  int64_t row, half, ldc, half_c;
  const hr_conv_run *runs;
  int64_t run_count;
  int rows, halves; /* rows of a half, 1 to the kernel's rows / halves */
  int columns;      /* 1 to the kernel's columns */
  int add;
  int *rows_set; /* rows that tile registers are set up for, by the kernel (AMX); 0 at first */
  /* Fetched meanwhile, for the tiles that follow. tile: a line a term from `next` on, into L2. tile_channels: what the
   * last run reads, but `ahead` elements farther on, into L1. Any address will do. */
  const void *next;
  int64_t ahead;
  /* tile_groups */
  const int32_t *lanes;    /* where in a vector of A's channels the group of each lane begins */
  int group_in, group_out; /* of a group; group_in <= group_out, which divides the lanes of a vector */
} hr_conv_tile;

/* Tables f32, f64; hr_conv_half_amx, with a and b in bfloat16, c in float32, and panels of blocks as in gemm_half.h. */
typedef struct hr_conv_kernels {
  int rows, columns;
  int block; /* lengths of runs, and their places in the panel, are multiples of it */
  /* c[i][j] = sum over terms p of a[i][p] * b[p][j], in the order of the runs. */
  void (*tile)(const hr_conv_tile *tile);
  /* Gives up what tile() has set up in the calling thread; NULL where that is nothing. */
  void (*end)(void);
  /* A channel of its own for each column: c[i][j] = sum over runs, of length 1, of a[i][run.a + j] * b[run.b][j].
   * Reads whole vectors of a, up to `columns` elements. One half of any number of rows; add is 0. */
  void (*tile_channels)(const hr_conv_tile *tile);
  /* Groups side by side: column j belongs to group g = j / group_out with channels a[i][run.a + g * group_in ...]:
   * c[i][j] = sum over runs, of length group_in, and p < group_in of a[i][run.a + g * group_in + p] * b[run.b + p][j].
   * Reads no other channels than those. Rows and add as for tile_channels. NULL where vectors cannot do it. */
  void (*tile_groups)(const hr_conv_tile *tile);
} hr_conv_kernels;

/* Tables f32, f64, f16, bf16: between arrays and the type of the sums; u16 loads 16 bits as they are. Strides are in
 * elements. */
typedef struct hr_conv_copy_kernels {
  /* to[i * pitch + c] = from[i * step + c * along] for i < count, c < channels. */
  void (*load)(void *to, int64_t pitch, const void *from, int64_t step, int64_t along, int64_t count, int64_t channels);
  /* to[i * step + c] = from[i * pitch + c], rounded; NULL where sums are stored as they are. */
  void (*store)(void *to, int64_t step, const void *from, int64_t pitch, int64_t count, int64_t channels);
} hr_conv_copy_kernels;

/* With AMX: `tile` and `end` alone, and what packs its panels, as hr_pack_kernels.b does. */
extern const hr_conv_kernels hr_conv_half_amx;
void hr_conv_half_pack_amx(void *panel, const void *from, int64_t k, int width, int count, int64_t across,
                           int64_t along);

#endif
