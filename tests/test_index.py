"""Indexing, shapes, joins and products against mlx and NumPy."""
import mlx.core as mx
import numpy as np
import pytest

import hr
from layouts import fails, numbers, views
from test_elementwise import from_mx, pair, same

mx.set_default_device(mx.cpu)
INTEGERS = [hr.UINT8, hr.UINT16, hr.UINT32, hr.UINT64, hr.INT8, hr.INT16, hr.INT32, hr.INT64]


def grid(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@pytest.mark.parametrize("dtype", hr.DTYPES)
def test_take(dtype):
    x, y = pair(np.arange(24).reshape(2, 3, 4) % 100, dtype)
    for index in ([0, 1], [[1, -1], [0, -2]], 1, []):
        i = np.array(index, np.int32)
        for axis in (0, 1, 2, -1):
            same(hr.take_axis(x, i, axis), mx.take(y, mx.array(i), axis))
        same(hr.take(x, i), mx.take(y, mx.array(i)))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_index_dtypes(dtype):
    i, j = pair([[2, 0], [1, 1]], dtype)
    a = grid(3, 4)
    same(hr.take_axis(a, i, 0), mx.take(mx.array(a), j, 0))
    same(hr.take_along_axis(a[:2], i, 1), mx.take_along_axis(mx.array(a[:2]), j, 1))
    same(hr.put_along_axis(a[:2], i, np.float32(9), 1), mx.put_along_axis(mx.array(a[:2]), j, mx.array(9.0), 1))


def test_out_of_range():
    for call in (lambda: hr.take_axis(grid(3), np.int32(3), 0), lambda: hr.take_axis(grid(3), np.int32(-4), 0),
                 lambda: hr.take_along_axis(grid(3), np.array([5]), 0),
                 lambda: hr.put_along_axis(grid(3), np.array([5]), np.float32(1), 0),
                 lambda: hr.scatter_single(grid(3), np.array([5]), grid(1, 1), 0)):
        with pytest.raises(hr.Error, match="out of range"):
            call().numpy()


@pytest.mark.parametrize("dtype", hr.DTYPES)
@pytest.mark.parametrize("mode", ["add", "prod", "max", "min"])
def test_scatter_modes(dtype, mode):
    if dtype == hr.COMPLEX64 and mode in ("max", "min"):
        pytest.skip("complex numbers have no order")
    x, a = pair(np.arange(6).reshape(3, 2) + 1, dtype)
    u, b = pair(np.arange(8).reshape(4, 1, 2), dtype)
    index = np.array([0, 2, 0, -1])
    want = np.asarray(from_mx(a)).copy()
    operation = {"add": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}[mode]
    with np.errstate(over="ignore"):
        operation.at(want, index, np.asarray(from_mx(b))[:, 0])
    np.testing.assert_array_equal(getattr(hr, f"scatter_{mode}_single")(x, index, u, 0).numpy(), want)


def test_slice_updates():
    a, u = grid(4, 6), np.array([[3.0], [30.0]], np.float32)
    start, stop, step = (3, 1), (-5, 6), (-2, 2)
    view = (slice(3, None, -2), slice(1, 6, 2))
    for name, operation in (("slice_update", lambda old, new: new), ("slice_update_add", np.add),
                            ("slice_update_prod", np.multiply), ("slice_update_max", np.maximum),
                            ("slice_update_min", np.minimum)):
        want = a.copy()
        want[view] = operation(want[view], np.broadcast_to(u, want[view].shape))
        np.testing.assert_array_equal(getattr(hr, name)(a, u, start, stop, step).numpy(), want)


def test_gather_and_dynamic_slices():
    a = grid(5, 6)
    np.testing.assert_array_equal(hr.gather(a, [np.array([1, -1]), np.array([2, 0])], (0, 1), (1, 2)).numpy()[:, 0],
                                  [a[1, 2:4], a[4, 0:2]])
    same(hr.slice_dynamic(a, np.array([1, 2]), (0, 1), (2, 3)),
         mx.slice(mx.array(a), mx.array([1, 2]), (0, 1), (2, 3)))
    same(hr.slice_update_dynamic(a, grid(2, 2), np.array([1, 2]), (0, 1)),
         mx.slice_update(mx.array(a), mx.array(grid(2, 2)), mx.array([1, 2]), (0, 1)))


@pytest.mark.parametrize("seed", range(40))
def test_chains_of_views(seed):
    """Random chains of views, each step done by NumPy too."""
    random = np.random.default_rng(seed)
    want = grid(4, 6, 5)
    got = hr.array(want)
    for _ in range(6):
        kind = random.integers(6)
        if kind == 0:
            order = [int(i) for i in random.permutation(want.ndim)]
            got, want = hr.transpose_axes(got, order), want.transpose(order)
        elif kind == 1:
            sizes = want.shape
            step = [int(s) for s in random.choice([-2, -1, 1, 2], want.ndim)]
            start = [int(random.integers(0, n)) if n else 0 for n in sizes]
            stop = [-n - 1 if s < 0 else n for n, s in zip(sizes, step)]
            index = tuple(slice(a, None, s) for a, s in zip(start, step))
            got, want = hr.slice(got, start, stop, step), want[index]
        elif kind == 2 and want.ndim > 1:
            got, want = hr.flatten(got, 0, 1), want.reshape((-1,) + want.shape[2:])
        elif kind == 3 and want.ndim < 5:
            axis = int(random.integers(want.ndim + 1))
            got, want = hr.expand_dims(got, axis), np.expand_dims(want, axis)
        elif kind == 4 and want.ndim < 5:
            got, want = hr.broadcast_to(got, (2,) + want.shape), np.broadcast_to(want, (2,) + want.shape)
        elif want.ndim > 1:
            got, want = hr.diagonal(got, 1, 0, 1), np.diagonal(want, 1, 0, 1)
    np.testing.assert_array_equal(got.numpy(), want)
    np.testing.assert_array_equal(hr.add(got, got).numpy(), want + want)


def test_joins():
    a, b = grid(2, 3), grid(2, 1)
    same(hr.concatenate_axis([a, b], 1), mx.concatenate([mx.array(a), mx.array(b)], 1))
    same(hr.stack_axis([a, a], -1), mx.stack([mx.array(a)] * 2, -1))
    same(hr.tile(a, (2, 1, 2)), mx.tile(mx.array(a), (2, 1, 2)))
    same(hr.repeat_axis(a, 3, 1), mx.repeat(mx.array(a), 3, 1))
    same(hr.roll_axes(a, (1, -1), (0, 1)), mx.roll(mx.array(a), (1, -1), (0, 1)))
    same(hr.trace(a, 1, 0, 1, hr.FLOAT16), mx.trace(mx.array(a), 1, 0, 1, mx.float16))
    for mode in ("constant", "edge", "reflect", "symmetric"):
        same(hr.pad(a, (0, 1), (3, 4), (5, 1), np.float32(7), mode),
             mx.pad(mx.array(a), ((3, 5), (4, 1)), mode, 7))
    for mine, theirs in zip(hr.meshgrid([grid(2), grid(3), grid(4)], False, "xy"),
                            mx.meshgrid(mx.array(grid(2)), mx.array(grid(3)), mx.array(grid(4)))):
        same(mine, theirs)


@pytest.mark.parametrize("a_dtype", hr.DTYPES)
@pytest.mark.parametrize("b_dtype", hr.DTYPES)
def test_matmul_dtypes(a_dtype, b_dtype):
    (a, x), (b, y) = pair(np.arange(6).reshape(2, 3) % 2, a_dtype), pair(np.arange(12).reshape(3, 4) % 3 % 2, b_dtype)
    try:
        want = mx.matmul(x, y)
        mx.eval(want)
    except ValueError:
        with pytest.raises(hr.Error):
            hr.matmul(a, b)
        return
    same(hr.matmul(a, b), want)


@pytest.mark.parametrize("shapes", [((3,), (3,)), ((3,), (5, 3, 2)), ((4, 2, 3), (3,)), ((2, 1, 4, 3), (5, 3, 6)),
                                    ((4, 7, 3), (3, 2)), ((4, 1, 3), (3, 2)), ((1, 900), (900, 700)),
                                    ((300, 900), (900, 1)), ((130, 600), (600, 70)), ((0, 3), (3, 2)),
                                    ((2, 0), (0, 3))])
def test_matmul_shapes(shapes):
    random = np.random.default_rng(1)
    a, b = [random.standard_normal(s).astype(np.float32) for s in shapes]
    want = np.matmul(a.astype(float), b.astype(float))
    got = hr.matmul(a, b).numpy()
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=2e-5 * np.sqrt(a.shape[-1] + 1))


def test_products():
    random = np.random.default_rng(2)
    a, b = random.standard_normal((2, 3, 4)).astype(np.float32), random.standard_normal((4, 3, 5)).astype(np.float32)
    near = dict(rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(hr.tensordot(a, b, (1, 2), (1, 0)).numpy(), np.tensordot(a, b, ((1, 2), (1, 0))), **near)
    np.testing.assert_allclose(hr.inner(a, a).numpy(), np.inner(a, a), **near)
    np.testing.assert_allclose(hr.kron(a, b).numpy(), np.kron(a, b), **near)
    np.testing.assert_allclose(hr.addmm(np.float32(2), a[0], a[0].T, 0.5, 3).numpy(), 0.5 * a[0] @ a[0].T + 6, **near)
    x, y = mx.array([1, 2]), mx.array([3, 4, 5])
    same(hr.outer(np.array([1, 2], np.int32), np.array([3, 4, 5], np.int32)), mx.outer(x, y))
    same(hr.kron(np.array([1, 2], np.int32), np.array([3, 4, 5], np.int32)), mx.kron(x, y))


MODES = {"scatter": None, "scatter_add": np.add, "scatter_prod": np.multiply, "scatter_max": np.maximum,
         "scatter_min": np.minimum}


def combined(old, place, new, operation):
    """old with new at `place` (a tuple of arrays), one after the other."""
    out = old.copy()
    with np.errstate(over="ignore"):
        if operation is None:
            out[place] = new
        else:
            operation.at(out, place, new)
    return out


@pytest.mark.parametrize("dtype", hr.DTYPES, ids=hr.NAMES)
@pytest.mark.parametrize("mode", MODES)
def test_scatter(dtype, mode):
    """Blocks of one row, of single elements and of a part, at indices of several layouts."""
    operation = MODES[mode]
    if dtype == hr.BOOL and operation:
        operation = {np.add: np.logical_or, np.multiply: np.logical_and}.get(operation, operation)
    at = np.array([[3, 0, -2], [1, -4, 2] if operation is None else [3, 3, 0]], np.int32)
    rows = numbers(dtype, (2, 3, 1, 5), 2)
    rows = np.sign(rows) if mode == "scatter_prod" and dtype == hr.BFLOAT16 else rows  # each product is rounded
    for a, x in views(numbers(dtype, (4, 5), 1), dtype):
        for u, new in views(rows, dtype):
            for i, index in views(at, hr.INT32):
                same_index = (index % 4)[..., None], np.arange(5)
                want = combined(x, same_index, new[:, :, 0], operation)
                if operation is None and len(set((index % 4).ravel())) < 6:  # where updates meet, the last one stays
                    for row, value in zip((index % 4).ravel(), new.reshape(-1, 5)):
                        want[row] = value
                got = hr.call(mode, a, [i], u, [0])
                np.testing.assert_array_equal(got.numpy(), want)
                np.testing.assert_array_equal(hr.call(f"{mode}_single", a, i, u, 0).numpy(), want)
                assert got.dtype == dtype
        ones = numbers(dtype, (4, 1, 1), 3)
        i, j = np.array([0, 3, 0, 2]), np.array([-1, 1, 4, 0])
        want = combined(x, (i, j), ones[:, 0, 0], operation)
        if operation is None:
            want[0, 4] = ones[2, 0, 0]
        got = hr.call(mode, a, [i, j.astype(np.int64)], ones, [0, 1]).numpy()
        np.testing.assert_array_equal(got, want)
        for nowhere, shape in (([2], [1, 0, 5]), ([], [0, 1, 5])):
            none = hr.call(mode, a, [np.array(nowhere, np.int32)], hr.zeros(shape, dtype), [0])
            np.testing.assert_array_equal(none.numpy(), x)


@pytest.mark.parametrize("mode", ["max", "min"])
def test_scatter_of_complex_numbers(mode):
    """Every pair of numbers with NaN, infinities and zeros of both signs among their parts."""
    parts = [0.0, -0.0, 1.0, -2.0, np.inf, np.nan]
    values = np.array([complex(x, y) for x in parts for y in parts], np.complex64)
    old, new = np.repeat(values, values.size), np.tile(values, values.size)
    place = np.arange(old.size)
    got = hr.call(f"scatter_{mode}", old, [place], new[:, None], [0]).numpy()
    at = mx.array(old).at[mx.array(place)]
    want = np.array((at.maximum if mode == "max" else at.minimum)(mx.array(new)))
    np.testing.assert_array_equal(got.view(np.uint64), want.view(np.uint64))


@pytest.mark.parametrize("dtype", hr.DTYPES, ids=hr.NAMES)
def test_scatter_of_many_axes_and_along_an_axis(dtype):
    x, new = numbers(dtype, (2, 3, 1, 2, 3), 1), numbers(dtype, (4, 1, 2, 1, 2, 2), 2)
    index = np.array([0, 1, 1, 0], np.uint8)
    want = x.copy()
    for k, i in enumerate(index):
        want[:1, i:i + 2, :, :, :2] = new[k]
    np.testing.assert_array_equal(hr.scatter_single(hr.array(x, dtype), index, hr.array(new, dtype), 1).numpy(), want)
    places = np.array([[2, 0], [1, 1], [-1, 2], [0, 0]])
    values = numbers(dtype, (4, 2), 3)
    for a, old in views(numbers(dtype, (4, 3), 4), dtype):
        put, added = old.copy(), old.copy()
        for row in range(4):
            for k in range(2):
                put[row, places[row, k]] = values[row, k]
                added[row, places[row, k]] = added[row, places[row, k]] + values[row, k]
        np.testing.assert_array_equal(hr.scatter_add_axis(a, places, hr.array(values, dtype), 1).numpy(), added)
        np.testing.assert_array_equal(hr.put_along_axis(a, places, hr.array(values, dtype), 1).numpy(), put)
        turned = hr.scatter_add_axis(hr.transpose(a), places.T.copy(), hr.transpose(hr.array(values, dtype)), -2)
        np.testing.assert_array_equal(turned.numpy(), added.T)


def test_scatter_errors():
    a, row = grid(3, 4), grid(2, 1, 4)
    for name in ("scatter_add", "scatter", "scatter_max"):
        fails("range 3", name, a, [np.array([0, 3])], row, [0])
        fails("range -4", name, a, [np.array([0, -4])], row, [0])
        fails("scatter 2", name, a, [np.array([0, 1])], row, [2])
        fails("scatter", name, a, [np.array([0, 1])], row, [0, 1])
        fails("scatter", name, a, [np.array([0, 1])] * 2, row, [0, 0])
        fails("scatter", name, a, [np.array([0, 1])], grid(2, 4), [0])
        fails("scatter", name, a, [np.array([0, 1])], grid(3, 1, 4), [0])
        fails("scatter", name, a, [np.array([0, 1])], grid(2, 4, 4), [0])
        fails("scatter float32", name, a, [np.float32([0, 1])], row, [0])
        fails("scatter", name, a, [np.array([0, 1]), np.array([0, 1, 2])], grid(2, 1, 1), [0, 1])
    fails("scatter_add", "scatter_add_axis", a, np.array([[0]]), grid(1, 1), 2)
    fails("range 9", "scatter_add_axis", a, np.array([[9], [0], [0]]), grid(3, 1), 1)


@pytest.mark.parametrize("dtype", hr.DTYPES, ids=hr.NAMES)
def test_gather_single(dtype):
    index = np.array([[2, -1, 0]], np.int32)
    for a, x in views(numbers(dtype, (2, 4, 3)), dtype):
        for i, at in views(index, hr.INT32):
            got = hr.gather_single(a, i, 1, [2, 1, 3])
            assert got.dtype == dtype
            np.testing.assert_array_equal(got.numpy(), x[:, at % 4].transpose(1, 2, 0, 3)[:, :, :, None])
        np.testing.assert_array_equal(hr.gather_single(a, np.array(1), 1, [1, 2, 2]).numpy(), x[:1, 1:3, :2])
        assert hr.gather_single(a, np.zeros((0, 2), np.int32), 0, [1, 4, 3]).shape == (0, 2, 1, 4, 3)
        assert hr.gather_single(a, np.array([1]), 0, [0, 4, 3]).shape == (1, 0, 4, 3)


def test_gather_errors():
    a = grid(2, 4)
    fails("range 4", "gather_single", a, np.array([4]), 1, [1, 1])
    fails("gather 3", "gather_single", a, np.array([3]), 1, [1, 2])
    fails("gather 5", "gather_single", a, np.array([0]), 1, [1, 5])
    fails("gather -1", "gather_single", a, np.array([0]), 1, [-1, 1])
    fails("gather", "gather_single", a, np.array([0]), 1, [1])
    fails("gather 2", "gather_single", a, np.array([0]), 2, [1, 1])
    fails("gather float32", "gather_single", a, np.float32([0]), 1, [1, 1])


@pytest.mark.parametrize("dtype", hr.DTYPES, ids=hr.NAMES)
def test_masked_scatter(dtype):
    source = numbers(dtype, (30,), 9)
    new = hr.array(source, dtype)
    for a, x in views(numbers(dtype, (3, 4, 2)), dtype):
        for m, mask in views(np.random.default_rng(3).integers(0, 2, (3, 4, 2)).astype(bool), hr.BOOL):
            want = x.copy()
            want[mask] = source[:mask.sum()]
            got = hr.masked_scatter(a, m, new)
            assert got.dtype == dtype
            np.testing.assert_array_equal(got.numpy(), want)
        rows = np.array([True, False, True])
        want = x.copy()
        want[rows] = source[:16].reshape(2, 4, 2)
        np.testing.assert_array_equal(hr.masked_scatter(a, rows, new).numpy(), want)
        np.testing.assert_array_equal(hr.masked_scatter(a, np.zeros((3, 4, 2), bool), new).numpy(), x)
    assert hr.masked_scatter(hr.zeros([0, 2], dtype), np.zeros((0, 2), bool), new).shape == (0, 2)


def test_masked_scatter_errors():
    a = grid(2, 3)
    fails("masked_scatter", "masked_scatter", a, np.ones((2, 3), bool), grid(5))
    fails("masked_scatter int32", "masked_scatter", a, np.ones((2, 3), np.int32), grid(6))
    fails("masked_scatter", "masked_scatter", a, np.ones((3, 3), bool), grid(9))
