"""Hostile arguments for every call of the MLX C interface that the library has, made from src/capi/mlx-c.tsv.

Each call runs in a process of its own with arguments that are in order but for one: a NULL pointer, an empty handle, a
dtype that is none, a count without values, lengths that are negative or too large, the ends of the range of integers. No
call may end the process; those that cannot succeed must fail, and tell the error handler once, naming the call.
"""
import ctypes as C
import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
from capi_table import rows  # noqa: E402

HANDLER = C.CFUNCTYPE(None, C.c_char_p, C.c_void_p)


class Handle(C.Structure):
    _fields_ = [("ctx", C.c_void_p)]


class Iterator(C.Structure):
    _fields_ = [("ctx", C.c_void_p), ("map_ctx", C.c_void_p)]


class OptionalInt(C.Structure):
    _fields_ = [("value", C.c_int), ("has_value", C.c_bool)]


class OptionalFloat(C.Structure):
    _fields_ = [("value", C.c_float), ("has_value", C.c_bool)]


class Table(C.Structure):
    _fields_ = [(name, C.c_void_p) for name in ("is_open", "good", "tell", "seek", "read", "at", "write", "label", "free")]


SCALARS = {
    "int": C.c_int, "const int": C.c_int, "bool": C.c_bool, "float": C.c_float, "double": C.c_double, "size_t": C.c_size_t,
    "uint64_t": C.c_uint64, "uintptr_t": C.c_size_t, "mlx_dtype": C.c_int, "mlx_device_type": C.c_int,
    "mlx_compile_mode": C.c_int, "mlx_fft_norm": C.c_int, "mlx_optional_int": OptionalInt,
    "mlx_optional_float": OptionalFloat, "mlx_optional_dtype": OptionalInt, "mlx_io_vtable": Table,
}
ENUMS = {"mlx_dtype": 14, "mlx_device_type": 2, "mlx_compile_mode": 4, "mlx_fft_norm": 3}
LARGEST = 1 << 20  # elements of results that are computed
INT_ENDS = (-(2**31), 2**31 - 1)
# Calls whose answer says nothing about an empty handle: they take it for what it is.
EMPTY_IS_FINE = ("_free", "_equal")
EMPTY_SOURCE_IS_FINE = ("mlx_array_set", "mlx_stream_set", "mlx_synchronize")
MAY_BE_NULL = ("payload", "desc", "bk", "handler")
NO_STATUS = ("mlx_array_dim", "mlx_distributed_group_rank", "mlx_distributed_group_size")  # the int is the answer


def plain(kind):
    return kind.removeprefix("const ").strip()


def is_handle(kind):
    return plain(kind).startswith("mlx_") and plain(kind) not in SCALARS and not kind.endswith(("*", "_func"))


def handle_class(kind):
    return Iterator if plain(kind).endswith("_iterator") else Handle


def c_type(kind):
    if is_handle(kind):
        return handle_class(kind)
    return SCALARS.get(kind) or SCALARS.get(plain(kind)) or C.c_void_p  # pointers and functions


CALLS = [r for r in rows() if r.kind == "function"]
BY_NAME = {r.name: r for r in CALLS}


class Library:
    """The library with what good arguments need; the errors it reports are kept in `errors`."""

    def __init__(self):
        self.lib = C.CDLL(os.environ.get("HEADRACE_LIBRARY", str(ROOT / "build" / "libheadrace.so")))
        self.errors, self.keep = [], []
        self.handler = HANDLER(lambda text, data: self.errors.append(text.decode(errors="replace")))
        for row in CALLS:
            if hasattr(self.lib, row.name):
                f = getattr(self.lib, row.name)
                f.argtypes = [c_type(p.type) for p in row.params if p.type != "..."]
                f.restype = None if row.returns == "void" else c_type(row.returns)
        self.lib.mlx_set_error_handler(C.cast(self.handler, C.c_void_p), None, None)

    def has(self, name):
        return hasattr(self.lib, name)

    def call(self, name, *args):
        return getattr(self.lib, name)(*args)

    def pointer(self, thing):
        self.keep.append(thing)
        return C.cast(C.pointer(thing), C.c_void_p)

    def array(self):
        data = (C.c_float * 6)(*range(1, 7))
        return self.call("mlx_array_new_data", self.pointer(data), self.pointer((C.c_int * 2)(2, 3)), 2, 10)

    def good_handle(self, kind):
        kind, new = plain(kind), plain(kind) + "_new"
        if kind == "mlx_array":
            return self.array()
        if kind == "mlx_device":
            return self.call("mlx_device_new_type", 0, 0)
        if kind == "mlx_stream":
            return self.call("mlx_default_cpu_stream_new")
        if kind == "mlx_vector_array":
            vector = self.call(new)
            self.call("mlx_vector_array_append_value", vector, self.array())
            return vector
        if kind.startswith("mlx_map") and kind.endswith("_iterator"):
            return self.call(new, self.call(kind.removesuffix("_iterator") + "_new"))
        if kind == "mlx_device_info":
            info = Handle()
            self.call("mlx_device_info_get", self.pointer(info), self.good_handle("mlx_device"))
            return info
        if kind in ("mlx_io_reader", "mlx_io_writer"):
            return self.call(new, None, Table())
        if kind.startswith("mlx_closure") and self.has(new + "_func"):
            fail = C.CFUNCTYPE(C.c_int)(lambda: 1)
            self.keep.append(fail)
            return self.call(new + "_func", C.cast(fail, C.c_void_p))
        if self.has(new) and not BY_NAME[new].params:
            return self.call(new)
        return handle_class(kind)()

    def good(self, p):
        kind = p.type
        if is_handle(kind):
            return self.good_handle(kind)
        if kind in SCALARS or plain(kind) in SCALARS:
            made = c_type(kind)
            return made() if issubclass(made, C.Structure) else 2 if p.name.endswith("_num") or p.name == "size" else 1
        if kind.startswith("const char *"):
            return self.pointer((C.c_char_p * 2)(b"x", b"y")) if "**" in kind else self.pointer(C.create_string_buffer(b"x"))
        if "(*)" in kind:
            function = C.CFUNCTYPE(C.c_int)(lambda: 1)
            self.keep.append(function)
            return C.cast(function, C.c_void_p)
        if plain(kind).startswith("mlx_") and kind.endswith(" *"):
            inner = kind.removesuffix(" *")
            return self.pointer((handle_class(inner) * 2)(*(self.good_handle(inner) for _ in range(2))))
        if kind == "FILE *":
            return None
        return self.pointer((C.c_int * 64)(*([1] * 64)) if plain(kind) == "int *" else (C.c_int64 * 64)())


def hostile_values(lib, row, p):
    """(what it is, value, must fail) for one parameter."""
    kind, name = p.type, row.name
    if is_handle(kind):
        fine = p.empty or name.endswith(EMPTY_IS_FINE) or name in EMPTY_SOURCE_IS_FINE or plain(kind) == "mlx_stream" and (
            row.header not in ("stream.h",))
        fine = fine or name.startswith("mlx_closure") and name.endswith("_set")
        yield "an empty handle", handle_class(kind)(), not fine
        new = plain(kind) + "_new"
        if plain(kind) in ("mlx_array", "mlx_stream", "mlx_device", "mlx_closure", "mlx_device_info") and lib.has(new):
            yield "a box with nothing in it", lib.call(new), not fine
    elif kind in ENUMS:
        yield "an enumerator too low", -1, True
        yield "an enumerator too high", ENUMS[kind], True
    elif kind == "mlx_optional_dtype":
        yield "an unknown dtype", OptionalInt(99, True), True
    elif kind == "int":
        for end in INT_ENDS:
            yield f"{end}", end, False
    elif kind in ("float", "double"):
        for value in ("nan", "inf", "-inf"):
            yield value, float(value), False
    elif c_type(kind) is C.c_void_p:
        counted = any(q.name == f"{p.name}_num" for q in row.params)
        must = not p.empty and "(*dtor)" not in p.text and kind != "FILE *" and p.name not in MAY_BE_NULL
        yield "NULL", None, must
        if counted and plain(kind) == "int *":
            for length in INT_ENDS:
                yield f"lengths of {length}", lib.pointer((C.c_int * 64)(*([length] * 64))), False


def run(lib, row, args, what, must_fail):
    del lib.errors[:]
    answer = lib.call(row.name, *args)
    text = f"{row.name} with {what}"
    is_status = row.returns == "int" and row.name not in NO_STATUS
    failed = answer != 0 if is_status else bool(lib.errors)
    if row.returns == "int" and row.name.endswith("_iterator_next") and answer == 2:
        failed = False
    assert len(lib.errors) == (1 if failed else 0), f"{text}: answers {answer}, reports {lib.errors}"
    if failed:
        assert row.name in lib.errors[0], f"{text}: reports {lib.errors[0]}"
    assert failed or not must_fail, f"{text} succeeds"
    if not failed:
        evaluate(lib, row, args)


def evaluate(lib, row, args):
    """What was built from odd values is computed as well, if it is small; it may fail, as above."""
    for p, arg in zip(row.params, args):
        if p.type != "mlx_array *" or not arg:
            continue
        array = C.cast(arg, C.POINTER(Handle))[0]
        if array.ctx and 0 < lib.call("mlx_array_size", array) <= LARGEST:
            del lib.errors[:]
            failed = lib.call("mlx_array_eval", array)
            assert len(lib.errors) == (1 if failed else 0), f"{row.name}: evaluation reports {lib.errors}"


def attack(row):
    lib = Library()
    for i, p in enumerate(row.params):
        for what, value, must_fail in hostile_values(lib, row, p):
            args = [lib.good(q) for q in row.params]
            args[i] = value
            run(lib, row, args, f"`{p.name}`: {what}", must_fail)
    args = [handle_class(p.type)() if is_handle(p.type) else c_type(p.type)() for p in row.params]
    run(lib, row, args, "nothing at all", False)


def exported():
    lib = C.CDLL(os.environ.get("HEADRACE_LIBRARY", str(ROOT / "build" / "libheadrace.so")))
    testable = (r for r in CALLS if r.name != "mlx_set_error_handler" and all(p.type != "..." for p in r.params))
    return [r for r in testable if r.params and hasattr(lib, r.name)]


@pytest.mark.parametrize("row", exported(), ids=lambda row: row.name)
def test_hostile(row):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        message = b""
        try:
            attack(row)
        except BaseException as e:  # the parent shows it
            message = f"{type(e).__name__}: {e}".encode()
        os.write(write, message[:4000])
        os._exit(1 if message else 0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        message = pipe.read().decode()
    status = os.waitpid(child, 0)[1]
    assert status == 0, message or f"{row.name} ends the process with signal {status & 127}"
