"""Files: what MLX wrote is read, what we write MLX reads; file objects, suffixes, refusals."""
import io
import pathlib

import numpy as np
import pytest

import headrace.core as mx

mlx = pytest.importorskip("mlx.core")
DTYPES = "bool_ uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 float32 bfloat16 complex64".split()


def data(m, dtype="float32"):
    return {"a": m.array([[1, 0], [2, 3]], getattr(m, dtype)), "b.c": m.arange(5)}


def same(ours, theirs):
    assert sorted(ours) == sorted(theirs)
    for key in ours:
        assert ours[key].tolist() == theirs[key].tolist()
        assert repr(ours[key].dtype).rpartition(".")[2] == repr(theirs[key].dtype).rpartition(".")[2]


@pytest.mark.parametrize("dtype", DTYPES)
def test_safetensors(tmp_path, dtype):
    path = str(tmp_path / "x")
    mx.save_safetensors(path, data(mx, dtype), {"key": "value"})
    theirs, metadata = mlx.load(path + ".safetensors", return_metadata=True)
    same(data(mx, dtype), theirs)
    assert metadata == {"key": "value"}
    mlx.save_safetensors(path, data(mlx, dtype), {"k": "ä"})
    ours, metadata = mx.load(path + ".safetensors", return_metadata=True)
    same(ours, data(mlx, dtype))
    assert metadata == {"k": "ä"}
    file = io.BytesIO()
    mx.save_safetensors(file, data(mx, dtype))
    same(mx.load(io.BytesIO(file.getvalue()), format="safetensors"), data(mlx, dtype))


@pytest.mark.parametrize("dtype", [d for d in DTYPES if d != "bfloat16"])
def test_npy(tmp_path, dtype):
    x = data(mx, dtype)["a"]
    mx.save(tmp_path / "x", x)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), np.array(x))
    np.save(tmp_path / "y.npy", np.array(x.T))
    assert mx.load(pathlib.Path(tmp_path / "y.npy")).tolist() == x.T.tolist()
    with open(tmp_path / "z.npy", "wb") as file:
        mx.save(file, x)
    with open(tmp_path / "z.npy", "rb") as file:
        assert mx.load(file).tolist() == x.tolist()


def test_npz(tmp_path):
    for save in (mx.savez, mx.savez_compressed):
        save(tmp_path / "x", mx.arange(3), y=mx.ones((2, 2)))
        with np.load(tmp_path / "x.npz") as theirs:
            assert sorted(theirs) == ["arr_0", "y"] and theirs["y"].tolist() == [[1, 1], [1, 1]]
        same(mx.load(str(tmp_path / "x.npz")), {"arr_0": mlx.arange(3), "y": mlx.ones((2, 2))})
    with pytest.raises(ValueError):
        mx.savez(io.BytesIO(), mx.arange(3), arr_0=mx.arange(2))


def test_gguf(tmp_path):
    path = str(tmp_path / "x.gguf")
    mx.save_gguf(path, {"a": mx.ones((2, 2))}, {"text": "t", "list": ["a", "b"], "n": mx.array([1, 2])})
    arrays, metadata = mlx.load(path, return_metadata=True)
    same({"a": mx.ones((2, 2))}, arrays)
    ours, own = mx.load(path, return_metadata=True)
    same(ours, arrays)
    assert own["text"] == metadata["text"] == "t" and own["list"] == metadata["list"] == ["a", "b"]
    assert own["n"].tolist() == metadata["n"].tolist()


def test_refusals(tmp_path):
    (tmp_path / "bad.npy").write_bytes(b"no file of NumPy's")
    for call, error in [(lambda: mx.load(str(tmp_path / "none.npy")), RuntimeError), (lambda: mx.load("x"), ValueError),
                        (lambda: mx.load("x.foo"), ValueError), (lambda: mx.load(3), ValueError),
                        (lambda: mx.load("x.npy", return_metadata=True), ValueError),
                        (lambda: mx.save(io.BytesIO(), [1]), TypeError),
                        (lambda: mx.save_safetensors(io.BytesIO(), {"a": 1}), TypeError),
                        (lambda: mx.save_safetensors(io.BytesIO(), {"a": mx.ones(1)}, {"k": 1}), TypeError),
                        (lambda: mx.eval(mx.load(str(tmp_path / "bad.npy"))), (RuntimeError, ValueError)),
                        (lambda: mx.eval(mx.load(io.BytesIO(b"x"), format="npy")), (RuntimeError, ValueError)),
                        (lambda: mx.eval(mx.load(io.BytesIO(b""), format="safetensors")), (RuntimeError, ValueError))]:
        with pytest.raises(error):
            call()
