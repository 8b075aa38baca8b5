/* src/cpu/kernels/cast_tmpl.c - from HR_DTYPE to each dtype, by the rules of C with what C leaves open settled:
 * - to bool: not equal to zero (either part of c64);
 * - from c64 to real: the real part;
 * - float to integer: truncated; to integers of up to 32 bits through int32 (uint32: through int64), whose low bits are
 *   kept; what the wider type cannot hold, NaN too, is its smallest value, which is what x86 instructions answer
 *   (uint64: 0 from 2^64 on, else as int64);
 * - integer to integer: low bits. */
/* hr-dtypes: bool u8 u16 u32 u64 i8 i16 i32 i64 f16 bf16 f32 f64 c64 */
#include "cpu/kernels/elem.h"
#include "cpu/kernels/elementwise.h"
#ifdef __x86_64__
#include <immintrin.h>
#endif

#if HR_ELEM_IS_COMPLEX
typedef float source; /* complex elements are read as pairs */
enum { STEP = 2 };
#elif HR_ELEM_IS_HALF
typedef float source;
enum { STEP = 1 };
#else
typedef hr_elem source;
enum { STEP = 1 };
#endif

#if HR_ELEM_IS_HALF
HR_INLINE source load(const void *in, int64_t i) { return hr_elem_load((const hr_elem *)in + i); }
#else
HR_INLINE source load(const void *in, int64_t i) { return ((const source *)in)[i * STEP]; }
#endif

#if HR_ELEM_IS_FLOAT || HR_ELEM_IS_COMPLEX
/* Converting what does not fit is undefined in C: it is replaced before the conversion, which costs one comparison and
 * one blend in vector code. To 64 bits there are no vectors before AVX-512: the scalar instruction alone is faster. */
#if HR_ELEM_CODE == HR_CODE_f64
HR_INLINE source size_of(source x) { return __builtin_fabs(x); }
#else
HR_INLINE source size_of(source x) { return __builtin_fabsf(x); }
#endif
HR_INLINE int32_t to_int32(source x) { return (int32_t)(size_of(x) < (source)0x1p31 ? x : -(source)0x1p31); }
#if defined(__x86_64__) && HR_ISA_LEVEL < 2 && HR_ELEM_CODE == HR_CODE_f64
HR_INLINE int64_t to_int64(source x) { return _mm_cvttsd_si64(_mm_set_sd(x)); }
#elif defined(__x86_64__) && HR_ISA_LEVEL < 2
HR_INLINE int64_t to_int64(source x) { return _mm_cvttss_si64(_mm_set_ss(x)); }
#else
HR_INLINE int64_t to_int64(source x) { return (int64_t)(size_of(x) < (source)0x1p63 ? x : -(source)0x1p63); }
#endif
HR_INLINE uint32_t to_uint32(source x) { return (uint32_t)to_int64(x); }
HR_INLINE uint64_t to_uint64(source x) {
  const source half = (source)0x1p63;
  return x >= half ? (uint64_t)to_int64(x - half) ^ 1ull << 63 : (uint64_t)to_int64(x);
}
#else
HR_INLINE int64_t to_int64(source x) { return (int64_t)x; }
HR_INLINE int32_t to_int32(source x) { return (int32_t)x; }
HR_INLINE uint32_t to_uint32(source x) { return (uint32_t)x; }
HR_INLINE uint64_t to_uint64(source x) { return (uint64_t)x; }
#endif

#define CAST(name, type, expression)                                                \
  static void name(void *out, const void *const *in, int64_t n, unsigned scalars) { \
    type *to = out;                                                                 \
    const void *from = in[0];                                                       \
    (void)scalars;                                                                  \
    HR_VECTOR_LOOP for (int64_t i = 0; i < n; i++) {                                \
      source x = load(from, i);                                                     \
      to[i] = (type)(expression);                                                   \
    }                                                                               \
  }

#if HR_ELEM_IS_COMPLEX
CAST(cast_bool, uint8_t, (x != 0) | (((const float *)from)[2 * i + 1] != 0))
#else
CAST(cast_bool, uint8_t, x != 0)
#endif
CAST(cast_u8, uint8_t, to_int32(x))
CAST(cast_u16, uint16_t, to_int32(x))
CAST(cast_u32, uint32_t, to_uint32(x))
CAST(cast_u64, uint64_t, to_uint64(x))
CAST(cast_i32, int32_t, to_int32(x))
CAST(cast_i64, int64_t, to_int64(x))
CAST(cast_f64, double, x)

#if HR_ELEM_CODE == 10 && HR_ISA_LEVEL >= 1
/* The tail goes through the same instruction in a block of its own. */
static void cast_f32(void *out, const void *const *in, int64_t n, unsigned scalars) {
  float *to = out;
  const uint16_t *from = in[0];
  (void)scalars;
  for (; n >= 8; n -= 8, from += 8, to += 8)
    _mm256_storeu_ps(to, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)from)));
  for (; n > 0; n--) *to++ = _cvtsh_ss(*from++);
}
#else
CAST(cast_f32, float, x)
#endif

#if HR_ELEM_CODE == 12 && HR_ISA_LEVEL >= 1
static void cast_f16(void *out, const void *const *in, int64_t n, unsigned scalars) {
  uint16_t *to = out;
  const float *from = in[0];
  (void)scalars;
  for (; n >= 8; n -= 8, from += 8, to += 8) _mm_storeu_si128((__m128i *)to, _mm256_cvtps_ph(_mm256_loadu_ps(from), 0));
  for (; n > 0; n--) *to++ = _cvtss_sh(*from++, 0);
}
#elif HR_ELEM_CODE == 13
/* Rounded once: to odd at float's precision first, so that the second rounding sees what the first cut off. */
HR_INLINE float to_odd(double x) {
  float near = (float)x;
  uint32_t bits = hr_bits_f32(near);
  uint32_t away = __builtin_fabsf(near) > __builtin_fabs(x);
  return (double)near == x || x != x || (bits & 0x7f800000u) == 0x7f800000u ? near : hr_f32_bits((bits - away) | 1u);
}
CAST(cast_f16, uint16_t, hr_f16_store(to_odd(x)))
#else
CAST(cast_f16, uint16_t, hr_f16_store((float)x))
#endif
#if HR_ELEM_CODE == 13
CAST(cast_bf16, uint16_t, hr_bf16_store(to_odd(x)))
#elif HR_ELEM_CODE == 12 && HR_ISA_LEVEL == 2
/* As hr_bf16_store for all but NaN; the result is the upper half. */
HR_INLINE __m512i rounded_up(__m512i bits) {
  __mmask16 odd = _mm512_test_epi32_mask(bits, _mm512_set1_epi32(0x10000));
  return _mm512_mask_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd, bits, _mm512_set1_epi32(0x8000));
}
/* Pairs of vectors: one look for NaN, and one permutation that picks the upper halves of both. */
static void cast_bf16(void *out, const void *const *in, int64_t n, unsigned scalars) {
  uint16_t *to = out;
  const float *from = in[0];
  int64_t i = 0;
  __m512i upper = _mm512_set_epi16(63, 61, 59, 57, 55, 53, 51, 49, 47, 45, 43, 41, 39, 37, 35, 33, 31, 29, 27, 25, 23,
                                   21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
  (void)scalars;
  for (; i + 32 <= n; i += 32) {
    __m512 a = _mm512_loadu_ps(from + i), b = _mm512_loadu_ps(from + i + 16);
    if (_mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q)) {
      for (int64_t k = i; k < i + 32; k++) to[k] = hr_bf16_store(from[k]);
    } else {
      __m512i x = rounded_up(_mm512_castps_si512(a)), y = rounded_up(_mm512_castps_si512(b));
      _mm512_storeu_si512(to + i, _mm512_permutex2var_epi16(x, upper, y));
    }
  }
  for (; i < n; i++) to[i] = hr_bf16_store(from[i]);
}
#else
CAST(cast_bf16, uint16_t, hr_bf16_store((float)x))
#endif

static void cast_c64(void *out, const void *const *in, int64_t n, unsigned scalars) {
  float *to = out;
  const void *from = in[0];
  (void)scalars;
  for (int64_t i = 0; i < n; i++) {
    float re = (float)load(from, i);
#if HR_ELEM_IS_COMPLEX
    float im = ((const float *)from)[2 * i + 1];
#else
    float im = 0;
#endif
    to[2 * i] = re;
    to[2 * i + 1] = im;
  }
}

/* In the order of hr_dtype. i8 and i16 take the low bits as u8 and u16 do. */
extern const hr_cast_kernels HR_NAME(hr_cast);
const hr_cast_kernels HR_NAME(hr_cast) = {
    .to = {cast_bool, cast_u8, cast_u16, cast_u32, cast_u64, cast_u8, cast_u16, cast_i32, cast_i64, cast_f16, cast_f32,
           cast_f64, cast_bf16, cast_c64},
};
