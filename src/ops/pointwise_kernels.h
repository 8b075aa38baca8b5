/* src/ops/pointwise_kernels.h - which kernel an elementwise op is: hr_op.kernel of the families unary, binary and
 * create. What each computes for which dtype is in cpu/kernels/. */
#ifndef HR_OPS_POINTWISE_KERNELS_H
#define HR_OPS_POINTWISE_KERNELS_H

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
  HR_BINARY_CLIP, /* of three: x, least, greatest, the last two one element each; as maximum, then minimum */
  HR_BINARY_COUNT
} hr_binary;

/* Values that follow from their index (hr_cpu_sequence). */
typedef enum hr_sequence {
  HR_SEQUENCE_REAL,    /* start + i * step, in double */
  HR_SEQUENCE_INTEGER, /* the same in int64 */
  HR_SEQUENCE_LINSPACE,
  HR_SEQUENCE_COSINES, /* windows: a sum of up to three cosines */
  HR_SEQUENCE_TRIANGLE
} hr_sequence;

#endif
