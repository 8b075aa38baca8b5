"""What the conformance suites share: arrays of every layout, and errors by their text."""
import numpy as np
import pytest

import hr

INEXACT = [hr.FLOAT16, hr.FLOAT32, hr.FLOAT64, hr.BFLOAT16, hr.COMPLEX64]
SHAPES = [(), (1,), (0,), (5,), (3, 1), (0, 3), (2, 0, 3), (4, 5), (2, 3, 4), (1, 2, 1, 3), (2, 1, 3, 2, 1, 2)]


def numbers(dtype, shape, seed=0):
    """Small whole numbers (complex: both parts), which every dtype holds, as hr.array() gives them back."""
    random = np.random.default_rng(seed)
    if dtype == hr.BOOL:
        values = random.integers(0, 2, shape)
    else:
        low = 0 if hr.UINT8 <= dtype <= hr.UINT64 else -6
        values = random.integers(low, 7, shape)
        if dtype == hr.COMPLEX64:
            values = values + 1j * random.integers(low, 7, shape)
    return hr.array(np.asarray(values), dtype).numpy()


def views(values, dtype):
    """Pairs (array of the library, NumPy array) of the same elements and several layouts: as they are, transposed,
    reversed, every second one of twice as many, a row for all rows (last, and other in its values)."""
    x = hr.array(values, dtype)
    yield x, values
    n = values.ndim
    if n == 0:
        return
    order = list(range(n))[::-1]
    yield hr.transpose_axes(hr.array(np.ascontiguousarray(values.transpose(order)), dtype), order), values
    back = (slice(None, None, -1),) * n
    yield hr.slice(hr.array(np.ascontiguousarray(values[back]), dtype), [-1] * n, [-s - 1 for s in values.shape],
                   [-1] * n), values
    doubled = np.repeat(values, 2, n - 1)
    yield hr.slice(hr.array(doubled, dtype), [0] * n, doubled.shape, [1] * (n - 1) + [2]), values
    row = values[:1]
    if row.size:
        yield hr.broadcast_to(hr.array(row, dtype), values.shape), np.broadcast_to(row, values.shape)


def fails(text, call, *arguments):
    """The call is an error whose text has all words of `text`."""
    with pytest.raises(hr.Error) as caught:
        result = hr.call(call, *arguments)
        for a in result if isinstance(result, (list, tuple)) else [result]:
            a.numpy()
    for word in text.split():
        assert word in str(caught.value), str(caught.value)
