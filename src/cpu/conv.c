/* Convolutions: weights are packed into panels, then chunks of the result are computed. */
#include "cpu/conv.h"

#include "cpu/isa.h"
#include "ops/conv.h"
#include "ops/op_list.h"
#include "sched/parallel.h"

enum { PACK_GRAIN = 32 << 10 }; /* weights */
/* Operations of a convolution so short that the thread that waits for it should help, since another worker would wake
 * late, and of its chunks on average. In longer ones it would share a core with a worker. */
static const double SHORT_WORK = 300e6, SHORT_CHUNK = 10e6;
/* So many, by one thread in 0.3 ms, that other workers should be woken at once: a first chunk may take as long. */
static const double LONG_WORK = 50e6;

#define DECLARE(type, row, name)      \
  HR_ISA_DECLARE(type, row##_##name); \
  static const type *const row##_##name##_of[] = HR_ISA_ROW(row##_##name);
DECLARE(hr_conv_kernels, hr_conv, f32)
DECLARE(hr_conv_kernels, hr_conv, f64)
DECLARE(hr_conv_copy_kernels, hr_conv_copy, f32)
DECLARE(hr_conv_copy_kernels, hr_conv_copy, f64)
DECLARE(hr_conv_copy_kernels, hr_conv_copy, f16)
DECLARE(hr_conv_copy_kernels, hr_conv_copy, bf16)
DECLARE(hr_pack_kernels, hr_pack, f32)
DECLARE(hr_pack_kernels, hr_pack, f64)
DECLARE(hr_pack_kernels, hr_pack, f16)
DECLARE(hr_pack_kernels, hr_pack, bf16)

#if HR_ISA_HAS_AMX
DECLARE(hr_conv_copy_kernels, hr_conv_copy, u16)

/* Fewer channels of a group would mostly be multiplied by zeros. */
enum { AMX_CHANNELS = 8 };

/* Tile registers, if they pay: where groups are several, none of their channels may lie in a block of another. */
static void choose_amx(hr_conv_plan *p, const hr_array *in, const hr_array *out, int groups) {
  int channels = hr_array_shape(in)[in->ndim - 1] / groups, outputs = hr_array_shape(out)[out->ndim - 1] / groups;
  const hr_conv_kernels *kernels = &hr_conv_half_amx;
  bool whole = groups == 1 || (channels % kernels->block == 0 && outputs % kernels->columns == 0);
  if (hr_array_dtype(in) != HR_BFLOAT16 || channels < AMX_CHANNELS || !whole || !hr_isa_amx()) return;
  p->kernels = kernels, p->pack = hr_conv_half_pack_amx, p->copy.load = hr_conv_copy_u16_of[hr_isa_level()]->load;
}
#endif

static void choose_kernels(hr_conv_plan *p, const hr_array *in, const hr_array *out, int groups) {
  int level = hr_isa_level();
  hr_dtype dtype = hr_array_dtype(out);
  p->kernels = dtype == HR_FLOAT64 ? hr_conv_f64_of[level] : hr_conv_f32_of[level];
  switch (dtype) {
    case HR_FLOAT64: p->pack = hr_pack_f64_of[level]->b, p->copy = *hr_conv_copy_f64_of[level]; break;
    case HR_FLOAT16: p->pack = hr_pack_f16_of[level]->b, p->copy = *hr_conv_copy_f16_of[level]; break;
    case HR_BFLOAT16: p->pack = hr_pack_bf16_of[level]->b, p->copy = *hr_conv_copy_bf16_of[level]; break;
    default: p->pack = hr_pack_f32_of[level]->b, p->copy = *hr_conv_copy_f32_of[level];
  }
#if HR_ISA_HAS_AMX
  choose_amx(p, in, out, groups);
#else
  (void)in, (void)groups;
#endif
}

typedef struct job {
  hr_conv_plan plan;
  hr_scratch scratch;
} job;

static void pack_units(void *ctx, int64_t first, int64_t end) {
  const hr_conv_plan *plan = &((const job *)ctx)->plan;
  hr_conv_pack(plan, first, end, 0, plan->panel_data);
}

static void chunks(void *ctx, int64_t first, int64_t end) {
  job *j = ctx;
  void *scratch = hr_scratch_take(&j->scratch);
  for (int64_t i = first; i < end; i++) hr_conv_chunk(&j->plan, i, scratch);
  hr_scratch_give(&j->scratch, scratch);
}

typedef void (*range_fn)(int64_t count, int64_t grain, void (*fn)(void *, int64_t, int64_t), void *ctx);

static range_fn range_of(const hr_conv_plan *plan) {
  double work = plan->work / (double)plan->speed;
  if (work < SHORT_WORK && work < SHORT_CHUNK * (double)plan->chunks) return hr_parallel_range_light;
  return work > LONG_WORK ? hr_parallel_range_long : hr_parallel_range;
}

hr_status hr_cpu_conv(const hr_run *run) {
  hr_array *out = run->out[0];
  hr_buffer *panels = NULL;
  job j = {.scratch = {.buffer = NULL}};
  hr_status status = HR_OK;
  HR_TRY(hr_run_output(run, 0));
  if (out->size == 0) return HR_OK;
  choose_kernels(&j.plan, run->in[0], out, ((const hr_conv_attrs *)run->attrs)->groups);
  hr_conv_plan_init(&j.plan, run->in[0], run->in[1], out, run->attrs);
  HR_TRY(hr_buffer_new(&panels, hr_conv_panel_bytes(&j.plan) + HR_DATA_ALIGN));
  uintptr_t start = (uintptr_t)panels->data;
  j.plan.panel_data = (char *)panels->data + (HR_DATA_ALIGN - start % HR_DATA_ALIGN) % HR_DATA_ALIGN;
  range_fn range = range_of(&j.plan);
  HR_TRY(hr_scratch_init(&j.scratch, hr_conv_scratch_bytes(&j.plan), j.plan.chunks));
  if (j.plan.terms > 0 && !j.plan.packs_late) {
    int64_t units = j.plan.panels * hr_conv_pack_rows(&j.plan), size = j.plan.panels * j.plan.terms / units + 1;
    range(units, PACK_GRAIN / (size * j.plan.kernels->columns) + 1, pack_units, &j);
  }
  range(j.plan.chunks, 1, chunks, &j);
done:
  hr_scratch_deinit(&j.scratch);
  hr_buffer_release(panels);
  return status;
}
