"""safetensors files against the package of that name and mlx.core."""
import json
import os
import struct

import mlx.core as mx
import numpy as np
import pytest
import safetensors.numpy as st

import hr
from files import (File, load_safetensors, load_safetensors_reader, memory, same, save_safetensors,
                   save_safetensors_writer)
from layouts import SHAPES, numbers, views

mx.set_default_device(mx.cpu)
WORDS = {"plain": "text", "quotes": 'a "b" \\ c\n\t\x01', "Ünicode ☃ 𝄞": "größe"}


def safetensors(header, data=b""):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(header)) + header + data


@pytest.mark.parametrize("dtype", [d for d in hr.DTYPES if d not in (hr.BFLOAT16, hr.COMPLEX64)])
def test_package(tmp_path, dtype):
    path = tmp_path / "a.safetensors"
    arrays = {f"x{i}": np.ascontiguousarray(numbers(dtype, shape)) for i, shape in enumerate(SHAPES)}
    st.save_file(arrays, path, WORDS)
    loaded, words = load_safetensors(path)
    assert words == WORDS and set(loaded) == set(arrays)
    assert all(same(loaded[k].numpy(), arrays[k]) for k in arrays)
    save_safetensors(path, loaded, words)
    back = st.load_file(path)
    assert all(same(back[k], arrays[k]) for k in arrays)
    with st.safe_open(path, "np") if hasattr(st, "safe_open") else __import__("safetensors").safe_open(path, "np") as f:
        assert f.metadata() == WORDS


@pytest.mark.parametrize("dtype", [d for d in hr.DTYPES if d != hr.FLOAT64])
def test_mlx(tmp_path, dtype):
    values = numbers(dtype, (3, 4))
    theirs = mx.array(np.asarray(values)).astype(getattr(mx, hr.NAMES[dtype]))
    mx.save_safetensors(str(tmp_path / "a.safetensors"), {"x": theirs}, {"k": "v"})
    arrays, words = load_safetensors(tmp_path / "a.safetensors")
    assert words == {"k": "v"} and arrays["x"].dtype == dtype and same(arrays["x"].numpy(), np.asarray(values))
    save_safetensors(tmp_path / "b.safetensors", arrays, words)
    back, words = mx.load(str(tmp_path / "b.safetensors"), return_metadata=True)
    assert words == {"k": "v"} and mx.array_equal(back["x"], theirs) and back["x"].dtype == theirs.dtype


def test_mlx_without_metadata(tmp_path):
    mx.save_safetensors(str(tmp_path / "a.safetensors"), {"x": mx.array([1.0])})
    arrays, words = load_safetensors(tmp_path / "a.safetensors")
    assert words == {} and arrays["x"].numpy().tolist() == [1]


@pytest.mark.parametrize("dtype", hr.DTYPES)
def test_layouts(tmp_path, dtype):
    arrays, expected = {}, {}
    for shape in SHAPES:
        for i, (array, values) in enumerate(views(numbers(dtype, shape), dtype)):
            arrays[f"{shape} {i}"], expected[f"{shape} {i}"] = array, np.ascontiguousarray(values).reshape(shape)
    save_safetensors(tmp_path / "a", arrays)
    back, words = load_safetensors(tmp_path / "a.safetensors")
    assert words == {} and list(back) == list(arrays)
    assert all(back[k].dtype == dtype and same(back[k].numpy(), expected[k]) for k in expected)


def test_elements_are_aligned(tmp_path):
    save_safetensors(tmp_path / "a", {"odd": hr.array([1, 2, 3], hr.UINT8), "wide": hr.array([1.0], hr.FLOAT64),
                                      "half": hr.array([1.0], hr.FLOAT16)})
    data = (tmp_path / "a.safetensors").read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    assert length % 8 == 0 and [header[k]["data_offsets"][0] for k in ("wide", "half", "odd")] == [0, 8, 10]


def test_empty(tmp_path):
    save_safetensors(tmp_path / "a", {})
    assert load_safetensors(tmp_path / "a.safetensors") == ({}, {})


def test_bits_of_eight_bit_floats(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(safetensors({"x": {"dtype": "F8_E4M3", "shape": [2], "data_offsets": [0, 2]},
                                  "y": {"dtype": "F8_E8M0", "shape": [1], "data_offsets": [2, 3]}}, b"\x38\x40\x7f"))
    arrays, _ = load_safetensors(path)
    assert arrays["x"].dtype == hr.UINT8 and arrays["x"].numpy().tolist() == [0x38, 0x40]
    assert arrays["y"].numpy().tolist() == [0x7F]


def test_strings_and_unknown_keys(tmp_path):
    """Escapes of all kinds, spaces, keys that nobody knows."""
    header = (r'{ "\u0061\u00e4\ud834\udd1e\/\"" : {"dtype":"U8", "more": {"a":[1,{"b":null}],"c":-1.5e3},'
              r' "shape":[ 2 , 1 ], "data_offsets":[0,2]}, "__metadata__":{} }  ')
    (tmp_path / "a.safetensors").write_bytes(safetensors(header.encode(), b"\1\2"))
    arrays, _ = load_safetensors(tmp_path / "a.safetensors")
    assert arrays['aä𝄞/"'].numpy().tolist() == [[1], [2]]


def test_far_offsets(tmp_path):
    """Beyond 4 GiB, in a file that is mostly a hole; only what is evaluated is read."""
    far = 5 << 30
    header = json.dumps({"a": {"dtype": "U8", "shape": [5, 1 << 30], "data_offsets": [0, far]},
                         "b": {"dtype": "I16", "shape": [3], "data_offsets": [far, far + 6]}}).encode()
    with open(tmp_path / "a.safetensors", "wb") as f:
        f.write(struct.pack("<Q", len(header)) + header)
        f.seek(8 + len(header) + far)
        f.write(np.array([7, 8, 9], "<i2").tobytes())
    arrays, _ = load_safetensors(tmp_path / "a.safetensors")
    assert arrays["b"].numpy().tolist() == [7, 8, 9] and arrays["a"].shape == (5, 1 << 30)


def one(**changes):
    return {"x": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4], **changes}}


U8 = '{"dtype":"U8","shape":[4],"data_offsets":[0,4]}'
DEEP = b'{"x":{"y":' + b"[" * 100 + b"]" * 100 + b',"dtype":"U8","shape":[4],"data_offsets":[0,4]}}'
BAD = [
    (b"", "8 bytes"), (b"\1", "8 bytes"),
    (struct.pack("<Q", 2**64 - 1) + b"{}", "18446744073709551615"),
    (struct.pack("<Q", 3) + b"{}", "header 3 bytes"),
    (struct.pack("<Q", 0), "missing"),
    (safetensors(b"[]"), "missing"),
    (safetensors(b" {}"), "missing"),
    (safetensors(b"{"), "string"),
    (safetensors(b"{}x"), "unknown text"),
    (safetensors(b'{"x"}'), "':'"),
    (safetensors(one(dtype="F4"), bytes(4)), "type F4"),
    (safetensors(one(dtype="F8_E5M2"), bytes(4)), "F8_E5M2"),
    (safetensors(one(dtype=4), bytes(4)), "string"),
    (safetensors(one(shape=[5]), bytes(4)), "\"x\" 5"),
    (safetensors(one(shape=[-4]), bytes(4)), "whole number"),
    (safetensors(one(shape=[4.0]), bytes(4)), "whole"),
    (safetensors(one(shape=[2**31]), bytes(4)), "2147483647"),
    (safetensors(one(shape=[1] * 33 + [4]), bytes(4)), "32 axes"),
    (safetensors(one(shape=[2**31 - 1] * 4), bytes(4)), "\"x\""),
    (safetensors(one(data_offsets=[0, 5]), bytes(4)), "\"x\" 5"),
    (safetensors(one(data_offsets=[4, 0]), bytes(4)), "\"x\""),
    (safetensors(one(data_offsets=[2**63, 2**63 + 4]), bytes(4)), "\"x\""),
    (safetensors(one(data_offsets=[0, 2**64]), bytes(4)), "2^64"),
    (safetensors(one(data_offsets=[0]), bytes(4)), "','"),
    (safetensors(one(data_offsets=[0, 4, 5]), bytes(4)), "']'"),
    (safetensors({"x": {"dtype": "U8", "shape": [4]}}, bytes(4)), "missing"),
    (safetensors({"x": one()["x"], "y": one()["x"]}, bytes(4)), "\"y\" before the end of the one"),
    (safetensors(one(data_offsets=[1, 5]), bytes(5)), "behind"),
    (safetensors(one(), bytes(5)), "end at byte 4"),
    (safetensors(one(), bytes(3)), "\"x\""),
    (safetensors(f'{{"x":{U8},"x":{U8}}}'.encode(), bytes(4)), "twice"),
    (safetensors(b'{"__metadata__":{},"__metadata__":{}}'), "twice"),
    (safetensors(b'{"__metadata__":{"a":"b","a":"c"}}'), "twice"),
    (safetensors(b'{"__metadata__":{"a":1}}'), "string"),
    (safetensors(DEEP, bytes(4)), "deeply"),
    (safetensors(b'{"\xff":1}'), "UTF-8"),
    (safetensors(b'{"\xc0\x80":1}'), "UTF-8"),
    (safetensors(b'{"\xed\xa0\x80":1}'), "UTF-8"),
    (safetensors(b'{"\\u0000":1}'), "escape"),
    (safetensors(b'{"\\ud834":1}'), "escape"),
    (safetensors(b'{"\\x":1}'), "escape"),
    (safetensors(b'{"a\nb":1}'), "control"),
    (safetensors(b'{"abc'), "end"),
    (safetensors(b'{"x":{"dtype":"U8",}}'), "value"),
    (safetensors(b'{"x":{"dtype":"U8" "shape":[]}}'), "','"),
]


@pytest.mark.parametrize("data, words", BAD, ids=range(len(BAD)))
def test_bad_files(tmp_path, data, words):
    (tmp_path / "a.safetensors").write_bytes(data)
    with pytest.raises(hr.Error) as caught:
        load_safetensors(tmp_path / "a.safetensors")
    for word in ["mlx_load_safetensors", "a.safetensors", *words.split()]:
        assert word in str(caught.value), str(caught.value)


def test_bad_names(tmp_path):
    for arrays, words in (({"__metadata__": hr.array([1.0])}, "__metadata__"), ({b"\xff": hr.array([1.0])}, "UTF-8")):
        with pytest.raises(hr.Error, match=words):
            save_safetensors(tmp_path / "a", arrays)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("at_offset", [True, False])
def test_reader_and_writer(at_offset):
    arrays = {"a": numbers(hr.FLOAT32, (3, 4)), "b": numbers(hr.INT8, (100, 301)), "c": numbers(hr.BOOL, ())}
    file = File(memory(), at_offset)
    save_safetensors_writer(file, {k: hr.array(v) for k, v in arrays.items()}, WORDS)
    file.file.seek(0)
    back, words = load_safetensors_reader(file)
    assert words == WORDS and all(same(back[k].numpy(), arrays[k]) for k in arrays)
    loaded = st.load(file.file.getvalue())
    assert all(same(loaded[k], arrays[k]) for k in arrays)
