"""Importing this module makes `mlx.core` Headrace, for programs and pure-Python packages that are written for MLX.

    import headrace.as_mlx
    import mlx.core as mx

It has to come before the first import of mlx.core. Other modules of an installed package mlx, such as mlx.utils, are
used as they are; where none is installed, `mlx` is a package with mlx.core alone.
"""
import importlib
import sys
import types

import headrace.core

__all__ = ["install"]


def _package():
    try:
        return importlib.import_module("mlx")
    except ModuleNotFoundError as error:
        if error.name != "mlx":
            raise
    package = sys.modules["mlx"] = types.ModuleType("mlx", "The package mlx, of which mlx.core is Headrace.")
    package.__path__ = []
    return package


def install():
    """Puts headrace.core and its submodules where mlx.core is looked for. A second call changes nothing.

    Raises ImportError if another mlx.core is loaded: arrays of both in one program could not be told apart.
    """
    there = sys.modules.get("mlx.core")
    if there is headrace.core:
        return
    if there is not None:
        raise ImportError("headrace.as_mlx has to be imported before mlx.core, which is loaded already")
    package = _package()
    prefix = "headrace.core"
    for name in [name for name in sys.modules if name == prefix or name.startswith(prefix + ".")]:
        sys.modules["mlx.core" + name[len(prefix):]] = sys.modules[name]
    package.core = headrace.core


install()
