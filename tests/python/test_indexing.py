"""Indices, generated and compared with NumPy: reading, assignment, .at[], and MLX's own answers where these differ."""
import random

import numpy as np
import pytest

import headrace.core as mx

SHAPES = [(5,), (4, 3), (2, 3, 4), (3, 1, 2, 4), (2, 0, 3), (1, 1), (2, 3, 2, 3, 2)]
CASES = range(300)


def random_slice(r, n):
    ends = [None] + list(range(-n - 2, n + 3))
    return slice(r.choice(ends), r.choice(ends), r.choice([None, 1, 1, 2, 3, -1, -2, -3]))


def random_key(r, shape, arrays):
    """An index for the shape: with arrays (broadcast together, some lists) or without."""
    index_shape = r.choice([(), (1,), (3,), (2, 3), (0,), (2, 1)])
    key, axis, seen_ellipsis = [], 0, False
    while axis < len(shape):
        kind = r.choice("sssiiin.aaa" if arrays else "sssiiin.")
        n = shape[axis]
        if kind == "n":
            key.append(None)
        elif kind == "." and not seen_ellipsis:
            key.append(Ellipsis)
            seen_ellipsis = True
            axis += r.randrange(len(shape) - axis + 1)
        elif kind == "s":
            key.append(random_slice(r, n))
            axis += 1
        elif kind == "i" and n:
            key.append(r.randrange(-n, n))
            axis += 1
        elif kind == "a" and n:
            own = r.choice([index_shape, tuple(1 if r.random() < 0.2 else k for k in index_shape), index_shape[-1:]])
            values = np.array([r.randrange(-n, n) for _ in range(int(np.prod(own)))], np.int32).reshape(own)
            key.append(values)
            axis += 1
        elif kind == "." or r.random() < 0.5:
            break
    return key


def for_numpy(key):
    return tuple(key)


def for_ours(r, key):
    def one(k):
        if not isinstance(k, np.ndarray):
            return k
        if k.size and r.random() < 0.3:
            return k.tolist() if k.ndim else int(k)
        dtype = r.choice([mx.int32, mx.int64, mx.int8])
        return mx.array(k, dtype)
    key = [one(k) for k in key]
    return key[0] if len(key) == 1 and not isinstance(key[0], list) and r.random() < 0.5 else tuple(key)


def data(shape):
    return np.arange(1, 1 + int(np.prod(shape)), dtype=np.int32).reshape(shape)


def check(ours, theirs, text):
    assert ours.shape == theirs.shape, text
    np.testing.assert_array_equal(np.array(ours), theirs, err_msg=text)


def cases(seed, arrays):
    r = random.Random(seed)
    shape = r.choice(SHAPES)
    key = random_key(r, shape, arrays)
    return r, shape, key


@pytest.mark.parametrize("seed", CASES)
@pytest.mark.parametrize("arrays", [False, True], ids=["views", "arrays"])
def test_reading(seed, arrays):
    r, shape, key = cases(seed, arrays)
    x = data(shape)
    try:
        want = x[for_numpy(key)]
    except IndexError:
        with pytest.raises((IndexError, ValueError)):
            mx.array(x)[for_ours(r, key)]
        return
    check(mx.array(x)[for_ours(r, key)], want, f"{shape} {key}")
    # of a view with other strides
    check(mx.array(x.T.copy()).T[for_ours(r, key)], want, f"transposed {shape} {key}")


def random_value(r, shape):
    """Something that broadcasts to the shape."""
    kind = r.randrange(4)
    if kind == 0:
        return 7
    own = shape[r.randrange(len(shape) + 1):] if kind == 1 else shape
    own = tuple(1 if r.random() < 0.3 else n for n in own)
    if kind == 2:
        own = (1,) + own
    return np.array([r.randrange(100) for _ in range(int(np.prod(own)))], np.int32).reshape(own)


@pytest.mark.parametrize("seed", CASES)
@pytest.mark.parametrize("arrays", [False, True], ids=["views", "arrays"])
def test_assignment(seed, arrays):
    r, shape, key = cases(seed, arrays)
    x = data(shape)
    for k in key:  # which of several values for one place stays is not defined
        if isinstance(k, np.ndarray):
            k[...] = k.flat[0] if k.size else 0
    try:
        target = x[for_numpy(key)].shape
        value = random_value(r, target)
        if isinstance(value, np.ndarray) and arrays:
            value = value.flat[0] if value.size else 3
        want = x.copy()
        want[for_numpy(key)] = value
    except (IndexError, ValueError):
        return
    ours = mx.array(x)
    alias = ours
    ours[for_ours(r, key)] = value if isinstance(value, int) else mx.array(value)
    check(alias, want, f"{shape} {key} {value}")


@pytest.mark.parametrize("seed", CASES)
def test_assignment_of_different_values(seed):
    """Index arrays without repeated places, and a value for each."""
    r = random.Random(seed)
    shape = r.choice([(6,), (5, 4), (4, 5, 3), (3, 4, 2, 3)])
    x, key = data(shape), []
    at = r.randrange(len(shape))
    for axis, n in enumerate(shape):
        if axis == at or (r.random() < 0.3 and shape[at] <= n):
            key.append(np.array(r.sample(range(n), min(3, n)), np.int32) if axis == at else
                       np.array([r.randrange(n) for _ in range(min(3, shape[at]))], np.int32))
        else:
            key.append(r.choice([slice(None), random_slice(r, n), r.randrange(n)]))
    target = x[tuple(key)].shape
    value = np.array([r.randrange(100) for _ in range(int(np.prod(target)))], np.int32).reshape(target)
    want, ours = x.copy(), mx.array(x)
    want[tuple(key)] = value
    ours[tuple(mx.array(k) if isinstance(k, np.ndarray) else k for k in key)] = mx.array(value)
    check(ours, want, f"{shape} {key}")


AT = {"add": np.add.at, "subtract": np.subtract.at, "multiply": np.multiply.at, "maximum": np.maximum.at,
      "minimum": np.minimum.at}


@pytest.mark.parametrize("seed", range(100))
@pytest.mark.parametrize("name", AT)
def test_at(name, seed):
    r, shape, key = cases(seed, seed % 2)
    x = data(shape)
    try:
        target = x[for_numpy(key)].shape
    except IndexError:
        return
    value = np.array([r.randrange(3) for _ in range(int(np.prod(target)))], np.int32).reshape(target)
    want = x.copy()
    AT[name](want, for_numpy(key), value)
    ours = mx.array(x)
    result = getattr(ours.at[for_ours(r, key)], name)(mx.array(value))
    check(result, want, f"{name} {shape} {key}")
    check(ours, x, "the array itself stays")


def test_at_divides_and_needs_an_index():
    x = mx.array([4.0, 4.0, 4.0])
    assert x.at[mx.array([0, 0])].divide(2).tolist() == [1, 4, 4]
    with pytest.raises(ValueError):
        x.at.add(1)


@pytest.mark.parametrize("seed", range(150))
def test_masks(seed):
    r = random.Random(seed)
    shape = r.choice([(6,), (3, 4), (2, 3, 4)])
    x = data(shape)
    axes = r.randrange(1, len(shape) + 1)
    first = r.randrange(len(shape) - axes + 1)
    mask = np.array([r.random() < 0.5 for _ in range(int(np.prod(shape[first:first + axes])))])
    mask = mask.reshape(shape[first:first + axes])
    key = (slice(None),) * first + (mask,)
    ours_key = (slice(None),) * first + (mx.array(mask),)
    if first == 0 and r.random() < 0.5:
        key, ours_key = mask, mx.array(mask)
    check(mx.array(x)[ours_key], x[key], f"{shape} {mask}")
    value = r.choice([5, np.arange(x[key].size, dtype=np.int32).reshape(x[key].shape)])
    want, ours = x.copy(), mx.array(x)
    want[key] = value
    ours[ours_key] = value if isinstance(value, int) else mx.array(value)
    check(ours, want, f"{shape} {mask} = {value}")
    want = x.copy()
    want[key] += 3
    check(mx.array(x).at[ours_key].add(3), want, f"{shape} {mask} += 3")


def test_values_take_the_dtype_of_the_array():
    x = mx.zeros((3,), mx.int32)
    x[0], x[1] = 1.7, mx.array(2.5)
    x[2] = np.float32(3.5)
    assert x.tolist() == [1, 2, 3] and x.dtype == mx.int32


REFUSED = [("x[3]", IndexError), ("x[-4]", IndexError), ("x[0, 0]", IndexError), ("x[0, 0]", ValueError), ("x[1.0]", ValueError),
           ("x['a']", ValueError), ("x[..., ...]", ValueError), ("x[True]", ValueError), ("x[::0]", ValueError),
           ("x[mx.array(1.0)]", ValueError), ("x[mx.array([True, False])]", IndexError), ("x[[0.5]]", ValueError),
           ("x[2**70]", IndexError), ("x.__setitem__(5, 1)", IndexError), ("x.__setitem__(0, 'a')", ValueError),
           ("x.__setitem__(0, None)", TypeError), ("x.__setitem__(slice(2), mx.array([1, 2, 3]))", ValueError),
           ("x.__delitem__(0)", TypeError), ("mx.array(1)[0]", ValueError),
           ("x.__setitem__([0, 1], mx.array([1, 2, 3]))", ValueError)]


@pytest.mark.parametrize("text, error", REFUSED)
def test_refused(text, error):
    with pytest.raises(error):
        eval(text, {"x": mx.array([1, 2, 3]), "mx": mx})


def test_foreign_indices():
    x = mx.arange(6).reshape(2, 3)
    assert x[np.int64(1)].tolist() == [3, 4, 5] and x[np.array([0, 1]), np.array(2)].tolist() == [2, 5]
    assert x[mx.array(1)].tolist() == [3, 4, 5] and x[:, mx.array([2, 0], mx.uint8)].tolist() == [[2, 0], [5, 3]]
    assert x[mx.array(1):].tolist() == [[3, 4, 5]] and x[()].tolist() == x.tolist()
