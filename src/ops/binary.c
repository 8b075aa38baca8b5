/* src/ops/binary.c - see binary.h. */
#include "ops/binary.h"

#include "ops/cast.h"
#include "ops/check.h"
#include "ops/op_list.h"
#include "ops/pointwise.h"
#include "ops/pointwise_kernels.h"

static hr_status infer_as(hr_layout *out, const hr_op_call *call, hr_dtype dtype) {
  hr_status status = hr_pointwise_layout(out, dtype, call->in, 2);
  return status == HR_OK ? HR_OK : hr_fail_prefix(status, "%s: ", call->op->name);
}
static hr_status same_infer(hr_layout *out, const hr_op_call *call) {
  return infer_as(out, call, hr_array_dtype(call->in[0]));
}
static hr_status bool_infer(hr_layout *out, const hr_op_call *call) { return infer_as(out, call, HR_BOOL); }

/* Functions of a library, integer divisions and fmod: some nanoseconds an element. */
static uint64_t slow_cost(const hr_op_call *call, hr_array *const *out) {
  return 60 + (hr_array_dtype(call->in[0]) == HR_COMPLEX64 ? 100u : 4u) * (uint64_t)out[0]->size;
}

/* X(name in MLX, kernel, infer, cost) */
#define OPS(X)                                               \
  X(add, ADD, same_infer, hr_pointwise_cost)                 \
  X(subtract, SUBTRACT, same_infer, hr_pointwise_cost)       \
  X(multiply, MULTIPLY, same_infer, hr_pointwise_cost)       \
  X(floor_divide, FLOOR_DIVIDE, same_infer, slow_cost)       \
  X(remainder, REMAINDER, same_infer, slow_cost)             \
  X(power, POWER, same_infer, slow_cost)                     \
  X(maximum, MAXIMUM, same_infer, hr_pointwise_cost)         \
  X(minimum, MINIMUM, same_infer, hr_pointwise_cost)         \
  X(divide, DIVIDE, same_infer, hr_pointwise_cost)           \
  X(arctan2, ARCTAN2, same_infer, slow_cost)                 \
  X(logaddexp, LOGADDEXP, same_infer, slow_cost)             \
  X(equal, EQUAL, bool_infer, hr_pointwise_cost)             \
  X(not_equal, NOT_EQUAL, bool_infer, hr_pointwise_cost)     \
  X(less, LESS, bool_infer, hr_pointwise_cost)               \
  X(less_equal, LESS_EQUAL, bool_infer, hr_pointwise_cost)   \
  X(equal_nan, EQUAL_NAN, bool_infer, hr_pointwise_cost)     \
  X(logical_and, LOGICAL_AND, bool_infer, hr_pointwise_cost) \
  X(logical_or, LOGICAL_OR, bool_infer, hr_pointwise_cost)   \
  X(bitwise_and, AND, same_infer, hr_pointwise_cost)         \
  X(bitwise_or, OR, same_infer, hr_pointwise_cost)           \
  X(bitwise_xor, XOR, same_infer, hr_pointwise_cost)         \
  X(left_shift, SHL, same_infer, hr_pointwise_cost)          \
  X(right_shift, SHR, same_infer, hr_pointwise_cost)

#define X(op_name, op_kernel, op_infer, op_cost)                  \
  const hr_op hr_op_##op_name = {.name = #op_name,                \
                                 .arity = 2,                      \
                                 .outputs = 1,                    \
                                 .traits = HR_OP_ELEMENTWISE,     \
                                 .kernel = HR_BINARY_##op_kernel, \
                                 .infer = op_infer,               \
                                 .cost = op_cost,                 \
                                 .run = {[HR_BACKEND_CPU] = hr_cpu_binary}};
OPS(X)
#undef X

/* Both operands become `dtype`; usually both are already. */
static hr_status apply(hr_array **out, const hr_op *op, hr_array *a, hr_array *b, hr_dtype dtype, hr_stream *s) {
  if (hr_array_dtype(a) == dtype && hr_array_dtype(b) == dtype)
    return hr_apply(out, op, (hr_array *const[]){a, b}, 2, NULL, s);
  hr_array *in[2] = {NULL, NULL};
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_astype(&in[0], a, dtype, s));
  HR_TRY(hr_astype(&in[1], b, dtype, s));
  HR_TRY(hr_apply(out, op, in, 2, NULL, s));
done:
  hr_array_release(in[0]);
  hr_array_release(in[1]);
  return status;
}

static hr_dtype promoted(const hr_array *a, const hr_array *b) {
  return hr_dtype_promote(hr_array_dtype(a), hr_array_dtype(b));
}

static hr_status refuse(hr_array **out, const char *op, hr_dtype dtype) {
  *out = NULL;
  return hr_fail(HR_INVALID, "%s: not defined for %s", op, hr_dtype_names[dtype]);
}

#define X(name)                                                                 \
  hr_status hr_##name(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) { \
    return apply(out, &hr_op_##name, a, b, promoted(a, b), s);                  \
  }
X(add)
X(subtract)
X(multiply)
X(floor_divide)
X(power)
X(maximum)
X(minimum)
X(equal)
X(not_equal)
X(less)
X(less_equal)
X(logical_and)
X(logical_or)
#undef X

hr_status hr_greater(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) { return hr_less(out, b, a, s); }
hr_status hr_greater_equal(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) {
  return hr_less_equal(out, b, a, s);
}

hr_status hr_remainder(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) {
  hr_dtype dtype = promoted(a, b);
  return dtype == HR_COMPLEX64 ? refuse(out, "remainder", dtype) : apply(out, &hr_op_remainder, a, b, dtype, s);
}

hr_status hr_divmod(hr_array_list *out, hr_array *a, hr_array *b, hr_stream *s) {
  hr_status status = hr_list_new(out, "divmod", 2);
  if (status != HR_OK) return status;
  HR_TRY(hr_floor_divide(&out->items[0], a, b, s));
  HR_TRY(hr_remainder(&out->items[1], a, b, s));
done:
  if (status != HR_OK) hr_list_clear(out);
  return status;
}

hr_status hr_divide(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) {
  return apply(out, &hr_op_divide, a, b, hr_dtype_at_least_float(promoted(a, b)), s);
}
hr_status hr_logaddexp(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) {
  return apply(out, &hr_op_logaddexp, a, b, hr_dtype_at_least_float(promoted(a, b)), s);
}
hr_status hr_arctan2(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) {
  hr_dtype dtype = hr_dtype_at_least_float(promoted(a, b));
  return dtype == HR_COMPLEX64 ? refuse(out, "arctan2", dtype) : apply(out, &hr_op_arctan2, a, b, dtype, s);
}

static hr_status apply_bits(hr_array **out, const hr_op *op, hr_array *a, hr_array *b, bool shift, hr_stream *s) {
  hr_dtype dtype = promoted(a, b);
  if (hr_dtype_is_inexact(dtype)) return refuse(out, op->name, dtype);
  return apply(out, op, a, b, shift && dtype == HR_BOOL ? HR_UINT8 : dtype, s);
}

#define X(name, shift)                                                          \
  hr_status hr_##name(hr_array **out, hr_array *a, hr_array *b, hr_stream *s) { \
    return apply_bits(out, &hr_op_##name, a, b, shift, s);                      \
  }
X(bitwise_and, false)
X(bitwise_or, false)
X(bitwise_xor, false)
X(left_shift, true)
X(right_shift, true)
#undef X
