/* src/cpu/kernels/qmm.h - products of a few rows with a quantised matrix that lies transposed (N rows of K codes), and
 * the pieces of one as floats.
 *
 * Limited by reading the codes, so those are loaded once for up to HR_QMM_ROWS rows of x and never written as floats.
 * Where a word holds a whole number of codes, lane i of a vector takes word i: shifting all lanes by one code gives
 * elements that are a word apart, and x is brought into that order beforehand. A group's scale multiplies the sum of
 * its products; its bias multiplies the sum of its x. */
#ifndef HR_CPU_KERNELS_QMM_H
#define HR_CPU_KERNELS_QMM_H

#include <stdint.h>

#include "cpu/kernels/quant.h"

enum { HR_QMM_ROWS = 8, HR_QMM_COLUMNS = 8, HR_QMM_PIECE = 64 };

typedef enum hr_qmm_type { HR_QMM_F32, HR_QMM_F16, HR_QMM_BF16 } hr_qmm_type;

/* A row-major quantised matrix; rows have `length` codes, and length / group scales and biases of scale_item bytes. */
typedef struct hr_qmm_matrix {
  const uint8_t *codes;
  const char *scales, *biases; /* biases: NULL for none */
  int64_t length;
  int group, bits, scale_item;
  hr_quant_code code;
  hr_quant_scale scale;
} hr_qmm_matrix;

/* How dots() gets x. HR_QMM_FIXED, for 4-bit integers and at most 2 rows: whole numbers of 15 bits, relative to the
 * largest of each 8 neighbours. With sums in floats 128 codes take 25 instructions, and reach half of the bandwidth of
 * a Sapphire Rapids Xeon's memory; this takes 16. float16 has 11 bits and bfloat16 8, so what is lost comes after their
 * last place unless neighbours differ much in size; it is below 2^-15 of the largest of them in any case. */
typedef enum hr_qmm_order { HR_QMM_FLOAT, HR_QMM_FIXED } hr_qmm_order;
enum { HR_QMM_FIXED_ROWS = 2 };

/* One table, and one of ordered_length(), order() and dots() alone with HR_ISA_HAS_VNNI, which has an order of its own:
 * qmm_dots_tmpl.c. */
typedef struct hr_qmm_kernels {
  int fixed; /* whether HR_QMM_FIXED can be had */
  /* Floats of an ordered row: `length` rounded up. */
  int64_t (*ordered_length)(const hr_qmm_matrix *w);
  /* One row of x (length floats) in the order that dots() wants, and the sums of its groups. */
  void (*order)(float *to, float *sums, const float *x, const hr_qmm_matrix *w, hr_qmm_order order);
  /* y[r * n_y + j] = sum over p of x[r][p] * w[j][p] for rows r of x (at most HR_QMM_ROWS; ordered_length and
   * length / group floats apart) and rows j in [first, end) of w. */
  void (*dots)(void *y, hr_qmm_type type, int64_t n_y, const hr_qmm_matrix *w, int64_t first, int64_t end,
               const float *x, const float *sums, int rows, hr_qmm_order order);
  /* y[r * n_y + j] = sum over p of x[r * k + p] * w[p][j], for columns j in [first, end): at most HR_QUANT_TILE,
   * multiples of 16; x in its own order. w has k rows. */
  void (*sums)(void *y, hr_qmm_type type, int64_t n_y, const hr_qmm_matrix *w, int64_t first, int64_t end,
               const float *x, int64_t k, int rows);
  /* Elements [first, first + count) of a row as floats: first and count are multiples of 8, and a piece is at most
   * HR_QMM_PIECE elements that start at a multiple of it or of the group. */
  void (*piece)(float *to, const hr_qmm_matrix *w, int64_t row, int64_t first, int count);
} hr_qmm_kernels;

#endif
