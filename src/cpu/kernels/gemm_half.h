/* src/cpu/kernels/gemm_half.h - products of half types by the matrix unit of x86 processors (AMX: eight tile registers
 * of 16 rows of 64 bytes; Intel SDM volume 1, chapter 18).
 *
 * The unit multiplies bfloat16 by pairs along k and adds in float32; numbers below 2^-126 count as 0 there. A float16
 * is the exact sum of two bfloat16, its leading 8 bits and the rest, so that four of their products make one of
 * float16, exact as well. That leaves infinities out, which have no rest.
 *
 * Operands are packed in panels of HR_HALF_SIDE rows of A (columns of B), padded with zeros, as blocks of HR_HALF_DEPTH
 * numbers of k: for A two tiles of 16 rows, for B two of 16 columns, with pairs of k side by side; float16 has the
 * tiles of leading parts, then those of the rests. */
#ifndef HR_CPU_KERNELS_GEMM_HALF_H
#define HR_CPU_KERNELS_GEMM_HALF_H

#include <stdbool.h>
#include <stdint.h>

enum { HR_HALF_SIDE = 32, HR_HALF_DEPTH = 32 };

/* c[i * c_row + j] = (or +=, when add) sums over `blocks` blocks of k, for HR_HALF_SIDE rows and columns, of which m
 * and n count: those behind the first 16 are left out where they do not. A is a panel, or lies in place: a_row bytes
 * between its rows, a_half to row 16, a_block from block to block. */
typedef struct hr_half_block {
  float *c;
  const char *a, *b;
  int64_t c_row, a_row, a_half, a_block, blocks;
  int m, n;
  bool add;
} hr_half_block;

typedef struct hr_half_kernels {
  int block_bytes; /* of HR_HALF_DEPTH numbers of k of a panel */
  bool in_place;   /* rows of A that are runs along k, whole blocks of it, are tiles as they lie */
  /* `count` rows of A or columns of B (1 to HR_HALF_SIDE), `across` elements apart, k elements `along` apart. `to` is
   * aligned to 64 bytes. False: a number is infinite or NaN, and the type has no way to say so. */
  bool (*pack_a)(void *to, const uint16_t *from, int64_t k, int count, int64_t across, int64_t along);
  bool (*pack_b)(void *to, const uint16_t *from, int64_t k, int count, int64_t across, int64_t along);
  /* Between hr_half_begin_amx() and hr_half_end_amx(). */
  void (*multiply)(const hr_half_block *block);
  /* c[i * c_row + j] = sums[i * sums_row + j], rounded, for i < m and j < n <= HR_HALF_SIDE. */
  void (*store)(uint16_t *c, int64_t c_row, const float *sums, int64_t sums_row, int m, int n);
} hr_half_kernels;

extern const hr_half_kernels hr_half_bf16_amx, hr_half_f16_amx;

/* Sets the calling thread's tiles up, and gives them back: nothing of them is left to be saved at a switch of threads
 * or to be written to a signal's frame. */
void hr_half_begin_amx(void);
void hr_half_end_amx(void);

#endif
