"""einsum through the C interface against numpy.einsum, and mlx.core.einsum where the two differ."""
import string

import numpy as np
import pytest

import hr
from layouts import fails, numbers, views

CASES = [
    ("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 4)), ("ba", (2, 3)), ("ii", (3, 3)), ("ii->i", (3, 3)),
    ("ij->", (2, 3)), ("", ()), ("->", ()), (",->", (), ()), ("...ij,...jk->...ik", (5, 2, 3), (5, 3, 4)),
    ("...ij,...jk", (5, 2, 3), (3, 4)), ("i...->...", (2, 3, 4)), ("...", (2, 3)), ("i...", (2, 3, 4)),
    (" i j , j k -> i k ", (2, 3), (3, 4)), ("ij,j->i", (2, 3), (1,)), ("ij,ij->ij", (2, 3), (1, 3)),
    ("iji->ij", (2, 3, 2)), ("ij,jk,kl->il", (2, 3), (3, 4), (4, 5)), ("i,j->ij", (2,), (3,)), ("i,j->ji", (2,), (3,)),
    ("IJ,Jk->Ik", (2, 3), (3, 4)), ("bBa", (2, 3, 4)), ("aB,Ba", (2, 3), (3, 2)), ("iij,jj->i", (3, 3, 2), (2, 2)),
    ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)), ("abc,cd,def->abf", (2, 3, 4), (4, 5), (5, 6, 7)),
    ("ab,ab,ab->", (2, 3), (2, 3), (2, 3)), ("abcd,dcba->", (2, 3, 4, 5), (5, 4, 3, 2)), ("i,i->", (1,), (4,)),
    ("abcd,cefd->abef", (2, 3, 4, 5), (4, 2, 3, 5)), ("a...b,b...->a...", (2, 3, 4, 5), (5, 3, 4)),
    ("...a,...a->...", (4, 1, 3), (2, 3)), ("ij,jk->ik", (0, 3), (3, 4)), ("ij,jk->ik", (2, 0), (0, 4)),
    ("i,ij,j->", (3,), (3, 4), (4,)), ("aaaa->a", (2, 2, 2, 2)), ("abab->ba", (2, 3, 2, 3)), ("a,a,a,a->a",
        *[(5,)] * 4),
    ("ij,kl->", (2, 3), (4, 5)), ("abc->cab", (2, 3, 4)), ("a,b,c,d->dbca", (2,), (3,), (4,), (2,)),
]


def check(subscripts, arrays, expected=None, tolerance=1e-5):
    got = hr.einsum(subscripts, arrays).numpy()
    plain = [a.numpy() if isinstance(a, hr.Array) else a for a in arrays]
    wide = [p.astype(np.complex128 if np.iscomplexobj(p) else np.float64) for p in plain]
    expected = np.einsum(subscripts, *wide) if expected is None else expected
    assert got.shape == np.shape(expected)
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c[0] + "".join(str(s) for s in c[1:]))
def test_cases(case):
    check(case[0], [numbers(hr.FLOAT32, shape, i) for i, shape in enumerate(case[1:])])


@pytest.mark.parametrize("dtype", hr.DTYPES, ids=hr.NAMES)
def test_dtypes(dtype):
    a, b = hr.array(numbers(dtype, (2, 3, 4), 1), dtype), hr.array(numbers(dtype, (4, 3), 2), dtype)
    wide = complex if dtype == hr.COMPLEX64 else np.float64
    x, y = a.numpy().astype(wide), b.numpy().astype(wide)
    tolerance = {hr.FLOAT16: 2e-3, hr.BFLOAT16: 0.02}.get(dtype, 1e-5)
    product = hr.einsum("abc,cb->a", [a, b])
    assert product.dtype == hr.sum(a, False).dtype
    np.testing.assert_allclose(product.numpy(), np.einsum("abc,cb->a", x, y), rtol=tolerance, atol=tolerance)
    assert hr.einsum("abc,cb->abc", [a, b]).dtype == dtype
    assert np.array_equal(hr.einsum("abc->cab", [a]).numpy(), a.numpy().transpose(2, 0, 1))


def test_mixed_dtypes():
    half, single = numbers(hr.FLOAT16, (2, 3)), numbers(hr.FLOAT32, (3, 4))
    whole = numbers(hr.INT32, (2, 3))
    assert hr.einsum("ij,jk", [hr.array(half, hr.FLOAT16), single]).dtype == hr.FLOAT32
    assert hr.einsum("ij,jk", [hr.array(whole, hr.INT32), single]).dtype == hr.FLOAT32
    assert hr.einsum("ij,ij,ij->", [hr.array(whole, hr.INT32)] * 3).dtype == hr.INT32


def test_layouts():
    x, y = numbers(hr.FLOAT32, (2, 3, 4), 3), numbers(hr.FLOAT32, (4, 2, 3), 4)
    for a, p in views(x, hr.FLOAT32):
        for b, q in views(y, hr.FLOAT32):
            for subscripts in ("abc,cad->bd", "abc,cab->", "abc,cad->acdb", "abc,dae->bcde"):
                np.testing.assert_allclose(hr.einsum(subscripts, [a, b]).numpy(), np.einsum(subscripts, p, q),
       rtol=1e-5)


def test_random_terms():
    random = np.random.default_rng(11)
    letters = np.array(list("abcdeABC"))
    lengths = dict(zip(letters, random.integers(1, 5, len(letters))))
    for _ in range(150):
        terms = ["".join(random.choice(letters, random.integers(0, 5))) for _ in range(random.integers(1, 5))]
        arrays = []
        for term in terms:
            ones = {c for c in term if random.random() < 0.1}  # broadcast
            arrays.append(random.integers(-3, 4, [1 if c in ones else lengths[c] for c in term]).astype(np.float32))
        used = sorted(set("".join(terms)))
        result = "".join(random.permutation(used)[: random.integers(0, len(used) + 1)]) if used else ""
        check(",".join(terms) + "->" + result, arrays, tolerance=1e-4)
        check(",".join(terms), arrays, tolerance=1e-4)


def test_order():
    """Any other order of products has 10^10 elements between, which do not fit the memory."""
    n = 100000
    rows, weights = np.ones((n, 1), np.float32), np.full(n, 1 / n, np.float32)
    check("ai,bi,a,b->", [rows, rows, weights, weights], np.float32(1), 1e-3)
    check("a,b,ai,bj->ij", [weights, weights, rows, rows], np.ones((1, 1)), 1e-3)


def test_like_mlx():
    """What NumPy refuses: axes of `...` that the result leaves out are summed over."""
    x = numbers(hr.FLOAT32, (2, 3))
    check("...->", [x], x.sum())
    check("i...->i", [x], x.sum(1))
    mx = pytest.importorskip("mlx.core")
    for subscripts in ("...->", "i...->i"):
        np.testing.assert_allclose(hr.einsum(subscripts, [x]).numpy(), np.array(mx.einsum(subscripts, mx.array(x))))


def test_errors():
    x, y = np.ones((2, 3), np.float32), np.ones((3, 4), np.float32)
    fails("einsum: no operands", "einsum", "ij", [])
    fails("einsum: 2 1", "einsum", "ij,jk->ik", [x])
    fails("einsum: 1 2", "einsum", "ij", [x, y])
    fails("einsum: 'i' twice", "einsum", "ij,jk->ii", [x, y])
    fails("einsum: 'k' result", "einsum", "ij->ik", [x])
    fails("einsum: 'j' 3 2 1", "einsum", "ij,kj->ik", [x, np.ones((4, 2), np.float32)])
    fails("einsum: 3 subscripts 2 axes", "einsum", "ijk", [x])
    fails("einsum: '1'", "einsum", "i1->i", [x])
    fails("einsum: '-'", "einsum", "ij->ij->i", [x])
    fails("einsum: '.'", "einsum", "i..j->ij", [x])
    fails("einsum: '.' \"...i...\"", "einsum", "...i...", [x])
    fails("einsum: 'i' 2 3", "einsum", "ii", [x])
    fails("einsum: 5 4 axis", "einsum", "...i,...i->i", [np.ones((5, 3), np.float32), np.ones((4, 3), np.float32)])
    fails("einsum: 3 subscripts 2 axes", "einsum", "abc...", [x])
    fails("einsum: more 32", "einsum", string.ascii_letters[:33], [x])
    fails("einsum: more 32 axes", "einsum", "...->..." + string.ascii_letters[:1],
          [np.ones((1,) * 32, np.float32)])
