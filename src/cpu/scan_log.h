/* src/cpu/scan_log.h - the kernels of logcumsumexp, by the functions of the C library. Accumulators are double, of
 * complex64 two of them; the imaginary part is what the sums of angles come to, not brought into [-pi, pi], as in MLX.
 */
#ifndef HR_CPU_SCAN_LOG_H
#define HR_CPU_SCAN_LOG_H

#include "array/dtype.h"
#include "cpu/kernels/scan.h"

const hr_scan_kernel *hr_scan_log_kernel(hr_dtype dtype);

#endif
