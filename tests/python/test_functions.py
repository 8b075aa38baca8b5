"""Every function that MLX has too, called in the same ways: results, dtypes, kinds of sequences."""
import numpy as np
import pytest

import headrace.core as mx

mlx = pytest.importorskip("mlx.core")

SETUP = """
x = mx.array([[0.5, -1.5, 2.0], [3.25, 0.0, -0.75]])
v = mx.array([3.0, 1.0, 2.0, 1.0])
i = mx.array([[1, 2, 3], [4, 5, 6]])
p = mx.array([0.1, 0.5, 0.9])
b = mx.array([[True, False, True], [False, False, True]])
c = mx.array([1 + 2j, -1j])
m = mx.array([[4.0, 1.0], [1.0, 3.0]])
h = mx.array([1.5, -2.0], mx.float16)
k = mx.random.key(7)
t = mx.arange(24).reshape(2, 3, 4)
"""
UNARY = """abs arctan arcsinh ceil cos cosh degrees erf exp expm1 floor isfinite isinf isnan isneginf isposinf log1p
logical_not negative radians sigmoid sign sin sinh square stop_gradient tan tanh atan asinh positive trunc""".split()
CALLS = [f"mx.{f}(x)" for f in UNARY] + [f"mx.{f}(p)" for f in """arccos arcsin arctanh erfinv log log10 log2 reciprocal
rsqrt sqrt acos asin atanh""".split()] + ["mx.arccosh(v)", "mx.acosh(v)", "mx.conj(c)", "mx.conjugate(c)", "mx.real(c)",
                                         "mx.imag(c)", "mx.bitwise_invert(i)"]
CALLS += [f"mx.{f}({a}, {b})" for f in """add subtract multiply divide maximum minimum logaddexp arctan2 atan2 less
less_equal greater greater_equal equal not_equal logical_and logical_or logical_xor floor_divide remainder""".split()
          for a, b in (("x", "2"), ("x", "x * 2"), ("3.0", "v"), ("i", "2.5"), ("2", "3"))]
CALLS += [f"mx.{f}(i, {n})" for f in "bitwise_and bitwise_or bitwise_xor left_shift right_shift bitwise_left_shift "
          "bitwise_right_shift power pow".split() for n in ("2", "i")]
REDUCTIONS = "sum prod mean max min std var logsumexp all any median".split()
CALLS += [f"mx.{f}(x{a})" for f in REDUCTIONS
          for a in ("", ", 0", ", axis=-1", ", (0, 1)", ", [0], True", ", axis=None, keepdims=True")]
CALLS += [f"x.{f}({a})" for f in "sum prod mean max min std var logsumexp all any".split() for a in ("", "0", "axis=(0, 1), keepdims=True")]
CALLS += ["x.std(0, ddof=1)", "x.var(correction=1)", "mx.std(x, ddof=1)", "mx.var(x, 0, ddof=1)"]
CALLS += [f"mx.{f}(x{a})" for f in "argmax argmin".split() for a in ("", ", 0", ", 1, True")]
CALLS += [f"mx.{f}(x{a})" for f in "sort argsort".split() for a in ("", ", 0", ", axis=None")]
CALLS += [f"mx.{f}(v, 2{a}).shape" for f in "partition argpartition topk".split() for a in ("", ", axis=0", ", axis=None")]
CALLS += [f"{o}.{f}({a})" for o, a0 in (("mx", "x, "), ("x", "")) for f in "cumsum cumprod cummax cummin logcumsumexp".split()
          for a in [a0 + s for s in ("axis=0", "axis=1, reverse=True", "axis=1, inclusive=False")] + [a0.rstrip(", ")]]
CALLS += ["mx.cumsum(i, dtype=mx.float32)", "mx.cumulative_sum(i, 0)", "mx.cumulative_prod(i, 1)"]
CALLS += """mx.softmax(x)|mx.softmax(x, 0)|mx.softmax(x, (0, 1))|mx.softmax(x, axis=-1, precise=True)|mx.arange(5)|mx.arange(1, 5)
mx.arange(1, 5, 2)|mx.arange(5.0)|mx.arange(5, dtype=mx.float16)|mx.arange(1, stop=4)|mx.arange(start=1, stop=4, step=2)
mx.arange(0, 1, 0.25)|mx.arange(3, 0, -1)|mx.linspace(0, 1, 5)|mx.linspace(0, 1, 5, endpoint=False)|mx.linspace(0, 1, num=3, dtype=mx.float16)
mx.zeros(3)|mx.zeros((2, 3), mx.int32)|mx.ones([2])|mx.ones((2,), dtype=mx.bool_)|mx.full((2, 2), 3)|mx.full((2, 3), v[:3])
mx.zeros_like(x)|mx.ones_like(x, mx.int8)|mx.full_like(x, 2)|mx.full_like(i, 2.5, mx.float32)|mx.eye(3)|mx.eye(2, 3, 1)|mx.identity(2)|mx.tri(3)
mx.tri(2, 3, k=-1)|mx.tril(i)|mx.triu(i, 1)|mx.diag(v)|mx.diag(m, k=1)|m.diag()|mx.diagonal(t, 0, 1, 2)|t.diagonal(1, 0, 2)|mx.trace(i)|mx.trace(i, dtype=mx.float32)
mx.reshape(i, (3, 2))|mx.reshape(i, [-1])|i.reshape(3, 2)|i.reshape((6,))|i.reshape(-1)|mx.flatten(t)|t.flatten(1)|mx.unflatten(v, 0, (2, 2))
mx.transpose(t)|mx.transpose(t, (1, 0, 2))|t.transpose(2, 0, 1)|t.transpose((2, 0, 1))|t.transpose()|t.T|t.mT|mx.permute_dims(t, (2, 1, 0))|mx.matrix_transpose(t)
mx.squeeze(t[:1])|mx.squeeze(t[:1], 0)|t[:1].squeeze([0])|mx.expand_dims(v, 0)|mx.expand_dims(v, (0, 2))|mx.moveaxis(t, 0, 2)|t.moveaxis(0, -1)|mx.swapaxes(t, 0, 1)|t.swapaxes(1, 2)
mx.broadcast_to(v, (2, 4))|mx.broadcast_to(1, (2,))|mx.broadcast_arrays(i, mx.array(1))|mx.broadcast_shapes((1, 3), (2, 1))|mx.atleast_1d(mx.array(1))|mx.atleast_2d(v)|mx.atleast_3d(v, i)
mx.concatenate([i, i])|mx.concatenate((i, i), 1)|mx.concatenate([i, v], axis=None)|mx.concat([v, v])|mx.stack([v, v])|mx.stack([v, v], 1)|mx.stack([i, i], axis=None).shape
mx.split(v, 2)|mx.split(v, [1, 3])|v.split(2)|mx.split(t, 3, axis=1)|mx.unstack(i)|mx.unstack(i, axis=1)|mx.repeat(v, 2)|mx.repeat(i, 2, axis=1)|mx.tile(v, 2)|mx.tile(v, (2, 1))
mx.roll(v, 1)|mx.roll(i, 1, 1)|mx.roll(i, (1, 2), (0, 1))|mx.flip(i)|mx.flip(i, 0)|mx.flip(t, axis=(0, 2))|mx.pad(i, 1)|mx.pad(i, (1, 2))|mx.pad(i, [(0, 1), (2, 0)], constant_values=9)|mx.pad(v, 2, mode="edge")
mx.where(x > 0, x, 0)|mx.where(b, 1, i)|mx.where(True, 1.5, 2)|mx.clip(x, -1, 1)|mx.clip(x, None, 1)|mx.clip(i, 2, 4.5)|mx.clip(x, x - 1, 0.5)|mx.nan_to_num(x / 0)|mx.nan_to_num(x / 0, 1.0, 2.0, -2.0)
mx.take(v, mx.array([0, 2]))|mx.take(i, 1)|mx.take(i, mx.array([[0], [1]]), axis=1)|mx.take(i, mx.array(2), axis=1)|mx.take_along_axis(i, mx.argsort(i, 1), 1)|mx.take_along_axis(i, mx.array([0, 3]), None)
mx.put_along_axis(i, mx.array([[0], [1]]), mx.array(9), 1)|mx.put_along_axis(i, mx.array([0, 3]), mx.array(9))|mx.searchsorted(mx.array([1, 2, 3]), mx.array([0, 2, 4]))
mx.searchsorted(mx.array([1, 2, 2, 3]), mx.array([[2, 4]]), side="right")|mx.slice(i, mx.array([1]), (1,), (2, 2))|mx.slice_update(i, mx.array([[9]]), mx.array([0, 1]), (0, 1))
mx.matmul(x, x.T)|x @ v[:3]|mx.inner(v, v)|mx.outer(v, v)|mx.tensordot(t * 1.0, t * 1.0, 3)|mx.tensordot(x, x, [[1], [1]])|mx.addmm(m, m, m)|mx.addmm(m, m, m, 2.0, beta=0.5)|mx.kron(m, m)|mx.vecdot(x, x)|mx.vecdot(c, c)|mx.vecdot(x, x, axis=0)
mx.isclose(x, x + 1e-9)|mx.allclose(x, x)|mx.array_equal(x, x)|mx.array_equal(x, i, equal_nan=True)|mx.round(x)|mx.round(x, 1)|x.round(decimals=1)|mx.divmod(i, 2)|mx.divmod(7.5, 2)|mx.minmax(x)|mx.minmax(x, 0, True)
mx.count_nonzero(x)|mx.count_nonzero(b, axis=0, keepdims=True)|mx.diff(v)|mx.diff(i, n=2)|mx.diff(i, axis=0)|mx.diff(b)|mx.convolve(v, p)|mx.convolve(v, p, "same")|mx.convolve(v, p, mode="valid")|mx.convolve(p, v, mode="same")
mx.unique(v, 3)|mx.unique(v, 2)|mx.unique(v, 6, fill_value=-1)|mx.unique(v, 3, return_index=True, return_inverse=True, return_counts=True)|mx.astype(x, mx.int32)|x.astype(mx.float16)|x.astype(mx.bool_)|mx.view(x, mx.int32)|x.view(mx.uint8)
mx.as_strided(v, (2, 2), (1, 1))|mx.as_strided(v, (3,), (1,), 1)|mx.contiguous(t.T)|mx.meshgrid(v, p)|mx.meshgrid(v, p, indexing="ij", sparse=True)|mx.depends(x, i)|mx.depends([x, v], [i])|mx.hamming(4)|mx.hanning(4)|mx.blackman(5)|mx.bartlett(5)
mx.from_fp8(mx.to_fp8(x))|mx.to_fp8(x)|mx.random.key(3)|mx.random.split(k)|mx.random.split(k, 3)|mx.random.uniform(shape=(3,), key=k)|mx.random.uniform(-1, 2, (2, 2), key=k)|mx.random.uniform(v, 9.0, [4], mx.float16, key=k)
mx.random.normal((4,), key=k).shape|mx.random.normal(key=k).shape|mx.random.randint(0, 10, (5,), key=k)|mx.random.randint(mx.array([0, 5]), 10, [2], mx.int64, k)|mx.random.bernoulli(key=k)|mx.random.bernoulli(p, key=k)|mx.random.bernoulli(0.3, (5,), k)|mx.random.permutation(5, key=k)
mx.random.permutation(i, 1, k)|mx.random.categorical(x, key=k)|mx.random.categorical(x, 0, key=k)|mx.random.categorical(x, num_samples=4, key=k)|mx.random.categorical(x, shape=(3, 2), key=k)|mx.random.truncated_normal(-1.0, mx.array([1.0, 2.0]), key=k).shape
mx.random.gumbel((3,), key=k).shape|mx.random.laplace((3,), key=k, scale=2.0).shape|mx.fft.fft(v)|mx.fft.ifft(v, 3)|mx.fft.rfft(v)|mx.fft.irfft(mx.fft.rfft(v))|mx.fft.irfft(mx.fft.rfft(v), 3, norm="ortho")|mx.fft.fft2(x)|mx.fft.fftn(x, axes=[0])|mx.fft.rfftn(x)|mx.fft.irfftn(mx.fft.rfftn(x), s=(2, 3), axes=(0, 1))
mx.fft.fftn(x, s=[2], axes=[1])|mx.fft.rfft2(x, norm="forward")|mx.fft.fftshift(v)|mx.fft.ifftshift(x, axes=1)|mx.fft.fftshift(x, axes=(0, 1))|mx.fft.fftfreq(4)|mx.fft.rfftfreq(5, 0.5)|mx.result_type(x, i, mx.float16)|mx.can_cast(x, mx.int8)""".replace("\n", "|").split("|")
LATER = """mx.einsum("ij,kj->ik", x, x)|mx.conv1d(mx.ones((1, 5, 2)), mx.ones((3, 3, 2)))|mx.conv2d(mx.ones((1, 5, 4, 2)), mx.ones((3, 2, 3, 2)), (1, 2), padding=(1, 0))
mx.conv_general(mx.ones((1, 5, 2)), mx.ones((3, 3, 2)), padding=([1], [2]))|mx.conv_transpose2d(mx.ones((1, 3, 3, 2)), mx.ones((3, 2, 2, 2)), stride=2)|mx.linalg.norm(x)|mx.linalg.norm(x, "fro")|mx.linalg.norm(x, 1, axis=0)|mx.linalg.norm(v, ord=2)
mx.linalg.inv(m, stream=mx.cpu)|mx.linalg.det(m, stream=mx.cpu)|mx.linalg.slogdet(m, stream=mx.cpu)|mx.linalg.svd(m, compute_uv=False, stream=mx.cpu)|mx.linalg.eigvalsh(m, stream=mx.cpu)|mx.linalg.solve(m, m, stream=mx.cpu)|mx.linalg.cholesky(m, stream=mx.cpu)
mx.linalg.cross(v[:3], p)|mx.fast.rms_norm(x, None, 1e-5)|mx.fast.layer_norm(x, mx.ones((3,)), None, 1e-5)|mx.fast.rope(mx.ones((1, 2, 4)), 4, traditional=False, base=10000.0, scale=1.0, offset=1)|mx.quantize(mx.ones((2, 64)))|mx.hadamard_transform(v)
mx.fast.scaled_dot_product_attention(mx.ones((1, 1, 2, 4)), mx.ones((1, 1, 2, 4)), mx.ones((1, 1, 2, 4)), scale=1.0, mask="causal")""".replace("\n", "|").split("|")


def as_data(value, m):
    """A result as plain data with dtypes."""
    if isinstance(value, m.array):
        return repr(value.dtype).rpartition(".")[2], value.shape, np.array(value.tolist())
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *[as_data(v, m) for v in value]]
    return repr(value).replace("mlx.core", "headrace.core")


def compare(ours, theirs):
    if isinstance(ours, list):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs):
            compare(a, b)
    elif isinstance(ours, tuple):
        assert ours[:2] == theirs[:2]
        np.testing.assert_allclose(ours[2], theirs[2], rtol=2e-3 if "16" in ours[0] else 1e-5, atol=1e-6)
    else:
        assert ours == theirs


def evaluate(text, m):
    names = {"mx": m}
    exec(SETUP, names)
    return as_data(eval(text, names), m)


@pytest.mark.parametrize("text", [t for t in CALLS if t.strip()])
def test_as_mlx(text):
    compare(evaluate(text, mx), evaluate(text, mlx))


@pytest.mark.parametrize("text", LATER)
def test_as_mlx_where_the_library_has_it(text):
    name = text.split("(")[0].split(".")[1:]
    thing = mx
    for part in name:
        if not hasattr(thing, part):
            pytest.skip(f"{'.'.join(name)} is not there yet")
        thing = getattr(thing, part)
    compare(evaluate(text, mx), evaluate(text, mlx))


def test_streams_are_taken_by_all_functions():
    s = mx.new_stream(mx.cpu)
    x = mx.array([1.0, 2.0])
    for stream in (s, mx.cpu, mx.default_device(), mx.new_thread_local_stream(mx.cpu), None):
        assert mx.add(x, 1, stream=stream).tolist() == [2, 3] and x.sum(stream=stream).item() == 3
        assert mx.diff(x, stream=stream).tolist() == [1]
    with pytest.raises(TypeError, match="stream"):
        mx.add(x, 1, stream="cpu")


def test_pads_of_a_scalar():
    for m in (mx, mlx):
        assert m.pad(m.array(5), []).item() == 5
