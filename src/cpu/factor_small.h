/* src/cpu/factor_small.h - Cholesky factors and inverses of float32 matrices of at most 16 rows, without LAPACK, whose
 * calls take longer than the work: 16 matrices at a time (kernels/small.h). Each matrix has bits of its own, whichever
 * others there are. */
#ifndef HR_CPU_FACTOR_SMALL_H
#define HR_CPU_FACTOR_SMALL_H

#include "cpu/matrices.h"
#include "ops/linalg_internal.h"

/* Whether what follows does it. */
bool hr_factor_is_small(const hr_matrix_job *job, hr_linalg_kind kind);

/* All matrices of the input to output 0, which is no input. `failure` as for hr_matrix_job_run(). */
hr_status hr_factor_small(const hr_matrix_job *job, hr_linalg_kind kind, bool upper, const char *failure) HR_MUST_USE;

#endif
