"""Files: npy, npz, safetensors and GGUF; drawings of graphs."""
import os
import zipfile

from headrace import _core as mx

__all__ = ["export_to_dot", "load", "save", "save_gguf", "save_safetensors", "savez", "savez_compressed"]

_FORMATS = ("npy", "npz", "safetensors", "gguf")


def _path(file):
    """The path as a text, or None for an object with read() or write()."""
    if isinstance(file, (str, os.PathLike)):
        return os.fspath(file)
    if hasattr(file, "read") or hasattr(file, "write"):
        return None
    raise ValueError("[load] Input must be a file-like object opened in binary mode, or a path")


def _with_suffix(path, suffix):
    return path if path is None or path.endswith(suffix) else path + suffix


def _own(items):
    """A dict of its own, which no other thread changes while it is read."""
    return items.copy() if isinstance(items, dict) else items


def _write(file, content):
    """What _save answered goes to a file object, if it is one."""
    if content is not None:
        file.write(content)


def load(file, /, format=None, return_metadata=False, *, stream=None):
    """Reads arrays from a path or a file object.

    format is "npy" (an array), "npz", "safetensors" or "gguf" (dicts of arrays); by default the file's suffix says it.
    With return_metadata the last two answer a tuple of the dict and the file's metadata. Files that are given by their
    path are read when the arrays are evaluated. Raises RuntimeError for files that cannot be read, ValueError for
    formats.

    >>> mx.save_safetensors("weights.safetensors", {"w": mx.arange(3)})
    >>> mx.load("weights.safetensors")
    {'w': array([0, 1, 2], dtype=int32)}
    """
    path = _path(file)
    if format is None:
        name = path if path is not None else file.name
        format = os.path.splitext(name)[1][1:]
        if not format:
            raise ValueError("[load] Could not infer file format from extension")
    if format not in _FORMATS:
        raise ValueError(f"[load] Unknown file format {format}")
    if return_metadata and format in ("npy", "npz"):
        raise ValueError(f"[load] metadata not supported for format {format}")
    if format == "gguf":
        if path is None:
            raise ValueError("[load] gguf files are read by their path")
        arrays, metadata = mx._load_gguf(path, stream)
        return (arrays, metadata) if return_metadata else arrays
    if format == "npz":
        return _load_npz(path if path is not None else file, stream)
    result = mx._load(format, path if path is not None else file.read(), stream)
    if format == "npy":
        return result
    return result if return_metadata else result[0]


def _load_npz(file, stream):
    arrays = {}
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            arrays[name.removesuffix(".npy")] = mx._load("npy", archive.read(name), stream)
    return arrays


def save(file, arr):
    """Writes an array to a path (with the suffix .npy) or a file object, in NumPy's format.

    >>> mx.save("x", mx.arange(3))
    >>> mx.load("x.npy")
    array([0, 1, 2], dtype=int32)
    """
    _write(file, mx._save("npy", _with_suffix(_path(file), ".npy"), arr))


def _savez(file, args, kwargs, compression):
    arrays = dict(kwargs)
    for i, array in enumerate(args):
        if arrays.setdefault(f"arr_{i}", array) is not array:
            raise ValueError(f"[savez] Cannot use un-named variables and keyword arr_{i}")
    path = _path(file)
    with zipfile.ZipFile(file if path is None else _with_suffix(path, ".npz"), "w", compression) as archive:
        for name, array in arrays.items():
            array = array if isinstance(array, mx.array) else mx.array(array)
            archive.writestr(name + ".npy", mx._save("npy", None, array))


def savez(file, *args, **kwargs):
    """Writes several arrays to an uncompressed npz archive: arr_0, arr_1, ... and those with names.

    >>> mx.savez("xy", mx.arange(3), y=mx.ones(2))
    >>> mx.load("xy.npz")
    {'y': array([1, 1], dtype=float32), 'arr_0': array([0, 1, 2], dtype=int32)}
    """
    _savez(file, args, kwargs, zipfile.ZIP_STORED)


def savez_compressed(file, *args, **kwargs):
    """As savez(), compressed.

    >>> mx.savez_compressed("zeros", mx.zeros((2,)))
    >>> mx.load("zeros.npz")
    {'arr_0': array([0, 0], dtype=float32)}
    """
    _savez(file, args, kwargs, zipfile.ZIP_DEFLATED)


def save_safetensors(file, arrays, metadata=None):
    """Writes a dict of arrays, with texts as metadata, to a path (with the suffix .safetensors) or a file object.

    >>> mx.save_safetensors("weights", {"w": mx.arange(3)}, {"step": "7"})
    >>> mx.load("weights.safetensors", return_metadata=True)
    ({'w': array([0, 1, 2], dtype=int32)}, {'step': '7'})
    """
    _write(file, mx._save("safetensors", _with_suffix(_path(file), ".safetensors"), _own(arrays), _own(metadata)))


def save_gguf(file, arrays, metadata=None):
    """Writes a dict of arrays, with metadata of arrays, texts and lists of texts, to a path (with the suffix .gguf).

    >>> mx.save_gguf("weights", {"w": mx.ones((2,))}, {"name": "small"})
    >>> mx.load("weights.gguf", return_metadata=True)
    ({'w': array([1, 1], dtype=float32)}, {'name': 'small'})
    """
    path = _path(file)
    if path is None:
        raise ValueError("[save_gguf] gguf files are written by their path")
    mx._save_gguf(_with_suffix(path, ".gguf"), _own(arrays), _own(metadata))


def export_to_dot(file, *args, **kwargs):
    """Draws the graph that would compute arrays, to a path or a file object opened for text, for `dot` of Graphviz.

    args are arrays, also in trees; kwargs name arrays of the drawing. It begins with arrays that are computed or queued.
    Raises ValueError for files and arrays that are none.

    >>> x, y = mx.array(1), mx.array(2)
    >>> mx.export_to_dot("graph.dot", x + y, x=x, y=y)
    >>> print(open("graph.dot").readline().strip())
    digraph {
    """
    if not isinstance(file, (str, os.PathLike)) and not hasattr(file, "write"):
        raise ValueError(f"export_to_dot(): argument 'file' must be a path or a file object, not {type(file).__name__}")
    text = mx._graph_as_dot(args, kwargs)
    if hasattr(file, "write"):
        file.write(text)
    else:
        with open(file, "w", encoding="utf-8") as opened:
            opened.write(text)
