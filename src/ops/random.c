/* Keys, raw bits, and what has kernels of its own. */
#include "ops/random.h"

#include <stdlib.h>
#include <string.h>

#include "base/threefry.h"
#include "ops/check.h"
#include "ops/op_list.h"
#include "ops/pointwise.h"
#include "ops/random_internal.h"
#include "ops/shape.h"

/* --- keys --- */

static _Thread_local struct {
  uint32_t key[2];
  bool set;
} thread_state;

static hr_status key_array(hr_array **out, uint32_t high, uint32_t low) {
  return hr_array_new_copy(out, (uint32_t[]){high, low}, (int[]){2}, 1, HR_UINT32);
}

hr_status hr_random_key(hr_array **out, uint64_t seed) {
  *out = NULL;
  return key_array(out, (uint32_t)(seed >> 32), (uint32_t)seed);
}

static void set_state(uint64_t seed) {
  thread_state.key[0] = (uint32_t)(seed >> 32), thread_state.key[1] = (uint32_t)seed;
  thread_state.set = true;
}

hr_status hr_random_seed(uint64_t seed) {
  set_state(seed);
  return HR_OK;
}

/* The two words of the calling thread's key. */
static uint32_t *thread_key(void) {
  if (!thread_state.set) {
    const char *seed = getenv("HEADRACE_SEED");
    set_state(seed ? strtoull(seed, NULL, 0) : 0);
  }
  return thread_state.key;
}

hr_status hr_random_thread_key(hr_array **out) {
  const uint32_t *key = thread_key();
  return key_array(out, key[0], key[1]);
}

/* split() of the state, by hand: counters (0, 2) and (1, 3) give words 0, 2 and 1, 3 of the four. */
static hr_status next_key(hr_array **out) {
  uint32_t words[4] = {0, 1, 2, 3}, *key = thread_key();
  hr_threefry(key[0], key[1], &words[0], &words[2]);
  hr_threefry(key[0], key[1], &words[1], &words[3]);
  hr_status status = key_array(out, words[2], words[3]);
  if (status == HR_OK) key[0] = words[0], key[1] = words[1];
  return status;
}

hr_status hr_random_key_or_next(hr_array **out, const char *op, hr_array *key) {
  char text[HR_ARRAY_TEXT];
  if (!key) return next_key(out);
  if (hr_array_dtype(key) != HR_UINT32 || key->ndim != 1 || hr_array_shape(key)[0] != 2)
    return hr_fail(HR_INVALID, "%s: a key is uint32(2), not %s", op, hr_array_format(text, key));
  *out = hr_array_retain(key);
  return HR_OK;
}

/* --- ops --- */

static hr_status random_infer(hr_layout *out, const hr_op_call *call) {
  const hr_random_attrs *attrs = call->attrs;
  return hr_layout_set(out, attrs->shape, attrs->ndim, attrs->dtype);
}

const hr_op hr_op_random_bits = {.name = "random_bits",
                                 .arity = 1,
                                 .outputs = 1,
                                 .attrs_size = sizeof(hr_random_attrs),
                                 .infer = random_infer,
                                 .run = {[HR_BACKEND_CPU] = hr_cpu_random}};
const hr_op hr_op_random_uniform = {.name = "random_uniform",
                                    .arity = 3,
                                    .outputs = 1,
                                    .attrs_size = sizeof(hr_random_attrs),
                                    .infer = random_infer,
                                    .run = {[HR_BACKEND_CPU] = hr_cpu_random}};
const hr_op hr_op_random_normal = {.name = "random_normal",
                                   .arity = 1,
                                   .outputs = 1,
                                   .attrs_size = sizeof(hr_random_attrs),
                                   .infer = random_infer,
                                   .run = {[HR_BACKEND_CPU] = hr_cpu_random}};

static hr_status erf_infer(hr_layout *out, const hr_op_call *call) {
  return hr_pointwise_layout(out, hr_array_dtype(call->in[0]), call->in, 1);
}

const hr_op hr_op_random_erf = {.name = "random_erf",
                                .arity = 1,
                                .outputs = 1,
                                .traits = HR_OP_ELEMENTWISE,
                                .infer = erf_infer,
                                .run = {[HR_BACKEND_CPU] = hr_cpu_random_erf}};

static hr_status random_attrs(hr_random_attrs *out, const char *op, hr_random_kind kind, const int *shape,
                              size_t shape_num, hr_dtype dtype) {
  hr_status status = hr_op_shape(op, shape, shape_num);
  if (status != HR_OK) return status;
  *out = (hr_random_attrs){.kind = kind, .dtype = dtype, .ndim = (int)shape_num};
  if (shape_num) memcpy(out->shape, shape, shape_num * sizeof *shape);
  return HR_OK;
}

hr_status hr_random_bits(hr_array **out, const int *shape, size_t shape_num, int width, hr_array *key, hr_stream *s) {
  hr_dtype dtype = width == 1 ? HR_UINT8 : width == 2 ? HR_UINT16 : HR_UINT32;
  hr_array *used = NULL;
  hr_random_attrs attrs;
  hr_status status = HR_OK;
  *out = NULL;
  if (width != 1 && width != 2 && width != 4)
    return hr_fail(HR_INVALID, "random_bits: a width of %d bytes: 1, 2 and 4 are possible", width);
  HR_TRY(random_attrs(&attrs, "random_bits", HR_RANDOM_BITS, shape, shape_num, dtype));
  HR_TRY(hr_random_key_or_next(&used, "random_bits", key));
  status = hr_apply(out, &hr_op_random_bits, &used, 1, &attrs, s);
done:
  hr_array_release(used);
  return status;
}

hr_status hr_random_split_num(hr_array **out, hr_array *key, int num, hr_stream *s) {
  *out = NULL;
  hr_status status = hr_op_given("random_split", key);
  if (status != HR_OK) return status;
  if (num < 0) return hr_fail(HR_INVALID, "random_split: %d keys", num);
  return hr_random_bits(out, (int[]){num, 2}, 2, 4, key, s);
}

hr_status hr_random_split(hr_array **out_0, hr_array **out_1, hr_array *key, hr_stream *s) {
  hr_array *both = NULL;
  hr_status status = HR_OK;
  *out_0 = *out_1 = NULL;
  HR_TRY(hr_random_split_num(&both, key, 2, s));
  for (int i = 0; i < 2; i++) {
    hr_array *row = NULL;
    HR_TRY(hr_slice(&row, both, (int[]){i, 0}, 2, (int[]){i + 1, 2}, 2, (int[]){1, 1}, 2, s));
    status = hr_squeeze_axis(i ? out_1 : out_0, row, 0, s);
    hr_array_release(row);
    if (status != HR_OK) goto done;
  }
done:
  hr_array_release(both);
  if (status != HR_OK) hr_array_release(*out_0), *out_0 = NULL;
  return status;
}

hr_status hr_random_check_float(const char *op, hr_dtype dtype, bool float64) {
  if (dtype == HR_FLOAT32 || dtype == HR_FLOAT16 || dtype == HR_BFLOAT16 || (float64 && dtype == HR_FLOAT64))
    return HR_OK;
  return hr_fail(HR_UNSUPPORTED, "%s: dtype %s: %sfloat32, float16 and bfloat16 are possible", op,
                 hr_dtype_valid(dtype) ? hr_dtype_names[dtype] : "unknown", float64 ? "float64, " : "");
}

hr_status hr_random_uniform_scalars(hr_array **out, hr_array *low, hr_array *high, const int *shape, size_t shape_num,
                                    hr_dtype dtype, hr_array *key, hr_stream *s) {
  hr_random_attrs attrs;
  hr_array *in[3] = {NULL, low, high};
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(random_attrs(&attrs, "random_uniform", HR_RANDOM_UNIFORM, shape, shape_num, dtype));
  HR_TRY(hr_random_key_or_next(&in[0], "random_uniform", key));
  status = hr_apply(out, &hr_op_random_uniform, in, 3, &attrs, s);
done:
  hr_array_release(in[0]);
  return status;
}

hr_status hr_random_erfinv(hr_array **out, const int *shape, size_t shape_num, hr_dtype dtype, float scale, float shift,
                           hr_array *key, hr_stream *s) {
  hr_random_attrs attrs;
  hr_array *used = NULL;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(random_attrs(&attrs, "random_normal", HR_RANDOM_NORMAL, shape, shape_num, dtype));
  attrs.scale = scale, attrs.shift = shift;
  HR_TRY(hr_random_key_or_next(&used, "random_normal", key));
  status = hr_apply(out, &hr_op_random_normal, &used, 1, &attrs, s);
done:
  hr_array_release(used);
  return status;
}

hr_status hr_random_erf(hr_array **out, hr_array *a, hr_stream *s) {
  *out = NULL;
  return hr_apply(out, &hr_op_random_erf, &a, 1, NULL, s);
}
