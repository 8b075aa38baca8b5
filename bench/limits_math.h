/* bench/limits_math.h - the functions of bench/math.c as plain C loops over the C library, in the manner of limits.h.
 *
 * HR_BENCH_MATH lists them: X(name, call of the library, of the C library for x and y, least and greatest argument).
 * The second operand of functions of two has the same range. */
#ifndef HR_BENCH_LIMITS_MATH_H
#define HR_BENCH_LIMITS_MATH_H

#include "limits.h"

#define BENCH_MATH_UNARY(X)                          \
  X(expm1, mlx_expm1, expm1f(x), -4, 4)              \
  X(log, mlx_log, logf(x), 0, 8)                     \
  X(log1p, mlx_log1p, log1pf(x), 0, 8)               \
  X(log2, mlx_log2, log2f(x), 0, 8)                  \
  X(log10, mlx_log10, log10f(x), 0, 8)               \
  X(sin, mlx_sin, sinf(x), -4, 4)                    \
  X(cos, mlx_cos, cosf(x), -4, 4)                    \
  X(tan, mlx_tan, tanf(x), -4, 4)                    \
  X(arcsin, mlx_arcsin, asinf(x), -1, 1)             \
  X(arccos, mlx_arccos, acosf(x), -1, 1)             \
  X(arctan, mlx_arctan, atanf(x), -4, 4)             \
  X(sinh, mlx_sinh, sinhf(x), -4, 4)                 \
  X(cosh, mlx_cosh, coshf(x), -4, 4)                 \
  X(arcsinh, mlx_arcsinh, asinhf(x), -4, 4)          \
  X(arccosh, mlx_arccosh, acoshf(x), 1, 9)           \
  X(arctanh, mlx_arctanh, atanhf(x), -1, 1)          \
  X(erf, mlx_erf, erff(x), -4, 4)                    \
  X(erfinv, mlx_erfinv, bench_erfinv(x), -1, 1)      \
  X(sigmoid, mlx_sigmoid, 1 / (1 + expf(-x)), -4, 4) \
  X(sqrt, mlx_sqrt, sqrtf(x), 0, 8)                  \
  X(rsqrt, mlx_rsqrt, 1 / sqrtf(x), 0.0625, 8)
#define BENCH_MATH_BINARY(X)                                \
  X(power, mlx_power, powf(x, y), 0.125, 4)                 \
  X(arctan2, mlx_arctan2, atan2f(x, y), -4, 4)              \
  X(logaddexp, mlx_logaddexp, bench_logaddexp(x, y), -4, 4) \
  X(remainder, mlx_remainder, bench_remainder(x, y), -4, 4) \
  X(floor_divide, mlx_floor_divide, floorf(x / y), -4, 4)

#define X(name, call, plain, low, high) void bench_loop_##name(const bench_loop *loop, int64_t first, int64_t end);
BENCH_MATH_UNARY(X)
BENCH_MATH_BINARY(X)
#undef X

#endif
