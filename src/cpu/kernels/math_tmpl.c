/* src/cpu/kernels/math_tmpl.c - functions of one or two floats. float32 has our own (vexp.h; vmath32.h where there is
 * FMA; vmath64.h), plain loops over which become vector code. SLEEF, whose u10 functions are within 1 ulp, has sines of
 * large arguments, in float64 what vmath32.h has where there is no FMA, and most of float64. A call of SLEEF computes
 * one vector register; the tail of a run goes through the same code, padded. What SLEEF leaves out at the ends of the
 * range comes from the C library, as all of SLEEF's functions do on other processors. */
/* hr-dtypes: f32 f64 */
#include <math.h>

#include "cpu/kernels/elem.h"
#include "cpu/kernels/elementwise.h"
#include "cpu/kernels/vexp.h"
#include "cpu/kernels/vmath64.h"
#include "cpu/kernels/vmath8.h"

#if HR_ISA_LEVEL == 2
#include <immintrin.h>
#include <sleef.h>
typedef __m512 vector_f32;
typedef __m512d vector_f64;
#define SLEEF_f32(name) Sleef_##name##f16_u10avx512f
#define SLEEF_f64(name) Sleef_##name##d8_u10avx512f
#elif HR_ISA_LEVEL == 1
#include <immintrin.h>
#include <sleef.h>
typedef __m256 vector_f32;
typedef __m256d vector_f64;
#define SLEEF_f32(name) Sleef_##name##f8_u10avx2
#define SLEEF_f64(name) Sleef_##name##d4_u10avx2
#elif defined(__SSE2__)
#include <emmintrin.h>
#include <sleef.h>
typedef __m128 vector_f32;
typedef __m128d vector_f64;
#define SLEEF_f32(name) Sleef_##name##f4_u10sse2
#define SLEEF_f64(name) Sleef_##name##d2_u10sse2
#else
typedef float vector_f32;
typedef double vector_f64;
#define SLEEF_f32(name) name##f
#define SLEEF_f64(name) name
#endif

#if HR_ELEM_CODE == 12
typedef vector_f32 vector;
#define SLEEF(name) SLEEF_f32(name)
#define LIBM(name)  name##f
#else
typedef vector_f64 vector;
#define SLEEF(name) SLEEF_f64(name)
#define LIBM(name)  name
#endif

typedef vector (*vector_fn)(vector x);
typedef vector (*vector_fn2)(vector x, vector y);
typedef hr_elem (*scalar_fn)(hr_elem x);
typedef hr_elem (*scalar_fn2)(hr_elem x, hr_elem y);

enum { LANES = sizeof(vector) / sizeof(hr_elem), LANES_F64 = sizeof(vector_f64) / sizeof(double) };

/* The compiler knows the size: an unaligned load or store. */
HR_INLINE vector load(const hr_elem *in) {
  vector v;
  memcpy(&v, in, sizeof v);
  return v;
}
HR_INLINE void store(hr_elem *out, vector v) { memcpy(out, &v, sizeof v); }

/* Which of these are used depends on dtype and instruction set. */
#define SOMETIMES __attribute__((unused)) HR_INLINE

SOMETIMES void map(hr_elem *out, const hr_elem *in, int64_t n, vector_fn fn) {
  for (; n >= LANES; n -= LANES, in += LANES, out += LANES) store(out, fn(load(in)));
  if (n > 0) {
    hr_elem tail[LANES] = {0};
    memcpy(tail, in, (size_t)n * sizeof *in);
    store(tail, fn(load(tail)));
    memcpy(out, tail, (size_t)n * sizeof *out);
  }
}

/* Operands that are one element are spread over a register once. */
SOMETIMES void map2(hr_elem *out, const void *const *in, int64_t n, unsigned scalars, vector_fn2 fn) {
  hr_elem a[LANES], b[LANES], tail[LANES];
  const hr_elem *x = in[0], *y = in[1];
  for (int k = 0; k < LANES; k++) a[k] = x[0], b[k] = y[0];
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) store(out + i, fn(load(scalars & 1 ? a : x + i), load(scalars & 2 ? b : y + i)));
  if (i < n) {
    size_t bytes = (size_t)(n - i) * sizeof *out;
    if (!(scalars & 1)) memcpy(a, x + i, bytes);
    if (!(scalars & 2)) memcpy(b, y + i, bytes);
    store(tail, fn(load(a), load(b)));
    memcpy(out + i, tail, bytes);
  }
}

SOMETIMES void map_scalar(hr_elem *out, const hr_elem *in, int64_t n, scalar_fn fn) {
  HR_VECTOR_LOOP for (int64_t i = 0; i < n; i++) out[i] = fn(in[i]);
}

SOMETIMES void map2_scalar(hr_elem *out, const void *const *in, int64_t n, unsigned scalars, scalar_fn2 fn) {
  const hr_elem *a = in[0], *b = in[1];
  if (scalars == 3) {
    hr_elem z = fn(*a, *b);
    for (int64_t i = 0; i < n; i++) out[i] = z;
  } else if (scalars == 1) {
    hr_elem x = *a;
    HR_VECTOR_LOOP for (int64_t i = 0; i < n; i++) out[i] = fn(x, b[i]);
  } else if (scalars == 2) {
    hr_elem y = *b;
    HR_VECTOR_LOOP for (int64_t i = 0; i < n; i++) out[i] = fn(a[i], y);
  } else {
    HR_VECTOR_LOOP for (int64_t i = 0; i < n; i++) out[i] = fn(a[i], b[i]);
  }
}

#define HEAD(name) static void run_##name(void *out, const void *const *in, int64_t n, unsigned scalars)
/* SLEEF's types carry attributes that a plain function pointer lacks, hence the functions around its own. */
#define MAP(name, fn)                                        \
  HR_INLINE vector vector_##name(vector x) { return fn(x); } \
  HEAD(name) {                                               \
    (void)scalars;                                           \
    map(out, in[0], n, vector_##name);                       \
  }
#define MAP2(name, fn)                                                    \
  HR_INLINE vector vector_##name(vector x, vector y) { return fn(x, y); } \
  HEAD(name) { map2(out, in, n, scalars, vector_##name); }
#define MAP_SCALAR(name, fn)       \
  HEAD(name) {                     \
    (void)scalars;                 \
    map_scalar(out, in[0], n, fn); \
  }
#define MAP2_SCALAR(name, fn) \
  HEAD(name) { map2_scalar(out, in, n, scalars, fn); }

#if HR_ELEM_CODE == 12

typedef vector_f64 (*wide_fn)(vector_f64 x);

/* A register of doubles at a time; zeros fill up the last one. */
HR_INLINE void map_wide(float *out, const float *in, int64_t n, wide_fn fn) {
  for (int64_t i = 0; i < n; i += LANES_F64) {
    double block[LANES_F64] = {0};
    vector_f64 v;
    int64_t count = n - i < LANES_F64 ? n - i : LANES_F64;
    for (int64_t k = 0; k < count; k++) block[k] = in[i + k];
    memcpy(&v, block, sizeof v);
    v = fn(v);
    memcpy(block, &v, sizeof v);
    for (int64_t k = 0; k < count; k++) out[i + k] = (float)block[k];
  }
}
#define MAP_WIDE(name, fn)                                         \
  HR_INLINE vector_f64 wide_##name(vector_f64 x) { return fn(x); } \
  HEAD(name) {                                                     \
    (void)scalars;                                                 \
    map_wide(out, in[0], n, wide_##name);                          \
  }

#if HR_ISA_LEVEL >= 1
/* `near` up to HR_TRIG32_MOST, `far` beyond: for a block where there is such a value. */
HR_INLINE void map_trig(float *out, const float *in, int64_t n, scalar_fn near, vector_fn far) {
  enum { BLOCK = 256 };
  for (; n > 0; n -= BLOCK, in += BLOCK, out += BLOCK) {
    float y[BLOCK], z[BLOCK];
    int64_t count = n < BLOCK ? n : BLOCK;
    int beyond = 0;
    for (int64_t i = 0; i < count; i++) beyond |= !(hr_abs32(in[i]) <= HR_TRIG32_MOST);
    if (!beyond) {
      map_scalar(out, in, count, near);
      continue;
    }
    map_scalar(y, in, count, near);
    map(z, in, count, far);
    for (int64_t i = 0; i < count; i++) out[i] = hr_abs32(in[i]) <= HR_TRIG32_MOST ? y[i] : z[i];
  }
}
#define MAP_TRIG(name, near, far)                                    \
  HR_INLINE vector vector_##name(vector x) { return SLEEF(far)(x); } \
  HEAD(name) {                                                       \
    (void)scalars;                                                   \
    map_trig(out, in[0], n, near, vector_##name);                    \
  }
HR_INLINE float near_sin(float x) { return hr_vsinf(x, 0); }
HR_INLINE float near_cos(float x) { return hr_vsinf(x, 1); }
MAP_TRIG(sin, near_sin, sin)
MAP_TRIG(cos, near_cos, cos)
MAP_TRIG(tan, hr_vtanf, tan)
MAP_SCALAR(arcsin, hr_vasinf)
MAP_SCALAR(arccos, hr_vacosf)
#else /* the functions above would be off by more than 1 ulp without FMA */
MAP_WIDE(sin, SLEEF_f64(sin))
MAP_WIDE(cos, SLEEF_f64(cos))
MAP_WIDE(tan, SLEEF_f64(tan))
MAP_WIDE(arcsin, SLEEF_f64(asin))
MAP_WIDE(arccos, SLEEF_f64(acos))
#endif

#if HR_ISA_LEVEL == 2
typedef __m256 (*eight_fn)(__m256 x);

HR_INLINE void map_eight(float *out, const float *in, int64_t n, eight_fn fn) {
  for (; n >= 8; n -= 8, in += 8, out += 8) _mm256_storeu_ps(out, fn(_mm256_loadu_ps(in)));
  if (n <= 0) return;
  float tail[8] = {0};
  memcpy(tail, in, (size_t)n * sizeof *in);
  _mm256_storeu_ps(tail, fn(_mm256_loadu_ps(tail)));
  memcpy(out, tail, (size_t)n * sizeof *out);
}
#define MAP_EIGHT(name, fn)       \
  HEAD(name) {                    \
    (void)scalars;                \
    map_eight(out, in[0], n, fn); \
  }

MAP(exp, hr_vexp16)
MAP(log, hr_vlog16)
MAP(log2, hr_vlog2_16)
MAP(log10, hr_vlog10_16)
MAP(arctan, hr_vatan16)
MAP(tanh, hr_vtanh16)
MAP(erf, hr_verf16)
MAP(erfinv, hr_verfinv16)
MAP(sigmoid, hr_vsigmoid16)
MAP_EIGHT(log1p, hr_vlog1p8)
MAP_EIGHT(arctanh, hr_vatanh8)

/* Lanes that the float32 form leaves out, in float64. */
HR_INLINE __m512 arctan2_of(__m512 y, __m512 x) {
  __mmask16 usual;
  __m512 angle = hr_vatan2_16(y, x, &usual);
  if (usual == 0xffff) return angle;
  float a[LANES], b[LANES];
  _mm512_storeu_ps(a, y);
  _mm512_storeu_ps(b, x);
  for (int i = 0; i < LANES; i++) a[i] = hr_vatan2f(a[i], b[i]);
  return _mm512_mask_mov_ps(_mm512_loadu_ps(a), usual, angle);
}
HR_INLINE __m512 logaddexp_of(__m512 x, __m512 y) {
  __m256 low = hr_vlogaddexp8(_mm512_castps512_ps256(x), _mm512_castps512_ps256(y));
  __m256 high = hr_vlogaddexp8(_mm512_extractf32x8_ps(x, 1), _mm512_extractf32x8_ps(y, 1));
  return _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
}
MAP2(arctan2, arctan2_of)
MAP2(logaddexp, logaddexp_of)
#else
MAP_SCALAR(exp, hr_vexpf)
MAP_SCALAR(erfinv, hr_verfinvf)
MAP_SCALAR(log1p, hr_vlog1pf)
MAP_SCALAR(arctanh, hr_vatanhf)
MAP2_SCALAR(arctan2, hr_vatan2f)
MAP2_SCALAR(logaddexp, hr_vlogaddexpf)
#if HR_ISA_LEVEL == 1
MAP_SCALAR(log, hr_vlogf)
MAP_SCALAR(log2, hr_vlog2f)
MAP_SCALAR(log10, hr_vlog10f)
MAP_SCALAR(arctan, hr_vatanf)
MAP_SCALAR(tanh, hr_vtanhf)
MAP_SCALAR(erf, hr_verff)
MAP_SCALAR(sigmoid, hr_vsigmoidf)
#else
HR_INLINE float wide_sigmoid(float x) { return (float)(1.0 / (1.0 + hr_exp64(-(double)x))); }
MAP_WIDE(log, SLEEF_f64(log))
MAP_WIDE(log2, SLEEF_f64(log2))
MAP_WIDE(log10, SLEEF_f64(log10))
MAP_WIDE(arctan, SLEEF_f64(atan))
MAP_WIDE(tanh, SLEEF_f64(tanh))
MAP_WIDE(erf, SLEEF_f64(erf))
MAP_SCALAR(sigmoid, wide_sigmoid)
#endif
#endif

MAP_SCALAR(expm1, hr_vexpm1f)
MAP_SCALAR(sinh, hr_vsinhf)
MAP_SCALAR(cosh, hr_vcoshf)
MAP_SCALAR(arcsinh, hr_vasinhf)
MAP_SCALAR(arccosh, hr_vacoshf)
MAP2_SCALAR(power, hr_vpowf)

#else /* float64 */

/* SLEEF's function up to +-most, the C library's beyond. */
HR_INLINE void map_most(double *out, const double *in, int64_t n, vector_fn near, scalar_fn far, double most) {
  enum { BLOCK = 128 };
  for (; n > 0; n -= BLOCK, in += BLOCK, out += BLOCK) {
    double y[BLOCK];
    int64_t count = n < BLOCK ? n : BLOCK;
    map(y, in, count, near);
    for (int64_t i = 0; i < count; i++)
      if (!(fabs(in[i]) <= most)) y[i] = far(in[i]);
    memcpy(out, y, (size_t)count * sizeof *y);
  }
}
#define MAP_MOST(name, fn, most)                                    \
  HR_INLINE vector vector_##name(vector x) { return SLEEF(fn)(x); } \
  HEAD(name) {                                                      \
    (void)scalars;                                                  \
    map_most(out, in[0], n, vector_##name, fn, most);               \
  }

HR_INLINE double sigmoid(double x) {
  double e = exp(-fabs(x));
  return (x < 0 ? e : 1) / (1 + e);
}
MAP(exp, SLEEF(exp))
MAP(expm1, SLEEF(expm1))
MAP(log, SLEEF(log))
MAP(log2, SLEEF(log2))
MAP(log10, SLEEF(log10))
MAP(sin, SLEEF(sin))
MAP(cos, SLEEF(cos))
MAP(tan, SLEEF(tan))
MAP(arcsin, SLEEF(asin))
MAP(arccos, SLEEF(acos))
MAP(arctan, SLEEF(atan))
MAP(erf, SLEEF(erf))
MAP(tanh, SLEEF(tanh))
MAP(arctanh, SLEEF(atanh))
MAP_SCALAR(sigmoid, sigmoid)
MAP_MOST(sinh, sinh, 709.0)
MAP_MOST(cosh, cosh, 709.0)
MAP_MOST(log1p, log1p, 0x1p1000)
MAP_MOST(arcsinh, asinh, 0x1p500)
MAP_MOST(arccosh, acosh, 0x1p500)
MAP2(power, SLEEF(pow))
MAP2(arctan2, SLEEF(atan2))

/* The inverse of the normal distribution's integral by Wichura's AS 241 (PPND16, Applied Statistics 37, 1988, relative
 * error 1e-16): erfinv(x) = ppnd16((1 + x) / 2) / sqrt 2. */
static double central(double q) {
  double r = 0.180625 - q * q;
  double over = 2.5090809287301226727e+3, under = 5.2264952788528545610e+3;
  static const double a[] = {3.3430575583588128105e+4, 6.7265770927008700853e+4, 4.5921953931549871457e+4,
                             1.3731693765509461125e+4, 1.9715909503065514427e+3, 1.3314166789178437745e+2,
                             3.3871328727963666080e+0};
  static const double b[] = {2.8729085735721942674e+4,
                             3.9307895800092710610e+4,
                             2.1213794301586595867e+4,
                             5.3941960214247511077e+3,
                             6.8718700749205790830e+2,
                             4.2313330701600911252e+1,
                             1.0};
  for (int i = 0; i < 7; i++) over = over * r + a[i], under = under * r + b[i];
  return q * over / under;
}

static double ratio(const double over[8], const double under[8], double r) {
  double a = over[0], b = under[0];
  for (int i = 1; i < 8; i++) a = a * r + over[i], b = b * r + under[i];
  return a / b;
}

/* p: the smaller tail, 0 < p < 0.075. */
static double tail_of(double p) {
  static const double c[] = {7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
                             1.27045825245236838258e+0, 3.64784832476320460504e+0, 5.76949722146069140550e+0,
                             4.63033784615654529590e+0, 1.42343711074968357734e+0};
  static const double d[] = {
      1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
      6.89767334985100004550e-1, 1.67638483018380384940e+0, 2.05319162663775882187e+0, 1.0};
  static const double e[] = {2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
                             2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e+0,
                             5.46378491116411436990e+0, 6.65790464350110377720e+0};
  static const double f[] = {
      2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
      1.48753612908506148525e-2,  1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0};
  double r = sqrt(-log(p));
  return r <= 5 ? ratio(c, d, r - 1.6) : ratio(e, f, r - 5);
}

static double erfinv(double x) {
  double size = fabs(x);
  if (!(size < 1)) return size == 1 ? copysign(INFINITY, x) : NAN;
  if (size <= 0.85) return central(x * 0.5) * 0.70710678118654752440;
  return copysign(tail_of((1 - size) * 0.5) * 0.70710678118654752440, x);
}

HEAD(erfinv) {
  hr_elem *to = out;
  const hr_elem *from = in[0];
  (void)scalars;
  for (int64_t i = 0; i < n; i++) to[i] = (hr_elem)erfinv(from[i]);
}

/* log(e^a + e^b) = max + log1p(e^-|a - b|). Two infinities of one sign have no difference, their sum is the answer; so
 * it is with NaN. Blocks, so that exp and log1p run over whole registers. */
HEAD(logaddexp) {
  enum { BLOCK = 64 };
  hr_elem *to = out, gap[BLOCK], x[BLOCK], y[BLOCK];
  for (int64_t first = 0; first < n; first += BLOCK) {
    int64_t count = n - first < BLOCK ? n - first : BLOCK;
    for (int64_t i = 0; i < count; i++) {
      x[i] = ((const hr_elem *)in[0])[scalars & 1 ? 0 : first + i];
      y[i] = ((const hr_elem *)in[1])[scalars & 2 ? 0 : first + i];
      gap[i] = -LIBM(fabs)(x[i] - y[i]);
    }
    run_exp(gap, (const void *const[]){gap}, count, 0);
    run_log1p(gap, (const void *const[]){gap}, count, 0);
    for (int64_t i = 0; i < count; i++)
      to[first + i] = gap[i] != gap[i] ? x[i] + y[i] : (x[i] > y[i] ? x[i] : y[i]) + gap[i];
  }
}
#endif

extern const hr_math_kernels HR_NAME(hr_math);
const hr_math_kernels HR_NAME(hr_math) = {
    .unary =
        {
            [HR_UNARY_EXP] = run_exp,         [HR_UNARY_EXPM1] = run_expm1,     [HR_UNARY_LOG] = run_log,
            [HR_UNARY_LOG2] = run_log2,       [HR_UNARY_LOG10] = run_log10,     [HR_UNARY_LOG1P] = run_log1p,
            [HR_UNARY_SIN] = run_sin,         [HR_UNARY_COS] = run_cos,         [HR_UNARY_TAN] = run_tan,
            [HR_UNARY_ARCSIN] = run_arcsin,   [HR_UNARY_ARCCOS] = run_arccos,   [HR_UNARY_ARCTAN] = run_arctan,
            [HR_UNARY_SINH] = run_sinh,       [HR_UNARY_COSH] = run_cosh,       [HR_UNARY_TANH] = run_tanh,
            [HR_UNARY_ARCSINH] = run_arcsinh, [HR_UNARY_ARCCOSH] = run_arccosh, [HR_UNARY_ARCTANH] = run_arctanh,
            [HR_UNARY_ERF] = run_erf,         [HR_UNARY_ERFINV] = run_erfinv,   [HR_UNARY_SIGMOID] = run_sigmoid,
        },
    .binary =
        {
            [HR_BINARY_POWER] = run_power,
            [HR_BINARY_ARCTAN2] = run_arctan2,
            [HR_BINARY_LOGADDEXP] = run_logaddexp,
        },
};
