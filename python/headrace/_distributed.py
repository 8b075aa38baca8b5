"""Groups of processes. There is no backend that connects processes, so each is a group of its own: programs that are
written for several run as one."""
from headrace._compose import _array, _need

_BACKENDS = ("any", "mpi", "nccl", "jaccl", "ring")


class Group:
    """The processes that work together: this one alone.

    >>> mx.distributed.init().size()
    1
    """

    __slots__ = ()

    def rank(self):
        """The number of this process in the group, from 0.

        >>> mx.distributed.init().rank()
        0
        """
        return 0

    def size(self):
        """How many processes the group has.

        >>> mx.distributed.init().size()
        1
        """
        return 1

    def split(self, color, key=-1):
        """Groups of the processes with the same color. Raises RuntimeError: one process cannot be split.

        >>> mx.distributed.init().split(0)
        Traceback (most recent call last):
        RuntimeError: split: a group of one process cannot be split
        """
        raise RuntimeError("split: a group of one process cannot be split")

    def __repr__(self):
        return "Group(rank=0, size=1)"


def _check_backend(what, backend):
    if backend not in _BACKENDS:
        raise ValueError(f"{what}: backend {backend!r} is none of {', '.join(_BACKENDS)}")


def is_available(backend="any"):
    """Whether processes can be connected by the backend: False.

    Raises ValueError for names that are no backend's.

    >>> mx.distributed.is_available()
    False
    """
    _check_backend("is_available", backend)
    return False


def init(strict=False, backend="any", *, all_gather_factory=None):
    """The group of all processes: this one alone, since there is no backend to connect it with others.

    Raises RuntimeError with `strict`, which asks for a backend, and for an all_gather_factory, which only a backend
    could use; ValueError for names that are no backend's.

    >>> mx.distributed.init()
    Group(rank=0, size=1)
    """
    _check_backend("init", backend)
    if strict or all_gather_factory is not None:
        raise RuntimeError("init: there is no backend that connects processes; without strict and all_gather_factory "
                           "the group is this process alone")
    return Group()


def _check_group(what, group):
    if group is not None and not isinstance(group, Group):
        raise TypeError(f"{what}: group must be a Group or None, not {type(group).__name__}")


def _of_one(what, about, example):
    """A function of an array and a group whose result is the array where the group is one process."""
    def function(x, *, group=None, stream=None):
        _check_group(what, group)
        return +_array(x)  # an object of its own, since in-place operators change objects

    function.__name__ = function.__qualname__ = what
    function.__doc__ = f"{about} Of one process: what it gives.\n\n    {example}\n    array([1, 2], dtype=int32)\n    "
    return function


def _example(what):
    return f">>> mx.distributed.{what}(mx.array([1, 2]))"


all_sum = _of_one("all_sum", "The sum over all processes, in each of them.", _example("all_sum"))
all_max = _of_one("all_max", "The largest elements of all processes, in each of them.", _example("all_max"))
all_min = _of_one("all_min", "The smallest elements of all processes, in each of them.", _example("all_min"))
all_gather = _of_one("all_gather", "What all processes give, one after the other along the first axis.",
                     _example("all_gather"))
sum_scatter = _of_one("sum_scatter", "The sum over all processes, of which each gets its part of the first axis.",
                      _example("sum_scatter"))


def _refuse(what, peer, group):
    _check_group(what, group)
    raise ValueError(f"{what}: process {peer} is not in the group, which is this process alone")


def send(x, dst, *, group=None, stream=None):
    """Sends x to process `dst` and answers x. Raises ValueError: there is no other process.

    >>> mx.distributed.send(mx.array(1), 1)
    Traceback (most recent call last):
    ValueError: send: process 1 is not in the group, which is this process alone
    """
    _need("send", x)
    _refuse("send", dst, group)


def recv(shape, dtype, src, *, group=None, stream=None):
    """An array of the shape and dtype from process `src`. Raises ValueError: there is no other process.

    >>> mx.distributed.recv((2,), mx.float32, 1)
    Traceback (most recent call last):
    ValueError: recv: process 1 is not in the group, which is this process alone
    """
    _refuse("recv", src, group)


def recv_like(x, src, *, group=None, stream=None):
    """An array like x from process `src`. Raises ValueError: there is no other process.

    >>> mx.distributed.recv_like(mx.array(1), 1)
    Traceback (most recent call last):
    ValueError: recv_like: process 1 is not in the group, which is this process alone
    """
    _need("recv_like", x)
    _refuse("recv_like", src, group)


DISTRIBUTED = {f.__name__: f for f in (Group, is_available, init, all_sum, all_max, all_min, all_gather, sum_scatter,
                                       send, recv, recv_like)}
