/* src/cpu/kernels/vec.h - a vector of hr_accum as one value, for kernels whose accumulators must stay in registers,
 * which no vectoriser promises. For _tmpl.c files with dtypes f16, bf16, f32 and f64. Without an instruction set's
 * intrinsics it is the compilers' vector extension, and the fused operation rounds twice. hr_vec_stream() writes past
 * the caches where it can: p must be aligned to the vector, and hr_vec_stream_end() must follow before others may
 * read. */
#ifndef HR_CPU_KERNELS_VEC_H
#define HR_CPU_KERNELS_VEC_H

#include "cpu/kernels/elem.h"

#define HR_VEC_IS_F32 (HR_ELEM_CODE != HR_CODE_f64)

#if HR_ISA_LEVEL >= 1
#include <immintrin.h>
#endif

#if HR_ISA_LEVEL == 2 && HR_VEC_IS_F32
typedef __m512 hr_vec;
static inline hr_vec hr_vec_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void hr_vec_store(float *p, hr_vec v) { _mm512_storeu_ps(p, v); }
static inline void hr_vec_stream(float *p, hr_vec v) { _mm512_stream_ps(p, v); }
static inline hr_vec hr_vec_set(float x) { return _mm512_set1_ps(x); }
static inline hr_vec hr_vec_add(hr_vec a, hr_vec b) { return _mm512_add_ps(a, b); }
static inline hr_vec hr_vec_fma(hr_vec a, hr_vec b, hr_vec c) { return _mm512_fmadd_ps(a, b, c); }
#elif HR_ISA_LEVEL == 2
typedef __m512d hr_vec;
static inline hr_vec hr_vec_load(const double *p) { return _mm512_loadu_pd(p); }
static inline void hr_vec_store(double *p, hr_vec v) { _mm512_storeu_pd(p, v); }
static inline void hr_vec_stream(double *p, hr_vec v) { _mm512_stream_pd(p, v); }
static inline hr_vec hr_vec_set(double x) { return _mm512_set1_pd(x); }
static inline hr_vec hr_vec_add(hr_vec a, hr_vec b) { return _mm512_add_pd(a, b); }
static inline hr_vec hr_vec_fma(hr_vec a, hr_vec b, hr_vec c) { return _mm512_fmadd_pd(a, b, c); }
#elif HR_ISA_LEVEL == 1 && HR_VEC_IS_F32
typedef __m256 hr_vec;
static inline hr_vec hr_vec_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void hr_vec_store(float *p, hr_vec v) { _mm256_storeu_ps(p, v); }
static inline void hr_vec_stream(float *p, hr_vec v) { _mm256_stream_ps(p, v); }
static inline hr_vec hr_vec_set(float x) { return _mm256_set1_ps(x); }
static inline hr_vec hr_vec_add(hr_vec a, hr_vec b) { return _mm256_add_ps(a, b); }
static inline hr_vec hr_vec_fma(hr_vec a, hr_vec b, hr_vec c) { return _mm256_fmadd_ps(a, b, c); }
#elif HR_ISA_LEVEL == 1
typedef __m256d hr_vec;
static inline hr_vec hr_vec_load(const double *p) { return _mm256_loadu_pd(p); }
static inline void hr_vec_store(double *p, hr_vec v) { _mm256_storeu_pd(p, v); }
static inline void hr_vec_stream(double *p, hr_vec v) { _mm256_stream_pd(p, v); }
static inline hr_vec hr_vec_set(double x) { return _mm256_set1_pd(x); }
static inline hr_vec hr_vec_add(hr_vec a, hr_vec b) { return _mm256_add_pd(a, b); }
static inline hr_vec hr_vec_fma(hr_vec a, hr_vec b, hr_vec c) { return _mm256_fmadd_pd(a, b, c); }
#else
typedef hr_accum hr_vec __attribute__((vector_size(16)));
static inline hr_vec hr_vec_load(const hr_accum *p) {
  hr_vec v;
  memcpy(&v, p, sizeof v);
  return v;
}
static inline void hr_vec_store(hr_accum *p, hr_vec v) { memcpy(p, &v, sizeof v); }
static inline void hr_vec_stream(hr_accum *p, hr_vec v) { hr_vec_store(p, v); }
static inline hr_vec hr_vec_set(hr_accum x) { return x - (hr_vec){0}; }
static inline hr_vec hr_vec_add(hr_vec a, hr_vec b) { return a + b; }
static inline hr_vec hr_vec_fma(hr_vec a, hr_vec b, hr_vec c) { return a * b + c; }
#endif

static inline void hr_vec_stream_end(void) {
#if HR_ISA_LEVEL >= 1
  _mm_sfence();
#endif
}

enum { HR_VEC_LANES = sizeof(hr_vec) / sizeof(hr_accum) };

#endif
