"""Good arguments for every function of ops.h, fft.h, linalg.h, fast.h and random.h, for tests that treat all of them
alike (test_every_op.py).

CALLS[name](c) is a list of argument lists for mlx_NAME, made of arrays of the case c: its dtype, its layout, its size.
Run as a program it makes all calls and writes what came out:

    calls.py OUT.npz small|large DTYPE,DTYPE,... LAYOUT,LAYOUT,... [NAME,NAME,...]

as arrays named "FUNCTION DTYPE LAYOUT CALL RESULT"; an error is an array of its text. Of large results only a digest of
dtype, shape and bits is kept, in which NaN is one value: its sign and payload are no promise.
"""
import hashlib
import sys

import numpy as np

import hr

FAMILIES = ("ops.h", "fft.h", "linalg.h", "fast.h", "random.h")
LAYOUTS = ("plain", "transposed", "reversed", "strided", "offset")
FLOATS = (hr.FLOAT16, hr.FLOAT32, hr.FLOAT64, hr.BFLOAT16)


def laid_out(values, dtype, layout):
    """The same elements in memory of another kind."""
    n = values.ndim
    if layout == "plain" or n == 0:
        return hr.array(values, dtype)
    if layout == "transposed":
        return hr.transpose(hr.array(np.ascontiguousarray(values.T), dtype))
    if layout == "reversed":
        back = np.ascontiguousarray(values[(slice(None, None, -1),) * n])
        return hr.slice(hr.array(back, dtype), [-1] * n, [-s - 1 for s in values.shape], [-1] * n)
    if layout == "strided":
        wide = np.repeat(values, 2, n - 1)
        return hr.slice(hr.array(wide, dtype), [0] * n, wide.shape, [1] * (n - 1) + [2])
    padded = np.concatenate([values[..., :1], values], n - 1) if values.shape[-1] else values
    first = padded.shape[-1] - values.shape[-1]
    return hr.slice(hr.array(padded, dtype), [0] * (n - 1) + [first], padded.shape, [1] * n)


class Case:
    """Arrays of one dtype, layout and size; the same ones for the same seed, whatever the layout."""

    def __init__(self, dtype, layout, size):
        self.dtype, self.layout, self.size = dtype, layout, size
        self.shape = (5, 6, 7) if size == "small" else (37, 61, 83)
        self.side = 12 if size == "small" else 96

    def array(self, shape, seed=0, low=-2.0, high=2.0, dtype=None):
        dtype = self.dtype if dtype is None else dtype
        random = np.random.default_rng(seed)
        values = random.uniform(low, high, shape)
        if dtype == hr.COMPLEX64:
            values = values + 1j * random.uniform(low, high, shape)
        elif dtype == hr.BOOL:
            values = values > (low + high) / 2
        elif dtype not in FLOATS:
            values = np.abs(np.rint(3 * values)) if hr.UINT8 <= dtype <= hr.UINT64 else np.rint(3 * values)
        return laid_out(values, dtype, self.layout)

    def x(self):
        return self.array(self.shape, 1)

    def y(self):
        return self.array(self.shape, 2)

    def row(self):
        return self.array(self.shape[-1:], 3)

    def ints(self, shape, high, seed=4, dtype=hr.INT32):
        return laid_out(np.random.default_rng(seed).integers(0, high, shape), dtype, self.layout)

    def distinct(self, count, high):
        return laid_out(np.random.default_rng(5).permutation(high)[:count], hr.INT32, self.layout)

    def mask(self):
        return self.array(self.shape, 6, dtype=hr.BOOL)

    def square(self, seed=7):
        """Well conditioned: near the identity times its length."""
        n = self.side
        a = self.array((n, n), seed, -0.5, 0.5)
        return hr.add(a, hr.array(np.eye(n) * n, self.dtype))

    def symmetric(self):
        a = self.square()
        return hr.add(a, hr.conjugate(hr.transpose(a)))

    def weights(self):
        """A matrix that can be quantised."""
        return self.array((64, 128), 8, dtype=self.dtype if self.dtype in FLOATS else hr.FLOAT32)


CALLS = {}


def define(names, calls):
    for name in names.split():
        assert name not in CALLS, name
        CALLS[name] = calls


define("abs negative square sqrt rsqrt reciprocal sign floor ceil real imag conjugate degrees radians exp expm1 log "
       "log2 log10 log1p sigmoid erf erfinv sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh "
       "isfinite isinf isnan isneginf isposinf logical_not bitwise_invert copy stop_gradient zeros_like ones_like "
       "sort argsort squeeze atleast_1d atleast_2d atleast_3d transpose", lambda c: [(c.x(),)])
define("add subtract multiply divide floor_divide remainder power maximum minimum logaddexp arctan2 equal not_equal "
       "less less_equal greater greater_equal logical_and logical_or bitwise_and bitwise_or bitwise_xor divmod",
       lambda c: [(c.x(), c.y()), (c.x(), c.row())])
define("left_shift right_shift", lambda c: [(c.x(), hr.array(np.array(3), c.dtype))])
define("array_equal", lambda c: [(c.x(), c.y(), False), (c.x(), c.x(), True)])
define("isclose allclose", lambda c: [(c.x(), c.y(), 0.1, 0.1, True)])
define("round", lambda c: [(c.x(), 1)])
define("clip", lambda c: [(c.x(), c.row(), None), (c.x(), hr.array(np.array(0), c.dtype), hr.array(np.array(1),
       c.dtype))])
define("nan_to_num", lambda c: [(c.x(), 0.0, None, 1.0)])
define("where", lambda c: [(c.mask(), c.x(), c.y()), (c.mask(), c.x(), c.row())])
define("all any sum prod mean max min logsumexp argmax argmin", lambda c: [(c.x(), False), (c.x(), True)])
define("all_axis any_axis sum_axis prod_axis mean_axis max_axis min_axis logsumexp_axis argmax_axis argmin_axis",
       lambda c: [(c.x(), axis, False) for axis in range(3)])
define("all_axes any_axes sum_axes prod_axes mean_axes max_axes min_axes logsumexp_axes",
       lambda c: [(c.x(), axes, True) for axes in ([0, 2], [1, 2], [0, 1])])
define("median", lambda c: [(c.x(), [1], False), (c.x(), [0, 2], True)])
define("var std", lambda c: [(c.x(), False, 1)])
define("var_axis std_axis", lambda c: [(c.x(), axis, False, 0) for axis in range(3)])
define("var_axes std_axes", lambda c: [(c.x(), [0, 2], True, 1)])
define("softmax", lambda c: [(c.x(), True)])
define("softmax_axis", lambda c: [(c.x(), axis, False) for axis in range(3)])
define("softmax_axes", lambda c: [(c.x(), [0, 2], False)])
define("cumsum cumprod cummax cummin logcumsumexp",
       lambda c: [(c.x(), 0, False, True), (c.x(), 1, True, False), (c.x(), 2, True, True)])
define("sort_axis argsort_axis", lambda c: [(c.x(), axis) for axis in range(3)])
define("partition argpartition", lambda c: [(c.x(), 9)])
define("partition_axis argpartition_axis", lambda c: [(c.x(), 2, axis) for axis in range(3)])
define("topk", lambda c: [(c.x(), 9)])
define("topk_axis", lambda c: [(c.x(), 3, axis) for axis in range(3)])
define("zeros ones", lambda c: [(c.shape, c.dtype)])
define("full", lambda c: [(c.shape, c.row(), c.dtype)])
define("full_like", lambda c: [(c.x(), c.row(), c.dtype)])
define("arange", lambda c: [(0.0, 100.0 if c.size == "small" else 90000.0, 1.0, c.dtype)])
define("linspace", lambda c: [(0.0, 10.0, c.shape[0] * c.shape[1] * c.shape[2], c.dtype)])
define("eye", lambda c: [(c.side, c.side + 3, 1, c.dtype)])
define("identity", lambda c: [(c.side, c.dtype)])
define("tri", lambda c: [(c.side, c.side + 3, -1, c.dtype)])
define("tril triu", lambda c: [(c.x(), 1)])
define("diag", lambda c: [(c.row(), 1), (c.array((c.side, c.side)), -1)])
define("diagonal", lambda c: [(c.x(), 1, 0, 2)])
define("trace", lambda c: [(c.x(), 0, 0, 1, c.dtype)])
define("bartlett blackman hamming hanning", lambda c: [(101 if c.size == "small" else 70001,)])
define("meshgrid", lambda c: [([c.row(), c.array((9,))], False, "xy")])
define("astype", lambda c: [(c.x(), dtype) for dtype in hr.DTYPES])
define("view", lambda c: [(c.array((6, 8)), hr.UINT8)])
define("contiguous", lambda c: [(c.x(), False), (c.x(), True)])
define("depends", lambda c: [([c.x()], [c.y()])])
define("number_of_elements", lambda c: [(c.x(), [0, 2], False, hr.FLOAT32)])
define("reshape", lambda c: [(c.x(), [c.shape[0] * c.shape[1], -1])])
define("flatten", lambda c: [(c.x(), 0, -1), (c.x(), 1, 2)])
define("unflatten", lambda c: [(c.x(), 0, [1, -1])])
define("expand_dims", lambda c: [(c.x(), 1)])
define("expand_dims_axes", lambda c: [(c.x(), [0, 2])])
define("squeeze_axis", lambda c: [(c.array((4, 1, 3)), 1)])
define("squeeze_axes", lambda c: [(c.array((1, 4, 1, 3)), [0, 2])])
define("transpose_axes", lambda c: [(c.x(), [1, 2, 0])])
define("swapaxes", lambda c: [(c.x(), 0, 2)])
define("moveaxis", lambda c: [(c.x(), 0, 2)])
define("broadcast_to", lambda c: [(c.row(), c.shape)])
define("broadcast_arrays", lambda c: [([c.x(), c.row()],)])
define("as_strided", lambda c: [(c.x(), [4, 5], [2, 1], 3)])
define("concatenate stack", lambda c: [([c.x(), c.y()],)])
define("concatenate_axis stack_axis", lambda c: [([c.x(), c.y(), c.x()], axis) for axis in range(3)])
define("split", lambda c: [(c.array((6, c.shape[1], 9)), 3, axis) for axis in (0, 2)])
define("split_sections", lambda c: [(c.x(), [1, 4], 1)])
define("repeat", lambda c: [(c.x(), 2)])
define("repeat_axis", lambda c: [(c.x(), 3, axis) for axis in range(3)])
define("tile", lambda c: [(c.x(), [2, 1, 2])])
define("roll", lambda c: [(c.x(), [3])])
define("roll_axis", lambda c: [(c.x(), [2], 1)])
define("roll_axes", lambda c: [(c.x(), [1, -2], [0, 2])])
define("pad", lambda c: [(c.x(), [0, 2], [1, 2], [3, 0], hr.array(np.array(1), c.dtype), mode)
                         for mode in ("constant", "edge", "reflect", "symmetric")])
define("pad_symmetric", lambda c: [(c.x(), 2, hr.array(np.array(1), c.dtype), "constant")])
define("slice", lambda c: [(c.x(), [1, 0, -1], [5, 6, 0], [2, 1, -2])])
define("slice_dynamic", lambda c: [(c.x(), c.ints((2,), 2), [0, 2], [2, c.shape[1], 3])])
define("slice_update slice_update_add slice_update_max slice_update_min slice_update_prod",
       lambda c: [(c.x(), c.array((2, c.shape[1], 3), 9), [1, 0, 1], [5, c.shape[1], 7], [2, 1, 2])])
define("slice_update_dynamic", lambda c: [(c.x(), c.array((2, c.shape[1], 3), 9), c.ints((2,), 2), [0, 2])])
define("take", lambda c: [(c.x(), c.ints((40, 30), 100))])
define("take_axis", lambda c: [(c.x(), c.ints((9, 4), 5), axis) for axis in range(3)])
define("take_along_axis", lambda c: [(c.x(), c.ints((c.shape[0], 9, c.shape[2]), 5), 1)])
define("put_along_axis scatter_add_axis",
       lambda c: [(c.x(), hr.broadcast_to(hr.reshape(c.distinct(4, 5), [1, 4, 1]), [c.shape[0], 4, c.shape[2]]),
                   c.array((c.shape[0], 4, c.shape[2]), 9), 1)])
define("gather", lambda c: [(c.x(), [c.ints((8,), 5), c.ints((3, 8), 5, 5)], [0, 2], [1, c.shape[1], 2])])
define("gather_single", lambda c: [(c.x(), c.ints((8, 2), 5), 1, [2, 1, c.shape[2]])])
define("scatter", lambda c: [(c.x(), [c.distinct(5, 5)], c.array((5, 1, *c.shape[1:]), 9), [0])])
define("scatter_add scatter_max scatter_min scatter_prod",
       lambda c: [(c.x(), [c.ints((40,), 5), c.ints((40,), 5, 5)], c.array((40, 1, c.shape[1], 2), 9), [0, 2])])
define("scatter_single", lambda c: [(c.x(), c.distinct(5, 5), c.array((5, 1, *c.shape[1:]), 9), 0)])
define("scatter_add_single scatter_max_single scatter_min_single scatter_prod_single",
       lambda c: [(c.x(), c.ints((40,), 5), c.array((40, c.shape[0], 1, c.shape[2]), 9), 1)])
define("masked_scatter", lambda c: [(c.x(), c.mask(), c.array((c.shape[0] * c.shape[1] * c.shape[2],), 9))])
define("matmul", lambda c: [(c.x(), c.array((c.shape[2], c.side))), (c.array((3, c.side, 9)), c.array((3, 9, c.side))),
                            (c.x(), c.row())])
define("addmm", lambda c: [(c.array((c.side,)), c.x(), c.array((c.shape[2], c.side)), 0.5, 2.0)])
define("inner", lambda c: [(c.array((c.side, 9)), c.array((7, 9)))])
define("outer kron", lambda c: [(c.row(), c.array((c.side, 2)))])
define("tensordot", lambda c: [(c.x(), c.y(), [0, 2], [0, 2])])
define("tensordot_axis", lambda c: [(c.x(), c.array((c.shape[2], 5)), 1)])
define("einsum", lambda c: [("abc,cd->dba", [c.x(), c.array((c.shape[2], 9))]), ("abc,abc->b", [c.x(), c.y()])])
define("hadamard_transform", lambda c: [(c.array((c.side, 4 * c.side) if c.side == 12 else (700, 96)), None)])
define("conv1d", lambda c: [(c.x(), c.array((4, 3, c.shape[2])), 2, 1, 1, 1)])
define("conv2d", lambda c: [(c.array((2, c.side, 7, 4)), c.array((6, 3, 2, 2)), 1, 2, 1, 0, 1, 2, 2)])
define("conv3d", lambda c: [(c.array((1, c.side // 3, 6, 5, 2)), c.array((3, 2, 3, 2, 2)), 1, 2, 1, 0, 1, 1, 1, 1,
       1, 1)])
define("conv_general", lambda c: [(c.x(), c.array((4, 3, c.shape[2])), [2], [1], [2], [1], [2], 1, True)])
define("conv_transpose1d", lambda c: [(c.x(), c.array((4, 3, c.shape[2])), 2, 1, 1, 1, 1)])
define("conv_transpose2d", lambda c: [(c.array((2, c.side, 7, 4)), c.array((6, 3, 2, 4)), 2, 1, 1, 0, 1, 1, 0, 0, 1)])
define("conv_transpose3d", lambda c: [(c.array((1, c.side // 3, 6, 5, 2)), c.array((3, 2, 3, 2, 2)),
                                       1, 2, 1, 0, 1, 1, 1, 1, 1, 0, 0, 0, 1)])
define("to_fp8", lambda c: [(c.x(),)])
define("from_fp8", lambda c: [(c.ints(c.shape, 127, dtype=hr.UINT8), hr.FLOAT32)])

define("fft_fft fft_ifft fft_rfft", lambda c: [(c.x(), c.shape[axis] + axis - 1, axis, axis) for axis in range(3)])
define("fft_irfft", lambda c: [(c.x(), 2 * c.shape[axis] - axis, axis, 0) for axis in range(3)])
define("fft_fft2 fft_ifft2 fft_rfft2 fft_irfft2", lambda c: [(c.x(), [c.shape[0], 12], [0, 2], 0)])
define("fft_fftn fft_ifftn fft_rfftn fft_irfftn", lambda c: [(c.x(), c.shape, [0, 1, 2], 1)])
define("fft_fftfreq fft_rfftfreq", lambda c: [(c.side, 0.1)])
define("fft_fftshift fft_ifftshift", lambda c: [(c.x(), [0, 2])])

define("linalg_cholesky linalg_cholesky_inv", lambda c: [(c.symmetric(), False)])
define("linalg_eigh linalg_eigvalsh", lambda c: [(c.symmetric(), "L")])
define("linalg_eig linalg_eigvals linalg_lu linalg_lu_factor linalg_qr linalg_inv linalg_pinv",
       lambda c: [(c.square(),)])
define("linalg_svd", lambda c: [(c.square(), True), (c.square(), False)])
define("linalg_tri_inv", lambda c: [(hr.tril(c.square(), 0), False)])
define("linalg_solve", lambda c: [(c.square(), c.array((c.side, 3)))])
define("linalg_solve_triangular", lambda c: [(hr.triu(c.square(), 0), c.array((c.side, 3)), True)])
define("linalg_norm", lambda c: [(c.x(), 3.0, [1], False)])
define("linalg_norm_matrix", lambda c: [(c.x(), "fro", [0, 2], False)])
define("linalg_norm_l2", lambda c: [(c.x(), [1], True)])
define("linalg_cross", lambda c: [(c.array((c.side, 3)), c.array((c.side, 3), 2), -1)])

define("fast_layer_norm", lambda c: [(c.x(), c.row(), c.row(), 1e-5)])
define("fast_rms_norm", lambda c: [(c.x(), c.row(), 1e-5)])
define("fast_rope", lambda c: [(c.array((2, 3, c.side, 8)), 8, flag, 10000.0, 1.0, 3, None) for flag in (False, True)])
define("fast_rope_dynamic", lambda c: [(c.array((2, 3, c.side, 8)), 6, False, 10000.0, 1.0, hr.array(np.array(3)),
       None)])
define("fast_scaled_dot_product_attention",
       lambda c: [(c.array((2, 4, c.side, 16)), c.array((2, 2, c.side + 3, 16), 2), c.array((2, 2, c.side + 3, 16),
       3), 0.25,
                   mode, None, None) for mode in ("", "causal")])

define("block_masked_mm", lambda c: [(c.array((64, 96)), c.array((96, 32)), 32, c.array((2, 1), dtype=hr.BOOL),
       None, None)])
define("gather_mm", lambda c: [(c.array((4, 9, 5)), c.array((3, 5, 7)), c.ints((6,), 4), c.ints((6,), 3, 5), False)])
define("segmented_mm", lambda c: [(c.array((9, 12)), c.array((12, 7)), hr.array(np.array([[0, 5], [5, 12]]),
       hr.UINT32))])
define("quantize", lambda c: [(c.weights(), 64, 4, "affine", None)])


def quantized(c):
    return hr.quantize(c.weights(), 64, 4, "affine", None)


define("dequantize", lambda c: [(*quantized(c), 64, 4, "affine", None, None)])
define("quantized_matmul", lambda c: [(c.array((5, 128)), *quantized(c), True, 64, 4, "affine")])


def quantized_stack(c):
    return [hr.stack([part, part, part]) for part in quantized(c)]


define("gather_qmm", lambda c: [(c.array((2, 5, 128)), *quantized_stack(c), c.ints((4,), 2), c.ints((4,), 3, 5),
       True, 64, 4,
                                 "affine", False)])
define("qqmm", lambda c: [(c.array((5, 128)), c.weights(), None, 16, 4, "nvfp4", None, None)])

KEY = np.array([1, 2], np.uint32)
define("random_key", lambda c: [(7,)])
define("random_split", lambda c: [(KEY,)])
define("random_split_num", lambda c: [(KEY, 5)])
define("random_bits", lambda c: [(c.shape, width, KEY) for width in (1, 2, 4)])
define("random_uniform", lambda c: [(hr.array(np.array(0), c.dtype), hr.array(np.array(2), c.dtype), c.shape,
       c.dtype, KEY)])
define("random_normal random_laplace", lambda c: [(c.shape, c.dtype, 0.5, 2.0, KEY)])
define("random_normal_broadcast", lambda c: [(c.shape, c.dtype, c.row(), c.row(), KEY)])
define("random_multivariate_normal", lambda c: [(c.array((3,)), hr.array(np.eye(3), c.dtype), [c.side], c.dtype, KEY)])
define("random_truncated_normal",
       lambda c: [(hr.array(np.array(0), c.dtype), hr.array(np.array(2), c.dtype), c.shape, c.dtype, KEY)])
define("random_gumbel", lambda c: [(c.shape, c.dtype, KEY)])
define("random_bernoulli", lambda c: [(hr.array(np.array(0.25), hr.FLOAT32), c.shape, KEY)])
define("random_randint", lambda c: [(hr.array(np.array(0), hr.INT32), hr.array(np.array(9), hr.INT32), c.shape,
       c.dtype, KEY)])
define("random_categorical", lambda c: [(c.x(), -1, KEY)])
define("random_categorical_shape", lambda c: [(c.array((6, 9)), -1, [4, 6], KEY)])
define("random_categorical_num_samples", lambda c: [(c.array((6, 9)), -1, 50, KEY)])
define("random_permutation", lambda c: [(c.x(), 1, KEY)])
define("random_permutation_arange", lambda c: [(1000 if c.size == "small" else 100000, KEY)])


def results(c, name):
    """(number of the call, of the result, values) of all calls; the text of an error for values."""
    try:
        calls = CALLS[name](c)
    except hr.Error as e:  # of the functions that make the arguments
        calls = []
        yield 0, 0, np.array(f"arguments: {e}")
    for i, arguments in enumerate(calls):
        try:
            made = hr.call(name, *arguments)
            made = made if isinstance(made, (list, tuple)) else [made]
            made = [a for part in made for a in (part if isinstance(part, list) else [part])]
            for k, a in enumerate(made):
                yield i, k, a.numpy()
        except hr.Error as e:
            yield i, 0, np.array(str(e))


def digest(values):
    if values.dtype.kind == "U":
        return values
    header = f"{values.dtype} {values.shape} "
    if values.dtype.kind == "c":
        values = np.ascontiguousarray(values).view(np.float32)
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), values.dtype.type(np.nan), values)
    return np.array(header + hashlib.blake2b(np.ascontiguousarray(values), digest_size=16).hexdigest())


def main(argv):
    out, size, dtypes, layouts = argv[:4]
    names = argv[4].split(",") if len(argv) > 4 else [name for name in CALLS if hasattr(hr.lib, "mlx_" + name)]
    kept = {}
    for name in names:
        for dtype in dtypes.split(","):
            for layout in layouts.split(","):
                for call, result, values in results(Case(hr.NAMES.index(dtype), layout, size), name):
                    kept[f"{name} {dtype} {layout} {call} {result}"] = values if size == "small" else digest(values)
    np.savez(out, **kept)


if __name__ == "__main__":
    main(sys.argv[1:])
