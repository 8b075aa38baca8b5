"""What the extension module and the package need in Python: NumPy, printing with a precision, devices."""
import sys
import types

from headrace import _core

__all__ = ["ArrayLike", "PrintOptions", "clear_streams", "device_info", "get_printoptions", "printoptions",
           "set_printoptions"]


class ArrayLike:
    """Anything with a method `__mlx__array__` that answers an array. Raises TypeError for other objects.

    >>> class Two:
    ...     def __mlx__array__(self):
    ...         return mx.array(2)
    >>> mx.array(mx.ArrayLike(Two()))
    array(2, dtype=int32)
    """

    def __init__(self, arg, /):
        if not hasattr(arg, "__mlx__array__") and not hasattr(arg, "__mlx_array__"):
            raise TypeError(f"ArrayLike(): {type(arg).__name__} has no __mlx__array__()")
        self._arg = arg

    def __mlx__array__(self):
        method = getattr(self._arg, "__mlx__array__", None) or self._arg.__mlx_array__
        return method()


def to_numpy(array, dtype=None, copy=None):
    """array.__array__(): a view of the elements where no conversion is needed."""
    import numpy

    if array.dtype == _core.bfloat16:
        if copy is False:
            raise ValueError("bfloat16 arrays cannot be shared with NumPy")
        array = _core.astype(array, _core.float32)
    out = numpy.asarray(memoryview(array))
    if dtype is not None and out.dtype != dtype:
        if copy is False:
            raise ValueError(f"a copy is needed for the dtype {dtype}")
        return out.astype(dtype)
    return out.copy() if copy else out


def submodule(core, where):
    """The submodule `where`, made if the extension module did not."""
    name = f"headrace.core.{where}"
    if name not in sys.modules:
        sys.modules[name] = types.ModuleType(name)
        setattr(core, where, sys.modules[name])
    return sys.modules[name]


def device_info(d=None):
    """What is known about a device (None: the default one), a dict of texts and numbers.

    >>> mx.device_info(mx.cpu)["cores"] > 0
    True
    """
    if d is None:
        d = _core.default_device()
    return _core._device_info(d if isinstance(d, _core.Device) else _core.Device(d))


def clear_streams():
    """There for programs that call it. Streams belong to the process and are given back when nobody holds them.

    >>> mx.clear_streams()
    """


class _RandomState:
    """The state of random numbers, for programs that evaluate it or copy it: its one item is the thread's key."""

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return [_core._random_state()][index]

    def __repr__(self):
        return repr(list(self))


RANDOM = {"state": _RandomState()}


# --- printing ---

class PrintOptions:
    """How arrays are printed: `precision`, the digits after the point, -1 for as many as six digits need.

    >>> mx.PrintOptions(3).precision
    3
    """

    __slots__ = ("precision",)

    def __init__(self, precision=-1):
        self.precision = precision


def get_printoptions():
    """The PrintOptions in force.

    >>> mx.get_printoptions().precision
    -1
    """
    return PrintOptions(_core._get_precision())


def set_printoptions(precision=-1):
    """Sets the digits after the point of printed floats; -1 is the default. For the whole process.

    >>> mx.set_printoptions(precision=2); mx.array(3.14159)
    array(3.14, dtype=float32)
    >>> mx.set_printoptions()
    """
    _core._set_precision(int(precision))


class printoptions:
    """A scope with other print options.

    >>> with mx.printoptions(precision=2):
    ...     print(mx.array(3.14159))
    array(3.14, dtype=float32)
    """

    def __init__(self, precision=-1):
        self._precision = int(precision)
        self._before = []

    def __enter__(self):
        self._before.append(_core._get_precision())
        set_printoptions(self._precision)
        return self

    def __exit__(self, *_):
        set_printoptions(self._before.pop())


def format_array(array, precision):
    """repr() with a fixed number of digits."""
    dtype = repr(array.dtype).rpartition(".")[2]
    return f"array({_format_axis(array, array.tolist(), precision, 6 + 1)}, dtype={dtype})"


def _format_element(value, precision):
    if isinstance(value, complex):
        return f"{value.real:.{precision}f}{value.imag:+.{precision}f}j"
    return f"{value:.{precision}f}" if isinstance(value, float) else str(value)


def _format_axis(array, values, precision, indent):
    if not isinstance(values, list):
        return _format_element(values, precision)
    rows = isinstance(values[0], list) if values else False
    shown = values if len(values) <= 6 else values[:3] + [None] + values[-3:]
    parts = ["..." if v is None else _format_axis(array, v, precision, indent + 1) for v in shown]
    return "[" + (",\n" + " " * indent if rows else ", ").join(parts) + "]"
