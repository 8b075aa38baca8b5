"""GGUF files against the package of that name and mlx.core."""
import os
import struct

import gguf
import mlx.core as mx
import numpy as np
import pytest

import hr
from files import Gguf, load_gguf, same, save_gguf
from layouts import numbers, views

mx.set_default_device(mx.cpu)
Q = gguf.GGMLQuantizationType
PLAIN = {hr.FLOAT32: Q.F32, hr.FLOAT16: Q.F16, hr.FLOAT64: Q.F64, hr.INT8: Q.I8, hr.INT16: Q.I16, hr.INT32: Q.I32,
         hr.INT64: Q.I64}


def write(path, tensors, metadata=lambda w: None):
    """tensors: name to (values or blocks, type)."""
    w = gguf.GGUFWriter(str(path), "llama")
    metadata(w)
    for name, (values, kind) in tensors.items():
        w.add_tensor(name, values, raw_dtype=kind)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def blocks(kind, rows=3, numbers_in_row=512, seed=0):
    """Rows of blocks with moderate scales: random bits else."""
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    data = np.random.default_rng(seed).integers(0, 256, (rows, numbers_in_row // elements, size), np.uint8)
    scales = np.random.default_rng(seed + 1).uniform(0.001, 0.02,
        (rows, numbers_in_row // elements, 2)).astype("f2").view(np.uint8)
    places = {Q.Q4_0: [0], Q.Q4_1: [0, 2], Q.Q5_0: [0], Q.Q5_1: [0, 2], Q.Q8_0: [0], Q.Q2_K: [80, 82], Q.Q3_K: [108],
              Q.Q4_K: [0, 2], Q.Q5_K: [0, 2], Q.Q6_K: [208], Q.IQ4_NL: [0]}[kind]
    for i, at in enumerate(places):
        data[:, :, at:at + 2] = scales[:, :, 2 * i:2 * i + 2]
    return data.reshape(rows, -1)


@pytest.mark.parametrize("dtype", PLAIN)
def test_plain(tmp_path, dtype):
    shapes = [(5,), (3, 4), (2, 3, 4), (2, 1, 3, 5)]
    arrays = {f"x{i}": np.ascontiguousarray(numbers(dtype, s)) for i, s in enumerate(shapes)}
    write(tmp_path / "a.gguf", {k: (v, None) for k, v in arrays.items()})
    loaded = load_gguf(tmp_path / "a.gguf")
    assert loaded.keys() == list(arrays) and loaded.metadata("general.architecture") == "llama"
    assert all(loaded[k].dtype == dtype and same(loaded[k].numpy(), arrays[k]) for k in arrays)


def test_bfloat16(tmp_path):
    values = numbers(hr.BFLOAT16, (3, 32))
    write(tmp_path / "a.gguf", {"x": (gguf.quants.quantize(values, Q.BF16), Q.BF16)})
    x = load_gguf(tmp_path / "a.gguf")["x"]
    assert x.dtype == hr.BFLOAT16 and same(x.numpy(), values)


@pytest.mark.parametrize("kind", [Q.Q4_0, Q.Q4_1, Q.Q8_0])
def test_quantized(tmp_path, kind):
    """The three arrays, as in MLX, bit for bit, and what they stand for."""
    data = blocks(kind)
    write(tmp_path / "a.gguf", {"blk.weight": (data, kind), "odd": (data, kind)})
    ours, theirs = load_gguf(tmp_path / "a.gguf"), mx.load(str(tmp_path / "a.gguf"))
    assert set(ours.keys()) == set(theirs) == {"blk.weight", "blk.scales", "blk.biases", "odd", "odd.scales",
        "odd.biases"}
    for k in theirs:
        assert same(ours[k].numpy(), np.asarray(theirs[k])), k
    bits = 8 if kind == Q.Q8_0 else 4
    packed = ours["odd"].numpy()
    q = (packed[..., None] >> np.arange(0, 32, bits, dtype=np.uint32) & (2**bits - 1)).reshape(len(packed), -1, 32)
    means = q * ours["odd.scales"].numpy().astype("f4")[..., None] + ours["odd.biases"].numpy().astype("f4")[..., None]
    expected = gguf.quants.dequantize(data, kind)
    assert np.allclose(means.reshape(expected.shape), expected, rtol=2**-10, atol=2**-10 * np.abs(expected).max())


@pytest.mark.parametrize("kind", [Q.Q5_0, Q.Q5_1, Q.Q2_K, Q.Q3_K, Q.Q4_K, Q.Q5_K, Q.Q6_K, Q.IQ4_NL])
def test_decoded(tmp_path, kind):
    """Within one unit in the last place of float16 of the package's values."""
    data = blocks(kind, rows=70)
    write(tmp_path / "a.gguf", {"x.weight": (data, kind)})
    x = load_gguf(tmp_path / "a.gguf")["x.weight"]
    expected = gguf.quants.dequantize(data, kind)
    assert x.dtype == hr.FLOAT16 and x.shape == expected.shape
    # A difference of two products may cancel: the unit is that of the larger one, at most 63 * 31 * 0.02.
    unit = np.maximum(np.spacing(np.abs(expected).astype("f2")).astype("f4"), 1e-5)
    assert (np.abs(x.numpy().astype("f4") - expected) <= unit).all()


@pytest.mark.parametrize("kind", [Q.Q8_1, Q.IQ2_XS, Q.TQ1_0, Q.MXFP4])
def test_types_that_cannot_be_loaded(tmp_path, kind):
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    write(tmp_path / "a.gguf", {"some.weight": (np.zeros((2, size), np.uint8), kind)})
    with pytest.raises(hr.Error, match=f"some.weight.*{kind.name}"):
        load_gguf(tmp_path / "a.gguf")


def test_metadata_read(tmp_path):
    def fill(w):
        for name, value in (("u8", 200), ("i8", -3), ("u16", 60000), ("i16", -300), ("u32", 2**32 - 1), ("i32", -2**31),
                            ("u64", 2**64 - 1), ("i64", -2**63)):
            getattr(w, "add_" + {"u": "uint", "i": "int"}[name[0]] + name[1:])(name, value)
        w.add_float32("f32", 0.5)
        w.add_float64("f64", 1e300)
        w.add_bool("yes", True)
        w.add_string("text", "größe")
        w.add_array("list", [1, 2, 3])
        w.add_array("floats", [0.5, 1.5])
        w.add_array("bools", [True, False])
        w.add_array("texts", ["<s>", "", "☃"])

    write(tmp_path / "a.gguf", {"x": (np.zeros(4, "f4"), None)}, fill)
    g = load_gguf(tmp_path / "a.gguf")
    expected = {"u8": np.uint8(200), "i8": np.int8(-3), "u16": np.uint16(60000), "i16": np.int16(-300),
        "u32": np.uint32(2**32 - 1),
                "i32": np.int32(-2**31), "u64": np.uint64(2**64 - 1), "i64": np.int64(-2**63), "f32": np.float32(0.5),
                "f64": np.float64(1e300), "yes": np.bool_(True), "list": np.array([1, 2, 3], "i4"),
                "floats": np.array([0.5, 1.5], "f4"), "bools": np.array([True, False])}
    for key, value in expected.items():
        assert same(g.metadata(key).numpy(), np.asarray(value)), key
    assert g.metadata("text") == "größe" and g.metadata("texts") == ["<s>", "", "☃"]
    assert g.metadata("none") is None


@pytest.mark.parametrize("dtype", [*PLAIN, hr.BFLOAT16])
def test_round_trip(tmp_path, dtype):
    shapes = [(), (1,), (0,), (5,), (3, 4), (2, 0), (2, 3, 4)]
    g, expected = Gguf(), {}
    for shape in shapes:
        for i, (array, values) in enumerate(views(numbers(dtype, shape), dtype)):
            g[f"{shape} {i}"], expected[f"{shape} {i}"] = array, np.ascontiguousarray(values).reshape(shape)
    save_gguf(tmp_path / "a", g)
    back = load_gguf(tmp_path / "a.gguf")
    assert back.keys() == list(expected)
    assert all(back[k].dtype == dtype and same(back[k].numpy(), expected[k]) for k in expected)


def test_metadata_round_trip_and_package(tmp_path):
    g = Gguf()
    g["x"] = hr.array(np.arange(6, dtype="f4").reshape(2, 3))
    kinds = [d for d in hr.DTYPES if d not in (hr.FLOAT16, hr.BFLOAT16, hr.COMPLEX64)]
    for d in kinds:
        g.set_metadata(f"one{d}", hr.array(numbers(d, ()), d))
        g.set_metadata(f"some{d}", hr.array(numbers(d, (7,)), d))
    g.set_metadata("text", "größe")
    g.set_metadata("empty", "")
    g.set_metadata("texts", ["a", "", "☃"])
    save_gguf(tmp_path / "a.gguf", g)
    back = load_gguf(tmp_path / "a.gguf")
    for d in kinds:
        assert same(back.metadata(f"one{d}").numpy(), np.asarray(numbers(d, ())))
        assert same(back.metadata(f"some{d}").numpy(), numbers(d, (7,)))
    assert back.metadata("empty") == "" and back.metadata("text") == "größe" and back.metadata("texts") == ["a", "",
        "☃"]
    theirs = gguf.GGUFReader(str(tmp_path / "a.gguf"))
    assert theirs.fields["text"].contents() == "größe" and theirs.fields["texts"].contents() == ["a", "", "☃"]
    assert [theirs.fields[f"some{d}"].contents() for d in kinds] == [numbers(d, (7,)).tolist() for d in kinds]
    assert np.array_equal(theirs.tensors[0].data, np.arange(6, dtype="f4").reshape(2, 3))


@pytest.mark.parametrize("dtype", [hr.FLOAT32, hr.FLOAT16, hr.INT8, hr.INT16, hr.INT32])
def test_mlx(tmp_path, dtype):
    values = numbers(dtype, (3, 4))
    mx.save_gguf(str(tmp_path / "a.gguf"), {"x": mx.array(values)},
        {"n": mx.array([1, 2, 3]), "s": "text", "l": ["a", "b"]})
    g = load_gguf(tmp_path / "a.gguf")
    assert same(g["x"].numpy(), values) and g.metadata("n").numpy().tolist() == [1, 2, 3]
    assert g.metadata("s") == "text" and g.metadata("l") == ["a", "b"]
    save_gguf(tmp_path / "b.gguf", g)
    arrays, metadata = mx.load(str(tmp_path / "b.gguf"), return_metadata=True)
    assert mx.array_equal(arrays["x"], mx.array(values)) and arrays["x"].dtype == getattr(mx, hr.NAMES[dtype])
    assert metadata["n"].tolist() == [1, 2, 3] and metadata["s"] == "text" and metadata["l"] == ["a", "b"]


def test_alignment(tmp_path):
    g = Gguf()
    g.set_metadata("general.alignment", hr.array(np.uint32(256)))
    g["a"], g["b"] = hr.array([1, 2, 3], hr.INT8), hr.array([4.0])
    save_gguf(tmp_path / "a.gguf", g)
    data = (tmp_path / "a.gguf").read_bytes()
    assert len(data) % 256 == 0 and data[-512:-509] == b"\1\2\3"
    assert load_gguf(tmp_path / "a.gguf")["b"].numpy().tolist() == [4.0]
    for bad in (np.uint32(3), np.uint32(0), np.int64(32)):
        g.set_metadata("general.alignment", hr.array(bad))
        with pytest.raises(hr.Error, match="general.alignment"):
            save_gguf(tmp_path / "a.gguf", g)


def test_what_cannot_be_saved(tmp_path):
    for dtype in (hr.BOOL, hr.UINT8, hr.UINT64, hr.COMPLEX64):
        g = Gguf()
        g["thing"] = hr.array([1], dtype)
        with pytest.raises(hr.Error, match=f"thing.*{hr.NAMES[dtype].rstrip('_')}"):
            save_gguf(tmp_path / "a", g)
    for value in (hr.array([1.0], hr.FLOAT16), hr.array([[1.0]])):
        g = Gguf()
        g.set_metadata("thing", value)
        with pytest.raises(hr.Error, match="thing"):
            save_gguf(tmp_path / "a", g)
    assert os.listdir(tmp_path) == []


# --- files of the test's own ---

def text(t):
    t = t if isinstance(t, bytes) else t.encode()
    return struct.pack("<Q", len(t)) + t


def tensor(name="x", shape=(4,), kind=0, place=0):
    return text(name) + struct.pack("<I",
        len(shape)) + b"".join(struct.pack("<Q", n) for n in shape) + struct.pack("<IQ", kind, place)


def file(tensors=(), entries=(), data=b"", version=3, counts=None):
    out = b"GGUF" + struct.pack("<IQQ", version,
        *(counts or (len(tensors), len(entries)))) + b"".join(entries) + b"".join(tensors)
    return out + bytes(-len(out) % 32) + data


def test_version_2(tmp_path):
    (tmp_path / "a.gguf").write_bytes(file([tensor()], data=np.arange(4, dtype="<f4").tobytes(), version=2))
    assert load_gguf(tmp_path / "a.gguf")["x"].numpy().tolist() == [0, 1, 2, 3]


U32 = text("k") + struct.pack("<II", 4, 7)
DATA = bytes(64)
BIG = 2**63
BAD = [
    (b"", "head"), (b"GGML" + bytes(20), "magic"), (b"GGUF\1\0\0\0" + bytes(20), "version 1"),
    (b"GGUF\0\0\0\3" + bytes(20), "big-endian"),
    (b"GGUF\3\0\0\0" + bytes(8), "number metadata"), (file(counts=(0, BIG)), str(BIG)),
    (file(counts=(BIG, 0)), str(BIG)),
    (file(entries=[U32, U32]), "\"k\" twice"), (file(entries=[struct.pack("<QQ", BIG, 0)], counts=(0, 1)), "key"),
    (file(entries=[text("k") + struct.pack("<I", 99) + bytes(8)]), "\"k\" unknown 99"),
    (file(entries=[text("k") + struct.pack("<II", 9, 9) + bytes(8)]), "\"k\" list of lists"),
    (file(entries=[text("k") + struct.pack("<IIQ", 9, 8, BIG)]), "texts"),
    (file(entries=[text("k") + struct.pack("<IIQ", 9, 4, BIG)]), "list"),
    (file(entries=[text("k") + struct.pack("<IIQ", 9, 4, 2**31 - 1)]), "2147483647 values"),
    (file(entries=[text("k") + struct.pack("<I", 8) + text(b"a\0b")]), "zero byte"),
    (file(entries=[text(b"k\0") + struct.pack("<II", 4, 7)]), "zero byte"),
    (file(entries=[text("k" * 70000) + struct.pack("<II", 4, 7)]), "70000"),
    (file(entries=[text("general.alignment") + struct.pack("<II", 4, 12)]), "general.alignment"),
    (file([tensor()], data=bytes(15)), "\"x\" 16"), (file([tensor(place=BIG)], data=DATA), "\"x\" behind"),
    (file([tensor(place=60)], data=DATA), "\"x\""), (file([tensor(), tensor()], data=DATA), "\"x\""),
    (file([tensor(), tensor("y", place=8)], data=DATA), "\"y\" another"),
    (file([tensor(shape=(BIG, 1))], data=DATA), "\"x\" " + str(BIG)),
    (file([tensor(shape=(2**31 - 1,) * 3)], data=DATA), "\"x\""),
    (file([tensor(shape=(1,) * 40)], data=DATA), "\"x\" 40 axes"),
    (file([tensor(kind=77)], data=DATA), "\"x\" 77 unknown"), (file([tensor(kind=2)], data=DATA), "\"x\" Q4_0 32"),
    (file([tensor(kind=2, shape=())], data=DATA), "\"x\" Q4_0"), (file([tensor()[:-1]], counts=(1, 0))[:40], "cannot"),
    (file([tensor("x.weight", (32,), 2), tensor("x.scales", (1,), 0, 32)], data=DATA), "two arrays \"x.scales\""),
]


@pytest.mark.parametrize("data, words", BAD, ids=range(len(BAD)))
def test_bad_files(tmp_path, data, words):
    (tmp_path / "a.gguf").write_bytes(data)
    with pytest.raises(hr.Error) as caught:
        load_gguf(tmp_path / "a.gguf")
    for word in ["mlx_load_gguf", "a.gguf", *words.split()]:
        assert word in str(caught.value), str(caught.value)


def test_cut_after_the_header(tmp_path):
    path = tmp_path / "a.gguf"
    write(path, {"x.weight": (blocks(Q.Q4_0), Q.Q4_0)})
    g = load_gguf(path)
    scales = g["x.scales"]
    os.truncate(path, 256)
    with pytest.raises(hr.Error, match="a.gguf.*ends at byte"):
        scales.numpy()


def test_one_of_three(tmp_path):
    """Arrays of a quantised tensor that nobody holds are not missed."""
    write(tmp_path / "a.gguf", {"x.weight": (blocks(Q.Q4_1), Q.Q4_1)})
    g = load_gguf(tmp_path / "a.gguf")
    biases, expected = g["x.biases"], np.asarray(mx.load(str(tmp_path / "a.gguf"))["x.biases"])
    del g
    assert same(biases.numpy(), expected)
