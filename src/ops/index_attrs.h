/* src/ops/index_attrs.h - the parameters of indexing ops, as the functions that run them read them. */
#ifndef HR_OPS_INDEX_ATTRS_H
#define HR_OPS_INDEX_ATTRS_H

#include <stdint.h>

#include "array/layout.h"

typedef enum hr_scatter_mode {
  HR_SCATTER_SET,
  HR_SCATTER_ADD,
  HR_SCATTER_PROD,
  HR_SCATTER_MAX,
  HR_SCATTER_MIN,
  HR_SCATTER_MODES
} hr_scatter_mode;

/* take, take_along_axis, scatter_axis: one axis. */
typedef struct hr_axis_attrs {
  int axis, mode;
} hr_axis_attrs;

/* gather, scatter: index input k names a place on axes[k]. block: the lengths of a block, one for each axis of a. */
typedef struct hr_block_attrs {
  int mode, index_count, index_ndim;
  uint8_t axes[HR_MAX_NDIM];
  int block[HR_MAX_NDIM];
} hr_block_attrs;

#endif
