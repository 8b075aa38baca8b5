/* src/ops/op_list.h - the functions that run ops on the CPU: what ops know of the backend. One line a family, sorted.
 */
#ifndef HR_OPS_OP_LIST_H
#define HR_OPS_OP_LIST_H

#include "graph/op.h"

hr_status hr_cpu_arg(const hr_run *run);
hr_status hr_cpu_attention(const hr_run *run);
hr_status hr_cpu_binary(const hr_run *run);
hr_status hr_cpu_cast(const hr_run *run);
hr_status hr_cpu_concatenate(const hr_run *run);
hr_status hr_cpu_conv(const hr_run *run);
hr_status hr_cpu_copy(const hr_run *run);
hr_status hr_cpu_dequantize(const hr_run *run);
hr_status hr_cpu_diag(const hr_run *run);
hr_status hr_cpu_eig(const hr_run *run);
hr_status hr_cpu_eigh(const hr_run *run);
hr_status hr_cpu_factor_in_place(const hr_run *run);
hr_status hr_cpu_fft(const hr_run *run);
hr_status hr_cpu_from_fp8(const hr_run *run);
hr_status hr_cpu_gather(const hr_run *run);
hr_status hr_cpu_gather_mm(const hr_run *run);
hr_status hr_cpu_gather_qmm(const hr_run *run);
hr_status hr_cpu_hadamard(const hr_run *run);
hr_status hr_cpu_logsumexp(const hr_run *run);
hr_status hr_cpu_lu(const hr_run *run);
hr_status hr_cpu_masked_scatter(const hr_run *run);
hr_status hr_cpu_matmul(const hr_run *run);
hr_status hr_cpu_addmm(const hr_run *run);
hr_status hr_cpu_norm(const hr_run *run);
hr_status hr_cpu_pad(const hr_run *run);
hr_status hr_cpu_qr(const hr_run *run);
hr_status hr_cpu_quantize(const hr_run *run);
hr_status hr_cpu_quantized_matmul(const hr_run *run);
hr_status hr_cpu_random(const hr_run *run);
hr_status hr_cpu_random_erf(const hr_run *run);
hr_status hr_cpu_random_pick(const hr_run *run);
hr_status hr_cpu_reduce(const hr_run *run);
hr_status hr_cpu_rope(const hr_run *run);
hr_status hr_cpu_row_major(const hr_run *run);
hr_status hr_cpu_scan(const hr_run *run);
hr_status hr_cpu_scatter(const hr_run *run);
hr_status hr_cpu_scatter_axis(const hr_run *run);
hr_status hr_cpu_segmented_mm(const hr_run *run);
hr_status hr_cpu_select(const hr_run *run);
hr_status hr_cpu_sequence(const hr_run *run);
hr_status hr_cpu_slice_dynamic(const hr_run *run);
hr_status hr_cpu_slice_update(const hr_run *run);
hr_status hr_cpu_slice_update_dynamic(const hr_run *run);
hr_status hr_cpu_softmax(const hr_run *run);
hr_status hr_cpu_solve(const hr_run *run);
hr_status hr_cpu_sort(const hr_run *run);
hr_status hr_cpu_svd(const hr_run *run);
hr_status hr_cpu_take(const hr_run *run);
hr_status hr_cpu_take_along_axis(const hr_run *run);
hr_status hr_cpu_to_fp8(const hr_run *run);
hr_status hr_cpu_tri(const hr_run *run);
hr_status hr_cpu_unary(const hr_run *run);

#endif
