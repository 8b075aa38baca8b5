/* python/src/later.h - functions of the interface that a library may not have. Their bodies stand in op_conv.c,
 * op_fft.c and op_linalg.c; tools/gen-python leaves the entry points out as long as the functions are missing. */
#ifndef HR_PYTHON_LATER_H
#define HR_PYTHON_LATER_H

#include "bodies.h"

#pragma weak mlx_einsum
#pragma weak mlx_conv2d
#pragma weak mlx_conv3d
#pragma weak mlx_conv_general
#pragma weak mlx_conv_transpose2d
#pragma weak mlx_conv_transpose3d
#pragma weak mlx_linalg_norm
#pragma weak mlx_linalg_norm_matrix
#pragma weak mlx_linalg_norm_l2
#pragma weak mlx_linalg_svd
#pragma weak mlx_fast_rope
#pragma weak mlx_fast_rope_dynamic
#pragma weak mlx_fast_scaled_dot_product_attention
#pragma weak mlx_fast_layer_norm
#pragma weak mlx_fast_rms_norm

#endif
