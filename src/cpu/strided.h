/* src/cpu/strided.h - copies between strided and contiguous memory, for kernels that want rows without gaps. */
#ifndef HR_CPU_STRIDED_H
#define HR_CPU_STRIDED_H

#include <stdint.h>

#include "cpu/loops.h"

/* `count` items of 1, 2, 4 or 8 bytes; strides in bytes. */
void hr_copy_strided(char *out, int64_t out_stride, const char *in, int64_t in_stride, int64_t count, int64_t bytes);

/* Operand 0 of a collapsed loop = operand 1, items of 1, 2, 4 or 8 bytes. */
void hr_loop_copy(const hr_loop *loop, int64_t bytes);

#endif
