"""NumPy files against numpy.save, numpy.load and mlx.core."""
import os
import stat
import struct

import mlx.core as mx
import numpy as np
import pytest

import files
import hr
from files import File, load, load_reader, memory, same, save, save_writer
from layouts import SHAPES, numbers, views

mx.set_default_device(mx.cpu)
NUMPY = "? u1 u2 u4 u8 i1 i2 i4 i8 f2 f4 f8 c8".split()
SHAPES = SHAPES + [(70, 301)]


def values_of(kind, shape, order="C"):
    values = np.random.default_rng(1).integers(0, 100, shape) + (0.5 if np.dtype(kind).kind in "fc" else 0)
    return np.asarray(values % 2 if kind == "?" else values, dtype=kind, order=order)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", NUMPY + [">" + k for k in NUMPY if np.dtype(k).itemsize > 1])
def test_load(tmp_path, kind, shape):
    for order in "CF":
        values = values_of(kind, shape, order)
        np.save(tmp_path / "a.npy", values)
        assert same(load(tmp_path / "a.npy").numpy(), values.astype(values.dtype.newbyteorder("=")))


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_versions(tmp_path, version):
    values = values_of("f4", (3, 5))
    with open(tmp_path / "a.npy", "wb") as f:
        np.lib.format.write_array(f, values, version=version)
    assert same(load(tmp_path / "a.npy").numpy(), values)


@pytest.mark.parametrize("dtype", hr.DTYPES)
def test_save_layouts(tmp_path, dtype):
    for shape in SHAPES:
        values = numbers(dtype, shape)
        for array, expected in views(values, dtype):
            save(tmp_path / "a.npy", array)
            back = load(tmp_path / "a.npy")
            assert back.dtype == dtype and same(back.numpy(), np.ascontiguousarray(expected).reshape(shape))
            if dtype != hr.BFLOAT16:
                assert same(np.load(tmp_path / "a.npy"), np.ascontiguousarray(expected).reshape(shape))


def test_column_major_stays(tmp_path):
    np.save(tmp_path / "a.npy", np.asfortranarray(values_of("f4", (4, 5))))
    save(tmp_path / "b.npy", load(tmp_path / "a.npy"))
    assert np.load(tmp_path / "b.npy").flags.f_contiguous
    assert open(tmp_path / "a.npy", "rb").read() == open(tmp_path / "b.npy", "rb").read()


@pytest.mark.parametrize("dtype", hr.DTYPES)
def test_mlx(tmp_path, dtype):
    """Both ways, with each other's files."""
    values = numbers(dtype, (3, 4))
    theirs = mx.array(np.asarray(values)).astype(getattr(mx, hr.NAMES[dtype]))
    mx.save(str(tmp_path / "a.npy"), theirs)
    ours = load(tmp_path / "a.npy")
    assert ours.dtype == dtype and same(ours.numpy(), np.asarray(values))
    save(tmp_path / "b.npy", ours)
    back = mx.load(str(tmp_path / "b.npy"))
    assert back.dtype == theirs.dtype and mx.array_equal(back, theirs)


def test_bool_is_0_or_1(tmp_path):
    np.save(tmp_path / "a.npy", np.array([0, 1, 2, 255], np.uint8))
    data = open(tmp_path / "a.npy", "rb").read().replace(b"|u1", b"|b1")
    open(tmp_path / "a.npy", "wb").write(data)
    assert load(tmp_path / "a.npy").numpy().view(np.uint8).tolist() == [0, 1, 1, 1]


def test_extension_is_added(tmp_path):
    save(tmp_path / "x", hr.array([1.0]))
    save(tmp_path / "x.npy", hr.array([1.0]))
    save(tmp_path / "y.bin", hr.array([1.0]))
    assert sorted(os.listdir(tmp_path)) == ["x.npy", "y.bin.npy"]


# --- headers of the test's own ---

def npy(header, data=b"", version=(1, 0)):
    header = header if isinstance(header, bytes) else header.encode()
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version[0] == 1 else "<I", len(header)) + header + data


GOOD = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"


@pytest.mark.parametrize("header", [
    GOOD, "{'shape':(2,3),'fortran_order':False,'descr':'<f4'}",
        '{"descr":"<f4","fortran_order":False,"shape":(2,3,)}  \n',
    "{'descr': '=f4', 'fortran_order': False, 'shape': (2L, 3L)}",
    "\n { 'descr' : '<f4' , 'fortran_order' : False , 'shape' : ( 2 , 3 , ) , } "])
def test_headers(tmp_path, header):
    values = np.arange(6, dtype="f4")
    (tmp_path / "a.npy").write_bytes(npy(header, values.tobytes()))
    assert same(load(tmp_path / "a.npy").numpy(), values.reshape(2, 3))


DATA = bytes(24)
BAD = [
    (b"", "head 10 bytes"), (b"\x93NUMPX" + bytes(100), "magic"), (npy(GOOD, DATA)[:9], "10 bytes"),
    (npy(GOOD, DATA, (4, 0)), "version 4.0"),
    (npy(GOOD, DATA, (1, 1)), "version 1.1"), (npy(GOOD, DATA)[:40], "header"),
    (npy(GOOD, DATA[:-1]), "array 24 bytes"),
    (b"\x93NUMPY\2\0" + struct.pack("<I", 2**32 - 1) + bytes(10), "4294967295 too long"),
    (npy("", DATA), "brace"), (npy(GOOD + "x", DATA), "unknown text"),
    (npy(GOOD.replace("shape", "shap"), DATA), "unknown key"),
    (npy("{'descr': '<f4', " + GOOD[1:], DATA), "twice"), (npy("{'descr': '<f4', 'shape': (2, 3)}", DATA), "missing"),
    (npy(GOOD.replace("False", "Maybe"), DATA), "neither"), (npy(GOOD.replace("(2, 3)", "(2 3)"), DATA), "comma"),
    (npy(GOOD.replace("(2, 3)", "(-2, 3)"), DATA), "length"), (npy(GOOD.replace("(2, 3)", "(6)"), DATA), "tuple"),
    (npy(GOOD.replace("(2, 3)", "[2, 3]"), DATA), "tuple"),
    (npy(GOOD.replace("(2, 3)", "(99999999999, 3)"), DATA), "2147483647"),
    (npy(GOOD.replace("(2, 3)", "(2147483647, 2147483647, 2147483647)"), DATA), "a.npy"),
    (npy(GOOD.replace("(2, 3)", "(2147483647, 200000000)"), DATA), "array bytes"),
    (npy(GOOD.replace("(2, 3)", "(" + "1," * 40 + ")"), DATA), "32 axes"),
    (npy(GOOD.replace("<f4", "<f16"), DATA), "<f16"),
    (npy(GOOD.replace("<f4", "<U2"), DATA), "<U2"), (npy(GOOD.replace("<f4", "|O"), DATA), "|O"),
    (npy(GOOD.replace("<f4", "<c16"), DATA), "<c16"), (npy(GOOD.replace("<f4", "<M8[s]"), DATA), "<M8[s]"),
    (npy(GOOD.replace("'<f4'", "[('a', '<f4')]"), DATA), "records"),
    (npy(GOOD.replace("'<f4'", "'<f4"), DATA), "a.npy"),
    (npy(GOOD.encode() + b"\0", DATA), "zero byte"), (npy("{" * 60000, DATA), "string"),
]


@pytest.mark.parametrize("data, words", BAD, ids=range(len(BAD)))
def test_bad_headers(tmp_path, data, words):
    (tmp_path / "a.npy").write_bytes(data)
    with pytest.raises(hr.Error) as caught:
        load(tmp_path / "a.npy")
    for word in ["mlx_load", "a.npy", *words.split()]:
        assert word in str(caught.value), str(caught.value)


def test_no_file(tmp_path):
    for path, words in ((tmp_path / "none.npy", "No such file"), (tmp_path, "no regular file"),
        ("/dev/zero", "no regular file")):
        with pytest.raises(hr.Error, match=words):
            load(path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(hr.Error, match="no regular file"):
        load(tmp_path / "pipe")


def test_file_cut_between_header_and_data(tmp_path):
    path = tmp_path / "a.npy"
    for count in (10, 3 << 20):
        np.save(path, np.zeros(count, np.float32))
        array = load(path)
        os.truncate(path, 4 * count)
        with pytest.raises(hr.Error, match="ends at byte") as caught:
            array.numpy()
        assert "a.npy" in str(caught.value)


def test_file_replaced_between_header_and_data(tmp_path):
    """The file that was opened is read, also after its name has gone."""
    np.save(tmp_path / "a.npy", np.arange(5))
    array = load(tmp_path / "a.npy")
    os.unlink(tmp_path / "a.npy")
    assert array.numpy().tolist() == [0, 1, 2, 3, 4]


def test_large(tmp_path):
    """Above the size from which pieces are read side by side."""
    values = np.random.default_rng(0).integers(0, 2**32, 1_500_000, dtype=np.uint32)
    np.save(tmp_path / "a.npy", values.astype(">u4"))
    assert same(load(tmp_path / "a.npy").numpy(), values)


# --- saving ---

def test_mode_and_links(tmp_path):
    real, link = tmp_path / "real.npy", tmp_path / "link.npy"
    save(real, hr.array([1.0]))
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(os.stat(real).st_mode) == 0o666 & ~umask
    os.chmod(real, 0o640)
    os.symlink("real.npy", link)
    save(link, hr.array([2.0]))
    assert stat.S_IMODE(os.stat(real).st_mode) == 0o640 and os.path.islink(link)
    assert np.load(real).tolist() == [2.0] and sorted(os.listdir(tmp_path)) == ["link.npy", "real.npy"]


def test_failures_leave_the_old_file(tmp_path):
    path = tmp_path / "a.npy"
    save(path, hr.array([1.0]))
    broken = load(path)
    os.truncate(path, 100)
    before = path.read_bytes()
    with pytest.raises(hr.Error):
        save(path, broken)  # its data is gone
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["a.npy"]
    os.mkdir(tmp_path / "folder.npy")
    for target in (tmp_path / "nowhere" / "a", tmp_path / "folder.npy"):
        with pytest.raises(hr.Error, match="mlx_save"):
            save(target, hr.array([1.0]))


def test_full_disk(tmp_path):
    """No room for the file: the limit on its size stands for the disk."""
    import resource
    import signal
    path = tmp_path / "a.npy"
    save(path, hr.array([1.0]))
    old, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, old[1]))
    try:
        with pytest.raises(hr.Error, match="cannot write"):
            save(path, hr.array(np.zeros(100000, np.float32)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert np.load(path).tolist() == [1.0] and os.listdir(tmp_path) == ["a.npy"]


# --- readers and writers ---

def several(arrays):
    out = memory()
    for a in arrays:
        np.save(out, a)
    out.seek(0)
    return out


@pytest.mark.parametrize("at_offset", [True, False])
def test_reader(at_offset):
    arrays = [values_of("f4", (3, 4)), values_of(">i2", (5,)), values_of("c8", ())]
    file = File(several(arrays), at_offset)
    loaded = [load_reader(file) for _ in arrays]  # one behind the other, before any is evaluated
    assert file.file.read() == b""
    for ours, values in zip(loaded, arrays):
        assert same(ours.numpy(), values.astype(values.dtype.newbyteorder("=")))


def test_reader_lives_until_the_data_is_read():
    file = File(several([np.arange(4)]))
    array = load_reader(file)  # frees its handle
    assert file.freed == 0
    assert array.numpy().tolist() == [0, 1, 2, 3]
    del array
    while not file.freed:  # on the library's callback thread
        load_reader(File(several([np.arange(1)]))).numpy()
    assert file.freed == 1


@pytest.mark.parametrize("missing", ["is_open", "good", "tell", "seek"])
def test_reader_without(missing):
    with pytest.raises(hr.Error, match=f"no function `{missing}`"):
        load_reader(File(several([np.arange(4)]), **{missing: True}))


def test_reader_that_fails():
    file = File(several([np.arange(4)]))
    file.file.close()
    with pytest.raises(hr.Error, match="not open"):
        load_reader(file)
    file = File(several([np.arange(4)]))
    file.is_good = False
    with pytest.raises(hr.Error, match="state of failure"):
        load_reader(file)
    for at_offset in (True, False):
        file = File(several([np.arange(4)]), at_offset)
        array = load_reader(file)
        file.file.truncate(140)
        with pytest.raises(hr.Error, match="failed to read") as caught:
            array.numpy()
        assert "<test file>" in str(caught.value)


def test_writer():
    file = File(memory())
    arrays = [numbers(hr.FLOAT32, (3, 4)), numbers(hr.INT8, (1000, 300))]
    for a in arrays:
        save_writer(file, a)
    file.file.seek(0)
    for a in arrays:
        assert same(np.load(file.file), a)
    with pytest.raises(hr.Error, match="no function `write`"):
        save_writer(File(memory(), write=True), arrays[0])
    file = File(memory())
    file.is_good = False
    with pytest.raises(hr.Error, match="state of failure"):
        save_writer(file, arrays[0])


def test_reader_that_uses_itself():
    """A function of a reader that loads from the same reader is told so."""
    data = several([np.arange(4)])
    file, caught = File(data), []
    reader = file.reader()

    def seek(_d, offset, whence):
        if not caught:
            caught.append("")
            out = hr.Handle(None)
            if hr.lib.mlx_load_reader(hr.ctypes.byref(out), reader, files.STREAM):
                caught[0] = hr._last_error[0]
        data.seek(offset, whence)

    kind = type(file.keep["seek"])
    file.keep["seek2"] = kind(seek)
    file.table.seek = hr.ctypes.cast(file.keep["seek2"], hr.ctypes.c_void_p)
    hr.lib.mlx_io_reader_free(reader)
    reader = hr.lib.mlx_io_reader_new(None, file.table)
    out = hr.Handle(None)
    hr.check(hr.lib.mlx_load_reader(hr.ctypes.byref(out), reader, files.STREAM))
    assert hr.Array(out).numpy().tolist() == [0, 1, 2, 3]
    assert "uses it" in caught[0]
    hr.lib.mlx_io_reader_free(reader)
