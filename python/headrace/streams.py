"""Callbacks and `await` for streams, arrays and fences. Nothing here keeps a thread waiting while work is under way.

    from headrace.streams import after_eval, on_stream_complete, on_stream_complete_async, ready

Callbacks without an executor run one after another, those of a stream in the order in which it completes, on a thread
of the library that computes nothing, or on a thread that waits for just that callback without a timeout: short ones
belong there. They begin with an empty context, so no scope of stream() reaches them. A callback that takes long or
waits for other callbacks gets an executor. If the work failed, the callback is not called and the future has the
error. When the interpreter exits, callbacks that have not started are dropped.

After a fork, callbacks and futures from before it stay with the parent.
"""
import atexit
import concurrent.futures
import contextvars
import functools
import os
import sys
import threading
import time
import weakref

from headrace import _core

__all__ = ["Completion", "Fence", "after_eval", "fence", "on_stream_complete", "on_stream_complete_async", "ready"]

Fence = _core._Fence

atexit.register(_core._close_callbacks)
os.register_at_fork(after_in_child=_core._forked_callbacks)


def fence(thing=None):
    """A Fence of what is queued by now: of a Stream (None: the default one), or of arrays, also in trees, which are
    queued if they are not. It has done() and wait(timeout=None), and can be awaited.

    >>> fence(mx.ones(3) + 1).wait()
    """
    if isinstance(thing, Fence):
        return thing
    if isinstance(thing, (_core.array, list, tuple, dict)):
        return _core._fence_of_arrays(thing)
    return _core._fence_of_stream(thing)


# --- callbacks ---

def _check(call, callback, executor, loop=None):
    """Says at once what could only be said to nobody later."""
    if not callable(callback):
        raise TypeError(f"{call}(): argument 'callback' must be callable, not {type(callback).__name__}")
    if executor is not None and not hasattr(executor, "submit"):
        raise TypeError(f"{call}(): argument 'executor' must have submit(), not be {type(executor).__name__}")
    if loop is not None and not hasattr(loop, "call_soon_threadsafe"):
        raise TypeError(f"{call}(): argument 'loop' must be an event loop, not {type(loop).__name__}")


class Completion(concurrent.futures.Future):
    """The future of a callback, which can be joined like a thread too."""

    def __init__(self, fence, function, executor):
        super().__init__()
        # What is done here need not be done between the end of the work and the callback.
        self._function = function if executor is not None else functools.partial(contextvars.Context().run, function)
        self._executor = executor
        self._inner = None  # the executor's own future
        self._submitting = threading.RLock()
        self._registration = fence._call(self._fire)

    def _fire(self, error):
        if error is None and self._executor is not None:
            self._submit()
            return
        function, self._function = self._function, None
        if error is not None:
            self.set_exception(error)
            return
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 it is the future's
            self.set_exception(error)
        else:
            self.set_result(result)

    def _submit(self):
        function, self._function = self._function, None
        try:
            with self._submitting:
                self._inner = self._executor.submit(function)
        except BaseException as error:  # noqa: BLE001 the executor may be shut down
            self.set_running_or_notify_cancel()
            self.set_exception(error)
        else:
            self._inner.add_done_callback(self._take)

    def _take(self, inner):
        if inner.cancelled():
            super().cancel()
            self.set_running_or_notify_cancel()
            return
        self.set_running_or_notify_cancel()
        error = inner.exception()
        if error is not None:
            self.set_exception(error)
        else:
            self.set_result(inner.result())

    def cancel(self):
        """Takes the callback back if it has not started; whether it will never run. The work goes on."""
        with self._submitting:
            inner = self._inner
            taken = inner is None and self._registration.cancel()
        if taken:
            super().cancel()
            self._function = None
            self.set_running_or_notify_cancel()
        elif inner is not None and inner.cancel():
            return True
        return self.cancelled()

    def running(self):
        """Whether the callback runs just now."""
        if self._executor is None:
            return self._function is None and not self.done()
        with self._submitting:  # the executor may start the callback before submit() has answered
            inner = self._inner
        return super().running() or (inner is not None and inner.running())

    def result(self, timeout=None):
        """Waits for the callback, at most `timeout` seconds, and answers what it returned, or raises its exception."""
        return super().result(self._wait(timeout))

    def exception(self, timeout=None):
        """The exception of the callback, or None."""
        return super().exception(self._wait(timeout))

    def join(self, timeout=None):
        """Waits until the callback has run, failed or been cancelled, at most `timeout` seconds."""
        timeout = self._wait(timeout)
        if not self.done():
            concurrent.futures.wait([self], timeout)

    def is_alive(self):
        """Whether the callback is still to come or runs."""
        return not self.done()

    def _wait(self, timeout):
        """Waits in the library, where this thread may run the callback itself; answers what is left of the time."""
        if self._executor is not None or self.done():
            return timeout
        if timeout is None:
            self._registration.wait(None)
            return None
        deadline = time.monotonic() + timeout
        self._registration.wait(timeout)
        return max(0.0, deadline - time.monotonic())


def on_stream_complete(stream, callback, *args, executor=None, **kwargs):
    """Calls callback(*args, **kwargs) when all that is queued on the stream by now is done.

    Answers a Completion: a concurrent.futures.Future of the callback's result with join() and is_alive(). With an
    executor the callback is submitted to it then, and the future stands for the executor's.

    >>> on_stream_complete(mx.default_stream(mx.cpu), print, "done").join()
    done
    """
    _check("on_stream_complete", callback, executor)
    return Completion(_core._fence_of_stream(stream), functools.partial(callback, *args, **kwargs), executor)


def after_eval(arrays, callback, *args, executor=None, **kwargs):
    """Queues the arrays, which may be a tree, and calls callback(*args, **kwargs) when all of them are computed.

    Answers what on_stream_complete() does.

    >>> after_eval([mx.ones(3)], lambda: "ready").result()
    'ready'
    """
    _check("after_eval", callback, executor)
    return Completion(_core._fence_of_arrays(arrays), functools.partial(callback, *args, **kwargs), executor)


# --- asyncio and trio ---

_queues = weakref.WeakKeyDictionary()  # of event loops
_queues_lock = threading.Lock()
os.register_at_fork(before=_queues_lock.acquire, after_in_parent=_queues_lock.release,
                    after_in_child=_queues_lock.release)


def _queue(loop, is_current):
    """The loop's queue; its descriptor is added to the loop when it is first used."""
    with _queues_lock:
        queue = _queues.get(loop)
        if queue is not None and queue.fileno() >= 0:
            return queue
        queue = _queues[loop] = _core._Queue()
    if is_current:
        loop.add_reader(queue.fileno(), queue.dispatch)
    else:
        loop.call_soon_threadsafe(loop.add_reader, queue.fileno(), queue.dispatch)
    return queue


def _running_loop():
    import asyncio

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _need_loop():
    loop = _running_loop()
    if loop is None:
        raise RuntimeError("no event loop of asyncio or trio runs in this thread")
    return loop


def _in_trio():
    trio = sys.modules.get("trio")
    return trio is not None and trio.lowlevel.in_trio_task()


def _fail(future, error):
    if isinstance(error, StopIteration):  # no future of asyncio can have it
        error = RuntimeError(f"the callback raised {error!r}")
    future.set_exception(error)


class _Wait:
    """A future of asyncio that is done when several fences are reached; `finish` is called then, unless one failed."""

    def __init__(self, loop, fences, finish):
        self._future = loop.create_future()
        self._finish = finish
        self._left = len(fences)
        self._errors = [None] * len(fences)
        queue = _queue(loop, loop is _running_loop())
        self._registrations = []
        for i, one in enumerate(fences):
            self._registrations.append(one._call(functools.partial(self._fire, i), queue))

    def start(self):
        self._future.add_done_callback(self._drop)
        return self._future

    def _fire(self, i, error):
        self._errors[i] = error
        self._left -= 1
        if self._left or self._future.done():
            return
        error = next((e for e in self._errors if e is not None), None)
        if error is not None:
            _fail(self._future, error)
        else:
            self._finish(self._future)

    def _drop(self, future):
        if future.cancelled():
            for registration in self._registrations:
                registration.cancel()
        self._registrations = self._finish = None


def _waiting(fences):
    """To be awaited: all of the fences."""
    if _in_trio():
        from headrace import _trio

        return _trio.wait(fences)
    return _Wait(_need_loop(), fences, lambda future: future.set_result(None)).start()


def _fence_of(thing):
    if not isinstance(thing, (_core.array, list, tuple, dict, Fence, _core.Stream)):
        raise TypeError(f"an object of type {type(thing).__name__} cannot be awaited: it is no array, stream or fence")
    return fence(thing)


def _await(thing):
    """What `await thing` iterates over. Arrays answer themselves, fences and streams nothing."""
    answer = thing if isinstance(thing, _core.array) else None
    one = fence(thing)
    if one.done():
        one.wait()  # for its error
    else:
        yield from _waiting([one]).__await__()
    return answer


async def ready(*things):
    """Waits, in a coroutine, for arrays (also in trees), streams and fences; all arrays are queued at once.

    Answers the thing, or a tuple of several. Raises the first error of their work.

    >>> y, z = await headrace.ready(y, z)  # doctest: +SKIP
    """
    fences = [one for one in map(_fence_of, things) if not one.done() or one.wait()]
    if fences:
        await _waiting(fences)
    return things[0] if len(things) == 1 else things


def on_stream_complete_async(stream, callback, *args, loop=None, executor=None, **kwargs):
    """Calls callback(*args, **kwargs) in the event loop when all that is queued on the stream by now is done.

    Answers a future of asyncio, to be awaited, of the callback's result. `loop` is the running one by default; another
    thread may pass its loop. With an executor the callback runs there. Cancelling takes the callback back. In a task of
    trio the answer can be awaited as well; it has cancel() and done().

    >>> await on_stream_complete_async(s, print, "step done")  # doctest: +SKIP
    """
    _check("on_stream_complete_async", callback, executor, loop)
    if loop is None and _in_trio():
        from headrace import _trio

        return _trio.Completion(_core._fence_of_stream(stream), functools.partial(callback, *args, **kwargs), executor)
    loop = loop if loop is not None else _need_loop()
    function = functools.partial(contextvars.copy_context().run, callback, *args, **kwargs)
    finish = functools.partial(_run_in, loop, executor, function)
    wait = _Wait(loop, [_core._fence_of_stream(stream)], finish)
    if loop is _running_loop():
        return wait.start()
    loop.call_soon_threadsafe(wait.start)
    return wait._future


def _run_in(loop, executor, function, future):
    if executor is None:
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 it is the future's
            _fail(future, error)
        else:
            if not future.done():
                future.set_result(result)
        return
    try:
        inner = loop.run_in_executor(executor, function)
    except Exception as error:  # noqa: BLE001 the executor is shut down, or none of the loop's kind
        _fail(future, error)
        return
    inner.add_done_callback(functools.partial(_copy, future))
    future.add_done_callback(lambda done: done.cancelled() and inner.cancel())


def _copy(future, inner):
    if future.done():
        return
    if inner.cancelled():
        future.cancel()
    elif inner.exception() is not None:
        _fail(future, inner.exception())
    else:
        future.set_result(inner.result())
