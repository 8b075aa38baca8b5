/* src/ops/create_internal.h - attributes of the creation ops: what their run functions (cpu/create.c) read. */
#ifndef HR_OPS_CREATE_INTERNAL_H
#define HR_OPS_CREATE_INTERNAL_H

#include <stdint.h>

/* A vector of `count` values of dtype; what the numbers mean is the sequence's. */
typedef struct hr_sequence_attrs {
  int64_t count;
  uint8_t dtype;
  union {
    struct {
      double start, step;
    } real;
    struct {
      int64_t start, step; /* wrap around as the dtype does */
    } integer;
    struct {
      double start, stop;
    } linspace;
    double cosines[3]; /* a[0] + a[1] cos(t) + a[2] cos(2 t), t = 2 pi i / (count - 1) */
  } as;
} hr_sequence_attrs;

/* rows x columns; ones where column - row <= k, or only where it is equal. */
typedef struct hr_tri_attrs {
  int rows, columns, k;
  uint8_t dtype;
  uint8_t diagonal_only;
} hr_tri_attrs;

#endif
