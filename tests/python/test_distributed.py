"""Groups of processes: each process is one of its own, and programs that are written for several run as one."""
import pytest

import headrace.core as mx

REDUCTIONS = ("all_sum", "all_max", "all_min", "all_gather", "sum_scatter")


def test_group_of_one():
    group = mx.distributed.init()
    assert (group.rank(), group.size()) == (0, 1)
    assert not mx.distributed.is_available() and not mx.distributed.is_available("mpi")
    with pytest.raises(RuntimeError, match="one process"):
        group.split(0)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_results_are_what_the_process_gives(name):
    function = getattr(mx.distributed, name)
    x = mx.arange(6).reshape(2, 3)
    result = function(x, group=mx.distributed.init(), stream=mx.cpu)
    assert result.tolist() == x.tolist() and result.dtype == x.dtype
    x += 1  # changes the object, not what was made of it
    assert result.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert function(3).item() == 3
    with pytest.raises(TypeError, match=name):
        function(x, group=1)


def test_nobody_else_is_there():
    x = mx.array([1.0])
    for call in (lambda: mx.distributed.send(x, 1), lambda: mx.distributed.recv((1,), mx.float32, 1),
                 lambda: mx.distributed.recv_like(x, 1)):
        with pytest.raises(ValueError, match="process 1 is not in the group"):
            call()
    with pytest.raises(TypeError):
        mx.distributed.send(1, 0)


def test_backends():
    with pytest.raises(RuntimeError, match="no backend"):
        mx.distributed.init(strict=True)
    with pytest.raises(RuntimeError, match="no backend"):
        mx.distributed.init(all_gather_factory=lambda rank, size: None)
    for call in (mx.distributed.init, mx.distributed.is_available):
        with pytest.raises(ValueError, match="'smoke'"):
            call(backend="smoke")
