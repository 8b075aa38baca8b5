"""Exit, fork and Ctrl-C while callbacks and waits are pending: under load, and from threads other than the main one."""
import subprocess
import sys
import textwrap

import pytest

# Work that lasts until the process ends, and threads that keep streams and callbacks busy.
PRELUDE = """
    import asyncio, concurrent.futures, os, signal, sys, threading, time
    import headrace.core as mx
    from headrace.streams import *

    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have background jobs ignore it
    s = mx.new_stream(mx.cpu)

    def endless():
        x = mx.random.normal((1500, 1500))
        for _ in range(2000):
            x = mx.matmul(x, x, stream=s) * 1e-3
        mx.async_eval(x)
        return x

    started = threading.Barrier(5)

    def load():
        own, i = mx.new_stream(mx.cpu), 0
        while True:
            y = mx.add(mx.arange(100), i, stream=own)
            future = after_eval(y, lambda: y.tolist()[0])
            on_stream_complete(own, int)
            if i % 3 == 0:
                future.cancel()
            elif i % 7 == 0:
                future.result()
            i += 1
            if i == 100:
                started.wait()

    def load_in_threads():
        for _ in range(4):
            threading.Thread(target=load, daemon=True).start()
        started.wait()
"""


def run(text):
    """Without warnings: newer interpreters warn of every fork in a process that has threads."""
    text = textwrap.dedent(PRELUDE) + textwrap.dedent(text)
    return subprocess.run([sys.executable, "-Wignore", "-c", text], capture_output=True, text=True, timeout=120)


def ends(text, printed="end\n"):
    result = run(text)
    assert (result.returncode, result.stdout, result.stderr) == (0, printed, "")


@pytest.mark.parametrize("times", range(3))
def test_exit_under_load(times):
    ends("""
    load_in_threads()
    print("end")
    """)


def test_exit_while_threads_register_and_wait():
    ends("""
    x = endless()
    def register():
        for _ in range(1000):
            on_stream_complete(s, print, "never")
            after_eval(x, print, "never", executor=pool)
    pool = concurrent.futures.ThreadPoolExecutor(1)
    threads = [threading.Thread(target=register) for _ in range(4)]
    for t in threads: t.start()
    for t in threads: t.join()
    waits = on_stream_complete(s, print, "never").join, fence(s).wait, lambda: mx.synchronize(s), lambda: mx.eval(x)
    for wait in waits:
        threading.Thread(target=wait, daemon=True).start()
    print("end")
    """)


def test_exit_by_a_callback_s_exception_or_sys_exit():
    """SystemExit in a callback is the future's, as with any executor; it ends the thread that asks for the result."""
    result = run("""
    future = on_stream_complete(s, sys.exit, 3)
    concurrent.futures.wait([future])
    print("still here")
    sys.stdout.flush()
    future.result()
    """)
    assert (result.returncode, result.stdout, result.stderr) == (3, "still here\n", "")


def test_exit_inside_a_coroutine_with_work_pending():
    ends("""
    async def main():
        endless()
        for _ in range(1000):
            on_stream_complete_async(s, print, "never")
        asyncio.ensure_future(ready(s))
        await asyncio.sleep(0)
        print("end")
    threading.Thread(target=lambda: asyncio.run(main())).start()
    """)


@pytest.mark.parametrize("where", ["main", "thread"])
def test_fork_under_load(where):
    """The child can read what was computed, and compute and be called back, whatever the parent's threads were at."""
    ends(f"""
    load_in_threads()
    x = mx.array([1.0, 2.0]) + 1
    mx.eval(x)
    own = mx.new_stream(mx.cpu)  # idle: it goes on in the child

    def forks():
        for _ in range(10):
            pid = os.fork()
            if pid == 0:
                signal.alarm(60)
                y = mx.add(x, 1, stream=own)
                good = after_eval(y, y.tolist).result() == [3, 4]
                good = good and on_stream_complete(mx.new_stream(mx.cpu), x.tolist).result() == [2, 3]
                async def main():
                    z = y + 1
                    await z
                    return await on_stream_complete_async(own, z.tolist) == [4, 5]
                os._exit(0 if good and asyncio.run(main()) else 1)
            codes.add(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

    codes = set()
    if "{where}" == "main":
        forks()
    else:
        thread = threading.Thread(target=forks)
        thread.start()
        thread.join()
    print(codes)
    """, "{0}\n")


@pytest.mark.parametrize("wait", [
    "on_stream_complete(s, int).result()", "on_stream_complete(s, int).join()",
    "on_stream_complete(s, int).result(1000)", "after_eval(x, int).exception()",
    "on_stream_complete(s, int, executor=concurrent.futures.ThreadPoolExecutor(1)).result()",
    "fence(s).wait()", "fence(x).wait(1000)", "mx.synchronize(s)", "mx.synchronize(s, timeout=1000)",
    "asyncio.run(waits())"])
def test_interrupts(wait):
    result = run(f"""
    x = endless()
    async def waits():
        await s
    threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    try:
        {wait}
        print("finished")
    except KeyboardInterrupt:
        print("interrupted")
    sys.stdout.flush()
    os._exit(0)
    """)
    assert result.stdout == "interrupted\n", result.stderr


def test_an_interrupt_while_this_thread_runs_the_callback():
    """It ends the callback, and reaches who waits for it."""
    result = run("""
    def callback():
        if threading.current_thread() is threading.main_thread():
            signal.raise_signal(signal.SIGINT)
    for _ in range(1000):
        try:
            mx.async_eval(mx.add(mx.arange(10), 1, stream=s))
            on_stream_complete(s, callback).result()
        except KeyboardInterrupt:
            print("interrupted")
            break
    """)
    assert (result.returncode, result.stdout, result.stderr) == (0, "interrupted\n", "")
