"""Files of several arrays against numpy.savez, numpy.load, zipfile and mlx.core."""
import io
import os
import struct
import zipfile

import mlx.core as mx
import numpy as np
import pytest

import hr
from files import File, load_npz, load_npz_reader, memory, same, save_npz, save_npz_writer
from layouts import SHAPES, numbers, views

mx.set_default_device(mx.cpu)
NUMPY = "? u1 u2 u4 u8 i1 i2 i4 i8 f2 f4 f8 c8".split()


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", NUMPY)
def test_numpy(tmp_path, kind, compressed):
    """Both ways, each with the other's file; any name, order and byte order."""
    random = np.random.default_rng(0)
    arrays = {f"ärray {i}": random.integers(0, 2, s).astype(kind) for i, s in enumerate([*SHAPES, (70, 301)])}
    arrays["fortran"] = np.asfortranarray(arrays["ärray 11"])
    arrays["big"] = arrays["ärray 11"].astype(np.dtype(kind).newbyteorder(">"))
    (np.savez_compressed if compressed else np.savez)(tmp_path / "a.npz", **arrays)
    ours = load_npz(tmp_path / "a.npz")
    assert list(ours) == list(arrays)
    assert all(same(ours[k].numpy(), arrays[k].astype(kind)) for k in arrays)
    save_npz(tmp_path / "b", ours, compressed)
    with np.load(tmp_path / "b.npz") as theirs:
        assert set(theirs) == set(arrays) and all(same(theirs[k], arrays[k].astype(kind)) for k in arrays)
    with zipfile.ZipFile(tmp_path / "b.npz") as z:
        assert z.testzip() is None and [i.compress_type for i in z.infolist()] == [8 if compressed else 0] * len(arrays)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", hr.DTYPES)
def test_layouts(tmp_path, dtype, compressed):
    arrays, expected = {}, {}
    for shape in SHAPES:
        for i, (array, values) in enumerate(views(numbers(dtype, shape), dtype)):
            arrays[f"{shape} {i}"], expected[f"{shape} {i}"] = array, np.ascontiguousarray(values).reshape(shape)
    save_npz(tmp_path / "a.npz", arrays, compressed)
    back = load_npz(tmp_path / "a.npz")
    assert list(back) == list(arrays)
    assert all(back[k].dtype == dtype and same(back[k].numpy(), expected[k]) for k in expected)


@pytest.mark.parametrize("compressed", [False, True])
def test_mlx(tmp_path, compressed):
    arrays = {hr.NAMES[d]: mx.array(np.asarray(numbers(d, (3, 4)))).astype(getattr(mx, hr.NAMES[d])) for d in hr.DTYPES}
    (mx.savez_compressed if compressed else mx.savez)(str(tmp_path / "a.npz"), **arrays)
    ours = load_npz(tmp_path / "a.npz")
    assert {k: hr.NAMES[v.dtype] for k, v in ours.items()} == {k: k for k in arrays}
    save_npz(tmp_path / "b.npz", ours, compressed)
    theirs = mx.load(str(tmp_path / "b.npz"))
    assert set(theirs) == set(arrays)
    assert all(mx.array_equal(theirs[k], arrays[k]) and theirs[k].dtype == arrays[k].dtype for k in arrays)


def test_empty(tmp_path):
    save_npz(tmp_path / "a", {}, False)
    assert load_npz(tmp_path / "a.npz") == {} and list(np.load(tmp_path / "a.npz")) == []


@pytest.mark.parametrize("compressed", [False, True])
def test_large(tmp_path, compressed):
    """Above the pieces in which bytes are read, checked and unpacked."""
    values = np.repeat(np.random.default_rng(0).integers(0, 2**32, 300_000, dtype=np.uint32), 8)
    (np.savez_compressed if compressed else np.savez)(tmp_path / "a.npz", values=values)
    ours = load_npz(tmp_path / "a.npz")
    assert same(ours["values"].numpy(), values)
    save_npz(tmp_path / "b.npz", ours, compressed)
    assert same(np.load(tmp_path / "b.npz")["values"], values)


def test_many(tmp_path):
    """More than 65534 entries need records of zip64."""
    one = hr.array(np.uint8(7))
    save_npz(tmp_path / "a.npz", {f"{i}": one for i in range(65540)}, False)
    with zipfile.ZipFile(tmp_path / "a.npz") as z:
        assert len(z.infolist()) == 65540
    back = load_npz(tmp_path / "a.npz")
    assert len(back) == 65540 and back["65539"].numpy() == 7


@pytest.mark.parametrize("at_offset", [True, False])
@pytest.mark.parametrize("compressed", [False, True])
def test_reader_and_writer(at_offset, compressed):
    arrays = {"a": numbers(hr.FLOAT32, (3, 4)), "b": numbers(hr.INT8, (100, 301))}
    file = File(memory(), at_offset)
    save_npz_writer(file, arrays, compressed)
    file.file.seek(0)
    back = load_npz_reader(file)
    assert all(same(back[k].numpy(), arrays[k]) for k in arrays)
    theirs = np.load(io.BytesIO(file.file.getvalue()))
    assert all(same(theirs[k], arrays[k]) for k in arrays)


# --- broken archives ---

def npy(values):
    out = io.BytesIO()
    np.save(out, values)
    return out.getvalue()


def archive(entries, method=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, data in entries:
            z.writestr(name, data)
    return out.getvalue()


VALUES = np.arange(1000, dtype="<i4")
STORED, DEFLATED = archive([("x.npy", npy(VALUES))]), archive([("x.npy", npy(VALUES))], zipfile.ZIP_DEFLATED)
CENTRAL, CENTRAL_D = STORED.index(b"PK\1\2"), DEFLATED.index(b"PK\1\2")


def put(data, at, form, *values):
    new = struct.pack(form, *values)
    return data[:at] + new + data[at + len(new):]


def end64(data, count, size, at):
    """With the numbers of the end record in records of zip64."""
    place = data.index(b"PK\5\6")
    wide = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, at)
    return data[:place] + wide + struct.pack("<4sIQI", b"PK\6\7", 0, place, 1) + put(data[place:], 8, "<HHII", 65535,
        65535,
                                                                                     2**32 - 1, 2**32 - 1)


SIZE = len(STORED) - 22 - CENTRAL
TWO = archive([("x.npy", npy(VALUES)), ("y.npy", npy(VALUES))])
BAD = [
    (b"", "end record"), (STORED[:-1], "end record"), (STORED + b"x", "end record"), (STORED[100:], "directory"),
    (put(STORED, len(STORED) - 12, "<H", 2), "directory 2"),
    (put(STORED, len(STORED) - 6, "<I", 2**32 - 2), "directory"),
    (put(STORED, len(STORED) - 18, "<H", 1), "parts"), (put(STORED, len(STORED) - 6, "<I", 2**32 - 1), "locator"),
    (end64(STORED, 2**63, SIZE, CENTRAL), "directory"), (end64(STORED, 1, SIZE, 2**63), "directory"),
    (end64(STORED, 1, 2**63, CENTRAL), "directory"), (put(STORED, CENTRAL, "<I", 0), "broken"),
    (put(STORED, CENTRAL + 28, "<H", 60000), "broken"), (put(STORED, CENTRAL + 42, "<I", 10**6), "\"x.npy\" outside"),
    (put(STORED, CENTRAL + 46, "c", b"z"), "\"z.npy\" another name"), (put(STORED, CENTRAL + 47, "c", b"\0"), "broken"),
    (put(STORED, 0, "<I", 7), "\"x.npy\" another name"), (put(STORED, CENTRAL + 8, "<H", 1), "\"x.npy\" encrypted"),
    (put(STORED, CENTRAL + 10, "<H", 12), "\"x.npy\" deflate"),
    (put(STORED, CENTRAL + 24, "<I", 5000), "\"x.npy\" larger"),
    (put(STORED, CENTRAL + 20, "<II", 10**6, 10**6), "\"x.npy\" longer"),
    (put(STORED, 28, "<H", 65535), "\"x.npy\" longer"),
    (put(DEFLATED, CENTRAL_D + 24, "<I", 2**32 - 2), "\"x.npy\" larger"),
    (archive([("x.txt", b"hello")]), "\"x.txt\""), (archive([("x.npy", b"hello")]), "\"x\" head"),
    (archive([("x.npy", npy(VALUES) + b"more")]), "\"x\" ends"),
    (archive([("x.npy", npy(VALUES)[:-1])]), "\"x\" array"),
    (archive([("x.npy", npy(np.array(["text"])))]), "\"x\" <U4"),
    (put(TWO, TWO.rindex(b"PK\1\2") + 42, "<I", 0).replace(b"y.npy", b"x.npy"), "x.npy"),
]


@pytest.mark.parametrize("data, words", BAD, ids=range(len(BAD)))
def test_bad_archives(tmp_path, data, words):
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(hr.Error) as caught:
        load_npz(tmp_path / "a.npz")
    for word in ["hr_load_npz", "a.npz", *words.split()]:
        assert word in str(caught.value), str(caught.value)


def test_zip64_directory(tmp_path):
    (tmp_path / "a.npz").write_bytes(end64(STORED, 1, SIZE, CENTRAL))
    assert same(load_npz(tmp_path / "a.npz")["x"].numpy(), VALUES)


SIZE_D = struct.unpack_from("<I", DEFLATED, CENTRAL_D + 24)[0]
BAD_DATA = [
    (put(STORED, 1000, "<I", 12345), "checksum"), (put(STORED, CENTRAL + 16, "<I", 7), "checksum 00000007"),
    (put(DEFLATED, CENTRAL_D + 16, "<I", 7), "checksum 00000007"), (put(DEFLATED, 300, "<Q", 0), "\"x\" broken"),
    (put(DEFLATED, CENTRAL_D + 20, "<I", 1000), "too soon"),
]


@pytest.mark.parametrize("data, words", BAD_DATA, ids=range(len(BAD_DATA)))
def test_bad_data(tmp_path, data, words):
    """Found when the array is evaluated."""
    (tmp_path / "a.npz").write_bytes(data)
    array = load_npz(tmp_path / "a.npz")["x"]
    with pytest.raises(hr.Error) as caught:
        array.numpy()
    for word in ["load", "a.npz", *words.split()]:
        assert word in str(caught.value), str(caught.value)


def test_more_bytes_than_the_directory_says(tmp_path):
    """The size is that of the array; the compressed bytes hold more."""
    data = archive([("x.npy", npy(VALUES) + b"more")], zipfile.ZIP_DEFLATED)
    at = data.index(b"PK\1\2")
    (tmp_path / "a.npz").write_bytes(put(data, at + 24, "<I", len(npy(VALUES))))
    with pytest.raises(hr.Error, match="hold more than"):
        load_npz(tmp_path / "a.npz")["x"].numpy()


def test_bad_names(tmp_path):
    for name, words in ((b"\xff", "UTF-8"), ("x" * 70000, "too long")):
        with pytest.raises(hr.Error, match=words):
            save_npz(tmp_path / "a", {name: hr.array([1.0])}, False)
    assert os.listdir(tmp_path) == []
