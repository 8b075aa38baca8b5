"""What tools/gen-python cannot tell from the signatures.

Names are those of mlx.core, with their submodule in front; array's methods that need bodies of their own are called
NAME_method.
"""

# Other names of the same function.
ALIASES = {
    "acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh", "atan": "arctan", "atan2": "arctan2",
    "atanh": "arctanh", "bitwise_left_shift": "left_shift", "bitwise_right_shift": "right_shift", "concat": "concatenate",
    "conj": "conjugate", "cumulative_prod": "cumprod", "cumulative_sum": "cumsum", "matrix_norm": "linalg.norm",
    "permute_dims": "transpose", "pow": "power",
}

# Signatures with more in them than MLX's, or that stand for several.
SIGNATURES = {
    "arange": "(start: int | float | None = None, stop: int | float | None = None, step: int | float | None = None, "
              "dtype: Dtype | None = None, *, stream: StreamOrDevice = None) -> array",
    "save_gguf": "(file: file | str | pathlib.Path, arrays: dict[str, array], "
                 "metadata: dict[str, array | str | list[str]] | None = None)",
    "synchronize": "(stream: StreamOrDevice = None, timeout: float | None = None) -> None",
}

# C functions of other names than mlx_NAME.
C_NAMES = {"slice": "mlx_slice_dynamic", "slice_update": "mlx_slice_update_dynamic"}

# Functions whose bodies stand in python/src: the body is hr_op_NAME, or hr_op_ and the name given.
HAND = {name: None for name in """
    arange linspace full zeros ones eye tri trace zeros_like ones_like full_like split concatenate
    stack repeat roll pad tensordot transpose expand_dims take take_along_axis put_along_axis median std var cumsum
    cumprod cummax cummin logcumsumexp clip atleast_1d atleast_2d atleast_3d broadcast_arrays meshgrid einsum depends
    as_strided conv2d conv3d conv_general conv_transpose2d conv_transpose3d where power
    random.bernoulli random.categorical random.normal random.permutation random.randint random.uniform
    random.truncated_normal random.key random.seed random.split random.laplace
    linalg.norm linalg.svd
    fft.fft fft.ifft fft.rfft fft.irfft fft.fft2 fft.ifft2 fft.rfft2 fft.irfft2 fft.fftn fft.ifftn fft.rfftn fft.irfftn
    fft.fftshift fft.ifftshift
    fast.rope fast.scaled_dot_product_attention fast.layer_norm fast.rms_norm
    reshape_method transpose_method
    from_dlpack asarray
    default_device default_stream set_default_device set_default_stream new_stream new_thread_local_stream stream
    synchronize is_available device_count
    gather_qmm get_active_memory get_cache_memory get_memory_limit get_peak_memory reset_peak_memory clear_cache set_cache_limit
    set_memory_limit set_wired_limit divmod view
""".split()}
HAND["empty"] = "zeros"
HAND["empty_like"] = "zeros_like"
HAND["new_thread_unsafe_stream"] = "new_stream"
del HAND["power"]

# Results that are lists although the signature says tuple.
LISTS = {"quantize"}

# Functions without keywords or stream, in python/src with tables of their own.
PLAIN = {"eval", "async_eval", "get_array_buffer_size"}

# Functions written in Python (python/headrace).
PYTHON = set("""
    broadcast_shapes can_cast clear_streams convolve count_nonzero diff einsum_path flip
    get_printoptions isdtype issubdtype logical_xor gather_qqmm matrix_transpose minmax positive printoptions
    result_type searchsorted set_printoptions trunc unique unstack vecdot device_info
    export_to_dot load save savez savez_compressed save_safetensors save_gguf
    linalg.det linalg.slogdet fft.stft fft.istft metal.is_available cuda.is_available
    fast.cross_entropy fast.gated_delta_update fast.metal_kernel fast.cuda_kernel fast.precompiled_cuda_kernel
""".split())

# Methods of array that are no operations: C function and flags. None: a slot of the type, or nothing.
METHODS = {
    "item": ("hr_array_item", "METH_NOARGS"),
    "tolist": ("hr_array_tolist", "METH_NOARGS"),
    "__array__": ("hr_array_numpy", "METH_FASTCALL | METH_KEYWORDS"),
    "__array_namespace__": ("hr_array_namespace", "METH_FASTCALL | METH_KEYWORDS"),
    "__bytes__": ("hr_array_bytes", "METH_NOARGS"),
    "__complex__": ("hr_array_complex", "METH_NOARGS"),
    "__copy__": ("hr_array_copy", "METH_NOARGS"),
    "__deepcopy__": ("hr_array_deepcopy", "METH_O"),
    "__dlpack__": ("hr_array_dlpack", "METH_FASTCALL | METH_KEYWORDS"),
    "__dlpack_device__": ("hr_array_dlpack_device", "METH_NOARGS"),
    "__getstate__": ("hr_array_getstate", "METH_NOARGS"),
    "__setstate__": ("hr_array_setstate", "METH_O"),
    "__div__": ("hr_array_div", "METH_O"),
    "__rdiv__": ("hr_array_rdiv", "METH_O"),
}
# Further ones, which the signatures do not list.
EXTRA_METHODS = {"__reduce__": ("hr_array_reduce", "METH_NOARGS")}
