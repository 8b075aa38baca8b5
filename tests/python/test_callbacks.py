"""Callbacks of streams and arrays: futures, executors, cancelling, exit and fork; and the guide's snippets."""
import asyncio
import concurrent.futures
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import headrace
import headrace.core as mx
from headrace.streams import Completion, after_eval, fence, on_stream_complete, on_stream_complete_async


def run(text):
    return subprocess.run([sys.executable, "-c", textwrap.dedent(text)], capture_output=True, text=True, timeout=120)


# Work that lasts until the stream is cancelled, for callbacks that have to be pending.
LONG = """
    import concurrent.futures, os, sys, threading
    import headrace.core as mx
    from headrace.streams import *
    s = mx.new_stream(mx.cpu)
    x = mx.random.normal((1500, 1500))
    for _ in range(2000):
        x = mx.matmul(x, x, stream=s) * 1e-3
    mx.async_eval(x)
"""


def queue_some(s):
    x = mx.random.normal((200, 200))
    y = mx.matmul(x, x, stream=s)
    mx.async_eval(y)
    return y


def test_result_and_arguments():
    s = mx.new_stream(mx.cpu)
    queue_some(s)
    future = on_stream_complete(s, lambda *a, **k: (a, k), 1, 2, x=3)
    assert isinstance(future, concurrent.futures.Future) and isinstance(future, Completion)
    assert future.result(60) == ((1, 2), {"x": 3}) and future.exception() is None
    assert future.done() and not future.running() and not future.is_alive() and not future.cancel()
    future.join()
    future.join(timeout=0)
    assert on_stream_complete(None, lambda: 4).result(60) == 4


def test_the_work_is_done_when_the_callback_runs():
    for _ in range(50):
        s = mx.new_stream(mx.cpu)
        y = queue_some(s)
        assert on_stream_complete(s, fence(y).done).result(60)
        y = mx.add(y, 1, stream=s)
        assert after_eval({"y": [y]}, fence(s).done).result(60)


def test_exceptions_reach_the_future():
    def fail():
        raise KeyError("why")

    for executor in (None, ThreadPoolExecutor(1)):
        future = on_stream_complete(mx.new_stream(mx.cpu), fail, executor=executor)
        assert isinstance(future.exception(60), KeyError)
        with pytest.raises(KeyError, match="why"):
            future.result()
        future.join()


def test_failed_work():
    called = []
    future = after_eval(mx.zeros((1 << 20, 1 << 20, 64)), called.append, 1)
    with pytest.raises(RuntimeError, match="cannot allocate"):
        future.result(60)
    assert not called


def test_bad_arguments():
    for call in (lambda: on_stream_complete("cpu", print), lambda: on_stream_complete(mx.default_stream(mx.cpu), 5),
                 lambda: on_stream_complete(None, print, executor=5), lambda: after_eval([], 5),
                 lambda: fence(7), lambda: fence("x")):
        with pytest.raises(TypeError):
            call()


def test_executor():
    pool = ThreadPoolExecutor(1, thread_name_prefix="own")
    future = on_stream_complete(mx.new_stream(mx.cpu), lambda: threading.current_thread().name, executor=pool)
    assert future.result(60).startswith("own")
    pool.shutdown()
    with pytest.raises(RuntimeError, match="shutdown"):
        on_stream_complete(mx.new_stream(mx.cpu), print, executor=pool).result(60)


def test_cancelling_in_the_executor():
    pool, hold, started = ThreadPoolExecutor(1), threading.Event(), threading.Event()
    s = mx.new_stream(mx.cpu)
    busy = on_stream_complete(s, lambda: started.set() or hold.wait(60), executor=pool)
    assert started.wait(60) and busy.running() and not busy.cancel()
    waiting = on_stream_complete(s, print, executor=pool)
    on_stream_complete(s, lambda: None).join()  # after it: then `waiting` is with the executor
    assert waiting.cancel() and waiting.cancelled() and not waiting.is_alive()
    hold.set()
    assert busy.result(60) is True


def test_callbacks_run_in_order_on_one_thread():
    seen, s = [], mx.new_stream(mx.cpu)
    futures = [on_stream_complete(s, lambda i=i: seen.append((i, threading.get_ident()))) for i in range(100)]
    done, pending = concurrent.futures.wait(futures, 60)
    assert not pending and [i for i, _ in seen] == list(range(100)) and len({t for _, t in seen}) == 1
    assert seen[0][1] != threading.get_ident()


def test_a_callback_that_waits_for_a_later_one_is_told():
    s = mx.new_stream(mx.cpu)
    future = on_stream_complete(s, lambda: on_stream_complete(s, print).join())
    with pytest.raises(RuntimeError, match="another"):
        future.result(60)


def test_callbacks_may_compute_and_register():
    def body():
        x = (mx.arange(10) * 2).sum().item()
        mx.synchronize(mx.new_stream(mx.cpu))
        return after_eval(mx.ones(3) + x, lambda: x)

    assert on_stream_complete(mx.new_stream(mx.cpu), body).result(60).result(60) == 90


def test_callbacks_are_not_on_workers():
    """Callbacks that block do not keep streams from computing."""
    hold = threading.Event()
    s = mx.new_stream(mx.cpu)
    blocked = [on_stream_complete(s, hold.wait, 60) for _ in range(16)]
    x = mx.add(mx.arange(1000), 1, stream=s).sum()
    assert x.item() == 500500
    hold.set()
    assert all(f.result(60) for f in blocked)


def test_fence():
    s = mx.new_stream(mx.cpu)
    y = queue_some(s)
    for f in (fence(s), fence(y), fence([y, {"a": y}]), fence(), fence(fence(s))):
        assert f.wait() is None and f.wait(timeout=0) is None and f.done() and isinstance(f, headrace.streams.Fence)


def test_pending_callbacks_cost_no_threads():
    result = run(LONG + """
    count = lambda: len(os.listdir("/proc/self/task"))
    on_stream_complete(mx.new_stream(mx.cpu), int).join()  # the library's callback thread is there now
    before = count()
    futures = [on_stream_complete(s, int) for _ in range(10000)]
    assert count() <= before + 4, (before, count())  # workers may still be starting
    assert all(f.is_alive() for f in futures)
    try:
        futures[0].result(timeout=0.01)
    except concurrent.futures.TimeoutError:
        print("late")
    assert futures[1].cancel() and futures[1].cancelled() and futures[1].cancel()
    concurrent.futures.wait(futures[1:2])
    try:
        fence(s).wait(0.01)
    except TimeoutError:
        print("late")
    sys.stdout.flush()
    os._exit(0)
    """)
    assert (result.returncode, result.stdout) == (0, "late\nlate\n"), result.stderr


def test_ten_thousand_callbacks():
    s = mx.new_stream(mx.cpu)
    seen = []
    futures = []
    for i in range(10000):
        if i % 100 == 0:
            queue_some(s)
        futures.append(on_stream_complete(s, seen.append, i))
    concurrent.futures.wait(futures, 120)
    assert seen == list(range(10000))


def test_exit_with_callbacks_pending():
    result = run(LONG + """
    class Loud:
        def __del__(self): pass
    for i in range(1000):
        on_stream_complete(s, print, "never", Loud())
        after_eval(x, print, "never", executor=concurrent.futures.ThreadPoolExecutor(1))
    print("end")
    """)
    assert (result.returncode, result.stdout, result.stderr) == (0, "end\n", "")


def test_exit_while_callbacks_run():
    result = run("""
    import headrace.core as mx
    from headrace.streams import on_stream_complete
    for i in range(3000):
        on_stream_complete(mx.default_stream(mx.cpu), sum, range(1000))
    """)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_fork():
    result = run(LONG + """
    pending = on_stream_complete(s, print, "the parent's")
    pid = os.fork()
    if pid == 0:
        t = mx.new_stream(mx.cpu)
        y = mx.add(mx.array([1.0]), 1, stream=t)
        good = after_eval(y, lambda: y.item()).result(60) == 2 and pending.is_alive()
        print("child", good)
        sys.exit(0)
    print("parent", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """)
    assert (result.returncode, result.stdout) == (0, "child True\nparent 0\n"), result.stderr


def test_nothing_leaks():
    s = mx.new_stream(mx.cpu)

    def round_of_calls():
        futures = [on_stream_complete(s, lambda: None) for _ in range(500)]
        for f in futures[::2]:
            f.cancel()
        concurrent.futures.wait(futures, 60)

    for _ in range(3):
        round_of_calls()
    blocks = sys.getallocatedblocks()
    for _ in range(20):
        round_of_calls()
    assert sys.getallocatedblocks() - blocks < 1000


# --- the guide's snippets, in any thread ---

def overlap():
    a, b = mx.ones(1000), mx.arange(1000)
    s_one, s_two = mx.new_stream(mx.cpu), mx.new_stream(mx.cpu)
    with mx.stream(s_one):
        x = mx.add(a, b)
    with mx.stream(s_two):
        y = mx.multiply(x, b)
    mx.synchronize(s_two)
    return y[3].item() == 12


def callback_in_an_executor():
    s, seen = mx.new_stream(mx.cpu), []

    def on_done():
        seen.append("stream finished a step")

    on_stream_complete(s, on_done, executor=ThreadPoolExecutor(max_workers=1)).join()
    return seen == ["stream finished a step"]


def evaluation():
    y, seen = mx.ones(3) + 1, []
    future = after_eval([y], lambda: seen.append("y ready"))
    future.result()
    return seen == ["y ready"]


def callback_in_the_loop():
    s, seen = mx.new_stream(mx.cpu), []

    async def main():
        await on_stream_complete_async(s, lambda: seen.append("step done"))

    asyncio.run(main())
    return seen == ["step done"]


def pipeline():
    batches = [mx.full((4, 4), float(i)) for i in range(6)]
    s, losses = mx.new_stream(mx.cpu), []
    for batch in batches:
        with mx.stream(s):
            logits = batch @ mx.ones((4, 2))
            losses.append(mx.mean(logits))
        mx.async_eval(losses[-1])
    mx.synchronize(s)
    return [loss.item() for loss in losses] == [4.0 * i for i in range(6)]


def random_numbers():
    s, key = mx.new_stream(mx.cpu), mx.random.key(3)
    a = mx.random.normal((50,), key=key, stream=s)
    b = mx.add(mx.random.normal((50,), key=key), 0, stream=mx.new_stream(mx.cpu))
    return mx.array_equal(a, b).item()


def devices_as_streams():
    a = mx.add(mx.ones(3), 1, stream=mx.cpu)
    mx.synchronize()
    return a.tolist() == [2, 2, 2] and mx.default_stream(mx.cpu).device == mx.cpu


@pytest.mark.parametrize("snippet", [overlap, callback_in_an_executor, evaluation, callback_in_the_loop, pipeline,
                                     random_numbers, devices_as_streams])
def test_the_guide(snippet):
    assert snippet()
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda _: snippet(), range(8)))
