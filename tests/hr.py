"""The C interface from Python, for the conformance suites: each mlx_ function that returns results, driven by its
signature in src/capi/mlx-c.tsv.

    import hr
    x = hr.array([1, 2, 3], hr.FLOAT32)
    hr.add(x, 2.0).numpy()            # results first become the return value, the stream is the default CPU stream
    hr.sum_axis(x, 0, False)          # const int* with its count takes a sequence, optional arguments take None

bfloat16 travels as float32 on the Python side: array(..., hr.BFLOAT16) rounds, numpy() widens.
"""
import ctypes
import os
import pathlib
import re

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
lib = ctypes.CDLL(os.environ.get("HEADRACE_LIBRARY", str(ROOT / "build" / "libheadrace.so")))

(BOOL, UINT8, UINT16, UINT32, UINT64, INT8, INT16, INT32, INT64, FLOAT16, FLOAT32, FLOAT64, BFLOAT16,
 COMPLEX64) = DTYPES = range(14)
NAMES = ("bool_ uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 float32 float64 bfloat16 complex64").split()
_NUMPY = [np.dtype(n) for n in
          "bool u1 u2 u4 u8 i1 i2 i4 i8 f2 f4 f8 u2 c8".split()]  # of memory: bfloat16 as its bits


class Error(Exception):
    """A call failed; the text is what the error handler was given."""


class Handle(ctypes.Structure):
    _fields_ = [("ctx", ctypes.c_void_p)]


class OptionalInt(ctypes.Structure):
    _fields_ = [("value", ctypes.c_int), ("has_value", ctypes.c_bool)]


class OptionalFloat(ctypes.Structure):
    _fields_ = [("value", ctypes.c_float), ("has_value", ctypes.c_bool)]


_last_error = [""]


@ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_void_p)
def _handler(text, _data):
    _last_error[0] = text.decode(errors="replace")


lib.mlx_set_error_handler(_handler, None, None)


def check(result):
    if result != 0:
        raise Error(_last_error[0])


def _function(name, restype, *argtypes):
    fn = getattr(lib, name)
    fn.restype, fn.argtypes = restype, argtypes
    return fn


_new_data = _function("mlx_array_new_data", Handle, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int)
_free = _function("mlx_array_free", ctypes.c_int, Handle)
_eval = _function("mlx_array_eval", ctypes.c_int, Handle)
_ndim = _function("mlx_array_ndim", ctypes.c_size_t, Handle)
_shape = _function("mlx_array_shape", ctypes.POINTER(ctypes.c_int), Handle)
_strides = _function("mlx_array_strides", ctypes.POINTER(ctypes.c_int64), Handle)
_dtype = _function("mlx_array_dtype", ctypes.c_int, Handle)
_data = _function("mlx_array_data_uint8", ctypes.c_void_p, Handle)
_vector_new = _function("mlx_vector_array_new_data", Handle, ctypes.c_void_p, ctypes.c_size_t)
_vector_free = _function("mlx_vector_array_free", ctypes.c_int, Handle)
_vector_size = _function("mlx_vector_array_size", ctypes.c_size_t, Handle)
_vector_get = _function("mlx_vector_array_get", ctypes.c_int, ctypes.POINTER(Handle), Handle, ctypes.c_size_t)
_stream_new = _function("mlx_default_cpu_stream_new", Handle)


class Array:
    """Owns one mlx_array."""

    def __init__(self, handle):
        self.handle = handle

    def __del__(self):
        if self.handle.ctx and _free:
            _free(self.handle)

    @property
    def dtype(self):
        return _dtype(self.handle)

    @property
    def shape(self):
        return tuple(_shape(self.handle)[i] for i in range(_ndim(self.handle)))

    def numpy(self):
        check(_eval(self.handle))
        kind, shape = _NUMPY[self.dtype], self.shape
        if 0 in shape:
            out = np.empty(shape, kind)
        else:
            strides = tuple(_strides(self.handle)[i] * kind.itemsize for i in range(len(shape)))
            low = sum(min(0, s * (n - 1)) for s, n in zip(strides, shape))
            high = sum(max(0, s * (n - 1)) for s, n in zip(strides, shape)) + kind.itemsize
            memory = (ctypes.c_char * (high - low)).from_address(_data(self.handle) + low)
            out = np.ndarray(shape, kind, memory, -low, strides).copy()
        return (out.astype(np.uint32) << 16).view(np.float32).reshape(shape) if self.dtype == BFLOAT16 else out


def bfloat16_bits(values):
    bits = np.asarray(values, np.float32).view(np.uint32).astype(np.uint64)
    rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
    return np.where(np.isnan(values), 0x7FC0, rounded).astype(np.uint16)


def dtype_of(values):
    return [np.dtype(n) for n in "bool u1 u2 u4 u8 i1 i2 i4 i8 f2 f4 f8".split()].index(values.dtype) \
        if values.dtype != np.complex64 else COMPLEX64


def array(values, dtype=None):
    """From anything NumPy takes. Python floats become float32 and integers int32, as in MLX."""
    if isinstance(values, Array):
        return values
    if dtype is None and not isinstance(values, (np.ndarray, np.generic)):
        values = np.asarray(values)
        dtype = {"f": FLOAT32, "i": INT32, "c": COMPLEX64, "b": BOOL}[values.dtype.kind]
    values = np.asarray(values)
    if dtype is None:
        dtype = dtype_of(values)
    data = bfloat16_bits(values.astype(np.float32)) if dtype == BFLOAT16 else values.astype(_NUMPY[dtype])
    data = np.ascontiguousarray(data).reshape(values.shape)
    shape = (ctypes.c_int * max(1, data.ndim))(*data.shape)
    handle = _new_data(data.ctypes.data, ctypes.addressof(shape), data.ndim, dtype)
    if not handle.ctx:
        raise Error(_last_error[0])
    return Array(handle)


_stream = [_stream_new()]

_SCALARS = {"bool": ctypes.c_bool, "int": ctypes.c_int, "float": ctypes.c_float, "double": ctypes.c_double,
            "size_t": ctypes.c_size_t, "mlx_dtype": ctypes.c_int, "mlx_fft_norm": ctypes.c_int, "int64_t": ctypes.c_int64,
            "uint64_t": ctypes.c_uint64}
_ITEMS = {"const int*": ctypes.c_int, "const int64_t*": ctypes.c_int64, "const float*": ctypes.c_float}


def _signatures():
    table = {}
    for line in (ROOT / "src" / "capi" / "mlx-c.tsv").read_text().splitlines():
        fields = line.split("\t")
        if len(fields) >= 4 and fields[1] == "int" and fields[2].startswith("mlx_"):
            arguments = [re.sub(r" *\[.*\]", "", a).strip() for a in fields[3].split(",")]
            table[fields[2][4:]] = [tuple(a.rsplit(" ", 1)) for a in arguments if " " in a]
    return table


_TABLE = _signatures()


class _Call:
    """One call: converts arguments, and keeps what they point to until it is over."""

    def __init__(self):
        self.arguments, self.keep, self.vectors = [], [], []

    def argument(self, kind, value):
        if kind == "mlx_array":
            value = Array(Handle(None)) if value is None else array(value)
            self.keep.append(value)
            return value.handle
        if kind == "mlx_vector_array":
            arrays = [array(v) for v in value]
            self.keep.append(arrays)
            handles = (Handle * max(1, len(arrays)))(*[a.handle for a in arrays])
            self.vectors.append(_vector_new(ctypes.addressof(handles), len(arrays)))
            return self.vectors[-1]
        if kind == "mlx_optional_float":
            return OptionalFloat(value or 0, value is not None)
        if kind in ("mlx_optional_int", "mlx_optional_dtype"):
            return OptionalInt(value or 0, value is not None)
        if kind == "const char*":
            return None if value is None else ctypes.c_char_p(value.encode())
        return _SCALARS[kind](value)

    def fill(self, signature, values):
        values = iter(values)
        skip = False
        for kind, name in signature:
            kind = "mlx_array" if kind == "const mlx_array" else kind.replace("const mlx_", "mlx_")
            if skip:
                skip = False
            elif kind == "mlx_stream":
                self.arguments.append(_stream[0])
            elif kind in _ITEMS:
                items = list(next(values))
                block = (_ITEMS[kind] * max(1, len(items)))(*items)
                self.keep.append(block)
                self.arguments += [ctypes.byref(block), ctypes.c_size_t(len(items))]
                skip = True  # the count
            else:
                self.arguments.append(self.argument(kind, next(values)))
        assert not list(values), "too many arguments"


def _vector_items(vector):
    out = []
    for i in range(_vector_size(vector)):
        item = Handle(None)
        check(_vector_get(ctypes.byref(item), vector, i))
        out.append(Array(item))
    _vector_free(vector)
    return out


def call(name, *values):
    """mlx_NAME(values...). Returns one result, or a tuple of several; vectors as lists."""
    signature = _TABLE[name]
    results = [kind for kind, _ in signature if kind in ("mlx_array*", "mlx_vector_array*")]
    assert signature[:len(results)] == [s for s in signature if s[0] in ("mlx_array*", "mlx_vector_array*")]
    fn = getattr(lib, "mlx_" + name)
    fn.restype = ctypes.c_int
    made, c = [Handle(None) for _ in results], _Call()
    try:
        c.fill(signature[len(results):], values)
        check(fn(*[ctypes.byref(h) for h in made], *c.arguments))
    finally:
        for v in c.vectors:
            _vector_free(v)
    out = [Array(h) if kind == "mlx_array*" else _vector_items(h) for h, kind in zip(made, results)]
    return out[0] if len(out) == 1 else tuple(out)


def __getattr__(name):
    if name not in _TABLE:
        raise AttributeError(name)
    return lambda *values: call(name, *values)
