/* src/cpu/kernels/small.h - factorisations of small float32 matrices, HR_SMALL_LANES of them at once: each in its own
 * lane of every vector. */
#ifndef HR_CPU_KERNELS_SMALL_H
#define HR_CPU_KERNELS_SMALL_H

#include <stdbool.h>
#include <stdint.h>

enum { HR_SMALL_LANES = 16, HR_SMALL_LONGEST = 16 };

typedef struct hr_small_group {
  int n, count;                   /* 0 < n <= HR_SMALL_LONGEST, 0 < count <= HR_SMALL_LANES matrices */
  const char *in[HR_SMALL_LANES]; /* the first `count` */
  int64_t row, col;               /* bytes between elements of an input */
  void *out[HR_SMALL_LANES];      /* row-major without gaps; none is an input */
  int info[HR_SMALL_LANES];       /* set: 0, or from 1 on which pivot is not positive, or zero */
} hr_small_group;

typedef struct hr_small_kernels {
  /* The lower factor, from the lower triangle; zeros above it. `upper`: the upper one from the upper triangle. scratch:
   * n n HR_SMALL_LANES floats, aligned to 64 bytes. */
  void (*cholesky)(hr_small_group *group, bool upper, void *scratch);
  /* The inverse. scratch: twice as much. */
  void (*invert)(hr_small_group *group, void *scratch);
} hr_small_kernels;

#endif
