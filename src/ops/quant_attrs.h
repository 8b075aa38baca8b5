/* src/ops/quant_attrs.h - the attributes of operations on quantised matrices (ops/quantize.h), for their run functions,
 * and the checks that their builders share. */
#ifndef HR_OPS_QUANT_ATTRS_H
#define HR_OPS_QUANT_ATTRS_H

#include "base/optional.h"
#include "graph/op.h"

typedef enum hr_quant_mode { HR_QUANT_AFFINE, HR_QUANT_MXFP4, HR_QUANT_MXFP8, HR_QUANT_NVFP4 } hr_quant_mode;

typedef struct hr_quant {
  uint8_t mode; /* hr_quant_mode */
  uint8_t bits, group;
} hr_quant;

/* Inputs: w [, global scale]. Outputs: words, scales [, biases]. All row-major. */
typedef struct hr_quantize_attrs {
  hr_quant quant;
} hr_quantize_attrs;

/* Inputs: words, scales [, biases or a global scale]. The output has `dtype`: that of affine's scales and biases, or
 * float32 with a global scale. All row-major. */
typedef struct hr_dequantize_attrs {
  hr_quant quant;
  uint8_t dtype;
} hr_dequantize_attrs;

/* Inputs: x, words, scales [, biases], and for gather_qmm indices of x and of w, of one shape. All row-major. */
typedef struct hr_qmm_attrs {
  hr_quant quant;
  bool transpose, has_biases;
  uint8_t dtype; /* of the result */
} hr_qmm_attrs;

/* Mode, group size and bits from the arguments; fails on what ops/quantize.h does not list. */
hr_status hr_quant_resolve(hr_quant *out, const char *op, hr_optional_int group_size, hr_optional_int bits,
                           const char *mode) HR_MUST_USE;

/* Fails unless words, scales and biases (NULL unless affine) fit each other in dtypes and shapes. */
hr_status hr_quant_check(const char *op, const hr_quant *quant, const hr_array *w, const hr_array *scales,
                         const hr_array *biases) HR_MUST_USE;

/* Fails unless g is NULL, or a float32 scalar and the mode nvfp4. */
hr_status hr_quant_check_global(const char *op, const hr_quant *quant, const hr_array *g) HR_MUST_USE;

/* Scales and biases row-major and in one dtype; out_biases is NULL without biases. */
hr_status hr_quant_scales(hr_array **out_scales, hr_array **out_biases, hr_array *scales, hr_array *biases,
                          hr_stream *s) HR_MUST_USE;

/* Elements of a row of w. */
static inline int64_t hr_quant_length(const hr_quant *quant, const hr_array *w) {
  return (int64_t)hr_array_shape(w)[w->ndim - 1] * 32 / quant->bits;
}

#endif
