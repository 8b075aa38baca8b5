/* src/cpu/kernels/vec_part.h - reads and writes of the first `count` lanes of a vector, 0 < count <= HR_VEC_LANES: the
 * other lanes read as 0, and no memory behind them is touched. */
#ifndef HR_CPU_KERNELS_VEC_PART_H
#define HR_CPU_KERNELS_VEC_PART_H

#include "cpu/kernels/vec.h"

#if HR_ISA_LEVEL == 2 && HR_VEC_IS_F32
static inline hr_vec hr_vec_load_part(const float *p, int count) {
  return _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
}
static inline void hr_vec_store_part(float *p, hr_vec v, int count) {
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), v);
}
#elif HR_ISA_LEVEL == 2
static inline hr_vec hr_vec_load_part(const double *p, int count) {
  return _mm512_maskz_loadu_pd((__mmask8)((1u << count) - 1), p);
}
static inline void hr_vec_store_part(double *p, hr_vec v, int count) {
  _mm512_mask_storeu_pd(p, (__mmask8)((1u << count) - 1), v);
}
#elif HR_ISA_LEVEL == 1 && HR_VEC_IS_F32
static inline __m256i hr_vec_mask(int count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline hr_vec hr_vec_load_part(const float *p, int count) { return _mm256_maskload_ps(p, hr_vec_mask(count)); }
static inline void hr_vec_store_part(float *p, hr_vec v, int count) { _mm256_maskstore_ps(p, hr_vec_mask(count), v); }
#elif HR_ISA_LEVEL == 1
static inline __m256i hr_vec_mask(int count) {
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3));
}
static inline hr_vec hr_vec_load_part(const double *p, int count) { return _mm256_maskload_pd(p, hr_vec_mask(count)); }
static inline void hr_vec_store_part(double *p, hr_vec v, int count) { _mm256_maskstore_pd(p, hr_vec_mask(count), v); }
#else
static inline hr_vec hr_vec_load_part(const hr_elem *p, int count) {
  hr_vec v = {0};
  memcpy(&v, p, (size_t)count * sizeof *p);
  return v;
}
static inline void hr_vec_store_part(hr_elem *p, hr_vec v, int count) { memcpy(p, &v, (size_t)count * sizeof *p); }
#endif

#endif
