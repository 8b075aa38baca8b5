/* src/cpu/assign.h - copies between strided regions of one shape and one element size; cut over idle workers. */
#ifndef HR_CPU_ASSIGN_H
#define HR_CPU_ASSIGN_H

#include "array/array.h"

typedef struct hr_region {
  void *data;             /* element 0 */
  const int64_t *strides; /* elements, one an axis */
} hr_region;

/* to[i] = from[i]. Elements are 1, 2, 4 or 8 bytes. Regions may not overlap; strides of `to` are not 0 where the axis
 * is longer than 1. */
void hr_assign(hr_region to, hr_region from, const int *shape, int ndim, int64_t item_bytes);

/* to[i] = *value */
void hr_assign_fill(hr_region to, const void *value, const int *shape, int ndim, int64_t item_bytes);

#endif
