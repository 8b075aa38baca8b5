"""Drawings of graphs, and the state of random numbers as programs see it."""
import io
import pathlib
import threading

import pytest

import headrace.core as mx


def test_a_drawing(tmp_path):
    x, y = mx.array(1), mx.array(2)
    z = x + y
    for file in (tmp_path / "a.dot", str(tmp_path / "b.dot")):
        mx.export_to_dot(file, z, x=x, y=y)
        text = pathlib.Path(file).read_text()
        assert text.startswith("digraph {") and 'label="add"' in text
        assert [f'"{name}" -> ' in text for name in "xyA"] == [True, True, False] and "rank=sink; \"A\"" in text
    mx.eval(z)
    file = io.StringIO()
    mx.export_to_dot(file, {"z": [z]})
    assert "add" not in file.getvalue() and 'rank=source; "A"' in file.getvalue()


def test_bad_drawings(tmp_path):
    with pytest.raises(ValueError, match="'file' must be a path or a file object, not int"):
        mx.export_to_dot(3, mx.array(1))
    with pytest.raises(ValueError, match="'x' must be an array, not list"):
        mx.export_to_dot(io.StringIO(), x=[mx.array(1)])
    with pytest.raises(FileNotFoundError):
        mx.export_to_dot(tmp_path / "no" / "file", mx.array(1))


def test_drawing_while_others_evaluate():
    for _ in range(200):
        x = mx.array(1.0)
        for _ in range(50):
            x = mx.exp(x * 0.5) + x
        thread = threading.Thread(target=mx.eval, args=(x,))
        thread.start()
        file = io.StringIO()
        mx.export_to_dot(file, x)
        thread.join()
        assert file.getvalue().endswith("}\n")


def test_random_state():
    mx.random.seed(7)
    state = mx.random.state
    assert len(state) == 1 and state[0].tolist() == state[-1].tolist() == mx.random.key(7).tolist()
    assert [key.dtype for key in state] == [mx.uint32] and "array([0, 7]" in repr(state)
    mx.eval(state)
    used = mx.random.split(state[0])
    assert mx.array_equal(mx.random.uniform(shape=(5,)), mx.random.uniform(shape=(5,), key=used[1]))
    assert mx.array_equal(state[0], used[0])
    with pytest.raises(IndexError):
        state[1]
