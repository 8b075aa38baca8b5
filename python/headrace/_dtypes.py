"""Questions about dtypes: categories, promotion, limits."""
import math

from headrace import _core
from headrace._enums import DtypeCategory

__all__ = ["can_cast", "finfo", "iinfo", "isdtype", "issubdtype", "result_type"]

_UNSIGNED = (_core.uint8, _core.uint16, _core.uint32, _core.uint64)
_SIGNED = (_core.int8, _core.int16, _core.int32, _core.int64)
_FLOATING = (_core.float16, _core.float32, _core.float64, _core.bfloat16)

_KINDS = {
    "bool": (_core.bool_,),
    "signed integer": _SIGNED,
    "unsigned integer": _UNSIGNED,
    "integral": _UNSIGNED + _SIGNED,
    "real floating": _FLOATING,
    "complex floating": (_core.complex64,),
    "numeric": _UNSIGNED + _SIGNED + _FLOATING + (_core.complex64,),
}

# The category above each.
_ABOVE = {
    DtypeCategory.complexfloating: DtypeCategory.inexact,
    DtypeCategory.floating: DtypeCategory.inexact,
    DtypeCategory.inexact: DtypeCategory.number,
    DtypeCategory.signedinteger: DtypeCategory.integer,
    DtypeCategory.unsignedinteger: DtypeCategory.integer,
    DtypeCategory.integer: DtypeCategory.number,
    DtypeCategory.number: DtypeCategory.generic,
}


def _category(dtype):
    for category, members in ((DtypeCategory.signedinteger, _SIGNED), (DtypeCategory.unsignedinteger, _UNSIGNED),
                              (DtypeCategory.floating, _FLOATING), (DtypeCategory.complexfloating, (_core.complex64,))):
        if dtype in members:
            return category
    return DtypeCategory.generic


def issubdtype(arg1, arg2):
    """Whether a dtype or category lies in another one.

    A dtype lies in itself and in the categories of its kind. Raises TypeError for anything else.

    >>> mx.issubdtype(mx.float32, mx.floating)
    True
    """
    for arg in (arg1, arg2):
        if not isinstance(arg, (_core.Dtype, DtypeCategory)):
            raise TypeError(f"issubdtype(): a Dtype or a DtypeCategory is needed, not {type(arg).__name__}")
    if isinstance(arg2, _core.Dtype):
        return arg1 == arg2
    at = _category(arg1) if isinstance(arg1, _core.Dtype) else arg1
    while at is not None:
        if at is arg2:
            return True
        at = _ABOVE.get(at)
    return False


def isdtype(dtype, kind):
    """Whether a dtype is of a kind, as the array API standard defines it.

    `kind` is a Dtype, one of "bool", "signed integer", "unsigned integer", "integral", "real floating", "complex
    floating" and "numeric", or a tuple of these. Raises ValueError for an unknown kind.

    >>> mx.isdtype(mx.int8, ("bool", "integral"))
    True
    """
    if isinstance(kind, tuple):
        return any([isdtype(dtype, k) for k in kind])
    if isinstance(kind, _core.Dtype):
        return dtype == kind
    if kind not in _KINDS:
        raise ValueError(f"[isdtype] Unknown data type kind: {kind!r}.")
    return dtype in _KINDS[kind]


def _dtype_of(thing):
    dtype = thing if isinstance(thing, _core.Dtype) else getattr(thing, "dtype", None)
    if not isinstance(dtype, _core.Dtype):
        raise TypeError(f"an array or a Dtype is needed, not {type(thing).__name__}")
    return dtype


def result_type(*arrays_and_dtypes):
    """The dtype that operations on these arrays and dtypes give. Raises ValueError without any.

    >>> mx.result_type(mx.int8, mx.float16)
    headrace.core.float16
    """
    if not arrays_and_dtypes:
        raise ValueError("[result_type] At least one array or dtype is required.")
    total = None
    for thing in arrays_and_dtypes:
        empty = _core.zeros((0,), _dtype_of(thing))
        total = empty if total is None else _core.add(total, empty)
    return total.dtype


def can_cast(from_, to):
    """Whether promotion takes `from_` (an array or a Dtype) to the Dtype `to`.

    >>> mx.can_cast(mx.int8, mx.float32)
    True
    """
    return result_type(_dtype_of(from_), to) == to


# bits, mantissa bits, smallest exponent of normal numbers, largest one
_FORMATS = {
    _core.float16: (16, 10, -14, 15), _core.bfloat16: (16, 7, -126, 127), _core.float32: (32, 23, -126, 127),
    _core.float64: (64, 52, -1022, 1023),
}


class finfo:
    """Limits of a floating dtype: bits, eps (1 to the next number), max, min, smallest_normal; and the dtype.

    complex64 answers for its parts. Raises ValueError for other dtypes.

    >>> mx.finfo(mx.float16).max
    65504.0
    """

    __slots__ = ("bits", "dtype", "eps", "max", "min", "smallest_normal")

    def __init__(self, arg):
        self.dtype = _core.float32 if arg == _core.complex64 else arg
        if self.dtype not in _FORMATS:
            raise ValueError(f"[finfo] dtype {_name(arg)} is not inexact.")
        self.bits, mantissa, low, high = _FORMATS[self.dtype]
        self.eps = math.ldexp(1.0, -mantissa)
        self.max = math.ldexp(2.0 - self.eps, high)
        self.min = -self.max
        self.smallest_normal = math.ldexp(1.0, low)

    def __repr__(self):
        return f"finfo(min={self.min:g}, max={self.max:g}, dtype={_name(self.dtype)})"


class iinfo:
    """Limits of an integer dtype: bits, max, min; and the dtype. Raises ValueError for other dtypes.

    >>> mx.iinfo(mx.int8).min, mx.iinfo(mx.int8).max
    (-128, 127)
    """

    __slots__ = ("bits", "dtype", "max", "min")

    def __init__(self, arg):
        if arg not in _KINDS["integral"]:
            raise ValueError(f"[iinfo] Only integer types supported but {_name(arg)} was provided")
        self.dtype = arg
        self.bits = 8 * arg.size
        signed = arg in _SIGNED
        self.max = 2 ** (self.bits - signed) - 1
        self.min = -self.max - 1 if signed else 0

    def __repr__(self):
        return f"iinfo(min={self.min}, max={self.max}, dtype={_name(self.dtype)})"


def _name(dtype):
    return repr(dtype).rpartition(".")[2]
