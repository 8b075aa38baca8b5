"""Functions composed in Python, against MLX: short-time Fourier transforms, the delta rule, cross entropy, paths of
einsum; and what only Headrace can run."""
import itertools

import numpy as np
import pytest

import headrace.core as mx

mlx = pytest.importorskip("mlx.core")


def outcome(function, m):
    """A list of arrays of NumPy, or the class of the exception."""
    try:
        out = function(m)
    except Exception as error:
        return type(error)
    out = out if isinstance(out, (list, tuple)) else [out]
    return [(repr(x.dtype).rpartition(".")[2], np.array(x.tolist()).reshape(x.shape)) for x in out]


def same(function, tolerance=1e-4):
    """Both give the same, within `tolerance` of the largest element; an error may be a subclass of MLX's."""
    ours, theirs = outcome(function, mx), outcome(function, mlx)
    if isinstance(ours, type) or isinstance(theirs, type):
        assert isinstance(ours, type) and isinstance(theirs, type) and issubclass(ours, theirs), (ours, theirs)
        return
    assert len(ours) == len(theirs)
    for (dtype, a), (want, b) in zip(ours, theirs):
        assert dtype == want and a.shape == b.shape
        assert not a.size or np.abs(a - b).max() <= tolerance * max(1, np.abs(b).max())


def noise(*shape, kind="f4", seed=0):
    return (np.random.default_rng(seed).standard_normal(shape) * 4).astype(kind)


CHANGES = [{}, {"hop_length": 3}, {"hop_length": 1, "center": False}, {"win_length": 5}, {"win_length": 9},
           {"hop_length": 0}, {"norm": "ortho"}, {"norm": "forward", "onesided": False}, {"norm": "x"}, {"n_fft": 7},
           {"n_fft": 7, "center": False}, {"n_fft": 0}, {"n_fft": 2}, {"onesided": True}, {"window": 8}, {"window": 5},
           {"window": 9}, {"win_length": 6, "window": 5}]
SIGNALS = [((33,), "f4"), ((2, 20), "f2"), ((2, 1, 12), "c8"), ((3,), "f4"), ((9,), "i4"), ((), "f4")]


def windowed(m, change):
    size = change.get("window")
    return {**change, **({"window": m.array(np.hanning(size).astype("f4") + 0.1)} if size else {})}


@pytest.mark.parametrize("shape,kind", SIGNALS)
@pytest.mark.parametrize("change", CHANGES + [{"pad_mode": p} for p in ("constant", "edge", "symmetric", "x")], ids=str)
def test_stft(shape, kind, change):
    x = noise(*shape, kind=kind)
    same(lambda m: m.fft.stft(m.array(x), **{"n_fft": 8, **windowed(m, change)}))


@pytest.mark.parametrize("shape", [(5, 6), (2, 5, 1), (5,), (5, 0)])
@pytest.mark.parametrize("change", CHANGES + [{"length": n} for n in (0, -1, 3, 40)], ids=str)
def test_istft(shape, change):
    x = noise(*shape) + 1j * noise(*shape, seed=1)
    same(lambda m: m.fft.istft(m.array(x.astype("c8")), **windowed(m, change)))


@pytest.mark.parametrize("kind", ["float32", "float16", "bfloat16", "float64", "int32", "complex64"])
@pytest.mark.parametrize("targets", ["int32", "uint8", "int64", "bool_", "float32"])
def test_cross_entropy(kind, targets):
    logits, classes = noise(3, 4, 6), np.arange(12).reshape(3, 4) % 6
    with mx.stream(mx.cpu), mlx.stream(mlx.cpu):
        same(lambda m: m.fast.cross_entropy(m.array(logits).astype(getattr(m, kind)),
                                            m.array(classes).astype(getattr(m, targets))),
             1e-2 if kind.endswith("16") else 1e-5)


@pytest.mark.parametrize("shape", [(), (3, 4), (4,), (3, 4, 1)])
def test_cross_entropy_of_other_shapes(shape):
    same(lambda m: m.fast.cross_entropy(m.zeros((3, 4, 6)), m.zeros(shape, m.int32)))


@pytest.mark.parametrize("kind", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("state,mask,by_key", list(itertools.product((False, True), repeat=3)))
def test_gated_delta_update(kind, state, mask, by_key):
    b, t, hk, hv, dk, dv = 2, 3, 2, 4, 5, 3
    q, k = noise(b, t, hk, dk) / 4, noise(b, t, hk, dk, seed=1) / 4
    v, beta = noise(b, t, hv, dv, seed=2), noise(b, t, hv, seed=3) / 8
    gamma = noise(*((b, t, hv, dk) if by_key else (b, t, hv)), seed=4) / 8
    first, allowed = noise(b, hv, dv, dk, seed=5), np.arange(6).reshape(b, t) % 3 > 0
    same(lambda m: m.fast.gated_delta_update(*(m.array(a).astype(getattr(m, kind)) for a in (q, k, v, gamma, beta)),
                                             m.array(first) if state else None, m.array(allowed) if mask else None),
         1e-4 if kind == "float32" else 2e-2)


PATHS = """ij,jk,kl->il:8 20,20 50,50 2|ij,jk,kl,lm:8 20,20 50,50 2,2 6|i,i->:3,3|ij->ji:3 2|ij:3 2|i,j,ij->:4,5,4 5
abc,cd,def,fa->be:2 3 4,4 5,5 6 7,7 2|ij,jk:2 3,3 4|ij,jk:2 3,4 4|ij,jk:2 3""".replace("\n", "|").split("|")


@pytest.mark.parametrize("path", PATHS)
def test_einsum_path(path):
    subscripts, shapes = path.split(":")
    results = []
    for m in (mx, mlx):
        try:
            operands = [m.zeros([int(n) for n in shape.split()]) for shape in shapes.split(",")]
            results.append(m.einsum_path(subscripts, *operands))
        except ValueError:
            results.append(ValueError)
    assert results[0] == results[1]


def test_einsum_path_with_dots():
    path, text = mx.einsum_path("...ij,...jk->...ik", mx.zeros((7, 2, 3)), mx.zeros((7, 3, 4)))
    assert path == [(0, 1)] and "Naive FLOP count:  336\n" in text


@pytest.mark.parametrize("mode", ["nvfp4", "mxfp8"])
def test_gather_qqmm(mode):
    """MLX has it on no CPU; each product is that of qqmm()."""
    x, w = mx.array(noise(3, 64)), mx.array(noise(4, 5, 64, seed=1))
    rows = mx.array([3, 0])
    packed = mx.quantize(w, mode=mode)
    out = mx.gather_qqmm(x, packed[0], packed[1], rhs_indices=rows, mode=mode)
    again = mx.gather_qqmm(x, w, rhs_indices=rows, mode=mode)
    for i, row in enumerate((3, 0)):
        want = mx.qqmm(x, w[row], mode=mode)
        assert mx.allclose(out[i], want, rtol=1e-5, atol=1e-4).item() and mx.array_equal(out, again).item()
    with pytest.raises(ValueError, match="affine"):
        mx.gather_qqmm(x, w, mode="affine")


def test_arrays_are_needed():
    for call in (lambda m: m.fft.stft([1.0]), lambda m: m.fast.cross_entropy([0.0], 0), lambda m: m.flip([1]),
                 lambda m: m.diff([1, 2]), lambda m: m.unique([1], 1), lambda m: m.linalg.slogdet(1.0)):
        for m in (mx, mlx):
            with pytest.raises(TypeError):
                call(m)


def test_kernels_in_source_text():
    """As in MLX without such devices: one is made and cannot be called, the others are refused."""
    for m in (mx, mlx):
        kernel = m.fast.metal_kernel("f", ["a"], ["b"], "b[0] = a[0];")
        with pytest.raises(RuntimeError, match="Metal"):
            kernel(inputs=[m.zeros((1,))], output_shapes=[(1,)], output_dtypes=[m.float32], grid=(1, 1, 1),
                   threadgroup=(1, 1, 1))
        with pytest.raises(RuntimeError, match="CUDA"):
            m.fast.cuda_kernel("f", ["a"], ["b"], "b[0] = a[0];")


def test_refusals_of_mlx_on_a_processor():
    for m in (mx, mlx):
        w = m.quantize(m.ones((3, 5, 64)), mode="nvfp4")
        with pytest.raises(ValueError):
            m.gather_qmm(m.ones((2, 64)), *w, rhs_indices=m.array([0, 2]), mode="nvfp4", global_scale=m.ones((3,)))
        with pytest.raises(ValueError):
            m.array(1).__array_namespace__(api_version="2024.12")
        with pytest.raises(TypeError):
            m.StreamContext(3)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int32", "uint8", "complex64"])
@pytest.mark.parametrize("shape", [(3, 3), (2, 1, 4, 4), (0, 2, 2), (2, 3), (3,)])
def test_det(dtype, shape):
    x = np.random.default_rng(3).integers(0, 5, shape)
    if shape[-2:] in ((3, 3), (4, 4)):
        x = x + np.roll(np.eye(shape[-1], dtype=int), 1, 0) * 9  # not singular
    for name in ("det", "slogdet") if "float16" not in dtype or shape[-1] != 4 else ():  # MLX has a formula up to 3
        same(lambda m: getattr(m.linalg, name)(m.array(x).astype(getattr(m, dtype))), 1e-2)
    if dtype in ("float32", "float64", "int32") and len(shape) > 1 and shape[-1] == shape[-2]:
        ours = mx.linalg.det(mx.array(x).astype(getattr(mx, dtype)))
        np.testing.assert_allclose(np.array(ours), np.linalg.det(x), 1e-5, 1e-5)
