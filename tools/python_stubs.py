"""Type stubs of headrace.core and its submodules, from the signatures of python/mlx-python.tsv (tools/gen-python).

headrace.core is a module whose submodules are no files, so its stubs are a package of their own: core/__init__.pyi,
core/random.pyi and so on, which type checkers prefer to core.py.
"""
import re
import textwrap

from python_types import ATTRIBUTES, OPERATORS, RETURNS, STUBS

HEAD = '''"""Written by tools/gen-python: types of headrace.core."""
import enum
import os
import types
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol, overload

from headrace.core import cuda as cuda, distributed as distributed, fast as fast, fft as fft, linalg as linalg, metal as metal, random as random

class _DLPack(Protocol):
    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any: ...

class _Buffer(Protocol):
    def __buffer__(self, flags: int, /) -> memoryview: ...

class _NumPy(Protocol):
    def __array__(self) -> Any: ...

_Scalar = bool | int | float | complex
_ArrayLike = _Scalar | array | ArrayLike | _DLPack | _Buffer | _NumPy
_StreamOrDevice = Stream | ThreadLocalStream | Device | DeviceType | None
_File = Any  # an object with read() or write()
'''
SUBMODULE_HEAD = '''"""Written by tools/gen-python: types of headrace.core.{name}."""
from collections.abc import Callable, Sequence
from typing import Any, Literal, overload

from headrace.core import Dtype, _ArrayLike, _Scalar, _StreamOrDevice, array, float32, int32
'''
WORDS = {"scalar": "_Scalar", "array-like": "_ArrayLike", "StreamOrDevice": "_StreamOrDevice",
         "Stream or Device": "_StreamOrDevice", "file": "_File", "pathlib.Path": "os.PathLike[str]", "object": "Any",
         "DLPackCompatible": "_DLPack | _Buffer | _NumPy", "dict": "dict[Any, Any]",
         "tuple": "tuple[Any, ...]", "Sequence": "Sequence[Any]", "list": "list[Any]",
         "numpy.ndarray[]": "Any", "ndarray[]": "Any", "list_or_scalar": "Any", "_PrintOptionsContext": "printoptions"}


def type_text(text, is_parameter):
    """A type of the table as one of Python's; parameters that are lists or tuples there take any sequence."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c == "[") - (c == "]")
        if c == "|" and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    parts = [WORDS.get(p.strip(), p.strip()) for p in [*parts, text[start:]]]
    out = " | ".join(dict.fromkeys(parts))
    if is_parameter:
        out = out.replace("list[", "Sequence[").replace("dict[str", "Mapping[str")
        out = re.sub(r"\btuple\[int(?:, (?:int|\.\.\.))*\]", "Sequence[int]", out)
        out = " | ".join(dict.fromkeys(out.split(" | ")))
        out = out.replace("Sequence[array-like]", "Sequence[_ArrayLike]").replace("Sequence[object]", "Sequence[Any]")
    return out or "Any"


def parameters(signature, is_method):
    out = ["self"] if is_method else []
    for i, p in enumerate(signature.params):
        if i == signature.positional and i != signature.variadic:
            out.append("*")
        star = "*" if i == signature.variadic else ""
        default = "" if star or p.default is None else f" = {p.default}"
        out.append(f"{star}{p.name}: {type_text(p.type, True)}{default}")
        if i + 1 == signature.positional_only:
            out.append("/")
    return ", ".join(out + (["**kwargs: Any"] if signature.keywords else []))


def docstring(text, indent):
    body = textwrap.indent(text.replace("\\", "\\\\"), indent)
    return f'{indent}"""{body.strip()}\n{indent}"""'


def function(dotted, name, signature, docs, is_method=False):
    indent = "        " if is_method else "    "
    if dotted in STUBS:
        return textwrap.indent(STUBS[dotted].strip(), indent[4:])
    returns = RETURNS.get(dotted) or type_text(signature.returns, False)
    ignore = "  # type: ignore[override]" if dotted in ("array.__eq__", "array.__ne__") else ""
    head = f"{indent[4:]}def {name}({parameters(signature, is_method)}) -> {returns}:"
    if dotted in docs:
        return f"{head}\n{docstring(docs[dotted], indent)}\n{indent}..."
    return f"{head} ...{ignore}"


def class_text(name, rows, parse, docs):
    """The rows of a class: (member, kind, signature)."""
    lines = [f"class {name}:"]
    if name in docs:
        lines.append(docstring(docs[name], "    "))
    for member, kind, text in rows:
        if kind == "attribute":
            dotted = f"{name}.{member}"
            lines.append(f"    @property\n    def {member}(self) -> {ATTRIBUTES[dotted]}:")
            lines += [docstring(docs[dotted], "        ")] if dotted in docs else []
            lines.append("        ...")
        else:
            lines.append(function(f"{name}.{member}", member, parse(text), docs, True))
    lines += [f"    {line}" for line in OPERATORS.get(name, "").strip().splitlines()]
    return "\n".join(lines if len(lines) > 1 else [*lines, "    ..."])


def write(folder, rows, parse, docs, missing):
    """`rows` are (name without mlx.core., kind, signature); `missing` are names that are left out."""
    modules = {"": [], **{m: [] for m in ("random", "linalg", "fft", "fast", "metal", "cuda", "distributed")}}
    classes, written = {}, set()
    for dotted, kind, text in rows:
        parts = dotted.split(".")
        if dotted in missing or parts[0] in missing or parts[0] == "distributed":
            continue
        if kind == "class":
            classes[dotted] = []
            modules[""].append(dotted)
        elif kind in ("method", "attribute") and parts[0] in classes:
            classes[parts[0]].append((parts[1], kind, text))
        elif kind == "function" and dotted not in written:
            written.add(dotted)
            modules[".".join(parts[:-1])].append(function(dotted, parts[-1], parse(text), docs))
        elif kind not in ("method", "attribute", "function"):
            modules[""].append(f"{dotted}: {'None' if kind == 'NoneType' else kind}")
    folder.mkdir(parents=True, exist_ok=True)
    for module, parts in modules.items():
        texts = [STUBS.get(p, "").strip() or class_text(p, classes[p], parse, docs) if p in classes else p
                 for p in parts]
        extra = STUBS.get(f"{module}.", "")
        head = SUBMODULE_HEAD.format(name=module) if module else HEAD
        path = folder / f"{module or '__init__'}.pyi"
        path.write_text("\n".join([head, *texts, extra.strip()]).rstrip() + "\n")
