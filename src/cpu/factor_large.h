/* src/cpu/factor_large.h - factorisations of one large matrix by several threads.
 *
 * G1  LAPACK and BLAS factor and update blocks, each on one thread (L3 of lapack.h); which blocks there are depends on
 *     the lengths alone, and no two threads add to the same one: the same bits for any number of workers.
 * G2  Right-looking, as LAPACK's own: a panel of HR_FACTOR_PANEL columns is factored by the caller, then all columns
 *     behind it are updated in tiles. The panel stays a few hundredths of the work.
 * Matrices are column-major without gaps. Called from a task of the stream, between hr_lapack_enter() and _leave(). */
#ifndef HR_CPU_FACTOR_LARGE_H
#define HR_CPU_FACTOR_LARGE_H

#include "cpu/matrices.h"

enum { HR_FACTOR_PANEL = 128, HR_FACTOR_LARGE = 384 };

/* One matrix, and large enough for what follows to pay. */
bool hr_factor_is_large(const hr_matrix_job *job);

/* hr_matrix_copy() by several threads. */
void hr_factor_copy(hr_matrix out, hr_matrix in, int rows, int cols, int64_t item);

/* As potrf and getrf; answer their info. */
int hr_factor_cholesky(const hr_matrix_job *job, const char *triangle, void *a);
int hr_factor_lu(const hr_matrix_job *job, void *a, int *pivots);

/* b (n x count) = the solution, as getrs. */
void hr_factor_solve(const hr_matrix_job *job, const void *lu, const int *pivots, void *b, int count);
/* x (n x n) = the inverse, from a square LU without zero pivots. */
void hr_factor_invert(const hr_matrix_job *job, const void *lu, const int *pivots, void *x);

#endif
