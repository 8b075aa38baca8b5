"""What test_differential.py makes programs of: arrays of both libraries, functions, and choosers of their arguments.

Arguments avoid what has no defined result: whole numbers divided by zero, shifts by more bits than there are, negative
exponents of integers, floats out of range cast to integers.
"""
import numpy as np

import headrace.core as hr
import mlx.core as mlx

FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
DTYPES = ("bool_", *INTEGERS, *FLOATS, "complex64")
class Value:
    """An array of both libraries, and its elements as NumPy sees them."""

    def __init__(self, ours, theirs, data):
        self.ours, self.theirs, self.data = ours, theirs, data
        self.dtype, self.shape, self.ndim = name_of(theirs), tuple(theirs.shape), theirs.ndim


def name_of(array):
    return repr(array.dtype).rpartition(".")[2].replace("bool", "bool_").replace("bool__", "bool_")


def elements(array, m):
    """As NumPy's, widened where NumPy lacks the dtype."""
    return np.array(array.astype(m.float32) if name_of(array) == "bfloat16" else array)


def make(rng, dtype, shape, special):
    """Small numbers, so that little overflows; now and then infinities, nan and zeros of both signs."""
    if dtype == "bool_":
        data = rng.integers(0, 2, shape).astype(bool)
    elif dtype in INTEGERS:
        data = rng.integers(0 if dtype.startswith("u") else -6, 7, shape)
    elif dtype == "complex64":
        data = (rng.integers(-8, 9, shape) + 1j * rng.integers(-8, 9, shape)) / 4
    else:
        data = rng.integers(-16, 17, shape) / 4
        if special:
            data = np.where(rng.random(shape) < 0.2, rng.choice([np.inf, -np.inf, np.nan, -0.0], shape), data)
    return np.asarray(data)


def fresh(r, rng, dtype=None, shape=None, layouts=True):
    """A new array, in one of several layouts."""
    dtype = dtype or r.choice(DTYPES)
    shape = [r.choice((1, 2, 3, 3, 4, 5) + (0,) * (r.random() < 0.1)) for _ in range(r.choice((0, 1, 1, 2, 2, 3, 4)))] \
        if shape is None else list(shape)
    data = make(rng, dtype, shape, r.random() < 0.2)
    kind = r.choice(("rows", "rows", "transposed", "reversed", "broadcast")) if layouts and len(shape) > 0 else "rows"
    made = []
    for m in (hr, mlx):
        if kind == "transposed":
            x = m.array(data.T.copy()).astype(getattr(m, dtype)).T
        elif kind == "reversed":
            x = m.array(data[::-1].copy()).astype(getattr(m, dtype))[::-1]
        elif kind == "broadcast":
            x = m.broadcast_to(m.array(data[:1]).astype(getattr(m, dtype)), data.shape)
        else:
            x = m.array(data).astype(getattr(m, dtype))
        made.append(x)
    return Value(*made, elements(made[1], mlx))


# --- the functions: name, exact or not, and what chooses the arguments ---
# A chooser gets (r, rng, pick) and answers arguments, of which Values stand for the arrays of each library.

def any_array(r, rng, pick):
    return [pick()]


def of(*dtypes):
    return lambda r, rng, pick: [pick(dtypes)]


def finite(*dtypes):
    def choose(r, rng, pick):
        x = pick(dtypes)
        small = np.isfinite(x.data).all() and np.abs(x.data.astype("c16")).max(initial=0) < 8
        return [x if small else fresh_finite(r, rng, x)]
    return choose


def pairs(*dtypes):
    """Two that broadcast; one may be a number."""
    def choose(r, rng, pick):
        a = pick(dtypes)
        if r.random() < 0.3:
            b = r.choice((2, -1, 0.5, True, 3))
        elif r.random() < 0.5:
            b = fresh(r, rng, r.choice(dtypes), a.shape)
        else:
            shape = [n if r.random() < 0.6 else 1 for n in a.shape]
            b = fresh(r, rng, r.choice(dtypes), shape[r.randint(0, a.ndim):])
        return [a, b] if r.random() < 0.5 else [b, a]
    return choose


two, two_real = pairs(*DTYPES), pairs(*DTYPES[:-1])  # complex logarithms jump by 2 pi


def arrays(r, rng, pick):
    a = pick()
    return [a, fresh(r, rng, shape=a.shape)]


def two_integers(positive, limit):
    def choose(r, rng, pick):
        a = pick(("bool_", *INTEGERS) if not positive else INTEGERS)
        b = fresh(r, rng, r.choice(INTEGERS) if a.dtype != "bool_" else "bool_", a.shape, layouts=False)
        if positive:
            data = rng.integers(1, limit, a.shape)
            b = Value(hr.array(data).astype(getattr(hr, a.dtype)), mlx.array(data).astype(getattr(mlx, a.dtype)), data)
        return [a, b]
    return choose


def divided(r, rng, pick):
    a = pick(DTYPES[:-1])
    data = rng.integers(2, 6, a.shape) * (1 if a.dtype[0] in "ub" else rng.choice([1, -1], a.shape))
    dtype = a.dtype if a.dtype != "bool_" else "int32"
    b = Value(hr.array(data).astype(getattr(hr, dtype)), mlx.array(data).astype(getattr(mlx, dtype)), data)
    if a.dtype in FLOATS and not np.isfinite(a.data).all():
        a = fresh_finite(r, rng, a)
    return [a, b]


def axis_of(r, ndim):
    """None, one axis or several; now and then one that is out of range."""
    if r.random() < 0.05:
        return ndim + 1
    if ndim == 0 or r.random() < 0.3:
        return None
    if r.random() < 0.5:
        return r.randrange(-ndim, ndim)
    return tuple(r.sample(range(ndim), r.randint(1, ndim)))


def reduced(r, rng, pick):
    a = pick()
    return [a, axis_of(r, a.ndim), r.random() < 0.3]


def reduced_floats(r, rng, pick):
    a = finite(*DTYPES[:-1])(r, rng, pick)[0]
    return [a, axis_of(r, a.ndim), r.random() < 0.3]


def one_axis(*dtypes):
    def choose(r, rng, pick):
        a = pick(dtypes or DTYPES)
        return [a, r.choice([None, *range(-a.ndim, a.ndim)]) if r.random() > 0.05 else a.ndim]
    return choose


def scanned(r, rng, pick):
    a = finite(*INTEGERS, *FLOATS[1:])(r, rng, pick)[0]  # products overflow float16 sooner or later
    return [a, r.choice([None, *range(a.ndim)]), {"reverse": r.random() < 0.5, "inclusive": r.random() < 0.5}]


def shaped(r, rng, pick):
    a = pick()
    size = int(np.prod(a.shape))
    first = r.choice([n for n in range(1, size + 1) if size % n == 0] or [0])
    return [a, r.choice(([first, -1], [size], [1, first, -1], [size + 1])) if size else [0, 3]]


def permuted(r, rng, pick):
    a = pick()
    return [a, r.sample(range(a.ndim), a.ndim)]


def two_axes(r, rng, pick):
    a = pick()
    return [a, r.randrange(-a.ndim - 1, a.ndim + 1), r.randrange(-a.ndim - 1, a.ndim + 1)]


def squeezed(r, rng, pick):
    a = pick()
    return [a, r.choice([None, *range(a.ndim)])]


def expanded(r, rng, pick):
    a = pick()
    return [a, r.choice((0, -1, [0, a.ndim + 1], a.ndim, a.ndim + 3))]


def joined(r, rng, pick):
    a = pick()
    others = [fresh(r, rng, shape=a.shape) for _ in range(r.randint(0, 2))]
    return [[a, *others], r.choice((None, *range(-a.ndim, a.ndim)))]


def rolled(r, rng, pick):
    a = pick()
    axis = r.choice([None, *range(a.ndim)])
    return [a, r.randint(-7, 7), axis]


def padded(r, rng, pick):
    a = pick()
    width = r.choice((1, (1, 2), [(r.randint(0, 2), r.randint(0, 2)) for _ in range(a.ndim)]))
    return [a, width, {"mode": r.choice(("constant", "edge"))}]


def repeated(r, rng, pick):
    a = pick()
    return [a, r.randint(0, 3), r.choice([None, *range(a.ndim)])]


def tiled(r, rng, pick):
    return [pick(), r.choice((2, (2, 1), (1, 2, 2), ()))]


def taken(r, rng, pick):
    a = pick()
    axis = r.choice([None, *range(a.ndim)]) if a.ndim else None
    length = int(np.prod(a.shape)) if axis is None else a.shape[axis]
    if not length:
        a, axis, length = fresh(r, rng, shape=(3,)), 0, 3
    data = rng.integers(-length, length, r.choice(((), (2,), (2, 3), (0,))))
    kind = r.choice(("int32", "int64", "int8"))
    return [a, Value(hr.array(data).astype(getattr(hr, kind)), mlx.array(data).astype(getattr(mlx, kind)), data), axis]


def along(r, rng, pick):
    a = pick()
    if not a.ndim or 0 in a.shape:
        a = fresh(r, rng, shape=(3, 4))
    axis = r.randrange(a.ndim)
    shape = list(a.shape)
    shape[axis] = r.randint(1, 4)
    data = rng.integers(-a.shape[axis], a.shape[axis], shape)
    return [a, Value(hr.array(data), mlx.array(data), data), axis]


def chosen(r, rng, pick):
    a = pick()
    return [fresh(r, rng, "bool_", a.shape), a, fresh(r, rng, shape=a.shape)]


def clipped(r, rng, pick):
    a = pick(DTYPES[1:-1])
    return [a, r.choice((None, -1, 1)), 2]


def cast(r, rng, pick):
    a = pick()
    to = r.choice(DTYPES)
    if to in INTEGERS and a.dtype in (*FLOATS, "complex64"):
        fits = np.isfinite(a.data).all() and np.abs(a.data).max(initial=0) < 100
        to = to if fits and (to[0] == "i" or (a.data.real >= 0).all()) else "bool_"
    return [a, to]


def filled(r, rng, pick):
    """MLX's trace() of no elements never ends."""
    a = pick()
    return [fresh(r, rng, a.dtype, (3, 4)) if 0 in a.shape else a]


def triangle(r, rng, pick):
    a = pick()
    return [a, r.randint(-2, 2)]


def split(r, rng, pick):
    a = pick()
    axis = r.randrange(a.ndim) if a.ndim else 0
    return [a, r.choice((1, 2, 3, [1], [1, 2])), axis]


def products(r, rng, pick):
    dtype, n = r.choice((*FLOATS, "complex64")), r.randint(1, 5)
    front = r.choice(((), (2,), (2, 3), (1, 3)))
    a = fresh(r, rng, dtype, r.choice(((n,), (3, n), (*front, 2, n))))
    b = fresh(r, rng, dtype, r.choice(((n,), (n, 4), (*front, n, 2))))
    return [v if np.isfinite(v.data).all() else fresh_finite(r, rng, v) for v in (a, b)]


def fresh_finite(r, rng, value):
    data = make(rng, value.dtype, value.shape, False)
    ours, theirs = (m.array(data).astype(getattr(m, value.dtype)) for m in (hr, mlx))
    return Value(ours, theirs, elements(theirs, mlx))


def transformed(r, rng, pick):
    dtype = r.choice(("float32", "complex64", "float16", "int32"))
    a = fresh_finite(r, rng, fresh(r, rng, dtype, (r.randint(1, 3), r.randint(1, 7))))
    return [a, r.choice((None, 3, 8)), r.choice((0, 1, -1)), {"norm": r.choice(("backward", "ortho", "forward"))}]


def real_transformed(r, rng, pick):
    a = transformed(r, rng, pick)
    return [fresh_finite(r, rng, fresh(r, rng, "float32", a[0].shape)), *a[1:]]


def normed(r, rng, pick):
    a = fresh_finite(r, rng, fresh(r, rng, r.choice(FLOATS[:3]), (2, 3, 4)))
    weight = fresh_finite(r, rng, fresh(r, rng, a.dtype, (4,)))
    return [a, weight, 1e-5]


def convolved(r, rng, pick):
    groups = r.choice((1, 1, 2))
    a = fresh_finite(r, rng, fresh(r, rng, "float32", (2, r.randint(5, 8), r.randint(5, 7), 2 * groups)))
    w = fresh_finite(r, rng, fresh(r, rng, "float32", (2 * groups, r.randint(1, 3), r.randint(1, 3), 2)))
    return [a, w, r.choice((1, 2, (1, 2))), r.choice((0, 1, (1, 0))), r.choice((1, 2)), groups]


def attended(r, rng, pick):
    heads = r.choice((1, 2))
    q = fresh_finite(r, rng, fresh(r, rng, "float32", (1, 2 * heads, 3, 8)))
    k, v = (fresh_finite(r, rng, fresh(r, rng, "float32", (1, heads, 4, 8))) for _ in range(2))
    return [q, k, v, {"scale": 0.5, "mask": r.choice((None, "causal"))}]


def indexed(r, rng, pick):
    a = pick()
    index = []
    for n in a.shape[:r.randint(0, a.ndim)]:
        kind = r.random()
        if kind < 0.3 and n:
            index.append(r.randrange(-n, n))
        elif kind < 0.8:
            ends = [r.choice((None, *range(-n - 1, n + 2))) for _ in range(2)]
            index.append(slice(*ends, r.choice((None, 1, 2, -1, -2))))
        elif n:
            data = rng.integers(-n, n, r.choice(((2,), (1, 3))))
            index.append(Value(hr.array(data), mlx.array(data), data))
        else:
            index.append(slice(None))
        if r.random() < 0.15:
            index.append(None)
    if r.random() < 0.2:
        index.append(Ellipsis)
    return [a, index]


def updated(r, rng, pick):
    a, index = indexed(r, rng, pick)
    try:
        part = np.empty(a.shape)[tuple(i.data if isinstance(i, Value) else i for i in index)]
    except IndexError:
        part = a.data
    index = index if part.size else []  # MLX divides by zero where arrays meet an empty slice
    how = ("add", "multiply") if a.dtype == "complex64" else ("add", "multiply", "maximum", "minimum")
    return [a, index, r.choice(how), r.choice((1, 2, 3))]


def getitem(m, a, index):
    return a[tuple(index)]


def at(m, a, index, how, value):
    return getattr(a.at[tuple(index)], how)(value)


def setitem(m, a, index, how, value):
    b = a + 0
    b[tuple(index)] = value
    return b


def key(r, rng, pick):
    return [r.choice([(), (3,), (2, 5)]), r.randrange(1 << 20)]


def keyed(name, *args, **kwargs):
    return lambda m, shape, seed: getattr(m.random, name)(*args, shape=shape, key=m.random.key(seed), **kwargs)


ANY, REAL = any_array, of("bool_", *INTEGERS, *FLOATS)
NUMBERS = of(*INTEGERS, *FLOATS)

# (names of functions, what chooses their arguments): the same bits
EXACT = (
    ("abs negative square sign", NUMBERS), ("bitwise_invert", of("bool_", *INTEGERS)), ("nan_to_num", of(*FLOATS[:3])),
    ("floor ceil logical_not isnan isinf isfinite isposinf isneginf real imag conjugate stop_gradient", REAL),
    ("maximum minimum equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor", two),
    ("add subtract multiply array_equal", two), ("floor_divide remainder", divided),
    ("bitwise_and bitwise_or bitwise_xor", two_integers(False, 0)), ("left_shift right_shift", two_integers(True, 7)),
    ("max min all any minmax", reduced), ("argmax argmin sort argsort", one_axis()), ("cummax cummin", scanned),
    ("reshape", shaped), ("transpose", permuted), ("swapaxes moveaxis", two_axes), ("squeeze flip", squeezed),
    ("expand_dims", expanded), ("concatenate stack", joined), ("roll", rolled), ("pad", padded), ("repeat", repeated),
    ("tile", tiled), ("take", taken), ("take_along_axis", along), ("where", chosen), ("clip", clipped),
    ("split", split),
    ("tril triu diag diagonal", triangle),
    ("flatten atleast_2d atleast_3d count_nonzero zeros_like ones_like contiguous matrix_transpose unstack", ANY),
    ("meshgrid", lambda r, rng, pick: [fresh(r, rng, shape=(2,)), fresh(r, rng, shape=(3,))]),
)
# the same within a tolerance
CLOSE = (
    ("exp sin cos sinh cosh tanh arctan arcsinh sigmoid erf expm1 sqrt rsqrt reciprocal log log1p log2 log10 degrees",
     finite(*INTEGERS, *FLOATS)),
    ("radians arcsin arccos round tan", finite(*INTEGERS, *FLOATS)), ("sign", of("complex64")),
    ("divide", two), ("logaddexp arctan2", two_real), ("isclose allclose", arrays), ("trace", filled),
    ("sum prod mean var std logsumexp softmax median", reduced_floats), ("cumsum cumprod logcumsumexp", scanned),
    ("matmul inner outer kron", products), ("tensordot", lambda r, rng, pick: [*products(r, rng, pick), 1]),
    ("fft.fft fft.ifft fft.irfft", transformed), ("fft.rfft", real_transformed), ("conv2d", convolved),
    ("fast.rms_norm", normed), ("fast.scaled_dot_product_attention", attended),
)
# name: (function of the module and the arguments, chooser, whether it is exact)
EXTRA = {
    "x[...]": (getitem, indexed, True), "at": (at, updated, False), "x[...] =": (setitem, updated, True),
    "astype": (lambda m, a, to: a.astype(getattr(m, to)), cast, True),
    "view": (lambda m, a: a.view(m.uint8), of("uint8", "int16", "uint32"), True),
    "power": (lambda m, a: m.power(a, 2), of(*INTEGERS, *FLOATS), False),
    "random.uniform": (keyed("uniform"), key, True), "random.bernoulli": (keyed("bernoulli", 0.3), key, True),
    "random.randint": (keyed("randint", -3, 9), key, True), "random.normal": (keyed("normal"), key, False),
    "linspace": (lambda m, a, b: m.linspace(a, b, 7), lambda r, rng, pick: [r.randint(-3, 3), r.randint(4, 9)], False),
    "arange": (lambda m, a, b: m.arange(a, b, 0.5), lambda r, rng, pick: [r.randint(-3, 3), r.randint(4, 9)], True),
}


def function(name):
    def call(m, *args):
        thing = m
        for part in name.split("."):
            thing = getattr(thing, part)
        keywords = args[-1] if args and isinstance(args[-1], dict) else {}
        return thing(*(args[:-1] if keywords else args), **keywords)
    return call


# (name, function of a module and arguments, chooser, whether it is exact)
TABLE = [(name, function(name), choose, exact) for table, exact in ((EXACT, True), (CLOSE, False))
         for names, choose in table for name in names.split()] + [(name, *entry) for name, entry in EXTRA.items()]
