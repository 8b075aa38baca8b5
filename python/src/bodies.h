/* python/src/bodies.h - bodies that are written by hand (HAND in tools/python_table.py). in[i] is parameter i of the
 * signature in python/mlx-python.tsv. */
#ifndef HR_PYTHON_BODIES_H
#define HR_PYTHON_BODIES_H

#include "core.h"

PyObject *hr_op_arange(hr_call *call, PyObject *const *in);
PyObject *hr_op_as_strided(hr_call *call, PyObject *const *in);
PyObject *hr_op_asarray(hr_call *call, PyObject *const *in);
PyObject *hr_op_atleast_1d(hr_call *call, PyObject *const *in);
PyObject *hr_op_atleast_2d(hr_call *call, PyObject *const *in);
PyObject *hr_op_atleast_3d(hr_call *call, PyObject *const *in);
PyObject *hr_op_broadcast_arrays(hr_call *call, PyObject *const *in);
PyObject *hr_op_clear_cache(hr_call *call, PyObject *const *in);
PyObject *hr_op_clip(hr_call *call, PyObject *const *in);
PyObject *hr_op_concatenate(hr_call *call, PyObject *const *in);
PyObject *hr_op_cummax(hr_call *call, PyObject *const *in);
PyObject *hr_op_cummin(hr_call *call, PyObject *const *in);
PyObject *hr_op_cumprod(hr_call *call, PyObject *const *in);
PyObject *hr_op_cumsum(hr_call *call, PyObject *const *in);
PyObject *hr_op_default_device(hr_call *call, PyObject *const *in);
PyObject *hr_op_default_stream(hr_call *call, PyObject *const *in);
PyObject *hr_op_depends(hr_call *call, PyObject *const *in);
PyObject *hr_op_device_count(hr_call *call, PyObject *const *in);
PyObject *hr_op_divmod(hr_call *call, PyObject *const *in);
PyObject *hr_op_expand_dims(hr_call *call, PyObject *const *in);
PyObject *hr_op_eye(hr_call *call, PyObject *const *in);
PyObject *hr_op_from_dlpack(hr_call *call, PyObject *const *in);
PyObject *hr_op_full(hr_call *call, PyObject *const *in);
PyObject *hr_op_full_like(hr_call *call, PyObject *const *in);
PyObject *hr_op_get_active_memory(hr_call *call, PyObject *const *in);
PyObject *hr_op_get_cache_memory(hr_call *call, PyObject *const *in);
PyObject *hr_op_get_memory_limit(hr_call *call, PyObject *const *in);
PyObject *hr_op_get_peak_memory(hr_call *call, PyObject *const *in);
PyObject *hr_op_is_available(hr_call *call, PyObject *const *in);
PyObject *hr_op_linspace(hr_call *call, PyObject *const *in);
PyObject *hr_op_logcumsumexp(hr_call *call, PyObject *const *in);
PyObject *hr_op_median(hr_call *call, PyObject *const *in);
PyObject *hr_op_meshgrid(hr_call *call, PyObject *const *in);
PyObject *hr_op_new_stream(hr_call *call, PyObject *const *in);
PyObject *hr_op_new_thread_local_stream(hr_call *call, PyObject *const *in);
PyObject *hr_op_ones(hr_call *call, PyObject *const *in);
PyObject *hr_op_ones_like(hr_call *call, PyObject *const *in);
PyObject *hr_op_pad(hr_call *call, PyObject *const *in);
PyObject *hr_op_put_along_axis(hr_call *call, PyObject *const *in);
PyObject *hr_op_random_bernoulli(hr_call *call, PyObject *const *in);
PyObject *hr_op_random_categorical(hr_call *call, PyObject *const *in);
PyObject *hr_op_random_key(hr_call *call, PyObject *const *in);
PyObject *hr_op_random_laplace(hr_call *call, PyObject *const *in);
PyObject *hr_op_random_normal(hr_call *call, PyObject *const *in);
PyObject *hr_op_random_permutation(hr_call *call, PyObject *const *in);
PyObject *hr_op_random_randint(hr_call *call, PyObject *const *in);
PyObject *hr_op_random_seed(hr_call *call, PyObject *const *in);
PyObject *hr_op_random_split(hr_call *call, PyObject *const *in);
PyObject *hr_op_random_truncated_normal(hr_call *call, PyObject *const *in);
PyObject *hr_op_random_uniform(hr_call *call, PyObject *const *in);
PyObject *hr_op_repeat(hr_call *call, PyObject *const *in);
PyObject *hr_op_reset_peak_memory(hr_call *call, PyObject *const *in);
PyObject *hr_op_reshape_method(hr_call *call, PyObject *const *in);
PyObject *hr_op_roll(hr_call *call, PyObject *const *in);
PyObject *hr_op_set_cache_limit(hr_call *call, PyObject *const *in);
PyObject *hr_op_set_default_device(hr_call *call, PyObject *const *in);
PyObject *hr_op_set_default_stream(hr_call *call, PyObject *const *in);
PyObject *hr_op_set_memory_limit(hr_call *call, PyObject *const *in);
PyObject *hr_op_set_wired_limit(hr_call *call, PyObject *const *in);
PyObject *hr_op_split(hr_call *call, PyObject *const *in);
PyObject *hr_op_stack(hr_call *call, PyObject *const *in);
PyObject *hr_op_std(hr_call *call, PyObject *const *in);
PyObject *hr_op_stream(hr_call *call, PyObject *const *in);
PyObject *hr_op_synchronize(hr_call *call, PyObject *const *in);
PyObject *hr_op_take(hr_call *call, PyObject *const *in);
PyObject *hr_op_take_along_axis(hr_call *call, PyObject *const *in);
PyObject *hr_op_tensordot(hr_call *call, PyObject *const *in);
PyObject *hr_op_trace(hr_call *call, PyObject *const *in);
PyObject *hr_op_transpose(hr_call *call, PyObject *const *in);
PyObject *hr_op_transpose_method(hr_call *call, PyObject *const *in);
PyObject *hr_op_tri(hr_call *call, PyObject *const *in);
PyObject *hr_op_var(hr_call *call, PyObject *const *in);
PyObject *hr_op_view(hr_call *call, PyObject *const *in);
PyObject *hr_op_where(hr_call *call, PyObject *const *in);
PyObject *hr_op_zeros(hr_call *call, PyObject *const *in);
PyObject *hr_op_zeros_like(hr_call *call, PyObject *const *in);
#endif
