"""What headrace.streams does in a task of trio, and so of anyio over trio. Imported when it is first needed there."""
import contextvars
import functools

import trio

from headrace import _core

_queue = trio.lowlevel.RunVar("headrace.queue")


async def _serve(queue):
    while True:
        await trio.lowlevel.wait_readable(queue.fileno())
        queue.dispatch()


def _queue_of_run():
    """The queue of this run of trio: one descriptor, and a system task that waits for it."""
    try:
        return _queue.get()
    except LookupError:
        queue = _core._Queue()
        _queue.set(queue)
        trio.lowlevel.spawn_system_task(_serve, queue, name="headrace")
        return queue


async def wait(fences):
    """Waits for all of them, then raises the first error in their order."""
    task = trio.lowlevel.current_task()
    errors, left = [None] * len(fences), len(fences)

    def fire(i, error):
        nonlocal left
        errors[i] = error
        left -= 1
        if not left:
            trio.lowlevel.reschedule(task)

    def abort(_):
        nonlocal left
        left = -1  # callbacks that can no longer be taken back count on from here
        for registration in registrations:
            registration.cancel()
        return trio.lowlevel.Abort.SUCCEEDED

    queue = _queue_of_run()
    registrations = [one._call(functools.partial(fire, i), queue) for i, one in enumerate(fences)]
    await trio.lowlevel.wait_task_rescheduled(abort)
    for error in errors:
        if error is not None:
            raise error


class Completion:
    """The result to come of a callback, to be awaited, by several tasks too."""

    def __init__(self, fence, function, executor):
        self._function = functools.partial(contextvars.copy_context().run, function)
        self._executor = executor
        self._event = trio.Event()
        self._result = self._error = self._inner = None
        self._registration = fence._call(self._fire, _queue_of_run())

    def _fire(self, error):
        if error is not None:
            self._settle(None, error)
        elif self._executor is None:
            self._settle(*_outcome(self._function))
        else:
            self._submit(trio.lowlevel.current_trio_token())

    def _submit(self, token):
        try:
            self._inner = self._executor.submit(self._function)
        except BaseException as error:  # noqa: BLE001 the executor may be shut down
            self._settle(None, error)
            return

        def done(inner):
            try:
                token.run_sync_soon(lambda: self._settle(*_outcome(inner.result)))
            except trio.RunFinishedError:
                pass  # nobody is left to be told

        self._inner.add_done_callback(done)

    def _settle(self, result, error):
        self._result, self._error = result, error
        self._function = None
        self._event.set()

    def cancel(self):
        """Takes the callback back if it has not started: whether it has. Who awaits it gets a CancelledError."""
        taken = self._inner.cancel() if self._inner else self._registration.cancel()
        if taken and not self._inner:
            self._settle(*_outcome(_cancelled))
        return taken

    def done(self):
        """Whether the callback has run, failed or been cancelled."""
        return self._event.is_set()

    def __await__(self):
        yield from self._event.wait().__await__()
        if self._error is not None:
            raise self._error
        return self._result


def _cancelled():
    from concurrent.futures import CancelledError

    raise CancelledError


def _outcome(function):
    try:
        return function(), None
    except BaseException as error:  # noqa: BLE001 it is raised where the completion is awaited
        return None, error
