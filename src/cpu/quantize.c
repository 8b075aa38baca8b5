/* src/cpu/quantize.c - quantize and dequantize: groups are independent, and follow each other in memory. */
#include "cpu/quantize.h"

#include "cpu/isa.h"
#include "ops/op_list.h"
#include "sched/parallel.h"

enum { CHUNK = 1 << 15 }; /* elements: 20 to 100 us */

#define DECLARE(type, name)   \
  HR_ISA_DECLARE(type, name); \
  static const type *const name##_of[] = HR_ISA_ROW(name);
DECLARE(hr_quantize_kernels, hr_quantize_f32)
DECLARE(hr_quantize_kernels, hr_quantize_f16)
DECLARE(hr_quantize_kernels, hr_quantize_bf16)
DECLARE(hr_unpack_kernels, hr_unpack)

static const hr_quantize_kernels *kernels_of(hr_dtype dtype) {
  int level = hr_isa_level();
  if (dtype == HR_FLOAT16) return hr_quantize_f16_of[level];
  return dtype == HR_BFLOAT16 ? hr_quantize_bf16_of[level] : hr_quantize_f32_of[level];
}

const hr_unpack_kernels *hr_unpack_kernels_of(void) { return hr_unpack_of[hr_isa_level()]; }

hr_quant_code hr_quant_code_of(const hr_quant *quant) {
  static const uint8_t by_bits[] = {[1] = HR_CODE_UINT1, [2] = HR_CODE_UINT2, [3] = HR_CODE_UINT3, [4] = HR_CODE_UINT4,
                                    [5] = HR_CODE_UINT5, [6] = HR_CODE_UINT6, [8] = HR_CODE_UINT8};
  if (quant->mode == HR_QUANT_AFFINE) return (hr_quant_code)by_bits[quant->bits];
  return quant->mode == HR_QUANT_MXFP8 ? HR_CODE_E4M3 : HR_CODE_E2M1;
}

hr_quant_scale hr_quant_scale_of(const hr_quant *quant, hr_dtype dtype) {
  if (quant->mode == HR_QUANT_NVFP4) return HR_SCALE_E4M3;
  if (quant->mode != HR_QUANT_AFFINE) return HR_SCALE_E8M0;
  if (dtype == HR_FLOAT16) return HR_SCALE_F16;
  return dtype == HR_BFLOAT16 ? HR_SCALE_BF16 : HR_SCALE_F32;
}

/* --- quantize --- */

typedef struct encode_job {
  const hr_quantize_kernels *kernels;
  hr_quant quant;
  const char *w;
  uint8_t *codes;
  char *scales, *biases;
  int64_t item; /* bytes of an element of w */
  float global;
} encode_job;

static void encode_groups(void *ctx, int64_t first, int64_t end) {
  const encode_job *job = ctx;
  int64_t group = job->quant.group, groups = end - first;
  const char *w = job->w + first * group * job->item;
  uint8_t *codes = job->codes + first * group * job->quant.bits / 8, *bytes = (uint8_t *)job->scales + first;
  switch (job->quant.mode) {
    case HR_QUANT_MXFP4: job->kernels->mxfp4(codes, bytes, w, groups); return;
    case HR_QUANT_MXFP8: job->kernels->mxfp8(codes, bytes, w, groups); return;
    case HR_QUANT_NVFP4: job->kernels->nvfp4(codes, bytes, w, groups, job->global); return;
    default: break;
  }
  job->kernels->affine(codes, job->scales + first * job->item, job->biases + first * job->item, w, groups, (int)group,
                       job->quant.bits);
}

hr_status hr_cpu_quantize(const hr_run *run) {
  const hr_quantize_attrs *attrs = run->attrs;
  const hr_array *w = run->in[0];
  hr_status status = HR_OK;
  for (int i = 0; i < run->out_count; i++) HR_TRY(hr_run_output(run, i));
  if (w->size == 0) return HR_OK;
  encode_job job = {.kernels = kernels_of(hr_array_dtype(w)),
                    .quant = attrs->quant,
                    .w = hr_array_data(w),
                    .codes = hr_array_data(run->out[0]),
                    .scales = hr_array_data(run->out[1]),
                    .biases = run->out_count > 2 ? hr_array_data(run->out[2]) : NULL,
                    .item = (int64_t)hr_array_itemsize(w),
                    .global = run->in_count > 1 ? 448.0f * 6 / *(const float *)hr_array_data(run->in[1]) : 1};
  hr_parallel_range(w->size / attrs->quant.group, CHUNK / attrs->quant.group, encode_groups, &job);
done:
  return status;
}

/* --- dequantize --- */

typedef struct decode_job {
  const hr_quantize_kernels *kernels;
  const hr_unpack_kernels *unpack;
  hr_quant quant;
  hr_quant_code code;
  hr_quant_scale scale;
  const uint8_t *codes;
  const char *scales, *biases;
  int64_t scale_item, item; /* bytes */
  const float *global;
  char *out;
} decode_job;

/* At most HR_QUANT_TILE elements. */
static void decode_tile(const decode_job *job, int64_t first, int64_t groups) {
  float values[HR_QUANT_TILE], scales[HR_QUANT_TILE / 16], biases[HR_QUANT_TILE / 16];
  int64_t group = job->quant.group;
  job->unpack->codes[job->code](values, job->codes + first * group * job->quant.bits / 8, groups * group);
  job->unpack->scales[job->scale](scales, job->scales + first * job->scale_item, groups);
  if (job->biases) job->unpack->scales[job->scale](biases, job->biases + first * job->scale_item, groups);
  if (job->global)
    for (int64_t g = 0; g < groups; g++) scales[g] *= *job->global / (448.0f * 6);
  job->kernels->finish(job->out + first * group * job->item, values, scales, job->biases ? biases : NULL, groups,
                       (int)group);
}

static void decode_groups(void *ctx, int64_t first, int64_t end) {
  const decode_job *job = ctx;
  int64_t step = HR_QUANT_TILE / job->quant.group;
  for (; first < end; first += step) decode_tile(job, first, end - first < step ? end - first : step);
}

hr_status hr_cpu_dequantize(const hr_run *run) {
  const hr_dequantize_attrs *attrs = run->attrs;
  const hr_array *scales = run->in[1];
  hr_array *out = run->out[0];
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK || out->size == 0) return status;
  bool affine = attrs->quant.mode == HR_QUANT_AFFINE;
  decode_job job = {.kernels = kernels_of(hr_array_dtype(out)),
                    .unpack = hr_unpack_kernels_of(),
                    .quant = attrs->quant,
                    .code = hr_quant_code_of(&attrs->quant),
                    .scale = hr_quant_scale_of(&attrs->quant, hr_array_dtype(scales)),
                    .codes = hr_array_data(run->in[0]),
                    .scales = hr_array_data(scales),
                    .biases = affine ? hr_array_data(run->in[2]) : NULL,
                    .scale_item = (int64_t)hr_array_itemsize(scales),
                    .item = (int64_t)hr_array_itemsize(out),
                    .global = !affine && run->in_count > 2 ? hr_array_data(run->in[2]) : NULL,
                    .out = hr_array_data(out)};
  hr_parallel_range(out->size / attrs->quant.group, CHUNK / attrs->quant.group, decode_groups, &job);
  return HR_OK;
}
