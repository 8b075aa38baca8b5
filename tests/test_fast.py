"""Layers of fast.h through the C interface, against mlx[cpu] where it is installed, and NumPy."""
import itertools
import os
import subprocess
import sys

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
    for shape in ((7,), (3, 1), (2, 5, 33), (2, 1, 2, 3, 64), (4, 1000)):
        x, w, b = random(shape, dtype), random(shape[-1:], dtype), random(shape[-1:], dtype)
        for weight, bias in ((None, None), (w, None), (None, b), (w, b)):
            mw, mb = (None if v is None else theirs(v, dtype) for v in (weight, bias))
            hw, hb = (None if v is None else hr.array(v, dtype) for v in (weight, bias))
            same(hr.fast_layer_norm(hr.array(x, dtype), hw, hb, 1e-5),
                 mx.fast.layer_norm(theirs(x, dtype), mw, mb, 1e-5), dtype, 4)
            same(hr.fast_rms_norm(hr.array(x, dtype), hw, 1e-5), mx.fast.rms_norm(theirs(x, dtype), mw, 1e-5), dtype, 4)


def test_norm_empty():
    """MLX is not asked: it loops for ever now and then."""
    for shape in ((0, 4), (3, 0), (2, 0, 4)):
        x = hr.array(np.zeros(shape), hr.FLOAT32)
        assert hr.fast_layer_norm(x, np.ones(shape[-1], np.float32), None, 1e-5).numpy().shape == shape
        assert hr.fast_rms_norm(x, None, 1e-5).numpy().shape == shape


@pytest.mark.parametrize("dtype", FLOATS, ids=[hr.NAMES[d] for d in FLOATS])
def test_norm_layouts(dtype):
    values, w = random((4, 6, 5), dtype), random((5,), dtype)
    for x, v in views(values, dtype):
        same(hr.fast_layer_norm(x, hr.array(w, dtype), None, 1e-3),
             mx.fast.layer_norm(theirs(v, dtype), theirs(w, dtype), None, 1e-3), dtype, 4)
        same(hr.fast_rms_norm(x, None, 1e-3), mx.fast.rms_norm(theirs(v, dtype), None, 1e-3), dtype, 4)


def test_norm_dtypes():
    """The result's type is that of all together, but a bias without a weight follows x."""
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
    for dx, dw, db in itertools.product(FLOATS, [None, *FLOATS], [None, *FLOATS]):
        given = ((x, dx), (w, dw), (w, db))
        made = hr.fast_layer_norm(*(None if d is None else hr.array(v, d) for v, d in given), 1e-2)
        expected = mx.fast.layer_norm(*(None if d is None else theirs(v, d) for v, d in given), 1e-2)
        assert str(expected.dtype) == "mlx.core." + hr.NAMES[made.dtype]


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


# --- attention ---


def attention(q, k, v, scale=0.5, mask=None, sinks=None, dtype=hr.FLOAT32):
    """Ours and MLX's; arrays are NumPy's, of values that dtype holds."""
    causal = isinstance(mask, str)
    mode = "causal" if causal else "array" if mask is not None else ""
    ours_mask = None if causal or mask is None else hr.array(mask, hr.BOOL if mask.dtype == bool else dtype)
    theirs_mask = mask if causal or mask is None else mx.array(mask) if mask.dtype == bool else theirs(mask, dtype)
    ours = hr.fast_scaled_dot_product_attention(
        *(hr.array(x, dtype) for x in (q, k, v)), scale, mode, ours_mask, None if sinks is None else hr.array(sinks, dtype))
    return ours, mx.fast.scaled_dot_product_attention(
        *(theirs(x, dtype) for x in (q, k, v)), scale=scale, mask=theirs_mask,
        sinks=None if sinks is None else theirs(sinks, dtype))


@pytest.mark.parametrize("dtype", FLOATS, ids=[hr.NAMES[d] for d in FLOATS])
def test_attention(dtype):
    """MLX computes half types in steps that are rounded each."""
    scale = {hr.FLOAT32: 8, hr.FLOAT64: 8, hr.FLOAT16: 3, hr.BFLOAT16: 3}[dtype]
    for heads, kv_heads in ((2, 2), (6, 2), (4, 1)):
        for queries, keys in ((1, 1), (1, 40), (5, 40), (33, 33), (60, 300), (20, 9)):
            q, k, v = (random((2, h, t, d), dtype) for h, t, d in
                       ((heads, queries, 16), (kv_heads, keys, 16), (kv_heads, keys, 24)))
            added = random((heads, queries, keys), dtype)
            masks = [None, "causal", added > -0.5, added, random((1, keys), dtype), random((queries, 1), dtype) > 0,
                     random((2, 1, 1, keys), dtype)]
            for sinks in (None, random((heads,), dtype)):
                for mask in masks:
                    same(*attention(q, k, v, 0.25, mask, sinks, dtype), dtype, scale)


def test_attention_layouts():
    q, k, v = (random((2, 3, t, 8), hr.FLOAT32) for t in (5, 7, 7))
    for a, x in views(q, hr.FLOAT32):
        for b, y in views(k, hr.FLOAT32):
            for c, z in views(v, hr.FLOAT32):
                same(hr.fast_scaled_dot_product_attention(a, b, c, 0.5, "", None, None),
                     mx.fast.scaled_dot_product_attention(mx.array(x), mx.array(y), mx.array(z), scale=0.5), hr.FLOAT32,
                     8)


def test_attention_special():
    """All keys masked: alike for a boolean mask, 0 with sinks, NaN for -infinity; NaN and infinite scores."""
    q, k, v = (random((1, 2, t, 4), hr.FLOAT32) for t in (3, 5, 5))
    mask = np.array([[0] * 5, [1] * 5, [1, 0, 1, 0, 1]], bool)
    sinks = np.array([1, -np.inf], np.float32)
    for m in (mask, np.where(mask, 0, -np.inf).astype(np.float32), np.where(mask, 0, -1e9).astype(np.float32)):
        for s in (None, sinks):
            same(*attention(q, k, v, 1.0, m, s), hr.FLOAT32, 8)
    for bad in (np.nan, 1e20, -1e20):
        same(*attention(q * np.float32(abs(bad)), k * np.float32(bad), v), hr.FLOAT32, 8)
    same(*attention(q, k, v, float("nan")), hr.FLOAT32)
    same(*attention(q, k, v, -1.0), hr.FLOAT32, 8)
    for s in (np.inf, np.nan):
        same(*attention(q, k, v, 1.0, None, np.array([s, 0], np.float32)), hr.FLOAT32, 8)


def test_attention_empty():
    """Zeros without keys; without a depth all keys are alike."""
    for b, h, t, u, d, e in ((0, 2, 3, 5, 4, 4), (1, 2, 0, 5, 4, 4), (1, 2, 3, 0, 4, 4), (1, 2, 3, 5, 4, 0),
                             (1, 2, 3, 5, 0, 4), (1, 0, 3, 5, 4, 4)):
        q, k, v = (random((b, h, n, m), hr.FLOAT32) for n, m in ((t, d), (u, d), (u, e)))
        got = hr.fast_scaled_dot_product_attention(q, k, v, 1.0, "", None, None).numpy()
        expected = v.mean(2, keepdims=True) if d == 0 else np.zeros((b, h, 1, e))
        np.testing.assert_allclose(got, np.broadcast_to(expected, (b, h, t, e)), atol=1e-6)


def test_attention_dtypes():
    q, k, v = (rng.integers(-2, 3, (1, 2, 4, 4)) for _ in range(3))
    for a, b, c in ((hr.FLOAT16, hr.FLOAT32, hr.FLOAT32), (hr.INT32, hr.FLOAT16, hr.FLOAT16),
                    (hr.FLOAT16, hr.BFLOAT16, hr.FLOAT16), (hr.FLOAT32, hr.FLOAT64, hr.FLOAT32)):
        same(hr.fast_scaled_dot_product_attention(hr.array(q, a), hr.array(k, b), hr.array(v, c), 0.5, "", None, None),
             mx.fast.scaled_dot_product_attention(theirs(q, a), theirs(k, b), theirs(v, c), scale=0.5), hr.FLOAT16, 3)
    for kind in (hr.FLOAT16, hr.INT32, hr.UINT8):
        m = rng.integers(0, 3, (4, 4))
        x = [hr.array(n, hr.FLOAT32) for n in (q, k, v)]
        same(hr.fast_scaled_dot_product_attention(*x, 0.5, "array", hr.array(m, kind), None),
             mx.fast.scaled_dot_product_attention(*(theirs(n, hr.FLOAT32) for n in (q, k, v)), scale=0.5,
                                                  mask=theirs(m, kind)), hr.FLOAT32, 8)


def test_attention_errors():
    name = "fast_scaled_dot_product_attention"

    def zeros(*shape, dtype=hr.FLOAT32):
        return hr.array(np.zeros(shape), dtype)

    q, k = zeros(1, 4, 3, 8), zeros(1, 2, 5, 8)
    fails("queries must have 4 axes float32(3,8)", name, zeros(3, 8), k, k, 1.0, "", None, None)
    fails("first axes differ float32(2,2,5,8)", name, q, zeros(2, 2, 5, 8), k, 1.0, "", None, None)
    fails("multiple queries float32(1,4,3,8) keys float32(1,3,5,8)", name, q, zeros(1, 3, 5, 8), zeros(1, 3, 5, 8), 1.0,
          "", None, None)
    fails("multiple float32(1,0,5,8)", name, q, zeros(1, 0, 5, 8), zeros(1, 0, 5, 8), 1.0, "", None, None)
    fails("last axis float32(1,2,5,9)", name, q, zeros(1, 2, 5, 9), k, 1.0, "", None, None)
    fails("length float32(1,2,6,8)", name, q, k, zeros(1, 2, 6, 8), 1.0, "", None, None)
    fails("floating-point int32", name, *[zeros(1, 2, 5, 8, dtype=hr.INT32)] * 3, 1.0, "", None, None)
    fails("floating-point complex64", name, *[zeros(1, 2, 5, 8, dtype=hr.COMPLEX64)] * 3, 1.0, "", None, None)
    fails('mask_mode "lower"', name, q, k, k, 1.0, "lower", None, None)
    fails("no mask is given", name, q, k, k, 1.0, "array", None, None)
    fails('mask is given "causal"', name, q, k, k, 1.0, "causal", zeros(3, 5), None)
    fails("mask float32(1,2,3,5) broadcast (1,4,3,5)", name, q, k, k, 1.0, "array", zeros(1, 2, 3, 5), None)
    fails("mask float32(1,1,1,3,5) broadcast", name, q, k, k, 1.0, "array", zeros(1, 1, 1, 3, 5), None)
    fails("mask float64 float32", name, q, k, k, 1.0, "array", zeros(3, 5, dtype=hr.FLOAT64), None)
    fails("sinks 4 elements float32(2)", name, q, k, k, 1.0, "", None, zeros(2))
    fails("sinks float64 float32", name, q, k, k, 1.0, "", None, zeros(4, dtype=hr.FLOAT64))


# --- bits ---

SAME_BITS = """
import hashlib
import numpy as np
import hr

rng, h = np.random.default_rng(3), hashlib.sha256()


def normal(*shape):
    return rng.standard_normal(shape, np.float32)


x, w = normal(300, 1000), normal(1000)
long = normal(2, 300_000)
for out in (hr.fast_layer_norm(x, w, w, 1e-5), hr.fast_rms_norm(x, w, 1e-5), hr.fast_layer_norm(long, None, None, 1e-5),
            hr.fast_rope(normal(2, 3, 700, 64), 64, False, 10000.0, 1.0, 7, None)):
    h.update(out.numpy().tobytes())
for queries, keys, depth in ((700, 700, 64), (1, 5000, 64), (3, 3000, 300), (300, 1500, 500)):
    q, k, v = normal(2, 4, queries, depth), normal(2, 2, keys, depth), normal(2, 2, keys, depth)
    for kind in (hr.FLOAT32, hr.BFLOAT16):
        for mode in ("", "causal"):
            h.update(hr.fast_scaled_dot_product_attention(hr.array(q, kind), hr.array(k, kind), hr.array(v, kind), 0.1,
                                                          mode, None, None).numpy().tobytes())
print(h.hexdigest())
"""


def test_same_bits_for_any_number_of_workers():
    found = {subprocess.run([sys.executable, "-c", SAME_BITS], env=os.environ | {
        "HEADRACE_THREADS": threads, "HEADRACE_CHAOS": chaos, "PYTHONPATH": os.path.dirname(hr.__file__)}, check=True,
        stdout=subprocess.PIPE, text=True).stdout for threads, chaos in (("1", ""), ("2", ""), ("7", ""), ("7", "5"))}
    assert len(found) == 1
