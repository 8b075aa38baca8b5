"""Programs written for MLX: mlx.core is Headrace, by an import and by `python -m headrace`."""
import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest


def run(args, path=None):
    environment = dict(os.environ)
    if path:
        environment["PYTHONPATH"] = os.pathsep.join([environment.get("PYTHONPATH", ""), str(path)])
    return subprocess.run([sys.executable, *args], capture_output=True, text=True, timeout=120, env=environment)


PROGRAM = """
import sys
import mlx.core as mx
import mlx.core.random
from mlx import core
from mlx.core import fft
import mlx
import headrace.core
assert mx is core is mlx.core is headrace.core and fft is mx.fft and mlx.core.random is mx.random
print(sys.argv[1:], __name__, (mx.arange(3) + 1).tolist())
"""


def test_a_script(tmp_path):
    (tmp_path / "beside.py").write_text("import mlx.core as mx\nx = mx.ones(2)\n")
    script = tmp_path / "script.py"
    script.write_text(PROGRAM + "import beside\nsys.exit(int(beside.x.sum().item()) + 1)\n")
    result = run(["-m", "headrace", str(script), "--a", "b"])
    assert (result.returncode, result.stdout) == (3, "['--a', 'b'] __main__ [1, 2, 3]\n"), result.stderr


def test_a_module(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    result = run(["-m", "headrace", "-m", "program", "x"], tmp_path)
    assert (result.returncode, result.stdout) == (0, "['x'] __main__ [1, 2, 3]\n"), result.stderr


def test_an_import():
    result = run(["-c", "import headrace.as_mlx as a\na.install()\n" + PROGRAM])
    assert (result.returncode, result.stdout) == (0, "[] __main__ [1, 2, 3]\n"), result.stderr


def test_too_late():
    result = run(["-c", "import sys, types; sys.modules['mlx.core'] = types.ModuleType('mlx.core')\n"
                        "import headrace.as_mlx"])
    assert result.returncode == 1 and "before mlx.core" in result.stderr


def test_usage():
    for args in ([], ["-x"], ["-m"]):
        result = run(["-m", "headrace", *args])
        assert result.returncode == 2 and "usage" in result.stderr
    result = run(["-m", "headrace", "info"])
    assert result.returncode == 0 and "workers" in result.stdout


def mlx_utils():
    """mlx/utils.py of the package from PyPI, found without loading its mlx.core; None if it is not installed."""
    spec = importlib.util.find_spec("mlx")
    for folder in spec.submodule_search_locations or [] if spec else []:
        if (pathlib.Path(folder) / "utils.py").exists():
            return pathlib.Path(folder)
    return None


UTILS = """
import headrace.as_mlx
import mlx.core as mx
from mlx.utils import tree_flatten, tree_map, tree_reduce, tree_unflatten
tree = {"a": [mx.ones(2), {"b": mx.arange(3)}], "c": (mx.array(1.5),)}
double = tree_map(lambda x: x * 2, tree)
flat = tree_flatten(double)
assert [name for name, _ in flat] == ["a.0", "a.1.b", "c.0"] and flat[1][1].tolist() == [0, 2, 4]
assert tree_unflatten(flat)["c"][0].item() == 3
assert tree_reduce(lambda total, x: total + x.sum(), double, 0).item() == 13
import headrace.core
assert all(isinstance(x, headrace.core.array) for _, x in flat)
"""


@pytest.mark.skipif(mlx_utils() is None, reason="mlx.utils of the package mlx is not installed")
def test_mlx_utils():
    result = run(["-c", UTILS])
    assert result.returncode == 0, result.stderr
