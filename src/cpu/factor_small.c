/* src/cpu/factor_small.c - see factor_small.h. */
#include "cpu/factor_small.h"

#include "base/lock.h"
#include "cpu/isa.h"
#include "cpu/kernels/small.h"
#include "cpu/scratch.h"
#include "sched/parallel.h"

HR_ISA_DECLARE(hr_small_kernels, hr_small);

enum { CHUNK = 128 /* matrices: 10 us for 8 x 8 */, LANES = HR_SMALL_LANES };

typedef struct small_job {
  const hr_matrix_job *base;
  const hr_small_kernels *kernels;
  hr_linalg_kind kind;
  bool upper;
  hr_scratch scratch;
  hr_mutex lock;  /* of the two below */
  int64_t failed; /* the first matrix that failed, or -1 */
  int info;
} small_job;

static void note(small_job *j, const hr_small_group *group, int64_t first) {
  for (int k = 0; k < group->count; k++) {
    if (group->info[k] == 0) continue;
    hr_mutex_lock(&j->lock);
    if (j->failed < 0 || first + k < j->failed) j->failed = first + k, j->info = group->info[k];
    hr_mutex_unlock(&j->lock);
    return;
  }
}

static void run_group(small_job *j, int64_t first, int count, void *scratch) {
  const hr_matrix_job *b = j->base;
  hr_small_group group = {.n = b->n, .count = count};
  for (int k = 0; k < count; k++) {
    hr_matrix in = hr_matrix_at(b->run->in[0], first + k);
    group.in[k] = in.data, group.row = in.row, group.col = in.col;
    group.out[k] = hr_matrix_job_out(b, 0, first + k, NULL);
  }
  if (j->kind == HR_LINALG_CHOLESKY)
    j->kernels->cholesky(&group, j->upper, scratch);
  else
    j->kernels->invert(&group, scratch);
  note(j, &group, first);
}

static void run_chunk(void *ctx, int64_t first, int64_t end) {
  small_job *j = ctx;
  void *scratch = hr_scratch_take(&j->scratch);
  for (int64_t i = first; i < end; i += LANES) run_group(j, i, end - i < LANES ? (int)(end - i) : LANES, scratch);
  hr_scratch_give(&j->scratch, scratch);
}

bool hr_factor_is_small(const hr_matrix_job *job, hr_linalg_kind kind) {
  return (kind == HR_LINALG_CHOLESKY || kind == HR_LINALG_INV) && job->n <= HR_SMALL_LONGEST &&
         job->dtype == HR_FLOAT32;
}

hr_status hr_factor_small(const hr_matrix_job *job, hr_linalg_kind kind, bool upper, const char *failure) {
  static const hr_small_kernels *const kernels[] = HR_ISA_ROW(hr_small);
  small_job j = {.base = job,
                 .kernels = kernels[hr_isa_level()],
                 .kind = kind,
                 .upper = upper,
                 .lock = HR_MUTEX_INIT,
                 .failed = -1};
  int64_t count = hr_matrix_count(job->run->in[0]);
  size_t bytes = (size_t)(2 * job->n * job->n * LANES * job->item);
  hr_status status = hr_scratch_init(&j.scratch, bytes, (count + CHUNK - 1) / CHUNK);
  if (status != HR_OK) return hr_fail_prefix(status, "%s: ", job->run->op->name);
  hr_parallel_range(count, CHUNK, run_chunk, &j);
  hr_scratch_deinit(&j.scratch);
  return j.failed < 0 ? HR_OK : hr_matrix_job_fail(job, j.failed, j.info, failure);
}
