/* src/cpu/kernels/binary_tmpl.c - operations of two operands. Vector and scalar operands meet in three loops; the
 * compiler makes vector code of each.
 * hr-dtypes list for the build: */
/* hr-dtypes: bool u8 u16 u32 u64 i8 i16 i32 i64 f32 f64 */
#include <math.h>

#include "cpu/kernels/elem.h"
#include "cpu/kernels/elementwise.h"

/* Integers are computed in an unsigned type that does not promote to int, so that they wrap. */
#if HR_ELEM_CODE == 5 || HR_ELEM_CODE == 9
typedef uint64_t wide;
enum { SHIFT_MASK = 63 };
#else
typedef uint32_t wide;
enum { SHIFT_MASK = 31 };
#endif

typedef hr_elem (*op_fn)(hr_elem a, hr_elem b);
typedef uint8_t (*test_fn)(hr_elem a, hr_elem b);

HR_INLINE void map(hr_elem *out, const void *const *in, int64_t n, unsigned scalars, op_fn op) {
  const hr_elem *a = in[0], *b = in[1];
  if (scalars & 1) {
    hr_elem x = *a;
    HR_VECTOR_LOOP for (int64_t i = 0; i < n; i++) out[i] = op(x, scalars & 2 ? *b : b[i]);
  } else if (scalars & 2) {
    hr_elem y = *b;
    HR_VECTOR_LOOP for (int64_t i = 0; i < n; i++) out[i] = op(a[i], y);
  } else {
    HR_VECTOR_LOOP for (int64_t i = 0; i < n; i++) out[i] = op(a[i], b[i]);
  }
}

HR_INLINE void map_test(uint8_t *out, const void *const *in, int64_t n, unsigned scalars, test_fn op) {
  const hr_elem *a = in[0], *b = in[1];
  if (scalars & 1) {
    hr_elem x = *a;
    HR_VECTOR_LOOP for (int64_t i = 0; i < n; i++) out[i] = op(x, scalars & 2 ? *b : b[i]);
  } else if (scalars & 2) {
    hr_elem y = *b;
    HR_VECTOR_LOOP for (int64_t i = 0; i < n; i++) out[i] = op(a[i], y);
  } else {
    HR_VECTOR_LOOP for (int64_t i = 0; i < n; i++) out[i] = op(a[i], b[i]);
  }
}

#define MAP(name)                                                                         \
  static void run_##name(void *out, const void *const *in, int64_t n, unsigned scalars) { \
    map(out, in, n, scalars, name);                                                       \
  }
#define MAP_TEST(name)                                                                    \
  static void run_##name(void *out, const void *const *in, int64_t n, unsigned scalars) { \
    map_test(out, in, n, scalars, name);                                                  \
  }

#if HR_ELEM_IS_FLOAT
#define FLOAT_OR(a, b) a
#else
#define FLOAT_OR(a, b) b
#endif

/* Two's complement: the unsigned type's kernels serve the signed one too. */
#if !HR_ELEM_IS_SIGNED
#if HR_ELEM_IS_BOOL
HR_INLINE hr_elem add(hr_elem a, hr_elem b) { return a | b; }
HR_INLINE hr_elem subtract(hr_elem a, hr_elem b) { return a ^ b; }
HR_INLINE hr_elem multiply(hr_elem a, hr_elem b) { return a & b; }
#elif HR_ELEM_IS_FLOAT
HR_INLINE hr_elem add(hr_elem a, hr_elem b) { return a + b; }
HR_INLINE hr_elem subtract(hr_elem a, hr_elem b) { return a - b; }
HR_INLINE hr_elem multiply(hr_elem a, hr_elem b) { return a * b; }
#else
HR_INLINE hr_elem add(hr_elem a, hr_elem b) { return (hr_elem)((wide)a + (wide)b); }
HR_INLINE hr_elem subtract(hr_elem a, hr_elem b) { return (hr_elem)((wide)a - (wide)b); }
HR_INLINE hr_elem multiply(hr_elem a, hr_elem b) { return (hr_elem)((wide)a * (wide)b); }
#endif
HR_INLINE uint8_t equal(hr_elem a, hr_elem b) { return a == b; }
HR_INLINE uint8_t not_equal(hr_elem a, hr_elem b) { return a != b; }
HR_INLINE uint8_t logical_and(hr_elem a, hr_elem b) { return (a != 0) & (b != 0); }
HR_INLINE uint8_t logical_or(hr_elem a, hr_elem b) { return (a != 0) | (b != 0); }
MAP(add)
MAP(subtract)
MAP(multiply)
MAP_TEST(equal)
MAP_TEST(not_equal)
MAP_TEST(logical_and)
MAP_TEST(logical_or)
#endif

HR_INLINE uint8_t less(hr_elem a, hr_elem b) { return a < b; }
HR_INLINE uint8_t less_equal(hr_elem a, hr_elem b) { return a <= b; }
MAP_TEST(less)
MAP_TEST(less_equal)

#if HR_ELEM_IS_FLOAT
HR_INLINE hr_elem divide(hr_elem a, hr_elem b) { return a / b; }
MAP(divide)

HR_INLINE hr_elem maximum(hr_elem a, hr_elem b) { return a > b || a != a ? a : b; }
HR_INLINE hr_elem minimum(hr_elem a, hr_elem b) { return a < b || a != a ? a : b; }

HR_INLINE uint8_t equal_nan(hr_elem a, hr_elem b) { return (a == b) | ((a != a) & (b != b)); }
MAP_TEST(equal_nan)

#if HR_ELEM_CODE == 12
#define LIBM(name) name##f
#else
#define LIBM(name) name
#endif
HR_INLINE hr_elem floor_divide(hr_elem a, hr_elem b) { return LIBM(floor)(a / b); }
HR_INLINE hr_elem remainder_floor(hr_elem a, hr_elem b) {
  hr_elem r = LIBM(fmod)(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

#else /* integers and bool */

HR_INLINE hr_elem maximum(hr_elem a, hr_elem b) { return a > b ? a : b; }
HR_INLINE hr_elem minimum(hr_elem a, hr_elem b) { return a < b ? a : b; }

/* Divisors for which the quotient needs none: 0, and -1, for the smallest integer has no positive twin. */
#if HR_ELEM_IS_SIGNED
HR_INLINE int is_easy(hr_elem b) { return (b == 0) | (b == -1); }
HR_INLINE int signs_differ(hr_elem a, hr_elem b) { return (a < 0) != (b < 0); }
#else
HR_INLINE int is_easy(hr_elem b) { return b == 0; }
HR_INLINE int signs_differ(hr_elem a, hr_elem b) { return (void)a, (void)b, 0; }
#endif
HR_INLINE hr_elem easy_quotient(hr_elem a, hr_elem b) { return (hr_elem)(b ? 0 - (wide)a : 0); }

#if HR_ISA_LEVEL >= 1 && HR_ELEM_CODE != 5 && HR_ELEM_CODE != 9
/* The rounded down quotient of two floats that hold the operands exactly, which makes vector code. A quotient that is
 * no integer is 1 / b or more away from one, and rounding moves it by less. */
#if HR_ELEM_CODE == 4 || HR_ELEM_CODE == 8
typedef double ratio;
#define FLOOR __builtin_floor
#else
typedef float ratio;
#define FLOOR __builtin_floorf
#endif
#if HR_ELEM_CODE == 4 /* vector instructions know signed integers: 2^31 goes off and on again */
HR_INLINE ratio widened(hr_elem a) { return (ratio)(int32_t)(a ^ 0x80000000u) + 0x1p31; }
HR_INLINE hr_elem narrowed(ratio q) { return (hr_elem)(int32_t)(q - 0x1p31) ^ 0x80000000u; }
#else
HR_INLINE ratio widened(hr_elem a) { return (ratio)a; }
HR_INLINE hr_elem narrowed(ratio q) { return (hr_elem)(int32_t)q; }
#endif
HR_INLINE hr_elem floor_divide(hr_elem a, hr_elem b) {
  hr_elem by = is_easy(b) ? 1 : b, q = narrowed(FLOOR(widened(a) / widened(by)));
  return is_easy(b) ? easy_quotient(a, b) : q;
}
HR_INLINE hr_elem remainder_floor(hr_elem a, hr_elem b) {
  hr_elem by = is_easy(b) ? 1 : b, q = narrowed(FLOOR(widened(a) / widened(by)));
  return (hr_elem)((wide)a - (wide)q * (wide)by); /* of 1: 0 */
}
#else
HR_INLINE hr_elem floor_divide(hr_elem a, hr_elem b) {
  if (is_easy(b)) return easy_quotient(a, b);
  hr_elem q = (hr_elem)(a / b);
  return (hr_elem)(q - (a % b != 0 && signs_differ(a, b)));
}
HR_INLINE hr_elem remainder_floor(hr_elem a, hr_elem b) {
  if (is_easy(b)) return 0;
  hr_elem r = (hr_elem)(a % b);
  return (hr_elem)(r != 0 && signs_differ(r, b) ? r + b : r);
}
#endif
#if HR_ELEM_IS_SIGNED
HR_INLINE hr_elem shift_right(hr_elem a, hr_elem b) { return (hr_elem)(a >> ((wide)b & SHIFT_MASK)); }
MAP(shift_right)
#else
HR_INLINE hr_elem bit_and(hr_elem a, hr_elem b) { return a & b; }
HR_INLINE hr_elem bit_or(hr_elem a, hr_elem b) { return a | b; }
HR_INLINE hr_elem bit_xor(hr_elem a, hr_elem b) { return a ^ b; }
MAP(bit_and)
MAP(bit_or)
MAP(bit_xor)
#if !HR_ELEM_IS_BOOL
HR_INLINE hr_elem shift_left(hr_elem a, hr_elem b) { return (hr_elem)((wide)a << ((wide)b & SHIFT_MASK)); }
HR_INLINE hr_elem shift_right(hr_elem a, hr_elem b) { return (hr_elem)((wide)a >> ((wide)b & SHIFT_MASK)); }
MAP(shift_left)
MAP(shift_right)
#endif
#endif

/* Squares and multiplies. The bits of the exponent are few, so is the loop. */
HR_INLINE hr_elem power(hr_elem base, hr_elem exponent) {
#if HR_ELEM_IS_BOOL
  return base | !exponent;
#else
#if HR_ELEM_IS_SIGNED
  if (exponent < 0) return 0;
#endif
  wide result = 1, square = (wide)base;
  for (wide e = (wide)exponent; e; e >>= 1) {
    if (e & 1) result *= square;
    square *= square;
  }
  return (hr_elem)result;
#endif
}
MAP(power)
#endif

MAP(maximum)
MAP(minimum)
MAP(floor_divide)

/* Two loops over a block, each of which becomes vector code. */
static void run_clip(void *out, const void *const *in, int64_t n, unsigned scalars) {
  enum { BLOCK = 512 };
  hr_elem *to = out, part[BLOCK];
  for (int64_t first = 0; first < n; first += BLOCK) {
    int64_t count = n - first < BLOCK ? n - first : BLOCK;
    const hr_elem *x = scalars & 1 ? in[0] : (const hr_elem *)in[0] + first;
    map(part, (const void *const[]){x, in[1]}, count, scalars & 1 ? 3 : 2, maximum);
    map(to + first, (const void *const[]){part, in[2]}, count, 2, minimum);
  }
}

#if HR_ELEM_CODE == 12
/* The same without a loop, for quotients below 2^28: n is the integer next to a / b, n b has 52 bits at most, and so
 * a - n b is exact. The quotient is told from an integer, for it is at least 2^-24 away from it. */
HR_INLINE float remainder_near(float a, float b) {
  double wide = a, by = b, n = wide / by + 0x1.8p52 - 0x1.8p52, r = wide - n * by;
  double size = by < 0 ? -by : by;
  r = r != 0 && (r < 0) != (a < 0) ? r + (a < 0 ? -size : size) : r; /* of fmod: the sign of a */
  float rest = (float)r;
  rest = rest == 0 ? hr_f32_bits(hr_bits_f32(a) & 0x80000000u) : rest;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}
HR_INLINE int remainder_is_far(float a, float b) {
  return !(__builtin_fabs((double)a) < 0x1p28 * __builtin_fabs((double)b) && __builtin_fabsf(b) <= 3.40282347e38f);
}

static void run_remainder_floor(void *out, const void *const *in, int64_t n, unsigned scalars) {
  enum { BLOCK = 256 };
  float spread[2][BLOCK], y[BLOCK];
  for (int k = 0; k < 2; k++)
    for (int i = 0; i < BLOCK && scalars >> k & 1; i++) spread[k][i] = *(const float *)in[k];
  for (int64_t first = 0; first < n; first += BLOCK) {
    int64_t count = n - first < BLOCK ? n - first : BLOCK;
    const float *a = scalars & 1 ? spread[0] : (const float *)in[0] + first;
    const float *b = scalars & 2 ? spread[1] : (const float *)in[1] + first;
    int far = 0;
    for (int64_t i = 0; i < count; i++) y[i] = remainder_near(a[i], b[i]), far |= remainder_is_far(a[i], b[i]);
    for (int64_t i = 0; i < count && far; i++)
      if (remainder_is_far(a[i], b[i])) y[i] = remainder_floor(a[i], b[i]);
    memcpy((float *)out + first, y, (size_t)count * sizeof *y);
  }
}
#else
MAP(remainder_floor)
#endif

extern const hr_binary_kernels HR_NAME(hr_binary);
const hr_binary_kernels HR_NAME(hr_binary) = {
    .run =
        {
#if !HR_ELEM_IS_SIGNED
            [HR_BINARY_ADD] = run_add,
            [HR_BINARY_SUBTRACT] = run_subtract,
            [HR_BINARY_MULTIPLY] = run_multiply,
            [HR_BINARY_EQUAL] = run_equal,
            [HR_BINARY_NOT_EQUAL] = run_not_equal,
            [HR_BINARY_LOGICAL_AND] = run_logical_and,
            [HR_BINARY_LOGICAL_OR] = run_logical_or,
            [HR_BINARY_EQUAL_NAN] = FLOAT_OR(run_equal_nan, run_equal),
#endif
#if HR_ELEM_IS_FLOAT
            [HR_BINARY_DIVIDE] = run_divide,
#else
            [HR_BINARY_POWER] = run_power,
#if !HR_ELEM_IS_SIGNED
            [HR_BINARY_AND] = run_bit_and,
            [HR_BINARY_OR] = run_bit_or,
            [HR_BINARY_XOR] = run_bit_xor,
#if !HR_ELEM_IS_BOOL
            [HR_BINARY_SHL] = run_shift_left,
#endif
#endif
#if !HR_ELEM_IS_BOOL
            [HR_BINARY_SHR] = run_shift_right,
#endif
#endif
            [HR_BINARY_FLOOR_DIVIDE] = run_floor_divide,
            [HR_BINARY_REMAINDER] = run_remainder_floor,
            [HR_BINARY_MAXIMUM] = run_maximum,
            [HR_BINARY_MINIMUM] = run_minimum,
            [HR_BINARY_CLIP] = run_clip,
            [HR_BINARY_LESS] = run_less,
            [HR_BINARY_LESS_EQUAL] = run_less_equal,
        },
};
