/* src/cpu/kernels/elementwise.h - the tables that the elementwise templates leave: a function for each operation.
 *
 * A kernel computes n >= 0 elements without gaps; out may be the memory of an operand of the same element size, index
 * for index. Bit k of `scalars` says that operand k is one element for all n. The value of an element does not depend
 * on its index nor on n. NULL: no kernel for this dtype. Half types have none: they are computed in float32 and
 * rounded once (cpu/elementwise.h). Signed integers have none where two's complement makes the unsigned one do. */
#ifndef HR_CPU_KERNELS_ELEMENTWISE_H
#define HR_CPU_KERNELS_ELEMENTWISE_H

#include <stdint.h>

typedef void (*hr_kernel)(void *out, const void *const *in, int64_t n, unsigned scalars);

typedef enum hr_unary {
  HR_UNARY_ABS, /* of c64: float32 */
  HR_UNARY_NEGATIVE,
  HR_UNARY_SIGN,
  HR_UNARY_SQUARE,
  HR_UNARY_INVERT,
  HR_UNARY_NOT, /* logical; result bool, like the four after it */
  HR_UNARY_ISNAN,
  HR_UNARY_ISINF,
  HR_UNARY_ISPOSINF,
  HR_UNARY_ISNEGINF,
  HR_UNARY_ISFINITE,
  HR_UNARY_CEIL,
  HR_UNARY_FLOOR,
  HR_UNARY_RINT,
  HR_UNARY_SQRT,
  HR_UNARY_RSQRT,
  HR_UNARY_RECIPROCAL,
  HR_UNARY_MATH, /* from here on: kernels/math_tmpl.c */
  HR_UNARY_EXP = HR_UNARY_MATH,
  HR_UNARY_EXPM1,
  HR_UNARY_LOG,
  HR_UNARY_LOG2,
  HR_UNARY_LOG10,
  HR_UNARY_LOG1P,
  HR_UNARY_SIN,
  HR_UNARY_COS,
  HR_UNARY_TAN,
  HR_UNARY_ARCSIN,
  HR_UNARY_ARCCOS,
  HR_UNARY_ARCTAN,
  HR_UNARY_SINH,
  HR_UNARY_COSH,
  HR_UNARY_TANH,
  HR_UNARY_ARCSINH,
  HR_UNARY_ARCCOSH,
  HR_UNARY_ARCTANH,
  HR_UNARY_ERF,
  HR_UNARY_ERFINV,
  HR_UNARY_SIGMOID,
  HR_UNARY_CONJUGATE, /* c64 only, like real and imag (results float32) */
  HR_UNARY_REAL,
  HR_UNARY_IMAG,
  HR_UNARY_COUNT
} hr_unary;

typedef enum hr_binary {
  HR_BINARY_ADD,
  HR_BINARY_SUBTRACT,
  HR_BINARY_MULTIPLY,
  HR_BINARY_DIVIDE,
  HR_BINARY_FLOOR_DIVIDE, /* integers: x / 0 is 0 */
  HR_BINARY_REMAINDER,    /* sign of the divisor; integers: x % 0 is 0 */
  HR_BINARY_MAXIMUM,      /* a NaN wins */
  HR_BINARY_MINIMUM,
  HR_BINARY_AND, /* bitwise */
  HR_BINARY_OR,
  HR_BINARY_XOR,
  HR_BINARY_SHL, /* counts are taken modulo 32, of 64-bit integers modulo 64 */
  HR_BINARY_SHR,
  HR_BINARY_EQUAL, /* result bool, up to LOGICAL_OR */
  HR_BINARY_NOT_EQUAL,
  HR_BINARY_LESS,
  HR_BINARY_LESS_EQUAL,
  HR_BINARY_EQUAL_NAN, /* two NaN are equal */
  HR_BINARY_LOGICAL_AND,
  HR_BINARY_LOGICAL_OR,
  HR_BINARY_POWER, /* integers: 0 for negative exponents; floats: kernels/math_tmpl.c, as the two after it */
  HR_BINARY_ARCTAN2,
  HR_BINARY_LOGADDEXP,
  HR_BINARY_COUNT
} hr_binary;

typedef struct hr_unary_kernels {
  hr_kernel run[HR_UNARY_COUNT];
} hr_unary_kernels;

typedef struct hr_binary_kernels {
  hr_kernel run[HR_BINARY_COUNT];
} hr_binary_kernels;

/* What math_tmpl.c has, for f32 and f64. */
typedef struct hr_math_kernels {
  hr_kernel unary[HR_UNARY_COUNT];
  hr_kernel binary[HR_BINARY_COUNT];
} hr_math_kernels;

/* From one dtype to each of the 14, in the order of hr_dtype. */
typedef struct hr_cast_kernels {
  hr_kernel to[14];
} hr_cast_kernels;

/* Moves of items of 1, 2, 4 or 8 bytes (u8, u16, u32, u64). */
typedef struct hr_move_kernels {
  hr_kernel select; /* operands: bool condition, x, y */
  hr_kernel fill;   /* operand 0: one item */
  /* n items from `in`, stride bytes apart, into a run. */
  void (*pack)(void *out, const char *in, int64_t stride, int64_t n);
  /* out[r * out_stride + c * item] = in[c * in_stride + r * item]; strides in bytes, any sign. */
  void (*transpose)(char *out, int64_t out_stride, const char *in, int64_t in_stride, int64_t rows, int64_t columns);
  /* A copy that goes past the caches: out is aligned to 64 bytes. */
  void (*stream)(void *out, const void *in, int64_t n);
} hr_move_kernels;

#endif
