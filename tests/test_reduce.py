"""Reductions, order, scans and softmax through the C interface, against mlx[cpu] where it is installed, and NumPy."""
import numpy as np
import pytest

import hr

mx = pytest.importorskip("mlx.core")
mx.set_default_device(mx.cpu)

rng = np.random.default_rng(1)
HALF = (hr.FLOAT16, hr.BFLOAT16)


def values(dtype, shape):
    if dtype == hr.BOOL:
        return rng.integers(0, 2, shape).astype(bool)
    if dtype == hr.COMPLEX64:
        return (rng.integers(-9, 9, shape) + 1j * rng.integers(-9, 9, shape)).astype(np.complex64)
    low = 0 if hr.UINT8 <= dtype <= hr.UINT64 else -9
    return rng.integers(low, 9, shape).astype(np.float64)


def both(x, dtype):
    ours = hr.array(x, dtype)
    theirs = mx.array(x if x.dtype in (bool, np.complex64) else x.astype(np.float32)).astype(getattr(mx, hr.NAMES[dtype]))
    return ours, theirs


def inexact(b):
    """MLX takes integers as float32 over one axis, but answers integers over several."""
    return b if mx.issubdtype(b.dtype, mx.inexact) else b.astype(mx.float32)


def same(ours, theirs, tolerance=0.0):
    name = str(theirs.dtype).replace("mlx.core.", "").replace("bool", "bool_").replace("bool__", "bool_")
    assert hr.NAMES[ours.dtype] == name
    wide = theirs.astype(mx.float32) if theirs.dtype == mx.bfloat16 else theirs
    expected = np.array(wide)
    assert ours.shape == expected.shape
    np.testing.assert_allclose(ours.numpy(), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", hr.DTYPES, ids=hr.NAMES)
@pytest.mark.parametrize("name", "sum prod max min all any mean var std logsumexp".split())
def test_reductions(name, dtype):
    x = values(dtype, (3, 4, 5))
    if name == "prod":
        x = np.sign(x) if dtype != hr.BOOL else x
    a, b = both(x, dtype)
    if name == "logsumexp":
        b = inexact(b)
    if name == "mean" and dtype == hr.UINT64:
        pytest.skip("mlx fails on this one")
    if name in ("var", "std", "logsumexp", "mean"):
        tolerance = 0.02 if dtype == hr.BFLOAT16 else 0.004 if dtype == hr.FLOAT16 else 3e-6
    else:
        tolerance = 1e-5 if dtype == hr.COMPLEX64 else 0.0
    extra = (0,) if name in ("var", "std") else ()
    for keep in (False, True):
        same(getattr(hr, name)(a, keep, *extra), getattr(mx, name)(b, keepdims=keep), tolerance)
        same(getattr(hr, name + "_axis")(a, -2, keep, *extra), getattr(mx, name)(b, axis=1, keepdims=keep), tolerance)
        same(getattr(hr, name + "_axes")(a, [0, 2], keep, *extra), getattr(mx, name)(b, axis=[0, 2], keepdims=keep),
             tolerance)


@pytest.mark.parametrize("dtype", hr.DTYPES, ids=hr.NAMES)
def test_order(dtype):
    x = values(dtype, (4, 7, 6))
    a, b = both(x, dtype)
    for name in ("argmax", "argmin"):
        same(getattr(hr, name)(a, False), getattr(mx, name)(b))
        for axis in range(3):
            same(getattr(hr, name + "_axis")(a, axis, True), getattr(mx, name)(b, axis=axis, keepdims=True))
    for axis in range(3):
        same(hr.sort_axis(a, axis), mx.sort(b, axis=axis))
        same(hr.argsort_axis(a, axis), mx.argsort(b, axis=axis))
        same(hr.sort_axis(hr.topk_axis(a, 2, axis), axis), mx.sort(mx.topk(b, 2, axis=axis), axis=axis))
        same(hr.median(a, [axis], False), mx.median(b, axis=axis), 1e-6 if dtype not in HALF else 0.01)
    same(hr.sort(a), mx.sort(b, axis=None))
    same(hr.argsort(a), mx.argsort(b, axis=None))


@pytest.mark.parametrize("dtype", hr.DTYPES, ids=hr.NAMES)
@pytest.mark.parametrize("name", "cumsum cumprod cummax cummin logcumsumexp".split())
def test_scans(name, dtype):
    if name == "logcumsumexp" and dtype == hr.COMPLEX64:
        pytest.skip("not for complex64")
    x = values(dtype, (3, 4, 5))
    if name == "cumprod" and dtype not in (hr.BOOL, hr.COMPLEX64):
        x = np.clip(x, -1, 2)
    a, b = both(x, dtype)
    tolerance = 0 if name != "logcumsumexp" else 0.03 if dtype == hr.BFLOAT16 else 0.01 if dtype == hr.FLOAT16 else 2e-6
    for axis in range(3):
        for reverse in (False, True):
            for inclusive in (True, False):
                same(getattr(hr, name)(a, axis, reverse, inclusive),
                     getattr(mx, name)(b, axis=axis, reverse=reverse, inclusive=inclusive), tolerance)


@pytest.mark.parametrize("dtype", hr.DTYPES, ids=hr.NAMES)
def test_softmax(dtype):
    x = values(dtype, (3, 4, 5))
    a, b = both(x, dtype)
    b = inexact(b)
    tolerance = 0.02 if dtype == hr.BFLOAT16 else 0.003 if dtype == hr.FLOAT16 else 1e-5
    same(hr.softmax(a, True), mx.softmax(b, precise=True), tolerance)
    for axis in range(3):
        same(hr.softmax_axis(a, axis, True), mx.softmax(b, axis=axis, precise=True), tolerance)
    same(hr.softmax_axes(a, [0, 2], True), mx.softmax(b, axis=[0, 2], precise=True), tolerance)


def test_nan_and_ties():
    x = np.array([1, np.nan, 3, np.nan, -2, 3], np.float32)
    a, b = both(x, hr.FLOAT32)
    for name in ("max", "min", "argmax", "argmin"):
        same(getattr(hr, name)(a, False), getattr(mx, name)(b))
    same(hr.argsort(a), mx.argsort(b))
    same(hr.sort(a), mx.sort(b))
    same(hr.median(a, [0], False), mx.median(b))


def test_empty():
    a = hr.array(np.zeros((0, 3), np.float32))
    assert hr.sum(a, False).numpy() == 0
    assert hr.prod(a, False).numpy() == 1
    assert hr.all(a, False).numpy()
    assert not hr.any(a, False).numpy()
    assert np.isnan(hr.mean_axis(a, 0, False).numpy()).all()
    assert np.isnan(hr.var_axis(a, 0, False, 0).numpy()).all()
    assert hr.max_axis(a, 1, False).shape == (0,)
    for call in (lambda: hr.max(a, False), lambda: hr.argmin(a, False), lambda: hr.logsumexp(a, False),
                 lambda: hr.median(a, [0], False)):
        with pytest.raises(hr.Error):
            call()


def test_ddof():
    a = hr.array(np.array([1, 2, 3], np.float32))
    assert hr.var(a, False, 1).numpy() == 1
    assert hr.var(a, False, 3).numpy() == np.inf
    assert hr.std(a, False, 4).numpy() == np.inf


@pytest.mark.parametrize("call", ["sum_axes(a, [0, 0], False)", "sum_axis(a, 2, False)", "sort_axis(a, -3)",
                                  "cumsum(a, 2, False, True)", "softmax_axes(a, [0, -2], False)",
                                  "partition_axis(a, 3, 1)", "topk_axis(a, 4, 1)"])
def test_errors(call):
    a = hr.array(np.zeros((2, 3), np.float32))
    with pytest.raises(hr.Error):
        eval("hr." + call)


def test_partition():
    x = rng.permutation(5000).astype(np.int32)
    a = hr.array(x)
    out = hr.partition(a, 1234).numpy()
    assert out[1234] == 1234 and (out[:1234] < 1234).all() and (out[1235:] > 1234).all()
    places = hr.argpartition(a, -1).numpy()
    assert x[places[-1]] == 4999 and (np.sort(places) == np.arange(5000)).all()
