/* src/cpu/kernels/unary_tmpl.c - operations of one operand that need no function of a library. */
/* hr-dtypes: bool u8 u16 u32 u64 i8 i16 i32 i64 f32 f64 */
#include "cpu/kernels/elem.h"
#include "cpu/kernels/elementwise.h"
#include "cpu/kernels/vmath32.h"

#if HR_ELEM_CODE == 5 || HR_ELEM_CODE == 9
typedef uint64_t wide;
#else
typedef uint32_t wide;
#endif

typedef hr_elem (*op_fn)(hr_elem x);
typedef uint8_t (*test_fn)(hr_elem x);

HR_INLINE void map(hr_elem *out, const hr_elem *in, int64_t n, op_fn op) {
  HR_VECTOR_LOOP for (int64_t i = 0; i < n; i++) out[i] = op(in[i]);
}
HR_INLINE void map_test(uint8_t *out, const hr_elem *in, int64_t n, test_fn op) {
  HR_VECTOR_LOOP for (int64_t i = 0; i < n; i++) out[i] = op(in[i]);
}

#define MAP(name)                                                                         \
  static void run_##name(void *out, const void *const *in, int64_t n, unsigned scalars) { \
    (void)scalars;                                                                        \
    map(out, in[0], n, name);                                                             \
  }
#define MAP_TEST(name)                                                                    \
  static void run_##name(void *out, const void *const *in, int64_t n, unsigned scalars) { \
    (void)scalars;                                                                        \
    map_test(out, in[0], n, name);                                                        \
  }

HR_INLINE uint8_t not_true(hr_elem x) { return x == 0; }
MAP_TEST(not_true)

#if HR_ELEM_IS_FLOAT
#if HR_ELEM_CODE == 12
#define CALL(name) __builtin_##name##f
#define MAX        3.40282346638528859812e38f
#else
#define CALL(name) __builtin_##name
#define MAX        1.79769313486231570815e308
#endif
HR_INLINE hr_elem magnitude(hr_elem x) { return CALL(fabs)(x); }
HR_INLINE hr_elem negative(hr_elem x) { return -x; }
HR_INLINE hr_elem sign(hr_elem x) { return (hr_elem)((x > 0) - (x < 0)); } /* NaN: 0 */
HR_INLINE hr_elem square(hr_elem x) { return x * x; }
HR_INLINE hr_elem ceiling(hr_elem x) { return CALL(ceil)(x); }
HR_INLINE hr_elem floored(hr_elem x) { return CALL(floor)(x); }
HR_INLINE hr_elem rounded(hr_elem x) { return CALL(rint)(x); } /* the default rounding: halves to even */
#if HR_ELEM_CODE != 12 || HR_ISA_LEVEL < 2
HR_INLINE hr_elem root(hr_elem x) { return CALL(sqrt)(x); }
#endif
#if HR_ELEM_CODE == 12 && HR_ISA_LEVEL == 1
HR_INLINE float inverse_root(float x) { return hr_vrsqrtf(x); }
#elif HR_ELEM_CODE == 12
HR_INLINE float inverse_root(float x) { return (float)(1 / __builtin_sqrt(x)); }
#else
HR_INLINE double inverse_root(double x) { return 1 / __builtin_sqrt(x); }
#endif
HR_INLINE hr_elem reciprocal(hr_elem x) { return 1 / x; }
HR_INLINE uint8_t is_nan(hr_elem x) { return x != x; }
HR_INLINE uint8_t is_inf(hr_elem x) { return CALL(fabs)(x) > MAX; }
HR_INLINE uint8_t is_posinf(hr_elem x) { return x > MAX; }
HR_INLINE uint8_t is_neginf(hr_elem x) { return x < -MAX; }
HR_INLINE uint8_t is_finite(hr_elem x) { return CALL(fabs)(x) <= MAX; }
MAP(magnitude)
MAP(ceiling)
MAP(floored)
MAP(rounded)
#if HR_ELEM_CODE == 12 && HR_ISA_LEVEL == 2
HR_INLINE void map_16(float *out, const float *in, int64_t n, __m512 (*op)(__m512 x)) {
  for (int64_t i = 0; i < n; i += 16) {
    __mmask16 lanes = n - i < 16 ? (__mmask16)((1u << (n - i)) - 1) : (__mmask16)0xffff;
    _mm512_mask_storeu_ps(out + i, lanes, op(_mm512_maskz_loadu_ps(lanes, in + i)));
  }
}
#define MAP_16(name, op)                                                                  \
  static void run_##name(void *out, const void *const *in, int64_t n, unsigned scalars) { \
    (void)scalars;                                                                        \
    map_16(out, in[0], n, op);                                                            \
  }
MAP_16(root, hr_vsqrt16)
MAP_16(inverse_root, hr_vrsqrt16)
#else
MAP(root)
MAP(inverse_root)
#endif
MAP(reciprocal)
MAP_TEST(is_nan)
MAP_TEST(is_inf)
MAP_TEST(is_posinf)
MAP_TEST(is_neginf)
MAP_TEST(is_finite)
#else
HR_INLINE hr_elem negative(hr_elem x) { return (hr_elem)(0 - (wide)x); }
#if HR_ELEM_IS_BOOL
HR_INLINE hr_elem invert(hr_elem x) { return x ^ 1; }
#else
HR_INLINE hr_elem invert(hr_elem x) { return (hr_elem)~x; }
#endif
MAP(invert)
#if HR_ELEM_IS_SIGNED
HR_INLINE hr_elem magnitude(hr_elem x) { return x < 0 ? negative(x) : x; }
MAP(magnitude)
HR_INLINE hr_elem sign(hr_elem x) { return (hr_elem)((x > 0) - (x < 0)); }
#else
HR_INLINE hr_elem sign(hr_elem x) { return x != 0; }
#endif
HR_INLINE hr_elem square(hr_elem x) { return (hr_elem)((wide)x * (wide)x); }
#endif
MAP(negative)
MAP(sign)
MAP(square)

extern const hr_unary_kernels HR_NAME(hr_unary);
const hr_unary_kernels HR_NAME(hr_unary) = {
    .run =
        {
            [HR_UNARY_NOT] = run_not_true,
            [HR_UNARY_NEGATIVE] = run_negative,
            [HR_UNARY_SIGN] = run_sign,
            [HR_UNARY_SQUARE] = run_square,
#if HR_ELEM_IS_FLOAT || HR_ELEM_IS_SIGNED
            [HR_UNARY_ABS] = run_magnitude,
#endif
#if HR_ELEM_IS_FLOAT
            [HR_UNARY_CEIL] = run_ceiling,
            [HR_UNARY_FLOOR] = run_floored,
            [HR_UNARY_RINT] = run_rounded,
            [HR_UNARY_SQRT] = run_root,
            [HR_UNARY_RSQRT] = run_inverse_root,
            [HR_UNARY_RECIPROCAL] = run_reciprocal,
            [HR_UNARY_ISNAN] = run_is_nan,
            [HR_UNARY_ISINF] = run_is_inf,
            [HR_UNARY_ISPOSINF] = run_is_posinf,
            [HR_UNARY_ISNEGINF] = run_is_neginf,
            [HR_UNARY_ISFINITE] = run_is_finite,
#else
            [HR_UNARY_INVERT] = run_invert,
#endif
        },
};
