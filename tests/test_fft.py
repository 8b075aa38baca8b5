"""Fourier transforms through the C interface: values against numpy.fft in double, errors and dtypes against what MLX
does. Errors are in units of the last place of the greatest value of a row's result."""
import numpy as np
import pytest

import hr
from layouts import fails, numbers, views

BACKWARD, ORTHO, FORWARD = range(3)
NORMS = {BACKWARD: "backward", ORTHO: "ortho", FORWARD: "forward"}
EPSILON = 2.0**-24
rng = np.random.default_rng(7)


def reals(shape):
    return rng.uniform(-1, 1, shape).astype(np.float32)


def complexes(shape):
    return (reals(shape) + 1j * reals(shape)).astype(np.complex64)


def error(ours, expected):
    """The greatest error by the greatest value, in units of 2^-24."""
    got = ours.numpy()
    assert got.shape == expected.shape
    assert got.dtype == (np.complex64 if np.iscomplexobj(expected) else np.float32)
    if expected.size == 0:
        return 0.0
    return np.abs(got - expected).max() / max(np.abs(expected).max(), 1e-30) / EPSILON


def near(ours, expected, units=8):
    assert error(ours, expected) <= units


def is_smooth(n):
    """Only primes that the library has transforms of; all others are convolutions."""
    for p in range(2, 32):
        while n % p == 0:
            n //= p
    return n == 1


LENGTHS = [*range(1, 70), 77, 96, 97, 100, 121, 127, 128, 187, 211, 255, 256, 257, 343, 360, 401, 500, 512, 841, 961,
           1000, 1009, 1024, 1331, 2048, 2310, 3125, 4001, 4096, 4199]
LONG = [16384, 16411, 32768, 32769, 32771, 65536, 65537, 66066, 100000, 100003, 131072, 250047, 262144, 2 * 65537]


@pytest.mark.parametrize("n", LENGTHS + LONG)
def test_lengths(n):
    check_length(n, 3 if n < 10000 else 2)
    if n <= 4200:  # side by side, and with rows that are left over
        check_length(n, 19)


def check_length(n, rows):
    z, x = complexes((rows, n)), reals((rows, n))
    half = complexes((rows, n // 2 + 1))
    units = 4 if is_smooth(n) else 8
    near(hr.fft_fft(z, n, -1, BACKWARD), np.fft.fft(z.astype(complex)), units)
    near(hr.fft_ifft(z, n, -1, BACKWARD), np.fft.ifft(z.astype(complex)), units)
    near(hr.fft_fft(x, n, -1, BACKWARD), np.fft.fft(x.astype(float)), units)
    near(hr.fft_rfft(x, n, -1, BACKWARD), np.fft.rfft(x.astype(float)), units)
    near(hr.fft_irfft(half, n, -1, BACKWARD), np.fft.irfft(half.astype(complex), n), units)


@pytest.mark.parametrize("n", [1, 2, 7, 12, 64, 90, 97, 1000, 1024, 4001])
def test_single_places(n):
    """Of a one at place j every value is known exactly: no table has a wrong entry that random numbers hide."""
    for j in {0, min(1, n - 1), n // 2, n - 1}:
        z = np.zeros(n, np.complex64)
        z[j] = 1
        k = np.arange(n)
        near(hr.fft_fft(z, n, 0, BACKWARD), np.exp(-2j * np.pi * (j * k % n) / n), 6 if is_smooth(n) else 16)


@pytest.mark.parametrize("norm", NORMS, ids=NORMS.values())
def test_norms(norm):
    name = NORMS[norm]
    z, x = complexes((4, 10)), reals((4, 9))
    near(hr.fft_fft(z, 10, 1, norm), np.fft.fft(z, norm=name))
    near(hr.fft_ifft(z, 10, 1, norm), np.fft.ifft(z, norm=name))
    near(hr.fft_rfft(x, 9, 1, norm), np.fft.rfft(x, norm=name))
    near(hr.fft_rfft(x, 8, 1, norm), np.fft.rfft(x, 8, norm=name))
    for n in (18, 19):
        near(hr.fft_irfft(z, n, 1, norm), np.fft.irfft(z, n, norm=name))
    near(hr.fft_fftn(z, [4, 10], [0, 1], norm), np.fft.fftn(z, norm=name))
    near(hr.fft_irfftn(z, [4, 18], [0, 1], norm), np.fft.irfftn(z, norm=name))
    near(hr.fft_rfft2(x, [4, 9], [0, 1], norm), np.fft.rfft2(x, norm=name))


@pytest.mark.parametrize("shape", [(6,), (3, 8), (5, 1, 6), (2, 9, 4), (2, 3, 2, 5, 4), (1, 2, 1, 2, 3, 2)])
def test_axes_and_layouts(shape):
    """Every axis of every layout; lengths shorter, equal and longer than the axis."""
    z = complexes(shape)
    for axis in range(len(shape)):
        for n in {max(1, shape[axis] - 2), shape[axis], shape[axis] + 1, 2 * shape[axis]}:
            for a, values in views(z, hr.COMPLEX64):
                near(hr.fft_fft(a, n, axis, BACKWARD), np.fft.fft(values, n, axis))
                near(hr.fft_irfft(a, n, axis - len(shape), BACKWARD), np.fft.irfft(values, n, axis))
            for a, values in views(z.real, hr.FLOAT32):
                near(hr.fft_ifft(a, n, axis, BACKWARD), np.fft.ifft(values, n, axis))
                near(hr.fft_rfft(a, n, axis, BACKWARD), np.fft.rfft(values, n, axis))


@pytest.mark.parametrize("shape", [(40000, 3), (3, 40000), (70, 131), (300, 64), (2, 33000, 2)])
def test_strided(shape):
    """Blocks of rows, and long rows, along strided axes; also in the memory of an input that nobody else needs."""
    z, x = complexes(shape), reals(shape)
    for axis in range(len(shape)):
        n = shape[axis]
        expected = np.fft.fft(z.astype(complex), axis=axis)
        near(hr.fft_fft(z, n, axis, BACKWARD), expected)
        near(hr.fft_fft(hr.multiply(z, hr.array(2.0)), n, axis, BACKWARD), 2 * expected)
        near(hr.fft_rfft(x, n, axis, BACKWARD), np.fft.rfft(x.astype(float), axis=axis))
        near(hr.fft_rfft(x, n - 1, axis, BACKWARD), np.fft.rfft(x.astype(float), n - 1, axis=axis))
        for even in (0, 1):
            near(hr.fft_irfft(z, 2 * n - 1 - even, axis, BACKWARD), np.fft.irfft(z, 2 * n - 1 - even, axis=axis))


def test_several_axes():
    z, x = complexes((4, 6, 5)), reals((4, 6, 5))
    for axes in ([0, 1], [2, 0], [1], [0, 1, 2], [-1, -3]):
        n = [z.shape[a] for a in axes]
        near(hr.fft_fftn(z, n, axes, BACKWARD), np.fft.fftn(z, axes=axes))
        near(hr.fft_ifftn(z, n, axes, BACKWARD), np.fft.ifftn(z, axes=axes))
        near(hr.fft_rfftn(x, n, axes, BACKWARD), np.fft.rfftn(x, axes=axes))
        near(hr.fft_irfftn(z, n, axes, BACKWARD), np.fft.irfftn(z, n, axes=axes))
        m = [max(1, k + (-2, 3)[i % 2]) for i, k in enumerate(n)]
        near(hr.fft_fft2(z, m, axes, BACKWARD), np.fft.fftn(z, m, axes))
        near(hr.fft_ifft2(x, m, axes, BACKWARD), np.fft.ifftn(x, m, axes))
        near(hr.fft_rfft2(x, m, axes, BACKWARD), np.fft.rfftn(x, m, axes))
        near(hr.fft_irfft2(z, m, axes, BACKWARD), np.fft.irfftn(z, m, axes))
    near(hr.fft_fftn(z, [6, 5], [], BACKWARD), np.fft.fftn(z, axes=[1, 2]))
    for name in ("fft_fftn", "fft_rfftn", "fft_irfftn"):
        same = hr.call(name, x, [], [], BACKWARD)
        assert same.dtype == hr.FLOAT32 and np.array_equal(same.numpy(), x)


@pytest.mark.parametrize("dtype", hr.DTYPES, ids=hr.NAMES)
def test_dtypes(dtype):
    x = numbers(dtype, (3, 8))
    values = np.asarray(x).astype(complex)
    near(hr.fft_fft(hr.array(x, dtype), 8, 1, BACKWARD), np.fft.fft(values))
    near(hr.fft_ifft(hr.array(x, dtype), 8, 1, BACKWARD), np.fft.ifft(values))
    near(hr.fft_rfft(hr.array(x, dtype), 8, 1, BACKWARD), np.fft.rfft(values.real))
    near(hr.fft_irfft(hr.array(x, dtype), 14, 1, BACKWARD), np.fft.irfft(values))


def test_empty():
    assert hr.fft_fft(np.zeros((0, 4), np.float32), 4, 1, BACKWARD).numpy().shape == (0, 4)
    assert hr.fft_rfft(np.zeros((0, 4), np.float32), 4, 1, BACKWARD).numpy().shape == (0, 3)
    assert not hr.fft_fft(np.zeros((2, 0), np.float32), 4, 1, BACKWARD).numpy().any()
    assert not hr.fft_irfft(np.zeros((2, 0), np.complex64), 5, 1, BACKWARD).numpy().any()


def test_special_values():
    """NaN and infinities spread over their row, and over no other."""
    z = complexes((3, 64))
    z[1, 5] = np.nan
    got = hr.fft_fft(z, 64, 1, BACKWARD).numpy()
    assert np.isnan(got[1]).all() and np.isfinite(got[[0, 2]]).all()


def test_frequencies():
    for n in (1, 2, 3, 4, 5, 8, 9, 100, 1001):
        for d in (1.0, 0.5, 0.1, -3.0):
            for ours, theirs in ((hr.fft_fftfreq, np.fft.fftfreq), (hr.fft_rfftfreq, np.fft.rfftfreq)):
                np.testing.assert_allclose(ours(n, d).numpy(), theirs(n, d).astype(np.float32), rtol=2 * EPSILON)


def test_shifts():
    for shape in ((5,), (4, 3), (2, 0, 3)):
        x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
        for axes in ([0], [-1], list(range(len(shape)))):
            assert np.array_equal(hr.fft_fftshift(x, axes).numpy(), np.fft.fftshift(x, axes))
            assert np.array_equal(hr.fft_ifftshift(x, axes).numpy(), np.fft.ifftshift(x, axes))
    five = np.arange(5, dtype=np.int32)
    assert hr.fft_fftshift(five, [0, 0]).numpy().tolist() == [1, 2, 3, 4, 0]
    assert hr.fft_fftshift(five, []).numpy().tolist() == [0, 1, 2, 3, 4]


def test_errors():
    z = complexes((3, 4))
    fails("fft: length 0", "fft_fft", z, 0, 1, BACKWARD)
    fails("irfft: length -1", "fft_irfft", z, -1, 1, BACKWARD)
    fails("rfft: axis 2", "fft_rfft", z, 4, 2, BACKWARD)
    fails("ifft: axis -3", "fft_ifft", z, 4, -3, BACKWARD)
    fails("fft: 1 0 axes", "fft_fft", np.float32(1), 4, 0, BACKWARD)
    fails("fftn: 1 2 axes", "fft_fftn", z, [3], [0, 1], BACKWARD)
    fails("fft2: twice axis -2", "fft_fft2", z, [3, 3], [0, -2], BACKWARD)
    fails("rfftn: length 0", "fft_rfftn", z, [3, 0], [0, 1], BACKWARD)
    fails("irfft2: 3 2 axes", "fft_irfft2", z, [3, 3, 3], [], BACKWARD)
    fails("fft(complex64(3,4)) allocate", "fft_fft", z, 2**31 - 1, 1, BACKWARD)
    fails("fftfreq: 0", "fft_fftfreq", 0, 1.0)
    fails("rfftfreq: d 0", "fft_rfftfreq", 4, 0.0)
    fails("fftshift: axis 5", "fft_fftshift", z, [5])
    fails("ifftshift: axis -3", "fft_ifftshift", z, [-3])
