"""Arrays from and to other libraries: buffers, DLPack, NumPy, PyTorch where it is installed."""
import gc
import io
import threading
import weakref

import numpy as np
import pytest

import headrace.core as mx

KINDS = {"bool_": "?", "uint8": "u1", "uint16": "u2", "uint32": "u4", "uint64": "u8", "int8": "i1", "int16": "i2",
         "int32": "i4", "int64": "i8", "float16": "f2", "float32": "f4", "float64": "f8", "complex64": "c8"}
LAYOUTS = {"rows": lambda a: a, "transposed": lambda a: a.T, "reversed": lambda a: a[::-1, ::2], "empty": lambda a: a[:0],
           "broadcast": lambda a: np.broadcast_to(a[0], (3, a.shape[1])), "scalar": lambda a: a[1, 1]}


def data(name):
    return (np.arange(12) % 5).reshape(3, 4).astype(KINDS[name])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", KINDS)
def test_numpy_in(name, layout):
    a = LAYOUTS[layout](data(name))
    dtype = getattr(mx, name)
    for x in (mx.array(a, dtype), mx.asarray(np.asarray(a), dtype)):
        assert x.dtype == dtype and x.shape == a.shape and x.tolist() == a.tolist()
    x = mx.from_dlpack(np.asarray(a), copy=True)
    assert x.dtype == dtype and x.tolist() == a.tolist()


@pytest.mark.parametrize("name", KINDS)
def test_numpy_out(name):
    a = data(name)
    with mx.stream(mx.cpu):
        x = mx.array(a, getattr(mx, name))
        for view, want in ((x, a), (x.T, a.T), (x[::-1, ::2], a[::-1, ::2]), (x[:0], a[:0]), (x[1, 1], a[1, 1])):
            for out in (np.array(view), np.asarray(view), np.from_dlpack(view), np.array(memoryview(view)), view.__array__()):
                assert out.dtype == a.dtype
                np.testing.assert_array_equal(out, want)
            assert bytes(view) == want.tobytes()


def test_views_share_memory_and_outlive_the_array():
    x = mx.array([1.0, 2.0, 3.0])
    view, capsule = np.asarray(x), np.from_dlpack(x)
    assert np.shares_memory(view, capsule)
    x[0] = 9
    assert view.tolist() == [1, 2, 3] and capsule.tolist() == [1, 2, 3] and x.tolist() == [9, 2, 3]
    del x
    gc.collect()
    assert view.tolist() == [1, 2, 3]


def test_operations_do_not_write_into_exported_memory():
    x = mx.ones((1000,)) + 1
    view = memoryview(x)
    y = x + 1
    del x
    mx.eval(y)
    assert set(view) == {2.0} and set(y.tolist()) == {3.0}


class Owner:
    """Has DLPack of a NumPy array, and can be seen to go."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **kwargs):
        return self.array.__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def test_foreign_memory_is_shared_and_given_back():
    a = np.arange(4, dtype=np.float32)
    gone, pause = [], threading.Event()  # a thread of the library may be the one that gives it back
    weakref.finalize(a, gone.append, True)
    x = mx.from_dlpack(a)
    a[0] = 7
    assert x.tolist() == [7, 1, 2, 3]
    y = x + 1
    del a, x
    gc.collect()
    assert y.tolist() == [8, 2, 3, 4]
    del y
    # Without the interpreter's lock the thread that made the object frees it, between two calls.
    assert any(gone or pause.wait(0.05) for _ in range(1200))


def test_copies_on_request():
    a = np.arange(4, dtype=np.float32)
    x = mx.from_dlpack(a, copy=True)
    a[0] = 7
    assert x.tolist() == [0, 1, 2, 3]
    assert mx.array(a) is not a and mx.asarray(a, copy=True).tolist() == a.tolist()
    with pytest.raises(ValueError):
        mx.from_dlpack(a[::2], copy=False)
    with pytest.raises(ValueError):
        mx.asarray([1, 2], copy=False)
    assert mx.from_dlpack(a[::2]).tolist() == [7, 2]
    assert mx.asarray(np.ones(2)).dtype == mx.float32
    assert mx.from_dlpack(Owner(a)).tolist() == a.tolist()


def test_read_only_memory_is_copied():
    a = np.arange(3, dtype=np.int32)
    a.flags.writeable = False
    assert mx.asarray(a).tolist() == [0, 1, 2] and mx.array(a).tolist() == [0, 1, 2]


def test_bfloat16_goes_out_as_float32():
    x = mx.array([1.5, 2.0], mx.bfloat16)
    assert np.array(x).dtype == np.float32 and np.array(x).tolist() == [1.5, 2.0]
    with pytest.raises(BufferError):
        memoryview(x)


def test_dlpack_capsules():
    x = mx.array([1, 2])
    assert x.__dlpack_device__() == (1, 0)
    assert "dltensor_versioned" in repr(x.__dlpack__(max_version=(1, 0)))
    with pytest.raises(BufferError):
        x.__dlpack__(dl_device=(2, 0))
    for bad in (3, "a", [1]):
        with pytest.raises((TypeError, ValueError)):
            mx.from_dlpack(bad)
    with pytest.raises(TypeError):
        mx.from_dlpack(type("No", (), {"__dlpack__": lambda self, **_: 3})())


def test_plain_memory_needs_order():
    x = mx.arange(6).reshape(2, 3)
    with pytest.raises(BufferError):
        io.BytesIO().write(x.T)
    file = io.BytesIO()
    assert file.write(x) == x.nbytes and file.getvalue() == bytes(x)


def test_objects_that_are_arrays():
    class Holder:
        def __mlx_array__(self):
            return mx.array([1.0, 2.0])

    assert (mx.array([1.0, 1.0]) + Holder()).tolist() == [2, 3] and mx.array(Holder()).tolist() == [1, 2]
    assert mx.array([0]).__array_namespace__() is mx


def test_pytorch():
    torch = pytest.importorskip("torch")
    x = mx.arange(6).reshape(2, 3).astype(mx.float32)
    t = torch.from_dlpack(x)
    assert t.tolist() == x.tolist() and torch.from_dlpack(x.T).tolist() == x.T.tolist()
    assert mx.from_dlpack(t).tolist() == x.tolist() and mx.array(t.T).tolist() == x.T.tolist()
    half = torch.ones(3, dtype=torch.bfloat16)
    assert mx.array(half).dtype == mx.bfloat16 and torch.from_dlpack(mx.array(half)).dtype == torch.bfloat16
