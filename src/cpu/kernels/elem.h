/* src/cpu/kernels/elem.h - what a kernel template sees of its dtype and instruction set. For _tmpl.c files only: the
 * build defines HR_ISA (base, avx2, avx512), HR_ISA_LEVEL (0, 1, 2) and, for templates with a list of dtypes, HR_DTYPE
 * (a kernel name of array/dtype.h: bool u8 .. i64 f16 bf16 f32 f64 c64).
 *
 * With HR_DTYPE this header gives
 *   hr_elem                 the type in memory (bool: uint8_t 0 or 1; f16 and bf16: uint16_t; c64: float _Complex)
 *   hr_accum                the type to compute in: float for f16 and bf16, else hr_elem
 *   hr_elem_load(p)         *p as hr_accum
 *   hr_elem_store(p, x)     *p = x, rounded to nearest even where hr_elem is narrower
 *   HR_ELEM_IS_BOOL, _HALF (f16, bf16), _FLOAT (f16, bf16, f32, f64), _COMPLEX, _INTEGER, _SIGNED   each 0 or 1, for
 * #if Always: HR_NAME(prefix)         prefix_DTYPE_ISA, or prefix_ISA without HR_DTYPE hr_fmaf, hr_fma         fused
 * where the instruction set has it, else rounded twice conversions between float and the half types, branch-free so
 * that loops over them become vector code. */
#ifndef HR_CPU_KERNELS_ELEM_H
#define HR_CPU_KERNELS_ELEM_H

#include <complex.h>
#include <stdint.h>
#include <string.h>

#ifndef HR_ISA
#define HR_ISA       base
#define HR_ISA_LEVEL 0
#endif

#define HR_PASTE2_(a, b)    a##_##b
#define HR_PASTE2(a, b)     HR_PASTE2_(a, b)
#define HR_PASTE3_(a, b, c) a##_##b##_##c
#define HR_PASTE3(a, b, c)  HR_PASTE3_(a, b, c)

/* Before a loop whose iterations touch only their own index: results may go to the memory of an operand (index for
 * index), which makes GCC's overlap checks choose the slow loop. */
#if defined(__GNUC__) && !defined(__clang__)
#define HR_VECTOR_LOOP _Pragma("GCC ivdep")
#else
#define HR_VECTOR_LOOP
#endif
#define HR_INLINE static inline __attribute__((always_inline))

static inline uint32_t hr_bits_f32(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}
static inline float hr_f32_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
static inline uint64_t hr_bits_f64(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}
static inline double hr_f64_bits(uint64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static inline float hr_fmaf(float a, float b, float c) {
#if HR_ISA_LEVEL >= 1
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}
static inline double hr_fma(double a, double b, double c) {
#if HR_ISA_LEVEL >= 1
  return __builtin_fma(a, b, c);
#else
  return a * b + c;
#endif
}

/* Exact. Subnormals come right because the multiplication by 2^112 normalises them. */
static inline float hr_f16_load(uint16_t h) {
  uint32_t magnitude = (uint32_t)(h & 0x7fffu) << 13;
  uint32_t finite = hr_bits_f32(hr_f32_bits(magnitude) * 0x1p112f);
  uint32_t bits = magnitude >= 0x0f800000u ? magnitude | 0x7f800000u : finite;
  return hr_f32_bits(bits | (uint32_t)(h & 0x8000u) << 16);
}

/* Round to nearest even; NaN stays NaN (quiet). Below 2^-14 the addition of 0.5 makes the hardware round at the place
 * of a subnormal's last bit; above, the bias of the exponent and of the rounding are added as integers. */
static inline uint16_t hr_f16_store(float x) {
  uint32_t bits = hr_bits_f32(x), magnitude = bits & 0x7fffffffu;
  uint32_t tiny = hr_bits_f32(hr_f32_bits(magnitude) + 0.5f) - 0x3f000000u;
  uint32_t normal = (magnitude + 0xc8000fffu + (magnitude >> 13 & 1u)) >> 13;
  uint32_t huge = magnitude > 0x7f800000u ? 0x7e00u | (magnitude >> 13 & 0x3ffu) : 0x7c00u;
  uint32_t h = magnitude < 0x38800000u ? tiny : normal;
  h = magnitude >= 0x47800000u ? huge : h;
  return (uint16_t)(h | (bits >> 16 & 0x8000u));
}

static inline float hr_bf16_load(uint16_t h) { return hr_f32_bits((uint32_t)h << 16); }

/* Round to nearest even; NaN stays NaN (quiet). */
static inline uint16_t hr_bf16_store(float x) {
  uint32_t bits = hr_bits_f32(x);
  uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
  uint32_t nan = bits >> 16 | 0x40u;
  return (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}

#ifdef HR_DTYPE
#define HR_CODE_bool 1
#define HR_CODE_u8   2
#define HR_CODE_u16  3
#define HR_CODE_u32  4
#define HR_CODE_u64  5
#define HR_CODE_i8   6
#define HR_CODE_i16  7
#define HR_CODE_i32  8
#define HR_CODE_i64  9
#define HR_CODE_f16  10
#define HR_CODE_bf16 11
#define HR_CODE_f32  12
#define HR_CODE_f64  13
#define HR_CODE_c64  14
#define HR_ELEM_CODE HR_PASTE2(HR_CODE, HR_DTYPE)

typedef uint8_t hr_elem_bool, hr_elem_u8;
typedef uint16_t hr_elem_u16, hr_elem_f16, hr_elem_bf16;
typedef uint32_t hr_elem_u32;
typedef uint64_t hr_elem_u64;
typedef int8_t hr_elem_i8;
typedef int16_t hr_elem_i16;
typedef int32_t hr_elem_i32;
typedef int64_t hr_elem_i64;
typedef float hr_elem_f32;
typedef double hr_elem_f64;
typedef float _Complex hr_elem_c64;
typedef HR_PASTE2(hr_elem, HR_DTYPE) hr_elem;

#define HR_ELEM_IS_BOOL    (HR_ELEM_CODE == 1)
#define HR_ELEM_IS_INTEGER (HR_ELEM_CODE >= 2 && HR_ELEM_CODE <= 9)
#define HR_ELEM_IS_SIGNED  (HR_ELEM_CODE >= 6 && HR_ELEM_CODE <= 9)
#define HR_ELEM_IS_HALF    (HR_ELEM_CODE == 10 || HR_ELEM_CODE == 11)
#define HR_ELEM_IS_FLOAT   (HR_ELEM_CODE >= 10 && HR_ELEM_CODE <= 13)
#define HR_ELEM_IS_COMPLEX (HR_ELEM_CODE == 14)

#if HR_ELEM_IS_HALF
typedef float hr_accum;
static inline hr_accum hr_elem_load(const hr_elem *p) {
#if HR_ELEM_CODE == 10
  return hr_f16_load(*p);
#else
  return hr_bf16_load(*p);
#endif
}
static inline void hr_elem_store(hr_elem *p, hr_accum x) {
#if HR_ELEM_CODE == 10
  *p = hr_f16_store(x);
#else
  *p = hr_bf16_store(x);
#endif
}
#else
typedef hr_elem hr_accum;
static inline hr_accum hr_elem_load(const hr_elem *p) { return *p; }
static inline void hr_elem_store(hr_elem *p, hr_accum x) { *p = x; }
#endif

#define HR_NAME(prefix) HR_PASTE3(prefix, HR_DTYPE, HR_ISA)
#else
#define HR_NAME(prefix) HR_PASTE2(prefix, HR_ISA)
#endif

#endif
