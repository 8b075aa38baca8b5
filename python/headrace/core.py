"""The interface of mlx.core: lazy arrays, their operations, devices and streams.

    import headrace.core as mx
    x = mx.arange(10) * 2
    print(mx.sum(x).item())

Operations are functions of the extension module headrace._core; what is composed of them stands in the modules that
this one imports from.
"""
import sys as _sys

from headrace import _core
from headrace._core import *  # noqa: F401,F403
from headrace._core import _threads  # noqa: F401
from headrace._core import __version__, library_version as _library_version  # noqa: F401
from headrace._enums import DtypeCategory  # noqa: F401
from headrace import _compose, _distributed, _dtypes, _einsum, _fast, _files, _signal, _support

e = 2.718281828459045
pi = 3.141592653589793
euler_gamma = 0.5772156649015329
inf = float("inf")
nan = float("nan")
newaxis = None

for _member in DtypeCategory:
    globals()[_member.name] = _member

for _module in (_compose, _dtypes, _einsum, _fast, _files, _support):
    for _name in _module.__all__:
        _thing = getattr(_module, _name)
        _thing.__module__ = __name__
        globals()[_name] = _thing

for _where, _about, _names in (
    ("random", "Random numbers, from the state of the thread or from keys.", _support.RANDOM),
    ("linalg", "Linear algebra: matrices in the last two axes.", _compose.LINALG),
    ("fft", "Discrete Fourier transforms.", _signal.FUNCTIONS),
    ("fast", "Compositions that machine learning needs often.", _fast.FUNCTIONS),
    ("metal", "There for programs that ask whether there is Metal.", _compose.METAL),
    ("cuda", "Whether there is a GPU of NVIDIA's.", _compose.CUDA),
    ("distributed", "Groups of processes: this one alone.", _distributed.DISTRIBUTED),
):
    _inner = _support.submodule(_core, _where)
    _inner.__doc__ = _about
    globals()[_where] = _inner
    for _name, _thing in _names.items():
        _thing.__module__ = _inner.__name__
        setattr(_inner, _name, _thing)

del _module, _name, _thing, _member, _where, _about, _names, _inner, library_version  # noqa: F821
