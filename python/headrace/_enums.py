"""Enumerations and exceptions that the extension module takes from Python."""
import enum


class DeviceType(enum.Enum):
    """The kinds of devices. Equal to a Device of index 0 too.

    >>> mx.cpu, mx.DeviceType.cpu == mx.Device(mx.cpu)
    (DeviceType.cpu, True)
    """

    cpu = 0
    gpu = 1

    def __eq__(self, other):
        if isinstance(other, DeviceType):
            return self is other
        if hasattr(other, "type"):
            return other == self
        return NotImplemented

    def __hash__(self):
        return hash(self._name_)

    def __repr__(self):
        return f"DeviceType.{self._name_}"


class DtypeCategory(enum.Enum):
    """Categories of dtypes, for issubdtype(); the members are names of headrace.core too.

    >>> mx.issubdtype(mx.float16, mx.inexact), mx.issubdtype(mx.int8, mx.DtypeCategory.floating)
    (True, False)
    """

    complexfloating = 0
    floating = 1
    inexact = 2
    signedinteger = 3
    unsignedinteger = 4
    integer = 5
    number = 6
    generic = 7

    def __repr__(self):
        return f"DtypeCategory.{self._name_}"


class OutOfRange(IndexError, ValueError):
    """An axis or an index is out of range.

    >>> mx.sum(mx.ones((2,)), axis=5)
    Traceback (most recent call last):
    headrace.core.OutOfRange: sum: axis 5 is out of range for an array of 1 axis
    """


for _class in (DeviceType, DtypeCategory, OutOfRange):
    _class.__module__ = "headrace.core"
    _class.__str__ = _class.__repr__ if _class is not OutOfRange else _class.__str__
