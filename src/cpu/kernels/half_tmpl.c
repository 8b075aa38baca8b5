/* src/cpu/kernels/half_tmpl.c - arithmetic of half types that is so cheap that conversions in passes of their own would
 * take most of the time: 32 elements at once, computed in float32 and rounded once in registers. For AVX-512; elsewhere
 * a pass widens and narrows (cpu/elementwise.h). */
/* hr-dtypes: f16 bf16 */
#include "cpu/kernels/elem.h"
#include "cpu/kernels/elementwise.h"
#include "cpu/kernels/vmath32.h"

#if HR_ISA_LEVEL == 2
#include <immintrin.h>

enum { STEP = 32 };

/* 32 elements: of f16 in order, of bf16 the even and the odd ones, which need no permutation. */
typedef struct pair {
  __m512 x, y;
} pair;

#if HR_ELEM_CODE == HR_CODE_f16
HR_INLINE pair widen(__m512i v) {
  return (pair){_mm512_cvtph_ps(_mm512_castsi512_si256(v)), _mm512_cvtph_ps(_mm512_extracti64x4_epi64(v, 1))};
}
HR_INLINE __m512i narrow(pair p) {
  __m256i low = _mm512_cvtps_ph(p.x, _MM_FROUND_TO_NEAREST_INT);
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), _mm512_cvtps_ph(p.y, _MM_FROUND_TO_NEAREST_INT), 1);
}
#else
HR_INLINE __m512i upper_of(__m512i v) { return _mm512_and_si512(v, _mm512_set1_epi32((int)0xffff0000u)); }
HR_INLINE pair widen(__m512i v) {
  return (pair){_mm512_castsi512_ps(_mm512_slli_epi32(v, 16)), _mm512_castsi512_ps(upper_of(v))};
}
/* As hr_bf16_store: to nearest even in the upper half; NaN becomes quiet. */
HR_INLINE __m512i rounded(__m512 x) {
  __m512i bits = _mm512_castps_si512(x), odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  __m512i sum = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
  return _mm512_mask_or_epi32(sum, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), bits, _mm512_set1_epi32(0x400000));
}
HR_INLINE __m512i narrow(pair p) {
  return _mm512_or_si512(_mm512_srli_epi32(rounded(p.x), 16), upper_of(rounded(p.y)));
}
#endif

typedef __m512 (*unary_fn)(__m512 x);
typedef __m512 (*binary_fn)(__m512 x, __m512 y);

HR_INLINE void map(uint16_t *out, const uint16_t *in, int64_t n, unary_fn op) {
  for (int64_t i = 0; i < n; i += STEP) {
    __mmask32 lanes = n - i < STEP ? (__mmask32)((1u << (n - i)) - 1) : (__mmask32)-1;
    pair a = widen(_mm512_maskz_loadu_epi16(lanes, in + i));
    _mm512_mask_storeu_epi16(out + i, lanes, narrow((pair){op(a.x), op(a.y)}));
  }
}

HR_INLINE pair apply(__m512i a, __m512i b, binary_fn op) {
  pair x = widen(a), y = widen(b);
  return (pair){op(x.x, y.x), op(x.y, y.y)};
}

HR_INLINE void map2(uint16_t *out, const void *const *in, int64_t n, unsigned scalars, binary_fn op) {
  const uint16_t *a = in[0], *b = in[1];
  __m512i x = _mm512_set1_epi16((short)(n > 0 ? *a : 0)), y = _mm512_set1_epi16((short)(n > 0 ? *b : 0));
  int64_t i = 0;
  for (; i + STEP <= n; i += STEP) {
    if (!(scalars & 1)) x = _mm512_loadu_si512(a + i);
    if (!(scalars & 2)) y = _mm512_loadu_si512(b + i);
    _mm512_storeu_si512(out + i, narrow(apply(x, y, op)));
  }
  if (i == n) return;
  __mmask32 lanes = (__mmask32)((1u << (n - i)) - 1);
  if (!(scalars & 1)) x = _mm512_maskz_loadu_epi16(lanes, a + i);
  if (!(scalars & 2)) y = _mm512_maskz_loadu_epi16(lanes, b + i);
  _mm512_mask_storeu_epi16(out + i, lanes, narrow(apply(x, y, op)));
}

#define MAP(name)                                                                         \
  static void run_##name(void *out, const void *const *in, int64_t n, unsigned scalars) { \
    (void)scalars;                                                                        \
    map(out, in[0], n, name);                                                             \
  }
#define MAP2(name)                                                                        \
  static void run_##name(void *out, const void *const *in, int64_t n, unsigned scalars) { \
    map2(out, in, n, scalars, name);                                                      \
  }

HR_INLINE __m512 add(__m512 x, __m512 y) { return _mm512_add_ps(x, y); }
HR_INLINE __m512 subtract(__m512 x, __m512 y) { return _mm512_sub_ps(x, y); }
HR_INLINE __m512 multiply(__m512 x, __m512 y) { return _mm512_mul_ps(x, y); }
HR_INLINE __m512 divide(__m512 x, __m512 y) { return _mm512_div_ps(x, y); }
/* The instructions answer with their second operand where one is NaN or both are 0; a NaN in the first one wins. */
HR_INLINE __m512 nan_of(__m512 found, __m512 x) {
  return _mm512_mask_mov_ps(found, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), x);
}
HR_INLINE __m512 maximum(__m512 x, __m512 y) { return nan_of(_mm512_max_ps(x, y), x); }
HR_INLINE __m512 minimum(__m512 x, __m512 y) { return nan_of(_mm512_min_ps(x, y), x); }
HR_INLINE __m512 root(__m512 x) { return hr_vsqrt16(x); }
MAP2(add)
MAP2(subtract)
MAP2(multiply)
MAP2(divide)
MAP2(maximum)
MAP2(minimum)
MAP(root)

HR_INLINE __m512 clipped(__m512 x, __m512 least, __m512 greatest) { return minimum(maximum(x, least), greatest); }

static void run_clip(void *out, const void *const *in, int64_t n, unsigned scalars) {
  const uint16_t *x = in[0];
  if (n <= 0) return;
  __m512 least = _mm512_set1_ps(hr_elem_load(in[1])), greatest = _mm512_set1_ps(hr_elem_load(in[2]));
  for (int64_t i = 0; i < n; i += STEP) {
    __mmask32 lanes = n - i < STEP ? (__mmask32)((1u << (n - i)) - 1) : (__mmask32)-1;
    pair a = widen(scalars & 1 ? _mm512_set1_epi16((short)*x) : _mm512_maskz_loadu_epi16(lanes, x + i));
    a = (pair){clipped(a.x, least, greatest), clipped(a.y, least, greatest)};
    _mm512_mask_storeu_epi16((uint16_t *)out + i, lanes, narrow(a));
  }
}

/* Signs are bits, also those of NaN. */
HR_INLINE void map_bits(void *out, const void *in, int64_t n, uint16_t clear, uint16_t flip) {
  uint16_t *to = out;
  const uint16_t *from = in;
  HR_VECTOR_LOOP for (int64_t i = 0; i < n; i++) to[i] = (uint16_t)((from[i] & ~clear) ^ flip);
}
static void run_magnitude(void *out, const void *const *in, int64_t n, unsigned scalars) {
  (void)scalars;
  map_bits(out, in[0], n, 0x8000, 0);
}
static void run_negative(void *out, const void *const *in, int64_t n, unsigned scalars) {
  (void)scalars;
  map_bits(out, in[0], n, 0, 0x8000);
}
#endif

extern const hr_unary_kernels HR_NAME(hr_unary);
const hr_unary_kernels HR_NAME(hr_unary) = {
    .run =
        {
#if HR_ISA_LEVEL == 2
            [HR_UNARY_ABS] = run_magnitude,
            [HR_UNARY_NEGATIVE] = run_negative,
            [HR_UNARY_SQRT] = run_root,
#else
            NULL,
#endif
        },
};

extern const hr_binary_kernels HR_NAME(hr_binary);
const hr_binary_kernels HR_NAME(hr_binary) = {
    .run =
        {
#if HR_ISA_LEVEL == 2
            [HR_BINARY_ADD] = run_add,
            [HR_BINARY_SUBTRACT] = run_subtract,
            [HR_BINARY_MULTIPLY] = run_multiply,
            [HR_BINARY_DIVIDE] = run_divide,
            [HR_BINARY_MAXIMUM] = run_maximum,
            [HR_BINARY_MINIMUM] = run_minimum,
            [HR_BINARY_CLIP] = run_clip,
#else
            NULL,
#endif
        },
};
