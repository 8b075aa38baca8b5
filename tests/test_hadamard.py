"""hadamard_transform through the C interface: against SciPy's matrices, MLX, and the matrix's own properties."""
import numpy as np
import pytest
import scipy.linalg

import hr
from layouts import fails, numbers, views

LENGTHS = [1, 2, 4, 8, 16, 32, 64, 128, 1024, 4096, 12, 20, 28, 24, 40, 56, 192, 320, 448, 1536, 7168]
ULP = {hr.FLOAT16: 2.0**-10, hr.BFLOAT16: 2.0**-7, hr.FLOAT32: 2.0**-20, hr.FLOAT64: 2.0**-48}


def matrix(n):
    return hr.hadamard_transform(np.eye(n, dtype=np.float32), 1.0).numpy().T


@pytest.mark.parametrize("n", [n for n in LENGTHS if n <= 1536])
def test_matrices(n):
    h = matrix(n)
    assert set(np.unique(h)) <= {-1, 1}
    assert np.array_equal(h @ h.T, n * np.eye(n))
    if n & (n - 1) == 0:
        assert np.array_equal(h, scipy.linalg.hadamard(n))


@pytest.mark.parametrize("m", [12, 20, 28])
def test_signs_and_blocks(m):
    mx = pytest.importorskip("mlx.core")
    assert np.array_equal(matrix(m), np.array(mx.hadamard_transform(mx.eye(m), scale=1.0)).T)
    for power in (2, 8, 32):
        assert np.array_equal(matrix(m * power), np.kron(matrix(m), scipy.linalg.hadamard(power)))


def expected(x, scale):
    n = x.shape[-1]
    m = next(m for m in (12, 20, 28, 1) if n % m == 0 and (n // m) & (n // m - 1) == 0)
    y = x.astype(np.float64).reshape(*x.shape[:-1], m, n // m)
    h = 1
    while h < n // m:
        y = y.reshape(*x.shape[:-1], m, -1, 2, h)
        y = np.stack([y[..., 0, :] + y[..., 1, :], y[..., 0, :] - y[..., 1, :]], -2)
        h *= 2
    y = y.reshape(*x.shape[:-1], m, n // m)
    return (np.einsum("rc,...cp->...rp", matrix(m), y).reshape(x.shape) if m > 1 else y.reshape(x.shape)) * scale


@pytest.mark.parametrize("dtype", hr.DTYPES, ids=hr.NAMES)
def test_dtypes(dtype):
    for n in (16, 64, 80):
        x = numbers(dtype, (3, n))
        got = hr.hadamard_transform(hr.array(x, dtype), None)
        assert got.dtype == (dtype if dtype in ULP else hr.FLOAT32)
        np.testing.assert_allclose(got.numpy(), expected(np.real(x), n**-0.5), rtol=ULP.get(dtype, 2.0**-20), atol=1e-5)


@pytest.mark.parametrize("n", LENGTHS + [65536, 1 << 17, 12 << 13, 20 << 12, 28 << 12, 28 << 13, 1 << 20])
def test_lengths(n):
    x = np.random.default_rng(n).uniform(-1, 1, (2, n)).astype(np.float32)
    want = expected(x, n**-0.5)
    np.testing.assert_allclose(hr.hadamard_transform(x, None).numpy(), want, atol=2.0**-20)
    for dtype in (hr.FLOAT16, hr.BFLOAT16):
        a = hr.array(x, dtype)
        np.testing.assert_allclose(hr.hadamard_transform(a, 0.5).numpy(), expected(a.numpy(), 0.5),
                                   rtol=ULP[dtype] / 2 * 1.01, atol=2.0**-19 * n**0.5)


@pytest.mark.parametrize("shape", [(8,), (3, 12), (2, 3, 4), (5, 1), (2, 1, 3, 2, 1, 16), (2, 1 << 17)])
def test_layouts(shape):
    x = numbers(hr.FLOAT32, shape)
    for a, values in views(x, hr.FLOAT32):
        np.testing.assert_allclose(hr.hadamard_transform(a, 2.0).numpy(), expected(values, 2.0), rtol=1e-6)


def test_scalar_and_errors():
    assert hr.hadamard_transform(np.float32(2), None).numpy() == 2
    assert hr.hadamard_transform(np.float32(2), 3.0).numpy() == 6
    for n in (3, 6, 36, 60, 44, 7):
        fails(f"hadamard_transform: length {n}", "hadamard_transform", np.ones((2, n), np.float32), None)
    fails("hadamard_transform: (0,4)", "hadamard_transform", np.ones((0, 4), np.float32), None)
    fails("hadamard_transform: (2,0)", "hadamard_transform", np.ones((2, 0), np.float32), None)
