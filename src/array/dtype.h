/* src/array/dtype.h - the 14 element types. The order is that of `mlx_dtype` (include/mlx/c/array.h): the values are
 * interchangeable, and capi asserts it. */
#ifndef HR_ARRAY_DTYPE_H
#define HR_ARRAY_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum hr_dtype_class {
  HR_CLASS_BOOL,
  HR_CLASS_UNSIGNED,
  HR_CLASS_SIGNED,
  HR_CLASS_FLOAT,
  HR_CLASS_COMPLEX,
} hr_dtype_class;

/* X(ENUM, name in kernels, name for people, bytes, class) */
#define HR_DTYPES(X)                               \
  X(BOOL, bool, "bool", 1, HR_CLASS_BOOL)          \
  X(UINT8, u8, "uint8", 1, HR_CLASS_UNSIGNED)      \
  X(UINT16, u16, "uint16", 2, HR_CLASS_UNSIGNED)   \
  X(UINT32, u32, "uint32", 4, HR_CLASS_UNSIGNED)   \
  X(UINT64, u64, "uint64", 8, HR_CLASS_UNSIGNED)   \
  X(INT8, i8, "int8", 1, HR_CLASS_SIGNED)          \
  X(INT16, i16, "int16", 2, HR_CLASS_SIGNED)       \
  X(INT32, i32, "int32", 4, HR_CLASS_SIGNED)       \
  X(INT64, i64, "int64", 8, HR_CLASS_SIGNED)       \
  X(FLOAT16, f16, "float16", 2, HR_CLASS_FLOAT)    \
  X(FLOAT32, f32, "float32", 4, HR_CLASS_FLOAT)    \
  X(FLOAT64, f64, "float64", 8, HR_CLASS_FLOAT)    \
  X(BFLOAT16, bf16, "bfloat16", 2, HR_CLASS_FLOAT) \
  X(COMPLEX64, c64, "complex64", 8, HR_CLASS_COMPLEX)

typedef enum hr_dtype {
#define X(ENUM, kernel, name, bytes, class) HR_##ENUM,
  HR_DTYPES(X)
#undef X
      HR_DTYPE_COUNT
} hr_dtype;

typedef struct hr_optional_dtype {
  hr_dtype value;
  bool has_value;
} hr_optional_dtype;

/* Read-only rows, one a dtype. */
extern const uint8_t hr_dtype_bytes[HR_DTYPE_COUNT];
extern const uint8_t hr_dtype_classes[HR_DTYPE_COUNT];
extern const char *const hr_dtype_names[HR_DTYPE_COUNT];

static inline bool hr_dtype_valid(int dtype) { return dtype >= 0 && dtype < HR_DTYPE_COUNT; }
static inline bool hr_dtype_is_float(hr_dtype d) { return hr_dtype_classes[d] == HR_CLASS_FLOAT; }
static inline bool hr_dtype_is_complex(hr_dtype d) { return d == HR_COMPLEX64; }
/* Floating point or complex: what `exp` and friends compute in without a cast. */
static inline bool hr_dtype_is_inexact(hr_dtype d) { return hr_dtype_classes[d] >= HR_CLASS_FLOAT; }
static inline bool hr_dtype_is_integer(hr_dtype d) {
  return hr_dtype_classes[d] == HR_CLASS_UNSIGNED || hr_dtype_classes[d] == HR_CLASS_SIGNED;
}

/* The dtype in which MLX computes an operation on operands of types a and b. The smallest dtype that holds both,
 * except: uint64 with a signed type gives float32, integers never widen a float, and float16 with bfloat16 gives
 * float32. */
hr_dtype hr_dtype_promote(hr_dtype a, hr_dtype b);

/* d itself when inexact, else float32: the result type of `exp`, `sqrt`, `mean` and others. */
static inline hr_dtype hr_dtype_at_least_float(hr_dtype d) { return hr_dtype_is_inexact(d) ? d : HR_FLOAT32; }

#endif
