"""Waiting and callbacks under every event loop there is: asyncio's own, uvloop, trio, and both kinds through anyio."""
import asyncio
import concurrent.futures
import importlib
import os
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import headrace.core as mx
from headrace.streams import fence, on_stream_complete_async, ready


def need(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        pytest.skip(f"{name} is not installed")


def run_asyncio(main):
    return asyncio.run(main())


def run_uvloop(main):
    return need("uvloop").run(main())


def run_trio(main):
    return need("trio").run(main)


def run_anyio(main):
    return need("anyio").run(main, backend="asyncio")


def run_anyio_trio(main):
    need("trio")
    return need("anyio").run(main, backend="trio")


RUNNERS = [run_asyncio, run_uvloop, run_trio, run_anyio, run_anyio_trio]
every_loop = pytest.mark.parametrize("run", RUNNERS)


def in_thread(function):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result(120)


def long_work(s):
    """Enough for a while, queued; to be given up with the program."""
    x = mx.random.normal((700, 700))
    for _ in range(20):
        x = mx.matmul(x, x, stream=s) * 1e-3
    mx.async_eval(x)
    return x


@every_loop
def test_awaiting(run):
    async def main():
        s = mx.new_stream(mx.cpu)
        x = mx.random.normal((300, 300))
        y, z = mx.matmul(x, x, stream=s), mx.exp(x)
        assert await y is y and fence(y).done()
        assert await s is None and await fence(s) is None
        assert await ready(y + 1, {"z": [z]}, s) and fence(z).done()
        return threading.get_ident()

    assert run(main) == threading.get_ident()
    in_thread(lambda: run(main))


@every_loop
def test_errors_of_the_work(run):
    async def main():
        huge = mx.zeros((1 << 20, 1 << 20, 64))
        with pytest.raises(RuntimeError, match="cannot allocate"):
            await huge
        with pytest.raises(RuntimeError, match="cannot allocate"):
            await ready(mx.random.normal((300, 300)), huge)

    run(main)


@every_loop
def test_callbacks(run):
    async def main():
        s = mx.new_stream(mx.cpu)
        long_work(s)
        first = on_stream_complete_async(s, lambda *a, **k: (a, k, threading.get_ident()), 1, x=2)
        with pytest.raises(KeyError, match="why"):
            await on_stream_complete_async(s, {}.__getitem__, "why")
        assert await first == ((1,), {"x": 2}, threading.get_ident()) and first.done()
        with ThreadPoolExecutor(1, thread_name_prefix="own") as pool:
            name = await on_stream_complete_async(s, lambda: threading.current_thread().name, executor=pool)
            with pytest.raises(ZeroDivisionError):
                await on_stream_complete_async(s, lambda: 1 / 0, executor=pool)
        assert name.startswith("own")
        with pytest.raises(RuntimeError, match="shutdown"):
            await on_stream_complete_async(s, print, executor=pool)

    run(main)


@every_loop
def test_in_the_order_of_the_stream(run):
    async def main():
        s = mx.new_stream(mx.cpu)
        x, seen = mx.array([1.0]), []
        for i in range(2000):
            if i % 3 == 0:
                x = mx.add(x, 1, stream=s)
                mx.async_eval(x)
            last = on_stream_complete_async(s, seen.append, i)
        await last
        return seen

    assert run(main) == list(range(2000))


@every_loop
def test_taking_callbacks_back(run):
    async def main():
        s, seen = mx.new_stream(mx.cpu), []
        x = long_work(s)
        callback = on_stream_complete_async(s, seen.append, 1)
        assert callback.cancel()
        with pytest.raises((asyncio.CancelledError, concurrent.futures.CancelledError)):
            await callback
        await x
        await s
        assert not seen

    run(main)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_cancelled_scopes(backend):
    anyio = need("anyio")
    need(backend)

    async def main():
        s = mx.new_stream(mx.cpu)
        x = long_work(s)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await ready(x, s)
        assert scope.cancelled_caught
        done = []

        async def waits():
            await x
            done.append(1)

        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(waits)
        assert len(done) == 20

    anyio.run(main, backend=backend)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_thousands_of_tasks(backend):
    """One descriptor and no further threads, while the loop goes on."""
    anyio = need("anyio")
    need(backend)
    count = lambda what: len(os.listdir(f"/proc/self/{what}"))

    async def main():
        streams, good = [mx.new_stream(mx.cpu) for _ in range(4)], []

        async def one(i):
            y = mx.add(mx.array([float(i)]), 1, stream=streams[i % 4])
            await y
            good.append(await on_stream_complete_async(streams[i % 4], lambda: i) == i and y.item() == i + 1)

        await one(0)
        before, most = (count("fd"), count("task")), [0, 0]
        async with anyio.create_task_group() as group:
            for i in range(2000):
                group.start_soon(one, i)
            await anyio.sleep(0)
            most = [count("fd"), count("task")]
        assert most[0] <= before[0] and most[1] <= before[1] + 4  # workers may still be starting
        assert len(good) == 2001 and all(good)

    anyio.run(main, backend=backend)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_end_of_a_loop_with_callbacks_pending(backend):
    need(backend)
    text = f"""
    import anyio, os
    import headrace.core as mx
    from headrace.streams import on_stream_complete_async, ready
    s = mx.new_stream(mx.cpu)
    x = mx.random.normal((1500, 1500))
    for _ in range(2000):
        x = mx.matmul(x, x, stream=s) * 1e-3
    async def main():
        mx.async_eval(x)
        for _ in range(1000):
            on_stream_complete_async(s, print, "never")
        with anyio.move_on_after(0.01):
            await x
    for _ in range(3):
        anyio.run(main, backend="{backend}")
    print("end")
    """
    need("anyio")
    result = subprocess.run([sys.executable, "-c", textwrap.dedent(text)], capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stdout, result.stderr) == (0, "end\n", "")
