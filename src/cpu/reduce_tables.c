/* src/cpu/reduce_tables.c - the tables of the reduction kernels: dtypes that have the same bits share them. */
#include "cpu/reduce.h"

typedef const hr_reduce_pair *const row[HR_ISA_COUNT];

#define TABLE(name)                     \
  HR_ISA_DECLARE(hr_reduce_pair, name); \
  static row row_##name = HR_ISA_ROW(name)

TABLE(hr_reduce_sum_u8);
TABLE(hr_reduce_sum_u16);
TABLE(hr_reduce_sum_u32);
TABLE(hr_reduce_sum_u64);
TABLE(hr_reduce_sum_i8);
TABLE(hr_reduce_sum_i16);
TABLE(hr_reduce_sum_f16);
TABLE(hr_reduce_sum_f32);
TABLE(hr_reduce_sum_f64);
TABLE(hr_reduce_sum_bf16);
TABLE(hr_reduce_sum_c64);
TABLE(hr_reduce_order_u8);
TABLE(hr_reduce_order_u16);
TABLE(hr_reduce_order_u32);
TABLE(hr_reduce_order_u64);
TABLE(hr_reduce_order_i8);
TABLE(hr_reduce_order_i16);
TABLE(hr_reduce_order_i32);
TABLE(hr_reduce_order_i64);
TABLE(hr_reduce_order_f16);
TABLE(hr_reduce_order_f32);
TABLE(hr_reduce_order_f64);
TABLE(hr_reduce_order_bf16);
TABLE(hr_reduce_order_c64);
TABLE(hr_reduce_test_u8);
TABLE(hr_reduce_test_u16);
TABLE(hr_reduce_test_u32);
TABLE(hr_reduce_test_u64);
TABLE(hr_reduce_test_f16);
TABLE(hr_reduce_test_f32);
TABLE(hr_reduce_test_f64);
TABLE(hr_reduce_test_c64);

static row *const sums[HR_DTYPE_COUNT] = {
    [HR_BOOL] = &row_hr_reduce_sum_u8,       [HR_UINT8] = &row_hr_reduce_sum_u8,
    [HR_UINT16] = &row_hr_reduce_sum_u16,    [HR_UINT32] = &row_hr_reduce_sum_u32,
    [HR_UINT64] = &row_hr_reduce_sum_u64,    [HR_INT8] = &row_hr_reduce_sum_i8,
    [HR_INT16] = &row_hr_reduce_sum_i16,     [HR_INT32] = &row_hr_reduce_sum_u32,
    [HR_INT64] = &row_hr_reduce_sum_u64,     [HR_FLOAT16] = &row_hr_reduce_sum_f16,
    [HR_FLOAT32] = &row_hr_reduce_sum_f32,   [HR_FLOAT64] = &row_hr_reduce_sum_f64,
    [HR_BFLOAT16] = &row_hr_reduce_sum_bf16, [HR_COMPLEX64] = &row_hr_reduce_sum_c64,
};

static row *const orders[HR_DTYPE_COUNT] = {
    [HR_BOOL] = &row_hr_reduce_order_u8,       [HR_UINT8] = &row_hr_reduce_order_u8,
    [HR_UINT16] = &row_hr_reduce_order_u16,    [HR_UINT32] = &row_hr_reduce_order_u32,
    [HR_UINT64] = &row_hr_reduce_order_u64,    [HR_INT8] = &row_hr_reduce_order_i8,
    [HR_INT16] = &row_hr_reduce_order_i16,     [HR_INT32] = &row_hr_reduce_order_i32,
    [HR_INT64] = &row_hr_reduce_order_i64,     [HR_FLOAT16] = &row_hr_reduce_order_f16,
    [HR_FLOAT32] = &row_hr_reduce_order_f32,   [HR_FLOAT64] = &row_hr_reduce_order_f64,
    [HR_BFLOAT16] = &row_hr_reduce_order_bf16, [HR_COMPLEX64] = &row_hr_reduce_order_c64,
};

static row *const tests[HR_DTYPE_COUNT] = {
    [HR_BOOL] = &row_hr_reduce_test_u8,      [HR_UINT8] = &row_hr_reduce_test_u8,
    [HR_UINT16] = &row_hr_reduce_test_u16,   [HR_UINT32] = &row_hr_reduce_test_u32,
    [HR_UINT64] = &row_hr_reduce_test_u64,   [HR_INT8] = &row_hr_reduce_test_u8,
    [HR_INT16] = &row_hr_reduce_test_u16,    [HR_INT32] = &row_hr_reduce_test_u32,
    [HR_INT64] = &row_hr_reduce_test_u64,    [HR_FLOAT16] = &row_hr_reduce_test_f16,
    [HR_FLOAT32] = &row_hr_reduce_test_f32,  [HR_FLOAT64] = &row_hr_reduce_test_f64,
    [HR_BFLOAT16] = &row_hr_reduce_test_f16, [HR_COMPLEX64] = &row_hr_reduce_test_c64,
};

static row *const *const kinds[HR_REDUCE_KINDS] = {
    [HR_REDUCE_SUM] = sums,   [HR_REDUCE_PROD] = sums, [HR_REDUCE_MAX] = orders,
    [HR_REDUCE_MIN] = orders, [HR_REDUCE_ALL] = tests, [HR_REDUCE_ANY] = tests,
};

const hr_reduce_kernel *hr_reduce_find(hr_reduce_kind kind, hr_dtype dtype, hr_isa level) {
  const hr_reduce_pair *pair = (*kinds[kind][dtype])[level];
  return kind % 2 == 0 ? &pair->first : &pair->second;
}

const hr_arg_kernel *hr_arg_find(hr_reduce_kind kind, hr_dtype dtype, hr_isa level) {
  const hr_reduce_pair *pair = (*orders[dtype])[level];
  return kind == HR_REDUCE_MAX ? &pair->first_arg : &pair->second_arg;
}

hr_dtype hr_reduce_accumulator(hr_reduce_kind kind, hr_dtype dtype) {
  if (kind >= HR_REDUCE_ALL) return HR_BOOL;
  if (dtype == HR_FLOAT16 || dtype == HR_BFLOAT16) return HR_FLOAT32;
  if (kind >= HR_REDUCE_MAX || hr_dtype_bytes[dtype] >= 4) return dtype;
  return hr_dtype_classes[dtype] == HR_CLASS_UNSIGNED ? HR_UINT32 : HR_INT32;
}
