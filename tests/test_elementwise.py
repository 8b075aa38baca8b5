"""Elementwise operations, casts, selection and creation against mlx and NumPy."""
import math

import mlx.core as mx
import numpy as np
import pytest

import hr
from layouts import fails, numbers, views

mx.set_default_device(mx.cpu)
DTYPES = list(hr.DTYPES)
FLOATS = [hr.FLOAT16, hr.BFLOAT16, hr.FLOAT32, hr.FLOAT64]
EPSILON = {hr.FLOAT16: 2.0**-10, hr.BFLOAT16: 2.0**-7, hr.FLOAT32: 2.0**-23, hr.FLOAT64: 2.0**-52,
           hr.COMPLEX64: 2.0**-23}


def to_mx(x, dtype):
    return mx.array(x).astype(getattr(mx, hr.NAMES[dtype])) if dtype != hr.FLOAT64 else mx.array(x, dtype=mx.float64)


def from_mx(x):
    mx.eval(x)
    return np.array(x.astype(mx.float32)) if x.dtype == mx.bfloat16 else np.array(x)


def number(mx_dtype):
    return [getattr(mx, n) for n in hr.NAMES].index(mx_dtype)


def pair(values, dtype):
    """The same numbers, exactly representable in dtype, for both libraries."""
    mine = hr.array(np.asarray(values), dtype)
    theirs = mine.numpy()
    return mine, (mx.array(theirs).astype(mx.bfloat16) if dtype == hr.BFLOAT16 else
                  mx.array(theirs, dtype=getattr(mx, hr.NAMES[dtype])))


def same(mine, theirs, ulps=0.0, dtype=None):
    want = from_mx(theirs)
    assert hr.NAMES[mine.dtype] == hr.NAMES[number(theirs.dtype)]
    got = mine.numpy()
    assert got.shape == want.shape
    if ulps and want.dtype.kind in "fc":
        tolerance = ulps * EPSILON[mine.dtype]
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * 2**-10)
    else:
        np.testing.assert_array_equal(got, want)


def samples(dtype, n=67, seed=0):
    random = np.random.default_rng(seed + dtype)
    if dtype == hr.BOOL:
        return random.integers(0, 2, n).astype(bool)
    if dtype in (hr.UINT8, hr.UINT16, hr.UINT32, hr.UINT64):
        return random.integers(0, 200, n)
    if dtype in (hr.INT8, hr.INT16, hr.INT32, hr.INT64):
        return random.integers(-100, 100, n)
    x = random.uniform(-4, 4, n)
    return x + 1j * random.uniform(-4, 4, n) if dtype == hr.COMPLEX64 else x


UNARY_EXACT = "abs negative sign square ceil floor logical_not isnan isinf isposinf isneginf isfinite".split()
UNARY_FLOAT = ("sqrt rsqrt exp expm1 log log2 log10 log1p sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh "
               "arccosh arctanh erf erfinv sigmoid reciprocal degrees radians").split()


@pytest.mark.parametrize("name", UNARY_EXACT + ["real", "imag", "conjugate", "bitwise_invert", "stop_gradient"])
@pytest.mark.parametrize("dtype", DTYPES, ids=hr.NAMES)
def test_unary_exact(name, dtype):
    mine, theirs = pair(samples(dtype), dtype)
    try:
        want = getattr(mx, name)(theirs)
        mx.eval(want)
    except (ValueError, RuntimeError):
        with pytest.raises(hr.Error):
            hr.call(name, mine)
        return
    same(hr.call(name, mine), want, ulps=4 if dtype == hr.COMPLEX64 else 0)


@pytest.mark.parametrize("name", UNARY_FLOAT)
@pytest.mark.parametrize("dtype", DTYPES, ids=hr.NAMES)
def test_unary_float(name, dtype):
    x = samples(dtype)
    if name in ("arcsin", "arccos", "arctanh", "erfinv") and dtype >= hr.FLOAT16:
        x = x / 6
    if name == "arccosh" and dtype in FLOATS:
        x = abs(x) + 1
    mine, theirs = pair(x, dtype)
    try:
        want = getattr(mx, name)(theirs)
        mx.eval(want)
    except (ValueError, RuntimeError):
        with pytest.raises(hr.Error):
            hr.call(name, mine)
        return
    got = hr.call(name, mine)
    assert got.dtype == number(want.dtype)
    if name in ("degrees", "radians"):  # a product with a constant of the dtype
        same(got, want, ulps=2)
        return
    reference = REFERENCE[name](mine.numpy().astype(np.complex128 if dtype == hr.COMPLEX64 else np.float64))
    with np.errstate(all="ignore"):
        kind = {hr.FLOAT16: np.float16, hr.FLOAT64: np.float64, hr.COMPLEX64: np.complex64}.get(got.dtype, np.float32)
        ulps = {hr.BFLOAT16: 0.501, hr.FLOAT16: 1, hr.FLOAT64: 4}.get(got.dtype, 2)
        floor = {np.float16: 2.0**-24, np.float32: 2.0**-149, np.complex64: 1e-6}.get(kind, 0)  # subnormal results
        np.testing.assert_allclose(got.numpy(), reference.astype(kind), rtol=ulps * EPSILON[got.dtype], atol=floor)


def _reference():
    from scipy import special
    table = {n: getattr(np, n) for n in UNARY_FLOAT if hasattr(np, n)}
    table.update(rsqrt=lambda x: 1 / np.sqrt(x), erf=special.erf, erfinv=special.erfinv,
                 sigmoid=lambda x: np.exp(-np.logaddexp(0, -x)))

    def quiet(fn):
        def call(x):
            with np.errstate(all="ignore"):
                return fn(x)
        return call

    return {n: quiet(f) for n, f in table.items()}


REFERENCE = _reference()

BINARY = ("add subtract multiply divide floor_divide remainder power maximum minimum arctan2 logaddexp equal not_equal "
          "less less_equal greater greater_equal logical_and logical_or bitwise_and bitwise_or bitwise_xor left_shift "
          "right_shift").split()


@pytest.mark.parametrize("name", BINARY)
def test_binary_all_dtype_pairs(name):
    for a in DTYPES:
        for b in DTYPES:
            x, y = samples(a, 5, 1), samples(b, 5, 2)
            if name == "power":
                x, y = abs(x) % 4, abs(y) % 3
            if name in ("floor_divide", "remainder"):
                y = y + (abs(y) < 0.01)
            if "shift" in name:
                y = abs(y) % 8
            (mine_x, theirs_x), (mine_y, theirs_y) = pair(x, a), pair(y, b)
            try:
                want = getattr(mx, name)(theirs_x, theirs_y)
                mx.eval(want)
            except (ValueError, RuntimeError):
                with pytest.raises(hr.Error):
                    hr.call(name, mine_x, mine_y)
                continue
            exact = name not in ("power", "arctan2", "logaddexp", "divide", "multiply", "floor_divide")
            got = hr.call(name, mine_x, mine_y)
            if got.dtype in FLOATS and (name in ("remainder", "floor_divide") or
                                        name == "logaddexp" and got.dtype == hr.FLOAT64):
                assert got.dtype == number(want.dtype)  # mlx rounds on the way: values are in test_float_division
                continue
            same(got, want, ulps=0 if exact else 2 if got.dtype in (hr.FLOAT16, hr.BFLOAT16) else 8)


@pytest.mark.parametrize("dtype", FLOATS)
def test_float_division(dtype):
    x, y = (hr.array(samples(dtype, 501, seed), dtype) for seed in (1, 2))
    a, b = x.numpy(), y.numpy()
    if dtype in (hr.FLOAT16, hr.BFLOAT16):
        a, b = a.astype(np.float32), b.astype(np.float32)

    def rounded(values):
        return hr.array(values, dtype).numpy()

    np.testing.assert_array_equal(hr.remainder(x, y).numpy(), rounded(np.mod(a, b)))
    np.testing.assert_array_equal(hr.floor_divide(x, y).numpy(), rounded(np.floor(a / b)))
    np.testing.assert_allclose(hr.logaddexp(x, y).numpy(), np.logaddexp(a, b), rtol=2 * EPSILON[dtype],
                               atol=2 * EPSILON[dtype])  # max and log1p may cancel


def test_special_values():
    inf, nan = math.inf, math.nan
    x = np.array([0.0, -0.0, 1, -1, inf, -inf, nan, 3.5, 2, -2.5], np.float32)
    a, b = np.repeat(x, len(x)), np.tile(x, len(x))
    for name in "add subtract multiply maximum minimum equal less less_equal logical_and logical_or".split():
        same(hr.call(name, a, b), getattr(mx, name)(mx.array(a), mx.array(b)))
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(hr.divide(a, b).numpy(), a / b)
        np.testing.assert_array_equal(hr.arctan2(a, b).numpy() * 0 + np.signbit(hr.arctan2(a, b).numpy()),
                                      np.arctan2(a, b) * 0 + np.signbit(np.arctan2(a, b)))
        np.testing.assert_allclose(hr.power(a, b).numpy(), np.power(a, b), rtol=2e-7)
        np.testing.assert_allclose(hr.logaddexp(a, b).numpy(), np.logaddexp(a, b), rtol=2e-7)
        for name in "exp expm1 log log2 log10 log1p sin cos tan sinh cosh tanh arcsinh arccosh arctanh arctan".split():
            np.testing.assert_allclose(hr.call(name, x).numpy(), getattr(np, name)(x), rtol=3e-7, err_msg=name)


def test_integers_divided_by_zero_are_zero():
    for dtype in (hr.UINT8, hr.INT8, hr.INT32, hr.UINT64, hr.INT64):
        for name in ("floor_divide", "remainder"):
            assert hr.call(name, hr.array([7, 0], dtype), hr.array([0, 0], dtype)).numpy().tolist() == [0, 0]
    least = np.array([-2**31], np.int32)
    assert hr.floor_divide(least, np.array([-1], np.int32)).numpy()[0] == -2**31


def test_c64_functions_match_numpy_at_special_values():
    inf, nan = math.inf, math.nan
    parts = [0.0, -0.0, 1.5, -2.0, inf, -inf, nan]
    z = np.array([complex(a, b) for a in parts for b in parts], np.complex64)
    with np.errstate(all="ignore"):
        for name in "exp sqrt sin cos sinh cosh tanh arcsinh arctanh log".split():
            want = getattr(np, name)(z)
            got = hr.call(name, z).numpy()
            for part in ("real", "imag"):
                g, w = getattr(got, part), getattr(want, part)
                certain = ~(np.isnan(w) | np.isnan(g))  # Annex G leaves signs and NaN of some results open
                np.testing.assert_allclose(np.abs(g[certain]), np.abs(w[certain]), rtol=1e-6, err_msg=name)


LAYOUTS = [
    lambda x: x,
    lambda x: hr.transpose(x),
    lambda x: hr.transpose_axes(x, [1, 0, 2]),
    lambda x: hr.slice(x, [0, 0, 0], x.shape, [1, 2, 3]),
    lambda x: hr.slice(x, [-1, -1, -1], [-100, -100, -100], [-1, -1, -1]),
    lambda x: hr.broadcast_to(hr.slice(x, [0, 0, 0], [x.shape[0], 1, x.shape[2]], [1, 1, 1]), x.shape),
]


@pytest.mark.parametrize("dtype", [hr.INT8, hr.FLOAT16, hr.FLOAT32, hr.COMPLEX64])
@pytest.mark.parametrize("first", range(len(LAYOUTS)))
@pytest.mark.parametrize("second", range(len(LAYOUTS)))
def test_layouts(dtype, first, second):
    shape = (19, 19, 19)
    a = LAYOUTS[first](hr.array(samples(dtype, 19**3, 1).reshape(shape), dtype))
    b = LAYOUTS[second](hr.array(samples(dtype, 19**3, 2).reshape(shape), dtype))
    if a.shape != b.shape:
        b = hr.slice(b, [0, 0, 0], [1] * 3, [1, 1, 1])
    x, y = a.numpy(), b.numpy()
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(hr.subtract(a, b).numpy(), x - y)
        np.testing.assert_array_equal(hr.where(hr.less(a, b), a, b).numpy(),
                                      np.where(hr.less(a, b).numpy(), x, y))
        np.testing.assert_array_equal(hr.negative(a).numpy(), -x)
        np.testing.assert_array_equal(hr.copy(a).numpy(), x)
        np.testing.assert_array_equal(hr.contiguous(a, False).numpy(), x)
        np.testing.assert_array_equal(hr.astype(a, hr.FLOAT64).numpy() if dtype != hr.COMPLEX64 else x, x)


@pytest.mark.parametrize("n", [0, 1, 7, 63, 64, 65, 255, 256, 257, 1025, 100003])
def test_an_element_does_not_depend_on_its_place(n):
    x = np.random.default_rng(n).uniform(-3, 3, n).astype(np.float32)
    for name in ("exp", "sin", "tanh", "sigmoid", "log1p", "erf", "sinh"):
        whole = hr.call(name, x).numpy()
        if n:
            np.testing.assert_array_equal(hr.call(name, x[::-1].copy()).numpy()[::-1], whole)
            np.testing.assert_array_equal(hr.call(name, x[n // 3:].copy()).numpy(), whole[n // 3:])


def test_more_than_four_axes_and_row_broadcast():
    x = np.arange(2 * 3 * 4 * 5 * 6 * 2, dtype=np.float32).reshape(2, 3, 4, 5, 6, 2)
    y = np.arange(4 * 6, dtype=np.float32).reshape(4, 1, 6, 1)
    np.testing.assert_array_equal(hr.multiply(x, y).numpy(), x * y)
    rows, bias = np.ones((300, 1000), np.float32), np.arange(1000, dtype=np.float32)
    np.testing.assert_array_equal(hr.add(rows, bias).numpy(), rows + bias)
    np.testing.assert_array_equal(hr.add(rows, bias[:300, None]).numpy(), rows + bias[:300, None])
    three = np.ones((50000, 3), np.float32)
    np.testing.assert_array_equal(hr.add(three, bias[:3]).numpy(), three + bias[:3])


@pytest.mark.parametrize("source", DTYPES, ids=hr.NAMES)
def test_astype(source):
    mine, theirs = pair(samples(source, 301), source)
    for target in DTYPES:
        same(hr.astype(mine, target), theirs.astype(getattr(mx, hr.NAMES[target])))


def test_half_rounding():
    bits = np.random.default_rng(1).integers(0, 2**32, 100000, dtype=np.uint64).astype(np.uint32)
    x = bits.view(np.float32)
    x = x[np.isfinite(x)]
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(hr.astype(x, hr.FLOAT16).numpy(), x.astype(np.float16))
        wide = np.concatenate([x.astype(np.float64) * (1 + 2.0**-30), [65519.999999, 65520, 2.0**-25, 2.0**-25 * 1.0000001]])
        np.testing.assert_array_equal(hr.astype(wide, hr.FLOAT16).numpy(), wide.astype(np.float16))


def test_view():
    x = np.arange(24, dtype=np.float32).reshape(4, 6)
    np.testing.assert_array_equal(hr.view(x, hr.INT32).numpy(), x.view(np.int32))
    np.testing.assert_array_equal(hr.view(x, hr.INT16).numpy(), x.view(np.int16))
    np.testing.assert_array_equal(hr.view(x, hr.INT64).numpy(), x.view(np.int64))
    t = hr.transpose(hr.array(x))
    np.testing.assert_array_equal(hr.view(t, hr.UINT16).numpy(), np.ascontiguousarray(x.T).view(np.uint16))
    for bad in (lambda: hr.view(np.ones(3, np.float32), hr.INT64), lambda: hr.view(np.float32(1), hr.INT16)):
        with pytest.raises(hr.Error):
            bad()


def test_where_clip_nan_to_num():
    c, x, y = np.array([1, 0, 2]), np.array([1.5, 2, 3], np.float16), np.array([4, 5, 6])
    same(hr.where(c, x, y), mx.where(mx.array(c), mx.array(x), mx.array(y)))
    same(hr.where(True, x, 0.0), mx.where(mx.array(True), mx.array(x), mx.array(0.0)))
    v = np.array([math.nan, 1, 5, math.inf, -math.inf], np.float32)
    same(hr.clip(v, 2.0, 4.0), mx.clip(mx.array(v), 2.0, 4.0))
    same(hr.clip(v, None, 4.0), mx.clip(mx.array(v), None, 4.0))
    with pytest.raises(hr.Error):
        hr.clip(v, None, None)
    same(hr.nan_to_num(v, 0.0, None, None), mx.nan_to_num(mx.array(v)))
    same(hr.nan_to_num(v, 1.0, 2.0, 3.0), mx.nan_to_num(mx.array(v), 1.0, 2.0, 3.0))


def test_closeness():
    a = np.array([1, math.inf, -math.inf, math.nan, math.inf, 1, 2], np.float32)
    b = np.array([1 + 1e-6, math.inf, math.inf, math.nan, 1, math.inf, 2.1], np.float32)
    for equal_nan in (False, True):
        np.testing.assert_array_equal(hr.isclose(a, b, 1e-5, 1e-8, equal_nan).numpy(),
                                      np.isclose(a, b, equal_nan=equal_nan))
        assert hr.allclose(a[3:4], b[3:4], 1e-5, 1e-8, equal_nan).numpy() == equal_nan
        assert hr.array_equal(a[1:4], a[1:4], equal_nan).numpy() == equal_nan
    assert hr.isclose(np.array([1, 2]), np.array([1, 3]), 1e-5, 1e-8, False).numpy().tolist() == [True, False]
    assert hr.array_equal(np.array([1, 2]), np.array([1.0, 2.0]), False).numpy()
    assert not hr.array_equal(np.array([1, 2]), np.array([1, 2, 3]), False).numpy()


@pytest.mark.parametrize("dtype", [d for d in DTYPES if d != hr.BOOL])
def test_arange(dtype):
    for arguments in ((0, 5, 1), (2, 40, 3), (0, 0, 1), (3, 0, 1), (9, 0, -2), (0.5, 7, 1.7)):
        want = mx.arange(*arguments, dtype=getattr(mx, hr.NAMES[dtype]))
        same(hr.arange(*arguments, dtype), want, ulps=2)
    with pytest.raises(hr.Error):
        hr.arange(0, 1, 0, dtype)
    with pytest.raises(hr.Error):
        hr.arange(0, math.inf, 1, dtype)


def test_creation():
    for dtype in DTYPES:
        kind = getattr(mx, hr.NAMES[dtype])
        same(hr.zeros([2, 3], dtype), mx.zeros((2, 3), kind))
        same(hr.ones([], dtype), mx.ones((), kind))
        same(hr.eye(3, 5, 1, dtype), mx.eye(3, 5, 1, kind))
        same(hr.eye(5, 3, -2, dtype), mx.eye(5, 3, -2, kind))
        same(hr.tri(4, 6, -1, dtype), mx.tri(4, 6, -1, kind))
        same(hr.tri(4, 6, 2, dtype), mx.tri(4, 6, 2, kind))
        same(hr.full([2, 2], 3.0, dtype), mx.broadcast_to(mx.array(3).astype(kind), (2, 2)))
        x = samples(dtype, 24).reshape(2, 3, 4)
        mine, theirs = pair(x, dtype)
        for k in (-2, 0, 1, 9, -9):
            same(hr.tril(mine, k), mx.tril(theirs, k))
            same(hr.triu(mine, k), mx.triu(theirs, k))
        row, row_theirs = pair(samples(dtype, 4), dtype)
        for k in (-1, 0, 2):
            same(hr.diag(row, k), mx.diag(row_theirs, k))
    same(hr.diag(np.arange(6, dtype=np.int32).reshape(2, 3), -1), mx.diag(mx.arange(6).reshape(2, 3), -1))
    same(hr.full([2, 3], np.array([1, 2, 3]), hr.INT16), mx.broadcast_to(mx.array([1, 2, 3], dtype=mx.int16), (2, 3)))
    for bad in (lambda: hr.zeros([2, -1], hr.FLOAT32), lambda: hr.full([2, 2], np.arange(3), hr.INT32),
                lambda: hr.full([1], np.arange(3), hr.INT32), lambda: hr.eye(-1, 2, 0, hr.INT8),
                lambda: hr.tril(np.arange(3), 0), lambda: hr.diag(np.ones((2, 2, 2)), 0)):
        with pytest.raises(hr.Error):
            bad()


def test_linspace_and_windows():
    for arguments in ((0, 1, 5), (0.1, 0.7, 7), (3, -3, 1000), (0, 1, 1), (0, 1, 0)):
        got = hr.linspace(*arguments, hr.FLOAT32).numpy()
        np.testing.assert_array_equal(got, np.linspace(*arguments).astype(np.float32))
    same(hr.linspace(0, 10, 4, hr.INT32), mx.linspace(0, 10, 4, dtype=mx.int32))
    for name in ("hanning", "hamming", "blackman", "bartlett"):
        for n in (-1, 0, 1, 2, 5, 64):
            np.testing.assert_allclose(hr.call(name, n).numpy(), getattr(np, name)(n), rtol=1e-6, atol=1e-8)


def test_round():
    for values, decimals in (([0.5, 1.5, 2.5, -0.5, 1e10], 0), ([1.2345, 2.675], 2), ([155.0, 25.0], -1)):
        same(hr.round(hr.array(values), decimals), mx.round(mx.array(values), decimals), ulps=1)
    same(hr.round(np.array([12345, 155, -155, 25, 35], np.int32), -1), mx.round(mx.array([12345, 155, -155, 25, 35]), -1))


def test_large_results_are_written_past_the_caches():
    x = np.arange(1 << 24, dtype=np.float32)
    y = hr.array(x)
    np.testing.assert_array_equal(hr.add(y, y).numpy(), x + x)
    np.testing.assert_array_equal(hr.copy(y).numpy(), x)
    half = hr.astype(hr.ones([1 << 26], hr.FLOAT32), hr.BFLOAT16)
    assert float(hr.sum(hr.equal(half, 1.0), False).numpy()) == 1 << 26


def test_fp8():
    x = np.array([1, 2, math.nan, math.inf, 500, -0.0, 0.001, 1e-9, 448, 464, 465, 0.0017, -3.3], np.float32)
    same(hr.to_fp8(x), mx.to_fp8(mx.array(x)))
    bits = np.arange(256).astype(np.uint8)
    for dtype in (hr.FLOAT32, hr.FLOAT16, hr.BFLOAT16):
        same(hr.from_fp8(bits, dtype), mx.from_fp8(mx.array(bits), getattr(mx, hr.NAMES[dtype])))


REAL = [d for d in DTYPES if d != hr.COMPLEX64]


@pytest.mark.parametrize("a", REAL, ids=lambda d: hr.NAMES[d])
@pytest.mark.filterwarnings("ignore")
def test_divmod(a):
    for b in REAL:
        y = samples(b, 41, 2)
        y = np.where(y, y, 1)  # MLX ends the process when an integer is divided by 0
        (mine_x, theirs_x), (mine_y, theirs_y) = pair(samples(a, 41, 1), a), pair(y, b)
        quotient, rest = hr.divmod(mine_x, mine_y)
        try:
            want = mx.divmod(theirs_x, theirs_y)
            mx.eval(want)
        except (ValueError, RuntimeError):
            want = None
        if want:
            assert [quotient.dtype, rest.dtype] == [number(w.dtype) for w in want]
        np.testing.assert_array_equal(quotient.numpy(), hr.floor_divide(mine_x, mine_y).numpy())
        np.testing.assert_array_equal(rest.numpy(), hr.remainder(mine_x, mine_y).numpy())
    kind = mine_x.numpy().dtype
    for x, values in views(numbers(a, (3, 1, 4), 3), a):
        for y, by in views(numbers(a, (2, 4), 4), a):
            quotient, rest = hr.divmod(x, y)
            whole = kind.kind in "iu"
            want = np.floor_divide(values, np.where(by, by, 1)) * (by != 0) if whole else None
            if whole:  # by 0 both are 0
                np.testing.assert_array_equal(quotient.numpy(), want)
                np.testing.assert_array_equal(rest.numpy(), np.remainder(values, np.where(by, by, 1)) * (by != 0))
            elif kind.kind == "f":
                np.testing.assert_array_equal(quotient.numpy(), np.floor(values / by))
                np.testing.assert_array_equal(rest.numpy(), np.mod(values, by))
    assert [p.shape for p in hr.divmod(hr.zeros([0, 3], a), hr.ones([3], a))] == [(0, 3)] * 2


def test_divmod_errors():
    fails("divmod (2) (3)", "divmod", np.ones(2, np.float32), np.ones(3, np.float32))
    fails("divmod complex64", "divmod", np.ones(2, np.complex64), np.ones(2, np.complex64))


@pytest.mark.parametrize("source", FLOATS + [hr.COMPLEX64], ids=lambda d: hr.NAMES[d])
@pytest.mark.filterwarnings("ignore")
def test_casts_of_what_no_integer_holds(source):
    """Low bits by way of int32 or int64, whose smallest value stands for what they cannot hold."""
    values = [math.nan, math.inf, -math.inf, 3e9, -3e9, 2.0**31, -2.0**31, 1e19, -1e19, 2.0**63, 2.0**64, 300.7, -1.5]
    x = hr.array(np.tile(values, 9), source)
    given = x.numpy().real.astype(np.float64)
    for target in range(hr.UINT8, hr.INT64 + 1):
        wide, kind = target in (hr.UINT32, hr.UINT64, hr.INT64), hr.zeros([], target).numpy().dtype
        least = -2**63 if wide else -2**31
        want = []
        for v in given:
            fits = math.isfinite(v) and least <= int(v) < -least
            bits = int(v) if fits else least
            if target == hr.UINT64 and v >= 2.0**63:
                bits = int(v) if v < 2.0**64 else 0
            want.append(bits % 2**(8 * kind.itemsize))
        unsigned = np.dtype(f"u{kind.itemsize}")
        got = hr.astype(x, target).numpy().view(unsigned)
        np.testing.assert_array_equal(got, np.array(want, unsigned))
        back = hr.slice(x, [-1], [-10**6], [-2])
        np.testing.assert_array_equal(hr.astype(back, target).numpy().view(unsigned), got[::-2])
    np.testing.assert_array_equal(hr.linspace(-1e10, 1e10, 3, hr.INT32).numpy(), [-2**31, 0, -2**31])
    np.testing.assert_array_equal(hr.linspace(math.nan, 5e18, 2, hr.INT64).numpy(), [-2**63, 5 * 10**18])


KEEP_ZERO = ("sin tan arcsin arctan sinh tanh arcsinh arctanh erf erfinv expm1 log1p sqrt ceil floor degrees radians "
             "sign square").split()


@pytest.mark.parametrize("dtype", FLOATS, ids=[hr.NAMES[d] for d in FLOATS])
@pytest.mark.filterwarnings("ignore")
def test_special_values_of_every_float(dtype):
    inf, nan = math.inf, math.nan
    v = np.array([0.0, -0.0, 1, -1, inf, -inf, nan, 3.5, 2, -2.5, 0.5, -0.5, 1e-3, 100, -100, 6e4, -6e4, 1e-7])
    a = hr.array(v, dtype)
    x = a.numpy().astype(np.float64)
    near = dict(rtol=(4 if dtype == hr.FLOAT64 else 2) * EPSILON[dtype], atol=2.0**-24 if dtype == hr.FLOAT16 else 0)
    references = dict(REFERENCE, reciprocal=np.reciprocal, ceil=np.ceil, floor=np.floor, square=np.square)
    for name, fn in references.items():
        want = hr.array(fn(x), dtype).numpy()
        np.testing.assert_allclose(hr.call(name, a).numpy(), want, err_msg=name, **near)
    for name in KEEP_ZERO:
        zeros = hr.call(name, hr.array([0.0, -0.0] * 20, dtype)).numpy()
        assert (zeros == 0).all(), name
        np.testing.assert_array_equal(np.signbit(zeros), [False, name not in ("square", "sign")] * 20, err_msg=name)
    left, right = hr.array(np.repeat(v, len(v)), dtype), hr.array(np.tile(v, len(v)), dtype)
    p, q = left.numpy().astype(np.float64), right.numpy().astype(np.float64)
    for name in ("add subtract multiply divide maximum minimum power arctan2 logaddexp floor_divide remainder equal "
                 "less greater_equal logical_and").split():
        want = np.floor(p / q) if name == "floor_divide" else getattr(np, name)(p, q)
        want = want if want.dtype == bool else hr.array(want, dtype).numpy()
        np.testing.assert_allclose(hr.call(name, left, right).numpy(), want, err_msg=name, **near)
