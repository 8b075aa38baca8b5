"""Convolutions through the C interface, against NumPy over generated parameters, and mlx[cpu] where it is installed.

Whole numbers give exact sums: results must equal the sum rounded to the dtype. Sums of fractions may be off by 8 units
of last place (2^-24 of the sum of the terms' sizes), besides the rounding of half types.
"""
import itertools
import random

import numpy as np
import pytest

import hr
from layouts import fails, views

FLOATS = [hr.FLOAT32, hr.FLOAT64, hr.FLOAT16, hr.BFLOAT16]


def spread(x, axis, step):
    """Zeros between the elements of an axis."""
    n = x.shape[axis]
    shape = list(x.shape)
    shape[axis] = (n - 1) * step + 1 if n else 0
    out = np.zeros(shape)
    out[(slice(None),) * axis + (slice(None, None, step),)] = x
    return out


def reference(x, w, stride, low, high, dilation, input_dilation, groups, flip):
    x, w, axes = np.asarray(x, np.float64), np.asarray(w, np.float64), range(np.ndim(x) - 2)
    for a in axes:
        x = spread(x, a + 1, input_dilation[a])
    x = np.pad(x, [(0, 0), *zip(low, high), (0, 0)])
    if flip:
        w = w[(slice(None),) + (slice(None, None, -1),) * len(axes)]
    counts = [(x.shape[a + 1] - dilation[a] * (w.shape[a + 1] - 1) - 1) // stride[a] + 1 for a in axes]
    out, c, o = np.zeros([x.shape[0], *counts, w.shape[0]]), w.shape[-1], w.shape[0] // groups
    for tap in np.ndindex(*w.shape[1:-1]):
        at = [slice(k * d, k * d + (n - 1) * s + 1, s) for k, d, n, s in zip(tap, dilation, counts, stride)]
        patch = x[(slice(None), *at)]
        for g in range(groups):
            kernel = w[(slice(g * o, (g + 1) * o), *tap)]
            out[..., g * o:(g + 1) * o] += patch[..., g * c:(g + 1) * c] @ kernel.T
    return out


def rounded(values, dtype):
    return hr.array(values, dtype).numpy()


def problem(seed):
    """Parameters of one random convolution with a result, and the shapes of its operands."""
    pick = random.Random(seed)
    n = pick.choice([1, 1, 2, 2, 3])
    some = lambda *values: [pick.choice(values) for _ in range(n)]
    groups = pick.choice([1, 1, 1, 2, 4])
    channels, outputs = pick.choice([1, 3, 8, 17, 64]), pick.choice([1, 2, 16, 24, 33, 65])
    if pick.random() < 0.25:
        groups, channels, outputs = pick.choice([3, 16, 32, 56]), 1, 1
    length, kernel = some(1, 4, 7, 12, 19, 29), some(1, 2, 3, 3, 5)
    p = dict(stride=some(1, 1, 2, 3), low=some(0, 1, 2, 5), high=some(0, 1, 2, 5), dilation=some(1, 1, 2),
             input_dilation=some(1, 1, 2, 3), groups=groups, flip=pick.random() < 0.5)
    for a in range(n):
        lack = (kernel[a] - 1) * p["dilation"][a] - (length[a] - 1) * p["input_dilation"][a] - p["low"][a]
        p["high"][a] = max(p["high"][a], lack)
    return p, [pick.choice([1, 2, 3]), *length, groups * channels], [groups * outputs, *kernel, channels]


def ours(x, w, p):
    return hr.conv_general(x, w, p["stride"], p["low"], p["high"], p["dilation"], p["input_dilation"], p["groups"],
                           p["flip"])


@pytest.mark.parametrize("dtype", FLOATS, ids=[hr.NAMES[d] for d in FLOATS])
def test_generated(dtype):
    for seed in range(60):
        p, x_shape, w_shape = problem(seed * 4 + dtype)
        rng = np.random.default_rng(seed)
        x, w = rng.integers(-3, 4, x_shape), rng.integers(-3, 4, w_shape)
        out = ours(hr.array(x, dtype), hr.array(w, dtype), p)
        assert out.dtype == dtype
        np.testing.assert_array_equal(out.numpy(), rounded(reference(x, w, **p), dtype), str((p, x_shape, w_shape)))


@pytest.mark.parametrize("dtype", FLOATS, ids=[hr.NAMES[d] for d in FLOATS])
def test_layouts(dtype):
    p = dict(stride=[1, 2], low=[1, 0], high=[1, 2], dilation=[1, 1], input_dilation=[1, 1], groups=1, flip=False)
    rng = np.random.default_rng(3)
    x, w = rng.integers(-3, 4, (2, 9, 8, 6)).astype(np.float64), rng.integers(-3, 4, (5, 3, 2, 6)).astype(np.float64)
    for (a, xs), (b, ws) in itertools.product(views(x, dtype), views(w, dtype)):
        np.testing.assert_array_equal(ours(a, b, p).numpy(), rounded(reference(xs, ws, **p), dtype))


def test_fractions():
    """Long sums, of depthwise and grouped kernels too."""
    for groups, channels, outputs, size in ((1, 700, 40, 3), (1, 3, 64, 7), (4, 40, 16, 5), (64, 1, 1, 9)):
        rng = np.random.default_rng(size)
        x = rng.standard_normal((2, 13, 15, groups * channels)).astype(np.float32)
        w = rng.standard_normal((groups * outputs, size, size, channels)).astype(np.float32)
        p = dict(stride=[1, 1], low=[1, 3], high=[4, 3], dilation=[1, 1], input_dilation=[1, 1], groups=groups, flip=False)
        exact, sizes = reference(x, w, **p), reference(abs(x), abs(w), **p)
        for dtype, unit in ((hr.FLOAT32, 0), (hr.FLOAT16, 2.0 ** -11), (hr.BFLOAT16, 2.0 ** -8)):
            a, b = hr.array(x, dtype), hr.array(w, dtype)
            want = exact if dtype == hr.FLOAT32 else reference(a.numpy(), b.numpy(), **p)
            error = abs(ours(a, b, p).numpy() - want)
            assert (error <= 8 * 2.0 ** -24 * sizes + unit * abs(want) + 2.0 ** -24 * (unit > 0)).all()


@pytest.mark.parametrize("x_shape, w_shape, stride, dilation, groups", [
    ((1, 14, 14, 256), (96, 3, 3, 256), 1, 1, 1),  # each chunk packs its own weights
    ((8, 7, 7, 70), (40, 3, 3, 70), 1, 1, 1),  # corners that are longest along the batch
    ((1, 60, 47, 16), (40, 5, 5, 16), 1, 1, 1),
    ((3, 61, 60, 32), (70, 3, 3, 32), 2, 1, 1),
    ((1, 40, 41, 16), (33, 3, 3, 16), 1, 8, 1),  # many taps of padding
    ((1, 64, 64, 1024), (16, 3, 3, 1024), 1, 1, 1),  # rows of a tile 4096 bytes apart
    ((2, 300, 3), (20, 21, 3), 1, 1, 1),  # too many taps to look for edges
    ((1, 5, 5, 16), (32, 5, 5, 16), 1, 1, 1),  # hardly any inside
    ((1, 40, 50, 48), (48, 5, 5, 1), 1, 1, 48),
    ((1, 40, 50, 64), (128, 3, 3, 2), 1, 1, 32),
])
def test_edges(x_shape, w_shape, stride, dilation, groups):
    """Images with padding whose insides, edges and corners take different ways."""
    n, rng = len(x_shape) - 2, np.random.default_rng(7)
    x, w = rng.integers(-3, 4, x_shape), rng.integers(-3, 4, w_shape)
    padding = [dilation * (k // 2) for k in w_shape[1:-1]]
    p = dict(stride=[stride] * n, low=padding, high=padding, dilation=[dilation] * n, input_dilation=[1] * n,
             groups=groups, flip=False)
    want = reference(x, w, **p)
    for dtype in (hr.FLOAT32, hr.FLOAT64, hr.BFLOAT16):
        out = ours(hr.array(x, dtype), hr.array(w, dtype), p).numpy()
        np.testing.assert_array_equal(out, rounded(want, dtype))


def test_infinity():
    """Meets the outputs around it alone, however the channels and rows beside it are packed."""
    for channels, outputs, width, stride in ((40, 33, 13, 1), (64, 32, 7, 1), (32, 48, 30, 1), (64, 20, 13, 2), (3, 5, 9, 1)):
        x, w = np.ones((2, 12, width, channels)), np.ones((outputs, 3, 3, channels))
        x[1, 4, 6, 2] = np.inf
        p = dict(stride=[stride] * 2, low=[1, 1], high=[1, 1], dilation=[1, 1], input_dilation=[1, 1], groups=1, flip=False)
        want = reference(np.ones(x.shape), w, **p)
        near = [slice((at - 1 + stride - 1) // stride, (at + 1) // stride + 1) for at in (4, 6)]
        want[1, near[0], near[1]] = np.inf
        for dtype in (hr.FLOAT32, hr.FLOAT16, hr.BFLOAT16):
            np.testing.assert_array_equal(ours(hr.array(x, dtype), hr.array(w, dtype), p).numpy(), rounded(want, dtype))


def test_calls():
    """conv1d to conv3d and their transposes are conv_general with these parameters."""
    rng = np.random.default_rng(5)
    for n in (1, 2, 3):
        x, w = rng.integers(-3, 4, [2, 9, 8, 7][:n + 1] + [6]), rng.integers(-3, 4, [8, 3, 2, 3][:n + 1] + [3])
        stride, padding, dilation, more = [2, 1, 3][:n], [1, 2, 0][:n], [1, 2, 2][:n], [1, 0, 2][:n]
        p = dict(stride=stride, low=padding, high=padding, dilation=dilation, input_dilation=[1] * n, groups=2, flip=False)
        a, b = hr.array(x, hr.FLOAT32), hr.array(w, hr.FLOAT32)
        out = hr.call(f"conv{n}d", a, b, *stride, *padding, *dilation, 2)
        np.testing.assert_array_equal(out.numpy(), reference(x, w, **p))
        reach = [d * (k - 1) for d, k in zip(dilation, w.shape[1:])]
        p = dict(stride=[1] * n, low=[r - q for r, q in zip(reach, padding)], dilation=dilation, input_dilation=stride,
                 high=[r - q + m for r, q, m in zip(reach, padding, more)], groups=2, flip=True)
        if min(p["low"] + p["high"]) < 0:
            continue
        out = hr.call(f"conv_transpose{n}d", a, b, *stride, *padding, *dilation, *more, 2)
        np.testing.assert_array_equal(out.numpy(), reference(x, w, **p))


def test_lists():
    """One entry stands for all axes, none for 1 or no padding; negative padding cuts elements off."""
    x, w = np.arange(2 * 6 * 5 * 3).reshape(2, 6, 5, 3) % 7, np.arange(4 * 2 * 2 * 3).reshape(4, 2, 2, 3) % 5
    a, b = hr.array(x, hr.FLOAT32), hr.array(w, hr.FLOAT32)
    p = dict(stride=[1, 1], low=[0, 0], high=[0, 0], dilation=[1, 1], input_dilation=[1, 1], groups=1, flip=False)
    np.testing.assert_array_equal(hr.conv_general(a, b, [], [], [], [], [], 1, False).numpy(), reference(x, w, **p))
    p.update(stride=[2, 2], low=[1, 1], input_dilation=[3, 3])
    np.testing.assert_array_equal(hr.conv_general(a, b, [2], [1], [0], [1], [3], 1, False).numpy(), reference(x, w, **p))
    p.update(low=[0, 0])
    cut = hr.conv_general(a, b, [2], [-1, 0], [0, -2], [1], [3], 1, False).numpy()
    np.testing.assert_array_equal(cut, reference(x[:, 1:, :-2], w, **p))


def test_dtypes():
    x, w = np.ones((1, 5, 2)), np.ones((3, 2, 2))
    assert hr.conv1d(hr.array(x, hr.FLOAT16), hr.array(w, hr.FLOAT32), 1, 0, 1, 1).dtype == hr.FLOAT32
    assert hr.conv1d(hr.array(x, hr.FLOAT16), hr.array(w, hr.INT32), 1, 0, 1, 1).dtype == hr.FLOAT16
    fails("conv1d int32 float32", "conv1d", hr.array(x, hr.INT32), hr.array(w, hr.FLOAT32), 1, 0, 1, 1)
    fails("conv1d complex64", "conv1d", hr.array(x, hr.COMPLEX64), hr.array(w, hr.FLOAT32), 1, 0, 1, 1)


def test_mlx():
    mx = pytest.importorskip("mlx.core")
    mx.set_default_device(mx.cpu)
    compared = 0
    for seed in range(150):
        p, x_shape, w_shape = problem(1000 + seed)
        if p["groups"] > 1 and len(x_shape) == 5:  # not in mlx
            continue
        rng = np.random.default_rng(seed)
        x, w = (rng.integers(-3, 4, s).astype(np.float32) for s in (x_shape, w_shape))
        theirs = mx.conv_general(mx.array(x), mx.array(w), stride=p["stride"], padding=(p["low"], p["high"]),
                                 kernel_dilation=p["dilation"], input_dilation=p["input_dilation"], groups=p["groups"],
                                 flip=p["flip"])
        np.testing.assert_array_equal(ours(hr.array(x), hr.array(w), p).numpy(), np.array(theirs), str(p))
        compared += 1
    assert compared > 100
    x, w = (rng.integers(-3, 4, s).astype(np.float32) for s in ((2, 7, 6, 4), (5, 3, 2, 4)))
    theirs = mx.conv_transpose2d(mx.array(x), mx.array(w), stride=(2, 3), padding=(1, 0), dilation=(1, 2),
                                 output_padding=(1, 0))
    np.testing.assert_array_equal(hr.conv_transpose2d(x, w, 2, 3, 1, 0, 1, 2, 1, 0, 1).numpy(), np.array(theirs))
