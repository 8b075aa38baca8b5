"""Functions of `fast` and of quantised products that are composed of others, and the kernels in source text that no
device here can run."""
from headrace import _core as mx
from headrace._compose import _need, _on

__all__ = ["gather_qqmm"]
_FLOATS = (mx.float16, mx.bfloat16, mx.float32, mx.float64)
_INTEGERS = (mx.uint8, mx.uint16, mx.uint32, mx.uint64, mx.int8, mx.int16, mx.int32, mx.int64)


def cross_entropy(logits, targets, *, stream=None):
    """logsumexp(logits, -1) minus the logit of each target's class, float32, of the targets' shape.

    `targets` are integers from 0 to logits.shape[-1] - 1, in the shape of `logits` without its last axis; indices
    outside of the classes are not checked. Sums are made in float32 or wider. Raises ValueError for other shapes,
    for logits that are not real floating-point and for targets that are no integers.

    >>> mx.fast.cross_entropy(mx.array([[0.0, 0.0], [99.0, 0.0]]), mx.array([1, 0]))
    array([0.693147, 0], dtype=float32)
    """
    _need("cross_entropy", logits, targets)
    if logits.ndim == 0:
        raise ValueError("cross_entropy: a scalar has no classes")
    if logits.dtype not in _FLOATS:
        raise ValueError(f"cross_entropy: logits of {logits.dtype} are not real floating-point")
    if targets.dtype not in _INTEGERS:
        raise ValueError(f"cross_entropy: targets of {targets.dtype} are no integers")
    if targets.shape != logits.shape[:-1]:
        raise ValueError(f"cross_entropy: targets of shape {targets.shape} do not fit logits of shape {logits.shape}")

    def run():
        wide = logits if logits.dtype == mx.float64 else mx.astype(logits, mx.float32)
        chosen = mx.squeeze(mx.take_along_axis(wide, mx.expand_dims(targets, -1), -1), -1)
        return mx.astype(mx.subtract(mx.logsumexp(wide, -1), chosen), mx.float32)

    return _on(stream, run)


def _delta_step(state, q, k, v, gamma, beta, mask):
    """One step of the rule: the output (B, Hv, Dv) and the next state (B, Hv, Dv, Dk)."""
    decay = gamma[..., None, None] if gamma.ndim == 2 else gamma[..., None, :]
    fresh = mx.multiply(state, decay)
    seen = mx.sum(mx.multiply(fresh, k[..., None, :]), -1)
    delta = mx.multiply(mx.subtract(v, seen), beta[..., None])
    fresh = mx.add(fresh, mx.multiply(delta[..., None], k[..., None, :]))
    out = mx.sum(mx.multiply(fresh, q[..., None, :]), -1)
    if mask is None:
        return out, fresh
    return mx.where(mask[:, None, None], out, 0), mx.where(mask[:, None, None, None], fresh, state)


def gated_delta_update(q, k, v, gamma, beta, initial_state=None, mask=None, stream=None):
    """The gated delta rule over T steps: [outputs, state behind the last step].

    q and k are (B, T, Hk, Dk), v is (B, T, Hv, Dv), beta (B, T, Hv), gamma (B, T, Hv) or (B, T, Hv, Dk), mask (B, T)
    or None. Hv is a multiple of Hk; heads of q and k repeat. The state S, (B, Hv, Dv, Dk), is zero at first or
    `initial_state`, and becomes S * gamma + beta * (v - (S * gamma) k) k^T; the output is S q. Where the mask is
    False the output is zero and the state stays. The state is float32, outputs (B, T, Hv, Dv) have the dtype of q.
    Raises ValueError for other shapes.

    >>> q = k = mx.ones((1, 2, 1, 2)); v = mx.ones((1, 2, 1, 3)); gate = mx.ones((1, 2, 1))
    >>> out, state = mx.fast.gated_delta_update(q, k, v, gate, gate * 0.5)
    >>> out.shape, state.shape, out[0, :, 0, 0]
    ((1, 2, 1, 3), (1, 1, 3, 2), array([1, 1], dtype=float32))
    """
    _need("gated_delta_update", q, k, v, gamma, beta)
    if q.ndim != 4 or v.ndim != 4 or q.shape != k.shape or q.shape[:2] != v.shape[:2] or v.shape[2] % q.shape[2]:
        raise ValueError(f"gated_delta_update: q, k and v of shapes {q.shape}, {k.shape} and {v.shape} do not fit")
    batch, steps, heads, values = v.shape
    if beta.shape != v.shape[:3] or gamma.shape not in (v.shape[:3], (*v.shape[:3], q.shape[3])):
        raise ValueError(f"gated_delta_update: gamma and beta of shapes {gamma.shape} and {beta.shape} do not fit v of "
                         f"shape {v.shape}")
    if mask is not None and mask.shape != v.shape[:2]:
        raise ValueError(f"gated_delta_update: the mask has the shape {mask.shape} instead of {v.shape[:2]}")
    shape = (batch, heads, values, q.shape[3])
    if initial_state is not None and initial_state.shape != shape:
        raise ValueError(f"gated_delta_update: the state has the shape {initial_state.shape} instead of {shape}")

    def run():
        state = mx.zeros(shape) if initial_state is None else mx.astype(initial_state, mx.float32)
        wide = [mx.astype(a, mx.float32) for a in (q, k, v, gamma, beta)]
        wide[:2] = [mx.repeat(a, heads // q.shape[2], 2) for a in wide[:2]]
        outs = []
        for t in range(steps):
            now = None if mask is None else mx.astype(mask[:, t], mx.bool_)
            out, state = _delta_step(state, *(a[:, t] for a in wide), now)
            outs.append(out)
        out = mx.stack(outs, 1) if outs else mx.zeros(v.shape)
        return [mx.astype(out, q.dtype if q.dtype in _FLOATS else mx.float32), state]

    return _on(stream, run)


def gather_qqmm(x, w, /, scales=None, lhs_indices=None, rhs_indices=None, group_size=None, bits=None, mode="nvfp4",
                global_scale_x=None, global_scale_w=None, *, sorted_indices=False, stream=None):
    """Products of chosen matrices x and transposed matrices w, both quantised, as qqmm() makes them.

    `w` is packed if `scales` are given, otherwise it is quantised here, and so is `x`. The indices choose matrices, as
    in gather_mm(). Modes are "nvfp4" and "mxfp8". Raises ValueError for others and for shapes that do not fit.

    >>> mx.gather_qqmm(mx.ones((2, 64)), mx.ones((3, 5, 64)), rhs_indices=mx.array([0, 2])).shape
    (2, 2, 5)
    """
    _need("gather_qqmm", x, w)
    if mode not in ("nvfp4", "mxfp8"):
        raise ValueError(f"gather_qqmm: the mode {mode!r} is neither 'nvfp4' nor 'mxfp8'")
    how = {"group_size": group_size, "bits": bits, "mode": mode}

    def run():
        packed = mx.quantize(w, **how, global_scale=global_scale_w) if scales is None else (w, scales)
        near = mx.dequantize(*mx.quantize(x, **how, global_scale=global_scale_x), **how, global_scale=global_scale_x,
                             dtype=x.dtype)
        far = mx.dequantize(*packed, **how, global_scale=global_scale_w, dtype=x.dtype)
        return mx.gather_mm(near, mx.swapaxes(far, -1, -2), lhs_indices, rhs_indices, sorted_indices=sorted_indices)

    return _on(stream, run)


def metal_kernel(name, input_names, output_names, source, header="", ensure_row_contiguous=True, atomic_outputs=False,
                 compile_options=None):
    """There for programs that choose between kernels: calling what it answers raises RuntimeError.

    >>> mx.fast.metal_kernel("f", ["a"], ["b"], "b[0] = a[0];")()
    Traceback (most recent call last):
    RuntimeError: metal_kernel: 'f' cannot run, there is no Metal on this system
    """

    def run(**_):
        raise RuntimeError(f"metal_kernel: {name!r} cannot run, there is no Metal on this system")

    return run


def cuda_kernel(name, input_names, output_names, source, header="", ensure_row_contiguous=True, shared_memory=0):
    """There for programs that choose between kernels: raises RuntimeError.

    >>> mx.fast.cuda_kernel("f", ["a"], ["b"], "b[0] = a[0];")
    Traceback (most recent call last):
    RuntimeError: cuda_kernel: 'f' cannot run, there is no CUDA back end
    """
    raise RuntimeError(f"cuda_kernel: {name!r} cannot run, there is no CUDA back end")


def precompiled_cuda_kernel(*, name, compiled_source, inputs, output_shapes, output_dtypes, scalars, grid, threadgroup,
                            shared_memory=0, init_value=None, ensure_row_contiguous=False, stream=None):
    """There for programs that choose between kernels: raises RuntimeError.

    >>> mx.fast.precompiled_cuda_kernel(name="f", compiled_source=b"", inputs=[], output_shapes=[], output_dtypes=[],
    ...                                 scalars=[], grid=(1, 1, 1), threadgroup=(1, 1, 1))
    Traceback (most recent call last):
    RuntimeError: precompiled_cuda_kernel: 'f' cannot run, there is no CUDA back end
    """
    raise RuntimeError(f"precompiled_cuda_kernel: {name!r} cannot run, there is no CUDA back end")


FUNCTIONS = {function.__name__: function for function in (
    cross_entropy, gated_delta_update, metal_kernel, cuda_kernel, precompiled_cuda_kernel)}
