/* src/ops/einsum_terms.h - the subscripts of hr_einsum(), read and checked against the operands' shapes.
 * Labels are numbers: 0 to 51 letters in the order of ASCII, then the axes of `...`, the last axis the last label. */
#ifndef HR_OPS_EINSUM_TERMS_H
#define HR_OPS_EINSUM_TERMS_H

#include "array/array.h"

enum { HR_EINSUM_LETTERS = 52, HR_EINSUM_LABELS = HR_EINSUM_LETTERS + HR_MAX_NDIM };

typedef struct hr_einsum_operand {
  hr_array *array; /* one reference */
  uint8_t labels[HR_MAX_NDIM];
} hr_einsum_operand;

typedef struct hr_einsum_terms {
  hr_einsum_operand *operands;
  int count;
  int lengths[HR_EINSUM_LABELS]; /* the greatest of all operands; -1: there is none */
  uint8_t result[HR_MAX_NDIM];
  int result_ndim;
} hr_einsum_terms;

/* On failure terms are empty. */
hr_status hr_einsum_terms_init(hr_einsum_terms *terms, const char *subscripts,
                               const hr_array_list *operands) HR_MUST_USE;
void hr_einsum_terms_deinit(hr_einsum_terms *terms);

#endif
