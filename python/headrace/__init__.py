"""Headrace: array programs on overlapping streams. `import headrace.core as mx` has the interface of mlx.core."""
import importlib as _importlib

from headrace import core

__version__ = core._library_version
__all__ = ["core", "ready", "streams"]


def __getattr__(name):
    """`streams` is imported when it is first used: importing it takes longer than all the rest."""
    if name not in ("ready", "streams"):
        raise AttributeError(f"module 'headrace' has no attribute {name!r}")
    streams = _importlib.import_module("headrace.streams")
    return streams.ready if name == "ready" else streams
