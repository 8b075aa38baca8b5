"""Random programs, run on Headrace and on MLX: the same results, dtypes, shapes and kinds of errors.

A program is a list of steps; each applies a function of the table in differential.py to arrays that are there, with
random arguments, and adds its results. Exact functions have to give the same bits, and their results stay what each
library made of them. The others have to agree within TOLERANCE of the largest element, and both go on with MLX's
result. HEADRACE_DIFFERENTIAL=n runs n programs; a failure names the seed and the step.
"""
import os
import random

import numpy as np
import pytest

import headrace.core as hr

mlx = pytest.importorskip("mlx.core")
from differential import DTYPES, FLOATS, TABLE, Value, elements, fresh, name_of  # noqa: E402

PROGRAMS = int(os.environ.get("HEADRACE_DIFFERENTIAL", 30))
STEPS = 60
# Largest difference, as a part of the largest element: some roundings of the narrowest dtype on the way.
TOLERANCE = {"float16": 6e-3, "bfloat16": 5e-2, "float32": 3e-5, "float64": 3e-5, "complex64": 3e-5}
ERRORS = (ValueError, TypeError, IndexError, RuntimeError, OverflowError)


def resolve(argument, mine):
    if isinstance(argument, Value):
        return argument.ours if mine else argument.theirs
    if isinstance(argument, list) and any(isinstance(a, Value) for a in argument):
        return [resolve(a, mine) for a in argument]
    return argument


def run(call, m, arguments):
    """A list of arrays, or the exception."""
    try:
        out = call(m, *(resolve(a, m is hr) for a in arguments))
        out = list(out) if isinstance(out, (list, tuple)) else [out]
        m.eval(out)
        return out
    except ERRORS as error:
        return error


def difference(a, b, dtype, exact):
    """A text if they differ too much."""
    if a.shape != b.shape:
        return f"shapes {a.shape} and {b.shape}"
    if exact:
        return None if np.array_equal(a, b, equal_nan=a.dtype.kind in "fc") else "elements"
    if a.dtype.kind not in "fc":
        return None if np.array_equal(a, b) else "elements"
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    if same.all():
        return None
    if not (np.isfinite(a[~same]).all() and np.isfinite(b[~same]).all()):
        return "infinities or nan"
    largest = np.abs(b[np.isfinite(b)]).max(initial=1)
    gap = np.abs(a[~same].astype("c16") - b[~same]).max()
    return None if gap <= TOLERANCE[dtype] * largest else f"{gap} of {largest}"


def describe(argument):
    if isinstance(argument, Value):
        return f"{argument.dtype}{list(argument.shape)} {argument.data.tolist()}"
    return str([describe(a) for a in argument]) if isinstance(argument, list) else repr(argument)


def is_known(name, arguments, ours, theirs):
    """What MLX 0.32.4 does wrong, or answers by chance."""
    a = arguments[0]
    if name == "logsumexp":
        return a.dtype not in FLOATS  # summed in the integers' own dtype
    if name == "pad":
        return 0 in a.shape and isinstance(ours, ValueError)  # there is no edge to repeat
    if name in ("prod", "mean", "all", "any"):
        return 0 in a.shape  # whatever is in memory, where another axis is reduced with the empty one
    if name == "isclose":
        return a.dtype == "int64"  # the absolute value of the smallest number overflows
    if name in ("at", "x[...] =") and isinstance(theirs, ValueError) and None in arguments[1]:
        return True  # None beside arrays and slices
    if name == "at" and arguments[1] in ([], [Ellipsis]):
        return a.dtype == "bool_"  # the result takes the dtype of the number
    return name == "at" and arguments[2] in ("maximum", "minimum") and np.isnan(a.data).any()  # nan is lost


def step(r, rng, pool):
    """One call; its results go into the pool. Answers what differs, or None."""
    def pick(dtypes=DTYPES):
        fitting = [v for v in pool if v.dtype in dtypes]
        return r.choice(fitting) if fitting and r.random() < 0.7 else fresh(r, rng, r.choice(dtypes))

    name, call, choose, exact = r.choice(TABLE)
    arguments = choose(r, rng, pick)
    ours, theirs = run(call, hr, arguments), run(call, mlx, arguments)
    text = f"{name}({', '.join(map(describe, arguments))})"
    if is_known(name, arguments, ours, theirs):
        return None
    if isinstance(ours, Exception) or isinstance(theirs, Exception):
        if isinstance(ours, Exception) and isinstance(theirs, Exception):
            alike = isinstance(ours, type(theirs)) or type(theirs) is RuntimeError  # ours says more
            return None if alike else f"{text}: {ours!r} instead of {theirs!r}"
        shown = [v if isinstance(v, Exception) else [name_of(x) for x in v] for v in (ours, theirs)]
        return f"{text}: {shown[0]!r} instead of {shown[1]!r}"
    if len(ours) != len(theirs):
        return f"{text}: {len(ours)} results instead of {len(theirs)}"
    for a, b in zip(ours, theirs):
        if name_of(a) != name_of(b):
            return f"{text}: {name_of(a)} instead of {name_of(b)}"
        x, y = elements(a, hr), elements(b, mlx)
        wrong = difference(x, y, name_of(b), exact)
        if wrong:
            return f"{text}: {wrong}: {x.tolist()} instead of {y.tolist()}"
        if y.size < 200:
            kept = a if exact else hr.array(y, a.dtype)
            pool.append(Value(kept, b, y))
    return None


@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_program(seed):
    r, rng = random.Random(seed), np.random.default_rng(seed)
    pool = [fresh(r, rng) for _ in range(4)]
    with np.errstate(all="ignore"), hr.stream(hr.cpu), mlx.stream(mlx.cpu):
        for i in range(STEPS):
            wrong = step(r, rng, pool)
            assert not wrong, f"seed {seed}, step {i}: {wrong}"
            del pool[:-12]
