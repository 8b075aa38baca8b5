"""A few bad calls for every function of ops.h, fft.h, linalg.h, fast.h and random.h: each must fail, with a text that
names the function and has the values that are at fault. A function without an entry fails the test; those that take any
argument there is are listed with the reason.

Values that are no arguments at all (NULL, unknown dtypes, ends of the range of integers): test_hostile.py.
"""
import pathlib
import sys

import numpy as np
import pytest

import hr
from layouts import fails

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tools"))
from capi_table import rows  # noqa: E402

FAMILIES = ("ops.h", "fft.h", "linalg.h", "fast.h", "random.h")


def ones(*shape, dtype=hr.FLOAT32):
    return hr.array(np.ones(shape), dtype)


def ints(*values, dtype=hr.INT32):
    return hr.array(np.array(values), dtype)


X, CUBE, EMPTY, NUMBER, COMPLEX = ones(2, 3), ones(2, 3, 4), ones(0, 3), ones(), ones(2, 3, dtype=hr.COMPLEX64)
WHOLE = ones(2, 3, dtype=hr.INT32)
KEY = ints(1, 2, dtype=hr.UINT32)
LONG = 2**31 - 1
BAD = {}
AT_RUN = "when run:"  # what only the values show


def define(names, *calls):
    """Each call: words that the text must have, then the arguments."""
    for name in names.split():
        assert name not in BAD, name
        BAD[name] = calls


define("add subtract multiply divide divmod floor_divide remainder power maximum minimum logaddexp arctan2 equal "
       "not_equal less less_equal greater greater_equal logical_and logical_or", ("(2,3) (4)", X, ones(4)),
       ("(2,3) (2,1,2)", X, ones(2, 1, 2)))
define("bitwise_and bitwise_or bitwise_xor left_shift right_shift", ("float32", X, X),
       ("(2,3) (4)", WHOLE, ints(1, 2, 3, 4)))
define("isclose allclose", ("(2,3) (4)", X, ones(4), 0.1, 0.1, False))
define("where", ("(2,3) (4)", X, X, ones(4)), ("(2) (3)", ones(2), ones(3), NUMBER))
define("clip", ("least one", X, None, None), ("(2,3) (4)", X, ones(4), None))
define("nan_to_num", ("complex64", COMPLEX, 0.0, None, None))
define("bitwise_invert", ("float32", X))
define("floor ceil", ("complex64", COMPLEX))
define("erf erfinv expm1 sigmoid", ("complex64", COMPLEX))

define("all_axis any_axis sum_axis prod_axis mean_axis logsumexp_axis argmax_axis argmin_axis max_axis min_axis",
       ("axis 2 2 axes", X, 2, False), ("axis -3 2 axes", X, -3, True))
define("all_axes any_axes sum_axes prod_axes mean_axes logsumexp_axes max_axes min_axes",
       ("axis 2 2 axes", X, [0, 2], False), ("axis -2 twice", X, [0, -2], False))
define("var_axis std_axis", ("axis 2 2 axes", X, 2, False, 0))
define("var_axes std_axes", ("axis 5 2 axes", X, [5], False, 0), ("axis 1 twice", X, [1, 1], False, 0))
define("max min argmax argmin", ("(0,3) no elements", EMPTY, False))
define("logsumexp", ("(0,3) no elements", EMPTY, False))
define("median", ("axis 2 2 axes", X, [2], False), ("(0,3)", EMPTY, [0], False))
define("softmax_axis", ("axis -3 2 axes", X, -3, False))
define("softmax_axes", ("axis 2 2 axes", X, [2], False), ("axis 1 twice", X, [1, 1], False))
define("cumsum cumprod cummax cummin logcumsumexp", ("axis 2 2 axes", X, 2, False, True))
define("sort_axis argsort_axis", ("axis -3 2 axes", X, -3))
define("partition argpartition", ("6", X, 6), ("-7", X, -7))
define("partition_axis argpartition_axis", ("3 axis", X, 3, 1), ("axis 2 2 axes", X, 0, 2))
define("topk", ("7", X, 7))
define("topk_axis", ("4 axis", X, 4, 1), ("axis 2 2 axes", X, 1, 2))

define("zeros ones", ("(2,-1)", [2, -1], hr.FLOAT32), (f"({LONG},{LONG},{LONG})", [LONG] * 3, hr.FLOAT32))
define("full", ("(2,-1)", [2, -1], NUMBER, hr.FLOAT32), ("(2,3) (4)", [4], X, hr.FLOAT32))
define("full_like", ("(2,3) (4)", X, ones(4), hr.FLOAT32))
define("arange", ("step 0", 0.0, 5.0, 0.0, hr.INT32),
       ("bool", 0.0, 5.0, 1.0, hr.BOOL), ("1e+12", 0.0, 1e12, 1.0, hr.FLOAT32))
define("linspace", ("-1", 0.0, 1.0, -1, hr.FLOAT32))
define("eye tri", ("-1 3", -1, 3, 0, hr.FLOAT32))
define("identity", ("-2", -2, hr.FLOAT32))
define("tril triu", ("", ones(3), 0))
define("diag", ("(2,3,4)", CUBE, 0))
define("diagonal", ("both 1", X, 0, 1, 1), ("axis 2 2 axes", X, 0, 0, 2), ("1", ones(3), 0, 0, 0))
define("trace", ("both 1", X, 0, 1, 1, hr.FLOAT32), ("axis 4 2 axes", X, 0, 0, 4, hr.FLOAT32))
define("meshgrid", ("indexing \"xz\"", [ones(2), ones(3)], False, "xz"))
define("view", ("(2,3) complex64 8", X, hr.COMPLEX64))
define("number_of_elements", ("axis 2 2 axes", X, [2], False, hr.FLOAT32))
define("reshape", ("(2,3) (4,2)", X, [4, 2]), ("-1", X, [-1, -1]), ("6 4", X, [4, -1]))
define("flatten", ("2 1 2 axes", X, 2, 1), ("1 0", X, 1, 0))
define("unflatten", ("axis 2 2 axes", X, 2, [1, 3]), ("length 3", X, 1, [2, 2]), ("empty", X, 1, []))
define("expand_dims", ("axis 3", X, 3))
define("expand_dims_axes", ("axis 9", X, [9]), ("axis 1 twice", X, [1, 1]))
define("squeeze_axis", ("axis 1 length 3", X, 1), ("axis 2 2 axes", X, 2))
define("squeeze_axes", ("axis 0 length 2", X, [0]), ("axis -2 twice", ones(1, 2), [0, -2]))
define("transpose_axes", ("1 2", X, [1]), ("axis 1 twice", X, [1, 1]), ("axis 2 2 axes", X, [0, 2]))
define("swapaxes moveaxis", ("axis 2 2 axes", X, 0, 2))
define("broadcast_to", ("(2,3) (2,4)", X, [2, 4]), ("(2,3) (3)", X, [3]))
define("broadcast_arrays", ("(2,3) (4)", [X, ones(4)]))
define("as_strided", ("6", X, [4, 4], [2, 1], 0), ("2 1", X, [2, 2], [1], 0), ("6", X, [2], [1], 5))
define("concatenate", ("no arrays", []))
define("concatenate_axis", ("axis 2 2 axes", [X, X], 2), ("(2,3) (3,3)", [X, ones(3, 3)], 1))
define("stack", ("(2,3) (2,4)", [X, ones(2, 4)]), ("no arrays", []))
define("stack_axis", ("axis 3", [X, X], 3), ("(2,3) (3)", [X, ones(3)], 0))
define("split", ("3 2", X, 2, 1), ("axis 2 2 axes", X, 2, 2), ("0", X, 0, 1))
define("split_sections", ("axis 2 2 axes", X, [1], 2))
define("repeat", ("-1", X, -1))
define("repeat_axis", ("-1", X, -1, 0), ("axis 2 2 axes", X, 1, 2))
define("tile", ("-1", X, [-1]))
define("roll_axis", ("axis 2 2 axes", X, [1], 2))
define("roll_axes", ("1 2", X, [1], [0, 1]), ("axis 2 2 axes", X, [1], [2]))
define("pad", ("-1 2 axis", X, [0], [-1], [2], NUMBER, "constant"), ("\"around\"", X, [0], [1], [1], NUMBER, "around"),
       ("2 1", X, [0, 1], [1], [1, 1], NUMBER, "constant"), ("6 elements", X, [0], [1], [1], X, "constant"),
       ("edge axis 0", EMPTY, [0], [1], [1], NUMBER, "edge"))
define("pad_symmetric", ("-1", X, -1, NUMBER, "constant"), ("\"\"", X, 1, NUMBER, ""))
define("slice", ("1 2 axes", X, [0], [1], [1]), ("0", X, [0, 0], [1, 1], [1, 0]))
define("slice_dynamic", ("1", X, ints(0), [0, 1], [1, 1]), ("4 axis 1", X, ints(0), [1], [2, 4]),
       ("axis 2", X, ints(0), [2], [1, 1]))
define("slice_update slice_update_add slice_update_max slice_update_min slice_update_prod",
       ("(2,2)", X, ones(2, 2), [0, 0], [2, 1], [1, 1]),
       ("1 2 axes", X, ones(1), [0], [1], [1]))
define("slice_update_dynamic", ("axis 2", X, ones(1, 1), ints(0), [2]), ("4", X, ones(1, 4), ints(0), [1]))
define("take", ("float32", X, ones(2)), ("when run: index 6 length 6", X, ints(6)))
define("take_axis", ("axis 2 2 axes", X, ints(0), 2), ("float32", X, ones(2), 0),
       ("when run: index 3 axis 1 length 3", X, ints(3), 1),
       ("when run: index -4 axis 1 length 3", X, ints(-4), 1))
define("take_along_axis", ("1 2", X, ints(0), 0), ("axis 2 2 axes", X, WHOLE, 2), ("float32", X, X, 0))
define("put_along_axis scatter_add_axis", ("1 2", X, ints(0), NUMBER, 0), ("axis 2 2 axes", X, WHOLE, NUMBER, 2),
       ("float32", X, X, NUMBER, 0))
define("gather", ("axis 2 2 axes", X, [ints(0)], [2], [1, 1]), ("1 2", X, [ints(0)], [0, 1], [1, 1]),
       ("4 axis 1", X, [ints(0)], [0], [1, 4]), ("1 2", X, [ints(0)], [0], [1]),
       ("when run: index 2 axis 0 length 2", X, [ints(2)], [0], [1, 1]))
define("gather_single", ("axis 2 2 axes", X, ints(0), 2, [1, 1]), ("4 axis 1", X, ints(0), 0, [1, 4]))
define("scatter scatter_add scatter_max scatter_min scatter_prod", ("axis 2 2 axes", X, [ints(0)], ones(1, 1, 3), [2]),
       ("1 2", X, [ints(0)], ones(1, 1, 3), [0, 1]), ("(2,3)", X, [ints(0)], X, [0]),
       ("float32", X, [ones(1)], ones(1, 1, 3), [0]))
define("scatter_single scatter_add_single scatter_max_single scatter_min_single scatter_prod_single",
       ("axis 2 2 axes", X, ints(0), ones(1, 1, 3), 2), ("(2,3)", X, ints(0), X, 0))
define("masked_scatter", ("float32(2,3)", X, X, X), ("axis 1 2 3", X, ones(2, 2, dtype=hr.BOOL), X))

define("matmul", ("(2,3) 3 2", X, X), ("()", NUMBER, X), ("int32", WHOLE, ones(3, 2, dtype=hr.INT32)),
       ("(5) (4)", ones(5, 2, 3), ones(4, 3, 2)))
define("addmm", ("(2,3) 3 2", NUMBER, X, X, 1.0, 1.0), ("(5) (2,4)", ones(5), X, ones(3, 4), 1.0, 1.0))
define("inner", ("3 4", X, ones(4)))
define("tensordot", ("1 2", X, X, [0], [0, 1]), ("2 3", X, X, [0], [1]), ("axis 2 2 axes", X, X, [2], [0]))
define("tensordot_axis", ("3 2", X, X, 3), ("2 3", X, X, 1), ("-1", X, X, -1))
define("einsum", ("'k' 2 3", "ik,kj->ij", [X, X]), ("2 1", "ij,jk", [X]), ("'%'", "i%", [X]))
define("hadamard_transform", ("length 3", X, None), ("(0,3)", EMPTY, None))
define("block_masked_mm", ("", X, X, 32, None, None, None), ("7", ones(7, 7), ones(7, 7), 7, None, None, None))
define("gather_mm", ("3 2", X, X, None, None, False), ("float32", X, ones(3, 2), ones(1), None, False))
define("segmented_mm", ("", X, X, ints(0, 1, dtype=hr.UINT32)))

CONV = ones(1, 8, 4)
define("conv1d", ("(2,3)", X, ones(4, 3, 4), 1, 0, 1, 1), ("4 5", CONV, ones(4, 3, 5), 1, 0, 1, 1),
       ("3", CONV, ones(4, 3, 4), 1, 0, 1, 3), ("0", CONV, ones(4, 3, 4), 0, 0, 1, 1))
define("conv2d", ("(1,8,4)", CONV, ones(4, 3, 4), *[1] * 2, *[0] * 2, *[1] * 2, 1))
define("conv3d", ("(1,8,4)", CONV, ones(4, 3, 4), *[1] * 3, *[0] * 3, *[1] * 3, 1))
define("conv_general", ("4 5", CONV, ones(4, 3, 5), [1], [0], [0], [1], [1], 1, False),
       ("stride 2 1", CONV, ones(4, 3, 4), [1, 1], [0], [0], [1], [1], 1, False))
define("conv_transpose1d", ("4 5", CONV, ones(4, 3, 5), 1, 0, 1, 0, 1))
define("conv_transpose2d", ("(1,8,4)", CONV, ones(4, 3, 4), *[1] * 2, *[0] * 2, *[1] * 2, *[0] * 2, 1))
define("conv_transpose3d", ("(1,8,4)", CONV, ones(4, 3, 4), *[1] * 3, *[0] * 3, *[1] * 3, *[0] * 3, 1))

W = ones(64, 128)
define("quantize", ("(2,3) 64", X, None, None, "affine", None), ("7", W, None, 7, "affine", None),
       ("33", W, 33, None, "affine", None), ("'round'", W, None, None, "round", None),
       ("int32", WHOLE, None, None, "affine", None))
define("dequantize", ("float32", W, W, W, None, None, "affine", None, None),
       ("'round'", W, W, W, None, None, "round", None, None))
define("quantized_matmul", ("float32", X, W, W, W, True, None, None, "affine"))
define("gather_qmm", ("float32", X, W, W, W, None, None, True, None, None, "affine", False))
define("qqmm", ("affine", X, W, None, None, None, "affine", None, None))
define("to_fp8", ("int32", WHOLE))
define("from_fp8", ("float32", X, hr.FLOAT32), ("", ones(2, dtype=hr.UINT8), hr.INT32))

define("fft_fft fft_ifft fft_rfft fft_irfft", ("length 0", X, 0, 1, 0), ("axis 2 2 axes", X, 3, 2, 0))
define("fft_fft2 fft_ifft2 fft_rfft2 fft_irfft2 fft_fftn fft_ifftn fft_rfftn fft_irfftn",
       ("1 2 axes", X, [3], [0, 1], 0), ("axis -2 twice", X, [2, 2], [0, -2], 0), ("length -1", X, [2, -1], [0, 1], 0),
       ("3 2 axes", X, [1, 1, 1], [], 0))
define("fft_fftfreq fft_rfftfreq", ("n -3", -3, 1.0), ("d 0", 3, 0.0))
define("fft_fftshift fft_ifftshift", ("axis 2 2 axes", X, [2]))

define("linalg_cholesky linalg_cholesky_inv linalg_tri_inv", ("(2,3)", X, False), ("(3)", ones(3), False))
define("linalg_eig linalg_eigvals linalg_inv", ("(2,3)", X), ("int32", ones(3, 3, dtype=hr.INT32)))
define("linalg_pinv linalg_qr linalg_lu linalg_lu_factor", ("(3)", ones(3)), ("int32", WHOLE))
define("linalg_eigh linalg_eigvalsh", ("(2,3)", X, "L"), ("\"Z\"", ones(2, 2), "Z"))
define("linalg_svd", ("(3)", ones(3), True), ("int32", WHOLE, True))
define("linalg_solve", ("(2,3)", X, X), ("(2,2) (3)", ones(2, 2), ones(3)))
define("linalg_solve_triangular", ("(2,3)", X, X, False))
define("linalg_norm", ("3", CUBE, 2.0, [0, 1, 2], False), ("axis 2 2 axes", X, 2.0, [2], False),
       ("3", X, 3.0, [0, 1], False))
define("linalg_norm_matrix", ("\"frob\"", X, "frob", [0, 1], False), ("axis 2 2 axes", X, "fro", [0, 2], False))
define("linalg_norm_l2", ("axis 2 2 axes", X, [2], False))
define("linalg_cross", ("(2,3) (2,4)", X, ones(2, 4), 1), ("axis 2 2 axes", X, X, 2))

define("fast_layer_norm", ("4 3", X, ones(4), None, 1e-5), ("scalar", NUMBER, None, None, 1e-5),
       ("(2)", X, None, ones(2), 1e-5))
define("fast_rms_norm", ("4 3", X, ones(4), 1e-5), ("(2,3)", X, X, 1e-5))
define("fast_rope", ("(2,3)", X, 2, False, 1e4, 1.0, 0, None), ("5", CUBE, 5, False, 1e4, 1.0, 0, None),
       ("both", CUBE, 4, False, 1e4, 1.0, 0, ones(2)), ("neither", CUBE, 4, False, None, 1.0, 0, None),
       ("(3)", CUBE, 4, False, None, 1.0, 0, ones(3)))
define("fast_rope_dynamic", ("float32", CUBE, 4, False, 1e4, 1.0, NUMBER, None),
       ("(3)", CUBE, 4, False, 1e4, 1.0, ints(1, 2, 3), None))
define("fast_scaled_dot_product_attention", ("(2,3)", X, X, X, 1.0, "", None, None),
       ("round", *[ones(1, 1, 4, 8)] * 3, 1.0, "round", None, None),
       ("8 7", ones(1, 1, 4, 8), ones(1, 1, 4, 7), ones(1, 1, 4, 7), 1.0, "", None, None))

define("random_split", ("float32(2,3)", X))
define("random_split_num", ("-1", KEY, -1), ("uint32(3)", ones(3, dtype=hr.UINT32), 2))
define("random_bits", ("3", [2], 3, KEY), ("(-1)", [-1], 4, KEY), ("float32(2,3)", [2], 4, X))
define("random_uniform", ("(2,3) (4)", X, NUMBER, [4], hr.FLOAT32, KEY), ("int32", NUMBER, NUMBER, [4], hr.INT32, KEY),
       ("(-1)", NUMBER, NUMBER, [-1], hr.FLOAT32, KEY))
define("random_normal random_laplace", ("int32", [2], hr.INT32, 0.0, 1.0, KEY),
       ("(-1)", [-1], hr.FLOAT32, 0.0, 1.0, KEY))
define("random_normal_broadcast", ("(2,3) (4)", [4], hr.FLOAT32, X, None, KEY))
define("random_multivariate_normal", ("(2) (3,3)", ones(2), ones(3, 3), [1], hr.FLOAT32, KEY),
       ("float32", ones(2), ones(2, 2), [1], hr.INT32, KEY))
define("random_truncated_normal", ("(2,3) (4)", X, NUMBER, [4], hr.FLOAT32, KEY),
       ("int32", NUMBER, NUMBER, [4], hr.INT32, KEY))
define("random_gumbel", ("int32", [2], hr.INT32, KEY), ("(-1)", [-1], hr.FLOAT32, KEY))
define("random_bernoulli", ("(2,3) (4)", X, [4], KEY), ("int32", WHOLE, [2, 3], KEY))
define("random_randint", ("(2,3) (4)", WHOLE, ints(1), [4], hr.INT32, KEY),
       ("float32", ints(0), ints(9), [4], hr.FLOAT32, KEY))
define("random_categorical", ("axis 2 2 axes", X, 2, KEY))
define("random_categorical_shape", ("axis 2 2 axes", X, 2, [4], KEY), ("(4,5)", X, 1, [4, 5], KEY))
define("random_categorical_num_samples", ("axis 2 2 axes", X, 2, 3, KEY), ("-1", X, 1, -1, KEY))
define("random_permutation", ("axis 2 2 axes", X, 2, KEY), ("float32(2,3)", X, 0, X))
define("random_permutation_arange", ("-1", -1, KEY))

ANY = {
    "any array of any shape and dtype": "degrees radians abs negative square sqrt rsqrt reciprocal sign round real "
    "imag conjugate exp log log2 log10 log1p sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh "
    "isfinite isinf isnan isneginf isposinf logical_not copy stop_gradient astype contiguous zeros_like ones_like "
    "squeeze atleast_1d atleast_2d atleast_3d transpose sort argsort all any sum prod mean var std softmax roll outer "
    "kron array_equal depends",
    "any number: none or one value below 2": "bartlett blackman hamming hanning",
    "any number": "random_key random_seed",
}
NOT_HERE = ("fast_cuda_kernel", "fast_metal_kernel")  # no results: fast_kernel_test.c
FREE = {name for names in ANY.values() for name in names.split()}


def test_every_function_has_an_entry():
    names = [r.name[4:] for r in rows() if r.kind == "function" and r.header in FAMILIES]
    left = [n for n in names if n not in BAD and n not in FREE and not n.startswith(NOT_HERE)]
    assert not left, "no bad calls for " + " ".join(left)
    gone = [n for n in [*BAD, *FREE] if n not in names or (n in BAD and n in FREE)]
    assert not gone, "not in the interface, or in both tables: " + " ".join(gone)


@pytest.mark.parametrize("name", [n for n in BAD if hasattr(hr.lib, "mlx_" + n)])
def test_bad_calls(name):
    for words, *arguments in BAD[name]:
        op = f"{name.removesuffix('_axis')}(" if words.startswith(AT_RUN) else f"[mlx_{name}]"
        fails(f"{op} {words.removeprefix(AT_RUN)}", name, *arguments)
