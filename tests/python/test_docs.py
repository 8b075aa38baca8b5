"""help(): every public name has a text, its examples do what they say, and signatures are those of the table."""
import doctest
import inspect
import pathlib
import pydoc
import types

import pytest

import headrace.core as mx

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "python" / "mlx-python.tsv"
# Operators and the like, which Python describes.
BINARY = "add and floordiv lshift matmul mod mul or pow rshift sub truediv xor".split()
SLOTS = {name for name in dir(type) + dir(int) + dir(memoryview) if name.startswith("__")} | {"__await__"} | {
    f"__{kind}{name}__" for name in BINARY for kind in ("i", "r", "")}


def is_own(name, thing):
    """Public, and no plain value: a float or a Dtype has no text."""
    return not name.startswith("_") and (callable(thing) or isinstance(thing, types.ModuleType))


def documented():
    """(name, object) of functions, classes, their methods and attributes, and submodules."""
    for name, thing in vars(mx).items():
        if not is_own(name, thing):
            continue
        yield name, thing
        if isinstance(thing, types.ModuleType):
            yield from ((f"{name}.{n}", t) for n, t in vars(thing).items() if is_own(n, t))
        elif isinstance(thing, type) and thing.__module__ == "headrace.core" and not hasattr(thing, "__members__"):
            for inner, member in vars(thing).items():
                described = isinstance(member, (types.MethodDescriptorType, types.GetSetDescriptorType))
                if described and inner not in SLOTS - {"__reduce__"} | {"__dict__", "__weakref__"}:
                    yield f"{name}.{inner}", member


NAMES = dict(documented())
UNDOCUMENTED = {"Device.__reduce__", "Dtype.__reduce__", "StreamContext.__enter__", "StreamContext.__exit__"}


def test_names_are_found():
    assert {"add", "array", "array.sum", "array.shape", "array.__dlpack__", "ArrayAt.add", "random", "random.normal",
            "fft.stft", "Stream.device", "Dtype.size", "einsum_path", "eval"} <= set(NAMES) and len(NAMES) > 380


@pytest.mark.parametrize("name", sorted(set(NAMES) - UNDOCUMENTED))
def test_text_and_examples(name, tmp_path, monkeypatch):
    thing = NAMES[name]
    text = inspect.getdoc(thing)
    assert text and len(text) > 20, f"{name} has no text"
    if isinstance(thing, types.ModuleType):
        return
    monkeypatch.chdir(tmp_path)
    test = doctest.DocTestParser().get_doctest(text, {"mx": mx}, name, None, 0)
    assert test.examples, f"{name} has no example"
    report = []
    doctest.DocTestRunner(optionflags=doctest.IGNORE_EXCEPTION_DETAIL).run(test, out=report.append)
    assert not report, "".join(report)


def functions():
    for line in TABLE.read_text().splitlines():
        name, kind, text = (line.split("\t") + ["", ""])[:3]
        name = name.removeprefix("mlx.core.")
        if name in NAMES and kind in ("function", "method"):
            yield pytest.param(name, text, id=name)


def parameters(text):
    """Names in order, without types and defaults: `text` is a signature of the table."""
    found, depth = [], 0
    for part in text[1:text.index(") ->") if ") ->" in text else -1].split(","):
        if depth == 0:
            name = part.strip().split(":")[0].split("=")[0].strip().lstrip("*")
            if name not in ("", "/", "self"):
                found.append(name)
        depth += sum(part.count(c) for c in "([") - sum(part.count(c) for c in ")]")
    return found


# Ours say more, or stand for several signatures of the table.
OTHERS = {"arange", "synchronize"}


@pytest.mark.parametrize("name,text", list(functions()))
def test_signature(name, text):
    shown = [p for p in inspect.signature(NAMES[name]).parameters if p != "self"]
    assert shown == parameters(text) or name in OTHERS


def test_help_shows_the_signature():
    def shown(thing):
        return pydoc.render_doc(thing, renderer=pydoc.plaintext)

    assert "add(a, b, stream=None)" in shown(mx.add)
    assert "sum(self, /, axis=None, keepdims=False, *, stream=None)" in shown(mx.array.sum)
