/* src/cpu/random_pick.c - draws from a distribution given by its cumulative weights: out[i] is the first place whose
 * sum is more than in[1][i], which is in [0, 1), times the last sum. If none is, because the sums are NaN, it is the
 * last place. Both inputs are float32 and row-major; the sums have one axis and are not empty. */
#include "graph/op.h"
#include "ops/op_list.h"
#include "sched/parallel.h"

enum { DRAWS = 512 }; /* of a chunk: 30 to 100 us where the sums exceed the cache */

typedef struct job {
  const float *sums, *uniform;
  uint32_t *to;
  int64_t count; /* of sums */
} job;

static uint32_t place_of(const float *sums, int64_t count, float target) {
  int64_t low = 0, high = count - 1;
  while (low < high) {
    int64_t middle = (low + high) / 2;
    bool beyond = sums[middle] > target;
    low = beyond ? low : middle + 1;
    high = beyond ? middle : high;
  }
  return (uint32_t)low;
}

static void pick(void *ctx, int64_t first, int64_t end) {
  const job *j = ctx;
  float last = j->sums[j->count - 1];
  for (int64_t i = first; i < end; i++) j->to[i] = place_of(j->sums, j->count, j->uniform[i] * last);
}

hr_status hr_cpu_random_pick(const hr_run *run) {
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK) return status;
  job j = {hr_array_data(run->in[0]), hr_array_data(run->in[1]), hr_array_data(run->out[0]), run->in[0]->size};
  hr_parallel_range(run->out[0]->size, DRAWS, pick, &j);
  return HR_OK;
}
