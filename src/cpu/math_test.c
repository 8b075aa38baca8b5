/* Every function of float32 at every instruction set that the processor has, against float64 and wider.
 *
 * By default a stride through all bit patterns, HEADRACE_STRESS=n a shorter one for n times as many, and what is around
 * special values. With HEADRACE_EXHAUSTIVE set all 2^32 arguments (of functions of two: 2^30 pairs) at the instruction
 * sets above the oldest, against the float64 kernels, which share no code with those of float32: a minute or two a
 * function. HEADRACE_EXHAUSTIVE=NAME takes one. Both print the greatest errors: the table of docs/accuracy.md. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after the headers that it needs */
#include <cmocka.h>

#include "cpu/elementwise.h"
#include "cpu/isa.h"

HR_ISA_DECLARE(hr_math_kernels, hr_math_f32);
HR_ISA_DECLARE(hr_math_kernels, hr_math_f64);
HR_ISA_DECLARE(hr_unary_kernels, hr_unary_f32);
HR_ISA_DECLARE(hr_binary_kernels, hr_binary_f32);
static const hr_math_kernels *const math_row[] = HR_ISA_ROW(hr_math_f32);
static const hr_math_kernels *const wide_row[] = HR_ISA_ROW(hr_math_f64);
static const hr_unary_kernels *const unary_row[] = HR_ISA_ROW(hr_unary_f32);
static const hr_binary_kernels *const binary_row[] = HR_ISA_ROW(hr_binary_f32);

enum { BLOCK = 4096, STRIDE = 20011, NEAR = 64, PAIRS = 1 << 19, ALL_PAIRS = 1 << 30 };

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double rsqrt(double x) { return (double)(1 / sqrtl(x)); }

/* Newton's method on erf, or on erfc where that has more digits. */
static double erfinv(double x) {
  if (!(fabs(x) < 1)) return fabs(x) == 1 ? copysign(INFINITY, x) : NAN;
  long double size = fabsl(x), t = log1pl(-size * size) / 2, a = 4.3307467508L + t;
  long double y = sqrtl(sqrtl(a * a - t * 13.605442176870748L) - a); /* Winitzki 2008, to 2e-3 */
  if (size < 0x1p-20L) return x * 0.88622692545275801365;            /* and the next term is below 2^-40 */
  for (int i = 0; i < 3; i++) {
    long double error = size < 0.5L ? erfl(y) - size : (1 - size) - erfcl(y);
    y -= error * expl(y * y) * 0.88622692545275801365L;
  }
  return copysign((double)y, x);
}

/* In long double, for the sum may cancel. */
static double logaddexp(double x, double y) {
  if (isnan(x) || isnan(y)) return NAN;
  double high = x > y ? x : y, gap = fabs(x - y);
  return isinf(high) || isinf(gap) ? high + 0.0 : (double)(high + log1pl(expl(-gap)));
}

static double remainder_floor(double x, double y) {
  float r = fmodf((float)x, (float)y);
  return r != 0 && (r < 0) != (y < 0) ? r + (float)y : r;
}
static double floor_divide(double x, double y) { return floorf((float)x / (float)y); }

static double double_of(uint64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
static uint64_t bits_of(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

/* Units of the last place of the float nearest to want, by which an error exceeds `slack`; a wrong sign, also of 0,
 * counts as infinitely many. Without branches, for blocks of them. */
static inline double ulps_beyond(float got, double want, double slack) {
  double value = got, near = (double)(float)want;
  uint64_t exponent = bits_of(want) >> 52 & 2047;
  exponent = exponent < 1023 - 126 ? 1023 - 126 : exponent > 1023 + 127 ? 1023 + 127 : exponent;
  double inverse = double_of((2046 + 23 - exponent) << 52); /* 1 / unit */
  double beyond = copysign(0x1p128, want), exact = fabs(want) == INFINITY ? beyond : want;
  double error = fabs((fabs(value) == INFINITY ? copysign(0x1p128, value) : value) - exact) - slack;
  error = (error > 0 ? error : 0) * inverse;
  int other_sign = (bits_of(value) ^ bits_of(near)) >> 63 && !(fabs(want) < slack);
  error = other_sign || value != value ? INFINITY : value == near && fabs(near) == INFINITY ? 0 : error;
  return want != want ? (value != value ? 0 : INFINITY) : error;
}

typedef struct worst {
  double error;
  float x, y, got;
} worst;

static void note(worst *w, double error, float x, float y, float got) {
  if (error > w->error) *w = (worst){error, x, y, got};
}

/* The greatest of a block; y is NULL for functions of one. */
static void note_block(worst *w, const float *got, const double *want, double slack, const float *x, const float *y) {
  double most = 0;
  for (int i = 0; i < BLOCK; i++) {
    double error = ulps_beyond(got[i], want[i], slack);
    most = error > most ? error : most;
  }
  for (int i = 0; i < BLOCK && most > w->error; i++)
    note(w, ulps_beyond(got[i], want[i], slack), x[i], y ? y[i] : 0, got[i]);
}

static const char *const isa_names[] = {"base", "avx2", "avx512"};

/* The oldest one has float64 in most of its functions, which takes long and hides no surprise. */
static int first_isa(void) { return getenv("HEADRACE_EXHAUSTIVE") && hr_isa_level() > HR_ISA_BASE; }

/* Compares with the limit; all of them, so that one failure tells everything. */
static int judge(const char *name, const worst *worsts, double most) {
  int bad = 0;
  for (int isa = first_isa(); isa <= (int)hr_isa_level(); isa++) {
    const worst *w = &worsts[isa];
    if (getenv("HEADRACE_EXHAUSTIVE") || getenv("HEADRACE_STRESS"))
      printf("%-12s %-6s %.4f ulp at %a, %a\n", name, isa_names[isa], w->error, (double)w->x, (double)w->y);
    if (w->error <= most) continue;
    bad++;
    print_error("%s(%a, %a) at %s gives %a, off by %g ulp\n", name, (double)w->x, (double)w->y, isa_names[isa],
                (double)w->got, w->error);
  }
  return bad;
}

/* How many times as many arguments as usual. */
static int stress(void) {
  const char *stress = getenv("HEADRACE_STRESS");
  int times = stress ? atoi(stress) : 1;
  return times > 0 ? times : 1;
}

static int is_wanted(const char *name) {
  const char *only = getenv("HEADRACE_EXHAUSTIVE");
  return !only || !only[0] || strcmp(only, "1") == 0 || strcmp(only, name) == 0;
}

/* --- functions of one --- */

typedef struct unary_case {
  const char *name;
  hr_unary op;
  double (*exact)(double);
  double most;
} unary_case;

static const unary_case unary_cases[] = {
    {"exp", HR_UNARY_EXP, exp, 1},
    {"expm1", HR_UNARY_EXPM1, expm1, 0.51},
    {"log", HR_UNARY_LOG, log, 1},
    {"log1p", HR_UNARY_LOG1P, log1p, 0.51},
    {"log2", HR_UNARY_LOG2, log2, 1},
    {"log10", HR_UNARY_LOG10, log10, 1},
    {"sin", HR_UNARY_SIN, sin, 1},
    {"cos", HR_UNARY_COS, cos, 1},
    {"tan", HR_UNARY_TAN, tan, 1},
    {"arcsin", HR_UNARY_ARCSIN, asin, 1},
    {"arccos", HR_UNARY_ARCCOS, acos, 1},
    {"arctan", HR_UNARY_ARCTAN, atan, 1},
    {"sinh", HR_UNARY_SINH, sinh, 0.51},
    {"cosh", HR_UNARY_COSH, cosh, 0.51},
    {"tanh", HR_UNARY_TANH, tanh, 1},
    {"arcsinh", HR_UNARY_ARCSINH, asinh, 0.51},
    {"arccosh", HR_UNARY_ARCCOSH, acosh, 0.51},
    {"arctanh", HR_UNARY_ARCTANH, atanh, 0.51},
    {"erf", HR_UNARY_ERF, erf, 1},
    {"erfinv", HR_UNARY_ERFINV, erfinv, 1},
    {"sigmoid", HR_UNARY_SIGMOID, sigmoid, 1},
    {"sqrt", HR_UNARY_SQRT, sqrt, 0.5},
    {"rsqrt", HR_UNARY_RSQRT, rsqrt, 1},
};

static void run_unary(const unary_case *c, const float *x, worst *worsts) {
  static float y[BLOCK];
  static double want[BLOCK];
  hr_kernel wide = c->op >= HR_UNARY_MATH ? wide_row[hr_isa_level()]->unary[c->op] : NULL;
  if (getenv("HEADRACE_EXHAUSTIVE") && wide) {
    static double in[BLOCK];
    for (int i = 0; i < BLOCK; i++) in[i] = x[i];
    wide(want, (const void *const[]){in}, BLOCK, 0);
  } else {
    for (int i = 0; i < BLOCK; i++) want[i] = c->exact(x[i]);
  }
  for (int isa = first_isa(); isa <= (int)hr_isa_level(); isa++) {
    hr_kernel kernel = c->op >= HR_UNARY_MATH ? math_row[isa]->unary[c->op] : unary_row[isa]->run[c->op];
    kernel(y, (const void *const[]){x}, BLOCK, 0);
    note_block(&worsts[isa], y, want, 0, x, NULL);
  }
}

static float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* Where functions change their method, have poles and zeros, overflow and underflow. */
static const float specials[] = {0,           0x1p-126f,  0x1p-25f,    0x1p-20f,  0x1p-12f, 0x1p-9f,    0.25f,
                                 0.41421357f, 0.5f,       0.70710677f, 0.999f,    1,        1.4142135f, 1.5707964f,
                                 2,           3.1415927f, 3.95f,       4.712389f, 9.01f,    16.6f,      87.33655f,
                                 88.72284f,   89.41599f,  103.97208f,  355.0f,    4096,     0x1p23f,    0x1p26f,
                                 0x1p64f,     0x1p127f,   INFINITY};

static void run_specials(const unary_case *c, worst *worsts) {
  enum { KINDS = sizeof specials / sizeof *specials };
  float x[BLOCK] = {0};
  _Static_assert(KINDS * NEAR * 2 <= BLOCK, "a block holds the neighbours of all");
  for (int k = 0; k < KINDS; k++)
    for (int i = 0; i < NEAR; i++) {
      uint32_t bits;
      memcpy(&bits, &specials[k], sizeof bits);
      bits = (bits + (uint32_t)i - NEAR / 2) & 0x7fffffffu;
      x[(2 * k) * NEAR + i] = float_of(bits);
      x[(2 * k + 1) * NEAR + i] = float_of(bits | 0x80000000u);
    }
  run_unary(c, x, worsts);
}

static void functions_of_one_are_within_an_ulp(void **state) {
  (void)state;
  static float x[BLOCK];
  uint64_t stride = getenv("HEADRACE_EXHAUSTIVE") ? 1 : (uint64_t)(STRIDE / stress()) | 1;
  int bad = 0;
  for (size_t k = 0; k < sizeof unary_cases / sizeof *unary_cases; k++) {
    const unary_case *c = &unary_cases[k];
    worst worsts[3] = {{0}};
    if (!is_wanted(c->name)) continue;
    run_specials(c, worsts);
    for (uint64_t first = 0; first < 1ull << 32; first += stride * BLOCK) {
      for (int i = 0; i < BLOCK; i++) x[i] = float_of((uint32_t)(first + (uint64_t)i * stride));
      run_unary(c, x, worsts);
    }
    bad += judge(c->name, worsts, c->most);
  }
  assert_int_equal(bad, 0);
}

/* --- functions of two --- */

typedef struct binary_case {
  const char *name;
  hr_binary op;
  double (*exact)(double, double);
  double most, slack;
} binary_case;

static const binary_case binary_cases[] = {
    {"power", HR_BINARY_POWER, pow, 0.55, 0},
    {"arctan2", HR_BINARY_ARCTAN2, atan2, 1, 0},
    {"logaddexp", HR_BINARY_LOGADDEXP, logaddexp, 0.51, 0x1p-34},
    {"remainder", HR_BINARY_REMAINDER, remainder_floor, 0, 0},
    {"floor_divide", HR_BINARY_FLOOR_DIVIDE, floor_divide, 0, 0},
};

static uint64_t next(uint64_t *seed) {
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return *seed >> 32;
}

/* Any bits; moderate numbers; or small integers and special values. */
static float any_float(uint64_t *seed, int kind) {
  static const float few[] = {0, -0.0f, 1,    -1,       0.5f,      -0.5f, 2,       -2,
                              3, -3,    2.5f, INFINITY, -INFINITY, NAN,   0x1p24f, -0x1.000002p23f};
  uint32_t bits = (uint32_t)next(seed);
  if (kind == 0) return float_of(bits);
  if (kind == 1) return ((float)bits * 0x1p-32f - 0.5f) * 40;
  return few[bits >> 28];
}

static void run_binary(const binary_case *c, const float *x, const float *y, worst *worsts) {
  static float z[BLOCK];
  static double want[BLOCK];
  for (int i = 0; i < BLOCK; i++) want[i] = c->exact(x[i], y[i]);
  for (int isa = first_isa(); isa <= (int)hr_isa_level(); isa++) {
    hr_kernel kernel = binary_row[isa]->run[c->op] ? binary_row[isa]->run[c->op] : math_row[isa]->binary[c->op];
    kernel(z, (const void *const[]){x, y}, BLOCK, 0);
    note_block(&worsts[isa], z, want, c->slack, x, y);
  }
}

static void functions_of_two_are_within_an_ulp(void **state) {
  (void)state;
  static float x[BLOCK], y[BLOCK];
  int64_t pairs = getenv("HEADRACE_EXHAUSTIVE") ? ALL_PAIRS : (int64_t)PAIRS * stress();
  int bad = 0;
  for (size_t k = 0; k < sizeof binary_cases / sizeof *binary_cases; k++) {
    const binary_case *c = &binary_cases[k];
    worst worsts[3] = {{0}};
    uint64_t seed = 1;
    if (!is_wanted(c->name)) continue;
    for (int64_t first = 0; first < pairs; first += BLOCK) {
      for (int i = 0; i < BLOCK; i++) {
        x[i] = any_float(&seed, i % 3);
        y[i] = any_float(&seed, i / 3 % 3);
      }
      run_binary(c, x, y, worsts);
    }
    bad += judge(c->name, worsts, c->most);
  }
  assert_int_equal(bad, 0);
}

/* One operand for all, and the tail of a run, give the same bits. */
static void a_value_does_not_depend_on_its_place(void **state) {
  (void)state;
  static float x[BLOCK], y[BLOCK], all[BLOCK], one[BLOCK];
  uint64_t seed = 2;
  for (int i = 0; i < BLOCK; i++) x[i] = any_float(&seed, i % 3), y[i] = any_float(&seed, 1);
  for (int isa = 0; isa <= (int)hr_isa_level(); isa++) {
    for (int op = HR_UNARY_MATH; op < HR_UNARY_CONJUGATE; op++) {
      math_row[isa]->unary[op](all, (const void *const[]){x}, BLOCK, 0);
      for (int i = 0; i < BLOCK; i += 7) {
        math_row[isa]->unary[op](one, (const void *const[]){x + i}, 1, 0);
        if (!isnan(all[i])) assert_memory_equal(one, all + i, sizeof *one);
      }
    }
    for (size_t k = 0; k < sizeof binary_cases / sizeof *binary_cases; k++) {
      hr_binary op = binary_cases[k].op;
      hr_kernel kernel = binary_row[isa]->run[op] ? binary_row[isa]->run[op] : math_row[isa]->binary[op];
      kernel(all, (const void *const[]){x, y}, BLOCK, 0);
      for (int i = 0; i < BLOCK; i += 7)
        for (unsigned scalars = 0; scalars < 4; scalars++) {
          kernel(one, (const void *const[]){x + i, y + i}, 1, scalars);
          if (!isnan(all[i])) assert_memory_equal(one, all + i, sizeof *one);
        }
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(functions_of_one_are_within_an_ulp),
      cmocka_unit_test(functions_of_two_are_within_an_ulp),
      cmocka_unit_test(a_value_does_not_depend_on_its_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
