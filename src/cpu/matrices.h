/* src/cpu/matrices.h - the last two axes of arrays as matrices for LAPACK, and the loop over the others.
 *
 * X1  A row-major matrix is its transpose in LAPACK's column-major order: who can, calls for the transpose (the other
 *     triangle, the factors in the other order) and copies nothing but the input.
 * X2  The loop gives each matrix to one thread; a chunk is some tens of microseconds of work by the family's estimate,
 *     cut by sizes alone. Chunks run in rounds of HR_MATRIX_ROUND with memory of their own, which is taken before: a
 *     batch of large matrices needs that many times the workspace of one, not the size of the batch.
 * X3  All matrices are worked on. If some fail the first one in the batch's order is reported, whoever met it. */
#ifndef HR_CPU_MATRICES_H
#define HR_CPU_MATRICES_H

#include "base/lock.h"
#include "cpu/lapack.h"
#include "graph/op.h"

enum { HR_MATRIX_ROUND = 32, HR_MATRIX_ALIGN = 64 };
/* What a function of the loop answers besides LAPACK's info: the matrix has NaN or infinities. */
enum { HR_MATRIX_NOT_FINITE = -1000 };

/* Element (r, c) is at data + r * row + c * col; strides in bytes. */
typedef struct hr_matrix {
  char *data;
  int64_t row, col;
} hr_matrix;

/* Lengths of the last two axes, and the number of matrices. */
int hr_matrix_rows(const hr_array *a);
int hr_matrix_cols(const hr_array *a);
int64_t hr_matrix_count(const hr_array *a);

/* Matrix `index` of an array of at least two axes that has its buffer, in row-major order of the other axes. */
hr_matrix hr_matrix_at(const hr_array *a, int64_t index);
/* A matrix without gaps. */
hr_matrix hr_matrix_row_major(void *data, int cols, int64_t item);
hr_matrix hr_matrix_col_major(void *data, int rows, int64_t item);
/* What lies right of and below an element. */
hr_matrix hr_matrix_corner(hr_matrix m, int row, int col);
/* Items of 4 or 8 bytes. */
void hr_matrix_copy(hr_matrix out, hr_matrix in, int rows, int cols, int64_t item);
/* Zeros below (or above) the diagonal of a row-major matrix. */
void hr_matrix_clear(void *data, int rows, int cols, int64_t item, bool below);
/* Ones on the diagonal of a row-major matrix, all else zero; float32, float64 or complex64. */
void hr_matrix_identity(void *data, int rows, int cols, hr_dtype dtype);
/* None of count numbers is NaN or infinite; float32 or float64. */
bool hr_matrix_finite(const void *data, int64_t count, hr_dtype dtype);

/* What a routine answered in the first number of its workspace, in elements. Fails beyond LAPACK's 32 bits. */
hr_status hr_matrix_workspace(int *out, const hr_run *run, const void *answer, hr_dtype dtype) HR_MUST_USE;

enum { HR_MATRIX_OUTPUTS = 3 };

/* One application of an op, as all families of it begin. */
typedef struct hr_matrix_job {
  const hr_run *run;
  const hr_lapack *lapack; /* NULL: the input has no elements */
  const hr_lapack_real *real;
  hr_dtype dtype;
  int64_t item, part;                   /* bytes of an element of the input, and of its real part */
  int m, n, k;                          /* of the input; k is min(m, n) */
  size_t scratch;                       /* bytes of a chunk's memory so far */
  int64_t out_bytes[HR_MATRIX_OUTPUTS]; /* of one matrix's part of each output */
  size_t spare[HR_MATRIX_OUTPUTS];      /* where in the scratch that is of an output that nobody holds */
} hr_matrix_job;

/* Memory for the outputs; loads LAPACK unless the input is empty. */
hr_status hr_matrix_job_begin(hr_matrix_job *job, const hr_run *run) HR_MUST_USE;
/* The place in a chunk's scratch of `bytes` more, aligned to HR_MATRIX_ALIGN. */
size_t hr_matrix_job_reserve(hr_matrix_job *job, int64_t bytes);
/* Says what one matrix's part of an output takes. For each output, before the loop. */
void hr_matrix_job_output(hr_matrix_job *job, int i, int64_t bytes);
/* Where the part of matrix `index` of output i is written. */
void *hr_matrix_job_out(const hr_matrix_job *job, int i, int64_t index, char *scratch);

/* The loop over all matrices of the input: fn answers 0, LAPACK's info or HR_MATRIX_NOT_FINITE. `cost` is that of one,
 * in ns; `failure` is what info > 0 means ("is singular: pivot %d is zero"). */
hr_status hr_matrix_job_run(const hr_matrix_job *job, int (*fn)(const void *ctx, int64_t index, char *scratch),
                            const void *ctx, uint64_t cost, const char *failure) HR_MUST_USE;
/* The error of matrix `index`, with what fn answered: not 0. */
hr_status hr_matrix_job_fail(const hr_matrix_job *job, int64_t index, int info, const char *failure) HR_MUST_USE;

#endif
