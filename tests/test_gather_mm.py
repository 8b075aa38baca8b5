"""Products of chosen matrices, of segments and of masked blocks, against NumPy and MLX."""
import mlx.core as mx
import numpy as np
import pytest

import hr
from layouts import fails, views
from test_linear import equal, few, wide

mx.set_default_device(mx.cpu)
REAL = [hr.FLOAT16, hr.BFLOAT16, hr.FLOAT32, hr.FLOAT64]
FLOATING = pytest.mark.parametrize("dtype", REAL, ids=[hr.NAMES[d] for d in REAL])
LAYOUTS = [((3, 2, 4), (3, 4, 5)), ((2, 3, 1, 4), (4, 4, 6)), ((5, 7, 3), (2, 3, 1)), ((2, 2, 0), (3, 0, 2)),
           ((1, 33, 20), (2, 2, 20, 40))]


def chosen(x, numbers):
    """The matrices of x at numbers in row-major order of its leading axes."""
    return x.reshape((int(np.prod(x.shape[:-2])),) + x.shape[-2:])[numbers]


@FLOATING
@pytest.mark.parametrize("shapes", LAYOUTS, ids=str)
def test_gather_mm(dtype, shapes):
    random = np.random.default_rng(1)
    counts = [int(np.prod(s[:-2])) for s in shapes]
    for lhs_shape, rhs_shape in (((6,), (6,)), ((3, 1), (1, 4)), ((), (5,)), ((0,), (0,))):
        lhs, rhs = random.integers(-counts[0], counts[0], lhs_shape), random.integers(0, counts[1], rhs_shape)
        for a, x in views(few(dtype, shapes[0], 1), dtype):
            for b, y in views(few(dtype, shapes[1], 2), dtype):
                got = hr.gather_mm(a, b, hr.array(lhs, hr.INT32), hr.array(rhs, hr.UINT32), False)
                equal(got, np.matmul(chosen(wide(x), lhs), chosen(wide(y), rhs)), dtype)


@FLOATING
def test_gather_mm_defaults_and_vectors(dtype):
    a, b = few(dtype, (3, 2, 4), 1), few(dtype, (3, 4, 5), 2)
    x, y = hr.array(a, dtype), hr.array(b, dtype)
    some = np.array([2, 0, 1])
    index = hr.array(some, hr.INT64)
    equal(hr.gather_mm(x, y, None, None, False), wide(a) @ wide(b), dtype)
    equal(hr.gather_mm(x, y, index, None, False), wide(a)[some] @ wide(b), dtype)
    equal(hr.gather_mm(x, y, None, index, True), wide(a) @ wide(b)[some], dtype)
    equal(hr.gather_mm(hr.array(a[0, 0], dtype), y, None, index, False), wide(a)[0, 0] @ wide(b)[some], dtype)
    equal(hr.gather_mm(x, hr.array(b[0, :, 0], dtype), index, None, False), wide(a)[some] @ wide(b)[0, :, 0], dtype)


@FLOATING
def test_gather_mm_runs(dtype):
    """Neighbours with one matrix of b, as a mixture of experts has them: rows of a one after the other, or not."""
    tokens, experts = few(dtype, (24, 1, 9), 1), few(dtype, (3, 9, 17), 2)
    order = np.sort(np.arange(24) * 7 % 3)
    x, y = hr.array(tokens, dtype), hr.array(experts, dtype)
    want = wide(tokens) @ wide(experts)[order]
    equal(hr.gather_mm(x, y, None, hr.array(order, hr.UINT32), True), want, dtype)
    back = np.arange(24)[::-1]
    equal(hr.gather_mm(x, y, hr.array(back, hr.INT32), hr.array(order, hr.UINT32), True),
          wide(tokens)[back] @ wide(experts)[order], dtype)
    pairs = few(dtype, (8, 3, 9), 3)
    rhs = np.array([0, 0, 0, 1, 1, 1, 1, 2])
    for lhs in (np.arange(8), np.array([0, 1, 2, 2, 2, 3, 5, 7])):
        equal(hr.gather_mm(hr.array(pairs, dtype), y, hr.array(lhs, hr.INT32), hr.array(rhs, hr.INT32), True),
              wide(pairs)[lhs] @ wide(experts)[rhs], dtype)


def test_gather_mm_like_mlx():
    random = np.random.default_rng(6)
    a, b = random.standard_normal((3, 2, 4)).astype(np.float32), random.standard_normal((3, 4, 5)).astype(np.float32)
    lhs, rhs = np.array([[2], [0]], np.uint32), np.array([[1, 1, 0]], np.uint32)
    want = mx.gather_mm(mx.array(a), mx.array(b), mx.array(lhs), mx.array(rhs))
    got = hr.gather_mm(hr.array(a), hr.array(b), hr.array(lhs), hr.array(rhs), False)
    np.testing.assert_allclose(got.numpy(), np.array(want), rtol=0, atol=1e-6)
    fails("int32", "gather_mm", a.astype(np.int32), b.astype(np.int32), None, rhs[0], False)


def test_gather_mm_errors():
    a, b = np.ones((3, 2, 4), np.float32), np.ones((3, 4, 5), np.float32)
    fails("gather_mm lengths 4 2", "gather_mm", a, a, None, None, False)
    fails("gather_mm (2) (3)", "gather_mm", a, b, np.zeros(2, np.int32), None, False)
    fails("float32", "gather_mm", a, b, np.zeros(3, np.float32), None, False)
    fails("complex64", "gather_mm", a.astype(np.complex64), b, None, None, False)
    fails("lhs_indices 3", "gather_mm", a, b, np.array([0, 3], np.int32), np.zeros(2, np.int32), False)
    fails("rhs_indices -4", "gather_mm", a, b, np.zeros(2, np.int32), np.array([0, -4], np.int32), False)
    fails("scalar", "gather_mm", np.float32(1), b, None, None, False)


@FLOATING
def test_segmented_mm(dtype):
    for m, k, n in ((2, 6, 3), (1, 700, 40), (50, 13, 1), (4, 0, 2)):
        random = np.random.default_rng(2)
        segments = np.sort(random.integers(0, k + 1, (4, 2)), -1)
        segments[1] = segments[1][::-1]
        for a, x in views(few(dtype, (m, k), 1), dtype):
            for b, y in views(few(dtype, (k, n), 2), dtype):
                x, y = wide(x), wide(y)
                want = np.array([x[:, i:j] @ y[i:j] for i, j in segments]).reshape(2, 2, m, n)
                if np.abs(want).max(initial=0) > 256:
                    continue  # more than half types hold exactly
                equal(hr.segmented_mm(a, b, hr.array(segments.reshape(2, 2, 2), hr.UINT32)), want, dtype)
    a = few(dtype, (2, 3), 1)
    equal(hr.segmented_mm(hr.array(a, dtype), hr.array(a.T.copy(), dtype), hr.array(np.zeros((0, 2)), hr.INT32)),
          np.zeros((0, 2, 2)), dtype)


def test_segmented_mm_errors():
    a, b, pair = np.ones((2, 6), np.float32), np.ones((6, 3), np.float32), np.array([0, 2], np.uint32)
    equal(hr.segmented_mm(a, b, pair), np.full((2, 3), 2), hr.FLOAT32)
    fails("segmented_mm (1,2,6)", "segmented_mm", a[None], b, pair)
    fails("lengths 6 5", "segmented_mm", a, b[:5], pair)
    fails("float32", "segmented_mm", a, b, pair.astype(np.float32))
    fails("(1,3)", "segmented_mm", a, b, np.array([[0, 1, 2]], np.uint32))
    fails("segments 7", "segmented_mm", a, b, np.array([0, 7], np.uint32))
    fails("segments -1", "segmented_mm", a, b, np.array([0, -1], np.int32))


def spread(mask, block, m, n):
    return np.repeat(np.repeat(mask, block, -2), block, -1)[..., :m, :n]


@FLOATING
@pytest.mark.parametrize("block", [32, 64])
def test_block_masked_mm(dtype, block):
    random = np.random.default_rng(3)
    m, k, n = 70, 100, 40
    cut = lambda length: -(-length // block)
    for lead_a, lead_b, lead in (((), (), ()), ((2,), (), (2,)), ((2, 1), (3,), (2, 3))):
        a, b = few(dtype, lead_a + (m, k), 1), few(dtype, lead_b + (k, n), 2)
        out, lhs, rhs = (random.random(s) > 0.4 for s in (lead + (cut(m), cut(n)), (cut(m), cut(k)), (cut(k), cut(n))))
        for used in range(8):
            x, y = wide(a), wide(b)
            masks = [mask if used >> i & 1 else None for i, mask in enumerate((out, lhs, rhs))]
            x = x * spread(lhs, block, m, k) if used & 2 else x
            y = y * spread(rhs, block, k, n) if used & 4 else y
            want = np.matmul(x, y) * (spread(out, block, m, n) if used & 1 else 1)
            given = [None if mask is None else hr.array(mask, hr.BOOL) for mask in masks]
            equal(hr.block_masked_mm(hr.array(a, dtype), hr.array(b, dtype), block, *given), want, dtype)


def test_block_masked_mm_like_mlx():
    random = np.random.default_rng(4)
    a, b = random.standard_normal((70, 100)).astype(np.float32), random.standard_normal((100, 40)).astype(np.float32)
    out, lhs, rhs = (random.standard_normal(s).astype(np.float32) for s in ((3, 2), (3, 4), (4, 2)))
    bools = [x > 0 for x in (out, lhs, rhs)]
    whole = [(x * 3).astype(np.int32) for x in (out, lhs, rhs)]
    for masks in ((out, lhs, rhs), bools, (bools[0], lhs, rhs), whole[:1] + [None, None], (None, None, None)):
        want = mx.block_masked_mm(mx.array(a), mx.array(b), 32, *(None if x is None else mx.array(x) for x in masks))
        got = hr.block_masked_mm(a, b, 32, *masks).numpy()
        np.testing.assert_allclose(got, np.array(want), rtol=0, atol=2e-4)
    a[:32, :32] = np.nan
    kept = np.ones((3, 4), bool)
    kept[0, 0] = False
    assert np.isfinite(hr.block_masked_mm(a, b, 32, None, kept, None).numpy()).all()
    scaled = hr.block_masked_mm(a, b, 32, None, kept.astype(np.float32), None).numpy()
    assert np.isnan(scaled[:32]).all() and np.isfinite(scaled[32:]).all()


def test_block_masked_mm_errors():
    a, b, full = np.ones((70, 100), np.float32), np.ones((100, 40), np.float32), np.ones
    fails("block_masked_mm 16", "block_masked_mm", a, b, 16, None, None, None)
    fails("mask_lhs (3,3)", "block_masked_mm", a, b, 32, None, full((3, 3), bool), None)
    fails("mask_out (2)", "block_masked_mm", a, b, 32, full((2,), bool), None, None)
    fails("mask_rhs (2,4,2)", "block_masked_mm", a, b, 32, None, None, full((2, 4, 2), bool))
    fails("lengths 100 70", "block_masked_mm", a, a, 32, None, None, None)
    fails("complex64", "block_masked_mm", a.astype(np.complex64), b, 32, None, None, None)
