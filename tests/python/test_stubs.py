"""Type stubs: every public name with its parameters, and programs that mypy accepts and refuses."""
import ast
import enum
import inspect
import os
import pathlib
import subprocess
import sys
import types

import pytest

import headrace
import headrace.core as mx

PACKAGE = pathlib.Path(headrace.__file__).parent
TYPED = pathlib.Path(__file__).parent / "typed"
MODULES = {"": mx, **{name: thing for name, thing in vars(mx).items() if isinstance(thing, types.ModuleType)
                      and thing.__name__.startswith("headrace.core.")}}


def stub(module):
    """{name: nodes} of a stub's top level."""
    tree = ast.parse((PACKAGE / "core" / f"{module or '__init__'}.pyi").read_text())
    return members(tree)


def members(node):
    found = {}
    for part in node.body:
        if isinstance(part, (ast.FunctionDef, ast.ClassDef)):
            found.setdefault(part.name, []).append(part)
        elif isinstance(part, ast.AnnAssign):
            found.setdefault(part.target.id, []).append(part)
        elif isinstance(part, ast.Assign):
            found.setdefault(part.targets[0].id, []).append(part)
        elif isinstance(part, ast.ImportFrom):
            for alias in part.names:
                if alias.asname == alias.name:
                    found.setdefault(alias.name, []).append(part)
    return found


STUBS = {module: stub(module) for module in MODULES}
NAMES = [(module, name) for module, thing in MODULES.items() for name in vars(thing) if not name.startswith("_")]


def shape_of(node):
    """(name, kind, whether it has a default) of each parameter of a stub's function."""
    args, kinds = node.args, inspect.Parameter
    plain = [(a.arg, kinds.POSITIONAL_ONLY) for a in args.posonlyargs]
    plain += [(a.arg, kinds.POSITIONAL_OR_KEYWORD) for a in args.args]
    out = [(*p, i >= len(plain) - len(args.defaults)) for i, p in enumerate(plain)]
    if args.vararg:
        out.append((args.vararg.arg, kinds.VAR_POSITIONAL, False))
    out += [(a.arg, kinds.KEYWORD_ONLY, d is not None) for a, d in zip(args.kwonlyargs, args.kw_defaults)]
    if args.kwarg:
        out.append((args.kwarg.arg, kinds.VAR_KEYWORD, False))
    return [p for p in out if p[0] != "self"]


def shape_of_runtime(function):
    return [(p.name, p.kind, p.default is not p.empty) for p in inspect.signature(function).parameters.values()
            if p.name != "self"]


def same_parameters(nodes, function):
    if len(nodes) > 1:  # overloads: each takes a part of the parameters
        every = {name for node in nodes for name, *_ in shape_of(node)}
        return {p.name for p in inspect.signature(function).parameters.values()} - every <= {"arys"}
    return shape_of(nodes[0]) == shape_of_runtime(function)


@pytest.mark.parametrize("module,name", NAMES, ids=[".".join(n).strip(".") for n in NAMES])
def test_name_is_there(module, name):
    thing, nodes = getattr(MODULES[module], name), STUBS[module].get(name)
    assert nodes, f"{name} has no stub"
    if isinstance(thing, type):
        assert isinstance(nodes[0], ast.ClassDef)
    elif callable(thing):
        assert isinstance(nodes[0], ast.FunctionDef) and same_parameters(nodes, thing)


CLASSES = [n for n, t in vars(mx).items() if isinstance(t, type) and t.__module__ == "headrace.core"
           and not n.startswith("_") and not issubclass(t, (enum.Enum, BaseException))]
# From object or type, or for Python alone.
UNLISTED = {"__new__", "__doc__", "__module__", "__dict__", "__weakref__", "__slots__", "__lt__", "__le__", "__gt__",
            "__ge__", "__ne__", "__hash__", "__reduce__", "__release_buffer__", "__static_attributes__", "__firstlineno__",
            "__annotate_func__", "__annotations_cache__"}


@pytest.mark.parametrize("name", CLASSES)
def test_class_members(name):
    listed = members(STUBS[""][name][0])
    for member, thing in vars(getattr(mx, name)).items():
        if member in UNLISTED:
            continue
        assert member in listed, f"{name}.{member} has no stub"
        if isinstance(thing, types.MethodDescriptorType) and not member.startswith("__"):
            assert same_parameters(listed[member], thing), f"{name}.{member}"
    for member in set(listed) - {"__init__", "__buffer__"}:
        assert hasattr(getattr(mx, name), member), f"{name}.{member} is in the stub alone"


def test_no_stub_without_name():
    for module, names in STUBS.items():
        for name in names:
            assert name.startswith("_") or hasattr(MODULES[module], name), f"{module}.{name}"


def mypy(cache, *arguments):
    pytest.importorskip("mypy")
    environment = {**os.environ, "MYPY_CACHE_DIR": str(cache)}
    if PACKAGE.parent.name != "site-packages":  # where mypy looks anyway
        environment["MYPYPATH"] = str(PACKAGE.parent)
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--no-error-summary", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=cache)


def test_mypy_accepts(tmp_path):
    result = mypy(tmp_path, TYPED / "accepted.py")
    assert result.returncode == 0, result.stdout + result.stderr
    result = mypy(tmp_path, "-p", "headrace.core")
    assert result.returncode == 0, result.stdout + result.stderr


def test_mypy_refuses(tmp_path):
    lines = (TYPED / "refused.py").read_text().splitlines()
    wanted = {i for i, line in enumerate(lines, 1) if line.endswith("# refused")}
    result = mypy(tmp_path, TYPED / "refused.py")
    found = {int(line.split(":")[1]) for line in result.stdout.splitlines() if ": error: " in line}
    assert found == wanted, result.stdout + result.stderr


def test_program_runs():
    result = subprocess.run([sys.executable, TYPED / "accepted.py"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
