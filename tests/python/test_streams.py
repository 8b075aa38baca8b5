"""Streams, devices, scopes and waiting, from threads and coroutines too."""
import asyncio
import contextlib
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

import headrace.core as mx


def run(text, **kwargs):
    return subprocess.run([sys.executable, "-c", textwrap.dedent(text)], capture_output=True, text=True, timeout=120,
                          **kwargs)


def in_thread(function):
    """The result of a function in a thread of its own; its exception is raised here."""
    box = []

    def body():
        try:
            box.append((function(), None))
        except BaseException as error:  # noqa: BLE001 it is raised below
            box.append((None, error))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    result, error = box[0]
    if error:
        raise error
    return result


def test_devices():
    d = mx.Device(mx.cpu)
    assert d == mx.cpu and mx.cpu == d and d == mx.Device(mx.cpu, 0) and d != mx.Device(mx.cpu, 1) and d != mx.gpu
    assert repr(d) == "Device(cpu, 0)" and d.type is mx.cpu and repr(mx.cpu) == "DeviceType.cpu" and d != 3
    assert {d: 1}[mx.Device(mx.cpu)] == 1 and list(mx.DeviceType) == [mx.cpu, mx.gpu]
    assert mx.is_available(mx.cpu) and mx.device_count(mx.cpu) == 1 and "architecture" in mx.device_info()
    assert mx.default_device() == mx.cpu
    with pytest.raises(TypeError):
        mx.Device("cpu")
    with pytest.raises(ValueError):
        mx.new_stream(mx.Device(mx.cpu, 7))


def test_streams_compare_by_identity():
    a, b = mx.new_stream(mx.cpu), mx.new_stream(mx.cpu)
    assert a == a and a != b and a != 1 and len({a, b}) == 2
    assert a.device == mx.cpu and repr(a).startswith("Stream(Device(cpu, 0), ")
    assert mx.default_stream(mx.cpu) == mx.default_stream(mx.default_device())
    with pytest.raises(TypeError):
        mx.Stream()


def test_scopes_nest_and_end():
    before = mx.default_stream(mx.cpu)
    a, b = mx.new_stream(mx.cpu), mx.new_stream(mx.cpu)
    with mx.stream(a) as nothing:
        assert nothing is None and mx.default_stream(mx.cpu) == a
        with mx.stream(b):
            assert mx.default_stream(mx.cpu) == b
            mx.set_default_stream(a)
            assert mx.default_stream(mx.cpu) == a
        assert mx.default_stream(mx.cpu) == a and mx.default_device() == mx.cpu
        with pytest.raises(KeyError), mx.stream(mx.cpu):
            raise KeyError
        assert (mx.array([1]) + 1).tolist() == [2]
    assert mx.default_stream(mx.cpu) == before
    context = mx.stream(a)
    with context, context:
        assert mx.default_stream(mx.cpu) == a
    assert mx.default_stream(mx.cpu) == before
    with pytest.raises(TypeError):
        mx.stream("cpu")
    with pytest.raises(RuntimeError):
        context.__exit__(None, None, None)


def test_defaults_are_the_threads_own():
    own, other = mx.default_stream(mx.cpu), mx.new_stream(mx.cpu)

    def body():
        mine = mx.default_stream(mx.cpu)
        mx.set_default_stream(other)
        assert mx.default_stream(mx.cpu) == other
        return mine

    with mx.stream(other):
        assert in_thread(body) not in (own, other)
    assert mx.default_stream(mx.cpu) == own


def test_any_thread_uses_any_stream():
    s = mx.new_stream(mx.cpu)
    x = mx.add(mx.array([1.0]), 1, stream=s)
    assert in_thread(lambda: x.tolist()) == [2]
    assert in_thread(lambda: mx.synchronize(s)) is None
    y = in_thread(lambda: mx.add(x, 1, stream=s))
    assert y.item() == 3


def test_thread_local_streams():
    s = mx.new_thread_local_stream(mx.cpu)

    def current():
        with mx.stream(s):
            return mx.default_stream(mx.cpu)

    first = current()
    assert first == current() and in_thread(current) != first and s.device == mx.cpu
    assert mx.add(mx.array(1), 1, stream=s).item() == 2


def test_coroutines_see_their_own_scopes():
    streams = [mx.new_stream(mx.cpu) for _ in range(4)]

    async def body(own):
        with mx.stream(own):
            for _ in range(10):
                await asyncio.sleep(0)
                assert mx.default_stream(mx.cpu) == own
                x = mx.array([1.0]) + 1
        return x.item()

    async def main():
        return await asyncio.gather(*(body(s) for s in streams))

    assert asyncio.run(main()) == [2.0] * 4


def test_trees():
    x = mx.array([1.0]) + 1
    y = {"a": [x * 2, (x * 3, {"b": x * 4})], "c": 5, "d": None}
    assert mx.eval(x, y, 1, "text") is None
    assert mx.async_eval([x + 1], y) is None
    assert y["a"][1][1]["b"].item() == 8
    deep = x
    for _ in range(100000):
        deep = [deep]
    refused = sys.version_info < (3, 14)  # later ones measure the stack that is left, which is enough here
    with pytest.raises(RecursionError) if refused else contextlib.nullcontext():
        mx.eval(deep)
    while isinstance(deep, list):  # taken apart here: a list that deep is also much for its destructor
        deep = deep[0]
    many = [x + i for i in range(100)]
    mx.eval(many)
    assert [int(a.item()) for a in many] == list(range(2, 102))
    assert mx.get_array_buffer_size(x, [x]) >= 4


def test_errors_of_the_work_reach_who_reads():
    x = mx.zeros((1 << 20, 1 << 20, 64))
    for use in (lambda: mx.eval(x), lambda: x.tolist(), lambda: (x + 1).sum().item(), lambda: repr(x), lambda: memoryview(x)):
        with pytest.raises(RuntimeError, match="cannot allocate"):
            use()


def test_synchronize():
    s = mx.new_stream(mx.cpu)
    mx.async_eval(mx.add(mx.array([1.0]), 1, stream=s))
    assert mx.synchronize(s) is None and mx.synchronize() is None and mx.synchronize(mx.cpu) is None
    assert mx.synchronize(stream=s, timeout=10) is None


LONG = """
    import headrace.core as mx, os, signal, sys, threading
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have background jobs ignore it
    s = mx.new_stream(mx.cpu)
    def work():  # enough for minutes, in pieces that a stream's cancelling can stop
        x = mx.random.normal((1500, 1500))
        for _ in range(3000):
            x = mx.matmul(x, x, stream=s) * 1e-3
        return x
"""


def test_a_wait_can_time_out():
    result = run(LONG + """
    mx.async_eval(work())
    try:
        mx.synchronize(s, timeout=0.01)
    except TimeoutError:
        print("late")
    os._exit(0)
    """)
    assert result.stdout == "late\n", result.stderr


@pytest.mark.parametrize("wait", ["mx.eval(x)", "x[0, 0].item()", "mx.async_eval(x); mx.synchronize(s)"])
def test_interrupts_end_waits(wait):
    result = run(LONG + f"""
    x = work()
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    try:
        {wait}
        print("finished")
    except KeyboardInterrupt:
        print("interrupted")
    sys.stdout.flush()
    os._exit(0)
    """)
    assert result.stdout == "interrupted\n", result.stderr


def test_other_threads_run_while_one_waits():
    result = run(LONG + """
    x = work()
    waiting = threading.Thread(target=lambda: mx.eval(x), daemon=True)
    waiting.start()
    print(sum(range(1000)), waiting.is_alive())
    sys.stdout.flush()
    os._exit(0)
    """)
    assert result.stdout == "499500 True\n", result.stderr


def test_exit_with_work_under_way():
    result = run(LONG + "    mx.async_eval(work())\n    print('end')")
    assert (result.returncode, result.stdout) == (0, "end\n"), result.stderr


def test_threads_share_arrays():
    x = mx.arange(1000).astype(mx.float32)
    failures = []

    def body(seed):
        for i in range(200):
            y = (x + seed).sum() - x.sum()
            if y.item() != 1000 * seed:
                failures.append((seed, i, y))

    threads = [threading.Thread(target=body, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


def test_assignment_beside_readers():
    """One thread assigns while others read what it is given, old or new, never anything else."""
    x = mx.zeros((64,))
    wrong = []
    done = threading.Event()

    def reader():
        while not done.is_set():
            values = set(x.tolist())
            if len(values) != 1:
                wrong.append(values)

    readers = [threading.Thread(target=reader) for _ in range(3)]
    for t in readers:
        t.start()
    for i in range(500):
        x[:] = i
    done.set()
    for t in readers:
        t.join()
    assert not wrong


def memory():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_nothing_leaks():
    s = mx.new_stream(mx.cpu)
    x = mx.arange(32).astype(mx.float32)

    def round_of_calls():
        y = x
        for i in range(200):
            y = y + 1.5
            y[i % 32] = 2
            y = y.at[0].add(1)
            with mx.stream(s):
                y = mx.concatenate([y[:16], y[16:]]).reshape(4, 8).flatten()
            for bad in (lambda: mx.sum(y, axis=9), lambda: y[99], lambda: y + [1], lambda: mx.array([[1], 2])):
                try:
                    bad()
                except (ValueError, IndexError):
                    pass
            mx.eval(y, {"a": [y]})
            y.tolist(), repr(y), y.item if y is None else y.sum().item(), memoryview(y), bytes(y), y.__dlpack__()
        return y

    for _ in range(5):
        round_of_calls()
    gc.collect()
    objects, active, resident = len(gc.get_objects()), mx.get_active_memory(), memory()
    blocks = sys.getallocatedblocks()
    for _ in range(20):
        round_of_calls()
    gc.collect()
    assert len(gc.get_objects()) - objects < 50
    assert sys.getallocatedblocks() - blocks < 500
    assert mx.get_active_memory() <= active + 65536
    assert memory() - resident < 8 << 20


def test_fork():
    """Objects from before a fork can be read in the child, and work started there."""
    result = run("""
    import headrace.core as mx, os
    x = mx.array([1.0, 2.0]) + 1
    mx.eval(x)
    with mx.stream(mx.new_stream(mx.cpu)):
        pid = os.fork()
        if pid == 0:
            good = x.tolist() == [2, 3] and (x * 2).tolist() == [4, 6]
            os._exit(0 if good else 1)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """)
    assert result.stdout == "0\n", result.stderr


def test_interpreter_ends_with_foreign_memory_in_use():
    result = run("""
    import headrace.core as mx, numpy as np
    x = mx.from_dlpack(np.ones(1000, np.float32))
    y = x + 1
    mx.async_eval(y)
    """)
    assert (result.returncode, result.stderr) == (0, "")


def test_signals_are_python_s_own():
    assert signal.getsignal(signal.SIGINT) in (signal.default_int_handler, signal.SIG_IGN)  # ignored in background jobs
