"""Headrace: array programs on overlapping streams. `import headrace.core as mx` has the interface of mlx.core."""
from headrace import core

__version__ = core._library_version
__all__ = ["core"]
