/* src/cpu/lapack.h - LAPACK, loaded when it is first needed.
 *
 * L1  Candidates, in this order: the path in HEADRACE_LAPACK; OpenBLAS in its OpenMP form; the reference LAPACK and
 *     BLAS. What the search finds is safe to call from many threads and starts none (R26): OpenBLAS with a pool of its
 *     own starts it as it is loaded, and its single-threaded form must not be called from two threads.
 *     docs/dependencies.md has the measurements.
 * L2  The library stays loaded. Its symbols are seen by nobody else, and it sees its own before the program's.
 * L3  OpenMP's number of threads belongs to the calling thread. hr_lapack_enter() makes it 1, hr_lapack_leave() puts
 *     back what was there: no other thread's calls change. Every LAPACK call stands between the two.
 * L4  Fortran's ABI: all arguments by address, matrices in column-major order with a leading dimension, integers of 32
 *     bits, and behind the last argument the length of each string. info < 0 names a bad argument (which nothing here
 *     gives, since the reference LAPACK would end the process), > 0 is the failure that each routine's manual names. */
#ifndef HR_CPU_LAPACK_H
#define HR_CPU_LAPACK_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Routines for float or double: the pointers to numbers are of that type. The first two are of BLAS. */
typedef struct hr_lapack_real {
  void (*gemm)(const char *transa, const char *transb, const int *m, const int *n, const int *k, const void *alpha,
               const void *a, const int *lda, const void *b, const int *ldb, const void *beta, void *c, const int *ldc,
               size_t, size_t);
  void (*trsm)(const char *side, const char *uplo, const char *transa, const char *diag, const int *m, const int *n,
               const void *alpha, const void *a, const int *lda, void *b, const int *ldb, size_t, size_t, size_t,
               size_t);
  void (*laswp)(const int *n, void *a, const int *lda, const int *k1, const int *k2, const int *ipiv, const int *incx);
  void (*potrf)(const char *uplo, const int *n, void *a, const int *lda, int *info, size_t);
  void (*potri)(const char *uplo, const int *n, void *a, const int *lda, int *info, size_t);
  void (*getrf)(const int *m, const int *n, void *a, const int *lda, int *ipiv, int *info);
  void (*getri)(const int *n, void *a, const int *lda, const int *ipiv, void *work, const int *lwork, int *info);
  void (*getrs)(const char *trans, const int *n, const int *nrhs, const void *a, const int *lda, const int *ipiv,
                void *b, const int *ldb, int *info, size_t);
  void (*trtri)(const char *uplo, const char *diag, const int *n, void *a, const int *lda, int *info, size_t, size_t);
  void (*trtrs)(const char *uplo, const char *trans, const char *diag, const int *n, const int *nrhs, const void *a,
                const int *lda, void *b, const int *ldb, int *info, size_t, size_t, size_t);
  void (*geqrf)(const int *m, const int *n, void *a, const int *lda, void *tau, void *work, const int *lwork,
                int *info);
  void (*orgqr)(const int *m, const int *n, const int *k, void *a, const int *lda, const void *tau, void *work,
                const int *lwork, int *info);
  void (*syevd)(const char *jobz, const char *uplo, const int *n, void *a, const int *lda, void *w, void *work,
                const int *lwork, int *iwork, const int *liwork, int *info, size_t, size_t);
  void (*geev)(const char *jobvl, const char *jobvr, const int *n, void *a, const int *lda, void *wr, void *wi,
               void *vl, const int *ldvl, void *vr, const int *ldvr, void *work, const int *lwork, int *info, size_t,
               size_t);
  void (*gesdd)(const char *jobz, const int *m, const int *n, void *a, const int *lda, void *s, void *u, const int *ldu,
                void *vt, const int *ldvt, void *work, const int *lwork, int *iwork, int *info, size_t);
} hr_lapack_real;

/* Routines for pairs of floats; w of heevd, s and rwork are float. */
typedef struct hr_lapack_complex {
  void (*heevd)(const char *jobz, const char *uplo, const int *n, void *a, const int *lda, void *w, void *work,
                const int *lwork, void *rwork, const int *lrwork, int *iwork, const int *liwork, int *info, size_t,
                size_t);
  void (*geev)(const char *jobvl, const char *jobvr, const int *n, void *a, const int *lda, void *w, void *vl,
               const int *ldvl, void *vr, const int *ldvr, void *work, const int *lwork, void *rwork, int *info, size_t,
               size_t);
  void (*gesdd)(const char *jobz, const int *m, const int *n, void *a, const int *lda, void *s, void *u, const int *ldu,
                void *vt, const int *ldvt, void *work, const int *lwork, void *rwork, int *iwork, int *info, size_t);
} hr_lapack_complex;

typedef struct hr_lapack {
  hr_lapack_real f32, f64;
  hr_lapack_complex c64;
  /* OpenMP's, NULL without it. */
  int (*threads_get)(void);
  void (*threads_set)(int threads);
} hr_lapack;

/* Loads on the first call (2 to 25 ms), and tries again after a failure, whose text says what to install. Any thread.
 */
hr_status hr_lapack_get(const hr_lapack **out) HR_MUST_USE;

/* Around calls, on one thread (L3). */
int hr_lapack_enter(const hr_lapack *lapack);
void hr_lapack_leave(const hr_lapack *lapack, int entered);

#endif
