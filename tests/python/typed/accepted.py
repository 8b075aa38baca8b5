"""A program that uses what type checkers have to know; test_stubs.py lets mypy read it, and runs it."""
from collections.abc import Sequence

import headrace.core as mx
from headrace.core import fft, linalg


def layer(x: mx.array, weight: mx.array, bias: mx.array | None = None) -> mx.array:
    out = x @ weight.T
    if bias is not None:
        out = out + bias
    return mx.maximum(out, 0.0)


def stack(parts: Sequence[mx.array], *, axis: int = 0) -> mx.array:
    return mx.stack(list(parts), axis=axis)


def norm(x: mx.array) -> float:
    value = linalg.norm(x, axis=-1).max()
    item: float = value.item()
    return float(value) + item


def shapes(x: mx.array) -> tuple[int, ...]:
    first: int = x.shape[0]
    count: int = x.size + x.ndim + first
    return (*x.shape, count)


def spectrum(x: mx.array) -> list[mx.array]:
    return mx.split(mx.abs(fft.rfft(x, n=8)), [2, 3], axis=-1)


def mixed() -> mx.array:
    x = mx.array([[1, 2], [3, 4]], mx.float32)
    x[0] = mx.array([5.0, 6.0])
    x[:, 1] += 1
    x = 2 * x - x / 3 + x**2
    x = mx.where(x > 1, x, 0)
    x = x.at[0, 1].add(1.5)
    x = x.reshape(4).reshape((2, 2)).transpose(1, 0).astype(mx.float16)
    halves, rest = mx.divmod(x, 2)
    values, vectors = linalg.eigh(mx.eye(2))
    singular: mx.array = linalg.svd(mx.eye(2), compute_uv=False)
    u, s, vt = linalg.svd(mx.eye(2))
    key = mx.random.key(0)
    noise = mx.random.normal((2, 2), scale=0.1, key=key)
    good: mx.array = x == x
    total: mx.array = sum(row for row in x) + mx.arange(2) + mx.arange(0, 4, 2)
    single: mx.array = mx.atleast_2d(total)
    both: list[mx.array] = mx.atleast_1d(total, single)
    mx.eval(good, {"values": values, "more": [vectors, singular, u, s, vt, rest]})
    return halves + noise + single + both[0]


def streams() -> mx.array:
    s = mx.new_stream(mx.cpu)
    with mx.stream(s):
        x = mx.add(1, 2)
    device: mx.Device = s.device
    kind: mx.DeviceType = device.type
    y = mx.fast.rms_norm(mx.ones((2, 4)), None, 1e-5, stream=kind)
    mx.synchronize(s)
    with mx.printoptions(precision=3):
        print(x, y.dtype == mx.float32, mx.float32.size, mx.finfo(mx.float16).eps, mx.pi)
    return y


if __name__ == "__main__":
    a = mx.ones((3, 4))
    print(layer(a, mx.ones((2, 4)), None), stack([a, a]).shape, norm(a), shapes(a), spectrum(a), mixed().shape, streams())
