/* src/cpu/reduce.h - which kernels reduce, for cpu/reduce.c and for tests. */
#ifndef HR_CPU_REDUCE_H
#define HR_CPU_REDUCE_H

#include "array/dtype.h"
#include "cpu/isa.h"
#include "cpu/kernels/reduce.h"
#include "ops/reduce.h"

/* Rows of more elements are cut into blocks of this many, whose results are reduced as a row in turn. */
enum { HR_REDUCE_BLOCK = 65536 };

/* Never NULL for a kind, a dtype and a level that was built. */
const hr_reduce_kernel *hr_reduce_find(hr_reduce_kind kind, hr_dtype dtype, hr_isa level);

/* For HR_REDUCE_MAX and HR_REDUCE_MIN. */
const hr_arg_kernel *hr_arg_find(hr_reduce_kind kind, hr_dtype dtype, hr_isa level);

/* The dtype that a kind accumulates in. */
hr_dtype hr_reduce_accumulator(hr_reduce_kind kind, hr_dtype dtype);

#endif
