"""Operations that change shapes, cut and join, and creation by example: against NumPy over all dtypes and layouts, and
mlx where NumPy has no such operation."""
import mlx.core as mx
import numpy as np
import pytest

import hr
from layouts import SHAPES, fails, numbers, views
from test_elementwise import pair, same

mx.set_default_device(mx.cpu)
EVERY = pytest.mark.parametrize("dtype", hr.DTYPES, ids=hr.NAMES)
FIVE = (2, 1, 3, 1, 4)


def equal(got, want, dtype=None):
    want = np.asarray(want)
    assert got.shape == want.shape
    assert dtype is None or got.dtype == dtype
    np.testing.assert_array_equal(got.numpy(), want)


def pieces(parts, wants):
    assert len(parts) == len(wants)
    for part, want in zip(parts, wants):
        equal(part, want)


@EVERY
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_like(dtype, shape):
    for a, x in views(numbers(dtype, shape), dtype):
        equal(hr.zeros_like(a), np.zeros(shape), dtype)
        equal(hr.ones_like(a), np.ones(shape), dtype)
        for other in (dtype, hr.INT8, hr.FLOAT16):
            equal(hr.full_like(a, np.float32(1), other), np.ones(shape), other)


def test_full_like_broadcasts_values():
    a, row = hr.array(np.zeros((3, 4)), hr.INT16), np.array([1.5, 2, -3, 300], np.float32)
    equal(hr.full_like(a, row, hr.FLOAT32), np.tile(row, (3, 1)), hr.FLOAT32)
    equal(hr.full_like(a, row, hr.INT16), np.tile(row.astype(np.int16), (3, 1)), hr.INT16)
    fails("full (3,4) (3)", "full_like", a, row[:3], hr.FLOAT32)


@EVERY
def test_identity(dtype):
    for n in (0, 1, 5, 33):
        equal(hr.identity(n, dtype), np.identity(n), dtype)


def test_identity_of_negative_length():
    fails("-1", "identity", -1, hr.FLOAT32)


@EVERY
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_reshape(dtype, shape):
    for a, x in views(numbers(dtype, shape), dtype):
        equal(hr.reshape(a, [x.size]), x.reshape(-1), dtype)
        equal(hr.reshape(a, [1, x.size, 1]), x.reshape(1, -1, 1))
        equal(hr.reshape(a, shape), x)
        if x.size:
            equal(hr.reshape(a, [-1]), x.reshape(-1))
            equal(hr.reshape(a, [1, -1]), x.reshape(1, -1))
        if x.size == 24:
            for to in ((24,), (6, 4), (2, 3, 4), (3, 2, 2, 2), (2, 2, 1, 3, 2), (-1, 3), (2, -1, 6)):
                equal(hr.reshape(a, to), x.reshape(to))


def test_reshape_errors():
    a = np.zeros((2, 3), np.float32)
    fails("reshape (2,3) (7)", "reshape", a, [7])
    fails("reshape (2,3) ()", "reshape", a, [])
    fails("reshape", "reshape", a, [-1, -1])
    fails("reshape", "reshape", a, [4, -1])
    fails("reshape", "reshape", a, [-2, -3])
    fails("reshape", "reshape", np.zeros((0, 3), np.float32), [0, -1])


@EVERY
def test_unflatten(dtype):
    for a, x in views(numbers(dtype, (2, 12, 3)), dtype):
        equal(hr.unflatten(a, 1, [3, 4]), x.reshape(2, 3, 4, 3), dtype)
        equal(hr.unflatten(a, -2, [2, -1, 3]), x.reshape(2, 2, 2, 3, 3))
        equal(hr.unflatten(a, 2, [3, 1]), x.reshape(2, 12, 3, 1))
        equal(hr.unflatten(a, 0, [-1]), x)
    equal(hr.unflatten(hr.zeros([0, 4], dtype), 0, [0, 5]), np.zeros((0, 5, 4)))


def test_unflatten_errors():
    a = np.zeros((2, 12), np.float32)
    fails("unflatten 12", "unflatten", a, 1, [5, 2])
    fails("unflatten 2", "unflatten", a, 2, [2])
    fails("unflatten", "unflatten", a, 1, [])
    fails("unflatten", "unflatten", a, 1, [-1, -1])
    fails("unflatten", "unflatten", a, 1, [5, -1])
    fails("unflatten 0", "unflatten", np.float32(1), 0, [1])


@EVERY
def test_axes_of_length_one(dtype):
    for a, x in views(numbers(dtype, FIVE), dtype):
        equal(hr.squeeze(a), x.squeeze(), dtype)
        equal(hr.squeeze_axis(a, 1), x.squeeze(1))
        equal(hr.squeeze_axis(a, -2), x.squeeze(3))
        equal(hr.squeeze_axes(a, [-2, 1]), x.squeeze((1, 3)))
        equal(hr.squeeze_axes(a, []), x)
        equal(hr.expand_dims_axes(a, [0, -1, 3]), np.expand_dims(x, (0, -1, 3)))
        equal(hr.expand_dims_axes(a, []), x)
        equal(hr.expand_dims_axes(hr.squeeze(a), [1, 3]), x)
    equal(hr.squeeze(hr.array(np.ones((1, 1)), dtype)), np.ones(()))
    equal(hr.squeeze(hr.array(np.ones((1, 0)), dtype)), np.ones((0,)))
    equal(hr.expand_dims_axes(hr.array(1, dtype), [0, 1, 2]), np.ones((1, 1, 1)))


def test_squeeze_errors():
    a = np.zeros((2, 1, 1), np.float32)
    fails("squeeze 0 2", "squeeze_axis", a, 0)
    fails("squeeze 3", "squeeze_axis", a, 3)
    fails("squeeze -4", "squeeze_axes", a, [-4])
    fails("squeeze", "squeeze_axes", a, [1, -2])
    fails("expand_dims 4", "expand_dims_axes", a, [4])
    fails("expand_dims -6", "expand_dims_axes", a, [-6, 0])
    fails("expand_dims", "expand_dims_axes", a, [0, 0])
    fails("expand_dims", "expand_dims_axes", a, [0, -5])


@EVERY
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_at_least(dtype, shape):
    for a, x in views(numbers(dtype, shape), dtype):
        for n, fn in enumerate((np.atleast_1d, np.atleast_2d, np.atleast_3d), 1):
            equal(hr.call(f"atleast_{n}d", a), fn(x), dtype)


@EVERY
def test_moved_axes(dtype):
    for a, x in views(numbers(dtype, FIVE), dtype):
        for i in range(-5, 5):
            for j in range(-5, 5):
                equal(hr.swapaxes(a, i, j), x.swapaxes(i, j), dtype)
                equal(hr.moveaxis(a, i, j), np.moveaxis(x, i, j), dtype)


def test_moved_axes_errors():
    a = np.zeros((2, 3), np.float32)
    for arguments in ((2, 0), (0, 2)):
        fails("swapaxes 2", "swapaxes", a, *arguments)
        fails("moveaxis 2", "moveaxis", a, *arguments)
    for arguments in ((-3, 0), (0, -3)):
        fails("swapaxes -3", "swapaxes", a, *arguments)
        fails("moveaxis -3", "moveaxis", a, *arguments)
    fails("swapaxes 0", "swapaxes", np.float32(1), 0, 0)


@EVERY
def test_broadcast_arrays(dtype):
    for shapes in (((3, 1), (1, 4)), ((5, 1, 4), (3, 1), ()), ((1,), (0,)), ((2, 1, 1, 1, 3), (4, 1, 2, 1)), ((2, 3),)):
        xs = [numbers(dtype, s, i) for i, s in enumerate(shapes)]
        got = hr.broadcast_arrays([hr.array(x, dtype) for x in xs])
        pieces(got, np.broadcast_arrays(*xs))
        assert all(g.dtype == dtype for g in got)
    a = numbers(dtype, (3, 1, 2))
    for view, x in views(a, dtype):
        pieces(hr.broadcast_arrays([view, np.zeros((4, 1))]), np.broadcast_arrays(x, np.zeros((4, 1))))


def test_broadcast_arrays_of_other_dtypes_and_shapes():
    mixed = hr.broadcast_arrays([np.ones((2, 1), np.float32), np.ones(3, np.int32)])
    assert [m.dtype for m in mixed] == [hr.FLOAT32, hr.INT32]
    assert hr.broadcast_arrays([]) == []
    fails("broadcast_arrays (2) (3)", "broadcast_arrays", [np.zeros(2), np.zeros(3)])
    fails("broadcast_arrays (0) (2)", "broadcast_arrays", [np.zeros(0), np.zeros(2)])


@EVERY
def test_as_strided(dtype):
    for a, x in views(numbers(dtype, (4, 6)), dtype):
        flat = np.ascontiguousarray(x).reshape(-1)
        item = flat.itemsize
        for shape, strides, offset in (((3, 4), (6, 1), 0), ((4,), (7,), 0), ((22, 3), (1, 1), 0),
                                       ((2, 2, 2), (0, 0, 1), 5), ((6, 4), (-1, -6), 23), ((0, 3), (1, 1), 0),
                                       ((), (), 9),
                                       ((2, 1, 2, 1, 3), (12, 99, 6, -99, 2), 1)):
            want = np.ndarray(shape, flat.dtype, flat, offset * item, [s * item for s in strides])
            got = hr.as_strided(a, shape, strides, offset)
            equal(got, want, dtype)
            equal(hr.add(got, got), want + want)


def test_as_strided_errors():
    a = np.zeros((2, 3), np.float32)
    for shape, strides, offset in (((7,), (1,), 0), ((2,), (1,), 5), ((2,), (-1,), 0), ((1,), (1,), 6),
                                   ((2, 2), (3, 3), 0)):
        fails("as_strided", "as_strided", a, shape, strides, offset)
    fails("as_strided", "as_strided", a, (2, 2), (1,), 0)
    fails("as_strided", "as_strided", a, (-1,), (1,), 0)
    fails("as_strided", "as_strided", a, (2**31 - 1, 2**31 - 1), (2**62, 2**62), 0)


@EVERY
def test_split(dtype):
    for a, x in views(numbers(dtype, (4, 6, 2)), dtype):
        for axis in (0, 1, 2, -2):
            for n in (1, 2):
                pieces(hr.split(a, n, axis), np.split(x, n, axis))
            for cuts in ([], [1], [0, 1, 1], [1, -1], [5], [9], [1, 2], [2, 1], [-2], [-9]):
                pieces(hr.split_sections(a, cuts, axis), np.split(x, cuts, axis))
        pieces(hr.split(a, 6, 1), np.split(x, 6, 1))
    pieces(hr.split(hr.zeros([0, 3], dtype), 3, 0), np.split(np.zeros((0, 3)), 3, 0))


def test_split_errors():
    a = np.zeros((4, 6), np.float32)
    fails("split 6 4", "split", a, 4, 1)
    fails("split 0", "split", a, 0, 1)
    fails("split -2", "split", a, -2, 1)
    fails("split 2", "split", a, 2, 2)
    fails("split -3", "split_sections", a, [1], -3)
    fails("split 0", "split", np.float32(1), 1, 0)


@EVERY
def test_roll(dtype):
    for a, x in views(numbers(dtype, (3, 1, 4)), dtype):
        for shift in ([0], [1], [-1], [7], [-9]):
            equal(hr.roll(a, shift), np.roll(x, shift[0]), dtype)
            for axis in (0, 1, 2, -1):
                equal(hr.roll_axis(a, shift, axis), np.roll(x, shift[0], axis), dtype)
        equal(hr.roll_axes(a, [1, 2], [0, -1]), np.roll(x, (1, 2), (0, -1)))
        equal(hr.roll_axes(a, [1, 2], [2, 2]), np.roll(x, (1, 2), (2, 2)))
    equal(hr.roll_axis(hr.zeros([0, 2], dtype), [1], 0), np.zeros((0, 2)))


def test_roll_errors():
    a = np.zeros((2, 3), np.float32)
    fails("roll 2", "roll_axis", a, [1], 2)
    fails("roll -3", "roll_axis", a, [1], -3)


@EVERY
def test_pad_symmetric(dtype):
    for a, x in views(numbers(dtype, (3, 1, 4)), dtype):
        for width in (0, 1, 2):
            padded = hr.pad_symmetric(a, width, hr.array(1, dtype), "constant")
            equal(padded, np.pad(x, width, constant_values=1), dtype)
            equal(hr.pad_symmetric(a, width, np.float32(0), "edge"), np.pad(x, width, "edge"), dtype)
    equal(hr.pad_symmetric(hr.zeros([0, 2], dtype), 1, hr.array(1, dtype), "constant"),
          np.pad(np.zeros((0, 2)), 1, constant_values=1))
    equal(hr.pad_symmetric(hr.array(1, dtype), 3, hr.array(0, dtype), "constant"), np.ones(()))


def test_pad_symmetric_errors():
    a = np.zeros((2, 3), np.float32)
    fails("pad -1", "pad_symmetric", a, -1, np.float32(0), "constant")
    fails("pad cubic", "pad_symmetric", a, 1, np.float32(0), "cubic")
    fails("pad", "pad_symmetric", np.zeros((0, 2), np.float32), 1, np.float32(0), "edge")


@EVERY
def test_depends(dtype):
    x = numbers(dtype, (3, 4))
    inputs = [a for a, _ in views(x, dtype)]
    wants = [want for _, want in views(x, dtype)]
    pieces(hr.depends(inputs, [np.ones(2), hr.zeros([0], hr.INT8)]), wants)
    pieces(hr.depends(inputs, []), wants)


def test_depends_fails_with_a_dependency():
    bad = hr.take_axis(np.zeros(3), np.int32(7), 0)
    fails("take range 7", "depends", [np.ones(3)], [bad])


@EVERY
def test_number_of_elements(dtype):
    for shape in SHAPES + [(7, 250)]:
        for a, x in views(numbers(dtype, shape), dtype):
            for axes in {(), tuple(range(x.ndim)), tuple(range(-x.ndim, 0, 2))}:
                count = int(np.prod([shape[i] for i in axes]))
                for to in (hr.BOOL, hr.INT8, hr.INT32, hr.UINT64, hr.FLOAT16, hr.FLOAT64, hr.COMPLEX64):
                    kind = hr.zeros([], to).numpy().dtype
                    equal(hr.number_of_elements(a, axes, False, to), np.array(count).astype(kind), to)
                    if count and to >= hr.FLOAT16:
                        equal(hr.number_of_elements(a, axes, True, to), np.array(1 / count).astype(kind), to)


def test_number_of_elements_errors():
    a = np.zeros((2, 0), np.float32)
    assert hr.number_of_elements(a, [0, 1], True, hr.FLOAT32).numpy() == np.inf
    fails("number_of_elements 2", "number_of_elements", a, [2], False, hr.INT32)
    fails("number_of_elements -3", "number_of_elements", a, [-3], False, hr.INT32)
    fails("number_of_elements 1", "number_of_elements", a, [1, -1], False, hr.INT32)
    fails("number_of_elements 14", "number_of_elements", a, [1], False, 14)


@pytest.mark.parametrize("name, arguments", [("atleast_2d", ()), ("atleast_3d", ()), ("squeeze", ())])
def test_shapes_agree_with_mlx(name, arguments):
    for shape in SHAPES:
        mine, theirs = pair(np.zeros(shape), hr.FLOAT32)
        same(hr.call(name, mine, *arguments), getattr(mx, name)(theirs, *arguments))
