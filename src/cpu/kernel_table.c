/* src/cpu/kernel_table.c - finds the elementwise kernel of an operation, dtype and instruction set. */
#include "cpu/elementwise.h"
#include "cpu/isa.h"

#define FOR_ARITHMETIC(X) X(bool) X(u8) X(u16) X(u32) X(u64) X(i8) X(i16) X(i32) X(i64) X(f32) X(f64)

#define X(dtype)                                      \
  HR_ISA_DECLARE(hr_unary_kernels, hr_unary_##dtype); \
  HR_ISA_DECLARE(hr_binary_kernels, hr_binary_##dtype);
FOR_ARITHMETIC(X)
X(f16)
X(bf16)
X(c64)
#undef X
HR_ISA_DECLARE(hr_math_kernels, hr_math_f32);
HR_ISA_DECLARE(hr_math_kernels, hr_math_f64);
HR_ISA_DECLARE(hr_move_kernels, hr_move_u8);
HR_ISA_DECLARE(hr_move_kernels, hr_move_u16);
HR_ISA_DECLARE(hr_move_kernels, hr_move_u32);
HR_ISA_DECLARE(hr_move_kernels, hr_move_u64);
#define X(ENUM, dtype, name, bytes, class) HR_ISA_DECLARE(hr_cast_kernels, hr_cast_##dtype);
HR_DTYPES(X)
#undef X

static const hr_unary_kernels *const unary_rows[HR_DTYPE_COUNT][HR_ISA_COUNT] = {
    [HR_BOOL] = HR_ISA_ROW(hr_unary_bool),     [HR_UINT8] = HR_ISA_ROW(hr_unary_u8),
    [HR_UINT16] = HR_ISA_ROW(hr_unary_u16),    [HR_UINT32] = HR_ISA_ROW(hr_unary_u32),
    [HR_UINT64] = HR_ISA_ROW(hr_unary_u64),    [HR_INT8] = HR_ISA_ROW(hr_unary_i8),
    [HR_INT16] = HR_ISA_ROW(hr_unary_i16),     [HR_INT32] = HR_ISA_ROW(hr_unary_i32),
    [HR_INT64] = HR_ISA_ROW(hr_unary_i64),     [HR_FLOAT32] = HR_ISA_ROW(hr_unary_f32),
    [HR_FLOAT64] = HR_ISA_ROW(hr_unary_f64),   [HR_FLOAT16] = HR_ISA_ROW(hr_unary_f16),
    [HR_BFLOAT16] = HR_ISA_ROW(hr_unary_bf16), [HR_COMPLEX64] = HR_ISA_ROW(hr_unary_c64),
};
static const hr_binary_kernels *const binary_rows[HR_DTYPE_COUNT][HR_ISA_COUNT] = {
    [HR_BOOL] = HR_ISA_ROW(hr_binary_bool),     [HR_UINT8] = HR_ISA_ROW(hr_binary_u8),
    [HR_UINT16] = HR_ISA_ROW(hr_binary_u16),    [HR_UINT32] = HR_ISA_ROW(hr_binary_u32),
    [HR_UINT64] = HR_ISA_ROW(hr_binary_u64),    [HR_INT8] = HR_ISA_ROW(hr_binary_i8),
    [HR_INT16] = HR_ISA_ROW(hr_binary_i16),     [HR_INT32] = HR_ISA_ROW(hr_binary_i32),
    [HR_INT64] = HR_ISA_ROW(hr_binary_i64),     [HR_FLOAT32] = HR_ISA_ROW(hr_binary_f32),
    [HR_FLOAT64] = HR_ISA_ROW(hr_binary_f64),   [HR_FLOAT16] = HR_ISA_ROW(hr_binary_f16),
    [HR_BFLOAT16] = HR_ISA_ROW(hr_binary_bf16), [HR_COMPLEX64] = HR_ISA_ROW(hr_binary_c64),
};
static const hr_math_kernels *const math_rows[2][HR_ISA_COUNT] = {HR_ISA_ROW(hr_math_f32), HR_ISA_ROW(hr_math_f64)};
static const hr_cast_kernels *const cast_rows[HR_DTYPE_COUNT][HR_ISA_COUNT] = {
#define X(ENUM, dtype, name, bytes, class) [HR_##ENUM] = HR_ISA_ROW(hr_cast_##dtype),
    HR_DTYPES(X)
#undef X
};
static const hr_move_kernels *const move_rows[4][HR_ISA_COUNT] = {HR_ISA_ROW(hr_move_u8), HR_ISA_ROW(hr_move_u16),
                                                                  HR_ISA_ROW(hr_move_u32), HR_ISA_ROW(hr_move_u64)};

/* Two's complement serves both. */
static hr_dtype unsigned_twin(hr_dtype d) {
  return d >= HR_INT8 && d <= HR_INT64 ? (hr_dtype)(d - HR_INT8 + HR_UINT8) : d;
}

static bool is_half(hr_dtype d) { return d == HR_FLOAT16 || d == HR_BFLOAT16; }

hr_kernel hr_kernel_unary(hr_unary op, hr_dtype dtype) {
  hr_kernel own = unary_rows[dtype][hr_isa_level()]->run[op];
  if (own || is_half(dtype)) return own;
  if (dtype == HR_COMPLEX64) return hr_complex_unary.run[op];
  return hr_dtype_is_float(dtype) ? math_rows[dtype == HR_FLOAT64][hr_isa_level()]->unary[op] : NULL;
}

hr_kernel hr_kernel_binary(hr_binary op, hr_dtype dtype) {
  hr_kernel own = binary_rows[dtype][hr_isa_level()]->run[op];
  if (own || is_half(dtype)) return own;
  if (dtype == HR_COMPLEX64) return hr_complex_binary.run[op];
  if (hr_dtype_is_float(dtype)) return math_rows[dtype == HR_FLOAT64][hr_isa_level()]->binary[op];
  return binary_rows[unsigned_twin(dtype)][hr_isa_level()]->run[op];
}

hr_kernel hr_kernel_cast(hr_dtype from, hr_dtype to) { return cast_rows[from][hr_isa_level()]->to[to]; }

const hr_move_kernels *hr_kernels_move(size_t item_bytes) {
  return move_rows[item_bytes == 1 ? 0 : item_bytes == 2 ? 1 : item_bytes == 4 ? 2 : 3][hr_isa_level()];
}
