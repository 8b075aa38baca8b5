"""Objects that several threads use at once: nothing is lost and nothing breaks, with the interpreter's lock or without."""
import io
import os
import sys
import threading

import pytest

import headrace.core as mx
from headrace.streams import after_eval, fence, on_stream_complete

THREADS, ROUNDS = 8, 300 * int(os.environ.get("HEADRACE_STRESS", 1))


def hammer(function, rounds=ROUNDS):
    """Calls function(thread's number, round) in all threads at once; raises what one of them raises."""
    errors, start = [], threading.Barrier(THREADS)

    def run(number):
        try:
            start.wait()
            for i in range(rounds):
                function(number, i)
        except BaseException as error:  # noqa: BLE001 for the main thread
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@pytest.mark.skipif(not hasattr(sys, "_is_gil_enabled"), reason="this interpreter always has its lock")
def test_the_module_needs_no_lock():
    import sysconfig

    assert sys._is_gil_enabled() == (not sysconfig.get_config_var("Py_GIL_DISABLED"))


def test_an_array_that_changes_its_shape():
    """Readers see one or the other array, never a mixture."""
    small, large = mx.array([1.0, 2.0]), mx.ones((3, 4, 5, 6, 7), mx.int32)
    shared = mx.array(small)
    mx.eval(small, large)

    def use(number, i):
        if number < 2:
            shared.__setstate__((small if (i + number) % 2 else large).__getstate__())
            return
        assert shared.shape in ((2,), (3, 4, 5, 6, 7)) and shared.ndim in (1, 5) and len(shared) in (2, 3)
        assert shared.dtype in (mx.float32, mx.int32) and shared.size in (2, 2520) and shared.nbytes in (8, 10080)
        assert (shared * 1).sum().item() in (3, 2520)
        assert mx.concatenate([shared]).shape[0] in (2, 3)
        assert memoryview(shared).shape in ((2,), (3, 4, 5, 6, 7)) and repr(shared).startswith("array([")

    hammer(use)


def test_no_assignment_is_lost():
    shared, sums = mx.zeros(THREADS * ROUNDS, mx.int32), mx.array(0)

    def assign(number, i):
        nonlocal sums
        shared[number * ROUNDS + i] = number + 1
        sums += 1

    hammer(assign)
    assert shared.tolist() == [number + 1 for number in range(THREADS) for _ in range(ROUNDS)]
    assert sums.item() == THREADS * ROUNDS


def test_views_at():
    shared = mx.arange(10)
    at = shared.at
    hammer(lambda number, i: at[number].add(i).tolist()[number] == number + i or pytest.fail("at"))
    assert shared.tolist() == list(range(10))


def test_an_iterator():
    """Every element goes to one thread."""
    elements, seen = iter(mx.arange(THREADS * ROUNDS)), [[] for _ in range(THREADS)]
    hammer(lambda number, i: seen[number].extend(x.item() for x in [next(elements, None)] if x is not None))
    assert sorted(sum(seen, [])) == list(range(THREADS * ROUNDS)) and next(elements, None) is None


def test_lists_that_change():
    x = mx.ones((2, 2))
    arrays, shape, tree = [x] * 4, [2, 2], {"a": [x, [x + 1]], "b": x}

    def use(number, i):
        if number == 0:
            arrays.append(x), arrays.pop(), arrays.__setitem__(slice(None), [x + i] * 4)
            shape[:] = [4] if i % 2 else [2, 2]
            tree["a"] = [x + i, [x + i]]
            tree[f"c{i}"] = x * i
            return
        assert mx.concatenate(arrays).shape[1] == 2 and mx.stack(arrays).shape[1:] == (2, 2)
        assert mx.reshape(x, shape).shape in ((2, 2), (4,)) and mx.array(shape).ndim == 1
        mx.eval(tree)
        fence(tree).wait()
        mx.save_safetensors(io.BytesIO(), {"x": x}, {})
        mx.export_to_dot(io.StringIO(), tree)

    hammer(use, 100)


def test_scopes_and_defaults():
    """One context object, entered by all threads; each sees its own scope."""
    s, others = mx.new_stream(mx.cpu), [mx.new_stream(mx.cpu) for _ in range(THREADS)]
    context = mx.stream(s)

    def use(number, i):
        before = mx.default_stream(mx.cpu)
        with context:
            assert mx.default_stream(mx.cpu) == s
            with mx.stream(others[number]), context, mx.stream(others[number]):
                assert mx.default_stream(mx.cpu) == others[number]
                mx.set_default_stream(s)
                assert mx.default_stream(mx.cpu) == s
            assert mx.default_stream(mx.cpu) == s
        assert mx.default_stream(mx.cpu) == before

    hammer(use)
    with pytest.raises(RuntimeError, match="not entered"):
        context.__exit__(None, None, None)


def test_a_stream_its_fences_and_a_stream_for_each_thread():
    s, local = mx.new_stream(mx.cpu), mx.new_thread_local_stream(mx.cpu)
    shared = fence(s)

    def use(number, i):
        x = mx.add(mx.array(i), number, stream=s)
        y = mx.add(x, 1, stream=local)
        mx.async_eval(x, y)
        fence(s).wait(60)
        shared.wait(60)
        assert shared.done() and x.item() == i + number and y.item() == i + number + 1 and hash(s) == hash(s)
        mx.synchronize(s, timeout=60)

    hammer(use, 100)


def test_callbacks_and_futures():
    """Futures that all threads cancel, ask and join at once; a callback runs or is cancelled, never both."""
    s, ran = mx.new_stream(mx.cpu), []
    rounds, step = [[None] for _ in range(100)], threading.Barrier(THREADS)

    def use(number, i):
        if number == 0:
            mx.async_eval(mx.add(mx.arange(1000), i, stream=s))
            rounds[i][0] = on_stream_complete(s, ran.append, i)
        step.wait()
        future = rounds[i][0]
        if number % 2:
            future.cancel()
        assert future.running() in (False, True)
        future.join(60)
        assert future.done() and future.cancelled() != (i in ran)
        assert after_eval(mx.array(i) + 1, lambda: i).result(60) == i

    hammer(use, len(rounds))


def test_numbers_of_all_threads_are_their_own():
    def use(number, i):
        mx.random.seed(number)
        first = mx.random.uniform(shape=(4,)).tolist()
        mx.random.seed(number)
        assert mx.random.uniform(shape=(4,)).tolist() == first
        assert mx.random.state[0].shape == (2,)

    hammer(use, 100)
