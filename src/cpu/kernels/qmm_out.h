/* src/cpu/kernels/qmm_out.h - elements of a quantised product's result, for _tmpl.c files. */
#ifndef HR_CPU_KERNELS_QMM_OUT_H
#define HR_CPU_KERNELS_QMM_OUT_H

#include "cpu/kernels/elem.h"
#include "cpu/kernels/qmm.h"

HR_INLINE void hr_qmm_put(void *y, hr_qmm_type type, int64_t i, float value) {
  if (type == HR_QMM_F32)
    ((float *)y)[i] = value;
  else
    ((uint16_t *)y)[i] = type == HR_QMM_F16 ? hr_f16_store(value) : hr_bf16_store(value);
}

#endif
