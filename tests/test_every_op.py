"""Every function alike, by the table of calls.py: results do not depend on the number of workers (the same bits), on
the layout of the inputs or on the instruction set (within a tolerance of each dtype), and no function is left out.

HEADRACE_STRESS makes it all dtypes by all layouts; without it a part of them."""
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import calls
import hr

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tools"))
from capi_table import rows  # noqa: E402

ALL = bool(os.environ.get("HEADRACE_STRESS"))
NO_CALLS = {
    "random_seed": "sets the default key: random_test.c",
    "fast_cuda_kernel": "kernels of a GPU: fast_kernel_test.c",
    "fast_metal_kernel": "kernels of a GPU: fast_kernel_test.c",
}
# Units of the last place, by what is allowed between two ways to compute the same; sums of a few hundred numbers.
TOLERANCE = {np.dtype("f2"): 2e-3, np.dtype("f4"): 2e-5, np.dtype("f8"): 1e-12, np.dtype("c8"): 5e-5}
# Vectors of which only the span or the direction is determined; a residual is tested by the family's own suite.
UP_TO_SIGN = ("linalg_eig", "linalg_eigh", "linalg_svd", "linalg_qr")


def run(path, size, dtypes, layouts, **environment):
    command = [sys.executable, HERE / "calls.py", path, size, ",".join(dtypes), ",".join(layouts)]
    subprocess.run(command, check=True, env={**os.environ, **environment}, timeout=3000)
    with np.load(path) as loaded:
        return {name: loaded[name] for name in loaded.files}


def test_no_function_is_left_out():
    names = [r.name[4:] for r in rows() if r.kind == "function" and r.header in calls.FAMILIES]
    left = [n for n in names if n not in calls.CALLS and not n.startswith(tuple(NO_CALLS))]
    assert not left, "no calls in calls.py for " + " ".join(left)


def test_calls_are_good():
    """Whatever a function says to other dtypes, it takes float32, or what it is for."""
    for name in calls.CALLS:
        if not hasattr(hr.lib, "mlx_" + name):
            continue
        dtype = hr.INT32 if name.startswith(("bitwise", "left_shift", "right_shift", "random_randint")) else hr.FLOAT32
        for call, _, values in calls.results(calls.Case(dtype, "plain", "small"), name):
            assert values.dtype.kind != "U", f"{name}, call {call}: {values}"


@pytest.mark.parametrize("dtype", hr.NAMES if ALL else ["float32", "float16"])
def test_workers(tmp_path, dtype):
    """1, 2 and 7 workers, the same bits. Work that one thread does alone is the same anyway: large arrays."""
    layouts = calls.LAYOUTS if ALL else ["plain", "transposed"] if dtype == "float32" else ["plain"]
    one = run(tmp_path / "1.npz", "large", [dtype], layouts, HEADRACE_THREADS="1")
    for workers in ("2", "7"):
        other = run(tmp_path / f"{workers}.npz", "large", [dtype], layouts, HEADRACE_THREADS=workers)
        assert one.keys() == other.keys()
        differ = [name for name in one if one[name] != other[name]]
        assert not differ, f"{workers} workers: {differ}"


def near(name, a, b, tolerance):
    if a.dtype.kind == "U" or b.dtype.kind == "U":
        return a.dtype.kind == b.dtype.kind
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind not in "fc" or a.size == 0:
        return np.array_equal(a, b)
    if name.split()[0].startswith(UP_TO_SIGN):
        a, b = np.abs(a), np.abs(b)
    if name.split()[1] == "bfloat16":
        tolerance = 0.02
    scale = max(1.0, np.abs(np.where(np.isfinite(a), a, 0)).max())
    with np.errstate(invalid="ignore"):
        return np.allclose(a, b, rtol=4 * tolerance, atol=tolerance * scale, equal_nan=True)


def test_layouts(tmp_path):
    """Every layout gives what rows without gaps give."""
    made = run(tmp_path / "a.npz", "small", hr.NAMES, calls.LAYOUTS)
    differ = []
    for name, values in made.items():
        function, dtype, layout, call, result = name.split()
        plain = made[f"{function} {dtype} plain {call} {result}"]
        if not near(name, plain, values, TOLERANCE.get(plain.dtype, 0)):
            differ.append(name)
    assert not differ, differ


# Results that a difference in the last place may change as a whole.
DISCRETE = ("floor_divide", "remainder", "divmod", "floor", "ceil", "round", "argmax", "random_categorical", "isclose")


@pytest.mark.parametrize("level", ["base", "avx2"])
def test_instruction_sets(tmp_path, level):
    """Against the newest one that the machine has."""
    dtypes = hr.NAMES if ALL else ["float32", "float16", "complex64", "int16"]
    newest = run(tmp_path / "n.npz", "small", dtypes, ["plain", "strided"])
    other = run(tmp_path / "o.npz", "small", dtypes, ["plain", "strided"], HEADRACE_ISA=level)
    assert newest.keys() == other.keys()
    differ = [name for name in newest if not near(name, newest[name], other[name], TOLERANCE.get(newest[name].dtype, 0))
              and not name.startswith(DISCRETE)]
    assert not differ, differ
