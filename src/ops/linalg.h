/* src/ops/linalg.h - factorisations, systems of equations, eigenvalues and norms.
 *
 * A1  Matrices are the last two axes; all others are a batch. Results are row-major, as NumPy's.
 * A2  Real factorisations take float32 and float64; eig, eigh and svd complex64 too. Others are an error, as in MLX.
 * A3  LAPACK does the work (cpu/lapack.h). It is loaded when the first of these ops runs, so that its absence is an
 *     error of the result, as is a matrix that cannot be factored: singular, not positive definite, no convergence. MLX
 *     gives some matrix without a meaning for cholesky of one that is not positive definite; here that is an error.
 * A4  NaN passes through lu, qr, inv and solve as LAPACK's arithmetic has it; for eig, eigh and svd, and what is made
 *     of them, NaN and infinities are an error.
 * A5  Any thread; the caller owns one reference to each result. */
#ifndef HR_OPS_LINALG_H
#define HR_OPS_LINALG_H

#include "graph/op.h"

/* L with a = L L^T, or U with a = U^T U; reads that triangle of a only. */
hr_status hr_linalg_cholesky(hr_array **out, hr_array *a, bool upper, hr_stream *s) HR_MUST_USE;
/* The inverse of the matrix whose factor a is. */
hr_status hr_linalg_cholesky_inv(hr_array **out, hr_array *a, bool upper, hr_stream *s) HR_MUST_USE;
hr_status hr_linalg_inv(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
/* Of a triangular matrix; the other triangle is not read. */
hr_status hr_linalg_tri_inv(hr_array **out, hr_array *a, bool upper, hr_stream *s) HR_MUST_USE;

/* P (uint32), L, U with a = L[P, :] U. (m, n) gives (m), (m, k) and (k, n) for k = min(m, n). Singular is fine. */
hr_status hr_linalg_lu(hr_array_list *out, hr_array *a, hr_stream *s) HR_MUST_USE;
/* L and U in one matrix, without the ones on L's diagonal, and for each row i the row (uint32) it was swapped with. */
hr_status hr_linalg_lu_factor(hr_array **out_0, hr_array **out_1, hr_array *a, hr_stream *s) HR_MUST_USE;
/* Q (m, k) and R (k, n). */
hr_status hr_linalg_qr(hr_array **out_0, hr_array **out_1, hr_array *a, hr_stream *s) HR_MUST_USE;

/* x with a x = b; b is a vector or matrices. Both are promoted, to float32 or float64; batches broadcast. */
hr_status hr_linalg_solve(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) HR_MUST_USE;
/* Reads one triangle of a. */
hr_status hr_linalg_solve_triangular(hr_array **out, hr_array *a, hr_array *b, bool upper, hr_stream *s) HR_MUST_USE;

/* Eigenvalues and right eigenvectors (columns, of length 1), complex64 always. */
hr_status hr_linalg_eig(hr_array **out_0, hr_array **out_1, hr_array *a, hr_stream *s) HR_MUST_USE;
hr_status hr_linalg_eigvals(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;
/* Of symmetric or Hermitian matrices, ascending and real; UPLO "L" or "U" is the triangle that is read. (MLX takes any
 * other string for "U".) */
hr_status hr_linalg_eigh(hr_array **out_0, hr_array **out_1, hr_array *a, const char *UPLO, hr_stream *s) HR_MUST_USE;
hr_status hr_linalg_eigvalsh(hr_array **out, hr_array *a, const char *UPLO, hr_stream *s) HR_MUST_USE;

/* U (m, m), S (k), Vt (n, n) with a = U[:, :k] diag(S) Vt[:k, :]; S alone without compute_uv. */
hr_status hr_linalg_svd(hr_array_list *out, hr_array *a, bool compute_uv, hr_stream *s) HR_MUST_USE;
/* Moore and Penrose's inverse; singular values up to 10 max(m, n) eps of the largest count as zero. Real only. */
hr_status hr_linalg_pinv(hr_array **out, hr_array *a, hr_stream *s) HR_MUST_USE;

/* Vectors of 2 or 3 along the axis; the result has 3. */
hr_status hr_linalg_cross(hr_array **out, hr_array *a, hr_array *b, int axis, hr_stream *s) HR_MUST_USE;

/* Norms as numpy.linalg.norm names them: over one axis of vectors, over two of matrices; axis NULL means all axes (of
 * which there must be one or two). bool and integers are taken as float32; half types are computed in float32 and
 * rounded once. As in MLX the result of complex64 is complex64 but for the 2-norm of vectors, "fro" and "nuc". */
hr_status hr_linalg_norm(hr_array **out, hr_array *a, double ord, const int *axis, size_t axis_num, bool keepdims,
                         hr_stream *s) HR_MUST_USE;
/* ord "f", "fro" or "nuc"; two axes. */
hr_status hr_linalg_norm_matrix(hr_array **out, hr_array *a, const char *ord, const int *axis, size_t axis_num,
                                bool keepdims, hr_stream *s) HR_MUST_USE;
/* The root of the sum of squares; without axes over any number of them. */
hr_status hr_linalg_norm_l2(hr_array **out, hr_array *a, const int *axis, size_t axis_num, bool keepdims,
                            hr_stream *s) HR_MUST_USE;

#endif
