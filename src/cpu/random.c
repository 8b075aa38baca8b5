/* Random numbers: reads the key, picks the kernel, cuts the pairs of words over workers. */
#include <string.h>

#include "base/half.h"
#include "cpu/isa.h"
#include "cpu/kernels/threefry.h"
#include "ops/op_list.h"
#include "ops/random_internal.h"
#include "sched/parallel.h"

enum { PAIRS_A_CHUNK = 8192 }; /* 8 us of uniform numbers, 25 us of normal ones with AVX-512; 0.1 ms in plain C */

HR_ISA_DECLARE(hr_threefry_kernels, hr_threefry);
HR_ISA_DECLARE(hr_random_kernels, hr_random_f32);
HR_ISA_DECLARE(hr_random_kernels, hr_random_f16);
HR_ISA_DECLARE(hr_random_kernels, hr_random_bf16);
static const hr_threefry_kernels *const threefry[] = HR_ISA_ROW(hr_threefry);
static const hr_random_kernels *const random_f32[] = HR_ISA_ROW(hr_random_f32);
static const hr_random_kernels *const random_f16[] = HR_ISA_ROW(hr_random_f16);
static const hr_random_kernels *const random_bf16[] = HR_ISA_ROW(hr_random_bf16);

static hr_random_fn kernel_of(const hr_random_attrs *attrs) {
  int level = hr_isa_level();
  if (attrs->kind == HR_RANDOM_BITS) return threefry[level]->bits;
  const hr_random_kernels *table = attrs->dtype == HR_FLOAT32   ? random_f32[level]
                                   : attrs->dtype == HR_FLOAT16 ? random_f16[level]
                                                                : random_bf16[level];
  return attrs->kind == HR_RANDOM_UNIFORM ? table->uniform : table->normal;
}

typedef struct fill_job {
  hr_random_fill fill;
  hr_random_fn fn;
} fill_job;

static void fill_chunk(void *ctx, int64_t first, int64_t end) {
  const fill_job *job = ctx;
  job->fn(&job->fill, first, end);
}

static float scalar_of(const hr_array *a) {
  const void *data = hr_array_data(a);
  if (hr_array_dtype(a) == HR_FLOAT32) return *(const float *)data;
  uint16_t half = *(const uint16_t *)data;
  return hr_array_dtype(a) == HR_FLOAT16 ? hr_f16_to_f32(half) : hr_bf16_to_f32(half);
}

static float rounded_to(float x, hr_dtype dtype) {
  return dtype == HR_FLOAT16    ? hr_f16_to_f32(hr_f32_to_f16(x))
         : dtype == HR_BFLOAT16 ? hr_bf16_to_f32(hr_f32_to_bf16(x))
                                : x;
}

/* Elements of 1 and 2 bytes whose last word is not whole are made beside the result. */
static hr_status run_bits(fill_job *job, void *out, int64_t bytes) {
  hr_buffer *beside = NULL;
  job->fill.count = (bytes + 3) / 4;
  job->fill.out = out;
  if (bytes % 4) {
    hr_status status = hr_buffer_new(&beside, (size_t)job->fill.count * 4);
    if (status != HR_OK) return status;
    job->fill.out = beside->data;
  }
  hr_parallel_range(hr_random_pairs(job->fill.count), PAIRS_A_CHUNK, fill_chunk, job);
  if (beside) memcpy(out, beside->data, (size_t)bytes);
  hr_buffer_release(beside);
  return HR_OK;
}

hr_status hr_cpu_random(const hr_run *run) {
  const hr_random_attrs *attrs = run->attrs;
  const hr_array *key = run->in[0];
  hr_array *out = run->out[0];
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK || out->size == 0) return status;
  const uint32_t *words = hr_array_data(key);
  fill_job job = {{{words[0], words[hr_array_strides(key)[0]]}, out->size, hr_array_data(out), 0, 0}, kernel_of(attrs)};
  if (attrs->kind == HR_RANDOM_BITS) return run_bits(&job, hr_array_data(out), (int64_t)hr_array_nbytes(out));
  job.fill.scale = rounded_to(attrs->scale, attrs->dtype), job.fill.shift = rounded_to(attrs->shift, attrs->dtype);
  if (attrs->kind == HR_RANDOM_UNIFORM) {
    job.fill.shift = scalar_of(run->in[1]);
    job.fill.scale = rounded_to(scalar_of(run->in[2]) - job.fill.shift, attrs->dtype);
  }
  hr_parallel_range(hr_random_pairs(out->size), PAIRS_A_CHUNK, fill_chunk, &job);
  return HR_OK;
}
