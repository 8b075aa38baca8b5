/* src/cpu/kernels/quant.h - the inner loops of quantised matrices (formats: ops/quantize.h).
 *
 * Codes are packed from the lowest bit of a word on; words are little-endian, so the same holds for bytes: 8 codes of b
 * bits are b bytes, and a group is a whole number of bytes. */
#ifndef HR_CPU_KERNELS_QUANT_H
#define HR_CPU_KERNELS_QUANT_H

#include <stdint.h>

/* What the codes and the scales of a matrix stand for. */
typedef enum hr_quant_code {
  HR_CODE_UINT1,
  HR_CODE_UINT2,
  HR_CODE_UINT3,
  HR_CODE_UINT4,
  HR_CODE_UINT5,
  HR_CODE_UINT6,
  HR_CODE_UINT8,
  HR_CODE_E2M1,
  HR_CODE_E4M3,
  HR_QUANT_CODES
} hr_quant_code;
typedef enum hr_quant_scale {
  HR_SCALE_F32,
  HR_SCALE_F16,
  HR_SCALE_BF16,
  HR_SCALE_E8M0,
  HR_SCALE_E4M3,
  HR_QUANT_SCALES
} hr_quant_scale;

enum { HR_QUANT_GROUP_MAX = 128, HR_QUANT_TILE = 512 };

/* Tables f32, f16, bf16: the dtype of the matrix that is quantised, and of affine's scales and biases. Groups follow
 * each other in all operands. */
typedef struct hr_quantize_kernels {
  void (*affine)(uint8_t *codes, void *scales, void *biases, const void *w, int64_t groups, int group, int bits);
  /* Scales are bytes. `global` (nvfp4) is 448 * 6 / global scale, or 1. */
  void (*mxfp4)(uint8_t *codes, uint8_t *scales, const void *w, int64_t groups);
  void (*mxfp8)(uint8_t *codes, uint8_t *scales, const void *w, int64_t groups);
  void (*nvfp4)(uint8_t *codes, uint8_t *scales, const void *w, int64_t groups, float global);
  /* to[i] = values[i] * scale (+ bias): each step rounded to the dtype. biases is NULL for none. */
  void (*finish)(void *to, const float *values, const float *scales, const float *biases, int64_t groups, int group);
} hr_quantize_kernels;

/* One table. */
typedef struct hr_unpack_kernels {
  /* Values of count codes, a multiple of 8. */
  void (*codes[HR_QUANT_CODES])(float *to, const uint8_t *from, int64_t count);
  void (*scales[HR_QUANT_SCALES])(float *to, const void *from, int64_t count);
} hr_unpack_kernels;

#endif
