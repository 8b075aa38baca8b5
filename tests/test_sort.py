"""Sorting, places, partitions and topk against NumPy: all dtypes by lengths and layouts, and the same bits for any
number of workers."""
import os
import subprocess
import sys

import numpy as np
import pytest

import hr
from layouts import views

# Around a vector's lanes, what registers hold, blocks of rows side by side, and where several workers share a row.
SHAPES = [(3, 1), (70, 2), (5, 15), (3, 17), (300, 64), (2, 129), (2, 257), (2, 1000), (20, 600), (1, 33000), (9, 33000),
          (2, 140000)]


def numbers(dtype, shape, few):
    """Exact in every dtype; zeros of both signs, infinities and NaN among floats."""
    random = np.random.default_rng(shape[0] + shape[1])
    if dtype == hr.BOOL:
        return random.random(shape) < 0.5
    x = random.integers(0, 5 if few else 120, shape).astype(np.float64)
    if hr.INT8 <= dtype <= hr.INT64:
        x -= 60
    if dtype in (hr.FLOAT16, hr.FLOAT32, hr.FLOAT64, hr.BFLOAT16):
        x -= 60
        for value, step in ((-0.0, 7), (0.0, 11), (np.inf, 31), (-np.inf, 37), (np.nan, 41)):
            x.reshape(-1)[::step] = value
    if dtype in (hr.FLOAT32, hr.FLOAT64) and not few:  # nearly all are different
        x += random.random(shape) * np.where(x == 0, 0, 0.5)
    if dtype == hr.COMPLEX64:
        x = x + 1j * random.integers(-3, 4, shape)
    return hr.array(x, dtype).numpy()


def check(a, x, axis, kth):
    order = np.sort(x, axis)
    values = hr.sort_axis(a, axis).numpy()
    np.testing.assert_array_equal(values, order)
    if values.dtype.kind == "f":  # -0 before +0: signs of zeros never go from + to -
        zeros = np.moveaxis(np.where(values == 0, np.signbit(values), values < 0), axis, -1)
        assert not (zeros[..., 1:] & ~zeros[..., :-1]).any()
    np.testing.assert_array_equal(hr.argsort_axis(a, axis).numpy(), np.argsort(x, axis, kind="stable"))
    n = x.shape[axis]
    parted = hr.partition_axis(a, kth, axis).numpy()
    places = hr.argpartition_axis(a, kth, axis).numpy().astype(np.int64)
    np.testing.assert_array_equal(np.sort(places, axis), np.sort(np.argsort(x, axis), axis))
    for got in (parted, np.take_along_axis(x, places, axis)):
        for part in (slice(0, kth), slice(kth, kth + 1), slice(kth + 1, n)):
            index = [slice(None)] * x.ndim
            index[axis] = part
            np.testing.assert_array_equal(np.sort(got[tuple(index)], axis), order[tuple(index)])
    for k in {1, min(n, 100), n - kth}:
        index = [slice(None)] * x.ndim
        index[axis] = slice(n - k, n)
        top = hr.topk_axis(a, k, axis).numpy()
        np.testing.assert_array_equal(np.sort(top, axis), order[tuple(index)])
        np.testing.assert_array_equal(np.take(top, 0, axis), np.take(order, n - k, axis))


@pytest.mark.parametrize("few", [False, True], ids=["many", "few"])
@pytest.mark.parametrize("dtype", hr.DTYPES, ids=hr.NAMES)
def test_order(dtype, few):
    for shape in SHAPES:
        x = numbers(dtype, shape, few)
        n = shape[1]
        check(hr.array(x, dtype), x, 1, n // 2)
        columns = np.ascontiguousarray(x.T)
        check(hr.array(columns, dtype), columns, 0, n // 3)


@pytest.mark.parametrize("dtype", hr.DTYPES, ids=hr.NAMES)
def test_layouts(dtype):
    x = numbers(dtype, (6 * 40, 9), False).reshape(6, 40, 9)
    for a, values in views(x, dtype):
        for axis in range(3):
            check(a, values, axis, values.shape[axis] // 2)


@pytest.mark.parametrize("pattern", ["constant", "two", "rising", "falling", "period", "one of the least"])
def test_patterns(pattern):
    """What samples of long rows meet: buckets of one value, and no spread at all."""
    i = np.arange(300000)
    x = {"constant": np.full(i.size, 7.0), "two": i % 2 * 1.0, "rising": i * 1.0, "falling": -1.0 * i,
         "period": i % 1024 * 1.0, "one of the least": np.where(i % 5, np.nan, -np.inf)}[pattern].astype(np.float32)
    check(hr.array(x), x, 0, 150000)
    check(hr.array(x), x, 0, 3)


DIGEST = """
import hashlib, numpy as np, hr
x = np.random.default_rng(5).standard_normal((2, 400000)).astype(np.float32)
for a in (hr.array(x), hr.array(np.floor(x * 3)), hr.array(x.reshape(-1, 500))):
    for out in (hr.sort_axis(a, 1), hr.argsort_axis(a, 0), hr.partition_axis(a, 77, 1), hr.argpartition_axis(a, 1, 0),
                hr.topk_axis(a, 50, 1)):
        print(hashlib.sha256(out.numpy().tobytes()).hexdigest())
"""


def test_same_bits():
    digests = [subprocess.run([sys.executable, "-c", DIGEST], capture_output=True, text=True, check=True,
                              cwd=os.path.dirname(os.path.abspath(__file__)),
                              env={**os.environ, "HEADRACE_THREADS": threads}).stdout for threads in "124"]
    assert digests[0].count("\n") == 15 and digests[0] == digests[1] == digests[2]
