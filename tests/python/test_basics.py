"""Arrays as objects: creation, properties, operators, conversion, copies. MLX's answers where it has the same call."""
import copy
import math
import pickle

import numpy as np
import pytest

import headrace.core as mx

mlx = pytest.importorskip("mlx.core")

DTYPES = "bool_ uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 float32 bfloat16 complex64".split()


def name(dtype):
    return repr(dtype).rpartition(".")[2]


def same(a, b):
    """Dtype, shape and elements of ours and MLX's."""
    assert name(a.dtype) == name(b.dtype)
    assert a.shape == b.shape
    assert str(a.tolist()) == str(b.tolist())


VALUES = [1, 2.5, True, 1j, 2**40, -2**31 - 1, [], [[]], [1, 2], (1, 2), [True, 2], [1, 2.5], [1, 2**40], [1, 1j, True],
          [[1, 2], [3, 4]], [[[1.5]]], b"abc", bytearray(b"ab"), np.ones(3), np.ones((2, 2), np.int64), np.float32(1.5),
          np.int64(3), np.ones(2, np.complex128), np.arange(6.0).reshape(2, 3).T, np.arange(6)[::2], np.ones((0, 3)),
          np.array([True, False]), np.arange(4, dtype=np.uint16)]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_creation_as_mlx(value):
    same(mx.array(value), mlx.array(value))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [3, 2.75, True, [1, 0, 2], [1.5, -0.25], [[1], [0]]], ids=repr)
def test_creation_with_a_dtype(value, dtype):
    same(mx.array(value, getattr(mx, dtype)), mlx.array(value, getattr(mlx, dtype)))


@pytest.mark.parametrize("value, error", [([[1, 2], [3]], ValueError), ([[1, 2], 3], ValueError), ("a", ValueError),
                                          ([1, "a"], ValueError), (None, TypeError), ({}, ValueError)], ids=repr)
def test_creation_refuses(value, error):
    with pytest.raises(error):
        mx.array(value)


def test_arrays_in_lists_are_stacked():
    x = mx.array([1.0, 2.0])
    assert mx.array([x, x]).tolist() == [[1, 2], [1, 2]]
    assert mx.array([[x], [x]]).shape == (2, 1, 2)
    with pytest.raises(ValueError):
        mx.array([x, 1.0])


@pytest.mark.parametrize("bits", [0, 1, 2, 0x3FF, 0x400, 0x3C00, 0x3C01, 0x7BFF, 0x7C00])
def test_float16_rounds_to_nearest(bits):
    exact = float(np.uint16(bits).view(np.float16))
    step = 2.0 ** max(math.frexp(exact)[1] - 11 if math.isfinite(exact) and exact else -24, -24)
    for value in (exact, exact + step / 2, exact + step * 0.51, exact + step * 0.49, -exact):
        with np.errstate(over="ignore"):
            want = np.float16(value)
        assert np.array(mx.array(value, mx.float16)).tobytes() == want.tobytes(), value


OPERATORS = ["a + b", "a - b", "a * b", "a / b", "a // b", "a % b", "a ** b", "a < b", "a <= b", "a == b", "a != b",
             "a > b", "a >= b", "b + a", "b - a", "b * a", "b / a", "b // a", "b % a"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scalar", [2, 3.0, True, 2j, 300, -1], ids=repr)
def test_scalars_are_weak(dtype, scalar):
    for text in OPERATORS:
        results = []
        for m in (mx, mlx):
            try:
                results.append(eval(text, {"a": m.array([1, 2, 3], getattr(m, dtype)), "b": scalar}))
            except ValueError as error:
                results.append(type(error))
        if isinstance(results[1], type) or isinstance(results[0], type):
            assert results[0] == results[1], text
            continue
        assert name(results[0].dtype) == name(results[1].dtype), text
        ours, theirs = (np.array(r.tolist(), complex) for r in results)
        np.testing.assert_allclose(ours, theirs, rtol=1e-2 if "16" in dtype else 1e-5, err_msg=text)


def test_in_place_operators_change_the_object():
    x = mx.array([1.0, 2.0])
    y = x
    y += 1
    assert x is y and x.tolist() == [2, 3]
    i = mx.array([1, 2])
    with pytest.raises(ValueError):
        i /= 2


def test_other_operands_are_refused():
    x = mx.array([1.0])
    for other in ([1], "a"):
        with pytest.raises(ValueError):
            x + other
    with pytest.raises(TypeError):
        x + None
    assert (x == "a") is False and (x != "a") is True
    with pytest.raises(ValueError):
        x & 1


def test_single_values():
    assert int(mx.array([2.7])) == 2 and float(mx.array(3)) == 3.0 and complex(mx.array(2)) == 2
    assert bool(mx.array(0)) is False and range(5)[mx.array(2)] == 2
    assert mx.array(1.5, mx.bfloat16).item() == 1.5
    for bad in (bool, int, float, lambda x: x.item()):
        with pytest.raises(ValueError):
            bad(mx.array([1, 2]))
    with pytest.raises(TypeError):
        range(5)[mx.array(2.0)]


def test_iteration_and_length():
    x = mx.array([[1, 2], [3, 4]])
    assert [r.tolist() for r in x] == [[1, 2], [3, 4]] and len(x) == 2
    for bad in (len, iter):
        with pytest.raises(TypeError):
            bad(mx.array(1))


@pytest.mark.parametrize("dtype", DTYPES)
def test_pickles_and_copies(dtype):
    x = mx.array([[1, 0], [2, 3]], getattr(mx, dtype))
    for y in (pickle.loads(pickle.dumps(x)), copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x.T)).T):
        assert y is not x and y.dtype == x.dtype and y.tolist() == x.tolist()
    assert pickle.loads(pickle.dumps(x.dtype)) is x.dtype


def test_pickles_of_strange_bytes_are_refused():
    x = mx.array([1, 2])
    bytes_, shape, dtype = x.__getstate__()
    for state in ((bytes_[1:], shape, dtype), (bytes_, (3,), dtype), (bytes_, (-2,), dtype), (b"", (2**31 - 1,) * 9, dtype)):
        with pytest.raises(ValueError):
            x.__setstate__(state)
    assert x.tolist() == [1, 2]


def test_printing_as_mlx():
    for m in ("1.5", "[1, 2]", "[[1.25, 2], [3, 4]]", "[True]", "[]", "[1j]", "list(range(100))"):
        assert repr(mx.array(eval(m))) == repr(mlx.array(eval(m)))
    values = [[3.14159, 1e10], [1 / 3, -2.0]]
    with mx.printoptions(precision=2), mlx.printoptions(precision=2):
        assert repr(mx.array(values)) == repr(mlx.array(values))
    assert repr(mx.array(values)) == repr(mlx.array(values))


def test_dtypes():
    assert mx.float32 == mx.float32 and mx.float32 != mx.int32 and mx.float32 != "float32"
    assert {mx.float32: 1}[mx.float32] == 1 and mx.complex64.size == 8
    for d in DTYPES:
        ours, theirs = getattr(mx, d), getattr(mlx, d)
        assert ours.size == theirs.size and hash(ours) == hash(theirs)
        for other in DTYPES:
            assert mx.can_cast(ours, getattr(mx, other)) == mlx.can_cast(theirs, getattr(mlx, other))
            assert name(mx.result_type(ours, getattr(mx, other))) == name(mlx.result_type(theirs, getattr(mlx, other)))
        for category in mlx.DtypeCategory:
            assert mx.issubdtype(ours, getattr(mx, category.name)) == mlx.issubdtype(theirs, category)
    for d in ("float16", "bfloat16", "float32", "float64", "complex64"):
        ours, theirs = mx.finfo(getattr(mx, d)), mlx.finfo(getattr(mlx, d))
        assert repr(ours) == repr(theirs)
        for field in ("bits", "eps", "max", "min", "smallest_normal"):
            assert getattr(ours, field) == getattr(theirs, field)
    for d in DTYPES[1:9]:
        assert repr(mx.iinfo(getattr(mx, d))) == repr(mlx.iinfo(getattr(mlx, d)))


def test_errors_name_the_argument():
    x = mx.array([1.0])
    for call, error, words in [(lambda: mx.sum(x, axis=3), IndexError, "axis 3"), (lambda: mx.sum(x, axis=3), ValueError, "sum"),
                               (lambda: mx.sum(x, axis="a"), TypeError, "'axis'"), (lambda: mx.sum(x, bogus=1), TypeError, "bogus"),
                               (lambda: mx.sum(), TypeError, "'a'"), (lambda: mx.sum(x, 0, False, 1), TypeError, "3 positional"),
                               (lambda: mx.sum(x, 0, axis=0), TypeError, "multiple values"),
                               (lambda: mx.expand_dims(x, None), TypeError, "'axis'"),
                               (lambda: mx.zeros((2.0,)), TypeError, "'shape'"), (lambda: mx.reshape(x, (2,)), ValueError, "(2)")]:
        with pytest.raises(error, match=words.replace("(", r"\(").replace(")", r"\)")):
            call()


def test_constants_are_not_mixed_up():
    """More constants of different dtypes than are kept."""
    arrays = [mx.array([1], getattr(mx, d)) for d in DTYPES[1:]]
    for _ in range(3):
        for k in range(40):
            for x in arrays:
                assert (x + k).tolist() == mx.add(x, mx.array(k, x.dtype)).tolist()
    assert (mx.array([1.0]) + -0.0).dtype == mx.float32
    assert math.copysign(1, (mx.array(-0.0) + -0.0).item()) == -1 and math.copysign(1, (mx.array(-0.0) + 0.0).item()) == 1
    assert mx.clip(mx.array([0.0, 5.0]), 1.0, 2.0).tolist() == [1, 2]
