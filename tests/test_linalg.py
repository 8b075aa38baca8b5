"""Factorisations, systems, eigenvalues and norms against NumPy in float64, and mlx[cpu] where signs are determined.

Tolerances are in units of the last place of the dtype, times the length of the matrix, relative to the largest element
of the expected result: what backward stable algorithms give for well-conditioned matrices.
"""
import os
import subprocess
import sys

import numpy as np
import pytest

import hr
from layouts import fails, views

REAL = [hr.FLOAT32, hr.FLOAT64]
ALL = REAL + [hr.COMPLEX64]
EPS = {hr.FLOAT32: 2.0**-23, hr.FLOAT64: 2.0**-52, hr.COMPLEX64: 2.0**-23}
SQUARE = [(1, 1), (2, 2), (5, 5), (33, 33), (70, 70), (2, 3, 3), (3, 1, 4, 4), (37, 8, 8), (17, 16, 16),
          (2, 17, 17), (0, 0), (0, 3, 3), (2, 0, 0)]
OBLONG = [(3, 5), (5, 3), (40, 17), (17, 40), (2, 3, 4), (2, 2, 6, 2), (1, 4), (4, 1), (0, 3), (3, 0), (2, 0, 3), (0, 2, 3)]


def of_dtype(dtype):
    return {"ids": lambda d: hr.NAMES[d], "argvalues": dtype, "argnames": "dtype"}


def random(dtype, shape, kind="any"):
    """Numbers as the dtype holds them. "spd": positive definite (Hermitian), "good": well-conditioned."""
    r = np.random.default_rng(sum(shape) + 17 * len(shape))
    x = r.normal(size=shape)
    if dtype == hr.COMPLEX64:
        x = x + 1j * r.normal(size=shape)
    if kind == "spd":
        x = x @ np.conj(np.swapaxes(x, -1, -2)) + shape[-1] * np.eye(shape[-1])
    elif kind == "good":
        x = x + 2 * shape[-1] * np.eye(shape[-1])[::-1]  # large where pivoting has to look for it
    return x.astype({hr.FLOAT32: np.float32, hr.FLOAT64: np.float64, hr.COMPLEX64: np.complex64}[dtype])


def wide(x):
    return np.asarray(x).astype(np.complex128 if np.iscomplexobj(x) else np.float64)


def layouts(values, dtype):
    """All layouts; the one that repeats a matrix's row only where that is not inside a matrix."""
    found = list(views(values, dtype))
    return found if values.ndim > 2 else found[:4]


def near(got, want, dtype, factor=8.0):
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape
    n = max((1,) + want.shape[-2:])
    if want.size:
        error = np.abs(got - want).max() / max(np.abs(want).max(), 1e-300)
        assert error <= factor * n * EPS[dtype], f"{error / EPS[dtype]:.1f} ulp for n = {n}"


def is_eye(x, dtype):
    near(np.conj(np.swapaxes(wide(x), -1, -2)) @ wide(x), np.broadcast_to(np.eye(x.shape[-1]), x.shape[:-2] + (x.shape[-1],) * 2),
         dtype)


def both_triangles(x, upper):
    return np.triu(x) if upper else np.tril(x)


@pytest.mark.parametrize(**of_dtype(REAL))
@pytest.mark.parametrize("shape", SQUARE, ids=str)
def test_square(shape, dtype):
    for a, x in layouts(random(dtype, shape, "spd"), dtype):
        lower = np.linalg.cholesky(wide(x))
        for upper in (False, True):
            want = np.swapaxes(lower, -1, -2) if upper else lower
            got = hr.linalg_cholesky(a, upper)
            assert got.dtype == dtype
            near(got.numpy(), want, dtype)
            half = hr.array(both_triangles(x, upper) + 7 * (x - both_triangles(x, upper)), dtype)
            np.testing.assert_array_equal(hr.linalg_cholesky(half, upper).numpy(), got.numpy())  # one triangle is read
            near(hr.linalg_cholesky_inv(got, upper).numpy(), np.linalg.inv(wide(x)), dtype, 30)
            triangle = both_triangles(wide(x), upper)
            near(hr.linalg_tri_inv(a, upper).numpy(), np.linalg.inv(triangle), dtype, 30)
    for a, x in layouts(random(dtype, shape, "good"), dtype):
        near(hr.linalg_inv(a).numpy(), np.linalg.inv(wide(x)), dtype, 30)


@pytest.mark.parametrize(**of_dtype(REAL))
@pytest.mark.parametrize("shape", SQUARE + OBLONG, ids=str)
def test_lu(shape, dtype):
    k = min(shape[-2:])
    for a, x in layouts(random(dtype, shape), dtype):
        p, l, u = [v.numpy() for v in hr.linalg_lu(a)]
        assert p.dtype == np.uint32 and p.shape == shape[:-1]
        assert l.shape == shape[:-1] + (k,) and u.shape == shape[:-2] + (k, shape[-1])
        np.testing.assert_array_equal(u, np.triu(u))
        np.testing.assert_array_equal(l, np.tril(l))
        assert (np.diagonal(l, axis1=-2, axis2=-1) == 1).all() and (np.abs(l) <= 1).all()
        near(np.take_along_axis(wide(l), p[..., None].astype(np.int64), -2) @ wide(u), x, dtype)
        packed, pivots = [v.numpy() for v in hr.linalg_lu_factor(a)]
        assert pivots.dtype == np.uint32 and pivots.shape == shape[:-2] + (k,)
        np.testing.assert_array_equal(np.tril(packed, -1)[..., :k], np.tril(l, -1))
        np.testing.assert_array_equal(np.triu(packed)[..., :k, :], u)
        for index in np.ndindex(shape[:-2]):
            rows = np.arange(shape[-2])
            for i, other in enumerate(pivots[index]):
                rows[[i, other]] = rows[[other, i]]
            np.testing.assert_array_equal(rows[p[index]], np.arange(shape[-2]))


@pytest.mark.parametrize(**of_dtype(REAL))
@pytest.mark.parametrize("shape", SQUARE + OBLONG, ids=str)
def test_qr(shape, dtype):
    for a, x in layouts(random(dtype, shape), dtype):
        q, r = [v.numpy() for v in hr.linalg_qr(a)]
        want_q, want_r = np.linalg.qr(wide(x))
        assert q.shape == want_q.shape and r.shape == want_r.shape
        is_eye(q, dtype)
        np.testing.assert_array_equal(r, np.triu(r))
        near(wide(q) @ wide(r), x, dtype)


SYSTEMS = [((3, 3), (3,)), ((3, 3), (3, 2)), ((1, 1), (1, 5)), ((40, 40), (40, 3)), ((2, 3, 3), (2, 3, 4)), ((0, 0), (0,)),
           ((2, 3, 3), (3, 4)), ((2, 3, 3), (3,)), ((3, 3), (4, 3, 1)), ((2, 1, 3, 3), (5, 3, 2)), ((0, 3, 3), (0, 3, 2)),
           ((3, 3), (3, 0)), ((0, 0), (0, 2)), ((130, 130), (130, 200))]


@pytest.mark.parametrize(**of_dtype(REAL))
@pytest.mark.parametrize("shapes", SYSTEMS, ids=str)
def test_solve(shapes, dtype):
    y = random(dtype, shapes[1])
    for a, x in layouts(random(dtype, shapes[0], "good"), dtype):
        for b, right in layouts(y, dtype):
            column = wide(right)[:, None] if right.ndim == 1 else wide(right)
            drop = (lambda z: z[..., 0]) if right.ndim == 1 else (lambda z: z)
            near(hr.linalg_solve(a, b).numpy(), drop(np.linalg.solve(wide(x), column)), dtype, 30)
            for upper in (False, True):
                triangle = both_triangles(wide(x) + 3 * x.shape[-1] * np.eye(x.shape[-1]), upper)
                full = hr.array(triangle + 5 * (1 - both_triangles(np.ones(x.shape), upper)), dtype)
                got = hr.linalg_solve_triangular(full, b, upper)
                near(got.numpy(), drop(np.linalg.solve(triangle, column)), dtype, 30)


def test_solve_promotes():
    a = np.array([[4, 1], [9, 3]])
    assert hr.linalg_solve(hr.array(a, hr.FLOAT32), hr.array([1, 2])).dtype == hr.FLOAT32
    assert hr.linalg_solve(hr.array(a, hr.FLOAT64), hr.array([1, 2])).dtype == hr.FLOAT64
    assert hr.linalg_solve(hr.array(a, hr.FLOAT16), np.float32([1, 2])).dtype == hr.FLOAT32


@pytest.mark.parametrize(**of_dtype(ALL))
@pytest.mark.parametrize("shape", SQUARE, ids=str)
def test_eigh(shape, dtype):
    for a, x in layouts(random(dtype, shape, "spd"), dtype):
        for uplo in "LUlu":
            w, v = hr.linalg_eigh(a, uplo)
            assert w.dtype == (hr.FLOAT64 if dtype == hr.FLOAT64 else hr.FLOAT32) and v.dtype == dtype
            near(w.numpy(), np.linalg.eigvalsh(wide(x), uplo.upper()), dtype)
            is_eye(v.numpy(), dtype)
            near(wide(x) @ wide(v.numpy()), wide(v.numpy()) * w.numpy()[..., None, :], dtype, 30)
            near(hr.linalg_eigvalsh(a, uplo).numpy(), w.numpy(), dtype)
    one = random(dtype, (4, 4))
    for uplo, triangle in (("L", np.tril), ("U", np.triu)):
        half = triangle(wide(one), -1 if uplo == "L" else 1)
        full = half + np.conj(half.T) + np.diag(np.diag(one).real)
        near(hr.linalg_eigvalsh(one, uplo).numpy(), np.linalg.eigvalsh(full), dtype)


@pytest.mark.parametrize(**of_dtype(ALL))
@pytest.mark.parametrize("shape", SQUARE, ids=str)
def test_eig(shape, dtype):
    single = hr.FLOAT32  # results are complex64 for every dtype
    for a, x in layouts(random(dtype, shape), dtype):
        w, v = hr.linalg_eig(a)
        assert w.dtype == v.dtype == hr.COMPLEX64 and v.shape == shape and w.shape == shape[:-1]
        values, vectors = wide(w.numpy()), wide(v.numpy())
        near(wide(x) @ vectors, vectors * values[..., None, :], single, 30)
        near(np.linalg.norm(vectors, axis=-2), np.ones(shape[:-1]), single)
        alone = hr.linalg_eigvals(a)
        assert alone.dtype == hr.COMPLEX64
        near(np.sort_complex(alone.numpy().round(3)), np.sort_complex(values.round(3)), single, 3e4)
        if dtype != hr.COMPLEX64:
            near(values.sum(-1).imag, np.zeros(shape[:-2]), single)
    rotation = np.array([[0, -1], [1, 0]], np.float32)
    np.testing.assert_array_equal(hr.linalg_eigvals(rotation).numpy(), [1j, -1j])


@pytest.mark.parametrize(**of_dtype(ALL))
@pytest.mark.parametrize("shape", SQUARE + OBLONG, ids=str)
def test_svd(shape, dtype):
    k, (m, n) = min(shape[-2:]), shape[-2:]
    for a, x in layouts(random(dtype, shape), dtype):
        u, s, vt = hr.linalg_svd(a, True)
        assert u.shape == shape[:-2] + (m, m) and vt.shape == shape[:-2] + (n, n)
        assert u.dtype == vt.dtype == dtype and s.dtype == (hr.FLOAT64 if dtype == hr.FLOAT64 else hr.FLOAT32)
        near(s.numpy(), np.linalg.svd(wide(x), compute_uv=False), dtype)
        is_eye(u.numpy(), dtype)
        is_eye(vt.numpy(), dtype)
        near((wide(u.numpy())[..., :k] * s.numpy()[..., None, :]) @ wide(vt.numpy())[..., :k, :], x, dtype)
        (alone,) = hr.linalg_svd(a, False)
        near(alone.numpy(), s.numpy(), dtype)


@pytest.mark.parametrize(**of_dtype(REAL))
@pytest.mark.parametrize("shape", SQUARE + OBLONG, ids=str)
def test_pinv(shape, dtype):
    for a, x in layouts(random(dtype, shape, "good" if shape[-1] == shape[-2] else "any"), dtype):
        near(hr.linalg_pinv(a).numpy(), np.linalg.pinv(wide(x)), dtype, 60)
    low = np.array([[1, 2, 3], [2, 4, 6]])  # of rank one
    near(hr.linalg_pinv(hr.array(low, dtype)).numpy(), np.linalg.pinv(low.astype(float)), dtype, 30)
    np.testing.assert_array_equal(hr.linalg_pinv(hr.zeros([2, 3], dtype)).numpy(), np.zeros((3, 2)))


@pytest.mark.parametrize(**of_dtype(REAL))
@pytest.mark.parametrize("n", [384, 511, 512, 700])
def test_large(n, dtype):
    """One matrix that several threads work on."""
    spd, x, b = random(dtype, (n, n), "spd"), random(dtype, (n, n), "any"), random(dtype, (n, 300))
    for upper in (False, True):
        got = wide(hr.linalg_cholesky(spd, upper).numpy())
        np.testing.assert_array_equal(got, both_triangles(got, upper))
        near(got.T @ got if upper else got @ got.T, spd, dtype)
    near(wide(hr.linalg_inv(x + spd).numpy()) @ wide(x + spd), np.eye(n), dtype, 60)
    near(hr.linalg_solve(x + spd, b).numpy(), np.linalg.solve(wide(x + spd), wide(b)), dtype, 60)
    for shape in ((n, n), (n, n + 150), (n + 150, n)):
        x = random(dtype, shape)
        p, l, u = [v.numpy() for v in hr.linalg_lu(x)]
        assert (np.abs(l) <= 1).all() and (np.sort(p) == np.arange(shape[0])).all()
        near(wide(l)[p] @ wide(u), x, dtype)
        packed, pivots = [v.numpy() for v in hr.linalg_lu_factor(x)]
        k = min(shape)
        np.testing.assert_array_equal(np.triu(packed)[:k], u)
        rows = np.arange(shape[0])
        for i, other in enumerate(pivots):
            rows[[i, other]] = rows[[other, i]]
        np.testing.assert_array_equal(rows[p], np.arange(shape[0]))


def test_large_failures():
    n = 500
    x = random(hr.FLOAT64, (n, n), "spd")
    x[333, 333] = -1
    fails("not positive definite order 334", "linalg_cholesky", x, False)
    fails("not positive definite order 334", "linalg_cholesky", x, True)
    x[333, 333] = np.nan
    fails("not positive definite order 334", "linalg_cholesky", x, False)
    x = np.eye(n)[np.random.default_rng(0).permutation(n)]
    np.testing.assert_array_equal(hr.linalg_inv(x).numpy(), x.T)
    x[:, 444] = 0
    fails("singular pivot", "linalg_inv", x)
    fails("singular pivot", "linalg_solve", x, x)
    assert len(hr.linalg_lu(x)) == 3


def bits(threads):
    """A digest of results, from a process with so many workers."""
    program = ("import hashlib, hr, numpy as np\nr = np.random.default_rng(0)\nall = hashlib.sha256()\n"
               "for shape in ((600, 600), (300, 12, 12)):\n"
               "    x = r.normal(size=shape).astype(np.float32)\n"
               "    spd = (x @ np.swapaxes(x, -1, -2) + 20 * np.eye(shape[-1])).astype(np.float32)\n"
               "    for y in (hr.linalg_cholesky(spd, False), hr.linalg_inv(x), hr.linalg_solve(x, spd), *hr.linalg_lu(x),\n"
               "              *hr.linalg_qr(x), *hr.linalg_svd(x, True), *hr.linalg_eigh(spd, 'L')):\n"
               "        all.update(y.numpy().tobytes())\nprint(all.hexdigest())")
    return subprocess.run([sys.executable, "-c", program], cwd=os.path.dirname(__file__), capture_output=True, text=True,
                          check=True, env={**os.environ, "HEADRACE_THREADS": str(threads)}).stdout


def test_same_bits():
    assert bits(1) == bits(2) == bits(5)


def test_dropped_results():
    """Results that nobody holds any more when the op runs."""
    for name, more in (("lu", ()), ("lu_factor", ()), ("qr", ()), ("eig", ()), ("eigh", ("L",)), ("svd", (True,))):
        for x in (random(hr.FLOAT32, (2, 6, 6), "spd"), np.zeros((3, 0, 0), np.float32)):
            count = len(hr.call("linalg_" + name, x, *more))
            together = [part.numpy() for part in hr.call("linalg_" + name, x, *more)]
            for i in range(count):
                alone = hr.call("linalg_" + name, x, *more)[i]
                np.testing.assert_array_equal(alone.numpy(), together[i])


# --- failures ---

SINGULAR = np.array([np.eye(2), [[1, 2], [2, 4]]], np.float32)


def test_failures():
    fails("linalg_inv matrix 1 of 2 singular pivot 2", "linalg_inv", SINGULAR)
    fails("linalg_solve the matrix singular", "linalg_solve", SINGULAR[1], np.float32([1, 2]))
    fails("linalg_cholesky matrix 1 of 2 not positive definite order 2", "linalg_cholesky", SINGULAR, False)
    many = np.repeat(SINGULAR[:1], 300, 0)
    many[[131, 140, 290]] = SINGULAR[1]
    fails("linalg_inv matrix 131 of 300 singular pivot 2", "linalg_inv", many)
    fails("linalg_cholesky matrix 131 of 300 not positive definite order 2", "linalg_cholesky", many, True)
    zero = np.float32([[1, 0], [1, 0]])
    fails("linalg_tri_inv singular element 2 diagonal", "linalg_tri_inv", zero, False)
    fails("linalg_solve_triangular singular element 2", "linalg_solve_triangular", zero, np.float32([1, 2]), False)
    fails("linalg_cholesky_inv singular element 2", "linalg_cholesky_inv", zero, False)
    p, l, u = hr.linalg_lu(SINGULAR)
    assert u.numpy()[1, 1, 1] == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(**of_dtype(ALL))
def test_not_finite(dtype, bad):
    x = random(dtype, (2, 5, 5), "spd")
    x[1, 3, 2] = x[1, 2, 3] = bad
    for name, arguments in (("eig", ()), ("eigvals", ()), ("eigh", ("L",)), ("eigvalsh", ("U",)), ("svd", (True,)),
                            ("svd", (False,))):
        fails("matrix 1 of 2 has NaN or infinite", "linalg_" + name, x, *arguments)
    if dtype == hr.COMPLEX64:
        return
    for name in ("inv", "lu", "lu_factor", "qr"):
        out = hr.call("linalg_" + name, x)
        for part in out if isinstance(out, (list, tuple)) else [out]:
            assert np.isfinite(part.numpy()[0]).all()  # what a bad neighbour does not reach
    assert np.isfinite(hr.linalg_solve(x, x).numpy()[0]).all()
    x[1, 0, 0] = np.nan
    fails("matrix 1 of 2 is not positive definite", "linalg_cholesky", x, False)
    fails("matrix 1 of 2 has NaN", "linalg_pinv", x)


def test_arguments():
    for name, more in (("cholesky", (False,)), ("cholesky_inv", (False,)), ("inv", ()), ("tri_inv", (True,)), ("lu", ()),
                       ("lu_factor", ()), ("qr", ()), ("eig", ()), ("eigvals", ()), ("eigh", ("L",)), ("eigvalsh", ("L",)),
                       ("svd", (True,)), ("pinv", ())):
        call = "linalg_" + name
        fails(call + " int32(2,2): float32", call, np.zeros((2, 2), np.int32), *more)
        fails(call + " float16(2,2): float32", call, hr.zeros([2, 2], hr.FLOAT16), *more)
        fails(call + " float32(3): two axes", call, np.zeros(3, np.float32), *more)
        fails(call + " float32(): two axes", call, np.float32(1), *more)
        if name not in ("lu", "lu_factor", "qr", "svd", "pinv"):
            fails(call + " float32(2,3): square", call, np.zeros((2, 3), np.float32), *more)
        if name not in ("eig", "eigvals", "eigh", "eigvalsh", "svd"):
            fails(call + " complex64(2,2): float32 or float64", call, np.zeros((2, 2), np.complex64), *more)
    for uplo in ("", "ll", "LL", "X"):
        fails("UPLO", "linalg_eigh", np.eye(2, dtype=np.float32), uplo)
        fails("UPLO", "linalg_eigvalsh", np.eye(2, dtype=np.float32), uplo)
    square = np.eye(2, dtype=np.float32)
    for call, more in (("linalg_solve", ()), ("linalg_solve_triangular", (True,))):
        fails(call + " needs 2 rows float32(3)", call, square, np.zeros(3, np.float32), *more)
        fails(call + " needs 2 rows", call, square, np.float32(1), *more)
        fails(call + " square", call, np.zeros((2, 3), np.float32), square, *more)
        fails(call + " broadcast", call, np.stack([square] * 2), np.zeros((3, 2, 2), np.float32), *more)
        fails(call + " int32(2,2) int32(2) float32 or float64", call, np.ones((2, 2), np.int32), np.ones(2, np.int32), *more)
        fails(call + " complex64", call, np.ones((2, 2), np.complex64), square, *more)


def test_missing_library():
    """Without LAPACK the result is an error that says what to install, and everything else goes on."""
    program = ("import hr, numpy as np\n"
               "a = hr.linalg_inv(np.eye(2, dtype=np.float32))\n"
               "try:\n    a.numpy()\nexcept hr.Error as e:\n    print(e)\n"
               "print(hr.add(np.float32(1), np.float32(2)).numpy())\n")
    done = subprocess.run([sys.executable, "-c", program], cwd=os.path.dirname(__file__), capture_output=True, text=True,
                          env={**os.environ, "HEADRACE_LAPACK": "/nowhere/liblapack.so"}, check=True)
    assert "LAPACK" in done.stdout and "/nowhere/liblapack.so" in done.stdout and done.stdout.endswith("3.0\n")


SYSTEM = "/usr/lib/x86_64-linux-gnu/"


def test_reference_library():
    """A program that has OpenBLAS for itself keeps it, and the reference LAPACK gives the same answers."""
    mine, reference = SYSTEM + "openblas-openmp/libopenblas.so.0", SYSTEM + "lapack/liblapack.so.3"
    if not os.path.exists(mine) or not os.path.exists(reference):
        pytest.skip("not installed")
    program = (f"import ctypes, sys\nctypes.CDLL({mine!r})\nimport pytest\n"
               f"answer = pytest.main(['-q', '-x', {__file__!r}, '-k', 'test_svd or test_solve or test_eig or test_not'])\n"
               "print([line for line in open('/proc/self/maps') if 'lapack' in line or 'libblas' in line])\n"
               "sys.exit(answer)")
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert done.returncode == 0 and "lapack/liblapack.so" in done.stdout and "blas/libblas.so" in done.stdout, done.stdout


def test_no_threads():
    """No thread comes with the library (R26)."""
    program = ("import os\nos.environ['HEADRACE_THREADS'] = '2'\nimport hr, numpy as np\n"
               "x = np.random.default_rng(0).normal(size=(600, 600)).astype(np.float32)\n"
               "hr.add(x, x).numpy()\nhr.linalg_qr(x)[0].numpy()\n"
               "print(sorted({open(f'/proc/self/task/{t}/comm').read().strip() for t in os.listdir('/proc/self/task')}))\n"
               "print(len(os.listdir('/proc/self/task')))")
    done = subprocess.run([sys.executable, "-c", program], cwd=os.path.dirname(__file__), capture_output=True, text=True,
                          check=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "16", "OMP_NUM_THREADS": "16"})
    assert int(done.stdout.split()[-1]) < 16, done.stdout


# --- norms and cross products ---

ORDERS = [0, 1, -1, 2, -2, 3, -3, 0.5, np.inf, -np.inf]
EXACT = {hr.FLOAT16: 2.0**-10, hr.BFLOAT16: 2.0**-7, hr.FLOAT64: 1e-14}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(**of_dtype([d for d in hr.DTYPES]))
@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 4), (2, 1, 3, 3)], ids=str)
def test_norm(shape, dtype):
    r = np.random.default_rng(3)
    start = r.integers(0 if dtype <= hr.UINT64 else -5, 2 if dtype == hr.BOOL else 6, shape)
    values = hr.array(start + 1j * start[::-1] if dtype == hr.COMPLEX64 else start, dtype).numpy()
    tolerance = EXACT.get(dtype, 2e-6)

    def same(got, want, what, complex_stays=True):
        kind = hr.COMPLEX64 if dtype == hr.COMPLEX64 and complex_stays else hr.FLOAT32
        assert got.dtype == (dtype if dtype in (hr.FLOAT16, hr.BFLOAT16, hr.FLOAT64) else kind)
        np.testing.assert_allclose(got.numpy(), want, rtol=tolerance, atol=tolerance, err_msg=str(what))

    for a, x in layouts(values, dtype):
        x = wide(x)
        for keep in (False, True):
            same(hr.linalg_norm_l2(a, range(x.ndim)[:2], keep), np.linalg.norm(x.reshape((-1,) + x.shape[2:]), axis=0)
                 .reshape(((1,) * min(2, x.ndim) if keep else ()) + x.shape[2:]), "l2", False)
            for axis in range(-x.ndim, x.ndim):
                for order in ORDERS:
                    same(hr.linalg_norm(a, order, [axis], keep), np.linalg.norm(x, order, axis, keep), (order, axis),
                         order != 2)
            for axes in [(i, j) for i in range(x.ndim) for j in range(-x.ndim, 0) if i != j + x.ndim]:
                for order in (1, -1, 2, -2, np.inf, -np.inf):
                    same(hr.linalg_norm(a, order, axes, keep), np.linalg.norm(x, order, axes, keep), (order, axes))
                for order in ("fro", "nuc"):
                    same(hr.linalg_norm_matrix(a, order, axes, keep), np.linalg.norm(x, order, axes, keep), (order, axes),
                         False)


def call_without_axes(name, a, *order):
    """The table says that `axis` may be NULL: over all axes."""
    import ctypes
    out, a = hr.Handle(None), hr.array(a)
    kinds = [ctypes.c_double if isinstance(o, float) else ctypes.c_char_p for o in order]
    fn = getattr(hr.lib, "mlx_linalg_" + name)
    fn.restype = ctypes.c_int
    hr.check(fn(ctypes.byref(out), a.handle, *[k(o) for k, o in zip(kinds, order)], None, ctypes.c_size_t(0),
                ctypes.c_bool(False), hr._stream[0]))
    return hr.Array(out).numpy()


def test_norm_of_all():
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    np.testing.assert_allclose(call_without_axes("norm_l2", x.reshape(3, 2, 2)), np.linalg.norm(x), rtol=1e-6)
    np.testing.assert_allclose(call_without_axes("norm_l2", np.float32(-3)), 3)
    np.testing.assert_allclose(call_without_axes("norm", x, 1.0), np.linalg.norm(x, 1), rtol=1e-6)
    np.testing.assert_allclose(call_without_axes("norm", x[0], 3.0), np.linalg.norm(x[0], 3), rtol=1e-6)
    np.testing.assert_allclose(call_without_axes("norm_matrix", x, b"nuc"), np.linalg.norm(x, "nuc"), rtol=1e-6)
    with pytest.raises(hr.Error, match="3 axes"):
        call_without_axes("norm", x.reshape(3, 2, 2), 1.0)
    with pytest.raises(hr.Error, match="0 axes"):
        call_without_axes("norm", np.float32(-3), 1.0)


def test_norm_half_does_not_overflow():
    x = np.float32([400, -200, 300])
    np.testing.assert_allclose(hr.linalg_norm_l2(hr.array(x, hr.FLOAT16), [0], False).numpy(), 538.5, rtol=1e-3)


def test_norm_errors():
    x = np.ones((2, 3, 4), np.float32)
    fails("linalg_norm order 3 matrices", "linalg_norm", x, 3.0, [0, 1], False)
    fails("linalg_norm order nan matrices", "linalg_norm", x, np.nan, [0, 1], False)
    fails("linalg_norm 3 axes", "linalg_norm", x, 2.0, [0, 1, 2], False)
    fails("linalg_norm axis 3", "linalg_norm", x, 2.0, [3], False)
    fails("linalg_norm axis -4", "linalg_norm_l2", x, [-4], False)
    fails("linalg_norm axis -3 twice", "linalg_norm_l2", x, [0, -3], False)
    fails("linalg_norm 3 axes", "linalg_norm_l2", x, [0, 1, 2], False)
    fails("linalg_norm fro 1", "linalg_norm_matrix", x, "fro", [0], False)
    fails('linalg_norm "x" nuc', "linalg_norm_matrix", x, "x", [0, 1], False)
    fails("max", "linalg_norm", np.ones((0,), np.float32), np.inf, [0], False)


@pytest.mark.parametrize(**of_dtype([d for d in hr.DTYPES if d != hr.BOOL]))
def test_cross(dtype):
    r = np.random.default_rng(5)
    for left, right, axis in [((3,), (3,), -1), ((2,), (3,), 0), ((3,), (2,), -1), ((4, 3), (3,), -1), ((2, 4, 3), (4, 3), 2),
                              ((3, 4), (3, 4), 0), ((5, 3, 1), (5, 3, 4), 1), ((2, 5), (3, 5), 0), ((0, 3), (0, 3), 1)]:
        x, y = [hr.array(r.integers(0, 6, s) + (1j * r.integers(0, 6, s) if dtype == hr.COMPLEX64 else 0), dtype).numpy()
                for s in (left, right)]
        back = axis if axis < 0 else axis - max(len(left), len(right))
        for a, p in layouts(x, dtype):
            for b, q in layouts(y, dtype):
                pad = [np.concatenate([v, np.zeros_like(np.take(v, [0], back))], back) if v.shape[back] == 2 else v
                       for v in (p, q)]
                got = hr.linalg_cross(a, b, axis)
                assert got.dtype == dtype
                np.testing.assert_array_equal(got.numpy(), np.cross(*pad, axis=back).astype(got.numpy().dtype))
    two = hr.linalg_cross(hr.array([1, 2], dtype), hr.array([3, 5], dtype), 0).numpy()
    np.testing.assert_array_equal(two, np.array([0, 0, -1]).astype(two.dtype))


def test_cross_errors():
    three = np.ones(3, np.float32)
    fails("linalg_cross axis 1", "linalg_cross", three, three, 1)
    fails("linalg_cross length 2 or 3 float32(4)", "linalg_cross", three, np.ones(4, np.float32), -1)
    fails("linalg_cross axis", "linalg_cross", np.float32(1), np.float32(1), -1)
    fails("linalg_cross length", "linalg_cross", three, np.ones((3, 4), np.float32), 0)
    fails("broadcast", "linalg_cross", np.ones((2, 3), np.float32), np.ones((4, 3), np.float32), -1)


# --- MLX itself ---

def test_like_mlx():
    mx = pytest.importorskip("mlx.core")
    mx.set_default_device(mx.cpu)
    x = random(hr.FLOAT32, (3, 4, 4), "spd")
    general = random(hr.FLOAT32, (3, 4, 4), "good")

    def same(ours, theirs, factor=30):
        for a, b in zip(ours if isinstance(ours, (list, tuple)) else [ours], theirs if isinstance(theirs, tuple) else [theirs]):
            assert hr.NAMES[a.dtype] == str(b.dtype).replace("mlx.core.", "")
            near(a.numpy(), np.array(b), hr.FLOAT32, factor)

    m, g, la = mx.array(x), mx.array(general), mx.linalg
    same(hr.linalg_cholesky(x, True), la.cholesky(m, True))
    same(hr.linalg_cholesky_inv(x, False), la.cholesky_inv(m, False))
    same(hr.linalg_cholesky_inv(x, True), la.cholesky_inv(m, True))
    same(hr.linalg_inv(general), la.inv(g))
    same(hr.linalg_tri_inv(x, True), la.tri_inv(m, True))
    same(hr.linalg_lu(general), la.lu(g))
    same(hr.linalg_lu_factor(general), la.lu_factor(g))
    same(hr.linalg_qr(general), la.qr(g))
    same(hr.linalg_pinv(general[0, :3]), la.pinv(g[0, :3]), 60)
    same(hr.linalg_solve(general, x), la.solve(g, m), 60)
    same(hr.linalg_solve_triangular(x, general, True), la.solve_triangular(m, g, upper=True))
    same(hr.linalg_eigvalsh(x, "L"), la.eigvalsh(m))
    same(hr.linalg_svd(general, False), la.svd(g, False))
    v = mx.array([1, -2, 3])
    same(hr.linalg_cross(np.int32([1, -2, 3]), np.int32([4, 5]), -1), la.cross(v, mx.array([4, 5])))


# --- multivariate_normal ---

MEAN = np.float32([1, -2, 3])
COV = np.float32([[4, 1, 0.5], [1, 3, -1], [0.5, -1, 2]])


def multivariate(mean, cov, shape, seed=7):
    return hr.random_multivariate_normal(mean, cov, shape, hr.FLOAT32, hr.random_key(seed))


def test_multivariate_like_mlx():
    mx = pytest.importorskip("mlx.core")
    mx.set_default_device(mx.cpu)
    many = np.stack([COV, 2 * COV, np.eye(3, dtype=np.float32), COV])
    for mean, cov, shape in [(MEAN, COV, []), (MEAN, COV, [5]), (MEAN, COV, [2, 3]), (np.stack([MEAN] * 4), COV, []),
                             (MEAN, many, []), (np.zeros((2, 1, 3), np.float32), many, [5, 2, 4]), (MEAN, many, [1]),
                             (MEAN, COV, [0])]:
        want = np.array(mx.random.multivariate_normal(mx.array(mean), mx.array(cov), shape, key=mx.random.key(7)))
        got = multivariate(mean, cov, shape).numpy()
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


def test_multivariate_moments():
    x = multivariate(MEAN, COV, [200000]).numpy().astype(np.float64)
    np.testing.assert_allclose(x.mean(0), MEAN, atol=6 * 2 / 200000**0.5)
    np.testing.assert_allclose(np.cov(x.T), COV, atol=6 * 6 / 200000**0.5)
    assert not np.array_equal(multivariate(MEAN, COV, [4], 1).numpy(), multivariate(MEAN, COV, [4], 2).numpy())


def test_multivariate_errors():
    call, key = "random_multivariate_normal", hr.random_key(1)
    fails(call + " float32", call, MEAN, COV, [2], hr.FLOAT16, key)
    fails(call + " float32(2) float32(3,3)", call, MEAN[:2], COV, [2], hr.FLOAT32, key)
    fails(call + " float32()", call, MEAN[0], COV, [2], hr.FLOAT32, key)
    fails(call + " float32(2,3)", call, MEAN, COV[:2], [2], hr.FLOAT32, key)
    fails(call + " float32(3)", call, MEAN, COV[0], [2], hr.FLOAT32, key)
    fails(call + " broadcast", call, np.zeros((3, 3), np.float32), COV, [2], hr.FLOAT32, key)
    fails(call + " (-1)", call, MEAN, COV, [-1], hr.FLOAT32, key)
    fails("NaN", call, MEAN, COV * np.nan, [2], hr.FLOAT32, key)
    assert multivariate(np.zeros(0, np.float32), np.zeros((0, 0), np.float32), [3]).shape == (3, 0)
