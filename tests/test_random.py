"""Random numbers against mlx for the same keys: bits and what follows from them exactly, the rest within 4 units of the
last place of what mlx gives (more where a difference of two near numbers makes it hopeless)."""
import ctypes

import mlx.core as mx
import numpy as np
import pytest

import hr
from test_elementwise import from_mx, to_mx

SEEDS = [0, 7, 2**40 + 12345]
SIZES = [1, 2, 3, 255, 256, 257, 1000, 70001]
HALF_TOO = [hr.FLOAT32, hr.FLOAT16, hr.BFLOAT16]
STEP = {hr.FLOAT32: 2.0**-23, hr.FLOAT16: 2.0**-10, hr.BFLOAT16: 2.0**-7,
        hr.FLOAT64: 2.0**-23}  # normal numbers of float64 have the steps of float32


def mx_dtype(dtype):
    return getattr(mx, hr.NAMES[dtype])


def equal(mine, theirs):
    np.testing.assert_array_equal(mine.numpy(), from_mx(theirs))


def near(mine, theirs, dtype, ulps=4, floor=2.0**-120):
    got, want = mine.numpy().astype(float), from_mx(theirs).astype(float)
    assert got.shape == want.shape
    infinite = np.isinf(want)
    np.testing.assert_array_equal(got[infinite], want[infinite])
    got, want = got[~infinite], want[~infinite]
    unit = np.exp2(np.floor(np.log2(np.maximum(np.abs(want), floor)))) * STEP[dtype]
    worst = np.max(np.abs(got - want) / unit, initial=0)
    assert worst <= ulps, worst


@pytest.mark.parametrize("seed", SEEDS)
def test_key_and_split(seed):
    key, theirs = hr.random_key(seed), mx.random.key(seed)
    equal(key, theirs)
    a, b = hr.random_split(key)
    x, y = mx.random.split(theirs)
    equal(a, x), equal(b, y)
    for num in (1, 2, 3, 8):
        equal(hr.random_split_num(key, num), mx.random.split(theirs, num))


@pytest.mark.parametrize("dtype", HALF_TOO)
@pytest.mark.parametrize("n", SIZES)
def test_uniform(n, dtype):
    for seed in SEEDS:
        key, theirs = hr.random_key(seed), mx.random.key(seed)
        for low, high in ((0, 1), (-1, 1), (2, 5), (0.1, 0.7), (3, 1), (1, 1)):
            mine = hr.random_uniform(np.float32(low), np.float32(high), (n,), dtype, key)
            equal(mine, mx.random.uniform(low, high, (n,), mx_dtype(dtype), theirs))


def test_uniform_bounds_as_arrays():
    key, theirs = hr.random_key(3), mx.random.key(3)
    low, high = np.arange(5, dtype=np.float32), np.arange(6, 9, dtype=np.float32)[:, None]
    equal(hr.random_uniform(low, high, (2, 3, 5), hr.FLOAT32, key),
          mx.random.uniform(mx.array(low), mx.array(high), (2, 3, 5), key=theirs))
    with pytest.raises(hr.Error):
        hr.random_uniform(low, high, (3, 4), hr.FLOAT32, key)
    with pytest.raises(hr.Error):
        hr.random_uniform(low, high, (3, 5), hr.FLOAT64, key)


@pytest.mark.parametrize("dtype", list(range(9)))
def test_randint(dtype):
    for seed in SEEDS:
        key, theirs = hr.random_key(seed), mx.random.key(seed)
        for low, high in ((0, 10), (3, 100), (5, 5), (7, 3), (0, 2)):
            equal(hr.random_randint(np.int32(low), np.int32(high), (1001,), dtype, key),
                  mx.random.randint(low, high, (1001,), mx_dtype(dtype), theirs))
    if hr.NAMES[dtype].startswith("int"):
        key, theirs = hr.random_key(9), mx.random.key(9)
        equal(hr.random_randint(np.int32(-100), np.int32(77), (1000,), dtype, key),
              mx.random.randint(-100, 77, (1000,), mx_dtype(dtype), theirs))


def test_randint_beyond_float32():
    key, theirs = hr.random_key(7), mx.random.key(7)
    for low, high in ((2**25, 2**25 + 3), (0, 2**31 - 1), (-2**31, 2**31 - 1), (2**30, 2**30 + 3)):
        equal(hr.random_randint(np.int32(low), np.int32(high), (5000,), hr.INT32, key),
              mx.random.randint(low, high, (5000,), mx.int32, theirs))
    low, high = np.array([0, 10, 20], np.int32), np.array([[5], [40]], np.int32)
    equal(hr.random_randint(low, high, (2, 3), hr.INT32, key),
          mx.random.randint(mx.array(low), mx.array(high), (2, 3), mx.int32, theirs))


def test_bernoulli():
    for seed in SEEDS:
        key, theirs = hr.random_key(seed), mx.random.key(seed)
        for p in (0.5, 0.1, 1.0, 0.0, 1.5):
            equal(hr.random_bernoulli(np.float32(p), (999,), key), mx.random.bernoulli(p, (999,), theirs))
        for dtype in (hr.FLOAT16, hr.BFLOAT16):
            equal(hr.random_bernoulli(hr.array([0.3, 0.7], dtype), (500, 2), key),
                  mx.random.bernoulli(mx.array([0.3, 0.7]).astype(mx_dtype(dtype)), (500, 2), theirs))
    with pytest.raises(hr.Error):
        hr.random_bernoulli(np.int32(1), (3,), None)


def test_permutation():
    for seed in SEEDS:
        key, theirs = hr.random_key(seed), mx.random.key(seed)
        for n in (0, 1, 2, 10, 1000):
            equal(hr.random_permutation_arange(n, key), mx.random.permutation(n, key=theirs))
        x = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
        for axis in (0, 1, -1):
            equal(hr.random_permutation(x, axis, key), mx.random.permutation(mx.array(x), axis, theirs))


@pytest.mark.parametrize("dtype", HALF_TOO + [hr.FLOAT64])
def test_normal(dtype):
    for seed in SEEDS:
        key, theirs = hr.random_key(seed), mx.random.key(seed)
        near(hr.random_normal((200001,), dtype, 0, 1, key), mx.random.normal((200001,), mx_dtype(dtype), key=theirs),
             dtype, ulps=4)
        mine = hr.random_normal((2000,), dtype, 0.5, 3, key)
        other = mx.random.normal((2000,), mx_dtype(dtype), 0.5, 3, key=theirs)
        near(mine, other, dtype, ulps=6, floor=0.5)
        loc, scale = np.array([0, 1], np.float32), np.array([[1], [2], [3]], np.float32)
        near(hr.random_normal_broadcast((3, 2), dtype, loc, scale, key),
             mx.random.normal((3, 2), mx_dtype(dtype), mx.array(loc), mx.array(scale), key=theirs), dtype, 6, 0.5)


@pytest.mark.parametrize("dtype", HALF_TOO)
def test_other_distributions(dtype):
    for seed in SEEDS:
        key, theirs, n = hr.random_key(seed), mx.random.key(seed), 20001
        near(hr.random_gumbel((n,), dtype, key), mx.random.gumbel((n,), mx_dtype(dtype), key=theirs), dtype, 4, 0.5)
        near(hr.random_laplace((n,), dtype, 0, 1, key), mx.random.laplace((n,), mx_dtype(dtype), key=theirs), dtype)
        near(hr.random_laplace((n,), dtype, 1, 0.5, key),
             mx.random.laplace((n,), mx_dtype(dtype), 1, 0.5, key=theirs), dtype, 4, 0.5)


def test_laplace_of_float64():
    for seed in SEEDS:
        key, theirs = hr.random_key(seed), mx.random.key(seed)
        for loc, scale in ((0, 1), (1, 0.5)):
            np.testing.assert_allclose(hr.random_laplace((999,), hr.FLOAT64, loc, scale, key).numpy(),
                                       from_mx(mx.random.laplace((999,), mx.float64, loc, scale, key=theirs)), 1e-14, 1e-15)


@pytest.mark.parametrize("dtype", HALF_TOO)
def test_truncated_normal(dtype):
    bounds = [(-1, 2), (-2, 2), (0.5, 3), (-0.1, 0.1), (-5, 5), (1, 1.5), (-3, -2), (3, 4), (-np.inf, 0.3), (0, np.inf)]
    for seed in SEEDS:
        key, theirs, n = hr.random_key(seed), mx.random.key(seed), 20001
        for low, high in bounds:
            near(hr.random_truncated_normal(np.float32(low), np.float32(high), (n,), dtype, key),
                 mx.random.truncated_normal(low, high, (n,), mx_dtype(dtype), key=theirs), dtype)
        low, high = np.linspace(-6, 0, 999).astype(np.float32), np.linspace(0.01, 4, 7).astype(np.float32)[:, None]
        near(hr.random_truncated_normal(low, high, (7, 999), dtype, key),
             mx.random.truncated_normal(mx.array(low), mx.array(high), (7, 999), mx_dtype(dtype), key=theirs), dtype)


def test_categorical():
    logits = np.asarray(mx.random.normal((5, 6, 7), key=mx.random.key(1)))
    for seed in SEEDS:
        key, theirs, x = hr.random_key(seed), mx.random.key(seed), mx.array(logits)
        for axis in (0, 1, -1):
            equal(hr.random_categorical(logits, axis, key), mx.random.categorical(x, axis, key=theirs))
            equal(hr.random_categorical_num_samples(logits, axis, 4, key),
                  mx.random.categorical(x, axis, num_samples=4, key=theirs))
        equal(hr.random_categorical_shape(logits, -1, (3, 5, 6), key),
              mx.random.categorical(x, -1, shape=(3, 5, 6), key=theirs))
        equal(hr.random_categorical_shape(logits, 1, (5, 7), key),
              mx.random.categorical(x, 1, shape=(5, 7), key=theirs))
    with pytest.raises(hr.Error):
        hr.random_categorical_shape(logits, -1, (4, 6), None)


@pytest.mark.parametrize("dtype", ("float32", "float16", "bfloat16"))
@pytest.mark.parametrize("shape, axis", (((9,), 0), ((1, 300), 1), ((7, 1, 1), 0), ((1,), 0)))
def test_categorical_of_one_distribution(shape, axis, dtype):
    """MLX draws these from cumulative weights instead of adding noise."""
    theirs = mx.random.normal(shape, getattr(mx, dtype), key=mx.random.key(5)) * 3
    ours = hr.array(np.asarray(theirs.astype(mx.float32)), getattr(hr, dtype.upper()))
    rest = shape[:axis] + shape[axis + 1:]
    for seed in SEEDS:
        key, k = hr.random_key(seed), mx.random.key(seed)
        equal(hr.random_categorical(ours, axis, key), mx.random.categorical(theirs, axis, key=k))
        equal(hr.random_categorical_num_samples(ours, axis, 2000, key),
              mx.random.categorical(theirs, axis, num_samples=2000, key=k))
        equal(hr.random_categorical_shape(ours, axis, (6, *rest), key),
              mx.random.categorical(theirs, axis, shape=(6, *rest), key=k))


@pytest.mark.parametrize("logits", ((0, -np.inf, 1), (np.inf, 0, 1), (0, np.inf, np.inf), (-np.inf,) * 3, (np.nan, 0, 1)))
def test_categorical_of_one_distribution_not_finite(logits):
    equal(hr.random_categorical_num_samples(np.array(logits, "f4"), 0, 1000, hr.random_key(1)),
          mx.random.categorical(mx.array(logits), 0, num_samples=1000, key=mx.random.key(1)))


def test_default_keys_differ():
    a, b = hr.random_bits((4,), 4, None).numpy(), hr.random_bits((4,), 4, None).numpy()
    assert (a != b).any()


def test_seed():
    set_seed = hr.lib.mlx_random_seed
    set_seed.argtypes = [ctypes.c_uint64]
    for seed in SEEDS + [2**64 - 1]:
        drawn = []
        for _ in range(2):
            hr.check(set_seed(seed))
            drawn.append([hr.random_uniform(np.float32(0), np.float32(1), (5, 3), hr.FLOAT32, None) for _ in range(3)])
        mx.random.seed(seed)
        for first, again in zip(*drawn):
            equal(first, mx.random.uniform(0, 1, (5, 3)))
            np.testing.assert_array_equal(first.numpy(), again.numpy())
        assert (drawn[0][0].numpy() != drawn[0][1].numpy()).all()
