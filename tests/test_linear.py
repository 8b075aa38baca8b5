"""Products of matrices and what is made of them, over all dtypes, layouts and shapes, against NumPy in a wider type.

Small whole numbers make every float product exact (half types: sums stay below 2^8), so most comparisons are equal to
the bit; rounding is looked at with random numbers."""
import mlx.core as mx
import numpy as np
import pytest

import hr
from layouts import INEXACT, fails, numbers, views
from test_elementwise import EPSILON, pair, same

mx.set_default_device(mx.cpu)
EVERY = pytest.mark.parametrize("dtype", hr.DTYPES, ids=hr.NAMES)
FLOATING = pytest.mark.parametrize("dtype", INEXACT, ids=[hr.NAMES[d] for d in INEXACT])
INTEGERS = [d for d in hr.DTYPES if d not in INEXACT]
MATRICES = [((3, 4), (4, 5)), ((1, 1), (1, 1)), ((1, 7), (7, 1)), ((5, 1), (1, 4)), ((2, 0), (0, 3)), ((0, 3), (3, 2)),
            ((3, 2), (2, 0)), ((4,), (4,)), ((0,), (0,)), ((4,), (4, 3)), ((3, 4), (4,)), ((2, 3, 4), (4, 5)),
            ((3, 4), (2, 4, 5)), ((2, 1, 3, 4), (5, 4, 2)), ((0, 3, 4), (4, 2)), ((2, 3, 0), (2, 0, 2)),
            ((4,), (3, 4, 2)), ((3, 2, 4), (4,)), ((1, 3, 4), (6, 4, 1)), ((2, 1, 2, 1, 3, 2), (1, 3, 1, 2, 2, 3)),
            ((0,), (2, 0, 3)), ((33, 65), (65, 17))]


def few(dtype, shape, seed):
    """Numbers in -2..2: sums of products of up to 65 are exact even in bfloat16."""
    x = numbers(dtype, shape, seed)
    return np.sign(x) if dtype != hr.COMPLEX64 else np.sign(x.real) + 1j * np.sign(x.imag)


def wide(x):
    return np.asarray(x).astype(np.complex128 if np.iscomplexobj(x) else np.float64)


def equal(got, want, dtype):
    want = np.asarray(want)
    assert got.dtype == dtype
    assert got.shape == want.shape
    np.testing.assert_array_equal(got.numpy(), want)


@FLOATING
@pytest.mark.parametrize("shapes", MATRICES, ids=str)
def test_matmul(dtype, shapes):
    left, right = few(dtype, shapes[0], 1), few(dtype, shapes[1], 2)
    for a, x in views(left, dtype):
        for b, y in views(right, dtype):
            equal(hr.matmul(a, b), np.matmul(wide(x), wide(y)), dtype)


def stretched(values, dtype):
    """Matrices whose rows or columns are repeated, with steps in both axes, or a matrix of one number."""
    one = hr.array(np.ones((1, 1)), dtype)
    m, n = values.shape
    yield hr.broadcast_to(hr.array(values[:, :1], dtype), (m, n)), np.broadcast_to(values[:, :1], (m, n))
    yield hr.broadcast_to(one, (m, n)), np.ones((m, n))
    spread = np.zeros((3 * m, 2 * n), values.dtype)
    spread[::3, ::2] = values
    yield hr.slice(hr.array(spread, dtype), [0, 0], spread.shape, [3, 2]), values
    yield hr.slice(hr.array(spread[::-1].copy(), dtype), [-1, 0], [-3 * m - 1, 2 * n], [-3, 2]), values
    yield hr.transpose(hr.slice(hr.array(spread.T.copy(), dtype), [0, 0], spread.T.shape, [2, 3])), values


@FLOATING
def test_matmul_strides(dtype):
    for shapes in (((5, 9), (9, 4)), ((1, 33), (33, 40)), ((40, 33), (33, 1)), ((20, 70), (70, 30))):
        for a, x in stretched(few(dtype, shapes[0], 3), dtype):
            for b, y in stretched(few(dtype, shapes[1], 4), dtype):
                equal(hr.matmul(a, b), np.matmul(wide(x), wide(y)), dtype)
    stacked = few(dtype, (3, 4, 6), 5)
    a = hr.transpose_axes(hr.array(stacked.transpose(1, 0, 2).copy(), dtype), [1, 0, 2])
    b = hr.broadcast_to(hr.array(few(dtype, (1, 6, 5), 6), dtype), (3, 6, 5))
    equal(hr.matmul(a, b), np.matmul(wide(stacked), wide(few(dtype, (1, 6, 5), 6))), dtype)


@FLOATING
@pytest.mark.parametrize("m, k, n", [(1, 300, 1), (64, 300, 33), (1, 500, 257), (257, 500, 1), (129, 1025, 70),
                                     (64, 5000, 48), (1, 3000, 800), (5, 2500, 900)])
def test_matmul_rounding(dtype, m, k, n):
    """The error of each element against the size of its terms: k roundings at most, half types are rounded once."""
    random = np.random.default_rng(7)
    turn = 1j if dtype == hr.COMPLEX64 else 1
    a, b = (hr.array(random.standard_normal(s) + turn * random.standard_normal(s), dtype) for s in ((m, k), (k, n)))
    x, y = wide(a.numpy()), wide(b.numpy())
    error = np.abs(wide(hr.matmul(a, b).numpy()) - x @ y)
    sums = np.abs(x) @ np.abs(y)
    if dtype in (hr.FLOAT16, hr.BFLOAT16):
        bound = EPSILON[dtype] * 0.51 * np.abs(x @ y) + 2.0**-24 * 20 * sums
    else:
        bound = EPSILON[dtype] * 20 * sums
    assert (error <= bound).all(), np.max(error / bound)


@FLOATING
def test_matmul_specials(dtype):
    inf, nan = np.inf, np.nan
    a, b = np.array([[1, inf], [nan, 1], [-inf, inf], [0, 1]]), np.array([[1, 0], [1, 2]])
    if dtype == hr.COMPLEX64:
        got = hr.matmul(hr.array(a, dtype), hr.array(b, dtype)).numpy()
        assert np.isnan(got[1]).all() and not np.isfinite(got[0]).any() and (got[3] == [1, 2]).all()
        return
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(hr.matmul(hr.array(a, dtype), hr.array(b, dtype)).numpy(), a @ b)
    top = {hr.FLOAT16: 60000.0, hr.FLOAT64: 1e308}.get(dtype, 3e38)
    got = hr.matmul(hr.array([[top, top]], dtype), hr.array([[1.0], [1.0]], dtype)).numpy()
    assert np.isinf(got).all()


def test_matmul_errors():
    a = np.zeros((2, 3), np.float32)
    fails("matmul (2,3)", "matmul", a, a)
    fails("matmul", "matmul", a, np.float32(1))
    fails("matmul", "matmul", np.float32(1), a)
    fails("matmul (3) (2,3)", "matmul", np.zeros(3, np.float32), a)
    fails("matmul", "matmul", np.zeros((2, 3, 4), np.float32), np.zeros((3, 4, 2), np.float32))
    for dtype in INTEGERS:
        fails("matmul " + hr.NAMES[dtype].strip("_"), "matmul", hr.array(a, dtype), hr.array(a.T, dtype))


@FLOATING
def test_addmm(dtype):
    for shapes in MATRICES:
        a, b = few(dtype, shapes[0], 1), few(dtype, shapes[1], 2)
        product = np.matmul(wide(a), wide(b))
        for c_shape in {product.shape, product.shape[-1:], ()}:
            c = few(dtype, c_shape, 3)
            for alpha, beta in ((1, 1), (0.5, 2), (-1, 0), (0, 1), (2, -1)):
                got = hr.addmm(hr.array(c, dtype), hr.array(a, dtype), hr.array(b, dtype), alpha, beta)
                equal(got, alpha * product + beta * wide(c), dtype)
    for c, z in views(few(dtype, (4, 3), 3), dtype):
        for a, x in views(few(dtype, (4, 5), 4), dtype):
            equal(hr.addmm(c, a, hr.array(few(dtype, (5, 3), 5), dtype), 2, 3),
                  2 * (wide(x) @ wide(few(dtype, (5, 3), 5))) + 3 * wide(z), dtype)
    stacked, b = few(dtype, (2, 3, 4, 5), 1), few(dtype, (5, 3), 2)
    for c_shape in ((3,), (4, 1), (3, 4, 3), (2, 1, 1, 3), (2, 3, 4, 3), (2, 3, 1, 1)):
        c = few(dtype, c_shape, 3)
        equal(hr.addmm(*(hr.array(x, dtype) for x in (c, stacked, b)), 2, 3), 2 * (wide(stacked) @ wide(b)) + 3 * wide(c), dtype)


@FLOATING
def test_addmm_rounding(dtype):
    """Half types round the product and the result, nothing between."""
    random = np.random.default_rng(5)
    c, a, b = (hr.array(random.standard_normal(s), dtype) for s in ((20, 20), (20, 300), (300, 20)))
    product = wide(hr.matmul(a, b).numpy())
    want = 0.7 * product + 1.3 * wide(c.numpy())
    sizes = 0.7 * np.abs(product) + 1.3 * np.abs(wide(c.numpy()))
    unit = 2.0**-23 if dtype in (hr.FLOAT16, hr.BFLOAT16) else EPSILON[dtype]
    bound = 0.5 * EPSILON[dtype] * np.abs(want) + (4 * unit + 2.0**-24) * sizes  # factors are float32
    assert (np.abs(wide(hr.addmm(c, a, b, 0.7, 1.3).numpy()) - want) <= bound).all()


def test_addmm_dtypes_and_errors():
    a = np.ones((2, 3), np.float32)
    for c in hr.DTYPES:
        mine, theirs = pair(numbers(c, (2, 2), 3), c)
        for operands in INEXACT:
            left, x = pair(numbers(operands, (2, 3), 1), operands)
            right, y = pair(numbers(hr.BFLOAT16, (3, 2)), hr.BFLOAT16)
            same(hr.addmm(mine, left, right, 0.5, 2), mx.addmm(theirs, x, y, 0.5, 2))
    nan, square = np.float32(np.nan), np.ones((2, 2), np.float32)
    equal(hr.addmm(nan, square, square, 3, 0), np.full((2, 2), 6), hr.FLOAT32)
    equal(hr.addmm(np.float32(2), nan * square, square, 0, 3), np.full((2, 2), 6), hr.FLOAT32)
    fails("addmm", "addmm", np.ones((3, 3), np.float32), a, a.T, 1, 1)
    fails("addmm", "addmm", np.ones((5, 2, 2), np.float32), a, a.T, 1, 1)
    fails("(2,3)", "addmm", np.float32(1), a, a, 1, 1)
    fails("addmm", "addmm", np.int32(1), a.astype(np.int32), a.T.astype(np.int32), 1, 1)


@FLOATING
def test_inner(dtype):
    for one, two in (((4,), (4,)), ((2, 4), (3, 4)), ((2, 3, 4), (4,)), ((2, 1, 4), (3, 2, 4)), ((0,), (0,)),
                     ((2, 0), (3, 0)), ((), (2, 3)), ((4,), ()), ((), ()), ((0, 4), (2, 4))):
        for a, x in views(few(dtype, one, 1), dtype):
            for b, y in views(few(dtype, two, 2), dtype):
                equal(hr.inner(a, b), np.inner(wide(x), wide(y)), dtype)
    fails("inner 3 4", "inner", hr.array(np.ones((2, 3)), dtype), hr.array(np.ones((2, 4)), dtype))


@EVERY
def test_outer_and_kron(dtype):
    for one, two in (((3,), (4,)), ((2, 3), (2, 2)), ((), (3,)), ((0,), (3,)), ((2, 1, 3), (4,)), ((), ()),
                     ((2, 2), (3,)), ((2, 0), (2, 2)), ((2, 1, 2, 1, 2), (1, 3, 1, 2, 2))):
        for a, x in views(numbers(dtype, one, 1), dtype):
            for b, y in views(numbers(dtype, two, 2), dtype):
                with np.errstate(over="ignore"):
                    equal(hr.outer(a, b), np.outer(x, y), dtype)
                    equal(hr.kron(a, b), np.kron(x, y), dtype)


@pytest.mark.parametrize("name", ["outer", "kron"])
def test_products_promote(name):
    for one in hr.DTYPES:
        for two in hr.DTYPES:
            (a, x), (b, y) = pair(numbers(one, (2,), 1), one), pair(numbers(two, (3,), 2), two)
            same(hr.call(name, a, b), getattr(mx, name)(x, y))


@FLOATING
def test_tensordot(dtype):
    cases = [((2, 3, 4), (4, 3, 5), (1, 2), (1, 0)), ((2, 3), (4, 5), (), ()), ((2, 3), (3, 2), (0, 1), (1, 0)),
             ((2, 3), (2, 3), (-1,), (-1,)), ((2, 0), (0, 3), (1,), (0,)), ((3, 2, 2, 1, 2), (2, 1, 3), (0, 3), (2, 1)),
             ((), (2, 3), (), ()), ((0, 3), (3, 2), (1,), (0,))]
    for one, two, axes_a, axes_b in cases:
        for a, x in views(few(dtype, one, 1), dtype):
            for b, y in views(few(dtype, two, 2), dtype):
                equal(hr.tensordot(a, b, axes_a, axes_b), np.tensordot(wide(x), wide(y), (axes_a, axes_b)), dtype)
    for n, one, two in ((0, (2, 3), (3, 2)), (1, (2, 3), (3, 2)), (2, (2, 3, 4), (3, 4, 5)), (2, (2, 3), (2, 3)),
                        (0, (), ()), (1, (2, 0), (0, 3)), (3, (2, 1, 2, 1), (1, 2, 1))):
        for a, x in views(few(dtype, one, 1), dtype):
            b = few(dtype, two, 2)
            equal(hr.tensordot_axis(a, hr.array(b, dtype), n), np.tensordot(wide(x), wide(b), n), dtype)


def test_tensordot_errors():
    a, b = np.zeros((2, 3), np.float32), np.zeros((3, 4), np.float32)
    fails("tensordot 2 3", "tensordot", a, b, [0], [0])
    fails("tensordot 2", "tensordot", a, b, [2], [0])
    fails("tensordot -3", "tensordot", a, b, [1], [-3])
    fails("tensordot", "tensordot", a, b, [0, 1], [0])
    fails("tensordot", "tensordot", a, a, [1, 1], [1, 1])
    fails("tensordot", "tensordot_axis", a, b, 2)
    fails("tensordot 3", "tensordot_axis", a, b, 3)
    fails("tensordot -1", "tensordot_axis", a, b, -1)


@EVERY
def test_trace(dtype):
    for a, x in views(numbers(dtype, (3, 4, 2), 1), dtype):
        for offset in (-5, -1, 0, 2, 9):
            for axes in ((0, 1), (2, 0), (-1, -2)):
                for to in (hr.FLOAT32, hr.INT64, hr.COMPLEX64):
                    if dtype == hr.COMPLEX64 and to != dtype:
                        continue
                    equal(hr.trace(a, offset, *axes, to), np.trace(wide(x), offset, *axes), to)
