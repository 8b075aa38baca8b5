/* src/cpu/quantize.h - what the run functions of quantised matrices share. */
#ifndef HR_CPU_QUANTIZE_H
#define HR_CPU_QUANTIZE_H

#include "cpu/kernels/quant.h"
#include "ops/quant_attrs.h"

const hr_unpack_kernels *hr_unpack_kernels_of(void);

hr_quant_code hr_quant_code_of(const hr_quant *quant);
/* dtype: that of the scales. */
hr_quant_scale hr_quant_scale_of(const hr_quant *quant, hr_dtype dtype);

#endif
