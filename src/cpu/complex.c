/* src/cpu/complex.c - kernels of complex64 that kernels/complex_tmpl.c does not have. Functions go through the C
 * library in double precision, so special values are those of C's Annex G and results are rounded once. Order (less,
 * maximum) is by real, then imaginary part. */
#include <complex.h>
#include <math.h>
#include <string.h>

#include "cpu/elementwise.h"

typedef float _Complex c64;
typedef double _Complex c128;

/* CMPLX of C11, which Clang with glibc lacks: re + im * I would lose signs and infinities. */
static inline c64 join(float re, float im) {
  c64 z;
  memcpy(&z, (float[]){re, im}, sizeof z);
  return z;
}
static inline c128 join_wide(double re, double im) {
  c128 z;
  memcpy(&z, (double[]){re, im}, sizeof z);
  return z;
}
static inline int has_nan(c64 x) { return isnan(crealf(x)) || isnan(cimagf(x)); }
static inline int is_zero(c64 x) { return crealf(x) == 0 && cimagf(x) == 0; }
static inline c128 scaled(c128 x, double by) { return join_wide(creal(x) * by, cimag(x) * by); }

#define UNARY(name, type, expression)                                               \
  static void name(void *out, const void *const *in, int64_t n, unsigned scalars) { \
    type *to = out;                                                                 \
    const c64 *from = in[0];                                                        \
    (void)scalars;                                                                  \
    for (int64_t i = 0; i < n; i++) {                                               \
      c64 x = from[i];                                                              \
      to[i] = (type)(expression);                                                   \
    }                                                                               \
  }

UNARY(negative, c64, join(-crealf(x), -cimagf(x)))
UNARY(sign, c64, is_zero(x) ? x : scaled(x, 1 / cabs(x)))
UNARY(square, c64, join(crealf(x) * crealf(x) - cimagf(x) * cimagf(x), crealf(x) * cimagf(x) + cimagf(x) * crealf(x)))
UNARY(not_true, uint8_t, is_zero(x))
UNARY(is_nan, uint8_t, has_nan(x))
UNARY(is_inf, uint8_t, isinf(crealf(x)) || isinf(cimagf(x)))
UNARY(is_finite, uint8_t, isfinite(crealf(x)) && isfinite(cimagf(x)))
UNARY(is_posinf, uint8_t, crealf(x) == INFINITY)
UNARY(is_neginf, uint8_t, crealf(x) == -INFINITY)
UNARY(rounded, c64, join(rintf(crealf(x)), rintf(cimagf(x))))
UNARY(root, c64, csqrt(x))
UNARY(inverse_root, c64, 1 / csqrt(x))
UNARY(reciprocal, c64, 1 / (c128)x)
UNARY(run_exp, c64, cexp(x))
UNARY(run_log, c64, clog(x))
UNARY(run_log2, c64, scaled(clog(x), M_LOG2E))
UNARY(run_log10, c64, scaled(clog(x), M_LOG10E))
UNARY(run_sin, c64, csin(x))
UNARY(run_cos, c64, ccos(x))
UNARY(run_tan, c64, ctan(x))
UNARY(arcsin, c64, casin(x))
UNARY(arccos, c64, cacos(x))
UNARY(arctan, c64, catan(x))
UNARY(run_sinh, c64, csinh(x))
UNARY(run_cosh, c64, ccosh(x))
UNARY(run_tanh, c64, ctanh(x))
UNARY(arcsinh, c64, casinh(x))
UNARY(arccosh, c64, cacosh(x))
UNARY(arctanh, c64, catanh(x))
UNARY(conjugate, c64, conjf(x))
UNARY(real_part, float, crealf(x))
UNARY(imaginary_part, float, cimagf(x))

/* log|1 + x| without the loss of small parts: |1 + x|^2 - 1 = re (2 + re) + im^2. */
static c128 log_one_plus(c128 x) {
  double re = creal(x), im = cimag(x), excess = re * (2 + re) + im * im;
  if (!(fabs(re) < 0.5 && fabs(im) < 0.5)) return clog(1 + x);
  return join_wide(0.5 * log1p(excess), atan2(im, 1 + re));
}
UNARY(run_log1p, c64, log_one_plus(x))

const hr_unary_kernels hr_complex_unary = {
    .run =
        {
            [HR_UNARY_NEGATIVE] = negative,     [HR_UNARY_SIGN] = sign,          [HR_UNARY_SQUARE] = square,
            [HR_UNARY_NOT] = not_true,          [HR_UNARY_ISNAN] = is_nan,       [HR_UNARY_ISINF] = is_inf,
            [HR_UNARY_ISFINITE] = is_finite,    [HR_UNARY_ISPOSINF] = is_posinf, [HR_UNARY_ISNEGINF] = is_neginf,
            [HR_UNARY_RINT] = rounded,          [HR_UNARY_SQRT] = root,          [HR_UNARY_RSQRT] = inverse_root,
            [HR_UNARY_RECIPROCAL] = reciprocal, [HR_UNARY_EXP] = run_exp,        [HR_UNARY_LOG] = run_log,
            [HR_UNARY_LOG2] = run_log2,         [HR_UNARY_LOG10] = run_log10,    [HR_UNARY_LOG1P] = run_log1p,
            [HR_UNARY_SIN] = run_sin,           [HR_UNARY_COS] = run_cos,        [HR_UNARY_TAN] = run_tan,
            [HR_UNARY_ARCSIN] = arcsin,         [HR_UNARY_ARCCOS] = arccos,      [HR_UNARY_ARCTAN] = arctan,
            [HR_UNARY_SINH] = run_sinh,         [HR_UNARY_COSH] = run_cosh,      [HR_UNARY_TANH] = run_tanh,
            [HR_UNARY_ARCSINH] = arcsinh,       [HR_UNARY_ARCCOSH] = arccosh,    [HR_UNARY_ARCTANH] = arctanh,
            [HR_UNARY_CONJUGATE] = conjugate,   [HR_UNARY_REAL] = real_part,     [HR_UNARY_IMAG] = imaginary_part,
        },
};

static inline int before(c64 x, c64 y) {
  return crealf(x) < crealf(y) || (crealf(x) == crealf(y) && cimagf(x) < cimagf(y));
}
static inline int same(c64 x, c64 y) { return crealf(x) == crealf(y) && cimagf(x) == cimagf(y); }
static c64 larger(c64 x, c64 y) { return has_nan(x) || (!has_nan(y) && before(y, x)) ? x : y; }
static c64 smaller(c64 x, c64 y) { return has_nan(x) || (!has_nan(y) && before(x, y)) ? x : y; }

static c64 power_of(c64 x, c64 y) {
  if (is_zero(y)) return 1;
  return is_zero(x) && crealf(y) > 0 ? 0 : (c64)cpow(x, y);
}

/* The larger real part goes outside. */
static c64 log_add_exp(c64 x, c64 y) {
  c64 high = crealf(x) >= crealf(y) ? x : y, low = crealf(x) >= crealf(y) ? y : x;
  if (crealf(high) == -INFINITY) return join(-INFINITY, 0);
  return (c64)(high + log_one_plus(cexp((c128)low - (c128)high)));
}

#define BINARY(name, type, expression)                                              \
  static void name(void *out, const void *const *in, int64_t n, unsigned scalars) { \
    type *to = out;                                                                 \
    const c64 *a = in[0], *b = in[1];                                               \
    int64_t a_step = !(scalars & 1), b_step = !(scalars & 2);                       \
    for (int64_t i = 0; i < n; i++) {                                               \
      c64 x = a[i * a_step], y = b[i * b_step];                                     \
      to[i] = (type)(expression);                                                   \
    }                                                                               \
  }

BINARY(maximum, c64, larger(x, y))
BINARY(minimum, c64, smaller(x, y))
BINARY(equal, uint8_t, same(x, y))
BINARY(not_equal, uint8_t, !same(x, y))
BINARY(equal_nan, uint8_t, same(x, y) || (has_nan(x) && has_nan(y)))
BINARY(less, uint8_t, before(x, y))
BINARY(less_equal, uint8_t, before(x, y) || same(x, y))
BINARY(logical_and, uint8_t, !is_zero(x) && !is_zero(y))
BINARY(logical_or, uint8_t, !is_zero(x) || !is_zero(y))
BINARY(power, c64, power_of(x, y))
BINARY(logaddexp, c64, log_add_exp(x, y))

const hr_binary_kernels hr_complex_binary = {
    .run =
        {
            [HR_BINARY_MAXIMUM] = maximum,
            [HR_BINARY_MINIMUM] = minimum,
            [HR_BINARY_EQUAL] = equal,
            [HR_BINARY_NOT_EQUAL] = not_equal,
            [HR_BINARY_EQUAL_NAN] = equal_nan,
            [HR_BINARY_LESS] = less,
            [HR_BINARY_LESS_EQUAL] = less_equal,
            [HR_BINARY_LOGICAL_AND] = logical_and,
            [HR_BINARY_LOGICAL_OR] = logical_or,
            [HR_BINARY_POWER] = power,
            [HR_BINARY_LOGADDEXP] = logaddexp,
        },
};
