"""Functions of mlx.core that are composed of others. All are lazy, and take the stream for all of their operations."""
from headrace import _core as mx

__all__ = ["broadcast_shapes", "convolve", "count_nonzero", "diff", "flip", "logical_xor", "matrix_transpose", "minmax",
           "positive", "searchsorted", "trunc", "unique", "unstack", "vecdot"]


def _axis(axis, ndim, op):
    if not -ndim <= axis < ndim:
        raise mx.range_error(f"{op}: axis {axis} is out of range for an array of {ndim} axes")
    return axis % ndim


def _need(op, *values):
    """Raises TypeError for what is no array."""
    for value in values:
        if not isinstance(value, mx.array):
            raise TypeError(f"{op}(): an array is needed, not {type(value).__name__}")


def _array(a, **like):
    return a if isinstance(a, mx.array) else mx.array(a, **like)


def broadcast_shapes(*shapes):
    """The shape that arrays of these shapes broadcast to. Raises ValueError if they do not.

    >>> mx.broadcast_shapes((1, 2), (3, 1))
    (3, 2)
    """
    if not shapes:
        raise ValueError("[broadcast_shapes] Must provide at least one shape.")
    out = []
    for shape in shapes:
        shape = [shape] if isinstance(shape, int) else list(shape)
        out = [1] * (len(shape) - len(out)) + out
        for i in range(1, len(shape) + 1):
            if out[-i] != shape[-i] and 1 not in (out[-i], shape[-i]):
                raise ValueError(f"[broadcast_shapes] Shapes {tuple(out)} and {tuple(shape)} cannot be broadcast.")
            out[-i] = shape[-i] if out[-i] == 1 else out[-i]
    return tuple(out)


def positive(a, /, *, stream=None):
    """The array itself.

    >>> mx.positive(mx.array([-1]))
    array([-1], dtype=int32)
    """
    return mx.copy(a, stream=stream) if hasattr(mx, "copy") else mx.stop_gradient(a, stream=stream)


def logical_xor(a, b, /, *, stream=None):
    """Whether exactly one of the elements is true.

    >>> mx.logical_xor(mx.array([True, False]), True)
    array([False, True], dtype=bool)
    """
    return mx.not_equal(mx.astype(_array(a), mx.bool_, stream=stream), mx.astype(_array(b), mx.bool_, stream=stream),
                        stream=stream)


def trunc(a, /, *, stream=None):
    """Towards zero.

    >>> mx.trunc(mx.array([-1.5, 1.5]))
    array([-1, 1], dtype=float32)
    """
    a = _array(a)
    if a.dtype not in (mx.float16, mx.float32, mx.float64, mx.bfloat16):
        return positive(a, stream=stream)
    return mx.where(mx.less(a, 0, stream=stream), mx.ceil(a, stream=stream), mx.floor(a, stream=stream), stream=stream)


def flip(a, /, axis=None, *, stream=None):
    """The elements in reverse order along the axes (None: all).

    >>> mx.flip(mx.array([1, 2, 3]))
    array([3, 2, 1], dtype=int32)
    """
    _need("flip", a)
    axes = range(a.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    axes = {_axis(i, a.ndim, "flip") for i in axes}
    index = tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(a.ndim))
    return _on(stream, lambda: a[index])


def _on(stream, function):
    if stream is None:
        return function()
    with mx.stream(stream):
        return function()


def matrix_transpose(a, /, *, stream=None):
    """The last two axes exchanged. Raises ValueError for fewer than two.

    >>> mx.matrix_transpose(mx.ones((5, 2, 3))).shape
    (5, 3, 2)
    """
    _need("matrix_transpose", a)
    if a.ndim < 2:
        raise ValueError("[matrix_transpose] Input array must have at least 2 dimensions.")
    return mx.swapaxes(a, -1, -2, stream=stream)


def minmax(a, /, axis=None, keepdims=False, *, stream=None):
    """The smallest and the largest element, as min() and max().

    >>> mx.minmax(mx.array([3, 1, 2]))
    (array(1, dtype=int32), array(3, dtype=int32))
    """
    return mx.min(a, axis, keepdims, stream=stream), mx.max(a, axis, keepdims, stream=stream)


def unstack(x, /, *, axis=0, stream=None):
    """The slices along an axis, a tuple of arrays without it.

    >>> mx.unstack(mx.array([[1, 2], [3, 4]]))
    (array([1, 2], dtype=int32), array([3, 4], dtype=int32))
    """
    _need("unstack", x)
    axis = _axis(axis, x.ndim, "unstack")
    if x.shape[axis] == 0:
        return ()
    return tuple(mx.squeeze(part, axis, stream=stream) for part in mx.split(x, x.shape[axis], axis, stream=stream))


def count_nonzero(a, /, *, axis=None, keepdims=False, stream=None):
    """How many elements are not zero, int32. Axes are those of sum().

    >>> mx.count_nonzero(mx.array([[0, 1], [2, 3]]), axis=1)
    array([1, 2], dtype=int32)
    """
    _need("count_nonzero", a)
    return mx.sum(mx.astype(mx.not_equal(a, 0, stream=stream), mx.int32, stream=stream), axis, keepdims, stream=stream)


def diff(a, /, n=1, axis=-1, *, stream=None):
    """Differences of neighbours along the axis, n times; of bools, whether they differ.

    >>> mx.diff(mx.array([1, 4, 9]))
    array([3, 5], dtype=int32)
    """
    _need("diff", a)
    if n < 0:
        raise ValueError(f"diff: n is {n}, which is negative")
    axis = _axis(axis, a.ndim, "diff")
    step = mx.not_equal if a.dtype == mx.bool_ else mx.subtract

    def run(a):
        for _ in range(n):
            ends = [tuple(slice(k, k + max(a.shape[axis] - 1, 0)) if i == axis else slice(None) for i in range(a.ndim))
                    for k in (1, 0)]
            a = step(a[ends[0]], a[ends[1]])
        return a

    return _on(stream, lambda: run(a))


def vecdot(a, b, /, *, axis=-1, stream=None):
    """Products of vectors along the axis, the first one conjugated; other axes are broadcast.

    >>> mx.vecdot(mx.array([[1.0, 2.0], [3.0, 4.0]]), mx.array([1.0, 1.0]))
    array([3, 7], dtype=float32)
    """
    _need("vecdot", a, b)
    if a.dtype == mx.complex64:
        a = mx.conjugate(a, stream=stream)
    return mx.sum(mx.multiply(a, b, stream=stream), axis, stream=stream)


def searchsorted(sorted_sequence, values, /, side="left", *, stream=None):
    """Where values would be put into a sorted array of one axis, uint32.

    side "left": before equal elements; "right": behind them.

    >>> mx.searchsorted(mx.array([1, 2, 3]), mx.array([0, 2, 4]))
    array([0, 1, 3], dtype=uint32)
    """
    _need("searchsorted", sorted_sequence, values)
    if side not in ("left", "right"):
        raise ValueError(f"searchsorted: side must be 'left' or 'right', not {side!r}")
    if sorted_sequence.ndim != 1:
        raise ValueError(f"searchsorted: the sequence has {sorted_sequence.ndim} axes instead of one")
    # A binary search of all values at once; each step halves what is left of the longest range.
    n = sorted_sequence.shape[0]
    before = mx.less if side == "left" else mx.less_equal
    low = mx.zeros(values.shape, mx.int32, stream=stream)
    high = mx.full(values.shape, n, mx.int32, stream=stream)
    for _ in range(n.bit_length()):
        middle = mx.floor_divide(mx.add(low, high, stream=stream), 2, stream=stream)
        inside = mx.less(low, high, stream=stream)
        found = mx.take(sorted_sequence, mx.minimum(middle, max(n - 1, 0), stream=stream), stream=stream)
        go_right = mx.logical_and(before(found, values, stream=stream), inside, stream=stream)
        go_left = mx.logical_and(mx.logical_not(go_right, stream=stream), inside, stream=stream)
        low = mx.where(go_right, mx.add(middle, 1, stream=stream), low, stream=stream)
        high = mx.where(go_left, middle, high, stream=stream)
    return mx.astype(low, mx.uint32, stream=stream)


def unique(a, /, size, return_index=False, return_inverse=False, return_counts=False, fill_value=None, *, stream=None):
    """The first `size` of the different elements, sorted.

    If there are fewer the rest is `fill_value`, by default the smallest element's first index's neighbour in MLX and
    the smallest element here. On request also: the first index of each (uint32), for each element of `a` the place of
    its value (uint32), and how often each occurs (int32).

    >>> mx.unique(mx.array([3, 1, 1]), 2)
    array([1, 3], dtype=int32)
    """
    _need("unique", a)
    flat = mx.reshape(a, (-1,), stream=stream)
    n = flat.shape[0]

    def run():
        order = mx.argsort(flat)
        ordered = mx.take(flat, order)
        fresh = mx.concatenate([mx.array([True] * min(n, 1)), mx.not_equal(ordered[1:], ordered[:-1])])
        place = mx.cumsum(mx.astype(fresh, mx.int32)) - 1  # of each sorted element among the different ones
        kept = mx.minimum(place, size)  # what is past `size` lands in one more place, which is cut off
        fill = ordered[0] if fill_value is None else mx.astype(_array(fill_value), flat.dtype)
        values = mx.broadcast_to(fill, (size + 1,))
        values = mx.put_along_axis(values, kept, ordered, 0)[:size]
        if not (return_index or return_inverse or return_counts):
            return values
        out = [values]
        if return_index:
            first = mx.full((size + 1,), n, mx.int32).at[kept].minimum(mx.astype(order, mx.int32))[:size]
            out.append(mx.astype(mx.where(mx.equal(first, n), 0, first), mx.uint32))
        if return_inverse:
            inverse = mx.put_along_axis(mx.zeros((n,), mx.int32), order, place, 0)
            out.append(mx.reshape(mx.astype(inverse, mx.uint32), a.shape))
        if return_counts:
            out.append(mx.zeros((size + 1,), mx.int32).at[kept].add(1)[:size])
        return tuple(out)

    return _on(stream, run)


def convolve(a, v, /, mode="full", *, stream=None):
    """The discrete convolution of two arrays of one axis, as NumPy's; mode is "full", "same" or "valid".

    >>> mx.convolve(mx.array([1.0, 2.0]), mx.array([1.0, 1.0]))
    array([1, 3, 2], dtype=float32)
    """
    _need("convolve", a, v)
    if a.ndim != 1 or v.ndim != 1 or not a.size or not v.size:
        raise ValueError("[convolve] Inputs must be 1D and not empty.")
    if mode not in ("full", "same", "valid"):
        raise ValueError(f"[convolve] unknown mode {mode!r}")
    if a.size < v.size:
        a, v = v, a
    n, k = a.size, v.size

    def run():
        pad = 0 if mode == "valid" else k - 1
        wide = mx.pad(a, (pad, pad)) if pad else a
        full = wide.size - k + 1
        windows = mx.as_strided(mx.contiguous(wide), (full, k), (1, 1))
        out = mx.matmul(windows, flip(v)) if a.dtype in (mx.float16, mx.float32, mx.bfloat16) else \
            mx.sum(mx.multiply(windows, flip(v)), -1)
        start = (k - 1) // 2
        return out[start:start + n] if mode == "same" else out

    return _on(stream, run)


def _eliminated(op, a, stream):
    """The diagonal of U where a = P L U, whether P is odd, and the dtype of what is made of them."""
    _need(op, a)
    if a.dtype == mx.complex64:
        raise ValueError(f"{op}: complex64{a.shape}: complex matrices are not supported")
    dtype = a.dtype if a.dtype in (mx.float16, mx.bfloat16, mx.float32, mx.float64) else mx.float32
    wide = mx.astype(a, mx.float64 if dtype == mx.float64 else mx.float32, stream=stream)
    factor, pivots = mx.linalg.lu_factor(wide, stream=stream)
    places = mx.arange(a.shape[-1], dtype=pivots.dtype, stream=stream)
    swaps = mx.sum(mx.not_equal(pivots, places, stream=stream), -1, stream=stream)
    odd = mx.equal(mx.remainder(swaps, 2, stream=stream), 1, stream=stream)
    return mx.diagonal(factor, 0, -2, -1, stream=stream), odd, dtype


def det(a, *, stream=None):
    """The determinants of the square matrices in the last two axes, from an LU decomposition.

    >>> mx.linalg.det(mx.array([[2.0, 0.0], [5.0, 4.0]]))
    array(8, dtype=float32)
    """
    diagonal, odd, dtype = _eliminated("det", a, stream)
    size = mx.prod(diagonal, -1, stream=stream)
    return mx.astype(mx.where(odd, mx.negative(size, stream=stream), size, stream=stream), dtype, stream=stream)


def slogdet(a, *, stream=None):
    """The sign and the logarithm of the absolute value of det(), two arrays.

    >>> mx.linalg.slogdet(mx.array([[-1.0, 0.0], [5.0, 1.0]]))
    (array(-1, dtype=float32), array(0, dtype=float32))
    """
    diagonal, odd, dtype = _eliminated("slogdet", a, stream)
    sign = mx.prod(mx.sign(diagonal, stream=stream), -1, stream=stream)
    sign = mx.where(odd, mx.negative(sign, stream=stream), sign, stream=stream)
    size = mx.sum(mx.log(mx.abs(diagonal, stream=stream), stream=stream), -1, stream=stream)
    return mx.astype(sign, dtype, stream=stream), mx.astype(size, dtype, stream=stream)


def _metal_is_available():
    """False: there is no Metal on this system.

    >>> mx.metal.is_available()
    False
    """
    return False


def _cuda_is_available():
    """Whether arrays can be computed on a GPU of NVIDIA's.

    >>> mx.cuda.is_available() == mx.is_available(mx.gpu)
    True
    """
    return mx.is_available(mx.gpu)


LINALG = {"det": det, "slogdet": slogdet}
METAL = {"is_available": _metal_is_available}
CUDA = {"is_available": _cuda_is_available}
for _function in (_metal_is_available, _cuda_is_available):
    _function.__name__ = _function.__qualname__ = "is_available"
