"""`await` for arrays, streams and fences, and callbacks in asyncio's loop."""
import asyncio
import gc
import os
import threading
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest

import headrace
import headrace.core as mx
from headrace.streams import fence, on_stream_complete_async, ready


def work(s, n=200):
    x = mx.random.normal((n, n))
    return mx.matmul(x, x, stream=s)


def in_thread(function):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result(120)


def test_bad_arguments():
    class Refuses(Executor):
        def submit(self, *args):
            raise KeyError("full")

    async def main():
        s = mx.new_stream(mx.cpu)
        for bad in ({"executor": 5}, {"loop": 5}, {"callback": 5}):
            with pytest.raises(TypeError, match=f"'{next(iter(bad))}' must"):
                on_stream_complete_async(s, **{"callback": int, **bad})
        with pytest.raises(KeyError):
            await asyncio.wait_for(on_stream_complete_async(s, int, executor=Refuses()), 60)

    asyncio.run(main())


def test_await():
    async def main():
        s = mx.new_stream(mx.cpu)
        y, z = work(s), work(s)
        assert await y is y and fence(y).done()
        assert await y is y
        assert await s is None and await fence(z) is None and await fence() is None
        z = z + 1
        assert await headrace.ready(y, z) == (y, z) and fence(z).done() and await ready(z) is z
        tree = {"a": [y + 2, (z + 3,)]}
        assert await ready(tree, s) == (tree, s) and await ready() == ()

    asyncio.run(main())
    in_thread(lambda: asyncio.run(main()))


def test_the_guide():
    async def main():
        s, seen = mx.new_stream(mx.cpu), []
        y = work(s)
        mx.async_eval(y)
        await on_stream_complete_async(s, lambda: seen.append(threading.get_ident()))
        assert seen == [threading.get_ident()]

    asyncio.run(main())
    in_thread(lambda: asyncio.run(main()))


def test_results_and_arguments():
    async def main():
        s = mx.new_stream(mx.cpu)
        with ThreadPoolExecutor(1, thread_name_prefix="own") as pool:
            assert await on_stream_complete_async(s, lambda *a, **k: (a, k), 1, x=2) == ((1,), {"x": 2})
            name = await on_stream_complete_async(s, lambda: threading.current_thread().name, executor=pool)
            assert name.startswith("own")
            for executor in (None, pool):
                with pytest.raises(ZeroDivisionError):
                    await on_stream_complete_async(s, lambda: 1 / 0, executor=executor)
        with pytest.raises(RuntimeError, match="StopIteration"):
            await on_stream_complete_async(s, next, iter(()))
        with mx.stream(s):
            future = on_stream_complete_async(s, mx.default_stream, mx.cpu)
        assert await future == s

    asyncio.run(main())


def test_errors_of_the_work():
    async def main():
        huge = mx.zeros((1 << 20, 1 << 20, 64))
        for _ in range(2):
            with pytest.raises(RuntimeError, match="cannot allocate"):
                await huge
            with pytest.raises(RuntimeError, match="cannot allocate"):
                await ready(mx.ones(3) + 1, huge)
        with pytest.raises(TypeError, match="int"):
            await ready(3)

    asyncio.run(main())


def test_without_a_loop():
    s = mx.new_stream(mx.cpu)
    with pytest.raises(RuntimeError, match="event loop"):
        on_stream_complete_async(s, print)
    with pytest.raises(RuntimeError, match="event loop"):
        iterator = ready(mx.random.normal((1000, 1000)) @ mx.ones((1000, 1000)))
        try:
            iterator.send(None)
        finally:
            iterator.close()


def test_another_thread_registers():
    async def main():
        loop, s = asyncio.get_running_loop(), mx.new_stream(mx.cpu)

        def register():
            return [on_stream_complete_async(s, threading.get_ident, loop=loop) for _ in range(10)]

        futures = await loop.run_in_executor(None, register)
        assert await asyncio.gather(*futures) == [threading.get_ident()] * 10

    asyncio.run(main())


def test_cancelling():
    async def main():
        s, seen = mx.new_stream(mx.cpu), []
        x = mx.random.normal((700, 700))
        for _ in range(50):
            x = mx.matmul(x, x, stream=s) * 1e-3
        mx.async_eval(x)
        future = on_stream_complete_async(s, seen.append, 1)
        task = asyncio.ensure_future(ready(x))
        await asyncio.sleep(0)
        assert future.cancel() and task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(ready(x), 0.001)
        await x
        await s
        assert not seen

    asyncio.run(main())


def test_the_loop_turns_while_work_runs():
    async def main():
        s = mx.new_stream(mx.cpu)
        x = mx.random.normal((500, 500))
        for _ in range(30):
            x = mx.matmul(x, x, stream=s) * 1e-3
        turns = 0
        task = asyncio.ensure_future(ready(x))
        while not task.done():
            turns += 1
            await asyncio.sleep(0)
        return turns

    assert asyncio.run(main()) > 10


def test_load():
    """Thousands of coroutines, one descriptor, no further threads."""
    async def one(i, s):
        y = mx.add(mx.array([float(i)]), 1, stream=s)
        await y
        seen = await on_stream_complete_async(s, lambda: i)
        return y.item() == i + 1 and seen == i

    async def main():
        streams = [mx.new_stream(mx.cpu) for _ in range(4)]
        await one(0, streams[0])
        gc.collect()  # loops of earlier tests
        descriptors, threads = len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))
        tasks = [asyncio.ensure_future(one(i, streams[i % 4])) for i in range(3000)]
        await asyncio.sleep(0)
        assert len(os.listdir("/proc/self/fd")) <= descriptors
        assert len(os.listdir("/proc/self/task")) <= threads + 4  # workers may still be starting
        assert all(await asyncio.gather(*tasks))

    asyncio.run(main())


def test_many_loops():
    """Loops that end give their descriptors back."""
    async def main():
        assert (await (mx.ones(10) + 1)).sum().item() == 20

    asyncio.run(main())
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        asyncio.run(main())
    assert len(os.listdir("/proc/self/fd")) <= before + 2
    threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def test_ten_thousand_pending():
    async def main():
        s = mx.new_stream(mx.cpu)
        x = mx.random.normal((700, 700))
        for _ in range(30):
            x = mx.matmul(x, x, stream=s) * 1e-3
        mx.async_eval(x)
        seen = []
        futures = [on_stream_complete_async(s, seen.append, i) for i in range(10000)]
        await asyncio.gather(*futures)
        assert seen == list(range(10000))

    asyncio.run(main())
