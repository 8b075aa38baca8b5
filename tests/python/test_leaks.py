"""Memory and objects after many operations and callbacks; with HEADRACE_STRESS=100 a million and a hundred thousand."""
import asyncio
import concurrent.futures
import gc
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

import headrace.core as mx
from headrace.streams import after_eval, fence, on_stream_complete, on_stream_complete_async

TIMES = max(1, int(os.environ.get("HEADRACE_STRESS", "1")))
OPERATIONS, CALLBACKS = 10_000 * TIMES, 1_000 * TIMES
ROUND = 500


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def state():
    gc.collect()
    return {"objects": len(gc.get_objects()), "blocks": sys.getallocatedblocks(), "arrays": mx.get_active_memory(),
            "threads": len(os.listdir("/proc/self/task")), "descriptors": len(os.listdir("/proc/self/fd")),
            "resident": resident()}


ALLOWED = {"objects": 50, "blocks": 500, "arrays": 1 << 16, "threads": 3, "descriptors": 0, "resident": 8 << 20}


def stays_the_same(one_round, count):
    """Runs a round of ROUND things until there were `count` of them; some rounds come before, to fill caches."""
    for _ in range(8):
        one_round()
    before = state()
    for _ in range(count // ROUND):
        one_round()
    grown = {k: v - before[k] for k, v in state().items()}
    print(f"{count}: {grown}")
    assert all(grown[k] <= ALLOWED[k] for k in grown), grown


def test_operations():
    x, streams = mx.arange(32).astype(mx.float32), [mx.new_stream(mx.cpu) for _ in range(4)]

    def one_round():
        y = x
        for i in range(ROUND // 5):  # five operations each
            s = streams[i % 4]
            y = mx.add(y, 1.0, stream=s)
            y = mx.concatenate([y[16:], y[:16]], stream=s)
            y = mx.maximum(y, x, stream=s)
        assert mx.sum(y).item() > 0

    stays_the_same(one_round, OPERATIONS)


def test_streams():
    def one_round():
        for _ in range(ROUND):
            mx.eval(mx.add(mx.array(1), 1, stream=mx.new_stream(mx.cpu)))

    stays_the_same(one_round, CALLBACKS)


def some_work(s):
    y = mx.add(mx.array([1.0, 2.0]), 1, stream=s)
    mx.async_eval(y)
    return y


def fail():
    raise KeyError("expected")


@pytest.mark.parametrize("where", ["thread", "executor"])
def test_callbacks(where):
    s = mx.new_stream(mx.cpu)
    pool = ThreadPoolExecutor(1) if where == "executor" else None

    def one_round():
        futures = []
        for i in range(ROUND // 5):
            y = some_work(s)
            futures.append(on_stream_complete(s, lambda: i, executor=pool))
            futures.append(after_eval([y], y.tolist, executor=pool))
            futures.append(on_stream_complete(s, fail, executor=pool))
            futures.append(after_eval(mx.zeros((1 << 20, 1 << 20, 64)), int, executor=pool))
            futures.append(on_stream_complete(s, int, executor=pool))
            futures[-1].cancel()
        concurrent.futures.wait(futures, 120)
        assert futures[1].result() == [2, 3]
        assert sum(not f.cancelled() and f.exception() is not None for f in futures) == 2 * ROUND // 5

    stays_the_same(one_round, CALLBACKS)


def test_callbacks_waited_for():
    s = mx.new_stream(mx.cpu)

    def one_round():
        for i in range(ROUND // 2):
            some_work(s)
            assert on_stream_complete(s, lambda: i).result() == i
            on_stream_complete(s, int).join(60)

    stays_the_same(one_round, CALLBACKS)


def test_coroutines():
    s = mx.new_stream(mx.cpu)

    async def one():
        y = some_work(s)
        callback, taken = on_stream_complete_async(s, int), on_stream_complete_async(s, int)
        taken.cancel()
        await y
        await callback
        await fence(s)

    async def one_round():
        await asyncio.gather(*(one() for _ in range(ROUND // 5)))

    with asyncio.Runner() as runner:
        stays_the_same(lambda: runner.run(one_round()), CALLBACKS)
