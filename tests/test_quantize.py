"""quantize and dequantize against MLX, to the bit: words, scales and biases of every mode, for numbers of all sizes,
NaN and infinities, in the three dtypes of the CPU. Layouts, errors and the shapes at which MLX gives up."""
import warnings

import mlx.core as mx
import numpy as np
import pytest

import hr
from layouts import fails, views

mx.set_default_device(mx.cpu)
warnings.simplefilter("ignore")
DTYPES = {hr.FLOAT32: mx.float32, hr.FLOAT16: mx.float16, hr.BFLOAT16: mx.bfloat16}
FLOATS = pytest.mark.parametrize("dtype", DTYPES, ids=[hr.NAMES[d] for d in DTYPES])
AFFINE = [("affine", g, b) for g in (32, 64, 128) for b in (1, 2, 3, 4, 5, 6, 8)]
MODES = AFFINE + [("mxfp4", 32, 4), ("mxfp8", 32, 8), ("nvfp4", 16, 4)]
EVERY_MODE = pytest.mark.parametrize("mode, group, bits", MODES, ids=[f"{m}-{g}-{b}" for m, g, b in MODES])
NAN, INF = np.nan, np.inf
ODD_ROWS = [[0], [-0.0], [-0.0, 0], [0, -0.0], [3.5], [-3.5], [1e-9, 2e-9], [1, 2, NAN, 4], [NAN] + 31 * [1], [NAN],
            [NAN, -1], [1, INF], [1, -INF], [INF], [-INF], [INF, -INF], [1, INF, NAN], [-1, -2, -3], [1, 2, 3],
            [1e-40, -1e-40], [3e38, -3e38], [1e-7, 0], [-1.6e-6, 0], [5e-8, -5e-8], [0.25, 6], [-0.75, -2.5, 5, 6],
            [1e-45], [7e-45, 3e-45], [1.2e-38], [65504, 1], [448, 0.01], [2688, 1e9, -1e12], [6e-8, 1e-7]]


def matrix(dtype, low, high, seed, shape=(40, 256)):
    """Rows of random numbers, each with a size of its own between 2^low and 2^high."""
    random = np.random.default_rng(seed)
    rows = random.standard_normal(shape) * np.exp2(random.uniform(low, high, (*shape[:-1], 1)))
    return hr.array(rows, dtype).numpy()


def bits_of(a):
    """The memory of a result of either library, as integers."""
    if isinstance(a, hr.Array):
        a = a.numpy() if a.dtype != hr.BFLOAT16 else hr.view(a, hr.UINT16).numpy()
    else:
        a = np.array(a.view(mx.uint16) if a.dtype == mx.bfloat16 else a)
    return a.view(f"u{a.dtype.itemsize}")


def same_bits(got, want):
    """Equal to the bit, but for the payload and sign of NaN."""
    want_bits, got_bits = bits_of(want), bits_of(got)
    assert got_bits.shape == want_bits.shape and got_bits.dtype == want_bits.dtype
    if want.dtype in DTYPES.values():
        x, y = np.array(want.astype(mx.float32)), np.asarray(got.numpy(), np.float32)
        nan = np.isnan(x)
        np.testing.assert_array_equal(np.isnan(y), nan)
        want_bits, got_bits = want_bits[~nan], got_bits[~nan]
    np.testing.assert_array_equal(got_bits, want_bits)


def compare(values, dtype, mode, group, bits, scale=None):
    mine = hr.quantize(hr.array(values, dtype), group, bits, mode, None if scale is None else hr.array(np.float32(scale)))
    theirs = mx.quantize(mx.array(values).astype(DTYPES[dtype]), group, bits, mode,
                         global_scale=None if scale is None else mx.array(float(scale)))
    assert len(mine) == len(theirs)
    for got, want in zip(mine, theirs):
        same_bits(got, want)


@FLOATS
@EVERY_MODE
def test_quantize(dtype, mode, group, bits):
    low, high = (-24, 14) if dtype == hr.FLOAT16 else (-100, 100)
    for seed, (a, b) in enumerate(((-3, 3), (low, 0), (0, high), (low, high))):
        compare(matrix(dtype, a, b, seed), dtype, mode, group, bits)
    compare(matrix(dtype, 0, 1, 9, (2, 3, 4, 384)), dtype, mode, group, bits)


@FLOATS
@EVERY_MODE
def test_quantize_odd_rows(dtype, mode, group, bits):
    with np.errstate(all="ignore"):
        rows = np.stack([np.resize(np.array(r, np.float32), 128) for r in ODD_ROWS])
        if dtype == hr.FLOAT16:
            rows = rows.astype(np.float16).astype(np.float32)
    compare(rows, dtype, mode, group, bits)


@FLOATS
def test_quantize_between_codes(dtype):
    """Halfway between 4-bit codes, and next to it; sizes where the distances to all codes round to the same."""
    x = np.concatenate([np.linspace(-6.5, 6.5, 14 * 64 + 1), np.exp2(np.linspace(3, 40, 95)), -np.exp2(np.linspace(3, 40, 95))])
    x = x.astype(np.float32)
    x = np.concatenate([x, np.nextafter(x, np.float32(0)), np.nextafter(x, np.float32(1e30))])
    x = np.resize(x, (len(x) // 15 + 1, 15))
    rows = np.concatenate([np.full((len(x), 1), 6, np.float32), x], 1) * np.float32(448)
    if dtype == hr.FLOAT16:
        rows = np.clip(rows, -65504, 65504)
    compare(rows.reshape(-1, 16)[: len(rows) // 2 * 2].reshape(-1, 32), dtype, "nvfp4", 16, 4)
    with np.errstate(all="ignore"):
        rows = np.concatenate([np.ldexp(np.float32(m), np.arange(-149, 126)) for m in (1, 1.5, 1.75)])
        rows = np.stack([rows, np.nextafter(rows, np.float32(0)), np.nextafter(rows, np.float32(INF))]).reshape(-1, 1)
        rows = np.where(np.arange(32) < 3, rows, np.float32(0))
    if dtype == hr.FLOAT16:
        rows = rows[np.abs(rows).max(-1) < 65504]
    compare(rows, dtype, "mxfp4", 32, 4)
    compare(rows, dtype, "mxfp8", 32, 8)


@FLOATS
def test_quantize_global_scale(dtype):
    for seed, scale in enumerate((1, 3.7, 0.013, 2688, 5000, 1e-30, 3e38, INF, -1)):
        compare(matrix(dtype, -3, 3, seed, (400, 64)), dtype, "nvfp4", 16, 4, scale)


def packed(mode, group, bits, dtype, seed=0, shape=(24, 256)):
    """Any words with any scales: (arrays of the library, arrays of MLX)."""
    random = np.random.default_rng(seed)
    words = random.integers(0, 2**32, (*shape[:-1], shape[-1] * bits // 32), np.uint32)
    sizes = (*shape[:-1], shape[-1] // group)
    if mode != "affine":
        scales = random.integers(0, 256, sizes, np.uint8)
        return (hr.array(words), hr.array(scales), None), (mx.array(words), mx.array(scales), None)
    lines = [matrix(dtype, -4, 4, seed + i, sizes) for i in range(2)]
    return (hr.array(words), *(hr.array(v, dtype) for v in lines)), (mx.array(words), *(mx.array(v).astype(DTYPES[dtype]) for v in lines))


@FLOATS
@EVERY_MODE
def test_dequantize(dtype, mode, group, bits):
    mine, theirs = packed(mode, group, bits, dtype)
    same_bits(hr.dequantize(*mine, group, bits, mode, None, None), mx.dequantize(*theirs, group, bits, mode))
    for to in DTYPES:
        same_bits(hr.dequantize(*mine, group, bits, mode, None, to), mx.dequantize(*theirs, group, bits, mode, dtype=DTYPES[to]))


def test_dequantize_dtypes():
    """bfloat16 scales with float16 biases are taken in float32; float64 is what float32 gives."""
    words, scales, _ = packed("affine", 64, 4, hr.BFLOAT16)[0]
    biases = packed("affine", 64, 4, hr.FLOAT16)[0][2]
    codes = (words.numpy()[..., None] >> np.arange(0, 32, 4, np.uint32) & 15).reshape(24, 4, 64).astype(np.float32)
    want = (codes * scales.numpy()[..., None] + biases.numpy().astype(np.float32)[..., None]).reshape(24, 256)
    for to in (None, hr.FLOAT64):
        got = hr.dequantize(words, scales, biases, None, None, "affine", None, to)
        assert got.dtype == (hr.FLOAT32 if to is None else to)
        np.testing.assert_array_equal(got.numpy(), want)


def test_dequantize_global_scale():
    (words, _, _), (x, _, _) = packed("nvfp4", 16, 4, None)
    bytes_ = np.random.default_rng(3).integers(0, 126, (24, 16), np.uint8)
    for scale in (1, 3.7, 5000, -2, 0, INF):
        got = hr.dequantize(words, hr.array(bytes_), None, None, None, "nvfp4", hr.array(np.float32(scale)), None)
        want = mx.dequantize(x, mx.array(bytes_), mode="nvfp4", global_scale=mx.array(float(scale)))
        assert got.dtype == hr.FLOAT32
        same_bits(got, want)
        half = hr.dequantize(words, hr.array(bytes_), None, None, None, "nvfp4", hr.array(np.float32(scale)), hr.BFLOAT16)
        same_bits(half, want.astype(mx.bfloat16))  # MLX 0.32 gives float32 whatever is asked for


def test_layouts():
    for mode, group, bits in (("affine", 32, 4), ("affine", 64, 3), ("mxfp8", 32, 8), ("nvfp4", 16, 4)):
        values = matrix(hr.FLOAT32, -2, 2, 4, (6, 128))
        for a, x in views(values, hr.FLOAT32):
            mine = hr.quantize(a, group, bits, mode, None)
            theirs = mx.quantize(mx.array(np.ascontiguousarray(x)), group, bits, mode)
            for got, want in zip(mine, theirs):
                same_bits(got, want)
        words, *lines = hr.quantize(hr.array(values), group, bits, mode, None)
        want = hr.dequantize(words, lines[0], lines[1] if lines[1:] else None, group, bits, mode, None, None).numpy()
        for w, x in views(words.numpy(), hr.UINT32):
            for s, y in views(lines[0].numpy(), lines[0].dtype):
                got = hr.dequantize(w, s, lines[1] if lines[1:] else None, group, bits, mode, None, None).numpy()
                if (x == words.numpy()).all() and (y == lines[0].numpy()).all():
                    np.testing.assert_array_equal(got, want)


@EVERY_MODE
def test_empty(mode, group, bits):
    for shape in ((0, 256), (2, 0), (3, 0, 256)):
        words, scales, *biases = hr.quantize(np.zeros(shape, np.float32), group, bits, mode, None)
        assert words.shape == (*shape[:-1], shape[-1] * bits // 32) and scales.shape == (*shape[:-1], shape[-1] // group)
        back = hr.dequantize(words, scales, biases[0] if biases else None, group, bits, mode, None, None)
        assert back.shape == shape and back.numpy().size == 0


def test_one_group():
    """A single group of 16, which MLX cannot reshape, is that of a row of two."""
    values = matrix(hr.FLOAT32, 0, 1, 6, (1, 32))
    words, scales = hr.quantize(values, None, None, "nvfp4", None)
    first = hr.quantize(values[:, :16], None, None, "nvfp4", None)
    np.testing.assert_array_equal(first[0].numpy(), words.numpy()[:, :2])
    np.testing.assert_array_equal(first[1].numpy(), scales.numpy()[:, :1])


def test_errors():
    w = np.zeros((4, 128), np.float32)
    for bits in (-1, 0, 7, 9, 32):
        fails(f"quantize {bits}", "quantize", w, 64, bits, "affine", None)
    for group in (-64, 0, 16, 96, 256):
        fails(f"quantize {group}", "quantize", w, group, 4, "affine", None)
    fails("quantize mxfp4 16", "quantize", w, 16, 4, "mxfp4", None)
    fails("quantize mxfp8 4", "quantize", w, 32, 4, "mxfp8", None)
    fails("quantize nvfp4 32", "quantize", w, 32, 4, "nvfp4", None)
    fails("quantize 'fp4'", "quantize", w, None, None, "fp4", None)
    fails("quantize 64 (4,96)", "quantize", w[:, :96], 64, 4, "affine", None)
    fails("quantize axes", "quantize", w[0], 64, 4, "affine", None)
    for dtype in (np.int32, np.float64, np.complex64, np.bool_):
        fails("quantize float32", "quantize", w.astype(dtype), None, None, "affine", None)
    one = np.float32(1)
    fails("quantize affine global", "quantize", w, None, None, "affine", one)
    fails("quantize global float16", "quantize", w, None, None, "nvfp4", np.float16(1))
    fails("quantize global (2)", "quantize", w, None, None, "nvfp4", np.ones(2, np.float32))

    words, scales, biases = hr.quantize(w, None, None, "affine", None)
    bad = [((words, scales, None), "biases"), ((hr.astype(words, hr.INT32), scales, biases), "int32 uint32"),
           ((words, np.ones((4, 1), np.float32), biases), "(4,1) (4,16)"),
           ((words, np.ones((3, 2), np.float32), np.ones((3, 2), np.float32)), "(3,2) (4,16)"),
           ((words, scales, np.ones((4, 1), np.float32)), "biases"),
           ((words, np.ones((4, 2), np.int32), np.ones((4, 2), np.int32)), "int32"),
           ((words, np.ones((4, 2)), np.ones((4, 2))), "float64"),
           ((np.zeros(16, np.uint32), np.ones(2, np.float32), np.ones(2, np.float32)), "axes")]
    for arrays, text in bad:
        fails("dequantize " + text, "dequantize", *arrays, 64, 4, "affine", None, None)
    fails("dequantize 128", "dequantize", words, scales, biases, 128, 4, "affine", None, None)
    fails("dequantize 8", "dequantize", words, scales, biases, 64, 8, "affine", None, None)
    fails("dequantize int32", "dequantize", words, scales, biases, 64, 4, "affine", None, hr.INT32)
    words, scales = hr.quantize(w, None, None, "mxfp4", None)
    fails("dequantize mxfp4 biases", "dequantize", words, scales, scales, None, None, "mxfp4", None, None)
    fails("dequantize mxfp4 float16", "dequantize", words, hr.astype(scales, hr.FLOAT16), None, None, None, "mxfp4", None, None)
    fails("dequantize mxfp4 global", "dequantize", words, scales, None, None, None, "mxfp4", one, None)
