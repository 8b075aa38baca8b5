"""Files through the C interface: maps, the contents of GGUF files, readers and writers over bytes in memory."""
import ctypes as C
import io

import numpy as np

import hr
from hr import Array, Handle, check, lib


class Table(C.Structure):
    """mlx_io_vtable."""
    _fields_ = [(n, C.c_void_p) for n in "is_open good tell seek read read_at_offset write label free".split()]


class Iterator(C.Structure):
    _fields_ = [("ctx", C.c_void_p), ("map_ctx", C.c_void_p)]


for _kind in ("array", "string"):
    _name = f"mlx_map_string_to_{_kind}"
    getattr(lib, _name + "_new").restype = Handle
    getattr(lib, _name + "_iterator_new").restype = Iterator
for _name in ("mlx_io_gguf_new", "mlx_io_reader_new", "mlx_io_writer_new", "mlx_vector_string_new",
              "mlx_default_cpu_stream_new"):
    getattr(lib, _name).restype = Handle
lib.mlx_string_data.restype = C.c_char_p
lib.mlx_vector_string_size.restype = C.c_size_t
lib.mlx_vector_string_new_data.restype = Handle

STREAM = lib.mlx_default_cpu_stream_new()


def _free(kind, handle):
    getattr(lib, f"mlx_{kind}_free")(handle)


def _entries(handle, kind):
    """(key, value) of a map of arrays or texts."""
    it, out = getattr(lib, f"mlx_map_string_to_{kind}_iterator_new")(handle), []
    while True:
        key, array, text = C.c_char_p(), Handle(None), C.c_char_p()
        result = getattr(lib, f"mlx_map_string_to_{kind}_iterator_next")(
            C.byref(key), C.byref(array if kind == "array" else text), it)
        if result:
            check(result if result != 2 else 0)
            break
        out.append((key.value.decode(), Array(array) if kind == "array" else text.value.decode()))
    getattr(lib, f"mlx_map_string_to_{kind}_iterator_free")(it)
    return dict(out)


def array_map(arrays):
    handle = lib.mlx_map_string_to_array_new()
    for key, value in arrays.items():
        value = hr.array(value)
        check(lib.mlx_map_string_to_array_insert(handle, key.encode() if isinstance(key, str) else key, value.handle))
    return handle


def text_map(texts):
    handle = lib.mlx_map_string_to_string_new()
    for key, value in texts.items():
        check(lib.mlx_map_string_to_string_insert(handle, key.encode(), value.encode()))
    return handle


# --- readers and writers ---

_files = []  # for good: `free` comes at a time of the library's own

class File:
    """A reader and a writer over an object as open() makes it. It may be told to fail."""

    def __init__(self, file, at_offset=True, **missing):
        self.file, self.is_good, self.freed = file, True, 0
        self.name = C.create_string_buffer(b"<test file>")
        functions = {
            "is_open": (C.CFUNCTYPE(C.c_bool, C.c_void_p), lambda d: not self.file.closed),
            "good": (C.CFUNCTYPE(C.c_bool, C.c_void_p), lambda d: self.is_good),
            "tell": (C.CFUNCTYPE(C.c_size_t, C.c_void_p), lambda d: self.file.tell()),
            "seek": (C.CFUNCTYPE(None, C.c_void_p, C.c_int64, C.c_int), self.seek),
            "read": (C.CFUNCTYPE(None, C.c_void_p, C.c_void_p, C.c_size_t), self.read),
            "read_at_offset": (C.CFUNCTYPE(None, C.c_void_p, C.c_void_p, C.c_size_t, C.c_size_t), self.read_at_offset),
            "write": (C.CFUNCTYPE(None, C.c_void_p, C.c_void_p, C.c_size_t), self.write),
            "label": (C.CFUNCTYPE(C.c_void_p, C.c_void_p), lambda d: C.addressof(self.name)),
            "free": (C.CFUNCTYPE(None, C.c_void_p), self.free),
        }
        if not at_offset:
            missing["read_at_offset"] = True
        _files.append(self)
        self.keep = {name: kind(f) for name, (kind, f) in functions.items() if name not in missing}
        self.table = Table(**{name: C.cast(f, C.c_void_p) for name, f in self.keep.items()})

    def seek(self, _desc, offset, whence):
        self.file.seek(offset, whence)

    def read(self, _desc, data, n):
        got = self.file.read(n)
        C.memmove(data, got, len(got))
        if len(got) < n:
            self.is_good = False

    def read_at_offset(self, _desc, data, n, offset):
        at = self.file.tell()
        self.file.seek(offset)
        self.read(None, data, n)
        self.file.seek(at)

    def write(self, _desc, data, n):
        self.file.write(C.string_at(data, n))

    def free(self, _desc):
        self.freed += 1

    def reader(self):
        return lib.mlx_io_reader_new(None, self.table)

    def writer(self):
        return lib.mlx_io_writer_new(None, self.table)


# --- the calls ---

def load(path):
    return hr.call("load", str(path))


def save(path, array):
    array = hr.array(array)
    check(lib.mlx_save(str(path).encode(), array.handle))


def load_reader(file):
    out, reader = Handle(None), file.reader()
    try:
        check(lib.mlx_load_reader(C.byref(out), reader, STREAM))
    finally:
        _free("io_reader", reader)
    return Array(out)


def save_writer(file, array):
    writer, array = file.writer(), hr.array(array)
    try:
        check(lib.mlx_save_writer(writer, array.handle))
    finally:
        _free("io_writer", writer)


def _safetensors(load_call):
    arrays, metadata = lib.mlx_map_string_to_array_new(), lib.mlx_map_string_to_string_new()
    try:
        check(load_call(C.byref(arrays), C.byref(metadata)))
        return _entries(arrays, "array"), _entries(metadata, "string")
    finally:
        _free("map_string_to_array", arrays)
        _free("map_string_to_string", metadata)


def load_safetensors(path):
    return _safetensors(lambda a, m: lib.mlx_load_safetensors(a, m, str(path).encode(), STREAM))


def load_safetensors_reader(file):
    reader = file.reader()
    try:
        return _safetensors(lambda a, m: lib.mlx_load_safetensors_reader(a, m, reader, STREAM))
    finally:
        _free("io_reader", reader)


def save_safetensors(path, arrays, metadata={}):
    a, m = array_map(arrays), text_map(metadata)
    try:
        check(lib.mlx_save_safetensors(str(path).encode(), a, m))
    finally:
        _free("map_string_to_array", a)
        _free("map_string_to_string", m)


def save_safetensors_writer(file, arrays, metadata={}):
    a, m, writer = array_map(arrays), text_map(metadata), file.writer()
    try:
        check(lib.mlx_save_safetensors_writer(writer, a, m))
    finally:
        _free("io_writer", writer)
        _free("map_string_to_array", a)
        _free("map_string_to_string", m)


def load_npz(path):
    out = lib.mlx_map_string_to_array_new()
    try:
        check(lib.hr_load_npz(C.byref(out), str(path).encode(), STREAM))
        return _entries(out, "array")
    finally:
        _free("map_string_to_array", out)


def load_npz_reader(file):
    out, reader = lib.mlx_map_string_to_array_new(), file.reader()
    try:
        check(lib.hr_load_npz_reader(C.byref(out), reader, STREAM))
        return _entries(out, "array")
    finally:
        _free("map_string_to_array", out)
        _free("io_reader", reader)


def save_npz(path, arrays, compressed):
    handle = array_map(arrays)
    try:
        check(lib.hr_save_npz(str(path).encode(), handle, C.c_bool(compressed)))
    finally:
        _free("map_string_to_array", handle)


def save_npz_writer(file, arrays, compressed):
    handle, writer = array_map(arrays), file.writer()
    try:
        check(lib.hr_save_npz_writer(writer, handle, C.c_bool(compressed)))
    finally:
        _free("io_writer", writer)
        _free("map_string_to_array", handle)


def _texts(vector):
    out = []
    for i in range(lib.mlx_vector_string_size(vector)):
        text = C.c_char_p()
        check(lib.mlx_vector_string_get(C.byref(text), vector, C.c_size_t(i)))
        out.append(text.value.decode())
    return out


class Gguf:
    """The contents of a GGUF file."""

    def __init__(self):
        self.handle = lib.mlx_io_gguf_new()

    def __del__(self):
        lib.mlx_io_gguf_free(self.handle)

    def keys(self):
        vector = lib.mlx_vector_string_new()
        check(lib.mlx_io_gguf_get_keys(C.byref(vector), self.handle))
        out = _texts(vector)
        _free("vector_string", vector)
        return out

    def __getitem__(self, key):
        out = Handle(None)
        check(lib.mlx_io_gguf_get_array(C.byref(out), self.handle, key.encode()))
        return Array(out)

    def __setitem__(self, key, value):
        value = hr.array(value)
        check(lib.mlx_io_gguf_set_array(self.handle, key.encode(), value.handle))

    def metadata(self, key):
        """An Array, a str, a list of str, or None."""
        flag, key = C.c_bool(), key.encode()
        check(lib.mlx_io_gguf_has_metadata_array(C.byref(flag), self.handle, key))
        if flag:
            out = Handle(None)
            check(lib.mlx_io_gguf_get_metadata_array(C.byref(out), self.handle, key))
            return Array(out)
        check(lib.mlx_io_gguf_has_metadata_string(C.byref(flag), self.handle, key))
        if flag:
            text = Handle(None)
            check(lib.mlx_io_gguf_get_metadata_string(C.byref(text), self.handle, key))
            out = lib.mlx_string_data(text).decode()
            _free("string", text)
            return out
        check(lib.mlx_io_gguf_has_metadata_vector_string(C.byref(flag), self.handle, key))
        if flag:
            vector = Handle(None)
            check(lib.mlx_io_gguf_get_metadata_vector_string(C.byref(vector), self.handle, key))
            out = _texts(vector)
            _free("vector_string", vector)
            return out
        return None

    def set_metadata(self, key, value):
        key = key.encode()
        if isinstance(value, str):
            check(lib.mlx_io_gguf_set_metadata_string(self.handle, key, value.encode()))
        elif isinstance(value, list):
            texts = (C.c_char_p * len(value))(*(v.encode() for v in value))
            vector = lib.mlx_vector_string_new_data(texts, C.c_size_t(len(value)))
            check(lib.mlx_io_gguf_set_metadata_vector_string(self.handle, key, vector))
            _free("vector_string", vector)
        else:
            value = hr.array(value)
            check(lib.mlx_io_gguf_set_metadata_array(self.handle, key, value.handle))


def load_gguf(path):
    out = Gguf()
    check(lib.mlx_load_gguf(C.byref(out.handle), str(path).encode(), STREAM))
    return out


def save_gguf(path, gguf):
    check(lib.mlx_save_gguf(str(path).encode(), gguf.handle))


def memory(data=b""):
    return io.BytesIO(data)


def same(a, b):
    """Equal as bits, shape and type; a and b are NumPy arrays."""
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
