"""quantized_matmul, gather_qmm and qqmm against products with the matrix that dequantize gives, in float64, and against
MLX. The bound of an element is set by the size of its terms: (K + 8) half units of float32 for the sum, where scale and
bias count apart (a sum of codes times scale, and a sum of x times bias), and the rounding of the result."""
import itertools

import mlx.core as mx
import numpy as np
import pytest

import hr
from layouts import fails, views
from test_quantize import DTYPES, EVERY_MODE, FLOATS, matrix

EPSILON = {hr.FLOAT32: 2.0**-23, hr.FLOAT16: 2.0**-10, hr.BFLOAT16: 2.0**-7}
FEW_MODES = [("affine", 64, 4), ("affine", 32, 3), ("affine", 128, 8), ("mxfp4", 32, 4), ("mxfp8", 32, 8), ("nvfp4", 16, 4)]


def weights(mode, group, bits, shape, dtype=hr.FLOAT32, seed=0):
    """(words, scales, biases or None) and, in float64, what they stand for and the sizes that rounding goes by."""
    made = hr.quantize(hr.array(matrix(dtype, -2, 2, seed, shape), dtype), group, bits, mode, None)
    words, scales, biases = (*made, None)[:3]
    wide = scales if mode != "affine" else hr.astype(scales, hr.FLOAT32)
    wide_biases = None if biases is None else hr.astype(biases, hr.FLOAT32)
    values = hr.dequantize(words, wide, wide_biases, group, bits, mode, None, hr.FLOAT32).numpy().astype(np.float64)
    sizes = np.abs(values)
    if biases is not None:
        bias = np.repeat(wide_biases.numpy().astype(np.float64), group, -1)
        sizes = np.abs(values - bias) + np.abs(bias)
    return (words, scales, biases), values, sizes


def close(got, x, values, sizes, dtype, transpose=True, fixed=None):
    x = np.asarray(x, np.float64)
    if transpose:
        values, sizes = np.swapaxes(values, -1, -2), np.swapaxes(sizes, -1, -2)
    want, bound = x @ values, np.abs(x) @ sizes
    assert got.dtype == dtype and got.shape == want.shape, (got.dtype, got.shape, want.shape)
    got = got.numpy().astype(np.float64)
    if fixed:  # (bits, length): x to so many bits of the largest of so many neighbours
        bits, length = fixed
        largest = np.repeat(np.abs(x).reshape(*x.shape[:-1], -1, length).max(-1), length, -1)
        bound = bound + 2.0**(24 - bits) / (x.shape[-1] + 8) * (largest @ sizes)
    limit = (x.shape[-1] + 8) * 2.0**-24 * bound + 0.5 * EPSILON[dtype] * np.abs(want) * 1.01 + 2.0**-24 * (dtype == hr.FLOAT16)
    assert (np.abs(got - want) <= limit).all(), np.max(np.abs(got - want) / np.maximum(limit, 1e-300))


def product(x, arrays, transpose, group, bits, mode):
    return hr.quantized_matmul(x, *arrays, transpose, group, bits, mode)


@EVERY_MODE
@pytest.mark.parametrize("transpose", [True, False], ids=["nk", "kn"])
def test_modes(mode, group, bits, transpose):
    for m, n, k in ((1, 24, 384), (3, 7, 128), (8, 33, 1152), (19, 40, 640), (65, 96, 896)):
        rows, columns = (n, k) if transpose else (k, n)
        columns = (columns + group - 1) // group * group
        arrays, values, sizes = weights(mode, group, bits, (rows, columns), seed=m)
        x = matrix(hr.FLOAT32, -1, 1, 7, (m, columns if transpose else rows))
        close(product(x, arrays, transpose, group, bits, mode), x, values, sizes, hr.FLOAT32, transpose)


@pytest.mark.parametrize("mode, group, bits", FEW_MODES)
def test_rows_and_lengths(mode, group, bits):
    """Every number of rows around the kernels' blocks, rows of w that end within vectors, single columns."""
    for m in (*range(1, 19), 27, 28, 29, 57):
        for n, k in ((1, group), (9, 3 * group), (16, 5 * group), (35, 4096 // group * group + group)):
            arrays, values, sizes = weights(mode, group, bits, (n, k), seed=n)
            x = matrix(hr.FLOAT32, -1, 1, m, (m, k))
            close(product(x, arrays, True, group, bits, mode), x, values, sizes, hr.FLOAT32)
    for m, n, k in itertools.product((1, 2, 5, 9, 17, 31), (group, 3 * group, 9 * group), (1, 2, 37)):
        arrays, values, sizes = weights(mode, group, bits, (k, n), seed=n)
        x = matrix(hr.FLOAT32, -1, 1, m, (m, k))
        close(product(x, arrays, False, group, bits, mode), x, values, sizes, hr.FLOAT32, False)


def test_long():
    """Sizes at which the work is cut: many chunks of columns, many steps along k."""
    for m, n, k, transpose in ((1, 3000, 4096, True), (5, 2100, 9216, True), (40, 700, 3000, True), (200, 512, 2048, True),
                               (1, 4096, 700, False), (33, 2048, 1100, False)):
        rows, columns = (n, (k + 63) // 64 * 64) if transpose else (k, n)
        arrays, values, sizes = weights("affine", 64, 4, (rows, columns), seed=m)
        x = matrix(hr.FLOAT32, -1, 1, m, (m, columns if transpose else rows))
        close(product(x, arrays, transpose, 64, 4, "affine"), x, values, sizes, hr.FLOAT32, transpose)


@pytest.mark.parametrize("mode, group, bits", FEW_MODES)
def test_sizes_of_x(mode, group, bits):
    """Numbers of very different sizes beside each other, and very small and large ones: each group goes by its own."""
    for m, (low, high) in itertools.product((1, 3, 9, 40), ((-16, 16), (-120, -100), (50, 70))):
        k = 5 * group
        arrays, values, sizes = weights(mode, group, bits, (19, k), seed=m)
        x = matrix(hr.FLOAT32, low, high, m, (m, k))
        close(product(x, arrays, True, group, bits, mode), x, values, sizes, hr.FLOAT32, fixed=(30, group))
        x[:, group:2 * group] *= 2.0**40  # far beyond what one scale for all of a row could hold
        near = product(x, arrays, True, group, bits, mode)
        close(near, x, values, sizes, hr.FLOAT32, fixed=(30, group))


@FLOATS
@pytest.mark.parametrize("scales", DTYPES, ids=[hr.NAMES[d] for d in DTYPES])
def test_dtypes(dtype, scales):
    for mode, group, bits in FEW_MODES:
        arrays, values, sizes = weights(mode, group, bits, (40, 256), scales)
        for m in (1, 2, 6, 20):
            x = matrix(dtype, -1, 1, 3, (m, 256))
            result = dtype if mode != "affine" or scales == dtype else hr.FLOAT32
            fixed = dtype != hr.FLOAT32 and m <= 2 and mode == "affine" and bits == 4 and (15, 8)
            close(product(hr.array(x, dtype), arrays, True, group, bits, mode), x, values, sizes, result, fixed=fixed)
    for k in (32, 96, 160, 4128):
        for low, high in ((-1, 1), (-14, -10), (4, 7)) if dtype == hr.FLOAT16 else ((-1, 1), (-120, -110), (60, 80)):
            arrays, values, sizes = weights("affine", 32, 4, (17, k), scales)
            x = matrix(dtype, low, high, 3, (2, k))
            for rows in (x, x[:1]):
                close(product(hr.array(rows, dtype), arrays, True, 32, 4, "affine"), rows, values, sizes, hr.FLOAT32 if dtype != scales else dtype, fixed=(15, 8))
    arrays, values, sizes = weights("affine", 64, 4, (40, 256), scales)
    x = np.arange(512, dtype=np.int32).reshape(2, 256) - 256
    close(product(x, arrays, True, 64, 4, "affine"), x, values, sizes, scales)


@pytest.mark.parametrize("mode, group, bits", FEW_MODES)
def test_against_mlx(mode, group, bits):
    for m, shape in ((1, (48, 256)), (20, (48, 256)), (4, (3, 48, 256))):
        arrays, values, sizes = weights(mode, group, bits, shape)
        x = matrix(hr.FLOAT32, -1, 1, 3, (*shape[:-2], m, 256))
        theirs = [mx.array(a.numpy()) for a in arrays if a is not None]
        want = np.array(mx.quantized_matmul(mx.array(x), *theirs, group_size=group, bits=bits, mode=mode))
        got = product(x, arrays, True, group, bits, mode).numpy()
        bound = 2 * 264 * 2.0**-24 * (np.abs(x).astype(np.float64) @ np.swapaxes(sizes, -1, -2))
        assert got.shape == want.shape and (np.abs(got - want) <= bound).all()


def test_batches():
    for w_batch, x_batch in (((), (2, 3)), ((3,), (3,)), ((3,), (2, 1)), ((2, 1), (1, 4)), ((1, 1), (2, 3)), ((1,), ()),
                             ((2, 1, 3), (1, 5, 1))):
        for m in (1, 5, 20):
            arrays, values, sizes = weights("affine", 32, 4, (*w_batch, 24, 64), seed=m)
            x = matrix(hr.FLOAT32, -1, 1, 3, (*x_batch, m, 64))
            if not x_batch:
                values, sizes = values.reshape(24, 64), sizes.reshape(24, 64)
            close(product(x, arrays, True, 32, 4, "affine"), x, values, sizes, hr.FLOAT32)
    arrays, values, sizes = weights("affine", 32, 4, (24, 64))
    x = matrix(hr.FLOAT32, -1, 1, 3, (64,))
    close(product(x, arrays, True, 32, 4, "affine"), x, values, sizes, hr.FLOAT32)
    for shape in ((0, 64), (2, 0, 64)):
        assert product(np.zeros(shape, np.float32), arrays, True, 32, 4, "affine").numpy().shape == (*shape[:-1], 24)
    none = (np.zeros((24, 0), np.uint32), np.zeros((24, 0), np.float32), np.zeros((24, 0), np.float32))
    for m in (1, 20):
        got = product(np.zeros((m, 0), np.float32), none, True, 32, 4, "affine").numpy()
        np.testing.assert_array_equal(got, np.zeros((m, 24)))
    none = tuple(a[:0] for a in (arrays[0].numpy(), arrays[1].numpy(), arrays[2].numpy()))
    assert product(np.zeros((3, 64), np.float32), none, True, 32, 4, "affine").numpy().shape == (3, 0)
    np.testing.assert_array_equal(product(np.zeros((3, 0), np.float32), none, False, 32, 4, "affine").numpy(), np.zeros((3, 64)))


def test_layouts():
    arrays, _, _ = weights("affine", 32, 4, (24, 128))
    for m in (2, 20):
        x = matrix(hr.FLOAT32, -1, 1, 3, (m, 128))
        for a, plain in views(x, hr.FLOAT32):
            for k, array in enumerate(arrays):
                for b, same in views(array.numpy(), array.dtype):
                    mine = [*arrays]
                    mine[k] = b
                    want = [*arrays]
                    want[k] = hr.array(np.ascontiguousarray(same), array.dtype)
                    np.testing.assert_array_equal(product(a, mine, True, 32, 4, "affine").numpy(),
                                                  product(np.ascontiguousarray(plain), want, True, 32, 4, "affine").numpy())


def test_not_finite():
    """Infinite scales, biases and x reach the results that they belong to, and no others."""
    for m in (1, 20):
        for mode, group, bits in FEW_MODES:
            arrays, _, _ = weights(mode, group, bits, (16, 256))
            x = np.ones((m, 256), np.float32)
            x[0, 5] = np.nan
            got = product(x, arrays, True, group, bits, mode).numpy()
            assert np.isnan(got[0]).all() and np.isfinite(got[1:]).all()
            scales = arrays[1].numpy().copy()
            scales[3, 0] = 255 if mode in ("mxfp4", "mxfp8") else 127 if mode == "nvfp4" else np.inf
            got = product(np.ones((m, 256), np.float32), (arrays[0], hr.array(scales), arrays[2]), True, group, bits, mode).numpy()
            assert not np.isfinite(got[:, 3]).any() and np.isfinite(np.delete(got, 3, 1)).all()


def gathered(x, values, lhs, rhs, transpose=True):
    x, values = x.reshape(-1, *x.shape[-2:]), values.reshape(-1, *values.shape[-2:])
    lhs, rhs = np.broadcast_arrays(lhs, rhs)
    return x[lhs], values[rhs]


@pytest.mark.parametrize("mode, group, bits", FEW_MODES)
@pytest.mark.parametrize("transpose", [True, False], ids=["nk", "kn"])
def test_gather_qmm(mode, group, bits, transpose):
    arrays, values, sizes = weights(mode, group, bits, (2, 3, 128, 128))
    for m in (1, 3, 18):
        x = matrix(hr.FLOAT32, -1, 1, 3, (5, m, 128))
        for lhs, rhs in (([0, 4, 2], [5, 0, 3]), ([[0], [3]], [1, 1, 2]), (1, 2), (-1, [-1, 0, -6]), ([2] * 30, [4] * 30),
                         (np.arange(24) % 5, np.sort(np.arange(24) % 6)), (np.zeros((0,), int), np.zeros((0,), int))):
            lhs, rhs = np.array(lhs, np.int32), np.array(rhs, np.int32)
            a, w = gathered(x, values, lhs, rhs)
            got = hr.gather_qmm(x, *arrays, lhs, rhs, transpose, group, bits, mode, False)
            close(got, a, w, gathered(x, sizes, lhs, rhs)[1], hr.FLOAT32, transpose)
            same = hr.gather_qmm(x, *arrays, hr.array(lhs, hr.INT64), hr.array(rhs, hr.INT8), transpose, group, bits, mode, True)
            np.testing.assert_array_equal(got.numpy(), same.numpy())


def test_gather_qmm_without_indices():
    arrays, values, sizes = weights("affine", 64, 4, (3, 24, 64))
    x = matrix(hr.FLOAT32, -1, 1, 3, (3, 2, 64))
    close(hr.gather_qmm(x, *arrays, None, None, True, 64, 4, "affine", False), x, values, sizes, hr.FLOAT32)
    lhs = np.array([2, 0, 0], np.uint32)
    close(hr.gather_qmm(x, *arrays, lhs, None, True, 64, 4, "affine", False), x[lhs], values, sizes, hr.FLOAT32)
    close(hr.gather_qmm(x[0], *arrays, None, lhs, True, 64, 4, "affine", False), np.stack([x[0]] * 3), values[lhs], sizes[lhs],
          hr.FLOAT32)
    flat, one, size = weights("affine", 64, 4, (24, 64))
    close(hr.gather_qmm(x, *flat, None, None, True, 64, 4, "affine", False), x, one, size, hr.FLOAT32)


@FLOATS
@pytest.mark.parametrize("mode, group, bits", FEW_MODES[3:])
def test_qqmm(dtype, mode, group, bits):
    for m, global_scales in ((1, None), (3, None), (40, None), (4, (3.5, 0.7))):
        if global_scales and mode != "nvfp4":
            continue
        gx, gw = (hr.array(np.float32(g)) for g in global_scales) if global_scales else (None, None)
        x, w = (hr.array(matrix(dtype, -1, 1, s, (n, 128)), dtype) for s, n in ((1, m), (2, 24)))
        both = []
        for a, g in ((x, gx), (w, gw)):
            words, scales = hr.quantize(a, group, bits, mode, g)
            both.append((words, scales, hr.dequantize(words, scales, None, group, bits, mode, g, hr.FLOAT32).numpy()))
        direct = hr.qqmm(x, w, None, group, bits, mode, gx, gw)
        close(direct, both[0][2], both[1][2], 2 * np.abs(both[1][2]), dtype)
        packed = hr.qqmm(x, both[1][0], both[1][1], group, bits, mode, gx, gw)
        np.testing.assert_array_equal(packed.numpy(), direct.numpy())
        if m == 1 and dtype == hr.FLOAT32:  # MLX has no other on the CPU
            theirs = mx.qqmm(mx.array(x.numpy()).astype(DTYPES[dtype]), mx.array(both[1][0].numpy()),
                             mx.array(both[1][1].numpy()), group, bits, mode)
            bound = 2 * 136 * 2.0**-24 * (np.abs(both[0][2]) @ np.abs(both[1][2]).T)
            assert (np.abs(np.array(theirs) - direct.numpy()) <= bound).all()
    row = hr.qqmm(hr.array(matrix(dtype, -1, 1, 1, (1, 128))[0], dtype), w, None, group, bits, mode, None, None)
    assert row.shape == (24,)


def test_errors():
    (words, scales, biases), _, _ = weights("affine", 64, 4, (24, 128))
    x = np.zeros((3, 128), np.float32)
    call = "quantized_matmul"
    fails(call + " 64 128 (24,16)", call, x[:, :64], words, scales, biases, True, 64, 4, "affine")
    fails(call + " 128 24", call, x, words, scales, biases, False, 64, 4, "affine")
    fails(call + " biases", call, x, words, scales, None, True, 64, 4, "affine")
    fails(call + " biases mxfp4", call, x, words, hr.array(np.zeros((24, 4), np.uint8)), biases, True, 32, 4, "mxfp4")
    fails(call + " float32 uint8", call, x, words, scales, None, True, 32, 4, "mxfp4")
    fails(call + " (24,1)", call, x, words, np.zeros((24, 1), np.float32), biases, True, 64, 4, "affine")
    fails(call + " (12,2)", call, x, words, np.zeros((12, 2), np.float32), np.zeros((12, 2), np.float32), True, 64, 4, "affine")
    fails(call + " 7", call, x, words, scales, biases, True, 64, 7, "affine")
    fails(call + " 16", call, x, words, scales, biases, True, 16, 4, "affine")
    fails(call + " 'int4'", call, x, words, scales, biases, True, 64, 4, "int4")
    fails(call + " float64", call, x.astype(np.float64), words, scales, biases, True, 64, 4, "affine")
    fails(call + " complex64", call, x.astype(np.complex64), words, scales, biases, True, 64, 4, "affine")
    fails(call + " scalar", call, np.float32(1), words, scales, biases, True, 64, 4, "affine")
    fails(call + " int32", call, x, hr.astype(words, hr.INT32), scales, biases, True, 64, 4, "affine")
    three, _, _ = weights("affine", 64, 4, (3, 24, 128))
    fails(call + " (3,24,16)", call, x, *three, True, 64, 4, "affine")
    fails("(2) (3)", call, np.zeros((2, 5, 128), np.float32), *three, True, 64, 4, "affine")
    call, rest = "gather_qmm", (True, 64, 4, "affine", False)
    lots = np.zeros((5, 2, 128), np.float32)
    fails(call + " 5 length", call, lots, *three, np.int32(5), np.int32(0), *rest)
    fails("rhs_indices -4", call, lots, *three, np.int32(0), np.int32(-4), *rest)
    fails(call + " float32", call, lots, *three, np.float32(0), np.int32(0), *rest)
    fails(call + " bool", call, lots, *three, np.int32(0), np.bool_(0), *rest)
    fails(call + " (2) (3)", call, lots, *three, np.zeros(2, np.int32), np.zeros(3, np.int32), *rest)
    fails(call + " (5) (3)", call, lots, *three, None, None, *rest)
    fails(call + " (128)", call, x[0], *three, np.int32(0), np.int32(0), *rest)
    w = np.zeros((24, 128), np.float32)
    fails("qqmm affine", "qqmm", x, w, None, None, None, "affine", None, None)
    fails("qqmm (3,24,128)", "qqmm", x, np.zeros((3, 24, 128), np.float32), None, None, None, "mxfp8", None, None)
    fails("qqmm w_scales", "qqmm", x, words, None, None, None, "nvfp4", None, None)
    fails("qqmm global", "qqmm", x, w, None, None, None, "nvfp4", np.float32(1), None)
    fails("qqmm global mxfp8", "qqmm", x, w, None, None, None, "mxfp8", np.float32(1), np.float32(1))
    fails("qqmm int32", "qqmm", x.astype(np.int32), w, None, None, None, "mxfp8", None, None)
    fails("qqmm 64 128", "qqmm", x[:, :64], w, None, None, None, "mxfp8", None, None)
