"""Layers of fast.h through the C interface, against mlx[cpu] where it is installed, and NumPy."""
import numpy as np
import pytest

import hr
from layouts import fails, views

mx = pytest.importorskip("mlx.core")
mx.set_default_device(mx.cpu)

rng = np.random.default_rng(5)
FLOATS = (hr.FLOAT32, hr.FLOAT16, hr.BFLOAT16, hr.FLOAT64)
# What rounding to a dtype costs, with some room for the order of sums: in units of the last place 8, 2, 2; MLX computes
# parts of its float64 layers in float32.
RTOL = {hr.FLOAT32: 1e-6, hr.FLOAT16: 2e-3, hr.BFLOAT16: 1.6e-2, hr.FLOAT64: 1e-6}


def random(shape, dtype):
    """Normal numbers, as the dtype holds them, in NumPy."""
    return hr.array(rng.standard_normal(shape), dtype).numpy()


def theirs(x, dtype):
    return mx.array(x).astype(getattr(mx, hr.NAMES[dtype]))


def same(ours, expected, dtype, scale=1):
    assert str(expected.dtype) == "mlx.core." + hr.NAMES[ours.dtype].replace("bool_", "bool")
    want = np.array(expected.astype(mx.float32) if expected.dtype == mx.bfloat16 else expected)
    assert ours.shape == want.shape
    tolerance = RTOL[dtype] * scale
    np.testing.assert_allclose(ours.numpy(), want, rtol=tolerance, atol=tolerance)


# --- norms ---


@pytest.mark.parametrize("dtype", FLOATS, ids=[hr.NAMES[d] for d in FLOATS])
def test_norms(dtype):
    for shape in ((7,), (3, 1), (2, 5, 33), (2, 1, 2, 3, 64), (4, 1000), (0, 4), (3, 0)):
        x, w, b = random(shape, dtype), random(shape[-1:], dtype), random(shape[-1:], dtype)
        for weight, bias in ((None, None), (w, None), (None, b), (w, b)):
            mw, mb = (None if v is None else theirs(v, dtype) for v in (weight, bias))
            hw, hb = (None if v is None else hr.array(v, dtype) for v in (weight, bias))
            same(hr.fast_layer_norm(hr.array(x, dtype), hw, hb, 1e-5),
                 mx.fast.layer_norm(theirs(x, dtype), mw, mb, 1e-5), dtype, 4)
            same(hr.fast_rms_norm(hr.array(x, dtype), hw, 1e-5), mx.fast.rms_norm(theirs(x, dtype), mw, 1e-5), dtype, 4)


@pytest.mark.parametrize("dtype", FLOATS, ids=[hr.NAMES[d] for d in FLOATS])
def test_norm_layouts(dtype):
    values, w = random((4, 6, 5), dtype), random((5,), dtype)
    for x, v in views(values, dtype):
        same(hr.fast_layer_norm(x, hr.array(w, dtype), None, 1e-3),
             mx.fast.layer_norm(theirs(v, dtype), theirs(w, dtype), None, 1e-3), dtype, 4)
        same(hr.fast_rms_norm(x, None, 1e-3), mx.fast.rms_norm(theirs(v, dtype), None, 1e-3), dtype, 4)


def test_norm_dtypes():
    """The result's type is that of x and weight together; bias follows."""
    x, w = rng.integers(-9, 9, (3, 8)), rng.integers(-9, 9, 8)
    kinds = (hr.FLOAT32, hr.FLOAT16, hr.BFLOAT16, hr.FLOAT64, hr.INT32, hr.BOOL, hr.UINT8)
    for a in kinds:
        for b in kinds:
            if a not in FLOATS and b not in FLOATS:
                continue
            wide = hr.BFLOAT16 if hr.BFLOAT16 in (a, b) else hr.FLOAT16
            same(hr.fast_layer_norm(hr.array(x, a), hr.array(w, b), hr.array(w, b), 1e-2),
                 mx.fast.layer_norm(theirs(x, a), theirs(w, b), theirs(w, b), 1e-2), wide, 4)
            same(hr.fast_rms_norm(hr.array(x, a), hr.array(w, b), 1e-2),
                 mx.fast.rms_norm(theirs(x, a), theirs(w, b), 1e-2), wide, 4)
    assert hr.fast_layer_norm(hr.array(x, hr.FLOAT16), None, hr.array(w, hr.FLOAT32), 1e-2).dtype == hr.FLOAT16


def test_norm_of_large_means():
    """Where MLX is off by 5e-3."""
    x = (rng.standard_normal((4, 1024)) + 1e4).astype(np.float32)
    d = x.astype(np.float64) - x.astype(np.float64).mean(-1, keepdims=True)
    expected = d / np.sqrt((d * d).mean(-1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(hr.fast_layer_norm(x, None, None, 1e-5).numpy(), expected, rtol=1e-6, atol=1e-6)


def test_norm_special():
    inf, nan = float("inf"), float("nan")
    for row in ([1, inf, 2], [1, nan, 2], [3, 3, 3], [0, 0, 0]):
        for eps in (0.0, 1e-5, -100.0):
            x, y = hr.array(row, hr.FLOAT32), theirs(row, hr.FLOAT32)
            same(hr.fast_layer_norm(x, None, None, eps), mx.fast.layer_norm(y, None, None, eps), hr.FLOAT32)
            same(hr.fast_rms_norm(x, None, eps), mx.fast.rms_norm(y, None, eps), hr.FLOAT32)


def test_norm_errors():
    x = np.ones((2, 4), np.float32)
    fails("layer_norm x must have at least 1 axis", "fast_layer_norm", 1.0, None, None, 1e-5)
    fails("rms_norm weight 4 elements float32(3)", "fast_rms_norm", x, np.ones(3, np.float32), 1e-5)
    fails("layer_norm bias 4 elements float32(1,4)", "fast_layer_norm", x, None, np.ones((1, 4), np.float32), 1e-5)
    fails("rms_norm floating-point int32", "fast_rms_norm", [[1, 2]], None, 1e-5)
    fails("layer_norm floating-point complex64", "fast_layer_norm", x.astype(np.complex64), None, None, 1e-5)


# --- rotary positions ---


@pytest.mark.parametrize("dtype", FLOATS, ids=[hr.NAMES[d] for d in FLOATS])
@pytest.mark.parametrize("traditional", (False, True))
def test_rope(dtype, traditional):
    """MLX takes angles in float32: positions stay small."""
    for shape in ((1, 3, 8), (2, 3, 5, 8), (2, 1, 2, 3, 8), (0, 3, 8), (2, 0, 8)):
        x = random(shape, dtype)
        for dims in (2, 6, 8):
            for offset, scale, base in ((0, 1.0, 10000.0), (5, 0.25, 100.0), (-3, 2.0, 3.5)):
                same(hr.fast_rope(hr.array(x, dtype), dims, traditional, base, scale, offset, None),
                     mx.fast.rope(theirs(x, dtype), dims, traditional=traditional, base=base, scale=scale,
                                  offset=offset), dtype, 4)
            freqs = (rng.random(dims // 2) + 0.5).astype(np.float32)
            same(hr.fast_rope(hr.array(x, dtype), dims, traditional, None, 1.0, 2, freqs),
                 mx.fast.rope(theirs(x, dtype), dims, traditional=traditional, base=None, scale=1.0, offset=2,
                              freqs=mx.array(freqs)), dtype, 8)


@pytest.mark.parametrize("dtype", FLOATS, ids=[hr.NAMES[d] for d in FLOATS])
def test_rope_layouts(dtype):
    values = random((2, 3, 5, 8), dtype)
    for x, v in views(values, dtype):
        for traditional in (False, True):
            same(hr.fast_rope(x, 6, traditional, 100.0, 1.0, 1, None),
                 mx.fast.rope(theirs(v, dtype), 6, traditional=traditional, base=100.0, scale=1.0, offset=1), dtype, 4)


def test_rope_dynamic():
    x = random((2, 3, 5, 8), hr.FLOAT32)
    for offset in (3, [4], [1, 7]):
        for kind in (np.int32, np.uint8, np.int64, np.uint32):
            o = np.asarray(offset, kind)
            same(hr.fast_rope_dynamic(x, 8, False, 100.0, 1.0, o, None),
                 mx.fast.rope(mx.array(x), 8, traditional=False, base=100.0, scale=1.0, offset=mx.array(o)), hr.FLOAT32,
                 4)


def test_rope_of_far_positions():
    """Exact to float32's rounding where MLX is off by 1e-2."""
    x = random((1, 2, 50, 64), hr.FLOAT32)
    for offset in (100_000, 2_000_000_000):
        angles = (np.arange(50) + offset)[:, None] * 10000.0 ** (-np.arange(32) / 32)
        c, s, a, b = np.cos(angles), np.sin(angles), x[..., :32].astype(float), x[..., 32:].astype(float)
        expected = np.concatenate([a * c - b * s, a * s + b * c], -1)
        np.testing.assert_allclose(hr.fast_rope(x, 64, False, 10000.0, 1.0, offset, None).numpy(), expected, rtol=0,
                                   atol=2e-6)


def test_rope_errors():
    x = np.ones((2, 3, 4), np.float32)
    fails("rope at least 3 axes float32(3,4)", "fast_rope", x[0], 4, False, 100.0, 1.0, 0, None)
    fails("rope floating-point int32", "fast_rope", x.astype(np.int32), 4, False, 100.0, 1.0, 0, None)
    for dims in (0, -2, 3, 6, 2**31 - 1):
        fails(f"rope dims must be even 4, {dims}", "fast_rope", x, dims, False, 100.0, 1.0, 0, None)
    fails("rope neither base nor freqs", "fast_rope", x, 4, False, None, 1.0, 0, None)
    fails("rope base and freqs both", "fast_rope", x, 4, False, 1.0, 1.0, 0, np.ones(2, np.float32))
    fails("rope freqs dims / 2 = 2 float32(3)", "fast_rope", x, 4, False, None, 1.0, 0, np.ones(3, np.float32))
    fails("rope offset integer float32()", "fast_rope_dynamic", x, 4, False, 1.0, 1.0, 1.5, None)
    fails("rope offset 1 or 2 elements int32(3)", "fast_rope_dynamic", x, 4, False, 1.0, 1.0, [1, 2, 3], None)
