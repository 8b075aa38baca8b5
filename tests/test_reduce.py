"""Reductions, order, scans and softmax through the C interface, against mlx[cpu] where it is installed, and NumPy."""
import numpy as np
import pytest

import hr
from layouts import SHAPES, fails, numbers, views

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


AXIS = "sum_axis prod_axis max_axis min_axis all_axis any_axis mean_axis var_axis std_axis logsumexp_axis".split()
AXES = "sum_axes prod_axes max_axes min_axes all_axes any_axes mean_axes var_axes std_axes logsumexp_axes".split()
CHOICES = [(), (0,), (-1,), (0, -1), (1,), (0, 1, 2), (2, 0), (1, 3, 5), (0, 1, 2, 3, 4, 5)]


def reference(name, x, axes, keep, dtype):
    """NumPy's answer in a wider type, not rounded yet."""
    kind = name.split("_")[0]
    wide = x.astype(np.complex128 if dtype == hr.COMPLEX64 else np.float64 if x.dtype.kind == "f" else x.dtype)
    if kind in ("sum", "prod"):
        small = {"b": np.int32, "i": np.int32, "u": np.uint32}.get(wide.dtype.kind)
        return getattr(np, kind)(wide, axis=axes, keepdims=keep,
                                 dtype=small if small and wide.dtype.itemsize < 8 else wide.dtype)
    if kind in ("all", "any"):
        return getattr(np, kind)(wide != 0, axis=axes, keepdims=keep)
    if kind in ("max", "min"):
        return getattr(np, kind)(wide, axis=axes, keepdims=keep)
    wide = wide if dtype == hr.COMPLEX64 else wide.astype(np.float64)
    if kind == "logsumexp":
        top = np.max(wide.real, axis=axes, keepdims=True)
        shift = np.where(np.isfinite(top), top, 0)
        sums = np.log(np.sum(np.exp(wide - shift), axis=axes, keepdims=keep))
        return sums + (shift if keep else np.squeeze(shift, axes))
    return getattr(np, kind)(wide, axis=axes, keepdims=keep)


TOLERANCE = {hr.BFLOAT16: 2.0**-8, hr.FLOAT16: 2.0**-11, hr.FLOAT64: 1e-13}


@pytest.mark.parametrize("dtype", hr.DTYPES, ids=hr.NAMES)
@pytest.mark.parametrize("one, several", list(zip(AXIS, AXES)), ids=AXES)
@pytest.mark.filterwarnings("ignore")
def test_axes_and_layouts(one, several, dtype):
    kind = one.split("_")[0]
    extra = (0,) if kind in ("var", "std") else ()
    exact = kind in ("sum", "prod", "max", "min", "all", "any")
    for shape in SHAPES:
        values = numbers(dtype, shape, 5)
        if kind == "prod" and dtype != hr.BOOL:  # what no product rounds
            values = np.sign(values.real).astype(values.dtype)
        for a, x in views(values, dtype):
            for axes in CHOICES:
                if any(not -x.ndim <= k < x.ndim for k in axes) or len({k % x.ndim for k in axes}) < len(axes):
                    continue
                if not x.size and (kind == "logsumexp" or kind in ("max", "min") and any(shape[k] == 0 for k in axes)):
                    fails(kind, several, a, axes, True, *extra)
                    continue
                for keep in (False, True):
                    got = getattr(hr, several)(a, axes, keep, *extra)
                    want = np.asarray(reference(one, x, axes, keep, dtype))
                    assert got.shape == want.shape, (shape, axes)
                    tolerance = 0 if exact else TOLERANCE.get(got.dtype, 4e-7)
                    if kind == "logsumexp" and dtype == hr.COMPLEX64:
                        turns = got.numpy() - want  # a complex logarithm is one of many, whole turns apart
                        want = want + 2j * np.pi * np.rint(turns.imag / (2 * np.pi))
                    np.testing.assert_allclose(got.numpy(), want, rtol=tolerance, atol=tolerance,
                                               err_msg=f"{shape} {axes}")
                    if len(axes) == 1:
                        np.testing.assert_array_equal(getattr(hr, one)(a, axes[0], keep, *extra).numpy(), got.numpy())


@pytest.mark.parametrize("dtype", hr.DTYPES, ids=hr.NAMES)
@pytest.mark.parametrize("name", ["argmax_axis", "argmin_axis"])
def test_places_and_layouts(name, dtype):
    fn = getattr(np, name[:6])
    for shape in SHAPES:
        for a, x in views(numbers(dtype, shape, 6), dtype):
            for axis in range(-x.ndim, x.ndim):
                if not x.size:  # MLX too refuses results without elements
                    fails(name[:6], name, a, axis, False)
                    continue
                for keep in (False, True):
                    got = getattr(hr, name)(a, axis, keep)
                    assert got.dtype == hr.UINT32
                    np.testing.assert_array_equal(got.numpy(), fn(x, axis=axis, keepdims=keep))


@pytest.mark.parametrize("dtype", hr.DTYPES, ids=hr.NAMES)
def test_argpartition_axis(dtype):
    values = numbers(dtype, (5, 9, 2), 7)
    for a, x in views(values, dtype):
        for axis in (0, 1, -1):
            n = x.shape[axis]
            for kth in {0, n // 2, n - 1, -1, -n}:
                places = hr.argpartition_axis(a, kth, axis)
                assert places.dtype == hr.UINT32 and places.shape == x.shape
                np.testing.assert_array_equal(np.sort(places.numpy(), axis), np.sort(np.argsort(x, axis), axis))
                order = np.sort(x, axis)
                parted = np.take_along_axis(x, places.numpy().astype(np.int64), axis)
                same_kth = np.take(parted, kth, axis), np.take(order, kth, axis)
                np.testing.assert_array_equal(*same_kth)
                cut = kth % n
                before = np.sort(np.take(parted, range(cut), axis), axis)
                np.testing.assert_array_equal(before, np.take(order, range(cut), axis))
    assert hr.argpartition_axis(hr.zeros([0, 3], dtype), 1, 1).shape == (0, 3)


def test_argpartition_errors():
    a = np.zeros((2, 3), np.float32)
    fails("argpartition 3", "argpartition_axis", a, 3, 1)
    fails("argpartition -4", "argpartition_axis", a, -4, 1)
    fails("argpartition 2", "argpartition_axis", a, 0, 2)


@pytest.mark.parametrize("dtype", [hr.FLOAT16, hr.BFLOAT16, hr.FLOAT32, hr.FLOAT64], ids=lambda d: hr.NAMES[d])
@pytest.mark.filterwarnings("ignore")
def test_not_finite(dtype):
    inf, nan = np.inf, np.nan
    rows = np.array([[1, inf, 2, 3], [1, -inf, 2, 3], [inf, -inf, 1, 2], [nan, 1, 2, inf], [-inf] * 4, [inf] * 4,
                     [1, 2, 3, nan]])
    for x in (rows, np.tile(rows, (1, 40)), np.concatenate([np.ones((7, 130)), rows], 1)):
        for a, v in ((hr.array(x, dtype), x), (hr.transpose(hr.array(x.T.copy(), dtype)), x)):
            for name in AXIS:
                if name != "logsumexp_axis" and name != "prod_axis":
                    extra = (0,) if name[:3] in ("var", "std") else ()
                    got = getattr(hr, name)(a, 1, False, *extra).numpy()
                    want = reference(name, v, 1, False, dtype)
                    np.testing.assert_array_equal(np.isnan(got), np.isnan(want), err_msg=name)
                    np.testing.assert_array_equal(np.isinf(got), np.isinf(want), err_msg=name)
            lse = hr.logsumexp_axis(a, 1, False).numpy()
            assert (lse[[0, 5]] == inf).all() and (lse[2] == inf) and np.isnan(lse[[3, 6]]).all()
            assert np.isfinite(lse[1]) and (lse[4] == -inf or x.shape[1] == 134)
    long = np.full((2, 70001), 1000.0)
    long[0, 60000] = inf
    for a in (hr.array(long, dtype), hr.transpose(hr.array(long.T.copy(), dtype))):
        got = hr.logsumexp_axis(a, 1, False).numpy()
        assert got[0] == inf
        np.testing.assert_allclose(got[1], 1000 + np.log(70001), rtol=2.0**-8)
        assert np.isnan(hr.softmax_axis(a, 1, True).numpy()[0]).all()


@pytest.mark.parametrize("one, several", list(zip(AXIS, AXES)), ids=AXES)
def test_axes_errors(one, several):
    a, kind = np.zeros((2, 3), np.float32), one.split("_")[0]
    extra = (0,) if kind in ("var", "std") else ()
    for axis in (2, -3):
        fails(f"{kind} {axis}", one, a, axis, False, *extra)
        fails(f"{kind} {axis}", several, a, [0, axis], False, *extra)
    fails(f"{kind} twice", several, a, [1, -1], False, *extra)
    fails(f"{kind} 0", one, np.float32(1), 0, False, *extra)
